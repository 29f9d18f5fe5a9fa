//! Tokens in headers: which value holds one, and which may hold one to somebody.
//!
//! What holds a token is read strictly. What *may* hold one is judged by the most generous reader
//! there is, since a token that this gateway does not see must not go on to somebody who does.

use crate::engine::request::Request;

/// What the default location has before the token; its scheme may be in any case (RFC 9110,
/// section 11.1).
pub(super) const BEARER: &str = "Bearer ";

/// A token header that is there more than once.
pub(super) struct Repeated;

/// The token in a header, which stands behind the prefix and before nothing else.
pub(super) fn token<'a>(
    request: &Request<'a>,
    name: &str,
    prefix: &str,
    any_case: bool,
) -> Result<Option<&'a [u8]>, Repeated> {
    let mut values = request.values(name);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Repeated);
    }
    // Proxies may fold a repeated header into one value with commas (RFC 9110, section 5.3);
    // no token holds a comma.
    if value.contains(&b',') {
        let mut elements = value.split(|byte| *byte == b',');
        return match elements.any(|e| after_prefix(e.trim_ascii(), prefix, any_case).is_some()) {
            true => Err(Repeated),
            false => Ok(None),
        };
    }
    Ok(after_prefix(value.trim_ascii(), prefix, any_case))
}

/// What follows the prefix, if anything does.
fn after_prefix<'a>(value: &'a [u8], prefix: &str, any_case: bool) -> Option<&'a [u8]> {
    let (head, rest) = value.split_at_checked(prefix.len())?;
    let matches = match any_case {
        true => head.eq_ignore_ascii_case(prefix.as_bytes()),
        false => head == prefix.as_bytes(),
    };
    let token = rest.trim_ascii();
    (matches && !token.is_empty()).then_some(token)
}

/// Whether a value of a token header may hold a token to any reader of it: where `bearer` stands
/// at its start or after a comma, or where it holds the configured prefix, in any case. Credentials
/// of other schemes do not.
pub(super) fn may_hold_token(value: &[u8], prefix: &str) -> bool {
    let prefix = prefix.trim_ascii_start();
    let word = prefix.split(|c: char| c.is_ascii_whitespace()).next().unwrap_or_default();
    if word.is_empty() {
        return value.iter().any(|byte| !is_space(*byte));
    }
    holds(value, BEARER.trim_ascii_end(), |before, next| {
        let before = before.iter().rev().find(|byte| !is_space(**byte));
        before.is_none_or(|before| *before == b',') && next.is_some_and(ends_scheme)
    }) || holds(value, word, |before, next| match word.len() < prefix.len() {
        true => next.is_some_and(ends_scheme),
        // Such as `token=`: what comes next is the token, so it has to begin a word.
        false => before.last().is_none_or(|before| !before.is_ascii_alphanumeric()),
    })
}

/// Whether a word stands in the value, in any case, with what comes before it and the byte that
/// comes next as wanted.
fn holds(value: &[u8], word: &str, wanted: impl Fn(&[u8], Option<u8>) -> bool) -> bool {
    (0..value.len()).any(|start| {
        let Some((before, rest)) = value.split_at_checked(start) else { return false };
        let Some((head, after)) = rest.split_at_checked(word.len()) else { return false };
        head.eq_ignore_ascii_case(word.as_bytes()) && wanted(before, after.first().copied())
    })
}

/// Whether a byte may stand between words. Some readers take bytes outside ASCII for white space,
/// as a no-break space.
fn is_space(byte: u8) -> bool {
    !byte.is_ascii_graphic()
}

/// Whether a byte ends the name of a scheme, which is a token (RFC 9110, section 5.6.2). `=` makes a
/// parameter of it.
fn ends_scheme(byte: u8) -> bool {
    !byte.is_ascii_alphanumeric() && !b"!#$%&'*+-.^_`|~=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_token_to_somebody_may_hold_one() {
        let table: [(&str, &[&[u8]]); 5] = [
            (
                BEARER,
                &[
                    b"Bearer t",
                    b"bearer\tt",
                    b"BEARER\x0bt",
                    b"Bearer\xa0t",
                    b"Bearer\xc2\xa0t",
                    b"\tBearer t",
                    b"Bearer Bearer t",
                    b"Bearer: t",
                    b"Bearer\"t\"",
                    b"Basic x,bearer\tt",
                    b"Basic x, \tBearer t",
                    b"Bearer,Bearer t",
                ],
            ),
            ("JWT ", &[b"JWT t", b"jwt\tt", b"Bearer\tt", b"Bearer JWT t", b"xJWT t", b"JWT:t"]),
            ("v1", &[b"v1eyJ", b"Bearer t"]),
            ("token=", &[b"token=t", b"Token=t", b"x token=t", b"x;token=t", b"Bearer t"]),
            ("", &[b"t", b"Basic t"]),
        ];
        for (prefix, values) in table {
            for value in values {
                let shown = value.escape_ascii();
                assert!(may_hold_token(value, prefix), "{shown} with {prefix:?}");
            }
        }
    }

    #[test]
    fn other_schemes_hold_none() {
        let of_others: [&[u8]; 10] = [
            b"",
            b"Bearer",
            b"BearerX t",
            b"Bearer-Of t",
            b"Basic QmVhcmVyIHQ6QmVhcmVyIHQ=",
            b"Digest username=\"Mufasa\", realm=\"api@example.org\", uri=\"/a,b\", bearer=\"x\"",
            b"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
              SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba",
            b"Negotiate YIIZ",
            b"GoogleLogin auth=bearerless",
            b"MAC id=\"h480djs93hd8\", nonce=\"264095:dj83hs9s\"",
        ];
        for value in of_others {
            for prefix in [BEARER, "JWT ", "token=", "Token token="] {
                let shown = value.escape_ascii();
                assert!(!may_hold_token(value, prefix), "{shown} with {prefix:?}");
            }
        }
        assert!(!may_hold_token(b" \t", ""));
    }
}
