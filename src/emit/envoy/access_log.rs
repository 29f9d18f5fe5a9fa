//! What is logged of every request: one JSON object a line, to standard output.

use serde_json::{Map, Value, json};

use crate::signals::access_log::LOG_FIELDS;

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
