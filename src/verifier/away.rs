//! Hashing away from the runtime's threads, where there is a runtime and enough to hash.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::StreamVerifier;
use crate::limits::MAX_HASHED_IN_PLACE;

/// A verifier that takes a chunk on a thread for blocking work. Dropped, it is forgotten.
#[derive(Debug)]
pub(super) struct Away<V>(JoinHandle<(Box<V>, Bytes)>);

impl<V: StreamVerifier> Away<V> {
    /// Where to hash these bytes, if not here: only a long chunk is worth the way, and without a runtime there is none.
    pub(super) fn runtime_for(chunk: &Bytes) -> Option<Handle> {
        if chunk.len() > MAX_HASHED_IN_PLACE { Handle::try_current().ok() } else { None }
    }

    pub(super) fn begin(runtime: &Handle, mut verifier: Box<V>, chunk: Bytes) -> Self {
        Self(runtime.spawn_blocking(move || {
            verifier.take(&chunk);
            (verifier, chunk)
        }))
    }

    /// The verifier and the chunk that it has taken; nothing if the runtime has ended meanwhile.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<(Box<V>, Bytes)>> {
        Poll::Ready(ready!(Future::poll(Pin::new(&mut self.0), context)).ok())
    }
}
