//! What one request costs in calls between Envoy and the module, call by call: each takes a fair
//! share of what the filter costs at all. Envoy itself reports them, in its trace log.

use std::collections::BTreeMap;

use egress_auth::demo::echo::Echo;
use serde::Deserialize;
use serde_json::json;

use crate::support::envoy::Envoy;
use crate::support::eventually;
use crate::support::gateway::Gateway;
use crate::support::keys;
use crate::support::raw::Request;
use crate::support::token::Recipe;

/// The one place for the numbers.
const TABLE: &str = include_str!("../tables/host_calls.yaml");

/// Calls in their order.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Calls {
    /// From Envoy into the module; the same several times in a row stands once.
    callbacks: Vec<String>,
    /// From the module to Envoy.
    calls: Vec<String>,
}

/// Keys that the document holds itself: nothing is fetched, so nothing ticks in between.
fn gateway(echo: &Echo) -> Gateway {
    let jwks = keys::jwks(&[keys::jwk(keys::Signer::Issuer, "RS256")]);
    let server = |host: &str, output: &str| {
        format!(
            "- name: {host}\n  hostname: {host}\n  trafficMode: EGRESS\n  \
               routing: {{rules: [{{route: {{serviceDestination: {{host: egress/{host}}}}}}}]}}\n  \
               authentication: {{jwt: {{issuer: \"https://auth.example.com\", jwks: '{jwks}'{output}}}}}\n  \
               authorization: {{local: {{rules: [{{to: [{{paths: [\"/v1/*\"]}}]}}]}}}}\n"
        )
    };
    let plain = server("plain.test", "");
    let output = server("output.test", ", outputPayloadToHeader: x-jwt-payload");
    let bound = server("bound.test", ", certificateBound: ifPresent");
    Gateway::of_servers(&(plain + &output + &bound))
        .by_default()
        .upstream("bound.test", echo.address())
        .upstream("plain.test", echo.address())
        .upstream("output.test", echo.address())
}

/// Sends a request, and waits until the log has what the module did with it.
fn send(envoy: &Envoy, request: &Request, status: u16) {
    let before = envoy.log().len();
    assert_eq!(request.send(envoy.gateway()).status, status);
    eventually("the decision in the log", || {
        envoy.log().split_off(before).contains("[host<-vm] proxy_on_request_headers").then_some(())
    });
}

/// Reads the calls from what Envoy logged.
fn calls(log: &str) -> Calls {
    let named = |start: &str| {
        let after = |line: &str| line.split_once(start).map(|(_, call)| call.to_owned());
        let name = |call: String| call.split_once('(').unwrap().0.to_owned();
        log.lines().filter_map(after).map(name).collect::<Vec<_>>()
    };
    let mut callbacks = named("[host->vm] ");
    // Each answer of the host's takes memory in the module.
    callbacks.dedup();
    Calls { callbacks, calls: named("[vm->host] env.") }
}

#[test]
fn a_request_takes_these_calls_and_no_other() {
    let echo = Echo::start().unwrap();
    let envoy = gateway(&echo).start(1);
    envoy.set_log_level("wasm", "trace");
    let token = Recipe::good().token("RS256");
    let bare = |host: &str, path: &str| Request::new("GET", host, path);
    let known = |host: &str, path: &str| bare(host, path).bearer(&token);

    let cnf = json!({"cnf": {"x5t#S256": keys::base64url([1; 32])}});
    let bound = bare("bound.test", "/v1/a").bearer(&Recipe::of(&cnf).token("RS256"));

    // In the order in which they are sent: the first request to a host makes the token known.
    let requests = [
        ("unknown token, allowed, payload header", known("output.test", "/v1/a"), 200),
        ("unknown token, allowed, no header", known("plain.test", "/v1/a"), 200),
        ("known token, allowed, payload header", known("output.test", "/v1/b"), 200),
        ("known token, allowed, no header", known("plain.test", "/v1/b"), 200),
        ("known token, denied, 403", known("output.test", "/v2"), 403),
        ("no token, 401", bare("output.test", "/v1/a"), 401),
        ("unknown host, 403", bare("other.test", "/v1/a"), 403),
        ("unknown token, bound to nothing, allowed", known("bound.test", "/v1/a"), 200),
        ("unknown token, bound to a certificate, 401", bound.clone(), 401),
        ("known token, bound to a certificate, 401", bound, 401),
    ];
    let starts: Vec<usize> = requests
        .iter()
        .map(|(_, request, status)| {
            let start = envoy.log().len();
            send(&envoy, request, *status);
            start
        })
        .collect();
    // A stream's calls are those up to the next one, so that none at its end is missed.
    let end = envoy.log().len();
    send(&envoy, &bare("other.test", "/"), 403);
    let log = envoy.log();
    let ends = starts.iter().skip(1).chain([&end]);
    let observed: BTreeMap<String, Calls> = requests
        .iter()
        .zip(starts.iter().zip(ends))
        .map(|((name, ..), (start, end))| ((*name).to_owned(), calls(&log[*start..*end])))
        .collect();

    let expected: BTreeMap<String, Calls> = serde_saphyr::from_str(TABLE).unwrap();
    assert_eq!(observed, expected);
}
