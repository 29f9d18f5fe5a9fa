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

/// A byte of a label of a host name, as [`crate::policy::authority`] takes it.
const LABEL: &str = "[0-9A-Za-z_-]";

/// The authorities of requests for a hostname, in any case, with a trailing dot, with a port. Of
/// `*`, addresses in brackets are left out: no expression of reasonable size tells those that are
/// canonical from other spellings of what may have rules of its own.
pub fn authority(hostname: &str) -> String {
    let labels = format!("(?:{LABEL}+\\.)*");
    let name = match hostname.strip_prefix('*') {
        Some("") => {
            let byte = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
            // The last label is no number, be it decimal or hexadecimal.
            let last = format!(
                "(?:[A-Za-z_-]|[1-9][0-9]*[A-Za-z_-]|0(?:[0-9]+[A-Za-z_-]|[A-WYZa-wyz_-]|\
                 [xX][0-9A-Fa-f]*[G-Zg-z_-])){LABEL}*"
            );
            format!("{labels}{last}|{byte}(?:\\.{byte}){{3}}")
        }
        Some(suffix) => format!("{labels}{LABEL}+{}", escape(suffix)),
        None => escape(hostname),
    };
    format!("(?i:{name})\\.?(?::[0-9]*)?")
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::policy::authority::canonical_host;
    use crate::policy::hosts::HostTable;

    fn admits(hostname: &str, authority: &str) -> bool {
        let regex = format!("^(?:{})$", super::authority(hostname));
        regex::Regex::new(&regex).unwrap().is_match(authority)
    }

    fn covers(hostname: &str, authority: &str) -> bool {
        let mut table = HostTable::with_capacity(1);
        table.insert(hostname, ()).unwrap();
        canonical_host(authority.as_bytes()).is_ok_and(|host| table.get(&host).is_some())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        /// What may look like a host, an address or a port.
        #[test]
        fn an_authority_is_admitted_where_the_engine_takes_it_for_the_host(
            authority in "[0-9aA.xXzZfF_:-]{0,12}|([0-9]{1,3}[.]){3}[0-9]{1,3}[.]?|[a0x9.]{0,5}[.]b[.][tT]est[.]{0,2}(:[0-9]{0,2})?|\\PC{0,9}",
        ) {
            for hostname in ["*", "*.b.test", "a.b.test", "10.1.2.3"] {
                prop_assert_eq!(
                    admits(hostname, &authority),
                    covers(hostname, &authority),
                    "{} {}", hostname, authority
                );
            }
        }
    }

    #[test]
    fn addresses_in_brackets_are_admitted_by_name_only() {
        for (hostname, authority, admitted) in [
            ("[::1]", "[::1]:443", true),
            ("[::a]", "[::A]", true),
            ("[::1]", "[0::1]", false),
            ("*", "[::1]", false),
        ] {
            assert_eq!(admits(hostname, authority), admitted, "{hostname} {authority}");
        }
    }
}
