//! Multiplication of numbers as sequences of [`Block`]s: the three steps that all else is made of, each in portable
//! arithmetic and, on x86-64, by [`Adx`].
//!
//! A block is one digit to the base 2^512. The product of two digits and two more digits fit into two digits, as
//! (b - 1)^2 + 2 (b - 1) = b^2 - 1 for every base b, so nothing is ever carried further than into the next digit.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "indices below the constant lengths of arrays; a product of words and two more words fit into 128 bits; \
              `as` takes the low word"
)]

#[cfg(all(target_arch = "x86_64", target_pointer_width = "64", not(longhand_portable)))]
use super::adx::Adx;

/// Words of a block.
pub(super) const WORDS: usize = 8;

/// A digit of a number, and itself a number of `N` words, the lowest first.
pub(super) type Block<const N: usize = WORDS> = [u64; N];

/// Which instructions multiply.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kernel {
    Portable,
    #[cfg(all(target_arch = "x86_64", target_pointer_width = "64", not(longhand_portable)))]
    Adx(Adx),
}

impl Kernel {
    /// The fastest that the processor has.
    pub(super) fn fastest() -> Self {
        #[cfg(all(target_arch = "x86_64", target_pointer_width = "64", not(longhand_portable)))]
        if let Some(adx) = Adx::detect() {
            return Self::Adx(adx);
        }
        Self::Portable
    }

    /// Those to hold against each other; the same twice where there is but one.
    #[cfg(any(test, fuzzing))]
    pub(super) fn all() -> [Self; 2] {
        [Self::Portable, Self::fastest()]
    }

    /// `accumulator + x y + carry`: the lower digits stay in the accumulator, the highest is returned.
    #[inline]
    pub(super) fn multiply_add(
        self,
        accumulator: &mut [Block],
        x: &[Block],
        y: &Block,
        mut carry: Block,
    ) -> Block {
        match self {
            Self::Portable => {
                for (accumulator, x) in accumulator.iter_mut().zip(x) {
                    multiply_add(accumulator, x, y, &mut carry);
                }
            }
            #[cfg(all(target_arch = "x86_64", target_pointer_width = "64", not(longhand_portable)))]
            Self::Adx(adx) => {
                for (accumulator, x) in accumulator.iter_mut().zip(x) {
                    adx.multiply_add(accumulator, x, y, &mut carry);
                }
            }
        }
        carry
    }

    /// Puts into the accumulator the digit q for which `accumulator + q modulus` is a multiple of 2^512, and returns what
    /// multiple. `inverse` is -1 / modulus modulo 2^64.
    #[inline]
    pub(super) fn cancel(self, accumulator: &mut Block, modulus: &Block, inverse: u64) -> Block {
        match self {
            Self::Portable => cancel(accumulator, modulus, inverse),
            #[cfg(all(target_arch = "x86_64", target_pointer_width = "64", not(longhand_portable)))]
            Self::Adx(adx) => adx.cancel(accumulator, modulus, inverse),
        }
    }

    /// The sum of the products of different words of x, each once: what its square has twice.
    #[inline]
    pub(super) fn cross(self, result: &mut [Block; 2], x: &Block) {
        match self {
            Self::Portable => cross(result, x),
            #[cfg(all(target_arch = "x86_64", target_pointer_width = "64", not(longhand_portable)))]
            Self::Adx(adx) => adx.cross(result, x),
        }
    }
}

/// (carry, accumulator) = accumulator + x y + carry.
#[inline]
pub(super) fn multiply_add<const N: usize>(
    accumulator: &mut Block<N>,
    x: &Block<N>,
    y: &Block<N>,
    carry: &mut Block<N>,
) {
    for (accumulator, x) in accumulator.iter_mut().zip(x) {
        let mut sum = u128::from(*x) * u128::from(y[0]) + u128::from(*accumulator) + u128::from(carry[0]);
        *accumulator = sum as u64;
        for i in 1..N {
            sum = u128::from(*x) * u128::from(y[i]) + u128::from(carry[i]) + (sum >> 64);
            carry[i - 1] = sum as u64;
        }
        carry[N - 1] = (sum >> 64) as u64;
    }
}

/// As [`Kernel::cancel`], for blocks of any length: a digit of 64 bits after the other.
#[inline]
pub(super) fn cancel<const N: usize>(
    accumulator: &mut Block<N>,
    modulus: &Block<N>,
    inverse: u64,
) -> Block<N> {
    let mut carry = [0; N];
    for accumulator in accumulator {
        let lowest = u128::from(*accumulator) + u128::from(carry[0]);
        let q = (lowest as u64).wrapping_mul(inverse);
        let mut sum = u128::from(q) * u128::from(modulus[0]) + lowest;
        for i in 1..N {
            sum = u128::from(q) * u128::from(modulus[i]) + u128::from(carry[i]) + (sum >> 64);
            carry[i - 1] = sum as u64;
        }
        carry[N - 1] = (sum >> 64) as u64;
        *accumulator = q;
    }
    carry
}

fn cross(result: &mut [Block; 2], x: &Block) {
    *result = [[0; WORDS]; 2];
    let result = result.as_flattened_mut();
    for i in 0..WORDS {
        let mut sum = 0;
        for j in i + 1..WORDS {
            sum = u128::from(x[i]) * u128::from(x[j]) + u128::from(result[i + j]) + (sum >> 64);
            result[i + j] = sum as u64;
        }
        result[i + WORDS] = (sum >> 64) as u64;
    }
}
