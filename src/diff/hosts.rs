//! The hosts of two policies, and what each says about them.

use std::collections::{BTreeSet, HashMap};

use super::effective::{Access, Effective, Manner, Tokens, Who, atoms};
use crate::engine::precedence::{Decides, decides};
use crate::policy::hosts::HostTable;
use crate::policy::{DefaultAction, EgressHost, Policy, Server};

/// A host that is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The hostname as the policies write it; absent for the one that neither names.
    pub name: Option<String>,
    /// The host that requests are made for.
    pub example: String,
}

/// A policy, for lookups by host.
pub struct View<'p> {
    policy: &'p Policy,
    servers: HostTable<&'p Server>,
    egress: HashMap<&'p str, &'p EgressHost>,
}

impl<'p> View<'p> {
    /// Indexes a policy that is known to be sound.
    pub fn new(policy: &'p Policy) -> Self {
        let mut servers = HostTable::with_capacity(policy.servers.len());
        for server in &policy.servers {
            // The engine refuses policies with hostnames that cannot be added.
            let _ = servers.insert(&server.hostname, server);
        }
        let egress = policy.egress.iter().map(|host| (host.hostname.as_str(), host)).collect();
        Self { policy, servers, egress }
    }

    /// The server that governs a host.
    pub fn server(&self, host: &str) -> Option<&'p Server> {
        self.servers.get(host).copied()
    }

    /// What the policy says about a host, and what decides for it.
    pub fn effective(&self, host: &str) -> (Effective<'p>, Manner<'p>) {
        let server = self.server(host);
        let egress = self.egress.get(host).copied();
        let authentication = server.and_then(|server| server.authentication.as_ref());
        let decides = decides(server, egress);
        let (rules, access, shadow) = match decides {
            Decides::Authorization(authorization) => {
                let rules = &authorization.rules;
                let shadow = server.is_some_and(|server| server.shadow_authorization);
                (Some(rules), self.rules(rules), shadow)
            }
            Decides::EgressAuthorization(egress) => {
                (Some(&egress.rules), self.entries(&egress.rules), egress.shadow)
            }
            Decides::Authentication(_) | Decides::Passthrough => (None, Access::Everything, false),
            Decides::DefaultAction => match self.policy.default_action {
                DefaultAction::Allow => (None, Access::Everything, false),
                DefaultAction::Deny => (None, Access::Nothing, false),
            },
        };
        // What is only tried out lets everything pass.
        let access = if shadow { Access::Everything } else { access };
        let tried_out = rules.map(Vec::as_slice).filter(|_| shadow);
        let manner = Manner { decides: decides.kind(), tried_out };
        let shadow = server.is_some_and(|server| server.shadow_authentication);
        let tokens = authentication.map(|it| Tokens::new(self.policy, it, shadow));
        (Effective { tokens, access }, manner)
    }

    fn rules(&self, indices: &[u32]) -> Access<'p> {
        let rules = indices.iter().filter_map(|index| self.policy.rule(*index));
        let atoms = rules.flat_map(|rule| {
            let from = rule.from.as_ref().map(|from| {
                let principals = from.iter().filter_map(|it| self.policy.principal(*it));
                principals.map(Who::Token).collect()
            });
            atoms(from, self.operations(rule.to.as_deref()))
        });
        Access::of(atoms.collect())
    }

    fn entries(&self, indices: &[u32]) -> Access<'p> {
        let rules = indices.iter().filter_map(|index| self.policy.egress_rule(*index));
        let atoms = rules.flat_map(|rule| {
            let from = rule.from.as_ref();
            let from = from.map(|from| {
                from.iter().map(|source| Who::Workload(source, rule.identity)).collect()
            });
            atoms(from, self.operations(rule.to.as_deref()))
        });
        Access::of(atoms.collect())
    }

    fn operations(&self, to: Option<&'p [u32]>) -> Option<Vec<&'p crate::policy::Operation>> {
        to.map(|to| to.iter().filter_map(|index| self.policy.operation(*index)).collect())
    }

    fn names(&self) -> impl Iterator<Item = &'p str> {
        let servers = self.policy.servers.iter().map(|server| server.hostname.as_str());
        servers.chain(self.policy.egress.iter().map(|host| host.hostname.as_str()))
    }
}

/// Every hostname of two policies, in order, each with a host that it stands for; at the end one
/// host that neither policy names.
pub fn hosts(before: &View<'_>, after: &View<'_>) -> Vec<Host> {
    let views = [before, after];
    let names: BTreeSet<&str> = before.names().chain(after.names()).collect();
    let example = |name: &str| match name.strip_prefix('*') {
        None => Some(name.to_owned()),
        // It stands for the host that nothing else names.
        Some("") => None,
        Some(suffix) => free(views, |number| format!("another-host{number}{suffix}"), name),
    };
    let named = names
        .into_iter()
        .filter_map(|name| Some(Host { name: Some(name.to_owned()), example: example(name)? }));
    let unnamed = free(views, |number| format!("another-host.another-domain{number}"), "*");
    named.chain(unnamed.map(|example| Host { name: None, example })).collect()
}

/// The first of numbered hosts for which neither policy has anything but this wildcard, or less.
fn free(views: [&View<'_>; 2], host: impl Fn(&str) -> String, wildcard: &str) -> Option<String> {
    let is_free = |host: &String| {
        views.iter().all(|view| {
            let server = view.servers.get(host).map(|server| server.hostname.as_str());
            // Of two wildcards for one host the longer decides.
            let other = |name: &str| !name.starts_with('*') || name.len() > wildcard.len();
            !view.egress.contains_key(host.as_str()) && !server.is_some_and(other)
        })
    };
    // One more than there are names that could be in the way.
    let most = views.iter().map(|view| view.names().count()).sum::<usize>().saturating_add(2);
    let numbers = (2..=most).map(|number| format!("-{number}"));
    std::iter::once(String::new()).chain(numbers).map(|number| host(&number)).find(is_free)
}
