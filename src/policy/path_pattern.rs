//! Path patterns: `*`, `{*}` and `{**}`.
//!
//! `*` matches any run of characters, `/` included; `{*}` is exactly one non-empty segment;
//! `{**}` is zero or more whole segments. Nothing else is special. Every pattern is matched in
//! time linear in the path: patterns of `*` alone by `glob` (its matcher never returns to an
//! earlier `*`), those with `{*}` or `{**}`, which `glob` cannot say, by a state machine
//! of our own (`segment_pattern`).

use glob::{MatchOptions, Pattern};

use super::segment_pattern::SegmentPattern;

/// Longest accepted pattern in bytes; it bounds the recursion of `glob`, which is as deep as the
/// pattern has `*`.
pub const MAX_PATTERN_BYTES: usize = 2048;

const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: false,
    require_literal_leading_dot: false,
};

/// A compiled path pattern.
#[derive(Debug, Clone)]
pub struct PathPattern(Form);

#[derive(Debug, Clone)]
enum Form {
    Any,
    Exact(Box<str>),
    Prefix(Box<str>),
    Glob(Box<Pattern>),
    Segments(SegmentPattern),
}

/// Why a path pattern is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathPatternError {
    /// The pattern is the empty string.
    #[error("a path pattern cannot be empty; write `*` for any path")]
    Empty,
    /// `{*}` or `{**}` shares its segment with other text.
    #[error("`{{*}}` and `{{**}}` must fill a whole path segment, as in `/v1/{{*}}/items`")]
    PartialSegment,
    /// The pattern is longer than [`MAX_PATTERN_BYTES`].
    #[error("a path pattern can be at most {MAX_PATTERN_BYTES} bytes long")]
    TooLong,
}

impl PathPattern {
    /// Compiles a pattern as written in YAML or in the policy.
    pub fn parse(pattern: &str) -> Result<Self, PathPatternError> {
        if pattern.is_empty() {
            return Err(PathPatternError::Empty);
        }
        if pattern.len() > MAX_PATTERN_BYTES {
            return Err(PathPatternError::TooLong);
        }
        if pattern.contains("{*}") || pattern.contains("{**}") {
            return SegmentPattern::parse(pattern).map(|p| Self(Form::Segments(p)));
        }
        let pattern = collapse_stars(pattern);
        Ok(Self(match pattern.split_once('*') {
            None => Form::Exact(pattern.into()),
            Some(("", "")) => Form::Any,
            Some((prefix, "")) => Form::Prefix(prefix.into()),
            Some(_) => {
                let escaped = pattern.split('*').map(Pattern::escape).collect::<Vec<_>>().join("*");
                // Escaped text and single stars always form a valid glob.
                Form::Glob(Box::new(
                    Pattern::new(&escaped).map_err(|_| PathPatternError::PartialSegment)?,
                ))
            }
        }))
    }

    /// Whether the path, without its query, matches.
    pub fn matches(&self, path: &str) -> bool {
        match &self.0 {
            Form::Any => true,
            Form::Exact(text) => path == &**text,
            Form::Prefix(text) => path.starts_with(&**text),
            Form::Glob(glob) => glob.matches_with(path, OPTIONS),
            Form::Segments(pattern) => pattern.matches(path),
        }
    }
}

fn collapse_stars(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    for c in pattern.chars() {
        if c != '*' || !out.ends_with('*') {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_cross_segments_and_nothing_else_is_special() {
        let table = [
            ("/v1/payments/*", "/v1/payments/42", true),
            ("/v1/payments/*", "/v1/payments/a/b", true),
            ("/v1/payments/*", "/v1/payments/", true),
            ("/v1/payments/*", "/v1/payments", false),
            ("/v1/payments/*", "/v1/paymentsx", false),
            ("*", "", true),
            ("**", "/x", true),
            ("/a**", "/a/b", true),
            ("*/admin", "/x/y/admin", true),
            ("*/admin", "/x/admin/y", false),
            ("/a*b*c", "/aXbYc", true),
            ("/a*b*c", "/abc", true),
            ("/a*b*c", "/acb", false),
            ("/a*b", "/ab/xb", true),
            ("/a*b", "/abx", false),
            ("/a?c", "/a?c", true),
            ("/a?c", "/abc", false),
            ("/a?*c", "/a?xc", true),
            ("/a?*c", "/abxc", false),
            ("/[ab]*x", "/[ab]yx", true),
            ("/[ab]*x", "/ayx", false),
            ("/!*]x", "/!]]x", true),
            ("/.hidden*x", "/.hiddenx", true),
            ("/*x", "/.x", true),
            ("/A", "/a", false),
            ("/{id}", "/{id}", true),
            ("/{id}", "/7", false),
            ("/é*x", "/éyx", true),
        ];
        for (pattern, path, expected) in table {
            assert_eq!(
                PathPattern::parse(pattern).unwrap().matches(path),
                expected,
                "{pattern} on {path}"
            );
        }
    }

    #[test]
    fn patterns_that_cannot_be_meant_are_refused() {
        assert_eq!(PathPattern::parse("").unwrap_err(), PathPatternError::Empty);
        for pattern in ["/a/{*}foo", "/a/x{**}", "{*}{*}", "/{**}*"] {
            assert_eq!(
                PathPattern::parse(pattern).unwrap_err(),
                PathPatternError::PartialSegment,
                "{pattern}"
            );
        }
        let long = format!("/{}", "a".repeat(MAX_PATTERN_BYTES));
        assert_eq!(PathPattern::parse(&long).unwrap_err(), PathPatternError::TooLong);
    }

    #[test]
    fn the_most_stars_a_pattern_can_hold_do_not_exhaust_the_stack() {
        let pattern = "*a".repeat(MAX_PATTERN_BYTES / 2);
        let compiled = PathPattern::parse(&pattern).unwrap();
        assert!(compiled.matches(&"a".repeat(60_000)));
        assert!(!compiled.matches(&"b".repeat(60_000)));
    }
}
