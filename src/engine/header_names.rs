//! Sets of header names that know each name in every spelling some upstream takes for it.

use crate::policy::header::fold;

/// Header names, compared as [`crate::policy::header::folded`] has them.
#[derive(Debug, Clone, Default)]
pub(super) struct HeaderNames {
    /// Folded, each once.
    names: Vec<String>,
    /// One bit for each length of a name, 63 for all that are longer: nearly every header of a
    /// request is told by its length not to be one of these.
    lengths: u64,
}

impl HeaderNames {
    /// Takes in a name that is folded already; false if it was there.
    pub(super) fn insert(&mut self, folded: String) -> bool {
        let is_new = !self.names.contains(&folded);
        if is_new {
            self.lengths |= length_bit(folded.len());
            self.names.push(folded);
        }
        is_new
    }

    /// Whether `name`, as a client sent it, is one of these to any upstream.
    pub(super) fn contains(&self, name: &[u8]) -> bool {
        self.lengths & length_bit(name.len()) != 0
            && self.names.iter().any(|folded| is_spelling_of(name, folded))
    }
}

/// Whether `name`, as a client sent it, is a name that is folded already.
pub(super) fn is_spelling_of(name: &[u8], folded: &str) -> bool {
    folded.len() == name.len() && folded.bytes().eq(name.iter().copied().map(fold))
}

fn length_bit(length: usize) -> u64 {
    1 << length.min(63)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every visible byte in every place of a name that is neither letter nor digit.
    #[test]
    fn every_spelling_is_found() {
        let mut names = HeaderNames::default();
        assert!(names.insert("x-jwt-payload".into()) && !names.insert("x-jwt-payload".into()));
        for first in 0x21..=0x7E_u8 {
            for second in 0x21..=0x7E_u8 {
                let name = [b"X", &[first][..], b"jwT", &[second], b"payload"].concat();
                let same = !first.is_ascii_alphanumeric() && !second.is_ascii_alphanumeric();
                assert_eq!(names.contains(&name), same, "{}", name.escape_ascii());
            }
        }
        for other in ["x--jwt-payload", "x-jwt-payloads", "x-jwt-payloae", "xjwtpayload", ""] {
            assert!(!names.contains(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn long_names_share_one_length() {
        let mut names = HeaderNames::default();
        names.insert("x".repeat(100));
        assert!(names.contains("X".repeat(100).as_bytes()));
        assert!(!names.contains("x".repeat(99).as_bytes()));
    }
}
