//! Field arithmetic in plain Rust, for every processor.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::needless_range_loop,
    reason = "loops over arrays whose lengths are in their types; indices of four bits; shifts by less than 64"
)]

use super::reduction::{reduce_409, reduce_571};
use super::{Arithmetic, Element};

#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Portable;

impl Arithmetic<7> for Portable {
    const DEGREE: u32 = 409;
    const TRACES: Element<7> = Element([1, 0, 0, 0, 0, 0, 0]);

    fn multiply(self, a: &Element<7>, b: &Element<7>) -> Element<7> {
        Element(reduce_409(product::<7, 8, 14>(&a.0, &b.0)))
    }

    fn square(self, a: &Element<7>) -> Element<7> {
        Element(reduce_409(spread(&a.0)))
    }
}

impl Arithmetic<9> for Portable {
    const DEGREE: u32 = 571;
    const TRACES: Element<9> = Element([1, 0, 0, 0, 0, 0, 0, 0, 1 << (561 - 512) | 1 << (569 - 512)]);

    fn multiply(self, a: &Element<9>, b: &Element<9>) -> Element<9> {
        Element(reduce_571(product::<9, 10, 18>(&a.0, &b.0)))
    }

    fn square(self, a: &Element<9>) -> Element<9> {
        Element(reduce_571(spread(&a.0)))
    }
}

/// The product of two polynomials by the left-to-right comb (López and Dahab; Hankerson, Menezes, Vanstone, Guide to
/// Elliptic Curve Cryptography, algorithm 2.36), with two windows of four bits at a time: the eight bytes of all words of
/// a, highest first, and after each round but the last a shift by 8.
///
/// `PADDED` words hold b times a polynomial of degree 7: 416 bits, or 578. An even number of them, for registers that hold
/// two; a product of `PRODUCT` words has room for all that is added to it.
#[inline]
fn product<const WORDS: usize, const PADDED: usize, const PRODUCT: usize>(
    a: &[u64; WORDS],
    b: &[u64; WORDS],
) -> [u64; PRODUCT] {
    let low = multiples::<WORDS, PADDED>(b, 0);
    let high = multiples::<WORDS, PADDED>(b, 4);
    // Even and odd places apart: in registers of two words, what one place stores is then what the next but one loads, not
    // half of it.
    let mut sums = [[0_u64; PRODUCT]; 2];
    for byte in (0..8).rev() {
        for place in 0..WORDS {
            let windows = a[place] >> (8 * byte);
            let (low, high) = (&low[(windows & 15) as usize], &high[(windows >> 4 & 15) as usize]);
            if let Some(sum) = sums[place % 2][place & !1..].first_chunk_mut::<PADDED>() {
                for word in 0..PADDED {
                    sum[word] ^= low[word] ^ high[word];
                }
            }
        }
        if byte > 0 {
            shift::<PRODUCT, 8>(&mut sums[0]);
            shift::<PRODUCT, 8>(&mut sums[1]);
        }
    }
    let [mut sum, odd] = sums;
    for word in 1..PRODUCT {
        sum[word] ^= odd[word - 1];
    }
    sum
}

/// b times x^power times every polynomial of degree 3 at most.
#[inline]
fn multiples<const WORDS: usize, const PADDED: usize>(b: &[u64; WORDS], power: u32) -> [[u64; PADDED]; 16] {
    let mut multiples = [[0; PADDED]; 16];
    for bit in 0..4 {
        // b times x^(power + bit), plus all that came before.
        let mut shifted = [0; PADDED];
        for word in 0..PADDED {
            let this = if word < WORDS { b[word] } else { 0 };
            let before = if word > 0 && word <= WORDS { b[word - 1] } else { 0 };
            shifted[word] = this << (power + bit) | before >> 1 >> (63 - power - bit);
        }
        let count = 1 << bit;
        for multiple in 0..count {
            for word in 0..PADDED {
                multiples[count + multiple][word] = multiples[multiple][word] ^ shifted[word];
            }
        }
    }
    multiples
}

/// Multiplies by `x^BITS`; what is shifted out is 0.
#[inline]
fn shift<const WORDS: usize, const BITS: u32>(words: &mut [u64; WORDS]) {
    for word in (1..WORDS).rev() {
        words[word] = words[word] << BITS | words[word - 1] >> (64 - BITS);
    }
    words[0] <<= BITS;
}

/// The square of a polynomial: a zero between every two coefficients.
#[inline]
fn spread<const WORDS: usize, const PRODUCT: usize>(a: &[u64; WORDS]) -> [u64; PRODUCT] {
    let mut square = [0; PRODUCT];
    for word in 0..WORDS {
        square[2 * word] = spread_word(a[word] & 0xffff_ffff);
        square[2 * word + 1] = spread_word(a[word] >> 32);
    }
    square
}

#[inline]
fn spread_word(mut word: u64) -> u64 {
    for (shift, mask) in [
        (16, 0x0000_ffff_0000_ffff),
        (8, 0x00ff_00ff_00ff_00ff),
        (4, 0x0f0f_0f0f_0f0f_0f0f),
        (2, 0x3333_3333_3333_3333),
        (1, 0x5555_5555_5555_5555),
    ] {
        word = (word | word << shift) & mask;
    }
    word
}
