//! One login for all, renewed when it must be; and what Keystone may answer, over both transports.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

mod common;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::*;
use longhand::{KeyManager, KeyManagerError};
use longhand_barbican::keystone::{
    CatalogueError, Interface, KeystoneError, KeystoneSession, Login, Scope, ServiceFilter,
};
use longhand_barbican::{Barbican, Credentials, Token, limits};
use longhand_http::Transport;
use longhand_http::{Client, ExposeSecret as _};
use longhand_test_server::{Answer, Server};
use serde_json::{Value, json};

const HOUR: u64 = 3600;

/// A Barbican that takes the tokens that a test lets it take.
fn barbican_taking(tokens: &Arc<Mutex<BTreeSet<String>>>) -> Server {
    let tokens = Arc::clone(tokens);
    barbican_for(Stored::default().secret(SECRET, pem(0)), move |token| {
        tokens.lock().unwrap().contains(token)
    })
}

fn tokens(numbers: impl IntoIterator<Item = usize>) -> Arc<Mutex<BTreeSet<String>>> {
    Arc::new(Mutex::new(numbers.into_iter().map(|number| format!("token-{number}")).collect()))
}

fn codes(outcomes: &[Result<longhand::StoredCertificate, KeyManagerError>]) -> Vec<&'static str> {
    outcomes
        .iter()
        .map(|outcome| outcome.as_ref().map_or_else(|error| error.code().name(), |_| "ok"))
        .collect()
}

#[test]
fn a_session_logs_in_once_and_again_when_its_token_ends() {
    for (seconds, logins) in [(HOUR, 1), (0, 3)] {
        for over in BOTH {
            let keystone = keystone(seconds, &json!([]));
            let barbican = barbican_taking(&tokens(1..=3));
            let outcomes = over.fetch(&barbican.url(), keystone.login(PASSWORD), &[SECRET, SECRET, SECRET]);
            assert_eq!(codes(&outcomes), ["ok"; 3], "{over:?}");
            assert_eq!((keystone.logins(), barbican.requests()), (logins, 3), "{over:?} {seconds}");
        }
    }
}

#[test]
fn a_token_that_is_refused_is_renewed_once() {
    // Which tokens Barbican takes; what three questions come to; the logins and requests that they take.
    for (taken, expected, logins, requests) in [
        (vec![2], ["ok", "ok", "ok"], 2, 4),
        (vec![], ["certificate_forbidden"; 3], 2, 4),
        (vec![1], ["ok"; 3], 1, 3),
    ] {
        for over in BOTH {
            let keystone = keystone(HOUR, &json!([]));
            let barbican = barbican_taking(&tokens(taken.clone()));
            let outcomes = over.fetch(&barbican.url(), keystone.login(PASSWORD), &[SECRET; 3]);
            assert_eq!(codes(&outcomes), expected, "{over:?}");
            assert_eq!((keystone.logins(), barbican.requests()), (logins, requests), "{over:?} {taken:?}");
        }
    }
}

#[test]
fn a_token_that_the_caller_holds_is_not_renewed() {
    let barbican = barbican_taking(&tokens([]));
    for over in BOTH {
        barbican.forget();
        let outcomes = over.fetch(&barbican.url(), With::token("token-1"), &[SECRET]);
        assert_eq!((codes(&outcomes), barbican.requests()), (vec!["certificate_forbidden"], 1));
    }
}

/// Asks on behalf of a user, as a service user.
struct AsServiceUser {
    barbican: String,
    auth_url: String,
}

impl Scenario<Vec<&'static str>> for AsServiceUser {
    async fn run<T: Transport>(self, client: Client<T>) -> Vec<&'static str> {
        let service_user =
            KeystoneSession::new(client.clone(), &self.auth_url, password_login(PASSWORD)).unwrap();
        let barbican = Barbican::new(client, &self.barbican, Credentials::None).unwrap();
        let barbican = barbican.with_service_user(service_user).on_behalf_of(Token::new(TOKEN));
        let mut outcomes = Vec::new();
        for _ in 0..2 {
            outcomes.push(barbican.fetch(SECRET).await);
        }
        codes(&outcomes)
    }
}

#[test]
fn a_service_users_token_goes_along_and_is_renewed() {
    for over in BOTH {
        let keystone = keystone(HOUR, &json!([]));
        let barbican = Server::start(|request| {
            match (request.header("X-Auth-Token"), request.header("X-Service-Token")) {
                (Some(TOKEN), Some("token-2")) => Answer::bytes(200, "*/*", pem(0)),
                _ => unauthorized(),
            }
        });
        let scenario = AsServiceUser { barbican: barbican.url(), auth_url: keystone.server.url() };
        assert_eq!(over.run(scenario), ["ok"; 2], "{over:?}");
        assert_eq!((keystone.logins(), barbican.requests()), (2, 3), "{over:?}");
    }
}

/// Fifty threads that share one session.
fn fifty_threads(keystone: &Keystone, barbican: &Server, password: &str) -> Vec<&'static str> {
    let auth_url = keystone.server.url();
    let session = KeystoneSession::new(blocking(), &auth_url, password_login(password)).unwrap();
    let barbican = Barbican::new(blocking(), &barbican.url(), session).unwrap();
    std::thread::scope(|scope| {
        let asked: Vec<_> = (0..50)
            .map(|_| {
                let barbican = barbican.clone();
                scope.spawn(move || codes(&[barbican.certificate(SECRET)])[0])
            })
            .collect();
        asked.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Fifty tasks that share one session.
fn fifty_tasks(keystone: &Keystone, barbican: &Server, password: &str) -> Vec<&'static str> {
    let client = tokio();
    let session =
        KeystoneSession::new(client.clone(), &keystone.server.url(), password_login(password)).unwrap();
    let barbican = Barbican::new(client, &barbican.url(), session).unwrap();
    let runtime =
        ::tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let asked: Vec<_> = (0..50)
            .map(|_| {
                let barbican = barbican.clone();
                ::tokio::spawn(async move { codes(&[barbican.fetch(SECRET).await])[0] })
            })
            .collect();
        let mut outcomes = Vec::new();
        for task in asked {
            outcomes.push(task.await.unwrap());
        }
        outcomes
    })
}

#[test]
fn whoever_asks_at_once_shares_one_login_and_one_refusal() {
    type Fifty = fn(&Keystone, &Server, &str) -> Vec<&'static str>;
    let ways: [Fifty; 2] = [fifty_threads, fifty_tasks];
    for fifty in ways {
        let keystone = keystone(HOUR, &json!([]));
        let barbican = barbican_taking(&tokens([1]));
        assert_eq!(fifty(&keystone, &barbican, PASSWORD), ["ok"; 50]);
        assert_eq!((keystone.logins(), barbican.requests()), (1, 50));

        // The first token is refused: one renewal for all.
        let keystone = common::keystone(HOUR, &json!([]));
        let barbican = barbican_taking(&tokens([2]));
        assert_eq!(fifty(&keystone, &barbican, PASSWORD), ["ok"; 50]);
        assert_eq!(keystone.logins(), 2);

        // A wrong password must not be tried fifty times: accounts are locked for less.
        let keystone = common::keystone(HOUR, &json!([]));
        assert_eq!(fifty(&keystone, &barbican, "wrong"), ["key_manager_misconfigured"; 50]);
        assert_eq!(keystone.logins(), 1);

        // Nor must a Keystone that is down be asked by all of them in turn: four attempts, or twice if some come late.
        let mut keystone = common::keystone(HOUR, &json!([]));
        keystone.server = Server::start(|_| Answer::empty(503).after(Duration::from_millis(100)));
        assert_eq!(fifty(&keystone, &barbican, PASSWORD), ["key_manager_unavailable"; 50]);
        assert!(keystone.server.requests() <= 8, "{}", keystone.server.requests());
    }
}

#[test]
fn a_refused_login_is_remembered_for_a_while() {
    for over in BOTH {
        let keystone = keystone(HOUR, &json!([]));
        let barbican = barbican_taking(&tokens([]));
        let outcomes = over.fetch(&barbican.url(), keystone.login("wrong"), &[SECRET; 50]);
        assert_eq!(codes(&outcomes), ["key_manager_misconfigured"; 50]);
        assert_eq!((keystone.logins(), barbican.requests()), (1, 0), "{over:?}");
        let shown = format!("{outcomes:?}");
        assert!(shown.contains("Keystone refused the login") || shown.contains("Refused"), "{shown}");
        assert!(!shown.contains("wrong"), "{shown}");
    }
}

#[test]
fn a_login_that_failed_otherwise_is_tried_by_the_next_who_asks() {
    for over in BOTH {
        let logins = std::sync::atomic::AtomicUsize::new(0);
        let server = Server::start(move |_| match logins.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0..4 => Answer::empty(503),
            _ => token("token-1", HOUR, &json!([])),
        });
        let barbican = barbican_taking(&tokens([1]));
        let with = With::Session { auth_url: server.url(), login: password_login(PASSWORD) };
        let outcomes = over.fetch(&barbican.url(), with, &[SECRET, SECRET]);
        assert_eq!(codes(&outcomes), ["key_manager_unavailable", "ok"], "{over:?}");
    }
}

#[test]
fn what_keystone_answers_has_its_kind_and_no_credential_goes_on() {
    let body = |body: Value| Answer::json(201, body).header("X-Subject-Token", "gAAAAABt");
    let times =
        |issued: &str, expires: &str| json!({ "token": { "issued_at": issued, "expires_at": expires } });
    let now = "2026-11-22T01:00:00.000000Z";
    let error =
        |code: u16| Answer::json(code, format!(r#"{{"error": {{"code": {code}, "message": "as said"}}}}"#));
    let many = vec![json!({ "interface": "public", "url": "http://h" }); limits::MAX_ENDPOINTS + 1];
    let catalogue = json!([{ "type": "x", "endpoints": many }]);
    for (answer, code) in [
        (error(401), "key_manager_misconfigured"),
        (error(403), "key_manager_misconfigured"),
        (error(400), "key_manager_misconfigured"),
        (error(404), "key_manager_misconfigured"),
        (error(300), "key_manager_misconfigured"),
        (error(500), "key_manager_unavailable"),
        (error(503), "key_manager_unavailable"),
        (Answer::redirect(302, "http://127.0.0.1:9/"), "key_manager_unavailable"),
        (Answer::garbage(), "key_manager_unavailable"),
        (Answer::close(), "key_manager_unavailable"),
        (Answer::endless(201, "application/json"), "key_manager_unavailable"),
        (Answer::json(201, times(now, now)), "key_manager_unavailable"),
        (Answer::json(201, times(now, now)).header("X-Subject-Token", ""), "key_manager_unavailable"),
        (body(times(now, "never")), "key_manager_unavailable"),
        (body(json!({ "token": {} })), "key_manager_unavailable"),
        (body(json!([])), "key_manager_unavailable"),
        (
            body(json!({ "token": { "issued_at": now, "expires_at": now, "catalog": {} } })),
            "key_manager_unavailable",
        ),
        (token("t", HOUR, &catalogue), "key_manager_misconfigured"),
    ] {
        for over in BOTH {
            let keystone = Server::start({
                let answer = answer.clone();
                move |_| answer.clone()
            });
            let barbican = barbican_taking(&tokens([1]));
            let with = With::Session { auth_url: keystone.url(), login: password_login(PASSWORD) };
            let error = over.fetch(&barbican.url(), with, &[SECRET]).remove(0).unwrap_err();
            assert_eq!(error.code().name(), code, "{over:?} {error}");
            assert_eq!(barbican.requests(), 0, "{error}");
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains(PASSWORD) && !shown.contains("gAAAAA") && shown.len() < 2000, "{shown}");
        }
    }
}

#[test]
fn a_login_is_read_up_to_its_bound() {
    let now = "2026-11-22T01:00:00.000000Z";
    let body = json!({ "token": { "issued_at": now, "expires_at": "2026-11-22T02:00:00Z" } }).to_string();
    for (length, code) in [(limits::MAX_LOGIN, "ok"), (limits::MAX_LOGIN + 1, "key_manager_unavailable")] {
        let padded = [body.as_bytes(), &b" ".repeat(length - body.len())].concat();
        let keystone = Server::start(move |_| {
            Answer::bytes(201, "application/json", padded.clone()).header("X-Subject-Token", "token-1")
        });
        let barbican = barbican_taking(&tokens([1]));
        for over in BOTH {
            let with = With::Session { auth_url: keystone.url(), login: password_login(PASSWORD) };
            assert_eq!(codes(&over.fetch(&barbican.url(), with, &[SECRET])), [code], "{over:?}");
        }
    }
}

#[test]
fn an_auth_url_may_have_its_version_or_not() {
    for over in BOTH {
        for (end, path) in [
            ("", "/v3/auth/tokens"),
            ("/", "/v3/auth/tokens"),
            ("/v3", "/v3/auth/tokens"),
            ("/v3/", "/v3/auth/tokens"),
            ("/identity", "/identity/v3/auth/tokens"),
            ("/identity/v3", "/identity/v3/auth/tokens"),
        ] {
            let keystone = Server::start(|_| token("token-1", HOUR, &json!([])));
            let barbican = barbican_taking(&tokens([1]));
            let auth_url = format!("{}{end}", keystone.url());
            let with = With::Session { auth_url, login: password_login(PASSWORD) };
            assert_eq!(codes(&over.fetch(&barbican.url(), with, &[SECRET])), ["ok"], "{end}");
            assert_eq!(keystone.received()[0].path(), path);
        }
    }
}

/// Asks the Barbican of the catalogue.
struct InCatalogue {
    auth_url: String,
    filter: ServiceFilter,
}

impl Scenario<&'static str> for InCatalogue {
    async fn run<T: Transport>(self, client: Client<T>) -> &'static str {
        let session = KeystoneSession::new(client, &self.auth_url, password_login(PASSWORD)).unwrap();
        codes(&[Barbican::in_catalogue(session, self.filter).fetch(SECRET).await])[0]
    }
}

#[test]
fn barbican_is_where_the_catalogue_has_it() {
    let barbican = barbican_taking(&tokens([1]));
    let of = |url: &str| keystone(HOUR, &catalogue(url));
    for over in BOTH {
        for (url, filter, code) in [
            (barbican.url(), ServiceFilter::key_manager(), "ok"),
            (format!("{}/v1/", barbican.url()), ServiceFilter::key_manager().region("RegionOne"), "ok"),
            (barbican.url(), ServiceFilter::key_manager().region("Two"), "key_manager_misconfigured"),
            (
                barbican.url(),
                ServiceFilter::key_manager().interface(Interface::Admin),
                "key_manager_misconfigured",
            ),
            (barbican.url(), ServiceFilter::new("object-store"), "key_manager_misconfigured"),
            ("ftp://h".to_owned(), ServiceFilter::key_manager(), "key_manager_misconfigured"),
            ("http://user:pass@h".to_owned(), ServiceFilter::key_manager(), "key_manager_misconfigured"),
        ] {
            let keystone = of(&url);
            let auth_url = keystone.server.url();
            assert_eq!(
                over.run(InCatalogue { auth_url, filter: filter.clone() }),
                code,
                "{over:?} {url} {filter}"
            );
        }
    }
}

/// Gets a grant and says what came of it.
struct Granted(String, Login);

impl Scenario<Result<String, KeystoneError>> for Granted {
    async fn run<T: Transport>(self, client: Client<T>) -> Result<String, KeystoneError> {
        let session = KeystoneSession::new(client, &self.0, self.1).unwrap();
        let grant = session.grant(&session.client().start()).await?;
        let missing = grant.endpoint(&ServiceFilter::image()).unwrap_err();
        assert!(matches!(missing, CatalogueError::NoService { .. }), "{missing}");
        Ok(grant.token().expose_secret().to_owned())
    }
}

#[test]
fn a_token_is_exchanged_for_another() {
    for over in BOTH {
        let keystone = keystone(HOUR, &catalogue("http://b"));
        let login = Login::Token { token: PASSWORD.into(), scope: Scope::Unnamed };
        assert_eq!(over.run(Granted(keystone.server.url(), login)).unwrap(), "token-1");
        let body = keystone.bodies.lock().unwrap()[0].clone();
        assert_eq!(
            body,
            json!({ "auth": { "identity": { "methods": ["token"], "token": { "id": PASSWORD } } } })
        );

        // As Keystone says it of a token that is none, one that has expired, and that of an application credential.
        for status in [404, 401, 403] {
            let server = Server::start(move |_| Answer::json(status, r#"{"error": {"message": "as said"}}"#));
            let login = || Login::Token { token: "x".into(), scope: Scope::Unnamed };
            let error = over.run(Granted(server.url(), login())).unwrap_err();
            assert!(matches!(error, KeystoneError::TokenRefused(_)), "{error}");
            let with = With::Session { auth_url: server.url(), login: login() };
            let outcomes = over.fetch("http://127.0.0.1:9", with, &[SECRET]);
            assert_eq!(codes(&outcomes), ["certificate_forbidden"]);
        }
        // Not Keystone's: no trusted id is to be skipped for it.
        for answer in [Answer::empty(404), Answer::bytes(404, "text/plain", "default backend - 404")] {
            let server = Server::start(move |_| answer.clone());
            let login = Login::Token { token: "x".into(), scope: Scope::Unnamed };
            let with = With::Session { auth_url: server.url(), login };
            let outcomes = over.fetch("http://127.0.0.1:9", with, &[SECRET]);
            assert_eq!(codes(&outcomes), ["key_manager_misconfigured"]);
        }
    }
}

#[test]
fn a_login_that_is_given_up_leaves_the_way_to_the_next() {
    let keystone = keystone(HOUR, &json!([]));
    let client = tokio();
    let session = KeystoneSession::new(client, &keystone.server.url(), password_login(PASSWORD)).unwrap();
    let runtime =
        ::tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let deadline = session.client().start();
        let given_up = ::tokio::time::timeout(Duration::from_millis(5), session.grant(&deadline)).await;
        assert!(given_up.is_err());
        assert!(session.grant(&deadline).await.is_ok());
    });
}
