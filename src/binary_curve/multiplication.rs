//! u1 G + u2 Q, with one chain of doublings, or Frobenius maps, for both (Straus; Guide to Elliptic Curve Cryptography,
//! algorithm 3.51 and 3.70).
//!
//! Field operations of one sum, on average, with the generator's table made; of a verification there is one multiplication
//! more for each candidate of x (one to five). And those of a key's table, which reading a key takes besides its own: an
//! inversion, the curve equation, and on the Koblitz curves a half-trace.
//!
//! | curve | a sum: multiplications | squarings | a key's table: multiplications | squarings |
//! |---|---|---|---|---|
//! | sect409k1 | 752 | 1403 | 211 | 452 |
//! | sect409r1 | 2208 | 1813 | 271 | 444 |
//! | sect571k1 | 1063 | 1966 | 213 | 614 |
//! | sect571r1 | 3086 | 2537 | 273 | 606 |
//!
//! On a Koblitz curve nearly all multiplications belong to additions, 8 for each of about m / 11 + m / 7; wider windows
//! leave fewer, at the price of longer tables. On a random curve three quarters belong to doublings. Half as many doublings
//! would do with scalars of half the length, from R recovered from r (Antipa, Brown, Gallant, Lambert, Struik, Vanstone,
//! "Accelerated verification of ECDSA signatures", 2005), which costs a table of R's multiples in each verification: not
//! tried.

use std::sync::OnceLock;

use super::field::Arithmetic;
use super::parameters::{Domain, Koblitz};
use super::point::{Affine, Projective, normalize};
use super::recoding::{Alphas, Step, non_adjacent_form, reduce_by_delta, tau_adic_form};

/// The width of the windows over the generator's multiples: one addition in 11 places, 256 points, made once.
const GENERATOR_WIDTH: u32 = 10;
/// The width of the windows over a key's multiples: one addition in 7 places, 16 points, made when the key is read.
pub(super) const KEY_WIDTH: u32 = 6;

static GENERATOR_ALPHAS: OnceLock<Alphas> = OnceLock::new();
static KEY_ALPHAS: OnceLock<Alphas> = OnceLock::new();

/// Multiples of a point: by 1, 3, 5, ..., 2^(w-1) - 1 on a random curve, by `alpha_1`, `alpha_3`, ... on a Koblitz curve.
#[derive(Debug)]
pub(super) struct Table<const WORDS: usize> {
    width: u32,
    points: Vec<Affine<WORDS>>,
}

impl<const WORDS: usize> Table<WORDS> {
    /// The multiples of a key.
    pub(super) fn of_key<F: Arithmetic<WORDS>>(
        field: F,
        domain: &Domain<WORDS>,
        point: &Affine<WORDS>,
    ) -> Self {
        let alphas = domain.koblitz.is_some().then(key_alphas);
        Self::new(field, domain, point, KEY_WIDTH, alphas)
    }

    fn of_generator<F: Arithmetic<WORDS>>(field: F, domain: &Domain<WORDS>) -> Self {
        let alphas = domain.koblitz.is_some().then(generator_alphas);
        let (x, y) = &domain.generator;
        let points = Affine::from_coordinates(field, x, y)
            .map(|point| Self::new(field, domain, &point, GENERATOR_WIDTH, alphas));
        points.unwrap_or(Self { width: GENERATOR_WIDTH, points: Vec::new() })
    }

    fn new<F: Arithmetic<WORDS>>(
        field: F,
        domain: &Domain<WORDS>,
        point: &Affine<WORDS>,
        width: u32,
        alphas: Option<&Alphas>,
    ) -> Self {
        let points = match alphas {
            Some(alphas) => alpha_multiples(field, point, alphas),
            None => odd_multiples(field, domain.a, point, width),
        };
        Self { width, points: normalize(field, &points) }
    }

    /// The multiple that a digit stands for, unless that is 0.
    fn multiple(&self, digit: i16) -> Option<Affine<WORDS>> {
        if digit == 0 {
            return None;
        }
        let point = self.points.get(usize::from(digit.unsigned_abs() / 2))?;
        Some(if digit < 0 { point.opposite() } else { *point })
    }
}

fn generator_alphas() -> &'static Alphas {
    GENERATOR_ALPHAS.get_or_init(|| Alphas::new(GENERATOR_WIDTH))
}

fn key_alphas() -> &'static Alphas {
    KEY_ALPHAS.get_or_init(|| Alphas::new(KEY_WIDTH))
}

/// P, 3P, 5P, ..., each the sum of the one before and 2P.
fn odd_multiples<F: Arithmetic<WORDS>, const WORDS: usize>(
    field: F,
    a: bool,
    point: &Affine<WORDS>,
    width: u32,
) -> Vec<Projective<WORDS>> {
    let twice = point.projective().double(field, a);
    let count = 1_usize << width.saturating_sub(2);
    let next = |multiple: &Projective<WORDS>| Some(multiple.add(field, a, &twice));
    std::iter::successors(Some(point.projective()), next).take(count).collect()
}

/// `alpha_u` P for every u, each one addition away from one before. a is 0.
fn alpha_multiples<F: Arithmetic<WORDS>, const WORDS: usize>(
    field: F,
    point: &Affine<WORDS>,
    alphas: &Alphas,
) -> Vec<Projective<WORDS>> {
    let one = |power: &Affine<WORDS>| Some(power.frobenius(field, 1));
    let places = usize::try_from(alphas.width).unwrap_or(0).saturating_add(1);
    let powers: Vec<_> = std::iter::successors(Some(*point), one).take(places).collect();
    let mut multiples = vec![point.projective(); alphas.elements.len()];
    for Step { target, source, power, minus, opposite } in &alphas.steps {
        let (Some(source), Some(power)) = (multiples.get(*source), powers.get(*power)) else { continue };
        let power = if *minus { power.opposite() } else { *power };
        let sum = source.add_affine(field, false, &power);
        let sum = if *opposite { sum.opposite() } else { sum };
        if let Some(multiple) = multiples.get_mut(*target) {
            *multiple = sum;
        }
    }
    multiples
}

/// u1 G + u2 Q. The scalars are below the order.
pub(super) fn double_multiply<F: Arithmetic<WORDS>, const WORDS: usize>(
    field: F,
    domain: &Domain<WORDS>,
    u1: &[u64; WORDS],
    u2: &[u64; WORDS],
    key: &Table<WORDS>,
) -> Projective<WORDS> {
    let generator = domain.generator_table.get_or_init(|| Table::of_generator(field, domain));
    let terms = match &domain.koblitz {
        Some(koblitz) => [
            (tau_adic(u1, koblitz, generator_alphas()), generator),
            (tau_adic(u2, koblitz, key_alphas()), key),
        ],
        None => {
            [(non_adjacent_form(u1, generator.width), generator), (non_adjacent_form(u2, key.width), key)]
        }
    };
    match &domain.koblitz {
        Some(_) => sum_over_tau(field, &terms),
        None => sum_over_two(field, domain.a, &terms),
    }
}

fn tau_adic<const WORDS: usize>(scalar: &[u64; WORDS], koblitz: &Koblitz, alphas: &Alphas) -> Vec<i16> {
    tau_adic_form(reduce_by_delta(scalar, koblitz), alphas)
}

type Term<'a, const WORDS: usize> = (Vec<i16>, &'a Table<WORDS>);

/// The multiples that are due at one place.
fn due<const WORDS: usize>(terms: &[Term<'_, WORDS>], place: usize) -> impl Iterator<Item = Affine<WORDS>> {
    terms.iter().filter_map(move |(digits, table)| table.multiple(*digits.get(place)?))
}

fn places<const WORDS: usize>(terms: &[Term<'_, WORDS>]) -> usize {
    terms.iter().map(|(digits, _)| digits.len()).max().unwrap_or(0)
}

/// The sum of the terms, whose digits count powers of 2.
fn sum_over_two<F: Arithmetic<WORDS>, const WORDS: usize>(
    field: F,
    a: bool,
    terms: &[Term<'_, WORDS>],
) -> Projective<WORDS> {
    let mut sum = Projective::INFINITY;
    for place in (0..places(terms)).rev() {
        let mut multiples = due(terms, place);
        sum = match multiples.next() {
            Some(multiple) => sum.double_and_add(field, a, &multiple),
            None => sum.double(field, a),
        };
        for multiple in multiples {
            sum = sum.add_affine(field, a, &multiple);
        }
    }
    sum
}

/// The sum of the terms, whose digits count powers of tau.
fn sum_over_tau<F: Arithmetic<WORDS>, const WORDS: usize>(
    field: F,
    terms: &[Term<'_, WORDS>],
) -> Projective<WORDS> {
    let mut sum = Projective::INFINITY;
    // Frobenius maps that are due, so that a run of them is one call.
    let mut maps = 0_usize;
    for place in (0..places(terms)).rev() {
        maps = maps.saturating_add(1);
        for multiple in due(terms, place) {
            sum = sum.frobenius(field, std::mem::take(&mut maps)).add_affine(field, false, &multiple);
        }
    }
    sum.frobenius(field, maps)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::super::field::{Element, Portable};
    use super::super::parameters::{SECT409K1, SECT409R1, SECT571K1, SECT571R1};
    use super::*;
    use proptest::prelude::*;

    /// One bit after the other.
    fn slow_multiple<const WORDS: usize>(
        domain: &Domain<WORDS>,
        scalar: &[u64; WORDS],
        point: &Projective<WORDS>,
    ) -> Projective<WORDS>
    where
        Portable: Arithmetic<WORDS>,
    {
        (0..WORDS * 64).rev().fold(Projective::INFINITY, |sum, bit| {
            let sum = sum.double(Portable, domain.a);
            if scalar[bit / 64] >> (bit % 64) & 1 == 1 { sum.add(Portable, domain.a, point) } else { sum }
        })
    }

    fn generator<const WORDS: usize>(domain: &Domain<WORDS>) -> Affine<WORDS>
    where
        Portable: Arithmetic<WORDS>,
    {
        let (x, y) = &domain.generator;
        Affine::from_coordinates(Portable, x, y).unwrap()
    }

    fn assert_same<const WORDS: usize>(p: &Projective<WORDS>, q: &Projective<WORDS>, a: bool, what: &str)
    where
        Portable: Arithmetic<WORDS>,
    {
        assert!(p.add(Portable, a, &q.opposite()).is_infinity(), "{what}");
    }

    fn small<const WORDS: usize>(domain: &Domain<WORDS>, value: i64) -> [u64; WORDS] {
        let mut words = [0; WORDS];
        words[0] = value.unsigned_abs();
        if value < 0 {
            words = domain.order;
            words[0] -= value.unsigned_abs();
        }
        words
    }

    /// Small multiples of keys that are small multiples of G: every kind of coincidence inside the sum.
    fn coincidences<const WORDS: usize>(domain: &Domain<WORDS>)
    where
        Portable: Arithmetic<WORDS>,
    {
        let g = generator(domain).projective();
        for d in [1, -1, 2, -2] {
            let key = slow_multiple(domain, &small(domain, d), &g);
            let table = Table::of_key(Portable, domain, &normalize(Portable, &[key])[0]);
            for (u1, u2) in
                [(0, 0), (0, 1), (1, 0), (1, 1), (1, -1), (2, 1), (-2, 1), (4, 2), (3, -1), (-1, 0), (0, -1)]
            {
                let sum = double_multiply(Portable, domain, &small(domain, u1), &small(domain, u2), &table);
                let expected = slow_multiple(domain, &small(domain, u1 + u2 * d), &g);
                assert_same(&sum, &expected, domain.a, &format!("{u1} G + {u2} * {d} G"));
            }
        }
    }

    #[test]
    fn sums_with_coinciding_points_are_right() {
        coincidences(&SECT409K1);
        coincidences(&SECT409R1);
        coincidences(&SECT571K1);
        coincidences(&SECT571R1);
    }

    #[test]
    fn the_order_takes_the_generator_to_infinity_and_nothing_less_does() {
        fn check<const WORDS: usize>(domain: &Domain<WORDS>)
        where
            Portable: Arithmetic<WORDS>,
        {
            let g = generator(domain).projective();
            assert!(slow_multiple(domain, &domain.order, &g).is_infinity());
            let last = slow_multiple(domain, &small(domain, -1), &g);
            assert_same(&last, &g.opposite(), domain.a, "(n - 1) G");
        }
        check(&SECT409K1);
        check(&SECT409R1);
        check(&SECT571K1);
        check(&SECT571R1);
    }

    fn any_scalars<const WORDS: usize>(domain: &Domain<WORDS>, words: [[u64; 9]; 3])
    where
        Portable: Arithmetic<WORDS>,
    {
        // Below the order: its highest bit is left out.
        let [d, u1, u2] = words.map(|words| {
            let mut scalar: [u64; WORDS] = *words.first_chunk().unwrap();
            scalar[WORDS - 1] &= (1 << domain.order[WORDS - 1].ilog2()) - 1;
            scalar
        });
        let g = generator(domain);
        let key = normalize(Portable, &[slow_multiple(domain, &d, &g.projective())])[0];
        let table = Table::of_key(Portable, domain, &key);
        let sum = double_multiply(Portable, domain, &u1, &u2, &table);
        let (first, second) =
            (slow_multiple(domain, &u1, &g.projective()), slow_multiple(domain, &u2, &key.projective()));
        assert_same(&sum, &first.add(Portable, domain.a, &second), domain.a, "u1 G + u2 Q");
    }

    /// Counts multiplications and squarings.
    #[derive(Clone, Copy)]
    struct Counting<'a>(&'a Cell<[usize; 2]>);

    impl Counting<'_> {
        fn count(self, multiplications: usize, squarings: usize) {
            let [m, s] = self.0.get();
            self.0.set([m + multiplications, s + squarings]);
        }
    }

    impl<const WORDS: usize> Arithmetic<WORDS> for Counting<'_>
    where
        Portable: Arithmetic<WORDS>,
    {
        const DEGREE: u32 = <Portable as Arithmetic<WORDS>>::DEGREE;
        const TRACES: Element<WORDS> = <Portable as Arithmetic<WORDS>>::TRACES;

        fn multiply(self, a: &Element<WORDS>, b: &Element<WORDS>) -> Element<WORDS> {
            self.count(1, 0);
            Portable.multiply(a, b)
        }

        fn square(self, a: &Element<WORDS>) -> Element<WORDS> {
            self.count(0, 1);
            Portable.square(a)
        }
    }

    /// Of eight sums with scalars that look random, and of one key's table: multiplications and squarings.
    fn operations<const WORDS: usize>(domain: &Domain<WORDS>) -> ([usize; 2], [usize; 2])
    where
        Portable: Arithmetic<WORDS>,
    {
        let (count, mut scalar) = (Cell::new([0; 2]), domain.generator.0.0);
        let table = Table::of_key(Counting(&count), domain, &generator(domain));
        let of_table = count.replace([0; 2]);
        let mut next = || {
            scalar =
                scalar.map(|word| word.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29) ^ 0x5bd1_e995);
            scalar[WORDS - 1] &= (1 << domain.order[WORDS - 1].ilog2()) - 1;
            scalar
        };
        // The generator's table is made the first time.
        double_multiply(Portable, domain, &next(), &next(), &table);
        for _ in 0..8 {
            double_multiply(Counting(&count), domain, &next(), &next(), &table);
        }
        (count.get().map(|operations| operations / 8), of_table)
    }

    /// The table at the head of this file.
    #[test]
    fn field_operations_are_as_many_as_the_documentation_says() {
        for (name, (of_sum, of_table), documented) in [
            ("sect409k1", operations(&SECT409K1), ([752, 1403], [211, 452])),
            ("sect409r1", operations(&SECT409R1), ([2208, 1813], [271, 444])),
            ("sect571k1", operations(&SECT571K1), ([1063, 1966], [213, 614])),
            ("sect571r1", operations(&SECT571R1), ([3086, 2537], [273, 606])),
        ] {
            let near = |found: usize, documented: usize| found.abs_diff(documented) * 50 <= documented;
            let fits = (0..2).all(|i| near(of_sum[i], documented.0[i]) && of_table[i] == documented.1[i]);
            assert!(fits, "{name}: {of_sum:?} a sum, {of_table:?} a table, documented as {documented:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2))]

        #[test]
        fn sums_agree_with_one_bit_after_the_other(words: [[u64; 9]; 3]) {
            any_scalars(&SECT409K1, words);
            any_scalars(&SECT409R1, words);
            any_scalars(&SECT571K1, words);
            any_scalars(&SECT571R1, words);
        }
    }
}
