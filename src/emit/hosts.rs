//! What decides for which hostname, for outputs that say so host by host.

use crate::engine::precedence::{Decides, decides};
use crate::policy::hosts::HostTable;
use crate::policy::{Authentication, Authorization, EgressHost, Policy};

/// A hostname that the Gateway says something about.
#[derive(Debug)]
pub struct Host<'c> {
    /// Exact, `*.suffix` or `*`.
    pub hostname: &'c str,
    /// Index of the server that governs it.
    pub server: Option<usize>,
    /// What `egressAuthorization` says about it.
    pub egress: Option<&'c EgressHost>,
    pub decides: Decides<&'c Authorization, &'c EgressHost, &'c Authentication>,
}

/// Every hostname that the Gateway says something about, each once.
#[derive(Debug)]
pub struct Hosts<'c> {
    list: Vec<Host<'c>>,
}

impl<'c> Hosts<'c> {
    pub fn new(policy: &'c Policy) -> Self {
        let mut table = HostTable::with_capacity(policy.servers.len());
        for (index, server) in policy.servers.iter().enumerate() {
            // A compiled policy names no hostname twice.
            let _ = table.insert(&server.hostname, index);
        }
        let host = |hostname: &'c str, server: Option<usize>, egress: Option<&'c EgressHost>| {
            let governing = server.and_then(|index| policy.servers.get(index));
            Host { hostname, server, egress, decides: decides(governing, egress) }
        };
        let named = policy.egress.iter().map(|egress| {
            let hostname = egress.hostname.as_str();
            host(hostname, table.get(hostname).copied(), Some(egress))
        });
        let mut list: Vec<_> = named.collect();
        let in_egress: std::collections::HashSet<_> =
            policy.egress.iter().map(|egress| egress.hostname.as_str()).collect();
        for (index, server) in policy.servers.iter().enumerate() {
            if !in_egress.contains(server.hostname.as_str()) {
                list.push(host(&server.hostname, Some(index), None));
            }
        }
        list.sort_unstable_by_key(|host| host.server);
        Self { list }
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
}
