//! An asynchronous writer that lets go of nothing but what was verified.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;

use super::held::{Held, HoldBack, gone};
use super::hold_back::{Destination, MemoryDestination};
use super::{SignatureVerifier, StreamError, StreamVerifier};
use crate::digest::Digest;
use crate::limits::MAX_HASHED_IN_PLACE;

/// Where a [`HoldBackAsyncWriter`] keeps bytes that nobody has verified yet, out of everybody's sight: [`Destination`] for
/// tokio.
///
/// A temporary file that is renamed into its place, a staging area, an upload that can be aborted:
///
/// ```
/// use std::io;
/// use std::path::PathBuf;
/// use longhand::AsyncDestination;
/// use tokio::fs::File;
/// use tokio::task::spawn_blocking;
///
/// /// A file under another name until it is verified: one that nobody else uses, made with `File::create_new`.
/// struct StagedFile {
///     file: File,
///     staged: Option<PathBuf>,
///     path: PathBuf,
/// }
///
/// impl AsyncDestination for StagedFile {
///     type Staging = File;
///     type Released = PathBuf;
///
///     fn staging(&mut self) -> &mut File {
///         &mut self.file
///     }
///
///     async fn release(&mut self) -> io::Result<PathBuf> {
///         self.file.sync_all().await?;
///         // The name goes to the thread as well: nobody removes it, or uses it again, before the thread has renamed the file.
///         let (staged, path) = (self.staged.take().ok_or(io::ErrorKind::NotFound)?, self.path.clone());
///         let rename = move || match std::fs::rename(&staged, &path) {
///             Ok(()) => Ok(path),
///             Err(error) => std::fs::remove_file(&staged).and(Err(error)),
///         };
///         spawn_blocking(rename).await?
///     }
///
///     fn discard(self) {
///         if let Some(staged) = self.staged {
///             let _ = std::fs::remove_file(&staged);
///         }
///     }
/// }
/// ```
pub trait AsyncDestination {
    /// What the bytes are written to before the verdict.
    type Staging: AsyncWrite + Unpin + ?Sized;

    /// What there is after the release: a path, a handle, the bytes.
    type Released;

    /// What the next bytes are written to, behind what was written before. It is flushed before the release, and not shut
    /// down.
    fn staging(&mut self) -> &mut Self::Staging;

    /// Makes the bytes visible: they are verified. All of them or, on an error, none. Called once; the destination is
    /// dropped after it.
    ///
    /// # Errors
    /// Whatever stops it. The bytes are discarded then, and so they are if the future is dropped before it is ready.
    ///
    /// What it hands to a thread outlives the future, and all of `tokio::fs` does: hand over what the thread needs, a
    /// temporary name too, so that [`discard`](Self::discard) finds nothing to remove. Otherwise the thread might put into
    /// place what another has written under that name since.
    fn release(&mut self) -> impl Future<Output = io::Result<Self::Released>> + Send;

    /// Removes every trace of the bytes. Called on drop, so it cannot wait, and perhaps there is no runtime any more: what
    /// takes long is spawned where there is one, and left to whoever sweeps the staging area where there is none.
    fn discard(self);
}

/// Writes an image to an [`AsyncDestination`] that releases it only if the signature holds:
/// [`HoldBackWriter`](crate::HoldBackWriter) for tokio, and the first choice for services that store images, because
/// nobody can take unverified bytes for verified ones.
///
/// Whatever else happens, a failing source, a full disk, a panic, the writer or one of its futures going out of scope,
/// discards the bytes. Flushing or shutting it down flushes the staging area, and releases nothing.
///
/// Each write takes 256 KiB at the most and hashes them in place, so that it does not keep the runtime's thread for long.
///
/// # Cancel safety
/// `write` is cancel safe: a future of it that is dropped has taken no bytes. `write_all` and `copy` do not say how far
/// they came, as anywhere: the writer has to be dropped after them. A [`finish`](Self::finish) that is dropped discards
/// the bytes, unless its destination was releasing them on a thread: then they may be released yet, since they are verified.
///
/// ```
/// use longhand::{HoldBackAsyncWriter, MemoryDestination, SignatureVerifier};
/// # use longhand::{DirectoryKeyManager, KeyManager, SignatureProperties};
/// # let record: serde_json::Value =
/// #     serde_json::from_slice(&std::fs::read("test-vectors/walkthrough/glance/properties.json")?)?;
/// # let texts = record["properties"].as_object().unwrap().iter();
/// # let properties = SignatureProperties::from_properties(texts.filter_map(|(k, v)| Some((k, v.as_str()?))))?.unwrap();
/// # let key_manager = DirectoryKeyManager::new("test-vectors/walkthrough/glance/certs");
/// # let certificate = key_manager.certificate(properties.certificate_id())?.certificate;
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// # let mut download = tokio::fs::File::open("test-vectors/walkthrough/glance/image.qcow2").await?;
///
/// let verifier = SignatureVerifier::new(&properties, &certificate)?;
/// let mut writer = HoldBackAsyncWriter::new(verifier, MemoryDestination::new(1 << 20));
/// tokio::io::copy(&mut download, &mut writer).await?;
/// let (verified, image) = writer.finish().await?; // not before this line can anybody see a byte
/// assert_eq!(verified.bytes_read(), 6656);
/// assert_eq!(image.len(), 6656);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "without finish() the bytes are discarded"]
pub struct HoldBackAsyncWriter<D: AsyncDestination, V = SignatureVerifier> {
    hold_back: HoldBack<D, V>,
}

impl<D: AsyncDestination, V: StreamVerifier> HoldBackAsyncWriter<D, V> {
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

    /// Asks for the verdict; on yes the destination releases the bytes, otherwise it discards them. Dropped before it is
    /// ready, it discards them too, unless they are verified and a thread is releasing them.
    ///
    /// # Errors
    /// [`StreamError`]: the signature does not hold, or the destination failed, now or before.
    pub async fn finish(self) -> Result<(V::Verdict, D::Released), StreamError> {
        let (verified, held) = self.hold_back.into_verdict()?;
        let released = release(held).await.map_err(|error| StreamError::Destination(Arc::new(error)))?;
        Ok((verified, released))
    }

    /// Discards the bytes, as dropping the writer does.
    pub fn discard(self) {
        drop(self);
    }

    fn poll_staging<T>(
        &mut self,
        work: impl FnOnce(Pin<&mut D::Staging>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        self.hold_back.poll_with(|destination| work(Pin::new(destination.staging())))
    }
}

/// An error, or a drop on the way, discards.
async fn release<D: AsyncDestination>(mut held: Held<D>) -> io::Result<D::Released> {
    let destination = held.get().ok_or_else(gone)?;
    poll_fn(|context| Pin::new(destination.staging()).poll_flush(context)).await?;
    let released = destination.release().await?;
    drop(held.let_go());
    Ok(released)
}

/// The destination is never pinned.
impl<D: AsyncDestination, V> Unpin for HoldBackAsyncWriter<D, V> {}

impl<D: AsyncDestination, V: StreamVerifier> AsyncWrite for HoldBackAsyncWriter<D, V> {
    /// Takes the first of `data`, or fails for good: the first error discards the bytes, and every later call repeats it.
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let data = data.get(..MAX_HASHED_IN_PLACE).unwrap_or(data);
        self.get_mut()
            .hold_back
            .poll_write(data, |destination, data| Pin::new(destination.staging()).poll_write(context, data))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_staging(|staging| staging.poll_flush(context))
    }

    /// Flushes; [`finish`](HoldBackAsyncWriter::finish) alone asks for the verdict.
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(context)
    }
}

impl<D: AsyncDestination, V: fmt::Debug> fmt::Debug for HoldBackAsyncWriter<D, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.hold_back.fmt_as("HoldBackAsyncWriter", f)
    }
}

impl AsyncDestination for MemoryDestination {
    type Staging = Self;
    type Released = Vec<u8>;

    fn staging(&mut self) -> &mut Self {
        self
    }

    async fn release(&mut self) -> io::Result<Vec<u8>> {
        Destination::release(mem::take(self))
    }

    fn discard(self) {}
}

/// Never pending.
impl AsyncWrite for MemoryDestination {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Destination::write(self.get_mut(), data).map(|()| data.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
