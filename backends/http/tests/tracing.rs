//! What operators see of requests, and what they never see.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

use std::fmt::{self, Write as _};
use std::future::ready;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use longhand_http::limits::MAX_LOGGED_PATH;
use longhand_http::{
    BoxFuture, Client, Endpoint, HttpError, Request, Response, SecretString, Transport, Url, block_on,
};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Writes down spans and lines, those of transports with the spans that they were in.
#[derive(Clone, Default)]
struct Capture(Arc<Mutex<(String, usize)>>);

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Subscriber for Capture {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let (seen, _) = &mut *self.0.lock().unwrap();
        seen.push_str(attributes.metadata().name());
        attributes.record(&mut Fields(seen));
        seen.push('\n');
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let (seen, entered) = &mut *self.0.lock().unwrap();
        write!(seen, "{} in {entered}", event.metadata().level()).unwrap();
        event.record(&mut Fields(seen));
        seen.push('\n');
    }

    fn enter(&self, _: &Id) {
        self.0.lock().unwrap().1 += 1;
    }

    fn exit(&self, _: &Id) {
        self.0.lock().unwrap().1 -= 1;
    }
}

/// Gives its answers in turn.
#[derive(Debug)]
struct Script(Mutex<Vec<Result<Response, HttpError>>>);

impl Transport for Script {
    fn send<'a>(&'a self, _: &'a Request, _: Duration) -> BoxFuture<'a, Result<Response, HttpError>> {
        Box::pin(ready(self.0.lock().unwrap().remove(0)))
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }
}

fn seen(request: &Request, answers: Vec<Result<Response, HttpError>>) -> String {
    let capture = Capture::default();
    let client = Client::new(Script(Mutex::new(answers)));
    let outcome = tracing::subscriber::with_default(capture.clone(), || {
        block_on(client.send(request, &client.start()))
    });
    assert!(outcome.is_ok());
    let (seen, entered) = capture.0.lock().unwrap().clone();
    assert_eq!(entered, 0);
    seen
}

fn answer(status: u16) -> Result<Response, HttpError> {
    let pause = (status != 200).then_some(("retry-after", b"2".as_slice()));
    Ok(Response::new(status, pause, b"said by the server".to_vec()))
}

#[test]
fn a_request_is_a_span_and_each_repetition_a_line_in_it() {
    let url = Endpoint::parse("https://barbican.example:9311/key-manager").unwrap().url(&["v1", "a\u{1b}b"]);
    let source: Arc<dyn std::error::Error + Send + Sync> = Arc::from(Box::from("hunter2\nforged"));
    let answers = vec![answer(503), Err(HttpError::Broken { source }), answer(200)];
    let seen = seen(&Request::get(url), answers);
    let lines: Vec<_> = seen.lines().collect();
    let [span, status, error] = lines.as_slice() else { panic!("{seen}") };
    assert_eq!(*span, r#"request method="GET" host="barbican.example" path="/key-manager/v1/a%1Bb""#);
    assert_eq!(*status, "DEBUG in 1 message=tried again after a status attempts=1 pause_ms=2000 status=503");
    assert!(
        error.starts_with("DEBUG in 1 message=tried again after an error attempts=2 pause_ms="),
        "{error}"
    );
    assert!(error.ends_with(r#" reason="broken off""#), "{error}");
}

#[test]
fn no_credential_query_header_or_body_is_seen() {
    let url = Url::parse("https://user:hunter2@h/v1?token=hunter2#hunter2").unwrap();
    let request = Request::post_json(url, &["hunter2"]).unwrap();
    let request = request.secret_header("X-Auth-Token", &SecretString::from("hunter2")).unwrap();
    let seen = seen(&request.header("X-Other", "hunter2").unwrap(), vec![answer(503), answer(200)]);
    assert!(!seen.contains("hunter2") && !seen.contains("user") && !seen.contains("said by"), "{seen}");
}

#[test]
fn a_path_is_cut_at_the_bound() {
    for (length, shown) in [(MAX_LOGGED_PATH, MAX_LOGGED_PATH), (MAX_LOGGED_PATH + 1, MAX_LOGGED_PATH)] {
        let url = Endpoint::parse("http://h").unwrap().url(&[&"x".repeat(length - 1)]);
        let seen = seen(&Request::get(url), vec![answer(200)]);
        assert_eq!(seen.matches('x').count(), shown - 1);
    }
}
