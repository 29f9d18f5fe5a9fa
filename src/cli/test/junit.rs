//! Results as JUnit XML, which CI systems read. `quick-junit` writes it, so that escaping and the
//! attributes that readers ask for are those of a schema that many tools share. Characters that XML
//! has no way to write (XML 1.0, section 2.2) are escaped before, as on a terminal.

use std::io::{self, Write};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::report::difference;
use super::{CaseResult, Decided};
use crate::cli::plain::plain;

/// One suite a document, one test case a case.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write(suites: &[Decided], out: &mut dyn Write) -> io::Result<()> {
    let mut report = Report::new("egress-auth");
    for Decided { file, results } in suites {
        let mut suite = TestSuite::new(plain(file).as_ref());
        suite.add_test_cases(results.iter().map(|result| case(file, result)));
        report.add_test_suite(suite);
    }
    report.serialize(out).map_err(io::Error::other)
}

fn case(file: &str, result: &CaseResult) -> TestCase {
    let status = match result.passed() {
        true => TestCaseStatus::success(),
        false => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            let differs = result.compared().filter(|(_, expected, actual)| expected != actual);
            let differs = differs.map(|(field, expected, actual)| {
                format!("{field}: expected {expected}, got {actual}")
            });
            status.set_message(plain(&differs.collect::<Vec<_>>().join("; ")).as_ref());
            let lines = difference(result);
            let lines = lines.iter().map(|line| plain(line)).collect::<Vec<_>>();
            status.set_description(lines.join("\n"));
            status
        }
    };
    let mut case = TestCase::new(plain(&result.case.name).as_ref(), status);
    case.set_classname(plain(file).as_ref())
        .extra
        .insert("line".into(), result.line.to_string().into());
    case
}
