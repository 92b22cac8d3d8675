//! Our verdict on what a real OpenBao holds, beside the real Cursive's. Run by `tests/live/run`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use longhand::conformance::{AsyncSubject, Subject, check, check_async};
use longhand::{AsyncKeyManager, BoxFuture, Certificate, CertificateCache, KeyManager};
use longhand_http::{BlockingTransport, Client, Endpoint, SecretString, Tls, TokioTransport};
use longhand_live::openbao::OpenBao;
use longhand_live::{
    ABSENT, Cursive, CursiveVerdict, OnRuntime, Proxy, Value, Walkthrough, Ways, faults, hexadecimal, json,
    one_of, patience, runtime, setting,
};
use longhand_test_server::{Answer, Server};
use longhand_vault::{Credentials, KvVersion, Login, Vault, VaultSettings};

const REFUSED: &str = "SignatureVerificationError";

/// Our library, waiting and awaited, over what these settings say.
fn ways(settings: &VaultSettings) -> Ways {
    ways_with(settings, &Tls::system())
}

fn ways_with(settings: &VaultSettings, tls: &Tls) -> Ways {
    let client = Client::new(BlockingTransport::new(tls)).patience(patience());
    let waiting = Vault::new(client, settings.clone());
    [("waiting", Box::new(waiting)), ("awaited", Box::new(OnRuntime(awaited(settings, tls))))]
}

fn awaited(settings: &VaultSettings, tls: &Tls) -> Vault<TokioTransport> {
    let client = Client::new(TokioTransport::new(tls).unwrap()).patience(patience());
    Vault::new(client, settings.clone())
}

fn settings(address: &str, credentials: impl Into<Credentials>, mount: &str) -> VaultSettings {
    VaultSettings::new(Endpoint::parse(address).unwrap(), credentials).mount(mount).unwrap()
}

fn token(token: &str) -> SecretString {
    SecretString::from(token)
}

/// The OpenBao of most tests, with a secrets engine of version 2 for one test, and a token that may read it.
struct Place {
    bao: OpenBao,
    mount: &'static str,
    token: String,
}

impl Place {
    fn new(mount: &'static str) -> Self {
        Self::on(OpenBao::of_setting("OPENBAO"), mount)
    }

    fn on(bao: OpenBao, mount: &'static str) -> Self {
        bao.mount(mount, 2);
        bao.allow_to_read(mount, mount);
        let token = bao.token(mount);
        Self { bao, mount, token }
    }

    fn address(&self) -> &str {
        self.bao.service().address()
    }

    fn settings(&self, address: &str) -> VaultSettings {
        settings(address, token(&self.token), self.mount)
    }

    fn cursive(&self) -> Cursive {
        Cursive::with_vault(
            self.address(),
            &json!({"root_token_id": self.token, "kv_mountpoint": self.mount}),
        )
    }

    /// Stores certificates as people do, in PEM; their ids.
    fn store(&self, certificates: &[Vec<u8>]) -> Vec<String> {
        let store = |(number, certificate): (usize, &Vec<u8>)| {
            let id = format!("{}-{number}", self.mount);
            self.bao.write(self.mount, &id, &json!({"certificate": String::from_utf8_lossy(certificate)}));
            id
        };
        certificates.iter().enumerate().map(store).collect()
    }
}

#[test]
fn what_castellan_stores_and_what_people_do_takes_one_request() {
    let walkthrough = Walkthrough::read();
    let certificate = walkthrough.signing_certificate();
    let (der, pem) = (certificate.der().to_vec(), walkthrough.signing_pem());
    let bao = OpenBao::of_setting("OPENBAO");
    let root = bao.service().token();
    let proxy = Proxy::before(bao.service().address());
    for (mount, version) in [("forms1", 1), ("forms2", 2)] {
        bao.mount(mount, version);
        let options = json!({"root_token_id": root, "kv_mountpoint": mount, "kv_version": version});
        let cursive = Cursive::with_vault(bao.service().address(), &options);
        let write = |id: &str, fields| {
            if version == 1 {
                bao.write_v1(mount, id, &fields)
            } else {
                bao.write(mount, id, &fields)
            }
            id.to_owned()
        };
        let good = CursiveVerdict::certificate(&certificate);
        let broken = |exception: &str| CursiveVerdict::Raised(exception.to_owned(), String::new());
        let forms = [
            ("stored by Castellan", cursive.store(&der), good),
            ("PEM stored by Castellan", cursive.store(walkthrough.signing.as_slice()), broken("ValueError")),
            ("PEM under certificate", write("pem", json!({"certificate": pem})), broken("KeyError")),
            ("PEM under value", write("value", castellans("certificate", &pem)), broken("Error")),
            (
                "hexadecimal without a type",
                write("hex", json!({"value": hexadecimal(&der)})),
                broken("KeyError"),
            ),
        ];
        let version = if version == 1 { KvVersion::V1 } else { KvVersion::V2 };
        let data = if version == KvVersion::V1 { "" } else { "data/" };
        for (form, id, cursives) in forms {
            for (way, key_manager) in ways(&settings(&proxy.url(), token(root), mount).kv_version(version)) {
                let stored = key_manager
                    .certificate(&id)
                    .unwrap_or_else(|error| panic!("{mount}, {form}, {way}: {error}"));
                assert_eq!(stored.certificate, certificate, "{mount}, {form}, {way}");
                assert_eq!(proxy.take(), [format!("GET /v1/{mount}/{data}{id}")], "{form}, {way}");
            }
            let said = cursive.certificate(&id);
            match cursives {
                CursiveVerdict::Raised(exception, _) => assert!(said.is(&exception, ""), "{form}: {said:?}"),
                cursives => assert_eq!(said, cursives, "{form}"),
            }
        }
    }
}

#[test]
fn what_is_not_there_or_not_for_us_is_told_apart() {
    let place = Place::new("refusals");
    let ids = place.store(&vec![Walkthrough::read().signing; 3]);
    let [stored, deleted, destroyed] = [&*ids[0], &*ids[1], &*ids[2]];
    let service = place.bao.service();
    assert_eq!(service.ask("DELETE", &format!("/v1/refusals/data/{deleted}"), None).0, 204);
    service.make("PUT", &format!("/v1/refusals/destroy/{destroyed}"), json!({"versions": [1]}));
    place.bao.write("refusals", "garbage", &castellans("certificate", "6e6f6e65"));
    place.bao.write("refusals", "key", &castellans("symmetric", "00"));
    let other = Place::new("refusals-other");

    let here = place.settings(place.address());
    let with = |credentials: &str| settings(place.address(), token(credentials), "refusals");
    let not_found = (REFUSED, "Certificate not found with ID");
    let forbidden = ("Forbidden", "");
    let (root, own) = (service.token(), &*place.token);
    let cases = [
        ("unknown", here.clone(), own, json!({}), ABSENT, "certificate_not_found", not_found),
        ("deleted", here.clone(), own, json!({}), deleted, "certificate_not_found", not_found),
        ("destroyed", here.clone(), own, json!({}), destroyed, "certificate_not_found", not_found),
        (
            "no certificate",
            here.clone(),
            own,
            json!({}),
            "garbage",
            "certificate_not_pem",
            ("ValueError", ""),
        ),
        (
            "a key",
            here.clone(),
            own,
            json!({}),
            "key",
            "certificate_format_unsupported",
            (REFUSED, "Invalid certificate format"),
        ),
        (
            "a token that is none",
            with("nonsense"),
            "nonsense",
            json!({}),
            stored,
            "certificate_forbidden",
            forbidden,
        ),
        (
            "another's token",
            with(&other.token),
            &other.token,
            json!({}),
            stored,
            "certificate_forbidden",
            forbidden,
        ),
        (
            "no such mount",
            settings(place.address(), token(root), "nowhere"),
            root,
            json!({"kv_mountpoint": "nowhere"}),
            stored,
            "key_manager_misconfigured",
            not_found,
        ),
        (
            "no such namespace",
            with(root).namespace("nowhere").unwrap(),
            root,
            json!({"namespace": "nowhere"}),
            stored,
            "key_manager_misconfigured",
            not_found,
        ),
        (
            "the other version",
            with(root).kv_version(KvVersion::V1),
            root,
            json!({"kv_version": 1}),
            stored,
            "key_manager_misconfigured",
            not_found,
        ),
    ];
    for (case, settings, token, more, id, code, (exception, words)) in cases {
        for (way, key_manager) in ways(&settings) {
            let error = key_manager.certificate(id).unwrap_err();
            assert_eq!(error.code().name(), code, "{case}, {way}: {error}");
            assert!(
                !format!("{error:?} {error} {key_manager:?}").contains(token),
                "{case}, {way}: {error:?}"
            );
        }
        let mut options = json!({"root_token_id": token, "kv_mountpoint": "refusals"});
        for (name, value) in more.as_object().unwrap() {
            options[name] = value.clone();
        }
        let said = Cursive::with_vault(place.address(), &options).certificate(id);
        assert!(said.is(exception, words), "{case}: {said:?}");
    }
}

#[test]
fn a_namespace_has_secrets_of_its_own() {
    let place = Place::new("spaces");
    place.bao.service().make("POST", "/v1/sys/namespaces/team", json!({}));
    let inside = OpenBao::new(format!("{}/v1/team", place.address()), place.bao.service().token());
    let walkthrough = Walkthrough::read();
    inside.service().make("POST", "/sys/mounts/spaces", json!({"type": "kv", "options": {"version": "1"}}));
    inside.service().make("POST", "/spaces/in-team", json!({"certificate": walkthrough.signing_pem()}));

    let outside =
        settings(place.address(), token(place.bao.service().token()), "spaces").kv_version(KvVersion::V1);
    let team = outside.clone().namespace("team").unwrap();
    for ((way, key_manager), (_, without)) in ways(&team).into_iter().zip(ways(&outside)) {
        assert_eq!(
            key_manager.certificate("in-team").unwrap().certificate,
            walkthrough.signing_certificate(),
            "{way}"
        );
        assert!(without.certificate("in-team").is_err(), "{way}");
    }
}

#[test]
fn an_id_is_one_segment_and_any_other_sends_nothing() {
    let place = Place::new("segments");
    let proxy = Proxy::before(place.address());
    let root = place.bao.service().token();
    let hostile = [
        "",
        ".",
        "..",
        "../../sys/mounts",
        "a/b",
        "%2e%2e%2fsys",
        "..%2f..%2fsys%2fmounts",
        "a?list=true",
        "a#b",
        "a\\b",
    ];
    for (way, key_manager) in ways(&settings(&proxy.url(), token(root), "segments")) {
        for id in hostile {
            let error = key_manager.certificate(id).unwrap_err();
            assert_eq!(error.code().name(), "key_manager_id_invalid", "{way}, {id}");
        }
        assert_eq!(proxy.count(), 0, "{way}");
    }
    // Castellan goes wherever it is led, with the service's token.
    let led = Cursive::with_vault(&proxy.url(), &json!({"root_token_id": root, "kv_mountpoint": "segments"}));
    led.certificate("../../sys/mounts");
    assert_eq!(proxy.take(), ["GET /v1/sys/mounts"]);
}

#[test]
fn one_login_serves_fifty_ids_and_the_cache_the_next_fifty() {
    let walkthrough = Walkthrough::read();
    let place = Place::new("fifty");
    let ids = place.store(&[vec![walkthrough.signing.clone()], walkthrough.fifty()].concat());
    let (signing, trusted) = ids.split_first().unwrap();
    let data = fs::read(&walkthrough.image).unwrap();
    let (role, secret) = place.bao.app_role("fifty", json!({"token_policies": "fifty", "token_ttl": "10m"}));
    let proxy = Proxy::before(place.address());
    let login = Login::app_role(token(&role), Some(token(&secret)));
    for (way, key_manager) in ways(&settings(&proxy.url(), login, "fifty")) {
        let cache = CertificateCache::new(64, Duration::from_secs(60), Instant::now);
        for (round, requests) in [("cold", 1 + 51), ("with the token", 51)] {
            let _ = walkthrough.verify(&*key_manager, signing, trusted, &data).unwrap();
            assert_eq!(proxy.count(), requests, "{way}, {round}");
        }
        for (round, requests) in [("into the cache", 51), ("from the cache", 0)] {
            let _ = walkthrough.verify(&cache.scope("fifty", &key_manager), signing, trusted, &data).unwrap();
            assert_eq!(proxy.count(), requests, "{way}, {round}");
        }
    }
}

#[test]
fn threads_that_ask_at_once_share_a_login() {
    let place = Place::new("threads");
    let ids = place.store(&[Walkthrough::read().signing]);
    let (role, secret) =
        place.bao.app_role("threads", json!({"token_policies": "threads", "token_ttl": "10m"}));
    let proxy = Proxy::before(place.address());
    let login = Login::app_role(token(&role), Some(token(&secret)));
    for (way, key_manager) in ways(&settings(&proxy.url(), login, "threads")) {
        let key_manager: Arc<dyn KeyManager> = key_manager.into();
        let asking: Vec<_> = (0..8)
            .map(|_| {
                let (key_manager, id) = (Arc::clone(&key_manager), ids[0].clone());
                std::thread::spawn(move || key_manager.certificate(&id).is_ok())
            })
            .collect();
        assert!(asking.into_iter().all(|thread| thread.join().unwrap()), "{way}");
        assert_eq!(proxy.count(), 1 + 8, "{way}");
    }
}

#[test]
fn a_lease_is_renewed_and_a_revoked_token_replaced() {
    let place = Place::new("leases");
    let ids = place.store(&[Walkthrough::read().signing]);
    let read = format!("GET /v1/leases/data/{}", ids[0]);
    let (log_in, renew) = ("POST /v1/auth/approle/login", "POST /v1/auth/token/renew-self");
    // Each has a role of its own, so that one's tokens can be revoked while the other's hold.
    let follow = |number: usize| {
        let policy = json!({"token_policies": "leases", "token_ttl": "6s", "token_max_ttl": "60s"});
        let (role, secret) = place.bao.app_role(&format!("leases{number}"), policy);
        let proxy = Proxy::before(place.address());
        let login = Login::app_role(token(&role), Some(token(&secret)));
        let (way, key_manager) = one_of(ways(&settings(&proxy.url(), login, "leases")), number);
        let asked = || {
            assert!(key_manager.certificate(&ids[0]).is_ok(), "{way}");
            proxy.take()
        };
        assert_eq!(asked(), [log_in, &read], "{way}");
        assert_eq!(asked(), [&*read], "{way}");
        std::thread::sleep(Duration::from_millis(4500));
        assert_eq!(asked(), [renew, &read], "{way}: two thirds of the lease are over");
        std::thread::sleep(Duration::from_millis(6100));
        assert_eq!(asked(), [log_in, &read], "{way}: the lease is over");
        place.bao.revoke_tokens_of(&format!("leases{number}"));
        assert_eq!(asked(), [&*read, log_in, &read], "{way}: the token was revoked");
    };
    std::thread::scope(|scope| {
        scope.spawn(|| follow(0));
        follow(1);
    });
}

#[test]
fn a_login_that_is_refused_says_what_was_said() {
    let place = Place::new("logins");
    let ids = place.store(&[Walkthrough::read().signing]);
    let (role, secret) = place.bao.app_role("logins", json!({"token_policies": "logins"}));
    for (case, role, secret) in
        [("no such role", "nobody", &*secret), ("no such secret id", &role, "nothing")]
    {
        let login = Login::app_role(token(role), Some(token(secret)));
        for (way, key_manager) in ways(&settings(place.address(), login, "logins")) {
            let error = key_manager.certificate(&ids[0]).unwrap_err();
            assert_eq!(error.code().name(), "key_manager_misconfigured", "{case}, {way}: {error}");
            assert!(error.to_string().contains("invalid role or secret ID"), "{case}, {way}: {error}");
            assert!(!format!("{error:?}").contains(secret), "{case}, {way}");
        }
        let options =
            json!({"approle_role_id": role, "approle_secret_id": secret, "kv_mountpoint": "logins"});
        let said = Cursive::with_vault(place.address(), &options).certificate(&ids[0]);
        assert!(said.is(REFUSED, "Unable to retrieve certificate with ID"), "{case}: {said:?}");
    }
}

#[test]
fn a_json_web_token_logs_in() {
    let place = Place::new("jwt");
    let ids = place.store(&[Walkthrough::read().signing]);
    let folder = PathBuf::from(setting("STATE"));
    let (key, file) = (folder.join("jwt.pem"), folder.join("jwt"));
    openssl(
        &["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key.to_str().unwrap()],
        b"",
    );
    let public = openssl(&["pkey", "-in", key.to_str().unwrap(), "-pubout"], b"");
    place.bao.enable("jwt");
    let service = place.bao.service();
    service.make(
        "POST",
        "/v1/auth/jwt/config",
        json!({"jwt_validation_pubkeys": [String::from_utf8(public).unwrap()]}),
    );
    service.make(
        "POST",
        "/v1/auth/jwt/role/longhand",
        json!({
            "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"], "token_policies": ["jwt"],
        }),
    );
    let part = |value: Value| base64url(value.to_string().as_bytes());
    let signed = format!(
        "{}.{}",
        part(json!({"alg": "RS256", "typ": "JWT"})),
        part(json!({"sub": "longhand", "aud": "vault", "exp": 4_000_000_000_u64, "iat": 1_700_000_000})),
    );
    let signature = openssl(&["dgst", "-sha256", "-sign", key.to_str().unwrap()], signed.as_bytes());
    fs::write(&file, format!("{signed}.{}\n", base64url(&signature))).unwrap();

    for (way, key_manager) in ways(&settings(place.address(), Login::jwt("longhand", &file), "jwt")) {
        assert!(key_manager.certificate(&ids[0]).is_ok(), "{way}: {:?}", key_manager.certificate(&ids[0]));
    }
    for (way, key_manager) in ways(&settings(place.address(), Login::jwt("nobody", &file), "jwt")) {
        let error = key_manager.certificate(&ids[0]).unwrap_err();
        assert_eq!(error.code().name(), "key_manager_misconfigured", "{way}: {error}");
    }
}

#[test]
fn a_service_account_of_kubernetes_logs_in() {
    let place = Place::new("kubernetes");
    let ids = place.store(&[Walkthrough::read().signing]);
    // What OpenBao asks of Kubernetes: whose token it is.
    let kubernetes = Server::start(|_| {
        let user = json!({"username": "system:serviceaccount:images:longhand", "uid": "1"});
        Answer::json(201, json!({"kind": "TokenReview", "status": {"authenticated": true, "user": user}}))
    });
    place.bao.enable("kubernetes");
    let service = place.bao.service();
    service.make("POST", "/v1/auth/kubernetes/config", json!({
        "kubernetes_host": kubernetes.url(), "disable_local_ca_jwt": true, "kubernetes_ca_cert": Walkthrough::read().signing_pem(), "token_reviewer_jwt": "reviewer",
    }));
    service.make(
        "POST",
        "/v1/auth/kubernetes/role/longhand",
        json!({
            "bound_service_account_names": ["longhand"], "bound_service_account_namespaces": ["images"],
            "token_policies": ["kubernetes"],
        }),
    );
    let file = PathBuf::from(setting("STATE")).join("service-account-token");
    let claims = json!({
        "iss": "kubernetes/serviceaccount", "sub": "system:serviceaccount:images:longhand", "nbf": 1_700_000_000, "exp": 4_000_000_000_u64,
        "kubernetes.io/serviceaccount/service-account.name": "longhand",
        "kubernetes.io/serviceaccount/service-account.uid": "1",
        "kubernetes.io/serviceaccount/namespace": "images",
    });
    let header = json!({"alg": "RS256", "typ": "JWT"}).to_string();
    let token = [header, claims.to_string(), String::from("signature")]
        .map(|part| base64url(part.as_bytes()))
        .join(".");
    fs::write(&file, token).unwrap();
    for (way, key_manager) in
        ways(&settings(place.address(), Login::kubernetes("longhand", &file), "kubernetes"))
    {
        assert!(key_manager.certificate(&ids[0]).is_ok(), "{way}: {:?}", key_manager.certificate(&ids[0]));
    }
}

#[test]
fn tls_is_trusted_by_the_authority_in_a_file_and_not_without() {
    let address = setting("OPENBAO_TLS");
    let settings = settings(&address, token(&setting("OPENBAO_TLS_TOKEN")), "secret");
    let of_file = Tls::with_ca_file(setting("OPENBAO_TLS_CA")).unwrap();
    // Trusted, the server answers, and there is nothing there.
    for (tls, code) in [(of_file, "certificate_not_found"), (Tls::system(), "key_manager_misconfigured")] {
        for (way, key_manager) in ways_with(&settings, &tls) {
            let error = key_manager.certificate(ABSENT).unwrap_err();
            assert_eq!(error.code().name(), code, "{way}: {error}");
        }
    }
}

#[test]
fn an_image_is_verified_with_its_chain() {
    let walkthrough = Walkthrough::read();
    let place = Place::new("images");
    // As Castellan stores them, so that Cursive can read them too.
    let admin = json!({"root_token_id": place.bao.service().token(), "kv_mountpoint": "images"});
    let castellan = Cursive::with_vault(place.address(), &admin);
    let store = |certificate: &[u8]| castellan.store(&Certificate::from_bytes(certificate).unwrap().der());
    let signing = store(&walkthrough.signing);
    let trusted = walkthrough.authorities.each_ref().map(|certificate| store(certificate));
    let changed = walkthrough.changed_image("openbao");
    let cases = [
        ("as it was signed", &trusted[..], &walkthrough.image, None),
        ("changed", &trusted[..], &changed, Some("signature_mismatch")),
        ("no root", &trusted[1..], &walkthrough.image, Some("chain_issuer_missing")),
    ];
    for (case, trusted, image, code) in cases {
        for (way, key_manager) in ways(&place.settings(place.address())) {
            let outcome = walkthrough.verify(&*key_manager, &signing, trusted, &fs::read(image).unwrap());
            let refused = outcome.as_ref().err().map(|error| error.code().name());
            assert_eq!(refused, code, "{case}, {way}: {outcome:?}");
        }
        let said = place.cursive().verify(&walkthrough.properties(&signing), image, Some(trusted));
        assert_eq!(said == CursiveVerdict::Verified, code.is_none(), "{case}: {said:?}");
    }
}

/// The suite's certificates, each set in a secrets engine of its own.
struct Conforming {
    bao: OpenBao,
    mounts: AtomicUsize,
    way: usize,
}

impl Conforming {
    fn new(way: usize) -> Self {
        Self { bao: OpenBao::of_setting("OPENBAO"), mounts: AtomicUsize::new(0), way }
    }

    fn stored(&self, stored: &[(&str, Certificate)]) -> VaultSettings {
        let mount = format!("conforming{}-{}", self.way, self.mounts.fetch_add(1, Ordering::SeqCst));
        self.bao.mount(&mount, 2);
        for (id, certificate) in stored {
            self.bao.write(&mount, id, &castellans("certificate", &hexadecimal(&certificate.der())));
        }
        settings(self.bao.service().address(), token(self.bao.service().token()), &mount)
    }
}

impl Subject for Conforming {
    fn with(&self, stored: &[(&str, Certificate)]) -> Box<dyn KeyManager> {
        one_of(ways(&self.stored(stored)), self.way).1
    }
}

impl AsyncSubject for Conforming {
    fn with<'a>(&'a self, stored: &'a [(&'a str, Certificate)]) -> BoxFuture<'a, Box<dyn AsyncKeyManager>> {
        let awaited: Box<dyn AsyncKeyManager> = Box::new(awaited(&self.stored(stored), &Tls::system()));
        Box::pin(std::future::ready(awaited))
    }
}

#[test]
fn it_conforms() {
    let first = Walkthrough::read().signing_certificate();
    let second = Certificate::from_bytes(&Walkthrough::unrelated()).unwrap();
    for way in 0..2 {
        let violations = check(&Conforming::new(way), &first, &second).err().unwrap_or_default();
        assert!(violations.is_empty(), "{violations:?}");
    }
    let checked = runtime().block_on(check_async(&Conforming::new(2), &first, &second));
    let violations = checked.err().unwrap_or_default();
    assert!(violations.is_empty(), "{violations:?}");
}

#[test]
fn what_breaks_in_between_is_tried_again_and_what_stays_broken_is_unavailable() {
    let place = Place::new("faults");
    let ids = place.store(&[Walkthrough::read().signing]);
    faults::survived(place.address(), &ids[0], &|proxy| ways(&place.settings(proxy)));
}

#[test]
fn a_slow_vault_is_waited_for_and_one_that_trickles_for_ever_is_not() {
    let place = Place::new("slow");
    let ids = place.store(&[Walkthrough::read().signing_pem().into_bytes()]);
    faults::waited_for(place.address(), &ids[0], &|proxy| ways(&place.settings(proxy)));
}

#[test]
fn a_vault_killed_in_the_middle_is_unavailable_and_nothing_is_verified() {
    let walkthrough = Walkthrough::read();
    let place = Place::on(OpenBao::of_setting("OPENBAO_DOOMED"), "doomed");
    let ids = place.store(&[vec![walkthrough.signing.clone()], walkthrough.fifty()].concat());
    let (signing, trusted) = ids.split_first().unwrap();
    let proxy = faults::killing(place.address(), "OPENBAO_DOOMED_PID", 20);
    for (way, key_manager) in ways(&place.settings(&proxy.url())) {
        let error = walkthrough.verify(&*key_manager, signing, trusted, b"").unwrap_err();
        assert_eq!(error.code().name(), "key_manager_unavailable", "{way}: {error}");
        assert!(proxy.count() < 30, "{way}");
    }
}

/// A record with the fields that Castellan reads.
fn castellans(kind: &str, value: &str) -> Value {
    json!({"type": kind, "value": value, "name": "image", "algorithm": "AES", "bit_length": 8, "created": 0})
}

fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    use std::process::Stdio;
    let mut command = Command::new("openssl");
    let mut running = command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    running.stdin.take().unwrap().write_all(input).unwrap();
    let output = running.wait_with_output().unwrap();
    assert!(output.status.success(), "{arguments:?}");
    output.stdout
}

fn base64url(octets: &[u8]) -> String {
    use base64::Engine as _;
    base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(octets)
}
