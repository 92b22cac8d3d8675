//! Field arithmetic with the carry-less multiplication of x86-64 (PCLMULQDQ).
//!
//! A product of words is a polynomial in x^64 whose coefficients have 128 bits. Karatsuba's rule is applied to these
//! coefficients before they are joined, so that nothing is shifted or shuffled until the end. Words of a and b stand
//! side by side in one register: `clmul(ab, ab)` of its two halves is their product, and one exclusive or adds both.
//!
//! 24 multiplications of words for GF(2^409) (7 words as 4 and 3: 9 + 6 + 9), 36 for GF(2^571) (3 by 3: 6 * 6); a square
//! takes one for each word. What stands above the degree is reduced two words at a time.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::needless_range_loop,
    reason = "constant indices into arrays whose lengths are in their types; an iterator's closures would be compiled \
              without the target features"
)]

use std::arch::x86_64::{
    __m128i, _mm_alignr_epi8, _mm_and_si128, _mm_clmulepi64_si128, _mm_cvtsi128_si64, _mm_extract_epi64,
    _mm_move_epi64, _mm_set_epi64x, _mm_setzero_si128, _mm_slli_epi64, _mm_srli_epi64, _mm_unpacklo_epi64,
    _mm_xor_si128,
};

use super::{Arithmetic, Element, Portable, Task};

/// Does the work with these instructions if the processor has them, else with portable arithmetic.
pub(super) fn run<T: Task>(task: T) -> T::Output {
    if is_x86_feature_detected!("pclmulqdq") && is_x86_feature_detected!("avx") {
        // SAFETY: the processor has the two features that the function is compiled for.
        #[allow(unsafe_code, reason = "the only way into a function compiled for more than the target has")]
        return unsafe { run_carry_less(task) };
    }
    task.run(Portable)
}

/// Closures inside a function have its target features: handed to the work as its arithmetic, they need no `unsafe`.
#[target_feature(enable = "pclmulqdq,avx")]
fn run_carry_less<T: Task>(task: T) -> T::Output {
    task.run(CarryLess {
        of_409: Field {
            multiply: |a: &_, b: &_| multiply_409(a, b),
            square_times: |a: &_, times| square_times_409(a, times),
            square_three: |elements: [&_; 3], times| square_three_409(elements, times),
        },
        of_571: Field {
            multiply: |a: &_, b: &_| multiply_571(a, b),
            square_times: |a: &_, times| square_times_571(a, times),
            square_three: |elements: [&_; 3], times| square_three_571(elements, times),
        },
    })
}

#[derive(Clone, Copy)]
struct CarryLess<F409, F571> {
    of_409: F409,
    of_571: F571,
}

#[derive(Clone, Copy)]
struct Field<M, S, T> {
    multiply: M,
    square_times: S,
    square_three: T,
}

impl<M, S, T, F571: Copy> Arithmetic<7> for CarryLess<Field<M, S, T>, F571>
where
    M: Fn(&Element<7>, &Element<7>) -> Element<7> + Copy,
    S: Fn(&Element<7>, usize) -> Element<7> + Copy,
    T: Fn([&Element<7>; 3], usize) -> [Element<7>; 3] + Copy,
{
    const DEGREE: u32 = <Portable as Arithmetic<7>>::DEGREE;
    const TRACES: Element<7> = <Portable as Arithmetic<7>>::TRACES;

    #[inline]
    fn multiply(self, a: &Element<7>, b: &Element<7>) -> Element<7> {
        (self.of_409.multiply)(a, b)
    }

    #[inline]
    fn square(self, a: &Element<7>) -> Element<7> {
        (self.of_409.square_times)(a, 1)
    }

    #[inline]
    fn square_times(self, a: &Element<7>, times: usize) -> Element<7> {
        (self.of_409.square_times)(a, times)
    }

    #[inline]
    fn square_three(self, elements: [&Element<7>; 3], times: usize) -> [Element<7>; 3] {
        (self.of_409.square_three)(elements, times)
    }
}

impl<M, S, T, F409: Copy> Arithmetic<9> for CarryLess<F409, Field<M, S, T>>
where
    M: Fn(&Element<9>, &Element<9>) -> Element<9> + Copy,
    S: Fn(&Element<9>, usize) -> Element<9> + Copy,
    T: Fn([&Element<9>; 3], usize) -> [Element<9>; 3] + Copy,
{
    const DEGREE: u32 = <Portable as Arithmetic<9>>::DEGREE;
    const TRACES: Element<9> = <Portable as Arithmetic<9>>::TRACES;

    #[inline]
    fn multiply(self, a: &Element<9>, b: &Element<9>) -> Element<9> {
        (self.of_571.multiply)(a, b)
    }

    #[inline]
    fn square(self, a: &Element<9>) -> Element<9> {
        (self.of_571.square_times)(a, 1)
    }

    #[inline]
    fn square_times(self, a: &Element<9>, times: usize) -> Element<9> {
        (self.of_571.square_times)(a, times)
    }

    #[inline]
    fn square_three(self, elements: [&Element<9>; 3], times: usize) -> [Element<9>; 3] {
        (self.of_571.square_three)(elements, times)
    }
}

/// A word of a and the word of b at the same place.
#[inline]
#[target_feature(enable = "pclmulqdq,avx")]
fn pair(a: u64, b: u64) -> __m128i {
    _mm_set_epi64x(b.cast_signed(), a.cast_signed())
}

#[inline]
#[target_feature(enable = "pclmulqdq,avx")]
fn pairs<const WORDS: usize>(a: &[u64; WORDS], b: &[u64; WORDS]) -> [__m128i; WORDS] {
    let mut pairs = [_mm_setzero_si128(); WORDS];
    for i in 0..WORDS {
        pairs[i] = pair(a[i], b[i]);
    }
    pairs
}

#[inline]
#[target_feature(enable = "pclmulqdq,avx")]
fn add(a: __m128i, b: __m128i) -> __m128i {
    _mm_xor_si128(a, b)
}

#[inline]
#[target_feature(enable = "pclmulqdq,avx")]
fn add_all<const TERMS: usize>(terms: [__m128i; TERMS]) -> __m128i {
    let mut sum = _mm_setzero_si128();
    for term in terms {
        sum = add(sum, term);
    }
    sum
}

/// The product of the two words of a pair.
#[inline]
#[target_feature(enable = "pclmulqdq,avx")]
fn times(pair: __m128i) -> __m128i {
    _mm_clmulepi64_si128::<0x10>(pair, pair)
}

/// 2 words by 2: 3 multiplications.
#[inline]
#[target_feature(enable = "pclmulqdq,avx")]
fn multiply_2([x0, x1]: [__m128i; 2]) -> [__m128i; 3] {
    let (low, high) = (times(x0), times(x1));
    let middle = times(add(x0, x1));
    [low, add(middle, add(low, high)), high]
}

/// 3 words by 3: 6 multiplications.
#[inline]
#[target_feature(enable = "pclmulqdq,avx")]
fn multiply_3([x0, x1, x2]: [__m128i; 3]) -> [__m128i; 5] {
    let (d0, d1, d2) = (times(x0), times(x1), times(x2));
    let (d01, d02, d12) = (times(add(x0, x1)), times(add(x0, x2)), times(add(x1, x2)));
    let (s01, s12) = (add(d0, d1), add(d1, d2));
    [d0, add(d01, s01), add(add(d02, d0), s12), add(d12, s12), d2]
}

/// 4 words by 4: 9 multiplications.
#[inline]
#[target_feature(enable = "pclmulqdq,avx")]
fn multiply_4([x0, x1, x2, x3]: [__m128i; 4]) -> [__m128i; 7] {
    let low = multiply_2([x0, x1]);
    let high = multiply_2([x2, x3]);
    let middle = multiply_2([add(x0, x2), add(x1, x3)]);
    let m0 = add_all([middle[0], low[0], high[0]]);
    let m1 = add_all([middle[1], low[1], high[1]]);
    let m2 = add_all([middle[2], low[2], high[2]]);
    [low[0], low[1], add(low[2], m0), m1, add(high[0], m2), high[1], high[2]]
}

#[target_feature(enable = "pclmulqdq,avx")]
fn multiply_409(Element(a): &Element<7>, Element(b): &Element<7>) -> Element<7> {
    let x = pairs(a, b);
    let low = multiply_4([x[0], x[1], x[2], x[3]]);
    let high = multiply_3([x[4], x[5], x[6]]);
    let middle = multiply_4([add(x[0], x[4]), add(x[1], x[5]), add(x[2], x[6]), x[3]]);
    let mut v = [_mm_setzero_si128(); 13];
    for i in 0..7 {
        v[i] = add(v[i], low[i]);
        v[i + 4] = add(v[i + 4], add(middle[i], low[i]));
    }
    for i in 0..5 {
        v[i + 4] = add(v[i + 4], high[i]);
        v[i + 8] = add(v[i + 8], high[i]);
    }
    store(reduce_409(joined(&v, 0), joined(&v, 7)))
}

#[target_feature(enable = "pclmulqdq,avx")]
fn multiply_571(Element(a): &Element<9>, Element(b): &Element<9>) -> Element<9> {
    let x = pairs(a, b);
    let block = |i: usize| [x[3 * i], x[3 * i + 1], x[3 * i + 2]];
    let sum = |i: usize, j: usize| {
        let (i, j) = (3 * i, 3 * j);
        [add(x[i], x[j]), add(x[i + 1], x[j + 1]), add(x[i + 2], x[j + 2])]
    };
    let (d0, d1, d2) = (multiply_3(block(0)), multiply_3(block(1)), multiply_3(block(2)));
    let (d01, d02, d12) = (multiply_3(sum(0, 1)), multiply_3(sum(0, 2)), multiply_3(sum(1, 2)));
    let mut v = [_mm_setzero_si128(); 17];
    for i in 0..5 {
        let (s01, s12) = (add(d0[i], d1[i]), add(d1[i], d2[i]));
        v[i] = add(v[i], d0[i]);
        v[i + 3] = add(v[i + 3], add(d01[i], s01));
        v[i + 6] = add(v[i + 6], add(add(d02[i], d0[i]), s12));
        v[i + 9] = add(v[i + 9], add(d12[i], s12));
        v[i + 12] = add(v[i + 12], d2[i]);
    }
    store(reduce_571(joined(&v, 0), joined(&v, 9)))
}

/// Pairs of words, from the word `place` on, of a product whose coefficients of 128 bits stand at distances of 64.
#[inline]
#[target_feature(enable = "pclmulqdq,avx")]
fn joined<const COEFFICIENTS: usize, const PAIRS: usize>(
    v: &[__m128i; COEFFICIENTS],
    place: usize,
) -> [__m128i; PAIRS] {
    let mut words = [_mm_setzero_si128(); PAIRS];
    for i in 0..PAIRS {
        let place = place + 2 * i;
        let before = if place == 0 { _mm_setzero_si128() } else { v[place - 1] };
        let at = if place < COEFFICIENTS { v[place] } else { _mm_setzero_si128() };
        let after = if place + 1 < COEFFICIENTS { v[place + 1] } else { _mm_setzero_si128() };
        words[i] = add(at, high_and_low(before, after));
    }
    words
}

/// The high word of the first beside the low word of the second.
#[inline]
#[target_feature(enable = "pclmulqdq,avx")]
fn high_and_low(first: __m128i, second: __m128i) -> __m128i {
    _mm_alignr_epi8::<8>(second, first)
}

/// Two words beside each other in a register; the last has one.
#[inline]
#[target_feature(enable = "pclmulqdq,avx")]
fn load<const WORDS: usize, const VECTORS: usize>(Element(words): &Element<WORDS>) -> [__m128i; VECTORS] {
    let mut vectors = [_mm_setzero_si128(); VECTORS];
    for i in 0..VECTORS {
        vectors[i] = pair(words[2 * i], if 2 * i + 1 < WORDS { words[2 * i + 1] } else { 0 });
    }
    vectors
}

#[inline]
#[target_feature(enable = "pclmulqdq,avx")]
fn store<const WORDS: usize, const VECTORS: usize>(vectors: [__m128i; VECTORS]) -> Element<WORDS> {
    let mut words = [0; WORDS];
    for i in 0..VECTORS {
        words[2 * i] = _mm_cvtsi128_si64(vectors[i]).cast_unsigned();
        if 2 * i + 1 < WORDS {
            words[2 * i + 1] = _mm_extract_epi64::<1>(vectors[i]).cast_unsigned();
        }
    }
    Element(words)
}

/// Modulo x^409 + x^87 + 1. `low` has the words 0 to 6 and one that does not count, `high` the words 7 to 12.
///
/// 409 = 6 * 64 + 25, so x^(64 i) with i >= 7 is x^(64 (i - 7) + 39) + x^(64 (i - 6) + 62).
#[inline]
#[target_feature(enable = "pclmulqdq,avx")]
fn reduce_409(low: [__m128i; 4], mut high: [__m128i; 3]) -> [__m128i; 4] {
    let zero = _mm_setzero_si128();
    // Word 12 reaches up to word 7.
    high[0] = add(high[0], _mm_srli_epi64::<2>(high_and_low(high[2], zero)));
    let (mut places_7, mut places_6, mut places_5) = (high, high, high);
    for i in 0..3 {
        places_7[i] = _mm_slli_epi64::<39>(high[i]);
        places_6[i] = add(_mm_srli_epi64::<25>(high[i]), _mm_slli_epi64::<62>(high[i]));
        places_5[i] = _mm_srli_epi64::<2>(high[i]);
    }
    let c0 = add_all([low[0], places_7[0], high_and_low(zero, places_6[0])]);
    let c2 = add_all([low[1], places_7[1], high_and_low(places_6[0], places_6[1]), places_5[0]]);
    let c4 = add_all([low[2], places_7[2], high_and_low(places_6[1], places_6[2]), places_5[1]]);
    let c6 = add_all([low[3], high_and_low(places_6[2], zero), places_5[2]]);
    // What stands above x^408: 39 bits, which 23 places further up still fit into a word.
    let rest = _mm_srli_epi64::<25>(_mm_move_epi64(c6));
    let mask = _mm_set_epi64x(0, (1 << 25) - 1);
    [
        add(c0, _mm_unpacklo_epi64(rest, _mm_slli_epi64::<23>(rest))),
        add(c2, _mm_srli_epi64::<41>(rest)),
        c4,
        _mm_and_si128(c6, mask),
    ]
}

/// Modulo x^571 + x^10 + x^5 + x^2 + 1. `low` has the words 0 to 8 and one that does not count, `high` the words 9 to 17
/// and a zero.
///
/// 571 = 8 * 64 + 59, so x^(64 i) with i >= 9 is x^(64 (i - 9)) times x^5 + x^7 + x^10 + x^15.
#[inline]
#[target_feature(enable = "pclmulqdq,avx")]
fn reduce_571(low: [__m128i; 5], mut high: [__m128i; 5]) -> [__m128i; 5] {
    let zero = _mm_setzero_si128();
    // Word 17 has 53 bits at most, of which 4 reach up to word 9.
    high[0] = add(high[0], _mm_srli_epi64::<49>(high[4]));
    let (mut c, mut below) = (low, zero);
    for i in 0..5 {
        let word = high[i];
        let factor = [word, _mm_slli_epi64::<2>(word), _mm_slli_epi64::<5>(word), _mm_slli_epi64::<10>(word)];
        let places_9 = _mm_slli_epi64::<5>(add_all(factor));
        let places_8 = add(
            add(_mm_srli_epi64::<59>(word), _mm_srli_epi64::<57>(word)),
            add(_mm_srli_epi64::<54>(word), _mm_srli_epi64::<49>(word)),
        );
        c[i] = add_all([c[i], places_9, high_and_low(below, places_8)]);
        below = places_8;
    }
    let rest = _mm_srli_epi64::<59>(_mm_move_epi64(c[4]));
    let factor = [_mm_slli_epi64::<2>(rest), _mm_slli_epi64::<5>(rest), _mm_slli_epi64::<10>(rest)];
    c[0] = add_all([c[0], rest, add_all(factor)]);
    c[4] = _mm_and_si128(c[4], _mm_set_epi64x(0, (1 << 59) - 1));
    c
}

/// The square of a polynomial: that of each word, as cross products cancel.
#[inline]
#[target_feature(enable = "pclmulqdq,avx")]
fn square_words(a: __m128i) -> [__m128i; 2] {
    [_mm_clmulepi64_si128::<0x00>(a, a), _mm_clmulepi64_si128::<0x11>(a, a)]
}

#[inline]
#[target_feature(enable = "pclmulqdq,avx")]
fn square_409([a0, a2, a4, a6]: [__m128i; 4]) -> [__m128i; 4] {
    let [s0, s1] = square_words(a0);
    let [s2, s3] = square_words(a2);
    let [s4, s5] = square_words(a4);
    let s6 = _mm_clmulepi64_si128::<0x00>(a6, a6);
    let high = [high_and_low(s3, s4), high_and_low(s4, s5), high_and_low(s5, s6)];
    reduce_409([s0, s1, s2, s3], high)
}

#[inline]
#[target_feature(enable = "pclmulqdq,avx")]
fn square_571([a0, a2, a4, a6, a8]: [__m128i; 5]) -> [__m128i; 5] {
    let [s0, s1] = square_words(a0);
    let [s2, s3] = square_words(a2);
    let [s4, s5] = square_words(a4);
    let [s6, s7] = square_words(a6);
    let s8 = _mm_clmulepi64_si128::<0x00>(a8, a8);
    let zero = _mm_setzero_si128();
    let high = [
        high_and_low(s4, s5),
        high_and_low(s5, s6),
        high_and_low(s6, s7),
        high_and_low(s7, s8),
        high_and_low(s8, zero),
    ];
    reduce_571([s0, s1, s2, s3, s4], high)
}

#[target_feature(enable = "pclmulqdq,avx")]
fn square_times_409(a: &Element<7>, times: usize) -> Element<7> {
    let mut power = load(a);
    for _ in 0..times {
        power = square_409(power);
    }
    store(power)
}

#[target_feature(enable = "pclmulqdq,avx")]
fn square_times_571(a: &Element<9>, times: usize) -> Element<9> {
    let mut power = load(a);
    for _ in 0..times {
        power = square_571(power);
    }
    store(power)
}

/// Three at a time: each square waits for the one before, but not for those beside it.
#[target_feature(enable = "pclmulqdq,avx")]
fn square_three_409(elements: [&Element<7>; 3], times: usize) -> [Element<7>; 3] {
    let [mut a, mut b, mut c] = [load(elements[0]), load(elements[1]), load(elements[2])];
    for _ in 0..times {
        (a, b, c) = (square_409(a), square_409(b), square_409(c));
    }
    [store(a), store(b), store(c)]
}

#[target_feature(enable = "pclmulqdq,avx")]
fn square_three_571(elements: [&Element<9>; 3], times: usize) -> [Element<9>; 3] {
    let [mut a, mut b, mut c] = [load(elements[0]), load(elements[1]), load(elements[2])];
    for _ in 0..times {
        (a, b, c) = (square_571(a), square_571(b), square_571(c));
    }
    [store(a), store(b), store(c)]
}
