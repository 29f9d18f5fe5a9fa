//! Tenants, workspaces and groups to the namespaces that they own in the gateway's cluster.

use super::Compiler;
use crate::resource::diagnostic::Diagnostic;
use crate::resource::gateway::Text;
use crate::resource::hierarchy::Resource;

/// Namespaces: one, or all that begin alike.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Namespaces {
    stem: String,
    /// Whether anything may follow the stem.
    open: bool,
}

impl Namespaces {
    fn parse(text: &str) -> Option<Self> {
        let (stem, open) = match text.strip_suffix('*') {
            Some(stem) => (stem, true),
            None => (text, false),
        };
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_name = stem.bytes().all(allowed) && (open || !stem.is_empty());
        is_name.then(|| Self { stem: stem.to_owned(), open })
    }

    /// The namespaces that are in both.
    fn and(&self, other: &Self) -> Option<Self> {
        let (longer, shorter) =
            if self.stem.len() >= other.stem.len() { (self, other) } else { (other, self) };
        let fits = match shorter.open {
            true => longer.stem.starts_with(&shorter.stem),
            false => longer.stem == shorter.stem,
        };
        let open = longer.open && (shorter.open || longer.stem != shorter.stem);
        fits.then(|| Self { stem: longer.stem.clone(), open })
    }

    /// As the policy writes every service account of these namespaces.
    fn source(&self) -> String {
        format!("{}{}/*", self.stem, if self.open { "*" } else { "" })
    }
}

impl<'a> Compiler<'a, '_> {
    /// The service accounts of a resource, by its full name, as the policy writes them.
    pub(super) fn resource_sources(&mut self, name: Text<'a>) -> Vec<String> {
        let Some(lineage) = lineage(name.text) else {
            self.error(
                name.node,
                format!("`{}` is not the full name of a resource", name.text.escape_debug()),
                "write `organizations/O/tenants/T`, and `/workspaces/W` and \
                 `/securitygroups/G` (or `gatewaygroups`, `trafficgroups`) behind it",
            );
            return Vec::new();
        };
        // From the resource itself up to its tenant; what owns it bounds it.
        let mut owned: Option<Vec<Namespaces>> = None;
        let mut missing = Vec::new();
        for (depth, full_name) in lineage.iter().rev().enumerate() {
            match self.hierarchy.get(full_name) {
                Some(resource) => {
                    let Some(names) = self.selected(resource, full_name, name) else {
                        return Vec::new();
                    };
                    owned = Some(match owned {
                        None => names,
                        Some(owned) => {
                            let both = |one: &Namespaces| {
                                names.iter().filter_map(|other| one.and(other)).collect::<Vec<_>>()
                            };
                            owned.iter().flat_map(both).collect()
                        }
                    });
                }
                None if depth == 0 => missing.push(full_name.as_str()),
                // Its selector may say "all", meaning all that its parent owns.
                None if full_name.contains("/workspaces/")
                    && owned.iter().flatten().any(|namespaces| namespaces.open) =>
                {
                    missing.push(full_name.as_str());
                }
                None => {}
            }
        }
        if !missing.is_empty() {
            let known = self.hierarchy.names().join(", ");
            self.error(
                name.node,
                format!(
                    "`{}` cannot be resolved to namespaces: there is no document of {}",
                    name.text,
                    missing.join(" and of "),
                ),
                match known.as_str() {
                    "" => "give the Tenant, Workspace and Group documents as well; they say where \
                           they belong in `metadata` or in annotations `tsb.tetrate.io/...`"
                        .to_owned(),
                    known => format!("the input holds {known}"),
                },
            );
            return Vec::new();
        }
        let mut sources: Vec<String> =
            owned.unwrap_or_default().iter().map(Namespaces::source).collect();
        sources.sort_unstable();
        sources.dedup();
        if sources.is_empty() {
            self.warn(
                name.node,
                format!("`{}` owns no namespace of this cluster, so it admits nobody", name.text),
                "see the `namespaceSelector` of its document, and --cluster",
            );
        }
        sources
    }

    /// The namespaces of this cluster that a resource's own selector names.
    fn selected(
        &mut self,
        resource: Resource<'a>,
        full_name: &str,
        asked: Text<'a>,
    ) -> Option<Vec<Namespaces>> {
        let Some(names) = resource.names() else {
            self.report(
                Diagnostic::error(format!("`{full_name}` has no `namespaceSelector`"))
                    .on(asked.node)
                    .related(resource.node().span(), "this document")
                    .hint("write `spec.namespaceSelector.names` there, such as `[\"*/payments\"]`"),
            );
            return None;
        };
        let mut found = Vec::new();
        let mut failed = false;
        for name in names {
            let parts = name.text.split_once('/').and_then(|(cluster, namespace)| {
                let whole = !cluster.is_empty() && (cluster == "*" || !cluster.contains('*'));
                whole.then_some(())?;
                Some((cluster, Namespaces::parse(namespace)?))
            });
            match (parts, self.options.cluster.as_deref()) {
                (None, _) => {
                    failed = true;
                    self.report(
                        Diagnostic::error(format!(
                            "`{}` does not select namespaces",
                            name.text.escape_debug()
                        ))
                        .on(name.node)
                        .hint(
                            "write `cluster/namespace`, `*/namespace`, `cluster/prefix*` or `*/*`",
                        ),
                    );
                }
                (Some(("*", namespaces)), _) => found.push(namespaces),
                (Some((cluster, namespaces)), Some(here)) if cluster == here => {
                    found.push(namespaces);
                }
                (Some(_), Some(here)) => {
                    let message = format!("`{}` is left out: it is not in {here}", name.text);
                    self.report(Diagnostic::note(message).on(name.node));
                }
                (Some((cluster, _)), None) => {
                    failed = true;
                    self.report(
                        Diagnostic::error(format!(
                            "`{}` selects namespaces of one cluster, and which cluster the \
                             gateway is in is not known",
                            name.text
                        ))
                        .on(name.node)
                        .hint(format!("name the gateway's cluster, as in --cluster {cluster}")),
                    );
                }
            }
        }
        (!failed).then_some(found)
    }
}

/// The full names from the tenant down to the resource itself; absent for anything else.
fn lineage(name: &str) -> Option<Vec<String>> {
    let parts: Vec<&str> = name.split('/').collect();
    let named = |part: &str| !part.is_empty() && !part.contains(char::is_whitespace);
    let good = match parts.as_slice() {
        ["organizations", o, "tenants", t] => named(o) && named(t),
        ["organizations", o, "tenants", t, "workspaces", w] => named(o) && named(t) && named(w),
        [
            "organizations",
            o,
            "tenants",
            t,
            "workspaces",
            w,
            "securitygroups" | "gatewaygroups" | "trafficgroups",
            g,
        ] => named(o) && named(t) && named(w) && named(g),
        _ => false,
    };
    let ends = [4, 6, 8].into_iter().filter_map(|end| Some(parts.get(..end)?.join("/")));
    good.then(|| ends.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_both_is_the_narrower_of_them() {
        let table = [
            ("a", "a", Some("a/*")),
            ("a", "b", None),
            ("a*", "ab", Some("ab/*")),
            ("a*", "a", Some("a/*")),
            ("ab", "a*", Some("ab/*")),
            ("a*", "ab*", Some("ab*/*")),
            ("a*", "a*", Some("a*/*")),
            ("a*", "b*", None),
            ("*", "b*", Some("b*/*")),
            ("*", "*", Some("*/*")),
            ("a", "ab", None),
        ];
        for (one, other, expected) in table {
            let (one, other) = (Namespaces::parse(one).unwrap(), Namespaces::parse(other).unwrap());
            let both = one.and(&other).map(|both| both.source());
            assert_eq!(both.as_deref(), expected, "{one:?} and {other:?}");
            assert_eq!(other.and(&one).map(|both| both.source()).as_deref(), expected);
        }
    }

    #[test]
    fn only_full_names_name_resources() {
        let name = "organizations/o/tenants/t/workspaces/w/gatewaygroups/g";
        let names = lineage(name).unwrap();
        assert_eq!(names[0], "organizations/o/tenants/t");
        assert_eq!(names[1], "organizations/o/tenants/t/workspaces/w");
        assert_eq!(names[2], name);
        for name in [
            "",
            "tenants/t",
            "organizations/o",
            "organizations/o/tenants/",
            "organizations/o/tenants/t/",
            "organizations/o/tenants/t/groups/g",
            "organizations/o/tenants/t/workspaces/w/groups/g",
            "organizations/o/tenants/t/workspaces/w/gatewaygroups/g/x",
        ] {
            assert_eq!(lineage(name), None, "{name}");
        }
    }
}
