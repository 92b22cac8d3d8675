//! Which authorities a service's own certificate may come from. This is not the trust that images are judged by.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::error::HttpError;

/// A file of authorities, in bytes; the largest that systems ship have a quarter of it.
const MAX_CA_FILE: u64 = 1024 * 1024;

/// The authorities that a connection may trust: the system's, and those of a file. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    roots: Arc<Vec<CertificateDer<'static>>>,
}

impl Tls {
    /// The system's authorities. Where there are none no `https` endpoint can be reached.
    #[must_use]
    pub fn system() -> Self {
        Self { roots: Arc::new(rustls_native_certs::load_native_certs().certs) }
    }

    /// The authorities of this file alone, as `[barbican] verify_ssl_path`, `[vault] ssl_ca_crt_file` and `OS_CACERT` name it:
    /// PEM, one or more.
    ///
    /// # Errors
    /// [`HttpError::Setup`] when the file cannot be read or holds no certificate.
    pub fn with_ca_file(path: impl AsRef<Path>) -> Result<Self, HttpError> {
        const WHAT: &str = "the file of authorities";
        let mut text = Vec::new();
        let opened = File::open(path.as_ref());
        opened
            .and_then(|file| file.take(MAX_CA_FILE.saturating_add(1)).read_to_end(&mut text))
            .map_err(|error| HttpError::Setup { what: WHAT, source: Arc::new(error) })?;
        let fault = |text: &'static str| HttpError::Setup {
            what: WHAT,
            source: Arc::new(std::io::Error::new(std::io::ErrorKind::InvalidData, text)),
        };
        if u64::try_from(text.len()).unwrap_or(u64::MAX) > MAX_CA_FILE {
            return Err(fault("it is too large"));
        }
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        let roots = read.map_err(|_| fault("it is not PEM"))?;
        if roots.is_empty() {
            return Err(fault("it holds no certificate"));
        }
        Ok(Self { roots: Arc::new(roots) })
    }

    #[cfg(any(feature = "blocking", feature = "tokio"))]
    pub(crate) fn client_config(&self) -> Result<rustls::ClientConfig, HttpError> {
        let mut store = rustls::RootCertStore::empty();
        store.add_parsable_certificates(self.roots.iter().cloned());
        let config = rustls::ClientConfig::builder_with_provider(crypto_provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| HttpError::setup("TLS", error))?;
        Ok(config.with_root_certificates(store).with_no_client_auth())
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("roots", &self.roots.len()).finish()
    }
}

/// Named, never the process's default: another library may have set that, or two providers may be built in.
#[cfg(any(feature = "blocking", feature = "tokio"))]
fn crypto_provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
