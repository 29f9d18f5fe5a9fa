//! What was found, as tables in Markdown: for people, and for `docs/bypasses.md`.

use std::fmt::Write as _;

use super::headers;
use super::hosts;
use super::ordinary::{Answers, Ordinary};
use super::paths::{self, KINDS};
use super::settings;
use super::support::tried::Tried;

/// All that was found.
pub struct Report {
    /// How the paths were chosen.
    pub seed: u64,
    /// Paths.
    pub paths: paths::Found,
    /// Ordinary paths, and what came of them.
    pub ordinary: (Ordinary, Answers),
    /// Headers.
    pub headers: headers::Found,
    /// Hosts.
    pub hosts: Vec<hosts::AtServer>,
}

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/bypasses.md");
/// Where the tables stand in it.
const BEGIN: &str = "<!-- the zoo's last long run -->\n";
const END: &str = "<!-- the end of it -->\n";

impl Report {
    /// What got through or was lost, and what the document does not say, to read.
    pub fn failures(&self) -> Vec<String> {
        let hosts = self.hosts.iter().flat_map(|at| &at.failures);
        let all = self.paths.failures.iter().chain(&self.ordinary.1.failures);
        let all = all.chain(&self.headers.failures).chain(hosts).cloned();
        let lost = self.rows().into_iter().filter(|row| row.lost > 0);
        let lost = lost.map(|row| format!("{}: {} without an answer", row.what, row.lost));
        let document = std::fs::read_to_string(DOCUMENT).unwrap();
        let settings = self.paths.servers.iter().map(|(setting, _)| setting.what);
        let settings = settings.chain(self.hosts.iter().map(|at| at.setting.what));
        let unsaid = settings.filter(|what| !document.contains(&format!("\n| {what} |")));
        let unsaid = unsaid.map(|what| format!("{DOCUMENT} has no row for {what}: BLESS=1"));
        all.chain(lost).chain(unsaid).collect()
    }

    /// The rows of `make security`.
    pub fn rows(&self) -> Vec<Tried> {
        let sum = |of: &dyn Fn(&paths::AtServer) -> usize| -> usize {
            self.paths.servers.iter().map(|(_, at)| of(at)).sum()
        };
        let what =
            format!("zoo, paths let through, judged by {} servers", self.paths.servers.len());
        let paths = Tried::new(what, sum(&|at| at.judged), sum(&|at| at.wrong));
        let unfiltered = format!(
            "{} of {} that are refused get through without the filter",
            sum(&|at| at.unfiltered_wrong),
            sum(&|at| at.unfiltered)
        );
        let (_, answers) = &self.ordinary;
        let ordinary = Tried::new("zoo, ordinary paths", answers.admitted + answers.refused, 0);
        let remark = format!("{} refused, each by the word of a server", answers.refused);
        let headers = &self.headers.servers;
        let what = format!("zoo, headers, judged by {} servers", headers.len());
        let wrong = headers.iter().map(|at| at.wrong).sum();
        let header_row = Tried::new(what, headers.iter().map(|at| at.judged).sum(), wrong);
        let what = format!("zoo, hosts let through, judged by {} servers", self.hosts.len());
        let wrong = self.hosts.iter().map(|at| at.wrong).sum();
        let host_row = Tried::new(what, self.hosts.iter().map(|at| at.judged).sum(), wrong);
        vec![
            Tried { lost: sum(&|at| at.lost), remark: unfiltered, ..paths },
            Tried { denied: answers.failures.len(), remark, ..ordinary },
            Tried {
                denied: headers.iter().map(|at| at.missing).sum(),
                lost: headers.iter().map(|at| at.lost).sum(),
                ..header_row
            },
            Tried { lost: self.hosts.iter().map(|at| at.lost).sum(), ..host_row },
        ]
    }

    /// The tables.
    pub fn tables(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).unwrap();
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let tried: usize = self.paths.policies.iter().map(|under| under.tried).sum();
        let special: usize = self.paths.policies.iter().map(|under| under.special).sum();
        writeln!(
            out,
            "{tried} paths (seed {}), of which {special} with special bytes were let through.\n",
            self.seed
        )?;
        writeln!(out, "| policy | tried | let through | with special bytes |\n|---|---|---|---|")?;
        for under in &self.paths.policies {
            let share = 100.0 * under.let_through as f64 / under.tried.max(1) as f64;
            let paths::UnderPolicy { tried, let_through, special, .. } = under;
            let patterns = code(&under.paths);
            writeln!(out, "| {patterns} | {tried} | {let_through} ({share:.0} %) | {special} |")?;
        }
        writeln!(out, "\n| let through with | paths |\n|---|---|")?;
        for (kind, count) in &self.paths.kinds {
            writeln!(out, "| {kind} | {count} |")?;
        }
        let kinds = KINDS.join(" | ");
        writeln!(
            out,
            "\n| server | judged | served | got through | without the filter | {kinds} |\n\
             |---|---|---|---|---|{}",
            "---|".repeat(KINDS.len())
        )?;
        for (setting, at) in &self.paths.servers {
            let paths::AtServer { judged, served, wrong, unfiltered, unfiltered_wrong, .. } = at;
            write!(
                out,
                "| {} | {judged} | {served} | {wrong} | {unfiltered_wrong} of {unfiltered} |",
                setting.what
            )?;
            for kind in KINDS {
                let count = at.unfiltered_kinds.get(kind).copied().unwrap_or_default();
                write!(out, " {count} |")?;
            }
            writeln!(out)?;
        }
        writeln!(
            out,
            "\n| ordinary path that gets 400 | under | since it is | to | what admits it |\n\
             |---|---|---|---|---|"
        )?;
        for (_, policy, path, server, reads, instead) in self.ordinary.0.refused() {
            let (policy, instead) = (code(policy), code(instead));
            let server = settings::by_name(server).what;
            writeln!(out, "| `{path}` | {policy} | `{reads}` | {server} | {instead} |")?;
        }
        writeln!(
            out,
            "\n| server | requests judged | refused before it | forged or token found | verified \
             missed | never shown |\n|---|---|---|---|---|---|"
        )?;
        for at in &self.headers.servers {
            let headers::AtServer { setting, judged, refused, wrong, missing, hidden, .. } = at;
            let hidden = code(hidden);
            let what = setting.what;
            writeln!(out, "| {what} | {judged} | {refused} | {wrong} | {missing} | {hidden} |")?;
        }
        writeln!(out, "\n| server | requests let through | for `closed.test` |\n|---|---|---|")?;
        for at in &self.hosts {
            writeln!(out, "| {} | {} | {} |", at.setting.what, at.judged, at.wrong)?;
        }
        Ok(())
    }

    /// Puts the tables into the document.
    pub fn bless(&self) {
        let text = std::fs::read_to_string(DOCUMENT).unwrap();
        let (before, rest) = text.split_once(BEGIN).unwrap();
        let (_, after) = rest.split_once(END).unwrap();
        let text = format!("{before}{BEGIN}\n{}\n{END}{after}", self.tables());
        std::fs::write(DOCUMENT, text).unwrap();
    }
}

fn code(words: &[impl AsRef<str>]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{}`", word.as_ref())).collect();
    words.join(", ")
}
