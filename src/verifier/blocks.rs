//! An image read into blocks of one size, for readers: the blocks go round, and memory stays the same.

use std::fmt;
use std::io;
use std::mem;
use std::sync::Arc;
use std::task::{Poll, ready};

use super::withheld::{Next, Withheld};
use super::{StreamError, StreamVerifier};
use crate::limits::MIN_WITHHELD;

/// The size of a block, in bytes. A hash's update pays for itself from far less.
pub(super) const BLOCK: usize = MIN_WITHHELD;

/// What reads gave, and what reads get.
pub(super) struct Blocks<V: StreamVerifier> {
    withheld: Withheld<V, Vec<u8>>,
    /// The block that is being read, not hashed.
    incoming: Vec<u8>,
    /// The block that goes out, and how many bytes of it have.
    outgoing: Vec<u8>,
    given: usize,
}

/// How a block came to be read.
pub(super) enum Filled {
    /// It is full.
    Full,
    /// The source has ended.
    Ended,
}

impl<V: StreamVerifier> Blocks<V> {
    pub(super) fn new(verifier: V) -> Self {
        Self { withheld: Withheld::new(verifier), incoming: Vec::new(), outgoing: Vec::new(), given: 0 }
    }

    /// The bytes that may go out now; none at the end. `fill` reads from the source, behind what the block has, up to
    /// [`BLOCK`] bytes; what it read before it was pending or failed stays.
    pub(super) fn poll_ready(
        &mut self,
        mut fill: impl FnMut(&mut Vec<u8>) -> Poll<io::Result<Filled>>,
    ) -> Poll<io::Result<&[u8]>> {
        while self.given >= self.outgoing.len() {
            match self.withheld.next().map_err(io::Error::from)? {
                Next::Give(block) => (self.outgoing, self.given) = (block, 0),
                Next::End => break,
                Next::Read => ready!(self.poll_block(&mut fill))?,
            }
        }
        Poll::Ready(Ok(self.outgoing.get(self.given..).unwrap_or_default()))
    }

    /// So many of the bytes that were ready have gone out.
    pub(super) fn give(&mut self, length: usize) {
        self.given = self.given.saturating_add(length);
    }

    /// The verdict, once all has gone out.
    pub(super) fn into_verified(self) -> Result<V::Verdict, StreamError> {
        if self.given < self.outgoing.len() {
            Err(self.withheld.unfinished())
        } else {
            self.withheld.into_verified()
        }
    }

    fn poll_block(
        &mut self,
        fill: &mut impl FnMut(&mut Vec<u8>) -> Poll<io::Result<Filled>>,
    ) -> Poll<io::Result<()>> {
        if self.incoming.is_empty() {
            // All of it has gone out, and its memory is as good as new.
            self.incoming = mem::take(&mut self.outgoing);
            self.incoming.clear();
            self.given = 0;
        }
        let filled = match ready!(self.withheld.guard(|| fill(&mut self.incoming))) {
            Ok(filled) => filled,
            // The source asks for patience: the next call goes on from here.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Ready(Err(error)),
            Err(error) => {
                self.withheld.fail(StreamError::Source(Arc::new(error)));
                return Poll::Ready(Ok(()));
            }
        };
        self.withheld.hash(&self.incoming);
        self.withheld.withhold(mem::take(&mut self.incoming));
        if matches!(filled, Filled::Ended) {
            self.withheld.end();
        }
        Poll::Ready(Ok(()))
    }
}

impl<V: StreamVerifier> fmt::Debug for Blocks<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.withheld.fmt(f)
    }
}
