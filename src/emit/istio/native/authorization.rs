//! AuthorizationPolicy: the rules of servers, and tokens where they alone decide.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::claims::{Conditions, no_token};
use super::hosts::{Host, admitted, every_form};
use super::{Native, paths};
use crate::emit::findings::Findings;
use crate::engine::precedence::Decides;
use crate::policy::{self, Authentication, DefaultAction, Operation};
use crate::resource::source::Origin;

/// The hosts of a rule.
#[derive(Debug, Clone, Default)]
struct Target {
    hosts: Vec<String>,
    /// Hosts below a wildcard that something else governs.
    not_hosts: Vec<String>,
}

/// What admits requests to a host; hosts that share it share their rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Admission<'c> {
    /// Anything, as far as this policy goes.
    Everything,
    /// A token that the server accepts.
    Token(&'c Authentication),
    /// The rules of the server, with tokens that it accepts.
    Rules(Option<&'c Authentication>, &'c policy::Authorization),
}

impl<'c> Native<'c> {
    /// The rules of the ALLOW policy; without any, it denies everything.
    pub(super) fn authorization_rules(&self, findings: &mut Findings) -> Vec<Value> {
        let mut groups: Vec<(Admission<'c>, Target, Option<&Origin>)> = Vec::new();
        let mut known: HashMap<Admission<'c>, usize> = HashMap::new();
        for host in self.hosts.iter() {
            let Some(admission) = self.admission(host) else { continue };
            let origin = host.origin;
            let Some(target) = self.target(host, origin, findings) else { continue };
            if !target.not_hosts.is_empty() {
                groups.push((admission, target, origin));
                continue;
            }
            let index = *known.entry(admission).or_insert(groups.len());
            match groups.get_mut(index) {
                Some((_, group, _)) => group.hosts.extend(target.hosts),
                None => groups.push((admission, target, origin)),
            }
        }
        let mut rules = Vec::new();
        for (admission, target, origin) in &groups {
            match admission {
                Admission::Everything => {
                    rules.push(rule(vec![operation(target, None)], Vec::new()))
                }
                Admission::Token(authentication) => {
                    for conditions in self.admissible(Some(authentication)) {
                        rules.push(rule(vec![operation(target, None)], conditions));
                    }
                }
                Admission::Rules(authentication, authorization) => {
                    for index in &authorization.rules {
                        let found = self.policy.rule(*index);
                        let Some(found) = found else { continue };
                        rules.extend(self.rules(found, *authentication, target, *origin, findings));
                    }
                }
            }
        }
        rules.extend(self.unlisted_hosts(findings));
        rules
    }

    /// What admits requests to a host; nothing when they are denied.
    fn admission(&self, host: &Host<'c>) -> Option<Admission<'c>> {
        let authentication = host.server.and_then(|server| server.authentication.as_ref());
        match host.decides {
            Decides::Authorization(authorization) => {
                Some(Admission::Rules(authentication, authorization))
            }
            Decides::Authentication(authentication) => Some(Admission::Token(authentication)),
            Decides::EgressAuthorization(_) | Decides::Passthrough => Some(Admission::Everything),
            Decides::DefaultAction => match self.policy.default_action {
                DefaultAction::Allow => Some(Admission::Everything),
                DefaultAction::Deny => None,
            },
        }
    }

    /// The hosts of a rule for one hostname; nothing when Istio cannot name them.
    fn target(
        &self,
        host: &Host<'c>,
        origin: Option<&Origin>,
        findings: &mut Findings,
    ) -> Option<Target> {
        let hostname = host.hostname;
        if !hostname.starts_with('*') {
            return Some(Target { hosts: admitted(hostname), not_hosts: Vec::new() });
        }
        let mut not_hosts = Vec::new();
        for other in self.hosts.more_specific(hostname) {
            match hostname {
                "*" if other.starts_with('*') => {
                    refuse_wildcards(&format!("`*` and `{other}`"), origin, findings);
                    return None;
                }
                "*" => not_hosts.extend(every_form(other)),
                _ => not_hosts.push(other.to_owned()),
            }
        }
        if hostname != "*" {
            let message = format!("Istio cannot match `{hostname}` with a port behind it");
            let narrower = "requests that name a port are denied";
            if !findings.narrow(origin, message, narrower) {
                return None;
            }
        }
        Some(Target { hosts: vec![hostname.to_owned()], not_hosts })
    }

    /// A rule for hosts that nothing governs, where those pass.
    fn unlisted_hosts(&self, findings: &mut Findings) -> Option<Value> {
        if self.policy.default_action == DefaultAction::Deny
            || self.hosts.iter().any(|host| host.hostname == "*")
        {
            return None;
        }
        if let Some(wildcard) = self.hosts.iter().find(|host| host.hostname.starts_with('*')) {
            let what = format!("`{}` and --default-action allow", wildcard.hostname);
            refuse_wildcards(&what, wildcard.origin, findings);
            return None;
        }
        let not_hosts: Vec<_> = self.hosts.iter().flat_map(|h| every_form(h.hostname)).collect();
        let target = Target { hosts: vec!["*".to_owned()], not_hosts };
        Some(rule(vec![operation(&target, None)], Vec::new()))
    }

    /// Conditions under which a request is authenticated as its server asks, any of them.
    fn admissible(&self, authentication: Option<&Authentication>) -> Vec<Conditions> {
        let Some(authentication) = authentication else { return vec![Vec::new()] };
        let mut conditions: Vec<_> =
            self.tokens(authentication).iter().map(|tokens| tokens.any()).collect();
        if !authentication.required {
            conditions.push(no_token());
        }
        conditions
    }

    /// A rule of a server in Istio's words: one for each kind of token that it admits.
    fn rules(
        &self,
        found: &policy::Rule,
        authentication: Option<&Authentication>,
        target: &Target,
        origin: Option<&Origin>,
        findings: &mut Findings,
    ) -> Vec<Value> {
        let operations = match &found.to {
            None => vec![operation(target, None)],
            Some(to) => to
                .iter()
                .filter_map(|index| self.policy.operation(*index))
                .filter_map(|to| self::to(to, target, &found.name, origin, findings))
                .collect(),
        };
        if operations.is_empty() {
            return Vec::new();
        }
        let conditions = match (&found.from, authentication) {
            (None, _) => self.admissible(authentication),
            // Nothing to match without tokens.
            (Some(_), None) => Vec::new(),
            (Some(from), Some(authentication)) => {
                let tokens = self.tokens(authentication);
                from.iter()
                    .filter_map(|index| self.policy.principal(*index))
                    .flat_map(|principal| tokens.iter().map(move |tokens| (principal, tokens)))
                    .filter_map(|(principal, tokens)| {
                        tokens.matching(principal, self.version, origin, findings)
                    })
                    .collect()
            }
        };
        conditions.into_iter().map(|conditions| rule(operations.clone(), conditions)).collect()
    }
}

fn refuse_wildcards(what: &str, origin: Option<&Origin>, findings: &mut Findings) {
    let message = format!("Istio cannot tell {what} apart where a request names a port");
    findings.refuse(origin, message, "list the hosts, or use --to wasm-plugin");
}

fn rule(operations: Vec<Value>, conditions: Conditions) -> Value {
    let to: Vec<_> = operations.into_iter().map(|o| json!({"operation": o})).collect();
    match conditions.is_empty() {
        true => json!({"to": to}),
        false => json!({"to": to, "when": conditions}),
    }
}

fn operation(target: &Target, rest: Option<Map<String, Value>>) -> Value {
    let mut operation = rest.unwrap_or_default();
    operation.insert("hosts".to_owned(), json!(target.hosts));
    if !target.not_hosts.is_empty() {
        operation.insert("notHosts".to_owned(), json!(target.not_hosts));
    }
    Value::Object(operation)
}

/// An operation in Istio's words; nothing when it would admit nothing, or cannot be said.
fn to(
    to: &Operation,
    target: &Target,
    rule: &str,
    origin: Option<&Origin>,
    findings: &mut Findings,
) -> Option<Value> {
    let mut fields = Map::new();
    if let Some(methods) = &to.methods {
        if let Some(method) = methods.iter().find(|method| method.contains('*')) {
            let message = format!("Istio would take the method `{method}` for a pattern");
            findings.refuse(origin, message, "write whole methods");
        }
        fields.insert("methods".to_owned(), json!(methods));
    }
    if let Some(patterns) = &to.paths {
        let mut written = Vec::new();
        for pattern in patterns {
            match paths::in_istio(pattern) {
                Ok(paths) => written.extend(paths),
                Err(inexact) => {
                    let message =
                        format!("the path `{pattern}` of the rule `{rule}`: {}", inexact.reason);
                    let narrower = match inexact.narrower.as_slice() {
                        [] => "nothing matches it".to_owned(),
                        paths => format!("it becomes `{}`", paths.join("`, `")),
                    };
                    if findings.narrow(origin, message, &narrower) {
                        written.extend(inexact.narrower);
                    }
                }
            }
        }
        if written.is_empty() {
            return None;
        }
        fields.insert("paths".to_owned(), json!(written));
    }
    Some(operation(target, Some(fields)))
}
