//! Listener, HTTP settings and filter chain.

use serde_json::{Value, json};

use super::plan::Plan;
use super::{LogNames, Options, access_log, address, cluster, route, set};
use crate::policy::Policy;
use crate::policy::header::CLIENT_CERTIFICATE;
use crate::signals::PEER_URI_SANS;

/// Where the route table comes from.
pub(super) enum Routes {
    /// Written here.
    Inline(Value),
    /// From a config source (RDS).
    Discovered(Value),
}

/// What enforces the policy.
pub(super) struct Enforcement {
    /// HTTP filters, in order.
    pub filters: Vec<Value>,
    /// Matchers of headers that are taken out of every request first.
    pub removed_headers: Vec<Value>,
}

/// What the routes need of the listener.
#[derive(Debug, Clone, Copy)]
pub(super) struct Needs {
    /// Whether some requests go to the host that they name.
    pub dynamic: bool,
    /// Whether some requests are rewritten on the way.
    pub rewritten: bool,
}

impl Needs {
    pub fn of(plan: &Plan) -> Self {
        Self { dynamic: plan.has_dynamic(), rewritten: plan.rewrites() }
    }
}

/// The gateway's listener.
pub(super) fn listener(
    policy: &Policy,
    options: &Options,
    routes: Routes,
    enforcement: Enforcement,
    needs: Needs,
) -> Value {
    let mut manager = connection_manager(options.log_names, needs.rewritten);
    if let Some(propagated) = &policy.source_identity.propagated
        && propagated.header == CLIENT_CERTIFICATE
    {
        // The filter believes it only from trusted peers, and takes it out of every request.
        set(&mut manager, "forward_client_cert_details", "FORWARD_ONLY");
    }
    match routes {
        Routes::Inline(table) => set(&mut manager, "route_config", table),
        Routes::Discovered(source) => {
            set(
                &mut manager,
                "rds",
                json!({"route_config_name": route::NAME, "config_source": source}),
            );
        }
    }
    if needs.dynamic {
        // The port would otherwise choose where such a request goes, and no policy judges ports.
        set(&mut manager, "strip_any_host_port", true);
    }
    set(&mut manager, "http_filters", http_filters(enforcement, needs));
    let mut filters = vec![json!({
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": manager,
    })];
    if options.downstream_tls.is_some() {
        // Whether or not the policy asks now: a listener stays while policies change.
        filters.insert(0, peer_uri_sans());
    }
    let mut chain = json!({"filters": filters});
    if let Some(tls) = &options.downstream_tls {
        set(&mut chain, "transport_socket", tls.transport_socket());
        set(&mut chain, "transport_socket_connect_timeout", "10s");
    }
    json!({
        "name": "egress",
        "address": address(options.listen),
        "per_connection_buffer_limit_bytes": 1_048_576,
        "filter_chains": [chain],
    })
}

/// Notes down who the peer is, once a connection: Envoy tells filters only the first of the names
/// in a certificate, and a certificate with several stands for nobody.
fn peer_uri_sans() -> Value {
    json!({
        "name": "envoy.filters.network.set_filter_state",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.set_filter_state.v3.Config",
            "on_downstream_tls_handshake": [{
                "object_key": PEER_URI_SANS,
                "factory_key": "envoy.string",
                "format_string": {
                    "text_format_source": {"inline_string": "%DOWNSTREAM_PEER_URI_SAN%"},
                    "omit_empty_values": true,
                },
            }],
        },
    })
}

/// HTTP settings, those of which Envoy's edge profile is careful about included.
fn connection_manager(names: LogNames, rewritten: bool) -> Value {
    json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "egress",
        // The filter judges every reading of a path; the upstream sees the plainest of them.
        // Escaped slashes stay: `@scope%2fpackage` is one name.
        "normalize_path": true,
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        // Clients connect directly: what they say about where they come from is not believed.
        "use_remote_address": true,
        "skip_xff_append": true,
        // TLS begins here, so the upstream would otherwise hear of the plain-text hop.
        "scheme_header_transformation": {"match_upstream": true},
        "forward_client_cert_details": "SANITIZE",
        "common_http_protocol_options": {
            "idle_timeout": "900s",
            "max_headers_count": 100,
            // External APIs do use names like `api_key`. The filter knows the names that matter
            // in every spelling.
            "headers_with_underscores_action": "ALLOW",
        },
        "http2_protocol_options": {
            "max_concurrent_streams": 100,
            "initial_stream_window_size": 65_536,
            "initial_connection_window_size": 1_048_576,
        },
        "max_request_headers_kb": 60,
        "request_headers_timeout": "10s",
        "stream_idle_timeout": "300s",
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "access_log": access_log::access_log(names, rewritten),
    })
}

fn http_filters(enforcement: Enforcement, needs: Needs) -> Vec<Value> {
    let removed = [json!({"prefix": "x-envoy-"})].into_iter().chain(enforcement.removed_headers);
    let mutations: Vec<_> =
        removed.map(|name| json!({"remove_on_match": {"key_matcher": name}})).collect();
    let mut filters = vec![
        // First, so that no client steers Envoy with them and none of them leaves.
        json!({
            "name": "envoy.filters.http.header_mutation",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
                "mutations": {"request_mutations": mutations},
            },
        }),
    ];
    filters.extend(needs.rewritten.then(access_log::note_as_it_came));
    filters.extend(enforcement.filters);
    if needs.dynamic {
        filters.push(json!({
            "name": "envoy.filters.http.dynamic_forward_proxy",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig",
                "dns_cache_config": cluster::dns_cache(),
            },
        }));
    }
    filters.push(json!({
        "name": "envoy.filters.http.router",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            "suppress_envoy_headers": true,
        },
    }));
    filters
}
