//! Envoy clusters: how a peer is found and spoken to.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::plan::{Cluster, Plan, Target};
use super::set;

/// How long connecting to a peer may take, the TLS handshake included.
const CONNECT_TIMEOUT: &str = "5s";
/// What Envoy buffers for one upstream connection, in bytes.
const BUFFER_LIMIT: u32 = 1_048_576;

/// Every cluster of the plan.
pub(super) fn clusters(plan: &Plan) -> Vec<Value> {
    plan.clusters.iter().map(cluster).collect()
}

fn cluster(cluster: &Cluster) -> Value {
    let mut value = json!({
        "name": cluster.name,
        "connect_timeout": CONNECT_TIMEOUT,
        "per_connection_buffer_limit_bytes": BUFFER_LIMIT,
    });
    match &cluster.target {
        Target::AsRequested => {
            set(&mut value, "lb_policy", "CLUSTER_PROVIDED");
            set(
                &mut value,
                "cluster_type",
                json!({
                    "name": "envoy.clusters.dynamic_forward_proxy",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig",
                        "dns_cache_config": dns_cache(),
                    },
                }),
            );
        }
        Target::Host { host, port } => {
            if host.parse::<IpAddr>().is_ok() {
                set(&mut value, "type", "STATIC");
            } else {
                set(&mut value, "cluster_type", logical_dns());
            }
            set(
                &mut value,
                "load_assignment",
                json!({
                    "cluster_name": cluster.name,
                    "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {
                        "socket_address": {"address": host, "port_value": port},
                    }}}]}],
                }),
            );
        }
    }
    if let Some(tls) = &cluster.tls {
        set(&mut value, "transport_socket", tls.transport_socket());
        set(&mut value, "typed_extension_protocol_options", http_over_tls(cluster));
    }
    value
}

/// External names often resolve to many addresses that change all the time: Envoy connects to
/// what the name resolves to now, and keeps connections that stand.
fn logical_dns() -> Value {
    json!({
        "name": "envoy.clusters.dns",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.clusters.dns.v3.DnsCluster",
            "all_addresses_in_single_endpoint": true,
            "dns_lookup_family": "ALL",
            "respect_dns_ttl": true,
        },
    })
}

/// HTTP/2 where the peer offers it (ALPN), so that gRPC works; HTTP/1.1 elsewhere.
fn http_over_tls(cluster: &Cluster) -> Value {
    let mut options = json!({
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "auto_config": {"http_protocol_options": {}, "http2_protocol_options": {}},
    });
    if matches!(cluster.target, Target::AsRequested) {
        set(
            &mut options,
            "upstream_http_protocol_options",
            json!({"auto_sni": true, "auto_san_validation": true}),
        );
    }
    json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options})
}

/// The DNS cache that such clusters share with the filter that fills it.
pub(super) fn dns_cache() -> Value {
    json!({"name": "requested-hosts", "dns_lookup_family": "ALL"})
}
