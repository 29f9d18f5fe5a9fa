//! Server-level authorization: which rule, if any, admits a request.

use std::sync::Arc;

use super::path::Readings;
use super::policy_error::PolicyError;
use crate::jwt::{ClaimPath, Claims};
use crate::policy;
use crate::policy::path_pattern::PathPattern;
use crate::policy::text_pattern::TextPattern;
use crate::signals::Reason;

/// A compiled [`crate::policy::Principal`].
#[derive(Debug, Clone)]
pub struct Principal {
    pub(crate) iss: Option<TextPattern>,
    pub(crate) sub: Option<TextPattern>,
    pub(crate) other: Vec<ClaimPattern>,
}

/// A claim and the pattern that its value must match.
#[derive(Debug, Clone)]
pub struct ClaimPattern {
    pub(crate) path: ClaimPath,
    /// Whether each space-separated word of a string counts as a value of its own, as in `scope`
    /// (RFC 8693, section 4.2).
    pub(crate) words: bool,
    pub(crate) pattern: TextPattern,
}

/// A compiled [`crate::policy::Operation`].
#[derive(Debug, Clone)]
pub struct Operation {
    pub(super) methods: Option<Vec<String>>,
    pub(super) paths: Option<Vec<PathPattern>>,
}

/// A compiled [`crate::policy::Rule`].
#[derive(Debug, Clone)]
pub struct Rule {
    pub(super) name: String,
    pub(super) from: Option<Vec<Arc<Principal>>>,
    pub(super) to: Option<Vec<Arc<Operation>>>,
}

/// The rules of one server.
#[derive(Debug, Clone, Default)]
pub struct Authorization {
    pub(super) rules: Vec<Arc<Rule>>,
    constrains_paths: bool,
    pub(super) shadow: bool,
}

/// What the rules say about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement<'r> {
    /// This rule admits the request.
    Allowed(&'r str),
    /// No rule does, for this reason.
    Denied(Reason),
    /// The rules admit some readings of the path and not others.
    Ambiguous {
        /// One that admits a reading.
        rule: &'r str,
        /// The position of that reading.
        admitted: usize,
        /// That of the first reading which is not admitted.
        refused: usize,
    },
}

impl Principal {
    /// Compiles a principal.
    pub(crate) fn new(principal: &policy::Principal) -> Self {
        Self {
            iss: principal.iss.as_deref().map(TextPattern::parse),
            sub: principal.sub.as_deref().map(TextPattern::parse),
            other: principal
                .other
                .iter()
                .map(|(name, pattern)| ClaimPattern::new(name, pattern))
                .collect(),
        }
    }

    /// Whether a verified token's claims match every given field.
    pub fn matches(&self, claims: &Claims) -> bool {
        let text = |pattern: &Option<TextPattern>, value: Option<&str>| match pattern {
            None => true,
            Some(pattern) => value.is_some_and(|value| pattern.matches(value)),
        };
        text(&self.iss, claims.issuer())
            && text(&self.sub, claims.subject())
            && self.other.iter().all(|claim| claim.matches(claims))
    }
}

impl ClaimPattern {
    /// Compiles a name and its pattern.
    pub(crate) fn new(name: &str, pattern: &str) -> Self {
        let path = ClaimPath::parse(name);
        let words = path.holds_words();
        Self { path, words, pattern: TextPattern::parse(pattern) }
    }

    pub(crate) fn matches(&self, claims: &Claims) -> bool {
        match self.path.find(claims) {
            Some(serde_json::Value::Array(elements)) => {
                elements.iter().any(|element| self.matches_scalar(element))
            }
            Some(value) => self.matches_scalar(value),
            None => false,
        }
    }

    /// Objects, nulls, nested arrays and numbers that are not integers never match.
    fn matches_scalar(&self, value: &serde_json::Value) -> bool {
        match value {
            serde_json::Value::String(text) => {
                self.pattern.matches(text)
                    || (self.words
                        && text.split(' ').any(|w| !w.is_empty() && self.pattern.matches(w)))
            }
            serde_json::Value::Bool(value) => {
                self.pattern.matches(if *value { "true" } else { "false" })
            }
            serde_json::Value::Number(number) if !number.is_f64() => {
                self.pattern.matches(&number.to_string())
            }
            _ => false,
        }
    }
}

impl Operation {
    /// Checks and compiles an operation; `field` says where it stands.
    pub(crate) fn new(field: &str, operation: &policy::Operation) -> Result<Self, PolicyError> {
        let empty = |list: &str| PolicyError::new(format!("{field}.{list}"), "the list is empty");
        if operation.methods.as_ref().is_some_and(Vec::is_empty) {
            return Err(empty("methods"));
        }
        if operation.methods.is_none() && operation.paths.is_none() {
            return Err(PolicyError::new(field, "neither `methods` nor `paths` is given"));
        }
        let paths = match &operation.paths {
            None => None,
            Some(paths) if paths.is_empty() => return Err(empty("paths")),
            Some(paths) => {
                let compile = |(index, path): (usize, &String)| {
                    PathPattern::parse(path)
                        .map_err(|error| PolicyError::new(format!("{field}.paths[{index}]"), error))
                };
                Some(paths.iter().enumerate().map(compile).collect::<Result<_, _>>()?)
            }
        };
        Ok(Self { methods: operation.methods.clone(), paths })
    }

    pub(crate) fn admits_method(&self, method: &[u8]) -> bool {
        let Some(methods) = &self.methods else { return true };
        methods.iter().any(|candidate| candidate.as_bytes() == method)
    }

    pub(crate) fn admits_path(&self, path: Option<&str>) -> bool {
        match (&self.paths, path) {
            (None, _) => true,
            (Some(paths), Some(path)) => paths.iter().any(|pattern| pattern.matches(path)),
            (Some(_), None) => false,
        }
    }
}

/// Whether any of the operations admits the request; an absent list admits everything.
pub(super) fn admits_operation(
    to: Option<&[Arc<Operation>]>,
    method: &[u8],
    path: Option<&str>,
) -> bool {
    to.is_none_or(|to| to.iter().any(|o| o.admits_method(method) && o.admits_path(path)))
}

/// Whether any of the operations looks at the path.
pub(super) fn constrain_paths<'r>(
    mut lists: impl Iterator<Item = Option<&'r [Arc<Operation>]>>,
) -> bool {
    lists.any(|to| to.is_some_and(|to| to.iter().any(|operation| operation.paths.is_some())))
}

/// Judges a request under every reading of its path: the readings must share one answer.
pub(super) fn judge_readings<'r>(
    path: Option<&Readings<'_>>,
    find: impl Fn(Option<&str>) -> Judgement<'r>,
) -> Judgement<'r> {
    match path {
        None => find(None),
        Some(Readings::One(path)) => find(Some(path)),
        Some(Readings::Several(readings)) => {
            let mut judgements = readings.iter().map(|path| find(Some(path))).enumerate();
            // The first reading is the path as sent: its rule is the one to name.
            let first = judgements.next().map(|(_, first)| first);
            let first = first.unwrap_or(Judgement::Denied(Reason::NoRuleMatched));
            let parts = judgements.find_map(|(at, other)| match (first, other) {
                (Judgement::Allowed(rule), Judgement::Denied(_)) => {
                    Some(Judgement::Ambiguous { rule, admitted: 0, refused: at })
                }
                (Judgement::Denied(_), Judgement::Allowed(rule)) => {
                    Some(Judgement::Ambiguous { rule, admitted: at, refused: 0 })
                }
                _ => None,
            });
            parts.unwrap_or(first)
        }
    }
}

impl Authorization {
    /// Collects the rules of a server; no rule at all denies everything.
    pub fn new(rules: Vec<Arc<Rule>>, shadow: bool) -> Self {
        let constrains_paths = constrain_paths(rules.iter().map(|rule| rule.to.as_deref()));
        Self { rules, constrains_paths, shadow }
    }

    /// Whether any rule looks at the path; where none does, paths are not judged at all.
    pub fn constrains_paths(&self) -> bool {
        self.constrains_paths
    }

    /// Judges a request. `claims` are those of a verified token, `path` is needed exactly when
    /// [`Self::constrains_paths`] says so.
    pub fn judge(
        &self,
        claims: Option<&Claims>,
        method: &[u8],
        path: Option<&Readings<'_>>,
    ) -> Judgement<'_> {
        judge_readings(path, |path| self.find(claims, method, path))
    }

    fn find(&self, claims: Option<&Claims>, method: &[u8], path: Option<&str>) -> Judgement<'_> {
        let admits = |rule: &Rule| {
            admits_operation(rule.to.as_deref(), method, path)
                && match &rule.from {
                    None => true,
                    Some(from) => claims.is_some_and(|c| from.iter().any(|p| p.matches(c))),
                }
        };
        match self.rules.iter().find(|rule| admits(rule)) {
            Some(rule) => Judgement::Allowed(&rule.name),
            None => Judgement::Denied(Reason::NoRuleMatched),
        }
    }
}
