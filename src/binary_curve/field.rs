//! GF(2^409) and GF(2^571) in polynomial basis.
//!
//! The field polynomials are those of FIPS 186-4 appendix D.1.3 and SEC 2 section 3.5 and 3.6:
//!
//! | field | polynomial | words |
//! |---|---|---|
//! | GF(2^409) | x^409 + x^87 + 1 | 7 |
//! | GF(2^571) | x^571 + x^10 + x^5 + x^2 + 1 | 9 |
//!
//! An [`Element`] is a polynomial below the field polynomial: the coefficient of x^i is bit `i % 64` of word `i / 64`.
//! That is an invariant; [`Element::from_octets`] refuses what is not reduced, and every operation reduces. Addition is
//! exclusive or, and needs no field; the rest is [`Arithmetic`], of which there are two kinds: [`portable`] and, on
//! x86-64, [`carry_less`]. [`run`] chooses between them when the program runs; the third, [`reference`], computes bit by
//! bit and serves the tests.
//!
//! Time depends on the operands: they are public.

#[cfg(all(target_arch = "x86_64", target_pointer_width = "64", not(longhand_portable)))]
mod carry_less;
mod portable;
mod reduction;
#[cfg(any(test, fuzzing))]
pub(super) mod reference;

pub(super) use portable::Portable;

/// An element of the field of `WORDS` words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element<const WORDS: usize>(pub(super) [u64; WORDS]);

impl<const WORDS: usize> Element<WORDS> {
    pub(super) const ZERO: Self = Self([0; WORDS]);
    pub(super) const ONE: Self = Self::small(1);

    /// The element with these lowest coefficients.
    #[allow(clippy::indexing_slicing, reason = "there are words, and the compiler sees it")]
    pub(super) const fn small(coefficients: u64) -> Self {
        let mut words = [0; WORDS];
        words[0] = coefficients;
        Self(words)
    }

    /// The element with these octets, highest coefficients first (SEC 1 section 2.3.6); `None` if the length is not that
    /// of the field or a coefficient of x^m or above is set.
    pub(super) fn from_octets(octets: &[u8], degree: u32) -> Option<Self> {
        if octets.len() != octets_of(degree) {
            return None;
        }
        let element = Self(words_from_octets(octets)?);
        let unused = u64::MAX.checked_shl(degree % 64)?;
        (element.0.last()? & unused == 0).then_some(element)
    }

    pub(super) fn is_zero(&self) -> bool {
        self.0.iter().all(|&word| word == 0)
    }

    /// The coefficient of x^0.
    pub(super) fn lowest_bit(&self) -> bool {
        self.0.first().is_some_and(|word| word & 1 == 1)
    }

    /// The sum, which is the difference too.
    #[inline]
    pub(super) fn plus(&self, other: &Self) -> Self {
        let mut sum = self.0;
        for (word, other) in sum.iter_mut().zip(&other.0) {
            *word ^= other;
        }
        Self(sum)
    }

    /// `self + 1`.
    #[inline]
    pub(super) fn plus_one(&self) -> Self {
        let mut sum = *self;
        if let Some(word) = sum.0.first_mut() {
            *word ^= 1;
        }
        sum
    }
}

/// Octets, most significant first, as words, least significant first; `None` if there are too many.
pub(super) fn words_from_octets<const WORDS: usize>(octets: &[u8]) -> Option<[u64; WORDS]> {
    let mut words = [0; WORDS];
    let mut places = words.iter_mut();
    for chunk in octets.rchunks(8) {
        let value = chunk.iter().fold(0, |value, &octet| value << 8 | u64::from(octet));
        *places.next()? = value;
    }
    Some(words)
}

pub(super) fn octets_of(bits: u32) -> usize {
    usize::try_from(bits.div_ceil(8)).unwrap_or(usize::MAX)
}

/// The operations of one field beyond addition.
pub(super) trait Arithmetic<const WORDS: usize>: Copy {
    /// m of GF(2^m).
    const DEGREE: u32;
    /// The powers of x below m whose trace is 1. The trace is linear: that of an element is the sum of its coefficients
    /// at these powers.
    const TRACES: Element<WORDS>;

    fn multiply(self, a: &Element<WORDS>, b: &Element<WORDS>) -> Element<WORDS>;

    fn square(self, a: &Element<WORDS>) -> Element<WORDS>;

    /// `a ^ (2 ^ times)` for three elements that do not depend on each other: the Frobenius map of a point, `times` over.
    fn square_three(self, elements: [&Element<WORDS>; 3], times: usize) -> [Element<WORDS>; 3] {
        elements.map(|element| self.square_times(element, times))
    }

    /// `a ^ (2 ^ times)`.
    fn square_times(self, a: &Element<WORDS>, times: usize) -> Element<WORDS> {
        let mut power = *a;
        for _ in 0..times {
            power = self.square(&power);
        }
        power
    }

    /// The inverse; that of zero comes out as zero.
    ///
    /// a^-1 = a^(2^m - 2) = (a^(2^(m-1) - 1))^2 by Itoh and Tsujii: with b(k) = a^(2^k - 1), b(j + k) is
    /// b(j)^(2^k) b(k), and the chain follows the bits of m - 1. m - 1 squarings and 10 (m = 409) or 13 (m = 571)
    /// multiplications.
    fn invert(self, a: &Element<WORDS>) -> Element<WORDS> {
        let exponent = Self::DEGREE.saturating_sub(1);
        let (mut power, mut length) = (*a, 1_u32);
        for bit in (0..exponent.checked_ilog2().unwrap_or(0)).rev() {
            let times = usize::try_from(length).unwrap_or(0);
            power = self.multiply(&self.square_times(&power, times), &power);
            length = length.saturating_mul(2);
            if exponent >> bit & 1 == 1 {
                power = self.multiply(&self.square(&power), a);
                length = length.saturating_add(1);
            }
        }
        self.square(&power)
    }

    /// a + a^2 + a^4 + ... + a^(2^(m-1)), which is 0 or 1.
    fn trace(self, a: &Element<WORDS>) -> bool {
        let selected = a.0.iter().zip(&Self::TRACES.0).fold(0, |sum, (word, mask)| sum ^ (word & mask));
        selected.count_ones() % 2 == 1
    }

    /// The half-trace H(a) = a + a^4 + a^16 + ... + a^(4^((m-1)/2)), for odd m: H(a)^2 + H(a) = a + Tr(a), so it solves
    /// z^2 + z = a where the trace of a is 0 (IEEE 1363 appendix A.4.7); the other solution is H(a) + 1.
    ///
    /// m - 1 squarings.
    fn half_trace(self, a: &Element<WORDS>) -> Element<WORDS> {
        let mut sum = *a;
        for _ in 0..Self::DEGREE / 2 {
            sum = self.square_times(&sum, 2).plus(a);
        }
        sum
    }
}

/// Work that is done in a field, whichever arithmetic that has.
pub(super) trait Task {
    type Output;

    fn run(self, field: impl Arithmetic<7> + Arithmetic<9>) -> Self::Output;
}

/// Does the work with the fastest arithmetic that this processor has.
pub(super) fn run<T: Task>(task: T) -> T::Output {
    #[cfg(all(target_arch = "x86_64", target_pointer_width = "64", not(longhand_portable)))]
    {
        carry_less::run(task)
    }
    #[cfg(not(all(target_arch = "x86_64", target_pointer_width = "64", not(longhand_portable))))]
    {
        task.run(Portable)
    }
}

#[cfg(test)]
mod tests {
    use super::reference::Reference;
    use super::*;
    use proptest::prelude::*;

    /// Runs all operations on three elements with the fastest arithmetic.
    struct Everything<const WORDS: usize>([Element<WORDS>; 3]);

    fn everything<const WORDS: usize>(
        field: impl Arithmetic<WORDS>,
        [a, b, c]: &[Element<WORDS>; 3],
    ) -> Vec<Element<WORDS>> {
        let mut results = vec![field.multiply(a, b), field.multiply(b, a), field.square(a)];
        for times in [0, 1, 2, 5] {
            results.push(field.square_times(a, times));
            results.extend(field.square_three([a, b, c], times));
        }
        results
    }

    impl Task for Everything<7> {
        type Output = Vec<Element<7>>;

        fn run(self, field: impl Arithmetic<7> + Arithmetic<9>) -> Self::Output {
            everything(field, &self.0)
        }
    }

    impl Task for Everything<9> {
        type Output = Vec<Element<9>>;

        fn run(self, field: impl Arithmetic<7> + Arithmetic<9>) -> Self::Output {
            everything(field, &self.0)
        }
    }

    fn element<const WORDS: usize>(mut words: [u64; WORDS], degree: usize) -> Element<WORDS> {
        words[WORDS - 1] &= (1 << (degree % 64)) - 1;
        Element(words)
    }

    /// Elements at which carries, windows and reductions have their ends.
    fn edges<const WORDS: usize>(degree: usize) -> Vec<Element<WORDS>> {
        let power = |i: usize| std::array::from_fn(|word| u64::from(word == i / 64) << (i % 64));
        let mut edges = vec![Element::ZERO, element([u64::MAX; WORDS], degree)];
        for word in [0x5555_5555_5555_5555, 0xaaaa_aaaa_aaaa_aaaa, 1 << 63, 0xf, 0xf << 60] {
            edges.push(element([word; WORDS], degree));
        }
        let ends = [0, 1, 62, 63, 64, 65, 86, 87, 320, 321, 383, 384, 407, 408, 448, 511, 512, 561, 569, 570];
        edges.extend(ends.into_iter().filter(|&i| i < degree).map(|i| Element(power(i))));
        edges
    }

    fn assert_agree<const WORDS: usize>(elements: [Element<WORDS>; 3])
    where
        Portable: Arithmetic<WORDS>,
        Reference: Arithmetic<WORDS>,
        Everything<WORDS>: Task<Output = Vec<Element<WORDS>>>,
    {
        let expected = everything(Reference, &elements);
        assert_eq!(everything(Portable, &elements), expected, "portable: {elements:x?}");
        assert_eq!(run(Everything(elements)), expected, "carry-less: {elements:x?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn both_arithmetics_agree_with_the_reference(words: [[u64; 9]; 3]) {
            assert_agree(words.map(|words| element(words, 571)));
            assert_agree(words.map(|words| element(*words.first_chunk::<7>().unwrap(), 409)));
        }

        #[test]
        fn the_field_laws_hold(words: [[u64; 9]; 3]) {
            laws(Portable, words.map(|words| element(words, 571)));
            laws(Portable, words.map(|words| element(*words.first_chunk::<7>().unwrap(), 409)));
        }
    }

    #[test]
    fn both_arithmetics_agree_with_the_reference_at_the_edges() {
        for (i, a) in edges::<7>(409).into_iter().enumerate() {
            edges(409).into_iter().skip(i).for_each(|b| assert_agree([a, b, a.plus(&b)]));
        }
        for (i, a) in edges::<9>(571).into_iter().enumerate() {
            edges(571).into_iter().skip(i).for_each(|b| assert_agree([a, b, a.plus(&b)]));
        }
    }

    /// Not what is computed but what it is for: inverse, trace, half-trace, and the laws of a field.
    fn laws<const WORDS: usize>(field: impl Arithmetic<WORDS>, [a, b, c]: [Element<WORDS>; 3]) {
        let times = |a: &Element<WORDS>, b: &Element<WORDS>| field.multiply(a, b);
        assert_eq!(times(&a, &b.plus(&c)), times(&a, &b).plus(&times(&a, &c)));
        assert_eq!(times(&times(&a, &b), &c), times(&a, &times(&b, &c)));
        assert_eq!(field.square(&a), times(&a, &a));
        assert_eq!(times(&a, &Element::ONE), a);
        let inverse = field.invert(&a);
        assert_eq!(times(&a, &inverse), if a.is_zero() { Element::ZERO } else { Element::ONE });
        assert_eq!(field.trace(&a.plus(&b)), field.trace(&a) ^ field.trace(&b));
        assert_eq!(field.trace(&field.square(&a)), field.trace(&a));
        let z = field.half_trace(&a);
        let expected = if field.trace(&a) { a.plus_one() } else { a };
        assert_eq!(field.square(&z).plus(&z), expected);
    }

    #[test]
    fn the_field_laws_hold_at_the_edges() {
        for a in edges::<7>(409) {
            laws(Portable, [a, Element::ONE, a]);
        }
        for a in edges::<9>(571) {
            laws(Portable, [a, Element::ONE, a]);
        }
    }

    #[test]
    fn the_trace_is_the_sum_of_all_conjugates() {
        for a in edges::<7>(409) {
            assert_eq!(Portable.trace(&a), Reference.trace(&a), "{a:x?}");
        }
        for a in edges::<9>(571) {
            assert_eq!(Portable.trace(&a), Reference.trace(&a), "{a:x?}");
        }
    }

    #[test]
    fn octets_of_another_length_or_past_the_degree_are_no_element() {
        let octets = |first: u8, length: usize| [&[first][..], &vec![0xff; length - 1]].concat();
        for (octets, good) in [
            (octets(0x01, 52), true),
            (octets(0x02, 52), false),
            (octets(0x80, 52), false),
            (octets(0, 51), false),
            (octets(0, 53), false),
        ] {
            assert_eq!(Element::<7>::from_octets(&octets, 409).is_some(), good, "{octets:x?}");
        }
        for (octets, good) in [
            (octets(0x07, 72), true),
            (octets(0x08, 72), false),
            (octets(0x80, 72), false),
            (octets(0, 71), false),
            (octets(0, 73), false),
        ] {
            assert_eq!(Element::<9>::from_octets(&octets, 571).is_some(), good, "{octets:x?}");
        }
        assert!(Element::<7>::from_octets(&[], 409).is_none());
    }
}
