//! Several certificates at once: `ImageVerifier::begin_async` and `TrustStore::from_async_key_manager`.

use std::collections::BTreeMap;

use longhand::limits::{MAX_CONCURRENT_FETCHES, MAX_TRUSTED_CERTIFICATES, MAX_TRUSTED_IDS};
use longhand::{
    Blocking, Decision, DirectoryKeyManager, ImageError, ImageRequest, ImageVerifier, KeyManager as _,
    KeyManagerError, TrustStore, VerificationPolicy,
};

use crate::common::chain::time;
use crate::common::executor::{run, run_at_most, run_restlessly};
use crate::common::vectors;
use crate::scripted::{Line, Outcome, Scripted};

const SIGNER: &str = "125e6199-2de4-46e3-b091-8e2401ef0d63";
const TRUSTED: [&str; 3] = [
    "0b5d2c72-12cc-4ba6-a8d7-3ff5cc1d8cb8",
    "674736e3-f25c-405c-8362-bbf991e0ce0a",
    "8fbcce5d-d646-4295-ba8a-269fc9451eeb",
];

fn directory() -> DirectoryKeyManager {
    DirectoryKeyManager::new(vectors().join("walkthrough/nova/certs"))
}

fn request<'i>(ids: impl IntoIterator<Item = &'i String>) -> ImageRequest {
    let file = std::fs::read(vectors().join("walkthrough/nova/properties.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&file).unwrap();
    let texts = record["properties"].as_object().unwrap().iter();
    let properties: BTreeMap<_, _> =
        texts.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
    ImageRequest::new("image", properties).trusted_ids(ids).at(time("2030-01-01T00:00:00Z"))
}

/// What a caller can see of a decision.
fn seen(decision: Result<Decision, ImageError>) -> String {
    match decision {
        Ok(Decision::Verify(verification)) => format!("{:?}", verification.chain()),
        Ok(other) => other.to_string(),
        Err(error) => format!("{:?} {error}", error.code()),
    }
}

fn seen_store(store: Result<TrustStore, longhand::TrustError>) -> String {
    format!("{store:?}")
}

/// A small generator: the cases are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn outcome(&mut self, id: &str, good: &Outcome) -> Outcome {
        match self.roll(24) {
            0 => Err(KeyManagerError::not_found(id)),
            1 => Err(KeyManagerError::forbidden(id, "403")),
            2 => Err(KeyManagerError::unavailable(id, "timeout")),
            3 => Err(KeyManagerError::misconfigured(id, "no endpoint")),
            _ => good.clone(),
        }
    }
}

#[test]
fn the_verdict_and_the_early_stop_are_those_of_asking_in_turn_whatever_the_order_of_answers() {
    let (images, directory, mut dice) = (ImageVerifier::builder().build(), directory(), Dice(7));
    let (mut stopped, mut verified) = (0, 0);
    for case in 0..300 {
        let others = dice.roll(30);
        let ids: Vec<_> =
            TRUSTED.map(str::to_owned).into_iter().chain((0..others).map(|n| format!("other{n}"))).collect();
        let script = ids.iter().map(String::as_str).chain([SIGNER]).map(|id| {
            let outcome = dice.outcome(id, &directory.certificate(id));
            (id.to_owned(), Line { after: dice.roll(6) as usize, outcome })
        });
        let script: Vec<_> = script.collect();
        let (in_turn, at_once) = (Scripted::new(script.clone()), Scripted::new(script));
        at_once.look(|state| state.needed = Some(SIGNER.to_owned()));

        let expected = seen(images.begin(&in_turn, request(&ids)));
        let future = images.begin_async(&at_once, request(&ids));
        let found = if case % 2 == 0 { run(future) } else { run_restlessly(future) };
        assert_eq!(seen(found), expected, "case {case}");

        let necessary = in_turn.look(|state| state.asked.clone());
        at_once.look(|state| {
            assert_eq!(state.asked_in_vain, [""; 0], "case {case}: asked after an answer that ended it");
            assert_eq!(state.under_way, 0);
            assert_eq!(state.asked[..necessary.len()], necessary, "each once, the signer's first");
            assert!(state.asked.len() <= ids.len() + 1);
        });
        stopped += usize::from(necessary.len() <= ids.len());
        verified += usize::from(!expected.contains("failed"));

        let expected = seen_store(TrustStore::from_key_manager(&in_turn, &ids));
        assert_eq!(seen_store(run(TrustStore::from_async_key_manager(&at_once, &ids))), expected);
    }
    assert!(stopped > 50 && verified > 50, "the cases are of every kind: {stopped}, {verified}");
}

#[test]
fn at_most_so_many_are_asked_for_at_once_and_the_next_when_one_has_come() {
    for (count, most) in [
        (1, 1),
        (MAX_CONCURRENT_FETCHES, MAX_CONCURRENT_FETCHES),
        (MAX_CONCURRENT_FETCHES + 1, MAX_CONCURRENT_FETCHES),
        (MAX_TRUSTED_CERTIFICATES, MAX_CONCURRENT_FETCHES),
    ] {
        let ids: Vec<_> = (0..count).map(|number| format!("id{number}")).collect();
        let line = |id: &String| Line { after: 3, outcome: Err(KeyManagerError::not_found(id)) };
        let scripted = Scripted::new(ids.iter().map(|id| (id.clone(), line(id))));
        let mut future = std::pin::pin!(TrustStore::from_async_key_manager(&scripted, &ids));
        assert!(run_at_most(future.as_mut(), 2).is_none());
        assert_eq!(scripted.look(|state| state.asked.len()), most);
        assert_eq!(run(future).unwrap().skipped().len(), count);
        assert_eq!(scripted.look(|state| (state.most_under_way, state.asked.len())), (most, count));
    }
    let ids: Vec<_> = (0..=MAX_TRUSTED_CERTIFICATES).map(|number| number.to_string()).collect();
    let scripted = Scripted::default();
    for ids in [&ids[..], &[], &[String::new()]] {
        let expected = seen_store(TrustStore::from_key_manager(&scripted, ids));
        assert_eq!(seen_store(run(TrustStore::from_async_key_manager(&scripted, ids))), expected);
    }
    assert_eq!(scripted.look(|state| state.asked.len()), 0, "refused before anything is asked");
}

#[test]
fn what_no_longer_matters_is_dropped_and_what_may_still_decide_is_waited_for() {
    let ids: Vec<_> = (0..MAX_TRUSTED_IDS).map(|number| format!("id{number}")).collect();
    let slow = |id: &str, after, error: KeyManagerError| (id.to_owned(), Line { after, outcome: Err(error) });
    let others = ids.iter().map(|id| slow(id, 6, KeyManagerError::not_found(id)));
    let scripted = Scripted::new(others.chain([
        slow(SIGNER, 4, KeyManagerError::not_found(SIGNER)),
        slow("id3", 1, KeyManagerError::unavailable("id3", "503")),
    ]));
    let images = ImageVerifier::builder().build();
    let error = run(images.begin_async(&scripted, request(&ids))).unwrap_err();
    assert_eq!(
        error.code().name(),
        "certificate_not_found",
        "as in turn: the signer's certificate comes first"
    );
    scripted.look(|state| {
        assert_eq!(state.answered, ["id3", SIGNER], "the rest was dropped");
        assert_eq!((state.asked.len(), state.under_way), (MAX_CONCURRENT_FETCHES, 0));
    });
}

#[test]
fn a_future_that_is_dropped_anywhere_drops_what_it_asked_for_and_has_no_later_effect() {
    let ids = TRUSTED.map(str::to_owned);
    let line = |after, id: &str| (id.to_owned(), Line { after, outcome: directory().certificate(id) });
    let script = [line(3, SIGNER), line(1, TRUSTED[0]), line(2, TRUSTED[1]), line(5, TRUSTED[2])];
    let scripted = Scripted::new(script);
    let images = ImageVerifier::builder().build();
    let mut polls = 0;
    loop {
        let dropped = run_at_most(images.begin_async(&scripted, request(&ids)), polls).is_none();
        assert_eq!(scripted.look(|state| state.under_way), 0, "after {polls} polls");
        if !dropped {
            break;
        }
        polls += 1;
        let asked = scripted.look(|state| state.asked.len());
        std::thread::yield_now();
        assert_eq!(scripted.look(|state| state.asked.len()), asked);
    }
    assert!((6..40).contains(&polls), "{polls}");
}

#[test]
fn a_policy_that_asks_for_nothing_fetches_nothing() {
    let scripted = Scripted::default();
    let unsigned = || ImageRequest::new("id", [("os_type", "linux")]);
    let glance = ImageVerifier::builder().policy(VerificationPolicy::glance()).build();
    assert!(matches!(run(glance.begin_async(&scripted, unsigned())), Ok(Decision::NotRequired(_))));
    let trusted = ImageVerifier::builder().build();
    assert!(run(trusted.begin_async(&scripted, unsigned())).is_err());
    assert_eq!(scripted.look(|state| state.asked.len()), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_of_a_runtime_decide_side_by_side() {
    let images = ImageVerifier::builder().build();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (images, ids) = (images.clone(), TRUSTED.map(str::to_owned));
            tokio::spawn(async move {
                let key_manager = Blocking::new(directory(), |work| {
                    tokio::task::spawn_blocking(work);
                });
                seen(images.begin_async(&key_manager, request(&ids)).await)
            })
        })
        .collect();
    let expected = seen(images.begin(&directory(), request(&TRUSTED.map(str::to_owned))));
    for task in tasks {
        assert_eq!(task.await.unwrap(), expected);
    }
}
