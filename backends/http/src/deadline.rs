//! How long a question may take, with all that it needs.

use std::time::{Duration, Instant};

/// The end of the time that one question has.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    pub(crate) fn after(time: Duration) -> Self {
        Self(Instant::now().checked_add(time))
    }

    /// How much is left.
    #[must_use]
    pub fn time_left(&self) -> Duration {
        self.0.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()))
    }

    /// The end of half of the time that is left: for what the question can do without, should it not be answered.
    #[must_use]
    pub fn half(&self) -> Self {
        Self(self.0.and_then(|_| Instant::now().checked_add(self.time_left().mul_f64(0.5))))
    }
}
