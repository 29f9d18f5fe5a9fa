//! What a user sees of something that takes more than a second: on a terminal a spinner that says
//! what it is, elsewhere nothing.

use std::io::IsTerminal as _;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::ProgressBar;

/// What is done sooner needs no word.
const PATIENCE: Duration = Duration::from_secs(1);

/// A spinner that goes away when it is dropped.
#[derive(Debug, Default)]
pub struct Spinner {
    end: Option<Sender<()>>,
    shown: Option<JoinHandle<()>>,
}

impl Drop for Spinner {
    fn drop(&mut self) {
        drop(self.end.take());
        // What is said next has the line to itself.
        let _ = self.shown.take().map(JoinHandle::join);
    }
}

/// Shows a spinner with a text on standard error, once it takes a second.
pub fn start(text: &'static str) -> Spinner {
    if !std::io::stderr().is_terminal() {
        return Spinner::default();
    }
    let (end, ended) = channel::<()>();
    let thread = std::thread::Builder::new().name("progress".to_owned()).spawn(move || {
        if ended.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        let bar = ProgressBar::new_spinner().with_message(text);
        bar.enable_steady_tick(Duration::from_millis(100));
        let _ = ended.recv();
        bar.finish_and_clear();
    });
    Spinner { end: Some(end), shown: thread.ok() }
}

/// Shows a spinner while `work` is done.
pub fn during<T>(text: &'static str, work: impl FnOnce() -> T) -> T {
    let _spinner = start(text);
    work()
}
