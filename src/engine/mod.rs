//! `decide`: a pure function from a request to a decision.
pub mod authority;
pub mod decision;
pub mod path;
pub mod reason;
