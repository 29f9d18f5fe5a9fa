//! How tokens of an issuer are found, verified and handed on.

use serde::{Deserialize, Serialize};

use super::read::{objects, written};

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
    /// Accepted values of the header's `typ`, in lower case and without `application/`; an empty
    /// text stands for a token without one. Absent: `typ` is not looked at.
    #[serde(default, deserialize_with = "written", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Vec<String>"))]
    pub token_types: Option<Vec<String>>,
    /// Claims that a token must have, and not as null: names or paths, as in `other` of principals.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_claims: Vec<String>,
    /// Whether a token counts only with the certificate that it names (RFC 8705).
    #[serde(default, skip_serializing_if = "CertificateBound::is_default")]
    pub certificate_bound: CertificateBound,
    /// How the subject of a token is compared with the workload that sends it; absent: it is not.
    #[serde(default, deserialize_with = "written", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "WorkloadBound"))]
    pub workload_bound: Option<WorkloadBound>,
}

/// Whether a token counts only with the certificate that its `cnf` names by `x5t#S256` (RFC 8705,
/// section 3.1).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CertificateBound {
    /// `cnf` is not looked at.
    #[default]
    Ignored,
    /// A token with a `cnf` counts only with the certificate that it names.
    IfPresent,
    /// The same, and a token without one does not count at all.
    Required,
}

impl CertificateBound {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How the subject of a token is compared with the workload that sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WorkloadBound {
    /// `sub` is the workload's SPIFFE ID (JWT-SVID, section 3.1).
    Spiffe,
    /// `sub` is `system:serviceaccount:<namespace>:<account>`, those of the workload's SPIFFE ID.
    Kubernetes,
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
    /// Claim name, or a path by dots or brackets, as in `other` of principals.
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
