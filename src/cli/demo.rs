//! `egress-auth demo`: the demo issuer and the echo upstream, beside an Envoy that somebody else
//! runs.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;

use super::envoy_args::address;
use super::events::{Event, Events};
use super::output;
use crate::demo::echo::Echo;
use crate::demo::issuer::Issuer;
use crate::demo::key::DemoKey;

/// How often it looks whether it should end.
const TICK: Duration = Duration::from_secs(1);

/// Flags of `egress-auth demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where the issuer serves its keys, at every path
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080", value_parser = address)]
    issuer: SocketAddr,
    /// Where the upstream answers with what arrived
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081", value_parser = address)]
    echo: SocketAddr,
}

/// Runs the command, until a signal.
///
/// # Errors
/// When the key cannot be read or made, or an address is taken.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let events = Events::start()?;
    let key = DemoKey::of_user()?;
    let taken = |flag: &str, address| {
        format!("cannot listen on {address}; choose another address with {flag}")
    };
    let issuer =
        Issuer::start_on(args.issuer, &key).with_context(|| taken("--issuer", args.issuer))?;
    let echo = Echo::start_on(args.echo).with_context(|| taken("--echo", args.echo))?;
    output::tell(format_args!(
        "Issuer on {}, upstream on {}; Ctrl-C stops",
        issuer.address(),
        echo.address()
    ));
    while !matches!(events.next(TICK), Some(Event::Stop)) {}
    Ok(ExitCode::SUCCESS)
}
