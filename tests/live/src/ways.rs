//! A key manager the two ways that there are to ask it: waiting, and awaited on tokio.

use std::sync::LazyLock;
use std::time::Duration;

use longhand::{AsyncKeyManager, KeyManager, KeyManagerError, StoredCertificate};
use longhand_http::Patience;
use tokio::runtime::Runtime;

/// The name of each way, and the key manager.
pub type Ways = [(&'static str, Box<dyn KeyManager>); 2];

/// How long one question may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(5);

/// One of the ways: the first waits, the second is awaited.
pub fn one_of(ways: Ways, number: usize) -> (&'static str, Box<dyn KeyManager>) {
    let [waiting, awaited] = ways;
    if number == 0 { waiting } else { awaited }
}

/// The patience of the tests: short pauses, and less time than a test may take.
pub fn patience() -> Patience {
    let pauses = Patience::default().pauses(Duration::from_millis(20), Duration::from_millis(100));
    pauses.attempt_time(DEADLINE).deadline(DEADLINE)
}

/// The runtime of the tests.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));
    &RUNTIME
}

/// An awaited key manager for tests that wait: each question is put on [`runtime`].
#[derive(Debug)]
pub struct OnRuntime<K>(pub K);

impl<K: AsyncKeyManager> KeyManager for OnRuntime<K> {
    fn certificate(&self, id: &str) -> Result<StoredCertificate, KeyManagerError> {
        runtime().block_on(self.0.certificate(id))
    }
}
