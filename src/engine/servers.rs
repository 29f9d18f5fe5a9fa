//! What governs a hostname, indexed.

use std::collections::HashSet;

use super::credentials::Locations;
use super::jwt_rules::JwtRuleIndex;
use super::policy_error::PolicyError;
use super::precedence::Governing;
use super::rules::Authorization;
use crate::policy;

#[derive(Debug)]
pub(super) struct Server {
    pub(super) name: String,
    /// Position in the policy.
    pub(super) position: usize,
    pub(super) authentication: Option<Authentication>,
    pub(super) authorization: Option<Authorization>,
    pub(super) passthrough: bool,
    pub(super) shadow_authentication: bool,
    /// Whether a denial says which scopes a token lacks.
    pub(super) challenge_scopes: bool,
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

impl Authentication {
    /// Checks a list of JWT rules. A list that is not in `scopes` yet is added to it.
    pub(super) fn new(
        field: &str,
        authentication: policy::Authentication,
        jwt_rules: &[JwtRuleIndex],
        scopes: &mut Vec<Vec<usize>>,
    ) -> Result<Self, PolicyError> {
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
        Ok(Self {
            rules,
            forwards,
            locations,
            required: authentication.required,
            scope: u32::try_from(scope).unwrap_or(u32::MAX),
        })
    }
}
