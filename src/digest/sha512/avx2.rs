//! The compression function of SHA-512 for x86-64 with AVX2 and BMI: FIPS 180-4 section 6.4.2.
//!
//! Four blocks at a time: the message schedules of four blocks that follow each other are expanded in the four lanes of
//! vector registers, while the blocks before them go through their rounds one after the other in general registers. The
//! two kinds of work use different units of the processor, and one asks nothing of the other, so that the schedule costs
//! next to nothing.
//!
//! A round takes 22 operations of the arithmetic units, of which there are four: no order of them takes less than 5.5
//! cycles. It is written in `asm!` because the compiler spills working variables and reorders: a prototype in
//! Rust reached 0.75 of the speed of OpenSSL 3.0 (Zen 3), this reaches 0.97 (Zen 4, 64 KiB at a time; the crate 0.70).
//! The order of a round's instructions was found by trying many.
//!
//! Processors with instructions for SHA-512 itself (`sha512rnds2`) would be faster still. None was at hand to test them
//! on, so they take this way too.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "indices below the lengths of arrays that are in their types"
)]

use std::arch::asm;
use std::arch::x86_64::{
    __m256i, _mm256_add_epi64, _mm256_permute2x128_si256, _mm256_set_epi64x, _mm256_set1_epi64x,
    _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_slli_epi64, _mm256_srli_epi64, _mm256_unpackhi_epi64,
    _mm256_unpacklo_epi64, _mm256_xor_si256,
};

use super::{Block, K, State};

/// How many blocks are scheduled together: the lanes of a vector.
const LANES: usize = 4;

/// Takes the blocks into the state if it is faster than the crate, and says whether it did.
///
/// The first four schedules have no rounds to hide behind. For two blocks and the padding's that costs 1.2 times the
/// crate's time; at four blocks both are level, at eleven this takes 0.8 of it.
pub(super) fn compress(state: &mut State, blocks: &[Block]) -> bool {
    let usable = blocks.len() >= LANES
        && is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2");
    if usable {
        // SAFETY: the processor has the features that the function is compiled for.
        #[allow(unsafe_code, reason = "the only way into a function compiled for more than the target has")]
        unsafe {
            compress_four_by_four(state, blocks);
        }
    }
    usable
}

#[target_feature(enable = "avx2,bmi1,bmi2")]
fn compress_four_by_four(state: &mut State, blocks: &[Block]) {
    let mut schedules = Schedules::new();
    let mut groups = blocks.chunks(LANES);
    let Some(mut now) = groups.next() else { return };
    schedules.load::<0>(now);
    schedules.expand::<0>();
    loop {
        now = match groups.next() {
            Some(next) => schedules.compress_beside::<0, 1>(state, next),
            None => return schedules.compress::<0>(state, now.len()),
        };
        now = match groups.next() {
            Some(next) => schedules.compress_beside::<1, 0>(state, next),
            None => return schedules.compress::<1>(state, now.len()),
        };
    }
}

/// Step 4.
fn add(state: &mut State, working: State) {
    for (word, working) in state.iter_mut().zip(working) {
        *word = word.wrapping_add(working);
    }
}

/// The message schedules of four blocks, one in each lane, twice: those that the rounds take, and those that become the
/// next.
#[repr(C)]
struct Schedules {
    /// `W_t` of the next.
    words: [__m256i; 80],
    /// `K_t` in every lane.
    constants: [__m256i; 80],
    /// `K_t + W_t`.
    sums: [[__m256i; 80]; 2],
}

impl Schedules {
    #[target_feature(enable = "avx2")]
    fn new() -> Self {
        let zeros = [_mm256_setzero_si256(); 80];
        let mut constants = zeros;
        for (lanes, constant) in constants.iter_mut().zip(K.as_flattened()) {
            *lanes = _mm256_set1_epi64x(constant.cast_signed());
        }
        Self { words: zeros, constants, sums: [zeros; 2] }
    }

    /// Steps 2 to 4 of section 6.4.2 for so many blocks.
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn compress<const NOW: usize>(&self, state: &mut State, blocks: usize) {
        for lane in 0..blocks {
            let mut variables = Variables::new(*state);
            variables.rounds::<10>(&self.sums[NOW], lane);
            add(state, variables.working);
        }
    }

    /// The same for four blocks, and step 1 for the next ones, which come back.
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn compress_beside<'a, const NOW: usize, const NEXT: usize>(
        &mut self,
        state: &mut State,
        next: &'a [Block],
    ) -> &'a [Block] {
        self.load::<NEXT>(next);
        for lane in 0..LANES {
            prefetch(next, LANES + lane);
            let mut variables = Variables::new(*state);
            variables.rounds::<2>(&self.sums[NOW], lane);
            variables.last_rounds_beside::<NOW, NEXT>(self, lane);
            add(state, variables.working);
        }
        next
    }

    /// `W_0` to `W_15`: the words of the blocks. Where there are fewer than four, the last is taken again.
    #[target_feature(enable = "avx2")]
    fn load<const NEXT: usize>(&mut self, blocks: &[Block]) {
        let Some(last) = blocks.last() else { return };
        let blocks: [&Block; LANES] = [0, 1, 2, 3].map(|lane| blocks.get(lane).unwrap_or(last));
        for t in (0..16).step_by(4) {
            let [a, b, c, d] = four_words(blocks, t);
            let (ab_even, ab_odd) = (_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
            let (cd_even, cd_odd) = (_mm256_unpacklo_epi64(c, d), _mm256_unpackhi_epi64(c, d));
            self.set::<NEXT>(t, _mm256_permute2x128_si256::<0x20>(ab_even, cd_even));
            self.set::<NEXT>(t + 1, _mm256_permute2x128_si256::<0x20>(ab_odd, cd_odd));
            self.set::<NEXT>(t + 2, _mm256_permute2x128_si256::<0x31>(ab_even, cd_even));
            self.set::<NEXT>(t + 3, _mm256_permute2x128_si256::<0x31>(ab_odd, cd_odd));
        }
    }

    /// `W_16` to `W_79`, with nothing beside.
    #[target_feature(enable = "avx2")]
    fn expand<const NEXT: usize>(&mut self) {
        for t in 16..80 {
            let sigmas =
                _mm256_add_epi64(small_sigma_0(self.words[t - 15]), small_sigma_1(self.words[t - 2]));
            let word = _mm256_add_epi64(_mm256_add_epi64(self.words[t - 16], self.words[t - 7]), sigmas);
            self.set::<NEXT>(t, word);
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn set<const NEXT: usize>(&mut self, t: usize, word: __m256i) {
        self.words[t] = word;
        self.sums[NEXT][t] = _mm256_add_epi64(word, self.constants[t]);
    }
}

/// Brings a block so far behind these to the cache, if there is one.
#[inline]
fn prefetch(blocks: &[Block], behind: usize) {
    let block = blocks.as_ptr().wrapping_add(behind);
    // SAFETY: a prefetch is a hint: it takes any address, and neither faults nor changes anything.
    #[allow(
        unsafe_code,
        reason = "the next group's first words are wanted all at once, and waiting costs 5 %"
    )]
    unsafe {
        asm!(
            "prefetcht0 byte ptr [{block}]",
            "prefetcht0 byte ptr [{block} + 64]",
            block = in(reg) block,
            options(readonly, nostack, preserves_flags),
        );
    }
}

/// `W_t` to `W_{t+3}` of each block, for t below 16: big-endian words.
#[inline]
#[target_feature(enable = "avx2")]
fn four_words(blocks: [&Block; LANES], t: usize) -> [__m256i; LANES] {
    let mut rows = [_mm256_setzero_si256(); LANES];
    for (row, block) in rows.iter_mut().zip(blocks) {
        let words = block.as_chunks().0;
        let word = |at: usize| i64::from_ne_bytes(words[t + at]);
        *row = _mm256_shuffle_epi8(_mm256_set_epi64x(word(3), word(2), word(1), word(0)), swap_octets());
    }
    rows
}

/// For a shuffle that turns the octets of each word around.
#[inline]
#[target_feature(enable = "avx2")]
fn swap_octets() -> __m256i {
    let [low, high] = [0x0001_0203_0405_0607, 0x0809_0a0b_0c0d_0e0f];
    _mm256_set_epi64x(high, low, high, low)
}

/// For a shuffle that rotates each word by 8 bits to the right.
#[inline]
#[target_feature(enable = "avx2")]
fn rotate_octet() -> __m256i {
    let [low, high] = [0x0007_0605_0403_0201, 0x080f_0e0d_0c0b_0a09];
    _mm256_set_epi64x(high, low, high, low)
}

#[inline]
#[target_feature(enable = "avx2")]
fn xor(a: __m256i, b: __m256i) -> __m256i {
    _mm256_xor_si256(a, b)
}

/// `sigma_0` of section 4.1.3.
#[inline]
#[target_feature(enable = "avx2")]
fn small_sigma_0(x: __m256i) -> __m256i {
    let rotated_1 = xor(_mm256_srli_epi64::<1>(x), _mm256_slli_epi64::<63>(x));
    xor(xor(rotated_1, _mm256_shuffle_epi8(x, rotate_octet())), _mm256_srli_epi64::<7>(x))
}

/// `sigma_1` of section 4.1.3.
#[inline]
#[target_feature(enable = "avx2")]
fn small_sigma_1(x: __m256i) -> __m256i {
    let rotated_19 = xor(_mm256_srli_epi64::<19>(x), _mm256_slli_epi64::<45>(x));
    let rotated_61 = xor(_mm256_srli_epi64::<61>(x), _mm256_slli_epi64::<3>(x));
    xor(xor(rotated_19, rotated_61), _mm256_srli_epi64::<6>(x))
}

/// The working variables a to h, and b ^ c, which was a ^ b one round before.
struct Variables {
    working: State,
    b_xor_c: u64,
}

/// One round, and up to six other instructions in between.
///
/// `T_1` is summed up in h, so that the next a stands in h and the next e in d: the names move on, not the values.
/// Ch is the sum of its two halves, which have no bit in common. Maj(a, b, c) is ((a ^ b) & (b ^ c)) ^ b; the first
/// difference is left in x for the next round's second, which is in y and becomes Maj.
macro_rules! round {
    ($a:literal $b:literal $c:literal $d:literal $e:literal $f:literal $g:literal $h:literal $x:literal $y:literal,
     $at:literal, $v1:expr, $v2:expr, $v3:expr, $v4:expr, $v5:expr, $v6:expr) => {
        concat!(
            "add ",
            $h,
            ", qword ptr [rsi + ",
            $at,
            "]\n",
            $v1,
            "andn rax, ",
            $e,
            ", ",
            $g,
            "\n",
            "rorx rcx, ",
            $e,
            ", 18\n",
            "add ",
            $h,
            ", rax\n",
            "rorx rdx, ",
            $e,
            ", 14\n",
            $v2,
            "mov ",
            $x,
            ", ",
            $a,
            "\n",
            "xor rdx, rcx\n",
            "rorx rax, ",
            $e,
            ", 41\n",
            "mov rcx, ",
            $e,
            "\n",
            $v3,
            "and rcx, ",
            $f,
            "\n",
            "add ",
            $h,
            ", rcx\n",
            "rorx rcx, ",
            $a,
            ", 34\n",
            "xor rdx, rax\n",
            $v4,
            "rorx rax, ",
            $a,
            ", 28\n",
            "xor ",
            $x,
            ", ",
            $b,
            "\n",
            "xor rax, rcx\n",
            "add ",
            $h,
            ", rdx\n",
            $v5,
            "rorx rcx, ",
            $a,
            ", 39\n",
            "xor rax, rcx\n",
            "add ",
            $d,
            ", ",
            $h,
            "\n",
            "add ",
            $h,
            ", rax\n",
            $v6,
            "and ",
            $y,
            ", ",
            $x,
            "\n",
            "xor ",
            $y,
            ", ",
            $b,
            "\n",
            "add ",
            $h,
            ", ",
            $y,
            "\n",
        )
    };
}

/// Four rounds, with the `K_t + W_t` at these offsets.
macro_rules! four_rounds {
    ($a:literal $b:literal $c:literal $d:literal $e:literal $f:literal $g:literal $h:literal,
     $at0:literal $at1:literal $at2:literal $at3:literal) => {
        concat!(
            round!($a $b $c $d $e $f $g $h "rdi" "rbx", $at0, "", "", "", "", "", ""),
            round!($h $a $b $c $d $e $f $g "rbx" "rdi", $at1, "", "", "", "", "", ""),
            round!($g $h $a $b $c $d $e $f "rdi" "rbx", $at2, "", "", "", "", "", ""),
            round!($f $g $h $a $b $c $d $e "rbx" "rdi", $at3, "", "", "", "", "", ""),
        )
    };
}

/// Four rounds beside `W_t = sigma_1(W_{t-2}) + W_{t-7} + sigma_0(W_{t-15}) + W_{t-16}`, whose offsets come last.
macro_rules! four_rounds_beside {
    ($a:literal $b:literal $c:literal $d:literal $e:literal $f:literal $g:literal $h:literal,
     $at0:literal $at1:literal $at2:literal $at3:literal,
     $from:literal) => {
        concat!(
            round!(
                $a $b $c $d $e $f $g $h "rdi" "rbx", $at0,
                concat!("vmovdqa {x15}, ymmword ptr [rbp + 32 + ", $from, "]\n"),
                concat!("vmovdqa {x2}, ymmword ptr [rbp + 448 + ", $from, "]\n"),
                concat!("vmovdqa {sum}, ymmword ptr [rbp + 288 + ", $from, "]\n"),
                "vpsrlq {p}, {x15}, 1\n",
                "vpsllq {q}, {x15}, 63\n",
                concat!("vpaddq {sum}, {sum}, ymmword ptr [rbp + ", $from, "]\n")
            ),
            round!(
                $h $a $b $c $d $e $f $g "rbx" "rdi", $at1,
                "vpxor {p}, {p}, {q}\n",
                "vpsrlq {q}, {x15}, 7\n",
                "vpshufb {x15}, {x15}, {rotate_octet}\n",
                "vpxor {p}, {p}, {q}\n",
                "vpxor {p}, {p}, {x15}\n",
                "vpsrlq {q}, {x2}, 19\n"
            ),
            round!(
                $g $h $a $b $c $d $e $f "rdi" "rbx", $at2,
                "vpaddq {sum}, {sum}, {p}\n",
                "vpsllq {p}, {x2}, 45\n",
                "vpxor {q}, {q}, {p}\n",
                "vpsrlq {p}, {x2}, 61\n",
                "vpxor {q}, {q}, {p}\n",
                "vpsllq {p}, {x2}, 3\n"
            ),
            round!(
                $f $g $h $a $b $c $d $e "rbx" "rdi", $at3,
                "vpxor {q}, {q}, {p}\n",
                "vpsrlq {p}, {x2}, 6\n",
                "vpxor {q}, {q}, {p}\n",
                "vpaddq {sum}, {sum}, {q}\n",
                concat!("vmovdqa ymmword ptr [rbp + 512 + ", $from, "], {sum}\n"),
                concat!(
                    "vpaddq {sum}, {sum}, ymmword ptr [rbp + 3072 + ", $from, "]\n",
                    "vmovdqa ymmword ptr [rbp + {sums_of_next} + 512 + ", $from, "], {sum}\n"
                )
            ),
        )
    };
}

impl Variables {
    fn new(state: State) -> Self {
        let [_, b, c, ..] = state;
        Self { working: state, b_xor_c: b ^ c }
    }

    /// The first rounds, eight a turn.
    #[inline(never)]
    #[target_feature(enable = "bmi1,bmi2")]
    fn rounds<const TURNS: usize>(&mut self, sums: &[__m256i; 80], lane: usize) {
        const { assert!(1 <= TURNS && TURNS <= 10) };
        let sums = sums.as_ptr().cast::<u64>().wrapping_add(lane % LANES);
        let [a, b, c, d, e, f, g, h] = &mut self.working;
        // SAFETY: the words that are read are the lane's, 32 octets apart, of the first `8 TURNS` rows of 80; nothing is
        // written; all registers that change are named or saved; the processor has BMI1 and BMI2.
        #[allow(unsafe_code, reason = "the compiler spills and reorders these rounds: see the head")]
        unsafe {
            asm!(
                "push rbx",
                "mov rbx, rdi",
                "push {turns}",
                "2:",
                four_rounds!("r8" "r9" "r10" "r11" "r12" "r13" "r14" "r15", "0" "32" "64" "96"),
                four_rounds!("r12" "r13" "r14" "r15" "r8" "r9" "r10" "r11", "128" "160" "192" "224"),
                "add rsi, 256",
                "dec qword ptr [rsp]",
                "jnz 2b",
                "pop rax",
                "mov rdi, rbx",
                "pop rbx",
                turns = const TURNS,
                inout("r8") *a, inout("r9") *b, inout("r10") *c, inout("r11") *d,
                inout("r12") *e, inout("r13") *f, inout("r14") *g, inout("r15") *h,
                inout("rdi") self.b_xor_c, out("rax") _, out("rcx") _, out("rdx") _,
                inout("rsi") sums => _,
                options(pure, readonly),
            );
        }
    }

    /// Rounds 16 to 79 beside the words of the next schedule from 16 + 16 `lane` on, sixteen of them.
    #[inline(never)]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn last_rounds_beside<const NOW: usize, const NEXT: usize>(
        &mut self,
        schedules: &mut Schedules,
        lane: usize,
    ) {
        const { assert!(NOW < 2 && NEXT < 2 && NOW != NEXT) };
        let lane = lane % LANES;
        let schedules: *mut Schedules = schedules;
        let words = schedules.cast::<__m256i>().wrapping_add(16 * lane);
        let sums =
            schedules.cast::<__m256i>().wrapping_add(160 + 80 * NOW + 16).cast::<u64>().wrapping_add(lane);
        let [a, b, c, d, e, f, g, h] = &mut self.working;
        // SAFETY: the sums that are read are the lane's, of the last 64 rows of 80; of the words those from 16 `lane` on are
        // read and the sixteen behind those written, of which the last is the 80th for the last lane. All registers that
        // change are named or saved, what is pushed is popped, and the processor has the features.
        #[allow(unsafe_code, reason = "the compiler spills and reorders these rounds: see the head")]
        unsafe {
            asm!(
                // Every register is needed, and all are named, since the compiler may give an unnamed operand any of them.
                // rbx and rbp cannot be named, and are saved by hand: rbx is one of the two differences, rbp points at
                // the words. The turns that are left are counted on the stack.
                "push rbp",
                "push rbx",
                "push 8",
                "mov rbp, rdx",
                "mov rbx, rdi",
                "2:",
                four_rounds_beside!(
                    "r8" "r9" "r10" "r11" "r12" "r13" "r14" "r15", "0" "32" "64" "96", "0"
                ),
                four_rounds_beside!(
                    "r12" "r13" "r14" "r15" "r8" "r9" "r10" "r11", "128" "160" "192" "224", "32"
                ),
                "add rsi, 256",
                "add rbp, 64",
                "dec qword ptr [rsp]",
                "jnz 2b",
                "pop rax",
                "pop rbx",
                "pop rbp",
                sums_of_next = const 5120 + 2560 * NEXT,
                x2 = out(ymm_reg) _, x15 = out(ymm_reg) _, sum = out(ymm_reg) _,
                p = out(ymm_reg) _, q = out(ymm_reg) _, rotate_octet = in(ymm_reg) rotate_octet(),
                inout("r8") *a, inout("r9") *b, inout("r10") *c, inout("r11") *d,
                inout("r12") *e, inout("r13") *f, inout("r14") *g, inout("r15") *h,
                inout("rdi") self.b_xor_c => _, out("rax") _, out("rcx") _,
                inout("rdx") words => _,
                inout("rsi") sums => _,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn the_kernel_does_what_the_crate_does(state: State, octets in proptest::collection::vec(any::<u8>(), 41 * 128)) {
            for count in 1..=40 {
                for offset in [0, 1, 7, 8, 16, 31, 32, 33, 63, count, 2 * count] {
                    let blocks = &octets[offset..].as_chunks().0[..count];
                    let (mut ours, mut of_the_crate) = (state, state);
                    let usable = compress(&mut ours, blocks);
                    sha2::block_api::compress512(&mut of_the_crate, blocks);
                    prop_assert!(!usable || ours == of_the_crate, "{} blocks from {}", count, offset);
                    prop_assert!(usable || ours == state);
                }
            }
        }
    }

    #[test]
    fn every_alignment_is_as_good_as_any() {
        let octets = (0..20 * 128).map(|at| ((at * at) >> 3) as u8).collect::<Vec<_>>();
        for offset in 0..=128 {
            let blocks = &octets[offset..].as_chunks().0[..18];
            let (mut ours, mut of_the_crate) = ([7; 8], [7; 8]);
            let usable = compress(&mut ours, blocks);
            sha2::block_api::compress512(&mut of_the_crate, blocks);
            assert!(!usable || ours == of_the_crate, "{offset}");
        }
    }

    #[test]
    fn it_is_used_where_the_processor_has_the_instructions() {
        let features = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2");
        assert_eq!(compress(&mut [0; 8], &[[0; 128]; 4]), features);
        assert!(!compress(&mut [0; 8], &[[0; 128]; 3]));
    }
}
