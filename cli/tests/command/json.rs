//! The JSON report: one schema for every end.

use serde_json::Value;

use crate::signed::{Run, Signed, longhand};

/// The keys of an object, in order.
fn keys(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

/// The report without the values that change from run to run.
fn checked(run: &Run) -> Value {
    let object = run.json();
    assert_eq!(
        keys(&object),
        [
            "causes",
            "certificate",
            "chain",
            "checks",
            "code",
            "disposition",
            "exit_code",
            "help",
            "image",
            "message",
            "name",
            "output",
            "verdict",
            "warnings"
        ]
    );
    assert_eq!(keys(&object["image"]), ["bytes", "digest", "hash_method", "key_type", "name"]);
    if !object["certificate"].is_null() {
        assert_eq!(
            keys(&object["certificate"]),
            [
                "date_status",
                "fingerprint",
                "id",
                "issuer",
                "key",
                "looked_at",
                "not_after",
                "not_before",
                "serial",
                "subject"
            ]
        );
    }
    let checks = object["checks"].as_array().unwrap();
    let names: Vec<_> = checks.iter().map(|check| check["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "properties",
            "policy",
            "certificate",
            "chain",
            "key",
            "dates",
            "signature",
            "size",
            "os_hash_value",
            "checksum"
        ]
    );
    for check in checks {
        assert_eq!(keys(check), ["detail", "name", "result"]);
        assert_ne!(check["detail"], "");
    }
    assert_ne!(object["message"], "");
    object
}

/// The results of the checks, each by its first letter.
fn results(object: &Value) -> String {
    let checks = object["checks"].as_array().unwrap();
    checks.iter().map(|check| check["result"].as_str().unwrap().chars().next().unwrap()).collect()
}

#[test]
fn a_verified_image() {
    let signed = Signed::glance();
    let object = checked(&signed.verify(&["--json"]));
    assert_eq!(object["verdict"], "verified");
    for none in ["code", "name", "disposition", "help"] {
        assert_eq!(object[none], Value::Null);
    }
    assert_eq!(object["image"]["name"], signed.path("image").to_str().unwrap());
    assert_eq!(object["image"]["bytes"], signed.image.len());
    assert_eq!(object["image"]["hash_method"], "SHA-256");
    assert_eq!(object["image"]["key_type"], "RSA-PSS");
    assert_eq!(object["image"]["digest"].as_str().map(str::len), Some(64));
    let certificate = &object["certificate"];
    assert_eq!(certificate["id"], signed.id());
    assert_eq!(certificate["fingerprint"].as_str().map(str::len), Some(64));
    assert_eq!(certificate["key"], serde_json::json!({ "kind": "RSA", "bits": 1024 }));
    assert!(certificate["not_before"].as_str().unwrap() < certificate["not_after"].as_str().unwrap());
    assert_eq!(results(&object), "pppnpppppn");
    assert_eq!(object["chain"], Value::Null);
}

#[test]
fn every_other_end_keeps_what_was_known_before_it() {
    let mut bad = Signed::glance();
    bad.image.push(0);
    let mismatch = Signed::glance().set("img_signature_key_type", "DSA");
    let short = Signed::glance().set("img_signature", "QUFB");
    let elsewhere = Signed::glance().set("img_signature_certificate_uuid", "elsewhere");
    let partly = Signed::glance().without("img_signature_hash_method");
    for (signed, verdict, code, name, disposition, checks) in [
        (bad, "refused", 501, "signature_mismatch", "final", "pppnppfnnn"),
        (short, "refused", 411, "signature_length", "final", "pppnppfnnn"),
        (mismatch, "error", 401, "key_type_mismatch", "final", "pppnfnnnnn"),
        (elsewhere, "error", 601, "certificate_not_found", "final", "ppfnnnnnnn"),
        (partly, "unsigned", 101, "properties_incomplete", "final", "fnnnnnnnnn"),
    ] {
        let object = checked(&signed.verify(&["--json"]));
        assert_eq!(object["verdict"], verdict, "{name}");
        assert_eq!(object["code"], code, "{name}");
        assert_eq!(object["name"], name);
        assert_eq!(object["disposition"], disposition, "{name}");
        assert_eq!(results(&object), checks, "{name}");
        assert!(object["help"].is_string(), "{name}");
        assert_eq!(object["certificate"].is_null(), !checks.starts_with("ppp"), "{name}");
        // What was read was hashed, and can be compared; what can be refused before is not read.
        assert_eq!(object["image"]["digest"].is_null(), name != "signature_mismatch", "{name}");
        let failed = object["checks"].as_array().unwrap().iter().find(|check| check["result"] == "failed");
        assert_eq!(failed.unwrap()["detail"], object["message"], "{name}");
    }
}

#[test]
fn wrong_usage_is_json_too() {
    for arguments in [
        &["--json"][..],
        &["verify", "--json"],
        &["verify", "--json", "--no-such-option"],
        &["verify", "--barbican", "x", "--json"],
        &["verify", "--json", "--certs", "c", "--properties", "p", "--crl", "x", "i"],
        &["verify", "--json", "--certs", "c", "--properties", "-", "-"],
        &["verify", "--json", "--certs", "c", "--properties", "p", "--policy", "Nova", "i"],
        &["verify", "--json", "--certs", "c", "--properties", "/no/such/file", "i"],
    ] {
        let run = Run::of(longhand().args(arguments));
        let object = checked(&run);
        assert_eq!((run.exit, object["verdict"].as_str()), (2, Some("error")), "{arguments:?}");
        assert_eq!(object["disposition"], "operator", "{arguments:?}");
        assert!(object["code"].is_null() && object["name"].is_string(), "{arguments:?}");
    }
    // After `--` the word is a file's name.
    assert_eq!(Run::of(longhand().args(["verify", "--", "--json"])).stdout, "");
}

#[test]
fn hostile_names_come_back_exactly_and_as_ascii() {
    let name = "a\n\u{1b}[2J\u{9b}\u{202e}é\"\\";
    let signed = Signed::glance();
    let _ = signed.command(&[]);
    let mut command = longhand();
    command.args(["verify", "--json", "--properties"]).arg(signed.path("properties.json"));
    let run = Run::of(command.arg("--certs").arg(signed.certs()).arg(name));
    let object = checked(&run);
    assert_eq!(object["image"]["name"], name);
    assert!(run.stdout.trim_end().bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{run:?}");
    assert!(!object["message"].as_str().unwrap().contains(char::is_control));
}

#[test]
fn quiet_does_not_silence_it() {
    assert_eq!(checked(&Signed::glance().verify(&["--json", "--quiet"]))["verdict"], "verified");
}
