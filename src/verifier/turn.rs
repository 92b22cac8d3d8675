//! How long one poll may go on.

use std::task::{Context, Poll};

use crate::limits::MAX_READS_A_POLL;

/// One poll's turn: it may ask the source so often, and then lets others run, to be polled again at once.
pub(super) struct Turn {
    left: u32,
}

impl Turn {
    pub(super) fn new() -> Self {
        Self { left: MAX_READS_A_POLL }
    }

    /// Before each question to the source.
    pub(super) fn poll(&mut self, context: &Context<'_>) -> Poll<()> {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Poll::Ready(())
            }
            None => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}
