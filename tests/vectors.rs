//! Every case of `test-vectors/`, from image properties and certificate to the verdict.

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

use common::{Case, CaseFile};
use longhand::ErrorCode;

/// Runs all cases and counts them; one that ends otherwise than it says fails the test, by name.
fn run(folder: &str) -> usize {
    let file = CaseFile::read(folder);
    let mut wrong = Vec::new();
    for case in &file.cases {
        let outcome = file.run(case);
        let code = outcome.err().map(ErrorCode::name);
        let code_fits = case.code.is_none() || case.code.as_deref() == code;
        if (case.expect == "good") != outcome.is_ok() || !code_fits {
            let (id, expect, named, why) = (&case.id, &case.expect, &case.code, &case.why);
            wrong.push(format!("{id}: expected {expect} {named:?} ({why}), came to {code:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), file.cases.len(), wrong.join("\n"));
    file.cases.len()
}

#[test]
fn nist_cavp_and_rfc_6979() {
    assert_eq!(run("cavp"), 1303);
}

#[test]
fn cursive_signature_cases() {
    assert_eq!(run("cursive"), 37);
}

#[test]
fn fixtures_by_openssl() {
    assert_eq!(run("openssl"), 470);
}

/// A refusal for the wrong reason is a test that cannot fail: each way in which a signature can be spoilt ends in its
/// own code, which `run` compares.
#[test]
fn every_spoilt_fixture_names_its_code() {
    let file = CaseFile::read("openssl");
    let named = file.cases.iter().filter(|case| case.expect == "bad" && case.code.is_none());
    assert_eq!(named.map(|case| &case.id).collect::<Vec<_>>(), Vec::<&String>::new());
}

/// The cases that are good by a witness and bad here, or the other way round.
fn differences(witness: impl Fn(&Case) -> Option<&str>) -> (Vec<String>, Vec<String>) {
    let (mut kinder, mut stricter) = (Vec::new(), Vec::new());
    for case in CaseFile::read("openssl").cases {
        match (case.expect.as_str(), witness(&case)) {
            ("good", Some("bad")) => kinder.push(case.id),
            ("bad", Some("good")) => stricter.push(case.id),
            _ => {}
        }
    }
    (kinder, stricter)
}

/// `docs/COMPARE.md` and `test-vectors/README.md` give the reasons.
#[test]
fn nothing_is_good_here_that_openssl_or_cursive_refuses() {
    let (kinder, stricter) = differences(|case| case.openssl.as_deref());
    assert_eq!((kinder, stricter.len()), (vec![], 31), "{stricter:?}");
    let (kinder, stricter) = differences(|case| case.cursive.as_deref());
    assert_eq!((kinder, stricter.len()), (vec![], 26), "{stricter:?}");
}

#[test]
fn cases_cover_each_key_type_and_hash_method_with_both_verdicts() {
    let mut seen = BTreeMap::new();
    for folder in ["cavp", "openssl"] {
        for case in CaseFile::read(folder).cases {
            let word = |name: &str| case.properties.get(name).cloned().unwrap_or_default();
            let key = (word("img_signature_key_type"), word("img_signature_hash_method"), case.expect);
            *seen.entry(key).or_insert(0) += 1;
        }
    }
    for key_type in longhand::KeyType::DOCUMENTED {
        for hash_method in longhand::HashMethod::ALL {
            for verdict in ["good", "bad"] {
                let key = (key_type.to_string(), hash_method.to_string(), verdict.to_owned());
                assert!(seen.contains_key(&key), "{key:?}");
            }
        }
    }
}
