//! What rules say: who may do what.

use serde::{Deserialize, Serialize};

use super::read::{without_repetition, written};

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
