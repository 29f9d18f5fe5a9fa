//! What one policy grants and the other does not, in parts that are as large as can be.

use std::collections::{BTreeMap, BTreeSet};

use super::effective::{Atom, Who};

/// Every combination of who, method and path that is told apart; rules with more are taken as
/// they stand.
const MOST_GRANTS: usize = 200_000;

/// Everything that comes of every combination of these. `None` is any method, or any path.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part<'p> {
    /// Who.
    pub who: BTreeSet<&'p Who<'p>>,
    /// Methods.
    pub methods: BTreeSet<Option<&'p str>>,
    /// Path patterns.
    pub paths: BTreeSet<Option<&'p str>>,
}

impl<'p> Part<'p> {
    /// Everything that the atoms name, together.
    pub fn of(atoms: impl IntoIterator<Item = &'p Atom<'p>>) -> Self {
        let mut part = Self::default();
        for atom in atoms {
            let (methods, paths) = lists(atom);
            part.who.insert(&atom.who);
            part.methods.extend(methods);
            part.paths.extend(paths);
        }
        part
    }

    /// Its methods that rules name.
    pub fn named_methods(&self) -> BTreeSet<&'p str> {
        self.methods.iter().copied().flatten().collect()
    }

    /// Its path patterns.
    pub fn named_paths(&self) -> BTreeSet<&'p str> {
        self.paths.iter().copied().flatten().collect()
    }
}

/// The methods and the path patterns of an atom.
fn lists<'p>(atom: &Atom<'p>) -> (Vec<Option<&'p str>>, Vec<Option<&'p str>>) {
    let list = |list: Option<&'p Vec<String>>| match list {
        None => vec![None],
        Some(list) => list.iter().map(|text| Some(text.as_str())).collect(),
    };
    let operation = atom.operation;
    (
        list(operation.and_then(|it| it.methods.as_ref())),
        list(operation.and_then(|it| it.paths.as_ref())),
    )
}

type Grant<'p> = (&'p Who<'p>, Option<&'p str>, Option<&'p str>);

/// Every combination that the atoms grant; nothing where there are too many to tell apart.
fn grants<'p>(atoms: &BTreeSet<&'p Atom<'p>>) -> Option<BTreeSet<Grant<'p>>> {
    let mut grants = BTreeSet::new();
    for atom in atoms {
        let (methods, paths) = lists(atom);
        for path in &paths {
            grants.extend(methods.iter().map(|method| (&atom.who, *path, *method)));
            if grants.len() > MOST_GRANTS {
                return None;
            }
        }
    }
    Some(grants)
}

/// What only one of two lists of rules grants: a request that only one of them admits is of one
/// of these parts.
pub fn differing<'p>(
    before: &BTreeSet<&'p Atom<'p>>,
    after: &BTreeSet<&'p Atom<'p>>,
) -> BTreeSet<Part<'p>> {
    let (Some(old), Some(new)) = (grants(before), grants(after)) else {
        return before.symmetric_difference(after).map(|atom| Part::of([*atom])).collect();
    };
    let mut methods: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (who, path, method) in old.symmetric_difference(&new) {
        methods.entry((*who, *path)).or_default().insert(*method);
    }
    let mut paths: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for ((who, path), methods) in methods {
        paths.entry((who, methods)).or_default().insert(path);
    }
    let mut who: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for ((one, methods), paths) in paths {
        who.entry((methods, paths)).or_default().insert(one);
    }
    who.into_iter().map(|((methods, paths), who)| Part { who, methods, paths }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Operation;

    fn operation(methods: &[&str], paths: &[&str]) -> Operation {
        let list = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect());
        Operation { methods: list(methods), paths: list(paths) }
    }

    #[test]
    fn of_long_lists_only_what_changed_is_a_part() {
        let old = operation(&["GET", "PUT"], &["/a", "/b"]);
        let new = operation(&["GET", "PUT"], &["/a", "/b", "/c"]);
        let atoms = |operation| [Atom { who: Who::Anyone, operation: Some(operation) }];
        let (old, new) = (atoms(&old), atoms(&new));
        let parts = differing(&old.iter().collect(), &new.iter().collect());
        let expected = Part {
            who: BTreeSet::from([&Who::Anyone]),
            methods: BTreeSet::from([Some("GET"), Some("PUT")]),
            paths: BTreeSet::from([Some("/c")]),
        };
        assert_eq!(parts, BTreeSet::from([expected]));
        // The same, said otherwise.
        let split = [operation(&["GET"], &["/a", "/b"]), operation(&["PUT"], &["/b", "/a"])];
        let split = [&split[0], &split[1]].map(|it| Atom { who: Who::Anyone, operation: Some(it) });
        assert!(differing(&old.iter().collect(), &split.iter().collect()).is_empty());
    }
}
