//! Decisions against a second implementation of the contract.
//!
//! A policy and a request are made of the input's choices, from words that meet often. Tokens are
//! given as verified claims; what verifies a token is tried elsewhere.

use std::collections::BTreeMap;

use egress_auth::engine::{
    Asserted, Context, Engine, KeyRing, KnownCertificate, NoTrace, Outcome, Reason, Request,
    Verdict,
};
use egress_auth::jwt::{Claims, SoftwareVerifier, TokenCache, TokenType};
use egress_auth::policy::{
    Authentication, Authorization, CertificateBound, DefaultAction, EgressHost, EgressRule,
    IdentityMatch, JwtRule, Operation, Policy, Principal, Rule, Server, VERSION, WorkloadBound,
};
use serde_json::{Value, json};

use super::choices::Choices;
use super::plain;

const NOW: u64 = 1_000_000;
const HOSTNAMES: [&str; 6] = ["a.test", "b.a.test", "*.a.test", "*.test", "*", "c.example"];
const AUTHORITIES: [&str; 12] = [
    "a.test",
    "b.a.test",
    "A.Test:443",
    "x.a.test.",
    "x.b.a.test",
    "c.example",
    "test",
    ".a.test",
    "u@a.test",
    "a.test:x",
    "a.test/",
    "",
];
const METHODS: [&str; 4] = ["GET", "POST", "get", "CONNECT"];
const PIECES: [&str; 22] = [
    "/a", "/b", "/v1", "/", "/..", "/.", "..", "%2f", "%2e%2e", "%252f", "%25", "%5c", "\\", ";x",
    "%3b", "//", "a", "?q=/a", "#", "%zz", "%c0%af", "/%2e%2e/",
];
const PATTERNS: [&str; 14] = [
    "*",
    "/a/*",
    "/a",
    "/a/{*}",
    "/{**}/b",
    "/v1/{**}",
    "*/b",
    "/*a*",
    "{**}/a",
    "/",
    "/a/b",
    "/v1/{*}/b",
    "/a*/{*}",
    "/{*}",
];
const ISSUERS: [&str; 2] = ["joe", "ann"];
const VALUES: [&str; 5] = ["joe", "payments", "admin read", "", "x*y"];
const TEXT_PATTERNS: [&str; 9] =
    ["*", "joe", "pay*", "*ments", "*dmi*", "read", "x*y", "**", "true"];
const SOURCES: [&str; 6] = ["n/a", "n/*", "n*/*", "*/*", "m/a", "*/a"];
const PEERS: [&str; 8] = [
    "",
    "spiffe://cluster.local/ns/n/sa/a",
    "spiffe://cluster.local/ns/nn/sa/b",
    "spiffe://cluster.local/ns/m/sa/a",
    "spiffe://other/ns/n/sa/a",
    "spiffe://cluster.local/ns/n/sa/a,spiffe://cluster.local/ns/m/sa/a",
    "spiffe://cluster.local/ns/n/sa/",
    "spiffe://cluster.localx/ns/n/sa/a",
];

/// What stands as `typ`; an empty text for nothing.
const TYPES: [&str; 5] = ["", "JWT", "at+jwt", "application/AT+JWT", "application/"];
const SUBJECTS: [&str; 4] = [
    "spiffe://cluster.local/ns/n/sa/a",
    "spiffe://other/ns/n/sa/a",
    "system:serviceaccount:n:a",
    "system:serviceaccount:n:a:b",
];
/// The SHA-256 of certificates, as Envoy writes it and as `x5t#S256` does.
const CERTIFICATES: [(&str, &str); 3] = [
    (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ),
    (
        "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFffffffffffffffffffffffffffffffff",
        "__________________________________________8",
    ),
    ("", "________________________________________________"),
];

/// A request, as its parts.
struct Asked {
    authority: &'static str,
    method: &'static str,
    path: String,
    claims: Option<Value>,
    typ: &'static str,
    peer: &'static str,
    certificate: &'static str,
}

/// Checks one choice of policy and request.
pub fn check(input: &[u8]) {
    let mut choices = Choices::new(input);
    let policy = policy(&mut choices);
    let engine = Engine::new(policy.clone()).expect("the policy is sound");
    for _ in 0..4 {
        let asked = request(&mut choices);
        let (admitted, reason) = engine_says(&engine, &asked);
        let expected = plainly(&policy, &asked);
        assert_eq!(
            (admitted, reason),
            (expected == Ok(()), expected.err()),
            "{}",
            tell(&policy, &asked)
        );
    }
}

fn tell(policy: &Policy, asked: &Asked) -> String {
    format!(
        "{} {} {} {:?} {} {:?} {}\n{}",
        asked.method,
        asked.authority,
        asked.path,
        asked.claims,
        asked.typ,
        asked.peer,
        asked.certificate,
        serde_json::to_string(policy).unwrap_or_default()
    )
}

fn engine_says(engine: &Engine, asked: &Asked) -> (bool, Option<Reason>) {
    let claims = asked.claims.as_ref().map(|claims| {
        Claims::from_json(claims.to_string().as_bytes()).expect("claims are an object")
    });
    let headers = vec![
        (&b":authority"[..], asked.authority.as_bytes()),
        (b":method", asked.method.as_bytes()),
        (b":path", asked.path.as_bytes()),
    ];
    let token_type = TokenType::named(asked.typ);
    let claims = claims.as_ref().map(|claims| Asserted { claims, token_type: &token_type });
    let request = Request { headers, claims };
    let mut cache = TokenCache::new(1, 1, 7);
    let mut context = Context {
        now: NOW,
        keys: &KeyRing::new(0),
        verifier: &SoftwareVerifier,
        peer: &KnownCertificate { uri_sans: asked.peer, sha256: asked.certificate },
        cache: &mut cache,
    };
    let Verdict::Decided(decision) = engine.decide(&request, &mut context, &mut NoTrace) else {
        panic!("no keys are needed");
    };
    match decision.outcome {
        Outcome::Allow(_) => (true, None),
        Outcome::Deny(_) => (false, Some(decision.reason)),
    }
}

/// What the contract says: admitted, or why not.
fn plainly(policy: &Policy, asked: &Asked) -> Result<(), Reason> {
    let host = plain::host(asked.authority).ok_or(Reason::BadAuthority)?;
    let names: Vec<&str> = policy.servers.iter().map(|it| it.hostname.as_str()).collect();
    let name = plain::governing(&names, &host);
    let server = policy.servers.iter().find(|server| Some(server.hostname.as_str()) == name);
    let egress = policy.egress.iter().find(|egress| egress.hostname == host);

    let authentication = server.and_then(|server| server.authentication.as_ref());
    if let Some(authentication) = authentication {
        match &asked.claims {
            None if authentication.required => return Err(Reason::MissingToken),
            None => {}
            Some(claims) => authenticate(policy, authentication, claims, asked)?,
        }
    }
    // Claims count only where they were checked.
    let claims = asked.claims.as_ref().filter(|_| authentication.is_some());
    let operations = |to: &Option<Vec<u32>>| -> Option<Vec<Operation>> {
        let all = to.as_ref()?.iter().map(|index| policy.operations[*index as usize].clone());
        Some(all.collect())
    };

    if let Some(authorization) = server.and_then(|server| server.authorization.as_ref()) {
        let rules: Vec<&Rule> =
            authorization.rules.iter().map(|index| &policy.rules[*index as usize]).collect();
        let all: Vec<_> = rules.iter().map(|rule| operations(&rule.to)).collect();
        return judge(&all, asked, |admits| {
            rules.iter().enumerate().any(|(index, rule)| {
                let from = rule.from.as_ref().is_none_or(|from| {
                    let one = |index: &u32| {
                        claims.is_some_and(|it| principal(&policy.principals[*index as usize], it))
                    };
                    from.iter().any(one)
                });
                from && admits(index)
            })
        })
        .map_err(|reason| reason.unwrap_or(Reason::NoRuleMatched));
    }
    if let Some(egress) = egress {
        let rules: Vec<&EgressRule> =
            egress.rules.iter().map(|index| &policy.egress_rules[*index as usize]).collect();
        let all: Vec<_> = rules.iter().map(|rule| operations(&rule.to)).collect();
        // No header is trusted, so every kind of identity is the peer's.
        let workload = plain::workload(asked.peer, "cluster.local");
        let is_from = |rule: &EgressRule| {
            rule.from.as_ref().is_none_or(|from| {
                let is = |workload| from.iter().any(|it| plain::source_matches(it, workload));
                workload.is_some_and(is)
            })
        };
        let asks = rules.iter().any(|rule| rule.from.is_some());
        let denied = match (rules.iter().any(|rule| is_from(rule)), workload.is_some() && asks) {
            (true, _) => Reason::NoRuleMatched,
            (false, true) => Reason::SourceNotAllowed,
            (false, false) => Reason::SourceUnknown,
        };
        return judge(&all, asked, |admits| {
            rules.iter().enumerate().any(|(index, rule)| is_from(rule) && admits(index))
        })
        .map_err(|reason| reason.unwrap_or(denied));
    }
    let passes = authentication.is_some()
        || server.is_some_and(|server| server.passthrough)
        || policy.default_action == DefaultAction::Allow;
    if passes { Ok(()) } else { Err(Reason::UnlistedHost) }
}

fn authenticate(
    policy: &Policy,
    at: &Authentication,
    claims: &Value,
    asked: &Asked,
) -> Result<(), Reason> {
    let rules = at.jwt.iter().map(|index| &policy.jwt_rules[*index as usize]);
    let rule = rules.into_iter().find(|rule| claims["iss"] == rule.issuer.as_str());
    let rule = rule.ok_or(Reason::UnknownIssuer)?;
    let skew = rule.clock_skew_seconds;
    if claims["exp"].as_u64().is_some_and(|exp| NOW > exp + skew) {
        return Err(Reason::Expired);
    }
    if claims["nbf"].as_u64().is_some_and(|nbf| NOW + skew < nbf) {
        return Err(Reason::NotYetValid);
    }
    if rule.require_expiration && claims["exp"].is_null() {
        return Err(Reason::LifetimeTooLong);
    }
    let named = |audience: &String| match &claims["aud"] {
        Value::Array(all) => all.iter().any(|it| it == audience.as_str()),
        one => one == audience.as_str(),
    };
    if !rule.audiences.is_empty() && !rule.audiences.iter().any(named) {
        return Err(Reason::WrongAudience);
    }
    let typ = asked.typ.to_lowercase();
    let typ = if typ == "application/at+jwt" { "at+jwt" } else { &typ };
    if rule.token_types.as_ref().is_some_and(|all| !all.iter().any(|it| it == typ)) {
        return Err(Reason::WrongTokenType);
    }
    let has = |name: &String| match name.split_once('.') {
        Some((outer, inner)) if claims.get(name).is_none() => !claims[outer][inner].is_null(),
        _ => !claims[name].is_null(),
    };
    if !rule.required_claims.iter().all(has) {
        return Err(Reason::MissingClaim);
    }
    match holds(rule, claims, asked) {
        true => Ok(()),
        false => Err(Reason::WrongHolder),
    }
}

/// Whether the token is that of whoever sends it.
fn holds(rule: &JwtRule, claims: &Value, asked: &Asked) -> bool {
    let (_, thumbprint) =
        CERTIFICATES.into_iter().find(|it| it.0 == asked.certificate).unwrap_or_default();
    let shows = !asked.certificate.is_empty() && claims["cnf"]["x5t#S256"] == thumbprint;
    let by_certificate = match rule.certificate_bound {
        CertificateBound::Ignored => true,
        CertificateBound::IfPresent => claims.get("cnf").is_none() || shows,
        CertificateBound::Required => shows,
    };
    let (Some(workload), subject) = (plain::workload(asked.peer, "cluster.local"), &claims["sub"])
    else {
        return by_certificate && rule.workload_bound.is_none();
    };
    let by_workload = match rule.workload_bound {
        None => true,
        Some(WorkloadBound::Spiffe) => subject == asked.peer,
        Some(WorkloadBound::Kubernetes) => {
            let (namespace, account) = workload.split_once("/sa/").expect("a workload");
            let said = claims.get("kubernetes.io");
            subject == &json!(format!("system:serviceaccount:{namespace}:{account}"))
                && said.is_none_or(|said| said.is_object() && said["namespace"] == namespace)
        }
    };
    by_certificate && by_workload
}

fn principal(principal: &Principal, claims: &Value) -> bool {
    let text = |pattern: &Option<String>, name: &str| {
        pattern.as_ref().is_none_or(|pattern| {
            claims[name].as_str().is_some_and(|value| plain::text_matches(pattern, value))
        })
    };
    text(&principal.iss, "iss")
        && text(&principal.sub, "sub")
        && principal.other.iter().all(|(name, pattern)| {
            let value = &claims[name.as_str()];
            let words = name == "scope";
            plain::claim_matches(pattern, value)
                || (words
                    && value.as_str().is_some_and(|text| {
                        text.split_whitespace().any(|word| plain::text_matches(pattern, word))
                    }))
        })
}

/// Asks `admits` about the request under every reading of its path; it is told whether the
/// operations of its nth rule admit method and path. An error without a reason: none does.
fn judge(
    operations: &[Option<Vec<Operation>>],
    asked: &Asked,
    admits: impl Fn(&dyn Fn(usize) -> bool) -> bool,
) -> Result<(), Option<Reason>> {
    let looks = operations.iter().flatten().flatten().any(|it| it.paths.is_some());
    let path = asked.path.split('?').next().unwrap_or_default();
    let readings = if looks {
        plain::readings(path).ok_or(Some(Reason::BadPath))?
    } else {
        vec![String::new()]
    };
    let answers: Vec<bool> = readings
        .iter()
        .map(|reading| {
            admits(&|rule| {
                operations[rule].as_ref().is_none_or(|all| {
                    all.iter().any(|operation| {
                        let method = operation.methods.as_ref();
                        let paths = operation.paths.as_ref();
                        method.is_none_or(|all| all.iter().any(|it| it == asked.method))
                            && paths.is_none_or(|all| {
                                all.iter().any(|it| plain::path_matches(it, reading))
                            })
                    })
                })
            })
        })
        .collect();
    match (answers.contains(&true), answers.contains(&false)) {
        (true, false) => Ok(()),
        (true, true) => Err(Some(Reason::AmbiguousPath)),
        (false, _) => Err(None),
    }
}

fn policy(choices: &mut Choices<'_>) -> Policy {
    let jwt_rules: Vec<JwtRule> = ISSUERS
        .iter()
        .map(|issuer| {
            let mut rule: JwtRule = serde_json::from_value(json!({
                "issuer": issuer, "jwks": {"remote": {"uri": "https://k.test/", "cluster": "k"}},
            }))
            .expect("a rule");
            rule.audiences = choices.some(2, |it| it.one(&VALUES).to_owned());
            rule.require_expiration = choices.yes();
            rule.clock_skew_seconds = choices.one(&[0, 60, 300]);
            rule.token_types = choices.perhaps(|it| {
                it.few(|it| it.one(&["", "jwt", "at+jwt", "application/"]).to_owned())
            });
            let required = ["role", "cnf", "cnf.x5t#S256"];
            rule.required_claims = choices.some(2, |it| it.one(&required).to_owned());
            rule.certificate_bound = choices.one(&[
                CertificateBound::Ignored,
                CertificateBound::IfPresent,
                CertificateBound::Required,
            ]);
            rule.workload_bound = match (choices.below(4), rule.audiences.is_empty()) {
                (0, _) => Some(WorkloadBound::Kubernetes),
                (1, false) if rule.require_expiration => Some(WorkloadBound::Spiffe),
                _ => None,
            };
            rule
        })
        .collect();
    let operations: Vec<Operation> = (0..4)
        .map(|_| {
            // One of the two has to be there.
            let (methods, paths) = choices.one(&[(true, true), (true, false), (false, true)]);
            Operation {
                methods: methods.then(|| choices.few(|it| it.one(&METHODS).to_owned())),
                paths: paths.then(|| choices.few(|it| it.one(&PATTERNS).to_owned())),
            }
        })
        .collect();
    let principals: Vec<Principal> = (0..3)
        .map(|_| Principal {
            iss: choices.perhaps(|it| it.one(&TEXT_PATTERNS).to_owned()),
            sub: choices.perhaps(|it| it.one(&TEXT_PATTERNS).to_owned()),
            other: choices
                .some(2, |it| (it.one(&["scope", "role"]), it.one(&TEXT_PATTERNS)))
                .into_iter()
                .map(|(name, pattern)| (name.to_owned(), pattern.to_owned()))
                .collect::<BTreeMap<_, _>>(),
        })
        .collect();
    let index = |choices: &mut Choices<'_>, of: usize| choices.below(of) as u32;
    let rules: Vec<Rule> = (0..3)
        .map(|number| Rule {
            name: format!("r{number}"),
            from: choices.perhaps(|it| it.few(|it| index(it, 3))),
            to: choices.perhaps(|it| it.few(|it| index(it, 4))),
        })
        .collect();
    let egress_rules: Vec<EgressRule> = (0..3)
        .map(|number| EgressRule {
            name: format!("e{number}"),
            from: choices.perhaps(|it| it.some(2, |it| it.one(&SOURCES).to_owned())),
            to: choices.perhaps(|it| it.few(|it| index(it, 4))),
            identity: choices.one(&[
                IdentityMatch::Permissive,
                IdentityMatch::PeerCertificate,
                IdentityMatch::SourceIdentity,
            ]),
        })
        .collect();
    let mut servers = Vec::new();
    let mut egress = Vec::new();
    for hostname in HOSTNAMES {
        if choices.yes() {
            servers.push(Server {
                name: hostname.to_owned(),
                hostname: hostname.to_owned(),
                authentication: choices.perhaps(|it| Authentication {
                    jwt: it.one(&[&[0][..], &[1], &[0, 1], &[1, 0]]).to_vec(),
                    required: it.yes(),
                }),
                authorization: choices
                    .perhaps(|it| Authorization { rules: it.some(3, |it| index(it, 3)) }),
                passthrough: choices.yes(),
                shadow_authentication: false,
                shadow_authorization: false,
                challenge_scopes: choices.yes(),
            });
        }
        if !hostname.contains('*') && choices.yes() {
            egress.push(EgressHost {
                hostname: hostname.to_owned(),
                rules: choices.some(3, |it| index(it, 3)),
                shadow: false,
            });
        }
    }
    Policy {
        access_log_fields: egress_auth::policy::AccessLogFields::default(),
        version: VERSION,
        gateway: "egress/fuzzed".into(),
        default_action: choices.one(&[DefaultAction::Deny, DefaultAction::Allow]),
        jwt_rules,
        principals,
        operations,
        rules,
        servers,
        egress_rules,
        egress,
        source_identity: egress_auth::policy::SourceIdentity::default(),
    }
}

fn request(choices: &mut Choices<'_>) -> Asked {
    let path = choices.some(6, |it| it.one(&PIECES)).concat();
    let claims = choices.perhaps(|it| {
        let mut claims = json!({"iss": it.one(&["joe", "ann", "eve"])});
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                claims[name] = value;
            }
        };
        let subject = |it: &mut Choices<'_>| match it.yes() {
            true => it.one(&VALUES).into(),
            false => it.one(&SUBJECTS).into(),
        };
        set("sub", it.perhaps(subject));
        set("cnf", it.perhaps(confirmation));
        set("cnf.x5t#S256", (it.below(8) == 0).then(|| json!(it.one(&[None, Some("x")]))));
        let said = |it: &mut Choices<'_>| match it.below(4) {
            0 => json!(null),
            1 => json!([{"namespace": "n"}]),
            _ => json!({"namespace": it.one(&["n", "m"])}),
        };
        set("kubernetes.io", it.perhaps(said));
        set("scope", it.perhaps(|it| it.one(&VALUES).into()));
        let role = it.perhaps(|it| match it.below(4) {
            0 => json!(true),
            1 => json!(it.some(2, |it| it.one(&VALUES))),
            2 => json!({"joe": 1}),
            _ => it.one(&VALUES).into(),
        });
        set("role", role);
        set("exp", it.perhaps(|it| (NOW + 400 - 100 * it.below(9) as u64).into()));
        set("nbf", it.perhaps(|it| (NOW + 400 - 100 * it.below(9) as u64).into()));
        let audience = it.perhaps(|it| match it.yes() {
            true => json!(it.some(2, |it| it.one(&VALUES))),
            false => it.one(&VALUES).into(),
        });
        set("aud", audience);
        claims
    });
    Asked {
        authority: choices.one(&AUTHORITIES),
        method: choices.one(&METHODS),
        path,
        claims,
        typ: choices.one(&TYPES),
        peer: choices.one(&PEERS),
        certificate: choices.one(&CERTIFICATES).0,
    }
}

/// `cnf` in any shape.
fn confirmation(choices: &mut Choices<'_>) -> Value {
    let thumbprint = choices.one(&CERTIFICATES).1;
    match choices.below(10) {
        0 => json!(null),
        1 => json!(thumbprint),
        2 => json!([{ "x5t#S256": thumbprint }]),
        3 => json!({}),
        4 => json!({ "jkt": thumbprint }),
        5 => json!({ "x5t#S256": [thumbprint] }),
        6 => json!({ "x5t#S256": format!("{thumbprint}=") }),
        7 => json!({ "x5t#S256": choices.one(&CERTIFICATES).0 }),
        _ => json!({ "x5t#S256": thumbprint }),
    }
}
