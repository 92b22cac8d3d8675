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

use crate::digest::sha512::K;

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
