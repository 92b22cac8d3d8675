//! A transport that blocks the calling thread, over `ureq`.

use std::future::ready;
use std::io::{ErrorKind, Read};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use http::Response as Answer;
use ureq::config::AutoHeaderValue;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body};

use super::{AnswersAtOnce, BoxFuture, Transport};
use crate::error::HttpError;
use crate::limits::MAX_HEAD;
use crate::request::Request;
use crate::response::Response;
use crate::tls::{Tls, crypto_provider};
use crate::unacceptable;

/// Sends requests on the calling thread. Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct BlockingTransport {
    agent: Agent,
}

impl BlockingTransport {
    /// A transport that trusts these authorities.
    #[must_use]
    pub fn new(tls: &Tls) -> Self {
        let roots: Vec<_> =
            tls.roots().iter().map(|root| Certificate::from_der(root.as_ref()).to_owned()).collect();
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::new(roots)))
            .unversioned_rustls_crypto_provider(crypto_provider())
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_response_header_size(MAX_HEAD)
            .accept(AutoHeaderValue::None)
            .accept_encoding(AutoHeaderValue::None)
            .user_agent(crate::USER_AGENT)
            .build();
        Self { agent: config.new_agent() }
    }

    /// Asks for what is too large to be held: an image. The head is there within `patience`, and so is each piece of the body
    /// after the one before; the whole may take as long as it takes.
    ///
    /// # Errors
    /// [`HttpError`], as [`Transport::send`]; the answer's status is for the caller to judge.
    pub fn open(&self, request: &Request, patience: Duration) -> Result<Download, HttpError> {
        let built = self.build(request, ()).map_err(|error| translate(error, request, patience))?;
        let built = self
            .agent
            .configure_request(built)
            .timeout_connect(Some(patience))
            .timeout_recv_response(Some(patience))
            .timeout_per_read(Some(patience))
            .build();
        let answer = self.agent.run(built).map_err(|error| translate(error, request, patience))?;
        unacceptable(answer.status(), answer.headers()).map_or(Ok(()), Err)?;
        let (status, length) = (answer.status().as_u16(), answer.body().content_length());
        Ok(Download { status, length, body: answer.into_body(), limit: request.body_limit(), patience })
    }

    fn build<B>(&self, request: &Request, body: B) -> Result<http::Request<B>, ureq::Error> {
        let mut built = http::Request::builder().method(request.method()).uri(request.url().as_str());
        if let Some(headers) = built.headers_mut() {
            headers.clone_from(request.header_map());
        }
        Ok(built.body(body)?)
    }

    fn call(&self, request: &Request, time_left: Duration) -> Result<Answer<Body>, ureq::Error> {
        let agent = &self.agent;
        match request.body() {
            Some(body) => {
                let built = self.build(request, body)?;
                agent.run(agent.configure_request(built).timeout_global(Some(time_left)).build())
            }
            None => {
                let built = self.build(request, ())?;
                agent.run(agent.configure_request(built).timeout_global(Some(time_left)).build())
            }
        }
    }

    fn answer(&self, request: &Request, time_left: Duration) -> Result<Response, HttpError> {
        let failed = |error| translate(error, request, time_left);
        let answer = self.call(request, time_left).map_err(failed)?;
        unacceptable(answer.status(), answer.headers()).map_or(Ok(()), Err)?;
        let (head, mut body) = answer.into_parts();
        let limit = request.body_limit();
        let bound = u64::try_from(limit).unwrap_or(u64::MAX);
        if body.content_length().is_some_and(|length| length > bound) {
            return Err(HttpError::TooLarge { limit });
        }
        let mut bytes = Vec::new();
        let read = body.as_reader().take(bound.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|error| failed(ureq::Error::from(error)))?;
        if bytes.len() > limit {
            return Err(HttpError::TooLarge { limit });
        }
        Ok(Response::from_parts(head.status, head.headers, bytes))
    }
}

impl Transport for BlockingTransport {
    fn send<'a>(
        &'a self,
        request: &'a Request,
        time_left: Duration,
    ) -> BoxFuture<'a, Result<Response, HttpError>> {
        Box::pin(async move { self.answer(request, time_left) })
    }

    fn sleep(&self, pause: Duration) -> BoxFuture<'_, ()> {
        thread::sleep(pause);
        Box::pin(ready(()))
    }
}

impl AnswersAtOnce for BlockingTransport {}

/// An answer whose body is read as it comes.
#[derive(Debug)]
pub struct Download {
    status: u16,
    length: Option<u64>,
    body: Body,
    limit: usize,
    patience: Duration,
}

impl Download {
    /// The status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// How many bytes the server says there are.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// The body, to its end. Nothing bounds it but its reader.
    #[must_use]
    pub fn into_body(self) -> impl Read + Send + use<> {
        self.body.into_reader()
    }

    /// A refusal's body, bounded in size and time: what the server said.
    #[must_use]
    pub fn into_response(self) -> Response {
        let bound = u64::try_from(self.limit).unwrap_or(u64::MAX);
        let mut body = self.body.into_reader().take(bound);
        let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
        let start = Instant::now();
        // What broke off, or comes too slowly, is shown as far as it came.
        while start.elapsed() < self.patience {
            let read = body.read(&mut piece).unwrap_or(0);
            if read == 0 {
                break;
            }
            bytes.extend_from_slice(piece.get(..read).unwrap_or_default());
        }
        Response::new(self.status, [], bytes)
    }
}

fn translate(error: ureq::Error, request: &Request, time_left: Duration) -> HttpError {
    use ureq::Error;
    let host = request.url().host_str().unwrap_or_default();
    match error {
        Error::Timeout(_) => HttpError::Timeout { after: time_left },
        Error::HostNotFound | Error::ConnectionFailed | Error::Rustls(_) | Error::Tls(_) => {
            HttpError::no_connection(host, error)
        }
        Error::Io(error) => match error.kind() {
            ErrorKind::TimedOut => HttpError::Timeout { after: time_left },
            ErrorKind::ConnectionRefused
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::AddrNotAvailable => HttpError::no_connection(host, error),
            // What the standard library says of a name that nobody knows has no kind of its own.
            _ if error.to_string().contains("lookup address") => HttpError::no_connection(host, error),
            _ => HttpError::broken_or_untrusted(host, error),
        },
        error => HttpError::broken(error),
    }
}
