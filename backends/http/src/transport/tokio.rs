//! A transport for tasks of a tokio runtime, over `reqwest`.

use std::time::Duration;

use reqwest::redirect::Policy;

use super::{BoxFuture, Transport};
use crate::error::HttpError;
use crate::limits::MAX_HEADERS;
use crate::request::Request;
use crate::response::Response;
use crate::tls::Tls;
use crate::unacceptable;

/// Sends requests within a tokio runtime. Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct TokioTransport {
    client: reqwest::Client,
}

impl TokioTransport {
    /// A transport that trusts these authorities.
    ///
    /// # Errors
    /// [`HttpError::Setup`] when the client cannot be made.
    pub fn new(tls: &Tls) -> Result<Self, HttpError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.client_config()?)
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .http1_only()
            .http1_max_headers(MAX_HEADERS)
            .user_agent(crate::USER_AGENT)
            .build()
            .map_err(|error| HttpError::setup("the HTTP client", error))?;
        Ok(Self { client })
    }

    async fn answer(&self, request: &Request, time_left: Duration) -> Result<Response, HttpError> {
        let failed = |error| translate(error, request, time_left);
        let mut built = self
            .client
            .request(request.http_method().clone(), request.url().clone())
            .headers(request.header_map().clone())
            .timeout(time_left);
        if let Some(body) = request.body() {
            built = built.body(body.to_vec());
        }
        let mut answer = built.send().await.map_err(failed)?;
        unacceptable(answer.status(), answer.headers()).map_or(Ok(()), Err)?;
        let limit = request.body_limit();
        let bound = u64::try_from(limit).unwrap_or(u64::MAX);
        if answer.content_length().is_some_and(|length| length > bound) {
            return Err(HttpError::TooLarge { limit });
        }
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(failed)? {
            if piece.len() > limit.saturating_sub(body.len()) {
                return Err(HttpError::TooLarge { limit });
            }
            body.extend_from_slice(&piece);
        }
        Ok(Response::from_parts(answer.status(), answer.headers().clone(), body))
    }
}

impl Transport for TokioTransport {
    fn send<'a>(
        &'a self,
        request: &'a Request,
        time_left: Duration,
    ) -> BoxFuture<'a, Result<Response, HttpError>> {
        Box::pin(self.answer(request, time_left))
    }

    fn sleep(&self, pause: Duration) -> BoxFuture<'_, ()> {
        Box::pin(::tokio::time::sleep(pause))
    }
}

fn translate(error: reqwest::Error, request: &Request, time_left: Duration) -> HttpError {
    // Ours name the host; the path may hold an id of any length.
    let error = error.without_url();
    if error.is_timeout() {
        return HttpError::Timeout { after: time_left };
    }
    if error.is_connect() {
        return HttpError::no_connection(request.url().host_str().unwrap_or_default(), error);
    }
    HttpError::broken(error)
}
