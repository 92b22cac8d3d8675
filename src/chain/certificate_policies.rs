//! Certificate policies along a path (RFC 5280 section 6.1, with the graph of RFC 9618 in place of the tree).
//!
//! The inputs of RFC 5280 section 6.1.1 are fixed: any policy is acceptable to the user, and explicit policy, policy
//! mapping and anyPolicy are not restricted from the start. So nothing is asked of a path unless a certificate in it
//! asks for an explicit policy.

use std::collections::BTreeSet;

use crate::asn1::{DerDefect, DerError, Element, INTEGER, OBJECT_IDENTIFIER, Reader, SEQUENCE, implicit};
use crate::certificate::{CertificateError, Extension};
use crate::limits::MAX_POLICIES;

/// id-ce-certificatePolicies, id-ce-policyMappings, id-ce-policyConstraints and id-ce-inhibitAnyPolicy.
const CERTIFICATE_POLICIES: &[u8] = &[0x55, 0x1d, 32];
const POLICY_MAPPINGS: &[u8] = &[0x55, 0x1d, 33];
const POLICY_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 36];
const INHIBIT_ANY_POLICY: &[u8] = &[0x55, 0x1d, 54];
/// anyPolicy (RFC 5280 section 4.2.1.4).
const ANY_POLICY: &[u8] = &[0x55, 0x1d, 32, 0];

/// What one certificate says about policies. Object identifiers are the contents of their DER.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PolicyExtensions {
    /// certificatePolicies; `None` without the extension.
    policies: Option<Vec<Vec<u8>>>,
    /// policyMappings; empty without the extension.
    mappings: Vec<Mapping>,
    /// policyConstraints. Numbers past `u32::MAX` are longer than any path and read as `u32::MAX`.
    require_explicit_policy: Option<u32>,
    inhibit_policy_mapping: Option<u32>,
    /// inhibitAnyPolicy.
    inhibit_any_policy: Option<u32>,
}

/// A policy of the issuer and one of the subject that the issuer holds equivalent (RFC 5280 section 4.2.1.5).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mapping {
    issuer: Vec<u8>,
    subject: Vec<u8>,
}

impl PolicyExtensions {
    /// Reads the four extensions among those of a certificate.
    pub(crate) fn read(extensions: &[Extension<'_>]) -> Result<Self, CertificateError> {
        let mut read = Self::default();
        for extension in extensions {
            let value = extension.value();
            match extension.oid() {
                CERTIFICATE_POLICIES => read.policies = Some(read_policies(value)?),
                POLICY_MAPPINGS => read.mappings = read_mappings(value)?,
                POLICY_CONSTRAINTS => {
                    (read.require_explicit_policy, read.inhibit_policy_mapping) = read_constraints(value)?;
                }
                INHIBIT_ANY_POLICY => read.inhibit_any_policy = Some(read_inhibit_any_policy(value)?),
                _ => {}
            }
        }
        Ok(read)
    }

    /// How many policies and mappings there are: the work on a path grows with their sum.
    pub(crate) fn entries(&self) -> usize {
        self.policies.as_ref().map_or(0, Vec::len).saturating_add(self.mappings.len())
    }
}

/// One certificate of a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step<'a> {
    /// What it says about policies.
    pub(crate) extensions: &'a PolicyExtensions,
    /// Whether its subject and its issuer are the same name.
    pub(crate) self_issued: bool,
}

/// A certificate asks for an explicit policy, and no policy is valid for the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PolicyFailure {
    /// The place in the path, from 0, of the certificate at which the path fails.
    pub(crate) step: usize,
}

/// Judges the policies of a path: the certificate that the trust anchor issued first, the signing certificate last. The
/// anchor itself is no part of it (RFC 5280 section 6.1).
pub(crate) fn process(path: &[Step<'_>]) -> Result<(), PolicyFailure> {
    let mut state = State::new(path.len());
    for (step, &certificate) in path.iter().enumerate() {
        let is_last = step.saturating_add(1) == path.len();
        state.assert_policies(certificate, is_last);
        state.check(step)?;
        if is_last {
            state.wrap_up(certificate);
            state.check(step)?;
        } else {
            state.prepare(certificate);
        }
    }
    Ok(())
}

/// The variables of RFC 5280 section 6.1.2.
///
/// Of the `valid_policy_graph` only the last level is kept, as sets of policies. A graph is NULL when its last level is
/// empty, and a level grows from the one before alone; the levels above serve to intersect the graph with the policies
/// that a user accepts, and here the user accepts any (RFC 9618 section 5.5).
struct State<'a> {
    /// The `valid_policy` of each node of the last level.
    valid: BTreeSet<&'a [u8]>,
    /// The policies in the `expected_policy_set` of those nodes; anyPolicy exactly where it is a `valid_policy`.
    expected: BTreeSet<&'a [u8]>,
    explicit_policy: u32,
    policy_mapping: u32,
    inhibit_any_policy: u32,
}

impl<'a> State<'a> {
    fn new(path_length: usize) -> Self {
        let never = u32::try_from(path_length).unwrap_or(u32::MAX).saturating_add(1);
        let any: BTreeSet<_> = [ANY_POLICY].into();
        Self {
            valid: any.clone(),
            expected: any,
            explicit_policy: never,
            policy_mapping: never,
            inhibit_any_policy: never,
        }
    }

    /// RFC 5280 section 6.1.3(d) and (e), as RFC 9618 section 5.3 has them: the next level of the graph.
    fn assert_policies(&mut self, certificate: Step<'a>, is_last: bool) {
        let asserted = certificate.extensions.policies.iter().flatten().map(Vec::as_slice);
        let asserted: BTreeSet<&[u8]> = asserted.collect();
        let any_counts = self.inhibit_any_policy > 0 || (!is_last && certificate.self_issued);
        if asserted.contains(ANY_POLICY) && any_counts {
            // (d)(2): whatever is expected is valid; and (d)(1) below.
            self.valid = self.expected.clone();
        } else {
            self.valid.clear();
        }
        let any_expected = self.expected.contains(ANY_POLICY);
        let matched = asserted.into_iter().filter(|policy| *policy != ANY_POLICY);
        self.valid.extend(matched.filter(|policy| any_expected || self.expected.contains(policy)));
    }

    /// RFC 5280 section 6.1.3(f) and 6.1.5(g).
    fn check(&self, step: usize) -> Result<(), PolicyFailure> {
        let acceptable = self.explicit_policy > 0 || !self.valid.is_empty();
        if acceptable { Ok(()) } else { Err(PolicyFailure { step }) }
    }

    /// RFC 5280 section 6.1.4(b), (h), (i) and (j): what the certificate says about those that follow.
    fn prepare(&mut self, certificate: Step<'a>) {
        let extensions = certificate.extensions;
        self.map_policies(&extensions.mappings);
        if !certificate.self_issued {
            self.explicit_policy = self.explicit_policy.saturating_sub(1);
            self.policy_mapping = self.policy_mapping.saturating_sub(1);
            self.inhibit_any_policy = self.inhibit_any_policy.saturating_sub(1);
        }
        for (variable, constraint) in [
            (&mut self.explicit_policy, extensions.require_explicit_policy),
            (&mut self.policy_mapping, extensions.inhibit_policy_mapping),
            (&mut self.inhibit_any_policy, extensions.inhibit_any_policy),
        ] {
            *variable = constraint.map_or(*variable, |constraint| constraint.min(*variable));
        }
    }

    /// RFC 5280 section 6.1.4(b), as RFC 9618 section 5.4 has it.
    fn map_policies(&mut self, mappings: &'a [Mapping]) {
        self.expected = self.valid.clone();
        for mapping in mappings {
            self.expected.remove(mapping.issuer.as_slice());
        }
        if self.policy_mapping == 0 {
            // (b)(3): the nodes are deleted, and nothing expects what they were mapped to.
            return;
        }
        // (b)(1) and (2): a policy that is valid only because any is gets a node of its own.
        let any_valid = self.valid.contains(ANY_POLICY);
        for mapping in mappings {
            if any_valid || self.valid.contains(mapping.issuer.as_slice()) {
                self.expected.insert(&mapping.subject);
            }
        }
    }

    /// RFC 5280 section 6.1.5(a) and (b).
    fn wrap_up(&mut self, certificate: Step<'a>) {
        self.explicit_policy = self.explicit_policy.saturating_sub(1);
        if certificate.extensions.require_explicit_policy == Some(0) {
            self.explicit_policy = 0;
        }
    }
}

/// `CertificatePolicies ::= SEQUENCE SIZE (1..MAX) OF PolicyInformation`.
fn read_policies(value: &[u8]) -> Result<Vec<Vec<u8>>, CertificateError> {
    let mut known = BTreeSet::new();
    let mut policies = Vec::new();
    for information in read_list(value, "certificatePolicies", "certificate policies")? {
        let mut fields = information.reader();
        let identifier = fields.element(OBJECT_IDENTIFIER, "policyIdentifier")?;
        let policy = identifier.object_identifier()?;
        // RFC 5280 section 4.2.1.4: a policy must not appear more than once.
        if !known.insert(policy) {
            return Err(identifier.error(DerDefect::Value).into());
        }
        if !fields.is_empty() {
            check_qualifiers(&fields.element(SEQUENCE, "policyQualifiers")?)?;
        }
        fields.finish()?;
        policies.push(policy.to_vec());
    }
    Ok(policies)
}

/// `SEQUENCE SIZE (1..MAX) OF PolicyQualifierInfo`. What a qualifier says decides nothing: its form alone is checked.
fn check_qualifiers(qualifiers: &Element<'_>) -> Result<(), DerError> {
    let mut list = qualifiers.reader();
    loop {
        let mut fields = list.element(SEQUENCE, "PolicyQualifierInfo")?.reader();
        fields.element(OBJECT_IDENTIFIER, "policyQualifierId")?.object_identifier()?;
        fields.any("qualifier")?;
        fields.finish()?;
        if list.is_empty() {
            return Ok(());
        }
    }
}

/// `PolicyMappings ::= SEQUENCE SIZE (1..MAX) OF SEQUENCE { issuerDomainPolicy, subjectDomainPolicy }`.
fn read_mappings(value: &[u8]) -> Result<Vec<Mapping>, CertificateError> {
    let mut mappings = Vec::new();
    for mapping in read_list(value, "policyMappings", "policy mappings")? {
        let mut fields = mapping.reader();
        let issuer = fields.element(OBJECT_IDENTIFIER, "issuerDomainPolicy")?.object_identifier()?;
        let subject = fields.element(OBJECT_IDENTIFIER, "subjectDomainPolicy")?.object_identifier()?;
        fields.finish()?;
        // RFC 5280 section 6.1.4(a); section 4.2.1.5: policies must not be mapped to or from anyPolicy.
        if issuer == ANY_POLICY || subject == ANY_POLICY {
            return Err(mapping.error(DerDefect::Value).into());
        }
        mappings.push(Mapping { issuer: issuer.to_vec(), subject: subject.to_vec() });
    }
    Ok(mappings)
}

/// The elements of `SEQUENCE SIZE (1..MAX) OF SEQUENCE`, at most [`MAX_POLICIES`].
fn read_list<'a>(
    value: &'a [u8],
    field: &'static str,
    what: &'static str,
) -> Result<Vec<Element<'a>>, CertificateError> {
    let mut reader = Reader::new(value, field);
    let mut list = reader.element(SEQUENCE, field)?.reader();
    reader.finish()?;
    let mut elements = Vec::new();
    loop {
        if elements.len() >= MAX_POLICIES {
            return Err(CertificateError::TooMany { what, limit: MAX_POLICIES });
        }
        elements.push(list.element(SEQUENCE, field)?);
        if list.is_empty() {
            return Ok(elements);
        }
    }
}

/// `PolicyConstraints ::= SEQUENCE { requireExplicitPolicy [0] OPTIONAL, inhibitPolicyMapping [1] OPTIONAL }`.
fn read_constraints(value: &[u8]) -> Result<(Option<u32>, Option<u32>), DerError> {
    let mut reader = Reader::new(value, "policyConstraints");
    let sequence = reader.element(SEQUENCE, "policyConstraints")?;
    reader.finish()?;
    let mut fields = sequence.reader();
    // RFC 5280 section 4.2.1.11: the SEQUENCE must not be empty.
    if fields.is_empty() {
        return Err(sequence.error(DerDefect::Missing));
    }
    let explicit = fields.optional(implicit(0), "requireExplicitPolicy")?;
    let mapping = fields.optional(implicit(1), "inhibitPolicyMapping")?;
    fields.finish()?;
    let read = |element: Option<Element<'_>>| element.as_ref().map(skip_certs).transpose();
    Ok((read(explicit)?, read(mapping)?))
}

/// `InhibitAnyPolicy ::= SkipCerts`.
fn read_inhibit_any_policy(value: &[u8]) -> Result<u32, DerError> {
    let mut reader = Reader::new(value, "inhibitAnyPolicy");
    let skip = reader.element(INTEGER, "inhibitAnyPolicy")?;
    reader.finish()?;
    skip_certs(&skip)
}

/// `SkipCerts ::= INTEGER (0..MAX)`.
fn skip_certs(element: &Element<'_>) -> Result<u32, DerError> {
    let magnitude = element.unsigned()?;
    let mut octets = [0; 4];
    let Some(low) = octets.len().checked_sub(magnitude.len()).and_then(|start| octets.get_mut(start..))
    else {
        return Ok(u32::MAX);
    };
    low.copy_from_slice(magnitude);
    Ok(u32::from_be_bytes(octets))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::Certificate;

    fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
        let length = u16::try_from(contents.len()).unwrap().to_be_bytes();
        let length = match length {
            [0, low @ ..=0x7f] => vec![low],
            [0, low] => vec![0x81, low],
            [high, low] => vec![0x82, high, low],
        };
        [&[tag], &length[..], contents].concat()
    }

    /// `*` is anyPolicy, a letter a policy of its own.
    fn policy(name: char) -> Vec<u8> {
        if name == '*' { ANY_POLICY.to_vec() } else { vec![0x2a, u8::try_from(name).unwrap()] }
    }

    /// What a certificate says, in words: `policies=AB*`, `map=A>B,C>D`, `explicit=0`, `no-mapping=0`, `no-any=0`,
    /// `self-issued`.
    fn certificate(text: &str) -> (PolicyExtensions, bool) {
        let mut extensions = PolicyExtensions::default();
        let mut self_issued = false;
        for word in text.split_whitespace() {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            match key {
                "policies" => extensions.policies = Some(value.chars().map(policy).collect()),
                "map" => {
                    let pairs = value.split(',').map(|pair| pair.split_once('>').unwrap());
                    let one = |name: &str| policy(name.chars().next().unwrap());
                    extensions.mappings =
                        pairs.map(|(from, to)| Mapping { issuer: one(from), subject: one(to) }).collect();
                }
                "explicit" => extensions.require_explicit_policy = Some(value.parse().unwrap()),
                "no-mapping" => extensions.inhibit_policy_mapping = Some(value.parse().unwrap()),
                "no-any" => extensions.inhibit_any_policy = Some(value.parse().unwrap()),
                "self-issued" => self_issued = true,
                other => panic!("{other}"),
            }
        }
        (extensions, self_issued)
    }

    /// The certificate at which the path fails; the first begins below the anchor.
    fn failing(path: &[&str]) -> Option<usize> {
        let certificates: Vec<_> = path.iter().map(|text| certificate(text)).collect();
        let steps: Vec<_> = certificates
            .iter()
            .map(|(extensions, self_issued)| Step { extensions, self_issued: *self_issued })
            .collect();
        process(&steps).err().map(|failure| failure.step)
    }

    #[test]
    fn a_path_fails_where_a_policy_is_required_and_none_is_left() {
        for (path, step) in [
            // Nobody requires a policy: RFC 5280 section 6.1.1 with the defaults.
            (&[][..], None),
            (&["", "", ""], None),
            (&["policies=A", "policies=B"], None),
            // requireExplicitPolicy: how many certificates may follow without a policy (section 4.2.1.11).
            (&["explicit=0", ""], Some(1)),
            (&["policies=A explicit=0", ""], Some(1)),
            (&["policies=A explicit=0", "policies=A"], None),
            (&["policies=A explicit=0", "policies=B"], Some(1)),
            (&["explicit=0", "policies=A"], Some(1)),
            (&["explicit=1", ""], Some(1)),
            (&["explicit=2", ""], None),
            (&["explicit=1", "", ""], Some(2)),
            (&["explicit=3", "", ""], None),
            (&["explicit=2 policies=A", "policies=A", "policies=A", "policies=A"], None),
            (&["explicit=2", "", "explicit=0", "", ""], Some(3)),
            // The smaller number counts.
            (&["explicit=0 policies=A", "explicit=9 policies=A", ""], Some(2)),
            // A self-issued certificate does not count, but its own constraint does.
            (&["explicit=1", "self-issued", "", ""], Some(3)),
            (&["explicit=1", "", "", ""], Some(2)),
            (&["explicit=3", "self-issued", ""], None),
            (&["explicit=9", "self-issued explicit=0", ""], Some(2)),
            // Section 6.1.5(b): the signing certificate's own zero counts, its one does not.
            (&["", "explicit=0"], Some(1)),
            (&["", "explicit=1"], None),
            (&["policies=A", "policies=A explicit=0"], None),
            (&["policies=A", "policies=B explicit=0"], Some(1)),
            // A policy must run through the whole path.
            (&["explicit=0 policies=AB", "policies=BC", "policies=C"], Some(2)),
            (&["explicit=0 policies=AB", "policies=BC", "policies=B"], None),
            (&["explicit=0 policies=A", "policies=B", "policies=A"], Some(1)),
        ] {
            assert_eq!(failing(path), step, "{path:?}");
        }
    }

    #[test]
    fn any_policy_stands_for_every_policy_until_it_is_inhibited() {
        for (path, step) in [
            (&["explicit=0 policies=*", "policies=A"][..], None),
            (&["explicit=0 policies=A", "policies=*"], None),
            (&["explicit=0 policies=A", "policies=*", "policies=A"], None),
            (&["explicit=0 policies=A", "policies=*", "policies=B"], Some(2)),
            (&["explicit=0 policies=A*", "policies=B", "policies=B"], None),
            (&["explicit=0 policies=*", "policies=*", "policies=*"], None),
            // inhibitAnyPolicy: how many certificates may follow in which it counts (section 4.2.1.14).
            (&["explicit=0 no-any=0 policies=*", "policies=*"], Some(1)),
            (&["explicit=0 no-any=0 policies=*", "policies=A"], None),
            (&["explicit=0 no-any=1 policies=A", "policies=*"], None),
            (&["explicit=0 no-any=1 policies=A", "policies=*", "policies=*"], Some(2)),
            (&["explicit=0 no-any=1 policies=A", "policies=A no-any=9", "policies=*"], Some(2)),
            (&["explicit=0 no-any=0 policies=A", "policies=A*", "policies=A"], None),
            (&["explicit=0 no-any=0 policies=AB", "policies=A*", "policies=B"], Some(2)),
            (&["explicit=0 no-any=9 policies=AB", "policies=A*", "policies=B"], None),
            // Section 6.1.3(d)(2): it counts in a self-issued certificate, but not in the last.
            (&["explicit=0 no-any=0 policies=A", "self-issued policies=*", "policies=A"], None),
            (&["explicit=0 no-any=0 policies=A", "policies=*", "policies=A"], Some(1)),
            (&["explicit=0 no-any=0 policies=A", "self-issued policies=*"], Some(1)),
            (&["explicit=0 no-any=1 policies=A", "self-issued policies=A", "policies=*"], None),
        ] {
            assert_eq!(failing(path), step, "{path:?}");
        }
    }

    #[test]
    fn a_mapped_policy_goes_on_under_its_other_name() {
        for (path, step) in [
            (&["explicit=0 policies=A map=A>B", "policies=B"][..], None),
            (&["explicit=0 policies=A map=A>B", "policies=A"], Some(1)),
            (&["explicit=0 policies=A map=A>B,A>C", "policies=C"], None),
            (&["explicit=0 policies=AB map=A>C,B>C", "policies=C"], None),
            (&["explicit=0 policies=AB map=A>B", "policies=B"], None),
            (&["explicit=0 policies=AB map=A>B,B>A", "policies=A"], None),
            (&["explicit=0 policies=AC map=A>B", "policies=C"], None),
            (&["explicit=0 policies=A map=A>B", "policies=B map=B>C", "policies=C"], None),
            (&["explicit=0 policies=A map=A>B", "policies=*", "policies=B"], None),
            (&["explicit=0 policies=A map=A>B", "policies=*", "policies=A"], Some(2)),
            // A policy that the certificate does not assert is not mapped, unless it asserts anyPolicy.
            (&["explicit=0 policies=A map=C>B", "policies=B"], Some(1)),
            (&["explicit=0 policies=A map=C>B", "policies=A"], None),
            (&["explicit=0 policies=* map=A>B", "policies=B"], None),
            (&["explicit=0 policies=* map=A>B", "policies=C"], None),
            (&["explicit=0 map=A>B", "policies=B"], Some(1)),
            // inhibitPolicyMapping: how many certificates may follow that map (section 4.2.1.11).
            (&["explicit=0 no-mapping=0 policies=A", "policies=A map=A>B", "policies=B"], Some(2)),
            (&["explicit=0 no-mapping=0 policies=A", "policies=A map=A>B", "policies=A"], Some(2)),
            (&["explicit=0 no-mapping=0 policies=AC", "policies=AC map=A>B", "policies=C"], None),
            (&["explicit=0 no-mapping=0 policies=*", "policies=* map=A>B", "policies=B"], None),
            (&["explicit=0 no-mapping=1 policies=A", "policies=A map=A>B", "policies=B"], None),
            (
                &["explicit=0 no-mapping=1 policies=A", "policies=A", "policies=A map=A>B", "policies=B"],
                Some(3),
            ),
            (
                &[
                    "explicit=0 no-mapping=1 policies=A",
                    "self-issued policies=A",
                    "policies=A map=A>B",
                    "policies=B",
                ],
                None,
            ),
            // Its own constraint counts for those that follow, not for itself.
            (&["explicit=0 no-mapping=0 policies=A map=A>B", "policies=B"], None),
            // Mappings of the last certificate are for nobody.
            (&["explicit=0 policies=A", "policies=A map=A>B"], None),
        ] {
            assert_eq!(failing(path), step, "{path:?}");
        }
    }

    #[test]
    fn mappings_that_double_a_tree_at_each_level_do_not_double_the_graph() {
        // RFC 9618 section 3.2: each certificate maps two policies to both.
        let level = "policies=AB map=A>A,A>B,B>A,B>B";
        let mut path = vec![level; 64];
        path.push("policies=A explicit=0");
        assert_eq!(failing(&path), None);
        // And with anyPolicy, as many policies as there can be.
        let (mut wide, _) = certificate("policies=* explicit=0");
        wide.mappings = (0..128).map(|n| Mapping { issuer: vec![0x2a, n], subject: vec![0x2b, n] }).collect();
        let path = vec![Step { extensions: &wide, self_issued: false }; 64];
        assert_eq!(process(&path), Ok(()));
    }

    /// A node of the `valid_policy_tree` of RFC 5280 section 6.1.2; policies are letters.
    struct Node {
        depth: usize,
        policy: char,
        expected: Vec<char>,
        parent: usize,
        deleted: bool,
    }

    /// The tree of RFC 5280 section 6.1, word by word.
    struct Tree(Vec<Node>);

    impl Tree {
        fn at(&self, depth: usize) -> Vec<usize> {
            let nodes = self.0.iter().enumerate();
            nodes.filter(|(_, node)| node.depth == depth && !node.deleted).map(|(index, _)| index).collect()
        }

        fn add(&mut self, parent: usize, policy: char, expected: Vec<char>) {
            let depth = self.0[parent].depth + 1;
            self.0.push(Node { depth, policy, expected, parent, deleted: false });
        }

        /// Section 6.1.3(d)(3), for nodes above `depth`.
        fn prune(&mut self, depth: usize) {
            for above in (0..depth).rev() {
                for index in self.at(above) {
                    let has_child = self
                        .0
                        .iter()
                        .any(|node| !node.deleted && node.depth == above + 1 && node.parent == index);
                    self.0[index].deleted = !has_child;
                }
            }
        }

        /// Section 6.1.3(d).
        fn assert_policies(&mut self, depth: usize, policies: &[char], any_counts: bool) {
            for &policy in policies.iter().filter(|policy| **policy != '*') {
                let parents = self.at(depth - 1);
                let matching: Vec<_> = parents
                    .iter()
                    .copied()
                    .filter(|parent| self.0[*parent].expected.contains(&policy))
                    .collect();
                let any = parents.into_iter().find(|parent| self.0[*parent].policy == '*');
                let from = if matching.is_empty() { any.into_iter().collect() } else { matching };
                from.into_iter().for_each(|parent| self.add(parent, policy, vec![policy]));
            }
            if policies.contains(&'*') && any_counts {
                for parent in self.at(depth - 1) {
                    for policy in self.0[parent].expected.clone() {
                        let is_there = self
                            .at(depth)
                            .iter()
                            .any(|child| self.0[*child].parent == parent && self.0[*child].policy == policy);
                        if !is_there {
                            self.add(parent, policy, vec![policy]);
                        }
                    }
                }
            }
            self.prune(depth);
        }

        /// Section 6.1.4(b).
        fn map(&mut self, depth: usize, mappings: &[(char, char)], policy_mapping: usize) {
            let issuers: BTreeSet<char> = mappings.iter().map(|(issuer, _)| *issuer).collect();
            for issuer in issuers {
                let subjects: Vec<_> =
                    mappings.iter().filter(|(from, _)| *from == issuer).map(|(_, to)| *to).collect();
                let level = self.at(depth);
                let nodes: Vec<_> =
                    level.iter().copied().filter(|node| self.0[*node].policy == issuer).collect();
                let any = level.into_iter().find(|node| self.0[*node].policy == '*');
                match (policy_mapping, any) {
                    (0, _) => nodes.into_iter().for_each(|node| self.0[node].deleted = true),
                    (_, Some(any)) if nodes.is_empty() => self.add(self.0[any].parent, issuer, subjects),
                    _ => nodes.into_iter().for_each(|node| self.0[node].expected.clone_from(&subjects)),
                }
            }
            self.prune(depth);
        }
    }

    /// One certificate for the tree: what `certificate` makes of the same in words.
    #[derive(Clone, Default)]
    struct Said {
        policies: Option<Vec<char>>,
        mappings: Vec<(char, char)>,
        explicit: Option<usize>,
        no_mapping: Option<usize>,
        no_any: Option<usize>,
        self_issued: bool,
    }

    impl Said {
        fn words(&self) -> String {
            let number = |key: &str, value: Option<usize>| {
                value.map_or_else(String::new, |value| format!(" {key}={value}"))
            };
            let mut words = self
                .policies
                .iter()
                .map(|policies| format!("policies={}", String::from_iter(policies)))
                .collect::<String>();
            if !self.mappings.is_empty() {
                let pairs: Vec<_> = self.mappings.iter().map(|(from, to)| format!("{from}>{to}")).collect();
                words += &format!(" map={}", pairs.join(","));
            }
            words += &number("explicit", self.explicit);
            words += &number("no-mapping", self.no_mapping);
            words += &number("no-any", self.no_any);
            words += if self.self_issued { " self-issued" } else { "" };
            words
        }
    }

    /// RFC 5280 section 6.1.3 to 6.1.5 with the tree.
    fn failing_by_tree(path: &[Said]) -> Option<usize> {
        let n = path.len();
        let mut tree =
            Tree(vec![Node { depth: 0, policy: '*', expected: vec!['*'], parent: 0, deleted: false }]);
        let [mut explicit, mut mapping, mut any] = [n + 1; 3];
        for (index, said) in path.iter().enumerate() {
            let i = index + 1;
            let policies = said.policies.as_deref().unwrap_or_default();
            tree.assert_policies(i, policies, any > 0 || (i < n && said.self_issued));
            if explicit == 0 && tree.at(i).is_empty() {
                return Some(index);
            }
            if i == n {
                explicit = explicit.saturating_sub(1);
                explicit = if said.explicit == Some(0) { 0 } else { explicit };
                return (explicit == 0 && tree.at(n).is_empty()).then_some(index);
            }
            tree.map(i, &said.mappings, mapping);
            for (variable, constraint) in
                [(&mut explicit, said.explicit), (&mut mapping, said.no_mapping), (&mut any, said.no_any)]
            {
                *variable = variable
                    .saturating_sub(usize::from(!said.self_issued))
                    .min(constraint.unwrap_or(usize::MAX));
            }
        }
        None
    }

    #[test]
    fn the_graph_gives_the_verdicts_of_the_tree() {
        // A linear congruential generator (Knuth's MMIX): the same cases in every run.
        let mut state = 1_u64;
        let mut below = |bound: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % bound
        };
        let mut failures = 0;
        for _ in 0..5_000 {
            let length = 1 + below(5);
            let path: Vec<_> = (0..length)
                .map(|index| {
                    let mut said = Said { self_issued: below(5) == 0, ..Said::default() };
                    if below(12) > 0 {
                        said.policies = Some("ABC*".chars().filter(|_| below(2) == 0).collect());
                    }
                    for _ in 0..below(4) {
                        let pair = (['A', 'B', 'C'][below(3)], ['A', 'B', 'C'][below(3)]);
                        if !said.mappings.contains(&pair) {
                            said.mappings.push(pair);
                        }
                    }
                    said.explicit =
                        if index == 0 { Some(below(3)) } else { (below(5) == 0).then(|| below(3)) };
                    said.no_mapping = (below(5) == 0).then(|| below(3));
                    said.no_any = (below(5) == 0).then(|| below(3));
                    said
                })
                .collect();
            let words: Vec<_> = path.iter().map(Said::words).collect();
            let expected = failing_by_tree(&path);
            failures += usize::from(expected.is_some());
            assert_eq!(
                failing(&words.iter().map(String::as_str).collect::<Vec<_>>()),
                expected,
                "{words:#?}"
            );
        }
        assert!((1_000..4_000).contains(&failures), "{failures}: too few of one verdict to mean anything");
    }

    fn list(elements: &[&[u8]]) -> Vec<u8> {
        tlv(0x30, &elements.concat())
    }

    /// The DER of a certificate in which nothing but these extensions has a meaning.
    fn certificate_der(extensions: &[u8]) -> Vec<u8> {
        let algorithm = list(&[&[6, 1, 0x2a]]);
        let date = tlv(0x17, b"260101000000Z");
        let to_be_signed = list(&[
            &tlv(0xa0, &[2, 1, 2]),
            &[2, 1, 1],
            &algorithm,
            &list(&[]),
            &list(&[&date, &date]),
            &list(&[]),
            &list(&[&algorithm, &[3, 1, 0]]),
            &tlv(0xa3, &tlv(0x30, extensions)),
        ]);
        list(&[&to_be_signed, &algorithm, &[3, 1, 0]])
    }

    /// What is read from the values of the four extensions, absent where empty.
    fn read(values: [&[u8]; 4]) -> Result<PolicyExtensions, CertificateError> {
        let oids = [CERTIFICATE_POLICIES, POLICY_MAPPINGS, POLICY_CONSTRAINTS, INHIBIT_ANY_POLICY];
        let extension = |oid, value: &[u8]| tlv(0x30, &[tlv(0x06, oid), tlv(0x04, value)].concat());
        let mut ders = vec![extension(&[0x55, 0x1d, 99], &[5, 0])];
        let present = oids.into_iter().zip(values).filter(|(_, value)| !value.is_empty());
        ders.extend(present.map(|(oid, value)| extension(oid, value)));
        let certificate = Certificate::from_der(&certificate_der(&ders.concat())).unwrap();
        PolicyExtensions::read(&certificate.extensions()?)
    }

    #[test]
    fn the_extensions_are_read() {
        assert_eq!(read([&[]; 4]), Ok(PolicyExtensions::default()));
        let [a, b] = [tlv(6, &policy('A')), tlv(6, &policy('B'))];
        let qualifier = list(&[&[6, 1, 0x2a], &[0x0c, 1, b'x']]);
        let policies = list(&[
            &list(&[&a]),
            &list(&[&b, &list(&[&qualifier, &qualifier])]),
            &list(&[&tlv(6, ANY_POLICY)]),
        ]);
        let mappings = list(&[&list(&[&a, &b]), &list(&[&a, &a])]);
        let expected = PolicyExtensions {
            policies: Some(vec![policy('A'), policy('B'), policy('*')]),
            mappings: certificate("map=A>B,A>A").0.mappings,
            require_explicit_policy: Some(3),
            inhibit_policy_mapping: Some(0),
            inhibit_any_policy: Some(u32::MAX),
        };
        let constraints = [0x30, 6, 0x80, 1, 3, 0x81, 1, 0];
        assert_eq!(read([&policies, &mappings, &constraints, &[2, 5, 1, 0, 0, 0, 0]]), Ok(expected));
        for (skip, number) in [
            (&[2, 1, 0][..], 0),
            (&[2, 2, 0, 0x80], 0x80),
            (&[2, 5, 0, 0xff, 0xff, 0xff, 0xff], u32::MAX),
            (&[2, 9, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], u32::MAX),
        ] {
            assert_eq!(read([&[], &[], &[], skip]).unwrap().inhibit_any_policy, Some(number));
        }
        let [explicit, mapping] = [[0x30, 3, 0x80, 1, 1], [0x30, 3, 0x81, 1, 1]];
        assert_eq!(read([&[], &[], &explicit, &[]]), Ok(certificate("explicit=1").0));
        assert_eq!(read([&[], &[], &mapping, &[]]), Ok(certificate("no-mapping=1").0));
    }

    #[test]
    fn the_extensions_are_read_strictly() {
        let [a, b, any] = [policy('A'), policy('B'), policy('*')].map(|oid| tlv(6, &oid));
        let qualifier = list(&[&[6, 1, 0x2a], &[5, 0]]);
        for (policies, why) in [
            (list(&[]), "no policy"),
            (list(&[&a]), "a policy without its SEQUENCE"),
            (list(&[&list(&[])]), "no identifier"),
            (list(&[&list(&[&a]), &list(&[&b]), &list(&[&a])]), "a policy twice"),
            (list(&[&list(&[&any]), &list(&[&any, &list(&[&qualifier])])]), "anyPolicy twice"),
            (list(&[&list(&[&a, &list(&[])])]), "no qualifier"),
            (list(&[&list(&[&a, &list(&[&list(&[&[6, 1, 0x2a]])])])]), "a qualifier without value"),
            (
                list(&[&list(&[&a, &list(&[&list(&[&[6, 1, 0x2a], &[5, 0], &[5, 0]])])])]),
                "a qualifier of two values",
            ),
            (list(&[&list(&[&a, &list(&[&qualifier]), &[5, 0]])]), "something after the qualifiers"),
            ([list(&[&list(&[&a])]), vec![0]].concat(), "something after the list"),
        ] {
            assert!(read([&policies, &[], &[], &[]]).is_err(), "{why}");
        }
        for (mappings, why) in [
            (list(&[]), "no mapping"),
            (list(&[&list(&[&a])]), "nothing to map to"),
            (list(&[&list(&[&a, &b, &a])]), "something after the mapping"),
            (list(&[&list(&[&any, &a])]), "from anyPolicy"),
            (list(&[&list(&[&a, &b]), &list(&[&a, &any])]), "to anyPolicy"),
            (list(&[&a, &b]), "no pair"),
        ] {
            assert!(read([&[], &mappings, &[], &[]]).is_err(), "{why}");
        }
        for constraints in [
            &[0x30, 0][..],
            &[0x30, 6, 0x81, 1, 0, 0x80, 1, 0],
            &[0x30, 3, 0x80, 1, 0xff],
            &[0x30, 2, 0x80, 0],
            &[0x30, 4, 0x80, 2, 0, 1],
            &[0x30, 3, 0x82, 1, 0],
            &[0x30, 3, 2, 1, 0],
        ] {
            assert!(read([&[], &[], constraints, &[]]).is_err(), "{constraints:02x?}");
        }
        for skip in [&[2, 1, 0xff][..], &[2, 2, 0, 1], &[0x80, 1, 0], &[0x30, 3, 2, 1, 0]] {
            assert!(read([&[], &[], &[], skip]).is_err(), "{skip:02x?}");
        }
    }

    #[test]
    fn the_numbers_of_policies_and_of_mappings_are_bounded() {
        let oid = |number: usize| {
            let [high, low] = [number >> 7, number & 0x7f].map(|part| u8::try_from(part).unwrap());
            tlv(6, &[0x2a, 0x81, 0x80 | high, low])
        };
        let policies =
            |count| tlv(0x30, &(0..count).flat_map(|number| list(&[&oid(number)])).collect::<Vec<_>>());
        let mappings = |count| {
            tlv(0x30, &(0..count).flat_map(|number| list(&[&oid(0), &oid(number)])).collect::<Vec<_>>())
        };
        let read_policies =
            |count| read([&policies(count), &[], &[], &[]]).map(|read| read.policies.unwrap().len());
        let read_mappings = |count| read([&[], &mappings(count), &[], &[]]).map(|read| read.mappings.len());
        let too_many = |what| Err(CertificateError::TooMany { what, limit: MAX_POLICIES });
        assert_eq!(read_policies(MAX_POLICIES), Ok(MAX_POLICIES));
        assert_eq!(read_policies(MAX_POLICIES + 1), too_many("certificate policies"));
        assert_eq!(read_mappings(MAX_POLICIES), Ok(MAX_POLICIES));
        assert_eq!(read_mappings(MAX_POLICIES + 1), too_many("policy mappings"));
    }
}
