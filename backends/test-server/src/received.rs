//! A request as the server read it.

use std::io::{self, BufRead, Read as _};
use std::time::Instant;

/// The longest head of a request, and the longest body, in octets: a test that sends more has gone wrong.
const LONGEST_HEAD: u64 = 64 * 1024;
const LONGEST_BODY: u64 = 1024 * 1024;

/// A request.
#[derive(Clone, Debug)]
pub struct Received {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    at: Instant,
}

impl Received {
    /// `GET`, `POST`.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// What was asked for, exactly as it was sent: path and query.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The path, still percent-encoded, without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The query, still percent-encoded; empty if there is none.
    #[must_use]
    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// Names and values of the headers, in their order.
    #[must_use]
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The first header of this name, in whatever case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as text; what is not UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// When its head had been read.
    #[must_use]
    pub const fn at(&self) -> Instant {
        self.at
    }

    /// The next request of a connection, `None` at its end.
    pub(crate) fn read(stream: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut head = (&mut *stream).take(LONGEST_HEAD);
        let Some(request_line) = read_line(&mut head)? else { return Ok(None) };
        let mut words = request_line.split(' ').map(str::to_owned);
        let (Some(method), Some(target), Some(_version)) = (words.next(), words.next(), words.next()) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let mut headers = Vec::new();
        loop {
            let line = read_line(&mut head)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or(io::ErrorKind::InvalidData)?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let mut received = Self { method, target, headers, body: Vec::new(), at: Instant::now() };
        received.read_body(stream)?;
        Ok(Some(received))
    }

    fn read_body(&mut self, stream: &mut impl BufRead) -> io::Result<()> {
        // Clients that send a document know how long it is.
        if self.header("transfer-encoding").is_some() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let length = self.header("content-length").map_or(Ok(0), str::parse::<u64>);
        let length = length.map_err(|_| io::ErrorKind::InvalidData)?;
        if length > LONGEST_BODY {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let read = stream.take(length).read_to_end(&mut self.body)?;
        if u64::try_from(read).ok() == Some(length) {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
}

/// A line without its end; `None` where the stream ends.
fn read_line(stream: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let line = line.strip_suffix('\n').ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok(Some(line.strip_suffix('\r').unwrap_or(line).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_with_its_body_and_the_next_one_follows() {
        let mut stream: &[u8] =
            b"POST /v1/x?a=b HTTP/1.1\r\nHost: h\r\nContent-length:  4\r\n\r\nbodyGET / HTTP/1.1\r\n\r\n";
        let first = Received::read(&mut stream).unwrap().unwrap();
        assert_eq!((first.method(), first.path(), first.query()), ("POST", "/v1/x", "a=b"));
        assert_eq!((first.header("CONTENT-LENGTH"), first.text()), (Some("4"), "body".to_owned()));
        assert_eq!(Received::read(&mut stream).unwrap().unwrap().target(), "/");
        assert!(Received::read(&mut stream).unwrap().is_none());
    }

    #[test]
    fn what_is_no_request_is_an_error() {
        let long = format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(64 * 1024));
        let cases: [&[u8]; 6] = [
            b"GET /\r\n\r\n",
            b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
            b"GET / HTTP/1.1\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nbody",
            b"POST / HTTP/1.1\r\nContent-Length: 1048577\r\n\r\nbody",
            long.as_bytes(),
        ];
        for case in cases {
            assert!(Received::read(&mut &*case).is_err(), "{:?}", String::from_utf8_lossy(case));
        }
    }
}
