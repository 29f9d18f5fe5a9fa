//! Hosts outside the mesh: a ServiceEntry makes a cluster of each, a DestinationRule its TLS.
//!
//! Both are exported to the gateway's own namespace only: what other workloads call, and that
//! they call it through the gateway, is not decided here.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::{Value, json};

use super::{Place, fields, is_dns_name};
use crate::compile::Compiled;
use crate::compile::model::routing::{ClientCertificate, TlsProtocol, UpstreamTls};
use crate::compile::model::{DestinationHost, JwksCluster, TrustedCa};
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
    trusted: &'c TrustedCa,
    client_certificate: Option<&'c ClientCertificate>,
    server_name: Option<&'c str>,
    subject_alt_names: &'c [String],
}

impl<'c> From<&'c UpstreamTls> for Tls<'c> {
    fn from(tls: &'c UpstreamTls) -> Self {
        Self {
            trusted: &tls.trusted,
            client_certificate: tls.client_certificate.as_ref(),
            server_name: tls.server_name.as_deref(),
            subject_alt_names: &tls.subject_alt_names,
        }
    }
}

impl<'c> Tls<'c> {
    /// These CAs verify the host's own name.
    const fn trusting(trusted: &'c TrustedCa) -> Self {
        Self { trusted, client_certificate: None, server_name: None, subject_alt_names: &[] }
    }
}

/// Every host with its ports.
type Hosts<'c> = BTreeMap<&'c str, BTreeMap<u16, Endpoint<'c>>>;

/// Which hosts get objects, and what is spoken to them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reached<'o> {
    /// Hosts that are spoken to in HTTP/2.
    pub http2: &'o [String],
    /// Whether the gateway itself fetches keys.
    pub fetches_keys: bool,
}

/// The objects of every host that servers send requests to or keys are fetched from.
pub(super) fn objects(
    place: Place<'_>,
    compiled: &Compiled,
    reached: Reached<'_>,
    findings: &mut Diagnostics,
) -> Vec<Value> {
    let mut objects = Vec::new();
    let mut http2: BTreeSet<&str> = reached.http2.iter().map(String::as_str).collect();
    for (host, ports) in hosts(compiled, reached.fetches_keys, findings) {
        let speaks_http2 = http2.remove(host);
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
            let spec = service_entry(host, &ports, speaks_http2);
            objects.push(place.named("networking.istio.io/v1", "ServiceEntry", &name, spec));
        }
        if let Some(mut spec) = destination_rule(host, &ports) {
            place.select(&mut spec, "workloadSelector", "matchLabels");
            objects.push(place.named("networking.istio.io/v1", "DestinationRule", &name, spec));
        }
        if speaks_http2 && host.ends_with(IN_MESH) {
            findings.push(
                error(format!("what is spoken to `{host}` is said by its Service"))
                    .hint("name the port of the Service `grpc` or `http2` there: no --http2-host"),
            );
        }
    }
    for unknown in http2 {
        findings.push(
            Diagnostic::error(format!(
                "no request is sent to `{}`, which --http2-host names",
                unknown.escape_debug()
            ))
            .hint("name the host of a server, or of its `serviceDestination` where it has one"),
        );
    }
    objects
}

fn hosts<'c>(compiled: &'c Compiled, fetches_keys: bool, findings: &mut Diagnostics) -> Hosts<'c> {
    let mut hosts = Hosts::new();
    for server in &compiled.deployment.servers {
        // Where other than egress servers send requests is none of our business.
        let unrouted = server.routes.is_empty() && server.traffic_mode.is_egress();
        let by_default = unrouted.then(|| {
            let tls = Some(Tls::trusting(&TrustedCa::System));
            (server.hostname.as_str(), 443, Endpoint { tls, origin: &server.origin })
        });
        let written = server.destinations().map(|destination| {
            let host = match &destination.host {
                DestinationHost::Fixed(host) => host.as_str(),
                DestinationHost::AsRequested => server.hostname.as_str(),
            };
            if let Some(tls) = &destination.tls {
                refuse_protocol(tls, findings);
            }
            let tls = destination.tls.as_ref().map(Tls::from);
            (host, destination.port, Endpoint { tls, origin: &destination.origin })
        });
        let endpoints: Vec<_> = written.chain(by_default).collect();
        for (host, port, endpoint) in endpoints {
            add(&mut hosts, host, port, endpoint, findings);
        }
    }
    let documents = compiled.deployment.jwks.iter().filter(|_| fetches_keys);
    for jwks in documents {
        let tls = jwks.tls.then(|| Tls::trusting(&jwks.trusted));
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

fn add<'c>(
    hosts: &mut Hosts<'c>,
    host: &'c str,
    port: u16,
    endpoint: Endpoint<'c>,
    findings: &mut Diagnostics,
) {
    if host.starts_with('*') {
        findings.push(
            Diagnostic::warning(format!("no ServiceEntry is written for the hosts of `{host}`"))
                .at(endpoint.origin)
                .hint("which hosts those are is not known: write one for each"),
        );
        return;
    }
    let ports = hosts.entry(host).or_default();
    match ports.get(&port) {
        Some(first) if first.tls != endpoint.tls => findings.push(
            Diagnostic::error(format!("two servers reach `{host}:{port}` in different ways"))
                .at(endpoint.origin)
                .related(first.origin.span, "the other one")
                .hint("Istio has one cluster for each port of a host: write the same `tls`"),
        ),
        Some(_) => {}
        None => {
            ports.insert(port, endpoint);
        }
    }
}

/// Istio's DestinationRules do not say which versions and cipher suites are spoken.
fn refuse_protocol(tls: &UpstreamTls, findings: &mut Diagnostics) {
    let TlsProtocol { only_1_3, only_1_2, cipher_suites } = &tls.protocol;
    if *only_1_3 || *only_1_2 || !cipher_suites.is_empty() {
        findings.push(
            Diagnostic::error("Istio cannot be told which TLS to speak to a single host")
                .at(&tls.origin)
                .hint(
                    "remove `minProtocolVersion`, `maxProtocolVersion` and `cipherSuites`, or set \
                     them for the whole mesh (`meshConfig.tlsDefaults`)",
                ),
        );
    }
}

/// A port's protocol is what the gateway speaks to the host: HTTP/1.1 behind `HTTPS` and `HTTP`,
/// whatever its callers speak. TLS is begun by the DestinationRule either way.
fn service_entry(host: &str, ports: &BTreeMap<u16, Endpoint<'_>>, http2: bool) -> Value {
    let ports: Vec<_> = ports
        .iter()
        .map(|(number, endpoint)| {
            let (name, protocol) = match endpoint.tls {
                _ if http2 => ("http2", "HTTP2"),
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

/// What Istio calls the CAs of the proxy's own system. It means them where nothing is written too,
/// unless `VERIFY_CERTIFICATE_AT_CLIENT` is off, as it is by default in some older meshes: then
/// nothing would be verified.
const SYSTEM: &str = "system";

/// Istio verifies nothing but the chain unless it is told the names. A secret, `credentialName`,
/// stands for all files.
fn client_tls(host: &str, tls: &Tls<'_>) -> Value {
    let asked = tls.server_name.unwrap_or(host);
    let names = match tls.subject_alt_names {
        [] => json!([asked]),
        names => json!(names),
    };
    let (file, secret) = match tls.trusted {
        TrustedCa::System => (Some(SYSTEM), None),
        TrustedCa::File(file) => (Some(file.as_str()), None),
        TrustedCa::Secret(secret) => (None, Some(secret)),
    };
    let (certificate, private_key) = match tls.client_certificate {
        Some(ClientCertificate::Files { certificate, private_key }) => {
            (Some(certificate), Some(private_key))
        }
        Some(ClientCertificate::Secret(_)) | None => (None, None),
    };
    fields([
        ("mode", json!(if tls.client_certificate.is_some() { "MUTUAL" } else { "SIMPLE" })),
        ("credentialName", json!(secret)),
        ("caCertificates", json!(file)),
        ("clientCertificate", json!(certificate)),
        ("privateKey", json!(private_key)),
        ("sni", json!(asked)),
        ("subjectAltNames", names),
    ])
}
