//! The cache before threads and tasks at once: one flight for one id, and nobody is left waiting.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use longhand::limits::MAX_PROPERTY_TEXT;
use longhand::{
    AsyncKeyManager, BoxFuture, CertificateCache, KeyManager, KeyManagerError, ScopedKeyManager,
    StoredCertificate,
};

use crate::common::Walkthrough;
use crate::common::executor::{run, run_at_most, run_restlessly};
use crate::scripted::{Line, Outcome, Scripted};

const MINUTE: Duration = Duration::from_secs(60);
const SLOW: Duration = Duration::from_millis(100);

/// Counts what it is asked, answers by the id, and takes its time: blocking a thread, or not.
#[derive(Clone, Debug, Default)]
struct Slow(Arc<Mutex<BTreeMap<String, usize>>>);

impl Slow {
    fn asked(&self, id: &str) -> usize {
        self.0.lock().unwrap().get(id).copied().unwrap_or_default()
    }

    /// How often it was asked, this time included.
    fn count(&self, id: &str) -> usize {
        let mut asked = self.0.lock().unwrap();
        let count = asked.entry(id.to_owned()).or_default();
        *count += 1;
        *count
    }

    fn outcome(id: &str, count: usize) -> Outcome {
        match id {
            "absent" => Err(KeyManagerError::not_found(id)),
            "forbidden" => Err(KeyManagerError::forbidden(id, "403")),
            "down" => Err(KeyManagerError::unavailable(id, "timeout")),
            "panics once" if count == 1 => panic!("the key manager's own bug"),
            _ => Ok(StoredCertificate::new(Walkthrough::glance().certificate())),
        }
    }
}

impl KeyManager for Slow {
    fn certificate(&self, id: &str) -> Outcome {
        let count = self.count(id);
        thread::sleep(SLOW);
        Self::outcome(id, count)
    }
}

impl AsyncKeyManager for Slow {
    fn certificate<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let count = self.count(id);
            match id {
                "stuck once" if count == 1 => std::future::pending().await,
                "very slow" => tokio::time::sleep(10 * SLOW).await,
                _ => tokio::time::sleep(SLOW).await,
            }
            Self::outcome(id, count)
        })
    }
}

type Scoped = ScopedKeyManager<Slow>;

fn in_a_thread(scoped: &Scoped, id: &str) -> Outcome {
    KeyManager::certificate(scoped, id)
}

async fn in_a_task(scoped: &Scoped, id: &str) -> Outcome {
    AsyncKeyManager::certificate(scoped, id).await
}

fn cache() -> CertificateCache {
    CertificateCache::new(10, MINUTE, Instant::now)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap()
}

/// Asks for one id from threads and tasks at once; what each got, and how often it was fetched.
fn rush(
    cache: &CertificateCache,
    id: &'static str,
    threads: usize,
    tasks: usize,
) -> (Vec<Option<Outcome>>, usize) {
    let (source, runtime, barrier) = (Slow::default(), runtime(), Arc::new(Barrier::new(threads + 1)));
    let scoped = cache.scope("tenant", source.clone());
    let threads: Vec<_> = (0..threads)
        .map(|_| {
            let (scoped, barrier) = (scoped.clone(), barrier.clone());
            thread::spawn(move || {
                barrier.wait();
                in_a_thread(&scoped, id)
            })
        })
        .collect();
    barrier.wait();
    let tasks: Vec<_> = (0..tasks)
        .map(|_| {
            let scoped = scoped.clone();
            runtime.spawn(async move { in_a_task(&scoped, id).await })
        })
        .collect();
    let threads = threads.into_iter().map(|thread| thread.join().ok()).collect::<Vec<_>>();
    let tasks = tasks.into_iter().map(|task| runtime.block_on(task).ok());
    (threads.into_iter().chain(tasks).collect(), source.asked(id))
}

#[test]
fn one_fetches_for_threads_and_tasks_and_all_get_its_answer() {
    for (threads, tasks) in [(8, 8), (0, 16), (16, 0), (1, 15), (15, 1)] {
        let cache = cache();
        let (outcomes, asked) = rush(&cache, "id", threads, tasks);
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Some(Ok(_)))));
        assert_eq!((outcomes.len(), asked), (16, 1), "{threads} threads, {tasks} tasks");
        let (_, asked) = rush(&cache, "id", threads, tasks);
        assert_eq!(asked, 0, "it is kept");
        let (outcomes, asked) = rush(&cache, "down", threads, tasks);
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Some(Err(_)))) && asked < 16);
        assert_eq!(cache.len(), 1, "what may pass is not kept");
    }
}

#[test]
fn who_waited_for_credentials_that_were_refused_asks_with_his_own() {
    let (outcomes, asked) = rush(&cache(), "forbidden", 2, 2);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Some(Err(KeyManagerError::Forbidden { .. })))));
    assert_eq!(asked, 4);
}

#[test]
fn a_key_manager_that_panics_takes_one_down_and_another_fetches() {
    for (threads, tasks) in [(4, 4), (0, 8), (8, 0)] {
        let (outcomes, asked) = rush(&cache(), "panics once", threads, tasks);
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_none()).count(), 1);
        assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Some(Ok(_)))).count(), 7);
        assert_eq!(asked, 2);
    }
}

#[test]
fn a_task_that_is_dropped_in_flight_lets_those_who_wait_fetch() {
    let (runtime, cache, source) = (runtime(), cache(), Slow::default());
    let scoped = cache.scope("tenant", source.clone());
    let ask = || {
        let scoped = scoped.clone();
        runtime.spawn(async move { in_a_task(&scoped, "stuck once").await })
    };
    let leader = ask();
    while source.asked("stuck once") == 0 {
        thread::yield_now();
    }
    let (waiting, scope) = (ask(), scoped.clone());
    let thread = thread::spawn(move || in_a_thread(&scope, "stuck once"));
    thread::sleep(SLOW);
    leader.abort();
    assert!(thread.join().unwrap().is_ok());
    assert!(runtime.block_on(waiting).unwrap().is_ok());
    assert!(runtime.block_on(leader).unwrap_err().is_cancelled());
    assert_eq!((source.asked("stuck once"), cache.len()), (2, 1));
}

fn scripted(after: usize) -> Scripted {
    let outcome = Ok(StoredCertificate::new(Walkthrough::glance().certificate()));
    Scripted::new([("id".to_owned(), Line { after, outcome })])
}

#[test]
fn whoever_is_dropped_at_whatever_point_leaves_the_others_an_answer() {
    for polls in 0..8 {
        let (cache, source) = (cache(), scripted(4));
        let scoped = cache.scope("tenant", source.clone());
        let ended = run_at_most(AsyncKeyManager::certificate(&scoped, "id"), polls).is_some();
        assert_eq!((ended, cache.len()), (polls > 4, usize::from(polls > 4)));
        assert_eq!(source.look(|state| state.under_way), 0);
        assert!(run_restlessly(AsyncKeyManager::certificate(&scoped, "id")).is_ok());
        assert_eq!(source.look(|state| state.asked.len()), 1 + usize::from((1..=4).contains(&polls)));
    }
}

/// Two in one task, one of them dropped while it waits for the other, or while the other waits for it.
#[test]
fn either_of_two_in_one_task_may_go() {
    for (first_goes, polls) in (0..6).flat_map(|polls| [(true, polls), (false, polls)]) {
        let (cache, source) = (cache(), scripted(3));
        let scoped = cache.scope("tenant", source);
        let mut calls = [(); 2].map(|()| Some(AsyncKeyManager::certificate(&scoped, "id")));
        let mut ended = 0;
        run(std::future::poll_fn(|context| {
            ended += 1;
            if ended > polls {
                calls[usize::from(!first_goes)] = None;
            }
            for call in &mut calls {
                if let Some(Poll::Ready(outcome)) = call.as_mut().map(|call| call.as_mut().poll(context)) {
                    assert!(outcome.is_ok());
                    *call = None;
                }
            }
            if calls.iter().all(Option::is_none) { Poll::Ready(()) } else { Poll::Pending }
        }));
        assert_eq!(cache.len(), 1);
    }
}

#[test]
fn nothing_is_asked_before_the_first_poll_and_a_long_id_takes_no_place() {
    let (cache, source) = (cache(), Scripted::default());
    let scoped = cache.clone().keep_refusals(MINUTE).scope("tenant", source.clone());
    drop(AsyncKeyManager::certificate(&scoped, "id"));
    assert_eq!(source.look(|state| state.asked.len()), 0);
    for (length, kept) in [(MAX_PROPERTY_TEXT, 1), (MAX_PROPERTY_TEXT + 1, 1)] {
        assert!(run(AsyncKeyManager::certificate(&scoped, &"x".repeat(length))).is_err());
        assert_eq!(cache.len(), kept);
    }
}

/// Threads and tasks on few ids, of which many are dropped after a while: each that stays gets its answer.
#[test]
fn nobody_is_forgotten_in_a_crowd_that_comes_and_goes() {
    let (runtime, source) = (runtime(), Quick);
    let cache = CertificateCache::new(2, Duration::from_micros(300), Instant::now);
    thread::scope(|scope| {
        for number in 0..4_u32 {
            let (scoped, runtime) = (cache.scope("tenant", source.clone()), &runtime);
            scope.spawn(move || {
                for round in 0..200_u32 {
                    let id = ["a", "b", "c"][(round % 3) as usize];
                    let tasks: Vec<_> = (0..4_u64)
                        .map(|task| {
                            let scoped = scoped.clone();
                            let patience = Duration::from_micros(40 * task * u64::from(round % 11));
                            runtime.spawn(async move {
                                let call = AsyncKeyManager::certificate(&scoped, id);
                                // The first goes when it is tired of waiting, at any point.
                                match task {
                                    0..=2 => tokio::time::timeout(patience, call).await.ok(),
                                    _ => Some(call.await),
                                }
                            })
                        })
                        .collect();
                    assert!(KeyManager::certificate(&scoped, id).is_ok(), "{number}");
                    for (place, task) in tasks.into_iter().enumerate() {
                        let outcome = runtime.block_on(task).unwrap();
                        assert!(place < 3 || matches!(outcome, Some(Ok(_))));
                    }
                }
            });
        }
    });
    assert!(cache.len() <= 2);
}

/// Answers after a moment.
#[derive(Clone, Debug)]
struct Quick;

impl KeyManager for Quick {
    fn certificate(&self, _: &str) -> Outcome {
        thread::sleep(Duration::from_micros(200));
        Slow::outcome("id", 1)
    }
}

impl AsyncKeyManager for Quick {
    fn certificate<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            tokio::time::sleep(Duration::from_micros(200)).await;
            Slow::outcome("id", 1)
        })
    }
}

/// A future that was polled in one task and goes on in another: the last waker counts.
#[test]
fn who_waits_may_move_to_another_task() {
    let (cache, source, runtime) = (cache(), Slow::default(), runtime());
    let scoped = cache.scope("tenant", source.clone());
    let leading = scoped.clone();
    let leader = runtime.spawn(async move { in_a_task(&leading, "very slow").await });
    while source.asked("very slow") == 0 {
        thread::yield_now();
    }
    let mut waiting = pin!(in_a_task(&scoped, "very slow"));
    assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert!(run_restlessly(waiting).is_ok());
    assert!(runtime.block_on(leader).unwrap().is_ok());
    assert_eq!(source.asked("very slow"), 1);
}
