//! What operators see of requests. Neither queries nor headers nor bodies: those may hold credentials.

#[cfg(feature = "tracing")]
pub(crate) use on::{again, in_span};

#[cfg(not(feature = "tracing"))]
pub(crate) use off::{again, in_span};

#[cfg(feature = "tracing")]
mod on {
    use std::time::Duration;

    use tracing::instrument::{Instrument as _, Instrumented};
    use tracing::{debug, info_span};

    use crate::error::HttpError;
    use crate::limits::MAX_LOGGED_PATH;
    use crate::request::Request;
    use crate::response::Response;

    const TARGET: &str = "longhand_http";

    /// The future, each of whose polls is in the span of this request. A URL is printable ASCII, whatever it was made from.
    pub(crate) fn in_span<F: Future>(request: &Request, future: F) -> Instrumented<F> {
        let (url, method) = (request.url(), request.method());
        let path = url.path().get(..MAX_LOGGED_PATH).unwrap_or(url.path());
        let host = url.host_str().unwrap_or_default();
        future.instrument(info_span!(target: TARGET, "request", method, host, path))
    }

    /// What is tried again after so many attempts and this pause.
    pub(crate) fn again(attempts: u32, pause: Duration, outcome: &Result<Response, HttpError>) {
        let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        match outcome {
            Ok(answer) => {
                debug!(target: TARGET, attempts, pause_ms, status = answer.status(), "tried again after a status");
            }
            Err(error) => {
                debug!(target: TARGET, attempts, pause_ms, reason = reason(error), "tried again after an error");
            }
        }
    }

    /// In our words: those of a transport can be anything.
    fn reason(error: &HttpError) -> &'static str {
        match error {
            HttpError::Unreachable { .. } => "unreachable",
            HttpError::Broken { .. } => "broken off",
            HttpError::Timeout { .. } => "no answer in time",
            _ => "other",
        }
    }
}

#[cfg(not(feature = "tracing"))]
mod off {
    use std::time::Duration;

    use crate::error::HttpError;
    use crate::request::Request;
    use crate::response::Response;

    pub(crate) fn in_span<F>(_: &Request, future: F) -> F {
        future
    }

    pub(crate) fn again(_: u32, _: Duration, _: &Result<Response, HttpError>) {}
}
