//! Every token with every binding and every certificate. What counts is what arrives.

use std::collections::HashMap;

use egress_auth::demo::echo::Echo;
use serde_json::{Value, json};

use super::sending::{Protocol, send};
use crate::support::envoy::Envoy;
use crate::support::gateway::Gateway;
use crate::support::keys::{self, base64url};
use crate::support::tls::{Authority, Certificate, Client};
use crate::support::token::Recipe;

const ISSUER: &str = "https://auth.test";
const XFCC: &str = "x-forwarded-client-cert";
const PAYMENTS: &str = "spiffe://cluster.local/ns/payments/sa/api";
const BATCH: &str = "spiffe://cluster.local/ns/batch/sa/nightly";
const WAYPOINT: &str = "spiffe://cluster.local/ns/infra/sa/waypoint";
const ELSEWHERE: &str = "spiffe://other.example/ns/payments/sa/api";
const ACCOUNT: &str = "system:serviceaccount:payments:api";
/// A host for each binding.
const BINDINGS: [(&str, &str); 5] = [
    ("ignored", "certificateBound: ignored"),
    ("present", "certificateBound: ifPresent"),
    ("required", "certificateBound: required"),
    ("spiffe", "workloadBound: spiffe"),
    ("kubernetes", "workloadBound: kubernetes"),
];

fn gateway(echo: &Echo) -> Gateway {
    let servers = BINDINGS.map(|(name, binding)| {
        format!(
            "- name: {name}\n  hostname: {name}.api\n  authentication: {{jwt: {{issuer: {ISSUER}, \
             jwks: '{}', audiences: [api], fromHeaders: [{{name: x-token}}], {binding}}}}}\n",
            keys::all_keys()
        )
    });
    let gateway = Gateway::of_servers(&servers.concat());
    BINDINGS
        .iter()
        .fold(gateway, |it, (name, _)| it.upstream(&format!("{name}.api"), echo.address()))
        .arguments(["--source-identity-header", XFCC, "--trust-source", "infra/waypoint"])
}

/// Lets clients in that show no certificate, or one of which the time is over.
fn lenient(mut bootstrap: Value) -> Value {
    let chain = &mut bootstrap["static_resources"]["listeners"][0]["filter_chains"][0];
    let tls = &mut chain["transport_socket"]["typed_config"];
    tls["require_client_certificate"] = json!(false);
    tls["common_tls_context"]["validation_context"]["allow_expired_certificate"] = json!(true);
    bootstrap
}

struct Clients {
    authority: Authority,
    known: HashMap<&'static str, (Client, String)>,
}

impl Clients {
    fn new(authority: Authority) -> Self {
        let known = |certificate: Certificate| {
            let hex = certificate.sha256().iter().map(|it| format!("{it:02x}")).collect();
            (certificate.client(&authority), hex)
        };
        let known = HashMap::from([
            ("payments", known(authority.issue(&[PAYMENTS]))),
            ("renewed", known(authority.issue(&[PAYMENTS]))),
            ("batch", known(authority.issue(&[BATCH]))),
            ("two names", known(authority.issue(&[PAYMENTS, BATCH]))),
            ("expired", known(authority.issue_expired(&[PAYMENTS]))),
            ("elsewhere", known(authority.issue(&[ELSEWHERE]))),
            ("waypoint", known(authority.issue(&[WAYPOINT]))),
            ("nobody", (authority.anonymous_client(), String::new())),
        ]);
        Self { authority, known }
    }

    fn hex(&self, name: &str) -> &str {
        &self.known[name].1
    }

    /// A token of this name.
    fn token(&self, name: &str) -> String {
        let bytes = |hex: &str| -> Vec<u8> {
            let pair = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
            (0..hex.len()).step_by(2).map(pair).collect()
        };
        let claims = match name.split_once(' ') {
            Some(("of", client)) => {
                json!({"cnf": {"x5t#S256": base64url(bytes(self.hex(client)))}})
            }
            Some(("hex", client)) => json!({"cnf": {"x5t#S256": self.hex(client)}}),
            Some(("padded", client)) => {
                json!({"cnf": {"x5t#S256": base64url(bytes(self.hex(client))) + "="}})
            }
            Some(("by", "CA")) => {
                json!({"cnf": {"x5t#S256": base64url(self.authority.sha256())}})
            }
            Some(("key", _)) => json!({"cnf": {"jkt": base64url(bytes(self.hex("payments")))}}),
            Some(("sub", subject)) => json!({ "sub": subject }),
            _ => json!({}),
        };
        let mut all = json!({"iss": ISSUER, "sub": "payments", "aud": "api"});
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        Recipe::of(&all).token("ES256")
    }
}

struct Row {
    host: &'static str,
    token: &'static str,
    client: &'static str,
    forwarded: Option<String>,
    passes: bool,
}

fn rows(clients: &Clients) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |host, token, client, passes| {
        rows.push(Row { host, token, client, forwarded: None, passes });
    };
    for client in ["payments", "batch", "two names", "expired", "nobody", "renewed"] {
        let own = client == "payments";
        for token in ["of payments", "hex payments", "padded payments", "key x", "none", "by CA"] {
            add("ignored", token, client, true);
            add("present", token, client, token == "none" || token == "of payments" && own);
            add("required", token, client, token == "of payments" && own);
        }
    }
    // Whatever names a certificate has, and whether or not its time is over: Envoy has let it in.
    for client in ["two names", "expired", "elsewhere"] {
        let token = match client {
            "two names" => "of two names",
            "expired" => "of expired",
            _ => "of elsewhere",
        };
        add("required", token, client, true);
        add("required", token, "payments", false);
    }
    for client in ["payments", "renewed", "expired", "batch", "two names", "elsewhere", "nobody"] {
        let is_payments = ["payments", "renewed", "expired"].contains(&client);
        add("spiffe", "sub spiffe://cluster.local/ns/payments/sa/api", client, is_payments);
        add("kubernetes", "sub system:serviceaccount:payments:api", client, is_payments);
        add("spiffe", "sub spiffe://other.example/ns/payments/sa/api", client, false);
        add("spiffe", "none", client, false);
    }
    let hash = |client| format!("By=x;Hash={};URI={PAYMENTS}", clients.hex(client));
    for (host, token, client, forwarded, passes) in [
        ("required", "of payments", "waypoint", hash("payments"), true),
        ("required", "of payments", "waypoint", hash("payments").to_ascii_uppercase(), true),
        ("required", "of payments", "waypoint", hash("batch"), false),
        ("required", "of waypoint", "waypoint", hash("payments"), false),
        ("required", "of payments", "waypoint", format!("URI={PAYMENTS}"), false),
        ("required", "of payments", "waypoint", "Hash=\"".to_owned(), false),
        ("required", "of payments", "waypoint", hash("payments") + ",By=x", false),
        // Forged by whoever is not trusted.
        ("required", "of payments", "batch", hash("payments"), false),
        ("required", "of batch", "batch", hash("payments"), true),
        ("required", "of payments", "nobody", hash("payments"), false),
        ("required", "of payments", "two names", hash("payments"), false),
        (
            "spiffe",
            "sub spiffe://cluster.local/ns/payments/sa/api",
            "waypoint",
            hash("payments"),
            true,
        ),
        (
            "spiffe",
            "sub spiffe://cluster.local/ns/infra/sa/waypoint",
            "waypoint",
            hash("payments"),
            false,
        ),
        (
            "spiffe",
            "sub spiffe://cluster.local/ns/payments/sa/api",
            "batch",
            hash("payments"),
            false,
        ),
        (
            "kubernetes",
            "sub system:serviceaccount:payments:api",
            "waypoint",
            hash("payments"),
            true,
        ),
        ("kubernetes", "sub system:serviceaccount:payments:api", "batch", hash("payments"), false),
    ] {
        rows.push(Row { host, token, client, forwarded: Some(forwarded), passes });
    }
    rows.push(Row {
        host: "required",
        token: "of waypoint",
        client: "waypoint",
        forwarded: None,
        passes: true,
    });
    rows
}

#[test]
fn a_token_counts_in_the_hands_of_its_holder_alone() {
    assert_eq!(ACCOUNT, "system:serviceaccount:payments:api");
    let echo = Echo::start().unwrap();
    let authority = Authority::new();
    let server = authority.issue(&["gateway.test"]);
    let gateway = gateway(&echo).mtls(&authority, &server);
    let bootstrap = lenient(gateway.bootstrap());
    let clients = Clients::new(authority);
    let rows = rows(&clients);
    for workers in [1, 4] {
        let Ok(envoy) = Envoy::start(&bootstrap, workers) else { panic!("Envoy did not start") };
        for protocol in Protocol::ALL {
            for row in &rows {
                check(row, protocol, &clients, &envoy, &echo);
            }
        }
    }
}

fn check(row: &Row, protocol: Protocol, clients: &Clients, envoy: &Envoy, echo: &Echo) {
    let Row { host, token, client, forwarded, passes } = row;
    let place = format!("{host}: {token} from {client} with {forwarded:?} by {protocol:?}");
    let mut headers = vec![("x-token", clients.token(token))];
    headers.extend(forwarded.iter().map(|value| (XFCC, value.clone())));
    echo.take_received();
    let host = format!("{host}.api");
    let reply = send(protocol, &clients.known[client].0, envoy.gateway(), &host, &headers);
    let arrived = echo.take_received();
    assert_eq!(arrived.len(), usize::from(*passes), "{place}: {reply:?}");
    match passes {
        true => assert_eq!(reply.status, 200, "{place}"),
        false => {
            assert_eq!(reply.status, 401, "{place}");
            let challenge = format!("Bearer realm=\"https://{host}/\", error=\"invalid_token\"");
            assert_eq!(reply.challenge, challenge, "{place}");
        }
    }
    for received in arrived {
        assert!(received.header("x-token").is_empty(), "{place}");
        let mut names = received.headers.iter().map(|(name, _)| name.replace('_', "-"));
        assert!(names.all(|name| !name.eq_ignore_ascii_case(XFCC)), "{place}");
    }
}
