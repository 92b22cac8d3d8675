//! What later versions will do is refused, never passed over.

use crate::signed::{Run, Signed};

const OPTIONS: [&str; 13] = [
    "--trusted-image-certificate-id",
    "--trusted",
    "--intermediates",
    "--pin",
    "--crl",
    "--chain-policy",
    "--partial-chain",
    "--no-enforce-valid-dates",
    "--no-enforce-signing-extensions",
    "--no-enforce-path-length",
    "--nova-conf",
    "--barbican",
    "--vault",
];

fn assert_refused(run: &Run, what: &str) {
    assert_eq!((run.exit, run.stdout.as_str()), (2, ""), "{what}: {run:?}");
    for said in [what, "this version", "nothing was verified", "code: not_supported, operator"] {
        assert!(run.stderr.contains(said), "{what}: {said:?} is not in {run:?}");
    }
}

#[test]
fn options_are_refused_however_they_are_written() {
    let signed = Signed::glance();
    assert_eq!(signed.verify(&[]).exit, 0);
    for option in OPTIONS {
        let joined = format!("{option}=x");
        for words in [
            &[option][..],
            &[option, "x"],
            &[&joined],
            &[&joined, &joined],
            &[option, "x", option, "y"],
            &["--quiet", option],
        ] {
            assert_refused(&signed.verify(words), option);
        }
        let object = signed.verify(&[&joined, "--json"]).json();
        assert_eq!(
            (object["verdict"].as_str(), object["name"].as_str()),
            (Some("error"), Some("not_supported"))
        );
    }
}

#[test]
fn what_concerns_chains_says_that_chains_are_not_checked() {
    for option in &OPTIONS[..11] {
        let run = Signed::glance().verify(&[option]);
        assert!(run.stderr.contains("does not check certificate chains"), "{run:?}");
    }
}

#[test]
fn only_the_one_policy_is_known() {
    let signed = Signed::glance();
    assert_eq!(signed.verify(&["--policy", "required"]).exit, 0);
    assert_eq!(signed.verify(&["--policy=required"]).exit, 0);
    for policy in ["trusted", "nova", "glance", "cinder", "REQUIRED", "", "x\u{1b}[2J"] {
        assert_refused(&signed.verify(&["--policy", policy]), "--policy");
    }
    assert_eq!(signed.verify(&["--policy", "required", "--policy", "nova"]).exit, 2);
}

#[test]
fn the_environment_can_ask_for_a_chain() {
    let signed = Signed::glance();
    let name = "OS_TRUSTED_IMAGE_CERTIFICATE_IDS";
    for ids in ["5b25a0c2-0d11-4e0a-8a9c-0f8a4b7d2c10", "a,b", " "] {
        assert_refused(&Run::of(signed.command(&[]).env(name, ids)), name);
    }
    assert_eq!(Run::of(signed.command(&[]).env(name, "")).exit, 0);
}

#[test]
fn abbreviations_are_not_options() {
    for words in [&["--trust"][..], &["--out", "x"], &["--partial"]] {
        assert_eq!(Signed::glance().verify(words).exit, 2, "{words:?}");
    }
}
