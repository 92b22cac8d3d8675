//! A scripted HTTP/1.1 server on loopback, for the tests of longhand's backends: it answers what a test tells it to,
//! hostile answers included, and keeps every request.
//!
//! ```
//! use std::io::{Read, Write};
//! use std::net::TcpStream;
//!
//! use longhand_test_server::{Answer, Server};
//!
//! let server = Server::start(|request| match request.path() {
//!     "/v1/secret" => Answer::json(200, r#"{"value": 1}"#), // or a serde_json::Value
//!     _ => Answer::json(404, r#"{"errors": []}"#).header("X-Served-By", "test"),
//! });
//! let mut stream = TcpStream::connect(server.address())?;
//! stream.write_all(b"GET /v1/secret?x=1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")?;
//! let mut answer = String::new();
//! stream.read_to_string(&mut answer)?;
//! assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(r#"{"value": 1}"#));
//! assert_eq!(server.received()[0].target(), "/v1/secret?x=1");
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Nothing lasts: an answer takes at most [`LONGEST_ANSWER`], and dropping the [`Server`] ends all of them. An
//! assertion that fails in the handler fails the test, when the server is dropped.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

mod answer;
mod gzip;
pub mod logged;
mod received;
mod wire;

pub use answer::Answer;
pub use received::Received;

/// The longest time that an answer takes, however endless it is, and that a connection waits for a request.
pub const LONGEST_ANSWER: Duration = Duration::from_secs(30);

/// A running server. Dropping it closes its port and every connection: clients meet what they meet when a service is
/// killed.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server on a free port of 127.0.0.1. `handler` is called for every request, by several threads at once
    /// when there are several connections.
    ///
    /// # Panics
    /// If there is no port to be had.
    #[allow(clippy::expect_used, reason = "a test without its server has to fail")]
    pub fn start(handler: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on loopback");
        let address = listener.local_addr().expect("the address of a bound socket");
        let shared = Arc::new(Shared::new(Box::new(handler)));
        let accepting = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self { address, shared, accepting: Some(accepting) }
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far, in the order in which they came.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        locked(&self.shared.received).clone()
    }

    /// How many requests came so far.
    #[must_use]
    pub fn requests(&self) -> usize {
        locked(&self.shared.received).len()
    }

    /// Forgets the requests so far.
    pub fn forget(&self) {
        locked(&self.shared.received).clear();
    }

    /// How many connections were made so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        locked(&self.shared.connections).len()
    }

    /// How many octets the server could hand to its sockets so far: what an endless answer cost its reader, and what
    /// the operating system held for it.
    #[must_use]
    pub fn octets_sent(&self) -> u64 {
        self.shared.octets_sent.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopping.stop();
        // Wakes the thread that waits for a connection.
        let _ = TcpStream::connect(self.address);
        let accepting = self.accepting.take().map(JoinHandle::join);
        let connections = std::mem::take(&mut *locked(&self.shared.connections));
        for (stream, _) in &connections {
            let _ = stream.shutdown(Shutdown::Both);
        }
        let served = connections.into_iter().map(|(_, serving)| serving.join());
        let panics: Vec<_> = accepting.into_iter().chain(served).filter_map(Result::err).collect();
        match panics.into_iter().next() {
            Some(panic) if !thread::panicking() => resume_unwind(panic),
            _ => {}
        }
    }
}

type Handler = Box<dyn Fn(&Received) -> Answer + Send + Sync>;

/// What the threads of a server have in common.
pub(crate) struct Shared {
    handler: Handler,
    received: Mutex<Vec<Received>>,
    connections: Mutex<Vec<(TcpStream, JoinHandle<()>)>>,
    pub(crate) octets_sent: AtomicU64,
    pub(crate) stopping: Stopping,
}

impl Shared {
    fn new(handler: Handler) -> Self {
        Self {
            handler,
            received: Mutex::default(),
            connections: Mutex::default(),
            octets_sent: AtomicU64::new(0),
            stopping: Stopping::default(),
        }
    }
}

/// Whether the server is about to end; whoever pauses is woken by it.
#[derive(Default)]
pub(crate) struct Stopping {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl Stopping {
    fn stop(&self) {
        *locked(&self.stopped) = true;
        self.changed.notify_all();
    }

    fn is_stopped(&self) -> bool {
        *locked(&self.stopped)
    }

    /// Pauses for this long.
    ///
    /// # Errors
    /// If the server ends before.
    pub(crate) fn pause(&self, time: Duration) -> io::Result<()> {
        let waited = self.changed.wait_timeout_while(locked(&self.stopped), time, |stopped| !*stopped);
        let (stopped, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if *stopped { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) }
    }
}

/// A connection that is closed at the end of its thread, also by a panic, though the server keeps a handle of it.
struct Closing(TcpStream);

impl Drop for Closing {
    fn drop(&mut self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stopping.is_stopped() {
            return;
        }
        let Ok((stream, kept)) = stream.and_then(|stream| Ok((stream.try_clone()?, stream))) else {
            continue;
        };
        let serving = thread::spawn({
            let shared = Arc::clone(shared);
            move || {
                let stream = Closing(stream);
                // A client that goes away ends its connection, and nothing else.
                let _ = serve(&stream.0, &shared);
            }
        });
        locked(&shared.connections).push((kept, serving));
    }
}

/// Answers one request after the other, until one of the two sides closes.
fn serve(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = io::BufReader::new(stream);
    loop {
        stream.set_read_timeout(Some(LONGEST_ANSWER))?;
        let Some(received) = Received::read(&mut reader)? else { return Ok(()) };
        locked(&shared.received).push(received.clone());
        let answer = (shared.handler)(&received);
        let stays_open = answer.write(&mut wire::Wire::new(stream, shared))?;
        let is_last = received.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        if is_last || !stays_open {
            return Ok(());
        }
    }
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
