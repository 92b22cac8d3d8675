//! Modular inverses in variable time, by division steps (Bernstein and Yang, "Fast constant-time gcd computation and
//! modular inversion", 2019), 62 at a time on the lowest words, as libsecp256k1 does them
//! (its `doc/safegcd_implementation.md` derives every formula here).
//!
//! f and g begin as the modulus and the number; a step makes one of them shorter and keeps their greatest common divisor.
//! d and e keep f = d x and g = e x modulo the modulus, so that at the end, with g = 0 and f = ±1, ±d is the inverse.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "indices below the common length of all numbers; 62-bit limbs times 62-bit factors stay below 2^126"
)]

/// Bits of a limb; limbs are signed, and all but the highest are from 0 to 2^62 - 1.
const BITS: usize = 62;
const MASK: u64 = (1 << BITS) - 1;

/// What 62 division steps do: 2^62 (f', g') = (u f + v g, q f + r g).
struct Transition {
    u: i64,
    v: i64,
    q: i64,
    r: i64,
}

/// The inverse of a number below an odd modulus, in big-endian octets, as many as the modulus has; `None` if they have a
/// divisor in common.
pub(super) fn invert(number: &[u8], modulus: &[u8]) -> Option<Vec<u8>> {
    // One bit for the sign, and one because d and e lie between -2 and 1 times the modulus.
    let length = (modulus.len() * 8 + 2).div_ceil(BITS);
    let (mut f, mut g) = (limbs(modulus, length), limbs(number, length));
    let modulus_limbs = f.clone();
    let (mut d, mut e) = (vec![0; length], vec![0; length]);
    e[0] = 1;
    let inverse = inverse_of_limb(f[0] as u64);
    let mut eta = -1;
    let mut used = length;
    // Theorem 11.2 of the paper bounds the steps: (49 b + 57) / 17 for numbers of b bits.
    let steps = (49 * length * BITS + 57) / 17;
    for _ in 0..steps.div_ceil(BITS) {
        let transition = divide(&mut eta, f[0] as u64, g[0] as u64);
        update_coefficients(&mut d, &mut e, &transition, &modulus_limbs, inverse);
        update_numbers(&mut f[..used], &mut g[..used], &transition);
        if g[..used].iter().all(|&limb| limb == 0) {
            break;
        }
        used = shortened(&mut f, &mut g, used);
    }
    let negative = is_one(&f[..used], -1);
    if !negative && !is_one(&f[..used], 1) {
        return None;
    }
    Some(octets(&normalized(d, negative, &modulus_limbs), modulus.len()))
}

fn limbs(octets: &[u8], length: usize) -> Vec<i64> {
    let mut limbs = vec![0; length];
    for (place, octet) in octets.iter().rev().enumerate() {
        let (limb, shift) = (place * 8 / BITS, place * 8 % BITS);
        if limb >= length {
            break; // leading zeros
        }
        limbs[limb] |= ((u64::from(*octet) << shift) & MASK) as i64;
        if shift + 8 > BITS && limb + 1 < length {
            limbs[limb + 1] |= i64::from(*octet >> (BITS - shift));
        }
    }
    limbs
}

/// A number from 0 to the modulus less 1.
fn octets(limbs: &[i64], length: usize) -> Vec<u8> {
    let mut octets = vec![0; length];
    for (place, octet) in octets.iter_mut().rev().enumerate() {
        let (limb, shift) = (place * 8 / BITS, place * 8 % BITS);
        let mut value = limbs[limb] >> shift;
        if shift + 8 > BITS && limb + 1 < limbs.len() {
            value |= limbs[limb + 1] << (BITS - shift);
        }
        *octet = (value & 0xff) as u8;
    }
    octets
}

/// 1 / modulus modulo 2^62, by Newton's method: every step doubles the bits that are right.
fn inverse_of_limb(modulus: u64) -> u64 {
    let mut inverse = modulus; // right modulo 8
    for _ in 0..5 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(modulus.wrapping_mul(inverse)));
    }
    inverse & MASK
}

/// 62 division steps on the lowest words, several at once where g has trailing zeros or can be given some.
fn divide(eta: &mut i64, mut f: u64, mut g: u64) -> Transition {
    let (mut u, mut v, mut q, mut r) = (1_u64, 0_u64, 0_u64, 1_u64);
    let mut left = BITS as u32;
    loop {
        let zeros = (g | u64::MAX << left).trailing_zeros();
        (g, u, v) = (g >> zeros, u << zeros, v << zeros);
        *eta -= i64::from(zeros);
        left -= zeros;
        if left == 0 {
            let [u, v, q, r] = [u, v, q, r].map(|factor| factor as i64);
            return Transition { u, v, q, r };
        }
        // w is such that g + w f has `limit` zeros, but no more than the formula for it is right for.
        let wanted;
        if *eta < 0 {
            *eta = -*eta;
            (f, g) = (g, f.wrapping_neg());
            (u, q) = (q, u.wrapping_neg());
            (v, r) = (r, v.wrapping_neg());
            wanted = f.wrapping_mul(g).wrapping_mul(f.wrapping_mul(f).wrapping_sub(2)) & 63;
        } else {
            let inverse = f.wrapping_add((f.wrapping_add(1) & 4) << 1);
            wanted = inverse.wrapping_neg().wrapping_mul(g) & 15;
        }
        let limit = (*eta + 1).min(i64::from(left)) as u32;
        let w = wanted & u64::MAX >> (64 - limit.min(64));
        g = g.wrapping_add(f.wrapping_mul(w));
        q = q.wrapping_add(u.wrapping_mul(w));
        r = r.wrapping_add(v.wrapping_mul(w));
    }
}

/// (d, e) becomes the transition of (d, e) divided by 2^62, modulo the modulus, between -2 and 1 times it.
fn update_coefficients(
    d: &mut [i64],
    e: &mut [i64],
    Transition { u, v, q, r }: &Transition,
    modulus: &[i64],
    inverse: u64,
) {
    let length = d.len();
    let signs = (d[length - 1] >> 63, e[length - 1] >> 63);
    let row = |x: i64, y: i64, a: i64, b: i64| i128::from(x) * i128::from(a) + i128::from(y) * i128::from(b);
    // How often the modulus is added: once for a negative d or e, which brings them between -1 and 1 times it, less what
    // makes the lowest limb divisible by 2^62.
    let multiple = |x: i64, y: i64, sum: i128| {
        let sign = (x & signs.0) + (y & signs.1);
        sign - (inverse.wrapping_mul(sum as u64).wrapping_add(sign as u64) & MASK) as i64
    };
    let (mut carry_d, mut carry_e) = (row(*u, *v, d[0], e[0]), row(*q, *r, d[0], e[0]));
    let (multiple_d, multiple_e) = (multiple(*u, *v, carry_d), multiple(*q, *r, carry_e));
    carry_d = (carry_d + i128::from(modulus[0]) * i128::from(multiple_d)) >> BITS;
    carry_e = (carry_e + i128::from(modulus[0]) * i128::from(multiple_e)) >> BITS;
    for i in 1..length {
        let factor = i128::from(modulus[i]);
        carry_d += row(*u, *v, d[i], e[i]) + factor * i128::from(multiple_d);
        carry_e += row(*q, *r, d[i], e[i]) + factor * i128::from(multiple_e);
        (d[i - 1], e[i - 1]) = ((carry_d as u64 & MASK) as i64, (carry_e as u64 & MASK) as i64);
        (carry_d, carry_e) = (carry_d >> BITS, carry_e >> BITS);
    }
    (d[length - 1], e[length - 1]) = (carry_d as i64, carry_e as i64);
}

/// (f, g) becomes the transition of (f, g) divided by 2^62, which leaves no remainder.
fn update_numbers(f: &mut [i64], g: &mut [i64], Transition { u, v, q, r }: &Transition) {
    let row = |x: i64, y: i64, a: i64, b: i64| i128::from(x) * i128::from(a) + i128::from(y) * i128::from(b);
    let length = f.len();
    let mut carry_f = row(*u, *v, f[0], g[0]) >> BITS;
    let mut carry_g = row(*q, *r, f[0], g[0]) >> BITS;
    for i in 1..length {
        carry_f += row(*u, *v, f[i], g[i]);
        carry_g += row(*q, *r, f[i], g[i]);
        (f[i - 1], g[i - 1]) = ((carry_f as u64 & MASK) as i64, (carry_g as u64 & MASK) as i64);
        (carry_f, carry_g) = (carry_f >> BITS, carry_g >> BITS);
    }
    (f[length - 1], g[length - 1]) = (carry_f as i64, carry_g as i64);
}

/// How many limbs f and g need; the sign of what is left out goes into the limb below.
fn shortened(f: &mut [i64], g: &mut [i64], used: usize) -> usize {
    let (last_f, last_g) = (f[used - 1], g[used - 1]);
    let only_signs = last_f == last_f >> 63 && last_g == last_g >> 63;
    if used < 2 || !only_signs {
        return used;
    }
    f[used - 2] |= last_f << BITS;
    g[used - 2] |= last_g << BITS;
    used - 1
}

/// Whether a number is 1 or, in two's complement, -1.
fn is_one(f: &[i64], sign: i64) -> bool {
    let (highest, rest) = (f[f.len() - 1], &f[..f.len() - 1]);
    match rest {
        [] => highest == sign,
        [lowest, middle @ ..] if sign == 1 => {
            *lowest == 1 && highest == 0 && middle.iter().all(|&limb| limb == 0)
        }
        _ => highest == -1 && rest.iter().all(|&limb| limb as u64 == MASK),
    }
}

/// d or -d, which lies between -2 and 1 or -1 and 2 times the modulus, from 0 to the modulus less 1.
fn normalized(mut d: Vec<i64>, negative: bool, modulus: &[i64]) -> Vec<i64> {
    let is_negative = |d: &[i64]| d[d.len() - 1] < 0;
    if is_negative(&d) {
        add(&mut d, modulus, 1);
    }
    if negative {
        d.iter_mut().for_each(|limb| *limb = -*limb);
        add(&mut d, modulus, 0);
    }
    if is_negative(&d) {
        add(&mut d, modulus, 1);
    }
    d
}

/// Adds the modulus `times` over, and carries.
fn add(d: &mut [i64], modulus: &[i64], times: i64) {
    let (last, mut carry) = (d.len() - 1, 0);
    for (place, (limb, other)) in d.iter_mut().zip(modulus).enumerate() {
        let sum = *limb + other * times + carry;
        if place < last {
            (*limb, carry) = ((sum as u64 & MASK) as i64, sum >> BITS);
        } else {
            *limb = sum;
        }
    }
}
