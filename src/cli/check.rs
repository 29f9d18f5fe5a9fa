//! `egress-auth check`: what is wrong with documents.

use std::path::PathBuf;
use std::process::ExitCode;

use super::envoy_args::MODULE;
use super::input::InputArgs;
use super::output::{self, Format};
use super::plain::plain_lines;
use super::{diagnostics, module, module_url};
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
    /// Fetch what gateways would get there, as they do, and fail unless it is the filter's module:
    /// an https, http, file or oci URL, as for `compile --to wasm-plugin`
    #[arg(long, value_name = "URL")]
    module_url: Option<String>,
    /// The module that is expected there; default: egress_auth.wasm in $EGRESS_AUTH_MODULES, else
    /// beside this program, else in dist/
    #[arg(long, value_name = "FILE", requires = "module_url")]
    wasm: Option<PathBuf>,
}

/// Runs the command: exit code 0 without errors, 1 with; warnings count where they are denied, and
/// a module that is not where it is looked for.
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
    let is_there = module_is_there(args);
    let failed = loaded.diagnostics.has_errors() || warned || !is_there;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Whether the module can be had where it is looked for; says so.
fn module_is_there(args: &Args) -> bool {
    let Some(url) = &args.module_url else { return true };
    let verified = module::find(args.wasm.as_deref(), MODULE)
        .and_then(|module| module_url::verify(url, &module));
    match verified {
        Ok(found) => {
            output::tell(found);
            true
        }
        Err(error) => {
            output::tell(format_args!("error: {}", plain_lines(&format!("{error:#}"))));
            false
        }
    }
}
