//! A policy from above: its hosts, everyone whom it tells apart, and the requests that show what
//! somebody may do somewhere.
//!
//! No decision is made here. Whoever wants to know lets the engine decide the requests: `report`'s
//! page does, for the hosts and callers that are looked at.
//!
//! | file | what lives there |
//! |---|---|
//! | `callers` | who calls: tokens and workloads that the patterns of the policy match |
//! | `natural` | the order of hosts |

mod callers;
mod natural;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use indexmap::IndexSet;
use serde::Serialize;

pub use self::callers::{Caller, Kind};
use crate::engine::precedence::Decides;
use crate::policy::{Operation, Policy};
use crate::prove::examples::{Examples, other_method, other_path, path};
use crate::prove::hosts::hosts;
use crate::prove::side::{Access, Effective, View};
use crate::prove::tables::Tables;

/// A policy from above.
#[derive(Debug, Serialize)]
pub struct Outline {
    /// Every host, in natural order; at the end one that stands for all that nothing names.
    pub hosts: Vec<HostOutline>,
    /// Who calls.
    pub callers: Vec<Caller>,
    /// Methods and paths that show what may be done; several hosts share them.
    pub probes: Vec<Probe>,
}

/// One host.
#[derive(Debug, Serialize)]
pub struct HostOutline {
    /// The hostname as the policy writes it; absent for the one that nothing names.
    pub name: Option<String>,
    /// The host that requests are made for.
    pub example: String,
    /// Index of the server that governs it.
    pub server: Option<usize>,
    /// Index of its entry in [`Policy::egress`], where that decides.
    pub egress: Option<usize>,
    /// What decides.
    pub decides: &'static str,
    /// Whether a denial is only reported.
    pub tried_out: bool,
    /// Hosts of one class are decided alike.
    pub class: usize,
    /// Index into [`Outline::probes`].
    pub probe: usize,
    /// Callers that a caller without an identity is tried together with, as the host asks for a
    /// token and a workload both: indices into [`Outline::callers`].
    pub with: Vec<usize>,
}

/// Methods and paths.
#[derive(Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Probe {
    /// Methods that the rules name, and one that stands for all others.
    pub methods: Vec<String>,
    /// That one.
    pub other_method: String,
    /// Paths that the rules' patterns match, and one that none does.
    pub paths: Vec<String>,
    /// Each pattern with the positions of the paths that were made from it.
    pub patterns: BTreeMap<String, BTreeSet<usize>>,
}

impl Outline {
    /// Looks at a policy that is known to be sound. What only an older one tells apart, `old`, is
    /// probed for as well.
    pub fn new(policy: &Policy, old: Option<&Policy>) -> Self {
        let examples = Examples::new(policy);
        let callers = callers::callers(policy, &examples);
        let enforced = [Some(policy), old].map(|policy| policy.map(enforced));
        let mut tables = Tables::default();
        let view = View::new(policy, &mut tables);
        let enforced: Vec<_> =
            enforced.iter().flatten().map(|policy| View::new(policy, &mut tables)).collect();
        let servers: HashMap<&str, usize> =
            policy.servers.iter().enumerate().map(|(at, it)| (it.hostname.as_str(), at)).collect();
        let egress: HashMap<&str, usize> =
            policy.egress.iter().enumerate().map(|(at, it)| (it.hostname.as_str(), at)).collect();
        let (mut classes, mut probes) = (IndexSet::new(), IndexSet::new());
        let mut known: HashMap<BTreeSet<u32>, usize> = HashMap::new();
        let mut outlines = Vec::new();
        let mut hosts = hosts(&[&view], &[]);
        hosts.sort_by(|one, other| match (&one.name, &other.name) {
            (Some(one), Some(other)) => natural::compare(one, other),
            // Nothing names the last.
            (one, other) => one.is_none().cmp(&other.is_none()),
        });
        for host in hosts {
            let (effective, manner) = view.effective(&host.example);
            let (decides, tried_out) = (manner.decides, manner.tried_out.is_some());
            let asks_for_token = effective.tokens.is_some();
            let sides = enforced.iter().map(|view| view.effective(&host.example).0);
            let operations: BTreeSet<u32> = sides.flat_map(operations).collect();
            let probe = *known.entry(operations).or_insert_with_key(|operations| {
                let numbers = operations.iter();
                let operations = numbers.filter_map(|number| tables.operations.get(*number));
                probes.insert_full(Probe::of(&operations.collect::<Vec<_>>())).0
            });
            let server = view.server(&host.example);
            let both = asks_for_token && decides == Decides::EgressAuthorization(());
            let with = match both {
                true => {
                    let egress = view.egress(&host.example);
                    callers::beside(policy, &examples, &callers, server, egress)
                }
                false => Vec::new(),
            };
            let server = server.map(|server| server.hostname.as_str());
            outlines.push(HostOutline {
                server: server.and_then(|name| servers.get(name).copied()),
                egress: egress
                    .get(host.example.as_str())
                    .copied()
                    .filter(|_| decides == Decides::EgressAuthorization(())),
                decides: word(decides),
                tried_out,
                class: classes.insert_full((effective, manner, probe)).0,
                probe,
                with,
                name: host.name,
                example: host.example,
            });
        }
        Self { hosts: outlines, callers, probes: probes.into_iter().collect() }
    }
}

/// The policy with what it only tries out enforced: that has rules all the same.
fn enforced(policy: &Policy) -> Policy {
    let mut policy = policy.clone();
    for server in &mut policy.servers {
        server.shadow_authorization = false;
    }
    for host in &mut policy.egress {
        host.shadow = false;
    }
    policy
}

/// The operations that rules name.
fn operations(effective: Effective) -> impl Iterator<Item = u32> {
    let atoms = match effective.access {
        Access::Rules(atoms) => atoms,
        Access::Everything | Access::Nothing => Vec::new(),
    };
    atoms.into_iter().filter_map(|atom| atom.operation)
}

impl Probe {
    /// Methods and paths that tell these operations apart.
    fn of(operations: &[&Operation]) -> Self {
        let named = |list: fn(&Operation) -> Option<&Vec<String>>| -> BTreeSet<&str> {
            let lists = operations.iter().filter_map(|operation| list(operation));
            lists.flatten().map(String::as_str).collect()
        };
        let mut methods = named(|operation| operation.methods.as_ref());
        let other_method = other_method(&methods);
        methods.insert(&other_method);
        let all: Vec<&str> = named(|operation| operation.paths.as_ref()).into_iter().collect();
        let other = other_path(&all).unwrap_or_else(|| "/another-path".to_owned());
        let mut paths = IndexSet::from([other]);
        let mut patterns: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for pattern in &all {
            let others: Vec<_> = all.iter().copied().filter(|other| other != pattern).collect();
            for path in [path(pattern, &others), path(pattern, &[])].into_iter().flatten() {
                let (position, _) = paths.insert_full(path);
                patterns.entry((*pattern).to_owned()).or_default().insert(position);
            }
        }
        Self {
            methods: methods.into_iter().map(str::to_owned).collect(),
            other_method,
            paths: paths.into_iter().collect(),
            patterns,
        }
    }
}

fn word(decides: Decides) -> &'static str {
    match decides {
        Decides::Authorization(()) => "authorization",
        Decides::EgressAuthorization(()) => "egress_authorization",
        Decides::Authentication(()) => "authentication",
        Decides::Passthrough => "passthrough",
        Decides::DefaultAction => "default_action",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policy() -> Policy {
        serde_json::from_value(json!({
            "version": 1,
            "gateway": "n/g",
            "jwt_rules": [
                {"issuer": "https://a.test", "audiences": ["x"], "max_lifetime_seconds": 60, "jwks": {"remote": {"uri": "https://a.test/k", "cluster": "c"}}},
                {"issuer": "https://b.test", "jwks": {"remote": {"uri": "https://b.test/k", "cluster": "c"}}},
            ],
            "principals": [{"sub": "alice"}, {"iss": "https://b*", "other": {"roles": "admin"}}],
            "operations": [{"methods": ["GET"], "paths": ["/v1/*"]}],
            "rules": [{"name": "r", "from": [0, 1], "to": [0]}],
            "servers": [
                {"name": "one", "hostname": "one.test", "authentication": {"jwt": [0, 1]}, "authorization": {"rules": [0]}},
                {"name": "two", "hostname": "two.test", "authentication": {"jwt": [0, 1]}, "authorization": {"rules": [0]}},
                {"name": "tried", "hostname": "tried.test", "authentication": {"jwt": [0]}, "authorization": {"rules": [0]}, "shadow_authorization": true},
                {"name": "both", "hostname": "both.test", "authentication": {"jwt": [1]}},
            ],
            "egress_rules": [{"name": "e", "from": ["shop/*", "shop/web"]}],
            "egress": [{"hostname": "both.test", "rules": [0]}],
        }))
        .unwrap()
    }

    #[test]
    fn hosts_with_the_same_rules_are_of_one_class_and_share_a_probe() {
        let outline = Outline::new(&policy(), None);
        let host =
            |name: &str| outline.hosts.iter().find(|it| it.name.as_deref() == Some(name)).unwrap();
        assert_eq!(host("one.test").class, host("two.test").class);
        assert_ne!(host("one.test").class, host("tried.test").class);
        assert_eq!(host("one.test").probe, host("tried.test").probe);
        assert!(host("tried.test").tried_out && !host("one.test").tried_out);
        let probe = &outline.probes[host("one.test").probe];
        assert_eq!(probe.methods, ["GET", "POST"]);
        assert_eq!(probe.paths, ["/another-path", "/v1/42"]);
        assert_eq!(outline.hosts.last().unwrap().name, None);
        assert_eq!(host("both.test").decides, "egress_authorization");
    }

    #[test]
    fn what_only_an_older_policy_names_is_probed_for() {
        let mut old = policy();
        old.operations[0].methods = Some(vec!["DELETE".to_owned()]);
        let outline = Outline::new(&policy(), Some(&old));
        let one = outline.hosts.iter().find(|it| it.example == "one.test").unwrap();
        assert_eq!(outline.probes[one.probe].methods, ["DELETE", "GET", "POST"]);
    }

    #[test]
    fn everyone_whom_the_policy_tells_apart_calls() {
        let outline = Outline::new(&policy(), None);
        let labels: Vec<_> = outline.callers.iter().map(|it| it.label.as_str()).collect();
        assert_eq!(
            labels,
            [
                "alice",
                "alice",
                "roles=admin",
                "another token of https://a.test",
                "another token of https://b.test",
                "shop/*",
                "shop/web",
                "another workload",
                "nobody known",
            ]
        );
        let alice = &outline.callers[0];
        assert_eq!(alice.expires_in_seconds, Some(60));
        let claims = alice.claims.as_ref().unwrap();
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!("https://a.test"), &json!("x")));
        let with = &outline.hosts.iter().find(|it| it.example == "both.test").unwrap().with;
        let with: Vec<_> = with.iter().map(|at| outline.callers[*at].label.as_str()).collect();
        assert_eq!(with, ["another token of https://b.test", "shop/*", "shop/web"]);
    }

    /// Who stands for all whom no principal names is named by none.
    #[test]
    fn others_are_nobody_whom_the_policy_names() {
        let mut policy = policy();
        for principal in &mut policy.principals {
            principal.sub = Some("another-subject".to_owned());
        }
        let outline = Outline::new(&policy, None);
        let others = outline.callers.iter().filter(|caller| caller.kind == Kind::Issuer);
        let subjects: BTreeSet<_> =
            others.filter_map(|it| it.claims.as_ref()?.get("sub")?.as_str()).collect();
        assert_eq!(subjects, BTreeSet::from(["another-subject-2"]));
    }
}
