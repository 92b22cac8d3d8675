#![doc = include_str!("../README.md")]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::string_slice,
        reason = "a test that fails may panic"
    )
)]

mod algorithm;
mod asn1;
mod certificate;
mod code;
mod digest;
mod excerpt;
mod key_manager;
#[cfg(feature = "legacy-checksum")]
pub mod legacy_checksum;
pub mod limits;
mod modular;
mod name;
mod properties;
mod public_key;
pub mod stages;
mod timestamp;
mod verifier;

pub use algorithm::{
    Curve, HashMethod, KeyType, KeyTypeError, KeyTypes, RegisteredKey, RegisteredKeyType, SchemeError,
    SignatureScheme,
};
pub use asn1::{DerDefect, DerError};
pub use certificate::{Certificate, CertificateError, DateStatus, Extension, PemDefect, Validity, Version};
pub use code::{Disposition, ErrorCode};
pub use digest::{Digest, StreamingDigest};
pub use excerpt::Excerpt;
#[cfg(feature = "conformance")]
pub use key_manager::conformance;
pub use key_manager::{
    CertificateCache, DirectoryKeyManager, KeyManager, KeyManagerError, MemoryKeyManager, ScopedKeyManager,
    StoredCertificate,
};
pub use name::Name;
pub use properties::{Base64Defect, PropertyError, PropertyName, SignatureProperties};
pub use public_key::{
    DsaComponent, KeyKind, PssDefect, PssSaltLength, PublicKey, PublicKeyError, SignatureError,
    SignatureInteger, SignatureMatch, VerificationError,
};
/// The types of time and DER certificates in this crate's interface.
pub use rustls_pki_types as pki_types;
pub use timestamp::Timestamp;
pub use verifier::{
    DateCheck, Destination, HoldBackWriter, MemoryDestination, SignatureVerifier, StreamError, Verified,
    VerifierError, VerifierOptions, VerifyingReader,
};
