//! Public keys that nobody vouches for: each bad shape is refused by its own rule, none panics or runs long.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

mod common;

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use common::der::{Der, bit_string, integer, null, oid, sequence, spki};
use common::{CaseFile, hex};
use crypto_bigint::BoxedUint;
use longhand::{
    Curve, DsaComponent, ErrorCode, HashMethod, KeyKind, PssDefect, PssSaltLength, PublicKey, PublicKeyError,
    SignatureError, SignatureInteger, VerificationError,
};

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const RSASSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];
const MGF1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08];
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const DSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 34];
const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 35];

/// Nothing that a key or signature says may cost more than this, in a debug build on a slow machine.
const LONG: Duration = Duration::from_secs(20);

static FIXTURES: LazyLock<CaseFile> = LazyLock::new(|| CaseFile::read("openssl"));

/// The SubjectPublicKeyInfo of a fixture.
fn fixture(id: &str) -> Der {
    Der::parse(FIXTURES.certificate(id).subject_public_key_info())
}

fn read(spki: &[u8]) -> Result<PublicKey, PublicKeyError> {
    let start = Instant::now();
    let outcome = PublicKey::from_spki_der(spki);
    assert!(start.elapsed() < LONG);
    outcome
}

/// The numbers inside a key's BIT STRING, spoilt and put back.
fn with_key(mut tree: Der, spoil: impl FnOnce(&mut Der)) -> Vec<u8> {
    let contents = tree.at(&[1]).contents().clone();
    let mut key = Der::parse(&contents[1..]);
    spoil(&mut key);
    *tree.at(&[1]) = bit_string(&key.encode());
    tree.encode()
}

fn rsa(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    spki(RSA, Some(null()), &sequence([integer(modulus), integer(exponent)]).encode())
}

fn odd_modulus(bits: usize) -> Vec<u8> {
    let mut modulus = vec![0xff; bits.div_ceil(8)];
    modulus[0] = 0xff >> ((8 - bits % 8) % 8);
    modulus
}

#[test]
fn rsa_moduli_are_odd_and_of_1024_to_16384_bits() {
    for (bits, good) in [
        (1023, false),
        (1024, true),
        (1025, true),
        (2049, true),
        (16_384, true),
        (16_385, false),
        (100_000, false),
    ] {
        let outcome = read(&rsa(&odd_modulus(bits), &[3]));
        assert_eq!(outcome.is_ok(), good, "{bits}: {outcome:?}");
        if let Ok(key) = outcome {
            assert_eq!((key.kind(), key.bits() as usize), (KeyKind::Rsa, bits));
        }
    }
    let mut even = odd_modulus(2048);
    even[255] = 0xfe;
    assert_eq!(read(&rsa(&even, &[3])).unwrap_err(), PublicKeyError::RsaModulus { bits: 2048, even: true });
    for small in [&[][..], &[0], &[1], &[3]] {
        assert_eq!(read(&rsa(small, &[3])).unwrap_err().code(), ErrorCode::RsaModulus);
    }
}

#[test]
fn rsa_exponents_are_odd_and_from_3_to_2_to_the_33_less_1() {
    let modulus = odd_modulus(2048);
    for (exponent, good) in [
        (&[][..], false),
        (&[1], false),
        (&[2], false),
        (&[3], true),
        (&[1, 0, 0], false),
        (&[1, 0, 1], true),
        (&[1, 0xff, 0xff, 0xff, 0xff], true),
        (&[2, 0, 0, 0, 1], false),
        (&[0xff; 8], false),
        (&[0xff; 9], false),
        (&[1, 0, 0, 0, 0, 0, 0, 0, 3], false), // 3 in the lowest 64 bits
        (&[0xff; 2048], false),
    ] {
        let outcome = read(&rsa(&modulus, exponent));
        assert_eq!(outcome.is_ok(), good, "{exponent:02x?}");
        assert!(good || outcome.unwrap_err().code() == ErrorCode::RsaExponent);
    }
}

#[test]
fn the_costliest_rsa_key_is_still_cheap() {
    let key = read(&rsa(&odd_modulus(16_384), &[1, 0xff, 0xff, 0xff, 0xff])).unwrap();
    let start = Instant::now();
    let outcome = key.verify_digest(HashMethod::Sha512, &[7; 64], &[0x7f; 2048], PssSaltLength::Auto);
    assert!(matches!(outcome, Err(VerificationError::PssEncoding { .. })), "{outcome:?}");
    assert!(start.elapsed() < LONG);
}

#[test]
fn rsa_keys_have_null_parameters_and_two_numbers() {
    let key = sequence([integer(&odd_modulus(2048)), integer(&[3])]);
    for (parameters, octets) in [
        (None, key.encode()),
        (Some(Der::Primitive(0x05, vec![0])), key.encode()),
        (Some(sequence([])), key.encode()),
        (Some(null()), sequence([integer(&odd_modulus(2048))]).encode()),
        (Some(null()), sequence([integer(&odd_modulus(2048)), integer(&[3]), null()]).encode()),
        (Some(null()), [key.encode(), vec![0]].concat()),
        (Some(null()), vec![]),
        (Some(null()), sequence([Der::Primitive(2, vec![0x80; 256]), integer(&[3])]).encode()),
        (
            Some(null()),
            sequence([Der::Primitive(2, [&[0, 0][..], &[0x7f; 255]].concat()), integer(&[3])]).encode(),
        ),
    ] {
        let outcome = read(&spki(RSA, parameters.clone(), &octets));
        assert_eq!(outcome.unwrap_err().code(), ErrorCode::KeyMalformed, "{parameters:?}");
    }
}

#[test]
fn pss_parameters_in_a_key_are_read_or_refused() {
    let key = sequence([integer(&odd_modulus(2048)), integer(&[3])]).encode();
    let hash = |oid_: &[u8]| sequence([oid(oid_), null()]);
    let field = |number: u8, inner: Der| Der::Constructed(0xa0 | number, vec![inner]);
    let mgf = |inner: Der| field(1, sequence([oid(MGF1), inner]));
    for (parameters, code) in [
        (None, None),
        (Some(sequence([])), None),
        (Some(sequence([field(0, hash(SHA256)), mgf(hash(SHA256)), field(2, integer(&[32]))])), None),
        (Some(sequence([field(0, sequence([oid(SHA256)]))])), None),
        (Some(sequence([field(2, integer(&[0xff, 0xff]))])), None), // of SHA-1, which no image uses anyway
        (Some(sequence([field(0, hash(SHA256)), field(2, integer(&[222]))])), None),
        (Some(sequence([field(0, hash(SHA256)), field(2, integer(&[223]))])), Some(ErrorCode::KeyParameters)),
        (
            Some(sequence([field(0, hash(SHA256)), field(2, integer(&[1, 0x2c]))])),
            Some(ErrorCode::KeyParameters),
        ),
        (Some(sequence([field(3, integer(&[1]))])), None),
        (Some(null()), Some(ErrorCode::KeyMalformed)),
        (Some(sequence([field(2, integer(&[1, 0, 0]))])), Some(ErrorCode::KeyParameters)),
        (Some(sequence([field(2, integer(&[0xff; 64]))])), Some(ErrorCode::KeyParameters)),
        (Some(sequence([field(2, Der::Primitive(2, vec![0xff]))])), Some(ErrorCode::KeyMalformed)),
        (Some(sequence([field(3, integer(&[2]))])), Some(ErrorCode::KeyParameters)),
        (Some(sequence([field(1, sequence([oid(SHA256), hash(SHA256)]))])), Some(ErrorCode::KeyParameters)),
        (Some(sequence([field(1, sequence([oid(MGF1)]))])), Some(ErrorCode::KeyMalformed)),
        (Some(sequence([field(0, sequence([oid(SHA256), integer(&[1])]))])), Some(ErrorCode::KeyMalformed)),
        (Some(sequence([field(2, integer(&[32])), field(0, hash(SHA256))])), Some(ErrorCode::KeyMalformed)),
        (Some(sequence([field(4, integer(&[1]))])), Some(ErrorCode::KeyMalformed)),
    ] {
        let outcome = read(&spki(RSASSA_PSS, parameters.clone(), &key));
        assert_eq!(outcome.err().map(|error| error.code()), code, "{parameters:?}");
    }
}

#[test]
fn a_pss_key_allows_the_hash_it_names_and_no_other() {
    let key = sequence([integer(&odd_modulus(2048)), integer(&[3])]).encode();
    let field = |number: u8, inner: Der| Der::Constructed(0xa0 | number, vec![inner]);
    for (last, named) in
        [(4, HashMethod::Sha224), (1, HashMethod::Sha256), (2, HashMethod::Sha384), (3, HashMethod::Sha512)]
    {
        let hash = || sequence([oid(&[&SHA256[..8], &[last]].concat())]);
        let parameters = sequence([field(0, hash()), field(1, sequence([oid(MGF1), hash()]))]);
        let key = read(&spki(RSASSA_PSS, Some(parameters), &key)).unwrap();
        for hash_method in HashMethod::ALL {
            let outcome = key.check_signature(hash_method, &[1; 256]);
            let restricted = SignatureError::Restricted { key_hash: named.as_str(), hash_method };
            assert_eq!(outcome.err(), (hash_method != named).then_some(restricted));
        }
    }
}

#[test]
fn a_key_says_its_kind_and_size_and_a_defect_its_name() {
    for (id, kind, bits, shown) in [
        ("openssl/rsa2049/SHA-256/salt-max", KeyKind::Rsa, 2049, "PublicKey(RSA, 2049 bits)"),
        ("openssl/dsa2048-256/SHA-256", KeyKind::Dsa, 2048, "PublicKey(DSA, 2048 bits)"),
        (
            "openssl/secp521r1/SHA-384",
            KeyKind::Ec(Curve::Secp521r1),
            521,
            "PublicKey(EC secp521r1, 521 bits)",
        ),
    ] {
        let key = FIXTURES.certificate(id).public_key().unwrap();
        assert_eq!((key.kind(), key.bits(), format!("{key:?}").as_str()), (kind, bits, shown));
    }
    use PssDefect::{LeadingBits, Padding, Pkcs1v15, TooShort, Trailer};
    let defects = [TooShort, Trailer, LeadingBits, Padding, Pkcs1v15];
    let texts: std::collections::BTreeSet<_> = defects.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 5);
    assert!(!texts.contains(""));
}

/// p, q, g and y of a DSA key.
struct DsaNumbers([Vec<u8>; 4]);

impl DsaNumbers {
    fn good() -> Self {
        let mut tree = fixture("openssl/dsa2048-256/SHA-256");
        let mut number = |path: &[usize]| tree.at(path).contents().clone();
        let (p, q, g) = (number(&[0, 1, 0]), number(&[0, 1, 1]), number(&[0, 1, 2]));
        let y = Der::parse(&number(&[1])[1..]).contents().clone();
        Self([p, q, g, y])
    }

    fn with(component: DsaComponent, magnitude: &[u8]) -> Result<PublicKey, PublicKeyError> {
        let mut numbers = Self::good().0;
        let index = [DsaComponent::P, DsaComponent::Q, DsaComponent::G, DsaComponent::Y];
        numbers[index.iter().position(|&known| known == component).unwrap()] = magnitude.to_vec();
        Self(numbers).read()
    }

    fn read(&self) -> Result<PublicKey, PublicKeyError> {
        let [p, q, g, y] = self.0.each_ref().map(|magnitude| integer(magnitude));
        read(&spki(DSA, Some(sequence([p, q, g])), &y.encode()))
    }
}

fn big(magnitude: &[u8]) -> BoxedUint {
    BoxedUint::from_be_slice_vartime(magnitude)
}

/// A number, and another of the same size, as octets.
fn octets(number: &BoxedUint) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

#[test]
fn a_dsa_key_of_any_shape_is_refused_by_its_rule_or_read() {
    use DsaComponent::{G, P, Q, Y};
    let DsaNumbers([p, q, g, y]) = DsaNumbers::good();
    assert!(DsaNumbers::good().read().is_ok());
    let one = BoxedUint::one();
    let less = |number: &[u8], by: &BoxedUint| octets(&big(number).wrapping_sub(by));
    let p_less_1 = less(&p, &one);
    let longer = |number: &[u8]| [&[1][..], number].concat();
    for (component, magnitude, code) in [
        (P, vec![], ErrorCode::DsaSize),
        (P, vec![1], ErrorCode::DsaSize),
        (P, q.clone(), ErrorCode::DsaSize),
        (P, vec![0xff; 513], ErrorCode::DsaSize),
        (P, vec![0xff; 60_000], ErrorCode::DsaSize),
        (P, p_less_1.clone(), ErrorCode::DsaParameter), // even
        (P, vec![0xff; 256], ErrorCode::DsaParameter),  // q does not divide p - 1
        (P, vec![0xff; 128], ErrorCode::DsaParameter),
        (P, vec![0xff; 512], ErrorCode::DsaParameter),
        (Q, vec![], ErrorCode::DsaSize),
        (Q, vec![1], ErrorCode::DsaSize),
        (Q, vec![2], ErrorCode::DsaSize),
        (Q, p.clone(), ErrorCode::DsaSize),
        (Q, less(&q, &one), ErrorCode::DsaParameter), // even
        (Q, vec![0xff; 32], ErrorCode::DsaParameter), // does not divide
        (Q, vec![0xff; 20], ErrorCode::DsaParameter),
        (Q, vec![0xff; 28], ErrorCode::DsaParameter),
        (Q, vec![0xff; 31], ErrorCode::DsaSize),
        (G, vec![], ErrorCode::DsaParameter), // 0
        (G, vec![1], ErrorCode::DsaParameter),
        (G, vec![2], ErrorCode::DsaParameter), // another limb count than p, and not of order q
        (G, p_less_1.clone(), ErrorCode::DsaParameter), // of order 2
        (G, p.clone(), ErrorCode::DsaParameter),
        (G, longer(&g), ErrorCode::DsaParameter),
        (G, vec![0xff; 5000], ErrorCode::DsaParameter),
        (Y, vec![], ErrorCode::DsaParameter),
        (Y, vec![1], ErrorCode::DsaParameter),
        (Y, vec![5], ErrorCode::DsaParameter),
        (Y, p_less_1, ErrorCode::DsaParameter),
        (Y, p.clone(), ErrorCode::DsaParameter),
        (Y, less(&p, &big(&y)), ErrorCode::DsaParameter), // -y: of order 2q
        (Y, longer(&y), ErrorCode::DsaParameter),
        (Y, vec![0xff; 5000], ErrorCode::DsaParameter),
    ] {
        let error = DsaNumbers::with(component, &magnitude).unwrap_err();
        let letter = ["p", "q", "g", "y"][[P, Q, G, Y].iter().position(|&known| known == component).unwrap()];
        let named =
            code != ErrorCode::DsaParameter || error.to_string().contains(&format!("its DSA {letter} "));
        assert!(named || component == P, "{error}");
        assert_eq!(error.code(), code, "{component} of {} octets: {error}", magnitude.len());
    }
}

/// With g = y = 1 the signature (1, s) would fit every message; with g of order 2, every second.
#[test]
fn a_dsa_key_that_would_let_anybody_sign_is_refused() {
    let DsaNumbers([p, q, _, y]) = DsaNumbers::good();
    let degenerate = DsaNumbers([p, q, vec![1], y]).read().unwrap_err();
    assert_eq!(degenerate, PublicKeyError::DsaParameter { component: DsaComponent::G, rule: "is 0 or 1" });
}

/// Parameters whose q is 3 times a prime, and an element of order 3 as g and y: anybody signs every image by trying a few
/// s, for v can only be one of three numbers.
#[test]
fn a_dsa_key_whose_q_is_not_prime_is_refused() {
    let p = hex(
        "ac10536dcad10ec230958cc204471d2289da53d65a9bd66d093e91d215826fccaf7e29f47fc251042bd74bd03cab817c\
         4ce9b7a56b706af65c8f4b6f5a81499f6cb27e064e3b425daa9aaa5732ac65efd7cee480023a35c9757e9131c5860601\
         3a7f97fcc07988abfa602ea3ca880b0407807242fbcba052a35bfd8a3647aeed",
    );
    let q = hex("a03ef19fa34189347c294506f83301e44be991e3");
    let g = hex(
        "3a29985aaba4a484a68012914a9672697a5a8dd5e0e598a6f25e96f2bc5da1bfe3fddcd973f9692fd11d0969bdf5461a\
         7f40cf17f5f5ab3a4debaa24d0d15597c1ad9176a007acf94fc7ab6640782c9b22c9ac878f038075a044ba5712204682\
         a2bc6e819053a9b34b12e4f566fb36ea60aede33a8090ea850ea6f49d1247de4",
    );
    let error = DsaNumbers([p, q, g.clone(), g]).read().unwrap_err();
    assert_eq!(error, PublicKeyError::DsaParameter { component: DsaComponent::Q, rule: "is not prime" });
}

#[test]
fn dsa_parameters_are_three_numbers_and_not_inherited() {
    let DsaNumbers([p, q, g, y]) = DsaNumbers::good();
    let [p, q, g, y] = [p, q, g, y].map(|magnitude| integer(&magnitude));
    for parameters in [
        None,
        Some(null()),
        Some(sequence([p.clone(), q.clone()])),
        Some(sequence([p.clone(), q.clone(), g.clone(), g.clone()])),
        Some(sequence([p.clone(), q.clone(), Der::Primitive(2, vec![0x80, 0])])),
    ] {
        let error = read(&spki(DSA, parameters.clone(), &y.encode())).unwrap_err();
        assert_eq!(error.code(), ErrorCode::KeyMalformed, "{parameters:?}");
    }
    let trailing = [y.encode(), vec![5, 0]].concat();
    let error = read(&spki(DSA, Some(sequence([p, q, g])), &trailing)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::KeyMalformed);
}

#[test]
fn points_are_compressed_or_uncompressed_and_on_the_curve() {
    for (curve, parameters, size) in [(Curve::Secp384r1, P384, 48), (Curve::Secp521r1, P521, 66)] {
        let id = format!("openssl/{curve}/SHA-384");
        let good = fixture(&id).at(&[1]).contents()[1..].to_vec();
        let (x, y) = good[1..].split_at(size);
        let point =
            |octets: &[u8]| read(&spki(EC, Some(oid(parameters)), octets)).map_err(|error| error.code());
        let form = |tag: u8, coordinates: &[&[u8]]| point(&[&[tag][..], &coordinates.concat()].concat());
        let parity = y[size - 1] & 1;
        assert!(form(4, &[x, y]).is_ok());
        assert!(form(2 | parity, &[x]).is_ok());
        assert!(form(2 | (parity ^ 1), &[x]).is_ok(), "the opposite point is another key");
        let mut off = y.to_vec();
        off[size - 1] ^= 1;
        assert_eq!(form(4, &[x, &off]).unwrap_err(), ErrorCode::PointNotOnCurve);
        assert_eq!(form(4, &[y, x]).unwrap_err(), ErrorCode::PointNotOnCurve);
        let zero = vec![0; size];
        assert_eq!(form(4, &[&zero, &zero]).unwrap_err(), ErrorCode::PointNotOnCurve);
        // Coordinates past the field's prime.
        let high = vec![0xff; size];
        assert_eq!(form(4, &[&high, y]).unwrap_err(), ErrorCode::PointNotOnCurve);
        assert_eq!(form(2, &[&high]).unwrap_err(), ErrorCode::PointNotOnCurve);
        for (octets, what) in [
            (vec![], "nothing"),
            (vec![0], "infinity"),
            ([&[0][..], x, y].concat(), "infinity, long"),
            ([&[6 | parity][..], x, y].concat(), "hybrid"),
            ([&[5][..], x].concat(), "compact"),
            ([&[4][..], x].concat(), "half"),
            ([&[2][..], x, y].concat(), "compressed, long"),
            ([&[4][..], x, y, &[0]].concat(), "one octet more"),
            ([&[4][..], x, &y[1..]].concat(), "one octet less"),
        ] {
            assert_eq!(point(&octets).unwrap_err(), ErrorCode::PointEncoding, "{what}");
        }
    }
}

/// x of a P-384 point whose curve equation has no solution: half of all x are such.
#[test]
fn a_compressed_point_without_a_square_root_is_refused() {
    let refused = (0..40_u8).filter(|&last| {
        let mut x = vec![0; 48];
        x[47] = last;
        let outcome = read(&spki(EC, Some(oid(P384)), &[&[2][..], &x].concat()));
        outcome.is_err_and(|error| error.code() == ErrorCode::PointNotOnCurve)
    });
    assert!((10..30).contains(&refused.count()));
}

/// P-256 and Ed25519 sign certificates; their keys are read as strictly as those that sign images.
#[test]
fn keys_of_certificates_alone_are_read_strictly() {
    const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
    let p256 = || Some(oid(&hex("2a8648ce3d030107")));
    let generator = hex("036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296");
    let key = read(&spki(EC, p256(), &generator)).unwrap();
    assert_eq!((key.kind(), key.bits()), (KeyKind::P256, 256));
    let mut off_curve = [&[4][..], &generator[1..], &[1; 32]].concat();
    for (point, code) in [
        (&off_curve[..], ErrorCode::PointNotOnCurve),
        (&generator[..32], ErrorCode::PointEncoding),
        (&[0], ErrorCode::PointEncoding),
    ] {
        assert_eq!(read(&spki(EC, p256(), point)).unwrap_err().code(), code, "{point:02x?}");
    }
    off_curve[0] = 6;
    assert_eq!(read(&spki(EC, p256(), &off_curve)).unwrap_err().code(), ErrorCode::PointEncoding);

    // RFC 8032 section 7.1, test 1; the neutral element; a y without a square root; no 32 octets; parameters.
    let good = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    let key = read(&spki(ED25519, None, &good)).unwrap();
    assert_eq!(key.kind(), KeyKind::Ed25519);
    assert_eq!(
        key.verify_digest(HashMethod::Sha256, &[0; 32], &[0; 64], PssSaltLength::Auto).unwrap_err().code(),
        ErrorCode::KeySignsMessages
    );
    let neutral = [&[1][..], &[0; 31]].concat();
    for octets in [&neutral[..], &[7; 32], &good[..31]] {
        assert_eq!(read(&spki(ED25519, None, octets)).unwrap_err().code(), ErrorCode::Ed25519Key);
    }
    assert_eq!(read(&spki(ED25519, Some(null()), &good)).unwrap_err().code(), ErrorCode::KeyMalformed);
}

#[test]
fn algorithms_and_curves_that_verify_no_images_are_named() {
    let error = read(&spki(&[0x2b, 0x65, 0x71], None, &[7; 57])).unwrap_err();
    assert_eq!(error, PublicKeyError::UnsupportedAlgorithm { oid: "1.3.101.113".into() });
    let error = read(&spki(EC, Some(oid(&hex("2b8104000a"))), &[4; 65])).unwrap_err();
    assert_eq!(error, PublicKeyError::UnsupportedCurve { oid: "1.3.132.0.10".into() });
    for (last, curve) in
        [(36, Curve::Sect409k1), (37, Curve::Sect409r1), (38, Curve::Sect571k1), (39, Curve::Sect571r1)]
    {
        let error = read(&spki(EC, Some(oid(&[0x2b, 0x81, 0x04, 0x00, last])), &[])).unwrap_err();
        assert_eq!(error, PublicKeyError::PointEncoding { curve: KeyKind::Ec(curve), length: 0 });
    }
    assert_eq!(read(&spki(EC, Some(sequence([])), &[4])).unwrap_err(), PublicKeyError::ExplicitCurve);
    for parameters in [None, Some(null()), Some(Der::Primitive(6, vec![0x80]))] {
        assert_eq!(read(&spki(EC, parameters, &[4])).unwrap_err().code(), ErrorCode::KeyMalformed);
    }
}

#[test]
fn key_bits_are_whole_octets_and_nothing_trails() {
    let good = rsa(&odd_modulus(2048), &[3]);
    assert!(read(&good).is_ok());
    let unused_bits = {
        let mut tree = Der::parse(&good);
        tree.at(&[1]).contents()[0] = 1;
        tree.encode()
    };
    let third = {
        let mut tree = Der::parse(&good);
        tree.children().push(null());
        tree.encode()
    };
    for bad in [vec![], unused_bits, third, [good.clone(), vec![0]].concat(), good[..good.len() - 1].to_vec()]
    {
        assert_eq!(read(&bad).unwrap_err().code(), ErrorCode::KeyMalformed);
    }
    let trailing = with_key(Der::parse(&good), |key| key.children().push(null()));
    assert_eq!(read(&trailing).unwrap_err().code(), ErrorCode::KeyMalformed);
}

#[test]
fn what_cannot_be_a_signature_is_told_before_any_data() {
    let signature = |r: &[u8], s: &[u8]| sequence([integer(r), integer(s)]).encode();
    for id in ["openssl/secp384r1/SHA-384", "openssl/secp521r1/SHA-384", "openssl/dsa2048-256/SHA-256"] {
        let key = FIXTURES.certificate(id).public_key().unwrap();
        let check = |signature: &[u8]| key.check_signature(HashMethod::Sha384, signature);
        assert!(check(&signature(&[1], &[1])).is_ok());
        let range = |integer, zero| Err(SignatureError::OutOfRange { integer, zero });
        assert_eq!(check(&signature(&[], &[1])), range(SignatureInteger::R, true));
        assert_eq!(check(&signature(&[1], &[])), range(SignatureInteger::S, true));
        assert_eq!(check(&signature(&[0xff; 66], &[1])), range(SignatureInteger::R, false));
        assert_eq!(check(&signature(&[1], &[0xff; 200])), range(SignatureInteger::S, false));
        for junk in [&[][..], &[0x30], &[0x30, 0], &[0x30, 0x80, 0, 0], &[0; 96]] {
            assert_eq!(check(junk).unwrap_err().code(), ErrorCode::SignatureEncoding);
        }
    }
}

#[test]
fn errors_say_what_is_wrong_and_keep_their_source() {
    use std::error::Error as _;
    let malformed = read(&[0x30]).unwrap_err();
    assert!(malformed.source().is_some() && PublicKeyError::ExplicitCurve.source().is_none());
    let key = FIXTURES.certificate("openssl/secp384r1/SHA-384").public_key().unwrap();
    let verify = |signature: &[u8]| {
        key.verify_digest(HashMethod::Sha384, &[0; 48], signature, PssSaltLength::Auto).unwrap_err()
    };
    let encoding = verify(&[0x30]);
    assert!(encoding.to_string().contains("not the DER of two integers"), "{encoding}");
    assert!(encoding.source().is_some());
    let signature = |r: &[u8], s: &[u8]| sequence([integer(r), integer(s)]).encode();
    for (r, s, says) in [
        (&[][..], &[1][..], "the signature's r is zero"),
        (&[1], &[], "the signature's s is zero"),
        (&[0xff; 48], &[1], "the signature's r is not below the order"),
        (&[1], &[0xff; 48], "the signature's s is not below the order"),
    ] {
        let error = verify(&signature(r, s));
        assert!(error.to_string().ends_with(says), "{error}");
        assert!(error.source().is_none());
    }
    let registered =
        VerificationError::Registered { source: std::sync::Arc::new(std::io::Error::other("no")) };
    assert_eq!(registered.source().unwrap().to_string(), "no");
}

#[test]
fn a_pkcs1_v1_5_signature_is_called_by_its_name() {
    for key in ["rsa2048", "rsa2049"] {
        let id = format!("openssl/{key}/pkcs1");
        let properties = &FIXTURES.case(&id).properties;
        let properties = longhand::SignatureProperties::from_properties(properties).unwrap().unwrap();
        let key = FIXTURES.certificate(&id).public_key().unwrap();
        let outcome =
            key.verify_digest(HashMethod::Sha256, &[0; 32], properties.signature(), PssSaltLength::Auto);
        assert!(
            matches!(outcome, Err(VerificationError::PssEncoding { defect: PssDefect::Pkcs1v15 })),
            "{outcome:?}"
        );
    }
}

#[test]
fn a_digest_of_another_length_is_a_callers_mistake() {
    for id in ["openssl/secp384r1/SHA-384", "openssl/dsa2048-256/SHA-256", "openssl/rsa2048/SHA-256/salt-max"]
    {
        let case = FIXTURES.case(id);
        let key = FIXTURES.certificate(id).public_key().unwrap();
        let properties = longhand::SignatureProperties::from_properties(&case.properties).unwrap().unwrap();
        for length in [0, 20, 31, 33, 65] {
            let (hash_method, signature) = (properties.hash_method(), properties.signature());
            let outcome = key.verify_digest(hash_method, &vec![0; length], signature, PssSaltLength::Auto);
            assert_eq!(outcome.unwrap_err().code(), ErrorCode::DigestLength);
        }
    }
}
