//! Whether all paths of a pattern are admitted, and if not, which to try.

use std::rc::Rc;

use super::automaton::Automaton;
use super::candidates;
use super::certificate::{Certificate, Entry};
use super::inclusion::{Budget, Inclusion, Scope, inclusion};

/// A path that no server can read.
pub const BAD_PATH: &str = "/100%";

/// Why something could not be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// It would have taken too long.
    Budget,
    /// Only paths that can be read in several ways are left, and none was found that tells the
    /// policies apart.
    Ambiguous,
    /// The claims can be put together in more ways than are tried.
    Claims,
    /// The keys of an issuer differ: which tokens they accept is not told by the policies.
    Keys,
    /// Tokens are bound to workloads, which are recognised otherwise.
    Holders,
    /// A proof did not hold when it was checked once more.
    Unchecked,
    /// No request was found that the engine decides as was expected.
    Unconfirmed,
}

/// The answer about one pattern.
#[derive(Debug, Clone)]
pub enum Paths {
    /// All are admitted: what proves it, as the check of it reads it.
    Covered(Rc<[Entry]>),
    /// These are not: candidates, the best first, and a path beside them that says more.
    Missed(Vec<String>, Option<String>),
    /// It could not be told, or only with these candidates.
    Unclear(Why, Vec<String>),
}

/// Looks for paths of `inner` that `outer` has not: among plain ones first.
pub fn search(inner: &Automaton, outer: &[&Automaton], budget: &mut Budget) -> Paths {
    let missed = match inclusion(inner, outer, Scope::All, budget) {
        Inclusion::Included(pairs) => {
            let rows: Vec<_> = outer.iter().flat_map(|it| it.rows()).collect();
            let entries = inner.entries(&pairs);
            let certificate = Certificate { inner: inner.rows(), outer: &rows, entries: &entries };
            return match certificate.holds() {
                true => Paths::Covered(entries.into()),
                false => Paths::Unclear(Why::Unchecked, Vec::new()),
            };
        }
        Inclusion::Missed(path) if candidates::is_plain(&path) => Inclusion::Missed(path),
        Inclusion::Missed(_) => inclusion(inner, outer, Scope::Plain, budget),
        Inclusion::OutOfBudget => Inclusion::OutOfBudget,
    };
    match missed {
        Inclusion::Missed(path) => {
            let also = match path.ends_with(b"/") {
                true => inclusion(inner, outer, Scope::Named, budget),
                false => Inclusion::Included(Vec::new()),
            };
            let also = match also {
                Inclusion::Missed(path) => text(path),
                Inclusion::Included(_) | Inclusion::OutOfBudget => None,
            };
            Paths::Missed(text(path).into_iter().collect(), also)
        }
        Inclusion::Included(_) => {
            Paths::Unclear(Why::Ambiguous, candidates::ambiguous(inner, outer, budget))
        }
        Inclusion::OutOfBudget => Paths::Unclear(Why::Budget, Vec::new()),
    }
}

/// Looks for a plain path of `inner` that `outer` has not.
pub fn search_plain(inner: &Automaton, outer: &[&Automaton], budget: &mut Budget) -> Paths {
    match inclusion(inner, outer, Scope::Plain, budget) {
        Inclusion::Included(pairs) => Paths::Covered(inner.entries(&pairs).into()),
        Inclusion::Missed(path) => Paths::Missed(text(path).into_iter().collect(), None),
        Inclusion::OutOfBudget => Paths::Unclear(Why::Budget, Vec::new()),
    }
}

fn text(path: Vec<u8>) -> Option<String> {
    String::from_utf8(path).ok()
}
