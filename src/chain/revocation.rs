//! Whether a certificate of the chain is revoked, by the caller's lists (RFC 5280 section 6.3).

use std::collections::HashMap;

use super::pool::Node;
use super::rules::{RuleViolation, Rules};
use super::work::{Exhausted, Work, hashing_price, signature_price};
use crate::digest::Digest;
use crate::name::MatchingForm;
use crate::revocation_list::{RevocationList, Scope, ScopeKind};
use crate::timestamp::Timestamp;

/// Whether revocation was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RevocationStatus {
    /// No: the caller gave no lists, or the policy does not look at them.
    NotChecked,
    /// No certificate below the chain's end is revoked.
    NotRevoked,
    /// None is known to be revoked, but of some no usable list tells.
    PartlyUnknown,
}

/// What the lists say of one certificate.
#[derive(Debug)]
pub(super) enum Finding {
    NotRevoked,
    Revoked {
        since: Timestamp,
    },
    /// No list can be believed that tells; why not.
    Unknown {
        why: &'static str,
    },
}

impl Finding {
    pub(super) fn into_violation(self) -> Option<RuleViolation> {
        match self {
            Self::NotRevoked => None,
            Self::Revoked { since } => Some(RuleViolation::Revoked { since }),
            Self::Unknown { why } => Some(RuleViolation::RevocationUnknown { why }),
        }
    }
}

/// A list, and its issuer's name made ready to be compared.
#[derive(Debug)]
pub(super) struct ListOfIssuer {
    list: RevocationList,
    issuer: MatchingForm,
}

impl ListOfIssuer {
    pub(super) fn new(list: RevocationList, rules: &Rules) -> Self {
        let issuer = list.issuer().matching_form(rules.names);
        Self { list, issuer }
    }
}

/// Of each list, by its place, and each issuer: whether it is the issuer's, and if not why.
pub(super) type JudgedLists = HashMap<(usize, Digest), Result<(), &'static str>>;

/// Looks a certificate up in the lists of its issuer.
pub(super) fn look_up(
    lists: &[ListOfIssuer],
    judged: &mut JudgedLists,
    [certificate, issuer]: [&Node; 2],
    rules: &Rules,
    at: Option<Timestamp>,
    work: &mut Work,
) -> Result<Finding, Exhausted> {
    let mut finding = Finding::Unknown { why: "there is no list of its issuer" };
    for (place, of_issuer) in lists.iter().enumerate().filter(|(_, list)| list.issuer == certificate.issuer) {
        let list = &of_issuer.list;
        let key = (place, issuer.certificate.certificate().fingerprint());
        let known = judged.get(&key).copied();
        let is_by = known.map_or_else(|| is_by(list, issuer, rules, work), Ok)?;
        judged.insert(key, is_by);
        if let Err(why) = is_by {
            finding = or_unknown(finding, why);
            continue;
        }
        if !covers(list.scope(), certificate) {
            finding = or_unknown(finding, "the list is about other certificates of its issuer");
            continue;
        }
        // A list that is past its time still tells who was revoked.
        if let Some(since) = list.revoked_since(certificate.certificate.certificate().serial()) {
            return Ok(Finding::Revoked { since });
        }
        finding = match current(list, at) {
            Ok(()) => Finding::NotRevoked,
            Err(why) => or_unknown(finding, why),
        };
    }
    Ok(finding)
}

fn or_unknown(finding: Finding, why: &'static str) -> Finding {
    if let Finding::NotRevoked = finding { finding } else { Finding::Unknown { why } }
}

/// RFC 5280 section 6.3.3 (b)(2): a list for one distribution point covers the certificates that name it.
fn covers(scope: &Scope, certificate: &Node) -> bool {
    let Ok(profile) = &certificate.profile else { return false };
    let is_authority = profile.basic_constraints.is_some_and(|constraints| constraints.is_authority);
    let of_kind = match scope.kind {
        ScopeKind::All => true,
        ScopeKind::Users => !is_authority,
        ScopeKind::Authorities => is_authority,
    };
    let names_point =
        |names: &Vec<Vec<u8>>| names.iter().any(|name| profile.distribution_points.contains(name));
    of_kind && scope.point.as_ref().is_none_or(names_point)
}

/// Whether the issuer may sign lists and signed this one (RFC 5280 section 6.3.3 (f) and (g)).
fn is_by(
    list: &RevocationList,
    issuer: &Node,
    rules: &Rules,
    work: &mut Work,
) -> Result<Result<(), &'static str>, Exhausted> {
    let (Ok(profile), Ok(outline)) = (&issuer.profile, &issuer.key) else {
        return Ok(Err("its issuer's key or extensions cannot be used"));
    };
    if profile.key_usage.is_some_and(|usage| !usage.signs_revocation_lists()) {
        return Ok(Err("its issuer's keyUsage does not have cRLSign"));
    }
    let Some(algorithm) = list.signature_algorithm().filter(|algorithm| algorithm.fits(outline.kind)) else {
        return Ok(Err("the list's signature algorithm is not supported, or not that of its issuer's key"));
    };
    if algorithm.uses_sha1() && !rules.allows_sha1 {
        return Ok(Err("the list is signed with SHA-1"));
    }
    work.charge(signature_price(outline))?;
    work.charge(hashing_price(list.to_be_signed().len()))?;
    let holds = issuer
        .certificate
        .certificate()
        .public_key()
        .is_ok_and(|key| algorithm.verify(&key, list.to_be_signed(), list.signature()).is_ok());
    Ok(if holds { Ok(()) } else { Err("the list is not signed by its issuer") })
}

/// Whether the list is one of this time; both ends belong to it.
fn current(list: &RevocationList, at: Option<Timestamp>) -> Result<(), &'static str> {
    let next_update = list.next_update().ok_or("the list does not say until when it holds")?;
    match at {
        None => Err("no time of judgement is given"),
        Some(at) if at < list.this_update() => Err("the list is not valid yet"),
        Some(at) if at > next_update => Err("the list has expired"),
        Some(_) => Ok(()),
    }
}
