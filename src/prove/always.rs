//! Guarantees that every request of a region passes.

use std::collections::BTreeSet;

use super::callers::{Caller, Surroundings};
use super::grants::{admitted, atoms, named};
use super::guarantee::{Refutation, Run};
use super::paths::{Paths, Why};
use super::question::{Question, all_methods, each, paths_of};
use super::tokens::TooMany;
use crate::engine::Principal;
use crate::policy::IdentityMatch;

impl<'q> Question<'q> {
    /// A request of the region that does not pass.
    pub(super) fn always(&self, run: &mut Run) -> Option<Refutation> {
        for token in each(self.area.tokens.as_ref()) {
            for workload in each(self.area.area.workloads.as_ref()) {
                match self.callers(token, workload) {
                    Ok(callers) => {
                        // Of nobody everything could be said.
                        if callers.is_empty() {
                            self.doubt(None, Why::Unconfirmed, run);
                        }
                        for caller in &callers {
                            let found = self.is_refused(caller, run);
                            if found.is_some() {
                                return found;
                            }
                        }
                    }
                    Err(TooMany) => self.doubt(None, Why::Claims, run),
                }
            }
        }
        None
    }

    /// Callers that stand for all of the region whose tokens are good.
    fn callers(
        &self,
        token: Option<&Principal>,
        workload: Option<&'q String>,
    ) -> Result<Vec<Caller>, TooMany> {
        let wanted: Vec<_> =
            workload.iter().map(|it| (it.as_str(), IdentityMatch::Permissive)).collect();
        let of_nobody = |token: &Principal| {
            let all: Vec<_> = self.unjudged(token)?.into_iter().map(Some).collect();
            self.with_senders(&wanted, &all)
        };
        match (token, &self.effective.tokens) {
            // Whoever has none is granted the least.
            (None, _) => self.with_senders(&wanted, &[None]),
            (Some(token), None) => of_nobody(token),
            (Some(token), Some(_)) => {
                let accepted = self.accepted(Some(token), &wanted)?;
                // That none is accepted is what refutes the guarantee.
                if accepted.is_empty() { of_nobody(token) } else { Ok(accepted) }
            }
        }
    }

    /// A request of the region that a caller may not make.
    fn is_refused(&self, caller: &Caller, run: &mut Run) -> Option<Refutation> {
        let identity = self.prover.view.identity();
        let surroundings = Surroundings {
            tables: &self.prover.tables,
            vocabulary: &self.vocabulary,
            sources: &self.sources,
            tokens: [None, self.effective.tokens.as_ref()],
            identities: [identity, identity],
            other: Some(&self.prover.identities),
            now: self.prover.now,
        };
        let source = caller.sender.source(&self.prover.identities);
        let seen = surroundings.seen(caller);
        let granted = self.grants.operations(atoms(self.effective), seen, Some(&source));
        let left_out = self.left_out(caller);
        let mut named = named(&granted);
        let of_except = left_out.and_then(|it| it.area.methods.as_ref());
        named.extend(of_except.into_iter().flatten().map(String::as_str));
        let methods = self.area.area.methods.clone().unwrap_or_else(|| all_methods(&named));
        for method in &methods {
            let admitted = admitted(&granted, method);
            let except = left_out.filter(|except| except.has_method(method));
            let Some(mut outer) = paths_of(except).filter(|_| !admitted.anything) else { continue };
            outer.extend(&admitted.patterns);
            for pattern in each(self.area.area.paths.as_ref()) {
                let budget = &mut run.budget;
                let (candidates, why) = match self.plain_paths(pattern, &outer, budget) {
                    Paths::Covered(_) => {
                        let some = self.plain_paths(pattern, &BTreeSet::new(), budget);
                        if matches!(some, Paths::Covered(_)) {
                            self.doubt(Some(method), Why::Ambiguous, run);
                        }
                        continue;
                    }
                    Paths::Missed(candidates, _) => (candidates, Why::Unconfirmed),
                    Paths::Unclear(why, candidates) => (candidates, why),
                };
                let confirmed = |path| self.confirmed(caller, method, Some(path), false);
                let found = candidates.into_iter().find_map(confirmed);
                if found.is_some() {
                    return found;
                }
                self.doubt(Some(method), why, run);
            }
        }
        None
    }
}
