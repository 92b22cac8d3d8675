//! The body of an HTTP message that does not come to its end before the verdict.

use std::error;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::chunks::{Chunks, source_error};
use super::{SignatureVerifier, StreamError, StreamVerifier};

pin_project! {
    /// Verifies an image on its way through the body of an HTTP message: what a service puts around the response that it
    /// downloads, the request that it receives, or the response that it gives.
    ///
    /// The end, from 64 to 196 KiB, is withheld until the source has ended and the signature holds. Then the rest comes,
    /// the source's trailers behind it, and the body ends as any other; otherwise it gives the error, at every later poll
    /// as well. So a server that gives out such a body breaks off the response, in the middle of its length or before the
    /// last chunk, and no client takes the image for whole. What came before the end does reach it before the verdict:
    /// where that must not be, the service stores the image with a [`HoldBackWriter`](crate::HoldBackWriter) first, or
    /// with the feature `tokio` a `HoldBackAsyncWriter`. Trailers are not covered by the signature.
    ///
    /// [`size_hint`](Body::size_hint) is exact if the source's was, so that a server can send `Content-Length`, and the
    /// source is held to it: a client that has read so many bytes takes the image for whole, and so they do not reach it
    /// before the verdict either. Of an empty image it is not exact before the verdict, since a server would not poll
    /// then. **A service that sets `Content-Length` itself** takes it from there as well, or a client may have as many
    /// bytes before the verdict.
    ///
    /// Chunks go on as they came, without a copy but of the end of those longer than 128 KiB and of those shorter than
    /// 4 KiB, which are joined. The source is not polled again after its end or an error.
    ///
    /// With the feature `tokio`, on one of its runtimes, a chunk longer than
    /// [`MAX_HASHED_IN_PLACE`](crate::limits::MAX_HASHED_IN_PLACE) is hashed on a thread for blocking work; everywhere
    /// else in place.
    ///
    /// # Cancel safety
    /// A future that polls this body may be dropped at any time: no bytes are lost. The body may be dropped as well, also
    /// while a chunk is hashed elsewhere; there is no verdict then.
    ///
    /// ```
    /// use http_body_util::{BodyExt, Full};
    /// use longhand::{SignatureVerifier, VerifyingBody};
    /// # use longhand::{DirectoryKeyManager, KeyManager, SignatureProperties};
    /// # let record: serde_json::Value =
    /// #     serde_json::from_slice(&std::fs::read("test-vectors/walkthrough/glance/properties.json")?)?;
    /// # let texts = record["properties"].as_object().unwrap().iter();
    /// # let properties = SignatureProperties::from_properties(texts.filter_map(|(k, v)| Some((k, v.as_str()?))))?.unwrap();
    /// # let key_manager = DirectoryKeyManager::new("test-vectors/walkthrough/glance/certs");
    /// # let certificate = key_manager.certificate(properties.certificate_id())?.certificate;
    /// # let upload = Full::<bytes::Bytes>::from(std::fs::read("test-vectors/walkthrough/glance/image.qcow2")?);
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    ///
    /// let mut body = VerifyingBody::new(SignatureVerifier::new(&properties, &certificate)?, upload);
    /// let mut image = Vec::new();
    /// while let Some(frame) = body.frame().await {
    ///     // fails if the signature does not hold
    ///     if let Ok(data) = frame?.into_data() {
    ///         image.extend_from_slice(&data);
    ///     }
    /// }
    /// let verified = body.into_verified()?;
    /// assert_eq!(verified.bytes_read(), 6656);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use = "a body does nothing unless polled"]
    pub struct VerifyingBody<B, V: StreamVerifier = SignatureVerifier> {
        #[pin]
        source: B,
        chunks: Chunks<V>,
        length: Length,
        trailers: Option<Frame<Bytes>>,
    }
}

impl<B: Body, V: StreamVerifier> VerifyingBody<B, V> {
    /// A body of what `source` gives, to its end, verified by `verifier`: a [`SignatureVerifier`], or an
    /// [`ImageVerification`](crate::ImageVerification).
    pub fn new(verifier: V, source: B) -> Self {
        let length = Length { promised: source.size_hint().exact(), taken: 0, given: 0 };
        Self { source, chunks: Chunks::new(verifier), length, trailers: None }
    }

    /// The verdict, once all bytes have been given.
    ///
    /// # Errors
    /// [`StreamError`]: the signature does not hold, the source failed, or the body has not come to its end.
    pub fn into_verified(self) -> Result<V::Verdict, StreamError> {
        self.chunks.into_verified()
    }
}

impl<B, V> Body for VerifyingBody<B, V>
where
    B: Body,
    B::Error: Into<Box<dyn error::Error + Send + Sync>>,
    V: StreamVerifier,
{
    type Data = Bytes;
    type Error = StreamError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StreamError>>> {
        let this = self.project();
        let (mut source, length, trailers) = (this.source, this.length, this.trailers);
        let next = this.chunks.poll_next(context, |context| {
            let frame = ready!(source.as_mut().poll_frame(context));
            Poll::Ready(match frame {
                Some(Ok(frame)) => Some(length.take(data_of(frame, trailers))),
                Some(Err(error)) => Some(Err(source_error(error))),
                None => length.end().err().map(Err),
            })
        });
        Poll::Ready(match ready!(next)? {
            Some(data) => {
                length.give(data.len());
                Some(Ok(Frame::data(data)))
            }
            None => trailers.take().map(Ok),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.chunks.left() == Some(0) && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match (self.chunks.left(), self.length.promised) {
            (Some(left), _) => SizeHint::with_exact(u64::try_from(left).unwrap_or(u64::MAX)),
            (None, Some(promised)) if promised > 0 => {
                SizeHint::with_exact(promised.saturating_sub(self.length.given))
            }
            _ => SizeHint::default(),
        }
    }
}

impl<B, V: StreamVerifier> fmt::Debug for VerifyingBody<B, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingBody").field("state", &self.chunks).finish_non_exhaustive()
    }
}

/// The frame's data; trailers are put aside for the end.
fn data_of<D: Buf>(frame: Frame<D>, trailers: &mut Option<Frame<Bytes>>) -> Bytes {
    let frame = frame.map_data(|mut data| data.copy_to_bytes(data.remaining()));
    frame.into_data().unwrap_or_else(|other| {
        *trailers = Some(other);
        Bytes::new()
    })
}

/// How long the source says it is, if it does, and how far it has come, in bytes.
#[derive(Debug)]
struct Length {
    promised: Option<u64>,
    taken: u64,
    given: u64,
}

impl Length {
    fn take(&mut self, data: Bytes) -> Result<Bytes, StreamError> {
        self.taken = self.taken.saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX));
        match self.promised {
            Some(promised) if self.taken > promised => Err(broken_promise(promised, "more")),
            _ => Ok(data),
        }
    }

    fn end(&self) -> Result<(), StreamError> {
        match self.promised {
            Some(promised) if self.taken < promised => Err(broken_promise(promised, "fewer")),
            _ => Ok(()),
        }
    }

    fn give(&mut self, length: usize) {
        self.given = self.given.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
    }
}

fn broken_promise(promised: u64, found: &str) -> StreamError {
    let text = format!("the source promised {promised} bytes and has {found}");
    source_error(io::Error::new(io::ErrorKind::InvalidData, text))
}
