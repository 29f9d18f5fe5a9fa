//! What is the gateway's own work, as TSB sets it up, and in none of the objects.

use crate::compile::Compiled;
use crate::resource::diagnostic::Diagnostic;

/// A note about the servers whose routing does more than to name one destination.
pub(super) fn note(compiled: &Compiled) -> Option<Diagnostic> {
    let mut fields: Vec<&str> = Vec::new();
    let mut servers = Vec::new();
    for server in &compiled.deployment.servers {
        let of_rules = server.routes.iter().flat_map(|rule| rule.fields.iter().copied());
        let left = server.left_to_gateway.iter().map(|left| left.field.as_str());
        let mut any = false;
        for field in of_rules.chain(left) {
            any = true;
            if !fields.contains(&field) {
                fields.push(field);
            }
        }
        if any || server.routes.len() > 1 {
            servers.push(server);
        }
    }
    let first = servers.first()?;
    let fields: Vec<_> = fields.iter().map(|field| format!("`{field}`")).collect();
    let what = match fields.is_empty() {
        true => "the routing rules".to_owned(),
        false => fields.join(", "),
    };
    let others = match servers.len().saturating_sub(1) {
        0 => String::new(),
        1 => " and of another server".to_owned(),
        others => format!(" and of {others} other servers"),
    };
    let message = format!(
        "{what} of `{}`{others}: the gateway's own work, as TSB sets it up; these objects hold \
         none of it",
        first.name.escape_debug()
    );
    Some(Diagnostic::note(message).at(&first.origin).hint(
        "the gateway routes after the filter has decided; without TSB, write a VirtualService",
    ))
}
