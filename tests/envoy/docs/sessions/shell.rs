//! The shell of a session: variables and functions of one command are there for the next.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use crate::support::LIMIT;

/// Begins the line that is printed after every command.
const END: &str = "-- this was printed, and it ended with ";

/// A running shell. It is killed with its handle.
pub struct Shell {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Shell {
    /// Starts a shell that reads commands.
    pub fn start(shell: &mut Command) -> Self {
        let mut child = shell
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let lines = lines(&mut child);
        Self { child, input, lines }
    }

    /// Runs a command to its end: what it printed to both outputs, and its exit code.
    pub fn run(&mut self, command: &str) -> (String, i32) {
        writeln!(self.input, "{{ {command}\n}} </dev/null 2>&1; printf '\\n{END}%d\\n' $?")
            .unwrap();
        let mut printed: Vec<String> = Vec::new();
        loop {
            let line = self.lines.recv_timeout(LIMIT);
            let line =
                line.unwrap_or_else(|end| panic!("$ {command}\n{}\n({end})", printed.join("\n")));
            match line.strip_prefix(END) {
                Some(code) => return (printed.join("\n"), code.parse().unwrap()),
                None => printed.push(line),
            }
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines that a program prints, as they come.
pub fn lines(child: &mut Child) -> Receiver<String> {
    let (sender, lines) = channel();
    let output = BufReader::new(child.stdout.take().unwrap());
    std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}
