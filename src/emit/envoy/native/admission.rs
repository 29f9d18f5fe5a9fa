//! What admits requests to a host: policies of `rbac`.
//!
//! Envoy's filter admits what any policy admits, and a policy admits what one of its permissions
//! (what) and one of its principals (who) describe.

use serde_json::{Map, Value, json};

use super::Native;
use super::permissions;
use super::principals::Who;
use crate::emit::findings::Findings;
use crate::emit::hosts::Host;
use crate::engine::precedence::Decides;
use crate::policy::{Authorization, DefaultAction, EgressHost};

/// What admits requests to one host.
#[derive(Debug)]
pub(super) enum Admission {
    /// No request.
    Nothing,
    /// Any request that reaches the host.
    Everything,
    /// What one of these policies, by name, admits.
    Policies(Vec<(String, Policy)>),
}

/// One policy: what, without the host, and who.
#[derive(Debug)]
pub(super) struct Policy {
    what: Vec<Value>,
    who: Vec<Value>,
}

impl Policy {
    fn write(self, host: Option<&Value>) -> Value {
        let permissions: Vec<_> = match host {
            None => self.what,
            Some(host) => {
                vec![permissions::all([host.clone(), permissions::any(self.what)])]
            }
        };
        json!({"permissions": permissions, "principals": self.who})
    }
}

impl Admission {
    /// The configuration of a virtual host; nothing where that of the filter is right.
    pub fn per_route(self) -> Option<Value> {
        const TYPE: &str = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBACPerRoute";
        let policies = match self {
            Self::Nothing => return None,
            // Without rules of its own the filter is off.
            Self::Everything => return Some(json!({"@type": TYPE})),
            Self::Policies(policies) => policies,
        };
        let policies: Map<_, _> =
            policies.into_iter().map(|(name, policy)| (name, policy.write(None))).collect();
        Some(json!({
            "@type": TYPE,
            "rbac": {"rules": {"action": "ALLOW", "policies": policies}},
        }))
    }
}

impl<'c> Native<'c> {
    /// What admits requests to a host.
    pub(super) fn admission(&self, host: &Host<'c>, findings: &mut Findings) -> Admission {
        let authority = permissions::authority(host.hostname, self.form);
        let policies = match host.decides {
            Decides::Passthrough => return everything(authority),
            Decides::DefaultAction => return self.unlisted(host.hostname),
            Decides::Authentication(authentication) => match self.authenticated(authentication) {
                Who::Anyone => return everything(authority),
                who => vec![("authentication".to_owned(), permissions::nothing(), who)],
            },
            Decides::Authorization(authorization) => self.rules(host, authorization, findings),
            Decides::EgressAuthorization(egress) => self.entries(host, egress, findings),
        };
        let mut written = Vec::new();
        for (name, what, who) in policies {
            let Some(who) = who.write() else { continue };
            if what.is_empty() {
                continue;
            }
            let what = match &authority {
                None => what,
                Some(authority) => {
                    vec![permissions::all([authority.clone(), permissions::any(what)])]
                }
            };
            written.push((name, Policy { what, who }));
        }
        Admission::Policies(written)
    }

    /// What admits requests to a host of which the Gateway says nothing. Where those pass, some
    /// authorities are another spelling of a host of which it says something.
    pub(super) fn unlisted(&self, hostname: &str) -> Admission {
        match self.policy.default_action {
            DefaultAction::Allow => everything(permissions::authority(hostname, self.form)),
            DefaultAction::Deny => Admission::Nothing,
        }
    }

    /// The rules of the server.
    fn rules(
        &self,
        host: &Host<'c>,
        authorization: &Authorization,
        findings: &mut Findings,
    ) -> Vec<(String, Vec<Value>, Who)> {
        let authentication = self.authentication(host);
        let rules = authorization.rules.iter();
        let rules = rules.filter_map(|index| self.policy.rule(*index));
        let mut policies = Vec::new();
        for (position, rule) in rules.enumerate() {
            let who = match (&rule.from, authentication) {
                (None, None) => Who::Anyone,
                (None, Some(authentication)) => self.authenticated(authentication),
                // Nothing to match without tokens.
                (Some(_), None) => Who::Nobody,
                (Some(from), Some(authentication)) => {
                    self.described(from, authentication, &rule.name, host.origin, findings)
                }
            };
            let what = self.operations(rule.to.as_deref(), &rule.name, host, findings);
            policies.push((format!("{position:04}-{}", rule.name), what, who));
        }
        policies
    }

    /// The entries of `egressAuthorization`.
    fn entries(
        &self,
        host: &Host<'c>,
        egress: &EgressHost,
        findings: &mut Findings,
    ) -> Vec<(String, Vec<Value>, Who)> {
        let entries = egress.rules.iter().filter_map(|index| self.policy.egress_rule(*index));
        let mut policies = Vec::new();
        for (position, entry) in entries.enumerate() {
            let origin = host.origin;
            let token = match self.authentication(host) {
                Some(authentication) => self.authenticated(authentication),
                None => Who::Anyone,
            };
            let who = self.workloads(entry, origin, findings).and(token);
            let what = self.operations(entry.to.as_deref(), &entry.name, host, findings);
            policies.push((format!("{position:04}-{}", entry.name), what, who));
        }
        policies
    }

    fn operations(
        &self,
        to: Option<&[u32]>,
        rule: &str,
        host: &Host<'c>,
        findings: &mut Findings,
    ) -> Vec<Value> {
        permissions::operations(self.policy, to, rule, host.origin, findings)
    }

    /// Every policy, each naming its hosts.
    pub(super) fn all_policies(&self, findings: &mut Findings) -> Map<String, Value> {
        let mut policies = Map::new();
        let wildcard = self.hosts.iter().any(|host| host.hostname == "*");
        for host in self.hosts.iter() {
            let matcher = self.host(host.hostname, wildcard);
            match self.admission(host, findings) {
                Admission::Nothing => {}
                Admission::Everything => {
                    let policy = Policy { what: permissions::nothing(), who: anyone() };
                    policies.insert(host.hostname.to_owned(), policy.write(Some(&matcher)));
                }
                Admission::Policies(list) => {
                    for (name, policy) in list {
                        let name = format!("{}/{name}", host.hostname);
                        policies.insert(name, policy.write(Some(&matcher)));
                    }
                }
            }
        }
        if self.policy.default_action == DefaultAction::Allow && !wildcard {
            let named: Vec<_> = self.hosts.iter().map(|h| self.host(h.hostname, true)).collect();
            let others = match named.is_empty() {
                true => permissions::valid_authority(),
                false => permissions::all([
                    permissions::valid_authority(),
                    json!({"not_rule": permissions::any(named)}),
                ]),
            };
            let policy = Policy { what: permissions::nothing(), who: anyone() };
            policies.insert("other-hosts".to_owned(), policy.write(Some(&others)));
        }
        policies
    }

    /// A hostname without those below it that something else governs.
    fn host(&self, hostname: &str, exact: bool) -> Value {
        let host = permissions::host(hostname, exact);
        if !hostname.starts_with('*') {
            return host;
        }
        let others: Vec<_> = self
            .hosts
            .more_specific(hostname)
            .map(|other| permissions::host(other, true))
            .collect();
        match others.is_empty() {
            true => host,
            false => permissions::all([host, json!({"not_rule": permissions::any(others)})]),
        }
    }
}

fn anyone() -> Vec<Value> {
    vec![json!({"any": true})]
}

/// Any request to a host, as far as its authority is one.
fn everything(authority: Option<Value>) -> Admission {
    match authority {
        None => Admission::Everything,
        Some(authority) => {
            let policy = Policy { what: vec![authority], who: anyone() };
            Admission::Policies(vec![("passthrough".to_owned(), policy)])
        }
    }
}
