//! Patterns over claim values: exact text, `prefix*`, `*suffix`, `*contains*`, and `*`.

/// A compiled claim pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextPattern {
    /// The value is this text.
    Exact(Box<str>),
    /// The value begins with this text.
    Prefix(Box<str>),
    /// The value ends with this text.
    Suffix(Box<str>),
    /// The value holds this text.
    Contains(Box<str>),
    /// The value is there and not empty.
    Present,
}

impl TextPattern {
    /// Reads a pattern. Only a `*` at either end is special; one anywhere else is literal.
    pub fn parse(pattern: &str) -> Self {
        match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
            (Some(rest), Some(_)) => match rest.strip_suffix('*') {
                None | Some("") => Self::Present,
                Some(middle) => Self::Contains(middle.into()),
            },
            (Some(suffix), None) => Self::Suffix(suffix.into()),
            (None, Some(prefix)) => Self::Prefix(prefix.into()),
            (None, None) => Self::Exact(pattern.into()),
        }
    }

    /// Whether `value` matches; comparison is by bytes, case-sensitive.
    pub fn matches(&self, value: &str) -> bool {
        match self {
            Self::Exact(text) => value == &**text,
            Self::Prefix(text) => value.starts_with(&**text),
            Self::Suffix(text) => value.ends_with(&**text),
            Self::Contains(text) => value.contains(&**text),
            Self::Present => !value.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_matches_what_it_says() {
        let table = [
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "a", true),
            ("a*", "ab", true),
            ("a*", "ba", false),
            ("*a", "a", true),
            ("*a", "ba", true),
            ("*a", "ab", false),
            ("*a*", "bab", true),
            ("*a*", "b", false),
            ("*", "x", true),
            ("*", "", false),
            ("**", "", false),
            ("**", "x", true),
            ("", "", true),
            ("", "x", false),
            ("a*b", "a*b", true),
            ("a*b", "axb", false),
            ("*a*b", "xa*b", true),
            ("*a*b", "xaxb", false),
            ("A", "a", false),
        ];
        for (pattern, value, expected) in table {
            assert_eq!(
                TextPattern::parse(pattern).matches(value),
                expected,
                "{pattern} on {value}"
            );
        }
    }
}
