//! Figures of the benchmark are those of its last run.

use std::path::Path;

use crate::markdown::{Document, root};

#[test]
fn ratios_are_those_of_the_last_run() {
    let measured = std::fs::read_to_string(root().join("docs/performance/README.md")).unwrap();
    let measured: Vec<&str> = measured.lines().collect();
    let head = "| what | ratio | 95 % confidence | target | |";
    assert!(measured.contains(&head));
    let mut shown = 0;
    for document in Document::all() {
        if document.path == Path::new("docs/performance/README.md") {
            continue;
        }
        let mut lines = document.text.lines().skip_while(|line| *line != head).skip(2);
        for row in lines.by_ref().take_while(|line| line.starts_with('|')) {
            assert!(measured.contains(&row), "{}: {row}", document.path.display());
            shown += 1;
        }
    }
    assert!(shown > 4, "{shown}");
}
