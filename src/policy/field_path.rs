//! Which field of a JSON document lies at a position: what an error's line and column mean.
//!
//! `serde_path_to_error` finds the same by reading the document with the path tracked all along. That
//! is a second reader of every type of the policy: it makes the module 15 % larger, asked only about
//! documents that are wrong as it may be.

use std::fmt::Write as _;

/// A container that is open at the position.
enum Open<'j> {
    /// An object, and the member that is being read.
    Object(Option<&'j [u8]>),
    /// An array, and the index of the element that is being read.
    Array(usize),
}

/// The path of what ends at this line (from 1) and column (in bytes), such as
/// `servers[0].hostname`; `.` for the document itself. All before the position is well-formed
/// JSON, as it is where a parser stopped.
pub fn field_path(json: &[u8], line: usize, column: usize) -> String {
    let lines = json.split_inclusive(|byte| *byte == b'\n');
    let before: usize = lines.take(line.saturating_sub(1)).map(<[u8]>::len).sum();
    let mut rest = json.get(..before.saturating_add(column)).unwrap_or(json);
    let mut open = Vec::new();
    // Whether the next text is a name.
    let mut name = false;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match (byte, open.last_mut()) {
            (b'{', _) => {
                open.push(Open::Object(None));
                name = true;
            }
            (b'[', _) => {
                open.push(Open::Array(0));
                name = false;
            }
            (b'}' | b']', _) => drop(open.pop()),
            (b',', Some(Open::Array(index))) => *index = index.saturating_add(1),
            (b',', Some(Open::Object(member))) => {
                *member = None;
                name = true;
            }
            (b':', _) => name = false,
            (b'"', container) => {
                let text = rest.get(..text_len(rest)).unwrap_or(rest);
                rest = rest.get(text.len().saturating_add(1)..).unwrap_or_default();
                if let (true, Some(Open::Object(member))) = (name, container) {
                    *member = Some(text);
                }
            }
            _ => {}
        }
    }
    let mut path = String::new();
    for container in open {
        // Writing to a string cannot fail.
        let _ = match container {
            Open::Array(index) => write!(path, "[{index}]"),
            Open::Object(None) => Ok(()),
            Open::Object(Some(name)) => {
                let dot = if path.is_empty() { "" } else { "." };
                write!(path, "{dot}{}", name.escape_ascii())
            }
        };
    }
    if path.is_empty() { ".".to_owned() } else { path }
}

/// The length of a text up to the quote that ends it.
fn text_len(text: &[u8]) -> usize {
    let mut escaped = false;
    let ends = |byte: &u8| {
        let end = !escaped && *byte == b'"';
        escaped = !escaped && *byte == b'\\';
        end
    };
    text.iter().position(ends).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    /// What serde_json says of a document that is no policy, and where.
    fn found(json: &str) -> (String, String) {
        let error = serde_json::from_str::<Policy>(json).unwrap_err();
        (field_path(json.as_bytes(), error.line(), error.column()), error.to_string())
    }

    #[test]
    fn errors_name_the_field() {
        let rest = r#""version": 1, "gateway": "a/b""#;
        let table = [
            (format!("{{{rest}, \"servers\": 7}}"), "servers"),
            (
                format!("{{{rest}, \"servers\": [\n{{\"name\": \"a\", \"hostname\": 7}}]}}"),
                "servers[0].hostname",
            ),
            (format!("{{{rest}, \"servers\": [{{\"name\": \"a\"}}]}}"), "servers[0]"),
            (
                format!(
                    "{{{rest},\n \"servers\": [{{\"name\": \"a\\\"]}}\", \"hostname\": \"a\"}},\n\n {{\"nome\": 1}}]}}"
                ),
                "servers[1].nome",
            ),
            (format!("{{{rest}, \"servers\": [], \"sérvers\": []}}"), r"s\xc3\xa9rvers"),
            (format!("{{{rest}}}"), "."),
            ("[]".to_owned(), "."),
            ("7".to_owned(), "."),
            (String::new(), "."),
            ("{".to_owned(), "."),
            (format!("{{{rest}, \"servers\": [{{\"name\": \"a"), "servers[0].name"),
        ];
        for (json, path) in table {
            let (found, error) = found(&json);
            assert_eq!(found, path, "{json}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(json: Vec<u8>, line in 0..5_usize, column: usize) {
            field_path(&json, line, column);
        }
    }
}
