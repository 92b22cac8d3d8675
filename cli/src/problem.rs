//! Why the command does not say "verified": a library error or a fault of its own, in one shape.

use std::error::Error;

use longhand::limits::MAX_EXCERPT;
use longhand::{
    CertificateError, ChainError, Disposition, ErrorCode, ImageError, KeyManagerError, NotRequiredReason,
    PolicyError, RecordError, RevocationListError, StreamError, TrustError,
};

use crate::advice;
use crate::exit::Exit;
use crate::fault::Fault;

/// What went wrong, ready to be shown.
#[derive(Debug)]
pub(crate) struct Problem {
    kind: Kind,
    message: String,
    causes: Vec<String>,
    /// Next steps that fit this case better than what is said of all with its name.
    advice: Vec<String>,
    /// What is to be added to the next steps.
    hints: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Library(ErrorCode),
    Command(Fault),
    /// No problem at all, but no yes either.
    NotRequired,
}

impl Problem {
    fn new(kind: Kind, message: String, causes: Vec<String>) -> Self {
        Self { kind, message, causes, advice: Vec::new(), hints: Vec::new() }
    }

    /// The policy does not require that the image be verified.
    pub(crate) fn not_required(policy: &str, why: NotRequiredReason) -> Self {
        let message = format!("the image is not verified, as the policy {policy} has it: {why}");
        Self::new(Kind::NotRequired, message, Vec::new())
    }

    /// A revocation list that cannot be used, and its file.
    pub(crate) fn revocation_list(file: &str, error: &RevocationListError) -> Self {
        Self::library(error.code(), error).of_file(file)
    }

    /// A certificate that cannot be used, and its file.
    pub(crate) fn certificate(file: &str, error: &CertificateError) -> Self {
        Self::library(error.code(), error).of_file(file)
    }

    /// The same, with what it is about before it: a file, or an option and its value.
    pub(crate) fn of_file(mut self, file: &str) -> Self {
        self.message = format!("{file}: {}", self.message);
        self
    }

    /// The same with next steps of its own, if there are any.
    pub(crate) fn advised(mut self, advice: impl IntoIterator<Item = String>) -> Self {
        self.advice.extend(advice);
        self
    }

    /// The same with the next step that fits the key manager that was asked.
    pub(crate) fn asked_of(self, asked: advice::key_manager::KeyManagerKind) -> Self {
        let advice = self.code().and_then(|code| advice::key_manager::for_code(code, asked));
        self.advised(advice.map(str::to_owned))
    }

    /// The same with something to add to the next step.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The same with these names in full where the library cut them: paths of one directory differ at their end.
    pub(crate) fn naming<'n>(mut self, names: impl IntoIterator<Item = &'n str>) -> Self {
        for name in names {
            let Some((end, _)) = name.char_indices().nth(MAX_EXCERPT) else { continue };
            let beginning = name.get(..end).unwrap_or(name);
            let cut = format!("\"{}\"…", beginning.escape_debug());
            self.message = self.message.replacen(&cut, &format!("\"{}\"", name.escape_debug()), 1);
        }
        self
    }

    pub(crate) fn fault(fault: Fault, message: impl Into<String>) -> Self {
        Self::new(Kind::Command(fault), message.into(), Vec::new())
    }

    /// A fault with what the system or a parser said about it.
    pub(crate) fn caused(fault: Fault, message: impl Into<String>, cause: &dyn Error) -> Self {
        let message = message.into();
        let causes = causes(&message, Some(cause));
        Self::new(Kind::Command(fault), message, causes)
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::fault(Fault::Usage, message)
    }

    fn library(code: ErrorCode, error: &dyn Error) -> Self {
        let message = error.to_string();
        let causes = causes(&message, error.source());
        Self::new(Kind::Library(code), message, causes)
    }

    /// The same where no image is concerned.
    pub(crate) fn about_certificate(mut self) -> Self {
        self.message = about_certificate(&self.message).to_owned();
        self
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// What lies behind it, as far as the message does not say it already.
    pub(crate) fn causes(&self) -> &[String] {
        &self.causes
    }

    /// The library's code; the command's own faults have none.
    pub(crate) fn code(&self) -> Option<ErrorCode> {
        match self.kind {
            Kind::Library(code) => Some(code),
            Kind::Command(_) | Kind::NotRequired => None,
        }
    }

    /// Whether nothing went wrong: the policy did not ask.
    pub(crate) fn is_not_required(&self) -> bool {
        matches!(self.kind, Kind::NotRequired)
    }

    /// Whether it may come of the trusted ids: of what they are, or of what they lead to.
    pub(crate) fn may_be_of_ids(&self) -> bool {
        match self.kind {
            Kind::Library(code) => {
                matches!(
                    code,
                    ErrorCode::TrustedIdsEmpty
                        | ErrorCode::TrustedIdsTooMany
                        | ErrorCode::TrustedIdRepeated
                        | ErrorCode::TrustedIdEmpty
                        | ErrorCode::TrustedIdTooLong
                        | ErrorCode::TrustedIdsForbidden
                        | ErrorCode::TrustNotOffered
                        | ErrorCode::TrustNotCheckable
                ) || Exit::of_code(code) == Exit::Untrusted
            }
            Kind::Command(_) | Kind::NotRequired => false,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self.kind {
            Kind::Library(code) => code.name(),
            Kind::Command(fault) => fault.name(),
            Kind::NotRequired => "not_required",
        }
    }

    /// What a service should do about it; nothing where nothing went wrong.
    pub(crate) fn disposition(&self) -> Option<Disposition> {
        match self.kind {
            Kind::Library(code) => Some(code.disposition()),
            Kind::Command(fault) => Some(fault.disposition()),
            Kind::NotRequired => None,
        }
    }

    pub(crate) fn exit(&self) -> Exit {
        match self.kind {
            Kind::Library(code) => Exit::of_code(code),
            Kind::Command(fault) => Exit::of_fault(fault),
            Kind::NotRequired => Exit::NotRequired,
        }
    }

    /// The next steps that an operator can take.
    pub(crate) fn help(&self) -> Vec<&str> {
        let general = match self.kind {
            Kind::Library(code) => advice::for_code(code),
            Kind::Command(fault) => advice::for_fault(fault),
            Kind::NotRequired => Some(
                "to have it verified all the same, leave --policy out, or choose `required` or `trusted`",
            ),
        };
        let general = general.filter(|_| self.advice.is_empty());
        general.into_iter().chain(self.advice.iter().chain(&self.hints).map(String::as_str)).collect()
    }
}

/// A key manager's message without the words that it begins with for an image's sake.
pub(crate) fn about_certificate(message: &str) -> &str {
    message.strip_prefix("Signature verification for the image failed: ").unwrap_or(message)
}

/// The sources whose words are not in the message yet: the library's messages mostly end with them.
fn causes(message: &str, mut source: Option<&dyn Error>) -> Vec<String> {
    let mut said = vec![message.to_owned()];
    while let Some(error) = source {
        let text = error.to_string();
        if !said.iter().any(|earlier| earlier.contains(&text)) {
            said.push(text);
        }
        source = error.source();
    }
    said.split_off(1)
}

macro_rules! from_library {
    ($($error:ident),+) => {
        $(impl From<$error> for Problem {
            fn from(error: $error) -> Self {
                Self::library(error.code(), &error)
            }
        })+
    };
}

from_library!(ChainError, ImageError, KeyManagerError, PolicyError, RecordError, StreamError, TrustError);

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn a_name_that_was_cut_is_shown_in_full() {
        let name = format!("{}/a.crt", "d".repeat(MAX_EXCERPT));
        let message = |shown: &str| format!("{shown} cannot be read");
        let cut = message(&format!("\"{}\"…", "d".repeat(MAX_EXCERPT)));
        for (given, names, shown) in [
            (cut.clone(), vec![name.as_str()], message(&format!("{name:?}"))),
            (cut.clone(), vec!["d"], cut.clone()),
            (message("\"d\""), vec!["d"], message("\"d\"")),
        ] {
            assert_eq!(Problem::usage(given).naming(names).message(), shown);
        }
    }

    #[test]
    fn hints_follow_the_advice() {
        let problem = Problem::fault(Fault::NotVerifiable, "no").hint("a").hint("b");
        assert_eq!(problem.help(), ["download the image, and verify the file", "a", "b"]);
        assert_eq!(problem.advised(["c".to_owned()]).help(), ["c", "a", "b"]);
        assert!(Problem::fault(Fault::ImageUnreadable, "no").help().is_empty());
    }

    #[test]
    fn a_cause_is_named_once() {
        let inner = io::Error::other("the disk is on fire");
        let problem = Problem::caused(Fault::ImageUnreadable, "image.qcow2 cannot be read", &inner);
        assert_eq!(problem.causes(), ["the disk is on fire"]);
        let problem = Problem::caused(Fault::ImageUnreadable, "no: the disk is on fire", &inner);
        assert!(problem.causes().is_empty());
        let problem = Problem::from(KeyManagerError::unavailable("id", inner));
        assert!(problem.message().ends_with("the disk is on fire") && problem.causes().is_empty());
    }
}
