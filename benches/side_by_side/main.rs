//! The filter beside Envoy's own `jwt_authn` and `rbac`, on a real Envoy, in one run.
//!
//! `make bench` runs everything and rewrites `docs/performance/`; `make bench BENCH=--quick` only
//! shows that it all works. Every configuration comes out of `egress-auth compile` for the same
//! Gateway document; what is then changed, alike for all, is in [`variant`].
//!
//! | module | what lives there |
//! |---|---|
//! | `linux` | the run from start to end |
//! | `scenario` | what is sent to which Gateway, and who is compared |
//! | `gateway` | the Gateway documents |
//! | `variant` | what stands in the filter chain |
//! | `envoy` | the Envoy process, what it costs and holds in memory |
//! | `signer`, `tokens` | keys, and tokens by the ten thousand |
//! | `certificates` | mTLS |
//! | `requests` | the requests, ready to be written |
//! | `load`, `connection` | the load generator |
//! | `rounds` | measures all lanes in turns, again and again |
//! | `compiling` | what it costs to compile a large Gateway |
//! | `growth` | a million requests, and what is larger after them |
//! | `statistics` | medians, spread, ratios with their confidence |
//! | `targets`, `verdict` | what has to hold, and whether it does |
//! | `results` | everything that was found, as JSON |
//! | `machine` | where it was found |
//! | `markdown`, `plots` | the same for people |
//!
//! One worker on one core, the load generator on another: on a machine that does something else,
//! the figures mean nothing.
#![allow(clippy::arithmetic_side_effects, clippy::disallowed_methods, clippy::disallowed_macros)]

#[cfg(target_os = "linux")]
mod certificates;
#[cfg(target_os = "linux")]
mod compiling;
#[cfg(target_os = "linux")]
mod connection;
#[cfg(target_os = "linux")]
mod envoy;
#[cfg(target_os = "linux")]
mod gateway;
#[cfg(target_os = "linux")]
mod growth;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod load;
#[cfg(target_os = "linux")]
mod machine;
#[cfg(target_os = "linux")]
mod markdown;
#[cfg(target_os = "linux")]
mod plots;
#[cfg(target_os = "linux")]
mod requests;
#[cfg(target_os = "linux")]
mod results;
#[cfg(target_os = "linux")]
mod rounds;
#[cfg(target_os = "linux")]
mod scenario;
#[cfg(target_os = "linux")]
mod signer;
#[cfg(target_os = "linux")]
mod statistics;
#[cfg(target_os = "linux")]
mod targets;
#[cfg(target_os = "linux")]
mod tokens;
#[cfg(target_os = "linux")]
mod variant;
#[cfg(target_os = "linux")]
mod verdict;

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> anyhow::Result<()> {
    anyhow::bail!("this benchmark pins Envoy to a core and reads /proc: it needs Linux")
}
