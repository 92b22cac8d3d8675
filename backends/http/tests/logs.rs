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

use std::time::Duration;

use common::TlsServer;
use longhand_http::{
    BlockingTransport, Endpoint, Request, SecretString, Tls, TokioTransport, Transport, block_on,
};
use longhand_test_server::{Answer, Server, logged};

// Longer than a line of a dump, of which there are 16 octets in most.
const TOKEN: &str = "gAAAAABtoken-of-a-request-0123456789";
const PASSWORD: &str = "correct-horse-battery-staple-0123456789";
const GRANTED: &str = "gAAAAABtoken-that-was-granted-0123456789";

#[test]
fn no_credential_is_logged_at_any_level() {
    logged::keep();
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
    let logged = logged::so_far();
    for target in ["rustls::", "hyper_util::"] {
        assert!(logged.contains(target), "nothing of {target} was logged: {logged}");
    }
    assert_eq!(logged::trace_of(&[TOKEN, PASSWORD, GRANTED], &logged), None, "{logged}");
}
