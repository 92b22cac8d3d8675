//! What the tests against real services have in common: the services as `tests/live/run` started them, a proxy that counts
//! and meddles, and the real Cursive.

use std::sync::LazyLock;
use std::time::Duration;

pub use cursive::{Cursive, CursiveVerdict, hexadecimal};
pub use proxy::{Forwarded, Proxy};
pub use serde_json::{Value, json};
pub use walkthrough::Walkthrough;
pub use ways::{OnRuntime, Ways, one_of, patience, runtime};

pub mod barbican;
pub mod cloud;
mod cursive;
pub mod faults;
pub mod openbao;
mod proxy;
pub mod vectors;
mod walkthrough;
mod ways;

/// An id under which nothing is stored.
pub const ABSENT: &str = "00000000-0000-4000-8000-000000000000";

/// What the runner says of the services, under this name.
///
/// # Panics
/// If it does not say it.
pub fn setting(name: &str) -> String {
    std::env::var(format!("LIVE_{name}"))
        .unwrap_or_else(|_| panic!("LIVE_{name} is not set: these tests are run by tests/live/run"))
}

/// Base64 as base64(1) writes it, in lines of 76.
pub fn base64_lines(octets: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::prelude::BASE64_STANDARD.encode(octets);
    let lines = text.as_bytes().chunks(76).map(String::from_utf8_lossy);
    lines.collect::<Vec<_>>().join("\n")
}

/// An HTTP client that takes every status for an answer.
pub(crate) static AGENT: LazyLock<ureq::Agent> = LazyLock::new(|| {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(Duration::from_secs(60)));
    config.build().into()
});

/// One service, as a test asks it to set something up: with a header that says who asks.
#[derive(Clone, Debug)]
pub struct Service {
    address: String,
    header: &'static str,
    token: String,
}

impl Service {
    /// A service with this address; `header` carries the token.
    pub fn new(address: impl Into<String>, header: &'static str, token: impl Into<String>) -> Self {
        Self { address: address.into(), header, token: token.into() }
    }

    /// Its address.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Asks and gives the status and the answer, `Null` where it is no JSON.
    ///
    /// # Panics
    /// If the service does not answer.
    pub fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let (content_type, body) = match body {
            Some(body) => ("application/json", body.to_string()),
            None => ("", String::new()),
        };
        let (status, _, answer) = self.send(method, path, content_type, body.into_bytes());
        (status, serde_json::from_slice(&answer).unwrap_or_default())
    }

    /// As [`Service::ask`], of something that must succeed.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    pub fn make(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask(method, path, Some(body));
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    /// Sends any body; gives status, headers and body of the answer.
    ///
    /// # Panics
    /// If the service does not answer.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> (u16, Vec<(String, String)>, Vec<u8>) {
        let mut request =
            ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.address));
        if !self.token.is_empty() {
            request = request.header(self.header, &self.token);
        }
        if !content_type.is_empty() {
            request = request.header("Content-Type", content_type);
        }
        proxy::exchange(request, body)
            .unwrap_or_else(|error| panic!("{method} {}{path}: {error}", self.address))
    }
}
