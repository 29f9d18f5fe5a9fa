//! Tokens that are bound to a certificate or a workload, their types, and claims that they need.

use serde_json::{Value, json};

use super::tests::{claims, engine};
use super::*;
use crate::jwt::testing;
use crate::jwt::{Algorithm, SoftwareVerifier, Thumbprint, TokenCache};

const NOW: u64 = 1_700_000_000;
const XFCC: &str = "x-forwarded-client-cert";
const OWN: &str = "0101010101010101010101010101010101010101010101010101010101010101";
const OTHER: &str = "0202020202020202020202020202020202020202020202020202020202020202";
const PAYMENTS: &str = "spiffe://cluster.local/ns/pay/sa/api";
const BATCH: &str = "spiffe://cluster.local/ns/batch/sa/nightly";
const WAYPOINT: &str = "spiffe://cluster.local/ns/infra/sa/waypoint";

/// The engine with more said in its JWT rule, and a waypoint that is trusted.
fn bound(rule: &Value) -> Engine {
    engine(|policy| {
        let fields = policy["jwt_rules"][0].as_object_mut().unwrap();
        fields.extend(rule.as_object().unwrap().clone());
        policy["source_identity"] = json!({
            "trust_domains": ["cluster.local"],
            "propagated": {"header": XFCC, "trusted_sources": ["infra/waypoint"]},
        });
    })
}

fn thumbprint(hex: &str) -> String {
    Thumbprint::from_hex(hex.as_bytes()).unwrap().to_base64url()
}

/// A token with more claims.
fn token(header: &Value, more: &Value) -> String {
    let mut payload = claims();
    payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut all = json!({"alg": "ES256"});
    all.as_object_mut().unwrap().extend(header.as_object().unwrap().clone());
    testing::raw_token(Algorithm::Es256, &all.to_string(), payload.to_string())
}

type Cache = TokenCache<std::rc::Rc<Verified>>;

/// The status and the code of `GET any.test /` with a token, from a peer.
fn decide(
    engine: &Engine,
    cache: &mut Cache,
    token: &str,
    peer: KnownCertificate<'_>,
    forwarded: &[&str],
) -> String {
    let bearer = format!("Bearer {token}");
    let mut headers: Vec<(&[u8], &[u8])> = vec![
        (b":method", b"GET"),
        (b":scheme", b"https"),
        (b":authority", b"any.test"),
        (b":path", b"/"),
        (b"authorization", bearer.as_bytes()),
    ];
    headers.extend(forwarded.iter().map(|value| (XFCC.as_bytes(), value.as_bytes())));
    let (keys, verifier) = (&KeyRing::default(), &SoftwareVerifier);
    let mut context = Context { now: NOW, keys, verifier, peer: &peer, cache };
    let request = Request { headers, claims: None };
    match engine.decide(&request, &mut context, &mut NoTrace) {
        Verdict::Decided(decision) => {
            format!("{} {}", super::tests::status(&decision), decision.code())
        }
        Verdict::AwaitKeys(wait) => panic!("waits for {wait:?}"),
    }
}

/// The same without a memory.
fn once(engine: &Engine, token: &str, peer: KnownCertificate<'_>, forwarded: &[&str]) -> String {
    decide(engine, &mut TokenCache::new(10, 100_000, 1), token, peer, forwarded)
}

fn peer<'a>(uri_sans: &'a str, sha256: &'a str) -> KnownCertificate<'a> {
    KnownCertificate { uri_sans, sha256 }
}

const ALLOWED: &str = "200 allowed";
const HOLDER: &str = "401 wrong_holder";

#[test]
fn a_certificate_is_compared_as_the_rule_asks() {
    let bound_to = |hex: &str| json!({"cnf": {"x5t#S256": thumbprint(hex)}});
    let upper = "AB".repeat(32);
    for (more, sha256, [ignored, if_present, required]) in [
        (bound_to(OWN), OWN, [true, true, true]),
        (bound_to(OWN), OTHER, [true, false, false]),
        (bound_to(OWN), "", [true, false, false]),
        (bound_to(OWN), "01", [true, false, false]),
        (bound_to(OWN), "not hexadecimal", [true, false, false]),
        (bound_to(&upper), upper.as_str(), [true, true, true]),
        (bound_to(&upper.to_ascii_lowercase()), upper.as_str(), [true, true, true]),
        (json!({}), OWN, [true, true, false]),
        (json!({}), "", [true, true, false]),
        (json!({"cnf": null}), OWN, [true, false, false]),
        (json!({"cnf": {}}), OWN, [true, false, false]),
        (json!({"cnf": {"jkt": thumbprint(OWN)}}), OWN, [true, false, false]),
        (json!({"cnf": {"jwk": {"kty": "oct"}}}), OWN, [true, false, false]),
        (json!({"cnf": {"x5t#S256": OWN}}), OWN, [true, false, false]),
        (json!({"cnf": {"x5t#S256": ""}}), "", [true, false, false]),
        (json!({"cnf": [{"x5t#S256": thumbprint(OWN)}]}), OWN, [true, false, false]),
        (json!({"cnf.x5t#S256": thumbprint(OTHER)}), OWN, [true, true, false]),
    ] {
        let token = token(&json!({}), &more);
        for (mode, allowed) in
            [("ignored", ignored), ("if_present", if_present), ("required", required)]
        {
            let engine = bound(&json!({"certificate_bound": mode}));
            let expected = if allowed { ALLOWED } else { HOLDER };
            let came = once(&engine, &token, peer(PAYMENTS, sha256), &[]);
            assert_eq!(came, expected, "{mode} {more} {sha256}");
        }
    }
}

/// Whoever is trusted speaks for one client, and nobody else does.
#[test]
fn a_trusted_peer_hands_on_a_certificate() {
    let engine = bound(&json!({"certificate_bound": "required"}));
    let token = token(&json!({}), &json!({"cnf": {"x5t#S256": thumbprint(OWN)}}));
    let hash = |hex: &str| format!("By=x;Hash={hex};URI={PAYMENTS}");
    let (own, other) = (hash(OWN), hash(OTHER));
    let both = format!("{other},{own}");
    let reversed = format!("{own},{other}");
    let twice = format!("Hash={OWN};Hash={OWN}");
    let upper = hash(&OWN.to_ascii_uppercase());
    for (peer, forwarded, expected) in [
        (peer(WAYPOINT, OTHER), vec![own.as_str()], ALLOWED),
        (peer(WAYPOINT, OTHER), vec![&upper], ALLOWED),
        (peer(WAYPOINT, OTHER), vec![&both], ALLOWED),
        (peer(WAYPOINT, OTHER), vec![&reversed], HOLDER),
        // The waypoint has the certificate, and whom it speaks for has not.
        (peer(WAYPOINT, OWN), vec![&other], HOLDER),
        // Nobody is spoken for: the token is the waypoint's own.
        (peer(WAYPOINT, OWN), vec![], ALLOWED),
        (peer(WAYPOINT, OTHER), vec![], HOLDER),
        (peer(WAYPOINT, OWN), vec![&twice], HOLDER),
        (peer(WAYPOINT, OWN), vec![""], HOLDER),
        (peer(WAYPOINT, OWN), vec!["Hash=\""], HOLDER),
        (peer(WAYPOINT, OWN), vec![&own, &own], HOLDER),
        (peer(WAYPOINT, OWN), vec!["URI=spiffe://cluster.local/ns/pay/sa/api"], HOLDER),
        // Forged by whoever is not trusted.
        (peer(BATCH, OTHER), vec![&own], HOLDER),
        (peer(BATCH, OWN), vec![&other], ALLOWED),
        (peer("", OTHER), vec![&own], HOLDER),
        (peer("", ""), vec![&own], HOLDER),
        // Two names are nobody's, but the certificate is the one that the token names.
        (peer("spiffe://cluster.local/ns/infra/sa/waypoint,x", OTHER), vec![&own], HOLDER),
        (peer("spiffe://cluster.local/ns/infra/sa/waypoint,x", OWN), vec![&other], ALLOWED),
    ] {
        assert_eq!(once(&engine, &token, peer, &forwarded), expected, "{peer:?} {forwarded:?}");
    }
}

#[test]
fn the_subject_is_the_workload() {
    let spiffe = json!({"workload_bound": "spiffe", "require_expiration": true});
    let kubernetes = json!({"workload_bound": "kubernetes"});
    let free = "spiffe://cluster.local/payments/api/v2";
    let account = "system:serviceaccount:pay:api";
    let projected = |namespace: Value, name: Value| json!({"sub": account, "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": name}}});
    let two = format!("{PAYMENTS},{BATCH}");
    let mut table = vec![
        (&spiffe, json!({"sub": PAYMENTS}), PAYMENTS, ALLOWED),
        (&spiffe, json!({"sub": free}), free, ALLOWED),
        (&spiffe, json!({"sub": PAYMENTS}), BATCH, HOLDER),
        (&spiffe, json!({"sub": PAYMENTS}), "", HOLDER),
        (&spiffe, json!({"sub": ""}), "", HOLDER),
        (&spiffe, json!({"sub": two}), two.as_str(), HOLDER),
        (&spiffe, json!({"sub": PAYMENTS}), two.as_str(), HOLDER),
        (&spiffe, json!({"sub": account}), PAYMENTS, HOLDER),
        (&spiffe, json!({"sub": "spiffe://old.test/x"}), "spiffe://old.test/x", HOLDER),
        (&spiffe, json!({"sub": "spiffe://cluster.local"}), "spiffe://cluster.local", HOLDER),
        (&spiffe, json!({"sub": "spiffe://cluster.local/"}), "spiffe://cluster.local/", HOLDER),
        (&spiffe, json!({"sub": "SPIFFE://cluster.local/x"}), "spiffe://cluster.local/x", HOLDER),
        (&kubernetes, json!({"sub": account}), PAYMENTS, ALLOWED),
        (&kubernetes, json!({"sub": account}), BATCH, HOLDER),
        (&kubernetes, json!({"sub": account}), free, HOLDER),
        (&kubernetes, json!({"sub": PAYMENTS}), PAYMENTS, HOLDER),
        (&kubernetes, json!({"sub": "system:serviceaccount:pay:api:x"}), PAYMENTS, HOLDER),
        (&kubernetes, json!({"sub": "system:serviceaccount::pay:api"}), PAYMENTS, HOLDER),
        (&kubernetes, json!({"sub": "system:serviceaccount:pay"}), PAYMENTS, HOLDER),
        (&kubernetes, projected(json!("pay"), json!("api")), PAYMENTS, ALLOWED),
        (&kubernetes, projected(json!("batch"), json!("api")), PAYMENTS, HOLDER),
        (&kubernetes, projected(json!("pay"), json!("web")), PAYMENTS, HOLDER),
        (&kubernetes, projected(json!(null), json!("api")), PAYMENTS, HOLDER),
        (&kubernetes, projected(json!("pay"), json!(["api"])), PAYMENTS, HOLDER),
    ];
    for said in [json!(null), json!("pay"), json!([]), json!({"serviceaccount": "api"})] {
        let more = json!({"sub": account, "kubernetes.io": said});
        table.push((&kubernetes, more, PAYMENTS, HOLDER));
    }
    for (value, expected) in [(json!("pay"), ALLOWED), (json!("x"), HOLDER), (json!(1), HOLDER)] {
        let more = json!({"sub": account, "kubernetes.io/serviceaccount/namespace": value});
        table.push((&kubernetes, more, PAYMENTS, expected));
    }
    for (rule, more, uri_sans, expected) in table {
        let came = once(&bound(rule), &token(&json!({}), &more), peer(uri_sans, OWN), &[]);
        assert_eq!(came, expected, "{more} {uri_sans}");
    }
}

/// The one who is spoken for, or else the peer: never either of both.
#[test]
fn one_workload_counts() {
    let engine = bound(&json!({"workload_bound": "spiffe", "require_expiration": true}));
    let token = |sub: &str| token(&json!({}), &json!({"sub": sub}));
    let uri = |id: &str| format!("Hash={OWN};URI={id}");
    let (payments, batch) = (uri(PAYMENTS), uri(BATCH));
    for (sub, from, forwarded, expected) in [
        (PAYMENTS, WAYPOINT, vec![payments.as_str()], ALLOWED),
        (PAYMENTS, WAYPOINT, vec![&batch], HOLDER),
        (WAYPOINT, WAYPOINT, vec![&payments], HOLDER),
        (WAYPOINT, WAYPOINT, vec![], ALLOWED),
        (WAYPOINT, WAYPOINT, vec!["URI=x;URI=y"], HOLDER),
        (WAYPOINT, WAYPOINT, vec!["Hash=ab"], HOLDER),
        (PAYMENTS, BATCH, vec![&payments], HOLDER),
        (BATCH, BATCH, vec![&payments], ALLOWED),
    ] {
        let came = once(&engine, &token(sub), peer(from, OWN), &forwarded);
        assert_eq!(came, expected, "{sub} {from} {forwarded:?}");
    }
}

/// A remembered token is compared with the certificate of each connection.
#[test]
fn nothing_of_the_holder_is_remembered() {
    let engine = bound(&json!({"certificate_bound": "if_present"}));
    let token = token(&json!({}), &json!({"cnf": {"x5t#S256": thumbprint(OWN)}}));
    let mut cache = TokenCache::new(10, 100_000, 1);
    for (sha256, expected) in [(OWN, ALLOWED), (OTHER, HOLDER), ("", HOLDER), (OWN, ALLOWED)] {
        let came = decide(&engine, &mut cache, &token, peer(PAYMENTS, sha256), &[]);
        assert_eq!(came, expected, "{sha256}");
    }
}

#[test]
fn types_and_claims_are_judged_after_time_and_audience_and_before_the_holder() {
    let engine = bound(&json!({
        "token_types": ["at+jwt"],
        "required_claims": ["jti"],
        "certificate_bound": "required",
    }));
    let (typ, jti) = (json!({"typ": "application/AT+JWT"}), json!("1"));
    let cnf = json!({"x5t#S256": thumbprint(OWN)});
    for (header, more, expected) in [
        (&typ, json!({"jti": jti, "cnf": cnf}), ALLOWED),
        (&json!({}), json!({"exp": 1}), "401 expired"),
        (&json!({}), json!({"aud": "x"}), "403 wrong_audience"),
        (&json!({}), json!({}), "401 wrong_token_type"),
        (&json!({"typ": "JWT"}), json!({"jti": jti, "cnf": cnf}), "401 wrong_token_type"),
        (&json!({"typ": null}), json!({"jti": jti, "cnf": cnf}), "401 wrong_token_type"),
        (&typ, json!({"cnf": cnf}), "401 missing_claim"),
        (&typ, json!({"jti": null, "cnf": cnf}), "401 missing_claim"),
        (&typ, json!({"jti": jti}), HOLDER),
    ] {
        let mut cache = TokenCache::new(10, 100_000, 1);
        let token = token(header, &more);
        // Remembered or not, the answer is the same.
        for _ in 0..2 {
            let came = decide(&engine, &mut cache, &token, peer(PAYMENTS, OWN), &[]);
            assert_eq!(came, expected, "{header} {more}");
        }
    }
}

/// A token that need not be there must be the sender's own if it is, and one that is only tried out
/// counts as none.
#[test]
fn an_optional_token_is_held_too() {
    let engine = engine(|policy| {
        policy["jwt_rules"][0]["certificate_bound"] = json!("required");
        policy["servers"][1]["authentication"]["required"] = json!(false);
        policy["servers"][0]["shadow_authentication"] = json!(true);
    });
    let stolen = token(&json!({}), &json!({"cnf": {"x5t#S256": thumbprint(OWN)}}));
    assert_eq!(once(&engine, &stolen, peer(PAYMENTS, OWN), &[]), ALLOWED);
    assert_eq!(once(&engine, &stolen, peer(BATCH, OTHER), &[]), HOLDER);
    assert_eq!(once(&engine, "", peer(BATCH, OTHER), &[]), ALLOWED);
    let bearer = format!("Bearer {stolen}");
    // Without a token of the caller's own no rule with `from` admits it, and it goes no further.
    let decision =
        super::tests::decide(&engine, "GET api.test /v1/payments/1", &[("authorization", &bearer)]);
    assert_eq!((super::tests::status(&decision), decision.reason), (403, Reason::NoRuleMatched));
}

/// What a forged token says is not looked at.
#[test]
fn nothing_is_said_of_a_token_before_its_signature_holds() {
    let engine = bound(&json!({"token_types": ["at+jwt"], "certificate_bound": "required"}));
    let forged = token(&json!({}), &json!({"cnf": {}})) + "AA";
    let came = once(&engine, &forged, peer(PAYMENTS, OWN), &[]);
    assert!(came.starts_with("401 ") && !came.contains("wrong_"), "{came}");
}

#[test]
fn rules_that_cannot_be_meant_are_refused() {
    for (rule, expected) in [
        (json!({"token_types": []}), "jwt_rules[0].token_types"),
        (json!({"token_types": ["AT+jwt"]}), "jwt_rules[0].token_types"),
        (json!({"token_types": ["application/at+jwt"]}), "jwt_rules[0].token_types"),
        (json!({"token_types": null}), "jwt_rules[0].token_types"),
        (json!({"required_claims": [""]}), "jwt_rules[0].required_claims"),
        (json!({"certificate_bound": "ifPresent"}), "jwt_rules[0].certificate_bound"),
        (json!({"certificate_bound": null}), "jwt_rules[0].certificate_bound"),
        (json!({"workload_bound": "spiffe"}), "jwt_rules[0].audiences"),
        (
            json!({"workload_bound": "spiffe", "audiences": ["x"]}),
            "jwt_rules[0].require_expiration",
        ),
        (json!({"workload_bound": "istio"}), "jwt_rules[0].workload_bound"),
    ] {
        let mut whole =
            json!({"issuer": "i", "jwks": {"remote": {"uri": "https://i.test/", "cluster": "c"}}});
        whole.as_object_mut().unwrap().extend(rule.as_object().unwrap().clone());
        let policy = json!({"version": 1, "gateway": "n/g", "jwt_rules": [whole], "servers": []});
        let error = Engine::from_json(policy.to_string().as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{rule}: {error}");
    }
}
