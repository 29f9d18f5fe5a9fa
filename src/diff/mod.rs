//! Which requests become allowed or denied when one policy takes the place of another.
//!
//! What is compared is decisions, not documents. For each host whose rules differ, requests are
//! made up from the patterns of both policies, and both engines decide them; so everything
//! reported is a request that the two really decide differently. Hosts whose rules are the same,
//! whatever they are called and in whatever order they stand, need no requests: the engine reads
//! nothing else of a host.
//!
//! | file | what lives there |
//! |---|---|
//! | `effective` | what a policy says about one host, without names and order |
//! | `hosts` | the hosts of two policies, with one for every wildcard and one that none names |
//! | `operations` | methods and paths from the patterns of rules |
//! | `parts` | what only one of two lists of rules grants |
//! | `stand_in` | values for all that no pattern names |
//! | `witness` | requests from the patterns of rules |
//! | `collapse` | what is decided alike, said once |

mod collapse;
pub(crate) mod effective;
pub(crate) mod hosts;
pub(crate) mod operations;
mod parts;
pub(crate) mod stand_in;
#[cfg(test)]
mod tests;
pub(crate) mod witness;

use std::borrow::Cow;
use std::rc::Rc;

use indexmap::IndexMap;

pub use self::collapse::Change;
use self::collapse::{Cell, collapse};
use self::effective::{Access, Effective};
pub use self::hosts::Host;
use self::hosts::{View, hosts};
use self::parts::Part;
use self::witness::Witnesses;
pub use self::witness::{Requests, Sender, Token};
use crate::engine::{Context, Engine, KeyRing, NoTrace, Outcome, PolicyError, Request, Verified};
use crate::jwt::{SoftwareVerifier, TokenCache};
use crate::policy::Policy;

/// What requests may cost that are made up for one host from all of its rules at once, in
/// comparisons with a pattern. A host with more is looked at by what only one of the policies
/// grants.
const MOST_AT_ONCE: usize = 2_000_000;
/// What all requests together may cost: some seconds in a build that is not optimized. Hosts share
/// it evenly, and what one leaves is for the others.
const MOST_TOGETHER: usize = 20_000_000;

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Answer {
    /// Whether it passes.
    pub allowed: bool,
    /// Its status; 200 stands for whatever the upstream answers.
    pub status: u16,
    /// Reason code.
    pub reason: Cow<'static, str>,
}

/// What differs between two policies.
#[derive(Debug, Default)]
pub struct Comparison {
    /// How many hosts were compared; one stands for all that neither policy names.
    pub hosts: usize,
    /// How many of them have different rules.
    pub differing: usize,
    /// How many requests both engines decided.
    pub requests: usize,
    /// How many more there would have been: there is a bound on what a comparison may cost.
    pub left_out: usize,
    /// The hosts with different rules, those with the same rules before and after together.
    pub groups: Vec<Group>,
}

/// Hosts with the same rules before, and the same rules after.
#[derive(Debug)]
pub struct Group {
    /// The hosts, in order.
    pub hosts: Vec<Host>,
    /// Whether who may be authenticated, and how, differs.
    pub authentication: bool,
    /// Whether what may be done differs.
    pub authorization: bool,
    /// Requests that became allowed or denied; none where no request tells the rules apart.
    pub changes: Vec<Change>,
    /// How many more requests could be made from the rules: there may be more changes.
    pub left_out: usize,
}

impl Comparison {
    /// Whether anything differs.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

/// Compares two policies at `now` (Unix seconds).
///
/// # Errors
/// When one of them is not sound.
pub fn compare(old: &Policy, new: &Policy, now: u64) -> Result<Comparison, PolicyError> {
    let judges = [Judge::new(old, now)?, Judge::new(new, now)?];
    let (before, after) = (View::new(old), View::new(new));
    let mut comparison = Comparison::default();
    let mut groups: IndexMap<_, Vec<Host>> = IndexMap::new();
    for host in hosts(&before, &after) {
        comparison.hosts = comparison.hosts.saturating_add(1);
        let pair = (before.effective(&host.example), after.effective(&host.example));
        let ((old_rules, _), (new_rules, _)) = &pair;
        if old_rules != new_rules {
            comparison.differing = comparison.differing.saturating_add(1);
            groups.entry(pair).or_default().push(host);
        }
    }
    let mut budget = MOST_TOGETHER;
    let mut groups_left = groups.len();
    for (((old_rules, _), (new_rules, _)), hosts) in groups {
        let mut changes = Vec::new();
        let mut left_out = 0_usize;
        let example = hosts.first().map(|host| host.example.clone()).unwrap_or_default();
        let mut share = budget.checked_div(groups_left).unwrap_or_default();
        groups_left = groups_left.saturating_sub(1);
        let rules = [&old_rules, &new_rules];
        each_requests(rules, [old, new], now, |mut requests, parts_left| {
            let all = requests.count();
            requests.shrink(share.checked_div(parts_left).unwrap_or_default());
            let made = requests.count();
            comparison.requests = comparison.requests.saturating_add(made);
            left_out = left_out.saturating_add(all.saturating_sub(made));
            share = share.saturating_sub(requests.cost());
            budget = budget.saturating_sub(requests.cost());
            // Part by part, one request may come up several times.
            for change in differing(&judges, &example, &Rc::new(requests)) {
                if !changes.contains(&change) {
                    changes.push(change);
                }
            }
        });
        comparison.left_out = comparison.left_out.saturating_add(left_out);
        comparison.groups.push(Group {
            hosts,
            authentication: old_rules.tokens != new_rules.tokens,
            authorization: old_rules.access != new_rules.access,
            changes,
            left_out,
        });
    }
    Ok(comparison)
}

/// Hands on the requests to make to a host with these rules: all at once, or part by part, each
/// with how many parts are left.
fn each_requests(
    [old_rules, new_rules]: [&Effective<'_>; 2],
    policies: [&Policy; 2],
    now: u64,
    mut each: impl FnMut(Requests, usize),
) {
    let (before, after) = (old_rules.atoms(), new_rules.atoms());
    let whole = Part::of(before.union(&after).copied());
    let witnesses = Witnesses::new([old_rules, new_rules], policies, whole, now);
    let all = witnesses.all();
    if all.cost() <= MOST_AT_ONCE {
        return each(all, 1);
    }
    // A request that only one policy allows is allowed by what only this policy grants; or by any
    // rule, where tokens or everything beside the rules differ.
    let by_rules = |rules: &Effective<'_>| matches!(rules.access, Access::Rules(_));
    let only_rules_differ =
        old_rules.tokens == new_rules.tokens && by_rules(old_rules) && by_rules(new_rules);
    if !only_rules_differ {
        return each(all, 1);
    }
    let parts = parts::differing(&before, &after);
    for (done, part) in parts.iter().enumerate() {
        each(witnesses.of(part), parts.len().saturating_sub(done));
    }
}

/// Lets both policies decide requests to a host; those that they decide differently, collapsed.
fn differing(judges: &[Judge; 2], host: &str, requests: &Rc<Requests>) -> Vec<Change> {
    let mut cells = Vec::new();
    let mut cache = TokenCache::new(1, 1, 0);
    for at in requests.positions() {
        let [before, after] = judges;
        let before = before.decide(host, requests, at, &mut cache);
        let after = after.decide(host, requests, at, &mut cache);
        if before.allowed != after.allowed {
            cells.push(Cell { at, before, after });
        }
    }
    collapse(cells, requests)
}

/// An engine that decides made-up requests.
struct Judge {
    engine: Engine,
    keys: KeyRing,
    now: u64,
}

impl Judge {
    fn new(policy: &Policy, now: u64) -> Result<Self, PolicyError> {
        Ok(Self { engine: Engine::new(policy.clone())?, keys: KeyRing::new(0), now })
    }

    fn decide(
        &self,
        host: &str,
        requests: &Requests,
        at: [usize; 4],
        cache: &mut TokenCache<Rc<Verified>>,
    ) -> Answer {
        let request = requests.at(at);
        let mut headers: Vec<(&[u8], &[u8])> = vec![
            (b":method", request.method.as_bytes()),
            (b":scheme", b"https"),
            (b":authority", host.as_bytes()),
            (b":path", request.path.as_bytes()),
        ];
        let handed_on = request.sender.handed_on();
        headers.extend(handed_on.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
        let peer = request.sender.peer();
        let request = Request { headers, claims: request.token.claims() };
        let mut context = Context {
            now: self.now,
            keys: &self.keys,
            verifier: &SoftwareVerifier,
            peer: &peer,
            cache,
        };
        // Claims need no keys, and nothing else that stands for a token is sent.
        let decision = self.engine.decide(&request, &mut context, &mut NoTrace).without_waiting();
        let (allowed, status) = match &decision.outcome {
            Outcome::Allow(_) => (true, 200),
            Outcome::Deny(denial) => (false, denial.status),
        };
        Answer { allowed, status, reason: decision.code() }
    }
}
