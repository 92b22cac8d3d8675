//! Many certificates of one name: the right chain among them is found, its absence is told, and neither costs more than
//! the budget. By the recipes of `test-vectors/chains/README.md`, and with authorities made here.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "tests may panic"
)]

mod common;

use std::time::Duration;

use common::chain::octets;
use common::der::{Der, bit_string, null, oid, sequence, tlv};
use ed25519_dalek::{Signer as _, SigningKey};
use longhand::pki_types::UnixTime;
use longhand::{
    Certificate, CertificateValidator, ChainCertificate, ChainError, ChainPolicy, ErrorCode, NotAsked,
    SecondOpinion, SkipReason, StoredCertificate, TrustStore, VerifiedChain, limits,
};

/// 2030-01-01, when the vectors hold.
const TIME: UnixTime = UnixTime::since_unix_epoch(Duration::from_secs(1_893_456_000));

fn vector(name: &str) -> Certificate {
    Certificate::from_der(&octets(&format!("certificates/{name}.der"))).unwrap()
}

/// splitmix64: the same decoys in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, (self.roll() % (last as u64 + 1)) as usize);
        }
    }
}

/// Copies of a certificate, each with another odd modulus of the same length.
fn decoys(name: &str, count: usize) -> Vec<Certificate> {
    let template = octets(&format!("certificates/{name}.der"));
    let (start, length) = [(&[2, 0x82, 1, 1, 0], 256), (&[2, 0x82, 8, 1, 0], 2048)]
        .into_iter()
        .find_map(|(integer, length)| {
            let place = template.windows(5).position(|octets| octets == integer)?;
            Some((place + 5, length))
        })
        .unwrap();
    let mut dice = Dice(count as u64);
    let decoy = |_| {
        let mut der = template.clone();
        let modulus = &mut der[start..start + length];
        modulus.fill_with(|| dice.roll() as u8);
        modulus[0] |= 0x80;
        modulus[length - 1] |= 1;
        Certificate::from_der(&der).unwrap()
    };
    (0..count).map(decoy).collect()
}

fn validate(leaf: &Certificate, trusted: &[Certificate]) -> Result<VerifiedChain, ChainError> {
    validator(trusted, ChainPolicy::default()).validate(leaf)
}

fn validator(trusted: &[Certificate], policy: ChainPolicy) -> CertificateValidator {
    CertificateValidator::builder()
        .trusted(TrustStore::from_certificates(trusted.iter().map(|it| ("trusted", it.clone()))))
        .policy(policy)
        .at(TIME)
        .build()
}

/// Verdict, units and the chain's certificates: what must not depend on the order.
fn answer(leaf: &Certificate, trusted: &[Certificate]) -> Result<(u32, Vec<Certificate>), ErrorCode> {
    let chain = validate(leaf, trusted).map_err(|error| error.code())?;
    Ok((chain.work(), chain.certificates().iter().map(|it| it.certificate().clone()).collect()))
}

/// The answer, the same in three orders of the trusted set.
fn answer_in_any_order(
    leaf: &Certificate,
    trusted: &[Certificate],
) -> Result<(u32, Vec<Certificate>), ErrorCode> {
    let forward = answer(leaf, trusted);
    let mut other = trusted.to_vec();
    other.reverse();
    assert_eq!(forward, answer(leaf, &other), "reversed");
    Dice(7).shuffle(&mut other);
    assert_eq!(forward, answer(leaf, &other), "shuffled");
    forward
}

#[test]
fn the_right_chain_is_found_among_namesakes() {
    let (right, root) = (vector("namesake-right"), vector("namesake-root"));
    for (leaf, decoy) in [
        ("namesake-leaf", "namesake-decoy"),
        ("namesake-leaf", "namesake-decoy-same-identifier"),
        ("namesake-leaf-no-identifier", "namesake-decoy"),
        ("namesake-leaf-no-identifier", "namesake-decoy-same-identifier"),
    ] {
        let leaf_certificate = vector(leaf);
        for count in [3, 50, 500] {
            let mut trusted = decoys(decoy, count);
            trusted.insert(count / 2, right.clone());
            trusted.push(root.clone());
            let (work, chain) = answer_in_any_order(&leaf_certificate, &trusted).unwrap();
            assert_eq!(chain, [leaf_certificate.clone(), right.clone(), root.clone()]);
            let led_by_identifier = (leaf, decoy) == ("namesake-leaf", "namesake-decoy");
            let most = if led_by_identifier { LINKS + sorted(count + 1) } else { all(count) };
            assert!(work <= most, "{leaf} {decoy} {count}: {work} units, {most} at the most");
        }
    }
}

/// The units of two links and of the root's own signature, each of RSA-2048.
const LINKS: u32 = 3;

/// The units of putting so many candidates in order.
fn sorted(count: usize) -> u32 {
    (count / 32) as u32
}

/// The units of trying all decoys before the right one.
fn all(count: usize) -> u32 {
    LINKS + sorted(count + 1) + count as u32
}

#[test]
fn namesakes_without_the_right_one_are_refused() {
    let root = vector("namesake-root");
    for leaf in ["namesake-leaf", "namesake-leaf-no-identifier"] {
        for decoy in ["namesake-decoy", "namesake-decoy-same-identifier"] {
            for count in [3, 50, 500] {
                let mut trusted = decoys(decoy, count);
                trusted.insert(count / 2, root.clone());
                let refused = answer_in_any_order(&vector(leaf), &trusted);
                assert_eq!(refused, Err(ErrorCode::ChainSignatureInvalid), "{leaf} {decoy} {count}");
            }
        }
    }
}

#[test]
fn an_error_lists_a_bounded_number_of_namesakes() {
    let error = validate(&vector("namesake-leaf"), &decoys("namesake-decoy", 500)).unwrap_err();
    let candidates = error.candidates().unwrap();
    // One of the 32 is the error itself.
    let bound = limits::MAX_LISTED_CANDIDATES;
    assert_eq!((candidates.listed.len(), candidates.more), (bound - 1, 500 - bound));
}

/// RSA-16384 costs 64 units a check, and 16 to prepare the key. The signature is as long as the modulus, so that each is really tried.
#[test]
fn costly_decoys_spend_the_budget_to_its_end_and_not_past_it() {
    let mut leaf = Der::parse(&octets("certificates/leaf-below-root.der"));
    // sha256WithRSAEncryption.
    let algorithm = sequence([oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 11]), null()]);
    *leaf.at(&[0, 2]) = algorithm.clone();
    *leaf.at(&[1]) = algorithm;
    *leaf.at(&[2]) = bit_string(&[b'Z'; 2048]);
    let leaf = Certificate::from_der(&leaf.encode()).unwrap();

    let all = decoys("member-rsa16384", 250);
    let units = |count| count as u32 * 80 + sorted(count);
    assert!(units(249) <= limits::MAX_CHAIN_WORK && units(250) > limits::MAX_CHAIN_WORK);
    let error = validate(&leaf, &all[..249]).unwrap_err();
    assert_eq!(error.code(), ErrorCode::ChainSignatureInvalid);
    assert_eq!(error.candidates().unwrap().work, units(249));
    let mut past = all;
    let error = validate(&leaf, &past).unwrap_err();
    assert_eq!(error.candidates().unwrap().work, units(249));
    assert!(matches!(error, ChainError::BudgetSpent { limit: limits::MAX_CHAIN_WORK, .. }), "{error}");
    past.reverse();
    assert_eq!(answer(&leaf, &past), Err(ErrorCode::ChainBudgetSpent));
}

/// The leaf's signature is ECDSA's: keys of another kind are not tried.
#[test]
fn costly_decoys_of_another_kind_of_key_cost_nothing_beside_the_right_root() {
    let mut trusted = decoys("member-rsa16384", 400);
    trusted.push(vector("root"));
    let (work, chain) = answer_in_any_order(&vector("leaf-below-root"), &trusted).unwrap();
    // Two checks of P-256, and at the worst one unit a decoy.
    assert_eq!(chain.len(), 2);
    assert!((16..=16 + sorted(401) + 400).contains(&work), "{work}");
}

#[test]
fn a_certificate_of_one_megabyte_is_skipped_in_the_trusted_set() {
    let mut certificate = Der::parse(&octets("certificates/root.der"));
    let extensions = certificate.at(&[0]).children().last_mut().unwrap().at(&[0]).children();
    let large = Der::Raw(tlv(0x04, &tlv(0x04, &vec![0; 1 << 20])));
    // 1.3.6.1.4.1.99999.4
    extensions.push(sequence([oid(&[0x2b, 6, 1, 4, 1, 0x86, 0x8d, 0x1f, 4]), large]));
    let large = certificate.encode();
    assert!(large.len() > 1 << 20);
    let read = StoredCertificate::from_managed_object("large", "X.509", &large);
    assert_eq!(read.unwrap_err().code(), ErrorCode::CertificateTooLarge);

    let leaf = vector("leaf-below-root");
    let judge = |store: TrustStore| {
        let validator = CertificateValidator::builder().trusted(store).at(TIME).build();
        let reasons: Vec<_> = validator.skipped().iter().map(|skipped| skipped.reason.code()).collect();
        assert!(matches!(validator.skipped()[0].reason, SkipReason::Certificate(_)));
        (validator.validate(&leaf).map(|chain| chain.skipped().len()), reasons)
    };
    let large = TrustStore::from_bundle("large", &large).unwrap();
    let root = TrustStore::from_bundle("root", &octets("certificates/root.der")).unwrap();
    let (beside_the_root, reasons) = judge(large.clone().merged(root).unwrap());
    assert_eq!((beside_the_root.unwrap(), reasons), (1, vec![ErrorCode::CertificateTooLarge]));
    let (alone, _) = judge(large);
    assert_eq!(alone.unwrap_err().code(), ErrorCode::ChainIssuerMissing);
}

/// A certificate with an Ed25519 key, signed by an Ed25519 key; keys are numbers.
struct Made {
    serial: usize,
    issuer: String,
    subject: String,
    key: u8,
    signed_with: u8,
    authority: bool,
    years: &'static str,
    /// Extensions besides basicConstraints and keyUsage.
    extensions: Vec<u8>,
}

impl Made {
    fn certificate(&self) -> Certificate {
        const ED25519: &[u8] = &[0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70];
        let key = |number| SigningKey::from_bytes(&[number; 32]);
        let name = |text: &str| {
            let common_name = constructed(&[&[0x06, 3, 0x55, 4, 3], &tlv(0x0c, text.as_bytes())]);
            constructed(&[&tlv(0x31, &common_name)])
        };
        let bits = |octets: &[u8]| tlv(0x03, &[&[0], octets].concat());
        let basic = if self.authority {
            // CA:TRUE, and keyCertSign.
            [extension(19, &[0x30, 3, 1, 1, 0xff]), extension(15, &[3, 2, 2, 4])].concat()
        } else {
            extension(15, &[3, 2, 7, 0x80])
        };
        let extensions = [basic, self.extensions.clone()].concat();
        let (not_before, not_after) = self.years.split_once('-').unwrap();
        let time = |year: &str| tlv(0x17, format!("{year}0101000000Z").as_bytes());
        let to_be_signed = constructed(&[
            &[0xa0, 3, 2, 1, 2],
            &tlv(0x02, &[&[1], self.serial.to_be_bytes().as_slice()].concat()),
            ED25519,
            &name(&self.issuer),
            &constructed(&[&time(not_before), &time(not_after)]),
            &name(&self.subject),
            &constructed(&[ED25519, &bits(key(self.key).verifying_key().as_bytes())]),
            &tlv(0xa3, &tlv(0x30, &extensions)),
        ]);
        let signature = key(self.signed_with).sign(&to_be_signed).to_bytes();
        Certificate::from_der(&constructed(&[&to_be_signed, ED25519, &bits(&signature)])).unwrap()
    }
}

fn constructed(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

/// An extension below 2.5.29.
fn extension(arc: u8, value: &[u8]) -> Vec<u8> {
    constructed(&[&[0x06, 3, 0x55, 0x1d, arc], &tlv(0x04, value)])
}

/// Certificates of one name and one key: every one is an issuer of every other.
fn twins(count: usize, years: &'static str) -> Vec<ChainCertificate> {
    let twin = |serial| {
        let name = "Twin".to_owned();
        let made = Made {
            serial,
            issuer: name.clone(),
            subject: name,
            key: 1,
            signed_with: 1,
            authority: true,
            years,
            extensions: Vec::new(),
        };
        ChainCertificate::new(made.certificate(), None)
    };
    (0..count).map(twin).collect()
}

fn leaf_below(issuer: &str, extensions: Vec<u8>) -> Certificate {
    let made = Made {
        serial: 0,
        issuer: issuer.to_owned(),
        subject: "Leaf".to_owned(),
        key: 2,
        signed_with: 1,
        authority: false,
        years: "20-40",
        extensions,
    };
    made.certificate()
}

/// Each of thousands of authorities issued each other, and none leads to a trusted end: checking the signatures of all
/// is within the budget, to look at all pairs is not.
#[test]
fn authorities_that_all_issued_each_other_end_at_the_budget() {
    for (of_time, past_it, is_spent) in [
        (10, 0, false),
        (60, 0, false),
        (limits::MAX_TRUSTED_CERTIFICATES, 0, true),
        // Half of these can issue nothing: they cost no signature, and are looked at all the same.
        (2000, 2000, true),
    ] {
        let error = error_above(&[twins(of_time, "20-40"), twins(past_it, "20-21")].concat());
        let candidates = error.candidates().unwrap();
        assert_eq!(error.code() == ErrorCode::ChainBudgetSpent, is_spent, "{of_time} {past_it}: {error}");
        let tried = candidates.listed.len() + candidates.more;
        assert!(tried <= limits::MAX_CHAIN_WORK as usize, "{of_time} {past_it}: {tried} tried");
        assert!(candidates.work <= limits::MAX_CHAIN_WORK);
    }
}

/// Sixty twins in a row: of the signing certificate and of each twin one signature is checked, but for the last, which
/// finds nobody new; and each has its candidates put in order.
#[test]
fn putting_candidates_in_order_is_work() {
    let error = error_above(&twins(60, "20-40"));
    assert_eq!(error.candidates().unwrap().work, 60 * ED25519 + 61 * sorted(61));
}

/// The units of one signature.
const ED25519: u32 = 2;

fn error_above(twins: &[ChainCertificate]) -> ChainError {
    let validator = CertificateValidator::builder()
        .trusted(TrustStore::from_certificates([("root", vector("root"))]))
        .intermediates(twins.iter().cloned())
        .at(TIME)
        .build();
    validator.validate(&leaf_below("Twin", Vec::new())).unwrap_err()
}

/// Ten levels of two authorities, each of which issued both below it: 1024 chains, and none keeps the rules, which only
/// the whole chain can tell. To find them all is within the budget, to judge the 1280 policies of each is not.
#[test]
fn a_ladder_of_chains_that_all_break_a_rule_ends_at_the_budget() {
    const LEVELS: usize = 10;
    let policies: Vec<u8> = (0..limits::MAX_POLICIES as u8)
        .flat_map(|number| constructed(&[&[0x06, 4, 0x2b, 6, 1, number]]))
        .collect();
    let policies = extension(32, &tlv(0x30, &policies));
    // requireExplicitPolicy: 0.
    let demand = extension(36, &constructed(&[&[0x80, 1, 0]]));
    let name = |level: usize| format!("Level {level}");
    let authority = |level: usize, side: usize| Made {
        serial: 2 * level + side,
        issuer: name((level + 1).min(LEVELS)),
        subject: name(level),
        key: 1,
        signed_with: 1,
        authority: true,
        years: "20-40",
        extensions: [policies.clone(), demand.clone()].concat(),
    };
    let mut trusted: Vec<_> =
        (0..2 * LEVELS).map(|place| authority(place / 2, place % 2).certificate()).collect();
    trusted.push(authority(LEVELS, 0).certificate());
    let error = validate(&leaf_below(&name(0), Vec::new()), &trusted).unwrap_err();
    assert_eq!(error.code(), ErrorCode::ChainBudgetSpent, "{error}");
}

/// Found by fuzzing: rustls-webpki goes through no name and key twice, RFC 5280 does not mind.
#[test]
fn the_second_opinion_is_not_asked_where_a_name_and_its_key_come_twice() {
    let made = |serial, issuer: &str, subject: &str, key, signed_with, authority| {
        let (issuer, subject) = (issuer.to_owned(), subject.to_owned());
        let extensions = Vec::new();
        Made { serial, issuer, subject, key, signed_with, authority, years: "20-40", extensions }
            .certificate()
    };
    let signer = made(1, "Twice", "Twice", 1, 1, false);
    let trusted = [made(2, "Above", "Twice", 1, 2, true), made(3, "Above", "Above", 2, 2, true)];
    let chain = validator(&trusted, ChainPolicy::rfc5280()).validate(&signer).unwrap();
    assert_eq!(chain.certificates().len(), 3);
    assert_eq!(chain.second_opinion(), SecondOpinion::NotAsked(NotAsked::SameNameAndKey));
}
