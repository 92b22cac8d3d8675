//! What the server says on the wire, seen by a client without patience for it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use longhand_test_server::{Answer, Server};

const REQUEST: &[u8] = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

fn ask(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream.write_all(REQUEST).unwrap();
    stream
}

fn eventually(holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(5));
        std::thread::yield_now();
    }
}

/// Everything up to the end of the connection.
fn whole(answer: Answer) -> String {
    let server = Server::start(move |_| answer.clone());
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream.write_all(b"GET /a HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
    let mut octets = Vec::new();
    stream.read_to_end(&mut octets).unwrap();
    String::from_utf8_lossy(&octets).into_owned()
}

#[test]
fn answers_are_what_they_are_called() {
    for (answer, said) in [
        (
            Answer::json(200, "{}").header("X-A", "b"),
            "HTTP/1.1 200 Answer\r\nContent-Type: application/json\r\nX-A: b\r\nContent-Length: 2\r\n\r\n{}",
        ),
        (Answer::empty(204), "HTTP/1.1 204 Answer\r\n\r\n"),
        (Answer::empty(503), "HTTP/1.1 503 Answer\r\nContent-Length: 0\r\n\r\n"),
        (Answer::redirect(302, "/b"), "HTTP/1.1 302 Answer\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n"),
        (Answer::until_close(200, "a/b", "body"), "HTTP/1.1 200 Answer\r\nContent-Type: a/b\r\n\r\nbody"),
        (
            Answer::cut(200, "a/b", "body", 2),
            "HTTP/1.1 200 Answer\r\nContent-Type: a/b\r\nContent-Length: 4\r\n\r\nbo",
        ),
        (
            Answer::trickling(200, "a/b", "body", Duration::from_millis(1)),
            "HTTP/1.1 200 Answer\r\nContent-Type: a/b\r\nContent-Length: 4\r\n\r\nbody",
        ),
        (Answer::raw("HTP/1.1"), "HTP/1.1"),
        (Answer::close(), ""),
    ] {
        let shown = format!("{answer:?}");
        assert_eq!(whole(answer), said, "{shown}");
    }
}

#[test]
fn endless_answers_go_on_until_the_client_goes() {
    for (answer, repeated) in [
        (Answer::endless(200, "application/json"), "\r\n4000\r\n"),
        (Answer::header_flood(200), "X-Flood-"),
        (Answer::endless_header(200), "xxxxxxxx"),
        (Answer::interim_flood(), "100 Continue"),
    ] {
        let server = Server::start(move |_| answer.clone());
        let mut stream = ask(&server);
        let mut octets = vec![0; 200_000];
        stream.read_exact(&mut octets).unwrap();
        assert!(String::from_utf8_lossy(&octets).matches(repeated).count() > 5, "{repeated}");
        eventually(|| server.octets_sent() >= 200_000);
        drop(stream);
        let began = Instant::now();
        drop(server);
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn a_connection_serves_several_requests_and_all_are_kept() {
    let server = Server::start(|request| Answer::json(200, request.target()));
    let mut stream = ask(&server);
    stream.write_all(b"POST /b?c HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi").unwrap();
    let mut octets = [0; 200];
    let mut text = String::new();
    while !text.ends_with("/b?c") {
        let read = stream.read(&mut octets).unwrap();
        text.push_str(&String::from_utf8_lossy(octets.get(..read).unwrap()));
    }
    let kept: Vec<_> =
        server.received().iter().map(|r| (r.method().to_owned(), r.path().to_owned(), r.text())).collect();
    assert_eq!(
        kept,
        [
            ("GET".to_owned(), "/a".to_owned(), String::new()),
            ("POST".to_owned(), "/b".to_owned(), "hi".to_owned())
        ]
    );
    assert_eq!((server.connections(), server.requests()), (1, 2));
    server.forget();
    assert_eq!(server.requests(), 0);
}

#[test]
fn a_server_that_is_dropped_closes_what_it_was_at() {
    for answer in [
        Answer::silence(),
        Answer::claiming(200, "a/b", "body", 100),
        Answer::empty(200).after(Duration::from_secs(60)),
        Answer::trickling(200, "a/b", "body", Duration::from_secs(60)),
        Answer::empty(200), // and the connection waits for the next request
    ] {
        let server = Server::start(move |_| answer.clone());
        let mut stream = ask(&server);
        eventually(|| server.requests() == 1);
        let began = Instant::now();
        drop(server);
        assert!(began.elapsed() < Duration::from_secs(5));
        stream.read_to_end(&mut Vec::new()).unwrap();
    }
}

#[test]
fn an_assertion_that_fails_in_the_handler_fails_the_test() {
    let server = Server::start(|_| panic!("as a test would"));
    let mut stream = ask(&server);
    assert_eq!(stream.read_to_end(&mut Vec::new()).unwrap(), 0);
    let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(server)));
    assert_eq!(dropped.unwrap_err().downcast_ref(), Some(&"as a test would"));
}
