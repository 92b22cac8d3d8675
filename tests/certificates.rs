//! Certificates: every form in which they come, and each laxness of other readers as an error of its own.

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

use std::sync::LazyLock;

use common::der::{Der, bit_string, integer, null, oid, sequence};
use common::{CaseFile, Walkthrough};
use longhand::{Certificate, CertificateError, DerDefect, ErrorCode, PemDefect, Version};
use proptest::prelude::*;

/// Places in the tree of a v3 certificate.
const TBS: usize = 0;
const VERSION: &[usize] = &[TBS, 0];
const SERIAL: &[usize] = &[TBS, 1];
const SIGNATURE: &[usize] = &[TBS, 2];
const ISSUER: &[usize] = &[TBS, 3];
const VALIDITY: &[usize] = &[TBS, 4];
const SPKI: &[usize] = &[TBS, 6];
const EXTENSIONS: &[usize] = &[TBS, 7];

/// A v3 certificate with extensions, made by openssl.
fn v3() -> Vec<u8> {
    static DER: LazyLock<Vec<u8>> =
        LazyLock::new(|| CaseFile::read("openssl").certificate("openssl/secp384r1/SHA-384").der().to_vec());
    DER.clone()
}

/// The certificate with one place spoilt.
fn spoilt(spoil: impl FnOnce(&mut Der)) -> Result<Certificate, CertificateError> {
    let mut tree = Der::parse(&v3());
    spoil(&mut tree);
    Certificate::from_der(&tree.encode())
}

fn defect(outcome: Result<Certificate, CertificateError>) -> DerDefect {
    match outcome {
        Err(CertificateError::Malformed(error)) => error.defect,
        other => panic!("{other:?}"),
    }
}

fn pem(der: &[u8], width: usize, end: &str) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines = text.as_bytes().chunks(width).map(|chunk| std::str::from_utf8(chunk).unwrap());
    let body = lines.map(|line| format!("{line}{end}")).collect::<String>();
    format!("-----BEGIN CERTIFICATE-----{end}{body}-----END CERTIFICATE-----{end}")
}

#[test]
fn a_good_certificate_says_what_openssl_says_of_it() {
    let certificate = Walkthrough::glance().certificate();
    assert_eq!(certificate.version(), Version::V1);
    assert_eq!(certificate.subject().to_string(), "O=Internet Widgits Pty Ltd,ST=Some-State,C=AU");
    assert_eq!(certificate.subject(), certificate.issuer());
    assert!(certificate.serial().len() <= 20);
    assert_eq!(certificate.extensions().unwrap(), vec![]);
    let certificate = Certificate::from_bytes(&v3()).unwrap();
    assert_eq!(certificate.version(), Version::V3);
    let extensions = certificate.extensions().unwrap();
    assert_eq!(extensions.len(), 3);
    let basic_constraints = extensions.iter().find(|extension| extension.oid() == [0x55, 0x1d, 19]).unwrap();
    assert!(basic_constraints.is_critical());
    assert_eq!(basic_constraints.value(), [0x30, 3, 1, 1, 0xff]);
}

#[test]
fn der_and_pem_in_every_dress_give_the_same_certificate() {
    let (der, other) = (v3(), Walkthrough::glance().certificate().der().to_vec());
    let dump = "Certificate:\n    Data:\n        0: 30 82\n";
    for text in [
        pem(&der, 64, "\n"),
        pem(&der, 76, "\r\n"),
        pem(&der, 10_000, "\n"),
        format!("{dump}{}", pem(&der, 64, "\n")),
        format!("0{dump}{}", pem(&der, 64, "\n")),
        format!("{}{}", pem(&der, 64, "\n"), pem(&other, 64, "\n")),
        format!("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n{}", pem(&der, 64, "\n")),
        format!("{}trailing text", pem(&der, 64, "\n")),
        format!("\u{feff}{}", pem(&der, 64, "\n")),
        format!("\u{feff}{}{}", pem(&der, 64, "\r\n"), pem(&other, 64, "\n")),
        format!("{}-----BEGIN X509 CERTIFICATE-----\n", pem(&der, 64, "\n")),
        pem(&der, 64, "\n").trim_end().to_owned(),
    ] {
        assert_eq!(Certificate::from_bytes(text.as_bytes()).unwrap().der().as_ref(), der, "{text}");
    }
    assert_eq!(Certificate::from_bytes(&der).unwrap(), Certificate::from_der(&der).unwrap());
}

#[test]
fn what_is_neither_der_nor_pem_says_what_is_wrong() {
    let good = pem(&v3(), 64, "\n");
    let (no_end, _) = good.split_once("-----END").unwrap();
    for (text, expected) in [
        (String::from("not a certificate"), PemDefect::NoCertificate),
        (String::from("\u{0}"), PemDefect::NoCertificate),
        (String::from("0"), PemDefect::NoCertificate),
        (
            String::from("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"),
            PemDefect::NoCertificate,
        ),
        (no_end.to_owned(), PemDefect::NoEnd),
        (String::from("-----BEGIN CERTIFICATE-----\n"), PemDefect::NoEnd),
        (good.replace("-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE--"), PemDefect::BadBegin),
        (good.replacen("MII", "MI!", 1), PemDefect::NotBase64),
        (good.replacen('\n', "\n\n", 1), PemDefect::NotBase64),
        (good.replacen('\n', "\nAAAA\n\n", 1), PemDefect::NotBase64),
        (good.replacen('\n', "\nX-Header: 1\n\n", 1), PemDefect::NotBase64),
        // Where readers disagree on which certificate is the first.
        (good.replace('\n', "\r"), PemDefect::LoneCarriageReturn),
        (format!("junk {good}{good}"), PemDefect::BadBegin),
        (format!("\u{feff}\u{feff}{good}{good}"), PemDefect::BadBegin),
        (format!("-----BEGIN PUBLIC KEY-----\n{good}"), PemDefect::BadBegin),
        (format!("\r{good}"), PemDefect::LoneCarriageReturn),
        (format!("{}{good}", good.replace("CERTIFICATE", "X509 CERTIFICATE")), PemDefect::OtherLabel),
        (format!("{}{good}", good.replace("CERTIFICATE", "TRUSTED CERTIFICATE")), PemDefect::OtherLabel),
        (good.replace("-----END CERTIFICATE-----", "-----END CERTIFICATE----- x"), PemDefect::BadEnd),
        (good.replace("END CERTIFICATE", "END PUBLIC KEY"), PemDefect::BadEnd),
    ] {
        match Certificate::from_bytes(text.as_bytes()) {
            Err(CertificateError::Pem { defect }) => assert_eq!(defect, expected, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
    assert_eq!(Certificate::from_bytes(&[]).unwrap_err(), CertificateError::Empty);
    assert_eq!(Certificate::from_der(&[]).unwrap_err(), CertificateError::Empty);
    let section = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
    assert_eq!(Certificate::from_pem(section.as_bytes()).unwrap_err(), CertificateError::Empty);
}

#[test]
fn every_truncation_is_an_error() {
    let der = v3();
    for length in 0..der.len() {
        assert!(Certificate::from_bytes(&der[..length]).is_err(), "{length}");
    }
}

#[test]
fn lengths_that_are_not_minimal_are_refused() {
    // 30 82 01 xx -> 30 83 00 01 xx, and the same one level deeper.
    let der = v3();
    assert_eq!(der[1], 0x82);
    let outer = [&[0x30, 0x83, 0x00][..], &der[2..]].concat();
    assert_eq!(defect(Certificate::from_der(&outer)), DerDefect::Length);
    let longer = spoilt(|tree| {
        let validity = tree.at(VALIDITY).encode();
        *tree.at(VALIDITY) = Der::Raw([&[0x30, 0x81][..], &validity[1..]].concat());
    });
    assert_eq!(defect(longer), DerDefect::Length);
}

#[test]
fn nothing_may_trail_anywhere() {
    let der = [v3(), vec![0]].concat();
    assert_eq!(defect(Certificate::from_der(&der)), DerDefect::TrailingData);
    for path in [&[][..], &[TBS], VERSION, SIGNATURE, VALIDITY, SPKI, &[TBS, 6, 0], &[1]] {
        let outcome = spoilt(|tree| tree.at(path).children().push(null()));
        assert!(
            matches!(outcome, Err(CertificateError::Malformed(_) | CertificateError::AlgorithmMismatch)),
            "{path:?}: {outcome:?}"
        );
    }
    assert_eq!(defect(spoilt(|tree| tree.at(EXTENSIONS).children().push(null()))), DerDefect::TrailingData);
}

#[test]
fn every_field_is_needed_and_has_its_tag() {
    for path in [&[TBS][..], SERIAL, SIGNATURE, ISSUER, VALIDITY, &[TBS, 5], SPKI, &[1], &[2]] {
        let (&last, parent) = path.split_last().unwrap();
        let outcome = spoilt(|tree| {
            tree.at(parent).children().remove(last);
        });
        assert!(matches!(outcome, Err(CertificateError::Malformed(_))), "without {path:?}: {outcome:?}");
        let outcome = spoilt(|tree| *tree.at(path) = Der::Primitive(0x0c, vec![]));
        assert!(matches!(outcome, Err(CertificateError::Malformed(_))), "{path:?}: {outcome:?}");
    }
}

#[test]
fn versions_are_v1_to_v3_and_allow_what_they_allow() {
    let version = |value: u8| move |tree: &mut Der| *tree.at(&[TBS, 0, 0]) = integer(&[value]);
    assert_eq!(defect(spoilt(version(0))), DerDefect::DefaultEncoded);
    for value in [3, 98, 255] {
        assert_eq!(spoilt(version(value)).unwrap_err(), CertificateError::Version);
    }
    let v2 = spoilt(version(1)).unwrap_err();
    assert_eq!(v2, CertificateError::NotInVersion { field: "extensions", version: Version::V2 });
    let v1 = spoilt(|tree| {
        tree.at(&[TBS]).children().remove(0);
    });
    assert_eq!(v1.unwrap_err(), CertificateError::NotInVersion { field: "extensions", version: Version::V1 });
    let without_extensions = |tree: &mut Der| {
        tree.at(&[TBS]).children().truncate(7);
    };
    let v1_with_unique_id = spoilt(|tree| {
        without_extensions(tree);
        tree.at(&[TBS]).children().push(Der::Primitive(0x81, vec![0, 1]));
        tree.at(&[TBS]).children().remove(0);
    });
    assert_eq!(v1_with_unique_id.unwrap_err().code(), ErrorCode::CertificateVersion);
    let v2_with_unique_ids = spoilt(|tree| {
        without_extensions(tree);
        version(1)(tree);
        tree.at(&[TBS]).children().push(Der::Primitive(0x81, vec![0, 1]));
        tree.at(&[TBS]).children().push(Der::Primitive(0x82, vec![0, 1]));
    });
    assert_eq!(v2_with_unique_ids.unwrap().version(), Version::V2);
}

#[test]
fn serial_numbers_are_minimal_and_at_most_20_octets() {
    let serial = |contents: &[u8]| spoilt(|tree| *tree.at(SERIAL).contents() = contents.to_vec());
    for good in [&[0][..], &[1], &[0x80], &[0x7f; 20], &[&[0][..], &[0xff; 20]].concat()] {
        assert!(serial(good).is_ok(), "{good:02x?}");
    }
    for not_minimal in [&[][..], &[0, 1], &[0xff, 0x80]] {
        assert_eq!(defect(serial(not_minimal)), DerDefect::IntegerNotMinimal);
    }
    assert_eq!(serial(&[0x7f; 21]).unwrap_err(), CertificateError::Serial);
    assert_eq!(serial(&[0x80; 21]).unwrap_err(), CertificateError::Serial);
}

#[test]
fn the_two_signature_algorithms_agree() {
    let outcome = spoilt(|tree| *tree.at(SIGNATURE) = sequence([oid(&[0x2a, 3])]));
    assert_eq!(outcome.unwrap_err(), CertificateError::AlgorithmMismatch);
    // A NULL that the other one lacks is a difference, too.
    let outcome = spoilt(|tree| tree.at(SIGNATURE).children().push(null()));
    assert_eq!(outcome.unwrap_err(), CertificateError::AlgorithmMismatch);
}

#[test]
fn times_are_as_rfc_5280_writes_them() {
    let time = |tag: u8, text: &str| {
        spoilt(|tree| *tree.at(&[TBS, 4, 0]) = Der::Primitive(tag, text.as_bytes().to_vec()))
    };
    assert!(time(0x17, "500101000000Z").is_ok());
    assert!(time(0x18, "20240101000000Z").is_ok(), "GeneralizedTime before 2050 is read");
    for (tag, text) in [
        (0x17, "5001010000Z"),
        (0x17, "500101000000+0100"),
        (0x17, "501301000000Z"),
        (0x18, "20240101000000.5Z"),
        (0x18, "20230229000000Z"),
        (0x18, "500101000000Z"),
    ] {
        assert_eq!(defect(time(tag, text)), DerDefect::Time, "{text}");
    }
    assert!(matches!(defect(time(0x0c, "500101000000Z")), DerDefect::Tag { .. }));
}

#[test]
fn bit_strings_have_whole_octets_and_names_whole_parts() {
    assert_eq!(defect(spoilt(|tree| tree.at(&[TBS, 6, 1]).contents()[0] = 1)), DerDefect::BitString);
    assert_eq!(defect(spoilt(|tree| tree.at(&[2]).contents()[0] = 7)), DerDefect::BitString);
    assert_eq!(defect(spoilt(|tree| tree.at(&[TBS, 3, 0]).children().clear())), DerDefect::Missing);
    let no_value = spoilt(|tree| {
        tree.at(&[TBS, 3, 0, 0]).children().pop();
    });
    assert_eq!(defect(no_value), DerDefect::Missing);
}

#[test]
fn an_unreadable_extension_is_an_error_only_for_those_who_ask() {
    let extension = |spoil: &dyn Fn(&mut Der)| {
        let certificate = spoilt(|tree| spoil(tree.at(&[TBS, 7, 0]))).unwrap();
        assert!(certificate.public_key().is_ok());
        certificate.extensions().unwrap_err()
    };
    let malformed = |spoil: &dyn Fn(&mut Der)| match extension(spoil) {
        CertificateError::Malformed(error) => error.defect,
        other => panic!("{other}"),
    };
    // basicConstraints: OID, critical, OCTET STRING.
    const BASIC_CONSTRAINTS: usize = 2;
    let critical = [BASIC_CONSTRAINTS, 1];
    let value = [BASIC_CONSTRAINTS, 2];
    assert_eq!(malformed(&|list| *list.at(&critical).contents() = vec![1]), DerDefect::Boolean);
    assert_eq!(malformed(&|list| *list.at(&critical).contents() = vec![0]), DerDefect::DefaultEncoded);
    assert_eq!(malformed(&|list| list.at(&[0]).children().push(null())), DerDefect::TrailingData);
    assert_eq!(malformed(&|list| list.at(&value).contents().push(0)), DerDefect::TrailingData);
    assert_eq!(malformed(&|list| list.at(&value).contents().clear()), DerDefect::Missing);
    assert_eq!(malformed(&|list| *list.at(&[0, 0]).contents() = vec![]), DerDefect::ObjectIdentifier);
    assert_eq!(malformed(&|list| list.children().clear()), DerDefect::Missing);
    let twice = extension(&|list| {
        let first = list.at(&[0]).clone();
        list.children().push(first);
    });
    assert!(matches!(twice, CertificateError::RepeatedExtension { ref oid } if oid.starts_with("2.5.29.")));
}

#[test]
fn the_key_is_read_when_asked_for_and_shared_by_clones() {
    let certificate = Certificate::from_bytes(&v3()).unwrap();
    let clone = certificate.clone();
    assert_eq!(clone.public_key().unwrap().bits(), 384);
    assert_eq!(certificate.public_key().unwrap().bits(), 384);
    let unusable = spoilt(|tree| *tree.at(&[TBS, 6, 1]) = bit_string(&[4; 97])).unwrap();
    assert_eq!(unusable.public_key().unwrap_err().code(), ErrorCode::PointNotOnCurve);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// What we read, x509-parser reads the same; nothing panics.
    #[test]
    fn mutations_never_panic_and_are_read_as_x509_parser_reads_them(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut: Option<prop::sample::Index>,
    ) {
        use x509_parser::prelude::FromDer as _;
        let mut der = v3();
        for (place, octet) in edits {
            let place = place.index(der.len());
            der[place] = octet;
        }
        if let Some(cut) = cut {
            der.truncate(cut.index(der.len()));
        }
        let Ok(ours) = Certificate::from_bytes(&der) else { return Ok(()) };
        let _ = (ours.subject().to_string(), ours.extensions().is_ok(), ours.public_key().is_ok());
        let whole = ours.der();
        let Ok((rest, theirs)) = x509_parser::certificate::X509Certificate::from_der(&whole) else {
            // It reads extensions at once, we read them when asked.
            prop_assert!(ours.extensions().is_err());
            return Ok(());
        };
        prop_assert!(rest.is_empty());
        prop_assert_eq!(ours.subject().as_der(), theirs.subject().as_raw());
        prop_assert_eq!(ours.issuer().as_der(), theirs.issuer().as_raw());
        prop_assert_eq!(ours.subject_public_key_info(), theirs.public_key().raw);
        let validity = ours.validity();
        prop_assert_eq!(validity.not_before().unix_seconds(), theirs.validity().not_before.timestamp());
        prop_assert_eq!(validity.not_after().unix_seconds(), theirs.validity().not_after.timestamp());
        if let Ok(extensions) = ours.extensions() {
            let theirs: Vec<_> = theirs.extensions().iter().map(|e| (e.oid.as_bytes(), e.critical, e.value)).collect();
            let ours: Vec<_> = extensions.iter().map(|e| (e.oid(), e.is_critical(), e.value())).collect();
            prop_assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn junk_never_panics(junk in proptest::collection::vec(any::<u8>(), 0..200), begin: bool) {
        let prefix: &[u8] = if begin { b"-----BEGIN CERTIFICATE-----\n" } else { &[0x30, 0x82] };
        let _ = Certificate::from_bytes(&[prefix, &junk].concat());
        let _ = Certificate::from_bytes(&junk);
        let _ = longhand::PublicKey::from_spki_der(&junk);
    }
}
