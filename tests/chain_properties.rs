//! The search against a slow one that cannot be wrong: random authorities that certify each other, every simple path
//! among them, and the rules read off the path.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

mod common;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use common::authority::{AT, Draft, key, stored};
use common::chain::time;
use common::der::Der;
use longhand::{
    Certificate, CertificateValidator, ChainCertificate, ChainError, ChainPolicy, ErrorCode, NotAsked,
    SecondOpinion, TrustStore, VerifiedChain,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// A name with one of its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Holder {
    name: u32,
    key: u32,
}

impl Holder {
    fn name(self) -> String {
        format!("authority {}", self.name)
    }

    fn key_number(self) -> u32 {
        self.name * 10 + self.key
    }
}

/// A certificate of the graph: an edge from the issuer to the subject.
#[derive(Clone, Debug)]
struct Edge {
    subject: Holder,
    issuer: Holder,
    /// Whose key made the signature, if not the issuer's: the edge leads nowhere.
    forged_by: Option<u32>,
    is_authority: bool,
    path_length: Option<u32>,
    is_trusted: bool,
    /// What it says of its own and of its issuer's key, right or wrong: a hint that may change no verdict.
    subject_key_id: Option<u8>,
    authority_key_id: Option<u8>,
}

impl Edge {
    fn certificate(&self, number: usize) -> Certificate {
        let draft = Draft::new(&self.subject.name(), &key(self.subject.key_number()))
            .serial(u32::try_from(number).unwrap() + 1);
        let draft = if self.is_authority { draft.authority(self.path_length) } else { draft };
        let draft = match self.subject_key_id {
            Some(id) => draft.extension(14, Der::Primitive(0x04, vec![id])),
            None => draft,
        };
        let draft = match self.authority_key_id {
            Some(id) => draft.extension(35, Der::Constructed(0x30, vec![Der::Primitive(0x80, vec![id])])),
            None => draft,
        };
        let signing = self.forged_by.unwrap_or(self.issuer.key_number());
        draft.signed(&self.issuer.name(), &key(signing))
    }

    fn is_self_issued(&self) -> bool {
        self.subject.name == self.issuer.name
    }

    /// Whether the holder of the other certificate's key made this one's signature.
    fn is_signed_by(&self, other: &Self) -> bool {
        self.issuer == other.subject && self.forged_by.is_none()
    }

    fn is_root(&self) -> bool {
        self.is_trusted && self.is_signed_by(self)
    }
}

/// Certificates, which of them signs the image, and an order to give them in.
#[derive(Clone, Debug)]
struct Graph {
    edges: Vec<Edge>,
    signer: usize,
    order: Vec<usize>,
}

fn holder(names: u32, keys: u32) -> impl Strategy<Value = Holder> {
    (0..names, 0..keys).prop_map(|(name, key)| Holder { name, key })
}

fn edge(names: u32, keys: u32) -> impl Strategy<Value = Edge> {
    let hint = || prop_oneof![3 => Just(None), 1 => (0..3_u8).prop_map(Some)];
    // Self-signed ones would be rare.
    let issuer = prop_oneof![1 => Just(None), 3 => holder(names, keys).prop_map(Some)];
    let forged_by = prop_oneof![12 => Just(None), 1 => Just(Some(999))];
    let path_length = prop_oneof![2 => Just(None), 1 => (0..4_u32).prop_map(Some)];
    let flags = (prop::bool::weighted(0.93), prop::bool::weighted(0.7));
    (holder(names, keys), issuer, forged_by, path_length, flags, hint(), hint()).prop_map(
        |(subject, issuer, forged_by, path_length, flags, subject_key_id, authority_key_id)| Edge {
            subject,
            issuer: issuer.unwrap_or(subject),
            forged_by,
            is_authority: flags.0,
            path_length: path_length.filter(|_| flags.0),
            is_trusted: flags.1,
            subject_key_id,
            authority_key_id,
        },
    )
}

fn graph() -> impl Strategy<Value = Graph> {
    (3..=8_u32, prop_oneof![3 => Just(1_u32), 2 => Just(2), 1 => Just(3)])
        .prop_flat_map(|(names, keys)| {
            let most = usize::try_from(names).unwrap() + 7;
            (prop::collection::vec(edge(names, keys), 4..=most), any::<prop::sample::Index>())
        })
        .prop_flat_map(|(edges, signer)| {
            let signer = signer.index(edges.len());
            let order: Vec<_> = (0..edges.len()).collect();
            (Just(edges), Just(signer), Just(order).prop_shuffle())
        })
        .prop_map(|(mut edges, signer, order)| {
            // Half of the signers are authorities, which stand in the graph themselves.
            if signer % 2 == 0 {
                edges[signer].is_authority = false;
                edges[signer].path_length = None;
            }
            Graph { edges, signer, order }
        })
}

/// The three sets of rules, as far as they differ here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rules {
    Cursive,
    Default,
    Rfc5280,
}

impl Rules {
    fn policy(self) -> ChainPolicy {
        match self {
            Self::Cursive => ChainPolicy::cursive(),
            Self::Default => ChainPolicy::default(),
            Self::Rfc5280 => ChainPolicy::rfc5280(),
        }
    }
}

/// Every simple path from the signing certificate to a trusted root that keeps the rules, and how many steps it took
/// to find them.
struct Reference<'a> {
    edges: &'a [Edge],
    rules: Rules,
    good: Vec<Vec<usize>>,
    /// Paths to a root that break a rule.
    broken: u32,
    steps: u32,
}

impl<'a> Reference<'a> {
    fn of(graph: &'a Graph, rules: Rules) -> Self {
        let mut reference = Self { edges: &graph.edges, rules, good: Vec::new(), broken: 0, steps: 0 };
        reference.walk(&mut vec![graph.signer]);
        reference
    }

    fn walk(&mut self, path: &mut Vec<usize>) {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return;
        }
        let last = *path.last().unwrap();
        if self.edges[last].is_root() {
            if !self.keeps_the_rules(path) {
                self.broken += 1;
            } else {
                self.good.push(path.clone());
            }
        }
        for next in 0..self.edges.len() {
            if !path.contains(&next) && self.edges[last].is_signed_by(&self.edges[next]) {
                path.push(next);
                self.walk(path);
                path.pop();
            }
        }
    }

    fn keeps_the_rules(&self, path: &[usize]) -> bool {
        let (signer, issuers) = path.split_first().unwrap();
        if issuers.is_empty() {
            return self.rules != Rules::Rfc5280 && self.edges[*signer].is_authority;
        }
        issuers.iter().enumerate().all(|(height, issuer)| {
            let between = issuers[..height].iter().map(|&index| &self.edges[index]);
            let counted =
                between.filter(|edge| self.rules == Rules::Cursive || !edge.is_self_issued()).count();
            let allowed = self.edges[*issuer].path_length;
            self.edges[*issuer].is_authority
                && allowed.is_none_or(|allowed| counted <= usize::try_from(allowed).unwrap())
        })
    }
}

/// Judges the signing certificate with the others given in this order.
fn judge(
    certificates: &[Certificate],
    graph: &Graph,
    order: impl Iterator<Item = usize> + Clone,
    rules: Rules,
) -> Result<VerifiedChain, ChainError> {
    let of_role =
        |is_trusted: bool| order.clone().filter(move |&index| graph.edges[index].is_trusted == is_trusted);
    let trusted = of_role(true).map(|index| (index.to_string(), certificates[index].clone()));
    let helpers = of_role(false).map(|index| stored(&index.to_string(), &certificates[index]));
    let signer = stored(&graph.signer.to_string(), &certificates[graph.signer]);
    CertificateValidator::builder()
        .trusted(TrustStore::from_certificates(trusted))
        .intermediates(helpers)
        .policy(rules.policy())
        .at(time(AT))
        .build()
        .validate_stored(&signer, &[])
}

/// All that an answer says, but for the order of the skipped.
fn shown(judged: &Result<VerifiedChain, ChainError>) -> String {
    match judged {
        Ok(chain) => {
            format!("{chain} {} {:?} {:?}", chain.work(), chain.second_opinion(), chain.notes())
        }
        Err(error) => {
            let candidates = error.candidates();
            let listed = candidates.map(|tried| {
                let tried: Vec<_> = tried.listed.iter().map(ToString::to_string).collect();
                tried.join("; ")
            });
            format!("{error} {listed:?} {:?}", candidates.map(|tried| tried.more))
        }
    }
}

fn path_of(chain: &VerifiedChain) -> Vec<usize> {
    let index = |member: &ChainCertificate| member.id().unwrap().parse().unwrap();
    chain.certificates().iter().map(index).collect()
}

/// What the graphs were like, so that the property is known to have been asked something.
#[derive(Debug, Default)]
struct Seen {
    good: u32,
    bad: u32,
    /// Beside the good path there was one to a root that breaks a rule.
    among_bad_ones: u32,
    chain_of_one: u32,
    longest: usize,
    webpki_agreed: u32,
}

const CASES: u32 = 1000;

/// Graphs on which the slow search takes more steps are passed over.
const MAX_STEPS: u32 = 3000;

fn check(
    graph: &Graph,
    certificates: &[Certificate],
    rules: Rules,
    seen: &RefCell<BTreeMap<Rules, Seen>>,
) -> Result<(), TestCaseError> {
    let reference = Reference::of(graph, rules);
    prop_assume!(reference.steps <= MAX_STEPS);
    let forward = judge(certificates, graph, 0..graph.edges.len(), rules);
    let mut seen = seen.borrow_mut();
    let seen = seen.entry(rules).or_default();
    match &forward {
        Ok(chain) => {
            let path = path_of(chain);
            prop_assert!(reference.good.contains(&path), "{path:?} is none of {:?}", reference.good);
            seen.good += 1;
            seen.longest = seen.longest.max(path.len());
            seen.chain_of_one += u32::from(path.len() == 1);
            seen.webpki_agreed += u32::from(chain.second_opinion() == SecondOpinion::Agreed);
            let asked = chain.second_opinion() != SecondOpinion::NotAsked(NotAsked::Policy);
            prop_assert_eq!(asked, rules == Rules::Rfc5280);
            seen.among_bad_ones += u32::from(reference.broken > 0);
        }
        Err(error) => {
            prop_assert!(reference.good.is_empty(), "{error}, but {:?}", reference.good);
            prop_assert!(error.code() != ErrorCode::ChainBudgetSpent, "{error}");
            seen.bad += 1;
        }
    }
    let backward = judge(certificates, graph, (0..graph.edges.len()).rev(), rules);
    let shuffled = judge(certificates, graph, graph.order.iter().copied(), rules);
    prop_assert_eq!(shown(&forward), shown(&backward));
    prop_assert_eq!(shown(&forward), shown(&shuffled));
    Ok(())
}

/// The same graphs each time, so that the counts at the end are known.
fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

#[test]
fn the_search_agrees_with_every_path_tried_and_the_order_of_the_set_changes_nothing() {
    let seen: RefCell<BTreeMap<Rules, Seen>> = RefCell::default();
    let cases = Cell::new(0);
    let outcome = runner(CASES).run(&graph(), |graph| {
        cases.set(cases.get() + 1);
        let numbered = graph.edges.iter().enumerate();
        let certificates: Vec<_> = numbered.map(|(number, edge)| edge.certificate(number)).collect();
        for rules in [Rules::Cursive, Rules::Default, Rules::Rfc5280] {
            check(&graph, &certificates, rules, &seen)?;
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    assert_eq!(cases.get(), CASES);
    for (rules, seen) in seen.into_inner() {
        let often = |count: u32, least: u32| assert!(count >= least, "{rules:?} {seen:?}");
        often(seen.good, 200);
        often(seen.bad, 200);
        often(seen.among_bad_ones, 50);
        assert!(seen.longest >= 4, "{rules:?} {seen:?}");
        if rules == Rules::Rfc5280 {
            often(seen.webpki_agreed, 50);
        } else {
            often(seen.chain_of_one, 50);
        }
    }
}
