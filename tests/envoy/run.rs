//! `egress-auth run` from start to end, with a real Envoy.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use egress_auth::demo::issuer::Issuer;
use egress_auth::demo::key::DemoKey;
use egress_auth::demo::server::client;

use crate::support::eventually;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/envoy/examples/payments.yaml");
const PAYMENTS: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/envoy/examples/payments.yaml"));
const ISSUER: &str = "https://auth.example.com";
const PAYMENTS_SERVICE: &str = "payments-service@example.com";
const PAYMENT_API: &str = "api.payment-provider.com";
/// Long enough for a busy machine; nothing waits this long when it works.
const LIMIT: Duration = Duration::from_secs(90);

/// A running `egress-auth run`. It is killed with its handle.
struct Run {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
    gateway: SocketAddr,
    admin: SocketAddr,
    folder: tempfile::TempDir,
}

impl Run {
    /// Starts with the payments example and waits until everything was shown.
    fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more flags.
    fn start_with(flags: &[&str]) -> Self {
        let folder = folder();
        let file = folder.path().join("gateway.yaml");
        std::fs::write(&file, PAYMENTS).unwrap();
        let mut child = command(folder.path())
            .arg("run")
            .arg(&file)
            .args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = lines(child.stdout.take().unwrap());
        let stderr = lines(child.stderr.take().unwrap());
        let unknown: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let mut run = Self { child, stdout, stderr, gateway: unknown, admin: unknown, folder };
        let line = run.told("Gateway on ");
        let addresses: Vec<SocketAddr> =
            line.split([' ', ',']).filter_map(|word| word.parse().ok()).collect();
        (run.gateway, run.admin) = (addresses[0], addresses[1]);
        run.told("Watching for changes");
        run
    }

    /// Waits for a line on standard error that begins like this.
    fn told(&self, start: &str) -> String {
        let mut before = Vec::new();
        let began = Instant::now();
        while began.elapsed() < LIMIT {
            match self.stderr.recv_timeout(LIMIT) {
                Ok(line) if line.starts_with(start) => return line,
                Ok(line) => before.push(line),
                Err(_) => break,
            }
        }
        panic!("never said {start:?}, but:\n{}", before.join("\n"));
    }

    /// Replaces the input, as editors do.
    fn edit(&self, text: &str) {
        let new = self.folder.path().join("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, self.folder.path().join("gateway.yaml")).unwrap();
    }

    /// A token of the payments service.
    fn token(&self) -> String {
        let token = command(self.folder.path())
            .args(["token", "--issuer", ISSUER, "--subject", PAYMENTS_SERVICE])
            .output()
            .unwrap();
        String::from_utf8(token.stdout).unwrap()
    }

    /// Status of a GET with a token of the payments service.
    fn get(&self, host: &str, path: &str) -> u16 {
        let token = self.token();
        let request = client()
            .get(format!("http://{}{path}", self.gateway))
            .header("host", host)
            .header("authorization", format!("Bearer {}", token.trim()));
        request.call().unwrap().status().as_u16()
    }

    fn signal(&self, signal: &str) {
        let command = format!("kill -{signal} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success());
    }

    fn ended(&mut self) -> ExitStatus {
        let began = Instant::now();
        while began.elapsed() < LIMIT {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("still runs");
    }

    /// Waits until nothing listens on the gateway's port.
    fn gateway_is_gone(&self) -> bool {
        let began = Instant::now();
        while began.elapsed() < LIMIT {
            if TcpStream::connect(self.gateway).is_err() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// Temporary files that are still there.
    fn left_behind(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder.path().join("tmp")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("tmp")).unwrap();
    folder
}

/// The program, with state and temporary files in a folder of the test.
fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_egress-auth"));
    command.env("XDG_STATE_HOME", folder.join("state")).env("TMPDIR", folder.join("tmp"));
    command
}

fn lines(output: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

#[test]
fn shows_what_the_gateway_does_and_follows_the_file() {
    let mut run = Run::start();

    let mut shown = Vec::new();
    while let Ok(line) = run.stdout.recv_timeout(Duration::from_millis(500)) {
        shown.push(line);
    }
    let shown = shown.join("\n");
    assert!(!shown.contains("UNEXPECTED"), "{shown}");
    let way_in = "GET api.payment-provider.com/v1/payments/42";
    let with_payload = "yes, with x-jwt-payload ";
    for cells in [
        [way_in, " none ", " 401 ", " missing_token ", " no "],
        [way_in, " not a token ", " 401 ", " malformed_token ", " no "],
        [way_in, " valid, of someone-else ", " 403 ", " no_rule_matched ", " no "],
        [way_in, PAYMENTS_SERVICE, " 200 ", " allowed ", with_payload],
        ["DELETE api.", PAYMENTS_SERVICE, " 403 ", " no_rule_matched ", " no "],
        ["com/not-in-any-rule", PAYMENTS_SERVICE, " 403 ", " no_rule_matched ", " no "],
        ["GET httpbin.org/", " none ", " 401 ", " missing_token ", " no "],
        ["GET httpbin.org/", " valid, of demo ", " 200 ", " allowed ", with_payload],
    ] {
        let found = shown.lines().any(|line| cells.iter().all(|cell| line.contains(cell)));
        assert!(found, "{cells:?} is not in\n{shown}");
    }
    assert!(shown.contains("curl -i"), "{shown}");

    assert_eq!(run.get(PAYMENT_API, "/v1/payments/1"), 200);
    assert_eq!(run.get(PAYMENT_API, "/v2/refunds"), 403);

    let other = PAYMENTS.replace("/v1/payments/*", "/v2/*");
    assert_ne!(other, PAYMENTS);
    run.edit(&other);
    run.told("Changed; the new policy is in force");
    run.told("  ~ server payment-api: authorization changed");
    assert_eq!(run.get(PAYMENT_API, "/v1/payments/1"), 403);
    assert_eq!(run.get(PAYMENT_API, "/v2/refunds"), 200);

    run.edit(&other.replace("authorization:", "authorisation:"));
    run.told("error: ");
    run.told("The old policy stays in force");
    assert_eq!(run.get(PAYMENT_API, "/v1/payments/1"), 403);
    assert_eq!(run.get(PAYMENT_API, "/v2/refunds"), 200);

    run.edit(&PAYMENTS.replace("httpbin.org", "httpbun.test"));
    run.told("Changed; the new policy is in force");
    assert_eq!(run.get("httpbun.test", "/"), 200);
    assert_eq!(run.get("httpbin.org", "/"), 403);

    let shadow = format!("  annotations:\n    egress-auth/shadow: {PAYMENT_API}\n");
    run.edit(&PAYMENTS.replace("  annotations:\n", &shadow));
    run.told("Changed; the new policy is in force");
    let told = run.told("Only tried out, denies nothing: ");
    assert!(told.ends_with("authorization of payment-api (api.payment-provider.com)"), "{told}");
    assert_eq!(run.get(PAYMENT_API, "/v2/refunds"), 200);

    run.signal("TERM");
    assert_eq!(run.ended().code(), Some(0));
    assert!(run.gateway_is_gone());
    assert_eq!(run.left_behind(), Vec::<PathBuf>::new());
}

/// Only an issuer can sign its tokens: what cannot be shown is not sent, and not called unexpected.
/// A change that breaks a guarantee is not made, and what it would have let pass is said.
#[test]
fn a_policy_that_breaks_a_guarantee_never_comes_into_force() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("guarantees.yaml");
    let never = format!("never: {{hosts: [{PAYMENT_API}], methods: [DELETE]}}");
    std::fs::write(&file, format!("guarantees:\n  - name: nobody deletes\n    {never}\n")).unwrap();
    let run = Run::start_with(&["--guarantees", file.to_str().unwrap()]);

    let broken = PAYMENTS.replace("- POST", "- DELETE");
    assert_ne!(broken, PAYMENTS);
    run.edit(&broken);
    let told = run.told("error: refuted: nobody deletes");
    assert!(told.ends_with("guarantees.yaml:2)"), "{told}");
    run.told(&format!("    DELETE https://{PAYMENT_API}/v1/payments/"));
    run.told("The old policy stays in force");
    assert_eq!(run.get(PAYMENT_API, "/v1/payments/1"), 200);

    run.edit(&PAYMENTS.replace("/v1/payments/*", "/v2/*"));
    run.told("Changed; the new policy is in force");
    assert_eq!(run.get(PAYMENT_API, "/v2/refunds"), 200);
}

#[test]
fn tokens_of_an_issuer_of_ones_own_are_no_samples() {
    let key = DemoKey::generate().unwrap();
    let issuer = Issuer::start(&key).unwrap();
    let upstream = format!("AUTH.example.com={}", issuer.address());
    let run = Run::start_with(&["--upstream", &upstream]);
    let mut shown = Vec::new();
    while let Ok(line) = run.stdout.recv_timeout(Duration::from_millis(500)) {
        shown.push(line);
    }
    let shown = shown.join("\n");
    assert!(!shown.contains("UNEXPECTED"), "{shown}");
    assert!(shown.contains(" missing_token ") && !shown.contains("valid, of"), "{shown}");
    let note =
        "(no samples with tokens of https://auth.example.com: only its own keys can sign them)";
    assert!(shown.contains(note), "{shown}");
}

#[test]
fn requests_just_before_the_end_are_shown() {
    let mut run = Run::start();
    for number in 0..20 {
        assert_eq!(run.get(PAYMENT_API, &format!("/just-before-the-end/{number}")), 403);
    }
    run.signal("INT");
    assert_eq!(run.ended().code(), Some(0));
    let shown: Vec<String> = run.stdout.iter().collect();
    let last = shown.iter().any(|line| line.contains("/just-before-the-end/19 no_rule_matched"));
    assert!(last, "{}", shown.join("\n"));
}

#[test]
fn goes_on_when_nobody_hears_what_it_says() {
    let mut run = Run::start();
    // Who listens goes away with the next line.
    run.stderr = channel().1;
    let other = PAYMENTS.replace("/v1/payments/*", "/v2/*");
    for (text, status) in [(other.as_str(), 403), (PAYMENTS, 200), (&other, 403)] {
        run.edit(&text.replace("authorization:", "authorisation:"));
        run.edit(text);
        eventually("the changed policy", || {
            (run.get(PAYMENT_API, "/v1/payments/1") == status).then_some(())
        });
    }
    run.signal("TERM");
    assert_eq!(run.ended().code(), Some(0));
    assert!(run.gateway_is_gone());
    assert_eq!(run.left_behind(), Vec::<PathBuf>::new());
}

#[test]
fn no_request_is_lost_while_the_policy_changes() {
    let run = Run::start();
    let (url, token) = (format!("http://{}/", run.gateway), run.token());
    let changing = AtomicBool::new(true);
    // Requests on connections that stay open, to a server that no change is about.
    let send = || {
        let agent = client();
        let mut answers = 0_u32;
        let began = Instant::now();
        while changing.load(Ordering::Relaxed) && began.elapsed() < LIMIT {
            let request = agent.get(&url).header("host", "httpbin.org");
            let request = request.header("authorization", format!("Bearer {}", token.trim()));
            let mut response = request.call().unwrap();
            assert_eq!(response.status(), 200);
            response.body_mut().read_to_string().unwrap();
            answers += 1;
        }
        answers
    };
    std::thread::scope(|scope| {
        let clients = [scope.spawn(send), scope.spawn(send)];
        for round in 0..5 {
            run.edit(&PAYMENTS.replace("/v1/payments/*", &format!("/v{round}/*")));
            run.told("Changed; the new policy is in force");
        }
        changing.store(false, Ordering::Relaxed);
        for client in clients {
            assert!(client.join().unwrap() > 0);
        }
    });
}

#[test]
fn ends_when_envoy_ends() {
    let mut run = Run::start();
    client().post(format!("http://{}/quitquitquit", run.admin)).send_empty().unwrap();
    run.told("error: Envoy ended by itself");
    assert_eq!(run.ended().code(), Some(1));
    assert_eq!(run.left_behind(), Vec::<PathBuf>::new());
}

/// What takes the place of the file is read to its end, if it has one: nothing may hang on it.
#[test]
fn a_file_that_becomes_something_without_an_end_is_refused() {
    let mut run = Run::start();
    let new = run.folder.path().join("new");
    std::os::unix::fs::symlink("/dev/zero", &new).unwrap();
    let file = run.folder.path().join("gateway.yaml");
    std::fs::rename(new, &file).unwrap();
    let expected = format!("error: {} is neither a file nor a folder: ", file.display());
    run.told(&expected);
    run.told("The old policy stays in force");
    assert_eq!(run.get(PAYMENT_API, "/v1/payments/42"), 200);
    run.signal("INT");
    run.told("Stopping");
    assert_eq!(run.ended().code(), Some(0));
}

/// Only Linux lets a process ask to end with its parent.
#[cfg(target_os = "linux")]
#[test]
fn envoy_does_not_outlive_a_killed_program() {
    let mut run = Run::start();
    run.signal("KILL");
    assert_eq!(run.ended().code(), None);
    assert!(run.gateway_is_gone());
}

#[test]
fn a_port_that_is_taken_is_named_before_anything_starts() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = folder();
    let output =
        command(folder.path()).args(["run", EXAMPLE, "--listen", &address]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let expected = format!("cannot listen on {address}; choose another address with --listen");
    assert!(stderr.contains(&expected), "{stderr}");
}

#[test]
fn the_stand_ins_can_be_had_alone() {
    let folder = folder();
    let mut child = command(folder.path())
        .args(["demo", "--issuer", "127.0.0.1:0", "--echo", "127.0.0.1:0"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let line = lines(child.stderr.take().unwrap()).recv_timeout(LIMIT).unwrap();
    let addresses: Vec<SocketAddr> =
        line.split([' ', ',', ';']).filter_map(|word| word.parse().ok()).collect();
    let get = |address: SocketAddr, path: &str| {
        let url = format!("http://{address}{path}");
        client().get(url).call().unwrap().body_mut().read_to_string().unwrap()
    };
    assert!(get(addresses[0], "/.well-known/jwks.json").contains("\"keys\""), "{line}");
    assert!(get(addresses[1], "/v1/x").contains("\"path\": \"/v1/x\""), "{line}");
    let kill = format!("kill -TERM {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
