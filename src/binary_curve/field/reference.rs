//! Field arithmetic bit by bit, as its definition reads: what the tests and the fuzz target hold the others against.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "compiled for tests and fuzzing alone, which may panic"
)]

use super::{Arithmetic, Element};

#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Reference;

impl Arithmetic<7> for Reference {
    const DEGREE: u32 = 409;
    const TRACES: Element<7> = Element([0; 7]);

    fn multiply(self, a: &Element<7>, b: &Element<7>) -> Element<7> {
        multiply(a, b, 409, &[0, 87])
    }

    fn square(self, a: &Element<7>) -> Element<7> {
        self.multiply(a, a)
    }

    fn trace(self, a: &Element<7>) -> bool {
        trace(self, a, 409)
    }
}

impl Arithmetic<9> for Reference {
    const DEGREE: u32 = 571;
    const TRACES: Element<9> = Element([0; 9]);

    fn multiply(self, a: &Element<9>, b: &Element<9>) -> Element<9> {
        multiply(a, b, 571, &[0, 2, 5, 10])
    }

    fn square(self, a: &Element<9>) -> Element<9> {
        self.multiply(a, a)
    }

    fn trace(self, a: &Element<9>) -> bool {
        trace(self, a, 571)
    }
}

/// Horner's rule over the bits of a: double, reduce, add b. `low` are the powers of the field polynomial below m.
fn multiply<const WORDS: usize>(
    a: &Element<WORDS>,
    b: &Element<WORDS>,
    degree: usize,
    low: &[usize],
) -> Element<WORDS> {
    let mut product = [0_u64; WORDS];
    for bit in (0..degree).rev() {
        let mut carry = 0;
        for word in &mut product {
            (*word, carry) = (*word << 1 | carry, *word >> 63);
        }
        if product[degree / 64] >> (degree % 64) & 1 == 1 {
            product[degree / 64] ^= 1 << (degree % 64);
            low.iter().for_each(|power| product[power / 64] ^= 1 << (power % 64));
        }
        if a.0[bit / 64] >> (bit % 64) & 1 == 1 {
            product.iter_mut().zip(&b.0).for_each(|(word, other)| *word ^= other);
        }
    }
    Element(product)
}

fn trace<const WORDS: usize>(field: impl Arithmetic<WORDS>, a: &Element<WORDS>, degree: usize) -> bool {
    let (mut sum, mut power) = (*a, *a);
    for _ in 1..degree {
        power = field.square(&power);
        sum = sum.plus(&power);
    }
    assert!(sum.is_zero() || sum == Element::ONE);
    !sum.is_zero()
}
