//! The route table: one virtual host for each hostname. Envoy chooses as the filter does: exact
//! hostnames first, then the longest suffix, then `*`.

use serde_json::{Value, json};

use super::set;
use super::upstream::{Plan, Route};

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
    // Answers of external APIs may take long or never end (downloads, event streams): the idle
    // time-out of the stream bounds them instead.
    let mut action = json!({"cluster": route.cluster, "timeout": "0s"});
    if let Some(host) = &route.host_rewrite {
        set(&mut action, "host_rewrite_literal", host.as_str());
    }
    json!({
        "name": route.hostname,
        "domains": domains(&route.hostname),
        "routes": [{"match": {"prefix": "/"}, "route": action}],
    })
}

/// A hostname, also with the dot that names may end in: were it Envoy that took it off, the filter
/// would take off a second one, and judge another host than the one that is routed to.
fn domains(hostname: &str) -> Vec<String> {
    match hostname == "*" || hostname.ends_with(']') {
        true => vec![hostname.to_owned()],
        false => vec![hostname.to_owned(), format!("{hostname}.")],
    }
}
