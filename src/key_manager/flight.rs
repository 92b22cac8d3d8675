//! One fetch under way, and whoever waits for what comes of it: tasks, and threads by [`block_on`].

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use super::Outcome;

/// A fetch under way. It ends once: [landed](Self::land) with an answer or [lost](Self::lose) without one.
#[derive(Default)]
pub(super) struct Flight(Mutex<State>);

#[derive(Default)]
struct State {
    ended: Option<End>,
    waiting: BTreeMap<u64, Waker>,
    tickets: u64,
}

#[derive(Clone)]
enum End {
    Landed(Outcome),
    /// Whoever fetched panicked or gave up.
    Lost,
}

impl Flight {
    /// Tells everybody who waits, and who will, what came of it.
    pub(super) fn land(&self, outcome: Outcome) {
        self.end(End::Landed(outcome));
    }

    /// Tells everybody who waits, and who will, that nothing came of it; an answer that is there already stays.
    pub(super) fn lose(&self) {
        self.end(End::Lost);
    }

    /// What came of the fetch, once it has ended; `None` if it was lost.
    pub(super) fn landing(&self) -> Waiting<'_> {
        Waiting { flight: self, ticket: None }
    }

    fn end(&self, end: End) {
        let mut state = self.state();
        if state.ended.is_some() {
            return;
        }
        state.ended = Some(end);
        let waiting = std::mem::take(&mut state.waiting);
        // A waker is foreign code: it may ask for this very flight, and one that panics (which the panic hook has then
        // reported) must leave neither those behind it asleep nor the fetch without its answer.
        drop(state);
        for waker in waiting.into_values() {
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs under the lock; if it did, the state would still be whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The wait for the end of a [`Flight`].
pub(super) struct Waiting<'a> {
    flight: &'a Flight,
    /// Under which its waker lies in the flight.
    ticket: Option<u64>,
}

impl Future for Waiting<'_> {
    type Output = Option<Outcome>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Wakers are cloned and dropped outside the lock: both are foreign code.
        let waker = context.waker().clone();
        let mut state = self.flight.state();
        match &state.ended {
            Some(End::Landed(outcome)) => return Poll::Ready(Some(outcome.clone())),
            Some(End::Lost) => return Poll::Ready(None),
            None => {}
        }
        let ticket = self.ticket.unwrap_or(state.tickets);
        if self.ticket.is_none() {
            state.tickets = state.tickets.saturating_add(1);
        }
        // The last waker counts: a future may pass from one task to another.
        let former = state.waiting.insert(ticket, waker);
        drop(state);
        drop(former);
        self.ticket = Some(ticket);
        Poll::Pending
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let waker = self.ticket.and_then(|ticket| self.flight.state().waiting.remove(&ticket));
        drop(waker);
    }
}

/// Waits for a future on this thread, which sleeps meanwhile.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    // What has its answer at once, as most of a cache's have, costs no waker.
    if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        return output;
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::mpsc;

    use super::*;
    use crate::key_manager::KeyManagerError;

    fn outcome() -> Outcome {
        Err(KeyManagerError::not_found("id"))
    }

    #[test]
    fn threads_and_tasks_hear_of_one_end() {
        let flight = Flight::default();
        thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| block_on(flight.landing()))).collect();
            let mut task = pin!(flight.landing());
            let mut context = Context::from_waker(Waker::noop());
            assert!(task.as_mut().poll(&mut context).is_pending());
            flight.land(outcome());
            flight.lose();
            assert!(threads.into_iter().all(|thread| matches!(thread.join().unwrap(), Some(Err(_)))));
            assert!(matches!(task.poll(&mut context), Poll::Ready(Some(Err(_)))));
        });
    }

    #[test]
    fn who_waits_no_longer_leaves_no_waker_behind() {
        struct Woken;
        impl Wake for Woken {
            fn wake(self: Arc<Self>) {}
        }
        let (flight, woken) = (Flight::default(), Arc::new(Woken));
        let waker = Waker::from(woken.clone());
        let mut context = Context::from_waker(&waker);
        for _ in 0..3 {
            let mut waiting = pin!(flight.landing());
            for _ in 0..3 {
                assert!(waiting.as_mut().poll(&mut context).is_pending());
            }
            assert_eq!(Arc::strong_count(&woken), 3, "one waker, however often it is polled");
        }
        assert_eq!(Arc::strong_count(&woken), 2);
    }

    #[test]
    fn a_waker_that_panics_leaves_nobody_asleep() {
        struct Panics;
        impl Wake for Panics {
            fn wake(self: Arc<Self>) {
                panic!("a waker that panics");
            }
        }
        let flight = Flight::default();
        let (waker, mut first) = (Waker::from(Arc::new(Panics)), pin!(flight.landing()));
        assert!(first.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        thread::scope(|scope| {
            let (asks, has_asked) = mpsc::channel();
            let flight = &flight;
            let second = scope.spawn(move || {
                let mut waiting = pin!(flight.landing());
                block_on(poll_fn(|context| {
                    let polled = waiting.as_mut().poll(context);
                    let _ = asks.send(());
                    polled
                }))
            });
            // The first poll is with a waker that does nothing, the second with that of the thread.
            has_asked.iter().take(2).for_each(drop);
            flight.land(outcome());
            assert!(matches!(second.join().unwrap(), Some(Err(_))));
        });
    }

    /// A waker that polls at once, as an executor on one thread may: it meets no lock.
    #[test]
    fn a_waker_may_ask_for_the_flight_that_wakes_it() {
        struct Asks(Arc<Flight>);
        impl Wake for Asks {
            fn wake(self: Arc<Self>) {
                assert!(block_on(self.0.landing()).is_none());
            }
        }
        impl Drop for Asks {
            fn drop(&mut self) {
                let _ = pin!(self.0.landing()).poll(&mut Context::from_waker(Waker::noop()));
            }
        }
        let flight = Arc::new(Flight::default());
        let mut waiting = pin!(flight.landing());
        for _ in 0..2 {
            let waker = Waker::from(Arc::new(Asks(flight.clone())));
            assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
        flight.lose();
        assert!(block_on(waiting).is_none());
    }
}
