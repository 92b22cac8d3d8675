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

use std::time::{Duration, Instant};

use common::{CaseFile, Walkthrough};
use longhand::conformance::{Subject, Violation, check};
use longhand::{
    Certificate, CertificateCache, DirectoryKeyManager, KeyManager, KeyManagerError, MemoryKeyManager,
    StoredCertificate,
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
}

#[derive(Clone, Copy, Debug)]
enum How {
    SameForAll,
    ErrorForAbsent,
    TrimsIds,
    EchoesIds,
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
        }
    }
}

struct BrokenMemory(How);

impl Subject for BrokenMemory {
    fn with(&self, stored: &[(&str, Certificate)]) -> Box<dyn KeyManager> {
        Box::new(Broken { inner: Memory.with(stored), how: self.0 })
    }
}

#[test]
fn the_suite_finds_each_broken_rule() {
    for (how, rule) in [
        (How::SameForAll, "each id gives its own certificate"),
        (How::ErrorForAbsent, "not found"),
        (How::TrimsIds, "a hostile id gives an error"),
        (How::EchoesIds, "shows little of it"),
    ] {
        let found = violations(&BrokenMemory(how));
        assert!(found.iter().any(|violation| violation.rule.contains(rule)), "{how:?}: {found:?}");
    }
}
