//! Whether one rule admits all that another does. The answer is "yes" only where that is certain.

use super::Tables;
use crate::policy::text_pattern::TextPattern;
use crate::policy::{Operation, Principal, Rule};

/// Whether `broad` admits every request that `narrow` admits.
pub(super) fn rule(tables: &Tables, broad: &Rule, narrow: &Rule) -> bool {
    list(broad.from.as_deref(), narrow.from.as_deref(), |broad, narrow| {
        let both = tables.principals.get(broad).zip(tables.principals.get(narrow));
        both.is_some_and(|(broad, narrow)| principal(broad, narrow))
    }) && list(broad.to.as_deref(), narrow.to.as_deref(), |broad, narrow| {
        let both = tables.operations.get(broad).zip(tables.operations.get(narrow));
        both.is_some_and(|(broad, narrow)| operation(broad, narrow))
    })
}

/// Whether each entry of `narrow` is covered by one of `broad`; an absent list covers everything.
fn list(broad: Option<&[u32]>, narrow: Option<&[u32]>, covers: impl Fn(u32, u32) -> bool) -> bool {
    match (broad, narrow) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(broad), Some(narrow)) => narrow.iter().all(|narrow| {
            broad.contains(narrow) || broad.iter().any(|broad| covers(*broad, *narrow))
        }),
    }
}

fn principal(broad: &Principal, narrow: &Principal) -> bool {
    let field = |broad: Option<&String>, narrow: Option<&String>| match (broad, narrow) {
        (None, _) => true,
        (Some(broad), Some(narrow)) => text(broad, narrow),
        (Some(_), None) => false,
    };
    field(broad.iss.as_ref(), narrow.iss.as_ref())
        && field(broad.sub.as_ref(), narrow.sub.as_ref())
        && broad.other.iter().all(|(claim, pattern)| field(Some(pattern), narrow.other.get(claim)))
}

/// Whether every value that matches the pattern `narrow` matches `broad` as well.
fn text(broad: &str, narrow: &str) -> bool {
    use TextPattern::{Contains, Exact, Prefix, Present, Suffix};
    match (TextPattern::parse(broad), TextPattern::parse(narrow)) {
        (Present, Exact(text)) => !text.is_empty(),
        (Present, _) => true,
        (_, Present) => false,
        (broad, Exact(text)) => broad.matches(&text),
        (Exact(_), _) => false,
        (Prefix(broad), Prefix(narrow)) => narrow.starts_with(&*broad),
        (Suffix(broad), Suffix(narrow)) => narrow.ends_with(&*broad),
        (Contains(broad), Prefix(narrow) | Suffix(narrow) | Contains(narrow)) => {
            narrow.contains(&*broad)
        }
        (Prefix(_) | Suffix(_), _) => false,
    }
}

fn operation(broad: &Operation, narrow: &Operation) -> bool {
    let all = |broad: &Option<Vec<String>>,
               narrow: &Option<Vec<String>>,
               covers: fn(&str, &str) -> bool| match (broad, narrow) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(broad), Some(narrow)) => {
            narrow.iter().all(|narrow| broad.iter().any(|broad| covers(broad, narrow)))
        }
    };
    all(&broad.methods, &narrow.methods, |broad, narrow| broad == narrow)
        && all(&broad.paths, &narrow.paths, path)
}

/// Whether every path that matches the pattern `narrow` matches `broad` as well.
fn path(broad: &str, narrow: &str) -> bool {
    if broad == narrow {
        return true;
    }
    // `literal*` covers what begins with the same literal text.
    broad.strip_suffix('*').map(|stem| stem.trim_end_matches('*')).is_some_and(|stem| {
        let special = |text: &str| text.contains(['*', '{']);
        let literal = narrow.split(['*', '{']).next().unwrap_or_default();
        // `/a/{**}` matches `/a` as well.
        let literal = match narrow.strip_prefix(literal).is_some_and(|it| it.starts_with("{**}")) {
            true => literal.strip_suffix('/').unwrap_or(literal),
            false => literal,
        };
        !special(stem) && literal.starts_with(stem)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_claim_pattern_covers_another_only_for_certain() {
        let table = [
            ("*", "a", true),
            ("*", "", false),
            ("*", "a*", true),
            ("a", "*", false),
            ("a*", "ab", true),
            ("a*", "ab*", true),
            ("ab*", "a*", false),
            ("a*", "ba", false),
            ("*a", "ba", true),
            ("*a", "*ba", true),
            ("*a*", "xa*", true),
            ("*a*", "*ax", true),
            ("*a*", "*xax*", true),
            ("*a*", "b", false),
            ("a*", "*a", false),
            ("a", "a", true),
        ];
        for (broad, narrow, expected) in table {
            assert_eq!(text(broad, narrow), expected, "{broad} over {narrow}");
        }
    }

    #[test]
    fn one_path_pattern_covers_another_only_for_certain() {
        let table = [
            ("*", "/a", true),
            ("**", "/{*}", true),
            ("/a/*", "/a/b", true),
            ("/a/*", "/a/{*}", true),
            ("/a/*", "/a/{**}", false),
            ("/a*", "/a/{**}", true),
            ("/a/*", "/a", false),
            ("/a/*", "/{*}/b", false),
            ("/a*b", "/axb", false),
            ("/{*}*", "/{*}x", false),
            ("/a/{**}", "/a/b", false),
            ("/a/{**}", "/a/{**}", true),
        ];
        for (broad, narrow, expected) in table {
            assert_eq!(path(broad, narrow), expected, "{broad} over {narrow}");
        }
    }
}
