//! What every [`KeyManager`] must do: a suite that its author runs. Feature `conformance`.
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
use std::sync::Arc;

use super::{KeyManager, KeyManagerError};
use crate::certificate::Certificate;
use crate::code::Disposition;

/// A kind of key manager under test.
pub trait Subject {
    /// A key manager that holds exactly these certificates. The ids are UUIDs.
    fn with(&self, stored: &[(&str, Certificate)]) -> Box<dyn KeyManager>;
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

/// Runs every rule of the suite on a key manager that is given `first` and `second`, two different certificates.
///
/// # Errors
/// All the [`Violation`]s found.
pub fn check(subject: &dyn Subject, first: &Certificate, second: &Certificate) -> Result<(), Vec<Violation>> {
    let stored = subject.with(&[(FIRST, first.clone()), (SECOND, second.clone())]);
    let empty = subject.with(&[]);
    let key_manager: Arc<dyn KeyManager> = Arc::from(stored);
    let mut violations = Vec::new();
    let mut rule = |rule: &'static str, outcome: Result<(), String>| {
        violations.extend(outcome.err().map(|found| Violation { rule, found }));
    };
    for (id, certificate) in [(FIRST, first), (SECOND, second), (FIRST, first)] {
        rule("each id gives its own certificate, every time", gives(&*key_manager, id, certificate));
    }
    for (key_manager, id) in [(&*key_manager, ABSENT), (&*empty, FIRST)] {
        rule(
            "an id that nothing is stored under is not found, which is final",
            is_not_found(key_manager, id),
        );
    }
    for id in HOSTILE {
        rule("a hostile id gives an error", gives_nothing(&*key_manager, id));
    }
    let long = "x".repeat(100_000);
    rule("an id of any length gives an error, which shows little of it", gives_nothing(&*key_manager, &long));
    rule("threads may ask at once", serves_threads(&key_manager, first, second));
    if violations.is_empty() { Ok(()) } else { Err(violations) }
}

fn gives(key_manager: &dyn KeyManager, id: &str, certificate: &Certificate) -> Result<(), String> {
    match key_manager.certificate(id) {
        Ok(stored) if stored.certificate == *certificate => Ok(()),
        other => Err(format!("{id}: {other:?}")),
    }
}

fn is_not_found(key_manager: &dyn KeyManager, id: &str) -> Result<(), String> {
    match key_manager.certificate(id) {
        Err(error @ KeyManagerError::NotFound { .. })
            if error.disposition() == Disposition::Final && error.id().as_str() == id =>
        {
            Ok(())
        }
        other => Err(format!("{id}: {other:?}")),
    }
}

fn gives_nothing(key_manager: &dyn KeyManager, id: &str) -> Result<(), String> {
    match key_manager.certificate(id) {
        Ok(stored) => Err(format!("{id:?} gave {stored:?}")),
        Err(error) if error.to_string().len() > 4096 => Err("a message of more than 4 KiB".to_owned()),
        Err(error) if error.to_string().contains(char::is_control) => {
            Err(format!("a control character in {:?}", error.to_string()))
        }
        Err(_) => Ok(()),
    }
}

fn serves_threads(
    key_manager: &Arc<dyn KeyManager>,
    first: &Certificate,
    second: &Certificate,
) -> Result<(), String> {
    std::thread::scope(|scope| {
        let asked: Vec<_> = [(FIRST, first), (SECOND, second)]
            .into_iter()
            .cycle()
            .take(8)
            .map(|(id, certificate)| scope.spawn(move || gives(&**key_manager, id, certificate)))
            .collect();
        asked.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| Err("a panic".to_owned())))
    })
}
