//! What the blocking transport does with its connections, and where it may be called.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test that fails may panic")]

mod common;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use common::TlsServer;
use longhand_http::{BlockingTransport, Endpoint, HttpError, Request, Tls, Transport, block_on};
use longhand_test_server::{Answer, Server};

const TIME: Duration = Duration::from_secs(10);

fn get(url: &str) -> Request {
    Request::get(Endpoint::parse(url).unwrap().url(&["x"]))
}

fn post(url: &str) -> Request {
    Request::post_json(Endpoint::parse(url).unwrap().url(&["x"]), &"x").unwrap()
}

/// Sends it once, without the patience that would hide an error.
fn send(transport: &BlockingTransport, request: &Request) -> Result<u16, HttpError> {
    block_on(transport.send(request, TIME)).map(|answer| answer.status())
}

/// A server that calls `serve` with each connection, by the number of those before it; and its address.
fn server(serve: impl Fn(usize, TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            serve(number, stream.unwrap());
        }
    });
    url
}

fn answer(stream: &mut TcpStream) {
    let read = stream.read(&mut [0; 4096]).unwrap();
    assert!(read > 0, "a request is expected");
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").unwrap();
}

#[test]
fn a_connection_that_the_server_closed_while_it_was_idle_is_no_error() {
    let (closed, is_closed) = mpsc::channel();
    let url = server(move |_, mut stream| {
        answer(&mut stream);
        drop(stream);
        closed.send(()).unwrap();
    });
    let transport = BlockingTransport::new(&Tls::system());
    for request in [get(&url), post(&url), get(&url)] {
        assert_eq!(send(&transport, &request).unwrap(), 200);
        is_closed.recv().unwrap();
    }
}

#[test]
fn a_connection_that_is_closed_just_when_it_is_used_again_is_no_error_for_what_only_reads() {
    for only_reads in [true, false] {
        let url = server(|number, mut stream| {
            answer(&mut stream);
            if number == 0 {
                // The second request comes, and has no answer.
                assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
            }
        });
        let transport = BlockingTransport::new(&Tls::system());
        assert_eq!(send(&transport, &get(&url)).unwrap(), 200);
        let again = if only_reads { get(&url) } else { post(&url) };
        match send(&transport, &again) {
            Ok(status) => assert!(only_reads && status == 200),
            Err(error) => assert!(!only_reads && matches!(error, HttpError::Broken { .. }), "{error:?}"),
        }
    }
}

#[test]
fn the_end_of_tls_that_comes_just_then_is_no_answer_either() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    for only_reads in [true, false] {
        let server = TlsServer::start_closing("localhost", |number| if number == 0 { 1 } else { usize::MAX });
        std::fs::write(&file, &server.authority).unwrap();
        let transport = BlockingTransport::new(&Tls::with_ca_file(&file).unwrap());
        assert_eq!(send(&transport, &get(&server.url())).unwrap(), 200);
        let again = if only_reads { get(&server.url()) } else { post(&server.url()) };
        match send(&transport, &again) {
            Ok(status) => assert!(only_reads && status == 200),
            Err(error) => assert!(!only_reads && matches!(error, HttpError::Broken { .. }), "{error:?}"),
        }
        assert_eq!(server.connections(), if only_reads { 2 } else { 1 });
    }
}

#[test]
fn what_a_server_says_unasked_answers_no_later_request() {
    let (answered, is_answered) = mpsc::channel();
    let (said, is_said) = mpsc::channel();
    let url = server(move |number, mut stream| {
        answer(&mut stream);
        if number == 0 {
            is_answered.recv().unwrap();
            stream.write_all(b"HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n").unwrap();
            said.send(stream).unwrap();
        }
    });
    let transport = BlockingTransport::new(&Tls::system());
    assert_eq!(send(&transport, &get(&url)).unwrap(), 200);
    answered.send(()).unwrap();
    let _open = is_said.recv().unwrap();
    assert_eq!(send(&transport, &get(&url)).unwrap(), 200);
}

#[test]
fn fifty_requests_take_one_connection_over_tls_too() {
    let plain = Server::start(|_| Answer::json(200, "{}"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let tls = TlsServer::start("localhost");
    std::fs::write(&file, &tls.authority).unwrap();
    let transport = BlockingTransport::new(&Tls::with_ca_file(&file).unwrap());
    for _ in 0..50 {
        assert_eq!(send(&transport.clone(), &get(&plain.url())).unwrap(), 200);
        assert_eq!(send(&transport.clone(), &get(&tls.url())).unwrap(), 200);
    }
    assert_eq!((plain.connections(), tls.connections()), (1, 1));
}

#[test]
fn a_server_that_does_not_shake_hands_is_waited_for_in_vain_no_longer_than_allowed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let transport = BlockingTransport::new(&Tls::system());
    let start = Instant::now();
    let outcome = block_on(transport.send(&get(&url), Duration::from_millis(200)));
    assert!(matches!(outcome, Err(HttpError::Timeout { .. })), "{outcome:?}");
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn within_a_task_that_never_yields_it_answers_as_elsewhere() {
    let server = Server::start(|_| Answer::json(200, "{}"));
    let transport = BlockingTransport::new(&Tls::system());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        for _ in 0..200 {
            assert_eq!(send(&transport, &get(&server.url())).unwrap(), 200);
        }
    });
    assert_eq!(server.connections(), 1);
}

#[test]
fn an_image_that_broke_off_stays_broken() {
    let server = Server::start(|_| Answer::cut(200, "a/b", "0123456789", 5));
    let transport = BlockingTransport::new(&Tls::system());
    let mut body = transport.open(&get(&server.url()), TIME).unwrap().into_body();
    let mut read = Vec::new();
    for _ in 0..2 {
        let error = body.read_to_end(&mut read).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{error}");
        assert_eq!(read, b"01234");
    }
}

#[test]
fn an_image_that_stops_coming_is_late() {
    let server = Server::start(|_| Answer::trickling(200, "a/b", "01", Duration::from_secs(20)));
    let transport = BlockingTransport::new(&Tls::system());
    let patience = Duration::from_millis(300);
    let mut body = transport.open(&get(&server.url()), patience).unwrap().into_body();
    let start = Instant::now();
    let error = body.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    assert!(start.elapsed() < Duration::from_secs(10));
}
