//! `egress-auth check`: what is wrong with documents.

use std::process::ExitCode;

use super::diagnostics;
use super::input::InputArgs;
use super::output::{self, Format};

/// Flags of `egress-auth check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,
    /// How findings are printed: as text to standard error, or as JSON to standard output
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    output: Format,
}

/// Runs the command: exit code 0 without errors, 1 with.
///
/// # Errors
/// When the input cannot be read, or the output cannot be written.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let loaded = args.input.load_all()?;
    match args.output {
        Format::Text => {
            loaded.print();
            if diagnostics::summary(&loaded.diagnostics).is_none() {
                output::tell("no errors, no warnings");
            }
        }
        Format::Json => {
            let mut text = diagnostics::json(&loaded.sources, &loaded.diagnostics)?;
            text.push('\n');
            output::write(None, &text)?;
        }
    }
    let failed = loaded.diagnostics.has_errors();
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
