//! `egress-auth compile`: a Gateway to a deployable output.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;

use super::envoy_args::EnvoyArgs;
use super::guarantees::{self, Subject};
use super::input::{InputArgs, Loaded, destination};
use super::istio_args::IstioArgs;
use super::queries::now;
use super::{output, rollout};
use crate::emit::envoy::native::Form;
use crate::emit::envoy::{self, EmitError, LogNames};
use crate::emit::istio;
use crate::policy::{AccessLogFields, Policy};
use crate::resource::diagnostic::{Diagnostic, Diagnostics};

/// Flags of `egress-auth compile`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,
    /// What to make
    #[arg(long, value_enum, value_name = "OUTPUT", default_value_t = Target::PluginConfig)]
    to: Target,
    /// Write to a file instead of standard output; - is standard output
    #[arg(short, long = "out", value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write nothing unless every guarantee of this file is proved
    #[arg(long, value_name = "FILE")]
    guarantees: Option<PathBuf>,
    /// Emit something strictly narrower where a native output cannot say exactly what the Gateway
    /// does, instead of an error
    #[arg(long)]
    allow_narrower: bool,
    /// With --to envoy-native, write one list of policies that name their hosts, as Istio's output
    /// looks inside Envoy
    #[arg(long)]
    linear: bool,
    /// Of which requests access logs get the fields of the decision; those of allowed ones cost about
    /// as much as judging the request
    #[arg(long, value_enum, value_name = "REQUESTS", default_value_t = FieldsArg::Denied)]
    access_log_fields: FieldsArg,
    /// What the access log of the Envoy outputs calls its fields
    #[arg(long, value_enum, value_name = "NAMES", default_value_t = NamesArg::Plain)]
    access_log_names: NamesArg,
    #[command(flatten)]
    envoy: EnvoyArgs,
    #[command(flatten)]
    istio: IstioArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Target {
    /// The JSON that the filter reads
    PluginConfig,
    /// A complete Envoy bootstrap
    Envoy,
    /// The same with Envoy's own filters instead of ours
    EnvoyNative,
    /// An Istio WasmPlugin with the filter, and what it needs
    WasmPlugin,
    /// Istio's own objects instead of the filter
    IstioNative,
}

/// `--access-log-fields`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FieldsArg {
    /// Those that are denied, or would be on a host that is only tried out
    Denied,
    /// Every request
    All,
}

impl From<FieldsArg> for AccessLogFields {
    fn from(fields: FieldsArg) -> Self {
        match fields {
            FieldsArg::Denied => Self::Denied,
            FieldsArg::All => Self::All,
        }
    }
}

/// `--access-log-names`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum NamesArg {
    /// Short ones
    Plain,
    /// Those of OpenTelemetry's semantic conventions
    #[value(name = "opentelemetry")]
    OpenTelemetry,
}

impl From<NamesArg> for LogNames {
    fn from(names: NamesArg) -> Self {
        match names {
            NamesArg::Plain => Self::Plain,
            NamesArg::OpenTelemetry => Self::OpenTelemetry,
        }
    }
}

/// What was made, ready to be written.
enum Made {
    Policy(Box<Policy>),
    Bootstrap(serde_json::Value),
    /// Objects of Kubernetes, as YAML.
    Objects(String),
}

/// A flag that would do nothing for the output that is asked for, and the outputs that it is for.
fn misplaced(args: &Args) -> Option<(&'static str, &'static str)> {
    let plugin = args.to == Target::WasmPlugin;
    let istio = plugin || args.to == Target::IstioNative;
    let envoy = matches!(args.to, Target::Envoy | Target::EnvoyNative);
    [
        (args.linear && args.to != Target::EnvoyNative, "--linear", "envoy-native"),
        (args.istio.module_url.is_some() && !plugin, "--module-url", "wasm-plugin"),
        (args.istio.extension_api.is_some() && !plugin, "--extension-api", "wasm-plugin"),
        (args.istio.image_pull_secret.is_some() && !plugin, "--image-pull-secret", "wasm-plugin"),
        (args.istio.in_force.is_some() && !plugin, "--in-force", "wasm-plugin"),
        (
            !args.istio.http2_hosts.is_empty() && !istio,
            "--http2-host",
            "wasm-plugin and istio-native",
        ),
        (
            args.istio.istio_version.is_some() && !istio,
            "--istio-version",
            "wasm-plugin and istio-native",
        ),
        (!args.envoy.tls_secrets.is_empty() && !envoy, "--tls-secret", "envoy and envoy-native"),
    ]
    .into_iter()
    .find_map(|(is_misplaced, flag, targets)| is_misplaced.then_some((flag, targets)))
}

/// Runs the command: exit code 0 when something was written, 1 when the documents have errors.
///
/// # Errors
/// When the input cannot be read, or the output cannot be written.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if let Some((flag, targets)) = misplaced(args) {
        let message = format!("{flag} goes with --to {targets} only\n");
        clap::Error::raw(clap::error::ErrorKind::ArgumentConflict, message).exit();
    }
    let inputs = args.input.paths.iter().chain(&args.guarantees);
    let out = destination(args.out.as_deref(), inputs);
    let mut loaded = args.input.load_gateway()?;
    if let Some(file) = &args.guarantees
        && !keeps(file, args, &loaded)?
    {
        return Ok(ExitCode::FAILURE);
    }
    if let Some(compiled) = &mut loaded.compiled {
        compiled.policy.access_log_fields = args.access_log_fields.into();
    }
    let made = match (loaded.compiled.take(), args.to) {
        (None, _) => None,
        (Some(compiled), Target::PluginConfig) => Some(Made::Policy(Box::new(compiled.policy))),
        (Some(compiled), Target::Envoy) => {
            loaded.diagnostics.extend(args.envoy.findings(&compiled));
            let log_names = args.access_log_names.into();
            let options = envoy::Options { log_names, ..args.envoy.options()? };
            match envoy::bootstrap(&compiled, &options) {
                Ok(bootstrap) => Some(Made::Bootstrap(bootstrap)),
                Err(error) => {
                    loaded.diagnostics.push(unsupported(&error));
                    None
                }
            }
        }
        (Some(compiled), Target::EnvoyNative) => {
            loaded.diagnostics.extend(args.envoy.findings(&compiled));
            let options = envoy::native::Options {
                form: if args.linear { Form::Linear } else { Form::PerHost },
                allow_narrower: args.allow_narrower,
            };
            let log_names = args.access_log_names.into();
            let envoy = envoy::Options { log_names, ..args.envoy.options_without_module()? };
            match envoy::native::bootstrap(&compiled, &envoy, options) {
                Ok(emitted) => {
                    loaded.diagnostics.append(emitted.findings);
                    emitted.bootstrap.map(Made::Bootstrap)
                }
                Err(error) => {
                    loaded.diagnostics.push(unsupported(&error));
                    None
                }
            }
        }
        (Some(compiled), Target::WasmPlugin) => {
            let options = args.istio.plugin_options(&args.envoy)?;
            let made =
                objects(istio::plugin::objects(&compiled, &options), &mut loaded.diagnostics)?;
            if let (Some(Made::Objects(yaml)), Some((file, explicit))) =
                (&made, in_force(args, out))
            {
                loaded.diagnostics.extend(rollout::findings(file, yaml, explicit)?);
            }
            made
        }
        (Some(compiled), Target::IstioNative) => {
            let options = istio::native::Options {
                version: args.istio.version(),
                allow_narrower: args.allow_narrower,
                http2_hosts: args.istio.http2_hosts.clone(),
            };
            objects(istio::native::objects(&compiled, &options), &mut loaded.diagnostics)?
        }
    };
    loaded.print();
    let Some(made) = made else { return Ok(ExitCode::FAILURE) };
    // A large input is not kept in memory while the output is written.
    drop(loaded);
    output::write_with(out, |out| {
        match made {
            Made::Objects(yaml) => return out.write_all(yaml.as_bytes()),
            Made::Policy(policy) => serde_json::to_writer_pretty(&mut *out, &policy)?,
            Made::Bootstrap(bootstrap) => serde_json::to_writer_pretty(&mut *out, &bootstrap)?,
        }
        out.write_all(b"\n")
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The file that says what is deployed, and whether it was named as such: else the one that is
/// written to, where it is there.
fn in_force<'a>(args: &'a Args, out: Option<&'a Path>) -> Option<(&'a Path, bool)> {
    let written_to = || out.filter(|out| out.is_file()).map(|out| (out, false));
    args.istio.in_force.as_deref().map(|file| (file, true)).or_else(written_to)
}

/// Whether the Gateway keeps the guarantees of a file; one that does not is told, with the reason.
/// A Gateway with errors is told later.
fn keeps(file: &Path, args: &Args, loaded: &Loaded) -> anyhow::Result<bool> {
    let Some(guarantees) = guarantees::read(file)? else { return Ok(false) };
    let Some(compiled) = &loaded.compiled else { return Ok(true) };
    let input = &args.input;
    let subject =
        Subject { compiled, sources: &loaded.sources, paths: &input.paths, args: &input.gateway };
    let kept = guarantees.are_kept(subject, now()?)?;
    if !kept {
        loaded.print();
        output::tell("error: nothing is written: not every guarantee is proved");
    }
    Ok(kept)
}

/// The objects as YAML; nothing when there are errors.
fn objects(emitted: istio::Emitted, diagnostics: &mut Diagnostics) -> anyhow::Result<Option<Made>> {
    let failed = emitted.findings.has_errors();
    diagnostics.append(emitted.findings);
    match failed {
        true => Ok(None),
        false => Ok(Some(Made::Objects(istio::to_yaml(&emitted.objects)?))),
    }
}

/// What an output cannot say, as an error about the document.
fn unsupported(error: &EmitError) -> Diagnostic {
    let diagnostic = Diagnostic::error(error.to_string());
    match error.origin() {
        Some(origin) => diagnostic.at(origin),
        None => diagnostic,
    }
}
