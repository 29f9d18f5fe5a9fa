//! Differences between two policies for programs: what `diff --output json` prints, and the page
//! of `report` shows.

use std::collections::BTreeSet;
use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::diff::{Certainty, Change, Comparison, Difference, Group, Path, Undecided};
use crate::prove::example::{Answer, Example, Sender, Token};
use crate::prove::hosts::Host;
use crate::prove::paths::Why;

/// What differs between two policies, over all requests.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "Differences")]
pub struct Differences {
    /// How the new policy stands to the old one.
    verdict: VerdictWord,
    /// Whether the new policy allows a request that the old one denies.
    gained: CertaintyWord,
    /// Whether the new policy denies a request that the old one allows.
    lost: CertaintyWord,
    /// How many hosts were compared; one stands for all that neither policy names.
    hosts: usize,
    /// How many of them are decided otherwise, or may be.
    differing_hosts: usize,
    /// How many have other rules that decide every request alike.
    rewritten_hosts: usize,
    /// Hosts that are decided otherwise, or of which something differs beside decisions; those that
    /// differ alike together.
    differences: Vec<DifferingHosts>,
    /// Everything that differs beside decisions.
    security: Vec<SecurityDifference>,
}

/// How the new policy stands to the old one: `equal` they allow the same requests; `narrower` it
/// allows less, `wider` more, `crossing` both; `undecided` it could not be told.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum VerdictWord {
    Equal,
    Narrower,
    Wider,
    Crossing,
    Undecided,
}

/// Whether there is such a request: `no` was proved, `yes` is shown by one, `undecided` could not be
/// told.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum CertaintyWord {
    No,
    Yes,
    Undecided,
}

/// Hosts that differ alike.
#[derive(Debug, Serialize, JsonSchema)]
struct DifferingHosts {
    hosts: Vec<NamedHost>,
    verdict: VerdictWord,
    gained: CertaintyWord,
    lost: CertaintyWord,
    /// What became allowed, then what became denied.
    changes: Vec<ChangedRequests>,
    /// What could not be told.
    undecided: Vec<UndecidedPart>,
    /// What differs beside decisions.
    security: Vec<SecurityDifference>,
}

/// A host.
#[derive(Debug, Clone, Serialize, JsonSchema)]
struct NamedHost {
    /// The hostname as the policies write it; null for the one that neither names.
    name: Option<String>,
    /// The host that requests were made for.
    example: String,
}

/// Requests that became allowed or denied. Every combination of these claims, sources, methods and
/// paths is one that both policies decided; callers and patterns say of what they are examples.
#[derive(Debug, Serialize, JsonSchema)]
struct ChangedRequests {
    /// `allowed` or `denied`.
    change: &'static str,
    before: Brief,
    after: Brief,
    /// Who makes them, as rules say it.
    callers: Vec<String>,
    /// Claims of their tokens; null for none.
    claims: Vec<Option<Map<String, Value>>>,
    /// The types of the same tokens, in the same order; null where there is none.
    types: Vec<Option<String>>,
    /// Their workloads: a SPIFFE ID, the one that a peer hands on, or null for none.
    sources: Vec<Source>,
    /// The SHA-256 of the client certificate of each of them; null where nothing depends on it.
    certificates: Vec<Option<String>>,
    methods: Vec<String>,
    /// Where one of the methods stands for every other: those that it is told apart from.
    any_method_but: Option<Vec<String>>,
    /// Paths; null for none, as with CONNECT.
    paths: Vec<Option<String>>,
    /// The path patterns of which they are examples; null for any path.
    patterns: Vec<Option<String>>,
    /// A shortest one of these requests, as `explain --requests` reads them; and where its path ends
    /// in `/`, one whose path does not.
    examples: Vec<Value>,
}

/// An answer, as `explain` has it.
#[derive(Debug, Serialize, JsonSchema)]
struct Brief {
    /// `allow` or `deny`.
    decision: &'static str,
    status: u16,
    reason: String,
    /// The rule that lets the request pass.
    rule: Option<String>,
}

/// A workload.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
enum Source {
    /// SPIFFE ID of the direct peer, if it has one.
    Peer(Option<String>),
    /// The direct peer, and the workload that it speaks for.
    Behind { peer: Option<String>, behind: String },
}

/// Something that could not be told.
#[derive(Debug, Serialize, JsonSchema)]
struct UndecidedPart {
    /// `allowed` where the new policy may allow it, `denied` where it may deny it.
    change: &'static str,
    /// Who, as rules say it.
    caller: String,
    /// The method; null for any.
    method: Option<String>,
    /// The path pattern; null for any path.
    pattern: Option<String>,
    /// Why: `budget`, `ambiguous_paths`, `claims`, `keys`, `holders`, `unchecked` or
    /// `unconfirmed`.
    why: &'static str,
}

/// Something that differs beside decisions.
#[derive(Debug, Clone, Serialize, JsonSchema)]
struct SecurityDifference {
    /// What, in the words of the Gateway.
    what: &'static str,
    /// The issuer that it is about.
    issuer: Option<String>,
    before: String,
    after: String,
    /// `wider` where more is trusted or handed out, `narrower` where less is, or `other`.
    effect: &'static str,
    /// What it comes to.
    consequence: &'static str,
    /// The hosts; empty where it is about the policy as a whole.
    hosts: Vec<NamedHost>,
}

/// Writes one JSON object.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write(comparison: &Comparison, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &Differences::new(comparison))?;
    writeln!(out)
}

impl Differences {
    /// Everything that differs.
    pub fn new(comparison: &Comparison) -> Self {
        let security = comparison.all_security().map(|(group, difference)| {
            security(difference, group.map_or(&[][..], |group| &group.hosts))
        });
        Self {
            verdict: comparison.verdict.into(),
            gained: comparison.gained.into(),
            lost: comparison.lost.into(),
            hosts: comparison.hosts,
            differing_hosts: comparison.differing,
            rewritten_hosts: comparison.rewritten,
            differences: comparison.groups.iter().map(DifferingHosts::new).collect(),
            security: security.collect(),
        }
    }
}

impl From<crate::diff::Verdict> for VerdictWord {
    fn from(verdict: crate::diff::Verdict) -> Self {
        match verdict {
            crate::diff::Verdict::Equal => Self::Equal,
            crate::diff::Verdict::Narrower => Self::Narrower,
            crate::diff::Verdict::Wider => Self::Wider,
            crate::diff::Verdict::Crossing => Self::Crossing,
            crate::diff::Verdict::Undecided => Self::Undecided,
        }
    }
}

impl From<Certainty> for CertaintyWord {
    fn from(certainty: Certainty) -> Self {
        match certainty {
            Certainty::No => Self::No,
            Certainty::Yes => Self::Yes,
            Certainty::Undecided => Self::Undecided,
        }
    }
}

impl DifferingHosts {
    fn new(group: &Group) -> Self {
        let of_group = group.security.iter().map(|difference| security(difference, &group.hosts));
        Self {
            hosts: group.hosts.iter().map(host).collect(),
            verdict: group.verdict.into(),
            gained: group.gained.into(),
            lost: group.lost.into(),
            changes: group.changes.iter().map(ChangedRequests::new).collect(),
            undecided: group.undecided.iter().map(UndecidedPart::new).collect(),
            security: of_group.collect(),
        }
    }
}

fn host(host: &Host) -> NamedHost {
    NamedHost { name: host.name.clone(), example: host.example.clone() }
}

fn security(difference: &Difference, hosts: &[Host]) -> SecurityDifference {
    SecurityDifference {
        what: difference.what,
        issuer: difference.issuer.clone(),
        before: difference.before.clone(),
        after: difference.after.clone(),
        effect: difference.effect.as_str(),
        consequence: difference.consequence,
        hosts: hosts.iter().map(host).collect(),
    }
}

impl ChangedRequests {
    fn new(change: &Change) -> Self {
        let patterns: BTreeSet<_> = change.paths.iter().map(|path| &path.pattern).collect();
        let others = change.methods.iter().find_map(|method| method.other_than.clone());
        Self {
            change: word(change.allowed),
            before: Brief::new(&change.before),
            after: Brief::new(&change.after),
            callers: change.callers.clone(),
            claims: change.tokens.iter().map(Token::as_map).map(Option::<&_>::cloned).collect(),
            types: change.tokens.iter().map(|it| it.type_name().map(str::to_owned)).collect(),
            sources: change.senders.iter().map(source).collect(),
            certificates: change.senders.iter().map(|it| it.certificate.clone()).collect(),
            methods: change.methods.iter().map(|method| method.name.clone()).collect(),
            any_method_but: others.map(|named| {
                let is_changed = |name: &String| change.methods.iter().any(|it| it.name == *name);
                named.into_iter().filter(|name| !is_changed(name)).collect()
            }),
            paths: paths(&change.paths),
            patterns: patterns.into_iter().cloned().collect(),
            examples: change.examples.iter().map(Example::query).collect(),
        }
    }
}

/// Every path of a change.
fn paths(paths: &[Path]) -> Vec<Option<String>> {
    let also = paths.iter().filter(|path| path.also.is_some()).map(|path| path.also.clone());
    paths.iter().map(|path| path.example.clone()).chain(also).collect()
}

impl Brief {
    fn new(answer: &Answer) -> Self {
        Self {
            decision: if answer.allowed { "allow" } else { "deny" },
            status: answer.status,
            reason: answer.reason.to_string(),
            rule: answer.rule.clone(),
        }
    }
}

fn source(sender: &Sender) -> Source {
    match &sender.behind {
        None => Source::Peer(sender.peer.clone()),
        Some((_, behind)) => Source::Behind { peer: sender.peer.clone(), behind: behind.clone() },
    }
}

/// What requests became.
pub fn word(allowed: bool) -> &'static str {
    if allowed { "allowed" } else { "denied" }
}

impl UndecidedPart {
    fn new(undecided: &Undecided) -> Self {
        Self {
            change: word(undecided.gained),
            caller: undecided.who.clone(),
            method: undecided.method.clone(),
            pattern: undecided.pattern.clone(),
            why: match undecided.why {
                Why::Budget => "budget",
                Why::Ambiguous => "ambiguous_paths",
                Why::Claims => "claims",
                Why::Keys => "keys",
                Why::Holders => "holders",
                Why::Unchecked => "unchecked",
                Why::Unconfirmed => "unconfirmed",
            },
        }
    }
}

/// Why something could not be told, in words.
pub fn say_why(why: Why) -> &'static str {
    match why {
        Why::Budget => "it would have taken too long",
        Why::Ambiguous => {
            "only paths that servers read in several ways are left, and none of those that were tried \
             shows it"
        }
        Why::Claims => "the claims can be put together in more ways than are tried",
        Why::Keys => "the keys of an issuer differ",
        Why::Holders => {
            "tokens are bound to whoever sends them, and workloads are recognised otherwise"
        }
        Why::Unchecked => "a proof did not hold when it was checked once more",
        Why::Unconfirmed => "no request was found that both policies decide as was expected",
    }
}
