//! A socket that keeps a deadline, and what hyper reads and writes over it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::ReadBufCursor;
use rustls::{ClientConnection, StreamOwned};

use crate::deadline::Deadline;
use crate::limits::MAX_HEAD;

/// Systems do not agree on the longest timeout that a socket takes; all take this one.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// A connected socket. Clones are the same one.
#[derive(Clone, Debug)]
pub(super) struct Socket(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    stream: TcpStream,
    turn: Mutex<Turn>,
}

/// What may be done now, and what came of it.
#[derive(Debug)]
struct Turn {
    deadline: Deadline,
    may_read: bool,
    wants_to_read: bool,
    is_late: bool,
    has_heard: bool,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, deadline: Deadline) -> Self {
        let turn = Turn { deadline, may_read: false, wants_to_read: false, is_late: false, has_heard: false };
        Self(Arc::new(Inner { stream, turn: Mutex::new(turn) }))
    }

    /// Begins anew: what is read and written from now on is done by then.
    pub(super) fn begin(&self, deadline: Deadline) {
        let mut turn = self.turn();
        *turn = Turn { deadline, may_read: false, wants_to_read: false, is_late: false, ..*turn };
    }

    /// Whether octets of HTTP came since [`forget_what_came`](Self::forget_what_came). What TLS says for itself, that it ends
    /// above all, is none.
    pub(super) fn has_heard(&self) -> bool {
        self.turn().has_heard
    }

    fn hear(&self, length: usize) {
        self.turn().has_heard |= length > 0;
    }

    pub(super) fn forget_what_came(&self) {
        self.turn().has_heard = false;
    }

    /// Whether the deadline passed.
    pub(super) fn is_late(&self) -> bool {
        let turn = self.turn();
        turn.is_late || turn.deadline.time_left().is_zero()
    }

    /// Lets one read wait, if one was asked for.
    pub(super) fn let_read(&self) -> bool {
        let mut turn = self.turn();
        turn.may_read = turn.wants_to_read;
        std::mem::take(&mut turn.wants_to_read)
    }

    /// Whether the other side keeps an idle connection open. One that said something unasked does not keep it.
    pub(super) fn is_silent_and_open(&self) -> bool {
        let stream = &self.0.stream;
        let waits =
            |read: io::Result<usize>| matches!(read, Err(error) if error.kind() == ErrorKind::WouldBlock);
        stream.set_nonblocking(true).is_ok()
            && waits(stream.peek(&mut [0]))
            && stream.set_nonblocking(false).is_ok()
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.0.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn may_read_now(&self) -> bool {
        let mut turn = self.turn();
        turn.wants_to_read = !turn.may_read;
        std::mem::take(&mut turn.may_read)
    }

    /// Does it by the deadline, and again where a signal interrupted it: what has a timeout is not taken up by the system
    /// itself (signal(7): nor after a stop, without any handler), and hyper ends the connection at the error.
    fn until_done<T>(
        &self,
        mut step: impl FnMut(&mut &TcpStream, Duration) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            match step(&mut &self.0.stream, self.time_left()?) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                outcome => return self.in_time(outcome),
            }
        }
    }

    /// The time that is left, for a timeout of the socket.
    fn time_left(&self) -> io::Result<Duration> {
        let left = self.turn().deadline.time_left();
        if left.is_zero() {
            return Err(self.late());
        }
        Ok(left.min(LONGEST_WAIT))
    }

    fn late(&self) -> io::Error {
        self.turn().is_late = true;
        ErrorKind::TimedOut.into()
    }

    /// What a timeout is called differs between systems.
    fn in_time<T>(&self, outcome: io::Result<T>) -> io::Result<T> {
        outcome.map_err(|error| match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => self.late(),
            _ => error,
        })
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.until_done(|stream, time_left| {
            stream.set_read_timeout(Some(time_left))?;
            stream.read(buffer)
        })
    }
}

impl Write for Socket {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.until_done(|stream, time_left| {
            stream.set_write_timeout(Some(time_left))?;
            stream.write(octets)
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What hyper speaks over. A read that was not allowed is pending, for hyper also reads where there is nothing to wait for:
/// whether an idle connection was closed, and while it still writes. Writing blocks.
#[derive(Debug)]
pub(super) struct Stream {
    socket: Socket,
    way: Way,
}

#[derive(Debug)]
enum Way {
    Plain(Socket),
    Tls(Box<StreamOwned<ClientConnection, Socket>>),
}

impl Stream {
    pub(super) fn plain(socket: Socket) -> Self {
        Self { way: Way::Plain(socket.clone()), socket }
    }

    /// Shakes hands.
    pub(super) fn tls(socket: Socket, mut connection: ClientConnection) -> io::Result<Self> {
        let mut way = socket.clone();
        while connection.is_handshaking() {
            connection.complete_io(&mut way)?;
        }
        Ok(Self { way: Way::Tls(Box::new(StreamOwned::new(connection, way))), socket })
    }

    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }
}

impl Way {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
        }
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(octets),
            Self::Tls(tls) => tls.write(octets),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}

impl hyper::rt::Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.socket.may_read_now() {
            return Poll::Pending;
        }
        // hyper's buffer holds no more.
        let mut octets = [0; MAX_HEAD];
        let most = octets.len().min(buffer.remaining());
        let length = self.way.read(octets.get_mut(..most).unwrap_or_default())?;
        self.socket.hear(length);
        buffer.put_slice(octets.get(..length).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl hyper::rt::Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(self.way.write(octets))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.way.flush())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Way::Tls(tls) = &mut self.way {
            tls.conn.send_close_notify();
        }
        ready!(self.as_mut().poll_flush(context))?;
        Poll::Ready(self.socket.0.stream.shutdown(Shutdown::Both))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn socket(time: Duration) -> Socket {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Socket::new(TcpStream::connect(listener.local_addr().unwrap()).unwrap(), Deadline::after(time))
    }

    #[test]
    fn what_a_signal_interrupts_is_done_again_in_the_time_that_is_left() {
        let mut times = Vec::new();
        let outcome = socket(Duration::from_secs(20)).until_done(|_, time_left| {
            times.push(time_left);
            std::thread::sleep(Duration::from_millis(1));
            if times.len() < 3 { Err(ErrorKind::Interrupted.into()) } else { Ok(()) }
        });
        assert!(outcome.is_ok() && times.is_sorted_by(|a, b| a > b), "{outcome:?} {times:?}");
    }

    #[test]
    fn signals_without_end_do_not_move_the_deadline() {
        let socket = socket(Duration::from_millis(20));
        let outcome = socket.until_done::<()>(|_, _| Err(ErrorKind::Interrupted.into()));
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(socket.is_late());
    }
}
