//! What is allowed but most likely not meant. Only what is certain is said.

use super::{Compiler, covers};
use crate::policy::text_pattern::TextPattern;
use crate::resource::diagnostic::Diagnostic;
use crate::resource::gateway::{Rule, Server};
use crate::resource::tree::Node;
use crate::resource::warning::Warning;

/// Rules of one server up to which each is compared with those before it.
const COMPARED_RULES: usize = 1_000;

impl<'a> Compiler<'a, '_> {
    /// Warns of rules that can never be the one that admits a request. `rules` are those of one
    /// server, each with its index in the table.
    pub(super) fn warn_of_dead_rules(&mut self, server: Server<'a>, rules: &[(Rule<'a>, u32)]) {
        let issuers: Vec<&str> = server
            .authentication()
            .into_iter()
            .flat_map(|authentication| authentication.jwt_rules())
            .filter_map(|rule| rule.issuer().map(|issuer| issuer.text))
            .collect();
        for (rule, _) in rules {
            self.warn_of_unknown_issuers(*rule, &issuers);
        }
        let compared = rules.iter().take(COMPARED_RULES);
        let mut never_needed: Vec<u32> = Vec::new();
        for (position, (rule, index)) in compared.enumerate() {
            let mut earlier = rules.iter().take(position);
            let covering = earlier.find(|(_, earlier)| self.covers(*earlier, *index));
            if let Some((covering, _)) = covering {
                let node = |rule: Rule<'a>| rule.name().map_or(rule.0, |name| name.node);
                never_needed.push(*index);
                let others = rules.iter().filter(|(_, other)| !never_needed.contains(other));
                let alone = looks_at_paths(*rule) && !others.map(|(it, _)| *it).any(looks_at_paths);
                let diagnostic = Diagnostic::warning("this rule is never needed")
                    .named(Warning::RuleNeverNeeded)
                    .at(&self.place.origin(node(*rule)))
                    .related(node(*covering).span(), "this one admits all that it admits")
                    .hint(if alone { LAST_PATHS } else { "remove it, or narrow the other one" });
                self.report(diagnostic);
            }
        }
    }

    fn covers(&self, broad: u32, narrow: u32) -> bool {
        let rules = &self.tables.rules;
        let both = rules.get(broad).zip(rules.get(narrow));
        both.is_some_and(|(broad, narrow)| covers::rule(&self.tables, broad, narrow))
    }

    /// Principals whose `iss` no JWT rule of the server can bring.
    fn warn_of_unknown_issuers(&mut self, rule: Rule<'a>, issuers: &[&str]) {
        // A server without JWT rules was reported already.
        let principals = rule.from().into_iter().flatten().filter(|_| !issuers.is_empty());
        for iss in principals.filter_map(|jwt| Rule::pattern(jwt, "iss")) {
            let pattern = TextPattern::parse(iss.text);
            if !issuers.iter().any(|issuer| pattern.matches(issuer)) {
                self.warn(
                    Warning::IssuerNotAccepted,
                    iss.node,
                    format!(
                        "no token of the issuer `{}` is accepted here",
                        iss.text.escape_debug()
                    ),
                    format!("the JWT rules of this server name {}", list(issuers)),
                );
            }
        }
    }

    /// Warns of a wildcard below which names belong to more than one organisation, by the Public
    /// Suffix List.
    pub(super) fn warn_of_broad_wildcard(&mut self, written: Node<'a>, hostname: &str) {
        let broad = match hostname.strip_prefix("*.") {
            Some(suffix) => psl::suffix(suffix.as_bytes())
                .is_some_and(|known| known.is_known() && known.as_bytes() == suffix.as_bytes()),
            None => hostname == "*",
        };
        if broad {
            self.warn(
                Warning::BroadWildcard,
                written,
                format!("`{hostname}` includes domains of more than one organisation"),
                "name the hosts, or a domain of one organisation, as in `*.example.com`",
            );
        }
    }

    /// Warns of a JWKS host that means the gateway itself, or nothing at all.
    pub(super) fn warn_of_unreachable(&mut self, uri: Node<'a>, host: &str) {
        let address = host.parse::<std::net::IpAddr>().ok();
        let itself = address.is_some_and(|it| it.is_loopback() || it.is_unspecified())
            || host == "localhost"
            || host.ends_with(".localhost");
        // RFC 6761, section 6.4: names below `invalid` never resolve.
        let nowhere = host == "invalid" || host.ends_with(".invalid");
        if itself || nowhere {
            let what = if itself { "is the gateway itself" } else { "does not exist" };
            self.warn(
                Warning::KeysUnreachable,
                uri,
                format!("the gateway cannot fetch keys there: `{host}` {what}"),
                "write the host by which the gateway's pods reach the issuer",
            );
        }
    }
}

/// What to do about the last of the rules of a host that look at paths, where others admit all that it
/// admits.
pub(super) const LAST_PATHS: &str = "narrow the others; if it is removed, no rule looks at paths any \
                                     more, and those that no server can read pass";

fn looks_at_paths(rule: Rule<'_>) -> bool {
    rule.to().is_some_and(|mut entries| entries.any(|entry| entry.get("paths").is_some()))
}

fn list(names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{}`", name.escape_debug())).collect();
    names.join(", ")
}
