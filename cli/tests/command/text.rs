//! What a person reads.

use crate::signed::{Run, Signed, longhand};

#[test]
fn a_verified_image_is_one_plain_line() {
    let signed = Signed::glance();
    let run = signed.verify(&[]);
    assert_eq!(run.exit, 0);
    let line = format!(
        "verified: {}: RSA-PSS with SHA-256, {} bytes, certificate {} (O=Internet Widgits Pty Ltd,ST=Some-State,C=AU)\n",
        signed.path("image").display(),
        signed.image.len(),
        signed.id(),
    );
    assert_eq!(run.stdout, line);
    let found = [
        "  check properties: passed: RSA-PSS with SHA-256",
        "  check policy: passed: required: the image has to be verified",
        &format!(
            "  check certificate: passed: {} (O=Internet Widgits Pty Ltd,ST=Some-State,C=AU)",
            signed.id()
        ),
        "  check chain: not performed: nothing to trust is given",
        "  check key: passed: RSA, 1024 bits",
        "  check dates: passed: valid from 2026-11-22T06:22:38Z to 2126-10-29T06:22:38Z",
        "  check signature: passed: it holds for all bytes; its salt has 94 octets",
        "  check size: passed: size agrees",
        "  check os_hash_value: passed: os_hash_value agrees",
        "  check checksum: not performed: the record does not name it",
        "warning: the certificate's trust is not checked, because nothing to trust is given: whoever can put a \
         certificate into the key manager can sign any image; --policy trusted refuses an image where no chain is checked",
    ];
    assert_eq!(run.stderr.lines().collect::<Vec<_>>(), found);
}

#[test]
fn quiet_says_nothing_but_errors_and_that_trust_is_not_checked() {
    let run = Signed::glance().verify(&["--quiet", "--at", "1970-01-01T00:00:00Z"]);
    assert_eq!((run.exit, run.stdout.as_str(), run.stderr.lines().count()), (0, "", 1));
    assert!(run.stderr.starts_with("warning: the certificate's trust is not checked"), "{run:?}");
    let run = Signed::glance().verify(&["--quiet", "--pss-salt", "digest"]);
    assert_eq!((run.exit, run.stdout.as_str()), (1, ""));
    assert!(run.stderr.starts_with("error: Signature verification for the image failed: "), "{run:?}");
}

#[test]
fn an_error_says_what_failed_on_what_and_what_to_do() {
    let signed = Signed::glance();
    let run = signed.verify(&["--pss-salt", "digest"]);
    let certificate = format!(
        "  check certificate: passed: {} (O=Internet Widgits Pty Ltd,ST=Some-State,C=AU)",
        signed.id()
    );
    assert_eq!(
        run.stderr.lines().collect::<Vec<_>>(),
        [
            "error: Signature verification for the image failed: the signature holds, but its salt has 94 octets instead \
             of 32",
            "  check properties: passed: RSA-PSS with SHA-256",
            "  check policy: passed: required: the image has to be verified",
            &certificate,
            "  check chain: not performed: nothing to trust is given",
            "  check key: passed: RSA, 1024 bits",
            "  check dates: passed: valid from 2026-11-22T06:22:38Z to 2126-10-29T06:22:38Z",
            "  check signature: failed",
            "  check checksum: not performed: the record does not name it",
            "  checks not reached: size, os_hash_value",
            &format!("  image: {}, {} bytes", signed.path("image").display(), signed.image.len()),
            "  code: pss_salt_length (503), final",
            "  help: leave out --pss-salt to accept any salt that the key accepts",
        ]
    );
}

#[test]
fn colours_are_for_terminals_and_those_who_insist() {
    let signed = Signed::glance();
    for arguments in [&[][..], &["--pss-salt", "digest"]] {
        let coloured = |variables: &[(&str, &str)]| {
            let run = Run::of(signed.command(arguments).envs(variables.iter().copied()));
            run.stdout.contains('\u{1b}') || run.stderr.contains('\u{1b}')
        };
        assert!(!coloured(&[]));
        assert!(!coloured(&[("NO_COLOR", "1"), ("TERM", "xterm")]));
        assert!(!coloured(&[("TERM", "dumb")]));
        assert!(coloured(&[("CLICOLOR_FORCE", "1")]));
    }
}

#[test]
fn names_cannot_act_on_the_terminal() {
    let signed = Signed::glance();
    let _ = signed.command(&[]);
    let hostile = "a\nverified: b\u{1b}[2J\u{9b}\u{202e}\r";
    std::fs::write(signed.path(hostile), &signed.image).unwrap();
    for (file, exit) in [(signed.path(hostile), 0), (signed.path("missing").join(hostile), 2)] {
        let mut command = longhand();
        command.arg("verify").arg("--properties").arg(signed.path("properties.json"));
        let run = Run::of(command.arg("--certs").arg(signed.certs()).arg(file));
        assert_eq!(run.exit, exit);
        for output in [&run.stdout, &run.stderr] {
            assert!(!output.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}'), "{run:?}");
            assert!(!output.contains("\nverified: b"), "{run:?}");
        }
    }
    // In what the parser says as well.
    for arguments in
        [&["verify", hostile][..], &["verify", "--at", hostile], &[hostile], &["verify", "--policy", hostile]]
    {
        let run = Run::of(longhand().args(arguments));
        assert_eq!(run.exit, 2);
        assert!(!run.stderr.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}'), "{run:?}");
        assert!(!run.stderr.contains("\nverified: b"), "{run:?}");
    }
}

#[test]
fn help_teaches() {
    let run = Run::of(longhand().args(["verify", "--help"]));
    assert_eq!((run.exit, run.stderr.as_str()), (0, ""));
    for taught in [
        "img_signature_certificate_uuid",
        "openstack image show -f json ID | longhand verify --properties - --certs DIR \\\n",
        "longhand verify --properties FILE --certs DIR --output image.qcow2 -",
        "Exit codes:\n  0  the image is verified; nothing else ends in 0, but --help and --version asked for",
        "\n  2  ",
        "\n  4  ",
        "\n  3  ",
        "\n  5  ",
        "\n  6  not verified, because the --policy",
        "longhand verify --os-cloud NAME --image ID",
        "--barbican <URL>",
        "--vault <URL>",
        "--trusted-image-certificate-id",
        "OS_TRUSTED_IMAGE_CERTIFICATE_IDS",
        "otherwise it is the id of a certificate in the key manager",
        "--chain-policy <POLICY>",
        "--nova-conf <FILE>",
    ] {
        assert!(run.stdout.contains(taught), "{taught}");
    }
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 120), "{}", run.stdout);
    let chain = Run::of(longhand().args(["chain", "--help"]));
    for taught in [
        "CERTIFICATE-ID|FILE",
        "--trusted <FILE|DIR>",
        "Exit codes:\n  0  the certificate is trusted",
        "\n  3  ",
    ] {
        assert!(chain.stdout.contains(taught), "{taught}");
    }
    assert!(chain.stdout.lines().all(|line| line.chars().count() <= 120), "{}", chain.stdout);
    for word in ["verify", "chain"] {
        let short = Run::of(longhand().args([word, "-h"]));
        assert!(short.exit == 0 && !short.stdout.contains("Exit codes:"), "{}", short.stdout);
        assert!(short.stdout.contains("--trusted-image-certificate-id"), "{}", short.stdout);
    }
}

#[test]
fn the_version_is_the_package_s() {
    let run = Run::of(longhand().arg("--version"));
    assert_eq!((run.exit, run.stdout), (0, format!("longhand {}\n", env!("CARGO_PKG_VERSION"))));
}
