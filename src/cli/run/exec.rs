//! The hidden command through which Envoy is started, so that it never outlives us.
//!
//! On Linux a process can ask to be killed when its parent ends, however that ends, but only for
//! itself; Envoy does not ask. So we start ourselves, ask, and become Envoy: the request survives
//! exec(2). Elsewhere Envoy outlives a parent that is killed with SIGKILL.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use anyhow::Context as _;

/// Name of the hidden command.
pub const NAME: &str = "exec-in-lockstep";

/// Flags of the hidden command.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Process with which to end
    #[arg(long)]
    parent: u32,
    /// What to become
    #[arg(required = true, last = true)]
    command: Vec<OsString>,
}

/// Becomes the command, and so returns only on failure.
///
/// # Errors
/// When it cannot.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    #[cfg(target_os = "linux")]
    {
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        // The parent may have ended before the request was made.
        let parent = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
        if parent != i32::try_from(args.parent).ok() {
            return Ok(ExitCode::FAILURE);
        }
    }
    let (program, rest) = args.command.split_first().context("nothing to become")?;
    let error = Command::new(program).args(rest).exec();
    Err(error).with_context(|| format!("cannot start {}", program.display()))
}
