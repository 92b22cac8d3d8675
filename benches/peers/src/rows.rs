//! What is compared in one process: hashes, prepared keys, and the way from a certificate to a verdict.

use std::hint::black_box;

use longhand::{
    Certificate, HashMethod, PssSaltLength, SignatureProperties, SignatureVerifier, StreamingDigest,
};
use longhand_peers::{ANY_SALT, good_cases, is_rsa, message_digest, openssl_verdict};
use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, BigNumContext, MsbOption};
use openssl::dsa::Dsa;
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::{Hasher, hash};
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Signer};
use openssl::x509::{X509, X509Builder, X509Name};

use crate::clock::{compare, pinned};
use crate::{Row, Subject};

pub fn measure() -> Vec<Row> {
    let fixtures = fixtures().expect("OpenSSL makes keys and signatures");
    pinned(|| {
        let mut rows = vec![
            hashing(HashMethod::Sha224, Subject::Sha256),
            hashing(HashMethod::Sha256, Subject::Sha256),
            hashing(HashMethod::Sha384, Subject::Sha512),
            hashing(HashMethod::Sha512, Subject::Sha512),
        ];
        rows.extend(fixtures.iter().map(prepared_key));
        rows.extend(fixtures.iter().map(from_certificate));
        rows
    })
}

/// A key, and what it signed.
struct Fixture {
    name: &'static str,
    subjects: [Subject; 2],
    key: PKey<Private>,
    hash_method: HashMethod,
    image: Vec<u8>,
    signature: Vec<u8>,
    certificate: Vec<u8>,
    properties: SignatureProperties,
}

fn fixtures() -> Result<Vec<Fixture>, ErrorStack> {
    use Subject::{BinaryCurve, CertificateBinaryCurve};
    use Subject::{CertificateDsa, CertificateEcdsa, CertificateRsa, Dsa, Ecdsa, Rsa};
    let (sha256, sha384, sha512) = (HashMethod::Sha256, HashMethod::Sha384, HashMethod::Sha512);
    let rsa = |bits| PKey::from_rsa(openssl::rsa::Rsa::generate(bits)?);
    let ec = |curve| PKey::from_ec_key(EcKey::generate(&*EcGroup::from_curve_name(curve)?)?);
    [
        ("RSA-PSS 1024", [Rsa, CertificateRsa], rsa(1024)?, sha256, "RSA-PSS"),
        ("RSA-PSS 2048", [Rsa, CertificateRsa], rsa(2048)?, sha256, "RSA-PSS"),
        ("RSA-PSS 4096", [Rsa, CertificateRsa], rsa(4096)?, sha256, "RSA-PSS"),
        ("DSA 1024/160", [Dsa, CertificateDsa], dsa("openssl/dsa1024-160/SHA-256")?, sha256, "DSA"),
        ("DSA 2048/256", [Dsa, CertificateDsa], dsa("openssl/dsa2048-256/SHA-256")?, sha256, "DSA"),
        ("DSA 3072/256", [Dsa, CertificateDsa], dsa("openssl/dsa3072-256/SHA-256")?, sha256, "DSA"),
        ("ECDSA P-384", [Ecdsa, CertificateEcdsa], ec(Nid::SECP384R1)?, sha384, "ECC_SECP384R1"),
        ("ECDSA P-521", [Ecdsa, CertificateEcdsa], ec(Nid::SECP521R1)?, sha512, "ECC_SECP521R1"),
        ("ECDSA K-409", [BinaryCurve, CertificateBinaryCurve], ec(Nid::SECT409K1)?, sha384, "ECC_SECT409K1"),
        ("ECDSA B-409", [BinaryCurve, CertificateBinaryCurve], ec(Nid::SECT409R1)?, sha384, "ECC_SECT409R1"),
        ("ECDSA K-571", [BinaryCurve, CertificateBinaryCurve], ec(Nid::SECT571K1)?, sha512, "ECC_SECT571K1"),
        ("ECDSA B-571", [BinaryCurve, CertificateBinaryCurve], ec(Nid::SECT571R1)?, sha512, "ECC_SECT571R1"),
    ]
    .into_iter()
    .map(|(name, subjects, key, hash_method, key_type)| {
        let image = (0..4096_u32).map(|at| ((at * at) >> 3) as u8).collect::<Vec<_>>();
        let signature = sign(&key, hash_method, |signer| signer.update(&image))?;
        let certificate = certificate(&key)?.to_der()?;
        let properties = SignatureProperties::from_properties(properties(&signature, hash_method, key_type));
        let properties = properties.expect("well formed").expect("complete");
        Ok(Fixture { name, subjects, key, hash_method, image, signature, certificate, properties })
    })
    .collect()
}

/// A key in the group of a vector: to make a group takes OpenSSL half a minute.
fn dsa(id: &str) -> Result<PKey<Private>, ErrorStack> {
    let case = good_cases().into_iter().find(|case| case.id == id).expect("the vectors have it");
    let group = X509::from_der(&case.certificate)?.public_key()?.dsa()?;
    let (mut x, mut y) = (BigNum::new()?, BigNum::new()?);
    x.rand(group.q().num_bits() - 1, MsbOption::ONE, false)?;
    y.mod_exp(group.g(), &x, group.p(), &mut *BigNumContext::new()?)?;
    let [p, q, g] = [group.p(), group.q(), group.g()].map(|number| number.to_owned());
    PKey::from_dsa(Dsa::from_private_components(p?, q?, g?, x, y)?)
}

/// A signature as `openssl dgst -sign` of OpenSSL 3.0 makes it: RSA with the longest salt.
pub fn sign(
    key: &PKey<Private>,
    hash_method: HashMethod,
    feed: impl FnOnce(&mut Signer) -> Result<(), ErrorStack>,
) -> Result<Vec<u8>, ErrorStack> {
    let mut signer = Signer::new(message_digest(hash_method), key)?;
    if is_rsa(key) {
        signer.set_rsa_padding(Padding::PKCS1_PSS)?;
        signer.set_rsa_pss_saltlen(RsaPssSaltlen::MAXIMUM_LENGTH)?;
    }
    feed(&mut signer)?;
    signer.sign_to_vec()
}

pub fn certificate(key: &PKey<Private>) -> Result<X509, ErrorStack> {
    let mut name = X509Name::builder()?;
    name.append_entry_by_nid(Nid::COMMONNAME, "longhand peers")?;
    let name = name.build();
    let mut builder = X509Builder::new()?;
    builder.set_version(2)?;
    builder.set_serial_number(&*BigNum::from_u32(1)?.to_asn1_integer()?)?;
    builder.set_subject_name(&name)?;
    builder.set_issuer_name(&name)?;
    builder.set_not_before(&*Asn1Time::days_from_now(0)?)?;
    builder.set_not_after(&*Asn1Time::days_from_now(3650)?)?;
    builder.set_pubkey(key)?;
    builder.sign(key, message_digest(HashMethod::Sha256))?;
    Ok(builder.build())
}

/// The id under which every certificate here is stored.
pub const CERTIFICATE_ID: &str = "5b25a0c2-0d11-4e0a-8a9c-0f8a4b7d2c10";

pub fn properties(signature: &[u8], hash_method: HashMethod, key_type: &str) -> [(&'static str, String); 4] {
    [
        ("img_signature", openssl::base64::encode_block(signature)),
        ("img_signature_hash_method", hash_method.to_string()),
        ("img_signature_key_type", key_type.to_owned()),
        ("img_signature_certificate_uuid", CERTIFICATE_ID.to_owned()),
    ]
}

fn hashing(hash_method: HashMethod, subject: Subject) -> Row {
    let data = vec![0x5a; 1 << 20];
    let (ours, theirs, ratio) = compare(
        || {
            let mut digest = StreamingDigest::new(hash_method);
            data.chunks(1 << 16).for_each(|piece| digest.update(black_box(piece)));
            black_box(digest.finish());
        },
        || {
            let mut digest = Hasher::new(message_digest(hash_method)).expect("OpenSSL has it");
            data.chunks(1 << 16).for_each(|piece| digest.update(black_box(piece)).expect("it takes data"));
            black_box(digest.finish().expect("it ends"));
        },
    );
    let speed = |microseconds: f64| format!("{:.2} GB/s", f64::from(1 << 20) / microseconds / 1000.0);
    let what = format!("{hash_method}, one stream, 64 KiB at a time");
    Row { subject, what, peer: "OpenSSL", ours: speed(ours), theirs: speed(theirs), ratio }
}

/// Digest and prepared key in, verdict out. OpenSSL's context is set up once and used again: its best case.
fn prepared_key(fixture: &Fixture) -> Row {
    let digest = hash(message_digest(fixture.hash_method), &fixture.image).expect("OpenSSL hashes");
    let key = Certificate::from_der(&fixture.certificate).expect("good").public_key().expect("good");
    let ours = |digest: &[u8]| {
        key.verify_digest(fixture.hash_method, digest, &fixture.signature, PssSaltLength::Auto).is_ok()
    };
    let public =
        X509::from_der(&fixture.certificate).and_then(|certificate| certificate.public_key()).expect("good");
    let mut context = prepared_context(fixture, &public).expect("OpenSSL verifies");
    let mut theirs = |digest: &[u8]| context.verify(digest, &fixture.signature).unwrap_or(false);
    let other = vec![7; digest.len()];
    assert!(ours(&digest) && theirs(&digest) && !ours(&other) && !theirs(&other), "{}", fixture.name);
    let measured = compare(|| assert!(ours(black_box(&digest))), || assert!(theirs(black_box(&digest))));
    row(fixture, 0, "key prepared", measured)
}

fn prepared_context<T: openssl::pkey::HasPublic>(
    fixture: &Fixture,
    key: &PKey<T>,
) -> Result<PkeyCtx<T>, ErrorStack> {
    let mut context = PkeyCtx::new(key)?;
    context.verify_init()?;
    if is_rsa(&fixture.key) {
        context.set_rsa_padding(Padding::PKCS1_PSS)?;
        context.set_rsa_pss_saltlen(RsaPssSaltlen::custom(ANY_SALT))?;
    }
    context.set_signature_md(message_digest_ref(fixture.hash_method))?;
    Ok(context)
}

fn message_digest_ref(hash_method: HashMethod) -> &'static openssl::md::MdRef {
    use openssl::md::Md;
    match hash_method {
        HashMethod::Sha384 => Md::sha384(),
        HashMethod::Sha512 => Md::sha512(),
        _ => Md::sha256(),
    }
}

/// A certificate's DER, a signature and 4 KiB in, verdict out.
fn from_certificate(fixture: &Fixture) -> Row {
    let ours = |image: &[u8]| {
        let certificate = Certificate::from_der(&fixture.certificate).expect("good");
        let mut verifier = SignatureVerifier::new(&fixture.properties, &certificate).expect("fitting");
        verifier.update(image);
        verifier.verify().is_ok()
    };
    let theirs = |image: &[u8]| {
        openssl_verdict(&fixture.certificate, fixture.hash_method, &fixture.signature, image, ANY_SALT)
            .unwrap_or(false)
    };
    let other = &fixture.image[1..];
    assert!(
        ours(&fixture.image) && theirs(&fixture.image) && !ours(other) && !theirs(other),
        "{}",
        fixture.name
    );
    let measured =
        compare(|| assert!(ours(black_box(&fixture.image))), || assert!(theirs(black_box(&fixture.image))));
    row(fixture, 1, "from the certificate, 4 KiB", measured)
}

fn row(
    fixture: &Fixture,
    part: usize,
    part_name: &str,
    measured: (f64, f64, crate::clock::Quartiles),
) -> Row {
    let time = |microseconds: f64| {
        let digits = if microseconds < 100.0 { 1 } else { 0 };
        format!("{microseconds:.digits$} µs")
    };
    let (ours, theirs, ratio) = measured;
    Row {
        subject: fixture.subjects[part],
        what: format!("{}, {part_name}", fixture.name),
        peer: "OpenSSL",
        ours: time(ours),
        theirs: time(theirs),
        ratio,
    }
}
