//! Certificates in a directory of files.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::{KeyManager, KeyManagerError, StoredCertificate};
use crate::certificate::Certificate;
use crate::excerpt::Excerpt;
use crate::limits::MAX_CERTIFICATE_INPUT;

/// A key manager over a directory that holds `ID.pem`, `ID.der` or `ID.crt`, each DER or PEM.
///
/// An id never leads out of the directory: it is one plain file name, and a link that points outside is refused. Of a
/// Barbican href (`https://…/v1/secrets/UUID`) the UUID is the file name. When a PEM file holds several certificates
/// the first counts, the others are its intermediates' business and not read.
///
/// A file that may not be read is [`KeyManagerError::Forbidden`]; a directory that is not there or may not be searched is
/// [`KeyManagerError::Misconfigured`], because that says nothing of the id.
///
/// ```
/// use longhand::{DirectoryKeyManager, KeyManager};
///
/// let key_manager = DirectoryKeyManager::new("test-vectors/walkthrough/glance/certs");
/// let stored = key_manager.certificate("cd7cc675-e573-419c-8fff-33a72734a243")?;
/// assert_eq!(stored.certificate.subject().to_string(), "O=Internet Widgits Pty Ltd,ST=Some-State,C=AU");
/// assert_eq!(key_manager.certificate("../etc/passwd").unwrap_err().code().name(), "key_manager_id_invalid");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct DirectoryKeyManager {
    directory: PathBuf,
}

const EXTENSIONS: [&str; 3] = ["pem", "der", "crt"];

impl DirectoryKeyManager {
    /// A key manager over this directory, which is looked at only when a certificate is asked for.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// The one file that holds the certificate, as a path without links.
    fn file_of(&self, id: &str) -> Result<PathBuf, KeyManagerError> {
        let name = file_name(id)?;
        let directory =
            fs::canonicalize(&self.directory).map_err(|error| KeyManagerError::misconfigured(id, error))?;
        let mut files = Vec::new();
        for extension in EXTENSIONS {
            let file = directory.join(format!("{name}.{extension}"));
            match fs::symlink_metadata(&file) {
                Ok(_) => files.push(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // It is the directory that may not be searched, whatever the id.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    return Err(KeyManagerError::misconfigured(id, error));
                }
                Err(error) => return Err(io_error(id, error)),
            }
        }
        match files.as_slice() {
            [] => Err(KeyManagerError::not_found(id)),
            [file] => inside(&directory, file, id),
            _ => Err(KeyManagerError::Ambiguous { id: Excerpt::new(id), files }),
        }
    }
}

impl KeyManager for DirectoryKeyManager {
    fn certificate(&self, id: &str) -> Result<StoredCertificate, KeyManagerError> {
        let file = self.file_of(id)?;
        let bytes = read_bounded(&file).map_err(|error| io_error(id, error))?;
        let certificate = Certificate::from_bytes(&bytes);
        let certificate =
            certificate.map_err(|source| KeyManagerError::Certificate { id: Excerpt::new(id), source })?;
        Ok(StoredCertificate::new(certificate))
    }
}

/// The plain file name, without its ending, that an id stands for.
fn file_name(id: &str) -> Result<&str, KeyManagerError> {
    let invalid = |rule| KeyManagerError::invalid_id(id, rule);
    let is_href = id.starts_with("http://") || id.starts_with("https://");
    let name = match id.rsplit_once("/secrets/") {
        Some((_, uuid)) if is_href && is_uuid(uuid) => uuid,
        _ => id,
    };
    if name.contains('/') {
        return Err(invalid("one with a slash must be http(s)://…/secrets/UUID"));
    }
    if name.is_empty()
        || name.starts_with('.')
        || name.contains(['\\', ':'])
        || name.contains(char::is_control)
    {
        return Err(invalid("it must be a plain file name"));
    }
    Ok(name)
}

/// 8-4-4-4-12 hexadecimal digits (RFC 9562 section 4).
fn is_uuid(text: &str) -> bool {
    let mut groups = text.split('-');
    let fits = |group: Option<&str>, digits: usize| {
        group.is_some_and(|group| {
            group.len() == digits && group.bytes().all(|octet| octet.is_ascii_hexdigit())
        })
    };
    [8, 4, 4, 4, 12].into_iter().all(|digits| fits(groups.next(), digits)) && groups.next().is_none()
}

/// The file behind all links, which must still lie in the directory. Secrets mounted into containers are links
/// within their directory, so links are not refused as such.
fn inside(directory: &Path, file: &Path, id: &str) -> Result<PathBuf, KeyManagerError> {
    let target = fs::canonicalize(file).map_err(|error| io_error(id, error))?;
    if !target.starts_with(directory) {
        let rule = "its file is a link that leads out of the directory";
        return Err(KeyManagerError::invalid_id(id, rule));
    }
    Ok(target)
}

/// Reads one octet past the bound at most, so that the reader of certificates can say that it is too large. `path` has
/// no links; it looks before it opens, because opening a pipe would wait for a writer, and again at what it has opened.
fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let seen = fs::symlink_metadata(path)?;
    if !seen.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let file = File::open(path)?;
    if !is_same(&seen, &file.metadata()?) || fs::canonicalize(path)? != path {
        return Err(io::Error::other("the file was replaced while it was opened"));
    }
    let limit = u64::try_from(MAX_CERTIFICATE_INPUT).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(unix)]
fn is_same(seen: &fs::Metadata, opened: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (seen.dev(), seen.ino()) == (opened.dev(), opened.ino())
}

#[cfg(not(unix))]
fn is_same(_: &fs::Metadata, opened: &fs::Metadata) -> bool {
    opened.is_file()
}

fn io_error(id: &str, error: io::Error) -> KeyManagerError {
    match error.kind() {
        io::ErrorKind::PermissionDenied => KeyManagerError::forbidden(id, error),
        // A name that the file system cannot hold is a name of nothing.
        io::ErrorKind::InvalidFilename => KeyManagerError::not_found(id),
        io::ErrorKind::NotADirectory | io::ErrorKind::InvalidInput => {
            KeyManagerError::misconfigured(id, error)
        }
        _ => KeyManagerError::unavailable(id, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_plain_file_name_or_an_href_that_ends_in_a_uuid() {
        let uuid = "5b25a0c2-0d11-4e0a-8a9c-0f8a4b7d2c10";
        for (id, name) in [
            (uuid.to_owned(), Some(uuid)),
            ("my-cert_1.2".to_owned(), Some("my-cert_1.2")),
            (format!("https://barbican.example:9311/v1/secrets/{uuid}"), Some(uuid)),
            (format!("http://h/secrets/{uuid}"), Some(uuid)),
            (format!("ftp://h/secrets/{uuid}"), None),
            (format!("https://h/v1/secrets/{uuid}/payload"), None),
            (format!("https://h/v1/containers/{uuid}"), None),
            ("https://h/v1/secrets/../../x".to_owned(), None),
            ("https://h/v1/secrets/x".to_owned(), None),
            ("..".to_owned(), None),
            ("../x".to_owned(), None),
            ("/etc/x".to_owned(), None),
            ("a/b".to_owned(), None),
            ("a\\b".to_owned(), None),
            ("C:x".to_owned(), None),
            ("a\0b".to_owned(), None),
            (".hidden".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(file_name(&id).ok(), name, "{id:?}");
        }
    }
}
