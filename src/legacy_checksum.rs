//! The signature scheme of OpenStack Liberty, over the image's MD5. Feature `legacy-checksum`, off by default.
//!
//! **Do not use this to protect anything.** What is signed is not the image but the text of its MD5, and images with
//! the same MD5 are made in seconds: whoever can choose an image that gets signed can have another one booted in its
//! place. That is CVE-2015-8234 (OSSN-0061), and why Mitaka deprecated the scheme and Newton removed it. It is here for
//! those who have to look at images that were signed so and never again.
//!
//! The properties have no prefix (`signature`, `signature_hash_method`, `signature_key_type`,
//! `signature_certificate_uuid`), two are optional (`mask_gen_algorithm`, `pss_salt_length`), and the only key type is
//! RSA-PSS. Signed are the 32 lower-case hexadecimal characters of the MD5, without a newline: Glance's `checksum`.
//!
//! ```
//! use longhand::legacy_checksum::{LegacySignatureProperties, LegacySignatureVerifier};
//! # use longhand::{DirectoryKeyManager, KeyManager};
//! # let cases = std::fs::read_to_string("test-vectors/liberty/cases.jsonl")?;
//! # let case: serde_json::Value = serde_json::from_str(cases.lines().next().unwrap())?;
//! # let image_properties: Vec<_> = case["properties"].as_object().unwrap().iter()
//! #     .map(|(name, value)| (name, value.as_str().unwrap())).collect();
//! # let mut image = std::fs::File::open("test-vectors/liberty/image.bin")?;
//! # let key_manager = DirectoryKeyManager::new("test-vectors/liberty/certs");
//!
//! let Some(properties) = LegacySignatureProperties::from_properties(image_properties)? else {
//!     panic!("not signed, or signed as images are since Mitaka: SignatureProperties says which");
//! };
//! let stored = key_manager.certificate(properties.certificate_id())?;
//! let mut verifier = LegacySignatureVerifier::new(&properties, &stored.certificate)?;
//! std::io::copy(&mut image, &mut verifier)?;
//! println!("the MD5 {} is signed; the image is not", verifier.verify()?.md5());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt::Write as _;
use std::io;

use md5::{Digest as _, Md5};

use crate::algorithm::{HashMethod, KeyType, KeyTypes};
use crate::certificate::Certificate;
use crate::excerpt::Excerpt;
use crate::properties::{Given, PropertyError, PropertyName, SignatureProperties};
use crate::public_key::{PssSaltLength, VerificationError};
use crate::verifier::{SignatureVerifier, Verified, VerifierError, VerifierOptions};

const FOUR: [PropertyName; 4] = [
    PropertyName::LegacySignature,
    PropertyName::LegacyHashMethod,
    PropertyName::LegacyKeyType,
    PropertyName::LegacyCertificateUuid,
];

/// What an image's properties ask for under the Liberty scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegacySignatureProperties {
    properties: SignatureProperties,
    salt_length: PssSaltLength,
}

impl LegacySignatureProperties {
    /// Reads an image's properties, given as pairs of name and value.
    ///
    /// `None` if none of the four is there, and also if any `img_signature*` property is: an image with both sets is
    /// judged by the new one, so that the weak one can never stand in for it.
    ///
    /// # Errors
    /// [`PropertyError`] as for [`SignatureProperties::from_properties`], and when the key type is not RSA-PSS,
    /// `mask_gen_algorithm` not MGF1, or `pss_salt_length` not a number of octets.
    pub fn from_properties<I, K, V>(properties: I) -> Result<Option<Self>, PropertyError>
    where
        I: IntoIterator<Item = (K, V)>,
        K: AsRef<str>,
        V: AsRef<str>,
    {
        let options = [PropertyName::LegacyMaskGenAlgorithm, PropertyName::LegacyPssSaltLength];
        let mut is_new = false;
        let properties = properties.into_iter().inspect(|(name, _)| {
            is_new |= PropertyName::from_name(name.as_ref()).is_some();
        });
        let given = Given::collect(properties, &[&FOUR[..], &options].concat());
        if is_new {
            return Ok(None);
        }
        let mut given = given?;
        let Some(texts) = given.all_or_none(FOUR)? else { return Ok(None) };
        let salt_length = read_salt_length(given.take(PropertyName::LegacyPssSaltLength))?;
        check_mask_gen_algorithm(given.take(PropertyName::LegacyMaskGenAlgorithm))?;
        let properties = SignatureProperties::read(FOUR, texts, &KeyTypes::new())?;
        if *properties.key_type() != KeyType::RsaPss {
            let found = Excerpt::new(properties.key_type().as_str());
            return Err(option(PropertyName::LegacyKeyType, found, "RSA-PSS"));
        }
        Ok(Some(Self { properties, salt_length }))
    }

    /// The signing certificate's id in the key manager.
    #[must_use]
    pub fn certificate_id(&self) -> &str {
        self.properties.certificate_id()
    }

    /// The salt length demanded: `pss_salt_length`, or the longest that fits.
    #[must_use]
    pub fn salt_length(&self) -> PssSaltLength {
        self.salt_length
    }
}

/// Liberty's `int()` takes a sign and spaces, too; a count of octets needs neither.
fn read_salt_length(text: Option<String>) -> Result<PssSaltLength, PropertyError> {
    let Some(text) = text else { return Ok(PssSaltLength::Max) };
    let digits = text.bytes().all(|octet| octet.is_ascii_digit());
    match text.parse() {
        Ok(length) if digits => Ok(PssSaltLength::Exactly(length)),
        _ => Err(option(PropertyName::LegacyPssSaltLength, Excerpt::new(&text), "a number of octets")),
    }
}

fn check_mask_gen_algorithm(text: Option<String>) -> Result<(), PropertyError> {
    match text {
        Some(text) if text != "MGF1" => {
            Err(option(PropertyName::LegacyMaskGenAlgorithm, Excerpt::new(&text), "MGF1"))
        }
        _ => Ok(()),
    }
}

fn option(property: PropertyName, found: Excerpt, allowed: &'static str) -> PropertyError {
    PropertyError::LegacyOption { property, found, allowed }
}

/// Verifies the signature over an image's MD5 while its bytes stream through.
#[must_use = "a verifier says nothing until it is asked with verify()"]
#[derive(Debug)]
pub struct LegacySignatureVerifier {
    md5: Md5,
    bytes_read: u64,
    over_checksum: SignatureVerifier,
}

impl LegacySignatureVerifier {
    /// A verifier for these properties and this certificate.
    ///
    /// # Errors
    /// [`VerifierError`] as for [`SignatureVerifier::new`].
    pub fn new(
        properties: &LegacySignatureProperties,
        certificate: &Certificate,
    ) -> Result<Self, VerifierError> {
        let options = VerifierOptions::new().pss_salt_length(properties.salt_length);
        let over_checksum = SignatureVerifier::with_options(&properties.properties, certificate, options)?;
        Ok(Self { md5: Md5::new(), bytes_read: 0, over_checksum })
    }

    /// Takes the image's next bytes, in pieces of any size.
    pub fn update(&mut self, data: &[u8]) {
        self.md5.update(data);
        self.bytes_read = self.bytes_read.saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX));
    }

    /// The verdict on the MD5 of all bytes taken.
    ///
    /// # Errors
    /// [`VerificationError`] says why the signature does not hold.
    pub fn verify(mut self) -> Result<LegacyVerified, VerificationError> {
        let md5 = self.md5.finalize().iter().fold(String::new(), |mut text, octet| {
            let _ = write!(text, "{octet:02x}");
            text
        });
        self.over_checksum.update(md5.as_bytes());
        let over_checksum = self.over_checksum.verify()?;
        Ok(LegacyVerified { md5, bytes_read: self.bytes_read, over_checksum })
    }
}

/// Never fails; `flush` does nothing.
impl io::Write for LegacySignatureVerifier {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.update(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The MD5 of an image belongs to its signature. That is less than [`Verified`] says, and so another type: other images
/// have the same MD5.
#[must_use]
#[derive(Clone, Debug)]
pub struct LegacyVerified {
    md5: String,
    bytes_read: u64,
    /// Never given out: it would pass for a verdict on an image.
    over_checksum: Verified,
}

impl LegacyVerified {
    /// The MD5 that is signed, in lower-case hexadecimal.
    #[must_use]
    pub fn md5(&self) -> &str {
        &self.md5
    }

    /// How many bytes the image has.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// The certificate whose key verified the MD5.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        self.over_checksum.certificate()
    }

    /// The hash method of the signature over the MD5's characters.
    #[must_use]
    pub fn hash_method(&self) -> HashMethod {
        self.over_checksum.hash_method()
    }

    /// The length of the salt, in octets.
    #[must_use]
    pub fn salt_length(&self) -> Option<usize> {
        self.over_checksum.salt_length()
    }
}
