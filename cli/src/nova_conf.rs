//! Nova's and Cinder's settings about signatures, from their configuration files.
//!
//! The files are read as `oslo.config` reads them, oddities included, since what counts is what the service does:
//! `test-vectors/nova/conf.json` holds what `oslo.config` answered. One file is read; what a service takes from a second
//! file, a directory of files or its environment is not seen.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use longhand::{CinderSettings, NovaSettings};

use crate::fault::Fault;
use crate::problem::Problem;

mod ini;
pub(crate) mod key_manager;

use ini::{Assignment, Ini};
use key_manager::KeyManagerConf;

/// The longest configuration file, in bytes. A nova.conf with every option and its description has about half a million.
const MAX_CONFIGURATION_FILE: u64 = 4 * 1024 * 1024;

/// The settings in a nova.conf; what it does not set is as Nova's defaults have it.
pub(crate) fn read_nova(path: &Path) -> Result<NovaSettings, Problem> {
    read(path, nova_settings)
}

/// The setting in a cinder.conf, and whether it is there; where it is not, it is as Cinder's default has it.
pub(crate) fn read_cinder(path: &Path) -> Result<(CinderSettings, bool), Problem> {
    read(path, |ini| Ok((cinder_settings(ini)?, ini.get("DEFAULT", VERIFY).is_some())))
}

/// The key manager that the configuration names.
pub(crate) fn read_key_manager(path: &Path) -> Result<KeyManagerConf, Problem> {
    read(path, key_manager::key_manager)
}

const VERIFY: &str = "verify_glance_signatures";
const VALIDATE: &str = "enable_certificate_validation";
const DEFAULT_IDS: &str = "default_trusted_certificate_ids";

fn read<S>(path: &Path, settings: fn(&Ini) -> Result<S, Defect>) -> Result<S, Problem> {
    let name = path.to_string_lossy();
    let bytes = read_bounded(path).map_err(|error| {
        Problem::caused(
            Fault::ConfigurationUnreadable,
            format!("the configuration in {name} cannot be read"),
            &error,
        )
    })?;
    let malformed = |defect: &dyn fmt::Display| {
        Problem::fault(
            Fault::ConfigurationMalformed,
            format!("the configuration in {name} is malformed: {defect}"),
        )
    };
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_CONFIGURATION_FILE) {
        return Err(malformed(&format_args!("it has more than {MAX_CONFIGURATION_FILE} bytes")));
    }
    Ini::read(&bytes).and_then(|ini| settings(&ini)).map_err(|defect| match defect.kind {
        DefectKind::Malformed => malformed(&defect),
        DefectKind::NotLookedUp => Problem::fault(
            Fault::ConfigurationNotSupported,
            format!("the configuration in {name} cannot be used here: {defect}"),
        ),
    })
}

/// Reads one byte past the bound at most.
fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_CONFIGURATION_FILE.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The options of `nova/conf/glance.py`: two `BoolOpt` and a `ListOpt`.
fn nova_settings(ini: &Ini) -> Result<NovaSettings, Defect> {
    let mut settings = NovaSettings::new();
    if let Some(value) = ini.get("glance", VERIFY) {
        settings = settings.verify_glance_signatures(boolean(VERIFY, value)?);
    }
    if let Some(value) = ini.get("glance", VALIDATE) {
        settings = settings.enable_certificate_validation(boolean(VALIDATE, value)?);
    }
    if let Some(value) = ini.get("glance", DEFAULT_IDS) {
        settings = settings.default_trusted_certificate_ids(list(DEFAULT_IDS, value)?);
    }
    Ok(settings)
}

/// Cinder's option is a word, not a boolean.
fn cinder_settings(ini: &Ini) -> Result<CinderSettings, Defect> {
    let Some(value) = ini.get("DEFAULT", VERIFY) else {
        return Ok(CinderSettings::new());
    };
    match substituted(VERIFY, value)?.as_str() {
        "enabled" => Ok(CinderSettings::new().verify_glance_signatures(true)),
        "disabled" => Ok(CinderSettings::new().verify_glance_signatures(false)),
        other => Err(Defect::new(
            value.line,
            format!("{VERIFY} is {}, neither enabled nor disabled", shown(other)),
        )),
    }
}

/// `oslo_config.types.Boolean`: the words in any case, with nothing around them.
fn boolean(name: &str, value: &Assignment) -> Result<bool, Defect> {
    let text = substituted(name, value)?;
    match text.to_lowercase().as_str() {
        "true" | "1" | "on" | "yes" => Ok(true),
        "false" | "0" | "off" | "no" => Ok(false),
        _ => Err(Defect::new(value.line, format!("{name} is {}, neither true nor false", shown(&text)))),
    }
}

/// `oslo_config.types.List` of strings: commas separate, white space around an item goes, commas at the end go, and
/// quotes around an item stay.
fn list(name: &str, value: &Assignment) -> Result<Vec<String>, Defect> {
    let text = substituted(name, value)?;
    let items = text.trim_matches(ini::is_space).trim_end_matches(',');
    if items.is_empty() {
        return Ok(Vec::new());
    }
    Ok(items.split(',').map(|item| item.trim_matches(ini::is_space).to_owned()).collect())
}

/// The value after `ConfigOpts._substitute`: `$$` and `\$` are a dollar sign, `$name` and `${name}` another option's
/// value. Others are not followed: their defaults are in the service's code.
fn substituted(name: &str, value: &Assignment) -> Result<String, Defect> {
    let text = value.text.replace("\\$", "$$");
    let mut rest = text.as_str();
    let mut result = String::with_capacity(rest.len());
    while let Some((before, after)) = rest.split_once('$') {
        result.push_str(before);
        result.push('$');
        if names_an_option(after) {
            let message = format!(
                "{name} is {}, which stands for another option's value: the service looks that up, longhand does not",
                shown(&value.text)
            );
            return Err(Defect { kind: DefectKind::NotLookedUp, ..Defect::new(value.line, message) });
        }
        rest = after.strip_prefix('$').unwrap_or(after);
    }
    result.push_str(rest);
    Ok(result)
}

/// Whether a name follows the dollar sign, bare or in braces: `[_a-z][._a-z0-9]*` in any case.
fn names_an_option(after: &str) -> bool {
    let Some(braced) = after.strip_prefix('{') else { return after.starts_with(begins_a_name) };
    let Some((name, _)) = braced.split_once('}') else { return false };
    name.starts_with(begins_a_name)
        && name.chars().all(|c| begins_a_name(c) || c == '.' || c.is_ascii_digit())
}

/// Python's `re.IGNORECASE` takes the long s and the Kelvin sign for s and k.
fn begins_a_name(character: char) -> bool {
    character == '_' || character.is_ascii_alphabetic() || matches!(character, '\u{17f}' | '\u{212a}')
}

/// What is wrong with a configuration file, and in which line, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Defect {
    line: usize,
    message: String,
    kind: DefectKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DefectKind {
    /// The service does not take it either.
    Malformed,
    /// The service takes it, and it is not looked up here.
    NotLookedUp,
}

impl Defect {
    fn new(line: usize, message: impl Into<String>) -> Self {
        Self { line, message: message.into(), kind: DefectKind::Malformed }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

/// The beginning of a text, in quotes, with whatever could act on a terminal escaped.
fn shown(text: &str) -> String {
    const LENGTH: usize = 64;
    let end = text.char_indices().nth(LENGTH).map(|(index, _)| index);
    match end.and_then(|end| text.get(..end)) {
        Some(beginning) => format!("{beginning:?}…"),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    use serde::Deserialize;

    /// What `oslo.config` made of a text: `test-vectors/README.md` describes the format.
    #[derive(Debug, Deserialize)]
    struct Case {
        name: String,
        text: Option<String>,
        hex: Option<String>,
        nova: Answer<Nova>,
        cinder: Answer<String>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Answer<T> {
        Value(T),
        Error(String),
    }

    #[derive(Debug, Deserialize)]
    struct Nova {
        verify_glance_signatures: bool,
        enable_certificate_validation: bool,
        default_trusted_certificate_ids: Vec<String>,
    }

    impl Case {
        fn bytes(&self) -> Vec<u8> {
            match (&self.text, &self.hex) {
                (Some(text), None) => text.as_bytes().to_vec(),
                (None, Some(hex)) => {
                    let pairs = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
                    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
                }
                _ => panic!("{}: either text or hex", self.name),
            }
        }
    }

    fn cases() -> Vec<Case> {
        #[derive(Deserialize)]
        struct Table {
            cases: Vec<Case>,
        }
        let table: Table = serde_json::from_str(include_str!("../../test-vectors/nova/conf.json")).unwrap();
        table.cases
    }

    /// Other options' values are not looked up, even where the file has them.
    const DIFFERENT: &str = "dollar sign with a known option";

    #[test]
    fn oslo_config_and_we_read_the_same() {
        let cases = cases();
        assert!(cases.len() > 300);
        for case in &cases {
            let ini = Ini::read(&case.bytes());
            let nova = ini.clone().and_then(|ini| nova_settings(&ini));
            if case.name == DIFFERENT {
                assert!(matches!(case.nova, Answer::Value(_)) && nova.is_err(), "{case:?}");
                continue;
            }
            match &case.nova {
                Answer::Error(said) => assert!(nova.is_err(), "{said}: {case:?}"),
                Answer::Value(value) => {
                    let settings = NovaSettings::new()
                        .verify_glance_signatures(value.verify_glance_signatures)
                        .enable_certificate_validation(value.enable_certificate_validation)
                        .default_trusted_certificate_ids(value.default_trusted_certificate_ids.clone());
                    assert_eq!(nova, Ok(settings), "{case:?}");
                }
            }
            let cinder = ini.and_then(|ini| cinder_settings(&ini));
            match &case.cinder {
                Answer::Error(said) => assert!(cinder.is_err(), "{said}: {case:?}"),
                Answer::Value(value) => {
                    let settings = CinderSettings::new().verify_glance_signatures(value == "enabled");
                    assert_eq!(cinder, Ok(settings), "{case:?}");
                }
            }
        }
    }

    fn defect(text: &str) -> String {
        let nova = Ini::read(text.as_bytes()).and_then(|ini| nova_settings(&ini).map(drop).and(Ok(ini)));
        nova.and_then(|ini| cinder_settings(&ini)).unwrap_err().to_string()
    }

    #[test]
    fn a_defect_says_what_is_wrong_and_in_which_line() {
        for (text, expected) in [
            ("a = b\n", "line 1: an option stands before the first section"),
            ("[DEFAULT]\n\nno assignment\n", "line 3: neither = nor :"),
            ("[DEFAULT]\r\n\r\nno assignment\r\n", "line 3: neither = nor :"),
            ("[DEFAULT]\r\rno assignment\r", "line 3: neither = nor :"),
            ("[DEFAULT]\n= b\n", "line 2: the option has no name"),
            (
                "[DEFAULT]\n# c\n  b\n",
                "line 3: the line begins with white space, and there is no option that it",
            ),
            ("[DEFAULT] # c\n", "line 1: a section ends with ]"),
            ("\n[]\n", "line 2: the section has no name"),
            ("\u{feff}[DEFAULT]\n", "line 1: a byte order mark"),
            (
                "[glance]\nverify_glance_signatures = perhaps\n",
                "line 2: verify_glance_signatures is \"perhaps\", neither true nor false",
            ),
            (
                "[glance]\nenable_certificate_validation =\n",
                "line 2: enable_certificate_validation is \"\", neither true nor false",
            ),
            (
                "[glance]\nx = 1\ndefault_trusted_certificate_ids =\n  a,\n  $b\n",
                "line 3: default_trusted_certificate_ids is \"\\na,\\n$b\", which stands for another option's value",
            ),
            (
                "[DEFAULT]\nverify_glance_signatures = true\n",
                "line 2: verify_glance_signatures is \"true\", neither enabled nor disabled",
            ),
            (
                "[glance]\nverify_glance_signatures = \u{1b}[2J\n",
                "line 2: verify_glance_signatures is \"\\u{1b}[2J\", neither",
            ),
        ] {
            let said = defect(text);
            assert!(said.starts_with(expected), "{text:?}: {said}");
        }
        let bytes = [b"[DEFAULT]\r\na = b\n\xff\n".as_slice()].concat();
        assert_eq!(Ini::read(&bytes).unwrap_err().line, 3);
        let long = format!("[glance]\nverify_glance_signatures = {}\n", "x".repeat(1000));
        assert!(defect(&long).len() < 160);
    }

    #[test]
    fn a_file_may_be_as_long_as_its_bound_and_no_longer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nova.conf");
        let mut text = "[glance]\nverify_glance_signatures = true\n#".to_owned();
        text.push_str(&"x".repeat(usize::try_from(MAX_CONFIGURATION_FILE).unwrap() - text.len()));
        fs::write(&path, &text).unwrap();
        assert_eq!(read_nova(&path).unwrap(), NovaSettings::new().verify_glance_signatures(true));
        text.push('x');
        fs::write(&path, &text).unwrap();
        let problem = read_nova(&path).unwrap_err();
        assert_eq!((problem.name(), problem.exit().number()), ("configuration_malformed", 2));
        assert!(problem.message().ends_with("it has more than 4194304 bytes"), "{}", problem.message());
    }

    #[test]
    fn a_file_is_named_when_it_cannot_be_read_or_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cinder.conf");
        let problem = read_cinder(&path).unwrap_err();
        assert_eq!((problem.name(), problem.exit().number()), ("configuration_unreadable", 2));
        assert!(problem.message().contains("cinder.conf") && problem.causes().len() == 1);

        fs::write(&path, "[DEFAULT]\nverify_glance_signatures = disabled\n").unwrap();
        let disabled = CinderSettings::new().verify_glance_signatures(false);
        assert_eq!(read_cinder(&path).unwrap(), (disabled, true));
        fs::write(&path, "[glance]\nverify_glance_signatures = disabled\n").unwrap();
        assert_eq!(read_cinder(&path).unwrap(), (CinderSettings::new(), false));

        fs::write(&path, "[glance]\nverify_glance_signatures = $debug\n").unwrap();
        let problem = read_nova(&path).unwrap_err();
        assert_eq!((problem.name(), problem.exit().number()), ("configuration_not_supported", 2));
        assert!(!problem.message().contains("malformed"), "{}", problem.message());

        fs::write(&path, "[DEFAULT\n").unwrap();
        let problem = read_cinder(&path).unwrap_err();
        assert_eq!((problem.name(), problem.exit().number()), ("configuration_malformed", 2));
        let message = problem.message();
        assert!(message.contains("cinder.conf is malformed: line 1: "), "{message}");
    }
}
