//! The host table: exact names, the longest `*.suffix`, then `*`.
//!
//! Every lookup costs one probe for the exact name and at most one for each label that the
//! longest configured suffix has, however many hosts there are and however long the name is.

use std::collections::HashMap;

use super::authority::canonical_host;

/// Maps hostnames to values of type `T`.
#[derive(Debug, Clone)]
pub struct HostTable<T> {
    exact: HashMap<Box<str>, T>,
    /// Keyed by what follows `*.`.
    suffixes: HashMap<Box<str>, T>,
    /// Number of labels of the longest key of `suffixes`.
    longest_suffix: usize,
    any: Option<T>,
}

/// Why a hostname cannot be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostnameError {
    /// The hostname is already in the table.
    #[error("the hostname stands for two servers")]
    Duplicate,
    /// The hostname is not in canonical form.
    #[error(
        "a hostname is lower case, without port or trailing dot; `*` stands alone or in front as `*.`"
    )]
    NotCanonical,
}

impl<T> HostTable<T> {
    /// An empty table with room for `capacity` exact names.
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            exact: HashMap::with_capacity(capacity),
            suffixes: HashMap::new(),
            longest_suffix: 0,
            any: None,
        }
    }

    /// Adds a canonical hostname: exact, `*.suffix` or `*`.
    ///
    /// # Errors
    /// When the hostname is not canonical, or stands there already.
    pub fn insert(&mut self, hostname: &str, value: T) -> Result<(), HostnameError> {
        if hostname == "*" {
            return match self.any.replace(value) {
                None => Ok(()),
                Some(_) => Err(HostnameError::Duplicate),
            };
        }
        let (name, table) = match hostname.strip_prefix("*.") {
            Some(suffix) => (suffix, &mut self.suffixes),
            None => (hostname, &mut self.exact),
        };
        if canonical_host(name.as_bytes()).as_deref() != Ok(name) {
            return Err(HostnameError::NotCanonical);
        }
        if table.insert(name.into(), value).is_some() {
            return Err(HostnameError::Duplicate);
        }
        if hostname.starts_with('*') {
            self.longest_suffix = self.longest_suffix.max(name.split('.').count());
        }
        Ok(())
    }

    /// Finds what governs a canonical host: exact beats the longest suffix, which beats `*`.
    pub fn get(&self, host: &str) -> Option<&T> {
        self.exact.get(host).or_else(|| self.by_suffix(host)).or(self.any.as_ref())
    }

    fn by_suffix(&self, host: &str) -> Option<&T> {
        // From the shortest suffix to the longest, so that the last hit is the longest.
        host.rmatch_indices('.')
            .take(self.longest_suffix)
            .filter_map(|(at, _)| {
                let (labels, suffix) = (host.get(..at)?, host.get(at.checked_add(1)?..)?);
                let found = self.suffixes.get(suffix)?;
                let whole_labels = !labels.is_empty()
                    && !labels.starts_with('.')
                    && !labels.ends_with('.')
                    && !labels.contains("..");
                whole_labels.then_some(found)
            })
            .last()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(names: &[&'static str]) -> HostTable<&'static str> {
        let mut table = HostTable::with_capacity(names.len());
        for name in names {
            table.insert(name, *name).unwrap();
        }
        table
    }

    #[test]
    fn exact_beats_longest_suffix_beats_any() {
        let hosts = table(&["*", "*.example.com", "*.api.example.com", "api.example.com", "[::1]"]);
        let expected = [
            ("api.example.com", "api.example.com"),
            ("v1.api.example.com", "*.api.example.com"),
            ("a.b.api.example.com", "*.api.example.com"),
            ("www.example.com", "*.example.com"),
            ("example.com", "*"),
            ("example.com.evil.test", "*"),
            ("evilexample.com", "*"),
            (".example.com", "*"),
            ("a..example.com", "*"),
            ("..example.com", "*"),
            ("[::1]", "[::1]"),
            ("", "*"),
        ];
        for (host, winner) in expected {
            assert_eq!(hosts.get(host), Some(&winner), "{host}");
        }
        assert_eq!(table(&["*.a.test"]).get("b.test"), None);
    }

    #[test]
    fn names_that_could_never_match_are_refused() {
        for name in [
            "API.test",
            "a.test:443",
            "a.test.",
            "",
            "*.",
            "a.*.test",
            "*a.test",
            ".a.test",
            "é.test",
            "**",
            "a b",
        ] {
            assert_eq!(
                HostTable::with_capacity(1).insert(name, ()),
                Err(HostnameError::NotCanonical),
                "{name}"
            );
        }
        let mut hosts = table(&["a.test", "*.test", "*"]);
        for name in ["a.test", "*.test", "*"] {
            assert_eq!(hosts.insert(name, "again"), Err(HostnameError::Duplicate));
        }
    }
}
