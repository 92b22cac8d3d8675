//! The chain cases of `test-vectors/`: NIST PKITS, Cursive's own, and the generated ones, policy by policy.

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

use common::chain::{ChainCase, ChainFile, GeneratedCase, RevocationCase};
use longhand::{ErrorCode, NotAsked, SecondOpinion, VerifiedChain};

/// A case that ends otherwise than its source says, on purpose. A case here that ends as its source says fails too.
#[derive(Debug, serde::Deserialize)]
struct Exception {
    id: String,
    got: String,
    reason: String,
}

fn exceptions() -> BTreeMap<String, Exception> {
    let text = std::fs::read_to_string(common::vectors().join("exceptions.jsonl")).unwrap();
    let rows = text.lines().map(|line| serde_json::from_str::<Exception>(line).unwrap());
    rows.map(|row| (row.id.clone(), row)).collect()
}

/// What came of the cases of one policy.
#[derive(Debug, Default, PartialEq)]
struct Tally {
    as_expected: usize,
    excepted: usize,
    webpki_agreed: usize,
    webpki_not_asked: usize,
}

impl Tally {
    /// The name of the outcome; notes what the second opinion was.
    fn count(&mut self, judged: Result<VerifiedChain, ErrorCode>) -> String {
        match judged.as_ref().map(VerifiedChain::second_opinion) {
            Ok(SecondOpinion::Agreed) => self.webpki_agreed += 1,
            Ok(SecondOpinion::NotAsked(NotAsked::Policy)) | Err(_) => {}
            Ok(_) => self.webpki_not_asked += 1,
        }
        judged.map_or_else(|code| code.name().to_owned(), |_| "good".to_owned())
    }
}

fn run(folder: &str, name: &str, policy: &str) -> Tally {
    let file = ChainFile::read(folder, name);
    let exceptions = exceptions();
    let (mut tally, mut wrong) = (Tally::default(), Vec::new());
    let of_policy = |case: &&ChainCase| case.policy == policy;
    for case in file.cases.iter().filter(of_policy) {
        let judged = file.judge(case);
        let outcome = judged.clone().map(|_| ());
        let got = tally.count(judged);
        let as_expected = match case.expect.as_str() {
            "good" => outcome.is_ok(),
            "bad" => outcome.is_err(),
            "any" => true,
            other => panic!("{other}"),
        };
        match exceptions.get(&case.id) {
            Some(_) if as_expected => {
                wrong.push(format!("{}: ends as its source says, but is an exception", case.id));
            }
            Some(exception) if exception.got == got => {
                assert!(!exception.reason.is_empty());
                tally.excepted += 1;
            }
            _ if as_expected => tally.as_expected += 1,
            _ => wrong.push(format!("{}: expected {} ({}), came to {got}", case.id, case.expect, case.why)),
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    tally
}

/// Why each generated case is refused, by policy; `-` where it is not.
fn codes() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(common::vectors().join("chains/codes.txt")).unwrap();
    let rows = text.lines().flat_map(|line| {
        let words: Vec<_> = line.split(' ').collect();
        let codes = ["cursive", "default", "rfc5280"].into_iter().zip(&words[1..]);
        codes.map(|(policy, code)| (format!("{}#{policy}", words[0]), (*code).to_owned())).collect::<Vec<_>>()
    });
    rows.collect()
}

/// Every generated case, in every policy: rows of what Cursive does, and each rule with a neighbour that keeps it.
#[test]
fn generated_chains() {
    let (exceptions, codes) = (exceptions(), codes());
    let (mut tally, mut wrong) = (Tally::default(), Vec::new());
    for case in GeneratedCase::all() {
        for (policy, expect) in &case.expect {
            let id = format!("{}#{policy}", case.id);
            let got = tally.count(case.validate(policy));
            let as_expected = (expect == "good") == (got == "good");
            let code_fits = got == "good" || codes.get(&id) == Some(&got);
            match exceptions.get(&id) {
                Some(exception) if !as_expected && exception.got == got => tally.excepted += 1,
                None if as_expected && code_fits => tally.as_expected += 1,
                _ => wrong.push(format!("{id}: expected {expect}, came to {got} ({})", case.why)),
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(tally, Tally { as_expected: 453 * 3, excepted: 0, webpki_agreed: 259, webpki_not_asked: 44 });
}

#[test]
fn revocation_lists() {
    let (mut wrong, mut judged) = (Vec::new(), 0);
    for case in RevocationCase::all() {
        judged += 1;
        let got = match case.validate() {
            Ok(_) => "good",
            Err(ErrorCode::RevocationListUnusable) => "list_refused",
            Err(_) => "bad",
        };
        if got != case.expect {
            wrong.push(format!("{}: expected {}, came to {got} ({})", case.id, case.expect, case.why));
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(judged, 151);
}

#[test]
fn nist_pkits_with_cursives_rules() {
    assert_eq!(run("pkits", "cases.jsonl", "cursive"), Tally { as_expected: 167, ..Tally::default() });
}

#[test]
fn nist_pkits_with_the_rules_of_rfc_5280() {
    assert_eq!(
        run("pkits", "cases.jsonl", "rfc5280"),
        Tally { as_expected: 165, excepted: 2, webpki_agreed: 47, webpki_not_asked: 44 }
    );
}

#[test]
fn cursives_own_chains() {
    assert_eq!(run("cursive", "chain_cases.jsonl", "cursive"), Tally { as_expected: 14, ..Tally::default() });
}
