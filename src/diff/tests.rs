//! Differences hold for every policy: what is reported is so, and what is called the same is.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use super::*;
use crate::prove::example::{Answer, Example, Judge, Sender, Token};
use crate::prove::hosts::hosts;
use crate::prove::side::View;

const NOW: u64 = 1_800_000_000;
const HOSTS: [&str; 4] = ["a.test", "b.test", "*.test", "*"];
const ISSUERS: [&str; 2] = ["https://one.test", "https://two.test"];

/// A policy; what is null is left out of its servers.
fn policy(mut value: Value) -> Policy {
    for server in value["servers"].as_array_mut().unwrap() {
        server.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    }
    serde_json::from_value(value).unwrap()
}

/// A policy that shares its tables with every other: only what servers and hosts make of them
/// differs.
fn policies() -> impl Strategy<Value = Policy> {
    let server = (
        proptest::option::of((subsequence(vec![0, 1, 2], 1..=2), any::<bool>())),
        proptest::option::of(subsequence(vec![0, 1, 2, 3, 4], 0..=3)),
        any::<[bool; 3]>(),
    );
    let servers = subsequence(HOSTS.to_vec(), 0..=4)
        .prop_flat_map(move |hosts| {
            let each = hosts.iter().map(|_| server.clone()).collect::<Vec<_>>();
            (Just(hosts), each)
        })
        .prop_map(|(hosts, servers)| {
            let each = hosts.into_iter().zip(servers);
            each.map(|(hostname, (authentication, rules, flags))| {
                let authentication = authentication
                    // The first two entries are of one issuer.
                    .filter(|(jwt, _)| !jwt.starts_with(&[0, 1]))
                    .map(|(jwt, required)| json!({ "jwt": jwt, "required": required }));
                json!({
                    "name": hostname,
                    "hostname": hostname,
                    "authorization": rules.map(|rules| json!({ "rules": rules })),
                    "passthrough": flags[0],
                    "shadow_authentication": flags[1] && authentication.is_some(),
                    "shadow_authorization": flags[2],
                    "authentication": authentication,
                })
            })
            .collect::<Vec<_>>()
        });
    let egress = subsequence(vec!["a.test", "c.test"], 0..=2)
        .prop_flat_map(|hosts| {
            let rules = hosts.iter().map(|_| subsequence(vec![0, 1, 2], 1..=3)).collect::<Vec<_>>();
            (Just(hosts), rules)
        })
        .prop_map(|(hosts, rules)| {
            let each = hosts.into_iter().zip(rules);
            each.map(|(hostname, rules)| json!({ "hostname": hostname, "rules": rules }))
                .collect::<Vec<_>>()
        });
    let default = select(vec!["deny", "allow"]);
    (servers, egress, default).prop_map(|(servers, egress, default_action)| {
        let remote = |uri: &str| json!({ "remote": { "uri": uri, "cluster": "keys" } });
        policy(json!({
            "version": crate::policy::VERSION,
            "gateway": "egress/gateway",
            "default_action": default_action,
            "jwt_rules": [
                { "issuer": ISSUERS[0], "audiences": ["x"], "jwks": remote("https://one.test/k") },
                { "issuer": ISSUERS[0], "jwks": remote("https://one.test/k") },
                { "issuer": ISSUERS[1], "max_lifetime_seconds": 600,
                  "jwks": remote("https://two.test/k") },
            ],
            "principals": [
                { "sub": "alice" },
                { "iss": "https://one.*", "sub": "a*" },
                { "other": { "realm_access.roles": "admin" } },
            ],
            "operations": [
                { "methods": ["GET"] },
                { "methods": ["GET", "POST"], "paths": ["/v1/*", "/{*}/end"] },
                { "paths": ["/v1/{**}/x", "/exact"] },
            ],
            "rules": [
                { "name": "0", "from": [0], "to": [0] },
                { "name": "1", "from": [1, 2], "to": [1] },
                { "name": "2", "to": [2] },
                { "name": "3" },
                { "name": "4", "from": [2] },
            ],
            "servers": servers,
            "egress_rules": [
                { "name": "0", "from": ["shop/web", "pay*/*"], "to": [1] },
                { "name": "1", "from": ["payments/*"], "identity": "peer_certificate" },
                { "name": "2", "to": [0] },
            ],
            "egress": egress,
            "source_identity": {
                "trust_domains": ["cluster.local"],
                "propagated": { "header": "x-forwarded-client-cert", "trusted_sources": ["mesh/proxy"] },
            },
        }))
    })
}

/// Requests as they come, not made from patterns.
fn any_request() -> impl Strategy<Value = Example> {
    let claims = (
        select(vec![ISSUERS[0], ISSUERS[1], "https://three.test"]),
        select(vec!["alice", "albert", "bob"]),
        select(vec![json!(null), json!("x"), json!("y")]),
        select(vec!["admin", "reader"]),
    );
    let tokens = proptest::option::of(claims.prop_map(|(iss, sub, aud, role)| {
        let claims = json!({ "iss": iss, "sub": sub, "aud": aud, "exp": NOW + 60,
            "realm_access": { "roles": [role] } });
        let mut claims = claims.as_object().unwrap().clone();
        claims.retain(|_, value| !value.is_null());
        claims
    }));
    let id = |account: &str| format!("spiffe://cluster.local/ns/{account}");
    let ids = vec![id("shop/sa/web"), id("payments/sa/api"), id("pay/sa/x"), id("mesh/sa/proxy")];
    let behind = proptest::option::of(select(ids.clone()));
    let sender = (proptest::option::of(select(ids)), behind).prop_map(|(peer, behind)| Sender {
        peer,
        behind: behind.map(|id| ("x-forwarded-client-cert".to_owned(), id)),
        certificate: None,
    });
    let method = select(vec!["GET", "POST", "DELETE"]);
    let path = "/(v1|exact|a)?(/(x|end|%2e%2e|a;b|/))?(/x)?";
    (tokens, sender, method, path).prop_map(|(claims, sender, method, path)| Example {
        host: String::new(),
        method: method.to_owned(),
        path: Some(path),
        token: claims.map_or(Token::default(), |claims| Token::new(claims).unwrap()),
        sender,
    })
}

proptest! {
    #[test]
    fn every_difference_is_one_and_what_is_the_same_is_decided_alike(
        (old, new) in (policies(), policies()),
        requests in proptest::collection::vec(any_request(), 20),
    ) {
        let comparison = compare(&old, &new, NOW).unwrap();
        let [before, after] = [Judge::new(&old, NOW).unwrap(), Judge::new(&new, NOW).unwrap()];
        let answers = |example: &Example| (before.decide(example), after.decide(example));
        let allowed = |answer: &Answer| answer.allowed;
        let mut groups = std::collections::HashMap::new();
        for group in &comparison.groups {
            for host in &group.hosts {
                groups.insert(host.example.clone(), group);
                for change in &group.changes {
                    for token in &change.tokens {
                        for sender in &change.senders {
                            for method in &change.methods {
                                for path in change.paths.iter().flat_map(|it| [&it.example, &it.also]) {
                                    if path.is_none() && change.methods.iter().all(|it| it.name != "CONNECT") {
                                        continue;
                                    }
                                    let example = Example {
                                        host: host.example.clone(),
                                        method: method.name.clone(),
                                        path: path.clone(),
                                        token: token.clone(),
                                        sender: sender.clone(),
                                    };
                                    let (was, is) = answers(&example);
                                    prop_assert_eq!(allowed(&is), change.allowed);
                                    prop_assert_eq!(allowed(&was), !change.allowed);
                                    prop_assert_eq!(&was.reason, &change.before.reason);
                                    prop_assert_eq!(&is.reason, &change.after.reason);
                                }
                            }
                        }
                    }
                }
            }
        }
        let mut tables = Tables::default();
        let views = [View::new(&old, &mut tables), View::new(&new, &mut tables)];
        for host in hosts(&[&views[0], &views[1]], &[]) {
            let group = groups.get(&host.example);
            let [gained, lost] = match group {
                None => [Certainty::No; 2],
                Some(group) => [group.gained, group.lost],
            };
            for request in &requests {
                let example = Example { host: host.example.clone(), ..request.clone() };
                let (was, is) = answers(&example);
                if is.allowed && !was.allowed {
                    prop_assert_ne!(gained, Certainty::No, "{:?}", example);
                }
                if was.allowed && !is.allowed {
                    prop_assert_ne!(lost, Certainty::No, "{:?}", example);
                }
            }
        }
        prop_assert!(compare(&old, &old, NOW).unwrap().is_empty());
    }

    /// Where rules differ in nothing but one that is added, a request shows it.
    #[test]
    fn a_rule_that_opens_something_is_found(policy in policies(), rule in 0_u32..5) {
        let mut closed = policy.clone();
        closed.servers.clear();
        closed.egress.clear();
        closed.default_action = crate::policy::DefaultAction::Deny;
        let server: crate::policy::Server = serde_json::from_value(json!({
            "name": "s", "hostname": "a.test", "authentication": { "jwt": [1, 2] },
            "authorization": { "rules": [] },
        })).unwrap();
        closed.servers.push(server);
        let mut open = closed.clone();
        for server in &mut open.servers {
            server.authorization = Some(crate::policy::Authorization { rules: vec![rule] });
        }
        let comparison = compare(&closed, &open, NOW).unwrap();
        prop_assert_eq!(comparison.verdict, Verdict::Wider);
        let changes: Vec<_> = comparison.groups.iter().flat_map(|group| &group.changes).collect();
        prop_assert!(!changes.is_empty() && changes.iter().all(|change| change.after.allowed));
    }
}

fn with_jwt_rule(fields: &Value) -> Policy {
    let mut rule = json!({ "issuer": ISSUERS[0],
        "jwks": { "remote": { "uri": "https://one.test/k", "cluster": "keys" } } });
    for (name, value) in fields.as_object().unwrap() {
        rule[name] = value.clone();
    }
    policy(json!({
        "version": crate::policy::VERSION, "gateway": "egress/gateway", "jwt_rules": [rule],
        "servers": [{ "name": "a", "hostname": "a.test", "authentication": { "jwt": [0] } }],
    }))
}

/// Other keys are another policy, whatever is decided by claims.
#[test]
fn other_keys_are_not_comparable_and_never_equal() {
    let with_keys = |uri: &str| {
        with_jwt_rule(&json!({ "jwks": { "remote": { "uri": uri, "cluster": "keys" } } }))
    };
    let comparison =
        compare(&with_keys("https://one.test/k"), &with_keys("https://evil.test/k"), NOW).unwrap();
    assert_eq!(comparison.verdict, Verdict::Undecided);
    let [group] = &comparison.groups[..] else { panic!("{comparison:?}") };
    assert!(group.changes.is_empty());
    assert_eq!(group.security[0].what, "keys");
    assert_eq!(group.security[0].effect, Effect::Other);
}

/// What is no decision is said all the same.
#[test]
fn what_is_security_and_no_decision_is_compared() {
    let table = [
        (
            json!({}),
            json!({ "forward_original_token": true }),
            "forwardOriginalToken",
            Effect::Wider,
        ),
        (
            json!({ "forward_original_token": true }),
            json!({}),
            "forwardOriginalToken",
            Effect::Narrower,
        ),
        (
            json!({ "output_payload_to_header": "x-p" }),
            json!({}),
            "outputPayloadToHeader",
            Effect::Wider,
        ),
        (
            json!({}),
            json!({ "output_claim_to_headers": [{ "header": "x-sub", "claim": "sub" }] }),
            "outputClaimToHeaders",
            Effect::Wider,
        ),
        (
            json!({ "from_cookies": ["t"] }),
            json!({ "from_cookies": ["t", "u"] }),
            "places of the token",
            Effect::Wider,
        ),
        (
            json!({}),
            json!({ "from_params": ["access_token"] }),
            "places of the token",
            Effect::Narrower,
        ),
    ];
    for (old, new, what, effect) in table {
        let comparison = compare(&with_jwt_rule(&old), &with_jwt_rule(&new), NOW).unwrap();
        assert_eq!(comparison.verdict, Verdict::Equal, "{what}");
        assert!(!comparison.is_empty());
        let [group] = &comparison.groups[..] else { panic!("{comparison:?}") };
        let found: Vec<_> = group.security.iter().map(|it| (it.what, it.effect)).collect();
        assert_eq!(found, [(what, effect)]);
        assert_eq!(comparison.all_security().count(), 1);
    }
    // Written otherwise and the same.
    let [old, new] = [["a", "b"], ["b", "a"]].map(|it| with_jwt_rule(&json!({ "audiences": it })));
    let comparison = compare(&old, &new, NOW).unwrap();
    assert!(comparison.is_empty());
    assert_eq!(comparison.rewritten, 1);
}

#[test]
fn what_concerns_the_policy_as_a_whole_is_said_once() {
    let old = with_jwt_rule(&json!({}));
    let mut new = old.clone();
    new.access_log_fields = crate::policy::AccessLogFields::All;
    new.source_identity.trust_domains.push("other.domain".to_owned());
    let comparison = compare(&old, &new, NOW).unwrap();
    assert!(comparison.groups.is_empty() && comparison.verdict == Verdict::Equal);
    let found: Vec<_> = comparison.security.iter().map(|it| (it.what, it.effect)).collect();
    assert_eq!(found, [("access log fields", Effect::Other), ("trust domains", Effect::Wider)]);
}

/// Whether a denial names scopes is no decision either.
#[test]
fn what_callers_are_told_is_compared() {
    let old = with_jwt_rule(&json!({}));
    let mut new = old.clone();
    new.servers[0].challenge_scopes = true;
    for (pair, effect) in [([&old, &new], Effect::Wider), ([&new, &old], Effect::Narrower)] {
        let [group] = &compare(pair[0], pair[1], NOW).unwrap().groups[..] else {
            panic!("{effect:?}")
        };
        assert_eq!(group.verdict, Verdict::Equal);
        let found: Vec<_> = group.security.iter().map(|it| (it.what, it.effect)).collect();
        assert_eq!(found, [("challengeScopes", effect)]);
    }
}
