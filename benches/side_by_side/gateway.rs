//! The Gateway documents. They are written as JSON, which YAML contains.

use serde::Serialize;
use serde_json::{Value, json};

use super::signer::Algorithm;
use super::tokens::{AUDIENCE, ISSUER, subject};

/// The workload that clients of the mTLS scenarios are.
pub const WORKLOAD: &str = "spiffe://cluster.local/ns/payments/sa/api";

/// What a Gateway is like. Two scenarios of the same shape share their Envoys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Shape {
    /// Servers, each with its own hostname and rules.
    pub hosts: usize,
    /// Rules in each server.
    pub rules: usize,
    /// How the issuer signs.
    pub algorithm: Algorithm,
    /// Whether the verified payload travels on in a header.
    pub output_header: bool,
    /// Whether workloads are admitted by `egressAuthorization`, over mTLS, in place of rules.
    pub workloads: bool,
    /// How clients come to the gateway.
    pub clients: Clients,
}

/// How clients come to the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clients {
    /// In plain text.
    Plain,
    /// Over mTLS.
    Mutual,
    /// Over mTLS, with tokens that are bound to their certificate.
    Bound,
}

impl Shape {
    /// One host with one rule, RS256, payload in a header: what the others vary.
    pub const PLAIN: Self = Self {
        hosts: 1,
        rules: 1,
        algorithm: Algorithm::Rs256,
        output_header: true,
        workloads: false,
        clients: Clients::Plain,
    };

    /// The document.
    pub fn document(self, jwks: &str) -> Value {
        let mut spec = json!({
            "workloadSelector": {"namespace": "egress", "labels": {"app": "egress-gateway"}},
            "http": (0..self.hosts).map(|host| self.server(host, jwks)).collect::<Vec<_>>(),
        });
        if self.workloads
            && let Value::Object(fields) = &mut spec
        {
            let hosts = (0..self.hosts).map(|host| json!({"host": {"exact": hostname(host)}}));
            let entry = json!({
                "from": {"serviceAccounts": ["payments/api"]},
                "to": hosts.collect::<Vec<_>>(),
            });
            fields.insert("egressAuthorization".to_owned(), json!([entry]));
        }
        json!({
            "apiVersion": "gateway.tsb.tetrate.io/v2",
            "kind": "Gateway",
            "metadata": {"name": "measured", "namespace": "egress"},
            "spec": spec,
        })
    }

    fn server(self, host: usize, jwks: &str) -> Value {
        let name = hostname(host);
        let destination = json!({"host": format!("egress/{name}")});
        let mut jwt = json!({"issuer": ISSUER, "audiences": [AUDIENCE], "jwks": jwks});
        if let Value::Object(fields) = &mut jwt {
            let bound = self.clients == Clients::Bound;
            let output = self.output_header.then_some(("outputPayloadToHeader", "x-jwt-payload"));
            let bound = bound.then_some(("certificateBound", "required"));
            let more = output.into_iter().chain(bound);
            fields.extend(more.map(|(name, value)| (name.to_owned(), value.into())));
        }
        let mut server = json!({
            "name": format!("server-{host:05}"),
            "hostname": name,
            "trafficMode": "EGRESS",
            "routing": {"rules": [{"route": {"serviceDestination": destination}}]},
            "authentication": {"jwt": jwt},
        });
        if !self.workloads
            && let Value::Object(fields) = &mut server
        {
            let rules: Vec<Value> = (0..self.rules).map(rule).collect();
            fields.insert("authorization".to_owned(), json!({"local": {"rules": rules}}));
        }
        server
    }
}

/// The name of a host, all of one length, so that they sort by number.
pub fn hostname(host: usize) -> String {
    format!("api-{host:05}.example.com")
}

/// A path that a rule admits.
pub fn path(rule: usize) -> String {
    format!("/v1/resource-{rule:03}/42")
}

fn rule(number: usize) -> Value {
    json!({
        "name": format!("rule-{number:03}"),
        "from": [{"jwt": {"iss": ISSUER, "sub": subject(number)}}],
        "to": [{"methods": ["GET", "POST"], "paths": [format!("/v1/resource-{number:03}/*")]}],
    })
}
