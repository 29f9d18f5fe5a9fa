//! Servers as processes: started with their ports, and ended by their process groups.

use std::collections::BTreeMap;
use std::fs::{File, Permissions};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use super::policies::ROUTES;
use super::program::Program;
use super::settings::Setting;
use super::support::{eventually, program, within};

/// How long a server may take to start: the ten in one Java machine take a minute of a busy one.
const STARTS: Duration = Duration::from_secs(300);

/// Every server that runs, and the folders that they serve and write to.
pub struct Servers {
    /// The port of each setting.
    pub ports: BTreeMap<&'static str, u16>,
    running: Vec<Running>,
    _folder: tempfile::TempDir,
}

/// One process.
struct Running {
    what: &'static str,
    child: Child,
    log: PathBuf,
}

impl Servers {
    /// Starts the servers of these settings, and returns once all of them take connections.
    pub fn start(settings: &[&'static Setting]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // httpd runs as another user, and has to read what is here all the same.
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let files = folder.path().join("files");
        write_files(&files);
        write_hosts(&folder.path().join("hosts"));
        let held: Vec<_> = settings
            .iter()
            .map(|it| (it.name, TcpListener::bind("127.0.0.1:0").unwrap()))
            .collect();
        let ports: BTreeMap<_, _> = held
            .iter()
            .map(|(name, listener)| (*name, listener.local_addr().unwrap().port()))
            .collect();
        drop(held);
        let mut programs: Vec<Program> = settings
            .iter()
            .flat_map(|it| it.program.before().iter().copied().chain([it.program]))
            .collect();
        programs.sort();
        programs.dedup();
        let mut servers = Self { ports, running: Vec::new(), _folder: folder };
        for started in programs {
            let scratch = servers._folder.path().join(started.name());
            std::fs::create_dir_all(&scratch).unwrap();
            let place = Place { ports: &servers.ports, files: &files, scratch: &scratch };
            let running = start(started, &place);
            servers.running.push(running);
        }
        for (name, port) in servers.ports.clone() {
            let listens = within(STARTS, || {
                for one in &mut servers.running {
                    if let Some(status) = one.child.try_wait().unwrap() {
                        let log = std::fs::read_to_string(&one.log).unwrap_or_default();
                        panic!("{} ended, {status}:\n{log}", one.what);
                    }
                }
                TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).ok()
            });
            assert!(listens.is_some(), "{name} does not listen");
        }
        servers
    }

    /// A client of one server without a gateway.
    pub fn address(&self, setting: &str) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.ports[setting]))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let group = Pid::from_child(&self.child);
        let _ = kill_process_group(group, Signal::TERM);
        let ended = within(Duration::from_secs(3), || self.child.try_wait().unwrap());
        if ended.is_none() {
            let _ = kill_process_group(group, Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

/// What a program may use.
pub struct Place<'p> {
    ports: &'p BTreeMap<&'static str, u16>,
    files: &'p Path,
    /// A folder of its own.
    pub scratch: &'p Path,
}

impl Place<'_> {
    /// The port of a setting.
    pub fn port(&self, setting: &str) -> u16 {
        self.ports[setting]
    }

    /// A file that programs share.
    pub fn shared(&self, name: &str) -> PathBuf {
        self.scratch.parent().unwrap().join(name)
    }

    /// Lets every user write into the program's own folder.
    pub fn open_to_all(&self) {
        std::fs::set_permissions(self.scratch, Permissions::from_mode(0o777)).unwrap();
    }

    /// Puts a file of the servers into the program's own folder.
    pub fn copy(&self, file: &str) {
        let name = Path::new(file).file_name().unwrap();
        std::fs::copy(servers().join(file), self.scratch.join(name)).unwrap();
    }

    /// A configuration with all of this filled in. A line with `@ROUTE@` stands once for every
    /// folder that has a handler.
    pub fn configuration(&self, template: &str) -> PathBuf {
        let text = std::fs::read_to_string(servers().join(template)).unwrap();
        let mut out = String::new();
        for line in text.lines() {
            match line.contains("@ROUTE@") {
                true => ROUTES.iter().for_each(|it| out += &(line.replace("@ROUTE@", it) + "\n")),
                false => out += &format!("{line}\n"),
            }
        }
        for (name, port) in self.ports {
            out = out.replace(&format!("@PORT:{name}@"), &port.to_string());
        }
        out = out.replace("@FILES@", self.files.to_str().unwrap());
        out = out.replace("@SHARED@", self.shared("").to_str().unwrap().trim_end_matches('/'));
        out = out.replace("@SERVERS@", servers().to_str().unwrap());
        out = out.replace("@SCRATCH@", self.scratch.to_str().unwrap());
        let file = self.scratch.join(Path::new(template).file_name().unwrap());
        std::fs::write(&file, out).unwrap();
        file
    }
}

/// The folder of the programs and configurations.
pub fn servers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/zoo/servers")
}

/// Where `scripts/zoo.sh` installs what they need.
pub fn installed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/zoo")
}

fn start(what: Program, place: &Place) -> Running {
    let words = what.command(place);
    let log = place.scratch.join("log");
    let out = File::create(&log).unwrap();
    let ports: Vec<String> =
        place.ports.iter().map(|(name, port)| format!("{name}={port}")).collect();
    let mut command: Command = program();
    command
        .args(["exec-in-lockstep", "--parent", &std::process::id().to_string(), "--"])
        .args(&words)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("ZOO_PORTS", ports.join(" "))
        .env("ZOO_ROUTES", ROUTES.join(" "))
        .env("ZOO_FILES", place.files)
        .env("ZOO_SCRATCH", place.scratch)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(place.scratch)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(out.try_clone().unwrap())
        .stderr(out);
    let child = command.spawn().unwrap();
    if what == Program::Php {
        eventually("PHP's socket", || place.shared("php.sock").exists().then_some(()));
    }
    Running { what: what.name(), child, log }
}

/// Files that say which they are, below every folder that has a handler.
fn write_files(root: &Path) {
    for route in ROUTES {
        for file in ["index.html", "x", "y", "42", "a/x", "x.json", "secret", "public"] {
            let path = format!("{route}/{file}");
            let at = root.join(&path[1..]);
            std::fs::create_dir_all(at.parent().unwrap()).unwrap();
            std::fs::write(at, format!("file\n{path}\n")).unwrap();
        }
    }
}

/// A file for every virtual host that says which it is.
fn write_hosts(root: &Path) {
    for host in ["open.test", "closed.test", "default"] {
        std::fs::create_dir_all(root.join(host)).unwrap();
        std::fs::write(root.join(host).join("index.html"), format!("{host}\n/\n")).unwrap();
    }
}
