//! What is held back, and what becomes of it: released after a yes, discarded after everything else.

use std::fmt;
use std::io;
use std::mem;
use std::sync::Arc;
use std::task::{Poll, ready};

use super::{StreamError, StreamVerifier};

/// A verifier and the destination that keeps what it has taken, written as one.
pub(super) struct HoldBack<D, V> {
    verifier: V,
    state: State<D>,
}

enum State<D> {
    Holding(Held<D>),
    /// The bytes are discarded; every later call says why.
    Failed(StreamError),
}

impl<D, V: StreamVerifier> HoldBack<D, V> {
    pub(super) fn new(verifier: V, destination: D, discard: fn(D)) -> Self {
        Self { verifier, state: State::Holding(Held { destination: Some(destination), discard }) }
    }

    pub(super) fn verifier(&self) -> &V {
        &self.verifier
    }

    /// Has the destination take `data` or the first of it, and hashes as much: what is kept is what is verified.
    pub(super) fn poll_write(
        &mut self,
        data: &[u8],
        write: impl FnOnce(&mut D, &[u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let taken = ready!(self.poll_with(|destination| {
            let taken = ready!(write(destination, data))?;
            Poll::Ready(data.get(..taken).ok_or_else(more_than_there_was))
        }))?;
        self.verifier.take(taken);
        Poll::Ready(Ok(taken.len()))
    }

    /// Has the destination do something. Its first error discards the bytes, and every later call repeats it; should it
    /// panic, what it held is discarded as well.
    pub(super) fn poll_with<T>(
        &mut self,
        work: impl FnOnce(&mut D) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let unfinished = StreamError::Unfinished { bytes_read: self.verifier.bytes_taken() };
        let error = match mem::replace(&mut self.state, State::Failed(unfinished)) {
            State::Failed(error) => error,
            State::Holding(mut held) => match held.get().map_or_else(|| Poll::Ready(Err(gone())), work) {
                Poll::Ready(Err(error)) => StreamError::Destination(Arc::new(error)),
                going_on => {
                    self.state = State::Holding(held);
                    return going_on;
                }
            },
        };
        self.state = State::Failed(error.clone());
        Poll::Ready(Err(error.into()))
    }

    /// The verdict; after a yes, the destination, which is still discarded unless it is let go.
    pub(super) fn into_verdict(self) -> Result<(V::Verdict, Held<D>), StreamError> {
        match self.state {
            State::Failed(error) => Err(error),
            State::Holding(held) => Ok((self.verifier.into_verdict()?, held)),
        }
    }
}

impl<D, V: fmt::Debug> HoldBack<D, V> {
    /// As the writer of this name.
    pub(super) fn fmt_as(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed = matches!(self.state, State::Failed(_));
        f.debug_struct(name).field("verifier", &self.verifier).field("failed", &failed).finish()
    }
}

/// A destination that is discarded unless it is let go.
pub(super) struct Held<D> {
    destination: Option<D>,
    discard: fn(D),
}

impl<D> Held<D> {
    pub(super) fn get(&mut self) -> Option<&mut D> {
        self.destination.as_mut()
    }

    /// Nothing discards it any more.
    pub(super) fn let_go(mut self) -> Option<D> {
        self.destination.take()
    }
}

impl<D> Drop for Held<D> {
    fn drop(&mut self) {
        if let Some(destination) = self.destination.take() {
            (self.discard)(destination);
        }
    }
}

/// Cannot happen: the destination leaves with `let_go` or `drop`, which both take the whole.
pub(super) fn gone() -> io::Error {
    io::Error::other("the destination is gone")
}

/// Nobody knows what it kept then.
fn more_than_there_was() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the destination took more bytes than it was given")
}
