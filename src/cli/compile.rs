//! `egress-auth compile`: a Gateway to a deployable output.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;

use super::envoy_args::EnvoyArgs;
use super::input::InputArgs;
use super::output;

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
    let loaded = args.input.load()?;
    loaded.print()?;
    let Some(compiled) = &loaded.compiled else { return Ok(ExitCode::FAILURE) };
    let mut text = match args.to {
        Target::PluginConfig => serde_json::to_string_pretty(&compiled.policy)?,
        Target::Envoy => anyhow::bail!("`--to envoy` is not there yet: {:?}", args.envoy.listen),
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    output::write(args.out.as_deref(), &text)?;
    Ok(ExitCode::SUCCESS)
}
