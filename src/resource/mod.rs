//! The documents a user writes, with the position of everything in them.
//!
//! | module | what lives there |
//! |---|---|
//! | [`source`] | the texts of the input, byte spans in them, lines and columns |
//! | [`diagnostic`] | errors, warnings and notes about spans |
//! | [`tree`] | a parsed document that knows where everything was written |
//! | [`yaml`] | text to trees |
//! | [`input`] | files, folders and standard input to texts |
//! | [`document`] | which trees are documents of a kind we read |
//! | [`shape`] | tables that say which fields exist, and the check of a tree against them |
//! | [`schema`] | the same tables as JSON Schema |
//! | [`gateway`] | the table of a Gateway, and typed views of a tree that passed it |
//! | [`json`] | trees to JSON values |
//! | [`hierarchy`] | tenants, workspaces and groups, and the namespaces that they own |
//!
//! What the documents mean together (duplicates across servers, the policy they compile to) is in
//! [`crate::compile`]; how diagnostics look on a terminal is in [`crate::cli`].

pub mod diagnostic;
pub mod document;
pub mod gateway;
pub mod hierarchy;
pub mod input;
pub mod json;
pub mod schema;
pub mod shape;
pub mod source;
pub mod tree;
pub mod yaml;
