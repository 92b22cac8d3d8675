//! ECDSA verification (FIPS 186-5 section 6.4.2) on the curves that image signatures may use, and on P-256, which
//! certificates are signed with.

use p256::ecdsa as p256_ecdsa;
use p384::{NistP384, ecdsa as p384_ecdsa};
use p521::{NistP521, ecdsa as p521_ecdsa};
use signature::hazmat::PrehashVerifier;

use super::{
    KeyKind, PublicKeyError, SignatureError, SignatureInteger, SignatureMatch, SubjectPublicKeyInfo,
    VerificationError, prime_curve::KeyMultiples, two_integers,
};
use crate::algorithm::Curve;
use crate::asn1::{DerDefect, OBJECT_IDENTIFIER, SEQUENCE, dotted};
use crate::binary_curve::{BinaryCurve, BinaryKey, PointDefect};
use crate::modular::Residue;

/// 1.3.132.0, the curves of SEC 2 appendix A.2.
const CERTICOM_CURVES: &[u8] = &[0x2b, 0x81, 0x04, 0x00];

/// secp256r1, 1.2.840.10045.3.1.7 (RFC 5480 section 2.1.1.1).
const SECP256R1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

#[derive(Debug)]
pub(super) enum EcKey {
    P256(p256_ecdsa::VerifyingKey),
    P384(p384_ecdsa::VerifyingKey, KeyMultiples<NistP384>),
    P521(Box<p521_ecdsa::VerifyingKey>, KeyMultiples<NistP521>),
    Binary(BinaryKey),
}

impl EcKey {
    /// ECParameters and ECPoint (RFC 5480 section 2.1.1 and 2.2).
    pub(super) fn read(spki: &SubjectPublicKeyInfo<'_>) -> Result<Self, PublicKeyError> {
        match curve_of(spki)? {
            KeyKind::Ec(curve) => Self::read_point(curve, spki.subject_public_key),
            _ => Self::read_p256(spki.subject_public_key),
        }
    }

    fn read_p256(point: &[u8]) -> Result<Self, PublicKeyError> {
        if !matches!((point.first(), point.len()), (Some(2 | 3), 33) | (Some(4), 65)) {
            return Err(PublicKeyError::PointEncoding { curve: KeyKind::P256, length: point.len() });
        }
        let key = p256_ecdsa::VerifyingKey::from_sec1_bytes(point);
        key.map(Self::P256).map_err(|_| PublicKeyError::PointNotOnCurve { curve: KeyKind::P256 })
    }

    /// SEC 1 section 2.3.4, compressed and uncompressed. RFC 5480 section 2.2 forbids the hybrid form; the binary curves'
    /// own reader takes it, as old keys on those curves have it. The point at infinity is no key; the compact form of the
    /// sec1 crate is in no standard that certificates follow.
    fn read_point(curve: Curve, point: &[u8]) -> Result<Self, PublicKeyError> {
        if let Some(binary) = binary_curve(curve) {
            let key = BinaryKey::read(binary, point);
            return key.map(Self::Binary).map_err(|defect| refused_point(curve, point, defect));
        }
        let coordinate = usize::try_from(curve.field_bits().div_ceil(8)).unwrap_or(usize::MAX);
        let (compressed, uncompressed) =
            (coordinate.saturating_add(1), coordinate.saturating_mul(2).saturating_add(1));
        let well_formed = match point.first() {
            Some(2 | 3) => point.len() == compressed,
            Some(4) => point.len() == uncompressed,
            _ => false,
        };
        if !well_formed {
            return Err(PublicKeyError::PointEncoding { curve: KeyKind::Ec(curve), length: point.len() });
        }
        // Both check that the coordinates are below the field's prime and fulfil the curve's equation.
        let off_curve = |_| PublicKeyError::PointNotOnCurve { curve: KeyKind::Ec(curve) };
        if curve == Curve::Secp384r1 {
            let key = p384_ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(off_curve)?;
            return Ok(Self::P384(key, KeyMultiples::new()));
        }
        let key = p521_ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(off_curve)?;
        Ok(Self::P521(Box::new(key), KeyMultiples::new()))
    }

    pub(super) fn kind(&self) -> KeyKind {
        match self {
            Self::P256(_) => KeyKind::P256,
            Self::P384(..) => KeyKind::Ec(Curve::Secp384r1),
            Self::P521(..) => KeyKind::Ec(Curve::Secp521r1),
            Self::Binary(key) => KeyKind::Ec(match key.curve() {
                BinaryCurve::Sect409k1 => Curve::Sect409k1,
                BinaryCurve::Sect409r1 => Curve::Sect409r1,
                BinaryCurve::Sect571k1 => Curve::Sect571k1,
                BinaryCurve::Sect571r1 => Curve::Sect571r1,
            }),
        }
    }

    pub(super) fn check(&self, signature: &[u8]) -> Result<(), SignatureError> {
        match self {
            Self::P256(_) => p256_signature(signature).map(|_| ()),
            Self::P384(..) => p384_signature(signature).map(|_| ()),
            Self::P521(..) => p521_signature(signature).map(|_| ()),
            Self::Binary(key) => binary_signature(key, signature).map(|_| ()),
        }
    }

    /// The crates cut the digest to the order's length in whole octets: right for 256 and 384 bits, and for 521 bits because
    /// no digest is that long (FIPS 186-5 section 6.4.2 step 2). The binary curves cut it to bits.
    pub(super) fn verify(
        &self,
        digest: &[u8],
        signature: &[u8],
    ) -> Result<SignatureMatch, VerificationError> {
        let verified = match self {
            Self::P256(key) => key.verify_prehash(digest, &p256_signature(signature)?),
            Self::P384(key, multiples) => {
                let signature = p384_signature(signature)?;
                let (r, s) = signature.split_scalars();
                let decided = multiples.verify(key.as_affine(), digest, &r, &s);
                decided.map_or_else(|| key.verify_prehash(digest, &signature), verdict)
            }
            Self::P521(key, multiples) => {
                let signature = p521_signature(signature)?;
                let (r, s) = signature.split_scalars();
                let decided = multiples.verify(key.as_affine(), digest, &r, &s);
                decided.map_or_else(|| key.verify_prehash(digest, &signature), verdict)
            }
            Self::Binary(key) => {
                let (r, s) = binary_signature(key, signature)?;
                verdict(key.verify(digest, &r, &s))
            }
        };
        match verified {
            Ok(()) => Ok(SignatureMatch { salt_length: None }),
            Err(_) => Err(VerificationError::Mismatch),
        }
    }
}

fn verdict(holds: bool) -> Result<(), signature::Error> {
    if holds { Ok(()) } else { Err(signature::Error::new()) }
}

/// The kind of a key under id-ecPublicKey: its curve (RFC 5480 section 2.1.1).
pub(super) fn curve_of(spki: &SubjectPublicKeyInfo<'_>) -> Result<KeyKind, PublicKeyError> {
    let parameters = spki.parameters()?;
    match parameters.tag {
        OBJECT_IDENTIFIER => named_curve(parameters.object_identifier()?),
        SEQUENCE => Err(PublicKeyError::ExplicitCurve),
        found => {
            let defect = DerDefect::Tag { expected: OBJECT_IDENTIFIER, found };
            Err(parameters.error(defect).into())
        }
    }
}

fn named_curve(oid: &[u8]) -> Result<KeyKind, PublicKeyError> {
    if oid == SECP256R1 {
        return Ok(KeyKind::P256);
    }
    Ok(KeyKind::Ec(match oid.strip_prefix(CERTICOM_CURVES) {
        Some([34]) => Curve::Secp384r1,
        Some([35]) => Curve::Secp521r1,
        Some([36]) => Curve::Sect409k1,
        Some([37]) => Curve::Sect409r1,
        Some([38]) => Curve::Sect571k1,
        Some([39]) => Curve::Sect571r1,
        _ => return Err(PublicKeyError::UnsupportedCurve { oid: dotted(oid) }),
    }))
}

fn p256_signature(signature: &[u8]) -> Result<p256_ecdsa::Signature, SignatureError> {
    read_signature(signature, |r: [u8; 32], s| p256_ecdsa::Signature::from_scalars(r, s).ok())
}

fn binary_curve(curve: Curve) -> Option<BinaryCurve> {
    match curve {
        Curve::Sect409k1 => Some(BinaryCurve::Sect409k1),
        Curve::Sect409r1 => Some(BinaryCurve::Sect409r1),
        Curve::Sect571k1 => Some(BinaryCurve::Sect571k1),
        Curve::Sect571r1 => Some(BinaryCurve::Sect571r1),
        _ => None,
    }
}

fn refused_point(curve: Curve, point: &[u8], defect: PointDefect) -> PublicKeyError {
    let curve = KeyKind::Ec(curve);
    match defect {
        PointDefect::Encoding => PublicKeyError::PointEncoding { curve, length: point.len() },
        PointDefect::NotOnCurve => PublicKeyError::PointNotOnCurve { curve },
        PointDefect::OutsideSubgroup => PublicKeyError::PointOutsideSubgroup { curve },
    }
}

/// r and s from 1 to n - 1.
fn binary_signature(key: &BinaryKey, signature: &[u8]) -> Result<(Residue, Residue), SignatureError> {
    let (r, s) = two_integers::read(signature)?;
    let in_range = |magnitude, integer| {
        let residue = key.scalar(magnitude).ok_or(SignatureError::OutOfRange { integer, zero: false })?;
        if residue.is_zero() { Err(SignatureError::OutOfRange { integer, zero: true }) } else { Ok(residue) }
    };
    Ok((in_range(r, SignatureInteger::R)?, in_range(s, SignatureInteger::S)?))
}

fn p384_signature(signature: &[u8]) -> Result<p384_ecdsa::Signature, SignatureError> {
    read_signature(signature, |r: [u8; 48], s| p384_ecdsa::Signature::from_scalars(r, s).ok())
}

fn p521_signature(signature: &[u8]) -> Result<p521_ecdsa::Signature, SignatureError> {
    read_signature(signature, |r: [u8; 66], s| p521_ecdsa::Signature::from_scalars(r, s).ok())
}

/// r and s from 1 to n - 1; `from_scalars` is the curve's crate, which refuses what is not below n.
fn read_signature<S, const OCTETS: usize>(
    signature: &[u8],
    from_scalars: impl Fn([u8; OCTETS], [u8; OCTETS]) -> Option<S>,
) -> Result<S, SignatureError> {
    let (r, s) = two_integers::read(signature)?;
    let (r, s) = (scalar(r, SignatureInteger::R)?, scalar(s, SignatureInteger::S)?);
    // With 1 beside it, a refusal can only mean r.
    let past = |integer| SignatureError::OutOfRange { integer, zero: false };
    from_scalars(r, scalar(&[1], SignatureInteger::S)?).ok_or(past(SignatureInteger::R))?;
    from_scalars(r, s).ok_or(past(SignatureInteger::S))
}

fn scalar<const OCTETS: usize>(
    magnitude: &[u8],
    integer: SignatureInteger,
) -> Result<[u8; OCTETS], SignatureError> {
    if magnitude.is_empty() {
        return Err(SignatureError::OutOfRange { integer, zero: true });
    }
    if magnitude.len() > OCTETS {
        return Err(SignatureError::OutOfRange { integer, zero: false });
    }
    let mut octets = [0; OCTETS];
    for (place, octet) in octets.iter_mut().rev().zip(magnitude.iter().rev()) {
        *place = *octet;
    }
    Ok(octets)
}
