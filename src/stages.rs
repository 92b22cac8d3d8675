//! The stages, one by one: for authors of harnesses, fuzzers, benchmarks and bindings. There is no code in here.
//!
//! Every stage is a function over bytes or owned values. None reads a clock, an environment, a file or a network; none
//! keeps state between calls; every type is `Send + Sync + 'static` and borrows nothing; every error has a stable
//! number ([`ErrorCode`](crate::ErrorCode)).
//!
//! | stage | in | out | error |
//! |---|---|---|---|
//! | properties | pairs of text | [`SignatureProperties`](crate::SignatureProperties), or none | [`PropertyError`](crate::PropertyError) |
//! | certificate | DER or PEM | [`Certificate`](crate::Certificate) | [`CertificateError`](crate::CertificateError) |
//! | extensions | a certificate | [`Extension`](crate::Extension)s | [`CertificateError`](crate::CertificateError) |
//! | key | DER of a SubjectPublicKeyInfo | [`PublicKey`](crate::PublicKey) | [`PublicKeyError`](crate::PublicKeyError) |
//! | shape of a signature | key, hash method, signature | nothing | [`SignatureError`](crate::SignatureError) |
//! | digest | bytes, in pieces; of several streams at once with [`update_many`](crate::StreamingDigest::update_many) | [`Digest`](crate::Digest) | never fails |
//! | signature | key, hash method, digest, signature | [`SignatureMatch`](crate::SignatureMatch) | [`VerificationError`](crate::VerificationError) |
//! | verifier | properties, certificate; then bytes, in pieces | [`Verified`](crate::Verified) | [`VerifierError`](crate::VerifierError), [`VerificationError`](crate::VerificationError) |
//! | revocation list | DER or PEM | [`RevocationList`](crate::RevocationList) | [`RevocationListError`](crate::RevocationListError) |
//! | trust | certificates, a bundle, or ids and a key manager | [`TrustStore`](crate::TrustStore) | [`TrustError`](crate::TrustError) |
//! | chain | certificate, trust, rules, time | [`VerifiedChain`](crate::VerifiedChain) | [`ChainError`](crate::ChainError) |
//! | policy | what is known of an image and its request | [`Requirement`](crate::Requirement) | [`PolicyError`](crate::PolicyError) |
//! | record | what an image's record says of its bytes; then the bytes | [`RecordCheck`](crate::RecordCheck)s | [`RecordError`](crate::RecordError) |
//! | receipt | a receipt, a request, a validator | [`RecheckedImage`](crate::RecheckedImage) | [`ReceiptError`](crate::ReceiptError) |
//! | image | a request; what its [`Plan`](crate::Plan) names; then bytes | [`VerifiedImage`](crate::VerifiedImage) | [`ImageError`](crate::ImageError) |
//!
//! Fetching certificates is the only step with input and output, and it is the caller's: a
//! [`KeyManager`](crate::KeyManager), or whatever has brought the bytes already.
//!
//! The same image, stage by stage:
//!
//! ```
//! use longhand::{Certificate, PssSaltLength, PublicKey, SignatureProperties, StreamingDigest};
//!
//! # let record = std::fs::read("test-vectors/walkthrough/glance/properties.json")?;
//! # let record: serde_json::Value = serde_json::from_slice(&record)?;
//! # let image_properties: Vec<_> = record["properties"].as_object().unwrap().iter()
//! #     .filter_map(|(name, value)| Some((name, value.as_str()?))).collect();
//! # let bytes = std::fs::read("test-vectors/walkthrough/glance/certs/cd7cc675-e573-419c-8fff-33a72734a243.crt")?;
//! # let image = std::fs::read("test-vectors/walkthrough/glance/image.qcow2")?;
//! let properties = SignatureProperties::from_properties(image_properties)?.expect("signed");
//! let certificate = Certificate::from_bytes(&bytes)?;
//! let key = PublicKey::from_spki_der(certificate.subject_public_key_info())?;
//! let (hash_method, signature) = (properties.hash_method(), properties.signature());
//! key.check_signature(hash_method, signature)?;
//!
//! let mut digest = StreamingDigest::new(hash_method);
//! image.chunks(1000).for_each(|chunk| digest.update(chunk));
//! let digest = digest.finish();
//! let found = key.verify_digest(hash_method, digest.as_bytes(), signature, PssSaltLength::Auto)?;
//! assert_eq!(found.salt_length, Some(94));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What the stages do not do one by one, and [`SignatureVerifier`](crate::SignatureVerifier) does: hold the key's kind
//! and curve against the key type, and look at dates. A binding for services wraps [`ImageVerifier`](crate::ImageVerifier),
//! which joins them all; its [`plan`](crate::ImageVerifier::plan) lets a driver of another language do the fetching.
