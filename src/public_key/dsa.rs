//! DSA verification (FIPS 186-4 section 4.7) over keys that nobody vouches for.
//!
//! The dsa crate panics on keys whose numbers differ in length, and widens the exponents to the size of p. Here every
//! number is brought to its modulus's size, and the two powers share one chain of squarings of q's length.

use std::fmt;

use super::{
    PublicKeyError, SignatureError, SignatureInteger, SignatureMatch, SubjectPublicKeyInfo,
    VerificationError, bits_of, two_integers,
};
use crate::algorithm::HashMethod;
use crate::asn1::{DerDefect, INTEGER, Reader, SEQUENCE};
use crate::digest::StreamingDigest;
use crate::limits::{DSA_Q_BITS, MAX_DSA_P_BITS, MIN_DSA_P_BITS};
use crate::modular::{Modulus, PowerTable, Residue};

/// One of the numbers of a DSA key (FIPS 186-4 section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DsaComponent {
    /// The prime modulus.
    P,
    /// The prime divisor of p - 1.
    Q,
    /// The generator of the subgroup of order q.
    G,
    /// The public key.
    Y,
}

impl fmt::Display for DsaComponent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::P => "p",
            Self::Q => "q",
            Self::G => "g",
            Self::Y => "y",
        })
    }
}

#[derive(Debug)]
pub(super) struct DsaKey {
    p: Modulus,
    q: Modulus,
    g_powers: PowerTable,
    y_powers: PowerTable,
}

impl DsaKey {
    /// Dss-Parms and DSAPublicKey (RFC 3279 section 2.3.2).
    ///
    /// Validates as SP 800-89 section 5.3.1 asks of a public key: q is prime and divides p - 1, and g and y have order q.
    /// A key that is not so lets anybody sign: g = y = 1 makes r = 1 fit every image, and with q = 3 * q' and g and y of
    /// order 3 every signature is found by trying. Whether p is prime is not tested: that takes longer than a hundred
    /// verifications, and a p that is not makes discrete logarithms easier, not a signature free.
    pub(super) fn read(spki: &SubjectPublicKeyInfo<'_>) -> Result<Self, PublicKeyError> {
        let [p, q, g] = read_parameters(spki)?;
        let mut reader = Reader::new(spki.subject_public_key, "DSAPublicKey");
        let y = reader.element(INTEGER, "DSAPublicKey")?.unsigned()?;
        reader.finish()?;
        Self::validate(p, q, g, y)
    }

    fn validate(p: &[u8], q: &[u8], g: &[u8], y: &[u8]) -> Result<Self, PublicKeyError> {
        check_sizes(p, q)?;
        let (p_octets, q_octets) = (p, q);
        let p = Modulus::new(p).ok_or(broken(DsaComponent::P, "is even"))?;
        let q = Modulus::new(q).ok_or(broken(DsaComponent::Q, "is even"))?;
        if !q.divides_one_less_than(&p) {
            return Err(broken(DsaComponent::Q, "does not divide p - 1"));
        }
        if !q.is_probable_prime(unpredictable_bases(&q, q_octets, p_octets)) {
            return Err(broken(DsaComponent::Q, "is not prime"));
        }
        let g_powers = subgroup_element(&p, &q, q_octets, g, DsaComponent::G)?;
        let y_powers = subgroup_element(&p, &q, q_octets, y, DsaComponent::Y)?;
        Ok(Self { p, q, g_powers, y_powers })
    }

    pub(super) fn bits(&self) -> u32 {
        self.p.bits()
    }

    /// r and s, if they lie between 1 and q - 1.
    pub(super) fn check(&self, signature: &[u8]) -> Result<(Residue, Residue), SignatureError> {
        let (r, s) = two_integers::read(signature)?;
        Ok((self.in_range(r, SignatureInteger::R)?, self.in_range(s, SignatureInteger::S)?))
    }

    fn in_range(&self, magnitude: &[u8], integer: SignatureInteger) -> Result<Residue, SignatureError> {
        let residue = self.q.residue(magnitude).ok_or(SignatureError::OutOfRange { integer, zero: false })?;
        if residue.is_zero() { Err(SignatureError::OutOfRange { integer, zero: true }) } else { Ok(residue) }
    }

    pub(super) fn verify(
        &self,
        digest: &[u8],
        signature: &[u8],
    ) -> Result<SignatureMatch, VerificationError> {
        let (r, s) = self.check(signature)?;
        // z: the leftmost min(N, outlen) bits of the digest. N, the size of q, is a multiple of 8 in every allowed size.
        let z = self.q.reduce(digest.get(..self.q.octets()).unwrap_or(digest));
        let w = self.q.invert(&s).ok_or(VerificationError::Mismatch)?;
        let [u1, u2] = self.q.multiples(&w, [&z, &r]).map(|exponent| exponent.to_octets());
        let v = self.p.product_of_powers(&[(&self.g_powers, &u1), (&self.y_powers, &u2)]);
        if self.q.reduce(&v.to_octets()).to_octets() == r.to_octets() {
            Ok(SignatureMatch { salt_length: None })
        } else {
            Err(VerificationError::Mismatch)
        }
    }
}

/// Dss-Parms: p, q, g.
fn read_parameters<'a>(spki: &SubjectPublicKeyInfo<'a>) -> Result<[&'a [u8]; 3], PublicKeyError> {
    let parameters = spki.parameters()?;
    if parameters.tag != SEQUENCE {
        let defect = DerDefect::Tag { expected: SEQUENCE, found: parameters.tag };
        return Err(parameters.error(defect).into());
    }
    let mut fields = parameters.reader();
    let p = fields.element(INTEGER, "Dss-Parms.p")?.unsigned()?;
    let q = fields.element(INTEGER, "Dss-Parms.q")?.unsigned()?;
    let g = fields.element(INTEGER, "Dss-Parms.g")?.unsigned()?;
    fields.finish()?;
    Ok([p, q, g])
}

/// The sizes of p and q in bits, if both are within their bounds.
pub(super) fn sizes(spki: &SubjectPublicKeyInfo<'_>) -> Result<(u32, u32), PublicKeyError> {
    let [p, q, _] = read_parameters(spki)?;
    check_sizes(p, q)
}

fn check_sizes(p: &[u8], q: &[u8]) -> Result<(u32, u32), PublicKeyError> {
    let (p_bits, q_bits) = (bits_of(p), bits_of(q));
    let sizes = u32::try_from(p_bits).ok().zip(u32::try_from(q_bits).ok());
    let allowed = |(p_bits, q_bits): &(u32, u32)| {
        (MIN_DSA_P_BITS..=MAX_DSA_P_BITS).contains(p_bits) && DSA_Q_BITS.contains(q_bits)
    };
    sizes.filter(allowed).ok_or(PublicKeyError::DsaSize { p_bits, q_bits })
}

/// Bases for testing q that its maker cannot have chosen it for: they come out of a hash of p and q.
fn unpredictable_bases(q: &Modulus, q_octets: &[u8], p_octets: &[u8]) -> impl Iterator<Item = Residue> {
    /// Makes a composite pass once in 4^32 tries, each of which costs the maker a hash and a number.
    const ROUNDS: u8 = 32;
    let hash = |parts: &[&[u8]]| {
        let mut hash = StreamingDigest::new(HashMethod::Sha512);
        parts.iter().for_each(|part| hash.update(part));
        hash.finish()
    };
    let seed = hash(&[p_octets, q_octets]);
    (0..ROUNDS).map(move |round| q.reduce(hash(&[seed.as_bytes(), &[round]]).as_bytes()))
}

/// The powers of g or y, if it lies in the subgroup of order q and is not 1.
fn subgroup_element(
    p: &Modulus,
    q: &Modulus,
    q_octets: &[u8],
    magnitude: &[u8],
    component: DsaComponent,
) -> Result<PowerTable, PublicKeyError> {
    let element = p.residue(magnitude).ok_or(broken(component, "is not below p"))?;
    if element.is_zero() || element.is_one() {
        return Err(broken(component, "is 0 or 1"));
    }
    let powers = p.power_table(&element, q.bits());
    let has_order_q = p.product_of_powers(&[(&powers, q_octets)]).is_one();
    if has_order_q { Ok(powers) } else { Err(broken(component, "is not of order q")) }
}

fn broken(component: DsaComponent, rule: &'static str) -> PublicKeyError {
    PublicKeyError::DsaParameter { component, rule }
}
