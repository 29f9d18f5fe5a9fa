//! Requests as they are printed: without the tokens and passwords that stand in them.

use std::collections::BTreeSet;

use crate::engine::percent;
use crate::policy::Policy;

/// What stands in the place of a secret.
const HIDDEN: &str = "...";
/// Where tokens are looked for by default (RFC 6750, section 2.3).
const ACCESS_TOKEN: &str = "access_token";
/// What separates parameters, and what may begin a second query for a careless reader.
const SEPARATORS: [char; 4] = ['&', ';', '?', '#'];

/// The names of query parameters that may hold tokens, in lower case.
#[derive(Debug, Clone)]
pub struct TokenParameters(BTreeSet<String>);

impl TokenParameters {
    /// Those in which a policy looks for tokens anywhere, and the default one: a token for one
    /// host may well be sent to another.
    pub fn of(policy: &Policy) -> Self {
        let rules = policy.jwt_rules.iter().flat_map(|rule| &rule.from_params);
        let names = rules.map(|name| name.to_ascii_lowercase());
        Self(names.chain([ACCESS_TOKEN.to_owned()]).collect())
    }

    /// A request line without tokens: no value of these parameters, nothing that looks like a JWT,
    /// and no user information.
    pub fn shown(&self, request: &str) -> String {
        hide(request, |name| self.0.contains(&decoded(name).to_ascii_lowercase()))
    }
}

/// The same for a text of which nothing is known: every value of its query is left out.
pub fn shown_unread(request: &str) -> String {
    hide(request, |_| true)
}

fn hide(request: &str, is_hidden: impl Fn(&str) -> bool) -> String {
    let at = request.find(['?', '#']).unwrap_or(request.len());
    let (target, query) = request.split_at_checked(at).unwrap_or((request, ""));
    // A value may be a URL with a query of its own.
    let hides = |value: &str| {
        let value = decoded(value);
        value.split(SEPARATORS).any(|text| {
            text.split_once('=').is_some_and(|(name, value)| !value.is_empty() && is_hidden(name))
        })
    };
    let mut out = without_user_info(target);
    for parameter in query.split_inclusive(SEPARATORS) {
        let (text, separator) = match parameter.strip_suffix(SEPARATORS) {
            Some(text) => (text, parameter.get(text.len()..).unwrap_or_default()),
            None => (parameter, ""),
        };
        match text.split_once('=') {
            Some((name, value)) if !value.is_empty() && (is_hidden(name) || hides(value)) => {
                out.extend([name, "=", HIDDEN, separator]);
            }
            _ => out.push_str(parameter),
        }
    }
    without_jwts(&out)
}

/// A name as servers read it.
fn decoded(name: &str) -> String {
    String::from_utf8_lossy(&percent::decode_form(name.as_bytes())).into_owned()
}

/// A request line whose URL says nothing before an `@` (RFC 3986, section 3.2.1).
fn without_user_info(line: &str) -> String {
    let Some((before, rest)) = line.split_once("://") else { return line.to_owned() };
    let end = rest.find(['/', ' ', '#']).unwrap_or(rest.len());
    match rest.get(..end).and_then(|authority| authority.rfind('@')) {
        Some(at) => format!("{before}://{HIDDEN}{}", rest.get(at..).unwrap_or_default()),
        None => line.to_owned(),
    }
}

/// A text without what looks like a JWT: an object in base64url, and more after a dot.
pub fn without_jwts(text: &str) -> String {
    let is_of_token = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let mut out = String::with_capacity(text.len());
    for piece in text.split_inclusive(|c| !is_of_token(c)) {
        let word = piece.trim_end_matches(|c| !is_of_token(c));
        // What stands before it may be the end of an escape.
        let jwt = word.find("eyJ").and_then(|at| word.split_at_checked(at));
        match jwt.filter(|(_, jwt)| jwt.contains('.')) {
            Some((before, _)) => out.extend([before, HIDDEN]),
            None => out.push_str(word),
        }
        out.push_str(piece.strip_prefix(word).unwrap_or_default());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const JWT: &str = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2ln";

    fn parameters(names: &[&str]) -> TokenParameters {
        TokenParameters(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn tokens_are_left_out_and_nothing_else() {
        let parameters = parameters(&["access_token", "t"]);
        for (request, expected) in [
            (
                "GET https://a.test/x?page=2&access_token=s",
                "GET https://a.test/x?page=2&access_token=...",
            ),
            (
                "GET https://a.test/x?access_token=s&page=2",
                "GET https://a.test/x?access_token=...&page=2",
            ),
            (
                "GET https://a.test/x?Access_Token=s&T=s",
                "GET https://a.test/x?Access_Token=...&T=...",
            ),
            ("GET https://a.test/x?access%5ftoken=s", "GET https://a.test/x?access%5ftoken=..."),
            ("GET https://a.test/x?a=1;t=s?t=s#t=s", "GET https://a.test/x?a=1;t=...?t=...#t=..."),
            ("GET https://a.test/x?t=a=b", "GET https://a.test/x?t=..."),
            ("GET https://a.test/x#t=s", "GET https://a.test/x#t=..."),
            ("GET https://a.test/x?u=%2Fy%3Ft%3Ds&v=1%3D2", "GET https://a.test/x?u=...&v=1%3D2"),
            (
                "GET https://a.test/x?q=Bearer%20eyJh.eyJz.c2ln",
                "GET https://a.test/x?q=Bearer%20...",
            ),
            ("GET https://a.test/x?t=&t", "GET https://a.test/x?t=&t"),
            ("GET https://u:p@a.test/x", "GET https://...@a.test/x"),
            ("GET https://a.test/@x?q=a@b", "GET https://a.test/@x?q=a@b"),
            ("GET https://a.test/x?page_token=7", "GET https://a.test/x?page_token=7"),
            ("OPTIONS https://a.test *", "OPTIONS https://a.test *"),
            ("", ""),
        ] {
            assert_eq!(parameters.shown(request), expected);
        }
    }

    #[test]
    fn what_looks_like_a_token_is_left_out_wherever_it_stands() {
        let parameters = parameters(&[]);
        for (request, expected) in [
            ("GET https://a.test/{}/x", "GET https://a.test/.../x"),
            ("GET https://a.test/x?q={}&r=1", "GET https://a.test/x?q=...&r=1"),
            ("{}", "..."),
            ("GET https://a.test/x {}", "GET https://a.test/x ..."),
        ] {
            assert_eq!(parameters.shown(&request.replace("{}", JWT)), expected);
        }
        for request in ["GET https://a.test/eyJ", "GET https://a.test/a.b.c?q=x.y.z"] {
            assert_eq!(parameters.shown(request), request);
        }
    }

    #[test]
    fn of_what_is_no_request_no_value_is_shown() {
        for (text, expected) in [
            ("GET https://a.test/x?t=s HTTP/1.1", "GET https://a.test/x?t=..."),
            ("GET a.test?q=s&t", "GET a.test?q=...&t"),
            ("https://u:p@a.test", "https://...@a.test"),
        ] {
            assert_eq!(shown_unread(text), expected);
        }
    }
}
