//! Certificates: X.509 (RFC 5280 section 4) in DER or PEM, read strictly, kept as they were signed.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use rustls_pki_types::CertificateDer;

use crate::algorithm::HashMethod;
use crate::asn1::{
    AlgorithmIdentifier, BIT_STRING, DerDefect, DerError, Element, INTEGER, Reader, SEQUENCE, explicit,
    implicit,
};
use crate::code::{Disposition, ErrorCode};
use crate::digest::{Digest, StreamingDigest};
use crate::limits::{
    MAX_CERTIFICATE_DER, MAX_CERTIFICATE_INPUT, MAX_EXTENSIONS, MAX_NAME_ATTRIBUTES, MAX_TRUSTED_CERTIFICATES,
};
use crate::name::{Name, NameError};
use crate::public_key::{KeyOutline, PublicKey, PublicKeyError, SubjectPublicKeyInfo};
use crate::signature_algorithm::{SignatureAlgorithm, SignatureAlgorithmError};
use crate::timestamp::Timestamp;

mod extension;
mod pem;

pub use extension::Extension;
pub use pem::PemDefect;

/// A certificate: owned, immutable, cheap to clone, its public key prepared once for all clones.
///
/// Reading is strict where x509-parser and others are not: lengths are minimal, nothing trails anywhere, the version
/// allows what is there, the two signature algorithm fields agree. Extensions are read when asked for: an image
/// signature alone does not need them. Nothing here checks the certificate's own signature or its dates.
///
/// ```
/// use longhand::Certificate;
///
/// # let bytes = std::fs::read("test-vectors/walkthrough/glance/certs/cd7cc675-e573-419c-8fff-33a72734a243.crt")?;
/// let certificate = Certificate::from_bytes(&bytes)?; // DER or PEM
/// println!("{} until {}", certificate.subject(), certificate.validity().not_after());
/// let key = certificate.public_key()?;
/// assert_eq!(key.bits(), 1024);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Certificate(Arc<Inner>);

struct Inner {
    der: Vec<u8>,
    fields: Fields,
    fingerprint: OnceLock<Digest>,
    public_key: OnceLock<Result<PublicKey, PublicKeyError>>,
}

/// Where the parts of the certificate lie in its DER, and the small ones themselves.
struct Fields {
    /// TBSCertificate: the octets that are signed.
    to_be_signed: Range<usize>,
    signature_algorithm: Range<usize>,
    /// The contents of the BIT STRING.
    signature: Range<usize>,
    version: Version,
    /// The contents of the INTEGER.
    serial: Range<usize>,
    issuer: Name,
    validity: Validity,
    subject: Name,
    subject_public_key_info: Range<usize>,
    has_unique_identifiers: bool,
    /// The contents of `[3]`: the SEQUENCE of extensions.
    extensions: Option<Range<usize>>,
}

/// The version of a certificate (RFC 5280 section 4.1.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Version {
    /// v1: no extensions, no unique identifiers.
    V1,
    /// v2: unique identifiers, no extensions.
    V2,
    /// v3.
    V3,
}

/// The time in which a certificate is valid; both ends belong to it (RFC 5280 section 4.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Validity {
    not_before: Timestamp,
    not_after: Timestamp,
}

/// Where a time lies against a certificate's validity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DateStatus {
    /// No time was given.
    NotChecked,
    /// The time lies within the certificate's validity.
    Valid,
    /// The time lies before it.
    NotYetValid,
    /// The time lies after it.
    Expired,
}

impl Validity {
    /// The first valid second.
    #[must_use]
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// The last valid second.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Where `time` lies.
    #[must_use]
    pub fn status(&self, time: Timestamp) -> DateStatus {
        if time < self.not_before {
            DateStatus::NotYetValid
        } else if time > self.not_after {
            DateStatus::Expired
        } else {
            DateStatus::Valid
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DerError> {
        let mut fields = reader.element(SEQUENCE, "validity")?.reader();
        let not_before = Timestamp::read(&mut fields, "validity.notBefore")?;
        let not_after = Timestamp::read(&mut fields, "validity.notAfter")?;
        fields.finish()?;
        Ok(Self { not_before, not_after })
    }
}

impl Certificate {
    /// Reads a certificate, whether DER or PEM: what a key manager's secret or a file holds.
    ///
    /// DER is told by its first two octets: 30 and the long form of a length. No ASCII text begins so.
    ///
    /// # Errors
    /// As [`from_der`](Self::from_der) and [`from_pem`](Self::from_pem).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CertificateError> {
        match bytes {
            [0x30, 0x80..=0xff, ..] => Self::from_der(bytes),
            _ => Self::from_pem(bytes),
        }
    }

    /// Reads a certificate from DER: exactly one, nothing before or after.
    ///
    /// # Errors
    /// [`CertificateError`] when it is empty, larger than
    /// [`limits::MAX_CERTIFICATE_DER`](crate::limits::MAX_CERTIFICATE_DER), or not what RFC 5280 says.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        Self::from_owned_der(bounded(der, MAX_CERTIFICATE_DER)?.to_vec())
    }

    /// Reads the first CERTIFICATE section of some PEM (RFC 7468); text around it, other sections, CRLF and a byte order
    /// mark are fine. What makes readers disagree on which section is the first is refused: see [`PemDefect`].
    ///
    /// # Errors
    /// [`CertificateError`] when it is empty, larger than
    /// [`limits::MAX_CERTIFICATE_INPUT`](crate::limits::MAX_CERTIFICATE_INPUT), holds no CERTIFICATE section, the first
    /// is broken, or its DER is refused as in [`from_der`](Self::from_der).
    pub fn from_pem(pem: &[u8]) -> Result<Self, CertificateError> {
        let der = pem::first_certificate(bounded(pem, MAX_CERTIFICATE_INPUT)?);
        Self::from_der(&der.map_err(|defect| CertificateError::Pem { defect })?)
    }

    /// All certificates of a bundle: one in DER, or every CERTIFICATE section of some PEM, up to one past the bound on
    /// trusted certificates. Sections of other kinds are passed over.
    pub(crate) fn all_from_bytes(bytes: &[u8]) -> Vec<Result<Self, CertificateError>> {
        if let [0x30, 0x80..=0xff, ..] = bytes {
            return vec![Self::from_der(bytes)];
        }
        let no_certificate = Err(CertificateError::Pem { defect: PemDefect::NoCertificate });
        pem::sections(bytes)
            .map(Self::from_pem)
            .filter(|certificate| *certificate != no_certificate)
            .take(MAX_TRUSTED_CERTIFICATES.saturating_add(1))
            .collect()
    }

    fn from_owned_der(der: Vec<u8>) -> Result<Self, CertificateError> {
        let fields = Fields::read(&der)?;
        Ok(Self(Arc::new(Inner { der, fields, fingerprint: OnceLock::new(), public_key: OnceLock::new() })))
    }

    /// The certificate as it was signed.
    #[must_use]
    pub fn der(&self) -> CertificateDer<'_> {
        CertificateDer::from_slice(&self.0.der)
    }

    /// The SHA-256 of the DER: what `openssl x509 -fingerprint -sha256` prints.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        *self.0.fingerprint.get_or_init(|| {
            let mut fingerprint = StreamingDigest::new(HashMethod::Sha256);
            fingerprint.update(&self.0.der);
            fingerprint.finish()
        })
    }

    /// The version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.0.fields.version
    }

    /// The serial number: the contents of its DER INTEGER, big-endian and in two's complement. The few negative ones
    /// are broken CAs' work (RFC 5280 section 4.1.2.2).
    #[must_use]
    pub fn serial(&self) -> &[u8] {
        self.part(&self.0.fields.serial)
    }

    /// The octets that its issuer signed.
    pub(crate) fn to_be_signed(&self) -> &[u8] {
        self.part(&self.0.fields.to_be_signed)
    }

    /// The signature's octets.
    pub(crate) fn signature(&self) -> &[u8] {
        self.part(&self.0.fields.signature)
    }

    /// The DER of the signature's AlgorithmIdentifier.
    pub(crate) fn signature_algorithm_der(&self) -> &[u8] {
        self.part(&self.0.fields.signature_algorithm)
    }

    /// Whether there is an issuerUniqueID or a subjectUniqueID.
    pub(crate) fn has_unique_identifiers(&self) -> bool {
        self.0.fields.has_unique_identifiers
    }

    pub(crate) fn signature_algorithm(&self) -> Result<SignatureAlgorithm, SignatureAlgorithmError> {
        let offset = self.0.fields.signature_algorithm.start;
        let mut reader = Reader::at(self.signature_algorithm_der(), offset, "signatureAlgorithm");
        SignatureAlgorithm::read(&AlgorithmIdentifier::read(&mut reader, "signatureAlgorithm")?)
    }

    fn part(&self, range: &Range<usize>) -> &[u8] {
        self.0.der.get(range.clone()).unwrap_or_default()
    }

    /// The issuer's name.
    #[must_use]
    pub fn issuer(&self) -> &Name {
        &self.0.fields.issuer
    }

    /// The subject's name.
    #[must_use]
    pub fn subject(&self) -> &Name {
        &self.0.fields.subject
    }

    /// The time in which the certificate says it is valid. Not checked against any clock.
    #[must_use]
    pub fn validity(&self) -> Validity {
        self.0.fields.validity
    }

    /// The DER of the SubjectPublicKeyInfo.
    #[must_use]
    pub fn subject_public_key_info(&self) -> &[u8] {
        self.part(&self.0.fields.subject_public_key_info)
    }

    /// The public key, validated and prepared on the first call and kept for all clones.
    ///
    /// # Errors
    /// [`PublicKeyError`] when the key is malformed, breaks a rule, or is of a kind that verifies no images.
    pub fn public_key(&self) -> Result<PublicKey, PublicKeyError> {
        let read = || PublicKey::from_spki_der(self.subject_public_key_info());
        self.0.public_key.get_or_init(read).clone()
    }

    /// What can be told of the public key without preparing it.
    pub(crate) fn key_outline(&self) -> Result<KeyOutline, PublicKeyError> {
        KeyOutline::from_spki_der(self.subject_public_key_info())
    }

    /// The extensions, in the order of the certificate; empty if there are none.
    ///
    /// # Errors
    /// [`CertificateError`] when they are malformed, repeated, or more than
    /// [`limits::MAX_EXTENSIONS`](crate::limits::MAX_EXTENSIONS).
    pub fn extensions(&self) -> Result<Vec<Extension<'_>>, CertificateError> {
        let Some(range) = &self.0.fields.extensions else { return Ok(Vec::new()) };
        extension::read(self.part(range), range.start)
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for Certificate {}

impl Hash for Certificate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.der.hash(state);
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, SHA-256 {})", self.subject(), self.fingerprint())
    }
}

impl Fields {
    fn read(der: &[u8]) -> Result<Self, CertificateError> {
        let mut reader = Reader::new(der, "Certificate");
        let mut certificate = reader.element(SEQUENCE, "Certificate")?.reader();
        reader.finish()?;
        let to_be_signed = certificate.element(SEQUENCE, "tbsCertificate")?;
        let outer = AlgorithmIdentifier::read(&mut certificate, "signatureAlgorithm")?;
        let signature = certificate.element(BIT_STRING, "signatureValue")?;
        let signature = end_range(&signature, signature.bit_string()?);
        certificate.finish()?;

        let mut tbs = to_be_signed.reader();
        let version = read_version(&mut tbs)?;
        let serial = read_serial(&mut tbs)?;
        let serial = end_range(&serial, serial.contents);
        let inner = AlgorithmIdentifier::read(&mut tbs, "tbsCertificate.signature")?;
        // RFC 5280 section 4.1.1.2: the unsigned field must contain the same identifier as the signed one.
        if inner.element.raw != outer.element.raw {
            return Err(CertificateError::AlgorithmMismatch);
        }
        let issuer = Name::read(&mut tbs, "issuer")?;
        let validity = Validity::read(&mut tbs)?;
        let subject = Name::read(&mut tbs, "subject")?;
        let spki = SubjectPublicKeyInfo::read(&mut tbs)?;
        let mut has_unique_identifiers = false;
        for (tag, field) in [(implicit(1), "issuerUniqueID"), (implicit(2), "subjectUniqueID")] {
            let Some(identifier) = tbs.optional(tag, field)? else { continue };
            if version == Version::V1 {
                return Err(CertificateError::NotInVersion { field, version });
            }
            identifier.check_bits()?;
            has_unique_identifiers = true;
        }
        let extensions = read_extensions(&mut tbs, version)?;
        tbs.finish()?;
        Ok(Self {
            to_be_signed: range(&to_be_signed),
            signature_algorithm: range(&outer.element),
            signature,
            version,
            serial,
            issuer,
            validity,
            subject,
            subject_public_key_info: range(&spki.element),
            has_unique_identifiers,
            extensions: extensions.as_ref().map(range),
        })
    }
}

/// `[0] EXPLICIT INTEGER DEFAULT v1`: DER does not write the default out (X.690 section 11.5).
fn read_version(tbs: &mut Reader<'_>) -> Result<Version, CertificateError> {
    let Some(wrapper) = tbs.optional(explicit(0), "version")? else { return Ok(Version::V1) };
    let mut inner = wrapper.reader();
    let version = inner.element(INTEGER, "version")?;
    inner.finish()?;
    match version.integer()? {
        [0] => Err(version.error(DerDefect::DefaultEncoded).into()),
        [1] => Ok(Version::V2),
        [2] => Ok(Version::V3),
        _ => Err(CertificateError::Version),
    }
}

/// RFC 5280 section 4.1.2.2: at most 20 octets. Zero and negative ones, which CAs must not use, are to be handled
/// gracefully; NIST PKITS 4.4.14 has one.
pub(crate) fn read_serial<'a>(tbs: &mut Reader<'a>) -> Result<Element<'a>, CertificateError> {
    let serial = tbs.element(INTEGER, "serialNumber")?;
    match serial.integer()? {
        [0x00, magnitude @ ..] | magnitude if magnitude.len() <= 20 => Ok(serial),
        _ => Err(CertificateError::Serial),
    }
}

/// `[3] EXPLICIT SEQUENCE OF Extension`, in v3 alone. What is in the sequence is read when asked for.
fn read_extensions<'a>(
    tbs: &mut Reader<'a>,
    version: Version,
) -> Result<Option<Element<'a>>, CertificateError> {
    let Some(wrapper) = tbs.optional(explicit(3), "extensions")? else { return Ok(None) };
    if version != Version::V3 {
        return Err(CertificateError::NotInVersion { field: "extensions", version });
    }
    let mut inner = wrapper.reader();
    let extensions = inner.element(SEQUENCE, "extensions")?;
    inner.finish()?;
    Ok(Some(extensions))
}

fn range(element: &Element<'_>) -> Range<usize> {
    element.offset..element.offset.saturating_add(element.raw.len())
}

/// Where the last octets of an element lie.
fn end_range(element: &Element<'_>, octets: &[u8]) -> Range<usize> {
    let end = element.offset.saturating_add(element.raw.len());
    end.saturating_sub(octets.len())..end
}

fn bounded(bytes: &[u8], limit: usize) -> Result<&[u8], CertificateError> {
    match bytes.len() {
        0 => Err(CertificateError::Empty),
        length if length > limit => Err(CertificateError::TooLarge { length, limit }),
        _ => Ok(bytes),
    }
}

/// Why some bytes are no certificate that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// There are no bytes.
    #[error("the certificate is empty")]
    Empty,
    /// There are more bytes than the bound.
    #[error("the certificate has {length} bytes, more than {limit}")]
    TooLarge {
        /// The length found.
        length: usize,
        /// The bound.
        limit: usize,
    },
    /// The bytes are neither DER nor good PEM.
    #[error("the certificate cannot be read: {defect}")]
    Pem {
        /// What is wrong.
        defect: PemDefect,
    },
    /// The DER is not strict, or not that of a certificate.
    #[error("the certificate is malformed: {0}")]
    Malformed(#[from] DerError),
    /// The version is none of v1, v2 and v3.
    #[error("the certificate's version is none of v1, v2 and v3")]
    Version,
    /// A field is there that the version does not have (RFC 5280 section 4.1.2.8 and 4.1.2.9).
    #[error("the certificate is {version:?} and has the field {field}")]
    NotInVersion {
        /// The field.
        field: &'static str,
        /// The certificate's version.
        version: Version,
    },
    /// The serial number is longer than 20 octets (RFC 5280 section 4.1.2.2).
    #[error("the certificate's serial number is longer than 20 octets")]
    Serial,
    /// The signed and the unsigned signature algorithm differ (RFC 5280 section 4.1.1.2).
    #[error("the certificate names two different signature algorithms")]
    AlgorithmMismatch,
    /// An extension occurs twice (RFC 5280 section 4.2).
    #[error("the certificate has the extension {oid} twice")]
    RepeatedExtension {
        /// The extension's object identifier, in dotted decimals.
        oid: String,
    },
    /// More attributes in a name, or extensions, than the bound.
    #[error("the certificate has more than {limit} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
}

impl CertificateError {
    /// The stable code of this error.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Empty => ErrorCode::CertificateEmpty,
            Self::TooLarge { .. } => ErrorCode::CertificateTooLarge,
            Self::Pem { .. } => ErrorCode::CertificateNotPem,
            Self::Malformed(_) => ErrorCode::CertificateMalformed,
            Self::Version | Self::NotInVersion { .. } => ErrorCode::CertificateVersion,
            Self::Serial => ErrorCode::CertificateSerial,
            Self::AlgorithmMismatch => ErrorCode::CertificateAlgorithmMismatch,
            Self::RepeatedExtension { .. } => ErrorCode::ExtensionRepeated,
            Self::TooMany { .. } => ErrorCode::CertificateTooManyParts,
        }
    }

    /// What a service should do about this error.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        self.code().disposition()
    }

    fn too_many_extensions() -> Self {
        Self::TooMany { what: "extensions", limit: MAX_EXTENSIONS }
    }
}

impl From<NameError> for CertificateError {
    fn from(error: NameError) -> Self {
        match error {
            NameError::Malformed(error) => Self::Malformed(error),
            NameError::TooManyAttributes => {
                Self::TooMany { what: "attributes in a name", limit: MAX_NAME_ATTRIBUTES }
            }
        }
    }
}
