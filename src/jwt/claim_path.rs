//! How a configured claim name finds a claim.

use serde_json::Value;

use super::Claims;

/// Claims that hold words with spaces between them: the scopes of a token (RFC 8693, section 4.2).
/// Issuers differ in the name only; `scp` is Entra's and Okta's.
const OF_WORDS: [&str; 4] = ["scope", "scp", "permission", "oracle.oauth.scope"];

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
    /// Reads a name whose path is written with dots, brackets or both: the one syntax for `other`
    /// and `outputClaimToHeaders`.
    pub fn parse(name: &str) -> Self {
        Self { literal: name.to_owned(), segments: segments(name).unwrap_or_default() }
    }

    /// Whether each space-separated word of the claim counts as a value of its own.
    pub fn holds_words(&self) -> bool {
        let is_one = |name: &str| OF_WORDS.contains(&name);
        is_one(&self.literal) || is_one(&self.segments.join("."))
    }

    /// The name as it stands, by which a claim is looked for first.
    pub fn literal(&self) -> &str {
        &self.literal
    }

    /// Member names from the outside in; empty when the name is no path.
    pub fn segments(&self) -> &[String] {
        &self.segments
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims() -> Claims {
        let payload = json!({
            "plain": 1,
            "https://example.com/roles": 2,
            "a.b": 3,
            "a": {"b": 4, "c": {"d": 5}, "x.y": 6},
            "list": [{"b": 7}],
            "[odd": 8,
            "null": null,
        });
        Claims::from_json(payload.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn literal_names_come_before_paths() {
        for (name, expected) in [
            ("plain", Some(json!(1))),
            ("https://example.com/roles", Some(json!(2))),
            ("a.b", Some(json!(3))),
            ("[a][b]", Some(json!(4))),
            ("a[b]", Some(json!(4))),
            ("a.c.d", Some(json!(5))),
            ("[a][c][d]", Some(json!(5))),
            ("[a].c[d]", Some(json!(5))),
            ("a[x.y]", Some(json!(6))),
            ("[plain]", Some(json!(1))),
            ("[odd", Some(json!(8))),
            ("null", Some(json!(null))),
        ] {
            assert_eq!(ClaimPath::parse(name).find(&claims()).cloned(), expected, "{name}");
        }
    }

    #[test]
    fn what_is_not_a_path_finds_nothing() {
        for name in [
            "", ".", "a.", ".a", "a..b", "[]", "[a", "a]", "[a]]", "[a]b", "[[a]]", "a.[b",
            "a.c.d.e", "a.c.", "plain.x", "list.0.b", "list[0]", "b", "A.B", "null.x",
        ] {
            assert_eq!(ClaimPath::parse(name).find(&claims()), None, "{name}");
        }
    }

    #[test]
    fn names_of_kubernetes_hold_dots_and_are_reached_by_brackets() {
        let payload = json!({"kubernetes.io": {"serviceaccount": {"name": "checkout"}}});
        let claims = Claims::from_json(payload.to_string().as_bytes()).unwrap();
        let found = |name: &str| ClaimPath::parse(name).find(&claims).cloned();
        assert_eq!(found("[kubernetes.io][serviceaccount][name]"), Some(json!("checkout")));
        assert_eq!(found("[kubernetes.io].serviceaccount.name"), Some(json!("checkout")));
        assert_eq!(found("kubernetes.io.serviceaccount.name"), None);
    }

    #[test]
    fn scopes_hold_words_whatever_their_issuer_calls_them() {
        for name in
            ["scope", "scp", "permission", "oracle.oauth.scope", "[scp]", "[oracle][oauth].scope"]
        {
            assert!(ClaimPath::parse(name).holds_words(), "{name}");
        }
        for name in ["scopes", "SCP", "a.scope", "[a][scope]", "oracle", "roles"] {
            assert!(!ClaimPath::parse(name).holds_words(), "{name}");
        }
    }
}
