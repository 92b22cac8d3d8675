//! Modular arithmetic over public data, in variable time: powers, products and inverses by our own Montgomery
//! multiplication.
//!
//! Everything here is known to an attacker: keys, signatures, digests. Time may depend on it; memory and work are
//! bounded by the callers' bounds on the sizes (`limits.rs`). Numbers come and go as big-endian octets; inside they are
//! [`Block`]s of eight words, the lowest first, as many as the modulus has.

use std::ops::Range;

use kernel::{Block, Kernel, WORDS};
use montgomery::{Montgomery, is_below};

#[cfg(all(target_arch = "x86_64", target_pointer_width = "64", not(longhand_portable)))]
mod adx;
mod division;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod inverse;
mod kernel;
mod montgomery;
mod prime;

/// In how many parts an exponent is cut, each with a table of its own: all parts share one chain of squarings, a
/// quarter as long.
const PARTS: u32 = 4;

/// Width of the sliding windows over each part: 8 odd powers.
const WINDOW: u32 = 4;

/// An odd modulus above 1.
#[derive(Clone, Debug)]
pub(crate) struct Modulus {
    blocks: Vec<Block>,
    bits: u32,
    /// -1 / modulus modulo 2^64.
    inverse: u64,
}

/// A number below its modulus.
#[derive(Clone, Debug)]
pub(crate) struct Residue {
    blocks: Vec<Block>,
    /// Of the modulus.
    octets: usize,
}

/// Powers of a base, kept with a key whose base never changes: for each part of the exponent the odd ones up to
/// `2^WINDOW - 1` of `base ^ (2 ^ place of the part)`.
#[derive(Clone, Debug)]
pub(crate) struct PowerTable {
    /// In Montgomery form.
    odd_powers: Vec<Vec<Vec<Block>>>,
    part_bits: u32,
}

impl Modulus {
    /// The modulus with these octets, or `None` if it is even or 1.
    pub(crate) fn new(magnitude: &[u8]) -> Option<Self> {
        let magnitude = trimmed(magnitude);
        let blocks = blocks_from_octets(magnitude, magnitude.len().div_ceil(WORDS * 8))?;
        let lowest = *blocks.as_flattened().first()?;
        let unused = magnitude.first()?.leading_zeros();
        let bits = u32::try_from(magnitude.len()).ok()?.checked_mul(8)?.checked_sub(unused)?;
        let inverse = inverse_of_word(lowest).wrapping_neg();
        (lowest & 1 == 1 && bits > 1).then_some(Self { blocks, bits, inverse })
    }

    /// Its size in bits.
    pub(crate) fn bits(&self) -> u32 {
        self.bits
    }

    /// Its size in octets.
    pub(crate) fn octets(&self) -> usize {
        octets_of(self.bits)
    }

    /// The number with these octets, or `None` if it is not below the modulus.
    pub(crate) fn residue(&self, magnitude: &[u8]) -> Option<Residue> {
        let blocks = blocks_from_octets(trimmed(magnitude), self.blocks.len())?;
        is_below(&blocks, &self.blocks).then(|| self.residue_of(blocks))
    }

    /// The number with these octets, reduced.
    pub(crate) fn reduce(&self, magnitude: &[u8]) -> Residue {
        let magnitude = trimmed(magnitude);
        let number = blocks_from_octets(magnitude, magnitude.len().div_ceil(WORDS * 8)).unwrap_or_default();
        self.residue_of(self.remainder(&number))
    }

    fn residue_of(&self, blocks: Vec<Block>) -> Residue {
        Residue { blocks, octets: self.octets() }
    }

    /// A number of any length, reduced.
    fn remainder(&self, number: &[Block]) -> Vec<Block> {
        let modulus = self.blocks.as_flattened();
        let significant = usize::try_from(self.bits.div_ceil(u64::BITS)).unwrap_or(usize::MAX);
        let rest = division::remainder(number.as_flattened(), modulus.get(..significant).unwrap_or(modulus));
        let mut blocks = self.zero();
        for (word, rest) in blocks.as_flattened_mut().iter_mut().zip(rest) {
            *word = rest;
        }
        blocks
    }

    fn zero(&self) -> Vec<Block> {
        vec![[0; WORDS]; self.blocks.len()]
    }

    /// In Montgomery form: times R = 2^(512 blocks), reduced. A division takes less time than the multiplication by a
    /// constant, and needs none.
    fn form(&self, number: &[Block]) -> Vec<Block> {
        let mut shifted = self.zero();
        shifted.extend_from_slice(number);
        self.remainder(&shifted)
    }

    fn montgomery(&self, kernel: Kernel) -> Montgomery<'_> {
        Montgomery::new(kernel, &self.blocks, self.inverse)
    }

    /// Whether the modulus, of at most 256 bits, passes Miller-Rabin for each base (FIPS 186-5 appendix B.3.1); false
    /// if it is longer. A composite passes for at most a quarter of all bases, so the bases must be such that nobody
    /// could choose the modulus for them. What is given are the bases times 2^256, modulo the modulus: of numbers that
    /// nobody could choose, that makes no difference.
    pub(crate) fn is_probable_prime(&self, bases: impl IntoIterator<Item = Residue>) -> bool {
        let lowest = |blocks: &[Block]| blocks.as_flattened().first_chunk::<4>().copied();
        let Some(candidate) = lowest(&self.blocks).filter(|_| self.bits <= 256) else { return false };
        prime::is_probable_prime(candidate, bases.into_iter().filter_map(|base| lowest(&base.blocks)))
    }

    /// Whether this modulus divides `number - 1`.
    pub(crate) fn divides_one_less_than(&self, number: &Self) -> bool {
        self.residue_of(self.remainder(&number.blocks)).is_one()
    }

    /// `factor * other` for each of the others, all of this modulus.
    pub(crate) fn multiples<const N: usize>(&self, factor: &Residue, others: [&Residue; N]) -> [Residue; N] {
        let mut montgomery = self.montgomery(Kernel::fastest());
        let factor = self.form(&factor.blocks);
        others.map(|other| {
            let mut product = other.clone();
            montgomery.multiply(&mut product.blocks, &factor);
            product
        })
    }

    /// The inverse, if there is one.
    pub(crate) fn invert(&self, number: &Residue) -> Option<Residue> {
        let modulus = self.residue_of(self.blocks.clone());
        self.residue(&inverse::invert(&number.to_octets(), &modulus.to_octets())?)
    }

    /// `base ^ exponent` by squaring and multiplying: right for the small exponents of RSA.
    pub(crate) fn power(&self, base: &Residue, exponent: u64) -> Residue {
        self.power_with(Kernel::fastest(), base, exponent)
    }

    fn power_with(&self, kernel: Kernel, base: &Residue, exponent: u64) -> Residue {
        let mut montgomery = self.montgomery(kernel);
        let form = self.form(&base.blocks);
        let mut power = form.clone();
        let below_highest = exponent.checked_ilog2().unwrap_or(0);
        for bit in (1..below_highest).rev() {
            montgomery.square(&mut power);
            if exponent >> bit & 1 == 1 {
                montgomery.multiply(&mut power, &form);
            }
        }
        // The last multiplication is by the base itself, and leaves Montgomery form for nothing.
        match exponent {
            0 => return self.reduce(&[1]),
            1 => return base.clone(),
            _ => montgomery.square(&mut power),
        }
        if exponent & 1 == 1 {
            montgomery.multiply(&mut power, &base.blocks);
        } else {
            montgomery.leave(&mut power);
        }
        self.residue_of(power)
    }

    /// The table of a base for exponents of so many bits; longer ones take more time.
    pub(crate) fn power_table(&self, base: &Residue, exponent_bits: u32) -> PowerTable {
        self.power_table_with(Kernel::fastest(), base, exponent_bits)
    }

    fn power_table_with(&self, kernel: Kernel, base: &Residue, exponent_bits: u32) -> PowerTable {
        let mut montgomery = self.montgomery(kernel);
        let part_bits = exponent_bits.div_ceil(PARTS).max(1);
        let mut base = self.form(&base.blocks);
        let mut odd_powers = Vec::with_capacity(usize::try_from(PARTS).unwrap_or(0));
        for part in 0..PARTS {
            if part > 0 {
                (0..part_bits).for_each(|_| montgomery.square(&mut base));
            }
            odd_powers.push(odd_powers_of(&mut montgomery, &base));
        }
        PowerTable { odd_powers, part_bits }
    }

    /// The product of `base ^ exponent` over some bases of this modulus, with one chain of squarings for all
    /// (Straus 1964; Handbook of Applied Cryptography, algorithm 14.88, with sliding windows).
    pub(crate) fn product_of_powers(&self, powers: &[(&PowerTable, &[u8])]) -> Residue {
        self.product_of_powers_with(Kernel::fastest(), powers)
    }

    fn product_of_powers_with(&self, kernel: Kernel, powers: &[(&PowerTable, &[u8])]) -> Residue {
        let mut factors: Vec<_> =
            powers.iter().flat_map(|(table, exponent)| table.factors(exponent)).collect();
        factors.sort_unstable_by_key(|(bit, _)| *bit);
        let Some(((highest, first), rest)) = factors.split_last() else { return self.reduce(&[1]) };
        let mut montgomery = self.montgomery(kernel);
        let (mut product, mut place) = (first.to_vec(), *highest);
        for (bit, factor) in rest.iter().rev() {
            (*bit..place).for_each(|_| montgomery.square(&mut product));
            montgomery.multiply(&mut product, factor);
            place = *bit;
        }
        (0..place).for_each(|_| montgomery.square(&mut product));
        montgomery.leave(&mut product);
        self.residue_of(product)
    }
}

impl Residue {
    pub(crate) fn is_zero(&self) -> bool {
        self.blocks.as_flattened().iter().all(|&word| word == 0)
    }

    pub(crate) fn is_one(&self) -> bool {
        let (lowest, rest) = self.blocks.as_flattened().split_first().unwrap_or((&0, &[]));
        *lowest == 1 && rest.iter().all(|&word| word == 0)
    }

    /// Big-endian octets, as many as the modulus has.
    pub(crate) fn to_octets(&self) -> Vec<u8> {
        let mut octets = vec![0; self.octets];
        for (chunk, word) in octets.rchunks_mut(8).zip(self.blocks.as_flattened()) {
            let word = word.to_be_bytes();
            chunk.copy_from_slice(word.get(word.len().saturating_sub(chunk.len())..).unwrap_or_default());
        }
        octets
    }
}

impl PowerTable {
    /// Which powers have to be multiplied for `base ^ exponent`, and how often each is squared after that.
    fn factors(&self, exponent: &[u8]) -> Vec<(u32, &[Block])> {
        let words = words_from_octets(exponent);
        let bits = u32::try_from(exponent.len().saturating_mul(8)).unwrap_or(u32::MAX);
        let mut factors = Vec::new();
        let mut start = 0_u32;
        for (part, odd_powers) in self.odd_powers.iter().enumerate() {
            // The last part takes what is left.
            let is_last = part.saturating_add(1) == self.odd_powers.len();
            let end = if is_last { bits } else { start.saturating_add(self.part_bits).min(bits) };
            factors.extend(windows(&words, start..end, WINDOW).into_iter().filter_map(|window| {
                Some((window.bit.checked_sub(start)?, odd_powers.get(window.odd_power)?.as_slice()))
            }));
            start = end;
        }
        factors
    }
}

/// base, base ^ 3, and so on, in Montgomery form.
fn odd_powers_of(montgomery: &mut Montgomery<'_>, base: &[Block]) -> Vec<Vec<Block>> {
    let mut square = base.to_vec();
    montgomery.square(&mut square);
    let mut power = base.to_vec();
    let mut odd_powers = vec![power.clone()];
    for _ in 1..1 << WINDOW >> 1 {
        montgomery.multiply(&mut power, &square);
        odd_powers.push(power.clone());
    }
    odd_powers
}

/// A run of exponent bits whose lowest one is set.
struct Window {
    /// The place of the lowest bit.
    bit: u32,
    /// The place of `base ^ value` among the odd powers.
    odd_power: usize,
}

/// A part of an exponent as sliding windows of at most `width` bits, from the lowest to the highest.
fn windows(exponent: &[u64], part: Range<u32>, width: u32) -> Vec<Window> {
    let mut windows = Vec::new();
    let Range { start: mut bit, end } = part;
    while bit < end {
        if !is_set(exponent, bit) {
            bit = bit.saturating_add(1);
            continue;
        }
        let above = bit.saturating_add(width).min(end);
        let value =
            (bit..above).rev().fold(0_usize, |value, bit| value << 1 | usize::from(is_set(exponent, bit)));
        windows.push(Window { bit, odd_power: value >> 1 });
        bit = above;
    }
    windows
}

fn is_set(number: &[u64], bit: u32) -> bool {
    let word = usize::try_from(bit / u64::BITS).ok().and_then(|word| number.get(word));
    word.is_some_and(|word| word >> (bit % u64::BITS) & 1 == 1)
}

/// 1 / word modulo 2^64 for an odd word, by Newton's method: every step doubles the bits that are right, three at first.
fn inverse_of_word(word: u64) -> u64 {
    (0..5).fold(word, |inverse, _| inverse.wrapping_mul(2_u64.wrapping_sub(word.wrapping_mul(inverse))))
}

fn trimmed(magnitude: &[u8]) -> &[u8] {
    let zeros = magnitude.iter().take_while(|&&octet| octet == 0).count();
    magnitude.get(zeros..).unwrap_or_default()
}

/// Big-endian octets as so many blocks, `None` if they do not fit.
fn blocks_from_octets(octets: &[u8], blocks: usize) -> Option<Vec<Block>> {
    let mut blocks = vec![[0; WORDS]; blocks];
    let mut words = blocks.as_flattened_mut().iter_mut();
    for chunk in octets.rchunks(8) {
        *words.next()? = word_from_octets(chunk);
    }
    Some(blocks)
}

fn words_from_octets(octets: &[u8]) -> Vec<u64> {
    octets.rchunks(8).map(word_from_octets).collect()
}

/// At most eight octets, the highest first.
fn word_from_octets(octets: &[u8]) -> u64 {
    match octets.try_into() {
        Ok(octets) => u64::from_be_bytes(octets),
        Err(_) => octets.iter().fold(0, |word, &octet| word << 8 | u64::from(octet)),
    }
}

fn octets_of(bits: u32) -> usize {
    usize::try_from(bits.div_ceil(8)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
    use crypto_bigint::{BoxedUint, Odd};
    use proptest::prelude::*;

    fn number(octets: &[u8]) -> u128 {
        octets.iter().fold(0, |number, &octet| number << 8 | u128::from(octet))
    }

    /// The slow way: one bit of the exponent after the other, in u128.
    fn reference_power(base: u128, exponent: u128, modulus: u128) -> u128 {
        (0..128).rev().fold(1 % modulus, |power, bit| {
            let square = power * power % modulus;
            if exponent >> bit & 1 == 1 { square * base % modulus } else { square }
        })
    }

    /// Octets in runs of zeros and of ones, of any octet, and of single bits: where carries run far.
    fn structured(octets: Range<usize>) -> impl Strategy<Value = Vec<u8>> {
        let run = (prop_oneof![Just(0), Just(0xff), Just(0x80), Just(1), any::<u8>()], 1..40_usize);
        let runs = proptest::collection::vec(run, 1..16);
        (runs, octets).prop_map(|(runs, octets)| {
            runs.iter().cycle().flat_map(|&(octet, length)| vec![octet; length]).take(octets).collect()
        })
    }

    fn odd_modulus(octets: Range<usize>) -> impl Strategy<Value = Vec<u8>> {
        let octets = prop_oneof![proptest::collection::vec(any::<u8>(), octets.clone()), structured(octets)];
        octets.prop_filter_map("above 1", |mut octets| {
            *octets.last_mut()? |= 1;
            Modulus::new(&octets).map(|_| octets)
        })
    }

    /// crypto-bigint's answers.
    struct Oracle(BoxedMontyParams);

    impl Oracle {
        fn new(modulus: &[u8]) -> Self {
            let modulus = BoxedUint::from_be_slice_vartime(modulus);
            Self(BoxedMontyParams::new_vartime(Odd::new(modulus).unwrap()))
        }

        fn reduce(&self, number: &[u8]) -> BoxedMontyForm {
            let number = BoxedUint::from_be_slice_vartime(number);
            BoxedMontyForm::new(number.rem_vartime(self.0.modulus().as_nz_ref()), &self.0)
        }

        fn power(&self, base: &[u8], exponent: &[u8]) -> BoxedMontyForm {
            self.reduce(base).pow(&BoxedUint::from_be_slice_vartime(exponent))
        }
    }

    fn octets(form: &BoxedMontyForm, length: usize) -> Vec<u8> {
        let octets = form.retrieve().to_be_bytes();
        [vec![0; length.saturating_sub(octets.len())], octets.to_vec()].concat()
            [octets.len().saturating_sub(length)..]
            .to_vec()
    }

    proptest! {
        #[test]
        fn powers_agree_with_the_slow_way(
            modulus in (1_u64..1 << 31).prop_map(|half| half * 2 + 1),
            a: u64, b: u64, x: [u8; 12], y: [u8; 5], e in 0_u64..1 << 40, bits in 0..100_u32,
        ) {
            let m = Modulus::new(&modulus.to_be_bytes()).unwrap();
            let (wide, a, b) = (u128::from(modulus), m.reduce(&a.to_be_bytes()), m.reduce(&b.to_be_bytes()));
            let (na, nb) = (number(&a.to_octets()), number(&b.to_octets()));
            let joint = m.product_of_powers(&[(&m.power_table(&a, bits), &x), (&m.power_table(&b, 40), &y)]);
            let expected = reference_power(na, number(&x), wide) * reference_power(nb, number(&y), wide) % wide;
            prop_assert_eq!(number(&joint.to_octets()), expected);
            prop_assert_eq!(number(&m.power(&a, e).to_octets()), reference_power(na, u128::from(e), wide));
            let [product, square] = m.multiples(&a, [&b, &a]);
            prop_assert_eq!(number(&product.to_octets()), na * nb % wide);
            prop_assert_eq!(number(&square.to_octets()), na * na % wide);
            if let Some(inverse) = m.invert(&a) {
                prop_assert!(m.multiples(&inverse, [&a])[0].is_one());
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn numbers_of_any_size_agree_with_crypto_bigint(
            modulus in odd_modulus(1..400),
            a in prop_oneof![structured(0..500), proptest::collection::vec(any::<u8>(), 0..500)],
            b in structured(0..400),
            exponent in prop_oneof![Just(3), Just(65537), Just((1 << 33) - 1), 0_u64..1 << 33],
            x in structured(0..40), y in structured(0..40),
        ) {
            let (m, oracle) = (Modulus::new(&modulus).unwrap(), Oracle::new(&modulus));
            let same = |ours: &Residue, theirs: &BoxedMontyForm| {
                prop_assert_eq!(ours.to_octets(), octets(theirs, m.octets()));
                Ok(())
            };
            let (ra, rb) = (m.reduce(&a), m.reduce(&b));
            same(&ra, &oracle.reduce(&a))?;
            same(&m.multiples(&ra, [&rb])[0], &oracle.reduce(&a).mul(&oracle.reduce(&b)))?;
            let power = oracle.power(&a, &exponent.to_be_bytes());
            let joint = oracle.power(&a, &x).mul(&oracle.power(&b, &y));
            for kernel in Kernel::all() {
                same(&m.power_with(kernel, &ra, exponent), &power)?;
                let tables = [&ra, &rb].map(|base| m.power_table_with(kernel, base, 256));
                same(&m.product_of_powers_with(kernel, &[(&tables[0], &x), (&tables[1], &y)]), &joint)?;
            }
        }

        #[test]
        fn inverses_agree_with_those_of_crypto_bigint(
            modulus in odd_modulus(1..300), number in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let (m, oracle) = (Modulus::new(&modulus).unwrap(), Oracle::new(&modulus));
            // The number itself, its opposite, and those at the ends.
            let opposite = octets(&oracle.reduce(&number).neg(), m.octets());
            for x in [&number[..], &opposite, &[2], &[1], &[]] {
                let theirs = oracle.reduce(x).invert_vartime().into_option();
                let ours = m.invert(&m.reduce(x)).map(|inverse| inverse.to_octets());
                prop_assert_eq!(ours, theirs.map(|inverse| octets(&inverse, m.octets())));
            }
        }

        #[test]
        fn kernels_agree(words: [[u64; 32]; 4], mask: [[u8; 32]; 4], inverse: u64) {
            // Words of zeros and of ones as often as any others.
            let mut number = [[[0_u64; 8]; 4]; 4];
            for (i, number) in number.iter_mut().enumerate() {
                for (j, word) in number.as_flattened_mut().iter_mut().enumerate() {
                    *word = match mask[i][j] % 4 { 0 => 0, 1 => u64::MAX, _ => words[i][j] };
                }
            }
            let [accumulator, x, [y, ..], [carry, ..]] = number;
            let [ours, theirs] = [Kernel::Portable, Kernel::fastest()].map(|kernel| {
                let mut accumulator = accumulator;
                let carry = kernel.multiply_add(&mut accumulator, &x, &y, carry);
                let mut cancelled = carry;
                let multiple = kernel.cancel(&mut cancelled, &x[0], inverse);
                let mut cross = [[u64::MAX; 8]; 2];
                kernel.cross(&mut cross, &y);
                (accumulator, carry, cancelled, multiple, cross)
            });
            prop_assert_eq!(ours, theirs);
        }
    }

    /// All ones, a power of 2 and 1, and one bit at the border of a word or block; numbers at both ends.
    #[test]
    fn the_ends_of_every_size_agree_with_crypto_bigint() {
        for bits in [2, 63, 64, 65, 160, 256, 511, 512, 513, 1023, 1024, 1025, 1536, 2047, 2048, 2049, 4096] {
            let one = BoxedUint::one_with_precision(bits);
            let power = one.shl(bits - 1);
            let ones = power.wrapping_sub(&one).bitor(&power);
            let half = power.shr(bits / 2).bitor(&power);
            for modulus in [ones.clone(), power.clone(), half] {
                let modulus = modulus.bitor(&one).to_be_bytes();
                let (m, oracle) = (Modulus::new(&modulus).unwrap(), Oracle::new(&modulus));
                assert_eq!(m.bits(), bits);
                let less_one = octets(&oracle.reduce(&[1]).neg(), m.octets());
                for base in [&[][..], &[1], &[2], &less_one, &modulus, &vec![0xff; 600]] {
                    for exponent in [3, 65537, (1 << 33) - 1, 4] {
                        let power = octets(&oracle.power(base, &u64::to_be_bytes(exponent)), m.octets());
                        for kernel in Kernel::all() {
                            let ours = m.power_with(kernel, &m.reduce(base), exponent).to_octets();
                            assert_eq!(ours, power, "{bits} {exponent} {kernel:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn an_even_modulus_one_and_zero_are_refused() {
        for magnitude in [&[][..], &[0], &[1], &[0, 1], &[2], &[0x10, 0x00]] {
            assert!(Modulus::new(magnitude).is_none(), "{magnitude:?}");
        }
        assert!(Modulus::new(&[0, 0, 3]).is_some_and(|three| three.bits() == 2 && three.octets() == 1));
    }

    #[test]
    fn primes_pass_and_composites_fail() {
        let bases = |modulus: &Modulus| (2..50_u8).map(|base| modulus.reduce(&[base])).collect::<Vec<_>>();
        let is_prime = |magnitude: &[u8]| {
            let modulus = Modulus::new(magnitude).unwrap();
            modulus.is_probable_prime(bases(&modulus))
        };
        let slow =
            |number: u16| (2..number).take_while(|d| d * d <= number).all(|d| !number.is_multiple_of(d));
        for number in (3..3000_u16).step_by(2) {
            assert_eq!(is_prime(&number.to_be_bytes()), slow(number), "{number}");
        }
        // The prime of P-256, and its square; a Carmichael number; a strong pseudoprime to the first twelve primes.
        let mut p256 = [0xff; 32];
        p256[4..20].copy_from_slice(&[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert!(is_prime(&p256));
        p256[31] = 0xfd;
        assert!(!is_prime(&p256));
        assert!(!is_prime(&825_265_u32.to_be_bytes()));
        assert!(!is_prime(&0x437a_e928_17f9_fc85_b7e5_u128.to_be_bytes()));
        // A Carmichael number without small factors: every base coprime to it passes Fermat's test.
        assert!(!is_prime(&0x0144_0086_e2d2_b7e1_ada8_8ea9_u128.to_be_bytes()));
        // 2^521 - 1 is prime, and longer than any q.
        let mut mersenne = [0xff; 66];
        mersenne[0] = 1;
        assert!(!is_prime(&mersenne));
    }

    #[test]
    fn a_number_of_any_length_is_read_at_the_modulus_precision() {
        let modulus = Modulus::new(&[0xff; 24]).unwrap();
        for (magnitude, below) in [
            (&[][..], true),
            (&[5], true),
            (&[0; 100], true),
            (&[0xff; 23], true),
            (&[0xff; 24], false),
            (&[0xff; 25], false),
            (&[1; 200], false),
        ] {
            assert_eq!(modulus.residue(magnitude).is_some(), below, "{}", magnitude.len());
            assert!(modulus.residue(&modulus.reduce(magnitude).to_octets()).is_some());
        }
    }

    #[test]
    fn a_zero_exponent_gives_one_and_a_zero_base_has_no_inverse() {
        let modulus = Modulus::new(&[0x61]).unwrap();
        let table = modulus.power_table(&modulus.reduce(&[7]), 0);
        for exponent in [&[][..], &[0], &[0, 0, 0]] {
            assert!(modulus.product_of_powers(&[(&table, exponent)]).is_one());
        }
        assert!(modulus.power(&modulus.reduce(&[7]), 0).is_one());
        assert!(modulus.invert(&modulus.reduce(&[0x61])).is_none());
        assert!(modulus.product_of_powers(&[]).is_one());
    }
}
