//! One case, both verdicts on it, and whether a difference is one that the documents name.

use longhand::{
    Certificate, ErrorCode, HashMethod, PssSaltLength, PublicKey, SignatureProperties, SignatureVerifier,
    limits,
};
use longhand_peers::{ANY_SALT, is_rsa, message_digest, openssl_verdict};
use openssl::base64::encode_block;
use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use openssl::ec::{EcGroup, EcKey, EcPoint, PointConversionForm};
use openssl::hash::hash;
use openssl::pkey::{Id, PKey, Public};
use openssl::rsa::Rsa;
use openssl::x509::X509;

use crate::der::{self, Node};
use crate::mutate::{copy, integer, number_of};

/// What both are asked.
#[derive(Clone, Debug)]
pub struct Case {
    /// The good case it was made from, or what it was made as.
    pub origin: String,
    /// What was done to it.
    pub change: &'static str,
    pub certificate: Vec<u8>,
    pub key_type: String,
    pub hash_method: HashMethod,
    pub signature: Vec<u8>,
    pub image: Vec<u8>,
    /// The salt length that its signature was made with, if it was RSA-PSS.
    pub salt_length: Option<i32>,
}

impl Case {
    /// Our whole way: properties, certificate, image, verdict.
    pub fn ours(&self) -> Result<(), ErrorCode> {
        let signature = encode_block(&self.signature);
        let properties = [
            ("img_signature", signature.as_str()),
            ("img_signature_hash_method", self.hash_method.as_str()),
            ("img_signature_key_type", &self.key_type),
            ("img_signature_certificate_uuid", "5b25a0c2-0d11-4e0a-8a9c-0f8a4b7d2c10"),
        ];
        let properties = SignatureProperties::from_properties(properties).map_err(|error| error.code())?;
        let properties = properties.expect("four are given");
        let certificate = Certificate::from_der(&self.certificate).map_err(|error| error.code())?;
        let mut verifier = SignatureVerifier::new(&properties, &certificate).map_err(|error| error.code())?;
        verifier.update(&self.image);
        verifier.verify().map(|_| ()).map_err(|error| error.code())
    }

    /// OpenSSL's way. It finds the salt's length, except for keys that restrict it: those it has to be told.
    pub fn openssls(&self) -> bool {
        let ask = |salt_length| {
            openssl_verdict(&self.certificate, self.hash_method, &self.signature, &self.image, salt_length)
        };
        ask(ANY_SALT).or_else(|_| self.salt_length.map_or(Ok(false), ask)).unwrap_or(false)
    }

    /// Why we may say yes where OpenSSL says no: parts of a certificate that an image's signature does not need and that
    /// we therefore do not judge. Each is taken out to see that it, and it alone, was what OpenSSL refused.
    pub fn why_yes(&self) -> Option<&'static str> {
        let without = |change: &dyn Fn(&mut Vec<Node>)| {
            let mut tree = der::read(&self.certificate)?;
            change(&mut tree[0].children[0].children);
            Some(Self { certificate: der::write(&tree), ..self.clone() }.openssls())
        };
        let no_extensions = |fields: &mut Vec<Node>| fields.retain(|field| field.tag != 0xa3);
        let plain_names = |fields: &mut Vec<Node>| {
            let first = usize::from(fields[0].tag == 0xa0);
            for place in [2, 4] {
                fields[first + place].children.clear();
            }
        };
        if without(&no_extensions)? {
            Some("extensions are read when asked for; an image's signature does not ask")
        } else if without(&plain_names)? {
            Some("a value in a name may be of any type, and is shown as hex if it is no string")
        } else {
            None
        }
    }

    /// Why we may say no, with this code, where OpenSSL says yes. As above, tested by other means than ours: the key as
    /// OpenSSL reads it, without the form that we refuse, must give a yes; or its numbers must break the rule.
    pub fn why_no(&self, code: ErrorCode) -> Option<&'static str> {
        use ErrorCode as Code;
        let key = X509::from_der(&self.certificate).ok()?.public_key().ok()?;
        match code {
            Code::CertificateMalformed
            | Code::CertificateVersion
            | Code::CertificateAlgorithmMismatch
            | Code::CertificateSerial => {
                self.without_form(&key, &self.signature).then_some("certificates are strict DER and RFC 5280")
            }
            Code::KeyMalformed | Code::KeyParameters => self
                .without_form(&key, &self.signature)
                .then_some("keys are strict DER, with the parameters of their standard"),
            Code::KeyAlgorithmUnsupported => {
                let rule = "a key names its own algorithm; OpenSSL takes that of a signature, dsaWithSHA1, for DSA's";
                self.without_form(&key, &self.signature).then_some(rule)
            }
            Code::PointEncoding => self
                .without_form(&key, &self.signature)
                .then_some("points are compressed or uncompressed, not hybrid (RFC 5480 section 2.2)"),
            Code::CurveExplicit => self
                .without_form(&key, &self.signature)
                .then_some("curves are named (RFC 5480 section 2.1.1)"),
            Code::KeyRestricted => (key.id() == Id::RSA_PSS).then_some(
                "an image's MGF1 uses the image's hash; a key restricted to two hashes signs no image",
            ),
            Code::SignatureLength => {
                let length = key.rsa().ok()?.size() as usize;
                let zeros = vec![0; length.checked_sub(self.signature.len())?];
                self.without_form(&key, &[zeros, self.signature.clone()].concat())
                    .then_some("a signature is as long as the modulus (RFC 8017 section 8.1.2)")
            }
            Code::RsaModulus => {
                let bits = key.rsa().ok()?.n().num_bits() as u32;
                (!(limits::MIN_RSA_BITS..=limits::MAX_RSA_BITS).contains(&bits))
                    .then_some("RSA has 1024 to 16384 bits")
            }
            Code::RsaExponent => {
                let rsa = key.rsa().ok()?;
                let number = rsa.e().to_dec_str().ok()?.parse::<u128>();
                let allowed = number.is_ok_and(|number| number & 1 == 1 && (3..1 << 33).contains(&number));
                (!allowed).then_some("RSA's exponent is odd, from 3 to 2^33-1")
            }
            Code::DsaSize => {
                let dsa = key.dsa().ok()?;
                (dsa.p().num_bits() < 1024 || dsa.p().num_bits() > 4096)
                    .then_some("DSA's p has 1024 to 4096 bits")
            }
            Code::DsaParameter => (!dsa_key_is_sound(&key)?).then_some(
                "DSA: q is prime and divides p - 1; g and y are below p and have order q (SP 800-89 section 5.3.1)",
            ),
            _ => None,
        }
    }

    /// Whether we say yes with the key as OpenSSL understood it, written as the standards want it.
    fn without_form(&self, key: &PKey<Public>, signature: &[u8]) -> bool {
        let digest = hash(message_digest(self.hash_method), &self.image).unwrap();
        standard_forms(key).unwrap_or_default().iter().any(|spki| match PublicKey::from_spki_der(spki) {
            Ok(key) => key.verify_digest(self.hash_method, &digest, signature, PssSaltLength::Auto).is_ok(),
            Err(error) => error.code() != ErrorCode::KeyMalformed && self.why_no(error.code()).is_some(),
        })
    }
}

/// A SubjectPublicKeyInfo under rsaEncryption, with DSA's y positive, or with an uncompressed point on a named curve.
fn standard_forms(key: &PKey<Public>) -> Option<Vec<Vec<u8>>> {
    let standard = match key.id() {
        _ if is_rsa(key) => {
            let rsa = key.rsa().ok()?;
            PKey::from_rsa(Rsa::from_public_components(copy(rsa.n()), copy(rsa.e())).ok()?).ok()?
        }
        Id::EC => {
            let key = key.ec_key().ok()?;
            let mut context = BigNumContext::new().ok()?;
            let point = key
                .public_key()
                .to_bytes(key.group(), PointConversionForm::UNCOMPRESSED, &mut context)
                .ok()?;
            let group = EcGroup::from_curve_name(key.group().curve_name()?).ok()?;
            let point = EcPoint::from_bytes(&group, &point, &mut context).ok()?;
            PKey::from_ec_key(EcKey::from_public_key(&group, &point).ok()?).ok()?
        }
        _ => {
            let mut spki = der::read(&key.public_key_to_der().ok()?)?;
            let p = number_of(&spki[0].children[0].children.get(1)?.children[0]);
            let y = spki[0].children[1].children.first_mut()?;
            let octets = y.octets.clone();
            if octets.first()? & 0x80 == 0 {
                return Some(vec![der::write(&spki)]);
            }
            // OpenSSL computes with a negative y: y + p is the same to it, and to an even power so is -y.
            let mut power = BigNum::new().ok()?;
            power.set_bit(8 * octets.len() as i32).ok()?;
            let opposite = &power - &BigNum::from_slice(&octets).ok()?;
            let forms = [&p - &opposite, opposite].map(|number| {
                spki[0].children[1].children[0].octets = integer(&number);
                der::write(&spki)
            });
            return Some(forms.into());
        }
    };
    Some(vec![standard.public_key_to_der().ok()?])
}

fn dsa_key_is_sound(key: &PKey<Public>) -> Option<bool> {
    let key = key.dsa().ok()?;
    let one = BigNum::from_u32(1).ok()?;
    let mut context = BigNumContext::new().ok()?;
    let mut in_subgroup = |number: &BigNumRef| {
        let mut power = BigNum::new().unwrap();
        let raised = power.mod_exp(number, key.q(), key.p(), &mut context).is_ok();
        number > &*one && number < key.p() && raised && power == one
    };
    let in_subgroup = in_subgroup(key.g()) && in_subgroup(key.pub_key());
    let less = key.p() - &*one;
    let q_is_prime = key.q().is_prime(40, &mut context).ok()?;
    Some(in_subgroup && q_is_prime && (&*less % key.q()).num_bits() == 0)
}
