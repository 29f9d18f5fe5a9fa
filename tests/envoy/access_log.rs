//! Which decisions an access log can tell of.

use crate::support::gateway::Gateway;
use crate::support::raw::Request;
use egress_auth::demo::echo::Echo;
use serde_json::Value;

const SERVERS: &str = "\
- {name: open, hostname: open.test, authorization: {local: {rules: [{name: anyone}]}}}
- {name: closed, hostname: closed.test, authorization: {local: {rules: []}}}
- {name: tried, hostname: tried.test, authorization: {local: {rules: []}}}
";

/// A collector makes attributes of these without being told what they are.
#[test]
fn opentelemetry_names_are_there_for_the_asking() {
    let echo = Echo::start().unwrap();
    let gateway = Gateway::of_servers(SERVERS).arguments(["--access-log-names", "opentelemetry"]);
    let hosts = ["open.test", "closed.test", "tried.test"];
    let gateway = hosts.iter().fold(gateway, |it, host| it.upstream(host, echo.address()));
    let envoy = gateway.start(1);
    for (host, status, decision) in [
        ("open.test", 200, ["allow", "allowed", "open", "anyone", "authorization"]),
        ("closed.test", 403, ["deny", "no_rule_matched", "closed", "-", "authorization"]),
    ] {
        let request = Request::new("POST", host, "/v1/x?access_token=secret").body("four");
        assert_eq!(request.header("user-agent", host).send(envoy.gateway()).status, status);
        let entry = envoy.logged("user_agent.original", host).unwrap();
        let names = ["decision", "reason", "server", "rule", "mechanism"];
        let decided = names.map(|name| entry[format!("egress_auth.{name}")].as_str().unwrap());
        assert_eq!(decided, decision);
        assert_eq!(entry["http.request.method"], "POST");
        assert_eq!(entry["http.request.header.host"], host);
        assert_eq!(entry["url.path"], "/v1/x");
        assert_eq!(entry["http.response.status_code"], status);
        assert_eq!(entry["client.address"], "127.0.0.1");
    }
}

/// The fields of the decision on one request to each host, after what the client heard.
fn logged(by_default: bool) -> [(u16, Option<String>); 3] {
    let echo = Echo::start().unwrap();
    let gateway = Gateway::of_servers(SERVERS);
    let gateway = if by_default { gateway.by_default() } else { gateway };
    let hosts = ["open.test", "closed.test", "tried.test"];
    let gateway = hosts.iter().fold(gateway, |it, host| it.upstream(host, echo.address()));
    let envoy = gateway.arguments(["--shadow", "tried.test"]).start(1);
    hosts.map(|host| {
        let response = Request::new("GET", host, "/").header("user-agent", host);
        let status = response.send(envoy.gateway()).status;
        let entry = envoy.access_log(host).unwrap();
        let fields = ["decision", "reason", "server", "rule", "mechanism"];
        let values: Option<Vec<&str>> = fields.iter().map(|field| entry[field].as_str()).collect();
        assert!(
            values.is_some() || fields.iter().all(|field| entry[field] == Value::Null),
            "all fields or none: {entry}"
        );
        (status, values.map(|values| values.join(" ")))
    })
}

#[test]
fn denials_are_told_of_always_and_what_is_allowed_on_request() {
    let denied = (403, Some("deny no_rule_matched closed - authorization".to_owned()));
    let tried = (200, Some("allow shadow_no_rule_matched tried - authorization".to_owned()));
    let allowed = |fields: Option<&str>| (200, fields.map(ToOwned::to_owned));
    assert_eq!(logged(true), [allowed(None), denied.clone(), tried.clone()]);
    let all = allowed(Some("allow allowed open anyone authorization"));
    assert_eq!(logged(false), [all, denied, tried]);
}
