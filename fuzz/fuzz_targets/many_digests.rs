//! Digests of all hash methods that take their bytes together, in lanes, held against the sha2 crate.
#![no_main]

use libfuzzer_sys::fuzz_target;
use longhand::{HashMethod, StreamingDigest};
use sha2::Digest as _;

const METHODS: [HashMethod; 4] =
    [HashMethod::Sha224, HashMethod::Sha256, HashMethod::Sha384, HashMethod::Sha512];
const DIGESTS: usize = 12;

// How many pieces, then which digest takes each and how long it is (three octets), then what they are cut from. A round
// ends when a digest comes up again.
fuzz_target!(|input: &[u8]| {
    let Some((&count, rest)) = input.split_first() else { return };
    let (plan, data) = rest.split_at(rest.len().min(3 * usize::from(count % 64)));
    let mut digests: [_; DIGESTS] = std::array::from_fn(|index| StreamingDigest::new(METHODS[index % 4]));
    let mut messages: [Vec<u8>; DIGESTS] = Default::default();
    let mut round = [None; DIGESTS];
    for (index, &[digest, high, low]) in plan.as_chunks::<3>().0.iter().enumerate() {
        let digest = usize::from(digest) % DIGESTS;
        let rest = &data[index.min(data.len())..];
        let piece = &rest[..rest.len().min(usize::from(u16::from_be_bytes([high, low])))];
        if round[digest].is_some() {
            take(&mut digests, &mut round);
        }
        round[digest] = Some(piece);
        messages[digest].extend_from_slice(piece);
    }
    take(&mut digests, &mut round);
    for (digest, message) in digests.into_iter().zip(messages) {
        let digest = digest.finish();
        let expected = match digest.hash_method() {
            HashMethod::Sha224 => sha2::Sha224::digest(message).to_vec(),
            HashMethod::Sha256 => sha2::Sha256::digest(message).to_vec(),
            HashMethod::Sha384 => sha2::Sha384::digest(message).to_vec(),
            HashMethod::Sha512 => sha2::Sha512::digest(message).to_vec(),
            other => panic!("{other} has no oracle"),
        };
        assert_eq!(digest.as_bytes(), expected);
    }
});

fn take(digests: &mut [StreamingDigest], round: &mut [Option<&[u8]>]) {
    let updates = digests.iter_mut().zip(round.iter_mut());
    StreamingDigest::update_many(updates.filter_map(|(digest, piece)| Some((digest, piece.take()?))));
}
