//! Path patterns that mean something else than they seem to, or that can admit nothing.
//!
//! A request whose path different servers read differently is allowed only where every reading is
//! (see [`crate::engine::path`]). A pattern with escapes or `;` in it therefore admits something
//! only together with one for what such servers make of it.

use super::Compiler;
use super::values::placeholder;
use crate::resource::gateway::{Rule, Text};
use crate::resource::tree::Node;
use crate::resource::warning::Warning;

/// What regular expressions have and paths do not.
const OF_EXPRESSIONS: [&str; 11] =
    ["[0-9]", "[a-z]", "[A-Z]", "[^", "\\d", "\\w", "(?", "/.*", "(.*", ")+", "]+"];

/// Whether a segment is a variable of OpenAPI, of a router or of a document: `{id}`, `:id`, `<id>`.
fn is_variable(segment: &str) -> bool {
    let name = |name: &str| {
        !name.is_empty() && name.bytes().all(|it| it.is_ascii_alphanumeric() || b"_-".contains(&it))
    };
    let inside = |open, close| segment.strip_prefix(open)?.strip_suffix(close);
    inside("{", "}").or_else(|| inside("<", ">")).is_some_and(name)
        || segment.strip_prefix(':').is_some_and(name)
}

/// What somebody took a part of a pattern for, and what to write instead.
fn mistaken(pattern: &str) -> Option<(String, String)> {
    let segments: Vec<&str> = pattern.split('/').collect();
    if let Some(segment) = segments.iter().find(|segment| is_variable(segment)) {
        let meant: Vec<&str> =
            segments.iter().map(|it| if is_variable(it) { "{*}" } else { it }).collect();
        let hint = format!("`{{*}}` is any one segment: write `{}`", meant.join("/"));
        return Some((format!("`{segment}` stands for itself in it"), hint));
    }
    if let Some(placeholder) = placeholder(pattern) {
        let why = format!("`{placeholder}` was never filled in");
        return Some((why, "fill it in: paths are compared as they are written".to_owned()));
    }
    let expression = OF_EXPRESSIONS.into_iter().any(|part| pattern.contains(part))
        || pattern.starts_with('^')
        || pattern.ends_with('$')
        || (pattern.contains('(') && pattern.contains('|'));
    expression.then(|| {
        let hint = "`*` stands for any characters, `{*}` for one whole segment, `{**}` for any \
                    number of them";
        ("it is no regular expression".to_owned(), hint.to_owned())
    })
}

/// What a pattern begins with before its first wildcard.
fn literal(pattern: &str) -> &str {
    let end = pattern.find(['*', '{']).unwrap_or(pattern.len());
    pattern.get(..end).unwrap_or_default()
}

/// What all paths that a pattern matches become for a server that decodes escapes or drops
/// parameters.
#[derive(Debug, PartialEq, Eq)]
struct Reading {
    /// What they begin with.
    begins: String,
    /// Whether they end there, or go on with a slash.
    whole_segment: bool,
    /// What such servers do.
    because: &'static str,
}

/// Such a reading; absent where it is not certain, or the same as any other.
fn other_reading(pattern: &str) -> Option<Reading> {
    const DROP: &str = "drop what follows `;` in a segment";
    let begins = literal(pattern);
    let whole = begins.len() == pattern.len();
    if begins.contains('%') {
        let because = "decode the escapes in it";
        return Some(Reading { begins: decoded(begins)?, whole_segment: whole, because });
    }
    let (before, rest) = begins.split_once(';')?;
    Some(match rest.split_once('/') {
        Some((_, after)) => Reading {
            begins: format!("{before}/{}", after.split(';').next().unwrap_or_default()),
            whole_segment: whole || after.contains(';'),
            because: DROP,
        },
        None => Reading { begins: before.to_owned(), whole_segment: true, because: DROP },
    })
}

/// A text with every escape decoded once; absent where that is no text.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend(before.as_bytes());
        bytes.push(u8::from_str_radix(after.get(..2)?, 16).ok()?);
        rest = after.get(2..)?;
    }
    bytes.extend(rest.as_bytes());
    String::from_utf8(bytes).ok()
}

impl Reading {
    /// Whether a pattern may match some path that is read so.
    fn may_match(&self, pattern: &str) -> bool {
        let begins = literal(pattern);
        match begins.strip_prefix(self.begins.as_str()) {
            Some(rest) => rest.is_empty() || !self.whole_segment || rest.starts_with('/'),
            // What a wildcard stands for may begin before the reading ends.
            None => begins.len() < pattern.len() && self.begins.starts_with(begins),
        }
    }
}

/// All that may admit a request to one host by its path.
#[derive(Debug, Default)]
pub(super) struct Paths<'a> {
    /// The patterns.
    patterns: Vec<Text<'a>>,
    /// Whether some requests are admitted whatever their path.
    pub open: bool,
}

impl<'a> Paths<'a> {
    /// Adds those of an entry of `to`.
    pub fn add(&mut self, entry: Node<'a>) {
        match Rule::list(entry, "paths") {
            Some(paths) => self.patterns.extend(paths),
            None => self.open = true,
        }
    }
}

/// Whether a path of a request can be so: printable ASCII.
fn is_of_requests(pattern: &str) -> bool {
    pattern.bytes().all(|byte| matches!(byte, 0x21..=0x7e))
}

impl<'a> Compiler<'a, '_> {
    /// Warns of the path patterns of one host.
    pub(super) fn warn_of_paths(&mut self, paths: &Paths<'a>) {
        for path in &paths.patterns {
            let shown = path.text.escape_debug();
            if let Some((why, hint)) = mistaken(path.text) {
                let message = format!("the path pattern `{shown}`: {why}");
                self.warn(Warning::PathNeverMatches, path.node, message, hint);
                continue;
            }
            if !is_of_requests(path.text) {
                self.warn_of_unencoded(*path, paths);
                continue;
            }
            let Some(reading) = other_reading(path.text).filter(|_| !paths.open) else { continue };
            if paths.patterns.iter().any(|other| reading.may_match(other.text)) {
                continue;
            }
            let rest = path.text.get(literal(path.text).len()..).unwrap_or_default();
            let message = format!(
                "the path pattern `{shown}` admits nothing: servers that {} read another path, \
                 which no pattern admits",
                reading.because
            );
            let hint = format!(
                "every reading has to be admitted: add `{}{}`",
                reading.begins.escape_debug(),
                rest.escape_debug()
            );
            self.warn(Warning::PathNeverMatches, path.node, message, hint);
        }
    }

    /// What is not sent as it is written admits something only beside its encoded form.
    fn warn_of_unencoded(&mut self, path: Text<'a>, paths: &Paths<'a>) {
        let beside = paths.patterns.iter().filter(|it| is_of_requests(it.text));
        let mut readings = beside.filter_map(|it| other_reading(it.text));
        if !readings.any(|reading| reading.may_match(path.text)) {
            self.warn(
                Warning::PathNeverMatches,
                path.node,
                format!("the path pattern `{}` can never match", path.text.escape_debug()),
                "in paths such characters are percent-encoded, as in `%C3%A9`; write that form too, \
                 since servers decode it",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_variable_or_an_expression_is_known() {
        for (pattern, hint) in [
            ("/v1/users/{id}", Some("write `/v1/users/{*}`")),
            ("/v1/users/:id/x", Some("write `/v1/users/{*}/x`")),
            ("/v1/<id>/{user_id}", Some("write `/v1/{*}/{*}`")),
            ("/v1/${VERSION}/*", Some("fill it in")),
            ("/v1/[0-9]+", Some("`{**}`")),
            ("/v1/.*", Some("`{**}`")),
            ("^/v1/", Some("`{**}`")),
            ("/v1/(a|b)", Some("`{**}`")),
            ("/v1/*", None),
            ("/v1/{*}/{**}", None),
            ("/v1/projects/p:cancel", None),
            ("/a/file.*", None),
            ("/a/*.*", None),
            ("/v1/(a)", None),
        ] {
            let found = mistaken(pattern);
            assert_eq!(found.is_some(), hint.is_some(), "{pattern}: {found:?}");
            assert!(found.is_none_or(|(_, it)| it.contains(hint.unwrap())), "{pattern}");
        }
    }

    #[test]
    fn a_pattern_with_another_reading_needs_one_for_it() {
        for (pattern, other, admitted) in [
            ("/p/group%2Fproject/*", "/p/group%2Fproject/*", false),
            ("/p/group%2Fproject/*", "/p/group/project/*", true),
            ("/p/group%2Fproject/*", "/p/*", true),
            ("/p/group%2Fproject/*", "*", true),
            ("/p/group%2Fproject/*", "/p/{*}/x", true),
            ("/p/group%2Fproject/*", "/p", false),
            ("/p/%C3%A9", "/p/é", true),
            ("/p/%C3%A9", "/p/%C3%A9", false),
            ("/a;v=1", "/a;v=1", false),
            ("/a;v=1", "/a", true),
            ("/a;v=1/b", "/a/b", true),
            ("/a;v=1/b", "/a/c", false),
            ("/a;*", "/ab", false),
            ("/a;*", "/a/*", true),
        ] {
            let reading = other_reading(pattern).unwrap();
            assert_eq!(reading.may_match(other), admitted, "{pattern} beside {other}");
        }
        for pattern in ["/a/b", "/a/*", "*%2F*", "/a*;b", "/a%", "/a%2", "/%ff"] {
            assert_eq!(other_reading(pattern), None, "{pattern}");
        }
    }
}
