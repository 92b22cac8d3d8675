//! The key manager over real connections, both transports by the same tables: what it asks, and what becomes of good answers,
//! bad ones and hostile ones.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

use std::collections::HashMap;
use std::sync::{Arc, Barrier, LazyLock};
use std::thread;
use std::time::{Duration, Instant};

use longhand::conformance::{self, Subject};
use longhand::limits::MAX_CERTIFICATE_INPUT;
use longhand::{Certificate, CertificateCache, KeyManager, KeyManagerError, StoredCertificate, TrustStore};
use longhand_http::{BlockingTransport, Client, Endpoint, Patience, SecretString, Tls};
use longhand_test_server::{Answer, Received, Server};
use longhand_vault::limits::{MAX_ID, MAX_RECORD};
use longhand_vault::{KvVersion, Login, Vault, VaultError, VaultSettings};
use serde_json::{Value, json};

const PEM: &str =
    include_str!("../../../test-vectors/walkthrough/glance/certs/cd7cc675-e573-419c-8fff-33a72734a243.crt");
const OTHER_PEM: &str =
    include_str!("../../../test-vectors/walkthrough/nova/certs/674736e3-f25c-405c-8362-bbf991e0ce0a.crt");
/// Read once: the system's authorities are many.
static TLS: LazyLock<Tls> = LazyLock::new(Tls::system);

const TOKEN: &str = "s.UiOxHxlpPTuFK35j0hQMYMRx";

fn certificate() -> Certificate {
    Certificate::from_bytes(PEM.as_bytes()).unwrap()
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// What KV 2 answers for a record.
fn answer(record: &Value) -> Answer {
    let metadata = json!({ "deletion_time": "", "destroyed": false, "version": 1 });
    let data = json!({ "data": record, "metadata": metadata });
    Answer::json(
        200,
        json!({ "lease_id": "", "data": data, "wrap_info": null, "warnings": null, "auth": null }),
    )
}

/// The record that Castellan writes.
fn castellan(certificate: &Certificate) -> Value {
    json!({ "type": "certificate", "value": hex(&certificate.der()), "name": null, "created": null,
        "algorithm": null, "bit_length": null })
}

fn not_there() -> Answer {
    Answer::json(404, r#"{"errors":[]}"#)
}

/// A Vault with these secrets, an AppRole, and the token that it grants.
fn vault_server(secrets: HashMap<String, Value>) -> Server {
    Server::start(move |request| match (request.method(), request.path()) {
        ("POST", "/v1/auth/approle/login") => granted(request),
        ("GET", path) if request.header("X-Vault-Token") == Some(TOKEN) => {
            let record = path.strip_prefix("/v1/secret/data/").and_then(|id| secrets.get(id));
            record.map_or_else(not_there, answer)
        }
        _ => Answer::json(403, r#"{"errors":["permission denied"]}"#),
    })
}

fn granted(request: &Received) -> Answer {
    let asked: Value = serde_json::from_slice(request.body()).unwrap();
    assert_eq!(asked, json!({ "role_id": "r0le-id", "secret_id": "s3cret-id" }));
    let auth = json!({ "client_token": TOKEN, "lease_duration": 600, "renewable": true, "num_uses": 0 });
    Answer::json(200, json!({ "data": null, "wrap_info": null, "auth": auth }))
        .after(Duration::from_millis(100))
}

fn fifty() -> Vec<String> {
    (0..50).map(|number| format!("{number:032x}")).collect()
}

fn fifty_secrets() -> HashMap<String, Value> {
    fifty().into_iter().map(|id| (id, castellan(&certificate()))).collect()
}

fn with_token(server: &Server) -> VaultSettings {
    VaultSettings::new(Endpoint::parse(&server.url()).unwrap(), SecretString::from(TOKEN))
}

fn with_login(server: &Server) -> VaultSettings {
    let login = Login::app_role("r0le-id".into(), Some("s3cret-id".into()));
    VaultSettings::new(Endpoint::parse(&server.url()).unwrap(), login)
}

/// For servers that mean it well: a busy machine makes no attempt fail.
fn patient() -> Patience {
    Patience::default()
        .attempts(2)
        .pauses(Duration::from_millis(1), Duration::from_millis(1))
        .attempt_time(Duration::from_secs(20))
        .deadline(Duration::from_secs(40))
}

/// For servers that do not answer in time.
fn hurried() -> Patience {
    patient().attempt_time(Duration::from_secs(2)).deadline(Duration::from_secs(10))
}

/// No question to a hurried client may take longer, however busy the machine is.
const LONGEST: Duration = Duration::from_secs(20);

fn blocking(settings: VaultSettings, patience: Patience) -> Vault<BlockingTransport> {
    Vault::new(Client::new(BlockingTransport::new(&TLS)).patience(patience), settings)
}

/// The two ways to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Threads,
    #[cfg(feature = "tokio")]
    Tasks,
}

const WAYS: &[Way] = &[
    Way::Threads,
    #[cfg(feature = "tokio")]
    Way::Tasks,
];

type Outcome = Result<StoredCertificate, KeyManagerError>;

impl Way {
    /// Asks for all of these at once.
    fn ask_all(self, settings: VaultSettings, ids: &[impl AsRef<str>]) -> Vec<Outcome> {
        self.ask_with(patient(), settings, ids)
    }

    fn ask_with(self, patience: Patience, settings: VaultSettings, ids: &[impl AsRef<str>]) -> Vec<Outcome> {
        let ids: Vec<String> = ids.iter().map(|id| id.as_ref().to_owned()).collect();
        match self {
            Self::Threads => {
                let vault = blocking(settings, patience);
                let barrier = Arc::new(Barrier::new(ids.len()));
                let ask = |id: String| {
                    let (vault, barrier) = (vault.clone(), Arc::clone(&barrier));
                    thread::spawn(move || {
                        barrier.wait();
                        vault.certificate(&id)
                    })
                };
                let asking: Vec<_> = ids.into_iter().map(ask).collect();
                asking.into_iter().map(|thread| thread.join().unwrap()).collect()
            }
            #[cfg(feature = "tokio")]
            Self::Tasks => tasks::ask_all(patience, settings, ids),
        }
    }

    fn ask(self, settings: VaultSettings, id: &str) -> Outcome {
        self.ask_all(settings, &[id]).remove(0)
    }

    fn ask_hurried(self, settings: VaultSettings, id: &str) -> Outcome {
        self.ask_with(hurried(), settings, &[id]).remove(0)
    }
}

#[test]
fn one_request_reads_one_certificate() {
    for way in WAYS {
        let server = vault_server(HashMap::from([("a".to_owned(), castellan(&certificate()))]));
        let settings = with_token(&server).namespace("cloud/team").unwrap();
        assert_eq!(way.ask(settings, "a").unwrap().certificate, certificate(), "{way:?}");
        let requests = server.received();
        assert_eq!(requests.len(), 1);
        assert_eq!((requests[0].method(), requests[0].target()), ("GET", "/v1/secret/data/a"));
        assert_eq!(requests[0].header("X-Vault-Token"), Some(TOKEN));
        assert_eq!(requests[0].header("X-Vault-Namespace"), Some("cloud/team"));
        assert_eq!(requests[0].header("X-Vault-Request"), Some("true"));
    }
}

#[test]
fn version_1_has_its_records_one_level_higher() {
    for way in WAYS {
        let server = Server::start(|request| {
            assert_eq!(request.target(), "/v1/kv1/team/a/x");
            Answer::json(200, json!({ "data": castellan(&certificate()), "lease_duration": 2_764_800 }))
        });
        let settings = with_token(&server).mount("kv1").unwrap().path("team/a").unwrap();
        let stored = way.ask(settings.kv_version(KvVersion::V1), "x").unwrap();
        assert_eq!(stored.certificate, certificate());
    }
}

#[test]
fn an_id_that_could_be_a_path_is_refused_before_any_request() {
    let long = "x".repeat(MAX_ID + 1);
    let hostile = [
        "../../sys/mounts",
        "..",
        ".",
        "",
        "%2e%2e/%2e%2e/sys/mounts",
        "..%2f..%2fsys%2fmounts",
        "a/../b",
        "a\\..\\b",
        "a?list=true",
        "a#b",
        "a\r\nX-Vault-Token: b",
        "a\0",
        "ä",
        &long,
        "http://127.0.0.1:9311/v1/secrets/cd7cc675-e573-419c-8fff-33a72734a243",
    ];
    for way in WAYS {
        let server = vault_server(HashMap::new());
        for (id, outcome) in hostile.iter().zip(way.ask_all(with_login(&server), &hostile)) {
            let error = outcome.unwrap_err();
            assert_eq!(error.code().name(), "key_manager_id_invalid", "{way:?} {id:?}: {error}");
        }
        assert_eq!(server.requests(), 0);
        // At the bound it is an id like any other.
        let at_the_bound = way.ask(with_token(&server), &long[1..]);
        assert_eq!(at_the_bound.unwrap_err().code().name(), NOT_FOUND);
        assert_eq!(server.requests(), 1);
    }
}

/// An answer, the name of what it comes to, and how many requests that takes.
type Case = (&'static str, fn() -> Answer, &'static str, usize);

const UNAVAILABLE: &str = "key_manager_unavailable";
const MISCONFIGURED: &str = "key_manager_misconfigured";
const FORBIDDEN: &str = "certificate_forbidden";
const NOT_FOUND: &str = "certificate_not_found";

const CASES: &[Case] = &[
    ("200 good", || answer(&castellan(&certificate())), "good", 1),
    ("200 trickling, in time", || trickling(Duration::from_micros(50)), "good", 1),
    ("200 to the end of the connection", || Answer::until_close(200, "text/html", good()), "good", 1),
    ("204", || Answer::empty(204), UNAVAILABLE, 1),
    ("400", || refusal(400), MISCONFIGURED, 1),
    ("401", || refusal(401), FORBIDDEN, 1),
    ("403", || refusal(403), FORBIDDEN, 1),
    ("404 of a secret", not_there, NOT_FOUND, 1),
    ("404 of a mount", || refusal(404), MISCONFIGURED, 1),
    ("404 of no Vault", || Answer::bytes(404, "text/html", "<html>"), MISCONFIGURED, 1),
    ("405", || refusal(405), MISCONFIGURED, 1),
    ("406", || refusal(406), UNAVAILABLE, 1),
    ("408", || refusal(408), UNAVAILABLE, 1),
    ("412", || refusal(412), UNAVAILABLE, 1),
    ("429", || refusal(429), UNAVAILABLE, 2),
    ("472", || refusal(472), UNAVAILABLE, 1),
    ("473", || refusal(473), UNAVAILABLE, 1),
    ("500", || refusal(500), UNAVAILABLE, 2),
    ("501", || refusal(501), UNAVAILABLE, 1),
    ("502", || refusal(502), UNAVAILABLE, 2),
    ("503", || refusal(503), UNAVAILABLE, 2),
    ("504", || refusal(504), UNAVAILABLE, 2),
    ("999", || refusal(999), UNAVAILABLE, 1),
    ("garbage", Answer::garbage, UNAVAILABLE, 2),
    ("close", Answer::close, UNAVAILABLE, 2),
    ("silence", Answer::silence, UNAVAILABLE, 2),
    ("slow", || answer(&castellan(&certificate())).after(Duration::from_secs(5)), UNAVAILABLE, 2),
    ("trickling, too slow", || trickling(Duration::from_millis(20)), UNAVAILABLE, 2),
    ("killed in the middle", || Answer::cut(200, "application/json", good(), 1000), UNAVAILABLE, 2),
    ("shorter than it says", || Answer::claiming(200, "application/json", good(), 100_000), UNAVAILABLE, 2),
    ("too long, it says", || Answer::claiming(200, "application/json", good(), 1 << 40), UNAVAILABLE, 1),
    ("endless", || Answer::endless(200, "application/json"), UNAVAILABLE, 1),
    ("an endless 404", || Answer::endless(404, "application/json"), UNAVAILABLE, 1),
    ("gzip", || Answer::gzip(200, "application/json", good().as_bytes()), UNAVAILABLE, 1),
    ("gzip bomb", || Answer::gzip_bomb(200, "application/json", 3_000_000), UNAVAILABLE, 1),
    ("not JSON", || Answer::bytes(200, "application/json", TOKEN), UNAVAILABLE, 1),
    ("wrapped", || Answer::json(200, r#"{"data":null,"wrap_info":{"token":"s.t"}}"#), UNAVAILABLE, 1),
    ("opaque", || answer(&json!({ "type": "opaque", "value": "00" })), "certificate_format_unsupported", 1),
    (
        "no certificate",
        || answer(&json!({ "type": "certificate", "value": "3082" })),
        "certificate_malformed",
        1,
    ),
];

fn good() -> String {
    json!({ "data": { "data": castellan(&certificate()) } }).to_string()
}

fn trickling(pause: Duration) -> Answer {
    let body = json!({ "data": { "data": { "value": PEM } } });
    Answer::trickling(200, "application/json", body.to_string(), pause)
}

/// A refusal that repeats the token, and says much besides.
fn refusal(status: u16) -> Answer {
    Answer::json(status, json!({ "errors": [format!("{TOKEN} {}", "x".repeat(10_000)), "y".repeat(10_000)] }))
}

/// Whatever it answers, a server costs a bounded time and so many requests, and the token is shown to nobody.
#[test]
fn every_answer_has_its_outcome_and_its_number_of_requests() {
    thread::scope(|scope| {
        for (way, case) in WAYS.iter().flat_map(|way| CASES.iter().map(move |case| (way, case))) {
            scope.spawn(move || check(*way, case));
        }
    });
}

fn check(way: Way, &(name, answer, expected, requests): &Case) {
    let server = Server::start(move |_| answer());
    let began = Instant::now();
    let outcome = way.ask_hurried(with_token(&server), "a");
    let shown = format!("{way:?}: {name}: {outcome:?}");
    match outcome {
        Ok(stored) => assert_eq!((stored.certificate, expected), (certificate(), "good"), "{shown}"),
        Err(error) => {
            assert_eq!(error.code().name(), expected, "{shown}");
            assert!(!format!("{error} {error:?}").contains(TOKEN), "{shown}");
            assert!(error.to_string().len() < 1000, "{shown}");
        }
    }
    assert!(began.elapsed() < LONGEST, "{shown}");
    assert_eq!(server.requests(), requests, "{shown}");
    assert!(server.octets_sent() < 16 * 1024 * 1024, "{shown}");
}

#[test]
fn heads_without_end_are_cut_short() {
    let answers = [|| Answer::header_flood(200), || Answer::endless_header(200), Answer::interim_flood];
    for (way, answer) in WAYS.iter().flat_map(|way| answers.map(|answer| (way, answer))) {
        let server = Server::start(move |_| answer());
        let began = Instant::now();
        let error = way.ask_hurried(with_token(&server), "a").unwrap_err();
        assert_eq!(error.code().name(), UNAVAILABLE, "{way:?}");
        assert!(began.elapsed() < LONGEST, "{way:?} {:?}", began.elapsed());
    }
}

#[test]
fn no_redirect_is_followed_and_no_credential_goes_elsewhere() {
    for way in WAYS {
        for status in [301, 302, 303, 307, 308] {
            let elsewhere = vault_server(HashMap::new());
            let url = elsewhere.url();
            let server =
                Server::start(move |request| Answer::redirect(status, &format!("{url}{}", request.target())));
            for settings in [with_token(&server), with_login(&server)] {
                let error = way.ask(settings, "a").unwrap_err();
                assert_eq!(error.code().name(), UNAVAILABLE, "{way:?} {status}");
                assert!(error.to_string().contains(&status.to_string()), "{error}");
            }
            assert_eq!((server.requests(), elsewhere.requests()), (2, 0));
        }
        let looping = Server::start(|_| Answer::redirect(302, "/v1/secret/data/a"));
        assert!(way.ask(with_token(&looping), "a").is_err());
        assert_eq!(looping.requests(), 1);
    }
}

#[test]
fn the_largest_record_is_read_and_a_larger_answer_is_not() {
    let record = |length: usize| {
        let (beginning, end) = (r#"{"data":{"data":{"value":""#, r#""}}}"#);
        let value = "x".repeat(length - beginning.len() - end.len());
        Answer::json(200, format!("{beginning}{value}{end}"))
    };
    const { assert!(MAX_RECORD > 2 * MAX_CERTIFICATE_INPUT) };
    for way in WAYS {
        for (length, name) in [(MAX_RECORD, "certificate_too_large"), (MAX_RECORD + 1, UNAVAILABLE)] {
            let server = Server::start(move |_| record(length));
            let error = way.ask(with_token(&server), "a").unwrap_err();
            assert_eq!(error.code().name(), name, "{way:?} {length}: {error}");
        }
    }
}

#[test]
fn fifty_at_once_cost_fifty_requests_and_one_login() {
    for way in WAYS {
        let server = vault_server(fifty_secrets());
        for outcome in way.ask_all(with_login(&server), &fifty()) {
            assert_eq!(outcome.unwrap().certificate, certificate());
        }
        let logins = server.received().iter().filter(|request| request.method() == "POST").count();
        assert_eq!((logins, server.requests()), (1, 51), "{way:?}");
    }
}

#[test]
fn a_login_that_is_refused_is_refused_to_all_who_wait_for_it() {
    for way in WAYS {
        let server = Server::start(|_| {
            Answer::json(400, r#"{"errors":["invalid role or secret ID"]}"#).after(Duration::from_secs(1))
        });
        for outcome in way.ask_all(with_login(&server), &fifty()) {
            let error = outcome.unwrap_err();
            assert_eq!(error.code().name(), MISCONFIGURED);
            assert!(error.to_string().contains("invalid role or secret ID"), "{error}");
        }
        assert_eq!(server.requests(), 1, "{way:?}");
    }
}

#[test]
fn a_cache_makes_it_one_request_for_each_certificate() {
    let server = vault_server(fifty_secrets());
    let cache = CertificateCache::new(64, Duration::from_secs(60), Instant::now);
    let vault = blocking(with_login(&server), patient());
    for _ in 0..3 {
        let store = TrustStore::from_key_manager(&cache.scope("service", vault.clone()), &fifty()).unwrap();
        assert!(store.skipped().is_empty());
    }
    assert_eq!(server.requests(), 51);
}

#[test]
fn a_secret_that_is_not_there_is_skipped_and_a_vault_that_is_not_there_is_an_error() {
    let server = vault_server(HashMap::from([("a".to_owned(), castellan(&certificate()))]));
    let vault = blocking(with_token(&server), patient());
    let store = TrustStore::from_key_manager(&vault, &["a", "b", "../../sys/mounts"]).unwrap();
    assert_eq!(store.skipped().len(), 2);
    drop(server);
    assert!(TrustStore::from_key_manager(&vault, &["a"]).is_err());
}

#[test]
fn a_vault_that_is_killed_in_the_middle_is_unavailable() {
    for way in WAYS {
        let server = Server::start(|_| Answer::silence());
        let settings = with_token(&server);
        let asking = thread::spawn(move || way.ask_hurried(settings, "a"));
        while server.requests() == 0 {
            thread::yield_now();
        }
        drop(server);
        let error = asking.join().unwrap().unwrap_err();
        assert_eq!(error.code().name(), UNAVAILABLE, "{way:?}: {error}");
    }
}

#[test]
fn the_source_of_an_error_says_what_vault_was_asked_and_what_it_said() {
    let server = Server::start(|_| Answer::json(503, r#"{"errors":["Vault is sealed\u001b[2J"]}"#));
    let error = blocking(with_token(&server), patient()).certificate("a").unwrap_err();
    assert_eq!(
        error.to_string(),
        "Signature verification for the image failed: the certificate with the id \"a\" cannot be fetched: Vault \
         refused to read the secret: the server answered 503 Service Unavailable: \"Vault is sealed\\u{1b}[2J\""
    );
    let KeyManagerError::Unavailable { source, .. } = error else { panic!() };
    let source = source.downcast_ref::<VaultError>();
    assert!(matches!(source, Some(VaultError::Refused { refusal, .. }) if refusal.status == 503));
}

#[cfg(feature = "tokio")]
mod tasks {
    //! The same questions by tasks, and what only tasks can ask.

    use longhand::conformance::AsyncSubject;
    use longhand::{AsyncKeyManager, BoxFuture};
    use longhand_http::TokioTransport;
    use tokio::runtime::{Builder, Runtime};

    use super::*;

    fn runtime() -> Runtime {
        Builder::new_current_thread().enable_all().build().unwrap()
    }

    fn vault(settings: VaultSettings, patience: Patience) -> Vault<TokioTransport> {
        Vault::new(Client::new(TokioTransport::new(&TLS).unwrap()).patience(patience), settings)
    }

    pub(crate) fn ask_all(patience: Patience, settings: VaultSettings, ids: Vec<String>) -> Vec<Outcome> {
        runtime().block_on(async move {
            let vault = vault(settings, patience);
            let ask = |id: String| {
                let vault = vault.clone();
                tokio::spawn(async move { vault.certificate(&id).await })
            };
            let asking: Vec<_> = ids.into_iter().map(ask).collect();
            let mut outcomes = Vec::new();
            for task in asking {
                outcomes.push(task.await.unwrap());
            }
            outcomes
        })
    }

    #[test]
    fn a_trust_store_of_fifty_costs_fifty_requests_and_one_login() {
        let server = vault_server(fifty_secrets());
        let vault = vault(with_login(&server), patient());
        let store = runtime().block_on(TrustStore::from_async_key_manager(&vault, &fifty())).unwrap();
        assert!(store.skipped().is_empty());
        assert_eq!(server.requests(), 51);
    }

    #[test]
    fn a_task_that_is_dropped_at_its_login_leaves_the_next_to_log_in() {
        let server = vault_server(fifty_secrets());
        runtime().block_on(async {
            let vault = vault(with_login(&server), patient());
            let ids = fifty();
            let dropped = vault.certificate(&ids[0]);
            assert!(tokio::time::timeout(Duration::from_millis(50), dropped).await.is_err());
            assert!(vault.certificate(&ids[1]).await.is_ok());
        });
    }

    impl<K: AsyncKeyManager> AsyncKeyManager for Served<K> {
        fn certificate<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Outcome> {
            self.key_manager.certificate(id)
        }
    }

    impl AsyncSubject for Stored {
        fn with<'a>(
            &'a self,
            stored: &'a [(&'a str, Certificate)],
        ) -> BoxFuture<'a, Box<dyn AsyncKeyManager>> {
            let server = self.server(stored);
            let key_manager = vault(with_login(&server), patient());
            let served: Box<dyn AsyncKeyManager> = Box::new(Served { key_manager, _server: server });
            Box::pin(std::future::ready(served))
        }
    }

    #[test]
    fn it_conforms() {
        let other = Certificate::from_bytes(OTHER_PEM.as_bytes()).unwrap();
        for stored in [BY_CASTELLAN, BY_HAND] {
            let checked = runtime().block_on(conformance::check_async(&stored, &certificate(), &other));
            let violations = checked.err().unwrap_or_default();
            assert!(violations.is_empty(), "{violations:?}");
        }
    }
}

/// A key manager that lives as long as its server.
#[derive(Debug)]
struct Served<K> {
    key_manager: K,
    _server: Server,
}

impl<K: KeyManager> KeyManager for Served<K> {
    fn certificate(&self, id: &str) -> Outcome {
        self.key_manager.certificate(id)
    }
}

/// Holds certificates as Castellan stores them, or as people do.
struct Stored(fn(&Certificate) -> Value);

const BY_CASTELLAN: Stored = Stored(castellan);
const BY_HAND: Stored = Stored(|certificate| json!({ "certificate": hex(&certificate.der()) }));

impl Stored {
    fn server(&self, stored: &[(&str, Certificate)]) -> Server {
        let secrets = stored.iter().map(|(id, certificate)| ((*id).to_owned(), self.0(certificate)));
        vault_server(secrets.collect())
    }
}

impl Subject for Stored {
    fn with(&self, stored: &[(&str, Certificate)]) -> Box<dyn KeyManager> {
        let server = self.server(stored);
        Box::new(Served { key_manager: blocking(with_login(&server), patient()), _server: server })
    }
}

#[test]
fn it_conforms() {
    let other = Certificate::from_bytes(OTHER_PEM.as_bytes()).unwrap();
    for stored in [BY_CASTELLAN, BY_HAND] {
        let violations = conformance::check(&stored, &certificate(), &other).err().unwrap_or_default();
        assert!(violations.is_empty(), "{violations:?}");
    }
}
