//! Keys from any SubjectPublicKeyInfo and their verdict on any signature, held against the rsa and dsa crates.
#![no_main]

use crypto_bigint::BoxedUint;
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use longhand::{ErrorCode, HashMethod, KeyKind, PssSaltLength, PublicKey};
use longhand_fuzz::der::element;
use longhand_fuzz::fields;
use longhand_fuzz::question::{FIELDS, OF_DER, Question, is_rsassa_pss, parts};
use rsa::pkcs1::DecodeRsaPublicKey as _;
use rsa::signature::hazmat::PrehashVerifier as _;

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    fields::mutate::<FIELDS>(data, size, max_size, seed, OF_DER)
});

fuzz_target!(|input: &[u8]| {
    let question = Question::read(input);
    let Question { hash_method, salt_length, spki, digest, signature } = question;
    let key = match PublicKey::from_spki_der(spki) {
        Ok(key) => key,
        Err(error) => {
            let shown = format!("{error} {error:?} {}", error.code());
            return assert!(!shown.chars().any(char::is_control), "{shown:?}");
        }
    };
    let _ = format!("{key:?} {}", key.kind());
    let ask = |salt_length| {
        let verdict = key.verify_digest(hash_method, digest, signature, salt_length);
        verdict.map(|found| found.salt_length).map_err(|error| {
            let _ = format!("{error} {error:?}");
            error.code()
        })
    };
    let verdict = ask(salt_length);
    match key.check_signature(hash_method, signature) {
        Err(error) => return assert_eq!(verdict, Err(error.code())),
        Ok(()) if digest.len() != hash_method.digest_length() => {
            return assert_eq!(verdict, Err(ErrorCode::DigestLength));
        }
        Ok(()) => {}
    }
    // The salt's length is found, then judged: no demand makes a yes out of a no.
    let any = if salt_length == PssSaltLength::Auto { verdict } else { ask(PssSaltLength::Auto) };
    match (verdict, any) {
        (Ok(found), any) => assert_eq!(any, Ok(found)),
        (Err(ErrorCode::PssSaltLength), Ok(Some(found))) => {
            assert_ne!(salt_length, PssSaltLength::Auto);
            assert_eq!(ask(PssSaltLength::Exactly(found)), any);
        }
        (no, any) => assert_eq!(no, any),
    }
    match key.kind() {
        KeyKind::Rsa => {
            let theirs = rsa_crate(&question);
            // A restricted key demands a longer salt, of which the crate knows nothing.
            let too_short = any == Err(ErrorCode::PssSaltLength) && is_rsassa_pss(spki);
            assert!(
                theirs.is_none_or(|yes| yes == (any.is_ok() || too_short)),
                "rsa: {theirs:?}, ours: {any:?}"
            );
        }
        // The crate takes so long that of the noes it is asked one in eight.
        KeyKind::Dsa
            if any.is_ok() || input.iter().fold(0_u8, |sum, &octet| sum.wrapping_add(octet)) % 8 == 0 =>
        {
            let theirs = dsa_crate(&question);
            assert!(theirs.is_none_or(|yes| yes == any.is_ok()), "dsa: {theirs:?}, ours: {any:?}");
        }
        _ => {}
    }
});

/// The rsa crate's verdict with any salt length; `None` where it refuses the key.
fn rsa_crate(question: &Question<'_>) -> Option<bool> {
    use rsa::pss::VerifyingKey;
    let key = rsa::RsaPublicKey::from_pkcs1_der(parts(question.spki)?.1).ok()?;
    let Ok(signature) = rsa::pss::Signature::try_from(question.signature) else { return Some(false) };
    let digest = question.digest;
    let verdict = match question.hash_method {
        HashMethod::Sha224 => {
            VerifyingKey::<sha2::Sha224>::new_with_auto_salt_len(key).verify_prehash(digest, &signature)
        }
        HashMethod::Sha256 => {
            VerifyingKey::<sha2::Sha256>::new_with_auto_salt_len(key).verify_prehash(digest, &signature)
        }
        HashMethod::Sha384 => {
            VerifyingKey::<sha2::Sha384>::new_with_auto_salt_len(key).verify_prehash(digest, &signature)
        }
        _ => VerifyingKey::<sha2::Sha512>::new_with_auto_salt_len(key).verify_prehash(digest, &signature),
    };
    Some(verdict.is_ok())
}

/// The dsa crate's verdict, with every number at p's precision: other lengths make it panic. `None` where it refuses
/// the key.
fn dsa_crate(question: &Question<'_>) -> Option<bool> {
    let (algorithm, key) = parts(question.spki)?;
    let (_, contents, _) = element(algorithm)?;
    let (_, parameters, _) = element(element(contents)?.2)?;
    let (_, p, rest) = element(parameters)?;
    let (_, q, rest) = element(rest)?;
    let (_, g, _) = element(rest)?;
    let (_, y, _) = element(key)?;
    let bare = |octets: &'_ [u8]| octets.iter().copied().skip_while(|&octet| octet == 0).collect::<Vec<_>>();
    let p = BoxedUint::from_be_slice_vartime(&bare(p));
    let q = BoxedUint::from_be_slice_vartime(&bare(q));
    let wide = |octets| BoxedUint::from_be_slice(&bare(octets), p.bits_precision()).ok();
    let (g, y) = (wide(g)?, wide(y)?);
    let components = dsa::Components::from_components(p, q, g).ok()?;
    let key = dsa::VerifyingKey::from_components(components, y).ok()?;
    let Ok(signature) = dsa::Signature::try_from(question.signature) else { return Some(false) };
    Some(key.verify_prehash(question.digest, &signature).is_ok())
}
