//! The fields of the image's record beside the signature.

use std::fs;

use serde_json::{Value, json};

use crate::signed::{Run, Signed, check};

/// The record of the walkthrough, with these fields beside its four properties.
fn run(fields: Value) -> Run {
    let signed = Signed::glance();
    let _ = signed.command(&[]);
    let mut record = serde_json::Map::new();
    for (name, value) in &signed.properties {
        if name.starts_with("img_signature") {
            record.insert(name.clone(), value.clone());
        }
    }
    record.extend(fields.as_object().unwrap().clone());
    let mut command = signed.command(&["--json"]);
    fs::write(signed.path("properties.json"), serde_json::to_vec(&record).unwrap()).unwrap();
    Run::of(&mut command)
}

/// `sha256sum` and `md5sum` of the walkthrough's image.
fn digests() -> (String, String) {
    let object = Signed::glance().verify(&["--json"]).json();
    let record: Value = serde_json::from_slice(
        &fs::read(format!("{}/walkthrough/glance/properties.json", crate::signed::VECTORS)).unwrap(),
    )
    .unwrap();
    (object["image"]["digest"].as_str().unwrap().to_owned(), record["checksum"].as_str().unwrap().to_owned())
}

#[test]
fn each_field_is_a_check_of_its_own() {
    let (sha256, md5) = digests();
    let wrong = "00".repeat(32);
    let all = json!({ "size": 6656, "os_hash_algo": "sha256", "os_hash_value": sha256, "checksum": md5 });
    let with = |name: &str, value: Value| {
        let mut fields = all.clone();
        fields[name] = value;
        fields
    };
    for (fields, exit, name, checks) in [
        (all.clone(), 0, "", ["passed", "passed", "passed"]),
        (json!({}), 0, "", ["not_performed"; 3]),
        (
            json!({ "size": null, "os_hash_algo": null, "os_hash_value": null, "checksum": null }),
            0,
            "",
            ["not_performed"; 3],
        ),
        (with("size", json!(6657)), 1, "record_size", ["failed", "not_performed", "not_performed"]),
        (with("os_hash_value", json!(wrong)), 1, "record_os_hash", ["passed", "failed", "not_performed"]),
        (with("checksum", json!("00".repeat(16))), 1, "record_checksum", ["passed", "passed", "failed"]),
        (with("size", Value::Null), 0, "", ["not_performed", "passed", "passed"]),
        (with("size", json!("6.5K")), 0, "", ["not_performed", "passed", "passed"]),
        (with("size", json!(-1)), 0, "", ["not_performed", "passed", "passed"]),
        (with("os_hash_algo", Value::Null), 0, "", ["passed", "not_performed", "passed"]),
        (with("os_hash_value", Value::Null), 0, "", ["passed", "not_performed", "passed"]),
        (with("os_hash_algo", json!("blake2b")), 0, "", ["passed", "not_performed", "passed"]),
        (
            with("os_hash_value", json!("00")),
            2,
            "record_malformed",
            ["not_performed", "failed", "not_performed"],
        ),
        (
            with("checksum", json!("none")),
            2,
            "record_malformed",
            ["not_performed", "not_performed", "failed"],
        ),
        (with("checksum", json!(1)), 2, "properties_malformed", ["not_performed"; 3]),
    ] {
        let run = run(fields.clone());
        let object = run.json();
        assert_eq!((run.exit, object["name"].as_str().unwrap_or_default()), (exit, name), "{fields}");
        let found = ["size", "os_hash_value", "checksum"].map(|name| check(&object, name));
        assert_eq!(found, checks, "{fields}");
        let signature = if exit == 2 { "not_performed" } else { "passed" };
        assert_eq!(check(&object, "signature"), signature, "{fields}");
    }
}

#[test]
fn they_never_take_the_signature_s_place() {
    let (sha256, _) = digests();
    let mut spoilt = Signed::glance();
    spoilt.image[0] ^= 1;
    let run = spoilt.verify(&["--json"]);
    let object = run.json();
    assert_eq!((run.exit, object["name"].as_str()), (1, Some("signature_mismatch")));
    assert_eq!((check(&object, "signature"), check(&object, "os_hash_value")), ("failed", "not_performed"));
    let unsigned =
        json!({ "size": 6656, "os_hash_algo": "sha256", "os_hash_value": sha256, "img_signature": null });
    assert_eq!(run_exit(unsigned), 2);
}

fn run_exit(fields: Value) -> i32 {
    run(fields).exit
}

#[test]
fn a_field_that_is_given_twice_is_refused() {
    let signed = Signed::glance();
    let mut command = signed.command(&["--json"]);
    let record = String::from_utf8(signed.record()).unwrap();
    fs::write(signed.path("properties.json"), record.replacen('{', r#"{"size":1,"#, 1)).unwrap();
    let run = Run::of(&mut command);
    assert_eq!((run.exit, run.json()["name"].as_str()), (2, Some("properties_malformed")));
}

#[test]
fn nothing_is_released_when_one_fails() {
    let signed = Signed::glance();
    let output = signed.path("out");
    let mut command = signed.command(&["--json", "--output", output.to_str().unwrap()]);
    let record = String::from_utf8(signed.record()).unwrap().replace("\"size\":6656", "\"size\":6655");
    fs::write(signed.path("properties.json"), record).unwrap();
    let run = Run::of(&mut command);
    assert_eq!((run.exit, run.json()["name"].as_str()), (1, Some("record_size")));
    assert!(!output.exists());
}
