//! Dss-Sig-Value and Ecdsa-Sig-Value: `SEQUENCE { r INTEGER, s INTEGER }` (RFC 3279 section 2.2.2 and 2.2.3).

use super::SignatureError;
use crate::asn1::{INTEGER, Reader, SEQUENCE};

/// Magnitudes of r and s, without leading zeros; not yet held against the order.
pub(super) fn read(signature: &[u8]) -> Result<(&[u8], &[u8]), SignatureError> {
    let read = || {
        let mut reader = Reader::new(signature, "signature");
        let mut fields = reader.element(SEQUENCE, "signature")?.reader();
        reader.finish()?;
        let r = fields.element(INTEGER, "signature.r")?.unsigned()?;
        let s = fields.element(INTEGER, "signature.s")?.unsigned()?;
        fields.finish()?;
        Ok((r, s))
    };
    read().map_err(SignatureError::Encoding)
}
