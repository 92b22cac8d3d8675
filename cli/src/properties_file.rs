//! The image's properties, from a file in any of the forms that OpenStack's commands print.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use longhand::PropertyName;

use crate::arguments::is_stdin;
use crate::fault::Fault;
use crate::problem::Problem;

mod json;
mod record;
mod text;

use record::RecordField;
pub(crate) use record::RecordFields;

/// The longest file of properties, in bytes. The image service bounds a record to some hundred properties of 255
/// characters each; an image with long lists of locations or tags stays far below as well.
pub(crate) const MAX_PROPERTIES_FILE: u64 = 4 * 1024 * 1024;

/// What a file says of an image.
#[derive(Debug, Default)]
pub(crate) struct Properties {
    /// The signature properties by their names, each as often as it is there, in the order of the file.
    pub(crate) signature: Vec<(String, String)>,
    /// What the record says of the image's bytes besides.
    pub(crate) record: RecordFields,
}

/// The properties in the file.
pub(crate) fn read(path: &Path) -> Result<Properties, Problem> {
    let name = if is_stdin(path) { "standard input".to_owned() } else { path.to_string_lossy().into_owned() };
    let bytes = read_bounded(path).map_err(|error| {
        Problem::caused(
            Fault::PropertiesUnreadable,
            format!("the properties in {name} cannot be read"),
            &error,
        )
    })?;
    read_bytes(bytes, &name)
}

/// The properties in these bytes, which are called `name`.
pub(crate) fn read_bytes(bytes: Vec<u8>, name: &str) -> Result<Properties, Problem> {
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_PROPERTIES_FILE) {
        return Err(malformed(
            name,
            &format!("more than {MAX_PROPERTIES_FILE} bytes are no image's properties"),
        ));
    }
    let text = String::from_utf8(bytes).map_err(|error| malformed(name, &error.to_string()))?;
    let pairs = read_text(&text).map_err(|defect| malformed(name, &defect))?;
    let mut properties = Properties::default();
    for (key, value) in pairs {
        match (key, value) {
            (Key::Signature(property), Value::Text(text)) => {
                properties.signature.push((property.to_string(), text));
            }
            (Key::Signature(property), value) => {
                let message =
                    format!("in the properties in {name}, {property} is {}, not text", value.in_words());
                return Err(Problem::fault(Fault::PropertyNotAString, message));
            }
            (Key::Record(field), value) => {
                properties.record.set(field, value).map_err(|defect| malformed(name, &defect))?;
            }
        }
    }
    Ok(properties)
}

/// What counts in some JSON, or in text of the older form.
fn read_text(text: &str) -> Result<Vec<(Key, Value)>, String> {
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
    Number(u64),
    /// JSON's null, or Python's None.
    Null,
    /// Anything else, in words.
    Other(&'static str),
}

impl Value {
    fn in_words(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Number(_) => "a number",
            Self::Null => "null",
            Self::Other(what) => what,
        }
    }
}

/// A property that counts here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Signature(PropertyName),
    Record(RecordField),
}

impl Key {
    fn from_name(name: &str) -> Option<Self> {
        let signature = PropertyName::from_name(name).map(Self::Signature);
        signature.or_else(|| RecordField::from_name(name).map(Self::Record))
    }

    fn signature(self) -> Option<PropertyName> {
        match self {
            Self::Signature(property) => Some(property),
            Self::Record(_) => None,
        }
    }
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
        let pairs = Ok(vec![(Key::Signature(PropertyName::KeyType), Value::Text("DSA".to_owned()))]);
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
