//! Project Wycheproof's vectors: signatures, keys and tokens that are right, and those that
//! careless implementations have taken for right.
//!
//! | module | what lives there |
//! |---|---|
//! | [`verifiers`] | both ways in which the filter has signatures checked |
//! | `primitives` | every vector of a supported algorithm, natively |
//! | [`json_web`] | the sets JSON Web Signature and JSON Web Key, natively |
//! | [`carry`] | those vectors with claims in them, as a filter needs them |
//! | `gateway` | the same two sets through a real Envoy |
//! | [`refused`] | the list of what does not come out as it is published |

mod carry;
mod gateway;
mod json_web;
mod primitives;
mod refused;
mod verifiers;
