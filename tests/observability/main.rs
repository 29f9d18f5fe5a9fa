//! A real Prometheus, scraping a real Envoy: the committed configuration, alert rules and dashboard
//! show what the filter counts. `make test-observability` runs this; it needs `prometheus` and
//! `promtool` on PATH.
//!
//! | module | what lives there |
//! |---|---|
//! | `prometheus` | the Prometheus process and its API |
//! | `traffic` | a gateway with requests of every kind, and with keys that cannot be had |
//! | `dashboard` | the panels of the Grafana dashboard and their queries |
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::disallowed_macros
)]

#[path = "../support/mod.rs"]
mod support;

mod dashboard;
mod prometheus;
mod traffic;

use std::collections::BTreeSet;

use prometheus::{Prometheus, promtool};
use serde_json::Value;
use support::eventually;
use traffic::Traffic;

#[test]
fn rules_and_their_examples_hold() {
    promtool(&["check", "config", "prometheus.yaml"]);
    promtool(&["check", "rules", "alerts.yaml"]);
    promtool(&["test", "rules", "alerts.test.yaml"]);
}

#[test]
fn every_alert_has_an_example_that_fires() {
    let read = |name: &str| -> Value {
        serde_saphyr::from_str(&std::fs::read_to_string(prometheus::folder().join(name)).unwrap())
            .unwrap()
    };
    let defined = read("alerts.yaml");
    let defined: BTreeSet<&str> = defined["groups"][0]["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["alert"].as_str().unwrap())
        .collect();
    let tests = read("alerts.test.yaml");
    let tests = tests["tests"].as_array().unwrap();
    let fires = tests
        .iter()
        .flat_map(|test| test["alert_rule_test"].as_array().unwrap())
        .filter(|test| test["exp_alerts"].is_array())
        .map(|test| test["alertname"].as_str().unwrap());
    assert_eq!(fires.collect::<BTreeSet<_>>(), defined);
}

/// Envoys whose own configuration takes the labels out of the names, and others.
#[test]
fn panels_show_what_happens_and_alerts_see_keys_that_are_missing() {
    for (config, labels_known) in [("prometheus.yaml", true), ("prometheus-istio.yaml", false)] {
        let traffic = Traffic::start(labels_known);
        let prometheus = Prometheus::start(config, traffic.envoy.admin_address());
        traffic.while_sending(|| {
            for (title, query) in dashboard::queries() {
                eventually(&format!("{config}: data in {title}: {query}"), || {
                    let result = prometheus.query(&query);
                    result.iter().any(|it| it["value"][1] != "NaN").then_some(())
                });
            }
            let waiting =
                ["EgressAuthKeysUnavailable", "EgressAuthNoKeys", "EgressAuthKeysNotFetched"];
            for name in waiting {
                is_in(&prometheus, name, &["pending", "firing"]);
            }
            is_in(&prometheus, "EgressAuthUnlistedHosts", &["firing"]);
        });

        // What was sent is what is shown.
        let reasons = prometheus.query("count by (server, reason) (egress_auth_requests)");
        let label = |it: &Value, name: &str| it["metric"][name].as_str().unwrap().to_owned();
        let reasons = reasons.iter().map(|it| label(it, "server") + " " + &label(it, "reason"));
        // Prometheus allows few characters in names, from which these labels were taken.
        let none = if labels_known { "-" } else { "_" };
        let expected = [
            "api allowed",
            "api bad_signature",
            "api malformed_token",
            "api missing_token",
            "api no_rule_matched",
            "down jwks_unavailable",
            "tried shadow_no_rule_matched",
            &format!("{none} unlisted_host"),
        ];
        let expected = expected.map(ToOwned::to_owned);
        assert_eq!(reasons.collect::<BTreeSet<_>>(), BTreeSet::from(expected), "{config}");

        for rule in prometheus.rules() {
            assert_eq!(
                (&rule["health"], rule["lastError"].as_str()),
                (&"ok".into(), None),
                "{rule}"
            );
        }
        for quiet in
            ["EgressAuthNotEnforcing", "EgressAuthModuleCrashed", "EgressAuthPoliciesDiffer"]
        {
            assert_eq!(prometheus.rule(quiet)["state"], "inactive");
        }
    }
}

fn is_in(prometheus: &Prometheus, alert: &str, states: &[&str]) {
    eventually(&format!("{alert} to be {states:?}"), || {
        let state = prometheus.rule(alert)["state"].as_str().unwrap().to_owned();
        states.contains(&state.as_str()).then_some(())
    });
}
