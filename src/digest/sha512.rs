//! SHA-384 and SHA-512: FIPS 180-4 section 6.4 and 6.5.

#[cfg(all(target_arch = "x86_64", target_pointer_width = "64", not(longhand_portable)))]
mod avx2;

type State = [u64; 8];
type Block = [u8; 128];

/// FIPS 180-4 section 5.3.4: the square roots of the ninth to the sixteenth prime, 64 bits behind the point.
pub(super) const INITIAL_384: State = [
    0xcbbb_9d5d_c105_9ed8,
    0x629a_292a_367c_d507,
    0x9159_015a_3070_dd17,
    0x152f_ecd8_f70e_5939,
    0x6733_2667_ffc0_0b31,
    0x8eb4_4a87_6858_1511,
    0xdb0c_2e0d_64f9_8fa7,
    0x47b5_481d_befa_4fa4,
];

/// FIPS 180-4 section 5.3.5: the square roots of the first eight primes.
pub(super) const INITIAL_512: State = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];

/// Takes the blocks into the state: by the kernel where the processor can run it, else by the crate.
#[inline]
pub(super) fn compress(state: &mut State, blocks: &[Block]) {
    #[cfg(all(target_arch = "x86_64", target_pointer_width = "64", not(longhand_portable)))]
    if avx2::compress(state, blocks) {
        return;
    }
    sha2::block_api::compress512(state, blocks);
}
