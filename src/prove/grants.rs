//! What a policy grants one caller at one host, and of that what is for one method.

use std::collections::{BTreeSet, HashMap};

use super::callers::Seen;
use super::side::{Access, Atom, Effective, Who};
use super::tables::Tables;
use crate::engine::Principal;
use crate::engine::source::{Source, SourcePattern};
use crate::policy::Operation;

/// Who the atoms of a question are about, as the engine matches them.
pub struct Grants<'q, 'p> {
    tables: &'q Tables<'p>,
    principals: HashMap<u32, Principal>,
    sources: HashMap<u32, SourcePattern>,
}

/// The atoms of what rules admit.
pub fn atoms(effective: &Effective) -> &[Atom] {
    const ANYTHING: &[Atom] = &[Atom { who: Who::Anyone, operation: None }];
    match &effective.access {
        Access::Everything => ANYTHING,
        Access::Nothing => &[],
        Access::Rules(atoms) => atoms,
    }
}

/// Whether atoms let paths pass that no rule can judge: none of them looks at paths.
pub fn takes_bad_paths(atoms: &[Atom], tables: &Tables<'_>) -> bool {
    let looks = |atom: &Atom| {
        let operation = atom.operation.and_then(|it| tables.operations.get(it));
        operation.is_some_and(|it| it.paths.is_some())
    };
    !atoms.iter().any(looks)
}

impl<'q, 'p> Grants<'q, 'p> {
    /// Compiles whoever these are about.
    pub fn new(tables: &'q Tables<'p>, who: impl Iterator<Item = Who>) -> Self {
        let (mut principals, mut sources) = (HashMap::new(), HashMap::new());
        for who in who {
            match who {
                Who::Anyone => {}
                Who::Token(number) => {
                    if let Some(principal) = tables.principal(number) {
                        principals.entry(number).or_insert(principal);
                    }
                }
                Who::Workload(number, _) => {
                    if let Some(source) = tables.source(number) {
                        sources.entry(number).or_insert(source);
                    }
                }
            }
        }
        Self { tables, principals, sources }
    }

    /// The principal of an atom.
    pub fn principal(&self, who: Who) -> Option<&Principal> {
        match who {
            Who::Token(number) => self.principals.get(&number),
            Who::Anyone | Who::Workload(..) => None,
        }
    }

    /// All principals.
    pub fn principals(&self) -> impl Iterator<Item = &Principal> + Clone {
        self.principals.values()
    }

    /// All sources, as they are written.
    pub fn sources(&self) -> impl Iterator<Item = &'p str> {
        self.sources.keys().filter_map(|number| self.tables.sources.get(*number))
    }

    /// What atoms grant a caller whose token is seen so, and who stands behind a request so; nothing
    /// where the token is refused.
    pub fn operations(
        &self,
        atoms: &[Atom],
        seen: Seen<'_>,
        source: Option<&Source>,
    ) -> Vec<Option<&'p Operation>> {
        if seen == Seen::Refused {
            return Vec::new();
        }
        let is_one = |who: Who| match who {
            Who::Anyone => true,
            Who::Token(number) => match (self.principals.get(&number), seen) {
                (Some(principal), Seen::Claims(claims)) => principal.matches(claims),
                _ => false,
            },
            Who::Workload(number, identity) => {
                let pattern = self.sources.get(&number);
                pattern.zip(source).is_some_and(|(pattern, source)| {
                    source.identities(identity).any(|workload| pattern.matches(workload))
                })
            }
        };
        let granted = atoms.chunk_by(|one, other| one.who == other.who);
        let granted = granted.filter(|of_one| of_one.first().is_some_and(|it| is_one(it.who)));
        let operations = granted.flatten().map(|atom| match atom.operation {
            None => None,
            Some(number) => self.tables.operations.get(number),
        });
        operations.collect()
    }
}

/// The methods that operations name.
pub fn named<'p>(granted: &[Option<&'p Operation>]) -> BTreeSet<&'p str> {
    let methods = granted.iter().flatten().filter_map(|operation| operation.methods.as_ref());
    methods.flatten().map(String::as_str).collect()
}

/// What is admitted for one method.
#[derive(Debug, PartialEq, Eq)]
pub struct Admitted<'p> {
    /// Whether every path is.
    pub anything: bool,
    /// Those of these patterns are.
    pub patterns: BTreeSet<&'p str>,
}

/// What of all that is granted is for this method.
pub fn admitted<'p>(granted: &[Option<&'p Operation>], method: &str) -> Admitted<'p> {
    let mut admitted = Admitted { anything: false, patterns: BTreeSet::new() };
    for operation in granted {
        let methods = operation.and_then(|it| it.methods.as_ref());
        if methods.is_some_and(|all| !all.iter().any(|it| it == method)) {
            continue;
        }
        match operation.and_then(|it| it.paths.as_ref()) {
            None => admitted.anything = true,
            Some(patterns) => admitted.patterns.extend(patterns.iter().map(String::as_str)),
        }
    }
    admitted
}
