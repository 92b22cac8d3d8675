//! A receipt is evidence: what it proves is proven again, what it only says proves nothing.

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
use std::io::Write as _;

use common::chain::time;
use longhand::{
    CertificateValidator, Decision, Delivery, DirectoryKeyManager, ErrorCode, ImageRequest, ImageVerifier,
    Receipt, TrustStore, VerificationPolicy,
};
use serde_json::{Value, json};

const TRUSTED: [&str; 3] = [
    "0b5d2c72-12cc-4ba6-a8d7-3ff5cc1d8cb8",
    "674736e3-f25c-405c-8362-bbf991e0ce0a",
    "8fbcce5d-d646-4295-ba8a-269fc9451eeb",
];
const IMAGE: &str = "7367373f-3235-5af9-9d0b-b3bec8a2cca4";

fn key_manager() -> DirectoryKeyManager {
    DirectoryKeyManager::new(common::vectors().join("walkthrough/nova/certs"))
}

fn properties() -> BTreeMap<String, String> {
    let record = std::fs::read(common::vectors().join("walkthrough/nova/properties.json")).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    let texts = record["properties"].as_object().unwrap().iter();
    texts.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

fn request() -> ImageRequest {
    ImageRequest::new(IMAGE, properties()).trusted_ids(TRUSTED).at(time("2030-01-01T00:00:00Z"))
}

fn receipt() -> Receipt {
    let images = ImageVerifier::builder().build();
    let Decision::Verify(mut verification) = images.begin(&key_manager(), request()).unwrap() else {
        panic!()
    };
    let image = std::fs::read(common::vectors().join("walkthrough/nova/image.qcow2")).unwrap();
    verification.write_all(&image).unwrap();
    verification.verify().unwrap().receipt()
}

fn validator(ids: &[&str]) -> CertificateValidator {
    let store = TrustStore::from_key_manager(&key_manager(), ids).unwrap();
    CertificateValidator::builder().trusted(store).at(time("2031-01-01T00:00:00Z")).build()
}

fn recheck(receipt: &Value) -> Result<(), ErrorCode> {
    let receipt: Receipt =
        serde_json::from_value(receipt.clone()).map_err(|_| ErrorCode::ReceiptMalformed)?;
    // Of the trusted ids the root is enough: the receipt brings the intermediates.
    let rechecked = receipt.recheck(&request(), &validator(&TRUSTED[2..])).map_err(|error| error.code())?;
    assert_eq!(rechecked.chain().certificates().len(), 4);
    Ok(())
}

#[test]
fn a_receipt_survives_being_written_and_is_checked_against_the_trust_of_today() {
    let receipt = receipt();
    let text = serde_json::to_string(&receipt).unwrap();
    let read: Receipt = serde_json::from_str(&text).unwrap();
    assert_eq!(read, receipt);
    assert_eq!((read.size(), read.policy(), read.image_id()), (6656, "trusted", IMAGE));
    let rechecked = read.recheck(&request(), &validator(&TRUSTED)).unwrap();
    assert_eq!(rechecked.digest().to_string(), read.digest());
    let other = CertificateValidator::builder()
        .trusted(TrustStore::from_certificates([(
            "x",
            common::CaseFile::read("openssl").certificate("openssl/rsa1024/SHA-224/salt-max"),
        )]))
        .at(time("2031-01-01T00:00:00Z"))
        .build();
    let error = read.recheck(&request(), &other).unwrap_err();
    assert_eq!(error.code(), ErrorCode::ChainRootNotTrusted);
    let later = CertificateValidator::builder()
        .trusted(TrustStore::from_key_manager(&key_manager(), &TRUSTED).unwrap())
        .at(time("2050-01-01T00:00:00Z"))
        .build();
    assert_eq!(read.recheck(&request(), &later).unwrap_err().code(), ErrorCode::ChainExpired);
}

/// Every field, edited: refused, or a claim that nothing rests on.
#[test]
fn each_field_that_is_edited_is_found_out_or_proves_nothing() {
    let good = serde_json::to_value(receipt()).unwrap();
    assert_eq!(recheck(&good), Ok(()));
    let of_another = Err(ErrorCode::ReceiptOfAnotherImage);
    let malformed = Err(ErrorCode::ReceiptMalformed);
    let mut edited = 0;
    let mut seen = std::collections::BTreeSet::new();
    let other_signature = good["img_signature"].as_str().unwrap().replace('a', "b");
    for (field, value, outcome) in [
        ("version", json!(2), malformed),
        ("image_id", json!("another"), of_another),
        ("img_signature", json!(other_signature), of_another),
        ("img_signature", json!("!"), of_another),
        ("img_signature_hash_method", json!("SHA-512"), of_another),
        ("img_signature_key_type", json!("DSA"), of_another),
        ("img_signature_certificate_uuid", json!("another"), of_another),
        ("digest", json!("0".repeat(64)), Err(ErrorCode::SignatureMismatch)),
        ("digest", json!("0".repeat(62)), malformed),
        ("digest", json!("x".repeat(64)), malformed),
        ("certificates", json!([]), malformed),
        ("certificates", json!(vec![good["certificates"][0].clone(); 65]), malformed),
        ("certificates", json!([{"id": null, "der": "!"}]), malformed),
        ("certificates", json!([{"id": null, "der": "AAAA"}]), Err(ErrorCode::CertificateMalformed)),
        ("certificates", json!([good["certificates"][1].clone()]), Err(ErrorCode::ChainIssuerMissing)),
        ("certificates", json!([good["certificates"][0].clone()]), Err(ErrorCode::ChainIssuerMissing)),
        // Claims: the verdict does not rest on them, and gives none of them out as proven.
        ("size", json!(1), Ok(())),
        ("policy", json!("whatever"), Ok(())),
        ("chain_policy", json!(null), Ok(())),
        ("at", json!(0), Ok(())),
        ("another_field", json!(0), malformed),
    ] {
        let mut receipt = good.clone();
        receipt[field] = value.clone();
        assert_eq!(recheck(&receipt), outcome, "{field} {value}");
        seen.insert(field);
        edited += 1;
    }
    let fields: Vec<_> = good.as_object().unwrap().keys().map(String::as_str).collect();
    assert!(fields.iter().all(|field| seen.contains(field)), "{fields:?}");
    assert_eq!((edited, fields.len()), (21, 12));
    // The size counts where the image's record names one.
    let mut wrong_size = good;
    wrong_size["size"] = json!(1);
    let receipt: Receipt = serde_json::from_value(wrong_size).unwrap();
    let named = request().record(longhand::ImageRecord::new().size(6656));
    let error = receipt.recheck(&named, &validator(&TRUSTED)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::ReceiptOfAnotherImage);
}

/// The record's digest, where it is by the signature's hash method, is the receipt's.
#[test]
fn a_receipt_is_held_against_the_record_as_far_as_it_tells() {
    let receipt = receipt();
    let recheck = |algorithm: &str, value: &str| {
        let record = longhand::ImageRecord::new().os_hash(algorithm, value).unwrap();
        receipt
            .recheck(&request().record(record), &validator(&TRUSTED))
            .map(|_| ())
            .map_err(|error| error.code())
    };
    assert_eq!(recheck("sha256", receipt.digest()), Ok(()));
    assert_eq!(recheck("sha256", &"0".repeat(64)), Err(ErrorCode::ReceiptOfAnotherImage));
    assert_eq!(recheck("sha512", &"0".repeat(128)), Ok(()), "not known without the bytes");
}

#[test]
fn a_certificate_that_was_swapped_for_another_trusted_one_does_not_fit_the_signature() {
    let mut swapped = serde_json::to_value(receipt()).unwrap();
    let certificates = swapped["certificates"].as_array_mut().unwrap();
    certificates.remove(0);
    // The signer's issuer is trusted and an authority: its key did not sign the image.
    assert_eq!(recheck(&swapped).map_err(ErrorCode::name), Err("pss_encoding"));
}

#[test]
fn a_receipt_serves_bytes_that_are_cached_or_cloned_and_no_others() {
    let images = ImageVerifier::builder().build();
    for (delivery, served) in
        [(Delivery::Cached, true), (Delivery::ClonedInStore, true), (Delivery::FromVolume, false)]
    {
        let bare = images.begin(&key_manager(), request().delivery(delivery)).unwrap_err();
        assert_eq!(bare.code(), ErrorCode::TrustNotCheckable);
        match images.begin(&key_manager(), request().delivery(delivery).receipt(receipt())) {
            Ok(Decision::Rechecked(rechecked)) => assert!(served && rechecked.image_id() == IMAGE),
            Ok(other) => panic!("{other:?}"),
            Err(error) => assert!(!served && error.code() == ErrorCode::TrustNotCheckable),
        }
    }
    // A host that cannot validate certificates cannot validate a receipt's either.
    let unable = request().delivery(Delivery::Cached).receipt(receipt()).host_validates_certificates(false);
    assert_eq!(images.begin(&key_manager(), unable).unwrap_err().code(), ErrorCode::TrustNotCheckable);
    // Without trust nothing vouches for a receipt.
    let trustless = ImageRequest::new(IMAGE, properties()).delivery(Delivery::Cached).receipt(receipt());
    let required = ImageVerifier::builder().policy(VerificationPolicy::required()).build();
    assert!(matches!(required.begin(&key_manager(), trustless), Ok(Decision::CannotVerify(_))));
    // One of another image is refused, not passed over.
    let other = ImageRequest::new("another", properties())
        .trusted_ids(TRUSTED)
        .at(time("2030-01-01T00:00:00Z"))
        .delivery(Delivery::Cached)
        .receipt(receipt());
    assert_eq!(images.begin(&key_manager(), other).unwrap_err().code(), ErrorCode::ReceiptOfAnotherImage);
    // For bytes that pass by, the bytes count and the receipt does not.
    let downloaded = images.begin(&key_manager(), request().receipt(receipt())).unwrap();
    assert!(matches!(downloaded, Decision::Verify(_)));
}
