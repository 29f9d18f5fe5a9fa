//! What is logged of every request: one JSON object a line, to standard output.

use serde_json::{Map, Value, json};

/// What the fields are called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogNames {
    /// Short, for people.
    #[default]
    Plain,
    /// As OpenTelemetry's semantic conventions call them where they have a name; the others begin
    /// with who knows them, `egress_auth.` or `envoy.`.
    OpenTelemetry,
}

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

/// The access log of the listener.
pub(super) fn access_log(names: LogNames) -> Value {
    let fields = LOG_FIELDS.iter().map(|field| match names {
        LogNames::Plain => (field.plain.to_owned(), Value::from(field.format)),
        // Addresses have no port in them there.
        LogNames::OpenTelemetry => {
            let format = field.format.replace("_REMOTE_ADDRESS%", "_REMOTE_ADDRESS_WITHOUT_PORT%");
            (field.open_telemetry.to_owned(), Value::from(format))
        }
    });
    json!([{
        "name": "envoy.access_loggers.stdout",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
            "log_format": {"json_format": fields.collect::<Map<_, _>>()},
        },
    }])
}
