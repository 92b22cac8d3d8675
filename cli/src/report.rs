//! What is known about an image or a certificate at the end, whatever the end, and its two forms: text and JSON.

use std::io::{self, Write as _};

use longhand::pki_types::UnixTime;
use longhand::{Certificate, DateStatus, Digest, HashMethod, KeyType, PublicKey, Timestamp};

use crate::arguments::{ChainArguments, VerifyArguments};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::printable::printable;
use crate::problem::Problem;

mod chain;
mod json;
mod text;
mod tree;

pub(crate) use chain::{ChainFacts, Relaxed, Rules, shown_link};

/// How a report is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Quiet,
    Json,
}

impl Form {
    pub(crate) fn of(arguments: &VerifyArguments) -> Self {
        match (arguments.json, arguments.quiet) {
            (true, _) => Self::Json,
            (false, true) => Self::Quiet,
            (false, false) => Self::Text,
        }
    }

    pub(crate) fn of_chain(arguments: &ChainArguments) -> Self {
        if arguments.json { Self::Json } else { Self::Text }
    }
}

/// Shows how it ended, and says how to exit. A verdict that could not be written is not given: never 0.
pub(crate) fn show(report: &Report, problem: Option<&Problem>, form: Form) -> Exit {
    let exit = problem.map_or(Exit::Verified, Problem::exit);
    let written = match form {
        Form::Json => json::show(report, problem, exit),
        Form::Text | Form::Quiet => text::show(report, problem, form == Form::Quiet),
    };
    match written.and_then(|()| io::stdout().flush()) {
        Err(error) if exit == Exit::Verified => {
            let problem = Problem::caused(Fault::OutputUnwritable, "the verdict cannot be written", &error);
            text::show_problem(&Report::new(report.asked), &problem);
            problem.exit()
        }
        _ => exit,
    }
}

/// What the command was asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// `longhand verify`
    Image,
    /// `longhand chain`
    Certificate,
}

impl Asked {
    /// The word for a yes. A certificate alone verifies nothing.
    const fn yes(self) -> &'static str {
        match self {
            Self::Image => "verified",
            Self::Certificate => "trusted",
        }
    }
}

/// What is known so far.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) asked: Asked,
    /// The policy's name, once it is known.
    pub(crate) policy: Option<&'static str>,
    pub(crate) image: ImageFacts,
    pub(crate) output: Option<OutputFacts>,
    pub(crate) certificate: Option<CertificateFacts>,
    pub(crate) chain: Option<ChainFacts>,
    /// What else a user should know although the verdict does not depend on it.
    pub(crate) remarks: Vec<String>,
    pub(crate) checks: Checks,
}

impl Report {
    pub(crate) fn new(asked: Asked) -> Self {
        Self {
            asked,
            policy: None,
            image: ImageFacts::default(),
            output: None,
            certificate: None,
            chain: None,
            remarks: Vec::new(),
            checks: Checks::of(asked),
        }
    }

    /// The word for how it ended.
    fn verdict(&self, exit: Exit) -> &'static str {
        if exit == Exit::Verified { self.asked.yes() } else { exit.verdict() }
    }

    /// The verdict in one line, where it is yes.
    fn verified(&self) -> String {
        let relaxed = self.chain.as_ref().map(ChainFacts::rules).filter(|rules| !rules.relaxed.is_empty());
        let relaxed = relaxed.map(|rules| format!("; chain by {}", rules.in_words())).unwrap_or_default();
        if let (Asked::Certificate, Some(facts)) = (self.asked, &self.certificate) {
            return printable(&format!("{}{relaxed}", facts.shown()));
        }
        let mut line = self.image.shown().to_owned();
        if let (Some(key_type), Some(hash_method)) = (&self.image.key_type, self.image.hash_method) {
            line.push_str(&format!(": {key_type} with {hash_method}"));
        }
        if let Some(bytes) = self.image.bytes {
            line.push_str(&format!(", {bytes} bytes"));
        }
        if let Some(facts) = &self.certificate {
            line.push_str(&format!(", certificate {}", facts.shown()));
        }
        if let Some(output) = &self.output {
            line.push_str(&format!(", written to {}", output.path));
        }
        line.push_str(&relaxed);
        printable(&line)
    }

    /// What a yes rests on beside the signature.
    fn trust(&self) -> &'static str {
        match self.chain.as_ref().and_then(ChainFacts::end) {
            Some("pinned") => "pinned",
            Some(_) => "chain",
            None => "none",
        }
    }

    /// That a yes says nothing of the certificate, where that is so.
    fn trust_warning(&self) -> Option<String> {
        if self.trust() != "none" {
            return None;
        }
        let why = match self.policy {
            Some(policy @ ("glance" | "cinder")) => format!("the policy {policy} asks for no chain"),
            Some("nova") => "neither the settings nor the user ask for a chain".to_owned(),
            _ => "nothing to trust is given".to_owned(),
        };
        Some(format!(
            "the certificate's trust is not checked, because {why}: whoever can put a certificate into the key \
             manager can sign any image; --policy trusted refuses an image where no chain is checked"
        ))
    }

    /// What a user should know although the verdict does not depend on it.
    fn warnings(&self, is_verified: bool) -> Vec<String> {
        let empty = self.image.bytes == Some(0);
        let mut warnings: Vec<_> = self.trust_warning().filter(|_| is_verified).into_iter().collect();
        warnings.extend(self.date_warning());
        warnings.extend(empty.then(|| "the image is empty: no byte was read".to_owned()));
        if let (Some(chain), Some(facts)) = (&self.chain, &self.certificate) {
            warnings.extend(chain.warnings(facts.at));
        }
        warnings.extend(self.remarks.iter().cloned());
        warnings
    }

    fn date_warning(&self) -> Option<String> {
        // Of a chain that is out of date the error says it.
        let facts = self.certificate.as_ref()?;
        let is_said = self.chain.as_ref().is_some_and(ChainFacts::is_out_of_date);
        chain::out_of_date("the certificate", &facts.certificate, facts.at).filter(|_| !is_said)
    }
}

/// What is known of the image.
#[derive(Debug, Default)]
pub(crate) struct ImageFacts {
    /// As it was given.
    pub(crate) name: Option<String>,
    /// How many bytes were read.
    pub(crate) bytes: Option<u64>,
    pub(crate) hash_method: Option<HashMethod>,
    pub(crate) key_type: Option<KeyType>,
    pub(crate) digest: Option<Digest>,
}

impl ImageFacts {
    /// Its name in words.
    pub(crate) fn shown(&self) -> &str {
        match self.name.as_deref() {
            None => "the image",
            Some("-") => "standard input",
            Some(name) => name,
        }
    }
}

/// The verified copy, where one was made.
#[derive(Debug)]
pub(crate) struct OutputFacts {
    /// As it was given.
    pub(crate) path: String,
    pub(crate) bytes: u64,
}

/// What is known of the certificate.
#[derive(Debug)]
pub(crate) struct CertificateFacts {
    id: String,
    certificate: Certificate,
    key: Option<PublicKey>,
    at: Timestamp,
}

impl CertificateFacts {
    pub(crate) fn new(id: &str, certificate: Certificate, at: UnixTime) -> Self {
        let key = certificate.public_key().ok();
        Self { id: id.to_owned(), certificate, key, at: Timestamp::from(at) }
    }

    /// Where the time that counts lies against its validity.
    fn date_status(&self) -> DateStatus {
        self.certificate.validity().status(self.at)
    }

    /// Its key, in words.
    pub(crate) fn key(&self) -> Option<String> {
        self.key.as_ref().map(|key| format!("{}, {} bits", key.kind(), key.bits()))
    }

    /// Its id and its subject.
    pub(crate) fn shown(&self) -> String {
        chain::shown(Some(&self.id), &self.certificate)
    }
}

/// The checks, in the order in which they are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CheckName {
    Properties,
    Policy,
    Certificate,
    Chain,
    Key,
    Dates,
    Signature,
    Size,
    OsHash,
    Checksum,
}

impl CheckName {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Properties => "properties",
            Self::Policy => "policy",
            Self::Certificate => "certificate",
            Self::Chain => "chain",
            Self::Key => "key",
            Self::Dates => "dates",
            Self::Signature => "signature",
            Self::Size => "size",
            Self::OsHash => "os_hash_value",
            Self::Checksum => "checksum",
        }
    }
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CheckResult {
    Passed,
    Failed,
    NotPerformed,
}

impl CheckResult {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotPerformed => "not_performed",
        }
    }

    const fn in_words(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotPerformed => "not performed",
        }
    }
}

/// Every check, made or not.
#[derive(Debug)]
pub(crate) struct Checks(Vec<Check>);

/// The detail of a check that has not been made yet.
const NOT_REACHED: &str = "not reached";

#[derive(Debug)]
struct Check {
    name: CheckName,
    result: CheckResult,
    detail: String,
}

impl Checks {
    /// The checks of a command, none of them made.
    fn of(asked: Asked) -> Self {
        use CheckName::{
            Certificate, Chain, Checksum, Dates, Key, OsHash, Policy, Properties, Signature, Size,
        };
        let names = match asked {
            Asked::Image => {
                &[Properties, Policy, Certificate, Chain, Key, Dates, Signature, Size, OsHash, Checksum][..]
            }
            Asked::Certificate => &[Certificate, Chain],
        };
        let check = |&name| Check { name, result: CheckResult::NotPerformed, detail: NOT_REACHED.to_owned() };
        Self(names.iter().map(check).collect())
    }

    /// Says why a check is not made.
    pub(crate) fn skip(&mut self, name: CheckName, why: &str) {
        self.set(name, CheckResult::NotPerformed, why.to_owned());
    }

    /// Whether the check is still to come.
    pub(crate) fn is_open(&self, name: CheckName) -> bool {
        let check = self.0.iter().find(|check| check.name == name);
        check.is_some_and(|check| check.result == CheckResult::NotPerformed && check.detail == NOT_REACHED)
    }

    /// Notes that the check was passed.
    pub(crate) fn pass(&mut self, name: CheckName, detail: String) {
        self.set(name, CheckResult::Passed, detail);
    }

    /// Notes that the check failed, if it did.
    pub(crate) fn judge<T>(&mut self, name: CheckName, outcome: Result<T, Problem>) -> Result<T, Problem> {
        outcome.inspect_err(|problem| {
            self.set(name, CheckResult::Failed, problem.message().to_owned());
        })
    }

    /// Notes how the certificate's dates stand. Where they do not hold but need not, nothing was passed or failed.
    pub(crate) fn look_at_dates(&mut self, facts: &CertificateFacts, required: bool) {
        let validity = facts.certificate.validity();
        let dates = format!("valid from {} to {}", validity.not_before(), validity.not_after());
        match (facts.date_status(), required) {
            (DateStatus::Valid, _) => self.set(CheckName::Dates, CheckResult::Passed, dates),
            (_, true) => {
                self.set(CheckName::Dates, CheckResult::Failed, format!("{dates}, not at {}", facts.at));
            }
            (_, false) => {
                let detail = format!("{dates}, not at {}; not required to hold", facts.at);
                self.set(CheckName::Dates, CheckResult::NotPerformed, detail);
            }
        }
    }

    fn set(&mut self, name: CheckName, result: CheckResult, detail: String) {
        if let Some(check) = self.0.iter_mut().find(|check| check.name == name) {
            check.result = result;
            check.detail = detail;
        }
    }
}
