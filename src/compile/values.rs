//! Values that can never match, or that mean something else than they seem to. Only what is certain
//! is said: a value is compared as it is written.

use super::Compiler;
use crate::policy::text_pattern::TextPattern;
use crate::resource::gateway::{JwtRule, Text};
use crate::resource::tree::Node;
use crate::resource::warning::Warning;

/// What stands in a text for something that somebody or something else should have filled in.
pub(super) fn placeholder(text: &str) -> Option<&str> {
    const DELIMITERS: [(&str, &str); 6] =
        [("${", "}"), ("$(", ")"), ("{{", "}}"), ("<%", "%>"), ("{", "}"), ("<", ">")];
    DELIMITERS
        .into_iter()
        .find_map(|(open, close)| {
            let start = text.find(open)?;
            let inner = text.get(start.saturating_add(open.len())..)?;
            let end = inner.find(close)?;
            let whole = open.len().saturating_add(end).saturating_add(close.len());
            let found = text.get(start..start.saturating_add(whole))?;
            is_name(inner.get(..end)?.trim_start_matches('=')).then_some(found)
        })
        .or_else(|| variable(text))
}

/// A variable without delimiters, as `$NAME` of a shell and `%NAME%` of Windows. Whoever means the
/// sign itself hardly has a name in capitals behind it.
fn variable(text: &str) -> Option<&str> {
    ['$', '%'].into_iter().find_map(|sign| {
        let start = text.find(sign)?;
        let rest = text.get(start.saturating_add(1)..)?;
        let in_name = |it: char| it.is_ascii_uppercase() || it.is_ascii_digit() || it == '_';
        let end = rest.find(|it| !in_name(it)).unwrap_or(rest.len());
        let (name, after) = rest.split_at_checked(end)?;
        let capitals = name.starts_with(|first: char| first.is_ascii_uppercase()) && end > 2;
        let length = match sign {
            '%' if after.starts_with('%') => end.saturating_add(2),
            '$' if !after.starts_with(|next: char| next.is_ascii_lowercase()) => {
                end.saturating_add(1)
            }
            _ => return None,
        };
        text.get(start..start.saturating_add(length)).filter(|_| capitals)
    })
}

/// Whether a text is what stands between the signs of a placeholder: `tenantid`, ` .Values.x `,
/// `VAR:-default`.
fn is_name(text: &str) -> bool {
    let name = text.trim();
    name.starts_with(|first: char| first.is_ascii_alphabetic() || "._".contains(first))
        && name.chars().all(|it| it.is_ascii_alphanumeric() || " ._-:|\"'/".contains(it))
}

/// Why no value can equal a text, if that is certain, and what to do.
pub type Never = Option<(String, &'static str)>;

fn never(text: &str) -> Never {
    if let Some(placeholder) = placeholder(text) {
        let why = format!("`{}` was never filled in", placeholder.escape_debug());
        return Some((why, "fill it in: values are compared as they are written"));
    }
    if text.contains(char::is_control) {
        let why = "it holds a line break or another control character".to_owned();
        return Some((why, "write it on one line, without a block scalar (`|`)"));
    }
    if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
        return Some(("it begins or ends with a space".to_owned(), "remove the space"));
    }
    None
}

/// The same for what is compared as a whole.
fn never_exact(text: &str, each: &'static str) -> Never {
    let expression =
        || is_expression(text).then(|| ("it is no regular expression here".to_owned(), each));
    let star = || text.contains('*').then(|| ("`*` stands for itself in it".to_owned(), each));
    never(text).or_else(expression).or_else(star)
}

/// The same for a pattern of a claim.
pub fn never_pattern(text: &str) -> Never {
    if let Some(found) = never(text) {
        return Some(found);
    }
    let inner = match TextPattern::parse(text) {
        TextPattern::Exact(inner)
        | TextPattern::Prefix(inner)
        | TextPattern::Suffix(inner)
        | TextPattern::Contains(inner) => inner,
        TextPattern::Present => return None,
    };
    if is_expression(text) {
        let why = "it is no regular expression here".to_owned();
        return Some((
            why,
            "write the text itself, `prefix*`, `*suffix` or `*part*`, once for each",
        ));
    }
    inner.contains('*').then(|| {
        let why = "a `*` inside it stands for itself".to_owned();
        (why, "`*` stands for other characters at the beginning and at the end alone")
    })
}

/// Where the tenants of Entra ask for tokens, whatever tenant is theirs; tokens name that.
fn of_many_tenants(issuer: &str) -> Never {
    let rest = issuer.strip_prefix("https://login.microsoftonline.com/")?;
    let name = rest
        .split('/')
        .next()
        .filter(|it| ["common", "organizations", "consumers"].contains(it))?;
    let why = format!("`{name}` is where tokens are asked for, and no tenant");
    Some((why, "write the tenant's ID in its place, in one JWT rule for each tenant"))
}

/// Whether a text has what only regular expressions have.
fn is_expression(text: &str) -> bool {
    let alternatives = text
        .split_once('(')
        .and_then(|(_, rest)| rest.split_once(')'))
        .is_some_and(|(inner, _)| inner.contains('|'));
    text == ".+"
        || (text.starts_with('^') && text.len() > 1)
        || (text.ends_with('$') && text.len() > 1)
        || alternatives
        || ["\\d", "\\w", "\\.", "]+", "]*", "(?", "[a-z]", "[A-Z]", "[0-9]"]
            .iter()
            .any(|part| text.contains(part))
}

impl<'a> Compiler<'a, '_> {
    /// Warns of what a JWT rule never matches, and of keys that are not where it looks for them.
    pub(super) fn warn_of_values(&mut self, rule: JwtRule<'a>) {
        if let Some(issuer) = rule.issuer() {
            let each = "issuers are compared exactly: write one JWT rule for each";
            let found = of_many_tenants(issuer.text).or_else(|| never_exact(issuer.text, each));
            self.warn_of_never("no token has the issuer", issuer, found);
        }
        for audience in rule.audiences() {
            let each = "audiences are compared exactly: list each";
            let found = never_exact(audience.text, each);
            self.warn_of_never("no token is for the audience", audience, found);
        }
        if let Some(uri) = rule.jwks_uri() {
            self.warn_of_no_jwks(uri);
        }
    }

    /// Warns of patterns of a principal that never match. `jwt` is that of an entry of `from`.
    pub(super) fn warn_of_patterns(&mut self, jwt: Node<'a>) {
        let own = ["iss", "sub"].into_iter().filter_map(|name| Some((name, jwt.get(name)?)));
        let others = jwt.get("other").into_iter().flat_map(Node::entries);
        let others = others.filter_map(|(name, value)| Some((name.scalar_text()?, value)));
        for (claim, node) in own.chain(others) {
            let Some(text) = node.string() else { continue };
            if text == ".*" {
                let message = format!(
                    "`.*` fits only values of `{}` that begin with a dot",
                    claim.escape_debug()
                );
                let hint = "it is no regular expression here: `*` alone stands for any value";
                self.warn(Warning::ValueNeverMatches, node, message, hint);
                continue;
            }
            let what = format!("no value of `{}` fits", claim.escape_debug());
            self.warn_of_never(&what, Text { text, node }, never_pattern(text));
        }
    }

    fn warn_of_never(&mut self, what: &str, value: Text<'a>, found: Never) {
        if let Some((why, hint)) = found {
            let message = format!("{what} `{}`: {why}", value.text.escape_debug());
            self.warn(Warning::ValueNeverMatches, value.node, message, hint);
        }
    }

    /// Warns of a `jwksUri` at which something else than keys is known to be.
    fn warn_of_no_jwks(&mut self, uri: Text<'a>) {
        const GOOGLE: &str = "https://www.googleapis.com/";
        const DISCOVERY: [&str; 2] =
            ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];
        let path = uri.text.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        // Google's maps of certificates, for which it has the same keys as a JWKS elsewhere.
        let keys = match path.strip_prefix(GOOGLE) {
            Some("oauth2/v1/certs") => Some("oauth2/v3/certs".to_owned()),
            Some(rest) => rest
                .strip_prefix("robot/v1/metadata/x509/")
                .map(|account| format!("service_accounts/v1/jwk/{account}")),
            None => None,
        };
        let (message, hint) = if DISCOVERY.iter().any(|end| path.ends_with(end)) {
            (
                "this is the issuer's discovery document, and not its keys",
                "write the URI that it gives as `jwks_uri`, or leave `jwksUri` out and compile with \
                 --discover"
                    .to_owned(),
            )
        } else if let Some(keys) = keys {
            let hint = format!("write `{GOOGLE}{keys}`, which has the same keys");
            ("this is a map of certificates, and not a JWKS", hint)
        } else if [".pem", ".crt", ".cer"].iter().any(|end| path.ends_with(end)) {
            let hint = "write where the issuer has its keys as a JWKS (RFC 7517)".to_owned();
            ("this is a certificate, and not a JWKS", hint)
        } else {
            return;
        };
        self.warn(Warning::NotAJwks, uri.node, message, hint);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_filled_in_is_known_and_nothing_else_is() {
        for (text, found) in [
            ("https://login.microsoftonline.com/{tenantid}/v2.0", Some("{tenantid}")),
            ("https://${KEYCLOAK_HOST}/realms/shop", Some("${KEYCLOAK_HOST}")),
            ("${HOST:-localhost}", Some("${HOST:-localhost}")),
            ("$(AUDIENCE)", Some("$(AUDIENCE)")),
            ("{{ .Values.audience }}", Some("{{ .Values.audience }}")),
            ("https://<your-tenant>.auth0.com/", Some("<your-tenant>")),
            ("https://$KEYCLOAK_HOST/realms/shop", Some("$KEYCLOAK_HOST")),
            ("$AUDIENCE", Some("$AUDIENCE")),
            ("%AUDIENCE%", Some("%AUDIENCE%")),
            ("<%= audience %>", Some("<%= audience %>")),
            ("a$B", None),
            ("100%", None),
            ("%2FABC%2F", None),
            ("$Default", None),
            ("api://72f988bf-86f1-41af-91ab-2d7cd011db47", None),
            ("{\"a\": 1}", None),
            ("/v1/{*}/{**}", None),
            ("{}", None),
        ] {
            assert_eq!(placeholder(text), found, "{text}");
        }
    }

    #[test]
    fn patterns_that_are_none_are_known_and_nothing_else_is() {
        for text in [
            "a*b",
            "*a*b*",
            ".*@a.test",
            "^admin$",
            "(a|b)",
            "ro(le|ute)",
            "[a-z]+",
            "\\d+",
            " a",
            "a\n",
            "spiffe://*/ns/shop",
            ".+",
            "team-[a-z]",
        ] {
            assert!(never_pattern(text).is_some(), "{text}");
        }
        for text in [
            "*",
            "a",
            "a*",
            "*a",
            "*a*",
            "system:serviceaccount:shop:*",
            "com.example.*",
            ".*",
            "a (b)",
            "$",
            "a|b",
            "[x]",
        ] {
            assert_eq!(never_pattern(text), None, "{text}");
        }
    }
}
