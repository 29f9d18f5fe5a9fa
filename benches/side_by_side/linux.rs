//! The run from start to end.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};

use super::certificates::Certificates;
use super::load::CONNECTIONS;
use super::machine::Machine;
use super::results::{Results, Settings, ratios, sizes};
use super::rounds::Setup;
use super::scenario::{Scenario, groups};
use super::targets::targets;
use super::tokens::Tokens;
use super::variant::module;
use super::{compiling, growth, markdown, plots, rounds};

/// What one request costs in calls, as the tests have it.
const HOST_CALLS: &str = include_str!("../../tests/tables/host_calls.yaml");

/// The filter beside Envoy's own filters
#[derive(Debug, Parser)]
struct Args {
    /// Show only that everything works: few and short rounds, results into a temporary folder
    #[arg(long)]
    quick: bool,
    /// Only this scenario, results into a temporary folder; repeatable
    #[arg(long = "scenario", value_name = "NAME")]
    scenarios: Vec<String>,
    /// Another module beside this filter in every scenario, such as that of an earlier commit;
    /// results into a temporary folder
    #[arg(long, value_name = "FILE")]
    beside: Option<PathBuf>,
    /// How often each variant is measured in each scenario; default: 12, or 2 with --quick
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    rounds: Option<u16>,
    /// For how long each time; default: 2, or 0.2 with --quick
    #[arg(long, value_name = "S")]
    seconds: Option<f64>,
    /// What `cargo bench` tells every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// Runs the benchmark.
pub fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let mut groups = chosen(groups(), &args.scenarios)?;
    if let Some(other) = &args.beside {
        ensure!(other.is_file(), "{}: there is no such module", other.display());
        let beside =
            |group: Vec<Scenario>| group.into_iter().map(Scenario::beside_other_module).collect();
        groups = groups.into_iter().map(beside).collect();
    }
    let settings = settings(&args)?;
    let module_bytes = std::fs::metadata(module())
        .with_context(|| format!("{}: run `make wasm`", module().display()))?
        .len();
    let machine = Machine::this()?;
    let [envoy_core, load_core] = machine.used_cores;

    let lanes: usize = groups.iter().flatten().map(|scenario| scenario.variants.len()).sum();
    let progress = ProgressBar::new(u64::try_from(lanes * settings.rounds)?);
    let style = "{bar:30} {pos}/{len} {elapsed} (about {eta} to go) {msg}";
    progress.set_style(ProgressStyle::with_template(style)?);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let compiling = match args.scenarios.is_empty() {
        true => {
            progress.set_message("compiling a large Gateway");
            Some(compiling::measure(target, settings.rounds)?)
        }
        false => None,
    };
    progress.set_message("signing tokens");
    let mut setup = Setup {
        envoy_core,
        load_core,
        tokens: Tokens::kept_in(&target.join("bench-tokens"))?,
        certificates: Certificates::new()?,
        other_module: args.beside.clone(),
    };
    let mut scenarios = Vec::new();
    for group in &groups {
        scenarios.extend(rounds::measure(group, &mut setup, &settings, &progress)?);
    }
    let growth = match args.scenarios.is_empty() {
        true => {
            progress.set_message("a million requests");
            Some(growth::measure(&mut setup, settings.growth_requests)?)
        }
        false => None,
    };
    progress.finish_and_clear();

    let results = Results {
        command: command(),
        ratios: ratios(targets(&groups), &scenarios),
        sizes: sizes(module_bytes, &scenarios),
        machine,
        settings,
        growth,
        compiling,
        host_calls: serde_saphyr::from_str(HOST_CALLS)?,
        scenarios,
    };
    let partial = args.quick || !args.scenarios.is_empty() || args.beside.is_some();
    let folder = match partial {
        true => target.join("side-by-side"),
        false => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/performance"),
    };
    write(&results, &folder)?;
    println!("{}", markdown::summary(&results));
    println!("Everything is in {}", folder.display());
    Ok(())
}

/// The groups with the scenarios that were asked for; all if none was.
fn chosen(groups: Vec<Vec<Scenario>>, names: &[String]) -> anyhow::Result<Vec<Vec<Scenario>>> {
    let known: Vec<&str> = groups.iter().flatten().map(|it| it.name.as_str()).collect();
    for name in names {
        let known = || known.join(", ");
        ensure!(
            known().split(", ").any(|it| it == name),
            "no scenario {name}; there are {}",
            known()
        );
    }
    let wanted = |scenario: &Scenario| names.is_empty() || names.contains(&scenario.name);
    let groups = groups.into_iter().map(|group| group.into_iter().filter(wanted).collect());
    Ok(groups.filter(|group: &Vec<Scenario>| !group.is_empty()).collect())
}

fn settings(args: &Args) -> anyhow::Result<Settings> {
    let (rounds, seconds, growth_requests) = match args.quick {
        true => (2, 0.2, [2_000, 10_000]),
        false => (12, 2.0, [100_000, 1_000_000]),
    };
    let seconds = args.seconds.unwrap_or(seconds);
    ensure!(seconds.is_finite() && seconds > 0.0, "--seconds {seconds}: it has to be more than 0");
    Ok(Settings {
        rounds: args.rounds.map_or(rounds, usize::from),
        seconds,
        // Connections are new in every round; an eighth lets them and the caches get warm.
        warm_up_seconds: seconds / 8.0,
        connections: CONNECTIONS,
        growth_requests,
    })
}

/// The command that leads to the same run.
fn command() -> String {
    let flags: Vec<String> = std::env::args().skip(1).filter(|flag| flag != "--bench").collect();
    match flags.is_empty() {
        true => "make bench".to_owned(),
        false => format!("make bench BENCH='{}'", flags.join(" ")),
    }
}

fn write(results: &Results, folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    file("results.json", &format!("{}\n", serde_json::to_string_pretty(results)?))?;
    let plots = plots::all(results)?;
    for plot in &plots {
        file(plot.file, &plot.svg)?;
    }
    file("README.md", &markdown::document(results, &plots)?)
}
