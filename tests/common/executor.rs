//! Ways to drive a future that a runtime would not choose and must be allowed.

use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// Wakes by a message.
struct Bell(Sender<()>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        let _ = self.0.send(());
    }
}

fn bell() -> (Waker, Receiver<()>) {
    let (sender, receiver) = channel();
    (Waker::from(Arc::new(Bell(sender))), receiver)
}

/// Longer than anything takes that a test waits for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Polls only when woken; a wake-up that never comes fails the test.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    run_at_most(future, usize::MAX).expect("it ends")
}

/// Polls so many times, only when woken, and then drops the future; `None` if it had not ended.
pub(crate) fn run_at_most<T>(future: impl Future<Output = T>, polls: usize) -> Option<T> {
    let (mut future, (waker, woken)) = (pin!(future), bell());
    for _ in 0..polls {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(output);
        }
        woken.recv_timeout(PATIENCE).expect("nobody woke the task");
    }
    None
}

/// Polls with a new waker each time, some of them useless, and more often than it is woken.
pub(crate) fn run_restlessly<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        for _ in 0..2 {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return output;
            }
        }
        let (waker, woken) = bell();
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        woken.recv_timeout(PATIENCE).expect("the last waker was not woken");
    }
}
