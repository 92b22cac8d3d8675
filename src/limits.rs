//! Every bound on hostile input, each with its reason. Nothing else in the crate decides how much is too much.
//!
//! Each bound has a test at the bound and past it, in `tests/limits.rs` or beside the code that it bounds.

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

/// The most trusted ids that a user may give for one image: what the schema of Nova's API says (`maxItems`).
pub const MAX_TRUSTED_IDS: usize = 50;

/// The longest trusted id, in bytes: what the signing certificate's id may have. Nova has no bound.
pub const MAX_TRUSTED_ID: usize = MAX_PROPERTY_TEXT;

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

/// The most names in one list of general names: alternative names, or the subtrees of name constraints, permitted and
/// excluded each.
///
/// Let's Encrypt stops at 100 names in a certificate; a signing certificate needs one or none.
pub const MAX_GENERAL_NAMES: usize = 1024;

/// The most comparisons of a name with a subtree of name constraints, in the validation of one certificate.
///
/// rustls-webpki allows as many. A comparison of hosts takes well below a microsecond, one of directory names a few.
pub const MAX_NAME_COMPARISONS: u32 = 250_000;

/// The most certificate policies in one certificate, and the most policy mappings.
///
/// The bridges between public authorities, which have the most, have a few dozen. The work on a path grows with their
/// sum over its certificates (RFC 9618), not with their product.
pub const MAX_POLICIES: usize = 128;

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

/// How much of a whole name is shown, in characters.
///
/// The longest names in public certificates have about 300; an error may show dozens of names.
pub const MAX_NAME_SHOWN: usize = 1024;

/// How much of an untrusted text an error keeps, in characters.
pub const MAX_EXCERPT: usize = 64;

/// The work that one chain may cost, in units of 35 microseconds at the most, so less than a second in all: the check of
/// an RSA-2048 signature is one, and takes about 25.
///
/// A right chain of three links among 500 namesakes of RSA-4096 costs 6000. Every (certificate, key) pair is checked
/// once; a candidate that is refused without a check, each step of backtracking, 32 candidates put in order, and 64
/// certificate policies along a whole chain cost one unit as well. `chain/work.rs` has the price of each kind of key.
pub const MAX_CHAIN_WORK: u32 = 20_000;

/// The most certificates in one chain, the signing certificate and the root included.
///
/// Nova allows 50 trusted ids; public chains have three to five.
pub const MAX_CHAIN_LENGTH: usize = 64;

/// The most trusted certificates that are read from ids, a bundle or a directory, and the most that are taken from beside
/// a signing certificate. What a caller hands over as certificates is the caller's to bound.
///
/// The trust stores of operating systems hold about 150.
pub const MAX_TRUSTED_CERTIFICATES: usize = 4096;

/// The largest bundle of certificates or revocation list in one file, in bytes.
pub const MAX_BUNDLE: usize = 16 * 1024 * 1024;

/// The most refusals that one search keeps: of thousands of namesakes the first few thousand tell enough, and the rest are
/// counted.
pub const MAX_NOTES: usize = 4096;

/// The most certificates that an error lists as tried or skipped; it says how many more there were.
pub const MAX_LISTED_CANDIDATES: usize = 32;

/// The smallest RSA modulus of a certificate authority, in bits (SP 800-131A revision 2, table 2).
pub const MIN_AUTHORITY_RSA_BITS: u32 = 2048;

/// The smallest DSA p and q of a certificate authority, in bits (SP 800-131A revision 2, table 2).
pub const MIN_AUTHORITY_DSA_BITS: (u32, u32) = (2048, 224);

/// The most certificates of one image, or of one trust store, that are asked for at once where the key manager is awaited.
///
/// Fifty trusted ids and the signer's take four round trips instead of 51; a hundred requests at once still ask for no
/// more than 1600.
pub const MAX_CONCURRENT_FETCHES: usize = 16;

/// How many bytes of an image a stream withholds at least until the verdict, if the image has as many: enough that no
/// reader takes what came for whole.
pub const MIN_WITHHELD: usize = 64 * 1024;

/// The most bytes of an image that a stream withholds when it asks its source for more; in between it has what the source
/// gave besides.
///
/// A reader needs [`MIN_WITHHELD`] and one block of as much. A stream of chunks needs [`MIN_WITHHELD`], one chunk before
/// that of up to twice as much, of which it withholds a copy of the end if it is longer, and less than one
/// [`MIN_KEPT_CHUNK`] that is being joined.
pub const MAX_WITHHELD: usize = 3 * MIN_WITHHELD + MIN_KEPT_CHUNK;

/// The most characters of an error that a log line shows, before they are escaped. The library bounds its own errors; one
/// that a key manager of somebody else brings along can have any length.
#[cfg(feature = "tracing")]
pub const MAX_LOGGED_ERROR: usize = 4096;

/// The shortest chunk that a stream withholds without a copy, in bytes: each has a handle, and perhaps a buffer of the
/// source's behind it, so a thousand chunks of one byte would cost much more than they are.
pub const MIN_KEPT_CHUNK: usize = 4 * 1024;

/// How often a stream asks its source in one poll before it lets others run: as often as tokio lets one task do
/// something at a time. A source that always has a byte, or an empty chunk, must not keep a thread for ever.
pub const MAX_READS_A_POLL: u32 = 128;

/// The longest chunk that is hashed on the runtime's thread, in bytes, and the most that an asynchronous writer takes at
/// once.
///
/// A round trip to a thread for blocking work takes 24 to 37 microseconds, 8 to 13 of them on the runtime's own thread
/// (`cargo bench --features tokio --bench hashing_away`). A chunk of this size takes 0.15 milliseconds with SHA-256 and
/// 0.31 with SHA-512 in place, and 1.2 to 1.3 times as long away; shorter ones lose more, longer ones keep the thread
/// from others.
pub const MAX_HASHED_IN_PLACE: usize = 256 * 1024;

/// The most threads of one batch that hash. More are taken for so many: a number that grew by mistake must not take all
/// threads of a machine.
pub const MAX_BATCH_THREADS: usize = 64;

/// The most images that one thread of a batch has at a time, each with a thread that reads and 2 MiB: with all threads
/// that hash 1024 and 2 GiB.
pub const MAX_BATCH_STREAMS: usize = 16;
