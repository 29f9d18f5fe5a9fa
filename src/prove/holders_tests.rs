//! Tokens that are bound: what is proved of them holds for every request of a small world, and what
//! is loosened is found.

use serde_json::{Value, json};

use super::compare::{Verdict, compare};
use super::example::{Example, Judge, Sender, Token};
use super::guarantee::{Demand, Outcome, Prover};
use super::region::{Area, Region};
use super::tests::policy;
use crate::jwt::{Thumbprint, TokenType};
use crate::policy::Policy;

const NOW: u64 = 1_800_000_000;
const ISSUER: &str = "https://i.test";
const PAYMENTS: &str = "spiffe://cluster.local/ns/pay/sa/api";
const WAYPOINT: &str = "spiffe://cluster.local/ns/infra/sa/waypoint";
const ACCOUNT: &str = "system:serviceaccount:pay:api";

fn thumbprint(byte: u8) -> Thumbprint {
    Thumbprint::new([byte; 32])
}

/// A policy with these rules, whose JWT rule says this, and a waypoint that is trusted.
fn bound(rule: &Value, rules: &Value) -> Policy {
    let mut written = serde_json::to_value(policy(rules)).unwrap();
    let fields = written["jwt_rules"][0].as_object_mut().unwrap();
    fields.extend(rule.as_object().unwrap().clone());
    written["source_identity"] = json!({
        "trust_domains": ["cluster.local"],
        "propagated": {
            "header": "x-forwarded-client-cert", "trusted_sources": ["infra/waypoint"],
        },
    });
    serde_json::from_value(written).unwrap()
}

fn verdict(old: &Policy, new: &Policy) -> Verdict {
    let mut groups = compare([old, new], NOW).unwrap().groups;
    groups.pop().map_or(Verdict::Equal, |group| group.verdict())
}

const SPIFFE: &str =
    r#"{"workload_bound": "spiffe", "audiences": ["a"], "require_expiration": true}"#;

/// JWT rules, of which each says something else of kind or holder.
fn jwt_rules() -> Vec<Value> {
    let mut spiffe: Value = serde_json::from_str(SPIFFE).unwrap();
    let all = vec![
        json!({}),
        json!({"token_types": ["at+jwt"]}),
        json!({"token_types": ["at+jwt", "jwt", ""]}),
        json!({"required_claims": ["jti"]}),
        json!({"required_claims": ["act.sub", "sub"]}),
        json!({"certificate_bound": "if_present"}),
        json!({"certificate_bound": "required"}),
        json!({"workload_bound": "kubernetes"}),
        spiffe.clone(),
        json!({"certificate_bound": "required", "workload_bound": "kubernetes"}),
        json!({"certificate_bound": "if_present", "token_types": ["at+jwt"],
            "required_claims": ["cnf"]}),
    ];
    spiffe["certificate_bound"] = json!("if_present");
    all.into_iter().chain([spiffe]).collect()
}

/// What `from` of the one rule asks for.
fn principals() -> Vec<Value> {
    vec![
        json!([{}]),
        json!([{"from": [{}]}]),
        json!([{"from": [{"sub": PAYMENTS}]}]),
        json!([{"from": [{"sub": "spiffe://cluster.local/*"}, {"sub": "*:api"}]}]),
        json!([{"from": [{"other": {"cnf.x5t#S256": thumbprint(1).to_base64url()}}]}]),
        json!([{"from": [{"sub": "*", "other": {"act.sub": "*"}}]}]),
        json!([{"from": [{"other": {"cnf.x5t#S256": "*"}}, {"sub": ""}]}]),
    ]
}

fn tokens() -> Vec<Token> {
    let options = |all: Vec<Value>| std::iter::once(None).chain(all.into_iter().map(Some));
    let cnf = |byte| json!({"x5t#S256": thumbprint(byte).to_base64url()});
    let mut tokens = vec![Token::default()];
    for sub in
        options(vec![json!(""), json!("x"), json!(PAYMENTS), json!(ACCOUNT), json!(WAYPOINT)])
    {
        for cnf in options(vec![cnf(1), cnf(2), json!({"jkt": "x"}), Value::Null]) {
            for more in [
                json!({}),
                json!({"jti": "1"}),
                json!({"jti": null, "act": {"sub": "a"}}),
                json!({"act": "a", "act.sub": "a"}),
                json!({"jti": {}, "act": {"sub": {}}, "cnf.x5t#S256": thumbprint(1).to_base64url()}),
            ] {
                let mut claims = json!({"iss": ISSUER, "aud": "a", "exp": NOW + 60});
                let claims = claims.as_object_mut().unwrap();
                claims.extend(sub.clone().map(|sub| ("sub".to_owned(), sub)));
                claims.extend(cnf.clone().map(|cnf| ("cnf".to_owned(), cnf)));
                claims.extend(more.as_object().unwrap().clone());
                let token = Token::new(claims.clone()).unwrap();
                let types = ["", "at+jwt", "jwt", "other"].map(TokenType::named);
                tokens.extend(types.map(|it| token.clone().of_type(&it)));
            }
        }
    }
    tokens
}

fn senders() -> Vec<Sender> {
    let sender = |peer: Option<&str>, behind: Option<&str>, byte: Option<u8>| Sender {
        peer: peer.map(str::to_owned),
        behind: behind.map(|id| ("x-forwarded-client-cert".to_owned(), id.to_owned())),
        certificate: byte.map(|byte| thumbprint(byte).to_hex()),
    };
    vec![
        sender(None, None, None),
        sender(None, None, Some(1)),
        sender(Some(PAYMENTS), None, Some(1)),
        sender(Some(PAYMENTS), None, Some(2)),
        sender(Some(WAYPOINT), None, Some(2)),
        sender(Some(WAYPOINT), Some(PAYMENTS), Some(1)),
        sender(Some(WAYPOINT), Some("x"), Some(2)),
        sender(Some(PAYMENTS), Some(WAYPOINT), Some(1)),
    ]
}

/// What is called equal is, request by request, and so is what is called narrower.
#[test]
fn what_is_proved_of_bound_tokens_holds() {
    let (tokens, senders) = (tokens(), senders());
    let requests = || {
        senders.iter().flat_map(|sender| {
            tokens.iter().map(move |token| Example {
                host: "api.test".to_owned(),
                method: "GET".to_owned(),
                path: Some("/".to_owned()),
                token: token.clone(),
                sender: sender.clone(),
            })
        })
    };
    let requests: Vec<_> = requests().collect();
    let mut policies = Vec::new();
    for (number, rule) in jwt_rules().iter().enumerate() {
        for (other, rules) in principals().iter().enumerate() {
            // Each rule with some of the principals, each principal with some of the rules.
            if (number + 2 * other) % 3 == 0 || other == 0 {
                let policy = bound(rule, rules);
                let judge = Judge::new(&policy, NOW).unwrap();
                let allowed: Vec<_> = requests.iter().map(|it| judge.decide(it).allowed).collect();
                policies.push((policy, allowed));
            }
        }
    }
    let (mut known, mut unknown) = (0_usize, 0_usize);
    for (old, before) in &policies {
        for (new, after) in &policies {
            let verdict = verdict(old, new);
            let gained = before.iter().zip(after).position(|(before, after)| !before && *after);
            let lost = before.iter().zip(after).position(|(before, after)| *before && !after);
            let is_wrong = match verdict {
                Verdict::Equal => gained.or(lost),
                Verdict::Narrower => gained,
                Verdict::Wider => lost,
                Verdict::Crossing | Verdict::Undecided => None,
            };
            if let Some(at) = is_wrong {
                panic!(
                    "{verdict:?}: {}\n{}\n{}",
                    requests[at].query(),
                    serde_json::to_string(old).unwrap(),
                    serde_json::to_string(new).unwrap()
                );
            }
            match verdict {
                Verdict::Undecided => unknown += 1,
                _ => known += 1,
            }
        }
    }
    assert!(unknown * 20 < known, "{unknown} of {} are undecided", known + unknown);
}

#[test]
fn what_is_loosened_is_wider() {
    let rules = json!([{"from": [{"sub": "*"}]}]);
    let spiffe: Value = serde_json::from_str(SPIFFE).unwrap();
    let audience = json!({"audiences": ["a"], "require_expiration": true});
    for (strict, loose) in [
        (json!({"certificate_bound": "required"}), json!({"certificate_bound": "if_present"})),
        (json!({"certificate_bound": "if_present"}), json!({})),
        (json!({"certificate_bound": "required"}), json!({})),
        (json!({"token_types": ["at+jwt"]}), json!({})),
        (json!({"token_types": ["at+jwt"]}), json!({"token_types": ["at+jwt", ""]})),
        (json!({"required_claims": ["jti", "act.sub"]}), json!({"required_claims": ["jti"]})),
        (json!({"required_claims": ["exp"]}), json!({})),
        (spiffe, audience),
        (json!({"workload_bound": "kubernetes"}), json!({})),
    ] {
        let (old, new) = (bound(&strict, &rules), bound(&loose, &rules));
        assert_eq!(verdict(&old, &new), Verdict::Wider, "{strict} {loose}");
        assert_eq!(verdict(&new, &old), Verdict::Narrower, "{strict} {loose}");
        assert_eq!(verdict(&old, &old.clone()), Verdict::Equal);
    }
}

/// Who is trusted to speak for others decides whose token it is: that is never called equal.
#[test]
fn whom_a_peer_speaks_for_matters_where_tokens_are_bound() {
    let rules = json!([{"from": [{"sub": "*"}]}]);
    for rule in [json!({"certificate_bound": "required"}), json!({"workload_bound": "kubernetes"})]
    {
        let old = bound(&rule, &rules);
        let mut new = old.clone();
        new.source_identity.propagated = None;
        assert_eq!(verdict(&old, &new), Verdict::Undecided, "{rule}");
    }
    let old = bound(&json!({}), &rules);
    let mut new = old.clone();
    new.source_identity.propagated = None;
    assert_eq!(verdict(&old, &new), Verdict::Equal);
}

/// A trusted peer may bring in a token that is not its own.
#[test]
fn guarantees_know_whose_tokens_count() {
    let rules = json!([{"from": [{"sub": ACCOUNT}]}]);
    let policy = bound(&json!({"workload_bound": "kubernetes"}), &rules);
    let never = |workload: &str| {
        let area = Area { workloads: Some(vec![workload.to_owned()]), ..Area::default() };
        let demand = Demand::Never(Region { area, except: None });
        Prover::new(&policy, NOW).unwrap().judge(&demand).unwrap()
    };
    assert!(matches!(never("shop/*"), Outcome::Proved(_)));
    let Outcome::Refuted(own) = never("pay/*") else { panic!("the account itself") };
    assert_eq!(own.example.sender.peer.as_deref(), Some(PAYMENTS));
    let Outcome::Refuted(behind) = never("infra/*") else { panic!("the waypoint speaks for it") };
    assert_eq!(behind.example.sender.behind.unwrap().1, PAYMENTS);
    let mut alone = policy.clone();
    alone.source_identity.propagated = None;
    let area = Area { workloads: Some(vec!["infra/*".to_owned()]), ..Area::default() };
    let demand = Demand::Never(Region { area, except: None });
    let outcome = Prover::new(&alone, NOW).unwrap().judge(&demand).unwrap();
    assert!(matches!(outcome, Outcome::Proved(_)), "{outcome:?}");
}
