//! A transport whose answers are in the input, and which looks at every request that would be sent.

use std::error::Error;
use std::future::ready;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use longhand_barbican::http::{AnswersAtOnce, BoxFuture, HttpError, Request, Response, Transport};

/// A secret, and the only host that it may be sent to.
pub type Secret = (&'static str, &'static str);

/// What a server grants in a header. Which services get it is for the server to say.
const GRANTED: &str = "gAAAAABtoken-that-was-granted-0123456789";

/// The most attempts that one certificate may take: two logins of two users, and four requests (a secret, its container, its
/// certificate, its intermediates) that a 401 has sent twice, each tried four times.
const MAX_ATTEMPTS: usize = (2 * 2 + 4 * 2) * longhand_barbican::http::limits::ATTEMPTS as usize;

/// Answers in turn, then broken connections.
#[derive(Debug)]
pub struct Script {
    answers: Mutex<Vec<Result<Response, HttpError>>>,
    requests: Mutex<usize>,
    secrets: &'static [Secret],
}

impl Script {
    /// Each answer has an octet for its status, one for its headers, then its body.
    pub fn new(answers: &[&[u8]], secrets: &'static [Secret]) -> Self {
        let answers = answers.iter().rev().map(|answer| read(answer)).collect();
        Self { answers: Mutex::new(answers), requests: Mutex::new(0), secrets }
    }

    fn look_at(&self, request: &Request) {
        let url = request.url();
        assert!(is_asked(url.path()), "{url}");
        assert!(url.username().is_empty() && url.password().is_none() && url.query().is_none(), "{url}");
        let shown = format!("{request:?}");
        for &(secret, host) in self.secrets {
            let holds = |octets: &[u8]| octets.windows(secret.len()).any(|part| part == secret.as_bytes());
            let is_sent =
                request.headers().any(|(_, value)| holds(value)) || request.body().is_some_and(holds);
            assert!(!is_sent || url.host_str() == Some(host), "a secret of {host} goes to {url}");
            assert!(!shown.contains(secret) || url.as_str().contains(secret), "{shown}");
        }
        let mut requests = self.requests.lock().expect("nobody panicked");
        *requests += 1;
        assert!(*requests <= MAX_ATTEMPTS, "more requests than any certificate takes");
    }
}

impl Transport for Script {
    fn send<'a>(&'a self, request: &'a Request, _: Duration) -> BoxFuture<'a, Result<Response, HttpError>> {
        self.look_at(request);
        let answer = self.answers.lock().expect("nobody panicked").pop();
        Box::pin(ready(match answer.unwrap_or_else(|| Err(broken())) {
            Ok(answer) if answer.body().len() > request.body_limit() => {
                Err(HttpError::TooLarge { limit: request.body_limit() })
            }
            answer => answer,
        }))
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }
}

impl AnswersAtOnce for Script {}

/// Whether a path is one of those that are asked for, wherever the service is. What an id named is one segment of it.
fn is_asked(path: &str) -> bool {
    let segments: Vec<&str> = path.rsplit('/').collect();
    let is_uuid = |text: &str| {
        text.len() == 36 && text.bytes().all(|octet| matches!(octet, b'0'..=b'9' | b'a'..=b'f' | b'-'))
    };
    let is_name = |text: &str| {
        let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet);
        !text.is_empty() && !text.starts_with('.') && text.bytes().all(is_plain)
    };
    match segments.as_slice() {
        ["payload", uuid, "secrets", "v1", ..] | [uuid, "containers", "v1", ..] if is_uuid(uuid) => true,
        ["tokens", "auth", "v3", ..] => true,
        ["login", "approle", "auth", "v1", ""] | ["renew-self", "token", "auth", "v1", ""] => true,
        [name, "secret", "v1", ""] | [name, "data", "secret", "v1", ""] => is_name(name),
        _ => false,
    }
}

fn read(answer: &[u8]) -> Result<Response, HttpError> {
    let (status, headers, body) = match answer {
        [status, headers, body @ ..] => (*status, *headers, body),
        _ => return Err(broken()),
    };
    let status = match status {
        0..=63 => 200,
        64 => 201,
        65 => 204,
        66 => 300,
        67 => 400,
        68 => 401,
        69 => 403,
        70 => 404,
        71 => 429,
        72 => 500,
        73 => 503,
        74 => return Err(HttpError::Timeout { after: Duration::from_secs(10) }),
        75 => return Err(HttpError::Redirected { status: 302 }),
        other => u16::from(other) * 4,
    };
    let mut lines: Vec<(&str, &[u8])> = vec![("content-type", b"application/json")];
    if headers & 1 != 0 {
        lines.push(("x-subject-token", GRANTED.as_bytes()));
    }
    if headers & 2 != 0 {
        lines.push(("retry-after", b"1"));
    }
    Ok(Response::new(status, lines, body.to_vec()))
}

fn broken() -> HttpError {
    let source: Box<dyn Error + Send + Sync> = "the input has no more answers".into();
    HttpError::Broken { source: Arc::from(source) }
}
