//! A signed image in a directory of its own, to be spoilt and verified.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../test-vectors");

/// The command, with nothing in its environment that changes what it says.
pub(crate) fn longhand() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_longhand"));
    let counts = |name: &str| {
        ["OS_", "VAULT_"].iter().any(|prefix| name.starts_with(prefix))
            || ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"].contains(&name)
    };
    for (variable, _) in std::env::vars_os() {
        if variable.to_str().is_some_and(counts) {
            command.env_remove(variable);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// The result of a check in a JSON report.
pub(crate) fn check<'a>(object: &'a Value, name: &str) -> &'a str {
    let mut checks = object["checks"].as_array().unwrap().iter();
    let check = checks.find(|check| check["name"] == name).unwrap_or_else(|| panic!("no check {name}"));
    check["result"].as_str().unwrap()
}

/// How a run of the command ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn of(command: &mut Command) -> Self {
        Self::from(command.output().unwrap())
    }

    /// A run that is given these bytes on standard input.
    pub(crate) fn fed(command: &mut Command, input: &[u8]) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A command that ends before it has read everything closes the pipe.
        let _ = stdin.write_all(input);
        drop(stdin);
        Self::from(child.wait_with_output().unwrap())
    }

    /// What it printed with `--json`: one object on one line, and nothing beside it.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.stderr, "", "{self:?}");
        assert_eq!(self.stdout.lines().count(), 1, "{self:?}");
        assert!(self.stdout.ends_with('\n') && self.stdout.starts_with('{'), "{self:?}");
        let object: Value = serde_json::from_str(&self.stdout).unwrap();
        assert_eq!(object["exit_code"], self.exit);
        object
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            // No signal, no panic: those end without a code, or with 101.
            exit: output.status.code().filter(|code| *code != 101).expect("it neither panics nor is killed"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Properties, a certificate directory and an image.
pub(crate) struct Signed {
    directory: TempDir,
    pub(crate) properties: BTreeMap<String, Value>,
    pub(crate) image: Vec<u8>,
}

impl Signed {
    /// The walkthrough of the Glance guide.
    pub(crate) fn glance() -> Self {
        Self::walkthrough("glance")
    }

    /// The walkthrough of the Nova guide, with its four certificates.
    pub(crate) fn nova() -> Self {
        Self::walkthrough("nova")
    }

    fn walkthrough(name: &str) -> Self {
        let walkthrough = Path::new(VECTORS).join("walkthrough").join(name);
        let record: Value =
            serde_json::from_slice(&fs::read(walkthrough.join("properties.json")).unwrap()).unwrap();
        let properties = record["properties"].as_object().unwrap().clone();
        let signed = Self::new(properties, fs::read(walkthrough.join("image.qcow2")).unwrap());
        for entry in fs::read_dir(walkthrough.join("certs")).unwrap() {
            let path = entry.unwrap().path();
            signed.store(path.file_name().unwrap().to_str().unwrap(), &fs::read(&path).unwrap());
        }
        signed
    }

    /// A case of the vectors made with openssl, and its options for the command.
    pub(crate) fn openssl(id: &str) -> (Self, Vec<String>) {
        let directory = Path::new(VECTORS).join("openssl");
        let cases = fs::read_to_string(directory.join("cases.jsonl")).unwrap();
        let case: Value = cases
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .find(|case| case["id"] == format!("openssl/{id}"))
            .unwrap_or_else(|| panic!("no case openssl/{id}"));
        let file = |place: &Value| fs::read(directory.join(place["file"].as_str().unwrap())).unwrap();
        let signed = Self::new(case["properties"].as_object().unwrap().clone(), file(&case["image"]));
        for (name, place) in case["certificates"].as_object().unwrap() {
            signed.store(name, &file(place));
        }
        let salt = case["options"]["pss_salt"].as_str();
        let options = salt.map(|salt| vec!["--pss-salt".to_owned(), salt.to_owned()]);
        (signed, options.unwrap_or_default())
    }

    fn new(properties: serde_json::Map<String, Value>, image: Vec<u8>) -> Self {
        let directory = TempDir::new().unwrap();
        fs::create_dir(directory.path().join("certs")).unwrap();
        Self { directory, properties: properties.into_iter().collect(), image }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn certs(&self) -> PathBuf {
        self.path("certs")
    }

    /// Puts a file into the certificate directory.
    pub(crate) fn store(&self, name: &str, bytes: &[u8]) {
        fs::write(self.certs().join(name), bytes).unwrap();
    }

    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.properties.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.properties.remove(name).expect("the property is there");
        self
    }

    pub(crate) fn id(&self) -> String {
        self.properties["img_signature_certificate_uuid"].as_str().unwrap().to_owned()
    }

    /// The record as `openstack image show -f json` prints it.
    pub(crate) fn record(&self) -> Vec<u8> {
        let record = serde_json::json!({ "size": self.image.len(), "properties": self.properties });
        serde_json::to_vec(&record).unwrap()
    }

    /// Writes `properties.json` and `image` beside the certificates.
    pub(crate) fn write(&self) {
        fs::write(self.path("properties.json"), self.record()).unwrap();
        fs::write(self.path("image"), &self.image).unwrap();
    }

    /// `longhand verify` with these arguments after its own: properties, certificates and image from files.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.write();
        let mut command = longhand();
        command.arg("verify").arg("--properties").arg(self.path("properties.json"));
        command.arg("--certs").arg(self.certs()).args(arguments).arg("--").arg(self.path("image"));
        command
    }

    pub(crate) fn verify(&self, arguments: &[&str]) -> Run {
        Run::of(&mut self.command(arguments))
    }
}
