//! How a configured claim name finds a claim.

use serde_json::Value;

use super::Claims;

/// A claim name: literal first, then a path into nested objects.
///
/// `https://example.com/roles` is found as it stands; `realm_access.roles`,
/// `[realm_access][roles]` and `[realm_access].roles` reach into objects. A name that is not a
/// well-formed path (`a..b`, `[a`) is looked up literally only. Paths do not reach into arrays.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClaimPath {
    literal: String,
    /// Member names from the outside in; empty when there is nothing beyond the literal name.
    segments: Vec<String>,
}

impl ClaimPath {
    /// Reads a name whose path is written with dots, brackets or both.
    pub fn parse(name: &str) -> Self {
        Self { literal: name.to_owned(), segments: segments(name).unwrap_or_default() }
    }

    /// Reads a name whose path is written with dots only, as `outputClaimToHeaders` has it.
    pub fn dotted(name: &str) -> Self {
        let segments: Vec<_> = name.split('.').map(str::to_owned).collect();
        let is_path = segments.len() > 1 && segments.iter().all(|segment| !segment.is_empty());
        Self { literal: name.to_owned(), segments: if is_path { segments } else { Vec::new() } }
    }

    /// The claim, if the token has it.
    pub fn find<'c>(&self, claims: &'c Claims) -> Option<&'c Value> {
        if let Some(value) = claims.get(&self.literal) {
            return Some(value);
        }
        let (first, rest) = self.segments.split_first()?;
        rest.iter().try_fold(claims.get(first)?, |value, name| value.as_object()?.get(name))
    }
}

/// Splits a path; `None` if it is not well formed or has no dot or bracket.
fn segments(name: &str) -> Option<Vec<String>> {
    if !name.contains(['.', '[', ']']) {
        return None;
    }
    let mut segments = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let (segment, after) = match rest.strip_prefix('[') {
            Some(inside) => inside.split_once(']')?,
            None => {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                rest.split_at_checked(end)?
            }
        };
        if segment.is_empty() || segment.contains(['[', ']']) {
            return None;
        }
        segments.push(segment.to_owned());
        rest = match after.strip_prefix('.') {
            Some("") => return None,
            Some(next) => next,
            // After a bracket only a dot or another bracket may follow.
            None if after.is_empty() || after.starts_with('[') => after,
            None => return None,
        };
    }
    Some(segments)
}
