//! The binary curves at the places where an implementation can go wrong: `test-vectors/binary_curves/`.

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

use common::der::{integer, oid, sequence, spki};
use common::{hex, vectors};
use longhand::{Curve, ErrorCode, HashMethod, KeyKind, PssSaltLength, PublicKey};
use proptest::prelude::*;

#[derive(Debug, serde::Deserialize)]
struct Case {
    id: String,
    curve: String,
    point: String,
    digest: String,
    signature: String,
    expect: String,
    #[serde(default)]
    code: Option<String>,
    openssl: Option<String>,
    openssl_key: Option<String>,
}

const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

fn curve(name: &str) -> (Curve, u8) {
    match name {
        "sect409k1" => (Curve::Sect409k1, 36),
        "sect409r1" => (Curve::Sect409r1, 37),
        "sect571k1" => (Curve::Sect571k1, 38),
        "sect571r1" => (Curve::Sect571r1, 39),
        other => panic!("{other}"),
    }
}

impl Case {
    fn all() -> Vec<Self> {
        let lines = fs::read_to_string(vectors().join("binary_curves/cases.jsonl")).unwrap();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn name(&self) -> &str {
        self.id.rsplit('/').next().unwrap()
    }

    fn key(&self) -> Result<PublicKey, ErrorCode> {
        let (curve, arc) = curve(&self.curve);
        let parameters = oid(&[0x2b, 0x81, 0x04, 0x00, arc]);
        let key = PublicKey::from_spki_der(&spki(EC, Some(parameters), &hex(&self.point)));
        let key = key.map_err(|error| error.code())?;
        assert_eq!(key.kind(), KeyKind::Ec(curve));
        Ok(key)
    }

    fn run(&self) -> Result<(), ErrorCode> {
        verify(&self.key()?, &hex(&self.digest), &hex(&self.signature))
    }
}

fn verify(key: &PublicKey, digest: &[u8], signature: &[u8]) -> Result<(), ErrorCode> {
    let fits = |method: &HashMethod| method.digest_length() == digest.len();
    let hash_method = HashMethod::ALL.into_iter().find(fits).unwrap();
    let verdict = key.verify_digest(hash_method, digest, signature, PssSaltLength::Auto);
    verdict.map(|_| ()).map_err(|error| error.code())
}

#[test]
fn every_case_ends_as_it_says() {
    let mut wrong = Vec::new();
    let cases = Case::all();
    for case in &cases {
        let code = case.run().err().map(ErrorCode::name);
        if code != case.code.as_deref() || (case.expect == "good") != code.is_none() {
            wrong.push(format!("{}: expected {:?}, came to {code:?}", case.id, case.code));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert_eq!(cases.len(), 400);
}

/// openssl verifies with a key outside the subgroup unless somebody asks it to check the key.
#[test]
fn openssl_differs_where_we_mean_to() {
    for case in Case::all() {
        let meant = match case.code.as_deref() {
            Some("point_outside_subgroup") => (Some("good"), Some("bad")),
            Some("point_encoding") if case.name() == "point-infinity" => (Some("bad"), Some("bad")),
            Some("point_encoding" | "point_not_on_curve") => (None, None),
            _ => (Some(case.expect.as_str()), Some("good")),
        };
        assert_eq!((case.openssl.as_deref(), case.openssl_key.as_deref()), meant, "{}", case.id);
    }
}

/// The signatures of these cases hold for whoever does not look: what refuses them is the test of the key.
#[test]
fn keys_of_small_order_and_good_keys_plus_one_are_refused() {
    let mut refused = BTreeMap::<_, Vec<_>>::new();
    for case in Case::all() {
        if case.key().err() == Some(ErrorCode::PointOutsideSubgroup) {
            refused.entry(case.curve.clone()).or_default().push(case.name().to_owned());
        }
    }
    let of = |orders: &[&str]| {
        let mut names = vec![];
        for order in orders {
            let forms: &[&str] =
                if *order == "order-2" { &["", "-form-02", "-form-03"] } else { &["", "-compressed"] };
            names.extend(forms.iter().map(|form| format!("key-of-{order}{form}")));
            for base in ["q", "g"] {
                names.extend(["", "-compressed"].map(|form| format!("key-{base}-plus-{order}{form}")));
            }
        }
        names
    };
    for (curve, orders) in [
        ("sect409k1", &["order-2", "order-4", "order-4-opposite"][..]),
        ("sect409r1", &["order-2"]),
        ("sect571k1", &["order-2", "order-4", "order-4-opposite"]),
        ("sect571r1", &["order-2"]),
    ] {
        assert_eq!(refused[curve], of(orders), "{curve}");
    }
}

#[test]
fn a_key_that_is_refused_names_its_curve() {
    for case in Case::all() {
        let (_, arc) = curve(&case.curve);
        let spki = spki(EC, Some(oid(&[0x2b, 0x81, 0x04, 0x00, arc])), &hex(&case.point));
        if let Err(error) = PublicKey::from_spki_der(&spki) {
            assert!(error.to_string().contains(&case.curve), "{error}");
        }
    }
}

/// A compressed key is the same key.
#[test]
fn a_compressed_key_verifies_what_the_uncompressed_one_does() {
    let cases = Case::all();
    for compressed in cases.iter().filter(|case| case.name() == "point-compressed") {
        let whole =
            cases.iter().find(|case| case.curve == compressed.curve && case.name() == "good").unwrap();
        assert_eq!(hex(&compressed.point)[1..], hex(&whole.point)[1..compressed.point.len() / 2]);
        let key = compressed.key().unwrap();
        for case in cases.iter().filter(|case| case.point == whole.point) {
            assert_eq!(verify(&key, &hex(&case.digest), &hex(&case.signature)), case.run(), "{}", case.id);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn no_signature_is_found_by_chance(
        r in proptest::collection::vec(any::<u8>(), 1..75),
        s in proptest::collection::vec(any::<u8>(), 1..75),
        digest: [u8; 32],
    ) {
        for case in Case::all().iter().filter(|case| case.name() == "good") {
            let signature = sequence([integer(&r), integer(&s)]).encode();
            prop_assert!(verify(&case.key().unwrap(), &digest, &signature).is_err());
        }
    }

    #[test]
    fn any_point_is_a_key_or_refused(
        mut octets in proptest::collection::vec(any::<u8>(), 146),
        form in 0..8_u8,
        arc in 36..40_u8,
    ) {
        // Octets of the right length, with the bits above x^m clear.
        let (length, mask) = if arc < 38 { (52, 1) } else { (72, 7) };
        octets[0] = form;
        octets[1] &= mask;
        octets[1 + length] &= mask;
        for length in [1 + length, 1 + 2 * length] {
            let key = spki(EC, Some(oid(&[0x2b, 0x81, 0x04, 0x00, arc])), &octets[..length]);
            if let Err(error) = PublicKey::from_spki_der(&key) {
                let code = error.code();
                prop_assert!(matches!(
                    code,
                    ErrorCode::PointEncoding | ErrorCode::PointNotOnCurve | ErrorCode::PointOutsideSubgroup
                ));
            } else {
                prop_assert!(form == 2 || form == 3);
            }
        }
    }
}
