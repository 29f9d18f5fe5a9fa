//! An upstream that resets connections in the middle of requests.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::{Count, GOOD, WORKERS, bad, good_token, one_issuer, until_it_passes};
use crate::support::jwks::Jwks;
use crate::support::raw::Request;

const REQUESTS: usize = 100;

/// An upstream that answers, or resets. It stops with its handle.
struct Moody {
    address: SocketAddr,
    resets: Arc<AtomicBool>,
    stops: Arc<AtomicBool>,
    lines: Arc<Mutex<Vec<String>>>,
    thread: Option<JoinHandle<()>>,
}

impl Moody {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (resets, stops) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let (mood, end, log) = (Arc::clone(&resets), Arc::clone(&stops), Arc::clone(&lines));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if end.load(Ordering::SeqCst) {
                    return;
                }
                let _ = answer(stream, mood.load(Ordering::SeqCst), &log);
            }
        });
        Self { address, resets, stops, lines, thread: Some(thread) }
    }
}

impl Drop for Moody {
    fn drop(&mut self) {
        self.stops.store(true, Ordering::SeqCst);
        // Wakes it up.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Answers one request, or leaves its body unread and goes, which is a reset (RFC 9293, 3.10.4).
fn answer(mut stream: TcpStream, reset: bool, log: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let text = String::from_utf8_lossy(&head);
    log.lock().unwrap().push(text.lines().next().unwrap_or_default().to_owned());
    if reset {
        return Ok(());
    }
    let mut body = [0; BODY.len()];
    stream.read_exact(&mut body)?;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
}

const BODY: &[u8] = &[b'x'; 1_000];

fn run(workers: usize) {
    let (issuer, upstream) = (Jwks::start(), Moody::start());
    let envoy = one_issuer(&issuer, upstream.address).start(workers);
    let to = envoy.gateway();
    let token = good_token("one");
    let good = Request::new("POST", "one.api", GOOD).bearer(&token).body(BODY);
    let mut count = Count::default();
    until_it_passes(&mut count, "the keys", &good, to);
    for resets in [true, false] {
        upstream.resets.store(resets, Ordering::SeqCst);
        if !resets {
            count.fault_ends();
        }
        let mut passed = 0;
        for _ in 0..REQUESTS {
            passed += usize::from(count.one(true, &good, to) == 200);
            for request in bad("one") {
                count.one(false, &request, to);
            }
        }
        assert_eq!(passed, if resets { 0 } else { REQUESTS });
    }
    let arrived = std::mem::take(&mut *upstream.lines.lock().unwrap());
    count.allowed += arrived.iter().filter(|line| !line.starts_with("POST /good ")).count();
    count.finish("upstream resets connections", workers, &[503], "503 while it does; then none");
}

#[test]
fn a_reset_upstream_costs_its_own_requests_only() {
    WORKERS.into_iter().for_each(run);
}
