//! Whether a policy lets no request of a region pass, or every one.
//!
//! As in a comparison of two policies ([`super::group`]) callers that stand for all are tried with
//! each method that is told apart and each path pattern. For `never` these are the callers that both
//! an atom of the policy and the region let in, with the paths that both have; for `always` the
//! callers of the region, whose plain paths the policy must admit. What refutes a guarantee counts
//! once the engine has decided it, and once it was found in the region as requests are.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::certificate::Entry;
use super::example::{Answer, Example, Judge};
use super::hosts::hosts;
use super::inclusion::Budget;
use super::paths::Why;
use super::question::Question;
use super::region::{Compiled, Region, RegionError};
use super::side::View;
use super::tables::Tables;
use crate::engine::PolicyError;
use crate::engine::source::Identities;
use crate::policy::Policy;

/// What one guarantee may cost, in states of patterns that are looked at.
const MOST_STATES: usize = 50_000_000;

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
    pub(super) tables: Tables<'p>,
    pub(super) view: View<'p>,
    pub(super) judge: Judge,
    pub(super) identities: Identities,
    pub(super) now: u64,
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
pub(super) struct Run {
    pub(super) budget: Budget,
    pub(super) doubts: Vec<Doubt>,
    pub(super) proofs: Vec<PathProof>,
}
