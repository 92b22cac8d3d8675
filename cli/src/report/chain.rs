//! What is known of a chain, whether it holds or not.

use crate::problem::about_certificate;
use longhand::{
    Certificate, ChainCertificate, ChainEnd, ChainError, ChainNote, DateStatus, DroppedCandidate,
    RevocationStatus, RuleViolation, SecondOpinion, SkippedCertificate, Timestamp, VerifiedChain,
};

/// A rule that the caller switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relaxed {
    ValidDates,
    PathLength,
    SigningExtensions,
}

impl Relaxed {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::ValidDates => "valid_dates",
            Self::PathLength => "path_length",
            Self::SigningExtensions => "signing_extensions",
        }
    }

    const fn in_words(self) -> &'static str {
        match self {
            Self::ValidDates => "dates",
            Self::PathLength => "path length",
            Self::SigningExtensions => "signing extensions",
        }
    }
}

/// By which rules a chain is judged.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// The name of the set.
    pub(crate) policy: &'static str,
    /// Those of it that are switched off.
    pub(crate) relaxed: Vec<Relaxed>,
    pub(crate) lists_given: bool,
    /// The environment variable that the trusted ids come from, if they do.
    pub(crate) ids_from: Option<&'static str>,
}

impl Rules {
    /// The set, and what is switched off.
    pub(crate) fn in_words(&self) -> String {
        let without: Vec<_> = self.relaxed.iter().map(|rule| rule.in_words()).collect();
        match without.as_slice() {
            [] => format!("policy {}", self.policy),
            _ => format!("policy {} without {}", self.policy, without.join(", ")),
        }
    }
}

/// How a chain was judged.
#[derive(Debug)]
pub(crate) struct ChainFacts {
    rules: Rules,
    judged: Result<VerifiedChain, ChainError>,
}

/// A certificate and its id, in words.
pub(super) fn shown(id: Option<&str>, certificate: &Certificate) -> String {
    let subject = certificate.subject();
    let subject = if subject.is_empty() { "no subject".to_owned() } else { subject.to_string() };
    match id {
        Some(id) => format!("{id} ({subject})"),
        None => format!("({subject})"),
    }
}

/// The same of a certificate that brings its id.
pub(crate) fn shown_link(link: &ChainCertificate) -> String {
    shown(link.id(), link.certificate())
}

/// Why a trusted certificate is passed over.
pub(super) fn skip_reason(skipped: &SkippedCertificate) -> String {
    about_certificate(&skipped.reason.to_string()).to_owned()
}

/// That a certificate is outside its dates, if it is.
pub(super) fn out_of_date(name: &str, certificate: &Certificate, at: Timestamp) -> Option<String> {
    let validity = certificate.validity();
    match validity.status(at) {
        DateStatus::Expired => {
            Some(format!("{name} expired: it is valid until {}, and the time is {at}", validity.not_after()))
        }
        DateStatus::NotYetValid => Some(format!(
            "{name} is not yet valid: it is valid from {}, and the time is {at}",
            validity.not_before()
        )),
        _ => None,
    }
}

impl ChainFacts {
    /// A chain by these rules.
    pub(crate) fn new(rules: Rules, judged: Result<VerifiedChain, ChainError>) -> Self {
        Self { rules, judged }
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    pub(super) fn policy(&self) -> &'static str {
        self.rules.policy
    }

    pub(super) fn verified(&self) -> Option<&VerifiedChain> {
        self.judged.as_ref().ok()
    }

    pub(super) fn error(&self) -> Option<&ChainError> {
        self.judged.as_ref().err()
    }

    /// The signing certificate first; of a chain that broke, those up to where it did.
    pub(super) fn certificates(&self) -> &[ChainCertificate] {
        match &self.judged {
            Ok(chain) => chain.certificates(),
            Err(ChainError::Untrusted { broken, .. }) => &broken.way,
            Err(
                ChainError::SigningCertificate { certificate, .. }
                | ChainError::BudgetSpent { certificate, .. },
            ) => std::slice::from_ref(certificate),
            Err(_) => &[],
        }
    }

    pub(super) fn end(&self) -> Option<&'static str> {
        Some(match self.verified()?.end() {
            ChainEnd::Root => "root",
            ChainEnd::TrustedIntermediate => "trusted_intermediate",
            ChainEnd::Pinned => "pinned",
            _ => "other",
        })
    }

    /// What the end is, in words.
    pub(super) fn end_in_words(&self) -> &'static str {
        match self.end() {
            Some("root") => "a trusted root",
            Some("trusted_intermediate") => "a trusted intermediate",
            Some("pinned") => "pinned",
            _ => "trusted",
        }
    }

    /// Whether rustls-webpki was asked, and why not.
    pub(super) fn second_opinion(&self) -> Option<(&'static str, Option<String>)> {
        Some(match self.verified()?.second_opinion() {
            SecondOpinion::Agreed => ("agreed", None),
            SecondOpinion::NotAsked(why) => ("not_asked", Some(why.to_string())),
            _ => ("other", None),
        })
    }

    pub(super) fn revocation(&self) -> Option<&'static str> {
        Some(match self.verified()?.revocation() {
            RevocationStatus::NotChecked => "not_checked",
            RevocationStatus::NotRevoked => "not_revoked",
            RevocationStatus::PartlyUnknown => "partly_unknown",
            _ => "other",
        })
    }

    pub(super) fn notes(&self) -> &[ChainNote] {
        self.verified().map(VerifiedChain::notes).unwrap_or_default()
    }

    /// Trusted certificates that can issue nothing.
    pub(super) fn skipped(&self) -> &[SkippedCertificate] {
        match &self.judged {
            Ok(chain) => chain.skipped(),
            Err(error) => error.candidates().map(|tried| tried.skipped.as_slice()).unwrap_or_default(),
        }
    }

    /// Where the most promising chain broke.
    pub(super) fn broken(&self) -> Option<&DroppedCandidate> {
        match &self.judged {
            Err(ChainError::Untrusted { broken, .. }) => Some(broken),
            _ => None,
        }
    }

    /// The certificate that breaks a rule, and the rule.
    pub(super) fn violation(&self) -> Option<(&ChainCertificate, &RuleViolation)> {
        match &self.judged {
            Err(ChainError::SigningCertificate { certificate, violation }) => Some((certificate, violation)),
            Err(ChainError::Untrusted { broken, .. }) => Some((&broken.certificate, &broken.violation)),
            _ => None,
        }
    }

    /// Whether it broke by the dates of a certificate.
    pub(super) fn is_out_of_date(&self) -> bool {
        let violation = self.violation().map(|(_, violation)| violation);
        matches!(violation, Some(RuleViolation::Expired { .. } | RuleViolation::NotYetValid { .. }))
    }

    /// What else was tried and dropped.
    pub(super) fn candidates(&self) -> &[DroppedCandidate] {
        let tried = self.error().and_then(ChainError::candidates);
        tried.map(|tried| tried.listed.as_slice()).unwrap_or_default()
    }

    pub(super) fn more_candidates(&self) -> usize {
        self.error().and_then(ChainError::candidates).map_or(0, |tried| tried.more)
    }

    /// What was asked for and could not be done, and what was left out, without changing the verdict.
    pub(super) fn warnings(&self, at: Timestamp) -> Vec<String> {
        let revocation = match (self.rules.lists_given, self.verified().map(VerifiedChain::revocation)) {
            (true, Some(RevocationStatus::NotChecked)) => {
                Some("no revocation list was looked at: the certificate is trusted itself".to_owned())
            }
            (_, Some(RevocationStatus::PartlyUnknown)) => {
                Some("whether every certificate of the chain is revoked is not known".to_owned())
            }
            _ => None,
        };
        self.date_warnings(at).into_iter().chain(revocation).collect()
    }

    /// The issuers that are outside their dates, where nobody looks at those.
    fn date_warnings(&self, at: Timestamp) -> Vec<String> {
        if !self.rules.relaxed.contains(&Relaxed::ValidDates) {
            return Vec::new();
        }
        let issuers = self.certificates().iter().skip(1);
        issuers
            .filter_map(|link| {
                out_of_date(&format!("of the chain, {}", shown_link(link)), link.certificate(), at)
            })
            .collect()
    }

    /// In one line, for the check.
    pub(crate) fn summary(&self) -> String {
        let certificates = self.certificates();
        match (certificates.len(), certificates.last()) {
            (count, Some(end)) => {
                let count =
                    if count == 1 { "1 certificate".to_owned() } else { format!("{count} certificates") };
                let (end, word) = (shown_link(end), self.end_in_words());
                format!("{count}, ends in {end}, {word}; {}", self.rules.in_words())
            }
            _ => self.rules.in_words(),
        }
    }
}
