//! Policies: what Nova, Glance and Cinder verify, what they let pass, and that trust asked for is never left out.

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

use std::error::Error as _;
use std::fs;
use std::path::Path;

use longhand::{
    CannotVerifyReason, CinderSettings, Delivery, ErrorCode, ImageFacts, NotRequiredReason, NovaReading,
    NovaSettings, PolicyError, PropertyError, PropertyName, RebuildIds, Requirement, SignatureProperties,
    SignatureState, TrustChoice, VerificationPolicy,
};

const ROWS: usize = 144;

/// One row of `test-vectors/nova/truth_table.json`: what Nova was told, and what it did.
#[derive(Clone, Debug, serde::Deserialize)]
struct Row {
    verify_glance_signatures: bool,
    enable_certificate_validation: bool,
    default_trusted_certificate_ids: Option<String>,
    user_trusted_ids: Option<String>,
    image: String,
    persisted_ids: Option<String>,
    outcome: String,
    verified: bool,
}

impl Row {
    fn all() -> Vec<Self> {
        #[derive(serde::Deserialize)]
        struct Table {
            rows: Vec<Row>,
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("test-vectors/nova/truth_table.json");
        let table: Table = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        assert_eq!(table.rows.len(), ROWS);
        table.rows
    }

    fn settings(&self, reading: NovaReading) -> NovaSettings {
        NovaSettings::new()
            .verify_glance_signatures(self.verify_glance_signatures)
            .enable_certificate_validation(self.enable_certificate_validation)
            .default_trusted_certificate_ids(self.default_trusted_certificate_ids.clone())
            .reading(reading)
    }

    fn signature(&self) -> SignatureState {
        match self.image.as_str() {
            "complete and good" | "complete, signature bad" => SignatureState::Complete,
            "one property missing" => partial(),
            "no properties" => SignatureState::Absent,
            other => panic!("{other}"),
        }
    }

    fn outcome(&self) -> Outcome {
        match (self.outcome.as_str(), self.verified) {
            ("boots", true) => Outcome::Verified,
            ("boots", false) => Outcome::BootsUnverified,
            ("SignatureVerificationError", false) => Outcome::PropertiesRefused,
            ("CertificateValidationFailed", false) => Outcome::Untrusted,
            ("InvalidSignature", false) => Outcome::SignatureBad,
            other => panic!("{other:?}"),
        }
    }

    /// The ids that the API keeps, and what a compute host does with them.
    fn ours(&self, reading: NovaReading) -> (Option<Vec<String>>, Outcome) {
        let settings = self.settings(reading);
        let given = self.user_trusted_ids.clone().map(|id| vec![id]);
        let kept = settings.ids_at_create(given.as_deref(), Delivery::Downloaded).unwrap();
        let facts = ImageFacts::new(self.signature()).kept_ids(kept.clone().unwrap_or_default());
        let decided = VerificationPolicy::nova(settings).decide(&facts);
        (kept, self.carried_out(decided))
    }

    /// What comes of a decision for this row's image, whose certificate "root" issued and "other" did not.
    fn carried_out(&self, decided: Result<Requirement, PolicyError>) -> Outcome {
        let chain_holds = |trust: &TrustChoice| trust.ids().unwrap().iter().any(|id| id == "root");
        let signature_holds = || self.image == "complete and good";
        match decided {
            Ok(Requirement::NotRequired(NotRequiredReason::SwitchedOff)) => Outcome::BootsUnverified,
            Err(PolicyError::Properties { .. } | PolicyError::NotSigned) => Outcome::PropertiesRefused,
            Err(PolicyError::TrustMissing { .. }) => Outcome::Untrusted,
            Ok(Requirement::Verify { chain: Some(trust) }) if !chain_holds(&trust) => Outcome::Untrusted,
            Ok(Requirement::Verify { .. }) if !signature_holds() => Outcome::SignatureBad,
            Ok(Requirement::Verify { .. }) => Outcome::Verified,
            other => panic!("{other:?}"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    BootsUnverified,
    Verified,
    PropertiesRefused,
    Untrusted,
    SignatureBad,
}

fn partial() -> SignatureState {
    SignatureState::Unusable(PropertyError::Incomplete { missing: vec![PropertyName::KeyType] })
}

fn malformed() -> SignatureState {
    SignatureState::Unusable(PropertyError::Empty { property: PropertyName::KeyType })
}

fn ids(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|&id| id.to_owned()).collect()
}

#[test]
fn nova_by_its_code_does_what_nova_did_in_all_144_rows() {
    let mut outcomes = Vec::new();
    for row in Row::all() {
        let (kept, outcome) = row.ours(NovaReading::Code);
        assert_eq!(kept, row.persisted_ids.clone().map(|id| vec![id]), "{row:?}");
        assert_eq!(outcome, row.outcome(), "{row:?}");
        outcomes.push(outcome);
    }
    let count = |wanted: Outcome| outcomes.iter().filter(|outcome| **outcome == wanted).count();
    assert_eq!(count(Outcome::BootsUnverified), 16);
    assert_eq!(count(Outcome::Verified), 17);
    assert_eq!(count(Outcome::PropertiesRefused), 64);
    assert_eq!(count(Outcome::Untrusted), 30);
    assert_eq!(count(Outcome::SignatureBad), 17);
}

/// `verify_glance_signatures` off, `enable_certificate_validation` on, no ids from the user: the default ids, the
/// image, what the code does.
const CODE_AND_DOCUMENTS_DIFFER: [(&str, &str, Outcome); 8] = [
    ("root", "complete and good", Outcome::Verified),
    ("root", "one property missing", Outcome::PropertiesRefused),
    ("root", "no properties", Outcome::PropertiesRefused),
    ("root", "complete, signature bad", Outcome::SignatureBad),
    ("other", "complete and good", Outcome::Untrusted),
    ("other", "one property missing", Outcome::PropertiesRefused),
    ("other", "no properties", Outcome::PropertiesRefused),
    ("other", "complete, signature bad", Outcome::Untrusted),
];

#[test]
fn nova_by_its_documents_lets_eight_rows_boot_and_differs_in_no_other() {
    let mut differing = Vec::new();
    for row in Row::all() {
        let (code, documents) = (row.ours(NovaReading::Code), row.ours(NovaReading::Documents));
        assert_eq!(code.0, documents.0, "the ids kept are the same by both: {row:?}");
        if code.1 == documents.1 {
            continue;
        }
        assert_eq!(documents.1, Outcome::BootsUnverified, "{row:?}");
        assert!(!row.verify_glance_signatures && row.enable_certificate_validation, "{row:?}");
        assert_eq!(row.user_trusted_ids, None, "{row:?}");
        differing.push((row.default_trusted_certificate_ids.unwrap(), row.image, code.1));
    }
    let expected =
        CODE_AND_DOCUMENTS_DIFFER.map(|(ids, image, code)| (ids.to_owned(), image.to_owned(), code));
    assert_eq!(differing, expected);
}

#[test]
fn ids_in_force_on_a_compute_host() {
    let kept = ids(&["kept"]);
    for (verify, validate, kept, code, documents) in [
        (false, false, None, None, None),
        (true, false, None, None, None),
        (false, true, None, Some("default"), None),
        (true, true, None, Some("default"), Some("default")),
        (false, false, Some(&kept), Some("kept"), Some("kept")),
        (true, true, Some(&kept), Some("kept"), Some("kept")),
        (true, true, Some(&Vec::new()), Some("default"), Some("default")),
    ] {
        let settings = NovaSettings::new()
            .verify_glance_signatures(verify)
            .enable_certificate_validation(validate)
            .default_trusted_certificate_ids(["default"]);
        let in_force = |reading| {
            let settings = settings.clone().reading(reading);
            settings.ids_in_force(kept.map(Vec::as_slice)).map(|ids| ids.join(","))
        };
        let case = format!("{verify} {validate} {kept:?}");
        assert_eq!(in_force(NovaReading::Code).as_deref(), code, "{case}");
        assert_eq!(in_force(NovaReading::Documents).as_deref(), documents, "{case}");
    }
}

#[test]
fn ids_kept_by_create_and_rebuild() {
    let both = || NovaSettings::new().verify_glance_signatures(true).enable_certificate_validation(true);
    let with_defaults = || both().default_trusted_certificate_ids(["default"]);
    let one_switch = || with_defaults().verify_glance_signatures(false);
    let given = ids(&["given"]);

    for (settings, given, kept) in [
        (NovaSettings::new(), None, None),
        (NovaSettings::new(), Some(&given), Some(ids(&["given"]))),
        (both(), None, None),
        (with_defaults(), None, Some(ids(&["default"]))),
        (with_defaults(), Some(&given), Some(ids(&["given"]))),
        (one_switch(), None, None),
        (with_defaults().enable_certificate_validation(false), None, None),
        (with_defaults().user_ids_allowed(false), None, Some(ids(&["default"]))),
    ] {
        let answer = settings.ids_at_create(given.map(Vec::as_slice), Delivery::Downloaded);
        assert_eq!(answer, Ok(kept), "{settings:?} {given:?}");
    }

    let earlier = ids(&["earlier"]);
    for (settings, kept_before, change, kept) in [
        (NovaSettings::new(), None, RebuildIds::Keep, None),
        (NovaSettings::new(), Some(&earlier), RebuildIds::Keep, Some("earlier")),
        (with_defaults(), None, RebuildIds::Keep, None),
        (with_defaults(), Some(&earlier), RebuildIds::Keep, Some("earlier")),
        (NovaSettings::new(), Some(&earlier), RebuildIds::Reset, None),
        (one_switch(), Some(&earlier), RebuildIds::Reset, None),
        (with_defaults(), Some(&earlier), RebuildIds::Reset, Some("default")),
        (with_defaults(), Some(&earlier), RebuildIds::Give(ids(&["given"])), Some("given")),
        (with_defaults(), None, RebuildIds::Give(ids(&["given"])), Some("given")),
        (with_defaults().user_ids_allowed(false), Some(&earlier), RebuildIds::Keep, Some("earlier")),
    ] {
        let kept_before = kept_before.map(Vec::as_slice);
        let answer = settings.ids_at_rebuild(kept_before, &change, Delivery::Downloaded);
        assert_eq!(answer, Ok(kept.map(|id| ids(&[id]))), "{settings:?} {kept_before:?} {change:?}");
    }
}

#[test]
fn a_user_who_may_not_give_ids_may_not_reset_them_either() {
    let settings = NovaSettings::new().user_ids_allowed(false);
    let (given, here) = (ids(&["given"]), Delivery::Downloaded);
    let forbidden = Err(PolicyError::TrustedIdsForbidden);
    assert_eq!(settings.ids_at_create(Some(&given), here), forbidden);
    assert_eq!(settings.ids_at_rebuild(None, &RebuildIds::Give(given), here), forbidden);
    assert_eq!(settings.ids_at_rebuild(Some(&ids(&["kept"])), &RebuildIds::Reset, here), forbidden);

    let policy = VerificationPolicy::nova(settings);
    let facts = ImageFacts::new(SignatureState::Complete);
    let refused = policy.decide(&facts.clone().trusted_ids(["given"]));
    assert_eq!(refused, Err(PolicyError::TrustedIdsForbidden));
    // What the API has kept, it has judged.
    let chain = Some(TrustChoice::KeptIds(ids(&["kept"])));
    assert_eq!(policy.decide(&facts.kept_ids(["kept"])), Ok(Requirement::Verify { chain }));
}

#[test]
fn no_ids_are_kept_with_a_server_that_boots_from_a_volume() {
    let defaults = NovaSettings::new()
        .verify_glance_signatures(true)
        .enable_certificate_validation(true)
        .default_trusted_certificate_ids(["default"]);
    let (given, volume) = (ids(&["given"]), Delivery::FromVolume);
    let refused = Err(PolicyError::TrustNotCheckable { reason: CannotVerifyReason::FromVolume });
    assert_eq!(NovaSettings::new().ids_at_create(None, volume), Ok(None));
    assert_eq!(NovaSettings::new().ids_at_create(Some(&given), volume), refused);
    assert_eq!(defaults.ids_at_create(None, volume), refused);
    assert_eq!(defaults.ids_at_rebuild(None, &RebuildIds::Keep, volume), Ok(None));
    assert_eq!(defaults.ids_at_rebuild(None, &RebuildIds::Reset, volume), refused);
    assert_eq!(defaults.ids_at_rebuild(None, &RebuildIds::Give(given), volume), refused);
}

/// What a decision comes to, short enough for a table.
fn told(decided: Result<Requirement, PolicyError>) -> String {
    match decided {
        Ok(Requirement::NotRequired(reason)) => format!("not required: {reason:?}"),
        Ok(Requirement::CannotVerify(reason)) => format!("cannot: {reason:?}"),
        Ok(Requirement::Verify { chain: None }) => "signature".to_owned(),
        Ok(Requirement::Verify { chain: Some(trust) }) => match trust {
            TrustChoice::UserIds(ids) => format!("chain to user's {}", ids.join(" ")),
            TrustChoice::KeptIds(ids) => format!("chain to kept {}", ids.join(" ")),
            TrustChoice::DefaultIds(ids) => format!("chain to default {}", ids.join(" ")),
            TrustChoice::Store => "chain to store".to_owned(),
            other => panic!("{other:?}"),
        },
        Ok(other) => panic!("{other:?}"),
        Err(error) => error.code().name().to_owned(),
    }
}

fn check(policy: &VerificationPolicy, cases: &[(ImageFacts, &str)]) {
    for (facts, expected) in cases {
        assert_eq!(told(policy.decide(facts)), *expected, "{policy:?} {facts:?}");
    }
}

fn complete() -> ImageFacts {
    ImageFacts::new(SignatureState::Complete)
}

fn incomplete() -> ImageFacts {
    ImageFacts::new(partial())
}

fn unsigned() -> ImageFacts {
    ImageFacts::new(SignatureState::Absent)
}

fn unusable() -> ImageFacts {
    ImageFacts::new(malformed())
}

#[test]
fn trusted_asks_for_signature_and_chain() {
    check(
        &VerificationPolicy::trusted(),
        &[
            (complete(), "trust_missing"),
            (complete().trusted_ids(["a", "b"]), "chain to user's a b"),
            (complete().kept_ids(["k"]), "chain to kept k"),
            (complete().kept_ids([""; 0]), "trust_missing"),
            (complete().trust_store(true), "chain to store"),
            (complete().trusted_ids(["a"]).kept_ids(["k"]).trust_store(true), "chain to user's a"),
            (complete().kept_ids(["k"]).trust_store(true), "chain to kept k"),
            (incomplete().trusted_ids(["a"]), "properties_incomplete"),
            (unusable().trusted_ids(["a"]), "property_empty"),
            (unsigned().trusted_ids(["a"]), "image_not_signed"),
            (unsigned(), "image_not_signed"),
            (complete().delivery(Delivery::Cached), "trust_missing"),
        ],
    );
}

#[test]
fn required_asks_for_a_signature_and_for_a_chain_where_there_is_trust() {
    check(
        &VerificationPolicy::required(),
        &[
            (complete(), "signature"),
            (complete().trusted_ids(["a"]), "chain to user's a"),
            (complete().kept_ids(["k"]), "chain to kept k"),
            (complete().trust_store(true), "chain to store"),
            (complete().trusted_ids(["a"]).trust_store(true), "chain to user's a"),
            (incomplete(), "properties_incomplete"),
            (unusable(), "property_empty"),
            (unsigned(), "image_not_signed"),
            (unsigned().delivery(Delivery::FromVolume), "image_not_signed"),
        ],
    );
}

#[test]
fn nova_uses_a_trust_store_where_it_would_verify_without_one() {
    let off = NovaSettings::new();
    let signature = NovaSettings::new().verify_glance_signatures(true);
    let both = signature.clone().enable_certificate_validation(true);
    let defaults = both.clone().default_trusted_certificate_ids(["d"]);
    let ignored_defaults = signature.clone().default_trusted_certificate_ids(["d"]);
    for (settings, without, with) in [
        (off, "not required: SwitchedOff", "not required: SwitchedOff"),
        (signature, "signature", "chain to store"),
        (ignored_defaults, "signature", "chain to store"),
        (both, "trust_missing", "chain to store"),
        (defaults, "chain to default d", "chain to default d"),
    ] {
        let policy = VerificationPolicy::nova(settings);
        check(&policy, &[(complete(), without), (complete().trust_store(true), with)]);
        // Ids override every switch and are merged with nothing.
        let given = complete().trusted_ids(["u"]);
        check(
            &policy,
            &[(given.clone(), "chain to user's u"), (given.trust_store(true), "chain to user's u")],
        );
    }
}

#[test]
fn glance_verifies_what_has_all_four_properties_and_never_a_chain() {
    check(
        &VerificationPolicy::glance(),
        &[
            (complete(), "signature"),
            (incomplete(), "not required: SignedInPart"),
            (unsigned(), "not required: NotSigned"),
            (unusable(), "property_empty"),
            (complete().delivery(Delivery::ClonedInStore), "cannot: ClonedInStore"),
            (complete().trusted_ids(["a"]), "trust_not_offered"),
            (unsigned().trusted_ids(["a"]), "trust_not_offered"),
            (complete().kept_ids(["a"]), "trust_not_offered"),
            (complete().trust_store(true), "trust_not_offered"),
            (complete().host_validates_certificates(false), "signature"),
        ],
    );
}

#[test]
fn cinder_verifies_what_it_downloads_and_never_a_chain() {
    check(
        &VerificationPolicy::cinder(CinderSettings::default()),
        &[
            (complete(), "signature"),
            (incomplete(), "properties_incomplete"),
            (unusable(), "property_empty"),
            (unsigned(), "not required: NotSigned"),
            (complete().delivery(Delivery::ClonedInStore), "cannot: ClonedInStore"),
            (complete().delivery(Delivery::Cached), "cannot: Cached"),
            (incomplete().delivery(Delivery::Cached), "cannot: Cached"),
            (unsigned().delivery(Delivery::Cached), "not required: NotSigned"),
            (complete().trusted_ids(["a"]), "trust_not_offered"),
            (complete().trust_store(true), "trust_not_offered"),
            (complete().host_validates_certificates(false), "signature"),
        ],
    );
    check(
        &VerificationPolicy::cinder(CinderSettings::new().verify_glance_signatures(false)),
        &[
            (complete(), "not required: SwitchedOff"),
            (incomplete(), "not required: SwitchedOff"),
            (unsigned(), "not required: SwitchedOff"),
            (complete().trusted_ids(["a"]), "trust_not_offered"),
        ],
    );
}

#[test]
fn bytes_that_nobody_sees_cannot_be_verified_and_are_refused_where_trust_was_asked_for() {
    let signature = NovaSettings::new().verify_glance_signatures(true);
    let both = signature.clone().enable_certificate_validation(true);
    let defaults = both.clone().default_trusted_certificate_ids(["d"]);
    let policies = [
        // The policy, without and with ids.
        (VerificationPolicy::required(), Ok(()), Err(())),
        (VerificationPolicy::nova(signature), Ok(()), Err(())),
        (VerificationPolicy::nova(both), Err(()), Err(())),
        (VerificationPolicy::nova(defaults), Err(()), Err(())),
    ];
    for (delivery, reason) in [
        (Delivery::ClonedInStore, CannotVerifyReason::ClonedInStore),
        (Delivery::FromVolume, CannotVerifyReason::FromVolume),
        (Delivery::Cached, CannotVerifyReason::Cached),
    ] {
        let answer = |answer| match answer {
            Ok(()) => Ok(Requirement::CannotVerify(reason)),
            Err(()) => Err(PolicyError::TrustNotCheckable { reason }),
        };
        for (policy, without, with) in &policies {
            let facts = complete().delivery(delivery);
            assert_eq!(policy.decide(&facts), answer(*without), "{policy:?} {delivery:?}");
            assert_eq!(policy.decide(&facts.trusted_ids(["u"])), answer(*with), "{policy:?} {delivery:?}");
        }
        for facts in [complete().kept_ids(["k"]), complete().trust_store(true)] {
            let decided = VerificationPolicy::trusted().decide(&facts.delivery(delivery));
            assert_eq!(decided, answer(Err(())), "{delivery:?}");
        }
        // A server that boots from a volume need have no image at all.
        let policy = VerificationPolicy::nova(NovaSettings::new().verify_glance_signatures(true));
        assert_eq!(policy.decide(&unsigned().delivery(delivery)), answer(Ok(())), "{delivery:?}");
        let policy = VerificationPolicy::nova(NovaSettings::new());
        let decided = policy.decide(&complete().delivery(delivery));
        assert_eq!(decided, Ok(Requirement::NotRequired(NotRequiredReason::SwitchedOff)), "{delivery:?}");
    }
}

#[test]
fn a_host_that_validates_no_certificates_verifies_signatures_alone() {
    let host = |facts: ImageFacts| facts.host_validates_certificates(false);
    let refused = "trust_not_checkable";
    check(
        &VerificationPolicy::trusted(),
        &[(host(complete().trusted_ids(["a"])), refused), (host(complete().trust_store(true)), refused)],
    );
    check(
        &VerificationPolicy::required(),
        &[(host(complete()), "signature"), (host(complete().trusted_ids(["a"])), refused)],
    );
    let nova = NovaSettings::new().verify_glance_signatures(true);
    check(
        &VerificationPolicy::nova(nova),
        &[(host(complete()), "signature"), (host(complete().kept_ids(["a"])), refused)],
    );
}

#[test]
fn ids_that_a_user_gives_are_one_to_fifty_different_texts() {
    let fifty: Vec<_> = (0..50).map(|id| id.to_string()).collect();
    let fifty_one: Vec<_> = (0..51).map(|id| id.to_string()).collect();
    let cases: [(Vec<String>, Result<(), ErrorCode>); 8] = [
        (ids(&["a"]), Ok(())),
        (fifty, Ok(())),
        (ids(&["A", "a", " a"]), Ok(())),
        (ids(&[]), Err(ErrorCode::TrustedIdsEmpty)),
        (fifty_one, Err(ErrorCode::TrustedIdsTooMany)),
        (ids(&["a", "b", "a"]), Err(ErrorCode::TrustedIdRepeated)),
        (ids(&["a", ""]), Err(ErrorCode::TrustedIdEmpty)),
        (vec!["a".repeat(1025)], Err(ErrorCode::TrustedIdTooLong)),
    ];
    let nova = NovaSettings::new();
    for (ids, expected) in cases {
        let (code, here) = (|error: PolicyError| error.code(), Delivery::Downloaded);
        assert_eq!(nova.ids_at_create(Some(&ids), here).map(drop).map_err(code), expected, "{ids:?}");
        let rebuilt = nova.ids_at_rebuild(None, &RebuildIds::Give(ids.clone()), here);
        assert_eq!(rebuilt.map(drop).map_err(code), expected, "{ids:?}");
        for policy in [
            VerificationPolicy::trusted(),
            VerificationPolicy::required(),
            VerificationPolicy::nova(nova.clone()),
        ] {
            let decided = policy.decide(&complete().trusted_ids(ids.clone()));
            assert_eq!(decided.map(drop).map_err(code), expected, "{policy:?} {ids:?}");
        }
        // Where no chain is ever validated, ids are refused whatever they are.
        for policy in [VerificationPolicy::glance(), VerificationPolicy::cinder(CinderSettings::new())] {
            assert!(policy.decide(&complete().trusted_ids(ids.clone())).is_err(), "{policy:?} {ids:?}");
        }
    }
}

#[test]
fn the_state_of_the_signature_is_made_from_what_reading_the_properties_gave() {
    let all = [
        ("img_signature", "QUJD"),
        ("img_signature_hash_method", "SHA-256"),
        ("img_signature_key_type", "RSA-PSS"),
        ("img_signature_certificate_uuid", "x"),
    ];
    let state =
        |count: usize| SignatureState::from(&SignatureProperties::from_properties(all[..count].to_vec()));
    assert_eq!(state(4), SignatureState::Complete);
    assert_eq!(state(0), SignatureState::Absent);
    let missing = vec![PropertyName::CertificateUuid];
    assert_eq!(state(3), SignatureState::Unusable(PropertyError::Incomplete { missing }));
}

#[test]
fn errors_name_what_is_wrong_and_keep_their_source() {
    let source = PropertyError::Incomplete { missing: vec![PropertyName::KeyType] };
    let reason = CannotVerifyReason::FromVolume;
    for (error, code, words) in [
        (PolicyError::from(source.clone()), ErrorCode::PropertiesIncomplete, "img_signature_key_type"),
        (
            PolicyError::NotSigned,
            ErrorCode::ImageNotSigned,
            "Signature verification for the image failed: the image is not signed",
        ),
        (PolicyError::TrustedIdsEmpty, ErrorCode::TrustedIdsEmpty, "it is empty"),
        (
            PolicyError::TrustedIdsTooMany { count: 51, limit: 50 },
            ErrorCode::TrustedIdsTooMany,
            "51 trusted certificate ids are given, more than 50",
        ),
        (PolicyError::TrustedIdEmpty { position: 7 }, ErrorCode::TrustedIdEmpty, "position 7"),
        (
            PolicyError::TrustedIdTooLong { position: 7, length: 1025, limit: 1024 },
            ErrorCode::TrustedIdTooLong,
            "position 7, from 0, is 1025 bytes long, more than 1024",
        ),
        (PolicyError::TrustedIdsForbidden, ErrorCode::TrustedIdsForbidden, "may not"),
        (PolicyError::TrustMissing { policy: "nova" }, ErrorCode::TrustMissing, "the policy nova"),
        (PolicyError::TrustNotOffered { policy: "glance" }, ErrorCode::TrustNotOffered, "the policy glance"),
        (PolicyError::TrustNotCheckable { reason }, ErrorCode::TrustNotCheckable, "boots from a volume"),
    ] {
        assert_eq!(error.code(), code);
        assert_eq!(error.disposition(), code.disposition());
        assert!(error.to_string().contains(words), "{error}");
    }
    let error = PolicyError::from(source.clone());
    assert_eq!(error.source().unwrap().to_string(), source.to_string());

    let twice = complete().trusted_ids(["a\u{1b}[2J", "a\u{1b}[2J"]);
    let shown = VerificationPolicy::required().decide(&twice).unwrap_err().to_string();
    assert!(shown.contains(r#""a\u{1b}[2J" is given twice"#), "{shown}");
}

#[test]
fn defaults_are_the_services_own() {
    let nova = NovaSettings::new()
        .verify_glance_signatures(false)
        .enable_certificate_validation(false)
        .default_trusted_certificate_ids([""; 0])
        .user_ids_allowed(true)
        .reading(NovaReading::Code);
    assert_eq!((NovaSettings::new(), NovaSettings::default()), (nova.clone(), nova));
    assert_eq!(NovaReading::default(), NovaReading::Code);
    assert_eq!(CinderSettings::default(), CinderSettings::new().verify_glance_signatures(true));
    let plain = complete().kept_ids([""; 0]).trust_store(false).delivery(Delivery::Downloaded);
    assert_eq!(complete(), plain.host_validates_certificates(true));
}

#[test]
fn each_policy_has_its_name() {
    let names = [
        VerificationPolicy::trusted(),
        VerificationPolicy::required(),
        VerificationPolicy::nova(NovaSettings::new()),
        VerificationPolicy::glance(),
        VerificationPolicy::cinder(CinderSettings::new()),
    ]
    .map(|policy| policy.name());
    assert_eq!(names, ["trusted", "required", "nova", "glance", "cinder"]);
}
