//! What an output changes at once, beside what is deployed: a module that cannot be had takes the
//! policy that is in force with it.

use std::path::Path;

use serde_json::Value;

use crate::resource::diagnostic::{Diagnostic, Diagnostics};
use crate::resource::document::{self, Found};
use crate::resource::plugin::Plugin;
use crate::resource::source::Sources;
use crate::resource::{input, json};

/// What is deployed, as far as it matters here.
#[derive(Debug, PartialEq)]
struct Deployed {
    kind: String,
    name: String,
    module: [String; 2],
    config: Value,
}

impl Deployed {
    fn of(plugin: Plugin<'_>) -> Option<Self> {
        let (namespace, name) = plugin.name()?;
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Some(Self {
            kind: text(plugin.node.get("kind")?.string()),
            name: format!("{namespace}/{name}"),
            module: [text(plugin.url()), text(plugin.sha256())],
            config: json::value(plugin.config()?).ok()?,
        })
    }
}

/// What is worth knowing before `objects` are applied where a file says what is deployed: one that
/// was named for that, or the one that is written to.
///
/// # Errors
/// When the file cannot be read.
pub fn findings(file: &Path, objects: &str, explicit: bool) -> anyhow::Result<Vec<Diagnostic>> {
    let before = match read(file) {
        Ok(before) => before,
        Err(error) if explicit => return Err(error),
        // What is written to may be anything.
        Err(_) => return Ok(Vec::new()),
    };
    let mut sources = Sources::default();
    sources.add("output".to_owned(), objects.to_owned());
    let Some(after) = deployed(&sources).into_iter().next() else { return Ok(Vec::new()) };
    let of_gateway = |it: &&Deployed| it.config.get("gateway") == after.config.get("gateway");
    let Some(before) = before.iter().find(of_gateway) else {
        let first = Diagnostic::note(format!(
            "no plugin for this Gateway is in {}: the first one changes the gateway's listener",
            file.display()
        ))
        .hint(
            "requests on connections that are open are decided without it: apply it before routes \
             lead to the gateway",
        );
        return Ok(if explicit { vec![first] } else { Vec::new() });
    };
    Ok(differences(before, &after))
}

fn differences(before: &Deployed, after: &Deployed) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if (&before.kind, &before.name) != (&after.kind, &after.name) {
        found.push(
            Diagnostic::warning(format!(
                "{} {} takes the place of {} {}: that changes the gateway's listener",
                after.kind, after.name, before.kind, before.name
            ))
            .hint(
                "have both in place before the old one goes: requests on connections that are open \
                 are decided as before",
            ),
        );
    }
    match (before.module == after.module, before.config == after.config) {
        (true, _) => {}
        (false, true) => found.push(
            Diagnostic::note(
                "the module changes: where it cannot be fetched, every request is denied",
            )
            .hint("`egress-auth check --module-url` says whether it can be had"),
        ),
        (false, false) => found.push(
            Diagnostic::warning(
                "module and policy change together: where the module cannot be fetched, every \
                 request is denied, and the policy in force is gone",
            )
            .hint(
                "first apply the policy in force with the new module, see that it runs, then apply \
                 the new policy; `egress-auth check --module-url` says whether the module can be had",
            ),
        ),
    }
    found
}

fn read(file: &Path) -> anyhow::Result<Vec<Deployed>> {
    let sources = input::read(&[file.to_owned()], &[], &mut Diagnostics::default())?;
    Ok(deployed(&sources))
}

fn deployed(sources: &Sources) -> Vec<Deployed> {
    let mut ignored = Diagnostics::default();
    let documents = document::read_all(sources, &mut ignored);
    let Found { plugins, .. } = document::find(&documents, false, &mut ignored);
    plugins.into_iter().filter_map(Deployed::of).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployed(kind: &str, sum: &str, rules: u32) -> Deployed {
        Deployed {
            kind: kind.to_owned(),
            name: "egress/g".to_owned(),
            module: ["oci://registry.test/a".to_owned(), sum.to_owned()],
            config: json!({"gateway": "egress/g", "rules": rules}),
        }
    }

    #[test]
    fn one_change_at_a_time_is_quiet() {
        let before = deployed("WasmPlugin", "a", 1);
        let messages = |after: Deployed| -> Vec<String> {
            let found = differences(&before, &after);
            found.iter().map(|it| format!("{}: {}", it.severity.as_str(), it.message)).collect()
        };
        assert_eq!(messages(deployed("WasmPlugin", "a", 1)), [""; 0]);
        assert_eq!(messages(deployed("WasmPlugin", "a", 2)), [""; 0]);
        assert!(
            messages(deployed("WasmPlugin", "b", 1))[0].starts_with("note: the module changes")
        );
        let both = messages(deployed("WasmPlugin", "b", 2));
        assert!(both[0].starts_with("warning: module and policy change together"), "{both:?}");
        let other = messages(deployed("TrafficExtension", "a", 1));
        assert!(other[0].contains("changes the gateway's listener"), "{other:?}");
    }
}
