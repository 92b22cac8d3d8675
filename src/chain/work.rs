//! What checking signatures costs, so that no set of certificates can make a search run long.

use crate::limits::MAX_CHAIN_WORK;
use crate::public_key::{KeyKind, KeyOutline};

/// The budget of one search.
#[derive(Debug, Default)]
pub(super) struct Work {
    spent: u32,
}

/// The budget does not allow what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exhausted;

impl Work {
    /// Takes `units` from the budget, before they are spent.
    pub(super) fn charge(&mut self, units: u32) -> Result<(), Exhausted> {
        let spent = self.spent.saturating_add(units);
        if spent > MAX_CHAIN_WORK {
            return Err(Exhausted);
        }
        self.spent = spent;
        Ok(())
    }

    pub(super) fn spent(&self) -> u32 {
        self.spent
    }
}

/// The price of checking one signature with this key, in units of 35 µs at the most; measured with
/// `benches/peers/run chains`, rounded up. RSA has become faster since: its checks take less than they are charged.
pub(super) fn signature_price(key: &KeyOutline) -> u32 {
    match key.kind {
        // Multiplications of numbers of `bits` bits; 19 is 65537's count.
        KeyKind::Rsa => scaled(1, key.bits, key.exponent, 19),
        KeyKind::Dsa => scaled(16, key.bits, key.exponent, 256).saturating_add(1),
        KeyKind::P256 => 8,
        KeyKind::Ec(_) => 24,
        KeyKind::Ed25519 => 2,
    }
}

/// The price of preparing this key, paid once: DSA's q is proven prime, its g and y to be of order q; RSA's Montgomery
/// constants are computed.
pub(super) fn preparation_price(key: &KeyOutline) -> u32 {
    match key.kind {
        KeyKind::Dsa => scaled(56, key.bits, key.exponent, 256).saturating_add(8),
        KeyKind::Rsa => scaled(1, key.bits, 1, 1) / 4,
        _ => 0,
    }
}

/// The price of finding and sorting so many candidates for an issuer: far below a signature check, but thousands of
/// certificates of one name and key would have millions of pairs.
pub(super) fn ordering_price(candidates: usize) -> u32 {
    const CANDIDATES_A_UNIT: usize = 32;
    u32::try_from(candidates / CANDIDATES_A_UNIT).unwrap_or(u32::MAX)
}

/// The price of judging so many certificate policies and mappings along a path.
///
/// The policies of one certificate may all still be valid at the next, so the work grows with the sum of their sums.
pub(super) fn policies_price(entries: impl Iterator<Item = usize>) -> u32 {
    const ENTRIES_A_UNIT: usize = 64;
    let mut so_far = 0_usize;
    let sums = entries.map(|entries| {
        so_far = so_far.saturating_add(entries);
        so_far
    });
    u32::try_from(sums.fold(0, usize::saturating_add) / ENTRIES_A_UNIT).unwrap_or(u32::MAX)
}

/// The price of so many comparisons of names.
pub(super) fn names_price(comparisons: u32) -> u32 {
    const COMPARISONS_A_UNIT: u32 = 64;
    comparisons / COMPARISONS_A_UNIT
}

/// The price of hashing so many octets that are signed: free for certificates of the usual size.
pub(super) fn hashing_price(octets: usize) -> u32 {
    const OCTETS_A_UNIT: usize = 16 * 1024;
    u32::try_from(octets / OCTETS_A_UNIT).unwrap_or(u32::MAX)
}

/// `units * (bits / 2048)^2 * exponent / usual_exponent`, rounded up.
fn scaled(units: u32, bits: u32, exponent: u32, usual_exponent: u32) -> u32 {
    let product =
        [bits, bits, exponent].into_iter().map(u64::from).fold(u64::from(units), u64::saturating_mul);
    let one = u64::from(usual_exponent).saturating_mul(2048 * 2048);
    u32::try_from(product.div_ceil(one)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_grow_with_the_key_and_its_exponent() {
        let rsa = |bits, exponent| signature_price(&KeyOutline { kind: KeyKind::Rsa, bits, exponent });
        for (bits, multiplications, price) in [
            (1024, 19, 1),
            (2048, 19, 1),
            (2049, 19, 2),
            (4096, 19, 4),
            (16_384, 19, 64),
            (16_384, 66, 223),
            (2048, 4, 1),
        ] {
            assert_eq!(rsa(bits, multiplications), price, "{bits} {multiplications}");
        }
        for (bits, exponent, price, preparation) in
            [(1024, 160, 4, 17), (2048, 256, 17, 64), (3072, 256, 37, 134), (4096, 256, 65, 232)]
        {
            let dsa = KeyOutline { kind: KeyKind::Dsa, bits, exponent };
            assert_eq!((signature_price(&dsa), preparation_price(&dsa)), (price, preparation), "{bits}");
        }
    }

    #[test]
    fn a_few_candidates_or_policies_are_free() {
        for (candidates, price) in [(0, 0), (31, 0), (32, 1), (500, 15), (4096, 128)] {
            assert_eq!(ordering_price(candidates), price, "{candidates}");
        }
        for (entries, price) in [(&[][..], 0), (&[63], 0), (&[64], 1), (&[2; 7], 0), (&[128; 64], 4160)] {
            assert_eq!(policies_price(entries.iter().copied()), price, "{entries:?}");
        }
        assert_eq!((names_price(63), names_price(64), names_price(250_000)), (0, 1, 3906));
        assert_eq!((hashing_price(16_383), hashing_price(16_384), hashing_price(16 << 20)), (0, 1, 1024));
    }

    #[test]
    fn the_budget_is_spent_to_its_last_unit_and_no_further() {
        let mut work = Work::default();
        assert_eq!(work.charge(MAX_CHAIN_WORK), Ok(()));
        assert_eq!(work.charge(0), Ok(()));
        assert_eq!(work.charge(1), Err(Exhausted));
        assert_eq!(work.spent(), MAX_CHAIN_WORK);
        assert_eq!(work.charge(u32::MAX), Err(Exhausted));
    }
}
