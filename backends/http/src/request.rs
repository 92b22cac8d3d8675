//! What is asked of a service, as data.

use std::fmt;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde::Serialize;
use url::Url;

use crate::error::HttpError;
use crate::limits::MAX_BODY;

/// A request: what a [`Transport`](crate::Transport) sends. `Debug` shows neither header values nor the body.
///
/// ```
/// use longhand_http::{Endpoint, Request, SecretString};
///
/// let url = Endpoint::parse("https://barbican.example")?.url(&["v1", "secrets"]);
/// let request = Request::get(url).secret_header("X-Auth-Token", &SecretString::from("gAAAAA…"));
/// assert!(request.is_err()); // "…" cannot stand in a header
/// # Ok::<(), longhand_http::EndpointError>(())
/// ```
#[derive(Clone)]
pub struct Request {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<SecretSlice<u8>>,
    /// Those in the body.
    secrets: Vec<SecretString>,
    max_body: usize,
}

impl Request {
    /// Asks for what is there.
    #[must_use]
    pub fn get(url: Url) -> Self {
        let mut headers = HeaderMap::new();
        // Said here, so that every transport says the same.
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        Self { method: Method::GET, url, headers, body: None, secrets: Vec::new(), max_body: MAX_BODY }
    }

    /// Sends a JSON document, which may hold credentials.
    ///
    /// # Errors
    /// [`HttpError::Malformed`] when the document cannot be written as JSON.
    pub fn post_json(url: Url, document: &impl Serialize) -> Result<Self, HttpError> {
        let body =
            serde_json::to_vec(document).map_err(|_| HttpError::Malformed { what: "the request's JSON" })?;
        let mut request = Self { method: Method::POST, body: Some(body.into()), ..Self::get(url) };
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request.headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        Ok(request)
    }

    /// The same with a header, in place of one of that name.
    ///
    /// # Errors
    /// [`HttpError::InvalidHeader`] when the value cannot stand in a header.
    pub fn header(self, name: &'static str, value: &str) -> Result<Self, HttpError> {
        self.with(name, value, false)
    }

    /// The same with a header that must not be shown.
    ///
    /// # Errors
    /// As [`header`](Self::header).
    pub fn secret_header(self, name: &'static str, value: &SecretString) -> Result<Self, HttpError> {
        self.with(name, value.expose_secret(), true)
    }

    /// The same, whose body holds this secret: a refusal that repeats it is not quoted.
    #[must_use]
    pub fn hiding(mut self, secret: &SecretString) -> Self {
        self.secrets.push(secret.clone());
        self
    }

    fn with(mut self, name: &'static str, value: &str, is_secret: bool) -> Result<Self, HttpError> {
        let invalid = HttpError::InvalidHeader { name };
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid.clone())?;
        // Octets above ASCII would be read as Latin-1 by some servers and as UTF-8 by others.
        if !value.is_ascii() {
            return Err(invalid);
        }
        let mut value = HeaderValue::from_str(value).map_err(|_| invalid)?;
        value.set_sensitive(is_secret);
        self.headers.insert(header, value);
        Ok(self)
    }

    /// The same with another bound on the answer's body, in bytes.
    #[must_use]
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// `GET` or `POST`.
    #[must_use]
    pub fn method(&self) -> &str {
        self.method.as_str()
    }

    /// Where it goes.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The headers' names and values, secrets among them: for transports.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
    }

    /// The body, which may hold credentials: for transports.
    #[must_use]
    pub fn body(&self) -> Option<&[u8]> {
        self.body.as_ref().map(ExposeSecret::expose_secret)
    }

    /// How long the answer's body may be, in bytes.
    #[must_use]
    pub fn body_limit(&self) -> usize {
        self.max_body
    }

    /// Whether a text holds a secret of this request: the value of a header that must not be shown, or what its body hides.
    pub(crate) fn is_given_away_by(&self, text: &[u8]) -> bool {
        let in_headers =
            self.headers.values().filter(|value| value.is_sensitive()).map(HeaderValue::as_bytes);
        let in_body = self.secrets.iter().map(|secret| secret.expose_secret().as_bytes());
        let mut secrets = in_headers.chain(in_body).filter(|secret| !secret.is_empty());
        secrets.any(|secret| text.windows(secret.len()).any(|part| part == secret))
    }

    #[cfg(any(feature = "blocking", feature = "tokio"))]
    pub(crate) fn header_map(&self) -> &HeaderMap {
        &self.headers
    }

    #[cfg(any(feature = "blocking", feature = "tokio"))]
    pub(crate) fn http_method(&self) -> &Method {
        &self.method
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.keys().map(HeaderName::as_str).collect();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &self.url.as_str())
            .field("headers", &names)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Endpoint;

    fn url() -> Url {
        Endpoint::parse("http://h").unwrap().url(&["x"])
    }

    #[test]
    fn nothing_secret_is_shown() {
        let secret = SecretString::from("correct-horse");
        let request = Request::post_json(url(), &"battery-staple").unwrap();
        let request = request.secret_header("X-Auth-Token", &secret).unwrap();
        let shown = format!("{request:?} {request:#?}");
        assert!(shown.contains("x-auth-token"), "{shown}");
        assert!(!shown.contains("correct-horse") && !shown.contains("battery-staple"), "{shown}");
        assert!(request.headers().any(|(name, value)| name == "x-auth-token" && value == b"correct-horse"));
        assert_eq!(request.body(), Some(br#""battery-staple""#.as_slice()));
    }

    #[test]
    fn a_value_cannot_become_another_header() {
        for value in ["a\r\nX-Roles: admin", "a\nb", "\0", "é", "\u{7f}"] {
            let plain = Request::get(url()).header("X-Auth-Token", value).unwrap_err();
            let secret =
                Request::get(url()).secret_header("X-Auth-Token", &SecretString::from(value)).unwrap_err();
            for error in [plain, secret] {
                assert!(matches!(error, HttpError::InvalidHeader { name: "X-Auth-Token" }), "{error:?}");
                assert!(!error.to_string().contains("admin"), "{error}");
            }
        }
    }

    #[test]
    fn a_header_that_is_given_again_replaces_the_first() {
        let request = Request::get(url()).header("Accept", "application/json").unwrap();
        assert_eq!(request.headers().collect::<Vec<_>>(), [("accept", b"application/json".as_slice())]);
    }
}
