//! A transport that blocks the calling thread, over `hyper` without a runtime.

use std::fmt;
use std::future::ready;
use std::io::{self, ErrorKind, Read};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Frame, Incoming};
use rustls::ClientConfig;

use self::connection::Connection;
use self::pool::{Origin, Pool};
use super::{AnswersAtOnce, BoxFuture, Transport, exchange};
use crate::deadline::Deadline;
use crate::error::HttpError;
use crate::request::Request;
use crate::response::Response;
use crate::tls::Tls;

mod connect;
mod connection;
mod pool;
mod socket;

/// Sends requests on the calling thread. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct BlockingTransport {
    /// What went wrong with it is said by the first request that needs it.
    tls: Result<Arc<ClientConfig>, HttpError>,
    idle: Arc<Pool<Connection>>,
}

impl BlockingTransport {
    /// A transport that trusts these authorities.
    #[must_use]
    pub fn new(tls: &Tls) -> Self {
        Self { tls: tls.client_config().map(Arc::new), idle: Arc::default() }
    }

    /// Asks for what is too large to be held: an image. The head is there within `patience`, and so is each piece of the body
    /// after the one before; the whole may take as long as it takes.
    ///
    /// # Errors
    /// [`HttpError`], as [`Transport::send`]; the answer's status is for the caller to judge.
    pub fn open(&self, request: &Request, patience: Duration) -> Result<Download, HttpError> {
        let (connection, answer) = self.ask(request, patience)?;
        let (head, body) = exchange::acceptable(answer)?.into_parts();
        let status = head.status.as_u16();
        let length = body.size_hint().exact();
        let pieces = Pieces { connection, body, patience, current: Bytes::new(), outcome: None };
        Ok(Download { status, length, pieces, request: request.clone() })
    }

    fn answer(&self, request: &Request, time_left: Duration) -> Result<Response, HttpError> {
        let (mut connection, answer) = self.ask(request, time_left)?;
        let response = connection.wait_for(exchange::receive(answer, request.body_limit()))?;
        if connection.can_be_kept() {
            self.idle.keep(Origin::of(request.url()), connection);
        }
        Ok(response)
    }

    /// Sends the request, and gives the answer's head with the connection that its body comes over.
    fn ask(
        &self,
        request: &Request,
        time_left: Duration,
    ) -> Result<(Connection, http::Response<Incoming>), HttpError> {
        let deadline = Deadline::after(time_left);
        while let Some(mut kept) = self.idle.take(&Origin::of(request.url())) {
            if !kept.is_open() {
                continue;
            }
            match kept.send(request, deadline, time_left) {
                // The server closed it in this very moment. What only reads may be asked twice (RFC 9110 section 9.2.2).
                Err(HttpError::Broken { .. }) if request.body().is_none() && !kept.has_heard() => break,
                outcome => return outcome.map(|answer| (kept, answer)),
            }
        }
        let mut fresh = connect::connect(request.url(), &self.tls, deadline, time_left)?;
        let answer = fresh.send(request, deadline, time_left)?;
        Ok((fresh, answer))
    }
}

impl fmt::Debug for BlockingTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingTransport").field("idle", &self.idle).finish_non_exhaustive()
    }
}

impl Transport for BlockingTransport {
    fn send<'a>(
        &'a self,
        request: &'a Request,
        time_left: Duration,
    ) -> BoxFuture<'a, Result<Response, HttpError>> {
        Box::pin(async move { self.answer(request, time_left) })
    }

    fn sleep(&self, pause: Duration) -> BoxFuture<'_, ()> {
        thread::sleep(pause);
        Box::pin(ready(()))
    }
}

impl AnswersAtOnce for BlockingTransport {}

/// An answer whose body is read as it comes.
#[derive(Debug)]
pub struct Download {
    status: u16,
    length: Option<u64>,
    pieces: Pieces,
    request: Request,
}

impl Download {
    /// The status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// How many bytes the server says there are.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// The body, to its end. Nothing bounds it but its reader.
    #[must_use]
    pub fn into_body(self) -> impl Read + Send + use<> {
        self.pieces
    }

    /// A refusal's body, bounded in size and time: what the server said. If it repeats a secret of the request, its
    /// [`refusal`](Response::refusal) quotes nothing.
    #[must_use]
    pub fn into_response(self) -> Response {
        let bound = u64::try_from(self.request.body_limit()).unwrap_or(u64::MAX);
        let end = Deadline::after(self.pieces.patience);
        let mut body = self.pieces.take(bound);
        let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
        // What broke off, or comes too slowly, is shown as far as it came.
        while !end.time_left().is_zero() {
            let read = body.read(&mut piece).unwrap_or(0);
            if read == 0 {
                break;
            }
            bytes.extend_from_slice(piece.get(..read).unwrap_or_default());
        }
        Response::new(self.status, [], bytes).answering(&self.request)
    }
}

/// A body, piece by piece.
#[derive(Debug)]
struct Pieces {
    connection: Connection,
    body: Incoming,
    patience: Duration,
    current: Bytes,
    /// How it ended. Whoever reads on after an error is not told that the body was whole.
    outcome: Option<Result<(), HttpError>>,
}

impl Pieces {
    fn next(&mut self) -> Option<Result<Bytes, HttpError>> {
        self.connection.allow(Deadline::after(self.patience), self.patience);
        let body = &mut self.body;
        self.connection
            .wait_for(async {
                loop {
                    match body.frame().await.transpose().map_err(HttpError::broken)?.map(Frame::into_data) {
                        None => return Ok(None),
                        Some(Ok(piece)) => return Ok(Some(piece)),
                        Some(Err(_trailers)) => {}
                    }
                }
            })
            .transpose()
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while self.current.is_empty() {
            match &self.outcome {
                Some(Ok(())) => return Ok(0),
                Some(Err(error)) => return Err(io::Error::new(kind(error), error.clone())),
                None => {}
            }
            match self.next() {
                Some(Ok(piece)) => self.current = piece,
                Some(Err(error)) => self.outcome = Some(Err(error)),
                None => self.outcome = Some(Ok(())),
            }
        }
        let length = buffer.len().min(self.current.remaining());
        self.current.copy_to_slice(buffer.get_mut(..length).unwrap_or_default());
        Ok(length)
    }
}

fn kind(error: &HttpError) -> ErrorKind {
    match error {
        HttpError::Timeout { .. } => ErrorKind::TimedOut,
        _ => ErrorKind::UnexpectedEof,
    }
}
