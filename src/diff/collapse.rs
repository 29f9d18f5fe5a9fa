//! What is decided alike, said once.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::Answer;
use super::witness::{Requests, Sender, Token};

/// A request that two policies decide differently.
pub(super) struct Cell {
    /// Its position in the requests: of its token, sender, method and path.
    pub(super) at: [usize; 4],
    pub(super) before: Answer,
    pub(super) after: Answer,
}

/// Requests with one answer before and one after: every combination of these tokens, senders,
/// methods and paths.
#[derive(Debug, Clone)]
pub struct Change {
    /// What was answered.
    pub before: Answer,
    /// What is answered.
    pub after: Answer,
    /// Where the values are.
    pub requests: Rc<Requests>,
    /// Positions in [`Requests::tokens`].
    pub tokens: BTreeSet<usize>,
    /// Positions in [`Requests::senders`].
    pub senders: BTreeSet<usize>,
    /// Positions in [`Requests::methods`].
    pub methods: BTreeSet<usize>,
    /// Positions in [`Requests::paths`].
    pub paths: BTreeSet<usize>,
}

impl PartialEq for Change {
    /// By the requests themselves, wherever they come from.
    fn eq(&self, other: &Self) -> bool {
        (&self.before, &self.after) == (&other.before, &other.after)
            && self.tokens().eq(other.tokens())
            && self.senders().eq(other.senders())
            && self.methods().eq(other.methods())
            && self.paths().eq(other.paths())
    }
}

impl Change {
    /// How many requests these are.
    pub fn count(&self) -> usize {
        let counts = [&self.tokens, &self.senders, &self.methods, &self.paths].map(BTreeSet::len);
        counts.into_iter().fold(1, usize::saturating_mul)
    }

    /// The tokens.
    pub fn tokens(&self) -> impl Iterator<Item = &Token> {
        self.tokens.iter().filter_map(|at| self.requests.tokens.get(*at))
    }

    /// The workloads.
    pub fn senders(&self) -> impl Iterator<Item = &Sender> {
        self.senders.iter().filter_map(|at| self.requests.senders.get(*at))
    }

    /// The methods.
    pub fn methods(&self) -> impl Iterator<Item = &str> {
        self.methods.iter().filter_map(|at| self.requests.methods.get(*at).map(String::as_str))
    }

    /// The paths.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().filter_map(|at| self.requests.paths.get(*at).map(String::as_str))
    }
}

type Key = (Answer, Answer);

/// Puts requests together that differ in one thing only, thing after thing. The result covers
/// exactly the cells.
pub(super) fn collapse(cells: Vec<Cell>, requests: &Rc<Requests>) -> Vec<Change> {
    let mut answers: Vec<Key> = Vec::new();
    let mut sets: BTreeSet<(usize, [BTreeSet<usize>; 4])> = BTreeSet::new();
    for cell in cells {
        let key = (cell.before, cell.after);
        let answer = answers.iter().position(|known| *known == key).unwrap_or_else(|| {
            answers.push(key);
            answers.len().saturating_sub(1)
        });
        sets.insert((answer, cell.at.map(|at| BTreeSet::from([at]))));
    }
    // Paths first: rules name those in the greatest number.
    for dimension in (0..4).rev() {
        let mut merged: BTreeMap<(usize, [BTreeSet<usize>; 4]), BTreeSet<usize>> = BTreeMap::new();
        for (answer, mut values) in sets {
            let own = values.get_mut(dimension).map(std::mem::take).unwrap_or_default();
            merged.entry((answer, values)).or_default().extend(own);
        }
        sets = merged
            .into_iter()
            .map(|((answer, mut values), own)| {
                if let Some(value) = values.get_mut(dimension) {
                    *value = own;
                }
                (answer, values)
            })
            .collect();
    }
    sets.into_iter()
        .filter_map(|(answer, [tokens, senders, methods, paths])| {
            let (before, after) = answers.get(answer)?.clone();
            let requests = Rc::clone(requests);
            Some(Change { before, after, requests, tokens, senders, methods, paths })
        })
        .collect()
}
