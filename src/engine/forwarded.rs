//! What a peer says of its own client: the right-most element of a list in the form of Envoy's
//! `x-forwarded-client-cert`.

/// An element of the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Element {
    /// Its one `URI`.
    pub(super) uri: Option<Vec<u8>>,
    /// Its one `Hash`.
    pub(super) hash: Option<Vec<u8>>,
    /// Whether there is more than one `Hash`, of which none counts.
    hashed_twice: bool,
}

impl Element {
    /// Takes a pair. Whether it may stand there: two URIs are those of nobody.
    fn take(&mut self, key: &[u8], value: Vec<u8>) -> bool {
        let key = key.trim_ascii();
        if key.eq_ignore_ascii_case(b"uri") {
            return self.uri.replace(value).is_none();
        }
        if key.eq_ignore_ascii_case(b"hash") {
            self.hashed_twice |= self.hash.is_some();
            self.hash = (!self.hashed_twice).then_some(value);
        }
        true
    }
}

/// What the direct peer says of its own client. Absent when an element has more than one `URI`, or
/// the list cannot be taken apart.
pub(super) fn last_element(value: &[u8]) -> Option<Element> {
    let mut element = Element::default();
    let mut key: Vec<u8> = Vec::new();
    let mut text: Vec<u8> = Vec::new();
    let mut in_value = false;
    // A value may stand in double quotes as a whole; within them a backslash escapes.
    let mut quoted = false;
    let mut closed = false;
    let mut bytes = value.iter().copied();
    loop {
        let byte = bytes.next();
        match byte {
            None if quoted => return None,
            None | Some(b',' | b';') if !quoted => {
                if in_value {
                    if !element.take(&key, std::mem::take(&mut text)) {
                        return None;
                    }
                } else if !key.trim_ascii().is_empty() {
                    return None;
                }
                if byte == Some(b',') {
                    element = Element::default();
                }
                key.clear();
                text.clear();
                (in_value, closed) = (false, false);
                if byte.is_none() {
                    element.uri = element.uri.filter(|uri| !uri.is_empty());
                    return Some(element);
                }
            }
            Some(b'=') if !in_value => in_value = true,
            Some(byte) if !in_value => key.push(byte),
            Some(_) if closed => return None,
            Some(b'"') if quoted => (quoted, closed) = (false, true),
            Some(b'"') if text.is_empty() => quoted = true,
            Some(b'"') => return None,
            Some(b'\\') if quoted => text.push(bytes.next()?),
            Some(byte) => text.push(byte),
            None => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_element_of_a_forwarded_list_counts() {
        let table: [(&[u8], Option<&str>); 22] = [
            (b"URI=spiffe://x", Some("spiffe://x")),
            (b"By=spiffe://gw;Hash=ab;URI=spiffe://x", Some("spiffe://x")),
            (b"URI=spiffe://a,URI=spiffe://x", Some("spiffe://x")),
            (b"URI=spiffe://a , uri=spiffe://x", Some("spiffe://x")),
            (b"By=a;URI=\"spiffe://x\"", Some("spiffe://x")),
            (b"Subject=\"CN=a,URI=b;URI=c\";URI=spiffe://x", Some("spiffe://x")),
            (b"Subject=\"a\\\",URI=evil\";URI=spiffe://x", Some("spiffe://x")),
            (b"URI=spiffe://a,By=b", None),
            (b"URI=spiffe://a,", None),
            (b"URI=spiffe://a;URI=spiffe://b", None),
            (b"URI=", None),
            (b"", None),
            (b"garbage", None),
            (b"URI=spiffe://a;garbage", None),
            (b"URI=\"spiffe://a", None),
            (b"URI=\"spiffe://a\"b", None),
            (b"URI=spiffe://a\"b\"", None),
            (b"URI=\"spiffe://a\\", None),
            (b";URI=spiffe://x;", Some("spiffe://x")),
            (b"Subject=\"\";URI=spiffe://x", Some("spiffe://x")),
            (b"DNS=a;DNS=b;URI=spiffe://x", Some("spiffe://x")),
            (b"URI=spiffe://a=b", Some("spiffe://a=b")),
        ];
        for (value, expected) in table {
            let found = last_element(value).and_then(|it| it.uri);
            let found = found.map(|uri| String::from_utf8(uri).unwrap());
            assert_eq!(found.as_deref(), expected, "{}", value.escape_ascii());
        }
    }

    #[test]
    fn the_hash_is_that_of_the_last_element_alone() {
        let table: [(&[u8], Option<&str>); 9] = [
            (b"Hash=ab;URI=spiffe://x", Some("ab")),
            (b"By=a;hash=\"ab\"", Some("ab")),
            (b"Hash=ab,Hash=cd", Some("cd")),
            (b"Hash=ab,URI=spiffe://x", None),
            (b"Hash=ab;Hash=ab", None),
            (b"Hash=ab;Hash=cd;Hash=ab", None),
            (b"Hash=ab;Hash=cd,Hash=ef", Some("ef")),
            (b"Subject=\"CN=a;Hash=ab\";URI=spiffe://x", None),
            (b"Hash=ab;URI=a;URI=b", None),
        ];
        for (value, expected) in table {
            let found = last_element(value).and_then(|it| it.hash);
            let found = found.map(|hash| String::from_utf8(hash).unwrap());
            assert_eq!(found.as_deref(), expected, "{}", value.escape_ascii());
        }
    }
}
