//! Keys and signatures on the binary curves, made here with OpenSSL's arithmetic so that they hold, then spoilt in one way:
//! our verdict against OpenSSL's.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use longhand::{ErrorCode, HashMethod, PssSaltLength, PublicKey};
use longhand_fuzz::fields;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcPoint, PointConversionForm};
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::pkey_ctx::PkeyCtx;

/// Choices, private key, nonce, digest.
const FIELDS: usize = 4;
const CURVES: [(Nid, u8); 4] =
    [(Nid::SECT409K1, 36), (Nid::SECT409R1, 37), (Nid::SECT571K1, 38), (Nid::SECT571R1, 39)];

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    fields::mutate::<FIELDS>(data, size, max_size, seed, &[])
});

fuzz_target!(|input: &[u8]| {
    let _ = question(input).expect("OpenSSL computes");
});

fn question(input: &[u8]) -> Result<Option<()>, ErrorStack> {
    let [choices, private, nonce, digest] = fields::split::<FIELDS>(input);
    let choice = |index: usize| choices.get(index).copied().unwrap_or(0);
    let (nid, arc) = CURVES[usize::from(choice(0)) % 4];
    let group = EcGroup::from_curve_name(nid)?;
    let mut context = BigNumContext::new()?;
    let (mut order, mut d, mut k) = (BigNum::new()?, BigNum::new()?, BigNum::new()?);
    group.order(&mut order, &mut context)?;
    d.nnmod(&*BigNum::from_slice(private)?, &order, &mut context)?;
    k.nnmod(&*BigNum::from_slice(nonce)?, &order, &mut context)?;
    let lengths = [28, 32, 48, 64];
    let length = lengths[usize::from(choice(2)) % 4];
    let mut digest = digest.to_vec();
    digest.resize(length, 0);
    let zero = BigNum::new()?;
    if d == zero || k == zero {
        return Ok(None);
    }

    // r = x(k G), s = (z + r d) / k
    let bits = order.num_bits();
    let mut z = BigNum::from_slice(&digest)?;
    let excess = length as i32 * 8 - bits;
    if excess > 0 {
        let whole = z;
        z = BigNum::new()?;
        z.rshift(&whole, excess)?;
    }
    let (mut point, mut key) = (EcPoint::new(&group)?, EcPoint::new(&group)?);
    point.mul_generator2(&group, &k, &mut context)?;
    key.mul_generator2(&group, &d, &mut context)?;
    let (mut x, mut y) = (BigNum::new()?, BigNum::new()?);
    point.affine_coordinates(&group, &mut x, &mut y, &mut context)?;
    let (mut r, mut product, mut sum, mut inverse, mut s) =
        (BigNum::new()?, BigNum::new()?, BigNum::new()?, BigNum::new()?, BigNum::new()?);
    r.nnmod(&x, &order, &mut context)?;
    product.mod_mul(&r, &d, &order, &mut context)?;
    sum.mod_add(&product, &z, &order, &mut context)?;
    inverse.mod_inverse(&k, &order, &mut context)?;
    s.mod_mul(&sum, &inverse, &order, &mut context)?;
    if r == zero || s == zero {
        return Ok(None);
    }

    let mut whole = true;
    let mut form = PointConversionForm::UNCOMPRESSED;
    match choice(1) % 8 {
        1 => form = PointConversionForm::COMPRESSED,
        2 => form = PointConversionForm::HYBRID,
        3 => {
            // A point of small order is added: (0, sqrt(b)), or on the Koblitz curves (1, 0) of order 4.
            whole = false;
            let mut octets = vec![0; group.degree().div_ceil(8) as usize + 1];
            octets[0] = 2;
            if arc % 2 == 0 && choice(3) & 1 == 1 {
                *octets.last_mut().expect("not empty") = 1;
            }
            let small = EcPoint::from_bytes(&group, &octets, &mut context)?;
            let good = key.to_owned(&group)?;
            key.add(&group, &good, &small, &mut context)?;
        }
        4 => {
            whole = false;
            let place = usize::from(choice(3)) % digest.len();
            digest[place] ^= 1 | choice(2);
        }
        5 => {
            whole = false;
            s.add_word(u32::from(choice(3)) + 1)?;
        }
        6 => {
            whole = false;
            r.add_word(u32::from(choice(3)) + 1)?;
        }
        7 => {
            // -s signs as s does.
            let mut opposite = BigNum::new()?;
            opposite.checked_sub(&order, &s)?;
            s = opposite;
        }
        _ => {}
    }
    let point = key.to_bytes(&group, form, &mut context)?;
    let signature = EcdsaSig::from_private_components(r, s)?.to_der()?;
    let spki = spki(arc, &point);
    let hash_method = HashMethod::ALL.into_iter().find(|method| method.digest_length() == length);
    let hash_method = hash_method.expect("one has this length");
    let ours = PublicKey::from_spki_der(&spki).map_err(|error| error.code()).and_then(|key| {
        let verdict = key.verify_digest(hash_method, &digest, &signature, PssSaltLength::Auto);
        verdict.map(|_| ()).map_err(|error| error.code())
    });
    let theirs = PKey::public_key_from_der(&spki).and_then(|key| {
        let mut context = PkeyCtx::new(&key)?;
        context.verify_init()?;
        context.verify(&digest, &signature)
    });
    let theirs = theirs.unwrap_or(false);
    let meant = match choice(1) % 8 {
        3 => ours == Err(ErrorCode::PointOutsideSubgroup),
        _ => ours.is_ok() == theirs && (theirs || !whole),
    };
    assert!(meant, "ours: {ours:?}, theirs: {theirs}, {spki:02x?} {digest:02x?} {signature:02x?}");
    Ok(Some(()))
}

/// All lengths here need one octet, or two with 0x81.
fn spki(arc: u8, point: &[u8]) -> Vec<u8> {
    let tlv = |tag: u8, contents: &[u8]| {
        let length = contents.len() as u8;
        let head = if length < 0x80 { vec![tag, length] } else { vec![tag, 0x81, length] };
        [head, contents.to_vec()].concat()
    };
    let algorithm =
        [&[0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1][..], &[0x06, 5, 0x2b, 0x81, 4, 0, arc]].concat();
    tlv(0x30, &[tlv(0x30, &algorithm), tlv(0x03, &[&[0], point].concat())].concat())
}
