//! The results in words and tables: `README.md`, written whole from what was measured.

use std::fmt::Write as _;

use super::compiling::{self, Compiling};
use super::plots::Plot;
use super::results::{
    Calls, Growth, LaneResult, RatioResult, Results, ScenarioResult, Settings, SizeResult,
};
use super::statistics::Spread;
use super::targets::Measure;
use super::variant::Variant;
use super::verdict::Verdict;

/// The ratios alone, for the terminal.
pub fn summary(results: &Results) -> String {
    let mut text = String::new();
    ratios(&mut text, &results.ratios);
    text
}

/// The whole document.
pub fn document(results: &Results, plots: &[Plot]) -> anyhow::Result<String> {
    let mut text = String::from(
        "# Performance\n\nThis file and its plots are written by `make bench`; \
         [results.json](results.json) has every round. What is compared, in one run:\n\n",
    );
    for (variant, about) in [
        (Variant::None, "the same listener with nothing in the chain that decides"),
        (
            Variant::Native,
            "Envoy's own `jwt_authn` with a token cache, and `rbac`, both per virtual host: what \
             an expert would write (`compile --to envoy-native`)",
        ),
        (Variant::NativeUncached, "the same without the token cache, which Istio does not set"),
        (
            Variant::NativeLinear,
            "one `rbac` that holds the policies of all hosts, as Istio's output has it, with a \
             token cache (`compile --to envoy-native --linear`)",
        ),
        (Variant::Filter, "this filter (`compile --to envoy`)"),
    ] {
        writeln!(text, "- **{}**: {about}.", variant.name())?;
    }
    text.push_str(
        "\nEach configuration is compiled from the same Gateway document. Then, in all of them, the \
         access log is taken out, and Envoy answers allowed requests itself (`direct_response`): \
         what is measured is the filter chain, not an upstream. A ratio is therefore larger than \
         what users see, whose requests also travel on.\n",
    );
    machine(&mut text, results)?;
    text.push_str("\n## Ratios\n\n");
    ratios(&mut text, &results.ratios);
    text.push_str(
        "\nRatios are of requests a second unless they say otherwise: more than 1 means that the \
         first is faster. Each is the median over the rounds of the ratio within one round, with \
         its 95 % confidence interval (bootstrap over rounds). *Held* and *missed* mean that the \
         whole interval is on that side; *probably*, that only the median is.\n",
    );
    for plot in plots {
        writeln!(text, "\n![{}]({})\n\n{}.", plot.about, plot.file, plot.about)?;
    }
    text.push_str(
        "\n## Figures\n\nMedians, with the quartiles of the rounds in brackets. Latency is that of \
         a client that always has as many requests under way as it has connections: Envoy's core \
         is busy, and latency is mostly waiting. CPU is what Envoy spends on a request, all \
         threads.\n",
    );
    for scenario in &results.scenarios {
        figures(&mut text, scenario)?;
    }
    memory(&mut text, results)?;
    if let Some(compiling) = &results.compiling {
        large_gateway(&mut text, compiling)?;
    }
    host_calls(&mut text, results)?;
    Ok(text)
}

fn machine(text: &mut String, results: &Results) -> std::fmt::Result {
    let Settings { rounds, seconds, warm_up_seconds, connections, .. } = &results.settings;
    let machine = &results.machine;
    let [envoy, load] = machine.used_cores;
    writeln!(text, "\n| | |\n|---|---|")?;
    writeln!(text, "| command | `{}` |", results.command)?;
    writeln!(text, "| egress-auth | {} |", machine.version)?;
    writeln!(text, "| Envoy | {}, one worker, on core {envoy} |", machine.envoy)?;
    writeln!(
        text,
        "| load generator | on core {load}, {connections} connections, HTTP/1.1 keep-alive, one \
         request at a time on each |"
    )?;
    writeln!(
        text,
        "| rounds | {rounds} of {seconds} s after {warm_up_seconds} s of warm-up; all variants in \
         turns in every round, every other round backwards |"
    )?;
    writeln!(text, "| processor | {}, {} cores |", machine.processor, machine.cores)?;
    writeln!(text, "| memory | {} |", bytes(machine.memory))?;
    writeln!(text, "| kernel | {} |", machine.kernel)?;
    writeln!(text, "| load average before | {:.2} |", machine.load_before)
}

fn ratios(text: &mut String, ratios: &[RatioResult]) {
    text.push_str("| what | ratio | 95 % confidence | target | |\n|---|---:|---|---|---|\n");
    for it in ratios {
        let target = match (it.at_least, it.at_most) {
            (Some(bound), _) => format!("at least {bound:.2}"),
            (_, Some(bound)) => format!("at most {bound:.2}"),
            (None, None) => String::new(),
        };
        let verdict = match it.verdict {
            Some(Verdict::Held) => "held",
            Some(Verdict::ProbablyHeld) => "probably held",
            Some(Verdict::ProbablyMissed) => "probably missed",
            Some(Verdict::Missed) => "**missed**",
            None => "",
        };
        let what = match it.measure {
            Measure::Throughput => it.what.clone(),
            Measure::P99 => format!("{} (less is better)", it.what),
        };
        text.push_str(&format!(
            "| {what} | {:.2} | {:.2} to {:.2} | {target} | {verdict} |\n",
            it.ratio.value, it.ratio.low, it.ratio.high
        ));
    }
}

fn figures(text: &mut String, scenario: &ScenarioResult) -> std::fmt::Result {
    writeln!(text, "\n### {}\n\n{}.\n", scenario.name, sentence(&scenario.about))?;
    writeln!(
        text,
        "| variant | requests/s | p50 µs | p99 µs | CPU µs | Envoy's memory |\n\
         |---|---:|---:|---:|---:|---:|"
    )?;
    for lane in &scenario.lanes {
        let LaneResult { per_second, p50_us, p99_us, cpu_us, .. } = lane;
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} |",
            lane.variant.name(),
            within(*per_second, |value| thousands(value.round() as u64)),
            within(*p50_us, |value| thousands(value.round() as u64)),
            within(*p99_us, |value| thousands(value.round() as u64)),
            within(*cpu_us, |value| format!("{value:.1}")),
            bytes(lane.memory.resident),
        )?;
    }
    let busiest = scenario.lanes.iter().map(|lane| lane.generator_busy.median).fold(0.0, f64::max);
    if busiest > 0.95 {
        writeln!(
            text,
            "\nThe load generator used {:.0} % of its core here: the fastest of these may be \
             faster than it could ask. CPU does not suffer from that.",
            busiest * 100.0
        )?;
    }
    Ok(())
}

fn memory(text: &mut String, results: &Results) -> std::fmt::Result {
    writeln!(
        text,
        "\n## Size and memory\n\nA VM is the linear memory of one instance of the module; the main \
         thread has one and each worker has one.\n\n| what | size | target | |\n|---|---:|---|---|"
    )?;
    for SizeResult { what, bytes: size, at_most } in &results.sizes {
        let verdict = if size <= at_most { "held" } else { "**missed**" };
        writeln!(text, "| {what} | {} | at most {} | {verdict} |", bytes(*size), bytes(*at_most))?;
    }
    if let Some(Growth { responses: [some, many], memory: [before, after] }) = &results.growth {
        let vms = |vms: &[u64]| vms.iter().map(|vm| bytes(*vm)).collect::<Vec<_>>().join(", ");
        writeln!(
            text,
            "\nRequests of every kind, a quarter each: known token, unknown token, 403, 401.\n\n\
             | after | VMs | Envoy |\n|---:|---|---:|"
        )?;
        for (count, memory) in [(some, before), (many, after)] {
            let (vms, all) = (vms(&memory.vms), bytes(memory.resident));
            writeln!(text, "| {} requests | {vms} | {all} |", thousands(*count))?;
        }
    }
    Ok(())
}

fn large_gateway(text: &mut String, it: &Compiling) -> std::fmt::Result {
    let (seconds, peak) = compiling::AT_MOST;
    let verdict = |held| if held { "held" } else { "**missed**" };
    writeln!(
        text,
        "\n## Compiling\n\n`egress-auth compile` of {} hosts with {} rules each: {} of YAML to {} of \
         plugin configuration. Built as this benchmark is, without link-time optimization.\n\n\
         | what | | target | |\n|---|---:|---|---|",
        thousands(it.hosts as u64),
        it.rules,
        bytes(it.document),
        bytes(it.policy),
    )?;
    writeln!(
        text,
        "| time | {} s | at most {seconds} s | {} |",
        within(it.seconds, |value| format!("{value:.2}")),
        verdict(it.seconds.median <= seconds)
    )?;
    writeln!(
        text,
        "| memory at its most | {} | at most {} | {} |",
        bytes(it.peak),
        bytes(peak),
        verdict(it.peak <= peak)
    )
}

fn host_calls(text: &mut String, results: &Results) -> std::fmt::Result {
    writeln!(
        text,
        "\n## Calls between Envoy and the module\n\nFor one request, with info logs on, as \
         `tests/envoy/host_calls.rs` asserts them; `tests/tables/host_calls.yaml` names each.\n\n\
         | request | of the module to Envoy | callbacks of Envoy |\n|---|---:|---:|"
    )?;
    for (request, Calls { callbacks, calls }) in &results.host_calls {
        writeln!(text, "| {request} | {} | {} |", calls.len(), callbacks.len())?;
    }
    Ok(())
}

fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + characters.as_str()
}

/// `median (first quartile to third)`.
fn within(spread: Spread, show: impl Fn(f64) -> String) -> String {
    format!("{} ({} to {})", show(spread.median), show(spread.low), show(spread.high))
}

/// `1234567` as `1,234,567`.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn bytes(count: u64) -> String {
    match count {
        0..0x10_0000 => format!("{:.0} KiB", count as f64 / 1_024.0),
        0x10_0000..0x4000_0000 => format!("{:.1} MiB", count as f64 / 1_048_576.0),
        _ => format!("{:.1} GiB", count as f64 / 1_073_741_824.0),
    }
}
