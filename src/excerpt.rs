//! Untrusted text, cut and made printable, so that an error can show it.

use std::fmt;

use crate::limits::MAX_EXCERPT;

/// The beginning of an untrusted text, at most [`limits::MAX_EXCERPT`](crate::limits::MAX_EXCERPT) characters.
///
/// `Display` puts it in quotes and escapes whatever could act on a terminal or a log.
///
/// ```
/// use longhand::SignatureProperties;
///
/// let error = SignatureProperties::from_properties([("img_signature_hash_method", "\u{1b}[2J"),
///     ("img_signature", "QQ=="), ("img_signature_key_type", "DSA"), ("img_signature_certificate_uuid", "id")])
///     .unwrap_err();
/// assert!(error.to_string().contains(r#""\u{1b}[2J""#));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Excerpt {
    text: String,
    cut: bool,
}

impl Excerpt {
    /// The beginning of this text: for errors of key managers that show what a service said.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let end = text.char_indices().nth(MAX_EXCERPT).map(|(index, _)| index);
        let kept = end.and_then(|end| text.get(..end));
        Self { text: kept.unwrap_or(text).to_owned(), cut: kept.is_some() }
    }

    /// The kept text as it was given, unescaped.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.text.escape_debug())?;
        f.write_str(if self.cut { "…" } else { "" })
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_cut_at_the_bound_and_says_so() {
        let at = "é".repeat(MAX_EXCERPT);
        assert_eq!(Excerpt::new(&at).to_string(), format!("\"{at}\""));
        let past = format!("{at}x");
        assert_eq!(Excerpt::new(&past).to_string(), format!("\"{at}\"…"));
    }

    #[test]
    fn nothing_that_acts_on_a_terminal_is_shown() {
        for hostile in ["\u{1b}[2J", "a\rb", "\u{202e}gnp.exe", "\u{0}", "\u{9b}2J", "\u{2028}"] {
            let shown = Excerpt::new(hostile).to_string();
            assert!(shown.chars().all(|c| c.is_ascii_graphic()), "{shown}");
        }
    }
}
