//! `egress-auth token`.

use std::process::ExitCode;

/// Flags of `egress-auth token`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the command.
///
/// # Errors
/// Always: this version does not have the command yet.
pub fn run(_args: &Args) -> anyhow::Result<ExitCode> {
    anyhow::bail!("`egress-auth token` is not there yet")
}
