//! Retries.

use super::Reader;
use crate::compile::model::routing::Retries;
use crate::resource::shape::suggest;
use crate::resource::tree::{Node, Value};

/// What Istio retries on where nothing is written.
const BY_DEFAULT: &str = "connect-failure,refused-stream,unavailable,cancelled";

/// Conditions of Envoy, for HTTP and for gRPC.
const CONDITIONS: [&str; 17] = [
    "5xx",
    "gateway-error",
    "reset",
    "reset-before-request",
    "connect-failure",
    "envoy-ratelimited",
    "retriable-4xx",
    "refused-stream",
    "retriable-status-codes",
    "retriable-headers",
    "http3-post-connect-failure",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
    "unsupported",
];

impl<'a> Reader<'a, '_> {
    /// `retries` of a rule; absent where there are none.
    pub(super) fn retries(&mut self, node: Node<'a>) -> Option<Retries> {
        let attempts = match node.get("attempts")?.value() {
            Value::Number(text) => text.parse().ok()?,
            _ => return None,
        };
        let written = node.get("retryOn");
        let text = written.and_then(Node::string).unwrap_or(BY_DEFAULT);
        let (mut conditions, mut statuses) = (Vec::new(), Vec::new());
        for part in text.split(',').map(str::trim) {
            match part.parse::<u16>() {
                Ok(status) if (400..600).contains(&status) => statuses.push(status),
                _ if CONDITIONS.contains(&part) => conditions.push(part.to_owned()),
                _ => {
                    let message = format!("`{}` is not a reason to retry", part.escape_debug());
                    let hint = suggest(part, CONDITIONS.into_iter());
                    self.error(written.unwrap_or(node), message, hint);
                }
            }
        }
        if !statuses.is_empty() && !conditions.iter().any(|it| it == "retriable-status-codes") {
            conditions.push("retriable-status-codes".to_owned());
        }
        let back_off = node.get("retryBackOff").and_then(|back_off| {
            let base = self.duration(back_off, "baseInterval")?;
            let longest = self.duration(back_off, "maxInterval");
            if base.is_zero() || longest.is_some_and(|longest| longest < base) {
                self.error(
                    back_off,
                    "waiting begins with `baseInterval`, and `maxInterval` is the longest",
                    "write a `baseInterval` above zero and a `maxInterval` that is no shorter",
                );
            }
            Some((base, longest))
        });
        let per_try_timeout = self.duration(node, "perTryTimeout");
        (attempts > 0).then_some(Retries {
            attempts,
            per_try_timeout,
            conditions,
            statuses,
            back_off,
        })
    }
}
