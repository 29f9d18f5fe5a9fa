//! What is changed of requests and answers on the way, and what is answered instead.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::Reader;
use crate::compile::header;
use crate::compile::hostname::{canonical_host, without_the_rest};
use crate::compile::model::DestinationHost;
use crate::compile::model::routing::{HeaderChanges, Redirect, RouteAction, RouteRule};
use crate::engine::path::{Readings, readings};
use crate::policy::header::{folded, is_kept_by_envoy};
use crate::resource::tree::{Node, Value};
use crate::resource::warning::Warning;

/// Largest body that Envoy answers with at once, unless told otherwise.
const MAX_BODY_BYTES: usize = 4_096;
/// Longest value of a header that a rule writes, and most of them (`HeaderValue` and `Route` of
/// Envoy's API).
const MAX_VALUE_BYTES: usize = 16_384;
const MAX_WRITTEN: usize = 1_000;

/// Whose headers are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Request,
    Response,
}

impl<'a> Reader<'a, '_> {
    /// `modify` of a rule.
    pub(super) fn modify(&mut self, modify: Node<'a>, rule: &mut RouteRule) {
        let forwarded = matches!(rule.action, RouteAction::Forward(_));
        if let Some((key, rewrite)) = modify.entry("rewrite") {
            if !forwarded {
                self.error(
                    key,
                    "`rewrite` does nothing here: no request is sent on",
                    "remove it, or write `route`",
                );
            }
            rule.rewrite_path = rewrite.get("uri").and_then(|uri| self.new_path(uri));
            let as_requested = matches!(
                &rule.action,
                RouteAction::Forward(to) if to.host == DestinationHost::AsRequested
            );
            rule.rewrite_authority = rewrite
                .get("authority")
                .and_then(|authority| self.new_authority(authority, as_requested));
        }
        let headers = modify.get("headers");
        for (field, of) in [("request", Of::Request), ("response", Of::Response)] {
            let Some((key, changes)) = headers.and_then(|headers| headers.entry(field)) else {
                continue;
            };
            let read = self.header_changes(changes, of);
            match of {
                Of::Request if !forwarded => self.error(
                    key,
                    "`headers.request` does nothing here: no request is sent on",
                    "remove it, or write `route`",
                ),
                Of::Request => rule.request_headers = read,
                Of::Response => rule.response_headers = read,
            }
        }
    }

    /// A path to put in place of another.
    fn new_path(&mut self, node: Node<'a>) -> Option<String> {
        let text = node.string().filter(|text| !text.is_empty())?;
        let plain = text.bytes().all(|byte| (0x21..0x7f).contains(&byte));
        if !text.starts_with('/') || text.contains(['?', '#']) || !plain {
            self.error(
                node,
                format!("`{}` cannot stand in place of a path", text.escape_debug()),
                "write a path that begins with `/`, without `?` and `#`; the query stays as it is",
            );
            return None;
        }
        if leads_elsewhere(text) {
            let message = format!("upstreams may read `{text}` as another path");
            self.error(node, message, "write the path without dot segments and broken escapes");
            return None;
        }
        Some(text.to_owned())
    }

    fn new_authority(&mut self, node: Node<'a>, as_requested: bool) -> Option<String> {
        let text = node.string().filter(|text| !text.is_empty())?;
        if as_requested {
            self.error(
                node,
                "the server sends requests to the host that they name, and asks it for that name",
                "remove `authority`, or name one `host` in `serviceDestination`",
            );
            return None;
        }
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
            _ => (text, None),
        };
        let port_is_one = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
        match canonical_host(name) {
            Ok(host) if port_is_one => Some(match port {
                Some(port) => format!("{host}:{port}"),
                None => host,
            }),
            _ => {
                let meant = without_the_rest(text).map(|host| format!("write `{host}`"));
                let message = format!("`{}` is no authority", text.escape_debug());
                let hint = meant.unwrap_or_else(|| {
                    "write a hostname, perhaps with a port, such as `api.example.com`".to_owned()
                });
                self.error(node, message, hint);
                None
            }
        }
    }

    fn header_changes(&mut self, node: Node<'a>, of: Of) -> HeaderChanges {
        let mut changes = HeaderChanges::default();
        for (field, list) in [("set", &mut changes.set), ("add", &mut changes.add)] {
            for (key, value) in node.get(field).into_iter().flat_map(Node::entries) {
                let Some(text) = value.string() else { continue };
                let name = self.header_to_change(key, of, true);
                if text.len() > MAX_VALUE_BYTES {
                    let message = format!(
                        "the value has {} bytes, and Envoy takes {MAX_VALUE_BYTES} at most",
                        text.len()
                    );
                    self.error(value, message, "write a shorter one");
                } else if text.bytes().any(|byte| byte < 0x20 && byte != b'\t' || byte == 0x7f) {
                    let message = "no header has a control character in its value";
                    self.error(value, message, "write the value on one line");
                } else if text.split('%').count() > 2 {
                    self.warn(
                        Warning::SentLiterally,
                        value,
                        format!("`{}` is sent as it is written", text.escape_debug()),
                        "nothing is put in place of `%...%` here",
                    );
                }
                let Some(name) = name else { continue };
                if list.iter().any(|(known, _)| *known == name) {
                    let message = format!("the header `{name}` is written twice");
                    self.error(key, message, "keep one of them: names have no case");
                }
                list.push((name, text.to_owned()));
            }
        }
        for item in node.get("remove").into_iter().flat_map(Node::items) {
            changes.remove.extend(self.header_to_change(item, of, false));
        }
        let written = changes.set.len().saturating_add(changes.add.len());
        if written > MAX_WRITTEN {
            let message = format!("{written} headers are written, and Envoy takes {MAX_WRITTEN}");
            self.error(node, message, "leave some of them to the upstream");
        }
        let twice =
            changes.set.iter().chain(&changes.add).find(|(name, _)| changes.remove.contains(name));
        if let Some((name, _)) = twice {
            let message = format!("the header `{name}` is both written and taken out");
            self.error(node, message, "remove it from one of the lists");
        }
        changes
    }

    /// The name of a header that may be changed. `written`: whether it gets a value.
    fn header_to_change(&mut self, node: Node<'a>, of: Of, written: bool) -> Option<String> {
        let text = node.scalar_text()?;
        let (message, hint) = match header::canonical(text) {
            None => (
                format!("`{}` is not a header name", text.escape_debug()),
                match text.eq_ignore_ascii_case(":authority") {
                    true => "write `rewrite.authority`",
                    false => "write the name alone, such as `x-api-key`",
                },
            ),
            Some(name) if name == "host" && of == Of::Request => {
                ("`host` says where the request goes".to_owned(), "write `rewrite.authority`")
            }
            Some(name) if of == Of::Request && self.of_filter.outputs.contains(&folded(&name)) => (
                format!("verified claims go on in the header `{name}`"),
                "choose another header; what clients send in it is removed anyway",
            ),
            Some(name)
                if is_connections(&name) || (written && is_kept_by_envoy(&folded(&name))) =>
            {
                (format!("Envoy writes the header `{name}` itself"), "choose another header")
            }
            Some(name) => return Some(name),
        };
        self.error(node, message, hint);
        None
    }

    pub(super) fn redirect(&mut self, node: Node<'a>) -> Option<Redirect> {
        let text = |field| node.get(field).and_then(Node::string);
        let number = |field| match node.get(field).map(Node::value) {
            Some(Value::Number(text)) => text.parse::<u16>().ok(),
            _ => None,
        };
        let code = number("redirectCode").unwrap_or(301);
        if ![301, 302, 303, 307, 308].contains(&code) && (300..400).contains(&code) {
            let place = node.get("redirectCode").unwrap_or(node);
            let message = format!("no client follows a redirect with {code}");
            self.error(place, message, "write 301, 302, 303, 307 or 308");
        }
        let host = match node.get("authority") {
            Some(authority) => match text("authority").map(canonical_host) {
                Some(Ok(host)) => Some(host),
                _ => {
                    let written = text("authority").unwrap_or_default();
                    let message = format!("`{}` is no host", written.escape_debug());
                    self.error(authority, message, "write a hostname, and its port as `port`");
                    None
                }
            },
            None => None,
        };
        let redirect = Redirect {
            path: node.get("uri").and_then(|uri| self.new_path(uri)),
            host,
            port: number("port"),
            scheme: text("scheme").map(str::to_owned),
            code,
        };
        let to_itself = ["uri", "authority", "port", "scheme"]
            .into_iter()
            .all(|field| node.get(field).is_none());
        if to_itself && !node.is_empty() {
            self.error(
                node,
                "the redirect leads to where it comes from",
                "write `uri`, `authority`, `port` or `scheme`",
            );
        }
        Some(redirect)
    }

    pub(super) fn response(&mut self, node: Node<'a>) -> Option<RouteAction> {
        let status = match node.get("status")?.value() {
            Value::Number(text) => text.parse().ok()?,
            _ => return None,
        };
        let Some(written) = node.get("body") else {
            return Some(RouteAction::Respond { status, body: Vec::new() });
        };
        let text = |field| written.get(field).and_then(Node::string);
        let body = match (text("string"), text("bytes")) {
            (Some(_), Some(_)) => {
                self.error(written, "a body is `string` or `bytes`", "keep one of them");
                return None;
            }
            (Some(text), None) => text.as_bytes().to_owned(),
            (None, Some(text)) => match BASE64_STANDARD.decode(text) {
                Ok(body) => body,
                Err(_) => {
                    self.error(written, "`bytes` is not base64", "write the body as `string`");
                    return None;
                }
            },
            (None, None) => return None,
        };
        if body.len() > MAX_BODY_BYTES {
            let message = format!("the body has {} bytes, of {MAX_BODY_BYTES} at most", body.len());
            self.error(written, message, "answer with a shorter one");
        }
        Some(RouteAction::Respond { status, body })
    }
}

/// Whether a path that is put in place of another has a dot segment to some upstream, or would make
/// an escape of what follows.
fn leads_elsewhere(path: &str) -> bool {
    let dots = |path: &str| path.split('/').any(|segment| matches!(segment, "." | ".."));
    match readings(path.as_bytes()) {
        Ok(Readings::One(path)) => dots(path),
        Ok(Readings::Several(all)) => all.iter().any(|path| dots(path)),
        Err(_) => true,
    }
}

/// Whether a header belongs to the connection or frames the message, so that taking it out would
/// break either.
fn is_connections(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "content-length"
            | "keep-alive"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}
