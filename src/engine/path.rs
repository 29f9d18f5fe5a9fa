//! The readings of a path: what different servers make of the same bytes.
//!
//! Servers decode escapes once or twice, take `\` for `/`, drop `;parameters`, merge slashes and
//! resolve dot segments, or do not. A path on which they differ must not slip past a rule that
//! was written for one reading, so the engine judges it under all of them. Paths without any of
//! these bytes, nearly all, have one reading and are found by a single scan.

use super::percent::{Piece, pieces};

/// What a path can mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readings<'p> {
    /// Every server reads the path the same way.
    One(&'p str),
    /// Servers may read any of these; the path as sent is the first, and no two are equal.
    Several(Vec<String>),
}

/// The path holds what no reading makes safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// A `#`: what follows it is a fragment to some servers.
    #[error("the path holds `#`")]
    Fragment,
    /// A control byte, raw or escaped.
    #[error("the path holds a control character")]
    Control,
    /// A byte outside ASCII.
    #[error("the path holds a byte outside ASCII")]
    NonAscii,
    /// A `%` that two hexadecimal digits do not follow.
    #[error("the path holds an invalid escape")]
    Escape,
    /// Escapes that decode to invalid or overlong UTF-8.
    #[error("the path holds escapes that are not valid UTF-8")]
    Utf8,
    /// Too long to be judged under every reading.
    #[error("the path can be read in several ways and is over {MAX_AMBIGUOUS_BYTES} bytes")]
    TooLong,
}

/// Longest path that is judged under several readings: each costs as much as a path of its own, and
/// no API needs one.
const MAX_AMBIGUOUS_BYTES: usize = 8_192;

/// The part of `:path` before the query.
pub fn without_query(path: &[u8]) -> &[u8] {
    path.split(|byte| *byte == b'?').next().unwrap_or_default()
}

/// Finds every reading of a path without its query.
pub fn readings(path: &[u8]) -> Result<Readings<'_>, PathError> {
    let mut plain = true;
    // A dot is one of a dot segment only where a segment begins.
    let (mut begins, mut slash, mut dots) = (true, false, false);
    for byte in path {
        match byte {
            b'#' => return Err(PathError::Fragment),
            0x80.. => return Err(PathError::NonAscii),
            0..0x20 | 0x7f => return Err(PathError::Control),
            b'%' | b'\\' | b';' => plain = false,
            b'/' if slash => plain = false,
            b'.' if begins => dots = true,
            _ => {}
        }
        slash = *byte == b'/';
        begins = slash;
    }
    let path = std::str::from_utf8(path).map_err(|_| PathError::NonAscii)?;
    let plain =
        plain && !(dots && path.split('/').any(|segment| segment == "." || segment == ".."));
    if plain {
        return Ok(Readings::One(path));
    }

    if path.len() > MAX_AMBIGUOUS_BYTES {
        return Err(PathError::TooLong);
    }
    let once = decode(path, Invalid::Refused)?;
    // A second decoding meets what the first one made: `%25zz` is a valid way to write `%zz`,
    // so an invalid escape stays as it is there.
    let twice = decode(&once, Invalid::Kept)?;

    let mut readings: Vec<String> = vec![path.to_owned()];
    for decoded in [path, &once, &twice] {
        for steps in 0_u8..16 {
            let mut reading = decoded.to_owned();
            if steps & 1 != 0 {
                reading = reading.replace('\\', "/");
            }
            if steps & 2 != 0 {
                reading = drop_parameters(&reading);
            }
            if steps & 4 != 0 {
                reading = merge_slashes(&reading);
            }
            if steps & 8 != 0 {
                reading = resolve_dot_segments(&reading);
            }
            if !readings.contains(&reading) {
                readings.push(reading);
            }
        }
    }
    Ok(Readings::Several(readings))
}

#[derive(Clone, Copy, PartialEq)]
enum Invalid {
    Refused,
    Kept,
}

/// Decodes every escape once (RFC 3986, section 2.1).
fn decode(path: &str, invalid: Invalid) -> Result<String, PathError> {
    let mut out = Vec::with_capacity(path.len());
    for piece in pieces(path.as_bytes()) {
        match piece {
            Piece::Plain(byte) => out.push(byte),
            Piece::Escaped(0..0x20 | 0x7F) => return Err(PathError::Control),
            Piece::Escaped(byte) => out.push(byte),
            Piece::Broken if invalid == Invalid::Kept => out.push(b'%'),
            Piece::Broken => return Err(PathError::Escape),
        }
    }
    String::from_utf8(out).map_err(|_| PathError::Utf8)
}

fn drop_parameters(path: &str) -> String {
    let kept = path.split('/').map(|segment| segment.split(';').next().unwrap_or_default());
    kept.collect::<Vec<_>>().join("/")
}

fn merge_slashes(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for c in path.chars() {
        if c != '/' || !out.ends_with('/') {
            out.push(c);
        }
    }
    out
}

/// Resolves `.` and `..` (RFC 3986, section 5.2.4).
fn resolve_dot_segments(path: &str) -> String {
    let (root, relative) = match path.strip_prefix('/') {
        Some(relative) => ("/", relative),
        None => ("", path),
    };
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = relative.split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            segment => {
                kept.push(segment);
                continue;
            }
        }
        // A path that ends in a dot segment names a folder: it keeps its final slash.
        if last {
            kept.push("");
        }
    }
    format!("{root}{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn several(path: &str) -> Vec<String> {
        match readings(path.as_bytes()).unwrap() {
            Readings::One(path) => vec![path.to_owned()],
            Readings::Several(readings) => readings,
        }
    }

    #[test]
    fn plain_paths_have_one_reading() {
        for path in [
            "",
            "/",
            "/v1/payments/42",
            "*",
            "/.well-known/x",
            "/a..b/...",
            "/a b",
            "/~u/$@!'()*+,:=",
        ] {
            assert_eq!(readings(path.as_bytes()), Ok(Readings::One(path)), "{path}");
        }
    }

    #[test]
    fn every_way_out_of_a_folder_is_read() {
        for path in [
            "/v1/payments/../admin",
            "/v1/payments/..%2fadmin",
            "/v1/payments/%2e%2e/admin",
            "/v1/payments/%2e%2e%2fadmin",
            "/v1/payments/..%252fadmin",
            "/v1/payments/%252e%252e/admin",
            "/v1/payments/..\\admin",
            "/v1/payments/..%5cadmin",
            "/v1/payments/..;x=1/admin",
            "/v1/payments/..%3bx/admin",
            "/v1/payments/..%253b/admin",
            "/v1/payments//..//../admin",
            "/v1/payments/x/..;/../admin",
        ] {
            let readings = several(path);
            assert!(
                readings.iter().any(|r| r == "/v1/admin" || r == "/admin"),
                "{path} is read as {readings:?}"
            );
            assert_eq!(readings[0], path);
        }
    }

    #[test]
    fn harmless_escapes_have_two_readings() {
        assert_eq!(several("/@scope%2fpackage"), ["/@scope%2fpackage", "/@scope/package"]);
        assert_eq!(several("/100%25"), ["/100%25", "/100%"]);
        assert_eq!(several("/caf%C3%A9"), ["/caf%C3%A9", "/caf\u{e9}"]);
        assert_eq!(several("/a//b"), ["/a//b", "/a/b"]);
        assert_eq!(several("/a/./b"), ["/a/./b", "/a/b"]);
        assert_eq!(several("/a;v=1/b"), ["/a;v=1/b", "/a/b"]);
    }

    #[test]
    fn what_no_reading_makes_safe_is_refused() {
        use PathError::*;
        let table: [(&[u8], PathError); 17] = [
            (b"/a#b", Fragment),
            (b"/a\x00", Control),
            (b"/a\x7f", Control),
            (b"/a%00", Control),
            (b"/a%0d%0a", Control),
            (b"/a%7F", Control),
            (b"/a%2500", Control),
            (b"/\xc3\xa9", NonAscii),
            (b"/\xff", NonAscii),
            (b"/a%", Escape),
            (b"/a%2", Escape),
            (b"/a%zz", Escape),
            (b"/a%2g", Escape),
            (b"/a%ff", Utf8),
            (b"/a%c0%af", Utf8),
            (b"/a%ed%a0%80", Utf8),
            (b"/a%25c0%25af", Utf8),
        ];
        for (path, error) in table {
            assert_eq!(readings(path), Err(error), "{}", path.escape_ascii());
        }
    }

    #[test]
    fn only_plain_paths_may_be_very_long() {
        let long = format!("/{}", "a".repeat(MAX_AMBIGUOUS_BYTES));
        assert_eq!(readings(long.as_bytes()), Ok(Readings::One(&long)));
        assert_eq!(readings(format!("{long}//").as_bytes()), Err(PathError::TooLong));
    }

    #[test]
    fn dot_segments_resolve_as_in_rfc_3986() {
        let table = [
            ("/a/b/c/./../../g", "/a/g"),
            ("/a/..", "/"),
            ("/a/b/..", "/a/"),
            ("/a/.", "/a/"),
            ("/..", "/"),
            ("/../../a", "/a"),
            ("/a//../b", "/a/b"),
            ("a/../b", "b"),
            ("", ""),
            ("/", "/"),
        ];
        for (path, expected) in table {
            assert_eq!(resolve_dot_segments(path), expected, "{path}");
        }
    }
}
