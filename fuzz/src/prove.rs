//! The prover against the engine, over every request of a small world.
//!
//! Two policies for one host are made of the input's choices, and a guarantee. Whatever the prover
//! calls proved must hold for every token, workload, method and path of the world, by the engine's
//! word; and what a guarantee is about is found out a second time, as plainly as possible.

use std::sync::OnceLock;

use egress_auth::policy::{Policy, Principal, VERSION};
use egress_auth::prove::compare::compare;
use egress_auth::prove::example::{Example, Judge, Sender, Token};
use egress_auth::prove::group::Beyond;
use egress_auth::prove::guarantee::{Demand, Outcome, Prover};
use egress_auth::prove::region::{Area, Region};
use serde_json::{Map, Value, json};

use super::choices::Choices;
use super::plain;

const NOW: u64 = 1_000_000;
const HOST: &str = "api.test";
const ISSUER: &str = "https://i.test";
const METHODS: [&str; 3] = ["GET", "POST", "PUT"];
/// Patterns of the world's letters that hold nothing that servers read in several ways.
const PLAIN: [&str; 24] = [
    "*",
    "/*",
    "/a",
    "/b",
    "/a/*",
    "/a*",
    "/*a",
    "*b",
    "/{*}",
    "/{**}",
    "/a/{*}",
    "/a/{**}",
    "/{*}/b",
    "/{**}/b",
    "/a/{**}/b",
    "/*a*",
    "/a*b",
    "/ab",
    "/a/b",
    "/",
    "/{*}/{*}",
    "/a/{*}/b",
    "/b/*",
    "/*/b",
];
/// Patterns that hold such.
const STRANGE: [&str; 12] = [
    "/a//b", "/a/../b", "/a;b", "/a%2fb", "/*%2f*", "/*;*", "/a\\b", "/a/./*", "/..*", "/%61",
    "/*//*", "/a;*/b",
];
const SUBJECTS: [&str; 8] = ["a", "b", "ab", "a*", "*b", "*", "*a*", "ba*"];
const SOURCES: [&str; 6] = ["n/a", "n/*", "n*/*", "*/*", "m/a", "*/a"];

/// What became of one input.
#[derive(Debug, Clone, Copy)]
pub struct Compared {
    /// Whether no pattern holds what servers read in several ways.
    pub plain: bool,
    /// Whether the world holds a request that only one of the policies admits.
    pub differs: bool,
    /// Whether the prover shows one, whatever the world holds.
    pub shown: bool,
    /// Whether the prover could not tell in one direction or the other.
    pub undecided: bool,
}

/// Checks one choice of policies and guarantee.
pub fn check(input: &[u8]) {
    pair(input);
}

/// The same, and what became of it.
pub fn pair(input: &[u8]) -> Compared {
    let mut choices = Choices::new(input);
    let make = Make::chosen(&mut choices);
    let old = make.rules(&mut choices);
    let new = match choices.yes() {
        true => make.rules(&mut choices),
        false => make.mutated(&old, &mut choices),
    };
    compared(&make, [&old, &new], &mut choices)
}

/// What becomes of a policy of which one rule is changed.
pub fn mutation(input: &[u8]) -> Compared {
    let mut choices = Choices::new(input);
    let make = Make::chosen(&mut choices);
    let old = make.rules(&mut choices);
    let new = make.mutated(&old, &mut choices);
    compared(&make, [&old, &new], &mut choices)
}

fn compared(make: &Make, [old, new]: [&[Value]; 2], choices: &mut Choices<'_>) -> Compared {
    let region = make.region(choices);
    let policies = [make.policy(old), make.policy(new)];
    let judges = policies.each_ref().map(|it| Judge::new(it, NOW).expect("the policy is sound"));
    let tell = || json!({ "old": old, "new": new }).to_string();
    let comparison = compare([&policies[0], &policies[1]], NOW).expect("both are sound");
    let any = |beyond: &Beyond| [!beyond.found.is_empty(), !beyond.unclear.is_empty()];
    let mut directions = [[false; 2]; 2];
    for group in &comparison.groups {
        for (direction, beyond) in directions.iter_mut().zip([&group.gained, &group.lost]) {
            let [found, unclear] = any(beyond);
            *direction = [direction[0] || found, direction[1] || unclear];
        }
    }
    let [gained, lost] = directions;
    for group in &comparison.groups {
        for (beyond, side) in [(&group.gained, 1), (&group.lost, 0)] {
            for found in &beyond.found {
                let said = [side, 1 - side].map(|side| judges[side].decide(&found.example).allowed);
                assert_eq!(said, [true, false], "{:?} {}", found.example, tell());
            }
        }
    }
    let demands = [Demand::Never(region.clone()), Demand::Always(region.clone())];
    let prover = Prover::new(&policies[1], NOW).expect("the policy is sound");
    let outcomes = demands.map(|demand| prover.judge(&demand).expect("patterns are sound"));
    for (outcome, allowed) in outcomes.iter().zip([true, false]) {
        if let Outcome::Refuted(found) = outcome {
            assert_eq!(judges[1].decide(&found.example).allowed, allowed, "{}", tell());
            if plain::readings(found.example.path.as_deref().unwrap_or_default()).is_some() {
                assert!(is_in(&region, &found.example), "{:?} {region:?}", found.example);
            }
        }
    }
    let proved = outcomes.each_ref().map(|outcome| matches!(outcome, Outcome::Proved(_)));
    let mut differs = false;
    for example in world(make.workloads) {
        let [before, after] = judges.each_ref().map(|judge| judge.decide(example).allowed);
        differs |= before != after;
        assert!(before || !after || gained != [false; 2], "gained {example:?} {}", tell());
        assert!(after || !before || lost != [false; 2], "lost {example:?} {}", tell());
        if proved[0] && after {
            assert!(!is_in(&region, example), "never {example:?} {region:?} {}", tell());
        }
        let is_plain = || {
            let path = example.path.as_deref().unwrap_or_default();
            plain::readings(path).is_some_and(|all| all.len() == 1)
        };
        if proved[1] && !after && is_plain() {
            assert!(!is_in(&region, example), "always {example:?} {region:?} {}", tell());
        }
    }
    Compared {
        plain: !make.strange,
        differs,
        shown: gained[0] || lost[0],
        undecided: [gained, lost].into_iter().any(|[found, unclear]| !found && unclear),
    }
}

/// How policies are made.
struct Make {
    strange: bool,
    workloads: bool,
}

impl Make {
    fn chosen(choices: &mut Choices<'_>) -> Self {
        Self { strange: choices.yes(), workloads: choices.below(4) == 3 }
    }

    fn path(&self, choices: &mut Choices<'_>) -> &'static str {
        match self.strange && choices.below(3) == 2 {
            true => choices.one(&STRANGE),
            false => choices.one(&PLAIN),
        }
    }

    fn operation(&self, choices: &mut Choices<'_>) -> Value {
        let mut operation = Map::new();
        if choices.below(3) == 2 {
            operation.insert("methods".to_owned(), json!(choices.few(|it| it.one(&METHODS[..2]))));
        }
        if operation.is_empty() || choices.below(4) > 0 {
            operation.insert("paths".to_owned(), json!(choices.few(|it| self.path(it))));
        }
        Value::Object(operation)
    }

    fn principal(&self, choices: &mut Choices<'_>) -> Value {
        let mut principal = json!({ "other": {} });
        if choices.below(3) > 0 {
            principal["sub"] = json!(choices.one(&SUBJECTS));
        }
        match choices.below(4) {
            2 => principal["other"]["role"] = json!(choices.one(&SUBJECTS)),
            3 => principal["other"]["r.s"] = json!(choices.one(&SUBJECTS)),
            _ => {}
        }
        principal
    }

    fn rule(&self, choices: &mut Choices<'_>) -> Value {
        let mut rule = Map::new();
        if choices.below(4) > 0 {
            let from = match self.workloads {
                true => json!(choices.few(|it| it.one(&SOURCES))),
                false => json!(choices.few(|it| self.principal(it))),
            };
            rule.insert("from".to_owned(), from);
        }
        if choices.below(6) > 0 {
            rule.insert("to".to_owned(), json!(choices.few(|it| self.operation(it))));
        }
        Value::Object(rule)
    }

    fn rules(&self, choices: &mut Choices<'_>) -> Vec<Value> {
        choices.few(|it| self.rule(it))
    }

    /// The same rules with one that is another, or without it, or in another order.
    fn mutated(&self, rules: &[Value], choices: &mut Choices<'_>) -> Vec<Value> {
        let mut rules = rules.to_vec();
        let at = choices.below(rules.len());
        match choices.below(4) {
            0 => rules[at]["to"] = json!(choices.few(|it| self.operation(it))),
            1 => rules[at] = self.rule(choices),
            2 if rules.len() > 1 => {
                rules.remove(at);
            }
            _ => rules.reverse(),
        }
        rules
    }

    fn policy(&self, rules: &[Value]) -> Policy {
        let (mut principals, mut operations, mut written) = (Vec::new(), Vec::new(), Vec::new());
        let add = |table: &mut Vec<Value>, list: &Value| {
            let first = table.len();
            table.extend(list.as_array().into_iter().flatten().cloned());
            json!((first..table.len()).collect::<Vec<_>>())
        };
        for (number, rule) in rules.iter().enumerate() {
            let mut one = json!({ "name": number.to_string() });
            if let Some(from) = rule.get("from") {
                one["from"] = match self.workloads {
                    true => from.clone(),
                    false => add(&mut principals, from),
                };
            }
            if let Some(to) = rule.get("to") {
                one["to"] = add(&mut operations, to);
            }
            written.push(one);
        }
        let all: Vec<_> = (0..written.len()).collect();
        let mut policy = json!({
            "version": VERSION, "gateway": "g/g", "principals": principals, "operations": operations,
            "servers": [],
        });
        if self.workloads {
            policy["egress_rules"] = json!(written);
            policy["egress"] = json!([{ "hostname": HOST, "rules": all }]);
        } else {
            policy["jwt_rules"] = json!([{
                "issuer": ISSUER, "jwks": { "remote": { "uri": "https://i.test/k", "cluster": "k" } },
            }]);
            policy["rules"] = json!(written);
            policy["servers"] = json!([{
                "name": "api", "hostname": HOST, "authentication": { "jwt": [0], "required": false },
                "authorization": { "rules": all },
            }]);
        }
        serde_json::from_value(policy).expect("a policy")
    }

    fn area(&self, choices: &mut Choices<'_>) -> Area {
        let texts = |all: Vec<&str>| all.into_iter().map(str::to_owned).collect::<Vec<_>>();
        let mut area = Area::default();
        if choices.below(3) == 2 {
            area.methods = Some(texts(choices.few(|it| it.one(&METHODS))));
        }
        if choices.yes() {
            area.paths = Some(texts(choices.few(|it| self.path(it))));
        }
        if choices.yes() {
            match self.workloads {
                true => area.workloads = Some(texts(choices.few(|it| it.one(&SOURCES)))),
                false => {
                    let tokens = choices.few(|it| self.principal(it));
                    let read = |it| serde_json::from_value::<Principal>(it).expect("a principal");
                    area.tokens = Some(tokens.into_iter().map(read).collect());
                }
            }
        }
        area
    }

    fn region(&self, choices: &mut Choices<'_>) -> Region {
        Region { area: self.area(choices), except: choices.perhaps(|it| self.area(it)) }
    }
}

/// Whether a request is in a region, found out plainly.
fn is_in(region: &Region, example: &Example) -> bool {
    let readings = plain::readings(example.path.as_deref().unwrap_or_default());
    let paths = readings.unwrap_or_default();
    let is_about = |area: &Area| {
        let method = area.methods.as_ref().is_none_or(|all| all.contains(&example.method));
        let token = area.tokens.as_ref().is_none_or(|all| {
            let claims = example.token.as_map();
            claims.is_some_and(|claims| all.iter().any(|it| principal_matches(it, claims)))
        });
        let workload = area.workloads.as_ref().is_none_or(|all| {
            let peer = example.sender.peer.as_deref().unwrap_or_default();
            let workload = plain::workload(peer, "cluster.local");
            workload.is_some_and(|it| all.iter().any(|source| plain::source_matches(source, it)))
        });
        method && token && workload
    };
    let has_path = |area: &Area, path: &str| {
        area.paths.as_ref().is_none_or(|all| all.iter().any(|it| plain::path_matches(it, path)))
    };
    let except = region.except.as_ref().filter(|except| is_about(except));
    let is_left_out = |path: &str| except.is_some_and(|except| has_path(except, path));
    is_about(&region.area)
        && paths.iter().any(|path| has_path(&region.area, path) && !is_left_out(path))
}

fn principal_matches(principal: &Principal, claims: &Map<String, Value>) -> bool {
    let literal = |name: &str| claims.get(name);
    let sub = principal.sub.as_ref().is_none_or(|pattern| {
        literal("sub").is_some_and(|value| plain::claim_matches(pattern, value))
    });
    let other = principal.other.iter().all(|(name, pattern)| {
        let by_path = || {
            name.split('.').try_fold(None::<&Value>, |value, part| {
                let next = match value {
                    None => claims.get(part),
                    Some(value) => value.get(part),
                };
                next.map(Some)
            })
        };
        let value = literal(name).or_else(|| by_path().flatten());
        value.is_some_and(|value| plain::claim_matches(pattern, value))
    });
    sub && other
}

/// Every request of the world.
fn world(workloads: bool) -> &'static [Example] {
    static OF_TOKENS: OnceLock<Vec<Example>> = OnceLock::new();
    static OF_WORKLOADS: OnceLock<Vec<Example>> = OnceLock::new();
    match workloads {
        true => OF_WORKLOADS.get_or_init(|| made(&[Value::Null], &PEERS)),
        false => OF_TOKENS.get_or_init(|| {
            let mut tokens = vec![Value::Null];
            tokens.extend(["a", "b", "ab", "bab"].map(|sub| json!({ "iss": ISSUER, "sub": sub })));
            tokens.push(json!({ "iss": ISSUER, "sub": "b", "role": ["a", "c"] }));
            tokens.push(json!({ "iss": ISSUER, "sub": "ab", "r": { "s": "ab" } }));
            tokens.push(
                json!({ "iss": ISSUER, "sub": "c", "r.s": "b", "r": { "s": "a" }, "role": "b" }),
            );
            made(&tokens, &[None])
        }),
    }
}

const PEERS: [Option<&str>; 5] = [
    None,
    Some("spiffe://cluster.local/ns/n/sa/a"),
    Some("spiffe://cluster.local/ns/nn/sa/b"),
    Some("spiffe://cluster.local/ns/m/sa/a"),
    Some("spiffe://cluster.local/ns/x/sa/y"),
];

fn made(tokens: &[Value], peers: &[Option<&str>]) -> Vec<Example> {
    let mut paths = Vec::new();
    let mut last = vec![String::new()];
    for _ in 0..4 {
        let longer = |path: &String| ["a", "b", "/"].map(|it| format!("{path}{it}"));
        paths.extend(last.iter().map(|path| format!("/{path}")));
        last = last.iter().flat_map(longer).collect();
    }
    let strange = ["/..", "%2f", ";b", "\\", "//", "/.", "%61", "%252e"];
    for one in strange {
        for (before, after) in [("/a", "b"), ("/a", ""), ("", "/b"), ("/b/a", "/b"), ("/a", "/a")] {
            paths.push(format!("{before}{one}{after}"));
        }
    }
    paths.extend(["/100%", "/a#b", "/%00"].map(str::to_owned));
    let mut all = Vec::new();
    for claims in tokens {
        let token = claims.as_object().cloned().map(|claims| Token::new(claims).expect("claims"));
        for peer in peers {
            for method in METHODS {
                for path in paths.iter().filter(|path| path.starts_with('/')) {
                    all.push(Example {
                        host: HOST.to_owned(),
                        method: method.to_owned(),
                        path: Some(path.clone()),
                        token: token.clone().unwrap_or_default(),
                        sender: Sender { peer: peer.map(str::to_owned), ..Sender::default() },
                    });
                }
            }
        }
    }
    all
}
