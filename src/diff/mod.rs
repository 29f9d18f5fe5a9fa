//! What becomes otherwise when one policy takes the place of another, said for people.
//!
//! What is decided otherwise the prover finds, over all requests ([`crate::prove`]); here it is put
//! into few words: what is alike is said once, and what is security though no decision is compared
//! beside.
//!
//! | file | what lives there |
//! |---|---|
//! | `changes` | requests that became allowed or denied, those that are alike together |
//! | `security` | what is no decision: tokens that go on, headers, keys, where tokens are looked for |

mod changes;
pub mod security;
#[cfg(test)]
mod tests;

pub use self::changes::{Change, Method, Path};
use self::changes::{changes, unclear};
pub use self::security::{Difference, Effect};
use crate::engine::PolicyError;
use crate::policy::Policy;
pub use crate::prove::compare::Verdict;
use crate::prove::compare::{Compared, compare as prove};
use crate::prove::group::Beyond;
use crate::prove::hosts::Host;
use crate::prove::paths::Why;
use crate::prove::tables::Tables;

/// What differs between two policies.
#[derive(Debug)]
pub struct Comparison {
    /// How the new policy stands to the old one, over all hosts.
    pub verdict: Verdict,
    /// How many hosts were compared; one stands for all that neither policy names.
    pub hosts: usize,
    /// How many of them are decided otherwise, or may be.
    pub differing: usize,
    /// How many have other rules that decide every request alike.
    pub rewritten: usize,
    /// The hosts that differ, those that differ alike together.
    pub groups: Vec<Group>,
    /// What is no decision and concerns the policy as a whole.
    pub security: Vec<Difference>,
    /// What the new policy admits and the old one does not, and the other way round.
    pub gained: Certainty,
    /// What the old policy admits and the new one does not.
    pub lost: Certainty,
}

/// Hosts that differ alike.
#[derive(Debug)]
pub struct Group {
    /// The hosts, in order.
    pub hosts: Vec<Host>,
    /// How the new policy stands to the old one there.
    pub verdict: Verdict,
    /// Whether the new policy admits more there.
    pub gained: Certainty,
    /// Whether it admits less.
    pub lost: Certainty,
    /// What became allowed, then what became denied.
    pub changes: Vec<Change>,
    /// What could not be told.
    pub undecided: Vec<Undecided>,
    /// What is no decision.
    pub security: Vec<Difference>,
}

/// Whether there is something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// No: that was proved.
    No,
    /// It could not be told.
    Undecided,
    /// Yes: a request shows it.
    Yes,
}

impl Certainty {
    fn of(beyond: &Beyond) -> Self {
        match (beyond.found.is_empty(), beyond.unclear.is_empty()) {
            (false, _) => Self::Yes,
            (true, false) => Self::Undecided,
            (true, true) => Self::No,
        }
    }
}

/// Something that could not be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecided {
    /// Whether the new policy may admit it; otherwise the old one.
    pub gained: bool,
    /// Who.
    pub who: String,
    /// The method; absent: any.
    pub method: Option<String>,
    /// The path pattern; absent: any path.
    pub pattern: Option<String>,
    /// Why.
    pub why: Why,
}

impl Comparison {
    /// Whether nothing differs that is compared.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.security.is_empty()
    }

    /// Everything that is no decision.
    pub fn all_security(&self) -> impl Iterator<Item = (Option<&Group>, &Difference)> {
        let of_groups = self.groups.iter().flat_map(|group| {
            group.security.iter().map(move |difference| (Some(group), difference))
        });
        self.security.iter().map(|difference| (None, difference)).chain(of_groups)
    }
}

/// Compares two policies at `now` (Unix seconds).
///
/// # Errors
/// When one of them is not sound.
pub fn compare(old: &Policy, new: &Policy, now: u64) -> Result<Comparison, PolicyError> {
    let proved = prove([old, new], now)?;
    let mut comparison = Comparison {
        verdict: Verdict::Equal,
        hosts: proved.hosts,
        differing: 0,
        rewritten: 0,
        groups: Vec::new(),
        security: security::of_policies(old, new),
        gained: Certainty::No,
        lost: Certainty::No,
    };
    for compared in proved.groups {
        let group = Group::new(compared, &proved.tables);
        let hosts = group.hosts.len();
        match group.verdict {
            Verdict::Equal if group.security.is_empty() => {
                comparison.rewritten = comparison.rewritten.saturating_add(hosts);
                continue;
            }
            Verdict::Equal => {}
            _ => comparison.differing = comparison.differing.saturating_add(hosts),
        }
        comparison.gained = comparison.gained.max(group.gained);
        comparison.lost = comparison.lost.max(group.lost);
        comparison.groups.push(group);
    }
    comparison.verdict = verdict(comparison.gained, comparison.lost);
    Ok(comparison)
}

/// Of what is gained and lost together.
fn verdict(gained: Certainty, lost: Certainty) -> Verdict {
    match (gained, lost) {
        (Certainty::No, Certainty::No) => Verdict::Equal,
        (Certainty::Yes, Certainty::No) => Verdict::Wider,
        (Certainty::No, Certainty::Yes) => Verdict::Narrower,
        (Certainty::Yes, Certainty::Yes) => Verdict::Crossing,
        (Certainty::Undecided, _) | (_, Certainty::Undecided) => Verdict::Undecided,
    }
}

impl Group {
    fn new(compared: Compared<'_>, tables: &Tables<'_>) -> Self {
        let looks_at_tokens = compared.effective.iter().any(|side| side.tokens.is_some());
        let mut all = changes(&compared.gained, true, looks_at_tokens, tables);
        all.extend(changes(&compared.lost, false, looks_at_tokens, tables));
        let mut undecided = unclear(&compared.gained, true, tables);
        undecided.extend(unclear(&compared.lost, false, tables));
        Self {
            verdict: compared.verdict(),
            gained: Certainty::of(&compared.gained),
            lost: Certainty::of(&compared.lost),
            changes: all,
            undecided,
            security: security::of_hosts(&compared, tables),
            hosts: compared.hosts,
        }
    }
}
