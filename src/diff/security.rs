//! What is security though no request is decided by it: where tokens are looked for and whether
//! they go on, the headers that carry what they say, keys, and how the policy as a whole is run.

use std::collections::{BTreeMap, BTreeSet};

use crate::policy::{
    AccessLogFields, CertificateBound, JwksSource, JwtRule, Policy, SourceIdentity, WorkloadBound,
};
use crate::prove::compare::{Compared, same_keys};
use crate::prove::side::Tokens;
use crate::prove::tables::Tables;

/// Something that differs beside decisions.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Difference {
    /// What, in the words of the Gateway.
    pub what: &'static str,
    /// The issuer that it is about.
    pub issuer: Option<String>,
    /// How it was.
    pub before: String,
    /// How it is.
    pub after: String,
    /// Which way it goes.
    pub effect: Effect,
    /// What it comes to, in a sentence.
    pub consequence: &'static str,
}

/// Which way a difference goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// More is trusted, or more is handed out.
    Wider,
    /// Less is.
    Narrower,
    /// Neither can be said.
    Other,
}

impl Effect {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wider => "wider",
            Self::Narrower => "narrower",
            Self::Other => "other",
        }
    }

    fn of_lists(before: &BTreeSet<String>, after: &BTreeSet<String>) -> Self {
        match (before.is_subset(after), after.is_subset(before)) {
            (true, _) => Self::Wider,
            (_, true) => Self::Narrower,
            _ => Self::Other,
        }
    }

    /// Of a number of which a greater one lets more through.
    fn of_numbers<T: Ord>(before: T, after: T) -> Self {
        if after > before { Self::Wider } else { Self::Narrower }
    }

    fn of_loosened(loosened: bool) -> Self {
        if loosened { Self::Wider } else { Self::Narrower }
    }
}

/// What differs for the policy as a whole.
pub(super) fn of_policies(old: &Policy, new: &Policy) -> Vec<Difference> {
    let mut found = Found(Vec::new(), None);
    found.differs(
        "default action",
        [old, new].map(|policy| match policy.default_action {
            crate::policy::DefaultAction::Allow => "allow",
            crate::policy::DefaultAction::Deny => "deny",
        }),
        |before, _| Effect::of_loosened(*before == "deny"),
        "it decides for hosts that nothing governs",
    );
    found.differs(
        "access log fields",
        [old, new].map(|policy| match policy.access_log_fields {
            AccessLogFields::All => "all requests",
            AccessLogFields::Denied => "denied requests",
        }),
        |_, _| Effect::Other,
        "access logs show the decision of other requests than before",
    );
    let domains = |identity: &SourceIdentity| -> BTreeSet<String> {
        identity.trust_domains.iter().cloned().collect()
    };
    let [was, is] = [old, new].map(|policy| &policy.source_identity);
    found.lists(
        "trust domains",
        [domains(was), domains(is)],
        "workloads of other trust domains are recognised than before",
    );
    let propagated = |identity: &SourceIdentity| -> String {
        let said = identity
            .propagated
            .as_ref()
            .map(|it| format!("{} of {}", it.header, it.trusted_sources.join(", ")));
        said.unwrap_or_else(none)
    };
    found.differs(
        "identities that peers hand on",
        [propagated(was), propagated(is)],
        |before, after| match (before.as_str(), after.as_str()) {
            (NONE, _) => Effect::Wider,
            (_, NONE) => Effect::Narrower,
            _ => Effect::Other,
        },
        "other peers than before are believed to speak for workloads",
    );
    found.0
}

const NONE: &str = "none";

fn none() -> String {
    NONE.to_owned()
}

/// What differs for hosts.
pub(super) fn of_hosts(compared: &Compared<'_>, tables: &Tables<'_>) -> Vec<Difference> {
    let mut found = Found(Vec::new(), None);
    let [old, new] = compared.effective.each_ref().map(|side| side.tokens.as_ref());
    let [was, is] = compared.manner.each_ref().map(|manner| manner.tried_out);
    found.differs(
        "authorization",
        [was, is].map(|rules| if rules.is_some() { "only tried out" } else { "enforced" }),
        |before, _| Effect::of_loosened(*before == "enforced"),
        "what is only tried out denies nothing",
    );
    if was.is_some() && is.is_some() && was != is {
        found.0.push(Difference {
            what: "rules that are tried out",
            issuer: None,
            before: "other ones".to_owned(),
            after: "other ones".to_owned(),
            effect: Effect::Other,
            consequence: "other denials are reported than before; none is enforced",
        });
    }
    found.differs(
        "authentication",
        [old, new].map(|tokens| match tokens {
            None => "none",
            Some(tokens) if tokens.shadow => "only tried out",
            Some(tokens) if tokens.required => "required",
            Some(_) => "optional",
        }),
        |before, after| {
            let rank = ["none", "only tried out", "optional", "required"];
            let of = |text: &str| rank.iter().position(|it| *it == text);
            Effect::of_loosened(of(after) < of(before))
        },
        "what a request without a good token may do changes",
    );
    found.differs(
        "challengeScopes",
        compared.manner.each_ref().map(|manner| manner.challenge_scopes),
        |before, _| Effect::of_loosened(!before),
        "whether callers are told which scopes they lack changes",
    );
    // Where no token is looked for on one side, there is no rule to compare.
    let Some((old, new)) = old.zip(new) else { return found.0 };
    let (old, new) = (by_issuer(old, tables), by_issuer(new, tables));
    let issuers = |rules: &BTreeMap<&str, &JwtRule>| -> BTreeSet<String> {
        rules.keys().map(|issuer| (*issuer).to_owned()).collect()
    };
    found.lists(
        "issuers",
        [issuers(&old), issuers(&new)],
        "tokens of other issuers are accepted than before",
    );
    for (issuer, rule) in &old {
        if let Some(after) = new.get(issuer).filter(|after| *after != rule) {
            found.1 = Some((*issuer).to_owned());
            found.rules(rule, after);
        }
    }
    found.0
}

fn by_issuer<'p>(tokens: &Tokens, tables: &Tables<'p>) -> BTreeMap<&'p str, &'p JwtRule> {
    let rules = tokens.jwt_rules.iter().filter_map(|number| tables.jwt_rules.get(*number));
    rules.map(|rule| (rule.issuer.as_str(), rule)).collect()
}

/// What was found, and the issuer that is being looked at.
struct Found(Vec<Difference>, Option<String>);

impl Found {
    fn differs<T: PartialEq + ToString>(
        &mut self,
        what: &'static str,
        [before, after]: [T; 2],
        effect: impl FnOnce(&T, &T) -> Effect,
        consequence: &'static str,
    ) {
        if before == after {
            return;
        }
        let effect = effect(&before, &after);
        let (before, after) = (before.to_string(), after.to_string());
        let issuer = self.1.clone();
        self.0.push(Difference { what, issuer, before, after, effect, consequence });
    }

    fn lists(
        &mut self,
        what: &'static str,
        [before, after]: [BTreeSet<String>; 2],
        consequence: &'static str,
    ) {
        let effect = Effect::of_lists(&before, &after);
        let said = [before, after].map(|list| match list.is_empty() {
            true => none(),
            false => list.into_iter().collect::<Vec<_>>().join(", "),
        });
        self.differs(what, said, |_, _| effect, consequence);
    }

    /// What two JWT rules of one issuer say differently.
    fn rules(&mut self, old: &JwtRule, new: &JwtRule) {
        let rules = [old, new];
        if !same_keys(&old.jwks, &new.jwks) {
            let said = rules.map(|rule| match &rule.jwks {
                JwksSource::Inline(_) => "keys in the Gateway".to_owned(),
                JwksSource::Remote { uri, .. } => uri.clone(),
            });
            let [before, after] = said;
            self.0.push(Difference {
                what: "keys",
                issuer: self.1.clone(),
                before,
                after,
                effect: Effect::Other,
                consequence: "not comparable: which tokens are accepted depends on keys that differ",
            });
        }
        self.lists(
            "places of the token",
            rules.map(places),
            "tokens are looked for in other places than before",
        );
        self.differs(
            "forwardOriginalToken",
            rules.map(|rule| rule.forward_original_token),
            |before, _| Effect::of_loosened(!before),
            match new.forward_original_token {
                true => "the token now goes on to the upstream",
                false => "the token does not go on to the upstream any more",
            },
        );
        // A header that is written is taken from clients as well, so that one more hands out more,
        // and one less may be sent by anyone.
        self.differs(
            "outputPayloadToHeader",
            rules.map(|rule| rule.output_payload_to_header.clone().unwrap_or_else(none)),
            |_, _| Effect::Wider,
            OUTPUT,
        );
        let claims = |rule: &JwtRule| -> BTreeSet<String> {
            let headers = rule.output_claim_to_headers.iter();
            headers.map(|it| format!("{} of {}", it.header, it.claim)).collect()
        };
        let said = rules.map(claims).map(|list| match list.is_empty() {
            true => none(),
            false => list.into_iter().collect::<Vec<_>>().join(", "),
        });
        self.differs("outputClaimToHeaders", said, |_, _| Effect::Wider, OUTPUT);
        let audiences =
            |rule: &JwtRule| -> BTreeSet<String> { rule.audiences.iter().cloned().collect() };
        let [before, after] = rules.map(audiences);
        let effect = match (before.is_empty(), after.is_empty()) {
            (true, _) => Effect::Narrower,
            (_, true) => Effect::Wider,
            _ => Effect::of_lists(&before, &after),
        };
        let said = [before, after].map(|list| match list.is_empty() {
            true => "any".to_owned(),
            false => list.into_iter().collect::<Vec<_>>().join(", "),
        });
        self.differs("audiences", said, |_, _| effect, "tokens for other audiences are accepted");
        self.differs(
            "clockSkewSeconds",
            rules.map(|rule| rule.clock_skew_seconds),
            |before, after| Effect::of_numbers(*before, *after),
            "tokens are accepted for another while around their time",
        );
        self.differs(
            "requireExpiration",
            // A longest lifetime asks for it, too.
            rules.map(|rule| rule.require_expiration || rule.max_lifetime_seconds.is_some()),
            |before, _| Effect::of_loosened(*before),
            "whether a token must say when it ends changes",
        );
        let lifetime = rules.map(|rule| rule.max_lifetime_seconds);
        let longest = lifetime.map(|seconds| seconds.unwrap_or(u64::MAX));
        let said = lifetime.map(|seconds| seconds.map_or_else(none, |it| it.to_string()));
        self.differs(
            "maxLifetimeSeconds",
            said,
            |_, _| Effect::of_numbers(longest[0], longest[1]),
            "tokens may end later or sooner than before",
        );
        self.kinds(old, new);
    }

    /// What two JWT rules say differently of the kind and the holder of a token.
    fn kinds(&mut self, old: &JwtRule, new: &JwtRule) {
        let rules = [old, new];
        let types = rules.map(|rule| -> Option<BTreeSet<String>> {
            let name = |name: &String| if name.is_empty() { "none" } else { name }.to_owned();
            rule.token_types.as_ref().map(|all| all.iter().map(name).collect())
        });
        let effect = match &types {
            [None, _] => Effect::Narrower,
            [_, None] => Effect::Wider,
            [Some(before), Some(after)] => Effect::of_lists(before, after),
        };
        let said = types.map(|list| match list {
            None => "any".to_owned(),
            Some(list) => list.into_iter().collect::<Vec<_>>().join(", "),
        });
        self.differs(
            "tokenTypes",
            said,
            |_, _| effect,
            "tokens of other types are accepted than before",
        );
        let [before, after] = rules
            .map(|rule| -> BTreeSet<String> { rule.required_claims.iter().cloned().collect() });
        // The more is asked for, the less is accepted.
        let effect = Effect::of_lists(&after, &before);
        let said = [before, after].map(|list| match list.is_empty() {
            true => none(),
            false => list.into_iter().collect::<Vec<_>>().join(", "),
        });
        let consequence = "tokens must have other claims than before";
        self.differs("requiredClaims", said, |_, _| effect, consequence);
        let rank = |rule: &JwtRule| match rule.certificate_bound {
            CertificateBound::Ignored => (0, "ignored"),
            CertificateBound::IfPresent => (1, "ifPresent"),
            CertificateBound::Required => (2, "required"),
        };
        let [before, after] = rules.map(rank);
        self.differs(
            "certificateBound",
            [before.1, after.1],
            |_, _| Effect::of_loosened(after.0 < before.0),
            "a token counts with other certificates than before",
        );
        self.differs(
            "workloadBound",
            rules.map(|rule| match rule.workload_bound {
                None => NONE,
                Some(WorkloadBound::Spiffe) => "spiffe",
                Some(WorkloadBound::Kubernetes) => "kubernetes",
            }),
            |before, after| match (*before, *after) {
                (NONE, _) => Effect::Narrower,
                (_, NONE) => Effect::Wider,
                _ => Effect::Other,
            },
            "a token counts from other workloads than before",
        );
    }
}

const OUTPUT: &str = "upstreams get other headers with what the token says, and clients may send those that \
                      are not written any more";

/// Where a JWT rule looks for tokens.
fn places(rule: &JwtRule) -> BTreeSet<String> {
    let headers = rule.from_headers.iter().map(|it| match it.prefix.as_str() {
        "" => format!("header {}", it.name),
        prefix => format!("header {} after `{prefix}`", it.name),
    });
    let cookies = rule.from_cookies.iter().map(|it| format!("cookie {it}"));
    let parameters = rule.from_params.iter().map(|it| format!("parameter {it}"));
    let all: BTreeSet<_> = headers.chain(cookies).chain(parameters).collect();
    match all.is_empty() {
        false => all,
        true => ["header authorization after `Bearer `", "parameter access_token"]
            .map(str::to_owned)
            .into(),
    }
}
