//! Where a service is: the only place that its credentials go to.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The base address of a service: `http` or `https`, a host, perhaps a port and a path.
///
/// ```
/// use longhand_http::Endpoint;
///
/// let endpoint = Endpoint::parse("https://barbican.example:9311/key-manager/")?;
/// assert_eq!(endpoint.url(&["v1", "a b"]).as_str(), "https://barbican.example:9311/key-manager/v1/a%20b");
/// assert!(Endpoint::parse("https://user:password@barbican.example").is_err());
/// # Ok::<(), longhand_http::EndpointError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

impl Endpoint {
    /// Reads an address. A slash at its end means nothing.
    ///
    /// # Errors
    /// [`EndpointError`] names the rule that it breaks.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let url = Url::parse(text.trim()).map_err(|_| EndpointError::Malformed)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(EndpointError::Scheme);
        }
        if !url.has_host() {
            return Err(EndpointError::Malformed);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::Credentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(EndpointError::NotABase);
        }
        Ok(Self(url))
    }

    /// The address of what lies under these segments, each percent-encoded but for the unreserved characters of RFC 3986
    /// section 2.3, so that none can leave its place. A segment that is empty, `.` or `..` names nothing of its own and is
    /// left out: callers refuse such ids before.
    #[must_use]
    pub fn url(&self, segments: &[&str]) -> Url {
        let mut path = self.0.path().trim_end_matches('/').to_owned();
        for segment in segments.iter().filter(|segment| !matches!(**segment, "" | "." | "..")) {
            path.push('/');
            path.extend(utf8_percent_encode(segment, RESERVED));
        }
        let mut url = self.0.clone();
        // The encoding is ours: the URL standard would drop tabs and line ends.
        url.set_path(&path);
        url
    }

    /// The address without what its path ends in, if it ends in this segment: `…/v1` and `…` name one service.
    #[must_use]
    pub fn without_last(mut self, segment: &str) -> Self {
        let mut segments: Vec<_> = self.0.path_segments().map(Iterator::collect).unwrap_or_default();
        if segments.last() == Some(&"") {
            segments.pop();
        }
        if segments.last() == Some(&segment) {
            segments.pop();
            let path = segments.join("/");
            self.0.set_path(&path);
        }
        self
    }

    /// The address as a text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether what is sent there is encrypted on its way.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

/// Why a text is not the address of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// It is no absolute URL with a host.
    #[error("it must look like https://host:port/path")]
    Malformed,
    /// Its scheme is another.
    #[error("its scheme must be http or https")]
    Scheme,
    /// It holds a user name or a password, which would end in logs.
    #[error("it must not hold a user name or a password")]
    Credentials,
    /// It has a query or a fragment.
    #[error("it must not have a query or a fragment")]
    NotABase,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_plain_base_address() {
        for (text, outcome) in [
            ("http://127.0.0.1:9311", Ok("http://127.0.0.1:9311/")),
            (" https://h/key-manager/ ", Ok("https://h/key-manager/")),
            ("https://[::1]:9311/v1", Ok("https://[::1]:9311/v1")),
            ("h:9311", Err(EndpointError::Scheme)),
            ("ftp://h", Err(EndpointError::Scheme)),
            ("file:///etc/passwd", Err(EndpointError::Scheme)),
            ("h", Err(EndpointError::Malformed)),
            ("", Err(EndpointError::Malformed)),
            ("https://u@h", Err(EndpointError::Credentials)),
            ("https://u:p@h", Err(EndpointError::Credentials)),
            ("https://h?x", Err(EndpointError::NotABase)),
            ("https://h#x", Err(EndpointError::NotABase)),
        ] {
            let found = Endpoint::parse(text);
            assert_eq!(found.as_ref().map(Endpoint::as_str), outcome.as_ref().copied(), "{text}");
        }
    }

    #[test]
    fn no_segment_leaves_its_place() {
        for (base, segments, url) in [
            ("http://h", ["v1", "x"], "http://h/v1/x"),
            ("http://h/a/", ["v1", "x"], "http://h/a/v1/x"),
            ("http://h/a", ["v1", "x/../y"], "http://h/a/v1/x%2F..%2Fy"),
            ("http://h", ["v1", ".."], "http://h/v1"),
            ("http://h", ["v1", "."], "http://h/v1"),
            ("http://h", ["v1", "?a#b"], "http://h/v1/%3Fa%23b"),
            ("http://h", ["v1", "a\\b;c=d"], "http://h/v1/a%5Cb%3Bc%3Dd"),
            ("http://h", ["v1", "a\r\n\tb\0"], "http://h/v1/a%0D%0A%09b%00"),
            ("http://h", ["v1", "ü"], "http://h/v1/%C3%BC"),
            ("http://h/a", ["v1", ".\t."], "http://h/a/v1/.%09."),
            ("http://h/a", ["v1", "\n.."], "http://h/a/v1/%0A.."),
            ("http://h", ["v1", "..%2f"], "http://h/v1/..%252f"),
            ("http://h", ["v1", "%2e%2e"], "http://h/v1/%252e%252e"),
        ] {
            assert_eq!(Endpoint::parse(base).unwrap().url(&segments).as_str(), url, "{segments:?}");
        }
    }

    #[test]
    fn a_version_at_the_end_can_be_taken_off() {
        for (text, without) in [
            ("http://h/v1", "http://h/"),
            ("http://h/v1/", "http://h/"),
            ("http://h/key-manager/v1", "http://h/key-manager"),
            ("http://h/v10", "http://h/v10"),
            ("http://h", "http://h/"),
        ] {
            assert_eq!(Endpoint::parse(text).unwrap().without_last("v1").as_str(), without, "{text}");
        }
    }
}
