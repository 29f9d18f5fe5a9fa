//! The documents a user writes, with the position of everything in them.
//!
//! | module | what lives there |
//! |---|---|
//! | [`source`] | the texts of the input, byte spans in them, lines and columns |
//! | [`diagnostic`] | errors, warnings and notes about spans |
//!
//! What the documents mean together (duplicates across servers, the policy they compile to) is in
//! [`crate::compile`]; how diagnostics look on a terminal is in [`crate::cli`].

pub mod diagnostic;
pub mod source;
