//! The command line, one file a command.
//!
//! | module | what lives there |
//! |---|---|
//! | [`input`] | flags by which commands read Gateways, and reading them |
//! | `deployed` | what is deployed, in place of Gateways |
//! | `discover` | asking issuers where their keys are |
//! | [`diagnostics`] | how diagnostics look |
//! | [`output`] | writing results |
//! | [`plain`] | text of others, made harmless |
//! | `secret` | keys and passwords that no error may quote |
//! | [`envoy_args`] | flags that every command with an Envoy output shares |
//! | `istio_args` | flags of the outputs for Istio |
//! | `module` | finding the modules that belong to the command |
//! | `module_url` | where gateways get the module, and whether it can be had there |
//! | `rollout` | what an output changes at once, beside what is deployed |
//! | `queries` | putting requests to the engine |
//! | `logged` | lines of files of requests |
//! | `cases` | the fields of a cases file |
//! | `differences` | what differs between two policies, for programs |
//! | `guarantees` | guarantees of a file, judged for a policy |
//! | `events` | what happens while a command runs: signals, changed files, requests |
//! | `progress` | what a user sees while something takes time |
//! | `examples` | the examples in every command's help |
//! | `check`, `compile`, `completions`, `demo`, `diff`, `explain`, `init`, `man`, `prove`, `report`, `run`, `schema`, `test`, `token` | the commands |
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
mod deployed;
pub mod diagnostics;
mod diff;
mod differences;
mod discover;
pub mod envoy_args;
mod events;
mod examples;
mod explain;
mod guarantees;
mod init;
pub mod input;
mod istio_args;
mod logged;
mod man;
mod module;
mod module_url;
pub mod output;
pub mod plain;
mod progress;
mod prove;
mod queries;
mod report;
mod rollout;
mod run;
mod schema;
mod secret;
mod test;
mod token;

/// Decides, inside the egress Envoy, which workload may call which external API.
#[derive(Debug, Parser)]
#[command(name = "egress-auth", version, max_term_width = 100, after_help = examples::PROGRAM)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Report errors and warnings in Gateway documents
    #[command(after_help = examples::CHECK)]
    Check(check::Args),
    /// Turn a Gateway into a deployable output
    #[command(after_help = examples::COMPILE)]
    Compile(compile::Args),
    /// Print completions for a shell
    #[command(after_help = examples::COMPLETIONS, arg_required_else_help = true)]
    Completions(completions::Args),
    /// Serve the demo issuer's keys and an echo upstream, beside an Envoy of yours
    #[command(after_help = examples::DEMO)]
    Demo(demo::Args),
    /// Say which requests another policy would allow or deny
    #[command(after_help = examples::DIFF)]
    Diff(diff::Args),
    /// Say how requests would be decided, and why
    #[command(after_help = examples::EXPLAIN)]
    Explain(explain::Args),
    /// Write a first policy, cases that say what has to hold, and a step for CI
    #[command(after_help = examples::INIT)]
    Init(init::Args),
    /// Write manual pages
    #[command(after_help = examples::MAN)]
    Man(man::Args),
    /// Prove that a policy keeps guarantees, over all requests, or show a request that breaks one
    #[command(after_help = examples::PROVE)]
    Prove(prove::Args),
    /// Write a page for a browser: who may reach what, and why
    #[command(after_help = examples::REPORT)]
    Report(report::Args),
    /// Run a local Envoy that enforces a Gateway, with a demo issuer and an echo upstream
    #[command(after_help = examples::RUN)]
    Run(run::Args),
    /// Become another program that ends with this one's parent
    #[command(name = run::exec::NAME, hide = true)]
    Exec(run::exec::Args),
    /// Print the JSON Schema of an input or output
    #[command(after_help = examples::SCHEMA, arg_required_else_help = true)]
    Schema(schema::Args),
    /// Check that a policy decides as its test cases say
    #[command(after_help = examples::TEST)]
    Test(test::Args),
    /// Sign a token with the demo issuer's key
    #[command(after_help = examples::TOKEN)]
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
        Command::Init(args) => init::run(&args),
        Command::Man(args) => man::run(&args, &command()),
        Command::Prove(args) => prove::run(&args),
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
