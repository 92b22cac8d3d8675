//! What an image's record says of its bytes beside the signature.

use longhand::{ImageRecord, RecordError};

use super::Value;
use crate::problem::Problem;
use crate::report::{CheckName, Checks};

const NOT_NAMED: &str = "the record does not name it";

/// A field of the record that the image's bytes are held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecordField {
    Size,
    OsHashAlgo,
    OsHashValue,
    Checksum,
}

impl RecordField {
    /// No image can have a property of its own under one of these names: the image service keeps them to itself.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "size" => Self::Size,
            "os_hash_algo" => Self::OsHashAlgo,
            "os_hash_value" => Self::OsHashValue,
            "checksum" => Self::Checksum,
            _ => return None,
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::OsHashAlgo => "os_hash_algo",
            Self::OsHashValue => "os_hash_value",
            Self::Checksum => "checksum",
        }
    }
}

/// The fields as far as they are there. The image service has null in them until the image is uploaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RecordFields {
    size: Option<Size>,
    os_hash_algo: Option<String>,
    os_hash_value: Option<String>,
    checksum: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Size {
    Bytes(u64),
    /// `openstack image show --human-readable` prints text such as 6.5K.
    Other(&'static str),
}

impl RecordFields {
    /// Takes a field's value; a second one is an error, and a digest that is not text.
    pub(super) fn set(&mut self, field: RecordField, value: Value) -> Result<(), String> {
        let name = field.name();
        let is_new = match (field, value) {
            (_, Value::Null) => true,
            (RecordField::Size, Value::Number(number)) => self.size.replace(Size::Bytes(number)).is_none(),
            (RecordField::Size, value) => self.size.replace(Size::Other(value.in_words())).is_none(),
            (RecordField::OsHashAlgo, Value::Text(text)) => self.os_hash_algo.replace(text).is_none(),
            (RecordField::OsHashValue, Value::Text(text)) => self.os_hash_value.replace(text).is_none(),
            (RecordField::Checksum, Value::Text(text)) => self.checksum.replace(text).is_none(),
            (_, value) => return Err(format!("{name} is {}, not text", value.in_words())),
        };
        if is_new { Ok(()) } else { Err(format!("{name} is given twice")) }
    }

    /// How many bytes the image has by it.
    pub(crate) fn bytes(&self) -> Option<u64> {
        match self.size {
            Some(Size::Bytes(size)) => Some(size),
            _ => None,
        }
    }

    /// The record to hold the image against. The checks say what it does not name.
    pub(crate) fn image_record(&self, checks: &mut Checks) -> Result<ImageRecord, Problem> {
        let mut record = ImageRecord::new();
        match self.size {
            Some(Size::Bytes(size)) => record = record.size(size),
            Some(Size::Other(what)) => {
                checks.skip(CheckName::Size, &format!("in the record it is {what}, not a number of bytes"));
            }
            None => checks.skip(CheckName::Size, NOT_NAMED),
        }
        record = match (&self.os_hash_algo, &self.os_hash_value) {
            (Some(algorithm), Some(value)) => {
                judge(checks, CheckName::OsHash, record.os_hash(algorithm, value))?
            }
            (None, None) => {
                checks.skip(CheckName::OsHash, NOT_NAMED);
                record
            }
            (Some(_), None) => {
                checks.skip(CheckName::OsHash, "the record has os_hash_algo alone");
                record
            }
            (None, Some(_)) => {
                checks.skip(CheckName::OsHash, "the record does not say by which os_hash_algo");
                record
            }
        };
        match &self.checksum {
            Some(md5) => judge(checks, CheckName::Checksum, record.checksum(md5)),
            None => {
                checks.skip(CheckName::Checksum, NOT_NAMED);
                Ok(record)
            }
        }
    }
}

fn judge(
    checks: &mut Checks,
    name: CheckName,
    record: Result<ImageRecord, RecordError>,
) -> Result<ImageRecord, Problem> {
    checks.judge(name, record.map_err(Problem::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_taken_once_and_of_its_kind() {
        let text = |text: &str| Value::Text(text.to_owned());
        for (name, value, taken) in [
            ("size", Value::Number(0), true),
            ("size", Value::Number(u64::MAX), true),
            ("size", text("6.5K"), true),
            ("size", Value::Other("a number"), true),
            ("size", Value::Null, true),
            ("os_hash_algo", text("sha512"), true),
            ("os_hash_algo", Value::Number(1), false),
            ("os_hash_value", text("00"), true),
            ("os_hash_value", Value::Null, true),
            ("checksum", text("00"), true),
            ("checksum", Value::Other("an array"), false),
        ] {
            let field = RecordField::from_name(name).unwrap();
            assert_eq!(field.name(), name);
            let mut fields = RecordFields::default();
            assert_eq!(fields.set(field, value.clone()).is_ok(), taken, "{name} {value:?}");
            if taken && value != Value::Null {
                assert_ne!(fields, RecordFields::default());
                assert_eq!(fields.set(field, value), Err(format!("{name} is given twice")));
            }
        }
        for other in ["Size", "min_disk", "virtual_size", "os_hidden", "img_signature", ""] {
            assert_eq!(RecordField::from_name(other), None);
        }
    }
}
