//! One verdict: policy, certificates, chain, signature and record together.

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
use std::sync::Mutex;

use common::chain::time;
use longhand::{
    CannotVerifyReason, Decision, Delivery, DirectoryKeyManager, ErrorCode, HoldBackWriter, ImageError,
    ImageRecord, ImageRequest, ImageVerifier, KeyManager, KeyManagerError, MemoryDestination,
    NotRequiredReason, RecordCheck, StoredCertificate, TrustStore, VerificationPolicy, VerifiedImage,
    VerifyingReader,
};

const SIGNER: &str = "125e6199-2de4-46e3-b091-8e2401ef0d63";
const TRUSTED: [&str; 3] = [
    "0b5d2c72-12cc-4ba6-a8d7-3ff5cc1d8cb8",
    "674736e3-f25c-405c-8362-bbf991e0ce0a",
    "8fbcce5d-d646-4295-ba8a-269fc9451eeb",
];

/// Nova's walkthrough behind a key manager that writes down what it is asked.
#[derive(Debug)]
struct Walkthrough {
    properties: BTreeMap<String, String>,
    image: Vec<u8>,
    certificates: DirectoryKeyManager,
    asked: Mutex<Vec<String>>,
    unreachable_from: usize,
}

impl KeyManager for Walkthrough {
    fn certificate(&self, id: &str) -> Result<StoredCertificate, KeyManagerError> {
        let mut asked = self.asked.lock().unwrap();
        asked.push(id.to_owned());
        if asked.len() > self.unreachable_from {
            return Err(KeyManagerError::unavailable(id, std::io::Error::other("no route")));
        }
        self.certificates.certificate(id)
    }
}

impl Walkthrough {
    fn new() -> Self {
        let folder = common::vectors().join("walkthrough/nova");
        let record: serde_json::Value =
            serde_json::from_slice(&std::fs::read(folder.join("properties.json")).unwrap()).unwrap();
        let texts = record["properties"].as_object().unwrap().iter();
        let properties = texts.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
        Self {
            properties: properties.collect(),
            image: std::fs::read(folder.join("image.qcow2")).unwrap(),
            certificates: DirectoryKeyManager::new(folder.join("certs")),
            asked: Mutex::default(),
            unreachable_from: usize::MAX,
        }
    }

    fn request(&self) -> ImageRequest {
        ImageRequest::new("7367373f-3235-5af9-9d0b-b3bec8a2cca4", &self.properties)
            .at(time("2030-01-01T00:00:00Z"))
    }

    fn verify(&self, policy: VerificationPolicy, request: ImageRequest) -> Result<VerifiedImage, ImageError> {
        let images = ImageVerifier::builder().policy(policy).build();
        match images.begin(self, request)? {
            Decision::Verify(mut verification) => {
                verification.write_all(&self.image).unwrap();
                verification.verify()
            }
            other => panic!("{other:?}"),
        }
    }

    fn refused(&self, request: ImageRequest) -> ErrorCode {
        self.verify(VerificationPolicy::trusted(), request).unwrap_err().code()
    }
}

#[test]
fn novas_walkthrough_is_refused_without_ids_and_verified_with_them() {
    let nova = Walkthrough::new();
    assert_eq!(nova.refused(nova.request()), ErrorCode::TrustMissing);
    assert_eq!(nova.refused(nova.request().trusted_ids(&TRUSTED[2..])), ErrorCode::ChainIssuerMissing);
    assert_eq!(nova.refused(nova.request().trusted_ids([""; 0])), ErrorCode::TrustedIdsEmpty);
    let verified = nova.verify(VerificationPolicy::trusted(), nova.request().trusted_ids(TRUSTED)).unwrap();
    assert_eq!(verified.chain().unwrap().certificates().len(), 4);
    assert_eq!(verified.signature().bytes_read(), 6656);
    assert_eq!(verified.policy(), "trusted");
}

/// Cursive fetches the signing certificate twice: the certificate that verifies could be another than the one that was validated.
#[test]
fn each_certificate_is_fetched_once_the_signers_first() {
    let nova = Walkthrough::new();
    let ids = [TRUSTED[0], SIGNER, TRUSTED[1], TRUSTED[2]];
    let verified = nova.verify(VerificationPolicy::trusted(), nova.request().trusted_ids(ids)).unwrap();
    assert_eq!(*nova.asked.lock().unwrap(), [SIGNER, TRUSTED[0], TRUSTED[1], TRUSTED[2]]);
    let chain = verified.chain().unwrap();
    assert_eq!(chain.certificates()[0].certificate(), verified.signature().certificate());
}

#[test]
fn a_key_manager_that_fails_is_not_asked_on() {
    for (unreachable_from, asked) in [(0, 1), (1, 2), (3, 4)] {
        let nova = Walkthrough { unreachable_from, ..Walkthrough::new() };
        assert_eq!(nova.refused(nova.request().trusted_ids(TRUSTED)), ErrorCode::KeyManagerUnavailable);
        assert_eq!(nova.asked.lock().unwrap().len(), asked);
    }
    let mut unknown = Walkthrough::new();
    unknown.properties.insert("img_signature_certificate_uuid".into(), "absent".into());
    assert_eq!(unknown.refused(unknown.request().trusted_ids(TRUSTED)), ErrorCode::CertificateNotFound);
    assert_eq!(unknown.asked.lock().unwrap().len(), 1);
}

#[test]
fn an_id_that_is_not_found_is_skipped_and_said() {
    let nova = Walkthrough::new();
    let ids = [TRUSTED.as_slice(), &["absent", "../x"]].concat();
    let verified = nova.verify(VerificationPolicy::trusted(), nova.request().trusted_ids(ids)).unwrap();
    let skipped: Vec<_> = verified
        .chain()
        .unwrap()
        .skipped()
        .iter()
        .map(|skipped| (skipped.id.as_str(), skipped.reason.code()))
        .collect();
    assert_eq!(
        skipped,
        [("absent", ErrorCode::CertificateNotFound), ("../x", ErrorCode::KeyManagerIdInvalid)]
    );
}

#[test]
fn the_chain_is_judged_before_the_key_and_both_before_a_byte() {
    let mut nova = Walkthrough::new();
    nova.properties.insert("img_signature".into(), "QQ==".into());
    assert_eq!(nova.refused(nova.request().trusted_ids(&TRUSTED[..2])), ErrorCode::ChainIssuerMissing);
    let images = ImageVerifier::builder().build();
    let error = images.begin(&nova, nova.request().trusted_ids(TRUSTED)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::SignatureLength);
}

#[test]
fn a_store_serves_requests_without_ids_and_never_joins_those_with() {
    let nova = Walkthrough::new();
    let store = TrustStore::from_key_manager(&nova.certificates, &TRUSTED).unwrap();
    let images = ImageVerifier::builder().trust_store(store).build();
    assert!(matches!(images.begin(&nova, nova.request()), Ok(Decision::Verify(_))));
    let error = images.begin(&nova, nova.request().trusted_ids(&TRUSTED[2..])).unwrap_err();
    assert_eq!(error.code(), ErrorCode::ChainIssuerMissing);
    let required = ImageVerifier::builder().policy(VerificationPolicy::required()).build();
    let Decision::Verify(verification) = required.begin(&nova, nova.request()).unwrap() else { panic!() };
    assert!(verification.chain().is_none());
}

/// Whoever gives a store or pins asks for trust: an empty one is no licence to go by the signature alone.
#[test]
fn an_empty_store_is_trust_that_nothing_satisfies() {
    let nova = Walkthrough::new();
    for builder in [
        ImageVerifier::builder().trust_store(TrustStore::from_certificates::<&str>([])),
        ImageVerifier::builder().pin([]),
    ] {
        let required = builder.clone().policy(VerificationPolicy::required()).build();
        assert_eq!(required.begin(&nova, nova.request()).unwrap_err().code(), ErrorCode::TrustStoreEmpty);
        let glance = builder.policy(VerificationPolicy::glance()).build();
        assert_eq!(glance.begin(&nova, nova.request()).unwrap_err().code(), ErrorCode::TrustNotOffered);
    }
}

/// As `a,,b` in a configuration gives it.
#[test]
fn an_empty_id_is_not_asked_for_and_hides_no_other() {
    let nova = Walkthrough::new();
    let ids = [&[""], TRUSTED.as_slice(), &[""]].concat();
    let images = ImageVerifier::builder().build();
    let plan = images.plan(nova.request().kept_ids(&ids)).unwrap();
    assert_eq!(plan.ids(), [SIGNER, TRUSTED[0], TRUSTED[1], TRUSTED[2]]);
    let verified = nova.verify(VerificationPolicy::trusted(), nova.request().kept_ids(&ids)).unwrap();
    assert_eq!(verified.chain().unwrap().skipped().len(), 1);
}

#[test]
fn a_policy_that_asks_for_nothing_fetches_nothing() {
    let nova = Walkthrough::new();
    let unsigned = ImageRequest::new("id", [("os_type", "linux")]);
    let glance = ImageVerifier::builder().policy(VerificationPolicy::glance()).build();
    let decision = glance.begin(&nova, unsigned).unwrap();
    assert!(matches!(decision, Decision::NotRequired(NotRequiredReason::NotSigned)));
    let cloned = nova.request().delivery(Delivery::ClonedInStore);
    let required = ImageVerifier::builder().policy(VerificationPolicy::required()).build();
    let decision = required.begin(&nova, cloned.clone()).unwrap();
    assert!(matches!(decision, Decision::CannotVerify(CannotVerifyReason::ClonedInStore)));
    assert!(nova.asked.lock().unwrap().is_empty());
    assert_eq!(nova.refused(cloned.trusted_ids(TRUSTED)), ErrorCode::TrustNotCheckable);
}

/// SHA-512 and MD5 of the walkthrough's image, from its record.
#[test]
fn the_record_is_held_against_the_bytes_besides_the_signature() {
    let nova = Walkthrough::new();
    let (sha512, md5) = (&nova.properties["os_hash_value"], "f03b096c790afbecb7b02fff99e5ea6c");
    let sha256 = "0".repeat(64);
    let record = ImageRecord::new;
    let good = record().size(6656).os_hash("sha512", sha512).unwrap().checksum(md5).unwrap();
    let ask = |record: ImageRecord| {
        let request = nova.request().trusted_ids(TRUSTED).record(record);
        nova.verify(VerificationPolicy::trusted(), request).map_err(|error| error.code())
    };
    let checks = ask(good).unwrap().record_checks().to_vec();
    assert_eq!(checks, [RecordCheck::Size, RecordCheck::OsHash, RecordCheck::WeakChecksum]);
    for (wrong, code) in [
        (record().size(6655), ErrorCode::RecordSize),
        (record().os_hash("sha512", &sha512.replace('4', "5")).unwrap(), ErrorCode::RecordOsHash),
        (record().os_hash("sha256", &sha256).unwrap(), ErrorCode::RecordOsHash),
        (record().os_hash("sha1", &sha256[..40]).unwrap(), ErrorCode::RecordOsHash),
        (record().os_hash("md5", &sha256[..32]).unwrap(), ErrorCode::RecordOsHash),
        (record().checksum(&sha256[..32]).unwrap(), ErrorCode::RecordChecksum),
    ] {
        assert_eq!(ask(wrong).unwrap_err(), code);
    }
    let unknown = ask(record().os_hash("blake2b", "00").unwrap()).unwrap();
    assert!(matches!(unknown.record_checks(), [RecordCheck::OsHashNotKnown { .. }]));
    for (algorithm, value) in
        [("sha256", ""), ("sha256", &sha512[..]), ("md5", "g0000000000000000000000000000000")]
    {
        assert_eq!(record().os_hash(algorithm, value).unwrap_err().code(), ErrorCode::RecordMalformed);
    }
    // The signature's own hash is not computed twice, and still compared.
    let digest = ask(record()).unwrap().signature().digest().to_string();
    assert_eq!(
        ask(record().os_hash("sha256", &digest).unwrap()).unwrap().record_checks(),
        [RecordCheck::OsHash]
    );
}

#[test]
fn a_record_that_agrees_does_not_save_a_signature_that_does_not() {
    let mut nova = Walkthrough::new();
    nova.image.push(0);
    let record = ImageRecord::new().size(6657);
    assert_eq!(
        nova.refused(nova.request().trusted_ids(TRUSTED).record(record)),
        ErrorCode::SignatureMismatch
    );
}

#[test]
fn the_streams_take_an_image_verification_as_well() {
    let nova = Walkthrough::new();
    let images = ImageVerifier::builder().build();
    let begin =
        |record| match images.begin(&nova, nova.request().trusted_ids(TRUSTED).record(record)).unwrap() {
            Decision::Verify(verification) => *verification,
            other => panic!("{other:?}"),
        };
    let mut writer = HoldBackWriter::new(begin(ImageRecord::new()), MemoryDestination::new(10_000));
    writer.write_all(&nova.image).unwrap();
    let (verified, released) = writer.finish().unwrap();
    assert!(verified.chain().is_some() && released == nova.image);

    let mut reader = VerifyingReader::new(begin(ImageRecord::new()), nova.image.as_slice());
    assert_eq!(std::io::copy(&mut reader, &mut std::io::sink()).unwrap(), 6656);
    assert_eq!(reader.into_verified().unwrap().signature().bytes_read(), 6656);

    let mut writer = HoldBackWriter::new(begin(ImageRecord::new().size(1)), MemoryDestination::new(10_000));
    writer.write_all(&nova.image).unwrap();
    assert_eq!(writer.finish().unwrap_err().code(), ErrorCode::RecordSize);
}

#[test]
fn a_driver_of_its_own_fetches_what_the_plan_names() {
    let nova = Walkthrough::new();
    let images = ImageVerifier::builder().build();
    let plan = images.plan(nova.request().trusted_ids(TRUSTED)).unwrap();
    let ids: Vec<_> = plan.ids().into_iter().map(str::to_owned).collect();
    assert_eq!(ids, [SIGNER, TRUSTED[0], TRUSTED[1], TRUSTED[2]]);
    let fetched: Vec<_> = ids.iter().map(|id| (id.clone(), nova.certificates.certificate(id))).collect();
    assert!(matches!(plan.begin(fetched.clone()), Ok(Decision::Verify(_))));
    // What is not brought was not found.
    let plan = images.plan(nova.request().trusted_ids(TRUSTED)).unwrap();
    assert_eq!(plan.begin(fetched[..3].to_vec()).unwrap_err().code(), ErrorCode::ChainIssuerMissing);
    let plan = images.plan(nova.request().trusted_ids(TRUSTED)).unwrap();
    assert_eq!(plan.begin([]).unwrap_err().code(), ErrorCode::CertificateNotFound);
}

#[test]
fn all_of_it_can_be_sent_to_another_thread() {
    fn sendable<T: Send + Sync + 'static>() {}
    sendable::<ImageVerifier>();
    sendable::<ImageRequest>();
    sendable::<Decision>();
    sendable::<VerifiedImage>();
    sendable::<ImageError>();
}
