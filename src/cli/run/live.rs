//! The configuration in force: the files that Envoy follows, and replacing it.
//!
//! A change never takes a request down: clusters come before the routes that use them and go
//! after, every file is replaced whole, and Envoy's own word decides whether a change is in force.
//! If Envoy refuses any part, all parts go back to what they were.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::Insisted;
use super::admin::Admin;
use super::changes::changes;
use super::envoy::Envoy;
use crate::cli::diagnostics;
use crate::cli::input::InputArgs;
use crate::cli::output::tell;
use crate::cli::plain::{plain, plain_lines};
use crate::compile::Compiled;
use crate::emit::envoy::{
    self, CLUSTERS_FILE, FILTER_FILE, FILTER_NAME, Options, ROUTES_FILE, Resources,
};
use crate::engine::tried_out;
use crate::policy::{AccessLogFields, Policy};
use crate::resource::source::{Source, Sources};

/// How long Envoy may take to put a change in force.
const UPDATE_TIMEOUT: Duration = Duration::from_secs(20);
/// File name of the bootstrap.
const BOOTSTRAP_FILE: &str = "bootstrap.json";

/// One of the files that Envoy follows.
#[derive(Debug, Clone, Copy)]
struct Followed {
    file: &'static str,
    /// Prefix of Envoy's statistics about it.
    statistics: &'static str,
    type_url: &'static str,
}

const CLUSTERS: Followed = Followed {
    file: CLUSTERS_FILE,
    statistics: "cluster_manager.cds",
    type_url: "type.googleapis.com/envoy.config.cluster.v3.Cluster",
};
const ROUTES: Followed = Followed {
    file: ROUTES_FILE,
    statistics: "http.egress.rds.egress",
    type_url: "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
};
const FILTER: Followed = Followed {
    file: FILTER_FILE,
    statistics: "extension_config_discovery.http_filter.egress_auth",
    type_url: "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
};

/// The configuration in force.
#[derive(Debug)]
pub struct Live {
    folder: PathBuf,
    options: Options,
    compiled: Compiled,
    resources: Resources,
    /// The input that was looked at last, good or not.
    seen: Seen,
    /// Version of the file written last.
    version: u64,
}

/// What reading the input yielded.
#[derive(Debug, PartialEq)]
enum Seen {
    /// Every text with its name.
    Texts(Vec<(String, String)>),
    /// Why it could not be read.
    Unreadable(String),
}

/// What Envoy made of a change.
enum Outcome {
    InForce,
    Refused(String),
}

impl Live {
    /// Writes the bootstrap and the files it follows.
    ///
    /// # Errors
    /// When the Gateway cannot be turned into an Envoy configuration, or a file not written.
    pub fn prepare(
        mut compiled: Compiled,
        sources: Sources,
        options: Options,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        show_every_decision(&mut compiled);
        let dynamic = envoy::dynamic(&compiled, &options, folder)?;
        let mut live = Self {
            folder: folder.to_owned(),
            options,
            compiled,
            resources: dynamic.resources,
            seen: texts(&sources),
            version: 0,
        };
        live.write_json(BOOTSTRAP_FILE, &dynamic.bootstrap)?;
        let resources = live.resources.clone();
        live.write(CLUSTERS, resources.clusters)?;
        live.write(ROUTES, vec![resources.routes])?;
        live.write(FILTER, vec![resources.filter])?;
        Ok(live)
    }

    /// The bootstrap file.
    pub fn bootstrap(&self) -> PathBuf {
        self.folder.join(BOOTSTRAP_FILE)
    }

    /// The policy in force.
    pub fn policy(&self) -> &Policy {
        &self.compiled.policy
    }

    /// What the configuration was made with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Tells the user what of the policy in force is only tried out, if anything is.
    pub fn tell_tried_out(&self) {
        if let Some(what) = tried_out(self.policy()) {
            tell(format_args!("Only tried out, denies nothing: {what}"));
        }
    }

    /// Reads the input again. A good Gateway replaces the one in force; a bad one changes
    /// nothing. Either way the user hears about it, unless the input is what it was.
    ///
    /// # Errors
    /// When files of our own cannot be written.
    pub fn reload(
        &mut self,
        input: &InputArgs,
        insisted: &Insisted,
        admin: &Admin,
        envoy: &Envoy,
    ) -> anyhow::Result<()> {
        let loaded = match input.load_again() {
            Ok(loaded) => loaded,
            Err(error) => {
                // Once is enough: editors that replace a file make several changes of it.
                let seen = Seen::Unreadable(plain_lines(&format!("{error:#}")));
                if seen != self.seen {
                    tell(format_args!("error: {}", plain_lines(&format!("{error:#}"))));
                    tell("The old policy stays in force");
                }
                self.seen = seen;
                return Ok(());
            }
        };
        let seen = texts(&loaded.sources);
        if seen == self.seen {
            return Ok(());
        }
        self.seen = seen;
        let Some(mut compiled) = loaded.compiled else {
            diagnostics::print(&loaded.sources, &loaded.diagnostics);
            tell("The old policy stays in force");
            return Ok(());
        };
        match insisted.are_kept(&compiled, &loaded.sources, input) {
            Ok(true) => {}
            Ok(false) => {
                tell("The old policy stays in force");
                return Ok(());
            }
            Err(error) => {
                tell(format_args!("error: {}", plain_lines(&format!("{error:#}"))));
                tell("The old policy stays in force");
                return Ok(());
            }
        }
        show_every_decision(&mut compiled);
        let dynamic = match envoy::dynamic(&compiled, &self.options, &self.folder) {
            Ok(dynamic) => dynamic,
            Err(error) => {
                tell(format_args!("error: {error}"));
                tell("The old policy stays in force");
                return Ok(());
            }
        };
        let lines = changes(&self.compiled.policy, &compiled.policy);
        if dynamic.resources == self.resources {
            tell("Changed, but the policy is the same");
            self.compiled = compiled;
            return Ok(());
        }
        match self.replace(dynamic.resources, admin, envoy)? {
            Outcome::InForce => {
                self.compiled = compiled;
                tell("Changed; the new policy is in force:");
                for line in &lines {
                    tell(format_args!("  {}", plain(line)));
                }
                if lines.is_empty() {
                    tell("  ~ routing");
                }
                self.tell_tried_out();
            }
            Outcome::Refused(reason) => {
                tell(format_args!("error: Envoy refused the new configuration: {reason}"));
                tell("The old policy stays in force");
            }
        }
        Ok(())
    }

    fn replace(&mut self, new: Resources, admin: &Admin, envoy: &Envoy) -> anyhow::Result<Outcome> {
        let name = |cluster: &Value| cluster.get("name").cloned();
        // For a moment both: routes in force never lack their cluster.
        let leaving = self
            .resources
            .clusters
            .iter()
            .filter(|old| new.clusters.iter().all(|new| name(new) != name(old)));
        let both: Vec<_> = new.clusters.iter().chain(leaving).cloned().collect();
        let few = both.len() == new.clusters.len();
        let mut steps = vec![(CLUSTERS, both)];
        steps.push((ROUTES, vec![new.routes.clone()]));
        steps.push((FILTER, vec![new.filter.clone()]));
        if !few {
            steps.push((CLUSTERS, new.clusters.clone()));
        }
        for (followed, resources) in steps {
            if let Outcome::Refused(reason) = self.update(followed, resources, admin, envoy)? {
                let old = self.resources.clone();
                self.write(FILTER, vec![old.filter])?;
                self.write(ROUTES, vec![old.routes])?;
                self.write(CLUSTERS, old.clusters)?;
                return Ok(Outcome::Refused(reason));
            }
        }
        self.resources = new;
        Ok(Outcome::InForce)
    }

    /// Writes one file and waits for what Envoy makes of it.
    fn update(
        &mut self,
        followed: Followed,
        resources: Vec<Value>,
        admin: &Admin,
        envoy: &Envoy,
    ) -> anyhow::Result<Outcome> {
        let rejections = format!("{}.update_rejected", followed.statistics);
        let before = admin.updates().unwrap_or_default();
        let log = envoy.log_length();
        let version = self.write(followed, resources)?;
        let start = Instant::now();
        loop {
            let now = admin.updates().unwrap_or_default();
            if now.get(&format!("{}.version_text", followed.statistics)) == Some(&version) {
                return Ok(Outcome::InForce);
            }
            if !now.is_empty() && now.get(&rejections) != before.get(&rejections) {
                return Ok(Outcome::Refused(reason(&envoy.log_since(log))));
            }
            if start.elapsed() > UPDATE_TIMEOUT {
                return Ok(Outcome::Refused(format!(
                    "it did not take {} within {} seconds",
                    followed.file,
                    UPDATE_TIMEOUT.as_secs()
                )));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Writes a file that Envoy follows, and returns its version.
    fn write(&mut self, followed: Followed, resources: Vec<Value>) -> anyhow::Result<String> {
        self.version = self.version.saturating_add(1);
        let version = self.version.to_string();
        let resources: Vec<_> = resources
            .into_iter()
            .map(|resource| match followed.file {
                FILTER_FILE => json!({
                    "@type": followed.type_url,
                    "name": FILTER_NAME,
                    "typed_config": resource,
                }),
                _ => with_type(resource, followed.type_url),
            })
            .collect();
        let response = json!({"version_info": version, "resources": resources});
        self.write_json(followed.file, &response)?;
        Ok(version)
    }

    /// Replaces a file whole: Envoy reads it when it is moved into place.
    fn write_json(&self, name: &str, value: &Value) -> anyhow::Result<()> {
        let write = || {
            let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
            serde_json::to_writer(&mut file, value)?;
            file.flush()?;
            file.persist(self.folder.join(name)).map_err(|error| error.error)?;
            Ok::<_, std::io::Error>(())
        };
        write().with_context(|| format!("cannot write {name} in {}", self.folder.display()))
    }
}

fn with_type(mut resource: Value, type_url: &str) -> Value {
    if let Value::Object(fields) = &mut resource {
        fields.insert("@type".to_owned(), type_url.into());
    }
    resource
}

/// Decisions are shown from the access log, those to allow included.
fn show_every_decision(compiled: &mut Compiled) {
    compiled.policy.access_log_fields = AccessLogFields::All;
}

fn texts(sources: &Sources) -> Seen {
    let text = |source: &Source| (source.name.clone(), source.text.clone());
    Seen::Texts(sources.iter().map(|(_, source)| text(source)).collect())
}

/// Why Envoy refused an update, in its own words. What the filter says tells most.
fn reason(log: &str) -> String {
    let after = |mark: &str| {
        log.lines().find_map(|line| line.split_once(mark)).map(|(_, reason)| reason.to_owned())
    };
    after("configuration refused: ")
        .or_else(|| after("config update rejected: "))
        .unwrap_or_else(|| "it gave no reason".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_filter_says_is_preferred() {
        let log = "[x][error] wasm log egress_auth: configuration refused: policy field `a`\n\
                   [x][warning] Filesystem config update rejected: Unable to create Wasm plugin\n";
        assert_eq!(reason(log), "policy field `a`");
        let rest = log.lines().nth(1).unwrap();
        assert_eq!(reason(rest), "Unable to create Wasm plugin");
        assert_eq!(reason(""), "it gave no reason");
    }
}
