//! Tokens of every algorithm: what is judged of them is the same for each, whoever verifies the
//! signature, Envoy or the module itself.

use crate::support::gateway::Gateway;
use crate::support::jwks::{Behaviour, Jwks};
use crate::support::keys::{self, Signer};
use crate::support::raw::Request;
use crate::support::table::Table;
use crate::support::token::{ISSUER, Recipe};
use egress_auth::demo::echo::Echo;
use serde_json::json;

#[test]
fn rs256() {
    Table::read("claims").run("RS256", 1);
}

#[test]
fn ps256() {
    Table::read("claims").run("PS256", 1);
}

#[test]
fn es256() {
    Table::read("claims").run("ES256", 1);
}

#[test]
fn es384() {
    Table::read("claims").run("ES384", 1);
}

#[test]
fn es512() {
    Table::read("claims").run("ES512", 1);
}

#[test]
fn eddsa() {
    Table::read("claims").run("EdDSA", 1);
}

#[test]
fn ed25519() {
    Table::read("claims").run("Ed25519", 1);
}

/// A bundle of SPIFFE says of each key what it is for, and holds those of certificates as well.
#[test]
fn keys_of_a_spiffe_bundle_verify_what_they_are_for() {
    let marked = |algorithm: &str, usage: &str| {
        let mut key = keys::jwk(Signer::Issuer, algorithm);
        key["use"] = usage.into();
        key
    };
    let of_tokens = ["RS256", "ES256", "ES512", "Ed25519"];
    let of_certificates = "ES384";
    let mut bundle = of_tokens.map(|algorithm| marked(algorithm, "jwt-svid")).to_vec();
    bundle.push(marked(of_certificates, "x509-svid"));
    let issuer = Jwks::with(Behaviour::Serve(keys::jwks(&bundle)), None);
    let echo = Echo::start().unwrap();
    let servers = format!(
        "- name: api\n  hostname: api.test\n  authentication:\n    jwt:\n      \
         issuer: {ISSUER}\n      jwksUri: {ISSUER}/jwks\n"
    );
    let envoy = Gateway::of_servers(&servers)
        .upstream("auth.example.com", issuer.address())
        .upstream("api.test", echo.address())
        .start(1);
    let send = |algorithm: &str| {
        let token = Recipe::good().token(algorithm);
        Request::new("GET", "api.test", "/").bearer(&token).send(envoy.gateway())
    };
    for algorithm in of_tokens {
        assert_eq!(send(algorithm).status, 200, "{algorithm}");
    }
    let response = send(of_certificates);
    let unknown_key = "Jwks doesn't have key to match kid or alg from Jwt";
    assert_eq!((response.status, response.body.as_str()), (401, unknown_key));
}

/// A key has one of two names for its algorithm, or none, and the token has one of the two.
#[test]
fn both_names_of_ed25519_mean_the_same() {
    let echo = Echo::start().unwrap();
    let key = keys::jwk(Signer::Issuer, "EdDSA");
    let mut named = key.clone();
    named["alg"] = "Ed25519".into();
    let all = [("old", key.clone()), ("new", named), ("none", keys::without_algorithm(&key))];
    let mut servers = String::new();
    for (name, key) in &all {
        let jwks = keys::jwks(std::slice::from_ref(key));
        servers.push_str(&format!(
            "- name: {name}\n  hostname: {name}.test\n  authentication:\n    jwt:\n      \
             issuer: {ISSUER}\n      jwks: '{jwks}'\n"
        ));
    }
    let mut gateway = Gateway::of_servers(&servers);
    for (name, _) in &all {
        gateway = gateway.upstream(&format!("{name}.test"), echo.address());
    }
    let envoy = gateway.start(1);
    for (name, _) in &all {
        for algorithm in ["EdDSA", "Ed25519"] {
            let recipe = json!({"header": {"kid": null}});
            let token = serde_json::from_value::<Recipe>(recipe).unwrap().token(algorithm);
            let request = Request::new("GET", format!("{name}.test"), "/").bearer(&token);
            assert_eq!(request.send(envoy.gateway()).status, 200, "{name} {algorithm}");
        }
    }
}

#[test]
fn shared_secrets_count_only_where_the_gateway_holds_them() {
    let echo = Echo::start().unwrap();
    let issuer = Jwks::start();
    // The secret is the public key of the issuer's RSA key, which makes the confusion perfect.
    let secret = json!({"keys": [{"kty": "oct", "k": keys::base64url(keys::public_pem())}]});
    let servers = format!(
        "- name: inline\n  hostname: inline.test\n  authentication:\n    jwt:\n      \
         issuer: {ISSUER}\n      jwks: '{secret}'\n\
         - name: fetched\n  hostname: fetched.test\n  authentication:\n    jwt:\n      \
         issuer: {ISSUER}\n      jwksUri: {ISSUER}/jwks\n\
         - name: pinned\n  hostname: pinned.test\n  authentication:\n    jwt:\n      \
         issuer: {ISSUER}\n      jwks: '{}'\n",
        keys::all_keys()
    );
    let envoy = Gateway::of_servers(&servers)
        .upstream("auth.example.com", issuer.address())
        .upstream("inline.test", echo.address())
        .upstream("fetched.test", echo.address())
        .upstream("pinned.test", echo.address())
        .start(1);
    let by_secret =
        json!({"alg": "HS256", "signer": "public-key-as-secret", "header": {"kid": null}});
    let by_secret = serde_json::from_value::<Recipe>(by_secret).unwrap().token("");
    let by_key = Recipe::good().token("RS256");
    // One issuer, three sets of keys: each server has its own.
    for (host, with_secret, with_key) in
        [("inline.test", 200, 401), ("fetched.test", 401, 200), ("pinned.test", 401, 200)]
    {
        for (token, status) in [(&by_secret, with_secret), (&by_key, with_key)] {
            let response = Request::new("GET", host, "/").bearer(token).send(envoy.gateway());
            assert_eq!(response.status, status, "{host}: {}", response.body);
        }
    }
}

#[test]
fn every_size_of_hash_that_is_listed_verifies() {
    let echo = Echo::start().unwrap();
    let servers = format!(
        "- name: api\n  hostname: api.test\n  authentication:\n    jwt:\n      \
         issuer: {ISSUER}\n      jwks: '{}'\n",
        keys::jwks(&[keys::without_algorithm(&keys::jwk(Signer::Issuer, "RS256"))])
    );
    let envoy = Gateway::of_servers(&servers).upstream("api.test", echo.address()).start(1);
    for algorithm in ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] {
        let recipe = json!({"header": {"kid": null}});
        let token = serde_json::from_value::<Recipe>(recipe).unwrap().token(algorithm);
        let send =
            |token: &str| Request::new("GET", "api.test", "/").bearer(token).send(envoy.gateway());
        assert_eq!(send(&token).status, 200, "{algorithm}");
        // One bit of the signature is another.
        let (input, signature) = token.rsplit_once('.').unwrap();
        let first = if signature.starts_with('A') { "B" } else { "A" };
        let response = send(&format!("{input}.{first}{}", &signature[1..]));
        assert_eq!(response.body, "Jwt verification fails", "{algorithm}");
    }
}
