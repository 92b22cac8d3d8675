//! What signals do to an exchange that waits: nothing. A test alone in its process, because it stops the whole process.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    missing_docs,
    reason = "a test that fails may panic"
)]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::Duration;

use longhand_http::{BlockingTransport, Endpoint, Request, Tls, Transport, block_on};

/// More than the buffers of two sockets hold, so that writing waits for the server.
const LONG: usize = 32 * 1024 * 1024;

/// Stops this process and has it go on, a few times, so that one of them surely meets the client while it waits.
fn interrupt() {
    let script = "for n in 1 2 3; do sleep 0.05; kill -STOP $PPID; sleep 0.05; kill -CONT $PPID; done";
    assert!(Command::new("sh").args(["-c", script]).status().unwrap().success());
}

/// Reads a request, and interrupts the client while it waits: for room to write its body, and for the answer.
fn serve(mut stream: TcpStream, length: usize) {
    interrupt();
    let (mut came, mut piece) = (0, vec![0; 1024 * 1024]);
    while came < length {
        let read = stream.read(&mut piece).unwrap();
        assert!(read > 0, "the client gave up");
        came += read;
    }
    interrupt();
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").unwrap();
}

#[test]
fn an_exchange_goes_on_after_the_process_was_stopped() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let url = Endpoint::parse(&url).unwrap().url(&["x"]);
    for (request, length) in
        [(Request::get(url.clone()), 1), (Request::post_json(url, &"x".repeat(LONG)).unwrap(), LONG)]
    {
        let outcome = thread::scope(|scope| {
            scope.spawn(|| serve(listener.accept().unwrap().0, length));
            let transport = BlockingTransport::new(&Tls::system());
            block_on(transport.send(&request, Duration::from_secs(20)))
        });
        assert_eq!(outcome.unwrap().status(), 200, "a body of {length}");
    }
}
