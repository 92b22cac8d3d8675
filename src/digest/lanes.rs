//! Several streams at once: one stream's hash waits for itself most of the time, and others can use that time.
//!
//! | | at once | on what | of the speed of one stream |
//! |---|---|---|---|
//! | SHA-224, SHA-256 | 2 | the SHA instructions | 1.99 |
//! | SHA-384, SHA-512 | 4 | AVX2 | 1.59 |
//!
//! The figures are all streams' together, against OpenSSL's one stream, on a core of an AMD EPYC (family 25 model 17;
//! docs/PERFORMANCE.md). Where the processor has neither, one stream comes after the other. AVX-512 would do better
//! (rotations, and three operands in one operation), but its intrinsics need Rust 1.89.

#[cfg(all(target_arch = "x86_64", target_pointer_width = "64", not(longhand_portable)))]
mod sha256;
#[cfg(all(target_arch = "x86_64", target_pointer_width = "64", not(longhand_portable)))]
mod sha512;

use std::cmp::Reverse;

use super::Compress;

/// A stream's state, and the blocks that it has to take.
pub(super) struct Stream<'a, State, const BLOCK: usize> {
    pub(super) state: &'a mut State,
    pub(super) blocks: &'a [[u8; BLOCK]],
}

impl<State: Compress<BLOCK>, const BLOCK: usize> Stream<'_, State, BLOCK> {
    #[inline]
    pub(super) fn compress(&mut self) {
        if !self.blocks.is_empty() {
            self.state.compress(self.blocks);
        }
    }
}

/// Of how many streams those for the lanes are chosen: putting thousands in order again and again would take longer than
/// their hash.
const TOGETHER: usize = 32;

/// States that can be driven in lanes.
pub(super) trait Lanes<const BLOCK: usize>: Compress<BLOCK> + Sized {
    /// Drives the first of these streams, which have the most blocks, until one of them has none; says whether it did. If
    /// not, one by one is best.
    fn in_lanes(streams: &mut [Stream<'_, Self, BLOCK>]) -> bool;
}

/// Takes all blocks of all streams.
pub(super) fn compress_all<State: Lanes<BLOCK>, const BLOCK: usize>(
    mut streams: Vec<Stream<'_, State, BLOCK>>,
) {
    by_length(&mut streams);
    for streams in streams.chunks_mut(TOGETHER) {
        while State::in_lanes(streams) {
            by_length(streams);
        }
        streams.iter_mut().for_each(Stream::compress);
    }
}

/// The longest first.
fn by_length<State, const BLOCK: usize>(streams: &mut [Stream<'_, State, BLOCK>]) {
    streams.sort_unstable_by_key(|stream| Reverse(stream.blocks.len()));
}

#[cfg(all(target_arch = "x86_64", target_pointer_width = "64", not(longhand_portable)))]
fn advance<State, const BLOCK: usize>(streams: &mut [Stream<'_, State, BLOCK>], lanes: usize, taken: usize) {
    for stream in streams.iter_mut().take(lanes) {
        stream.blocks = stream.blocks.get(taken..).unwrap_or_default();
    }
}

#[cfg(all(target_arch = "x86_64", target_pointer_width = "64", not(longhand_portable)))]
impl Lanes<64> for [u32; 8] {
    fn in_lanes(streams: &mut [Stream<'_, Self, 64>]) -> bool {
        let [first, second, ..] = streams else {
            return false;
        };
        let taken = sha256::compress([first.state, second.state], [first.blocks, second.blocks]);
        advance(streams, sha256::STREAMS, taken);
        taken > 0
    }
}

/// Three streams are worth the lanes of four (1.3 times the speed of one by one), two are not (0.9).
#[cfg(all(target_arch = "x86_64", target_pointer_width = "64", not(longhand_portable)))]
impl Lanes<128> for [u64; 8] {
    fn in_lanes(streams: &mut [Stream<'_, Self, 128>]) -> bool {
        let [first, second, third, rest @ ..] = streams else {
            return false;
        };
        let mut idle = [0; 8];
        let (state, blocks) = match rest {
            [fourth, ..] if !fourth.blocks.is_empty() => (&mut *fourth.state, fourth.blocks),
            _ => (&mut idle, third.blocks),
        };
        let taken = sha512::compress(
            [first.state, second.state, third.state, state],
            [first.blocks, second.blocks, third.blocks, blocks],
        );
        advance(streams, sha512::LANES, taken);
        taken > 0
    }
}

#[cfg(not(all(target_arch = "x86_64", target_pointer_width = "64", not(longhand_portable))))]
impl<State: Compress<BLOCK>, const BLOCK: usize> Lanes<BLOCK> for State {
    fn in_lanes(_: &mut [Stream<'_, Self, BLOCK>]) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Streams with these states and numbers of blocks, all together, against the crate, one by one.
    fn agree<State, const BLOCK: usize>(
        streams: &[(State, usize)],
        noise: &[u8],
        of_the_crate: fn(&mut State, &[[u8; BLOCK]]),
    ) where
        State: Lanes<BLOCK> + Copy + PartialEq + std::fmt::Debug,
    {
        let blocks = |index: usize| &noise[index * 61..].as_chunks::<BLOCK>().0[..streams[index].1];
        let states = || streams.iter().map(|(state, _)| *state).collect::<Vec<_>>();
        let (mut expected, mut found) = (states(), states());
        for (index, state) in expected.iter_mut().enumerate() {
            of_the_crate(state, blocks(index));
        }
        let together = found.iter_mut().enumerate();
        compress_all(together.map(|(index, state)| Stream { state, blocks: blocks(index) }).collect());
        assert_eq!(found, expected);
    }

    proptest! {
        #[test]
        fn together_is_one_by_one(
            of_256 in proptest::collection::vec((any::<[u32; 8]>(), 0..9_usize), 0..7),
            of_512 in proptest::collection::vec((any::<[u64; 8]>(), 0..9_usize), 0..11),
            noise in proptest::collection::vec(any::<u8>(), 2048),
        ) {
            agree(&of_256, &noise, sha2::block_api::compress256);
            agree(&of_512, &noise, sha2::block_api::compress512);
        }
    }

    /// A kernel that took nothing would pass the test above, and be slow.
    #[cfg(all(target_arch = "x86_64", target_pointer_width = "64", not(longhand_portable)))]
    #[test]
    fn lanes_are_used_where_the_processor_has_them() {
        let blocks = [[7; 64]; 3];
        let states = &mut [[1; 8], [2; 8]];
        let mut streams = states.each_mut().map(|state| Stream { state, blocks: &blocks[..] });
        streams[1].blocks = &blocks[..2];
        assert_eq!(<[u32; 8]>::in_lanes(&mut streams), sha256::is_available());
        if sha256::is_available() {
            assert_eq!(streams.map(|stream| stream.blocks.len()), [1, 0]);
        }
        let blocks = [[7; 128]; 3];
        let states = &mut [[1; 8], [2; 8], [3; 8], [4; 8]];
        for count in 0..=4 {
            let mut streams = states.each_mut().map(|state| Stream { state, blocks: &blocks[..] });
            let used = <[u64; 8]>::in_lanes(&mut streams[..count]);
            assert_eq!(used, sha512::is_available() && count >= 3, "{count}");
        }
    }
}
