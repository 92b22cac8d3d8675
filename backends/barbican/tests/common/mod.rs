//! A Barbican and a Keystone that answer what the real ones were seen to answer, and both ways to ask them.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use longhand::{Certificate, KeyManagerError, StoredCertificate};
use longhand_barbican::keystone::{KeystoneSession, Login};
use longhand_barbican::{Barbican, Credentials};
use longhand_http::{BlockingTransport, Client, Patience, Tls, TokioTransport, Transport, block_on};
use longhand_test_server::{Answer, Received, Server};
use serde_json::{Value, json};

pub const TOKEN: &str = "gAAAAABtheservices-token";
pub const SECRET: &str = "64138e82-7f01-4ebf-a248-7acc7612b7ed";
pub const CONTAINER: &str = "0ee3859a-787b-45f3-9f97-60a28bafb75f";
pub const ABSENT: &str = "00000000-0000-4000-8000-000000000000";

const NOVA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../test-vectors/walkthrough/nova/certs/");

/// The certificates of Nova's guide, in PEM behind a text dump as `openssl ca` writes them.
pub fn pem(number: usize) -> Vec<u8> {
    let mut files: Vec<_> = std::fs::read_dir(NOVA).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    std::fs::read(&files[number]).unwrap()
}

pub fn certificate(number: usize) -> Certificate {
    Certificate::from_bytes(&pem(number)).unwrap()
}

pub fn der(number: usize) -> Vec<u8> {
    certificate(number).der().to_vec()
}

/// Both transports. Every test runs over each.
#[derive(Clone, Copy, Debug)]
pub enum Over {
    Blocking,
    Tokio,
}

pub const BOTH: [Over; 2] = [Over::Blocking, Over::Tokio];

/// What drives tasks.
pub static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
});

pub fn quick() -> Patience {
    let pause = Duration::from_millis(1);
    Patience::default()
        .pauses(pause, pause)
        .deadline(Duration::from_secs(2))
        .attempt_time(Duration::from_secs(1))
}

pub fn blocking() -> Client<BlockingTransport> {
    Client::new(BlockingTransport::new(&Tls::system())).patience(quick())
}

pub fn tokio() -> Client<TokioTransport> {
    Client::new(TokioTransport::new(&Tls::system()).unwrap()).patience(quick())
}

/// What a test does, whatever the transport is.
pub trait Scenario<R> {
    fn run<T: Transport>(self, client: Client<T>) -> impl Future<Output = R>;
}

impl Over {
    pub fn run<R>(self, scenario: impl Scenario<R>) -> R {
        match self {
            Self::Blocking => block_on(scenario.run(blocking())),
            Self::Tokio => RUNTIME.block_on(scenario.run(tokio())),
        }
    }

    /// Asks for `ids` in turn.
    pub fn fetch(
        self,
        endpoint: &str,
        with: With,
        ids: &[&str],
    ) -> Vec<Result<StoredCertificate, KeyManagerError>> {
        self.run(Fetch {
            endpoint: endpoint.to_owned(),
            with,
            ids: ids.iter().map(ToString::to_string).collect(),
        })
    }

    pub fn fetch_one(self, server: &Server, id: &str) -> Result<StoredCertificate, KeyManagerError> {
        self.fetch(&server.url(), With::token(TOKEN), &[id]).remove(0)
    }
}

/// With whose rights, before there is a transport.
#[derive(Clone, Debug)]
pub enum With {
    Credentials(Credentials<()>),
    Session { auth_url: String, login: Login },
}

impl With {
    pub fn token(token: &str) -> Self {
        Self::Credentials(longhand_barbican::Token::new(token).into())
    }

    pub fn credentials<T: Transport>(&self, client: &Client<T>) -> Credentials<T> {
        match self {
            Self::Credentials(Credentials::None) => Credentials::None,
            Self::Credentials(Credentials::Token(token)) => token.clone().into(),
            Self::Credentials(Credentials::Unchecked(identity)) => identity.clone().into(),
            Self::Session { auth_url, login } => {
                KeystoneSession::new(client.clone(), auth_url, login.clone()).unwrap().into()
            }
            Self::Credentials(_) => unreachable!(),
        }
    }
}

struct Fetch {
    endpoint: String,
    with: With,
    ids: Vec<String>,
}

impl Scenario<Vec<Result<StoredCertificate, KeyManagerError>>> for Fetch {
    async fn run<T: Transport>(self, client: Client<T>) -> Vec<Result<StoredCertificate, KeyManagerError>> {
        let credentials = self.with.credentials(&client);
        let barbican = Barbican::new(client, &self.endpoint, credentials).unwrap();
        let mut outcomes = Vec::new();
        for id in &self.ids {
            outcomes.push(barbican.fetch(id).await);
        }
        outcomes
    }
}

/// What lies in a Barbican.
#[derive(Clone, Default)]
pub struct Stored {
    secrets: BTreeMap<String, Vec<u8>>,
    text: Vec<String>,
    containers: BTreeMap<String, Value>,
}

impl Stored {
    pub fn secret(mut self, uuid: &str, payload: impl Into<Vec<u8>>) -> Self {
        self.secrets.insert(uuid.to_owned(), payload.into());
        self
    }

    pub fn container(mut self, uuid: &str, kind: &str, secrets: &[(&str, &str)]) -> Self {
        let refs: Vec<_> =
            secrets.iter().map(|(name, secret)| json!({ "name": name, "secret_ref": secret })).collect();
        let container = json!({
            "created": "2026-11-22T15:39:20.380100", "updated": "2026-11-22T15:39:20.380100", "status": "ACTIVE",
            "name": "c", "type": kind, "creator_id": "b6fe2b0c88dd4a09a5449ccc3df0b7e8", "secret_refs": refs,
            "consumers": [], "container_ref": format!("http://127.0.0.1:56499/v1/containers/{uuid}"),
        });
        self.containers.insert(uuid.to_owned(), container);
        self
    }

    /// As Barbican 23 answered, header for header.
    pub fn answer(&self, request: &Received) -> Answer {
        let not_found =
            |what: &str| Answer::json(404, json!({ "code": 404, "title": "Not Found", "description": what }));
        if request.method() != "GET" || !request.query().is_empty() {
            return Answer::json(
                405,
                json!({ "code": 405, "title": "Method Not Allowed", "description": null }),
            );
        }
        match *request.path().split('/').collect::<Vec<_>>() {
            ["", "v1", "secrets", uuid, "payload"] => match self.secrets.get(uuid) {
                None => not_found("Secret not found."),
                Some(payload) if payload.is_empty() => {
                    not_found("Not Found. Sorry but your secret has no payload.")
                }
                Some(payload) => match request.header("Accept") {
                    None => Answer::bytes(200, "application/octet-stream", payload.clone()),
                    Some(accepted @ ("*/*" | "application/octet-stream")) => {
                        Answer::bytes(200, accepted, payload.clone())
                    }
                    Some(_) => Answer::json(
                        406,
                        json!({ "code": 406, "title": "Not Acceptable",
                        "description": "Secret payload retrieval issue seen - Wrong payload content-type." }),
                    ),
                },
            },
            ["", "v1", "containers", uuid] => match self.containers.get(uuid) {
                None => not_found("Secrets container not found."),
                Some(container) => Answer::json(200, container),
            },
            _ => not_found(""),
        }
    }
}

pub fn unauthorized() -> Answer {
    Answer::json(401, r#"{"error": {"code": 401, "title": "Unauthorized", "message": "The request you have made requires authentication."}}"#)
        .header("WWW-Authenticate", "Keystone uri=\"http://keystone.example/v3\"")
}

/// A Barbican that takes [`TOKEN`] alone.
pub fn barbican(stored: Stored) -> Server {
    barbican_for(stored, |token| token == TOKEN)
}

pub fn barbican_for(stored: Stored, is_good: impl Fn(&str) -> bool + Send + Sync + 'static) -> Server {
    Server::start(move |request| match request.header("X-Auth-Token") {
        Some(token) if is_good(token) => stored.answer(request),
        _ => unauthorized(),
    })
}

/// A Keystone that gives the tokens `token-1`, `token-2`, …, each for `seconds`, to one password.
pub struct Keystone {
    pub server: Server,
    pub logins: Arc<AtomicUsize>,
    pub bodies: Arc<Mutex<Vec<Value>>>,
}

pub const PASSWORD: &str = "correct-horse";

pub fn keystone(seconds: u64, catalogue: &Value) -> Keystone {
    let logins = Arc::new(AtomicUsize::new(0));
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let (count, keep, catalogue) = (Arc::clone(&logins), Arc::clone(&bodies), catalogue.clone());
    let server = Server::start(move |request| {
        if (request.method(), request.path()) != ("POST", "/v3/auth/tokens") {
            return Answer::bytes(404, "text/html", "<!doctype html><title>404 Not Found</title>");
        }
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        let is_good = request.text().contains(PASSWORD);
        keep.lock().unwrap().push(body);
        // Long enough for whoever else wants one.
        let pause = Duration::from_millis(30);
        if !is_good {
            let refused = r#"{"error":{"code":401,"message":"The request you have made requires authentication.","title":"Unauthorized"}}"#;
            return Answer::json(401, refused).after(pause);
        }
        token(&format!("token-{number}"), seconds, &catalogue).after(pause)
    });
    Keystone { server, logins, bodies }
}

pub fn token(token: &str, seconds: u64, catalogue: &Value) -> Answer {
    let expires =
        format!("2026-11-22T{:02}:{:02}:{:02}.000000Z", 1 + seconds / 3600, seconds / 60 % 60, seconds % 60);
    let body = json!({ "token": { "methods": ["password"], "user": { "name": "demo" }, "catalog": catalogue,
        "issued_at": "2026-11-22T01:00:00.000000Z", "expires_at": expires } });
    Answer::json(201, body).header("X-Subject-Token", token)
}

impl Keystone {
    pub fn logins(&self) -> usize {
        self.logins.load(Ordering::SeqCst)
    }

    pub fn login(&self, password: &str) -> With {
        With::Session { auth_url: format!("{}/v3", self.server.url()), login: password_login(password) }
    }
}

pub fn password_login(password: &str) -> Login {
    use longhand_barbican::keystone::{Domain, Project, Scope, User};
    let domain = Domain::Name("Default".to_owned());
    Login::Password {
        user: User::Name { name: "demo".to_owned(), domain: domain.clone() },
        password: password.into(),
        scope: Scope::Project(Project::Name { name: "demo".to_owned(), domain }),
    }
}

pub fn catalogue(key_manager: &str) -> Value {
    json!([
        { "type": "identity", "name": "keystone", "endpoints": [
            { "interface": "public", "region": "RegionOne", "region_id": "RegionOne", "url": "http://k/v3" }] },
        { "type": "key-manager", "name": "barbican", "endpoints": [
            { "interface": "public", "region": "RegionOne", "region_id": "RegionOne", "url": key_manager }] },
    ])
}
