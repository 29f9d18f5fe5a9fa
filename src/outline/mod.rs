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
use crate::diff::effective::Effective;
use crate::diff::hosts::{View, hosts};
use crate::diff::operations::Operations;
use crate::engine::precedence::Decides;
use crate::policy::Policy;

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
        let names = callers::names(policy);
        let callers = callers::callers(policy, &names);
        let view = View::new(policy);
        let enforced = [Some(policy), old].map(|policy| policy.map(enforced));
        let enforced = enforced.each_ref().map(|policy| policy.as_ref().map(View::new));
        let servers: HashMap<&str, usize> =
            policy.servers.iter().enumerate().map(|(at, it)| (it.hostname.as_str(), at)).collect();
        let egress: HashMap<&str, usize> =
            policy.egress.iter().enumerate().map(|(at, it)| (it.hostname.as_str(), at)).collect();
        let (mut classes, mut probes) = (IndexSet::new(), IndexSet::new());
        let mut outlines = Vec::new();
        let mut hosts = hosts(&view, &view);
        hosts.sort_by(|one, other| match (&one.name, &other.name) {
            (Some(one), Some(other)) => natural::compare(one, other),
            // Nothing names the last.
            (one, other) => one.is_none().cmp(&other.is_none()),
        });
        for host in hosts {
            let (effective, manner) = view.effective(&host.example);
            let (decides, tried_out) = (manner.decides, manner.tried_out.is_some());
            let asks_for_token = effective.tokens.is_some();
            let views = enforced.iter().flatten();
            let rules: Vec<_> = views.map(|view| view.effective(&host.example).0).collect();
            let atoms: BTreeSet<_> = rules.iter().flat_map(Effective::atoms).collect();
            let operations = Operations::of(&atoms.into_iter().collect::<Vec<_>>());
            let probe = probes.insert_full(operations).0;
            let server = view.server(&host.example).map(|it| it.hostname.as_str());
            let both = asks_for_token && decides == Decides::EgressAuthorization(());
            let with = match rules.first().filter(|_| both) {
                Some(rules) => callers::beside(policy, &names, &callers, rules),
                None => Vec::new(),
            };
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
        let probes = probes.into_iter().map(Probe::from).collect();
        Self { hosts: outlines, callers, probes }
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

impl From<Operations> for Probe {
    fn from(operations: Operations) -> Self {
        let Operations { methods, other_method, paths, patterns } = operations;
        Self { methods, other_method, paths, patterns }
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
        assert_eq!(probe.paths, ["/another-path", "/v1/", "/v1/x", "/v1/x/y"]);
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
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!("https://a.test"), &json!(["x"])));
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
