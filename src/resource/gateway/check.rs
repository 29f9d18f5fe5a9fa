//! What is wrong with the fields of a Gateway, each for itself.

use super::{EgressEntry, Gateway, fields};
use crate::resource::diagnostic::{Diagnostic, Diagnostics};
use crate::resource::shape;

impl Gateway<'_> {
    /// Reports every field that is unknown, missing, empty or of a wrong type.
    pub fn check(self, diagnostics: &mut Diagnostics) {
        // An item of a typed list need not say what it is.
        let fields = match self.0.get("kind") {
            Some(_) => &fields::GATEWAY,
            None => &fields::LISTED_GATEWAY,
        };
        shape::check(self.0, fields, "the Gateway", diagnostics);
        for entry in self.egress_authorization() {
            refuse_inexact(entry, diagnostics);
        }
    }
}

/// Reports hosts of an entry that are not given exactly, and what is deprecated.
fn refuse_inexact(entry: EgressEntry<'_>, diagnostics: &mut Diagnostics) {
    if let Some((key, mode)) = entry.0.get("from").and_then(|from| from.entry("mode")) {
        let named = ["serviceAccounts", "resources"]
            .into_iter()
            .find(|field| entry.0.get("from").is_some_and(|from| from.get(field).is_some()));
        let hint = match (named, mode.string()) {
            (Some(named), _) => format!("remove `mode`: `{named}` says who is meant"),
            (None, Some("NAMESPACE")) => {
                "write `serviceAccounts: [\"./*\"]`, which is every workload of the gateway's own \
                 namespace"
                    .to_owned()
            }
            (None, Some("GROUP" | "WORKSPACE")) => "write `resources` with its full name, such as \
                 `resources: [organizations/O/tenants/T/workspaces/W]`"
                .to_owned(),
            (None, _) => "name the workloads in `serviceAccounts` or `resources`; for every \
                 workload of the gateway's own namespace write `serviceAccounts: [\"./*\"]`"
                .to_owned(),
        };
        let message = "`from.mode` is deprecated and not supported";
        diagnostics.push(Diagnostic::error(message).on(key).hint(hint));
    }
    for host in entry.to().filter_map(|to| to.get("host")) {
        let inexact = ["prefix", "regex"].into_iter().filter_map(|field| host.entry(field));
        let mut inexact = inexact.map(|(key, _)| key).peekable();
        if inexact.peek().is_none() && host.get("exact").is_none() && !host.is_empty() {
            let message = "`exact` is missing in `host`";
            diagnostics.push(Diagnostic::error(message).on(host).hint("write a hostname"));
        }
        for key in inexact {
            diagnostics.push(
                Diagnostic::error("only exact hostnames are supported in egressAuthorization")
                    .on(key)
                    .hint(
                        "write `exact`, once for each host: a prefix `httpbin.org` would admit \
                         `httpbin.org.evil.test` too",
                    ),
            );
        }
    }
}
