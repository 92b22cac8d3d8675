//! One connection, whose HTTP hyper speaks on the thread that waits.

use std::fmt;
use std::io::{self, ErrorKind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use tokio::sync::oneshot;
use url::{Position, Url};

use super::socket::{Socket, Stream};
use crate::deadline::Deadline;
use crate::error::HttpError;
use crate::limits::{MAX_HEAD, MAX_HEADERS};
use crate::request::Request;
use crate::transport::exchange;

/// An HTTP connection; there is one exchange over it at a time.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    machine: Machine,
    socket: Socket,
    patience: Duration,
}

/// What reads and writes; `None` when it has ended.
type Machine = Option<http1::Connection<Stream, Full<Bytes>>>;

impl Connection {
    pub(super) fn new(stream: Stream) -> Result<Self, HttpError> {
        let socket = stream.socket().clone();
        let shake = http1::Builder::new()
            // As in the transport of tasks: between two looks at the clock no more than this is read.
            .max_buf_size(MAX_HEAD)
            .max_headers(MAX_HEADERS)
            .handshake(stream);
        // hyper's handshake says nothing to the other side: it is ready at once.
        let (sender, machine) = crate::block_on(shake).map_err(HttpError::broken)?;
        Ok(Self { sender, machine: Some(machine), socket, patience: Duration::ZERO })
    }

    /// Sends a request and gives the answer's head.
    pub(super) fn send(
        &mut self,
        request: &Request,
        deadline: Deadline,
        time_left: Duration,
    ) -> Result<http::Response<Incoming>, HttpError> {
        self.socket.forget_what_came();
        self.allow(deadline, time_left);
        let mut message = exchange::message(request)?;
        message.headers_mut().insert(HOST, host(request.url())?);
        *message.uri_mut() = target(request.url())?;
        let answer = self.sender.send_request(message);
        self.wait_for(async { answer.await.map_err(HttpError::broken) })
    }

    /// What is waited for from now on is there by `deadline`, after this long.
    pub(super) fn allow(&mut self, deadline: Deadline, time_left: Duration) {
        self.socket.begin(deadline);
        self.patience = time_left;
    }

    /// Whether anything of an answer to the last request came.
    pub(super) fn has_heard(&self) -> bool {
        self.socket.has_heard()
    }

    /// Reads and writes until `exchange` has its outcome.
    pub(super) fn wait_for<T: Send>(
        &mut self,
        exchange: impl Future<Output = Result<T, HttpError>> + Send,
    ) -> Result<T, HttpError> {
        match drive(&mut self.machine, &self.socket, pin!(exchange)) {
            Err(HttpError::Broken { .. }) if self.socket.is_late() => {
                Err(HttpError::Timeout { after: self.patience })
            }
            outcome => outcome,
        }
    }

    /// Whether another request may follow the one that was answered.
    pub(super) fn can_be_kept(&mut self) -> bool {
        // Without leave to read: hyper notes that the exchange is over, and waits for the next.
        turn(&mut self.machine);
        self.machine.is_some() && self.sender.is_ready()
    }

    /// Whether the server has kept it open.
    pub(super) fn is_open(&self) -> bool {
        self.socket.is_silent_and_open()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("socket", &self.socket).finish_non_exhaustive()
    }
}

/// Turns that may pass in which hyper asks for nothing: it yields after 16 rounds of its own, and is then asked again. No other
/// state is known in which it does; a thread is not to spin in one.
const MAX_IDLE_TURNS: u32 = 100;

/// Turns to the machine and to `exchange` alternately, and lets the machine wait for octets when neither can go on without.
fn drive<T: Send>(
    machine: &mut Machine,
    socket: &Socket,
    mut exchange: Pin<&mut (impl Future<Output = Result<T, HttpError>> + Send)>,
) -> Result<T, HttpError> {
    let mut idle_turns: u32 = 0;
    while idle_turns <= MAX_IDLE_TURNS {
        turn(machine);
        if let Poll::Ready(outcome) = exchange.as_mut().poll(&mut nobody()) {
            return outcome;
        }
        if is_out_of_budget() {
            return elsewhere(machine, socket, exchange);
        }
        if socket.is_late() {
            return Err(HttpError::broken(io::Error::from(ErrorKind::TimedOut)));
        }
        idle_turns = if socket.let_read() { 0 } else { idle_turns.saturating_add(1) };
    }
    Err(HttpError::broken(io::Error::other("the connection waits for nothing")))
}

fn turn(machine: &mut Machine) {
    if let Some(running) = machine {
        // Its error is the outcome of the exchange too.
        if Pin::new(running).poll(&mut nobody()).is_ready() {
            *machine = None;
        }
    }
}

/// Nobody is to be woken: whoever would be is the one who asks.
fn nobody() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// Whether this thread is within a task of tokio that has used up what it may do before it yields: hyper's channels, which are
/// tokio's, then say "pending" for ever, and a task that blocks does not yield.
fn is_out_of_budget() -> bool {
    let (sender, receiver) = oneshot::channel();
    let _ = sender.send(());
    pin!(receiver).poll(&mut nobody()).is_pending()
}

/// The same on a thread that is nobody's task.
fn elsewhere<T: Send>(
    machine: &mut Machine,
    socket: &Socket,
    exchange: Pin<&mut (impl Future<Output = Result<T, HttpError>> + Send)>,
) -> Result<T, HttpError> {
    thread::scope(|scope| {
        let running = thread::Builder::new()
            .spawn_scoped(scope, || drive(machine, socket, exchange))
            .map_err(HttpError::broken)?;
        running
            .join()
            .unwrap_or_else(|_| Err(HttpError::broken(io::Error::other("the thread of the exchange ended"))))
    })
}

/// The value of `Host` (RFC 9110 section 7.2): a port that is the scheme's own is not named.
fn host(url: &Url) -> Result<HeaderValue, HttpError> {
    let authority = &url[Position::BeforeHost..Position::AfterPort];
    HeaderValue::from_str(authority).map_err(HttpError::broken)
}

/// The origin form of the target (RFC 9112 section 3.2.1).
fn target(url: &Url) -> Result<Uri, HttpError> {
    url[Position::BeforePath..Position::AfterQuery].parse().map_err(HttpError::broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_its_host_and_its_target() {
        for (url, authority, asked) in [
            ("http://h", "h", "/"),
            ("http://H:80/a/b?c=d#e", "h", "/a/b?c=d"),
            ("https://h:443/%C3%BC", "h", "/%C3%BC"),
            ("https://h:8443/", "h:8443", "/"),
            ("http://[::1]:9311/v1", "[::1]:9311", "/v1"),
            ("http://user:word@127.0.0.1:1/?", "127.0.0.1:1", "/?"),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(host(&url).unwrap(), authority, "{url}");
            assert_eq!(target(&url).unwrap(), *asked, "{url}");
        }
    }
}
