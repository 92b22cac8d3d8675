//! A transport for tasks of a tokio runtime, over `hyper`.

use std::time::Duration;

use ::tokio::time::{sleep, timeout};
use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::{Awaited, BoxFuture, Transport, exchange};
use crate::error::HttpError;
use crate::limits::{MAX_HEAD, MAX_HEADERS, MAX_IDLE, MAX_IDLE_AGE};
use crate::request::Request;
use crate::response::Response;
use crate::tls::Tls;

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
            .pool_idle_timeout(MAX_IDLE_AGE)
            .pool_max_idle_per_host(MAX_IDLE)
            // Between two looks at the clock hyper reads a connection up to 128 times, each time as much as its buffer
            // holds: with its own 400 KiB interim answers without end keep the thread for seconds.
            .http1_max_buf_size(MAX_HEAD)
            .http1_max_headers(MAX_HEADERS)
            .build(connector);
        Ok(Self { client })
    }

    async fn answer(&self, request: &Request) -> Result<Response, HttpError> {
        let sent = self.client.request(exchange::message(request)?).await;
        exchange::receive(sent.map_err(|error| translate(error, request))?, request.body_limit()).await
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
