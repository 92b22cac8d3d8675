//! The four `img_signature*` image properties, read into a plan.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::algorithm::{HashMethod, KeyType, KeyTypes};
use crate::code::{Disposition, ErrorCode, SIGNATURE_FAILED};
use crate::excerpt::Excerpt;
use crate::limits::{MAX_PROPERTY_TEXT, MAX_SIGNATURE_TEXT};

/// An image property that says how the image is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PropertyName {
    /// `img_signature`
    Signature,
    /// `img_signature_hash_method`
    HashMethod,
    /// `img_signature_key_type`
    KeyType,
    /// `img_signature_certificate_uuid`
    CertificateUuid,
    /// `signature`, of the Liberty scheme (feature `legacy-checksum`)
    LegacySignature,
    /// `signature_hash_method`, of the Liberty scheme
    LegacyHashMethod,
    /// `signature_key_type`, of the Liberty scheme
    LegacyKeyType,
    /// `signature_certificate_uuid`, of the Liberty scheme
    LegacyCertificateUuid,
    /// `mask_gen_algorithm`, of the Liberty scheme
    LegacyMaskGenAlgorithm,
    /// `pss_salt_length`, of the Liberty scheme
    LegacyPssSaltLength,
}

impl PropertyName {
    /// The four properties of a signed image.
    pub const ALL: [Self; 4] = [Self::Signature, Self::HashMethod, Self::KeyType, Self::CertificateUuid];

    /// The property's name in the image record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signature => "img_signature",
            Self::HashMethod => "img_signature_hash_method",
            Self::KeyType => "img_signature_key_type",
            Self::CertificateUuid => "img_signature_certificate_uuid",
            Self::LegacySignature => "signature",
            Self::LegacyHashMethod => "signature_hash_method",
            Self::LegacyKeyType => "signature_key_type",
            Self::LegacyCertificateUuid => "signature_certificate_uuid",
            Self::LegacyMaskGenAlgorithm => "mask_gen_algorithm",
            Self::LegacyPssSaltLength => "pss_salt_length",
        }
    }

    /// The property with this name, if it is one of the four.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|property| property.as_str() == name)
    }

    const fn max_length(self) -> usize {
        match self {
            Self::Signature | Self::LegacySignature => MAX_SIGNATURE_TEXT,
            _ => MAX_PROPERTY_TEXT,
        }
    }
}

impl fmt::Display for PropertyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an image's properties ask for: which signature, by which kind of key, in which certificate.
///
/// ```
/// use std::collections::HashMap;
/// use longhand::{HashMethod, KeyType, SignatureProperties};
///
/// let image_properties: HashMap<String, String> = [
///     ("os_distro", "debian"),
///     ("img_signature", "c2lnbmF0dXJl"),
///     ("img_signature_hash_method", "SHA-256"),
///     ("img_signature_key_type", "RSA-PSS"),
///     ("img_signature_certificate_uuid", "5b25a0c2-0d11-4e0a-8a9c-0f8a4b7d2c10"),
/// ]
/// .map(|(name, value)| (name.to_owned(), value.to_owned()))
/// .into();
///
/// let properties = SignatureProperties::from_properties(&image_properties)?.expect("the image is signed");
/// assert_eq!(properties.signature(), b"signature");
/// assert_eq!(properties.hash_method(), HashMethod::Sha256);
/// assert_eq!(*properties.key_type(), KeyType::RsaPss);
/// # Ok::<(), longhand::PropertyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureProperties {
    signature: Vec<u8>,
    hash_method: HashMethod,
    key_type: KeyType,
    certificate_id: String,
}

impl SignatureProperties {
    /// Reads an image's properties, given as pairs of name and value; other properties are passed over.
    ///
    /// All four present give a plan, none give `None`: the image is not signed.
    ///
    /// # Errors
    /// [`PropertyError`] when some but not all are present, or one is given twice, empty, too long, not one of the
    /// documented words, or not base64.
    pub fn from_properties<I, K, V>(properties: I) -> Result<Option<Self>, PropertyError>
    where
        I: IntoIterator<Item = (K, V)>,
        K: AsRef<str>,
        V: AsRef<str>,
    {
        Self::from_properties_with(properties, &KeyTypes::new())
    }

    /// As [`from_properties`](Self::from_properties), with the key types that the caller has registered.
    ///
    /// # Errors
    /// As [`from_properties`](Self::from_properties).
    pub fn from_properties_with<I, K, V>(
        properties: I,
        key_types: &KeyTypes,
    ) -> Result<Option<Self>, PropertyError>
    where
        I: IntoIterator<Item = (K, V)>,
        K: AsRef<str>,
        V: AsRef<str>,
    {
        let mut given = Given::collect(properties, &PropertyName::ALL)?;
        let Some(texts) = given.all_or_none(PropertyName::ALL)? else { return Ok(None) };
        Self::read(PropertyName::ALL, texts, key_types).map(Some)
    }

    /// Reads the four texts, in the order of the four names.
    pub(crate) fn read(
        [signature, hash_method, key_type, certificate_id]: [PropertyName; 4],
        [signature_text, hash_method_text, key_type_text, certificate_id_text]: [String; 4],
        key_types: &KeyTypes,
    ) -> Result<Self, PropertyError> {
        Ok(Self {
            signature: signature_octets(signature, &signature_text)?,
            hash_method: read_hash_method(hash_method, &hash_method_text)?,
            key_type: read_key_type(key_type, &key_type_text, key_types)?,
            certificate_id: read_certificate_id(certificate_id, certificate_id_text)?,
        })
    }

    /// The signature's octets, decoded from `img_signature`.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// The hash method, from `img_signature_hash_method`.
    #[must_use]
    pub fn hash_method(&self) -> HashMethod {
        self.hash_method
    }

    /// The key type, from `img_signature_key_type`.
    #[must_use]
    pub fn key_type(&self) -> &KeyType {
        &self.key_type
    }

    /// The signing certificate's id in the key manager, from `img_signature_certificate_uuid`.
    ///
    /// Any printable text: which ids exist is the key manager's to say.
    #[must_use]
    pub fn certificate_id(&self) -> &str {
        &self.certificate_id
    }
}

/// The values of some properties: each bounded, not empty, given once.
pub(crate) struct Given(BTreeMap<PropertyName, String>);

impl Given {
    /// Picks these properties out of all.
    pub(crate) fn collect<I, K, V>(properties: I, wanted: &[PropertyName]) -> Result<Self, PropertyError>
    where
        I: IntoIterator<Item = (K, V)>,
        K: AsRef<str>,
        V: AsRef<str>,
    {
        let mut given = Self(BTreeMap::new());
        let mut outcome = Ok(());
        // All are looked at, whatever is wrong with one: the caller may count on having seen every name.
        for (name, value) in properties {
            let name = name.as_ref();
            let Some(&property) = wanted.iter().find(|property| property.as_str() == name) else { continue };
            outcome = outcome.and(given.put(property, value.as_ref()));
        }
        outcome.map(|()| given)
    }

    fn put(&mut self, property: PropertyName, value: &str) -> Result<(), PropertyError> {
        match self.0.insert(property, bounded(property, value)?) {
            Some(_) => Err(PropertyError::Repeated { property }),
            None => Ok(()),
        }
    }

    pub(crate) fn take(&mut self, property: PropertyName) -> Option<String> {
        self.0.remove(&property)
    }

    /// The values of these four, or `None` if there are none of them.
    pub(crate) fn all_or_none(
        &mut self,
        four: [PropertyName; 4],
    ) -> Result<Option<[String; 4]>, PropertyError> {
        match four.map(|property| self.take(property)) {
            [None, None, None, None] => Ok(None),
            [Some(first), Some(second), Some(third), Some(fourth)] => {
                Ok(Some([first, second, third, fourth]))
            }
            some => {
                let missing = four.into_iter().zip(&some).filter(|(_, value)| value.is_none());
                Err(PropertyError::Incomplete { missing: missing.map(|(property, _)| property).collect() })
            }
        }
    }
}

fn bounded(property: PropertyName, value: &str) -> Result<String, PropertyError> {
    if value.is_empty() {
        return Err(PropertyError::Empty { property });
    }
    if value.len() > property.max_length() {
        let (length, limit) = (value.len(), property.max_length());
        return Err(PropertyError::TooLong { property, length, limit });
    }
    Ok(value.to_owned())
}

fn read_hash_method(property: PropertyName, word: &str) -> Result<HashMethod, PropertyError> {
    HashMethod::from_word(word).ok_or_else(|| PropertyError::UnknownHashMethod {
        property,
        found: Excerpt::new(word),
        meant: HashMethod::suggestion(word),
    })
}

fn read_key_type(property: PropertyName, word: &str, key_types: &KeyTypes) -> Result<KeyType, PropertyError> {
    key_types.get(word).ok_or_else(|| PropertyError::UnknownKeyType {
        property,
        found: Excerpt::new(word),
        meant: KeyType::suggestion(word),
    })
}

fn read_certificate_id(property: PropertyName, id: String) -> Result<String, PropertyError> {
    match id.char_indices().find(|(_, character)| character.is_control()) {
        Some((position, _)) => {
            Err(PropertyError::CertificateId { property, found: Excerpt::new(&id), position })
        }
        None => Ok(id),
    }
}

/// Decodes base64 (RFC 4648 section 4) as base64(1) wraps it and Python emits it: ASCII white space anywhere,
/// anything else outside the alphabet an error that says where.
fn signature_octets(property: PropertyName, text: &str) -> Result<Vec<u8>, PropertyError> {
    let mut symbols = Vec::with_capacity(text.len());
    let mut padding = None;
    let mut last_data = 0;
    for (position, byte) in text.bytes().enumerate() {
        match byte {
            b'\t' | b'\n' | b'\x0b' | b'\x0c' | b'\r' | b' ' => continue,
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => {
                if padding.is_some() {
                    return Err(base64_error(property, text, position, Base64Defect::DataAfterPadding));
                }
                last_data = position;
            }
            b'=' => padding = padding.or(Some(position)),
            _ => return Err(base64_error(property, text, position, Base64Defect::OutsideAlphabet)),
        }
        symbols.push(byte);
    }
    if symbols.is_empty() {
        return Err(PropertyError::Empty { property });
    }
    STANDARD.decode(&symbols).map_err(|error| match error {
        base64::DecodeError::InvalidLastSymbol { .. } => {
            base64_error(property, text, last_data, Base64Defect::TrailingBits)
        }
        _ => base64_error(property, text, padding.unwrap_or(last_data), Base64Defect::Padding),
    })
}

fn base64_error(property: PropertyName, text: &str, position: usize, defect: Base64Defect) -> PropertyError {
    let character = text.get(position..).and_then(|rest| rest.chars().next()).unwrap_or('\0');
    PropertyError::Base64 { property, position, character, defect }
}

/// What is wrong at the position that [`PropertyError::Base64`] names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Base64Defect {
    /// The character is neither of the alphabet `A-Za-z0-9+/`, nor padding, nor ASCII white space.
    OutsideAlphabet,
    /// Data follows the padding.
    DataAfterPadding,
    /// The padding is missing, too short or too long.
    Padding,
    /// The last character has bits that belong to no octet.
    TrailingBits,
}

impl fmt::Display for Base64Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OutsideAlphabet => "is outside the base64 alphabet",
            Self::DataAfterPadding => "follows the padding",
            Self::Padding => "ends data whose padding is not right",
            Self::TrailingBits => "has bits that belong to no octet",
        })
    }
}

/// Why an image's signature properties cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PropertyError {
    /// Some of the four properties are present, not all.
    Incomplete {
        /// Those that are missing.
        missing: Vec<PropertyName>,
    },
    /// A property is given twice.
    Repeated {
        /// Which.
        property: PropertyName,
    },
    /// A property is the empty string (of the signature: nothing but white space).
    Empty {
        /// Which.
        property: PropertyName,
    },
    /// A property is longer than its bound.
    TooLong {
        /// Which.
        property: PropertyName,
        /// Its length in bytes.
        length: usize,
        /// The bound in bytes.
        limit: usize,
    },
    /// The hash method is not a documented word.
    UnknownHashMethod {
        /// Which property.
        property: PropertyName,
        /// What is there.
        found: Excerpt,
        /// The word that was probably meant.
        meant: Option<&'static str>,
    },
    /// The key type is neither a documented nor a registered word.
    UnknownKeyType {
        /// Which property.
        property: PropertyName,
        /// What is there.
        found: Excerpt,
        /// The word that was probably meant.
        meant: Option<&'static str>,
    },
    /// The signature is not base64.
    Base64 {
        /// Which property.
        property: PropertyName,
        /// Where, in bytes from the start of the property.
        position: usize,
        /// The character there.
        character: char,
        /// What is wrong with it.
        defect: Base64Defect,
    },
    /// The certificate's id holds a control character.
    CertificateId {
        /// Which property.
        property: PropertyName,
        /// What is there.
        found: Excerpt,
        /// Where the control character stands, in bytes.
        position: usize,
    },
    /// An option of the Liberty scheme has a value that the scheme does not know (feature `legacy-checksum`).
    LegacyOption {
        /// Which property.
        property: PropertyName,
        /// What is there.
        found: Excerpt,
        /// What may be there.
        allowed: &'static str,
    },
}

impl PropertyError {
    /// The stable code of this error.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Incomplete { .. } => ErrorCode::PropertiesIncomplete,
            Self::Repeated { .. } => ErrorCode::PropertyRepeated,
            Self::Empty { .. } => ErrorCode::PropertyEmpty,
            Self::TooLong { .. } => ErrorCode::PropertyTooLong,
            Self::UnknownHashMethod { .. } => ErrorCode::HashMethodUnknown,
            Self::UnknownKeyType { .. } => ErrorCode::KeyTypeUnknown,
            Self::Base64 { .. } => ErrorCode::SignatureNotBase64,
            Self::CertificateId { .. } => ErrorCode::CertificateIdInvalid,
            Self::LegacyOption { .. } => ErrorCode::LegacyOptionInvalid,
        }
    }

    /// What a service should do about this error.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        self.code().disposition()
    }
}

impl fmt::Display for PropertyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SIGNATURE_FAILED}: ")?;
        match self {
            Self::Incomplete { missing } => {
                f.write_str("the image is signed only in part; missing: ")?;
                for (index, property) in missing.iter().enumerate() {
                    write!(f, "{}{property}", if index == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
            Self::Repeated { property } => write!(f, "{property} is given twice"),
            Self::Empty { property } => write!(f, "{property} is empty"),
            Self::TooLong { property, length, limit } => {
                write!(f, "{property} is {length} bytes long, more than {limit}")
            }
            Self::UnknownHashMethod { property, found, meant } => {
                write!(f, "{property} is {found}, which is no hash method")?;
                instead(f, *meant, "SHA-224, SHA-256, SHA-384 or SHA-512")
            }
            Self::UnknownKeyType { property, found, meant } => {
                write!(f, "{property} is {found}, which is no key type")?;
                instead(
                    f,
                    *meant,
                    "RSA-PSS, DSA, ECC_SECP384R1, ECC_SECP521R1, ECC_SECT409K1, ECC_SECT409R1, ECC_SECT571K1 or \
                     ECC_SECT571R1",
                )
            }
            Self::Base64 { property, position, character, defect } => {
                write!(f, "{property} is not base64: {character:?} at byte {position} {defect}")
            }
            Self::CertificateId { property, found, position } => {
                write!(f, "{property} is {found}, with a control character at byte {position}")
            }
            Self::LegacyOption { property, found, allowed } => {
                write!(f, "{property} is {found}; it must be {allowed}")
            }
        }
    }
}

fn instead(f: &mut fmt::Formatter<'_>, meant: Option<&str>, all: &str) -> fmt::Result {
    match meant {
        Some(word) => write!(f, "; services write it as {word}"),
        None => write!(f, "; it must be {all}"),
    }
}
