//! `egress-auth diff`: which requests another policy would allow or deny.
//!
//! | file | what lives there |
//! |---|---|
//! | `text` | differences between two policies for people |
//! | `traffic` | requests of a file, decided by both policies |

mod text;
mod traffic;

use std::path::PathBuf;
use std::process::ExitCode;

use super::differences;
use super::input::{GatewayArgs, Loaded};
use super::output::{self, Format};
use super::plain::plain_lines;
use super::queries::now;
use crate::compile::Compiled;
use crate::diff::compare;

/// Exit code where something differs, as diff(1) has it.
const DIFFERENT: u8 = 1;
/// Exit code where nothing could be compared, as diff(1) has it.
const TROUBLE: u8 = 2;

/// Flags of `egress-auth diff`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The policy before: a YAML or JSON file, a folder with such files, or - for standard input
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The policy after, in the same form
    #[arg(value_name = "NEW")]
    new: PathBuf,
    #[command(flatten)]
    gateway: GatewayArgs,
    /// Compare the requests of a file, one a line as JSON as `explain` reads them, instead of ones
    /// made from the policies; - for standard input
    #[arg(long, value_name = "FILE")]
    requests: Option<PathBuf>,
    /// A JWKS file for an issuer whose keys are fetched at run time; repeatable
    #[arg(long = "jwks", value_name = "ISSUER=FILE", requires = "requests")]
    jwks: Vec<String>,
    /// How to print
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    output: Format,
}

/// Runs the command: exit code 0 when nothing differs, 1 when something does, 2 when the input has
/// errors or cannot be read.
pub fn run(args: &Args) -> ExitCode {
    match differs(args) {
        Ok(Some(false)) => ExitCode::SUCCESS,
        Ok(Some(true)) => DIFFERENT.into(),
        Ok(None) => TROUBLE.into(),
        Err(error) => {
            output::tell(format_args!("error: {}", plain_lines(&format!("{error:#}"))));
            TROUBLE.into()
        }
    }
}

/// Whether anything differs; nothing when a policy has errors, which are printed.
fn differs(args: &Args) -> anyhow::Result<Option<bool>> {
    let stdin = |path: &PathBuf| path.as_os_str() == "-";
    let inputs = [Some(&args.old), Some(&args.new), args.requests.as_ref()];
    let from_stdin = inputs.into_iter().flatten().filter(|path| stdin(path)).count();
    anyhow::ensure!(from_stdin <= 1, "only one input can be `-`");
    let (Some(old), Some(new)) = (load(args, &args.old)?, load(args, &args.new)?) else {
        return Ok(None);
    };
    if let Some(requests) = &args.requests {
        return traffic::differs(args, [&old, &new], requests).map(Some);
    }
    let now = now()?;
    let comparison = compare(&old.policy, &new.policy, now)?;
    output::write_with(None, |out| match args.output {
        Format::Text => text::write(&comparison, now, out),
        Format::Json => differences::write(&comparison, out),
    })?;
    Ok(Some(!comparison.is_empty()))
}

fn load(args: &Args, path: &PathBuf) -> anyhow::Result<Option<Compiled>> {
    let loaded: Loaded = args.gateway.load(std::slice::from_ref(path))?;
    if loaded.compiled.is_none() {
        loaded.print();
    }
    Ok(loaded.compiled)
}
