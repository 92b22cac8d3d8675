//! The cache: bounded, one flight for one id, nothing across tenants, nothing kept that may pass.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

mod common;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::Walkthrough;
use longhand::limits::MAX_PROPERTY_TEXT;
use longhand::{CertificateCache, KeyManager, KeyManagerError, StoredCertificate};

const MINUTE: Duration = Duration::from_secs(60);

/// Counts what it is asked, answers by the id, and may take its time.
#[derive(Clone, Debug, Default)]
struct Counting {
    asked: Arc<Mutex<BTreeMap<String, usize>>>,
    slow: Duration,
}

impl Counting {
    fn asked(&self, id: &str) -> usize {
        self.asked.lock().unwrap().get(id).copied().unwrap_or_default()
    }
}

impl KeyManager for Counting {
    fn certificate(&self, id: &str) -> Result<StoredCertificate, KeyManagerError> {
        *self.asked.lock().unwrap().entry(id.to_owned()).or_default() += 1;
        thread::sleep(self.slow);
        match id {
            _ if id.starts_with("absent") => Err(KeyManagerError::not_found(id)),
            "forbidden" => Err(KeyManagerError::forbidden(id, "403")),
            "down" => Err(KeyManagerError::unavailable(id, "timeout")),
            "panics" => panic!("the key manager's own bug"),
            _ => Ok(StoredCertificate::new(Walkthrough::glance().certificate())),
        }
    }
}

/// A clock that stands until it is moved.
fn clock() -> (Arc<AtomicU64>, impl Fn() -> Instant + Send + Sync + 'static) {
    let (seconds, start) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let shared = seconds.clone();
    (seconds, move || start + Duration::from_secs(shared.load(Ordering::SeqCst)))
}

#[test]
fn a_certificate_is_fetched_once_until_its_time_has_passed() {
    let (seconds, now) = clock();
    let (cache, source) = (CertificateCache::new(10, MINUTE, now), Counting::default());
    let scoped = cache.scope("tenant", source.clone());
    for (time, fetched) in [(0, 1), (30, 1), (59, 1), (60, 2), (119, 2), (120, 3)] {
        seconds.store(time, Ordering::SeqCst);
        assert!(scoped.certificate("id").is_ok());
        assert_eq!(source.asked("id"), fetched, "at {time} s");
    }
}

/// Something happens while a certificate is fetched.
#[derive(Clone)]
struct While<F>(Counting, F);

impl<F> fmt::Debug for While<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<F: Fn() + Send + Sync> KeyManager for While<F> {
    fn certificate(&self, id: &str) -> Result<StoredCertificate, KeyManagerError> {
        self.1();
        self.0.certificate(id)
    }
}

#[test]
fn its_time_runs_from_when_it_was_asked_for() {
    let (seconds, now) = clock();
    let (cache, source) = (CertificateCache::new(10, MINUTE, now), Counting::default());
    let scoped = cache.scope("tenant", While(source.clone(), || seconds.store(50, Ordering::SeqCst)));
    for (time, fetched) in [(0, 1), (59, 1), (60, 2)] {
        seconds.store(time, Ordering::SeqCst);
        assert!(scoped.certificate("id").is_ok());
        assert_eq!(source.asked("id"), fetched, "at {time} s");
    }
}

#[test]
fn what_was_asked_for_before_the_cache_was_cleared_is_not_kept() {
    let (cache, source) = (CertificateCache::new(10, MINUTE, Instant::now), Counting::default());
    let scoped = cache.scope("tenant", While(source, || cache.clear()));
    assert!(scoped.certificate("id").is_ok());
    assert!(cache.is_empty());
}

#[test]
fn what_is_asked_for_after_the_cache_was_cleared_does_not_join_a_fetch_from_before() {
    let cache = CertificateCache::new(10, MINUTE, Instant::now);
    let (before, after) = (Barrier::new(2), Barrier::new(2));
    let fetch = |at: &Barrier, goes_well: bool| {
        let source = While(Counting::default(), || {
            at.wait();
            at.wait();
            assert!(goes_well, "the key manager's own bug");
        });
        cache.scope("tenant", source).certificate("id")
    };
    thread::scope(|scope| {
        let first = scope.spawn(|| fetch(&before, false));
        before.wait();
        cache.clear();
        let second = scope.spawn(|| fetch(&after, true));
        after.wait();
        before.wait();
        assert!(first.join().is_err());
        after.wait();
        assert!(second.join().unwrap().is_ok());
    });
    assert_eq!(cache.len(), 1, "the end of the first took nothing from the second");
}

#[test]
fn another_request_of_the_tenant_is_served_and_another_tenant_is_not() {
    let (cache, alice, mallory) =
        (CertificateCache::new(10, MINUTE, Instant::now), Counting::default(), Counting::default());
    cache.scope("alice", alice.clone()).certificate("id").unwrap();
    cache.clone().scope("alice", &alice).certificate("id").unwrap();
    assert_eq!(alice.asked("id"), 1);
    cache.scope("mallory", mallory.clone()).certificate("id").unwrap();
    assert_eq!(mallory.asked("id"), 1, "his own key manager decides what he may read");
    // Tenant and id cannot be shifted into each other.
    cache.scope("alicei", mallory.clone()).certificate("d").unwrap();
    assert_eq!(mallory.asked("d"), 1);
}

#[test]
fn errors_are_not_kept_unless_asked_and_never_those_that_may_pass() {
    let (seconds, now) = clock();
    let cache = CertificateCache::new(10, MINUTE, now);
    let keeping = cache.clone().keep_refusals(Duration::from_secs(5));
    for (cache, id, asked) in [
        (&cache, "absent", [1, 2, 3]),
        (&keeping, "absent", [1, 1, 2]),
        (&keeping, "forbidden", [1, 2, 3]),
        (&keeping, "down", [1, 2, 3]),
    ] {
        cache.clear();
        let source = Counting::default();
        let scoped = cache.scope("tenant", source.clone());
        for (time, asked) in [0, 4, 5].into_iter().zip(asked) {
            seconds.store(time, Ordering::SeqCst);
            assert!(scoped.certificate(id).is_err());
            assert_eq!(source.asked(id), asked, "{id} at {time} s");
        }
    }
}

#[test]
fn a_refusal_is_kept_for_those_who_asked_for_that() {
    let cache = CertificateCache::new(10, MINUTE, Instant::now);
    let (keeping, source) = (cache.clone().keep_refusals(MINUTE), Counting::default());
    for (cache, asked) in
        [(&keeping, 1), (&keeping, 1), (&cache, 2), (&cache, 3), (&keeping, 4), (&keeping, 4)]
    {
        assert!(cache.scope("tenant", source.clone()).certificate("absent").is_err());
        assert_eq!(source.asked("absent"), asked);
    }
}

#[test]
fn past_its_capacity_it_forgets_what_was_used_least_recently() {
    let (cache, source) = (CertificateCache::new(3, MINUTE, Instant::now), Counting::default());
    let scoped = cache.scope("tenant", source.clone());
    for id in ["a", "b", "c", "a", "d", "a", "c", "d"] {
        scoped.certificate(id).unwrap();
        assert!(cache.len() <= 3);
    }
    assert_eq!(["a", "b", "c", "d"].map(|id| source.asked(id)), [1, 1, 1, 1]);
    scoped.certificate("b").unwrap();
    assert_eq!(source.asked("b"), 2, "b was forgotten for d");
    cache.clear();
    assert!(cache.is_empty());
}

#[test]
fn hostile_ids_take_no_more_than_its_capacity() {
    let (cache, source) = (CertificateCache::new(3, MINUTE, Instant::now), Counting::default());
    let cache = cache.keep_refusals(MINUTE);
    let scoped = cache.scope("tenant", source.clone());
    for number in 0..1000 {
        assert!(scoped.certificate(&format!("absent{number}")).is_err());
        assert!(cache.len() <= 3);
    }
    let long = "x".repeat(MAX_PROPERTY_TEXT + 1);
    for _ in 0..2 {
        scoped.certificate(&long).unwrap();
    }
    assert_eq!(cache.len(), 3);
    assert_eq!(source.asked(&long), 2, "too long to be kept");
    let none = CertificateCache::new(0, MINUTE, Instant::now);
    none.scope("tenant", source).certificate("id").unwrap();
    assert!(none.is_empty());
}

/// Asks for one id from many threads at once; how many times it was fetched, and how many got an error.
fn rush(cache: &CertificateCache, id: &'static str, threads: usize) -> (usize, usize) {
    let source = Counting { slow: Duration::from_millis(200), ..Counting::default() };
    let (barrier, errors) = (Barrier::new(threads), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let scoped = cache.scope("tenant", source.clone());
                barrier.wait();
                if scoped.certificate(id).is_err() {
                    errors.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    (source.asked(id), errors.load(Ordering::SeqCst))
}

#[test]
fn one_fetches_and_the_others_wait_for_its_answer() {
    let cache = CertificateCache::new(10, MINUTE, Instant::now);
    assert_eq!(rush(&cache, "id", 16), (1, 0));
    assert_eq!(
        rush(&cache, "down", 16),
        (1, 16),
        "an answer is shared by those who wait, even one that is not kept"
    );
    assert_eq!(rush(&CertificateCache::new(0, MINUTE, Instant::now), "id", 16), (1, 0));
}

#[test]
fn who_waited_for_credentials_that_were_refused_asks_with_his_own() {
    let cache = CertificateCache::new(10, MINUTE, Instant::now);
    assert_eq!(rush(&cache, "forbidden", 4), (4, 4));
}

#[test]
fn a_key_manager_that_panics_leaves_nobody_waiting() {
    let cache = CertificateCache::new(10, MINUTE, Instant::now);
    let source = Counting { slow: Duration::from_millis(50), ..Counting::default() };
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let scoped = cache.scope("tenant", source.clone());
            thread::spawn(move || scoped.certificate("panics"))
        })
        .collect();
    assert!(threads.into_iter().all(|thread| thread.join().is_err()), "each asked for himself");
    assert!(cache.is_empty());
    assert!(cache.scope("tenant", source).certificate("id").is_ok(), "and the cache goes on");
}

#[test]
fn a_tenant_is_not_shown() {
    let cache = CertificateCache::new(8, MINUTE, Instant::now);
    let scoped = cache.scope("a token, as some take it for a tenant", Counting::default());
    assert!(!format!("{scoped:?} {cache:?}").contains("token"));
}
