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

use common::*;
use longhand_barbican::{Credentials, Token};
use longhand_test_server::{Server, logged};
use serde_json::json;

// Longer than a line of a dump, of which there are 16 octets in most.
const PASSWORD: &str = "correct-horse-battery-staple-0123456789";
const HELD: &str = "gAAAAABthe-token-of-the-service-0123456789";
const SERVICE: &str = "gAAAAABthe-service-token-beside-it-0123456789";
const GRANTED: &str = "gAAAAABthe-token-that-keystone-gave-0123456789";

#[test]
fn no_credential_is_logged_at_any_level() {
    logged::keep();
    let keystone = Server::start(|_| token(GRANTED, 3600, &json!([])));
    let barbican = barbican_for(Stored::default().secret(SECRET, pem(0)), |token| token == GRANTED);
    let held: Credentials<()> = Token::new(HELD).service_token(SERVICE).into();
    for over in BOTH {
        let auth_url = format!("{}/v3", keystone.url());
        let session = With::Session { auth_url, login: password_login(PASSWORD) };
        assert!(over.fetch(&barbican.url(), session, &[SECRET])[0].is_ok());
        assert!(over.fetch(&barbican.url(), With::Credentials(held.clone()), &[SECRET])[0].is_err());
    }
    let logged = logged::so_far();
    assert!(logged.contains("hyper_util::"), "nothing of hyper_util was logged: {logged}");
    assert_eq!(logged::trace_of(&[PASSWORD, HELD, SERVICE, GRANTED], &logged), None, "{logged}");
}
