//! The Gateways of docs/token-binding.md, with certificates like those in it.

use std::path::Path;

use egress_auth::demo::echo::Echo;
use serde_json::{Value, json};

use super::sending::{Protocol, Reply, send};
use crate::support::envoy::Envoy;
use crate::support::gateway::Gateway;
use crate::support::keys::{self, base64url};
use crate::support::raw::Request;
use crate::support::tls::{Authority, Certificate};
use crate::support::token::Recipe;

/// An example in force, with the keys of the tests in place of its issuer's.
struct Example {
    authority: Authority,
    envoy: Envoy,
    echo: Echo,
    host: &'static str,
    _gateway: Gateway,
}

impl Example {
    fn start(name: &str, host: &'static str, flags: &[&str]) -> Self {
        let file = format!("docs/token-binding/{name}.yaml");
        let yaml =
            std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        let of_tests = |line: &str| match line.split_once("jwksUri:") {
            Some((indent, _)) => format!("{indent}jwks: '{}'\n", keys::all_keys()),
            None => format!("{line}\n"),
        };
        let yaml: String = yaml.lines().map(of_tests).collect();
        let (authority, echo) = (Authority::new(), Echo::start().unwrap());
        let server = authority.issue(&["gateway.test"]);
        let gateway = Gateway::new(yaml)
            .upstream(host, echo.address())
            .arguments(flags.iter().copied())
            .mtls(&authority, &server);
        let envoy = gateway.start(2);
        Self { authority, envoy, echo, host, _gateway: gateway }
    }

    /// `METHOD path` with a token, as a client with a certificate.
    fn request(&self, request: &str, token: &str, certificate: &Certificate) -> Reply {
        let (method, path) = request.split_once(' ').unwrap();
        self.echo.take_received();
        let request = Request::new(method, self.host, path).header("x-mesh-token", token);
        let client = certificate.client(&self.authority);
        let response = request.send_as(&client, self.envoy.gateway());
        let challenge = response.header("www-authenticate").to_owned();
        assert_eq!(self.echo.take_received().len(), usize::from(response.status == 200));
        Reply { status: response.status, challenge }
    }
}

/// A token of a type with these claims.
fn token(typ: &str, claims: &Value) -> String {
    let header = json!({ "typ": typ });
    let header = header.as_object().unwrap().clone();
    Recipe { header, ..Recipe::of(claims) }.token("ES256")
}

fn bound_to(certificate: &Certificate) -> Value {
    json!({"x5t#S256": base64url(certificate.sha256())})
}

const STOLEN: &str = "error=\"invalid_token\"";

#[test]
fn a_payments_token_opens_nothing_in_other_hands() {
    let example = Example::start("payments", "api.payment-provider.com", &[]);
    let payments = example.authority.issue(&["spiffe://cluster.local/ns/payments/sa/api"]);
    let thief = example.authority.issue(&["spiffe://cluster.local/ns/shop/sa/web"]);
    let claims = json!({
        "iss": "https://auth.example.com", "aud": "payments", "jti": "1",
        "sub": "payments-service@example.com", "cnf": bound_to(&payments),
    });
    let good = token("at+jwt", &claims);
    assert_eq!(example.request("GET /v1/payments/42", &good, &payments).status, 200);
    let reply = example.request("GET /v1/payments/42", &good, &thief);
    assert!(reply.status == 401 && reply.challenge.ends_with(STOLEN), "{reply:?}");
    // An ID token of the same issuer, with everything else right.
    let id_token = token("JWT", &claims);
    assert_eq!(example.request("GET /v1/payments/42", &id_token, &payments).status, 401);
    let mut without_id = claims;
    without_id.as_object_mut().unwrap().remove("jti");
    let without_id = token("at+jwt", &without_id);
    assert_eq!(example.request("GET /v1/payments/42", &without_id, &payments).status, 401);
}

#[test]
fn a_jwt_svid_goes_with_the_x509_svid_of_its_workload() {
    let example =
        Example::start("spire", "api.payment-provider.com", &["--trust-domain", "example.com"]);
    let payments = "spiffe://example.com/payments/api";
    let claims =
        json!({"iss": "https://spire.example.com", "aud": "egress-gateway", "sub": payments});
    let svid = example.authority.issue(&[payments]);
    let renewed = example.authority.issue(&[payments]);
    let other = example.authority.issue(&["spiffe://example.com/shop/web"]);
    for typ in ["JWT", "JOSE"] {
        let token = token(typ, &claims);
        assert_eq!(example.request("GET /", &token, &svid).status, 200);
        assert_eq!(example.request("GET /", &token, &renewed).status, 200);
        assert_eq!(example.request("GET /", &token, &other).status, 401);
    }
    let mut endless = claims;
    endless["exp"] = Value::Null;
    assert_eq!(example.request("GET /", &token("JWT", &endless), &svid).status, 401);
}

#[test]
fn a_projected_token_goes_with_its_service_account() {
    let example = Example::start("kubernetes", "api.payment-provider.com", &[]);
    let claims = |namespace: &str| {
        json!({
            "iss": "https://kubernetes.default.svc.cluster.local", "aud": ["egress-gateway"],
            "sub": "system:serviceaccount:payments:api", "exp": "now+600",
            "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": "api", "uid": "u"},
                "pod": {"name": "api-0", "uid": "p"}},
        })
    };
    let payments = example.authority.issue(&["spiffe://cluster.local/ns/payments/sa/api"]);
    let other = example.authority.issue(&["spiffe://cluster.local/ns/payments/sa/web"]);
    let good = token("JWT", &claims("payments"));
    assert_eq!(example.request("GET /", &good, &payments).status, 200);
    assert_eq!(example.request("GET /", &good, &other).status, 401);
    assert_eq!(example.request("GET /", &token("JWT", &claims("shop")), &payments).status, 401);
}

#[test]
fn an_agent_acts_for_a_user_with_a_certificate_of_its_own() {
    let example = Example::start("agent", "api.calendar.example", &[]);
    let agent = example.authority.issue(&["spiffe://cluster.local/ns/agents/sa/calendar"]);
    let other = example.authority.issue(&["spiffe://cluster.local/ns/agents/sa/other"]);
    let claims = |user: &str, actor: Value, scope: &str| {
        let cnf = bound_to(&agent);
        token(
            "at+jwt",
            &json!({"iss": "https://auth.example.com", "aud": "calendar", "sub": user,
                "act": actor, "scope": scope, "cnf": cnf}),
        )
    };
    let actor = json!({"sub": "agent@example.com"});
    let good = claims("ann@example.com", actor.clone(), "openid calendar.read");
    assert_eq!(example.request("GET /events", &good, &agent).status, 200);
    assert_eq!(example.request("GET /events", &good, &other).status, 401);
    // The user alone, or another agent.
    let alone = claims("ann@example.com", Value::Null, "calendar.read");
    assert_eq!(example.request("GET /events", &alone, &agent).status, 401);
    let stranger = claims("ann@example.com", json!({"sub": "x@example.com"}), "calendar.read");
    let reply = example.request("GET /events", &stranger, &agent);
    assert_eq!(reply, Reply { status: 403, challenge: String::new() });
    let guest = claims("ann@elsewhere.test", actor.clone(), "");
    assert_eq!(example.request("GET /events", &guest, &agent).challenge, "");
    // What is missing is a scope, and nothing else.
    let reply =
        example.request("GET /events", &claims("ann@example.com", actor.clone(), ""), &agent);
    let challenge = "error=\"insufficient_scope\", scope=\"calendar.read\"";
    assert!(reply.status == 403 && reply.challenge.ends_with(challenge), "{reply:?}");
    let reply = example.request("POST /events", &claims("ann@example.com", actor, ""), &agent);
    assert_eq!(reply, Reply { status: 403, challenge: String::new() });
}

/// A connection keeps the certificate that it began with.
#[test]
fn a_renewed_certificate_counts_on_new_connections() {
    let example = Example::start("payments", "api.payment-provider.com", &[]);
    let id = ["spiffe://cluster.local/ns/payments/sa/api"];
    let (old, new) = (example.authority.issue(&id), example.authority.issue(&id));
    let of = |certificate: &Certificate| {
        token(
            "at+jwt",
            &json!({"iss": "https://auth.example.com", "aud": "payments", "jti": "1",
                "sub": "payments-service@example.com", "cnf": bound_to(certificate)}),
        )
    };
    let client = old.client(&example.authority);
    let mut connection =
        client.wrap(std::net::TcpStream::connect(example.envoy.gateway()).unwrap(), "gateway.test");
    let mut on_connection = |token: &str| {
        use std::io::{Read as _, Write as _};
        let request = format!(
            "GET /v1/payments/42 HTTP/1.1\r\nhost: {}\r\nx-mesh-token: {token}\r\n\r\n",
            example.host
        );
        connection.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let mut part = [0; 4_096];
        loop {
            if let Some(response) = crate::support::raw::Response::parse(&answer, false) {
                return response.status;
            }
            let length = connection.read(&mut part).unwrap();
            assert!(length > 0, "cut off: {}", answer.escape_ascii());
            answer.extend(&part[..length]);
        }
    };
    assert_eq!(on_connection(&of(&old)), 200);
    assert_eq!(on_connection(&of(&new)), 401);
    assert_eq!(on_connection(&of(&old)), 200);
    assert_eq!(example.request("GET /v1/payments/42", &of(&new), &new).status, 200);
    assert_eq!(example.request("GET /v1/payments/42", &of(&old), &new).status, 401);
    let reply = send(
        Protocol::Two,
        &new.client(&example.authority),
        example.envoy.gateway(),
        example.host,
        &[("x-mesh-token", of(&new))],
    );
    assert_eq!(reply.status, 403, "no rule is for `/`");
}
