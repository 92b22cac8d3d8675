//! The remainder of a long division, a word of the quotient after the other (Knuth, The Art of Computer Programming,
//! volume 2, section 4.3.1, algorithm D), each guessed with the reciprocal of the divisor's highest word (Möller and
//! Granlund, "Improved division by invariant integers", 2011, algorithm 4).
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "indices below the lengths of the two numbers; products of words and what is added to them fit into 128 \
              bits; `as` takes the low word"
)]

/// The number, words lowest first, modulo a divisor whose highest word is not 0: as many words as that.
pub(super) fn remainder(number: &[u64], divisor: &[u64]) -> Vec<u64> {
    let length = divisor.len();
    let shift = divisor[length - 1].leading_zeros();
    let divisor = shifted(divisor, shift);
    let (divisor, _) = divisor.split_at(length);
    let mut number = shifted(number, shift);
    let reciprocal = Reciprocal::new(divisor[length - 1]);
    for place in (0..number.len().saturating_sub(length)).rev() {
        subtract_multiple(&mut number[place..=place + length], divisor, &reciprocal);
    }
    number.resize(length, 0);
    for i in 0..length {
        let above = number.get(i + 1).map_or(0, |&above| (u128::from(above) << 64 >> shift) as u64);
        number[i] = number[i] >> shift | above;
    }
    number
}

/// The words, some bits further up, and one word more.
fn shifted(words: &[u64], shift: u32) -> Vec<u64> {
    let mut shifted = Vec::with_capacity(words.len() + 1);
    let mut below = 0;
    for &word in words {
        let wide = u128::from(word) << shift;
        shifted.push(wide as u64 | below);
        below = (wide >> 64) as u64;
    }
    shifted.push(below);
    shifted
}

/// Brings a number of one word more than the divisor, whose quotient is one word, below the divisor.
fn subtract_multiple(number: &mut [u64], divisor: &[u64], reciprocal: &Reciprocal) {
    let length = divisor.len();
    let next = length.checked_sub(2).map(|next| (divisor[next], number[next]));
    let quotient = reciprocal.guess(number[length], number[length - 1], next);
    if quotient == 0 {
        return;
    }
    let mut borrow = 0;
    for (word, factor) in number.iter_mut().zip(divisor) {
        let product = u128::from(*factor) * u128::from(quotient) + u128::from(borrow);
        let (difference, under) = word.overflowing_sub(product as u64);
        (*word, borrow) = (difference, (product >> 64) as u64 + u64::from(under));
    }
    let (difference, too_much) = number[length].overflowing_sub(borrow);
    number[length] = difference;
    if too_much {
        add(number, divisor);
    }
}

/// Adds the divisor once: the guess was one too high. The number was below 0, so that a carry leaves it.
fn add(number: &mut [u64], divisor: &[u64]) {
    let mut carry = 0;
    for (word, summand) in number.iter_mut().zip(divisor) {
        let sum = u128::from(*word) + u128::from(*summand) + u128::from(carry);
        (*word, carry) = (sum as u64, (sum >> 64) as u64);
    }
    number[divisor.len()] = number[divisor.len()].wrapping_add(carry);
}

/// A word whose highest bit is set, and floor((2^128 - 1) / word) - 2^64.
struct Reciprocal {
    word: u64,
    reciprocal: u64,
}

impl Reciprocal {
    fn new(word: u64) -> Self {
        Self { word, reciprocal: (u128::MAX / u128::from(word)) as u64 }
    }

    /// The quotient of the three highest words of a number by the two highest of the divisor, or one more; `next` is the
    /// lower word of the divisor's and the lowest of the number's (step D3).
    fn guess(&self, high: u64, low: u64, next: Option<(u64, u64)>) -> u64 {
        let (mut quotient, mut rest) = if high >= self.word {
            // As high as can be, since the number is below 2^64 divisors.
            (u64::MAX, u128::from(low) + u128::from(self.word))
        } else {
            let (quotient, rest) = self.divide(high, low);
            (quotient, u128::from(rest))
        };
        let Some((divisor, number)) = next else { return quotient };
        while rest >> 64 == 0
            && u128::from(quotient) * u128::from(divisor) > (rest << 64 | u128::from(number))
        {
            quotient -= 1;
            rest += u128::from(self.word);
        }
        quotient
    }

    /// Quotient and rest of two words, the higher below `word`.
    fn divide(&self, high: u64, low: u64) -> (u64, u64) {
        let guess =
            u128::from(self.reciprocal) * u128::from(high) + (u128::from(high) << 64 | u128::from(low));
        let mut quotient = ((guess >> 64) as u64).wrapping_add(1);
        let mut rest = low.wrapping_sub(quotient.wrapping_mul(self.word));
        if rest > guess as u64 {
            quotient = quotient.wrapping_sub(1);
            rest = rest.wrapping_add(self.word);
        }
        if rest >= self.word {
            quotient = quotient.wrapping_add(1);
            rest = rest.wrapping_sub(self.word);
        }
        (quotient, rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crypto_bigint::BoxedUint;
    use proptest::prelude::*;

    fn number(words: &[u64]) -> BoxedUint {
        BoxedUint::from_words(words.iter().copied().chain([0; 40]).take(40))
    }

    /// Words at both ends and at the middle, where guesses of the quotient are too high.
    fn word() -> impl Strategy<Value = u64> {
        let high = 1 << 63;
        prop_oneof![
            Just(0),
            Just(1),
            Just(u64::MAX),
            Just(high),
            Just(high - 1),
            Just(high + 1),
            any::<u64>()
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn remainders_agree_with_those_of_crypto_bigint(
            dividend in proptest::collection::vec(word(), 0..20),
            mut divisor in proptest::collection::vec(word(), 1..12),
        ) {
            if let Some(highest) = divisor.last_mut() {
                *highest = (*highest).max(1);
            }
            let theirs = number(&dividend).rem_vartime(&number(&divisor).to_nz().unwrap());
            prop_assert_eq!(number(&remainder(&dividend, &divisor)), theirs);
        }
    }

    #[test]
    fn a_guess_that_is_one_too_high_is_put_right() {
        let high = 1 << 63;
        for (dividend, divisor) in [
            (&[0, 0, high, high - 1][..], &[1, 0, high][..]),
            (&[0, u64::MAX - 1, high], &[u64::MAX, high]),
            (&[3, 0, high], &[1, 0, 1 << 61]),
        ] {
            let theirs = number(dividend).rem_vartime(&number(divisor).to_nz().unwrap());
            assert_eq!(number(&remainder(dividend, divisor)), theirs);
        }
    }
}
