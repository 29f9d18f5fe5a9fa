//! A policy, checked and indexed for lookups: everything that can be computed before the first
//! request.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::credentials::Locations;
use super::egress::{EgressAuthorization, index_egress};
use super::jwt_rules::{JwtRuleIndex, Keys, RemoteJwks};
use super::policy_error::{PolicyError, pick, pick_optional};
use super::reserved_headers::ReservedHeaders;
use super::rules::{Authorization, Operation, Principal, Rule};
use super::servers::{Authentication, Server};
use super::source::Identities;
use crate::policy::field_path::field_path;
use crate::policy::hosts::HostTable;
use crate::policy::{self, AccessLogFields, DefaultAction, Policy};

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
    /// Where any server looks for tokens.
    token_places: Locations,
    remote: Vec<RemoteJwks>,
    gateway: String,
    tried_out: Option<String>,
}

impl Engine {
    /// Reads a policy from JSON. The error names the field.
    ///
    /// # Errors
    /// When the JSON is no policy, or as [`Self::new`].
    pub fn from_json(json: &[u8]) -> Result<Self, PolicyError> {
        let policy = Policy::from_json(json).map_err(|error| {
            PolicyError::new(field_path(json, error.line(), error.column()), error)
        })?;
        Self::new(policy)
    }

    /// Checks and indexes a policy.
    ///
    /// # Errors
    /// When something in the policy cannot be meant: an index out of range, a name that stands twice,
    /// keys that are none. The error names the field.
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
            jwt_rules.push(JwtRuleIndex::new(&format!("jwt_rules[{index}]"), rule, &mut remote)?);
        }
        let principals = policy.principals.iter().map(|p| Arc::new(Principal::new(p)));
        let principals = principals.collect::<Vec<_>>();
        let operations = policy.operations.iter().enumerate();
        let operations = operations
            .map(|(index, o)| Operation::new(&format!("operations[{index}]"), o).map(Arc::new))
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
                .map(|a| Authentication::new(&field, a, &jwt_rules, &mut scopes))
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
                challenge_scopes: server.challenge_scopes,
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
            token_places: Locations::new(jwt_rules.iter().map(|index| &index.rule)),
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

    /// Which decisions leave fields for access logs.
    pub fn access_log_fields(&self) -> AccessLogFields {
        self.access_log_fields
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
    /// identities, or what some upstream takes for one of these.
    pub fn is_reserved_header(&self, name: &[u8]) -> bool {
        self.reserved_headers.contains(name)
    }

    /// Whether a trailer must not go on: upstreams may treat it as a header, and it is one in which
    /// clients may say nothing, or may hold a token that nobody has looked at.
    pub fn is_reserved_trailer(&self, name: &[u8], value: &[u8]) -> bool {
        self.reserved_headers.contains_trailer(name)
            || self.token_places.may_be_in_trailer(name, value)
    }
}
