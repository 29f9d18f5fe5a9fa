//! The rules of one server taken apart: each part of a rule becomes a rule of its own, so that it
//! can be asked of a part what can be asked of a rule.

use crate::policy::{Operation, Policy, Principal, Rule, Server};

use super::excerpt::without_hosts;
use super::side::pick;

/// Along what rules are taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Along {
    /// Each entry of `from` with all of `to`.
    From,
    /// All of `from` with each path of `to`, or each entry of `to` that names no paths.
    To,
}

/// A part of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The rule as it is: there is nothing to take apart.
    Whole,
    /// An entry of `from`, by its position.
    From(usize),
    /// An entry of `to`, by its position.
    To(usize),
    /// A path of an entry of `to`, by their positions.
    Path {
        /// The entry.
        to: usize,
        /// The path.
        path: usize,
    },
}

/// A policy with one server, whose rules are parts of rules.
#[derive(Debug)]
pub struct Parts {
    /// The policy.
    pub policy: Policy,
    /// What each of the server's rules is: the position of a rule, and a part of it.
    pub of: Vec<(usize, Part)>,
}

/// Takes apart the rules of a server, without those at some positions.
pub fn take_apart(policy: &Policy, server: &Server, without: &[usize], along: Along) -> Parts {
    let mut parts = Parts { policy: alone(policy, server), of: Vec::new() };
    let rules = server.authorization.as_ref().map(|it| it.rules.as_slice()).unwrap_or_default();
    let rules = rules.iter().enumerate().filter(|(position, _)| !without.contains(position));
    for (position, index) in rules {
        let Some(rule) = pick(&policy.rules, *index) else { continue };
        for (part, from, to) in apart(policy, rule, along) {
            parts.add(from, to);
            parts.of.push((position, part));
        }
    }
    let own = parts.policy.servers.first_mut().and_then(|server| server.authorization.as_mut());
    if let Some(authorization) = own {
        authorization.rules = indices(parts.policy.rules.len());
    }
    parts
}

/// A policy with nothing but a server and what it says of tokens.
fn alone(policy: &Policy, server: &Server) -> Policy {
    let mut server = server.clone();
    let mut jwt_rules = Vec::new();
    if let Some(authentication) = &mut server.authentication {
        let named = authentication.jwt.iter().filter_map(|index| pick(&policy.jwt_rules, *index));
        jwt_rules.extend(named.cloned());
        authentication.jwt = indices(jwt_rules.len());
    }
    Policy { jwt_rules, servers: vec![server], ..without_hosts(policy) }
}

/// A part of a rule, and what it lists.
type Listed = (Part, Option<Vec<Principal>>, Option<Vec<Operation>>);

fn apart(policy: &Policy, rule: &Rule, along: Along) -> Vec<Listed> {
    let from = rule.from.as_deref().map(|from| listed(from, &policy.principals));
    let to = rule.to.as_deref().map(|to| listed(to, &policy.operations));
    match (along, from, to) {
        (Along::From, Some(from), to) => {
            let entries = from.into_iter().enumerate();
            entries.map(|(at, one)| (Part::From(at), Some(vec![one]), to.clone())).collect()
        }
        (Along::To, from, Some(to)) => {
            let entries = to.into_iter().enumerate().flat_map(|(at, entry)| of_entry(at, &entry));
            entries.map(|(part, one)| (part, from.clone(), Some(vec![one]))).collect()
        }
        (Along::From | Along::To, from, to) => vec![(Part::Whole, from, to)],
    }
}

fn listed<T: Clone>(indices: &[u32], table: &[T]) -> Vec<T> {
    indices.iter().filter_map(|index| pick(table, *index).cloned()).collect()
}

fn of_entry(to: usize, entry: &Operation) -> Vec<(Part, Operation)> {
    let Some(paths) = &entry.paths else { return vec![(Part::To(to), entry.clone())] };
    let with = |path: &String| Operation {
        methods: entry.methods.clone(),
        paths: Some(vec![path.clone()]),
    };
    let paths = paths.iter().enumerate();
    paths.map(|(path, text)| (Part::Path { to, path }, with(text))).collect()
}

impl Parts {
    fn add(&mut self, from: Option<Vec<Principal>>, to: Option<Vec<Operation>>) {
        let policy = &mut self.policy;
        let from = from.map(|from| put(&mut policy.principals, from));
        let to = to.map(|to| put(&mut policy.operations, to));
        policy.rules.push(Rule { name: String::new(), from, to });
    }
}

/// Adds to a table; what is said are the indices.
fn put<T>(table: &mut Vec<T>, mut entries: Vec<T>) -> Vec<u32> {
    let before = table.len();
    table.append(&mut entries);
    indices(table.len()).split_off(before)
}

fn indices(until: usize) -> Vec<u32> {
    (0..u32::try_from(until).unwrap_or(u32::MAX)).collect()
}
