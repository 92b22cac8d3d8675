//! What the server answers: what a good one would, and what a hostile one does.

use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

use crate::gzip;
use crate::wire::Wire;

/// An answer to one request.
///
/// The hostile ones go on until the client closes the connection, the server is dropped, or
/// [`LONGEST_ANSWER`](crate::LONGEST_ANSWER) is over.
#[derive(Clone, Debug)]
pub struct Answer {
    pause: Duration,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Http { status: u16, headers: Vec<(String, String)>, body: Body },
    Raw(Vec<u8>),
    Forever { beginning: String, repeated: Repeated },
    Silence,
}

#[derive(Clone, Debug)]
enum Body {
    Whole(Vec<u8>),
    UntilClose(Vec<u8>),
    CutAfter { octets: Vec<u8>, sent: usize },
    Claimed { octets: Vec<u8>, length: u64 },
    Trickling { octets: Vec<u8>, pause: Duration },
    Endless,
}

#[derive(Clone, Copy, Debug)]
enum Repeated {
    Headers,
    HeaderText,
    Interim,
}

impl Answer {
    /// JSON: `value` prints it, as text does and a `serde_json::Value`.
    pub fn json(status: u16, value: impl fmt::Display) -> Self {
        Self::bytes(status, "application/json", value.to_string())
    }

    /// A document of this content type.
    pub fn bytes(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::http(status, Body::Whole(body.into())).header("Content-Type", content_type)
    }

    /// A status and nothing else: 204, 503.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self::http(status, Body::Whole(Vec::new()))
    }

    /// A redirect.
    #[must_use]
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::empty(status).header("Location", location)
    }

    /// A document that says how long it is by the end of the connection.
    pub fn until_close(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::http(status, Body::UntilClose(body.into())).header("Content-Type", content_type)
    }

    /// A document packed with gzip, and said to be.
    #[must_use]
    pub fn gzip(status: u16, content_type: &str, body: &[u8]) -> Self {
        Self::bytes(status, content_type, gzip::stored(body)).header("Content-Encoding", "gzip")
    }

    /// So many octets of zero, which gzip has packed to less than a hundredth.
    #[must_use]
    pub fn gzip_bomb(status: u16, content_type: &str, unpacked: usize) -> Self {
        Self::bytes(status, content_type, gzip::zeros(unpacked)).header("Content-Encoding", "gzip")
    }

    /// A body of spaces that never ends (JSON may begin with any number of them), in chunks.
    #[must_use]
    pub fn endless(status: u16, content_type: &str) -> Self {
        let headers = Self::http(status, Body::Endless).header("Content-Type", content_type);
        headers.header("Transfer-Encoding", "chunked")
    }

    /// A whole document, of which one octet comes at a time, this long after the one before.
    pub fn trickling(status: u16, content_type: &str, body: impl Into<Vec<u8>>, pause: Duration) -> Self {
        let body = Body::Trickling { octets: body.into(), pause };
        Self::http(status, body).header("Content-Type", content_type)
    }

    /// A document whose connection is closed after so many of its octets.
    pub fn cut(status: u16, content_type: &str, body: impl Into<Vec<u8>>, sent: usize) -> Self {
        let body = Body::CutAfter { octets: body.into(), sent };
        Self::http(status, body).header("Content-Type", content_type)
    }

    /// A document that claims to have another length than it has. Nothing follows it, the connection stays open.
    pub fn claiming(status: u16, content_type: &str, body: impl Into<Vec<u8>>, length: u64) -> Self {
        let body = Body::Claimed { octets: body.into(), length };
        Self::http(status, body).header("Content-Type", content_type)
    }

    /// Headers without end.
    #[must_use]
    pub fn header_flood(status: u16) -> Self {
        Self::forever(format!("HTTP/1.1 {status} Answer\r\n"), Repeated::Headers)
    }

    /// One header without end.
    #[must_use]
    pub fn endless_header(status: u16) -> Self {
        Self::forever(format!("HTTP/1.1 {status} Answer\r\nX-Endless: "), Repeated::HeaderText)
    }

    /// `100 Continue` without end, and no answer.
    #[must_use]
    pub fn interim_flood() -> Self {
        Self::forever(String::new(), Repeated::Interim)
    }

    /// These octets and nothing else; then the connection is closed.
    pub fn raw(octets: impl Into<Vec<u8>>) -> Self {
        Self { pause: Duration::ZERO, kind: Kind::Raw(octets.into()) }
    }

    /// What another protocol says: not HTTP.
    #[must_use]
    pub fn garbage() -> Self {
        Self::raw(*b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 220 mail.example ESMTP\r\n\r\n\0\0\0")
    }

    /// Closes the connection without a word.
    #[must_use]
    pub fn close() -> Self {
        Self::raw(Vec::new())
    }

    /// Takes the request and says nothing.
    #[must_use]
    pub fn silence() -> Self {
        Self { pause: Duration::ZERO, kind: Kind::Silence }
    }

    /// The same with this header; raw and endless heads have none.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Kind::Http { headers, .. } = &mut self.kind {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// The same, after this pause.
    #[must_use]
    pub fn after(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    fn http(status: u16, body: Body) -> Self {
        Self { pause: Duration::ZERO, kind: Kind::Http { status, headers: Vec::new(), body } }
    }

    fn forever(beginning: String, repeated: Repeated) -> Self {
        Self { pause: Duration::ZERO, kind: Kind::Forever { beginning, repeated } }
    }

    /// Writes it, and says whether the connection can take another request.
    pub(crate) fn write(&self, wire: &mut Wire<'_>) -> io::Result<bool> {
        wire.pause(self.pause)?;
        match &self.kind {
            Kind::Http { status, headers, body } => {
                let mut head = format!("HTTP/1.1 {status} Answer\r\n");
                let length = body.length().filter(|_| *status != 204 && *status != 304);
                let length = length.map(|length| ("Content-Length".to_owned(), length.to_string()));
                for (name, value) in headers.iter().chain(&length) {
                    head.extend([name, ": ", value, "\r\n"]);
                }
                head.push_str("\r\n");
                body.write(head.as_bytes(), wire)
            }
            Kind::Raw(octets) => wire.write_all(octets).map(|()| false),
            Kind::Forever { beginning, repeated } => {
                wire.write_all(beginning.as_bytes())?;
                repeated.write(wire)
            }
            Kind::Silence => wire.be_silent().map(|()| false),
        }
    }
}

impl Body {
    /// What the head says.
    fn length(&self) -> Option<u64> {
        let count = |octets: &[u8]| u64::try_from(octets.len()).ok();
        match self {
            Self::Whole(octets) | Self::CutAfter { octets, .. } | Self::Trickling { octets, .. } => {
                count(octets)
            }
            Self::Claimed { length, .. } => Some(*length),
            Self::UntilClose(_) | Self::Endless => None,
        }
    }

    /// Writes the head with it, in one piece where nothing else is asked for.
    fn write(&self, head: &[u8], wire: &mut Wire<'_>) -> io::Result<bool> {
        match self {
            Self::Whole(octets) => wire.write_all(&[head, octets].concat()).map(|()| true),
            Self::UntilClose(octets) => wire.write_all(&[head, octets].concat()).map(|()| false),
            Self::Claimed { octets, .. } => {
                wire.write_all(&[head, octets].concat())?;
                wire.be_silent().map(|()| false)
            }
            Self::CutAfter { octets, sent } => {
                let sent = octets.get(..*sent).unwrap_or(octets);
                wire.write_all(&[head, sent].concat()).map(|()| false)
            }
            Self::Trickling { octets, pause } => {
                wire.write_all(head)?;
                for octet in octets {
                    wire.pause(*pause)?;
                    wire.write_all(&[*octet])?;
                }
                Ok(true)
            }
            Self::Endless => {
                wire.write_all(head)?;
                let chunk = format!("4000\r\n{:16384}\r\n", "");
                loop {
                    wire.write_all(chunk.as_bytes())?;
                }
            }
        }
    }
}

impl Repeated {
    fn write(self, wire: &mut Wire<'_>) -> io::Result<bool> {
        for number in 0_u64.. {
            match self {
                Self::Headers => write!(wire, "X-Flood-{number}: {number}\r\n")?,
                Self::HeaderText => wire.write_all(&[b'x'; 16 * 1024])?,
                Self::Interim => wire.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?,
            }
        }
        Ok(false)
    }
}
