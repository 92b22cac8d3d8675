//! Untrusted text made safe for a terminal or a log.

/// The text with everything escaped that could act on a terminal: control characters, direction marks, line ends.
///
/// Text that the library escaped already stays as it is: quotes and backslashes are left alone.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '\'' | '"' => shown.push(character),
            _ => shown.extend(character.escape_debug()),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_acts_on_a_terminal_is_left() {
        for (text, shown) in [
            ("image.qcow2", "image.qcow2"),
            ("größe «1»", "größe «1»"),
            ("it's \"here\" C:\\x", "it's \"here\" C:\\x"),
            ("a\nverified: b", "a\\nverified: b"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("\u{9b}2J\u{7f}", "\\u{9b}2J\\u{7f}"),
            ("\u{202e}gnp.exe", "\\u{202e}gnp.exe"),
        ] {
            assert_eq!(printable(text), shown);
        }
        let once = printable("\u{1b}[2J\n");
        assert_eq!(printable(&once), once);
    }
}
