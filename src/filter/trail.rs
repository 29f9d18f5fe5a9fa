//! The trail of a decision: a log line, and the fields for access logs.

use std::borrow::Cow;

use crate::engine::path::without_query;
use crate::engine::{Decision, Outcome, Request};
use crate::policy::AccessLogFields;
use crate::signals::filter_state::DecisionField;

/// Longest part of an authority, method or path that a log line repeats.
const MAX_LOGGED_BYTES: usize = 256;

/// Whether a decision leaves fields for access logs, where a policy wants those of `which`
/// decisions.
pub fn leaves_fields(which: AccessLogFields, decision: &Decision<'_>) -> bool {
    leaves_line(decision) || which == AccessLogFields::All
}

/// The value of a decision's field for access logs.
pub fn value<'d>(field: DecisionField, decision: &'d Decision<'_>) -> Cow<'d, str> {
    match (field, &decision.outcome) {
        (DecisionField::Decision, Outcome::Allow(_)) => "allow".into(),
        (DecisionField::Decision, Outcome::Deny(_)) => "deny".into(),
        (DecisionField::Reason, _) => decision.code(),
        (DecisionField::Server, _) => decision.server.unwrap_or("-").into(),
        (DecisionField::Rule, _) => decision.rule.unwrap_or("-").into(),
        (DecisionField::Mechanism, _) => decision.mechanism.as_str().into(),
    }
}

/// Whether a decision leaves a line in the log: that of a request that was denied, or would have
/// been.
pub fn leaves_line(decision: &Decision<'_>) -> bool {
    decision.shadow || matches!(decision.outcome, Outcome::Deny(_))
}

/// Its line. It repeats neither the query nor any header, which may hold tokens.
pub fn line(decision: &Decision<'_>, request: &Request<'_>) -> String {
    let (verb, status) = match &decision.outcome {
        Outcome::Deny(denial) => ("denied", denial.status),
        Outcome::Allow(_) => ("would deny", 200),
    };
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
    use crate::engine::Denial;
    use crate::signals::{Mechanism, Reason};

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
        let line = line(&decision, &Request { headers, claims: None });
        assert_eq!(
            line,
            "denied reason=expired status=401 mechanism=authentication server=api method=GET \
             authority=api.test path=/x\\n\\xff"
        );
    }
}
