//! What is logged of every request: one JSON object a line, to standard output.

use serde_json::{Value, json};

/// The access log of the listener.
pub(super) fn access_log() -> Value {
    let field = |name: &str| format!("%FILTER_STATE(wasm.egress_auth.{name}:PLAIN)%");
    json!([{
        "name": "envoy.access_loggers.stdout",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
            "log_format": {"json_format": {
                "time": "%START_TIME%",
                "request_id": "%REQ(X-REQUEST-ID)%",
                "source": "%DOWNSTREAM_PEER_URI_SAN%",
                "client": "%DOWNSTREAM_REMOTE_ADDRESS%",
                "user_agent": "%REQ(USER-AGENT)%",
                "method": "%REQ(:METHOD)%",
                "host": "%REQ(:AUTHORITY)%",
                // Without the query, which may hold a token.
                "path": "%PATH(NQ:PATH)%",
                "status": "%RESPONSE_CODE%",
                "details": "%RESPONSE_CODE_DETAILS%",
                "decision": field("decision"),
                "reason": field("reason"),
                "server": field("server"),
                "rule": field("rule"),
                "mechanism": field("mechanism"),
                "upstream": "%UPSTREAM_HOST%",
                "upstream_failure": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
                "bytes_received": "%BYTES_RECEIVED%",
                "bytes_sent": "%BYTES_SENT%",
                "duration_ms": "%DURATION%",
            }},
        },
    }])
}
