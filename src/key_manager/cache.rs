//! A cache of certificates, shared by all requests of a service.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::flight::{Flight, block_on};
#[cfg(feature = "async")]
use super::{AsyncKeyManager, BoxFuture};
use super::{KeyManager, KeyManagerError, Outcome};
use crate::code::Disposition;
use crate::limits::MAX_PROPERTY_TEXT;

/// A bounded cache of certificates with a time to live, used through [`scope`](Self::scope). Cheap to clone: clones
/// share their certificates.
///
/// - What one tenant may read never serves another: a certificate is kept for the tenant whose key manager gave it.
/// - However many requests ask for one id at once, threads and tasks alike, one fetches and the others wait for its answer.
///   Should it panic or its task be dropped, another fetches.
/// - Errors are not kept, unless [`keep_refusals`](Self::keep_refusals) asks for it, and never those that may pass.
/// - Past its capacity it forgets what was used least recently.
///
/// A certificate that is replaced or withdrawn in the key manager is served until its time to live has passed, which is
/// counted from when it was asked for: choose that as long as you would let a withdrawn certificate verify images.
///
/// With the feature `async` the same cache serves an `AsyncKeyManager`. A fetch goes on as long as its task is polled:
/// whoever neither polls nor drops what he asked for keeps the others waiting. So a thread that drives tasks must not ask
/// as threads do, which would have it wait for a task that only it can drive.
///
/// ```
/// use std::time::{Duration, Instant};
/// use longhand::{CertificateCache, DirectoryKeyManager, KeyManager};
///
/// let cache = CertificateCache::new(1000, Duration::from_secs(60), Instant::now); // one for the service
///
/// let of_this_request = DirectoryKeyManager::new("test-vectors/walkthrough/glance/certs");
/// let key_manager = cache.scope("tenant-a", of_this_request); // one for each request
/// let id = "cd7cc675-e573-419c-8fff-33a72734a243";
/// assert_eq!(key_manager.certificate(id)?, key_manager.certificate(id)?); // fetched once
/// # Ok::<(), longhand::KeyManagerError>(())
/// ```
#[derive(Clone)]
pub struct CertificateCache {
    shared: Arc<Shared>,
    refusals: Option<Duration>,
}

struct Shared {
    capacity: usize,
    time_to_live: Duration,
    /// The caller's clock: the library has none of its own.
    now: Box<dyn Fn() -> Instant + Send + Sync>,
    places: Mutex<Places>,
}

/// Tenant and id.
type Key = (String, String);

#[derive(Default)]
struct Places {
    by_key: BTreeMap<Key, Place>,
    /// Counts uses: the smallest mark was used least recently.
    uses: u64,
}

enum Place {
    Fetching(Arc<Flight>),
    Kept { outcome: Outcome, until: Instant, used: u64 },
}

impl CertificateCache {
    /// A cache of at most `capacity` certificates, each kept for `time_to_live` by the clock `now`, which is
    /// `Instant::now` but for tests.
    #[must_use]
    pub fn new(
        capacity: usize,
        time_to_live: Duration,
        now: impl Fn() -> Instant + Send + Sync + 'static,
    ) -> Self {
        let places = Mutex::new(Places::default());
        let shared = Shared { capacity, time_to_live, now: Box::new(now), places };
        Self { shared: Arc::new(shared), refusals: None }
    }

    /// Keeps final errors too, for this long: not found, no certificate, another format. Errors that another try or an
    /// operator can cure are never kept. It holds for this handle and its clones: others ask anew.
    #[must_use]
    pub fn keep_refusals(mut self, time_to_live: Duration) -> Self {
        self.refusals = Some(time_to_live);
        self
    }

    /// The cache before one request's key manager. `tenant` names whose rights `key_manager` has: the project, or the
    /// user where users of a project may read different secrets.
    #[must_use]
    pub fn scope<K>(&self, tenant: impl Into<String>, key_manager: K) -> ScopedKeyManager<K> {
        ScopedKeyManager { cache: self.clone(), tenant: tenant.into(), key_manager }
    }

    /// Forgets everything that is kept. What is being fetched goes to those who have asked already, and is not kept.
    pub fn clear(&self) {
        self.shared.places().by_key.clear();
    }

    /// How many answers it keeps.
    #[must_use]
    pub fn len(&self) -> usize {
        let kept = |place: &&Place| matches!(place, Place::Kept { .. });
        self.shared.places().by_key.values().filter(kept).count()
    }

    /// Whether it keeps nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is kept, or what whoever fetches it gets. No lock is held while anybody waits.
    async fn certificate<F: Future<Output = Outcome>>(&self, key: Key, fetch: impl Fn() -> F) -> Outcome {
        loop {
            let (flight, asked) = match self.shared.board(&key, self.refusals.is_some()) {
                Boarding::Kept(outcome) => return outcome,
                Boarding::Wait(flight) => match flight.landing().await {
                    // Another request's credentials may have been refused where these are not.
                    Some(Err(KeyManagerError::Forbidden { .. })) | None => continue,
                    Some(outcome) => return outcome,
                },
                Boarding::Fetch { flight, asked } => (flight, asked),
            };
            let pilot = Pilot { shared: &self.shared, key: &key, flight, landed: false };
            let outcome = fetch().await;
            let until = self.time_to_live(&outcome).and_then(|time_to_live| asked.checked_add(time_to_live));
            pilot.land(&outcome, until);
            return outcome;
        }
    }

    /// How long an answer is kept, if at all.
    fn time_to_live(&self, outcome: &Outcome) -> Option<Duration> {
        match outcome {
            Ok(_) => Some(self.shared.time_to_live),
            Err(error) if error.disposition() == Disposition::Final => self.refusals,
            Err(_) => None,
        }
    }
}

impl fmt::Debug for CertificateCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateCache")
            .field("capacity", &self.shared.capacity)
            .field("time_to_live", &self.shared.time_to_live)
            .field("refusals", &self.refusals)
            .finish_non_exhaustive()
    }
}

/// One request's key manager behind a [`CertificateCache`].
#[derive(Clone)]
pub struct ScopedKeyManager<K> {
    cache: CertificateCache,
    tenant: String,
    key_manager: K,
}

/// Without the tenant: services that know nothing else of a caller take his token for it.
impl<K: fmt::Debug> fmt::Debug for ScopedKeyManager<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedKeyManager")
            .field("cache", &self.cache)
            .field("key_manager", &self.key_manager)
            .finish_non_exhaustive()
    }
}

impl<K> ScopedKeyManager<K> {
    /// Under what an answer for this id is kept. An id past the bound of the property is no id that is worth a place.
    fn key(&self, id: &str) -> Option<Key> {
        (id.len() <= MAX_PROPERTY_TEXT).then(|| (self.tenant.clone(), id.to_owned()))
    }
}

impl<K: KeyManager> KeyManager for ScopedKeyManager<K> {
    fn certificate(&self, id: &str) -> Outcome {
        let Some(key) = self.key(id) else { return self.key_manager.certificate(id) };
        // The key manager is asked on this thread, which waits for nothing but another's fetch.
        block_on(self.cache.certificate(key, || std::future::ready(self.key_manager.certificate(id))))
    }
}

#[cfg(feature = "async")]
impl<K: AsyncKeyManager> AsyncKeyManager for ScopedKeyManager<K> {
    fn certificate<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Outcome> {
        let Some(key) = self.key(id) else { return self.key_manager.certificate(id) };
        Box::pin(self.cache.certificate(key, move || self.key_manager.certificate(id)))
    }
}

/// What somebody who asks for a certificate has to do.
enum Boarding {
    Kept(Outcome),
    Wait(Arc<Flight>),
    Fetch { flight: Arc<Flight>, asked: Instant },
}

impl Shared {
    fn places(&self) -> MutexGuard<'_, Places> {
        // No code that can panic runs under the lock; if it did, the places would still be whole.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn board(&self, key: &Key, takes_refusals: bool) -> Boarding {
        let now = (self.now)();
        let mut places = self.places();
        places.uses = places.uses.saturating_add(1);
        let uses = places.uses;
        match places.by_key.get_mut(key) {
            Some(Place::Fetching(flight)) => return Boarding::Wait(flight.clone()),
            Some(Place::Kept { outcome, until, used })
                if now < *until && (takes_refusals || outcome.is_ok()) =>
            {
                *used = uses;
                return Boarding::Kept(outcome.clone());
            }
            _ => {}
        }
        let flight = Arc::new(Flight::default());
        places.by_key.insert(key.clone(), Place::Fetching(flight.clone()));
        Boarding::Fetch { flight, asked: now }
    }

    /// Keeps the answer of a fetch, and forgets others where there are too many.
    fn keep(&self, key: &Key, flight: &Arc<Flight>, outcome: &Outcome, until: Option<Instant>) {
        let mut places = self.places();
        if !places.leave(key, flight) {
            return;
        }
        let Some(until) = until.filter(|_| self.capacity > 0) else { return };
        while places.kept() >= self.capacity {
            let Some(oldest) = places.least_recently_used() else { break };
            places.by_key.remove(&oldest);
        }
        let place = Place::Kept { outcome: outcome.clone(), until, used: places.uses };
        places.by_key.insert(key.clone(), place);
    }
}

impl Places {
    /// Takes a fetch from its place, unless the cache was cleared meanwhile: then the place is gone, or another's.
    fn leave(&mut self, key: &Key, flight: &Arc<Flight>) -> bool {
        let is_its = |place: &Place| matches!(place, Place::Fetching(other) if Arc::ptr_eq(other, flight));
        let leaves = self.by_key.get(key).is_some_and(is_its);
        if leaves {
            self.by_key.remove(key);
        }
        leaves
    }

    fn kept(&self) -> usize {
        self.by_key.values().filter(|place| matches!(place, Place::Kept { .. })).count()
    }

    fn least_recently_used(&self) -> Option<Key> {
        let used = self.by_key.iter().filter_map(|(key, place)| match place {
            Place::Kept { used, .. } => Some((used, key)),
            Place::Fetching(_) => None,
        });
        used.min().map(|(_, key)| key.clone())
    }
}

/// Whoever fetches. Should the key manager panic, or the task be dropped, those who wait are told.
struct Pilot<'a> {
    shared: &'a Shared,
    key: &'a Key,
    flight: Arc<Flight>,
    landed: bool,
}

impl Pilot<'_> {
    fn land(mut self, outcome: &Outcome, until: Option<Instant>) {
        self.shared.keep(self.key, &self.flight, outcome, until);
        self.landed = true;
        self.flight.land(outcome.clone());
    }
}

impl Drop for Pilot<'_> {
    fn drop(&mut self) {
        if self.landed {
            return;
        }
        self.shared.places().leave(self.key, &self.flight);
        self.flight.lose();
    }
}
