//! What every [`KeyManager`] and every [`AsyncKeyManager`] must do: a suite that its author runs. Feature `conformance`.
//!
//! [`check`] is for those that block, [`check_async`] for those that are awaited, in whatever runtime they need. Both ask by
//! one list of rules.
//!
//! ```
//! use longhand::conformance::{Subject, check};
//! use longhand::{Certificate, KeyManager, MemoryKeyManager};
//!
//! /// How the suite gets at the key manager under test.
//! struct Memory;
//!
//! impl Subject for Memory {
//!     fn with(&self, stored: &[(&str, Certificate)]) -> Box<dyn KeyManager> {
//!         Box::new(stored.iter().cloned().collect::<MemoryKeyManager>())
//!     }
//! }
//!
//! # let certificates = ["walkthrough/glance/certs/cd7cc675-e573-419c-8fff-33a72734a243.crt",
//! #     "walkthrough/redhat/certs/c647b052-418e-5f5d-8f7c-ebed2f4406a5.crt"];
//! # let read = |name: &str| Certificate::from_bytes(&std::fs::read(format!("test-vectors/{name}")).unwrap()).unwrap();
//! # let [first, second] = certificates.map(read);
//! let violations = check(&Memory, &first, &second).err().unwrap_or_default(); // with any two certificates
//! assert!(violations.is_empty(), "{violations:?}");
//! ```

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::flight::{Flight, block_on};
use super::{AsyncKeyManager, Blocking, BoxFuture, KeyManager, KeyManagerError, Outcome};
use crate::certificate::Certificate;
use crate::code::Disposition;
use crate::excerpt::Excerpt;

/// A kind of key manager under test.
pub trait Subject {
    /// A key manager that holds exactly these certificates. The ids are UUIDs.
    fn with(&self, stored: &[(&str, Certificate)]) -> Box<dyn KeyManager>;
}

/// A kind of key manager under test that is awaited.
///
/// ```
/// use longhand::conformance::{AsyncSubject, check_async};
/// use longhand::{AsyncKeyManager, Blocking, BoxFuture, Certificate, MemoryKeyManager};
///
/// struct Memory;
///
/// impl AsyncSubject for Memory {
///     fn with<'a>(&'a self, stored: &'a [(&'a str, Certificate)]) -> BoxFuture<'a, Box<dyn AsyncKeyManager>> {
///         Box::pin(async move {
///             let memory: MemoryKeyManager = stored.iter().cloned().collect();
///             Box::new(Blocking::in_place(memory)) as Box<dyn AsyncKeyManager>
///         })
///     }
/// }
///
/// # let certificates = ["walkthrough/glance/certs/cd7cc675-e573-419c-8fff-33a72734a243.crt",
/// #     "walkthrough/redhat/certs/c647b052-418e-5f5d-8f7c-ebed2f4406a5.crt"];
/// # let read = |name: &str| Certificate::from_bytes(&std::fs::read(format!("test-vectors/{name}")).unwrap()).unwrap();
/// # let [first, second] = certificates.map(read);
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let violations = check_async(&Memory, &first, &second).await.err().unwrap_or_default();
/// assert!(violations.is_empty(), "{violations:?}");
/// # });
/// ```
pub trait AsyncSubject {
    /// A key manager that holds exactly these certificates. The ids are UUIDs.
    fn with<'a>(&'a self, stored: &'a [(&'a str, Certificate)]) -> BoxFuture<'a, Box<dyn AsyncKeyManager>>;
}

/// A rule that a key manager broke.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Violation {
    /// The rule, as a statement.
    pub rule: &'static str,
    /// What happened instead.
    pub found: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; found: {}", self.rule, self.found)
    }
}

impl std::error::Error for Violation {}

const FIRST: &str = "7c0f4a1e-52d5-4f0b-9d0a-6d3f0e1b2a31";
const SECOND: &str = "e2b9d6c4-0a77-4c35-8b1e-94c5a8f7d602";
const ABSENT: &str = "00000000-0000-4000-8000-000000000000";

/// Ids that a tenant may send and that no key manager may follow: no certificate, no panic, no wait.
const HOSTILE: [&str; 14] = [
    "",
    ".",
    "..",
    "../7c0f4a1e-52d5-4f0b-9d0a-6d3f0e1b2a31",
    "../../sys/mounts",
    "/etc/passwd",
    "7c0f4a1e-52d5-4f0b-9d0a-6d3f0e1b2a31/../e2b9d6c4-0a77-4c35-8b1e-94c5a8f7d602",
    "7c0f4a1e-52d5-4f0b-9d0a-6d3f0e1b2a31\0",
    "7c0f4a1e-52d5-4f0b-9d0a-6d3f0e1b2a31\r\nX-Header: 1",
    "7c0f4a1e-52d5-4f0b-9d0a-6d3f0e1b2a31?x=1",
    "7c0f4a1e-52d5-4f0b-9d0a-6d3f0e1b2a31#x",
    "%2e%2e%2fsecret",
    "a\\b",
    "\u{202e}x",
];

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs every rule of the suite on a key manager that is given `first` and `second`, two different certificates.
///
/// # Errors
/// All the [`Violation`]s found.
pub fn check(subject: &dyn Subject, first: &Certificate, second: &Certificate) -> Result<(), Vec<Violation>> {
    let stored: Arc<dyn KeyManager> =
        subject.with(&[(FIRST, first.clone()), (SECOND, second.clone())]).into();
    let [full, empty] = [stored.clone(), subject.with(&[]).into()].map(Blocking::in_place);
    let mut report = Report::default();
    block_on(report.answers(&full, &empty, first, second));
    report.rule("threads may ask at once", serves_threads(&*stored, first, second));
    report.verdict()
}

/// The same for a key manager that is awaited, with what only those can break.
///
/// An answer may take five seconds; one that takes longer is taken for one that never comes.
///
/// # Errors
/// All the [`Violation`]s found.
pub async fn check_async(
    subject: &dyn AsyncSubject,
    first: &Certificate,
    second: &Certificate,
) -> Result<(), Vec<Violation>> {
    let full = subject.with(&[(FIRST, first.clone()), (SECOND, second.clone())]).await;
    let empty = subject.with(&[]).await;
    let mut report = Report::default();
    report.answers(&*full, &*empty, first, second).await;
    report.rule("one task may ask for several at once", serves_at_once(&*full, first, second).await);
    report.rule("a call that is dropped changes nothing", survives_drops(&*full, first).await);
    report.rule("the waker of the last poll is woken", wakes_the_last(&*full, first).await);
    report.verdict()
}

#[derive(Default)]
struct Report(Vec<Violation>);

impl Report {
    fn rule(&mut self, rule: &'static str, outcome: Result<(), String>) {
        self.0.extend(outcome.err().map(|found| Violation { rule, found }));
    }

    /// The rules on what is answered.
    async fn answers(
        &mut self,
        full: &dyn AsyncKeyManager,
        empty: &dyn AsyncKeyManager,
        first: &Certificate,
        second: &Certificate,
    ) {
        for (id, certificate) in [(FIRST, first), (SECOND, second), (FIRST, first)] {
            let outcome = is(id, certificate, answer(full, id).await);
            self.rule("each id gives its own certificate, every time", outcome);
        }
        for (key_manager, id) in [(full, ABSENT), (empty, FIRST)] {
            let outcome = is_not_found(id, answer(key_manager, id).await);
            self.rule("an id that nothing is stored under is not found, which is final", outcome);
        }
        for id in HOSTILE {
            self.rule("a hostile id gives an error", is_nothing(id, answer(full, id).await));
        }
        let long = "x".repeat(100_000);
        let outcome = is_nothing(&long, answer(full, &long).await);
        self.rule("an id of any length gives an error, which shows little of it", outcome);
    }

    fn verdict(self) -> Result<(), Vec<Violation>> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }
}

/// What the key manager gives; `None` if it takes too long.
async fn answer(key_manager: &dyn AsyncKeyManager, id: &str) -> Option<Outcome> {
    in_time(key_manager.certificate(id)).await
}

fn is(id: &str, certificate: &Certificate, answer: Option<Outcome>) -> Result<(), String> {
    match answer {
        Some(Ok(stored)) if stored.certificate == *certificate => Ok(()),
        other => Err(format!("{id}: {}", shown(&other))),
    }
}

fn is_not_found(id: &str, answer: Option<Outcome>) -> Result<(), String> {
    match answer {
        Some(Err(error @ KeyManagerError::NotFound { .. }))
            if error.disposition() == Disposition::Final && error.id().as_str() == id =>
        {
            Ok(())
        }
        other => Err(format!("{id}: {}", shown(&other))),
    }
}

fn is_nothing(id: &str, answer: Option<Outcome>) -> Result<(), String> {
    let error = match answer {
        Some(Err(error)) => error.to_string(),
        other => return Err(format!("{:?} gave {}", Excerpt::new(id), shown(&other))),
    };
    match error.contains(char::is_control) {
        _ if error.len() > 4096 => Err("a message of more than 4 KiB".to_owned()),
        true => Err(format!("a control character in {error:?}")),
        false => Ok(()),
    }
}

fn shown(answer: &Option<Outcome>) -> String {
    match answer {
        None => format!("no answer in {} s", PATIENCE.as_secs()),
        Some(answer) => format!("{answer:?}"),
    }
}

/// Eight questions for two certificates.
fn questions<'a>(
    first: &'a Certificate,
    second: &'a Certificate,
) -> impl Iterator<Item = (&'static str, &'a Certificate)> {
    [(FIRST, first), (SECOND, second)].into_iter().cycle().take(8)
}

fn serves_threads(
    key_manager: &dyn KeyManager,
    first: &Certificate,
    second: &Certificate,
) -> Result<(), String> {
    std::thread::scope(|scope| {
        let asked: Vec<_> = questions(first, second)
            .map(|(id, certificate)| {
                scope.spawn(move || is(id, certificate, Some(key_manager.certificate(id))))
            })
            .collect();
        asked.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| Err("a panic".to_owned())))
    })
}

async fn serves_at_once(
    key_manager: &dyn AsyncKeyManager,
    first: &Certificate,
    second: &Certificate,
) -> Result<(), String> {
    let mut asked: Vec<_> = questions(first, second)
        .map(|(id, certificate)| (id, certificate, Box::pin(answer(key_manager, id))))
        .collect();
    let mut found = Ok(());
    std::future::poll_fn(|context| {
        asked.retain_mut(|(id, certificate, answer)| match answer.as_mut().poll(context) {
            Poll::Pending => true,
            Poll::Ready(answer) => {
                if found.is_ok() {
                    found = is(id, certificate, answer);
                }
                false
            }
        });
        if asked.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    found
}

async fn survives_drops(key_manager: &dyn AsyncKeyManager, first: &Certificate) -> Result<(), String> {
    for polls in 1..=3_u32 {
        let (mut dropped, mut left) = (key_manager.certificate(FIRST), polls);
        let polled = std::future::poll_fn(|context| {
            left = left.saturating_sub(1);
            let answered = dropped.as_mut().poll(context).is_ready();
            if answered || left == 0 { Poll::Ready(()) } else { Poll::Pending }
        });
        let _: Option<()> = in_time(polled).await;
        drop(dropped);
        is(FIRST, first, answer(key_manager, FIRST).await)
            .map_err(|found| format!("after {polls} polls: {found}"))?;
    }
    Ok(())
}

async fn wakes_the_last(key_manager: &dyn AsyncKeyManager, first: &Certificate) -> Result<(), String> {
    let mut moved = key_manager.certificate(FIRST);
    let polled = moved.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    let answer = match polled {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => in_time(moved).await,
    };
    is(FIRST, first, answer)
}

/// What a future gives, unless it takes too long. The clock is a thread, which there is only if the future waits at all.
async fn in_time<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let (mut alarm, rung) = (None, Arc::new(Flight::default()));
    let mut late = pin!(rung.landing());
    std::future::poll_fn(|context| {
        // First, so that the alarm does not wake what was never woken.
        if late.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        let polled = future.as_mut().poll(context).map(Some);
        if polled.is_pending() && alarm.is_none() {
            alarm = Some(set_alarm(rung.clone()));
        }
        polled
    })
    .await
}

/// Ends the flight when the time has passed, or at once when what is returned is dropped.
fn set_alarm(flight: Arc<Flight>) -> Sender<()> {
    let (in_time, ended) = channel();
    std::thread::spawn(move || {
        let _: Result<(), _> = ended.recv_timeout(PATIENCE);
        flight.lose();
    });
    in_time
}
