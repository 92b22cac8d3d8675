//! Our verdict on key, digest and signature against OpenSSL's: where we say yes, it says yes; where it alone says yes,
//! our no is one of those that are meant.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use longhand::{ErrorCode, HashMethod, PssSaltLength, PublicKey};
use longhand_fuzz::fields;
use longhand_fuzz::question::{FIELDS, OF_DER, Question};
use openssl::error::ErrorStack;
use openssl::md::{Md, MdRef};
use openssl::pkey::{Id, PKey, Public};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Padding;
use openssl::sign::RsaPssSaltlen;

/// How we may refuse what OpenSSL verifies. Not among them: what a good key says about a signature of the right form.
const STRICTER: &[ErrorCode] = &[
    ErrorCode::KeyMalformed,            // BER, trailing data
    ErrorCode::KeyAlgorithmUnsupported, // it takes the name of a DSA signature for that of a DSA key
    ErrorCode::CurveUnsupported,        // P-256 and others
    ErrorCode::CurveExplicit,           // RFC 5480 forbids it
    ErrorCode::KeyParameters,           // id-RSASSA-PSS
    ErrorCode::RsaModulus,              // below 1024 bits
    ErrorCode::RsaExponent,             // past 2^33-1
    ErrorCode::DsaSize,                 // p below 1024 bits
    ErrorCode::DsaParameter,            // it validates no DSA key
    ErrorCode::PointEncoding,           // the hybrid form
    ErrorCode::PointOutsideSubgroup,    // it verifies with a key that it has not checked
    ErrorCode::KeyRestricted,           // it uses the key's MGF1 hash, we the image's hash
    ErrorCode::SignatureLength,         // it takes RSA signatures that are shorter
];

/// `RSA_PSS_SALTLEN_AUTO` and `RSA_PSS_SALTLEN_MAX`. The crate's `MAXIMUM_LENGTH` is for signers: verifying, it is AUTO.
const AUTO: i32 = -2;
const MAX: i32 = -3;

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    fields::mutate::<FIELDS>(data, size, max_size, seed, OF_DER)
});

fuzz_target!(|input: &[u8]| {
    let question = Question::read(input);
    let ours = ours(&question);
    let theirs = PKey::public_key_from_der(question.spki).is_ok_and(|key| theirs(&question, &key, ours));
    match ours {
        Ok(_) => assert!(theirs, "we say yes, OpenSSL no: {question:02x?}"),
        Err(code) => {
            assert!(!theirs || STRICTER.contains(&code), "OpenSSL says yes, we {code}: {question:02x?}")
        }
    }
});

fn ours(question: &Question<'_>) -> Result<Option<usize>, ErrorCode> {
    let key = PublicKey::from_spki_der(question.spki).map_err(|error| error.code())?;
    let (digest, signature) = (question.digest, question.signature);
    let verdict = key.verify_digest(question.hash_method, digest, signature, question.salt_length);
    verdict.map(|found| found.salt_length).map_err(|error| error.code())
}

fn theirs(question: &Question<'_>, key: &PKey<Public>, ours: Result<Option<usize>, ErrorCode>) -> bool {
    let ask = |salt_length| verify(question, key, salt_length).unwrap_or(false);
    match (key.id(), question.salt_length, ours) {
        // It finds no salt length for a restricted key; it must be told.
        (Id::RSA_PSS, PssSaltLength::Auto, Ok(Some(found))) => ask(custom(found)),
        (Id::RSA_PSS, PssSaltLength::Auto, _) => {
            ask(RsaPssSaltlen::DIGEST_LENGTH) || ask(RsaPssSaltlen::custom(MAX)) || ask(custom(20))
        }
        (_, PssSaltLength::Max, _) => ask(RsaPssSaltlen::custom(MAX)),
        (_, PssSaltLength::Digest, _) => ask(RsaPssSaltlen::DIGEST_LENGTH),
        (_, PssSaltLength::Exactly(length), _) => ask(custom(length)),
        _ => ask(RsaPssSaltlen::custom(AUTO)),
    }
}

fn custom(length: usize) -> RsaPssSaltlen {
    RsaPssSaltlen::custom(i32::try_from(length).unwrap_or(i32::MAX))
}

fn verify(
    question: &Question<'_>,
    key: &PKey<Public>,
    salt_length: RsaPssSaltlen,
) -> Result<bool, ErrorStack> {
    let message_digest = match question.hash_method {
        HashMethod::Sha224 => Md::sha224(),
        HashMethod::Sha256 => Md::sha256(),
        HashMethod::Sha384 => Md::sha384(),
        _ => Md::sha512(),
    };
    let message_digest: &MdRef = message_digest;
    let mut context = PkeyCtx::new(key)?;
    context.verify_init()?;
    match key.id() {
        Id::RSA | Id::RSA_PSS => {
            context.set_rsa_padding(Padding::PKCS1_PSS)?;
            context.set_signature_md(message_digest)?;
            context.set_rsa_pss_saltlen(salt_length)?;
            if key.id() == Id::RSA {
                context.set_rsa_mgf1_md(message_digest)?;
            }
        }
        Id::DSA | Id::EC => context.set_signature_md(message_digest)?,
        _ => return Ok(false),
    }
    context.verify(question.digest, question.signature)
}
