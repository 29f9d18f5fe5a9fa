//! Names of claims, as Envoy's `claim_to_headers` has them.

use crate::jwt::ClaimPath;

/// The name of a claim, or its path by dots, which is all that Envoy knows; nothing where a name
/// within it holds a dot that Envoy would take for a step of the path.
pub fn dotted(name: &str) -> Option<String> {
    let path = ClaimPath::parse(name);
    match path.segments() {
        segments if name.contains(['[', ']']) && !segments.is_empty() => {
            segments.iter().all(|segment| !segment.contains('.')).then(|| segments.join("."))
        }
        _ if name.contains('.') && name.contains("://") => None,
        _ => Some(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_by_dots_where_dots_can_say_them() {
        for (name, expected) in [
            ("sub", Some("sub")),
            ("realm_access.roles", Some("realm_access.roles")),
            ("[realm_access][roles]", Some("realm_access.roles")),
            ("realm_access[roles]", Some("realm_access.roles")),
            ("[sub]", Some("sub")),
            ("[kubernetes.io][serviceaccount][name]", None),
            ("https://example.com/roles", None),
            ("[odd", Some("[odd")),
        ] {
            assert_eq!(dotted(name).as_deref(), expected, "{name}");
        }
    }
}
