//! What one caller may do at one host: everything, something or nothing, over every method and every
//! path that servers can read.

use std::collections::BTreeSet;

use serde::Serialize;

use super::automaton::Automaton;
use super::callers::{Seen, seen};
use super::example::{Sender, Token};
use super::examples::other_method;
use super::grants::{Grants, admitted, atoms, named};
use super::inclusion::Budget;
use super::paths::{Paths, search, search_plain};
use super::side::{Effective, View};
use super::tables::Tables;
use crate::engine::source::Identities;
use crate::policy::Policy;
use crate::policy::path_pattern::PathPattern;

/// What one answer may cost, in states of patterns that are looked at.
const MOST_STATES: usize = 200_000;

/// How much a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Every method on every path.
    All,
    /// Something, and not everything.
    Some,
    /// Nothing.
    None,
    /// Perhaps something: only paths that servers read in several ways are left.
    Unclear,
}

/// A policy that is asked about callers.
#[derive(Debug)]
pub struct Reacher<'p> {
    tables: Tables<'p>,
    view: View<'p>,
    identities: Identities,
}

impl<'p> Reacher<'p> {
    /// Asks a policy that is known to be sound.
    pub fn new(policy: &'p Policy) -> Self {
        let mut tables = Tables::default();
        let view = View::new(policy, &mut tables);
        // The engine refuses what cannot be compiled.
        let identities = Identities::new(policy.source_identity.clone()).unwrap_or_default();
        Self { tables, view, identities }
    }

    /// The policy at a host.
    pub fn at(&self, host: &str) -> AtHost<'_, 'p> {
        let (effective, _) = self.view.effective(host);
        let grants = Grants::new(&self.tables, atoms(&effective).iter().map(|atom| atom.who));
        AtHost { reacher: self, effective, grants }
    }
}

/// A policy that is asked about callers at one host.
pub struct AtHost<'r, 'p> {
    reacher: &'r Reacher<'p>,
    effective: Effective,
    grants: Grants<'r, 'p>,
}

impl AtHost<'_, '_> {
    /// What someone with this token and this identity may do there at `now` (Unix seconds).
    pub fn reach(&self, token: &Token, sender: &Sender, now: u64) -> Reach {
        let Reacher { tables, identities, .. } = self.reacher;
        let claims = token.claims().is_some().then_some([token, token]);
        let who = (sender, Some(identities));
        let seen = seen(tables, self.effective.tokens.as_ref(), claims, who, now);
        if seen == Seen::Refused {
            return Reach::None;
        }
        let source = sender.source(identities);
        let granted = self.grants.operations(atoms(&self.effective), seen, Some(&source));
        let named = named(&granted);
        let other = other_method(&named);
        let mut budget = Budget::new(MOST_STATES);
        let of_methods: Vec<Reach> = named
            .iter()
            .copied()
            .chain([other.as_str()])
            .map(|method| {
                let admitted = admitted(&granted, method);
                match admitted.anything {
                    true => Reach::All,
                    false => of_paths(&admitted.patterns, &mut budget),
                }
            })
            .collect();
        let all = |reach: Reach| of_methods.iter().all(|it| *it == reach);
        match () {
            () if all(Reach::All) => Reach::All,
            () if all(Reach::None) => Reach::None,
            () if of_methods.iter().any(|it| matches!(it, Reach::All | Reach::Some)) => Reach::Some,
            () => Reach::Unclear,
        }
    }
}

/// How many paths these patterns admit together.
fn of_paths(patterns: &BTreeSet<&str>, budget: &mut Budget) -> Reach {
    if patterns.is_empty() {
        return Reach::None;
    }
    let automaton = |text: &&str| PathPattern::parse(text).ok().map(|it| Automaton::new(&it));
    let all: Vec<_> = patterns.iter().filter_map(automaton).collect();
    let outer: Vec<_> = all.iter().collect();
    let covered = |any: Automaton| matches!(search(&any, &outer, budget), Paths::Covered(_));
    if automaton(&"*").is_some_and(covered) {
        return Reach::All;
    }
    // A path that every server reads alike is admitted as soon as a pattern matches it.
    let has_plain = |it: &Automaton| matches!(search_plain(it, &[], budget), Paths::Missed(..));
    if all.iter().any(has_plain) { Reach::Some } else { Reach::Unclear }
}
