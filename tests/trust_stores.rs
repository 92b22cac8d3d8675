//! Trust stores: what becomes of each id, each section of a bundle and each file, and what is an error.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::authority::{Draft, key};
use longhand::limits::{MAX_BUNDLE, MAX_CERTIFICATE_INPUT, MAX_TRUSTED_CERTIFICATES};
use longhand::{
    Certificate, Disposition, ErrorCode, KeyManager, KeyManagerError, StoredCertificate, TrustError,
    TrustStore,
};
use tempfile::TempDir;

/// A certificate of this name, each time the same.
fn certificate(name: &str) -> Certificate {
    Draft::new(name, &key(1)).authority(None).signed(name, &key(1))
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> =
        text.as_bytes().chunks(64).map(|line| String::from_utf8(line.to_vec()).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn pem_of(name: &str) -> String {
    pem("CERTIFICATE", &certificate(name).der())
}

/// The common names of a store's certificates and the ids they came by.
fn held(store: &TrustStore) -> Vec<(String, String)> {
    assert_eq!(store.is_empty(), store.certificates().is_empty());
    assert_eq!(store.len(), store.certificates().len());
    let shown = |member: &longhand::ChainCertificate| {
        (member.certificate().subject().to_string(), member.id().unwrap().to_owned())
    };
    store.certificates().iter().map(shown).collect()
}

fn names(store: &TrustStore) -> Vec<String> {
    held(store).into_iter().map(|(name, _)| name.strip_prefix("CN=").unwrap().to_owned()).collect()
}

fn skipped(store: &TrustStore) -> Vec<(&str, ErrorCode)> {
    store.skipped().iter().map(|skipped| (skipped.id.as_str(), skipped.reason.code())).collect()
}

/// A key manager that answers by the id's first word, and writes down what it is asked.
#[derive(Debug, Default)]
struct Answers {
    asked: Mutex<Vec<String>>,
}

impl KeyManager for Answers {
    fn certificate(&self, id: &str) -> Result<StoredCertificate, KeyManagerError> {
        self.asked.lock().unwrap().push(id.to_owned());
        let object = StoredCertificate::from_managed_object;
        match id.split(' ').next().unwrap() {
            "absent" => Err(KeyManagerError::not_found(id)),
            "forbidden" => Err(KeyManagerError::forbidden(id, "403")),
            "invalid" => Err(KeyManagerError::invalid_id(id, "it must be another")),
            "unreachable" => Err(KeyManagerError::unavailable(id, "no route")),
            "misconfigured" => Err(KeyManagerError::misconfigured(id, "no password")),
            "garbage" => object(id, "X.509", b"\x30\x82garbage"),
            "nothing" => object(id, "X.509", b""),
            "format" => object(id, "PKCS12", &certificate(id).der()),
            _ => Ok(StoredCertificate::new(certificate(id))),
        }
    }
}

fn by_ids(ids: &[&str]) -> Result<TrustStore, TrustError> {
    TrustStore::from_key_manager(&Answers::default(), ids)
}

#[test]
fn an_id_that_gives_no_certificate_is_skipped_with_its_reason_and_the_others_stand() {
    for (id, code) in [
        ("absent", ErrorCode::CertificateNotFound),
        ("forbidden", ErrorCode::CertificateForbidden),
        ("invalid", ErrorCode::KeyManagerIdInvalid),
        ("garbage", ErrorCode::CertificateMalformed),
        ("nothing", ErrorCode::CertificateEmpty),
        ("format", ErrorCode::CertificateFormatUnsupported),
    ] {
        for ids in [[id, "a", "b"], ["a", id, "b"], ["a", "b", id]] {
            let store = by_ids(&ids).unwrap();
            let pairs = [("CN=a", "a"), ("CN=b", "b")].map(|(name, id)| (name.to_owned(), id.to_owned()));
            assert_eq!(held(&store), pairs, "{ids:?}");
            assert_eq!(skipped(&store), [(id, code)]);
            assert!(!store.skipped()[0].reason.to_string().is_empty());
        }
        // All skipped is a store, so that no chain is found rather than no trust asked for.
        let store = by_ids(&[id]).unwrap();
        assert!(store.is_empty() && store.skipped().len() == 1);
    }
}

#[test]
fn a_key_manager_that_fails_ends_it_at_once() {
    for (id, code, disposition) in [
        ("unreachable", ErrorCode::KeyManagerUnavailable, Disposition::Retry),
        ("misconfigured", ErrorCode::KeyManagerMisconfigured, Disposition::Operator),
    ] {
        let key_manager = Answers::default();
        let error = TrustStore::from_key_manager(&key_manager, &["a", id, "b"]).unwrap_err();
        assert_eq!((error.code(), error.disposition()), (code, disposition));
        assert!(error.to_string().contains(id), "{error}");
        assert_eq!(*key_manager.asked.lock().unwrap(), ["a", id]);
    }
}

#[test]
fn an_id_given_several_times_is_fetched_and_held_once() {
    let key_manager = Answers::default();
    let ids = ["a", "absent", "b", "a", "absent", "a"];
    let store = TrustStore::from_key_manager(&key_manager, &ids).unwrap();
    assert_eq!(*key_manager.asked.lock().unwrap(), ["a", "absent", "b"]);
    assert_eq!((names(&store), store.skipped().len()), (vec!["a".to_owned(), "b".to_owned()], 1));
}

#[test]
fn no_ids_and_an_empty_id_are_errors_before_anything_is_fetched() {
    let key_manager = Answers::default();
    let ask = |ids: &[&str]| TrustStore::from_key_manager(&key_manager, ids).unwrap_err();
    assert!(matches!(ask(&[]), TrustError::NoIds));
    assert_eq!(ask(&[]).code(), ErrorCode::TrustedIdsEmpty);
    for ids in [&[""][..], &["a", ""], &["", "a"], &["a", "", "b"]] {
        assert!(matches!(ask(ids), TrustError::EmptyId), "{ids:?}");
        assert_eq!(ask(ids).code(), ErrorCode::TrustedIdEmpty);
    }
    assert!(key_manager.asked.lock().unwrap().is_empty());
}

#[test]
fn ids_up_to_the_bound_are_fetched_and_one_more_is_an_error_before_any_is() {
    let key_manager = Answers::default();
    let ids = |count: usize| (0..count).map(|number| format!("absent {number}")).collect::<Vec<_>>();
    let most = TrustStore::from_key_manager(&key_manager, &ids(MAX_TRUSTED_CERTIFICATES)).unwrap();
    assert_eq!(most.skipped().len(), MAX_TRUSTED_CERTIFICATES);
    // Those that are given again do not count.
    let again = [ids(MAX_TRUSTED_CERTIFICATES), ids(10)].concat();
    assert!(TrustStore::from_key_manager(&key_manager, &again).is_ok());
    key_manager.asked.lock().unwrap().clear();
    let count = MAX_TRUSTED_CERTIFICATES + 1;
    let error = TrustStore::from_key_manager(&key_manager, &ids(count)).unwrap_err();
    assert!(matches!(error, TrustError::TooMany { count: found } if found == count), "{error}");
    assert_eq!(error.code(), ErrorCode::TrustStoreTooLarge);
    assert!(key_manager.asked.lock().unwrap().is_empty());
}

#[test]
fn a_bundle_holds_its_certificates_in_their_order_whatever_stands_between() {
    let [a, b, c] = ["a", "b", "c"].map(pem_of);
    let private_key = pem("PRIVATE KEY", &[0x30, 3, 2, 1, 0]);
    let dump = "Certificate:\n    Data:\n        Version: 3 (0x2)\n";
    for (what, bundle) in [
        ("alone", format!("{a}{b}{c}")),
        ("text", format!("# roots\n{dump}{a}\n\n{dump}{b}{dump}{c}{dump}")),
        ("CRLF", format!("{a}{b}{c}").replace('\n', "\r\n")),
        ("mixed line ends", format!("{a}{}{c}", b.replace('\n', "\r\n"))),
        ("private keys", format!("{private_key}{a}{private_key}{b}{c}{private_key}")),
        ("no last line end", format!("{a}{b}{}", c.trim_end())),
        ("byte order mark", format!("\u{feff}{a}{b}{c}")),
    ] {
        let store = TrustStore::from_bundle("roots.pem", bundle.as_bytes()).unwrap();
        let numbered = [("a", 1), ("b", 2), ("c", 3)];
        let expected = numbered.map(|(name, number)| (format!("CN={name}"), format!("roots.pem #{number}")));
        assert_eq!(held(&store), expected, "{what}");
        assert!(store.skipped().is_empty(), "{what}: {:?}", store.skipped());
    }
}

#[test]
fn one_certificate_is_named_by_its_file_alone_in_pem_and_der() {
    let der = certificate("a").der().to_vec();
    for bundle in [pem_of("a").into_bytes(), der] {
        let store = TrustStore::from_bundle("a.pem", &bundle).unwrap();
        assert_eq!(held(&store), [("CN=a".to_owned(), "a.pem".to_owned())]);
    }
}

#[test]
fn a_broken_certificate_in_a_bundle_is_skipped_by_its_number() {
    let [a, c] = ["a", "c"].map(pem_of);
    let whole = pem_of("b");
    let mut trailing = certificate("b").der().to_vec();
    trailing.push(0);
    for (what, broken, code) in [
        ("no DER", pem("CERTIFICATE", b"garbage"), ErrorCode::CertificateMalformed),
        ("trailing octet", pem("CERTIFICATE", &trailing), ErrorCode::CertificateMalformed),
        ("no base64", whole.replacen("MI", "M!", 1), ErrorCode::CertificateNotPem),
        ("other label", pem("TRUSTED CERTIFICATE", &trailing), ErrorCode::CertificateNotPem),
        ("other end", whole.replace("END CERTIFICATE", "END PRIVATE KEY"), ErrorCode::CertificateNotPem),
    ] {
        let store = TrustStore::from_bundle("x", format!("{a}{broken}{c}").as_bytes()).unwrap();
        let ids: Vec<_> = held(&store).into_iter().map(|(_, id)| id).collect();
        assert_eq!((names(&store), ids), (owned(&["a", "c"]), owned(&["x #1", "x #3"])), "{what}");
        assert_eq!(skipped(&store), [("x #2", code)], "{what}");
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_bundle_without_a_certificate_is_an_error() {
    let private_key = pem("PRIVATE KEY", &[0x30, 3, 2, 1, 0]);
    for bundle in ["", "\n", "no certificate here", private_key.as_str(), "\u{feff}"] {
        let error = TrustStore::from_bundle("x", bundle.as_bytes()).unwrap_err();
        assert!(matches!(error, TrustError::NoCertificate { .. }), "{bundle:?}");
        assert_eq!((error.code(), error.disposition()), (ErrorCode::TrustStoreEmpty, error.disposition()));
    }
    // Broken is not absent: the store is there, and no chain will end in it.
    let broken = TrustStore::from_bundle("x", &[0x30, 0x82, 0, 1]).unwrap();
    assert_eq!((broken.len(), broken.skipped().len()), (0, 1));
}

/// `length` bytes of certificates with text before each.
fn bundle_of(length: usize) -> Vec<u8> {
    let certificate = pem_of("a");
    let piece = MAX_CERTIFICATE_INPUT;
    let mut bundle = Vec::new();
    while bundle.len() < length {
        let mut next = (length - bundle.len()).min(piece);
        // The last piece must have room for its certificate.
        if (1..certificate.len() + 1).contains(&(length - bundle.len() - next)) {
            next -= certificate.len() + 1;
        }
        bundle.extend(std::iter::repeat_n(b'#', next - certificate.len() - 1));
        bundle.push(b'\n');
        bundle.extend(certificate.bytes());
    }
    assert_eq!(bundle.len(), length);
    bundle
}

#[test]
fn a_bundle_has_at_most_so_many_bytes() {
    let most = bundle_of(MAX_BUNDLE);
    let store = TrustStore::from_bundle("x", &most).unwrap();
    assert_eq!((store.len(), store.skipped().len()), (MAX_BUNDLE / MAX_CERTIFICATE_INPUT, 0));
    let more = bundle_of(MAX_BUNDLE + 1);
    let error = TrustStore::from_bundle("x", &more).unwrap_err();
    assert!(matches!(error, TrustError::TooLarge { limit: MAX_BUNDLE, .. }), "{error}");
    assert_eq!(error.code(), ErrorCode::TrustStoreTooLarge);
    // The same of a file.
    let directory = directory(&[("a.pem", pem_of("a").as_bytes()), ("more.pem", &more)]);
    let error = TrustStore::from_path(directory.path().join("more.pem")).unwrap_err();
    assert!(matches!(error, TrustError::TooLarge { .. }), "{error}");
    // In a directory it is skipped, with its reason.
    let store = TrustStore::from_path(directory.path()).unwrap();
    assert_eq!(names(&store), ["a"]);
    let [(_, code)] = skipped(&store)[..] else { panic!("{:?}", store.skipped()) };
    assert_eq!(code, ErrorCode::CertificateTooLarge);
}

#[test]
fn a_bundle_has_at_most_so_many_certificates_broken_ones_included() {
    let (good, broken) = (pem_of("a"), pem("CERTIFICATE", b"x"));
    let bundle = |broken_ones: usize| {
        format!("{}{}", broken.repeat(broken_ones), good.repeat(MAX_TRUSTED_CERTIFICATES - 1))
    };
    let store = TrustStore::from_bundle("x", bundle(1).as_bytes()).unwrap();
    assert_eq!((store.len(), store.skipped().len()), (MAX_TRUSTED_CERTIFICATES - 1, 1));
    let error = TrustStore::from_bundle("x", bundle(2).as_bytes()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::TrustStoreTooLarge);
}

#[test]
fn two_stores_are_merged_with_what_they_skipped_up_to_the_bound() {
    let one = by_ids(&["a", "absent"]).unwrap();
    let other = by_ids(&["forbidden", "b"]).unwrap();
    let both = one.merged(other).unwrap();
    assert_eq!(names(&both), ["a", "b"]);
    assert_eq!(both.skipped().len(), 2);

    let of = |count: usize| {
        TrustStore::from_certificates((0..count).map(|number| (number.to_string(), certificate("a"))))
    };
    let single = by_ids(&["b"]).unwrap();
    assert!(of(MAX_TRUSTED_CERTIFICATES - 1).merged(single.clone()).is_ok());
    let unreadable = by_ids(&["absent"]).unwrap();
    for one_more in [single, unreadable] {
        let error = of(MAX_TRUSTED_CERTIFICATES).merged(one_more).unwrap_err();
        assert!(matches!(error, TrustError::TooMany { count } if count == MAX_TRUSTED_CERTIFICATES + 1));
    }
    assert!(of(MAX_TRUSTED_CERTIFICATES).merged(TrustStore::default()).is_ok());
}

fn directory(files: &[(&str, &[u8])]) -> TempDir {
    let directory = TempDir::new().unwrap();
    for (name, bytes) in files {
        fs::write(directory.path().join(name), bytes).unwrap();
    }
    directory
}

fn read(path: &Path) -> Result<TrustStore, ErrorCode> {
    TrustStore::from_path(path).map_err(|error| error.code())
}

#[test]
fn a_directory_gives_the_certificates_of_its_files_in_the_order_of_their_names() {
    let certificates: BTreeMap<_, _> = ["a", "b", "c", "d", "e", "x"].map(|name| (name, pem_of(name))).into();
    let both = format!("{}{}", certificates["b"], certificates["c"]);
    let directory = directory(&[
        ("4.cer", certificates["e"].as_bytes()),
        ("1.der", &certificate("a").der()),
        ("3.crt", certificates["d"].as_bytes()),
        ("2.pem", both.as_bytes()),
        // None of these.
        ("5.txt", certificates["x"].as_bytes()),
        ("6", certificates["x"].as_bytes()),
        ("7.pem.bak", certificates["x"].as_bytes()),
        ("8.PEM", certificates["x"].as_bytes()),
        ("pem", certificates["x"].as_bytes()),
        (".pem", certificates["x"].as_bytes()),
        ("README", b"garbage"),
    ]);
    let store = TrustStore::from_path(directory.path()).unwrap();
    assert_eq!(names(&store), ["a", "b", "c", "d", "e"]);
    assert!(store.skipped().is_empty(), "{:?}", store.skipped());
    // Each is named by its file, and by its number where the file has several.
    let files: Vec<_> =
        held(&store).into_iter().map(|(_, id)| id.rsplit_once('/').unwrap().1.to_owned()).collect();
    assert_eq!(files, ["1.der", "2.pem #1", "2.pem #2", "3.crt", "4.cer"]);
    // A file is read for itself.
    assert_eq!(names(&TrustStore::from_path(directory.path().join("2.pem")).unwrap()), ["b", "c"]);
    assert_eq!(names(&TrustStore::from_path(directory.path().join("5.txt")).unwrap()), ["x"]);
}

#[test]
fn what_is_no_certificate_in_a_directory_is_skipped_with_its_reason() {
    let good = pem_of("a");
    let half = format!("{}{}", pem("CERTIFICATE", b"x"), pem_of("b"));
    let directory = directory(&[
        ("1.pem", b"garbage"),
        ("2.pem", good.as_bytes()),
        ("3.der", b""),
        ("4.der", &[0x30, 0x82, 0, 1]),
        ("5.pem", half.as_bytes()),
    ]);
    let store = TrustStore::from_path(directory.path()).unwrap();
    assert_eq!(names(&store), ["a", "b"]);
    let skipped: Vec<_> =
        skipped(&store).into_iter().map(|(id, code)| (id.rsplit_once('/').unwrap().1, code)).collect();
    assert_eq!(
        skipped,
        [
            ("1.pem", ErrorCode::CertificateNotPem),
            ("3.der", ErrorCode::CertificateEmpty),
            ("4.der", ErrorCode::CertificateMalformed),
            ("5.pem #1", ErrorCode::CertificateMalformed),
        ]
    );
}

#[test]
fn a_path_that_holds_nothing_or_is_not_there_is_an_error() {
    let empty = directory(&[]);
    assert_eq!(read(empty.path()).unwrap_err(), ErrorCode::TrustStoreEmpty);
    let others = directory(&[("a.txt", pem_of("a").as_bytes())]);
    assert_eq!(read(others.path()).unwrap_err(), ErrorCode::TrustStoreEmpty);
    assert_eq!(read(&empty.path().join("absent")).unwrap_err(), ErrorCode::TrustStoreUnreadable);
    assert_eq!(read(&others.path().join("a.txt/b.pem")).unwrap_err(), ErrorCode::TrustStoreUnreadable);
    // A directory inside is not gone into.
    fs::create_dir(others.path().join("inner")).unwrap();
    fs::write(others.path().join("inner/b.pem"), pem_of("b")).unwrap();
    assert_eq!(read(others.path()).unwrap_err(), ErrorCode::TrustStoreEmpty);
    // Only garbage is a store, in which no chain ends.
    let garbage = directory(&[("a.pem", b"garbage")]);
    let store = read(garbage.path()).unwrap();
    assert_eq!((store.len(), store.skipped().len()), (0, 1));
    let error = TrustStore::from_path(empty.path().join("absent")).unwrap_err();
    assert!(std::error::Error::source(&error).is_some());
}

#[cfg(unix)]
#[test]
fn links_to_files_and_directories_are_followed() {
    use std::os::unix::fs::symlink;
    let outer = directory(&[("outside", pem_of("a").as_bytes())]);
    let inner = outer.path().join("certs");
    fs::create_dir(&inner).unwrap();
    symlink("../outside", inner.join("a.pem")).unwrap();
    symlink("certs", outer.path().join("linked")).unwrap();
    for path in ["certs", "linked", "linked/a.pem"] {
        assert_eq!(names(&TrustStore::from_path(outer.path().join(path)).unwrap()), ["a"], "{path}");
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_file_in_a_directory_is_passed_over_and_never_waited_for() {
    let directory = directory(&[("b.pem", pem_of("b").as_bytes())]);
    fs::create_dir(directory.path().join("a.pem")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(directory.path().join("c.pem")).status().unwrap();
    assert!(made.success());
    assert_eq!(names(&TrustStore::from_path(directory.path()).unwrap()), ["b"]);
    // A link that leads nowhere is an error: the operator meant a file.
    std::os::unix::fs::symlink("nowhere", directory.path().join("d.pem")).unwrap();
    assert_eq!(read(directory.path()).unwrap_err(), ErrorCode::TrustStoreUnreadable);
}
