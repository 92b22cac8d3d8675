//! What has to be verified of one image, decided from plain data before a byte of it is read.

use std::collections::BTreeSet;
use std::fmt;

use crate::code::{Disposition, ErrorCode, SIGNATURE_FAILED};
use crate::excerpt::Excerpt;
use crate::limits::{MAX_TRUSTED_ID, MAX_TRUSTED_IDS};
use crate::properties::{PropertyError, SignatureProperties};

mod nova;

pub use nova::{NovaReading, NovaSettings, RebuildIds};

/// Which images have to be signed, and whose signing certificates have to be trusted.
///
/// Nova, Glance and Cinder differ here, so each has its policy by name; where two of them pass an image that is signed
/// in part, or not at all, [`trusted`](Self::trusted) and [`required`](Self::required) do not.
///
/// | image | `trusted` | `required` | `nova` | `glance` | `cinder` |
/// |---|---|---|---|---|---|
/// | signed | signature and chain | signature; chain if trust is given | as its settings say | signature | signature, unless disabled |
/// | signed in part | error | error | error, unless nothing is to be verified | not required | error, unless disabled |
/// | not signed | error | error | error, unless nothing is to be verified | not required | not required |
///
/// Asking for trust and getting none never falls back to the signature alone: no ids in a list of ids, nothing to trust
/// where the policy asks for a chain, something to trust where the policy never validates one, and bytes or a host
/// that do not allow a chain to be checked are errors.
///
/// ```
/// use longhand::{Delivery, ImageFacts, PolicyError, Requirement, SignatureProperties, TrustChoice, VerificationPolicy};
///
/// # let image_properties = [("img_signature", "QQ=="), ("img_signature_hash_method", "SHA-256"),
/// #     ("img_signature_key_type", "DSA"), ("img_signature_certificate_uuid", "id")];
/// let properties = SignatureProperties::from_properties(image_properties);
/// let facts = ImageFacts::new(&properties).trusted_ids(["root"]);
/// let policy = VerificationPolicy::trusted();
/// let chain = Some(TrustChoice::UserIds(vec!["root".to_owned()]));
/// assert_eq!(policy.decide(&facts), Ok(Requirement::Verify { chain }));
///
/// assert!(matches!(policy.decide(&ImageFacts::new(&properties)), Err(PolicyError::TrustMissing { .. })));
/// assert!(matches!(policy.decide(&facts.delivery(Delivery::Cached)), Err(PolicyError::TrustNotCheckable { .. })));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerificationPolicy(Rule);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    Trusted,
    Required,
    Nova(NovaSettings),
    Glance,
    Cinder(CinderSettings),
}

impl VerificationPolicy {
    /// The image is signed and its certificate's chain is validated, or it is refused.
    ///
    /// The chain ends in the ids that the user gives, else in those kept with the instance, else in the trust store. For
    /// defaults of the operator's between these two, take [`nova`](Self::nova) with all three settings.
    #[must_use]
    pub const fn trusted() -> Self {
        Self(Rule::Trusted)
    }

    /// The image is signed, or it is refused; the chain is validated if there is anything to trust.
    #[must_use]
    pub const fn required() -> Self {
        Self(Rule::Required)
    }

    /// What a compute host of Nova does with these settings.
    #[must_use]
    pub const fn nova(settings: NovaSettings) -> Self {
        Self(Rule::Nova(settings))
    }

    /// What Glance does with an upload: the signature is verified when all four properties are there, nothing is
    /// verified when one is missing, and no chain is ever validated.
    ///
    /// A property that is there and cannot be used (empty, given twice) is an error whatever the other three are.
    #[must_use]
    pub const fn glance() -> Self {
        Self(Rule::Glance)
    }

    /// What Cinder does when it makes a volume from an image: the signature of a signed image is verified if the image
    /// is downloaded, one that is signed in part is refused, and no chain is ever validated.
    #[must_use]
    pub const fn cinder(settings: CinderSettings) -> Self {
        Self(Rule::Cinder(settings))
    }

    /// The stable name of the policy: `trusted`, `required`, `nova`, `glance` or `cinder`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match &self.0 {
            Rule::Trusted => "trusted",
            Rule::Required => "required",
            Rule::Nova(_) => "nova",
            Rule::Glance => "glance",
            Rule::Cinder(_) => "cinder",
        }
    }

    /// What has to be done for one image.
    ///
    /// # Errors
    /// [`PolicyError`] when the image must not be used, whatever its bytes are, or the request contradicts itself.
    pub fn decide(&self, facts: &ImageFacts) -> Result<Requirement, PolicyError> {
        if let Some(ids) = &facts.trusted_ids {
            check_ids(ids)?;
        }
        match &self.0 {
            Rule::Trusted => {
                facts.signature.complete()?;
                let trust = facts.trust().ok_or(PolicyError::TrustMissing { policy: self.name() })?;
                facts.verify(Some(trust))
            }
            Rule::Required => {
                facts.signature.complete()?;
                facts.verify(facts.trust())
            }
            Rule::Nova(settings) => settings.decide(facts),
            Rule::Glance => {
                self.no_trust_given(facts)?;
                decide_as_glance(facts)
            }
            Rule::Cinder(settings) => {
                self.no_trust_given(facts)?;
                settings.decide(facts)
            }
        }
    }

    /// A policy without chains cannot serve a request for one.
    fn no_trust_given(&self, facts: &ImageFacts) -> Result<(), PolicyError> {
        match facts.trust() {
            Some(_) => Err(PolicyError::TrustNotOffered { policy: self.name() }),
            None => Ok(()),
        }
    }
}

/// Glance 33, `ImageProxy.set_data`: `should_create_verifier` is false unless all four properties are there.
fn decide_as_glance(facts: &ImageFacts) -> Result<Requirement, PolicyError> {
    match &facts.signature {
        SignatureState::Absent => Ok(Requirement::NotRequired(NotRequiredReason::NotSigned)),
        SignatureState::Unusable(PropertyError::Incomplete { .. }) => {
            Ok(Requirement::NotRequired(NotRequiredReason::SignedInPart))
        }
        SignatureState::Unusable(error) => Err(error.clone().into()),
        SignatureState::Complete => facts.verify(None),
    }
}

/// Cinder's setting, under Cinder's name for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CinderSettings {
    verify_glance_signatures: bool,
}

impl CinderSettings {
    /// Cinder's default: signatures are verified.
    #[must_use]
    pub const fn new() -> Self {
        Self { verify_glance_signatures: true }
    }

    /// `[DEFAULT] verify_glance_signatures`: `enabled` is true, `disabled` is false.
    #[must_use]
    pub const fn verify_glance_signatures(mut self, enabled: bool) -> Self {
        self.verify_glance_signatures = enabled;
        self
    }

    /// Cinder looks at the properties of an image that it downloads, and of no other.
    fn decide(&self, facts: &ImageFacts) -> Result<Requirement, PolicyError> {
        if !self.verify_glance_signatures {
            return Ok(Requirement::NotRequired(NotRequiredReason::SwitchedOff));
        }
        if facts.signature == SignatureState::Absent {
            return Ok(Requirement::NotRequired(NotRequiredReason::NotSigned));
        }
        if let Some(reason) = facts.obstacle(false) {
            return kept_from(reason, false);
        }
        facts.signature.complete()?;
        facts.verify(None)
    }
}

impl Default for CinderSettings {
    fn default() -> Self {
        Self::new()
    }
}

/// What is known about an image and the request for it before a byte is read: what a policy decides from.
///
/// Unless said otherwise nothing is given to trust, the bytes are downloaded and the host can validate certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFacts {
    signature: SignatureState,
    trusted_ids: Option<Vec<String>>,
    kept_ids: Vec<String>,
    trust_store: bool,
    delivery: Delivery,
    host_validates_certificates: bool,
}

impl ImageFacts {
    /// An image whose signature properties were read with this result.
    #[must_use]
    pub fn new(signature: impl Into<SignatureState>) -> Self {
        Self {
            signature: signature.into(),
            trusted_ids: None,
            kept_ids: Vec::new(),
            trust_store: false,
            delivery: Delivery::Downloaded,
            host_validates_certificates: true,
        }
    }

    /// The ids of the certificates that the user wants trusted for this image.
    ///
    /// To give none leave this out: a list without ids is an error, as it is in Nova's API. There are at most
    /// [`MAX_TRUSTED_IDS`], each not empty, at most [`MAX_TRUSTED_ID`] bytes long and given once.
    #[must_use]
    pub fn trusted_ids<I>(mut self, ids: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        self.trusted_ids = Some(ids.into_iter().map(|id| id.as_ref().to_owned()).collect());
        self
    }

    /// The ids that were kept with the instance when its request was judged: see [`NovaSettings::ids_at_create`].
    ///
    /// They are not judged again, since they may be the operator's defaults; none means that none were kept. Ids that
    /// the user gives with this request go before them.
    #[must_use]
    pub fn kept_ids<I>(mut self, ids: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        self.kept_ids = ids.into_iter().map(|id| id.as_ref().to_owned()).collect();
        self
    }

    /// Whether a trust store is configured.
    #[must_use]
    pub const fn trust_store(mut self, configured: bool) -> Self {
        self.trust_store = configured;
        self
    }

    /// How the bytes arrive.
    #[must_use]
    pub const fn delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// Whether the host can validate certificates: in Nova the trait `COMPUTE_TRUSTED_CERTS`.
    #[must_use]
    pub const fn host_validates_certificates(mut self, able: bool) -> Self {
        self.host_validates_certificates = able;
        self
    }

    /// The ids that came with the request, the user's before those kept.
    fn ids(&self) -> Option<TrustChoice> {
        match &self.trusted_ids {
            Some(ids) => Some(TrustChoice::UserIds(ids.clone())),
            None if self.kept_ids.is_empty() => None,
            None => Some(TrustChoice::KeptIds(self.kept_ids.clone())),
        }
    }

    fn store(&self) -> Option<TrustChoice> {
        self.trust_store.then_some(TrustChoice::Store)
    }

    fn trust(&self) -> Option<TrustChoice> {
        self.ids().or_else(|| self.store())
    }

    /// What keeps the image from being verified, if anything does. Only a chain needs an able host.
    fn obstacle(&self, chain: bool) -> Option<CannotVerifyReason> {
        let host =
            (chain && !self.host_validates_certificates).then_some(CannotVerifyReason::HostCannotValidate);
        self.delivery.obstacle().or(host)
    }

    /// Verification, if nothing keeps the image from it.
    fn verify(&self, chain: Option<TrustChoice>) -> Result<Requirement, PolicyError> {
        match self.obstacle(chain.is_some()) {
            Some(reason) => kept_from(reason, chain.is_some()),
            None => Ok(Requirement::Verify { chain }),
        }
    }
}

/// Without a chain that is an answer, with one a refusal: trust that was asked for is never left out.
const fn kept_from(reason: CannotVerifyReason, chain: bool) -> Result<Requirement, PolicyError> {
    if chain {
        return Err(PolicyError::TrustNotCheckable { reason });
    }
    Ok(Requirement::CannotVerify(reason))
}

/// What an image's signature properties are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureState {
    /// All four are there and can be used.
    Complete,
    /// Some are missing, or one of them cannot be used.
    Unusable(PropertyError),
    /// None is there.
    Absent,
}

impl SignatureState {
    fn complete(&self) -> Result<(), PolicyError> {
        match self {
            Self::Complete => Ok(()),
            Self::Unusable(error) => Err(error.clone().into()),
            Self::Absent => Err(PolicyError::NotSigned),
        }
    }
}

impl From<&Result<Option<SignatureProperties>, PropertyError>> for SignatureState {
    fn from(read: &Result<Option<SignatureProperties>, PropertyError>) -> Self {
        match read {
            Ok(Some(_)) => Self::Complete,
            Ok(None) => Self::Absent,
            Err(error) => Self::Unusable(error.clone()),
        }
    }
}

/// How an image's bytes come to where they are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Delivery {
    /// They pass through whoever verifies: a download, an upload, a file.
    Downloaded,
    /// The store clones them, and nobody reads them: Nova's `images_type=rbd` with a RAW image, Cinder's cloned volumes.
    ClonedInStore,
    /// They are on a volume already: the server boots from a volume.
    FromVolume,
    /// They were fetched for an earlier request: Nova's base files, Cinder's image-volume cache.
    ///
    /// Whether they were verified then is not known. Nova starts an instance that asks for trust from a base file that
    /// an unverified instance left behind.
    Cached,
}

impl Delivery {
    const fn obstacle(self) -> Option<CannotVerifyReason> {
        match self {
            Self::Downloaded => None,
            Self::ClonedInStore => Some(CannotVerifyReason::ClonedInStore),
            Self::FromVolume => Some(CannotVerifyReason::FromVolume),
            Self::Cached => Some(CannotVerifyReason::Cached),
        }
    }
}

/// What a policy asks to be done for one image.
#[must_use = "what has to be verified must be verified"]
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Requirement {
    /// Nothing: the policy lets this image pass unverified.
    NotRequired(NotRequiredReason),
    /// The policy asks for the signature, and the bytes cannot be seen. No chain was asked for: if one was, this is
    /// [`PolicyError::TrustNotCheckable`].
    CannotVerify(CannotVerifyReason),
    /// The signature is verified, and the certificate's chain where there is one to validate.
    Verify {
        /// What the chain must end in; `None` if no chain is asked for.
        chain: Option<TrustChoice>,
    },
}

/// Why an image need not be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotRequiredReason {
    /// The service's settings switch verification off, and no trusted ids switch it on.
    SwitchedOff,
    /// The image is not signed, and the service lets such images pass.
    NotSigned,
    /// The image is signed in part, and the service lets such images pass.
    SignedInPart,
}

impl fmt::Display for NotRequiredReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SwitchedOff => "the service's settings switch verification off",
            Self::NotSigned => "the image is not signed, and the policy does not require it",
            Self::SignedInPart => "the image is signed only in part, and the policy lets it pass",
        })
    }
}

/// Why an image cannot be verified: the limitations that Nova's guide lists, and the cache that it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CannotVerifyReason {
    /// [`Delivery::ClonedInStore`].
    ClonedInStore,
    /// [`Delivery::FromVolume`].
    FromVolume,
    /// [`Delivery::Cached`].
    Cached,
    /// The host cannot validate certificates. Met only where a chain is asked for, and so only as a refusal.
    HostCannotValidate,
}

impl fmt::Display for CannotVerifyReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ClonedInStore => "the image is cloned inside the store, and nobody reads its bytes",
            Self::FromVolume => "the server boots from a volume, whose bytes were not verified as this image",
            Self::Cached => "the image comes from a cache, and may have been put there unverified",
            Self::HostCannotValidate => "the host does not support certificate validation",
        })
    }
}

/// What the chain of a signing certificate must end in. One of these alone: they are never merged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrustChoice {
    /// The ids that the user gave with the request.
    UserIds(Vec<String>),
    /// The ids kept with the instance.
    KeptIds(Vec<String>),
    /// The operator's `default_trusted_certificate_ids`.
    DefaultIds(Vec<String>),
    /// The configured trust store.
    Store,
}

impl TrustChoice {
    /// The ids to fetch from the key manager, or `None` for the trust store.
    #[must_use]
    pub fn ids(&self) -> Option<&[String]> {
        match self {
            Self::UserIds(ids) | Self::KeptIds(ids) | Self::DefaultIds(ids) => Some(ids),
            Self::Store => None,
        }
    }
}

/// The rules of `trusted_image_certificates` in the schema of Nova's API, microversion 2.63.
fn check_ids(ids: &[String]) -> Result<(), PolicyError> {
    if ids.is_empty() {
        return Err(PolicyError::TrustedIdsEmpty);
    }
    if ids.len() > MAX_TRUSTED_IDS {
        return Err(PolicyError::TrustedIdsTooMany { count: ids.len(), limit: MAX_TRUSTED_IDS });
    }
    let mut seen = BTreeSet::new();
    for (position, id) in ids.iter().enumerate() {
        if id.is_empty() {
            return Err(PolicyError::TrustedIdEmpty { position });
        }
        if id.len() > MAX_TRUSTED_ID {
            return Err(PolicyError::TrustedIdTooLong { position, length: id.len(), limit: MAX_TRUSTED_ID });
        }
        if !seen.insert(id) {
            return Err(PolicyError::TrustedIdRepeated { id: Excerpt::new(id) });
        }
    }
    Ok(())
}

/// Why a policy refuses an image, or a request for it, before a byte is read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The image is signed in part, or one of its signature properties cannot be used.
    Properties {
        /// What is wrong with them.
        source: PropertyError,
    },
    /// The image is not signed.
    NotSigned,
    /// A list of trusted ids is given, and it is empty.
    TrustedIdsEmpty,
    /// Too many trusted ids are given.
    TrustedIdsTooMany {
        /// How many.
        count: usize,
        /// The bound.
        limit: usize,
    },
    /// A trusted id is given twice.
    TrustedIdRepeated {
        /// The id.
        id: Excerpt,
    },
    /// A trusted id is the empty string.
    TrustedIdEmpty {
        /// Its place in the list, from 0.
        position: usize,
    },
    /// A trusted id is too long.
    TrustedIdTooLong {
        /// Its place in the list, from 0.
        position: usize,
        /// Its length in bytes.
        length: usize,
        /// The bound in bytes.
        limit: usize,
    },
    /// The user gives or resets trusted ids and may not.
    TrustedIdsForbidden,
    /// The policy asks for a chain, and there is nothing that it could end in.
    TrustMissing {
        /// The policy's name.
        policy: &'static str,
    },
    /// Something to trust is given, and the policy never validates a chain.
    TrustNotOffered {
        /// The policy's name.
        policy: &'static str,
    },
    /// A chain is asked for, and cannot be checked against the bytes that will be used.
    ///
    /// An image of which a receipt is at hand can be judged by it: ask the policy for the same image as
    /// [`Delivery::Downloaded`], and hold the receipt against the trust that it then names.
    TrustNotCheckable {
        /// Why not.
        reason: CannotVerifyReason,
    },
}

impl PolicyError {
    /// The stable code of this error.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Properties { source } => source.code(),
            Self::NotSigned => ErrorCode::ImageNotSigned,
            Self::TrustedIdsEmpty => ErrorCode::TrustedIdsEmpty,
            Self::TrustedIdsTooMany { .. } => ErrorCode::TrustedIdsTooMany,
            Self::TrustedIdRepeated { .. } => ErrorCode::TrustedIdRepeated,
            Self::TrustedIdEmpty { .. } => ErrorCode::TrustedIdEmpty,
            Self::TrustedIdTooLong { .. } => ErrorCode::TrustedIdTooLong,
            Self::TrustedIdsForbidden => ErrorCode::TrustedIdsForbidden,
            Self::TrustMissing { .. } => ErrorCode::TrustMissing,
            Self::TrustNotOffered { .. } => ErrorCode::TrustNotOffered,
            Self::TrustNotCheckable { .. } => ErrorCode::TrustNotCheckable,
        }
    }

    /// What a service should do about this error.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        self.code().disposition()
    }
}

impl From<PropertyError> for PolicyError {
    fn from(source: PropertyError) -> Self {
        Self::Properties { source }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Properties { source } => fmt::Display::fmt(source, f),
            Self::NotSigned => write!(f, "{SIGNATURE_FAILED}: the image is not signed"),
            Self::TrustedIdsEmpty => {
                f.write_str("a list of trusted certificate ids is given, and it is empty")
            }
            Self::TrustedIdsTooMany { count, limit } => {
                write!(f, "{count} trusted certificate ids are given, more than {limit}")
            }
            Self::TrustedIdRepeated { id } => write!(f, "the trusted certificate id {id} is given twice"),
            Self::TrustedIdEmpty { position } => {
                write!(f, "the trusted certificate id at position {position}, from 0, is empty")
            }
            Self::TrustedIdTooLong { position, length, limit } => write!(
                f,
                "the trusted certificate id at position {position}, from 0, is {length} bytes long, more than {limit}"
            ),
            Self::TrustedIdsForbidden => f.write_str("this user may not say which certificates are trusted"),
            Self::TrustMissing { policy } => {
                write!(f, "the policy {policy} asks for a trusted certificate, and nothing to trust is given")
            }
            Self::TrustNotOffered { policy } => {
                write!(
                    f,
                    "the policy {policy} never validates a certificate, and something to trust is given"
                )
            }
            Self::TrustNotCheckable { reason } => {
                write!(f, "a trusted certificate is asked for, and that cannot be checked: {reason}")
            }
        }
    }
}
