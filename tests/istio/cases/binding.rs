//! Tokens of one holder, with the certificates that istiod issues and the tokens that Kubernetes does.

use serde_json::{Value, json};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

use crate::requests::{Asked, Workload, asked, good, token};
use crate::support::eventually;
use crate::support::keys::base64url;
use crate::world::{GATEWAY, World};

/// Where a JWT rule of the document ends, but for what binds it.
const NOTHING_BOUND: &str = "fromHeaders: [{name: x-mesh-token}]";

/// The SHA-256 of the certificate that istiod issued to a workload, as tokens name it.
fn thumbprint(world: &World, workload: Workload) -> String {
    let (namespace, account) = workload.account();
    let file = format!("{namespace}-{account}/certificates/cert-chain.pem");
    let mut chain = CertificateDer::pem_file_iter(world.folder().join(file)).unwrap();
    let own = chain.next().unwrap().unwrap();
    base64url(ring::digest::digest(&ring::digest::SHA256, &own))
}

/// The status of the answer, and whether its challenge says that the token does not count.
fn answer(world: &World, asked: &Asked) -> (u16, bool) {
    let response = world.answer(asked).unwrap();
    let refused = response.header("www-authenticate").ends_with("error=\"invalid_token\"");
    (response.status, refused)
}

/// `certificateBound`: the digest that the gateway's Envoy has is that of the certificate of istiod.
pub fn a_token_goes_with_a_certificate_of_istiod(world: &mut World) {
    let bound = format!("{NOTHING_BOUND}\n          certificateBound: required");
    world.apply(&GATEWAY.replacen(NOTHING_BOUND, &bound, 1));
    // A token without `cnf`, which counted before.
    eventually("the binding", || (answer(world, &good()) == (401, true)).then_some(()));
    let own = token(&json!({"cnf": {"x5t#S256": thumbprint(world, Workload::Payments)}}));
    let by = |workload| {
        let api = "api.payment-provider.com";
        answer(world, &asked(workload, "GET", api, "/v1/payments/42", Some(&own)))
    };
    assert_eq!(by(Workload::Payments), (200, false));
    assert_eq!(by(Workload::Batch), (401, true));
    eventually("the reason in the access log", || {
        world.gateway().process.log().contains("egress_auth_wrong_holder").then_some(())
    });
    world.apply(GATEWAY);
    world.until_in_force();
}

/// `workloadBound`: a token of the API server goes with the certificate of its service account.
pub fn a_token_of_kubernetes_goes_with_its_account(world: &mut World) {
    let raw = |path: &str| world.cluster.kubectl(&["get", "--raw", path], "");
    let issuer: Value = serde_json::from_str(&raw("/.well-known/openid-configuration")).unwrap();
    let (before, httpbin) = GATEWAY.split_once("    - name: httpbin").unwrap();
    let httpbin = httpbin
        .replace("issuer: https://auth.example.com", &format!("issuer: {}", issuer["issuer"]))
        .replace(
            "jwksUri: https://auth.example.com/.well-known/jwks.json",
            &format!("jwks: '{}'", raw("/openid/v1/jwks").trim()),
        )
        .replace(
            NOTHING_BOUND,
            &format!(
                "{NOTHING_BOUND}\n          audiences: [istio-ca]\n          workloadBound: kubernetes"
            ),
        );
    world.apply(&format!("{before}    - name: httpbin{httpbin}"));
    let (namespace, account) = Workload::Payments.account();
    let projected = world.cluster.token(namespace, account);
    let by = |workload| {
        answer(world, &asked(workload, "GET", "httpbin.org", "/x", Some(projected.trim())))
    };
    eventually("the binding", || (by(Workload::Payments) == (200, false)).then_some(()));
    assert_eq!(by(Workload::Batch), (401, true));
    world.apply(GATEWAY);
    world.until_in_force();
}
