//! Text of others, so that it can neither steer a terminal nor look like a line of ours.

use std::borrow::Cow;

/// A text with everything escaped that is not visible, line ends included, as in `\u{1b}`.
pub fn plain(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, 0x20..=0x7e)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            // Visible, and harmless in the middle of a line.
            '"' | '\'' | '\\' => out.push(character),
            character => out.extend(character.escape_debug()),
        }
    }
    Cow::Owned(out)
}

/// The same for a text of several lines, which stay lines.
pub fn plain_lines(text: &str) -> String {
    text.split('\n').map(plain).collect::<Vec<_>>().join("\n")
}

/// A word for a POSIX shell, in quotes where it needs them.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@=,+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_visible_is_escaped() {
        assert_eq!(plain("a \"é\" \\ 漢"), "a \"é\" \\ 漢");
        assert_eq!(plain("\u{1b}[31m\r\nallow\t\u{9b}"), "\\u{1b}[31m\\r\\nallow\\t\\u{9b}");
        assert_eq!(plain("\u{202e}\u{2028}\u{ffff}\u{7f}"), "\\u{202e}\\u{2028}\\u{ffff}\\u{7f}");
        assert_eq!(plain_lines("a\n\u{1b}b"), "a\n\\u{1b}b");
    }
}
