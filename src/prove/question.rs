//! A guarantee at one host: callers that stand for all, paths that are searched, and requests that
//! the engine decides.

use std::collections::BTreeSet;

use super::automaton::Automaton;
use super::callers::{Caller, bound};
use super::example::{Example, Token};
use super::examples::other_method;
use super::grants::{Grants, atoms};
use super::guarantee::{Doubt, Prover, Refutation, Run};
use super::holders::Asked;
use super::inclusion::Budget;
use super::paths::{Paths, Why, search, search_plain};
use super::region::Compiled;
use super::senders::senders;
use super::side::Effective;
use super::tokens::{Bounds, Stand, TooMany, stands};
use super::vocabulary::Vocabulary;
use crate::engine::Principal;
use crate::policy::path_pattern::PathPattern;
use crate::policy::{CertificateBound, IdentityMatch, JwksSource, JwtRule};

/// What one question about a path pattern may cost, in states of patterns that are looked at.
const MOST_STATES_OF_ONE: usize = 400_000;
/// Doubts that are told of one guarantee; more say nothing new.
const MOST_DOUBTS: usize = 100;

/// A guarantee at one host.
pub(super) struct Question<'q> {
    pub(super) prover: &'q Prover<'q>,
    pub(super) host: &'q str,
    pub(super) effective: &'q Effective,
    pub(super) area: &'q Compiled<'q>,
    pub(super) except: Option<&'q Compiled<'q>>,
    pub(super) vocabulary: Vocabulary,
    pub(super) grants: Grants<'q, 'q>,
    pub(super) sources: Vec<&'q str>,
}

impl<'q> Question<'q> {
    pub(super) fn new(
        prover: &'q Prover<'q>,
        host: &'q str,
        effective: &'q Effective,
        area: &'q Compiled<'q>,
        except: Option<&'q Compiled<'q>>,
    ) -> Self {
        let tables = &prover.tables;
        let grants = Grants::new(tables, atoms(effective).iter().map(|atom| atom.who));
        let areas = || std::iter::once(area).chain(except);
        let principals: Vec<&Principal> = grants
            .principals()
            .chain(areas().filter_map(|it| it.tokens.as_ref()).flatten())
            .collect();
        let rules = effective.tokens.iter().flat_map(|tokens| &tokens.jwt_rules);
        let rules = rules.filter_map(|number| tables.jwt_rules.get(*number));
        let mut sources: Vec<&str> = grants.sources().collect();
        let workloads = areas().filter_map(|it| it.area.workloads.as_ref()).flatten();
        sources.extend(workloads.map(String::as_str));
        let trusted = prover.view.identity().propagated.as_ref();
        sources.extend(trusted.iter().flat_map(|it| &it.trusted_sources).map(String::as_str));
        let vocabulary =
            Vocabulary::new(principals.iter().copied(), rules, sources.iter().copied());
        Self { prover, host, effective, area, except, vocabulary, grants, sources }
    }

    pub(super) fn with_senders(
        &self,
        wanted: &[(&str, IdentityMatch)],
        tokens: &[Option<Stand>],
    ) -> Result<Vec<Caller>, TooMany> {
        let identity = self.prover.view.identity();
        let senders = senders(wanted, [identity, identity], &self.sources)?;
        let all = senders.into_iter().flat_map(|sender| {
            let with = |stand: &Option<Stand>| Caller::new(stand.clone(), &sender);
            tokens.iter().map(with).collect::<Vec<_>>()
        });
        Ok(all.collect())
    }

    /// Callers with tokens that stand for all that are accepted and match a principal.
    pub(super) fn accepted(
        &self,
        principal: Option<&Principal>,
        wanted: &[(&str, IdentityMatch)],
    ) -> Result<Vec<Caller>, TooMany> {
        let numbers = self.effective.tokens.iter().flat_map(|tokens| &tokens.jwt_rules);
        let rules = numbers.filter_map(|number| self.prover.tables.jwt_rules.get(*number));
        let identity = self.prover.view.identity();
        let (identities, sources) = ([identity, identity], &self.sources[..]);
        let asked = Asked { wanted, identities, sources, vocabulary: &self.vocabulary };
        let mut unbound = Vec::new();
        let mut callers = Vec::new();
        for rule in rules {
            let bounds = Bounds::new(rule, Vec::new(), self.prover.now);
            match rule.workload_bound {
                None => {
                    let stands = stands(principal, &bounds, &self.vocabulary)?;
                    unbound.extend(stands.into_iter().map(Some));
                }
                Some(_) => callers.extend(bound(principal, &bounds, asked)?),
            }
        }
        let mut all = self.with_senders(wanted, &unbound)?;
        all.append(&mut callers);
        Ok(all)
    }

    /// Tokens that stand for all that match a principal, where nobody judges them.
    pub(super) fn unjudged(&self, principal: &Principal) -> Result<Vec<Stand>, TooMany> {
        let of_other = principal.other.iter().filter(|claim| claim.path.literal() == "iss");
        let patterns = principal.iss.iter().chain(of_other.map(|claim| &claim.pattern));
        let Some(issuer) = self.vocabulary.fresh.least(patterns) else { return Ok(Vec::new()) };
        let rule = JwtRule {
            issuer,
            audiences: Vec::new(),
            jwks: JwksSource::Inline(String::new()),
            from_headers: Vec::new(),
            from_cookies: Vec::new(),
            from_params: Vec::new(),
            output_payload_to_header: None,
            output_claim_to_headers: Vec::new(),
            forward_original_token: false,
            clock_skew_seconds: 0,
            require_expiration: false,
            max_lifetime_seconds: None,
            token_types: None,
            required_claims: Vec::new(),
            certificate_bound: CertificateBound::Ignored,
            workload_bound: None,
        };
        let bounds = Bounds::new(&rule, Vec::new(), self.prover.now);
        stands(Some(principal), &bounds, &self.vocabulary)
    }

    /// What the region leaves out for a caller.
    pub(super) fn left_out(&self, caller: &Caller) -> Option<&'q Compiled<'q>> {
        let claims = caller.stand.as_ref().and_then(|stand| stand.compared.claims());
        let source = caller.sender.source(&self.prover.identities);
        self.except.filter(|except| except.has_caller(claims, Some(&source)))
    }

    /// The paths that two patterns have both, against others; an absent pattern has all.
    pub(super) fn paths(
        &self,
        [one, other]: [Option<&String>; 2],
        outer: &BTreeSet<&str>,
        run: &mut Run,
    ) -> Paths {
        let inner = match (one.and_then(|it| automaton(it)), other.and_then(|it| automaton(it))) {
            (Some(one), Some(other)) => Automaton::both(&one, &other),
            (one, other) => one.or(other).or_else(|| automaton("*")),
        };
        // Only what two long patterns have in common is too large.
        let Some(inner) = inner else { return Paths::Unclear(Why::Budget, Vec::new()) };
        let outer: Vec<_> = outer.iter().filter_map(|it| automaton(it)).collect();
        let outer: Vec<&Automaton> = outer.iter().collect();
        let share = run.budget.share(MOST_STATES_OF_ONE);
        let mut left = share.clone();
        let paths = search(&inner, &outer, &mut left);
        run.budget.settle(&share, &left);
        paths
    }

    pub(super) fn plain_paths(
        &self,
        pattern: Option<&String>,
        outer: &BTreeSet<&str>,
        budget: &mut Budget,
    ) -> Paths {
        let Some(inner) = automaton(pattern.map_or("*", String::as_str)) else {
            return Paths::Unclear(Why::Unconfirmed, Vec::new());
        };
        let outer: Vec<_> = outer.iter().filter_map(|it| automaton(it)).collect();
        let outer: Vec<&Automaton> = outer.iter().collect();
        let share = budget.share(MOST_STATES_OF_ONE);
        let mut left = share.clone();
        let paths = search_plain(&inner, &outer, &mut left);
        budget.settle(&share, &left);
        paths
    }

    /// A request of the region that the engine lets pass, or not, as was expected.
    pub(super) fn confirmed(
        &self,
        caller: &Caller,
        method: &str,
        path: Option<String>,
        allowed: bool,
    ) -> Option<Refutation> {
        let none = [Token::default()];
        let tokens = caller.stand.as_ref().map_or(&none[..], |stand| &stand.tokens);
        tokens.iter().find_map(|token| {
            let example = Example {
                host: self.host.to_owned(),
                method: method.to_owned(),
                path: path.clone(),
                token: token.clone(),
                sender: caller.sender.clone(),
            };
            let answer = self.prover.judge.decide(&example);
            let is_it = answer.allowed == allowed && self.has(&example);
            is_it.then_some(Refutation { example, answer })
        })
    }

    /// Whether a request is in the region.
    pub(super) fn has(&self, example: &Example) -> bool {
        let source = example.sender.source(&self.prover.identities);
        let is_about = |area: &Compiled<'_>| {
            area.has_caller(example.token.claims(), Some(&source))
                && area.has_method(&example.method)
        };
        let except = self.except.filter(|except| is_about(except));
        is_about(self.area) && self.area.has_path(example.path.as_deref(), except)
    }

    pub(super) fn doubt(&self, method: Option<&str>, why: Why, run: &mut Run) {
        let doubt = Doubt { host: self.host.to_owned(), method: method.map(str::to_owned), why };
        if run.doubts.len() < MOST_DOUBTS && !run.doubts.contains(&doubt) {
            run.doubts.push(doubt);
        }
    }
}

/// Each thing of a list, or none where there is no list.
pub(super) fn each<T>(list: Option<&Vec<T>>) -> Vec<Option<&T>> {
    list.map_or_else(|| vec![None], |list| list.iter().map(Some).collect())
}

/// The path patterns that are left out; nothing where everything is.
pub(super) fn paths_of<'q>(except: Option<&'q Compiled<'q>>) -> Option<BTreeSet<&'q str>> {
    match except {
        None => Some(BTreeSet::new()),
        Some(except) => {
            except.area.paths.as_ref().map(|all| all.iter().map(String::as_str).collect())
        }
    }
}

/// One method that stands for all that are not named, and those that are.
pub(super) fn all_methods(named: &BTreeSet<&str>) -> Vec<String> {
    std::iter::once(other_method(named)).chain(named.iter().map(|it| (*it).to_owned())).collect()
}

fn automaton(pattern: &str) -> Option<Automaton> {
    PathPattern::parse(pattern).ok().map(|it| Automaton::new(&it))
}
