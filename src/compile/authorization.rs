//! Authorization rules.

use std::collections::{BTreeMap, HashSet};

use super::path_lint::Paths;
use super::{Compiler, method, path};
use crate::policy::{self, Operation, Principal};
use crate::resource::gateway::{Rule, Server, Text};
use crate::resource::tree::Node;
use crate::resource::warning::Warning;

impl<'a> Compiler<'a, '_> {
    /// Compiles `authorization.local`; absent where nothing is enforced.
    pub(super) fn authorization(&mut self, server: Server<'a>) -> Option<policy::Authorization> {
        let authorization = server.authorization()?;
        authorization.local()?;
        let authenticated = server
            .authentication()
            .is_some_and(|authentication| authentication.jwt_rules().next().is_some());
        let mut names = HashSet::new();
        let mut rules = Vec::new();
        let mut paths = Paths::default();
        for (position, rule) in authorization.rules().enumerate() {
            if let Some(name) = rule.name().filter(|name| !names.insert(name.text)) {
                let message = format!("two rules of this server have the name `{}`", name.text);
                let hint = "decisions show the name: make it unique";
                self.warn(Warning::RuleNameTwice, name.node, message, hint);
            }
            if !authenticated && let Some(jwt) = rule.from().and_then(|mut from| from.next()) {
                self.error(
                    jwt,
                    "this can never match: the server has no `authentication.jwt`",
                    "write `authentication.jwt` with the issuer of these tokens, or remove `from`",
                );
            }
            match rule.to() {
                Some(entries) => entries.for_each(|entry| paths.add(entry)),
                None => paths.open = true,
            }
            rules.push((rule, self.rule(rule, position)));
        }
        self.warn_of_paths(&paths);
        self.warn_of_dead_rules(server, &rules);
        Some(policy::Authorization { rules: rules.into_iter().map(|(_, index)| index).collect() })
    }

    fn rule(&mut self, rule: Rule<'a>, position: usize) -> u32 {
        if let Some(name) = rule.name().filter(|name| name.text.chars().any(char::is_control)) {
            self.error(
                name.node,
                "a rule name cannot hold control characters",
                "write it on one line; it is shown in logs",
            );
        }
        let name =
            rule.name().map_or_else(|| format!("rules[{position}]"), |it| it.text.to_owned());
        let from = rule.from().map(|from| from.map(|jwt| self.principal(jwt)).collect());
        let to = rule.to().map(|to| to.map(|entry| self.operation(entry)).collect());
        self.tables.rules.index(policy::Rule { name, from, to })
    }

    fn principal(&mut self, jwt: Node<'a>) -> u32 {
        let pattern = |field| Rule::pattern(jwt, field).map(|text| text.text.to_owned());
        let other: BTreeMap<String, String> = jwt
            .get("other")
            .into_iter()
            .flat_map(Node::entries)
            .filter_map(|(name, value)| {
                Some((name.scalar_text()?.to_owned(), value.string()?.to_owned()))
            })
            .collect();
        let principal = Principal { iss: pattern("iss"), sub: pattern("sub"), other };
        let known = self.tables.principals.len();
        let index = self.tables.principals.index(principal);
        if self.tables.principals.len() > known {
            self.warn_of_patterns(jwt);
        }
        index
    }

    /// An entry of `to`, of a rule or of `egressAuthorization`.
    pub(super) fn operation(&mut self, entry: Node<'a>) -> u32 {
        let methods = Rule::list(entry, "methods").map(|methods| {
            methods
                .map(|method| {
                    self.check_method(method);
                    method.text.to_owned()
                })
                .collect()
        });
        let paths = Rule::list(entry, "paths").map(|paths| {
            paths
                .map(|path| {
                    self.check_path(path);
                    path.text.to_owned()
                })
                .collect()
        });
        self.tables.operations.index(Operation { methods, paths })
    }

    fn check_method(&mut self, written: Text<'a>) {
        let finding = method::judge(written.text).map(|it| it.at(&self.place.origin(written.node)));
        self.diagnostics.extend(finding);
    }

    fn check_path(&mut self, written: Text<'a>) {
        let finding = path::judge(written.text).map(|it| it.at(&self.place.origin(written.node)));
        self.diagnostics.extend(finding);
    }
}
