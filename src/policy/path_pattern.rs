//! Path patterns: `*`, `{*}` and `{**}`.
//!
//! `*` matches any run of characters, `/` included; `{*}` is exactly one non-empty segment;
//! `{**}` is zero or more whole segments. Nothing else is special. Every pattern is matched in
//! time linear in the path: of patterns of `*` alone the literal texts are looked for one after
//! the other, never going back to an earlier one; those with `{*}` or `{**}` are run as a state
//! machine (`segment_pattern`). The prover reads every pattern as states, made from the same
//! compiled form.

use std::borrow::Cow;

use super::segment_pattern::{PartialSegment, SegmentPattern};
use super::state::{State, Takes};

/// Longest accepted pattern in bytes.
pub const MAX_PATTERN_BYTES: usize = 2048;

/// A compiled path pattern.
#[derive(Debug, Clone)]
pub struct PathPattern(Form);

#[derive(Debug, Clone)]
enum Form {
    Any,
    Exact(Box<str>),
    Prefix(Box<str>),
    Stars(Stars),
    Segments(SegmentPattern),
}

/// Literal texts with a `*` between each and the next: at least one `*`, and more than a `*` that
/// ends the pattern.
#[derive(Debug, Clone)]
struct Stars {
    first: Box<str>,
    /// None of these is empty.
    middle: Box<[Box<str>]>,
    last: Box<str>,
}

/// Why a path pattern is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathPatternError {
    /// The pattern is the empty string.
    #[error("a path pattern cannot be empty; write `*` for any path")]
    Empty,
    /// `{*}` or `{**}` shares its segment with other text.
    #[error("{PartialSegment}")]
    PartialSegment,
    /// The pattern is longer than [`MAX_PATTERN_BYTES`].
    #[error("a path pattern can be at most {MAX_PATTERN_BYTES} bytes long")]
    TooLong,
}

impl PathPattern {
    /// Compiles a pattern as written in YAML or in the policy.
    ///
    /// # Errors
    /// See [`PathPatternError`].
    pub fn parse(pattern: &str) -> Result<Self, PathPatternError> {
        if pattern.is_empty() {
            return Err(PathPatternError::Empty);
        }
        if pattern.len() > MAX_PATTERN_BYTES {
            return Err(PathPatternError::TooLong);
        }
        if pattern.contains("{*}") || pattern.contains("{**}") {
            let compiled = SegmentPattern::parse(pattern);
            return compiled
                .map(|compiled| Self(Form::Segments(compiled)))
                .map_err(|PartialSegment| PathPatternError::PartialSegment);
        }
        let Some((first, rest)) = pattern.split_once('*') else {
            return Ok(Self(Form::Exact(pattern.into())));
        };
        let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
        // Of several stars in a row one says it all.
        let middle = middle.split('*').filter(|text| !text.is_empty()).map(Into::into);
        let middle: Box<[_]> = middle.collect();
        Ok(Self(match (first, &*middle, last) {
            ("", [], "") => Form::Any,
            (prefix, [], "") => Form::Prefix(prefix.into()),
            (first, _, last) => {
                Form::Stars(Stars { first: first.into(), middle, last: last.into() })
            }
        }))
    }

    /// Whether the path, without its query, matches.
    pub fn matches(&self, path: &str) -> bool {
        match &self.0 {
            Form::Any => true,
            Form::Exact(text) => path == &**text,
            Form::Prefix(text) => path.starts_with(&**text),
            Form::Stars(stars) => stars.matches(path),
            Form::Segments(pattern) => pattern.matches(path),
        }
    }

    /// The pattern as a row of states, for what asks of all paths at once.
    pub fn states(&self) -> Cow<'_, [State]> {
        let any = || std::iter::once(State::any_run());
        Cow::Owned(match &self.0 {
            Form::Any => any().collect(),
            Form::Exact(text) => literal(text).collect(),
            Form::Prefix(text) => literal(text).chain(any()).collect(),
            Form::Stars(Stars { first, middle, last }) => {
                let rest = middle.iter().chain([last]);
                let rest = rest.flat_map(|text| any().chain(literal(text)));
                literal(first).chain(rest).collect()
            }
            Form::Segments(pattern) => return Cow::Borrowed(pattern.states()),
        })
    }
}

impl Stars {
    fn matches(&self, path: &str) -> bool {
        let inside = path.strip_prefix(&*self.first).and_then(|it| it.strip_suffix(&*self.last));
        let Some(mut rest) = inside else { return false };
        // The first place of each text leaves most for the others, so none has to be tried again.
        self.middle.iter().all(|text| match rest.split_once(&**text) {
            Some((_, after)) => {
                rest = after;
                true
            }
            None => false,
        })
    }
}

/// A text as states.
fn literal(text: &str) -> impl Iterator<Item = State> {
    text.bytes().map(|byte| State::new(Takes::Byte(byte), 0))
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
    fn the_most_stars_that_a_pattern_can_hold_are_matched() {
        let pattern = "*a".repeat(MAX_PATTERN_BYTES / 2);
        let compiled = PathPattern::parse(&pattern).unwrap();
        assert!(compiled.matches(&"a".repeat(60_000)));
        assert!(!compiled.matches(&"b".repeat(60_000)));
    }
}
