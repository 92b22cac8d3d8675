//! What is logged, by us and by the crates below us: never a credential. A test alone in its process, because the log is of the
//! whole process.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

use std::sync::Mutex;

use log::{LevelFilter, Log, Metadata, Record};
use longhand::KeyManager;
use longhand_http::{BlockingTransport, Client, Endpoint, Tls};
use longhand_test_server::{Answer, Server};
use longhand_vault::{Login, Vault, VaultSettings};

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

#[test]
fn no_credential_is_logged_at_any_level() {
    log::set_logger(&Everything).unwrap();
    log::set_max_level(LevelFilter::Trace);
    let server = Server::start(|request| match request.method() {
        "POST" => Answer::json(
            200,
            r#"{"auth": {"client_token": "t0ken-granted", "lease_duration": 0, "renewable": true}}"#,
        ),
        _ => Answer::json(403, r#"{"errors": ["permission denied"]}"#),
    });
    let login = Login::app_role("r0le-id".into(), Some("s3cret-id".into()));
    let settings = VaultSettings::new(Endpoint::parse(&server.url()).unwrap(), login);

    let ask = |settings: VaultSettings| {
        let vault = Vault::new(Client::new(BlockingTransport::new(&Tls::system())), settings);
        vault.certificate("a").unwrap_err().to_string() + &format!("{vault:?}")
    };
    let mut shown = ask(settings.clone());
    #[cfg(feature = "tokio")]
    {
        use longhand::AsyncKeyManager;
        use longhand_http::TokioTransport;

        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let vault = Vault::new(Client::new(TokioTransport::new(&Tls::system()).unwrap()), settings);
        shown += &runtime.block_on(AsyncKeyManager::certificate(&vault, "a")).unwrap_err().to_string();
    }
    shown.push_str(&LOGGED.lock().unwrap());

    assert!(shown.contains("ureq"), "nothing was logged at all: {shown}");
    for secret in ["t0ken-granted", "r0le-id", "s3cret-id"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}
