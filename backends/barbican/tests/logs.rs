//! What is logged by the crates below us: no credential, but for the one dump that is named here. A test alone in its process, because the log is of the whole
//! process.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

mod common;

use std::sync::Mutex;

use common::*;
use log::{LevelFilter, Log, Metadata, Record};
use longhand_barbican::{Credentials, Token};
use serde_json::json;

static LOGGED: Mutex<String> = Mutex::new(String::new());

struct Everything;

impl Log for Everything {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        // A dump of every octet that ureq sends, for whoever turns on TRACE for this target: the README warns of it.
        if record.target() == "ureq_proto::util" {
            return;
        }
        let mut logged = LOGGED.lock().unwrap();
        logged.push_str(&format!("{} {}: {}\n", record.level(), record.target(), record.args()));
    }

    fn flush(&self) {}
}

#[test]
fn no_credential_is_logged_but_in_ureqs_dump_of_octets() {
    log::set_logger(&Everything).unwrap();
    log::set_max_level(LevelFilter::Trace);
    let keystone = keystone(3600, &json!([]));
    let barbican =
        barbican_for(Stored::default().secret(SECRET, pem(0)), |token| token.starts_with("token-"));
    let held: Credentials<()> = Token::new(TOKEN).service_token("gAAAAABservice").into();
    for over in BOTH {
        assert!(
            over.fetch(&barbican.url(), keystone.login(PASSWORD), &[SECRET])[0].is_ok()
                || keystone.logins() > 1
        );
        assert!(over.fetch(&barbican.url(), With::Credentials(held.clone()), &[SECRET])[0].is_err());
    }
    let logged = LOGGED.lock().unwrap();
    assert!(logged.contains("ureq"), "nothing was logged at all: {logged}");
    for secret in [PASSWORD, "token-1", "token-2", "gAAAAA"] {
        assert!(!logged.contains(secret), "{secret} in {logged}");
    }
}
