//! Tokens in the query (WHATWG URL, `application/x-www-form-urlencoded`).

use std::borrow::Cow;

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

/// The values of the parameters of this name, decoded, but for empty ones. One with an invalid
/// escape makes no valid token.
pub(super) fn tokens<'a>(request: &Request<'a>, name: &str) -> Vec<Cow<'a, [u8]>> {
    params(request.path())
        .filter(|param| *name_of(param) == *name.as_bytes())
        .map(|param| decode_form(param.splitn(2, |byte| *byte == b'=').nth(1).unwrap_or_default()))
        .filter(|value| !value.is_empty())
        .collect()
}

/// A path with its query, without the parameters of these names.
pub(super) fn without(path: &[u8], names: &[&str]) -> Vec<u8> {
    let kept: Vec<&[u8]> = params(path)
        .filter(|param| !names.iter().any(|name| *name_of(param) == *name.as_bytes()))
        .collect();
    let mut out = without_query(path).to_vec();
    if kept.iter().any(|param| !param.is_empty()) {
        out.push(b'?');
        out.extend(kept.join(&b'&'));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_of_which_nothing_is_left_goes_whole() {
        assert_eq!(without(b"/x?t=1", &["t"]), b"/x");
        assert_eq!(without(b"/x?t=1&t=2&", &["t"]), b"/x");
        assert_eq!(without(b"/x?a=1&%74=2&b", &["t"]), b"/x?a=1&b");
    }
}
