//! The certificates that a chain may be built from, found by their subject.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::OnceLock;

use super::ChainCertificate;
use super::name_constraints::PresentedNames;
use super::profile::Profile;
use super::rules::{RuleViolation, Rules};
use crate::certificate::Certificate;
use crate::general_name::GeneralName;
use crate::name::MatchingForm;
use crate::public_key::KeyOutline;
use crate::timestamp::Timestamp;

/// What a certificate may be in a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Of the trusted set: an intermediate, or the end.
    Trusted,
    /// An intermediate that nobody vouches for, or the signing certificate.
    Untrusted,
}

/// A certificate and all that can be judged of it alone, once.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) certificate: ChainCertificate,
    pub(super) role: Role,
    pub(super) profile: Result<Profile, RuleViolation>,
    pub(super) key: Result<KeyOutline, RuleViolation>,
    pub(super) subject: MatchingForm,
    pub(super) issuer: MatchingForm,
    presented_names: OnceLock<PresentedNames>,
    /// Why it can issue nothing, if it cannot.
    pub(super) as_issuer: Result<(), RuleViolation>,
}

impl Node {
    pub(super) fn new(
        certificate: ChainCertificate,
        role: Role,
        rules: &Rules,
        at: Option<Timestamp>,
    ) -> Self {
        let x509 = certificate.certificate();
        let profile = Profile::read(x509, rules.extensions);
        let key = x509.key_outline().map_err(|error| RuleViolation::Key { error });
        let as_issuer = match (&profile, &key) {
            (Err(violation), _) | (_, Err(violation)) => Err(violation.clone()),
            (Ok(profile), Ok(key)) => rules.issuer(x509, profile, key, at),
        };
        let (subject, issuer) =
            (x509.subject().matching_form(rules.names), x509.issuer().matching_form(rules.names));
        Self { certificate, role, profile, key, subject, issuer, presented_names: OnceLock::new(), as_issuer }
    }

    /// Whether it names itself as its issuer (RFC 5280 section 3.2, self-issued).
    pub(super) fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }

    /// The names that an issuer's name constraints are about, made ready when first asked for.
    pub(super) fn presented_names(&self) -> &PresentedNames {
        self.presented_names.get_or_init(|| {
            let value = self.profile.as_ref().ok().and_then(|profile| profile.alternative_names.as_deref());
            // What cannot be read is no profile either.
            let names = value.and_then(|value| GeneralName::read_extension(value).ok()).unwrap_or_default();
            PresentedNames::new(self.certificate.certificate().subject(), &names)
        })
    }

    pub(super) fn is_trusted(&self) -> bool {
        self.role == Role::Trusted
    }

    /// How well its key identifier fits what `child` says of its issuer's: a hint, never a rule (RFC 4158 section 3.5.12).
    pub(super) fn key_id_match(&self, child: &Self) -> KeyIdMatch {
        let wanted = child.profile.as_ref().ok().and_then(|profile| profile.authority_key_id.as_ref());
        let found = self.profile.as_ref().ok().and_then(|profile| profile.subject_key_id.as_ref());
        match (wanted, found) {
            (Some(wanted), Some(found)) if wanted == found => KeyIdMatch::Equal,
            (Some(_), Some(_)) => KeyIdMatch::Different,
            _ => KeyIdMatch::Unknown,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum KeyIdMatch {
    Equal,
    Unknown,
    Different,
}

/// Certificates by subject, each once.
#[derive(Debug, Default)]
pub(super) struct Pool {
    nodes: Vec<Node>,
    by_subject: HashMap<MatchingForm, Vec<usize>>,
    by_certificate: HashMap<Certificate, usize>,
}

impl Pool {
    /// Takes a certificate, unless it is there already: trusted ones are to come first.
    pub(super) fn insert(&mut self, node: Node) {
        let index = self.nodes.len();
        if let Entry::Vacant(entry) = self.by_certificate.entry(node.certificate.certificate().clone()) {
            entry.insert(index);
            self.by_subject.entry(node.subject.clone()).or_default().push(index);
            self.nodes.push(node);
        }
    }

    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub(super) fn position(&self, certificate: &Certificate) -> Option<usize> {
        self.by_certificate.get(certificate).copied()
    }

    pub(super) fn with_subject(&self, subject: &MatchingForm) -> &[usize] {
        self.by_subject.get(subject).map_or(&[], Vec::as_slice)
    }
}
