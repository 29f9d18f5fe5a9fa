//! Keys and passwords that people write into documents, and that must not end up in the log of a
//! build because there is a mistake beside them.

use std::borrow::Cow;

/// Members of a JSON Web Key that are secret (RFC 7518, sections 6.2.2, 6.3.2 and 6.4.1; RFC 8037).
const SECRET_MEMBERS: [&str; 7] = ["k", "d", "p", "q", "dp", "dq", "qi"];
/// Fields and headers with a secret behind them, by the last word of their name.
const SECRET_NAMES: [&str; 5] = ["token", "authorization", "cookie", "secret", "password"];
/// As many characters without a break, capitals and others among them, are taken for a key: 32 bytes,
/// the least of a shared secret, are 43 in base64url. Names in Kubernetes have no capitals.
const KEY_CHARACTERS: usize = 40;

/// Whether a line may hold one: what cannot be told apart from one counts.
pub fn may_be_in(line: &str) -> bool {
    holds_member(line) || holds_parameter(line) || matches!(masked(line), Cow::Owned(_))
}

/// A text without what may be one.
pub fn masked(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    for piece in text.split_inclusive(|c: char| !is_of_key(c)) {
        let word = piece.trim_end_matches(|c: char| !is_of_key(c));
        out.push_str(if is_like_a_key(word) { "..." } else { word });
        out.extend(piece.strip_prefix(word));
    }
    let out = without_user_info(&out);
    if out == text { Cow::Borrowed(text) } else { Cow::Owned(out) }
}

fn is_like_a_key(word: &str) -> bool {
    let has = |wanted: fn(&u8) -> bool| word.as_bytes().iter().any(wanted);
    word.len() >= KEY_CHARACTERS
        && has(u8::is_ascii_uppercase)
        && has(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

fn is_of_key(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-_+=".contains(character)
}

/// A text whose URLs say nothing before an `@` (RFC 3986, section 3.2.1).
fn without_user_info(text: &str) -> String {
    let mut parts = text.split("://");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("://");
        let authority = part.split(['/', '"', '\'', ' ']).next().unwrap_or_default();
        match authority.rfind('@').and_then(|at| part.get(at..)) {
            Some(rest) => {
                out.push_str("...");
                out.push_str(rest);
            }
            None => out.push_str(part),
        }
    }
    out
}

/// Whether a line has a secret member, in JSON or YAML, however it is quoted.
fn holds_member(line: &str) -> bool {
    line.match_indices(':').any(|(at, _)| {
        let (before, after) = line.split_at(at);
        let name = before.trim_end().trim_end_matches(['"', '\'', '\\']);
        let name = name.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        let is_of = |names: &[&str]| names.iter().any(|it| it.eq_ignore_ascii_case(name));
        // Fields of a Gateway have such names too, with a map or a list behind them.
        let text = after.trim_start_matches(':').trim_start();
        is_of(&SECRET_MEMBERS)
            || (is_of(&SECRET_NAMES) && !text.is_empty() && !text.starts_with(['{', '[']))
    })
}

/// Whether a line has a token in the query of a URL (RFC 6750, section 2.3), which may have any name
/// where a policy says so. A request is one also where its method or scheme is missing.
fn holds_parameter(line: &str) -> bool {
    let query = |(before, query): (&str, &str)| {
        query.contains('=') && (before.contains("://") || before.contains("request"))
    };
    line.to_ascii_lowercase().contains("access_token=") || line.split_once('?').is_some_and(query)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "U0VDUkVUU0VDUkVUU0VDUkVUU0VDUkVUU0VDUkVUU0U";

    #[test]
    fn lines_with_keys_are_known_however_they_are_written() {
        for line in [
            "jwks: {keys: [{kty: oct, k: short}]}",
            "- {kty: oct, k: short}",
            "  k: short",
            "  \"K\" : \"short\"",
            r#"jwks: "{\"keys\": [{\"d\": \"short\"}]}""#,
            "jwks: '{\"keys\": [{\"qi\":\"short\"}]}'",
            "jwksUri: https://user:password@auth.test/keys",
            "request: GET https://api.test/v1?access_token=short",
            "request: \"GET ftp://api.test/v1?tok=short\"",
            "- {name: n, request: api.test/v1?tok=short, expect: {foo: 1}}",
            "    token: short",
            "headers: {authorization: \"Bearer short\"}",
            "  x-mesh-token: short",
        ] {
            assert!(may_be_in(line), "{line}");
        }
        for around in [["jwks: ", ""], ["\"\\u006b\":\"", "\""], ["- [", "]"]] {
            assert!(may_be_in(&around.join(KEY)), "{around:?}");
        }
    }

    #[test]
    fn other_lines_are_quoted() {
        for line in [
            "jwksUri: https://auth.example.com/.well-known/jwks.json",
            "          audiences: [egress]",
            "- jwt: {iss: https://auth.example.com, sub: payments-service@example.com}",
            "host: spiffe://cluster.local/ns/payments/sa/api",
            "paths: [\"/v1/payments/{*}/refunds\", \"/v1/*\"]",
            "paths: [\"/v1/payments?page=1\"]",
            "fromHeaders: [{name: x-mesh-token, prefix: \"Bearer \"}]",
            "requireJwt: false",
            "authorization: {local: {rules: []}}",
            "      authorization:",
            "- name: payments-service-production-eu-west-1-egress-gateway-of-the-mesh",
            "tsb.tetrate.io/workspace: a, id: 123e4567-e89b-12d3-a456-426614174000",
        ] {
            assert!(!may_be_in(line), "{line}");
        }
    }

    #[test]
    fn messages_lose_keys_and_passwords_alone() {
        assert_eq!(masked(&format!("`{KEY}` is no key, é")), "`...` is no key, é");
        assert_eq!(masked("`https://u:p@a.test/x` and a@b"), "`https://...@a.test/x` and a@b");
        assert_eq!(masked("nothing here"), "nothing here");
        assert_eq!(masked(""), "");
    }
}
