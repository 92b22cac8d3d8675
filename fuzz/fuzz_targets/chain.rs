//! Chains over any graph of authorities: eight certificates that have signed each other in any way, and every rule that
//! a few bits can say. The verdict is that of a model that tries every path, whatever the order of the trusted set.
//!
//! An input is one octet of choices, one of time, then four octets a certificate, the signing certificate first.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use longhand::pki_types::UnixTime;
use longhand::{
    Certificate, CertificateValidator, ChainCertificate, ChainError, ChainPolicy, ErrorCode, TrustStore,
    VerifiedChain, limits,
};
use longhand_fuzz::made;
use openssl::x509::X509;

/// The model tries all paths: eight certificates have at most 13700.
const MOST: usize = 8;

struct Node {
    subject: u8,
    issuer: u8,
    key: u8,
    signed_with: u8,
    /// `None` without basicConstraints.
    authority: Option<bool>,
    path_length: Option<u32>,
    /// Without keyUsage `None`; digitalSignature, keyCertSign.
    usage: Option<(bool, bool)>,
    in_time: bool,
    broken: bool,
    odd_critical: bool,
    role: u8,
    certificate: Certificate,
}

const TRUSTED: u8 = 0;
const UNTRUSTED: u8 = 1;

impl Node {
    fn read(number: usize, [graph, rules, more, ids]: [u8; 4]) -> Self {
        let [subject, issuer, key, signed_with] = [graph & 3, graph >> 2 & 3, graph >> 4 & 3, graph >> 6];
        let authority = [Some(true), Some(true), Some(false), None][usize::from(rules & 3)];
        let path_length = [None, Some(0), Some(1), Some(2)][usize::from(rules >> 2 & 3)]
            .filter(|_| authority == Some(true));
        let usage =
            [Some((true, true)), None, Some((false, true)), Some((true, false))][usize::from(rules >> 4 & 3)];
        let broken = rules >> 6 == 3;
        let in_time = more & 7 != 7;
        let odd_critical = more >> 3 & 7 == 7;
        let role = more >> 6;
        let mut extensions = Vec::new();
        if let Some(is_authority) = authority {
            let mut value = if is_authority { vec![0x01, 0x01, 0xff] } else { vec![] };
            value.extend(path_length.iter().flat_map(|&length| [0x02, 0x01, length as u8]));
            extensions.extend(made::extension(19, true, &made::tlv(0x30, &value)));
        }
        if let Some((signs_data, signs_certificates)) = usage {
            let bits = u8::from(signs_data) << 7 | u8::from(signs_certificates) << 2;
            extensions.extend(made::extension(15, true, &[0x03, 0x02, bits.trailing_zeros() as u8, bits]));
        }
        if ids & 3 != 0 {
            extensions.extend(made::extension(14, false, &[0x04, 0x01, ids & 3]));
        }
        if ids >> 2 & 3 != 0 {
            extensions.extend(made::extension(35, false, &[0x30, 0x03, 0x80, 0x01, ids >> 2 & 3]));
        }
        if odd_critical {
            extensions.extend(made::extension(99, true, &[0x05, 0x00]));
        }
        let name = |number: u8| made::name(["A", "B", "C", "D"][usize::from(number)]);
        let mut der = made::Certificate {
            serial: number as u8,
            issuer: &name(issuer),
            subject: &name(subject),
            years: if in_time { [20 + (ids >> 4 & 3), 40 + (ids >> 6)] } else { [20, 21] },
            key,
            extensions: &extensions,
        }
        .sign(signed_with);
        if broken && let Some(octet) = der.len().checked_sub(20).and_then(|at| der.get_mut(at)) {
            *octet ^= 1;
        }
        let certificate = Certificate::from_der(&der).expect("well made");
        Self {
            subject,
            issuer,
            key,
            signed_with,
            authority,
            path_length,
            usage,
            in_time,
            broken,
            odd_critical,
            role: if number == 0 { role & 3 } else { role & 1 },
            certificate,
        }
    }

    fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }

    fn is_by(&self, issuer: &Self) -> bool {
        self.issuer == issuer.subject && self.signed_with == issuer.key && !self.broken
    }
}

/// The rules, written a second time.
struct Model<'a> {
    nodes: &'a [Node],
    preset: u8,
    dates: bool,
    signing_extensions: bool,
    path_length: bool,
    partial_chain: bool,
}

const CURSIVE: u8 = 0;
const RFC5280: u8 = 2;

impl Model<'_> {
    fn may_issue(&self, node: &Node) -> bool {
        let extensions = self.preset != CURSIVE;
        let authority = node.authority == Some(true)
            && match node.usage {
                Some((_, signs_certificates)) => signs_certificates,
                None => self.preset == RFC5280,
            };
        (node.in_time || !self.dates)
            && (authority || !self.signing_extensions)
            && !(extensions && node.odd_critical)
    }

    fn may_sign_images(&self, node: &Node) -> bool {
        let extensions = self.preset != CURSIVE;
        (node.in_time || !self.dates)
            && !(extensions && (node.odd_critical || node.usage.is_some_and(|(signs_data, _)| !signs_data)))
    }

    fn is_end(&self, node: &Node) -> bool {
        node.role == TRUSTED && (self.partial_chain || (node.is_self_issued() && node.is_by(node)))
    }

    fn allows_length(&self, issuer: &Node, between: &[usize]) -> bool {
        if !self.path_length {
            return true;
        }
        let counts = |&&index: &&usize| self.preset == CURSIVE || !self.nodes[index].is_self_issued();
        let found = between.iter().filter(counts).count();
        let no_constraints = self.preset == CURSIVE && issuer.authority.is_none();
        !no_constraints && issuer.path_length.is_none_or(|allowed| found <= allowed as usize)
    }

    fn is_trusted(&self) -> bool {
        let signer = &self.nodes[0];
        if !self.may_sign_images(signer) {
            return false;
        }
        let alone = signer.role == TRUSTED
            && signer.is_self_issued()
            && self.preset != RFC5280
            && self.may_issue(signer)
            && signer.is_by(signer);
        alone || self.leads_up(&mut vec![0])
    }

    fn leads_up(&self, path: &mut Vec<usize>) -> bool {
        let child = &self.nodes[path[path.len() - 1]];
        (0..self.nodes.len()).any(|index| {
            let issuer = &self.nodes[index];
            if path.contains(&index)
                || !child.is_by(issuer)
                || !self.may_issue(issuer)
                || !self.allows_length(issuer, &path[1..])
            {
                return false;
            }
            path.push(index);
            let trusted = self.is_end(issuer) || self.leads_up(path);
            path.pop();
            trusted
        })
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((&[choices, time], rest)) = input.split_first_chunk() else { return };
    let nodes: Vec<Node> = rest
        .chunks_exact(4)
        .take(MOST)
        .enumerate()
        .map(|(number, octets)| Node::read(number, octets.try_into().expect("four")))
        .collect();
    if nodes.is_empty() {
        return;
    }
    let rfc5280 = choices % 3 == RFC5280;
    let model = Model {
        nodes: &nodes,
        preset: choices % 3,
        dates: rfc5280 || time & 1 == 0,
        signing_extensions: rfc5280 || time & 2 == 0,
        path_length: rfc5280 || time & 4 == 0,
        partial_chain: time & 8 != 0,
    };
    let policy = match choices % 3 {
        CURSIVE => ChainPolicy::cursive(),
        RFC5280 => ChainPolicy::rfc5280(),
        _ => ChainPolicy::default(),
    }
    .enforce_valid_dates(time & 1 == 0)
    .enforce_signing_extensions(time & 2 == 0)
    .enforce_path_length(time & 4 == 0)
    .partial_chain(model.partial_chain);

    let judged = judge(&nodes, &policy, false);
    assert_same(&judged, &judge(&nodes, &policy, true));
    match &judged {
        Ok(chain) => assert_holds(chain, &nodes),
        Err(error) => {
            let shown = format!("{error} {error:?}");
            assert!(!shown.chars().any(char::is_control), "{shown:?}");
            // rustls-webpki is asked only about what it judges as we do.
            assert_ne!(error.code(), ErrorCode::ChainSecondOpinion, "{error}");
            assert_ne!(error.code(), ErrorCode::ChainBudgetSpent, "{error}");
        }
    }
    let is_trusted = model.is_trusted();
    assert_eq!(judged.is_ok(), is_trusted, "{judged:?}");
});

fn judge(nodes: &[Node], policy: &ChainPolicy, reversed: bool) -> Result<VerifiedChain, ChainError> {
    let role = |role| nodes.iter().filter(move |node| node.role == role);
    let mut trusted: Vec<_> = role(TRUSTED).map(|node| ("t", node.certificate.clone())).collect();
    let mut untrusted: Vec<_> =
        role(UNTRUSTED).map(|node| ChainCertificate::new(node.certificate.clone(), None)).collect();
    if reversed {
        trusted.reverse();
        untrusted.reverse();
    }
    CertificateValidator::builder()
        .trusted(TrustStore::from_certificates(trusted))
        .intermediates(untrusted)
        .policy(policy.clone())
        .at(UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000)))
        .build()
        .validate(&nodes[0].certificate)
}

fn assert_same(one: &Result<VerifiedChain, ChainError>, other: &Result<VerifiedChain, ChainError>) {
    match (one, other) {
        (Ok(one), Ok(other)) => {
            assert_eq!(one.certificates().len(), other.certificates().len());
            let mut pairs = one.certificates().iter().zip(other.certificates());
            assert!(pairs.all(|(one, other)| one.certificate() == other.certificate()));
            assert_eq!((one.end(), one.work()), (other.end(), other.work()));
        }
        (Err(one), Err(other)) => assert_eq!(one.code(), other.code(), "{one}\n{other}"),
        _ => panic!("the order of the trusted set decides: {one:?} {other:?}"),
    }
}

/// The links are what OpenSSL takes for links, and the end is trusted.
fn assert_holds(chain: &VerifiedChain, nodes: &[Node]) {
    assert!(chain.work() <= limits::MAX_CHAIN_WORK);
    let certificates = chain.certificates();
    assert_eq!(certificates[0].certificate(), &nodes[0].certificate);
    let end = certificates.last().expect("a chain has an end").certificate();
    assert!(nodes.iter().any(|node| node.role == TRUSTED && node.certificate == *end));
    for pair in certificates.windows(2) {
        let [child, issuer] = [0, 1].map(|place| pair[place].certificate());
        assert_eq!(child.issuer().as_der(), issuer.subject().as_der());
        let key = X509::from_der(&issuer.der()).and_then(|issuer| issuer.public_key()).expect("well made");
        assert_eq!(X509::from_der(&child.der()).and_then(|child| child.verify(&key)).ok(), Some(true));
    }
}
