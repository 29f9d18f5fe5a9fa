//! Percent-encoding (RFC 3986, section 2.1): what paths and query parameters are decoded by. What
//! an escape may stand for, and what becomes of a broken one, is theirs to say.

use std::borrow::Cow;

/// A part of a text that is being decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// A byte that stands for itself.
    Plain(u8),
    /// The byte that an escape stands for.
    Escaped(u8),
    /// A `%` without two hexadecimal digits behind it; those follow as what they are.
    Broken,
}

/// Takes a text apart: each part, and how it is written.
pub(super) fn pieces(text: &[u8]) -> impl Iterator<Item = (Piece, &[u8])> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (piece, length) = match rest {
            [] => return None,
            [b'%', high, low, ..] => match digit(*high).zip(digit(*low)) {
                Some((high, low)) => (Piece::Escaped((high << 4) | low), 3),
                None => (Piece::Broken, 1),
            },
            [b'%', ..] => (Piece::Broken, 1),
            [byte, ..] => (Piece::Plain(*byte), 1),
        };
        let (written, after) = rest.split_at_checked(length)?;
        rest = after;
        Some((piece, written))
    })
}

/// Decodes escapes and `+`, as in `application/x-www-form-urlencoded` (WHATWG URL); an invalid
/// escape stays as it is.
pub(crate) fn decode_form(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(text);
    }
    let decoded = pieces(text).map(|(piece, _)| match piece {
        Piece::Plain(b'+') => b' ',
        Piece::Plain(byte) | Piece::Escaped(byte) => byte,
        Piece::Broken => b'%',
    });
    Cow::Owned(decoded.collect())
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::Piece::{Broken, Escaped, Plain};
    use super::*;

    #[test]
    fn only_a_percent_sign_with_two_digits_is_an_escape() {
        let table: &[(&[u8], &[Piece])] = &[
            (b"a%2fb", &[Plain(b'a'), Escaped(b'/'), Plain(b'b')]),
            (b"%2F%ff", &[Escaped(b'/'), Escaped(0xFF)]),
            (b"%252f", &[Escaped(b'%'), Plain(b'2'), Plain(b'f')]),
            (b"%", &[Broken]),
            (b"%2", &[Broken, Plain(b'2')]),
            (b"%%41", &[Broken, Escaped(b'A')]),
            (b"%4g", &[Broken, Plain(b'4'), Plain(b'g')]),
            (b"+", &[Plain(b'+')]),
        ];
        for (text, expected) in table {
            let (found, written): (Vec<_>, Vec<_>) = pieces(text).unzip();
            assert_eq!(found, *expected, "{text:?}");
            assert_eq!(written.concat(), *text);
        }
    }
}
