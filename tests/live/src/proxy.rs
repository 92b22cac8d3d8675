//! A proxy in front of a service: it counts what is asked, and meddles with what is answered.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;

use longhand_test_server::{Answer, Received, Server};
use ureq::http::request::Builder;

use crate::AGENT;

/// What a service answered.
#[derive(Clone, Debug)]
pub struct Forwarded {
    /// The status.
    pub status: u16,
    /// The headers that say something about the answer and nothing about the connection.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Forwarded {
    /// The content type.
    pub fn content_type(&self) -> &str {
        let found = self.headers.iter().find(|(name, _)| name == "content-type");
        found.map_or("", |(_, value)| value)
    }
}

impl From<Forwarded> for Answer {
    fn from(forwarded: Forwarded) -> Self {
        let content_type = forwarded.content_type().to_owned();
        let answer = Self::bytes(forwarded.status, &content_type, forwarded.body);
        let headers = forwarded.headers.iter().filter(|(name, _)| name != "content-type");
        headers.fold(answer, |answer, (name, value)| answer.header(name, value))
    }
}

/// The proxy. Each request goes on to the service, over a connection of its own.
#[derive(Debug)]
pub struct Proxy {
    server: Server,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    begun: AtomicUsize,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
}

impl Proxy {
    /// In front of the service at this address, changing nothing.
    pub fn before(service: &str) -> Self {
        Self::meddling(service, |_, answer| answer.into())
    }

    /// The same, answering what `meddle` makes of the service's answer. It is told how many requests came before.
    pub fn meddling(
        service: &str,
        meddle: impl Fn(usize, Forwarded) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let service = service.to_owned();
        let counts = Arc::new(Counts::default());
        let counted = Arc::clone(&counts);
        let server = Server::start(move |request| {
            let number = counted.begun.fetch_add(1, SeqCst);
            let at_once = counted.at_once.fetch_add(1, SeqCst) + 1;
            counted.most_at_once.fetch_max(at_once, SeqCst);
            let forwarded = forward(&service, request);
            counted.at_once.fetch_sub(1, SeqCst);
            match forwarded {
                Ok(forwarded) => meddle(number, forwarded),
                // The service is gone: so is the connection.
                Err(_) => Answer::close(),
            }
        });
        Self { server, counts }
    }

    /// Its address.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// What was asked for since this or [`Proxy::count`] was asked for the last time, as `GET /path`, in its order.
    pub fn take(&self) -> Vec<String> {
        let received = self.server.received();
        self.server.forget();
        received.iter().map(|request| format!("{} {}", request.method(), request.target())).collect()
    }

    /// The most requests that were under way at once.
    pub fn most_at_once(&self) -> usize {
        self.counts.most_at_once.load(SeqCst)
    }

    /// How many requests came since this was asked for the last time.
    pub fn count(&self) -> usize {
        let count = self.server.requests();
        self.server.forget();
        count
    }
}

fn forward(service: &str, request: &Received) -> Result<Forwarded, ureq::Error> {
    let mut onward = Builder::new().method(request.method()).uri(format!("{service}{}", request.target()));
    for (name, value) in request.headers() {
        if !of_the_connection(name) {
            onward = onward.header(name, value);
        }
    }
    let (status, headers, body) = exchange(onward, request.body().to_vec())?;
    let headers = headers.into_iter().filter(|(name, _)| !of_the_connection(name)).collect();
    Ok(Forwarded { status, headers, body })
}

fn of_the_connection(name: &str) -> bool {
    ["connection", "content-length", "host", "keep-alive", "transfer-encoding"]
        .iter()
        .any(|ours| name.eq_ignore_ascii_case(ours))
}

/// A status, the headers in lower case, and a body.
type Exchanged = (u16, Vec<(String, String)>, Vec<u8>);

pub(crate) fn exchange(request: Builder, body: Vec<u8>) -> Result<Exchanged, ureq::Error> {
    let request = request.header("Connection", "close");
    // A body of no octets is none: GET has none.
    let mut answer = if body.is_empty() {
        AGENT.run(request.body(()).map_err(ureq::Error::Http)?)?
    } else {
        AGENT.run(request.body(body).map_err(ureq::Error::Http)?)?
    };
    let text = |value: &ureq::http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers = answer.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    Ok((answer.status().as_u16(), headers, answer.body_mut().read_to_vec()?))
}
