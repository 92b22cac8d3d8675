//! A key type with which any image can be signed here.

use base64::Engine as _;
use longhand::{
    HashMethod, KeyTypes, RegisteredKey, SchemeError, SignatureProperties, SignatureScheme,
    SignatureVerifier, StreamingDigest,
};

use super::Walkthrough;

/// Says yes to images whose digest begins with the one octet of the signature.
#[derive(Debug)]
struct FirstOctet;

impl SignatureScheme for FirstOctet {
    fn prepare(&self, _: &[u8]) -> Result<Box<dyn RegisteredKey>, SchemeError> {
        Ok(Box::new(FirstOctet))
    }
}

impl RegisteredKey for FirstOctet {
    fn verify_digest(&self, _: HashMethod, digest: &[u8], signature: &[u8]) -> Result<(), SchemeError> {
        if digest[0] == signature[0] { Ok(()) } else { Err("no".into()) }
    }
}

/// A verifier that says yes to this image, or no to every one.
pub(crate) fn verifier(image: &[u8], good: bool) -> SignatureVerifier {
    let mut key_types = KeyTypes::new();
    key_types.register("FIRST-OCTET", FirstOctet).unwrap();
    let mut digest = StreamingDigest::new(HashMethod::Sha256);
    digest.update(image);
    let first = digest.finish().as_bytes()[0] ^ u8::from(!good);
    let properties = [
        ("img_signature", base64::engine::general_purpose::STANDARD.encode([first])),
        ("img_signature_hash_method", "SHA-256".to_owned()),
        ("img_signature_key_type", "FIRST-OCTET".to_owned()),
        ("img_signature_certificate_uuid", "x".to_owned()),
    ];
    let properties = SignatureProperties::from_properties_with(properties, &key_types).unwrap().unwrap();
    SignatureVerifier::new(&properties, &Walkthrough::glance().certificate()).unwrap()
}

pub(crate) fn image(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251) as u8).collect()
}
