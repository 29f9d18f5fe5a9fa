//! Figures of the benchmark are those of its last run.

use crate::docs::markdown::Document;

#[test]
fn ratios_are_those_of_the_last_run() {
    let run = Document::read("docs/performance/README.md");
    let measured: Vec<&str> = run.text.lines().collect();
    let head = "| what | ratio | 95 % confidence | target | |";
    assert!(measured.contains(&head));
    let mut shown = 0;
    for document in Document::all().iter().filter(|document| document.path != run.path) {
        let lines = document.text.lines().skip_while(|line| *line != head).skip(2);
        for row in lines.take_while(|line| line.starts_with('|')) {
            assert!(measured.contains(&row), "{}: {row}", document.path.display());
            shown += 1;
        }
    }
    assert!(shown > 4, "{shown}");
}
