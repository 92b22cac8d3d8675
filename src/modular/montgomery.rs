//! Montgomery multiplication (Montgomery 1985) of numbers of `n` blocks, with R = 2^(512 n): a b / R modulo m.
//!
//! The product first, then its reduction: a square takes hardly more than half of a product. Every number that comes and
//! goes is below the modulus.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "indices below twice the number of blocks, the length of the product; `as` takes the low word"
)]

use super::kernel::{Block, Kernel, WORDS};

/// A modulus, how to multiply modulo it, and room for a product.
pub(super) struct Montgomery<'a> {
    kernel: Kernel,
    modulus: &'a [Block],
    /// -1 / modulus modulo 2^64.
    inverse: u64,
    /// Twice as long as the modulus.
    product: Vec<Block>,
}

impl<'a> Montgomery<'a> {
    pub(super) fn new(kernel: Kernel, modulus: &'a [Block], inverse: u64) -> Self {
        Self { kernel, modulus, inverse, product: vec![[0; WORDS]; 2 * modulus.len()] }
    }

    /// a = a b / R.
    pub(super) fn multiply(&mut self, a: &mut [Block], b: &[Block]) {
        let blocks = self.modulus.len();
        self.product[..blocks].fill([0; WORDS]);
        for (i, digit) in b.iter().enumerate() {
            self.product[i + blocks] =
                self.kernel.multiply_add(&mut self.product[i..i + blocks], a, digit, [0; WORDS]);
        }
        self.reduce(a);
    }

    /// a = a^2 / R.
    pub(super) fn square(&mut self, a: &mut [Block]) {
        let blocks = self.modulus.len();
        // Products of two different words stand twice in the square, and are computed once.
        for (pair, digit) in self.product.as_chunks_mut().0.iter_mut().zip(a.iter()) {
            self.kernel.cross(pair, digit);
        }
        for (i, digit) in a.iter().enumerate() {
            let (low, high) = self.product.split_at_mut(i + blocks);
            let Some(low) = low.get_mut(2 * i + 1..) else { break };
            add(high, &self.kernel.multiply_add(low, &a[i + 1..], digit, [0; WORDS]));
        }
        double_and_add_squares(self.product.as_flattened_mut(), a.as_flattened());
        self.reduce(a);
    }

    /// a = a / R: out of Montgomery form.
    pub(super) fn leave(&mut self, a: &mut [Block]) {
        let (low, high) = self.product.split_at_mut(a.len());
        low.copy_from_slice(a);
        high.fill([0; WORDS]);
        self.reduce(a);
    }

    /// The product, below m R, divided by R.
    fn reduce(&mut self, result: &mut [Block]) {
        let blocks = self.modulus.len();
        let mut carry = false;
        for i in 0..blocks {
            let (digit, above) = self.product[i..].split_at_mut(1);
            let (middle, top) = above.split_at_mut(blocks - 1);
            let high = self.kernel.cancel(&mut digit[0], &self.modulus[0], self.inverse);
            let high = self.kernel.multiply_add(middle, &self.modulus[1..], &digit[0], high);
            carry |= add(top, &high);
        }
        result.copy_from_slice(&self.product[blocks..]);
        if carry || !is_below(result, self.modulus) {
            subtract(result, self.modulus);
        }
    }
}

/// Whether a is below b, of as many blocks.
pub(super) fn is_below(a: &[Block], b: &[Block]) -> bool {
    a.as_flattened().iter().rev().lt(b.as_flattened().iter().rev())
}

/// a = a - b, without regard for what is borrowed from above.
pub(super) fn subtract(a: &mut [Block], b: &[Block]) {
    let mut borrow = false;
    for (a, b) in a.as_flattened_mut().iter_mut().zip(b.as_flattened()) {
        let (difference, first) = a.overflowing_sub(*b);
        let (difference, second) = difference.overflowing_sub(u64::from(borrow));
        (*a, borrow) = (difference, first | second);
    }
}

/// a = a + b; whether something is carried out of a.
fn add(a: &mut [Block], b: &Block) -> bool {
    let mut carry = false;
    let mut words = a.as_flattened_mut().iter_mut();
    for (b, a) in b.iter().zip(words.by_ref()) {
        let (sum, first) = a.overflowing_add(*b);
        let (sum, second) = sum.overflowing_add(u64::from(carry));
        (*a, carry) = (sum, first | second);
    }
    while carry && let Some(a) = words.next() {
        (*a, carry) = a.overflowing_add(1);
    }
    carry
}

/// Twice the number and the squares of the words, which is a square.
fn double_and_add_squares(number: &mut [u64], words: &[u64]) {
    let (mut shifted_out, mut carry) = (0, false);
    for (pair, word) in number.as_chunks_mut::<2>().0.iter_mut().zip(words) {
        let value = u128::from(pair[1]) << 64 | u128::from(pair[0]);
        let square = u128::from(*word) * u128::from(*word);
        let (sum, first) = (value << 1 | shifted_out).overflowing_add(square);
        let (sum, second) = sum.overflowing_add(u128::from(carry));
        (shifted_out, carry) = (value >> 127, first | second);
        *pair = [sum as u64, (sum >> 64) as u64];
    }
}
