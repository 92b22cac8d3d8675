//! Chains of three certificates with any extensions, signed when they are made, so that name constraints, policies and
//! general names are not only read but judged.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use longhand::pki_types::UnixTime;
use longhand::{Certificate, CertificateValidator, ChainError, ChainPolicy, TrustStore, VerifiedChain};
use longhand_fuzz::{fields, made};

/// The subject of the signing certificate, and the extensions of root, intermediate and signing certificate.
const FIELDS: usize = 4;
const OF_DER: &[usize] = &[0, 1, 2, 3];

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    fields::mutate::<FIELDS>(data, size, max_size, seed, OF_DER)
});

fuzz_target!(|input: &[u8]| {
    let [subject, of_root, of_intermediate, of_signer] = fields::split::<FIELDS>(input);
    let names = ["Root", "Intermediate"].map(made::name);
    let make = |serial, issuer: &[u8], subject: &[u8], key, extensions: &[u8], by| {
        let years = [20, 40];
        Certificate::from_der(&made::Certificate { serial, issuer, subject, years, key, extensions }.sign(by))
    };
    let root = make(1, &names[0], &names[0], 1, of_root, 1);
    let intermediate = make(2, &names[0], &names[1], 2, of_intermediate, 1);
    let Ok(signer) = make(3, &names[1], subject, 3, of_signer, 2) else { return };
    let mut trusted: Vec<_> = root.into_iter().chain(intermediate).map(|it| ("made", it)).collect();
    let forward = verdicts(&signer, &trusted);
    trusted.reverse();
    assert_eq!(forward, verdicts(&signer, &trusted), "the order of the trusted set decides");
    // Cursive's rules ask less of extensions than the default's.
    if forward[1].is_ok() {
        assert!(forward[0].is_ok(), "{forward:?}");
    }
});

/// What each policy says.
fn verdicts(signer: &Certificate, trusted: &[(&str, Certificate)]) -> [Result<u32, String>; 3] {
    [ChainPolicy::cursive(), ChainPolicy::default(), ChainPolicy::rfc5280()].map(|policy| {
        let validator = CertificateValidator::builder()
            .trusted(TrustStore::from_certificates(trusted.iter().cloned()))
            .policy(policy)
            .at(UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000)))
            .build();
        for skipped in validator.skipped() {
            assert_shown(&skipped.reason.to_string());
        }
        told(validator.validate(signer))
    })
}

fn told(judged: Result<VerifiedChain, ChainError>) -> Result<u32, String> {
    match judged {
        Ok(chain) => {
            assert_shown(&format!("{chain} {chain:?}"));
            assert_eq!(chain.certificates().len(), 3);
            Ok(chain.work())
        }
        Err(error) => {
            assert_shown(&format!("{error} {error:?}"));
            Err(error.to_string())
        }
    }
}

/// What is shown acts on no terminal and breaks no line.
fn assert_shown(text: &str) {
    assert!(!text.chars().any(char::is_control), "{text:?}");
}
