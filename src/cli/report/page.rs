//! The page: one file, from which a browser needs nothing else.

use std::io::{self, Write};

use base64::engine::general_purpose::STANDARD;
use base64::write::EncoderWriter;

use super::data::Data;

/// Scripts and styles, built from `web/`.
const PAGE: &str = include_str!("page.html");
/// Where the data go, and where the engine.
const DATA: &str = "@data@";
const ENGINE: &str = "@engine@";

/// Writes the page.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write(data: &Data, engine: &[u8], out: &mut dyn Write) -> io::Result<()> {
    let damaged = || io::Error::other("the page that was built into this program is damaged");
    let (head, rest) = PAGE.split_once(DATA).ok_or_else(damaged)?;
    let (middle, tail) = rest.split_once(ENGINE).ok_or_else(damaged)?;
    out.write_all(head.as_bytes())?;
    serde_json::to_writer(Escaped(&mut *out), data)?;
    out.write_all(middle.as_bytes())?;
    let mut encoder = EncoderWriter::new(&mut *out, &STANDARD);
    encoder.write_all(engine)?;
    encoder.finish()?;
    drop(encoder);
    out.write_all(tail.as_bytes())
}

/// Writes JSON so that HTML reads no tag, comment or reference in it: those characters stand in
/// strings only, where JSON has another spelling for them.
struct Escaped<'a>(&'a mut dyn Write);

impl Write for Escaped<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let special = |byte: &u8| matches!(byte, b'<' | b'>' | b'&');
        for part in bytes.chunk_by(|one, other| !special(one) && !special(other)) {
            match part {
                b"<" => self.0.write_all(b"\\u003c")?,
                b">" => self.0.write_all(b"\\u003e")?,
                b"&" => self.0.write_all(b"\\u0026")?,
                part => self.0.write_all(part)?,
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_says_the_same_and_html_reads_no_tag_in_it() {
        let text = "</script><img onerror=x>&lt;<!--<<é>>";
        let mut out = Vec::new();
        serde_json::to_writer(Escaped(&mut out), text).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert!(!out.contains(['<', '>', '&']), "{out}");
        assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
    }

    #[test]
    fn the_page_has_one_place_for_each() {
        assert_eq!((PAGE.matches(DATA).count(), PAGE.matches(ENGINE).count()), (1, 1));
    }
}
