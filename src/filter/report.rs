//! What a decision leaves behind: a log line and the fields for access logs.

use std::borrow::Cow;

use crate::engine::path::without_query;
use crate::engine::{Decision, Outcome, Request};

/// Longest part of an authority, method or path that a log line repeats.
const MAX_LOGGED_BYTES: usize = 256;

/// The fields of a decision for access logs: filter state `wasm.egress_auth.<field>`.
pub fn fields<'d>(decision: &'d Decision<'_>) -> [(&'static str, Cow<'d, str>); 5] {
    let verdict = match decision.outcome {
        Outcome::Allow(_) => "allow",
        Outcome::Deny(_) => "deny",
    };
    [
        ("egress_auth.decision", verdict.into()),
        ("egress_auth.reason", decision.code()),
        ("egress_auth.server", decision.server.unwrap_or("-").into()),
        ("egress_auth.rule", decision.rule.unwrap_or("-").into()),
        ("egress_auth.mechanism", decision.mechanism.as_str().into()),
    ]
}

/// The log line of a decision. It repeats neither the query nor any header, which may hold
/// tokens.
pub fn line(verb: &str, decision: &Decision<'_>, status: u16, request: &Request<'_>) -> String {
    format!(
        "{verb} reason={} status={status} mechanism={} server={} method={} authority={} path={}",
        decision.code(),
        decision.mechanism,
        decision.server.unwrap_or("-"),
        printable(request.method()),
        printable(request.authority()),
        printable(without_query(request.path())),
    )
}

fn printable(bytes: &[u8]) -> String {
    bytes.get(..MAX_LOGGED_BYTES).unwrap_or(bytes).escape_ascii().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Denial, Mechanism, Reason};

    #[test]
    fn the_log_line_keeps_queries_and_line_breaks_out() {
        let decision = Decision {
            outcome: Outcome::Deny(Denial { status: 401, body: "", headers: vec![] }),
            reason: Reason::Expired,
            mechanism: Mechanism::Authentication,
            server: Some("api"),
            position: Some(0),
            rule: None,
            shadow: false,
        };
        let headers: Vec<(&[u8], &[u8])> = vec![
            (b":method", b"GET"),
            (b":authority", b"api.test"),
            (b":path", b"/x\n\xff?access_token=secret"),
            (b"authorization", b"Bearer secret"),
        ];
        let line = line("denied", &decision, 401, &Request { headers, claims: None });
        assert_eq!(
            line,
            "denied reason=expired status=401 mechanism=authentication server=api method=GET \
             authority=api.test path=/x\\n\\xff"
        );
    }
}
