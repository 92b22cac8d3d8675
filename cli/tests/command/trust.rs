//! `longhand verify` with something to trust: the walkthrough of the Nova guide and what can be asked beside it.

use std::fs;

use serde_json::Value;

use crate::signed::{Run, Signed, VECTORS, check};

pub(crate) const ROOT: &str = "8fbcce5d-d646-4295-ba8a-269fc9451eeb";
pub(crate) const A: &str = "0b5d2c72-12cc-4ba6-a8d7-3ff5cc1d8cb8";
pub(crate) const B: &str = "674736e3-f25c-405c-8362-bbf991e0ce0a";
pub(crate) const CLIENT: &str = "125e6199-2de4-46e3-b091-8e2401ef0d63";

const IDS: &str = "--trusted-image-certificate-id";
const VARIABLE: &str = "OS_TRUSTED_IMAGE_CERTIFICATE_IDS";
const AT: &str = "2030-01-01T00:00:00Z";

fn all_ids() -> String {
    [ROOT, A, B].join(",")
}

/// The exit and the error's name.
fn outcome(run: &Run) -> (i32, Option<String>) {
    (run.exit, run.json()["name"].as_str().map(str::to_owned))
}

fn verify(arguments: &[&str]) -> (i32, Option<String>) {
    outcome(&Signed::nova().verify(&[&["--json", "--at", AT], arguments].concat()))
}

fn ends(exit: i32, name: &str) -> (i32, Option<String>) {
    (exit, (!name.is_empty()).then(|| name.to_owned()))
}

fn ids_of(object: &Value) -> Vec<&str> {
    let certificates = object["chain"]["certificates"].as_array().unwrap();
    certificates.iter().map(|certificate| certificate["id"].as_str().unwrap()).collect()
}

#[test]
fn the_walkthrough_is_refused_without_its_ids_and_verified_with_them() {
    let all = all_ids();
    let two = [ROOT, A].join(",");
    for (arguments, exit, name) in [
        (&["--policy", "trusted"][..], 2, "trust_missing"),
        (&["--policy", "trusted", IDS, &all], 0, ""),
        (&[IDS, &all], 0, ""),
        (&[IDS, ROOT, IDS, A, IDS, B], 0, ""),
        // As the guide has it.
        (&[IDS, &two, IDS, B], 0, ""),
        (
            &[
                IDS,
                " 674736e3-f25c-405c-8362-bbf991e0ce0a ,\t0b5d2c72-12cc-4ba6-a8d7-3ff5cc1d8cb8 ",
                IDS,
                ROOT,
            ],
            0,
            "",
        ),
        (&[IDS, ROOT], 3, "chain_issuer_missing"),
        (&[IDS, &two], 3, "chain_issuer_missing"),
        (&[IDS, A, IDS, B], 3, "chain_issuer_missing"),
        (&[IDS, A, IDS, B, "--partial-chain"], 0, ""),
        (&[IDS, CLIENT], 3, "chain_issuer_missing"),
        (&[IDS, "not-there"], 3, "chain_issuer_missing"),
        (&[IDS, ROOT, "--intermediates", A, "--intermediates", B], 0, ""),
        (&["--policy", "nova", IDS, &all], 0, ""),
        (&["--policy", "nova", IDS, ROOT], 3, "chain_issuer_missing"),
    ] {
        assert_eq!(verify(arguments), ends(exit, name), "{arguments:?}");
    }
}

#[test]
fn it_passes_all_three_chain_policies() {
    let all = all_ids();
    for policy in ["default", "cursive", "rfc5280"] {
        let run = Signed::nova().verify(&["--json", "--at", AT, "--chain-policy", policy, IDS, &all]);
        let object = run.json();
        assert_eq!((run.exit, check(&object, "chain")), (0, "passed"), "{run:?}");
        assert_eq!(ids_of(&object), [CLIENT, B, A, ROOT]);
        let chain = &object["chain"];
        assert_eq!((chain["end"].as_str(), chain["policy"].as_str()), (Some("root"), Some(policy)));
        let asked = if policy == "rfc5280" { "agreed" } else { "not_asked" };
        assert_eq!(chain["second_opinion"]["result"], asked);
        assert_eq!(chain["notes"].as_array().map(Vec::len), Some(1));
    }
    // The guide's own root has 1024 bits, which only Cursive lets pass.
    let small = format!("{VECTORS}/walkthrough/nova/certs-rsa1024-root");
    for (policy, exit, name) in
        [("default", 3, "chain_key_weak"), ("cursive", 0, ""), ("rfc5280", 3, "chain_key_weak")]
    {
        assert_eq!(verify(&["--trusted", &small, "--chain-policy", policy]), ends(exit, name), "{policy}");
    }
}

#[test]
fn the_environment_gives_ids_unless_the_flag_does() {
    let run = |value: &str, arguments: &[&str]| {
        let arguments = [&["--json", "--at", AT], arguments].concat();
        outcome(&Run::of(Signed::nova().command(&arguments).env(VARIABLE, value)))
    };
    let all = all_ids();
    let spaced = [ROOT, A, B].join(" , ");
    assert_eq!(run(&all, &["--policy", "trusted"]), ends(0, ""));
    assert_eq!(run(&spaced, &["--policy", "trusted"]), ends(0, ""));
    assert_eq!(run(ROOT, &[]), ends(3, "chain_issuer_missing"));
    assert_eq!(run("", &["--policy", "trusted"]), ends(2, "trust_missing"));
    assert_eq!(run("", &[]), ends(0, ""));
    // The flag beats it, whichever of the two is right.
    assert_eq!(run(ROOT, &[IDS, &all]), ends(0, ""));
    assert_eq!(run(&all, &[IDS, ROOT]), ends(3, "chain_issuer_missing"));
    for empty in [" ", ",", "a,", ",a", "a,,b"] {
        assert_eq!(run(empty, &[]), ends(2, "trusted_id_empty"), "{empty:?}");
        assert_eq!(verify(&[IDS, empty]), ends(2, "trusted_id_empty"), "{empty:?}");
    }
    assert_eq!(verify(&[IDS, ""]), ends(2, "trusted_id_empty"));
}

#[cfg(unix)]
#[test]
fn an_environment_that_is_no_text_is_refused() {
    use std::os::unix::ffi::OsStrExt as _;
    let mut command = Signed::nova().command(&["--json"]);
    let run = Run::of(command.env(VARIABLE, std::ffi::OsStr::from_bytes(b"a\xff")));
    assert_eq!(outcome(&run), ends(2, "usage"));
}

#[test]
fn ids_are_judged_before_anything_is_fetched() {
    let many: Vec<_> = (0..51).map(|number| number.to_string()).collect();
    let long = "x".repeat(1025);
    for (ids, name) in [
        (format!("{ROOT},{ROOT}"), "trusted_id_repeated"),
        (many.join(","), "trusted_ids_too_many"),
        (long, "trusted_id_too_long"),
    ] {
        let arguments = ["--json", IDS, &ids];
        let signed = Signed::nova().set("img_signature_certificate_uuid", "not-there");
        assert_eq!(outcome(&signed.verify(&arguments)), ends(2, name));
    }
    assert_eq!(verify(&[IDS, &many[..50].join(",")]), ends(3, "chain_issuer_missing"));
}

#[test]
fn skipped_ids_are_named_with_the_reason_and_change_nothing() {
    let signed = Signed::nova();
    signed.store("garbage.pem", b"garbage");
    let all = all_ids();
    let arguments = ["--at", AT, IDS, &all, IDS, "not-there,garbage,../x", IDS, CLIENT];
    let run = signed.verify(&arguments);
    assert_eq!(run.exit, 0, "{run:?}");
    for said in [
        "  skipped: not-there: no certificate with the id \"not-there\"\n",
        "  skipped: garbage: under the id \"garbage\": ",
        "  skipped: ../x: \"../x\" cannot be the id of a certificate",
        &format!("  skipped: {CLIENT}: its basicConstraints say that it is no authority\n"),
    ] {
        assert!(run.stderr.contains(said), "{said}: {run:?}");
    }
    let object = signed.verify(&[&arguments[..], &["--json"]].concat()).json();
    let skipped = object["chain"]["skipped"].as_array().unwrap();
    let names: Vec<_> =
        skipped.iter().map(|one| (one["id"].as_str().unwrap(), one["name"].as_str().unwrap())).collect();
    assert_eq!(
        names,
        [
            ("not-there", "certificate_not_found"),
            ("garbage", "certificate_not_pem"),
            ("../x", "key_manager_id_invalid"),
            (CLIENT, "chain_not_an_authority"),
        ]
    );
}

#[test]
fn a_key_manager_that_fails_is_no_untrusted_image() {
    let signed = Signed::nova();
    let file = signed.certs().join(format!("{ROOT}.crt"));
    fs::remove_file(&file).unwrap();
    let all = all_ids();
    assert_eq!(outcome(&signed.verify(&["--json", IDS, &all])), ends(3, "chain_issuer_missing"));
    fs::create_dir(&file).unwrap();
    assert_eq!(outcome(&signed.verify(&["--json", IDS, &all])), ends(4, "key_manager_misconfigured"));
    fs::remove_dir_all(signed.certs()).unwrap();
    assert_eq!(outcome(&signed.verify(&["--json", IDS, &all])), ends(4, "key_manager_misconfigured"));
}

#[test]
fn dates_count_for_every_certificate() {
    let all = all_ids();
    for (at, exit, name) in [
        ("2019-12-31T23:59:59Z", 3, "chain_not_yet_valid"),
        ("2020-01-01T00:00:00Z", 0, ""),
        ("2049-12-31T23:59:59Z", 0, ""),
        ("2050-01-01T00:00:00Z", 3, "chain_expired"),
    ] {
        for policy in ["default", "cursive", "rfc5280"] {
            let run = Signed::nova().verify(&["--json", IDS, &all, "--chain-policy", policy, "--at", at]);
            assert_eq!(outcome(&run), ends(exit, name), "{at} {policy}");
        }
        let run = Signed::nova().verify(&["--json", IDS, &all, "--no-enforce-valid-dates", "--at", at]);
        assert_eq!(outcome(&run), ends(0, ""), "{at}");
        // One for each of the four.
        assert_eq!(run.json()["warnings"].as_array().map(Vec::len), Some(if exit == 0 { 0 } else { 4 }));
    }
}

#[test]
fn trusted_certificates_come_from_bundles_and_directories() {
    let signed = Signed::nova();
    let pem = |id: &str| fs::read(signed.certs().join(format!("{id}.crt"))).unwrap();
    let bundle = [pem(B), pem(ROOT), pem(A)].concat();
    fs::write(signed.path("bundle.pem"), &bundle).unwrap();
    fs::create_dir(signed.path("trusted")).unwrap();
    for id in [ROOT, A, B] {
        fs::write(signed.path("trusted").join(format!("{id}.pem")), pem(id)).unwrap();
    }
    fs::write(
        signed.path("trusted/broken.pem"),
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    fs::write(signed.path("trusted/README"), "no certificate").unwrap();
    fs::create_dir(signed.path("empty")).unwrap();
    fs::write(signed.path("empty.pem"), "").unwrap();
    fs::write(signed.path("root.pem"), pem(ROOT)).unwrap();
    fs::write(signed.path("others.pem"), [pem(A), pem(B)].concat()).unwrap();
    let path = |name: &str| signed.path(name).to_str().unwrap().to_owned();
    let (root, others) = (path("root.pem"), path("others.pem"));
    for (arguments, exit, name) in [
        (vec!["--trusted".to_owned(), path("bundle.pem")], 0, ""),
        (vec!["--trusted".to_owned(), path("trusted")], 0, ""),
        (vec!["--trusted".to_owned(), root.clone(), "--trusted".to_owned(), others.clone()], 0, ""),
        (vec!["--trusted".to_owned(), root.clone(), "--intermediates".to_owned(), others.clone()], 0, ""),
        (
            vec!["--trusted".to_owned(), others.clone(), "--intermediates".to_owned(), root.clone()],
            3,
            "chain_root_not_trusted",
        ),
        (vec!["--trusted".to_owned(), root.clone()], 3, "chain_issuer_missing"),
        (
            vec!["--trusted".to_owned(), root, "--intermediates".to_owned(), "not-there".to_owned()],
            4,
            "certificate_not_found",
        ),
        (vec!["--trusted".to_owned(), path("empty")], 2, "trust_store_empty"),
        (vec!["--trusted".to_owned(), path("empty.pem")], 2, "trust_store_empty"),
        (vec!["--trusted".to_owned(), path("not-there")], 2, "trust_store_unreadable"),
        (
            vec!["--trusted".to_owned(), others, "--trusted".to_owned(), path("not-there")],
            2,
            "trust_store_unreadable",
        ),
    ] {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let run = signed.verify(&[&["--json", "--at", AT, "--policy", "trusted"], &arguments[..]].concat());
        assert_eq!(outcome(&run), ends(exit, name), "{arguments:?}");
    }
    let run = signed.verify(&["--at", AT, "--trusted", &path("trusted")]);
    assert!(run.stderr.contains("broken.pem: "), "{run:?}");
}

#[test]
fn a_pin_trusts_the_signing_certificate_itself() {
    let signed = Signed::nova();
    let file = signed.certs().join(format!("{CLIENT}.crt"));
    let file = file.to_str().unwrap();
    let directory = signed.certs();
    let directory = directory.to_str().unwrap();
    fs::write(signed.path("two.pem"), [fs::read(file).unwrap(), fs::read(file).unwrap()].concat()).unwrap();
    fs::write(signed.path("none.pem"), "none").unwrap();
    let two = signed.path("two.pem");
    let none = signed.path("none.pem");
    for (pin, exit, name) in [
        (file, 0, ""),
        (CLIENT, 0, ""),
        (ROOT, 3, "chain_issuer_missing"),
        ("not-there", 4, "certificate_not_found"),
        ("../x", 2, "key_manager_id_invalid"),
        (directory, 2, "usage"),
        (two.to_str().unwrap(), 2, "usage"),
        (none.to_str().unwrap(), 2, "trust_store_empty"),
    ] {
        let run = signed.verify(&["--json", "--at", AT, "--policy", "trusted", "--pin", pin]);
        assert_eq!(outcome(&run), ends(exit, name), "{pin}");
    }
    let object = signed.verify(&["--json", "--at", AT, "--pin", CLIENT]).json();
    assert_eq!((object["chain"]["end"].as_str(), ids_of(&object)), (Some("pinned"), vec![CLIENT]));
    assert_eq!(
        (object["trust"].as_str(), object["warnings"].as_array().map(Vec::len)),
        (Some("pinned"), Some(0))
    );
    let run = signed.verify(&["--json", "--pin", CLIENT, "--at", "2050-01-01T00:00:00Z"]);
    assert_eq!(outcome(&run), ends(3, "chain_expired"));
}

#[test]
fn the_chain_is_judged_before_a_byte_of_the_image_is_read() {
    let all = all_ids();
    let mut spoilt = Signed::nova();
    spoilt.image[100] ^= 1;
    assert_eq!(outcome(&spoilt.verify(&["--json", "--at", AT, IDS, &all])), ends(1, "signature_mismatch"));
    let run = spoilt.verify(&["--json", "--at", AT, IDS, ROOT]);
    assert_eq!(outcome(&run), ends(3, "chain_issuer_missing"));
    assert_eq!(run.json()["image"]["bytes"], Value::Null);
    // Nor is it opened.
    let mut command = spoilt.command(&["--json", "--at", AT, IDS, ROOT]);
    fs::remove_file(spoilt.path("image")).unwrap();
    assert_eq!(outcome(&Run::of(&mut command)), ends(3, "chain_issuer_missing"));
    // Before the key's fitness, and before what can be said of the signature without the image.
    let short = Signed::nova().set("img_signature", "QUFB");
    assert_eq!(outcome(&short.verify(&["--json", "--at", AT, IDS, ROOT])), ends(3, "chain_issuer_missing"));
    assert_eq!(outcome(&short.verify(&["--json", "--at", AT, IDS, &all])), ends(1, "signature_length"));
    let run = Signed::nova().set("img_signature_key_type", "DSA").verify(&["--json", "--at", AT, IDS, &all]);
    assert_eq!((outcome(&run), check(&run.json(), "chain")), (ends(2, "key_type_mismatch"), "passed"));
}

#[test]
fn what_contradicts_itself_or_would_change_nothing_is_refused() {
    let all = all_ids();
    let file = format!("{VECTORS}/walkthrough/nova/certs/{ROOT}.crt");
    let list = format!("{VECTORS}/chains/revocation/lists/root-good.crl");
    for (arguments, says) in [
        (
            &[IDS, &all, "--chain-policy", "rfc5280", "--no-enforce-valid-dates"][..],
            "--no-enforce-valid-dates",
        ),
        (
            &[IDS, &all, "--chain-policy", "rfc5280", "--no-enforce-signing-extensions"],
            "--no-enforce-signing-ext",
        ),
        (&[IDS, &all, "--chain-policy", "rfc5280", "--no-enforce-path-length"], "--no-enforce-path-length"),
        (&[IDS, &all, "--chain-policy", "cursive", "--crl", &list], "--crl"),
        (&[IDS, &all, "--chain-policy", "cursive", "--purpose", "1.3.6.1.5.5.7.3.3"], "--purpose"),
        (&[IDS, &all, "--allow-unknown-revocation"], "--allow-unknown-revocation"),
        (&[IDS, &all, "--no-enforce-valid-dates", "--require-valid-dates"], "contradict"),
        (&[IDS, &all, "--trusted", &file], "--trusted-image-certificate-id"),
        (&[IDS, &all, "--pin", CLIENT], "--trusted-image-certificate-id"),
        (&["--crl", &list], "--crl"),
        (&["--partial-chain"], "--partial-chain"),
        (&["--chain-policy", "default"], "--chain-policy"),
        (&["--no-enforce-valid-dates"], "--no-enforce-valid-dates"),
        (&["--no-enforce-signing-extensions"], "--no-enforce-signing-extensions"),
        (&["--no-enforce-path-length"], "--no-enforce-path-length"),
        (&["--purpose", "1.2.3"], "--purpose"),
        (&["--intermediates", A], "--intermediates"),
        (&["--policy", "trusted", "--intermediates", A], "--intermediates"),
        (&[IDS, &all, "--chain-policy", "Default"], "--chain-policy"),
        (&[IDS, &all, "--purpose", "codeSigning"], "object identifier"),
    ] {
        let run = Signed::nova().verify(&[&["--json"], arguments].concat());
        assert_eq!(outcome(&run), ends(2, "usage"), "{arguments:?}");
        let object = run.json();
        assert!(object["message"].as_str().unwrap().contains(says), "{arguments:?}: {}", object["message"]);
    }
    // The environment is as good as the flag.
    let mut command = Signed::nova().command(&["--json", "--trusted", &file]);
    let run = Run::of(command.env(VARIABLE, ROOT));
    assert_eq!(outcome(&run), ends(2, "usage"));
    assert!(run.json()["message"].as_str().unwrap().contains(VARIABLE));
}

#[test]
fn policies_without_chains_refuse_something_to_trust() {
    for policy in ["glance", "cinder"] {
        for trust in [
            &[IDS, ROOT][..],
            &["--trusted", &format!("{VECTORS}/walkthrough/nova/certs")],
            &["--pin", CLIENT],
        ] {
            let arguments = [&["--policy", policy], trust].concat();
            assert_eq!(verify(&arguments), ends(2, "trust_not_offered"), "{arguments:?}");
        }
        assert_eq!(verify(&["--policy", policy]), ends(0, ""));
    }
}

#[test]
fn the_text_shows_the_chain_or_where_it_broke() {
    let run = Signed::nova().verify(&["--at", AT, IDS, &all_ids()]);
    assert_eq!(run.exit, 0);
    let chain = format!(
        "  chain: {CLIENT} (CN=Client Certificate)\n    issued by {B} (CN=Second Intermediate Certificate)\n    \
         issued by {A} (CN=First Intermediate Certificate)\n    issued by {ROOT} (CN=Root CA,C=US), a trusted root\n"
    );
    assert!(run.stderr.contains(&chain), "{run:?}");
    assert!(
        run.stderr.contains("\nnote: the signing certificate's keyUsage has keyCertSign, although"),
        "{run:?}"
    );
    assert!(!run.stderr.contains("rests on the directory"), "{run:?}");

    let run = Signed::nova().verify(&["--at", AT, IDS, ROOT, IDS, B]);
    assert_eq!((run.exit, run.stdout.as_str()), (3, ""));
    for said in [
        "error: Certificate chain building failed: ",
        "\n  check chain: failed\n",
        &format!("\n  chain: {CLIENT} (CN=Client Certificate)\n    issued by {B} (CN=Second Intermediate"),
        &format!("\n  broken by: {B} (CN=Second Intermediate Certificate)\n"),
        "\n  rule: the certificate of its issuer, CN=First Intermediate Certificate, is not at hand [RFC 5280 section",
        "\n  code: chain_issuer_missing (811), final\n  help: ",
    ] {
        assert!(run.stderr.contains(said), "{said}: {run:?}");
    }
}

#[test]
fn revocation_lists_that_tell_nothing_of_the_chain_refuse_it_unless_that_is_allowed() {
    let all = all_ids();
    let list = format!("{VECTORS}/chains/revocation/lists/root-good.crl");
    let known = [IDS, &all, "--crl", &list];
    assert_eq!(verify(&known), ends(3, "chain_revocation_unknown"));
    let run =
        Signed::nova().verify(&[&["--json", "--at", AT, "--allow-unknown-revocation"], &known[..]].concat());
    let object = run.json();
    assert_eq!((run.exit, object["chain"]["revocation"].as_str()), (0, Some("partly_unknown")));
    assert_eq!(object["warnings"].as_array().map(Vec::len), Some(1), "{object}");
    assert_eq!(verify(&[IDS, &all]), ends(0, ""));
    // A pinned certificate has no issuer to ask: that is said.
    let run = Signed::nova().verify(&["--json", "--at", AT, "--pin", CLIENT, "--crl", &list]);
    let object = run.json();
    assert_eq!((run.exit, object["chain"]["revocation"].as_str()), (0, Some("not_checked")));
    assert_eq!(object["warnings"].as_array().map(Vec::len), Some(1), "{object}");
    let garbage = format!("{VECTORS}/chains/revocation/lists/garbage.crl");
    assert_eq!(verify(&[IDS, &all, "--crl", &garbage]), ends(2, "revocation_list_unusable"));
}

#[test]
fn a_purpose_is_asked_of_the_signing_certificate() {
    let all = all_ids();
    // It has no extKeyUsage, so it may serve for all.
    assert_eq!(verify(&[IDS, &all, "--purpose", "1.3.6.1.5.5.7.3.3"]), ends(0, ""));
}

#[test]
fn a_verdict_that_says_nothing_of_the_certificate_says_so() {
    for policy in ["required", "glance", "cinder"] {
        let signed = Signed::nova();
        let object = signed.verify(&["--json", "--policy", policy]).json();
        assert_eq!((object["verdict"].as_str(), object["trust"].as_str()), (Some("verified"), Some("none")));
        let warning = object["warnings"][0].as_str().unwrap();
        assert!(
            warning.contains("trust is not checked") && warning.contains("--policy trusted"),
            "{warning}"
        );
        let quiet = signed.verify(&["--quiet", "--policy", policy]);
        assert_eq!((quiet.exit, quiet.stdout.as_str()), (0, ""));
        assert_eq!(quiet.stderr, format!("warning: {warning}\n"));
    }
    let all = all_ids();
    let quiet = Signed::nova().verify(&["--quiet", "--at", AT, IDS, &all]);
    assert_eq!((quiet.exit, quiet.stderr.as_str()), (0, ""));
    let object = Signed::nova().verify(&["--json", "--at", AT, IDS, &all]).json();
    assert_eq!(object["trust"], "chain");
    // What is no yes rests on nothing, and has an error instead.
    let object = Signed::nova().verify(&["--json", "--at", AT, "--pss-salt", "digest"]).json();
    assert_eq!((&object["trust"], object["warnings"].as_array().map(Vec::len)), (&Value::Null, Some(0)));
}

#[test]
fn ids_of_the_environment_are_named_as_such() {
    let run = |value: &str, arguments: &[&str]| {
        Run::of(Signed::nova().command(&[&["--at", AT], arguments].concat()).env(VARIABLE, value))
    };
    let file = format!("{VECTORS}/walkthrough/nova/certs/{ROOT}.crt");
    for (value, arguments, name) in [
        ("a,", &[][..], "trusted_id_empty"),
        ("a,a", &[], "trusted_id_repeated"),
        (ROOT, &["--policy", "glance"], "trust_not_offered"),
        (ROOT, &[], "chain_issuer_missing"),
        (ROOT, &["--trusted", &file], "usage"),
    ] {
        let run = run(value, arguments);
        assert!(run.stderr.contains(&format!("\n  code: {name}")), "{run:?}");
        assert!(run.stderr.contains(&format!("`env -u {VARIABLE} longhand")), "{run:?}");
    }
    let skips = format!("{},not-there", all_ids());
    assert!(run(&skips, &[]).stderr.contains(&format!("\n  skipped: not-there (of {VARIABLE}): ")));
    // The flag's are the flag's, and other errors have nothing to do with it.
    let flag = run(ROOT, &[IDS, "a,"]);
    assert!(flag.exit == 2 && !flag.stderr.contains(VARIABLE), "{flag:?}");
    let other = run(&all_ids(), &["--pss-salt", "digest"]);
    assert!(other.exit == 1 && !other.stderr.contains(VARIABLE), "{other:?}");
}

#[test]
fn a_pin_that_is_not_there_is_named() {
    let run = Signed::nova().verify(&["--at", AT, "--pin", "nope"]);
    assert!(run.stderr.starts_with("error: --pin nope: no certificate with the id \"nope\"\n"), "{run:?}");
    assert!(run.exit == 4 && run.stderr.contains("\n  check chain: failed\n"), "{run:?}");
}

#[test]
fn a_refused_chain_says_which_rules_a_nova_host_has() {
    let help = |arguments: &[&str]| {
        let run = Signed::nova().verify(&[&["--json", "--at", AT, IDS, ROOT], arguments].concat());
        assert_eq!(run.exit, 3);
        run.json()["help"].as_str().unwrap().to_owned()
    };
    assert!(help(&["--policy", "nova"]).contains("a Nova host applies those of --chain-policy cursive"));
    for other in [&[][..], &["--policy", "trusted"], &["--policy", "nova", "--chain-policy", "cursive"]] {
        assert!(!help(other).contains("Nova"), "{other:?}");
        assert!(help(other).contains("`longhand chain` draws"), "{other:?}");
    }
}

#[test]
fn a_size_that_is_not_the_record_s_is_named_beside_a_bad_signature() {
    let mut signed = Signed::nova();
    let size = signed.image.len();
    let _ = signed.command(&[]);
    let record = signed.record();
    signed.image.push(0);
    let mut command = signed.command(&["--json"]);
    fs::write(signed.path("properties.json"), &record).unwrap();
    let run = Run::of(&mut command);
    assert_eq!(outcome(&run), ends(1, "signature_mismatch"));
    let help = run.json()["help"].as_str().unwrap().to_owned();
    assert!(
        help.ends_with(&format!("the record names {size} bytes, and the image has {}", size + 1)),
        "{help}"
    );
}
