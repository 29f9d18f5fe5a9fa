//! What decides for which hostname, and where that is written, for outputs that say it host by host.

use std::collections::HashSet;

use super::findings::Findings;
use crate::compile::Compiled;
use crate::compile::model::ServerDeployment;
use crate::engine::precedence::{Decides, decides};
use crate::policy::hosts::HostTable;
use crate::policy::{Authentication, Authorization, EgressHost, Policy, Server};
use crate::resource::source::Origin;

/// A hostname that the Gateway says something about.
#[derive(Debug)]
pub struct Host<'c> {
    /// Exact, `*.suffix` or `*`.
    pub hostname: &'c str,
    /// The server that governs it.
    pub server: Option<&'c Server>,
    /// Where that server is written.
    pub origin: Option<&'c Origin>,
    /// What `egressAuthorization` says about it.
    pub egress: Option<&'c EgressHost>,
    pub decides: Decides<&'c Authorization, &'c EgressHost, &'c Authentication>,
}

/// Every hostname that the Gateway says something about, each once.
#[derive(Debug)]
pub struct Hosts<'c> {
    list: Vec<Host<'c>>,
    policy: &'c Policy,
    deployments: &'c [ServerDeployment],
}

impl<'c> Hosts<'c> {
    pub fn new(compiled: &'c Compiled) -> Self {
        let (policy, deployments) = (&compiled.policy, &compiled.deployment.servers);
        let mut table = HostTable::with_capacity(policy.servers.len());
        for (index, server) in policy.servers.iter().enumerate() {
            // A compiled policy names no hostname twice.
            let _ = table.insert(&server.hostname, index);
        }
        let host = |hostname: &'c str, server: Option<usize>, egress: Option<&'c EgressHost>| {
            let origin = server.and_then(|index| deployments.get(index)).map(|it| &it.origin);
            let server = server.and_then(|index| policy.servers.get(index));
            Host { hostname, server, origin, egress, decides: decides(server, egress) }
        };
        let named = policy.egress.iter().map(|egress| {
            let hostname = egress.hostname.as_str();
            let server = table.get(hostname).copied();
            (server, host(hostname, server, Some(egress)))
        });
        let mut list: Vec<_> = named.collect();
        let in_egress: HashSet<_> =
            policy.egress.iter().map(|egress| egress.hostname.as_str()).collect();
        for (index, server) in policy.servers.iter().enumerate() {
            if !in_egress.contains(server.hostname.as_str()) {
                list.push((Some(index), host(&server.hostname, Some(index), None)));
            }
        }
        list.sort_by_key(|(server, _)| *server);
        let list = list.into_iter().map(|(_, host)| host).collect();
        Self { list, policy, deployments }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Host<'c>> {
        self.list.iter()
    }

    /// Whether anything is decided that way.
    pub fn any(&self, by: Decides) -> bool {
        self.list.iter().any(|host| host.decides.kind() == by)
    }

    /// The hostnames below a wildcard that something else governs.
    pub fn more_specific(&self, wildcard: &str) -> impl Iterator<Item = &'c str> {
        let suffix = wildcard.strip_prefix('*').unwrap_or_default().to_owned();
        let wildcard = wildcard.to_owned();
        self.list
            .iter()
            .map(|host| host.hostname)
            .filter(move |name| *name != wildcard && name.ends_with(&suffix))
    }

    /// Where the first server that uses a JWT rule is written.
    pub fn origin_of_jwt_rule(&self, rule: u32) -> Option<&'c Origin> {
        let uses = |server: &Server| {
            server.authentication.as_ref().is_some_and(|it| it.jwt.contains(&rule))
        };
        let position = self.policy.servers.iter().position(uses)?;
        self.deployments.get(position).map(|server| &server.origin)
    }

    /// Refuses what is only tried out, which no filter but ours can.
    pub fn refuse_trials(&self, hint: &str, findings: &mut Findings) {
        for host in &self.list {
            let parts = [
                (host.server.is_some_and(|it| it.shadow_authentication), "authentication"),
                (host.server.is_some_and(|it| it.shadow_authorization), "authorization"),
                (host.egress.is_some_and(|it| it.shadow), "egressAuthorization"),
            ];
            for (_, part) in parts.into_iter().filter(|(shadow, _)| *shadow) {
                let message = format!("the {part} of `{}` is only tried out", host.hostname);
                findings.refuse(host.origin, message, hint);
            }
        }
    }

    /// Refuses challenges that name scopes, which no filter but ours makes.
    pub fn refuse_challenges(&self, hint: &str, findings: &mut Findings) {
        for host in &self.list {
            if host.server.is_some_and(|server| server.challenge_scopes) {
                let message =
                    format!("`challengeScopes` of `{}`: no 403 would name scopes", host.hostname);
                findings.refuse(host.origin, message, hint);
            }
        }
    }
}
