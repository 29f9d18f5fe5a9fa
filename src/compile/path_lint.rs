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
const OF_EXPRESSIONS: [&str; 12] =
    ["[0-9]", "[a-z]", "[A-Z]", "[^", "\\d", "\\w", "(?", "/.*", "/.+", "(.*", ")+", "]+"];

/// What stands for a segment that is a variable of OpenAPI, of a router or of a document, as `{id}`,
/// `{id:int}`, `:id`, `<id>` and `[id]`: one segment, or as many as there are.
fn variable(segment: &str) -> Option<&'static str> {
    let is_name = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.bytes().all(|it| it.is_ascii_alphanumeric() || b"_-.:".contains(&it))
    };
    let inside = |open, close| segment.strip_prefix(open)?.strip_suffix(close);
    let name = inside("{", "}")
        .or_else(|| inside("<", ">"))
        .or_else(|| inside("[", "]"))
        .or_else(|| segment.strip_prefix(':'))?;
    let several = ["...", "+", "*", "path:"].into_iter().find_map(|many| name.strip_prefix(many));
    match several {
        Some(name) => is_name(name).then_some("{**}"),
        None => is_name(name).then_some("{*}"),
    }
}

/// What somebody took a part of a pattern for, and what to write instead.
pub(super) fn mistaken(pattern: &str) -> Option<(String, String)> {
    let segments: Vec<&str> = pattern.split('/').collect();
    if let Some(segment) = segments.iter().find(|segment| variable(segment).is_some()) {
        let meant: Vec<&str> = segments.iter().map(|it| variable(it).unwrap_or(it)).collect();
        let stands = match variable(segment) {
            Some("{*}") => "`{*}` is any one segment",
            _ => "`{**}` is any number of segments",
        };
        let hint = format!("{stands}: write `{}`", meant.join("/"));
        return Some((format!("`{segment}` stands for itself in it"), hint));
    }
    if let Some(placeholder) = placeholder(pattern) {
        let of_template = placeholder.starts_with("{{") || placeholder.starts_with("<%");
        if placeholder.starts_with(['{', '<']) && !of_template {
            let why = format!("`{placeholder}` stands for itself in it");
            let meant = pattern.replace(placeholder, "*");
            return Some((why, format!("`*` stands for any characters: write `{meant}`")));
        }
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

/// What all paths that a pattern matches become for a server that does something with them.
#[derive(Debug, PartialEq, Eq)]
struct Reading {
    /// What they begin with.
    begins: String,
    /// Whether they end there, or go on with a slash.
    whole_segment: bool,
    /// What such servers do.
    because: &'static str,
}

/// Such readings, as far as they are certain, and others than the path itself.
fn other_readings(pattern: &str) -> Vec<Reading> {
    let begins = literal(pattern);
    let whole = begins.len() == pattern.len();
    let decoded = decoded(begins).map(|it| (it, "decode the escapes in it"));
    let slashes = Some((begins.replace('\\', "/"), "take `\\` for `/`"));
    let merged = Some((merged(begins), "merge slashes"));
    let resolved = resolved(begins, whole).map(|it| (it, "resolve the dot segments in it"));
    let others = [decoded, slashes, merged, resolved].into_iter().flatten();
    let others = others.filter(|(other, _)| other != begins).map(|(begins, because)| Reading {
        begins,
        whole_segment: whole,
        because,
    });
    others.chain(without_parameters(begins, whole)).collect()
}

/// The reading of a server that drops parameters.
fn without_parameters(begins: &str, whole: bool) -> Option<Reading> {
    const DROP: &str = "drop what follows `;` in a segment";
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

/// A text with one slash for several.
fn merged(text: &str) -> String {
    let mut merged = String::with_capacity(text.len());
    for character in text.chars() {
        if character != '/' || !merged.ends_with('/') {
            merged.push(character);
        }
    }
    merged
}

/// What a path begins with, without its dot segments (RFC 3986, section 5.2.4); absent where it has
/// none. Of one that goes on, the last segment is not complete.
fn resolved(begins: &str, whole: bool) -> Option<String> {
    let mut segments: Vec<&str> = begins.strip_prefix('/')?.split('/').collect();
    let last = segments.pop().unwrap_or_default();
    let (mut kept, mut found) = (Vec::new(), false);
    for segment in segments {
        match segment {
            "." => found = true,
            ".." => {
                found = true;
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    match last {
        "." if whole => kept.push(""),
        ".." if whole => {
            kept.pop();
            kept.push("");
        }
        other if found => kept.push(other),
        _ => return None,
    }
    Some(format!("/{}", kept.join("/")))
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
            // Of these something is said already.
            if !path.text.starts_with(['/', '*', '{']) || path.text.contains(['?', '#']) {
                continue;
            }
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
            let missing = other_readings(path.text)
                .into_iter()
                .find(|reading| !paths.patterns.iter().any(|other| reading.may_match(other.text)));
            let Some(reading) = missing.filter(|_| !paths.open) else { continue };
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
        let mut readings = beside.flat_map(|it| other_readings(it.text));
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
            ("/v1/.+", Some("`{**}`")),
            ("/v1/{id:int}/<str:name>", Some("write `/v1/{*}/{*}`")),
            ("/v1/[id]/:id.json", Some("write `/v1/{*}/{*}`")),
            ("/v1/{...rest}", Some("write `/v1/{**}`")),
            ("/v1/[...slug]/{+path}", Some("write `/v1/{**}/{**}`")),
            ("/users/{userId}.json", Some("write `/users/*.json`")),
            ("/v1/{{id}}", Some("fill it in")),
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
            ("/a//b", "/a/b", true),
            ("/a//b", "/a//b", false),
            ("/a//*", "/a/c", true),
            ("/a//*", "/c/*", false),
            ("/a\\b", "/a/b", true),
            ("/a\\b", "/a\\b", false),
            ("/a/../b", "/b", true),
            ("/a/../b", "/a/b", false),
            ("/a/./b/*", "/a/b/*", true),
            ("/a/.", "/a/", true),
            ("/a/..", "/", true),
            ("/../a", "/a", true),
        ] {
            let readings = other_readings(pattern);
            assert!(!readings.is_empty(), "{pattern}");
            let all = readings.iter().all(|reading| reading.may_match(other));
            assert_eq!(all, admitted, "{pattern} beside {other}");
        }
        for pattern in
            ["/a/b", "/a/*", "*%2F*", "/a*;b", "/a%", "/a%2", "/%ff", "/a/.*", "/a/..", "/a.b/"]
        {
            let certain = other_readings(pattern);
            assert_eq!(certain.is_empty(), pattern != "/a/..", "{pattern}: {certain:?}");
        }
    }
}
