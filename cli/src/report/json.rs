//! The report as one JSON object on one line. Keys and words are stable; later versions may add keys.

use std::io::{self, Write};

use longhand::{ChainCertificate, DateStatus, DroppedCandidate, SkippedCertificate};
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

use super::chain::skip_reason;
use super::{CertificateFacts, ChainFacts, Report};
use crate::exit::Exit;
use crate::printable::printable;
use crate::problem::Problem;

/// Writes the report to standard output.
pub(super) fn show(report: &Report, problem: Option<&Problem>, exit: Exit) -> io::Result<()> {
    let mut line = Vec::new();
    object(report, problem, exit).serialize(&mut Serializer::with_formatter(&mut line, Ascii))?;
    line.push(b'\n');
    io::stdout().write_all(&line)
}

#[derive(Serialize)]
struct Object {
    verdict: &'static str,
    exit_code: u8,
    code: Option<u16>,
    name: Option<&'static str>,
    disposition: Option<&'static str>,
    message: String,
    causes: Vec<String>,
    help: Option<String>,
    warnings: Vec<String>,
    /// What a yes rests on beside the signature; nothing where there is no yes.
    trust: Option<&'static str>,
    image: Image,
    /// The verified copy, where one was made.
    output: Option<Output>,
    certificate: Option<Certificate>,
    /// How the chain was judged, where one was asked for and the check was reached.
    chain: Option<Chain>,
    checks: Vec<Check>,
}

#[derive(Serialize)]
struct Image {
    name: Option<String>,
    bytes: Option<u64>,
    hash_method: Option<&'static str>,
    key_type: Option<String>,
    digest: Option<String>,
}

#[derive(Serialize)]
struct Output {
    path: String,
    bytes: u64,
}

#[derive(Serialize)]
struct Certificate {
    id: String,
    fingerprint: String,
    serial: String,
    subject: String,
    issuer: String,
    not_before: String,
    not_after: String,
    date_status: &'static str,
    looked_at: String,
    key: Option<Key>,
}

#[derive(Serialize)]
struct Key {
    kind: String,
    bits: u32,
}

/// The chain, or as far as one was found.
#[derive(Serialize)]
struct Chain {
    /// The signing certificate first. Of a chain that broke, those up to where it did.
    certificates: Vec<Link>,
    end: Option<&'static str>,
    policy: &'static str,
    /// The rules that were switched off.
    relaxed: Vec<&'static str>,
    second_opinion: Option<SecondOpinion>,
    revocation: Option<&'static str>,
    /// In checks of an RSA-2048 signature.
    work: Option<u32>,
    notes: Vec<String>,
    /// Where the most promising chain broke.
    broken: Option<Dropped>,
    /// What else was tried and dropped.
    candidates: Vec<Dropped>,
    more_candidates: usize,
    /// Trusted certificates that can issue nothing.
    skipped: Vec<Skipped>,
}

#[derive(Serialize)]
struct Link {
    id: Option<String>,
    fingerprint: String,
    serial: String,
    subject: String,
    issuer: String,
    not_before: String,
    not_after: String,
}

#[derive(Serialize)]
struct SecondOpinion {
    result: &'static str,
    detail: Option<String>,
}

#[derive(Serialize)]
struct Dropped {
    certificate: Named,
    /// The certificate whose issuer it might have been.
    issued: Option<Named>,
    code: u16,
    name: &'static str,
    rule: String,
    clause: &'static str,
}

#[derive(Serialize)]
struct Named {
    id: Option<String>,
    subject: String,
}

#[derive(Serialize)]
struct Skipped {
    id: String,
    code: u16,
    name: &'static str,
    reason: String,
}

#[derive(Serialize)]
struct Check {
    name: &'static str,
    result: &'static str,
    detail: String,
}

fn object(report: &Report, problem: Option<&Problem>, exit: Exit) -> Object {
    let checks = report.checks.0.iter().map(|check| Check {
        name: check.name.as_str(),
        result: check.result.as_str(),
        detail: printable(&check.detail),
    });
    Object {
        verdict: report.verdict(exit),
        exit_code: exit.number(),
        code: problem.and_then(Problem::code).map(longhand::ErrorCode::number),
        name: problem.map(Problem::name),
        disposition: problem.and_then(Problem::disposition).map(longhand::Disposition::as_str),
        message: problem.map_or_else(|| report.verified(), |problem| printable(problem.message())),
        causes: problem
            .map(Problem::causes)
            .unwrap_or_default()
            .iter()
            .map(|cause| printable(cause))
            .collect(),
        help: problem.map(|problem| printable(&problem.help().join("; "))).filter(|help| !help.is_empty()),
        warnings: report.warnings(problem.is_none()),
        trust: problem.is_none().then(|| report.trust()),
        image: Image {
            name: report.image.name.clone(),
            bytes: report.image.bytes,
            hash_method: report.image.hash_method.map(longhand::HashMethod::as_str),
            key_type: report.image.key_type.as_ref().map(ToString::to_string),
            digest: report.image.digest.map(|digest| digest.to_string()),
        },
        output: report.output.as_ref().map(|made| Output { path: made.path.clone(), bytes: made.bytes }),
        certificate: report.certificate.as_ref().map(certificate),
        chain: report.chain.as_ref().map(chain),
        checks: checks.collect(),
    }
}

fn certificate(facts: &CertificateFacts) -> Certificate {
    let certificate = &facts.certificate;
    let validity = certificate.validity();
    Certificate {
        id: facts.id.clone(),
        fingerprint: certificate.fingerprint().to_string(),
        serial: serial(certificate),
        subject: certificate.subject().to_string(),
        issuer: certificate.issuer().to_string(),
        not_before: validity.not_before().to_string(),
        not_after: validity.not_after().to_string(),
        date_status: match facts.date_status() {
            DateStatus::Valid => "valid",
            DateStatus::NotYetValid => "not_yet_valid",
            DateStatus::Expired => "expired",
            _ => "not_checked",
        },
        looked_at: facts.at.to_string(),
        key: facts.key.as_ref().map(|key| Key { kind: key.kind().to_string(), bits: key.bits() }),
    }
}

fn serial(certificate: &longhand::Certificate) -> String {
    certificate.serial().iter().map(|octet| format!("{octet:02x}")).collect()
}

fn chain(facts: &ChainFacts) -> Chain {
    let verified = facts.verified();
    let second_opinion = facts.second_opinion();
    Chain {
        certificates: facts.certificates().iter().map(link).collect(),
        end: facts.end(),
        policy: facts.policy(),
        relaxed: facts.rules().relaxed.iter().map(|rule| rule.as_str()).collect(),
        second_opinion: second_opinion.map(|(result, detail)| SecondOpinion { result, detail }),
        revocation: facts.revocation(),
        work: verified.map(longhand::VerifiedChain::work),
        notes: verified
            .map(|chain| chain.notes().iter().map(ToString::to_string).collect())
            .unwrap_or_default(),
        broken: facts.broken().map(dropped),
        candidates: facts.candidates().iter().map(dropped).collect(),
        more_candidates: facts.more_candidates(),
        skipped: facts.skipped().iter().map(skipped).collect(),
    }
}

fn link(link: &ChainCertificate) -> Link {
    let certificate = link.certificate();
    Link {
        id: link.id().map(str::to_owned),
        fingerprint: certificate.fingerprint().to_string(),
        serial: serial(certificate),
        subject: certificate.subject().to_string(),
        issuer: certificate.issuer().to_string(),
        not_before: certificate.validity().not_before().to_string(),
        not_after: certificate.validity().not_after().to_string(),
    }
}

fn named(certificate: &ChainCertificate) -> Named {
    Named {
        id: certificate.id().map(str::to_owned),
        subject: certificate.certificate().subject().to_string(),
    }
}

fn dropped(candidate: &DroppedCandidate) -> Dropped {
    let code = candidate.violation.code();
    Dropped {
        certificate: named(&candidate.certificate),
        issued: candidate.issued.as_ref().map(named),
        code: code.number(),
        name: code.name(),
        rule: printable(&candidate.violation.to_string()),
        clause: candidate.violation.clause(),
    }
}

fn skipped(skipped: &SkippedCertificate) -> Skipped {
    let code = skipped.reason.code();
    Skipped {
        id: skipped.id.clone(),
        code: code.number(),
        name: code.name(),
        reason: printable(&skip_reason(skipped)),
    }
}

/// Writes JSON in ASCII alone, so that no text in it acts on the terminal that shows it. Read back, it is the same text.
struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        for character in fragment.chars() {
            if matches!(character, ' '..='~') {
                CompactFormatter.write_string_fragment(out, character.encode_utf8(&mut [0; 4]))?;
            } else {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_ascii_and_reads_back_as_itself() {
        let text = "a\"\\\n\u{1b}\u{7f}\u{9b}\u{202e}é𝄞";
        let mut line = Vec::new();
        text.serialize(&mut Serializer::with_formatter(&mut line, Ascii)).unwrap();
        assert!(line.iter().all(|byte| (b' '..=b'~').contains(byte)));
        assert_eq!(serde_json::from_slice::<String>(&line).unwrap(), text);
    }
}
