//! What of a request's headers goes on: nothing that a client forged, and no token that nobody has
//! verified, in whatever spelling and form.

use serde_json::{Value, json};

use super::tests::{allowed, bearer, claims, decide, engine, status};
use super::*;

/// Hosts that look for tokens in `x-mesh-token` and behind `JWT ` in `x-auth`: one that asks for
/// none, one that is only tried out, one that hands tokens on.
fn with_own_headers() -> Engine {
    engine(|policy| {
        let rule = |issuer: &str, forward: bool| {
            let mut rule = policy["jwt_rules"][0].clone();
            rule["issuer"] = json!(issuer);
            rule["from_headers"] =
                json!([{"name": "x-mesh-token"}, {"name": "x-auth", "prefix": "JWT "}]);
            rule["forward_original_token"] = json!(forward);
            rule
        };
        let issuer = policy["jwt_rules"][0]["issuer"].as_str().unwrap();
        let rules = [rule(issuer, false), rule(issuer, true)];
        policy["jwt_rules"].as_array_mut().unwrap().extend(rules);
        policy["servers"].as_array_mut().unwrap().extend([
            json!({"name": "own", "hostname": "own.test",
                   "authentication": {"jwt": [1], "required": false}}),
            json!({"name": "tried", "hostname": "tried.test", "shadow_authentication": true,
                   "authentication": {"jwt": [0]}}),
            json!({"name": "forwards", "hostname": "forwards.test",
                   "authentication": {"jwt": [2], "required": false}}),
        ]);
    })
}

fn removed(engine: &Engine, host: &str, headers: &[(&str, &str)]) -> Vec<String> {
    let decision = decide(engine, &format!("GET {host} /"), headers);
    allowed(decision).remove.into_iter().map(Into::into).collect()
}

#[test]
fn output_headers_are_forged_in_no_spelling() {
    let engine = engine(|_| {});
    let token = bearer(&claims());
    for first in 0x21..=0x7E_u8 {
        for second in [first, b'-', b'_', b'x'] {
            let (first, second) = (char::from(first), char::from(second));
            let name = format!("x{first}jwt{second}payload");
            let same = !first.is_alphanumeric() && !second.is_alphanumeric();
            for host in ["optional.test", "ingress.test"] {
                let removed = removed(&engine, host, &[(&name, "forged")]);
                assert_eq!(removed, Vec::from_iter(same.then(|| name.clone())), "{host}");
            }
            let verified = removed(&engine, "any.test", &[(&name, "f"), ("authorization", &token)]);
            assert_eq!(verified.contains(&name), same, "{name}");
        }
    }
}

#[test]
fn identities_are_forged_in_no_spelling() {
    let named = engine(|policy| {
        policy["source_identity"] = json!({
            "trust_domains": ["cluster.local"],
            "propagated": {"header": "x-caller", "trusted_sources": ["istio-system/ingress"]},
        });
    });
    for name in ["x-caller", "x_caller", "x~caller", "x_forwarded_client_cert"] {
        assert_eq!(removed(&named, "ingress.test", &[(name, "forged")]), [name]);
        assert!(named.is_reserved_trailer(name.as_bytes(), b"forged"), "{name}");
    }
    // Envoy writes this one itself, but for trailers.
    assert!(removed(&named, "ingress.test", &[("x-forwarded-client-cert", "of Envoy")]).is_empty());
    assert!(named.is_reserved_trailer(b"x-forwarded-client-cert", b"forged"));
}

#[test]
fn a_token_that_is_not_read_does_not_go_on() {
    let engine = with_own_headers();
    let token = bearer(&claims());
    let token = token.strip_prefix("Bearer ").unwrap();
    for (name, value) in [
        ("authorization", format!("Bearer\t{token}")),
        ("authorization", format!("bearer\t {token}")),
        ("authorization", format!("Basic x,\tBearer\t{token}")),
    ] {
        for host in ["optional.test", "tried.test"] {
            assert_eq!(removed(&engine, host, &[(name, &value)]), [name], "{host} {value:?}");
        }
    }
    for (name, value) in [
        ("x_mesh_token", token.to_owned()),
        ("x.auth", format!("JWT {token}")),
        ("x-auth", format!("JWT\t{token}")),
        ("x-auth", format!("jwt {token}")),
        ("x-auth", format!("Bearer {token}")),
    ] {
        // Not even where tokens are handed on: nobody has verified this one.
        for host in ["own.test", "forwards.test"] {
            assert_eq!(removed(&engine, host, &[(name, &value)]), [name], "{host} {value:?}");
        }
        assert!(engine.is_reserved_trailer(name.as_bytes(), value.as_bytes()), "{name}");
    }
    let both = [("x-mesh-token", token), ("x_mesh_token", token), ("x-auth", "JWT\tx")];
    assert_eq!(removed(&engine, "own.test", &both), ["x-mesh-token", "x_mesh_token", "x-auth"]);
    assert_eq!(removed(&engine, "forwards.test", &both), ["x_mesh_token", "x-auth"]);
}

#[test]
fn credentials_of_other_schemes_go_on_as_they_are() {
    let engine = with_own_headers();
    for value in [
        "Basic dXNlcjpwYXNz",
        "Digest username=\"Mufasa\", realm=\"a\", uri=\"/dir/index.html\", response=\"6629\"",
        "AWS4-HMAC-SHA256 Credential=AKID/20150830/us-east-1/iam/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature=5d67",
    ] {
        for (host, name) in [
            ("optional.test", "authorization"),
            ("tried.test", "authorization"),
            ("own.test", "authorization"),
            ("own.test", "x-auth"),
        ] {
            assert!(removed(&engine, host, &[(name, value)]).is_empty(), "{host} {name} {value}");
        }
        // A header that comes twice is not read, and where that is only reported, both go on.
        let twice = [("authorization", value), ("authorization", value)];
        assert_eq!(status(&decide(&engine, "GET optional.test /", &twice)), 401);
        assert!(removed(&engine, "tried.test", &twice).is_empty(), "{value}");
    }
    // What holds no token at all is not this gateway's matter either.
    assert!(removed(&engine, "own.test", &[("authorization", "Bearer of-the-api")]).is_empty());
    let trailer = engine.is_reserved_trailer(b"authorization", b"Basic dXNlcjpwYXNz");
    assert!(!trailer && !engine.is_reserved_trailer(b"x-checksum", b"Bearer x"));
}

#[test]
fn cookies_with_tokens_are_no_trailers() {
    let engine = engine(|policy| policy["jwt_rules"][0]["from_cookies"] = json!(["sid"]));
    assert!(engine.is_reserved_trailer(b"Cookie", b"a=b; sid=t"));
    assert!(!engine.is_reserved_trailer(b"cookie", b"a=sid"));
}

#[test]
fn a_header_that_upstreams_take_for_another_is_refused() {
    let output = |name: &str| json!([{"header": name, "claim": "sub"}]);
    let twice = json!([{"header": "x-a", "claim": "sub"}, {"header": "x.a", "claim": "iss"}]);
    let token = json!([{"name": "x-jwt~payload"}]);
    let table: [(&str, Value, &str); 6] = [
        ("output_claim_to_headers", output("content.type"), "may set"),
        ("output_claim_to_headers", output("x!envoy!internal"), "may set"),
        ("output_claim_to_headers", output("x~jwt~payload"), "set twice"),
        ("output_claim_to_headers", twice, "set twice"),
        ("from_headers", token, "tokens are read"),
        ("from_headers", json!([{"name": "content_type"}]), "in which tokens arrive"),
    ];
    for (field, value, expected) in table {
        let mut policy = Value::Null;
        engine(|original| policy = original.clone());
        policy["jwt_rules"][0][field] = value.clone();
        let error = Engine::from_json(policy.to_string().as_bytes()).unwrap_err();
        assert!(error.message.contains(expected), "{value}: {error}");
    }
}
