//! Properties in JSON: nested as `openstack image show` prints them, or flat as the image service does.
//!
//! `serde_json`'s own map takes the last of two equal keys without a word; two readers of one record could then see two
//! signatures. So the pairs are kept as they come, and the library refuses the second.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Key, Value, text};

/// The keys that count of a JSON object, and of the object or text under its key `properties`.
///
/// Nothing else is kept. No depth of nesting costs stack: what is passed over is passed over without recursion.
pub(super) fn read(json: &str) -> Result<Vec<(Key, Value)>, String> {
    let record: Record = serde_json::from_str(json).map_err(|error| error.to_string())?;
    Ok(record.0)
}

/// The key under which `openstack image show` prints what is not part of every image's record.
const PROPERTIES: &str = "properties";

/// An image's record.
struct Record(Vec<(Key, Value)>);

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RecordVisitor;

        impl<'de> Visitor<'de> for RecordVisitor {
            type Value = Record;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of image properties")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Record, A::Error> {
                let mut pairs = Vec::new();
                let mut nested = false;
                while let Some(key) = map.next_key::<String>()? {
                    if key == PROPERTIES {
                        if nested {
                            return Err(A::Error::custom("the key \"properties\" is given twice"));
                        }
                        nested = true;
                        pairs.append(&mut map.next_value::<Nested>()?.0);
                    } else {
                        read_value(&key, &mut map, &mut pairs)?;
                    }
                }
                Ok(Record(pairs))
            }
        }

        deserializer.deserialize_map(RecordVisitor)
    }
}

/// What stands under the key `properties`.
struct Nested(Vec<(Key, Value)>);

impl<'de> Deserialize<'de> for Nested {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NestedVisitor;

        impl<'de> Visitor<'de> for NestedVisitor {
            type Value = Nested;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object or text of image properties")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Nested, A::Error> {
                let mut pairs = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    read_value(&key, &mut map, &mut pairs)?;
                }
                Ok(Nested(pairs))
            }

            fn visit_str<E: Error>(self, properties: &str) -> Result<Nested, E> {
                text::read(properties).map(Nested).map_err(E::custom)
            }

            fn visit_unit<E: Error>(self) -> Result<Nested, E> {
                Ok(Nested(Vec::new()))
            }
        }

        deserializer.deserialize_any(NestedVisitor)
    }
}

/// Reads the value under `key`, and keeps it if the key counts.
fn read_value<'de, A: MapAccess<'de>>(
    key: &str,
    map: &mut A,
    pairs: &mut Vec<(Key, Value)>,
) -> Result<(), A::Error> {
    match Key::from_name(key) {
        Some(key) => pairs.push((key, map.next_value()?)),
        None => {
            map.next_value::<IgnoredAny>()?;
        }
    }
    Ok(())
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ValueVisitor;

        impl<'de> Visitor<'de> for ValueVisitor {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
                Ok(Value::Text(text.to_owned()))
            }

            fn visit_bool<E: Error>(self, _: bool) -> Result<Value, E> {
                Ok(Value::Other("a boolean"))
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<Value, E> {
                Ok(Value::Other("a number"))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
                Ok(Value::Number(number))
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<Value, E> {
                Ok(Value::Other("a number"))
            }

            fn visit_unit<E: Error>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Value::Other("an array"))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Value::Other("an object"))
            }
        }

        deserializer.deserialize_any(ValueVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use longhand::PropertyName;

    fn kept(json: &str) -> Vec<(PropertyName, Value)> {
        let pairs = read(json).unwrap_or_else(|error| panic!("{error}: {json}"));
        pairs.into_iter().filter_map(|(key, value)| Some((key.signature()?, value))).collect()
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn every_pair_is_kept_wherever_it_stands() {
        use PropertyName::{HashMethod, KeyType, Signature};
        assert_eq!(
            kept(
                r#"{"size": 1, "img_signature": "a", "properties": {"x": {"img_signature": "no"}, "img_signature": "b",
                    "img_signature_key_type": "DSA"}, "img_signature": "c", "tags": [{"img_signature": "no"}],
                    "\u0069mg_signature_hash_method": "SHA-256"}"#
            ),
            [
                (Signature, text("a")),
                (Signature, text("b")),
                (KeyType, text("DSA")),
                (Signature, text("c")),
                (HashMethod, text("SHA-256")),
            ]
        );
        assert_eq!(
            kept(r#"{"properties": "a='b', img_signature_key_type='DSA'"}"#),
            [(KeyType, text("DSA"))]
        );
        for none in [r#"{"properties": null}"#, r#"{"properties": {}}"#, r#"{"properties": ""}"#, "{}"] {
            assert!(kept(none).is_empty(), "{none}");
        }
    }

    #[test]
    fn what_is_not_text_is_told() {
        for (json, what) in [
            ("1", "a number"),
            ("-1", "a number"),
            ("1.5", "a number"),
            ("true", "a boolean"),
            ("null", "null"),
            (r#"["c2ln", [1]]"#, "an array"),
            (r#"{"a": {"b": 1}}"#, "an object"),
        ] {
            let json = format!(r#"{{"img_signature": {json}}}"#);
            let pairs = kept(&json);
            assert_eq!((pairs.len(), pairs[0].1.in_words()), (1, what), "{json}");
        }
    }

    #[test]
    fn what_is_no_record_is_refused() {
        for json in [
            "[]",
            "[{}]",
            "\"\"",
            "{",
            "{}{}",
            "{} x",
            r#"{"properties": 1}"#,
            r#"{"properties": []}"#,
            r#"{"properties": {}, "properties": {}}"#,
            r#"{"img_signature": "\ud800"}"#,
            r#"{"img_signature": 1e999}"#,
            "{'img_signature': 'a'}",
        ] {
            assert!(read(json).is_err(), "{json}");
        }
    }

    #[test]
    fn no_nesting_is_too_deep_to_pass_over() {
        let depth = 1_000_000;
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            let nested = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            for name in ["x", "img_signature"] {
                let _ = kept(&format!(r#"{{"{name}": {nested}}}"#));
                assert!(read(&format!(r#"{{"{name}": {}"#, open.repeat(depth))).is_err());
            }
            assert!(read(&format!(r#"{{"properties": {{"properties": {nested}}}}}"#)).is_ok());
        }
        assert!(read(&"[".repeat(depth)).is_err());
    }
}
