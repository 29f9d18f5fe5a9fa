//! Millions of requests of every kind through one Envoy, and whether anything is larger, lost or
//! wrong after them.
//!
//! `make soak` sends five million and writes `docs/soak/`; `make soak REQUESTS=100000` sends fewer
//! and only shows the result. Every single answer is compared with the right one, and the upstream
//! looks at what arrives. Keys rotate and policies change while requests are under way.
//!
//! | module | what lives there |
//! |---|---|
//! | `linux` | the run from start to end |
//! | `configuration` | Envoy's configuration, and the file by which its policy changes |
//! | `servers` | the issuer's key server, and the upstream |
//! | `traffic` | what is sent |
//! | `sample` | what is looked at between two parts of the run |
//! | `summary`, `plot` | the result for people |
//! | `shared` | load generator, tokens, Envoy's process: those of the side-by-side benchmark |
#![allow(clippy::arithmetic_side_effects, clippy::disallowed_methods, clippy::disallowed_macros)]

#[cfg(target_os = "linux")]
mod configuration;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod plot;
#[cfg(target_os = "linux")]
mod sample;
#[cfg(target_os = "linux")]
mod servers;
#[cfg(target_os = "linux")]
mod shared;
#[cfg(target_os = "linux")]
mod summary;
#[cfg(target_os = "linux")]
mod traffic;

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> anyhow::Result<()> {
    anyhow::bail!("this pins Envoy to a core and reads /proc: it needs Linux")
}
