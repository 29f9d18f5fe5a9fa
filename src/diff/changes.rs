//! Requests that became allowed or denied, those that are alike together.

use std::collections::{BTreeMap, BTreeSet};

use super::Undecided;
use crate::policy::Principal;
use crate::prove::example::{Answer, Example, Sender, Token};
use crate::prove::group::{Beyond, Found};
use crate::prove::side::Who;
use crate::prove::tables::Tables;

/// Requests with one answer before and one after. Every combination of these tokens, senders,
/// methods and paths is such a request; callers and patterns say of what they are examples.
#[derive(Debug, Clone)]
pub struct Change {
    /// Whether they became allowed; otherwise denied.
    pub allowed: bool,
    /// What was answered.
    pub before: Answer,
    /// What is answered.
    pub after: Answer,
    /// Who makes them, as rules say it.
    pub callers: Vec<String>,
    /// Tokens of theirs.
    pub tokens: Vec<Token>,
    /// Workloads of theirs.
    pub senders: Vec<Sender>,
    /// The methods.
    pub methods: Vec<Method>,
    /// The paths.
    pub paths: Vec<Path>,
    /// A shortest one of these requests, and one whose path does not end in `/`.
    pub examples: Vec<Example>,
}

/// A method of a change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Method {
    /// The method.
    pub name: String,
    /// Where it stands for every other one: those that it is told apart from.
    pub other_than: Option<Vec<String>>,
}

/// A path of a change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path {
    /// The path pattern of which it is an example; absent: any path.
    pub pattern: Option<String>,
    /// The path; absent where there is none, as with CONNECT.
    pub example: Option<String>,
    /// Another one that does not end in `/`, where the first does.
    pub also: Option<String>,
}

impl Change {
    /// The methods in words.
    pub fn say_methods(&self) -> String {
        let names: Vec<_> = self.methods.iter().map(|method| method.name.as_str()).collect();
        let mut others = self.methods.iter().filter_map(|method| method.other_than.as_ref());
        let Some(other_than) = others.next() else { return names.join(", ") };
        let but: Vec<_> = other_than
            .iter()
            .map(String::as_str)
            .filter(|method| !names.contains(method))
            .collect();
        match but.is_empty() {
            true => "any method".to_owned(),
            false => format!("any but {}", but.join(", ")),
        }
    }

    /// The paths as rules say them, each once.
    pub fn say_paths(&self) -> Vec<&str> {
        let said = self.paths.iter().map(|path| path.pattern.as_deref().unwrap_or("any path"));
        said.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// The positions of a request's token, sender, method and path.
type Cell = [usize; 4];

/// What is different things in the requests of one direction.
#[derive(Default)]
struct Values {
    tokens: Vec<Token>,
    senders: Vec<Sender>,
    methods: Vec<Method>,
    paths: Vec<Path>,
}

fn position<T: PartialEq>(list: &mut Vec<T>, value: T) -> usize {
    list.iter().position(|known| *known == value).unwrap_or_else(|| {
        list.push(value);
        list.len().saturating_sub(1)
    })
}

impl Values {
    fn cell(&mut self, found: &Found) -> Cell {
        let (method, other_than) = (found.example.method.clone(), found.other_than.clone());
        let (also, example) = (found.also.clone(), found.example.path.clone());
        let pattern = found.pattern.clone();
        [
            position(&mut self.tokens, found.example.token.clone()),
            position(&mut self.senders, found.example.sender.clone()),
            position(&mut self.methods, Method { name: method, other_than }),
            position(&mut self.paths, Path { pattern, example, also }),
        ]
    }
}

/// What was found in one direction, what is alike together.
pub(super) fn changes(
    beyond: &Beyond,
    gained: bool,
    looks_at_tokens: bool,
    tables: &Tables<'_>,
) -> Vec<Change> {
    let mut values = Values::default();
    let mut answers: Vec<[Answer; 2]> = Vec::new();
    // For each pair of answers its cells.
    let mut cells: BTreeSet<(usize, [BTreeSet<usize>; 4])> = BTreeSet::new();
    let mut found_at: BTreeMap<(usize, Cell), &Found> = BTreeMap::new();
    for found in &beyond.found {
        let key = [&found.admitted, &found.refused].map(|answer| Answer {
            rule: None,
            server: None,
            ..Answer::clone(answer)
        });
        let answer = position(&mut answers, key);
        let cell = values.cell(found);
        cells.insert((answer, cell.map(|at| BTreeSet::from([at]))));
        found_at.entry((answer, cell)).or_insert(found);
    }
    collapse(&mut cells);
    let mut changes: Vec<_> = cells
        .into_iter()
        .filter_map(|(answer, sets)| {
            let inside = |cell: &Cell| sets.iter().zip(cell).all(|(set, at)| set.contains(at));
            let of_change = found_at.iter().filter(|((at, cell), _)| *at == answer && inside(cell));
            let of_change: Vec<&Found> = of_change.map(|(_, found)| *found).collect();
            let shortest = of_change.iter().min_by_key(|found| {
                (found.example.path.as_ref().map_or(0, String::len), &found.example.method)
            })?;
            let mut callers: Vec<String> = Vec::new();
            for found in &of_change {
                let caller = caller(found.who, Some(&found.example), looks_at_tokens, tables);
                if !callers.contains(&caller) {
                    callers.push(caller);
                }
            }
            let [admitted, refused] =
                [&shortest.admitted, &shortest.refused].map(|answer| Answer::clone(answer));
            let also = shortest
                .also
                .as_ref()
                .map(|path| Example { path: Some(path.clone()), ..shortest.example.clone() });
            let [before, after] = if gained { [refused, admitted] } else { [admitted, refused] };
            let [tokens, senders, methods, paths] = sets;
            Some(Change {
                allowed: gained,
                before,
                after,
                callers,
                tokens: at(&tokens, &values.tokens),
                senders: at(&senders, &values.senders),
                methods: sorted(at(&methods, &values.methods)),
                paths: sorted(at(&paths, &values.paths)),
                examples: std::iter::once(shortest.example.clone()).chain(also).collect(),
            })
        })
        .collect();
    changes.sort_by_key(|change| {
        let example = change.examples.first();
        example.and_then(|it| it.path.as_ref()).map_or(0, String::len)
    });
    changes
}

fn at<T: Clone>(positions: &BTreeSet<usize>, values: &[T]) -> Vec<T> {
    positions.iter().filter_map(|at| values.get(*at).cloned()).collect()
}

fn sorted<T: Ord>(mut values: Vec<T>) -> Vec<T> {
    values.sort();
    values
}

/// Puts requests together that differ in one thing only, thing after thing. The result covers
/// exactly the cells.
fn collapse(sets: &mut BTreeSet<(usize, [BTreeSet<usize>; 4])>) {
    // Paths first: rules name those in the greatest number.
    for dimension in (0..4).rev() {
        let mut merged: BTreeMap<(usize, [BTreeSet<usize>; 4]), BTreeSet<usize>> = BTreeMap::new();
        for (answer, mut values) in std::mem::take(sets) {
            let own = values.get_mut(dimension).map(std::mem::take).unwrap_or_default();
            merged.entry((answer, values)).or_default().extend(own);
        }
        sets.extend(merged.into_iter().map(|((answer, mut values), own)| {
            if let Some(value) = values.get_mut(dimension) {
                *value = own;
            }
            (answer, values)
        }));
    }
}

/// What could not be told in one direction.
pub(super) fn unclear(beyond: &Beyond, gained: bool, tables: &Tables<'_>) -> Vec<Undecided> {
    let said = beyond.unclear.iter().map(|unclear| Undecided {
        gained,
        who: caller(unclear.who, None, false, tables),
        method: unclear.method.clone(),
        pattern: unclear.pattern.clone(),
        why: unclear.why,
    });
    said.collect()
}

/// Who makes a request, as rules say it.
fn caller(
    who: Who,
    example: Option<&Example>,
    looks_at_tokens: bool,
    tables: &Tables<'_>,
) -> String {
    let token = example.and_then(|example| example.token.as_map());
    match who {
        Who::Token(number) => match tables.principals.get(number) {
            Some(principal) => say_principal(principal),
            None => "any token".to_owned(),
        },
        Who::Workload(number, _) => {
            let source = tables.sources.get(number).unwrap_or_default();
            match token {
                Some(_) => format!("from {source} with any token"),
                None => format!("from {source}"),
            }
        }
        Who::Anyone => match token.and_then(|token| token.get("iss")?.as_str()) {
            Some(issuer) => format!("any token of {issuer}"),
            None if looks_at_tokens && example.is_some() => "no token".to_owned(),
            None => "anyone".to_owned(),
        },
    }
}

/// A principal, as a rule writes it.
fn say_principal(principal: &Principal) -> String {
    let named = [("sub", &principal.sub), ("iss", &principal.iss)];
    let named = named.into_iter().filter_map(|(name, pattern)| Some((name, pattern.as_deref()?)));
    let other = principal.other.iter().map(|(name, pattern)| (name.as_str(), pattern.as_str()));
    let said: Vec<_> = named.chain(other).map(|(name, it)| format!("{name}={it}")).collect();
    if said.is_empty() { "any token".to_owned() } else { said.join(" ") }
}
