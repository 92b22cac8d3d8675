//! From a prepared key to the verdict on a digest, and from the certificate's bytes; the rsa and dsa crates beside us.

#![allow(
    missing_docs,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a bench may panic, and its macro makes an undocumented function"
)]

use std::hint::black_box;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use criterion::{Criterion, criterion_group, criterion_main};
use longhand::{
    Certificate, PssSaltLength, PublicKey, SignatureProperties, SignatureVerifier, StreamingDigest,
};
use rsa::pkcs8::DecodePublicKey as _;
use rsa::signature::hazmat::PrehashVerifier as _;

/// A good case of `test-vectors/openssl`, ready for each stage.
struct Fixture {
    properties: SignatureProperties,
    certificate: Vec<u8>,
    digest: Vec<u8>,
    image: Vec<u8>,
}

fn fixture(id: &str) -> Fixture {
    let folder = format!("{}/test-vectors/openssl", env!("CARGO_MANIFEST_DIR"));
    let cases = std::fs::read_to_string(format!("{folder}/cases.jsonl")).unwrap();
    let cases = cases.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let case = cases.into_iter().find(|case| case["id"] == id).unwrap();
    let read =
        |file: &serde_json::Value| std::fs::read(format!("{folder}/{}", file.as_str().unwrap())).unwrap();
    let properties = case["properties"].as_object().unwrap();
    let properties = properties.iter().map(|(name, value)| (name, value.as_str().unwrap()));
    let properties = SignatureProperties::from_properties(properties).unwrap().unwrap();
    let image = read(&case["image"]["file"]);
    let mut digest = StreamingDigest::new(properties.hash_method());
    digest.update(&image);
    let certificate = case["certificates"].as_object().unwrap().values().next().unwrap();
    let certificate = Certificate::from_bytes(&read(&certificate["file"])).unwrap();
    Fixture {
        properties,
        certificate: certificate.der().to_vec(),
        digest: digest.finish().as_bytes().to_vec(),
        image: image[..4096.min(image.len())].to_vec(),
    }
}

fn prepared_key(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("prepared key");
    for (name, id) in [
        ("rsa-1024", "openssl/rsa1024/SHA-256/salt-max"),
        ("rsa-2048", "openssl/rsa2048/SHA-256/salt-max"),
        ("rsa-4096", "openssl/rsa4096/SHA-256/salt-max"),
        ("rsa-16384", "openssl/rsa16384/SHA-256/salt-max"),
        ("dsa-1024-160", "openssl/dsa1024-160/SHA-256"),
        ("dsa-2048-256", "openssl/dsa2048-256/SHA-256"),
        ("dsa-3072-256", "openssl/dsa3072-256/SHA-256"),
        ("secp384r1", "openssl/secp384r1/SHA-384"),
        ("secp521r1", "openssl/secp521r1/SHA-512"),
    ] {
        let fixture = fixture(id);
        let key = Certificate::from_der(&fixture.certificate).unwrap().public_key().unwrap();
        let (hash_method, signature) = (fixture.properties.hash_method(), fixture.properties.signature());
        let digest = &fixture.digest;
        group.bench_function(name, |bencher| {
            bencher
                .iter(|| key.verify_digest(hash_method, black_box(digest), signature, PssSaltLength::Auto));
        });
    }
    group.finish();
}

fn crates_we_do_not_use(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("crates we do not use");
    for (name, id) in
        [("rsa-2048", "openssl/rsa2048/SHA-256/salt-max"), ("rsa-4096", "openssl/rsa4096/SHA-256/salt-max")]
    {
        let fixture = fixture(id);
        let certificate = Certificate::from_der(&fixture.certificate).unwrap();
        let key = rsa::RsaPublicKey::from_public_key_der(certificate.subject_public_key_info()).unwrap();
        let key = rsa::pss::VerifyingKey::<sha2::Sha256>::new_with_auto_salt_len(key);
        let signature = rsa::pss::Signature::try_from(fixture.properties.signature()).unwrap();
        group.bench_function(name, |bencher| {
            bencher.iter(|| key.verify_prehash(black_box(&fixture.digest), &signature));
        });
    }
    for (name, id) in
        [("dsa-1024-160", "openssl/dsa1024-160/SHA-256"), ("dsa-2048-256", "openssl/dsa2048-256/SHA-256")]
    {
        let fixture = fixture(id);
        let certificate = Certificate::from_der(&fixture.certificate).unwrap();
        let key = dsa::VerifyingKey::from_public_key_der(certificate.subject_public_key_info()).unwrap();
        let signature = dsa::Signature::try_from(fixture.properties.signature()).unwrap();
        group.sample_size(20).bench_function(name, |bencher| {
            bencher.iter(|| key.verify_prehash(black_box(&fixture.digest), &signature));
        });
    }
    group.finish();
}

fn from_certificate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("certificate to verdict over 4 KiB");
    for (name, id) in [
        ("rsa-2048", "openssl/rsa2048/SHA-256/salt-max"),
        ("dsa-2048-256", "openssl/dsa2048-256/SHA-256"),
        ("secp384r1", "openssl/secp384r1/SHA-384"),
    ] {
        let fixture = fixture(id);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let certificate = Certificate::from_der(black_box(&fixture.certificate)).unwrap();
                let mut verifier = SignatureVerifier::new(&fixture.properties, &certificate).unwrap();
                verifier.update(&fixture.image);
                verifier.verify().is_ok()
            });
        });
    }
    group.finish();
}

fn reading(criterion: &mut Criterion) {
    let fixture = fixture("openssl/rsa2048/SHA-256/salt-max");
    let mut group = criterion.benchmark_group("reading");
    group.bench_function("certificate", |bencher| {
        bencher.iter(|| Certificate::from_der(black_box(&fixture.certificate)));
    });
    let spki = Certificate::from_der(&fixture.certificate).unwrap().subject_public_key_info().to_vec();
    group.bench_function("rsa-2048 key", |bencher| {
        bencher.iter(|| PublicKey::from_spki_der(black_box(&spki)));
    });
    let properties = [
        ("img_signature", STANDARD.encode(fixture.properties.signature())),
        ("img_signature_hash_method", "SHA-256".into()),
        ("img_signature_key_type", "RSA-PSS".into()),
        ("img_signature_certificate_uuid", "cd7cc675-e573-419c-8fff-33a72734a243".into()),
    ];
    group.bench_function("properties", |bencher| {
        bencher.iter(|| {
            SignatureProperties::from_properties(black_box(properties.each_ref().map(|(k, v)| (*k, v))))
        });
    });
    group.finish();
}

criterion_group!(benches, prepared_key, crates_we_do_not_use, from_certificate, reading);
criterion_main!(benches);
