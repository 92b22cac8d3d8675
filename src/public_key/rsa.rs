//! RSA verification: RSASSA-PSS (RFC 8017 section 8.1.2) with the salt's length recovered from the signature, and
//! RSASSA-PKCS1-v1_5 (section 8.2.2) for certificates.

use std::fmt;

use super::{
    PublicKeyError, SignatureError, SignatureMatch, SubjectPublicKeyInfo, VerificationError, bits_of,
};
use crate::algorithm::HashMethod;
use crate::asn1::{AlgorithmIdentifier, DerDefect, DerError, INTEGER, Reader, SEQUENCE, explicit};
use crate::digest::StreamingDigest;
use crate::limits::{MAX_RSA_BITS, MAX_RSA_EXPONENT, MIN_RSA_BITS, MIN_RSA_EXPONENT};
use crate::modular::{Modulus, Residue};

/// How long the salt of an RSA-PSS signature may be.
///
/// OpenSSL before 3.1 signs with the longest salt that fits, later versions with the digest's length; services that
/// run Cursive on cryptography 42 or newer accept any. So does the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PssSaltLength {
    /// Any length; [`Verified::salt_length`](crate::Verified::salt_length) says which it was.
    #[default]
    Auto,
    /// The longest that fits: `emLen - hLen - 2`, as Cursive demanded on cryptography before 42.
    Max,
    /// The digest's length, as FIPS 186-5 section 5.4 (g) recommends.
    Digest,
    /// Exactly this many octets.
    Exactly(usize),
}

/// What is wrong with the outcome of the RSA operation as an EMSA-PSS encoding (RFC 8017 section 9.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PssDefect {
    /// The key is too short for the hash (step 3).
    TooShort,
    /// The last octet is not BC (step 4).
    Trailer,
    /// The bits above the encoding are not zero (step 6, and section 8.1.2 step 2c).
    LeadingBits,
    /// The padding before the salt is not zeros and a one (step 10).
    Padding,
    /// It is the encoding of a PKCS#1 v1.5 signature (section 9.2): 00 01 FF FF.
    Pkcs1v15,
}

impl fmt::Display for PssDefect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooShort => "the key is too short for the hash",
            Self::Trailer => "the last octet is not BC",
            Self::LeadingBits => "the leading bits are not zero",
            Self::Padding => "the padding is wrong",
            Self::Pkcs1v15 => "it is a PKCS#1 v1.5 signature (openssl needs -sigopt rsa_padding_mode:pss)",
        })
    }
}

/// RSASSA-PSS-params (RFC 4055 section 3.1): of a key they restrict its signatures, of a signature they describe it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PssParameters {
    /// `None`: a hash that is none of the four, such as SHA-1.
    pub(crate) hash: Option<HashMethod>,
    pub(crate) mgf1_hash: Option<HashMethod>,
    /// Of a key, the least that a signature may have.
    pub(crate) salt_length: usize,
}

#[derive(Debug)]
pub(super) struct RsaKey {
    modulus: Modulus,
    exponent: u64,
    allowed: Use,
}

/// What an RSA key may sign with.
#[derive(Debug)]
enum Use {
    /// rsaEncryption: PKCS#1 v1.5 and PSS (RFC 8017 appendix A.1).
    Any,
    /// id-RSASSA-PSS: PSS alone (RFC 4055 section 1.2), with these parameters if it has any.
    Pss(Option<PssParameters>),
}

impl RsaKey {
    /// A key under rsaEncryption, whose parameters are NULL (RFC 8017 appendix A.1).
    pub(super) fn read(spki: &SubjectPublicKeyInfo<'_>) -> Result<Self, PublicKeyError> {
        spki.parameters()?.null()?;
        Self::read_key(spki.subject_public_key, Use::Any)
    }

    /// A key under id-RSASSA-PSS: parameters, if present, restrict its use (RFC 4055 section 3.1 and 3.3).
    pub(super) fn read_restricted(spki: &SubjectPublicKeyInfo<'_>) -> Result<Self, PublicKeyError> {
        let restriction = spki.algorithm.parameters.map(|parameters| {
            if parameters.tag != SEQUENCE {
                return Err(parameters
                    .error(DerDefect::Tag { expected: SEQUENCE, found: parameters.tag })
                    .into());
            }
            PssParameters::read(parameters.reader())
        });
        Self::read_key(spki.subject_public_key, Use::Pss(restriction.transpose()?))
    }

    fn read_key(der: &[u8], allowed: Use) -> Result<Self, PublicKeyError> {
        let (modulus, exponent) = read_numbers(der)?;
        let key = Self { modulus: read_modulus(modulus)?, exponent: read_exponent(exponent)?, allowed };
        key.check_restriction()?;
        Ok(key)
    }

    /// A minimum that no signature by this key can meet is told now, not after the image.
    fn check_restriction(&self) -> Result<(), PublicKeyError> {
        let Use::Pss(Some(PssParameters { hash: Some(hash_method), salt_length, .. })) = self.allowed else {
            return Ok(());
        };
        if salt_length > self.encoding(hash_method).longest_salt() {
            return Err(PublicKeyError::PssParameters { rule: "saltLength is past the key's size" });
        }
        Ok(())
    }

    fn encoding(&self, hash_method: HashMethod) -> Encoding {
        Encoding { bits: self.bits().saturating_sub(1), hash_method }
    }

    pub(super) fn bits(&self) -> u32 {
        self.modulus.bits()
    }

    /// The signature as a number, if it can be one by this key with this hash.
    pub(super) fn check(&self, hash_method: HashMethod, signature: &[u8]) -> Result<Residue, SignatureError> {
        if let Use::Pss(Some(restriction)) = &self.allowed {
            restriction.check(hash_method)?;
        }
        self.number(signature)
    }

    /// RFC 8017 section 8.1.2 step 1, 8.2.2 step 1 and 5.2.2 step 1.
    fn number(&self, signature: &[u8]) -> Result<Residue, SignatureError> {
        if signature.len() != self.modulus.octets() {
            let (expected, found) = (self.modulus.octets(), signature.len());
            return Err(SignatureError::Length { expected, found });
        }
        self.modulus.residue(signature).ok_or(SignatureError::NotBelowModulus)
    }

    /// RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2.2), which certificates are signed with. `digest_info` is the DER of the
    /// DigestInfo. The encoding is made and compared as a whole, so nothing in it is parsed.
    pub(super) fn verify_pkcs1v15(
        &self,
        digest_info: &[u8],
        signature: &[u8],
    ) -> Result<(), VerificationError> {
        if let Use::Pss(_) = self.allowed {
            return Err(VerificationError::Mismatch);
        }
        let signature = self.number(signature)?;
        let message = self.modulus.power(&signature, self.exponent).to_octets();
        // EMSA-PKCS1-v1_5 (section 9.2): 00 01, at least eight FF, 00, DigestInfo.
        let padding = message.len().checked_sub(digest_info.len().saturating_add(3));
        let padding = padding.filter(|&length| length >= 8).ok_or(VerificationError::Mismatch)?;
        let encoded = [&[0, 1], vec![0xff; padding].as_slice(), &[0], digest_info].concat();
        if message == encoded { Ok(()) } else { Err(VerificationError::Mismatch) }
    }

    pub(super) fn verify(
        &self,
        hash_method: HashMethod,
        digest: &[u8],
        signature: &[u8],
        salt_length: PssSaltLength,
    ) -> Result<SignatureMatch, VerificationError> {
        let signature = self.check(hash_method, signature)?;
        let message = self.modulus.power(&signature, self.exponent).to_octets();
        let encoding = self.encoding(hash_method);
        let found = encoding.verify(&message, digest)?;
        self.judge_salt(found, encoding.longest_salt(), hash_method, salt_length)?;
        Ok(SignatureMatch { salt_length: Some(found) })
    }

    fn judge_salt(
        &self,
        found: usize,
        longest: usize,
        hash_method: HashMethod,
        salt_length: PssSaltLength,
    ) -> Result<(), VerificationError> {
        let required = match salt_length {
            PssSaltLength::Auto => found,
            PssSaltLength::Max => longest,
            PssSaltLength::Digest => hash_method.digest_length(),
            PssSaltLength::Exactly(length) => length,
        };
        if found != required {
            return Err(VerificationError::SaltLength { found, required, at_least: false });
        }
        let minimum =
            if let Use::Pss(Some(restriction)) = &self.allowed { restriction.salt_length } else { 0 };
        if found < minimum {
            return Err(VerificationError::SaltLength { found, required: minimum, at_least: true });
        }
        Ok(())
    }
}

/// The modulus and the exponent of an RSAPublicKey (RFC 8017 appendix A.1.1), not yet judged.
fn read_numbers(der: &[u8]) -> Result<(&[u8], &[u8]), DerError> {
    let mut reader = Reader::new(der, "RSAPublicKey");
    let mut fields = reader.element(SEQUENCE, "RSAPublicKey")?.reader();
    reader.finish()?;
    let modulus = fields.element(INTEGER, "RSAPublicKey.modulus")?.unsigned()?;
    let exponent = fields.element(INTEGER, "RSAPublicKey.publicExponent")?.unsigned()?;
    fields.finish()?;
    Ok((modulus, exponent))
}

/// The size of the modulus in bits, and the multiplications that raising to the exponent takes, if both numbers are
/// within their bounds.
pub(super) fn sizes(der: &[u8]) -> Result<(u32, u32), PublicKeyError> {
    let (modulus, exponent) = read_numbers(der)?;
    let (bits, even) = (bits_of(modulus), modulus.last().is_none_or(|octet| octet & 1 == 0));
    if even || !(u64::from(MIN_RSA_BITS)..=u64::from(MAX_RSA_BITS)).contains(&bits) {
        return Err(PublicKeyError::RsaModulus { bits, even });
    }
    let exponent = read_exponent(exponent)?;
    let squarings = u64::BITS.saturating_sub(exponent.leading_zeros());
    Ok((u32::try_from(bits).unwrap_or(u32::MAX), squarings.saturating_add(exponent.count_ones())))
}

fn read_modulus(magnitude: &[u8]) -> Result<Modulus, PublicKeyError> {
    let bits = bits_of(magnitude);
    let error = |even| PublicKeyError::RsaModulus { bits, even };
    if !(u64::from(MIN_RSA_BITS)..=u64::from(MAX_RSA_BITS)).contains(&bits) {
        return Err(error(false));
    }
    Modulus::new(magnitude).ok_or_else(|| error(true))
}

fn read_exponent(magnitude: &[u8]) -> Result<u64, PublicKeyError> {
    let even = magnitude.last().is_none_or(|octet| octet & 1 == 0);
    let error = PublicKeyError::RsaExponent { bits: bits_of(magnitude), even };
    if even || magnitude.len() > 8 {
        return Err(error);
    }
    let exponent = magnitude.iter().fold(0_u64, |number, &octet| number << 8 | u64::from(octet));
    if (MIN_RSA_EXPONENT..=MAX_RSA_EXPONENT).contains(&exponent) { Ok(exponent) } else { Err(error) }
}

impl PssParameters {
    /// Reads the contents of the SEQUENCE: what is absent has its default, SHA-1 and 20 octets of salt. A default
    /// that is written out, which DER forbids, is read: widespread tools write it, and it means the same.
    pub(crate) fn read(mut fields: Reader<'_>) -> Result<Self, PublicKeyError> {
        const FIELD: &str = "RSASSA-PSS-params";
        let mut parameters = Self { hash: None, mgf1_hash: None, salt_length: 20 };
        if let Some(hash) = fields.optional(explicit(0), "RSASSA-PSS-params.hashAlgorithm")? {
            let mut inner = hash.reader();
            parameters.hash = read_hash(&AlgorithmIdentifier::read(&mut inner, FIELD)?)?;
            inner.finish()?;
        }
        if let Some(mgf) = fields.optional(explicit(1), "RSASSA-PSS-params.maskGenAlgorithm")? {
            let mut inner = mgf.reader();
            parameters.mgf1_hash = read_mgf1(&AlgorithmIdentifier::read(&mut inner, FIELD)?)?;
            inner.finish()?;
        }
        if let Some(salt) = fields.optional(explicit(2), "RSASSA-PSS-params.saltLength")? {
            let mut inner = salt.reader();
            let magnitude = inner.element(INTEGER, "RSASSA-PSS-params.saltLength")?.unsigned()?;
            inner.finish()?;
            if magnitude.len() > 2 {
                return Err(PublicKeyError::PssParameters { rule: "saltLength is past every key's size" });
            }
            parameters.salt_length =
                magnitude.iter().fold(0, |number, &octet| number << 8 | usize::from(octet));
        }
        if let Some(trailer) = fields.optional(explicit(3), "RSASSA-PSS-params.trailerField")? {
            let mut inner = trailer.reader();
            let value = inner.element(INTEGER, "RSASSA-PSS-params.trailerField")?.unsigned()?;
            inner.finish()?;
            if value != [1] {
                return Err(PublicKeyError::PssParameters { rule: "trailerField must be 1" });
            }
        }
        fields.finish()?;
        Ok(parameters)
    }

    /// An image signature's MGF1 uses the image's hash method, so both must be the one that the key names.
    fn check(&self, hash_method: HashMethod) -> Result<(), SignatureError> {
        for allowed in [self.hash, self.mgf1_hash] {
            if allowed != Some(hash_method) {
                let key_hash = allowed.map_or("a hash that images do not use", HashMethod::as_str);
                return Err(SignatureError::Restricted { key_hash, hash_method });
            }
        }
        Ok(())
    }
}

/// A hash's AlgorithmIdentifier: NULL parameters or none (RFC 4055 section 2.1). `None`: none that images use.
fn read_hash(algorithm: &AlgorithmIdentifier<'_>) -> Result<Option<HashMethod>, DerError> {
    /// 2.16.840.1.101.3.4.2, the hash algorithms of NIST.
    const NIST_HASHES: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];
    if let Some(parameters) = algorithm.parameters {
        parameters.null()?;
    }
    Ok(match algorithm.oid.strip_prefix(NIST_HASHES) {
        Some([4]) => Some(HashMethod::Sha224),
        Some([1]) => Some(HashMethod::Sha256),
        Some([2]) => Some(HashMethod::Sha384),
        Some([3]) => Some(HashMethod::Sha512),
        _ => None,
    })
}

fn read_mgf1(algorithm: &AlgorithmIdentifier<'_>) -> Result<Option<HashMethod>, PublicKeyError> {
    /// id-mgf1, 1.2.840.113549.1.1.8 (RFC 8017 appendix A.2.1)
    const MGF1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08];
    if algorithm.oid != MGF1 {
        return Err(PublicKeyError::PssParameters { rule: "maskGenAlgorithm must be MGF1" });
    }
    let parameters = algorithm.parameters.ok_or_else(|| algorithm.element.error(DerDefect::Missing))?;
    let hash = AlgorithmIdentifier::read(&mut parameters.whole(), "maskGenAlgorithm.parameters")?;
    Ok(read_hash(&hash)?)
}

/// EMSA-PSS for encodings of `bits` bits (RFC 8017 section 9.1).
struct Encoding {
    bits: u32,
    hash_method: HashMethod,
}

impl Encoding {
    /// emLen, in octets.
    fn octets(&self) -> usize {
        usize::try_from(self.bits.div_ceil(8)).unwrap_or(usize::MAX)
    }

    fn longest_salt(&self) -> usize {
        self.octets().saturating_sub(self.hash_method.digest_length()).saturating_sub(2)
    }

    /// EMSA-PSS-VERIFY (section 9.1.2), except that the salt's length is found, not given. `message` is as long as the
    /// modulus, which may be one octet more than the encoding.
    fn verify(&self, message: &[u8], digest: &[u8]) -> Result<usize, VerificationError> {
        let defect = |defect| VerificationError::PssEncoding { defect };
        if message.starts_with(&[0, 1, 0xff, 0xff]) {
            return Err(defect(PssDefect::Pkcs1v15));
        }
        let surplus = message.len().saturating_sub(self.octets());
        let (above, encoded) = message.split_at_checked(surplus).ok_or(defect(PssDefect::TooShort))?;
        if above.iter().any(|&octet| octet != 0) {
            return Err(defect(PssDefect::LeadingBits));
        }
        // Steps 3 to 5: maskedDB || H || BC.
        let masked_length = encoded.len().checked_sub(digest.len().saturating_add(1));
        let masked_length = masked_length.filter(|&length| length > 0).ok_or(defect(PssDefect::TooShort))?;
        let Some((0xbc, rest)) = encoded.split_last() else { return Err(defect(PssDefect::Trailer)) };
        let (masked, hash) = rest.split_at_checked(masked_length).ok_or(defect(PssDefect::TooShort))?;
        // Step 6: the bits above emBits are zero.
        let unused_bits = self.octets().saturating_mul(8).saturating_sub(usize_of(self.bits));
        let used_mask = 0xff_u8.checked_shr(u32::try_from(unused_bits).unwrap_or(8)).unwrap_or(0);
        if masked.first().is_none_or(|octet| octet & !used_mask != 0) {
            return Err(defect(PssDefect::LeadingBits));
        }
        // Steps 7 to 9: DB = maskedDB xor MGF1(H).
        let mut data_block = mgf1(self.hash_method, hash, masked.len());
        for (octet, masked) in data_block.iter_mut().zip(masked) {
            *octet ^= masked;
        }
        if let Some(first) = data_block.first_mut() {
            *first &= used_mask;
        }
        // Steps 10 and 11: zeros, a one, the salt.
        let zeros = data_block.iter().take_while(|&&octet| octet == 0).count();
        let Some((1, salt)) = data_block.get(zeros..).and_then(<[u8]>::split_first) else {
            return Err(defect(PssDefect::Padding));
        };
        // Steps 12 to 14: H is the hash of eight zeros, the digest and the salt.
        let mut expected = StreamingDigest::new(self.hash_method);
        expected.update(&[0; 8]);
        expected.update(digest);
        expected.update(salt);
        if expected.finish().as_bytes() != hash {
            return Err(VerificationError::Mismatch);
        }
        Ok(salt.len())
    }
}

/// MGF1 (RFC 8017 appendix B.2.1). `length` is below the largest modulus's, far from 2^32 blocks.
fn mgf1(hash_method: HashMethod, seed: &[u8], length: usize) -> Vec<u8> {
    let mut mask = Vec::with_capacity(length.saturating_add(hash_method.digest_length()));
    for counter in 0_u32.. {
        if mask.len() >= length {
            break;
        }
        let mut block = StreamingDigest::new(hash_method);
        block.update(seed);
        block.update(&counter.to_be_bytes());
        mask.extend_from_slice(block.finish().as_bytes());
    }
    mask.truncate(length);
    mask
}

fn usize_of(bits: u32) -> usize {
    usize::try_from(bits).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
