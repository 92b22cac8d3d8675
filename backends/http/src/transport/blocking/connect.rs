//! From a URL to a connection: the host's addresses, a socket, TLS.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use url::{Host, Url};

use super::connection::Connection;
use super::socket::{Socket, Stream};
use crate::deadline::Deadline;
use crate::error::HttpError;
use crate::limits::MAX_LOOKUPS;

/// Connects to the host of `url`, by `deadline`, which is `time_left` away.
pub(super) fn connect(
    url: &Url,
    tls: &Result<Arc<ClientConfig>, HttpError>,
    deadline: Deadline,
    time_left: Duration,
) -> Result<Connection, HttpError> {
    let failed = |error: io::Error| match error.kind() {
        ErrorKind::TimedOut => HttpError::Timeout { after: time_left },
        _ => HttpError::no_connection(url.host_str().unwrap_or_default(), error),
    };
    let socket = Socket::new(reach(url, deadline).map_err(failed)?, deadline);
    if url.scheme() != "https" {
        return Connection::new(Stream::plain(socket));
    }
    let client = rustls::ClientConnection::new(Arc::clone(tls.as_ref().map_err(Clone::clone)?), name(url)?)
        .map_err(|error| HttpError::setup("TLS", error))?;
    Connection::new(Stream::tls(socket, client).map_err(failed)?)
}

/// The name that the server's certificate has to have.
fn name(url: &Url) -> Result<ServerName<'static>, HttpError> {
    match url.host() {
        Some(Host::Ipv4(address)) => Ok(ServerName::IpAddress(address.into())),
        Some(Host::Ipv6(address)) => Ok(ServerName::IpAddress(address.into())),
        Some(Host::Domain(name)) => {
            ServerName::try_from(name.to_owned()).map_err(|error| HttpError::setup("TLS", error))
        }
        None => Err(HttpError::setup("TLS", io::Error::from(ErrorKind::InvalidInput))),
    }
}

fn reach(url: &Url, deadline: Deadline) -> io::Result<TcpStream> {
    let port = url.port_or_known_default().unwrap_or_default();
    let addresses = match url.host() {
        Some(Host::Ipv4(address)) => vec![SocketAddr::from((address, port))],
        Some(Host::Ipv6(address)) => vec![SocketAddr::from((address, port))],
        Some(Host::Domain(name)) => look_up(name.to_owned(), port, deadline)?,
        None => Vec::new(),
    };
    let stream = reach_one_of(&addresses, deadline)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// One after the other; each has an equal part of what is left, so that the second has its turn where the first is silent.
fn reach_one_of(addresses: &[SocketAddr], deadline: Deadline) -> io::Result<TcpStream> {
    let mut outcome = Err(io::Error::new(ErrorKind::NotFound, "the host has no address"));
    for (index, address) in addresses.iter().enumerate() {
        let untried = u32::try_from(addresses.len().saturating_sub(index)).unwrap_or(u32::MAX);
        let part = deadline.time_left().checked_div(untried).unwrap_or_default();
        if part.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        outcome = TcpStream::connect_timeout(address, part);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn look_up(name: String, port: u16, deadline: Deadline) -> io::Result<Vec<SocketAddr>> {
    static RUNNING: AtomicUsize = AtomicUsize::new(0);
    on_a_thread(&RUNNING, deadline, move || Ok((name, port).to_socket_addrs()?.collect()))
}

/// Does what cannot be bounded in time on a thread that is left alone after `deadline`; at most [`MAX_LOOKUPS`] of them are
/// at it.
fn on_a_thread<T: Send + 'static>(
    running: &'static AtomicUsize,
    deadline: Deadline,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let place = Place::take(running)?;
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::Builder::new().name("longhand-lookup".to_owned()).spawn(move || {
        let outcome = work();
        drop(place);
        // Nobody waits for it any more if this fails.
        let _ = sender.send(outcome);
    })?;
    match receiver.recv_timeout(deadline.time_left()) {
        Ok(outcome) => outcome,
        Err(mpsc::RecvTimeoutError::Timeout) => Err(ErrorKind::TimedOut.into()),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            Err(io::Error::other("the lookup ended without an answer"))
        }
    }
}

/// One of [`MAX_LOOKUPS`], given back when it is dropped.
struct Place(&'static AtomicUsize);

impl Place {
    fn take(running: &'static AtomicUsize) -> io::Result<Self> {
        let more = |taken: usize| (taken < MAX_LOOKUPS).then(|| taken.saturating_add(1));
        match running.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(_) => Ok(Self(running)),
            Err(_) => {
                Err(io::Error::other("too many names are being looked up that the resolver does not answer"))
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::time::Instant;

    fn soon() -> Deadline {
        Deadline::after(Duration::from_millis(50))
    }

    #[test]
    fn a_resolver_that_is_silent_is_not_waited_for_and_holds_a_bounded_number_of_threads() {
        static RUNNING: AtomicUsize = AtomicUsize::new(0);
        let (silence, silent) = mpsc::channel::<()>();
        let silent = Arc::new(std::sync::Mutex::new(silent));
        let start = Instant::now();
        let past = Deadline::after(Duration::ZERO);
        for number in 0..MAX_LOOKUPS {
            let silent = Arc::clone(&silent);
            let work = move || silent.lock().unwrap().recv().map_err(io::Error::other);
            let deadline = if number == 0 { soon() } else { past };
            assert_eq!(on_a_thread(&RUNNING, deadline, work).unwrap_err().kind(), ErrorKind::TimedOut);
        }
        assert!(start.elapsed() < Duration::from_secs(20));
        let refused = on_a_thread(&RUNNING, Deadline::after(Duration::from_secs(20)), || Ok(())).unwrap_err();
        assert!(refused.to_string().contains("too many names"), "{refused}");
        drop(silence);
        while RUNNING.load(Ordering::Relaxed) > 0 {
            thread::sleep(Duration::from_millis(1));
        }
        assert!(on_a_thread(&RUNNING, Deadline::after(Duration::from_secs(20)), || Ok(())).is_ok());
    }

    #[test]
    fn the_second_address_has_its_turn_where_nobody_listens_at_the_first() {
        let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let there = listener.local_addr().unwrap();
        let deadline = Deadline::after(Duration::from_secs(20));
        assert_eq!(reach_one_of(&[gone, there], deadline).unwrap().peer_addr().unwrap(), there);
        assert_eq!(reach_one_of(&[there, gone], deadline).unwrap().peer_addr().unwrap(), there);
        assert_eq!(reach_one_of(&[gone], deadline).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        assert_eq!(reach_one_of(&[], deadline).unwrap_err().kind(), ErrorKind::NotFound);
        let past = Deadline::after(Duration::ZERO);
        assert_eq!(reach_one_of(&[there], past).unwrap_err().kind(), ErrorKind::TimedOut);
    }
}
