//! A path pattern as the search reads it: the states of the compiled pattern, with everything
//! that can be reached without taking a byte worked out beforehand.

use std::collections::HashMap;

use super::certificate::{Entry, Row};
use super::inclusion::{Pair, Place};
use crate::policy::path_pattern::PathPattern;
use crate::policy::state::{State, Takes};

/// A pattern, ready to be searched.
#[derive(Debug, Default)]
pub struct Automaton {
    nodes: Vec<Node>,
    /// The states that each node leads to, one after the other.
    targets: Vec<u16>,
    start: Vec<u16>,
    end: u16,
    /// The patterns that match together, as they were compiled.
    rows: Vec<Row>,
    /// Where there are two: the states of each that a state stands for.
    places: Vec<(u16, u16)>,
}

#[derive(Debug)]
struct Node {
    takes: Takes,
    /// Where its targets are.
    from: usize,
    until: usize,
    matches_all: bool,
}

impl Automaton {
    /// Reads a compiled pattern.
    pub fn new(pattern: &PathPattern) -> Self {
        let states = pattern.states();
        let mut automaton = Self {
            nodes: Vec::with_capacity(states.len()),
            targets: Vec::with_capacity(states.len()),
            start: Vec::new(),
            end: short(states.len()),
            rows: Vec::new(),
            places: Vec::new(),
        };
        reach(&states, 0, &mut automaton.start);
        for (index, state) in states.iter().enumerate() {
            let from = automaton.targets.len();
            let next = if state.takes.stays() { index } else { index.saturating_add(1) };
            reach(&states, next, &mut automaton.targets);
            let targets = automaton.targets.get(from..).unwrap_or_default();
            let matches_all = state.takes == Takes::AnyRun && targets.contains(&automaton.end);
            let until = automaton.targets.len();
            automaton.nodes.push(Node { takes: state.takes, from, until, matches_all });
        }
        automaton.rows.push(states.into_owned());
        automaton
    }

    /// What two patterns match both; nothing where that has more states than fit. It can be searched
    /// for paths that others have not, not the other way round.
    pub fn both(one: &Self, other: &Self) -> Option<Self> {
        let mut both = Self { end: u16::MAX, ..Self::default() };
        let mut numbers: HashMap<(u16, u16), u16> = HashMap::new();
        let mut pairs: Vec<(u16, u16, Takes)> = Vec::new();
        let mut reach = |pairs: &mut Vec<_>, ones: &[u16], others: &[u16]| {
            let mut out = Vec::new();
            for (first, second) in ones.iter().flat_map(|it| others.iter().map(|at| (*it, *at))) {
                if first == one.end || second == other.end {
                    out.extend((first == one.end && second == other.end).then_some(u16::MAX));
                    continue;
                }
                let takes = one.takes(first).both(other.takes(second));
                if takes == Takes::Nothing {
                    continue;
                }
                let next = u16::try_from(numbers.len()).ok().filter(|next| *next < u16::MAX)?;
                let number = *numbers.entry((first, second)).or_insert(next);
                if number == next {
                    pairs.push((first, second, takes));
                }
                out.push(number);
            }
            Some(out)
        };
        both.start = reach(&mut pairs, &one.start, &other.start)?;
        let mut at = 0;
        while let Some((first, second, takes)) = pairs.get(at).copied() {
            at = at.saturating_add(1);
            let next = reach(&mut pairs, one.targets(first), other.targets(second))?;
            let from = both.targets.len();
            both.targets.extend(next);
            let until = both.targets.len();
            both.nodes.push(Node { takes, from, until, matches_all: false });
        }
        both.places = pairs.iter().map(|(one, other, _)| (*one, *other)).collect();
        both.rows = one.rows.iter().chain(&other.rows).cloned().collect();
        Some(both)
    }

    /// The patterns that match together, as they were compiled.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// What a search for its paths among those of others has found, for the check of it.
    pub fn entries(&self, pairs: &[Pair]) -> Vec<Entry> {
        let with = |place: &Place| (usize::from(place.pattern), usize::from(place.state));
        let entry = |pair: &Pair| Entry {
            at: match self.places.get(usize::from(pair.state)) {
                Some((one, other)) => vec![usize::from(*one), usize::from(*other)],
                None => vec![usize::from(pair.state)],
            },
            with: pair.set.iter().map(with).collect(),
        };
        pairs.iter().map(entry).collect()
    }

    /// The states that are active before anything was taken, in order.
    pub fn start(&self) -> &[u16] {
        &self.start
    }

    /// The state in which a path has matched. It takes nothing.
    pub fn end(&self) -> u16 {
        self.end
    }

    /// What a state takes.
    pub fn takes(&self, state: u16) -> Takes {
        self.nodes.get(usize::from(state)).map_or(Takes::Nothing, |node| node.takes)
    }

    /// The states that are active after a state has taken a byte, in order.
    pub fn targets(&self, state: u16) -> &[u16] {
        let node = self.nodes.get(usize::from(state));
        node.and_then(|node| self.targets.get(node.from..node.until)).unwrap_or_default()
    }

    /// Whether everything matches from a state on.
    pub fn matches_all(&self, state: u16) -> bool {
        self.nodes.get(usize::from(state)).is_some_and(|node| node.matches_all)
    }
}

/// Adds the states that are active as soon as one is, in order: those that take something, and the
/// end.
fn reach(states: &[State], from: usize, out: &mut Vec<u16>) {
    let begin = out.len();
    let mut pending = vec![from];
    while let Some(at) = pending.pop() {
        let Some(state) = states.get(at) else {
            out.push(short(states.len()));
            continue;
        };
        match state.takes {
            Takes::Nothing => pending.push(at.saturating_add(1)),
            _ => out.push(short(at)),
        }
        if state.skip > 0 {
            pending.push(at.saturating_add(state.skip));
        }
    }
    let mut own = out.split_off(begin);
    own.sort_unstable();
    own.dedup();
    out.append(&mut own);
}

/// A pattern has no more states than fit: its length is bounded.
fn short(index: usize) -> u16 {
    u16::try_from(index).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Runs a pattern's states over a path.
    fn runs(automaton: &Automaton, path: &str) -> bool {
        let mut active = automaton.start().to_vec();
        for byte in path.bytes() {
            active.retain(|state| automaton.takes(*state).takes(byte));
            active = active.iter().flat_map(|it| automaton.targets(*it)).copied().collect();
            active.sort_unstable();
            active.dedup();
        }
        active.contains(&automaton.end())
    }

    proptest! {
        /// The states say what the matcher says, whatever the form of the pattern.
        #[test]
        fn states_are_the_pattern(
            pattern in "(/|a|b|\\*|/\\{\\*\\}|/\\{\\*\\*\\}|\\{\\*\\*\\}/){1,7}",
            paths in proptest::collection::vec("[ab/]{0,8}", 12),
        ) {
            let Ok(pattern) = PathPattern::parse(&pattern) else { return Ok(()) };
            let automaton = Automaton::new(&pattern);
            for path in paths {
                prop_assert_eq!(runs(&automaton, &path), pattern.matches(&path), "{}", path);
            }
        }
    }

    proptest! {
        /// Two patterns together say what both say.
        #[test]
        fn two_patterns_match_what_both_match(
            patterns in proptest::collection::vec("(/|a|b|\\*|/\\{\\*\\}|/\\{\\*\\*\\}|\\{\\*\\*\\}/){1,6}", 2),
            paths in proptest::collection::vec("[ab/]{0,8}", 12),
        ) {
            let parsed: Vec<_> = patterns.iter().filter_map(|it| PathPattern::parse(it).ok()).collect();
            let [one, other] = &parsed[..] else { return Ok(()) };
            let both = Automaton::both(&Automaton::new(one), &Automaton::new(other)).unwrap();
            for path in paths {
                let expected = one.matches(&path) && other.matches(&path);
                prop_assert_eq!(runs(&both, &path), expected, "{}", path);
            }
        }
    }

    #[test]
    fn a_star_at_the_end_matches_all_that_follows() {
        let automaton = Automaton::new(&PathPattern::parse("/a*").unwrap());
        assert_eq!((automaton.start(), automaton.end()), (&[0][..], 3));
        assert_eq!(automaton.targets(1), [2, 3]);
        assert!(automaton.matches_all(2) && !automaton.matches_all(1));
    }
}
