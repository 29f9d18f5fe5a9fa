//! Two policies at one host: whether one of them admits a request that the other does not.
//!
//! A policy admits a request if its atoms admit every reading of its path; so where the atoms of
//! one policy admit whatever the atoms of the other do, path by path, no request at all is admitted
//! by one alone, however many readings it has. Atom by atom, callers that stand for all
//! ([`super::callers`]), each method that is told apart and each path pattern are compared with
//! what the other policy admits for them ([`super::inclusion`]).
//!
//! What is found missing there is a candidate, no more: it counts once the engine has decided it
//! under both policies.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use super::automaton::Automaton;
use super::callers::{Caller, Surroundings};
use super::example::{Answer, Example, Judge, Token};
use super::examples::other_method;
use super::grants::{Admitted, Grants, admitted, atoms, named, takes_bad_paths};
use super::inclusion::Budget;
use super::literal::{is_literal, is_read_otherwise};
use super::paths::{BAD_PATH, Paths, Why, search};
use super::side::{Atom, Effective, Who};
use super::tables::Tables;
use super::tokens::join;
use super::vocabulary::Vocabulary;
use crate::engine::source::Identities;
use crate::policy::path_pattern::PathPattern;
use crate::policy::{Operation, SourceIdentity};

/// What one question about a path pattern may cost, in states that are looked at.
const MOST_STATES: usize = 400_000;

/// Two policies at one host.
pub struct Group<'q, 'p> {
    tables: &'q Tables<'p>,
    effective: [&'q Effective; 2],
    identities: [&'p SourceIdentity; 2],
    /// The same, as the engine does it.
    recognised: [Option<Identities>; 2],
    judges: [&'q Judge; 2],
    host: &'q str,
    now: u64,
    vocabulary: Vocabulary,
    grants: Grants<'q, 'p>,
    source_texts: Vec<&'p str>,
    automata: RefCell<HashMap<&'p str, Option<Rc<Automaton>>>>,
}

/// What one policy admits beyond the other.
#[derive(Debug, Default)]
pub struct Beyond {
    /// Requests that it admits and the other does not: at least one for each part of what it admits
    /// of which there are some.
    pub found: Vec<Found>,
    /// What could not be decided.
    pub unclear: Vec<Unclear>,
}

/// A request that one policy admits and the other does not, and what it is an example of.
#[derive(Debug, Clone)]
pub struct Found {
    /// Who.
    pub who: Who,
    /// The path pattern; absent: any path.
    pub pattern: Option<String>,
    /// The request, a shortest one.
    pub example: Example,
    /// A path with which it is the same, and which does not end in `/`, where the shortest one does
    /// and there is one.
    pub also: Option<String>,
    /// Where its method stands for every other one: those that the policy which refuses it names.
    pub other_than: Option<Vec<String>>,
    /// What the policy that admits it answers.
    pub admitted: Arc<Answer>,
    /// What the other one answers.
    pub refused: Arc<Answer>,
}

/// A part of what a policy admits that could not be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unclear {
    /// Who.
    pub who: Who,
    /// The method.
    pub method: Option<String>,
    /// The path pattern.
    pub pattern: Option<String>,
    /// Why.
    pub why: Why,
}

impl<'q, 'p> Group<'q, 'p> {
    /// Looks at a host that two policies decide so.
    pub fn new(
        tables: &'q Tables<'p>,
        effective: [&'q Effective; 2],
        identities: [&'p SourceIdentity; 2],
        judges: [&'q Judge; 2],
        host: &'q str,
        now: u64,
    ) -> Self {
        let who = effective.into_iter().flat_map(atoms).map(|atom| atom.who);
        let grants = Grants::new(tables, who);
        let tokens = effective.into_iter().filter_map(|it| it.tokens.as_ref());
        let rules = tokens.flat_map(|tokens| &tokens.jwt_rules);
        let rules = rules.filter_map(|number| tables.jwt_rules.get(*number));
        let mut source_texts: Vec<&str> = grants.sources().collect();
        let trusted = identities.into_iter().filter_map(|it| it.propagated.as_ref());
        source_texts.extend(trusted.flat_map(|it| &it.trusted_sources).map(String::as_str));
        let vocabulary = Vocabulary::new(grants.principals(), rules, source_texts.iter().copied());
        let recognised = identities.map(|it| Identities::new(it.clone()).ok());
        Self {
            tables,
            effective,
            identities,
            recognised,
            judges,
            host,
            now,
            vocabulary,
            grants,
            source_texts,
            automata: RefCell::default(),
        }
    }

    /// What the policy at position `own` admits and the other one does not.
    pub fn beyond(&self, own: usize, budget: &mut Budget) -> Beyond {
        Direction::new(self, own).map(|direction| direction.beyond(budget)).unwrap_or_default()
    }

    /// Whether it is certain that nobody whom the policy at position `own` lets in is one of `who`.
    pub fn nobody(&self, own: usize, who: Who) -> bool {
        let direction = Direction::new(self, own);
        let callers = direction
            .map(|direction| direction.surroundings.callers(who, self.grants.principal(who)));
        callers.is_some_and(|callers| callers.is_ok_and(|all| all.is_empty()))
    }

    /// A pattern ready to be searched.
    fn automaton(&self, pattern: &'p str) -> Option<Rc<Automaton>> {
        let mut automata = self.automata.borrow_mut();
        let made = || PathPattern::parse(pattern).ok().map(|it| Rc::new(Automaton::new(&it)));
        automata.entry(pattern).or_insert_with(made).clone()
    }
}

/// One of the two questions that two policies raise.
struct Direction<'g, 'q, 'p> {
    group: &'g Group<'q, 'p>,
    own: &'q [Atom],
    other: &'q [Atom],
    surroundings: Surroundings<'g, 'p>,
    /// Whether each policy lets paths pass that no rule can judge.
    takes_bad_paths: [bool; 2],
    judges: [&'q Judge; 2],
    /// Whether whoever is let in by the one is let in by the other with the same claims.
    same_tokens: bool,
    /// Answers that were given.
    answers: RefCell<Vec<Arc<Answer>>>,
}

impl<'g, 'q, 'p> Direction<'g, 'q, 'p> {
    fn new(group: &'g Group<'q, 'p>, own: usize) -> Option<Self> {
        let ordered = |pair: [usize; 2]| pair;
        let [own, other] = ordered(if own == 0 { [0, 1] } else { [1, 0] });
        let pick = |at: usize| group.effective.get(at).copied();
        let (own_side, other_side) = (pick(own)?, pick(other)?);
        let identities = [*group.identities.get(own)?, *group.identities.get(other)?];
        let judges = [*group.judges.get(own)?, *group.judges.get(other)?];
        let takes_bad_paths =
            [own_side, other_side].map(|side| takes_bad_paths(atoms(side), group.tables));
        Some(Self {
            group,
            own: atoms(own_side),
            other: atoms(other_side),
            surroundings: Surroundings {
                tables: group.tables,
                vocabulary: &group.vocabulary,
                sources: &group.source_texts,
                tokens: [own_side.tokens.as_ref(), other_side.tokens.as_ref()],
                identities,
                other: group.recognised.get(other)?.as_ref(),
                now: group.now,
            },
            takes_bad_paths,
            judges,
            same_tokens: own_side.tokens == other_side.tokens && identities[0] == identities[1],
            answers: RefCell::default(),
        })
    }

    fn beyond(&self, budget: &mut Budget) -> Beyond {
        let mut beyond = Beyond::default();
        for of_one in self.own.chunk_by(|one, other| one.who == other.who) {
            let Some(who) = of_one.first().map(|atom| atom.who) else { continue };
            let bad_paths = !self.takes_bad_paths[0] || self.takes_bad_paths[1];
            // What stands in both is admitted by both.
            let new = |atom: &&Atom| {
                !(self.same_tokens && bad_paths && self.other.binary_search(atom).is_ok())
            };
            let of_one: Vec<_> = of_one.iter().filter(new).map(|atom| atom.operation).collect();
            if of_one.is_empty() {
                continue;
            }
            match self.surroundings.callers(who, self.group.grants.principal(who)) {
                Ok(callers) => {
                    for caller in &callers {
                        self.caller(who, caller, &of_one, &mut beyond, budget);
                    }
                }
                Err(_) => {
                    let why = Why::Claims;
                    beyond.unclear.push(Unclear { who, method: None, pattern: None, why });
                }
            }
        }
        beyond
    }

    /// Compares what one caller may do.
    fn caller(
        &self,
        who: Who,
        caller: &Caller,
        operations: &[Option<u32>],
        beyond: &mut Beyond,
        budget: &mut Budget,
    ) {
        let granted = self.granted(caller);
        let named = named(&granted);
        let other_method = other_method(&named);
        let mut grants =
            PerMethod { granted: &granted, sets: Vec::new(), of_methods: HashMap::new() };
        let mut known: HashMap<(Option<&'p str>, usize), Paths> = HashMap::new();
        for operation in operations {
            let operation = operation.and_then(|it| self.group.tables.operations.get(it));
            let mut methods: Vec<(&str, Option<&BTreeSet<&str>>)> = Vec::new();
            match operation.and_then(|it| it.methods.as_ref()) {
                Some(own) => methods.extend(own.iter().map(|method| (method.as_str(), None))),
                None => {
                    methods.push((&other_method, Some(&named)));
                    methods.extend(named.iter().map(|method| (*method, None)));
                }
            }
            let patterns: Vec<Option<&'p str>> = match operation.and_then(|it| it.paths.as_ref()) {
                Some(patterns) => patterns.iter().map(|it| Some(it.as_str())).collect(),
                None => vec![None],
            };
            for (method, other_than) in methods.iter().copied() {
                let (number, admitted) = grants.admitted(method);
                for pattern in &patterns {
                    let said = |known: &Found| {
                        known.who == who
                            && known.pattern.as_deref() == *pattern
                            && known.example.method == method
                    };
                    if beyond.found.iter().any(said) {
                        continue;
                    }
                    let mut paths = match admitted.anything {
                        true => Paths::Covered(Rc::default()),
                        false => known
                            .entry((*pattern, number))
                            .or_insert_with(|| self.paths(*pattern, &admitted.patterns, budget))
                            .clone(),
                    };
                    if self.takes_bad_paths[0] && !self.takes_bad_paths[1] {
                        // A path that rules would have to judge, and nobody can.
                        match &mut paths {
                            Paths::Covered(_) => {
                                paths = Paths::Missed(vec![BAD_PATH.to_owned()], None);
                            }
                            Paths::Missed(all, _) | Paths::Unclear(_, all) => {
                                all.push(BAD_PATH.to_owned());
                            }
                        }
                    }
                    let part = Part { who, caller, method, other_than, pattern: *pattern };
                    self.report(&part, paths, beyond);
                }
            }
            self.without_path(who, caller, operation, &mut grants, beyond);
        }
    }

    /// Requests that have no path with segments: OPTIONS with `*`, CONNECT with none (RFC 9110,
    /// sections 7.1 and 9.3.6).
    fn without_path(
        &self,
        who: Who,
        caller: &Caller,
        operation: Option<&'p Operation>,
        grants: &mut PerMethod<'_, 'p, '_>,
        beyond: &mut Beyond,
    ) {
        let methods = operation.and_then(|it| it.methods.as_ref());
        let patterns = operation.and_then(|it| it.paths.as_ref());
        for (method, path, written) in [("OPTIONS", Some("*"), "*"), ("CONNECT", None, "")] {
            let matches = |pattern: &str| {
                PathPattern::parse(pattern).is_ok_and(|pattern| pattern.matches(written))
            };
            if methods.is_some_and(|all| !all.iter().any(|it| it == method))
                || patterns.is_some_and(|all| !all.iter().any(|it| matches(it)))
            {
                continue;
            }
            let (_, admitted) = grants.admitted(method);
            if admitted.anything || admitted.patterns.iter().any(|it| matches(it)) {
                continue;
            }
            let pattern = patterns.and_then(|all| all.iter().find(|it| matches(it)));
            let said = |found: &Found| {
                found.who == who && found.pattern.as_deref() == pattern.map(String::as_str)
            };
            // With other requests of the same part this one is nothing new.
            if beyond.found.iter().any(said) {
                continue;
            }
            let pattern = pattern.map(String::as_str);
            let part = Part { who, caller, method, other_than: None, pattern };
            if let Some(found) = self.confirmed(&part, path.map(str::to_owned)) {
                beyond.found.push(found);
            } else {
                beyond.unclear.push(part.unclear(Why::Unconfirmed));
            }
        }
    }

    /// What the other policy grants a caller; empty where it refuses them.
    fn granted(&self, caller: &Caller) -> Vec<Option<&'p Operation>> {
        let source = self.surroundings.other.map(|it| caller.sender.source(it));
        let seen = self.surroundings.seen(caller);
        self.group.grants.operations(self.other, seen, source.as_ref())
    }

    /// Whether the paths of one pattern, or all, are among those of others.
    fn paths(
        &self,
        pattern: Option<&'p str>,
        others: &BTreeSet<&'p str>,
        budget: &mut Budget,
    ) -> Paths {
        let pattern = pattern.unwrap_or("*");
        if others.contains(pattern) {
            return Paths::Covered(Rc::default());
        }
        let Some(inner) = self.group.automaton(pattern) else {
            return Paths::Unclear(Why::Unconfirmed, Vec::new());
        };
        let outer: Vec<_> = others.iter().filter_map(|it| self.group.automaton(it)).collect();
        let outer: Vec<&Automaton> = outer.iter().map(Rc::as_ref).collect();
        let share = budget.share(MOST_STATES);
        let mut left = share.clone();
        let paths = search(&inner, &outer, &mut left);
        budget.settle(&share, &left);
        paths
    }

    /// Writes down what candidates come to.
    fn report(&self, part: &Part<'_, 'p>, paths: Paths, beyond: &mut Beyond) {
        let (candidates, also, why) = match paths {
            Paths::Covered(_) => return,
            Paths::Missed(candidates, also) => (candidates, also, Why::Unconfirmed),
            Paths::Unclear(why, candidates) => (candidates, None, why),
        };
        let found = candidates.into_iter().find_map(|path| self.confirmed(part, Some(path)));
        match found {
            Some(mut found) => {
                found.also = also
                    .and_then(|path| self.confirmed(part, Some(path)))
                    .and_then(|found| found.example.path);
                beyond.found.push(found);
            }
            None if why == Why::Ambiguous && self.is_of_no_use(part) => {}
            None => beyond.unclear.push(part.unclear(why)),
        }
    }

    /// Whether nobody can make use of the path that only one policy admits.
    fn is_of_no_use(&self, part: &Part<'_, 'p>) -> bool {
        let Some(path) = part.pattern.filter(|pattern| is_literal(pattern)) else { return false };
        let (method, tables) = (part.method, self.group.tables);
        is_read_otherwise(path, method, self.own, tables, |atom| {
            // Who is both of whom the path is admitted and of whom this reading is.
            let grants = &self.group.grants;
            let (own, other) = (grants.principal(part.who), grants.principal(atom.who));
            let both = match (part.who, own, atom.who, other) {
                (Who::Token(_), Some(own), Who::Token(_), Some(other)) => join(own, other),
                (Who::Anyone, _, Who::Token(_), Some(other)) => other.clone(),
                _ => return false,
            };
            let callers = self.surroundings.callers(atom.who, Some(&both));
            callers.is_ok_and(|callers| {
                callers.iter().all(|caller| {
                    let admitted = admitted(&self.granted(caller), method);
                    let matches = |pattern: &&str| {
                        PathPattern::parse(pattern).is_ok_and(|pattern| pattern.matches(path))
                    };
                    admitted.anything || admitted.patterns.iter().any(matches)
                })
            })
        })
    }

    /// A request that the engine decides as was expected, under both policies.
    fn confirmed(&self, part: &Part<'_, 'p>, path: Option<String>) -> Option<Found> {
        let none = [Token::default()];
        let tokens = part.caller.stand.as_ref().map_or(&none[..], |stand| &stand.tokens);
        tokens.iter().find_map(|token| {
            let example = Example {
                host: self.group.host.to_owned(),
                method: part.method.to_owned(),
                path: path.clone(),
                token: token.clone(),
                sender: part.caller.sender.clone(),
            };
            let [admitted, refused] = self.judges.map(|judge| judge.decide(&example));
            (admitted.allowed && !refused.allowed).then(|| Found {
                who: part.who,
                pattern: part.pattern.map(str::to_owned),
                example,
                also: None,
                other_than: part
                    .other_than
                    .map(|named| named.iter().map(|it| (*it).to_owned()).collect()),
                admitted: self.shared(admitted),
                refused: self.shared(refused),
            })
        })
    }

    /// An answer; many requests get the same.
    fn shared(&self, answer: Answer) -> Arc<Answer> {
        let mut answers = self.answers.borrow_mut();
        if let Some(same) = answers.iter().find(|it| ***it == answer) {
            return Arc::clone(same);
        }
        let shared = Arc::new(answer);
        answers.push(Arc::clone(&shared));
        shared
    }
}

/// What is granted, by method: the same for several methods is there once.
struct PerMethod<'g, 'p, 'm> {
    granted: &'g [Option<&'p Operation>],
    sets: Vec<Rc<Admitted<'p>>>,
    of_methods: HashMap<&'m str, usize>,
}

impl<'p, 'm> PerMethod<'_, 'p, 'm> {
    /// What is admitted for a method, and the number of it.
    fn admitted(&mut self, method: &'m str) -> (usize, Rc<Admitted<'p>>) {
        if let Some(number) = self.of_methods.get(method)
            && let Some(set) = self.sets.get(*number)
        {
            return (*number, Rc::clone(set));
        }
        let own = Rc::new(admitted(self.granted, method));
        let number = match self.sets.iter().position(|set| *set == own) {
            Some(number) => number,
            None => {
                self.sets.push(Rc::clone(&own));
                self.sets.len().saturating_sub(1)
            }
        };
        self.of_methods.insert(method, number);
        (number, own)
    }
}

/// A part of what a policy admits.
struct Part<'d, 'p> {
    who: Who,
    caller: &'d Caller,
    method: &'d str,
    other_than: Option<&'d BTreeSet<&'d str>>,
    pattern: Option<&'p str>,
}

impl Part<'_, '_> {
    fn unclear(&self, why: Why) -> Unclear {
        Unclear {
            who: self.who,
            method: Some(self.method.to_owned()),
            pattern: self.pattern.map(str::to_owned),
            why,
        }
    }
}
