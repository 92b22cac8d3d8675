//! A transport for tasks of a tokio runtime, over `hyper`.

use std::error::Error as _;
use std::io::{self, ErrorKind};
use std::iter::successors;
use std::time::Duration;

use ::tokio::time::{sleep, timeout};
use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::GaiResolver;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::{Awaited, BoxFuture, Transport, exchange};
use crate::error::HttpError;
use crate::limits::{CONNECT_TIME, MAX_HEAD, MAX_HEADERS, MAX_IDLE, MAX_IDLE_AGE};
use crate::request::Request;
use crate::response::Response;
use crate::tls::Tls;

/// Sends requests within a tokio runtime. Cheap to clone; clones share their connections. Connecting takes no more than
/// [`limits::CONNECT_TIME`](crate::limits::CONNECT_TIME) of an attempt.
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
            .wrap_connector(connector(GaiResolver::new()));
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

/// What connects, below TLS.
fn connector<R>(resolver: R) -> HttpConnector<R> {
    let mut connector = HttpConnector::new_with_resolver(resolver);
    // `https` is for the connector around it.
    connector.enforce_http(false);
    connector.set_nodelay(true);
    // Each address of a family has an equal part of it, so that the second has its turn where the first is silent.
    connector.set_connect_timeout(Some(CONNECT_TIME));
    connector
}

fn translate(error: Error, request: &Request) -> HttpError {
    if !error.is_connect() {
        return HttpError::broken(error);
    }
    if is_late(&error) {
        return HttpError::Timeout { after: CONNECT_TIME };
    }
    HttpError::no_connection(request.url().host_str().unwrap_or_default(), error)
}

/// Whether it took too long to connect, as far as is told: of several addresses the first error is.
fn is_late(error: &Error) -> bool {
    successors(error.source(), |&error| error.source())
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .any(|error| error.kind() == ErrorKind::TimedOut)
}

// What fills a listener's queue, and what becomes of those who come then, is Linux's.
#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::array::IntoIter;
    use std::convert::Infallible;
    use std::future::{Ready, ready};
    use std::net::{IpAddr, Ipv4Addr, SocketAddr};
    use std::task::{Context, Poll};

    use ::tokio::net::{TcpListener, TcpSocket, TcpStream};
    use hyper_util::client::legacy::connect::dns::Name;
    use tower_service::Service;

    use crate::Endpoint;
    use crate::limits::ATTEMPT_TIME;

    const ANY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

    /// Every name has these two addresses.
    #[derive(Clone)]
    struct Two([SocketAddr; 2]);

    impl Service<Name> for Two {
        type Response = IntoIter<SocketAddr, 2>;
        type Error = Infallible;
        type Future = Ready<Result<Self::Response, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Name) -> Self::Future {
            ready(Ok(self.0.into_iter()))
        }
    }

    /// One that answers nobody any more: its queue is full of those who came before.
    struct Silent(TcpListener, Vec<TcpStream>);

    impl Silent {
        async fn new() -> Self {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind(ANY).unwrap();
            let mut silent = Self(socket.listen(1).unwrap(), Vec::new());
            let address = silent.address();
            while let Ok(queued) = timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
                silent.1.push(queued.unwrap());
            }
            silent
        }

        fn address(&self) -> SocketAddr {
            self.0.local_addr().unwrap()
        }
    }

    fn run<T>(task: impl Future<Output = T>) -> T {
        ::tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(task)
    }

    #[test]
    fn the_second_address_has_its_turn_where_the_first_is_silent() {
        run(async {
            let silent = Silent::new().await;
            let listener = TcpListener::bind(ANY).await.unwrap();
            let there = listener.local_addr().unwrap();
            let mut connector = connector(Two([silent.address(), there]));
            let connected = timeout(ATTEMPT_TIME, connector.call("http://h".parse().unwrap())).await;
            let connection = connected.expect("the attempt is over").unwrap();
            assert_eq!(connection.inner().peer_addr().unwrap(), there);
            assert!(connection.inner().nodelay().unwrap());
        });
    }

    #[test]
    fn where_every_address_is_silent_the_request_is_late() {
        run(async {
            let silent = Silent::new().await;
            let url = Endpoint::parse(&format!("http://{}", silent.address())).unwrap().url(&["x"]);
            let transport = TokioTransport::new(&Tls::system()).unwrap();
            let outcome = transport.send(&Request::get(url), ATTEMPT_TIME).await;
            assert!(matches!(outcome, Err(HttpError::Timeout { after: CONNECT_TIME })), "{outcome:?}");
        });
    }
}
