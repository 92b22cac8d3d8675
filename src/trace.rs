//! What a service's operators see of verification: spans and log lines for subscribers of the crate
//! [`tracing`](https://docs.rs/tracing). Feature `tracing`.
//!
//! Nothing here is called: the lines and spans come from [`ImageVerifier`](crate::ImageVerifier),
//! [`Plan`](crate::Plan), [`ImageVerification`](crate::ImageVerification) and
//! [`TrustStore`](crate::TrustStore), all with the target `longhand`. Without the feature they are not compiled.
//!
//! # Lines
//!
//! They are the lines that Nova 34, Glance 33 and Cinder 29 write, at their levels, so that what searches the logs of
//! those services finds them here: Nova's for the policies `nova`, `trusted` and `required`, Glance's for `glance`,
//! Cinder's for `cinder` ([`VerificationPolicy`](crate::VerificationPolicy)). `I` is the image's id, `C` the signing
//! certificate's, `T` a trusted certificate's, `E` the error's text.
//!
//! | when | policy | level | line |
//! |---|---|---|---|
//! | refused before a byte is read | Nova's | ERROR | `Image signature verification failed for image: I` |
//! | | `glance` | ERROR | `Signature verification failed for image I: E` |
//! | | `cinder` | ERROR | `Failed to get verifier for image: I` |
//! | some of the four properties are missing | `cinder` | ERROR | `Image signature metadata for image I is incomplete.` |
//! | a trusted certificate cannot be used (Cursive's line) | Nova's | WARN | `Skipping trusted certificate: T` |
//! | the chain is validated | Nova's | DEBUG | `Image signature certificate validation succeeded for certificate: C` |
//! | the chain is refused, that of a receipt too | Nova's | WARN | `Image signature certificate validation failed for certificate: C` |
//! | no chain is asked for | Nova's | DEBUG | `Certificate validation was not performed. A list of trusted image certificate IDs must be provided in order to validate an image certificate.` |
//! | a chain is asked for, and nothing to trust given | Nova's | WARN | `Image signature certificate validation enabled, but no trusted certificate IDs were provided. Unable to validate the certificate used to verify the image signature.` |
//! | verified | Nova's | INFO | `Image signature verification succeeded for image I` |
//! | | `glance` | INFO | `Successfully verified signature for image I` |
//! | | `cinder` | INFO | `Image signature verification succeeded for image: I` |
//! | the bytes, or the record, are not as signed or stated | Nova's | ERROR | `Image signature verification failed for image I` |
//! | | `glance` | ERROR | `Signature verification failed for image I: E` |
//! | | `cinder` | ERROR | `Image signature verification failed for image: I` |
//!
//! A refusal leaves one line besides those of skipped certificates, with the name of its
//! [`ErrorCode`](crate::ErrorCode) in the field `code` and its text in the field `error`. An image that need not or
//! cannot be verified leaves none, as in the services; neither does a verification that is given up before it is asked.
//!
//! # Spans
//!
//! | span, at INFO | fields | what happens in it |
//! |---|---|---|
//! | `begin` | `image`, `policy` | everything before the first byte: [`ImageVerifier::begin`](crate::ImageVerifier::begin), `begin_async` |
//! | `fetch` | `id` | one certificate is asked for, from the first poll to the answer; up to [`MAX_CONCURRENT_FETCHES`](crate::limits::MAX_CONCURRENT_FETCHES) at once when awaited |
//! | `chain` | `certificate` | the signing certificate's chain is validated |
//! | `verify` | `image`, `policy` | the verdict on the bytes |
//!
//! `fetch` and `chain` lie in `begin`. A task that is set aside leaves its spans, and enters them when it is polled again.
//!
//! # What is never in them
//!
//! No token, key, signature or byte of an image. Ids come from strangers: one of 1 to 128 letters, digits and `-_.:/`
//! is written plainly, every other as an [`Excerpt`](crate::Excerpt), in quotes, cut and escaped; and nothing in the
//! text of an error acts on a log either.

#[cfg(not(feature = "tracing"))]
mod off;
#[cfg(feature = "tracing")]
mod on;

#[cfg(not(feature = "tracing"))]
pub(crate) use off::{Span, begun, refused, skipped, verified};
#[cfg(feature = "tracing")]
pub(crate) use on::{Span, begun, refused, skipped, verified};

/// Whose line it is.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "tracing"), allow(dead_code, reason = "nobody reads what nobody logs"))]
pub(crate) struct About<'a> {
    pub(crate) policy: &'static str,
    pub(crate) image_id: &'a str,
    /// The signing certificate's, if the image names one that can be used.
    pub(crate) certificate_id: Option<&'a str>,
}
