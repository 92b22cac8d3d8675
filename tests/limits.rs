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
use common::der::{Der, integer, null, oid, sequence, spki, tlv};
use longhand::limits::{
    DSA_Q_BITS, MAX_CERTIFICATE_DER, MAX_CERTIFICATE_INPUT, MAX_DSA_P_BITS, MAX_EXCERPT, MAX_EXTENSIONS,
    MAX_NAME_ATTRIBUTES, MAX_NAME_TEXT, MAX_OBJECT_IDENTIFIER, MAX_PROPERTY_TEXT, MAX_RSA_BITS,
    MAX_RSA_EXPONENT, MAX_SIGNATURE_TEXT, MIN_DSA_P_BITS, MIN_RSA_BITS, MIN_RSA_EXPONENT,
};
use longhand::{
    Certificate, CertificateError, ErrorCode, PropertyError, PropertyName, PublicKey, PublicKeyError,
    SignatureProperties,
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

fn rsa(modulus: &[u8], exponent: u64) -> Result<PublicKey, PublicKeyError> {
    let algorithm = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
    let key = sequence([integer(modulus), integer(&exponent.to_be_bytes())]);
    PublicKey::from_spki_der(&spki(algorithm, Some(null()), &key.encode()))
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

/// Whether the sizes alone are refused; such numbers break other rules.
fn dsa_sizes_are_refused(p_bits: u32, q_bits: u32) -> bool {
    let algorithm = &[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01];
    let parameters = sequence([integer(&odd(p_bits)), integer(&odd(q_bits)), integer(&[2])]);
    let key = PublicKey::from_spki_der(&spki(algorithm, Some(parameters), &integer(&[2]).encode()));
    match key.unwrap_err() {
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
