//! A writer that lets go of nothing but what was verified.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::task::Poll;

use super::held::{HoldBack, gone};
use super::{SignatureVerifier, StreamError, StreamVerifier};
use crate::digest::Digest;

/// Where a [`HoldBackWriter`] keeps bytes that nobody has verified yet, out of everybody's sight.
///
/// A temporary file that is renamed into its place, a staging area, an upload that can be aborted. The command
/// `longhand verify --output` has one for files.
pub trait Destination {
    /// What there is after the release: a path, a handle, the bytes.
    type Released;

    /// Keeps all of `data`, behind what was kept before.
    ///
    /// # Errors
    /// Whatever stops it. The bytes are discarded then.
    fn write(&mut self, data: &[u8]) -> io::Result<()>;

    /// Makes the bytes visible: they are verified. All of them or, on an error, none: it has the destination whole, and
    /// nobody calls [`discard`](Self::discard) any more, so that what fails halfway is for it to remove. A temporary file
    /// that is removed on drop does that by itself.
    ///
    /// # Errors
    /// Whatever stops it.
    fn release(self) -> io::Result<Self::Released>;

    /// Removes every trace of the bytes.
    fn discard(self);
}

/// Writes an image to a [`Destination`] that releases it only if the signature holds: the first choice for whoever
/// stores images, because nobody can take unverified bytes for verified ones.
///
/// Whatever else happens, a failing source, a full disk, a panic, the writer going out of scope, discards the bytes. A
/// release that fails is no yes either, and removes them itself.
///
/// ```
/// use longhand::{HoldBackWriter, MemoryDestination, SignatureVerifier};
/// # use longhand::{DirectoryKeyManager, KeyManager, SignatureProperties};
/// # let record: serde_json::Value =
/// #     serde_json::from_slice(&std::fs::read("test-vectors/walkthrough/glance/properties.json")?)?;
/// # let texts = record["properties"].as_object().unwrap().iter();
/// # let properties = SignatureProperties::from_properties(texts.filter_map(|(k, v)| Some((k, v.as_str()?))))?.unwrap();
/// # let key_manager = DirectoryKeyManager::new("test-vectors/walkthrough/glance/certs");
/// # let certificate = key_manager.certificate(properties.certificate_id())?.certificate;
/// # let mut download = std::fs::File::open("test-vectors/walkthrough/glance/image.qcow2")?;
///
/// let verifier = SignatureVerifier::new(&properties, &certificate)?;
/// let mut writer = HoldBackWriter::new(verifier, MemoryDestination::new(1 << 20));
/// std::io::copy(&mut download, &mut writer)?;
/// let (verified, image) = writer.finish()?; // not before this line can anybody see a byte
/// assert_eq!(verified.bytes_read(), 6656);
/// assert_eq!(image.len(), 6656);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "without finish() the bytes are discarded"]
pub struct HoldBackWriter<D: Destination, V = SignatureVerifier> {
    hold_back: HoldBack<D, V>,
}

impl<D: Destination, V: StreamVerifier> HoldBackWriter<D, V> {
    /// A writer that holds back in `destination` what `verifier` has not verified: a [`SignatureVerifier`], or an
    /// [`ImageVerification`](crate::ImageVerification).
    pub fn new(verifier: V, destination: D) -> Self {
        Self { hold_back: HoldBack::new(verifier, destination, D::discard) }
    }

    /// How many bytes it has taken.
    #[must_use]
    pub fn bytes_written(&self) -> u64 {
        self.hold_back.verifier().bytes_taken()
    }

    /// The digest of the bytes taken so far: what an operator compares when the verdict is no.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.hold_back.verifier().digest_so_far()
    }

    /// Asks for the verdict; on yes the destination releases the bytes, otherwise it discards them.
    ///
    /// # Errors
    /// [`StreamError`]: the signature does not hold, or the destination failed, now or before.
    pub fn finish(self) -> Result<(V::Verdict, D::Released), StreamError> {
        let (verified, held) = self.hold_back.into_verdict()?;
        let released = held.let_go().map_or_else(|| Err(gone()), D::release);
        Ok((verified, released.map_err(|error| StreamError::Destination(Arc::new(error)))?))
    }

    /// Discards the bytes, as dropping the writer does.
    pub fn discard(self) {
        drop(self);
    }
}

impl<D: Destination, V: StreamVerifier> io::Write for HoldBackWriter<D, V> {
    /// Takes all of `data`, or fails for good: the first error discards the bytes, and every later call repeats it.
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let written = self
            .hold_back
            .poll_write(data, |destination, data| Poll::Ready(destination.write(data).map(|()| data.len())));
        match written {
            Poll::Ready(written) => written,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()), // cannot happen: the closure is never pending
        }
    }

    /// Does nothing: what is held back cannot be flushed.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<D: Destination, V: fmt::Debug> fmt::Debug for HoldBackWriter<D, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.hold_back.fmt_as("HoldBackWriter", f)
    }
}

/// Keeps bytes in memory, up to a limit: for tests, and for images as small as kernels and their command lines.
#[derive(Clone, Debug, Default)]
pub struct MemoryDestination {
    bytes: Vec<u8>,
    limit: usize,
}

impl MemoryDestination {
    /// Keeps at most `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit }
    }
}

impl Destination for MemoryDestination {
    type Released = Vec<u8>;

    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        if data.len() > self.limit.saturating_sub(self.bytes.len()) {
            let text = format!("the image is longer than the limit of {} bytes", self.limit);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
        }
        self.bytes.extend_from_slice(data);
        Ok(())
    }

    fn release(self) -> io::Result<Vec<u8>> {
        Ok(self.bytes)
    }

    fn discard(self) {}
}
