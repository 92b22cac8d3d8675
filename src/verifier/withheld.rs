//! Which bytes of an image may go on before the verdict: the one place that says so, without I/O.

use std::collections::VecDeque;
use std::fmt;
use std::mem;

use super::{StreamError, StreamVerifier};
use crate::limits::MIN_WITHHELD;

/// An image on its way, in pieces: each is hashed, and goes on once so much stands behind it, or the verdict is yes.
pub(super) struct Withheld<V: StreamVerifier, P> {
    state: State<V>,
    /// Hashed, and still here.
    pieces: VecDeque<P>,
    /// The bytes of all pieces.
    length: usize,
}

/// The verifier and the verdict are in boxes so that a stream is cheap to move.
enum State<V: StreamVerifier> {
    Reading(Box<V>),
    Ended { verdict: Box<V::Verdict>, bytes_read: u64 },
    Failed(StreamError),
}

/// What a stream does next.
pub(super) enum Next<P> {
    /// This piece goes on.
    Give(P),
    /// The source is asked for more.
    Read,
    /// The verdict is yes, and all pieces have gone on.
    End,
}

impl<V: StreamVerifier, P: AsRef<[u8]>> Withheld<V, P> {
    pub(super) fn new(verifier: V) -> Self {
        Self { state: State::Reading(Box::new(verifier)), pieces: VecDeque::new(), length: 0 }
    }

    /// What to do next; once it is an error, the same error for ever.
    pub(super) fn next(&mut self) -> Result<Next<P>, StreamError> {
        let ended = match &self.state {
            State::Reading(_) => false,
            State::Ended { .. } => true,
            State::Failed(error) => return Err(error.clone()),
        };
        let first = self.pieces.front().map_or(0, |first| first.as_ref().len());
        let behind_it = self.length.saturating_sub(first);
        if !ended && behind_it < MIN_WITHHELD {
            return Ok(Next::Read);
        }
        self.length = behind_it;
        Ok(self.pieces.pop_front().map_or(Next::End, Next::Give))
    }

    /// Hashes what the source gave, which is to be withheld next.
    pub(super) fn hash(&mut self, bytes: &[u8]) {
        if let State::Reading(verifier) = &mut self.state {
            verifier.take(bytes);
        }
    }

    /// Withholds bytes that are hashed.
    pub(super) fn withhold(&mut self, piece: P) {
        let length = piece.as_ref().len();
        if length > 0 {
            self.length = self.length.saturating_add(length);
            self.pieces.push_back(piece);
        }
    }

    /// The source has ended: the verdict falls.
    pub(super) fn end(&mut self) {
        let Some(verifier) = self.lend() else { return };
        let bytes_read = verifier.bytes_taken();
        match verifier.into_verdict() {
            Ok(verdict) => self.state = State::Ended { verdict: Box::new(verdict), bytes_read },
            Err(error) => self.fail(error),
        }
    }

    /// The stream has failed for good; nothing more goes on.
    pub(super) fn fail(&mut self, error: StreamError) {
        self.state = State::Failed(error);
        self.pieces.clear();
        self.length = 0;
    }

    /// Runs code that is not ours; should it panic, the stream has failed.
    pub(super) fn guard<T>(&mut self, foreign: impl FnOnce() -> T) -> T {
        let failed = State::Failed(self.unfinished());
        let state = mem::replace(&mut self.state, failed);
        let outcome = foreign();
        self.state = state;
        outcome
    }

    /// Lends out the verifier while the source is read; unless it comes back, the stream has failed.
    pub(super) fn lend(&mut self) -> Option<Box<V>> {
        let failed = State::Failed(self.unfinished());
        match mem::replace(&mut self.state, failed) {
            State::Reading(verifier) => Some(verifier),
            state => {
                self.state = state;
                None
            }
        }
    }

    /// The verifier comes back.
    #[cfg(all(feature = "tokio", any(feature = "http-body", feature = "stream")))]
    pub(super) fn give_back(&mut self, verifier: Box<V>) {
        self.state = State::Reading(verifier);
    }

    /// How many bytes are left to go on, once the verdict is yes.
    #[cfg(any(feature = "http-body", feature = "stream"))]
    pub(super) fn left(&self) -> Option<usize> {
        matches!(self.state, State::Ended { .. }).then_some(self.length)
    }

    /// The verdict, if all pieces have gone on.
    pub(super) fn into_verified(self) -> Result<V::Verdict, StreamError> {
        match self.state {
            State::Ended { verdict, .. } if self.pieces.is_empty() => Ok(*verdict),
            State::Failed(error) => Err(error),
            State::Ended { .. } | State::Reading(_) => Err(self.unfinished()),
        }
    }

    /// That nobody has seen the end.
    pub(super) fn unfinished(&self) -> StreamError {
        match &self.state {
            State::Reading(verifier) => StreamError::Unfinished { bytes_read: verifier.bytes_taken() },
            State::Ended { bytes_read, .. } => StreamError::Unfinished { bytes_read: *bytes_read },
            State::Failed(error) => error.clone(),
        }
    }
}

/// The state alone.
impl<V: StreamVerifier, P> fmt::Debug for Withheld<V, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.state {
            State::Reading(_) => "reading",
            State::Ended { .. } => "verified",
            State::Failed(_) => "failed",
        })
    }
}
