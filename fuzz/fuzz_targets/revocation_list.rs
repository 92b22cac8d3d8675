//! Revocation lists from any bytes: what reads OpenSSL reads with the same parts, and no list makes a yes of a no.
#![no_main]

use std::collections::HashSet;
use std::fs;
use std::sync::LazyLock;
use std::time::Duration;

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use longhand::pki_types::UnixTime;
use longhand::{
    Certificate, CertificateValidator, ChainPolicy, RevocationList, RevocationStatus, TrustStore,
    UnknownRevocation,
};
use longhand_fuzz::{der, fields};
use openssl::x509::{X509Crl, X509Name};

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../test-vectors/chains/revocation");

/// A chain that the lists of the vectors are about: the signing certificate, then the trusted set.
static CHAIN: LazyLock<Vec<Certificate>> = LazyLock::new(|| {
    ["rsa-leaf.der", "rsa-intermediate.der", "rsa-root.der"]
        .map(|name| fs::read(format!("{VECTORS}/certificates/{name}")).expect("the vectors have it"))
        .map(|der| Certificate::from_der(&der).expect("the vectors have it good"))
        .to_vec()
});

/// The list of the root, which says nothing of the intermediate.
static ROOT_LIST: LazyLock<RevocationList> = LazyLock::new(|| {
    let list = fs::read(format!("{VECTORS}/lists/root-good.crl")).expect("the vectors have it");
    RevocationList::from_bytes(&list).expect("the vectors have it good")
});

/// What the vectors' lists say and sign.
static KNOWN: LazyLock<HashSet<Vec<u8>>> = LazyLock::new(|| {
    let files = fs::read_dir(format!("{VECTORS}/lists")).expect("the vectors have it");
    let lists = files.map(|file| fs::read(file.expect("a file").path()).expect("readable"));
    lists.filter_map(|list| to_be_signed(&list).map(<[u8]>::to_vec)).collect()
});

fn to_be_signed(list: &[u8]) -> Option<&[u8]> {
    let (0x30, contents, _) = der::element(list)? else { return None };
    let (_, _, rest) = der::element(contents)?;
    contents.get(..contents.len() - rest.len())
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut dice = der::Dice::new(seed);
    let changed = (dice.below(4) != 0).then(|| der::mutate(&data[..size], &mut dice));
    fields::replace(data, size, max_size, changed.flatten())
});

fuzz_target!(|input: &[u8]| {
    let list = match RevocationList::from_bytes(input) {
        Ok(list) => list,
        Err(error) => return assert_shown(&format!("{error} {error:?} {}", error.code())),
    };
    assert_shown(&format!("{list:?}"));
    let from_pem = input.first() != Some(&0x30);
    if let Ok(theirs) = X509Crl::from_der(input) {
        assert_eq!(list.issuer().as_der(), theirs.issuer_name().to_der().expect("it was read").as_slice());
        assert_eq!(list.next_update().is_some(), theirs.next_update().is_some());
        let theirs = theirs.get_revoked().map_or(0, openssl::stack::StackRef::len);
        // Ours holds each serial number once.
        assert!(list.len() <= theirs && list.is_empty() == (theirs == 0), "{} {theirs}", list.len());
    } else {
        // It wants a string in every attribute of a name.
        let odd_name = X509Name::from_der(list.issuer().as_der()).is_err();
        assert!(from_pem || odd_name, "OpenSSL refuses it: {:?}", X509Crl::from_der(input).err());
    }
    let lists = [ROOT_LIST.clone(), list];
    assert_eq!(status(&lists[..1], UnknownRevocation::Refuse), None);
    let strict = status(&lists, UnknownRevocation::Refuse);
    let lenient = status(&lists, UnknownRevocation::Allow);
    if strict.is_some() {
        assert_eq!((strict, lenient), (Some(RevocationStatus::NotRevoked), strict));
        // Nobody forges here.
        let known = to_be_signed(input).is_some_and(|contents| KNOWN.contains(contents));
        assert!(from_pem || known, "a list that nobody made is believed");
    }
});

fn status(lists: &[RevocationList], unknown: UnknownRevocation) -> Option<RevocationStatus> {
    let [signer, trusted @ ..] = CHAIN.as_slice() else { return None };
    let validator = CertificateValidator::builder()
        .trusted(TrustStore::from_certificates(trusted.iter().map(|it| ("trusted", it.clone()))))
        .policy(ChainPolicy::default().unknown_revocation(unknown))
        .revocation_lists(lists.iter().cloned())
        .at(UnixTime::since_unix_epoch(Duration::from_secs(1_906_000_000)))
        .build();
    validator.validate(signer).ok().map(|chain| chain.revocation())
}

/// What is shown acts on no terminal and breaks no line.
fn assert_shown(text: &str) {
    assert!(!text.chars().any(char::is_control), "{text:?}");
}
