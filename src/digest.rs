//! The image's digest: one hasher, chosen at run time, fed as the bytes come.

use std::fmt;

use sha2::Digest as _;

use crate::algorithm::HashMethod;

/// A hasher for whichever of the four hash methods the properties name.
///
/// ```
/// use longhand::{HashMethod, StreamingDigest};
///
/// let mut digest = StreamingDigest::new(HashMethod::Sha256);
/// digest.update(b"a");
/// digest.update(b"bc");
/// assert!(digest.finish().to_string().starts_with("ba7816bf8f01cfea"));
/// ```
#[derive(Clone, Debug)]
pub struct StreamingDigest(Hasher);

#[derive(Clone, Debug)]
enum Hasher {
    Sha224(sha2::Sha224),
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
}

impl StreamingDigest {
    /// A hasher that has seen nothing yet.
    #[must_use]
    pub fn new(hash_method: HashMethod) -> Self {
        Self(match hash_method {
            HashMethod::Sha224 => Hasher::Sha224(sha2::Sha224::new()),
            HashMethod::Sha256 => Hasher::Sha256(sha2::Sha256::new()),
            HashMethod::Sha384 => Hasher::Sha384(sha2::Sha384::new()),
            HashMethod::Sha512 => Hasher::Sha512(sha2::Sha512::new()),
        })
    }

    /// Takes the next bytes.
    pub fn update(&mut self, data: &[u8]) {
        match &mut self.0 {
            Hasher::Sha224(hasher) => hasher.update(data),
            Hasher::Sha256(hasher) => hasher.update(data),
            Hasher::Sha384(hasher) => hasher.update(data),
            Hasher::Sha512(hasher) => hasher.update(data),
        }
    }

    /// The digest of all bytes taken.
    #[must_use]
    pub fn finish(self) -> Digest {
        match self.0 {
            Hasher::Sha224(hasher) => Digest::new(HashMethod::Sha224, &hasher.finalize()),
            Hasher::Sha256(hasher) => Digest::new(HashMethod::Sha256, &hasher.finalize()),
            Hasher::Sha384(hasher) => Digest::new(HashMethod::Sha384, &hasher.finalize()),
            Hasher::Sha512(hasher) => Digest::new(HashMethod::Sha512, &hasher.finalize()),
        }
    }
}

/// A digest and the hash method that made it. `Display` is lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest {
    hash_method: HashMethod,
    // The longest digest, SHA-512's; a shorter one leaves zeros at the end.
    octets: [u8; 64],
}

impl Digest {
    /// A digest from its octets, as many as the hash method's.
    pub(crate) fn from_octets(hash_method: HashMethod, octets: &[u8]) -> Option<Self> {
        (octets.len() == hash_method.digest_length()).then(|| Self::new(hash_method, octets))
    }

    fn new(hash_method: HashMethod, digest: &[u8]) -> Self {
        let mut octets = [0; 64];
        for (place, octet) in octets.iter_mut().zip(digest) {
            *place = *octet;
        }
        Self { hash_method, octets }
    }

    /// The hash method that made it.
    #[must_use]
    pub fn hash_method(&self) -> HashMethod {
        self.hash_method
    }

    /// Its octets: [`HashMethod::digest_length`] of them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.octets.get(..self.hash_method.digest_length()).unwrap_or_default()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{self}", self.hash_method)
    }
}
