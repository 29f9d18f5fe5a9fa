//! Path patterns with `{*}` and `{**}`, matched by running all alternatives at once.
//!
//! The pattern becomes a row of states that only leads forward; every byte of the path moves the
//! set of active states once. That costs path length times pattern length at most, whatever the
//! pattern (Thompson, 1968), where a backtracking matcher can be made to take far longer.

use super::state::{State, Takes};

/// `{*}` or `{**}` shares its segment with other text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{{*}}` and `{{**}}` must fill a whole path segment, as in `/v1/{{*}}/items`")]
pub struct PartialSegment;

/// A compiled pattern that holds at least one `{*}` or `{**}`.
#[derive(Debug, Clone)]
pub struct SegmentPattern {
    states: Vec<State>,
}

impl SegmentPattern {
    /// Compiles a pattern; `{*}` and `{**}` must each fill a segment.
    ///
    /// # Errors
    /// When one of them does not.
    pub fn parse(pattern: &str) -> Result<Self, PartialSegment> {
        let mut states = Vec::new();
        // Whether the next segment still needs the `/` before it.
        let mut separator = false;
        let mut rest = Some(pattern);
        while let Some(text) = rest {
            let (segment, after) = match text.split_once('/') {
                Some((segment, after)) => (segment, Some(after)),
                None => (text, None),
            };
            rest = after;
            if segment == "{**}" {
                if separator || after.is_none() {
                    // Nothing, or a slash and anything: any number of whole segments after it.
                    if separator {
                        states.push(State::new(Takes::Byte(b'/'), 2));
                    }
                    states.push(State::any_run());
                } else {
                    // At the very start the slash comes after the segments.
                    states.push(State::new(Takes::Nothing, 3));
                    states.push(State::any_run());
                    states.push(State::new(Takes::Byte(b'/'), 0));
                    continue;
                }
            } else {
                if separator {
                    states.push(State::new(Takes::Byte(b'/'), 0));
                }
                if segment == "{*}" {
                    states.push(State::new(Takes::SegmentByte, 0));
                    states.push(State::new(Takes::SegmentRun, 1));
                } else if segment.contains("{*}") || segment.contains("{**}") {
                    return Err(PartialSegment);
                } else {
                    states.extend(segment.bytes().map(|byte| match byte {
                        b'*' => State::any_run(),
                        byte => State::new(Takes::Byte(byte), 0),
                    }));
                }
            }
            separator = true;
        }
        Ok(Self { states })
    }

    /// Its states, in order.
    pub fn states(&self) -> &[State] {
        &self.states
    }

    /// Whether the whole path matches.
    pub fn matches(&self, path: &str) -> bool {
        // The set of active states; the last entry is the accepting one.
        let width = self.states.len().saturating_add(1);
        let mut active = vec![false; width];
        let mut next = vec![false; width];
        if let Some(first) = active.first_mut() {
            *first = true;
        }
        self.follow_skips(&mut active);
        for byte in path.bytes() {
            next.fill(false);
            for (index, state) in self.states.iter().enumerate() {
                if active.get(index) != Some(&true) {
                    continue;
                }
                if !state.takes.takes(byte) {
                    continue;
                }
                let target = match state.takes.stays() {
                    true => index,
                    false => index.saturating_add(1),
                };
                if let Some(slot) = next.get_mut(target) {
                    *slot = true;
                }
            }
            self.follow_skips(&mut next);
            std::mem::swap(&mut active, &mut next);
        }
        active.last() == Some(&true)
    }

    /// Adds the states that can be reached without consuming anything. Skips only lead forward,
    /// so one pass in order finds them all.
    fn follow_skips(&self, active: &mut [bool]) {
        for (index, state) in self.states.iter().enumerate() {
            if active.get(index) != Some(&true) {
                continue;
            }
            let direct = usize::from(matches!(state.takes, Takes::Nothing));
            for distance in [direct, state.skip] {
                if let Some(slot) = active.get_mut(index.saturating_add(distance)) {
                    *slot = true;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn segments_are_whole_and_counted() {
        let table = [
            ("/a/{*}", "/a/b", true),
            ("/a/{*}", "/a/", false),
            ("/a/{*}", "/a", false),
            ("/a/{*}", "/a/b/c", false),
            ("/a/{*}/c", "/a/b/c", true),
            ("/a/{*}/c", "/a//c", false),
            ("/a/{**}/b", "/a/b", true),
            ("/a/{**}/b", "/a/x/b", true),
            ("/a/{**}/b", "/a/x/y/b", true),
            ("/a/{**}/b", "/a/xb", false),
            ("/a/{**}/b", "/ab", false),
            ("/a/{**}/b", "/ax/b", false),
            ("/a/{**}", "/a", true),
            ("/a/{**}", "/a/", true),
            ("/a/{**}", "/a/b/c", true),
            ("/a/{**}", "/ab", false),
            ("{**}/b", "/x/b", true),
            ("{**}/b", "b", true),
            ("{**}/b", "/xb", false),
            ("/{**}/b", "/b", true),
            ("/{**}/b", "/x/y/b", true),
            ("/{**}/b", "/xb", false),
            ("{**}", "", true),
            ("{**}", "/x/y", true),
            ("/{*}/{**}", "/a", true),
            ("/{*}/{**}", "/", false),
            ("/{**}/{*}", "/a/b", true),
            ("/{**}/{*}", "/", false),
            ("/{**}/{**}/x", "/x", true),
            ("/a*/{*}", "/ab/c/d", true),
            ("/a*/{*}", "/ab", false),
            ("/{*}/*.json", "/a/b/c.json", true),
        ];
        for (pattern, path, expected) in table {
            assert_eq!(
                SegmentPattern::parse(pattern).unwrap().matches(path),
                expected,
                "{pattern} on {path}"
            );
        }
    }

    /// The definition, by trying every way to split the path: slow and plain.
    fn naive(pattern: &[&str], path: &[&str]) -> bool {
        match pattern.split_first() {
            None => path.is_empty(),
            Some((&"{**}", rest)) => (0..=path.len()).any(|n| naive(rest, &path[n..])),
            Some((&"{*}", rest)) => {
                path.split_first().is_some_and(|(s, tail)| !s.is_empty() && naive(rest, tail))
            }
            Some((literal, rest)) => {
                path.split_first().is_some_and(|(s, tail)| s == literal && naive(rest, tail))
            }
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(
            segments in proptest::collection::vec(
                prop_oneof![Just("{*}"), Just("{**}"), Just("a"), Just("b"), Just("")], 0..6),
            path in proptest::collection::vec(prop_oneof![Just("a"), Just("b"), Just("")], 0..7),
        ) {
            let pattern = format!("/{}", segments.join("/"));
            prop_assume!(pattern.contains("{*"));
            let path = format!("/{}", path.join("/"));
            let expected = naive(
                &pattern.split('/').collect::<Vec<_>>(),
                &path.split('/').collect::<Vec<_>>(),
            );
            let compiled = SegmentPattern::parse(&pattern).unwrap();
            prop_assert_eq!(compiled.matches(&path), expected, "{} on {}", pattern, path);
        }
    }
}
