//! How certificates and revocation lists are signed: an AlgorithmIdentifier, and its verdict with a key.

use std::fmt;

use rustls_pki_types::{
    AlgorithmIdentifier as AlgorithmId, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
};
use sha1::Digest as _;

use crate::algorithm::HashMethod;
use crate::asn1::{AlgorithmIdentifier, BIT_STRING, DerDefect, DerError, Reader, SEQUENCE, dotted, tlv};
use crate::digest::{Digest, StreamingDigest};
use crate::public_key::{
    KeyKind, PssParameters, PssSaltLength, PublicKey, PublicKeyError, VerificationError,
};

/// A hash that certificates are signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum CertificateHash {
    /// Broken (SHAttered, 2017): only the policy that does as Cursive does lets it pass.
    Sha1,
    Sha2(HashMethod),
}

/// A signature algorithm that this crate verifies in certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignatureAlgorithm {
    /// sha…WithRSAEncryption (RFC 4055 section 5, RFC 3279 section 2.2.1).
    RsaPkcs1(CertificateHash),
    /// id-RSASSA-PSS (RFC 4055 section 3), MGF1 over the same hash.
    RsaPss { hash_method: HashMethod, salt_length: usize },
    /// id-dsa-with-… (RFC 3279 section 2.2.2, RFC 5758 section 3.1).
    Dsa(CertificateHash),
    /// ecdsa-with-… (RFC 3279 section 2.2.3, RFC 5758 section 3.2).
    Ecdsa(CertificateHash),
    /// id-Ed25519 (RFC 8410 section 3).
    Ed25519,
}

/// Why an AlgorithmIdentifier names no algorithm that this crate verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SignatureAlgorithmError {
    Unsupported { oid: String },
    Malformed(DerError),
}

impl From<DerError> for SignatureAlgorithmError {
    fn from(error: DerError) -> Self {
        Self::Malformed(error)
    }
}

/// 1.2.840.113549.1.1, PKCS #1.
const PKCS1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
/// 1.2.840.10040.4, the DSA of ANSI X9.57.
const X957: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04];
/// 2.16.840.1.101.3.4.3, the signature algorithms of NIST.
const NIST_SIGNATURES: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03];
/// 1.2.840.10045.4, the ECDSA of ANSI X9.62.
const X962_SIGNATURES: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04];
/// 1.3.101.112
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

impl SignatureAlgorithm {
    pub(crate) fn read(identifier: &AlgorithmIdentifier<'_>) -> Result<Self, SignatureAlgorithmError> {
        use CertificateHash::{Sha1, Sha2};
        let unsupported = || SignatureAlgorithmError::Unsupported { oid: dotted(identifier.oid) };
        if let Some(arc) = identifier.oid.strip_prefix(PKCS1) {
            let hash = match arc {
                [5] => Sha1,
                [10] => return read_pss(identifier),
                [11] => Sha2(HashMethod::Sha256),
                [12] => Sha2(HashMethod::Sha384),
                [13] => Sha2(HashMethod::Sha512),
                [14] => Sha2(HashMethod::Sha224),
                _ => return Err(unsupported()),
            };
            // RFC 4055 section 5: NULL, and what has none is to be accepted as well.
            if let Some(parameters) = identifier.parameters {
                parameters.null()?;
            }
            return Ok(Self::RsaPkcs1(hash));
        }
        let algorithm = match (
            identifier.oid.strip_prefix(X957),
            identifier.oid.strip_prefix(NIST_SIGNATURES),
            identifier.oid.strip_prefix(X962_SIGNATURES),
        ) {
            (Some([3]), _, _) => Self::Dsa(Sha1),
            (_, Some([1]), _) => Self::Dsa(Sha2(HashMethod::Sha224)),
            (_, Some([2]), _) => Self::Dsa(Sha2(HashMethod::Sha256)),
            (_, Some([3]), _) => Self::Dsa(Sha2(HashMethod::Sha384)),
            (_, Some([4]), _) => Self::Dsa(Sha2(HashMethod::Sha512)),
            (_, _, Some([1])) => Self::Ecdsa(Sha1),
            (_, _, Some([3, 1])) => Self::Ecdsa(Sha2(HashMethod::Sha224)),
            (_, _, Some([3, 2])) => Self::Ecdsa(Sha2(HashMethod::Sha256)),
            (_, _, Some([3, 3])) => Self::Ecdsa(Sha2(HashMethod::Sha384)),
            (_, _, Some([3, 4])) => Self::Ecdsa(Sha2(HashMethod::Sha512)),
            _ if identifier.oid == ED25519 => Self::Ed25519,
            _ => return Err(unsupported()),
        };
        // RFC 3279 section 2.2.2 and 2.2.3, RFC 5758 section 3, RFC 8410 section 3: no parameters.
        match identifier.parameters {
            Some(parameters) => Err(parameters.error(DerDefect::TrailingData).into()),
            None => Ok(algorithm),
        }
    }

    /// Whether a key of this kind can make such signatures.
    pub(crate) fn fits(self, kind: KeyKind) -> bool {
        match self {
            Self::RsaPkcs1(_) | Self::RsaPss { .. } => kind == KeyKind::Rsa,
            Self::Dsa(_) => kind == KeyKind::Dsa,
            Self::Ecdsa(_) => matches!(kind, KeyKind::Ec(_) | KeyKind::P256),
            Self::Ed25519 => kind == KeyKind::Ed25519,
        }
    }

    pub(crate) fn uses_sha1(self) -> bool {
        matches!(
            self,
            Self::RsaPkcs1(CertificateHash::Sha1)
                | Self::Dsa(CertificateHash::Sha1)
                | Self::Ecdsa(CertificateHash::Sha1)
        )
    }

    /// Whether `signature` over `message` is by this key.
    pub(crate) fn verify(
        self,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), VerificationError> {
        match self {
            Self::RsaPkcs1(hash) => key.verify_pkcs1v15(&hash.digest_info(message), signature),
            Self::RsaPss { hash_method, salt_length } => {
                let digest = sha2(hash_method, message);
                let salt_length = PssSaltLength::Exactly(salt_length);
                key.verify_digest(hash_method, digest.as_bytes(), signature, salt_length).map(|_| ())
            }
            Self::Dsa(hash) | Self::Ecdsa(hash) => key.verify_any_digest(&hash.digest(message), signature),
            Self::Ed25519 => key.verify_message(message, signature),
        }
    }
}

/// RSASSA-PSS-params, which a signature cannot do without (RFC 4055 section 3.1).
fn read_pss(identifier: &AlgorithmIdentifier<'_>) -> Result<SignatureAlgorithm, SignatureAlgorithmError> {
    let parameters = identifier.parameters.ok_or_else(|| identifier.element.error(DerDefect::Missing))?;
    if parameters.tag != SEQUENCE {
        let defect = DerDefect::Tag { expected: SEQUENCE, found: parameters.tag };
        return Err(parameters.error(defect).into());
    }
    let parameters = match PssParameters::read(parameters.reader()) {
        Ok(parameters) => parameters,
        Err(PublicKeyError::Malformed(error)) => return Err(error.into()),
        Err(_) => return Err(SignatureAlgorithmError::Unsupported { oid: dotted(identifier.oid) }),
    };
    match parameters {
        // RFC 4055 section 3.1: the same hash for MGF1 is recommended; nobody makes others.
        PssParameters { hash: Some(hash_method), mgf1_hash, salt_length }
            if mgf1_hash == Some(hash_method) =>
        {
            Ok(SignatureAlgorithm::RsaPss { hash_method, salt_length })
        }
        _ => Err(SignatureAlgorithmError::Unsupported { oid: dotted(identifier.oid) }),
    }
}

impl CertificateHash {
    fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => sha1::Sha1::digest(message).to_vec(),
            Self::Sha2(hash_method) => sha2(hash_method, message).as_bytes().to_vec(),
        }
    }

    /// The DER of the DigestInfo, with NULL parameters (RFC 8017 section 9.2 note 1).
    fn digest_info(self, message: &[u8]) -> Vec<u8> {
        let hash_method = match self {
            Self::Sha1 => return [&SHA1_PREFIX[..], &sha1::Sha1::digest(message)].concat(),
            Self::Sha2(hash_method) => hash_method,
        };
        let prefix = match hash_method {
            HashMethod::Sha224 => &SHA224_PREFIX,
            HashMethod::Sha256 => &SHA256_PREFIX,
            HashMethod::Sha384 => &SHA384_PREFIX,
            HashMethod::Sha512 => &SHA512_PREFIX,
        };
        [prefix, sha2(hash_method, message).as_bytes()].concat()
    }
}

fn sha2(hash_method: HashMethod, message: &[u8]) -> Digest {
    let mut digest = StreamingDigest::new(hash_method);
    digest.update(message);
    digest.finish()
}

const SHA1_PREFIX: [u8; 15] =
    [0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14];
const SHA224_PREFIX: [u8; 19] = sha2_prefix(4, 28);
const SHA256_PREFIX: [u8; 19] = sha2_prefix(1, 32);
const SHA384_PREFIX: [u8; 19] = sha2_prefix(2, 48);
const SHA512_PREFIX: [u8; 19] = sha2_prefix(3, 64);

/// 17 octets of header stand between the first length and the digest's.
const fn sha2_prefix(arc: u8, length: u8) -> [u8; 19] {
    let whole = length.saturating_add(17);
    [
        0x30, whole, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, arc, 0x05, 0x00,
        0x04, length,
    ]
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, hash) = match self {
            Self::RsaPkcs1(hash) => ("RSA PKCS#1 v1.5", *hash),
            Self::RsaPss { hash_method, .. } => ("RSA-PSS", CertificateHash::Sha2(*hash_method)),
            Self::Dsa(hash) => ("DSA", *hash),
            Self::Ecdsa(hash) => ("ECDSA", *hash),
            Self::Ed25519 => return f.write_str("Ed25519"),
        };
        match hash {
            CertificateHash::Sha1 => write!(f, "{scheme} with SHA-1"),
            CertificateHash::Sha2(hash_method) => write!(f, "{scheme} with {hash_method}"),
        }
    }
}

/// One of our algorithms, as rustls-webpki asks for it: a kind of key and a kind of signature, by their octets.
#[derive(Debug)]
struct ForWebpki {
    key: AlgorithmId,
    signature: AlgorithmId,
    algorithm: SignatureAlgorithm,
}

impl SignatureVerificationAlgorithm for ForWebpki {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let key = [&[0], public_key].concat();
        let spki = [tlv(SEQUENCE, &self.key), tlv(BIT_STRING, &key)].concat();
        let key = PublicKey::from_spki_der(&tlv(SEQUENCE, &spki)).map_err(|_| InvalidSignature)?;
        self.algorithm.verify(&key, message, signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmId {
        self.key
    }

    fn signature_alg_id(&self) -> AlgorithmId {
        self.signature
    }
}

/// What rustls-webpki can be asked about with our algorithms: SHA-2 from SHA-256 on, and PSS with the usual salts.
pub(crate) static WEBPKI_ALGORITHMS: [&dyn SignatureVerificationAlgorithm; 19] = {
    use HashMethod::{Sha256, Sha384, Sha512};
    /// sha256WithRSAEncryption and its kin without parameters (RFC 4055 section 5).
    const BARE_RSA_SHA256: AlgorithmId =
        AlgorithmId::from_slice(&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11]);
    const BARE_RSA_SHA384: AlgorithmId =
        AlgorithmId::from_slice(&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12]);
    const BARE_RSA_SHA512: AlgorithmId =
        AlgorithmId::from_slice(&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 13]);
    const fn pkcs1(signature: AlgorithmId, hash: HashMethod) -> ForWebpki {
        let algorithm = SignatureAlgorithm::RsaPkcs1(CertificateHash::Sha2(hash));
        ForWebpki { key: alg_id::RSA_ENCRYPTION, signature, algorithm }
    }
    const fn pss(signature: AlgorithmId, hash_method: HashMethod) -> ForWebpki {
        let algorithm = SignatureAlgorithm::RsaPss { hash_method, salt_length: hash_method.digest_length() };
        ForWebpki { key: alg_id::RSA_ENCRYPTION, signature, algorithm }
    }
    const fn ecdsa(key: AlgorithmId, signature: AlgorithmId, hash: HashMethod) -> ForWebpki {
        ForWebpki { key, signature, algorithm: SignatureAlgorithm::Ecdsa(CertificateHash::Sha2(hash)) }
    }
    static ALGORITHMS: [ForWebpki; 19] = [
        pkcs1(alg_id::RSA_PKCS1_SHA256, Sha256),
        pkcs1(alg_id::RSA_PKCS1_SHA384, Sha384),
        pkcs1(alg_id::RSA_PKCS1_SHA512, Sha512),
        pkcs1(BARE_RSA_SHA256, Sha256),
        pkcs1(BARE_RSA_SHA384, Sha384),
        pkcs1(BARE_RSA_SHA512, Sha512),
        pss(alg_id::RSA_PSS_SHA256, Sha256),
        pss(alg_id::RSA_PSS_SHA384, Sha384),
        pss(alg_id::RSA_PSS_SHA512, Sha512),
        ecdsa(alg_id::ECDSA_P256, alg_id::ECDSA_SHA256, Sha256),
        ecdsa(alg_id::ECDSA_P256, alg_id::ECDSA_SHA384, Sha384),
        ecdsa(alg_id::ECDSA_P256, alg_id::ECDSA_SHA512, Sha512),
        ecdsa(alg_id::ECDSA_P384, alg_id::ECDSA_SHA256, Sha256),
        ecdsa(alg_id::ECDSA_P384, alg_id::ECDSA_SHA384, Sha384),
        ecdsa(alg_id::ECDSA_P384, alg_id::ECDSA_SHA512, Sha512),
        ecdsa(alg_id::ECDSA_P521, alg_id::ECDSA_SHA256, Sha256),
        ecdsa(alg_id::ECDSA_P521, alg_id::ECDSA_SHA384, Sha384),
        ecdsa(alg_id::ECDSA_P521, alg_id::ECDSA_SHA512, Sha512),
        ForWebpki {
            key: alg_id::ED25519,
            signature: alg_id::ED25519,
            algorithm: SignatureAlgorithm::Ed25519,
        },
    ];
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s] = &ALGORITHMS;
    [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s]
};

/// Whether one of those algorithms fits, octet by octet, a signature's AlgorithmIdentifier and a SubjectPublicKeyInfo.
pub(crate) fn webpki_knows(signature_algorithm: &[u8], spki: &[u8]) -> bool {
    let key_algorithm = || {
        let mut fields = Reader::new(spki, "subjectPublicKeyInfo")
            .element(SEQUENCE, "subjectPublicKeyInfo")
            .ok()?
            .reader();
        Some(fields.element(SEQUENCE, "algorithm").ok()?.contents)
    };
    let signature =
        Reader::new(signature_algorithm, "signatureAlgorithm").element(SEQUENCE, "signatureAlgorithm");
    let (Some(key), Ok(signature)) = (key_algorithm(), signature) else { return false };
    WEBPKI_ALGORITHMS.iter().any(|algorithm| {
        *algorithm.public_key_alg_id() == *key && *algorithm.signature_alg_id() == *signature.contents
    })
}
