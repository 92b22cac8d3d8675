//! A reader that does not come to its end before the verdict.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use super::{SignatureVerifier, StreamError, StreamVerifier};

/// How many bytes are withheld at least, if the image has as many. A hash's update pays for itself from far less.
const BLOCK: usize = 64 * 1024;

/// Reads an image from a source and verifies it on the way: what a service puts around a download.
///
/// The last block, up to 128 KiB, is withheld until the source has ended and the signature holds. Then the rest comes
/// and the reader ends as any other; otherwise it fails with `InvalidData`, then and at every later call, so that no
/// consumer that looks at errors takes the image for whole. The bytes before the last block do reach the consumer
/// before the verdict: whoever must not act on those uses a [`HoldBackWriter`](crate::HoldBackWriter).
///
/// ```
/// use std::io::Read;
/// use longhand::{SignatureVerifier, VerifyingReader};
/// # use longhand::{DirectoryKeyManager, KeyManager, SignatureProperties};
/// # let record: serde_json::Value =
/// #     serde_json::from_slice(&std::fs::read("test-vectors/walkthrough/glance/properties.json")?)?;
/// # let texts = record["properties"].as_object().unwrap().iter();
/// # let properties = SignatureProperties::from_properties(texts.filter_map(|(k, v)| Some((k, v.as_str()?))))?.unwrap();
/// # let key_manager = DirectoryKeyManager::new("test-vectors/walkthrough/glance/certs");
/// # let certificate = key_manager.certificate(properties.certificate_id())?.certificate;
/// # let download = std::fs::File::open("test-vectors/walkthrough/glance/image.qcow2")?;
///
/// let mut reader = VerifyingReader::new(SignatureVerifier::new(&properties, &certificate)?, download);
/// let mut image = Vec::new();
/// reader.read_to_end(&mut image)?; // fails if the signature does not hold
/// let verified = reader.into_verified()?;
/// assert_eq!(verified.bytes_read(), 6656);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct VerifyingReader<R, V: StreamVerifier = SignatureVerifier> {
    source: R,
    state: State<V>,
    /// Bytes that may go out, and how many of them have.
    ready: Vec<u8>,
    given: usize,
    /// A full block, hashed, that waits for another one behind it.
    withheld: Vec<u8>,
    /// The block that is being read, not hashed.
    incoming: Vec<u8>,
}

/// The verifier and the verdict are in boxes so that a reader is cheap to move.
enum State<V: StreamVerifier> {
    Reading(Box<V>),
    Ended { verdict: Box<V::Verdict>, bytes_read: u64 },
    Failed(StreamError),
}

impl<R: Read, V: StreamVerifier> VerifyingReader<R, V> {
    /// A reader of what `source` gives, to its end, verified by `verifier`: a [`SignatureVerifier`], or an
    /// [`ImageVerification`](crate::ImageVerification).
    pub fn new(verifier: V, source: R) -> Self {
        Self {
            source,
            state: State::Reading(Box::new(verifier)),
            ready: Vec::new(),
            given: 0,
            withheld: Vec::new(),
            incoming: Vec::new(),
        }
    }

    /// The verdict, once the reader has come to its end.
    ///
    /// # Errors
    /// [`StreamError`]: the signature does not hold, the source failed, or the reader has not come to its end.
    pub fn into_verified(self) -> Result<V::Verdict, StreamError> {
        match self.state {
            State::Ended { bytes_read, .. } if self.given < self.ready.len() => {
                Err(StreamError::Unfinished { bytes_read })
            }
            State::Ended { verdict, .. } => Ok(*verdict),
            State::Failed(error) => Err(error),
            State::Reading(verifier) => Err(StreamError::Unfinished { bytes_read: verifier.bytes_taken() }),
        }
    }

    /// One block further: the withheld one becomes ready, or the verdict falls.
    fn advance(&mut self, mut verifier: Box<V>) -> io::Result<State<V>> {
        let ended = match fill(&mut self.source, &mut self.incoming) {
            Ok(ended) => ended,
            // The source asks for patience: the next call goes on from here.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.state = State::Reading(verifier);
                return Err(error);
            }
            Err(error) => return Ok(State::Failed(StreamError::Source(Arc::new(error)))),
        };
        verifier.take(&self.incoming);
        self.given = 0;
        std::mem::swap(&mut self.ready, &mut self.withheld);
        std::mem::swap(&mut self.withheld, &mut self.incoming);
        self.incoming.clear();
        if !ended {
            return Ok(State::Reading(verifier));
        }
        let bytes_read = verifier.bytes_taken();
        Ok(match verifier.into_verdict() {
            Ok(verdict) => {
                self.ready.append(&mut self.withheld);
                State::Ended { verdict: Box::new(verdict), bytes_read }
            }
            Err(error) => {
                self.ready.clear();
                State::Failed(error)
            }
        })
    }

    /// Gives out what is ready.
    fn give(&mut self, buffer: &mut [u8]) -> usize {
        let rest = self.ready.get(self.given..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        if let (Some(from), Some(to)) = (rest.get(..length), buffer.get_mut(..length)) {
            to.copy_from_slice(from);
        }
        self.given = self.given.saturating_add(length);
        length
    }
}

impl<R: Read, V: StreamVerifier> Read for VerifyingReader<R, V> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if let State::Failed(error) = &self.state {
                return Err(error.to_io());
            }
            let given = self.give(buffer);
            if given > 0 {
                return Ok(given);
            }
            self.ready.clear();
            self.given = 0;
            // Should the source panic, the reader has failed.
            let state = std::mem::replace(&mut self.state, interrupted());
            self.state = match state {
                State::Reading(verifier) => self.advance(verifier)?,
                State::Ended { .. } => {
                    self.state = state;
                    return Ok(0);
                }
                State::Failed(error) => {
                    let shown = error.to_io();
                    self.state = State::Failed(error);
                    return Err(shown);
                }
            };
        }
    }
}

impl<R, V: StreamVerifier> fmt::Debug for VerifyingReader<R, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Reading(_) => "reading",
            State::Ended { .. } => "verified",
            State::Failed(_) => "failed",
        };
        f.debug_struct("VerifyingReader").field("state", &state).finish_non_exhaustive()
    }
}

/// Reads until `block` is full or the source has ended; says whether it has ended. What was read before an error stays.
fn fill(source: &mut impl Read, block: &mut Vec<u8>) -> io::Result<bool> {
    let room = BLOCK.saturating_sub(block.len());
    let limit = u64::try_from(room).unwrap_or(u64::MAX);
    let read = source.take(limit).read_to_end(block)?;
    Ok(read < room)
}

fn interrupted<V: StreamVerifier>() -> State<V> {
    State::Failed(StreamError::Unfinished { bytes_read: 0 })
}
