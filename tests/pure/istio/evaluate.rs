//! What Istio decides from RequestAuthentication and AuthorizationPolicy, as its control plane
//! translates them for Envoy.

use std::cell::RefCell;
use std::collections::HashMap;

use regex::Regex;
use serde_json::Value;

use super::{Asked, envoy_rbac};

/// Whether requests pass all objects.
pub fn allows(objects: &[Value], asked: &Asked) -> bool {
    let of_kind = |kind: &'static str| objects.iter().filter(move |object| object["kind"] == kind);
    let Ok(claims) = authenticate(of_kind("RequestAuthentication"), asked) else { return false };
    let mut policies = of_kind("AuthorizationPolicy").peekable();
    let admitted = policies.peek().is_none()
        || policies.any(|policy| {
            assert_eq!(policy["spec"]["action"], "ALLOW");
            list(&policy["spec"]["rules"]).any(|rule| admits(rule, asked, claims.as_ref()))
        });
    admitted
        && of_kind("EnvoyFilter").all(|filter| envoy_rbac::allows(filter, asked, claims.as_ref()))
}

/// Whether Istio refuses the token, which it looks at whatever the host.
pub fn refuses_token(objects: &[Value], asked: &Asked) -> bool {
    authenticate(objects.iter().filter(|it| it["kind"] == "RequestAuthentication"), asked).is_err()
}

/// The claims of an accepted token, if there is one; an error for one that is not accepted.
fn authenticate<'o>(
    objects: impl Iterator<Item = &'o Value>,
    asked: &Asked,
) -> Result<Option<Value>, ()> {
    let rules: Vec<_> = objects.flat_map(|object| list(&object["spec"]["jwtRules"])).collect();
    let Some(claims) = asked.claims.as_ref().filter(|_| !rules.is_empty()) else {
        return Ok(None);
    };
    let accepted = rules.iter().any(|rule| {
        let audiences: Vec<_> = strings(&rule["audiences"]).map(plain_audience).collect();
        rule["issuer"] == claims["iss"]
            && (audiences.is_empty()
                || texts(&claims["aud"]).any(|it| audiences.contains(&plain_audience(it))))
    });
    accepted.then(|| Some(with_words(claims))).ok_or(())
}

/// Envoy compares audiences without their scheme and last slash.
fn plain_audience(audience: &str) -> &str {
    let audience = audience.strip_prefix("https://").unwrap_or(audience);
    let audience = audience.strip_prefix("http://").unwrap_or(audience);
    audience.strip_suffix('/').unwrap_or(audience)
}

/// Istio has these claims taken apart into words.
fn with_words(claims: &Value) -> Value {
    let mut claims = claims.clone();
    for name in ["scope", "permission"] {
        if let Some(Value::String(text)) = claims.get(name) {
            claims[name] = text.split(' ').map(str::to_owned).collect::<Vec<_>>().into();
        }
    }
    claims
}

fn admits(rule: &Value, asked: &Asked, claims: Option<&Value>) -> bool {
    assert!(rule.get("from").is_none(), "sources are not what these policies go by");
    let to = rule.get("to").is_none_or(|to| {
        list(to).any(|to| {
            let operation = &to["operation"];
            let field = |name: &str, not: &str, matches: &dyn Fn(&str) -> bool| {
                operation.get(name).is_none_or(|values| strings(values).any(matches))
                    && !operation.get(not).is_some_and(|values| strings(values).any(matches))
            };
            field("hosts", "notHosts", &|host| {
                text(&host.to_lowercase(), &asked.authority.to_lowercase())
            }) && field("methods", "notMethods", &|method| text(method, &asked.method))
                && field("paths", "notPaths", &|pattern| path(pattern, plain_path(asked)))
        })
    });
    to && list(&rule["when"]).all(|when| {
        let key = when["key"].as_str().unwrap().strip_prefix("request.auth.claims").unwrap();
        let value = claims.and_then(|claims| claim(claims, key));
        let matches = |pattern: &str| {
            value.is_some_and(|value| texts(value).any(|value| text(pattern, value)))
        };
        when.get("values").is_none_or(|values| strings(values).any(matches))
            && !when.get("notValues").is_some_and(|values| strings(values).any(matches))
    })
}

/// The path without query and fragment.
pub fn plain_path(asked: &Asked) -> &str {
    asked.path.split(['?', '#']).next().unwrap()
}

/// A claim by `[name]` or `[outer][inner]`.
fn claim<'c>(claims: &'c Value, key: &str) -> Option<&'c Value> {
    let inner = key.strip_prefix('[').unwrap().strip_suffix(']').unwrap();
    inner.split("][").try_fold(claims, |value, name| value.as_object()?.get(name))
}

/// Istio's string match.
fn text(pattern: &str, value: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(""), _) => !value.is_empty(),
        (Some(suffix), _) => value.ends_with(suffix),
        (None, Some(prefix)) => value.starts_with(prefix),
        (None, None) => value == pattern,
    }
}

/// Istio's match of paths: templates are Envoy's URI templates.
pub fn path(pattern: &str, path: &str) -> bool {
    const LITERAL: &str = "a-zA-Z0-9-._~%!$&'()+,;:@=";
    if !pattern.contains("{*}") && !pattern.contains("{**}") {
        return text(pattern, path);
    }
    let escaped = regex::escape(pattern);
    let any = escaped.replace(r"\{\*\*\}", &format!("[{LITERAL}/]*"));
    matches(&any.replace(r"\{\*\}", &format!("[{LITERAL}]+")), path)
}

/// RE2's full match.
pub fn matches(regex: &str, value: &str) -> bool {
    thread_local! {
        static COMPILED: RefCell<HashMap<String, Regex>> = RefCell::default();
    }
    COMPILED.with_borrow_mut(|compiled| {
        let compile = || Regex::new(&format!("^(?:{regex})$")).unwrap();
        compiled.entry(regex.to_owned()).or_insert_with(compile).is_match(value)
    })
}

/// A string, or the strings of a list.
pub fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value.as_str().into_iter().chain(strings(value))
}

fn strings(value: &Value) -> impl Iterator<Item = &str> {
    list(value).filter_map(Value::as_str)
}

pub fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[test]
fn text_and_paths_match_as_istio_documents() {
    for (pattern, value, expected) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("a*", "ab", true),
        ("*b", "ab", true),
        ("*b", "ba", false),
        ("*", "x", true),
        ("*", "", false),
        ("/a/{*}", "/a/b", true),
        ("/a/{*}", "/a/b/c", false),
        ("/a/{*}", "/a/", false),
        ("/a/{**}/c", "/a/b/b/c", true),
        ("/a/{**}/c", "/a/c", false),
        ("/a.b/{*}", "/axb/c", false),
    ] {
        assert_eq!(path(pattern, value), expected, "{pattern} {value}");
    }
}
