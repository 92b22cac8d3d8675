//! A thread that hashes a few streams together, as their bytes come.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use crate::digest::StreamingDigest;
use crate::public_key::VerificationError;
use crate::read_ahead::{Block, Filled};
use crate::verifier::{StreamError, StreamVerifier};

pub(super) enum Message<V: StreamVerifier> {
    /// One stream more.
    Begin(Box<Stream<V>>),
    /// What the source of the stream with this place gave.
    Filled(usize, Filled),
    /// Nobody waits for verdicts any more.
    Stop,
}

/// A verdict, the place of its image, and which worker came to it.
pub(super) struct Answer<V: StreamVerifier> {
    pub(super) place: usize,
    pub(super) worker: usize,
    pub(super) verdict: Result<V::Verdict, StreamError>,
}

/// An image that waits for its verdict, and gets one whatever happens: without any, it says so when it is dropped.
pub(super) struct Pending<V: StreamVerifier> {
    place: usize,
    worker: usize,
    bytes_read: u64,
    answers: Option<Sender<Answer<V>>>,
}

impl<V: StreamVerifier> Pending<V> {
    pub(super) fn new(place: usize, worker: usize, answers: Sender<Answer<V>>) -> Self {
        Self { place, worker, bytes_read: 0, answers: Some(answers) }
    }

    pub(super) fn place(&self) -> usize {
        self.place
    }

    /// The image has not begun, and waits for its verdict elsewhere.
    pub(super) fn forget(mut self) {
        self.answers = None;
    }

    fn answer(&mut self, verdict: Result<V::Verdict, StreamError>) {
        if let Some(answers) = self.answers.take() {
            // Nobody may be there to hear it.
            let _ = answers.send(Answer { place: self.place, worker: self.worker, verdict });
        }
    }
}

impl<V: StreamVerifier> Drop for Pending<V> {
    fn drop(&mut self) {
        self.answer(Err(StreamError::Unfinished { bytes_read: self.bytes_read }));
    }
}

/// An image, and what its source gave so far.
pub(super) struct Stream<V: StreamVerifier> {
    pending: Pending<V>,
    verifier: V,
    /// Blocks that wait.
    filled: VecDeque<Block>,
    /// How the source ended, if it has.
    end: Option<io::Result<()>>,
    empty: Sender<Block>,
    /// The block that is being hashed.
    current: Option<Block>,
}

impl<V: StreamVerifier> Stream<V> {
    pub(super) fn new(pending: Pending<V>, verifier: V, empty: Sender<Block>) -> Self {
        Self { pending, verifier, filled: VecDeque::new(), end: None, empty, current: None }
    }

    fn take(&mut self, filled: Filled) {
        match filled {
            // A source that panics when it is dropped has ended before.
            _ if self.end.is_some() => {}
            Filled::Block(block) => self.filled.push_back(block),
            Filled::End => self.end = Some(Ok(())),
            Filled::Failed(error) => {
                self.filled.clear();
                self.end = Some(Err(error));
            }
        }
    }

    fn has_work(&self) -> bool {
        !self.filled.is_empty() || self.end.is_some()
    }

    /// Begins with the next block, if it is there: the digests that have to take it.
    fn begin_block(&mut self) -> impl Iterator<Item = (&mut StreamingDigest, &[u8])> {
        self.current = self.filled.pop_front();
        let block = self.current.as_ref().map(Block::bytes);
        let digests = block.map(|block| self.verifier.take_without_digests(block)).unwrap_or_default();
        digests.into_iter().flatten().map(move |digest| (digest, block.unwrap_or_default()))
    }

    /// The block is hashed: its memory goes back to the source.
    fn end_block(&mut self) {
        if let Some(block) = self.current.take() {
            self.pending.bytes_read = self.verifier.bytes_taken();
            // A source that has ended needs no block.
            let _ = self.empty.send(block);
        }
    }

    fn has_ended(&self) -> bool {
        self.end.is_some() && self.filled.is_empty()
    }

    fn conclude(self) {
        let Self { mut pending, verifier, end, .. } = self;
        pending.answer(match end {
            None => return,
            Some(Ok(())) => guarded(|| verifier.into_verdict()).unwrap_or_else(|| {
                let source =
                    Box::<dyn std::error::Error + Send + Sync>::from("the registered key type panicked");
                Err(VerificationError::Registered { source: source.into() }.into())
            }),
            Some(Err(error)) => {
                let _ = guarded(|| drop(verifier));
                Err(StreamError::Source(Arc::new(error)))
            }
        });
    }
}

/// A registered key type runs its own code, when it is dropped too: should it panic, the other streams go on.
fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    // What it panicked with may itself panic when it is dropped.
    catch_unwind(AssertUnwindSafe(work)).map_err(std::mem::forget).ok()
}

/// The thread's work: it waits when there is nothing to hash, and hashes what there is.
pub(super) fn run<V: StreamVerifier>(messages: &Receiver<Message<V>>) {
    let mut streams: Vec<Box<Stream<V>>> = Vec::new();
    loop {
        let first = if streams.iter().any(|stream| stream.has_work()) {
            None
        } else {
            let Ok(message) = messages.recv() else { return };
            Some(message)
        };
        // All that is there already comes along, so that lanes are full.
        for message in first.into_iter().chain(messages.try_iter()) {
            match message {
                Message::Begin(stream) => streams.push(stream),
                Message::Filled(place, filled) => {
                    if let Some(stream) = streams.iter_mut().find(|stream| stream.pending.place == place) {
                        stream.take(filled);
                    }
                }
                Message::Stop => return,
            }
        }
        StreamingDigest::update_many(streams.iter_mut().flat_map(|stream| stream.begin_block()));
        streams.iter_mut().for_each(|stream| stream.end_block());
        for ended in streams.extract_if(.., |stream| stream.has_ended()) {
            ended.conclude();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::verifier::SignatureVerifier;

    #[test]
    fn an_image_that_is_forgotten_gets_an_answer_that_is_no() {
        let (answers, answer) = channel();
        drop(Pending::<SignatureVerifier>::new(3, 1, answers));
        let Answer { place, worker, verdict } = answer.recv().unwrap();
        assert_eq!((place, worker), (3, 1));
        assert!(matches!(verdict, Err(StreamError::Unfinished { bytes_read: 0 })));
        assert!(answer.recv().is_err(), "one answer");
    }
}
