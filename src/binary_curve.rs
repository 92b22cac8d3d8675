//! ECDSA verification on the four binary curves of image signatures: sect409k1, sect409r1, sect571k1, sect571r1.
//!
//! Verification alone, over public data, in variable time: nothing here may be used with a private key.
//!
//! ```text
//! octets ──► point: on the curve, in the subgroup ──► BinaryKey (with a table of multiples)
//!                                                        │
//! digest, r, s ──► u1 = z / s, u2 = r / s ──► u1 G + u2 Q, whose x is r modulo n, or not
//! ```
//!
//! | file | what |
//! |---|---|
//! | `field.rs`, `field/` | GF(2^409) and GF(2^571): portable, and with carry-less multiplication |
//! | `point.rs` | the group in lambda coordinates |
//! | `recoding.rs` | scalars as sums of few powers of 2 or tau |
//! | `multiplication.rs` | tables, and u1 G + u2 Q |
//! | `parameters.rs` | the numbers of SEC 2 |
//!
//! A room of its own: it uses `modular.rs` and nothing else of the crate.

use crate::modular::{Modulus, Residue};

mod field;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod multiplication;
mod parameters;
mod point;
mod recoding;

use field::{Arithmetic, Element, Task, words_from_octets};
use multiplication::{Table, double_multiply};
use parameters::Domain;
use point::Affine;
pub(crate) use recoding::non_adjacent_form;

/// One of the four curves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BinaryCurve {
    Sect409k1,
    Sect409r1,
    Sect571k1,
    Sect571r1,
}

/// Why octets are no public key on a curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PointDefect {
    /// Neither compressed nor uncompressed, or of the wrong length.
    Encoding,
    /// The coordinates are not reduced, or those of no point of the curve.
    NotOnCurve,
    /// A point of the curve, but not of the subgroup that the generator makes.
    OutsideSubgroup,
}

/// A public key: a point of the prime-order subgroup, not infinity, with what verification needs of it.
#[derive(Debug)]
pub(crate) struct BinaryKey {
    curve: BinaryCurve,
    order: Modulus,
    table: KeyTable,
}

#[derive(Debug)]
enum KeyTable {
    Of409(&'static Domain<7>, Table<7>),
    Of571(&'static Domain<9>, Table<9>),
}

impl BinaryKey {
    /// Reads an ECPoint, compressed or uncompressed (SEC 1 section 2.3.4), and validates it (SEC 1 section 3.2.2.1).
    pub(crate) fn read(curve: BinaryCurve, octets: &[u8]) -> Result<Self, PointDefect> {
        let table = field::run(ReadKey { curve, octets })?;
        let order = match &table {
            KeyTable::Of409(domain, _) => octets_from_words(&domain.order),
            KeyTable::Of571(domain, _) => octets_from_words(&domain.order),
        };
        // The orders are odd.
        let order = Modulus::new(&order).ok_or(PointDefect::Encoding)?;
        Ok(Self { curve, order, table })
    }

    pub(crate) fn curve(&self) -> BinaryCurve {
        self.curve
    }

    /// The number with these octets, if it is below the order.
    pub(crate) fn scalar(&self, magnitude: &[u8]) -> Option<Residue> {
        self.order.residue(magnitude)
    }

    /// FIPS 186-5 section 6.4.2 from step 2 on; r and s are not 0.
    pub(crate) fn verify(&self, digest: &[u8], r: &Residue, s: &Residue) -> bool {
        let Some(inverse) = self.order.invert(s) else { return false };
        let z = self.order.reduce(&leftmost_bits(digest, self.order.bits()));
        let [u1, u2] = self.order.multiples(&inverse, [&z, r]).map(|scalar| scalar.to_octets());
        field::run(Verify { table: &self.table, u1: &u1, u2: &u2, r: &r.to_octets() })
    }
}

/// The leftmost `bits` bits of a digest as an integer, the whole digest if it is no longer (FIPS 186-5 section 6.4.2
/// step 2). Bits, not octets: the orders have 407, 409 and 570.
fn leftmost_bits(digest: &[u8], bits: u32) -> Vec<u8> {
    let kept = digest.get(..field::octets_of(bits)).unwrap_or(digest);
    if kept.len() < field::octets_of(bits) {
        return kept.to_vec();
    }
    let shift = bits.wrapping_neg() % 8;
    let before = std::iter::once(&0).chain(kept);
    let pairs = before.zip(kept).map(|(high, low)| u16::from_be_bytes([*high, *low]) >> shift);
    pairs.map(|pair| pair.to_be_bytes()[1]).collect()
}

struct ReadKey<'a> {
    curve: BinaryCurve,
    octets: &'a [u8],
}

impl Task for ReadKey<'_> {
    type Output = Result<KeyTable, PointDefect>;

    fn run(self, field: impl Arithmetic<7> + Arithmetic<9>) -> Self::Output {
        let of_409 = |domain: &'static Domain<7>| {
            let point = read_point(field, domain, self.octets)?;
            Ok(KeyTable::Of409(domain, Table::of_key(field, domain, &point)))
        };
        let of_571 = |domain: &'static Domain<9>| {
            let point = read_point(field, domain, self.octets)?;
            Ok(KeyTable::Of571(domain, Table::of_key(field, domain, &point)))
        };
        match self.curve {
            BinaryCurve::Sect409k1 => of_409(&parameters::SECT409K1),
            BinaryCurve::Sect409r1 => of_409(&parameters::SECT409R1),
            BinaryCurve::Sect571k1 => of_571(&parameters::SECT571K1),
            BinaryCurve::Sect571r1 => of_571(&parameters::SECT571R1),
        }
    }
}

fn read_point<F: Arithmetic<WORDS>, const WORDS: usize>(
    field: F,
    domain: &Domain<WORDS>,
    octets: &[u8],
) -> Result<Affine<WORDS>, PointDefect> {
    let (&form, coordinates) = octets.split_first().ok_or(PointDefect::Encoding)?;
    let length = field::octets_of(F::DEGREE);
    let (x, y) = coordinates.split_at_checked(length).ok_or(PointDefect::Encoding)?;
    let element = |octets: &[u8]| Element::from_octets(octets, F::DEGREE).ok_or(PointDefect::NotOnCurve);
    let point = match (form, y.len()) {
        (2 | 3, 0) => decompress(field, domain, &element(x)?, form == 3)?,
        (4, rest) if rest == length => uncompressed(field, domain, &element(x)?, &element(y)?)?,
        (6 | 7, rest) if rest == length => hybrid(field, domain, &element(x)?, &element(y)?, form == 7)?,
        _ => return Err(PointDefect::Encoding),
    };
    if is_in_subgroup(field, domain, &point) { Ok(point) } else { Err(PointDefect::OutsideSubgroup) }
}

fn uncompressed<F: Arithmetic<WORDS>, const WORDS: usize>(
    field: F,
    domain: &Domain<WORDS>,
    x: &Element<WORDS>,
    y: &Element<WORDS>,
) -> Result<Affine<WORDS>, PointDefect> {
    let Some(point) = Affine::from_coordinates(field, x, y) else {
        // x = 0: on the curve if y^2 = b, and then of order 2.
        let of_order_2 = field.square(y) == domain.b;
        return Err(if of_order_2 { PointDefect::OutsideSubgroup } else { PointDefect::NotOnCurve });
    };
    if point.is_on_curve(field, domain.a, &domain.b) { Ok(point) } else { Err(PointDefect::NotOnCurve) }
}

/// The hybrid form: both coordinates, and the bit that the compressed form has, which must fit (X9.62 section 4.3.7).
fn hybrid<F: Arithmetic<WORDS>, const WORDS: usize>(
    field: F,
    domain: &Domain<WORDS>,
    x: &Element<WORDS>,
    y: &Element<WORDS>,
    lowest_bit: bool,
) -> Result<Affine<WORDS>, PointDefect> {
    let point = uncompressed(field, domain, x, y)?;
    // y / x = λ + x.
    let fits = point.x.plus(&point.lambda).lowest_bit() == lowest_bit;
    if fits { Ok(point) } else { Err(PointDefect::Encoding) }
}

/// SEC 1 section 2.3.4 step 2.4.2: y = x z, where z^2 + z = x + a + b / x^2 and the lowest coefficient of z is given.
fn decompress<F: Arithmetic<WORDS>, const WORDS: usize>(
    field: F,
    domain: &Domain<WORDS>,
    x: &Element<WORDS>,
    lowest_bit: bool,
) -> Result<Affine<WORDS>, PointDefect> {
    if x.is_zero() {
        // y = sqrt(b), of order 2, whatever the bit says.
        return Err(PointDefect::OutsideSubgroup);
    }
    let inverse_squared = field.square(&field.invert(x));
    let mut beta = x.plus(&field.multiply(&domain.b, &inverse_squared));
    if domain.a {
        beta = beta.plus_one();
    }
    if field.trace(&beta) {
        return Err(PointDefect::NotOnCurve);
    }
    let mut z = field.half_trace(&beta);
    if z.lowest_bit() != lowest_bit {
        z = z.plus_one();
    }
    Ok(Affine { x: *x, lambda: x.plus(&z) })
}

/// Whether a point of the curve lies in the subgroup of odd prime order n.
///
/// P is twice a point of the curve if and only if Tr(x) = Tr(a) (Seroussi, "Compact representation of elliptic curve
/// points over F(2^n)", 1998). With cofactor 2 the doubles are the subgroup, and that is all. With cofactor 4 (a = 0;
/// the points are a cyclic group of order 4n) P has to be twice a double: its halves are (u, v) with
/// u^2 = y + x (z + 1), where z^2 + z = x + a (Knudsen, "Elliptic scalar multiplication using point halving", 1999), and
/// Tr(u) = Tr(u^2). The two halves differ by the point of order 2, which is a double, so either will do.
///
/// One half-trace and a multiplication, not a multiplication by n.
fn is_in_subgroup<F: Arithmetic<WORDS>, const WORDS: usize>(
    field: F,
    domain: &Domain<WORDS>,
    point: &Affine<WORDS>,
) -> bool {
    if field.trace(&point.x) != domain.a {
        return false;
    }
    if !domain.cofactor_is_4 {
        return true;
    }
    let z = field.half_trace(&point.x);
    // y = x (lambda + x), so y + x (z + 1) = x (lambda + x + z + 1).
    let factor = point.lambda.plus(&point.x).plus(&z).plus_one();
    !field.trace(&field.multiply(&point.x, &factor))
}

struct Verify<'a> {
    table: &'a KeyTable,
    u1: &'a [u8],
    u2: &'a [u8],
    r: &'a [u8],
}

impl Task for Verify<'_> {
    type Output = bool;

    fn run(self, field: impl Arithmetic<7> + Arithmetic<9>) -> bool {
        match self.table {
            KeyTable::Of409(domain, table) => self.holds(field, domain, table),
            KeyTable::Of571(domain, table) => self.holds(field, domain, table),
        }
        .unwrap_or(false)
    }
}

impl Verify<'_> {
    fn holds<F: Arithmetic<WORDS>, const WORDS: usize>(
        &self,
        field: F,
        domain: &Domain<WORDS>,
        table: &Table<WORDS>,
    ) -> Option<bool> {
        let (u1, u2) = (words_from_octets(self.u1)?, words_from_octets(self.u2)?);
        let sum = double_multiply(field, domain, &u1, &u2, table);
        if sum.is_infinity() {
            return Some(false);
        }
        let mut candidates = coordinates_of(words_from_octets(self.r)?, &domain.order, F::DEGREE);
        Some(candidates.any(|x| sum.has_x(field, &x)))
    }
}

/// The field elements whose octets, as an integer, are r modulo n: r, r + n, ... below 2^m. They are about as many as the
/// cofactor; where n is below a power of two, one more: at most 5, 2, 4 and 3 on sect409k1, sect409r1, sect571k1 and
/// sect571r1. x = X / Z is one of them if and only if the signature holds, and that is asked without an inversion.
fn coordinates_of<const WORDS: usize>(
    r: [u64; WORDS],
    order: &[u64; WORDS],
    degree: u32,
) -> impl Iterator<Item = Element<WORDS>> {
    let next = |value: &[u64; WORDS]| Some(sum_of_words(value, order));
    let past = move |value: &[u64; WORDS]| value.last().is_some_and(|last| last >> (degree % 64) != 0);
    std::iter::successors(Some(r), next).take_while(move |value| !past(value)).map(Element)
}

/// The sum of two numbers that leave the highest bit of the last word free.
fn sum_of_words<const WORDS: usize>(a: &[u64; WORDS], b: &[u64; WORDS]) -> [u64; WORDS] {
    let (mut sum, mut carry) = (*a, false);
    for (word, other) in sum.iter_mut().zip(b) {
        let (partial, over) = word.overflowing_add(*other);
        let (total, over_again) = partial.overflowing_add(u64::from(carry));
        (*word, carry) = (total, over || over_again);
    }
    sum
}

fn octets_from_words<const WORDS: usize>(words: &[u64; WORDS]) -> Vec<u8> {
    words.iter().rev().flat_map(|word| word.to_be_bytes()).collect()
}
