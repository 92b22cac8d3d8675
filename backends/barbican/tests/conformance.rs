//! The library's suite for key managers, on Barbican.
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
use longhand::conformance::{Subject, check};
use longhand::{Certificate, KeyManager};
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

#[test]
fn barbican_is_a_key_manager() {
    let violations = check(&Barbicans::default(), &certificate(0), &certificate(1)).err().unwrap_or_default();
    assert!(violations.is_empty(), "{violations:?}");
}
