//! What is planted in requests and policies stands in no log and in no answer of ours: whole
//! tokens and their parts, claims, keys, queries.

use egress_auth::demo::echo::Echo;
use serde_json::{Value, json};

use crate::support::gateway::Gateway;
use crate::support::keys::{self, base64url};
use crate::support::raw::Request;
use crate::support::token::{ISSUER, PAYMENTS_SERVICE, Recipe};
use crate::support::tried::Tried;

/// What every secret holds. Nothing else does.
const MARK: &str = "planted";
const HOST: &str = "api.test";

fn servers() -> String {
    let secret = json!({"kty": "oct", "k": base64url(format!("{MARK}-key-of-32-bytes-or-more-"))});
    let mut keys: Value = serde_json::from_str(&keys::all_keys()).unwrap();
    keys["keys"].as_array_mut().unwrap().push(secret);
    format!(
        "- name: api\n  hostname: {HOST}\n  authentication:\n    jwt:\n      issuer: {ISSUER}\n      \
         jwks: '{keys}'\n      audiences: [api]\n  authorization:\n    local:\n      rules:\n      \
         - name: payments\n        from: [{{jwt: {{iss: {ISSUER}, sub: {PAYMENTS_SERVICE}}}}}]\n"
    )
}

/// What is sent by name: a recipe of the token, and whether it is let in.
fn recipes() -> Vec<(&'static str, Value, bool)> {
    let claims = |more: Value| {
        let mut claims = json!({"aud": "api", "email": format!("{MARK}@example.com")});
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "claims": claims })
    };
    let mark = |part: &str| format!("{MARK}-{part}");
    vec![
        ("allowed", claims(json!({})), true),
        ("subject", claims(json!({"sub": mark("subject")})), false),
        ("issuer", claims(json!({"iss": mark("issuer")})), false),
        ("audience", claims(json!({"aud": mark("audience")})), false),
        ("expired", claims(json!({"exp": "now-600"})), false),
        ("expiry", claims(json!({"exp": mark("expiry")})), false),
        ("key ID", json!({"header": {"kid": mark("kid")}}), false),
        ("algorithm", json!({"header": {"alg": mark("alg")}}), false),
        ("critical", json!({"header": {"crit": [mark("crit")]}}), false),
        ("signer", json!({"signer": "other", "claims": {"jti": mark("id")}}), false),
        ("signature", json!({"signature": base64url(mark("signature"))}), false),
        ("payload", json!({"payload": format!("{{\"iss\": {MARK}}}")}), false),
        ("no token", json!({"raw": mark("text")}), false),
        ("three parts", json!({"raw": format!("{MARK}.{MARK}.{MARK}")}), false),
    ]
}

#[test]
fn no_log_and_no_answer_holds_what_was_planted() {
    let echo = Echo::start().unwrap();
    let envoy = Gateway::of_servers(&servers()).upstream(HOST, echo.address()).start(1);
    envoy.set_log_level("wasm", "trace");
    let (mut planted, mut answers) = (vec![MARK.to_owned()], Vec::new());
    planted.push(base64url(format!("{MARK}-key-of-32-bytes-or-more-")));
    let mut agents = Vec::new();
    for (name, recipe, admitted) in recipes() {
        let token = serde_json::from_value::<Recipe>(recipe).unwrap().token("RS256");
        planted.extend(token.split('.').filter(|part| part.len() > 20).map(ToOwned::to_owned));
        let query = format!("/v1?note={MARK}-query&access_token={token}");
        for (place, request) in [
            ("header", Request::new("GET", HOST, format!("/v1?note={MARK}-query")).bearer(&token)),
            ("query", Request::new("GET", HOST, query)),
            ("both", Request::new("GET", HOST, format!("/v1?access_token={MARK}")).bearer(&token)),
            ("elsewhere", Request::new("GET", "closed.test", "/").bearer(&token)),
        ] {
            let agent = format!("{name} in {place}");
            let request = request.header("user-agent", &agent);
            let response =
                request.header("cookie", format!("session={MARK}")).send(envoy.gateway());
            let expected = admitted && matches!(place, "header" | "query");
            assert_eq!(response.status == 200, expected, "{agent}: {}", response.body);
            if response.status != 200 {
                answers.push(format!("{agent}: {response:?}"));
            }
            agents.push(agent);
        }
    }
    assert!(envoy.log().contains("denied reason=bad_signature"), "denials are logged");
    let access = agents.iter().find(|agent| envoy.access_log(agent).is_none());
    assert_eq!(access, None, "every request stands in the access log");
    let texts = [
        ("Envoy's log", envoy.log()),
        ("the access log", envoy.whole_access_log()),
        ("answers", answers.join("\n")),
    ];
    let mut found = Vec::new();
    for (what, text) in &texts {
        assert!(text.lines().count() > 10, "{what}: {text}");
        let held = planted.iter().filter(|secret| text.contains(*secret));
        found.extend(held.map(|secret| format!("{what} holds {secret}:\n{text}")));
    }
    Tried::new("secrets looked for in logs and answers", planted.len(), found.len()).print();
    assert!(found.is_empty(), "{}", found.join("\n"));
}
