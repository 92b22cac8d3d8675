//! The image's digest: one hasher, chosen at run time, fed as the bytes come.

mod block_buffer;
mod lanes;
mod sha256;
mod sha512;

use std::fmt;
use std::slice;

use self::block_buffer::{BlockBuffer, Blocks, LastBlocks};
use self::lanes::Stream;
use crate::algorithm::HashMethod;

/// A hasher for whichever of the four hash methods the properties name.
///
/// ```
/// use longhand::{HashMethod, StreamingDigest};
///
/// let mut digest = StreamingDigest::new(HashMethod::Sha256);
/// digest.update(b"a");
/// digest.update(b"bc");
/// assert!(digest.finish().to_string().starts_with("ba7816bf8f01cfea"));
/// ```
#[derive(Clone)]
pub struct StreamingDigest {
    hash_method: HashMethod,
    family: Family,
}

/// SHA-224 is SHA-256, and SHA-384 is SHA-512, from another initial state and cut short.
#[derive(Clone)]
enum Family {
    Sha256(Hasher<[u32; 8], 64>),
    Sha512(Hasher<[u64; 8], 128>),
}

impl StreamingDigest {
    /// A hasher that has seen nothing yet.
    #[must_use]
    pub fn new(hash_method: HashMethod) -> Self {
        let family = match hash_method {
            HashMethod::Sha224 => Family::Sha256(Hasher::new(sha256::INITIAL_224)),
            HashMethod::Sha256 => Family::Sha256(Hasher::new(sha256::INITIAL_256)),
            HashMethod::Sha384 => Family::Sha512(Hasher::new(sha512::INITIAL_384)),
            HashMethod::Sha512 => Family::Sha512(Hasher::new(sha512::INITIAL_512)),
        };
        Self { hash_method, family }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, data: &[u8]) {
        match &mut self.family {
            Family::Sha256(hasher) => hasher.update(data),
            Family::Sha512(hasher) => hasher.update(data),
        }
    }

    /// Gives each digest its next bytes: the same as [`update`](Self::update) of one after the other, and up to 1.8
    /// times as fast where the processor can hash several streams at once. The digests may be of different hash methods
    /// and the bytes of different lengths: SHA-224 goes with SHA-256 and SHA-384 with SHA-512, it pays from two of the
    /// former or three of the latter, and what one has beyond the others is hashed alone. Pieces of 64 KiB and more are
    /// long enough.
    ///
    /// ```
    /// use longhand::{HashMethod, StreamingDigest};
    ///
    /// let mut digests = [HashMethod::Sha256, HashMethod::Sha256].map(StreamingDigest::new);
    /// StreamingDigest::update_many(digests.iter_mut().zip([&b"abc"[..], &b""[..]]));
    /// let [abc, nothing] = digests.map(StreamingDigest::finish);
    /// assert!(abc.to_string().starts_with("ba7816bf8f01cfea"));
    /// assert!(nothing.to_string().starts_with("e3b0c44298fc1c14"));
    /// ```
    pub fn update_many<'a>(updates: impl IntoIterator<Item = (&'a mut Self, &'a [u8])>) {
        // Should the iterator panic, no digest has taken half of its bytes.
        let updates: Vec<_> = updates.into_iter().collect();
        let (mut of_256, mut of_512) = (Vec::new(), Vec::new());
        for (digest, data) in updates {
            match &mut digest.family {
                Family::Sha256(hasher) => of_256.push(hasher.begin(data)),
                Family::Sha512(hasher) => of_512.push(hasher.begin(data)),
            }
        }
        lanes::compress_all(of_256);
        lanes::compress_all(of_512);
    }

    /// The digest of all bytes taken.
    #[must_use]
    pub fn finish(self) -> Digest {
        match self.family {
            Family::Sha256(hasher) => {
                Digest::new(self.hash_method, hasher.finish().map(u32::to_be_bytes).as_flattened())
            }
            Family::Sha512(hasher) => {
                Digest::new(self.hash_method, hasher.finish().map(u64::to_be_bytes).as_flattened())
            }
        }
    }
}

impl fmt::Debug for StreamingDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamingDigest").field("hash_method", &self.hash_method).finish_non_exhaustive()
    }
}

/// The state between blocks, and what is to become the next block.
#[derive(Clone)]
struct Hasher<State, const BLOCK: usize> {
    state: State,
    buffer: BlockBuffer<BLOCK>,
}

/// What a block does to the state: FIPS 180-4 section 6.2.2 and 6.4.2.
trait Compress<const BLOCK: usize> {
    fn compress(&mut self, blocks: &[[u8; BLOCK]]);
}

impl Compress<64> for [u32; 8] {
    #[inline]
    fn compress(&mut self, blocks: &[[u8; 64]]) {
        sha256::compress(self, blocks);
    }
}

impl Compress<128> for [u64; 8] {
    #[inline]
    fn compress(&mut self, blocks: &[[u8; 128]]) {
        sha512::compress(self, blocks);
    }
}

impl<State: Compress<BLOCK>, const BLOCK: usize> Hasher<State, BLOCK> {
    fn new(state: State) -> Self {
        Self { state, buffer: BlockBuffer::new() }
    }

    fn update(&mut self, data: &[u8]) {
        self.begin(data).compress();
    }

    /// Takes all but the blocks that lie in the bytes as a whole, and gives those.
    fn begin<'a>(&'a mut self, data: &'a [u8]) -> Stream<'a, State, BLOCK> {
        let Blocks { completed, whole } = self.buffer.take(data);
        self.compress(completed.as_slice());
        Stream { state: &mut self.state, blocks: whole }
    }

    fn finish(mut self) -> State {
        let LastBlocks { full, last } = self.buffer.pad();
        self.compress(full.as_slice());
        self.compress(slice::from_ref(&last));
        self.state
    }

    #[inline]
    fn compress(&mut self, blocks: &[[u8; BLOCK]]) {
        if !blocks.is_empty() {
            self.state.compress(blocks);
        }
    }
}

/// A digest and the hash method that made it. `Display` is lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest {
    hash_method: HashMethod,
    // The longest digest, SHA-512's; a shorter one leaves zeros at the end.
    octets: [u8; 64],
}

impl Digest {
    /// A digest from its octets, as many as the hash method's.
    pub(crate) fn from_octets(hash_method: HashMethod, octets: &[u8]) -> Option<Self> {
        (octets.len() == hash_method.digest_length()).then(|| Self::new(hash_method, octets))
    }

    /// Of octets past the hash method's number nothing is kept.
    fn new(hash_method: HashMethod, digest: &[u8]) -> Self {
        let mut octets = [0; 64];
        for (place, octet) in octets.iter_mut().zip(digest).take(hash_method.digest_length()) {
            *place = *octet;
        }
        Self { hash_method, octets }
    }

    /// The hash method that made it.
    #[must_use]
    pub fn hash_method(&self) -> HashMethod {
        self.hash_method
    }

    /// Its octets: [`HashMethod::digest_length`] of them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.octets.get(..self.hash_method.digest_length()).unwrap_or_default()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{self}", self.hash_method)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::Digest as _;

    use super::*;

    const METHODS: [HashMethod; 4] =
        [HashMethod::Sha224, HashMethod::Sha256, HashMethod::Sha384, HashMethod::Sha512];

    fn ours<'a>(hash_method: HashMethod, pieces: impl IntoIterator<Item = &'a [u8]>) -> Digest {
        let mut digest = StreamingDigest::new(hash_method);
        pieces.into_iter().for_each(|piece| digest.update(piece));
        digest.finish()
    }

    fn of_the_crate(hash_method: HashMethod, message: &[u8]) -> Digest {
        let octets = match hash_method {
            HashMethod::Sha224 => sha2::Sha224::digest(message).to_vec(),
            HashMethod::Sha256 => sha2::Sha256::digest(message).to_vec(),
            HashMethod::Sha384 => sha2::Sha384::digest(message).to_vec(),
            HashMethod::Sha512 => sha2::Sha512::digest(message).to_vec(),
        };
        Digest::from_octets(hash_method, &octets).unwrap()
    }

    fn message(length: usize) -> Vec<u8> {
        (0..length as u64).map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
    }

    #[test]
    fn the_examples_of_the_standard() {
        let two_blocks_256 = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        let two_blocks_512 = "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";
        for (hash_method, message, digest) in [
            (HashMethod::Sha224, "abc", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
            (HashMethod::Sha224, two_blocks_256, "75388b16512776cc5dba5da1fd890150b0c6455cb4f58b1952522525"),
            (HashMethod::Sha256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                HashMethod::Sha256,
                two_blocks_256,
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            ),
            (
                HashMethod::Sha384,
                "abc",
                "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
            ),
            (
                HashMethod::Sha384,
                two_blocks_512,
                "09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712fcc7c71a557e2db966c3e9fa91746039",
            ),
            (
                HashMethod::Sha512,
                "abc",
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
            (
                HashMethod::Sha512,
                two_blocks_512,
                "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909",
            ),
        ] {
            assert_eq!(
                ours(hash_method, [message.as_bytes()]).to_string(),
                digest,
                "{hash_method} of {message}"
            );
        }
    }

    #[test]
    fn every_length_around_block_boundaries_has_the_digest_of_the_crate() {
        let message = message(4096 + 129);
        let boundaries = (1..=32).flat_map(|blocks| blocks * 128 - 17..=blocks * 128 + 1);
        for length in (0..=300).chain(boundaries) {
            let message = &message[..length];
            for hash_method in METHODS {
                assert_eq!(
                    ours(hash_method, [message]),
                    of_the_crate(hash_method, message),
                    "{hash_method} of {length}"
                );
            }
        }
    }

    #[test]
    fn pieces_of_every_size_make_the_digest_of_the_whole() {
        let message = message(1500);
        for hash_method in METHODS {
            let expected = of_the_crate(hash_method, &message);
            for size in 1..=400 {
                assert_eq!(
                    ours(hash_method, message.chunks(size)),
                    expected,
                    "{hash_method} in pieces of {size}"
                );
            }
        }
    }

    #[test]
    fn a_long_message_has_the_digest_of_the_crate() {
        let message = message(3_000_001);
        for hash_method in METHODS {
            assert_eq!(ours(hash_method, message.chunks(65_537)), of_the_crate(hash_method, &message));
        }
    }

    #[test]
    fn a_clone_goes_its_own_way() {
        for hash_method in METHODS {
            let mut digest = StreamingDigest::new(hash_method);
            digest.update(b"the same ");
            let mut other = digest.clone();
            digest.update(b"end");
            other.update(b"beginning");
            assert_eq!(digest.finish(), of_the_crate(hash_method, b"the same end"));
            assert_eq!(other.finish(), of_the_crate(hash_method, b"the same beginning"));
        }
    }

    #[test]
    fn a_short_digest_is_equal_to_the_one_made_of_its_octets() {
        let digest = ours(HashMethod::Sha384, []);
        assert_eq!(Digest::from_octets(HashMethod::Sha384, digest.as_bytes()), Some(digest));
    }

    proptest! {
        #[test]
        fn pieces_of_any_sizes_make_the_digest_of_the_whole(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..400), 0..12),
            hash_method in proptest::sample::select(&METHODS[..]),
        ) {
            let whole = of_the_crate(hash_method, &pieces.concat());
            prop_assert_eq!(ours(hash_method, pieces.iter().map(Vec::as_slice)), whole);
        }
    }

    #[test]
    fn no_digest_takes_half_of_its_bytes_where_the_iterator_panics() {
        let data = [7; 1000];
        let mut digest = StreamingDigest::new(HashMethod::Sha256);
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let others = std::iter::once_with(|| std::panic::panic_any("as told"));
            StreamingDigest::update_many(std::iter::once((&mut digest, &data[..])).chain(others));
        }));
        assert!(caught.is_err());
        assert_eq!(digest.finish(), of_the_crate(HashMethod::Sha256, b""));
    }

    #[test]
    fn hundreds_of_digests_take_their_bytes_together() {
        let message = message(3000);
        let mut digests = vec![StreamingDigest::new(HashMethod::Sha512); 300];
        StreamingDigest::update_many(
            digests.iter_mut().enumerate().map(|(at, digest)| (digest, &message[at..at * 10])),
        );
        for (at, digest) in digests.into_iter().enumerate() {
            assert_eq!(digest.finish(), of_the_crate(HashMethod::Sha512, &message[at..at * 10]), "{at}");
        }
    }

    proptest! {
        #[test]
        fn many_digests_take_their_bytes_as_each_would_alone(
            rounds in proptest::collection::vec(
                proptest::collection::vec((0..4_usize, 0..2000_usize, 0..700_usize), 0..9),
                1..5,
            ),
        ) {
            let message = message(3000);
            let mut many = METHODS.iter().cycle().take(12).map(|method| StreamingDigest::new(*method)).collect::<Vec<_>>();
            let mut alone = many.clone();
            for round in rounds {
                // Which digests take part, and what each takes.
                let mut pieces = [&message[..0]; 12];
                for (index, (method, start, length)) in round.into_iter().enumerate() {
                    pieces[(index * 4 + method) % 12] = &message[start..start + length];
                }
                StreamingDigest::update_many(many.iter_mut().zip(pieces));
                alone.iter_mut().zip(pieces).for_each(|(digest, piece)| digest.update(piece));
            }
            for (many, alone) in many.into_iter().zip(alone) {
                prop_assert_eq!(many.finish(), alone.finish());
            }
        }
    }
}
