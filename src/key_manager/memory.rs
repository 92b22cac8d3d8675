//! Certificates in memory.

use std::collections::BTreeMap;

use super::{KeyManager, KeyManagerError, StoredCertificate};

/// A key manager that holds its certificates in memory: for tests, and for services that were handed them.
///
/// ```
/// use longhand::{Certificate, KeyManager, MemoryKeyManager};
///
/// # let bytes = std::fs::read("test-vectors/walkthrough/glance/certs/cd7cc675-e573-419c-8fff-33a72734a243.crt")?;
/// let certificate = Certificate::from_bytes(&bytes)?;
///
/// let mut key_manager = MemoryKeyManager::new();
/// key_manager.insert("5b25a0c2-0d11-4e0a-8a9c-0f8a4b7d2c10", certificate);
/// assert!(key_manager.certificate("5b25a0c2-0d11-4e0a-8a9c-0f8a4b7d2c10").is_ok());
/// assert!(key_manager.certificate("another").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryKeyManager {
    certificates: BTreeMap<String, StoredCertificate>,
}

impl MemoryKeyManager {
    /// A key manager that holds nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Stores a certificate under an id, in place of the one that was there.
    pub fn insert(&mut self, id: impl Into<String>, certificate: impl Into<StoredCertificate>) {
        self.certificates.insert(id.into(), certificate.into());
    }
}

impl KeyManager for MemoryKeyManager {
    fn certificate(&self, id: &str) -> Result<StoredCertificate, KeyManagerError> {
        self.certificates.get(id).cloned().ok_or_else(|| KeyManagerError::not_found(id))
    }
}

impl<I: Into<String>, C: Into<StoredCertificate>> FromIterator<(I, C)> for MemoryKeyManager {
    fn from_iter<T: IntoIterator<Item = (I, C)>>(certificates: T) -> Self {
        let pairs = certificates.into_iter().map(|(id, certificate)| (id.into(), certificate.into()));
        Self { certificates: pairs.collect() }
    }
}
