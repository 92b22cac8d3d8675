//! A key manager that blocks, for services that are async.

use std::fmt;
use std::sync::{Arc, Weak};

use super::flight::Flight;
use super::{AsyncKeyManager, BoxFuture, KeyManager, KeyManagerError, Outcome};

/// A piece of work that may block: one call of a key manager.
pub type BlockingWork = Box<dyn FnOnce() + Send>;

/// A [`KeyManager`] as an [`AsyncKeyManager`]: said openly, because whoever blocks a runtime's thread holds up whatever
/// else runs on it. Feature `async`.
///
/// ```
/// use longhand::{AsyncKeyManager, Blocking, DirectoryKeyManager, MemoryKeyManager};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), longhand::KeyManagerError> {
/// // Files are read on threads that may wait.
/// let certificates = DirectoryKeyManager::new("test-vectors/walkthrough/glance/certs");
/// let key_manager = Blocking::new(certificates, |work| {
///     tokio::task::spawn_blocking(work);
/// });
/// key_manager.certificate("cd7cc675-e573-419c-8fff-33a72734a243").await?;
///
/// // Memory answers at once.
/// let key_manager = Blocking::in_place(MemoryKeyManager::new());
/// assert!(key_manager.certificate("cd7cc675-e573-419c-8fff-33a72734a243").await.is_err());
/// # Ok(())
/// # }
/// ```
///
/// A call that is dropped before its work has begun is never made; one that has begun comes to its end and is forgotten.
pub struct Blocking<K> {
    key_manager: Arc<K>,
    place: Place,
}

#[derive(Clone)]
enum Place {
    Here,
    Elsewhere(Arc<dyn Fn(BlockingWork) + Send + Sync>),
}

impl<K> Blocking<K> {
    /// A key manager whose calls `start` takes elsewhere: to a thread that may wait. Work that panics, or that `start`
    /// drops without running it, is [`KeyManagerError::Unavailable`].
    pub fn new(key_manager: K, start: impl Fn(BlockingWork) + Send + Sync + 'static) -> Self {
        Self { key_manager: Arc::new(key_manager), place: Place::Elsewhere(Arc::new(start)) }
    }

    /// A key manager that answers at once, as one in memory does: it is called where it is awaited.
    pub fn in_place(key_manager: K) -> Self {
        Self { key_manager: Arc::new(key_manager), place: Place::Here }
    }
}

/// Clones share the key manager.
impl<K> Clone for Blocking<K> {
    fn clone(&self) -> Self {
        Self { key_manager: self.key_manager.clone(), place: self.place.clone() }
    }
}

impl<K: fmt::Debug> fmt::Debug for Blocking<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Blocking").field(&self.key_manager).finish()
    }
}

impl<K: KeyManager + 'static> AsyncKeyManager for Blocking<K> {
    fn certificate<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Outcome> {
        match &self.place {
            Place::Here => Box::pin(async move { self.key_manager.certificate(id) }),
            Place::Elsewhere(start) => Box::pin(async move {
                let flight = Arc::new(Flight::default());
                start(work(&flight, self.key_manager.clone(), id.to_owned()));
                let lost = || Err(KeyManagerError::unavailable(id, "the call panicked or was not run"));
                flight.landing().await.unwrap_or_else(lost)
            }),
        }
    }
}

fn work<K: KeyManager + 'static>(flight: &Arc<Flight>, key_manager: Arc<K>, id: String) -> BlockingWork {
    let caller = Caller(Arc::downgrade(flight));
    Box::new(move || {
        let caller = caller;
        if caller.waits() {
            caller.answer(key_manager.certificate(&id));
        }
    })
}

/// Whoever waits for a call, unless he has gone. Told also if there will be no answer.
struct Caller(Weak<Flight>);

impl Caller {
    fn waits(&self) -> bool {
        self.0.strong_count() > 0
    }

    fn answer(&self, outcome: Outcome) {
        if let Some(flight) = self.0.upgrade() {
            flight.land(outcome);
        }
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        if let Some(flight) = self.0.upgrade() {
            flight.lose();
        }
    }
}
