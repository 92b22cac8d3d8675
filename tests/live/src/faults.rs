//! What goes wrong between a service and those who ask it, and what must come of it.

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use longhand::KeyManager;
use longhand_test_server::Answer;

use crate::{Forwarded, Proxy, Ways, one_of, setting};

/// What a proxy makes of an answer, told how many requests came before.
type Meddling = fn(usize, Forwarded) -> Answer;

/// Answers that are cut, garbage or 503: with a fault that passes the certificate under `id` is given, after as many
/// requests as it takes; with one that stays it is unavailable, after a bounded number.
///
/// # Panics
/// If it is not so.
pub fn survived(service: &str, id: &str, ways: &dyn Fn(&str) -> Ways) {
    let cases: [(&str, Meddling, Option<usize>); 6] = [
        (
            "cut in the middle",
            |number, answer| if number == 0 { cut(answer) } else { answer.into() },
            Some(2),
        ),
        ("always cut in the middle", |_, answer| cut(answer), None),
        ("garbage", |number, answer| if number == 0 { Answer::garbage() } else { answer.into() }, Some(2)),
        ("always garbage", |_, _| Answer::garbage(), None),
        ("503 twice", |number, answer| if number < 2 { Answer::empty(503) } else { answer.into() }, Some(3)),
        ("always 503", |_, _| Answer::empty(503), None),
    ];
    for (case, meddling, requests) in cases {
        for way in 0..2 {
            let proxy = Proxy::meddling(service, meddling);
            let (way, key_manager) = one_of(ways(&proxy.url()), way);
            let outcome = key_manager.certificate(id);
            let asked = proxy.count();
            match requests {
                Some(requests) => {
                    assert!(outcome.is_ok(), "{case}, {way}: {outcome:?}");
                    assert_eq!(asked, requests, "{case}, {way}");
                }
                None => {
                    let code = outcome.as_ref().err().map(|error| error.code().name());
                    assert_eq!(code, Some("key_manager_unavailable"), "{case}, {way}: {outcome:?}");
                    assert!((1..=10).contains(&asked), "{case}, {way}: {asked} requests");
                }
            }
        }
    }
}

/// Answers that trickle: waited for where they come to an end in time; where they do not, given up in time.
///
/// # Panics
/// If it is not so.
pub fn waited_for(service: &str, id: &str, ways: &dyn Fn(&str) -> Ways) {
    for (pause, in_time) in [(Duration::from_micros(200), true), (Duration::from_millis(100), false)] {
        let proxy = Proxy::meddling(service, move |_, answer| {
            Answer::trickling(answer.status, answer.content_type(), answer.body.clone(), pause)
        });
        for (way, key_manager) in ways(&proxy.url()) {
            let begun = Instant::now();
            let outcome = key_manager.certificate(id);
            let code = outcome.as_ref().err().map(|error| error.code().name());
            assert_eq!(
                code,
                (!in_time).then_some("key_manager_unavailable"),
                "{way}, {pause:?}: {outcome:?}"
            );
            assert!(begun.elapsed() < crate::ways::DEADLINE + Duration::from_secs(2), "{way}, {pause:?}");
        }
    }
}

/// A proxy that kills the service, a process whose id is the setting of this name, when it has answered so many requests.
///
/// # Panics
/// In the proxy, if the process cannot be killed.
pub fn killing(service: &str, process: &str, answered: usize) -> Proxy {
    let process = Arc::new(Mutex::new(Some(setting(process))));
    Proxy::meddling(service, move |number, answer| {
        let due = process.lock().ok().filter(|_| number == answered).and_then(|mut process| process.take());
        if let Some(process) = due {
            let killed = Command::new("sh").args(["-c", "kill -KILL \"$0\"", &process]).status();
            assert!(killed.is_ok_and(|status| status.success()), "the service cannot be killed");
        }
        answer.into()
    })
}

fn cut(answer: Forwarded) -> Answer {
    Answer::cut(answer.status, answer.content_type(), answer.body.clone(), 100)
}
