//! RSA held against crypto-bigint, the operation alone, and against the rsa crate, the verdicts: over every vector and
//! what a change makes of it, and over encodings that are spoilt before they are signed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use proptest::prelude::*;
use proptest::sample::Index;
use rsa::signature::hazmat::PrehashVerifier;
use serde_json::Value;

use super::*;
use crate::certificate::Certificate;
use crate::properties::SignatureProperties;

/// A key as both sides see it.
struct Key {
    ours: RsaKey,
    theirs: rsa::RsaPublicKey,
    modulus: BoxedUint,
    exponent: u64,
}

impl Key {
    fn new(modulus: &[u8], exponent: u64) -> Self {
        let wide = BoxedUint::from_be_slice_vartime(modulus);
        let theirs =
            rsa::RsaPublicKey::new_with_size_limits(wide.clone(), BoxedUint::from(exponent), 1024..=16_384);
        let ours = RsaKey { modulus: Modulus::new(modulus).unwrap(), exponent, allowed: Use::Any };
        Self { ours, theirs: theirs.unwrap(), modulus: wide, exponent }
    }

    /// The key of a certificate, if it is one for RSA within the bounds.
    fn of(certificate: &Certificate) -> Option<Self> {
        let mut reader = Reader::new(certificate.subject_public_key_info(), "SubjectPublicKeyInfo");
        let spki = SubjectPublicKeyInfo::read(&mut reader).ok()?;
        let key = RsaKey::read_key(spki.subject_public_key, Use::Any).ok()?;
        let (modulus, _) = read_numbers(spki.subject_public_key).ok()?;
        Some(Self::new(modulus, key.exponent))
    }

    /// Holds the recovered message against crypto-bigint's, octet for octet.
    fn assert_same_message(&self, signature: &[u8]) {
        let Ok(number) = self.ours.number(signature) else { return };
        let params = BoxedMontyParams::new_vartime(Odd::new(self.modulus.clone()).unwrap());
        let base = BoxedUint::from_be_slice(signature, params.bits_precision()).unwrap();
        let power = BoxedMontyForm::new(base, &params).pow(&BoxedUint::from(self.exponent)).retrieve();
        let message = self.ours.modulus.power(&number, self.exponent).to_octets();
        let octets = power.to_be_bytes();
        let surplus = octets.len() - message.len();
        assert_eq!(message, octets[surplus..]);
        assert!(octets[..surplus].iter().all(|&octet| octet == 0));
    }

    /// Holds the verdicts on a PSS signature against each other.
    fn assert_same_pss(&self, hash_method: HashMethod, digest: &[u8], signature: &[u8]) -> bool {
        let ours = self.ours.verify(hash_method, digest, signature, PssSaltLength::Auto).is_ok();
        let theirs = match hash_method {
            HashMethod::Sha224 => self.their_pss::<sha2::Sha224>(digest, signature),
            HashMethod::Sha256 => self.their_pss::<sha2::Sha256>(digest, signature),
            HashMethod::Sha384 => self.their_pss::<sha2::Sha384>(digest, signature),
            HashMethod::Sha512 => self.their_pss::<sha2::Sha512>(digest, signature),
        };
        assert_eq!(ours, theirs);
        ours
    }

    fn their_pss<D>(&self, digest: &[u8], signature: &[u8]) -> bool
    where
        D: sha2::Digest + signature::digest::FixedOutputReset,
        rsa::pss::VerifyingKey<D>: PrehashVerifier<rsa::pss::Signature>,
    {
        let key = rsa::pss::VerifyingKey::<D>::new_with_auto_salt_len(self.theirs.clone());
        let signature = rsa::pss::Signature::try_from(signature);
        signature.is_ok_and(|signature| key.verify_prehash(digest, &signature).is_ok())
    }

    /// Holds the verdicts on a PKCS#1 v1.5 signature over a SHA-256 digest against each other.
    fn assert_same_pkcs1v15(&self, digest: &[u8], signature: &[u8]) -> bool {
        let ours = self.ours.verify_pkcs1v15(&[SHA256_PREFIX, digest].concat(), signature).is_ok();
        let scheme = rsa::Pkcs1v15Sign { hash_len: Some(32), prefix: SHA256_PREFIX.into() };
        // The crate takes a signature that is too short for one with leading zeros, or the like.
        let theirs = signature.len() == self.ours.modulus.octets()
            && self.theirs.verify(scheme, digest, signature).is_ok();
        assert_eq!(ours, theirs);
        ours
    }
}

/// The DigestInfo of SHA-256 up to the digest (RFC 8017 section 9.2 note 1).
const SHA256_PREFIX: &[u8] = &[
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];

fn vectors() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("test-vectors")
}

fn json_lines<T: serde::de::DeserializeOwned>(path: &Path) -> Vec<T> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn hex(digits: &str) -> Vec<u8> {
    let digits = if digits.len() % 2 == 1 { format!("0{digits}") } else { digits.to_owned() };
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// The keys, hash methods, digests and signatures of the vectors that have them all.
fn signatures(folder: &str) -> Vec<(Key, HashMethod, Vec<u8>, Vec<u8>)> {
    let folder = vectors().join(folder);
    let files: BTreeMap<String, String> =
        json_lines::<(String, String)>(&folder.join("files.jsonl")).into_iter().collect();
    let octets = |source: &Value| match (source["file"].as_str(), source["hex"].as_str(), source.as_str()) {
        (Some(name), ..) => fs::read(folder.join(name)).unwrap(),
        (_, Some(digits), _) => hex(digits),
        (.., key) => STANDARD.decode(&files[key.unwrap()]).unwrap(),
    };
    let cases = json_lines::<Value>(&folder.join("cases.jsonl")).into_iter().filter_map(|case| {
        let properties = case["properties"].as_object()?.iter();
        let properties = properties.filter_map(|(name, value)| Some((name, value.as_str()?)));
        let properties = SignatureProperties::from_properties(properties).ok()??;
        let mut stored = case["certificates"].as_object()?.values();
        let key = stored.find_map(|source| Key::of(&Certificate::from_bytes(&octets(source)).ok()?))?;
        let mut digest = StreamingDigest::new(properties.hash_method());
        digest.update(&octets(&case["image"]));
        let digest = digest.finish().as_bytes().to_vec();
        Some((key, properties.hash_method(), digest, properties.signature().to_vec()))
    });
    cases.collect()
}

#[test]
fn the_rsa_crate_agrees_on_every_vector_and_its_changes() {
    let (mut asked, mut good) = (0, 0);
    for folder in ["openssl", "cursive", "cavp"] {
        for (key, hash_method, digest, mut signature) in signatures(folder) {
            // The longest keys take the other side a second each.
            if key.ours.bits() > 4096 {
                key.assert_same_message(&signature);
                continue;
            }
            let last = signature.len() - 1;
            for (place, mask) in [(0, 0), (0, 0x80), (0, 1), (last, 1), (asked % last, 0x55)] {
                signature[place] ^= mask;
                key.assert_same_message(&signature);
                good += u32::from(key.assert_same_pss(hash_method, &digest, &signature));
                signature[place] ^= mask;
                asked += 1;
            }
            for end in [&signature[1..], &[&[0], &signature[..]].concat()] {
                key.assert_same_pss(hash_method, &digest, end);
            }
        }
    }
    assert!(asked > 4000 && good > 500, "{asked} {good}");
}

/// Every certificate's signature with every key of its length, as a number and as a verdict on any digest.
#[test]
fn the_rsa_crate_agrees_on_the_signatures_of_every_certificate() {
    let files = fs::read_dir(vectors().join("chains/certificates")).unwrap();
    let certificates: Vec<_> = files
        .filter_map(|file| Certificate::from_bytes(&fs::read(file.unwrap().path()).unwrap()).ok())
        .collect();
    let mut keys: BTreeMap<Vec<u8>, Key> = BTreeMap::new();
    for certificate in &certificates {
        if let Some(key) = Key::of(certificate).filter(|key| key.ours.bits() <= 4096) {
            keys.insert(certificate.subject_public_key_info().to_vec(), key);
        }
    }
    let good = certificates.iter().flat_map(|certificate| {
        let mut digest = StreamingDigest::new(HashMethod::Sha256);
        digest.update(certificate.to_be_signed());
        let digest = digest.finish();
        keys.values()
            .filter(|key| key.ours.modulus.octets() == certificate.signature().len())
            .map(|key| {
                key.assert_same_message(certificate.signature());
                key.assert_same_pkcs1v15(digest.as_bytes(), certificate.signature())
            })
            .collect::<Vec<_>>()
    });
    let good = good.filter(|&good| good).count();
    assert!(good > 50, "{good}");
}

/// Private keys whose sizes leave 7, 0 and 3 bits of the first octet of an encoding (emBits is a bit less than the key).
const PRIVATE_KEYS: [(&str, &str); 3] = [
    (
        "be660e4b93b10877a7d1ade1dcfdff0d3dcad5c4068874d7d5aee9191e498db3b1b965c2543b5ee2e461cdadd0adb18908afe30dfe3cb96a9a07f27f0a8ce0985dc6d781aeed22a3205f3d8a64d05663c572592d115ca9084a8d7599d0fd3493f7317739a12f877db024c14b7525d4826af2258cf21ffabfbb9205507b945e5b",
        "250c169bfe10e464e3f298b2ea1d421381828635ae4fbeec805798639ad1151171f371296eda5e8c2784205141d98a41efbec99f5f68d16b3cad6f31e90ba067af656fd022d7e390ba8a134d6968e1d505b99eea5020e5bed2575d75a0d4a0dbd2e503b1b2c1733265d3d3ca59a32efdc5752fcf3fca6b10b855bfd99adc711",
    ),
    (
        "187b08f769655223025d6679dc73bb0bdc37faa249e1076d4ad1bbd69b07d294b7050e5ee4449045cdc5ab2ce70fc4972219309004b295fbe868c44acde8a75a5156e1dcb0aa9577acb2045a1d0d3a4a9eb3a6e18d9ed4e8c4dc983cdb6a76f56766a387407d57e08ac50446797672e3e9c93a3d0f2ab11ac92f8b376bd7f3c0f",
        "a95f14ba2fc9826e157e7ff1befc35b1e8fea4610f24896defa9061fd49c5aa5ef5c5c00caf053fd9f9f6ca04e4519b14b895c240f5c45b58a52cf437d3b9c2070401824eab354765afdf62a6f2aa2db510d90d979f176ddbb70799f1b528a67fe7c40dbe486546c1f65395e93c8de5b7b5d55442ab9c0919b620b6d1a6b9b81",
    ),
    (
        "c32c6fc8ee657998354113363048524429cae92be3bc96912dec8323e8834dbd38a681fddae85e8b581edadc4da672383c7aac6f482fd60426c9e4b733d31a0a94ddf9a4eff8f61015a9d54ac0ddf552449a6eaa1d216da85ef3c2d37a54da695e4fbc30fd89fa900fb3e64f586eb0f989d1b250c535480bd6fb282b05aa540f1",
        "510f5ca214393b06375ffeadabe1eda0f7c6998f2bf7c0852d90a46abe8002428b8bc4437daeb2cda6dcb1c37bd09c71b4d4b25749a0ec7f2ee8fd40059b309e73e19ec28981a7b7fb2e9ffc35ad15921a980dcac6409584cf7df5e42fbdf0f40ecb4bd5c4e08079727d872fcdbfe736622a91cd312c12ec81829609977681ec1",
    ),
];

/// The signature of any encoding below the modulus.
fn sign(key: &Key, private_exponent: &str, encoding: &[u8]) -> Option<Vec<u8>> {
    let encoding = key.ours.modulus.residue(encoding)?;
    let table = key.ours.modulus.power_table(&encoding, key.ours.bits());
    Some(key.ours.modulus.product_of_powers(&[(&table, &hex(private_exponent))]).to_octets())
}

/// A change of one octet, at a place counted from the beginning or from the end, where most of what is checked stands.
fn change() -> impl Strategy<Value = Option<(Index, u8)>> {
    proptest::option::of((any::<Index>(), prop_oneof![any::<u8>(), (0..8).prop_map(|bit| 1_u8 << bit)]))
}

fn apply(change: &Option<(Index, u8)>, octets: &mut [u8]) {
    if let Some((place, mask)) = change {
        // One of the first four, one of the last four, or any.
        let place = place.index(octets.len() + 400);
        let last = octets.len() - 1;
        let place = if place <= last { place } else { [0, 1, 2, 3, last, last - 1][place % 6] };
        octets[place] ^= mask;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_rsa_crate_agrees_on_spoilt_encodings_of_pss(
        which in 0..3_usize, digest: [u8; 32], salt in 0..96_usize, inside in change(), outside in change(),
    ) {
        let (modulus, private_exponent) = PRIVATE_KEYS[which];
        let key = Key::new(&hex(modulus), 65537);
        // EMSA-PSS-ENCODE (RFC 8017 section 9.1.1), spoilt before and after the mask.
        let encoding = key.ours.encoding(HashMethod::Sha256);
        let salt = vec![0xa5; salt.min(encoding.longest_salt())];
        let mut hash = StreamingDigest::new(HashMethod::Sha256);
        [&[0; 8], &digest[..], &salt].iter().for_each(|part| hash.update(part));
        let hash = hash.finish();
        let mut data_block = vec![0; encoding.longest_salt() - salt.len()];
        data_block.push(1);
        data_block.extend(&salt);
        apply(&inside, &mut data_block);
        let data_block_length = data_block.len();
        for (octet, mask) in data_block.iter_mut().zip(mgf1(HashMethod::Sha256, hash.as_bytes(), data_block_length)) {
            *octet ^= mask;
        }
        data_block[0] &= 0xff >> (encoding.octets() * 8 - usize_of(encoding.bits));
        let mut encoded = [data_block.as_slice(), hash.as_bytes(), &[0xbc]].concat();
        apply(&outside, &mut encoded);
        let Some(signature) = sign(&key, private_exponent, &encoded) else { return Ok(()) };
        let good = key.assert_same_pss(HashMethod::Sha256, &digest, &signature);
        prop_assert!(good || inside.is_some() || outside.is_some());
    }

    #[test]
    fn the_rsa_crate_agrees_on_spoilt_encodings_of_pkcs1v15(
        which in 0..3_usize, digest: [u8; 32], changed in change(), shorter in 0..3_usize,
    ) {
        let (modulus, private_exponent) = PRIVATE_KEYS[which];
        let key = Key::new(&hex(modulus), 65537);
        let padding = key.ours.modulus.octets() - SHA256_PREFIX.len() - 32 - 3 - shorter;
        let mut encoded = [&[0, 1], vec![0xff; padding].as_slice(), &[0], SHA256_PREFIX, &digest].concat();
        // What follows the digest is where forgers of e = 3 hid their cube.
        encoded.resize(key.ours.modulus.octets(), 0);
        apply(&changed, &mut encoded);
        let Some(signature) = sign(&key, private_exponent, &encoded) else { return Ok(()) };
        let good = key.assert_same_pkcs1v15(&digest, &signature);
        let changed = shorter != 0 || changed.is_some_and(|(_, mask)| mask != 0);
        prop_assert_eq!(good, !changed);
    }
}
