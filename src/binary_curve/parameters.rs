//! The domain parameters: SEC 2 version 1.0 section 3.5 and 3.6 (sect409k1, sect409r1, sect571k1, sect571r1), which are
//! K-409, B-409, K-571 and B-571 of FIPS 186-4 appendix D.1.3. `openssl ecparam -param_enc explicit -text` prints the
//! same numbers; the digits stand here as they stand there.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::panic,
    reason = "constants read at compile time, where a panic is an error of the compiler"
)]

use std::sync::OnceLock;

use super::field::Element;
use super::multiplication::Table;
use super::recoding::{INTEGER_WORDS, Integer};

/// The domain parameters of a curve over the field of `WORDS` words.
#[derive(Debug)]
pub(super) struct Domain<const WORDS: usize> {
    /// Whether the a of the equation is 1, rather than 0.
    pub(super) a: bool,
    pub(super) b: Element<WORDS>,
    /// The coordinates of the generator, which has this order.
    pub(super) generator: (Element<WORDS>, Element<WORDS>),
    /// The prime order of the subgroup.
    pub(super) order: [u64; WORDS],
    /// The number of points is the order times 4, or else times 2.
    pub(super) cofactor_is_4: bool,
    /// What a Koblitz curve has besides.
    pub(super) koblitz: Option<Koblitz>,
    /// Multiples of the generator, made when they are first asked for.
    pub(super) generator_table: OnceLock<Table<WORDS>>,
}

/// A Koblitz curve has a = 0 and b = 1, so that the Frobenius map tau: (x, y) -> (x^2, y^2) takes it to itself, with
/// tau^2 + tau + 2 = 0.
#[derive(Debug)]
pub(super) struct Koblitz {
    /// delta = (tau^m - 1) / (tau - 1) = d0 + d1 tau, of norm n, takes every point of the subgroup to infinity (Solinas,
    /// "Efficient arithmetic on Koblitz curves", section 4).
    pub(super) delta: [Integer; 2],
    /// round(2^(64 WORDS) (c0, c1) / n), where c0 + c1 tau = d0 - d1 - d1 tau is the conjugate of delta.
    pub(super) reciprocal: [Integer; 2],
}

pub(super) static SECT409K1: Domain<7> = Domain {
    a: false,
    b: Element(words("1")),
    generator: (
        Element(words(concat!(
            "0060f05f658f49c1ad3ab1890f7184210efd0987e307c84c27ac",
            "cfb8f9f67cc2c460189eb5aaaa62ee222eb1b35540cfe9023746"
        ))),
        Element(words(concat!(
            "01e369050b7c4e42acba1dacbf04299c3460782f918ea427e632",
            "5165e9ea10e3da5f6c42e9c55215aa9ca27a5863ec48d8e0286b"
        ))),
    ),
    order: words(concat!(
        "7ffffffffffffffffffffffffffffffffffffffffffffffffff",
        "e5f83b2d4ea20400ec4557d5ed3e3e7ca5b4b5c83b8e01e5fcf"
    )),
    cofactor_is_4: true,
    koblitz: Some(Koblitz {
        delta: [
            signed("-5dbcf70caa5ad4788f744b35dcea1505f0132d68c7b2d2e06a5"),
            signed("588be8ed9ccc46b6afb9207ca5db9c8233862fada2a8401c996"),
        ],
        reciprocal: [
            signed("-16c91bff48e4e365e7e5ad765058b63104732ba2cd4b625fa0764a23bb8d73"),
            signed("-b117d1db39988d6d5f7240f94bb73904670c5f5b4550803932c2403963dfc"),
        ],
    }),
    generator_table: OnceLock::new(),
};

pub(super) static SECT409R1: Domain<7> = Domain {
    a: true,
    b: Element(words(concat!(
        "21a5c2c8ee9feb5c4b9a753b7b476b7fd6422ef1f3dd674761f",
        "a99d6ac27c8a9a197b272822f6cd57a55aa4f50ae317b13545f"
    ))),
    generator: (
        Element(words(concat!(
            "015d4860d088ddb3496b0c6064756260441cde4af1771d4db01f",
            "fe5b34e59703dc255a868a1180515603aeab60794e54bb7996a7"
        ))),
        Element(words(concat!(
            "0061b1cfab6be5f32bbfa78324ed106a7636b9c5a7bd198d0158",
            "aa4f5488d08f38514f1fdf4b4f40d2181b3681c364ba0273c706"
        ))),
    ),
    order: words(concat!(
        "0100000000000000000000000000000000000000000000000000",
        "01e2aad6a612f33307be5fa47c3c9e052f838164cd37d9a21173"
    )),
    cofactor_is_4: false,
    koblitz: None,
    generator_table: OnceLock::new(),
};

pub(super) static SECT571K1: Domain<9> = Domain {
    a: false,
    b: Element(words("1")),
    generator: (
        Element(words(concat!(
            "026eb7a859923fbc82189631f8103fe4ac9ca2970012d5d46024804801841ca443709584",
            "93b205e647da304db4ceb08cbbd1ba39494776fb988b47174dca88c7e2945283a01c8972"
        ))),
        Element(words(concat!(
            "0349dc807f4fbf374f4aeade3bca95314dd58cec9f307a54ffc61efc006d8a2c9d4979c0",
            "ac44aea74fbebbb9f772aedcb620b01a7ba7af1b320430c8591984f601cd4c143ef1c7a3"
        ))),
    ),
    order: words(concat!(
        "020000000000000000000000000000000000000000000000000000000000000000000000",
        "131850e1f19a63e4b391a8db917f4138b630d84be5d639381e91deb45cfe778f637c1001"
    )),
    cofactor_is_4: true,
    koblitz: Some(Koblitz {
        delta: [
            signed("e81a7aae1496d45a2cc92180e2e4ba709d0707bc6dddf7d8ead73e03c861cda72518237"),
            signed("106e26439146a3e0f2f076930db910f6dda907de215fa333e71f8f985f33c3d71b7ddcb0"),
        ],
        reciprocal: [
            signed("-f63f4c57fe9b4da811f23d7fc562a7e9ec4bb12d40e1db2c390ddc1156d37e54962d3c77"),
            signed("-8371321c8a351f079783b4986dc887b6ed483ef10afd199f38fc7cc2f99e1eb8dbeee57b2"),
        ],
    }),
    generator_table: OnceLock::new(),
};

pub(super) static SECT571R1: Domain<9> = Domain {
    a: true,
    b: Element(words(concat!(
        "02f40e7e2221f295de297117b7f3d62f5c6a97ffcb8ceff1cd6ba8ce4a9a18ad84ffabbd",
        "8efa59332be7ad6756a66e294afd185a78ff12aa520e4de739baca0c7ffeff7f2955727a"
    ))),
    generator: (
        Element(words(concat!(
            "0303001d34b856296c16c0d40d3cd7750a93d1d2955fa80aa5f40fc8db7b2abdbde53950",
            "f4c0d293cdd711a35b67fb1499ae60038614f1394abfa3b4c850d927e1e7769c8eec2d19"
        ))),
        Element(words(concat!(
            "037bf27342da639b6dccfffeb73d69d78c6c27a6009cbbca1980f8533921e8a684423e43",
            "bab08a576291af8f461bb2a8b3531d2f0485c19b16e2f1516e23dd3c1a4827af1b8ac15b"
        ))),
    ),
    order: words(concat!(
        "03ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "e661ce18ff55987308059b186823851ec7dd9ca1161de93d5174d66e8382e9bb2fe84e47"
    )),
    cofactor_is_4: false,
    koblitz: None,
    generator_table: OnceLock::new(),
};

/// The number with these hexadecimal digits. The compiler reads them from the constants of this file, and its panic is a
/// build that fails: no input comes here.
const fn words<const WORDS: usize>(digits: &str) -> [u64; WORDS] {
    let digits = digits.as_bytes();
    let mut words = [0; WORDS];
    let mut place = 0;
    while place < digits.len() {
        let digit = match digits[digits.len() - 1 - place] {
            digit @ b'0'..=b'9' => digit - b'0',
            digit @ b'a'..=b'f' => digit - b'a' + 10,
            _ => panic!("not a hexadecimal digit"),
        };
        words[place / 16] |= (digit as u64) << (place % 16 * 4);
        place += 1;
    }
    words
}

/// The number with these hexadecimal digits, and a sign.
const fn signed(digits: &str) -> Integer {
    match digits.as_bytes() {
        [b'-', ..] => Integer(words::<INTEGER_WORDS>(digits.split_at(1).1)).opposite(),
        _ => Integer(words(digits)),
    }
}
