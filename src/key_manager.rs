//! Where certificates lie: the key manager behind a trait, and two that need no service.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::certificate::{Certificate, CertificateError};
use crate::code::{Disposition, ErrorCode, SIGNATURE_FAILED};
use crate::excerpt::Excerpt;

#[cfg(feature = "async")]
mod asynchronous;
#[cfg(feature = "async")]
mod blocking;
mod cache;
#[cfg(feature = "conformance")]
pub mod conformance;
mod directory;
mod fetching;
mod flight;
mod memory;

#[cfg(feature = "async")]
pub use asynchronous::{AsyncKeyManager, BoxFuture};
#[cfg(feature = "async")]
pub use blocking::{Blocking, BlockingWork};
pub use cache::{CertificateCache, ScopedKeyManager};
pub use directory::DirectoryKeyManager;
pub(crate) use fetching::{Fetched, Fetching};
pub use memory::MemoryKeyManager;

/// What a key manager gives for an id.
type Outcome = Result<StoredCertificate, KeyManagerError>;

/// A key manager, as one request sees it: what Castellan's `get(context, id)` is to Cursive.
///
/// A value is cheap, lives for one request and holds that request's credentials.
///
/// ```
/// use longhand::{KeyManager, KeyManagerError, StoredCertificate};
///
/// #[derive(Debug)]
/// struct MySecrets { token: String }
///
/// impl KeyManager for MySecrets {
///     fn certificate(&self, id: &str) -> Result<StoredCertificate, KeyManagerError> {
///         if !id.bytes().all(|octet| octet.is_ascii_hexdigit() || octet == b'-') {
///             return Err(KeyManagerError::invalid_id(id, "it must be a UUID"));
///         }
///         match self.fetch(id) {
///             Some((format, bytes)) => StoredCertificate::from_managed_object(id, format, &bytes),
///             None => Err(KeyManagerError::not_found(id)),
///         }
///     }
/// }
/// # impl MySecrets { fn fetch(&self, _: &str) -> Option<(&'static str, Vec<u8>)> { let _ = &self.token; None } }
/// # let secrets = MySecrets { token: String::new() };
/// # assert_eq!(secrets.certificate("a").unwrap_err().code().name(), "certificate_not_found");
/// assert_eq!(secrets.certificate("../x").unwrap_err().code().name(), "key_manager_id_invalid");
/// ```
pub trait KeyManager: fmt::Debug + Send + Sync {
    /// The certificate that is stored under `id`.
    ///
    /// The id comes from an image property or from a tenant's request: a hostile text. An implementation that builds
    /// a path or an address from it checks it first.
    ///
    /// # Errors
    /// [`KeyManagerError`], whose kinds callers tell apart: not found is final, unavailable may be tried again,
    /// forbidden is for an operator.
    fn certificate(&self, id: &str) -> Result<StoredCertificate, KeyManagerError>;
}

impl<K: KeyManager + ?Sized> KeyManager for &K {
    fn certificate(&self, id: &str) -> Result<StoredCertificate, KeyManagerError> {
        (**self).certificate(id)
    }
}

impl<K: KeyManager + ?Sized> KeyManager for Box<K> {
    fn certificate(&self, id: &str) -> Result<StoredCertificate, KeyManagerError> {
        (**self).certificate(id)
    }
}

impl<K: KeyManager + ?Sized> KeyManager for Arc<K> {
    fn certificate(&self, id: &str) -> Result<StoredCertificate, KeyManagerError> {
        (**self).certificate(id)
    }
}

/// What a key manager gives for an id: the certificate, and others stored with it that may help to build its chain.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredCertificate {
    /// The certificate.
    pub certificate: Certificate,
    /// Certificates stored beside it, as in Barbican's certificate containers. Never trusted for being here.
    pub intermediates: Vec<Certificate>,
}

impl StoredCertificate {
    /// A certificate with nothing beside it.
    #[must_use]
    pub fn new(certificate: Certificate) -> Self {
        Self { certificate, intermediates: Vec::new() }
    }

    /// The same with these certificates beside it.
    #[must_use]
    pub fn with_intermediates(mut self, intermediates: Vec<Certificate>) -> Self {
        self.intermediates = intermediates;
        self
    }

    /// Reads a certificate that came from anywhere under this id, DER or PEM: what a driver of a
    /// [`Plan`](crate::Plan) makes of the bytes that it fetched.
    ///
    /// # Errors
    /// [`KeyManagerError::Certificate`] when the bytes are no certificate.
    pub fn from_bytes(id: &str, bytes: &[u8]) -> Result<Self, KeyManagerError> {
        Self::from_managed_object(id, CERTIFICATE_FORMAT, bytes)
    }

    /// Reads a managed object as Castellan describes it: its format, which must be `X.509`, and its bytes, DER or PEM.
    ///
    /// # Errors
    /// [`KeyManagerError::UnsupportedFormat`] for another format, [`KeyManagerError::Certificate`] when the bytes are
    /// no certificate.
    pub fn from_managed_object(id: &str, format: &str, bytes: &[u8]) -> Result<Self, KeyManagerError> {
        if format != CERTIFICATE_FORMAT {
            return Err(KeyManagerError::UnsupportedFormat {
                id: Excerpt::new(id),
                format: Excerpt::new(format),
            });
        }
        let certificate = Certificate::from_bytes(bytes);
        certificate
            .map(Self::new)
            .map_err(|source| KeyManagerError::Certificate { id: Excerpt::new(id), source })
    }
}

impl From<Certificate> for StoredCertificate {
    fn from(certificate: Certificate) -> Self {
        Self::new(certificate)
    }
}

/// The format word of Castellan and Cursive. Some guides write `X_509`.
const CERTIFICATE_FORMAT: &str = "X.509";

/// Why a key manager gives no certificate.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum KeyManagerError {
    /// There is none under this id. Expired secrets count as not there.
    NotFound {
        /// The id asked for.
        id: Excerpt,
    },
    /// This caller may not read it.
    Forbidden {
        /// The id asked for.
        id: Excerpt,
        /// What the key manager said.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The key manager could not be reached, or failed.
    Unavailable {
        /// The id asked for.
        id: Excerpt,
        /// What went wrong.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The key manager is not what its configuration says: a directory that does not exist or may not be
    /// searched, a file that is none.
    Misconfigured {
        /// The id asked for.
        id: Excerpt,
        /// What went wrong.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// What is stored there is not an X.509 certificate.
    UnsupportedFormat {
        /// The id asked for.
        id: Excerpt,
        /// The format stored.
        format: Excerpt,
    },
    /// What is stored there is no certificate that can be read.
    Certificate {
        /// The id asked for.
        id: Excerpt,
        /// What is wrong with it.
        source: CertificateError,
    },
    /// The id is not one that this key manager can look up.
    InvalidId {
        /// The id asked for.
        id: Excerpt,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// Several files hold a certificate for the id: which is meant, nobody can tell.
    Ambiguous {
        /// The id asked for.
        id: Excerpt,
        /// The files.
        files: Vec<PathBuf>,
    },
}

impl KeyManagerError {
    /// There is no certificate under `id`.
    #[must_use]
    pub fn not_found(id: &str) -> Self {
        Self::NotFound { id: Excerpt::new(id) }
    }

    /// The caller may not read the certificate under `id`.
    #[must_use]
    pub fn forbidden(id: &str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Forbidden { id: Excerpt::new(id), source: source.into().into() }
    }

    /// The key manager could not be reached, or failed.
    #[must_use]
    pub fn unavailable(id: &str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable { id: Excerpt::new(id), source: source.into().into() }
    }

    /// The key manager is not what its configuration says.
    #[must_use]
    pub fn misconfigured(id: &str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Misconfigured { id: Excerpt::new(id), source: source.into().into() }
    }

    /// The id is not one that this key manager can look up; `rule` says what it must be.
    #[must_use]
    pub fn invalid_id(id: &str, rule: &'static str) -> Self {
        Self::InvalidId { id: Excerpt::new(id), rule }
    }

    /// The id that was asked for.
    #[must_use]
    pub const fn id(&self) -> &Excerpt {
        match self {
            Self::NotFound { id }
            | Self::Forbidden { id, .. }
            | Self::Unavailable { id, .. }
            | Self::Misconfigured { id, .. }
            | Self::UnsupportedFormat { id, .. }
            | Self::Certificate { id, .. }
            | Self::InvalidId { id, .. }
            | Self::Ambiguous { id, .. } => id,
        }
    }

    /// Whether it says nothing of the id: the same would be said of any other.
    pub(crate) const fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Misconfigured { .. })
    }

    /// The stable code of this error.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::NotFound { .. } => ErrorCode::CertificateNotFound,
            Self::Forbidden { .. } => ErrorCode::CertificateForbidden,
            Self::Unavailable { .. } => ErrorCode::KeyManagerUnavailable,
            Self::Misconfigured { .. } => ErrorCode::KeyManagerMisconfigured,
            Self::UnsupportedFormat { .. } => ErrorCode::CertificateFormatUnsupported,
            Self::Certificate { source, .. } => source.code(),
            Self::InvalidId { .. } => ErrorCode::KeyManagerIdInvalid,
            Self::Ambiguous { .. } => ErrorCode::CertificateAmbiguous,
        }
    }

    /// What a service should do about this error.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        self.code().disposition()
    }
}

impl fmt::Display for KeyManagerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SIGNATURE_FAILED}: ")?;
        match self {
            Self::NotFound { id } => write!(f, "no certificate with the id {id}"),
            Self::Forbidden { id, source } => {
                write!(f, "the certificate with the id {id} may not be read: {source}")
            }
            Self::Unavailable { id, source } => {
                write!(f, "the certificate with the id {id} cannot be fetched: {source}")
            }
            Self::Misconfigured { id, source } => {
                write!(f, "the key manager for the certificate with the id {id} is not set up: {source}")
            }
            Self::UnsupportedFormat { id, format } => write!(
                f,
                "what is stored under the id {id} has the format {format}; a certificate has {CERTIFICATE_FORMAT:?}"
            ),
            Self::Certificate { id, source } => write!(f, "under the id {id}: {source}"),
            Self::InvalidId { id, rule } => write!(f, "{id} cannot be the id of a certificate: {rule}"),
            Self::Ambiguous { id, files } => {
                write!(f, "several files hold a certificate for the id {id}:")?;
                files.iter().try_for_each(|file| write!(f, " {:?}", file.file_name().unwrap_or_default()))
            }
        }
    }
}

impl Error for KeyManagerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Forbidden { source, .. }
            | Self::Unavailable { source, .. }
            | Self::Misconfigured { source, .. } => Some(source),
            Self::Certificate { source, .. } => Some(source),
            _ => None,
        }
    }
}
