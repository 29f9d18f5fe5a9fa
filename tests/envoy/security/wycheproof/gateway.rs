//! The sets JSON Web Signature and JSON Web Key through a real Envoy: each vector as it is
//! published, which is no token of any issuer, and with claims in it. What counts is what arrives.

use egress_auth::demo::echo::Echo;
use egress_auth::jwt::{KeyOrigin, KeySet};
use serde_json::json;

use super::carry::carry;
use super::json_web::{self, Group};
use crate::security::checked_by::CheckedBy;
use crate::support::gateway::Gateway;
use crate::support::raw::Request;
use crate::support::tried::Tried;

const ISSUER: &str = "https://wycheproof.example.com";
/// 2100: the vectors say nothing of time.
const EXPIRES: u64 = 4_102_444_800;

#[test]
fn what_envoy_verifies_comes_out_right() {
    run(CheckedBy::Envoy);
}

#[test]
fn what_the_module_verifies_comes_out_right() {
    run(CheckedBy::Module);
}

fn run(checked_by: CheckedBy) {
    let groups = json_web::groups();
    // A Gateway whose keys are all unusable does not compile.
    let (groups, without_key): (Vec<Group>, Vec<Group>) = groups.into_iter().partition(|group| {
        KeySet::parse(group.jwks.to_string().as_bytes(), KeyOrigin::Inline).is_ok()
    });
    for group in &without_key {
        let gateway = Gateway::of_servers(&server("none.test", group));
        assert!(!gateway.compile().status.success(), "{}", group.jwks);
        assert!(group.vectors.iter().all(|vector| !vector.good), "{}", group.jwks);
    }

    let host = |index: usize| format!("keys{index}.test");
    let echo = Echo::start().unwrap();
    let servers: String = groups.iter().enumerate().map(|(i, it)| server(&host(i), it)).collect();
    let gateway = (0..groups.len()).fold(Gateway::of_servers(&servers), |gateway, index| {
        gateway.upstream(&host(index), echo.address())
    });
    let envoy = checked_by.start(&gateway);

    let claims = |subject| json!({"iss": ISSUER, "exp": EXPIRES, "sub": subject}).to_string();
    // Two characters of base64url for the last byte, so that there are bits to set.
    let (claims, others) = (claims("this"), claims("other"));
    assert_eq!(claims.len() % 3, 1);
    let (mut tried, mut wrongly_allowed, mut wrongly_denied) = (0, Vec::new(), Vec::new());
    for (index, group) in groups.iter().enumerate() {
        for vector in &group.vectors {
            let carried = carry(group, vector, &claims, &others);
            for (token, good) in [(&vector.jws, false), (&carried, vector.good)] {
                let token = token.replace(['\r', '\n'], " ");
                tried += 1;
                let response =
                    Request::new("GET", host(index), "/").bearer(&token).send(envoy.gateway());
                let arrived = !echo.take_received().is_empty();
                assert_eq!(arrived, response.status == 200, "{}", response.body);
                let name =
                    format!("{} {} ({}): {}", group.file, vector.id, vector.comment, response.body);
                match (good, arrived) {
                    (false, true) => wrongly_allowed.push(name),
                    (true, false) => wrongly_denied.push(name),
                    _ => {}
                }
            }
        }
    }
    Tried {
        what: format!("vectors of JWS and JWK in Envoy, checked by {checked_by}"),
        tried,
        allowed: wrongly_allowed.len(),
        denied: wrongly_denied.len(),
        lost: 0,
        remark: format!("and {} sets of keys with which nothing starts", without_key.len()),
    }
    .print();
    assert!(wrongly_allowed.is_empty(), "{}", wrongly_allowed.join("\n"));
    assert!(wrongly_denied.is_empty(), "{}", wrongly_denied.join("\n"));
}

/// A server that takes tokens signed with a group's keys.
fn server(host: &str, group: &Group) -> String {
    let Group { jwks, .. } = group;
    format!(
        "- name: {host}\n  hostname: {host}\n  authentication: {{jwt: {{issuer: '{ISSUER}', jwks: \
         '{jwks}'}}}}\n"
    )
}
