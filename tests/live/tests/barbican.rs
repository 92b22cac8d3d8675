//! Our verdict on what a real Barbican holds, beside the real Cursive's. Run by `tests/live/run`.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use longhand::CertificateCache;
use longhand::limits::MAX_CONCURRENT_FETCHES;
use longhand_barbican::{Barbican, Token};
use longhand_http::{BlockingTransport, Client, Tls, TokioTransport};
use longhand_live::barbican::{Secrets, token};
use longhand_live::{
    ABSENT, Cursive, CursiveVerdict, OnRuntime, Proxy, Walkthrough, Ways, faults, json, patience, runtime,
    setting,
};
use longhand_test_server::{Answer, Server};

const REFUSED: &str = "SignatureVerificationError";

/// Our library over this Barbican with this token, asked by threads that wait.
fn waiting(address: &str, token: &str) -> Barbican<BlockingTransport> {
    let client = Client::new(BlockingTransport::new(&Tls::system())).patience(patience());
    Barbican::new(client, address, Token::new(token)).unwrap()
}

/// The same, awaited by tasks.
fn awaited(address: &str, token: &str) -> Barbican<TokioTransport> {
    let client = Client::new(TokioTransport::new(&Tls::system()).unwrap()).patience(patience());
    Barbican::new(client, address, Token::new(token)).unwrap()
}

fn ways(address: &str, token: &str) -> Ways {
    [
        ("waiting", Box::new(waiting(address, token))),
        ("awaited", Box::new(OnRuntime(awaited(address, token)))),
    ]
}

/// The Barbican of most tests, as the owner of the certificates sees it; each test's project is its own.
fn secrets(project: &str) -> Secrets {
    Secrets::new(setting("BARBICAN"), token(project, "owner", "member"))
}

#[test]
fn a_certificate_in_any_form_takes_one_request() {
    let walkthrough = Walkthrough::read();
    let secrets = secrets("forms");
    let certificate = walkthrough.signing_certificate();
    let der = certificate.der().to_vec();
    let pem = walkthrough.signing_pem();
    let crlf = pem.replace('\n', "\r\n");
    let bundle = [&walkthrough.signing[..], &Walkthrough::unrelated()].concat();
    let broken = |exception| CursiveVerdict::Raised(String::from(exception), String::new());
    let good = CursiveVerdict::certificate(&certificate);

    let proxy = Proxy::before(&setting("BARBICAN"));
    let cursive = Cursive::with_barbican(secrets.service().address(), secrets.service().token());
    let forms = [
        ("PEM", secrets.store(pem.as_bytes()), good.clone()),
        ("PEM behind the text of openssl ca", secrets.store(&walkthrough.signing), good.clone()),
        ("PEM with CRLF", secrets.store(crlf.as_bytes()), good.clone()),
        ("PEM, several, the first counts", secrets.store(&bundle), good),
        // Castellan reads PEM under octet-stream and nothing else.
        ("DER", secrets.store(&der), broken("ValueError")),
        ("PEM as text", secrets.store_text(&pem), broken("TypeError")),
        (
            "PEM as text behind a text",
            secrets.store_text(&String::from_utf8_lossy(&walkthrough.signing)),
            broken("TypeError"),
        ),
    ];
    for (form, id, cursives) in forms {
        for (way, key_manager) in ways(&proxy.url(), secrets.service().token()) {
            let stored =
                key_manager.certificate(&id).unwrap_or_else(|error| panic!("{form}, {way}: {error}"));
            assert_eq!(
                (stored.certificate, stored.intermediates),
                (certificate.clone(), vec![]),
                "{form}, {way}"
            );
            assert_eq!(proxy.take(), [format!("GET /v1/secrets/{id}/payload")], "{form}, {way}");
        }
        let said = cursive.certificate(&id);
        match cursives {
            CursiveVerdict::Raised(exception, _) => assert!(said.is(&exception, ""), "{form}: {said:?}"),
            cursives => assert_eq!(said, cursives, "{form}"),
        }
    }
}

#[test]
fn what_is_not_there_or_not_for_us_is_told_apart() {
    let walkthrough = Walkthrough::read();
    let secrets = secrets("refusals");
    let address = secrets.service().address();
    let own = secrets.service().token();
    let stored = secrets.store(&walkthrough.signing);
    let deleted = secrets.store(&walkthrough.signing);
    secrets.delete(&deleted);
    let expires = SystemTime::now() + Duration::from_secs(2);
    let expired = secrets.store_with(&walkthrough.signing, &json!({"expiration": timestamp(expires)}));
    let private = secrets.store(&walkthrough.signing);
    secrets.permit(&private, &json!({"project-access": false}));
    while SystemTime::now() < expires + Duration::from_millis(100) {
        std::thread::sleep(Duration::from_millis(50));
    }

    let not_found = "Certificate not found with ID";
    let unable = "Unable to retrieve certificate with ID";
    let mate = token("refusals", "mate", "member");
    let reader = token("refusals", "reader", "reader");
    let stranger = token("another", "stranger", "member");
    let cases = [
        ("unknown", own, ABSENT, "certificate_not_found", (REFUSED, not_found)),
        ("deleted", own, &deleted, "certificate_not_found", (REFUSED, not_found)),
        ("expired", own, &expired, "certificate_not_found", (REFUSED, not_found)),
        ("without payload", own, &secrets.store_nothing(), "certificate_not_found", ("TypeError", "")),
        (
            "no certificate",
            own,
            &secrets.store(b"not a certificate"),
            "certificate_not_pem",
            ("ValueError", ""),
        ),
        ("another project's", &stranger, &stored, "certificate_forbidden", (REFUSED, unable)),
        ("a reader's role", &reader, &stored, "certificate_forbidden", (REFUSED, unable)),
        ("a mate's private secret", &mate, &private, "certificate_forbidden", (REFUSED, unable)),
        // Castellan's client stumbles over how Keystone's middleware answers.
        ("a token that is none", "nonsense", &stored, "certificate_forbidden", ("KeyError", "title")),
    ];
    for (case, token, id, code, (exception, words)) in cases {
        for (way, key_manager) in ways(address, token) {
            let error = key_manager.certificate(id).unwrap_err();
            assert_eq!(error.code().name(), code, "{case}, {way}: {error}");
            assert!(!format!("{error:?} {error}").contains(own), "{case}, {way}: {error:?}");
        }
        let said = Cursive::with_barbican(address, token).certificate(id);
        assert!(said.is(exception, words), "{case}: {said:?}");
    }
}

#[test]
fn what_barbican_said_is_in_the_error() {
    let secrets = secrets("words");
    let id = secrets.store(&Walkthrough::read().signing);
    for (way, key_manager) in ways(secrets.service().address(), &token("another", "stranger", "member")) {
        let error = key_manager.certificate(&id).unwrap_err().to_string();
        assert!(
            error.contains("403") && error.contains("Secret payload retrieval attempt not allowed"),
            "{way}: {error}"
        );
    }
}

#[test]
fn an_acl_opens_a_private_secret_to_a_stranger() {
    let secrets = secrets("acl");
    let id = secrets.store(&Walkthrough::read().signing);
    let stranger = token("another", "friend", "member");
    secrets.permit(&id, &json!({"project-access": false}));
    for (way, key_manager) in ways(secrets.service().address(), &stranger) {
        assert_eq!(key_manager.certificate(&id).unwrap_err().code().name(), "certificate_forbidden", "{way}");
    }
    secrets.permit(&id, &json!({"users": ["friend"], "project-access": false}));
    for (way, key_manager) in ways(secrets.service().address(), &stranger) {
        assert!(key_manager.certificate(&id).is_ok(), "{way}");
    }
    let said = Cursive::with_barbican(secrets.service().address(), &stranger).certificate(&id);
    assert!(matches!(said, CursiveVerdict::Certificate(_)), "{said:?}");
}

#[test]
fn a_container_gives_the_certificate_and_its_intermediates() {
    let walkthrough = Walkthrough::read();
    let secrets = secrets("containers");
    let [root, a, b] = &walkthrough.authorities;
    let signing = secrets.store(&walkthrough.signing);
    let intermediates = secrets.store(&[&a[..], b].concat());
    let container = secrets.contain(&[("certificate", &signing), ("intermediates", &intermediates)]);
    let href = format!("{}/v1/containers/{container}", secrets.service().address());

    let proxy = Proxy::before(&setting("BARBICAN"));
    for (way, key_manager) in ways(&proxy.url(), secrets.service().token()) {
        for (id, requests) in [(&href, 3), (&container, 4)] {
            let stored = key_manager.certificate(id).unwrap();
            assert_eq!(stored.certificate, walkthrough.signing_certificate(), "{way}");
            assert_eq!(stored.intermediates.len(), 2, "{way}");
            assert_eq!(proxy.count(), requests, "{way}, {id}");
        }
        // With them the root alone is trust enough; without them it is not.
        let root = secrets.store(root);
        for (id, verified) in [(&container, true), (&signing, false)] {
            let outcome = walkthrough.verify(
                &*key_manager,
                id,
                std::slice::from_ref(&root),
                &fs::read(&walkthrough.image).unwrap(),
            );
            assert_eq!(outcome.is_ok(), verified, "{way}: {outcome:?}");
        }
        proxy.count();
    }
    // Castellan knows no containers.
    let said = Cursive::with_barbican(secrets.service().address(), secrets.service().token())
        .certificate(&container);
    assert!(said.is(REFUSED, "Certificate not found with ID"), "{said:?}");
}

#[test]
fn the_host_in_an_id_is_never_asked() {
    let secrets = secrets("hosts");
    let id = secrets.store(&Walkthrough::read().signing);
    let elsewhere = Server::start(|_| Answer::empty(500));
    for (way, key_manager) in ways(secrets.service().address(), secrets.service().token()) {
        let href = format!("{}/v1/secrets/{id}", elsewhere.url());
        assert!(key_manager.certificate(&href).is_ok(), "{way}");
        assert_eq!(elsewhere.connections(), 0, "{way}");
    }
}

#[test]
fn an_id_that_is_none_sends_nothing() {
    let proxy = Proxy::before(&setting("BARBICAN"));
    for (way, key_manager) in ways(&proxy.url(), &token("p", "u", "member")) {
        for id in [
            "",
            "..",
            "../orders",
            "x/../../orders",
            "%2e%2e/orders",
            &format!("{ABSENT}?a=b"),
            &format!("{ABSENT}/acl"),
        ] {
            let error = key_manager.certificate(id).unwrap_err();
            assert_eq!(error.code().name(), "key_manager_id_invalid", "{way}, {id}");
        }
        assert_eq!(proxy.count(), 0, "{way}");
    }
}

#[test]
fn an_image_is_verified_with_its_chain() {
    let walkthrough = Walkthrough::read();
    let secrets = secrets("images");
    let signing = secrets.store(&walkthrough.signing);
    let trusted: Vec<_> =
        walkthrough.authorities.iter().map(|certificate| secrets.store(certificate)).collect();
    let changed = walkthrough.changed_image("barbican");
    let cursive = Cursive::with_barbican(secrets.service().address(), secrets.service().token());
    let properties = walkthrough.properties(&signing);

    let cases = [
        ("as it was signed", &trusted[..], &walkthrough.image, None),
        ("changed", &trusted[..], &changed, Some("signature_mismatch")),
        ("an authority is missing", &trusted[..2], &walkthrough.image, Some("chain_issuer_missing")),
        ("no root", &trusted[1..], &walkthrough.image, Some("chain_issuer_missing")),
    ];
    for (case, trusted, image, code) in cases {
        for (way, key_manager) in ways(secrets.service().address(), secrets.service().token()) {
            let outcome = walkthrough.verify(&*key_manager, &signing, trusted, &fs::read(image).unwrap());
            let refused = outcome.as_ref().err().map(|error| error.code().name());
            assert_eq!(refused, code, "{case}, {way}: {outcome:?}");
        }
        let said = cursive.verify(&properties, image, Some(trusted));
        assert_eq!(said == CursiveVerdict::Verified, code.is_none(), "{case}: {said:?}");
    }
}

#[test]
fn fifty_trusted_ids_take_a_request_each_and_none_when_cached() {
    let walkthrough = Walkthrough::read();
    let secrets = secrets("fifty");
    let signing = secrets.store(&walkthrough.signing);
    let trusted = stored_fifty(&secrets, &walkthrough);
    let data = fs::read(&walkthrough.image).unwrap();
    let proxy = Proxy::before(&setting("BARBICAN"));
    for (way, key_manager) in ways(&proxy.url(), secrets.service().token()) {
        let _ = walkthrough.verify(&*key_manager, &signing, &trusted, &data).unwrap();
        assert_eq!(proxy.count(), 51, "{way}");

        let cache = CertificateCache::new(64, Duration::from_secs(60), Instant::now);
        for requests in [51, 0] {
            let cached = cache.scope("fifty", &key_manager);
            let _ = walkthrough.verify(&cached, &signing, &trusted, &data).unwrap();
            assert_eq!(proxy.count(), requests, "{way}");
        }
    }
}

#[test]
fn fifty_certificates_are_awaited_together() {
    let walkthrough = Walkthrough::read();
    let secrets = secrets("together");
    let signing = secrets.store(&walkthrough.signing);
    let trusted = stored_fifty(&secrets, &walkthrough);
    let proxy = Proxy::before(&setting("BARBICAN"));
    let cache = CertificateCache::new(64, Duration::from_secs(60), Instant::now);
    let key_manager = cache.scope("together", awaited(&proxy.url(), secrets.service().token()));
    let data = fs::read(&walkthrough.image).unwrap();
    for requests in [51, 0] {
        let verified = runtime().block_on(walkthrough.verify_async(&key_manager, &signing, &trusted, &data));
        assert!(verified.is_ok(), "{verified:?}");
        assert_eq!(proxy.count(), requests);
    }
    assert!((2..=MAX_CONCURRENT_FETCHES).contains(&proxy.most_at_once()), "{}", proxy.most_at_once());
}

#[test]
fn what_breaks_in_between_is_tried_again_and_what_stays_broken_is_unavailable() {
    let secrets = secrets("faults");
    let id = secrets.store(&Walkthrough::read().signing);
    faults::survived(&setting("BARBICAN"), &id, &|proxy| ways(proxy, secrets.service().token()));
}

#[test]
fn a_slow_barbican_is_waited_for_and_one_that_trickles_for_ever_is_not() {
    let secrets = secrets("slow");
    let id = secrets.store(Walkthrough::read().signing_pem().as_bytes());
    faults::waited_for(&setting("BARBICAN"), &id, &|proxy| ways(proxy, secrets.service().token()));
}

#[test]
fn a_barbican_killed_in_the_middle_is_unavailable_and_nothing_is_verified() {
    let walkthrough = Walkthrough::read();
    let address = setting("BARBICAN_DOOMED");
    let secrets = Secrets::new(&address, token("doomed", "owner", "member"));
    let signing = secrets.store(&walkthrough.signing);
    let trusted = stored_fifty(&secrets, &walkthrough);
    let proxy = faults::killing(&address, "BARBICAN_DOOMED_PID", 20);
    for (way, key_manager) in ways(&proxy.url(), secrets.service().token()) {
        let begun = Instant::now();
        let error = walkthrough.verify(&*key_manager, &signing, &trusted, b"").unwrap_err();
        assert_eq!(error.code().name(), "key_manager_unavailable", "{way}: {error}");
        assert!(begun.elapsed() < Duration::from_secs(25), "{way}");
        assert!(proxy.count() < 30, "{way}");
    }
}

fn stored_fifty(secrets: &Secrets, walkthrough: &Walkthrough) -> Vec<String> {
    walkthrough.fifty().iter().map(|certificate| secrets.store(certificate)).collect()
}

/// As Barbican reads it: no zone is UTC.
fn timestamp(time: SystemTime) -> String {
    let output = Command::new("date")
        .args(["-u", "+%Y-%m-%dT%H:%M:%S", "-d"])
        .arg(format!("@{}", time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()))
        .output();
    String::from_utf8(output.unwrap().stdout).unwrap().trim().to_owned()
}
