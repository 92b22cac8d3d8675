//! The exit codes, on real input.

use std::fs;

use crate::signed::{Run, Signed, longhand};

#[test]
fn every_kind_of_refusal_has_its_exit_and_its_name() {
    for (case, exit, name) in [
        ("certificate/pem", 0, None),
        ("rsa1024/SHA-224/salt-17", 0, None),
        ("secp384r1/SHA-384", 0, None),
        ("secp384r1/octet-changed", 1, Some("signature_mismatch")),
        ("rsa2048/first-octet-changed", 1, Some("pss_encoding")),
        ("rsa2048/only-max/salt-digest", 1, Some("pss_salt_length")),
        ("pss-restricted/salt-20", 1, Some("pss_salt_length")),
        ("rsa2048/longer", 1, Some("signature_length")),
        ("rsa2048/n", 1, Some("signature_not_below_modulus")),
        ("secp384r1/raw", 1, Some("signature_encoding")),
        ("secp384r1/r-zero", 1, Some("signature_out_of_range")),
        ("words/hash-SHA384", 2, Some("hash_method_unknown")),
        ("words/no-ecc-prefix", 2, Some("key_type_unknown")),
        ("rsa2048/empty", 2, Some("property_empty")),
        ("rsa2048/base64-outside", 2, Some("signature_not_base64")),
        ("certificate/trailing", 2, Some("certificate_malformed")),
        ("certificate/public-key", 2, Some("certificate_not_pem")),
        ("rsa512/SHA-256", 2, Some("rsa_modulus")),
        ("dsa512-160/SHA-256", 2, Some("dsa_size")),
        ("mismatch/ed25519-as-DSA", 2, Some("key_type_mismatch")),
        ("mismatch/rsa2048-as-DSA", 2, Some("key_type_mismatch")),
        ("mismatch/secp521r1-as-ECC_SECP384R1", 2, Some("curve_mismatch")),
        ("mismatch/prime256v1-as-ECC_SECP384R1", 2, Some("curve_mismatch")),
        ("pss-restricted/SHA-512", 2, Some("key_restricted")),
        ("words/other-certificate-id", 4, Some("certificate_not_found")),
        ("words/missing-img_signature", 5, Some("properties_incomplete")),
    ] {
        let (signed, mut options) = Signed::openssl(case);
        options.push("--json".to_owned());
        let run = signed.verify(&options.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!((run.exit, run.json()["name"].as_str()), (exit, name), "{case}");
    }
}

#[test]
fn one_changed_bit_anywhere_in_the_image_is_refused() {
    let length = Signed::glance().image.len();
    for place in [0, 1, length.div_euclid(2), length.saturating_sub(1)] {
        let mut signed = Signed::glance();
        signed.image[place] ^= 1;
        let run = signed.verify(&[]);
        assert_eq!((run.exit, run.stdout.as_str()), (1, ""));
        assert!(run.stderr.contains("Signature verification for the image failed: the data"), "{run:?}");
        assert!(run.stderr.contains("code: signature_mismatch (501), final"), "{run:?}");
    }
    for image in [vec![], Signed::glance().image[1..].to_vec(), [Signed::glance().image, vec![0]].concat()] {
        let mut signed = Signed::glance();
        signed.image = image;
        assert_eq!(signed.verify(&[]).exit, 1);
    }
}

#[test]
fn an_unsigned_image_is_told_from_one_signed_in_part() {
    let names = Signed::glance().properties.keys().cloned().collect::<Vec<_>>();
    let mut unsigned = Signed::glance();
    for name in names.iter().filter(|name| name.starts_with("img_signature")) {
        let run = Signed::glance().without(name).verify(&[]);
        assert_eq!(run.exit, 5);
        assert!(run.stderr.contains(&format!("missing: {name}\n")), "{run:?}");
        unsigned = unsigned.without(name);
    }
    let run = unsigned.verify(&["--json"]);
    let object = run.json();
    assert_eq!(
        (run.exit, object["verdict"].as_str(), object["code"].as_u64()),
        (5, Some("unsigned"), Some(901))
    );
    assert_eq!(object["name"], "image_not_signed");
}

#[test]
fn an_id_never_leaves_the_directory() {
    let signed = Signed::glance();
    let certificate = fs::read(signed.certs().join(format!("{}.crt", signed.id()))).unwrap();
    fs::write(signed.path("outside.crt"), &certificate).unwrap();
    let absolute = signed.path("outside").to_str().unwrap().to_owned();
    #[cfg(unix)]
    std::os::unix::fs::symlink(signed.path("outside.crt"), signed.certs().join("link.crt")).unwrap();
    let mut signed = signed;
    for id in
        ["../outside", "..", ".", "certs/../../outside", "..\\outside", "https://h/v1/../outside", "link"]
            .into_iter()
            .chain([absolute.as_str()])
    {
        signed = signed.set("img_signature_certificate_uuid", id);
        let run = signed.verify(&["--json"]);
        assert_eq!((run.exit, run.json()["name"].as_str()), (2, Some("key_manager_id_invalid")), "{id}");
    }
    let run = signed.set("img_signature_certificate_uuid", "a\u{0}b").verify(&["--json"]);
    assert_eq!((run.exit, run.json()["name"].as_str()), (2, Some("certificate_id_invalid")));
}

#[test]
fn certificates_that_cannot_be_had_or_used_are_told_apart() {
    let name = |signed: &Signed| {
        let run = signed.verify(&["--json"]);
        (run.exit, run.json()["name"].as_str().unwrap().to_owned())
    };
    let signed = Signed::glance();
    let file = signed.certs().join(format!("{}.crt", signed.id()));

    signed.store(&format!("{}.pem", signed.id()), &fs::read(&file).unwrap());
    assert_eq!(name(&signed), (2, "certificate_ambiguous".to_owned()));
    fs::remove_file(&file).unwrap();
    assert_eq!(signed.verify(&[]).exit, 0);
    for (bytes, code) in [
        (&b""[..], "certificate_empty"),
        (b"x", "certificate_not_pem"),
        (b"\x30\x80\0\0", "certificate_malformed"),
    ] {
        signed.store(&format!("{}.pem", signed.id()), bytes);
        assert_eq!(name(&signed), (2, code.to_owned()));
    }
    fs::remove_file(signed.certs().join(format!("{}.pem", signed.id()))).unwrap();
    assert_eq!(name(&signed), (4, "certificate_not_found".to_owned()));
    fs::remove_dir(signed.certs()).unwrap();
    assert_eq!(name(&signed), (4, "key_manager_misconfigured".to_owned()));
}

#[test]
fn an_image_that_cannot_be_read_is_exit_2() {
    let signed = Signed::glance();
    let _ = signed.command(&[]);
    let directory = signed.certs();
    let missing = signed.path("missing");
    let mut images = vec![directory.as_path(), missing.as_path()];
    if cfg!(target_os = "linux") {
        // It opens, and the first read fails.
        images.push("/proc/self/mem".as_ref());
    }
    for image in images {
        let mut command = longhand();
        command.args(["verify", "--json", "--properties"]).arg(signed.path("properties.json"));
        let run = Run::of(command.arg("--certs").arg(signed.certs()).arg(image));
        assert_eq!((run.exit, run.json()["name"].as_str()), (2, Some("image_unreadable")), "{image:?}");
    }
}

#[test]
fn wrong_usage_is_exit_2_and_says_what_is_missing() {
    for (arguments, says) in [
        (&["verify", "--properties", "p", "i"][..], "--certs"),
        (&["verify", "--certs", "c", "i"], "--properties"),
        (&["verify", "--certs", "c", "--properties", "p"], "IMAGE"),
        (&["verify", "--certs", "c", "--properties", "-", "-"], "standard input cannot hold both"),
        (&["verify", "--certs", "c", "--property", "x", "i"], "NAME=VALUE"),
        (
            &["verify", "--certs", "c", "--property", "img_signature_hash=SHA-256", "i"],
            "img_signature_hash_method",
        ),
        (&["verify", "--certs", "c", "--properties", "p", "--pss-salt", "long", "i"], "auto, max, digest"),
        (&["verify", "--certs", "c", "--properties", "p", "--at", "now", "i"], "2026-01-31T12:00:00Z"),
        (&["verify", "--certs", "c", "--properties", "p", "--properties", "q", "i"], "multiple times"),
        (&["verify", "--certs", "c", "--properties", "p", "i", "j"], "unexpected argument"),
        (&["verify", "--certs", "c", "--properties", "p", "--os-cloud", "x", "i"], "--os-cloud"),
        (&["verify"], "--properties"),
        (&["inspect"], "inspect"),
        (&[], "Usage"),
    ] {
        let run = Run::of(longhand().args(arguments));
        assert_eq!((run.exit, run.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(run.stderr.contains(says), "{arguments:?}: {run:?}");
    }
}

#[test]
fn the_salt_can_be_demanded() {
    // The guide's own openssl command signs with the longest salt: 94 octets.
    for (demand, exit) in [("auto", 0), ("max", 0), ("94", 0), ("digest", 1), ("32", 1), ("0", 1), ("95", 1)]
    {
        let run = Signed::glance().verify(&["--json", "--pss-salt", demand]);
        let name = (exit != 0).then_some("pss_salt_length");
        assert_eq!((run.exit, run.json()["name"].as_str()), (exit, name), "{demand}");
    }
}

#[test]
fn another_curve_can_be_let_pass() {
    let (signed, _) = Signed::openssl("mismatch/secp521r1-as-ECC_SECP384R1");
    assert_eq!(signed.verify(&[]).exit, 2);
    assert_eq!(signed.verify(&["--any-curve"]).exit, 0);
    let (signed, _) = Signed::openssl("mismatch/secp384r1-as-DSA");
    assert_eq!(signed.verify(&["--any-curve"]).exit, 2);
}

/// A script loops over files and takes 0 for a verdict: whoever names the files must not choose the exit code.
#[test]
fn an_image_named_like_an_option_is_never_exit_0() {
    let signed = Signed::glance();
    let certs = signed.certs();
    let certs = certs.to_str().unwrap();
    for name in ["-h", "-hh", "-hello.qcow2", "-h ", "--help", "-V", "--version", "--help=x", "help"] {
        for more in [&[][..], &["--json"], &["--quiet"]] {
            let words = ["verify", "--properties", "p.json", "--certs", certs, name];
            let run = Run::of(longhand().args(words).args(more).current_dir(signed.certs()));
            assert_eq!(run.exit, 2, "{name} {more:?}");
        }
    }
    for asked in [&["--help"][..], &["-h"], &["verify", "--help"], &["help", "verify"], &["--version"]] {
        assert_eq!(Run::of(longhand().args(asked)).exit, 0, "{asked:?}");
    }
}

#[test]
fn help_beside_other_words_is_shown_and_no_verdict() {
    for words in [&["verify", "--certs", "c", "--help"][..], &["chain", "--trusted", "t", "-h"]] {
        let run = Run::of(longhand().args(words));
        assert_eq!((run.exit, run.stdout.as_str()), (2, ""), "{words:?}");
        assert!(run.stderr.contains("--trusted-image-certificate-id"), "{run:?}");
        assert!(run.stderr.contains("\nerror: help is given to --help alone"), "{run:?}");
        assert!(!run.stderr.contains('\u{1b}'), "{run:?}");
    }
    let run = Run::of(longhand().args(["verify", "--certs", "c", "--help", "--json"]));
    assert_eq!((run.exit, run.json()["name"].as_str()), (2, Some("usage")));
}

#[cfg(unix)]
#[test]
fn standard_input_is_not_read_twice_under_another_name() {
    let signed = Signed::glance();
    let certs = signed.certs();
    let certs = certs.to_str().unwrap();
    for (properties, image) in [("-", "/dev/stdin"), ("/dev/stdin", "-"), ("/dev/stdin", "/proc/self/fd/0")] {
        let words = ["verify", "--properties", properties, "--certs", certs, image];
        let run = Run::fed(longhand().args(words), &signed.record());
        assert_eq!(run.exit, 2, "{properties} {image}");
    }
}

#[cfg(unix)]
#[test]
fn standard_input_that_cannot_be_read_is_no_empty_image() {
    let signed = Signed::glance();
    let write_only = fs::File::create(signed.certs().join("write-only")).unwrap();
    let command = signed.command(&["--json"]);
    let words: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    let (_image, words) = words.split_last().unwrap();
    let run = Run::of(longhand().args(words).arg("-").stdin(write_only));
    assert_eq!((run.exit, run.json()["name"].as_str()), (2, Some("image_unreadable")));
}
