//! Path patterns as an AuthorizationPolicy writes them.
//!
//! Istio knows exact paths, `prefix*`, `*suffix` and `*`, and templates: `{*}` is one segment as
//! here, but `{**}` is any run of characters, slashes included, between the slashes around it;
//! nothing may follow it but plain segments. A path with a template is otherwise literal.

/// A pattern that Istio cannot write.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Inexact {
    pub reason: &'static str,
    /// Paths that admit less; empty where there are none.
    pub narrower: Vec<String>,
}

const STARS: &str = "Istio takes `*` only at one end of a path";

/// The paths that together match what the pattern matches.
pub(super) fn in_istio(pattern: &str) -> Result<Vec<String>, Inexact> {
    if pattern.contains("{*}") || pattern.contains("{**}") {
        return template(pattern);
    }
    if pattern.contains(['{', '}']) {
        let reason = "Istio takes braces for a template";
        return Err(Inexact { reason, narrower: Vec::new() });
    }
    let pattern = collapse_stars(pattern);
    let inner = pattern.strip_prefix('*').unwrap_or(&pattern);
    let inner = inner.strip_suffix('*').unwrap_or(inner);
    if !inner.contains('*') {
        return match pattern.starts_with('*') && pattern.ends_with('*') && pattern.len() > 1 {
            false => Ok(vec![pattern]),
            true => Err(Inexact { reason: STARS, narrower: containing(inner) }),
        };
    }
    let narrower = whole_segments(&pattern).unwrap_or_else(|| {
        // A star may stand for nothing.
        let joined = inner.replace('*', "");
        match (pattern.starts_with('*'), pattern.ends_with('*')) {
            (true, true) => containing(&joined),
            (true, false) => vec![format!("*{joined}")],
            (false, true) => vec![format!("{joined}*")],
            (false, false) => vec![joined],
        }
    });
    Err(Inexact { reason: STARS, narrower })
}

/// Paths that are, begin or end with a text.
fn containing(text: &str) -> Vec<String> {
    vec![text.to_owned(), format!("{text}*"), format!("*{text}")]
}

/// `/a/*/b/*/c` as a template, where each star fills a segment: the last may still stand for
/// several segments.
fn whole_segments(pattern: &str) -> Option<Vec<String>> {
    let segments: Vec<_> = pattern.strip_prefix('/')?.split('/').collect();
    let last = segments.iter().rposition(|segment| *segment == "*")?;
    let mut path = String::new();
    for (index, segment) in segments.iter().enumerate() {
        path.push('/');
        match *segment {
            "*" => path.push_str(if index == last { "{**}" } else { "{*}" }),
            literal if is_literal(literal) => path.push_str(literal),
            _ => return None,
        }
    }
    Some(vec![path])
}

/// A pattern with `{*}` or `{**}`.
fn template(pattern: &str) -> Result<Vec<String>, Inexact> {
    let inexact = |reason| Inexact { reason, narrower: Vec::new() };
    // Every path begins with a slash, so these are the same.
    let pattern = match pattern.strip_prefix("{**}") {
        Some(rest) => format!("/{{**}}{rest}"),
        None => pattern.to_owned(),
    };
    let Some(segments) = pattern.strip_prefix('/').map(|rest| rest.split('/').collect::<Vec<_>>())
    else {
        return Err(inexact("a path begins with `/`"));
    };
    if segments.iter().any(|segment| !segment.starts_with('{') && !is_literal(segment)) {
        return Err(inexact("Istio takes nothing but plain segments beside `{*}` and `{**}`"));
    }
    let mut parts = segments.split(|segment| *segment == "{**}");
    let (head, tail) = (parts.next().unwrap_or_default(), parts.next());
    let Some(tail) = tail else { return Ok(vec![pattern]) };
    if parts.next().is_some() || tail.contains(&"{*}") {
        return Err(inexact("Istio takes nothing but plain segments after `{**}`"));
    }
    let path = |segments: &[&str]| -> String {
        segments.iter().flat_map(|segment| ["/", segment]).collect()
    };
    let (head, tail, plain) = (path(head), path(tail), !head.contains(&"{*}"));
    // `{**}` may stand for nothing here, and then its slash goes, too.
    Ok(match (head.as_str(), tail.as_str()) {
        ("", "") => vec!["*".to_owned()],
        ("", tail) => vec![format!("*{tail}")],
        (head, "") if plain => vec![head.to_owned(), format!("{head}/*")],
        (head, tail) => vec![format!("{head}{tail}"), format!("{head}/{{**}}{tail}")],
    })
}

/// What may stand beside templates: path characters (RFC 3986, appendix A), at least one.
fn is_literal(segment: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()+,;:@=".contains(&byte);
    !segment.is_empty() && segment.bytes().all(allowed)
}

fn collapse_stars(pattern: &str) -> String {
    let mut collapsed = pattern.to_owned();
    while collapsed.contains("**") {
        collapsed = collapsed.replace("**", "*");
    }
    collapsed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_istio_can_say_is_said() {
        for (pattern, expected) in [
            ("/v1/pay", vec!["/v1/pay"]),
            ("/v1/*", vec!["/v1/*"]),
            ("/v1/**", vec!["/v1/*"]),
            ("*/admin", vec!["*/admin"]),
            ("*", vec!["*"]),
            ("/a/{*}/b", vec!["/a/{*}/b"]),
            ("/a/{**}", vec!["/a", "/a/*"]),
            ("/{**}", vec!["*"]),
            ("{**}/b", vec!["*/b"]),
            ("/a/{**}/b", vec!["/a/b", "/a/{**}/b"]),
            ("/{*}/{**}", vec!["/{*}", "/{*}/{**}"]),
        ] {
            assert_eq!(in_istio(pattern).unwrap(), expected, "{pattern}");
        }
    }

    #[test]
    fn what_istio_cannot_say_has_at_most_a_narrower_form() {
        for (pattern, expected) in [
            ("/a*b", vec!["/ab"]),
            ("/a*b*", vec!["/ab*"]),
            ("*a*b", vec!["*ab"]),
            ("*a*", vec!["a", "a*", "*a"]),
            ("/a/*/b", vec!["/a/{**}/b"]),
            ("/a/*/b/*", vec!["/a/{*}/b/{**}"]),
            ("/a/*/b*", vec!["/a//b*"]),
            ("/{id}", vec![]),
            ("/{*}/*", vec![]),
            ("/{*}/", vec![]),
            ("/{*}/a|b", vec![]),
            ("/{**}/{*}", vec![]),
            ("/{**}/a/{**}", vec![]),
            ("{*}", vec![]),
        ] {
            assert_eq!(in_istio(pattern).unwrap_err().narrower, expected, "{pattern}");
        }
    }
}
