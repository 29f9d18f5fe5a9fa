//! What README.md and docs/ say is true: reasons, console output, links, flags.
//!
//! | file | what it holds the documentation to |
//! |---|---|
//! | `markdown` | reads it |
//! | `reasons` | the table of reasons says what the engine answers |
//! | `console` | what is shown of `egress-auth` is what it prints |
//! | `links` | links inside the project lead somewhere |
//! | `flags` | every command and flag is there, and no other |
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects
)]

mod console;
mod flags;
mod links;
mod markdown;
mod reasons;
