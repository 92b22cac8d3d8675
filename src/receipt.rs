//! Receipts: evidence of a verification that can be checked again without the key manager and without the image.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::certificate::{Certificate, CertificateError};
use crate::chain::{CertificateValidator, ChainError, VerifiedChain};
use crate::code::{Disposition, ErrorCode};
use crate::digest::Digest;
use crate::image::{ImageRequest, VerifiedImage};
use crate::limits::MAX_CHAIN_LENGTH;
use crate::public_key::VerificationError;
use crate::record::octets_from_hex;
use crate::timestamp::Timestamp;
use crate::trust::ChainCertificate;
use crate::verifier::{SignatureVerifier, VerifierError, VerifierOptions};

/// What was verified, with which certificates: kept beside an image that will be used again from a cache or a clone.
///
/// A receipt is evidence, not authority. Whoever can write where it is kept can write anything into it, so
/// [`recheck`](Self::recheck) proves again what can be proved: that the signature in the image's properties is over the
/// digest, by the key of the certificate, and that the certificate's chain ends in trust that the caller brings. The size,
/// the policy and the time are what whoever wrote the receipt says; nothing here proves them. Nor does it prove that the
/// bytes in the cache are the ones of that digest: that is for whoever keeps the cache to see to.
///
/// A service keeps [`VerifiedImage::receipt`] beside what it caches, and gives it with the next request for that image
/// ([`ImageRequest::receipt`]); what comes of it is a [`Decision::Rechecked`](crate::Decision::Rechecked).
///
/// With the feature `serde` it can be serialised, and read again as a `Receipt`, never as a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Receipt {
    version: u32,
    image_id: String,
    img_signature: String,
    img_signature_hash_method: String,
    img_signature_key_type: String,
    img_signature_certificate_uuid: String,
    /// In hexadecimal.
    digest: String,
    size: u64,
    /// The signing certificate, then its chain.
    certificates: Vec<ReceiptCertificate>,
    policy: String,
    chain_policy: Option<String>,
    /// The time of judgement, in seconds since 1970.
    at: Option<u64>,
}

/// A certificate of a receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
struct ReceiptCertificate {
    id: Option<String>,
    /// The DER in base64.
    der: String,
}

const VERSION: u32 = 1;

impl Receipt {
    pub(crate) fn new(image: &VerifiedImage) -> Self {
        let (properties, signature) = (image.properties(), image.signature());
        let signer = ReceiptCertificate::new(signature.certificate(), Some(properties.certificate_id()));
        let above = image.chain().map(VerifiedChain::certificates).unwrap_or_default().iter().skip(1);
        let above =
            above.map(|certificate| ReceiptCertificate::new(certificate.certificate(), certificate.id()));
        Self {
            version: VERSION,
            image_id: image.image_id().to_owned(),
            img_signature: STANDARD.encode(properties.signature()),
            img_signature_hash_method: properties.hash_method().to_string(),
            img_signature_key_type: properties.key_type().to_string(),
            img_signature_certificate_uuid: properties.certificate_id().to_owned(),
            digest: signature.digest().to_string(),
            size: signature.bytes_read(),
            certificates: std::iter::once(signer).chain(above).collect(),
            policy: image.policy().to_owned(),
            chain_policy: image.chain().map(|chain| chain.policy().name().to_owned()),
            at: image.at().map(|at| at.as_secs()),
        }
    }

    /// The id of the image.
    #[must_use]
    pub fn image_id(&self) -> &str {
        &self.image_id
    }

    /// The image's digest, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The image's size in bytes, by whoever wrote the receipt.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The name of the policy, by whoever wrote the receipt.
    #[must_use]
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// The time of judgement, by whoever wrote the receipt.
    #[must_use]
    pub fn at(&self) -> Option<Timestamp> {
        self.at.map(|at| Timestamp::from_unix_seconds(i64::try_from(at).unwrap_or(i64::MAX)))
    }

    /// Checks again: the receipt is of the image of this request, signed as it is now; the signature is over the receipt's
    /// digest by the key of its certificate; and that certificate's chain keeps the validator's rules, at the validator's
    /// time, up to the validator's trust. The receipt's other certificates help to build it and are not trusted.
    ///
    /// # Errors
    /// [`ReceiptError`] says what does not hold.
    pub fn recheck(
        &self,
        request: &ImageRequest,
        validator: &CertificateValidator,
    ) -> Result<RecheckedImage, ReceiptError> {
        self.recheck_with(request, validator, &VerifierOptions::new())
    }

    pub(crate) fn recheck_with(
        &self,
        request: &ImageRequest,
        validator: &CertificateValidator,
        options: &VerifierOptions,
    ) -> Result<RecheckedImage, ReceiptError> {
        if self.version != VERSION {
            return Err(ReceiptError::Version { found: self.version });
        }
        self.is_of(request)?;
        let properties =
            request.properties().ok_or(ReceiptError::OfAnotherImage { field: "img_signature" })?;
        let digest = octets_from_hex(&self.digest)
            .and_then(|octets| Digest::from_octets(properties.hash_method(), &octets))
            .ok_or(ReceiptError::Malformed { field: "digest" })?;
        let mut certificates = self.read_certificates()?.into_iter();
        let signer = certificates.next().ok_or(ReceiptError::Malformed { field: "certificates" })?;
        let above: Vec<_> = certificates.collect();
        let named = ChainCertificate::new(signer.clone(), Some(properties.certificate_id()));
        let chain = validator.validate_stored(&named, &above)?;
        let _repeated =
            SignatureVerifier::with_options(properties, &signer, options.clone())?.judge(digest)?;
        Ok(RecheckedImage { receipt: self.clone(), digest, chain })
    }

    /// The image may have been replaced, or signed anew, since.
    fn is_of(&self, request: &ImageRequest) -> Result<(), ReceiptError> {
        let other = |field| Err(ReceiptError::OfAnotherImage { field });
        if self.image_id != request.image_id() {
            return other("image_id");
        }
        let Some(properties) = request.properties() else { return other("img_signature") };
        let signature = STANDARD.decode(&self.img_signature);
        if signature.ok().as_deref() != Some(properties.signature()) {
            return other("img_signature");
        }
        if self.img_signature_hash_method != properties.hash_method().as_str() {
            return other("img_signature_hash_method");
        }
        if self.img_signature_key_type != properties.key_type().to_string() {
            return other("img_signature_key_type");
        }
        if self.img_signature_certificate_uuid != properties.certificate_id() {
            return other("img_signature_certificate_uuid");
        }
        let record = request.image_record();
        if record.named_size().is_some_and(|size| size != self.size) {
            return other("size");
        }
        // Another hash than the signature's cannot be known without the bytes.
        let digest = record.named_digest(properties.hash_method());
        match digest {
            Some(named) if octets_from_hex(&self.digest).as_deref() != Some(named) => other("digest"),
            _ => Ok(()),
        }
    }

    fn read_certificates(&self) -> Result<Vec<Certificate>, ReceiptError> {
        if self.certificates.len() > MAX_CHAIN_LENGTH {
            return Err(ReceiptError::Malformed { field: "certificates" });
        }
        let read = |certificate: &ReceiptCertificate| {
            let der = STANDARD.decode(&certificate.der);
            let der = der.map_err(|_| ReceiptError::Malformed { field: "certificates" })?;
            Certificate::from_der(&der).map_err(ReceiptError::Certificate)
        };
        self.certificates.iter().map(read).collect()
    }
}

impl ReceiptCertificate {
    fn new(certificate: &Certificate, id: Option<&str>) -> Self {
        Self { id: id.map(str::to_owned), der: STANDARD.encode(certificate.der()) }
    }
}

/// A receipt holds: the evidence, which only [`Receipt::recheck`] can make.
///
/// It says that the image of the request was signed, with this digest, by a certificate that is trusted now. It is not a
/// [`VerifiedImage`]: nobody looked at the image's bytes.
#[must_use]
#[derive(Clone, Debug)]
pub struct RecheckedImage {
    receipt: Receipt,
    digest: Digest,
    chain: VerifiedChain,
}

impl RecheckedImage {
    /// The image's id.
    #[must_use]
    pub fn image_id(&self) -> &str {
        &self.receipt.image_id
    }

    /// The digest that was signed.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The chain of the signing certificate, as it is now.
    pub fn chain(&self) -> &VerifiedChain {
        &self.chain
    }

    /// The receipt; of what it says only the digest, the properties and the chain are proven.
    #[must_use]
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }
}

/// Why a receipt does not hold.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ReceiptError {
    /// A field is not what it has to be.
    Malformed {
        /// The field.
        field: &'static str,
    },
    /// The receipt has a version that is not known.
    Version {
        /// The version.
        found: u32,
    },
    /// A certificate of the receipt cannot be read.
    Certificate(CertificateError),
    /// The receipt is of another image, or of this one as it was before.
    OfAnotherImage {
        /// The first field that differs.
        field: &'static str,
    },
    /// The signing certificate is not trusted.
    Chain(ChainError),
    /// The signing certificate's key does not fit the properties.
    Verifier(VerifierError),
    /// The signature is not over the receipt's digest.
    Verification(VerificationError),
}

impl ReceiptError {
    /// The stable code of this error.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Malformed { .. } | Self::Version { .. } => ErrorCode::ReceiptMalformed,
            Self::Certificate(error) => error.code(),
            Self::OfAnotherImage { .. } => ErrorCode::ReceiptOfAnotherImage,
            Self::Chain(error) => error.code(),
            Self::Verifier(error) => error.code(),
            Self::Verification(error) => error.code(),
        }
    }

    /// What a service should do about this error.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        self.code().disposition()
    }
}

impl fmt::Display for ReceiptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { field } => write!(f, "the receipt's {field} is malformed"),
            Self::Version { found } => write!(f, "the receipt has version {found}, not {VERSION}"),
            Self::Certificate(error) => write!(f, "in the receipt: {error}"),
            Self::OfAnotherImage { field } => {
                write!(f, "the receipt is of another image, or of this one as it was before: {field} differs")
            }
            Self::Chain(error) => error.fmt(f),
            Self::Verifier(error) => error.fmt(f),
            Self::Verification(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ReceiptError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Certificate(error) => Some(error),
            Self::Chain(error) => error.source(),
            Self::Verifier(error) => error.source(),
            Self::Verification(error) => error.source(),
            _ => None,
        }
    }
}

impl From<ChainError> for ReceiptError {
    fn from(error: ChainError) -> Self {
        Self::Chain(error)
    }
}

impl From<VerifierError> for ReceiptError {
    fn from(error: VerifierError) -> Self {
        Self::Verifier(error)
    }
}

impl From<VerificationError> for ReceiptError {
    fn from(error: VerificationError) -> Self {
        Self::Verification(error)
    }
}
