//! What is wrong with the fields of a Gateway, each for itself.

use super::{Gateway, fields};
use crate::resource::diagnostic::{Diagnostic, Diagnostics};
use crate::resource::shape::{self, Object, closest};
use crate::resource::tree::Node;

impl Gateway<'_> {
    /// Reports every field that is unknown, missing, empty or of a wrong type.
    pub fn check(self, diagnostics: &mut Diagnostics) {
        shape::check(self.0, &fields::GATEWAY, "the Gateway", diagnostics);
        let Some(spec) = self.spec() else { return };
        if let Some((key, _)) = spec.entry("egressAuthorization") {
            let message = "egressAuthorization is not supported yet by this version";
            diagnostics.push(
                Diagnostic::error(message)
                    .on(key)
                    .hint("use `authorization` of the servers, or remove the field"),
            );
        }
        refuse_misplaced(spec, &fields::SPEC, "`spec`", diagnostics);
        for server in self.servers() {
            refuse_misplaced(server.0, &fields::SERVER, "a server", diagnostics);
        }
    }
}

/// Reports a field that looks like one of the security fields but is not, or is one of a server's
/// in the wrong place. Other unknown fields are none of our business.
fn refuse_misplaced(node: Node<'_>, known: &Object, place: &str, diagnostics: &mut Diagnostics) {
    const ALL: [&str; 3] = ["authentication", "authorization", "egressAuthorization"];
    for (key, _) in node.entries() {
        let text = key.scalar_text().unwrap_or_default();
        if known.fields.iter().any(|field| field.name == text) {
            continue;
        }
        let Some(meant) = closest(text, ALL.into_iter()) else { continue };
        let diagnostic = Diagnostic::error(format!("`{text}` is not a field of {place}"));
        let hint = match meant {
            "egressAuthorization" if text == meant => {
                "`egressAuthorization` belongs directly below `spec`".to_owned()
            }
            meant if text == meant => {
                format!("`{meant}` belongs to a server: indent it to stand beside its `hostname`")
            }
            meant => format!("did you mean `{meant}`?"),
        };
        diagnostics.push(diagnostic.on(key).hint(hint));
    }
}
