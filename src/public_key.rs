//! Public keys, read from SubjectPublicKeyInfo and prepared once, and their verdict on a digest.
//!
//! Knows no certificates and no images. All arithmetic is over public data and takes variable time.

use std::fmt;
use std::sync::Arc;

use crate::algorithm::{Curve, HashMethod};
use crate::asn1::{AlgorithmIdentifier, BIT_STRING, DerDefect, DerError, Element, Reader, SEQUENCE, dotted};
use crate::code::{Disposition, ErrorCode, SIGNATURE_FAILED};

mod dsa;
mod ecdsa;
mod ed25519;
mod prime_curve;
mod rsa;
mod two_integers;

pub use dsa::DsaComponent;
pub(crate) use rsa::PssParameters;
pub use rsa::{PssDefect, PssSaltLength};

/// rsaEncryption, 1.2.840.113549.1.1.1 (RFC 8017 appendix A.1)
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// id-RSASSA-PSS, 1.2.840.113549.1.1.10 (RFC 8017 appendix A.2.3)
const RSASSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];
/// id-dsa, 1.2.840.10040.4.1 (RFC 3279 section 2.3.2)
const DSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01];
/// id-ecPublicKey, 1.2.840.10045.2.1 (RFC 5480 section 2.1.1)
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// id-Ed25519, 1.3.101.112 (RFC 8410 section 3)
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// The kind of a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyKind {
    /// An RSA key, under rsaEncryption or id-RSASSA-PSS.
    Rsa,
    /// A DSA key.
    Dsa,
    /// An elliptic-curve key on this curve.
    Ec(Curve),
    /// An elliptic-curve key on secp256r1, NIST P-256. Certificates are signed with it; no image key type names it.
    P256,
    /// An Ed25519 key (RFC 8032). Certificates are signed with it; no image key type names it.
    Ed25519,
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa => f.write_str("RSA"),
            Self::Dsa => f.write_str("DSA"),
            Self::Ec(curve) => write!(f, "EC {curve}"),
            Self::P256 => f.write_str("EC secp256r1"),
            Self::Ed25519 => f.write_str("Ed25519"),
        }
    }
}

/// A public key, validated and prepared for verification. Cheap to clone.
///
/// ```
/// use longhand::{Certificate, KeyKind, PublicKey};
///
/// # let pem = std::fs::read("test-vectors/walkthrough/glance/certs/cd7cc675-e573-419c-8fff-33a72734a243.crt")?;
/// let certificate = Certificate::from_pem(&pem)?;
/// let key = PublicKey::from_spki_der(certificate.subject_public_key_info())?;
/// assert_eq!((key.kind(), key.bits()), (KeyKind::Rsa, 1024));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct PublicKey(Arc<Prepared>);

enum Prepared {
    Rsa(rsa::RsaKey),
    Dsa(dsa::DsaKey),
    Ec(ecdsa::EcKey),
    Ed25519(ed25519::Ed25519Key),
}

impl PublicKey {
    /// Reads and validates a SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7).
    ///
    /// # Errors
    /// [`PublicKeyError`] when the DER is not strict, the algorithm or curve is not supported, or the key breaks a rule
    /// of its algorithm.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, PublicKeyError> {
        let mut reader = Reader::new(der, "SubjectPublicKeyInfo");
        let spki = SubjectPublicKeyInfo::read(&mut reader)?;
        reader.finish()?;
        let prepared = match spki.algorithm.oid {
            RSA_ENCRYPTION => Prepared::Rsa(rsa::RsaKey::read(&spki)?),
            RSASSA_PSS => Prepared::Rsa(rsa::RsaKey::read_restricted(&spki)?),
            DSA => Prepared::Dsa(dsa::DsaKey::read(&spki)?),
            EC_PUBLIC_KEY => Prepared::Ec(ecdsa::EcKey::read(&spki)?),
            ED25519 => Prepared::Ed25519(ed25519::Ed25519Key::read(&spki)?),
            other => return Err(PublicKeyError::UnsupportedAlgorithm { oid: dotted(other) }),
        };
        Ok(Self(Arc::new(prepared)))
    }

    /// The kind of key.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        match &*self.0 {
            Prepared::Rsa(_) => KeyKind::Rsa,
            Prepared::Dsa(_) => KeyKind::Dsa,
            Prepared::Ec(key) => key.kind(),
            Prepared::Ed25519(_) => KeyKind::Ed25519,
        }
    }

    /// The key's size in bits: of the RSA modulus, of DSA's p, of the curve's field.
    #[must_use]
    pub fn bits(&self) -> u32 {
        match &*self.0 {
            Prepared::Rsa(key) => key.bits(),
            Prepared::Dsa(key) => key.bits(),
            Prepared::Ec(key) => field_bits(key.kind()),
            Prepared::Ed25519(_) => field_bits(KeyKind::Ed25519),
        }
    }

    /// Decides whether `signature` belongs to `digest`: the prehash door, for harnesses and bindings. A service uses
    /// [`SignatureVerifier`](crate::SignatureVerifier).
    ///
    /// `salt_length` matters to RSA-PSS alone.
    ///
    /// # Errors
    /// [`VerificationError`] says why the signature does not hold.
    ///
    /// ```
    /// # use longhand::{Certificate, HashMethod, PssSaltLength};
    /// # let pem = std::fs::read("test-vectors/walkthrough/glance/certs/cd7cc675-e573-419c-8fff-33a72734a243.crt")?;
    /// let key = Certificate::from_pem(&pem)?.public_key()?;
    /// let refused = key.verify_digest(HashMethod::Sha256, &[0; 32], &[0; 128], PssSaltLength::Auto);
    /// assert_eq!(refused.unwrap_err().code().name(), "pss_encoding");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn verify_digest(
        &self,
        hash_method: HashMethod,
        digest: &[u8],
        signature: &[u8],
        salt_length: PssSaltLength,
    ) -> Result<SignatureMatch, VerificationError> {
        self.check_signature(hash_method, signature)?;
        if digest.len() != hash_method.digest_length() {
            return Err(VerificationError::DigestLength {
                expected: hash_method.digest_length(),
                found: digest.len(),
            });
        }
        match &*self.0 {
            Prepared::Rsa(key) => key.verify(hash_method, digest, signature, salt_length),
            Prepared::Dsa(key) => key.verify(digest, signature),
            Prepared::Ec(key) => key.verify(digest, signature),
            Prepared::Ed25519(_) => Err(SignatureError::MessageOnly.into()),
        }
    }

    /// RSASSA-PKCS1-v1_5 over the DER of a DigestInfo (RFC 8017 section 8.2.2): for certificates, never for images.
    pub(crate) fn verify_pkcs1v15(
        &self,
        digest_info: &[u8],
        signature: &[u8],
    ) -> Result<(), VerificationError> {
        match &*self.0 {
            Prepared::Rsa(key) => key.verify_pkcs1v15(digest_info, signature),
            _ => Err(VerificationError::Mismatch),
        }
    }

    /// DSA or ECDSA over a digest of any length, such as SHA-1's: for certificates.
    pub(crate) fn verify_any_digest(&self, digest: &[u8], signature: &[u8]) -> Result<(), VerificationError> {
        match &*self.0 {
            Prepared::Dsa(key) => key.verify(digest, signature).map(|_| ()),
            Prepared::Ec(key) => key.verify(digest, signature).map(|_| ()),
            _ => Err(VerificationError::Mismatch),
        }
    }

    /// A scheme that takes the message itself: Ed25519.
    pub(crate) fn verify_message(&self, message: &[u8], signature: &[u8]) -> Result<(), VerificationError> {
        match &*self.0 {
            Prepared::Ed25519(key) => key.verify(message, signature),
            _ => Err(VerificationError::Mismatch),
        }
    }

    /// Decides, before any data, whether `signature` could be one by this key with this hash method at all.
    ///
    /// # Errors
    /// [`SignatureError`] says why it cannot.
    pub fn check_signature(&self, hash_method: HashMethod, signature: &[u8]) -> Result<(), SignatureError> {
        match &*self.0 {
            Prepared::Rsa(key) => key.check(hash_method, signature).map(|_| ()),
            Prepared::Dsa(key) => key.check(signature).map(|_| ()),
            Prepared::Ec(key) => key.check(signature),
            Prepared::Ed25519(_) => Err(SignatureError::MessageOnly),
        }
    }
}

/// The size of the field that a curve lies over, in bits.
const fn field_bits(kind: KeyKind) -> u32 {
    match kind {
        KeyKind::Ec(curve) => curve.field_bits(),
        KeyKind::P256 => 256,
        KeyKind::Ed25519 => 255,
        KeyKind::Rsa | KeyKind::Dsa => 0,
    }
}

/// What a SubjectPublicKeyInfo says about its key, at the price of reading it: no point is decompressed, no prime
/// tested. The key may still turn out to be none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyOutline {
    pub(crate) kind: KeyKind,
    /// As [`PublicKey::bits`].
    pub(crate) bits: u32,
    /// What a verification raises to: the multiplications that RSA's exponent takes, the size of DSA's q in bits; 0 for
    /// other kinds.
    pub(crate) exponent: u32,
}

impl KeyOutline {
    /// Reads the outline.
    pub(crate) fn from_spki_der(der: &[u8]) -> Result<Self, PublicKeyError> {
        let mut reader = Reader::new(der, "SubjectPublicKeyInfo");
        let spki = SubjectPublicKeyInfo::read(&mut reader)?;
        reader.finish()?;
        let (kind, bits, exponent) = match spki.algorithm.oid {
            RSA_ENCRYPTION | RSASSA_PSS => {
                let (bits, multiplications) = rsa::sizes(spki.subject_public_key)?;
                (KeyKind::Rsa, bits, multiplications)
            }
            DSA => {
                let (bits, order_bits) = dsa::sizes(&spki)?;
                (KeyKind::Dsa, bits, order_bits)
            }
            EC_PUBLIC_KEY => {
                let kind = ecdsa::curve_of(&spki)?;
                (kind, field_bits(kind), 0)
            }
            ED25519 => (KeyKind::Ed25519, field_bits(KeyKind::Ed25519), 0),
            other => return Err(PublicKeyError::UnsupportedAlgorithm { oid: dotted(other) }),
        };
        Ok(Self { kind, bits, exponent })
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}, {} bits)", self.kind(), self.bits())
    }
}

/// What a verification found besides its yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct SignatureMatch {
    /// The length of the salt in an RSA-PSS signature, in octets; `None` for other schemes.
    pub salt_length: Option<usize>,
}

/// SubjectPublicKeyInfo, taken apart but not judged.
pub(crate) struct SubjectPublicKeyInfo<'a> {
    pub(crate) algorithm: AlgorithmIdentifier<'a>,
    pub(crate) subject_public_key: &'a [u8],
    pub(crate) element: Element<'a>,
}

impl<'a> SubjectPublicKeyInfo<'a> {
    /// Reads the next element as a SubjectPublicKeyInfo.
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, DerError> {
        let element = reader.element(SEQUENCE, "subjectPublicKeyInfo")?;
        let mut fields = element.reader();
        let algorithm = AlgorithmIdentifier::read(&mut fields, "subjectPublicKeyInfo.algorithm")?;
        let key = fields.element(BIT_STRING, "subjectPublicKeyInfo.subjectPublicKey")?;
        fields.finish()?;
        Ok(Self { algorithm, subject_public_key: key.bit_string()?, element })
    }

    /// The parameters, which this algorithm cannot do without.
    fn parameters(&self) -> Result<Element<'a>, DerError> {
        self.algorithm.parameters.ok_or_else(|| self.algorithm.element.error(DerDefect::Missing))
    }
}

/// Why a public key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublicKeyError {
    /// The DER is not strict, or not what the algorithm's standard says.
    Malformed(DerError),
    /// No image is verified with keys of this algorithm.
    UnsupportedAlgorithm {
        /// The algorithm's object identifier, in dotted decimals.
        oid: String,
    },
    /// The curve is none of the documented six.
    UnsupportedCurve {
        /// The curve's object identifier, in dotted decimals.
        oid: String,
    },
    /// The curve is given by explicit parameters (RFC 5480 section 2.1.1 forbids them).
    ExplicitCurve,
    /// The parameters of id-RSASSA-PSS are none that an image signature can meet.
    PssParameters {
        /// What is wrong, in the words of RFC 4055.
        rule: &'static str,
    },
    /// The RSA modulus is even or of a size outside the bounds.
    RsaModulus {
        /// Its size in bits.
        bits: u64,
        /// Whether it is even.
        even: bool,
    },
    /// The RSA public exponent is even or outside the bounds.
    RsaExponent {
        /// Its size in bits.
        bits: u64,
        /// Whether it is even.
        even: bool,
    },
    /// p has not 1024 to 4096 bits, or q not 160, 224 or 256: the sizes that OpenSSL verifies with.
    DsaSize {
        /// The size of p in bits.
        p_bits: u64,
        /// The size of q in bits.
        q_bits: u64,
    },
    /// A DSA parameter, or the key itself, breaks its rule.
    DsaParameter {
        /// Which.
        component: DsaComponent,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// The point is neither compressed nor uncompressed, or has the wrong length (SEC 1 section 2.3.4).
    PointEncoding {
        /// The curve.
        curve: KeyKind,
        /// The length found, in octets.
        length: usize,
    },
    /// The coordinates are not those of a point on the curve.
    PointNotOnCurve {
        /// The curve.
        curve: KeyKind,
    },
    /// An Ed25519 key breaks its rule.
    Ed25519 {
        /// The rule it breaks.
        rule: &'static str,
    },
    /// The point is on the curve, but not in the subgroup of prime order that the generator makes (SEC 1 section 3.2.2.1
    /// step 4). Binary curves have such points; CVE-2026-26007 is what follows from taking them.
    PointOutsideSubgroup {
        /// The curve.
        curve: KeyKind,
    },
}

impl PublicKeyError {
    /// The stable code of this error.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Malformed(_) => ErrorCode::KeyMalformed,
            Self::UnsupportedAlgorithm { .. } => ErrorCode::KeyAlgorithmUnsupported,
            Self::UnsupportedCurve { .. } => ErrorCode::CurveUnsupported,
            Self::ExplicitCurve => ErrorCode::CurveExplicit,
            Self::PssParameters { .. } => ErrorCode::KeyParameters,
            Self::RsaModulus { .. } => ErrorCode::RsaModulus,
            Self::RsaExponent { .. } => ErrorCode::RsaExponent,
            Self::DsaSize { .. } => ErrorCode::DsaSize,
            Self::DsaParameter { .. } => ErrorCode::DsaParameter,
            Self::PointEncoding { .. } => ErrorCode::PointEncoding,
            Self::PointNotOnCurve { .. } => ErrorCode::PointNotOnCurve,
            Self::Ed25519 { .. } => ErrorCode::Ed25519Key,
            Self::PointOutsideSubgroup { .. } => ErrorCode::PointOutsideSubgroup,
        }
    }

    /// What a service should do about this error.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        self.code().disposition()
    }
}

impl fmt::Display for PublicKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::limits::{
            DSA_Q_BITS, MAX_DSA_P_BITS, MAX_RSA_BITS, MAX_RSA_EXPONENT, MIN_DSA_P_BITS, MIN_RSA_BITS,
            MIN_RSA_EXPONENT,
        };
        f.write_str("the public key cannot be used: ")?;
        match self {
            Self::Malformed(error) => write!(f, "{error}"),
            Self::UnsupportedAlgorithm { oid } => {
                write!(f, "its algorithm {oid} is none of RSA, RSASSA-PSS, DSA, elliptic curves and Ed25519")
            }
            Self::UnsupportedCurve { oid } => {
                write!(f, "its curve {oid} is none of the six that image signatures may use, nor secp256r1")
            }
            Self::ExplicitCurve => f.write_str("its curve is given by explicit parameters, not by name"),
            Self::PssParameters { rule } => write!(f, "its RSASSA-PSS parameters are not usable: {rule}"),
            Self::RsaModulus { even: true, .. } => f.write_str("its RSA modulus is even"),
            Self::RsaModulus { bits, .. } => {
                write!(f, "its RSA modulus has {bits} bits, not {MIN_RSA_BITS} to {MAX_RSA_BITS}")
            }
            Self::RsaExponent { even: true, .. } => f.write_str("its RSA public exponent is even"),
            Self::RsaExponent { bits, .. } => write!(
                f,
                "its RSA public exponent, of {bits} bits, is not within {MIN_RSA_EXPONENT} to {MAX_RSA_EXPONENT}"
            ),
            Self::DsaSize { p_bits, q_bits } => write!(
                f,
                "its DSA sizes are {p_bits} and {q_bits} bits; p must have {MIN_DSA_P_BITS} to {MAX_DSA_P_BITS} and \
                 q one of {DSA_Q_BITS:?}"
            ),
            Self::DsaParameter { component, rule } => write!(f, "its DSA {component} {rule}"),
            Self::PointEncoding { curve, length } => write!(
                f,
                "its point for {curve}, of {length} octets, is neither in compressed nor in uncompressed form"
            ),
            Self::PointNotOnCurve { curve } => write!(f, "its point is not on the curve of {curve}"),
            Self::PointOutsideSubgroup { curve } => {
                write!(f, "its point is on {curve}, but outside the subgroup of prime order")
            }
            Self::Ed25519 { rule } => write!(f, "its Ed25519 key {rule}"),
        }
    }
}

impl std::error::Error for PublicKeyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Malformed(error) => Some(error),
            _ => None,
        }
    }
}

impl From<DerError> for PublicKeyError {
    fn from(error: DerError) -> Self {
        Self::Malformed(error)
    }
}

/// Which of the two integers of a DSA or ECDSA signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureInteger {
    /// The first.
    R,
    /// The second.
    S,
}

impl fmt::Display for SignatureInteger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::R => "r",
            Self::S => "s",
        })
    }
}

/// Why some octets cannot be a signature by a key, whatever the data.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureError {
    /// An RSA signature is exactly as long as the modulus (RFC 8017 section 8.1.2 step 1).
    Length {
        /// The modulus's length in octets.
        expected: usize,
        /// The signature's length in octets.
        found: usize,
    },
    /// An RSA signature, as a number, is below the modulus (RFC 8017 section 5.2.2 step 1).
    NotBelowModulus,
    /// A DSA or ECDSA signature is the strict DER of a SEQUENCE of two INTEGERs (RFC 3279 section 2.2.2).
    Encoding(DerError),
    /// r and s lie between 1 and the order less 1 (FIPS 186-4 section 4.7, FIPS 186-5 section 6.4.2).
    OutOfRange {
        /// Which of the two.
        integer: SignatureInteger,
        /// Whether it is zero, rather than not below the order.
        zero: bool,
    },
    /// The key signs messages, not digests, and so no images (RFC 8032 section 5.1).
    MessageOnly,
    /// The key allows signatures with one hash method only (RFC 4055 section 3.3).
    Restricted {
        /// The hash method or hash of MGF1 that the key's parameters name.
        key_hash: &'static str,
        /// The hash method of the signature.
        hash_method: HashMethod,
    },
}

impl SignatureError {
    /// The stable code of this error.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Length { .. } => ErrorCode::SignatureLength,
            Self::NotBelowModulus => ErrorCode::SignatureNotBelowModulus,
            Self::Encoding(_) => ErrorCode::SignatureEncoding,
            Self::OutOfRange { .. } => ErrorCode::SignatureOutOfRange,
            Self::MessageOnly => ErrorCode::KeySignsMessages,
            Self::Restricted { .. } => ErrorCode::KeyRestricted,
        }
    }

    /// What a service should do about this error.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        self.code().disposition()
    }
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SIGNATURE_FAILED}: ")?;
        match self {
            Self::Length { expected, found } => {
                write!(f, "the signature has {found} octets, one by this RSA key has {expected}")
            }
            Self::NotBelowModulus => f.write_str("the signature is a number not below the RSA modulus"),
            Self::Encoding(error) => {
                write!(f, "the signature is not the DER of two integers: {error}")
            }
            Self::OutOfRange { integer, zero: true } => write!(f, "the signature's {integer} is zero"),
            Self::OutOfRange { integer, zero: false } => {
                write!(f, "the signature's {integer} is not below the order")
            }
            Self::MessageOnly => f.write_str("an Ed25519 key signs no digests, and so no images"),
            Self::Restricted { key_hash, hash_method } => {
                write!(f, "the key is restricted to {key_hash}, the image's hash method is {hash_method}")
            }
        }
    }
}

impl std::error::Error for SignatureError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Encoding(error) => Some(error),
            _ => None,
        }
    }
}

/// Why a signature does not hold for the data.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum VerificationError {
    /// The signature does not belong to this data and this key. Of RSA-PSS: it is by this key, over other data.
    Mismatch,
    /// The RSA operation does not give a PSS encoding: another key signed, or it is no PSS signature with this hash
    /// (RFC 8017 section 9.1.2).
    PssEncoding {
        /// The first thing that is wrong.
        defect: PssDefect,
    },
    /// The signature holds, but its salt has another length than the caller or the key demands.
    SaltLength {
        /// The length found, in octets.
        found: usize,
        /// The length demanded, in octets.
        required: usize,
        /// Whether a longer salt would do as well: a key's restriction is a minimum (RFC 4055 section 3.3).
        at_least: bool,
    },
    /// The octets cannot be a signature by this key.
    Signature(SignatureError),
    /// The digest handed in is not as long as the hash method's.
    DigestLength {
        /// The hash method's digest length in octets.
        expected: usize,
        /// The length handed in.
        found: usize,
    },
    /// The registered key type refused the signature.
    Registered {
        /// What it said.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
}

impl VerificationError {
    /// The stable code of this error.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Mismatch => ErrorCode::SignatureMismatch,
            Self::PssEncoding { .. } => ErrorCode::PssEncoding,
            Self::SaltLength { .. } => ErrorCode::PssSaltLength,
            Self::Signature(error) => error.code(),
            Self::DigestLength { .. } => ErrorCode::DigestLength,
            Self::Registered { .. } => ErrorCode::RegisteredSignatureRefused,
        }
    }

    /// What a service should do about this error.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        self.code().disposition()
    }
}

impl fmt::Display for VerificationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Signature(error) = self {
            return error.fmt(f);
        }
        write!(f, "{SIGNATURE_FAILED}: ")?;
        match self {
            Self::Mismatch => f.write_str("the data or the hash method is not the signed one"),
            Self::PssEncoding { defect } => {
                write!(f, "it is not an RSA-PSS signature by this key with this hash method: {defect}")
            }
            Self::SaltLength { found, required, at_least } => write!(
                f,
                "the signature holds, but its salt has {found} octets instead of {}{required}",
                if *at_least { "at least " } else { "" }
            ),
            Self::DigestLength { expected, found } => {
                write!(f, "the digest has {found} octets instead of {expected}")
            }
            Self::Registered { source } => write!(f, "the registered key type refuses it: {source}"),
            Self::Signature(_) => Ok(()),
        }
    }
}

impl std::error::Error for VerificationError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Signature(error) => error.source(),
            Self::Registered { source } => Some(source),
            _ => None,
        }
    }
}

impl From<SignatureError> for VerificationError {
    fn from(error: SignatureError) -> Self {
        Self::Signature(error)
    }
}

/// The size of a number in bits, from its octets without leading zeros.
fn bits_of(magnitude: &[u8]) -> u64 {
    let octets = u64::try_from(magnitude.len()).unwrap_or(u64::MAX);
    let unused = magnitude.first().map_or(0, |octet| octet.leading_zeros());
    octets.saturating_mul(8).saturating_sub(u64::from(unused))
}
