//! Stolen tokens: good ones, sent by somebody else over mTLS to a gateway that binds tokens. What
//! counts is what arrives.

use std::fmt::Write as _;

use egress_auth::demo::echo::Echo;
use serde_json::{Value, json};

use crate::support::gateway::Gateway;
use crate::support::keys::{self, base64url};
use crate::support::raw::Request;
use crate::support::tls::{Authority, Certificate};
use crate::support::token::{ISSUER, Recipe};
use crate::support::tried::Tried;

const PAYMENTS: &str = "spiffe://cluster.local/ns/payments/sa/api";
const SHOP: &str = "spiffe://cluster.local/ns/shop/sa/web";
const ELSEWHERE: &str = "spiffe://evil.example/ns/payments/sa/api";
const XFCC: &str = "x-forwarded-client-cert";
/// Tokens of the first are bound to certificates, of the others to workloads.
const HOSTS: [(&str, &str); 3] = [
    ("certificate.test", "certificateBound: required, tokenTypes: [at+jwt], requiredClaims: [jti]"),
    ("spiffe.test", "workloadBound: spiffe"),
    ("kubernetes.test", "workloadBound: kubernetes"),
];

/// What is sent.
struct Row {
    attack: &'static str,
    host: &'static str,
    /// Who sends it.
    from: Client,
    token: fn(&Tokens<'_>) -> Value,
    typ: &'static str,
    forwarded: fn(&Tokens<'_>) -> Option<String>,
}

/// A client.
#[derive(Clone, Copy)]
enum Client {
    Payments,
    Shop,
    Elsewhere,
    /// With the names of two workloads.
    Two,
}

/// What tokens are made of.
struct Tokens<'a> {
    authority: &'a Authority,
    payments: &'a Certificate,
}

impl Tokens<'_> {
    fn bound(&self) -> Value {
        json!({"x5t#S256": base64url(self.payments.sha256())})
    }

    fn forwarded(&self) -> String {
        let hash = self.payments.sha256().into_iter().map(|it| format!("{it:02x}"));
        format!("By=spiffe://x;Hash={};URI={PAYMENTS}", hash.collect::<String>())
    }
}

fn rows() -> Vec<Row> {
    let nothing: fn(&Tokens<'_>) -> Option<String> = |_| None;
    let row = |attack, host, from, token| {
        let typ = "at+jwt";
        Row { attack, host, from, token, typ, forwarded: nothing }
    };
    let by_certificate = |attack, from, token| row(attack, "certificate.test", from, token);
    vec![
        by_certificate(
            "the token of another workload",
            Client::Shop,
            |it| json!({"cnf": it.bound()}),
        ),
        by_certificate(
            "the same, over a certificate with both names",
            Client::Two,
            |it| json!({"cnf": it.bound()}),
        ),
        Row {
            forwarded: |it| Some(it.forwarded()),
            ..by_certificate(
                "the same beside a forged `x-forwarded-client-cert`",
                Client::Shop,
                |it| json!({"cnf": it.bound()}),
            )
        },
        by_certificate(
            "a token that names the CA of the certificate",
            Client::Payments,
            |it| json!({"cnf": {"x5t#S256": base64url(it.authority.sha256())}}),
        ),
        by_certificate(
            "a token that names its certificate as a list",
            Client::Payments,
            |it| json!({"cnf": [it.bound()]}),
        ),
        by_certificate(
            "a token that names a key (`jkt`) in place of a certificate",
            Client::Payments,
            |it| json!({"cnf": {"jkt": it.bound()["x5t#S256"]}}),
        ),
        by_certificate("a token that is bound to nothing", Client::Payments, |_| json!({})),
        by_certificate(
            "the claim as a name: `cnf.x5t#S256`",
            Client::Payments,
            |it| json!({"cnf.x5t#S256": it.bound()["x5t#S256"]}),
        ),
        Row {
            typ: "JWT",
            ..by_certificate(
                "an ID token of the same issuer, bound as it should be",
                Client::Payments,
                |it| json!({"cnf": it.bound()}),
            )
        },
        by_certificate(
            "a bound token without the claim that is required",
            Client::Payments,
            |it| json!({"cnf": it.bound(), "jti": null}),
        ),
        by_certificate(
            "a bound token for another gateway (`aud`)",
            Client::Payments,
            |it| json!({"cnf": it.bound(), "aud": "gateway-of-another-cluster"}),
        ),
        row(
            "the JWT-SVID of another workload",
            "spiffe.test",
            Client::Shop,
            |_| json!({"sub": PAYMENTS}),
        ),
        row(
            "the same, over a certificate with both names",
            "spiffe.test",
            Client::Two,
            |_| json!({"sub": PAYMENTS}),
        ),
        row(
            "a JWT-SVID of another trust domain, with a certificate of it",
            "spiffe.test",
            Client::Elsewhere,
            |_| json!({"sub": ELSEWHERE}),
        ),
        row(
            "a JWT-SVID without an end",
            "spiffe.test",
            Client::Payments,
            |_| json!({"sub": PAYMENTS, "exp": null}),
        ),
        Row {
            forwarded: |it| Some(it.forwarded()),
            ..row(
                "another's JWT-SVID beside a forged `x-forwarded-client-cert`",
                "spiffe.test",
                Client::Shop,
                |_| json!({"sub": PAYMENTS}),
            )
        },
        row(
            "another's projected token",
            "kubernetes.test",
            Client::Shop,
            |_| json!({"sub": "system:serviceaccount:payments:api"}),
        ),
        row(
            "the same account of another trust domain",
            "kubernetes.test",
            Client::Elsewhere,
            |_| json!({"sub": "system:serviceaccount:payments:api"}),
        ),
        row(
            "a projected token with more behind the account",
            "kubernetes.test",
            Client::Payments,
            |_| json!({"sub": "system:serviceaccount:payments:api:x"}),
        ),
        row(
            "a projected token whose `kubernetes.io` names another account",
            "kubernetes.test",
            Client::Payments,
            |_| {
                json!({"sub": "system:serviceaccount:payments:api",
                "kubernetes.io": {"namespace": "payments", "serviceaccount": {"name": "web"}}})
            },
        ),
    ]
}

/// The rows as a section of `docs/bypasses.md`.
pub fn section() -> String {
    let mut text = String::from(
        "\n## Stolen tokens\n\nThe gateway asks for client certificates. Signature, issuer and time of \
         every token are good; `certificate.test` takes tokens with the certificate that they name, \
         `spiffe.test` and `kubernetes.test` those of the workload that sends them.\n\n\
         | what is sent | to | what arrives |\n|---|---|---|\n",
    );
    for Row { attack, host, .. } in rows() {
        writeln!(text, "| {attack} | `{host}` | nothing |").unwrap();
    }
    text
}

#[test]
fn a_stolen_token_opens_nothing() {
    let (authority, echo) = (Authority::new(), Echo::start().unwrap());
    let server = authority.issue(&["gateway.test"]);
    let servers = HOSTS.map(|(host, binding)| {
        format!(
            "- {{name: {host}, hostname: {host}, authentication: {{jwt: {{issuer: {ISSUER}, \
             jwks: '{}', audiences: [api], fromHeaders: [{{name: x-token}}], {binding}}}}}}}\n",
            keys::all_keys()
        )
    });
    let gateway = Gateway::of_servers(&servers.concat())
        .arguments(["--source-identity-header", XFCC, "--trust-source", "infra/waypoint"])
        .mtls(&authority, &server);
    let gateway = HOSTS.iter().fold(gateway, |it, (host, _)| it.upstream(host, echo.address()));
    let envoy = gateway.start(1);
    let payments = authority.issue(&[PAYMENTS]);
    let [shop, elsewhere, two] =
        [&[SHOP][..], &[ELSEWHERE], &[SHOP, PAYMENTS]].map(|names| authority.issue(names));
    let tokens = Tokens { authority: &authority, payments: &payments };
    let ask = |host: &str,
               typ: &str,
               claims: Value,
               certificate: &Certificate,
               forwarded: Option<String>| {
        let mut all = json!({"aud": "api", "jti": "1"});
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        let header = json!({ "typ": typ }).as_object().unwrap().clone();
        let token = Recipe { header, ..Recipe::of(&all) }.token("ES256");
        let mut request = Request::new("GET", host, "/").header("x-token", &token);
        if let Some(forwarded) = forwarded {
            request = request.header(XFCC, forwarded);
        }
        let status = request.send_as(&certificate.client(&authority), envoy.gateway()).status;
        (status, echo.take_received().len())
    };
    let (mut wrong, rows) = (Vec::new(), rows());
    for row in &rows {
        let certificate = match row.from {
            Client::Payments => &payments,
            Client::Shop => &shop,
            Client::Elsewhere => &elsewhere,
            Client::Two => &two,
        };
        let (claims, forwarded) = ((row.token)(&tokens), (row.forwarded)(&tokens));
        let (status, arrived) = ask(row.host, row.typ, claims, certificate, forwarded);
        if arrived > 0 || !matches!(status, 401 | 403) {
            wrong.push(format!("{} at {}: {status}, {arrived} arrived", row.attack, row.host));
        }
    }
    Tried::new("bypass catalogue, stolen tokens", rows.len(), wrong.len()).print();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Whose tokens they are gets through.
    for (host, claims) in [
        ("certificate.test", json!({"cnf": tokens.bound()})),
        ("spiffe.test", json!({"sub": PAYMENTS})),
        ("kubernetes.test", json!({"sub": "system:serviceaccount:payments:api"})),
    ] {
        assert_eq!(ask(host, "at+jwt", claims, &payments, None), (200, 1), "{host}");
    }
}
