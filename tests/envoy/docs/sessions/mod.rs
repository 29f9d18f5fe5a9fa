//! Every command that the documentation shows is run, and prints what is shown.
//!
//! A document is one session, from top to bottom, in a folder of its own. A `console` block holds
//! commands after `$ ` with what they print; a line `...` there stands for any number of lines, and
//! `...` within a line for any text. A `sh` block holds commands that have to succeed. A `console`
//! block that begins without `$ ` is what the program that was started last goes on to print.
//! [`left_out`] lists the commands that are not run, each with the reason.
//!
//! The folder holds `gateway.yaml`: the last Gateway that the document shows before, or else the
//! README's. A block after "as `NAME`:" is saved under that name. The sessions of `docs/NAME.md`
//! find the files of `docs/NAME/`, and all find `dist/` and `envoy/` of the project.
//!
//! As sessions run side by side, beside whatever else runs on this machine, and not as root, this is
//! changed in the commands:
//!
//! | in the documentation | what is run |
//! |---|---|
//! | `egress-auth run`, `compile --to envoy` | with `--listen` and `--admin` on port 0 of loopback |
//! | 127.0.0.1:10000 and 127.0.0.1:9901 | where the gateway that was started last listens; in what it and others print the other way round |
//! | `envoy -c FILE` | told to write down its admin address, and not to share memory with other Envoys |
//! | /etc/envoy/egress_auth.wasm | `dist/egress_auth.wasm` of the project |
//! | `@sha256:...` | 64 digits, where a digest is left out |
//! | `make run` | what its recipe in the Makefile ends in, without the building before it |

mod left_out;
mod program;
mod shell;
mod steps;

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use self::left_out::{LEFT_OUT, LeftOut, recipe};
use self::program::Program;
use self::shell::Shell;
use self::steps::{Step, fits, steps};
use crate::docs::markdown::{Block, Document, root};

/// A folder, what a shell remembers in it, and what runs in another terminal.
struct Session {
    folder: tempfile::TempDir,
    shell: Shell,
    program: Option<Program>,
    commands: usize,
}

impl Session {
    fn of(document: &Document, gateway: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let bin = path.join(".bin");
        for new in [&bin, &path.join(".tmp"), &path.join("target/debug")] {
            std::fs::create_dir_all(new).unwrap();
        }
        let program = env!("CARGO_BIN_EXE_egress-auth");
        symlink(program, bin.join("egress-auth")).unwrap();
        symlink(program, path.join("target/debug/egress-auth")).unwrap();
        symlink(crate::support::envoy::path(), bin.join("envoy")).unwrap();
        for shared in ["dist", "envoy"] {
            symlink(root().join(shared), path.join(shared)).unwrap();
        }
        let own = root().join(document.path.with_extension(""));
        for entry in std::fs::read_dir(own).into_iter().flatten() {
            let file = entry.unwrap().path();
            std::fs::copy(&file, path.join(file.file_name().unwrap())).unwrap();
        }
        let shell = Shell::start(&mut shell_in(path));
        let session = Self { folder, shell, program: None, commands: 0 };
        session.save("gateway.yaml", gateway);
        session
    }

    /// Writes a file as editors do: whoever follows it never sees half of it.
    fn save(&self, name: &str, text: &str) {
        let new = self.folder.path().join(".new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, self.folder.path().join(name)).unwrap();
    }

    fn step(&mut self, step: &Step, place: &str) {
        match step {
            Step::GoesOn(shown) => {
                let program = self.program.as_mut();
                program.expect("nothing runs that could go on").prints(Some(shown), place);
            }
            Step::Command { text, shown } => {
                self.commands += 1;
                self.command(text, shown.as_deref(), place);
            }
        }
    }

    fn command(&mut self, command: &str, shown: Option<&[String]>, place: &str) {
        let command = adapt(command);
        let words: Vec<&str> = command.split_whitespace().collect();
        match words.as_slice() {
            ["egress-auth" | "target/debug/egress-auth", "run", ..] => {
                self.program = None;
                let mut program = Program::start(&mut shell_in(self.folder.path()), &command);
                program.prints(shown, place);
                self.program = Some(program);
            }
            ["envoy", "-c", ..] => {
                self.program = None;
                let admin = self.folder.path().join(".admin");
                let _ = std::fs::remove_file(&admin);
                let command =
                    format!("{command} --admin-address-path .admin --disable-hot-restart");
                let mut program = Program::start(&mut shell_in(self.folder.path()), &command);
                program.listens(&admin);
                self.program = Some(program);
            }
            _ => self.finish(&command, shown, place),
        }
    }

    /// Runs a command that ends.
    fn finish(&mut self, command: &str, shown: Option<&[String]>, place: &str) {
        let real = self.program.as_ref().map_or(command.to_owned(), |it| it.real(command));
        let (printed, code) = self.shell.run(&real);
        let printed = self.program.as_ref().map_or(printed.clone(), |it| it.documented(&printed));
        let lines: Vec<&str> = printed.lines().collect();
        match shown {
            None => assert_eq!(code, 0, "{place}: $ {command}\n{printed}"),
            Some(shown) => assert!(
                fits(shown, &lines),
                "{place}: $ {command}\n--- shown\n{}\n--- printed\n{printed}",
                shown.join("\n")
            ),
        }
    }
}

/// A shell in the folder of a session.
fn shell_in(folder: &Path) -> Command {
    let mut shell = Command::new("sh");
    shell
        .current_dir(folder)
        .env("PATH", format!("{}/.bin:{}", folder.display(), std::env::var("PATH").unwrap()))
        .env("HOME", folder)
        .env("XDG_STATE_HOME", folder)
        .env("TMPDIR", folder.join(".tmp"));
    shell
}

/// A command of the documentation as it can be run here; see the top of this file.
fn adapt(command: &str) -> String {
    if command == "make run" {
        let recipe = recipe("run");
        let last = recipe.trim_end().rsplit_once("exec ").expect("make run ends in a program").1;
        return adapt(&last.replace('\'', ""));
    }
    let mut command = command
        .replace(
            "/etc/envoy/egress_auth.wasm",
            &root().join("dist/egress_auth.wasm").display().to_string(),
        )
        .replace("@sha256:...", &format!("@sha256:{}", "0".repeat(64)));
    let listens = command.contains("egress-auth run ")
        || command.starts_with("egress-auth compile ") && command.contains("--to envoy");
    if listens {
        for (flag, port) in ["--listen", "--admin"].iter().zip(["10000", "9901"]) {
            let any = format!("{flag} 127.0.0.1:0");
            let before = command.clone();
            for host in ["127.0.0.1", "0.0.0.0"] {
                command = command.replace(&format!("{flag} {host}:{port}"), &any);
            }
            if command == before {
                command = format!("{command} {any}");
            }
        }
    }
    command
}

fn is_gateway(block: &Block) -> bool {
    block.language == "yaml" && block.text.starts_with("apiVersion: gateway.tsb.tetrate.io/v2")
}

/// Runs a document; returns how many commands were run.
fn run(document: &Document, gateway: &str, seen: &mut Vec<&'static LeftOut>) -> usize {
    let blocks = document.blocks();
    if blocks.iter().all(|block| steps(block).is_empty()) {
        return 0;
    }
    let mut session = Session::of(document, gateway);
    for block in blocks {
        if let Some(name) = &block.saved_as {
            session.save(name, &block.text);
        } else if is_gateway(&block) {
            session.save("gateway.yaml", &block.text);
        }
        for step in steps(&block) {
            let Step::Command { text, shown } = &step else {
                session.step(&step, &block.place);
                continue;
            };
            let Some(entry) = LeftOut::of(&document.path, text) else {
                session.step(&step, &block.place);
                continue;
            };
            seen.push(entry);
            assert!(
                shown.as_ref().is_none_or(|shown| entry.prints(shown)),
                "{}: nothing sees to it that `{text}` prints this",
                block.place
            );
            if let Some(part) = entry.runs(text) {
                assert!(shown.is_none(), "{}: what is left out has no output", block.place);
                let part = Step::Command { text: part.to_owned(), shown: None };
                session.step(&part, &block.place);
            }
        }
    }
    session.commands
}

#[test]
fn what_is_shown_is_what_is_printed() {
    let of_readme = Document::read("README.md").blocks().into_iter().find(is_gateway).unwrap();
    let mut seen = Vec::new();
    let mut commands = BTreeMap::new();
    for document in Document::all() {
        let run = run(&document, &of_readme.text, &mut seen);
        commands.insert(document.path, run);
    }
    for entry in LEFT_OUT {
        let known = seen.iter().any(|seen| std::ptr::eq(*seen, entry));
        assert!(known, "{}: no command `{}`; take it off the list", entry.document, entry.command);
    }
    for (document, least) in [
        ("README.md", 4),
        ("docs/migration.md", 8),
        ("docs/running.md", 5),
        ("docs/tutorial.md", 20),
    ] {
        assert!(commands[Path::new(document)] >= least, "{commands:?}");
    }
}

/// A block without a language may hold a command that nobody runs.
#[test]
fn every_block_says_what_it_is() {
    for document in Document::all() {
        for block in document.blocks() {
            let known =
                ["console", "sh", "yaml", "json", "text"].contains(&block.language.as_str());
            assert!(known, "{}: a block of `{}`", block.place, block.language);
            let commands = steps(&block).len();
            let runs = matches!(block.language.as_str(), "console" | "sh");
            assert!(!runs || commands > 0, "{}: no command", block.place);
            let looks_like_one = ["egress-auth ", "curl ", "make ", "kubectl ", "docker ", "$ "];
            let hides =
                block.text.lines().any(|line| looks_like_one.iter().any(|it| line.starts_with(it)));
            assert!(
                runs || !hides,
                "{}: a command in a block of `{}`",
                block.place,
                block.language
            );
        }
    }
}
