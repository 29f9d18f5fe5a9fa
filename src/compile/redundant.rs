//! Rules and entries that admit nothing which the others do not admit together, by the prover.

use std::collections::BTreeMap;

use super::egress::Servers;
use super::lint::LAST_PATHS;
use super::{Compiler, Options, Tables};
use crate::policy::{self, AccessLogFields, EgressHost, Policy};
use crate::prove::redundant::{Finder, Redundant};
use crate::resource::diagnostic::Diagnostic;
use crate::resource::gateway::Server;
use crate::resource::source::{Origin, Span};
use crate::resource::warning::Warning;

/// Rules of a policy, and of one host, up to which this is looked for: every rule of a host is compared
/// with all others.
const MOST_RULES: usize = 2_000;
const MOST_RULES_OF_HOST: usize = 100;
/// The end of the path of a server's hostname.
const HOSTNAME: &str = ".hostname";

/// The entries that admit all that one does at a host, and whether it refuses paths that nobody can
/// read; nothing where it is needed.
type AtHost<'n> = Option<(Vec<&'n str>, bool)>;

impl Compiler<'_, '_> {
    /// Warns of rules and entries that are never needed. What one other rule admits alone has been
    /// warned of before.
    pub(super) fn warn_of_redundant(&mut self, servers: &Servers, egress: &[EgressHost]) {
        let of_servers = servers.iter().filter_map(|(server, _)| server.authorization.as_ref());
        let of_servers: usize = of_servers.map(|it| it.rules.len()).sum();
        let of_egress: usize = egress.iter().map(|host| host.rules.len()).sum();
        if self.diagnostics.has_errors() || of_servers.saturating_add(of_egress) > MOST_RULES {
            return;
        }
        let policy = self.tables.policy(servers, egress, self.options);
        let Ok(finder) = Finder::new(&policy) else { return };
        for (server, (_, deployment)) in policy.servers.iter().zip(servers) {
            if deployment.rules.len() > MOST_RULES_OF_HOST {
                continue;
            }
            let hostname = deployment.origin.span;
            let is_it = |it: &Server<'_>| {
                it.hostname().is_some_and(|written| written.node.span() == hostname)
            };
            let written = || self.gateway.servers().find(is_it);
            let Some(written) = (!deployment.rules.is_empty()).then(written).flatten() else {
                continue;
            };
            let mut said = self.warn_of_unmatched(&finder, server, written);
            for found in finder.of_server(server) {
                let span = |at: &usize| deployment.rules.get(*at).copied();
                let own = span(&found.rule).filter(|_| !said.contains(&found.rule));
                let Some(own) = own else { continue };
                let server = deployment.origin.field.strip_suffix(HOSTNAME).unwrap_or_default();
                let field = format!("{server}.authorization.local.rules[{}]", found.rule);
                let by = found.by.iter().filter_map(span).collect();
                self.never_needed(
                    "rule",
                    Origin { span: own, field },
                    by,
                    found.refuses_unreadable,
                );
                said.push(found.rule);
            }
            self.warn_of_redundant_parts(&finder, server, written, &said);
        }
        self.warn_of_redundant_entries(&finder, egress);
    }

    /// An entry is needed if it is at one of its hosts.
    fn warn_of_redundant_entries(&mut self, finder: &Finder<'_>, egress: &[EgressHost]) {
        let mut of_entries: BTreeMap<&str, Vec<AtHost<'_>>> = BTreeMap::new();
        let name = |index: &u32| {
            let rule =
                usize::try_from(*index).ok().and_then(|at| finder.policy().egress_rules.get(at));
            rule.map(|rule| rule.name.as_str())
        };
        for host in egress {
            let found = match host.rules.len() > MOST_RULES_OF_HOST {
                true => Vec::new(),
                false => finder.of_egress_host(host),
            };
            for (at, index) in host.rules.iter().enumerate() {
                let Some(entry) = name(index) else { continue };
                let redundant = found.iter().find(|it: &&Redundant| it.rule == at);
                let by = redundant.map(|it| {
                    let by = it.by.iter().filter_map(|at| host.rules.get(*at)).filter_map(name);
                    (by.collect(), it.refuses_unreadable)
                });
                of_entries.entry(entry).or_default().push(by);
            }
        }
        let entries: Vec<_> = self.gateway.egress_authorization().collect();
        let place = |name: &str| -> Option<Origin> {
            let number = name.strip_prefix("egressAuthorization[")?.strip_suffix(']')?;
            let entry = entries.get(number.parse::<usize>().ok()?)?;
            Some(self.place.origin(entry.0))
        };
        let mut found = Vec::new();
        for (entry, at_hosts) in &of_entries {
            let Some(at_hosts) = at_hosts.iter().cloned().collect::<Option<Vec<_>>>() else {
                continue;
            };
            let mut by: Vec<&str> = at_hosts.iter().flat_map(|(by, _)| by).copied().collect();
            by.sort_unstable();
            by.dedup();
            let refuses = at_hosts.iter().any(|(_, refuses)| *refuses);
            // Hosts of one entry may be covered by parts of itself.
            if by.contains(entry) {
                continue;
            }
            let by = by.into_iter().filter_map(place).map(|origin| origin.span).collect();
            found.extend(place(entry).map(|origin| (origin, by, refuses)));
        }
        for (origin, by, refuses) in found {
            self.never_needed("entry", origin, by, refuses);
        }
    }

    fn never_needed(
        &mut self,
        what: &str,
        origin: Origin,
        by: Vec<Span>,
        refuses_unreadable: bool,
    ) {
        let known = |it: &Diagnostic| {
            it.name == Some(Warning::RuleNeverNeeded) && it.span == Some(origin.span)
        };
        if self.diagnostics.iter().any(known) {
            return;
        }
        let label = match by.len() {
            1 => "this one admits all that it admits",
            _ => "together with the others that are shown, this one admits all that it admits",
        };
        let hint = match refuses_unreadable {
            false => "remove it, or narrow the others",
            true => LAST_PATHS,
        };
        let diagnostic = Diagnostic::warning(format!("this {what} is never needed"))
            .named(Warning::RuleNeverNeeded)
            .at(&origin)
            .hint(hint);
        let diagnostic = by.into_iter().fold(diagnostic, |it, span| it.related(span, label));
        self.report(diagnostic);
    }
}

impl Tables {
    /// A policy of what was compiled so far.
    fn policy(&self, servers: &Servers, egress: &[EgressHost], options: &Options) -> Policy {
        Policy {
            version: policy::VERSION,
            gateway: String::new(),
            default_action: policy::DefaultAction::default(),
            access_log_fields: AccessLogFields::default(),
            jwt_rules: self.jwt_rules.to_vec(),
            principals: self.principals.to_vec(),
            operations: self.operations.to_vec(),
            rules: self.rules.to_vec(),
            servers: servers.iter().map(|(server, _)| server.clone()).collect(),
            egress_rules: self.egress_rules.to_vec(),
            egress: egress.to_vec(),
            source_identity: options.source_identity.clone(),
        }
    }
}
