//! u1 G + u2 Q on secp384r1 and secp521r1, over public data, in variable time, with the fields of the curves' crates.
//!
//! The crates double and add with complete formulas, of 11 to 14 multiplications, and make the key's table anew in each
//! verification. Here both scalars are cut into [`PIECES`], so that a quarter of the doublings does (Yao 1976; Guide to
//! Elliptic Curve Cryptography, section 3.3.2); the tables are affine and kept; and the formulas are the short ones in
//! Jacobian coordinates. `docs/DESIGN.md` has the figures.
//!
//! The short formulas are wrong where a point is added to itself or its opposite. Both leave Z = 0, which stays so to the
//! end: then nothing is decided here, and the caller asks the crate. So these formulas never decide such a case.
#![allow(
    clippy::arithmetic_side_effects,
    reason = "the operators are those of fields; the integers count bits of a curve's order"
)]

use std::sync::OnceLock;

use p384::NistP384;
use p384::elliptic_curve::ff::{Field, PrimeField};
use p384::elliptic_curve::hazmat::FieldArithmetic;
use p384::elliptic_curve::ops::{BatchInvert, Invert as _, Reduce};
use p384::elliptic_curve::point::AffineCoordinates;
use p384::elliptic_curve::{AffinePoint, FieldBytes, Scalar};
use p521::NistP521;

use crate::binary_curve::non_adjacent_form;

/// Into how many pieces a scalar is cut. Measured beside the crate in one run, secp384r1 and secp521r1: 2 pieces 2.8 times
/// its speed with a kept key and 1.6 times with a new one; 4 pieces 4.1 and 3.7, 1.5 and 1.4; 8 pieces 5.2 and 4.5, 1.35
/// and 1.2.
const PIECES: usize = 4;
/// The width of the windows over the generator's multiples: 32 points a piece, made once.
const GENERATOR_WIDTH: u32 = 7;
/// The width of the windows over a key's multiples: 8 points a piece, made by its first verification.
const KEY_WIDTH: u32 = 5;
/// Words of 64 bits for a scalar of either curve and a bit above.
const WORDS: usize = 9;

/// A curve y^2 = x^3 - 3x + b of prime order n below p, with n and p of as many bits.
pub(super) trait PrimeCurve: FieldArithmetic {
    /// The size of the order in bits.
    const BITS: usize;

    /// The generator's multiples.
    fn generator() -> Option<&'static Multiples<Self>>;
}

impl PrimeCurve for NistP384 {
    const BITS: usize = 384;

    fn generator() -> Option<&'static Multiples<Self>> {
        static MULTIPLES: OnceLock<Option<Multiples<NistP384>>> = OnceLock::new();
        let make = || Multiples::new(&AffinePoint::<Self>::GENERATOR, GENERATOR_WIDTH);
        MULTIPLES.get_or_init(make).as_ref()
    }
}

impl PrimeCurve for NistP521 {
    const BITS: usize = 521;

    fn generator() -> Option<&'static Multiples<Self>> {
        static MULTIPLES: OnceLock<Option<Multiples<NistP521>>> = OnceLock::new();
        let make = || Multiples::new(&AffinePoint::<Self>::GENERATOR, GENERATOR_WIDTH);
        MULTIPLES.get_or_init(make).as_ref()
    }
}

/// A key's multiples, once a signature was verified with it.
#[derive(Debug)]
pub(super) struct KeyMultiples<C: PrimeCurve>(OnceLock<Option<Multiples<C>>>);

impl<C: PrimeCurve> KeyMultiples<C> {
    pub(super) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Whether r and s are a signature of `digest` by the key at `point` (FIPS 186-5 section 6.4.2); `None` where that is
    /// not decided here.
    pub(super) fn verify(
        &self,
        point: &AffinePoint<C>,
        digest: &[u8],
        r: &Scalar<C>,
        s: &Scalar<C>,
    ) -> Option<bool> {
        self.decide(point, &scalar_of_digest::<C>(digest), r, s)
    }

    fn decide(
        &self,
        point: &AffinePoint<C>,
        digest: &Scalar<C>,
        r: &Scalar<C>,
        s: &Scalar<C>,
    ) -> Option<bool> {
        let key = self.0.get_or_init(|| Multiples::new(point, KEY_WIDTH)).as_ref()?;
        let inverse = s.invert_vartime().into_option()?;
        let (u1, u2) = (*digest * inverse, *r * inverse);
        let sum = Multiples::sum([(C::generator()?, &u1), (key, &u2)])?;
        if sum.z.is_zero_vartime() {
            return None;
        }
        // x is X / Z^2, and is to be r modulo n: r, or r + n where that is below p.
        let zz = sum.z.square();
        let octets = r.to_repr();
        let x = field_element::<C>(octets)?;
        if x * zz == sum.x {
            return Some(true);
        }
        let order = field_element::<C>((-Scalar::<C>::ONE).to_repr())? + C::FieldElement::ONE;
        let below_field = octets.as_slice() < (-order).to_repr().as_slice();
        Some(below_field && (x + order) * zz == sum.x)
    }
}

/// The leftmost octets, as many as the order has (FIPS 186-5 section 6.4.2 step 2: no digest cuts a bit of 521).
fn scalar_of_digest<C: PrimeCurve>(digest: &[u8]) -> Scalar<C> {
    let mut octets = FieldBytes::<C>::default();
    let used = digest.get(..octets.len()).unwrap_or(digest);
    for (place, octet) in octets.iter_mut().rev().zip(used.iter().rev()) {
        *place = *octet;
    }
    Scalar::<C>::reduce(&octets)
}

fn field_element<C: PrimeCurve>(octets: FieldBytes<C>) -> Option<C::FieldElement> {
    C::FieldElement::from_repr(octets).into_option()
}

#[derive(Clone, Copy, Debug)]
struct Affine<F> {
    x: F,
    y: F,
}

/// X / Z^2, Y / Z^3.
#[derive(Clone, Copy, Debug)]
struct Jacobian<F> {
    x: F,
    y: F,
    z: F,
}

impl<F: Field> Affine<F> {
    fn opposite(&self) -> Self {
        Self { x: self.x, y: -self.y }
    }

    fn to_jacobian(self) -> Jacobian<F> {
        Jacobian { x: self.x, y: self.y, z: F::ONE }
    }
}

impl<F: Field> Jacobian<F> {
    /// dbl-2001-b of the Explicit-Formulas Database, two doublings of field elements shorter: 3 multiplications,
    /// 5 squarings. Right for every point of odd order.
    fn double(&self) -> Self {
        let (delta, gamma) = (self.z.square(), self.y.square());
        let two_gamma = gamma.double();
        let four_beta = (self.x * two_gamma).double();
        let third = (self.x - delta) * (self.x + delta);
        let alpha = third.double() + third;
        let x = alpha.square() - four_beta.double();
        let y = alpha * (four_beta - x) - two_gamma.square().double();
        Self { x, y, z: (self.y + self.z).square() - gamma - delta }
    }

    fn double_times(&self, times: usize) -> Self {
        (0..times).fold(*self, |point, _| point.double())
    }

    /// Guide to Elliptic Curve Cryptography, algorithm 3.22: 8 multiplications, 3 squarings. Z = 0 where x is the same,
    /// whatever the sum is, and where Z was 0.
    fn add(&self, other: &Affine<F>) -> Self {
        let zz = self.z.square();
        let h = other.x * zz - self.x;
        let r = other.y * zz * self.z - self.y;
        let hh = h.square();
        let (hhh, v) = (h * hh, self.x * hh);
        let x = r.square() - hhh - v.double();
        Self { x, y: r * (v - x) - self.y * hhh, z: self.z * h }
    }
}

/// All with one inversion; `None` if a Z is 0.
fn normalize<F: BatchInvert>(points: &[Jacobian<F>]) -> Option<Vec<Affine<F>>> {
    let mut inverses: Vec<_> = points.iter().map(|point| point.z).collect();
    if inverses.iter().any(Field::is_zero_vartime) {
        return None;
    }
    let mut scratch = inverses.clone();
    F::batch_invert_in_place_vartime(&mut inverses, &mut scratch);
    let affine = |(point, inverse): (&Jacobian<F>, &F)| {
        let square = inverse.square();
        Affine { x: point.x * square, y: point.y * square * inverse }
    };
    Some(points.iter().zip(&inverses).map(affine).collect())
}

/// The odd multiples of a point up to `2^(width-1)`, those of `2^height` times the point, of `2^(2 height)` times, and so
/// on: the scalar's bits from `piece * height` on belong to the piece's multiples.
#[derive(Debug)]
pub(super) struct Multiples<C: PrimeCurve> {
    width: u32,
    points: Vec<Affine<C::FieldElement>>,
}

impl<C: PrimeCurve> Multiples<C> {
    /// Bits a piece; a recoded scalar has one more than the scalar.
    const HEIGHT: usize = (C::BITS + 1).div_ceil(PIECES);

    /// No sum here is of a point with itself or its opposite: the order is a prime far above the multiples.
    fn new(point: &AffinePoint<C>, width: u32) -> Option<Self> {
        let point = Affine { x: field_element::<C>(point.x())?, y: field_element::<C>(point.y())? };
        let mut firsts = Vec::new();
        let mut first = point.to_jacobian();
        for piece in 0..PIECES {
            if piece > 0 {
                first = first.double_times(Self::HEIGHT);
            }
            firsts.extend([first, first.double()]);
        }
        let mut odd = Vec::new();
        for pair in normalize(&firsts)?.chunks_exact(2) {
            let (mut multiple, twice) = (pair.first()?.to_jacobian(), pair.last()?);
            odd.push(multiple);
            for _ in 1..1 << (width - 2) {
                multiple = multiple.add(twice);
                odd.push(multiple);
            }
        }
        Some(Self { width, points: normalize(&odd)? })
    }

    /// The sum of the points by these scalars; `None` if both are 0.
    fn sum(terms: [(&Self, &Scalar<C>); 2]) -> Option<Jacobian<C::FieldElement>> {
        let terms = terms.map(|(multiples, scalar)| {
            let count = 1 << (multiples.width - 2);
            (multiples.points.chunks_exact(count), non_adjacent_form(&words::<C>(scalar), multiples.width))
        });
        let mut sum: Option<Jacobian<_>> = None;
        for place in (0..Self::HEIGHT).rev() {
            sum = sum.map(|sum| sum.double());
            for (pieces, digits) in &terms {
                for (piece, points) in pieces.clone().enumerate() {
                    let digit = digits.get(piece * Self::HEIGHT + place).copied().unwrap_or(0);
                    let Some(point) = points.get(usize::from(digit.unsigned_abs() >> 1)) else { continue };
                    let point = match digit {
                        0 => continue,
                        ..0 => point.opposite(),
                        _ => *point,
                    };
                    sum = Some(sum.map_or_else(|| point.to_jacobian(), |sum| sum.add(&point)));
                }
            }
        }
        sum
    }
}

/// The scalar's words, the lowest first.
fn words<C: PrimeCurve>(scalar: &Scalar<C>) -> [u64; WORDS] {
    let octets = scalar.to_repr();
    let mut words = [0; WORDS];
    for (word, octets) in words.iter_mut().zip(octets.rchunks(8)) {
        *word = octets.iter().fold(0, |word, &octet| word << 8 | u64::from(octet));
    }
    words
}

#[cfg(test)]
mod tests {
    use p384::elliptic_curve::ProjectivePoint;
    use p384::elliptic_curve::group::{Curve as _, CurveAffine as _, Group as _};

    use super::*;

    /// splitmix64: the same scalars in each run.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ mixed >> 31
        }

        fn scalar<C: PrimeCurve>(&mut self) -> Scalar<C> {
            let mut octets = FieldBytes::<C>::default();
            octets.iter_mut().skip(1).for_each(|octet| *octet = self.roll().to_le_bytes()[0]);
            Scalar::<C>::reduce(&octets)
        }
    }

    /// What the crate's complete formulas say: x of u1 G + u2 Q is r modulo n.
    fn expected<C: PrimeCurve>(key: AffinePoint<C>, digest: Scalar<C>, r: Scalar<C>, s: Scalar<C>) -> bool {
        let inverse = s.invert_vartime().unwrap();
        let sum = ProjectivePoint::<C>::generator() * (digest * inverse)
            + ProjectivePoint::<C>::from(key) * (r * inverse);
        !bool::from(sum.is_identity()) && Scalar::<C>::reduce(&sum.to_affine().x()) == r
    }

    fn found<C: PrimeCurve>(
        key: AffinePoint<C>,
        digest: Scalar<C>,
        r: Scalar<C>,
        s: Scalar<C>,
    ) -> Option<bool> {
        KeyMultiples::<C>::new().decide(&key, &digest, &r, &s)
    }

    /// The digest, r and s for which a verification comes to u1 G + u2 Q, if that is a point.
    fn signature<C: PrimeCurve>(key: AffinePoint<C>, u1: Scalar<C>, u2: Scalar<C>) -> Option<[Scalar<C>; 3]> {
        let sum = ProjectivePoint::<C>::generator() * u1 + ProjectivePoint::<C>::from(key) * u2;
        let r = Scalar::<C>::reduce(&sum.to_affine().x());
        let s = r * u2.invert_vartime().into_option()?;
        (!bool::from(sum.is_identity())).then_some([u1 * s, r, s])
    }

    fn right_signatures_hold_and_others_do_not<C: PrimeCurve>() {
        let mut dice = Dice(1);
        for _ in 0..4 {
            let key = (ProjectivePoint::<C>::generator() * dice.scalar::<C>()).to_affine();
            let [digest, r, s] = signature::<C>(key, dice.scalar::<C>(), dice.scalar::<C>()).unwrap();
            let one = Scalar::<C>::ONE;
            assert_eq!(found::<C>(key, digest, r, s), Some(true));
            for [digest, r, s] in [[digest + one, r, s], [digest, r + one, s], [digest, r, s + one]] {
                assert_eq!(found::<C>(key, digest, r, s), Some(false));
                assert!(!expected::<C>(key, digest, r, s));
            }
        }
    }

    /// Keys that are small multiples of the generator, and scalars by which the sum meets itself, its opposite or infinity.
    fn what_is_decided_is_what_the_crate_says<C: PrimeCurve>() {
        let mut dice = Dice(2);
        let height = u32::try_from(Multiples::<C>::HEIGHT).unwrap();
        let high = Scalar::<C>::from(2).pow_vartime([u64::from(height)]);
        let (mut decided, mut left) = (0, 0);
        for key in [1, 3] {
            for key in [Scalar::<C>::from(key), -Scalar::<C>::from(key), high * Scalar::<C>::from(key)] {
                let point = (ProjectivePoint::<C>::generator() * key).to_affine();
                let multiples = KeyMultiples::<C>::new();
                for u2 in [1, 16].map(Scalar::<C>::from).into_iter().chain([high, dice.scalar::<C>()]) {
                    let product = key * u2;
                    for u1 in
                        [Scalar::<C>::ZERO, product, -product, product.double(), Scalar::<C>::ONE, -high]
                    {
                        let [digest, r, s] = signature::<C>(point, u1, u2).unwrap_or_else(|| {
                            [u1 * dice.scalar::<C>(), dice.scalar::<C>(), Scalar::<C>::ONE]
                        });
                        let expected = expected::<C>(point, digest, r, s);
                        match multiples.decide(&point, &digest, &r, &s) {
                            Some(found) => assert_eq!(found, expected, "{key:?} {u1:?} {u2:?}"),
                            None => left += 1,
                        }
                        decided += 1;
                    }
                }
            }
        }
        assert!(left > 10 && left < decided / 2, "{left} of {decided} left to the crate");
    }

    /// Infinity is no point with an x, whatever r is.
    fn infinity_is_not_decided<C: PrimeCurve>() {
        let mut dice = Dice(3);
        let (secret, u2, s) = (dice.scalar::<C>(), dice.scalar::<C>(), dice.scalar::<C>());
        let key = (ProjectivePoint::<C>::generator() * secret).to_affine();
        assert_eq!(found::<C>(key, -(secret * u2 * s), u2 * s, s), None);
        assert!(!expected::<C>(key, -(secret * u2 * s), u2 * s, s));
    }

    /// x may lie between n and p: then r is x - n, and the crate says yes too.
    fn an_x_past_the_order_is_r_less_the_order<C: PrimeCurve>() {
        let coordinate = |octets| field_element::<C>(octets).unwrap();
        let equation = |x: C::FieldElement| x.square() * x - x.double() - x;
        let generator = AffinePoint::<C>::generator();
        let b = coordinate(generator.y()).square() - equation(coordinate(generator.x()));
        let order = coordinate((-Scalar::<C>::ONE).to_repr()) + C::FieldElement::ONE;
        let found_r = (1_u64..).find_map(|r| {
            let x = order + C::FieldElement::from(r);
            let y = Option::<C::FieldElement>::from((equation(x) + b).sqrt())?;
            let point = AffinePoint::<C>::from_coordinates(&x.to_repr(), &y.to_repr());
            Some((Scalar::<C>::from(r), Option::<AffinePoint<C>>::from(point)?))
        });
        let (r, sum) = found_r.unwrap();
        let mut dice = Dice(4);
        let (u1, u2) = (dice.scalar::<C>(), dice.scalar::<C>());
        let inverse = u2.invert_vartime().unwrap();
        let key = (ProjectivePoint::<C>::from(sum) - ProjectivePoint::<C>::generator() * u1) * inverse;
        let (key, s) = (key.to_affine(), r * inverse);
        assert!(expected::<C>(key, u1 * s, r, s));
        assert_eq!(found::<C>(key, u1 * s, r, s), Some(true));
    }

    #[test]
    fn on_secp384r1() {
        right_signatures_hold_and_others_do_not::<NistP384>();
        what_is_decided_is_what_the_crate_says::<NistP384>();
        infinity_is_not_decided::<NistP384>();
        an_x_past_the_order_is_r_less_the_order::<NistP384>();
    }

    #[test]
    fn on_secp521r1() {
        right_signatures_hold_and_others_do_not::<NistP521>();
        what_is_decided_is_what_the_crate_says::<NistP521>();
        infinity_is_not_decided::<NistP521>();
        an_x_past_the_order_is_r_less_the_order::<NistP521>();
    }
}
