//! The order in which people look for names: a number in a name counts as one, so `h2` comes before
//! `h10`.

use std::cmp::Ordering;

/// Compares two names. Those that differ in zeros before a number alone are in plain order.
pub fn compare(one: &str, other: &str) -> Ordering {
    let (mut left, mut right) = (one, other);
    loop {
        let ((a, left_rest), (b, right_rest)) = (piece(left), piece(right));
        let order = match (number(a), number(b)) {
            (Some(a), Some(b)) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
            _ => a.cmp(b),
        };
        if order != Ordering::Equal {
            return order;
        }
        if left_rest.is_empty() && right_rest.is_empty() {
            return one.cmp(other);
        }
        (left, right) = (left_rest, right_rest);
    }
}

/// The digits or the other characters that a text begins with, and the rest.
fn piece(text: &str) -> (&str, &str) {
    let of_digits = text.starts_with(|first: char| first.is_ascii_digit());
    let end = text.find(|it: char| it.is_ascii_digit() != of_digits).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// The number that a piece is, without the zeros before it.
fn number(piece: &str) -> Option<&str> {
    piece.starts_with(|first: char| first.is_ascii_digit()).then(|| piece.trim_start_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_as_numbers() {
        let mut names =
            ["h10.test", "h2.test", "h2.a", "", "h", "a", "h02.test", "h1x", "1", "*.h"];
        names.sort_by(|one, other| compare(one, other));
        assert_eq!(
            names,
            ["", "*.h", "1", "a", "h", "h1x", "h2.a", "h02.test", "h2.test", "h10.test"]
        );
    }
}
