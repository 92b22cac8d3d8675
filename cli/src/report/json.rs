//! The report as one JSON object on one line. Keys and words are stable; later versions may add keys.

use std::io::{self, Write};

use longhand::DateStatus;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

use super::{CertificateFacts, Report};
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
    help: Option<&'static str>,
    warnings: Vec<String>,
    image: Image,
    /// The verified copy, where one was made.
    output: Option<Output>,
    certificate: Option<Certificate>,
    /// Nothing yet: this version checks no chains.
    chain: Option<()>,
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
        verdict: exit.verdict(),
        exit_code: exit.number(),
        code: problem.and_then(Problem::code).map(longhand::ErrorCode::number),
        name: problem.map(Problem::name),
        disposition: problem.map(|problem| problem.disposition().as_str()),
        message: problem.map_or_else(|| report.verified(), |problem| printable(problem.message())),
        causes: problem
            .map(Problem::causes)
            .unwrap_or_default()
            .iter()
            .map(|cause| printable(cause))
            .collect(),
        help: problem.and_then(Problem::help),
        warnings: report.warnings(),
        image: Image {
            name: report.image.name.clone(),
            bytes: report.image.bytes,
            hash_method: report.image.hash_method.map(longhand::HashMethod::as_str),
            key_type: report.image.key_type.as_ref().map(ToString::to_string),
            digest: report.image.digest.map(|digest| digest.to_string()),
        },
        output: report.output.as_ref().map(|made| Output { path: made.path.clone(), bytes: made.bytes }),
        certificate: report.certificate.as_ref().map(certificate),
        chain: None,
        checks: checks.collect(),
    }
}

fn certificate(facts: &CertificateFacts) -> Certificate {
    let certificate = &facts.certificate;
    let validity = certificate.validity();
    Certificate {
        id: facts.id.clone(),
        fingerprint: certificate.fingerprint().to_string(),
        serial: certificate.serial().iter().map(|octet| format!("{octet:02x}")).collect(),
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
