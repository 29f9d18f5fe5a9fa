//! Values that no pattern names, to stand for all that none does, and values that one pattern
//! alone matches.
//!
//! A stand-in that a rule names by chance would make a difference look wider than it is, or hide
//! it. So each is looked for among the patterns of both policies.

use std::collections::{BTreeMap, BTreeSet};

use crate::policy::Principal;
use crate::policy::path_pattern::PathPattern;
use crate::policy::text_pattern::TextPattern;

/// Numbers that are tried behind a readable stand-in, before ones that are less so.
const NUMBERED: std::ops::RangeInclusive<usize> = 2..=9;

/// The patterns over one kind of value.
#[derive(Debug, Default)]
pub struct Patterns {
    exact: BTreeSet<String>,
    open: Vec<TextPattern>,
}

impl Patterns {
    /// All of these; what matches any value is in nobody's way.
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all = Self::default();
        for pattern in patterns.into_iter().collect::<BTreeSet<_>>() {
            match TextPattern::parse(pattern) {
                TextPattern::Exact(text) => drop(all.exact.insert(text.into())),
                TextPattern::Present => {}
                open => all.open.push(open),
            }
        }
        all
    }

    /// How many of them match.
    fn matching(&self, value: &str) -> usize {
        let open = self.open.iter().filter(|pattern| pattern.matches(value)).count();
        open.saturating_add(usize::from(self.exact.contains(value)))
    }

    /// A value that none of them matches; the readable one where it is free.
    pub fn free(&self, readable: &str) -> String {
        let most = self.exact.len().saturating_add(self.open.len());
        let numbered = NUMBERED.map(|number| format!("{readable}-{number}"));
        let mut candidates =
            std::iter::once(readable.to_owned()).chain(numbered).chain(words(most));
        let free = candidates.find(|value| self.matching(value) == 0);
        free.unwrap_or_else(|| readable.to_owned())
    }

    /// A value that a pattern matches, and as few others as can be; `any` is one for `*`.
    pub fn example(&self, pattern: &str, any: &str) -> String {
        let filled: Box<dyn Fn(&str) -> String> = match TextPattern::parse(pattern) {
            TextPattern::Exact(text) => return text.into(),
            TextPattern::Present => return any.to_owned(),
            TextPattern::Prefix(text) => Box::new(move |word| format!("{text}{word}")),
            TextPattern::Suffix(text) => Box::new(move |word| format!("{word}{text}")),
            TextPattern::Contains(text) => Box::new(move |word| format!("{word}{text}{word}")),
        };
        let candidates = ["x", "y", "z", "xx", "q7", "other"].into_iter().map(filled);
        candidates.min_by_key(|value| self.matching(value)).unwrap_or_default()
    }
}

/// Who has a token, or is a workload, that rules name, and who stands for all whom they do not.
#[derive(Debug)]
pub struct Callers {
    /// A subject that no principal names.
    pub subject: String,
    namespace: String,
    account: String,
    subjects: Patterns,
    namespaces: Patterns,
    claims: BTreeMap<String, Patterns>,
}

impl Callers {
    /// Looks for stand-ins among these.
    pub fn new<'p>(
        principals: impl Iterator<Item = &'p Principal> + Clone,
        sources: impl Iterator<Item = &'p str> + Clone,
    ) -> Self {
        let subjects = Patterns::new(principals.clone().filter_map(|it| it.sub.as_deref()));
        let mut claims: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, pattern) in principals.flat_map(|principal| &principal.other) {
            claims.entry(name).or_default().push(pattern);
        }
        let namespaces = Patterns::new(sources.clone().map(|source| split(source).0));
        let accounts = Patterns::new(sources.map(|source| split(source).1));
        let claims = claims.into_iter().map(|(name, it)| (name.to_owned(), Patterns::new(it)));
        Self {
            subject: subjects.free("another-subject"),
            namespace: namespaces.free("another-namespace"),
            account: accounts.free("another-account"),
            subjects,
            namespaces,
            claims: claims.collect(),
        }
    }

    /// Claims that a principal asks for, beside `iss`: always `sub`.
    pub fn claims(&self, principal: &Principal) -> BTreeMap<String, String> {
        let sub = match &principal.sub {
            Some(pattern) => self.subjects.example(pattern, &self.subject),
            None => self.subject.clone(),
        };
        let mut claims = BTreeMap::from([("sub".to_owned(), sub)]);
        claims.extend(principal.other.iter().map(|(name, pattern)| {
            let patterns = self.claims.get(name);
            let value = patterns.map(|it| it.example(pattern, "x")).unwrap_or_default();
            (name.clone(), value)
        }));
        claims
    }

    /// Namespace and service account of a workload that a source pattern matches.
    pub fn workload(&self, pattern: &str) -> (String, String) {
        let (namespace, account) = split(pattern);
        let namespace = self.namespaces.example(namespace, &self.namespace);
        let account = if account == "*" { &self.account } else { account };
        (namespace, account.to_owned())
    }
}

/// Namespace and service account of a source pattern.
fn split(source: &str) -> (&str, &str) {
    source.split_once('/').unwrap_or((source, "*"))
}

/// Words of one character alone, as one pattern that is not `*` can match those of one character
/// at most: of one more than there are patterns, one is free.
fn words(patterns: usize) -> impl Iterator<Item = String> {
    let ascii = ('a'..='z').chain('A'..='Z').chain('0'..='9');
    let others = ('\u{a1}'..=char::MAX).filter(|character| character.is_alphanumeric());
    let words = ascii.chain(others).map(|character| character.to_string().repeat(3));
    words.take(patterns.saturating_add(1))
}

/// A method that no rule names.
pub fn free_method(named: &BTreeSet<&str>) -> String {
    const USUAL: [&str; 9] =
        ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "OTHER"];
    let numbered = (2..=named.len().saturating_add(2)).map(|number| format!("OTHER-{number}"));
    let mut all = USUAL.into_iter().map(str::to_owned).chain(numbered);
    all.find(|method| !named.contains(method.as_str())).unwrap_or_else(|| "OTHER".to_owned())
}

/// A path that none of the patterns matches, where there is one.
pub fn free_path(patterns: &[(&str, PathPattern)]) -> String {
    const READABLE: &str = "/another-path";
    let depth = patterns.iter().map(|(text, _)| text.matches('/').count()).max().unwrap_or(0);
    // Deeper than any pattern of single segments.
    let deep = |word: &str| format!("/{word}").repeat(depth.saturating_add(1));
    let numbered = NUMBERED.map(|number| format!("{READABLE}-{number}"));
    let readable = std::iter::once(READABLE.to_owned()).chain(numbered);
    let deep =
        std::iter::once(deep("another-path")).chain(words(patterns.len()).map(|it| deep(&it)));
    let is_free = |path: &String| !patterns.iter().any(|(_, pattern)| pattern.matches(path));
    readable.chain(deep).filter(|path| path.is_ascii()).find(is_free).unwrap_or(READABLE.to_owned())
}

/// A segment that stands in none of the patterns.
pub fn free_segment(patterns: &[(&str, PathPattern)]) -> String {
    let taken: BTreeSet<&str> = patterns.iter().flat_map(|(text, _)| text.split('/')).collect();
    let mut all = (1..=taken.len().saturating_add(1)).map(|times| "x".repeat(times));
    all.find(|word| !taken.contains(word.as_str())).unwrap_or_else(|| "x".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stand_ins_are_free_whatever_is_named() {
        let named =
            ["another-subject", "another*", "*-9", "a*", "*b", "*c*", "d*", "eee", "*", "**"];
        let patterns = Patterns::new(named);
        let free = patterns.free("another-subject");
        for pattern in named.into_iter().filter(|pattern| !pattern.trim_matches('*').is_empty()) {
            assert!(!TextPattern::parse(pattern).matches(&free), "{pattern} {free}");
        }
        assert_eq!(Patterns::new(["*", "bob"]).free("another-subject"), "another-subject");
        assert_eq!(Patterns::new(["a*", "ax"]).example("a*", ""), "ay");
    }

    #[test]
    fn paths_that_no_pattern_matches_are_found() {
        let table = [
            (&["/a"][..], "/another-path"),
            (&["/another-path"], "/another-path-2"),
            (&["/{*}"], "/another-path/another-path"),
            (&["/another*", "/{*}/{*}", "/{*}"], "/aaa/aaa/aaa"),
            (&["/an*", "/{*}", "/a*"], "/bbb/bbb"),
        ];
        for (patterns, expected) in table {
            let compile = |text: &&'static str| (*text, PathPattern::parse(text).unwrap());
            let compiled: Vec<_> = patterns.iter().map(compile).collect();
            assert_eq!(free_path(&compiled), expected, "{patterns:?}");
        }
    }

    #[test]
    fn a_method_is_found_that_no_rule_names() {
        let named =
            "GET POST PUT DELETE PATCH HEAD OPTIONS TRACE OTHER OTHER-2".split(' ').collect();
        assert_eq!(free_method(&named), "OTHER-3");
    }
}
