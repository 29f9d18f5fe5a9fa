//! Tokens in the query (WHATWG URL, `application/x-www-form-urlencoded`).

use std::borrow::Cow;

use super::spelling;
use crate::engine::path::without_query;
use crate::engine::percent::decode_form;
use crate::engine::request::Request;

/// The parameters of a path with its query.
fn params(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.get(without_query(path).len()..)
        .and_then(|query| query.strip_prefix(b"?"))
        .unwrap_or_default()
        .split(|byte| *byte == b'&')
}

fn name_of(param: &[u8]) -> Cow<'_, [u8]> {
    decode_form(param.split(|byte| *byte == b'=').next().unwrap_or_default())
}

fn value_of(param: &[u8]) -> &[u8] {
    param.splitn(2, |byte| *byte == b'=').nth(1).unwrap_or_default()
}

/// The values of the parameters of this name, decoded, but for empty ones. One with an invalid
/// escape makes no valid token.
pub(super) fn tokens<'a>(request: &Request<'a>, name: &str) -> Vec<Cow<'a, [u8]>> {
    params(request.path())
        .filter(|param| *name_of(param) == *name.as_bytes())
        .map(|param| decode_form(value_of(param)))
        .filter(|value| !value.is_empty())
        .collect()
}

/// A path with its query, without the parameters that may hold a token under one of these names;
/// those that are called as one of `kept` stay. Nothing where all stay.
pub(super) fn without(path: &[u8], names: &[&str], kept: &[&str]) -> Option<Vec<u8>> {
    let left = |param| match kept.iter().any(|name| *name_of(param) == *name.as_bytes()) {
        true => Some(Cow::Borrowed(param)),
        false if names.iter().any(|name| is_token(param, name)) => None,
        false => spelling::without(param, b';', names),
    };
    if params(path).all(|param| left(param).is_some_and(|left| *left == *param)) {
        return None;
    }
    let left: Vec<_> = params(path).filter_map(left).collect();
    let mut out = without_query(path).to_vec();
    if left.iter().any(|param| !param.is_empty()) {
        out.push(b'?');
        out.extend(left.join(&b'&'));
    }
    Some(out)
}

/// Whether this gateway reads a token there.
fn is_token(param: &[u8], name: &str) -> bool {
    !value_of(param).is_empty() && *name_of(param) == *name.as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_of_which_nothing_is_left_goes_whole() {
        for (path, left) in [
            ("/x?t=1", Some("/x")),
            ("/x?t=1&t=2&", Some("/x")),
            ("/x?a=1&%74=2&b", Some("/x?a=1&b")),
            ("/x?a=1&T=2;b=3&c;t=4", Some("/x?a=1&c")),
            ("/x?a=1&b=2;t=3&c", Some("/x?a=1&b=2&c")),
            ("/x?a=t&t", None),
            ("/x", None),
        ] {
            let found = without(path.as_bytes(), &["t"], &[]);
            assert_eq!(found, left.map(|it| it.as_bytes().to_vec()), "{path}");
        }
    }

    #[test]
    fn a_token_that_goes_on_stays_and_other_spellings_of_its_name_go() {
        assert_eq!(without(b"/x?t=1&T=2", &["t"], &["t"]), Some(b"/x?t=1".to_vec()));
        assert_eq!(without(b"/x?t=1", &["t"], &["t"]), None);
    }
}
