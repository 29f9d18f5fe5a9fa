//! Conditions on verified claims: `request.auth.claims[...]` (Istio's authorization policy
//! conditions). Istio compares strings and lists of strings, exactly, by prefix or by suffix.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Native;
use crate::emit::findings::Findings;
use crate::emit::istio::Version;
use crate::jwt::ClaimPath;
use crate::policy::text_pattern::TextPattern;
use crate::policy::{Authentication, Principal};
use crate::resource::source::Origin;

/// Tokens of one server that are alike: of these issuers, for one of these audiences.
#[derive(Debug)]
pub(super) struct Tokens<'c> {
    pub issuers: Vec<&'c str>,
    /// Empty: any.
    pub audiences: &'c [String],
}

/// Conditions that must all hold.
pub(super) type Conditions = Vec<Value>;

/// No token at all. A verified one always has an issuer.
pub(super) fn no_token() -> Conditions {
    vec![json!({"key": claim_key("[iss]"), "notValues": ["*"]})]
}

impl<'c> Native<'c> {
    /// The tokens that a server accepts. That Istio accepted one says only that some server does,
    /// and it compares audiences without their scheme and last slash.
    pub(super) fn tokens(&self, authentication: &Authentication) -> Vec<Tokens<'c>> {
        let mut tokens: Vec<Tokens<'c>> = Vec::new();
        let rules = authentication.jwt.iter().filter_map(|index| self.policy.jwt_rule(*index));
        for rule in rules {
            match tokens.iter_mut().find(|known| known.audiences == rule.audiences) {
                Some(known) => known.issuers.push(&rule.issuer),
                None => {
                    tokens.push(Tokens { issuers: vec![&rule.issuer], audiences: &rule.audiences })
                }
            }
        }
        tokens
    }
}

impl Tokens<'_> {
    /// Any of these tokens.
    pub fn any(&self) -> Conditions {
        self.of(&self.issuers)
    }

    fn of(&self, issuers: &[&str]) -> Conditions {
        let mut conditions = vec![json!({"key": claim_key("[iss]"), "values": issuers})];
        if !self.audiences.is_empty() {
            conditions.push(json!({"key": claim_key("[aud]"), "values": self.audiences}));
        }
        conditions
    }

    /// Those of these tokens that a principal describes; nothing when it describes none.
    pub fn matching(
        &self,
        principal: &Principal,
        version: Version,
        origin: Option<&Origin>,
        findings: &mut Findings,
    ) -> Option<Conditions> {
        let issuer = principal.iss.as_deref().map(TextPattern::parse);
        let issuers: Vec<_> = self
            .issuers
            .iter()
            .copied()
            .filter(|text| issuer.as_ref().is_none_or(|pattern| pattern.matches(text)))
            .collect();
        if issuers.is_empty() {
            return None;
        }
        let mut conditions = self.of(&issuers);
        if let Some(sub) = &principal.sub {
            conditions.push(condition("sub", "[sub]", sub, origin, findings)?);
        }
        for (name, pattern) in &principal.other {
            let path = claim_path(name, origin, findings)?;
            if !refuse_words(name, pattern, version, origin, findings)
                || !refuse_other_than_text(name, pattern, origin, findings)
            {
                return None;
            }
            conditions.push(condition(name, &path, pattern, origin, findings)?);
        }
        Some(conditions)
    }
}

/// Claims that Istio always splits into words; others it does where it is told.
const ALWAYS_SPLIT: [&str; 2] = ["scope", "permission"];

/// The claim that a name means, if words of it count.
fn claim_of_words(name: &str) -> Option<String> {
    let path = ClaimPath::parse(name);
    let claim = match path.segments() {
        [only] => only,
        _ => name,
    };
    path.holds_words().then(|| claim.to_owned())
}

impl Native<'_> {
    /// The claims that Istio has to be told to split into words; none where it cannot be told.
    pub(super) fn space_delimited_claims(&self) -> Vec<String> {
        if self.version < Version::SPACE_DELIMITED_CLAIMS {
            return Vec::new();
        }
        let names = self.policy.principals.iter().flat_map(|principal| principal.other.keys());
        let claims = names.filter_map(|name| claim_of_words(name));
        let told: BTreeSet<_> =
            claims.filter(|claim| !ALWAYS_SPLIT.contains(&claim.as_str())).collect();
        told.into_iter().collect()
    }
}

fn claim_key(path: &str) -> String {
    format!("request.auth.claims{path}")
}

fn condition(
    name: &str,
    path: &str,
    pattern: &str,
    origin: Option<&Origin>,
    findings: &mut Findings,
) -> Option<Value> {
    let values = match TextPattern::parse(pattern) {
        TextPattern::Present => vec!["*".to_owned()],
        TextPattern::Contains(text) if text.starts_with('*') || text.ends_with('*') => {
            let message = format!("Istio cannot look for `*` in a claim, as `{pattern}` does");
            findings.refuse(origin, message, "write a pattern with a `*` at one end only");
            return None;
        }
        TextPattern::Contains(text) => {
            let message = format!(
                "Istio cannot look for text within a claim, as `{pattern}` for `{name}` does"
            );
            let narrower = "only values that are, begin or end with the text match";
            if !findings.narrow(origin, message, narrower) {
                return None;
            }
            vec![text.to_string(), format!("{text}*"), format!("*{text}")]
        }
        TextPattern::Exact(text) if text.is_empty() => {
            let message = format!("Istio cannot compare the claim `{name}` with nothing");
            findings.refuse(origin, message, "write the value, or `*` for any");
            return None;
        }
        _ => vec![pattern.to_owned()],
    };
    Some(json!({"key": claim_key(path), "values": values}))
}

/// The name of a claim, as Istio reads it.
fn claim_path(name: &str, origin: Option<&Origin>, findings: &mut Findings) -> Option<String> {
    if name.contains(['[', ']']) {
        let Some(path) = brackets(name) else {
            let message = format!("Istio cannot look up a claim of the name `{name}`");
            findings.refuse(origin, message, "write a path as `[outer][inner]`");
            return None;
        };
        return Some(path);
    }
    // A name such as https://example.com/roles is one; `a.b` may be one or a path.
    if name.contains('.') && !name.contains("://") {
        let message = format!("`{name}` may name a claim or a path, and Istio has to know which");
        let narrower = "it names a claim; for the path write `[outer][inner]`";
        if !findings.narrow(origin, message, narrower) {
            return None;
        }
    }
    Some(format!("[{name}]"))
}

/// Rewrites `[a].b[c]` and the like as `[a][b][c]`.
fn brackets(name: &str) -> Option<String> {
    let path = ClaimPath::parse(name);
    let segments = path.segments().iter().map(|segment| format!("[{segment}]"));
    (!path.segments().is_empty()).then(|| segments.collect())
}

/// Claims of words match in Istio word by word or as a whole, and never both ways.
fn refuse_words(
    name: &str,
    pattern: &str,
    version: Version,
    origin: Option<&Origin>,
    findings: &mut Findings,
) -> bool {
    let Some(claim) = claim_of_words(name) else { return true };
    let several = pattern.contains(' ');
    if ALWAYS_SPLIT.contains(&claim.as_str()) || version >= Version::SPACE_DELIMITED_CLAIMS {
        let message =
            format!("Istio compares single words of `{name}`, and `{pattern}` is several");
        return !several || findings.narrow(origin, message, "nothing matches it");
    }
    let message = format!(
        "Istio before {} compares `{name}` as a whole, and not the words that it holds",
        Version::SPACE_DELIMITED_CLAIMS
    );
    several || findings.narrow(origin, message, "only a claim of one word matches")
}

/// Claims that are no strings never match in Istio.
fn refuse_other_than_text(
    name: &str,
    pattern: &str,
    origin: Option<&Origin>,
    findings: &mut Findings,
) -> bool {
    let parsed = TextPattern::parse(pattern);
    if may_match_scalar(&parsed) {
        let message = format!(
            "Istio compares text alone, and `{pattern}` for `{name}` may mean a number or boolean"
        );
        return findings.narrow(
            origin,
            message,
            "claims that are numbers or booleans do not match",
        );
    }
    true
}

/// Whether the JSON text of some integer or boolean matches.
fn may_match_scalar(pattern: &TextPattern) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let integer = |text: &str| digits(text.strip_prefix('-').unwrap_or(text));
    let words = ["true", "false"];
    match pattern {
        TextPattern::Present => true,
        TextPattern::Exact(text) => {
            words.contains(&&**text) || (!text.is_empty() && integer(text) && &**text != "-")
        }
        TextPattern::Prefix(text) => words.iter().any(|w| w.starts_with(&**text)) || integer(text),
        TextPattern::Suffix(text) => words.iter().any(|w| w.ends_with(&**text)) || integer(text),
        TextPattern::Contains(text) => words.iter().any(|w| w.contains(&**text)) || integer(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_numbers_and_booleans_may_match_are_known() {
        for (pattern, expected) in [
            ("admin", false),
            ("3", true),
            ("-3", true),
            ("-", false),
            ("3a", false),
            ("true", true),
            ("truth", false),
            ("t*", true),
            ("admin*", false),
            ("1*", true),
            ("*e", true),
            ("*-reader", false),
            ("*", true),
            ("*als*", true),
            ("*read*", false),
        ] {
            assert_eq!(may_match_scalar(&TextPattern::parse(pattern)), expected, "{pattern}");
        }
    }

    #[test]
    fn paths_of_claims_are_rewritten_in_brackets() {
        for (name, expected) in [
            ("[a][b]", Some("[a][b]")),
            ("a[b]", Some("[a][b]")),
            ("[a].b[c.d]", Some("[a][b][c.d]")),
            ("[a]b", None),
            ("[a", None),
            ("a]", None),
            ("a][b", None),
            ("[]", None),
        ] {
            assert_eq!(brackets(name).as_deref(), expected, "{name}");
        }
    }
}
