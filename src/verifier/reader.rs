//! A reader that does not come to its end before the verdict.

use std::fmt;
use std::io::{self, Read};
use std::task::Poll;

use super::blocks::{BLOCK, Blocks, Filled};
use super::{SignatureVerifier, StreamError, StreamVerifier};

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
    blocks: Blocks<V>,
}

impl<R: Read, V: StreamVerifier> VerifyingReader<R, V> {
    /// A reader of what `source` gives, to its end, verified by `verifier`: a [`SignatureVerifier`], or an
    /// [`ImageVerification`](crate::ImageVerification).
    pub fn new(verifier: V, source: R) -> Self {
        Self { source, blocks: Blocks::new(verifier) }
    }

    /// The verdict, once the reader has come to its end.
    ///
    /// # Errors
    /// [`StreamError`]: the signature does not hold, the source failed, or the reader has not come to its end.
    pub fn into_verified(self) -> Result<V::Verdict, StreamError> {
        self.blocks.into_verified()
    }
}

impl<R: Read, V: StreamVerifier> Read for VerifyingReader<R, V> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let Poll::Ready(ready) = self.blocks.poll_ready(|block| Poll::Ready(fill(&mut self.source, block)))
        else {
            return Err(io::ErrorKind::WouldBlock.into()); // cannot happen: `fill` is never pending
        };
        let length = ready?.read(buffer)?;
        self.blocks.give(length);
        Ok(length)
    }
}

impl<R, V: StreamVerifier> fmt::Debug for VerifyingReader<R, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingReader").field("state", &self.blocks).finish_non_exhaustive()
    }
}

/// Reads until `block` is full or the source has ended. What was read before an error stays.
fn fill(source: &mut impl Read, block: &mut Vec<u8>) -> io::Result<Filled> {
    let room = BLOCK.saturating_sub(block.len());
    let limit = u64::try_from(room).unwrap_or(u64::MAX);
    let read = source.take(limit).read_to_end(block)?;
    Ok(if read < room { Filled::Ended } else { Filled::Full })
}
