//! What is logged by the crates below us, with all of their logs built in and at `TRACE`: never a credential. A test alone in
//! its process, because the log is of the whole process.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs,
    reason = "a test that fails may panic"
)]

mod common;

use std::sync::Mutex;
use std::time::Duration;

use common::TlsServer;
use log::{LevelFilter, Log, Metadata, Record};
use longhand_http::{
    BlockingTransport, Endpoint, Request, SecretString, Tls, TokioTransport, Transport, block_on,
};
use longhand_test_server::{Answer, Server};

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
const TOKEN: &str = "gAAAAABtoken-of-a-request-0123456789";
const PASSWORD: &str = "correct-horse-battery-staple-0123456789";
const GRANTED: &str = "gAAAAABtoken-that-was-granted-0123456789";

#[test]
fn no_credential_is_logged_at_any_level() {
    log::set_logger(&Everything).unwrap();
    log::set_max_level(LevelFilter::Trace);
    let plain = Server::start(|_| Answer::json(201, GRANTED).header("X-Subject-Token", GRANTED));
    let tls = TlsServer::start("localhost");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, &tls.authority).unwrap();
    let authorities = Tls::with_ca_file(&file).unwrap();
    let blocking = BlockingTransport::new(&authorities);
    let tokio = TokioTransport::new(&authorities).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let time = Duration::from_secs(10);
    for url in [plain.url(), tls.url()] {
        let url = Endpoint::parse(&url).unwrap().url(&["x"]);
        let request = Request::post_json(url, &PASSWORD).unwrap();
        let request = request.secret_header("X-Auth-Token", &SecretString::from(TOKEN)).unwrap();
        for _ in 0..2 {
            assert!(block_on(blocking.send(&request, time)).unwrap().is_success());
            assert!(runtime.block_on(tokio.send(&request, time)).unwrap().is_success());
        }
    }
    let logged = LOGGED.lock().unwrap();
    for target in ["rustls::", "hyper_util::"] {
        assert!(logged.contains(target), "nothing of {target} was logged: {logged}");
    }
    let text = logged.to_lowercase();
    for secret in [TOKEN, PASSWORD, GRANTED] {
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
