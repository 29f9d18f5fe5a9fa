//! The library alone: nothing here starts a process or opens a socket.
//!
//! | module | what is shown |
//! |---|---|
//! | `bench_statistics` | what the side-by-side benchmark makes of its figures |
//! | `compile_properties` | whatever is in a document, compiling it ends in a policy or in errors |
//! | `corpora` | the fuzzers' inputs, replayed without a fuzzer |
//! | `istio` | objects for Istio decide what the Gateway decides |
//! | `path_warnings` | patterns that are said to admit nothing admit nothing |
//! | `inclusions` | what the prover says about paths z3 says, too |
//! | `numbers` | choices that are the same in every run |
//! | `proofs` | what the prover says holds for every request of small worlds |
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::disallowed_macros
)]

mod bench_statistics;
mod compile_properties;
mod corpora;
mod inclusions;
mod istio;
mod numbers;
mod path_warnings;
mod proofs;
#[path = "../../fuzz/src/lib.rs"]
mod targets;
#[path = "../support/tried.rs"]
mod tried;
