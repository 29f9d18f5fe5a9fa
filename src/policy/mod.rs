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
//! Only data lives here. What the data means is in [`crate::engine`].

pub mod authority;
pub mod field_path;
pub mod header;
pub mod hosts;
pub mod path_pattern;
mod read;
mod segment_pattern;
pub mod state;
pub mod text_pattern;

use serde::{Deserialize, Serialize};

use self::read::{object, objects, without_repetition, written, written_object};

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

/// How tokens of one issuer are found, verified and handed on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct JwtRule {
    /// The exact value of the `iss` claim.
    pub issuer: String,
    /// Accepted values of `aud`, any of them; empty: `aud` is not checked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audiences: Vec<String>,
    /// Where the issuer's keys come from.
    pub jwks: JwksSource,
    /// Request headers that may hold the token. With no location of any kind listed, tokens are
    /// looked for in `Authorization: Bearer` and the query parameter `access_token`.
    #[serde(default, deserialize_with = "objects", skip_serializing_if = "Vec::is_empty")]
    pub from_headers: Vec<HeaderLocation>,
    /// Cookies that may hold the token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from_cookies: Vec<String>,
    /// Query parameters that may hold the token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from_params: Vec<String>,
    /// Header that carries the verified payload upstream, base64url without padding.
    #[serde(default, deserialize_with = "written", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String"))]
    pub output_payload_to_header: Option<String>,
    /// Headers that carry single claims upstream.
    #[serde(default, deserialize_with = "objects", skip_serializing_if = "Vec::is_empty")]
    pub output_claim_to_headers: Vec<ClaimHeader>,
    /// Whether the token itself is forwarded upstream.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forward_original_token: bool,
    /// Tolerance for `exp` and `nbf` in seconds, at most 300.
    #[serde(default = "default_clock_skew_seconds")]
    pub clock_skew_seconds: u64,
    /// Whether a token without `exp` is refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub require_expiration: bool,
    /// Upper bound on `exp` minus the current time, in seconds; implies `require_expiration`.
    #[serde(default, deserialize_with = "written", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "u64"))]
    pub max_lifetime_seconds: Option<u64>,
}

/// The clock skew that applies where none is written, as in Envoy's `jwt_authn`.
pub const DEFAULT_CLOCK_SKEW_SECONDS: u64 = 60;

fn default_clock_skew_seconds() -> u64 {
    DEFAULT_CLOCK_SKEW_SECONDS
}

/// A header that may hold a token.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HeaderLocation {
    /// Header name, lower case.
    pub name: String,
    /// Text before the token; a value without it holds no token.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
}

/// A claim that is handed upstream in a header of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ClaimHeader {
    /// Header name, lower case.
    pub header: String,
    /// Claim name; dots reach into nested objects.
    pub claim: String,
}

/// Where an issuer's keys come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum JwksSource {
    /// The JWKS document itself (RFC 7517), as JSON text.
    Inline(String),
    /// Fetched by the filter through an Envoy cluster.
    Remote {
        /// Absolute URI of the JWKS document.
        uri: String,
        /// Name of the Envoy cluster that reaches the URI's host.
        cluster: String,
    },
}

/// Who: a pattern over a verified token. Every given field must match.
///
/// Patterns are exact text, `prefix*`, `*suffix`, `*contains*`, or `*` for present and not empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// Pattern for the `iss` claim.
    #[serde(default, deserialize_with = "written", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String"))]
    pub iss: Option<String>,
    /// Pattern for the `sub` claim.
    #[serde(default, deserialize_with = "written", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String"))]
    pub sub: Option<String>,
    /// Patterns for other claims, by claim name.
    #[serde(
        default,
        deserialize_with = "without_repetition",
        skip_serializing_if = "std::collections::BTreeMap::is_empty"
    )]
    pub other: std::collections::BTreeMap<String, String>,
}

/// What: methods and paths. Both lists must match; an absent list matches anything.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// Request methods, case-sensitive.
    #[serde(default, deserialize_with = "written", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Vec<String>"))]
    pub methods: Option<Vec<String>>,
    /// Path patterns: `*`, `{*}` and `{**}` are special.
    #[serde(default, deserialize_with = "written", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Vec<String>"))]
    pub paths: Option<Vec<String>>,
}

/// One authorization rule. It matches when `from` and `to` both match.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Name shown in decisions.
    pub name: String,
    /// Indices into `principals`, any of them; absent: anyone.
    #[serde(default, deserialize_with = "written", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Vec<u32>"))]
    pub from: Option<Vec<u32>>,
    /// Indices into `operations`, any of them; absent: anything.
    #[serde(default, deserialize_with = "written", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Vec<u32>"))]
    pub to: Option<Vec<u32>>,
}

/// What governs one hostname.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Name of the server, unique in the Gateway.
    pub name: String,
    /// Exact hostname, `*.suffix` or `*`; lower case, no port, no trailing dot.
    pub hostname: String,
    /// JWT authentication; absent: no token is looked for.
    #[serde(default, deserialize_with = "written_object", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Authentication"))]
    pub authentication: Option<Authentication>,
    /// Server-level authorization; absent: not restricted beyond authentication.
    #[serde(default, deserialize_with = "written_object", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Authorization"))]
    pub authorization: Option<Authorization>,
    /// Whether a server with neither passes requests on instead of taking the default action.
    /// The compiler sets it for INGRESS and TRANSIT servers.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub passthrough: bool,
    /// Whether a failed authentication is only reported: the request goes on as one without a
    /// token.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shadow_authentication: bool,
    /// Whether a denial by `authorization` is only reported: the request goes on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shadow_authorization: bool,
}

/// JWT authentication of one server.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Authentication {
    /// Indices into `jwt_rules`; each issuer at most once, never empty.
    pub jwt: Vec<u32>,
    /// Whether a request without a token is refused.
    #[serde(default = "required_by_default")]
    pub required: bool,
}

fn required_by_default() -> bool {
    true
}

/// Server-level authorization: allowed when any rule matches.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Authorization {
    /// Indices into `rules`; empty denies everything.
    pub rules: Vec<u32>,
}

/// One entry of `egressAuthorization` as it applies to a host. It matches when `from` and `to`
/// both match.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EgressRule {
    /// Name shown in decisions.
    pub name: String,
    /// The workloads, any of them, as `namespace/service-account`: `*` stands for any service
    /// account, and `prefix*` or `*` for namespaces. Absent: any workload, known or not; empty:
    /// none.
    #[serde(default, deserialize_with = "written", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Vec<String>"))]
    pub from: Option<Vec<String>>,
    /// Indices into `operations`, any of them; absent: anything.
    #[serde(default, deserialize_with = "written", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Vec<u32>"))]
    pub to: Option<Vec<u32>>,
    /// Whose identity `from` is compared with.
    #[serde(default, skip_serializing_if = "IdentityMatch::is_default")]
    pub identity: IdentityMatch,
}

/// Whose identity a rule of `egressAuthorization` looks at.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum IdentityMatch {
    /// That of the direct peer or the one that a trusted peer hands on: either may match.
    #[default]
    Permissive,
    /// That of the direct peer, from its certificate.
    PeerCertificate,
    /// The one that a trusted peer hands on; the direct peer's where none can be handed on.
    SourceIdentity,
}

impl IdentityMatch {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// `egressAuthorization` for one hostname: allowed when any rule matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EgressHost {
    /// Exact hostname in canonical form.
    pub hostname: String,
    /// Indices into `egress_rules`.
    pub rules: Vec<u32>,
    /// Whether a denial is only reported: the request goes on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shadow: bool,
}

/// How the workload behind a request is recognised: by a SPIFFE ID
/// `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SourceIdentity {
    /// Trust domains whose identities count, any of them.
    pub trust_domains: Vec<String>,
    /// How direct peers hand on the identity of the workload behind them; absent: they cannot.
    #[serde(default, deserialize_with = "written_object", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "PropagatedIdentity"))]
    pub propagated: Option<PropagatedIdentity>,
}

impl Default for SourceIdentity {
    fn default() -> Self {
        Self { trust_domains: vec!["cluster.local".to_owned()], propagated: None }
    }
}

impl SourceIdentity {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// An identity that a trusted peer hands on in a header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PropagatedIdentity {
    /// Header in the form of Envoy's `x-forwarded-client-cert`, lower case. It never goes on to
    /// an upstream.
    pub header: String,
    /// The peers that are believed, in the form of `from` in EgressRule.
    pub trusted_sources: Vec<String>,
}
