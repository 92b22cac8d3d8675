//! What the library is asked without a certificate: is this a signature over this digest by this key?

use longhand::{HashMethod, PssSaltLength};

use crate::der::element;
use crate::fields;

/// The number of fields of an input that holds a question.
pub const FIELDS: usize = 4;
/// The fields that hold DER.
pub const OF_DER: &[usize] = &[1, 3];

/// One question: a field of two choices (hash method, salt length), the key, the digest, the signature.
#[derive(Debug)]
pub struct Question<'a> {
    pub hash_method: HashMethod,
    pub salt_length: PssSaltLength,
    pub spki: &'a [u8],
    pub digest: &'a [u8],
    pub signature: &'a [u8],
}

impl<'a> Question<'a> {
    pub fn read(input: &'a [u8]) -> Self {
        let [choices, spki, digest, signature] = fields::split::<FIELDS>(input);
        let choice = |index: usize| choices.get(index).copied().unwrap_or(0);
        Self {
            hash_method: hash_method(choice(0)),
            salt_length: salt_length(choice(1)),
            spki,
            digest,
            signature,
        }
    }
}

pub fn hash_method(choice: u8) -> HashMethod {
    HashMethod::ALL[usize::from(choice) % HashMethod::ALL.len()]
}

pub fn salt_length(choice: u8) -> PssSaltLength {
    match choice {
        0..=0x3f => PssSaltLength::Auto,
        0x40..=0x5f => PssSaltLength::Max,
        0x60..=0x7f => PssSaltLength::Digest,
        exactly => PssSaltLength::Exactly(usize::from(exactly - 0x80)),
    }
}

/// A SubjectPublicKeyInfo's algorithm identifier, whole, and the contents of its BIT STRING after the first octet.
pub fn parts(spki: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, contents, _) = element(spki)?;
    let (_, _, after) = element(contents)?;
    let (_, key, _) = element(after)?;
    Some((&contents[..contents.len() - after.len()], key.get(1..)?))
}

/// Whether the key is under id-RSASSA-PSS, with or without parameters.
pub fn is_rsassa_pss(spki: &[u8]) -> bool {
    const RSASSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];
    let oid = parts(spki).and_then(|(algorithm, _)| element(element(algorithm)?.1));
    oid.is_some_and(|(_, oid, _)| oid == RSASSA_PSS)
}
