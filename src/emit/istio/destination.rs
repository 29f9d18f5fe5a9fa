//! Hosts outside the mesh: a ServiceEntry makes a cluster of each, a DestinationRule its TLS.
//!
//! Both are exported to the gateway's own namespace only: what other workloads call, and that
//! they call it through the gateway, is not decided here.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Value, json};

use super::{Place, fields, is_dns_name};
use crate::compile::Compiled;
use crate::compile::model::{ClientCertificate, DestinationHost, JwksCluster, UpstreamTls};
use crate::resource::diagnostic::{Diagnostic, Diagnostics};
use crate::resource::source::Origin;

/// What Services of the cluster end in; Istio knows them without a ServiceEntry.
const IN_MESH: &str = ".svc.cluster.local";

/// The name of the Envoy cluster that Istio makes for a port of a host.
pub(super) fn cluster_name(jwks: &JwksCluster) -> String {
    format!("outbound|{}||{}", jwks.port, jwks.host)
}

/// One port of one host.
#[derive(Debug)]
struct Endpoint<'c> {
    tls: Option<Tls<'c>>,
    origin: &'c Origin,
}

/// How a connection to it is secured.
#[derive(Debug, PartialEq, Eq)]
struct Tls<'c> {
    ca_certificates: Option<&'c str>,
    client_certificate: Option<&'c ClientCertificate>,
    subject_alt_names: &'c [String],
}

impl<'c> From<&'c UpstreamTls> for Tls<'c> {
    fn from(tls: &'c UpstreamTls) -> Self {
        Self {
            ca_certificates: tls.ca_certificates.as_deref(),
            client_certificate: tls.client_certificate.as_ref(),
            subject_alt_names: &tls.subject_alt_names,
        }
    }
}

impl Tls<'_> {
    /// The system's CAs verify the host's own name.
    const fn plain() -> Self {
        Self { ca_certificates: None, client_certificate: None, subject_alt_names: &[] }
    }
}

/// Every host with its ports.
type Hosts<'c> = BTreeMap<&'c str, BTreeMap<u16, Endpoint<'c>>>;

/// The objects of every host that servers send requests to or keys are fetched from.
pub(super) fn objects(
    place: Place<'_>,
    compiled: &Compiled,
    findings: &mut Diagnostics,
) -> Vec<Value> {
    let mut objects = Vec::new();
    for (host, ports) in hosts(compiled, findings) {
        let Some(endpoint) = ports.values().next() else { continue };
        let error = |message: String| Diagnostic::error(message).at(endpoint.origin);
        if host.parse::<IpAddr>().is_ok() || !is_dns_name(host) {
            findings.push(
                error(format!("`{}` is not a name that Istio can look up", host.escape_debug()))
                    .hint("a ServiceEntry needs a DNS name: give the host one"),
            );
            continue;
        }
        let Some(name) = place.name_for(host) else {
            findings.push(
                error(format!("the objects for `{host}` would have too long a name"))
                    .hint("give the Gateway a shorter name"),
            );
            continue;
        };
        if !host.ends_with(IN_MESH) {
            let spec = service_entry(host, &ports);
            objects.push(place.named("networking.istio.io/v1", "ServiceEntry", &name, spec));
        }
        if let Some(mut spec) = destination_rule(host, &ports) {
            place.select(&mut spec, "workloadSelector", "matchLabels");
            objects.push(place.named("networking.istio.io/v1", "DestinationRule", &name, spec));
        }
    }
    objects
}

fn hosts<'c>(compiled: &'c Compiled, findings: &mut Diagnostics) -> Hosts<'c> {
    let mut hosts = Hosts::new();
    for server in &compiled.deployment.servers {
        let (host, port, tls, origin) = match &server.destination {
            Some(destination) => {
                let host = match &destination.host {
                    DestinationHost::Fixed(host) => host.as_str(),
                    DestinationHost::AsRequested => server.hostname.as_str(),
                };
                let tls = destination.tls.as_ref().map(Tls::from);
                (host, destination.port, tls, &destination.origin)
            }
            // Where other than egress servers send requests is none of our business.
            None if !server.traffic_mode.is_egress() => continue,
            None => (server.hostname.as_str(), 443, Some(Tls::plain()), &server.origin),
        };
        if host.starts_with('*') {
            findings.push(
                Diagnostic::warning(format!(
                    "no ServiceEntry is written for the hosts of `{host}`"
                ))
                .at(origin)
                .hint("which hosts those are is not known: write one for each"),
            );
            continue;
        }
        let ports = hosts.entry(host).or_default();
        match ports.get(&port) {
            Some(first) if first.tls != tls => findings.push(
                Diagnostic::error(format!("two servers reach `{host}:{port}` in different ways"))
                    .at(origin)
                    .related(first.origin.span, "the other one")
                    .hint("Istio has one cluster for each port of a host: write the same `tls`"),
            ),
            Some(_) => {}
            None => {
                ports.insert(port, Endpoint { tls, origin });
            }
        }
    }
    for jwks in &compiled.deployment.jwks {
        let tls = jwks
            .tls
            .then(|| Tls { ca_certificates: jwks.ca_certificates.as_deref(), ..Tls::plain() });
        let origin = &jwks.origin;
        let ports = hosts.entry(&jwks.host).or_default();
        let first = ports.entry(jwks.port).or_insert(Endpoint { tls, origin });
        if first.tls.is_some() != jwks.tls {
            findings.push(
                Diagnostic::error(format!(
                    "`{}:{}` is reached both with and without TLS",
                    jwks.host, jwks.port
                ))
                .at(origin)
                .related(first.origin.span, "the other way")
                .hint("Istio has one cluster for each port of a host"),
            );
        }
    }
    hosts
}

fn service_entry(host: &str, ports: &BTreeMap<u16, Endpoint<'_>>) -> Value {
    let ports: Vec<_> = ports
        .iter()
        .map(|(number, endpoint)| {
            let (name, protocol) = match endpoint.tls {
                Some(_) => ("https", "HTTPS"),
                None => ("http", "HTTP"),
            };
            json!({"number": number, "name": format!("{name}-{number}"), "protocol": protocol})
        })
        .collect();
    json!({
        "hosts": [host],
        "exportTo": ["."],
        "location": "MESH_EXTERNAL",
        "resolution": "DNS",
        "ports": ports,
    })
}

/// TLS of those ports that have it: the filter and the routes speak plain HTTP to the cluster.
fn destination_rule(host: &str, ports: &BTreeMap<u16, Endpoint<'_>>) -> Option<Value> {
    let settings: Vec<_> = ports
        .iter()
        .filter_map(|(number, endpoint)| {
            let tls = client_tls(host, endpoint.tls.as_ref()?);
            Some(json!({"port": {"number": number}, "tls": tls}))
        })
        .collect();
    (!settings.is_empty()).then(|| {
        json!({
            "host": host,
            "exportTo": ["."],
            "trafficPolicy": {"portLevelSettings": settings},
        })
    })
}

/// Istio verifies nothing but the chain unless it is told the names; without `caCertificates` it
/// takes the CAs of the proxy's own system.
fn client_tls(host: &str, tls: &Tls<'_>) -> Value {
    let client = tls.client_certificate;
    let names = match tls.subject_alt_names {
        [] => json!([host]),
        names => json!(names),
    };
    fields([
        ("mode", json!(if client.is_some() { "MUTUAL" } else { "SIMPLE" })),
        ("caCertificates", json!(tls.ca_certificates)),
        ("clientCertificate", json!(client.map(|client| &client.certificate))),
        ("privateKey", json!(client.map(|client| &client.private_key))),
        ("sni", json!(host)),
        ("subjectAltNames", names),
    ])
}
