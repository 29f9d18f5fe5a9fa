//! `--to istio-native`: Istio's own objects instead of the filter, for hosts as the table of
//! [`crate::engine::precedence`] divides them.
//!
//! | module | what lives there |
//! |---|---|
//! | `hosts` | hostnames as Istio matches them |
//! | `authentication` | RequestAuthentication |
//! | `authorization` | AuthorizationPolicy: server-level authorization, and tokens alone |
//! | `claims`, `paths` | conditions on claims, and paths, in Istio's words |
//! | `rbac`, `envoy_match` | EnvoyFilter: `egressAuthorization`, in Envoy's words |
//!
//! An ALLOW policy denies whatever it does not admit at the whole gateway, and every token that a
//! RequestAuthentication accepts is accepted at every host. So each rule names its hosts and the
//! issuers of their server, and hosts that `egressAuthorization` decides are admitted by the
//! policy, for the EnvoyFilter to decide alone. What Istio cannot say exactly is an error; nothing
//! broader than the Gateway is ever written.

mod authentication;
mod authorization;
mod claims;
mod envoy_match;
mod hosts;
mod paths;
mod rbac;

use serde_json::{Value, json};

use super::destination::{self, Reached};
use super::{Emitted, Place, Version, check_size, gateway};
use crate::compile::Compiled;
use crate::emit::findings::Findings;
use crate::engine::precedence::Decides;
use crate::policy::{DefaultAction, JwtRule, Policy, Server};
use hosts::Hosts;

/// What the output takes beside the Gateway.
#[derive(Debug, Clone)]
pub struct Options {
    /// The release of Istio.
    pub version: Version,
    /// Whether something strictly narrower may stand for what cannot be said exactly.
    pub allow_narrower: bool,
    /// Hosts that are spoken to in HTTP/2.
    pub http2_hosts: Vec<String>,
}

/// RequestAuthentication, AuthorizationPolicy and EnvoyFilter: those that the Gateway needs. Before
/// them the hosts that its servers send requests to.
pub fn objects(compiled: &Compiled, options: &Options) -> Emitted {
    let mut findings = Findings::new(options.allow_narrower);
    let Some(place) = Place::new(&compiled.deployment, findings.list()) else {
        return Emitted { objects: Vec::new(), findings: findings.into_diagnostics() };
    };
    let policy = &compiled.policy;
    let named = Hosts::new(compiled);
    let native = Native { policy, hosts: &named, version: options.version };
    named.refuse_trials("use --to wasm-plugin to try it out, or enforce it", &mut findings);
    named.refuse_challenges("remove it, or use --to wasm-plugin", &mut findings);
    native.warn_of_differences(&mut findings);
    findings.list().extend(gateway::note(compiled));
    // istiod fetches keys, or has the gateway fetch them through clusters of their own.
    let reached = Reached { http2: &options.http2_hosts, fetches_keys: false };
    let hosts = destination::objects(place, compiled, reached, findings.list());
    let mut objects = Vec::new();
    if let Some(mut spec) = native.request_authentication(&mut findings) {
        place.select(&mut spec, "selector", "matchLabels");
        objects.push(place.object("security.istio.io/v1", "RequestAuthentication", spec));
    }
    if native.needs_authorization_policy() {
        let rules = native.authorization_rules(&mut findings);
        objects.extend(authorization_policies(place, &rules));
    }
    if native.hosts.any(Decides::EgressAuthorization(())) {
        let mut spec = native.envoy_filter(options.version, &mut findings);
        place.select(&mut spec, "workloadSelector", "labels");
        objects.push(place.object("networking.istio.io/v1alpha3", "EnvoyFilter", spec));
    }
    if objects.is_empty() {
        findings.warn(
            None,
            "there is nothing to enforce: no object denies anything".to_owned(),
            "every host passes: name those that do not, or leave out --default-action allow",
        );
    }
    let objects: Vec<_> = hosts.into_iter().chain(objects).collect();
    for object in &objects {
        let kind = object.get("kind").and_then(|kind| kind.as_str()).unwrap_or_default();
        check_size(
            &format!("the {kind}"),
            object,
            "divide the servers among several Gateways, or use --to wasm-plugin, whose format \
             writes once what repeats",
            findings.list(),
        );
    }
    let objects = if findings.has_errors() { Vec::new() } else { objects };
    Emitted { objects, findings: findings.into_diagnostics() }
}

/// Most rules of one AuthorizationPolicy, by its schema.
const MAX_RULES: usize = 512;

/// As many policies as their rules need. Istio admits what any of several ALLOW policies admits,
/// and one without rules admits nothing.
fn authorization_policies(place: Place, rules: &[Value]) -> Vec<Value> {
    let parts: Vec<_> = match rules {
        [] => vec![rules],
        _ => rules.chunks(MAX_RULES).collect(),
    };
    let policies = parts.into_iter().zip(1u32..).map(|(rules, number)| {
        let mut spec = json!({"action": "ALLOW", "rules": rules});
        place.select(&mut spec, "selector", "matchLabels");
        let name = match number {
            1 => place.deployment.name.clone(),
            _ => format!("{}-part-{number}", place.deployment.name),
        };
        place.named("security.istio.io/v1", "AuthorizationPolicy", &name, spec)
    });
    policies.collect()
}

/// A Gateway on its way to Istio's objects.
struct Native<'c> {
    policy: &'c Policy,
    hosts: &'c Hosts<'c>,
    version: Version,
}

impl<'c> Native<'c> {
    /// Whether Istio has to deny anything that the EnvoyFilter does not: hosts that are decided by
    /// rules or tokens, or hosts that nothing governs where there is no EnvoyFilter at all.
    fn needs_authorization_policy(&self) -> bool {
        self.hosts.any(Decides::Authorization(()))
            || self.hosts.any(Decides::Authentication(()))
            || (self.policy.default_action == DefaultAction::Deny
                && !self.hosts.any(Decides::EgressAuthorization(())))
    }

    /// What Istio does in other ways than the filter whatever the Gateway says.
    fn warn_of_differences(&self, findings: &mut Findings) {
        let policy = self.policy;
        if policy.operations.iter().any(|operation| operation.paths.is_some()) {
            findings.warn(
                None,
                "paths that servers read in different ways are not refused, as the filter does"
                    .to_owned(),
                "let Istio resolve what it can: `meshConfig.pathNormalization.normalization: \
                 DECODE_AND_MERGE_SLASHES`",
            );
        }
        let sets_headers = |rule: &JwtRule| {
            rule.output_payload_to_header.is_some() || !rule.output_claim_to_headers.is_empty()
        };
        if policy.jwt_rules.iter().any(sets_headers) {
            findings.warn(
                None,
                "Istio does not remove other spellings of output headers, such as `x_jwt_payload` \
                 and `x.jwt.payload`"
                    .to_owned(),
                "use --to wasm-plugin, or see to it that no upstream takes them for one name, as \
                 servers that follow CGI do",
            );
        }
        let without_token = |server: &Server| server.authentication.is_none();
        if policy.servers.iter().any(|server| server.authentication.is_some())
            && (policy.servers.iter().any(without_token) || !policy.egress.is_empty())
        {
            findings.warn(
                None,
                "Istio checks tokens at every host of the gateway, also where none is asked for"
                    .to_owned(),
                "a token that is not valid is refused there, and a valid one does not go on; keep \
                 mesh tokens in a header of their own: `fromHeaders: [{name: x-mesh-token}]`",
            );
        }
    }
}
