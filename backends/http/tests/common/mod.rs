//! A server that speaks TLS.
#![allow(dead_code, reason = "each test uses its part")]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Answers requests with an empty document.
pub(crate) struct TlsServer {
    port: u16,
    /// The authority that its certificate is from, as PEM.
    pub(crate) authority: String,
    connections: Arc<AtomicUsize>,
}

impl TlsServer {
    /// Starts it, with a certificate for this name. It keeps its connections open.
    pub(crate) fn start(name: &str) -> Self {
        Self::start_for(&[name.to_owned()])
    }

    /// Starts it, with a certificate for these names. It keeps its connections open.
    pub(crate) fn start_for(names: &[String]) -> Self {
        Self::start_serving(names, |_| usize::MAX)
    }

    /// Starts one that answers as many requests over each connection as `answers` says of the number of those before it, and
    /// at the next closes that connection as TLS asks for it.
    pub(crate) fn start_closing(name: &str, answers: fn(usize) -> usize) -> Self {
        Self::start_serving(&[name.to_owned()], answers)
    }

    fn start_serving(names: &[String], answers: fn(usize) -> usize) -> Self {
        let (config, authority) = identity(names);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let number = counted.fetch_add(1, Ordering::Relaxed);
                let config = Arc::clone(&config);
                std::thread::spawn(move || serve(config, stream.unwrap(), answers(number)));
            }
        });
        Self { port, authority, connections }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// How many connections were made so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

fn serve(config: Arc<rustls::ServerConfig>, stream: TcpStream, answers: usize) {
    stream.set_nodelay(true).unwrap();
    let mut stream = rustls::StreamOwned::new(rustls::ServerConnection::new(config).unwrap(), stream);
    let mut request = [0; 4096];
    for _ in 0..answers {
        if !matches!(stream.read(&mut request), Ok(1..)) {
            return;
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").unwrap();
    }
    assert!(stream.read(&mut request).unwrap() > 0, "a request is expected");
    stream.conn.send_close_notify();
    stream.flush().unwrap();
}

/// A certificate for these names and the authority that it is from.
fn identity(names: &[String]) -> (Arc<rustls::ServerConfig>, String) {
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let root = authority.self_signed(&authority_key).unwrap();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let mut certificate = rcgen::CertificateParams::default();
    certificate.subject_alt_names =
        names.iter().map(|name| rcgen::SanType::DnsName(name.as_str().try_into().unwrap())).collect();
    let certificate = certificate.signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.serialize_der().try_into().unwrap())
        .unwrap();
    (Arc::new(config), root.pem())
}
