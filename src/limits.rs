//! Every bound on hostile input, each with its reason. Nothing else in the crate decides how much is too much.
//!
//! Each bound has a test at the bound and past it, in `tests/limits.rs`.

/// The longest `img_signature`, in characters of base64 and white space.
///
/// An RSA-16384 signature is 2048 octets, 2732 characters, 2806 when wrapped with CRLF at 76; the longest
/// post-quantum signature in sight for a registered key type (ML-DSA-87, 4627 octets) stays below as well.
/// The 255 characters that the guides name are no bound in any service: RSA-2048 needs 344.
pub const MAX_SIGNATURE_TEXT: usize = 16 * 1024;

/// The longest value of the other three properties, in bytes.
///
/// A certificate id is a UUID or an href that ends in one; Nova accepts any length and so must not decide for us.
pub const MAX_PROPERTY_TEXT: usize = 1024;

/// The longest certificate, in octets of DER.
///
/// A certificate with an RSA-16384 key and signature is about 5 KiB; 64 KiB leaves room for long extensions
/// and keeps the cost of reading fifty hostile ones at a few milliseconds.
pub const MAX_CERTIFICATE_DER: usize = 64 * 1024;

/// The longest file or secret in which a PEM certificate is looked for, in bytes.
///
/// `openssl ca` writes a text dump of about three times the certificate before it, and bundles hold several.
pub const MAX_CERTIFICATE_INPUT: usize = 512 * 1024;

/// The most attributes in one distinguished name.
///
/// The longest names in public certificates have about a dozen.
pub const MAX_NAME_ATTRIBUTES: usize = 64;

/// The most extensions in one certificate. RFC 5280 defines 16.
pub const MAX_EXTENSIONS: usize = 64;

/// The smallest RSA modulus, in bits: what the Glance guide's own walkthrough makes.
pub const MIN_RSA_BITS: u32 = 1024;

/// The largest RSA modulus, in bits: OpenSSL's `OPENSSL_RSA_MAX_MODULUS_BITS`.
pub const MAX_RSA_BITS: u32 = 16_384;

/// The smallest RSA public exponent (RFC 8017 section 3.1: odd, and at least 3).
pub const MIN_RSA_EXPONENT: u64 = 3;

/// The largest RSA public exponent, 2^33-1: what the rsa crate and BoringSSL allow; it bounds the work of one
/// verification to 66 modular multiplications.
pub const MAX_RSA_EXPONENT: u64 = (1 << 33) - 1;

/// The smallest DSA modulus p, in bits (FIPS 186-4 section 4.2).
pub const MIN_DSA_P_BITS: u32 = 1024;

/// The largest DSA modulus p, in bits. FIPS 186-4 ends at 3072; OpenSSL users make 4096.
pub const MAX_DSA_P_BITS: u32 = 4096;

/// The sizes of the DSA order q, in bits (FIPS 186-4 section 4.2): OpenSSL verifies with these and no others.
pub const DSA_Q_BITS: [u32; 3] = [160, 224, 256];

/// The longest object identifier, in octets. The longest in public use have about 20.
pub const MAX_OBJECT_IDENTIFIER: usize = 64;

/// How much of one attribute of a name is shown, in characters; the name itself is kept whole.
///
/// RFC 5280 appendix A.1 bounds attributes at 64 to 256 characters, with a few exceptions.
pub const MAX_NAME_TEXT: usize = 256;

/// How much of an untrusted text an error keeps, in characters.
pub const MAX_EXCERPT: usize = 64;
