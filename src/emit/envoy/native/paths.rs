//! Path patterns as `rbac` matches them, over the path as Envoy normalized it, without its query.
//!
//! Servers read one path differently ([`crate::engine::path`]), and Envoy judges one reading
//! alone. So at hosts whose rules look at paths a filter of its own, once tokens are verified, admits a
//! path only where it is certain that a pattern that matches it matches every reading of it. What
//! only the engine can judge is denied. There is one such filter for each [`Certainty`] in use,
//! off but where a virtual host turns it on, so that its expression is compiled once.

use serde_json::{Value, json};

use super::{Native, rbac};
use crate::emit::hosts::Host;
use crate::emit::re2;
use crate::engine::precedence::Decides;
use crate::policy::Operation;

/// What a path has to be like for the patterns of a host to be certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Certainty {
    /// For exact patterns and prefixes: no reading has a dot segment, so none leads out.
    NoDotSegments,
    /// For patterns with text behind a `*`: escapes of characters without a meaning, nothing else
    /// to read differently.
    HarmlessEscapes,
    /// For patterns whose text could begin within an escape: no escapes.
    NoEscapes,
}

impl Certainty {
    const ALL: [Self; 3] = [Self::NoDotSegments, Self::HarmlessEscapes, Self::NoEscapes];

    /// Name of the filter.
    pub fn filter_name(self) -> &'static str {
        match self {
            Self::NoDotSegments => "paths.no-dot-segments",
            Self::HarmlessEscapes => "paths.harmless-escapes",
            Self::NoEscapes => "paths.no-escapes",
        }
    }

    fn filter(self) -> Value {
        let policy = json!({
            "permissions": [regex(self.regex())],
            "principals": [{"any": true}],
        });
        let policies = [("certain".to_owned(), policy)].into_iter().collect();
        let mut filter = rbac(self.filter_name(), policies);
        super::super::set(&mut filter, "disabled", true);
        filter
    }

    fn regex(self) -> String {
        /// A character that every server reads the same way, but for `.` and `/`.
        const PLAIN: &str = r##"[ !"$&-\-0-:<-\[\]-~]"##;
        /// An escape of such a character, or of one outside ASCII in sound UTF-8.
        const ESCAPED: &str = "%2[0-46-9a-d]|%3[0-9ac-f]|%[46][0-9a-f]|%5[0-9abd-f]|%7[0-9a-e]\
            |%c[2-9a-f]%[89ab][0-9a-f]|%d[0-9a-f]%[89ab][0-9a-f]\
            |%e0%[ab][0-9a-f]%[89ab][0-9a-f]|%e[1-9abcef](?:%[89ab][0-9a-f]){2}\
            |%ed%[89][0-9a-f]%[89ab][0-9a-f]\
            |%f0%[9ab][0-9a-f](?:%[89ab][0-9a-f]){2}|%f[1-3](?:%[89ab][0-9a-f]){3}\
            |%f4%8[0-9a-f](?:%[89ab][0-9a-f]){2}";
        /// An escaped `%` that makes no escape of structure with what follows.
        const PERCENT: &str = "%25(?:2[0-46-9a-d]|3[0-9ac-f]|[46][0-9a-f]|5[0-9abd-f]|7[0-9a-e]\
            |[ !\"$&-\\-:<-@g-z\\[\\]-`{-~])";
        let characters = match self {
            Self::NoDotSegments => {
                let first = format!("(?:{PLAIN}|{ESCAPED}|{PERCENT})");
                let any = format!("(?:{PLAIN}|\\.|{ESCAPED}|{PERCENT})");
                // Neither `.` nor `..`, also without its parameters.
                let segment = format!(
                    "(?:\\.{{0,2}}{first}{any}*|\\.{{3}}{any}*)?(?:(?:;|%3b)(?:{any}|;|%3b)*)?(?:%25)?"
                );
                return format!("(?i){segment}(?:(?:/|\\\\|%2f|%5c){segment})*");
            }
            Self::HarmlessEscapes => format!("(?:{PLAIN}|\\.|{ESCAPED})"),
            Self::NoEscapes => format!("(?:{PLAIN}|\\.)"),
        };
        format!("(?i)/?(?:{characters}+/)*{characters}*")
    }

    /// What a pattern asks of paths.
    fn of(pattern: &str) -> Self {
        let literals = pattern.replace("{**}", "*").replace("{*}", "*");
        let behind = || literals.split('*').skip(1).filter(|text| !text.is_empty());
        let within_escapes = |text: &str| text.starts_with(|first: char| first.is_ascii_hexdigit());
        match behind().next() {
            None if literals == pattern => Self::NoDotSegments,
            _ if behind().any(within_escapes) => Self::NoEscapes,
            _ => Self::HarmlessEscapes,
        }
    }
}

impl Native<'_> {
    /// The filters that see to paths, those that any host needs.
    pub(super) fn path_filters(&self) -> Vec<Value> {
        let needed: Vec<_> = self.hosts.iter().filter_map(|host| self.certainty(host)).collect();
        let needed = Certainty::ALL.into_iter().filter(|certainty| needed.contains(certainty));
        needed.map(Certainty::filter).collect()
    }

    /// What paths have to be like at a host; nothing when no rule looks at them.
    pub(super) fn certainty(&self, host: &Host<'_>) -> Option<Certainty> {
        let policy = self.policy;
        let mut operations: Vec<&Operation> = Vec::new();
        let mut add = |to: Option<&[u32]>| {
            let to = to.into_iter().flatten();
            operations.extend(to.filter_map(|index| policy.operation(*index)));
        };
        match host.decides {
            Decides::Authorization(authorization) => {
                let rules = authorization.rules.iter();
                for rule in rules.filter_map(|index| policy.rule(*index)) {
                    add(rule.to.as_deref());
                }
            }
            Decides::EgressAuthorization(egress) => {
                let entries = egress.rules.iter();
                for entry in entries.filter_map(|index| policy.egress_rule(*index)) {
                    add(entry.to.as_deref());
                }
            }
            Decides::Authentication(_) | Decides::Passthrough | Decides::DefaultAction => {
                return None;
            }
        }
        let paths = operations.into_iter().filter_map(|operation| operation.paths.as_ref());
        paths.flatten().map(|pattern| Certainty::of(pattern)).max()
    }
}

/// The paths that a pattern matches; nothing when they are read in different ways.
pub(super) fn matching(pattern: &str) -> Option<Value> {
    let literals = pattern.replace("{**}", "*").replace("{*}", "*");
    if !literals.split('*').all(is_plain) || has_dot_segment(pattern) {
        return None;
    }
    if !literals.contains('*') {
        return Some(url_path(json!({"exact": pattern})));
    }
    let prefix = pattern.trim_end_matches('*');
    match prefix.is_empty() || prefix.contains('*') {
        false => Some(url_path(json!({"prefix": prefix}))),
        true => Some(regex(re2::path(pattern))),
    }
}

/// Whether every server reads a text the same way, wherever it stands.
fn is_plain(text: &str) -> bool {
    !text.contains("//")
        && text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && !b"%\\;#".contains(&byte))
}

/// Whether the pattern has a segment `.` or `..`, which no path has.
fn has_dot_segment(pattern: &str) -> bool {
    pattern.split('/').any(|segment| matches!(segment, "." | ".."))
}

fn regex(regex: String) -> Value {
    url_path(json!({"safe_regex": {"regex": regex}}))
}

fn url_path(matcher: Value) -> Value {
    json!({"url_path": {"path": matcher}})
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;
    use crate::engine::path::{Readings, readings};
    use crate::policy::path_pattern::PathPattern;

    /// Whether Envoy admits a path under a pattern: `regex` stands for RE2.
    fn admits(pattern: &str, path: &str) -> bool {
        let whole = |text: &str| Regex::new(&format!("^(?:{text})$")).unwrap();
        let Some(matcher) = matching(pattern) else { return false };
        let matcher = &matcher["url_path"]["path"];
        let text = |kind: &str| matcher[kind].as_str();
        let matches = match (text("exact"), text("prefix")) {
            (Some(exact), _) => path == exact,
            (_, Some(prefix)) => path.starts_with(prefix),
            _ => whole(matcher["safe_regex"]["regex"].as_str().unwrap()).is_match(path),
        };
        matches && whole(&Certainty::of(pattern).regex()).is_match(path)
    }

    /// What the engine would say of a rule with this pattern alone.
    fn every_reading_matches(pattern: &str, path: &str) -> bool {
        let pattern = PathPattern::parse(pattern).unwrap();
        match readings(path.as_bytes()) {
            Err(_) => false,
            Ok(Readings::One(path)) => pattern.matches(path),
            Ok(Readings::Several(readings)) => readings.iter().all(|path| pattern.matches(path)),
        }
    }

    /// Envoy resolves dot segments, plain or escaped, and `\`, before any filter sees the path.
    fn as_envoy_hands_it_on(path: &str) -> bool {
        let plain = path.to_ascii_lowercase().replace("%2e", ".");
        !path.contains('\\') && !plain.split('/').any(|it| matches!(it, "." | ".."))
    }

    const PIECES: [&str; 30] = [
        "/", "/", "/", "a", "b", "v1", "2", ".", "..", ";", "%2f", "%5c", "%2e", "%3b", "%25",
        "%252e", "%252f", "%2541", "%20", "%41", "%c3%a9", "%c0%af", "%ff", "%00", "%zz", "%", "x",
        "%3A", "%7F", "\u{5c}",
    ];
    const PATTERNS: [&str; 18] = [
        "*", "/a*", "/a/*", "/a", "/v1/a", "/.*", "/..a/*", "/a.*", "*/a", "*a", "/a*b", "*2*",
        "/a/{*}/b", "/a/{**}", "/{**}/b", "/a/{*}/*", "/a//*", "/a;b*",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn what_is_admitted_matches_in_every_reading(
            pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..9),
            pattern in proptest::sample::select(&PATTERNS[..]),
        ) {
            let path = format!("/{}", pieces.concat());
            prop_assume!(as_envoy_hands_it_on(&path));
            if admits(pattern, &path) {
                prop_assert!(every_reading_matches(pattern, &path), "{} under {}", path, pattern);
            } else if !path.contains(['%', ';']) && !path.contains("//") && matching(pattern).is_some() {
                prop_assert!(!every_reading_matches(pattern, &path), "{} under {}", path, pattern);
            }
        }
    }

    #[test]
    fn common_escapes_are_certain() {
        for (pattern, path) in [
            ("/v1/*", "/v1/a%20b"),
            ("/v1/*", "/v1/a%2fb"),
            ("/v1/*", "/v1/caf%C3%A9;x=1/y"),
            ("/v1/*", "/v1//a"),
            ("/v1/*", "/v1/100%25"),
            ("/v1/{*}/items", "/v1/a%20b/items"),
            ("*.json", "/a%20b.json"),
        ] {
            assert!(admits(pattern, path), "{path} under {pattern}");
        }
    }
}
