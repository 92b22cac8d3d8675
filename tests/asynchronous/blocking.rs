//! `Blocking`: a key manager that blocks, where it may.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

use longhand::{
    AsyncKeyManager, Blocking, BlockingWork, Certificate, KeyManager, KeyManagerError, MemoryKeyManager,
    StoredCertificate,
};

use crate::common::Walkthrough;
use crate::common::executor::{run, run_restlessly};
use crate::scripted::Outcome;

fn certificate() -> Certificate {
    Walkthrough::glance().certificate()
}

/// Remembers which threads asked it.
#[derive(Clone, Debug, Default)]
struct Threads(Arc<Mutex<Vec<ThreadId>>>);

impl Threads {
    fn asked(&self) -> Vec<ThreadId> {
        self.0.lock().unwrap().clone()
    }
}

impl KeyManager for Threads {
    fn certificate(&self, id: &str) -> Outcome {
        self.0.lock().unwrap().push(thread::current().id());
        match id {
            "panics" => panic!("the key manager's own bug"),
            _ => Ok(StoredCertificate::new(certificate())),
        }
    }
}

/// Says that it was asked, and answers when it is let go.
#[derive(Debug)]
struct Held {
    asked: Arc<AtomicUsize>,
    begins: Mutex<Sender<()>>,
    held: Mutex<Receiver<()>>,
    patience: Duration,
}

impl KeyManager for Held {
    fn certificate(&self, _: &str) -> Outcome {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.begins.lock().unwrap().send(()).unwrap();
        self.held.lock().unwrap().recv_timeout(self.patience).unwrap();
        Ok(StoredCertificate::new(certificate()))
    }
}

/// Work that waits for somebody to run it.
#[derive(Clone, Default)]
struct Queue(Arc<Mutex<Vec<BlockingWork>>>);

impl Queue {
    fn before<K: KeyManager + 'static>(&self, key_manager: K) -> Blocking<K> {
        let queue = self.clone();
        Blocking::new(key_manager, move |work| queue.0.lock().unwrap().push(work))
    }

    fn take(&self) -> Vec<BlockingWork> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[test]
fn a_call_is_made_where_the_caller_says() {
    let (threads, here) = (Threads::default(), thread::current().id());
    assert!(run(Blocking::in_place(threads.clone()).certificate("id")).is_ok());
    assert_eq!(threads.asked(), [here]);
    let elsewhere = Blocking::new(threads.clone(), |work| {
        thread::spawn(work);
    });
    for number in 1..20 {
        assert!(run(elsewhere.certificate("id")).is_ok());
        assert!(run_restlessly(elsewhere.clone().certificate("id")).is_ok());
        assert_eq!(threads.asked().len(), 1 + 2 * number);
    }
    assert!(threads.asked()[1..].iter().all(|thread| *thread != here));
    let at_once = Blocking::new(threads, |work| work());
    assert!(run(at_once.certificate("id")).is_ok(), "an executor may run it at once");
}

#[test]
fn work_that_panics_or_is_not_run_is_an_outage_and_no_hang() {
    let panics = Blocking::new(Threads::default(), |work| {
        thread::spawn(work);
    });
    let drops = Blocking::new(Threads::default(), drop);
    for outcome in [run(panics.certificate("panics")), run(drops.certificate("id"))] {
        assert!(matches!(outcome, Err(KeyManagerError::Unavailable { .. })), "{outcome:?}");
    }
    assert!(run(panics.certificate("id")).is_ok(), "and the next call is served");
}

#[test]
fn a_call_that_is_dropped_before_it_has_begun_is_not_made() {
    let (threads, queue) = (Threads::default(), Queue::default());
    let blocking = queue.before(threads.clone());
    drop(blocking.certificate("never polled"));
    assert!(queue.take().is_empty());
    let mut call = blocking.certificate("id");
    assert!(poll_once(&mut call).is_none());
    drop(call);
    queue.take().into_iter().for_each(|work| work());
    assert!(threads.asked().is_empty(), "nobody waits for it");
}

#[test]
fn a_call_that_is_dropped_once_it_has_begun_comes_to_its_end_and_is_forgotten() {
    let patience = Duration::from_secs(60);
    let ((begins, begun), (let_go, held)) = (channel(), channel());
    let (asked, queue) = (Arc::new(AtomicUsize::new(0)), Queue::default());
    let blocking =
        queue.before(Held { asked: asked.clone(), begins: begins.into(), held: held.into(), patience });
    let mut call = blocking.certificate("id");
    assert!(poll_once(&mut call).is_none());
    let work = queue.take();
    let thread = thread::spawn(move || work.into_iter().for_each(|work| work()));
    begun.recv_timeout(patience).unwrap();
    drop(call);
    let_go.send(()).unwrap();
    assert!(thread.join().is_ok(), "nobody there to hear the answer is no panic");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::Pin::new(future).poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

/// As trait objects, behind references and pointers; and what a future holds may pass between threads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_manager_serves_behind_every_pointer() {
    let memory: MemoryKeyManager = [("id", certificate())].into_iter().collect();
    let blocking = Blocking::in_place(memory);
    let counted = AtomicUsize::new(0);
    let ask = async |key_manager: &dyn AsyncKeyManager| {
        counted.fetch_add(1, Ordering::SeqCst);
        key_manager.certificate("id").await.is_ok()
    };
    let boxed: Box<dyn AsyncKeyManager> = Box::new(blocking.clone());
    let shared: Arc<dyn AsyncKeyManager> = Arc::new(blocking.clone());
    assert!(ask(&blocking).await && ask(&&blocking).await && ask(&boxed).await && ask(&shared).await);
    assert_eq!(counted.into_inner(), 4);
    assert!(tokio::spawn(async move { shared.certificate("id").await.is_ok() }).await.unwrap());
    assert!(!format!("{blocking:?}").is_empty());
}
