//! Reading on a thread of its own, a little ahead of whoever takes the bytes.

use std::fmt;
use std::io::{self, BufRead, Read};
use std::sync::mpsc::{Receiver, Sender, channel};

mod block;
mod reading;

pub(crate) use block::Block;
pub(crate) use reading::{Filled, spawn};

use crate::verifier::lasting;

/// Reads a source ahead: a thread reads up to 1 MiB at once while the caller works on what came before, so that a file
/// is read in the time that it takes to hash it. At most two blocks of that size are held, whatever the source has.
///
/// The source's first error is its last, one that asks for patience (`WouldBlock`) too: the thread asks it once, and the
/// error is given as `Other`. A source that does not block wants no thread of its own.
///
/// Nobody waits for the thread: when this is dropped, the thread ends after the read that is under way, which on a pipe
/// may take as long as the other side likes.
///
/// ```
/// use std::io;
/// use longhand::ReadAhead;
/// # use longhand::{DirectoryKeyManager, KeyManager, SignatureProperties, SignatureVerifier};
/// # let record: serde_json::Value =
/// #     serde_json::from_slice(&std::fs::read("test-vectors/walkthrough/glance/properties.json")?)?;
/// # let texts = record["properties"].as_object().unwrap().iter();
/// # let properties = SignatureProperties::from_properties(texts.filter_map(|(k, v)| Some((k, v.as_str()?))))?.unwrap();
/// # let key_manager = DirectoryKeyManager::new("test-vectors/walkthrough/glance/certs");
/// # let certificate = key_manager.certificate(properties.certificate_id())?.certificate;
/// let file = std::fs::File::open("test-vectors/walkthrough/glance/image.qcow2")?;
///
/// let mut verifier = SignatureVerifier::new(&properties, &certificate)?;
/// ReadAhead::new(file)?.for_each_block(|block| verifier.update(block))?;
/// assert_eq!(verifier.verify()?.bytes_read(), 6656);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ReadAhead {
    filled: Receiver<Filled>,
    empty: Sender<Block>,
    current: Option<Block>,
    given: usize,
    ended: Option<Ended>,
}

#[derive(Clone, Copy)]
enum Ended {
    Whole,
    Failed(io::ErrorKind),
}

impl ReadAhead {
    /// Starts to read.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn new(source: impl Read + Send + 'static) -> io::Result<Self> {
        let (to_caller, filled) = channel();
        let (empty, from_caller) = channel();
        let hand_over = spawn(from_caller, move |filled| to_caller.send(filled).is_ok())?;
        // Should the thread be gone, the first read says so.
        let _ = hand_over.send(source);
        Ok(Self { filled, empty, current: None, given: 0, ended: None })
    }

    /// Gives every block to `take`, to the end of the source. Whoever may want to stop before uses it as a `BufRead`.
    ///
    /// # Errors
    /// The source's, after the blocks that came before.
    pub fn for_each_block(mut self, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        loop {
            let block = self.fill_buf()?;
            let length = block.len();
            if length == 0 {
                return Ok(());
            }
            take(block);
            self.consume(length);
        }
    }

    /// The next block in the place of the one that was taken.
    fn advance(&mut self) -> io::Result<()> {
        if let Some(block) = self.current.take() {
            // A thread that has ended needs no block.
            let _ = self.empty.send(block);
        }
        self.given = 0;
        match self.filled.recv() {
            Ok(Filled::Block(block)) => self.current = Some(block),
            Ok(Filled::End) => self.ended = Some(Ended::Whole),
            Ok(Filled::Failed(error)) => return Err(self.fail(error)),
            Err(_) => return Err(self.fail(io::Error::other("the reading thread is gone"))),
        }
        Ok(())
    }

    /// What is left of the block.
    fn rest(&self) -> &[u8] {
        let bytes = self.current.as_ref().map_or(&[][..], Block::bytes);
        bytes.get(self.given..).unwrap_or_default()
    }

    fn fail(&mut self, error: io::Error) -> io::Error {
        let kind = lasting(error.kind());
        self.ended = Some(Ended::Failed(kind));
        if kind == error.kind() { error } else { io::Error::new(kind, error) }
    }
}

/// An error stays: what comes after it is never an end.
impl BufRead for ReadAhead {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.rest().is_empty() && self.ended.is_none() {
            self.advance()?;
        }
        match self.ended {
            Some(Ended::Failed(kind)) => Err(io::Error::new(kind, "the source failed before")),
            _ => Ok(self.rest()),
        }
    }

    fn consume(&mut self, amount: usize) {
        self.given = self.given.saturating_add(amount);
    }
}

impl Read for ReadAhead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let length = self.fill_buf()?.read(buffer)?;
        self.consume(length);
        Ok(length)
    }
}

impl fmt::Debug for ReadAhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadAhead").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{SyncSender, sync_channel};

    /// Gives what it is told to, one answer a call, then its end.
    struct Script<I>(I);

    enum Step {
        Bytes(usize),
        Fail(io::ErrorKind),
        Panic,
    }

    impl<I: Iterator<Item = Step>> Read for Script<I> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.next() {
                None => Ok(0),
                Some(Step::Bytes(length)) => {
                    let length = length.min(buffer.len());
                    buffer[..length].fill(7);
                    Ok(length)
                }
                Some(Step::Fail(kind)) => Err(kind.into()),
                Some(Step::Panic) => std::panic::panic_any("as told"),
            }
        }
    }

    fn script(steps: impl IntoIterator<Item = Step, IntoIter: Send + 'static>) -> ReadAhead {
        ReadAhead::new(Script(steps.into_iter())).unwrap()
    }

    #[test]
    fn every_byte_comes_once_in_order_and_the_end_stays() {
        for length in [0, 1, 4096, block::SIZE - 1, block::SIZE, block::SIZE + 1, 9 * block::SIZE + 5] {
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let mut source = ReadAhead::new(io::Cursor::new(bytes.clone())).unwrap();
            let mut read = Vec::new();
            source.read_to_end(&mut read).unwrap();
            assert!(read == bytes, "{length}");
            assert_eq!(source.read(&mut [0; 9]).unwrap(), 0);
            let mut blocks = Vec::new();
            let source = ReadAhead::new(io::Cursor::new(bytes.clone())).unwrap();
            source.for_each_block(|block| blocks.extend_from_slice(block)).unwrap();
            assert!(blocks == bytes, "{length}");
        }
    }

    #[test]
    fn short_and_interrupted_reads_lose_nothing() {
        /// Interrupted before each read, which gives a little more than the one before.
        struct Trickle(io::Cursor<Vec<u8>>, usize);
        impl Read for Trickle {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.1 += 1;
                if self.1 % 2 == 1 {
                    return Err(io::ErrorKind::Interrupted.into());
                }
                let length = buffer.len().min(self.1 * 30);
                self.0.read(&mut buffer[..length])
            }
        }
        let bytes: Vec<u8> = (0..5 * block::SIZE).map(|at| (at % 251) as u8).collect();
        let mut read = Vec::new();
        ReadAhead::new(Trickle(io::Cursor::new(bytes.clone()), 0)).unwrap().read_to_end(&mut read).unwrap();
        assert!(read == bytes);
    }

    #[test]
    fn an_error_comes_after_the_bytes_before_it_and_stays() {
        for (kind, shown) in [
            (io::ErrorKind::TimedOut, io::ErrorKind::TimedOut),
            // Nobody asks the source again, so whoever waited for it would wait for ever.
            (io::ErrorKind::WouldBlock, io::ErrorKind::Other),
        ] {
            let mut source = script([Step::Bytes(10), Step::Fail(kind), Step::Bytes(10)]);
            let mut read = Vec::new();
            let error = source.read_to_end(&mut read).unwrap_err();
            assert_eq!((error.kind(), error.to_string()), (shown, kind.to_string()));
            assert_eq!(read, [7; 10]);
            for _ in 0..3 {
                assert_eq!(source.read(&mut [0; 9]).unwrap_err().kind(), shown);
            }
        }
    }

    #[test]
    fn a_source_that_panics_has_not_ended() {
        let mut source = script([Step::Bytes(10), Step::Panic]);
        let outcome = source.read_to_end(&mut Vec::new());
        assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::Other);
        assert!(source.read(&mut [0; 9]).is_err());
    }

    #[test]
    fn a_source_that_claims_more_than_it_was_given_room_for_fails() {
        struct Liar;
        impl Read for Liar {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                Ok(buffer.len() + 1)
            }
        }
        let outcome = ReadAhead::new(Liar).unwrap().read_to_end(&mut Vec::new());
        assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_source_that_is_interrupted_for_ever_is_let_go() {
        struct Restless(SyncSender<()>);
        impl Read for Restless {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                let _ = self.0.try_send(());
                Err(io::ErrorKind::Interrupted.into())
            }
        }
        let (teller, told) = sync_channel(1);
        let source = ReadAhead::new(Restless(teller)).unwrap();
        told.recv().unwrap();
        drop(source);
        // Until the thread has ended and dropped its end.
        assert!(told.iter().count() < usize::MAX);
    }

    #[test]
    fn it_reads_two_blocks_ahead_and_no_more() {
        /// Tells of each call.
        struct Told(SyncSender<usize>);
        impl Read for Told {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.0.send(buffer.len()).map_err(io::Error::other)?;
                Ok(buffer.len())
            }
        }
        let (teller, told) = sync_channel(0);
        let mut source = ReadAhead::new(Told(teller)).unwrap();
        let patience = std::time::Duration::from_millis(50);
        for _ in 0..reading::BLOCKS {
            assert_eq!(told.recv().unwrap(), block::SIZE);
        }
        assert!(told.recv_timeout(patience).is_err());
        // One that is taken makes room for one.
        assert_eq!(source.fill_buf().unwrap().len(), block::SIZE);
        source.consume(block::SIZE);
        assert_eq!(source.fill_buf().unwrap().len(), block::SIZE);
        assert_eq!(told.recv().unwrap(), block::SIZE);
        // Dropped, it is not waited for, and reads no further than it must.
        drop(source);
        assert!(told.iter().take(reading::BLOCKS + 1).count() <= reading::BLOCKS);
    }
}
