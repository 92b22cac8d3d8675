//! Randomness that can be had again.

use openssl::bn::BigNum;

/// SplitMix64.
pub struct Random(u64);

impl Random {
    /// The randomness of one case: any case can be made without those before it.
    pub fn new(seed: u64, case: u64) -> Self {
        let mut random = Self(seed ^ case.wrapping_mul(0xd134_2543_de82_ef95));
        random.next();
        random
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Less than `bound`; 0 if that is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        if bound == 0 { 0 } else { (self.next() % bound as u64) as usize }
    }

    pub fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    pub fn octets(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }

    /// Of exactly this many bits.
    pub fn number(&mut self, bits: i32) -> BigNum {
        let mut number = BigNum::from_slice(&self.octets(bits as usize / 8 + 1)).unwrap();
        let _ = number.mask_bits(bits);
        number.set_bit(bits - 1).unwrap();
        number
    }

    /// From 1 to `bound` - 1.
    pub fn residue(&mut self, bound: &BigNum) -> BigNum {
        let number = BigNum::from_slice(&self.octets(bound.num_bytes() as usize + 8)).unwrap();
        let one = BigNum::from_u32(1).unwrap();
        let less = bound - &one;
        &(&number % &less) + &one
    }

    pub fn flip_bit(&mut self, octets: &mut [u8]) {
        if !octets.is_empty() {
            let place = self.below(octets.len());
            octets[place] ^= 1 << self.below(8);
        }
    }
}
