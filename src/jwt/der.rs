//! DER (X.690), as far as keys and signatures need it to be written: lengths, numbers and what
//! holds them.

pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;

/// An INTEGER from the big-endian digits of a number that is not negative.
pub(super) fn integer(digits: &[u8]) -> Vec<u8> {
    let start = digits.iter().position(|byte| *byte != 0).unwrap_or(digits.len());
    let digits = digits.get(start..).unwrap_or_default();
    // A leading zero keeps the number positive, and is all there is of zero.
    let zero: &[u8] = if digits.first().is_none_or(|byte| *byte >= 0x80) { &[0] } else { &[] };
    element(INTEGER, &[zero, digits])
}

/// Tag, length, content (X.690 section 8.1).
pub(super) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len().to_be_bytes();
    let start = length.iter().position(|byte| *byte != 0).unwrap_or(length.len());
    let digits = length.get(start..).unwrap_or_default();
    let mut out = vec![tag];
    match digits {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        digits => {
            // At most eight digits: the form below has room for 127.
            out.push(0x80 | u8::try_from(digits.len()).unwrap_or_default());
            out.extend_from_slice(digits);
        }
    }
    out.extend(content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_as_few_digits_as_they_can() {
        let table: &[(&[u8], &[u8])] = &[
            (&[], &[2, 1, 0]),
            (&[0, 0], &[2, 1, 0]),
            (&[0, 5], &[2, 1, 5]),
            (&[0x7F], &[2, 1, 0x7F]),
            (&[0x80], &[2, 2, 0, 0x80]),
            (&[0, 0x80, 1], &[2, 3, 0, 0x80, 1]),
        ];
        for (digits, expected) in table {
            assert_eq!(integer(digits), *expected, "{digits:?}");
        }
    }

    #[test]
    fn lengths_are_written_in_the_short_form_where_it_does() {
        let front = |length: usize| {
            let written = element(SEQUENCE, &[&vec![7; length]]);
            written[..written.len() - length].to_vec()
        };
        assert_eq!(front(0), [0x30, 0]);
        assert_eq!(front(127), [0x30, 127]);
        assert_eq!(front(128), [0x30, 0x81, 128]);
        assert_eq!(front(0x1234), [0x30, 0x82, 0x12, 0x34]);
    }
}
