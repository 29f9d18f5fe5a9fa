//! Patterns as Envoy's regular expressions: RE2, over the whole value.

/// The paths that a pattern matches.
pub fn path(pattern: &str) -> String {
    let mut regex = String::new();
    let mut separator = false;
    let mut segments = pattern.split('/').peekable();
    let literal = |text: &str| text.split('*').map(escape).collect::<Vec<_>>().join(".*");
    while let Some(segment) = segments.next() {
        match segment {
            "{**}" if separator => regex.push_str("(/.*)?"),
            "{**}" if segments.peek().is_none() => regex.push_str(".*"),
            "{**}" => {
                regex.push_str("(.*/)?");
                continue;
            }
            _ => {
                if separator {
                    regex.push('/');
                }
                match segment {
                    "{*}" => regex.push_str("[^/]+"),
                    text => regex.push_str(&literal(text)),
                }
            }
        }
        separator = true;
    }
    regex
}

/// The SPIFFE IDs of the workloads that `namespace/service-account` describes, as
/// [`crate::engine::source`] reads them.
pub fn workloads(pattern: &str, trust_domains: &[String]) -> String {
    /// A name: not empty, and neither `.` nor `..`.
    const NAME: &str = r"(?:[A-Za-z0-9._-]*[A-Za-z0-9_-][A-Za-z0-9._-]*|\.{3,})";
    let domains: Vec<_> = trust_domains.iter().map(|domain| escape(domain)).collect();
    let (namespace, account) = pattern.split_once('/').unwrap_or_default();
    let part = |text: &str| match text.strip_suffix('*') {
        Some("") => NAME.to_owned(),
        // What begins with dots alone is a name only with something behind them.
        Some(prefix) if matches!(prefix, "." | "..") => {
            format!(r"{0}\.*[A-Za-z0-9_-][A-Za-z0-9._-]*|\.{{3,}}", escape(prefix))
        }
        Some(prefix) => format!("{}[A-Za-z0-9._-]*", escape(prefix)),
        None => escape(text),
    };
    format!(
        "spiffe://(?:{})/ns/(?:{})/sa/(?:{})",
        domains.join("|"),
        part(namespace),
        part(account)
    )
}

/// A text that stands for itself in a regular expression.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii_punctuation() && !"-_/:%@,=~".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
