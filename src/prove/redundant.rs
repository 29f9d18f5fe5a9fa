//! Rules that admit nothing which the others of their host do not admit, and principals that no token
//! matches.

use super::example::Judge;
use super::grants::takes_bad_paths;
use super::group::Group;
use super::inclusion::Budget;
use super::side::{Access, Atom, Effective, Tokens, View, Who};
use super::tables::Tables;
use crate::engine::PolicyError;
use crate::policy::{EgressHost, Policy, Server};

/// What looking at one host may cost, in states of patterns that are looked at.
const MOST_STATES: usize = 2_000_000;
/// Rules of which those are looked for that are enough.
const MOST_NAMED: usize = 24;
/// A time like any other: no rule depends on it, as all judge the same tokens.
const NOW: u64 = 1_700_000_000;

/// A rule that admits nothing which others do not admit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redundant {
    /// Its position among the rules of its host.
    pub rule: usize,
    /// The positions of those that admit all of it together; none of them could be left out.
    pub by: Vec<usize>,
    /// Whether it is the only one that looks at paths, so that without it paths pass that no server
    /// can read.
    pub refuses_unreadable: bool,
}

/// Looks for such rules of one policy.
#[derive(Debug)]
pub struct Finder<'p> {
    tables: Tables<'p>,
    view: View<'p>,
    judge: Judge,
}

impl<'p> Finder<'p> {
    /// Looks at a policy.
    ///
    /// # Errors
    /// When it is not sound.
    pub fn new(policy: &'p Policy) -> Result<Self, PolicyError> {
        let judge = Judge::new(policy, NOW)?;
        let mut tables = Tables::default();
        let view = View::new(policy, &mut tables);
        Ok(Self { tables, view, judge })
    }

    /// The policy.
    pub fn policy(&self) -> &'p Policy {
        self.view.policy()
    }

    /// Those of a server's authorization, the last first.
    pub fn of_server(&self, server: &Server) -> Vec<Redundant> {
        let rules = server.authorization.as_ref().map(|it| it.rules.as_slice());
        let rules = rules.unwrap_or_default().iter().map(|rule| self.view.atoms_of_rule(*rule));
        let tokens = self.view.tokens_of(server);
        self.redundant(tokens.as_ref(), &rules.collect::<Vec<_>>())
    }

    /// Those of a host of `egressAuthorization`, the last first.
    pub fn of_egress_host(&self, host: &EgressHost) -> Vec<Redundant> {
        let server = self.view.server(&host.hostname);
        let tokens = server.and_then(|server| self.view.tokens_of(server));
        let rules = host.rules.iter().map(|rule| self.view.atoms_of_entry(*rule));
        self.redundant(tokens.as_ref(), &rules.collect::<Vec<_>>())
    }

    /// Entries of `from` that no token matches which the server accepts, by the positions of their rule
    /// and of the entry; of servers that look for tokens.
    pub fn unmatched(&self, server: &Server) -> Vec<(usize, usize)> {
        let rules = server.authorization.as_ref().map(|it| it.rules.as_slice()).unwrap_or_default();
        let Some(tokens) = self.view.tokens_of(server) else { return Vec::new() };
        let who: Vec<Vec<Who>> =
            rules.iter().map(|rule| self.view.principals_of_rule(*rule)).collect();
        let atoms = who.iter().flatten().map(|who| Atom { who: *who, operation: None }).collect();
        let side = Effective { tokens: Some(tokens), access: Access::Rules(atoms) };
        let group = self.compared([&side, &side]);
        let of_rule = |(rule, who): (usize, &Vec<Who>)| -> Vec<(usize, usize)> {
            let unmatched = who.iter().enumerate().filter(|(_, who)| group.nobody(0, **who));
            unmatched.map(|(entry, _)| (rule, entry)).collect()
        };
        who.iter().enumerate().flat_map(of_rule).collect()
    }

    /// Two ways to decide for one host.
    fn compared<'s>(&'s self, sides: [&'s Effective; 2]) -> Group<'s, 'p> {
        let identity = self.view.identity();
        let judges = [&self.judge, &self.judge];
        // No candidate is ever confirmed: only what is proved counts.
        let host = "any-host.example";
        Group::new(&self.tables, sides, [identity, identity], judges, host, NOW)
    }

    fn redundant(&self, tokens: Option<&Tokens>, rules: &[&[Atom]]) -> Vec<Redundant> {
        let mut budget = Budget::new(MOST_STATES);
        let mut left: Vec<usize> = (0..rules.len()).collect();
        let mut found = Vec::new();
        for rule in (0..rules.len()).rev() {
            let others: Vec<_> = left.iter().copied().filter(|other| *other != rule).collect();
            if !self.admit_all(rule, &others, tokens, rules, &mut budget) {
                continue;
            }
            let mut by = others.clone();
            for other in others.iter().filter(|_| others.len() <= MOST_NAMED) {
                let fewer: Vec<_> = by.iter().copied().filter(|it| it != other).collect();
                if self.admit_all(rule, &fewer, tokens, rules, &mut budget) {
                    by = fewer;
                }
            }
            let refuses_unreadable = takes_bad_paths(&atoms_of(&others, rules), &self.tables)
                && !takes_bad_paths(rules.get(rule).copied().unwrap_or_default(), &self.tables);
            found.push(Redundant { rule, by, refuses_unreadable });
            left.retain(|other| *other != rule);
        }
        found
    }

    /// Whether it is certain that other rules admit all that one does.
    fn admit_all(
        &self,
        rule: usize,
        others: &[usize],
        tokens: Option<&Tokens>,
        rules: &[&[Atom]],
        budget: &mut Budget,
    ) -> bool {
        if others.is_empty() {
            return false;
        }
        let both: Vec<_> = others.iter().copied().chain([rule]).collect();
        let sides = [others, &both[..]].map(|of| Effective {
            tokens: tokens.cloned(),
            access: Access::Rules(atoms_of(of, rules)),
        });
        let beyond = self.compared(sides.each_ref()).beyond(1, budget);
        beyond.found.is_empty() && beyond.unclear.is_empty()
    }
}

/// What some of the rules admit together.
fn atoms_of(of: &[usize], rules: &[&[Atom]]) -> Vec<Atom> {
    let atoms = of.iter().filter_map(|at| rules.get(*at));
    let mut atoms: Vec<_> = atoms.copied().flatten().copied().collect();
    atoms.sort_unstable();
    atoms.dedup();
    atoms
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::policy;
    use super::*;

    /// The rules of which nothing is needed, and what admits all of each.
    fn found(rules: &Value) -> Vec<(usize, Vec<usize>)> {
        let policy = policy(rules);
        let found = Finder::new(&policy).unwrap().of_server(&policy.servers[0]);
        found.into_iter().map(|it| (it.rule, it.by)).collect()
    }

    #[test]
    fn rules_that_others_admit_together_are_found() {
        let paths = |all: &[&str]| json!({ "to": [{ "paths": all }] });
        let table = [
            (json!([paths(&["/v1/{**}"]), paths(&["/v1/payments/*"])]), vec![(1, vec![0])]),
            (json!([paths(&["/{*}/items"]), paths(&["/v1/items"])]), vec![(1, vec![0])]),
            (json!([paths(&["*.json"]), paths(&["/a.json"])]), vec![(1, vec![0])]),
            (json!([paths(&["/a*b"]), paths(&["/axb"])]), vec![(1, vec![0])]),
            (json!([paths(&["/a"]), paths(&["/a/*"]), paths(&["/a/{**}"])]), vec![(2, vec![0, 1])]),
            (
                json!([paths(&["/a/{**}"]), paths(&["/a/*"]), paths(&["/a"])]),
                vec![(2, vec![0]), (1, vec![0])],
            ),
            (
                json!([
                    { "to": [{ "methods": ["GET"] }] }, { "to": [{ "methods": ["POST"] }] },
                    { "from": [{ "sub": "a" }], "to": [{ "methods": ["GET", "POST"], "paths": ["/x"] }] },
                ]),
                vec![(2, vec![0, 1])],
            ),
            (
                json!([
                    { "from": [{ "sub": "a*" }] }, { "from": [{ "sub": "b*" }] },
                    { "from": [{ "sub": "a1" }, { "sub": "b1" }] },
                ]),
                vec![(2, vec![0, 1])],
            ),
            (json!([paths(&["/a"]), paths(&["/b"])]), vec![]),
            (json!([paths(&["/a//b"]), paths(&["/a/b"])]), vec![]),
            (json!([{ "from": [{ "sub": "a*" }] }, { "from": [{ "sub": "*a" }] }]), vec![]),
        ];
        for (rules, expected) in table {
            assert_eq!(found(&rules), expected, "{rules}");
        }
    }

    /// The only rule that looks at paths is needed for those that nobody can read.
    #[test]
    fn what_refuses_unreadable_paths_is_known() {
        let rules = json!([
            { "to": [{ "methods": ["GET"] }] },
            { "to": [{ "methods": ["GET"], "paths": ["/x"] }] },
        ]);
        let policy = policy(&rules);
        let found = Finder::new(&policy).unwrap().of_server(&policy.servers[0]);
        assert_eq!(found, [Redundant { rule: 1, by: vec![0], refuses_unreadable: true }]);
    }
}
