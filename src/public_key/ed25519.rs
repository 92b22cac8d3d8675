//! Ed25519 (RFC 8032 section 5.1.7), which certificates are signed with; no image key type names it.

use ed25519_dalek::{Signature, VerifyingKey};

use super::{PublicKeyError, SubjectPublicKeyInfo, VerificationError};
use crate::asn1::DerDefect;

#[derive(Debug)]
pub(super) struct Ed25519Key(Box<VerifyingKey>);

impl Ed25519Key {
    /// A key under id-Ed25519: no parameters, 32 octets (RFC 8410 section 3 and 4).
    pub(super) fn read(spki: &SubjectPublicKeyInfo<'_>) -> Result<Self, PublicKeyError> {
        if let Some(parameters) = spki.algorithm.parameters {
            return Err(parameters.error(DerDefect::TrailingData).into());
        }
        let octets = spki.subject_public_key;
        let octets: &[u8; 32] =
            octets.try_into().map_err(|_| PublicKeyError::Ed25519 { rule: "has not 32 octets" })?;
        let key = VerifyingKey::from_bytes(octets)
            .map_err(|_| PublicKeyError::Ed25519 { rule: "is not a point on the curve" })?;
        // A point of small order has signatures that anybody can make (RFC 8032 section 5.1.7 leaves them in).
        if key.is_weak() {
            return Err(PublicKeyError::Ed25519 { rule: "is a point of small order" });
        }
        Ok(Self(Box::new(key)))
    }

    /// The strict form: canonical encodings, no cofactor, no points of small order.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), VerificationError> {
        let signature = Signature::from_slice(signature).map_err(|_| VerificationError::Mismatch)?;
        self.0.verify_strict(message, &signature).map_err(|_| VerificationError::Mismatch)
    }
}
