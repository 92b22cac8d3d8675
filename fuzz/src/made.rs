//! Certificates made for one question and signed at once, with Ed25519 keys that everybody knows.

use ed25519_dalek::{Signer as _, SigningKey};

pub fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let octets = (contents.len() as u32).to_be_bytes();
    let length = match contents.len() {
        short @ 0..=0x7f => vec![short as u8],
        0x80..=0xff => vec![0x81, octets[3]],
        0x100..=0xffff => vec![0x82, octets[2], octets[3]],
        _ => vec![0x83, octets[1], octets[2], octets[3]],
    };
    [&[tag], length.as_slice(), contents].concat()
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

/// A name of one common name.
pub fn name(text: &str) -> Vec<u8> {
    let attribute = sequence(&[&[0x06, 0x03, 0x55, 0x04, 0x03], &tlv(0x0c, text.as_bytes())]);
    sequence(&[&tlv(0x31, &attribute)])
}

/// An extension below 2.5.29.
pub fn extension(arc: u8, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[0x01, 0x01, 0xff] } else { &[] };
    sequence(&[&[0x06, 0x03, 0x55, 0x1d, arc], critical, &tlv(0x04, value)])
}

/// The key with this number.
pub fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

/// What a certificate says. `extensions` are what stands in the SEQUENCE OF Extension.
pub struct Certificate<'a> {
    pub serial: u8,
    pub issuer: &'a [u8],
    pub subject: &'a [u8],
    /// In years after 2000, two digits.
    pub years: [u8; 2],
    pub key: u8,
    pub extensions: &'a [u8],
}

impl Certificate<'_> {
    /// The DER, signed with the key of this number.
    pub fn sign(&self, by: u8) -> Vec<u8> {
        const ED25519: &[u8] = &[0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70];
        let time = |years: u8| tlv(0x17, format!("{years:02}0101000000Z").as_bytes());
        let public = [&[0], key(self.key).verifying_key().as_bytes().as_slice()].concat();
        let extensions = match self.extensions {
            [] => Vec::new(),
            extensions => tlv(0xa3, &tlv(0x30, extensions)),
        };
        let to_be_signed = sequence(&[
            &[0xa0, 0x03, 0x02, 0x01, 0x02],
            &[0x02, 0x01, self.serial & 0x7f | 1 << 6],
            ED25519,
            self.issuer,
            &sequence(&[&time(self.years[0]), &time(self.years[1])]),
            self.subject,
            &sequence(&[ED25519, &tlv(0x03, &public)]),
            &extensions,
        ]);
        let signature = key(by).sign(&to_be_signed).to_bytes();
        sequence(&[&to_be_signed, ED25519, &tlv(0x03, &[&[0], signature.as_slice()].concat())])
    }
}
