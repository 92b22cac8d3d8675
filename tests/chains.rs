//! Chains, as a service asks for them: who is trusted, what an error says, what it costs.

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

use std::collections::BTreeSet;

use common::authority::{AT, Draft, key};
use common::chain::{certificate, octets, time};
use longhand::{
    CertificateValidator, ChainCertificate, ChainEnd, ChainError, ChainNote, ChainPolicy,
    DirectoryKeyManager, ErrorCode, KeyManager, RevocationList, RevocationListError, RuleViolation,
    SecondOpinion, TrustStore, VerifiedChain,
};

const SIGNER: &str = "125e6199-2de4-46e3-b091-8e2401ef0d63";
const TRUSTED: [&str; 3] = [
    "0b5d2c72-12cc-4ba6-a8d7-3ff5cc1d8cb8",
    "674736e3-f25c-405c-8362-bbf991e0ce0a",
    "8fbcce5d-d646-4295-ba8a-269fc9451eeb",
];

fn nova() -> DirectoryKeyManager {
    DirectoryKeyManager::new(common::vectors().join("walkthrough/nova/certs"))
}

fn validate(ids: &[&str], policy: ChainPolicy) -> Result<VerifiedChain, ChainError> {
    let signer = ChainCertificate::new(nova().certificate(SIGNER).unwrap().certificate, Some(SIGNER));
    CertificateValidator::builder()
        .trusted(TrustStore::from_key_manager(&nova(), ids).unwrap())
        .policy(policy)
        .at(time("2030-01-01T00:00:00Z"))
        .build()
        .validate_stored(&signer, &[])
}

/// Nova's documented chain: a root with pathlen 2, two intermediates, a client.
#[test]
fn novas_documented_chain_passes_all_three_policies() {
    for policy in [ChainPolicy::cursive(), ChainPolicy::default(), ChainPolicy::rfc5280()] {
        let name = policy.name();
        let chain = validate(&TRUSTED, policy).unwrap();
        let ids: Vec<_> = chain.certificates().iter().map(|member| member.id().unwrap()).collect();
        assert_eq!(ids, [SIGNER, TRUSTED[1], TRUSTED[0], TRUSTED[2]], "{name}");
        assert_eq!(chain.end(), ChainEnd::Root);
        assert_eq!(chain.notes(), [ChainNote::KeyCertSignWithoutAuthority], "{name}");
        // Three links and the root's own signature, each RSA-2048; webpki checks three again.
        assert_eq!(chain.work(), if name == "rfc5280" { 7 } else { 4 });
        assert_eq!(chain.second_opinion() == SecondOpinion::Agreed, name == "rfc5280");
        assert_eq!(chain.policy().name(), name);
    }
}

/// Each search pays for the keys that it uses: what a service has kept from another cannot change its answer.
#[test]
fn a_search_costs_the_same_whether_or_not_its_keys_were_prepared_before() {
    let root = certificate("certificates/root-dsa2048-256-sha256.der").certificate().clone();
    let policy = ChainPolicy::cursive().enforce_valid_dates(false).enforce_signing_extensions(false);
    let validator = CertificateValidator::builder()
        .trusted(TrustStore::from_certificates([("root", root.clone())]))
        .policy(policy)
        .build();
    // A check of DSA-2048/256, and the preparation of its key.
    assert_eq!(validator.validate(&root).unwrap().work(), 17 + 64);
    assert!(root.public_key().is_ok());
    assert_eq!(validator.validate(&root).unwrap().work(), 17 + 64);
}

#[test]
fn without_an_intermediate_or_the_root_there_is_no_chain_and_the_error_names_what_is_missing() {
    for (ids, missing) in [
        (&TRUSTED[2..], "CN=Second Intermediate Certificate"),
        (&TRUSTED[..1], "CN=Second Intermediate Certificate"),
        (&TRUSTED[1..2], "CN=First Intermediate Certificate"),
        (&TRUSTED[..2], "CN=Root CA,C=US"),
    ] {
        let error = validate(ids, ChainPolicy::default()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::ChainIssuerMissing);
        assert_eq!(error.violation(), Some(&RuleViolation::IssuerMissing { issuer: missing.to_owned() }));
        let text = error.to_string();
        assert!(text.starts_with("Certificate chain building failed"), "{text}");
        assert!(text.contains(SIGNER) && text.contains(missing) && text.contains("RFC 5280"), "{text}");
    }
}

#[test]
fn asking_for_trust_and_getting_none_is_an_error() {
    let signer = nova().certificate(SIGNER).unwrap().certificate;
    let at = time("2030-01-01T00:00:00Z");
    let nothing = CertificateValidator::builder().at(at).build().validate(&signer).unwrap_err();
    assert_eq!(nothing.code(), ErrorCode::TrustStoreEmpty);
    let timeless = CertificateValidator::builder()
        .trusted(TrustStore::from_key_manager(&nova(), &TRUSTED).unwrap())
        .build()
        .validate(&signer)
        .unwrap_err();
    assert_eq!(timeless.code(), ErrorCode::ChainTimeMissing);
    let all_skipped = TrustStore::from_key_manager(&nova(), &["a", "b"]).unwrap();
    let untrusted = CertificateValidator::builder().trusted(all_skipped).at(at).build();
    assert_eq!(untrusted.skipped().len(), 2);
    let error = untrusted.validate(&signer).unwrap_err();
    assert_eq!(error.code(), ErrorCode::ChainIssuerMissing);
    assert_eq!(error.candidates().unwrap().skipped.len(), 2);
}

/// The answer, the chain and the cost of it are the same for each of the 24 orders of a set.
#[test]
fn the_order_of_ids_changes_nothing() {
    let names = ["root", "intermediate", "second-intermediate", "leaf-below-root"]
        .map(|name| format!("certificates/{name}.der"));
    let signer = certificate("certificates/leaf-below-second.der");
    let mut answers = BTreeSet::new();
    for a in 0..4 {
        for b in (0..4).filter(|b| *b != a) {
            for c in (0..4).filter(|c| ![a, b].contains(c)) {
                let order = [a, b, c, 6 - a - b - c].map(|index| certificate(&names[index]));
                let store =
                    order.map(|member| (member.id().unwrap().to_owned(), member.certificate().clone()));
                let validator = CertificateValidator::builder()
                    .trusted(TrustStore::from_certificates(store))
                    .at(time("2030-01-01T00:00:00Z"))
                    .build();
                let chain = validator.validate_stored(&signer, &[]).unwrap();
                answers.insert(format!("{chain} {}", chain.work()));
            }
        }
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[test]
fn an_odd_member_is_skipped_with_its_reason_and_the_others_stand() {
    let odd = [
        ("member-ed448", ErrorCode::ChainKeyUnusable),
        ("member-ml-dsa-key", ErrorCode::ChainKeyUnusable),
        ("member-unknown-curve", ErrorCode::ChainKeyUnusable),
        ("member-malformed-san", ErrorCode::ChainExtensionMalformed),
        ("member-duplicate-extension", ErrorCode::ChainExtensionMalformed),
        ("member-malformed-bc", ErrorCode::ChainExtensionMalformed),
        ("member-v1", ErrorCode::ChainNotAnAuthority),
    ];
    let members = odd.map(|(name, _)| certificate(&format!("certificates/{name}.der")));
    let root = certificate("certificates/root.der");
    let set =
        members.iter().chain([&root]).map(|member| (member.id().unwrap(), member.certificate().clone()));
    let validator = CertificateValidator::builder()
        .trusted(TrustStore::from_certificates(set))
        .at(time("2030-01-01T00:00:00Z"))
        .build();
    for (name, code) in odd {
        let skipped = validator.skipped().iter().find(|skipped| skipped.id.contains(name)).unwrap();
        assert_eq!(skipped.reason.code(), code, "{name}");
    }
    assert_eq!(validator.skipped().len(), odd.len());
    let chain = validator.validate(certificate("certificates/leaf-below-root.der").certificate()).unwrap();
    assert_eq!(chain.skipped().len(), odd.len());
}

#[test]
fn what_the_signer_brings_helps_and_is_not_trusted() {
    let leaf = certificate("certificates/leaf-below-intermediate.der");
    let [root, intermediate] =
        ["root", "intermediate"].map(|name| certificate(&format!("certificates/{name}.der")));
    let trusting = |members: &[&ChainCertificate]| {
        let set = members.iter().map(|member| (member.id().unwrap(), member.certificate().clone()));
        CertificateValidator::builder()
            .trusted(TrustStore::from_certificates(set))
            .at(time("2030-01-01T00:00:00Z"))
            .build()
    };
    let brought = [intermediate.certificate().clone()];
    assert!(trusting(&[&root]).validate_stored(&leaf, &[]).is_err());
    assert!(trusting(&[&root]).validate_stored(&leaf, &brought).is_ok());
    // A root among what was brought is no end, nor is the signing certificate brought along with itself.
    let brought =
        [intermediate.certificate().clone(), root.certificate().clone(), leaf.certificate().clone()];
    let stranger = certificate("certificates/namesake-root.der");
    let error = trusting(&[&stranger]).validate_stored(&leaf, &brought).unwrap_err();
    assert_eq!(error.code(), ErrorCode::ChainRootNotTrusted);
}

/// A list of years ago, read without a time, is not current.
#[test]
fn revocation_lists_cannot_do_without_a_time() {
    let list = RevocationList::from_bytes(&octets("revocation/lists/root-good.crl")).unwrap();
    let root = certificate("revocation/certificates/rsa-root.der");
    let leaf = certificate("revocation/certificates/rsa-leaf.der");
    let validator = |lists: Vec<RevocationList>| {
        CertificateValidator::builder()
            .trusted(TrustStore::from_certificates([("root", root.certificate().clone())]))
            .intermediates([certificate("revocation/certificates/rsa-intermediate.der")])
            .policy(ChainPolicy::default().enforce_valid_dates(false))
            .revocation_lists(lists)
            .build()
    };
    let without = validator(Vec::new()).validate(leaf.certificate()).map(|chain| chain.at());
    assert_eq!(without.unwrap(), None);
    let error = validator(vec![list]).validate(leaf.certificate()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::ChainTimeMissing);
}

#[test]
fn several_lists_in_one_file_are_all_read_or_none() {
    use base64::Engine as _;
    let pem = |name: &str| {
        let text = base64::engine::general_purpose::STANDARD.encode(octets(name));
        format!("-----BEGIN X509 CRL-----\n{text}\n-----END X509 CRL-----\n")
    };
    let good = "revocation/lists/root-good.crl";
    let both = pem(good) + &pem("revocation/lists/root-revokes-intermediate.crl");
    assert_eq!(
        RevocationList::from_bytes(pem(good).as_bytes()).unwrap().len(),
        RevocationList::from_bytes(&octets(good)).unwrap().len()
    );
    assert!(matches!(
        RevocationList::from_bytes(both.as_bytes()),
        Err(RevocationListError::Several { count: 2 })
    ));
    assert_eq!(RevocationList::from_bundle(both.as_bytes()).unwrap().len(), 2);
    for spoilt in [
        pem(good) + &pem("revocation/lists/delta.crl"),
        pem(good) + "-----BEGIN X509 CRL-----\n!",
        String::new(),
    ] {
        assert!(RevocationList::from_bundle(spoilt.as_bytes()).is_err(), "{spoilt}");
    }
}

/// A trusted certificate that names itself as its issuer and did not sign itself is no root.
#[test]
fn a_partial_chain_says_what_it_ends_in() {
    let signer = Draft::new("signer", &key(1)).signed("top", &key(2));
    let end = |issuer_key: u32| {
        let top = Draft::new("top", &key(2)).authority(None).signed("top", &key(issuer_key));
        let validator = CertificateValidator::builder()
            .trusted(TrustStore::from_certificates([("top", top)]))
            .policy(ChainPolicy::default().partial_chain(true))
            .at(time(AT))
            .build();
        validator.validate(&signer).unwrap().end()
    };
    assert_eq!((end(2), end(3)), (ChainEnd::Root, ChainEnd::TrustedIntermediate));
}

/// A chain ends in an issuer: a trusted signing certificate that did not sign itself needs a pin, partial chains or not.
#[test]
fn a_trusted_signing_certificate_is_no_end_of_its_own_chain() {
    for (subject, issuer) in [("signer", "signer"), ("signer", "top")] {
        let signer = Draft::new(subject, &key(1)).authority(None).signed(issuer, &key(2));
        for policy in [ChainPolicy::cursive(), ChainPolicy::default(), ChainPolicy::rfc5280()] {
            let validator = |store: TrustStore, pins: Vec<ChainCertificate>| {
                let policy = policy.clone().partial_chain(true);
                CertificateValidator::builder().trusted(store).pin(pins).policy(policy).at(time(AT)).build()
            };
            let trusted = TrustStore::from_certificates([("signer", signer.clone())]);
            assert!(validator(trusted, Vec::new()).validate(&signer).is_err(), "{issuer} {}", policy.name());
            let pin = vec![ChainCertificate::new(signer.clone(), None)];
            assert!(validator(TrustStore::default(), pin).validate(&signer).is_ok());
        }
    }
}

#[test]
fn errors_and_verdicts_are_data_that_can_be_kept() {
    fn kept<T: Clone + std::fmt::Debug + Send + Sync + 'static>() {}
    kept::<ChainError>();
    kept::<VerifiedChain>();
    kept::<CertificateValidator>();
    kept::<TrustStore>();
    kept::<ChainPolicy>();
}
