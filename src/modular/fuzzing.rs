//! What the fuzz targets ask of this room; compiled with `--cfg fuzzing` alone.

use super::{Kernel, Modulus};

/// base ^ exponent modulo the modulus, by each kernel; `None` if the modulus is even or 1, or the base not below it.
#[must_use]
pub fn powers(modulus: &[u8], base: &[u8], exponent: u64) -> Option<Vec<Vec<u8>>> {
    let modulus = Modulus::new(modulus)?;
    let base = modulus.residue(base)?;
    let power = |kernel| modulus.power_with(kernel, &base, exponent).to_octets();
    Some(Kernel::all().map(power).to_vec())
}

/// The product of two powers of any bases with tables for exponents of so many bits, by each kernel; `None` if the
/// modulus is even or 1.
#[must_use]
pub fn joint_powers(modulus: &[u8], powers: [(&[u8], &[u8]); 2], bits: u32) -> Option<Vec<Vec<u8>>> {
    let modulus = Modulus::new(modulus)?;
    let product = |kernel| {
        let [x, y] = powers.map(|(base, exponent)| {
            (modulus.power_table_with(kernel, &modulus.reduce(base), bits), exponent)
        });
        modulus.product_of_powers_with(kernel, &[(&x.0, x.1), (&y.0, y.1)]).to_octets()
    };
    Some(Kernel::all().map(product).to_vec())
}

/// The product of two numbers of any length and the inverse of the first; `None` if the modulus is even or 1.
#[must_use]
pub fn product_and_inverse(modulus: &[u8], a: &[u8], b: &[u8]) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    let modulus = Modulus::new(modulus)?;
    let (a, b) = (modulus.reduce(a), modulus.reduce(b));
    let [product] = modulus.multiples(&a, [&b]);
    Some((product.to_octets(), modulus.invert(&a).map(|inverse| inverse.to_octets())))
}
