//! `--to wasm-plugin`: the filter as a WasmPlugin, and the hosts that it and its routes reach.

use serde_json::json;

use super::{Emitted, Place, Version, check_size, destination, gateway};
use crate::compile::Compiled;
use crate::emit::envoy::FILTER_NAME;
use crate::policy::{JwksSource, Policy};
use crate::resource::diagnostic::{Diagnostic, Diagnostics};

/// Above this, what `kubectl apply` notes down about an object does not fit beside it.
const MAX_ANNOTATION_BYTES: usize = 262_144;
/// Plugins of one phase run from the highest priority down; those that name none have 0.
const PRIORITY: i32 = 1000;

/// What the output takes beside the Gateway.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the gateway's pods get the module: an `oci`, `https`, `http` or `file` URL.
    pub url: String,
    /// What Istio compares with: the SHA-256 of the module in hexadecimal, that of the image's
    /// manifest for an `oci` URL.
    pub sha256: String,
    /// The release of Istio.
    pub version: Version,
}

/// The WasmPlugin and what it needs.
pub fn objects(compiled: &Compiled, options: &Options) -> Emitted {
    let mut findings = Diagnostics::default();
    let Some(place) = Place::new(&compiled.deployment, &mut findings) else {
        return Emitted { objects: Vec::new(), findings };
    };
    findings.extend(gateway::note(compiled));
    let mut objects = destination::objects(place, compiled, &mut findings);
    let config = json!(with_istio_clusters(compiled));
    check_size(
        "the plugin configuration",
        &config,
        "divide the servers among several Gateways, each with gateway pods of its own, or let \
         servers share rules: what repeats is written once",
        &mut findings,
    );
    if config.to_string().len() > MAX_ANNOTATION_BYTES {
        findings.push(
            Diagnostic::note("the WasmPlugin is too large for a plain `kubectl apply`")
                .hint("use `kubectl apply --server-side`"),
        );
    }
    let gateway = &compiled.policy.gateway;
    let mut spec = json!({
        "url": options.url,
        "sha256": options.sha256,
        "imagePullPolicy": "IfNotPresent",
        "pluginName": FILTER_NAME,
        "phase": "AUTHN",
        "priority": PRIORITY,
        // To Istio, every listener of a gateway is on the client's side.
        "match": [{"mode": "CLIENT"}],
        "failStrategy": match options.version >= Version::FAIL_RELOAD {
            true => "FAIL_RELOAD",
            false => "FAIL_CLOSE",
        },
        // WasmPlugins have no other way to say whose VM it is.
        "vmConfig": {"env": [{"name": "EGRESS_AUTH_GATEWAY", "value": gateway}]},
        "pluginConfig": config,
    });
    place.select(&mut spec, "selector", "matchLabels");
    objects.push(place.object("extensions.istio.io/v1alpha1", "WasmPlugin", spec));
    if findings.has_errors() {
        objects.clear();
    }
    Emitted { objects, findings }
}

/// The policy with the clusters that Istio makes.
fn with_istio_clusters(compiled: &Compiled) -> Policy {
    let mut policy = compiled.policy.clone();
    for rule in &mut policy.jwt_rules {
        if let JwksSource::Remote { cluster, .. } = &mut rule.jwks
            && let Some(jwks) = compiled.deployment.jwks.iter().find(|jwks| jwks.name == *cluster)
        {
            *cluster = destination::cluster_name(jwks);
        }
    }
    policy
}
