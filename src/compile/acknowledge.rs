//! Warnings that a Gateway acknowledges: who wrote it knows, and says why.

use super::Compiler;
use crate::resource::diagnostic::Diagnostic;
use crate::resource::shape::closest;
use crate::resource::tree::Node;
use crate::resource::warning::Warning;

/// What the annotation for a warning begins with; its name follows, and the reason is the value.
pub const ANNOTATION_PREFIX: &str = "egress-auth/acknowledge-";

impl<'a> Compiler<'a, '_> {
    /// Marks the warnings that annotations name. An annotation that names none, that says nothing,
    /// or that nothing is warned of for is reported itself.
    pub(super) fn acknowledge(&mut self) {
        let written = self.gateway.annotations().filter_map(|(key, value)| {
            Some((key.scalar_text()?.strip_prefix(ANNOTATION_PREFIX)?, key, value))
        });
        for (name, key, value) in written.collect::<Vec<_>>() {
            let Some(warning) = Warning::named(name) else {
                self.unknown(name, key);
                continue;
            };
            let reason = value.string().map(str::trim).filter(|reason| !reason.is_empty());
            let Some(reason) = reason else {
                self.error(
                    value,
                    format!("`{ANNOTATION_PREFIX}{name}` says no reason"),
                    "write why that is right, as a string",
                );
                continue;
            };
            let marked = self.diagnostics.acknowledge(warning, reason);
            // With errors, not everything was looked at.
            if marked == 0 && !self.diagnostics.has_errors() {
                self.warn(
                    Warning::StaleAcknowledgement,
                    key,
                    format!("nothing is warned of as `{name}`"),
                    "remove the annotation",
                );
            }
        }
    }

    fn unknown(&mut self, name: &str, key: Node<'a>) {
        let hint = match closest(name, Warning::ALL.into_iter().map(Warning::as_str)) {
            Some(meant) => format!("did you mean `{ANNOTATION_PREFIX}{meant}`?"),
            None => "`check` writes the name of a warning behind it, in brackets".to_owned(),
        };
        let message = format!("there is no warning `{}`", name.escape_debug());
        let place = self.place.origin(key);
        self.report(Diagnostic::error(message).at(&place).hint(hint));
    }
}
