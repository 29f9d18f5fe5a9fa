//! The serialized form in which a proxy-wasm host hands over a header map.
//!
//! Little-endian: the number of pairs, then for each pair the size of the name and of the value,
//! then for each pair the name, a NUL, the value, a NUL (proxy-wasm ABI 0.2.1). Reading it in
//! place saves an allocation for each name and value, and keeps values that are not UTF-8.

/// Splits a serialized map into its pairs; `None` when it is not one. Of an empty map, such as
/// trailers without a field, Envoy hands over nothing at all.
pub fn parse(map: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    if map.is_empty() {
        return Some(Vec::new());
    }
    let (count, rest) = read_u32(map)?;
    let sizes_len = count.checked_mul(8)?;
    let (mut sizes, mut data) = rest.split_at_checked(sizes_len)?;
    let mut pairs = Vec::with_capacity(count);
    for _ in 0..count {
        let (name_len, rest) = read_u32(sizes)?;
        let (value_len, rest) = read_u32(rest)?;
        sizes = rest;
        let (name, rest) = split_nul(data, name_len)?;
        let (value, rest) = split_nul(rest, value_len)?;
        data = rest;
        pairs.push((name, value));
    }
    Some(pairs)
}

fn read_u32(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_le_bytes(*head)).ok()?, rest))
}

fn split_nul(bytes: &[u8], len: usize) -> Option<(&[u8], &[u8])> {
    let (head, rest) = bytes.split_at_checked(len)?;
    Some((head, rest.strip_prefix(b"\0")?))
}

/// Serializes pairs for the host.
pub fn serialize(pairs: &[(&[u8], &[u8])]) -> Vec<u8> {
    // Sizes are those of what lies in wasm memory, which 32 bits can always count.
    let size = |len: usize| u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes();
    let mut out = size(pairs.len()).to_vec();
    for (name, value) in pairs {
        out.extend(size(name.len()));
        out.extend(size(value.len()));
    }
    for (name, value) in pairs {
        out.extend([*name, b"\0", *value, b"\0"].concat());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pairs_come_back_byte_for_byte() {
        let pairs: [(&[u8], &[u8]); 3] =
            [(b":path", b"/x"), (b"x-bin", b"\xff\0\xfe"), (b"e", b"")];
        assert_eq!(parse(&serialize(&pairs)).unwrap(), pairs);
        assert_eq!(parse(&serialize(&[])).unwrap(), []);
        assert_eq!(parse(&[]).unwrap(), []);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse(&bytes);
        }
    }
}
