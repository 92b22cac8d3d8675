//! What rustls-webpki says of a chain that our own rules let pass, with our signature algorithms.
//!
//! It knows less than we do (no DSA, no keyUsage, names octet by octet), so it is asked only about what lies in its
//! scope. Then it must agree: two readings of the same octets have to come to the same answer.

use std::collections::HashSet;
use std::fmt;

use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, anchor_from_trusted_cert};

use super::pool::Node;
use super::rules::RuleViolation;
use super::work::{Exhausted, Work, signature_price};
use crate::certificate::Version;
use crate::signature_algorithm::{WEBPKI_ALGORITHMS, webpki_knows};
use crate::timestamp::Timestamp;

/// Whether rustls-webpki was asked about a chain. If it was, it agreed: else there would be no verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecondOpinion {
    /// It was asked and agreed.
    Agreed,
    /// It was not asked.
    NotAsked(NotAsked),
}

/// Why rustls-webpki was not asked: the chain lies outside of what it can judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotAsked {
    /// The policy does not ask for a second opinion.
    Policy,
    /// The signing certificate is pinned: there is no chain.
    Pinned,
    /// It builds chains with at most six intermediates.
    TooManyIntermediates,
    /// It reads version 3 alone.
    Version,
    /// It takes no authority for an end entity.
    SignerIsAuthority,
    /// It compares names octet by octet, and an issuer is written in another way than its subject.
    NamesNotByteEqual,
    /// It knows name constraints of DNS names and IP addresses alone.
    NameConstraints,
    /// It reads a pathLenConstraint up to 255.
    PathLength,
    /// It knows no policy extensions, nor key identifiers that are critical.
    CriticalExtension,
    /// It refuses issuerUniqueID and subjectUniqueID.
    UniqueIdentifiers,
    /// It matches algorithm identifiers octet by octet: no DSA, no RSA-PSS with an odd salt, no SHA-224.
    Algorithm,
    /// The time of judgement, or a certificate's first valid second, lies before 1970.
    Time,
    /// It counts self-issued intermediates against a pathLenConstraint (RFC 5280 section 6.1.4 (l) does not).
    SelfIssued,
    /// It takes no two certificates of one name and one key below the anchor (RFC 4158 section 5.2).
    SameNameAndKey,
}

impl fmt::Display for NotAsked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Policy => "the policy does not ask for it",
            Self::Pinned => "the certificate is pinned",
            Self::TooManyIntermediates => "the chain has more than six intermediates",
            Self::Version => "a certificate is not of version 3",
            Self::SignerIsAuthority => "the signing certificate is an authority",
            Self::NamesNotByteEqual => "an issuer's name is written in another way than its subject",
            Self::NameConstraints => "there are name constraints of a form that it does not know",
            Self::PathLength => "a pathLenConstraint is past 255",
            Self::CriticalExtension => "there are critical extensions that it does not know",
            Self::UniqueIdentifiers => "a certificate has a unique identifier",
            Self::Algorithm => "a signature or a key is of a kind that it does not know",
            Self::Time => "a time lies before 1970",
            Self::SelfIssued => "an intermediate is self-issued",
            Self::SameNameAndKey => "two certificates below the anchor have one name and one key",
        })
    }
}

/// Every purpose is one: the caller's purposes are judged elsewhere.
struct AnyPurpose;

impl ExtendedKeyUsageValidator for AnyPurpose {
    fn validate(&self, _purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}

/// Asks, if the chain (the signing certificate first) lies in scope.
pub(super) fn ask(
    chain: &[&Node],
    at: Option<Timestamp>,
    work: &mut Work,
) -> Result<Result<SecondOpinion, RuleViolation>, Exhausted> {
    let (time, signer, intermediates, anchor) = match scope(chain, at) {
        Ok(question) => question,
        Err(reason) => return Ok(Ok(SecondOpinion::NotAsked(reason))),
    };
    for node in chain.iter().skip(1) {
        work.charge(node.key.as_ref().map_or(0, signature_price))?;
    }
    let refused = |error: webpki::Error| RuleViolation::SecondOpinion { error: error.to_string() };
    let answer = || {
        let anchor_der = anchor.certificate.certificate().der();
        let anchors = [anchor_from_trusted_cert(&anchor_der)?];
        let signer_der = signer.certificate.certificate().der();
        let intermediates: Vec<CertificateDer<'_>> =
            intermediates.iter().map(|node| node.certificate.certificate().der()).collect();
        let end_entity = EndEntityCert::try_from(&signer_der)?;
        end_entity
            .verify_for_usage(&WEBPKI_ALGORITHMS, &anchors, &intermediates, time, AnyPurpose, None, None)
            .map(|_| ())
    };
    Ok(answer().map(|()| SecondOpinion::Agreed).map_err(refused))
}

/// What to ask: the time, the signing certificate, what stands between, and the anchor.
type Question<'a, 'n> = (UnixTime, &'a Node, &'a [&'n Node], &'a Node);

fn scope<'a, 'n: 'a>(chain: &'a [&'n Node], at: Option<Timestamp>) -> Result<Question<'a, 'n>, NotAsked> {
    /// webpki's own bound.
    const MAX_INTERMEDIATES: usize = 6;
    let seconds = at.and_then(|at| u64::try_from(at.unix_seconds()).ok()).ok_or(NotAsked::Time)?;
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    let ([signer, intermediates @ ..], Some(anchor)) =
        (chain.get(..chain.len().saturating_sub(1)).unwrap_or_default(), chain.last())
    else {
        return Err(NotAsked::Pinned);
    };
    if intermediates.len() > MAX_INTERMEDIATES {
        return Err(NotAsked::TooManyIntermediates);
    }
    for node in chain {
        certificate_scope(node)?;
    }
    if intermediates.iter().any(|node| node.is_self_issued()) {
        return Err(NotAsked::SelfIssued);
    }
    let below = chain.get(..chain.len().saturating_sub(1)).unwrap_or_default();
    let mut names_and_keys = HashSet::new();
    if !below.iter().all(|node| names_and_keys.insert(name_and_key(node))) {
        return Err(NotAsked::SameNameAndKey);
    }
    let constraints = signer.profile.as_ref().ok().and_then(|profile| profile.basic_constraints);
    if constraints.is_some_and(|constraints| constraints.is_authority) {
        return Err(NotAsked::SignerIsAuthority);
    }
    for pair in chain.windows(2) {
        let [child, issuer] = pair else { continue };
        let (child, issuer) = (child.certificate.certificate(), issuer.certificate.certificate());
        if child.issuer() != issuer.subject() {
            return Err(NotAsked::NamesNotByteEqual);
        }
        if !webpki_knows(child.signature_algorithm_der(), issuer.subject_public_key_info()) {
            return Err(NotAsked::Algorithm);
        }
    }
    Ok((time, signer, intermediates, anchor))
}

fn name_and_key(node: &Node) -> (&[u8], &[u8]) {
    let certificate = node.certificate.certificate();
    (certificate.subject().as_der(), certificate.subject_public_key_info())
}

fn certificate_scope(node: &Node) -> Result<(), NotAsked> {
    let certificate = node.certificate.certificate();
    if certificate.version() != Version::V3 {
        return Err(NotAsked::Version);
    }
    if certificate.validity().not_before().unix_seconds() < 0 {
        return Err(NotAsked::Time);
    }
    if certificate.has_unique_identifiers() {
        return Err(NotAsked::UniqueIdentifiers);
    }
    let Ok(profile) = &node.profile else { return Err(NotAsked::CriticalExtension) };
    if profile.has_critical_beyond_webpki {
        return Err(NotAsked::CriticalExtension);
    }
    if profile.name_constraints.as_ref().is_some_and(|constraints| !constraints.are_of_hosts()) {
        return Err(NotAsked::NameConstraints);
    }
    match profile.basic_constraints.and_then(|constraints| constraints.path_length) {
        Some(256..) => Err(NotAsked::PathLength),
        _ => Ok(()),
    }
}
