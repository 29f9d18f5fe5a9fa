//! Requests on connections that stay open, and answers.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// How long a server may take.
const LIMIT: Duration = Duration::from_secs(30);
/// How often a request is sent before it counts as lost.
const ATTEMPTS: usize = 4;

/// Clients at a time.
const CLIENTS: usize = 4;

/// A request, byte for byte.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Whether it is for the connection manager with Envoy's defaults.
    pub defaults: bool,
}

/// A GET.
pub fn get(host: &str, target: &[u8]) -> Vec<u8> {
    let rest = format!(" HTTP/1.1\r\nhost: {host}\r\n\r\n");
    [b"GET ", target, rest.as_bytes()].concat()
}

/// Sends every request, with some clients at a time: the answers, in the same order.
pub fn ask(
    requests: &[Request],
    client: impl Fn(bool) -> Client + Sync,
    bar: &ProgressBar,
) -> Vec<Answer> {
    let answers = Mutex::new(vec![Answer::default(); requests.len()]);
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut clients = [client(false), client(true)];
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(request) = requests.get(index) else { break };
                    let answer = clients[usize::from(request.defaults)].send(&request.bytes);
                    answers.lock().unwrap()[index] = answer;
                    bar.inc(1);
                }
            });
        }
    });
    answers.into_inner().unwrap()
}

/// Shows how far a run is.
pub fn bar(what: &str, steps: usize) -> ProgressBar {
    let style = format!("{what} {{bar:40}} {{pos}}/{{len}}, {{elapsed}} of {{duration}} {{msg}}");
    ProgressBar::new(steps as u64).with_style(ProgressStyle::with_template(&style).unwrap())
}

/// A client of one address.
pub struct Client {
    to: SocketAddr,
    stream: Option<TcpStream>,
}

/// An answer.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The status; 0 where none came.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl Client {
    /// A client of this address.
    pub fn new(to: SocketAddr) -> Self {
        Self { to, stream: None }
    }

    /// Sends a request, again where a connection ends under it or Envoy has lost the upstream.
    pub fn send(&mut self, request: &[u8]) -> Answer {
        let mut last = Answer::default();
        for _ in 0..ATTEMPTS {
            match self.exchange(request) {
                Some(answer) if !(502..=504).contains(&answer.status) => return answer,
                Some(answer) => last = answer,
                None => self.stream = None,
            }
        }
        last
    }

    fn exchange(&mut self, request: &[u8]) -> Option<Answer> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let stream = TcpStream::connect(self.to).ok()?;
                stream.set_nodelay(true).ok()?;
                stream.set_read_timeout(Some(LIMIT)).ok()?;
                none.insert(stream)
            }
        };
        stream.write_all(request).ok()?;
        let mut bytes = Vec::new();
        let mut part = [0; 16_384];
        loop {
            match stream.read(&mut part).ok()? {
                0 => return None,
                read => bytes.extend(&part[..read]),
            }
            if let Some((answer, stays_open)) = parse(&bytes).or_else(|| parse_old(&bytes)) {
                if !stays_open {
                    self.stream = None;
                }
                return Some(answer);
            }
        }
    }
}

/// An answer of a server that took the request for one of HTTP/0.9, as for a path with a line end in
/// it: a body alone, which comes at once.
fn parse_old(bytes: &[u8]) -> Option<(Answer, bool)> {
    let old = !bytes.is_empty() && !b"HTTP/".starts_with(bytes.get(..5).unwrap_or(bytes));
    old.then(|| (Answer { status: 200, body: bytes.to_vec() }, false))
}

/// An answer and whether its connection stays open, if it is all there.
fn parse(bytes: &[u8]) -> Option<(Answer, bool)> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut headers);
    let Ok(httparse::Status::Complete(length)) = head.parse(bytes) else { return None };
    let header = |name: &str| {
        let mut all = head.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        all.next().map_or("", |header| std::str::from_utf8(header.value).unwrap_or_default())
    };
    let stays_open = !header("connection").eq_ignore_ascii_case("close");
    let rest = bytes.get(length..)?;
    let body = match header("transfer-encoding") {
        "" => rest.get(..header("content-length").parse().unwrap_or(0))?.to_vec(),
        _ => unchunked(rest)?,
    };
    Some((Answer { status: head.code?, body }, stays_open))
}

/// The chunks joined, if they are all there (RFC 9112, section 7.1).
fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    loop {
        let (line, chunk) = match httparse::parse_chunk_size(rest).ok()? {
            httparse::Status::Complete((start, size)) => (start, usize::try_from(size).ok()?),
            httparse::Status::Partial => return None,
        };
        out.extend(rest.get(line..line + chunk)?);
        rest = rest.get(line + chunk + 2..)?;
        if chunk == 0 {
            return Some(out);
        }
    }
}

impl Answer {
    /// What a server of the zoo says: its handler, the path that chose it, and what the program
    /// behind it sees, as lines of a name and a value. Nothing where the answer is none of these.
    pub fn seen(&self) -> Option<Seen<'_>> {
        let mut lines = self.body.split(|byte| *byte == b'\n');
        let handler = std::str::from_utf8(lines.next()?).ok()?;
        let path = lines.next()?;
        let named = handler.ends_with(".test") || NAMES.contains(&handler);
        let known = self.status == 200 && (handler.starts_with('/') || named);
        known.then(|| Seen { handler, path, variables: lines.collect() })
    }
}

/// Handlers that are no folder and no host: none at all, a file, and the host for all others.
const NAMES: [&str; 3] = ["none", "file", "default"];

/// What a server says of a request.
#[derive(Debug)]
pub struct Seen<'a> {
    /// The handler: the folder that it is for or the host, or one of [`NAMES`].
    pub handler: &'a str,
    /// The path by which the server chose it.
    pub path: &'a [u8],
    /// Headers or variables, each `name=value`.
    pub variables: Vec<&'a [u8]>,
}

impl Seen<'_> {
    /// Names and values of the variables.
    pub fn pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.variables.iter().filter_map(|line| {
            let at = line.iter().position(|byte| *byte == b'=')?;
            Some((&line[..at], &line[at + 1..]))
        })
    }
}
