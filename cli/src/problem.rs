//! Why the command does not say "verified": a library error or a fault of its own, in one shape.

use std::error::Error;

use longhand::{Disposition, ErrorCode, KeyManagerError, PropertyError, StreamError, VerifierError};

use crate::advice;
use crate::exit::Exit;
use crate::fault::Fault;

/// What went wrong, ready to be shown.
#[derive(Debug)]
pub(crate) struct Problem {
    kind: Kind,
    message: String,
    causes: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Library(ErrorCode),
    Command(Fault),
}

impl Problem {
    pub(crate) fn fault(fault: Fault, message: impl Into<String>) -> Self {
        Self { kind: Kind::Command(fault), message: message.into(), causes: Vec::new() }
    }

    /// A fault with what the system or a parser said about it.
    pub(crate) fn caused(fault: Fault, message: impl Into<String>, cause: &dyn Error) -> Self {
        let message = message.into();
        let causes = causes(&message, Some(cause));
        Self { kind: Kind::Command(fault), message, causes }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::fault(Fault::Usage, message)
    }

    fn library(code: ErrorCode, error: &dyn Error) -> Self {
        let message = error.to_string();
        let causes = causes(&message, error.source());
        Self { kind: Kind::Library(code), message, causes }
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
            Kind::Command(_) => None,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self.kind {
            Kind::Library(code) => code.name(),
            Kind::Command(fault) => fault.name(),
        }
    }

    pub(crate) fn disposition(&self) -> Disposition {
        match self.kind {
            Kind::Library(code) => code.disposition(),
            Kind::Command(fault) => fault.disposition(),
        }
    }

    pub(crate) fn exit(&self) -> Exit {
        match self.kind {
            Kind::Library(code) => Exit::of_code(code),
            Kind::Command(fault) => Exit::of_fault(fault),
        }
    }

    /// A next step that an operator can take.
    pub(crate) fn help(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Library(code) => advice::for_code(code),
            Kind::Command(fault) => advice::for_fault(fault),
        }
    }
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

impl From<PropertyError> for Problem {
    fn from(error: PropertyError) -> Self {
        Self::library(error.code(), &error)
    }
}

impl From<KeyManagerError> for Problem {
    fn from(error: KeyManagerError) -> Self {
        Self::library(error.code(), &error)
    }
}

impl From<VerifierError> for Problem {
    fn from(error: VerifierError) -> Self {
        Self::library(error.code(), &error)
    }
}

impl From<StreamError> for Problem {
    fn from(error: StreamError) -> Self {
        Self::library(error.code(), &error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

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
