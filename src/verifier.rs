//! The verdict on an image's bytes: properties and a certificate in, bytes streamed, one answer out.

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::algorithm::{HashMethod, KeyType, RegisteredKey};
use crate::certificate::{Certificate, DateStatus, Validity};
use crate::code::{Disposition, ErrorCode, SIGNATURE_FAILED};
use crate::digest::{Digest, StreamingDigest};
use crate::properties::SignatureProperties;
use crate::public_key::{
    KeyKind, PssSaltLength, PublicKey, PublicKeyError, SignatureError, VerificationError,
};
use crate::timestamp::Timestamp;

#[cfg(feature = "tokio")]
mod async_hold_back;
#[cfg(feature = "tokio")]
mod async_read;
#[cfg(all(feature = "tokio", any(feature = "http-body", feature = "stream")))]
mod away;
mod blocks;
#[cfg(feature = "http-body")]
mod body;
#[cfg(any(feature = "http-body", feature = "stream"))]
mod chunks;
mod held;
mod hold_back;
mod reader;
#[cfg(feature = "stream")]
mod stream;
mod stream_error;
#[cfg(any(feature = "tokio", feature = "http-body", feature = "stream"))]
mod turn;
mod withheld;

#[cfg(feature = "tokio")]
pub use async_hold_back::{AsyncDestination, HoldBackAsyncWriter};
#[cfg(feature = "tokio")]
pub use async_read::VerifyingAsyncRead;
#[cfg(feature = "http-body")]
pub use body::VerifyingBody;
pub use hold_back::{Destination, HoldBackWriter, MemoryDestination};
pub use reader::VerifyingReader;
#[cfg(feature = "stream")]
pub use stream::VerifyingStream;
pub use stream_error::StreamError;
pub(crate) use stream_error::lasting;

/// What takes an image's bytes and comes to a verdict: [`SignatureVerifier`] and
/// [`ImageVerification`](crate::ImageVerification), and no others.
pub trait StreamVerifier: fmt::Debug + sealed::Sealed + Send + Sync + 'static {
    /// The verdict when it is yes.
    type Verdict: Send + Sync + 'static;

    /// Takes the image's next bytes.
    fn take(&mut self, data: &[u8]);

    /// How many bytes it has taken.
    fn bytes_taken(&self) -> u64;

    /// The digest of the bytes taken so far.
    fn digest_so_far(&self) -> Digest;

    /// The verdict on all bytes taken.
    ///
    /// # Errors
    /// [`StreamError`] says why it is no.
    fn into_verdict(self) -> Result<Self::Verdict, StreamError>;
}

/// Takes the image's next bytes, digests included.
pub(crate) fn update(verifier: &mut impl sealed::Sealed, data: &[u8]) {
    let digests = verifier.take_without_digests(data);
    digests.into_iter().flatten().for_each(|digest| digest.update(data));
}

pub(crate) mod sealed {
    use crate::digest::StreamingDigest;

    /// A verifier of one's own could let anything out of a hold-back writer.
    pub trait Sealed {
        /// Takes the image's next bytes but for these digests, which are still to take them, perhaps together with others.
        fn take_without_digests(&mut self, data: &[u8]) -> [Option<&mut StreamingDigest>; 2];
    }
}

impl<V: sealed::Sealed> sealed::Sealed for Box<V> {
    fn take_without_digests(&mut self, data: &[u8]) -> [Option<&mut StreamingDigest>; 2] {
        (**self).take_without_digests(data)
    }
}

/// As [`Decision::Verify`](crate::Decision::Verify) has it.
impl<V: StreamVerifier> StreamVerifier for Box<V> {
    type Verdict = V::Verdict;

    fn take(&mut self, data: &[u8]) {
        (**self).take(data);
    }

    fn bytes_taken(&self) -> u64 {
        (**self).bytes_taken()
    }

    fn digest_so_far(&self) -> Digest {
        (**self).digest_so_far()
    }

    fn into_verdict(self) -> Result<Self::Verdict, StreamError> {
        (*self).into_verdict()
    }
}

impl sealed::Sealed for SignatureVerifier {
    fn take_without_digests(&mut self, data: &[u8]) -> [Option<&mut StreamingDigest>; 2] {
        self.bytes_read = self.bytes_read.saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX));
        [Some(&mut self.digest), None]
    }
}

impl StreamVerifier for SignatureVerifier {
    type Verdict = Verified;

    fn take(&mut self, data: &[u8]) {
        self.update(data);
    }

    fn bytes_taken(&self) -> u64 {
        self.bytes_read
    }

    fn digest_so_far(&self) -> Digest {
        self.digest()
    }

    fn into_verdict(self) -> Result<Verified, StreamError> {
        Ok(self.verify()?)
    }
}

/// Verifies the signature of one image while its bytes stream through.
///
/// Built from the image's properties and the signing certificate, without I/O; memory does not grow with the image.
/// Whether the certificate itself is trusted is another question, which this type does not ask.
///
/// ```
/// use longhand::{DirectoryKeyManager, KeyManager, SignatureProperties, SignatureVerifier, Verified};
///
/// # let record = std::fs::read("test-vectors/walkthrough/glance/properties.json")?;
/// # let record: serde_json::Value = serde_json::from_slice(&record)?;
/// # let image_properties: Vec<_> = record["properties"].as_object().unwrap().iter()
/// #     .filter_map(|(name, value)| Some((name, value.as_str()?))).collect();
/// # let mut image = std::fs::File::open("test-vectors/walkthrough/glance/image.qcow2")?;
/// let properties = SignatureProperties::from_properties(image_properties)?.expect("the image is signed");
/// let key_manager = DirectoryKeyManager::new("test-vectors/walkthrough/glance/certs");
/// let stored = key_manager.certificate(properties.certificate_id())?;
/// let mut verifier = SignatureVerifier::new(&properties, &stored.certificate)?;
/// std::io::copy(&mut image, &mut verifier)?;
/// let verified: Verified = verifier.verify()?;
/// assert_eq!(verified.salt_length(), Some(94)); // the longest that fits, as OpenSSL before 3.1 signs
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It cannot be asked twice:
///
/// ```compile_fail,E0382
/// fn ask(verifier: longhand::SignatureVerifier) {
///     let first = verifier.verify();
///     let second = verifier.verify();
/// }
/// ```
///
/// as it can be asked once:
///
/// ```
/// fn ask(verifier: longhand::SignatureVerifier) {
///     let first = verifier.verify();
/// }
/// ```
#[must_use = "a verifier says nothing until it is asked with verify()"]
#[derive(Debug)]
pub struct SignatureVerifier {
    digest: StreamingDigest,
    bytes_read: u64,
    properties: SignatureProperties,
    certificate: Certificate,
    key: Key,
    options: VerifierOptions,
    dates: DateStatus,
}

#[derive(Debug)]
enum Key {
    BuiltIn(PublicKey),
    Registered(Box<dyn RegisteredKey>),
}

/// What a verifier asks beyond the signature itself.
///
/// ```
/// use std::time::SystemTime;
/// use longhand::pki_types::UnixTime;
/// use longhand::{DateCheck, PssSaltLength, VerifierOptions};
///
/// let now = UnixTime::since_unix_epoch(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?);
/// let options = VerifierOptions::new().pss_salt_length(PssSaltLength::Max).dates(DateCheck::Require(now));
/// # let _ = options;
/// # Ok::<(), std::time::SystemTimeError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct VerifierOptions {
    pss_salt_length: PssSaltLength,
    any_curve: bool,
    dates: DateCheck,
}

/// What becomes of the signing certificate's dates. Cursive has not looked at them since 0.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DateCheck {
    /// They are not looked at.
    #[default]
    Ignore,
    /// [`Verified::dates`] says whether this time lies within.
    Report(rustls_pki_types::UnixTime),
    /// A verifier for a certificate that is not valid at this time is refused.
    Require(rustls_pki_types::UnixTime),
}

impl VerifierOptions {
    /// What services do: any salt length, the curve that the key type names, dates not looked at.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Demands a salt length of RSA-PSS signatures.
    #[must_use]
    pub fn pss_salt_length(mut self, salt_length: PssSaltLength) -> Self {
        self.pss_salt_length = salt_length;
        self
    }

    /// Lets an `ECC_` key type stand for a key on any supported curve, P-256 included, as Cursive does.
    #[must_use]
    pub fn any_curve(mut self, any_curve: bool) -> Self {
        self.any_curve = any_curve;
        self
    }

    /// Looks at the signing certificate's dates.
    #[must_use]
    pub fn dates(mut self, dates: DateCheck) -> Self {
        self.dates = dates;
        self
    }

    /// Reports the dates at this time, unless more is asked already.
    pub(crate) fn report_dates(mut self, time: Option<rustls_pki_types::UnixTime>) -> Self {
        if let (DateCheck::Ignore, Some(time)) = (self.dates, time) {
            self.dates = DateCheck::Report(time);
        }
        self
    }
}

impl SignatureVerifier {
    /// A verifier with default [`VerifierOptions`].
    ///
    /// # Errors
    /// [`VerifierError`] when the certificate's key cannot be used or does not fit the key type, or the signature could
    /// not be one by this key whatever the image: all that can be known before a byte is read.
    pub fn new(properties: &SignatureProperties, certificate: &Certificate) -> Result<Self, VerifierError> {
        Self::with_options(properties, certificate, VerifierOptions::new())
    }

    /// A verifier with these options.
    ///
    /// # Errors
    /// As [`new`](Self::new), and when the dates are required and do not hold.
    pub fn with_options(
        properties: &SignatureProperties,
        certificate: &Certificate,
        options: VerifierOptions,
    ) -> Result<Self, VerifierError> {
        let key = fitting_key(properties, certificate, &options)?;
        let dates = date_status(certificate.validity(), options.dates)?;
        Ok(Self {
            digest: StreamingDigest::new(properties.hash_method()),
            bytes_read: 0,
            properties: properties.clone(),
            certificate: certificate.clone(),
            key,
            options,
            dates,
        })
    }

    /// Takes the image's next bytes, in pieces of any size.
    pub fn update(&mut self, data: &[u8]) {
        update(self, data);
    }

    /// How many bytes it has taken.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// The digest of the bytes taken so far: what an operator compares when the verdict is no.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest.clone().finish()
    }

    /// The verdict on all bytes taken. An image of no bytes can be signed too.
    ///
    /// # Errors
    /// [`VerificationError`] says why the signature does not hold.
    pub fn verify(self) -> Result<Verified, VerificationError> {
        let digest = self.digest.clone().finish();
        self.judge(digest)
    }

    /// The verdict on a digest that the caller has: for receipts alone, which say so.
    pub(crate) fn judge(self, digest: Digest) -> Result<Verified, VerificationError> {
        let (hash_method, signature) = (digest.hash_method(), self.properties.signature());
        let (key_kind, salt_length) = match &self.key {
            Key::BuiltIn(key) => {
                let salt_length = self.options.pss_salt_length;
                let found = key.verify_digest(hash_method, digest.as_bytes(), signature, salt_length)?;
                (Some(key.kind()), found.salt_length)
            }
            Key::Registered(key) => {
                let verified = key.verify_digest(hash_method, digest.as_bytes(), signature);
                verified.map_err(|source| VerificationError::Registered { source: source.into() })?;
                (None, None)
            }
        };
        Ok(Verified {
            digest,
            key_type: self.properties.key_type().clone(),
            key_kind,
            certificate_id: self.properties.certificate_id().to_owned(),
            certificate: self.certificate,
            salt_length,
            bytes_read: self.bytes_read,
            dates: self.dates,
        })
    }
}

/// Never fails; `flush` does nothing.
impl io::Write for SignatureVerifier {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.update(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The certificate's key, if it is of the kind that the properties name and the signature could be its own.
fn fitting_key(
    properties: &SignatureProperties,
    certificate: &Certificate,
    options: &VerifierOptions,
) -> Result<Key, VerifierError> {
    if let KeyType::Registered(registered) = properties.key_type() {
        let prepared = registered.scheme().prepare(certificate.subject_public_key_info());
        return prepared
            .map(Key::Registered)
            .map_err(|source| VerifierError::RegisteredKey { source: source.into() });
    }
    let key = certificate.public_key()?;
    match (properties.key_type(), key.kind()) {
        (KeyType::RsaPss, KeyKind::Rsa) | (KeyType::Dsa, KeyKind::Dsa) => {}
        (KeyType::Ecc(named), KeyKind::Ec(curve)) if *named == curve || options.any_curve => {}
        (KeyType::Ecc(_), KeyKind::P256) if options.any_curve => {}
        (KeyType::Ecc(_), KeyKind::Ec(_) | KeyKind::P256) => {
            let key_type = properties.key_type().clone();
            return Err(VerifierError::CurveMismatch { key_type, found: key.kind() });
        }
        (key_type, found) => {
            return Err(VerifierError::KeyTypeMismatch { key_type: key_type.clone(), found });
        }
    }
    key.check_signature(properties.hash_method(), properties.signature())?;
    Ok(Key::BuiltIn(key))
}

fn date_status(validity: Validity, check: DateCheck) -> Result<DateStatus, VerifierError> {
    let (DateCheck::Report(time) | DateCheck::Require(time)) = check else {
        return Ok(DateStatus::NotChecked);
    };
    let at = Timestamp::from(time);
    match (check, validity.status(at)) {
        (DateCheck::Require(_), DateStatus::NotYetValid | DateStatus::Expired) => {
            Err(VerifierError::OutsideValidity { validity, at })
        }
        (_, status) => Ok(status),
    }
}

/// An image's bytes belong to its signature: the evidence, which only [`SignatureVerifier::verify`] can make.
///
/// It says that the signature holds for the bytes and for the key in the certificate. It does not say that the
/// certificate is trusted, nor that this is the image that was asked for rather than another one so signed.
///
/// ```compile_fail,E0451
/// fn forge(verified: longhand::Verified) -> longhand::Verified {
///     longhand::Verified { bytes_read: 0, ..verified }
/// }
/// ```
///
/// ```
/// fn read(verified: longhand::Verified) -> u64 {
///     verified.bytes_read()
/// }
/// ```
#[must_use]
#[derive(Clone, Debug)]
pub struct Verified {
    digest: Digest,
    key_type: KeyType,
    key_kind: Option<KeyKind>,
    certificate_id: String,
    certificate: Certificate,
    salt_length: Option<usize>,
    bytes_read: u64,
    dates: DateStatus,
}

impl Verified {
    /// The digest of the image.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The hash method that made the digest.
    #[must_use]
    pub fn hash_method(&self) -> HashMethod {
        self.digest.hash_method()
    }

    /// The key type that the properties name.
    #[must_use]
    pub fn key_type(&self) -> &KeyType {
        &self.key_type
    }

    /// The kind of the key that verified the image, with [`VerifierOptions::any_curve`] perhaps on another curve than
    /// the key type names; `None` for a registered key type.
    #[must_use]
    pub fn key_kind(&self) -> Option<KeyKind> {
        self.key_kind
    }

    /// The signing certificate's id, from the properties.
    #[must_use]
    pub fn certificate_id(&self) -> &str {
        &self.certificate_id
    }

    /// The certificate whose key verified the image.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The SHA-256 of that certificate's DER.
    #[must_use]
    pub fn certificate_fingerprint(&self) -> Digest {
        self.certificate.fingerprint()
    }

    /// The length of the salt found in an RSA-PSS signature, in octets; `None` for other key types.
    #[must_use]
    pub fn salt_length(&self) -> Option<usize> {
        self.salt_length
    }

    /// How many bytes the image has.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Whether the certificate was valid at the time given with [`VerifierOptions::dates`].
    #[must_use]
    pub fn dates(&self) -> DateStatus {
        self.dates
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} signature with {} over {} bytes", self.key_type, self.hash_method(), self.bytes_read)?;
        f.write_str(" verified with the ")?;
        self.key_kind.map_or(Ok(()), |kind| write!(f, "{kind} "))?;
        write!(f, "key of {}; ", self.certificate.subject())?;
        f.write_str(match self.dates {
            DateStatus::NotChecked => "dates, key usage and trust not checked",
            DateStatus::Valid => "valid by its dates; key usage and trust not checked",
            DateStatus::NotYetValid => "not yet valid by its dates; key usage and trust not checked",
            DateStatus::Expired => "expired by its dates; key usage and trust not checked",
        })
    }
}

/// Why a verifier cannot be set up, known before a byte of the image is read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum VerifierError {
    /// The certificate's public key cannot be used.
    PublicKey(PublicKeyError),
    /// The certificate's key is of another kind than the key type says.
    KeyTypeMismatch {
        /// What the properties say.
        key_type: KeyType,
        /// What the certificate has.
        found: KeyKind,
    },
    /// The certificate's key lies on another curve than the key type says. Cursive lets that pass.
    CurveMismatch {
        /// What the properties say.
        key_type: KeyType,
        /// What the certificate has.
        found: KeyKind,
    },
    /// The certificate is not valid at the time that was given.
    OutsideValidity {
        /// The certificate's validity.
        validity: Validity,
        /// The time that was given.
        at: Timestamp,
    },
    /// The signature could not be one by this key, whatever the image.
    Signature(SignatureError),
    /// The registered key type refused the certificate's key.
    RegisteredKey {
        /// What it said.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
}

impl VerifierError {
    /// The stable code of this error.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::PublicKey(error) => error.code(),
            Self::KeyTypeMismatch { .. } => ErrorCode::KeyTypeMismatch,
            Self::CurveMismatch { .. } => ErrorCode::CurveMismatch,
            Self::OutsideValidity { .. } => ErrorCode::CertificateOutsideValidity,
            Self::Signature(error) => error.code(),
            Self::RegisteredKey { .. } => ErrorCode::RegisteredKeyRefused,
        }
    }

    /// What a service should do about this error.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        self.code().disposition()
    }
}

impl fmt::Display for VerifierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Signature(error) = self {
            return error.fmt(f);
        }
        write!(f, "{SIGNATURE_FAILED}: ")?;
        match self {
            Self::PublicKey(error) => write!(f, "{error}"),
            Self::KeyTypeMismatch { key_type, found } | Self::CurveMismatch { key_type, found } => {
                write!(f, "the key type is {key_type}, the certificate's key is {found}")
            }
            Self::OutsideValidity { validity, at } => write!(
                f,
                "the certificate is valid from {} to {}, not at {at}",
                validity.not_before(),
                validity.not_after()
            ),
            Self::RegisteredKey { source } => write!(f, "the registered key type refuses the key: {source}"),
            Self::Signature(_) => Ok(()),
        }
    }
}

impl std::error::Error for VerifierError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::PublicKey(error) => Some(error),
            Self::Signature(error) => error.source(),
            Self::RegisteredKey { source } => Some(source),
            _ => None,
        }
    }
}

impl From<PublicKeyError> for VerifierError {
    fn from(error: PublicKeyError) -> Self {
        Self::PublicKey(error)
    }
}

impl From<SignatureError> for VerifierError {
    fn from(error: SignatureError) -> Self {
        Self::Signature(error)
    }
}
