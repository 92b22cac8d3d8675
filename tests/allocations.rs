//! How often reading certificates and judging chains ask for memory: bounds, so that nothing that is copied for each
//! certificate, name or candidate comes in unseen.
//!
//! Counted are the calls of the thread that runs the test. What the arithmetic of RSA takes is in the counts.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "tests may panic")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::{Duration, Instant};

use longhand::pki_types::UnixTime;
use longhand::{
    Certificate, CertificateCache, CertificateValidator, DirectoryKeyManager, KeyManager as _, TrustStore,
};

/// The system's allocator, which counts what it is asked for.
struct Counting;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

#[allow(unsafe_code, reason = "an allocator is an unsafe trait; this one hands every call on as it is")]
// SAFETY: every call goes to the system's allocator with the caller's arguments. Counting asks for no memory: the counter
// is const-initialized and has no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.with(|calls| calls.set(calls.get().wrapping_add(1)));
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        CALLS.with(|calls| calls.set(calls.get().wrapping_add(1)));
        // SAFETY: the caller's.
        unsafe { System.realloc(place, layout, size) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller's.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What `run` gives, and how often it asked for memory.
fn counted<T>(run: impl FnOnce() -> T) -> (T, u64) {
    let before = CALLS.get();
    let outcome = run();
    (outcome, CALLS.get().wrapping_sub(before))
}

/// Nova's documented chain: a signing certificate, two intermediates and a root, each of RSA-2048.
const CERTIFICATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/test-vectors/walkthrough/nova/certs");
const SIGNER: &str = "125e6199-2de4-46e3-b091-8e2401ef0d63";
const TRUSTED: [&str; 3] = [
    "0b5d2c72-12cc-4ba6-a8d7-3ff5cc1d8cb8",
    "674736e3-f25c-405c-8362-bbf991e0ce0a",
    "8fbcce5d-d646-4295-ba8a-269fc9451eeb",
];

fn der(id: &str) -> Vec<u8> {
    let pem = std::fs::read(format!("{CERTIFICATES}/{id}.crt")).unwrap();
    Certificate::from_pem(&pem).unwrap().der().to_vec()
}

fn store(trusted: &[Vec<u8>]) -> TrustStore {
    let read = |der: &Vec<u8>| ("trusted", Certificate::from_der(der).unwrap());
    TrustStore::from_certificates(trusted.iter().map(read))
}

fn validator(store: TrustStore) -> CertificateValidator {
    let time = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));
    CertificateValidator::builder().trusted(store).at(time).build()
}

/// Its DER, its two names, and the certificate that is shared.
#[test]
fn a_certificate_takes_four() {
    let der = der(SIGNER);
    let (certificate, calls) = counted(|| Certificate::from_der(&der).unwrap());
    assert!(calls <= 4, "{calls}");
    let (_, calls) = counted(|| (certificate.clone(), certificate.fingerprint(), certificate.serial()));
    assert_eq!(calls, 0);
}

#[test]
fn a_key_is_prepared_for_all_clones_of_a_certificate_at_once() {
    let certificate = Certificate::from_der(&der(SIGNER)).unwrap();
    let clone = certificate.clone();
    let (_, first) = counted(|| clone.public_key().unwrap());
    assert!(first > 0);
    let (_, again) = counted(|| certificate.public_key().unwrap());
    assert_eq!(again, 0);
}

#[test]
fn a_chain_of_four_from_der_to_the_verdict_is_bounded() {
    let (signer, trusted) = (der(SIGNER), TRUSTED.map(der));
    let judge = || {
        let validator = validator(store(&trusted));
        validator.validate(&Certificate::from_der(&signer).unwrap()).unwrap()
    };
    let (chain, calls) = counted(judge);
    assert_eq!(chain.certificates().len(), 4);
    assert!(calls <= 138, "{calls}");
}

/// As a service has it that keeps certificates: the next request prepares the rules' view of them, and nothing else.
#[test]
fn a_chain_of_four_of_kept_certificates_is_bounded() {
    let (signer, store) = (Certificate::from_der(&der(SIGNER)).unwrap(), store(&TRUSTED.map(der)));
    let _ = validator(store.clone()).validate(&signer).unwrap();
    let (chain, calls) = counted(|| validator(store.clone()).validate(&signer).unwrap());
    assert_eq!(chain.certificates().len(), 4);
    assert!(calls <= 112, "{calls}");
    let validator = validator(store);
    let (_, calls) = counted(|| validator.validate(&signer).unwrap());
    assert!(calls <= 85, "{calls}");
}

/// Every tenant's certificate is his own, and so is the key that it keeps.
#[test]
fn the_cache_keeps_a_key_prepared_for_one_tenant() {
    let cache = CertificateCache::new(10, Duration::from_secs(60), Instant::now);
    let public_key = |tenant: &str| {
        let key_manager = cache.scope(tenant, DirectoryKeyManager::new(CERTIFICATES));
        let stored = key_manager.certificate(SIGNER).unwrap();
        counted(|| stored.certificate.public_key().unwrap()).1
    };
    let first = public_key("tenant-a");
    assert!(first > 0);
    assert_eq!(public_key("tenant-a"), 0);
    assert_eq!(public_key("tenant-b"), first);
    assert_eq!(public_key("tenant-b"), 0);
}

/// The tenant and the id, and nothing for the certificate.
#[test]
fn a_certificate_from_the_cache_takes_two() {
    let cache = CertificateCache::new(10, Duration::from_secs(60), Instant::now);
    let key_manager = cache.scope("tenant", DirectoryKeyManager::new(CERTIFICATES));
    let _ = key_manager.certificate(SIGNER).unwrap();
    let (_, calls) = counted(|| key_manager.certificate(SIGNER).unwrap());
    assert!(calls <= 2, "{calls}");
}
