//! What is logged, by us and by the crates below us, with all of their logs built in: never a credential. A test alone in its
//! process, because the log is of the whole process.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

mod common;

use std::sync::Mutex;

use common::*;
use log::{LevelFilter, Log, Metadata, Record};
use longhand_barbican::{Credentials, Token};
use longhand_test_server::Server;
use serde_json::json;

static LOGGED: Mutex<String> = Mutex::new(String::new());

struct Everything;

impl Log for Everything {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let mut logged = LOGGED.lock().unwrap();
        logged.push_str(&format!("{} {}: {}\n", record.level(), record.target(), record.args()));
    }

    fn flush(&self) {}
}

// Longer than a line of a dump, of which there are 16 octets in most.
const PASSWORD: &str = "correct-horse-battery-staple-0123456789";
const HELD: &str = "gAAAAABthe-token-of-the-service-0123456789";
const SERVICE: &str = "gAAAAABthe-service-token-beside-it-0123456789";
const GRANTED: &str = "gAAAAABthe-token-that-keystone-gave-0123456789";

#[test]
fn no_credential_is_logged_at_any_level() {
    log::set_logger(&Everything).unwrap();
    log::set_max_level(LevelFilter::Trace);
    let keystone = Server::start(|_| token(GRANTED, 3600, &json!([])));
    let barbican = barbican_for(Stored::default().secret(SECRET, pem(0)), |token| token == GRANTED);
    let held: Credentials<()> = Token::new(HELD).service_token(SERVICE).into();
    for over in BOTH {
        let auth_url = format!("{}/v3", keystone.url());
        let session = With::Session { auth_url, login: password_login(PASSWORD) };
        assert!(over.fetch(&barbican.url(), session, &[SECRET])[0].is_ok());
        assert!(over.fetch(&barbican.url(), With::Credentials(held.clone()), &[SECRET])[0].is_err());
    }
    let logged = LOGGED.lock().unwrap();
    assert!(logged.contains("hyper_util::"), "nothing of hyper_util was logged: {logged}");
    let text = logged.to_lowercase();
    for secret in [PASSWORD, HELD, SERVICE, GRANTED] {
        for shown in traces(secret) {
            assert!(!text.contains(&shown), "{shown} in {text}");
        }
    }
}

/// What a log would hold of a secret: its beginning, and octets of its middle as numbers and in hexadecimal.
fn traces(secret: &str) -> [String; 5] {
    let octets = &secret.as_bytes()[18..24];
    let hexadecimal: Vec<_> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    let numbers: Vec<_> = octets.iter().map(u8::to_string).collect();
    [
        secret[..16].to_lowercase(),
        numbers.join(", "),
        hexadecimal.concat(),
        hexadecimal.join(" "),
        hexadecimal.join(", "),
    ]
}
