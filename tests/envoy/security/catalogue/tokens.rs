//! Tokens that are not what they say, at a host and path that a good token opens.

use serde_json::{Value, json};

use super::{API, OTHER_ISSUER, Row, bearer, good, http1, payment, with_token};
use crate::support::keys::{self, Signer, base64url};
use crate::support::now;
use crate::support::token::{ISSUER, PAYMENTS_SERVICE, Recipe};

const KEYS: &str = "Algorithms and keys";
const FORM: &str = "Form of tokens";
const CLAIMS: &str = "Claims";
const PLACES: &str = "Places of tokens";

/// A token by a recipe, written as in the request tables.
fn made(recipe: Value) -> String {
    serde_json::from_value::<Recipe>(recipe).unwrap().token("RS256")
}

fn row(class: &'static str, attack: &'static str, known: &'static str, token: &str) -> Row {
    Row::nothing(class, attack, known, payment(&[("authorization", &bearer(token))]))
}

fn with_header(header: Value) -> String {
    made(json!({"header": header}))
}

fn with_claims(claims: Value) -> String {
    made(json!({"claims": claims}))
}

/// The rows.
pub fn rows() -> Vec<Row> {
    [keys(), form(), claims(), places()].concat()
}

fn keys() -> Vec<Row> {
    let attacker = keys::jwk(Signer::Other, "RS256");
    let by_other = |header: Value| made(json!({"signer": "other", "header": header}));
    let zeros = |alg: &str, length: usize| {
        made(json!({"alg": alg, "signature": base64url(vec![0_u8; length])}))
    };
    vec![
        row(
            KEYS,
            "`alg: none`, no signature",
            "CVE-2022-23540 (jsonwebtoken)",
            &made(json!({"alg": "none", "signer": "nobody"})),
        ),
        row(
            KEYS,
            "`alg: nOnE`, no signature",
            "",
            &made(json!({"alg": "nOnE", "signer": "nobody"})),
        ),
        row(KEYS, "`alg: none` with a good signature", "", &with_header(json!({"alg": "none"}))),
        row(
            KEYS,
            "an empty signature",
            "CVE-2020-28042 (ServiceStack)",
            &made(json!({"signer": "nobody"})),
        ),
        row(
            KEYS,
            "HS256 with the public RSA key as the secret",
            "CVE-2022-23541 (jsonwebtoken), CVE-2023-48223 (fast-jwt)",
            &made(json!({"alg": "HS256", "signer": "public-key-as-secret"})),
        ),
        row(
            KEYS,
            "the same with no `kid`",
            "CVE-2016-10555 (jwt-simple)",
            &made(
                json!({"alg": "HS256", "signer": "public-key-as-secret", "header": {"kid": null}}),
            ),
        ),
        row(KEYS, "RS256 signature, `alg: PS256`", "", &with_header(json!({"alg": "PS256"}))),
        row(
            KEYS,
            "RS256 signature, `alg: ES256` and that key's `kid`",
            "",
            &with_header(json!({"alg": "ES256", "kid": "issuer-ES256"})),
        ),
        row(KEYS, "ES256 signature of zeros", "CVE-2022-21449 (Java)", &zeros("ES256", 64)),
        row(KEYS, "ES384 signature of zeros", "CVE-2022-21449 (Java)", &zeros("ES384", 96)),
        row(KEYS, "EdDSA signature of zeros", "", &zeros("EdDSA", 64)),
        row(KEYS, "RS256 signature of zeros", "", &zeros("RS256", 256)),
        row(
            KEYS,
            "signed by another key, its own in `jwk`",
            "CVE-2018-0114 (node-jose)",
            &by_other(json!({"jwk": attacker})),
        ),
        row(
            KEYS,
            "signed by another key, its own at `jku`",
            "",
            &by_other(json!({"jku": "https://evil.test/jwks"})),
        ),
        row(
            KEYS,
            "signed by another key, its own at `x5u`",
            "",
            &by_other(json!({"x5u": "https://evil.test/cert"})),
        ),
        row(
            KEYS,
            "signed by another key, its own in `x5c`",
            "",
            &by_other(json!({"x5c": [base64url(b"certificate")]})),
        ),
        row(
            KEYS,
            "signed by another key, with its `kid`",
            "",
            &by_other(json!({"kid": "other-RS256"})),
        ),
        row(KEYS, "signed by another key, no `kid`", "", &by_other(json!({"kid": null}))),
        row(
            KEYS,
            "`kid: ../../../../dev/null`, empty secret",
            "",
            &made(
                json!({"alg": "HS256", "signer": "nobody", "header": {"kid": "../../../../dev/null"}}),
            ),
        ),
        row(KEYS, "`kid: ' OR 1=1 --`", "", &by_other(json!({"kid": "' OR 1=1 --"}))),
        row(KEYS, "`kid` is a list", "", &with_header(json!({"kid": ["issuer-RS256"]}))),
    ]
}

fn form() -> Vec<Row> {
    let token = good();
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts[..] else { panic!("three parts") };
    let signed = |header: &str, claims: &str| {
        let input = format!("{}.{}", base64url(header), base64url(claims));
        let signature = keys::sign(Signer::Issuer, "RS256", input.as_bytes());
        format!("{input}.{}", base64url(signature))
    };
    let plain = json!({"iss": ISSUER, "sub": PAYMENTS_SERVICE, "exp": now() + 600}).to_string();
    let alg = r#"{"alg":"RS256"}"#;
    let doubled = |member: &str| plain.replacen('{', &format!("{{{member},"), 1);
    vec![
        row(
            FORM,
            "the claims of another token",
            "",
            &format!("{header}.{}.{signature}", base64url(&plain)),
        ),
        row(
            FORM,
            "`crit`",
            "CVE-2025-59420 (Authlib)",
            &with_header(json!({"crit": ["exp"], "exp": 1})),
        ),
        row(FORM, "`b64: false`", "", &with_header(json!({"b64": false}))),
        row(FORM, "a detached payload", "", &format!("{header}..{signature}")),
        row(
            FORM,
            "JSON serialization",
            "CVE-2022-39227 (python-jwt)",
            &json!({"payload": claims, "protected": header, "signature": signature}).to_string(),
        ),
        row(FORM, "five parts (JWE)", "", &format!("{token}.AAAA.AAAA")),
        row(FORM, "four parts", "", &format!("{token}.")),
        row(FORM, "padding", "", &format!("{header}.{claims}.{signature}==")),
        row(FORM, "a space within", "", &format!("{header}.{claims} .{signature}")),
        row(FORM, "`iss` twice, the good one first", "", &signed(alg, &doubled(r#""iss":"evil""#))),
        row(FORM, "`exp` twice", "", &signed(alg, &doubled(r#""exp":1"#))),
        row(FORM, "`alg` twice", "", &signed(r#"{"alg":"RS256","alg":"RS256"}"#, &plain)),
        row(
            FORM,
            "one member twice, two levels down",
            "",
            &signed(alg, &doubled(r#""a":{"b":[{"c":1,"c":2}]}"#)),
        ),
        row(
            FORM,
            "the same member twice, once escaped",
            "",
            &signed(alg, &doubled(r#""\u0069ss":"evil""#)),
        ),
        row(
            FORM,
            "nesting of 10,000",
            "",
            &signed(alg, &doubled(&format!(r#""a":{}{}"#, "[".repeat(5_000), "]".repeat(5_000)))),
        ),
        row(FORM, "over 16 KiB", "", &made(json!({"padding": 16_384}))),
    ]
}

fn claims() -> Vec<Row> {
    let exp = |value: Value| with_claims(json!({ "exp": value }));
    let by = |issuer: &str, signer: &str, kid: &str| {
        made(json!({"claims": {"iss": issuer}, "signer": signer, "header": {"kid": kid}}))
    };
    let payload = |text: &str| made(json!({"payload": text}));
    vec![
        row(CLAIMS, "expired", "", &exp(json!("now-600"))),
        row(CLAIMS, "`exp: 0`", "", &exp(json!(0))),
        row(CLAIMS, "`exp: -1`", "", &exp(json!(-1))),
        row(
            CLAIMS,
            "`exp` is a string",
            "CVE-2026-25537 (jsonwebtoken of Rust)",
            &exp(json!("9999999999")),
        ),
        row(
            CLAIMS,
            "`exp` is null",
            "",
            &payload(&format!(r#"{{"iss":"{ISSUER}","sub":"{PAYMENTS_SERVICE}","exp":null}}"#)),
        ),
        row(CLAIMS, "`exp` is a list", "", &exp(json!([9_999_999_999_u64]))),
        row(
            CLAIMS,
            "`exp: 1e999`",
            "",
            &payload(&format!(r#"{{"iss":"{ISSUER}","sub":"{PAYMENTS_SERVICE}","exp":1e999}}"#)),
        ),
        row(CLAIMS, "`nbf` in the future", "", &with_claims(json!({"nbf": "now+600"}))),
        row(CLAIMS, "`nbf` is a string", "", &with_claims(json!({"nbf": "yesterday"}))),
        row(
            CLAIMS,
            "`sub` is a list that holds the right one",
            "",
            &with_claims(json!({"sub": [PAYMENTS_SERVICE]})),
        ),
        row(
            CLAIMS,
            "`iss` is a list that holds the right one",
            "",
            &with_claims(json!({"iss": [ISSUER]})),
        ),
        row(
            CLAIMS,
            "`sub` in capitals",
            "",
            &with_claims(json!({"sub": PAYMENTS_SERVICE.to_uppercase()})),
        ),
        row(
            CLAIMS,
            "`sub` with a NUL at its end",
            "",
            &with_claims(json!({"sub": format!("{PAYMENTS_SERVICE}\0")})),
        ),
        row(
            CLAIMS,
            "`iss` with a slash at its end",
            "",
            &with_claims(json!({"iss": format!("{ISSUER}/")})),
        ),
        row(CLAIMS, "no `iss`", "", &with_claims(json!({"iss": null}))),
        row(
            CLAIMS,
            "an issuer that another host trusts, by its own key",
            "CVE-2021-21378 (Envoy)",
            &by(OTHER_ISSUER, "other", "other-RS256"),
        ),
        row(
            CLAIMS,
            "this issuer, by the key of the other one",
            "",
            &by(ISSUER, "other", "other-RS256"),
        ),
        Row::nothing(
            CLAIMS,
            "a good token, at the host that trusts only the other issuer",
            "",
            with_token("GET /", "other.test", &[]),
        ),
    ]
}

fn places() -> Vec<Row> {
    let (token, second) = (good(), with_claims(json!({"jti": "2"})));
    let line = |query: &str| format!("GET /v1/payments/42?{query}");
    let at = |headers: &[(&str, &str)]| payment(headers);
    vec![
        Row::nothing(PLACES, "no token", "", at(&[])),
        Row::nothing(
            PLACES,
            "two different tokens, header and query",
            "",
            http1(
                line(&format!("access_token={second}")),
                API,
                &[("authorization", &bearer(&token))],
            ),
        ),
        Row::nothing(
            PLACES,
            "`authorization` twice",
            "CVE-2020-25017 (Envoy), CVE-2021-32777 (Envoy)",
            at(&[("authorization", &bearer(&token)), ("authorization", &bearer(&second))]),
        ),
        Row::nothing(
            PLACES,
            "two tokens joined by a comma",
            "",
            at(&[("authorization", &format!("Bearer {token}, Bearer {second}"))]),
        ),
        Row::nothing(
            PLACES,
            "`Basic` with a good token",
            "",
            at(&[("authorization", &format!("Basic {token}"))]),
        ),
        Row::nothing(
            PLACES,
            "`BearerX` with a good token",
            "",
            at(&[("authorization", &format!("BearerX {token}"))]),
        ),
        Row::nothing(
            PLACES,
            "a good token in `x-access-token`",
            "",
            at(&[("x-access-token", &token)]),
        ),
        Row::nothing(
            PLACES,
            "a good token in `proxy-authorization`",
            "",
            at(&[("proxy-authorization", &bearer(&token))]),
        ),
        Row::nothing(
            PLACES,
            "a good token in a cookie that nobody reads",
            "",
            at(&[("cookie", &format!("access_token={token}"))]),
        ),
        Row::nothing(
            PLACES,
            "a good token as `ACCESS_TOKEN`",
            "",
            http1(line(&format!("ACCESS_TOKEN={token}")), API, &[]),
        ),
        Row::nothing(
            PLACES,
            "a good token in the fragment",
            "",
            http1(format!("GET /v1/payments/42#access_token={token}"), API, &[]),
        ),
        Row::arrives(
            PLACES,
            ("one good token, in header and query", ""),
            http1(
                line(&format!("access_token={token}&a=1")),
                API,
                &[("authorization", &bearer(&token))],
            ),
            "without the token in either place",
            |it| it.path == "/v1/payments/42?a=1",
        ),
        Row::arrives(
            PLACES,
            ("a good token twice in the query", ""),
            http1(line(&format!("access_token={token}&access_token={token}")), API, &[]),
            "without the token",
            |it| !it.path.contains("access_token"),
        ),
    ]
}
