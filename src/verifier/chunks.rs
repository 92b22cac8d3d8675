//! An image in chunks of any size, as bodies and streams have it: withheld as they are, without a copy where that is
//! bounded.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::{error, io};

use bytes::Bytes;

#[cfg(feature = "tokio")]
use super::away::Away;
use super::turn::Turn;
use super::withheld::{Next, Withheld};
use super::{StreamError, StreamVerifier};
use crate::limits::{MIN_KEPT_CHUNK, MIN_WITHHELD};

/// The longest chunk that is withheld whole, in bytes: see [`MAX_WITHHELD`](crate::limits::MAX_WITHHELD).
const MAX_WHOLE_CHUNK: usize = 2 * MIN_WITHHELD;

/// What a source of chunks gave, and what goes on.
pub(super) struct Chunks<V: StreamVerifier> {
    withheld: Withheld<V, Bytes>,
    /// Chunks that are too short to be kept one by one, joined; not hashed.
    joined: Vec<u8>,
    #[cfg(feature = "tokio")]
    away: Option<Away<V>>,
}

impl<V: StreamVerifier> Chunks<V> {
    pub(super) fn new(verifier: V) -> Self {
        Self {
            withheld: Withheld::new(verifier),
            joined: Vec::new(),
            #[cfg(feature = "tokio")]
            away: None,
        }
    }

    /// The next bytes that may go on; none at the end, after a yes. Once it is an error, it is that for ever. The source
    /// is not asked again after its end or an error.
    pub(super) fn poll_next(
        &mut self,
        context: &mut Context<'_>,
        mut source: impl FnMut(&mut Context<'_>) -> Poll<Option<Result<Bytes, StreamError>>>,
    ) -> Poll<Result<Option<Bytes>, StreamError>> {
        let mut turn = Turn::new();
        loop {
            #[cfg(feature = "tokio")]
            ready!(self.poll_away(context));
            match self.withheld.next()? {
                Next::Give(bytes) => return Poll::Ready(Ok(Some(bytes))),
                Next::End => return Poll::Ready(Ok(None)),
                Next::Read => ready!(turn.poll(context)),
            }
            match ready!(self.withheld.guard(|| source(context))) {
                Some(Ok(chunk)) => self.take(chunk),
                Some(Err(error)) => self.withheld.fail(error),
                None => self.end(),
            }
        }
    }

    /// How many bytes are left to go on, once the verdict is yes.
    pub(super) fn left(&self) -> Option<usize> {
        self.withheld.left()
    }

    /// The verdict, once all has gone on.
    pub(super) fn into_verified(self) -> Result<V::Verdict, StreamError> {
        self.withheld.into_verified()
    }

    fn take(&mut self, chunk: Bytes) {
        if chunk.len() < MIN_KEPT_CHUNK {
            self.joined.extend_from_slice(&chunk);
            if self.joined.len() >= MIN_KEPT_CHUNK {
                self.take_joined();
            }
            return;
        }
        self.take_joined();
        #[cfg(feature = "tokio")]
        if let Some(runtime) = Away::<V>::runtime_for(&chunk) {
            let verifier = self.withheld.lend();
            self.away = verifier.map(|verifier| Away::begin(&runtime, verifier, chunk));
            return;
        }
        self.withheld.hash(&chunk);
        self.withhold(chunk);
    }

    fn take_joined(&mut self) {
        let joined = Bytes::from(mem::take(&mut self.joined));
        self.withheld.hash(&joined);
        self.withheld.withhold(joined);
    }

    /// Withholds a chunk that is hashed: as it is, or if it is long a copy of its end, so that its memory can go with the
    /// rest.
    fn withhold(&mut self, mut chunk: Bytes) {
        if chunk.len() <= MAX_WHOLE_CHUNK {
            return self.withheld.withhold(chunk);
        }
        let end = chunk.split_off(chunk.len().saturating_sub(MIN_WITHHELD));
        self.withheld.withhold(chunk);
        self.withheld.withhold(Bytes::copy_from_slice(&end));
    }

    fn end(&mut self) {
        self.take_joined();
        self.withheld.end();
    }

    /// Waits for what is hashed away. If the runtime ended meanwhile, the stream has failed, as a lent verifier leaves it.
    #[cfg(feature = "tokio")]
    fn poll_away(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(away) = &mut self.away else { return Poll::Ready(()) };
        let hashed = ready!(away.poll(context));
        self.away = None;
        if let Some((verifier, chunk)) = hashed {
            self.withheld.give_back(verifier);
            self.withhold(chunk);
        }
        Poll::Ready(())
    }
}

impl<V: StreamVerifier> fmt::Debug for Chunks<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.withheld.fmt(f)
    }
}

/// The source's error as ours: an `io::Error` stays what it is.
pub(super) fn source_error(error: impl Into<Box<dyn error::Error + Send + Sync>>) -> StreamError {
    let error = error.into().downcast::<io::Error>().map_or_else(io::Error::other, |error| *error);
    StreamError::Source(Arc::new(error))
}
