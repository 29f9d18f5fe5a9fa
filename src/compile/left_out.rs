//! What a Gateway says that the gateway itself does, and not what is made here.
//!
//! Nothing of it is dropped in silence: a field of an egress server is a warning, and an error in
//! an output that would be without it; what other servers say of it is a note, since shared
//! Gateways have them.

use super::Compiler;
use super::model::{LeftToGateway, TrafficMode};
use crate::resource::diagnostic::Diagnostic;
use crate::resource::gateway::Server;
use crate::resource::gateway::fields::routing::{ROUTING, ROUTING_RULE};
use crate::resource::gateway::fields::{SERVER, SPEC};
use crate::resource::shape::Object;
use crate::resource::source::Origin;
use crate::resource::tree::{Node, Value};
use crate::resource::warning::Warning;

/// What all servers of a Gateway say that is left to the gateway.
#[derive(Debug, Default)]
pub(super) struct LeftOut {
    /// Of egress servers: each field with the first server that has it, and how many have.
    egress: Vec<(LeftToGateway, String, usize)>,
    /// Of other servers: each field, with the first place of all.
    others: Vec<&'static str>,
    first_other: Option<Origin>,
}

/// Fields of a map that are not ours, with what follows and where each stands.
fn fields<'a>(
    node: Node<'a>,
    object: &'static Object,
) -> Vec<(&'static str, &'static str, Node<'a>)> {
    let written = |name| {
        let (key, value) = node.entry(name)?;
        // Nothing, and what is switched off, asks for nothing.
        let asks = !matches!(value.value(), Value::Null | Value::Boolean(false));
        asks.then_some(key)
    };
    object
        .fields
        .iter()
        .filter_map(|field| Some((field.name, field.left_to_gateway?, written(field.name)?)))
        .collect()
}

impl<'a> Compiler<'a, '_> {
    /// What a server says that is left to the gateway; notes it down for [`Self::report_left_out`].
    pub(super) fn left_out(
        &mut self,
        server: Server<'a>,
        mode: TrafficMode,
        routed: bool,
    ) -> Vec<LeftToGateway> {
        let routing = server.routing();
        let rules =
            routing.and_then(|routing| routing.get("rules")).into_iter().flat_map(Node::items);
        let mut found = Vec::new();
        let mut add = |prefix: &str, node: Node<'a>, object| {
            for (name, consequence, key) in fields(node, object) {
                found.push((format!("{prefix}{name}"), consequence, key));
            }
        };
        add("", server.0, &SERVER);
        if let Some(routing) = routing {
            add("routing.", routing, &ROUTING);
        }
        for rule in rules {
            add("routing.rules[].", rule, &ROUTING_RULE);
        }
        if !mode.is_egress() {
            let mut others: Vec<_> =
                fields(server.0, &SERVER).into_iter().map(|(name, ..)| name).collect();
            // Whatever the routing of such a server says, it is followed where it is understood.
            if routing.is_some() && (!routed || found.iter().any(|it| it.0.starts_with("routing")))
            {
                others.push("routing");
            }
            if !others.is_empty() {
                let place = server.hostname().map_or(server.0, |hostname| hostname.node);
                let place = self.place.origin(place);
                self.left.first_other.get_or_insert(place);
                let known = &mut self.left.others;
                others.retain(|field| !known.contains(field));
                known.extend(others);
            }
            return Vec::new();
        }
        let left: Vec<_> = found
            .into_iter()
            // How it is reached from outside the mesh is judged apart.
            .filter(|(field, ..)| field != "tls")
            .map(|(field, consequence, key)| LeftToGateway {
                field,
                consequence,
                origin: self.place.origin(key),
            })
            .collect();
        for one in &left {
            let known = self.left.egress.iter_mut().find(|(known, ..)| known.field == one.field);
            match known {
                Some((_, _, count)) => *count = count.saturating_add(1),
                None => {
                    let name = server.name().map_or_else(String::new, |name| name.text.to_owned());
                    self.left.egress.push((one.clone(), name, 1));
                }
            }
        }
        left
    }

    /// Says what was left out, each field once.
    pub(super) fn report_left_out(&mut self) {
        let spec = self.gateway.0.get("spec");
        for (name, consequence, key) in spec.map(|spec| fields(spec, &SPEC)).unwrap_or_default() {
            let message = format!("`{name}` is left to the gateway: {consequence}");
            let hint = "in Istio, TSB sees to it; see that nothing relies on it here";
            self.warn(Warning::LeftToGateway, key, message, hint);
        }
        let left = std::mem::take(&mut self.left);
        for (field, server, count) in left.egress {
            let others = match count.saturating_sub(1) {
                0 => String::new(),
                1 => " and of another server".to_owned(),
                others => format!(" and of {others} other servers"),
            };
            let name = &field.field;
            self.report(
                Diagnostic::warning(format!(
                    "`{name}` of `{}`{others} is left to the gateway: {}",
                    server.escape_debug(),
                    field.consequence
                ))
                .at(&field.origin)
                .hint("in Istio, TSB sees to it; --to envoy and run refuse it")
                .named(Warning::LeftToGateway),
            );
        }
        if let Some(place) = left.first_other {
            let names: Vec<_> = left.others.iter().map(|name| format!("`{name}`")).collect();
            self.report(
                Diagnostic::note(format!(
                    "what INGRESS and TRANSIT servers say of {} is left to the gateway",
                    names.join(", ")
                ))
                .at(&place)
                .hint("this filter checks tokens and rules there, and does not route"),
            );
        }
    }
}
