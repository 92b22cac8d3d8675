//! The verifier: any chunking, every option, registered key types, and what the types promise.

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

use std::io::Write as _;
use std::time::Duration;

use common::{CaseFile, Walkthrough};
use longhand::pki_types::UnixTime;
use longhand::{
    Certificate, CertificateError, Curve, DateCheck, DateStatus, DirectoryKeyManager, Disposition, ErrorCode,
    HashMethod, KeyKind, KeyManager, KeyManagerError, KeyType, KeyTypes, MemoryKeyManager, PropertyError,
    PssSaltLength, PublicKey, PublicKeyError, RegisteredKey, SchemeError, SignatureError,
    SignatureProperties, SignatureScheme, SignatureVerifier, StoredCertificate, VerificationError, Verified,
    VerifierError, VerifierOptions,
};
use proptest::prelude::*;

fn assert_travels<T: Send + Sync + 'static>() {}

#[test]
fn public_types_go_between_threads_and_borrow_nothing() {
    assert_travels::<SignatureProperties>();
    assert_travels::<Certificate>();
    assert_travels::<PublicKey>();
    assert_travels::<SignatureVerifier>();
    assert_travels::<VerifierOptions>();
    assert_travels::<Verified>();
    assert_travels::<StoredCertificate>();
    assert_travels::<KeyTypes>();
    assert_travels::<KeyType>();
    assert_travels::<MemoryKeyManager>();
    assert_travels::<DirectoryKeyManager>();
    assert_travels::<Box<dyn KeyManager>>();
    assert_travels::<(PropertyError, CertificateError, PublicKeyError, SignatureError)>();
    assert_travels::<(VerifierError, VerificationError, KeyManagerError, longhand::KeyTypeError)>();
    assert_travels::<(longhand::StreamingDigest, longhand::Digest, longhand::Name, longhand::Timestamp)>();
}

#[test]
fn the_glance_guides_image_verifies_and_the_evidence_says_what_was_found() {
    let guide = Walkthrough::glance();
    let mut verifier = SignatureVerifier::new(&guide.properties(), &guide.certificate()).unwrap();
    verifier.write_all(&guide.image).unwrap();
    verifier.flush().unwrap();
    let verified = verifier.verify().unwrap();
    assert_eq!(verified.bytes_read(), 6656);
    assert_eq!(verified.hash_method(), HashMethod::Sha256);
    assert_eq!(*verified.key_type(), KeyType::RsaPss);
    assert_eq!(verified.certificate_id(), guide.properties["img_signature_certificate_uuid"]);
    assert_eq!(verified.certificate_fingerprint(), guide.certificate().fingerprint());
    assert_eq!(verified.salt_length(), Some(94));
    assert_eq!(verified.dates(), DateStatus::NotChecked);
    let mut digest = longhand::StreamingDigest::new(HashMethod::Sha256);
    digest.update(&guide.image);
    assert_eq!(verified.digest(), digest.finish());
}

#[test]
fn the_evidence_says_in_words_what_was_checked_and_what_was_not() {
    let guide = Walkthrough::glance();
    let shown = |dates| {
        let options = VerifierOptions::new().dates(dates);
        let mut verifier =
            SignatureVerifier::with_options(&guide.properties(), &guide.certificate(), options).unwrap();
        verifier.update(&guide.image);
        verifier.verify().unwrap().to_string()
    };
    assert_eq!(
        shown(DateCheck::Ignore),
        "RSA-PSS signature with SHA-256 over 6656 bytes verified with the RSA key of \
         O=Internet Widgits Pty Ltd,ST=Some-State,C=AU; dates, key usage and trust not checked"
    );
    let at = |seconds| DateCheck::Report(UnixTime::since_unix_epoch(Duration::from_secs(seconds)));
    assert!(shown(at(0)).contains("not yet valid by its dates"));
    assert!(shown(at(u64::MAX)).contains("expired by its dates"));
}

#[test]
fn an_error_keeps_its_source() {
    use std::error::Error as _;
    let file = CaseFile::read("openssl");
    let source = |id: &str| {
        let id = format!("openssl/{id}");
        let properties = SignatureProperties::from_properties(&file.case(&id).properties).unwrap().unwrap();
        let error = SignatureVerifier::new(&properties, &file.certificate(&id)).unwrap_err();
        error.source().map(ToString::to_string)
    };
    assert!(source("rsa512/SHA-256").unwrap().contains("512 bits"), "of the key");
    assert!(source("secp384r1/cut").unwrap().contains("ends too early"), "of the signature's DER");
    assert_eq!(source("secp384r1/r-zero"), None);

    #[derive(Debug)]
    struct Refuses;
    impl SignatureScheme for Refuses {
        fn prepare(&self, _: &[u8]) -> Result<Box<dyn RegisteredKey>, SchemeError> {
            Err("not for this scheme".into())
        }
    }
    let mut key_types = KeyTypes::new();
    key_types.register("REFUSES", Refuses).unwrap();
    let mut properties = Walkthrough::glance().properties;
    properties.insert("img_signature_key_type".into(), "REFUSES".into());
    let properties = SignatureProperties::from_properties_with(&properties, &key_types).unwrap().unwrap();
    let error = SignatureVerifier::new(&properties, &Walkthrough::glance().certificate()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::RegisteredKeyRefused);
    assert_eq!(error.source().unwrap().to_string(), "not for this scheme");
}

#[test]
fn one_changed_bit_anywhere_in_the_image_is_refused() {
    let guide = Walkthrough::glance();
    for place in (0..guide.image.len()).step_by(97) {
        let mut image = guide.image.clone();
        image[place] ^= 1 << (place % 8);
        let mut verifier = SignatureVerifier::new(&guide.properties(), &guide.certificate()).unwrap();
        verifier.update(&image);
        let error = verifier.verify().unwrap_err();
        assert!(matches!(error, VerificationError::Mismatch), "{error}");
        assert_eq!(error.disposition(), Disposition::Final);
        assert!(error.to_string().starts_with("Signature verification for the image failed"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_verdict_does_not_depend_on_how_the_bytes_are_cut(
        cuts in proptest::collection::vec(0_usize..7000, 0..12), changed: Option<prop::sample::Index>,
    ) {
        let guide = Walkthrough::glance();
        let mut image = guide.image.clone();
        if let Some(changed) = &changed {
            let place = changed.index(image.len());
            image[place] ^= 0x10;
        }
        let mut ends: Vec<_> = cuts.into_iter().map(|cut| cut.min(image.len())).collect();
        ends.extend([0, image.len()]);
        ends.sort_unstable();
        let mut verifier = SignatureVerifier::new(&guide.properties(), &guide.certificate()).unwrap();
        for pair in ends.windows(2) {
            verifier.update(&image[pair[0]..pair[1]]);
        }
        prop_assert_eq!(verifier.bytes_read(), image.len() as u64);
        prop_assert_eq!(verifier.verify().is_ok(), changed.is_none());
    }
}

#[test]
fn the_salt_length_is_found_or_demanded() {
    let guide = Walkthrough::glance();
    for (salt_length, refused) in [
        (PssSaltLength::Auto, None),
        (PssSaltLength::Max, None),
        (PssSaltLength::Exactly(94), None),
        (PssSaltLength::Digest, Some(32)),
        (PssSaltLength::Exactly(0), Some(0)),
        (PssSaltLength::Exactly(usize::MAX), Some(usize::MAX)),
    ] {
        let options = VerifierOptions::new().pss_salt_length(salt_length);
        let mut verifier =
            SignatureVerifier::with_options(&guide.properties(), &guide.certificate(), options).unwrap();
        verifier.update(&guide.image);
        match (verifier.verify(), refused) {
            (Ok(verified), None) => assert_eq!(verified.salt_length(), Some(94)),
            (Err(VerificationError::SaltLength { found, required, at_least }), Some(demanded)) => {
                assert_eq!((found, required, at_least), (94, demanded, false));
            }
            (other, _) => panic!("{salt_length:?}: {other:?}"),
        }
    }
}

#[test]
fn dates_are_ignored_reported_or_required() {
    let guide = Walkthrough::glance();
    let validity = guide.certificate().validity();
    let at = |seconds: i64| UnixTime::since_unix_epoch(Duration::from_secs(seconds.try_into().unwrap()));
    let (first, last) = (validity.not_before().unix_seconds(), validity.not_after().unix_seconds());
    let status = |dates| {
        let options = VerifierOptions::new().dates(dates);
        let mut verifier =
            SignatureVerifier::with_options(&guide.properties(), &guide.certificate(), options)?;
        verifier.update(&guide.image);
        Ok::<_, VerifierError>(verifier.verify().unwrap().dates())
    };
    assert_eq!(status(DateCheck::Ignore).unwrap(), DateStatus::NotChecked);
    for (time, expected) in [
        (first - 1, DateStatus::NotYetValid),
        (first, DateStatus::Valid),
        (last, DateStatus::Valid),
        (last + 1, DateStatus::Expired),
    ] {
        assert_eq!(status(DateCheck::Report(at(time))).unwrap(), expected);
        let required = status(DateCheck::Require(at(time)));
        assert_eq!(required.is_ok(), expected == DateStatus::Valid);
        if let Err(error) = required {
            assert_eq!(error.code(), ErrorCode::CertificateOutsideValidity);
        }
    }
}

#[test]
fn any_curve_lets_a_key_type_stand_for_another_curve_and_nothing_else() {
    let file = CaseFile::read("openssl");
    let options = || VerifierOptions::new().any_curve(true);
    let run = |id: &str| {
        let case = file.case(id);
        let key_manager = file.key_manager(case).unwrap();
        let verified = common::verify(&case.properties, &key_manager, &file.image(case), options());
        verified.map(|verified| verified.key_kind().unwrap())
    };
    assert_eq!(run("openssl/mismatch/secp521r1-as-ECC_SECP384R1"), Ok(KeyKind::Ec(Curve::Secp521r1)));
    assert_eq!(run("openssl/mismatch/secp384r1-as-ECC_SECP521R1"), Ok(KeyKind::Ec(Curve::Secp384r1)));
    assert_eq!(run("openssl/mismatch/secp384r1-as-ECC_SECT409R1"), Ok(KeyKind::Ec(Curve::Secp384r1)));
    assert_eq!(run("openssl/mismatch/prime256v1-as-ECC_SECP384R1"), Ok(KeyKind::P256));
    assert_eq!(run("openssl/mismatch/secp256k1-as-ECC_SECP384R1"), Err(ErrorCode::CurveUnsupported));
    assert_eq!(run("openssl/mismatch/rsa2048-as-ECC_SECP384R1"), Err(ErrorCode::KeyTypeMismatch));
    assert_eq!(run("openssl/mismatch/secp384r1-as-RSA-PSS"), Err(ErrorCode::KeyTypeMismatch));
}

/// What can be refused without the image is refused when the verifier is set up.
#[test]
fn a_signature_that_cannot_be_one_is_refused_before_a_byte_is_read() {
    let file = CaseFile::read("openssl");
    for (id, code) in [
        ("rsa2048/cut", ErrorCode::SignatureLength),
        ("rsa2048/longer", ErrorCode::SignatureLength),
        ("rsa2048/n", ErrorCode::SignatureNotBelowModulus),
        ("pss-restricted/SHA-512", ErrorCode::KeyRestricted),
        ("dsa2048-256/raw", ErrorCode::SignatureEncoding),
        ("dsa2048-256/s-order", ErrorCode::SignatureOutOfRange),
        ("secp384r1/trailing-outside", ErrorCode::SignatureEncoding),
        ("secp521r1/r-zero", ErrorCode::SignatureOutOfRange),
    ] {
        let id = format!("openssl/{id}");
        let properties = SignatureProperties::from_properties(&file.case(&id).properties).unwrap().unwrap();
        let error = SignatureVerifier::new(&properties, &file.certificate(&id)).unwrap_err();
        assert_eq!(error.code(), code, "{id}");
    }
}

/// Accepts the digest itself as the signature.
#[derive(Debug)]
struct Echo;

#[derive(Debug)]
struct EchoKey(Vec<u8>);

impl SignatureScheme for Echo {
    fn prepare(&self, spki: &[u8]) -> Result<Box<dyn RegisteredKey>, SchemeError> {
        Ok(Box::new(EchoKey(spki.to_vec())))
    }
}

impl RegisteredKey for EchoKey {
    fn verify_digest(&self, _: HashMethod, digest: &[u8], signature: &[u8]) -> Result<(), SchemeError> {
        if digest == signature && !self.0.is_empty() { Ok(()) } else { Err("no echo".into()) }
    }
}

#[test]
fn a_registered_key_type_gets_the_key_and_the_digest_and_decides() {
    let mut key_types = KeyTypes::new();
    key_types.register("ECHO", Echo).unwrap();
    // SHA-256 of "abc".
    let good = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
    let guide = Walkthrough::glance();
    for (signature, verdict) in [(good, None), ("QUJD", Some(ErrorCode::RegisteredSignatureRefused))] {
        let pairs = [
            ("img_signature", signature),
            ("img_signature_hash_method", "SHA-256"),
            ("img_signature_key_type", "ECHO"),
            ("img_signature_certificate_uuid", "x"),
        ];
        assert!(SignatureProperties::from_properties(pairs).is_err(), "unknown without the registration");
        let properties = SignatureProperties::from_properties_with(pairs, &key_types).unwrap().unwrap();
        let mut verifier = SignatureVerifier::new(&properties, &guide.certificate()).unwrap();
        verifier.update(b"abc");
        assert_eq!(verifier.verify().err().map(|error| error.code()), verdict);
    }
}

#[test]
fn no_registration_can_take_over_or_imitate_a_documented_word() {
    let mut key_types = KeyTypes::new();
    for word in [
        "RSA-PSS",
        "DSA",
        "dsa",
        "ECC_SECP384R1",
        "SECP384R1",
        "ecc-sect571r1",
        "RSA_PSS",
        "",
        "A B",
        "ü",
        "a\n",
    ] {
        assert!(key_types.register(word, Echo).is_err(), "{word:?}");
    }
    key_types.register("ECHO", Echo).unwrap();
    assert!(key_types.register("echo", Echo).is_err());
    assert_eq!(key_types.get("RSA-PSS"), Some(KeyType::RsaPss));
    assert_eq!(key_types.get("echo"), None);
}

#[test]
fn an_image_of_no_bytes_can_be_signed() {
    let file = CaseFile::read("openssl");
    let empty = file.cases.iter().filter(|case| case.expect == "good" && file.image(case).is_empty());
    let mut count = 0;
    for case in empty {
        assert_eq!(file.run(case), Ok(()), "{}", case.id);
        count += 1;
    }
    assert!(count > 3);
}
