//! Points of E: y^2 + x y = x^3 + a x^2 + b over GF(2^m), with a = 0 or 1, and their sums.
//!
//! Coordinates are lambda coordinates (Oliveira, López, Aranha, Rodríguez-Henríquez, "Two is the fastest prime: lambda
//! coordinates for binary elliptic curves", CHES 2013): an affine point (x, y) with x != 0 is written (x, λ) with
//! λ = x + y / x, and the projective point (X, L, Z) stands for x = X / Z, λ = L / Z. Infinity is Z = 0. The one other
//! point without lambda coordinates is (0, sqrt(b)), of order 2; the room computes in the subgroup of odd order, where it
//! does not occur, and [`Affine::from_coordinates`] refuses it.
//!
//! The curve equation in them is (L^2 + L Z + a Z^2) X^2 = X^4 + b Z^4. The opposite of (X, L, Z) is (X, L + Z, Z).
//!
//! | operation | formula | multiplications | squarings |
//! |---|---|---|---|
//! | [`Projective::double`] | CHES 2013, section 3.1 | 4 | 4 |
//! | [`Projective::add_affine`] | section 3.1, mixed | 8 | 2 |
//! | [`Projective::double_and_add`] | section 3.1, 2P + Q | 10 | 6 |
//! | [`Projective::add`] | section 3.1, full | 11 | 2 |
//! | [`Projective::frobenius`] | (X^2, L^2, Z^2), where b = 1 | 0 | 3 |
//!
//! Every sum is right for every pair of points of the subgroup: infinity, equal and opposite points included.

use super::field::{Arithmetic, Element};

/// A point other than infinity and (0, sqrt(b)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Affine<const WORDS: usize> {
    pub(super) x: Element<WORDS>,
    pub(super) lambda: Element<WORDS>,
}

impl<const WORDS: usize> Affine<WORDS> {
    /// The point (x, y), if x is not 0. Whether it is on the curve is another question.
    pub(super) fn from_coordinates<F: Arithmetic<WORDS>>(
        field: F,
        x: &Element<WORDS>,
        y: &Element<WORDS>,
    ) -> Option<Self> {
        let slope = field.multiply(y, &field.invert(x));
        (!x.is_zero()).then(|| Self { x: *x, lambda: x.plus(&slope) })
    }

    /// Whether (λ^2 + λ + a) x^2 = x^4 + b.
    pub(super) fn is_on_curve<F: Arithmetic<WORDS>>(&self, field: F, a: bool, b: &Element<WORDS>) -> bool {
        let x_squared = field.square(&self.x);
        let factor = plus_a(field.square(&self.lambda).plus(&self.lambda), a);
        field.multiply(&factor, &x_squared) == field.square(&x_squared).plus(b)
    }

    pub(super) fn opposite(&self) -> Self {
        Self { x: self.x, lambda: self.lambda.plus_one() }
    }

    /// The Frobenius map, `times` over: the multiple by tau^times where a and b are 0 or 1.
    pub(super) fn frobenius<F: Arithmetic<WORDS>>(&self, field: F, times: usize) -> Self {
        Self { x: field.square_times(&self.x, times), lambda: field.square_times(&self.lambda, times) }
    }

    pub(super) fn projective(&self) -> Projective<WORDS> {
        Projective { x: self.x, lambda: self.lambda, z: Element::ONE }
    }
}

fn plus_a<const WORDS: usize>(element: Element<WORDS>, a: bool) -> Element<WORDS> {
    if a { element.plus_one() } else { element }
}

/// Any point but (0, sqrt(b)).
#[derive(Clone, Copy, Debug)]
pub(super) struct Projective<const WORDS: usize> {
    pub(super) x: Element<WORDS>,
    pub(super) lambda: Element<WORDS>,
    pub(super) z: Element<WORDS>,
}

impl<const WORDS: usize> Projective<WORDS> {
    pub(super) const INFINITY: Self = Self { x: Element::ONE, lambda: Element::ONE, z: Element::ZERO };

    pub(super) fn is_infinity(&self) -> bool {
        self.z.is_zero()
    }

    pub(super) fn opposite(&self) -> Self {
        Self { lambda: self.lambda.plus(&self.z), ..*self }
    }

    /// T = L^2 + L Z + a Z^2; X' = T^2; Z' = T Z^2; L' = (X Z)^2 + X' + T (L Z) + Z'.
    pub(super) fn double<F: Arithmetic<WORDS>>(&self, field: F, a: bool) -> Self {
        if self.is_infinity() {
            return *self;
        }
        let lambda_z = field.multiply(&self.lambda, &self.z);
        let z_squared = field.square(&self.z);
        let mut t = field.square(&self.lambda).plus(&lambda_z);
        if a {
            t = t.plus(&z_squared);
        }
        let x = field.square(&t);
        let z = field.multiply(&t, &z_squared);
        let x_z = field.square(&field.multiply(&self.x, &self.z));
        let lambda = x_z.plus(&x).plus(&field.multiply(&t, &lambda_z)).plus(&z);
        Self { x, lambda, z }
    }

    /// A = L + λ2 Z; B = (X + x2 Z)^2; X' = (A X) (A x2 Z); L' = (A x2 Z + B)^2 + A B (L + Z); Z' = A B Z.
    pub(super) fn add_affine<F: Arithmetic<WORDS>>(&self, field: F, a: bool, other: &Affine<WORDS>) -> Self {
        if self.is_infinity() {
            return other.projective();
        }
        let slope = self.lambda.plus(&field.multiply(&other.lambda, &self.z));
        let other_x = field.multiply(&other.x, &self.z);
        let distance = field.square(&self.x.plus(&other_x));
        if distance.is_zero() {
            return self.add_same_x(field, a, &slope);
        }
        let slope_x = field.multiply(&slope, &self.x);
        let slope_other = field.multiply(&slope, &other_x);
        let product = field.multiply(&slope, &distance);
        Self {
            x: field.multiply(&slope_x, &slope_other),
            lambda: field
                .square(&slope_other.plus(&distance))
                .plus(&field.multiply(&product, &self.lambda.plus(&self.z))),
            z: field.multiply(&product, &self.z),
        }
    }

    /// The sum with a point of the same x: the same point if the slopes' difference is 0, else its opposite.
    fn add_same_x<F: Arithmetic<WORDS>>(&self, field: F, a: bool, slope: &Element<WORDS>) -> Self {
        if slope.is_zero() { self.double(field, a) } else { Self::INFINITY }
    }

    /// 2 `self` + `other`:
    /// T = L^2 + L Z + a Z^2; A = X^2 Z^2 + T (L^2 + (a + 1 + λ2) Z^2); B = (x2 Z^2 + T)^2;
    /// X' = (x2 Z^2) A^2; Z' = A B Z^2; L' = T (A + B)^2 + (λ2 + 1) Z'.
    pub(super) fn double_and_add<F: Arithmetic<WORDS>>(
        &self,
        field: F,
        a: bool,
        other: &Affine<WORDS>,
    ) -> Self {
        if self.is_infinity() {
            return other.projective();
        }
        let lambda_z = field.multiply(&self.lambda, &self.z);
        let lambda_squared = field.square(&self.lambda);
        let z_squared = field.square(&self.z);
        let other_x = field.multiply(&other.x, &z_squared);
        let other_lambda = other.lambda.plus_one();
        let x_z = field.multiply(&field.square(&self.x), &z_squared);
        let mut t = lambda_squared.plus(&lambda_z);
        let mut factor = lambda_squared.plus(&field.multiply(&other_lambda, &z_squared));
        if a {
            t = t.plus(&z_squared);
            factor = factor.plus(&z_squared);
        }
        let slope = x_z.plus(&field.multiply(&t, &factor));
        let distance = field.square(&other_x.plus(&t));
        // The double has the other's x; or the sum has x = 0, which no point of the subgroup has.
        if distance.is_zero() || slope.is_zero() {
            return self.double(field, a).add_affine(field, a, other);
        }
        let z = field.multiply(&field.multiply(&slope, &distance), &z_squared);
        Self {
            x: field.multiply(&other_x, &field.square(&slope)),
            lambda: field
                .multiply(&t, &field.square(&slope.plus(&distance)))
                .plus(&field.multiply(&other_lambda, &z)),
            z,
        }
    }

    /// A = L1 Z2 + L2 Z1; B = (X1 Z2 + X2 Z1)^2; X' = (A X1 Z2) (A X2 Z1); L' = (A X2 Z1 + B)^2 + A B Z2 (L1 + Z1);
    /// Z' = A B Z2 Z1.
    pub(super) fn add<F: Arithmetic<WORDS>>(&self, field: F, a: bool, other: &Self) -> Self {
        if self.is_infinity() {
            return *other;
        }
        if other.is_infinity() {
            return *self;
        }
        let slope = field.multiply(&self.lambda, &other.z).plus(&field.multiply(&other.lambda, &self.z));
        let (own_x, other_x) = (field.multiply(&self.x, &other.z), field.multiply(&other.x, &self.z));
        let distance = field.square(&own_x.plus(&other_x));
        if distance.is_zero() {
            return self.add_same_x(field, a, &slope);
        }
        let slope_own = field.multiply(&slope, &own_x);
        let slope_other = field.multiply(&slope, &other_x);
        let product = field.multiply(&field.multiply(&slope, &distance), &other.z);
        Self {
            x: field.multiply(&slope_own, &slope_other),
            lambda: field
                .square(&slope_other.plus(&distance))
                .plus(&field.multiply(&product, &self.lambda.plus(&self.z))),
            z: field.multiply(&product, &self.z),
        }
    }

    /// The Frobenius map, `times` over: the multiple by tau^times where a and b are 0 or 1.
    pub(super) fn frobenius<F: Arithmetic<WORDS>>(&self, field: F, times: usize) -> Self {
        let [x, lambda, z] = field.square_three([&self.x, &self.lambda, &self.z], times);
        Self { x, lambda, z }
    }

    /// Whether the affine x of the point, which is not infinity, is this one: X = x Z.
    pub(super) fn has_x<F: Arithmetic<WORDS>>(&self, field: F, x: &Element<WORDS>) -> bool {
        !self.is_infinity() && self.x == field.multiply(x, &self.z)
    }
}

/// The points in affine form, with one inversion for all (Montgomery's trick): 5 multiplications a point. None of them
/// may be infinity.
pub(super) fn normalize<F: Arithmetic<WORDS>, const WORDS: usize>(
    field: F,
    points: &[Projective<WORDS>],
) -> Vec<Affine<WORDS>> {
    let mut product = Element::ONE;
    let mut products_before = Vec::with_capacity(points.len());
    for point in points {
        products_before.push(product);
        product = field.multiply(&product, &point.z);
    }
    let mut inverse = field.invert(&product);
    let mut affine: Vec<_> = points
        .iter()
        .zip(&products_before)
        .rev()
        .map(|(point, product_before)| {
            let z_inverse = field.multiply(&inverse, product_before);
            inverse = field.multiply(&inverse, &point.z);
            Affine {
                x: field.multiply(&point.x, &z_inverse),
                lambda: field.multiply(&point.lambda, &z_inverse),
            }
        })
        .collect();
    affine.reverse();
    affine
}

#[cfg(test)]
mod tests {
    use super::super::field::Portable;
    use super::super::parameters::{Domain, SECT409K1, SECT409R1, SECT571K1, SECT571R1};
    use super::*;

    /// Affine coordinates, `None` for infinity: the group as textbooks have it (Guide to Elliptic Curve Cryptography,
    /// section 3.1.2).
    type Textbook<const WORDS: usize> = Option<(Element<WORDS>, Element<WORDS>)>;

    fn textbook_sum<const WORDS: usize>(a: bool, p: Textbook<WORDS>, q: Textbook<WORDS>) -> Textbook<WORDS>
    where
        Portable: Arithmetic<WORDS>,
    {
        let field = Portable;
        let (Some((x1, y1)), Some((x2, y2))) = (p, q) else { return p.or(q) };
        let a = if a { Element::ONE } else { Element::ZERO };
        if x1 != x2 {
            let slope = field.multiply(&y1.plus(&y2), &field.invert(&x1.plus(&x2)));
            let x = field.square(&slope).plus(&slope).plus(&x1).plus(&x2).plus(&a);
            return Some((x, field.multiply(&slope, &x1.plus(&x)).plus(&x).plus(&y1)));
        }
        if y1 != y2 || x1.is_zero() {
            return None;
        }
        let slope = x1.plus(&field.multiply(&y1, &field.invert(&x1)));
        let x = field.square(&slope).plus(&slope).plus(&a);
        Some((x, field.square(&x1).plus(&field.multiply(&slope.plus_one(), &x))))
    }

    fn textbook<const WORDS: usize>(point: &Projective<WORDS>) -> Textbook<WORDS>
    where
        Portable: Arithmetic<WORDS>,
    {
        if point.is_infinity() {
            return None;
        }
        let [Affine { x, lambda }] = normalize(Portable, &[*point])[..] else { unreachable!() };
        Some((x, Portable.multiply(&x, &lambda.plus(&x))))
    }

    /// The same point with other projective coordinates.
    fn scaled<const WORDS: usize>(point: &Projective<WORDS>, by: u64) -> Projective<WORDS>
    where
        Portable: Arithmetic<WORDS>,
    {
        let times = |element| Portable.multiply(element, &Element::small(by));
        Projective { x: times(&point.x), lambda: times(&point.lambda), z: times(&point.z) }
    }

    fn laws<const WORDS: usize>(domain: &Domain<WORDS>)
    where
        Portable: Arithmetic<WORDS>,
    {
        let (field, a) = (Portable, domain.a);
        let generator = Some(domain.generator);
        let multiples: Vec<Textbook<WORDS>> =
            std::iter::successors(Some(None), |last| Some(textbook_sum(a, *last, generator)))
                .take(5)
                .collect();
        let (x, y) = &domain.generator;
        let affine = Affine::from_coordinates(field, x, y).unwrap();
        assert!(affine.is_on_curve(field, a, &domain.b));
        assert!(
            !Affine { lambda: affine.lambda.plus(&Element::small(2)), ..affine }
                .is_on_curve(field, a, &domain.b)
        );

        // Every multiple from -4 to 4, in several representations.
        let mut points = vec![(Projective::INFINITY, None)];
        let mut sum = Projective::INFINITY;
        for multiple in &multiples[1..] {
            sum = sum.add_affine(field, a, &affine);
            assert_eq!(textbook(&sum), *multiple);
            let (x, y) = multiple.unwrap();
            points.push((scaled(&sum, 0x1234_5678_9abc_def1), *multiple));
            points.push((scaled(&sum.opposite(), 3), Some((x, x.plus(&y)))));
        }
        for (p, p_expected) in &points {
            let twice = textbook_sum(a, *p_expected, *p_expected);
            assert_eq!(textbook(&p.double(field, a)), twice);
            for (q, q_expected) in &points {
                let expected = textbook_sum(a, *p_expected, *q_expected);
                assert_eq!(textbook(&p.add(field, a, q)), expected);
                let Some(q_affine) = normalize(field, &[*q]).pop().filter(|_| !q.is_infinity()) else {
                    continue;
                };
                assert_eq!(textbook(&p.add_affine(field, a, &q_affine)), expected);
                let expected = textbook_sum(a, twice, *q_expected);
                assert_eq!(textbook(&p.double_and_add(field, a, &q_affine)), expected);
            }
        }
    }

    #[test]
    fn sums_are_those_of_the_textbook_infinity_equal_and_opposite_points_included() {
        laws(&SECT409K1);
        laws(&SECT409R1);
        laws(&SECT571K1);
        laws(&SECT571R1);
    }

    fn frobenius<const WORDS: usize>(domain: &Domain<WORDS>)
    where
        Portable: Arithmetic<WORDS>,
    {
        let (x, y) = &domain.generator;
        let point = Affine::from_coordinates(Portable, x, y).unwrap();
        let tau = point.projective().frobenius(Portable, 1);
        assert_eq!(normalize(Portable, &[tau])[0], point.frobenius(Portable, 1));
        let sum = tau.frobenius(Portable, 1).add(Portable, false, &tau);
        let sum = sum.add(Portable, false, &point.projective().double(Portable, false));
        assert!(sum.is_infinity());
    }

    #[test]
    fn the_frobenius_map_is_a_root_of_its_polynomial() {
        // tau^2 + tau + 2 = 0
        frobenius(&SECT409K1);
        frobenius(&SECT571K1);
    }

    #[test]
    fn a_point_has_its_own_x_and_infinity_has_none() {
        let (x, y) = &SECT409R1.generator;
        let point = Affine::from_coordinates(Portable, x, y).unwrap().projective().double(Portable, true);
        let (x_of_double, _) = textbook(&point).unwrap();
        assert!(scaled(&point, 7).has_x(Portable, &x_of_double));
        assert!(!point.has_x(Portable, x) && !point.has_x(Portable, &Element::ZERO));
        assert!(!Projective::<7>::INFINITY.has_x(Portable, &Element::ZERO));
        assert!(Affine::from_coordinates(Portable, &Element::ZERO, y).is_none());
    }
}
