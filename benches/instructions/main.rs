//! How many instructions the engine takes, counted by Valgrind's Callgrind: the same on a busy
//! machine as on an idle one, so a regression shows where times would not.
//!
//! `make bench-engine` prints each count beside `benches/baseline.json` and how far it is from
//! it; `make bench-engine BENCH=--save` makes the counts the new baseline.
//!
//! Valgrind is called directly. The crates that do it (gungraun, formerly iai-callgrind) need a
//! runner program of the very same version to be compiled and installed beside them, and keep
//! their baselines in files of Callgrind's that say nothing to readers of a change.
//!
//! Native code is counted, not WebAssembly: what V8 makes of the module differs by a factor that
//! hardly depends on what the code does.
#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::disallowed_macros
)]

mod cases;
mod policy;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use clap::Parser;

/// What the counts are compared with: case to instructions.
const BASELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/baseline.json");

/// Instructions that the engine takes
#[derive(Debug, Parser)]
struct Args {
    /// Make the counts the new baseline
    #[arg(long)]
    save: bool,
    /// Run one case and count nothing: what Valgrind looks at
    #[arg(long, hide = true)]
    case: Option<String>,
    /// What `cargo bench` tells every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if let Some(name) = args.case {
        let case = cases::ALL.iter().find(|case| case.name == name).context("no such case")?;
        (case.run)(case.repeat);
        return Ok(());
    }
    let baseline: BTreeMap<String, u64> = match std::fs::read_to_string(BASELINE) {
        Ok(text) => serde_json::from_str(&text).context(BASELINE)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
        Err(error) => return Err(error).context(BASELINE),
    };
    let mut counts = BTreeMap::new();
    println!("| case | instructions | baseline | change |\n|---|---:|---:|---:|");
    for case in cases::ALL {
        let count = count(case)?;
        let (before, change) = match baseline.get(case.name) {
            Some(before) => {
                let change = (count as f64 / *before as f64 - 1.0) * 100.0;
                (before.to_string(), format!("{change:+.1} %"))
            }
            None => ("none".to_owned(), String::new()),
        };
        println!("| {} | {count} | {before} | {change} |", case.name);
        counts.insert(case.name, count);
    }
    if args.save {
        let text = serde_json::to_string_pretty(&counts)?;
        std::fs::write(BASELINE, text + "\n").context(BASELINE)?;
    }
    Ok(())
}

/// Instructions of one repetition of a case.
fn count(case: &cases::Case) -> anyhow::Result<u64> {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("callgrind.out");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--toggle-collect=*cases::measured*"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe()?)
        .args(["--case", case.name])
        .stdin(Stdio::null())
        .output()
        .context("cannot run valgrind; is it installed?")?;
    if !output.status.success() {
        bail!("{} failed:\n{}", case.name, String::from_utf8_lossy(&output.stderr));
    }
    let total = total(&out)?;
    ensure!(total > 0, "{}: Callgrind saw nothing; was the program stripped?", case.name);
    Ok(total / case.repeat)
}

/// The sum that Callgrind writes at the end (its manual, section "Callgrind Format
/// Specification").
fn total(file: &Path) -> anyhow::Result<u64> {
    let text = std::fs::read_to_string(file)?;
    let totals = text.lines().rev().find_map(|line| line.strip_prefix("totals: "));
    Ok(totals.context("Callgrind wrote no totals")?.trim().parse()?)
}
