//! Four SHA-512 streams at once in the lanes of AVX2.
//!
//! SHA-512 of one stream runs in general registers, each round waiting for the one before. Here each word of the state is
//! a register of four lanes, one a stream, and four streams take the time of one and a half.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::needless_range_loop,
    reason = "constant indices into arrays whose lengths are in their types; an iterator's closures would be compiled \
              without the target features"
)]

use std::arch::x86_64::{
    __m256i, _mm256_add_epi64, _mm256_and_si256, _mm256_extract_epi64, _mm256_permute2x128_si256,
    _mm256_set_epi64x, _mm256_set1_epi64x, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_slli_epi64,
    _mm256_srli_epi64, _mm256_unpackhi_epi64, _mm256_unpacklo_epi64, _mm256_xor_si256,
};

/// How many streams there are lanes for.
pub(super) const LANES: usize = 4;

/// Whether this processor has what [`compress`] needs.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx2")
}

/// Takes as many blocks of each stream as the shortest has, if this processor can; how many.
pub(super) fn compress(states: [&mut [u64; 8]; LANES], blocks: [&[[u8; 128]]; LANES]) -> usize {
    if !is_available() {
        return 0;
    }
    // SAFETY: the processor has the feature that the function is compiled for.
    #[allow(unsafe_code, reason = "the only way into a function compiled for more than the target has")]
    unsafe {
        in_lanes(states, blocks)
    }
}

#[target_feature(enable = "avx2")]
fn in_lanes(states: [&mut [u64; 8]; LANES], blocks: [&[[u8; 128]]; LANES]) -> usize {
    let [s0, s1, s2, s3] = states;
    let [b0, b1, b2, b3] = blocks;
    let mut state = [_mm256_setzero_si256(); 8];
    for word in 0..8 {
        state[word] = vector([s0[word], s1[word], s2[word], s3[word]]);
    }
    let length = b0.len().min(b1.len()).min(b2.len()).min(b3.len());
    for block in 0..length {
        state = compress_block(state, words([&b0[block], &b1[block], &b2[block], &b3[block]]));
    }
    for word in 0..8 {
        s0[word] = _mm256_extract_epi64::<0>(state[word]).cast_unsigned();
        s1[word] = _mm256_extract_epi64::<1>(state[word]).cast_unsigned();
        s2[word] = _mm256_extract_epi64::<2>(state[word]).cast_unsigned();
        s3[word] = _mm256_extract_epi64::<3>(state[word]).cast_unsigned();
    }
    length
}

/// FIPS 180-4 section 6.4.2, in each lane.
#[inline]
#[target_feature(enable = "avx2")]
fn compress_block(before: [__m256i; 8], mut w: [__m256i; 16]) -> [__m256i; 8] {
    let mut state = before;
    let [scheduled @ .., last] = &K;
    for constants in scheduled {
        // Eight rounds bring each word of the state back to its register.
        for at in [0, 8] {
            state = scheduled_round(state, &mut w, at, constants);
            state = scheduled_round(state, &mut w, at + 1, constants);
            state = scheduled_round(state, &mut w, at + 2, constants);
            state = scheduled_round(state, &mut w, at + 3, constants);
            state = scheduled_round(state, &mut w, at + 4, constants);
            state = scheduled_round(state, &mut w, at + 5, constants);
            state = scheduled_round(state, &mut w, at + 6, constants);
            state = scheduled_round(state, &mut w, at + 7, constants);
        }
    }
    for at in 0..16 {
        state = round(state, add(w[at], _mm256_set1_epi64x(last[at].cast_signed())));
    }
    for word in 0..8 {
        state[word] = add(state[word], before[word]);
    }
    state
}

/// A round, and in the place of its word of the schedule the one that comes sixteen words later.
#[inline]
#[target_feature(enable = "avx2")]
fn scheduled_round(state: [__m256i; 8], w: &mut [__m256i; 16], at: usize, k: &[u64; 16]) -> [__m256i; 8] {
    let state = round(state, add(w[at], _mm256_set1_epi64x(k[at].cast_signed())));
    w[at] = next_word(w, at);
    state
}

#[inline]
#[target_feature(enable = "avx2")]
fn round([a, b, c, d, e, f, g, h]: [__m256i; 8], keyed: __m256i) -> [__m256i; 8] {
    // Ch(e, f, g) and Maj(a, b, c) of section 4.1.3, with one operation less each.
    let choice = xor(g, _mm256_and_si256(e, xor(f, g)));
    let majority = xor(b, _mm256_and_si256(xor(a, b), xor(b, c)));
    let sum = add(add(add(h, keyed), choice), sum_1(e));
    [add(sum, add(majority, sum_0(a))), a, b, c, add(d, sum), e, f, g]
}

/// The word of the schedule that comes after the sixteen in `w`, of which `at` has the oldest.
#[inline]
#[target_feature(enable = "avx2")]
fn next_word(w: &[__m256i; 16], at: usize) -> __m256i {
    let (w1, w9, w14) = (w[(at + 1) % 16], w[(at + 9) % 16], w[(at + 14) % 16]);
    add(add(w[at], sigma_0(w1)), add(w9, sigma_1(w14)))
}

#[inline]
#[target_feature(enable = "avx2")]
fn sum_0(x: __m256i) -> __m256i {
    xor(xor(rotate::<28, 36>(x), rotate::<34, 30>(x)), rotate::<39, 25>(x))
}

#[inline]
#[target_feature(enable = "avx2")]
fn sum_1(x: __m256i) -> __m256i {
    xor(xor(rotate::<14, 50>(x), rotate::<18, 46>(x)), rotate::<41, 23>(x))
}

#[inline]
#[target_feature(enable = "avx2")]
fn sigma_0(x: __m256i) -> __m256i {
    // A rotation by a whole octet is one shuffle.
    let rotate_8 = _mm256_set_epi64x(
        0x080f_0e0d_0c0b_0a09,
        0x0007_0605_0403_0201,
        0x080f_0e0d_0c0b_0a09,
        0x0007_0605_0403_0201,
    );
    xor(xor(rotate::<1, 63>(x), _mm256_shuffle_epi8(x, rotate_8)), _mm256_srli_epi64::<7>(x))
}

#[inline]
#[target_feature(enable = "avx2")]
fn sigma_1(x: __m256i) -> __m256i {
    xor(xor(rotate::<19, 45>(x), rotate::<61, 3>(x)), _mm256_srli_epi64::<6>(x))
}

/// To the right; both numbers together are 64.
#[inline]
#[target_feature(enable = "avx2")]
fn rotate<const RIGHT: i32, const LEFT: i32>(x: __m256i) -> __m256i {
    xor(_mm256_srli_epi64::<RIGHT>(x), _mm256_slli_epi64::<LEFT>(x))
}

#[inline]
#[target_feature(enable = "avx2")]
fn add(a: __m256i, b: __m256i) -> __m256i {
    _mm256_add_epi64(a, b)
}

#[inline]
#[target_feature(enable = "avx2")]
fn xor(a: __m256i, b: __m256i) -> __m256i {
    _mm256_xor_si256(a, b)
}

#[inline]
#[target_feature(enable = "avx2")]
fn vector([w0, w1, w2, w3]: [u64; 4]) -> __m256i {
    _mm256_set_epi64x(w3.cast_signed(), w2.cast_signed(), w1.cast_signed(), w0.cast_signed())
}

/// The sixteen words of each block, those at one place in one register.
#[inline]
#[target_feature(enable = "avx2")]
fn words(blocks: [&[u8; 128]; LANES]) -> [__m256i; 16] {
    let swap = _mm256_set_epi64x(
        0x0809_0a0b_0c0d_0e0f,
        0x0001_0203_0405_0607,
        0x0809_0a0b_0c0d_0e0f,
        0x0001_0203_0405_0607,
    );
    let mut words = [_mm256_setzero_si256(); 16];
    for quarter in 0..4 {
        let mut rows = [_mm256_setzero_si256(); LANES];
        for lane in 0..LANES {
            let (octets, _) = blocks[lane].as_chunks::<8>();
            let at = 4 * quarter;
            let row = [octets[at], octets[at + 1], octets[at + 2], octets[at + 3]];
            rows[lane] = _mm256_shuffle_epi8(vector(row.map(u64::from_le_bytes)), swap);
        }
        let columns = transpose(rows);
        for i in 0..4 {
            words[4 * quarter + i] = columns[i];
        }
    }
    words
}

#[inline]
#[target_feature(enable = "avx2")]
fn transpose([r0, r1, r2, r3]: [__m256i; 4]) -> [__m256i; 4] {
    let (even_01, odd_01) = (_mm256_unpacklo_epi64(r0, r1), _mm256_unpackhi_epi64(r0, r1));
    let (even_23, odd_23) = (_mm256_unpacklo_epi64(r2, r3), _mm256_unpackhi_epi64(r2, r3));
    [
        _mm256_permute2x128_si256::<0x20>(even_01, even_23),
        _mm256_permute2x128_si256::<0x20>(odd_01, odd_23),
        _mm256_permute2x128_si256::<0x31>(even_01, even_23),
        _mm256_permute2x128_si256::<0x31>(odd_01, odd_23),
    ]
}

/// The constants of the rounds (FIPS 180-4 section 4.2.3).
#[rustfmt::skip]
const K: [[u64; 16]; 5] = [
    [
        0x428a_2f98_d728_ae22, 0x7137_4491_23ef_65cd, 0xb5c0_fbcf_ec4d_3b2f, 0xe9b5_dba5_8189_dbbc,
        0x3956_c25b_f348_b538, 0x59f1_11f1_b605_d019, 0x923f_82a4_af19_4f9b, 0xab1c_5ed5_da6d_8118,
        0xd807_aa98_a303_0242, 0x1283_5b01_4570_6fbe, 0x2431_85be_4ee4_b28c, 0x550c_7dc3_d5ff_b4e2,
        0x72be_5d74_f27b_896f, 0x80de_b1fe_3b16_96b1, 0x9bdc_06a7_25c7_1235, 0xc19b_f174_cf69_2694,
    ],
    [
        0xe49b_69c1_9ef1_4ad2, 0xefbe_4786_384f_25e3, 0x0fc1_9dc6_8b8c_d5b5, 0x240c_a1cc_77ac_9c65,
        0x2de9_2c6f_592b_0275, 0x4a74_84aa_6ea6_e483, 0x5cb0_a9dc_bd41_fbd4, 0x76f9_88da_8311_53b5,
        0x983e_5152_ee66_dfab, 0xa831_c66d_2db4_3210, 0xb003_27c8_98fb_213f, 0xbf59_7fc7_beef_0ee4,
        0xc6e0_0bf3_3da8_8fc2, 0xd5a7_9147_930a_a725, 0x06ca_6351_e003_826f, 0x1429_2967_0a0e_6e70,
    ],
    [
        0x27b7_0a85_46d2_2ffc, 0x2e1b_2138_5c26_c926, 0x4d2c_6dfc_5ac4_2aed, 0x5338_0d13_9d95_b3df,
        0x650a_7354_8baf_63de, 0x766a_0abb_3c77_b2a8, 0x81c2_c92e_47ed_aee6, 0x9272_2c85_1482_353b,
        0xa2bf_e8a1_4cf1_0364, 0xa81a_664b_bc42_3001, 0xc24b_8b70_d0f8_9791, 0xc76c_51a3_0654_be30,
        0xd192_e819_d6ef_5218, 0xd699_0624_5565_a910, 0xf40e_3585_5771_202a, 0x106a_a070_32bb_d1b8,
    ],
    [
        0x19a4_c116_b8d2_d0c8, 0x1e37_6c08_5141_ab53, 0x2748_774c_df8e_eb99, 0x34b0_bcb5_e19b_48a8,
        0x391c_0cb3_c5c9_5a63, 0x4ed8_aa4a_e341_8acb, 0x5b9c_ca4f_7763_e373, 0x682e_6ff3_d6b2_b8a3,
        0x748f_82ee_5def_b2fc, 0x78a5_636f_4317_2f60, 0x84c8_7814_a1f0_ab72, 0x8cc7_0208_1a64_39ec,
        0x90be_fffa_2363_1e28, 0xa450_6ceb_de82_bde9, 0xbef9_a3f7_b2c6_7915, 0xc671_78f2_e372_532b,
    ],
    [
        0xca27_3ece_ea26_619c, 0xd186_b8c7_21c0_c207, 0xeada_7dd6_cde0_eb1e, 0xf57d_4f7f_ee6e_d178,
        0x06f0_67aa_7217_6fba, 0x0a63_7dc5_a2c8_98a6, 0x113f_9804_bef9_0dae, 0x1b71_0b35_131c_471b,
        0x28db_77f5_2304_7d84, 0x32ca_ab7b_40c7_2493, 0x3c9e_be0a_15c9_bebc, 0x431d_67c4_9c10_0d4c,
        0x4cc5_d4be_cb3e_42b6, 0x597f_299c_fc65_7e2a, 0x5fcb_6fab_3ad6_faec, 0x6c44_198c_4a47_5817,
    ],
];
