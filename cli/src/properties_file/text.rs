//! Properties in the text that older OpenStack commands print: `name='value', name='value'`.
//!
//! That form has no escapes: a value may hold quotes and commas. A value ends at the first quote that the end of the
//! text or `, NAME=` follows, which is right for all that the commands print unless a value imitates the form. Then
//! the text can be read in two ways, and where that concerns a signature property it is refused.

use longhand::PropertyName;

use super::{Key, Value};

/// The properties that count in such a text.
pub(super) fn read(text: &str) -> Result<Vec<(Key, Value)>, String> {
    let mut pairs = Vec::new();
    let mut rest = text.trim_ascii();
    while !rest.is_empty() {
        let Some((name, after)) = split_name(rest) else {
            return Err("it is neither JSON nor of the form NAME='VALUE', NAME='VALUE'".to_owned());
        };
        let (value, following) = split_value(after).ok_or("a value's quotes do not match")?;
        if let Some(key) = Key::from_name(name) {
            pairs.push((key, value));
        }
        rest = following;
    }
    for property in PropertyName::ALL {
        if mentions(text, property)
            != pairs.iter().filter(|(key, _)| key.signature() == Some(property)).count()
        {
            return Err(format!(
                "{property}= stands within another property's value; give the properties as JSON"
            ));
        }
    }
    Ok(pairs)
}

fn is_of_name(character: char) -> bool {
    !character.is_whitespace() && !character.is_control() && !matches!(character, '\'' | '"' | ',' | '=')
}

/// `NAME=` and what follows it. Looks no further than the name goes, so that no text is searched twice.
fn split_name(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|character| !is_of_name(character))?;
    let (name, after) = text.split_at_checked(end)?;
    (!name.is_empty()).then_some((name, after.strip_prefix('=')?))
}

/// A value and what follows it and its comma.
fn split_value(text: &str) -> Option<(Value, &str)> {
    let Some(quoted) = text.strip_prefix('\'') else {
        // Python's None is printed as nothing at all.
        return Some((Value::Null, after_value(text)?));
    };
    quoted.match_indices('\'').find_map(|(end, quote)| {
        let following = after_value(quoted.get(end.checked_add(quote.len())?..)?)?;
        Some((Value::Text(quoted.get(..end)?.to_owned()), following))
    })
}

/// What follows a value's end, if this is one: nothing, or a comma and another property.
fn after_value(text: &str) -> Option<&str> {
    let text = text.trim_ascii_start();
    if text.is_empty() {
        return Some(text);
    }
    let next = text.strip_prefix(',')?.trim_ascii_start();
    let (_, value) = split_name(next)?;
    (value.is_empty() || value.starts_with(['\'', ','])).then_some(next)
}

/// How often the text has `PROPERTY=` where a name can stand.
fn mentions(text: &str, property: PropertyName) -> usize {
    let starts_name = |start: usize| {
        text.get(..start).and_then(|before| before.chars().next_back()).is_none_or(|last| !is_of_name(last))
    };
    let name = format!("{property}=");
    text.match_indices(&name).filter(|(start, _)| starts_name(*start)).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use PropertyName::{HashMethod, KeyType, Signature};

    fn read(printed: &str) -> Result<Vec<(PropertyName, Value)>, String> {
        let pairs = super::read(printed)?;
        Ok(pairs.into_iter().filter_map(|(key, value)| Some((key.signature()?, value))).collect())
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn what_the_commands_print_is_read() {
        for (printed, pairs) in [
            ("", vec![]),
            ("os_distro='debian'", vec![]),
            (
                "img_signature='QQ==', img_signature_hash_method='SHA-256'\n",
                vec![(Signature, text("QQ==")), (HashMethod, text("SHA-256"))],
            ),
            ("img_signature='QU\nFB\n', a='b'", vec![(Signature, text("QU\nFB\n"))]),
            // No escapes: quotes and commas in the values of others.
            ("a='it's', img_signature='QQ=='", vec![(Signature, text("QQ=="))]),
            ("locations='[{'url': 'x', 'metadata': {}}]', img_signature='Q'", vec![(Signature, text("Q"))]),
            ("a='x', y', img_signature='Q'", vec![(Signature, text("Q"))]),
            // None.
            ("a=, img_signature='Q', b=", vec![(Signature, text("Q"))]),
            ("img_signature=, a='b'", vec![(Signature, Value::Null)]),
            ("img_signature=", vec![(Signature, Value::Null)]),
            // Twice: the library refuses it.
            ("img_signature='a', img_signature='b'", vec![(Signature, text("a")), (Signature, text("b"))]),
            // Names that end like one of the four.
            ("x_img_signature='a', img_signature_key_type='DSA'", vec![(KeyType, text("DSA"))]),
        ] {
            assert_eq!(read(printed), Ok(pairs), "{printed:?}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_or_none_is_refused() {
        for printed in [
            "x",
            "='x'",
            "a",
            "a='x",
            "a='x' img_signature='Q'",
            "a=\"x\"",
            "a='x',",
            "a=x",
            "a: x",
            // A value that swallows the property after it, or pretends to be one.
            "a='x', k=', img_signature='Q'",
            "a=' img_signature='Q''",
            "a='b img_signature=c'",
        ] {
            assert!(read(printed).is_err(), "{printed:?}");
        }
    }

    #[test]
    fn hostile_text_takes_no_more_than_linear_time() {
        for piece in ["'", "', ", "', a", "a='b', ", "', a=", "' ", "a=, ", "img_signature='"] {
            let hostile = format!("a='{}", piece.repeat(1_000_000_usize.div_euclid(piece.len())));
            let _ = read(&hostile);
        }
    }
}
