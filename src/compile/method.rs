//! Request methods: what can be one, and what only looks like one.

use crate::resource::diagnostic::Diagnostic;
use crate::resource::shape::closest;
use crate::resource::warning::Warning;

/// Methods that requests are made with: IANA's registry (RFC 9110, section 16.1.1), and some that
/// are in wide use without it.
const KNOWN: [&str; 47] = [
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "CONNECT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LABEL",
    "LINK",
    "LIST",
    "LOCK",
    "M-SEARCH",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "NOTIFY",
    "OPTIONS",
    "ORDERPATCH",
    "PATCH",
    "POST",
    "PRI",
    "PROPFIND",
    "PROPPATCH",
    "PURGE",
    "PUT",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "SOURCE",
    "SUBSCRIBE",
    "TRACE",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UNSUBSCRIBE",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
];

/// What people write between several methods.
const SEPARATORS: [char; 5] = ['|', ',', ';', ' ', '\t'];

/// What is wrong with a method as it is written, or most likely not meant.
pub fn judge(text: &str) -> Option<Diagnostic> {
    let no_method = || format!("`{}` is not a method", text.escape_debug());
    let error = |hint: String| Some(Diagnostic::error(no_method()).hint(hint));
    // An empty one was reported when the fields were checked.
    if text.is_empty() || KNOWN.contains(&text) {
        return None;
    }
    if text.contains('/') {
        return error(in_paths(text));
    }
    if text.contains(SEPARATORS) {
        let parts: Vec<_> = text
            .split(SEPARATORS)
            .filter(|part| !part.is_empty())
            .map(str::to_ascii_uppercase)
            .collect();
        return error(match parts.iter().all(|part| has_form(part)) && !parts.is_empty() {
            true => format!("write one method an entry: `methods: [{}]`", parts.join(", ")),
            false => "write one method an entry, such as `GET`".to_owned(),
        });
    }
    if text == "*" {
        return error("leave `methods` out to allow any method".to_owned());
    }
    let upper = text.to_ascii_uppercase();
    if !has_form(&upper) {
        return error(match text.contains(['*', '^', '$', '(', '[', '.', '?', '+']) {
            true => {
                "methods are no patterns: name each of them, or leave `methods` out to allow any"
                    .to_owned()
            }
            false => "write one method an entry, in letters, digits, `-` and `_`, such as `GET`"
                .to_owned(),
        });
    }
    if upper != text && !KNOWN.contains(&&*upper) && text.starts_with(char::is_uppercase) {
        return error(format!(
            "a method of gRPC is a path: `paths: [/package.Service/{text}]`, with `methods: [POST]`"
        ));
    }
    if upper != text {
        let message = format!("the method `{text}` is not in upper case");
        let hint = format!("methods are case-sensitive: write `{upper}`");
        return Some(Diagnostic::error(message).hint(hint));
    }
    let hint = match closest(text, KNOWN.into_iter()) {
        _ if matches!(text, "ALL" | "ANY") => "leave `methods` out to allow any method".to_owned(),
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "methods are compared as they are written: see what clients send".to_owned(),
    };
    let message = format!("no registry has the method `{text}`");
    Some(Diagnostic::warning(message).hint(hint).named(Warning::UnknownMethod))
}

/// Whether a text has the form of a method. RFC 9110 would allow more; nobody sends it.
fn has_form(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_uppercase())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
}

/// Where a text with a `/` belongs.
fn in_paths(text: &str) -> String {
    let name = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._".contains(&byte))
    };
    let bare = text.strip_prefix('/').unwrap_or(text);
    match bare.split_once('/') {
        Some((service, method)) if name(service) && name(method) => {
            format!("a gRPC method is a path: `paths: [/{bare}]`, with `methods: [POST]`")
        }
        _ => "a path belongs into `paths`".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::diagnostic::Severity;

    #[test]
    fn what_is_no_method_is_told_apart_with_what_was_meant() {
        use Severity::{Error, Warning};
        for (text, severity, hint) in [
            ("/thanos.Store/Info", Error, "`paths: [/thanos.Store/Info]`"),
            ("thanos.Store/Info", Error, "`paths: [/thanos.Store/Info]`"),
            ("/v1/a/b", Error, "belongs into `paths`"),
            ("GET,POST", Error, "`methods: [GET, POST]`"),
            ("get | post", Error, "`methods: [GET, POST]`"),
            ("GET POST", Error, "`methods: [GET, POST]`"),
            ("|", Error, "one method an entry"),
            ("*", Error, "leave `methods` out"),
            ("P*", Error, "no patterns"),
            ("*T", Error, "no patterns"),
            ("^GET$", Error, "no patterns"),
            ("get", Error, "write `GET`"),
            ("Get", Error, "write `GET`"),
            ("3PO", Error, "in letters"),
            ("GÉT", Error, "in letters"),
            ("GETT", Warning, "did you mean `GET`?"),
            ("ALL", Warning, "leave `methods` out"),
            ("FROBNICATE", Warning, "compared as they are written"),
        ] {
            let finding = judge(text).unwrap();
            assert_eq!(finding.severity, severity, "{text}");
            assert!(finding.hint.as_deref().unwrap().contains(hint), "{text}: {finding:?}");
        }
        for text in KNOWN {
            assert!(has_form(text), "{text}");
            assert_eq!(judge(text), None);
        }
    }
}
