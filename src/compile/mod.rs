//! Documents to a policy.
//!
//! | module | what lives there |
//! |---|---|
//! | [`model`] | what compiling one Gateway yields: the policy, and what deploying it takes |
//!
//! What a document looks like is in [`crate::resource`]; what a deployment looks like is in
//! [`crate::emit`]. Nothing here reads or writes files.

pub mod model;

pub use model::Compiled;
