//! `egress-auth completions`: completions for shells. `clap_complete` makes them from the same
//! table of flags that parses the command line, so they cannot drift from it.

use std::process::ExitCode;

use clap_complete::Shell;

use super::output;

/// Flags of `egress-auth completions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

/// Runs the command for a command line of this shape.
///
/// # Errors
/// When standard output cannot be written to.
pub fn run(args: &Args, whole: &clap::Command) -> anyhow::Result<ExitCode> {
    // The generators offer hidden commands as well.
    let shown = whole.get_subcommands().filter(|command| !command.is_hide_set());
    let mut command = clap::Command::new("egress-auth")
        .version(env!("CARGO_PKG_VERSION"))
        .args(whole.get_arguments())
        .subcommands(shown);
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "egress-auth", &mut script);
    output::write_with(None, |out| out.write_all(&script))?;
    Ok(ExitCode::SUCCESS)
}
