//! What later versions will do. Until then it is refused: an option about trust that were passed over would let an
//! image through that its user asked to have checked.

use std::ffi::{OsStr, OsString};

use crate::fault::Fault;
use crate::problem::Problem;

/// The environment variable of OpenStack's own command with the ids of trusted certificates.
const TRUSTED_IDS: &str = "OS_TRUSTED_IMAGE_CERTIFICATE_IDS";

const NO_CHAINS: &str = "does not check certificate chains";

/// Each option, and what this version does not do.
const OPTIONS: [(&str, &str); 13] = [
    ("--trusted-image-certificate-id", NO_CHAINS),
    ("--trusted", NO_CHAINS),
    ("--intermediates", NO_CHAINS),
    ("--pin", NO_CHAINS),
    ("--crl", NO_CHAINS),
    ("--chain-policy", NO_CHAINS),
    ("--partial-chain", NO_CHAINS),
    ("--no-enforce-valid-dates", NO_CHAINS),
    ("--no-enforce-signing-extensions", NO_CHAINS),
    ("--no-enforce-path-length", NO_CHAINS),
    ("--nova-conf", "does not check certificate chains and reads no Nova configuration"),
    ("--barbican", "cannot ask Barbican; certificates come from --certs"),
    ("--vault", "cannot ask Vault; certificates come from --certs"),
];

/// The one policy that is there.
const POLICY: &str = "required";

/// The names of the options, for the help.
pub(crate) fn option_names() -> impl Iterator<Item = &'static str> {
    OPTIONS.iter().map(|(name, _)| *name)
}

/// Refuses a command line that holds one of the options, however its value is written.
///
/// It looks before the parser does, so that neither a missing argument nor the value's form can hide the reason. What
/// gets past it the parser does not know, and refuses as well.
pub(crate) fn refuse_options(command_line: &[OsString]) -> Result<(), Problem> {
    let mut words = command_line.iter().skip(1).take_while(|word| *word != "--");
    let refused = words.find_map(|word| OPTIONS.iter().find(|(name, _)| is_option(word, name)));
    match refused {
        Some((name, why)) => Err(not_supported(&format!("{name} is not supported: this version {why}"))),
        None => Ok(()),
    }
}

/// Refuses every policy but the one that is there.
pub(crate) fn refuse_policy(policy: Option<&str>) -> Result<(), Problem> {
    match policy {
        None | Some(POLICY) => Ok(()),
        Some(other) => Err(not_supported(&format!(
            "--policy {other} is not supported: this version knows only {POLICY}, and {NO_CHAINS}"
        ))),
    }
}

/// Refuses the environment variable that asks for a chain.
pub(crate) fn refuse_environment(variable: impl Fn(&str) -> Option<OsString>) -> Result<(), Problem> {
    match variable(TRUSTED_IDS) {
        Some(ids) if !ids.is_empty() => Err(not_supported(&format!(
            "the environment variable {TRUSTED_IDS} is set, and this version {NO_CHAINS}"
        ))),
        _ => Ok(()),
    }
}

fn not_supported(what: &str) -> Problem {
    Problem::fault(Fault::NotSupported, format!("{what}; nothing was verified"))
}

/// Whether a word is this option, alone or with `=VALUE`, which need not be UTF-8.
fn is_option(word: &OsStr, name: &str) -> bool {
    match word.as_encoded_bytes().strip_prefix(name.as_bytes()) {
        Some(rest) => matches!(rest, [] | [b'=', ..]),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(words: &[&str]) -> bool {
        let command_line: Vec<OsString> = words.iter().map(OsString::from).collect();
        refuse_options(&command_line).is_err()
    }

    #[test]
    fn an_option_is_refused_in_every_spelling_and_a_file_name_is_not() {
        for name in option_names() {
            assert!(refused(&["longhand", "verify", name, "x", "image"]), "{name}");
            assert!(refused(&["longhand", "verify", "image", &format!("{name}=x")]), "{name}");
            assert!(refused(&["longhand", "verify", "image", &format!("{name}=")]), "{name}");
            assert!(!refused(&["longhand", "verify", "--", name]), "{name}");
            assert!(!refused(&["longhand", "verify", &format!("{name}x")]), "{name}");
        }
    }

    #[test]
    fn only_a_variable_with_something_in_it_is_refused() {
        assert!(refuse_environment(|_| None).is_ok());
        assert!(refuse_environment(|_| Some(OsString::new())).is_ok());
        assert!(refuse_environment(|name| (name == TRUSTED_IDS).then(|| "x".into())).is_err());
    }

    #[test]
    fn the_one_policy_may_be_named() {
        assert!(refuse_policy(None).is_ok() && refuse_policy(Some("required")).is_ok());
        for policy in ["", "trusted", "nova", "glance", "cinder", "Required"] {
            assert!(refuse_policy(Some(policy)).is_err(), "{policy}");
        }
    }
}
