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

/// The plain name, OpenTelemetry's and Envoy's format.
const FIELDS: [(&str, &str, &str); 20] = [
    ("time", "timestamp", "%START_TIME%"),
    ("request_id", "http.request.header.x-request-id", "%REQ(X-REQUEST-ID)%"),
    ("source", "egress_auth.source", "%DOWNSTREAM_PEER_URI_SAN%"),
    ("client", "client.address", "%DOWNSTREAM_REMOTE_ADDRESS%"),
    ("user_agent", "user_agent.original", "%REQ(USER-AGENT)%"),
    ("method", "http.request.method", "%REQ(:METHOD)%"),
    ("host", "http.request.header.host", "%REQ(:AUTHORITY)%"),
    // Without the query, which may hold a token.
    ("path", "url.path", "%PATH(NQ:PATH)%"),
    ("status", "http.response.status_code", "%RESPONSE_CODE%"),
    ("details", "envoy.response.details", "%RESPONSE_CODE_DETAILS%"),
    ("decision", "egress_auth.decision", "%FILTER_STATE(wasm.egress_auth.decision:PLAIN)%"),
    ("reason", "egress_auth.reason", "%FILTER_STATE(wasm.egress_auth.reason:PLAIN)%"),
    ("server", "egress_auth.server", "%FILTER_STATE(wasm.egress_auth.server:PLAIN)%"),
    ("rule", "egress_auth.rule", "%FILTER_STATE(wasm.egress_auth.rule:PLAIN)%"),
    ("mechanism", "egress_auth.mechanism", "%FILTER_STATE(wasm.egress_auth.mechanism:PLAIN)%"),
    ("upstream", "envoy.upstream.address", "%UPSTREAM_HOST%"),
    ("upstream_failure", "envoy.upstream.failure", "%UPSTREAM_TRANSPORT_FAILURE_REASON%"),
    ("bytes_received", "http.request.body.size", "%BYTES_RECEIVED%"),
    ("bytes_sent", "http.response.body.size", "%BYTES_SENT%"),
    ("duration_ms", "envoy.duration_ms", "%DURATION%"),
];

/// The access log of the listener.
pub(super) fn access_log(names: LogNames) -> Value {
    let fields = FIELDS.iter().map(|(plain, open_telemetry, format)| match names {
        LogNames::Plain => ((*plain).to_owned(), Value::from(*format)),
        // Addresses have no port in them there.
        LogNames::OpenTelemetry => {
            let format = format.replace("_REMOTE_ADDRESS%", "_REMOTE_ADDRESS_WITHOUT_PORT%");
            ((*open_telemetry).to_owned(), Value::from(format))
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
