//! Whether a signing certificate is trusted: a chain from it to a trusted certificate, and the rules that the chain keeps.

use std::fmt;
use std::sync::Arc;

use rustls_pki_types::UnixTime;

use crate::certificate::Certificate;
use crate::code::{Disposition, ErrorCode};
use crate::limits::{MAX_CHAIN_WORK, MAX_LISTED_CANDIDATES};
use crate::revocation_list::RevocationList;
use crate::timestamp::Timestamp;
use crate::trust::{ChainCertificate, SkipReason, SkippedCertificate, TrustStore};

mod certificate_policies;
mod chain_policy;
mod name_constraints;
mod note;
mod pool;
mod profile;
mod revocation;
mod rules;
mod search;
mod second_opinion;
mod whole_chain;
mod work;

pub use chain_policy::{ChainPolicy, UnknownRevocation};
pub use revocation::RevocationStatus;
pub use rules::RuleViolation;
pub use second_opinion::{NotAsked, SecondOpinion};

use pool::{Node, Pool, Role};
use revocation::ListOfIssuer;
use rules::Rules;
use search::{Findings, Outcome, Search};
use whole_chain::WholeChain;

/// Builds a chain from a signing certificate to a trusted set, and judges it.
///
/// The answer depends on the certificates alone: never on the order of ids, never on unrelated members of the set, and
/// authorities that signed each other end in an answer like all others. The work is bounded
/// ([`limits::MAX_CHAIN_WORK`](crate::limits::MAX_CHAIN_WORK)).
///
/// A validator is prepared once and asked often; it is cheap to clone.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use longhand::pki_types::UnixTime;
/// use longhand::{CertificateValidator, ChainPolicy, DirectoryKeyManager, KeyManager, TrustStore, VerifiedChain};
///
/// let key_manager = DirectoryKeyManager::new("test-vectors/walkthrough/nova/certs");
/// let trusted_ids = [
///     "0b5d2c72-12cc-4ba6-a8d7-3ff5cc1d8cb8",
///     "674736e3-f25c-405c-8362-bbf991e0ce0a",
///     "8fbcce5d-d646-4295-ba8a-269fc9451eeb", // the root
/// ];
/// let time = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));
/// let stored = key_manager.certificate("125e6199-2de4-46e3-b091-8e2401ef0d63")?;
/// let chain: VerifiedChain = CertificateValidator::builder()
///     .trusted(TrustStore::from_key_manager(&key_manager, &trusted_ids)?)
///     .policy(ChainPolicy::default())
///     .at(time)
///     .build()
///     .validate(&stored.certificate)?;
/// assert_eq!(chain.certificates().len(), 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct CertificateValidator(Arc<Prepared>);

#[derive(Debug)]
struct Prepared {
    policy: ChainPolicy,
    rules: Rules,
    at: Option<Timestamp>,
    pool: Pool,
    pins: Vec<ChainCertificate>,
    lists: Vec<ListOfIssuer>,
    skipped: Vec<SkippedCertificate>,
    /// Whether a trusted set or a pin was given at all.
    has_trust: bool,
}

/// Sets up a [`CertificateValidator`].
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct CertificateValidatorBuilder {
    policy: ChainPolicy,
    at: Option<Timestamp>,
    trusted: TrustStore,
    intermediates: Vec<ChainCertificate>,
    pins: Vec<ChainCertificate>,
    lists: Vec<RevocationList>,
}

impl CertificateValidatorBuilder {
    /// The trusted set: roots that a chain may end in, and intermediates. Called again it adds to the set.
    pub fn trusted(mut self, store: TrustStore) -> Self {
        self.trusted.extend(store);
        self
    }

    /// Certificates that may help to build a chain and are not trusted for it.
    pub fn intermediates(mut self, certificates: impl IntoIterator<Item = ChainCertificate>) -> Self {
        self.intermediates.extend(certificates);
        self
    }

    /// Signing certificates that are trusted themselves, without a chain. Their dates and extensions count.
    pub fn pin(mut self, certificates: impl IntoIterator<Item = ChainCertificate>) -> Self {
        self.pins.extend(certificates);
        self
    }

    /// Revocation lists. With any, every certificate below the chain's end is looked up, unless the policy is
    /// [`ChainPolicy::cursive`], which looks at no lists.
    pub fn revocation_lists(mut self, lists: impl IntoIterator<Item = RevocationList>) -> Self {
        self.lists.extend(lists);
        self
    }

    /// The rules. Without it, [`ChainPolicy::default`].
    pub fn policy(mut self, policy: ChainPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The time of judgement. Required unless the policy looks at no dates and there are no revocation lists.
    pub fn at(mut self, time: UnixTime) -> Self {
        self.at = Some(Timestamp::from(time));
        self
    }

    /// The validator. All that can be judged of the trusted set alone is judged here, once.
    #[must_use]
    pub fn build(self) -> CertificateValidator {
        let rules = Rules::of(&self.policy);
        let has_trust =
            !self.pins.is_empty() || !self.trusted.is_empty() || !self.trusted.skipped().is_empty();
        let (certificates, mut skipped) = self.trusted.into_parts();
        let mut pool = Pool::default();
        for certificate in certificates {
            let node = Node::new(certificate, Role::Trusted, &rules, self.at);
            if let Err(violation) = &node.as_issuer {
                skipped.push(SkippedCertificate {
                    id: node.certificate.id().map_or_else(|| node.certificate.to_string(), str::to_owned),
                    reason: SkipReason::Rule(violation.clone()),
                });
            }
            pool.insert(node);
        }
        for certificate in self.intermediates {
            pool.insert(Node::new(certificate, Role::Untrusted, &rules, self.at));
        }
        CertificateValidator(Arc::new(Prepared {
            policy: self.policy,
            rules,
            at: self.at,
            pool,
            pins: self.pins,
            lists: self.lists.into_iter().map(|list| ListOfIssuer::new(list, &rules)).collect(),
            skipped,
            has_trust,
        }))
    }
}

impl CertificateValidator {
    /// Sets up a validator.
    pub fn builder() -> CertificateValidatorBuilder {
        CertificateValidatorBuilder::default()
    }

    /// The rules it holds chains to.
    #[must_use]
    pub fn policy(&self) -> &ChainPolicy {
        &self.0.policy
    }

    /// The members of the trusted set that can issue nothing, and why: not read, or dropped by a rule.
    #[must_use]
    pub fn skipped(&self) -> &[SkippedCertificate] {
        &self.0.skipped
    }

    /// Judges a signing certificate.
    ///
    /// # Errors
    /// [`ChainError`] when there is no chain that keeps the rules; it names the certificate and the rule.
    pub fn validate(&self, certificate: &Certificate) -> Result<VerifiedChain, ChainError> {
        self.validate_stored(&ChainCertificate::new(certificate.clone(), None), &[])
    }

    /// Judges a signing certificate with the id that it came by, with others that were stored beside it and are not
    /// trusted for that.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn validate_stored(
        &self,
        signer: &ChainCertificate,
        intermediates: &[Certificate],
    ) -> Result<VerifiedChain, ChainError> {
        let prepared = &*self.0;
        if !prepared.has_trust {
            return Err(ChainError::NoTrustedCertificates);
        }
        let looks_at_lists = !prepared.lists.is_empty() && prepared.rules.extensions;
        if (prepared.rules.dates || looks_at_lists) && prepared.at.is_none() {
            return Err(ChainError::TimeMissing);
        }
        let (extra, signer_index) = prepared.signer_and_helpers(signer, intermediates);
        let mut nodes = prepared.pool.nodes().iter().chain(&extra);
        let Some(node) = nodes.nth(signer_index) else { return Err(ChainError::NoTrustedCertificates) };
        prepared.judge_signer(node).map_err(|violation| ChainError::SigningCertificate {
            certificate: signer.clone(),
            violation: Box::new(violation),
        })?;
        if let Some(pin) = prepared.pins.iter().find(|pin| pin.certificate() == signer.certificate()) {
            return Ok(prepared.pinned(pin, node));
        }
        let whole_chain = WholeChain::new(&prepared.policy, &prepared.rules, prepared.at, &prepared.lists);
        let mut search = Search::new(
            &prepared.rules,
            prepared.policy.partial_chain,
            whole_chain,
            &prepared.pool,
            &extra,
            signer_index,
        );
        let outcome = search.run();
        let (findings, whole_chain) = search.into_findings();
        match outcome {
            Outcome::Found(chain) => Ok(prepared.verified(signer, &findings, &chain, whole_chain)),
            Outcome::NoChain => Err(prepared.untrusted(signer, &findings)),
            Outcome::Exhausted => Err(ChainError::BudgetSpent {
                certificate: signer.clone(),
                limit: MAX_CHAIN_WORK,
                candidates: prepared.candidates(signer, &findings),
            }),
        }
    }
}

impl Prepared {
    /// The nodes of this one question, and the index of the signing certificate over the pool's and those.
    fn signer_and_helpers(
        &self,
        signer: &ChainCertificate,
        intermediates: &[Certificate],
    ) -> (Vec<Node>, usize) {
        let known = |certificate: &Certificate| self.pool.position(certificate);
        let node = |certificate| Node::new(certificate, Role::Untrusted, &self.rules, self.at);
        let mut extra = Vec::new();
        let index = known(signer.certificate()).unwrap_or_else(|| {
            extra.push(node(signer.clone()));
            self.pool.nodes().len()
        });
        for intermediate in intermediates.iter().take(crate::limits::MAX_TRUSTED_CERTIFICATES) {
            if known(intermediate).is_none() && intermediate != signer.certificate() {
                extra.push(node(ChainCertificate::new(intermediate.clone(), None)));
            }
        }
        (extra, index)
    }

    fn judge_signer(&self, node: &Node) -> Result<(), RuleViolation> {
        self.rules.dates(node.certificate.certificate().validity(), self.at)?;
        self.rules.signing_certificate(&node.profile, &node.key, &self.policy.purposes)
    }

    fn pinned(&self, pin: &ChainCertificate, node: &Node) -> VerifiedChain {
        VerifiedChain {
            certificates: vec![pin.clone()],
            end: ChainEnd::Pinned,
            policy: self.policy.clone(),
            at: self.at.filter(|_| self.rules.dates),
            second_opinion: if self.rules.second_opinion {
                SecondOpinion::NotAsked(NotAsked::Pinned)
            } else {
                SecondOpinion::NotAsked(NotAsked::Policy)
            },
            revocation: RevocationStatus::NotChecked,
            notes: notes(node),
            skipped: self.skipped.clone(),
            work: 0,
        }
    }

    fn verified(
        &self,
        signer: &ChainCertificate,
        findings: &Findings<'_>,
        chain: &[usize],
        whole_chain: WholeChain<'_>,
    ) -> VerifiedChain {
        let nodes: Vec<_> = chain.iter().filter_map(|&index| findings.nodes.get(index).copied()).collect();
        let end_is_root = chain.last().is_some_and(|end| findings.roots.contains(end));
        VerifiedChain {
            certificates: nodes.iter().map(|node| named(signer, node)).collect(),
            end: if end_is_root { ChainEnd::Root } else { ChainEnd::TrustedIntermediate },
            policy: self.policy.clone(),
            at: self.at.filter(|_| self.rules.dates),
            second_opinion: whole_chain.second_opinion(),
            revocation: whole_chain.revocation(),
            notes: nodes.first().map(|signer| notes(signer)).unwrap_or_default(),
            skipped: self.skipped.clone(),
            work: findings.spent,
        }
    }

    fn untrusted(&self, signer: &ChainCertificate, findings: &Findings<'_>) -> ChainError {
        let mut candidates = self.candidates(signer, findings);
        if candidates.listed.is_empty() {
            return ChainError::NoTrustedCertificates;
        }
        let first = candidates.listed.remove(0);
        ChainError::Untrusted { signer: signer.clone(), broken: Box::new(first), candidates }
    }

    fn candidates(&self, signer: &ChainCertificate, findings: &Findings<'_>) -> Candidates {
        let certificate = |index: usize| findings.nodes.get(index).map(|node| named(signer, node));
        let listed = findings.notes.iter().take(MAX_LISTED_CANDIDATES).filter_map(|note| {
            Some(DroppedCandidate {
                certificate: certificate(note.certificate)?,
                issued: certificate(note.child).filter(|_| note.child != note.certificate),
                way: findings.way_to(note.child).into_iter().filter_map(certificate).collect(),
                violation: note.violation.clone(),
            })
        });
        Candidates {
            listed: listed.collect(),
            more: findings.notes.len().saturating_sub(MAX_LISTED_CANDIDATES).saturating_add(findings.unnoted),
            skipped: self.skipped.iter().take(MAX_LISTED_CANDIDATES).cloned().collect(),
            work: findings.spent,
        }
    }
}

/// The node's certificate. The signing certificate may be in the trusted set under another name than it came by here.
fn named(signer: &ChainCertificate, node: &Node) -> ChainCertificate {
    let is_signer = node.certificate.certificate() == signer.certificate();
    if is_signer && signer.id().is_some() { signer.clone() } else { node.certificate.clone() }
}

/// What is odd about a signing certificate and lets it pass.
fn notes(signer: &Node) -> Vec<ChainNote> {
    let Ok(profile) = &signer.profile else { return Vec::new() };
    let signs_certificates = profile.key_usage.is_some_and(profile::KeyUsage::signs_certificates);
    let is_authority = profile.basic_constraints.is_some_and(|constraints| constraints.is_authority);
    match (signs_certificates, is_authority) {
        (true, false) => vec![ChainNote::KeyCertSignWithoutAuthority],
        (_, true) => vec![ChainNote::SignerIsAuthority],
        (false, false) => Vec::new(),
    }
}

/// A signing certificate is trusted: the evidence, which only [`CertificateValidator::validate`] can make.
///
/// It says that a chain of signatures leads from the certificate to the trusted set and keeps the policy's rules at the
/// time given. It says nothing of any image.
///
/// ```compile_fail,E0451
/// fn forge(chain: longhand::VerifiedChain) -> longhand::VerifiedChain {
///     longhand::VerifiedChain { certificates: Vec::new(), ..chain }
/// }
/// ```
///
/// ```
/// fn read(chain: longhand::VerifiedChain) -> usize {
///     chain.certificates().len()
/// }
/// ```
#[must_use]
#[derive(Clone, Debug)]
pub struct VerifiedChain {
    certificates: Vec<ChainCertificate>,
    end: ChainEnd,
    policy: ChainPolicy,
    at: Option<Timestamp>,
    second_opinion: SecondOpinion,
    revocation: RevocationStatus,
    notes: Vec<ChainNote>,
    skipped: Vec<SkippedCertificate>,
    work: u32,
}

/// What a chain ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChainEnd {
    /// A trusted self-signed certificate.
    Root,
    /// A trusted certificate that is not self-signed: only with [`ChainPolicy::partial_chain`].
    TrustedIntermediate,
    /// The signing certificate itself, which was pinned.
    Pinned,
}

/// Something odd about a signing certificate that does not refuse it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChainNote {
    /// Its keyUsage has keyCertSign, and it is no authority (RFC 5280 section 4.2.1.9). The certificates of Nova's guide
    /// are so.
    KeyCertSignWithoutAuthority,
    /// It is an authority itself: whoever signs images with its key can also make further signers.
    SignerIsAuthority,
}

impl fmt::Display for ChainNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KeyCertSignWithoutAuthority => {
                "the signing certificate's keyUsage has keyCertSign, although it is no authority"
            }
            Self::SignerIsAuthority => "the signing certificate is an authority itself",
        })
    }
}

impl VerifiedChain {
    /// The chain: the signing certificate first, its end last.
    #[must_use]
    pub fn certificates(&self) -> &[ChainCertificate] {
        &self.certificates
    }

    /// What it ends in.
    #[must_use]
    pub fn end(&self) -> ChainEnd {
        self.end
    }

    /// The rules that it keeps.
    #[must_use]
    pub fn policy(&self) -> &ChainPolicy {
        &self.policy
    }

    /// The time of judgement; `None` if dates were not looked at.
    #[must_use]
    pub fn at(&self) -> Option<Timestamp> {
        self.at
    }

    /// Whether rustls-webpki was asked as well.
    #[must_use]
    pub fn second_opinion(&self) -> SecondOpinion {
        self.second_opinion
    }

    /// Whether revocation was looked at.
    #[must_use]
    pub fn revocation(&self) -> RevocationStatus {
        self.revocation
    }

    /// What is odd about the signing certificate.
    #[must_use]
    pub fn notes(&self) -> &[ChainNote] {
        &self.notes
    }

    /// The members of the trusted set that can issue nothing, and why.
    #[must_use]
    pub fn skipped(&self) -> &[SkippedCertificate] {
        &self.skipped
    }

    /// What the search cost, in checks of an RSA-2048 signature.
    #[must_use]
    pub fn work(&self) -> u32 {
        self.work
    }
}

impl fmt::Display for VerifiedChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, certificate) in self.certificates.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { ", issued by " })?;
            write!(f, "{certificate}")?;
        }
        f.write_str(match self.end {
            ChainEnd::Root => ", a trusted root",
            ChainEnd::TrustedIntermediate => ", a trusted intermediate",
            ChainEnd::Pinned => ", pinned",
        })
    }
}

/// A certificate that the search came by, and why it is not part of a chain.
#[derive(Clone)]
#[non_exhaustive]
pub struct DroppedCandidate {
    /// The certificate that breaks the rule.
    pub certificate: ChainCertificate,
    /// The certificate whose issuer it might have been; `None` if the rule is about the certificate itself.
    pub issued: Option<ChainCertificate>,
    /// How the search came by it: the signing certificate first, each issued by the next, and last the one whose issuer
    /// was looked for. For a rule about the certificate itself that is the certificate.
    pub way: Vec<ChainCertificate>,
    /// The rule.
    pub violation: RuleViolation,
}

/// Without the way in full: an error lists many candidates, each with its own.
impl fmt::Debug for DroppedCandidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DroppedCandidate")
            .field("certificate", &self.certificate)
            .field("issued", &self.issued)
            .field("height", &self.way.len())
            .field("violation", &self.violation)
            .finish()
    }
}

impl fmt::Display for DroppedCandidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.issued {
            Some(issued) => write!(f, "{} as the issuer of {issued}: {}", self.certificate, self.violation),
            None => write!(f, "{}: {}", self.certificate, self.violation),
        }
    }
}

/// What a search tried and dropped, the most telling first, up to a bound.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Candidates {
    /// At most [`limits::MAX_LISTED_CANDIDATES`](crate::limits::MAX_LISTED_CANDIDATES).
    pub listed: Vec<DroppedCandidate>,
    /// How many more there were.
    pub more: usize,
    /// Members of the trusted set that can issue nothing, with the same bound.
    pub skipped: Vec<SkippedCertificate>,
    /// What the search cost, in checks of an RSA-2048 signature; never more than
    /// [`limits::MAX_CHAIN_WORK`](crate::limits::MAX_CHAIN_WORK).
    pub work: u32,
}

/// Why a signing certificate is not trusted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ChainError {
    /// There is neither a trusted certificate nor a pinned one. Asking for trust and getting none is an error.
    NoTrustedCertificates,
    /// The dates, or revocation lists, are to be looked at, and the validator was given no time.
    TimeMissing,
    /// The signing certificate breaks a rule itself.
    SigningCertificate {
        /// The certificate.
        certificate: ChainCertificate,
        /// The rule.
        violation: Box<RuleViolation>,
    },
    /// No chain leads from the signing certificate to the trusted set and keeps the rules.
    Untrusted {
        /// The signing certificate.
        signer: ChainCertificate,
        /// Where the most promising chain broke.
        broken: Box<DroppedCandidate>,
        /// What else was tried.
        candidates: Candidates,
    },
    /// The search was broken off: the certificates at hand are made to cost, or far too many are alike.
    BudgetSpent {
        /// The signing certificate.
        certificate: ChainCertificate,
        /// The budget, in checks of an RSA-2048 signature.
        limit: u32,
        /// What was tried.
        candidates: Candidates,
    },
}

impl ChainError {
    /// The stable code of this error.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::NoTrustedCertificates => ErrorCode::TrustStoreEmpty,
            Self::TimeMissing => ErrorCode::ChainTimeMissing,
            Self::SigningCertificate { violation, .. } => violation.code(),
            Self::Untrusted { broken, .. } => broken.violation.code(),
            Self::BudgetSpent { .. } => ErrorCode::ChainBudgetSpent,
        }
    }

    /// What a service should do about this error.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        self.code().disposition()
    }

    /// The rule that is broken, if it is one.
    #[must_use]
    pub fn violation(&self) -> Option<&RuleViolation> {
        match self {
            Self::SigningCertificate { violation, .. } => Some(violation),
            Self::Untrusted { broken, .. } => Some(&broken.violation),
            _ => None,
        }
    }

    /// What else was tried.
    #[must_use]
    pub fn candidates(&self) -> Option<&Candidates> {
        match self {
            Self::Untrusted { candidates, .. } | Self::BudgetSpent { candidates, .. } => Some(candidates),
            _ => None,
        }
    }
}

/// How every message about a chain that could not be built begins; tests of other projects look for these words.
const CHAIN_FAILED: &str = "Certificate chain building failed";

impl fmt::Display for ChainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{CHAIN_FAILED}: ")?;
        match self {
            Self::NoTrustedCertificates => f.write_str("there are no trusted certificates"),
            Self::TimeMissing => {
                f.write_str("dates or revocation lists are to be looked at, and no time is given with at()")
            }
            Self::SigningCertificate { certificate, violation } => {
                write!(f, "the signing certificate {certificate}: {violation} [{}]", violation.clause())
            }
            Self::Untrusted { signer, broken, .. } => {
                match &broken.issued {
                    Some(issued) if issued == signer => write!(f, "the signing certificate {signer}: ")?,
                    _ if broken.certificate == *signer => f.write_str("the signing certificate ")?,
                    _ => write!(f, "the signing certificate {signer}: ")?,
                }
                write!(f, "{broken} [{}]", broken.violation.clause())
            }
            Self::BudgetSpent { certificate, limit, .. } => {
                write!(f, "the search for the chain of {certificate} cost more than {limit} units")
            }
        }
    }
}

impl std::error::Error for ChainError {}
