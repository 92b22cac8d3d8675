//! Trusted certificates: by ids from a key manager, from bundles, from a directory.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use crate::certificate::{Certificate, CertificateError};
use crate::code::{Disposition, ErrorCode};
use crate::excerpt::Excerpt;
#[cfg(feature = "async")]
use crate::key_manager::AsyncKeyManager;
use crate::key_manager::{Fetched, Fetching, KeyManager, KeyManagerError};
use crate::limits::{MAX_BUNDLE, MAX_TRUSTED_CERTIFICATES};

/// Certificates that a chain may end in or lead through: roots and intermediates together, as the guides have them.
///
/// A certificate that the key manager does not have or may not give, or that is none, is skipped, never fatal for the
/// others, and stays in [`skipped`](Self::skipped). What says nothing of one certificate is an error: a key manager that
/// cannot be reached, and a file or directory that cannot be read. The order of ids never matters.
///
/// ```
/// use longhand::{DirectoryKeyManager, TrustStore};
///
/// # let directory = "test-vectors/walkthrough/glance/certs";
/// let key_manager = DirectoryKeyManager::new(directory);
/// let ids = ["cd7cc675-e573-419c-8fff-33a72734a243", "not-there"];
/// let store = TrustStore::from_key_manager(&key_manager, &ids)?;
/// assert_eq!((store.len(), store.skipped().len()), (1, 1));
/// # Ok::<(), longhand::TrustError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct TrustStore {
    certificates: Vec<ChainCertificate>,
    skipped: Vec<SkippedCertificate>,
}

/// A certificate and the name it came by: its id in the key manager, or the file it was read from.
#[derive(Clone, PartialEq, Eq)]
pub struct ChainCertificate {
    certificate: Certificate,
    id: Option<Arc<str>>,
}

/// A certificate of the trusted set that cannot be used.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SkippedCertificate {
    /// Its id, or the file and the place in it.
    pub id: String,
    /// Why.
    pub reason: SkipReason,
}

/// Why a certificate of the trusted set cannot be used.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SkipReason {
    /// The key manager does not give it.
    KeyManager(KeyManagerError),
    /// It cannot be read.
    Certificate(CertificateError),
    /// It can be read and issue nothing.
    Rule(crate::chain::RuleViolation),
}

impl SkipReason {
    /// The stable code of this reason.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::KeyManager(error) => error.code(),
            Self::Certificate(error) => error.code(),
            Self::Rule(violation) => violation.code(),
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyManager(error) => error.fmt(f),
            Self::Certificate(error) => error.fmt(f),
            Self::Rule(violation) => violation.fmt(f),
        }
    }
}

impl ChainCertificate {
    /// A certificate and the name it came by.
    #[must_use]
    pub fn new(certificate: Certificate, id: Option<&str>) -> Self {
        Self { certificate, id: id.map(Arc::from) }
    }

    /// The certificate.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Its id in the key manager, or the file it was read from.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

impl fmt::Display for ChainCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            Some(id) => write!(f, "{} ({})", Excerpt::new(id), self.certificate.subject()),
            None => write!(f, "({})", self.certificate.subject()),
        }
    }
}

impl fmt::Debug for ChainCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChainCertificate({self})")
    }
}

impl TrustStore {
    /// A store of certificates that the caller has already, each with the name to show for it.
    #[must_use]
    pub fn from_certificates<N: AsRef<str>>(
        certificates: impl IntoIterator<Item = (N, Certificate)>,
    ) -> Self {
        let certificates = certificates
            .into_iter()
            .map(|(name, certificate)| ChainCertificate::new(certificate, Some(name.as_ref())))
            .collect();
        Self { certificates, skipped: Vec::new() }
    }

    /// Fetches the certificates with these ids, each id once.
    ///
    /// # Errors
    /// [`TrustError`] when there is no id, an id is empty, there are more than
    /// [`limits::MAX_TRUSTED_CERTIFICATES`](crate::limits::MAX_TRUSTED_CERTIFICATES), or the key manager cannot be reached
    /// or is misconfigured: then nothing is known of any id, and skipping them all would make an outage look like an
    /// untrusted image.
    pub fn from_key_manager<I: AsRef<str>>(
        key_manager: &dyn KeyManager,
        ids: &[I],
    ) -> Result<Self, TrustError> {
        Self::from_fetched(ids, &fetching(ids)?.in_turn(key_manager))
    }

    /// The same with a key manager that is awaited, at most
    /// [`limits::MAX_CONCURRENT_FETCHES`](crate::limits::MAX_CONCURRENT_FETCHES) certificates at once. Feature `async`.
    ///
    /// To drop the future is to drop what it asked for.
    ///
    /// ```
    /// use longhand::{Blocking, DirectoryKeyManager, TrustStore};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), longhand::TrustError> {
    /// let certificates = DirectoryKeyManager::new("test-vectors/walkthrough/glance/certs");
    /// let key_manager = Blocking::new(certificates, |work| {
    ///     tokio::task::spawn_blocking(work);
    /// });
    /// let ids = ["cd7cc675-e573-419c-8fff-33a72734a243", "not-there"];
    /// let store = TrustStore::from_async_key_manager(&key_manager, &ids).await?;
    /// assert_eq!((store.len(), store.skipped().len()), (1, 1));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`from_key_manager`](Self::from_key_manager), whatever the order in which answers come: of several errors, the one
    /// of the first id.
    #[cfg(feature = "async")]
    pub async fn from_async_key_manager<I: AsRef<str>>(
        key_manager: &dyn AsyncKeyManager,
        ids: &[I],
    ) -> Result<Self, TrustError> {
        let fetched = fetching(ids)?.at_once(key_manager).await;
        Self::from_fetched(ids, &fetched)
    }

    /// The same for whoever has fetched the certificates already. An empty id, as `a,,b` in a configuration gives it, is
    /// skipped here.
    pub(crate) fn from_fetched<I: AsRef<str>>(ids: &[I], fetched: &Fetched) -> Result<Self, TrustError> {
        let mut store = Self::default();
        for id in unique(ids)? {
            let certificate = match id {
                "" => Err(KeyManagerError::invalid_id(id, "it is empty")),
                id => fetched.certificate(id),
            };
            match certificate {
                Ok(stored) => store.certificates.push(ChainCertificate::new(stored.certificate, Some(id))),
                Err(error) => store.skip_or_fail(id, error)?,
            }
        }
        Ok(store)
    }

    fn skip_or_fail(&mut self, id: &str, error: KeyManagerError) -> Result<(), TrustError> {
        if error.is_outage() {
            return Err(TrustError::KeyManager(error));
        }
        self.skipped.push(SkippedCertificate { id: id.to_owned(), reason: SkipReason::KeyManager(error) });
        Ok(())
    }

    /// Reads a bundle: PEM with any number of certificates, or one in DER. `name` is shown for it.
    ///
    /// # Errors
    /// [`TrustError`] when it is larger than [`limits::MAX_BUNDLE`](crate::limits::MAX_BUNDLE), holds no certificate at
    /// all, or more than [`limits::MAX_TRUSTED_CERTIFICATES`](crate::limits::MAX_TRUSTED_CERTIFICATES).
    pub fn from_bundle(name: &str, bytes: &[u8]) -> Result<Self, TrustError> {
        if bytes.len() > MAX_BUNDLE {
            return Err(TrustError::TooLarge { name: Excerpt::new(name), limit: MAX_BUNDLE });
        }
        let read = Certificate::all_from_bytes(bytes);
        if read.is_empty() {
            return Err(TrustError::NoCertificate { name: Excerpt::new(name) });
        }
        let mut store = Self::default();
        let several = read.len() > 1;
        for (index, certificate) in read.into_iter().enumerate() {
            let shown =
                if several { format!("{name} #{}", index.saturating_add(1)) } else { name.to_owned() };
            match certificate {
                Ok(certificate) => store.certificates.push(ChainCertificate::new(certificate, Some(&shown))),
                Err(error) => store
                    .skipped
                    .push(SkippedCertificate { id: shown, reason: SkipReason::Certificate(error) }),
            }
        }
        store.bounded()
    }

    /// Reads a bundle from a file, or every file of a directory (not those of its directories) that ends in `.pem`,
    /// `.der`, `.crt` or `.cer`. In a directory what is no certificate is skipped.
    ///
    /// # Errors
    /// [`TrustError`] when the path cannot be read, or one such file of a directory, of which a link that leads nowhere is
    /// one; as [`from_bundle`](Self::from_bundle) for a file; and when a directory has no such file.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, TrustError> {
        let path = path.as_ref();
        let name = path.to_string_lossy();
        let unreadable =
            |error| TrustError::Unreadable { name: Excerpt::new(&name), source: Arc::new(error) };
        if !fs::metadata(path).map_err(unreadable)?.is_dir() {
            return Self::from_bundle(&name, &read_bounded(path).map_err(unreadable)?);
        }
        let entries: io::Result<Vec<_>> = fs::read_dir(path).and_then(Iterator::collect);
        let mut files: Vec<_> = entries.map_err(unreadable)?.into_iter().map(|entry| entry.path()).collect();
        files.retain(|file| {
            let ending = file.extension().and_then(|ending| ending.to_str());
            // A directory cannot be read, and a pipe would be waited for.
            let is_other = fs::metadata(file).is_ok_and(|found| !found.is_file());
            !is_other && ending.is_some_and(|ending| ["pem", "der", "crt", "cer"].contains(&ending))
        });
        files.sort();
        let mut store = Self::default();
        for file in &files {
            let name = file.to_string_lossy();
            let read = read_bounded(file).map_err(unreadable)?;
            match Self::from_bundle(&name, &read) {
                Ok(bundle) => store = store.merged(bundle)?,
                Err(_) => store.skipped.push(SkippedCertificate {
                    id: name.clone().into_owned(),
                    reason: SkipReason::Certificate(
                        Certificate::from_bytes(&read).err().unwrap_or(CertificateError::Empty),
                    ),
                }),
            }
        }
        if store.certificates.is_empty() && store.skipped.is_empty() {
            return Err(TrustError::NoCertificate { name: Excerpt::new(&name) });
        }
        Ok(store)
    }

    /// Both stores in one.
    ///
    /// # Errors
    /// [`TrustError::TooMany`] past [`limits::MAX_TRUSTED_CERTIFICATES`](crate::limits::MAX_TRUSTED_CERTIFICATES).
    pub fn merged(mut self, other: Self) -> Result<Self, TrustError> {
        self.extend(other);
        self.bounded()
    }

    /// Adds another store's certificates to this one's.
    pub(crate) fn extend(&mut self, other: Self) {
        self.certificates.extend(other.certificates);
        self.skipped.extend(other.skipped);
    }

    pub(crate) fn into_parts(self) -> (Vec<ChainCertificate>, Vec<SkippedCertificate>) {
        (self.certificates, self.skipped)
    }

    fn bounded(self) -> Result<Self, TrustError> {
        let count = self.certificates.len().saturating_add(self.skipped.len());
        if count > MAX_TRUSTED_CERTIFICATES { Err(TrustError::TooMany { count }) } else { Ok(self) }
    }

    /// The certificates.
    #[must_use]
    pub fn certificates(&self) -> &[ChainCertificate] {
        &self.certificates
    }

    /// What was skipped, and why.
    #[must_use]
    pub fn skipped(&self) -> &[SkippedCertificate] {
        &self.skipped
    }

    /// How many certificates it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.certificates.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty()
    }
}

fn fetching<I: AsRef<str>>(ids: &[I]) -> Result<Fetching<'_>, TrustError> {
    if ids.iter().any(|id| id.as_ref().is_empty()) {
        return Err(TrustError::EmptyId);
    }
    Ok(Fetching::new(unique(ids)?, None))
}

/// The ids, each once, in their order.
fn unique<I: AsRef<str>>(ids: &[I]) -> Result<Vec<&str>, TrustError> {
    if ids.is_empty() {
        return Err(TrustError::NoIds);
    }
    let mut seen = std::collections::HashSet::new();
    let unique: Vec<_> = ids.iter().map(AsRef::as_ref).filter(|id| seen.insert(*id)).collect();
    if unique.len() > MAX_TRUSTED_CERTIFICATES {
        return Err(TrustError::TooMany { count: unique.len() });
    }
    Ok(unique)
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let limit = u64::try_from(MAX_BUNDLE).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Why there is no trust store.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TrustError {
    /// There is no id. Asking for trust and getting none never falls back to the signature alone.
    NoIds,
    /// An id is the empty string.
    EmptyId,
    /// More certificates than the bound.
    TooMany {
        /// How many.
        count: usize,
    },
    /// A bundle is larger than the bound.
    TooLarge {
        /// The bundle.
        name: Excerpt,
        /// The bound in bytes.
        limit: usize,
    },
    /// A bundle or a directory holds no certificate.
    NoCertificate {
        /// The bundle or directory.
        name: Excerpt,
    },
    /// A file or directory cannot be read.
    Unreadable {
        /// The file or directory.
        name: Excerpt,
        /// What went wrong.
        source: Arc<io::Error>,
    },
    /// The key manager cannot be reached, or is not set up.
    KeyManager(KeyManagerError),
}

impl TrustError {
    /// The stable code of this error.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::NoIds => ErrorCode::TrustedIdsEmpty,
            Self::EmptyId => ErrorCode::TrustedIdEmpty,
            Self::TooMany { .. } | Self::TooLarge { .. } => ErrorCode::TrustStoreTooLarge,
            Self::NoCertificate { .. } => ErrorCode::TrustStoreEmpty,
            Self::Unreadable { .. } => ErrorCode::TrustStoreUnreadable,
            Self::KeyManager(error) => error.code(),
        }
    }

    /// What a service should do about this error.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        self.code().disposition()
    }
}

impl fmt::Display for TrustError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoIds => f.write_str("no ids of trusted certificates are given"),
            Self::EmptyId => f.write_str("an id of a trusted certificate is empty"),
            Self::TooMany { count } => {
                write!(f, "{count} trusted certificates are more than {MAX_TRUSTED_CERTIFICATES}")
            }
            Self::TooLarge { name, limit } => write!(f, "{name} has more than {limit} bytes"),
            Self::NoCertificate { name } => write!(f, "{name} holds no certificate"),
            Self::Unreadable { name, source } => write!(f, "{name} cannot be read: {source}"),
            Self::KeyManager(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TrustError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { source, .. } => Some(source),
            Self::KeyManager(error) => error.source(),
            _ => None,
        }
    }
}
