//! EnvoyFilter: `egressAuthorization` as Envoy's RBAC filter, last before the router.
//!
//! It stands behind Istio's own filters, so it sees the claims of tokens. It admits what an entry
//! admits and every host that something else decides.

use serde_json::{Map, Value, json};

use super::Native;
use super::envoy_match as envoy;
use super::hosts::Host;
use crate::emit::findings::Findings;
use crate::emit::istio::Version;
use crate::engine::precedence::Decides;
use crate::policy::{DefaultAction, EgressRule, IdentityMatch};

/// Patches are made in the order of their priority, which is 0 where none is named: this one late, so
/// that what others put before the router stands before it.
const PRIORITY: i32 = 1000;

impl Native<'_> {
    /// The spec, without its selector.
    pub(super) fn envoy_filter(&self, version: Version, findings: &mut Findings) -> Value {
        let rules = json!({"action": "ALLOW", "policies": self.policies(version, findings)});
        json!({
            "priority": PRIORITY,
            "configPatches": [{
                "applyTo": "HTTP_FILTER",
                "match": {
                    "context": "GATEWAY",
                    "listener": {"filterChain": {"filter": {
                        "name": "envoy.filters.network.http_connection_manager",
                        "subFilter": {"name": "envoy.filters.http.router"},
                    }}},
                },
                "patch": {
                    "operation": "INSERT_BEFORE",
                    "value": {
                        "name": "egress_authorization",
                        "typed_config": {
                            "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
                            "rules": rules,
                        },
                    },
                },
            }],
        })
    }

    fn policies(&self, version: Version, findings: &mut Findings) -> Map<String, Value> {
        let mut policies = Map::new();
        let egress = || {
            self.hosts.iter().filter_map(|host| match host.decides {
                Decides::EgressAuthorization(egress) => Some((host, egress)),
                _ => None,
            })
        };
        for (host, egress) in egress() {
            for index in &egress.rules {
                let Some(rule) = self.policy.egress_rule(*index) else { continue };
                if let Some(principals) = self.principals(host, rule, version, findings) {
                    let name = format!("{}/{}", host.hostname, rule.name);
                    policies.insert(name, policy(self.permission(host, rule), principals));
                }
            }
        }
        let any = json!({"any": true});
        if self.needs_authorization_policy() || self.policy.default_action == DefaultAction::Allow {
            let ours = envoy::any(egress().map(|(host, _)| envoy::host(host.hostname)));
            policies.insert("other-hosts".to_owned(), policy(json!({"not_rule": ours}), any));
        } else {
            // Nothing else denies hosts that nothing governs.
            for host in self.hosts.iter().filter(|host| host.decides == Decides::Passthrough) {
                let permission = self.host_alone(host.hostname);
                policies.insert(host.hostname.to_owned(), policy(permission, any.clone()));
            }
        }
        policies
    }

    /// A hostname without those below it that something else governs.
    fn host_alone(&self, hostname: &str) -> Value {
        let others: Vec<_> = match hostname.starts_with('*') {
            true => self.hosts.more_specific(hostname).map(envoy::host).collect(),
            false => Vec::new(),
        };
        let host = envoy::host(hostname);
        match others.is_empty() {
            true => host,
            false => envoy::all([host, json!({"not_rule": envoy::any(others)})]),
        }
    }

    fn permission(&self, host: &Host<'_>, rule: &EgressRule) -> Value {
        let operations = rule.to.as_ref().map(|to| {
            let operations = to.iter().filter_map(|index| self.policy.operation(*index));
            envoy::any(operations.map(envoy::operation))
        });
        envoy::all([envoy::host(host.hostname)].into_iter().chain(operations))
    }

    /// Who may: a workload of the entry, with a token where the server wants one. Nothing when
    /// the entry admits nobody.
    fn principals(
        &self,
        host: &Host<'_>,
        rule: &EgressRule,
        version: Version,
        findings: &mut Findings,
    ) -> Option<Vec<Value>> {
        let mut sources = vec![None];
        if let Some(from) = &rule.from {
            let identity = &self.policy.source_identity;
            if let Some(propagated) = &identity.propagated
                && rule.identity != IdentityMatch::PeerCertificate
            {
                let message = format!(
                    "Envoy's RBAC filter reads no identities from `{}`, which {} allows",
                    propagated.header, rule.name
                );
                let narrower = "the identity that a peer hands on admits nobody";
                let emit = findings.narrow(host.origin, message, narrower);
                if !emit || rule.identity == IdentityMatch::SourceIdentity {
                    return None;
                }
            }
            sources = from.iter().map(|pattern| Some(envoy::source(pattern, identity))).collect();
        }
        let tokens: Vec<_> = match host.server.and_then(|server| server.authentication.as_ref()) {
            None => vec![None],
            Some(authentication) => {
                let tokens = self.tokens(authentication);
                let none = (!authentication.required).then(|| envoy::no_token(version));
                let tokens = tokens.iter().map(|tokens| envoy::tokens(tokens, version));
                tokens.chain(none).map(Some).collect()
            }
        };
        let mut principals = Vec::new();
        for source in &sources {
            for token in &tokens {
                principals.push(match (source, token) {
                    (None, None) => json!({"any": true}),
                    _ => envoy::all_ids(source.iter().chain(token).cloned()),
                });
            }
        }
        (!principals.is_empty()).then_some(principals)
    }
}

fn policy(permission: Value, principals: impl Into<Value>) -> Value {
    let principals = match principals.into() {
        Value::Array(list) => list,
        one => vec![one],
    };
    json!({"permissions": [permission], "principals": principals})
}
