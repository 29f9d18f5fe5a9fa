use serde_json::json;

use super::key::DemoKey;
use super::sample::{Judge, Place, Sample, SampleToken, samples};
use crate::policy::Policy;

const NOW: u64 = 1_900_000_000;

fn policy(value: serde_json::Value) -> Policy {
    serde_json::from_value(value).unwrap()
}

/// One line a sample: what it is, and what the engine says to it.
fn judged(policy: &Policy) -> Vec<String> {
    let key = DemoKey::generate().unwrap();
    let judge = Judge::new(policy, &key).unwrap();
    let line = |sample: &Sample| {
        let token = sample.sign(&key, NOW).unwrap();
        let expected = judge.expect(sample, token.as_deref(), NOW);
        let kind = match &sample.token {
            SampleToken::None => "none".to_owned(),
            SampleToken::Garbage => "garbage".to_owned(),
            SampleToken::Signed(token) => token.claims["sub"].as_str().unwrap().to_owned(),
        };
        format!("{} {}{} {kind}: {}", sample.method, sample.host, sample.path, expected.code)
    };
    samples(policy).iter().map(line).collect()
}

fn payments() -> serde_json::Value {
    json!({
        "version": 1,
        "gateway": "egress/shared",
        "jwt_rules": [{
            "issuer": "https://auth.example.com",
            "jwks": {"remote": {"uri": "https://auth.example.com/jwks.json", "cluster": "jwks"}},
        }],
        "principals": [{"iss": "https://auth.example.com", "sub": "payments-service@example.com"}],
        "operations": [{"methods": ["GET", "POST"], "paths": ["/v1/payments/*"]}],
        "rules": [{"name": "payments-service-only", "from": [0], "to": [0]}],
        "servers": [
            {
                "name": "payment-api", "hostname": "api.payment-provider.com",
                "authentication": {"jwt": [0]}, "authorization": {"rules": [0]},
            },
            {"name": "httpbin", "hostname": "httpbin.org", "authentication": {"jwt": [0]}},
        ],
    })
}

#[test]
fn the_scenario_gets_every_way_in_and_the_usual_ways_not_to() {
    assert_eq!(
        judged(&policy(payments())),
        [
            "GET api.payment-provider.com/v1/payments/42 none: missing_token",
            "GET api.payment-provider.com/v1/payments/42 garbage: malformed_token",
            "GET api.payment-provider.com/v1/payments/42 someone-else: no_rule_matched",
            "DELETE api.payment-provider.com/v1/payments/42 payments-service@example.com: no_rule_matched",
            "GET api.payment-provider.com/not-in-any-rule payments-service@example.com: no_rule_matched",
            "GET api.payment-provider.com/v1/payments/42 payments-service@example.com: allowed",
            "GET httpbin.org/ none: missing_token",
            "GET httpbin.org/ garbage: malformed_token",
            "GET httpbin.org/ demo: allowed",
        ]
    );
}

#[test]
fn patterns_audiences_lifetimes_and_wildcard_hosts_are_filled_in() {
    let policy = policy(json!({
        "version": 1,
        "gateway": "egress/shared",
        "jwt_rules": [{
            "issuer": "https://auth.test", "audiences": ["api"], "max_lifetime_seconds": 60,
            "from_headers": [{"name": "x-mesh-token"}],
            "jwks": {"remote": {"uri": "https://auth.test/jwks", "cluster": "jwks"}},
        }],
        "principals": [{"sub": "pay-*", "other": {"realm.roles": "*admin*", "team": "*"}}],
        "operations": [{"paths": ["*/{*}/x/{**}"]}],
        "rules": [{"name": "r", "from": [0], "to": [0]}],
        "servers": [
            {
                "name": "wild", "hostname": "*.wild.test",
                "authentication": {"jwt": [0]}, "authorization": {"rules": [0]},
            },
            {"name": "through", "hostname": "*", "passthrough": true},
            {"name": "nothing", "hostname": "closed.test", "authorization": {"rules": []}},
        ],
    }));
    assert_eq!(
        judged(&policy),
        [
            "GET sample.wild.test/42/42/x/42 none: missing_token",
            "GET sample.wild.test/42/42/x/42 garbage: malformed_token",
            "GET sample.wild.test/42/42/x/42 someone-else: no_rule_matched",
            "GET sample.wild.test/not-in-any-rule pay-x: no_rule_matched",
            "GET sample.wild.test/42/42/x/42 pay-x: allowed",
            "GET any-host.example/ none: passthrough",
            "GET closed.test/ none: no_rule_matched",
        ]
    );
    let place = Place::Header { name: "x-mesh-token".to_owned(), prefix: String::new() };
    assert_eq!(samples(&policy)[0].place, place);
}

#[test]
fn nothing_is_signed_for_an_issuer_whose_keys_are_written_in_the_gateway() {
    let mut value = payments();
    value["jwt_rules"][0]["jwks"] = json!({"inline": DemoKey::generate().unwrap().jwks()});
    let signed = samples(&policy(value)).iter().any(|s| matches!(s.token, SampleToken::Signed(_)));
    assert!(!signed);
}

#[test]
fn a_policy_that_the_engine_refuses_has_no_judge() {
    let mut value = payments();
    value["servers"][0]["authentication"]["jwt"] = json!([7]);
    assert!(Judge::new(&policy(value), &DemoKey::generate().unwrap()).is_err());
}

#[test]
fn expectations_know_the_reason() {
    let key = DemoKey::generate().unwrap();
    let policy = policy(payments());
    let judge = Judge::new(&policy, &key).unwrap();
    let way_in = samples(&policy).pop().unwrap();
    let old = way_in.sign(&key, NOW - 100_000).unwrap();
    let expected = judge.expect(&way_in, old.as_deref(), NOW);
    assert_eq!((expected.allowed, &*expected.code), (false, "expired"));
}

#[test]
fn what_is_only_tried_out_is_expected_to_pass_and_to_be_reported() {
    let mut value = payments();
    value["servers"][0]["shadow_authorization"] = json!(true);
    let judged = judged(&policy(value));
    let shadow = judged.iter().filter(|line| line.ends_with(": shadow_no_rule_matched"));
    assert!(shadow.count() >= 2, "{judged:#?}");
}
