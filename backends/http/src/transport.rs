//! What sends a request and brings the answer.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use crate::error::HttpError;
use crate::request::Request;
use crate::response::Response;

#[cfg(feature = "blocking")]
mod blocking;
#[cfg(any(feature = "blocking", feature = "tokio"))]
mod exchange;
#[cfg(feature = "tokio")]
mod tokio;

#[cfg(feature = "blocking")]
pub use blocking::{BlockingTransport, Download};
#[cfg(feature = "tokio")]
pub use tokio::TokioTransport;

/// A future in a box, so that traits that give one can be objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Sends one request, once. Whoever has an HTTP client of his own puts it behind this.
///
/// An implementation sends the request to the host of its URL and to no other: it follows no redirect (which is
/// [`HttpError::Redirected`]) and asks no proxy that the operator did not name. It reads no more of a body than
/// [`Request::body_limit`] allows, gives up after `time_left`, and decodes nothing.
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Sends the request; the whole answer is there within `time_left`, or an error.
    fn send<'a>(
        &'a self,
        request: &'a Request,
        time_left: Duration,
    ) -> BoxFuture<'a, Result<Response, HttpError>>;

    /// Waits.
    fn sleep(&self, pause: Duration) -> BoxFuture<'_, ()>;
}

/// A transport whose futures are ready when they are first polled, because it blocks the calling thread: what is built on it
/// can be a blocking key manager.
pub trait AnswersAtOnce: Transport {}

/// A transport whose futures wait without holding their thread: what is built on it can be an async key manager. No transport
/// is both, so that none that blocks gets among a runtime's tasks.
pub trait Awaited: Transport {}
