//! Tokens in cookies (RFC 6265).

use std::borrow::Cow;

use super::spelling;
use crate::engine::request::Request;

/// The pairs of every `cookie` header; HTTP/2 may split one header into several.
fn pairs<'a>(request: &Request<'a>) -> impl Iterator<Item = &'a [u8]> {
    request.values("cookie").flat_map(pairs_of)
}

fn pairs_of(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b';').map(<[u8]>::trim_ascii).filter(|pair| !pair.is_empty())
}

/// Whether a value of `cookie` may hold a token under this name.
pub(super) fn may_hold(value: &[u8], name: &str) -> bool {
    pairs_of(value).any(|pair| left(pair, &[name], &[]).is_none_or(|left| *left != *pair))
}

/// What is left of a pair when those go that may hold a token under one of these names, but for what
/// is called as one of `kept`.
fn left<'a>(pair: &'a [u8], names: &[&str], kept: &[&str]) -> Option<Cow<'a, [u8]>> {
    match kept.iter().any(|name| name_of(pair) == name.as_bytes()) {
        true => Some(Cow::Borrowed(pair)),
        false => spelling::without(pair, b',', names),
    }
}

fn name_of(pair: &[u8]) -> &[u8] {
    pair.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii()
}

/// The values of the cookies of this name, but for empty ones.
pub(super) fn tokens<'a>(request: &Request<'a>, name: &str) -> Vec<Cow<'a, [u8]>> {
    pairs(request)
        .filter(|pair| name_of(pair) == name.as_bytes())
        .map(|pair| {
            let value = pair.splitn(2, |byte| *byte == b'=').nth(1).unwrap_or_default();
            let value = value.trim_ascii();
            // RFC 6265 allows a value in double quotes.
            value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")).unwrap_or(value)
        })
        .filter(|value| !value.is_empty())
        .map(Cow::Borrowed)
        .collect()
}

/// The `cookie` header without the cookies that may hold a token under one of these names; those that
/// are called as one of `kept` stay. Nothing where all stay.
pub(super) fn without(request: &Request<'_>, names: &[&str], kept: &[&str]) -> Option<Vec<u8>> {
    let left = |pair| left(pair, names, kept);
    if pairs(request).all(|pair| left(pair).is_some_and(|left| *left == *pair)) {
        return None;
    }
    Some(pairs(request).filter_map(left).collect::<Vec<_>>().join(&b"; "[..]))
}
