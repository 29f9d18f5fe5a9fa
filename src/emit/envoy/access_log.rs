//! What is logged of every request: one JSON object a line, to standard output.

use serde_json::{Map, Value, json};

use crate::signals::access_log::{LOG_FIELDS, LogField};

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

/// Filter state that holds `:authority` and the path as they came, where rules rewrite them before
/// the request is logged.
const AS_IT_CAME: [(&str, &str, &str); 2] = [
    ("host", "egress_auth.requested_host", "%REQ(:AUTHORITY)%"),
    ("path", "egress_auth.requested_path", "%PATH(NQ:PATH)%"),
];

/// The filter that notes these down.
pub(super) fn note_as_it_came() -> Value {
    let values = AS_IT_CAME.map(|(_, key, format)| {
        json!({
            "object_key": key,
            "factory_key": "envoy.string",
            "format_string": {"text_format_source": {"inline_string": format}},
        })
    });
    json!({
        "name": "envoy.filters.http.set_filter_state",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config",
            "on_request_headers": values,
        },
    })
}

/// The access log of the listener. `rewritten`: requests are not logged as they came unless that
/// was noted down.
pub(super) fn access_log(names: LogNames, rewritten: bool) -> Value {
    let format = |field: &LogField| {
        let noted = AS_IT_CAME.iter().find(|(plain, ..)| rewritten && *plain == field.plain);
        match noted {
            Some((_, key, _)) => format!("%FILTER_STATE({key}:PLAIN)%"),
            None => field.format.to_owned(),
        }
    };
    let fields = LOG_FIELDS.iter().map(|field| match names {
        LogNames::Plain => (field.plain.to_owned(), Value::from(format(field))),
        // Addresses have no port in them there.
        LogNames::OpenTelemetry => {
            let format = format(field).replace("_REMOTE_ADDRESS%", "_REMOTE_ADDRESS_WITHOUT_PORT%");
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
