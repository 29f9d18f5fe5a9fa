//! `--to wasm-plugin`: the filter as a WasmPlugin, or as the TrafficExtension that supersedes it,
//! and the hosts that it and its routes reach.

use serde_json::json;

use super::destination::{self, Reached};
use super::{Emitted, Place, Version, check_size, gateway, set};
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
    /// By which kind of object Istio is told of the filter.
    pub api: Api,
    /// The secret with which Istio pulls an image.
    pub image_pull_secret: Option<String>,
    /// Hosts that are spoken to in HTTP/2.
    pub http2_hosts: Vec<String>,
}

/// A kind of object by which Istio is told of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// Every release has it.
    WasmPlugin,
    /// From [`Version::TRAFFIC_EXTENSION`] on.
    TrafficExtension,
}

impl Api {
    /// The kind that a release has for it.
    pub fn of(version: Version) -> Self {
        match version >= Version::TRAFFIC_EXTENSION {
            true => Self::TrafficExtension,
            false => Self::WasmPlugin,
        }
    }

    /// Its name in Kubernetes.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::WasmPlugin => "WasmPlugin",
            Self::TrafficExtension => "TrafficExtension",
        }
    }
}

/// The object with the filter and what it needs.
pub fn objects(compiled: &Compiled, options: &Options) -> Emitted {
    let mut findings = Diagnostics::default();
    let Some(place) = Place::new(&compiled.deployment, &mut findings) else {
        return Emitted { objects: Vec::new(), findings };
    };
    findings.extend(gateway::note(compiled));
    let reached = Reached { http2: &options.http2_hosts, fetches_keys: true };
    let mut objects = destination::objects(place, compiled, reached, &mut findings);
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
            Diagnostic::note(format!(
                "the {} is too large for a plain `kubectl apply`",
                options.api.kind()
            ))
            .hint("use `kubectl apply --server-side`"),
        );
    }
    let gateway = &compiled.policy.gateway;
    let mut wasm = json!({
        "url": options.url,
        "sha256": options.sha256,
        "imagePullPolicy": "IfNotPresent",
        "pluginName": FILTER_NAME,
        "failStrategy": match options.version >= Version::FAIL_RELOAD {
            true => "FAIL_RELOAD",
            false => "FAIL_CLOSE",
        },
        // Istio has no other way to say whose VM it is.
        "vmConfig": {"env": [{"name": "EGRESS_AUTH_GATEWAY", "value": gateway}]},
        "pluginConfig": config,
    });
    if let Some(secret) = &options.image_pull_secret {
        set(&mut wasm, "imagePullSecret", secret.as_str());
    }
    let mut spec = match options.api {
        Api::WasmPlugin => wasm,
        Api::TrafficExtension => json!({"wasm": wasm}),
    };
    set(&mut spec, "phase", "AUTHN");
    set(&mut spec, "priority", PRIORITY);
    // To Istio, every listener of a gateway is on the client's side.
    set(&mut spec, "match", json!([{"mode": "CLIENT"}]));
    place.select(&mut spec, "selector", "matchLabels");
    objects.push(place.object("extensions.istio.io/v1alpha1", options.api.kind(), spec));
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
