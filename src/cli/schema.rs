//! `egress-auth schema`: the JSON Schema of an input or output.

use std::process::ExitCode;

use clap::ValueEnum;

use super::cases::CASES;
use super::differences::Differences;
use super::guarantees::fields::GUARANTEES;
use super::output;
use crate::policy::Policy;
use crate::resource::schema;

/// Flags of `egress-auth schema`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to describe
    #[arg(value_enum, value_name = "FORMAT")]
    subject: Subject,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Subject {
    /// The JSON that the filter reads
    PluginConfig,
    /// The Gateway documents that are compiled
    Gateway,
    /// The cases files of `egress-auth test`
    Test,
    /// What `egress-auth diff --output json` prints
    Diff,
    /// The files of `egress-auth prove --guarantees`
    Guarantees,
}

/// Runs the command.
///
/// # Errors
/// When the output cannot be written.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let schema = match args.subject {
        Subject::PluginConfig => schemars::schema_for!(Policy).to_value(),
        Subject::Gateway => schema::gateway(),
        Subject::Diff => schemars::schema_for!(Differences).to_value(),
        Subject::Guarantees => schema::document(&GUARANTEES, "Guarantees"),
        Subject::Test => schema::document(&CASES, "Test cases"),
    };
    output::write(None, &format!("{schema:#}\n"))?;
    Ok(ExitCode::SUCCESS)
}
