//! The list of vectors that do not come out as they are published, with a reason each, beside the
//! vectors: one line for a file, a reason and the numbers of vectors in it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Vectors by file and reason.
#[derive(Default)]
pub struct Refused(BTreeMap<(String, String), Vec<usize>>);

impl Refused {
    /// Notes down a vector.
    pub fn add(&mut self, file: &str, id: usize, reason: &str) {
        self.0.entry((file.to_owned(), reason.to_owned())).or_default().push(id);
    }

    /// How many vectors, and for how many reasons.
    pub fn counts(&self) -> (usize, usize) {
        let mut reasons: Vec<_> = self.0.keys().map(|(_, reason)| reason).collect();
        reasons.sort();
        reasons.dedup();
        (self.0.values().map(Vec::len).sum(), reasons.len())
    }

    /// Fails where the list in `name` is another one; `BLESS=1` writes it.
    pub fn assert_listed(&self, name: &str) {
        let path =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/wycheproof").join(name);
        let text = self.text();
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let listed = std::fs::read_to_string(&path).unwrap();
        assert!(listed == text, "{} is out of date (BLESS=1 writes it):\n{text}", path.display());
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for ((file, reason), ids) in &self.0 {
            writeln!(text, "{file}\t{reason}\t{}", ranges(ids)).unwrap();
        }
        text
    }
}

/// `1, 2, 3, 7` as `1-3 7`.
fn ranges(ids: &[usize]) -> String {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.chunk_by(|one, next| one + 1 == *next)
        .map(|run| match run {
            [only] => only.to_string(),
            [first, .., last] => format!("{first}-{last}"),
            [] => String::new(),
        })
        .collect::<Vec<_>>()
        .join(" ")
}
