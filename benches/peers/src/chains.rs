//! Chains: root, two intermediates and a signing certificate from their DER to a verdict, beside OpenSSL and Cursive; what a
//! search costs as the trusted set grows; and whether its units are what they say.

use std::hint::black_box;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use longhand::pki_types::UnixTime;
use longhand::{
    Certificate, CertificateValidator, ChainError, ChainPolicy, HashMethod, TrustStore, VerifiedChain, limits,
};
use longhand_peers::{good_cases, message_digest, root};
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::stack::Stack;
use openssl::x509::extension::{AuthorityKeyIdentifier, BasicConstraints, KeyUsage, SubjectKeyIdentifier};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::X509VerifyParam;
use openssl::x509::{X509, X509Builder, X509Name, X509NameRef, X509StoreContext};

use crate::clock::{Quartiles, compare, pinned};
use crate::{Row, Subject};

/// What is measured beside the rows.
pub struct Tables {
    pub work: Vec<Work>,
    pub units: Vec<Unit>,
}

/// One search.
pub struct Work {
    pub decoys: &'static str,
    pub count: usize,
    /// Whether the right chain is there.
    pub right: bool,
    pub outcome: &'static str,
    pub units: u32,
    pub milliseconds: f64,
}

/// One check of a signature with a key that was not used before.
pub struct Unit {
    pub key: &'static str,
    pub units: u32,
    pub microseconds: f64,
    /// In checks of RSA-2048, measured in turn with it.
    pub measured: f64,
}

pub fn measure(python: &Path) -> (Vec<Row>, Tables) {
    let fixtures = [
        Fixture::new("RSA-2048", HashMethod::Sha256, || PKey::from_rsa(Rsa::generate(2048)?)),
        Fixture::new("ECDSA P-384", HashMethod::Sha384, || {
            PKey::from_ec_key(EcKey::generate(&*EcGroup::from_curve_name(Nid::SECP384R1)?)?)
        }),
    ]
    .map(|fixture| fixture.expect("OpenSSL makes keys and certificates"));
    pinned(|| {
        let mut rows = Vec::new();
        for fixture in &fixtures {
            rows.extend(beside_openssl(fixture));
            rows.extend(beside_cursive(fixture, python));
        }
        (rows, Tables { work: work(), units: units() })
    })
}

/// A signing certificate and what leads up to a root, in DER.
struct Fixture {
    name: &'static str,
    signer: Vec<u8>,
    /// Intermediates and root, in no helpful order.
    trusted: [Vec<u8>; 3],
    at: u64,
}

impl Fixture {
    fn new(
        name: &'static str,
        hash_method: HashMethod,
        key: impl Fn() -> Result<PKey<Private>, ErrorStack>,
    ) -> Result<Self, ErrorStack> {
        let keys = [key()?, key()?, key()?, key()?];
        let sign = |place: usize, issuer: Option<&X509>| {
            certificate(place, &keys[place], issuer, &keys[place.saturating_sub(1)], hash_method)
        };
        let root = sign(0, None)?;
        let first = sign(1, Some(&root))?;
        let second = sign(2, Some(&first))?;
        let signer = sign(3, Some(&second))?;
        let at = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        Ok(Self {
            name,
            signer: signer.to_der()?,
            trusted: [first.to_der()?, root.to_der()?, second.to_der()?],
            at,
        })
    }

    /// From DER to the verdict.
    fn ours(&self, signer: &[u8], policy: &ChainPolicy) -> bool {
        let read = |der: &Vec<u8>| ("trusted", Certificate::from_der(der).expect("good"));
        let validator = CertificateValidator::builder()
            .trusted(TrustStore::from_certificates(self.trusted.iter().map(read)))
            .policy(policy.clone())
            .at(UnixTime::since_unix_epoch(Duration::from_secs(self.at)))
            .build();
        validator.validate(&Certificate::from_der(signer).expect("good")).is_ok()
    }

    fn theirs(&self, signer: &[u8]) -> Result<bool, ErrorStack> {
        let mut store = X509StoreBuilder::new()?;
        for trusted in &self.trusted {
            store.add_cert(X509::from_der(trusted)?)?;
        }
        let mut parameters = X509VerifyParam::new()?;
        parameters.set_time(self.at.try_into().expect("before 2038"));
        store.set_param(&parameters)?;
        let signer = X509::from_der(signer)?;
        X509StoreContext::new()?.init(&store.build(), &signer, &*Stack::new()?, |it| it.verify_cert())
    }

    /// The signing certificate with a wrong signature.
    fn spoilt(&self) -> Vec<u8> {
        let mut spoilt = self.signer.clone();
        if let Some(last) = spoilt.last_mut() {
            *last ^= 1;
        }
        spoilt
    }

    fn subject(&self) -> Subject {
        if self.name.starts_with("RSA") { Subject::ChainRsa } else { Subject::ChainEcdsa }
    }
}

fn certificate(
    place: usize,
    key: &PKey<Private>,
    issuer: Option<&X509>,
    issuer_key: &PKey<Private>,
    hash_method: HashMethod,
) -> Result<X509, ErrorStack> {
    let mut name = X509Name::builder()?;
    name.append_entry_by_nid(Nid::ORGANIZATIONNAME, "longhand peers")?;
    name.append_entry_by_nid(Nid::COMMONNAME, ["Root", "A", "B", "Signer"][place])?;
    let name = name.build();
    let issuer_name: &X509NameRef = issuer.map_or(&name, |issuer| issuer.subject_name());
    let mut builder = X509Builder::new()?;
    builder.set_version(2)?;
    builder.set_serial_number(&*BigNum::from_u32(place as u32 + 1)?.to_asn1_integer()?)?;
    builder.set_subject_name(&name)?;
    builder.set_issuer_name(issuer_name)?;
    builder.set_not_before(&*Asn1Time::days_from_now(0)?)?;
    builder.set_not_after(&*Asn1Time::days_from_now(3650)?)?;
    builder.set_pubkey(key)?;
    if place < 3 {
        builder
            .append_extension(BasicConstraints::new().critical().ca().pathlen(2 - place as u32).build()?)?;
        builder.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build()?)?;
    } else {
        builder.append_extension(KeyUsage::new().critical().digital_signature().build()?)?;
    }
    let identifier = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None))?;
    builder.append_extension(identifier)?;
    if let Some(issuer) = issuer {
        let identifier =
            AuthorityKeyIdentifier::new().keyid(true).build(&builder.x509v3_context(Some(issuer), None))?;
        builder.append_extension(identifier)?;
    }
    builder.sign(issuer_key, message_digest(hash_method))?;
    Ok(builder.build())
}

fn policies() -> [(&'static str, ChainPolicy); 2] {
    [("default", ChainPolicy::default()), ("cursive", ChainPolicy::cursive())]
}

fn beside_openssl(fixture: &Fixture) -> Vec<Row> {
    let spoilt = fixture.spoilt();
    let theirs = |signer: &[u8]| fixture.theirs(signer).unwrap_or(false);
    policies()
        .map(|(name, policy)| {
            let ours = |signer: &[u8]| fixture.ours(signer, &policy);
            let signer = &fixture.signer;
            assert!(ours(signer) && theirs(signer) && !ours(&spoilt) && !theirs(&spoilt), "{}", fixture.name);
            let measured =
                compare(|| assert!(ours(black_box(signer))), || assert!(theirs(black_box(signer))));
            row(fixture, name, "OpenSSL", measured)
        })
        .into()
}

fn row(
    fixture: &Fixture,
    policy: &str,
    peer: &'static str,
    (ours, theirs, ratio): (f64, f64, Quartiles),
) -> Row {
    Row {
        subject: fixture.subject(),
        what: format!("chain of four, {}, policy {policy}", fixture.name),
        peer,
        ours: format!("{ours:.0} µs"),
        theirs: format!("{theirs:.0} µs"),
        ratio,
    }
}

/// Cursive in a process of its own, which says how long it took inside.
struct Cursive {
    process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Cursive {
    fn start(python: &Path, folder: &Path) -> Self {
        let mut process = Command::new(python)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("cursive_chain.py"))
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python is there");
        let requests = process.stdin.take().expect("piped");
        let answers = BufReader::new(process.stdout.take().expect("piped"));
        Self { process, requests, answers }
    }

    /// Microseconds of CPU time a call, over so many calls.
    fn microseconds(&mut self, calls: u32) -> f64 {
        writeln!(self.requests, "{calls}").expect("Cursive listens");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("Cursive answers");
        answer.trim().parse().expect("it says how long it took")
    }

    fn end(mut self) {
        drop(self.requests);
        assert!(self.process.wait().expect("it ends").success());
    }
}

fn beside_cursive(fixture: &Fixture, python: &Path) -> Vec<Row> {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let names = ["trusted-0.der", "trusted-1.der", "trusted-2.der"];
    for (name, der) in names.iter().zip(&fixture.trusted) {
        std::fs::write(folder.path().join(name), der).expect("room");
    }
    std::fs::write(folder.path().join("signer.der"), &fixture.signer).expect("room");
    std::fs::write(folder.path().join("spoilt.der"), fixture.spoilt()).expect("room");
    let mut cursive = Cursive::start(python, folder.path());
    cursive.microseconds(20);
    let rows = policies().map(|(name, policy)| {
        let mut rounds = Vec::new();
        for _ in 0..25 {
            let ours =
                crate::clock::time(&mut || assert!(fixture.ours(black_box(&fixture.signer), &policy)), 20);
            rounds.push((ours, cursive.microseconds(20)));
        }
        let ratios = rounds.iter().map(|(ours, theirs)| theirs / ours).collect();
        let median = |side: fn(&(f64, f64)) -> f64| Quartiles::of(rounds.iter().map(side).collect()).1;
        row(fixture, name, "Cursive", (median(|it| it.0), median(|it| it.1), Quartiles::of(ratios)))
    });
    cursive.end();
    rows.into()
}

/// A certificate of `test-vectors/chains`.
fn vector(name: &str) -> Vec<u8> {
    std::fs::read(root().join(format!("test-vectors/chains/certificates/{name}.der")))
        .expect("the vectors have it")
}

/// Copies of a certificate with an RSA key, each with another odd modulus of the same length: the recipe of
/// `test-vectors/chains/README.md`.
fn decoys(template: &[u8], count: usize) -> Vec<Vec<u8>> {
    let header = |octets: &[u8]| template.windows(5).position(|window| window == octets);
    let (start, length) = match (header(&[2, 0x82, 1, 1, 0]), header(&[2, 0x82, 8, 1, 0])) {
        (_, Some(place)) => (place + 5, 2048),
        (Some(place), None) => (place + 5, 256),
        (None, None) => unreachable!("the template has an RSA key of 2048 or 16384 bits"),
    };
    let decoy = |number: usize| {
        let mut der = template.to_vec();
        let modulus = &mut der[start..start + length];
        let mut state = number as u32 + 1;
        modulus.fill_with(|| {
            state = state.wrapping_mul(0x9e37_79b9).wrapping_add(0x7f4a_7c15);
            (state >> 24) as u8
        });
        modulus[0] |= 0x80;
        modulus[length - 1] |= 1;
        der
    };
    (0..count).map(decoy).collect()
}

/// 2030-01-01, when the vectors hold.
const VECTOR_TIME: UnixTime = UnixTime::since_unix_epoch(Duration::from_secs(1_893_456_000));

/// A search from DER to the verdict, with keys that nobody prepared before.
fn search(signer: &[u8], trusted: &[Vec<u8>], policy: &ChainPolicy) -> Result<VerifiedChain, ChainError> {
    let read = |der: &Vec<u8>| ("trusted", Certificate::from_der(der).expect("good"));
    let validator = CertificateValidator::builder()
        .trusted(TrustStore::from_certificates(trusted.iter().map(read)))
        .policy(policy.clone())
        .at(VECTOR_TIME)
        .build();
    validator.validate(&Certificate::from_der(signer).expect("good"))
}

/// The median of some calls, in microseconds.
fn median(calls: usize, run: impl Fn()) -> f64 {
    Quartiles::of((0..calls).map(|_| crate::clock::time(&mut || run(), 1)).collect()).1
}

fn work() -> Vec<Work> {
    let (leaf, right, root) = (vector("namesake-leaf"), vector("namesake-right"), vector("namesake-root"));
    let mut table = Vec::new();
    let policy = ChainPolicy::default();
    let mut add = |kind, signer: &[u8], trusted: &[Vec<u8>], count, right| {
        let (outcome, units) = match search(signer, trusted, &policy) {
            Ok(chain) => ("trusted", chain.work()),
            Err(ChainError::BudgetSpent { candidates, .. }) => ("budget spent", candidates.work),
            Err(error) => ("refused", error.candidates().map_or(0, |candidates| candidates.work)),
        };
        assert_eq!(right, outcome == "trusted", "{kind} {count}");
        let microseconds = median(5, || {
            let _ = black_box(search(signer, trusted, &policy));
        });
        table.push(Work { decoys: kind, count, right, outcome, units, milliseconds: microseconds / 1000.0 });
    };
    for (kind, template) in [
        ("RSA-2048, another key identifier", "namesake-decoy"),
        ("RSA-2048, the same key identifier", "namesake-decoy-same-identifier"),
    ] {
        for count in [3, 50, 500] {
            let mut trusted = decoys(&vector(template), count - 2);
            trusted.push(root.clone());
            trusted.push(right.clone());
            add(kind, &leaf, &trusted, count, true);
            // One more decoy in place of the right one.
            let mut trusted = decoys(&vector(template), count - 1);
            trusted.push(root.clone());
            add(kind, &leaf, &trusted, count, false);
        }
    }
    for count in [3, 50, 500] {
        add("RSA-16384", &costly_leaf(), &decoys(&vector("member-rsa16384"), count), count, false);
    }
    table
}

/// A certificate that claims an RSA signature of 16384 bits by the costly decoys' name.
fn costly_leaf() -> Vec<u8> {
    const SHA256_WITH_RSA: &[u8] = &[0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 11, 5, 0];
    let tlv = |tag: u8, contents: &[u8]| {
        let length = u16::try_from(contents.len()).expect("short").to_be_bytes();
        [&[tag, 0x82], length.as_slice(), contents].concat()
    };
    let template = vector("leaf-below-root");
    // Certificate and TBSCertificate have two octets of length each.
    let length = usize::from(template[6]) << 8 | usize::from(template[7]);
    let (header, rest) = (4, &template[8 + length..]);
    let algorithm = &rest[..2 + usize::from(rest[1])];
    let contents = &template[header + 4..header + 4 + length];
    let place =
        contents.windows(algorithm.len()).position(|window| window == algorithm).expect("twice the same");
    let to_be_signed = [&contents[..place], SHA256_WITH_RSA, &contents[place + algorithm.len()..]].concat();
    let signature = [[0].as_slice(), &[b'Z'; 2048]].concat();
    tlv(0x30, &[tlv(0x30, &to_be_signed), SHA256_WITH_RSA.to_vec(), tlv(3, &signature)].concat())
}

/// Self-signed certificates judged alone: one signature of the key each, and what preparing the key takes.
fn units() -> Vec<Unit> {
    let rsa = |bits, exponent: u64| {
        let exponent = BigNum::from_dec_str(&exponent.to_string())?;
        let key = PKey::from_rsa(Rsa::generate_with_e(bits, &exponent)?)?;
        certificate(0, &key, None, &key, HashMethod::Sha256)?.to_der()
    };
    let made = |bits, exponent| rsa(bits, exponent).expect("OpenSSL makes keys and certificates");
    let rsa16384 = good_cases().into_iter().find(|case| case.id == "openssl/rsa16384/SHA-256/salt-max");
    let large = limits::MAX_RSA_EXPONENT;
    let (one, elsewhere) = (made(2048, 65537), vector("root"));
    let policy = ChainPolicy::cursive()
        .enforce_valid_dates(false)
        .enforce_signing_extensions(false)
        .enforce_path_length(false);
    [
        ("RSA-2048, e = 65537", one.clone()),
        ("RSA-1024, e = 65537", made(1024, 65537)),
        ("RSA-4096, e = 65537", made(4096, 65537)),
        ("RSA-16384, e = 65537", rsa16384.expect("the vectors have it").certificate),
        ("RSA-2048, e = 2^33-1", made(2048, large)),
        ("RSA-4096, e = 2^33-1", made(4096, large)),
        ("DSA 1024/160, with preparation", vector("root-dsa1024-160-sha256")),
        ("DSA 2048/256, with preparation", vector("root-dsa2048-256-sha256")),
        ("ECDSA P-256", vector("root-ecdsa-p256")),
        ("ECDSA P-384", vector("root-ecdsa-p384")),
        ("ECDSA P-521", vector("root-ecdsa-p521")),
        ("Ed25519", vector("root-ed25519")),
    ]
    .into_iter()
    .map(|(key, der)| {
        let judged = search(&der, &[der.clone()], &policy);
        let units = judged.unwrap_or_else(|error| panic!("{key}: {error}")).work();
        let judge = |signer: &[u8], trusted: &[u8]| {
            let _ = black_box(search(signer, &[trusted.to_vec()], &policy));
        };
        // No signature is checked where the issuer has another name: what is left is reading and preparing the search.
        let reading = median(501, || judge(&one, &elsewhere));
        let (unit, microseconds, _) = compare(|| judge(&one, &one), || judge(&der, &der));
        Unit { key, units, microseconds, measured: (microseconds - reading) / (unit - reading) }
    })
    .collect()
}
