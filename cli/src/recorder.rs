//! A key manager that remembers what it gave, so that the report names certificates also where the library refuses.

use std::sync::{Mutex, PoisonError};

use longhand::{Certificate, KeyManager, KeyManagerError, StoredCertificate};

/// Another key manager, and what came from it.
#[derive(Debug)]
pub(crate) struct Recorder<'a> {
    key_manager: &'a dyn KeyManager,
    given: Mutex<Vec<(String, Certificate)>>,
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(key_manager: &'a dyn KeyManager) -> Self {
        Self { key_manager, given: Mutex::default() }
    }

    /// The certificate that was given under this id, if one was.
    pub(crate) fn given(&self, id: &str) -> Option<Certificate> {
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        given.iter().find(|(known, _)| known == id).map(|(_, certificate)| certificate.clone())
    }
}

impl KeyManager for Recorder<'_> {
    fn certificate(&self, id: &str) -> Result<StoredCertificate, KeyManagerError> {
        let stored = self.key_manager.certificate(id)?;
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        given.push((id.to_owned(), stored.certificate.clone()));
        Ok(stored)
    }
}
