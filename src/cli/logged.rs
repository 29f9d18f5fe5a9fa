//! Lines of files of requests: requests as they are written down, and entries of the access log
//! that the outputs for Envoy write.

use serde_json::{Map, Value};

use crate::explain::Query;
use crate::signals::access_log::LOG_FIELDS;

/// What a line holds.
#[derive(Debug)]
pub enum Line {
    /// A request, as somebody wrote it down.
    Asked(Query),
    /// A request as the access log has it: without its token, its query and its other headers.
    Logged(Query),
    /// An entry of the access log whose request cannot be written down: it named no host, or one
    /// with a `/` in it.
    Unaskable,
}

/// Reads a line. What an entry of the access log holds beside the request is skipped.
///
/// # Errors
/// When the line is neither a request nor an entry.
pub fn read(line: &str) -> serde_json::Result<Line> {
    if let Ok(Value::Object(entry)) = serde_json::from_str(line)
        && !entry.contains_key("request")
        && ["method", "host", "path"].iter().all(|field| value(&entry, field).is_some())
    {
        return Ok(match request(&entry) {
            Some(request) => {
                let source = text(&entry, "source").map(str::to_owned);
                Line::Logged(Query { request, source, ..Query::default() })
            }
            None => Line::Unaskable,
        });
    }
    Query::from_json(line).map(Line::Asked)
}

/// A field by its plain name, whichever of its names the log uses.
fn value<'e>(entry: &'e Map<String, Value>, plain: &str) -> Option<&'e Value> {
    let field = LOG_FIELDS.iter().find(|field| field.plain == plain)?;
    entry.get(field.plain).or_else(|| entry.get(field.open_telemetry))
}

/// The same as text; absent where the request had none.
fn text<'e>(entry: &'e Map<String, Value>, plain: &str) -> Option<&'e str> {
    value(entry, plain)?.as_str().filter(|text| !matches!(*text, "" | "-"))
}

/// Method and URL.
fn request(entry: &Map<String, Value>) -> Option<String> {
    let (method, host) = (text(entry, "method")?, text(entry, "host")?);
    if method.contains(' ') || host.contains([' ', '/', '?', '#']) {
        return None;
    }
    match text(entry, "path") {
        None if method == "CONNECT" => Some(format!("CONNECT {host}")),
        Some("*") if method == "OPTIONS" => Some(format!("OPTIONS https://{host} *")),
        Some(path) if path.starts_with('/') && !path.contains(' ') => {
            Some(format!("{method} https://{host}{path}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn entries_of_both_forms_become_requests() {
        let source = "spiffe://cluster.local/ns/shop/sa/web";
        let plain = json!({
            "time": "2026-01-01T00:00:00Z", "source": source, "method": "GET", "host": "a.test:443",
            "path": "/v1/x", "status": 403, "reason": "no_rule_matched", "of_our_own": [1],
        });
        let open_telemetry = json!({
            "http.request.method": "GET", "http.request.header.host": "a.test:443",
            "url.path": "/v1/x", "egress_auth.source": source,
        });
        for entry in [plain, open_telemetry] {
            let Ok(Line::Logged(query)) = read(&entry.to_string()) else { panic!("{entry}") };
            assert_eq!(query.request, "GET https://a.test:443/v1/x");
            assert_eq!(query.source.as_deref(), Some(source));
        }
    }

    #[test]
    fn what_the_log_lacks_is_no_request() {
        let entry = |method: &str, host: Value, path: Value| {
            read(&json!({"method": method, "host": host, "path": path, "source": null}).to_string())
        };
        let asked = |method: &str, host: &str, path: Value| match entry(method, host.into(), path) {
            Ok(Line::Logged(query)) => Some((query.request, query.source)),
            _ => None,
        };
        assert_eq!(
            asked("CONNECT", "a.test:443", Value::Null),
            Some(("CONNECT a.test:443".to_owned(), None))
        );
        let whole = "OPTIONS https://a.test *".to_owned();
        assert_eq!(asked("OPTIONS", "a.test", "*".into()), Some((whole, None)));
        for (host, path) in [
            (json!("-"), json!("/")),
            (Value::Null, json!("/")),
            (json!("a.test/b"), json!("/")),
            (json!("a.test"), json!("-")),
            (json!("a.test"), json!("/a b")),
        ] {
            assert!(matches!(entry("GET", host, path), Ok(Line::Unaskable)));
        }
        // Neither a request nor an entry.
        assert!(read(r#"{"method": "GET", "hots": "a.test", "path": "/"}"#).is_err());
        assert!(read(r#"{"request": "GET https://a.test/", "method": "GET"}"#).is_err());
    }
}
