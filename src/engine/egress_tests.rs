//! Decisions of `egressAuthorization`, its meeting with server-level authorization, and what is
//! only tried out.

use serde_json::{Value, json};

use super::*;
use crate::jwt::testing::{self, ISSUER};
use crate::jwt::{Algorithm, SoftwareVerifier, TokenCache};

const NOW: u64 = 1_700_000_000;
const PAYMENTS: &str = "spiffe://cluster.local/ns/pay/sa/api";
const BATCH: &str = "spiffe://cluster.local/ns/batch/sa/nightly";
const WAYPOINT: &str = "spiffe://cluster.local/ns/infra/sa/waypoint";
const XFCC: &str = "x-forwarded-client-cert";

type Headers<'a> = &'a [(&'a str, &'a str)];
type Change = fn(&mut Value);

fn engine(change: impl FnOnce(&mut Value)) -> Engine {
    let jwks = testing::jwks(&[testing::jwk(Algorithm::Es256)]);
    let mut policy = json!({
        "version": 1,
        "gateway": "egress/test",
        "jwt_rules": [{
            "issuer": ISSUER,
            "jwks": {"inline": String::from_utf8(jwks).unwrap()},
            "output_payload_to_header": "x-jwt-payload",
        }],
        "principals": [{"sub": "alice"}],
        "operations": [{"methods": ["GET"], "paths": ["/v1/*"]}],
        "rules": [{"name": "alice", "from": [0]}],
        "servers": [
            {"name": "both", "hostname": "both.test",
             "authentication": {"jwt": [0]}, "authorization": {"rules": [0]}},
            {"name": "token-and-source", "hostname": "token.test", "authentication": {"jwt": [0]}},
            {"name": "routed", "hostname": "routed.test"},
        ],
        "egress_rules": [
            {"name": "payments", "from": ["pay/api"], "to": [0]},
            {"name": "batch", "from": ["batch/*"]},
            {"name": "anyone", "to": [0]},
            {"name": "nobody", "from": []},
        ],
        "egress": [
            {"hostname": "both.test", "rules": [0]},
            {"hostname": "token.test", "rules": [0]},
            {"hostname": "routed.test", "rules": [0, 1]},
            {"hostname": "unrouted.test", "rules": [1]},
            {"hostname": "open.test", "rules": [2]},
            {"hostname": "empty.test", "rules": [3]},
        ],
    });
    change(&mut policy);
    Engine::from_json(policy.to_string().as_bytes()).unwrap()
}

/// Trusts the waypoint to name the workload behind it.
fn with_waypoint(identity: &'static str) -> Engine {
    engine(|policy| {
        policy["source_identity"] = json!({
            "trust_domains": ["cluster.local"],
            "propagated": {"header": XFCC, "trusted_sources": ["infra/waypoint"]},
        });
        policy["egress_rules"][1]["identity"] = json!(identity);
    })
}

fn token() -> String {
    let claims = json!({"iss": ISSUER, "sub": "alice", "exp": NOW + 600});
    format!("Bearer {}", testing::token(Algorithm::Es256, &claims))
}

/// `status reason mechanism rule` of `METHOD host path` from a peer.
fn decide(engine: &Engine, line: &str, peer: &str, headers: &[(&str, &str)]) -> String {
    let decision = whole(engine, line, peer, headers);
    let status = match &decision.outcome {
        Outcome::Allow(_) => 200,
        Outcome::Deny(denial) => denial.status,
    };
    let rule = decision.rule.unwrap_or("-");
    format!("{status} {} {} {rule}", decision.code(), decision.mechanism)
}

fn whole<'e>(engine: &'e Engine, line: &str, peer: &str, headers: &[(&str, &str)]) -> Decision<'e> {
    let names = [":method", ":authority", ":path"];
    let mut all: Vec<(&[u8], &[u8])> = vec![(b":scheme", b"https")];
    all.extend(names.iter().map(|n| n.as_bytes()).zip(line.split(' ').map(str::as_bytes)));
    all.extend(headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
    let mut context = Context {
        now: NOW,
        keys: &KeyRing::default(),
        verifier: &SoftwareVerifier,
        peer: &peer,
        cache: &mut TokenCache::new(10, 100_000, 1),
    };
    let request = Request { headers: all, claims: None };
    match engine.decide(&request, &mut context, &mut NoTrace) {
        Verdict::Decided(decision) => decision,
        Verdict::AwaitKeys(wait) => panic!("waits for {wait:?}"),
    }
}

#[test]
fn entries_admit_workloads_methods_and_paths() {
    let engine = engine(|_| {});
    let table = [
        ("GET routed.test /v1/x", PAYMENTS, "200 allowed egressAuthorization payments"),
        ("GET ROUTED.test.:443 /v1/x", PAYMENTS, "200 allowed egressAuthorization payments"),
        ("POST routed.test /v1/x", PAYMENTS, "403 no_rule_matched egressAuthorization -"),
        ("GET routed.test /v2", PAYMENTS, "403 no_rule_matched egressAuthorization -"),
        ("POST routed.test /v2", BATCH, "200 allowed egressAuthorization batch"),
        ("GET routed.test /v1/..%2fx", PAYMENTS, "400 ambiguous_path egressAuthorization -"),
        ("GET routed.test /v1/%00", PAYMENTS, "400 bad_path egressAuthorization -"),
        ("GET routed.test /v1/x", WAYPOINT, "403 source_not_allowed egressAuthorization -"),
        ("GET routed.test /v1/x", "", "403 source_unknown egressAuthorization -"),
        (
            "GET routed.test /v1/x",
            "spiffe://cluster.local/ns/pay/sa/api,spiffe://cluster.local/ns/batch/sa/x",
            "403 source_unknown egressAuthorization -",
        ),
        (
            "GET routed.test /v1/x",
            "spiffe://other.example/ns/pay/sa/api",
            "403 source_unknown egressAuthorization -",
        ),
        ("GET unrouted.test /", BATCH, "200 allowed egressAuthorization batch"),
        ("GET unrouted.test /..%2f", BATCH, "200 allowed egressAuthorization batch"),
        ("GET open.test /v1/x", "", "200 allowed egressAuthorization anyone"),
        ("GET open.test /v2", "", "403 no_rule_matched egressAuthorization -"),
        ("GET empty.test /", PAYMENTS, "403 source_not_allowed egressAuthorization -"),
        ("GET other.test /", PAYMENTS, "403 unlisted_host none -"),
        ("GET x.routed.test /v1/x", PAYMENTS, "403 unlisted_host none -"),
    ];
    for (line, peer, expected) in table {
        assert_eq!(decide(&engine, line, peer, &[]), expected, "{line} from {peer}");
    }
}

#[test]
fn server_level_authorization_decides_alone() {
    let engine = engine(|_| {});
    let token = token();
    let bearer = [("authorization", token.as_str())];
    let line = "GET both.test /v1/x";
    assert_eq!(decide(&engine, line, PAYMENTS, &[]), "401 missing_token authentication -");
    for peer in [PAYMENTS, BATCH, ""] {
        assert_eq!(decide(&engine, line, peer, &bearer), "200 allowed authorization alice");
    }
}

#[test]
fn authentication_holds_beside_egress_authorization() {
    let engine = engine(|_| {});
    let token = token();
    let bearer = [("authorization", token.as_str())];
    let line = "GET token.test /v1/x";
    let table: [(&str, Headers<'_>, &str); 4] = [
        (PAYMENTS, &[], "401 missing_token authentication -"),
        (PAYMENTS, &bearer, "200 allowed egressAuthorization payments"),
        (BATCH, &bearer, "403 source_not_allowed egressAuthorization -"),
        ("", &bearer, "403 source_unknown egressAuthorization -"),
    ];
    for (peer, headers, expected) in table {
        assert_eq!(decide(&engine, line, peer, headers), expected, "{peer}");
    }
    let Outcome::Allow(mutations) = whole(&engine, line, PAYMENTS, &bearer).outcome else {
        panic!("denied")
    };
    assert_eq!(mutations.remove, ["authorization"]);
    assert_eq!(mutations.set.len(), 1);
}

#[test]
fn a_header_names_a_workload_only_where_its_sender_is_trusted() {
    let line = "GET unrouted.test /";
    let named = format!("By=x;URI={BATCH}");
    let forwarded = [(XFCC, named.as_str())];
    let allowed = "200 allowed egressAuthorization batch";
    let denied = "403 source_not_allowed egressAuthorization -";
    let unknown = "403 source_unknown egressAuthorization -";

    let plain = engine(|_| {});
    assert_eq!(decide(&plain, line, WAYPOINT, &forwarded), denied);

    let engine = with_waypoint("permissive");
    assert_eq!(decide(&engine, line, WAYPOINT, &forwarded), allowed);
    assert_eq!(decide(&engine, line, BATCH, &[]), allowed);
    assert_eq!(decide(&engine, line, PAYMENTS, &forwarded), denied);
    assert_eq!(decide(&engine, line, "", &forwarded), unknown);
    assert_eq!(decide(&engine, line, WAYPOINT, &[forwarded[0], forwarded[0]]), denied);
    let earlier = format!("URI={BATCH},URI={PAYMENTS}");
    assert_eq!(decide(&engine, line, WAYPOINT, &[(XFCC, &earlier)]), denied);
    // It never goes on, whoever sent it and whatever decides.
    for line in [line, "GET open.test /v1/x"] {
        let decision = whole(&engine, line, BATCH, &forwarded);
        let Outcome::Allow(mutations) = decision.outcome else { panic!("denied") };
        assert_eq!(mutations.remove, [XFCC], "{line}");
    }

    let engine = with_waypoint("peer_certificate");
    assert_eq!(decide(&engine, line, WAYPOINT, &forwarded), denied);
    assert_eq!(decide(&engine, line, BATCH, &forwarded), allowed);

    let engine = with_waypoint("source_identity");
    assert_eq!(decide(&engine, line, WAYPOINT, &forwarded), allowed);
    assert_eq!(decide(&engine, line, BATCH, &[]), unknown);
    // Where no header is trusted, the peer stands for itself.
    let engine = self::engine(|p| p["egress_rules"][1]["identity"] = json!("source_identity"));
    assert_eq!(decide(&engine, line, BATCH, &[]), allowed);
}

#[test]
fn what_is_tried_out_is_reported_and_lets_through() {
    let engine = engine(|policy| {
        policy["servers"][0]["shadow_authorization"] = json!(true);
        policy["servers"][1]["shadow_authentication"] = json!(true);
        policy["egress"][2]["shadow"] = json!(true);
        policy["principals"][0]["sub"] = json!("bob");
    });
    let token = token();
    let bearer = [("authorization", token.as_str())];
    let garbage = [("authorization", "Bearer garbage"), ("x-jwt-payload", "forged")];
    let table: [(&str, &str, Headers<'_>, &str); 6] = [
        ("GET both.test /", "", &bearer, "200 shadow_no_rule_matched authorization -"),
        // Authentication is enforced until it is tried out itself.
        ("GET both.test /", "", &[], "401 missing_token authentication -"),
        ("GET token.test /v1/x", PAYMENTS, &[], "200 shadow_missing_token authentication payments"),
        ("GET token.test /v1/x", BATCH, &garbage, "403 source_not_allowed egressAuthorization -"),
        ("GET routed.test /", "", &[], "200 shadow_source_unknown egressAuthorization -"),
        ("GET routed.test /v1/%00", "", &[], "200 shadow_bad_path egressAuthorization -"),
    ];
    for (line, peer, headers, expected) in table {
        assert_eq!(decide(&engine, line, peer, headers), expected, "{line} from {peer}");
    }
    // What was not accepted does not travel on either.
    let decision = whole(&engine, "GET token.test /v1/x", PAYMENTS, &garbage);
    assert_eq!(decision.code(), "shadow_malformed_token");
    let Outcome::Allow(mutations) = decision.outcome else { panic!("denied") };
    assert_eq!(mutations.remove, ["x-jwt-payload", "authorization"]);
    assert!(mutations.set.is_empty());
}

#[test]
fn a_policy_that_names_sources_wrongly_is_refused_whole() {
    let table: [(Change, &str); 5] = [
        (|p| p["egress_rules"][0]["from"] = json!(["pay"]), "egress_rules[0].from (`pay`)"),
        (|p| p["egress_rules"][0]["to"] = json!([9]), "egress_rules[0].to"),
        (|p| p["egress"][0]["hostname"] = json!("*.test"), "egress[0].hostname"),
        (|p| p["egress"][1]["hostname"] = json!("both.test"), "egress[1].hostname"),
        (
            |p| {
                p["source_identity"] = json!({"trust_domains": ["cluster.local"],
                    "propagated": {"header": XFCC, "trusted_sources": ["*"]}});
            },
            "source_identity.propagated.trusted_sources[0]",
        ),
    ];
    for (change, field) in table {
        let mut policy = json!({
            "version": 1, "gateway": "egress/test", "servers": [], "operations": [],
            "egress_rules": [{"name": "payments", "from": ["pay/api"]}],
            "egress": [{"hostname": "both.test", "rules": [0]}, {"hostname": "a.test", "rules": [0]}],
        });
        change(&mut policy);
        let error = Engine::from_json(policy.to_string().as_bytes()).unwrap_err();
        assert_eq!(error.field, field);
    }
}
