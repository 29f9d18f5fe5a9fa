//! The help of every command.

use std::fmt::Write as _;

/// As wide as the help is at most.
const WIDTH: usize = 100;

/// The whole page.
pub fn page() -> String {
    let whole = egress_auth::cli::command().term_width(WIDTH).disable_help_subcommand(true);
    let mut out = "# The commands\n\nWhat `egress-auth COMMAND --help` prints. What the flags do \
                   together is in [configuration.md](../configuration.md#commands-and-flags)."
        .to_owned();
    section(&mut out, "egress-auth", whole.clone());
    for command in whole.get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = format!("egress-auth {}", command.get_name());
        section(&mut out, &name, command.clone().term_width(WIDTH).bin_name(&name));
    }
    out.push('\n');
    out
}

fn section(out: &mut String, name: &str, mut command: clap::Command) {
    let help = command.render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    let help = help.join("\n");
    write!(out, "\n\n## {name}\n\n```text\n{}\n```", help.trim_end()).unwrap();
}
