//! What an output cannot say: an error, or a warning where something narrower may stand for it.

use std::collections::HashSet;

use crate::resource::diagnostic::{Diagnostic, Diagnostics};
use crate::resource::source::Origin;

/// Findings about one Gateway, each made once however many servers share its cause.
#[derive(Debug)]
pub struct Findings {
    allow_narrower: bool,
    seen: HashSet<String>,
    list: Diagnostics,
}

impl Findings {
    pub fn new(allow_narrower: bool) -> Self {
        Self { allow_narrower, seen: HashSet::new(), list: Diagnostics::default() }
    }

    pub fn into_diagnostics(self) -> Diagnostics {
        self.list
    }

    pub fn has_errors(&self) -> bool {
        self.list.has_errors()
    }

    pub fn list(&mut self) -> &mut Diagnostics {
        &mut self.list
    }

    /// Something that has no form in the output, not even a narrower one.
    pub fn refuse(&mut self, origin: Option<&Origin>, message: String, hint: &str) {
        self.push(Diagnostic::error, origin, message, hint.to_owned());
    }

    /// Something that has only a narrower form in the output: says whether to emit that.
    pub fn narrow(&mut self, origin: Option<&Origin>, message: String, narrower: &str) -> bool {
        match self.allow_narrower {
            true => self.push(Diagnostic::warning, origin, message, narrower.to_owned()),
            false => {
                let hint = format!("with --allow-narrower, {narrower}");
                self.push(Diagnostic::error, origin, message, hint);
            }
        }
        self.allow_narrower
    }

    /// Something worth knowing.
    pub fn warn(&mut self, origin: Option<&Origin>, message: String, hint: &str) {
        self.push(Diagnostic::warning, origin, message, hint.to_owned());
    }

    fn push(
        &mut self,
        make: impl FnOnce(String) -> Diagnostic,
        origin: Option<&Origin>,
        message: String,
        hint: String,
    ) {
        if !self.seen.insert(message.clone()) {
            return;
        }
        let diagnostic = make(message).hint(hint);
        self.list.push(match origin {
            Some(origin) => diagnostic.at(origin),
            None => diagnostic,
        });
    }
}
