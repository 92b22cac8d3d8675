//! What both transports say and take over hyper.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, USER_AGENT};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use longhand::Excerpt;

use crate::error::HttpError;
use crate::request::Request;
use crate::response::Response;

const LONGHAND: HeaderValue = HeaderValue::from_static(concat!("longhand/", env!("CARGO_PKG_VERSION")));

/// A request as hyper takes it.
pub(super) fn message(request: &Request) -> Result<http::Request<Full<Bytes>>, HttpError> {
    let mut built = http::Request::builder().method(request.http_method()).uri(request.url().as_str());
    if let Some(headers) = built.headers_mut() {
        headers.clone_from(request.header_map());
        headers.insert(USER_AGENT, LONGHAND);
    }
    let body = Full::new(Bytes::copy_from_slice(request.body().unwrap_or_default()));
    built.body(body).map_err(HttpError::broken)
}

/// The whole answer, if it may be taken and has no more than `limit` bytes.
pub(super) async fn receive(answer: http::Response<Incoming>, limit: usize) -> Result<Response, HttpError> {
    let (head, mut incoming) = acceptable(answer)?.into_parts();
    // Of a body of known length this is the length.
    if usize::try_from(incoming.size_hint().lower()).map_or(true, |length| length > limit) {
        return Err(HttpError::TooLarge { limit });
    }
    let mut body = Vec::new();
    while let Some(frame) = incoming.frame().await {
        let Ok(piece) = frame.map_err(HttpError::broken)?.into_data() else { continue };
        if piece.len() > limit.saturating_sub(body.len()) {
            return Err(HttpError::TooLarge { limit });
        }
        body.extend_from_slice(&piece);
    }
    Ok(Response::from_parts(head.status, head.headers, body))
}

/// The answer, unless it points elsewhere or is encoded.
pub(super) fn acceptable<B>(answer: http::Response<B>) -> Result<http::Response<B>, HttpError> {
    match unacceptable(answer.status(), answer.headers()) {
        Some(error) => Err(error),
        None => Ok(answer),
    }
}

/// Why an answer is not taken, whatever its body is.
fn unacceptable(status: StatusCode, headers: &HeaderMap) -> Option<HttpError> {
    if matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Some(HttpError::Redirected { status: status.as_u16() });
    }
    let encoding = headers.get(CONTENT_ENCODING)?;
    let is_plain = encoding.as_bytes().eq_ignore_ascii_case(b"identity");
    let encoding = Excerpt::new(&String::from_utf8_lossy(encoding.as_bytes()));
    (!is_plain).then_some(HttpError::Encoded { encoding })
}
