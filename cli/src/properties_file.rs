//! The image's properties, from a file in any of the forms that OpenStack's commands print.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use longhand::PropertyName;

use crate::arguments::is_stdin;
use crate::fault::Fault;
use crate::problem::Problem;

mod json;
mod text;

/// The longest file of properties, in bytes. The image service bounds a record to some hundred properties of 255
/// characters each; an image with long lists of locations or tags stays far below as well.
const MAX_PROPERTIES_FILE: u64 = 4 * 1024 * 1024;

/// The signature properties in the file, each as often as it is there, in the order of the file.
pub(crate) fn read(path: &Path) -> Result<Vec<(PropertyName, String)>, Problem> {
    let name = if is_stdin(path) { "standard input".to_owned() } else { path.to_string_lossy().into_owned() };
    let bytes = read_bounded(path).map_err(|error| {
        Problem::caused(
            Fault::PropertiesUnreadable,
            format!("the properties in {name} cannot be read"),
            &error,
        )
    })?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_PROPERTIES_FILE) {
        return Err(malformed(
            &name,
            &format!("more than {MAX_PROPERTIES_FILE} bytes are no image's properties"),
        ));
    }
    let text = String::from_utf8(bytes).map_err(|error| malformed(&name, &error.to_string()))?;
    let pairs = read_text(&text).map_err(|defect| malformed(&name, &defect))?;
    let strings = pairs.into_iter().map(|(property, value)| match value {
        Value::Text(text) => Ok((property, text)),
        Value::Other(what) => Err(Problem::fault(
            Fault::PropertyNotAString,
            format!("in the properties in {name}, {property} is {what}, not text"),
        )),
    });
    strings.collect()
}

/// The signature properties in some JSON, or in text of the older form.
fn read_text(text: &str) -> Result<Vec<(PropertyName, Value)>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_ascii();
    match text.bytes().next() {
        None => Err("there are none: the file is empty".to_owned()),
        Some(b'{' | b'[' | b'"') => json::read(text),
        Some(_) => text::read(text),
    }
}

/// What a file holds for a property.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Text(String),
    /// Anything but text, in words.
    Other(&'static str),
}

/// Reads one byte past the bound at most.
fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let limit = MAX_PROPERTIES_FILE.saturating_add(1);
    let mut bytes = Vec::new();
    if is_stdin(path) {
        io::stdin().lock().take(limit).read_to_end(&mut bytes)?;
    } else {
        File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn malformed(name: &str, defect: &str) -> Problem {
    Problem::fault(Fault::PropertiesMalformed, format!("the properties in {name} are malformed: {defect}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_told_by_how_the_text_begins() {
        let pairs = Ok(vec![(PropertyName::KeyType, Value::Text("DSA".to_owned()))]);
        for text in [
            r#"{"img_signature_key_type": "DSA"}"#,
            "\u{feff}\r\n {\"properties\": {\"img_signature_key_type\": \"DSA\"}}\n",
            "img_signature_key_type='DSA'\n",
        ] {
            assert_eq!(read_text(text), pairs, "{text}");
        }
        for text in ["", " \n", "[]", "\"img_signature_key_type='DSA'\"", "{", "null", "1", "<html>"] {
            assert!(read_text(text).is_err(), "{text}");
        }
    }
}
