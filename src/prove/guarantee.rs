//! Whether a policy lets no request of a region pass, or every one.
//!
//! As in a comparison of two policies ([`super::group`]) callers that stand for all are tried with
//! each method that is told apart and each path pattern. For `never` these are the callers that both
//! an atom of the policy and the region let in, with the paths that both have; for `always` the
//! callers of the region, whose plain paths the policy must admit. What refutes a guarantee counts
//! once the engine has decided it, and once it was found in the region as requests are.

use std::collections::{BTreeSet, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::automaton::Automaton;
use super::callers::{Caller, Surroundings, bound};
use super::certificate::Entry;
use super::example::{Answer, Example, Judge, Token};
use super::examples::other_method;
use super::grants::{Grants, admitted, atoms, named, takes_bad_paths};
use super::holders::Asked;
use super::hosts::hosts;
use super::inclusion::Budget;
use super::paths::{BAD_PATH, Paths, Why, search, search_plain};
use super::region::{Compiled, Region, RegionError};
use super::senders::senders;
use super::side::{Effective, View, Who};
use super::tables::Tables;
use super::tokens::{Bounds, Stand, TooMany, join, stands};
use super::vocabulary::Vocabulary;
use crate::engine::source::Identities;
use crate::engine::{PolicyError, Principal};
use crate::policy::path_pattern::PathPattern;
use crate::policy::{CertificateBound, IdentityMatch, JwksSource, JwtRule, Operation, Policy};

/// What one guarantee may cost, in states of patterns that are looked at.
const MOST_STATES: usize = 50_000_000;
/// What one question about a path pattern may cost of that.
const MOST_STATES_OF_ONE: usize = 400_000;
/// Doubts that are told of one guarantee; more say nothing new.
const MOST_DOUBTS: usize = 100;

/// What a guarantee asks of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Demand {
    /// No request of the region passes.
    Never(Region),
    /// Every request of the region passes that has a plain path and a good token, or none.
    Always(Region),
}

/// How a guarantee stands.
#[derive(Debug)]
pub enum Outcome {
    /// It holds for all requests; what was found about paths on the way, for `never`.
    Proved(Vec<PathProof>),
    /// This request breaks it.
    Refuted(Box<Refutation>),
    /// Neither could be told.
    Undecided(Vec<Doubt>),
}

/// What a guarantee comes to for one caller and one method: no path that is admitted is in the region.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PathProof {
    /// The host; it stands for all of which the policy says the same.
    pub host: String,
    /// Claims of a token that stands for all such tokens; absent: none.
    pub claims: Option<Map<String, Value>>,
    /// The SPIFFE ID of a peer that stands for all such peers; absent: any.
    pub peer: Option<String>,
    /// The method.
    pub method: String,
    /// Path patterns: what all of them match together; any path where there are none.
    pub inner: Vec<String>,
    /// The path patterns that the region leaves out, of which one matches all that.
    pub outer: Vec<String>,
    /// The proof: states that no byte leads out of ([`super::certificate`]).
    pub entries: Vec<Entry>,
}

/// A request that breaks a guarantee.
#[derive(Debug, Clone)]
pub struct Refutation {
    /// The request.
    pub example: Example,
    /// What the engine answers.
    pub answer: Answer,
}

/// A part of what a guarantee is about that could not be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// The host.
    pub host: String,
    /// The method; absent: any.
    pub method: Option<String>,
    /// Why.
    pub why: Why,
}

/// Judges guarantees of one policy.
#[derive(Debug)]
pub struct Prover<'p> {
    tables: Tables<'p>,
    view: View<'p>,
    judge: Judge,
    identities: Identities,
    now: u64,
}

impl Demand {
    fn region(&self) -> &Region {
        match self {
            Self::Never(region) | Self::Always(region) => region,
        }
    }
}

impl<'p> Prover<'p> {
    /// Judges a policy at `now` (Unix seconds).
    ///
    /// # Errors
    /// When the policy is not sound.
    pub fn new(policy: &'p Policy, now: u64) -> Result<Self, PolicyError> {
        let judge = Judge::new(policy, now)?;
        let mut tables = Tables::default();
        let view = View::new(policy, &mut tables);
        // The engine has refused what cannot be compiled.
        let identities = Identities::new(policy.source_identity.clone()).unwrap_or_default();
        Ok(Self { tables, view, judge, identities, now })
    }

    /// How a guarantee stands.
    ///
    /// # Errors
    /// When a pattern of its region is none.
    pub fn judge(&self, demand: &Demand) -> Result<Outcome, RegionError> {
        let region = demand.region();
        let area = Compiled::new(&region.area)?;
        let except = region.except.as_ref().map(Compiled::new).transpose()?;
        let names: Vec<&str> = region.names().collect();
        let mut asked = HashSet::new();
        let mut run =
            Run { budget: Budget::new(MOST_STATES), doubts: Vec::new(), proofs: Vec::new() };
        for host in hosts(&[&self.view], &names) {
            if !region.area.has_host(&host.example) {
                continue;
            }
            let except = except.as_ref().filter(|it| it.area.has_host(&host.example));
            let (effective, _) = self.view.effective(&host.example);
            // Hosts of which the policy says the same are decided alike.
            if !asked.insert((effective.clone(), except.is_some())) {
                continue;
            }
            let question = Question::new(self, &host.example, &effective, &area, except);
            let found = match demand {
                Demand::Never(_) => question.never(&mut run),
                Demand::Always(_) => question.always(&mut run),
            };
            if let Some(found) = found {
                return Ok(Outcome::Refuted(Box::new(found)));
            }
        }
        Ok(match run.doubts.is_empty() {
            true => Outcome::Proved(run.proofs),
            false => Outcome::Undecided(run.doubts),
        })
    }
}

/// What judging one guarantee has come to so far.
struct Run {
    budget: Budget,
    doubts: Vec<Doubt>,
    proofs: Vec<PathProof>,
}

/// A guarantee at one host.
struct Question<'q> {
    prover: &'q Prover<'q>,
    host: &'q str,
    effective: &'q Effective,
    area: &'q Compiled<'q>,
    except: Option<&'q Compiled<'q>>,
    vocabulary: Vocabulary,
    grants: Grants<'q, 'q>,
    sources: Vec<&'q str>,
}

/// Each thing of a list, or none where there is no list.
fn each<T>(list: Option<&Vec<T>>) -> Vec<Option<&T>> {
    list.map_or_else(|| vec![None], |list| list.iter().map(Some).collect())
}

impl<'q> Question<'q> {
    fn new(
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

    /// A request of the region that passes.
    fn never(&self, run: &mut Run) -> Option<Refutation> {
        for atom in atoms(self.effective) {
            let operation = atom.operation.and_then(|it| self.prover.tables.operations.get(it));
            for token in each(self.area.tokens.as_ref()) {
                for workload in each(self.area.area.workloads.as_ref()) {
                    let callers = match self.let_in(atom.who, token, workload) {
                        Ok(callers) => callers,
                        Err(TooMany) => {
                            self.doubt(None, Why::Claims, run);
                            continue;
                        }
                    };
                    for caller in &callers {
                        let found = self.passes(caller, operation, run);
                        if found.is_some() {
                            return found;
                        }
                    }
                }
            }
        }
        None
    }

    /// Callers that stand for all who are one of `who` to the policy, and one of these to the region.
    fn let_in(
        &self,
        who: Who,
        token: Option<&Principal>,
        workload: Option<&'q String>,
    ) -> Result<Vec<Caller>, TooMany> {
        let mut wanted: Vec<(&str, IdentityMatch)> = Vec::new();
        if let Who::Workload(number, identity) = who {
            let source = self.prover.tables.sources.get(number).unwrap_or_default();
            wanted.push((source, identity));
        }
        wanted.extend(workload.map(|it| (it.as_str(), IdentityMatch::Permissive)));
        let asks = matches!(who, Who::Token(_));
        let principal = match (self.grants.principal(who), token) {
            (Some(one), Some(other)) => Some(join(one, other)),
            (one, other) => one.or(other).cloned(),
        };
        let mut tokens: Vec<Option<Stand>> = Vec::new();
        let mut callers = Vec::new();
        match &self.effective.tokens {
            // Nothing is made of a token: nobody is let in for one.
            None if asks => {}
            None => match token {
                None => tokens.push(None),
                Some(token) => tokens.extend(self.unjudged(token)?.into_iter().map(Some)),
            },
            Some(own) => {
                if !asks && token.is_none() && (!own.required || own.shadow) {
                    tokens.push(None);
                }
                callers = self.accepted(principal.as_ref(), &wanted)?;
                if let Some(token) = token.filter(|_| !asks && own.shadow) {
                    tokens.extend(self.unjudged(token)?.into_iter().map(Some));
                }
            }
        }
        callers.extend(self.with_senders(&wanted, &tokens)?);
        Ok(callers)
    }

    fn with_senders(
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
    fn accepted(
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
    fn unjudged(&self, principal: &Principal) -> Result<Vec<Stand>, TooMany> {
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
    fn left_out(&self, caller: &Caller) -> Option<&'q Compiled<'q>> {
        let claims = caller.stand.as_ref().and_then(|stand| stand.compared.claims());
        let source = caller.sender.source(&self.prover.identities);
        self.except.filter(|except| except.has_caller(claims, Some(&source)))
    }

    /// A request of the region that an operation lets a caller make.
    fn passes(
        &self,
        caller: &Caller,
        operation: Option<&'q Operation>,
        run: &mut Run,
    ) -> Option<Refutation> {
        let left_out = self.left_out(caller);
        let of_policy = operation.and_then(|it| it.methods.as_ref());
        let methods: Vec<String> = match (of_policy, &self.area.area.methods) {
            (Some(one), Some(other)) => {
                one.iter().filter(|method| other.contains(method)).cloned().collect()
            }
            (Some(methods), None) | (None, Some(methods)) => methods.clone(),
            (None, None) => {
                let named = left_out.and_then(|it| it.area.methods.as_ref());
                let named = named.into_iter().flatten().map(String::as_str).collect();
                all_methods(&named)
            }
        };
        for method in &methods {
            let except = left_out.filter(|except| except.has_method(method));
            let Some(outer) = paths_of(except) else { continue };
            let paths = operation.and_then(|it| it.paths.as_ref());
            for pattern in each(paths) {
                for of_area in each(self.area.area.paths.as_ref()) {
                    let paths = self.paths([pattern, of_area], &outer, run);
                    let unread = of_area.is_none()
                        && takes_bad_paths(atoms(self.effective), &self.prover.tables);
                    let (mut candidates, why) = match paths {
                        Paths::Covered(_) if unread && !outer.is_empty() => {
                            (Vec::new(), Why::Unconfirmed)
                        }
                        Paths::Covered(entries) => {
                            let inner = [pattern, of_area].into_iter().flatten().cloned();
                            run.proofs.push(PathProof {
                                host: self.host.to_owned(),
                                claims: caller
                                    .stand
                                    .as_ref()
                                    .and_then(|it| it.compared.as_map().cloned()),
                                peer: caller.sender.peer.clone(),
                                method: method.clone(),
                                inner: inner.collect(),
                                outer: outer.iter().map(|it| (*it).to_owned()).collect(),
                                entries: entries.to_vec(),
                            });
                            continue;
                        }
                        Paths::Missed(candidates, _) => (candidates, Why::Unconfirmed),
                        Paths::Unclear(why, candidates) => (candidates, why),
                    };
                    candidates.extend(unread.then(|| BAD_PATH.to_owned()));
                    let mut found = candidates
                        .into_iter()
                        .filter_map(|path| self.confirmed(caller, method, Some(path), true));
                    if let Some(found) = found.next() {
                        return Some(found);
                    }
                    drop(found);
                    self.doubt(Some(method), why, run);
                }
            }
        }
        self.passes_without_path(caller, operation, &methods, run)
    }

    /// A request of the region that has no path with segments: OPTIONS with `*`, CONNECT with none
    /// (RFC 9110, sections 7.1 and 9.3.6).
    fn passes_without_path(
        &self,
        caller: &Caller,
        operation: Option<&'q Operation>,
        methods: &[String],
        run: &mut Run,
    ) -> Option<Refutation> {
        let of_policy = operation.and_then(|it| it.methods.as_ref());
        let any_method = of_policy.is_none() && self.area.area.methods.is_none();
        for (method, path, written) in [("OPTIONS", Some("*"), "*"), ("CONNECT", None, "")] {
            let has_method = any_method || methods.iter().any(|it| it == method);
            let has_path = |patterns: Option<&Vec<String>>| {
                let matches = |pattern: &String| {
                    PathPattern::parse(pattern).is_ok_and(|pattern| pattern.matches(written))
                };
                patterns.is_none_or(|all| all.iter().any(matches))
            };
            let except = self.left_out(caller).filter(|except| except.has_method(method));
            let is_left_out = except.is_some_and(|it| has_path(it.area.paths.as_ref()));
            if !has_method
                || !has_path(operation.and_then(|it| it.paths.as_ref()))
                || !has_path(self.area.area.paths.as_ref())
                || is_left_out
            {
                continue;
            }
            let found = self.confirmed(caller, method, path.map(str::to_owned), true);
            if found.is_some() {
                return found;
            }
            self.doubt(Some(method), Why::Unconfirmed, run);
        }
        None
    }

    /// A request of the region that does not pass.
    fn always(&self, run: &mut Run) -> Option<Refutation> {
        for token in each(self.area.tokens.as_ref()) {
            for workload in each(self.area.area.workloads.as_ref()) {
                match self.callers(token, workload) {
                    Ok(callers) => {
                        // Of nobody everything could be said.
                        if callers.is_empty() {
                            self.doubt(None, Why::Unconfirmed, run);
                        }
                        for caller in &callers {
                            let found = self.is_refused(caller, run);
                            if found.is_some() {
                                return found;
                            }
                        }
                    }
                    Err(TooMany) => self.doubt(None, Why::Claims, run),
                }
            }
        }
        None
    }

    /// Callers that stand for all of the region whose tokens are good.
    fn callers(
        &self,
        token: Option<&Principal>,
        workload: Option<&'q String>,
    ) -> Result<Vec<Caller>, TooMany> {
        let wanted: Vec<_> =
            workload.iter().map(|it| (it.as_str(), IdentityMatch::Permissive)).collect();
        let of_nobody = |token: &Principal| {
            let all: Vec<_> = self.unjudged(token)?.into_iter().map(Some).collect();
            self.with_senders(&wanted, &all)
        };
        match (token, &self.effective.tokens) {
            // Whoever has none is granted the least.
            (None, _) => self.with_senders(&wanted, &[None]),
            (Some(token), None) => of_nobody(token),
            (Some(token), Some(_)) => {
                let accepted = self.accepted(Some(token), &wanted)?;
                // That none is accepted is what refutes the guarantee.
                if accepted.is_empty() { of_nobody(token) } else { Ok(accepted) }
            }
        }
    }

    /// A request of the region that a caller may not make.
    fn is_refused(&self, caller: &Caller, run: &mut Run) -> Option<Refutation> {
        let identity = self.prover.view.identity();
        let surroundings = Surroundings {
            tables: &self.prover.tables,
            vocabulary: &self.vocabulary,
            sources: &self.sources,
            tokens: [None, self.effective.tokens.as_ref()],
            identities: [identity, identity],
            other: Some(&self.prover.identities),
            now: self.prover.now,
        };
        let source = caller.sender.source(&self.prover.identities);
        let seen = surroundings.seen(caller);
        let granted = self.grants.operations(atoms(self.effective), seen, Some(&source));
        let left_out = self.left_out(caller);
        let mut named = named(&granted);
        let of_except = left_out.and_then(|it| it.area.methods.as_ref());
        named.extend(of_except.into_iter().flatten().map(String::as_str));
        let methods = self.area.area.methods.clone().unwrap_or_else(|| all_methods(&named));
        for method in &methods {
            let admitted = admitted(&granted, method);
            let except = left_out.filter(|except| except.has_method(method));
            let Some(mut outer) = paths_of(except).filter(|_| !admitted.anything) else { continue };
            outer.extend(&admitted.patterns);
            for pattern in each(self.area.area.paths.as_ref()) {
                let budget = &mut run.budget;
                let (candidates, why) = match self.plain_paths(pattern, &outer, budget) {
                    Paths::Covered(_) => {
                        let some = self.plain_paths(pattern, &BTreeSet::new(), budget);
                        if matches!(some, Paths::Covered(_)) {
                            self.doubt(Some(method), Why::Ambiguous, run);
                        }
                        continue;
                    }
                    Paths::Missed(candidates, _) => (candidates, Why::Unconfirmed),
                    Paths::Unclear(why, candidates) => (candidates, why),
                };
                let mut found = candidates
                    .into_iter()
                    .filter_map(|path| self.confirmed(caller, method, Some(path), false));
                if let Some(found) = found.next() {
                    return Some(found);
                }
                drop(found);
                self.doubt(Some(method), why, run);
            }
        }
        None
    }

    /// The paths that two patterns have both, against others; an absent pattern has all.
    fn paths(
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

    fn plain_paths(
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
    fn confirmed(
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
    fn has(&self, example: &Example) -> bool {
        let source = example.sender.source(&self.prover.identities);
        let is_about = |area: &Compiled<'_>| {
            area.has_caller(example.token.claims(), Some(&source))
                && area.has_method(&example.method)
        };
        let except = self.except.filter(|except| is_about(except));
        is_about(self.area) && self.area.has_path(example.path.as_deref(), except)
    }

    fn doubt(&self, method: Option<&str>, why: Why, run: &mut Run) {
        let doubt = Doubt { host: self.host.to_owned(), method: method.map(str::to_owned), why };
        if run.doubts.len() < MOST_DOUBTS && !run.doubts.contains(&doubt) {
            run.doubts.push(doubt);
        }
    }
}

/// The path patterns that are left out; nothing where everything is.
fn paths_of<'q>(except: Option<&'q Compiled<'q>>) -> Option<BTreeSet<&'q str>> {
    match except {
        None => Some(BTreeSet::new()),
        Some(except) => {
            except.area.paths.as_ref().map(|all| all.iter().map(String::as_str).collect())
        }
    }
}

/// One method that stands for all that are not named, and those that are.
fn all_methods(named: &BTreeSet<&str>) -> Vec<String> {
    std::iter::once(other_method(named)).chain(named.iter().map(|it| (*it).to_owned())).collect()
}

fn automaton(pattern: &str) -> Option<Automaton> {
    PathPattern::parse(pattern).ok().map(|it| Automaton::new(&it))
}
