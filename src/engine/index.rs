//! A policy, checked and indexed for lookups: everything that can be computed before the first
//! request.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::credentials::Locations;
use super::decision::{Decision, Outcome};
use super::egress::{EgressAuthorization, index_egress};
use super::precedence::Governing;
use super::reserved_headers::ReservedHeaders;
use super::rules::{Authorization, ClaimPattern, Operation, Principal, Rule};
use super::source::Identities;
use crate::jwt::{ClaimPath, KeyOrigin, KeySet};
use crate::policy::field_path::field_path;
use crate::policy::hosts::HostTable;
use crate::policy::path_pattern::PathPattern;
use crate::policy::text_pattern::TextPattern;
use crate::policy::{self, AccessLogFields, DefaultAction, JwksSource, JwtRule, Policy};

/// Largest accepted clock skew in seconds.
pub const MAX_CLOCK_SKEW_SECONDS: u64 = 300;

/// Why a policy cannot be used: the field, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("policy field `{field}`: {message}")]
pub struct PolicyError {
    /// Path of the field in the policy, such as `servers[0].hostname`.
    pub field: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl PolicyError {
    pub(super) fn new(field: impl Into<String>, message: impl ToString) -> Self {
        Self { field: field.into(), message: message.to_string() }
    }
}

/// A policy ready to decide with.
#[derive(Debug)]
pub struct Engine {
    pub(super) hosts: HostTable<Server>,
    /// What `egressAuthorization` says, by exact hostname.
    pub(super) egress: HashMap<Box<str>, EgressAuthorization>,
    pub(super) identities: Identities,
    pub(super) default_action: DefaultAction,
    access_log_fields: AccessLogFields,
    pub(super) jwt_rules: Vec<JwtRuleIndex>,
    reserved_headers: ReservedHeaders,
    remote: Vec<RemoteJwks>,
    gateway: String,
    tried_out: Option<String>,
}

/// A JWKS document that is fetched through an Envoy cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RemoteJwks {
    /// Absolute URI of the document.
    pub uri: String,
    /// Name of the Envoy cluster.
    pub cluster: String,
}

#[derive(Debug)]
pub(super) struct JwtRuleIndex {
    pub(super) rule: JwtRule,
    pub(super) keys: Keys,
}

/// Where the keys of a rule are.
#[derive(Debug)]
pub(super) enum Keys {
    Inline(KeySet),
    /// Index into the engine's remote documents.
    Remote(usize),
}

#[derive(Debug)]
pub(super) struct Server {
    pub(super) name: String,
    /// Position in the policy.
    pub(super) position: usize,
    pub(super) authentication: Option<Authentication>,
    pub(super) authorization: Option<Authorization>,
    pub(super) passthrough: bool,
    pub(super) shadow_authentication: bool,
}

impl Governing for Server {
    type Authentication = Authentication;
    type Authorization = Authorization;

    fn authentication(&self) -> Option<&Authentication> {
        self.authentication.as_ref()
    }

    fn authorization(&self) -> Option<&Authorization> {
        self.authorization.as_ref()
    }

    fn passes_through(&self) -> bool {
        self.passthrough
    }
}

#[derive(Debug)]
pub(super) struct Authentication {
    /// Indices into the engine's JWT rules; in range.
    pub(super) rules: Vec<usize>,
    pub(super) locations: Locations,
    pub(super) required: bool,
    /// Whether every rule wants its token forwarded.
    pub(super) forwards: bool,
    /// Distinguishes lists of JWT rules in the cache of verified tokens.
    pub(super) scope: u32,
}

impl Engine {
    /// Reads a policy from JSON. The error names the field.
    pub fn from_json(json: &[u8]) -> Result<Self, PolicyError> {
        let policy = Policy::from_json(json).map_err(|error| {
            PolicyError::new(field_path(json, error.line(), error.column()), error)
        })?;
        Self::new(policy)
    }

    /// Checks and indexes a policy.
    pub fn new(policy: Policy) -> Result<Self, PolicyError> {
        if policy.version != policy::VERSION {
            return Err(PolicyError::new(
                "version",
                format!(
                    "this build reads version {}, not {}; compile the policy again",
                    policy::VERSION,
                    policy.version
                ),
            ));
        }
        let tried_out = super::tried_out(&policy);
        let mut remote = Vec::new();
        let mut jwt_rules = Vec::with_capacity(policy.jwt_rules.len());
        for (index, rule) in policy.jwt_rules.into_iter().enumerate() {
            jwt_rules.push(index_jwt_rule(&format!("jwt_rules[{index}]"), rule, &mut remote)?);
        }
        let principals = policy.principals.iter().map(|p| Arc::new(index_principal(p)));
        let principals = principals.collect::<Vec<_>>();
        let operations = policy.operations.iter().enumerate();
        let operations = operations
            .map(|(index, o)| index_operation(&format!("operations[{index}]"), o).map(Arc::new))
            .collect::<Result<Vec<_>, _>>()?;
        let mut rules = Vec::with_capacity(policy.rules.len());
        for (index, rule) in policy.rules.into_iter().enumerate() {
            let field = format!("rules[{index}]");
            let from = pick_optional(&format!("{field}.from"), rule.from.as_deref(), &principals)?;
            let to = pick_optional(&format!("{field}.to"), rule.to.as_deref(), &operations)?;
            rules.push(Arc::new(Rule { name: rule.name, from, to }));
        }

        let mut hosts = HostTable::with_capacity(policy.servers.len());
        let mut names = HashSet::with_capacity(policy.servers.len());
        let mut scopes: Vec<Vec<usize>> = Vec::new();
        for (index, server) in policy.servers.into_iter().enumerate() {
            let field = format!("servers[{index}]");
            if !names.insert(server.name.clone()) {
                return Err(PolicyError::new(format!("{field}.name"), "the name is not unique"));
            }
            let authentication = server
                .authentication
                .map(|a| index_authentication(&field, a, &jwt_rules, &mut scopes))
                .transpose()?;
            let authorization = match server.authorization {
                None => None,
                Some(authorization) => {
                    let field = format!("{field}.authorization.rules");
                    let rules = pick(&field, &authorization.rules, &rules)?;
                    Some(Authorization::new(rules, server.shadow_authorization))
                }
            };
            let indexed = Server {
                name: server.name,
                position: index,
                authentication,
                authorization,
                passthrough: server.passthrough,
                shadow_authentication: server.shadow_authentication,
            };
            hosts
                .insert(&server.hostname, indexed)
                .map_err(|error| PolicyError::new(format!("{field}.hostname"), error))?;
        }
        let egress = index_egress(policy.egress, policy.egress_rules, &operations)?;
        let identities = Identities::new(policy.source_identity).map_err(|(field, error)| {
            PolicyError::new(format!("source_identity.{field}"), error)
        })?;
        let reserved_headers = ReservedHeaders::new(&jwt_rules, identities.header())?;
        Ok(Self {
            hosts,
            egress,
            identities,
            default_action: policy.default_action,
            access_log_fields: policy.access_log_fields,
            reserved_headers,
            jwt_rules,
            remote,
            gateway: policy.gateway,
            tried_out,
        })
    }

    /// What is only tried out, as [`super::tried_out`] says it.
    pub fn tried_out(&self) -> Option<&str> {
        self.tried_out.as_deref()
    }

    /// `namespace/name` of the Gateway that the policy belongs to.
    pub fn gateway(&self) -> &str {
        &self.gateway
    }

    /// Whether access logs get the fields of this decision.
    pub fn is_logged(&self, decision: &Decision<'_>) -> bool {
        decision.shadow
            || matches!(decision.outcome, Outcome::Deny(_))
            || self.access_log_fields == AccessLogFields::All
    }

    /// The JWKS documents to fetch, each once however many JWT rules use it.
    pub fn remote_jwks(&self) -> &[RemoteJwks] {
        &self.remote
    }

    /// The issuer whose keys a document holds; the first, where several share it.
    pub fn issuer_of(&self, document: usize) -> &str {
        let uses =
            |rule: &&JwtRuleIndex| matches!(rule.keys, Keys::Remote(index) if index == document);
        self.jwt_rules.iter().find(uses).map_or("", |rule| &rule.rule.issuer)
    }

    /// The JWKS document that a JWT rule's keys are fetched from; none for inline keys.
    pub fn remote_of_issuer(&self, issuer: &str) -> impl Iterator<Item = usize> {
        self.jwt_rules.iter().filter(move |rule| rule.rule.issuer == issuer).filter_map(|rule| {
            match rule.keys {
                Keys::Inline(_) => None,
                Keys::Remote(index) => Some(index),
            }
        })
    }

    /// Whether clients may say nothing in the header `name`: an output header, the one of handed-on
    /// identities, or another spelling of these with `_` and `-`, which upstreams that follow CGI
    /// (RFC 3875, section 4.1.18) take for the same.
    pub fn is_reserved_header(&self, name: &[u8]) -> bool {
        self.reserved_headers.contains(name)
    }
}

fn index_jwt_rule(
    field: &str,
    rule: JwtRule,
    remote: &mut Vec<RemoteJwks>,
) -> Result<JwtRuleIndex, PolicyError> {
    if rule.issuer.is_empty() {
        return Err(PolicyError::new(format!("{field}.issuer"), "the issuer is empty"));
    }
    if rule.clock_skew_seconds > MAX_CLOCK_SKEW_SECONDS {
        return Err(PolicyError::new(
            format!("{field}.clock_skew_seconds"),
            format!("at most {MAX_CLOCK_SKEW_SECONDS} seconds"),
        ));
    }
    for location in &rule.from_headers {
        let name = location.name.as_str();
        if !policy::header::can_hold_token(name) {
            return Err(PolicyError::new(
                format!("{field}.from_headers"),
                format!("`{name}` is not a lower-case header name in which tokens arrive"),
            ));
        }
    }
    let keys = match &rule.jwks {
        JwksSource::Inline(json) => {
            let keys = KeySet::parse(json.as_bytes(), KeyOrigin::Inline)
                .map_err(|error| PolicyError::new(format!("{field}.jwks.inline"), error))?;
            Keys::Inline(keys)
        }
        JwksSource::Remote { uri, cluster } => {
            let wanted = RemoteJwks { uri: uri.clone(), cluster: cluster.clone() };
            if wanted.authority_and_path().is_none() || cluster.is_empty() {
                return Err(PolicyError::new(
                    format!("{field}.jwks.remote"),
                    "`uri` is an absolute http or https URI and `cluster` names an Envoy cluster",
                ));
            }
            let known = remote.iter().position(|r| *r == wanted).unwrap_or_else(|| {
                remote.push(wanted);
                remote.len().saturating_sub(1)
            });
            Keys::Remote(known)
        }
    };
    Ok(JwtRuleIndex { rule, keys })
}

impl RemoteJwks {
    /// Splits the URI into scheme, authority and path with query (RFC 3986, section 3).
    pub fn authority_and_path(&self) -> Option<(&str, &str, &str)> {
        let (scheme, rest) = self.uri.split_once("://")?;
        if !matches!(scheme, "http" | "https") {
            return None;
        }
        let rest = rest.split('#').next()?;
        let at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(at)?;
        let path = if path.is_empty() { "/" } else { path };
        super::authority::canonical_host(authority.as_bytes()).ok()?;
        path.starts_with('/').then_some((scheme, authority, path))
    }
}

/// Compiles a principal.
pub(crate) fn index_principal(principal: &policy::Principal) -> Principal {
    Principal {
        iss: principal.iss.as_deref().map(TextPattern::parse),
        sub: principal.sub.as_deref().map(TextPattern::parse),
        other: principal
            .other
            .iter()
            .map(|(name, pattern)| ClaimPattern {
                path: ClaimPath::parse(name),
                words: matches!(name.as_str(), "scope" | "permission"),
                pattern: TextPattern::parse(pattern),
            })
            .collect(),
    }
}

fn index_operation(field: &str, operation: &policy::Operation) -> Result<Operation, PolicyError> {
    let empty = |list: &str| PolicyError::new(format!("{field}.{list}"), "the list is empty");
    if operation.methods.as_ref().is_some_and(Vec::is_empty) {
        return Err(empty("methods"));
    }
    if operation.methods.is_none() && operation.paths.is_none() {
        return Err(PolicyError::new(field, "neither `methods` nor `paths` is given"));
    }
    let paths = match &operation.paths {
        None => None,
        Some(paths) if paths.is_empty() => return Err(empty("paths")),
        Some(paths) => {
            let compile = |(index, path): (usize, &String)| {
                PathPattern::parse(path)
                    .map_err(|error| PolicyError::new(format!("{field}.paths[{index}]"), error))
            };
            Some(paths.iter().enumerate().map(compile).collect::<Result<_, _>>()?)
        }
    };
    Ok(Operation { methods: operation.methods.clone(), paths })
}

fn index_authentication(
    field: &str,
    authentication: policy::Authentication,
    jwt_rules: &[JwtRuleIndex],
    scopes: &mut Vec<Vec<usize>>,
) -> Result<Authentication, PolicyError> {
    let field = format!("{field}.authentication.jwt");
    if authentication.jwt.is_empty() {
        return Err(PolicyError::new(field, "the list is empty"));
    }
    let mut rules = Vec::with_capacity(authentication.jwt.len());
    let mut issuers = HashSet::new();
    for index in &authentication.jwt {
        let index = usize::try_from(*index).unwrap_or(usize::MAX);
        let Some(rule) = jwt_rules.get(index) else {
            return Err(PolicyError::new(field, format!("there is no `jwt_rules[{index}]`")));
        };
        if !issuers.insert(&rule.rule.issuer) {
            return Err(PolicyError::new(
                field,
                format!("the issuer `{}` is listed twice", rule.rule.issuer),
            ));
        }
        rules.push(index);
    }
    let locations = Locations::new(
        rules.iter().filter_map(|index| jwt_rules.get(*index)).map(|index| &index.rule),
    );
    let scope = scopes.iter().position(|known| *known == rules).unwrap_or_else(|| {
        scopes.push(rules.clone());
        scopes.len().saturating_sub(1)
    });
    let forwards = rules
        .iter()
        .filter_map(|index| jwt_rules.get(*index))
        .all(|index| index.rule.forward_original_token);
    Ok(Authentication {
        rules,
        forwards,
        locations,
        required: authentication.required,
        scope: u32::try_from(scope).unwrap_or(u32::MAX),
    })
}

/// Looks up indices in a table; an absent list stays absent, an empty one is an error.
pub(super) fn pick_optional<T>(
    field: &str,
    indices: Option<&[u32]>,
    table: &[Arc<T>],
) -> Result<Option<Vec<Arc<T>>>, PolicyError> {
    match indices {
        None => Ok(None),
        Some([]) => Err(PolicyError::new(field, "the list is empty")),
        Some(indices) => pick(field, indices, table).map(Some),
    }
}

/// Looks up indices in a table.
pub(super) fn pick<T>(
    field: &str,
    indices: &[u32],
    table: &[Arc<T>],
) -> Result<Vec<Arc<T>>, PolicyError> {
    let find = |index: &u32| {
        let found = usize::try_from(*index).ok().and_then(|index| table.get(index));
        found
            .cloned()
            .ok_or_else(|| PolicyError::new(field, format!("the index {index} is out of range")))
    };
    indices.iter().map(find).collect()
}
