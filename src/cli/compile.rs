//! `egress-auth compile`: a Gateway to a deployable output.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;

use super::envoy_args::EnvoyArgs;
use super::input::InputArgs;
use super::output;
use crate::emit::envoy::{self, EmitError};
use crate::resource::diagnostic::Diagnostic;

/// Flags of `egress-auth compile`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,
    /// What to make
    #[arg(long, value_enum, value_name = "OUTPUT", default_value_t = Target::PluginConfig)]
    to: Target,
    /// Write to a file instead of standard output
    #[arg(short, long = "out", value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    envoy: EnvoyArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Target {
    /// The JSON that the filter reads
    PluginConfig,
    /// A complete Envoy bootstrap
    Envoy,
}

/// Runs the command: exit code 0 when something was written, 1 when the documents have errors.
///
/// # Errors
/// When the input cannot be read, or the output cannot be written.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut loaded = args.input.load()?;
    let Some(compiled) = &loaded.compiled else {
        loaded.print()?;
        return Ok(ExitCode::FAILURE);
    };
    let text = match args.to {
        Target::PluginConfig => serde_json::to_string_pretty(&compiled.policy)?,
        Target::Envoy => match envoy::bootstrap(compiled, &args.envoy.options()?) {
            Ok(bootstrap) => serde_json::to_string_pretty(&bootstrap)?,
            Err(error) => {
                loaded.diagnostics.push(unsupported(&error));
                String::new()
            }
        },
    };
    loaded.print()?;
    if loaded.diagnostics.has_errors() {
        return Ok(ExitCode::FAILURE);
    }
    output::write(args.out.as_deref(), &format!("{text}\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// What an output cannot say, as an error about the document.
fn unsupported(error: &EmitError) -> Diagnostic {
    let diagnostic = Diagnostic::error(error.to_string());
    match error.origin() {
        Some(origin) => diagnostic.at(origin),
        None => diagnostic,
    }
}
