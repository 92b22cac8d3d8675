//! What becomes of an id, over both transports, against a server that answers as Barbican does.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

mod common;

use std::time::{Duration, Instant};

use common::*;
use longhand::{CertificateCache, TrustStore};
use longhand_barbican::{Barbican, Credentials, Token, UncheckedIdentity};
use longhand_http::ExposeSecret as _;
use longhand_test_server::{Answer, Server};

/// Names of what comes out, and the requests that it took.
fn outcome(over: Over, server: &Server, id: &str) -> (String, usize) {
    server.forget();
    let name = match over.fetch_one(server, id) {
        Ok(stored) => {
            let known = (0..4).find(|number| certificate(*number) == stored.certificate).unwrap();
            format!("certificate {known} and {}", stored.intermediates.len())
        }
        Err(error) => error.code().name().to_owned(),
    };
    (name, server.requests())
}

#[test]
fn each_form_of_an_id_costs_its_requests_and_none_more() {
    let text = String::from_utf8(pem(0)).unwrap();
    let crlf = text.replace('\n', "\r\n");
    let stripped = text.trim();
    let bundle = [pem(1), pem(2)].concat();
    let with_garbage =
        [pem(1), b"-----BEGIN CERTIFICATE-----\nQQ==\n-----END CERTIFICATE-----\n".to_vec()].concat();
    let ids: Vec<String> = (0..20).map(|n| format!("10000000-0000-4000-8000-0000000000{n:02}")).collect();
    let elsewhere = format!("https://elsewhere.example/v1/secrets/{}", ids[1]);
    let stored = Stored::default()
        .secret(&ids[0], pem(0))
        .secret(&ids[1], der(1))
        .secret(&ids[2], stripped)
        .secret(&ids[3], crlf)
        .secret(&ids[4], *b"not a certificate")
        .secret(&ids[5], *b"")
        .secret(&ids[6], bundle.clone())
        .secret(&ids[7], with_garbage)
        .secret(&ids[8], pem(1).repeat(longhand_barbican::limits::MAX_INTERMEDIATES))
        .secret(&ids[9], pem(1).repeat(longhand_barbican::limits::MAX_INTERMEDIATES + 1))
        .container(&ids[10], "certificate", &[("certificate", &elsewhere), ("intermediates", &ids[6])])
        .container(&ids[11], "certificate", &[("private_key", &ids[0]), ("certificate", &ids[0])])
        .container(&ids[12], "generic", &[("certificate", &ids[0])])
        .container(&ids[13], "certificate", &[("private_key", &ids[0])])
        .container(&ids[14], "certificate", &[("certificate", ABSENT)])
        .container(&ids[15], "certificate", &[("certificate", &ids[0]), ("intermediates", ABSENT)])
        .container(&ids[16], "certificate", &[("certificate", &ids[0]), ("intermediates", &ids[7])])
        .container(&ids[17], "certificate", &[("certificate", &ids[0]), ("intermediates", &ids[8])])
        .container(&ids[18], "certificate", &[("certificate", &ids[0]), ("intermediates", &ids[9])])
        .container(&ids[19], "certificate", &[("certificate", "https://h/../secrets/x")]);
    let server = barbican(stored);
    let href = |kind: &str, id: &str| format!("http://elsewhere.example:9311/v1/{kind}/{id}");
    let cases = [
        (ids[0].clone(), "certificate 0 and 0", 1),
        (ids[0].to_uppercase(), "certificate 0 and 0", 1),
        (ids[0].replace('-', ""), "certificate 0 and 0", 1),
        (href("secrets", &ids[0]), "certificate 0 and 0", 1),
        (href("secrets", &ids[0]) + "/", "certificate 0 and 0", 1),
        (ids[1].clone(), "certificate 1 and 0", 1),
        (ids[2].clone(), "certificate 0 and 0", 1),
        (ids[3].clone(), "certificate 0 and 0", 1),
        (ids[6].clone(), "certificate 1 and 0", 1),
        (ids[4].clone(), "certificate_not_pem", 1),
        (ids[5].clone(), "certificate_not_found", 2),
        (ABSENT.to_owned(), "certificate_not_found", 2),
        (href("secrets", ABSENT), "certificate_not_found", 1),
        (href("containers", ABSENT), "certificate_not_found", 1),
        ("../../sys/mounts".to_owned(), "key_manager_id_invalid", 0),
        (href("secrets", &ids[0]) + "/payload", "key_manager_id_invalid", 0),
        (href("containers", &ids[10]), "certificate 1 and 2", 3),
        (ids[10].clone(), "certificate 1 and 2", 4),
        (href("secrets", &ids[10]), "certificate_not_found", 1),
        (href("containers", &ids[0]), "certificate_not_found", 1),
        (href("containers", &ids[11]), "certificate 0 and 0", 2),
        (href("containers", &ids[12]), "certificate_format_unsupported", 1),
        (href("containers", &ids[13]), "certificate_format_unsupported", 1),
        (href("containers", &ids[14]), "certificate_not_found", 2),
        (href("containers", &ids[15]), "certificate_not_found", 3),
        (href("containers", &ids[16]), "certificate 0 and 1", 3),
        (href("containers", &ids[17]), "certificate 0 and 16", 3),
        (href("containers", &ids[18]), "certificate_format_unsupported", 3),
        (href("containers", &ids[19]), "key_manager_id_invalid", 1),
    ];
    for over in BOTH {
        for (id, expected, requests) in &cases {
            assert_eq!(outcome(over, &server, id), ((*expected).to_owned(), *requests), "{over:?} {id}");
        }
    }
}

#[test]
fn a_private_key_in_a_container_is_never_asked_for() {
    let key = "20000000-0000-4000-8000-000000000000";
    let stored = Stored::default().secret(SECRET, pem(0)).secret(key, *b"a key").container(
        CONTAINER,
        "certificate",
        &[("private_key", key), ("private_key_passphrase", key), ("certificate", SECRET)],
    );
    let server = barbican(stored);
    for over in BOTH {
        assert!(over.fetch_one(&server, CONTAINER).is_ok());
    }
    assert!(server.received().iter().all(|request| !request.path().contains(key)));
}

#[test]
fn an_endpoint_may_end_in_its_version() {
    let server = Server::start(|request| match request.path() {
        path if path.starts_with("/key-manager/v1/secrets/") => Answer::bytes(200, "*/*", pem(0)),
        _ => Answer::empty(500),
    });
    for over in BOTH {
        for end in ["/key-manager", "/key-manager/", "/key-manager/v1", "/key-manager/v1/"] {
            let outcome =
                over.fetch(&format!("{}{end}", server.url()), With::token(TOKEN), &[SECRET]).remove(0);
            assert!(outcome.is_ok(), "{over:?} {end} {outcome:?}");
        }
    }
}

#[test]
fn each_answer_has_its_kind_and_is_shown_in_an_excerpt() {
    let description = |code: u16, text: &str| {
        Answer::json(code, format!(r#"{{"code": {code}, "title": "T", "description": "{text}"}}"#))
    };
    let privileges =
        "Secret payload retrieval attempt not allowed - please review your user/project privileges";
    for (answer, code, requests, says) in [
        (description(403, privileges), "certificate_forbidden", 1, "attempt not allowed"),
        (unauthorized(), "certificate_forbidden", 1, "requires authentication"),
        (description(404, "Secret not found."), "certificate_not_found", 1, "no certificate"),
        (
            Answer::bytes(404, "text/plain", "default backend - 404"),
            "key_manager_misconfigured",
            1,
            "backend",
        ),
        (Answer::bytes(404, "text/html", "<html>"), "key_manager_misconfigured", 1, "<html>"),
        (Answer::json(404, r#"{"message": "no Route matched"}"#), "key_manager_misconfigured", 1, "Route"),
        (Answer::empty(404), "key_manager_misconfigured", 1, "404"),
        (description(400, "x"), "key_manager_unavailable", 1, "400"),
        (description(406, "Wrong payload content-type."), "key_manager_unavailable", 1, "Wrong payload"),
        (description(410, "gone"), "key_manager_unavailable", 1, "gone"),
        (Answer::empty(204), "key_manager_unavailable", 1, "204"),
        (Answer::json(300, r#"{"versions": []}"#), "key_manager_unavailable", 1, "300"),
        (description(503, "down\\u001b[2J"), "key_manager_unavailable", 4, r#""down\u{1b}[2J""#),
        (Answer::json(500, "x".repeat(100_000)), "key_manager_unavailable", 4, "…"),
        (Answer::close(), "key_manager_unavailable", 4, "cannot be fetched"),
        (Answer::garbage(), "key_manager_unavailable", 4, "cannot be fetched"),
        (Answer::cut(200, "*/*", pem(0), 100), "key_manager_unavailable", 4, "broke off"),
        (Answer::endless(200, "*/*"), "key_manager_unavailable", 1, "more than 524288 bytes"),
        (Answer::gzip(200, "*/*", &pem(0)), "key_manager_unavailable", 1, "gzip"),
    ] {
        for over in BOTH {
            let server = Server::start({
                let answer = answer.clone();
                move |_| answer.clone()
            });
            let error = over.fetch_one(&server, &format!("http://h/v1/secrets/{SECRET}")).unwrap_err();
            assert_eq!((error.code().name(), server.requests()), (code, requests), "{over:?} {error}");
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(says), "{says}: {shown}");
            assert!(shown.len() < 2000 && !shown.contains(TOKEN), "{shown}");
        }
    }
}

#[test]
fn nobody_there_is_unavailable() {
    let endpoint = Server::start(|_| Answer::empty(200)).url();
    for over in BOTH {
        let error = over.fetch(&endpoint, With::token(TOKEN), &[SECRET]).remove(0).unwrap_err();
        assert_eq!(error.code().name(), "key_manager_unavailable", "{error}");
    }
}

#[test]
fn what_may_pass_is_tried_again_within_the_deadline() {
    for over in BOTH {
        let server = Server::start({
            let asked = std::sync::atomic::AtomicUsize::new(0);
            move |_| match asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
                0 => Answer::empty(503),
                1 => Answer::close(),
                _ => Answer::bytes(200, "*/*", pem(0)),
            }
        });
        assert!(over.fetch_one(&server, SECRET).is_ok());
        assert_eq!(server.requests(), 3, "{over:?}");

        let trickling = Server::start(|_| Answer::trickling(200, "*/*", pem(0), Duration::from_millis(100)));
        let began = Instant::now();
        let error = over.fetch_one(&trickling, SECRET).unwrap_err();
        assert_eq!(error.code().name(), "key_manager_unavailable");
        assert!(began.elapsed() < Duration::from_secs(3), "{over:?} {:?}", began.elapsed());
    }
}

#[test]
fn a_payload_is_read_up_to_its_bound() {
    // A text dump before the certificate, as `openssl ca` writes one.
    let padded = |length: usize| {
        let certificate = pem(0);
        [b"#".repeat(length - certificate.len() - 1), b"\n".to_vec(), certificate].concat()
    };
    let bound = longhand_barbican::limits::MAX_PAYLOAD;
    let server = barbican(Stored::default().secret(SECRET, padded(bound)).secret(ABSENT, padded(bound + 1)));
    for over in BOTH {
        assert!(over.fetch_one(&server, SECRET).is_ok());
        assert_eq!(over.fetch_one(&server, ABSENT).unwrap_err().code().name(), "key_manager_unavailable");
    }
}

#[test]
fn a_container_is_read_up_to_its_bound() {
    let bound = longhand_barbican::limits::MAX_CONTAINER;
    for (length, code) in [(bound, "certificate_format_unsupported"), (bound + 1, "key_manager_unavailable")]
    {
        let server = Server::start(move |_| {
            Answer::bytes(
                200,
                "application/json",
                [br#"{"type": "generic"}"#.as_slice(), &b" ".repeat(length - 19)].concat(),
            )
        });
        for over in BOTH {
            let error = over.fetch_one(&server, &format!("https://h/v1/containers/{CONTAINER}")).unwrap_err();
            assert_eq!(error.code().name(), code, "{length}");
        }
    }
}

#[test]
fn a_container_that_is_none_is_unavailable() {
    for body in
        ["", "{}", "[]", "null", r#"{"type": 1}"#, r#"{"type": "certificate", "secret_refs": {}}"#, "<html>"]
    {
        let server = Server::start(move |_| Answer::json(200, body));
        for over in BOTH {
            let error = over.fetch_one(&server, &format!("https://h/v1/containers/{CONTAINER}")).unwrap_err();
            assert_eq!(error.code().name(), "key_manager_unavailable", "{body}");
        }
    }
}

#[test]
fn the_host_in_an_id_is_never_contacted() {
    let elsewhere = Server::start(|_| Answer::bytes(200, "*/*", pem(1)));
    let stored = Stored::default().secret(SECRET, pem(0)).container(
        CONTAINER,
        "certificate",
        &[("certificate", &format!("{}/v1/secrets/{SECRET}", elsewhere.url()))],
    );
    let server = barbican(stored);
    for over in BOTH {
        for id in [
            format!("{}/v1/secrets/{SECRET}", elsewhere.url()),
            format!("{}/containers/{CONTAINER}", elsewhere.url()),
        ] {
            assert_eq!(over.fetch_one(&server, &id).unwrap().certificate, certificate(0));
        }
    }
    assert_eq!((elsewhere.connections(), server.requests()), (0, 6));
}

#[test]
fn a_redirect_is_refused_and_takes_no_credential_anywhere() {
    let elsewhere = std::sync::Arc::new(Server::start(|_| Answer::bytes(200, "*/*", pem(1))));
    for status in [301, 302, 303, 307, 308] {
        let to = elsewhere.url();
        let server = Server::start(move |_| Answer::redirect(status, &to));
        for over in BOTH {
            server.forget();
            let error = over.fetch_one(&server, SECRET).unwrap_err();
            assert_eq!((error.code().name(), server.requests()), ("key_manager_unavailable", 1), "{error}");
            assert!(error.to_string().contains("redirect"), "{error}");
        }
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[test]
fn a_request_bears_the_callers_token_and_nothing_else_that_is_secret() {
    let server = barbican(Stored::default().secret(SECRET, pem(0)));
    for over in BOTH {
        server.forget();
        let token: Credentials<()> = Token::new(TOKEN).service_token("gAAAAABservice").into();
        assert!(over.fetch(&server.url(), With::Credentials(token), &[SECRET]).remove(0).is_ok());
        let request = &server.received()[0];
        assert_eq!(request.header("X-Auth-Token"), Some(TOKEN));
        assert_eq!(request.header("X-Service-Token"), Some("gAAAAABservice"));
        for absent in ["Authorization", "Cookie", "X-Roles", "X-Project-Id", "X-User-Id"] {
            assert_eq!(request.header(absent), None);
        }
    }
}

#[test]
fn a_barbican_without_authentication_is_told_an_identity() {
    let server = Server::start(|request| match request.header("X-Project-Id") {
        Some("p1") if request.header("X-Auth-Token").is_none() => Answer::bytes(200, "*/*", pem(0)),
        _ => Answer::empty(400),
    });
    for over in BOTH {
        server.forget();
        let identity: Credentials<()> =
            UncheckedIdentity::of_project("p1").user("u1").roles("member,reader").into();
        assert!(over.fetch(&server.url(), With::Credentials(identity), &[SECRET]).remove(0).is_ok());
        let request = &server.received()[0];
        assert_eq!(request.header("X-User-Id"), Some("u1"));
        assert_eq!(request.header("X-Roles"), Some("member,reader"));
    }
}

#[test]
fn a_token_that_cannot_stand_in_a_header_is_a_setting_and_is_not_sent() {
    let server = barbican(Stored::default());
    for over in BOTH {
        for token in ["secret\r\nX-Roles: admin", "secret\n", "secr\u{e9}t"] {
            let error = over.fetch(&server.url(), With::token(token), &[SECRET]).remove(0).unwrap_err();
            assert_eq!(error.code().name(), "key_manager_misconfigured");
            assert!(!format!("{error} {error:?}").contains("secr"), "{error:?}");
        }
    }
    assert_eq!(server.requests(), 0);
}

#[test]
fn no_token_is_shown() {
    let token = Token::new(TOKEN).service_token(TOKEN);
    let barbican = Barbican::new(blocking(), "http://h", token.clone()).unwrap();
    let shown = format!("{token:?} {barbican:?} {barbican:#?}");
    assert!(!shown.contains("gAAAAA"), "{shown}");
    assert!(longhand_http::SecretString::from(TOKEN).expose_secret().contains("gAAAAA"));
}

#[test]
fn fifty_ids_cost_fifty_requests_and_cached_none() {
    let ids: Vec<String> = (0..50).map(|n| format!("30000000-0000-4000-8000-0000000000{n:02}")).collect();
    let stored = ids.iter().fold(Stored::default(), |stored, id| stored.secret(id, pem(0)));
    let server = barbican(stored);
    for over in BOTH {
        server.forget();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        assert!(over.fetch(&server.url(), With::token(TOKEN), &ids).iter().all(Result::is_ok));
        assert_eq!(server.requests(), 50);
    }

    let cache = CertificateCache::new(100, Duration::from_secs(60), Instant::now);
    let barbican = Barbican::new(blocking(), &server.url(), Token::new(TOKEN)).unwrap();
    server.forget();
    for _ in 0..2 {
        let of_this_request = cache.scope("demo", barbican.on_behalf_of(Token::new(TOKEN)));
        assert_eq!(TrustStore::from_key_manager(&of_this_request, &ids).unwrap().len(), 50);
        assert_eq!(server.requests(), 50);
    }
}

#[cfg(feature = "tokio")]
#[test]
fn fifty_ids_are_fetched_together_and_cached_cost_no_request() {
    let ids: Vec<String> = (0..50).map(|n| format!("30000000-0000-4000-8000-0000000000{n:02}")).collect();
    let stored = ids.iter().fold(Stored::default(), |stored, id| stored.secret(id, pem(0)));
    let server = Server::start(move |request| stored.answer(request).after(Duration::from_millis(50)));
    let cache = CertificateCache::new(100, Duration::from_secs(60), Instant::now);
    let barbican = Barbican::new(tokio(), &server.url(), Token::new(TOKEN)).unwrap();
    let began = Instant::now();
    for _ in 0..2 {
        let of_this_request = cache.scope("demo", barbican.clone());
        let store = RUNTIME.block_on(TrustStore::from_async_key_manager(&of_this_request, &ids)).unwrap();
        assert_eq!((store.len(), server.requests()), (50, 50));
    }
    // One after the other they take 2.5 s.
    assert!(began.elapsed() < Duration::from_millis(1500), "{:?}", began.elapsed());
}
