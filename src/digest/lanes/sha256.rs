//! Two SHA-256 streams at once on the SHA instructions of x86-64.
//!
//! SHA256RNDS2 does two rounds and takes four cycles, but on the processors measured another can begin in each. One stream,
//! in which each waits for the one before, leaves most of the unit idle; a second one in between takes hardly any time.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::needless_range_loop,
    reason = "constant indices into arrays whose lengths are in their types; an iterator's closures would be compiled \
              without the target features"
)]

use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_extract_epi32, _mm_set_epi32, _mm_set_epi64x,
    _mm_setzero_si128, _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi8,
    _mm_shuffle_epi32,
};
use std::hint::black_box;

/// How many streams are taken at once. Three or four take no less time for each.
pub(super) const STREAMS: usize = 2;

/// Whether this processor has what [`compress`] needs.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("sha") && is_x86_feature_detected!("sse4.1")
}

/// Takes as many blocks of each stream as the shortest has, if this processor can; how many.
pub(super) fn compress(states: [&mut [u32; 8]; STREAMS], blocks: [&[[u8; 64]]; STREAMS]) -> usize {
    if !is_available() {
        return 0;
    }
    // SAFETY: the processor has the two features that the function is compiled for.
    #[allow(unsafe_code, reason = "the only way into a function compiled for more than the target has")]
    unsafe {
        interleaved(states, blocks)
    }
}

#[target_feature(enable = "sha,sse4.1")]
fn interleaved(states: [&mut [u32; 8]; STREAMS], blocks: [&[[u8; 64]]; STREAMS]) -> usize {
    let [first, second] = blocks;
    let length = first.len().min(second.len());
    let mut vectors = [load(states[0]), load(states[1])];
    // A compiler that knew the number of turns would unroll them and put one stream's rounds behind the other's.
    let (scheduled, last) = (black_box(&K[..3]), &K[3]);
    for block in 0..length {
        let before = vectors;
        let mut w = [words(&first[block]), words(&second[block])];
        // Sixteen rounds and the schedule's next sixteen words at a time (FIPS 180-4 section 6.2.2).
        for constants in scheduled {
            for at in 0..4 {
                for stream in 0..STREAMS {
                    vectors[stream] = four_rounds(vectors[stream], w[stream][at], constants[at]);
                    w[stream][at] = next_words(&w[stream], at);
                }
            }
        }
        for at in 0..4 {
            for stream in 0..STREAMS {
                vectors[stream] = four_rounds(vectors[stream], w[stream][at], last[at]);
            }
        }
        for stream in 0..STREAMS {
            for half in 0..2 {
                vectors[stream][half] = _mm_add_epi32(vectors[stream][half], before[stream][half]);
            }
        }
    }
    for stream in 0..STREAMS {
        *states[stream] = store(vectors[stream]);
    }
    length
}

/// The state as the instructions want it: a, b, e, f, and c, d, g, h, each from the highest word down.
#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn load([a, b, c, d, e, f, g, h]: &[u32; 8]) -> [__m128i; 2] {
    [vector([*f, *e, *b, *a]), vector([*h, *g, *d, *c])]
}

#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn store([abef, cdgh]: [__m128i; 2]) -> [u32; 8] {
    [
        _mm_extract_epi32::<3>(abef).cast_unsigned(),
        _mm_extract_epi32::<2>(abef).cast_unsigned(),
        _mm_extract_epi32::<3>(cdgh).cast_unsigned(),
        _mm_extract_epi32::<2>(cdgh).cast_unsigned(),
        _mm_extract_epi32::<1>(abef).cast_unsigned(),
        _mm_extract_epi32::<0>(abef).cast_unsigned(),
        _mm_extract_epi32::<1>(cdgh).cast_unsigned(),
        _mm_extract_epi32::<0>(cdgh).cast_unsigned(),
    ]
}

#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn four_rounds([abef, cdgh]: [__m128i; 2], words: __m128i, constants: [u32; 4]) -> [__m128i; 2] {
    let keyed = _mm_add_epi32(words, vector(constants));
    let cdgh = _mm_sha256rnds2_epu32(cdgh, abef, keyed);
    let abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32::<0b1110>(keyed));
    [abef, cdgh]
}

/// The sixteen words of a block, the first lowest.
#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn words(block: &[u8; 64]) -> [__m128i; 4] {
    let swap = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
    let mut words = [_mm_setzero_si128(); 4];
    let (halves, _) = block.as_chunks::<8>();
    for i in 0..4 {
        let [low, high] = [halves[2 * i], halves[2 * i + 1]].map(i64::from_le_bytes);
        words[i] = _mm_shuffle_epi8(_mm_set_epi64x(high, low), swap);
    }
    words
}

/// The four words of the schedule that come after the sixteen in `w`, of which `at` has the oldest.
#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn next_words(w: &[__m128i; 4], at: usize) -> __m128i {
    let [w0, w4, w8, w12] = [w[at], w[(at + 1) % 4], w[(at + 2) % 4], w[(at + 3) % 4]];
    let sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w4), _mm_alignr_epi8::<4>(w12, w8));
    _mm_sha256msg2_epu32(sum, w12)
}

/// Four words, the first lowest.
#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn vector([w0, w1, w2, w3]: [u32; 4]) -> __m128i {
    _mm_set_epi32(w3.cast_signed(), w2.cast_signed(), w1.cast_signed(), w0.cast_signed())
}

/// The constants of the rounds (FIPS 180-4 section 4.2.2).
#[rustfmt::skip]
const K: [[[u32; 4]; 4]; 4] = [
    [[0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5], [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
     [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3], [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174]],
    [[0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc], [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
     [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7], [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967]],
    [[0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13], [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
     [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3], [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070]],
    [[0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5], [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
     [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208], [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2]],
];
