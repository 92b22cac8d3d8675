//! The INI dialect of `oslo.config` (`oslo_config.iniparser`, version 10.7.0).
//!
//! No crate reads it: rust-ini 0.21 swallows the option after a list over several lines, and takes `#` or `;` inside a
//! value for a comment.

use std::collections::BTreeMap;

use super::Defect;

/// What a file assigns: of each option in each section the last value, as `oslo.config` takes it for an option with one
/// value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ini(BTreeMap<(String, String), Assignment>);

/// An option's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assignment {
    /// The line in which the assignment begins, from 1.
    pub(super) line: usize,
    /// The value's lines, white space around each taken away, joined by line feeds.
    pub(super) text: String,
}

impl Ini {
    /// Reads a file.
    ///
    /// A section lasts to the next one and may come again. A line that begins with a space or a tab goes on with the
    /// value above it; anything else ends the value, an empty line and a comment too. `#` and `;` begin a comment at
    /// the start of a line and nowhere else.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Defect> {
        let text = decode(bytes)?;
        let mut ini = Self::default();
        let mut section = None;
        let mut open = None;
        for (line, number) in text.split('\n').map(|line| line.trim_end_matches(is_space)).zip(1_usize..) {
            match line.chars().next() {
                Some(' ' | '\t') => {
                    let (_, value) = open.as_mut().ok_or_else(|| not_continued(number))?;
                    go_on(value, line);
                    continue;
                }
                _ => ini.put(open.take()),
            }
            match line.chars().next() {
                None | Some('#' | ';') => {}
                Some('[') => section = Some(section_name(line, number)?),
                Some(_) => {
                    let (key, value) = split(line, number)?;
                    let Some(section) = &section else {
                        return Err(Defect::new(number, "an option stands before the first section"));
                    };
                    open = Some(((section.clone(), key), Assignment { line: number, text: value }));
                }
            }
        }
        ini.put(open);
        Ok(ini)
    }

    /// The option's value; the section is `DEFAULT`, or in small letters.
    pub(super) fn get(&self, section: &str, key: &str) -> Option<&Assignment> {
        self.0.get(&(section.to_owned(), key.to_owned()))
    }

    fn put(&mut self, assignment: Option<((String, String), Assignment)>) {
        self.0.extend(assignment);
    }
}

/// White space as Python's `str.strip` has it: the four information separators belong to it.
pub(super) fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

/// Text with line feeds between its lines: carriage returns end a line too, with a line feed or without.
fn decode(bytes: &[u8]) -> Result<String, Defect> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => with_line_feeds(text),
        Err(error) => {
            let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let lines = with_line_feeds(&String::from_utf8_lossy(good)).split('\n').count();
            return Err(Defect::new(lines, "it is not UTF-8"));
        }
    };
    if text.starts_with('\u{feff}') {
        return Err(Defect::new(1, "a byte order mark, which the service does not read either"));
    }
    Ok(text)
}

fn with_line_feeds(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

fn not_continued(number: usize) -> Defect {
    Defect::new(number, "the line begins with white space, and there is no option that it could go on with")
}

fn go_on(value: &mut Assignment, line: &str) {
    value.text.push('\n');
    value.text.push_str(line.trim_start_matches(is_space));
}

/// The name between the brackets, white space and all. Only `DEFAULT` is told from the same in small letters.
fn section_name(line: &str, number: usize) -> Result<String, Defect> {
    let name = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match name {
        None => Err(Defect::new(number, "a section ends with ], and nothing stands behind that")),
        Some("") => Err(Defect::new(number, "the section has no name")),
        Some("DEFAULT") => Ok("DEFAULT".to_owned()),
        Some(name) => Ok(name.to_lowercase()),
    }
}

/// Name and value on both sides of the first `=` or `:`.
fn split(line: &str, number: usize) -> Result<(String, String), Defect> {
    let Some((key, value)) = line.split_once(['=', ':']) else {
        // Not the line itself, which may be the end of a password.
        return Err(Defect::new(number, "neither = nor :"));
    };
    match key.trim_matches(is_space) {
        "" => Err(Defect::new(number, "the option has no name")),
        key => Ok((key.to_owned(), unquoted(value.trim_matches(is_space)).to_owned())),
    }
}

/// One pair of equal quotes around the value goes. It is looked for in the first line of a value alone.
fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote).filter(|_| value.ends_with(quote)) {
            return inner.strip_suffix(quote).unwrap_or(inner);
        }
    }
    value
}
