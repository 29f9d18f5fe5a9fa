//! `egress-auth diff`: which requests another policy would allow or deny.
//!
//! | file | what lives there |
//! |---|---|
//! | `text` | differences between two policies for people |
//! | `markdown` | the same for the comment of a change |
//! | `traffic` | requests of a file, decided by both policies |

mod markdown;
mod text;
mod traffic;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;

use super::differences;
use super::input::{GatewayArgs, Loaded};
use super::output;
use super::plain::{plain, plain_lines};
use super::progress;
use super::queries::now;
use crate::compile::Compiled;
use crate::diff::{Certainty, Comparison, Effect, compare};

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
    /// What makes the exit code 1; several separated by commas
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',', default_value = "any")]
    fail_on: Vec<FailOn>,
    /// How to print
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    output: Format,
}

/// `--output`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
    /// For the comment of a change
    Markdown,
}

/// `--fail-on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Anything that differs
    Any,
    /// The new policy allows, trusts or hands out more, or that could not be ruled out
    Wider,
    /// The new policy allows, trusts or hands out less, or that could not be ruled out
    Narrower,
    /// Something could not be told
    Undecided,
}

impl FailOn {
    /// Whether two policies differ so.
    fn is_met(self, comparison: &Comparison) -> bool {
        let beside = |effect: Effect| comparison.all_security().any(|(_, it)| it.effect == effect);
        match self {
            Self::Any => !comparison.is_empty(),
            Self::Wider => comparison.gained != Certainty::No || beside(Effect::Wider),
            Self::Narrower => comparison.lost != Certainty::No || beside(Effect::Narrower),
            Self::Undecided => comparison.groups.iter().any(|group| !group.undecided.is_empty()),
        }
    }

    /// Whether a request that became allowed, or denied, is such a difference.
    fn is_met_by(self, allowed: bool) -> bool {
        match self {
            Self::Any => true,
            Self::Wider => allowed,
            Self::Narrower => !allowed,
            Self::Undecided => false,
        }
    }
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

/// Whether anything differs that is looked for; nothing when a policy has errors, which are printed.
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
    let comparison = progress::during("Comparing", || compare(&old.policy, &new.policy, now))?;
    output::write_with(None, |out| match args.output {
        Format::Text => text::write(&comparison, now, out),
        Format::Json => differences::write(&comparison, out),
        Format::Markdown => markdown::write(&comparison, now, out),
    })?;
    Ok(Some(args.fail_on.iter().any(|what| what.is_met(&comparison))))
}

fn load(args: &Args, path: &PathBuf) -> anyhow::Result<Option<Compiled>> {
    let loaded: Loaded = args.gateway.load(std::slice::from_ref(path))?;
    if loaded.compiled.is_none() {
        loaded.print();
    }
    if let Some(deployed) = &loaded.deployed {
        output::tell(format_args!(
            "note: {} is {}: what is enforced, whatever flags say",
            plain(&path.display().to_string()),
            plain(deployed)
        ));
    }
    Ok(loaded.compiled)
}
