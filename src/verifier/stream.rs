//! A stream of chunks that does not come to its end before the verdict.

use std::error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;

use super::chunks::{Chunks, source_error};
use super::{SignatureVerifier, StreamError, StreamVerifier};

pin_project! {
    /// Verifies an image on its way through a [`Stream`] of [`Bytes`]: what a service puts around the chunks of a download
    /// or an upload.
    ///
    /// The end, from 64 to 196 KiB, is withheld until the source has ended and the signature holds. Then the rest comes and
    /// the stream ends as any other; otherwise it gives the error, at every later poll as well and never `None`, so that
    /// no consumer that looks at errors takes the image for whole. What came before the end does reach the consumer before
    /// the verdict: whoever must not act on that uses a [`HoldBackWriter`](crate::HoldBackWriter), or with the feature
    /// `tokio` a `HoldBackAsyncWriter`.
    ///
    /// Chunks go on as they came, without a copy but of the end of those longer than 128 KiB and of those shorter than
    /// 4 KiB, which are joined. The source is not polled again after its end or an error.
    ///
    /// With the feature `tokio`, on one of its runtimes, a chunk longer than
    /// [`MAX_HASHED_IN_PLACE`](crate::limits::MAX_HASHED_IN_PLACE) is hashed on a thread for blocking work; everywhere
    /// else in place.
    ///
    /// # Cancel safety
    /// A future that polls this stream, such as `next()`, may be dropped at any time: no bytes are lost. The stream may be
    /// dropped as well, also while a chunk is hashed elsewhere; there is no verdict then.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use longhand::{SignatureVerifier, VerifyingStream};
    /// use tokio_stream::StreamExt;
    /// # use longhand::{DirectoryKeyManager, KeyManager, SignatureProperties};
    /// # let record: serde_json::Value =
    /// #     serde_json::from_slice(&std::fs::read("test-vectors/walkthrough/glance/properties.json")?)?;
    /// # let texts = record["properties"].as_object().unwrap().iter();
    /// # let properties = SignatureProperties::from_properties(texts.filter_map(|(k, v)| Some((k, v.as_str()?))))?.unwrap();
    /// # let key_manager = DirectoryKeyManager::new("test-vectors/walkthrough/glance/certs");
    /// # let certificate = key_manager.certificate(properties.certificate_id())?.certificate;
    /// # let image = std::fs::read("test-vectors/walkthrough/glance/image.qcow2")?;
    /// # let chunks: Vec<_> = image.chunks(1000).map(|chunk| std::io::Result::Ok(Bytes::copy_from_slice(chunk))).collect();
    /// # let download = tokio_stream::iter(chunks);
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    ///
    /// let mut stream = VerifyingStream::new(SignatureVerifier::new(&properties, &certificate)?, download);
    /// let mut image = Vec::new();
    /// while let Some(chunk) = stream.next().await {
    ///     image.extend_from_slice(&chunk?); // fails if the signature does not hold
    /// }
    /// let verified = stream.into_verified()?;
    /// assert_eq!(verified.bytes_read(), 6656);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use = "streams do nothing unless polled"]
    pub struct VerifyingStream<S, V: StreamVerifier = SignatureVerifier> {
        #[pin]
        source: S,
        chunks: Chunks<V>,
        terminated: bool,
    }
}

impl<S, V: StreamVerifier> VerifyingStream<S, V> {
    /// A stream of what `source` gives, to its end, verified by `verifier`: a [`SignatureVerifier`], or an
    /// [`ImageVerification`](crate::ImageVerification).
    pub fn new(verifier: V, source: S) -> Self {
        Self { source, chunks: Chunks::new(verifier), terminated: false }
    }

    /// The verdict, once the stream has come to its end.
    ///
    /// # Errors
    /// [`StreamError`]: the signature does not hold, the source failed, or the stream has not come to its end.
    pub fn into_verified(self) -> Result<V::Verdict, StreamError> {
        self.chunks.into_verified()
    }
}

impl<S, E, V> Stream for VerifyingStream<S, V>
where
    S: Stream<Item = Result<Bytes, E>>,
    E: Into<Box<dyn error::Error + Send + Sync>>,
    V: StreamVerifier,
{
    type Item = Result<Bytes, StreamError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        let next = this.chunks.poll_next(context, |context| {
            let chunk = ready!(this.source.as_mut().poll_next(context));
            Poll::Ready(chunk.map(|chunk| chunk.map_err(source_error)))
        });
        let next = ready!(next).transpose();
        *this.terminated = !matches!(next, Some(Ok(_)));
        Poll::Ready(next)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.chunks.left().filter(|left| *left == 0))
    }
}

/// Terminated after the end and after an error; whoever polls on gets the same again.
impl<S, E, V> FusedStream for VerifyingStream<S, V>
where
    S: Stream<Item = Result<Bytes, E>>,
    E: Into<Box<dyn error::Error + Send + Sync>>,
    V: StreamVerifier,
{
    fn is_terminated(&self) -> bool {
        self.terminated
    }
}

impl<S, V: StreamVerifier> fmt::Debug for VerifyingStream<S, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingStream").field("state", &self.chunks).finish_non_exhaustive()
    }
}
