//! What is logged, by us and by the crates below us: for tests that no credential is.

use std::sync::{Mutex, PoisonError};

use log::{LevelFilter, Log, Metadata, Record};

static LOGGED: Mutex<String> = Mutex::new(String::new());

struct Everything;

impl Log for Everything {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let line = format!("{} {}: {}\n", record.level(), record.target(), record.args());
        LOGGED.lock().unwrap_or_else(PoisonError::into_inner).push_str(&line);
    }

    fn flush(&self) {}
}

/// Keeps all that is logged from now on, at every level. The log is of the whole process: such a test is alone in its own.
///
/// # Panics
/// If somebody else has taken the log.
#[allow(clippy::expect_used, reason = "a test without its log has to fail")]
pub fn keep() {
    log::set_logger(&Everything).expect("a log that nobody has taken");
    log::set_max_level(LevelFilter::Trace);
}

/// What was logged so far.
#[must_use]
pub fn so_far() -> String {
    LOGGED.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The first form in which a text holds one of these secrets: its beginning, or octets of its middle as numbers or in
/// hexadecimal. Dumps break their lines after 16 octets or so: a secret has 24 at least.
///
/// # Panics
/// If a secret is shorter: it could be missed.
#[must_use]
pub fn trace_of(secrets: &[&str], text: &str) -> Option<String> {
    let text = text.to_lowercase();
    secrets.iter().flat_map(|secret| forms(secret)).find(|form| text.contains(form))
}

#[allow(clippy::expect_used, reason = "a test with such a secret has to fail")]
fn forms(secret: &str) -> [String; 5] {
    let beginning = secret.get(..16).expect("a secret of 24 characters or more");
    let middle = secret.as_bytes().get(18..24).expect("a secret of 24 characters or more");
    let hexadecimal: Vec<_> = middle.iter().map(|octet| format!("{octet:02x}")).collect();
    let numbers: Vec<_> = middle.iter().map(u8::to_string).collect();
    [
        beginning.to_lowercase(),
        numbers.join(", "),
        hexadecimal.concat(),
        hexadecimal.join(" "),
        hexadecimal.join(", "),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_whatever_form_it_was_logged() {
        const SECRET: &str = "gAAAAABtoken-of-a-request-0123456789";
        let octets = SECRET.as_bytes();
        let hexadecimal: Vec<_> = octets.iter().map(|octet| format!("{octet:02X}")).collect();
        for text in [
            format!("X-Auth-Token: {SECRET}"),
            SECRET.chars().take(16).collect(),
            SECRET.to_uppercase(),
            format!("{octets:?}"),
            format!("{octets:x?}"),
            hexadecimal.concat(),
            hexadecimal.join(" "),
        ] {
            assert!(trace_of(&["another-secret-of-a-request", SECRET], &text).is_some(), "{text}");
        }
        assert_eq!(trace_of(&[SECRET], "gAAAAAB and nothing else"), None);
    }
}
