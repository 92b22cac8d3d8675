//! Certificates made as a test needs them, signed with Ed25519: for chains that no file holds.

use ed25519_dalek::SigningKey;
use ed25519_dalek::ed25519::signature::Signer as _;
use longhand::{Certificate, ChainCertificate};

use super::der::{Der, bit_string, integer, oid, sequence, spki};

/// 1.3.101.112 (RFC 8410 section 3)
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// A time at which every certificate made here is valid.
pub(crate) const AT: &str = "2030-01-01T00:00:00Z";

/// The key with this number.
pub(crate) fn key(number: u32) -> SigningKey {
    let mut seed = [0x5a; 32];
    seed[..4].copy_from_slice(&number.to_be_bytes());
    SigningKey::from_bytes(&seed)
}

/// A certificate before it is signed.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    serial: u32,
    subject: String,
    spki: Vec<u8>,
    extensions: Vec<Der>,
}

impl Draft {
    /// Of a subject with an Ed25519 key, without extensions.
    pub(crate) fn new(subject: &str, key: &SigningKey) -> Self {
        Self::of_key(subject, spki(ED25519, None, key.verifying_key().as_bytes()))
    }

    /// Of a subject with any key, as DER of its SubjectPublicKeyInfo.
    pub(crate) fn of_key(subject: &str, spki: Vec<u8>) -> Self {
        Self { serial: 1, subject: subject.to_owned(), spki, extensions: Vec::new() }
    }

    pub(crate) fn serial(mut self, serial: u32) -> Self {
        self.serial = serial;
        self
    }

    /// CA:TRUE and a keyUsage of digitalSignature and keyCertSign.
    pub(crate) fn authority(self, path_length: Option<u32>) -> Self {
        let length = path_length.map(|length| integer(&length.to_be_bytes()));
        let constraints: Vec<_> =
            [Some(Der::Primitive(0x01, vec![0xff])), length].into_iter().flatten().collect();
        let key_usage = Der::Primitive(0x03, vec![2, 0b1000_0100]);
        self.extension(19, sequence(constraints)).extension(15, key_usage)
    }

    /// One more extension, 2.5.29.`number`, not critical.
    pub(crate) fn extension(mut self, number: u8, value: Der) -> Self {
        let value = Der::Primitive(0x04, value.encode());
        self.extensions.push(sequence([oid(&[0x55, 0x1d, number]), value]));
        self
    }

    /// The certificate, with the signature of `key` in the name of `issuer`.
    pub(crate) fn signed(self, issuer: &str, key: &SigningKey) -> Certificate {
        self.finished(issuer, &sequence([oid(ED25519)]), |signed| key.sign(signed).to_bytes().to_vec())
    }

    /// The certificate, signed by nobody with this algorithm.
    pub(crate) fn unsigned(self, issuer: &str, algorithm: &Der) -> Certificate {
        self.finished(issuer, algorithm, |_| vec![0x5a; 64])
    }

    fn finished(self, issuer: &str, algorithm: &Der, sign: impl Fn(&[u8]) -> Vec<u8>) -> Certificate {
        let time = |text: &str| Der::Primitive(0x17, text.as_bytes().to_vec());
        let mut fields = vec![
            Der::Constructed(0xa0, vec![integer(&[2])]),
            integer(&self.serial.to_be_bytes()),
            algorithm.clone(),
            name(issuer),
            sequence([time("200101000000Z"), time("400101000000Z")]),
            name(&self.subject),
            Der::Raw(self.spki),
        ];
        if !self.extensions.is_empty() {
            fields.push(Der::Constructed(0xa3, vec![sequence(self.extensions)]));
        }
        let to_be_signed = sequence(fields).encode();
        let signature = sign(&to_be_signed);
        let whole = sequence([Der::Raw(to_be_signed), algorithm.clone(), bit_string(&signature)]);
        Certificate::from_der(&whole.encode()).unwrap()
    }
}

/// A name of one attribute, commonName.
pub(crate) fn name(text: &str) -> Der {
    let value = Der::Primitive(0x0c, text.as_bytes().to_vec());
    sequence([Der::Constructed(0x31, vec![sequence([oid(&[0x55, 4, 3]), value])])])
}

/// The certificate with this id.
pub(crate) fn stored(id: &str, certificate: &Certificate) -> ChainCertificate {
    ChainCertificate::new(certificate.clone(), Some(id))
}
