//! JWT rules as providers of `jwt_authn`, and what each host asks of them.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value, json};

use super::{Form, JWT_AUTHN, Native};
use crate::emit::claim_name::dotted;
use crate::emit::findings::Findings;
use crate::emit::token_fields::token_fields;
use crate::policy::{Authentication, JwksSource, JwtRule};
use crate::resource::source::Origin;

/// How many verified tokens each provider remembers in each worker.
const CACHED_TOKENS: u32 = 1_000;
/// How long keys are used before they are fetched again, as the filter does without
/// `Cache-Control`.
const KEYS_LAST: &str = "600s";
/// How long a fetch may take.
const FETCH_TIMEOUT: &str = "5s";

/// Name of a provider, and the key of its tokens' claims in the filter's metadata: so a claim
/// always tells who verified it.
pub(super) fn name(rule: u32) -> String {
    format!("jwt-{rule}")
}

/// Name of what a host asks.
fn requirement_name(authentication: &Authentication) -> String {
    let rules: Vec<_> = authentication.jwt.iter().map(u32::to_string).collect();
    let optional = if authentication.required { "" } else { "-or-none" };
    format!("jwt-{}{optional}", rules.join("-"))
}

/// What a virtual host asks of the filter.
pub(super) fn per_route(authentication: &Authentication) -> Value {
    json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig",
        "requirement_name": requirement_name(authentication),
    })
}

/// Any of these providers.
fn any_of(rules: &[u32], or_none: bool) -> Value {
    let providers = rules.iter().map(|rule| json!({"provider_name": name(*rule)}));
    let none = or_none.then(|| json!({"allow_missing": {}}));
    let mut requirements: Vec<_> = providers.chain(none).collect();
    match requirements.len() {
        1 => requirements.pop().unwrap_or_default(),
        _ => json!({"requires_any": {"requirements": requirements}}),
    }
}

impl<'c> Native<'c> {
    /// Everything that hosts ask, each once.
    fn authentications(&self) -> Vec<&'c Authentication> {
        let mut seen = BTreeSet::new();
        let asked = self.policy.servers.iter().filter_map(|server| server.authentication.as_ref());
        asked.filter(|authentication| seen.insert(requirement_name(authentication))).collect()
    }

    /// The filter, if any host asks for tokens.
    pub(super) fn jwt_authn(&self, findings: &mut Findings) -> Vec<Value> {
        let authentications = self.authentications();
        if authentications.is_empty() {
            return Vec::new();
        }
        let rules: BTreeSet<u32> =
            authentications.iter().flat_map(|it| it.jwt.iter().copied()).collect();
        self.refuse_confusable_issuers(&authentications, &rules, findings);
        let mut providers = Map::new();
        for index in &rules {
            let Some(rule) = self.policy.jwt_rule(*index) else { continue };
            let provider = provider(rule, *index, self.hosts.origin_of_jwt_rule(*index), findings);
            providers.insert(name(*index), provider);
        }
        let mut config = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": providers,
        });
        match self.form {
            Form::PerHost => {
                let requirements: Map<_, _> = authentications
                    .iter()
                    .map(|it| (requirement_name(it), any_of(&it.jwt, !it.required)))
                    .collect();
                super::super::set(&mut config, "requirement_map", requirements);
            }
            Form::Linear => {
                let rules: Vec<_> = rules.into_iter().collect();
                let rule = json!({"match": {"prefix": "/"}, "requires": any_of(&rules, true)});
                super::super::set(&mut config, "rules", vec![rule]);
            }
        }
        vec![json!({"name": JWT_AUTHN, "typed_config": config})]
    }

    /// A token is tried with every provider of its issuer only where each is asked by name.
    fn refuse_confusable_issuers(
        &self,
        authentications: &[&Authentication],
        rules: &BTreeSet<u32>,
        findings: &mut Findings,
    ) {
        let mut by_issuer: HashMap<&str, Vec<u32>> = HashMap::new();
        for index in rules {
            let Some(rule) = self.policy.jwt_rule(*index) else { continue };
            by_issuer.entry(&rule.issuer).or_default().push(*index);
        }
        let shared = |index: &u32| {
            let issuer = self.policy.jwt_rule(*index).map(|rule| rule.issuer.as_str());
            issuer.and_then(|issuer| by_issuer.get(issuer)).filter(|rules| rules.len() > 1)
        };
        match self.form {
            Form::Linear => {
                for index in rules.iter().filter(|index| shared(index).is_some()) {
                    let issuer =
                        self.policy.jwt_rule(*index).map_or("", |rule| rule.issuer.as_str());
                    let message = format!(
                        "servers have different JWT rules for the issuer `{issuer}`, and with \
                         --linear a token counts for one of them alone"
                    );
                    let narrower = "a token counts where the first rule that takes it is written";
                    findings.narrow(self.hosts.origin_of_jwt_rule(*index), message, narrower);
                }
            }
            // Where several providers or none may be meant, Envoy goes by the issuer.
            Form::PerHost => {
                let several = |it: &&&Authentication| !it.required && it.jwt.len() > 1;
                for authentication in authentications.iter().filter(several) {
                    for index in authentication.jwt.iter().filter(|index| shared(index).is_some()) {
                        let issuer = self.policy.jwt_rule(*index).map_or("", |rule| &rule.issuer);
                        let message = format!(
                            "Envoy would take tokens of `{issuer}` under another server's JWT \
                             rule where `requireJwt` is false and there are several issuers"
                        );
                        let hint = "require tokens, name one issuer, or use --to envoy";
                        findings.refuse(self.hosts.origin_of_jwt_rule(*index), message, hint);
                    }
                }
            }
        }
    }
}

fn provider(rule: &JwtRule, index: u32, origin: Option<&Origin>, findings: &mut Findings) -> Value {
    refuse(rule, origin, findings);
    let mut provider = json!({
        "issuer": rule.issuer,
        "payload_in_metadata": name(index),
        "clock_skew_seconds": rule.clock_skew_seconds,
        "jwt_cache_config": {"jwt_cache_size": CACHED_TOKENS},
        "forward": rule.forward_original_token,
    });
    let mut add = |field: &str, value: Value| super::super::set(&mut provider, field, value);
    match &rule.jwks {
        JwksSource::Inline(keys) => add("local_jwks", json!({"inline_string": keys})),
        JwksSource::Remote { uri, cluster } => add(
            "remote_jwks",
            json!({
                "http_uri": {"uri": uri, "cluster": cluster, "timeout": FETCH_TIMEOUT},
                "cache_duration": KEYS_LAST,
                "async_fetch": {},
            }),
        ),
    }
    if !rule.audiences.is_empty() {
        add("audiences", json!(rule.audiences));
    }
    if !rule.from_headers.is_empty() {
        let headers: Vec<_> = rule
            .from_headers
            .iter()
            .map(|header| match header.prefix.as_str() {
                "" => json!({"name": header.name}),
                prefix => json!({"name": header.name, "value_prefix": prefix}),
            })
            .collect();
        add("from_headers", headers.into());
    }
    if !rule.from_cookies.is_empty() {
        add("from_cookies", json!(rule.from_cookies));
    }
    if !rule.from_params.is_empty() {
        add("from_params", json!(rule.from_params));
    }
    if let Some(header) = &rule.output_payload_to_header {
        add("forward_payload_header", json!(header));
    }
    if !rule.output_claim_to_headers.is_empty() {
        let claims = rule.output_claim_to_headers.iter();
        let claims: Vec<_> = claims
            .filter_map(|claim| {
                Some(json!({"header_name": claim.header, "claim_name": dotted(&claim.claim)?}))
            })
            .collect();
        add("claim_to_headers", claims.into());
    }
    if rule.require_expiration || rule.max_lifetime_seconds.is_some() {
        add("require_expiration", json!(true));
    }
    if let Some(seconds) = rule.max_lifetime_seconds {
        add("max_lifetime", json!(format!("{seconds}s")));
    }
    provider
}

/// What a provider cannot say.
fn refuse(rule: &JwtRule, origin: Option<&Origin>, findings: &mut Findings) {
    const FILTER: &str = "use --to envoy";
    let issuer = &rule.issuer;
    for field in token_fields(rule) {
        let message = format!("the JWT rule of `{issuer}`: Envoy's own filters have no `{field}`");
        findings.refuse(origin, message, FILTER);
    }
    if rule.clock_skew_seconds == 0 {
        findings.refuse(
            origin,
            format!("the JWT rule of `{issuer}`: Envoy takes `clockSkewSeconds: 0` for 60"),
            "write 1 or more, or use --to envoy",
        );
    }
    if !rule.from_cookies.is_empty() && !rule.forward_original_token {
        findings.refuse(
            origin,
            format!("the JWT rule of `{issuer}`: Envoy does not take tokens out of `fromCookies`"),
            "keep tokens in headers, write `forwardOriginalToken: true`, or use --to envoy",
        );
    }
    for claim in &rule.output_claim_to_headers {
        if dotted(&claim.claim).is_none() {
            let message = format!(
                "the JWT rule of `{issuer}`: Envoy takes the dots in `{}` for a path",
                claim.claim
            );
            findings.refuse(origin, message, FILTER);
        }
    }
}
