//! Gateways for the same pods: what is made of one for Istio denies the hosts of the other.

use std::collections::BTreeMap;

use super::Compiler;
use crate::resource::diagnostic::Diagnostic;
use crate::resource::gateway::Gateway;
use crate::resource::source::Span;
use crate::resource::warning::Warning;

/// Istio's root namespace, unless a mesh says otherwise: objects there hold for the pods of all.
pub const ROOT_NAMESPACE: &str = "istio-system";

/// A Gateway of the input, as far as it says for which pods it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// `namespace/name`.
    pub name: String,
    /// Where it says so.
    pub span: Span,
    namespace: String,
    labels: BTreeMap<String, String>,
}

impl Neighbour {
    /// What a Gateway says; nothing where it does not say who it is.
    pub fn of(gateway: Gateway<'_>) -> Option<Self> {
        Some(Self {
            name: format!("{}/{}", gateway.namespace()?, gateway.name()?),
            span: gateway.workload_place().span(),
            namespace: gateway.workload_namespace()?.to_owned(),
            labels: gateway
                .workload_labels()
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
        })
    }

    /// Whether every pod of one of the two is one of the other.
    fn shares_pods_with(&self, other: &Self) -> bool {
        let within = |few: &Self, many: &Self| {
            few.labels.iter().all(|(key, value)| many.labels.get(key) == Some(value))
        };
        let together = self.namespace == other.namespace
            || [self, other].iter().any(|it| it.namespace == ROOT_NAMESPACE);
        self.name != other.name && together && (within(self, other) || within(other, self))
    }
}

impl Compiler<'_, '_> {
    /// The other Gateways of the input for pods of this one, which are warned of.
    pub(super) fn same_pods(&mut self) -> Vec<Neighbour> {
        let Some(own) = Neighbour::of(self.gateway) else { return Vec::new() };
        let others = self.options.neighbours.iter().filter(|other| own.shares_pods_with(other));
        let others: Vec<_> = others.cloned().collect();
        // With errors, nothing comes of either.
        let warned = others.iter().filter(|_| !self.diagnostics.has_errors());
        let place = self.gateway.workload_place().origin();
        for other in warned.collect::<Vec<_>>() {
            self.report(
                Diagnostic::warning(format!(
                    "the Gateway {} is for the same pods",
                    other.name.escape_debug()
                ))
                .named(Warning::SamePods)
                .at(&place)
                .related(other.span, "its pods")
                .hint(
                    "each denies the hosts that only the other one lists: write the servers into \
                     one Gateway, or give each Gateway pods of its own",
                ),
            );
        }
        others
    }
}
