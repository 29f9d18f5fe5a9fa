//! How the workload behind a request is recognised.

use serde::{Deserialize, Serialize};

use super::read::written_object;

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
    pub(super) fn is_default(&self) -> bool {
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
