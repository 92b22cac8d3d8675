//! RSA's public operation, DSA's joint power, products and inverses modulo any odd number, by every kernel, held against
//! crypto-bigint.
#![no_main]

use std::cmp::Ordering;

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use longhand::fuzzing::{joint_powers, powers, product_and_inverse};
use longhand_fuzz::fields;

/// Modulus, exponent of RSA, two bases, two exponents; numbers past their field's length are cut.
const FIELDS: usize = 6;
/// In octets. A modulus of 264 octets has a block that is not full; with longer ones crypto-bigint would take too long.
const LENGTHS: [usize; FIELDS] = [264, 5, 300, 300, 34, 34];

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    fields::mutate::<FIELDS>(data, size, max_size, seed, &[])
});

fuzz_target!(|input: &[u8]| {
    let mut places = 0..FIELDS;
    let [modulus, exponent, a, b, x, y] = fields::split::<FIELDS>(input).map(|field| {
        let length = LENGTHS[places.next().expect("as many")];
        &field[..field.len().min(length)]
    });
    let wide = BoxedUint::from_be_slice_vartime(modulus);
    let Some(odd) = Odd::new(wide.clone()).into_option().filter(|_| wide.bits_vartime() > 1) else {
        assert_eq!(powers(modulus, &[], 3), None);
        return;
    };
    let length = modulus.iter().skip_while(|&&octet| octet == 0).count();
    let params = BoxedMontyParams::new_vartime(odd);
    let form = |number: &[u8]| {
        let number = BoxedUint::from_be_slice_vartime(number);
        BoxedMontyForm::new(number.rem_vartime(params.modulus().as_nz_ref()), &params)
    };
    let power = |base: &[u8], exponent: &[u8]| form(base).pow(&BoxedUint::from_be_slice_vartime(exponent));
    let octets = |form: &BoxedMontyForm| {
        let octets = form.retrieve().to_be_bytes();
        octets[octets.len() - length..].to_vec()
    };

    let exponent = exponent.iter().fold(0_u64, |number, &octet| number << 8 | u64::from(octet));
    let digits = a.iter().skip_while(|&&octet| octet == 0).collect::<Vec<_>>();
    let below = match digits.len().cmp(&length) {
        Ordering::Equal => digits < modulus.iter().skip_while(|&&octet| octet == 0).collect::<Vec<_>>(),
        shorter => shorter.is_lt(),
    };
    let ours = powers(modulus, a, exponent);
    assert_eq!(ours.is_some(), below);
    if let Some(ours) = ours {
        let theirs = octets(&power(a, &exponent.to_be_bytes()));
        assert!(ours.iter().all(|ours| *ours == theirs), "{ours:x?} {theirs:x?}");
    }

    let theirs = octets(&power(a, x).mul(&power(b, y)));
    let ours = joint_powers(modulus, [(a, x), (b, y)], 8 * x.len() as u32).expect("odd");
    assert!(ours.iter().all(|ours| *ours == theirs), "{ours:x?} {theirs:x?}");

    let product = octets(&form(a).mul(&form(b)));
    let inverse = form(a).invert_vartime().into_option().map(|inverse| octets(&inverse));
    assert_eq!(product_and_inverse(modulus, a, b), Some((product, inverse)));
});
