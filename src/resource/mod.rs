//! The documents a user writes, with the position of everything in them.
//!
//! | module | what lives there |
//! |---|---|
//! | [`source`] | the texts of the input, byte spans in them, lines and columns |
//! | [`diagnostic`] | errors, warnings and notes about spans |
//! | [`warning`] | the names of warnings, by which a Gateway acknowledges them |
//! | [`tree`] | a parsed document that knows where everything was written |
//! | [`yaml`] | text to trees |
//! | `syntax` | what is wrong with a text that is no YAML, or not yet |
//! | [`input`] | files, folders and standard input to texts |
//! | [`items`] | documents and lists of documents to single items |
//! | [`kinds`] | which kind of document an item is, by `apiVersion` and `kind` |
//! | [`document`] | which items are read, and what is said about the others |
//! | [`shape`] | tables that say which fields exist, and the check of a tree against them |
//! | [`schema`] | the same tables as JSON Schema |
//! | [`gateway`] | the table of a Gateway, and typed views of a tree that passed it |
//! | [`plugin`] | what was compiled before, read back from what is deployed |
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
pub mod items;
pub mod json;
pub mod kinds;
pub mod plugin;
pub mod schema;
pub mod shape;
pub mod source;
mod syntax;
pub mod tree;
pub mod warning;
pub mod yaml;
