//! The fields of the access log: what they are called, where Envoy has them from, what they hold.
//! The emitted Envoy configuration writes them, and the reference is written from this table.

/// A field of the access log.
#[derive(Debug, Clone, Copy)]
pub struct LogField {
    /// Its plain name.
    pub plain: &'static str,
    /// Its name after OpenTelemetry.
    pub open_telemetry: &'static str,
    /// Where Envoy has it from.
    pub format: &'static str,
    /// What it holds.
    pub doc: &'static str,
}

/// Every field, in the order in which they are documented.
pub const LOG_FIELDS: [LogField; 20] = [
    field("time", "timestamp", "%START_TIME%", "when the request came"),
    field(
        "request_id",
        "http.request.header.x-request-id",
        "%REQ(X-REQUEST-ID)%",
        "`x-request-id`, which Envoy makes where there is none",
    ),
    field(
        "source",
        "egress_auth.source",
        "%DOWNSTREAM_PEER_URI_SAN%",
        "URI names in the client's certificate",
    ),
    field(
        "client",
        "client.address",
        "%DOWNSTREAM_REMOTE_ADDRESS%",
        "address of the client; with plain names its port too",
    ),
    field("user_agent", "user_agent.original", "%REQ(USER-AGENT)%", "`user-agent`"),
    field("method", "http.request.method", "%REQ(:METHOD)%", "request method"),
    field(
        "host",
        "http.request.header.host",
        "%REQ(:AUTHORITY)%",
        "`:authority`, as the client wrote it",
    ),
    field("path", "url.path", "%PATH(NQ:PATH)%", "path without its query, which may hold a token"),
    field(
        "status",
        "http.response.status_code",
        "%RESPONSE_CODE%",
        "status of the answer; 200 for a denied gRPC request, so count `decision` instead",
    ),
    field(
        "details",
        "envoy.response.details",
        "%RESPONSE_CODE_DETAILS%",
        "why it ended: `egress_auth_<code>` for a denial, `via_upstream` for an answer from outside",
    ),
    field(
        "decision",
        "egress_auth.decision",
        "%FILTER_STATE(wasm.egress_auth.decision:PLAIN)%",
        "`allow` or `deny`",
    ),
    field(
        "reason",
        "egress_auth.reason",
        "%FILTER_STATE(wasm.egress_auth.reason:PLAIN)%",
        "reason code",
    ),
    field(
        "server",
        "egress_auth.server",
        "%FILTER_STATE(wasm.egress_auth.server:PLAIN)%",
        "name of the server that governs the host, or `-`",
    ),
    field(
        "rule",
        "egress_auth.rule",
        "%FILTER_STATE(wasm.egress_auth.rule:PLAIN)%",
        "name of the rule that admitted the request, or `-`",
    ),
    field(
        "mechanism",
        "egress_auth.mechanism",
        "%FILTER_STATE(wasm.egress_auth.mechanism:PLAIN)%",
        "what decided",
    ),
    field(
        "upstream",
        "envoy.upstream.address",
        "%UPSTREAM_HOST%",
        "address to which the request went",
    ),
    field(
        "upstream_failure",
        "envoy.upstream.failure",
        "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
        "why the connection to it failed, as when its certificate was not verified",
    ),
    field(
        "bytes_received",
        "http.request.body.size",
        "%BYTES_RECEIVED%",
        "size of the request's body",
    ),
    field("bytes_sent", "http.response.body.size", "%BYTES_SENT%", "size of the answer's body"),
    field("duration_ms", "envoy.duration_ms", "%DURATION%", "how long it took, in milliseconds"),
];

const fn field(
    plain: &'static str,
    open_telemetry: &'static str,
    format: &'static str,
    doc: &'static str,
) -> LogField {
    LogField { plain, open_telemetry, format, doc }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::filter_state::DecisionField;

    #[test]
    fn decisions_are_read_where_the_filter_leaves_them() {
        for name in DecisionField::ALL.map(DecisionField::name) {
            let field = LOG_FIELDS.iter().find(|field| field.open_telemetry == name).unwrap();
            assert_eq!(field.format, format!("%FILTER_STATE(wasm.{name}:PLAIN)%"));
        }
    }
}
