//! What makes a policy unusable, and the lookups in its tables that may find that it is.

use std::sync::Arc;

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
