//! `--policy` and `--nova-conf`: what need not be verified ends in 6, and is not released.

use std::fs;

use crate::signed::{Run, Signed, check};
use crate::trust::{A, B, ROOT};

const AT: &str = "2030-01-01T00:00:00Z";

fn unsigned() -> Signed {
    let signed = Signed::nova();
    let names: Vec<_> =
        signed.properties.keys().filter(|name| name.starts_with("img_signature")).cloned().collect();
    names.iter().fold(signed, |signed, name| signed.without(name))
}

fn in_part() -> Signed {
    Signed::nova().without("img_signature_key_type")
}

fn outcome(run: &Run) -> (i32, String) {
    (run.exit, run.json()["name"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn each_policy_passes_what_its_service_passes() {
    for (policy, signed, exit, name) in [
        ("required", unsigned(), 5, "image_not_signed"),
        ("required", in_part(), 5, "properties_incomplete"),
        ("trusted", unsigned(), 5, "image_not_signed"),
        ("trusted", in_part(), 5, "properties_incomplete"),
        ("nova", Signed::nova(), 6, "not_required"),
        ("nova", unsigned(), 6, "not_required"),
        ("glance", Signed::nova(), 0, ""),
        ("glance", unsigned(), 6, "not_required"),
        ("glance", in_part(), 6, "not_required"),
        ("cinder", Signed::nova(), 0, ""),
        ("cinder", unsigned(), 6, "not_required"),
        ("cinder", in_part(), 5, "properties_incomplete"),
    ] {
        let run = signed.verify(&["--json", "--policy", policy]);
        assert_eq!(outcome(&run), (exit, name.to_owned()), "{policy}");
        let object = run.json();
        if exit == 6 {
            assert_eq!(object["verdict"], "not_required");
            assert!(object["code"].is_null() && object["disposition"].is_null(), "{object}");
            assert_eq!((check(&object, "policy"), check(&object, "signature")), ("passed", "not_performed"));
            assert!(object["image"]["bytes"].is_null());
        }
    }
}

#[test]
fn what_is_not_required_is_not_released_and_says_nothing_on_standard_output() {
    for policy in ["nova", "glance", "cinder"] {
        let signed = unsigned();
        let output = signed.path("out");
        let arguments = ["--policy", policy, "--output", output.to_str().unwrap()];
        for more in [&[][..], &["--quiet"]] {
            let run = signed.verify(&[&arguments[..], more].concat());
            assert_eq!((run.exit, run.stdout.as_str()), (6, ""), "{policy}");
            assert!(run.stderr.starts_with("not required: ") && !run.stderr.contains("verified:"), "{run:?}");
            assert!(!output.exists());
        }
        fs::write(&output, "earlier").unwrap();
        assert_eq!(signed.verify(&arguments).exit, 6);
        assert_eq!(fs::read(&output).unwrap(), b"earlier");
    }
}

#[test]
fn a_nova_conf_says_what_nova_would_do() {
    let defaults = format!("default_trusted_certificate_ids = {ROOT},\n  {A},\n  {B}\n");
    let root = format!("default_trusted_certificate_ids = {ROOT}\n");
    let (verify, validate) = ("verify_glance_signatures = true\n", "enable_certificate_validation = true\n");
    let all = [ROOT, A, B].join(",");
    let ids = ["--trusted-image-certificate-id", &all];
    for (conf, arguments, signed, exit, name) in [
        (String::new(), &[][..], Signed::nova(), 6, "not_required"),
        (verify.to_owned(), &[], Signed::nova(), 0, ""),
        (verify.to_owned(), &[], unsigned(), 5, "image_not_signed"),
        (verify.to_owned(), &[], in_part(), 5, "properties_incomplete"),
        ([verify, validate].concat(), &[], Signed::nova(), 2, "trust_missing"),
        ([verify, validate, &defaults].concat(), &[], Signed::nova(), 0, ""),
        ([verify, validate, &root].concat(), &[], Signed::nova(), 3, "chain_issuer_missing"),
        // The user's ids go before the defaults, and switch verification on.
        ([verify, validate, &root].concat(), &ids, Signed::nova(), 0, ""),
        (String::new(), &ids, Signed::nova(), 0, ""),
        (String::new(), &ids, unsigned(), 5, "image_not_signed"),
        // Where Nova's code and documents differ.
        ([validate, &root].concat(), &[], Signed::nova(), 3, "chain_issuer_missing"),
        ([validate, &root].concat(), &["--nova-reading", "code"], Signed::nova(), 3, "chain_issuer_missing"),
        ([validate, &root].concat(), &["--nova-reading", "documents"], Signed::nova(), 6, "not_required"),
        // How the chain is judged can be said where defaults are in force, and nothing that they would hide.
        ([verify, validate, &defaults].concat(), &["--chain-policy", "cursive"], Signed::nova(), 0, ""),
        ([verify, &defaults].concat(), &["--chain-policy", "cursive"], Signed::nova(), 2, "usage"),
        ([verify, validate, &defaults].concat(), &["--pin", ROOT], Signed::nova(), 2, "usage"),
        (
            [verify, validate].concat(),
            &["--pin", "125e6199-2de4-46e3-b091-8e2401ef0d63"],
            Signed::nova(),
            0,
            "",
        ),
        (
            "verify_glance_signatures = perhaps\n".to_owned(),
            &[],
            Signed::nova(),
            2,
            "configuration_malformed",
        ),
    ] {
        let path = signed.path("nova.conf");
        fs::write(&path, format!("[glance]\n{conf}")).unwrap();
        let file = ["--json", "--at", AT, "--nova-conf", path.to_str().unwrap()];
        for policy in [&[][..], &["--policy", "nova"]] {
            let run = signed.verify(&[&file[..], policy, arguments].concat());
            assert_eq!(outcome(&run), (exit, name.to_owned()), "{conf} {arguments:?}");
        }
    }
    let run = Signed::nova().verify(&["--json", "--nova-conf", "/no/such/file"]);
    assert_eq!(outcome(&run), (2, "configuration_unreadable".to_owned()));
}

#[test]
fn with_cinder_s_policy_the_file_is_a_cinder_conf() {
    for (value, signed, exit) in [
        ("enabled", Signed::nova(), 0),
        ("disabled", Signed::nova(), 6),
        ("disabled", in_part(), 6),
        ("enabled", in_part(), 5),
        ("true", Signed::nova(), 2),
    ] {
        let path = signed.path("cinder.conf");
        fs::write(&path, format!("[DEFAULT]\nverify_glance_signatures = {value}\n")).unwrap();
        let run = signed.verify(&["--json", "--policy", "cinder", "--nova-conf", path.to_str().unwrap()]);
        assert_eq!(run.exit, exit, "{value}");
    }
}

#[test]
fn settings_for_another_policy_are_refused() {
    let signed = Signed::nova();
    let path = signed.path("nova.conf");
    fs::write(&path, "").unwrap();
    let path = path.to_str().unwrap();
    for arguments in [
        &["--policy", "glance", "--nova-conf", path][..],
        &["--policy", "trusted", "--nova-conf", path],
        &["--policy", "required", "--nova-conf", path],
        &["--policy", "cinder", "--nova-reading", "code"],
        &["--nova-reading", "code"],
        &["--policy", "Nova"],
        &["--policy", ""],
        &["--policy", "nova", "--nova-reading", "x"],
        &["--policy", "required", "--policy", "nova"],
    ] {
        let run = signed.verify(&[&["--json"], arguments].concat());
        assert_eq!(outcome(&run), (2, "usage".to_owned()), "{arguments:?}");
    }
    assert_eq!(signed.verify(&["--policy", "required"]).exit, 0);
}

#[test]
fn it_is_said_whose_settings_count_and_what_to_change() {
    let signed = unsigned();
    let path = signed.path("service.conf");
    fs::write(&path, "[glance]\nverify_glance_signatures = false\n").unwrap();
    let path = path.to_str().unwrap();
    let object = |arguments: &[&str]| signed.verify(&[&["--json"], arguments].concat()).json();
    let text = |object: &serde_json::Value, key: &str| object[key].as_str().unwrap_or_default().to_owned();
    for (arguments, message, help) in [
        (&["--policy", "nova"][..], "nova (Nova's defaults: no --nova-conf given)", "leave --policy out"),
        (&["--policy", "cinder"], "cinder (Cinder's defaults: no --nova-conf given)", "leave --policy out"),
        (&["--policy", "glance"], "the policy glance has it", "leave --policy out"),
        (&["--nova-conf", path], "the policy nova has it", "leave --nova-conf out"),
        (
            &["--policy", "nova", "--nova-conf", path],
            "the policy nova has",
            "leave --policy and --nova-conf out",
        ),
    ] {
        let object = object(arguments);
        assert_eq!(object["exit_code"], 6, "{arguments:?}");
        assert!(text(&object, "message").contains(message), "{object}");
        assert!(text(&object, "help").contains(help), "{object}");
    }
    let cinder = object(&["--policy", "cinder", "--nova-conf", path]);
    let warning = cinder["warnings"][0].as_str().unwrap();
    assert!(warning.contains("service.conf has no verify_glance_signatures in [DEFAULT]"), "{warning}");
    fs::write(path, "[DEFAULT]\nverify_glance_signatures = enabled\n").unwrap();
    let cinder = object(&["--policy", "cinder", "--nova-conf", path]);
    assert_eq!(cinder["warnings"].as_array().map(Vec::len), Some(0), "{cinder}");

    fs::write(path, "[glance]\nverify_glance_signatures = 1\nenable_certificate_validation = 1\n").unwrap();
    let run = Signed::nova().verify(&["--json", "--nova-conf", path]);
    assert_eq!(outcome(&run), (2, "trust_missing".to_owned()));
    assert!(text(&run.json(), "help").contains("default_trusted_certificate_ids"), "{run:?}");
    let run = Signed::nova().verify(&["--json", "--policy", "trusted"]);
    assert_eq!(outcome(&run), (2, "trust_missing".to_owned()));
    assert!(!text(&run.json(), "help").contains("Nova"), "{run:?}");

    fs::write(path, "[glance]\nverify_glance_signatures = $debug\n").unwrap();
    let run = Signed::nova().verify(&["--json", "--nova-conf", path]);
    assert_eq!(outcome(&run), (2, "configuration_not_supported".to_owned()));
    assert!(text(&run.json(), "message").contains("verify_glance_signatures is \"$debug\""), "{run:?}");
    assert!(!text(&run.json(), "help").contains("would not start"), "{run:?}");
}
