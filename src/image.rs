//! One verdict on an image: the policy, the signing certificate's chain, the signature and the record, joined so that
//! nobody ships half of it.

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::sync::Arc;

use rustls_pki_types::UnixTime;

use crate::algorithm::KeyTypes;
use crate::chain::{CertificateValidator, ChainError, ChainPolicy, VerifiedChain};
use crate::code::{Disposition, ErrorCode};
use crate::digest::{Digest, StreamingDigest};
#[cfg(feature = "async")]
use crate::key_manager::AsyncKeyManager;
use crate::key_manager::{Fetched, Fetching, KeyManager, KeyManagerError, StoredCertificate};
use crate::policy::{
    CannotVerifyReason, Delivery, ImageFacts, NotRequiredReason, PolicyError, Requirement, TrustChoice,
    VerificationPolicy,
};
use crate::properties::{PropertyError, SignatureProperties};
use crate::public_key::VerificationError;
use crate::receipt::{Receipt, ReceiptError, RecheckedImage};
use crate::record::{ImageRecord, RecordCheck, RecordDigests, RecordError};
use crate::revocation_list::RevocationList;
use crate::trace::{self, About, Span};
use crate::trust::{ChainCertificate, TrustError, TrustStore};
use crate::verifier::{
    SignatureVerifier, StreamError, StreamVerifier, Verified, VerifierError, VerifierOptions, sealed, update,
};

/// Verifies images under one policy: what a service should use.
///
/// Each certificate is fetched once, so the one whose key verifies the data is the one whose chain was validated. Prepared
/// once, asked for every image; cheap to clone.
///
/// ```
/// use std::time::Duration;
/// use longhand::pki_types::UnixTime;
/// use longhand::{Decision, DirectoryKeyManager, ImageRequest, ImageVerifier, VerificationPolicy, VerifiedImage};
///
/// # let folder = std::path::Path::new("test-vectors/walkthrough/nova");
/// # let record: serde_json::Value = serde_json::from_slice(&std::fs::read(folder.join("properties.json"))?)?;
/// # let image_properties: Vec<_> = record["properties"].as_object().unwrap().iter()
/// #     .filter_map(|(name, value)| Some((name, value.as_str()?))).collect();
/// # let trusted_ids = ["0b5d2c72-12cc-4ba6-a8d7-3ff5cc1d8cb8", "674736e3-f25c-405c-8362-bbf991e0ce0a",
/// #     "8fbcce5d-d646-4295-ba8a-269fc9451eeb"];
/// # let key_manager = DirectoryKeyManager::new(folder.join("certs"));
/// # let mut image = std::fs::File::open(folder.join("image.qcow2"))?;
/// # let now = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));
/// let images = ImageVerifier::builder().policy(VerificationPolicy::trusted()).build();
///
/// let request = ImageRequest::new("b3d1…", image_properties).trusted_ids(trusted_ids).at(now);
/// match images.begin(&key_manager, request)? { // fails before a byte is read
///     Decision::Verify(mut verification) => {
///         std::io::copy(&mut image, &mut verification)?;
///         let verified: VerifiedImage = verification.verify()?;
///         println!("{verified}");
///     }
///     Decision::NotRequired(why) => println!("boots unverified: {why}"),
///     refused => return Err(format!("{refused:?}").into()),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ImageVerifier(Arc<ImageVerifierBuilder>);

/// Sets up an [`ImageVerifier`].
#[derive(Clone, Debug)]
#[must_use]
pub struct ImageVerifierBuilder {
    policy: VerificationPolicy,
    chain_policy: ChainPolicy,
    /// `None`: none was given. An empty one was, and refuses whoever needs it.
    store: Option<TrustStore>,
    pins: Option<Vec<ChainCertificate>>,
    intermediates: Vec<ChainCertificate>,
    lists: Vec<RevocationList>,
    options: VerifierOptions,
}

impl ImageVerifierBuilder {
    /// Which images have to be signed, and whose signing certificates trusted. Without it,
    /// [`VerificationPolicy::trusted`].
    pub fn policy(mut self, policy: VerificationPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The rules for chains. Without it, [`ChainPolicy::default`].
    pub fn chain_policy(mut self, policy: ChainPolicy) -> Self {
        self.chain_policy = policy;
        self
    }

    /// The trusted certificates for requests that name no ids. Whoever gives a store asks for trust: with an empty one every
    /// such request is refused.
    pub fn trust_store(mut self, store: TrustStore) -> Self {
        self.store = Some(store);
        self
    }

    /// Signing certificates that are trusted themselves; like the trust store, for requests that name no ids.
    pub fn pin(mut self, certificates: impl IntoIterator<Item = ChainCertificate>) -> Self {
        self.pins.get_or_insert_default().extend(certificates);
        self
    }

    /// Certificates that may help to build a chain and are not trusted for it.
    pub fn intermediates(mut self, certificates: impl IntoIterator<Item = ChainCertificate>) -> Self {
        self.intermediates.extend(certificates);
        self
    }

    /// Revocation lists, by which every chain is judged: as
    /// [`CertificateValidatorBuilder::revocation_lists`](crate::CertificateValidatorBuilder::revocation_lists). Like the rules
    /// for chains they matter where the policy asks for a chain.
    pub fn revocation_lists(mut self, lists: impl IntoIterator<Item = RevocationList>) -> Self {
        self.lists.extend(lists);
        self
    }

    /// What is asked of the signature beyond its being one.
    pub fn verifier_options(mut self, options: VerifierOptions) -> Self {
        self.options = options;
        self
    }

    /// The verifier.
    #[must_use]
    pub fn build(self) -> ImageVerifier {
        ImageVerifier(Arc::new(self))
    }

    fn has_store(&self) -> bool {
        self.store.is_some() || self.pins.is_some()
    }
}

/// One image, and the request for it.
#[derive(Clone, Debug)]
#[must_use]
pub struct ImageRequest {
    image_id: String,
    properties: Result<Option<SignatureProperties>, PropertyError>,
    trusted_ids: Option<Vec<String>>,
    kept_ids: Vec<String>,
    delivery: Delivery,
    host_validates_certificates: bool,
    at: Option<UnixTime>,
    record: ImageRecord,
    receipt: Option<Receipt>,
}

impl ImageRequest {
    /// An image with this id and these properties: all of its properties, in any order.
    pub fn new<I, K, V>(image_id: impl Into<String>, image_properties: I) -> Self
    where
        I: IntoIterator<Item = (K, V)>,
        K: AsRef<str>,
        V: AsRef<str>,
    {
        Self::from_read(image_id, SignatureProperties::from_properties(image_properties))
    }

    /// The same with key types that an embedder registered.
    pub fn with_key_types<I, K, V>(
        image_id: impl Into<String>,
        image_properties: I,
        key_types: &KeyTypes,
    ) -> Self
    where
        I: IntoIterator<Item = (K, V)>,
        K: AsRef<str>,
        V: AsRef<str>,
    {
        Self::from_read(image_id, SignatureProperties::from_properties_with(image_properties, key_types))
    }

    fn from_read(
        image_id: impl Into<String>,
        properties: Result<Option<SignatureProperties>, PropertyError>,
    ) -> Self {
        Self {
            image_id: image_id.into(),
            properties,
            trusted_ids: None,
            kept_ids: Vec::new(),
            delivery: Delivery::Downloaded,
            host_validates_certificates: true,
            at: None,
            record: ImageRecord::new(),
            receipt: None,
        }
    }

    /// The ids of the certificates that the user wants trusted: as [`ImageFacts::trusted_ids`].
    pub fn trusted_ids<I>(mut self, ids: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        self.trusted_ids = Some(ids.into_iter().map(|id| id.as_ref().to_owned()).collect());
        self
    }

    /// The ids kept with the instance: as [`ImageFacts::kept_ids`].
    pub fn kept_ids<I>(mut self, ids: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        self.kept_ids = ids.into_iter().map(|id| id.as_ref().to_owned()).collect();
        self
    }

    /// How the bytes arrive. Without it, [`Delivery::Downloaded`].
    pub fn delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// Whether the host can validate certificates. Without it, yes.
    pub fn host_validates_certificates(mut self, able: bool) -> Self {
        self.host_validates_certificates = able;
        self
    }

    /// The time of judgement. A chain whose dates count cannot do without.
    pub fn at(mut self, time: UnixTime) -> Self {
        self.at = Some(time);
        self
    }

    /// What the image's record says about its bytes; checked besides the signature, in the same pass.
    pub fn record(mut self, record: ImageRecord) -> Self {
        self.record = record;
        self
    }

    /// A receipt of an earlier verification of this image, for bytes that cannot be verified again.
    pub fn receipt(mut self, receipt: Receipt) -> Self {
        self.receipt = Some(receipt);
        self
    }

    /// The image's id.
    #[must_use]
    pub fn image_id(&self) -> &str {
        &self.image_id
    }

    pub(crate) fn properties(&self) -> Option<&SignatureProperties> {
        self.properties.as_ref().ok().and_then(Option::as_ref)
    }

    pub(crate) fn image_record(&self) -> &ImageRecord {
        &self.record
    }

    fn facts(&self, trust_store: bool) -> ImageFacts {
        let facts = ImageFacts::new(&self.properties)
            .kept_ids(self.kept_ids.iter().cloned())
            .trust_store(trust_store)
            .delivery(self.delivery)
            .host_validates_certificates(self.host_validates_certificates);
        match &self.trusted_ids {
            Some(ids) => facts.trusted_ids(ids.iter().cloned()),
            None => facts,
        }
    }
}

/// What has to be fetched before a decision: for drivers that do their own input and output. [`ImageVerifier::begin`] is
/// such a driver for a [`KeyManager`]; for an `AsyncKeyManager` there is `ImageVerifier::begin_async`, with the feature
/// `async`. Both are three lines.
///
/// ```
/// use longhand::{Decision, ImageRequest, ImageVerifier, KeyManagerError, StoredCertificate};
///
/// # let folder = std::path::Path::new("test-vectors/walkthrough/nova");
/// # let record: serde_json::Value = serde_json::from_slice(&std::fs::read(folder.join("properties.json"))?)?;
/// # let image_properties: Vec<_> = record["properties"].as_object().unwrap().iter()
/// #     .filter_map(|(name, value)| Some((name, value.as_str()?))).collect();
/// # let trusted_ids = ["0b5d2c72-12cc-4ba6-a8d7-3ff5cc1d8cb8", "674736e3-f25c-405c-8362-bbf991e0ce0a",
/// #     "8fbcce5d-d646-4295-ba8a-269fc9451eeb"];
/// # let fetch = |id: &str| std::fs::read(folder.join("certs").join(format!("{id}.crt")));
/// # let now = longhand::pki_types::UnixTime::now();
/// let images = ImageVerifier::builder().build();
/// let plan = images.plan(ImageRequest::new("b3d1…", image_properties).trusted_ids(trusted_ids).at(now))?;
/// let mut fetched = Vec::new();
/// for id in plan.ids() {
///     let certificate = match fetch(id) { // over the network, each in its own task, …
///         Ok(bytes) => StoredCertificate::from_bytes(id, &bytes),
///         Err(error) => Err(KeyManagerError::unavailable(id, error)),
///     };
///     fetched.push((id.to_owned(), certificate));
/// }
/// let Decision::Verify(verification) = plan.begin(fetched)? else { return Err("not to be verified".into()) };
/// # let _ = verification;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "a plan decides nothing until it is begun"]
pub struct Plan {
    verifier: ImageVerifier,
    request: ImageRequest,
    step: Step,
}

#[derive(Debug)]
enum Step {
    NotRequired(NotRequiredReason),
    CannotVerify(CannotVerifyReason),
    Verify { properties: SignatureProperties, chain: Option<TrustChoice> },
    Recheck { receipt: Box<Receipt>, chain: TrustChoice },
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRequired(why) => write!(f, "not required: {why}"),
            Self::CannotVerify(why) => write!(f, "cannot be verified: {why}"),
            Self::Rechecked(rechecked) => write!(f, "a receipt holds; signed by {}", rechecked.chain()),
            Self::Verify(_) => f.write_str("the image's bytes are to be verified"),
        }
    }
}

/// What is to be done with an image.
#[derive(Debug)]
#[non_exhaustive]
#[must_use]
pub enum Decision {
    /// The policy does not require that this image be verified.
    NotRequired(NotRequiredReason),
    /// The image cannot be verified where it is, and the policy asks for no chain. Not a yes: whether it may be used is
    /// for the service to say. Where a chain is asked for this is an error.
    CannotVerify(CannotVerifyReason),
    /// The image cannot be verified where it is, and a receipt of its verification holds.
    Rechecked(Box<RecheckedImage>),
    /// The image's bytes are to be verified. The signing certificate's chain, if one is asked for, is validated already.
    Verify(Box<ImageVerification>),
}

impl ImageVerifier {
    /// Sets up a verifier.
    pub fn builder() -> ImageVerifierBuilder {
        ImageVerifierBuilder {
            policy: VerificationPolicy::trusted(),
            chain_policy: ChainPolicy::default(),
            store: None,
            pins: None,
            intermediates: Vec::new(),
            lists: Vec::new(),
            options: VerifierOptions::new(),
        }
    }

    /// What has to be fetched for this request.
    ///
    /// # Errors
    /// [`ImageError::Policy`] when the policy refuses the image whatever is fetched.
    pub fn plan(&self, request: ImageRequest) -> Result<Plan, ImageError> {
        let step = self.step(&request).map_err(ImageError::from);
        let step = step.inspect_err(|error| trace::refused(self.about(&request), error))?;
        Ok(Plan { verifier: self.clone(), request, step })
    }

    fn about<'a>(&self, request: &'a ImageRequest) -> About<'a> {
        let certificate_id = request.properties().map(SignatureProperties::certificate_id);
        About { policy: self.0.policy.name(), image_id: &request.image_id, certificate_id }
    }

    fn step(&self, request: &ImageRequest) -> Result<Step, PolicyError> {
        let facts = request.facts(self.0.has_store());
        match (self.0.policy.decide(&facts), &request.properties) {
            (Ok(Requirement::Verify { chain }), Ok(Some(properties))) => {
                Ok(Step::Verify { properties: properties.clone(), chain })
            }
            // A policy asks to verify only what is signed.
            (Ok(Requirement::Verify { .. }), _) => Err(PolicyError::NotSigned),
            (Ok(Requirement::NotRequired(why)), _) => Ok(Step::NotRequired(why)),
            (Ok(Requirement::CannotVerify(why)), _) => {
                Ok(self.recheck(request, why)?.unwrap_or(Step::CannotVerify(why)))
            }
            (Err(error), _) => match error {
                PolicyError::TrustNotCheckable { reason } => self.recheck(request, reason)?.ok_or(error),
                error => Err(error),
            },
        }
    }

    /// A receipt serves for bytes out of reach, if the policy would have had a chain validated had they been downloaded.
    fn recheck(&self, request: &ImageRequest, why: CannotVerifyReason) -> Result<Option<Step>, PolicyError> {
        let (Some(receipt), CannotVerifyReason::Cached | CannotVerifyReason::ClonedInStore) =
            (&request.receipt, why)
        else {
            return Ok(None);
        };
        let downloaded = request.facts(self.0.has_store()).delivery(Delivery::Downloaded);
        match self.0.policy.decide(&downloaded)? {
            Requirement::Verify { chain: Some(chain) } => {
                Ok(Some(Step::Recheck { receipt: Box::new(receipt.clone()), chain }))
            }
            _ => Ok(None),
        }
    }

    /// Decides, fetching each certificate once. No byte of the image is needed.
    ///
    /// # Errors
    /// [`ImageError`] when the image must not be used, whatever its bytes are, or that cannot be found out.
    pub fn begin(&self, key_manager: &dyn KeyManager, request: ImageRequest) -> Result<Decision, ImageError> {
        Span::begin(self.about(&request)).in_scope(|| {
            let plan = self.plan(request)?;
            let fetched = plan.fetching().in_turn(key_manager);
            plan.begin(fetched)
        })
    }

    /// Decides with a key manager that is awaited, at most
    /// [`limits::MAX_CONCURRENT_FETCHES`](crate::limits::MAX_CONCURRENT_FETCHES) certificates at once, each fetched once. No
    /// byte of the image is needed. Feature `async`.
    ///
    /// The verdict is the one of [`begin`](Self::begin), whatever the order in which answers come; what no longer matters
    /// to it is not asked for, or dropped. To drop the future is to drop what it asked for, and leaves nothing behind.
    ///
    /// What follows on the last answer is computed where the future is polled: for chains as they are made, well below a
    /// millisecond. Certificates that were made to be slow can take up to
    /// [`limits::MAX_CHAIN_WORK`](crate::limits::MAX_CHAIN_WORK). A service in which strangers choose the trusted ids and that
    /// cannot spare a thread for so long drives a [`Plan`] itself, and calls [`Plan::begin`] where work may take time.
    ///
    /// ```
    /// use longhand::{Blocking, Decision, DirectoryKeyManager, ImageRequest, ImageVerifier};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = std::path::Path::new("test-vectors/walkthrough/nova");
    /// # let record: serde_json::Value = serde_json::from_slice(&std::fs::read(folder.join("properties.json"))?)?;
    /// # let image_properties: Vec<_> = record["properties"].as_object().unwrap().iter()
    /// #     .filter_map(|(name, value)| Some((name, value.as_str()?))).collect();
    /// # let trusted_ids = ["0b5d2c72-12cc-4ba6-a8d7-3ff5cc1d8cb8", "674736e3-f25c-405c-8362-bbf991e0ce0a",
    /// #     "8fbcce5d-d646-4295-ba8a-269fc9451eeb"];
    /// # let certificates = DirectoryKeyManager::new(folder.join("certs"));
    /// # let now = longhand::pki_types::UnixTime::now();
    /// let key_manager = Blocking::new(certificates, |work| {
    ///     tokio::task::spawn_blocking(work);
    /// });
    /// let images = ImageVerifier::builder().build();
    /// let request = ImageRequest::new("b3d1…", image_properties).trusted_ids(trusted_ids).at(now);
    /// let Decision::Verify(verification) = images.begin_async(&key_manager, request).await? else {
    ///     return Err("not to be verified".into());
    /// };
    /// # let _ = verification;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    #[cfg(feature = "async")]
    pub async fn begin_async(
        &self,
        key_manager: &dyn AsyncKeyManager,
        request: ImageRequest,
    ) -> Result<Decision, ImageError> {
        let span = Span::begin(self.about(&request));
        let decision = async move {
            let plan = self.plan(request)?;
            let fetched = plan.fetching().at_once(key_manager).await;
            plan.begin(fetched)
        };
        span.around(decision).await
    }

    /// A validator for the trust that the policy chose.
    fn validator(
        &self,
        request: &ImageRequest,
        chosen: &TrustChoice,
        fetched: &Fetched,
    ) -> Result<CertificateValidator, TrustError> {
        let settings = &*self.0;
        let (store, with_pins) = match chosen.ids() {
            Some(ids) => (TrustStore::from_fetched(ids, fetched)?, false),
            None => (settings.store.clone().unwrap_or_default(), true),
        };
        let pins = settings.pins.clone().filter(|_| with_pins).unwrap_or_default();
        let builder = CertificateValidator::builder()
            .trusted(store)
            .pin(pins)
            .intermediates(settings.intermediates.iter().cloned())
            .revocation_lists(settings.lists.iter().cloned())
            .policy(settings.chain_policy.clone());
        let validator = match request.at {
            Some(at) => builder.at(at).build(),
            None => builder.build(),
        };
        // Of a store the operator learns once, from TrustStore::skipped, not with every image.
        if chosen.ids().is_some() {
            trace::skipped(validator.skipped());
        }
        Ok(validator)
    }
}

impl Plan {
    /// The ids of the certificates to fetch, each once, the signing certificate's first. Whether one of the others is
    /// missing matters only to the chain.
    #[must_use]
    pub fn ids(&self) -> Vec<&str> {
        let chain = match &self.step {
            Step::Verify { chain, .. } => chain.as_ref(),
            Step::Recheck { chain, .. } => Some(chain),
            _ => None,
        };
        // An empty id, as `a,,b` in a configuration gives it, names nothing and is not asked for.
        let trusted = chain.and_then(TrustChoice::ids).unwrap_or_default();
        let ids = self.signing_id().into_iter().chain(trusted.iter().map(String::as_str));
        let mut seen = HashSet::new();
        ids.filter(|id| !id.is_empty() && seen.insert(*id)).collect()
    }

    fn signing_id(&self) -> Option<&str> {
        match &self.step {
            Step::Verify { properties, .. } => Some(properties.certificate_id()),
            _ => None,
        }
    }

    /// Without the signing certificate, and without the key manager, nothing more is asked.
    fn fetching(&self) -> Fetching<'_> {
        Fetching::new(self.ids(), self.signing_id())
    }

    /// Decides with what was fetched. An id that is not among it counts as not found, of one that is there twice the first
    /// counts.
    ///
    /// # Errors
    /// As [`ImageVerifier::begin`].
    pub fn begin(
        self,
        fetched: impl IntoIterator<Item = (String, Result<StoredCertificate, KeyManagerError>)>,
    ) -> Result<Decision, ImageError> {
        let outcome = self.decide(&fetched.into_iter().collect());
        trace::begun(self.verifier.about(&self.request), &outcome);
        outcome
    }

    fn decide(&self, fetched: &Fetched) -> Result<Decision, ImageError> {
        let Self { verifier, request, step } = self;
        match step {
            Step::NotRequired(why) => Ok(Decision::NotRequired(*why)),
            Step::CannotVerify(why) => Ok(Decision::CannotVerify(*why)),
            Step::Recheck { receipt, chain } => {
                let rechecked = Span::chain(verifier.about(request)).in_scope(|| {
                    let validator = verifier.validator(request, chain, fetched)?;
                    receipt.recheck_with(request, &validator, &verifier.0.options).map_err(ImageError::from)
                })?;
                Ok(Decision::Rechecked(Box::new(rechecked)))
            }
            Step::Verify { properties, chain } => {
                let verification = verifier.verification(request, properties, chain.as_ref(), fetched)?;
                Ok(Decision::Verify(Box::new(verification)))
            }
        }
    }
}

impl ImageVerifier {
    /// The chain comes first: with a key that nobody vouches for nothing is computed.
    fn verification(
        &self,
        request: &ImageRequest,
        properties: &SignatureProperties,
        chain: Option<&TrustChoice>,
        fetched: &Fetched,
    ) -> Result<ImageVerification, ImageError> {
        let id = properties.certificate_id();
        let stored = fetched.certificate(id)?;
        let validated = chain.map(|chosen| {
            Span::chain(self.about(request)).in_scope(|| -> Result<_, ImageError> {
                let validator = self.validator(request, chosen, fetched)?;
                let signer = ChainCertificate::new(stored.certificate.clone(), Some(id));
                Ok(validator.validate_stored(&signer, &stored.intermediates)?)
            })
        });
        let chain = validated.transpose()?;
        let options = self.0.options.clone().report_dates(request.at);
        let verifier = SignatureVerifier::with_options(properties, &stored.certificate, options)?;
        Ok(ImageVerification {
            image_id: request.image_id.clone(),
            properties: properties.clone(),
            policy: self.0.policy.name(),
            at: request.at,
            chain,
            record: RecordDigests::new(request.record.clone(), properties.hash_method()),
            verifier,
        })
    }
}

/// Takes an image's bytes and comes to the verdict. The policy is decided and the chain validated before.
#[derive(Debug)]
#[must_use = "it says nothing until it is asked with verify()"]
pub struct ImageVerification {
    image_id: String,
    properties: SignatureProperties,
    policy: &'static str,
    at: Option<UnixTime>,
    chain: Option<VerifiedChain>,
    record: RecordDigests,
    verifier: SignatureVerifier,
}

impl ImageVerification {
    /// Takes the image's next bytes, in pieces of any size.
    pub fn update(&mut self, data: &[u8]) {
        update(self, data);
    }

    /// How many bytes it has taken.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.verifier.bytes_read()
    }

    /// The digest of the bytes taken so far, by the signature's hash method.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.verifier.digest()
    }

    /// The chain of the signing certificate, validated already; `None` if none was asked for.
    #[must_use]
    pub fn chain(&self) -> Option<&VerifiedChain> {
        self.chain.as_ref()
    }

    /// The verdict on all bytes taken: the signature first, then the record.
    ///
    /// # Errors
    /// [`ImageError::Verification`] or [`ImageError::Record`].
    pub fn verify(self) -> Result<VerifiedImage, ImageError> {
        let Self { image_id, properties, policy, at, chain, record, verifier } = self;
        let about = About { policy, image_id: &image_id, certificate_id: Some(properties.certificate_id()) };
        let verdict = Span::verify(about).in_scope(|| {
            let verdict = verifier.verify().map_err(ImageError::from).and_then(|signature| {
                let record_checks = record.check(signature.bytes_read(), signature.digest())?;
                Ok((signature, record_checks))
            });
            trace::verified(about, &verdict);
            verdict
        });
        let (signature, record_checks) = verdict?;
        Ok(VerifiedImage { image_id, properties, policy, at, signature, chain, record_checks })
    }
}

/// Never fails; `flush` does nothing.
impl io::Write for ImageVerification {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.update(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl sealed::Sealed for ImageVerification {
    fn take_without_digests(&mut self, data: &[u8]) -> [Option<&mut StreamingDigest>; 2] {
        let [signed, _] = self.verifier.take_without_digests(data);
        [signed, self.record.take_without_digest(data)]
    }
}

impl StreamVerifier for ImageVerification {
    type Verdict = VerifiedImage;

    fn take(&mut self, data: &[u8]) {
        self.update(data);
    }

    fn bytes_taken(&self) -> u64 {
        self.bytes_read()
    }

    fn digest_so_far(&self) -> Digest {
        self.digest()
    }

    fn into_verdict(self) -> Result<VerifiedImage, StreamError> {
        self.verify().map_err(|error| match error {
            ImageError::Record(error) => StreamError::Record(error),
            ImageError::Verification(error) => StreamError::Verification(error),
            // Nothing else is left to fail.
            _ => StreamError::Verification(VerificationError::Mismatch),
        })
    }
}

/// An image is verified under a policy: the evidence, which only [`ImageVerification::verify`] can make.
///
/// ```compile_fail,E0451
/// fn forge(image: longhand::VerifiedImage) -> longhand::VerifiedImage {
///     longhand::VerifiedImage { chain: None, ..image }
/// }
/// ```
///
/// ```
/// fn read(image: longhand::VerifiedImage) -> bool {
///     image.chain().is_some()
/// }
/// ```
#[must_use]
#[derive(Clone, Debug)]
pub struct VerifiedImage {
    image_id: String,
    properties: SignatureProperties,
    policy: &'static str,
    at: Option<UnixTime>,
    signature: Verified,
    chain: Option<VerifiedChain>,
    record_checks: Vec<RecordCheck>,
}

impl VerifiedImage {
    /// The image's id, as the request named it. The signature does not cover it.
    #[must_use]
    pub fn image_id(&self) -> &str {
        &self.image_id
    }

    /// What was found of the signature.
    pub fn signature(&self) -> &Verified {
        &self.signature
    }

    /// The chain of the signing certificate; `None` if the policy asked for none, and so nobody vouches for the signer.
    #[must_use]
    pub fn chain(&self) -> Option<&VerifiedChain> {
        self.chain.as_ref()
    }

    /// The name of the policy.
    #[must_use]
    pub fn policy(&self) -> &'static str {
        self.policy
    }

    /// What was held against the image's record.
    #[must_use]
    pub fn record_checks(&self) -> &[RecordCheck] {
        &self.record_checks
    }

    /// Evidence of this verification, to be kept and checked again.
    #[must_use]
    pub fn receipt(&self) -> Receipt {
        Receipt::new(self)
    }

    pub(crate) fn properties(&self) -> &SignatureProperties {
        &self.properties
    }

    pub(crate) fn at(&self) -> Option<UnixTime> {
        self.at
    }
}

impl fmt::Display for VerifiedImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signature = &self.signature;
        write!(f, "{} signature with {}", signature.key_type(), signature.hash_method())?;
        write!(f, " over {} bytes verified", signature.bytes_read())?;
        match &self.chain {
            Some(chain) => write!(f, "; signed by {chain}"),
            None => {
                write!(f, " with the key of {}, whom nobody vouches for", signature.certificate().subject())
            }
        }
    }
}

/// Why an image is not verified.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ImageError {
    /// The policy refuses the image, or the request contradicts itself.
    Policy(PolicyError),
    /// The signing certificate could not be fetched.
    KeyManager(KeyManagerError),
    /// The trusted certificates could not be fetched.
    Trust(TrustError),
    /// The signing certificate is not trusted.
    Chain(ChainError),
    /// The signing certificate's key does not fit, or the signature cannot be one.
    Verifier(VerifierError),
    /// The signature does not hold.
    Verification(VerificationError),
    /// The signature holds, and the image is not what its record says.
    Record(RecordError),
    /// The receipt does not hold.
    Receipt(ReceiptError),
}

impl ImageError {
    /// The stable code of this error.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Policy(error) => error.code(),
            Self::KeyManager(error) => error.code(),
            Self::Trust(error) => error.code(),
            Self::Chain(error) => error.code(),
            Self::Verifier(error) => error.code(),
            Self::Verification(error) => error.code(),
            Self::Record(error) => error.code(),
            Self::Receipt(error) => error.code(),
        }
    }

    /// What a service should do about this error.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        self.code().disposition()
    }

    fn inner(&self) -> &(dyn std::error::Error + 'static) {
        match self {
            Self::Policy(error) => error,
            Self::KeyManager(error) => error,
            Self::Trust(error) => error,
            Self::Chain(error) => error,
            Self::Verifier(error) => error,
            Self::Verification(error) => error,
            Self::Record(error) => error,
            Self::Receipt(error) => error,
        }
    }
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.inner(), f)
    }
}

impl std::error::Error for ImageError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.inner().source()
    }
}

macro_rules! from_errors {
    ($($error:ident => $variant:ident,)+) => {
        $(impl From<$error> for ImageError {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        })+
    };
}

from_errors! {
    PolicyError => Policy,
    KeyManagerError => KeyManager,
    TrustError => Trust,
    ChainError => Chain,
    VerifierError => Verifier,
    VerificationError => Verification,
    RecordError => Record,
    ReceiptError => Receipt,
}
