#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that fails may panic"))]

mod block_on;
mod client;
mod endpoint;
mod error;
pub mod limits;
mod request;
mod response;
mod tls;
mod trace;
mod transport;

pub use block_on::block_on;
pub use client::{Client, Deadline, Patience};
pub use endpoint::{Endpoint, EndpointError};
pub use error::HttpError;
pub use request::Request;
pub use response::{Refusal, Response};
pub use secrecy::{ExposeSecret, SecretString};
pub use tls::Tls;
#[cfg(feature = "tokio")]
pub use transport::TokioTransport;
pub use transport::{AnswersAtOnce, Awaited, BoxFuture, Transport};
#[cfg(feature = "blocking")]
pub use transport::{BlockingTransport, Download};
pub use url::Url;

#[cfg(any(feature = "blocking", feature = "tokio"))]
const USER_AGENT: &str = concat!("longhand/", env!("CARGO_PKG_VERSION"));

/// Why an answer is not taken, whatever its body is.
#[cfg(any(feature = "blocking", feature = "tokio"))]
fn unacceptable(status: http::StatusCode, headers: &http::HeaderMap) -> Option<HttpError> {
    if matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Some(HttpError::Redirected { status: status.as_u16() });
    }
    let encoding = headers.get(http::header::CONTENT_ENCODING)?;
    let is_plain = encoding.as_bytes().eq_ignore_ascii_case(b"identity");
    let encoding = longhand::Excerpt::new(&String::from_utf8_lossy(encoding.as_bytes()));
    (!is_plain).then_some(HttpError::Encoded { encoding })
}
