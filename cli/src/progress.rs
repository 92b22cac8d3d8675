//! A bar on standard error for work that takes a while.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Work that is over sooner shows no bar.
const PATIENCE: Duration = Duration::from_millis(500);

/// Shows how far the reading of an image is: a bar where its length is known, a running count where not.
///
/// It counts from the start and is drawn later, so that its first figure for the speed is a true one.
pub(crate) struct Progress {
    started: Instant,
    bar: Option<ProgressBar>,
    drawn: bool,
}

impl Progress {
    /// For an image of this length, if it is known. Without a terminal nothing is ever shown.
    pub(crate) fn new(length: Option<u64>, wanted: bool) -> Self {
        let bar = (wanted && std::io::stderr().is_terminal()).then(|| hidden_bar(length));
        Self { started: Instant::now(), bar, drawn: false }
    }

    /// So many more bytes are done.
    pub(crate) fn advance(&mut self, bytes: usize) {
        let Some(bar) = &self.bar else { return };
        bar.inc(u64::try_from(bytes).unwrap_or(u64::MAX));
        if !self.drawn && self.started.elapsed() >= PATIENCE {
            bar.set_draw_target(ProgressDrawTarget::stderr());
            self.drawn = true;
        }
    }
}

/// The bar goes away with the work, however it ended.
impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn hidden_bar(length: Option<u64>) -> ProgressBar {
    let template = match length {
        Some(_) => "[{bar:30}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
        None => "{spinner} {bytes}, {bytes_per_sec}",
    };
    let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::hidden());
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style.progress_chars("=> ").tick_chars("|/-\\ ")),
        Err(_) => bar,
    }
}
