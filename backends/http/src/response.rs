//! What a service answers, as data: bounded before it gets here.

use std::fmt;

use http::{HeaderMap, StatusCode};
use longhand::Excerpt;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::HttpError;
use crate::request::Request;

/// An answer. Its body may hold a token, so `Debug` shows only its length.
#[derive(Clone)]
pub struct Response {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
    gives_a_secret_away: bool,
}

impl Response {
    /// An answer as a transport received it. Header lines that are none are left out.
    pub fn new<'a>(
        status: u16,
        headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
        body: Vec<u8>,
    ) -> Self {
        let headers = headers.into_iter().filter_map(|(name, value)| {
            Some((name.parse().ok()?, http::HeaderValue::from_bytes(value).ok()?))
        });
        Self { status, headers: headers.collect(), body, gives_a_secret_away: false }
    }

    #[cfg(any(feature = "blocking", feature = "tokio"))]
    pub(crate) fn from_parts(status: StatusCode, headers: HeaderMap, body: Vec<u8>) -> Self {
        Self { status: status.as_u16(), headers, body, gives_a_secret_away: false }
    }

    /// The same, whose refusal quotes nothing if the body repeats a secret of the request: as it is, or in JSON, where
    /// another form of it (`\u003d`) is the same text.
    pub(crate) fn answering(mut self, request: &Request) -> Self {
        let repeats = |text: &[u8]| request.is_given_away_by(text);
        self.gives_a_secret_away = !self.is_success()
            && (repeats(&self.body) || self.text().is_some_and(|text| repeats(text.as_bytes())));
        self
    }

    /// The status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the status is one of 200 to 299.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first header of this name, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body alone.
    #[must_use]
    pub fn into_body(self) -> Vec<u8> {
        self.body
    }

    /// The body as a JSON document, whatever its content type says.
    ///
    /// # Errors
    /// [`HttpError::Malformed`], which says nothing of the body: it may hold a token.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        serde_json::from_slice(&self.body).map_err(|_| HttpError::Malformed { what: "the answer's JSON" })
    }

    /// The status and what the server said to it, in an excerpt.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        Refusal { status: self.status, said: self.said() }
    }

    fn said(&self) -> Option<Excerpt> {
        // A success says what was asked for, not why it was refused.
        if self.is_success() || self.gives_a_secret_away {
            return None;
        }
        let text = self.text()?;
        let text = text.trim();
        (!text.is_empty()).then(|| Excerpt::new(text))
    }

    fn text(&self) -> Option<String> {
        match serde_json::from_slice::<Value>(&self.body) {
            Ok(document) => words(&document),
            Err(_) => Some(String::from_utf8_lossy(&self.body).into_owned()),
        }
    }
}

/// Where Barbican (`title`, `description`), Keystone and its middleware (`error.message`), Glance (`message`) and Vault
/// (`errors`, `warnings`) put their words.
fn words(document: &Value) -> Option<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let first = |list: &str| document.get(list).and_then(Value::as_array).and_then(|words| words.first());
    let error = document.get("error");
    [
        document.get("description"),
        document.get("message"),
        error.and_then(|error| error.get("message")),
        error,
        first("errors"),
        first("warnings"),
    ]
    .into_iter()
    .flatten()
    .find_map(text)
    .or_else(|| document.get("title").and_then(text))
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = self.body.len();
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("length", &length)
            .finish_non_exhaustive()
    }
}

/// A refusal: its status and, in an excerpt, what the server said.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The status code.
    pub status: u16,
    /// What the server said, if it said something.
    pub said: Option<Excerpt>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server answered {}", self.status)?;
        if let Some(reason) =
            StatusCode::from_u16(self.status).ok().and_then(|status| status.canonical_reason())
        {
            write!(f, " {reason}")?;
        }
        match &self.said {
            Some(said) => write!(f, ": {said}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Response {
        Response::new(status, [("content-type", b"application/json".as_slice())], body.as_bytes().to_vec())
    }

    #[test]
    fn a_refusal_says_what_the_server_said() {
        for (status, body, shown) in [
            (
                404,
                r#"{"code": 404, "title": "Not Found", "description": "Secret not found."}"#,
                "the server answered 404 Not Found: \"Secret not found.\"",
            ),
            (
                401,
                r#"{"error": {"code": 401, "title": "Unauthorized", "message": "The request you have made requires authentication."}}"#,
                "the server answered 401 Unauthorized: \"The request you have made requires authentication.\"",
            ),
            (
                403,
                r#"{"errors": ["permission denied", "x"]}"#,
                "the server answered 403 Forbidden: \"permission denied\"",
            ),
            (404, r#"{"errors": []}"#, "the server answered 404 Not Found"),
            (
                404,
                r#"{"data": null, "warnings": ["Invalid path"]}"#,
                "the server answered 404 Not Found: \"Invalid path\"",
            ),
            (400, r#"{"error": "bad"}"#, "the server answered 400 Bad Request: \"bad\""),
            (503, "", "the server answered 503 Service Unavailable"),
            (502, "<html>\u{1b}[2J", "the server answered 502 Bad Gateway: \"<html>\\u{1b}[2J\""),
            (599, "[[[", "the server answered 599: \"[[[\""),
            (200, r#"{"access": {"token": "secret"}}"#, "the server answered 200 OK"),
        ] {
            assert_eq!(answer(status, body).refusal().to_string(), shown);
        }
    }

    #[test]
    fn a_refusal_that_repeats_a_secret_of_the_request_is_not_quoted() {
        let url = crate::Endpoint::parse("http://h").unwrap().url(&[]);
        let request = Request::get(url).header("X-Vault-Namespace", "cloud").unwrap();
        let request = request.secret_header("X-Vault-Token", &"hvs.secret".into()).unwrap();
        let request = request.hiding(&"s/1".into()).hiding(&"".into());
        for (said, quoted) in [
            ("no such namespace: cloud", true),
            ("hvs.secre", true),
            ("hvs.secret", false),
            ("token hvs.secret is bad", false),
            (r#"{"errors": ["token \u0068vs.secret"]}"#, false),
            (r#"{"error": "role s\/1 is bad"}"#, false),
            ("role s/1 is bad", false),
        ] {
            let refusal = answer(403, said).answering(&request).refusal();
            assert_eq!(refusal.said.is_some(), quoted, "{refusal}");
        }
    }

    #[test]
    fn an_endless_speech_is_cut() {
        let shown = answer(500, &"x".repeat(100_000)).refusal().to_string();
        assert!(shown.len() < 1000, "{}", shown.len());
    }

    #[test]
    fn what_may_be_a_token_is_not_shown() {
        let answer = answer(200, "hvs.secret");
        assert!(!format!("{answer:?}").contains("hvs"));
        assert!(!format!("{:?}", answer.json::<u8>()).contains("hvs"));
    }
}
