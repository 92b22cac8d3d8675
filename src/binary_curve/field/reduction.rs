//! Reduction of a product, or square, modulo the field polynomials.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "loops over arrays whose lengths are in their types; shifts by constants below 64"
)]

/// Modulo x^409 + x^87 + 1, of a polynomial of degree 816 at most.
///
/// 409 = 6 * 64 + 25, so x^(64 i) with i >= 7 is x^(64 (i - 7) + 39) + x^(64 (i - 6) + 62).
#[inline]
pub(super) fn reduce_409(mut c: [u64; 14]) -> [u64; 7] {
    for i in (7..14).rev() {
        let word = c[i];
        c[i - 7] ^= word << 39;
        c[i - 6] ^= word >> 25 ^ word << 62;
        c[i - 5] ^= word >> 2;
    }
    // What stands above x^408 in the last word: 39 bits, which 23 places further up still fit.
    let high = c[6] >> 25;
    let [c0, c1, c2, c3, c4, c5, c6, ..] = c;
    [c0 ^ high, c1 ^ high << 23, c2 ^ high >> 41, c3, c4, c5, c6 & ((1 << 25) - 1)]
}

/// Modulo x^571 + x^10 + x^5 + x^2 + 1, of a polynomial of degree 1140 at most.
///
/// 571 = 8 * 64 + 59, so x^(64 i) with i >= 9 is x^(64 (i - 9)) times x^5 + x^7 + x^10 + x^15.
#[inline]
pub(super) fn reduce_571(mut c: [u64; 18]) -> [u64; 9] {
    for i in (9..18).rev() {
        let word = c[i];
        c[i - 9] ^= word << 5 ^ word << 7 ^ word << 10 ^ word << 15;
        c[i - 8] ^= word >> 59 ^ word >> 57 ^ word >> 54 ^ word >> 49;
    }
    let high = c[8] >> 59;
    let [c0, c1, c2, c3, c4, c5, c6, c7, c8, ..] = c;
    let low = high ^ high << 2 ^ high << 5 ^ high << 10;
    [c0 ^ low, c1, c2, c3, c4, c5, c6, c7, c8 & ((1 << 59) - 1)]
}
