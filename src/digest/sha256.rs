//! SHA-224 and SHA-256: FIPS 180-4 section 6.2 and 6.3.

/// FIPS 180-4 section 5.3.2: the lower halves of SHA-384's.
pub(super) const INITIAL_224: [u32; 8] =
    [0xc105_9ed8, 0x367c_d507, 0x3070_dd17, 0xf70e_5939, 0xffc0_0b31, 0x6858_1511, 0x64f9_8fa7, 0xbefa_4fa4];

/// FIPS 180-4 section 5.3.3: the square roots of the first eight primes, 32 bits behind the point.
pub(super) const INITIAL_256: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// Takes the blocks into the state. The crate uses the processor's SHA instructions where it has them: each round waits
/// for the one before, so that one stream cannot go faster.
#[inline]
pub(super) fn compress(state: &mut [u32; 8], blocks: &[[u8; 64]]) {
    sha2::block_api::compress256(state, blocks);
}
