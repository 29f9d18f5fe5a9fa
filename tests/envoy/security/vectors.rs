//! The tokens of RFC 7515, appendix A, in a real Envoy: each of A.1 to A.3 verifies with the
//! key that is published for it, and with any byte of it altered it does not. Once Envoy checks
//! the signatures, and once it withholds that, so that the module has to.

use egress_auth::demo::echo::Echo;
use egress_auth::jwt::Token;
use serde_json::{Value, json};

use crate::security::checked_by::CheckedBy;
use crate::support::gateway::Gateway;
use crate::support::raw::Request;
use crate::support::tried::Tried;

const EXAMPLES: &str = include_str!("../../fixtures/rfc-examples.json");

#[test]
fn envoy_verifies_what_the_rfc_signed() {
    run(CheckedBy::Envoy);
}

#[test]
fn the_module_verifies_what_the_rfc_signed() {
    run(CheckedBy::Module);
}

fn run(checked_by: CheckedBy) {
    let published: Value = serde_json::from_str(EXAMPLES).unwrap();
    let text = |example: &Value| example["jws"].as_str().unwrap().to_owned();
    // The payload of RFC 8037's example is no JSON, so it is no token.
    let is_token = |example: &&Value| Token::parse(text(example).as_bytes()).is_ok();
    let examples = published["verified"].as_array().unwrap();
    let examples: Vec<&Value> = examples.iter().filter(is_token).collect();
    let host = |index: usize| format!("example{index}.test");
    let servers: String = (0..examples.len())
        .map(|index| {
            let (host, keys) = (host(index), json!({"keys": [examples[index]["jwk"]]}));
            format!(
                "- name: {host}\n  hostname: {host}\n  authentication: {{jwt: {{issuer: joe, \
                 jwks: '{keys}'}}}}\n"
            )
        })
        .collect();
    let echo = Echo::start().unwrap();
    let gateway = (0..examples.len()).fold(Gateway::of_servers(&servers), |gateway, index| {
        gateway.upstream(&host(index), echo.address())
    });
    let envoy = checked_by.start(&gateway);

    let (mut altered, mut wrong) = (0, Vec::new());
    for (index, example) in examples.iter().enumerate() {
        let answer = |token: &str| {
            Request::new("GET", host(index), "/").bearer(token).send(envoy.gateway()).body
        };
        let good = text(example);
        // It expired in 2011, which is looked at once the signature holds.
        assert_eq!(answer(&good), "Jwt is expired", "{}", example["name"]);
        for at in (0..good.len()).filter(|at| good.as_bytes()[*at] != b'.') {
            let mut token = good.clone();
            // Another character of base64url.
            let other = if &good[at..=at] == "E" { "V" } else { "E" };
            token.replace_range(at..=at, other);
            let answer = answer(&token);
            altered += 1;
            if answer == "Jwt is expired" {
                wrong.push(format!("{} with {other} at {at}", example["name"]));
            }
        }
    }
    Tried::new(
        format!("altered tokens of RFC 7515, checked by {checked_by}"),
        altered,
        wrong.len(),
    )
    .print();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for example in published["refused"].as_array().unwrap() {
        for index in 0..examples.len() {
            let request = Request::new("GET", host(index), "/").bearer(&text(example));
            assert_eq!(request.send(envoy.gateway()).status, 401, "{}", example["name"]);
        }
    }
    assert_eq!(echo.take_received(), [], "nothing arrives");
}
