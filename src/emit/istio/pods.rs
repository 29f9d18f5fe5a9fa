//! For whose pods objects hold, and for whose they must not.

use crate::compile::model::Deployment;
use crate::compile::same_pods::ROOT_NAMESPACE;
use crate::resource::diagnostic::{Diagnostic, Diagnostics};

/// What is wrong with the pods that a Gateway selects, where its objects are Istio's.
pub(super) fn check(deployment: &Deployment, findings: &mut Diagnostics) {
    for other in &deployment.same_pods {
        findings.push(
            Diagnostic::error(format!(
                "the objects of {} would hold for the same pods, and each would deny the hosts of \
                 the other",
                other.name.escape_debug()
            ))
            .at(&deployment.workload_origin)
            .related(other.span, "its pods")
            .hint(
                "write the servers into one Gateway, or give each Gateway pods of its own: nothing \
                 is merged here",
            ),
        );
    }
    if deployment.workload_namespace == ROOT_NAMESPACE {
        findings.push(
            Diagnostic::warning(format!(
                "in `{ROOT_NAMESPACE}`, the root namespace unless the mesh names another, the \
                 objects hold for pods with these labels in every namespace"
            ))
            .at(&deployment.workload_origin)
            .hint("run the gateway in a namespace of its own"),
        );
    }
}
