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
//! | `witness` | requests from the patterns of rules |
//! | `collapse` | what is decided alike, said once |

mod collapse;
pub(crate) mod effective;
pub(crate) mod hosts;
#[cfg(test)]
mod tests;
pub(crate) mod witness;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::rc::Rc;

use indexmap::IndexMap;

pub use self::collapse::Change;
use self::collapse::{Cell, collapse};
use self::effective::{Access, Atom, Effective};
pub use self::hosts::Host;
use self::hosts::{View, hosts};
use self::witness::Witnesses;
pub use self::witness::{Requests, Sender, Token};
use crate::engine::{
    Context, Engine, KeyRing, NoTrace, Outcome, PolicyError, Request, Verdict, Verified,
};
use crate::jwt::{SoftwareVerifier, TokenCache};
use crate::policy::Policy;

/// Requests that are made up for one host from all of its rules at once. A host with more is
/// looked at rule by rule, at those that only one of the policies has.
const MOST_REQUESTS_AT_ONCE: usize = 20_000;

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
    for (((old_rules, _), (new_rules, _)), hosts) in groups {
        let mut changes = Vec::new();
        let example = hosts.first().map(|host| host.example.clone()).unwrap_or_default();
        for requests in requests(&old_rules, &new_rules, old, new, now) {
            comparison.requests = comparison.requests.saturating_add(requests.count());
            let cells = differing(&judges, &example, &Rc::new(requests));
            // Rule by rule, one request may come up several times.
            for change in cells {
                if !changes.contains(&change) {
                    changes.push(change);
                }
            }
        }
        comparison.groups.push(Group {
            hosts,
            authentication: old_rules.tokens != new_rules.tokens,
            authorization: old_rules.access != new_rules.access,
            changes,
        });
    }
    Ok(comparison)
}

/// The requests to make to a host with these rules: all at once, or rule by rule.
fn requests(
    old_rules: &Effective<'_>,
    new_rules: &Effective<'_>,
    old: &Policy,
    new: &Policy,
    now: u64,
) -> Vec<Requests> {
    let witnesses = Witnesses::new([old_rules, new_rules], [old, new], now);
    let (before, after) = (old_rules.atoms(), new_rules.atoms());
    let all: BTreeSet<&Atom<'_>> = before.union(&after).copied().collect();
    let whole = witnesses.requests(&all.iter().copied().collect::<Vec<_>>(), true);
    if whole.count() <= MOST_REQUESTS_AT_ONCE {
        return vec![whole];
    }
    // A request that only one policy allows is allowed by a rule that only this policy has; or by
    // any rule, where tokens or everything beside the rules differ.
    let by_rules = |rules: &Effective<'_>| matches!(rules.access, Access::Rules(_));
    let only_rules_differ =
        old_rules.tokens == new_rules.tokens && by_rules(old_rules) && by_rules(new_rules);
    let atoms: Vec<_> = match only_rules_differ {
        true => before.symmetric_difference(&after).copied().collect(),
        false => all.into_iter().collect(),
    };
    atoms.into_iter().map(|atom| witnesses.requests(&[atom], false)).collect()
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
        let decision = match self.engine.decide(&request, &mut context, &mut NoTrace) {
            Verdict::Decided(decision) => decision,
            // Claims need no keys, and nothing else that stands for a token is sent.
            Verdict::AwaitKeys(wait) => wait.unavailable(),
        };
        let (allowed, status) = match &decision.outcome {
            Outcome::Allow(_) => (true, 200),
            Outcome::Deny(denial) => (false, denial.status),
        };
        Answer { allowed, status, reason: decision.code() }
    }
}
