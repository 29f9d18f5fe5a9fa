//! Results for people and as JSON.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{CaseResult, Decided};
use crate::cli::plain::plain;
use crate::explain::Explanation;

/// One line a case, what differs and every step where one fails, and a count.
///
/// # Errors
/// When `out` cannot be written to.
pub fn text(suites: &[Decided], out: &mut dyn Write) -> io::Result<()> {
    for Decided { file, results } in suites {
        let file = plain(file);
        writeln!(out, "{file}")?;
        for result in results {
            // Names may hold what would steer a terminal.
            let name = plain(&result.case.name);
            if result.passed() {
                writeln!(out, "  ok    {name}")?;
            } else {
                writeln!(out, "  FAIL  {name} ({file}:{})", result.line)?;
                for line in difference(result) {
                    writeln!(out, "        {}", plain(&line))?;
                }
            }
        }
        writeln!(out)?;
    }
    let (passed, failed) = count(suites);
    writeln!(out, "{passed} passed, {failed} failed")
}

/// What was asked, what was expected beside what came, and why.
pub fn difference(result: &CaseResult) -> Vec<String> {
    let mut lines = vec![result.actual.request.clone()];
    let width = result.compared().map(|(_, expected, _)| expected.len()).max().unwrap_or(0).max(8);
    lines.push(format!("    {:<9}  {:<width$}  actual", "", "expected"));
    for (field, expected, actual) in result.compared() {
        let (mark, differs) = if expected == actual { (' ', "") } else { ('!', "  <-- differs") };
        lines.push(format!("  {mark} {field:<9}  {expected:<width$}  {actual}{differs}"));
    }
    if let Some(field) = result.named_none() {
        lines.push(format!(
            "help: `none` means that there is no {field}; this one has the name \"none\": give it \
             another"
        ));
    }
    lines.push("steps:".to_owned());
    let steps = result.actual.steps.iter();
    lines.extend(steps.map(|step| format!("    {step}")));
    lines
}

/// How many cases passed and how many failed.
pub fn count(suites: &[Decided]) -> (usize, usize) {
    let results = suites.iter().flat_map(|suite| &suite.results);
    let (passed, failed): (Vec<_>, Vec<_>) = results.partition(|result| result.passed());
    (passed.len(), failed.len())
}

#[derive(Serialize)]
struct JsonCase<'a> {
    file: &'a str,
    line: usize,
    name: &'a str,
    request: &'a str,
    passed: bool,
    expected: Map<String, Value>,
    actual: &'a Explanation,
}

/// Every case, with what was expected and the whole answer.
///
/// # Errors
/// When `out` cannot be written to.
pub fn json(suites: &[Decided], out: &mut dyn Write) -> io::Result<()> {
    let mut cases = Vec::new();
    for Decided { file, results } in suites {
        cases.extend(results.iter().map(|result| JsonCase {
            file,
            line: result.line,
            name: &result.case.name,
            request: &result.actual.request,
            passed: result.passed(),
            expected: result.compared().map(expected).collect(),
            actual: &result.actual,
        }));
    }
    let (passed, failed) = count(suites);
    let report = json!({ "passed": passed, "failed": failed, "cases": cases });
    writeln!(out, "{report:#}")
}

/// A field as an answer has it: a number for the status, null for no name.
fn expected((field, text, _): (&'static str, &str, String)) -> (String, Value) {
    let value = match field {
        "status" => text.parse().map_or(Value::Null, |status: u16| status.into()),
        "server" | "rule" if text == "none" => Value::Null,
        _ => text.into(),
    };
    (field.to_owned(), value)
}
