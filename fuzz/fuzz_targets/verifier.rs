//! The whole path: properties, certificate, and the image in pieces of any size.
//!
//! The verdict does not depend on the pieces. Nothing verifies but what the vectors have: nobody forges here, so that
//! a yes to a changed key, signature, hash method or image is a finding, and a yes after any other change is none.
#![no_main]

use std::collections::HashSet;
use std::fs;
use std::io::Write as _;
use std::sync::LazyLock;

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use longhand::pki_types::UnixTime;
use longhand::{
    Certificate, DateCheck, ErrorCode, HashMethod, KeyKind, SignatureProperties, SignatureVerifier,
    StreamingDigest, Verified, VerifierOptions,
};
use longhand_fuzz::{fields, question};

/// Choices, the four properties, the certificate, where to cut, the image.
const FIELDS: usize = 8;
const CERTIFICATE: usize = 5;

/// What `seed_corpus.py` found good in the vectors: SHA-256 over hash method, digest, signature and key.
static KNOWN: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let list = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/known_good.txt");
    let list = fs::read_to_string(list).expect("run fuzz/seed_corpus.py first");
    list.lines().map(str::to_owned).collect()
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    fields::mutate::<FIELDS>(data, size, max_size, seed, &[CERTIFICATE])
});

fuzz_target!(|input: &[u8]| {
    let [choices, signature, hash_method, key_type, id, certificate, cuts, image] =
        fields::split::<FIELDS>(input);
    let options = options(choices);
    let Ok(certificate) = Certificate::from_bytes(certificate) else { return };
    let texts = [signature, hash_method, key_type, id].map(String::from_utf8_lossy);
    let names = longhand::PropertyName::ALL.map(longhand::PropertyName::as_str);
    let Ok(properties) = SignatureProperties::from_properties(names.iter().zip(texts)) else { return };
    let properties = properties.expect("all four are there");

    let verifier = || SignatureVerifier::with_options(&properties, &certificate, options.clone());
    let (mut whole, mut pieces) = match (verifier(), verifier()) {
        (Ok(whole), Ok(pieces)) => (whole, pieces),
        (Err(error), Err(again)) => {
            let shown = format!("{error} {error:?}");
            assert!(!shown.chars().any(char::is_control), "{shown:?}");
            return assert_eq!(error.code(), again.code());
        }
        both => panic!("{both:?}"),
    };
    whole.update(image);
    let mut rest = image;
    for (index, &cut) in cuts.iter().enumerate() {
        let (piece, after) = rest.split_at(usize::from(cut).min(rest.len()));
        match index % 3 {
            0 => pieces.update(piece),
            1 => pieces.write_all(piece).expect("never fails"),
            _ => {
                let _ = (pieces.digest(), pieces.bytes_read());
                pieces.update(piece);
            }
        }
        rest = after;
    }
    pieces.update(rest);
    assert_eq!(whole.digest(), pieces.digest());

    let digest = whole.digest();
    let (whole, pieces) = (verdict(whole), verdict(pieces));
    assert_eq!(whole, pieces, "the verdict depends on the pieces");
    if whole.is_ok() {
        let key = certificate.subject_public_key_info();
        let is_rsa = certificate.public_key().is_ok_and(|key| key.kind() == KeyKind::Rsa);
        // Parameters of an RSA key restrict its use; they are no part of the number that verifies.
        let key = if is_rsa { question::parts(key).expect("good DER").1 } else { key };
        let known = known(properties.hash_method(), digest.as_bytes(), properties.signature(), key);
        assert!(KNOWN.contains(&known), "a signature that nobody made verifies: {known}");
    }
});

fn options(choices: &[u8]) -> VerifierOptions {
    let choice = |index: usize| choices.get(index).copied().unwrap_or(0);
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(u64::from(choice(3)) << 26));
    let dates = match choice(2) & 7 {
        1 => DateCheck::Report(time),
        2 => DateCheck::Require(time),
        _ => DateCheck::Ignore,
    };
    VerifierOptions::new()
        .pss_salt_length(question::salt_length(choice(1)))
        .any_curve(choice(0) & 1 != 0)
        .dates(dates)
}

/// Everything that a verdict tells, to be compared.
fn verdict(verifier: SignatureVerifier) -> Result<String, (ErrorCode, String)> {
    match verifier.verify() {
        Ok(verified) => Ok(told(&verified)),
        Err(error) => Err((error.code(), error.to_string())),
    }
}

fn told(verified: &Verified) -> String {
    let shown = format!("{verified}");
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
    format!("{shown} {:?} {:?} {verified:?}", verified.salt_length(), verified.bytes_read())
}

fn known(hash_method: HashMethod, digest: &[u8], signature: &[u8], key: &[u8]) -> String {
    let mut all = StreamingDigest::new(HashMethod::Sha256);
    all.update(hash_method.as_str().as_bytes());
    for part in [digest, signature, key] {
        all.update(b" ");
        all.update(hex(part).as_bytes());
    }
    hex(all.finish().as_bytes())
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
