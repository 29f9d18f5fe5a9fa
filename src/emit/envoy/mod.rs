//! `--to envoy`: a complete Envoy configuration that enforces a compiled Gateway.
//!
//! | module | what lives there |
//! |---|---|
//! | `plan` | where requests of a server and JWKS fetches really go |
//! | [`upstream`] | local servers that take the place of hosts |
//! | [`secret`] | the files of Kubernetes secrets |
//! | `error` | why there is no configuration |
//! | `cluster` | Envoy clusters |
//! | `tls` | TLS contexts, in which the peer is always verified |
//! | `route`, `rule` | the route table, and the rules in it |
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
mod error;
mod listener;
pub mod native;
mod plan;
mod route;
mod rule;
pub mod secret;
#[cfg(test)]
mod tests;
mod tls;
pub mod upstream;
mod wasm;

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use crate::compile::Compiled;
use crate::signals::catalogue;
pub use access_log::LogNames;
pub use error::EmitError;
use listener::Needs;
pub use secret::TlsSecret;
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
    /// The files of Kubernetes secrets that the Gateway names.
    pub tls_secrets: Vec<TlsSecret>,
}

/// A bootstrap that needs no other file but the module and the certificates it names.
///
/// # Errors
/// See [`EmitError`].
pub fn bootstrap(compiled: &Compiled, options: &Options) -> Result<Value, EmitError> {
    plan::check_holders(compiled, options)?;
    let plan = plan::plan(compiled, options)?;
    let filter = wasm::inline(wasm::filter_config(compiled, options));
    Ok(whole(compiled, options, &plan, filter, &|_| None))
}

/// A bootstrap with everything in it.
fn whole(
    compiled: &Compiled,
    options: &Options,
    plan: &plan::Plan,
    enforcement: listener::Enforcement,
    per_host: route::PerHost<'_>,
) -> Value {
    let mut bootstrap = base(options);
    let routes = listener::Routes::Inline(route::configuration(plan, per_host));
    let needs = Needs::of(plan);
    set(
        &mut bootstrap,
        "static_resources",
        json!({
            "listeners": [listener::listener(&compiled.policy, options, routes, enforcement, needs)],
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
    plan::check_holders(compiled, options)?;
    let plan = plan::plan(compiled, options)?;
    let file = |name: &str| {
        json!({
            "path_config_source": {"path": folder.join(name).to_string_lossy()},
            "resource_api_version": "V3",
        })
    };
    let mut bootstrap = base(options);
    // The listener stays while rules change.
    let needs = Needs { rewritten: true, ..Needs::of(&plan) };
    let routes = listener::Routes::Discovered(file(ROUTES_FILE));
    let filter = wasm::discovered(file(FILTER_FILE));
    set(
        &mut bootstrap,
        "static_resources",
        json!({"listeners": [listener::listener(&compiled.policy, options, routes, filter, needs)]}),
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
        // Envoy takes only small regular expressions unless told otherwise, and a long path or host
        // name makes one that is larger. The limit is the one that Istio sets.
        "layered_runtime": {"layers": [{
            "name": "regular-expressions",
            "static_layer": {"re2.max_program_size.error_level": 32_768},
        }]},
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
