//! A proof that every path which some patterns match together is matched by one of several others,
//! and the check of it.
//!
//! The search ([`super::inclusion`]) is clever: it takes one byte for many, and leaves out what a
//! smaller set covers. The check is not, and shares nothing with it but the compiled patterns: it
//! goes once through what the search found and sees that no byte leads out of it. A proof that does
//! not hold is no proof, and the question stays undecided.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::policy::state::{State, Takes};

/// A compiled pattern.
pub type Row = Vec<State>;

/// States of the patterns that match together, and with which states of the others they must be
/// reached at the least.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// One state of each pattern.
    pub at: Vec<usize>,
    /// States of the others: the pattern and the state.
    pub with: BTreeSet<(usize, usize)>,
}

/// A proof.
#[derive(Debug, Clone)]
pub struct Certificate<'c> {
    /// The patterns that match together.
    pub inner: &'c [Row],
    /// The others.
    pub outer: &'c [&'c Row],
    /// What no byte leads out of.
    pub entries: &'c [Entry],
}

impl Certificate<'_> {
    /// Whether it proves that every path which begins with `/` and is matched by all of `inner` is
    /// matched by one of `outer`.
    pub fn holds(&self) -> bool {
        let starts: Vec<_> = self.inner.iter().map(|row| silent(row, 0)).collect();
        let others = self.outer.iter().enumerate();
        let with: BTreeSet<_> = others
            .flat_map(|(at, row)| silent(row, 0).into_iter().map(move |it| (at, it)))
            .collect();
        let mut wanted: BTreeSet<usize> = BTreeSet::new();
        // Every path begins so.
        let begins = every(&starts).iter().all(|at| self.leads(at, &with, b'/', &mut wanted));
        let bytes = self.bytes();
        let mut seen: BTreeSet<usize> = BTreeSet::new();
        let mut good = begins;
        while let Some(next) = wanted.pop_first().filter(|_| good) {
            let Some(entry) = self.entries.get(next).filter(|_| seen.insert(next)) else {
                continue;
            };
            good = bytes.iter().all(|byte| self.leads(&entry.at, &entry.with, *byte, &mut wanted));
        }
        good
    }

    /// Whether one byte leads to entries only; those are `wanted`.
    fn leads(
        &self,
        at: &[usize],
        with: &BTreeSet<(usize, usize)>,
        byte: u8,
        wanted: &mut BTreeSet<usize>,
    ) -> bool {
        let after: Vec<_> =
            self.inner.iter().zip(at).map(|(row, state)| step(row, *state, byte)).collect();
        let outer = |pattern: usize| self.outer.get(pattern).copied();
        let mut others = BTreeSet::new();
        for (pattern, state) in with {
            let Some(row) = outer(*pattern) else { return false };
            others.extend(step(row, *state, byte).into_iter().map(|it| (*pattern, it)));
        }
        let is_end = |(pattern, state): &(usize, usize)| {
            outer(*pattern).is_some_and(|row| *state == row.len())
        };
        // Takes whatever follows, and may end at once.
        let takes_all = |(pattern, state): &(usize, usize)| {
            let row = outer(*pattern);
            let takes = row.and_then(|row| row.get(*state)).map(|state| state.takes);
            let ends = row.is_some_and(|row| silent(row, *state).contains(&row.len()));
            takes == Some(Takes::AnyRun) && ends
        };
        if others.iter().any(takes_all) {
            return true;
        }
        every(&after).into_iter().all(|next| {
            let ends = self.inner.iter().zip(&next).map(|(row, state)| *state == row.len());
            let (all, any) = ends.fold((true, false), |(all, any), it| (all && it, any || it));
            if all {
                return others.iter().any(is_end);
            }
            let mut entries = self.entries.iter().enumerate();
            let found =
                entries.find(|(_, entry)| entry.at == next && entry.with.is_subset(&others));
            wanted.extend(found.map(|(number, _)| number));
            // Where one pattern has matched and another has not, or they expect other bytes, no path
            // goes on.
            any || found.is_some() || !self.bytes().iter().any(|byte| self.goes_on(&next, *byte))
        })
    }

    /// Whether all patterns that match together take a byte.
    fn goes_on(&self, at: &[usize], byte: u8) -> bool {
        let mut states = self.inner.iter().zip(at).map(|(row, state)| row.get(*state));
        states.all(|state| state.is_some_and(|state| state.takes.takes(byte)))
    }

    /// Bytes that a pattern names, `/`, and one more, which stands for all others.
    fn bytes(&self) -> BTreeSet<u8> {
        let rows = self.inner.iter().chain(self.outer.iter().copied());
        let named = rows.flatten().filter_map(|state| match state.takes {
            Takes::Byte(byte) => Some(byte),
            _ => None,
        });
        let mut bytes: BTreeSet<u8> = named.chain([b'/']).collect();
        bytes.extend((0..=u8::MAX).find(|byte| !bytes.contains(byte)));
        bytes
    }
}

/// The states that one state stands for before a byte is taken: those that take something, and the
/// end, which is the number of states.
fn silent(row: &Row, from: usize) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut pending = vec![from];
    while let Some(at) = pending.pop() {
        if !reached.insert(at) {
            continue;
        }
        let Some(state) = row.get(at) else { continue };
        pending.extend((state.takes == Takes::Nothing).then(|| at.saturating_add(1)));
        pending.extend((state.skip > 0).then(|| at.saturating_add(state.skip)));
    }
    let counts = |at: &usize| row.get(*at).is_none_or(|state| state.takes != Takes::Nothing);
    reached.retain(counts);
    reached
}

/// The states after a byte.
fn step(row: &Row, at: usize, byte: u8) -> BTreeSet<usize> {
    match row.get(at) {
        Some(state) if state.takes.takes(byte) => {
            silent(row, if state.takes.stays() { at } else { at.saturating_add(1) })
        }
        _ => BTreeSet::new(),
    }
}

/// Every way to take one of each set.
fn every(sets: &[BTreeSet<usize>]) -> Vec<Vec<usize>> {
    sets.iter().fold(vec![Vec::new()], |ways, set| {
        let with = |way: &Vec<usize>| {
            let way = way.clone();
            set.iter().map(move |it| way.iter().copied().chain([*it]).collect())
        };
        ways.iter().flat_map(with).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::super::automaton::Automaton;
    use super::super::inclusion::{Budget, Inclusion, Scope, inclusion};
    use super::*;
    use crate::policy::path_pattern::PathPattern;
    use proptest::prelude::*;

    fn proved(inner: &str, outer: &[&str]) -> Option<(Automaton, Vec<Automaton>, Vec<Entry>)> {
        let automaton = |text: &str| PathPattern::parse(text).ok().map(|it| Automaton::new(&it));
        let inner = automaton(inner)?;
        let outer: Vec<_> = outer.iter().filter_map(|it| automaton(it)).collect();
        let others: Vec<_> = outer.iter().collect();
        match inclusion(&inner, &others, Scope::All, &mut Budget::new(200_000)) {
            Inclusion::Included(pairs) => {
                let entries = inner.entries(&pairs);
                Some((inner, outer, entries))
            }
            Inclusion::Missed(_) | Inclusion::OutOfBudget => None,
        }
    }

    fn check(inner: &Automaton, outer: &[Automaton], entries: &[Entry]) -> bool {
        let outer: Vec<_> = outer.iter().flat_map(Automaton::rows).collect();
        Certificate { inner: inner.rows(), outer: &outer, entries }.holds()
    }

    #[test]
    fn a_proof_with_less_in_it_or_of_something_else_does_not_hold() {
        let (inner, mut outer, entries) = proved("/a/{**}", &["/a", "/a/*"]).unwrap();
        assert!(check(&inner, &outer, &entries));
        for gone in 0..entries.len() {
            let mut less = entries.clone();
            less.remove(gone);
            // What was found is all that is needed.
            assert!(!check(&inner, &outer, &less), "{gone}");
        }
        outer.pop();
        assert!(!check(&inner, &outer, &entries));
    }

    proptest! {
        #[test]
        fn every_proof_of_the_search_holds(
            inner in "(/|a|\\*|/\\{\\*\\}|/\\{\\*\\*\\}){1,6}",
            outer in proptest::collection::vec("(/|a|b|\\*|/\\{\\*\\}|/\\{\\*\\*\\}){1,6}", 1..4),
        ) {
            let outer: Vec<_> = outer.iter().map(String::as_str).collect();
            if let Some((inner, outer, entries)) = proved(&inner, &outer) {
                prop_assert!(check(&inner, &outer, &entries));
            }
        }
    }
}
