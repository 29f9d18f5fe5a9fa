//! `egress-auth prove`: does a policy keep what was promised, whatever the request.
//!
//! | file | what lives there |
//! |---|---|
//! | `report` | results for people and as JSON |
//! | `junit` | results for CI systems |

mod junit;
mod report;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::guarantees::{self, Judged, Subject};
use super::input::InputArgs;
use super::output::{self, Format};
use super::progress;
use super::queries::now;

/// Flags of `egress-auth prove`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,
    /// The file with the guarantees
    #[arg(long, value_name = "FILE")]
    guarantees: PathBuf,
    /// Also write the results as JUnit XML; one of an earlier run is removed first
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Also write the proofs as JSON: path patterns of which one needs the others, and the states
    /// that prove it
    #[arg(long, value_name = "FILE")]
    certificates: Option<PathBuf>,
    /// How to print: text has one line a guarantee, and why one does not hold; JSON one object
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    output: Format,
}

/// Runs the command: exit code 0 when every guarantee is proved, 1 when one is not, or when a file
/// has errors.
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
    let guarantees = guarantees::read(&args.guarantees)?;
    let loaded = args.input.load()?;
    let (Some(guarantees), Some(compiled)) = (guarantees, &loaded.compiled) else {
        if loaded.compiled.is_none() {
            loaded.print();
        }
        return Ok(ExitCode::FAILURE);
    };
    let subject = Subject {
        compiled,
        sources: &loaded.sources,
        paths: &args.input.paths,
        args: &args.input.gateway,
    };
    let now = now()?;
    let judged = progress::during("Proving", || guarantees.judge(subject, now))?;
    let Some(judged) = judged else { return Ok(ExitCode::FAILURE) };
    if let Some(path) = &args.junit {
        output::write_with(Some(path), |out| junit::write(&guarantees.file, &judged, out))?;
    }
    if let Some(path) = &args.certificates {
        output::write_with(Some(path), |out| report::certificates(&judged, out))?;
    }
    output::write_with(None, |out| match args.output {
        Format::Text => report::text(&guarantees.file, &judged, out),
        Format::Json => report::json(&guarantees.file, &judged, out),
    })?;
    Ok(match judged.iter().all(Judged::holds) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}
