//! Key types that an embedding program adds to the documented ones.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::{HashMethod, KeyType, RegisteredKeyType, fold};
use crate::code::{Disposition, ErrorCode};
use crate::excerpt::Excerpt;
use crate::limits::MAX_PROPERTY_TEXT;

/// Why a registered scheme refused a key or a signature: whatever the embedder's code says.
pub type SchemeError = Box<dyn Error + Send + Sync + 'static>;

/// A signature scheme that an embedding program registers under a key type of its own.
///
/// The crate hashes the image with the hash method that the properties name and hands the digest over, so that
/// memory stays constant and [`Verified::digest`](crate::Verified::digest) is true whatever the scheme does.
/// See [`KeyTypes`] for an example.
pub trait SignatureScheme: fmt::Debug + Send + Sync + 'static {
    /// Reads the certificate's key: `subject_public_key_info` is the DER of the whole SubjectPublicKeyInfo
    /// (RFC 5280 section 4.1.2.7). Called once for each verifier, before a byte of the image is read.
    ///
    /// # Errors
    /// Whatever makes the key unfit for this scheme.
    fn prepare(&self, subject_public_key_info: &[u8]) -> Result<Box<dyn RegisteredKey>, SchemeError>;
}

/// A key that a [`SignatureScheme`] has read.
pub trait RegisteredKey: fmt::Debug + Send + Sync + 'static {
    /// Decides whether `signature` (the decoded octets of `img_signature`) belongs to `digest`.
    ///
    /// # Errors
    /// Whatever makes the signature unfit. `Ok` means verified.
    fn verify_digest(
        &self,
        hash_method: HashMethod,
        digest: &[u8],
        signature: &[u8],
    ) -> Result<(), SchemeError>;
}

/// The key types that a service accepts: the documented eight, and those that it registers.
///
/// The counterpart of Cursive's `SignatureKeyType.register`, except that a documented word cannot be taken over.
///
/// ```
/// use longhand::{HashMethod, KeyTypes, RegisteredKey, SchemeError, SignatureProperties, SignatureScheme};
///
/// #[derive(Debug)]
/// struct MyScheme;
/// #[derive(Debug)]
/// struct MyKey;
///
/// impl SignatureScheme for MyScheme {
///     fn prepare(&self, _spki: &[u8]) -> Result<Box<dyn RegisteredKey>, SchemeError> {
///         Ok(Box::new(MyKey))
///     }
/// }
/// impl RegisteredKey for MyKey {
///     fn verify_digest(&self, _: HashMethod, _digest: &[u8], _signature: &[u8]) -> Result<(), SchemeError> {
///         Err("not mine".into())
///     }
/// }
///
/// let mut key_types = KeyTypes::new();
/// key_types.register("ED25519PH", MyScheme)?;
/// assert!(key_types.register("RSA-PSS", MyScheme).is_err());
/// assert!(key_types.register("rsa_pss", MyScheme).is_err()); // nor anything that looks like it
///
/// let properties = [
///     ("img_signature", "QQ=="),
///     ("img_signature_hash_method", "SHA-512"),
///     ("img_signature_key_type", "ED25519PH"),
///     ("img_signature_certificate_uuid", "5b25a0c2-0d11-4e0a-8a9c-0f8a4b7d2c10"),
/// ];
/// let properties = SignatureProperties::from_properties_with(properties, &key_types)?.unwrap();
/// assert_eq!(properties.key_type().as_str(), "ED25519PH");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct KeyTypes {
    registered: Vec<RegisteredKeyType>,
}

impl KeyTypes {
    /// The documented key types alone.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key type under `word`.
    ///
    /// # Errors
    /// [`KeyTypeError`] when the word is empty, too long, not printable ASCII, already registered, or a documented
    /// word or so near to one (case and punctuation apart, `ECC_` left out) that a reader could take it for one.
    pub fn register(&mut self, word: &str, scheme: impl SignatureScheme) -> Result<(), KeyTypeError> {
        let printable = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic());
        if !printable || word.len() > MAX_PROPERTY_TEXT {
            return Err(KeyTypeError::NotAWord { word: Excerpt::new(word) });
        }
        if let Some(documented) = KeyType::suggestion(word) {
            return Err(KeyTypeError::Documented { word: Excerpt::new(word), documented });
        }
        if self.registered.iter().any(|known| fold(known.as_str()) == fold(word)) {
            return Err(KeyTypeError::Taken { word: Excerpt::new(word) });
        }
        self.registered.push(RegisteredKeyType { word: word.into(), scheme: Arc::new(scheme) });
        Ok(())
    }

    /// The key type that `word` names; a documented word is looked for first.
    #[must_use]
    pub fn get(&self, word: &str) -> Option<KeyType> {
        let registered = || self.registered.iter().find(|known| known.as_str() == word);
        KeyType::from_word(word).or_else(|| registered().cloned().map(KeyType::Registered))
    }
}

/// Why a key type cannot be registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyTypeError {
    /// The word is empty, too long, or not printable ASCII without spaces.
    #[error("{word} cannot be a key type: it must be printable ASCII without spaces")]
    NotAWord {
        /// What was given.
        word: Excerpt,
    },
    /// The word is, or could be taken for, a documented one.
    #[error("{word} cannot be registered: the key type {documented} is documented and not to be changed")]
    Documented {
        /// What was given.
        word: Excerpt,
        /// The documented word.
        documented: &'static str,
    },
    /// The word is already registered.
    #[error("{word} is already registered")]
    Taken {
        /// What was given.
        word: Excerpt,
    },
}

impl KeyTypeError {
    /// What a service should do about this error.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        self.code().disposition()
    }

    /// The stable code of this error.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        ErrorCode::KeyTypeReserved
    }
}
