//! Whether an odd number of at most 256 bits is prime, as a q of DSA has to be.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "constant indices; the candidate is odd, so 1 can be taken from it; windows below the odd powers"
)]

use super::kernel::{Block, cancel, multiply_add};
use super::{Window, division, inverse_of_word, is_set, windows};

/// 256 bits.
const WORDS: usize = 4;
type Number = Block<WORDS>;

/// Width of the windows.
const WINDOW: u32 = 4;

/// Whether an odd number above 1 passes Miller-Rabin (FIPS 186-5 appendix B.3.1) for each base. The bases are given in
/// Montgomery form, below the candidate.
pub(super) fn is_probable_prime(candidate: Number, bases: impl IntoIterator<Item = Number>) -> bool {
    let field = Field { modulus: candidate, inverse: inverse_of_word(candidate[0]).wrapping_neg() };
    let one = field.one();
    let minus_one = difference(&candidate, &one).0;
    let mut less_one = candidate;
    less_one[0] -= 1;
    let twos = (0..256).find(|&bit| is_set(&less_one, bit)).unwrap_or(0);
    let windows = windows(&less_one, twos..256, WINDOW);
    bases.into_iter().all(|base| {
        let mut power = field.power(&base, &windows, twos, one);
        // A base of 0 says nothing.
        if base == [0; WORDS] || power == one || power == minus_one {
            return true;
        }
        (1..twos).any(|_| {
            power = field.multiply(&power, &power);
            power == minus_one
        })
    })
}

/// The numbers below a modulus, in Montgomery form with R = 2^256.
struct Field {
    modulus: Number,
    inverse: u64,
}

impl Field {
    fn one(&self) -> Number {
        let length = self.modulus.iter().rposition(|&word| word != 0).map_or(1, |highest| highest + 1);
        let rest = division::remainder(&[0, 0, 0, 0, 1], &self.modulus[..length]);
        let mut one = [0; WORDS];
        one[..length].copy_from_slice(&rest);
        one
    }

    #[inline]
    fn multiply(&self, a: &Number, b: &Number) -> Number {
        let (mut low, mut high) = ([0; WORDS], [0; WORDS]);
        multiply_add(&mut low, a, b, &mut high);
        let carry = cancel(&mut low, &self.modulus, self.inverse);
        let (sum, over) = sum(&high, &carry);
        let (reduced, under) = difference(&sum, &self.modulus);
        if over || !under { reduced } else { sum }
    }

    /// The power whose exponent, from the place `low` on, these are the windows of.
    fn power(&self, base: &Number, windows: &[Window], low: u32, one: Number) -> Number {
        let square = self.multiply(base, base);
        let mut odd_powers = [*base; 1 << WINDOW >> 1];
        for i in 1..odd_powers.len() {
            odd_powers[i] = self.multiply(&odd_powers[i - 1], &square);
        }
        let Some((highest, rest)) = windows.split_last() else { return one };
        let (mut power, mut place) = (odd_powers[highest.odd_power], highest.bit);
        for window in rest.iter().rev() {
            for _ in window.bit..place {
                power = self.multiply(&power, &power);
            }
            power = self.multiply(&power, &odd_powers[window.odd_power]);
            place = window.bit;
        }
        for _ in low..place {
            power = self.multiply(&power, &power);
        }
        power
    }
}

fn sum(a: &Number, b: &Number) -> (Number, bool) {
    let (mut sum, mut carry) = (*a, false);
    for (word, b) in sum.iter_mut().zip(b) {
        let (first, over) = word.overflowing_add(*b);
        let (second, over_again) = first.overflowing_add(u64::from(carry));
        (*word, carry) = (second, over | over_again);
    }
    (sum, carry)
}

fn difference(a: &Number, b: &Number) -> (Number, bool) {
    let (mut difference, mut borrow) = (*a, false);
    for (word, b) in difference.iter_mut().zip(b) {
        let (first, under) = word.overflowing_sub(*b);
        let (second, under_again) = first.overflowing_sub(u64::from(borrow));
        (*word, borrow) = (second, under | under_again);
    }
    (difference, borrow)
}
