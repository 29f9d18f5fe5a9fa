//! The run from start to end.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::configuration::Configuration;
use super::plot;
use super::sample::{Sample, metrics};
use super::servers::{Issuer, Upstream};
use super::shared::envoy::Envoy;
use super::shared::gateway::{Shape, hostname, path};
use super::shared::load::{CONNECTIONS, Load, Until};
use super::shared::machine::Machine;
use super::shared::requests::Request;
use super::shared::signer::Algorithm;
use super::shared::tokens::{Tokens, subject};
use super::summary::Soak;
use super::traffic;

/// A full run, and the only one of which the documentation tells.
const FULL: u64 = 5_000_000;
/// Parts of a run: after each, Envoy is looked at.
const PARTS: u64 = 100;
/// In so many parts the policy changes, and in so many the key.
const UPDATE_EVERY: u64 = 5;
const ROTATE_EVERY: u64 = 10;
/// The issuer's keys, in turn.
const ALGORITHMS: [Algorithm; 2] = [Algorithm::Rs256, Algorithm::Es256];
/// How long a new key or policy may take: unknown keys are granted a fetch every 10 s at least.
const LIMIT: Duration = Duration::from_secs(60);

/// Millions of requests through one Envoy
#[derive(Debug, Parser)]
struct Args {
    /// Requests to send; fewer than 5,000,000 leave docs/soak alone
    #[arg(long, default_value_t = FULL, value_parser = clap::value_parser!(u64).range(PARTS..))]
    requests: u64,
    /// What `cargo bench` tells every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// Everything that a run needs.
struct Run {
    envoy: Envoy,
    issuer: Issuer,
    upstream: Upstream,
    configuration: Configuration,
    tokens: Tokens,
    requests: [Vec<Request>; 2],
    /// Which key signs.
    key: usize,
    /// Whether the longer policy is in force.
    longer: bool,
}

/// Runs it.
pub fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let machine = Machine::this()?;
    let [envoy_core, load_core] = machine.used_cores;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    let progress = ProgressBar::new(args.requests).with_style(ProgressStyle::with_template(
        "{bar:30} {human_pos}/{human_len} requests, {per_sec}, {eta} left: {msg}",
    )?);
    progress.set_message("signing tokens");
    let files = tempfile::tempdir()?;
    let mut run = Run::start(&target, files.path(), envoy_core)?;

    let began = Instant::now();
    let look =
        |run: &Run, requests| Sample::take(&run.envoy, requests, began.elapsed().as_secs_f64());
    let (mut samples, mut sent) = (vec![look(&run, 0)?], 0);
    let (mut updates, mut rotations, mut next) = (0, 0, 0);
    let mut early = None;
    for part in 0..PARTS {
        // What is left, over the parts that are left, so that the sum is exact.
        let count = (args.requests - sent) / (PARTS - part);
        let is_turn = |every: u64| part % every == every - 1;
        if is_turn(ROTATE_EVERY) {
            progress.set_message("rotating the key");
            run.rotate()?;
            rotations += 1;
        }
        progress.set_message("sending");
        let policy = is_turn(UPDATE_EVERY).then(|| run.next_policy()).transpose()?;
        let requests = run.requests.get(run.key).context("no requests")?;
        let load = Load { to: run.envoy.gateway(), requests, tls: None, core: load_core };
        let configuration = &run.configuration;
        let mut policy_file = policy;
        let measured = load.run(&mut next, Duration::ZERO, Until::Answered(count), || {
            // When it has begun, the policy changes under it.
            policy_file.take().map_or(Ok(()), |filter: Value| configuration.put(&filter))
        });
        let answered = measured.with_context(|| format!("Envoy said:\n{}", run.envoy.log()))?;
        if is_turn(UPDATE_EVERY) {
            run.until_in_force()?;
            updates += 1;
        }
        sent += answered.answered;
        progress.set_position(sent);
        samples.push(look(&run, sent)?);
        if part == 0 {
            early = Some(metrics(&run.envoy)?);
        }
    }
    progress.finish_and_clear();
    let arrived = run.upstream.arrived();
    ensure!(arrived.1 == 0, "{} requests arrived that should not have", arrived.1);
    // Two of five are good; more may arrive where their answer was not waited for.
    ensure!(arrived.0 >= sent * 2 / 5 - CONNECTIONS as u64, "only {} arrived", arrived.0);
    eventually("every request in the metrics", || {
        // Counts are handed over on a tick, those of a replaced policy as well.
        let all = metrics(&run.envoy)?;
        let requests = all.iter().filter(|(name, _)| name.starts_with("requests{"));
        Ok(requests.map(|(_, count)| count).sum::<u64>() >= sent)
    })?;
    let soak = Soak {
        command: match args.requests {
            FULL => "make soak".to_owned(),
            requests => format!("make soak REQUESTS={requests}"),
        },
        machine,
        requests: args.requests,
        updates,
        rotations,
        arrived,
        samples,
        metrics: [early.context("no part")?, metrics(&run.envoy)?],
    };
    let folder = match args.requests >= FULL {
        true => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/soak"),
        false => target.join("soak"),
    };
    write(&soak, &folder)?;
    println!("{}", soak.document("soak.svg")?);
    println!("Everything is in {}", folder.display());
    Ok(())
}

fn shape(key: usize, longer: bool) -> Shape {
    let algorithm = *ALGORITHMS.get(key).unwrap_or(&Algorithm::Rs256);
    // Both admit what the first rule admits.
    Shape { rules: if longer { 2 } else { 1 }, algorithm, ..Shape::PLAIN }
}

impl Run {
    fn start(target: &Path, files: &Path, envoy_core: usize) -> anyhow::Result<Self> {
        let mut tokens = Tokens::kept_in(&target.join("bench-tokens"))?;
        let requests = [
            traffic::requests(shape(0, false), &mut tokens)?,
            traffic::requests(shape(1, false), &mut tokens)?,
        ];
        let issuer = Issuer::start(tokens.jwks(shape(0, false).algorithm)?)?;
        let upstream = Upstream::start()?;
        let configuration = Configuration::new(files, issuer.address(), upstream.address());
        let bootstrap = configuration.bootstrap(shape(0, false))?;
        let envoy = Envoy::start(&bootstrap, envoy_core)?;
        let mut run = Self {
            envoy,
            issuer,
            upstream,
            configuration,
            tokens,
            requests,
            key: 0,
            longer: false,
        };
        run.until_known()?;
        Ok(run)
    }

    /// Publishes the other key beside the one in use, as issuers do, waits until Envoy knows it,
    /// and has it sign from now on.
    fn rotate(&mut self) -> anyhow::Result<()> {
        let documents = ALGORITHMS.map(|algorithm| self.tokens.jwks(algorithm));
        let mut keys = Vec::new();
        for document in documents {
            let document: Value = serde_json::from_str(&document?)?;
            keys.extend(
                document.get("keys").and_then(Value::as_array).cloned().unwrap_or_default(),
            );
        }
        self.issuer.publish(serde_json::json!({ "keys": keys }).to_string());
        self.key = 1 - self.key;
        self.until_known()?;
        // The old one goes with the next fetch.
        self.issuer.publish(self.tokens.jwks(shape(self.key, false).algorithm)?);
        Ok(())
    }

    /// Waits until a token of the key in use is let in.
    fn until_known(&mut self) -> anyhow::Result<()> {
        let token = self.tokens.valid(shape(self.key, false).algorithm, &subject(0), 1)?;
        let token = token.first().context("no token")?;
        let url = format!("http://{}{}", self.envoy.gateway(), path(0));
        let client = egress_auth::demo::server::client();
        eventually("the issuer's key", || {
            let request = client.get(&url).header("host", hostname(0));
            let answer = request.header("authorization", format!("Bearer {token}")).call();
            Ok(answer.is_ok_and(|answer| answer.status() == 200))
        })
    }

    /// The other policy, not in force yet.
    fn next_policy(&mut self) -> anyhow::Result<Value> {
        self.longer = !self.longer;
        self.configuration.next(shape(0, self.longer))
    }

    /// Waits until Envoy has taken over the policy that was put last.
    fn until_in_force(&self) -> anyhow::Result<()> {
        let version = self.configuration.version();
        eventually("the new policy", || {
            let dump = self.envoy.ask("config_dump?resource=ecds_filters")?;
            let dump: Value = serde_json::from_str(&dump)?;
            Ok(dump.pointer("/configs/0/version_info") == Some(&version.as_str().into()))
        })
    }
}

/// Looks until it is so, but not for ever.
fn eventually(what: &str, mut look: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let began = Instant::now();
    while !look()? {
        ensure!(began.elapsed() < LIMIT, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn write(soak: &Soak, folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    file("soak.json", &format!("{}\n", serde_json::to_string_pretty(soak)?))?;
    file("soak.svg", &plot::draw(&soak.samples)?)?;
    file("README.md", &soak.document("soak.svg")?)
}
