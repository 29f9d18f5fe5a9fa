//! What compiling one Gateway yields.
//!
//! [`Compiled::policy`] is all the filter knows. [`Compiled::deployment`] is the rest that an
//! output needs: where the gateway runs, where its servers send requests, where keys are fetched.

use std::collections::BTreeMap;

use crate::policy::Policy;
pub use crate::resource::gateway::TrafficMode;
use crate::resource::source::Origin;

/// One Gateway, compiled.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// What the filter enforces.
    pub policy: Policy,
    /// What an output needs besides the policy.
    pub deployment: Deployment,
    /// Entries of `egressAuthorization` without effect, by hostname: the authorization of the
    /// hostname's server decides alone.
    pub silenced: BTreeMap<String, Vec<usize>>,
}

/// What an output needs besides the policy.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// Namespace of the Gateway: `metadata.namespace`, else that of the workload selector.
    pub namespace: String,
    /// Namespace in which the gateway's pods run: that of the workload selector, else
    /// `metadata.namespace`.
    pub workload_namespace: String,
    /// Name of the Gateway.
    pub name: String,
    /// Labels of the gateway's pods; empty when the Gateway selects none.
    pub workload_labels: BTreeMap<String, String>,
    /// Where they are written, or would be.
    pub workload_origin: Origin,
    /// One entry for each server, in the order of [`Policy::servers`].
    pub servers: Vec<ServerDeployment>,
    /// The clusters through which keys are fetched, each once, in order of first use. Every
    /// [`crate::policy::JwksSource::Remote`] of the policy names one of them.
    pub jwks: Vec<JwksCluster>,
}

/// How one server is reached and where it sends requests.
#[derive(Debug, Clone)]
pub struct ServerDeployment {
    /// Name of the server, unique in the Gateway.
    pub name: String,
    /// Exact hostname, `*.suffix` or `*`, as in [`crate::policy::Server::hostname`].
    pub hostname: String,
    /// Which way the server's requests go.
    pub traffic_mode: TrafficMode,
    /// Where requests are sent; absent when the Gateway has no routing for this server.
    pub destination: Option<Destination>,
    /// The server's `hostname` in the document.
    pub origin: Origin,
}

/// Where a server sends requests: `serviceDestination` of its route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Name of the Envoy cluster: `server|<server name>`.
    pub cluster: String,
    /// The host to connect to.
    pub host: DestinationHost,
    /// The port to connect to; where none is written, 443 with TLS and 80 without.
    pub port: u16,
    /// TLS origination; absent: plain text.
    pub tls: Option<UpstreamTls>,
    /// `serviceDestination.host` in the document.
    pub origin: Origin,
}

/// The host a server sends requests to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DestinationHost {
    /// Always this host: a DNS name in lower case, or an IPv4 address.
    Fixed(String),
    /// The host that the request names. Only on servers with a wildcard hostname whose
    /// destination repeats that wildcard.
    AsRequested,
}

/// TLS towards an external host. The peer's certificate is always verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamTls {
    /// PEM file of trusted CAs on the gateway; absent: the system's.
    pub ca_certificates: Option<String>,
    /// What the gateway presents itself; present in mode MUTUAL.
    pub client_certificate: Option<ClientCertificate>,
    /// Names of which the peer's certificate must hold one; empty: the destination host.
    pub subject_alt_names: Vec<String>,
    /// The `tls` field in the document.
    pub origin: Origin,
}

/// PEM files on the gateway with which it authenticates itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Certificate chain.
    pub certificate: String,
    /// Private key of the chain's first certificate.
    pub private_key: String,
}

/// A cluster through which keys are fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwksCluster {
    /// Name of the Envoy cluster: `jwks|<scheme>|<host>|<port>`.
    pub name: String,
    /// Host of the `jwksUri`: lower case; IPv6 addresses without brackets.
    pub host: String,
    /// Port of the `jwksUri`; where none is written, 443 for https and 80 for http.
    pub port: u16,
    /// Whether the URI is https. The peer's certificate is always verified.
    pub tls: bool,
    /// PEM file of trusted CAs on the gateway: that of a server with the same destination host;
    /// absent: the system's.
    pub ca_certificates: Option<String>,
    /// The first `jwksUri` in the document that needs this cluster.
    pub origin: Origin,
}
