//! `egressAuthorization`, and how it meets the servers.

use std::collections::{BTreeMap, HashSet};

use super::hostname::HostnameError;
use super::model::ServerDeployment;
use super::path_lint::Paths;
use super::{Compiler, hostname};
use crate::engine::precedence::{Decides, decides};
use crate::policy::hosts::HostTable;
use crate::policy::{self, EgressHost, EgressRule, IdentityMatch};
use crate::resource::diagnostic::Diagnostic;
use crate::resource::gateway::{EgressEntry, Text};
use crate::resource::warning::Warning;

/// The servers of a Gateway, compiled.
pub(super) type Servers = [(policy::Server, ServerDeployment)];

/// What the Gateway's entries say about one hostname.
#[derive(Default)]
struct Named<'a> {
    /// Indices into the table of egress rules.
    rules: Vec<u32>,
    /// Where the hostname is written, each with the number of its entry.
    places: Vec<(usize, Text<'a>)>,
    /// What may admit a request to it by its path.
    paths: Paths<'a>,
}

/// Whether a text is `namespace/service-account` or `namespace/*`, in names that Kubernetes takes:
/// those of namespaces are labels and those of service accounts subdomains (RFC 1123).
fn names_service_accounts(text: &str) -> bool {
    let in_label = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(in_label)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.split_once('/').is_some_and(|(namespace, account)| {
        is_label(namespace)
            && (account == "*" || (account.len() <= 253 && account.split('.').all(is_label)))
    })
}

impl<'a> Compiler<'a, '_> {
    /// Compiles `egressAuthorization`: what decides for each hostname that it decides for.
    pub(super) fn egress(&mut self, servers: &Servers) -> Vec<EgressHost> {
        let mut hosts: BTreeMap<String, Named<'a>> = BTreeMap::new();
        for (position, entry) in self.gateway.egress_authorization().enumerate() {
            self.entry(position, entry, &mut hosts);
        }
        if hosts.is_empty() {
            return Vec::new();
        }
        let mut table = HostTable::with_capacity(servers.len());
        for (index, (server, _)) in servers.iter().enumerate() {
            // A hostname that stands twice was reported already.
            let _ = table.insert(&server.hostname, index);
        }
        let mut compiled = Vec::with_capacity(hosts.len());
        for (hostname, named) in hosts {
            let server = table.get(&hostname).and_then(|index| servers.get(*index));
            let decides = decides(server.map(|(server, _)| server), Some(&named));
            if let Decides::EgressAuthorization(named) = decides {
                if server.is_none() {
                    self.warn_of_no_route(&hostname, named);
                }
                self.warn_of_paths(&named.paths);
                let rules = named.rules.clone();
                compiled.push(EgressHost { hostname, rules, shadow: false });
            } else if let Some((server, deployment)) = server {
                self.report_shadowed(&hostname, &named, server, deployment);
            }
        }
        compiled
    }

    fn entry(
        &mut self,
        position: usize,
        entry: EgressEntry<'a>,
        hosts: &mut BTreeMap<String, Named<'a>>,
    ) {
        let from = entry.from().map(|_| self.sources(entry));
        let identity = self.identity_match(entry);
        let mut operations: BTreeMap<String, (Text<'a>, Option<Vec<u32>>)> = BTreeMap::new();
        for to in entry.to() {
            let Some(written) = EgressEntry::host(to).filter(|host| !host.text.is_empty()) else {
                continue;
            };
            let hostname = match hostname::canonical_host(written.text) {
                Ok(hostname) => hostname,
                Err(error) => {
                    let message = format!("the host `{}` {error}", written.text.escape_debug());
                    let meant = hostname::without_the_rest(written.text);
                    let hint = match (error, meant) {
                        (HostnameError::Wildcard, _) => {
                            "name each host with an entry of its own in \
                             `to`; hosts of a wildcard are governed by the `authorization` of its \
                             server"
                                .to_owned()
                        }
                        (_, Some(meant)) => format!("write `{meant}`"),
                        (_, None) => "write one hostname, such as `api.example.com`".to_owned(),
                    };
                    self.error(written.node, message, hint);
                    continue;
                }
            };
            hosts.entry(hostname.clone()).or_default().paths.add(to);
            let whole = to.get("methods").is_none() && to.get("paths").is_none();
            let operation = (!whole).then(|| self.operation(to));
            let (_, list) =
                operations.entry(hostname).or_insert_with(|| (written, Some(Vec::new())));
            match (operation, list.as_mut()) {
                // One entry that admits everything admits it whatever others say.
                (None, _) => *list = None,
                (Some(operation), Some(list)) if !list.contains(&operation) => list.push(operation),
                (Some(_), _) => {}
            }
        }
        for (hostname, (written, to)) in operations {
            let name = format!("egressAuthorization[{position}]");
            let rule = EgressRule { name, from: from.clone(), to, identity };
            let rule = self.tables.egress_rules.index(rule);
            let named = hosts.entry(hostname).or_default();
            named.rules.push(rule);
            named.places.push((position, written));
        }
    }

    /// The workloads of an entry, as the policy writes them.
    fn sources(&mut self, entry: EgressEntry<'a>) -> Vec<String> {
        let mut sources = Vec::new();
        for account in entry.service_accounts().filter(|account| !account.text.is_empty()) {
            let own = account.text.strip_prefix("./").zip(self.gateway.workload_namespace());
            let source = match own {
                Some((name, namespace)) => format!("{namespace}/{name}"),
                None => account.text.to_owned(),
            };
            if !names_service_accounts(&source) {
                self.error(
                    account.node,
                    format!("`{}` does not name service accounts", account.text.escape_debug()),
                    "write `namespace/service-account`, `namespace/*`, or `./*` for the gateway's \
                     own namespace, in names that Kubernetes takes; leave `from` out to admit any \
                     workload",
                );
            } else {
                sources.push(source);
            }
        }
        for resource in entry.resources().filter(|resource| !resource.text.is_empty()) {
            sources.extend(self.resource_sources(resource));
        }
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    fn identity_match(&mut self, entry: EgressEntry<'a>) -> IdentityMatch {
        let Some(written) = entry.identity_match() else { return IdentityMatch::default() };
        let identity = match written.text {
            "PEER_CERTIFICATE" => return IdentityMatch::PeerCertificate,
            "SOURCE_IDENTITY" => IdentityMatch::SourceIdentity,
            "PERMISSIVE" => IdentityMatch::Permissive,
            // Reported when the fields were checked.
            _ => return IdentityMatch::default(),
        };
        if self.options.source_identity.propagated.is_none() {
            self.warn(
                Warning::IdentityNotHandedOn,
                written.node,
                "no header is trusted to hand on identities, so the peer's certificate decides",
                "name the header and who may send it: --source-identity-header \
                 x-forwarded-client-cert --trust-source NAMESPACE/SERVICE-ACCOUNT",
            );
        }
        identity
    }

    fn warn_of_no_route(&mut self, hostname: &str, named: &Named<'a>) {
        let Some((_, written)) = named.places.first() else { return };
        self.warn(
            Warning::NoRoute,
            written.node,
            format!("no server routes `{hostname}`"),
            "add a server with this hostname below `spec.http`, with its `routing`",
        );
    }

    /// Entries that server-level authorization takes out of force: a step of a migration where
    /// the server is for that very host, most likely a mistake where it is a wildcard.
    fn report_shadowed(
        &mut self,
        hostname: &str,
        named: &Named<'a>,
        server: &policy::Server,
        deployment: &ServerDeployment,
    ) {
        let decider = deployment.origin.span;
        let entries = named.places.iter().map(|(position, _)| *position).collect();
        self.silenced.insert(hostname.to_owned(), entries);
        for (position, written) in &named.places {
            let place = self.place.origin(written.node);
            let diagnostic = if server.hostname == hostname {
                Diagnostic::warning(format!(
                    "egressAuthorization[{position}] has no effect on `{hostname}`: the \
                     authorization of the server `{}` decides alone",
                    server.name
                ))
                .hint("remove this host from the entry to finish the migration")
                .named(Warning::NoEffect)
            } else {
                Diagnostic::error(format!(
                    "the authorization of the wildcard server `{}` would silence \
                     egressAuthorization[{position}] for `{hostname}`",
                    server.name
                ))
                .hint(format!(
                    "remove this host from the entry, or give `{hostname}` a server of its own"
                ))
            };
            self.report(diagnostic.at(&place).related(decider, "this server decides"));
        }
    }

    /// Every hostname that an entry names, whatever decides for it in the end.
    pub(super) fn hosts_named_in_egress(&self) -> HashSet<String> {
        let hosts = self.gateway.egress_authorization().flat_map(EgressEntry::to);
        let hosts = hosts.filter_map(EgressEntry::host);
        hosts.filter_map(|host| hostname::canonical_host(host.text).ok()).collect()
    }
}
