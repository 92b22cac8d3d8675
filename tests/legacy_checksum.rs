//! The Liberty scheme: what its code of 11.0.0 verified and refused, and that it never stands in for the new one.
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
#![cfg(feature = "legacy-checksum")]

mod common;

use common::{Case, CaseFile, Walkthrough};
use longhand::legacy_checksum::{LegacySignatureProperties, LegacySignatureVerifier, LegacyVerified};
use longhand::{ErrorCode, KeyManager, PropertyError, PropertyName, PssSaltLength};

fn run(file: &CaseFile, case: &Case, image: &[u8]) -> Result<LegacyVerified, ErrorCode> {
    let properties = LegacySignatureProperties::from_properties(&case.properties);
    let properties = properties.map_err(|error| error.code())?.unwrap();
    let stored =
        file.key_manager(case)?.certificate(properties.certificate_id()).map_err(|error| error.code())?;
    let mut verifier =
        LegacySignatureVerifier::new(&properties, &stored.certificate).map_err(|error| error.code())?;
    std::io::Write::write_all(&mut verifier, image).unwrap();
    verifier.verify().map_err(|error| error.code())
}

#[test]
fn every_case_ends_as_it_says() {
    let file = CaseFile::read("liberty");
    assert!(file.cases.len() > 15);
    for case in &file.cases {
        let code = run(&file, case, &file.image(case)).err().map(ErrorCode::name);
        assert_eq!(code, case.code.as_deref(), "{}", case.id);
        assert_eq!(code.is_none(), case.expect == "good", "{}", case.id);
    }
}

#[test]
fn the_evidence_speaks_of_the_checksum() {
    let file = CaseFile::read("liberty");
    let case = file.case("liberty/SHA-256");
    let verified = run(&file, case, &file.image(case)).unwrap();
    assert_eq!(verified.bytes_read(), 3200);
    assert_eq!(verified.md5().len(), 32);
    assert_eq!(verified.salt_length(), Some(222));
    assert_eq!(verified.hash_method(), longhand::HashMethod::Sha256);
    assert_eq!(verified.certificate().subject().to_string(), "CN=liberty,O=longhand test vectors");
    let mut changed = file.image(case);
    changed[5] ^= 1;
    assert_eq!(run(&file, case, &changed).unwrap_err(), ErrorCode::SignatureMismatch);
}

#[test]
fn an_image_with_both_sets_is_judged_by_the_new_one() {
    let legacy = CaseFile::read("liberty");
    let legacy = &legacy.case("liberty/SHA-256").properties;
    let new = Walkthrough::glance().properties;
    assert!(LegacySignatureProperties::from_properties(legacy).unwrap().is_some());
    assert_eq!(LegacySignatureProperties::from_properties(legacy.iter().chain(&new)), Ok(None));
    assert_eq!(LegacySignatureProperties::from_properties(new.iter().chain(legacy)), Ok(None));
    // One property of the new set is enough, and a broken legacy one before it changes nothing.
    for property in PropertyName::ALL {
        let one = [("signature", "?"), ("signature", ""), (property.as_str(), "x")];
        assert_eq!(LegacySignatureProperties::from_properties(one), Ok(None));
    }
    assert_eq!(LegacySignatureProperties::from_properties([("os_distro", "debian")]), Ok(None));
}

#[test]
fn errors_name_the_properties_of_the_scheme() {
    let error = LegacySignatureProperties::from_properties([("signature", "QQ==")]).unwrap_err();
    assert!(
        error.to_string().contains("signature_hash_method, signature_key_type, signature_certificate_uuid")
    );
    let twice = LegacySignatureProperties::from_properties([("signature", "QQ=="), ("signature", "QQ==")]);
    assert_eq!(twice.unwrap_err(), PropertyError::Repeated { property: PropertyName::LegacySignature });
}

#[test]
fn without_an_option_the_longest_salt_is_demanded() {
    let file = CaseFile::read("liberty");
    let salt = |id: &str| {
        let properties = &file.case(id).properties;
        LegacySignatureProperties::from_properties(properties).unwrap().unwrap().salt_length()
    };
    assert_eq!(salt("liberty/SHA-256"), PssSaltLength::Max);
    assert_eq!(salt("liberty/salt-32"), PssSaltLength::Exactly(32));
}
