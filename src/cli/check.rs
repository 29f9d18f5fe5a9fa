//! `egress-auth check`: what is wrong with documents.

use std::process::ExitCode;

use super::diagnostics;
use super::input::InputArgs;
use super::output::{self, Format};
use crate::resource::diagnostic::Severity;

/// Flags of `egress-auth check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,
    /// How findings are printed: as text to standard error, or as JSON to standard output
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    output: Format,
    /// Fail on warnings too, but on those that a Gateway acknowledges by an annotation
    #[arg(long)]
    deny_warnings: bool,
}

/// Runs the command: exit code 0 without errors, 1 with; warnings count where they are denied.
///
/// # Errors
/// When the input cannot be read, or the output cannot be written.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let loaded = args.input.load_all()?;
    match args.output {
        Format::Text => {
            loaded.print();
            if diagnostics::summary(&loaded.diagnostics).is_none() {
                let acknowledged = match loaded.diagnostics.acknowledged() {
                    0 => String::new(),
                    some => format!(" ({some} acknowledged)"),
                };
                output::tell(format_args!("no errors, no warnings{acknowledged}"));
            }
        }
        Format::Json => {
            let mut text = diagnostics::json(&loaded.sources, &loaded.diagnostics)?;
            text.push('\n');
            output::write(None, &text)?;
        }
    }
    let warned = args.deny_warnings && loaded.diagnostics.count(Severity::Warning) > 0;
    let failed = loaded.diagnostics.has_errors() || warned;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
