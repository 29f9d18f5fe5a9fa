//! What a policy only tries out, in a line for whoever runs it: it looks enforced and is not.

use crate::policy::Policy;

/// Names that the line holds of each mechanism; of more than these only the number.
const MAX_NAMES: usize = 10;
/// Longest part of a name that it repeats, in characters.
const MAX_NAME_CHARS: usize = 64;

/// What is only tried out, by mechanism: servers as `name (hostname)`, hosts of
/// `egressAuthorization` by their hostname. Nothing when all is enforced.
pub fn tried_out(policy: &Policy) -> Option<String> {
    let servers = |shadow: fn(&crate::policy::Server) -> bool| {
        let named = policy.servers.iter().filter(move |server| shadow(server));
        listed(named.map(|server| format!("{} ({})", shown(&server.name), shown(&server.hostname))))
    };
    let hosts = policy.egress.iter().filter(|host| host.shadow);
    let parts: Vec<_> = [
        ("authentication", servers(|server| server.shadow_authentication)),
        ("authorization", servers(|server| server.shadow_authorization)),
        ("egressAuthorization", listed(hosts.map(|host| shown(&host.hostname)))),
    ]
    .into_iter()
    .filter_map(|(mechanism, names)| Some(format!("{mechanism} of {}", names?)))
    .collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn listed(mut names: impl Iterator<Item = String>) -> Option<String> {
    let first: Vec<_> = names.by_ref().take(MAX_NAMES).collect();
    let others = names.count();
    let list = first.join(", ");
    match (first.is_empty(), others) {
        (true, _) => None,
        (false, 0) => Some(list),
        (false, others) => Some(format!("{list} and {others} more")),
    }
}

fn shown(name: &str) -> String {
    name.chars().take(MAX_NAME_CHARS).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policy(servers: usize) -> Policy {
        let server = |index: usize| {
            json!({
                "name": format!("s{index}\n"),
                "hostname": format!("s{index}.test"),
                "authorization": {"rules": []},
                "shadow_authorization": index > 0,
            })
        };
        let servers: Vec<_> = (0..servers).map(server).collect();
        serde_json::from_value(json!({"version": 1, "gateway": "n/g", "servers": servers})).unwrap()
    }

    #[test]
    fn a_policy_in_force_needs_no_line() {
        assert_eq!(tried_out(&policy(1)), None);
    }

    #[test]
    fn the_line_is_one_line_and_bounded() {
        assert_eq!(tried_out(&policy(2)).unwrap(), "authorization of s1\\n (s1.test)");
        let many = tried_out(&policy(1_000)).unwrap();
        assert!(many.ends_with("s10\\n (s10.test) and 989 more"), "{many}");
    }
}
