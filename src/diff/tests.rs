//! Differences hold for every policy: what is reported is so, and what is called the same is.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use super::*;

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
fn any_requests() -> impl Strategy<Value = Requests> {
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
    });
    let method = select(vec!["GET", "POST", "DELETE"]);
    let path = "/(v1|exact|a)?(/(x|end|%2e%2e|a;b))?(/x)?";
    (tokens, sender, method, path).prop_map(|(claims, sender, method, path)| Requests {
        tokens: vec![claims.map_or(Token::default(), |claims| Token::new(claims).unwrap())],
        senders: vec![sender],
        methods: vec![method.to_owned()],
        paths: vec![path],
        patterns: std::collections::BTreeMap::new(),
        other_method: String::new(),
        whole: false,
        tokens_matter: true,
        senders_matter: true,
        patterns_compared: 0,
    })
}

proptest! {
    #[test]
    fn every_difference_is_one_and_what_is_the_same_is_decided_alike(
        (old, new) in (policies(), policies()),
        requests in proptest::collection::vec(any_requests(), 20),
    ) {
        let comparison = compare(&old, &new, NOW).unwrap();
        let [before, after] = [Judge::new(&old, NOW).unwrap(), Judge::new(&new, NOW).unwrap()];
        let mut cache = TokenCache::new(1, 1, 0);
        for group in &comparison.groups {
            for (host, change) in group.hosts.iter().flat_map(|host| {
                group.changes.iter().map(move |change| (host, change))
            }) {
                for token in &change.tokens {
                    for sender in &change.senders {
                        for method in &change.methods {
                            for path in &change.paths {
                                let at = [*token, *sender, *method, *path];
                                let made = &change.requests;
                                let was = before.decide(&host.example, made, at, &mut cache);
                                let is = after.decide(&host.example, made, at, &mut cache);
                                prop_assert_eq!(&was, &change.before);
                                prop_assert_eq!(&is, &change.after);
                                prop_assert_ne!(was.allowed, is.allowed);
                            }
                        }
                    }
                }
            }
        }
        let differing: Vec<_> = comparison.groups.iter().flat_map(|group| &group.hosts).collect();
        prop_assert_eq!(differing.len(), comparison.differing);
        for host in hosts(&View::new(&old), &View::new(&new)) {
            if differing.contains(&&host) {
                continue;
            }
            for requests in &requests {
                let was = before.decide(&host.example, requests, [0; 4], &mut cache);
                let is = after.decide(&host.example, requests, [0; 4], &mut cache);
                prop_assert_eq!(was.allowed, is.allowed, "{:?} {:?}", host, requests);
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
        let changes: Vec<_> = comparison.groups.iter().flat_map(|group| &group.changes).collect();
        prop_assert!(!changes.is_empty() && changes.iter().all(|change| change.after.allowed));
    }
}

/// Hosts that no request tells apart are named all the same: other keys are another policy.
#[test]
fn other_keys_are_a_difference_that_no_request_shows() {
    let with_keys = |uri: &str| {
        policy(json!({
            "version": crate::policy::VERSION, "gateway": "egress/gateway",
            "jwt_rules": [{ "issuer": ISSUERS[0],
                            "jwks": { "remote": { "uri": uri, "cluster": "keys" } } }],
            "servers": [{ "name": "a", "hostname": "a.test", "authentication": { "jwt": [0] } }],
        }))
    };
    let comparison =
        compare(&with_keys("https://one.test/k"), &with_keys("https://evil.test/k"), NOW).unwrap();
    assert!(!comparison.is_empty());
    let [group] = &comparison.groups[..] else { panic!("{comparison:?}") };
    assert!(group.authentication && !group.authorization && group.changes.is_empty());
}
