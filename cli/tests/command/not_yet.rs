//! What later versions will do is refused, never passed over.

use crate::signed::{Run, Signed, longhand};

const OPTIONS: [&str; 2] = ["--barbican", "--vault"];

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
fn chain_refuses_them_too() {
    for option in OPTIONS {
        assert_refused(&Run::of(longhand().args(["chain", option, "x", "id"])), option);
    }
}

#[test]
fn abbreviations_are_not_options() {
    for words in [&["--trust"][..], &["--out", "x"], &["--partial"], &["--pol", "trusted"]] {
        assert_eq!(Signed::glance().verify(words).exit, 2, "{words:?}");
    }
}
