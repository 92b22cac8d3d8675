//! The conformance suite, on every key manager of the crate; and that it finds what it is there to find.
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
#![cfg(feature = "conformance")]

mod common;

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use common::{CaseFile, Walkthrough};
use longhand::conformance::{AsyncSubject, Subject, Violation, check, check_async};
use longhand::{
    AsyncKeyManager, Blocking, BoxFuture, Certificate, CertificateCache, DirectoryKeyManager, KeyManager,
    KeyManagerError, MemoryKeyManager, StoredCertificate,
};

fn violations(subject: &dyn Subject) -> Vec<Violation> {
    let second = CaseFile::read("openssl").certificate("openssl/secp384r1/SHA-384");
    check(subject, &Walkthrough::glance().certificate(), &second).err().unwrap_or_default()
}

struct Memory;

impl Subject for Memory {
    fn with(&self, stored: &[(&str, Certificate)]) -> Box<dyn KeyManager> {
        Box::new(stored.iter().cloned().collect::<MemoryKeyManager>())
    }
}

/// Directories that live as long as the test.
struct Directories(tempfile::TempDir);

impl Subject for Directories {
    fn with(&self, stored: &[(&str, Certificate)]) -> Box<dyn KeyManager> {
        let directory = tempfile::TempDir::new_in(self.0.path()).unwrap().keep();
        for (id, certificate) in stored {
            std::fs::write(directory.join(format!("{id}.der")), certificate.der()).unwrap();
        }
        Box::new(DirectoryKeyManager::new(directory))
    }
}

struct Cached<S>(S);

impl<S: Subject> Subject for Cached<S> {
    fn with(&self, stored: &[(&str, Certificate)]) -> Box<dyn KeyManager> {
        let cache = CertificateCache::new(2, Duration::from_secs(60), Instant::now);
        Box::new(cache.keep_refusals(Duration::from_secs(60)).scope("tenant", self.0.with(stored)))
    }
}

#[test]
fn every_key_manager_of_the_crate_conforms() {
    let directories = || Directories(tempfile::TempDir::new().unwrap());
    let subjects: [&dyn Subject; 4] = [&Memory, &directories(), &Cached(Memory), &Cached(directories())];
    for subject in subjects {
        assert!(violations(subject).is_empty(), "{:?}", violations(subject));
    }
}

/// A key manager that breaks one rule.
#[derive(Debug)]
struct Broken<K> {
    inner: K,
    how: How,
    busy: AtomicBool,
}

#[derive(Clone, Copy, Debug)]
enum How {
    SameForAll,
    ErrorForAbsent,
    TrimsIds,
    EchoesIds,
    OneAtATime,
}

impl<K: KeyManager> KeyManager for Broken<K> {
    fn certificate(&self, id: &str) -> Result<StoredCertificate, KeyManagerError> {
        match self.how {
            How::SameForAll => self.inner.certificate("7c0f4a1e-52d5-4f0b-9d0a-6d3f0e1b2a31"),
            How::ErrorForAbsent => {
                self.inner.certificate(id).map_err(|_| KeyManagerError::unavailable(id, "500"))
            }
            How::TrimsIds => self.inner.certificate(id.rsplit('/').next().unwrap_or_default()),
            How::EchoesIds => {
                self.inner.certificate(id).map_err(|_| KeyManagerError::unavailable(id, id.to_owned()))
            }
            How::OneAtATime => {
                if self.busy.swap(true, Ordering::SeqCst) {
                    return Err(KeyManagerError::unavailable(id, "busy"));
                }
                std::thread::sleep(Duration::from_millis(50));
                self.busy.store(false, Ordering::SeqCst);
                self.inner.certificate(id)
            }
        }
    }
}

struct BrokenMemory(How);

impl Subject for BrokenMemory {
    fn with(&self, stored: &[(&str, Certificate)]) -> Box<dyn KeyManager> {
        Box::new(Broken { inner: Memory.with(stored), how: self.0, busy: AtomicBool::default() })
    }
}

/// What a broken key manager breaks, blocking or awaited.
const BROKEN: [(How, &str); 5] = [
    (How::SameForAll, "each id gives its own certificate"),
    (How::ErrorForAbsent, "not found"),
    (How::TrimsIds, "a hostile id gives an error"),
    (How::EchoesIds, "shows little of it"),
    (How::OneAtATime, "at once"),
];

#[test]
fn the_suite_finds_each_broken_rule() {
    for (how, rule) in BROKEN {
        let found = violations(&BrokenMemory(how));
        assert!(found.iter().any(|violation| violation.rule.contains(rule)), "{how:?}: {found:?}");
    }
}

async fn async_violations(subject: &dyn AsyncSubject) -> Vec<Violation> {
    let second = CaseFile::read("openssl").certificate("openssl/secp384r1/SHA-384");
    check_async(subject, &Walkthrough::glance().certificate(), &second).await.err().unwrap_or_default()
}

/// A blocking key manager on threads of the runtime that may wait.
struct Elsewhere<S>(S);

impl<S: Subject + Sync> AsyncSubject for Elsewhere<S> {
    fn with<'a>(&'a self, stored: &'a [(&'a str, Certificate)]) -> BoxFuture<'a, Box<dyn AsyncKeyManager>> {
        let key_manager = Blocking::new(self.0.with(stored), |work| {
            tokio::task::spawn_blocking(work);
        });
        Box::pin(std::future::ready(Box::new(key_manager) as Box<dyn AsyncKeyManager>))
    }
}

struct AsyncCached<S>(S);

impl<S: AsyncSubject + Sync> AsyncSubject for AsyncCached<S> {
    fn with<'a>(&'a self, stored: &'a [(&'a str, Certificate)]) -> BoxFuture<'a, Box<dyn AsyncKeyManager>> {
        Box::pin(async move {
            let cache = CertificateCache::new(2, Duration::from_secs(60), Instant::now);
            let scoped =
                cache.keep_refusals(Duration::from_secs(60)).scope("tenant", self.0.with(stored).await);
            Box::new(scoped) as Box<dyn AsyncKeyManager>
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_key_manager_of_the_crate_conforms_when_awaited() {
    let directories = || Elsewhere(Directories(tempfile::TempDir::new().unwrap()));
    let subjects: [&dyn AsyncSubject; 4] =
        [&Elsewhere(Memory), &directories(), &AsyncCached(Elsewhere(Memory)), &AsyncCached(directories())];
    for subject in subjects {
        let found = async_violations(subject).await;
        assert!(found.is_empty(), "{found:?}");
    }
}

/// What only a key manager that is awaited can break.
#[derive(Clone, Copy, Debug)]
enum AsyncHow {
    /// Panics or fails when asked while a call is under way.
    OneAtATime,
    /// A call that is dropped leaves it locked.
    StaysLocked,
    /// Keeps the first waker.
    FirstWaker,
}

#[derive(Debug)]
struct AsyncBroken {
    inner: Box<dyn KeyManager>,
    how: AsyncHow,
    under_way: AtomicUsize,
}

impl AsyncKeyManager for AsyncBroken {
    fn certificate<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<StoredCertificate, KeyManagerError>> {
        Box::pin(BrokenCall { broken: self, id, started: false, polls: 0, first: None })
    }
}

struct BrokenCall<'a> {
    broken: &'a AsyncBroken,
    id: &'a str,
    started: bool,
    polls: usize,
    first: Option<Waker>,
}

impl Future for BrokenCall<'_> {
    type Output = Result<StoredCertificate, KeyManagerError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let (broken, id) = (self.broken, self.id);
        if !self.started {
            self.started = true;
            let under_way = broken.under_way.fetch_add(1, Ordering::SeqCst);
            if under_way > 0 && !matches!(broken.how, AsyncHow::FirstWaker) {
                return Poll::Ready(Err(KeyManagerError::unavailable(id, "busy")));
            }
        }
        let waker = self.first.get_or_insert_with(|| context.waker().clone()).clone();
        self.polls += 1;
        if self.polls < 3 {
            match broken.how {
                AsyncHow::FirstWaker => waker.wake(),
                _ => context.waker().wake_by_ref(),
            }
            return Poll::Pending;
        }
        if matches!(broken.how, AsyncHow::StaysLocked) {
            broken.under_way.fetch_sub(1, Ordering::SeqCst);
        }
        Poll::Ready(broken.inner.certificate(id))
    }
}

impl Drop for BrokenCall<'_> {
    fn drop(&mut self) {
        if self.started && !matches!(self.broken.how, AsyncHow::StaysLocked) {
            self.broken.under_way.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

struct BrokenAwaited(AsyncHow);

impl AsyncSubject for BrokenAwaited {
    fn with<'a>(&'a self, stored: &'a [(&'a str, Certificate)]) -> BoxFuture<'a, Box<dyn AsyncKeyManager>> {
        let (inner, under_way) = (Memory.with(stored), AtomicUsize::new(0));
        let broken = AsyncBroken { inner, how: self.0, under_way };
        Box::pin(std::future::ready(Box::new(broken) as Box<dyn AsyncKeyManager>))
    }
}

#[tokio::test]
async fn the_suite_finds_each_broken_rule_when_awaited() {
    for (how, rule) in BROKEN {
        let found = async_violations(&Elsewhere(BrokenMemory(how))).await;
        assert!(found.iter().any(|violation| violation.rule.contains(rule)), "{how:?}: {found:?}");
    }
    for (how, rule) in [
        (AsyncHow::OneAtATime, "several at once"),
        (AsyncHow::StaysLocked, "a call that is dropped"),
        (AsyncHow::FirstWaker, "the waker of the last poll"),
    ] {
        let found = async_violations(&BrokenAwaited(how)).await;
        assert!(found.iter().any(|violation| violation.rule.contains(rule)), "{how:?}: {found:?}");
    }
}
