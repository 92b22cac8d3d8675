//! Connections that wait for the next request.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use url::Url;

use crate::limits::{MAX_IDLE, MAX_IDLE_AGE};

/// What a connection leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin(url::Origin);

impl Origin {
    pub(super) fn of(url: &Url) -> Self {
        Self(url.origin())
    }
}

/// Idle connections: at most [`MAX_IDLE`] to an origin, none for longer than [`MAX_IDLE_AGE`].
pub(super) struct Pool<C>(Mutex<Vec<Idle<C>>>);

struct Idle<C> {
    origin: Origin,
    since: Instant,
    connection: C,
}

impl<C> Pool<C> {
    /// The one that was used last: it is the least likely to be closed.
    pub(super) fn take(&self, origin: &Origin) -> Option<C> {
        self.take_at(origin, Instant::now())
    }

    pub(super) fn keep(&self, origin: Origin, connection: C) {
        self.keep_at(origin, connection, Instant::now());
    }

    fn take_at(&self, origin: &Origin, now: Instant) -> Option<C> {
        let mut idle = self.young(now);
        let last = idle.iter().rposition(|idle| idle.origin == *origin)?;
        Some(idle.remove(last).connection)
    }

    fn keep_at(&self, origin: Origin, connection: C, now: Instant) {
        let mut idle = self.young(now);
        if idle.iter().filter(|idle| idle.origin == origin).count() >= MAX_IDLE
            && let Some(oldest) = idle.iter().position(|idle| idle.origin == origin)
        {
            idle.remove(oldest);
        }
        idle.push(Idle { origin, since: now, connection });
    }

    fn young(&self, now: Instant) -> MutexGuard<'_, Vec<Idle<C>>> {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let age = |since| now.checked_duration_since(since).unwrap_or(Duration::ZERO);
        idle.retain(|idle| age(idle.since) <= MAX_IDLE_AGE);
        idle
    }
}

impl<C> Default for Pool<C> {
    fn default() -> Self {
        Self(Mutex::new(Vec::new()))
    }
}

impl<C> fmt::Debug for Pool<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let idle = self.0.lock().unwrap_or_else(PoisonError::into_inner).len();
        f.debug_struct("Pool").field("idle", &idle).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(url: &str) -> Origin {
        Origin::of(&Url::parse(url).unwrap())
    }

    #[test]
    fn a_connection_serves_its_origin_alone() {
        let pool = Pool::default();
        pool.keep(origin("http://h/a"), 1);
        for other in ["https://h", "http://h:8080", "http://g", "http://[::1]"] {
            assert_eq!(pool.take(&origin(other)), None, "{other}");
        }
        assert_eq!(pool.take(&origin("http://H:80/b?c")), Some(1));
        assert_eq!(pool.take(&origin("http://h/a")), None);
    }

    #[test]
    fn the_oldest_makes_room_past_the_bound() {
        let pool = Pool::default();
        let (here, there) = (origin("http://h"), origin("http://g"));
        pool.keep(there.clone(), usize::MAX);
        for number in 0..=MAX_IDLE {
            pool.keep(here.clone(), number);
        }
        let kept: Vec<_> = std::iter::from_fn(|| pool.take(&here)).collect();
        assert_eq!(kept, (1..=MAX_IDLE).rev().collect::<Vec<_>>());
        assert_eq!(pool.take(&there), Some(usize::MAX));
    }

    #[test]
    fn none_is_kept_for_longer_than_its_age() {
        let (here, start) = (origin("http://h"), Instant::now());
        for (age, kept) in [(MAX_IDLE_AGE, true), (MAX_IDLE_AGE + Duration::from_nanos(1), false)] {
            let pool = Pool::default();
            pool.keep_at(here.clone(), (), start);
            assert_eq!(pool.take_at(&here, start + age).is_some(), kept, "{age:?}");
        }
    }
}
