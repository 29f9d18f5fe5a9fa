//! What Envoy's RBAC filter decides from the configuration in an EnvoyFilter.

use serde_json::Value;

use super::Asked;
use super::evaluate::{list, matches, plain_path, texts};

/// The configuration of the filter.
pub fn config(envoy_filter: &Value) -> &Value {
    let value = &envoy_filter["spec"]["configPatches"][0]["patch"]["value"];
    assert_eq!(value["name"], "egress_authorization");
    &value["typed_config"]
}

pub fn allows(envoy_filter: &Value, asked: &Asked, claims: Option<&Value>) -> bool {
    let rules = &config(envoy_filter)["rules"];
    assert_eq!(rules["action"], "ALLOW");
    rules["policies"].as_object().unwrap().values().any(|policy| {
        list(&policy["permissions"]).any(|it| permission(it, asked))
            && list(&policy["principals"]).any(|it| principal(it, asked, claims))
    })
}

fn permission(value: &Value, asked: &Asked) -> bool {
    let (kind, value) = only(value);
    match kind {
        "any" => true,
        "and_rules" => list(&value["rules"]).all(|it| permission(it, asked)),
        "or_rules" => list(&value["rules"]).any(|it| permission(it, asked)),
        "not_rule" => !permission(value, asked),
        "url_path" => string(&value["path"], plain_path(asked)),
        "header" => {
            let header = match value["name"].as_str().unwrap() {
                ":authority" => &asked.authority,
                ":method" => &asked.method,
                other => panic!("{other}"),
            };
            string(&value["string_match"], header)
        }
        other => panic!("{other}"),
    }
}

fn principal(value: &Value, asked: &Asked, claims: Option<&Value>) -> bool {
    let (kind, value) = only(value);
    match kind {
        "any" => true,
        "and_ids" => list(&value["ids"]).all(|it| principal(it, asked, claims)),
        "not_id" => !principal(value, asked, claims),
        "authenticated" => {
            asked.source.as_ref().is_some_and(|source| string(&value["principal_name"], source))
        }
        "sourced_metadata" => metadata(&value["metadata_matcher"], claims),
        "metadata" => metadata(value, claims),
        other => panic!("{other}"),
    }
}

fn metadata(matcher: &Value, claims: Option<&Value>) -> bool {
    assert_eq!(matcher["filter"], "envoy.filters.http.jwt_authn");
    assert_eq!(matcher["path"][0]["key"], "payload");
    let name = matcher["path"][1]["key"].as_str().unwrap();
    claims.is_some_and(|claims| value_matches(&matcher["value"], &claims[name]))
}

fn value_matches(matcher: &Value, value: &Value) -> bool {
    let (kind, matcher) = only(matcher);
    match kind {
        "string_match" => value.as_str().is_some_and(|value| string(matcher, value)),
        "or_match" => list(&matcher["value_matchers"]).any(|it| value_matches(it, value)),
        "list_match" => {
            value.is_array() && texts(value).any(|it| value_matches(&matcher["one_of"], &it.into()))
        }
        other => panic!("{other}"),
    }
}

fn string(matcher: &Value, text: &str) -> bool {
    let (kind, value) = only(matcher);
    match kind {
        "exact" => text == value,
        "prefix" => text.starts_with(value.as_str().unwrap()),
        "safe_regex" => matches(value["regex"].as_str().unwrap(), text),
        other => panic!("{other}"),
    }
}

/// The one field of an object.
fn only(value: &Value) -> (&str, &Value) {
    let fields = value.as_object().unwrap();
    assert_eq!(fields.len(), 1, "{value}");
    let (name, value) = fields.iter().next().unwrap();
    (name, value)
}
