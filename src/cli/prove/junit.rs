//! Results as JUnit XML, as `test` writes them.

use std::io::{self, Write};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::cli::guarantees::Judged;
use crate::cli::plain::plain;

/// One suite a file, one test case a guarantee.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write(file: &str, judged: &[Judged], out: &mut dyn Write) -> io::Result<()> {
    let mut report = Report::new("egress-auth");
    let mut suite = TestSuite::new(plain(file).as_ref());
    suite.add_test_cases(judged.iter().map(|one| case(file, one)));
    report.add_test_suite(suite);
    report.serialize(out).map_err(io::Error::other)
}

fn case(file: &str, judged: &Judged) -> TestCase {
    let status = match judged.holds() {
        true => TestCaseStatus::success(),
        false => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(judged.standing.as_str());
            let lines = judged.reasons();
            let lines = lines.iter().map(|line| plain(line)).collect::<Vec<_>>();
            status.set_description(lines.join("\n"));
            status
        }
    };
    let mut case = TestCase::new(plain(&judged.name).as_ref(), status);
    case.set_classname(plain(file).as_ref())
        .set_time(judged.took)
        .extra
        .insert("line".into(), judged.line.to_string().into());
    case
}
