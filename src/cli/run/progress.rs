//! What a user sees while something takes time: on a terminal a spinner, elsewhere nothing.

use std::time::Duration;

use indicatif::ProgressBar;

/// A spinner that goes away when it is dropped.
#[derive(Debug)]
pub struct Spinner(ProgressBar);

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Shows a spinner with a text on standard error.
pub fn start(text: &'static str) -> Spinner {
    let bar = ProgressBar::new_spinner().with_message(text);
    bar.enable_steady_tick(Duration::from_millis(100));
    Spinner(bar)
}

/// Shows a spinner while `work` is done.
pub fn during<T>(text: &'static str, work: impl FnOnce() -> T) -> T {
    let _spinner = start(text);
    work()
}
