//! The certificate's dates: they warn, and refuse where that is asked.

use crate::signed::{Signed, check};

/// The dates of the walkthrough's certificate, as the report gives them.
fn dates() -> (String, String) {
    let object = Signed::glance().verify(&["--json"]).json();
    let date = |name: &str| object["certificate"][name].as_str().unwrap().to_owned();
    (date("not_before"), date("not_after"))
}

#[test]
fn dates_count_only_where_they_are_required() {
    let (first, last) = dates();
    for (at, status) in [
        (first.as_str(), "valid"),
        (last.as_str(), "valid"),
        ("1970-01-01T00:00:00Z", "not_yet_valid"),
        ("9999-12-31T00:00:00Z", "expired"),
    ] {
        let valid = status == "valid";
        let run = Signed::glance().verify(&["--json", "--at", at]);
        let object = run.json();
        assert_eq!((run.exit, object["certificate"]["date_status"].as_str()), (0, Some(status)), "{at}");
        assert_eq!(object["certificate"]["looked_at"], at);
        assert_eq!(check(&object, "dates"), if valid { "passed" } else { "not_performed" });
        // One is about trust.
        assert_eq!(object["warnings"].as_array().map(Vec::len), Some(if valid { 1 } else { 2 }));

        let run = Signed::glance().verify(&["--json", "--at", at, "--require-valid-dates"]);
        let object = run.json();
        assert_eq!(run.exit, if valid { 0 } else { 1 }, "{at}");
        assert_eq!(check(&object, "dates"), if valid { "passed" } else { "failed" });
        assert_eq!(object["name"].as_str(), (!valid).then_some("certificate_outside_validity"));
    }
}

#[test]
fn the_clock_is_asked_where_no_time_is_given() {
    for (case, warning) in [
        ("certificate/expired", "the certificate expired"),
        ("certificate/not-yet-valid", "is not yet valid"),
    ] {
        let (signed, _) = Signed::openssl(case);
        let run = signed.verify(&[]);
        assert_eq!(run.exit, 0, "{run:?}");
        assert!(run.stdout.starts_with("verified: ") && run.stderr.contains(warning), "{run:?}");
        let run = signed.verify(&["--require-valid-dates"]);
        assert_eq!(run.exit, 1, "{run:?}");
        assert!(run.stderr.contains("code: certificate_outside_validity (404), final"), "{run:?}");
    }
}

#[test]
fn dates_are_judged_before_the_image_is_read() {
    let signed = Signed::glance();
    let mut command = signed.command(&["--require-valid-dates", "--at", "1970-01-01T00:00:00Z"]);
    std::fs::remove_file(signed.path("image")).unwrap();
    assert_eq!(crate::signed::Run::of(&mut command).exit, 1);
}
