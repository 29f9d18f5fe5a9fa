//! Two policies, host by host: which of them admits what the other does not.

use std::collections::HashMap;
#[cfg(not(target_arch = "wasm32"))]
use std::sync::{Mutex, PoisonError};

use super::example::Judge;
use super::excerpt::excerpt;
use super::group::{Beyond, Group, Unclear};
use super::hosts::{Host, hosts};
use super::inclusion::Budget;
use super::paths::Why;
use super::side::{Access, Effective, Manner, Tokens, View, Who};
use super::tables::Tables;
use crate::engine::PolicyError;
use crate::policy::{CertificateBound, JwksSource, Policy};

/// What a comparison may cost, in states of patterns that are looked at.
const MOST_STATES: usize = 200_000_000;
/// Groups of hosts for which engines are made at once.
const GROUPS_AT_ONCE: usize = 64;

/// How two policies stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// They admit the same requests.
    Equal,
    /// The new one admits less and nothing more.
    Narrower,
    /// The new one admits more and nothing less.
    Wider,
    /// Each admits something that the other does not.
    Crossing,
    /// It could not be told.
    Undecided,
}

impl Verdict {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Narrower => "narrower",
            Self::Wider => "wider",
            Self::Crossing => "crossing",
            Self::Undecided => "undecided",
        }
    }

    /// Of what the new policy admits beyond the old one, and what it does not admit any more.
    pub fn of(gained: &Beyond, lost: &Beyond) -> Self {
        let known = |beyond: &Beyond| match (beyond.found.is_empty(), beyond.unclear.is_empty()) {
            (false, _) => Some(true),
            (true, true) => Some(false),
            (true, false) => None,
        };
        match (known(gained), known(lost)) {
            (Some(false), Some(false)) => Self::Equal,
            (Some(false), Some(true)) => Self::Narrower,
            (Some(true), Some(false)) => Self::Wider,
            (Some(true), Some(true)) => Self::Crossing,
            (None, _) | (_, None) => Self::Undecided,
        }
    }
}

/// Hosts of which both policies say the same, before and after.
#[derive(Debug)]
pub struct Compared<'p> {
    /// The hosts, in order.
    pub hosts: Vec<Host>,
    /// What the old policy says of them, and the new one.
    pub effective: [Effective; 2],
    /// How each of them decides.
    pub manner: [Manner<'p>; 2],
    /// What the new policy admits and the old one does not.
    pub gained: Beyond,
    /// What the old policy admits and the new one does not.
    pub lost: Beyond,
}

impl Compared<'_> {
    /// How the policies stand to each other at these hosts.
    pub fn verdict(&self) -> Verdict {
        Verdict::of(&self.gained, &self.lost)
    }
}

/// Two policies, compared.
#[derive(Debug)]
pub struct Comparison<'p> {
    /// What both refer to.
    pub tables: Tables<'p>,
    /// How many hosts were compared; one stands for all that neither policy names.
    pub hosts: usize,
    /// The hosts of which they do not say the same.
    pub groups: Vec<Compared<'p>>,
}

/// Compares two policies that engines accept, at `now` (Unix seconds): one entry for hosts of which they say something
/// different, in the order of the first of them. Hosts of which they say the same are decided alike.
///
/// # Errors
/// When an engine does not accept what one of them says of hosts of which they say something
/// different.
pub fn compare<'p>([old, new]: [&'p Policy; 2], now: u64) -> Result<Comparison<'p>, PolicyError> {
    let mut tables = Tables::default();
    let views = [View::new(old, &mut tables), View::new(new, &mut tables)];
    let [before, after] = &views;
    let same_identities = before.identity() == after.identity();
    let mut numbers = HashMap::new();
    let mut groups: Vec<Compared<'p>> = Vec::new();
    let hosts = hosts(&[before, after], &[]);
    let count = hosts.len();
    for host in hosts {
        let [(before, was), (after, is)] = views.each_ref().map(|it| it.effective(&host.example));
        let matters = |side: &Effective| side.names_workloads() || binds(side, &tables);
        let identities_matter = !same_identities && (matters(&before) || matters(&after));
        if before == after && was == is && !identities_matter {
            continue;
        }
        let key = (before.clone(), after.clone(), was.clone(), is.clone());
        let number = *numbers.entry(key).or_insert(groups.len());
        match groups.get_mut(number) {
            Some(group) => group.hosts.push(host),
            None => groups.push(Compared {
                hosts: vec![host],
                effective: [before, after],
                manner: [was, is],
                gained: Beyond::default(),
                lost: Beyond::default(),
            }),
        }
    }
    let mut parts: Vec<_> = groups.chunks_mut(GROUPS_AT_ONCE).collect();
    let states = MOST_STATES.checked_div(parts.len()).unwrap_or(MOST_STATES);
    each(&mut parts, |groups| judge_all(groups, &views, &tables, now, states))?;
    Ok(Comparison { tables, hosts: count, groups })
}

/// Does something with each part, several at a time where there are several processors; the first
/// error that was met.
#[cfg(not(target_arch = "wasm32"))]
fn each<T: Send>(
    parts: &mut [T],
    run: impl Fn(&mut T) -> Result<(), PolicyError> + Sync,
) -> Result<(), PolicyError> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(parts.len());
    if workers < 2 {
        return parts.iter_mut().try_for_each(run);
    }
    let left = Mutex::new(parts.iter_mut());
    let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
    std::thread::scope(|scope| {
        let work = || std::iter::from_fn(next).try_for_each(&run);
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    })
}

/// The same in a browser, one after the other.
#[cfg(target_arch = "wasm32")]
fn each<T>(
    parts: &mut [T],
    run: impl Fn(&mut T) -> Result<(), PolicyError>,
) -> Result<(), PolicyError> {
    parts.iter_mut().try_for_each(run)
}

/// Finds out what each policy admits at the hosts of some groups that the other does not.
fn judge_all<'p>(
    groups: &mut [Compared<'p>],
    views: &[View<'p>; 2],
    tables: &Tables<'p>,
    now: u64,
    states: usize,
) -> Result<(), PolicyError> {
    let judges = {
        let hosts = || groups.iter().filter_map(|group| group.hosts.first());
        let of = |view: &View<'p>| {
            Judge::new(&excerpt(view, hosts().map(|host| host.example.as_str())), now)
        };
        let [before, after] = views;
        [of(before)?, of(after)?]
    };
    let mut budget = Budget::new(states);
    for group in groups {
        judge(group, views, &judges, tables, now, &mut budget);
    }
    Ok(())
}

/// Finds out what each policy admits at the hosts of a group that the other does not.
fn judge<'p>(
    group: &mut Compared<'p>,
    views: &[View<'p>; 2],
    judges: &[Judge; 2],
    tables: &Tables<'p>,
    now: u64,
    budget: &mut Budget,
) {
    let Some(host) = group.hosts.first() else { return };
    let question = Group::new(
        tables,
        group.effective.each_ref(),
        views.each_ref().map(View::identity),
        judges.each_ref(),
        &host.example,
        now,
    );
    group.gained = question.beyond(1, budget);
    group.lost = question.beyond(0, budget);
    let [was, is] = &group.effective;
    let tokens = was.tokens.as_ref().zip(is.tokens.as_ref());
    let keys = tokens.is_some_and(|it| other_keys(it, tables)).then_some(Why::Keys);
    // Who is behind a request, and with which certificate, the two take differently.
    let [old, new] = views.each_ref().map(View::identity);
    let is_bound = group.effective.iter().any(|side| binds(side, tables));
    let holders = (old != new && is_bound).then_some(Why::Holders);
    for why in keys.into_iter().chain(holders) {
        let unclear = Unclear { who: Who::Anyone, method: None, pattern: None, why };
        for (side, beyond) in [(was, &mut group.lost), (is, &mut group.gained)] {
            if side.access != Access::Nothing {
                beyond.unclear.push(unclear.clone());
            }
        }
    }
}

/// Whether tokens are bound to whoever sends them.
fn binds(side: &Effective, tables: &Tables<'_>) -> bool {
    let numbers = side.tokens.iter().flat_map(|tokens| &tokens.jwt_rules);
    let mut rules = numbers.filter_map(|number| tables.jwt_rules.get(*number));
    rules.any(|rule| {
        rule.certificate_bound != CertificateBound::Ignored || rule.workload_bound.is_some()
    })
}

/// Whether an issuer that both accept has other keys.
fn other_keys((one, other): (&Tokens, &Tokens), tables: &Tables<'_>) -> bool {
    let rules = |tokens: &Tokens| -> Vec<_> {
        tokens.jwt_rules.iter().filter_map(|number| tables.jwt_rules.get(*number)).collect()
    };
    let others = rules(other);
    rules(one).into_iter().any(|rule| {
        let others = others.iter().filter(|it| it.issuer == rule.issuer);
        others.into_iter().any(|other| !same_keys(&rule.jwks, &other.jwks))
    })
}

/// Whether two places hold the same keys for certain.
pub fn same_keys(one: &JwksSource, other: &JwksSource) -> bool {
    match (one, other) {
        (JwksSource::Remote { uri, .. }, JwksSource::Remote { uri: other, .. }) => uri == other,
        (JwksSource::Inline(one), JwksSource::Inline(other)) => {
            let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
            one == other || read(one).is_some_and(|one| Some(one) == read(other))
        }
        _ => false,
    }
}
