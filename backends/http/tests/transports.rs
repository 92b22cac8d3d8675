//! Both transports against servers that mean no good: the same table for each, within time and memory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    missing_docs,
    reason = "a test that fails may panic"
)]

mod common;

use std::io::Read as _;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use common::TlsServer;
use longhand_http::{
    BlockingTransport, Client, Endpoint, HttpError, Patience, Request, Response, SecretString, Tls,
    TokioTransport, Transport, block_on, limits,
};
use longhand_test_server::{Answer, Server};

const ATTEMPT: Duration = Duration::from_millis(500);

fn system() -> Tls {
    Tls::system()
}

fn patience() -> Patience {
    Patience::default()
        .attempts(2)
        .pauses(Duration::from_millis(1), Duration::from_millis(1))
        .attempt_time(ATTEMPT)
        .deadline(Duration::from_secs(5))
}

/// Asks over both transports and gives both outcomes.
fn ask_both(request: &Request, tls: &Tls) -> [(&'static str, Result<Response, HttpError>); 2] {
    let blocking = Client::new(BlockingTransport::new(tls)).patience(patience());
    let tokio = Client::new(TokioTransport::new(tls).unwrap()).patience(patience());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    [
        ("blocking", block_on(blocking.send(request, &blocking.start()))),
        ("tokio", runtime.block_on(tokio.send(request, &tokio.start()))),
    ]
}

fn get(url: &str) -> Request {
    let url = Endpoint::parse(url).unwrap().url(&["x"]);
    Request::get(url).secret_header("X-Auth-Token", &SecretString::from("correct-horse")).unwrap()
}

#[test]
fn an_answer_arrives_whole_and_both_ask_the_same() {
    let server =
        Server::start(|_| Answer::bytes(418, "application/octet-stream", [0, 255, 10]).header("X-Y", "z"));
    for (name, outcome) in ask_both(&get(&server.url()), &system()) {
        let answer = outcome.unwrap();
        assert_eq!((answer.status(), answer.body()), (418, [0, 255, 10].as_slice()), "{name}");
        assert_eq!(answer.header("x-y"), Some("z"), "{name}");
    }
    for request in server.received() {
        assert_eq!((request.method(), request.target()), ("GET", "/x"));
        let mut names: Vec<_> = request.headers().iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort();
        assert_eq!(names, ["accept", "host", "user-agent", "x-auth-token"]);
        assert_eq!(request.header("accept"), Some("*/*"));
        assert_eq!(request.header("x-auth-token"), Some("correct-horse"));
    }
}

#[test]
fn a_document_is_sent_as_it_is() {
    let server = Server::start(|_| Answer::json(201, "{}"));
    let url = Endpoint::parse(&server.url()).unwrap().url(&["v3", "auth", "tokens"]);
    let request = Request::post_json(url, &[("user", "ü")]).unwrap();
    for (name, outcome) in ask_both(&request, &system()) {
        assert_eq!(outcome.unwrap().status(), 201, "{name}");
    }
    for request in server.received() {
        assert_eq!((request.method(), request.target()), ("POST", "/v3/auth/tokens"));
        assert_eq!(request.body(), "[[\"user\",\"ü\"]]".as_bytes());
        assert_eq!(request.header("content-type"), Some("application/json"));
        assert_eq!(request.header("content-length"), Some("15"));
    }
}

/// What a hostile answer comes to, and how often the request is sent.
struct Case {
    name: &'static str,
    answer: fn() -> Answer,
    expected: fn(&HttpError) -> bool,
    requests: usize,
}

const BIG: usize = 8 * 1024 * 1024;

#[test]
fn a_hostile_server_costs_bounded_time_and_memory() {
    let broken: fn(&HttpError) -> bool = |error| matches!(error, HttpError::Broken { .. });
    let timeout: fn(&HttpError) -> bool = |error| matches!(error, HttpError::Timeout { .. });
    let too_large: fn(&HttpError) -> bool = |error| matches!(error, HttpError::TooLarge { .. });
    let encoded: fn(&HttpError) -> bool = |error| matches!(error, HttpError::Encoded { .. });
    let redirected: fn(&HttpError) -> bool = |error| matches!(error, HttpError::Redirected { .. });
    let cases = [
        Case {
            name: "an endless body",
            answer: || Answer::endless(200, "application/json"),
            expected: too_large,
            requests: 1,
        },
        Case {
            name: "a body that claims to be huge",
            answer: || Answer::claiming(200, "a/b", "x", u64::MAX / 2),
            expected: too_large,
            requests: 1,
        },
        Case {
            name: "a body without length",
            answer: || Answer::until_close(200, "a/b", vec![b'x'; BIG]),
            expected: too_large,
            requests: 1,
        },
        Case {
            name: "a body that trickles",
            answer: || Answer::trickling(200, "a/b", vec![b'x'; 1000], Duration::from_millis(50)),
            expected: timeout,
            requests: 2,
        },
        Case {
            name: "a bomb of gzip",
            answer: || Answer::gzip_bomb(200, "a/b", BIG / 8),
            expected: encoded,
            requests: 1,
        },
        Case {
            name: "a small answer in gzip",
            answer: || Answer::gzip(200, "a/b", b"{}"),
            expected: encoded,
            requests: 1,
        },
        Case {
            name: "a redirect to itself",
            answer: || Answer::redirect(302, "/x"),
            expected: redirected,
            requests: 1,
        },
        Case {
            name: "a redirect that keeps the method",
            answer: || Answer::redirect(307, "http://localhost/"),
            expected: redirected,
            requests: 1,
        },
        Case {
            name: "headers without end",
            answer: || Answer::header_flood(200),
            expected: broken,
            requests: 2,
        },
        Case {
            name: "a header without end",
            answer: || Answer::endless_header(200),
            expected: broken,
            requests: 2,
        },
        Case {
            name: "interim answers without end",
            answer: Answer::interim_flood,
            expected: |error| matches!(error, HttpError::Broken { .. } | HttpError::Timeout { .. }),
            requests: 2,
        },
        Case { name: "no answer", answer: Answer::silence, expected: timeout, requests: 2 },
        Case {
            name: "a late answer",
            answer: || Answer::json(200, "{}").after(ATTEMPT * 2),
            expected: timeout,
            requests: 2,
        },
        Case { name: "a closed connection", answer: Answer::close, expected: broken, requests: 2 },
        Case {
            name: "a body that breaks off",
            answer: || Answer::cut(200, "a/b", "0123456789", 5),
            expected: broken,
            requests: 2,
        },
        Case { name: "not HTTP", answer: Answer::garbage, expected: broken, requests: 2 },
        Case {
            name: "a status of letters",
            answer: || Answer::raw("HTTP/1.1 abc OK\r\n\r\n"),
            expected: broken,
            requests: 2,
        },
    ];
    for Case { name, answer, expected, requests } in cases {
        let server = Server::start(move |_| answer());
        let start = Instant::now();
        for (transport, outcome) in ask_both(&get(&server.url()), &system()) {
            let error = outcome.expect_err(name);
            assert!(expected(&error), "{name}, {transport}: {error:?}");
            assert!(error.to_string().len() < 600, "{name}, {transport}: {error}");
            assert!(!format!("{error} {error:?}").contains("correct-horse"), "{name}, {transport}");
        }
        assert_eq!(server.requests(), 2 * requests, "{name}");
        assert!(start.elapsed() < ATTEMPT * 20, "{name}: {:?}", start.elapsed());
    }
}

#[test]
fn nothing_is_sent_to_where_a_redirect_points() {
    let elsewhere = Server::start(|_| Answer::json(200, "{}"));
    let target = elsewhere.url();
    for status in [301, 302, 303, 307, 308] {
        let target = target.clone();
        let server = Server::start(move |_| Answer::redirect(status, &target));
        for (name, outcome) in ask_both(&get(&server.url()), &system()) {
            assert!(
                matches!(outcome, Err(HttpError::Redirected { status: found }) if found == status),
                "{name}"
            );
        }
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[test]
fn a_body_may_be_as_long_as_its_bound_and_no_longer() {
    for (length, fits) in [(0, true), (limits::MAX_BODY, true), (limits::MAX_BODY + 1, false)] {
        for with_length in [true, false] {
            let server = Server::start(move |_| match with_length {
                true => Answer::bytes(200, "a/b", vec![7; length]),
                false => Answer::until_close(200, "a/b", vec![7; length]),
            });
            for (name, outcome) in ask_both(&get(&server.url()), &system()) {
                match outcome {
                    Ok(answer) => {
                        assert!(fits && answer.body().len() == length, "{name} {length} {with_length}");
                    }
                    Err(error) => {
                        assert!(
                            matches!(error, HttpError::TooLarge { limit: limits::MAX_BODY }),
                            "{error:?}"
                        );
                        assert!(!fits, "{name} {length} {with_length}");
                    }
                }
            }
        }
    }
}

#[test]
fn headers_are_bounded_in_number_and_in_size() {
    for (count, size, fits) in [(90, 100, true), (200, 1, false), (1, limits::MAX_HEAD, false)] {
        let server = Server::start(move |_| {
            (0..count).fold(Answer::json(200, "{}"), |answer, index| {
                answer.header(&format!("X-{index}"), &"v".repeat(size))
            })
        });
        for (name, outcome) in ask_both(&get(&server.url()), &system()) {
            assert_eq!(outcome.is_ok(), fits, "{name}: {count} of {size}: {outcome:?}");
        }
    }
}

#[test]
fn a_service_that_recovers_is_asked_again() {
    let server = Server::start(|_| Answer::empty(503));
    for (name, outcome) in ask_both(&get(&server.url()), &system()) {
        assert_eq!(outcome.unwrap().status(), 503, "{name}");
    }
    assert_eq!(server.requests(), 4);
}

#[test]
fn where_nobody_listens_is_said() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for (name, outcome) in ask_both(&get(&format!("http://127.0.0.1:{port}")), &system()) {
        let error = outcome.unwrap_err();
        assert!(matches!(error, HttpError::Unreachable { .. }), "{name}: {error:?}");
        assert!(error.to_string().contains("efused"), "{name}: {error}");
    }
    for (name, outcome) in ask_both(&get("http://nowhere.invalid"), &system()) {
        assert!(matches!(outcome, Err(HttpError::Unreachable { .. })), "{name}: {outcome:?}");
    }
}

#[test]
fn connections_are_kept_and_one_that_was_closed_is_no_error() {
    let server = Server::start(|_| Answer::json(200, "{}"));
    let client = Client::new(BlockingTransport::new(&system())).patience(patience());
    for _ in 0..5 {
        block_on(client.send(&get(&server.url()), &client.start())).unwrap();
    }
    assert_eq!((server.requests(), server.connections()), (5, 1));
    let server = Server::start(|_| Answer::until_close(200, "a/b", "x"));
    for _ in 0..3 {
        block_on(client.send(&get(&server.url()), &client.start())).unwrap();
    }
    assert_eq!((server.requests(), server.connections()), (3, 3));
}

#[test]
fn a_future_that_is_dropped_ends_its_request() {
    let server = Server::start(|_| Answer::silence());
    let transport = TokioTransport::new(&system()).unwrap();
    let request = get(&server.url());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let start = Instant::now();
    runtime.block_on(async {
        let sent = transport.send(&request, Duration::from_secs(20));
        assert!(tokio::time::timeout(Duration::from_millis(100), sent).await.is_err());
    });
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn an_image_is_read_as_it_comes() {
    let image = vec![9; 3 * limits::MAX_BODY];
    let server = Server::start({
        let image = image.clone();
        move |request| match request.path() {
            "/x" => Answer::bytes(200, "application/octet-stream", image.clone()),
            _ => Answer::json(404, r#"{"message": "no such image"}"#),
        }
    });
    let transport = BlockingTransport::new(&system());
    let download = transport.open(&get(&server.url()), ATTEMPT).unwrap();
    assert_eq!((download.status(), download.length()), (200, Some(image.len() as u64)));
    let mut read = Vec::new();
    download.into_body().read_to_end(&mut read).unwrap();
    assert!(read == image);
    let missing = transport.open(&get(&format!("{}/other", server.url())), ATTEMPT).unwrap();
    let refusal = missing.into_response().refusal();
    assert_eq!(refusal.to_string(), "the server answered 404 Not Found: \"no such image\"");
}

#[test]
fn a_refused_image_whose_answer_repeats_the_token_is_not_quoted() {
    for (said, quoted) in [("correct-horse", false), ("correct-hors\\u0065", false), ("not you", true)] {
        let server = Server::start(move |_| Answer::json(403, format!(r#"{{"message": "no: {said}"}}"#)));
        let download = BlockingTransport::new(&system()).open(&get(&server.url()), ATTEMPT).unwrap();
        let refusal = download.into_response().refusal();
        assert_eq!((refusal.status, refusal.said.is_some()), (403, quoted), "{refusal}");
        assert!(!refusal.to_string().contains("correct-horse"), "{refusal}");
    }
}

#[test]
fn an_image_that_stops_coming_is_an_error_and_one_that_is_slow_is_not() {
    for (answer, fails) in [
        ((|| Answer::claiming(200, "a/b", "abc", 10)) as fn() -> Answer, true),
        (|| Answer::cut(200, "a/b", "0123456789", 5), true),
        (|| Answer::trickling(200, "a/b", "0123456789", Duration::from_millis(100)), false),
    ] {
        let server = Server::start(move |_| answer());
        let transport = BlockingTransport::new(&system());
        let download = transport.open(&get(&server.url()), ATTEMPT).unwrap();
        let outcome = download.into_body().read_to_end(&mut Vec::new());
        assert_eq!(outcome.is_err(), fails, "{outcome:?}");
    }
}

#[test]
fn a_refusal_that_trickles_is_shown_as_far_as_it_came() {
    let refusal = || Answer::trickling(403, "a/b", "no".repeat(500), Duration::from_millis(20));
    let server = Server::start(move |_| refusal());
    let start = Instant::now();
    let download = BlockingTransport::new(&system()).open(&get(&server.url()), ATTEMPT).unwrap();
    let answer = download.into_response();
    assert!(start.elapsed() < 5 * ATTEMPT && answer.body().starts_with(b"no"), "{:?}", start.elapsed());
}

#[test]
fn a_certificate_from_an_authority_that_is_not_named_is_not_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let (server, other, misnamed) =
        (TlsServer::start("localhost"), TlsServer::start("localhost"), TlsServer::start("another.example"));
    let (url, other_url, misnamed_url) = (server.url(), other.url(), misnamed.url());
    std::fs::write(&file, format!("{}{}", server.authority, misnamed.authority)).unwrap();
    let named = Tls::with_ca_file(&file).unwrap();
    for (url, tls, trusted) in [
        (&url, &named, true),
        (&url, &system(), false),
        (&other_url, &named, false),
        (&misnamed_url, &named, false),
    ] {
        for (name, outcome) in ask_both(&get(url), tls) {
            match outcome {
                Ok(answer) => assert!(trusted && answer.body() == b"{}", "{name}, {url}"),
                Err(error) => {
                    assert!(matches!(error, HttpError::Untrusted { .. }), "{name}, {url}: {error:?}");
                    assert!(!trusted, "{name}, {url}: {error}");
                }
            }
        }
    }
}

/// rustls repeats every name of a certificate that is for others.
#[test]
fn what_a_servers_certificate_says_is_cut_and_acts_on_no_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let mut names = vec!["\u{1b}[2J".to_owned()];
    names.extend((0..1000).map(|number| format!("n{number}.example")));
    let server = TlsServer::start_for(&names);
    std::fs::write(&file, &server.authority).unwrap();
    for (name, outcome) in ask_both(&get(&server.url()), &Tls::with_ca_file(&file).unwrap()) {
        let error = outcome.unwrap_err();
        assert!(matches!(error, HttpError::Untrusted { .. }), "{name}: {error:?}");
        for shown in [error.to_string(), format!("{error:?}")] {
            assert!(shown.contains("not valid for name"), "{name}: {shown}");
            assert!(!shown.contains('\u{1b}') && shown.len() < 2 * limits::MAX_SHOWN, "{name}: {shown}");
        }
    }
}

#[test]
fn a_file_of_authorities_holds_some() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    assert!(
        Tls::with_ca_file(&file)
            .unwrap_err()
            .to_string()
            .starts_with("the file of authorities cannot be set up")
    );
    for (text, reason) in [
        ("".to_owned(), "it holds no certificate"),
        ("hello".to_owned(), "it holds no certificate"),
        ("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".to_owned(), "it is not PEM"),
        ("x".repeat(1024 * 1024 + 1), "it is too large"),
    ] {
        std::fs::write(&file, text).unwrap();
        let error = Tls::with_ca_file(&file).unwrap_err();
        assert!(error.is_misconfiguration() && error.to_string().contains(reason), "{error}");
    }
}
