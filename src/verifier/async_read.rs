//! An asynchronous reader that does not come to its end before the verdict.

use std::fmt;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::BufMut;
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use super::blocks::{BLOCK, Blocks, Filled};
use super::turn::Turn;
use super::{SignatureVerifier, StreamError, StreamVerifier};

pin_project! {
    /// Reads an image from an asynchronous source and verifies it on the way: [`VerifyingReader`](crate::VerifyingReader)
    /// for tokio.
    ///
    /// The last block, up to 128 KiB, is withheld until the source has ended and the signature holds. Then the rest comes
    /// and the reader ends as any other; otherwise it fails with `InvalidData`, then and at every later call, so that no
    /// consumer that looks at errors takes the image for whole. The bytes before the last block do reach the consumer
    /// before the verdict: whoever must not act on those uses a [`HoldBackAsyncWriter`](crate::HoldBackAsyncWriter).
    ///
    /// Blocks of 64 KiB are hashed in place, since the way to another thread and back takes about as long as the hash.
    ///
    /// # Cancel safety
    /// Each read that is cancel safe on a file or a connection is so here: a future of `read`, `read_buf` or `fill_buf`
    /// that is dropped has taken no bytes, and what the source gave stays for the next. `read_exact` and `read_to_end`
    /// lose what they have read, as anywhere.
    ///
    /// ```
    /// use longhand::{SignatureVerifier, VerifyingAsyncRead};
    /// use tokio::io::AsyncReadExt;
    /// # use longhand::{DirectoryKeyManager, KeyManager, SignatureProperties};
    /// # let record: serde_json::Value =
    /// #     serde_json::from_slice(&std::fs::read("test-vectors/walkthrough/glance/properties.json")?)?;
    /// # let texts = record["properties"].as_object().unwrap().iter();
    /// # let properties = SignatureProperties::from_properties(texts.filter_map(|(k, v)| Some((k, v.as_str()?))))?.unwrap();
    /// # let key_manager = DirectoryKeyManager::new("test-vectors/walkthrough/glance/certs");
    /// # let certificate = key_manager.certificate(properties.certificate_id())?.certificate;
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let download = tokio::fs::File::open("test-vectors/walkthrough/glance/image.qcow2").await?;
    ///
    /// let mut reader = VerifyingAsyncRead::new(SignatureVerifier::new(&properties, &certificate)?, download);
    /// let mut image = Vec::new();
    /// reader.read_to_end(&mut image).await?; // fails if the signature does not hold
    /// let verified = reader.into_verified()?;
    /// assert_eq!(verified.bytes_read(), 6656);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub struct VerifyingAsyncRead<R, V: StreamVerifier = SignatureVerifier> {
        #[pin]
        source: R,
        blocks: Blocks<V>,
    }
}

impl<R: AsyncRead, V: StreamVerifier> VerifyingAsyncRead<R, V> {
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

impl<R: AsyncRead, V: StreamVerifier> AsyncRead for VerifyingAsyncRead<R, V> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let mut this = self.project();
        let mut turn = Turn::new();
        let ready = ready!(this.blocks.poll_ready(|block| poll_fill(
            this.source.as_mut(),
            context,
            &mut turn,
            block
        )))?;
        let length = ready.len().min(buffer.remaining());
        buffer.put_slice(ready.get(..length).unwrap_or_default());
        this.blocks.give(length);
        Poll::Ready(Ok(()))
    }
}

impl<R, V: StreamVerifier> fmt::Debug for VerifyingAsyncRead<R, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingAsyncRead").field("state", &self.blocks).finish_non_exhaustive()
    }
}

/// Reads until `block` is full or the source has ended.
fn poll_fill<R: AsyncRead>(
    mut source: Pin<&mut R>,
    context: &mut Context<'_>,
    turn: &mut Turn,
    block: &mut Vec<u8>,
) -> Poll<io::Result<Filled>> {
    loop {
        let room = BLOCK.saturating_sub(block.len());
        if room == 0 {
            return Poll::Ready(Ok(Filled::Full));
        }
        ready!(turn.poll(context));
        block.reserve_exact(room);
        let mut limited = (&mut *block).limit(room);
        let read = pin!(source.read_buf(&mut limited)); // cancel safe, so it can be begun anew at each poll
        if ready!(read.poll(context))? == 0 {
            return Poll::Ready(Ok(Filled::Ended));
        }
    }
}
