//! Modules of the side-by-side benchmark, which uses more of them.
#![allow(dead_code)]

#[path = "../side_by_side/connection.rs"]
mod connection;
#[path = "../side_by_side/envoy.rs"]
pub mod envoy;
#[path = "../side_by_side/gateway.rs"]
pub mod gateway;
#[path = "../side_by_side/load.rs"]
pub mod load;
#[path = "../side_by_side/machine.rs"]
pub mod machine;
#[path = "../side_by_side/requests.rs"]
pub mod requests;
#[path = "../side_by_side/signer.rs"]
pub mod signer;
#[path = "../side_by_side/tokens.rs"]
pub mod tokens;
