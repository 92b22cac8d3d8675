//! Certificates from any bytes, with extensions, names and key; what we read, x509-parser reads with the same parts.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use longhand::{Certificate, Version};
use longhand_fuzz::{der, fields};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut dice = der::Dice::new(seed);
    let changed = (dice.below(4) != 0).then(|| der::mutate(&data[..size], &mut dice));
    fields::replace(data, size, max_size, changed.flatten())
});

fuzz_target!(|input: &[u8]| {
    let ours = match Certificate::from_bytes(input) {
        Ok(certificate) => certificate,
        Err(error) => return assert_shown(&format!("{error} {error:?} {}", error.code())),
    };
    assert_shown(&format!("{} {} {ours:?}", ours.subject(), ours.issuer()));
    let shown = ours.subject().to_string().chars().count().max(ours.issuer().to_string().chars().count());
    assert!(shown < 64 * 4 * 1024, "{shown}");
    assert_eq!(Certificate::from_der(&ours.der()).expect("what was read reads again"), ours);
    let key = ours.public_key();
    let spki = ours.subject_public_key_info();
    assert_shown(&match &key {
        Ok(key) => format!("{key:?} {}", key.kind()),
        Err(error) => format!("{error} {error:?}"),
    });
    let extensions = ours.extensions();
    if let Err(error) = &extensions {
        assert_shown(&format!("{error} {error:?}"));
    }

    let der = ours.der();
    let Ok((rest, theirs)) = X509Certificate::from_der(&der) else {
        // It reads what is in the extensions at once, and dates by the calendar of another crate.
        let times = [ours.validity().not_before(), ours.validity().not_after()];
        let odd = times.iter().any(|time| time.to_string().starts_with("0000-"));
        assert!(
            extensions.is_err() || odd,
            "x509-parser refuses it: {:?}",
            X509Certificate::from_der(&der).err()
        );
        return;
    };
    assert!(rest.is_empty());
    assert_eq!(ours.subject().as_der(), theirs.subject().as_raw());
    assert_eq!(ours.issuer().as_der(), theirs.issuer().as_raw());
    assert_eq!(spki, theirs.public_key().raw);
    assert_eq!(ours.serial(), theirs.raw_serial());
    let version = match ours.version() {
        Version::V1 => 0,
        Version::V2 => 1,
        _ => 2,
    };
    assert_eq!(version, theirs.version().0);
    assert_eq!(theirs.signature_algorithm, theirs.tbs_certificate.signature);
    assert_eq!(ours.validity().not_before().unix_seconds(), theirs.validity().not_before.timestamp());
    assert_eq!(ours.validity().not_after().unix_seconds(), theirs.validity().not_after.timestamp());
    if let Ok(extensions) = extensions {
        let theirs = theirs.extensions().iter().map(|e| (e.oid.as_bytes(), e.critical, e.value));
        let ours = extensions.iter().map(|e| (e.oid(), e.is_critical(), e.value()));
        assert!(ours.eq(theirs));
    }
});

/// What is shown acts on no terminal and breaks no line.
fn assert_shown(text: &str) {
    assert!(!text.chars().any(char::is_control), "{text:?}");
}
