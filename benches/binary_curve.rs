//! The four binary curves: from a prepared key to the verdict on a digest, reading a key, and from the certificate's
//! bytes. `RUSTFLAGS='--cfg longhand_portable'` measures what processors without carry-less multiplication run.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a bench may panic, and its macro makes an undocumented function"
)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use longhand::{
    Certificate, PssSaltLength, PublicKey, SignatureProperties, SignatureVerifier, StreamingDigest,
};

const CURVES: [&str; 4] = ["sect409k1", "sect409r1", "sect571k1", "sect571r1"];

/// A good case of `test-vectors/openssl`.
struct Fixture {
    properties: SignatureProperties,
    certificate: Certificate,
    image: Vec<u8>,
}

fn fixture(curve: &str) -> Fixture {
    let folder = format!("{}/test-vectors/openssl", env!("CARGO_MANIFEST_DIR"));
    let id = format!("openssl/{curve}/SHA-256");
    let cases = std::fs::read_to_string(format!("{folder}/cases.jsonl")).unwrap();
    let mut cases = cases.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let case = cases.find(|case| case["id"] == id).unwrap();
    let read =
        |file: &serde_json::Value| std::fs::read(format!("{folder}/{}", file.as_str().unwrap())).unwrap();
    let properties = case["properties"].as_object().unwrap();
    let properties = properties.iter().map(|(name, value)| (name, value.as_str().unwrap()));
    let certificate = case["certificates"].as_object().unwrap().values().next().unwrap();
    Fixture {
        properties: SignatureProperties::from_properties(properties).unwrap().unwrap(),
        certificate: Certificate::from_bytes(&read(&certificate["file"])).unwrap(),
        image: read(&case["image"]["file"]),
    }
}

fn prepared_key(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("prepared key");
    for curve in CURVES {
        let Fixture { properties, certificate, image } = fixture(curve);
        let key = certificate.public_key().unwrap();
        let (hash_method, signature) = (properties.hash_method(), properties.signature());
        let mut digest = StreamingDigest::new(hash_method);
        digest.update(&image);
        let digest = digest.finish();
        let verify =
            |digest: &[u8]| key.verify_digest(hash_method, digest, signature, PssSaltLength::Auto).is_ok();
        assert!(verify(digest.as_bytes()));
        group.bench_function(curve, |bencher| bencher.iter(|| verify(black_box(digest.as_bytes()))));
    }
    group.finish();
}

fn reading(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("reading a key");
    for curve in CURVES {
        let certificate = fixture(curve).certificate;
        let spki = certificate.subject_public_key_info();
        group.bench_function(curve, |bencher| bencher.iter(|| PublicKey::from_spki_der(black_box(spki))));
    }
    group.finish();
}

fn from_certificate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("certificate to verdict over the image");
    for curve in CURVES {
        let Fixture { properties, certificate, image } = fixture(curve);
        let der = certificate.der();
        let verify = |der: &[u8]| {
            let certificate = Certificate::from_der(der).unwrap();
            let mut verifier = SignatureVerifier::new(&properties, &certificate).unwrap();
            verifier.update(&image);
            verifier.verify().is_ok()
        };
        assert!(verify(&der));
        group.bench_function(curve, |bencher| bencher.iter(|| verify(black_box(&der))));
    }
    group.finish();
}

criterion_group!(benches, prepared_key, reading, from_certificate);
criterion_main!(benches);
