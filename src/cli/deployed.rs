//! What is deployed, in place of the documents that it was compiled from: `kubectl get -o yaml`.

use super::input::GatewayArgs;
use crate::compile::{Compiled, deployed};
use crate::resource::diagnostic::{Diagnostic, Diagnostics};
use crate::resource::plugin::Plugin;

/// What was read, and what it is called.
type Read = (String, Compiled);

/// The one policy that is meant.
pub fn one(
    plugins: &[Plugin<'_>],
    args: &GatewayArgs,
    diagnostics: &mut Diagnostics,
) -> Option<Read> {
    let plugin = deployed::one(plugins, args.gateway.as_ref(), diagnostics)?;
    read(plugin, args, diagnostics)
}

/// The last of all policies, or of those that are named, once each was looked at.
pub fn all(
    plugins: &[Plugin<'_>],
    args: &GatewayArgs,
    diagnostics: &mut Diagnostics,
) -> Option<Read> {
    let found = deployed::named(plugins, args.gateway.as_ref(), diagnostics);
    let read = found.into_iter().map(|plugin| read(plugin, args, diagnostics));
    read.collect::<Vec<_>>().pop()?
}

/// Says that outputs are made of Gateways alone.
pub fn refuse(plugins: &[Plugin<'_>], diagnostics: &mut Diagnostics) -> Option<Read> {
    if let Some(plugin) = plugins.first() {
        diagnostics.push(
            Diagnostic::error(format!("{plugin} is what was compiled, and no Gateway"))
                .on(plugin.node.get("kind").unwrap_or(plugin.node))
                .hint("give the Gateway: routes, TLS and where fields are written are not in it"),
        );
    }
    None
}

fn read(plugin: Plugin<'_>, args: &GatewayArgs, diagnostics: &mut Diagnostics) -> Option<Read> {
    let compiled = deployed::read(plugin, diagnostics)?;
    diagnostics.push(
        Diagnostic::note(format!(
            "read {plugin}: the policy of {} as it is enforced",
            compiled.policy.gateway.escape_debug()
        ))
        .hint(
            "lines of its document, entries of `egressAuthorization` without effect, routes and \
             TLS are not in it",
        ),
    );
    let flags: Vec<_> = args
        .written()
        .into_iter()
        .filter(|word| word.starts_with("--") && !["--gateway", "--exclude"].contains(&&**word))
        .collect();
    if !flags.is_empty() {
        diagnostics.push(
            Diagnostic::note(format!("{} says nothing about {plugin}", flags.join(", ")))
                .hint("a policy that was compiled has all that such flags say"),
        );
    }
    Some((plugin.to_string(), compiled))
}
