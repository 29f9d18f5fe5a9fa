//! Guarantees that no request of a region passes.

use super::callers::Caller;
use super::grants::{atoms, takes_bad_paths};
use super::guarantee::{PathProof, Refutation, Run};
use super::paths::{BAD_PATH, Paths, Why};
use super::question::{Question, all_methods, each, paths_of};
use super::side::Who;
use super::tokens::{Stand, TooMany, join};
use crate::engine::Principal;
use crate::policy::path_pattern::PathPattern;
use crate::policy::{IdentityMatch, Operation};

impl<'q> Question<'q> {
    /// A request of the region that passes.
    pub(super) fn never(&self, run: &mut Run) -> Option<Refutation> {
        for atom in atoms(self.effective) {
            let operation = atom.operation.and_then(|it| self.prover.tables.operations.get(it));
            for token in each(self.area.tokens.as_ref()) {
                for workload in each(self.area.area.workloads.as_ref()) {
                    let callers = match self.let_in(atom.who, token, workload) {
                        Ok(callers) => callers,
                        Err(TooMany) => {
                            self.doubt(None, Why::Claims, run);
                            continue;
                        }
                    };
                    for caller in &callers {
                        let found = self.passes(caller, operation, run);
                        if found.is_some() {
                            return found;
                        }
                    }
                }
            }
        }
        None
    }

    /// Callers that stand for all who are one of `who` to the policy, and one of these to the region.
    fn let_in(
        &self,
        who: Who,
        token: Option<&Principal>,
        workload: Option<&'q String>,
    ) -> Result<Vec<Caller>, TooMany> {
        let mut wanted: Vec<(&str, IdentityMatch)> = Vec::new();
        if let Who::Workload(number, identity) = who {
            let source = self.prover.tables.sources.get(number).unwrap_or_default();
            wanted.push((source, identity));
        }
        wanted.extend(workload.map(|it| (it.as_str(), IdentityMatch::Permissive)));
        let asks = matches!(who, Who::Token(_));
        let principal = match (self.grants.principal(who), token) {
            (Some(one), Some(other)) => Some(join(one, other)),
            (one, other) => one.or(other).cloned(),
        };
        let mut tokens: Vec<Option<Stand>> = Vec::new();
        let mut callers = Vec::new();
        match &self.effective.tokens {
            // Nothing is made of a token: nobody is let in for one.
            None if asks => {}
            None => match token {
                None => tokens.push(None),
                Some(token) => tokens.extend(self.unjudged(token)?.into_iter().map(Some)),
            },
            Some(own) => {
                if !asks && token.is_none() && (!own.required || own.shadow) {
                    tokens.push(None);
                }
                callers = self.accepted(principal.as_ref(), &wanted)?;
                if let Some(token) = token.filter(|_| !asks && own.shadow) {
                    tokens.extend(self.unjudged(token)?.into_iter().map(Some));
                }
            }
        }
        callers.extend(self.with_senders(&wanted, &tokens)?);
        Ok(callers)
    }

    /// A request of the region that an operation lets a caller make.
    fn passes(
        &self,
        caller: &Caller,
        operation: Option<&'q Operation>,
        run: &mut Run,
    ) -> Option<Refutation> {
        let left_out = self.left_out(caller);
        let of_policy = operation.and_then(|it| it.methods.as_ref());
        let methods: Vec<String> = match (of_policy, &self.area.area.methods) {
            (Some(one), Some(other)) => {
                one.iter().filter(|method| other.contains(method)).cloned().collect()
            }
            (Some(methods), None) | (None, Some(methods)) => methods.clone(),
            (None, None) => {
                let named = left_out.and_then(|it| it.area.methods.as_ref());
                let named = named.into_iter().flatten().map(String::as_str).collect();
                all_methods(&named)
            }
        };
        for method in &methods {
            let except = left_out.filter(|except| except.has_method(method));
            let Some(outer) = paths_of(except) else { continue };
            let paths = operation.and_then(|it| it.paths.as_ref());
            for pattern in each(paths) {
                for of_area in each(self.area.area.paths.as_ref()) {
                    let paths = self.paths([pattern, of_area], &outer, run);
                    let unread = of_area.is_none()
                        && takes_bad_paths(atoms(self.effective), &self.prover.tables);
                    let (mut candidates, why) = match paths {
                        Paths::Covered(_) if unread && !outer.is_empty() => {
                            (Vec::new(), Why::Unconfirmed)
                        }
                        Paths::Covered(entries) => {
                            let inner = [pattern, of_area].into_iter().flatten().cloned();
                            run.proofs.push(PathProof {
                                host: self.host.to_owned(),
                                claims: caller
                                    .stand
                                    .as_ref()
                                    .and_then(|it| it.compared.as_map().cloned()),
                                peer: caller.sender.peer.clone(),
                                method: method.clone(),
                                inner: inner.collect(),
                                outer: outer.iter().map(|it| (*it).to_owned()).collect(),
                                entries: entries.to_vec(),
                            });
                            continue;
                        }
                        Paths::Missed(candidates, _) => (candidates, Why::Unconfirmed),
                        Paths::Unclear(why, candidates) => (candidates, why),
                    };
                    candidates.extend(unread.then(|| BAD_PATH.to_owned()));
                    let confirmed = |path| self.confirmed(caller, method, Some(path), true);
                    let found = candidates.into_iter().find_map(confirmed);
                    if found.is_some() {
                        return found;
                    }
                    self.doubt(Some(method), why, run);
                }
            }
        }
        self.passes_without_path(caller, operation, &methods, run)
    }

    /// A request of the region that has no path with segments: OPTIONS with `*`, CONNECT with none
    /// (RFC 9110, sections 7.1 and 9.3.6).
    fn passes_without_path(
        &self,
        caller: &Caller,
        operation: Option<&'q Operation>,
        methods: &[String],
        run: &mut Run,
    ) -> Option<Refutation> {
        let of_policy = operation.and_then(|it| it.methods.as_ref());
        let any_method = of_policy.is_none() && self.area.area.methods.is_none();
        for (method, path, written) in [("OPTIONS", Some("*"), "*"), ("CONNECT", None, "")] {
            let has_method = any_method || methods.iter().any(|it| it == method);
            let has_path = |patterns: Option<&Vec<String>>| {
                let matches = |pattern: &String| {
                    PathPattern::parse(pattern).is_ok_and(|pattern| pattern.matches(written))
                };
                patterns.is_none_or(|all| all.iter().any(matches))
            };
            let except = self.left_out(caller).filter(|except| except.has_method(method));
            let is_left_out = except.is_some_and(|it| has_path(it.area.paths.as_ref()));
            if !has_method
                || !has_path(operation.and_then(|it| it.paths.as_ref()))
                || !has_path(self.area.area.paths.as_ref())
                || is_left_out
            {
                continue;
            }
            let found = self.confirmed(caller, method, path.map(str::to_owned), true);
            if found.is_some() {
                return found;
            }
            self.doubt(Some(method), Why::Unconfirmed, run);
        }
        None
    }
}
