//! The filter's module and configuration.

use serde_json::{Value, json};

use super::listener::Enforcement;
use super::{Options, capabilities};
use crate::compile::Compiled;

/// Name of the filter, and of its root context.
pub const FILTER_NAME: &str = "egress_auth";

/// The type of the filter's configuration.
const WASM_TYPE: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";

/// The filter with its configuration written here.
pub(super) fn inline(config: Value) -> Enforcement {
    enforcement(json!({"name": FILTER_NAME, "typed_config": config}))
}

/// The filter with its configuration from a config source (ECDS).
pub(super) fn discovered(source: Value) -> Enforcement {
    enforcement(json!({
        "name": FILTER_NAME,
        "config_discovery": {"config_source": source, "type_urls": [WASM_TYPE]},
    }))
}

fn enforcement(filter: Value) -> Enforcement {
    // It takes out headers itself: those that matter to its Gateway.
    Enforcement { filters: vec![filter], removed_headers: Vec::new() }
}

/// The typed configuration of the wasm filter.
pub(super) fn filter_config(compiled: &Compiled, options: &Options) -> Value {
    let gateway = &compiled.deployment;
    json!({
        "@type": WASM_TYPE,
        "config": {
            "name": FILTER_NAME,
            "root_id": FILTER_NAME,
            "vm_config": {
                // Gateways in one Envoy share nothing.
                "vm_id": format!("{FILTER_NAME}/{}/{}", gateway.namespace, gateway.name),
                "runtime": "envoy.wasm.runtime.v8",
                "code": {"local": {"filename": options.wasm}},
                "capability_restriction_config": capabilities::restriction(),
            },
            "configuration": {
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": serde_json::to_string(&compiled.policy).unwrap_or_default(),
            },
            // A module that crashed is started again; until then requests get 503.
            "failure_policy": "FAIL_RELOAD",
            "reload_config": {"backoff": {"base_interval": "1s", "max_interval": "10s"}},
            // While the filter waits for keys, the body waits with the headers.
            "allow_on_headers_stop_iteration": false,
        },
    })
}
