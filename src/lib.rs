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

/// What the fuzz targets ask beyond the interface.
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::binary_curve::fuzzing::arithmetics_disagree;
    pub use crate::modular::fuzzing::{joint_powers, powers, product_and_inverse};
}

mod algorithm;
mod asn1;
mod batch;
mod binary_curve;
mod certificate;
mod chain;
mod code;
mod digest;
mod excerpt;
mod general_name;
mod image;
mod key_manager;
#[cfg(feature = "legacy-checksum")]
pub mod legacy_checksum;
pub mod limits;
mod modular;
mod name;
mod policy;
mod properties;
mod public_key;
mod read_ahead;
mod receipt;
mod record;
mod revocation_list;
mod signature_algorithm;
pub mod stages;
mod timestamp;
#[cfg(not(feature = "tracing"))]
mod trace;
#[cfg(feature = "tracing")]
pub mod trace;
mod trust;
mod verifier;

pub use algorithm::{
    Curve, HashMethod, KeyType, KeyTypeError, KeyTypes, RegisteredKey, RegisteredKeyType, SchemeError,
    SignatureScheme,
};
pub use asn1::{DerDefect, DerError};
pub use batch::{BatchVerifier, Verdicts};
pub use certificate::{Certificate, CertificateError, DateStatus, Extension, PemDefect, Validity, Version};
pub use chain::{
    Candidates, CertificateValidator, CertificateValidatorBuilder, ChainEnd, ChainError, ChainNote,
    ChainPolicy, DroppedCandidate, NotAsked, RevocationStatus, RuleViolation, SecondOpinion,
    UnknownRevocation, VerifiedChain,
};
pub use code::{Disposition, ErrorCode};
pub use digest::{Digest, StreamingDigest};
pub use excerpt::Excerpt;
pub use image::{
    Decision, ImageError, ImageRequest, ImageVerification, ImageVerifier, ImageVerifierBuilder, Plan,
    VerifiedImage,
};
#[cfg(feature = "conformance")]
pub use key_manager::conformance;
#[cfg(feature = "async")]
pub use key_manager::{AsyncKeyManager, Blocking, BlockingWork, BoxFuture};
pub use key_manager::{
    CertificateCache, DirectoryKeyManager, KeyManager, KeyManagerError, MemoryKeyManager, ScopedKeyManager,
    StoredCertificate,
};
pub use name::Name;
pub use policy::{
    CannotVerifyReason, CinderSettings, Delivery, ImageFacts, NotRequiredReason, NovaReading, NovaSettings,
    PolicyError, RebuildIds, Requirement, SignatureState, TrustChoice, VerificationPolicy,
};
pub use properties::{Base64Defect, PropertyError, PropertyName, SignatureProperties};
pub use public_key::{
    DsaComponent, KeyKind, PssDefect, PssSaltLength, PublicKey, PublicKeyError, SignatureError,
    SignatureInteger, SignatureMatch, VerificationError,
};
pub use read_ahead::ReadAhead;
pub use receipt::{Receipt, ReceiptError, RecheckedImage};
pub use record::{ImageRecord, RecordCheck, RecordError};
pub use revocation_list::{RevocationList, RevocationListError};
/// The types of time and DER certificates in this crate's interface.
pub use rustls_pki_types as pki_types;
pub use timestamp::Timestamp;
pub use trust::{ChainCertificate, SkipReason, SkippedCertificate, TrustError, TrustStore};
#[cfg(feature = "http-body")]
pub use verifier::VerifyingBody;
#[cfg(feature = "stream")]
pub use verifier::VerifyingStream;
#[cfg(feature = "tokio")]
pub use verifier::{AsyncDestination, HoldBackAsyncWriter, VerifyingAsyncRead};
pub use verifier::{
    DateCheck, Destination, HoldBackWriter, MemoryDestination, SignatureVerifier, StreamError,
    StreamVerifier, Verified, VerifierError, VerifierOptions, VerifyingReader,
};
