//! Path patterns against the naive matcher.

use egress_auth::policy::path_pattern::{PathPattern, PathPatternError};

use super::plain;

/// Longest text that the naive matcher is asked about.
const MOST: usize = 120;

/// Checks one pattern, the first line, against the paths in the others.
pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let mut lines = text.split('\n');
    let pattern = lines.next().unwrap_or_default();
    let partial = |segment: &str| segment.contains("{*}") || segment.contains("{**}");
    let whole = |segment: &str| matches!(segment, "{*}" | "{**}");
    let expected = if pattern.is_empty() {
        Some(PathPatternError::Empty)
    } else if pattern.len() > 2_048 {
        Some(PathPatternError::TooLong)
    } else if pattern.split('/').any(|segment| partial(segment) && !whole(segment)) {
        Some(PathPatternError::PartialSegment)
    } else {
        None
    };
    let compiled = match PathPattern::parse(pattern) {
        Ok(compiled) => compiled,
        Err(error) => return assert_eq!(Some(error), expected),
    };
    assert_eq!(expected, None);
    for path in lines.take(16) {
        let ours = compiled.matches(path);
        if pattern.len() <= MOST && path.len() <= MOST {
            assert_eq!(ours, plain::path_matches(pattern, path), "{pattern} {path}");
        }
    }
}
