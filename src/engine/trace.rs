//! The steps of a decision, for `explain`. The filter runs with [`NoTrace`], which costs nothing.

/// Receives what the engine did, step by step.
pub trait Trace {
    /// Records one step; `text` is only called where steps are kept.
    fn step(&mut self, text: impl FnOnce() -> String);
}

/// Keeps nothing.
#[derive(Debug, Default)]
pub struct NoTrace;

impl Trace for NoTrace {
    fn step(&mut self, _: impl FnOnce() -> String) {}
}

/// Keeps every step in order.
#[derive(Debug, Default)]
pub struct Steps(pub Vec<String>);

impl Trace for Steps {
    fn step(&mut self, text: impl FnOnce() -> String) {
        self.0.push(text());
    }
}
