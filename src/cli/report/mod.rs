//! `egress-auth report`: a policy as one page for a browser, with the engine in it.
//!
//! | file | what lives there |
//! |---|---|
//! | `data` | what the page is given |
//! | `secrets` | what of a policy must not be in it |
//! | `page` | the page: scripts, styles, data and engine in one file without any request |
//! | `page.html` | scripts and styles, built from `web/` by `make report-page` |

mod data;
mod page;
mod secrets;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use super::guarantees::{self, Subject};
use super::input::{InputArgs, Loaded, destination};
use super::queries::now;
use super::{module, output, progress};
use crate::resource::input::read_file;

/// File name of the page's engine.
const MODULE: &str = "egress_auth_page.wasm";

/// Flags of `egress-auth report`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,
    /// The policy before, in the same form: the page also shows what differs
    #[arg(long, value_name = "PATH", num_args = 1..)]
    old: Vec<PathBuf>,
    /// A file with guarantees: the page also shows how each stands
    #[arg(long, value_name = "FILE")]
    guarantees: Option<PathBuf>,
    /// Write to a file instead of standard output; - is standard output
    #[arg(short, long = "out", value_name = "FILE")]
    out: Option<PathBuf>,
    /// The page's engine; default: egress_auth_page.wasm in $EGRESS_AUTH_MODULES, else beside this
    /// program, else in dist/
    #[arg(long, value_name = "FILE")]
    wasm: Option<PathBuf>,
}

/// Runs the command: exit code 0 when a page was written, 1 when the documents have errors.
///
/// # Errors
/// When the input or the engine cannot be read, or the page cannot be written.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if args.out.is_none() && std::io::stdout().is_terminal() {
        let message = "a page is for a browser: write it to a file with -o report.html\n";
        clap::Error::raw(clap::error::ErrorKind::ValueValidation, message).exit();
    }
    let inputs = args.input.paths.iter().chain(&args.old);
    let from_stdin = inputs.filter(|path| path.as_os_str() == "-").count();
    anyhow::ensure!(from_stdin <= 1, "only one input can be `-`");
    let inputs = args.input.paths.iter().chain(&args.old);
    let out = destination(args.out.as_deref(), inputs);
    let engine = engine(args)?;
    let guarantees = match &args.guarantees {
        None => None,
        Some(path) => match guarantees::read(path)? {
            None => return Ok(ExitCode::FAILURE),
            read => read,
        },
    };
    let mut loaded = args.input.load()?;
    loaded.print();
    loaded.note();
    let old = match args.old.as_slice() {
        [] => None,
        paths => {
            let old: Loaded = args.input.gateway.load(paths)?;
            if old.compiled.is_none() {
                old.print();
                return Ok(ExitCode::FAILURE);
            }
            old.compiled
        }
    };
    let Some(compiled) = &loaded.compiled else { return Ok(ExitCode::FAILURE) };
    let progress = progress::start("Making the page");
    let now = now()?;
    let guarantees = match &guarantees {
        None => None,
        Some(guarantees) => {
            let subject = Subject {
                compiled,
                sources: &loaded.sources,
                paths: &args.input.paths,
                args: &args.input.gateway,
            };
            let Some(judged) = guarantees.judge(subject, now)? else {
                return Ok(ExitCode::FAILURE);
            };
            Some(guarantees::json::report(&guarantees.file, &judged))
        }
    };
    let data = data::data(&loaded, compiled, old.as_ref(), guarantees, now)?;
    drop(progress);
    output::write_with(out, |out| page::write(&data, &engine, out))?;
    Ok(ExitCode::SUCCESS)
}

/// The module that decides in the page.
fn engine(args: &Args) -> anyhow::Result<Vec<u8>> {
    let path = module::find(args.wasm.as_deref(), MODULE)?;
    let bytes = read_file(&path)?;
    // WebAssembly core specification, section 5.5.16.
    anyhow::ensure!(
        bytes.starts_with(b"\0asm\x01\0\0\0"),
        "{} is not a WebAssembly module",
        path.display()
    );
    Ok(bytes)
}
