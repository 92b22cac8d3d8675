//! What later versions will do. Until then it is refused: an option that were passed over would let an image through that
//! its user asked to have checked in another way.

use std::ffi::{OsStr, OsString};

use crate::fault::Fault;
use crate::problem::Problem;

/// Each option, and what this version does not do.
const OPTIONS: [(&str, &str); 2] = [
    ("--barbican", "cannot ask Barbican; certificates come from --certs"),
    ("--vault", "cannot ask Vault; certificates come from --certs"),
];

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
}
