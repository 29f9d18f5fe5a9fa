//! Tenants, workspaces and groups to the namespaces that they own in the gateway's cluster.

use super::Compiler;
use crate::resource::diagnostic::Diagnostic;
use crate::resource::gateway::Text;
use crate::resource::hierarchy::Resource;
use crate::resource::warning::Warning;

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
        let Some(asked) = Asked::parse(name.text) else {
            self.error(
                name.node,
                format!("`{}` is not the full name of a resource", name.text.escape_debug()),
                "write `organizations/O/tenants/T`, and `/workspaces/W` and \
                 `/securitygroups/G` (or `gatewaygroups`, `trafficgroups`) behind it",
            );
            return Vec::new();
        };
        let owned = match asked {
            Asked::Tenant(tenant) => self.of_tenant(&tenant, name),
            Asked::Workspace(workspace) => self.of(&workspace, name),
            Asked::Group { workspace, group } => self.of_group(&workspace, &group, name),
        };
        // What is wrong with it was reported.
        let Some(owned) = owned else { return Vec::new() };
        let mut sources: Vec<String> = owned.iter().map(Namespaces::source).collect();
        sources.sort_unstable();
        sources.dedup();
        if sources.is_empty() {
            self.warn(
                Warning::NobodyAdmitted,
                name.node,
                format!("`{}` owns no namespace of this cluster, so it admits nobody", name.text),
                "see the `namespaceSelector` of its document, and --cluster",
            );
        }
        sources
    }

    /// The namespaces of a tenant: those of its workspaces, since TSB's tenants select none. One
    /// that does select some owns these.
    fn of_tenant(&mut self, tenant: &str, asked: Text<'a>) -> Option<Vec<Namespaces>> {
        if self.hierarchy.get(tenant).is_some_and(|tenant| tenant.names().is_some()) {
            return self.of(tenant, asked);
        }
        let below = format!("{tenant}/workspaces/");
        let workspaces: Vec<String> = self
            .hierarchy
            .names()
            .into_iter()
            .filter(|name| name.strip_prefix(&below).is_some_and(|rest| !rest.contains('/')))
            .map(str::to_owned)
            .collect();
        if workspaces.is_empty() {
            self.unresolved(asked, &format!("a Workspace of {tenant}"));
            return None;
        }
        let owned = workspaces.iter().map(|workspace| self.of(workspace, asked));
        Some(owned.collect::<Option<Vec<_>>>()?.concat())
    }

    /// The namespaces of a group: those that it selects of its workspace's.
    fn of_group(
        &mut self,
        workspace: &str,
        group: &str,
        asked: Text<'a>,
    ) -> Option<Vec<Namespaces>> {
        let owned = self.hierarchy.get(group).map(|_| self.of(group, asked));
        let open = |owned: &Vec<Namespaces>| owned.iter().any(|namespaces| namespaces.open);
        let missing = match (&owned, self.hierarchy.get(workspace)) {
            // It may select "all", meaning all that its workspace owns.
            (None, None) => Some(format!("{group} and of {workspace}")),
            (None, Some(_)) => Some(group.to_owned()),
            (Some(Some(owned)), None) if open(owned) => Some(workspace.to_owned()),
            _ => None,
        };
        if let Some(missing) = missing {
            self.unresolved(asked, &missing);
            return None;
        }
        let owned = owned.flatten()?;
        if self.hierarchy.get(workspace).is_none() {
            return Some(owned);
        }
        let bounds = self.of(workspace, asked)?;
        let both =
            |one: &Namespaces| bounds.iter().filter_map(|other| one.and(other)).collect::<Vec<_>>();
        Some(owned.iter().flat_map(both).collect())
    }

    /// The namespaces that a document selects by itself; nothing when there is none, or when
    /// something is wrong with it, which is reported.
    fn of(&mut self, full_name: &str, asked: Text<'a>) -> Option<Vec<Namespaces>> {
        match self.hierarchy.get(full_name) {
            Some(resource) => self.selected(resource, full_name, asked),
            None => {
                self.unresolved(asked, full_name);
                None
            }
        }
    }

    fn unresolved(&mut self, asked: Text<'a>, missing: &str) {
        let known = self.hierarchy.names().join(", ");
        self.error(
            asked.node,
            format!(
                "`{}` cannot be resolved to namespaces: there is no document of {missing}",
                asked.text,
            ),
            match known.as_str() {
                "" => "give the Workspace and Group documents as well; they say where they belong \
                       in `metadata` or in annotations `tsb.tetrate.io/...`"
                    .to_owned(),
                known => format!("the input holds {known}"),
            },
        );
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

/// The resource that an entry names, by its full name and that of what bounds it.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Tenant(String),
    Workspace(String),
    Group { workspace: String, group: String },
}

impl Asked {
    /// Reads a full name; absent for anything else.
    fn parse(name: &str) -> Option<Self> {
        let parts: Vec<&str> = name.split('/').collect();
        let (kinds, names): (Vec<_>, Vec<_>) =
            parts.chunks(2).map(|pair| (pair.first(), pair.get(1))).unzip();
        let named = |part: &Option<&&str>| {
            part.is_some_and(|it| !it.is_empty() && !it.contains(char::is_whitespace))
        };
        if !names.iter().all(named) {
            return None;
        }
        let kinds: Vec<&str> = kinds.into_iter().flatten().copied().collect();
        match kinds.as_slice() {
            ["organizations", "tenants"] => Some(Self::Tenant(name.to_owned())),
            ["organizations", "tenants", "workspaces"] => Some(Self::Workspace(name.to_owned())),
            [
                "organizations",
                "tenants",
                "workspaces",
                "securitygroups" | "gatewaygroups" | "trafficgroups" | "istiointernalgroups",
            ] => Some(Self::Group { workspace: parts.get(..6)?.join("/"), group: name.to_owned() }),
            _ => None,
        }
    }
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
        let (workspace, group) = (
            "organizations/o/tenants/t/workspaces/w".to_owned(),
            "organizations/o/tenants/t/workspaces/w/gatewaygroups/g".to_owned(),
        );
        let tenant = "organizations/o/tenants/t".to_owned();
        assert_eq!(Asked::parse(&tenant), Some(Asked::Tenant(tenant.clone())));
        assert_eq!(Asked::parse(&workspace), Some(Asked::Workspace(workspace.clone())));
        assert_eq!(Asked::parse(&group.clone()), Some(Asked::Group { workspace, group }));
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
            assert_eq!(Asked::parse(name), None, "{name}");
        }
    }
}
