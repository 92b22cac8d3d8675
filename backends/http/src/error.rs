//! Why there is no answer.

use std::error::Error;
#[cfg(any(feature = "blocking", feature = "tokio"))]
use std::io;
use std::sync::Arc;
use std::time::Duration;

use longhand::Excerpt;

#[cfg(any(feature = "blocking", feature = "tokio"))]
use crate::limits::MAX_SHOWN;

/// Why a request got no answer that can be used.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// There is no connection: no such host, nobody listens, the way is closed.
    #[error("{host} cannot be reached: {source}")]
    Unreachable {
        /// The host asked for.
        host: Excerpt,
        /// What went wrong.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The server's certificate does not hold, or it does not speak TLS as we do.
    #[error("{host} cannot be trusted: {source}")]
    Untrusted {
        /// The host asked for.
        host: Excerpt,
        /// What is wrong.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The connection broke, or what came is not HTTP.
    #[error("the answer broke off: {source}")]
    Broken {
        /// What went wrong.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// No whole answer came in time.
    #[error("no answer within {} ms", after.as_millis())]
    Timeout {
        /// How long it was waited for.
        after: Duration,
    },
    /// The answer is larger than its bound.
    #[error("the answer has more than {limit} bytes")]
    TooLarge {
        /// The bound in bytes.
        limit: usize,
    },
    /// The server points elsewhere: credentials are not taken there.
    #[error("the server answered {status}, a redirect, which is not followed")]
    Redirected {
        /// The status code.
        status: u16,
    },
    /// The body is compressed or otherwise encoded, which was not asked for.
    #[error("the answer is encoded as {encoding}, which was not asked for")]
    Encoded {
        /// The content encoding.
        encoding: Excerpt,
    },
    /// A document is not what it should be.
    #[error("{what} cannot be read")]
    Malformed {
        /// Which one.
        what: &'static str,
    },
    /// A value cannot stand in this header.
    #[error("the value for the header {name} holds characters that cannot stand in a header")]
    InvalidHeader {
        /// The header.
        name: &'static str,
    },
    /// The transport cannot be set up.
    #[error("{what} cannot be set up: {source}")]
    Setup {
        /// What of it.
        what: &'static str,
        /// What went wrong.
        source: Arc<dyn Error + Send + Sync>,
    },
}

impl HttpError {
    /// Whether another attempt may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Broken { .. } | Self::Timeout { .. })
    }

    /// Whether somebody has to change a setting before any attempt can help.
    #[must_use]
    pub fn is_misconfiguration(&self) -> bool {
        matches!(self, Self::Untrusted { .. } | Self::InvalidHeader { .. } | Self::Setup { .. })
    }

    #[cfg(any(feature = "blocking", feature = "tokio"))]
    pub(crate) fn broken(source: impl Error + Send + Sync + 'static) -> Self {
        Self::Broken { source: innermost(source) }
    }

    #[cfg(any(feature = "blocking", feature = "tokio"))]
    pub(crate) fn setup(what: &'static str, source: impl Error + Send + Sync + 'static) -> Self {
        Self::Setup { what, source: Arc::new(source) }
    }

    /// No connection to `host`: because of its certificate, or else.
    #[cfg(any(feature = "blocking", feature = "tokio"))]
    pub(crate) fn no_connection(host: &str, source: impl Error + Send + Sync + 'static) -> Self {
        let host = Excerpt::new(host);
        match tls_error(&source) {
            Some(source) => Self::Untrusted { host, source: shown(&source.to_string()) },
            None => Self::Unreachable { host, source: innermost(source) },
        }
    }
}

/// What rustls has to say, wherever in a chain of errors it stands: `io::Error` gives its own error, not as its source.
#[cfg(any(feature = "blocking", feature = "tokio"))]
fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next: Option<&'a (dyn Error + 'static)> = Some(error);
    for _ in 0..16 {
        let error = next?;
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        let within = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match within {
            Some(within) => Some(within),
            None => error.source(),
        };
    }
    None
}

/// The text of the innermost error: the outer ones of HTTP clients say "error sending request".
#[cfg(any(feature = "blocking", feature = "tokio"))]
fn innermost(error: impl Error + Send + Sync + 'static) -> Arc<dyn Error + Send + Sync> {
    let mut text = error.to_string();
    let mut next = error.source();
    for _ in 0..16 {
        let Some(source) = next else { break };
        text = source.to_string();
        next = source.source();
    }
    shown(&text)
}

/// A text of which the server may have written a part, as rustls repeats every name of a certificate that is for others:
/// cut, and nothing in it acts on a terminal or a log.
#[cfg(any(feature = "blocking", feature = "tokio"))]
fn shown(text: &str) -> Arc<dyn Error + Send + Sync> {
    // What stands in quotes stays as it is: the text is shown without.
    let printable =
        |letter: char| matches!(letter, '"' | '\'' | '\\') || letter.escape_debug().next() != Some('\\');
    let mut letters = text.chars();
    let mut kept: String = letters
        .by_ref()
        .take(MAX_SHOWN)
        .map(|letter| if printable(letter) { letter } else { char::REPLACEMENT_CHARACTER })
        .collect();
    if letters.next().is_some() {
        kept.push('…');
    }
    Arc::new(io::Error::other(kept))
}
