//! The wire format between the compiler and the filter.
//!
//! A [`Policy`] is everything the filter knows: what the compiler writes, what `on_configure`
//! reads, and what a user can write by hand (`egress-auth schema plugin-config` prints its JSON
//! Schema). It holds the policy of exactly one Gateway. Unknown fields are refused, so that a
//! misspelt field can never be ignored.
//!
//! What repeats across servers is written once: `servers` refer by index to `jwt_rules` and
//! `rules`, and `rules` refer by index to `principals` and `operations`.
//!
//! What the data means is in [`crate::engine`].
//!
//! | module | what lives there |
//! |---|---|
//! | `jwt_rule`, `rule`, `server`, `egress`, `source_identity` | the parts of the format |
//! | `read` | reading them more strictly than serde does |
//! | [`field_path`] | the field that a JSON error is in |
//! | [`authority`], [`hosts`] | the form of a host, and the table of hosts |
//! | [`header`] | which headers may be named where |
//! | [`path_pattern`], `segment_pattern`, [`state`], [`text_pattern`] | patterns for paths and claims |

pub mod authority;
mod egress;
pub mod field_path;
pub mod header;
pub mod hosts;
mod jwt_rule;
pub mod path_pattern;
mod read;
mod rule;
mod segment_pattern;
mod server;
mod source_identity;
pub mod state;
pub mod text_pattern;

use serde::{Deserialize, Serialize};

pub use self::egress::{EgressHost, EgressRule, IdentityMatch};
pub use self::jwt_rule::{
    CertificateBound, ClaimHeader, DEFAULT_CLOCK_SKEW_SECONDS, HeaderLocation, JwksSource, JwtRule,
    WorkloadBound,
};
pub use self::rule::{Operation, Principal, Rule};
pub use self::server::{Authentication, Authorization, Server};
pub use self::source_identity::{PropagatedIdentity, SourceIdentity};

use self::read::{object, objects};

/// The version of the format that this build writes and reads.
pub const VERSION: u32 = 1;

/// The policy of one Gateway: the configuration of one filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Format version; this build reads 1.
    pub version: u32,
    /// `namespace/name` of the Gateway this policy was compiled from. Shown in logs only.
    pub gateway: String,
    /// What happens to a request for a host that nothing governs.
    #[serde(default)]
    pub default_action: DefaultAction,
    /// Of which requests access logs get the fields of the decision.
    #[serde(default, skip_serializing_if = "AccessLogFields::is_default")]
    pub access_log_fields: AccessLogFields,
    /// JWT rules that servers refer to by index.
    #[serde(default, deserialize_with = "objects", skip_serializing_if = "Vec::is_empty")]
    pub jwt_rules: Vec<JwtRule>,
    /// Principals that rules refer to by index.
    #[serde(default, deserialize_with = "objects", skip_serializing_if = "Vec::is_empty")]
    pub principals: Vec<Principal>,
    /// Operations that rules refer to by index.
    #[serde(default, deserialize_with = "objects", skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<Operation>,
    /// Authorization rules that servers refer to by index.
    #[serde(default, deserialize_with = "objects", skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// One entry for each server of the Gateway.
    #[serde(deserialize_with = "objects")]
    pub servers: Vec<Server>,
    /// Rules of `egressAuthorization` that its hosts refer to by index.
    #[serde(default, deserialize_with = "objects", skip_serializing_if = "Vec::is_empty")]
    pub egress_rules: Vec<EgressRule>,
    /// One entry for each hostname that `egressAuthorization` decides.
    #[serde(default, deserialize_with = "objects", skip_serializing_if = "Vec::is_empty")]
    pub egress: Vec<EgressHost>,
    /// How workloads are recognised; only `egressAuthorization` asks.
    #[serde(
        default,
        deserialize_with = "object",
        skip_serializing_if = "SourceIdentity::is_default"
    )]
    pub source_identity: SourceIdentity,
}

impl Policy {
    /// Reads a policy from JSON.
    ///
    /// # Errors
    /// When it is none; the error has a line and a column.
    pub fn from_json(json: &[u8]) -> Result<Self, serde_json::Error> {
        let mut reader = serde_json::Deserializer::from_slice(json);
        let policy = object(&mut reader)?;
        reader.end()?;
        Ok(policy)
    }

    /// An entry of `jwt_rules` by its index, where there is one; an engine takes no policy with an
    /// index that is out of range.
    pub fn jwt_rule(&self, index: u32) -> Option<&JwtRule> {
        entry(&self.jwt_rules, index)
    }

    /// An entry of `principals`, likewise.
    pub fn principal(&self, index: u32) -> Option<&Principal> {
        entry(&self.principals, index)
    }

    /// An entry of `operations`, likewise.
    pub fn operation(&self, index: u32) -> Option<&Operation> {
        entry(&self.operations, index)
    }

    /// An entry of `rules`, likewise.
    pub fn rule(&self, index: u32) -> Option<&Rule> {
        entry(&self.rules, index)
    }

    /// An entry of `egress_rules`, likewise.
    pub fn egress_rule(&self, index: u32) -> Option<&EgressRule> {
        entry(&self.egress_rules, index)
    }
}

fn entry<T>(table: &[T], index: u32) -> Option<&T> {
    table.get(usize::try_from(index).ok()?)
}

/// What happens to a request for a host that nothing governs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DefaultAction {
    /// 403 with the reason `unlisted_host`.
    #[default]
    Deny,
    /// The request passes through unchecked.
    Allow,
}

/// Of which requests access logs get the fields of the decision. Each field is a host call and an
/// object of Envoy's: together they cost about as much as judging the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AccessLogFields {
    /// Of those that are denied, or would be if their host were not only tried out.
    #[default]
    Denied,
    /// Of every request.
    All,
}

impl AccessLogFields {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
