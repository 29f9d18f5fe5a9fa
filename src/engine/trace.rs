//! The steps of a decision, for `explain`. The filter runs with [`NoTrace`], which costs nothing.

use crate::jwt::Claims;

/// Receives what the engine did, step by step.
pub trait Trace {
    /// Records one step; `text` is only called where steps are kept.
    fn step(&mut self, text: impl FnOnce() -> String);

    /// Is shown the claims of the token, once it is verified.
    fn verified(&mut self, _: &Claims) {}
}

/// Keeps nothing.
#[derive(Debug, Default)]
pub struct NoTrace;

impl Trace for NoTrace {
    fn step(&mut self, _: impl FnOnce() -> String) {}
}
