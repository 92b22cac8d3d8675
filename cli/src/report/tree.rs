//! The chain as a tree: the signing certificate on top, below each certificate its issuers, and at each link a tick or
//! the rule that is broken.

use longhand::{ChainCertificate, DroppedCandidate, RuleViolation};

use super::chain::{ChainFacts, shown_link};

/// A line of the drawing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// What leads from the line above.
    pub(super) branch: String,
    /// Whether the link holds.
    pub(super) holds: bool,
    pub(super) text: String,
}

/// A certificate, and what was found above it.
struct Branch<'a> {
    certificate: &'a ChainCertificate,
    holds: bool,
    /// What follows its name.
    remark: String,
    issuers: Vec<Branch<'a>>,
    /// The rules that the certificate breaks itself.
    broken: Vec<&'a RuleViolation>,
}

impl<'a> Branch<'a> {
    fn new(certificate: &'a ChainCertificate, holds: bool) -> Self {
        Self { certificate, holds, remark: String::new(), issuers: Vec::new(), broken: Vec::new() }
    }

    /// Puts on top of this a way that begins above it, and at its end what was dropped.
    fn add(&mut self, way: &'a [ChainCertificate], candidate: &'a DroppedCandidate) {
        let Some((next, above)) = way.split_first() else {
            self.drop_candidate(candidate);
            return;
        };
        let known = self.issuers.iter().position(|issuer| issuer.holds && issuer.certificate == next);
        let place = known.unwrap_or_else(|| {
            self.issuers.push(Branch::new(next, true));
            self.issuers.len().saturating_sub(1)
        });
        if let Some(issuer) = self.issuers.get_mut(place) {
            issuer.add(above, candidate);
        }
    }

    fn drop_candidate(&mut self, candidate: &'a DroppedCandidate) {
        if candidate.issued.is_none() {
            self.broken.push(&candidate.violation);
            return;
        }
        let mut issuer = Branch::new(&candidate.certificate, false);
        issuer.remark = format!(": {}", in_words(&candidate.violation));
        self.issuers.push(issuer);
    }

    fn draw(&self, branch: String, below: &str, lines: &mut Vec<Line>) {
        let text = format!("{}{}", shown_link(self.certificate), self.remark);
        lines.push(Line { branch, holds: self.holds, text });
        let mut left = self.issuers.len().saturating_add(self.broken.len());
        let mut next = || {
            left = left.saturating_sub(1);
            let (branch, under) = if left == 0 { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            (format!("{below}{branch}"), format!("{below}{under}"))
        };
        for issuer in &self.issuers {
            let (branch, under) = next();
            issuer.draw(branch, &under, lines);
        }
        for violation in &self.broken {
            lines.push(Line { branch: next().0, holds: false, text: in_words(violation) });
        }
    }
}

fn in_words(violation: &RuleViolation) -> String {
    format!("{violation} [{}]", violation.clause())
}

/// The drawing; nothing where nothing was found.
pub(super) fn lines(facts: &ChainFacts) -> Vec<Line> {
    let certificates = facts.certificates();
    let Some(signer) = certificates.first() else { return Vec::new() };
    let mut tree = Branch::new(signer, facts.verified().is_some());
    if facts.verified().is_some() {
        tree = chain_of(certificates, facts.end_in_words()).unwrap_or(tree);
    }
    for candidate in facts.broken().into_iter().chain(facts.candidates()) {
        tree.add(candidate.way.get(1..).unwrap_or_default(), candidate);
    }
    if let (Some((_, violation)), None) = (facts.violation(), facts.broken()) {
        tree.remark = format!(": {}", in_words(violation));
    }
    let mut lines = Vec::new();
    tree.draw(String::new(), "", &mut lines);
    lines
}

/// A chain that holds, as a tree without forks.
fn chain_of<'a>(certificates: &'a [ChainCertificate], end: &str) -> Option<Branch<'a>> {
    let mut above: Option<Branch<'a>> = None;
    for certificate in certificates.iter().rev() {
        let mut branch = Branch::new(certificate, true);
        match above {
            Some(issuer) => branch.issuers.push(issuer),
            None => branch.remark = format!(", {end}"),
        }
        above = Some(branch);
    }
    above
}
