//! The rules that need more than one certificate: path length, name constraints, policies, revocation, and the second
//! opinion.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::certificate_policies::{self, Step};
use super::chain_policy::{ChainPolicy, UnknownRevocation};
use super::pool::Node;
use super::revocation::{self, Finding, JudgedLists, ListOfIssuer, RevocationStatus};
use super::rules::{RuleViolation, Rules};
use super::search::ChainRules;
use super::second_opinion::{self, NotAsked, SecondOpinion};
use super::work::{Exhausted, Work, names_price, policies_price};
use crate::digest::Digest;
use crate::timestamp::Timestamp;

/// The rules of one policy on whole chains, and what they found in the last chain that they let pass.
#[derive(Debug)]
pub(super) struct WholeChain<'a> {
    policy: &'a ChainPolicy,
    rules: &'a Rules,
    at: Option<Timestamp>,
    lists: &'a [ListOfIssuer],
    /// Of each issuer and certificate below it, which name breaks the issuer's constraints.
    judged_names: HashMap<(Digest, Digest), Option<RuleViolation>>,
    /// Of each list and issuer, whether it is the issuer's.
    judged_lists: JudgedLists,
    second_opinion: SecondOpinion,
    revocation: RevocationStatus,
}

impl<'a> WholeChain<'a> {
    pub(super) fn new(
        policy: &'a ChainPolicy,
        rules: &'a Rules,
        at: Option<Timestamp>,
        lists: &'a [ListOfIssuer],
    ) -> Self {
        Self {
            policy,
            rules,
            at,
            lists,
            judged_names: HashMap::new(),
            judged_lists: JudgedLists::new(),
            second_opinion: SecondOpinion::NotAsked(NotAsked::Policy),
            revocation: RevocationStatus::NotChecked,
        }
    }

    pub(super) fn second_opinion(&self) -> SecondOpinion {
        self.second_opinion
    }

    pub(super) fn revocation(&self) -> RevocationStatus {
        self.revocation
    }

    /// RFC 5280 section 6.1.3 (b) and (c): every certificate below, but for self-issued ones that are not the last. Each
    /// pair is judged once, and counted by itself, so that no other chain can spoil a good one.
    fn judge_names(
        &mut self,
        issuer: &Node,
        below: &[&Node],
        work: &mut Work,
    ) -> Result<Result<(), RuleViolation>, Exhausted> {
        let Some(constraints) =
            issuer.profile.as_ref().ok().and_then(|profile| profile.name_constraints.as_ref())
        else {
            return Ok(Ok(()));
        };
        for (height, node) in below.iter().enumerate() {
            if height > 0 && node.is_self_issued() {
                continue;
            }
            let pair = (
                issuer.certificate.certificate().fingerprint(),
                node.certificate.certificate().fingerprint(),
            );
            let violation = match self.judged_names.entry(pair) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => {
                    let mut comparisons = 0;
                    work.charge(1)?;
                    let violated = constraints.violated_by(node.presented_names(), &mut comparisons);
                    work.charge(names_price(comparisons))?;
                    unknown.insert(violated.map(RuleViolation::from))
                }
            };
            if let Some(violation) = violation {
                return Ok(Err(violation.clone()));
            }
        }
        Ok(Ok(()))
    }

    /// RFC 9618: the trust anchor is no part of the path, and the path begins below it.
    fn judge_policies(
        chain: &[&Node],
        work: &mut Work,
    ) -> Result<Result<(), (usize, RuleViolation)>, Exhausted> {
        let below_the_end = chain.get(..chain.len().saturating_sub(1)).unwrap_or_default();
        let steps: Vec<_> = below_the_end
            .iter()
            .rev()
            .filter_map(|node| {
                let extensions = &node.profile.as_ref().ok()?.policies;
                Some(Step { extensions, self_issued: node.is_self_issued() })
            })
            .collect();
        work.charge(policies_price(steps.iter().map(|step| step.extensions.entries())))?;
        Ok(certificate_policies::process(&steps).map_err(|failure| {
            let place = steps.len().saturating_sub(1).saturating_sub(failure.step);
            (place, RuleViolation::CertificatePolicies)
        }))
    }

    fn judge_revocation(
        &mut self,
        chain: &[&Node],
        work: &mut Work,
    ) -> Result<Result<(), (usize, RuleViolation)>, Exhausted> {
        self.revocation = RevocationStatus::NotChecked;
        if self.lists.is_empty() || !self.rules.extensions {
            return Ok(Ok(()));
        }
        self.revocation = RevocationStatus::NotRevoked;
        for (place, pair) in chain.windows(2).enumerate() {
            let [certificate, issuer] = pair else { continue };
            let finding = revocation::look_up(
                self.lists,
                &mut self.judged_lists,
                [certificate, issuer],
                self.rules,
                self.at,
                work,
            )?;
            let allowed = self.policy.unknown_revocation == UnknownRevocation::Allow;
            match finding {
                Finding::Unknown { .. } if allowed => self.revocation = RevocationStatus::PartlyUnknown,
                finding => {
                    if let Some(violation) = finding.into_violation() {
                        return Ok(Err((place, violation)));
                    }
                }
            }
        }
        Ok(Ok(()))
    }
}

impl ChainRules for WholeChain<'_> {
    fn judge_issuer(
        &mut self,
        issuer: &Node,
        below: &[&Node],
        work: &mut Work,
    ) -> Result<Result<(), RuleViolation>, Exhausted> {
        if let Ok(profile) = &issuer.profile {
            let authorities = below.get(1..).unwrap_or_default();
            let self_issued = authorities.iter().map(|node| node.is_self_issued());
            if let Err(violation) = self.rules.path_length(profile, self_issued) {
                return Ok(Err(violation));
            }
        }
        if self.rules.extensions { self.judge_names(issuer, below, work) } else { Ok(Ok(())) }
    }

    fn judge_chain(
        &mut self,
        chain: &[&Node],
        work: &mut Work,
    ) -> Result<Result<(), (usize, RuleViolation)>, Exhausted> {
        if self.rules.extensions
            && let Err(broken) = Self::judge_policies(chain, work)?
        {
            return Ok(Err(broken));
        }
        if let Err(broken) = self.judge_revocation(chain, work)? {
            return Ok(Err(broken));
        }
        if !self.rules.second_opinion {
            return Ok(Ok(()));
        }
        Ok(match second_opinion::ask(chain, self.at, work)? {
            Ok(opinion) => {
                self.second_opinion = opinion;
                Ok(())
            }
            Err(violation) => Err((0, violation)),
        })
    }
}
