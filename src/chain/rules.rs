//! What makes a certificate an issuer, a signing certificate, a chain: the one table of policies, and the one list of
//! ways to break a rule.

use std::fmt;

use super::chain_policy::{ChainPolicy, Preset};
use super::name_constraints::{Violated, Violation};
use super::profile::Profile;
use crate::certificate::{Certificate, CertificateError, DateStatus, Validity, Version};
use crate::code::{Disposition, ErrorCode};
use crate::excerpt::Excerpt;
use crate::limits::{MAX_CHAIN_LENGTH, MIN_AUTHORITY_DSA_BITS, MIN_AUTHORITY_RSA_BITS};
use crate::name::NameRules;
use crate::public_key::{KeyKind, KeyOutline, PublicKeyError};
use crate::signature_algorithm::SignatureAlgorithmError;
use crate::timestamp::Timestamp;

/// The rules that a policy comes to: the table of docs/DESIGN.md, column by column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// RFC 5280 section 6.1.3 (a)(2).
    pub(super) dates: bool,
    pub(super) issuer: IssuerRule,
    pub(super) path_length: PathLengthRule,
    /// How names are compared (RFC 5280 section 7.1).
    pub(super) names: NameRules,
    /// SHA-1 in the signature of a certificate below the root.
    pub(super) allows_sha1: bool,
    /// SP 800-131A floors for the keys of authorities.
    pub(super) strong_authorities: bool,
    /// Extensions of the signing certificate, unknown critical ones, name constraints, certificate policies: RFC 5280
    /// section 6.1.3 and 6.1.4. Cursive looks at none of them.
    pub(super) extensions: bool,
    /// Whether a trusted self-signed signing certificate is a chain of one. RFC 5280 section 6.1 has the trust anchor
    /// outside the path, so there it is not.
    pub(super) root_may_sign: bool,
    /// Whether rustls-webpki is asked for a second opinion.
    pub(super) second_opinion: bool,
}

/// What an issuer's extensions must say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IssuerRule {
    /// `enforce_signing_extensions` is off.
    Any,
    /// CA:TRUE, and a keyUsage with keyCertSign, as Cursive wants.
    AuthorityAndKeyUsage,
    /// CA:TRUE, and keyCertSign if there is a keyUsage (RFC 5280 section 6.1.4 (k) and (n)).
    Rfc5280,
}

/// How the certificates below an issuer count against its pathLenConstraint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PathLengthRule {
    /// `enforce_path_length` is off.
    Off,
    /// Cursive counts self-issued certificates, and refuses an issuer without basicConstraints here.
    EveryCertificate,
    /// RFC 5280 section 6.1.4 (l): self-issued certificates do not count.
    NotSelfIssued,
}

impl Rules {
    pub(super) fn of(policy: &ChainPolicy) -> Self {
        let cursive = policy.preset == Preset::Cursive;
        let rfc5280 = policy.preset == Preset::Rfc5280;
        Self {
            dates: rfc5280 || policy.enforce_valid_dates,
            issuer: match policy.enforce_signing_extensions {
                _ if rfc5280 => IssuerRule::Rfc5280,
                true => IssuerRule::AuthorityAndKeyUsage,
                false => IssuerRule::Any,
            },
            path_length: match policy.enforce_path_length {
                _ if rfc5280 => PathLengthRule::NotSelfIssued,
                true if cursive => PathLengthRule::EveryCertificate,
                true => PathLengthRule::NotSelfIssued,
                false => PathLengthRule::Off,
            },
            names: if cursive { NameRules::AnyStringType } else { NameRules::Rfc5280 },
            allows_sha1: cursive,
            strong_authorities: !cursive,
            extensions: !cursive,
            root_may_sign: !rfc5280,
            second_opinion: rfc5280,
        }
    }

    pub(super) fn dates(&self, validity: Validity, at: Option<Timestamp>) -> Result<(), RuleViolation> {
        let Some(at) = at.filter(|_| self.dates) else { return Ok(()) };
        match validity.status(at) {
            DateStatus::NotYetValid => Err(RuleViolation::NotYetValid { validity, at }),
            DateStatus::Expired => Err(RuleViolation::Expired { validity, at }),
            _ => Ok(()),
        }
    }

    /// What an issuer must be whatever stands below it: known before any signature is checked.
    pub(super) fn issuer(
        &self,
        certificate: &Certificate,
        profile: &Profile,
        key: &KeyOutline,
        at: Option<Timestamp>,
    ) -> Result<(), RuleViolation> {
        self.dates(certificate.validity(), at)?;
        self.critical_extensions(profile)?;
        self.authority(certificate, profile)?;
        if self.strong_authorities { strong(key) } else { Ok(()) }
    }

    fn authority(&self, certificate: &Certificate, profile: &Profile) -> Result<(), RuleViolation> {
        if self.issuer == IssuerRule::Any {
            return Ok(());
        }
        match profile.basic_constraints {
            None => return Err(RuleViolation::NoBasicConstraints { version: certificate.version() }),
            Some(constraints) if !constraints.is_authority => return Err(RuleViolation::NotAnAuthority),
            Some(_) => {}
        }
        match profile.key_usage {
            Some(usage) if !usage.signs_certificates() => Err(RuleViolation::NoKeyCertSign),
            None if self.issuer == IssuerRule::AuthorityAndKeyUsage => Err(RuleViolation::NoKeyUsage),
            _ => Ok(()),
        }
    }

    /// RFC 5280 section 6.1.4 (o) and 6.1.5 (f): what is critical and not known refuses.
    fn critical_extensions(&self, profile: &Profile) -> Result<(), RuleViolation> {
        match &profile.unknown_critical {
            Some(oid) if self.extensions => Err(RuleViolation::UnknownCriticalExtension { oid: oid.clone() }),
            _ => Ok(()),
        }
    }

    /// What the signing certificate must be whatever stands above it.
    pub(super) fn signing_certificate(
        &self,
        profile: &Result<Profile, RuleViolation>,
        key: &Result<KeyOutline, RuleViolation>,
        purposes: &[String],
    ) -> Result<(), RuleViolation> {
        own_key(key)?;
        if !self.extensions {
            return Ok(());
        }
        let profile = profile.as_ref().map_err(RuleViolation::clone)?;
        self.critical_extensions(profile)?;
        if profile.key_usage.is_some_and(|usage| !usage.signs_data()) {
            return Err(RuleViolation::NoDigitalSignature);
        }
        purpose(profile, purposes)
    }

    /// RFC 5280 section 6.1.4 (l) and (m), from the issuer's side: `below` are the certificates between it and the
    /// signing certificate, `self_issued` says of each whether it names itself as its issuer.
    pub(super) fn path_length(
        &self,
        profile: &Profile,
        below: impl Iterator<Item = bool>,
    ) -> Result<(), RuleViolation> {
        let counts = |self_issued: &bool| match self.path_length {
            PathLengthRule::Off => false,
            PathLengthRule::EveryCertificate => true,
            PathLengthRule::NotSelfIssued => !self_issued,
        };
        let found = u32::try_from(below.filter(counts).count()).unwrap_or(u32::MAX);
        match (self.path_length, profile.basic_constraints) {
            (PathLengthRule::Off, _) => Ok(()),
            (PathLengthRule::EveryCertificate, None) => {
                Err(RuleViolation::NoBasicConstraints { version: Version::V3 })
            }
            (_, constraints) => match constraints.and_then(|constraints| constraints.path_length) {
                Some(allowed) if found > allowed => Err(RuleViolation::PathLength { allowed, found }),
                _ => Ok(()),
            },
        }
    }
}

/// SP 800-131A revision 2: what an authority's signature may still be trusted to. Named curves are all strong enough.
fn strong(key: &KeyOutline) -> Result<(), RuleViolation> {
    let (p_bits, q_bits) = MIN_AUTHORITY_DSA_BITS;
    let weak = match key.kind {
        KeyKind::Rsa => key.bits < MIN_AUTHORITY_RSA_BITS,
        KeyKind::Dsa => key.bits < p_bits || key.exponent < q_bits,
        _ => false,
    };
    if weak { Err(RuleViolation::KeyTooWeak { kind: key.kind, bits: key.bits }) } else { Ok(()) }
}

/// The signing certificate's own key: in its bounds, if it is of a kind that we know. A registered key type may verify
/// with one that we do not.
fn own_key(key: &Result<KeyOutline, RuleViolation>) -> Result<(), RuleViolation> {
    use PublicKeyError::{UnsupportedAlgorithm, UnsupportedCurve};
    match key {
        Err(RuleViolation::Key { error: UnsupportedAlgorithm { .. } | UnsupportedCurve { .. } }) | Ok(_) => {
            Ok(())
        }
        Err(violation) => Err(violation.clone()),
    }
}

/// RFC 5280 section 4.2.1.12: of the purposes that the caller names the certificate allows each, or any.
fn purpose(profile: &Profile, purposes: &[String]) -> Result<(), RuleViolation> {
    const ANY: &str = "2.5.29.37.0";
    let Some(allowed) = &profile.extended_key_usage else { return Ok(()) };
    let missing = purposes
        .iter()
        .find(|purpose| !allowed.contains(purpose) && !allowed.iter().any(|known| known == ANY));
    match missing {
        Some(purpose) => Err(RuleViolation::Purpose { purpose: purpose.clone() }),
        None => Ok(()),
    }
}

/// A rule that a certificate, or a chain at this certificate, breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuleViolation {
    /// The time lies before the certificate's validity.
    NotYetValid {
        /// The certificate's validity.
        validity: Validity,
        /// The time of judgement.
        at: Timestamp,
    },
    /// The time lies after the certificate's validity.
    Expired {
        /// The certificate's validity.
        validity: Validity,
        /// The time of judgement.
        at: Timestamp,
    },
    /// An extension is malformed or repeated.
    Extension {
        /// What is wrong.
        error: CertificateError,
    },
    /// A critical extension that no rule knows.
    UnknownCriticalExtension {
        /// Its object identifier, in dotted decimals.
        oid: String,
    },
    /// An issuer has no basicConstraints. Certificates of version 1 have none.
    NoBasicConstraints {
        /// The certificate's version.
        version: Version,
    },
    /// An issuer's basicConstraints say CA:FALSE.
    NotAnAuthority,
    /// An issuer has no keyUsage.
    NoKeyUsage,
    /// An issuer's keyUsage has no keyCertSign.
    NoKeyCertSign,
    /// The signing certificate's keyUsage has neither digitalSignature nor nonRepudiation.
    NoDigitalSignature,
    /// The signing certificate does not allow a purpose that the caller names.
    Purpose {
        /// The purpose's object identifier, in dotted decimals.
        purpose: String,
    },
    /// More certificates stand below an issuer than its pathLenConstraint allows.
    PathLength {
        /// How many it allows.
        allowed: u32,
        /// How many there are.
        found: u32,
    },
    /// The issuer's key did not make the certificate's signature.
    SignatureInvalid,
    /// The certificate is signed with an algorithm that is not supported.
    SignatureAlgorithmUnsupported {
        /// The algorithm's object identifier, in dotted decimals; empty if the identifier is malformed.
        oid: String,
    },
    /// The certificate is signed with SHA-1.
    SignatureAlgorithmWeak,
    /// The issuer's key is of another kind than the certificate's signature.
    KeyDoesNotFit {
        /// The kind of the issuer's key.
        found: KeyKind,
    },
    /// The certificate's public key cannot be used.
    Key {
        /// What is wrong.
        error: PublicKeyError,
    },
    /// An authority's key is too short.
    KeyTooWeak {
        /// The kind of key.
        kind: KeyKind,
        /// Its size in bits.
        bits: u32,
    },
    /// A name of a certificate lies outside what an issuer above it allows.
    NameConstraints {
        /// The form of the name, in the words of RFC 5280 section 4.2.1.6.
        form: &'static str,
        /// The name.
        name: Excerpt,
        /// In which way.
        why: &'static str,
    },
    /// The chain has no certificate policy left, and a certificate demands one.
    CertificatePolicies,
    /// The certificate's issuer is not among the certificates at hand, or none of the right name is usable.
    IssuerMissing {
        /// The issuer's name.
        issuer: String,
    },
    /// A self-signed certificate that is not in the trusted set.
    NotTrusted,
    /// It was tried already, below another certificate: authorities that sign each other lead to no root.
    Cycle,
    /// A trust anchor is not part of a path, and so signs no image itself.
    AnchorAsSigner,
    /// The chain is longer than the bound.
    TooLong,
    /// The certificate is on its issuer's revocation list.
    Revoked {
        /// Since when.
        since: Timestamp,
    },
    /// No usable revocation list says whether the certificate is revoked.
    RevocationUnknown {
        /// Why not.
        why: &'static str,
    },
    /// rustls-webpki, asked for a second opinion, refuses the chain.
    SecondOpinion {
        /// What it said.
        error: String,
    },
}

impl RuleViolation {
    pub(super) fn extension(error: CertificateError) -> Self {
        Self::Extension { error }
    }

    /// The stable code of this violation.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::NotYetValid { .. } => ErrorCode::ChainNotYetValid,
            Self::Expired { .. } => ErrorCode::ChainExpired,
            Self::Extension { .. } => ErrorCode::ChainExtensionMalformed,
            Self::UnknownCriticalExtension { .. } => ErrorCode::ChainCriticalExtension,
            Self::NoBasicConstraints { .. } | Self::NotAnAuthority => ErrorCode::ChainNotAnAuthority,
            Self::NoKeyUsage | Self::NoKeyCertSign => ErrorCode::ChainNoKeyCertSign,
            Self::NoDigitalSignature => ErrorCode::ChainNoDigitalSignature,
            Self::Purpose { .. } => ErrorCode::ChainPurpose,
            Self::PathLength { .. } | Self::TooLong => ErrorCode::ChainPathLength,
            Self::SignatureInvalid | Self::KeyDoesNotFit { .. } => ErrorCode::ChainSignatureInvalid,
            Self::SignatureAlgorithmUnsupported { .. } => ErrorCode::ChainSignatureUnsupported,
            Self::SignatureAlgorithmWeak => ErrorCode::ChainSignatureWeak,
            Self::Key { .. } => ErrorCode::ChainKeyUnusable,
            Self::KeyTooWeak { .. } => ErrorCode::ChainKeyWeak,
            Self::NameConstraints { .. } => ErrorCode::ChainNameConstraints,
            Self::CertificatePolicies => ErrorCode::ChainCertificatePolicies,
            Self::IssuerMissing { .. } => ErrorCode::ChainIssuerMissing,
            Self::NotTrusted | Self::Cycle => ErrorCode::ChainRootNotTrusted,
            Self::AnchorAsSigner => ErrorCode::ChainAnchorAsSigner,
            Self::Revoked { .. } => ErrorCode::ChainRevoked,
            Self::RevocationUnknown { .. } => ErrorCode::ChainRevocationUnknown,
            Self::SecondOpinion { .. } => ErrorCode::ChainSecondOpinion,
        }
    }

    /// What a service should do about this violation.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        self.code().disposition()
    }

    /// Where the rule stands.
    #[must_use]
    pub const fn clause(&self) -> &'static str {
        match self {
            Self::NotYetValid { .. } | Self::Expired { .. } => "RFC 5280 section 6.1.3 (a)(2)",
            Self::Extension { .. } => "RFC 5280 section 4.2",
            Self::UnknownCriticalExtension { .. } => "RFC 5280 section 6.1.4 (o)",
            Self::NoBasicConstraints { .. } | Self::NotAnAuthority => "RFC 5280 section 6.1.4 (k)",
            Self::NoKeyUsage => "Cursive, can_sign_certificates",
            Self::NoKeyCertSign => "RFC 5280 section 6.1.4 (n)",
            Self::NoDigitalSignature => "RFC 5280 section 4.2.1.3",
            Self::Purpose { .. } => "RFC 5280 section 4.2.1.12",
            Self::PathLength { .. } => "RFC 5280 section 6.1.4 (l), (m)",
            Self::SignatureInvalid | Self::KeyDoesNotFit { .. } => "RFC 5280 section 6.1.3 (a)(1)",
            Self::SignatureAlgorithmUnsupported { .. } => "RFC 5280 section 4.1.1.2",
            Self::SignatureAlgorithmWeak | Self::KeyTooWeak { .. } => "SP 800-131A section 3",
            Self::Key { .. } => "RFC 5280 section 4.1.2.7",
            Self::NameConstraints { .. } => "RFC 5280 section 6.1.3 (b), (c)",
            Self::CertificatePolicies => "RFC 9618 section 5",
            Self::IssuerMissing { .. } => "RFC 5280 section 6.1.3 (a)(4)",
            Self::NotTrusted | Self::Cycle => "RFC 5280 section 6.1.1 (d)",
            Self::AnchorAsSigner => "RFC 5280 section 6.1",
            Self::TooLong => "longhand::limits::MAX_CHAIN_LENGTH",
            Self::Revoked { .. } => "RFC 5280 section 6.1.3 (a)(3)",
            Self::RevocationUnknown { .. } => "RFC 5280 section 6.3",
            Self::SecondOpinion { .. } => "rustls-webpki",
        }
    }

    /// How much it tells, of several: a decoy of the right name with another key tells least.
    pub(super) const fn rank(&self) -> u8 {
        match self {
            Self::SignatureInvalid | Self::KeyDoesNotFit { .. } => 1,
            Self::IssuerMissing { .. } | Self::Cycle => 0,
            Self::Key { .. } | Self::SignatureAlgorithmUnsupported { .. } => 2,
            _ => 3,
        }
    }
}

impl From<SignatureAlgorithmError> for RuleViolation {
    fn from(error: SignatureAlgorithmError) -> Self {
        let oid = match error {
            SignatureAlgorithmError::Unsupported { oid } => oid,
            SignatureAlgorithmError::Malformed(_) => String::new(),
        };
        Self::SignatureAlgorithmUnsupported { oid }
    }
}

impl From<Violated> for RuleViolation {
    fn from(violated: Violated) -> Self {
        let why = match violated.violation {
            Violation::NotPermitted => "lies in no permitted subtree",
            Violation::Excluded => "lies in an excluded subtree",
            Violation::NotComparable => "cannot be compared with the subtrees",
            Violation::TooManyComparisons => "would take more comparisons than the bound",
        };
        Self::NameConstraints { form: violated.form.as_str(), name: violated.name, why }
    }
}

impl fmt::Display for RuleViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotYetValid { validity, at } => {
                write!(f, "it is not valid before {}, and the time is {at}", validity.not_before())
            }
            Self::Expired { validity, at } => {
                write!(f, "it expired at {}, and the time is {at}", validity.not_after())
            }
            Self::Extension { error } => write!(f, "{error}"),
            Self::UnknownCriticalExtension { oid } => {
                write!(f, "its critical extension {oid} is not known")
            }
            Self::NoBasicConstraints { version: Version::V1 } => {
                f.write_str("it is a certificate of version 1, without basicConstraints, and so no authority")
            }
            Self::NoBasicConstraints { .. } => {
                f.write_str("it has no basicConstraints, and so is no authority")
            }
            Self::NotAnAuthority => f.write_str("its basicConstraints say that it is no authority"),
            Self::NoKeyUsage => {
                f.write_str("it has no keyUsage, so nothing says that it may sign certificates")
            }
            Self::NoKeyCertSign => f.write_str("its keyUsage does not have keyCertSign"),
            Self::NoDigitalSignature => {
                f.write_str("its keyUsage has neither digitalSignature nor nonRepudiation")
            }
            Self::Purpose { purpose } => write!(f, "its extKeyUsage does not have {purpose}"),
            Self::PathLength { allowed, found } => write!(
                f,
                "its pathLenConstraint allows {allowed} authorities below it, and the chain has {found}"
            ),
            Self::SignatureInvalid => f.write_str("its key did not make the certificate's signature"),
            Self::SignatureAlgorithmUnsupported { oid } if oid.is_empty() => {
                f.write_str("its signature algorithm is malformed")
            }
            Self::SignatureAlgorithmUnsupported { oid } => {
                write!(f, "its signature algorithm {oid} is not supported")
            }
            Self::SignatureAlgorithmWeak => f.write_str("it is signed with SHA-1"),
            Self::KeyDoesNotFit { found } => {
                write!(f, "its key is {found}, and the certificate's signature is of another kind")
            }
            Self::Key { error } => write!(f, "{error}"),
            Self::KeyTooWeak { kind, bits } => {
                write!(f, "its {kind} key of {bits} bits is too short for an authority")
            }
            Self::NameConstraints { form, name, why } => {
                write!(f, "a {form} below it breaks its name constraints: {name} {why}")
            }
            Self::CertificatePolicies => {
                f.write_str("a certificate policy is demanded, and the chain leaves none")
            }
            Self::IssuerMissing { issuer } => {
                write!(f, "the certificate of its issuer, {issuer}, is not at hand")
            }
            Self::NotTrusted => f.write_str("it is self-signed and not among the trusted certificates"),
            Self::Cycle => {
                f.write_str("it was tried already, and the authorities sign each other up to no root")
            }
            Self::AnchorAsSigner => {
                f.write_str("it is a trust anchor itself, which is no part of a chain; it can be pinned")
            }
            Self::TooLong => write!(f, "the chain is longer than {MAX_CHAIN_LENGTH} certificates"),
            Self::Revoked { since } => write!(f, "it is revoked since {since}"),
            Self::RevocationUnknown { why } => write!(f, "whether it is revoked is not known: {why}"),
            Self::SecondOpinion { error } => write!(f, "rustls-webpki refuses the chain: {error}"),
        }
    }
}
