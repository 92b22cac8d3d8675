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
    assert_eq!(
        run.stderr,
        "note: this version does not check chains: trust in the certificate rests on the directory of --certs\n"
    );
}

#[test]
fn quiet_says_nothing_but_errors() {
    let run = Signed::glance().verify(&["--quiet", "--at", "1970-01-01T00:00:00Z"]);
    assert_eq!((run.exit, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""));
    let run = Signed::glance().verify(&["--quiet", "--pss-salt", "digest"]);
    assert_eq!((run.exit, run.stdout.as_str()), (1, ""));
    assert!(run.stderr.starts_with("error: Signature verification for the image failed: "), "{run:?}");
}

#[test]
fn an_error_says_what_failed_on_what_and_what_to_do() {
    let signed = Signed::glance();
    let run = signed.verify(&["--pss-salt", "digest"]);
    let certificate =
        format!("  certificate: {} (O=Internet Widgits Pty Ltd,ST=Some-State,C=AU)", signed.id());
    assert_eq!(
        run.stderr.lines().collect::<Vec<_>>(),
        [
            "error: Signature verification for the image failed: the signature holds, but its salt has 94 octets instead \
             of 32",
            "  check: signature",
            &format!("  image: {}, {} bytes", signed.path("image").display(), signed.image.len()),
            &certificate,
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
        "openstack image show -f json ID | longhand verify --properties - --certs DIR image.qcow2",
        "longhand verify --properties FILE --certs DIR --output image.qcow2 -",
        "Exit codes:\n  0  the image is verified; nothing else ends in 0\n  1  ",
        "\n  2  ",
        "\n  4  ",
        "\n  5  ",
        "Not in this version, and refused:",
        "--trusted-image-certificate-id",
        "OS_TRUSTED_IMAGE_CERTIFICATE_IDS",
    ] {
        assert!(run.stdout.contains(taught), "{taught}");
    }
    assert!(run.stdout.lines().all(|line| line.len() <= 120), "{}", run.stdout);
    let short = Run::of(longhand().args(["verify", "-h"]));
    assert_eq!(short.exit, 0);
    assert!(!short.stdout.contains("--trusted") && !short.stdout.contains("--policy"), "{}", short.stdout);
}

#[test]
fn the_version_is_the_package_s() {
    let run = Run::of(longhand().arg("--version"));
    assert_eq!((run.exit, run.stdout), (0, format!("longhand {}\n", env!("CARGO_PKG_VERSION"))));
}
