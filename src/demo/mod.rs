//! What stands in for the outside world when a Gateway is tried out locally or tested.
//!
//! | module | what lives there |
//! |---|---|
//! | [`key`] | the demo issuer's signing key, and tokens signed with it |
//! | [`issuer`] | serves the demo key as a JWKS |
//! | [`echo`] | an upstream that answers with what arrived |
//! | [`sample`] | sample requests for a policy, and what should become of them |
//! | [`server`] | a loopback HTTP server that ends with its handle, and a client for such |
//!
//! Nothing here is part of a deployment: the key protects nothing, and both servers listen on
//! loopback unless told otherwise.

pub mod echo;
pub mod issuer;
pub mod key;
pub mod sample;
#[cfg(test)]
mod sample_tests;
pub mod server;
