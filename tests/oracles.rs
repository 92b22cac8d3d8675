//! Our verdicts held against the crates that we do not verify with: rsa, dsa, webpki.
//!
//! Good signatures of the fixtures, each changed a little: we and the crate must say the same.

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

use common::der::Der;
use common::{Case, CaseFile};
use crypto_bigint::BoxedUint;
use longhand::{Certificate, HashMethod, PssSaltLength, PublicKey, SignatureProperties, StreamingDigest};
use proptest::prelude::*;
use proptest::sample::Index;
use rsa::pkcs8::DecodePublicKey as _;
use rsa::signature::hazmat::PrehashVerifier as _;
use std::sync::LazyLock;

static FIXTURES: LazyLock<CaseFile> = LazyLock::new(|| CaseFile::read("openssl"));

/// A verification without its certificate: key, signature, digest.
#[derive(Clone, Debug)]
struct Verification {
    spki: Vec<u8>,
    signature: Vec<u8>,
    hash_method: HashMethod,
    digest: Vec<u8>,
}

impl Verification {
    fn of(case: &Case) -> Self {
        let properties = SignatureProperties::from_properties(&case.properties).unwrap().unwrap();
        let mut digest = StreamingDigest::new(properties.hash_method());
        digest.update(&FIXTURES.image(case));
        Self {
            spki: FIXTURES.certificate(&case.id).subject_public_key_info().to_vec(),
            signature: properties.signature().to_vec(),
            hash_method: properties.hash_method(),
            digest: digest.finish().as_bytes().to_vec(),
        }
    }

    fn changed(mut self, place: Option<(Index, u8)>, of_digest: bool) -> Self {
        if let Some((place, mask)) = place {
            let target = if of_digest { &mut self.digest } else { &mut self.signature };
            let place = place.index(target.len());
            target[place] ^= mask;
        }
        self
    }

    fn ours(&self) -> bool {
        let key = PublicKey::from_spki_der(&self.spki).unwrap();
        key.verify_digest(self.hash_method, &self.digest, &self.signature, PssSaltLength::Auto).is_ok()
    }

    fn rsa_crate(&self) -> bool {
        use rsa::pss::VerifyingKey;
        let key = rsa::RsaPublicKey::from_public_key_der(&self.spki).unwrap();
        let Ok(signature) = rsa::pss::Signature::try_from(&self.signature[..]) else { return false };
        let digest = &self.digest;
        match self.hash_method {
            HashMethod::Sha224 => {
                VerifyingKey::<sha2::Sha224>::new_with_auto_salt_len(key).verify_prehash(digest, &signature)
            }
            HashMethod::Sha256 => {
                VerifyingKey::<sha2::Sha256>::new_with_auto_salt_len(key).verify_prehash(digest, &signature)
            }
            HashMethod::Sha384 => {
                VerifyingKey::<sha2::Sha384>::new_with_auto_salt_len(key).verify_prehash(digest, &signature)
            }
            _ => VerifyingKey::<sha2::Sha512>::new_with_auto_salt_len(key).verify_prehash(digest, &signature),
        }
        .is_ok()
    }

    /// The dsa crate, with every number at p's precision: other lengths make it panic.
    fn dsa_crate(&self) -> bool {
        let mut tree = Der::parse(&self.spki);
        let mut number = |path: &[usize]| tree.at(path).contents().clone();
        let [p, q, g] = [number(&[0, 1, 0]), number(&[0, 1, 1]), number(&[0, 1, 2])];
        let y = Der::parse(&number(&[1])[1..]).contents().clone();
        let p = BoxedUint::from_be_slice_vartime(&p[usize::from(p[0] == 0)..]);
        let wide = |octets: &[u8]| BoxedUint::from_be_slice(octets, p.bits_precision()).unwrap();
        let q = BoxedUint::from_be_slice_vartime(&q[usize::from(q[0] == 0)..]);
        let unsigned = |octets: &[u8]| wide(&octets[usize::from(octets[0] == 0)..]);
        let components = dsa::Components::from_components(p.clone(), q, unsigned(&g)).unwrap();
        let key = dsa::VerifyingKey::from_components(components, unsigned(&y)).unwrap();
        let Ok(signature) = dsa::Signature::try_from(&self.signature[..]) else { return false };
        key.verify_prehash(&self.digest, &signature).is_ok()
    }
}

/// The good cases whose id begins so, without the key sizes that the oracle refuses.
fn good(prefixes: &[&str]) -> Vec<Verification> {
    let named = |case: &&Case| prefixes.iter().any(|prefix| case.id.starts_with(prefix));
    FIXTURES.cases.iter().filter(|case| case.expect == "good").filter(named).map(Verification::of).collect()
}

static RSA: LazyLock<Vec<Verification>> = LazyLock::new(|| {
    good(&["openssl/rsa1024/", "openssl/rsa2048/", "openssl/rsa2049/", "openssl/rsa2048-e3/"])
});
static DSA: LazyLock<Vec<Verification>> =
    LazyLock::new(|| good(&["openssl/dsa1024-160/", "openssl/dsa2048-224/", "openssl/dsa2048-256/"]));

#[test]
fn we_and_the_crates_say_yes_to_the_unchanged_ones() {
    assert!(RSA.len() > 40 && DSA.len() > 10);
    assert!(RSA.iter().all(|verification| verification.ours() && verification.rsa_crate()));
    assert!(DSA.iter().all(|verification| verification.ours() && verification.dsa_crate()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn rsa_pss_agrees_with_the_rsa_crate(
        which: Index, place: Option<(Index, u8)>, of_digest: bool, other: Option<Index>,
    ) {
        let mut verification = RSA[which.index(RSA.len())].clone().changed(place, of_digest);
        if let Some(other) = other {
            verification.spki = RSA[other.index(RSA.len())].spki.clone();
        }
        prop_assert_eq!(verification.ours(), verification.rsa_crate());
    }

    #[test]
    fn dsa_agrees_with_the_dsa_crate(which: Index, place: Option<(Index, u8)>, of_digest: bool) {
        let verification = DSA[which.index(DSA.len())].clone().changed(place, of_digest);
        prop_assert_eq!(verification.ours(), verification.dsa_crate());
    }
}

/// webpki reads v3 certificates alone; of those, it finds the same key and names that we find.
#[test]
fn webpki_finds_the_same_parts_in_every_certificate() {
    let mut read = 0;
    for folder in ["cavp", "openssl", "cursive"] {
        let file = CaseFile::read(folder);
        for case in file.cases.iter().step_by(if folder == "cavp" { 20 } else { 1 }) {
            let Some(id) = case.properties.get("img_signature_certificate_uuid") else { continue };
            let Ok(key_manager) = file.key_manager(case) else { continue };
            let Ok(stored) = longhand::KeyManager::certificate(&key_manager, id) else { continue };
            let ours: Certificate = stored.certificate;
            let der = ours.der();
            let Ok(theirs) = webpki::EndEntityCert::try_from(&der) else {
                assert!(ours.version() != longhand::Version::V3 || ours.extensions().is_err(), "{}", case.id);
                continue;
            };
            assert_eq!(theirs.subject_public_key_info().as_ref(), ours.subject_public_key_info());
            let contents = |name: &longhand::Name| match Der::parse(name.as_der()) {
                Der::Constructed(_, parts) => parts.iter().flat_map(Der::encode).collect::<Vec<_>>(),
                other => panic!("{other:?}"),
            };
            assert_eq!(theirs.subject(), contents(ours.subject()));
            assert_eq!(theirs.issuer(), contents(ours.issuer()));
            read += 1;
        }
    }
    assert!(read > 300, "{read}");
}
