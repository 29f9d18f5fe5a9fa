//! Which Gateway of the input is compiled.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use crate::resource::diagnostic::{Diagnostic, Diagnostics};
use crate::resource::gateway::Gateway;

/// `namespace/name` of a Gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayName {
    /// The namespace, as [`Gateway::namespace`] says it.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
}

impl FromStr for GatewayName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('/') {
            Some((namespace, name))
                if !namespace.is_empty() && !name.is_empty() && !name.contains('/') =>
            {
                Ok(Self { namespace: namespace.to_owned(), name: name.to_owned() })
            }
            _ => Err("expected NAMESPACE/NAME, such as egress/shared-egress-gateway"),
        }
    }
}

impl fmt::Display for GatewayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The one Gateway to compile: the named one, or the only one. Everything else is an error.
pub fn one<'a>(
    gateways: &[Gateway<'a>],
    wanted: Option<&GatewayName>,
    diagnostics: &mut Diagnostics,
) -> Option<Gateway<'a>> {
    let found = named(gateways, wanted, diagnostics);
    if let [_, second, ..] = found.as_slice() {
        diagnostics.push(
            Diagnostic::error(format!("the input holds {} Gateways", found.len()))
                .on(name_node(*second))
                .hint(format!("choose one with --gateway: {}", list(gateways))),
        );
        return None;
    }
    found.first().copied()
}

/// The Gateways to check: the named one, or all. Having none is an error, and so are two with
/// the same name.
pub fn named<'a>(
    gateways: &[Gateway<'a>],
    wanted: Option<&GatewayName>,
    diagnostics: &mut Diagnostics,
) -> Vec<Gateway<'a>> {
    if gateways.is_empty() {
        diagnostics.push(Diagnostic::error("the input holds no Gateway").hint(
            "give a document with `apiVersion: gateway.tsb.tetrate.io/v2` and `kind: Gateway`",
        ));
        return Vec::new();
    }
    let mut seen = HashMap::new();
    let mut found = Vec::new();
    for gateway in gateways {
        let Some(name) = name_of(*gateway) else {
            // Without a name it is checked, which reports that; it can never be chosen.
            found.extend(wanted.is_none().then_some(*gateway));
            continue;
        };
        if wanted.is_some_and(|wanted| *wanted != name) {
            continue;
        }
        let place = name_node(*gateway);
        if let Some(first) = seen.insert(name.to_string(), place) {
            diagnostics.push(
                Diagnostic::error(format!("the Gateway {name} is written twice"))
                    .on(place)
                    .related(first.span(), "first written here")
                    .hint("remove one of them, or give it another name"),
            );
        } else {
            found.push(*gateway);
        }
    }
    if let (true, Some(wanted)) = (found.is_empty(), wanted) {
        diagnostics.push(
            Diagnostic::error(format!("the input holds no Gateway {wanted}"))
                .hint(format!("it holds {}", list(gateways))),
        );
    }
    found
}

fn name_of(gateway: Gateway<'_>) -> Option<GatewayName> {
    let (namespace, name) = (gateway.namespace()?, gateway.name()?);
    Some(GatewayName { namespace: namespace.to_owned(), name: name.to_owned() })
}

/// What to point at when a whole Gateway is meant.
fn name_node(gateway: Gateway<'_>) -> crate::resource::tree::Node<'_> {
    let name = gateway.0.get("metadata").and_then(|metadata| metadata.get("name"));
    name.or_else(|| gateway.0.get("kind")).unwrap_or(gateway.0)
}

fn list(gateways: &[Gateway<'_>]) -> String {
    let names: Vec<_> =
        gateways.iter().filter_map(|gateway| Some(name_of(*gateway)?.to_string())).collect();
    names.join(", ")
}
