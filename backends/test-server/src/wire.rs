//! A socket that is written to for a bounded time.

use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::{LONGEST_ANSWER, Shared};

/// A connection for the time of one answer. It counts what it writes, and fails when the time is up or the server ends.
pub(crate) struct Wire<'a> {
    stream: &'a TcpStream,
    shared: &'a Shared,
    began: Instant,
}

impl<'a> Wire<'a> {
    pub(crate) fn new(stream: &'a TcpStream, shared: &'a Shared) -> Self {
        Self { stream, shared, began: Instant::now() }
    }

    /// Pauses for this long, but not past the end of the answer's time.
    pub(crate) fn pause(&self, time: Duration) -> io::Result<()> {
        self.shared.stopping.pause(time.min(self.time_left()?))
    }

    /// Says nothing until the answer's time is up.
    pub(crate) fn be_silent(&self) -> io::Result<()> {
        self.pause(LONGEST_ANSWER)
    }

    fn time_left(&self) -> io::Result<Duration> {
        match LONGEST_ANSWER.checked_sub(self.began.elapsed()) {
            Some(left) if !left.is_zero() => Ok(left),
            _ => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.time_left()?))?;
        let written = self.stream.write(octets)?;
        self.shared.octets_sent.fetch_add(u64::try_from(written).unwrap_or(u64::MAX), Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
