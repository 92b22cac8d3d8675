//! The search for a chain: from the signing certificate up, by name and signature, to a trusted end.
//!
//! Two passes. The first climbs greedily and visits every certificate once, so it ends after at most one signature
//! check for each pair of certificate and issuer's key, however the authorities have signed each other; it finds out
//! whether any trusted end can be reached at all. When the chain that it finds breaks a rule that depends on the whole
//! chain (path length, name constraints, policies, revocation), the second pass backtracks over all chains, within the
//! same budget. Candidates come in an order that depends on the certificates alone, never on that of the caller's ids.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::rc::Rc;

use super::note::{Note, Notes};
use super::pool::{Node, Pool};
use super::rules::{RuleViolation, Rules};
use super::work::{Exhausted, Work, hashing_price, ordering_price, preparation_price, signature_price};
use crate::limits::MAX_CHAIN_LENGTH;
use crate::public_key::{PublicKey, PublicKeyError};

/// The rules that look at a chain as a whole.
pub(super) trait ChainRules {
    /// The rules that `issuer` puts on what stands below it; `below` begins with the signing certificate.
    fn judge_issuer(
        &mut self,
        issuer: &Node,
        below: &[&Node],
        work: &mut Work,
    ) -> Result<Result<(), RuleViolation>, Exhausted>;

    /// The rules on a whole chain, from the signing certificate to its end.
    ///
    /// The first error names the place in the chain that breaks the rule.
    fn judge_chain(
        &mut self,
        chain: &[&Node],
        work: &mut Work,
    ) -> Result<Result<(), (usize, RuleViolation)>, Exhausted>;
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    Reach,
    Backtrack,
}

pub(super) struct Search<'a, R> {
    rules: &'a Rules,
    partial_chain: bool,
    chain_rules: R,
    pool: &'a Pool,
    /// The pool's nodes, then those of this one question.
    nodes: Vec<&'a Node>,
    signer: usize,
    work: Work,
    /// Whether this key made the signature of this node: each pair is checked once.
    signatures: HashMap<(usize, KeyIndex), bool>,
    /// The keys that were asked for, each prepared and paid for once, however many certificates have it. A certificate may
    /// have prepared its key in an earlier search: paid for it is anew, so that no answer depends on what came before.
    keys: Vec<Option<Result<PublicKey, PublicKeyError>>>,
    /// The place of each key in `keys`, by its SubjectPublicKeyInfo.
    key_indices: HashMap<&'a [u8], KeyIndex>,
    /// The same of each node whose key was asked for.
    keys_of_nodes: Vec<Option<KeyIndex>>,
    /// The candidates of each certificate, in their order: found and sorted once.
    candidates: HashMap<usize, Rc<[usize]>>,
    /// For each node whether a chain led to it, and from which certificate below it the first did.
    reached: Vec<Reached>,
    notes: Notes,
    /// Whether a chain was left at its longest.
    cut_short: bool,
    /// The trusted certificates that were seen to be self-signed.
    roots: Vec<usize>,
}

/// The place of a key among those that were asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct KeyIndex(usize);

/// Whether, and from where, a chain first led to a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reached {
    No,
    /// It is the signing certificate.
    Start,
    From(usize),
}

/// How a search ended.
pub(super) enum Outcome {
    /// A chain, from the signing certificate to its end.
    Found(Vec<usize>),
    /// There is none.
    NoChain,
    /// The budget is spent.
    Exhausted,
}

impl<'a, R: ChainRules> Search<'a, R> {
    pub(super) fn new(
        rules: &'a Rules,
        partial_chain: bool,
        chain_rules: R,
        pool: &'a Pool,
        extra: &'a [Node],
        signer: usize,
    ) -> Self {
        let nodes: Vec<_> = pool.nodes().iter().chain(extra).collect();
        let (reached, keys_of_nodes) = (vec![Reached::No; nodes.len()], vec![None; nodes.len()]);
        Self {
            rules,
            partial_chain,
            chain_rules,
            pool,
            nodes,
            signer,
            work: Work::default(),
            signatures: HashMap::new(),
            keys: Vec::new(),
            key_indices: HashMap::new(),
            keys_of_nodes,
            candidates: HashMap::new(),
            reached,
            notes: Notes::default(),
            cut_short: false,
            roots: Vec::new(),
        }
    }

    pub(super) fn run(&mut self) -> Outcome {
        match self.find() {
            Ok(Some(chain)) => Outcome::Found(chain),
            Ok(None) => Outcome::NoChain,
            Err(Exhausted) => Outcome::Exhausted,
        }
    }

    fn find(&mut self) -> Result<Option<Vec<usize>>, Exhausted> {
        if let Some(chain) = self.chain_of_one()? {
            return Ok(Some(chain));
        }
        self.mark_reached(self.signer, Reached::Start);
        let mut chain = vec![self.signer];
        let reached = self.climb(&mut chain, Pass::Reach)?;
        if reached && self.holds(&chain)? {
            return Ok(Some(chain));
        }
        // A certificate that the greedy pass met at the top of too long a chain may stand on a shorter one.
        if !reached && !self.cut_short {
            return Ok(None);
        }
        chain = vec![self.signer];
        Ok(self.climb(&mut chain, Pass::Backtrack)?.then_some(chain))
    }

    /// A trusted self-signed certificate that signs images itself, as OpenStack's own tests have it.
    fn chain_of_one(&mut self) -> Result<Option<Vec<usize>>, Exhausted> {
        let Some(&signer) = self.nodes.get(self.signer) else { return Ok(None) };
        if !signer.is_trusted() || !signer.is_self_issued() {
            return Ok(None);
        }
        let allowed = if self.rules.root_may_sign {
            signer.as_issuer.clone()
        } else {
            Err(RuleViolation::AnchorAsSigner)
        };
        if let Err(violation) = allowed {
            self.note(self.signer, self.signer, violation, 0);
            return Ok(None);
        }
        let chain = vec![self.signer];
        // A partial chain ends in an issuer that is trusted: a signing certificate alone has to be a root, or pinned.
        let found = self.is_root(self.signer)? && self.holds(&chain)?;
        Ok(found.then_some(chain))
    }

    /// Puts issuers on the chain until its end is trusted; leaves it as it was if that cannot be.
    fn climb(&mut self, chain: &mut Vec<usize>, pass: Pass) -> Result<bool, Exhausted> {
        let Some(&child) = chain.last() else { return Ok(false) };
        let height = chain.len();
        if let Err(violation) = self.signature_is_usable(child) {
            self.note(child, child, violation, height);
            return Ok(false);
        }
        let candidates = self.candidates(child)?;
        if candidates.is_empty() {
            self.note_missing(child, height);
        }
        for &candidate in candidates.iter() {
            if !self.may_visit(candidate, chain, pass)? {
                self.note(child, candidate, RuleViolation::Cycle, height);
                continue;
            }
            if height >= MAX_CHAIN_LENGTH {
                self.cut_short = true;
                self.note(child, child, RuleViolation::TooLong, height);
                return Ok(false);
            }
            if let Err(violation) = self.issued(child, candidate)? {
                self.note(child, candidate, violation, height);
                continue;
            }
            if pass == Pass::Backtrack
                && let Err(violation) = self.judge_issuer(candidate, chain)?
            {
                self.note(child, candidate, violation, height);
                continue;
            }
            self.mark_reached(candidate, Reached::From(child));
            chain.push(candidate);
            let ends = self.is_end(candidate)? && (pass == Pass::Reach || self.holds_at_a_price(chain)?);
            if ends || self.climb(chain, pass)? {
                return Ok(true);
            }
            chain.pop();
        }
        Ok(false)
    }

    /// The first pass visits a certificate once; the second may come again, but not twice on one chain.
    fn may_visit(&mut self, candidate: usize, chain: &[usize], pass: Pass) -> Result<bool, Exhausted> {
        match pass {
            Pass::Reach => Ok(self.reached.get(candidate) == Some(&Reached::No)),
            Pass::Backtrack if chain.contains(&candidate) => Ok(false),
            Pass::Backtrack => self.work.charge(1).map(|()| true),
        }
    }

    fn mark_reached(&mut self, node: usize, how: Reached) {
        if let Some(reached @ Reached::No) = self.reached.get_mut(node) {
            *reached = how;
        }
    }

    /// The certificates whose subject is the child's issuer, the most promising first.
    ///
    /// The order is total and comes from the certificates alone, so that the answer does.
    fn candidates(&mut self, child: usize) -> Result<Rc<[usize]>, Exhausted> {
        if let Some(known) = self.candidates.get(&child) {
            return Ok(Rc::clone(known));
        }
        let Some(&child_node) = self.nodes.get(child) else { return Ok(Rc::from([])) };
        let known = self.pool.with_subject(&child_node.issuer).iter().copied();
        let extra = self.pool.nodes().len()..self.nodes.len();
        self.work.charge(ordering_price(known.len().saturating_add(extra.len())))?;
        let named =
            |&index: &usize| self.nodes.get(index).is_some_and(|node| node.subject == child_node.issuer);
        let mut candidates: Vec<_> =
            known.chain(extra.filter(named)).filter(|&candidate| candidate != child).collect();
        candidates.sort_by_cached_key(|&index| {
            self.nodes.get(index).map(|node| {
                let certificate = node.certificate.certificate();
                (
                    node.key_id_match(child_node),
                    !(node.is_trusted() && node.is_self_issued()),
                    !node.is_trusted(),
                    Reverse(certificate.validity().not_after()),
                    certificate.fingerprint().as_bytes().to_vec(),
                )
            })
        });
        let candidates: Rc<[usize]> = candidates.into();
        self.candidates.insert(child, Rc::clone(&candidates));
        Ok(candidates)
    }

    /// Whether the certificate's own signature algorithm lets it stand below an issuer.
    fn signature_is_usable(&self, child: usize) -> Result<(), RuleViolation> {
        let Some(node) = self.nodes.get(child) else { return Ok(()) };
        let algorithm = node.certificate.certificate().signature_algorithm()?;
        if algorithm.uses_sha1() && !self.rules.allows_sha1 {
            return Err(RuleViolation::SignatureAlgorithmWeak);
        }
        Ok(())
    }

    /// Whether `issuer` may issue, and did issue, `child`. A candidate that costs no signature check costs one unit.
    fn issued(&mut self, child: usize, issuer: usize) -> Result<Result<(), RuleViolation>, Exhausted> {
        let (Some(&child_node), Some(&issuer_node)) = (self.nodes.get(child), self.nodes.get(issuer)) else {
            return Ok(Err(RuleViolation::SignatureInvalid));
        };
        if let Err(violation) = may_have_issued(child_node, issuer_node) {
            self.work.charge(1)?;
            return Ok(Err(violation));
        }
        if self.is_signed_by(child, issuer)? {
            return Ok(Ok(()));
        }
        // A key that cannot be prepared tells more than a signature that does not hold.
        let KeyIndex(key) = self.key_index(issuer, issuer_node);
        Ok(Err(match self.keys.get(key) {
            Some(Some(Err(error))) => RuleViolation::Key { error: error.clone() },
            _ => RuleViolation::SignatureInvalid,
        }))
    }

    /// Whether the issuer's key made the child's signature; checked once for each pair, and paid for.
    fn is_signed_by(&mut self, child: usize, issuer: usize) -> Result<bool, Exhausted> {
        let (Some(&child_node), Some(&issuer_node)) = (self.nodes.get(child), self.nodes.get(issuer)) else {
            return Ok(false);
        };
        let (child_certificate, issuer_certificate) =
            (child_node.certificate.certificate(), issuer_node.certificate.certificate());
        let key_index = self.key_index(issuer, issuer_node);
        if let Some(&known) = self.signatures.get(&(child, key_index)) {
            self.work.charge(1)?;
            return Ok(known);
        }
        let (Ok(outline), Ok(algorithm)) = (&issuer_node.key, child_certificate.signature_algorithm()) else {
            return Ok(false);
        };
        if !algorithm.fits(outline.kind) {
            return Ok(false);
        }
        let message = child_certificate.to_be_signed();
        let Some(kept) = self.keys.get_mut(key_index.0) else { return Ok(false) };
        let preparation = if kept.is_some() { 0 } else { preparation_price(outline) };
        let prices = [preparation, signature_price(outline), hashing_price(message.len())];
        self.work.charge(prices.into_iter().fold(0, u32::saturating_add))?;
        let key = kept.get_or_insert_with(|| issuer_certificate.public_key());
        let signature = child_certificate.signature();
        let signed = key.as_ref().is_ok_and(|key| algorithm.verify(key, message, signature).is_ok());
        self.signatures.insert((child, key_index), signed);
        Ok(signed)
    }

    /// Where the key of this node is kept, once it is prepared.
    fn key_index(&mut self, index: usize, node: &'a Node) -> KeyIndex {
        if let Some(&Some(known)) = self.keys_of_nodes.get(index) {
            return known;
        }
        let octets = node.certificate.certificate().subject_public_key_info();
        let key_index = *self.key_indices.entry(octets).or_insert(KeyIndex(self.keys.len()));
        if key_index.0 == self.keys.len() {
            self.keys.push(None);
        }
        if let Some(place) = self.keys_of_nodes.get_mut(index) {
            *place = Some(key_index);
        }
        key_index
    }

    /// Whether a chain may end here: trusted, and self-signed unless partial chains are allowed.
    fn is_end(&mut self, node: usize) -> Result<bool, Exhausted> {
        let Some(&end) = self.nodes.get(node) else { return Ok(false) };
        if !end.is_trusted() {
            return Ok(false);
        }
        Ok(self.is_root(node)? || self.partial_chain)
    }

    /// Whether a certificate signed itself.
    fn is_root(&mut self, node: usize) -> Result<bool, Exhausted> {
        let Some(&end) = self.nodes.get(node) else { return Ok(false) };
        let is_root = end.is_self_issued() && self.is_signed_by(node, node)?;
        if is_root {
            self.roots.push(node);
        }
        Ok(is_root)
    }

    fn judge_issuer(
        &mut self,
        issuer: usize,
        below: &[usize],
    ) -> Result<Result<(), RuleViolation>, Exhausted> {
        let below: Vec<_> = below.iter().filter_map(|&index| self.nodes.get(index).copied()).collect();
        match self.nodes.get(issuer) {
            Some(&issuer) => self.chain_rules.judge_issuer(issuer, &below, &mut self.work),
            None => Ok(Ok(())),
        }
    }

    /// Whether a whole chain keeps the rules on chains; notes what it breaks.
    fn holds(&mut self, chain: &[usize]) -> Result<bool, Exhausted> {
        for (height, &issuer) in chain.iter().enumerate().skip(1) {
            let below = chain.get(..height).unwrap_or_default();
            if let Err(violation) = self.judge_issuer(issuer, below)? {
                let child = below.last().copied().unwrap_or(issuer);
                self.note(child, issuer, violation, height);
                return Ok(false);
            }
        }
        let nodes: Vec<_> = chain.iter().filter_map(|&index| self.nodes.get(index).copied()).collect();
        if let Err((place, violation)) = self.chain_rules.judge_chain(&nodes, &mut self.work)? {
            let certificate = chain.get(place).copied().unwrap_or(self.signer);
            let child =
                place.checked_sub(1).and_then(|below| chain.get(below)).copied().unwrap_or(self.signer);
            self.note(child, certificate, violation, chain.len());
            return Ok(false);
        }
        Ok(true)
    }

    /// For the second pass, which may come to many ends: each certificate's policies are gone through once more.
    fn holds_at_a_price(&mut self, chain: &[usize]) -> Result<bool, Exhausted> {
        self.work.charge(u32::try_from(chain.len()).unwrap_or(u32::MAX))?;
        self.holds(chain)
    }

    fn note_missing(&mut self, child: usize, height: usize) {
        let Some(&node) = self.nodes.get(child) else { return };
        let certificate = node.certificate.certificate();
        let own_key = (child, self.key_index(child, node));
        if self.notes.is_noted(child, child) {
            return;
        }
        let violation = match (node.is_self_issued(), node.is_trusted()) {
            (false, _) => RuleViolation::IssuerMissing { issuer: certificate.issuer().to_string() },
            (true, false) => RuleViolation::NotTrusted,
            // The chain might have ended here, and has been noted for the rule that it breaks.
            (true, true) if self.signatures.get(&own_key) == Some(&true) => return,
            (true, true) => RuleViolation::SignatureInvalid,
        };
        self.note(child, child, violation, height);
    }

    fn note(&mut self, child: usize, certificate: usize, violation: RuleViolation, height: usize) {
        self.notes.add(Note { child, certificate, violation, height });
    }

    /// What stood in the way, the most telling first.
    pub(super) fn into_findings(self) -> (Findings<'a>, R) {
        let (notes, unnoted) = self.notes.into_ranked();
        (
            Findings {
                nodes: self.nodes,
                notes,
                unnoted,
                roots: self.roots,
                reached: self.reached,
                spent: self.work.spent(),
            },
            self.chain_rules,
        )
    }
}

/// Whether `issuer` can have issued `child`, by all but the signature.
fn may_have_issued(child: &Node, issuer: &Node) -> Result<(), RuleViolation> {
    issuer.as_issuer.clone()?;
    let key = issuer.key.as_ref().map_err(RuleViolation::clone)?;
    let algorithm = child.certificate.certificate().signature_algorithm()?;
    if algorithm.fits(key.kind) { Ok(()) } else { Err(RuleViolation::KeyDoesNotFit { found: key.kind }) }
}

/// What a search leaves behind.
pub(super) struct Findings<'a> {
    pub(super) nodes: Vec<&'a Node>,
    pub(super) notes: Vec<Note>,
    /// How many more there were.
    pub(super) unnoted: usize,
    /// The trusted certificates that were seen to be self-signed.
    pub(super) roots: Vec<usize>,
    reached: Vec<Reached>,
    /// In units of work.
    pub(super) spent: u32,
}

impl Findings<'_> {
    /// A way from the signing certificate to this one, both included, each issued by the next. No link leads back to
    /// one before it, since each certificate is reached for the first time from one that was reached before.
    pub(super) fn way_to(&self, node: usize) -> Vec<usize> {
        let mut way = vec![node];
        let mut place = node;
        while let Some(&Reached::From(below)) = self.reached.get(place) {
            way.push(below);
            place = below;
        }
        way.reverse();
        way
    }
}
