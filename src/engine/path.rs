//! The readings of a path: what different servers make of the same bytes.
//!
//! Servers decode escapes, all or some, once or more often, take `\` for `/`, drop `;parameters`,
//! merge slashes, resolve dot segments and end the path at a decoded `?`, or do not, and each in an
//! order of its own: Tomcat drops parameters before it decodes, others afterwards. A path on which
//! they differ must not slip past a rule that was written for one reading, so the engine judges it
//! under all of them: the closure of the path under every step. Paths without any of these bytes,
//! nearly all, have one reading and are found by a single scan.

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
    /// Longer than what is judged under several readings.
    #[error("the path can be read in several ways and is over {MAX_AMBIGUOUS_BYTES} bytes")]
    TooLong,
    /// More readings than are judged.
    #[error(
        "the path can be read in over {MAX_READINGS} ways, or in ways of over {MAX_READINGS_BYTES} \
         bytes together"
    )]
    TooManyReadings,
}

/// Longest path that is judged under several readings: no API needs a longer one.
const MAX_AMBIGUOUS_BYTES: usize = 8_192;
/// Most readings of one path, and most bytes of all of them together: each reading costs as much
/// as a path of its own, and escapes within escapes could make thousands.
const MAX_READINGS: usize = 256;
const MAX_READINGS_BYTES: usize = 128 * 1_024;

/// The part of `:path` before the query.
pub fn without_query(path: &[u8]) -> &[u8] {
    path.split(|byte| *byte == b'?').next().unwrap_or_default()
}

/// Finds every reading of a path without its query.
///
/// # Errors
/// See [`PathError`].
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
    check_escapes(path)?;
    closure(path).map(Readings::Several)
}

/// Everything that any number of steps, in any order, makes of the path.
fn closure(path: &str) -> Result<Vec<String>, PathError> {
    let mut readings = vec![path.to_owned()];
    let mut bytes = path.len();
    let mut next = 0;
    while let Some(reading) = readings.get(next) {
        let mut found = Vec::new();
        for step in Step::ALL {
            if let Some(other) = step.apply(reading)?
                && !readings.contains(&other)
                && !found.contains(&other)
            {
                bytes = bytes.saturating_add(other.len());
                found.push(other);
            }
        }
        readings.extend(found);
        if readings.len() > MAX_READINGS || bytes > MAX_READINGS_BYTES {
            return Err(PathError::TooManyReadings);
        }
        next = next.saturating_add(1);
    }
    Ok(readings)
}

/// One thing that a server may do to a path before it looks at it.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Decodes every escape (RFC 3986, section 2.1).
    Decode,
    /// Decodes every escape but those of `/` and `\`, as servers do that tell an escaped slash
    /// from one that separates.
    DecodeButSlashes,
    /// Decodes the escapes of `/` and `\` alone, as an Envoy does with `UNESCAPE_AND_FORWARD`.
    DecodeSlashes,
    /// Decodes the escapes of what needs none alone (RFC 3986, section 6.2.2.2), as proxies do that
    /// normalize what they pass on.
    DecodeUnreserved,
    /// Takes `\` for `/`.
    TurnBackslashes,
    /// Drops `;parameters` from each segment.
    DropParameters,
    /// Takes several slashes in a row for one.
    MergeSlashes,
    /// Resolves `.` and `..` (RFC 3986, section 5.2.4).
    ResolveDots,
    /// Resolves dot segments that have parameters too, such as `..;x`.
    ResolveDotsWithParameters,
    /// Resolves dot segments whose dots are escaped, and decodes nothing else, as the URL standard
    /// of browsers and Node does (WHATWG URL, "double-dot URL path segment").
    ResolveEscapedDots,
    /// Ends the path at a `?` or `#`, which was an escape when it was sent.
    End,
}

impl Step {
    const ALL: [Self; 11] = [
        Self::Decode,
        Self::DecodeButSlashes,
        Self::DecodeSlashes,
        Self::DecodeUnreserved,
        Self::TurnBackslashes,
        Self::DropParameters,
        Self::MergeSlashes,
        Self::ResolveDots,
        Self::ResolveDotsWithParameters,
        Self::ResolveEscapedDots,
        Self::End,
    ];

    /// What the step makes of a path; `None` where it plainly changes nothing.
    ///
    /// # Errors
    ///
    /// An escape decodes to what no reading makes safe.
    fn apply(self, path: &str) -> Result<Option<String>, PathError> {
        let has = |bytes: &[u8]| path.bytes().any(|byte| bytes.contains(&byte));
        Ok(match self {
            Self::Decode if has(b"%") => Some(decode(path, |_| true)?),
            Self::DecodeButSlashes if has(b"%") => Some(decode(path, |byte| !is_slash(byte))?),
            Self::DecodeSlashes if has(b"%") => Some(decode(path, is_slash)?),
            Self::DecodeUnreserved if has(b"%") => Some(decode(path, is_unreserved)?),
            Self::TurnBackslashes if has(b"\\") => Some(path.replace('\\', "/")),
            Self::DropParameters if has(b";") => Some(drop_parameters(path)),
            Self::MergeSlashes if path.contains("//") => Some(merge_slashes(path)),
            Self::ResolveDots if has(b".") => Some(resolve_dots(path, |segment| segment)),
            Self::ResolveDotsWithParameters if has(b".") && has(b";") => {
                Some(resolve_dots(path, without_parameters))
            }
            Self::ResolveEscapedDots if path.contains("%2e") || path.contains("%2E") => {
                Some(resolve_dots(path, unescaped_dots))
            }
            Self::End => path.split_once(['?', '#']).map(|(path, _)| path.to_owned()),
            _ => None,
        })
    }
}

/// Refuses a path as sent in which two hexadecimal digits do not follow a `%`. Once decoded, that
/// is no error any more: `%25zz` is a valid way to write `%zz`.
fn check_escapes(path: &str) -> Result<(), PathError> {
    match pieces(path.as_bytes()).any(|(piece, _)| piece == Piece::Broken) {
        true => Err(PathError::Escape),
        false => Ok(()),
    }
}

/// Decodes, once, the escapes of the bytes that are `wanted`.
fn decode(path: &str, wanted: impl Fn(u8) -> bool) -> Result<String, PathError> {
    let mut out = Vec::with_capacity(path.len());
    for (piece, written) in pieces(path.as_bytes()) {
        match piece {
            Piece::Escaped(0..0x20 | 0x7f) => return Err(PathError::Control),
            Piece::Escaped(value) if wanted(value) => out.push(value),
            _ => out.extend(written),
        }
    }
    String::from_utf8(out).map_err(|_| PathError::Utf8)
}

fn is_slash(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\')
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn drop_parameters(path: &str) -> String {
    path.split('/').map(without_parameters).collect::<Vec<_>>().join("/")
}

fn without_parameters(segment: &str) -> &str {
    segment.split(';').next().unwrap_or_default()
}

/// The dot segment that a segment is once its dots are decoded, or the segment itself.
fn unescaped_dots(segment: &str) -> &str {
    match segment.replace("%2e", ".").replace("%2E", ".").as_str() {
        "." => ".",
        ".." => "..",
        _ => segment,
    }
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

/// Resolves the segments whose `name` is `.` or `..` (RFC 3986, section 5.2.4).
fn resolve_dots<'p>(path: &'p str, name: impl Fn(&'p str) -> &'p str) -> String {
    let (root, relative) = match path.strip_prefix('/') {
        Some(relative) => ("/", relative),
        None => ("", path),
    };
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = relative.split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match name(segment) {
            "." => {}
            ".." => {
                kept.pop();
            }
            _ => {
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
    use proptest::prelude::*;

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
            // Parameters are dropped, then escapes decoded, then dots resolved.
            "/v1/payments/x;%2fy/..%2f..%2fadmin",
            "/v1/payments/x;%252fy/..%252f..%252fadmin",
            "/v1/payments/x%3b%252fy/..%252f..%252fadmin",
            // Escaped slashes stay while dots are decoded, so two segments lead out and not three.
            "/v1/payments/a%2fb/%2e%2e;/%2e%2e;/admin",
            "/v1/payments/a%2fb/%2e%2e/%2e%2e/admin",
            "/v1/payments/a%5cb/%2e%2e/%2e%2e/admin",
            "/v1/payments/a%252fb/%252e%252e/%252e%252e/admin",
            // Escaped as often as a path can hold.
            "/v1/payments/%252525252e%2525252e/admin",
            // Only dot segments lose their parameters.
            "/v1/payments/x;/..;y/..;z/admin",
            // Slashes merge before or after dots are resolved.
            "/v1/payments//../../admin",
            // The path ends at what decodes to `?` or `#`.
            "/v1/admin%3f/items",
            "/v1/admin%23/items",
            "/v1/admin%253fitems",
            "/v1/payments/..%2fadmin%3fx",
            "/v1/admin;x%3fy/z",
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
    fn some_escapes_are_decoded_while_others_stay() {
        let table = [
            // By an Envoy or a mesh that decodes slashes alone, and by one that decodes what needs
            // no escape alone.
            ("/files/..%2fp%61y", "/p%61y"),
            ("/files/..%5cp%61y", "/p%61y"),
            ("/files/%2e%2e/%70ay%20x", "/pay%20x"),
            // By the URL standard, which decodes nothing.
            ("/v1/payments/%2e%2e/p%61yments/42", "/v1/p%61yments/42"),
            ("/files/%2E./fi%6ces/x", "/fi%6ces/x"),
            ("/files/%2e/%66", "/files/%66"),
            ("/files\\.%2e/%66", "/%66"),
        ];
        for (path, reading) in table {
            let readings = several(path);
            assert!(readings.iter().any(|it| it == reading), "{path} is read as {readings:?}");
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
        let table: [(&[u8], PathError); 20] = [
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
            (b"/a%252500", Control),
            (b"/a;%zz/b", Escape),
            (b"/a;%00/b", Control),
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
    fn paths_with_more_readings_than_are_judged_are_refused() {
        for path in [
            // Each decoding takes one level of escapes away, and there are thousands.
            format!("/%{}", "25".repeat(MAX_AMBIGUOUS_BYTES / 2 - 4)),
            // Few readings, each of them long.
            format!("/{}%252f%2f;x//./y", "a".repeat(MAX_AMBIGUOUS_BYTES - 20)),
            format!("/%{}2f;//./%5c\\", "25".repeat(40)),
        ] {
            assert!(path.len() <= MAX_AMBIGUOUS_BYTES);
            assert_eq!(readings(path.as_bytes()), Err(PathError::TooManyReadings), "{path}");
        }
    }

    /// What a server could do: any steps, in any order.
    fn walk(path: &str, choices: &[usize]) -> String {
        let mut path = path.to_owned();
        for choice in choices {
            path = Step::ALL[*choice].apply(&path).unwrap().unwrap_or(path);
        }
        path
    }

    proptest! {
        #[test]
        fn whatever_a_server_does_in_whatever_order_is_a_reading(
            parts in proptest::collection::vec(
                prop_oneof![
                    Just("/"), Just("a"), Just(".."), Just("."), Just(";"), Just("\\"),
                    Just("%2f"), Just("%5c"), Just("%2e"), Just("%3b"), Just("%3f"), Just("%25"),
                    Just("%252f"), Just("//"), Just("%61"), Just("%20"),
                ],
                0..9,
            ),
            choices in proptest::collection::vec(0..Step::ALL.len(), 0..12),
        ) {
            let path = format!("/{}", parts.concat());
            let Ok(readings) = readings(path.as_bytes()) else { return Ok(()) };
            let end = walk(&path, &choices);
            match readings {
                Readings::One(only) => prop_assert_eq!(only, end),
                Readings::Several(all) => prop_assert!(all.contains(&end), "{} of {:?}", end, all),
            }
        }
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
            assert_eq!(resolve_dots(path, |segment| segment), expected, "{path}");
        }
    }
}
