//! Parameters and cookies as the most generous reader there is takes them.
//!
//! What holds a token is read strictly. What *may* hold one to somebody must not go on unseen: PHP
//! drops spaces before a name, takes `.`, a space and an open bracket in it for `_`, and makes a list
//! of `name[]`; others compare names without case, decode twice, end them at a zero byte, or begin a
//! new pair at `;` in a query and at `,` in a cookie.

use std::borrow::Cow;

use crate::engine::percent::decode_form;
use crate::policy::header::fold;

/// As often as escapes are decoded.
const DECODINGS: usize = 3;

/// Whether some reader takes a pair for one of this name with a value that is not empty.
pub(super) fn may_hold(pair: &[u8], name: &str) -> bool {
    let mut text = Cow::Borrowed(pair);
    for _ in 0..DECODINGS {
        if is_like(&text, name) {
            return true;
        }
        let decoded = decode_form(&text);
        if decoded == text {
            return false;
        }
        text = Cow::Owned(decoded.into_owned());
    }
    is_like(&text, name)
}

fn is_like(pair: &[u8], name: &str) -> bool {
    let mut parts = pair.splitn(2, |byte| *byte == b'=');
    let sent = parts.next().unwrap_or_default();
    if parts.next().unwrap_or_default().is_empty() {
        return false;
    }
    let sent = sent.split(|byte| *byte == 0).next().unwrap_or_default().trim_ascii();
    let list = sent.split(|byte| *byte == b'[').next().unwrap_or_default();
    let same = |sent: &[u8]| {
        sent.len() == name.len() && sent.iter().copied().map(fold).eq(name.bytes().map(fold))
    };
    same(sent) || same(list)
}

/// What is left of a part of a query or a cookie when the pairs go that may hold a token; nothing if
/// it goes as a whole. Some readers begin a new pair at `inner`.
pub(super) fn without<'t>(part: &'t [u8], inner: u8, names: &[&str]) -> Option<Cow<'t, [u8]>> {
    let holds = |pair: &[u8]| names.iter().any(|name| may_hold(pair, name));
    if holds(part) {
        return None;
    }
    let mut pairs = part.split(|byte| *byte == inner);
    if !part.contains(&inner) || !pairs.any(holds) {
        return Some(Cow::Borrowed(part));
    }
    let kept = part.split(|byte| *byte == inner).filter(|pair| !holds(pair));
    Some(Cow::Owned(kept.collect::<Vec<_>>().join(&inner)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_may_hold_a_token() {
        for pair in [
            "access_token=t",
            "access.token=t",
            "access%20token=t",
            "access+token=t",
            "+access_token=t",
            "%20access_token=t",
            "%09access_token=t",
            "access_token%00x=t",
            "access[token=t",
            "access%5btoken=t",
            "access_token[]=t",
            "access_token%5B0%5D=t",
            "Access_Token=t",
            "access-token=t",
            "access_token%3Dt",
            "%2561ccess_token=t",
            " access_token =t",
        ] {
            assert!(may_hold(pair.as_bytes(), "access_token"), "{pair}");
        }
        for pair in [
            "",
            "access_token",
            "access_token=",
            "access_tokens=t",
            "xaccess_token=t",
            "a=access_token",
            "accesstoken=t",
            "a[access_token]=t",
            "token=t",
        ] {
            assert!(!may_hold(pair.as_bytes(), "access_token"), "{pair}");
        }
    }

    #[test]
    fn the_pairs_around_stay() {
        let left = |part: &'static str, inner| {
            without(part.as_bytes(), inner, &["t"])
                .map(|it| String::from_utf8(it.into_owned()).unwrap())
        };
        assert_eq!(left("a=b;t=1;c=d", b';'), Some("a=b;c=d".to_owned()));
        assert_eq!(left("a=b;c=d", b';'), Some("a=b;c=d".to_owned()));
        assert_eq!(left("t=1;c=d", b';'), None);
        assert_eq!(left("a=b, T=1", b','), Some("a=b".to_owned()));
    }
}
