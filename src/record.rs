//! What an image's record says about its bytes besides the signature: size, `os_hash_value`, `checksum`.
//!
//! Whoever can change the image in the store can change its record as well, so these find accidents, not attacks. They
//! are checks of their own, in the same pass, and never take the signature's place.

use std::fmt;

use md5::Digest as _;

use crate::algorithm::HashMethod;
use crate::code::{Disposition, ErrorCode};
use crate::digest::{Digest, StreamingDigest};
use crate::excerpt::Excerpt;

/// The fields of an image's record that its bytes can be held against. All are optional.
///
/// ```
/// use longhand::ImageRecord;
///
/// let digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// let record = ImageRecord::new().size(0).os_hash("sha256", digest)?;
/// assert!(ImageRecord::new().os_hash("sha256", "no digest").is_err());
/// # let _ = record;
/// # Ok::<(), longhand::RecordError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageRecord {
    size: Option<u64>,
    os_hash: Option<OsHash>,
    checksum: Option<Vec<u8>>,
}

/// `os_hash_algo` and `os_hash_value`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct OsHash {
    algorithm: Algorithm,
    value: Vec<u8>,
}

/// A hash that Glance's `hashing_algorithm` may name; Python's hashlib knows more.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Algorithm {
    Sha2(HashMethod),
    Sha1,
    Md5,
    Unknown(Excerpt),
}

impl Algorithm {
    fn from_word(word: &str) -> Self {
        match word {
            "sha224" => Self::Sha2(HashMethod::Sha224),
            "sha256" => Self::Sha2(HashMethod::Sha256),
            "sha384" => Self::Sha2(HashMethod::Sha384),
            "sha512" => Self::Sha2(HashMethod::Sha512),
            "sha1" => Self::Sha1,
            "md5" => Self::Md5,
            other => Self::Unknown(Excerpt::new(other)),
        }
    }

    /// In octets; `None` if the hash is not known.
    fn digest_length(&self) -> Option<usize> {
        Some(match self {
            Self::Sha2(hash_method) => hash_method.digest_length(),
            Self::Sha1 => 20,
            Self::Md5 => 16,
            Self::Unknown(_) => return None,
        })
    }
}

impl ImageRecord {
    /// A record that says nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// `size`, in bytes.
    #[must_use]
    pub fn size(mut self, size: u64) -> Self {
        self.size = Some(size);
        self
    }

    /// `os_hash_algo` and `os_hash_value`: the algorithm in Python's word for it, the digest in hexadecimal. An algorithm
    /// that is not known is reported as not checked.
    ///
    /// # Errors
    /// [`RecordError::Malformed`] when the value is not a digest of that algorithm.
    pub fn os_hash(mut self, algorithm: &str, value: &str) -> Result<Self, RecordError> {
        let algorithm = Algorithm::from_word(algorithm);
        let value = match algorithm.digest_length() {
            Some(length) => {
                digest_from_hex(value, length).ok_or(RecordError::Malformed { field: "os_hash_value" })?
            }
            None => Vec::new(),
        };
        self.os_hash = Some(OsHash { algorithm, value });
        Ok(self)
    }

    /// `checksum`: the MD5 of the image, in hexadecimal. Weak: two images with one checksum are made in seconds.
    ///
    /// # Errors
    /// [`RecordError::Malformed`] when it is not an MD5.
    pub fn checksum(mut self, md5: &str) -> Result<Self, RecordError> {
        let digest = digest_from_hex(md5, 16).ok_or(RecordError::Malformed { field: "checksum" })?;
        self.checksum = Some(digest);
        Ok(self)
    }

    /// The digest that the record names, if it is by this hash method.
    pub(crate) fn named_digest(&self, hash_method: HashMethod) -> Option<&[u8]> {
        let os_hash = self.os_hash.as_ref()?;
        (os_hash.algorithm == Algorithm::Sha2(hash_method)).then_some(os_hash.value.as_slice())
    }

    /// The size that the record names.
    pub(crate) fn named_size(&self) -> Option<u64> {
        self.size
    }
}

fn digest_from_hex(text: &str, length: usize) -> Option<Vec<u8>> {
    if text.len() != length.saturating_mul(2) {
        return None;
    }
    octets_from_hex(text)
}

/// `None` if a character is no hexadecimal digit, or one is left over.
pub(crate) fn octets_from_hex(text: &str) -> Option<Vec<u8>> {
    let nibble = |octet: &u8| char::from(*octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(nibble(pair.first()?)? << 4 | nibble(pair.get(1)?)?)).collect()
}

/// Hashes, in the same pass as the signature, what the record needs beside it.
#[derive(Clone, Debug)]
pub(crate) struct RecordDigests {
    record: ImageRecord,
    sha2: Option<StreamingDigest>,
    sha1: Option<sha1::Sha1>,
    md5: Option<md5::Md5>,
}

impl RecordDigests {
    /// `signed` is the hash method of the signature, whose digest serves the record as well.
    pub(crate) fn new(record: ImageRecord, signed: HashMethod) -> Self {
        let os_hash = record.os_hash.as_ref().map(|os_hash| &os_hash.algorithm);
        let sha2 = match os_hash {
            Some(Algorithm::Sha2(hash_method)) if *hash_method != signed => {
                Some(StreamingDigest::new(*hash_method))
            }
            _ => None,
        };
        let sha1 = matches!(os_hash, Some(Algorithm::Sha1)).then(sha1::Sha1::new);
        let needs_md5 = matches!(os_hash, Some(Algorithm::Md5)) || record.checksum.is_some();
        Self { sha2, sha1, md5: needs_md5.then(md5::Md5::new), record }
    }

    /// Takes the next bytes but for the digest that it gives back, if it keeps one by SHA-2.
    pub(crate) fn take_without_digest(&mut self, data: &[u8]) -> Option<&mut StreamingDigest> {
        if let Some(digest) = &mut self.sha1 {
            digest.update(data);
        }
        if let Some(digest) = &mut self.md5 {
            digest.update(data);
        }
        self.sha2.as_mut()
    }

    /// Holds the bytes against the record: `size` of them, whose digest for the signature is `signed`.
    pub(crate) fn check(self, size: u64, signed: Digest) -> Result<Vec<RecordCheck>, RecordError> {
        let mut checks = Vec::new();
        if let Some(named) = self.record.size {
            if named != size {
                return Err(RecordError::Size { named, found: size });
            }
            checks.push(RecordCheck::Size);
        }
        let md5 = self.md5.map(|digest| digest.finalize().to_vec());
        if let Some(os_hash) = self.record.os_hash {
            let found = match &os_hash.algorithm {
                Algorithm::Sha2(_) => {
                    Some(self.sha2.map_or(signed, StreamingDigest::finish).as_bytes().to_vec())
                }
                Algorithm::Sha1 => self.sha1.map(|digest| digest.finalize().to_vec()),
                Algorithm::Md5 => md5.clone(),
                Algorithm::Unknown(_) => None,
            };
            checks.push(match (found, os_hash.algorithm) {
                (_, Algorithm::Unknown(algorithm)) => RecordCheck::OsHashNotKnown { algorithm },
                (Some(found), _) if found == os_hash.value => RecordCheck::OsHash,
                _ => return Err(RecordError::OsHash),
            });
        }
        if let Some(named) = self.record.checksum {
            if md5 != Some(named) {
                return Err(RecordError::Checksum);
            }
            checks.push(RecordCheck::WeakChecksum);
        }
        Ok(checks)
    }
}

/// What was held against the image's record, and how it came out: one that fails is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordCheck {
    /// `size` is the number of bytes.
    Size,
    /// `os_hash_value` is the digest.
    OsHash,
    /// `os_hash_algo` names a hash that is not known: nothing was checked.
    OsHashNotKnown {
        /// The word.
        algorithm: Excerpt,
    },
    /// `checksum` is the MD5: weak, as MD5 is.
    WeakChecksum,
}

impl fmt::Display for RecordCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size => f.write_str("size agrees"),
            Self::OsHash => f.write_str("os_hash_value agrees"),
            Self::OsHashNotKnown { algorithm } => {
                write!(f, "os_hash_algo {algorithm} is not known, not checked")
            }
            Self::WeakChecksum => f.write_str("checksum (MD5, weak) agrees"),
        }
    }
}

/// In which way an image is not what its record says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// A field is not what such a field can be.
    #[error("the image record's {field} is no digest of its algorithm")]
    Malformed {
        /// The field.
        field: &'static str,
    },
    /// The number of bytes is another.
    #[error("the image has {found} bytes, its record says {named}")]
    Size {
        /// What the record says.
        named: u64,
        /// What there is.
        found: u64,
    },
    /// The digest is another.
    #[error("the image's digest is not the record's os_hash_value")]
    OsHash,
    /// The MD5 is another.
    #[error("the image's MD5 is not the record's checksum")]
    Checksum,
}

impl RecordError {
    /// The stable code of this error.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Malformed { .. } => ErrorCode::RecordMalformed,
            Self::Size { .. } => ErrorCode::RecordSize,
            Self::OsHash => ErrorCode::RecordOsHash,
            Self::Checksum => ErrorCode::RecordChecksum,
        }
    }

    /// What a service should do about this error.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        self.code().disposition()
    }
}
