//! The real Cursive over the real Castellan, in a process of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};

use longhand::Certificate;
use serde_json::{Value, json};

use crate::setting;

/// What Cursive said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CursiveVerdict {
    /// The image is verified.
    Verified,
    /// The certificate that was asked for, as DER in hexadecimal digits.
    Certificate(String),
    /// It raised this exception.
    Raised(String, String),
}

impl CursiveVerdict {
    /// That it gives this certificate.
    pub fn certificate(certificate: &Certificate) -> Self {
        Self::Certificate(hexadecimal(&certificate.der()))
    }

    /// The exception's name and the end of its message, which says what went wrong; an id at its end is left out.
    pub fn raised(&self) -> Option<(&str, &str)> {
        let Self::Raised(name, message) = self else { return None };
        Some((name, message))
    }

    /// Whether it raised this exception with these words in its message.
    pub fn is(&self, exception: &str, words: &str) -> bool {
        self.raised().is_some_and(|(name, message)| name == exception && message.contains(words))
    }
}

/// Cursive, set up for one key manager and one caller.
#[derive(Clone, Debug)]
pub struct Cursive(Value);

impl Cursive {
    /// Over a Barbican, with the token as it is.
    pub fn with_barbican(address: &str, token: &str) -> Self {
        Self(json!({
            "configuration": {"key_manager": {"backend": "barbican"}, "barbican": {"barbican_endpoint": address}},
            "token": token,
        }))
    }

    /// Over a Vault, with these options of `[vault]` besides.
    pub fn with_vault(address: &str, options: &Value) -> Self {
        let mut vault = json!({"vault_url": address});
        for (name, value) in options.as_object().into_iter().flatten() {
            vault[name] = value.clone();
        }
        Self(json!({"configuration": {"key_manager": {"backend": "vault"}, "vault": vault}}))
    }

    /// Stores a managed object of the kind certificate as Castellan does; its id.
    ///
    /// # Panics
    /// If it cannot be stored.
    pub fn store(&self, octets: &[u8]) -> String {
        let answer = self.answer(json!({"store": hexadecimal(octets)}));
        answer["id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// What `get_certificate` says.
    pub fn certificate(&self, id: &str) -> CursiveVerdict {
        self.ask(json!({"certificate": id}))
    }

    /// What `get_verifier`, `verify_certificate` if there are trusted ids, and `verify` say, in Nova's order.
    pub fn verify(
        &self,
        properties: &[(String, String)],
        image: &Path,
        trusted: Option<&[String]>,
    ) -> CursiveVerdict {
        let properties: serde_json::Map<_, _> =
            properties.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
        self.ask(json!({"properties": properties, "image": image, "trusted": trusted}))
    }

    fn answer(&self, question: Value) -> Value {
        let mut asked = self.0.clone();
        for (name, value) in question.as_object().into_iter().flatten() {
            asked[name] = value.clone();
        }
        ORACLE.lock().unwrap_or_else(PoisonError::into_inner).ask(&asked)
    }

    fn ask(&self, question: Value) -> CursiveVerdict {
        let answer = self.answer(question);
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        match &*text("verdict") {
            "verified" => CursiveVerdict::Verified,
            "certificate" => CursiveVerdict::Certificate(text("der")),
            _ => CursiveVerdict::Raised(text("raised"), text("message")),
        }
    }
}

/// Octets as hexadecimal digits.
pub fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// One process for all tests of a program: it takes a second to import Cursive. Its input ends with ours.
static ORACLE: LazyLock<Mutex<Oracle>> = LazyLock::new(|| Mutex::new(Oracle::start()));

struct Oracle {
    _process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Oracle {
    fn start() -> Self {
        let mut process = Command::new(setting("PYTHON"))
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/cursive_oracle.py"))
            .env("PYTHONDONTWRITEBYTECODE", "")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the virtual environment's python");
        let questions = process.stdin.take().expect("a pipe");
        let answers = BufReader::new(process.stdout.take().expect("a pipe"));
        Self { _process: process, questions, answers }
    }

    fn ask(&mut self, question: &Value) -> Value {
        let mut answer = String::new();
        writeln!(self.questions, "{question}").expect("Cursive takes a question");
        self.answers.read_line(&mut answer).expect("Cursive answers");
        serde_json::from_str(&answer).expect("Cursive's answer is JSON")
    }
}
