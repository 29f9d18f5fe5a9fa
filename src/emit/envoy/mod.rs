//! `--to envoy`: a complete Envoy configuration that enforces a compiled Gateway.
//!
//! | module | what lives there |
//! |---|---|
//! | [`upstream`] | where requests of a server and JWKS fetches really go |
//! | `cluster` | Envoy clusters |
//! | `tls` | TLS contexts, in which the peer is always verified |
//! | `route` | the route table |
//! | `listener` | listener, HTTP settings and filter chain |
//! | `access_log` | what is logged of every request |
//! | `wasm` | the filter's module and configuration |
//! | `capabilities` | what Envoy lets the module do |
//! | [`native`] | Envoy's own filters in its place |
//!
//! The output is JSON. Envoy reads it as well as YAML, it is YAML too, and no value in it can be
//! taken for another type. Nothing here reads files or the environment: see [`Options`].

mod access_log;
mod capabilities;
mod cluster;
mod listener;
pub mod native;
mod route;
#[cfg(test)]
mod tests;
mod tls;
pub mod upstream;
mod wasm;

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use crate::compile::Compiled;
use crate::resource::source::Origin;
use crate::signals::catalogue;
pub use access_log::LogNames;
pub use tls::{DownstreamTls, system_ca};
pub use upstream::{StandIns, Upstream, UpstreamError};
pub use wasm::FILTER_NAME;

/// What the output takes beside the Gateway.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the gateway listens.
    pub listen: SocketAddr,
    /// Where Envoy's admin interface listens.
    pub admin: SocketAddr,
    /// The filter's module, as Envoy will find it; [`native`] needs none.
    pub wasm: String,
    /// Hosts that are sent to a local address in plain text.
    pub upstreams: Vec<Upstream>,
    /// Takes the place of every host that `upstreams` does not name.
    pub stand_ins: Option<StandIns>,
    /// TLS that clients have to use; absent: plain text.
    pub downstream_tls: Option<DownstreamTls>,
    /// What the fields of the access log are called.
    pub log_names: LogNames,
    /// PEM file of trusted CAs where the Gateway names none; see [`system_ca`].
    pub system_ca: Option<String>,
}

/// Why a Gateway cannot be turned into an Envoy configuration.
#[derive(Debug, thiserror::Error)]
pub enum EmitError {
    /// TLS cannot be verified.
    #[error(
        "no trusted CAs to verify {host} with: set caCertificates in its serviceDestination.tls, \
         or SSL_CERT_FILE to a PEM file"
    )]
    NoTrustedCa {
        /// The host to connect to.
        host: String,
        /// What needs the CAs.
        origin: Option<Origin>,
    },
    /// Where the requests of an INGRESS or TRANSIT server go is not known.
    #[error(
        "nothing says where the server {server} sends requests: \
         add routing with a serviceDestination, or --upstream {hostname}=ADDR:PORT"
    )]
    NoDestination {
        /// Name of the server.
        server: String,
        /// Its hostname.
        hostname: String,
        /// The server's hostname in the document.
        origin: Origin,
    },
    /// A wildcard server cannot choose the port.
    #[error(
        "the server {server} sends requests to the host that they name, \
         which works on port {expected} only, not {port}"
    )]
    DynamicPort {
        /// Name of the server.
        server: String,
        /// The port in the document.
        port: u16,
        /// The port that works.
        expected: u16,
        /// The destination in the document.
        origin: Origin,
    },
    /// A wildcard server cannot choose the names in certificates.
    #[error(
        "the server {server} sends requests to the host that they name, and that host is the \
         name its certificate must hold: remove subjectAltNames"
    )]
    DynamicSubjectAltNames {
        /// Name of the server.
        server: String,
        /// The TLS settings in the document.
        origin: Origin,
    },
    /// An `--upstream` that nothing uses.
    #[error("--upstream {host}: the Gateway neither serves this host nor fetches keys from it")]
    UnusedUpstream {
        /// The host.
        host: String,
    },
}

impl EmitError {
    /// Where in the document the cause is.
    pub fn origin(&self) -> Option<&Origin> {
        match self {
            Self::NoTrustedCa { origin, .. } => origin.as_ref(),
            Self::NoDestination { origin, .. }
            | Self::DynamicPort { origin, .. }
            | Self::DynamicSubjectAltNames { origin, .. } => Some(origin),
            Self::UnusedUpstream { .. } => None,
        }
    }
}

/// A bootstrap that needs no other file but the module and the certificates it names.
///
/// # Errors
/// See [`EmitError`].
pub fn bootstrap(compiled: &Compiled, options: &Options) -> Result<Value, EmitError> {
    let plan = upstream::plan(compiled, options)?;
    let filter = wasm::inline(wasm::filter_config(compiled, options));
    Ok(whole(compiled, options, &plan, filter, &|_| None))
}

/// A bootstrap with everything in it.
fn whole(
    compiled: &Compiled,
    options: &Options,
    plan: &upstream::Plan,
    enforcement: listener::Enforcement,
    per_host: route::PerHost<'_>,
) -> Value {
    let mut bootstrap = base(options);
    let routes = listener::Routes::Inline(route::configuration(plan, per_host));
    let dynamic = plan.has_dynamic();
    set(
        &mut bootstrap,
        "static_resources",
        json!({
            "listeners": [listener::listener(&compiled.policy, options, routes, enforcement, dynamic)],
            "clusters": cluster::clusters(plan),
        }),
    );
    bootstrap
}

/// A bootstrap whose parts Envoy reads from files and follows as they change.
#[derive(Debug, Clone)]
pub struct Dynamic {
    /// Never changes.
    pub bootstrap: Value,
    /// What changes with the Gateway.
    pub resources: Resources,
}

/// What changes with the Gateway: the three files that Envoy follows.
#[derive(Debug, Clone, PartialEq)]
pub struct Resources {
    /// The clusters: one resource each, for [`CLUSTERS_FILE`].
    pub clusters: Vec<Value>,
    /// The route table, for [`ROUTES_FILE`].
    pub routes: Value,
    /// The filter's configuration, for [`FILTER_FILE`].
    pub filter: Value,
}

/// Name of the file with the clusters (CDS).
pub const CLUSTERS_FILE: &str = "clusters.json";
/// Name of the file with the route table (RDS).
pub const ROUTES_FILE: &str = "routes.json";
/// Name of the file with the filter's configuration (ECDS).
pub const FILTER_FILE: &str = "filter.json";

/// The same configuration in parts, for an Envoy that follows the files in `folder`.
///
/// The listener itself never changes, so a change drains no connection and applies to the next
/// request on every connection.
///
/// # Errors
/// See [`EmitError`].
pub fn dynamic(
    compiled: &Compiled,
    options: &Options,
    folder: &Path,
) -> Result<Dynamic, EmitError> {
    let plan = upstream::plan(compiled, options)?;
    let file = |name: &str| {
        json!({
            "path_config_source": {"path": folder.join(name).to_string_lossy()},
            "resource_api_version": "V3",
        })
    };
    let mut bootstrap = base(options);
    let routes = listener::Routes::Discovered(file(ROUTES_FILE));
    let filter = wasm::discovered(file(FILTER_FILE));
    set(
        &mut bootstrap,
        "static_resources",
        json!({"listeners": [listener::listener(&compiled.policy, options, routes, filter, plan.has_dynamic())]}),
    );
    set(&mut bootstrap, "dynamic_resources", json!({"cds_config": file(CLUSTERS_FILE)}));
    let resources = Resources {
        clusters: cluster::clusters(&plan),
        routes: route::configuration(&plan, &|_| None),
        filter: wasm::filter_config(compiled, options),
    };
    Ok(Dynamic { bootstrap, resources })
}

/// What every bootstrap has.
fn base(options: &Options) -> Value {
    json!({
        "node": {"id": FILTER_NAME, "cluster": FILTER_NAME},
        "admin": {"address": address(options.admin)},
        "stats_config": {"stats_tags": stats_tags()},
        // Without a limit, Envoy warns at start, rightly: descriptors run out first.
        "overload_manager": {
            "resource_monitors": [{
                "name": "envoy.resource_monitors.global_downstream_max_connections",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                    "max_active_downstream_connections": "50000",
                },
            }],
        },
    })
}

/// Makes labels of what the filter writes into the names of its metrics.
fn stats_tags() -> Vec<Value> {
    let tag = |label: &str| {
        json!({
            "tag_name": label,
            "regex": format!("^wasmcustom\\.{}\\..*?(;{label}=([^;]*))", catalogue::PREFIX),
        })
    };
    catalogue::labels().into_iter().map(tag).collect()
}

/// Sets a field of an object.
fn set(object: &mut Value, field: &str, value: impl Into<Value>) {
    if let Value::Object(fields) = object {
        fields.insert(field.to_owned(), value.into());
    }
}

fn address(socket: SocketAddr) -> Value {
    json!({"socket_address": {"address": socket.ip().to_string(), "port_value": socket.port()}})
}
