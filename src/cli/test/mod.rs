//! `egress-auth test`: does a policy decide as its authors say it should.
//!
//! | file | what lives there |
//! |---|---|
//! | `read` | a cases file to requests and expectations |
//! | `report` | results for people and as JSON |
//! | `junit` | results for CI systems |

mod junit;
mod read;
mod report;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use self::read::{Case, Suite};
use super::output::{self, Format};
use super::plain::plain;
use super::{diagnostics, queries};
use crate::explain::Explanation;
use crate::resource::diagnostic::{Diagnostic, Diagnostics};
use crate::resource::tree::{Document, Node};
use crate::resource::{input, yaml};

/// Flags of `egress-auth test`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files with cases, or - for standard input; each names the Gateway that it is about
    #[arg(required = true, value_name = "CASES")]
    cases: Vec<PathBuf>,
    /// Also write the results as JUnit XML; one of an earlier run is removed first
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// How to print: text has one line a case, and what differs where one fails; JSON one object with
    /// every case
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    output: Format,
}

/// The cases of one document, decided.
struct Decided {
    /// The cases file.
    file: String,
    results: Vec<CaseResult>,
}

/// One case, decided.
struct CaseResult {
    case: Case,
    /// Line of the cases file, from 1.
    line: usize,
    actual: Explanation,
}

impl CaseResult {
    /// Name of a field, what was expected of it, and what came.
    fn compared(&self) -> impl Iterator<Item = (&'static str, &str, String)> {
        let fields = self.case.expected.iter();
        fields.map(|(field, expected)| (*field, expected.as_str(), actual(&self.actual, field)))
    }

    /// The field that was to be absent and is there, under the name `none`.
    fn named_none(&self) -> Option<&'static str> {
        let none = queries::name(Some("none"));
        let found = self.compared().find(|(field, expected, actual)| {
            matches!(*field, "server" | "rule") && *expected == "none" && actual == none
        });
        found.map(|(field, ..)| field)
    }

    fn passed(&self) -> bool {
        self.compared().all(|(_, expected, actual)| expected == actual)
    }
}

/// A field of an answer as `expect` writes it.
fn actual(answer: &Explanation, field: &str) -> String {
    let name = |name: &Option<String>| queries::name(name.as_deref()).to_owned();
    match field {
        "decision" => answer.decision.to_owned(),
        "status" => answer.status.to_string(),
        "reason" => answer.reason.to_string(),
        "mechanism" => answer.mechanism.to_string(),
        "server" => name(&answer.server),
        _ => name(&answer.rule),
    }
}

/// Decides the cases of one document; nothing, but a report, when its Gateway has errors.
fn decide(
    suite: Suite,
    file: &str,
    line: impl Fn(&Case) -> usize,
) -> anyhow::Result<Option<Vec<CaseResult>>> {
    let loaded = suite.args.load(&suite.gateways)?;
    let Some(compiled) = &loaded.compiled else {
        loaded.print();
        return Ok(None);
    };
    let mut explainers = [queries::explainer(compiled)?];
    queries::read_keys(&mut explainers, &suite.jwks)?;
    let [explainer] = explainers;
    let now = queries::now()?;
    let mut results = Vec::with_capacity(suite.cases.len());
    for case in suite.cases {
        let line = line(&case);
        let actual = explainer
            .explain_asked(&case.query, now)
            .with_context(|| format!("{file}:{line}: `{}`", plain(&case.name)))?;
        results.push(CaseResult { line, actual, case });
    }
    Ok(Some(results))
}

/// Runs the command: exit code 0 when every case passes, 1 when one fails, or when a file has
/// errors, in which case none is run.
///
/// # Errors
/// When a file cannot be read or written.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if let Some(path) = &args.junit {
        if path == Path::new("-") {
            let message = "--junit goes to a file, as standard output has the results already\n";
            clap::Error::raw(clap::error::ErrorKind::ValueValidation, message).exit();
        }
        output::remove_earlier(path, output::JUNIT_BEGINS)?;
    }
    let mut found = Diagnostics::default();
    let sources = input::read(&args.cases, &[], &mut found)?;
    let mut suites = Vec::new();
    let mut passed_over = BTreeSet::new();
    for (file, source) in sources.iter() {
        let documents = yaml::read(file, &source.text, &mut found);
        let folder = Path::new(&source.name).parent().unwrap_or(Path::new(""));
        let named = args.cases.iter().any(|path| path.as_path() == Path::new(&source.name));
        for root in documents.iter().filter_map(Document::root).filter(|root| !root.is_null()) {
            if read::is_resource(root) {
                if named {
                    let kind = root.get("kind").and_then(Node::string).unwrap_or_default();
                    found.push(
                        Diagnostic::error(format!("a {} holds no cases", kind.escape_debug()))
                            .on(root)
                            .hint(
                                "name the files with cases; each names its Gateway in `gateways`",
                            ),
                    );
                }
                passed_over.insert(&source.name);
                continue;
            }
            suites.extend(read::suite(root, folder, &mut found).map(|suite| (file, suite)));
        }
    }
    if suites.is_empty() && !found.has_errors() {
        anyhow::bail!("the input holds no cases: write some, with the Gateway in `gateways`");
    }
    if found.has_errors() {
        diagnostics::print(&sources, &found);
        return Ok(ExitCode::FAILURE);
    }
    if let Some(first) = passed_over.first() {
        let files = match passed_over.len() {
            1 => String::new(),
            several => format!(" and {} more", several.saturating_sub(1)),
        };
        output::tell(format_args!(
            "note: passed over as no cases, but resources: {}{files}",
            plain(first)
        ));
    }
    let mut decided = Vec::with_capacity(suites.len());
    for (file, suite) in suites {
        let line = |case: &Case| sources.position(case.span).line;
        let file = sources.get(file).map(|source| source.name.clone()).unwrap_or_default();
        let Some(results) = decide(suite, &file, line)? else { return Ok(ExitCode::FAILURE) };
        decided.push(Decided { file, results });
    }
    if let Some(path) = &args.junit {
        output::write_with(Some(path), |out| junit::write(&decided, out))?;
    }
    output::write_with(None, |out| match args.output {
        Format::Text => report::text(&decided, out),
        Format::Json => report::json(&decided, out),
    })?;
    let mut results = decided.iter().flat_map(|suite| &suite.results);
    Ok(match results.all(CaseResult::passed) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}
