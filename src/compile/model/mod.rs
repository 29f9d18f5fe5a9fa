//! What compiling one Gateway yields.
//!
//! [`Compiled::policy`] is all the filter knows. [`Compiled::deployment`] is the rest that an
//! output needs: where the gateway runs, where its servers send requests ([`routing`]), where keys
//! are fetched.

pub mod routing;

use std::collections::BTreeMap;

pub use self::routing::{Destination, DestinationHost, RouteAction, RouteRule, TrustedCa};
use super::same_pods::Neighbour;
use crate::policy::Policy;
pub use crate::resource::gateway::TrafficMode;
use crate::resource::source::{Origin, Span};

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
    /// The first JWT rule of a Gateway in which none says whether tokens are bound to their holder.
    pub unbound: Option<Origin>,
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
    /// Other Gateways of the input for the same pods.
    pub same_pods: Vec<Neighbour>,
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
    /// What becomes of requests, by the first that matches; empty when the Gateway has no routing
    /// for this server.
    pub routes: Vec<RouteRule>,
    /// What the Gateway says of an egress server besides, and what is not done here.
    pub left_to_gateway: Vec<LeftToGateway>,
    /// The server's `hostname` in the document.
    pub origin: Origin,
    /// Each rule of its authorization in the document, in order.
    pub rules: Vec<Span>,
}

/// A field of a server that the gateway does, and not what is made here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftToGateway {
    /// Its name, from the server on, such as `routing.corsPolicy`.
    pub field: String,
    /// What follows where the gateway does not do it.
    pub consequence: &'static str,
    /// The field in the document.
    pub origin: Origin,
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
    /// Who may have issued the peer's certificate: as of a server with the same destination host,
    /// else the system's CAs.
    pub trusted: TrustedCa,
    /// The first `jwksUri` in the document that needs this cluster.
    pub origin: Origin,
}

impl ServerDeployment {
    /// Every destination of the server, as often as rules name it.
    pub fn destinations(&self) -> impl Iterator<Item = &Destination> {
        self.routes.iter().filter_map(|rule| match &rule.action {
            RouteAction::Forward(destination) => Some(&**destination),
            RouteAction::Redirect(_) | RouteAction::Respond { .. } => None,
        })
    }
}
