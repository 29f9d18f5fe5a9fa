//! The load generator: one thread on a core of its own, so many connections, each with one request under way. As in
//! wrk, the next request goes out when the response is there.
//!
//! It is our own because none of the known ones does all of this: client certificates, ten
//! thousand different requests at no cost, latencies of one kind of request among others, and a
//! check of every single status. A comparison needs one generator for all scenarios.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail, ensure};
use hdrhistogram::Histogram;
use mio::{Events, Interest, Poll, Token};
use rustls::ClientConfig;

use super::connection::Connection;
use super::envoy::pin;
use super::requests::Request;

/// Connections at once.
pub const CONNECTIONS: usize = 64;
/// The fewest responses of which something is said.
const AT_LEAST: u64 = 2 * CONNECTIONS as u64;
/// An Envoy that answers nothing for so long has failed.
const STALLED: Duration = Duration::from_secs(20);
const WAKE_UP: Duration = Duration::from_millis(20);

/// Who is asked what.
pub struct Load<'a> {
    /// Where Envoy listens.
    pub to: SocketAddr,
    /// What is sent, in this order and again from the start.
    pub requests: &'a [Request],
    /// The client's side of mTLS.
    pub tls: Option<&'a Arc<ClientConfig>>,
    /// The core on which the load generator runs.
    pub core: usize,
}

/// When a measurement ends.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// After this time, and when there are enough responses to say something.
    Elapsed(Duration),
    /// After so many responses.
    Answered(u64),
}

/// What was measured.
pub struct Measured<S> {
    /// Responses.
    pub answered: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// Latencies in nanoseconds, of the requests whose latency counts.
    pub latencies: Histogram<u64>,
    /// What `sample` said before and after.
    pub samples: [S; 2],
}

impl Load<'_> {
    /// Sends for `warm_up`, then measures. `next` is the request to begin with and is left at the
    /// one that would come next. `sample` is called when the measurement begins and ends.
    ///
    /// # Errors
    /// When any response has another status than it should.
    pub fn run<S: Send>(
        &self,
        next: &mut usize,
        warm_up: Duration,
        until: Until,
        sample: impl FnMut() -> anyhow::Result<S> + Send,
    ) -> anyhow::Result<Measured<S>> {
        thread::scope(|scope| {
            let sender = scope.spawn(|| {
                pin(self.core)?;
                self.send(next, warm_up, until, sample)
            });
            sender.join().map_err(|_| anyhow!("the load generator failed"))?
        })
    }

    fn send<S>(
        &self,
        next: &mut usize,
        warm_up: Duration,
        until: Until,
        mut sample: impl FnMut() -> anyhow::Result<S>,
    ) -> anyhow::Result<Measured<S>> {
        ensure!(!self.requests.is_empty(), "nothing to send");
        let mut poll = Poll::new()?;
        let mut events = Events::with_capacity(2 * CONNECTIONS);
        let mut connections = Vec::with_capacity(CONNECTIONS);
        for number in 0..CONNECTIONS {
            let mut connection = Connection::open(self.to, self.tls)?;
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(connection.socket(), Token(number), interest)?;
            connections.push(connection);
        }
        for connection in &mut connections {
            self.send_next(connection, next)?;
        }

        let mut counted = Counted::new()?;
        let opened = Instant::now();
        let mut began: Option<(Instant, S)> = None;
        let mut progress = (opened, 0);
        loop {
            poll.poll(&mut events, Some(WAKE_UP))?;
            let now = Instant::now();
            for event in &events {
                let connection = connections.get_mut(event.token().0).context("no connection")?;
                self.advance(connection, next, &mut counted)?;
            }
            if counted.answered != progress.1 {
                progress = (now, counted.answered);
            }
            if now.duration_since(progress.0) > STALLED {
                bail!("Envoy answers no more");
            }
            match &began {
                None if now.duration_since(opened) >= warm_up => {
                    counted.clear();
                    began = Some((Instant::now(), sample()?));
                }
                None => {}
                Some((from, _)) => {
                    let over = match until {
                        // Where one response takes longer than that, there are some all the same.
                        Until::Elapsed(time) => {
                            now.duration_since(*from) >= time && counted.answered >= AT_LEAST
                        }
                        Until::Answered(count) => counted.answered >= count,
                    };
                    if over {
                        break;
                    }
                }
            }
        }
        let ended = Instant::now();
        let (from, before) = began.context("the measurement never began")?;
        let after = sample()?;
        counted.check()?;
        Ok(Measured {
            answered: counted.answered,
            elapsed: ended.duration_since(from),
            latencies: counted.latencies,
            samples: [before, after],
        })
    }

    fn send_next(&self, connection: &mut Connection, next: &mut usize) -> anyhow::Result<()> {
        let number = *next % self.requests.len();
        *next = number + 1;
        connection.start(number, &self.request(number)?.bytes)
    }

    fn advance(
        &self,
        connection: &mut Connection,
        next: &mut usize,
        counted: &mut Counted,
    ) -> anyhow::Result<()> {
        let request = self.request(connection.request)?;
        connection.go_on_writing(&request.bytes)?;
        while let Some(status) = connection.read()? {
            counted.add(self.request(connection.request)?, status, connection.began.elapsed());
            self.send_next(connection, next)?;
        }
        Ok(())
    }

    fn request(&self, number: usize) -> anyhow::Result<&Request> {
        self.requests.get(number).context("no such request")
    }
}

struct Counted {
    answered: u64,
    latencies: Histogram<u64>,
    /// How often a status came where another one should have.
    wrong: BTreeMap<(u16, u16), u64>,
}

impl Counted {
    fn new() -> anyhow::Result<Self> {
        // To a minute, with three significant digits.
        let latencies = Histogram::new_with_bounds(1_000, 60_000_000_000, 3)?;
        Ok(Self { answered: 0, latencies, wrong: BTreeMap::new() })
    }

    fn add(&mut self, request: &Request, status: u16, latency: Duration) {
        self.answered += 1;
        if request.counts {
            self.latencies.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
        }
        if request.status != status {
            *self.wrong.entry((request.status, status)).or_default() += 1;
        }
    }

    /// Starts counting; wrong answers stay wrong.
    fn clear(&mut self) {
        self.answered = 0;
        self.latencies.reset();
    }

    fn check(&self) -> anyhow::Result<()> {
        let wrong: Vec<String> = self
            .wrong
            .iter()
            .map(|((expected, got), times)| format!("{times} times {got} for {expected}"))
            .collect();
        ensure!(wrong.is_empty(), "wrong answers: {}", wrong.join(", "));
        Ok(())
    }
}
