//! `egress-auth man`: manual pages. `clap_mangen` makes them from the same table of flags that
//! parses the command line, so they cannot drift from it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use super::output;

/// Flags of `egress-auth man`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder for the pages, such as /usr/local/share/man/man1; made where it is missing
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

/// Writes one page for the command line of this shape and one for each of its commands.
///
/// # Errors
/// When a page cannot be written.
pub fn run(args: &Args, whole: &clap::Command) -> anyhow::Result<ExitCode> {
    std::fs::create_dir_all(&args.folder)
        .with_context(|| format!("cannot make {}", args.folder.display()))?;
    let mut whole = whole.clone().disable_help_subcommand(true);
    whole.build();
    let commands = whole.get_subcommands().filter(|command| !command.is_hide_set());
    for command in std::iter::once(&whole).chain(commands) {
        let name = match command.get_name() {
            name if name == whole.get_name() => name.to_owned(),
            name => format!("{}-{name}", whole.get_name()),
        };
        let mut page = Vec::new();
        // The name with a dash is how `man` finds it.
        clap_mangen::Man::new(command.clone().display_name(&name)).render(&mut page)?;
        let file = args.folder.join(format!("{name}.1"));
        output::write_with(Some(&file), |out| out.write_all(&page))?;
    }
    Ok(ExitCode::SUCCESS)
}
