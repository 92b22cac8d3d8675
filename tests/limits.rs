//! Every bound of `limits.rs`, at the bound and past it.

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

use common::CaseFile;
use common::authority::{AT, Draft, key, stored};
use common::chain::time;
use common::der::{Der, integer, null, oid, sequence, spki, tlv};
use longhand::limits::{
    DSA_Q_BITS, MAX_CERTIFICATE_DER, MAX_CERTIFICATE_INPUT, MAX_CHAIN_LENGTH, MAX_CHAIN_WORK, MAX_DSA_P_BITS,
    MAX_EXCERPT, MAX_EXTENSIONS, MAX_GENERAL_NAMES, MAX_LISTED_CANDIDATES, MAX_NAME_ATTRIBUTES,
    MAX_NAME_COMPARISONS, MAX_NAME_SHOWN, MAX_NAME_TEXT, MAX_OBJECT_IDENTIFIER, MAX_POLICIES,
    MAX_PROPERTY_TEXT, MAX_RSA_BITS, MAX_RSA_EXPONENT, MAX_SIGNATURE_TEXT, MAX_TRUSTED_CERTIFICATES,
    MAX_TRUSTED_ID, MAX_TRUSTED_IDS, MIN_AUTHORITY_DSA_BITS, MIN_AUTHORITY_RSA_BITS, MIN_DSA_P_BITS,
    MIN_RSA_BITS, MIN_RSA_EXPONENT,
};
use longhand::{
    Certificate, CertificateError, CertificateValidator, ChainError, ChainPolicy, ErrorCode, ImageFacts,
    KeyKind, PolicyError, PropertyError, PropertyName, PublicKey, PublicKeyError, RevocationList,
    RevocationListError, RuleViolation, SignatureProperties, SignatureState, SkipReason, TrustStore,
    VerificationPolicy, VerifiedChain,
};

fn certificate() -> Der {
    Der::parse(&CaseFile::read("openssl").certificate("openssl/secp384r1/SHA-384").der())
}

fn properties(name: &str, value: &str) -> Result<Option<SignatureProperties>, PropertyError> {
    let good = [
        ("img_signature", "QUJD"),
        ("img_signature_hash_method", "SHA-256"),
        ("img_signature_key_type", "RSA-PSS"),
        ("img_signature_certificate_uuid", "x"),
    ];
    SignatureProperties::from_properties(
        good.map(|(known, good)| (known, if known == name { value } else { good })),
    )
}

#[test]
fn signature_text() {
    assert!(properties("img_signature", &"A".repeat(MAX_SIGNATURE_TEXT)).is_ok());
    let property = PropertyName::Signature;
    let (length, limit) = (MAX_SIGNATURE_TEXT + 4, MAX_SIGNATURE_TEXT);
    let error = properties("img_signature", &"A".repeat(length)).unwrap_err();
    assert_eq!(error, PropertyError::TooLong { property, length, limit });
}

#[test]
fn property_text() {
    assert!(properties("img_signature_certificate_uuid", &"x".repeat(MAX_PROPERTY_TEXT)).is_ok());
    for property in [PropertyName::CertificateUuid, PropertyName::HashMethod, PropertyName::KeyType] {
        let (length, limit) = (MAX_PROPERTY_TEXT + 1, MAX_PROPERTY_TEXT);
        let error = properties(property.as_str(), &"x".repeat(length)).unwrap_err();
        assert_eq!(error, PropertyError::TooLong { property, length, limit });
    }
    let error = properties("img_signature_key_type", &"x".repeat(MAX_PROPERTY_TEXT)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::KeyTypeUnknown);
}

#[test]
fn excerpts() {
    let long = "y".repeat(MAX_PROPERTY_TEXT);
    let message = properties("img_signature_key_type", &long).unwrap_err().to_string();
    assert!(message.contains(&"y".repeat(MAX_EXCERPT)) && !message.contains(&"y".repeat(MAX_EXCERPT + 1)));
}

/// The certificate, made longer by an extension until its DER has this many octets.
fn certificate_of(length: usize) -> Vec<u8> {
    let with_padding = |octets: usize| {
        let mut tree = certificate();
        let value = tlv(0x04, &tlv(0x04, &vec![0; octets]));
        let extension = sequence([oid(&[0x2a, 3]), Der::Raw(value)]);
        tree.at(&[0, 7, 0]).children().push(extension);
        tree.encode()
    };
    let base = with_padding(length / 2).len() - length / 2;
    let der = with_padding(length - base);
    assert_eq!(der.len(), length);
    der
}

#[test]
fn certificate_der() {
    assert!(Certificate::from_der(&certificate_of(MAX_CERTIFICATE_DER)).unwrap().extensions().is_ok());
    let (length, limit) = (MAX_CERTIFICATE_DER + 1, MAX_CERTIFICATE_DER);
    let error = Certificate::from_der(&certificate_of(length)).unwrap_err();
    assert_eq!(error, CertificateError::TooLarge { length, limit });
}

#[test]
fn certificate_input() {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(certificate().encode());
    let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    let dump = |length: usize| format!("{}\n{pem}", " ".repeat(length - pem.len() - 1));
    assert!(Certificate::from_bytes(dump(MAX_CERTIFICATE_INPUT).as_bytes()).is_ok());
    for length in [MAX_CERTIFICATE_INPUT + 1, 100_000_000] {
        let error = Certificate::from_bytes(dump(length).as_bytes()).unwrap_err();
        assert_eq!(error, CertificateError::TooLarge { length, limit: MAX_CERTIFICATE_INPUT });
    }
}

#[test]
fn name_attributes() {
    let named = |count: usize| {
        let mut tree = certificate();
        let attribute = tree.at(&[0, 5, 0]).clone();
        *tree.at(&[0, 5]) = sequence(vec![attribute; count]);
        Certificate::from_der(&tree.encode())
    };
    assert!(named(MAX_NAME_ATTRIBUTES).is_ok());
    let error = named(MAX_NAME_ATTRIBUTES + 1).unwrap_err();
    assert_eq!(error.code(), ErrorCode::CertificateTooManyParts);
}

#[test]
fn name_text() {
    let shown = |tag: u8, length: usize| {
        let mut tree = certificate();
        let value = Der::Primitive(tag, vec![b'x'; length]);
        *tree.at(&[0, 5]) = sequence([Der::Constructed(0x31, vec![sequence([oid(&[0x55, 4, 3]), value])])]);
        Certificate::from_der(&tree.encode()).unwrap().subject().to_string()
    };
    assert_eq!(shown(0x0c, MAX_NAME_TEXT), format!("CN={}", "x".repeat(MAX_NAME_TEXT)));
    for length in [MAX_NAME_TEXT + 1, 60_000] {
        assert_eq!(shown(0x0c, length), format!("CN={}…", "x".repeat(MAX_NAME_TEXT)));
    }
    // Of a type without text, the hex of tag, length and contents.
    assert!(!shown(0x04, MAX_NAME_TEXT / 2 - 3).contains('…'));
    assert_eq!(shown(0x04, 60_000).chars().count(), "CN=#".len() + MAX_NAME_TEXT + 1);
}

/// Whole names are cut as well: an error shows dozens.
#[test]
fn names_shown() {
    let mut changed = certificate();
    let attribute = sequence([oid(&[0x55, 4, 3]), Der::Primitive(0x0c, vec![b'x'; 200])]);
    for (count, cut) in [(5, false), (6, true), (60, true)] {
        let rdns = (0..count).map(|_| Der::Constructed(0x31, vec![attribute.clone()]));
        *changed.at(&[0, 5]) = sequence(rdns.collect::<Vec<_>>());
        let shown = Certificate::from_der(&changed.encode()).unwrap().subject().to_string();
        let length = if cut { MAX_NAME_SHOWN + 1 } else { count * "CN=,".len() + count * 200 - 1 };
        assert_eq!((shown.chars().count(), shown.ends_with('…')), (length, cut), "{count}");
    }
}

#[test]
fn object_identifiers() {
    let named = |length: usize| {
        let algorithm = vec![0x2a; length];
        PublicKey::from_spki_der(&spki(&algorithm, None, &[0])).unwrap_err().code()
    };
    assert_eq!(named(MAX_OBJECT_IDENTIFIER), ErrorCode::KeyAlgorithmUnsupported);
    assert_eq!(named(MAX_OBJECT_IDENTIFIER + 1), ErrorCode::KeyMalformed);
}

#[test]
fn extensions() {
    let extended = |count: usize| {
        let mut tree = certificate();
        let extension = |index: usize| {
            let last = u8::try_from(index).unwrap();
            sequence([oid(&[0x2a, 3, last]), Der::Primitive(4, null().encode())])
        };
        *tree.at(&[0, 7, 0]) = sequence((0..count).map(extension).collect::<Vec<_>>());
        Certificate::from_der(&tree.encode()).unwrap().extensions().map(|list| list.len())
    };
    assert_eq!(extended(MAX_EXTENSIONS), Ok(MAX_EXTENSIONS));
    assert_eq!(extended(MAX_EXTENSIONS + 1).unwrap_err().code(), ErrorCode::CertificateTooManyParts);
}

/// An odd number of so many bits.
fn odd(bits: u32) -> Vec<u8> {
    let mut octets = vec![0; usize::try_from(bits.div_ceil(8)).unwrap()];
    octets[0] = 1 << ((bits - 1) % 8);
    *octets.last_mut().unwrap() |= 1;
    octets
}

fn rsa_spki(modulus: &[u8], exponent: u64) -> Vec<u8> {
    let algorithm = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
    let key = sequence([integer(modulus), integer(&exponent.to_be_bytes())]);
    spki(algorithm, Some(null()), &key.encode())
}

fn rsa(modulus: &[u8], exponent: u64) -> Result<PublicKey, PublicKeyError> {
    PublicKey::from_spki_der(&rsa_spki(modulus, exponent))
}

#[test]
fn rsa_bits() {
    for (bits, good) in
        [(MIN_RSA_BITS - 1, false), (MIN_RSA_BITS, true), (MAX_RSA_BITS, true), (MAX_RSA_BITS + 1, false)]
    {
        let error = PublicKeyError::RsaModulus { bits: bits.into(), even: false };
        assert_eq!(rsa(&odd(bits), 3).err(), (!good).then_some(error));
    }
}

#[test]
fn rsa_exponents() {
    for (exponent, good) in [
        (MIN_RSA_EXPONENT - 2, false),
        (MIN_RSA_EXPONENT, true),
        (MAX_RSA_EXPONENT, true),
        (MAX_RSA_EXPONENT + 2, false),
    ] {
        assert_eq!(rsa(&odd(2048), exponent).is_ok(), good, "{exponent}");
    }
}

fn dsa_spki(p_bits: u32, q_bits: u32) -> Vec<u8> {
    let algorithm = &[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01];
    let parameters = sequence([integer(&odd(p_bits)), integer(&odd(q_bits)), integer(&[2])]);
    spki(algorithm, Some(parameters), &integer(&[2]).encode())
}

/// Whether the sizes alone are refused; such numbers break other rules.
fn dsa_sizes_are_refused(p_bits: u32, q_bits: u32) -> bool {
    match PublicKey::from_spki_der(&dsa_spki(p_bits, q_bits)).unwrap_err() {
        PublicKeyError::DsaSize { p_bits: p, q_bits: q } => (p, q) == (p_bits.into(), q_bits.into()),
        PublicKeyError::DsaParameter { .. } => false,
        other => panic!("{other}"),
    }
}

#[test]
fn dsa_bits() {
    for q_bits in DSA_Q_BITS {
        assert!(dsa_sizes_are_refused(MIN_DSA_P_BITS - 1, q_bits));
        assert!(!dsa_sizes_are_refused(MIN_DSA_P_BITS, q_bits));
        assert!(!dsa_sizes_are_refused(MAX_DSA_P_BITS, q_bits));
        assert!(dsa_sizes_are_refused(MAX_DSA_P_BITS + 1, q_bits));
        assert!(dsa_sizes_are_refused(2048, q_bits - 1));
        assert!(dsa_sizes_are_refused(2048, q_bits + 1));
    }
}

fn trusted_ids(ids: Vec<String>) -> Result<(), PolicyError> {
    let facts = ImageFacts::new(SignatureState::Complete).trusted_ids(ids);
    VerificationPolicy::trusted().decide(&facts).map(drop)
}

#[test]
fn trusted_id_count() {
    let ids = |count: usize| (0..count).map(|id| id.to_string()).collect::<Vec<_>>();
    assert_eq!(trusted_ids(ids(MAX_TRUSTED_IDS)), Ok(()));
    let (count, limit) = (MAX_TRUSTED_IDS + 1, MAX_TRUSTED_IDS);
    assert_eq!(trusted_ids(ids(count)), Err(PolicyError::TrustedIdsTooMany { count, limit }));
}

#[test]
fn trusted_id_length() {
    let ids = |length: usize| vec!["short".to_owned(), "x".repeat(length)];
    assert_eq!(trusted_ids(ids(MAX_TRUSTED_ID)), Ok(()));
    let (position, length, limit) = (1, MAX_TRUSTED_ID + 1, MAX_TRUSTED_ID);
    assert_eq!(trusted_ids(ids(length)), Err(PolicyError::TrustedIdTooLong { position, length, limit }));
}

fn validator(trusted: impl IntoIterator<Item = Certificate>, policy: ChainPolicy) -> CertificateValidator {
    let numbered =
        trusted.into_iter().enumerate().map(|(number, certificate)| (number.to_string(), certificate));
    let store = TrustStore::from_certificates(numbered);
    CertificateValidator::builder().trusted(store).policy(policy).at(time(AT)).build()
}

fn judge(trusted: Vec<Certificate>, signer: &Certificate) -> Result<VerifiedChain, ChainError> {
    validator(trusted, ChainPolicy::default()).validate_stored(&stored("signer", signer), &[])
}

/// A self-signed root with the key of number 0.
fn root() -> Certificate {
    Draft::new("root", &key(0)).authority(None).signed("root", &key(0))
}

/// A signing certificate and the authorities above it, so many certificates in all.
fn chain_of(length: usize) -> (Certificate, Vec<Certificate>) {
    let mut authorities = vec![root()];
    let mut issuer = ("root".to_owned(), 0);
    for number in 1..u32::try_from(length).unwrap() - 1 {
        let subject = format!("authority {number}");
        let draft = Draft::new(&subject, &key(number)).authority(None);
        authorities.push(draft.signed(&issuer.0, &key(issuer.1)));
        issuer = (subject, number);
    }
    (Draft::new("signer", &key(1000)).signed(&issuer.0, &key(issuer.1)), authorities)
}

#[test]
fn chain_length() {
    let (signer, authorities) = chain_of(MAX_CHAIN_LENGTH);
    let chain = judge(authorities, &signer).unwrap();
    assert_eq!(chain.certificates().len(), MAX_CHAIN_LENGTH);
    for length in [MAX_CHAIN_LENGTH + 1, MAX_CHAIN_LENGTH + 40] {
        let (signer, authorities) = chain_of(length);
        let error = judge(authorities, &signer).unwrap_err();
        assert_eq!(error.violation(), Some(&RuleViolation::TooLong), "{length}: {error}");
        assert_eq!(error.code(), ErrorCode::ChainPathLength);
    }
}

/// The way that the key identifiers promise is too long; the last authority on it stands on a short one as well.
#[test]
fn chain_length_of_the_shortest_way() {
    let (_, mut authorities) = chain_of(MAX_CHAIN_LENGTH + 1);
    let key_id = |octet: u8| Der::Primitive(0x04, vec![octet]);
    let authority_key_id = Der::Constructed(0x30, vec![Der::Primitive(0x80, vec![7])]);
    let number = u32::try_from(MAX_CHAIN_LENGTH).unwrap() - 1;
    let last = |issuer: u32, octet: u8| {
        let draft = Draft::new("last", &key(number)).authority(None).extension(14, key_id(octet));
        draft.signed(&format!("authority {issuer}"), &key(issuer))
    };
    let signer =
        Draft::new("signer", &key(1000)).extension(35, authority_key_id).signed("last", &key(number));
    *authorities.last_mut().unwrap() = last(number - 1, 7);
    let error = judge(authorities.clone(), &signer).unwrap_err();
    assert_eq!(error.violation(), Some(&RuleViolation::TooLong), "{error}");
    authorities.push(last(1, 8));
    assert_eq!(judge(authorities, &signer).unwrap().certificates().len(), 4);
}

/// Each decoy has the issuer's name and the largest key and exponent: 223 units a check, 16 to prepare the key.
#[test]
fn chain_work() {
    const PRICE: u32 = 223 + 16;
    let sha256_with_rsa = sequence([oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b]), null()]);
    let signer = Draft::new("signer", &key(1)).unsigned("root", &sha256_with_rsa);
    let decoy = |number: u32| {
        let mut modulus = odd(MAX_RSA_BITS);
        modulus[4..8].copy_from_slice(&number.to_be_bytes());
        let spki = rsa_spki(&modulus, MAX_RSA_EXPONENT);
        Draft::of_key("root", spki).authority(None).signed("root", &key(0))
    };
    let affordable = MAX_CHAIN_WORK / PRICE;
    let error = judge((0..affordable).map(decoy).collect(), &signer).unwrap_err();
    assert_eq!(error.violation(), Some(&RuleViolation::SignatureInvalid), "{error}");
    for count in [affordable + 1, affordable + 100] {
        let error = judge((0..count).map(decoy).collect(), &signer).unwrap_err();
        assert!(matches!(error, ChainError::BudgetSpent { limit: MAX_CHAIN_WORK, .. }), "{error}");
        assert_eq!(error.code(), ErrorCode::ChainBudgetSpent);
        let tried = error.candidates().unwrap();
        assert_eq!(tried.listed.len() + tried.more, usize::try_from(affordable).unwrap());
    }
}

#[test]
fn listed_candidates() {
    let signer = Draft::new("signer", &key(1)).signed("root", &key(0));
    let namesake =
        |number: u32| Draft::new("root", &key(number)).authority(None).signed("root", &key(number));
    for (count, more) in [
        (1, 0),
        (MAX_LISTED_CANDIDATES, 0),
        (MAX_LISTED_CANDIDATES + 1, 1),
        (MAX_LISTED_CANDIDATES + 100, 100),
    ] {
        let namesakes = (2..).map(namesake).take(count).collect();
        let error = judge(namesakes, &signer).unwrap_err();
        let candidates = error.candidates().unwrap();
        // The first is the one that the error is about.
        assert_eq!(candidates.listed.len() + 1, count.min(MAX_LISTED_CANDIDATES), "{count}");
        assert_eq!(candidates.more, more, "{count}");
    }
}

#[test]
fn listed_skipped_certificates() {
    let signer = Draft::new("signer", &key(1)).signed("root", &key(0));
    let useless = |number: u32| Draft::new("useless", &key(number)).signed("root", &key(0));
    for count in [MAX_LISTED_CANDIDATES, MAX_LISTED_CANDIDATES + 1] {
        let members: Vec<_> = (2..).map(useless).take(count).collect();
        let error = judge(members.clone(), &signer).unwrap_err();
        assert_eq!(error.candidates().unwrap().skipped.len(), MAX_LISTED_CANDIDATES);
        // The validator and the verdict keep all.
        assert_eq!(validator(members.clone(), ChainPolicy::default()).skipped().len(), count);
        let chain = judge([members, vec![root()]].concat(), &signer).unwrap();
        assert_eq!(chain.skipped().len(), count);
    }
}

/// Why a member of the trusted set with this key can issue nothing, by a policy.
fn skip_reason(spki: Vec<u8>, policy: ChainPolicy) -> Option<RuleViolation> {
    let member = Draft::of_key("root", spki).authority(None).signed("root", &key(0));
    match validator([member], policy).skipped() {
        [] => None,
        [skipped] => match &skipped.reason {
            SkipReason::Rule(violation) => Some(violation.clone()),
            other => panic!("{other}"),
        },
        more => panic!("{more:?}"),
    }
}

#[test]
fn authority_rsa_bits() {
    let weak = |bits| Some(RuleViolation::KeyTooWeak { kind: KeyKind::Rsa, bits });
    for (bits, reason) in [
        (MIN_AUTHORITY_RSA_BITS, None),
        (MIN_AUTHORITY_RSA_BITS - 1, weak(MIN_AUTHORITY_RSA_BITS - 1)),
        (MIN_RSA_BITS, weak(MIN_RSA_BITS)),
    ] {
        let spki = rsa_spki(&odd(bits), 65_537);
        for policy in [ChainPolicy::default(), ChainPolicy::rfc5280()] {
            assert_eq!(skip_reason(spki.clone(), policy), reason, "{bits}");
        }
        assert_eq!(skip_reason(spki, ChainPolicy::cursive()), None, "{bits}");
    }
}

#[test]
fn authority_dsa_bits() {
    let (p_bits, q_bits) = MIN_AUTHORITY_DSA_BITS;
    let weak = |bits| Some(RuleViolation::KeyTooWeak { kind: KeyKind::Dsa, bits });
    for (p, q, reason) in [
        (p_bits, q_bits, None),
        (p_bits - 1, q_bits, weak(p_bits - 1)),
        (p_bits, 160, weak(p_bits)),
        (p_bits, 256, None),
        (MIN_DSA_P_BITS, 160, weak(MIN_DSA_P_BITS)),
    ] {
        for policy in [ChainPolicy::default(), ChainPolicy::rfc5280()] {
            assert_eq!(skip_reason(dsa_spki(p, q), policy), reason, "{p} {q}");
        }
        assert_eq!(skip_reason(dsa_spki(p, q), ChainPolicy::cursive()), None, "{p} {q}");
    }
}

/// A subjectAltName of so many names.
fn alternative_names(count: usize) -> Der {
    sequence((0..count).map(|number| dns(&format!("a{number}"))).collect::<Vec<_>>())
}

fn dns(text: &str) -> Der {
    Der::Primitive(0x82, text.as_bytes().to_vec())
}

/// A root that excludes so many subtrees.
fn excluding(count: usize) -> Certificate {
    let subtrees: Vec<_> = (0..count).map(|number| sequence([dns(&format!("x{number}"))])).collect();
    let constraints = sequence([Der::Constructed(0xa1, subtrees)]);
    Draft::new("root", &key(0)).authority(None).extension(30, constraints).signed("root", &key(0))
}

#[test]
fn general_names() {
    let signer = |count: usize| {
        Draft::new("signer", &key(1)).extension(17, alternative_names(count)).signed("root", &key(0))
    };
    assert!(judge(vec![root()], &signer(MAX_GENERAL_NAMES)).is_ok());
    let error = judge(vec![root()], &signer(MAX_GENERAL_NAMES + 1)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::ChainExtensionMalformed, "{error}");

    let plain = Draft::new("signer", &key(1)).signed("root", &key(0));
    assert!(judge(vec![excluding(MAX_GENERAL_NAMES)], &plain).is_ok());
    let refused = validator([excluding(MAX_GENERAL_NAMES + 1)], ChainPolicy::default());
    assert_eq!(refused.skipped()[0].reason.code(), ErrorCode::ChainExtensionMalformed);
}

fn list(name: &str) -> Der {
    Der::parse(&std::fs::read(format!("test-vectors/chains/revocation/lists/{name}.crl")).unwrap())
}

/// No certificate can have a longer name, so such a list is nobody's.
#[test]
fn revocation_list_issuer() {
    let mut list = list("root-good");
    let grown = |list: &mut Der, by: usize| {
        list.at(&[0, 2, 0, 0, 1]).contents().resize(by, b'x');
        (list.at(&[0, 2]).encode().len(), RevocationList::from_bytes(&list.encode()))
    };
    let (overhead, _) = grown(&mut list, MAX_CERTIFICATE_DER / 2);
    let fitting = MAX_CERTIFICATE_DER - (overhead - MAX_CERTIFICATE_DER / 2);
    let (length, outcome) = grown(&mut list, fitting);
    assert_eq!((length, outcome.map(|_| ())), (MAX_CERTIFICATE_DER, Ok(())));
    let (length, outcome) = grown(&mut list, fitting + 1);
    let too_large = CertificateError::TooLarge { length, limit: MAX_CERTIFICATE_DER };
    assert_eq!(outcome.map(|_| ()), Err(RevocationListError::Part(too_large)));
}

#[test]
fn distribution_point_names() {
    let with_names = |count: usize| {
        let mut list = list("idp-point");
        let uri = |number: usize| Der::Primitive(0x86, format!("http://crl/{number}").into_bytes());
        let names = Der::Constructed(0xa0, (0..count).map(uri).collect());
        let point = sequence([Der::Constructed(0xa0, vec![names])]);
        let extensions = list.at(&[0, 5, 0]).children();
        *extensions.last_mut().unwrap().children().last_mut().unwrap() = Der::Primitive(0x04, point.encode());
        RevocationList::from_bytes(&list.encode()).map(|_| ())
    };
    assert_eq!(with_names(MAX_GENERAL_NAMES), Ok(()));
    let error = with_names(MAX_GENERAL_NAMES + 1).unwrap_err();
    assert!(matches!(error, RevocationListError::Malformed(_)), "{error}");
}

#[test]
fn name_comparisons() {
    let subtrees = 1000;
    let names = usize::try_from(MAX_NAME_COMPARISONS).unwrap() / subtrees;
    // The subject is a name as well.
    let signer = |count: usize| {
        let draft = Draft::new("signer", &key(1)).extension(17, alternative_names(count - 1));
        draft.signed("root", &key(0))
    };
    assert!(judge(vec![excluding(subtrees)], &signer(names)).is_ok());
    let error = judge(vec![excluding(subtrees)], &signer(names + 1)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::ChainNameConstraints);
    assert!(error.to_string().contains("more comparisons than the bound"), "{error}");
}

#[test]
fn policies() {
    let signer = |count: usize| {
        let policy = |number: usize| {
            let [high, low] = u16::try_from(number).unwrap().to_be_bytes();
            sequence([oid(&[0x2a, 3, 0x80 | high << 1 | low >> 7, low & 0x7f])])
        };
        let policies = sequence((128..).map(policy).take(count).collect::<Vec<_>>());
        Draft::new("signer", &key(1)).extension(32, policies).signed("root", &key(0))
    };
    assert!(judge(vec![root()], &signer(MAX_POLICIES)).is_ok());
    let error = judge(vec![root()], &signer(MAX_POLICIES + 1)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::ChainExtensionMalformed, "{error}");
}

/// What is stored beside the signing certificate: the first so many count.
#[test]
fn stored_intermediates() {
    let intermediate = Draft::new("intermediate", &key(2)).authority(None).signed("root", &key(0));
    let signer = Draft::new("signer", &key(1)).signed("intermediate", &key(2));
    let other = Draft::new("other", &key(3)).signed("root", &key(0));
    let validator = validator([root()], ChainPolicy::default());
    let beside = |others: usize| {
        let mut beside = vec![other.clone(); others];
        beside.push(intermediate.clone());
        validator.validate_stored(&stored("signer", &signer), &beside).map(|_| ())
    };
    assert!(beside(MAX_TRUSTED_CERTIFICATES - 1).is_ok());
    let error = beside(MAX_TRUSTED_CERTIFICATES).unwrap_err();
    assert_eq!(error.code(), ErrorCode::ChainIssuerMissing, "{error}");
}
