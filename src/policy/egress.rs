//! What governs a hostname on the part of `egressAuthorization`.

use serde::{Deserialize, Serialize};

use super::read::written;

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
