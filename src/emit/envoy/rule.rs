//! Routing rules of a server as routes of Envoy.
//!
//! Envoy runs its filters before it follows a route, so whatever a rule changes is changed after
//! the decision, which is about the request as it came.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::plan::{Entry, To};
use super::set;
use crate::compile::model::routing::{HeaderChanges, Redirect, Retries, RouteMatch, TextMatch};
use crate::compile::model::{RouteAction, RouteRule};

/// The routes of an entry, in order.
pub(super) fn routes(entry: &Entry) -> Vec<Value> {
    let everything = [RouteMatch::default()];
    let matches = match &entry.rule {
        Some(rule) if !rule.matches.is_empty() => rule.matches.as_slice(),
        _ => &everything,
    };
    let rewrite = entry.rule.as_ref().and_then(|rule| rule.rewrite_path.as_deref());
    let routes = matches.iter().flat_map(|one| {
        rewrites(one.path.as_ref(), rewrite).into_iter().map(|(path, to)| {
            let mut criteria = path;
            if !one.headers.is_empty() {
                let headers: Vec<_> = one.headers.iter().map(header_matcher).collect();
                set(&mut criteria, "headers", headers);
            }
            route(entry, criteria, to.as_deref())
        })
    });
    routes.collect()
}

/// Prefixes that may end within a segment, for which a path is put that ends in a slash: what follows
/// them begins a segment only then.
pub(super) fn joined_prefixes(entry: &Entry) -> impl Iterator<Item = &str> {
    let rule = entry.rule.as_ref();
    let rule = rule.filter(|it| it.rewrite_path.as_ref().is_some_and(|to| to.ends_with('/')));
    let matches = rule.into_iter().flat_map(|rule| &rule.matches);
    matches.filter_map(|one| match &one.path {
        Some(TextMatch::Prefix(prefix)) if !prefix.ends_with('/') => Some(prefix.as_str()),
        _ => None,
    })
}

/// Matchers of paths, each with what Envoy puts in place of what it matches. A prefix is replaced
/// up to a slash: `/v1` in place of `/` makes `/v1/a` of `/a`, as `/v1/` does.
fn rewrites(path: Option<&TextMatch>, rewrite: Option<&str>) -> Vec<(Value, Option<String>)> {
    let prefix = match path {
        None => "/",
        Some(TextMatch::Prefix(prefix)) => prefix.as_str(),
        Some(TextMatch::Exact(path)) => {
            return vec![(json!({"path": path}), rewrite.map(str::to_owned))];
        }
        Some(TextMatch::Regex(regex)) => {
            let criteria = json!({"safe_regex": {"regex": regex}});
            return vec![(criteria, rewrite.map(str::to_owned))];
        }
    };
    let whole = |to: Option<&str>| (json!({"prefix": prefix}), to.map(str::to_owned));
    let Some(to) = rewrite else { return vec![whole(None)] };
    match (prefix.ends_with('/'), to.ends_with('/')) {
        (true, false) => {
            vec![(json!({"path": prefix}), Some(to.to_owned())), whole(Some(&format!("{to}/")))]
        }
        (false, true) => {
            vec![(json!({"prefix": format!("{prefix}/")}), Some(to.to_owned())), whole(Some(to))]
        }
        _ => vec![whole(Some(to))],
    }
}

fn text_matcher(text: &TextMatch) -> Value {
    match text {
        TextMatch::Exact(text) => json!({"exact": text}),
        TextMatch::Prefix(text) => json!({"prefix": text}),
        TextMatch::Regex(regex) => json!({"safe_regex": {"regex": regex}}),
    }
}

fn header_matcher((name, text): &(String, TextMatch)) -> Value {
    json!({"name": name, "string_match": text_matcher(text)})
}

fn route(entry: &Entry, criteria: Value, rewrite: Option<&str>) -> Value {
    let mut route = json!({"match": criteria});
    let rule = entry.rule.as_ref();
    match (&entry.to, rule.map(|rule| &rule.action)) {
        (To::Cluster { name, host_rewrite }, _) => {
            set(&mut route, "route", forward(name, host_rewrite.as_deref(), rewrite, rule));
        }
        (To::Client, Some(RouteAction::Redirect(redirect))) => {
            set(&mut route, "redirect", redirection(redirect));
        }
        (To::Client, Some(RouteAction::Respond { status, body })) => {
            set(&mut route, "direct_response", response(*status, body));
        }
        // A rule that sends nothing on is one of these.
        (To::Client, _) => set(&mut route, "direct_response", json!({"status": 404})),
    }
    if let Some(rule) = rule {
        change_headers(&mut route, "request", &rule.request_headers);
        change_headers(&mut route, "response", &rule.response_headers);
    }
    route
}

fn forward(
    cluster: &str,
    host_rewrite: Option<&str>,
    rewrite: Option<&str>,
    rule: Option<&RouteRule>,
) -> Value {
    // Answers of external APIs may take long or never end (downloads, event streams): the idle
    // time-out of the stream bounds them, unless the Gateway says otherwise.
    let timeout = rule.and_then(|rule| rule.timeout).unwrap_or_default();
    let mut action = json!({"cluster": cluster, "timeout": seconds(timeout)});
    if let Some(host) = host_rewrite {
        set(&mut action, "host_rewrite_literal", host);
    }
    if let Some(path) = rewrite {
        set(&mut action, "prefix_rewrite", path);
    }
    if let Some(retries) = rule.and_then(|rule| rule.retries.as_ref()) {
        set(&mut action, "retry_policy", retry_policy(retries));
    }
    action
}

fn retry_policy(retries: &Retries) -> Value {
    let mut policy = json!({
        "retry_on": retries.conditions.join(","),
        "num_retries": retries.attempts,
    });
    if let Some(timeout) = retries.per_try_timeout {
        set(&mut policy, "per_try_timeout", seconds(timeout));
    }
    if !retries.statuses.is_empty() {
        set(&mut policy, "retriable_status_codes", json!(retries.statuses));
    }
    if let Some((base, longest)) = retries.back_off {
        let mut back_off = json!({"base_interval": seconds(base)});
        if let Some(longest) = longest {
            set(&mut back_off, "max_interval", seconds(longest));
        }
        set(&mut policy, "retry_back_off", back_off);
    }
    policy
}

fn redirection(redirect: &Redirect) -> Value {
    let code = match redirect.code {
        302 => "FOUND",
        303 => "SEE_OTHER",
        307 => "TEMPORARY_REDIRECT",
        308 => "PERMANENT_REDIRECT",
        _ => "MOVED_PERMANENTLY",
    };
    let mut value = json!({"response_code": code});
    if let Some(host) = &redirect.host {
        set(&mut value, "host_redirect", host.as_str());
    }
    if let Some(port) = redirect.port {
        set(&mut value, "port_redirect", port);
    }
    if let Some(scheme) = &redirect.scheme {
        set(&mut value, "scheme_redirect", scheme.as_str());
    }
    if let Some(path) = &redirect.path {
        set(&mut value, "path_redirect", path.as_str());
    }
    value
}

fn response(status: u16, body: &[u8]) -> Value {
    let mut value = json!({"status": status});
    match std::str::from_utf8(body) {
        Ok("") => {}
        Ok(text) => set(&mut value, "body", json!({"inline_string": text})),
        Err(_) => {
            let bytes = BASE64_STANDARD.encode(body);
            set(&mut value, "body", json!({"inline_bytes": bytes}));
        }
    }
    value
}

fn change_headers(route: &mut Value, of: &str, changes: &HeaderChanges) {
    let written = |list: &[(String, String)], action: &'static str| {
        let option = move |(name, text): &(String, String)| {
            json!({
                // A sign of percent begins what Envoy would put something in place of.
                "header": {"key": name, "value": text.replace('%', "%%")},
                "append_action": action,
                "keep_empty_value": true,
            })
        };
        list.iter().map(option).collect::<Vec<_>>()
    };
    let mut options = written(&changes.set, "OVERWRITE_IF_EXISTS_OR_ADD");
    options.extend(written(&changes.add, "APPEND_IF_EXISTS_OR_ADD"));
    if !options.is_empty() {
        set(route, &format!("{of}_headers_to_add"), options);
    }
    if !changes.remove.is_empty() {
        set(route, &format!("{of}_headers_to_remove"), json!(changes.remove));
    }
}

/// A span of time as Protocol Buffers write it in JSON.
fn seconds(duration: Duration) -> String {
    let (whole, nanoseconds) = (duration.as_secs(), duration.subsec_nanos());
    match nanoseconds {
        0 => format!("{whole}s"),
        _ => format!("{whole}.{}s", format!("{nanoseconds:09}").trim_end_matches('0')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Envoy makes of a path with these matchers: the first prefix or path that matches.
    fn rewritten(prefix: &str, to: &str, path: &str) -> Option<String> {
        let criteria = TextMatch::Prefix(prefix.to_owned());
        let routes = rewrites(Some(&criteria), Some(to));
        routes.into_iter().find_map(|(criteria, to)| {
            let to = to.unwrap();
            match (criteria["path"].as_str(), criteria["prefix"].as_str()) {
                (Some(whole), _) => (path == whole).then_some(to),
                (_, Some(prefix)) => path.strip_prefix(prefix).map(|rest| format!("{to}{rest}")),
                _ => None,
            }
        })
    }

    #[test]
    fn a_prefix_is_replaced_up_to_a_slash() {
        for (prefix, to, path, expected) in [
            ("/", "/v2", "/", Some("/v2")),
            ("/", "/v2", "/a", Some("/v2/a")),
            ("/", "/v2/", "/a", Some("/v2/a")),
            ("/v1", "/v2", "/v1/a", Some("/v2/a")),
            ("/v1", "/v2", "/v1", Some("/v2")),
            ("/v1", "/v2", "/v1x", Some("/v2x")),
            ("/v1", "/", "/v1/a", Some("/a")),
            ("/v1", "/", "/v1", Some("/")),
            ("/v1/", "/v2", "/v1/a", Some("/v2/a")),
            ("/v1/", "/", "/v1/a", Some("/a")),
            ("/v1", "/v2", "/a", None),
        ] {
            let found = rewritten(prefix, to, path);
            assert_eq!(found.as_deref(), expected, "{prefix} to {to}: {path}");
        }
    }

    #[test]
    fn spans_of_time_are_written_in_seconds() {
        for (duration, text) in [
            (Duration::ZERO, "0s"),
            (Duration::from_secs(90), "90s"),
            (Duration::from_millis(1_500), "1.5s"),
            (Duration::from_nanos(1), "0.000000001s"),
        ] {
            assert_eq!(seconds(duration), text);
        }
    }
}
