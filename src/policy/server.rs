//! What governs a hostname on the part of its server.

use serde::{Deserialize, Serialize};

use super::read::written_object;

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
    /// Whether a 403 names the scopes that a token lacks, where it lacks nothing else (RFC 6750,
    /// section 3.1).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub challenge_scopes: bool,
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
