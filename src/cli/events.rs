//! What happens while it runs: signals, changed files, requests.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::time::Duration;

use anyhow::Context as _;
use notify::{EventKind, RecursiveMode, Watcher as _};
use tokio::signal::unix::{SignalKind, signal};

/// Editors write a file in several steps: changes count once it was quiet for this long.
const QUIET: Duration = Duration::from_millis(200);

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// The user wants an end.
    Stop,
    /// An input file may have changed.
    Changed,
}

/// Lines of the access log that may wait to be shown.
const MOST_WAITING_LINES: usize = 1_000;

/// Takes the lines of the access log. Under load most of them are only counted: showing all would
/// take more time than the requests do.
#[derive(Debug, Clone)]
pub struct AccessLog {
    lines: SyncSender<String>,
    left_out: Arc<AtomicU64>,
}

impl AccessLog {
    /// Takes one line; `false` when nobody wants lines any more.
    pub fn take(&self, line: String) -> bool {
        match self.lines.try_send(line) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => {
                self.left_out.fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(TrySendError::Disconnected(_)) => false,
        }
    }
}

/// Watches files until it is dropped.
pub type Watcher = notify::RecommendedWatcher;

/// The events of this process.
#[derive(Debug)]
pub struct Events {
    sender: Sender<Event>,
    receiver: Receiver<Event>,
    stopped: Arc<AtomicBool>,
    lines: Receiver<String>,
    access_log: AccessLog,
}

impl Events {
    /// Begins to listen to signals: Ctrl-C, SIGTERM and SIGHUP ask for an end in good order; a
    /// second one ends the process at once.
    ///
    /// # Errors
    /// When signals cannot be handled.
    pub fn start() -> anyhow::Result<Self> {
        let (sender, receiver) = channel();
        let stopped = Arc::new(AtomicBool::new(false));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot handle signals")?;
        let mut signals = {
            let _entered = runtime.enter();
            [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()]
                .into_iter()
                .map(signal)
                .collect::<Result<Vec<_>, _>>()
                .context("cannot handle signals")?
        };
        let (to_main, flag) = (sender.clone(), Arc::clone(&stopped));
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            runtime.block_on(async move {
                let [interrupt, terminate, hangup] = signals.as_mut_slice() else { return };
                loop {
                    tokio::select! {
                        _ = interrupt.recv() => {}
                        _ = terminate.recv() => {}
                        _ = hangup.recv() => {}
                    }
                    if flag.swap(true, Ordering::SeqCst) {
                        #[expect(
                            clippy::disallowed_methods,
                            reason = "asked twice, it ends at once"
                        )]
                        std::process::exit(130);
                    }
                    // Nobody listens any more: then the process is ending already.
                    let _ = to_main.send(Event::Stop);
                }
            });
        })?;
        let (to_lines, lines) = sync_channel(MOST_WAITING_LINES);
        let access_log = AccessLog { lines: to_lines, left_out: Arc::default() };
        Ok(Self { sender, receiver, stopped, lines, access_log })
    }

    /// Whether the user wants an end.
    pub fn stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Where the access log goes.
    pub fn access_log(&self) -> AccessLog {
        self.access_log.clone()
    }

    /// The next line of the access log, if one comes within `timeout`.
    pub fn next_line(&self, timeout: Duration) -> Option<String> {
        self.lines.recv_timeout(timeout).ok()
    }

    /// How many lines were left out since the last call.
    pub fn lines_left_out(&self) -> u64 {
        self.access_log.left_out.swap(0, Ordering::Relaxed)
    }

    /// The next event, if one comes within `timeout`.
    pub fn next(&self, timeout: Duration) -> Option<Event> {
        self.receiver.recv_timeout(timeout).ok()
    }

    /// Watches files, by the folders they are in because editors replace files, and folders with
    /// all below them.
    ///
    /// # Errors
    /// When the system cannot watch one of them.
    pub fn watch(&self, paths: &[PathBuf]) -> notify::Result<Watcher> {
        let (report, reports) = channel();
        let mut watcher =
            notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                let matters = event.is_ok_and(|event| !matches!(event.kind, EventKind::Access(_)));
                if matters {
                    let _ = report.send(());
                }
            })?;
        for path in paths {
            if path.is_dir() {
                watcher.watch(path, RecursiveMode::Recursive)?;
            } else {
                let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
                watcher.watch(folder.unwrap_or(Path::new(".")), RecursiveMode::NonRecursive)?;
            }
        }
        let sender = self.sender.clone();
        std::thread::Builder::new().name("watch".to_owned()).spawn(move || {
            while reports.recv().is_ok() {
                while reports.recv_timeout(QUIET).is_ok() {}
                if sender.send(Event::Changed).is_err() {
                    break;
                }
            }
        })?;
        Ok(watcher)
    }
}
