//! The library's suite for key managers, on Barbican.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]
#![cfg(feature = "tokio")]

mod common;

use std::sync::Mutex;

use common::*;
use longhand::conformance::{AsyncSubject, Subject, check, check_async};
use longhand::{AsyncKeyManager, BoxFuture, Certificate, KeyManager};
use longhand_barbican::{Barbican, Token};
use longhand_test_server::Server;

/// Barbicans that live as long as the test.
#[derive(Default)]
struct Barbicans(Mutex<Vec<Server>>);

impl Barbicans {
    fn start(&self, stored: &[(&str, Certificate)]) -> String {
        let stored =
            stored.iter().fold(Stored::default(), |all, (id, one)| all.secret(id, one.der().to_vec()));
        let server = barbican(stored);
        let url = server.url();
        self.0.lock().unwrap().push(server);
        url
    }
}

impl Subject for Barbicans {
    fn with(&self, stored: &[(&str, Certificate)]) -> Box<dyn KeyManager> {
        Box::new(Barbican::new(blocking(), &self.start(stored), Token::new(TOKEN)).unwrap())
    }
}

impl AsyncSubject for Barbicans {
    fn with<'a>(&'a self, stored: &'a [(&'a str, Certificate)]) -> BoxFuture<'a, Box<dyn AsyncKeyManager>> {
        let barbican = Barbican::new(tokio(), &self.start(stored), Token::new(TOKEN)).unwrap();
        Box::pin(async { Box::new(barbican) as Box<dyn AsyncKeyManager> })
    }
}

#[test]
fn barbican_is_a_key_manager() {
    let violations = check(&Barbicans::default(), &certificate(0), &certificate(1)).err().unwrap_or_default();
    assert!(violations.is_empty(), "{violations:?}");
}

#[test]
fn barbican_is_a_key_manager_that_is_awaited() {
    let barbicans = Barbicans::default();
    let (first, second) = (certificate(0), certificate(1));
    let violations = RUNTIME.block_on(check_async(&barbicans, &first, &second)).err().unwrap_or_default();
    assert!(violations.is_empty(), "{violations:?}");
}
