//! The words of the image properties: hash methods, key types, curves.

use std::fmt;
use std::sync::Arc;

mod registry;

pub use registry::{KeyTypeError, KeyTypes, RegisteredKey, SchemeError, SignatureScheme};

/// A hash method, as `img_signature_hash_method` names it. FIPS 180-4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum HashMethod {
    /// `SHA-224`
    Sha224,
    /// `SHA-256`
    Sha256,
    /// `SHA-384`
    Sha384,
    /// `SHA-512`
    Sha512,
}

impl HashMethod {
    /// The four documented hash methods.
    pub const ALL: [Self; 4] = [Self::Sha224, Self::Sha256, Self::Sha384, Self::Sha512];

    /// The word exactly as Glance writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha224 => "SHA-224",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        }
    }

    /// The hash method that Glance writes as `word`; case and dash count.
    ///
    /// ```
    /// # use longhand::HashMethod;
    /// assert_eq!(HashMethod::from_word("SHA-256"), Some(HashMethod::Sha256));
    /// assert_eq!(HashMethod::from_word("sha256"), None);
    /// ```
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == word)
    }

    /// The digest's length in octets.
    #[must_use]
    pub const fn digest_length(self) -> usize {
        match self {
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The word that was probably meant by `word`.
    pub(crate) fn suggestion(word: &str) -> Option<&'static str> {
        let folded = fold(word);
        Self::ALL.into_iter().map(Self::as_str).find(|known| fold(known) == folded)
    }
}

impl fmt::Display for HashMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An elliptic curve that `img_signature_key_type` can name. SEC 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Curve {
    /// secp384r1, NIST P-384
    Secp384r1,
    /// secp521r1, NIST P-521
    Secp521r1,
    /// sect409k1, NIST K-409
    Sect409k1,
    /// sect409r1, NIST B-409
    Sect409r1,
    /// sect571k1, NIST K-571
    Sect571k1,
    /// sect571r1, NIST B-571
    Sect571r1,
}

impl Curve {
    /// The six documented curves.
    pub const ALL: [Self; 6] = [
        Self::Secp384r1,
        Self::Secp521r1,
        Self::Sect409k1,
        Self::Sect409r1,
        Self::Sect571k1,
        Self::Sect571r1,
    ];

    /// The curve's name in SEC 2.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Secp384r1 => "secp384r1",
            Self::Secp521r1 => "secp521r1",
            Self::Sect409k1 => "sect409k1",
            Self::Sect409r1 => "sect409r1",
            Self::Sect571k1 => "sect571k1",
            Self::Sect571r1 => "sect571r1",
        }
    }

    /// The size of the curve's field, in bits.
    #[must_use]
    pub const fn field_bits(self) -> u32 {
        match self {
            Self::Secp384r1 => 384,
            Self::Secp521r1 => 521,
            Self::Sect409k1 | Self::Sect409r1 => 409,
            Self::Sect571k1 | Self::Sect571r1 => 571,
        }
    }
}

impl fmt::Display for Curve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A key type, as `img_signature_key_type` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyType {
    /// `RSA-PSS`: RSASSA-PSS with MGF1 over the same hash. RFC 8017 section 8.1.
    RsaPss,
    /// `DSA`: FIPS 186-4 section 4.
    Dsa,
    /// `ECC_SECP384R1` and its five siblings: ECDSA. FIPS 186-5 section 6.
    Ecc(Curve),
    /// A key type that the embedding program registered with [`KeyTypes::register`].
    Registered(RegisteredKeyType),
}

impl KeyType {
    /// The eight documented key types, in the order of Glance's metadata definitions.
    pub const DOCUMENTED: [Self; 8] = [
        Self::RsaPss,
        Self::Dsa,
        Self::Ecc(Curve::Secp384r1),
        Self::Ecc(Curve::Secp521r1),
        Self::Ecc(Curve::Sect409k1),
        Self::Ecc(Curve::Sect409r1),
        Self::Ecc(Curve::Sect571k1),
        Self::Ecc(Curve::Sect571r1),
    ];

    /// The word exactly as Glance writes it, or as it was registered.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::RsaPss => "RSA-PSS",
            Self::Dsa => "DSA",
            Self::Ecc(Curve::Secp384r1) => "ECC_SECP384R1",
            Self::Ecc(Curve::Secp521r1) => "ECC_SECP521R1",
            Self::Ecc(Curve::Sect409k1) => "ECC_SECT409K1",
            Self::Ecc(Curve::Sect409r1) => "ECC_SECT409R1",
            Self::Ecc(Curve::Sect571k1) => "ECC_SECT571K1",
            Self::Ecc(Curve::Sect571r1) => "ECC_SECT571R1",
            Self::Registered(registered) => registered.as_str(),
        }
    }

    /// The documented key type that Glance writes as `word`; case and prefix count.
    ///
    /// ```
    /// # use longhand::{Curve, KeyType};
    /// assert_eq!(KeyType::from_word("ECC_SECP384R1"), Some(KeyType::Ecc(Curve::Secp384r1)));
    /// assert_eq!(KeyType::from_word("SECP384R1"), None);
    /// ```
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::DOCUMENTED.into_iter().find(|key_type| key_type.as_str() == word)
    }

    /// The documented word that was probably meant by `word`: the guides leave out `ECC_`.
    pub(crate) fn suggestion(word: &str) -> Option<&'static str> {
        const WORDS: [&str; 8] = [
            "RSA-PSS",
            "DSA",
            "ECC_SECP384R1",
            "ECC_SECP521R1",
            "ECC_SECT409K1",
            "ECC_SECT409R1",
            "ECC_SECT571K1",
            "ECC_SECT571R1",
        ];
        let folded = fold(word);
        let bare = folded.strip_prefix("ECC").unwrap_or(&folded);
        WORDS.into_iter().find(|known| {
            let known = fold(known);
            known.strip_prefix("ECC").unwrap_or(&known) == bare
        })
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The word and the scheme of a registered key type. Equal when both are the same registration.
#[derive(Clone)]
pub struct RegisteredKeyType {
    word: Arc<str>,
    scheme: Arc<dyn SignatureScheme>,
}

impl RegisteredKeyType {
    /// The word under which it was registered.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.word
    }

    pub(crate) fn scheme(&self) -> &dyn SignatureScheme {
        &*self.scheme
    }
}

impl PartialEq for RegisteredKeyType {
    fn eq(&self, other: &Self) -> bool {
        self.word == other.word && Arc::ptr_eq(&self.scheme, &other.scheme)
    }
}

impl Eq for RegisteredKeyType {}

impl fmt::Debug for RegisteredKeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegisteredKeyType({:?})", self.word)
    }
}

/// A word without case and punctuation, for guessing what was meant. Never for deciding.
fn fold(word: &str) -> String {
    word.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back_as_itself_and_only_exactly() {
        for method in HashMethod::ALL {
            assert_eq!(HashMethod::from_word(method.as_str()), Some(method));
            assert_eq!(HashMethod::from_word(&method.as_str().to_lowercase()), None);
            assert_eq!(HashMethod::suggestion(method.as_str()), Some(method.as_str()));
        }
        for key_type in KeyType::DOCUMENTED {
            assert_eq!(KeyType::from_word(key_type.as_str()), Some(key_type.clone()));
            assert_eq!(KeyType::from_word(&key_type.as_str().to_lowercase()), None);
            assert_eq!(KeyType::suggestion(key_type.as_str()), Some(key_type.as_str()));
        }
    }

    #[test]
    fn a_near_miss_is_answered_with_the_right_word() {
        for (given, meant) in [
            ("SECP384R1", Some("ECC_SECP384R1")),
            ("sect571k1", Some("ECC_SECT571K1")),
            ("ECC-SECP521R1", Some("ECC_SECP521R1")),
            ("RSA_PSS", Some("RSA-PSS")),
            ("rsapss", Some("RSA-PSS")),
            ("dsa", Some("DSA")),
            ("RSA", None),
            ("ECC_", None),
            ("", None),
        ] {
            assert_eq!(KeyType::suggestion(given), meant, "{given}");
        }
        for (given, meant) in [("sha256", Some("SHA-256")), ("SHA_512", Some("SHA-512")), ("SHA-1", None)] {
            assert_eq!(HashMethod::suggestion(given), meant, "{given}");
        }
    }
}
