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
            "trust",
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
    assert_eq!(object["trust"], "none");
    assert!(object["warnings"][0].as_str().unwrap().contains("--policy trusted"), "{object}");
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
        assert_eq!(
            (&object["trust"], object["warnings"].as_array().map(Vec::len)),
            (&Value::Null, Some(0)),
            "{name}"
        );
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

/// Every key of an object and of those in it.
fn all_keys(object: &Value, found: &mut Vec<String>) {
    for (key, value) in object.as_object().into_iter().flatten() {
        found.push(key.clone());
        all_keys(value, found);
    }
    for value in object.as_array().into_iter().flatten() {
        all_keys(value, found);
    }
}

#[test]
fn the_document_has_every_key_and_every_word() {
    let document = include_str!("../../../docs/JSON.md");
    let mut words: Vec<String> = Vec::new();
    let nova = Signed::nova();
    let out = nova.path("out");
    for run in [
        nova.verify(&["--json", "--output", out.to_str().unwrap()]),
        nova.verify(&["--json", "--trusted-image-certificate-id", "8fbcce5d-d646-4295-ba8a-269fc9451eeb"]),
        nova.verify(&["--json", "--trusted", nova.certs().to_str().unwrap(), "--no-enforce-path-length"]),
        nova.verify(&["--json", "--policy", "nova"]),
        nova.verify(&["--json", "--nova-reading", "code"]),
        nova.verify(&["--json", "--pin", "x"]),
    ] {
        let object = run.json();
        all_keys(&object, &mut words);
        let checks = object["checks"].as_array().unwrap();
        words.extend(checks.iter().flat_map(|check| [&check["name"], &check["result"]]).map(word));
        words.extend([&object["verdict"], &object["trust"], &object["disposition"]].map(word));
        words.extend(["end", "policy", "revocation"].map(|key| word(&object["chain"][key])));
        words.extend(object["chain"]["relaxed"].as_array().into_iter().flatten().map(word));
        if object["code"].is_null() {
            words.push(word(&object["name"]));
        }
    }
    for word in words.iter().filter(|word| !word.is_empty()) {
        assert!(document.contains(&format!("`{word}`")), "{word}");
    }
    assert!(words.len() > 200, "{}", words.len());
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
