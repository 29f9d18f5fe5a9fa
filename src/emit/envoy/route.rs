//! The route table: one virtual host for each hostname. Envoy chooses as the filter does: exact
//! hostnames first, then the longest suffix, then `*`.

use serde_json::{Value, json};

use super::plan::{Plan, Route};
use super::{rule, set};
use crate::compile::model::RouteRule;

/// What filters are told about single hostnames: `typed_per_filter_config` of the virtual host.
pub(super) type PerHost<'a> = &'a dyn Fn(&str) -> Option<Value>;

/// Name of the route table.
pub(super) const NAME: &str = "egress";

/// The route table of the plan. Filters are told what `per_host` says.
pub(super) fn configuration(plan: &Plan, per_host: PerHost<'_>) -> Value {
    let told = |hostname: &str, mut host: Value| {
        if let Some(config) = per_host(hostname) {
            set(&mut host, "typed_per_filter_config", config);
        }
        host
    };
    let routed = plan.routes.iter().map(|route| told(&route.hostname, virtual_host(route)));
    let unrouted = plan.unrouted.iter().map(|name| told(name, nowhere(name, name)));
    let mut hosts: Vec<_> = routed.chain(unrouted).collect();
    // The filter runs before routing ends, so what it denies never gets here; what is left is a
    // host that the filter lets pass and nothing routes.
    if plan.routes.iter().all(|route| route.hostname != "*") {
        hosts.push(told("*", nowhere("no-route", "*")));
    }
    json!({
        "name": NAME,
        "ignore_port_in_host_matching": true,
        // Envoy says `http` there, of the hop to itself; external servers that believe it answer
        // with a redirect to https, for ever.
        "request_headers_to_remove": ["x-forwarded-proto"],
        "virtual_hosts": hosts,
    })
}

/// A hostname whose requests have nowhere to go.
fn nowhere(name: &str, hostname: &str) -> Value {
    json!({
        "name": name,
        "domains": domains(hostname),
        "routes": [{"match": {"prefix": "/"}, "direct_response": {"status": 404}}],
    })
}

fn virtual_host(route: &Route) -> Value {
    let guard = route.entries.iter().any(|entry| entry.rule.as_ref().is_some_and(depends_on_path));
    let guard = guard.then(|| refused(&dot_segment_regex()));
    let joints = route.entries.iter().flat_map(rule::joined_prefixes);
    let guards = guard.into_iter().chain(joints.map(|prefix| refused(&joint_regex(prefix))));
    let routes = route.entries.iter().flat_map(rule::routes);
    json!({
        "name": route.hostname,
        "domains": domains(&route.hostname),
        "routes": guards.chain(routes).collect::<Vec<_>>(),
    })
}

/// Whether a rule goes by the path, or changes it.
fn depends_on_path(rule: &RouteRule) -> bool {
    rule.rewrite_path.is_some() || rule.matches.iter().any(|it| it.path.is_some())
}

/// Paths with dot segments that Envoy does not see and the upstream may: they would lead out of the
/// prefix that a rule matched, or put in its place, though the decision was about the path as it
/// came. What the filter judged by every reading is refused there.
fn refused(regex: &str) -> Value {
    json!({
        "match": {"safe_regex": {"regex": regex}},
        "direct_response": {
            "status": 400,
            "body": {"inline_string": "the path can be read in several ways"},
        },
    })
}

// Parts of a path by whatever reading, in RE2.
const SLASH: &str = r"(?:/|\\|%(?:25)*(?:2[fF]|5[cC]))";
const DOT: &str = r"(?:\.|%(?:25)*2[eE])";
const END: &str = r"(?:[;/\\]|%(?:25)*(?:2[fF]|5[cC]|3[bBfF]|23))";

/// A path with a dot segment: over the whole path.
fn dot_segment_regex() -> String {
    format!("(?:.*{SLASH})?{DOT}{{1,2}}(?:{END}.*)?")
}

/// A path whose rest would become a dot segment behind a slash that is put in place of the prefix.
fn joint_regex(prefix: &str) -> String {
    format!("{}{DOT}{{1,2}}(?:{END}.*)?", regex_syntax::escape(prefix))
}

/// A hostname, also with the dot that names may end in: were it Envoy that took it off, the filter
/// would take off a second one, and judge another host than the one that is routed to.
fn domains(hostname: &str) -> Vec<String> {
    match hostname == "*" || hostname.ends_with(']') {
        true => vec![hostname.to_owned()],
        false => vec![hostname.to_owned(), format!("{hostname}.")],
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn dot_segments_are_found_by_every_reading_and_nothing_else_is() {
        let regex = format!("^(?:{})$", super::dot_segment_regex());
        let regex = regex::Regex::new(&regex).unwrap();
        for path in [
            "/a/..%2fb",
            "/a/%2e%2E%2Fb",
            "/a%2f../b",
            "/a/.%2e/b",
            "/a/..;x/b",
            "/a/..%3bx/b",
            "/a/..%253bx/b",
            "/a/%252e%252e%252fb",
            "/a\\..\\b",
            "/a%5c..%5cb",
            "/a/..",
            "/a%2f..",
            "/a/.%2fb",
            "/a/..%3fb",
        ] {
            assert!(regex.is_match(path), "{path}");
        }
        for path in [
            "/",
            "/a/b",
            "/@scope%2fpackage",
            "/.well-known/x",
            "/compare/main...feature",
            "/a..b/c",
            "/a/..b",
            "/a/b..",
            "/a/.../b",
            "/v1;p=1/x",
            "/a%20b/%C3%A9",
        ] {
            assert!(!regex.is_match(path), "{path}");
        }
    }
}
