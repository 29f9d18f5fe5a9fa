//! The paths that are let through, judged by every server.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use fastrand::Rng;

use super::client::{Answer, Client, Request, ask, bar, get};
use super::front::Front;
use super::grammar::Grammar;
use super::policies::Policy;
use super::process::Servers;
use super::settings::Setting;
use super::shrink;

/// Failures of one setting under one policy that are shrunk and shown.
const SHOWN: usize = 3;
/// One in so many of the paths that are refused is sent to the servers without the gateway, to see
/// what they would make of it.
const UNFILTERED: usize = 20;
/// One in so many paths meets Envoy's defaults in place of the emitted connection manager.
const WITH_DEFAULTS: usize = 4;

/// A path at a host.
struct Case {
    policy: usize,
    defaults: bool,
    path: Vec<u8>,
}

/// What a server made of a path.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It served nothing.
    Nothing,
    /// It took it for this path, which is admitted: handler and path.
    Admitted(String, String),
    /// It took it for this path, which is not.
    Wrong(String, String),
}

/// What came of all paths under one policy.
#[derive(Debug, Clone, Default)]
pub struct UnderPolicy {
    /// The patterns of the policy.
    pub paths: Vec<String>,
    /// Paths that were tried.
    pub tried: usize,
    /// Those that the gateway let through.
    pub let_through: usize,
    /// Those of them on which servers may differ.
    pub special: usize,
}

/// What one server made of the paths.
#[derive(Debug, Clone, Default)]
pub struct AtServer {
    /// Paths that were let through to it.
    pub judged: usize,
    /// Those that it served.
    pub served: usize,
    /// Those without an answer.
    pub lost: usize,
    /// Those that it served and that are not admitted.
    pub wrong: usize,
    /// Paths that the gateway refuses and that went to the server without it.
    pub unfiltered: usize,
    /// Those of them that it served.
    pub unfiltered_wrong: usize,
    /// And by what they hold.
    pub unfiltered_kinds: BTreeMap<&'static str, usize>,
}

/// What was found.
#[derive(Default)]
pub struct Found {
    /// By policy.
    pub policies: Vec<UnderPolicy>,
    /// By server.
    pub servers: Vec<(&'static Setting, AtServer)>,
    /// Paths that were let through, by what they hold.
    pub kinds: BTreeMap<&'static str, usize>,
    /// What got through, shrunk, and how to try it alone.
    pub failures: Vec<String>,
}

/// Generates paths, and has every server judge those that are let through.
pub fn run(
    front: &Front,
    servers: &Servers,
    policies: &[Policy],
    settings: &[&'static Setting],
    (seed, count): (u64, usize),
) -> Found {
    let cases = generate(policies, seed, count);
    let statuses = decide(front, policies, &cases);
    let mut found = Found::default();
    let mut through = Vec::new();
    let mut refused = Vec::new();
    let under = |policy: &Policy| UnderPolicy { paths: policy.paths.clone(), ..Default::default() };
    found.policies = policies.iter().map(under).collect();
    for (case, status) in cases.iter().zip(statuses) {
        let under = &mut found.policies[case.policy];
        under.tried += 1;
        if status == 200 {
            under.let_through += 1;
            under.special += usize::from(is_special(&case.path));
            for kind in kinds(&case.path) {
                *found.kinds.entry(kind).or_default() += 1;
            }
            through.push(case);
        } else {
            refused.push(case);
        }
    }
    let sample: Vec<&Case> = refused.into_iter().step_by(UNFILTERED).collect();
    let steps = settings.len() * (through.len() + sample.len());
    let bar = bar("paths", steps);
    let (through_requests, sample_requests) =
        (requests(policies, &through), requests(policies, &sample));
    for setting in settings {
        bar.set_message(setting.name);
        let mut at = AtServer::default();
        let clients = |defaults| front.to(setting.name, defaults);
        let mut wrong = Vec::new();
        for (case, answer) in through.iter().zip(ask(&through_requests, clients, &bar)) {
            let verdict = verdict(&policies[case.policy], &answer);
            at.judged += 1;
            at.lost += usize::from(answer.status == 0 || answer.status >= 502);
            at.served += usize::from(verdict != Verdict::Nothing);
            if verdict.is_wrong() {
                at.wrong += 1;
                wrong.push(*case);
            }
        }
        let direct = |_| Client::new(servers.address(setting.name));
        for (case, answer) in sample.iter().zip(ask(&sample_requests, direct, &bar)) {
            at.unfiltered += 1;
            let verdict = verdict(&policies[case.policy], &answer);
            if verdict.is_wrong() {
                at.unfiltered_wrong += 1;
                for kind in kinds(&case.path) {
                    *at.unfiltered_kinds.entry(kind).or_default() += 1;
                }
            }
        }
        found.failures.extend(explain(front, policies, setting, &wrong));
        bar.suspend(|| {
            let AtServer { judged, served, wrong, .. } = at;
            eprintln!("{}: {judged} paths, {served} served, {wrong} got through", setting.name);
        });
        found.servers.push((setting, at));
    }
    bar.finish_and_clear();
    found
}

/// Different paths, the same for the same seed.
fn generate(policies: &[Policy], seed: u64, count: usize) -> Vec<Case> {
    let grammar = Grammar::new();
    let mut random = Rng::with_seed(seed);
    let mut known = HashSet::new();
    let mut cases = Vec::with_capacity(count);
    while cases.len() < count {
        let policy = cases.len() % policies.len();
        let path = grammar.path(&mut random, &policies[policy]);
        if path.starts_with(b"/") && known.insert((policy, path.clone())) {
            let defaults = random.usize(0..WITH_DEFAULTS) == 0;
            cases.push(Case { policy, defaults, path });
        }
    }
    cases
}

/// The gateway's statuses.
fn decide(front: &Front, policies: &[Policy], cases: &[Case]) -> Vec<u16> {
    let bar = bar("decided", cases.len());
    let all: Vec<&Case> = cases.iter().collect();
    let answers = ask(&requests(policies, &all), |defaults| front.judge(defaults), &bar);
    bar.finish_and_clear();
    let lost = answers.iter().filter(|answer| answer.status == 0).count();
    assert_eq!(lost, 0, "the gateway left requests without an answer");
    answers.iter().map(|answer| answer.status).collect()
}

/// The requests of cases.
fn requests(policies: &[Policy], cases: &[&Case]) -> Vec<Request> {
    let request = |case: &&Case| Request {
        bytes: get(&policies[case.policy].host, &case.path),
        defaults: case.defaults,
    };
    cases.iter().map(request).collect()
}

/// What a server made of a path that is admitted under a policy, or not.
pub fn verdict(policy: &Policy, answer: &Answer) -> Verdict {
    let Some(seen) = answer.seen() else { return Verdict::Nothing };
    // A handler for another folder than that of the path would be a second reading of it.
    let own = !seen.handler.starts_with('/') || seen.path.starts_with(seen.handler.as_bytes());
    let admitted = own && policy.admits(seen.path);
    let handler = seen.handler.to_owned();
    let path = String::from_utf8_lossy(seen.path).into_owned();
    match admitted {
        true => Verdict::Admitted(handler, path),
        false => Verdict::Wrong(handler, path),
    }
}

impl Verdict {
    /// Whether something was served that is not admitted.
    pub fn is_wrong(&self) -> bool {
        matches!(self, Self::Wrong(..))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("serves nothing"),
            Self::Admitted(handler, path) => write!(f, "handler {handler}, path {path}"),
            Self::Wrong(handler, path) => {
                write!(f, "handler {handler}, path {path}, which is not admitted")
            }
        }
    }
}

/// Some of what got through to a server, as short as it can be, and how to try it alone.
fn explain(front: &Front, policies: &[Policy], at: &Setting, wrong: &[&Case]) -> Vec<String> {
    let mut shown = HashSet::new();
    let mut texts = Vec::new();
    for (index, policy) in policies.iter().enumerate() {
        for case in wrong.iter().filter(|case| case.policy == index).take(SHOWN) {
            let mut client = front.to(at.name, case.defaults);
            let path = shrink::shortest(&case.path, |path| {
                verdict(policy, &client.send(&get(&policy.host, path))).is_wrong()
            });
            let path = String::from_utf8_lossy(&path).into_owned();
            if shown.insert((index, path.clone())) {
                let verdict = verdict(policy, &client.send(&get(&policy.host, path.as_bytes())));
                let manager = if case.defaults { ", with Envoy's defaults" } else { "" };
                texts.push(format!(
                    "{} ({}) under {:?}{manager}: {path} gets {verdict}\n  \
                     again: make zoo ZOO_SERVERS={} ZOO_TRY='{} {path}'",
                    at.name,
                    at.what,
                    policy.paths,
                    at.program.group(),
                    policy.host
                ));
            }
        }
    }
    texts
}

/// Whether a path holds what servers differ on.
fn is_special(path: &[u8]) -> bool {
    !kinds(path).is_empty()
}

/// What of it a path may hold.
pub const KINDS: [&str; 8] = [
    "escapes",
    "escapes of escapes",
    "escaped slashes",
    "backslashes",
    "parameters",
    "dot segments",
    "doubled slashes",
    "cut characters",
];

/// What of it a path holds.
fn kinds(path: &[u8]) -> Vec<&'static str> {
    let path = path.split(|byte| *byte == b'?').next().unwrap_or_default();
    let text = String::from_utf8_lossy(path).to_ascii_lowercase();
    let holds = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    let dots = text.split('/').any(|segment| segment == "." || segment == "..");
    let held = [
        holds(&["%"]),
        holds(&["%25"]),
        holds(&["%2f", "%5c"]),
        holds(&["\\"]),
        holds(&[";", "%3b"]),
        dots || holds(&["%2e"]),
        holds(&["//"]),
        holds(&["%3f", "%23"]),
    ];
    KINDS.into_iter().zip(held).filter(|(_, held)| *held).map(|(kind, _)| kind).collect()
}
