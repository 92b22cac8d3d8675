//! A transport for tasks of a tokio runtime, over `hyper`.

use std::time::Duration;

use ::tokio::time::{sleep, timeout};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Body as _;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::{Awaited, BoxFuture, Transport};
use crate::error::HttpError;
use crate::limits::{MAX_HEAD, MAX_HEADERS};
use crate::request::Request;
use crate::response::Response;
use crate::tls::Tls;
use crate::unacceptable;

/// Sends requests within a tokio runtime. Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct TokioTransport {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl TokioTransport {
    /// A transport that trusts these authorities.
    ///
    /// # Errors
    /// [`HttpError::Setup`] when TLS cannot be set up.
    pub fn new(tls: &Tls) -> Result<Self, HttpError> {
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls.client_config()?)
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            // Between two looks at the clock hyper reads a connection up to 128 times, each time as much as its buffer
            // holds: with its own 400 KiB interim answers without end keep the thread for seconds.
            .http1_max_buf_size(MAX_HEAD)
            .http1_max_headers(MAX_HEADERS)
            .build(connector);
        Ok(Self { client })
    }

    async fn answer(&self, request: &Request) -> Result<Response, HttpError> {
        let mut built = http::Request::builder().method(request.http_method()).uri(request.url().as_str());
        if let Some(headers) = built.headers_mut() {
            headers.clone_from(request.header_map());
            headers.insert(http::header::USER_AGENT, http::HeaderValue::from_static(crate::USER_AGENT));
        }
        let body = Full::new(Bytes::copy_from_slice(request.body().unwrap_or_default()));
        let built = built.body(body).map_err(HttpError::broken)?;
        let answer = self.client.request(built).await.map_err(|error| translate(error, request))?;
        unacceptable(answer.status(), answer.headers()).map_or(Ok(()), Err)?;
        let (head, mut incoming) = answer.into_parts();
        let limit = request.body_limit();
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
}

impl Awaited for TokioTransport {}

impl Transport for TokioTransport {
    fn send<'a>(
        &'a self,
        request: &'a Request,
        time_left: Duration,
    ) -> BoxFuture<'a, Result<Response, HttpError>> {
        Box::pin(async move {
            let answer = timeout(time_left, self.answer(request)).await;
            answer.unwrap_or(Err(HttpError::Timeout { after: time_left }))
        })
    }

    fn sleep(&self, pause: Duration) -> BoxFuture<'_, ()> {
        Box::pin(sleep(pause))
    }
}

fn translate(error: Error, request: &Request) -> HttpError {
    if error.is_connect() {
        return HttpError::no_connection(request.url().host_str().unwrap_or_default(), error);
    }
    HttpError::broken(error)
}
