//! Portable, carry-less and bit-by-bit arithmetic in GF(2^409) and GF(2^571), held against each other.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    assert_eq!(longhand::fuzzing::arithmetics_disagree(input), None);
});
