//! What is logged, by us and by the crates below us, with all of their logs built in: never a credential. A test alone in its
//! process, because the log is of the whole process.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that fails may panic"
)]

use longhand::KeyManager;
use longhand_http::{BlockingTransport, Client, Endpoint, Tls};
use longhand_test_server::{Answer, Server, logged};
use longhand_vault::{Login, Vault, VaultSettings};

// Longer than a line of a dump, of which there are 16 octets in most.
const GRANTED: &str = "hvs.the-token-that-was-granted-0123456789";
const ROLE: &str = "r0le-id-of-the-service-0123456789";
const SECRET: &str = "s3cret-id-of-the-service-0123456789";

#[test]
fn no_credential_is_logged_at_any_level() {
    logged::keep();
    let granted =
        format!(r#"{{"auth": {{"client_token": "{GRANTED}", "lease_duration": 0, "renewable": true}}}}"#);
    let server = Server::start(move |request| match request.method() {
        "POST" => Answer::json(200, granted.clone()),
        _ => Answer::json(403, r#"{"errors": ["permission denied"]}"#),
    });
    let login = Login::app_role(ROLE.into(), Some(SECRET.into()));
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
    shown.push_str(&logged::so_far());

    #[cfg(feature = "tokio")]
    assert!(shown.contains("hyper_util::"), "nothing of hyper_util was logged: {shown}");
    assert_eq!(logged::trace_of(&[GRANTED, ROLE, SECRET], &shown), None, "{shown}");
}
