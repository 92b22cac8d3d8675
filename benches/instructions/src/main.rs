//! `longhand-instructions SCENARIO TIMES` sets a scenario up and runs it so many times; without arguments it lists them.
//!
//! `.ci/instructions` runs each under callgrind twice, for different TIMES: the difference is free of the set-up.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Duration;

use longhand::pki_types::UnixTime;
use longhand::{
    Certificate, CertificateValidator, ChainPolicy, Digest, HashMethod, PssSaltLength, PublicKey,
    SignatureProperties, StreamingDigest, TrustStore,
};

/// Sets up, and gives what is to be counted.
type SetUp = fn() -> Box<dyn FnMut()>;

const SCENARIOS: &[(&str, SetUp)] = &[
    ("properties", properties),
    ("certificate-rsa-2048", || read_certificate(SIGNER)),
    ("certificate-bundle-of-four", bundle),
    ("chain-of-four", chain_of_four),
    ("chain-of-four-warm", chain_of_four_warm),
    ("chain-of-four-rfc5280-warm", chain_of_four_rfc5280_warm),
    ("chain-among-50-namesakes", chain_among_namesakes),
    ("chain-among-50-namesakes-warm", chain_among_namesakes_warm),
    ("validator-of-50-namesakes", validator_of_namesakes),
    ("search-among-50-of-another-key-warm", search_without_signatures),
    ("key-rsa-2048", || prepare_key("openssl/rsa2048/SHA-256/salt-max")),
    ("key-sect571r1", || prepare_key("openssl/sect571r1/SHA-512")),
    ("verify-rsa-2048", || verify("openssl/rsa2048/SHA-256/salt-max")),
    ("verify-dsa-2048-256", || verify("openssl/dsa2048-256/SHA-256")),
    ("verify-secp384r1", || verify("openssl/secp384r1/SHA-384")),
    ("verify-secp521r1", || verify("openssl/secp521r1/SHA-512")),
    ("first-verify-secp384r1", || first_verify("openssl/secp384r1/SHA-384")),
    ("verify-sect409k1", || verify("openssl/sect409k1/SHA-384")),
    ("verify-sect571r1", || verify("openssl/sect571r1/SHA-512")),
    ("digest-sha256-1-mib", || digest(HashMethod::Sha256)),
    ("digest-sha512-1-mib", || digest(HashMethod::Sha512)),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => SCENARIOS.iter().for_each(|(name, _)| println!("{name}")),
        [scenario, times] => {
            let found = SCENARIOS.iter().find(|(name, _)| name == scenario);
            let (_, set_up) = found.expect("one of the scenarios that it lists without arguments");
            let times: u32 = times.parse().expect("a number");
            let mut run = set_up();
            (0..times).for_each(|_| run());
        }
        _ => panic!("usage: longhand-instructions [SCENARIO TIMES]"),
    }
}

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test-vectors")
}

fn read(path: impl AsRef<Path>) -> Vec<u8> {
    std::fs::read(vectors().join(path)).expect("the vectors lie in the repository")
}

/// Nova's documented chain: a signing certificate, two intermediates and a root, each of RSA-2048.
const SIGNER: &str = "125e6199-2de4-46e3-b091-8e2401ef0d63";
const TRUSTED: [&str; 3] = [
    "0b5d2c72-12cc-4ba6-a8d7-3ff5cc1d8cb8",
    "674736e3-f25c-405c-8362-bbf991e0ce0a",
    "8fbcce5d-d646-4295-ba8a-269fc9451eeb",
];

fn nova(id: &str) -> Vec<u8> {
    let file = format!("walkthrough/nova/certs/{id}.crt");
    Certificate::from_bytes(&read(file)).expect("good").der().to_vec()
}

fn properties() -> Box<dyn FnMut()> {
    let case = case("openssl/rsa2048/SHA-256/salt-max");
    let object = case["properties"].as_object().expect("an object").clone();
    Box::new(move || {
        let words = object.iter().filter_map(|(name, value)| Some((name, value.as_str()?)));
        black_box(SignatureProperties::from_properties(words).expect("good"));
    })
}

fn read_certificate(id: &str) -> Box<dyn FnMut()> {
    let der = nova(id);
    Box::new(move || {
        black_box(Certificate::from_der(black_box(&der)).expect("good"));
    })
}

fn bundle() -> Box<dyn FnMut()> {
    let files = TRUSTED.iter().chain([&SIGNER]);
    let pem: Vec<u8> = files.flat_map(|id| read(format!("walkthrough/nova/certs/{id}.crt"))).collect();
    Box::new(move || {
        let store = TrustStore::from_bundle("bundle", black_box(&pem)).expect("good");
        assert_eq!(black_box(store).len(), 4);
    })
}

fn validator(trusted: &[Vec<u8>], policy: ChainPolicy, seconds: u64) -> CertificateValidator {
    let read = |der: &Vec<u8>| ("trusted", Certificate::from_der(der).expect("good"));
    CertificateValidator::builder()
        .trusted(TrustStore::from_certificates(trusted.iter().map(read)))
        .policy(policy)
        .at(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
        .build()
}

/// When Nova's documented chain is valid.
const NOVA_TIME: u64 = 1_800_000_000;
/// 2030-01-01, when the vectors of `chains` are.
const VECTOR_TIME: u64 = 1_893_456_000;

/// From the certificates' DER to the verdict.
fn cold(signer: Vec<u8>, trusted: Vec<Vec<u8>>, seconds: u64) -> Box<dyn FnMut()> {
    Box::new(move || {
        let validator = validator(black_box(&trusted), ChainPolicy::default(), seconds);
        let signer = Certificate::from_der(black_box(&signer)).expect("good");
        let _ = black_box(validator.validate(&signer).expect("trusted"));
    })
}

/// With everything kept from an earlier request: the validator, the certificates, their keys.
fn warm(signer: &[u8], trusted: &[Vec<u8>], policy: ChainPolicy, seconds: u64) -> Box<dyn FnMut()> {
    let validator = validator(trusted, policy, seconds);
    let signer = Certificate::from_der(signer).expect("good");
    let run = move || {
        let _ = black_box(validator.validate(black_box(&signer)).expect("trusted"));
    };
    run();
    Box::new(run)
}

fn chain_of_four() -> Box<dyn FnMut()> {
    cold(nova(SIGNER), TRUSTED.map(nova).into(), NOVA_TIME)
}

fn chain_of_four_warm() -> Box<dyn FnMut()> {
    warm(&nova(SIGNER), &TRUSTED.map(nova), ChainPolicy::default(), NOVA_TIME)
}

/// With rustls-webpki's second opinion.
fn chain_of_four_rfc5280_warm() -> Box<dyn FnMut()> {
    warm(&nova(SIGNER), &TRUSTED.map(nova), ChainPolicy::rfc5280(), NOVA_TIME)
}

fn vector(name: &str) -> Vec<u8> {
    read(format!("chains/certificates/{name}.der"))
}

/// Copies of a certificate, each with another odd modulus (`test-vectors/chains/README.md`), behind these octets.
fn decoys(template: &str, integer: [u8; 5], count: u8) -> Vec<Vec<u8>> {
    let template = vector(template);
    let start = template.windows(5).position(|octets| octets == integer).expect("such a modulus") + 5;
    let length = usize::from(integer[2]) << 8 | usize::from(integer[3]);
    let decoy = |number: u8| {
        let mut der = template.clone();
        let modulus = &mut der[start..start + length - 1];
        modulus.fill(number.wrapping_mul(151));
        modulus[0] |= 0x80;
        modulus[length - 2] |= 1;
        der
    };
    (1..=count).map(decoy).collect()
}

/// A signing certificate and 50 intermediates of its issuer's name, one of which issued it: told by their key
/// identifiers, so that the search counts and not the signatures.
fn namesakes() -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut trusted = decoys("namesake-decoy", [2, 0x82, 1, 1, 0], 49);
    trusted.insert(25, vector("namesake-right"));
    trusted.push(vector("namesake-root"));
    (vector("namesake-leaf"), trusted)
}

/// What is judged of a trusted set alone: no signature is checked.
fn validator_of_namesakes() -> Box<dyn FnMut()> {
    let (_, trusted) = namesakes();
    Box::new(move || {
        black_box(validator(black_box(&trusted), ChainPolicy::default(), VECTOR_TIME));
    })
}

/// 50 issuers by name, whose keys cannot have made the signature: the search alone, and its error.
fn search_without_signatures() -> Box<dyn FnMut()> {
    let trusted = decoys("member-rsa16384", [2, 0x82, 8, 1, 0], 50);
    let validator = validator(&trusted, ChainPolicy::default(), VECTOR_TIME);
    let signer = Certificate::from_der(&vector("leaf-below-root")).expect("good");
    Box::new(move || {
        black_box(validator.validate(black_box(&signer)).expect_err("signed with another key"));
    })
}

fn chain_among_namesakes() -> Box<dyn FnMut()> {
    let (signer, trusted) = namesakes();
    cold(signer, trusted, VECTOR_TIME)
}

fn chain_among_namesakes_warm() -> Box<dyn FnMut()> {
    let (signer, trusted) = namesakes();
    warm(&signer, &trusted, ChainPolicy::default(), VECTOR_TIME)
}

/// A good case of `test-vectors/openssl`.
fn case(id: &str) -> serde_json::Value {
    let cases = String::from_utf8(read("openssl/cases.jsonl")).expect("text");
    let mut cases = cases.lines().map(|line| serde_json::from_str(line).expect("a case is JSON"));
    cases.find(|case: &serde_json::Value| case["id"] == id).expect("the case is there")
}

fn certificate(case: &serde_json::Value) -> Certificate {
    let mut stored = case["certificates"].as_object().expect("an object").values();
    let file = stored.next().and_then(|stored| stored["file"].as_str()).expect("a file");
    Certificate::from_bytes(&read(format!("openssl/{file}"))).expect("good")
}

fn prepare_key(id: &str) -> Box<dyn FnMut()> {
    let certificate = certificate(&case(id));
    Box::new(move || {
        let der = black_box(certificate.subject_public_key_info());
        black_box(PublicKey::from_spki_der(der).expect("good"));
    })
}

/// A key, and the question that it says yes to.
struct Question {
    key: PublicKey,
    spki: Vec<u8>,
    properties: SignatureProperties,
    digest: Digest,
}

impl Question {
    fn new(id: &str) -> Self {
        let case = case(id);
        let certificate = certificate(&case);
        let words = case["properties"].as_object().expect("an object").iter();
        let words = words.filter_map(|(name, value)| Some((name, value.as_str()?)));
        let properties = SignatureProperties::from_properties(words).expect("good").expect("signed");
        let image = read(format!("openssl/{}", case["image"]["file"].as_str().expect("a file")));
        let mut digest = StreamingDigest::new(properties.hash_method());
        digest.update(&image);
        let question = Self {
            key: certificate.public_key().expect("good"),
            spki: certificate.subject_public_key_info().to_vec(),
            properties,
            digest: digest.finish(),
        };
        // Tables that all keys of a curve share are made by the first.
        question.ask(&question.key);
        question
    }

    fn ask(&self, key: &PublicKey) {
        let (octets, signature) = (black_box(self.digest.as_bytes()), self.properties.signature());
        let hash_method = self.properties.hash_method();
        let verdict = key.verify_digest(hash_method, octets, signature, PssSaltLength::Auto);
        let _ = black_box(verdict.expect("good"));
    }
}

/// From a key that has verified before and a digest to the verdict.
fn verify(id: &str) -> Box<dyn FnMut()> {
    let question = Question::new(id);
    Box::new(move || question.ask(&question.key))
}

/// From the SubjectPublicKeyInfo and a digest to the verdict.
fn first_verify(id: &str) -> Box<dyn FnMut()> {
    let question = Question::new(id);
    Box::new(move || question.ask(&PublicKey::from_spki_der(black_box(&question.spki)).expect("good")))
}

fn digest(hash_method: HashMethod) -> Box<dyn FnMut()> {
    let image = vec![0x5a; 1 << 20];
    Box::new(move || {
        let mut digest = StreamingDigest::new(hash_method);
        digest.update(black_box(&image));
        black_box(digest.finish());
    })
}
