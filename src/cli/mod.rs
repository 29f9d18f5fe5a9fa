//! The command line, one file a command.
//!
//! | module | what lives there |
//! |---|---|
//! | [`input`] | flags by which commands read Gateways, and reading them |
//! | `discover` | asking issuers where their keys are |
//! | [`diagnostics`] | how diagnostics look |
//! | [`output`] | writing results |
//! | [`plain`] | text of others, made harmless |
//! | `secret` | keys and passwords that no error may quote |
//! | [`envoy_args`] | flags that every command with an Envoy output shares |
//! | `istio_args` | flags of the outputs for Istio |
//! | `module` | finding the modules that were built beside the command |
//! | `queries` | putting requests to the engine |
//! | `cases` | the fields of a cases file |
//! | `differences` | what differs between two policies, for programs |
//! | `events` | what happens while a command runs: signals, changed files, requests |
//! | `check`, `compile`, `completions`, `demo`, `diff`, `explain`, `man`, `report`, `run`, `schema`, `test`, `token` | the commands |
//!
//! No command calls another. A command parses nothing and decides nothing itself: it reads flags, calls the library and
//! prints. Exit codes: 0 done, 1 the input has errors or the command failed, 2 wrong usage; those
//! of `diff` are diff(1)'s.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

mod cases;
mod check;
mod compile;
mod completions;
mod demo;
pub mod diagnostics;
mod diff;
mod differences;
mod discover;
pub mod envoy_args;
mod events;
mod explain;
pub mod input;
mod istio_args;
mod man;
mod module;
pub mod output;
pub mod plain;
mod queries;
mod report;
mod run;
mod schema;
mod secret;
mod test;
mod token;

/// Decides, inside the egress Envoy, which workload may call which external API.
#[derive(Debug, Parser)]
#[command(name = "egress-auth", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Report errors and warnings in Gateway documents
    Check(check::Args),
    /// Turn a Gateway into a deployable output
    Compile(compile::Args),
    /// Print completions for a shell
    Completions(completions::Args),
    /// Serve the demo issuer's keys and an echo upstream, beside an Envoy of yours
    Demo(demo::Args),
    /// Say which requests another policy would allow or deny
    Diff(diff::Args),
    /// Say how requests would be decided, and why
    Explain(explain::Args),
    /// Write manual pages
    Man(man::Args),
    /// Write a page for a browser: who may reach what, and why
    Report(report::Args),
    /// Run a local Envoy that enforces a Gateway, with a demo issuer and an echo upstream
    Run(run::Args),
    /// Become another program that ends with this one's parent
    #[command(name = run::exec::NAME, hide = true)]
    Exec(run::exec::Args),
    /// Print the JSON Schema of an input or output
    Schema(schema::Args),
    /// Check that a policy decides as its test cases say
    Test(test::Args),
    /// Sign a token with the demo issuer's key
    Token(token::Args),
}

/// The table of commands and flags that parses the command line, and that completions, manual pages
/// and the reference are made from.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Parses the arguments and runs the command.
pub fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Check(args) => check::run(&args),
        Command::Compile(args) => compile::run(&args),
        Command::Completions(args) => completions::run(&args, &command()),
        Command::Demo(args) => demo::run(&args),
        Command::Diff(args) => Ok(diff::run(&args)),
        Command::Explain(args) => explain::run(&args),
        Command::Man(args) => man::run(&args, &command()),
        Command::Report(args) => report::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Exec(args) => run::exec::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Token(args) => token::run(&args),
    };
    match result {
        Ok(code) => code,
        Err(error) if output::is_unread(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::tell(format_args!("error: {}", plain::plain_lines(&format!("{error:#}"))));
            ExitCode::FAILURE
        }
    }
}
