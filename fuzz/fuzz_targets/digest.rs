//! Digests of all four hash methods, fed in pieces of any size, held against the sha2 crate.
#![no_main]

use libfuzzer_sys::fuzz_target;
use longhand::{HashMethod, StreamingDigest};
use sha2::Digest as _;

/// The octets of the input that say how it is cut; the rest is the message.
const SIZES: usize = 16;

fuzz_target!(|input: &[u8]| {
    let Some((sizes, message)) = input.split_at_checked(SIZES) else { return };
    for hash_method in [HashMethod::Sha224, HashMethod::Sha256, HashMethod::Sha384, HashMethod::Sha512] {
        let mut digest = StreamingDigest::new(hash_method);
        let mut rest = message;
        for size in sizes.iter().map(|&octet| size(octet)).cycle().take(1000) {
            let (piece, behind) = rest.split_at(size.min(rest.len()));
            digest.update(piece);
            rest = behind;
        }
        digest.update(rest);
        assert_eq!(digest.finish().as_bytes(), expected(hash_method, message), "{hash_method}");
    }
});

/// Half of the sizes are below 128, the others up to 8 KiB.
fn size(octet: u8) -> usize {
    let (large, size) = (octet >= 128, usize::from(octet % 128));
    if large { size * 64 } else { size }
}

fn expected(hash_method: HashMethod, message: &[u8]) -> Vec<u8> {
    match hash_method {
        HashMethod::Sha224 => sha2::Sha224::digest(message).to_vec(),
        HashMethod::Sha256 => sha2::Sha256::digest(message).to_vec(),
        HashMethod::Sha384 => sha2::Sha384::digest(message).to_vec(),
        HashMethod::Sha512 => sha2::Sha512::digest(message).to_vec(),
        other => panic!("{other} has no oracle"),
    }
}
