//! Scalars as sums of few signed powers of 2, or of tau.
//!
//! On the random curves, the width-w non-adjacent form: k = sum of signed digits times 2^i, each 0 or odd and below
//! 2^(w-1), of any w in a row at most one not 0 (Guide to Elliptic Curve Cryptography, algorithm 3.35).
//!
//! On the Koblitz curves, where tau costs three squarings instead of a doubling (Solinas, "Efficient arithmetic on Koblitz
//! curves", Designs, Codes and Cryptography 19, 2000):
//!
//! 1. k modulo delta in Z[tau], which acts on the subgroup as k does and has half the length (section 5.1, 5.3).
//!    k = q delta + rho with q = k conj(delta) / n rounded; the division is a multiplication by a precomputed
//!    reciprocal, and a q that is off by one makes rho a little longer, no less right.
//! 2. the width-w tau-adic non-adjacent form of rho: rho = sum of ±`alpha_u` tau^i, where `alpha_u` is an element with
//!    `alpha_u` = u modulo tau^w, for u odd below 2^(w-1) (section 7.3). [`Alphas`] chooses elements that are an addition
//!    away from each other.
//!
//! Both have a digit that is not 0 in w + 1 places.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::needless_range_loop,
    reason = "indices below the lengths in the types; integers wrap at a size that they do not reach"
)]

use super::parameters::Koblitz;

pub(super) const INTEGER_WORDS: usize = 5;

/// A signed integer of 320 bits, in two's complement. Elements of Z[tau] that stand for scalars have parts of at most 290
/// bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Integer(pub(super) [u64; INTEGER_WORDS]);

impl Integer {
    pub(super) const ZERO: Self = Self([0; INTEGER_WORDS]);

    pub(super) const fn opposite(self) -> Self {
        let (mut words, mut carry, mut place) = (self.0, true, 0);
        while place < INTEGER_WORDS {
            (words[place], carry) = (!words[place]).overflowing_add(carry as u64);
            place += 1;
        }
        Self(words)
    }

    fn is_negative(self) -> bool {
        self.0[INTEGER_WORDS - 1] >> 63 == 1
    }

    fn plus(self, other: Self) -> Self {
        let (mut words, mut carry) = (self.0, false);
        for (word, other) in words.iter_mut().zip(other.0) {
            let (sum, over) = word.overflowing_add(other);
            let (sum, over_again) = sum.overflowing_add(u64::from(carry));
            (*word, carry) = (sum, over | over_again);
        }
        Self(words)
    }

    fn minus(self, other: Self) -> Self {
        self.plus(other.opposite())
    }

    fn times(self, other: Self) -> Self {
        let mut product = [0; INTEGER_WORDS];
        for i in 0..INTEGER_WORDS {
            let mut carry = 0;
            for j in 0..INTEGER_WORDS - i {
                (product[i + j], carry) = multiply_add(self.0[i], other.0[j], product[i + j], carry);
            }
        }
        Self(product)
    }
}

/// a b + c + d, low word first: at most 2^128 - 1.
fn multiply_add(a: u64, b: u64, c: u64, d: u64) -> (u64, u64) {
    let sum = u128::from(a) * u128::from(b) + u128::from(c) + u128::from(d);
    (sum as u64, (sum >> 64) as u64)
}

/// The width-w non-adjacent form, lowest digit first. The scalar's highest bit is not set.
pub(crate) fn non_adjacent_form<const WORDS: usize>(scalar: &[u64; WORDS], width: u32) -> Vec<i16> {
    let length = WORDS * 64;
    let mut digits = vec![0; length];
    let (mut place, mut carry) = (0, 0);
    while place < length {
        if scalar[place / 64] >> (place % 64) & 1 == carry {
            place += 1;
            continue;
        }
        let window = bits(scalar, place, width) + carry;
        carry = window >> (width - 1) & 1;
        digits[place] = (window as i16) - ((carry as i16) << width);
        place += width as usize;
    }
    digits
}

/// `count` bits from `place` on, at most 63; zeros past the end.
fn bits<const WORDS: usize>(scalar: &[u64; WORDS], place: usize, count: u32) -> u64 {
    let (word, shift) = (place / 64, place % 64);
    let mut value = scalar[word] >> shift;
    if shift > 0 && word + 1 < WORDS {
        value |= scalar[word + 1] << (64 - shift);
    }
    value & ((1 << count) - 1)
}

/// Step 1: r0 + r1 tau, which acts on the subgroup as the scalar does.
pub(super) fn reduce_by_delta<const WORDS: usize>(scalar: &[u64; WORDS], koblitz: &Koblitz) -> [Integer; 2] {
    let [q0, q1] = koblitz.reciprocal.map(|reciprocal| quotient(scalar, reciprocal));
    let [d0, d1] = koblitz.delta;
    let mut low = Integer::ZERO;
    low.0.copy_from_slice(&scalar[..INTEGER_WORDS]);
    // (q0 + q1 tau) (d0 + d1 tau), with tau^2 = -tau - 2.
    let q1_d1 = q1.times(d1);
    let r0 = low.minus(q0.times(d0)).plus(q1_d1).plus(q1_d1);
    let r1 = q1_d1.minus(q0.times(d1)).minus(q1.times(d0));
    [r0, r1]
}

/// scalar * reciprocal / 2^(64 WORDS), rounded.
fn quotient<const WORDS: usize>(scalar: &[u64; WORDS], reciprocal: Integer) -> Integer {
    let negative = reciprocal.is_negative();
    let magnitude = if negative { reciprocal.opposite() } else { reciprocal };
    // The words below 2^(64 WORDS), which are shifted out as the multiplication goes on; then the quotient's.
    let mut window = [0_u64; INTEGER_WORDS];
    let mut below = 0;
    for word in scalar {
        let mut carry = 0;
        for (place, factor) in window.iter_mut().zip(magnitude.0) {
            (*place, carry) = multiply_add(*word, factor, *place, carry);
        }
        below = window[0];
        window.rotate_left(1);
        window[INTEGER_WORDS - 1] = carry;
    }
    let half = Integer([below >> 63, 0, 0, 0, 0]);
    let rounded = Integer(window).plus(half);
    if negative { rounded.opposite() } else { rounded }
}

/// A root of t^2 + t + 2 in the integers modulo 2^64, the even one: modulo tau^w, tau is t modulo 2^w.
const TAU: u64 = {
    let (mut root, mut bit) = (0_u64, 0);
    while bit < 64 {
        let value = root.wrapping_mul(root).wrapping_add(root).wrapping_add(2);
        root |= value & 1 << bit;
        bit += 1;
    }
    root
};

/// a + b tau with small parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Small {
    pub(super) a: i64,
    pub(super) b: i64,
}

impl Small {
    const ONE: Self = Self { a: 1, b: 0 };

    fn times_tau(self) -> Self {
        Self { a: -2 * self.b, b: self.a - self.b }
    }

    fn norm(self) -> i64 {
        self.a * self.a - self.a * self.b + 2 * self.b * self.b
    }

    /// The residue modulo tau^width, from -2^(width - 1) to 2^(width - 1) - 1.
    fn residue(self, width: u32) -> i64 {
        signed_low_bits(self.a.cast_unsigned().wrapping_add(self.b.cast_unsigned().wrapping_mul(TAU)), width)
    }
}

fn signed_low_bits(value: u64, width: u32) -> i64 {
    (value << (64 - width)).cast_signed() >> (64 - width)
}

/// The elements `alpha_u` for u = 1, 3, 5, ..., 2^(w-1) - 1, and how each is made from one before it.
#[derive(Debug)]
pub(super) struct Alphas {
    pub(super) width: u32,
    /// `alpha_u` at place u / 2.
    pub(super) elements: Vec<Small>,
    /// In an order in which each can be made; all but `alpha_1`.
    pub(super) steps: Vec<Step>,
}

/// alpha\[target\] = ±(alpha\[source\] ± tau^power).
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) target: usize,
    pub(super) source: usize,
    pub(super) power: usize,
    /// Whether the power of tau is subtracted.
    pub(super) minus: bool,
    /// Whether all of it is turned into its opposite.
    pub(super) opposite: bool,
}

impl Alphas {
    /// Level by level: every alpha that is one step away from a known one, with the smallest norm that such a step
    /// reaches.
    pub(super) fn new(width: u32) -> Self {
        let count = 1 << (width - 2);
        let mut elements = vec![None; count];
        elements[0] = Some(Small::ONE);
        let mut steps = Vec::with_capacity(count - 1);
        // Short elements first; the bound grows only when no step stays below it.
        let mut bound = 1_i64 << width >> 1;
        while steps.len() + 1 < count {
            let level = one_step_away(&elements, width, bound);
            if level.is_empty() {
                bound += bound / 8 + 1;
            }
            for (step, element) in level {
                elements[step.target] = Some(element);
                steps.push(step);
            }
        }
        let elements = elements.into_iter().flatten().collect();
        Self { width, elements, steps }
    }
}

fn one_step_away(elements: &[Option<Small>], width: u32, bound: i64) -> Vec<(Step, Small)> {
    let mut best: Vec<Option<(Step, Small)>> = vec![None; elements.len()];
    for (source, element) in elements.iter().enumerate() {
        let Some(element) = element else { continue };
        let mut tau = Small::ONE;
        for power in 1..=width as usize {
            tau = tau.times_tau();
            for minus in [false, true] {
                let sign = if minus { -1 } else { 1 };
                let sum = Small { a: element.a + sign * tau.a, b: element.b + sign * tau.b };
                let residue = sum.residue(width);
                let opposite = residue < 0;
                let target = (residue.unsigned_abs() / 2) as usize;
                let shorter = best[target].is_none_or(|(_, other)| sum.norm() < other.norm());
                if sum.norm() < bound && elements[target].is_none() && shorter {
                    let element = if opposite { Small { a: -sum.a, b: -sum.b } } else { sum };
                    best[target] = Some((Step { target, source, power, minus, opposite }, element));
                }
            }
        }
    }
    best.into_iter().flatten().collect()
}

/// Step 2: the digits, lowest first: u stands for `alpha_u`, -u for its opposite.
///
/// A digit depends on the lowest w bits alone, and every division by tau moves one bit down. So the low bits go through
/// [`STEPS`] divisions by themselves, as small numbers, and what stands above them is divided by tau^STEPS at once.
pub(super) fn tau_adic_form([mut r0, mut r1]: [Integer; 2], alphas: &Alphas) -> Vec<i16> {
    let mut digits = Vec::with_capacity(LONGEST);
    loop {
        if let (Some(a), Some(b)) = (r0.as_small(), r1.as_small()) {
            let mut rest = Small { a, b };
            while (rest.a != 0 || rest.b != 0) && digits.len() < LONGEST {
                digits.push(rest.take_digit(alphas));
            }
            return digits;
        }
        let mut low = Small { a: r0.take_low_bits(), b: r1.take_low_bits() };
        for _ in 0..STEPS {
            digits.push(low.take_digit(alphas));
        }
        // (r0 + r1 tau) (c0 + c1 tau) / 2^STEPS, with tau^2 = -tau - 2.
        let [c0, c1] = [from_small(CONJUGATE.a), from_small(CONJUGATE.b)];
        let r1_c1 = r1.times(c1);
        let product = [r0.times(c0).minus(r1_c1).minus(r1_c1), r0.times(c1).plus(r1.times(c0)).minus(r1_c1)];
        [r0, r1] = product.map(Integer::shifted);
        (r0, r1) = (r0.plus(from_small(low.a)), r1.plus(from_small(low.b)));
    }
}

/// No element with parts of 290 bits has more digits; the bound only says so to whoever fears a loop.
const LONGEST: usize = 700;
/// Divisions by tau that are done on the low bits alone.
const STEPS: usize = 48;
/// The low bits: enough for the digits of every width up to 12, and with a few bits to spare in 64.
const LOW_BITS: u32 = 60;

/// 2^STEPS / tau^STEPS: the conjugate of tau, -1 - tau, to this power.
const CONJUGATE: Small = {
    let (mut power, mut step) = (Small::ONE, 0);
    while step < STEPS {
        // (a + b tau) (-1 - tau) = 2 b - a - a tau
        power = Small { a: 2 * power.b - power.a, b: -power.a };
        step += 1;
    }
    power
};

impl Small {
    /// Takes the lowest digit off and divides by tau.
    #[inline]
    fn take_digit(&mut self, alphas: &Alphas) -> i16 {
        let mut digit = 0;
        if self.a & 1 == 1 {
            digit = self.residue(alphas.width);
            let Self { a, b } = alphas.elements[(digit.unsigned_abs() / 2) as usize];
            let sign = digit.signum();
            (self.a, self.b) = (self.a - sign * a, self.b - sign * b);
        }
        // With 2 = -tau (tau + 1).
        let half = self.a >> 1;
        (self.a, self.b) = (self.b - half, -half);
        digit as i16
    }
}

fn from_small(value: i64) -> Integer {
    let sign = (value >> 63).cast_unsigned();
    Integer([value.cast_unsigned(), sign, sign, sign, sign])
}

impl Integer {
    /// The integer, if it has at most `LOW_BITS` bits.
    fn as_small(self) -> Option<i64> {
        let value = self.0[0].cast_signed();
        let sign = (value >> 63).cast_unsigned();
        let alone = self.0.iter().skip(1).all(|&word| word == sign);
        (alone && value.unsigned_abs() >> LOW_BITS == 0).then_some(value)
    }

    /// The lowest `LOW_BITS` bits, which become 0.
    fn take_low_bits(&mut self) -> i64 {
        let low = self.0[0] & ((1 << LOW_BITS) - 1);
        self.0[0] ^= low;
        low.cast_signed()
    }

    /// Divided by 2^STEPS, which leaves no remainder.
    fn shifted(self) -> Self {
        let mut shifted = self.0;
        for place in 0..INTEGER_WORDS - 1 {
            shifted[place] = self.0[place] >> STEPS | self.0[place + 1] << (64 - STEPS);
        }
        shifted[INTEGER_WORDS - 1] = (self.0[INTEGER_WORDS - 1].cast_signed() >> STEPS).cast_unsigned();
        Self(shifted)
    }
}

#[cfg(test)]
mod tests {
    use super::super::parameters::{SECT409K1, SECT571K1};
    use super::*;
    use proptest::prelude::*;

    const WIDTHS: [u32; 5] = [3, 5, 6, 7, 10];

    fn assert_sparse(digits: &[i16], width: u32) {
        let places: Vec<_> = digits.iter().enumerate().filter(|(_, digit)| **digit != 0).collect();
        assert!(places.windows(2).all(|pair| pair[1].0 - pair[0].0 >= width as usize));
        assert!(places.iter().all(|(_, digit)| **digit % 2 != 0 && digit.unsigned_abs() < 1 << (width - 1)));
    }

    /// Horner's rule in the integers.
    fn value_over_two(digits: &[i16]) -> Integer {
        let add = |sum: Integer, digit: &i16| sum.plus(sum).plus(from_small(i64::from(*digit)));
        digits.iter().rev().fold(Integer::ZERO, add)
    }

    /// Horner's rule in Z\[tau\].
    fn value_over_tau(digits: &[i16], alphas: &Alphas) -> [Integer; 2] {
        digits.iter().rev().fold([Integer::ZERO; 2], |[r0, r1], digit| {
            let alpha = alphas.elements[usize::from(digit.unsigned_abs() / 2)];
            let sign = i64::from(digit.signum());
            // (r0 + r1 tau) tau = -2 r1 + (r0 - r1) tau
            let twice = r1.plus(r1);
            [twice.opposite().plus(from_small(sign * alpha.a)), r0.minus(r1).plus(from_small(sign * alpha.b))]
        })
    }

    fn norm_bits([r0, r1]: [Integer; 2]) -> u32 {
        let bits = |part: Integer| {
            let magnitude = if part.is_negative() { part.opposite() } else { part };
            (0..320)
                .rev()
                .find(|bit| magnitude.0[bit / 64] >> (bit % 64) & 1 == 1)
                .map_or(0, |bit| bit as u32 + 1)
        };
        bits(r0).max(bits(r1))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn signed_digits_make_the_scalar_again(low: [u64; 4], ones in 0..256_u32) {
            // Also scalars with a long run of ones, which carries far.
            let run: [u64; 4] = std::array::from_fn(|word| {
                u64::MAX.checked_shr(64 - ones.saturating_sub(word as u32 * 64).min(64)).unwrap_or(0)
            });
            for [w0, w1, w2, w3] in [low, run] {
                let scalar = [w0, w1, w2, w3, 0, 0, 0];
                for width in WIDTHS {
                    let digits = non_adjacent_form(&scalar, width);
                    assert_sparse(&digits, width);
                    assert_eq!(value_over_two(&digits), Integer([w0, w1, w2, w3, 0]));
                }
            }
        }

        #[test]
        fn tau_adic_digits_make_the_element_again(words: [u64; 9]) {
            let short = |bits: usize| std::array::from_fn::<_, 9, _>(|i| {
                words[i] & u64::MAX.checked_shr(64_u32.saturating_sub((bits.saturating_sub(i * 64)).min(64) as u32)).unwrap_or(0)
            });
            for bits in [0, 1, 64, 128, 300, 406] {
                let scalar = short(bits);
                check_tau(scalar.first_chunk::<7>().unwrap(), SECT409K1.koblitz.as_ref().unwrap(), 409);
            }
            for bits in [0, 1, 64, 400, 569] {
                check_tau(&short(bits), SECT571K1.koblitz.as_ref().unwrap(), 571);
            }
        }
    }

    /// One digit after the other, on the whole integers.
    fn slow_tau_adic_form([mut r0, mut r1]: [Integer; 2], alphas: &Alphas) -> Vec<i16> {
        let mut digits = vec![];
        while r0 != Integer::ZERO || r1 != Integer::ZERO {
            let mut digit = 0;
            if r0.0[0] & 1 == 1 {
                digit = signed_low_bits(r0.0[0].wrapping_add(r1.0[0].wrapping_mul(TAU)), alphas.width);
                let alpha = alphas.elements[(digit.unsigned_abs() / 2) as usize];
                r0 = r0.minus(from_small(digit.signum() * alpha.a));
                r1 = r1.minus(from_small(digit.signum() * alpha.b));
            }
            digits.push(digit as i16);
            let mut half =
                Integer(std::array::from_fn(|i| r0.0[i] >> 1 | r0.0.get(i + 1).unwrap_or(&0) << 63));
            half.0[4] |= r0.0[4] & 1 << 63;
            (r0, r1) = (r1.minus(half), half.opposite());
        }
        digits
    }

    fn check_tau<const WORDS: usize>(scalar: &[u64; WORDS], koblitz: &Koblitz, degree: usize) {
        let element = reduce_by_delta(scalar, koblitz);
        assert!(norm_bits(element) <= degree as u32 / 2 + 2, "{scalar:x?}: {element:x?}");
        for width in WIDTHS {
            let alphas = Alphas::new(width);
            let digits = tau_adic_form(element, &alphas);
            assert_sparse(&digits, width);
            assert_eq!(value_over_tau(&digits, &alphas), element);
            let slow = slow_tau_adic_form(element, &alphas);
            assert!(digits.starts_with(&slow) && digits[slow.len()..].iter().all(|&digit| digit == 0));
            assert!(
                slow.len() < degree + 8 + width as usize && digits.len() < LONGEST - 48,
                "{}",
                digits.len()
            );
        }
    }

    #[test]
    fn the_ends_of_the_scalars_are_recoded_too() {
        let domain = &SECT409K1;
        let koblitz = domain.koblitz.as_ref().unwrap();
        let mut last = domain.order;
        last[0] -= 1;
        for scalar in [[0; 7], [1, 0, 0, 0, 0, 0, 0], last] {
            check_tau(&scalar, koblitz, 409);
        }
        let domain = &SECT571K1;
        let koblitz = domain.koblitz.as_ref().unwrap();
        let mut last = domain.order;
        last[0] -= 1;
        for scalar in [[0; 9], last] {
            check_tau(&scalar, koblitz, 571);
        }
    }

    #[test]
    fn every_alpha_is_what_its_step_says_and_has_its_residue() {
        for width in 3..=12 {
            let alphas = Alphas::new(width);
            assert_eq!(alphas.elements.len(), 1 << (width - 2));
            let mut made = vec![None; alphas.elements.len()];
            made[0] = Some(Small::ONE);
            for Step { target, source, power, minus, opposite } in &alphas.steps {
                let tau = (0..*power).fold(Small::ONE, |tau, _| tau.times_tau());
                let source: Small = made[*source].expect("made before");
                let (plus, all) = (if *minus { -1 } else { 1 }, if *opposite { -1 } else { 1 });
                let sum = Small { a: all * (source.a + plus * tau.a), b: all * (source.b + plus * tau.b) };
                assert_eq!(made[*target].replace(sum), None);
            }
            for (place, element) in alphas.elements.iter().enumerate() {
                assert_eq!(made[place], Some(*element));
                assert_eq!(element.residue(width), 2 * place as i64 + 1);
                // Short enough that what is left gets shorter with every digit.
                assert!(element.norm() < 1 << width, "{width}: {element:?}");
            }
        }
    }

    #[test]
    fn delta_has_the_order_as_its_norm() {
        // d0^2 - d0 d1 + 2 d1^2, modulo 2^320; and n modulo 2^320.
        let norm =
            |[d0, d1]: [Integer; 2]| d0.times(d0).minus(d0.times(d1)).plus(d1.times(d1)).plus(d1.times(d1));
        let [koblitz_409, koblitz_571] =
            [&SECT409K1.koblitz, &SECT571K1.koblitz].map(|k| k.as_ref().unwrap());
        assert_eq!(norm(koblitz_409.delta).0[..], SECT409K1.order[..5]);
        assert_eq!(norm(koblitz_571.delta).0[..], SECT571K1.order[..5]);
    }
}
