//! The forms in which properties come, and what must not get past them.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::signed::{Run, Signed, VECTORS, longhand};

/// `longhand verify --json` with these properties on standard input.
fn with_properties(signed: &Signed, properties: &[u8]) -> Run {
    let _ = signed.command(&[]);
    let mut command = longhand();
    command.args(["verify", "--json", "--properties", "-", "--certs"]).arg(signed.certs());
    Run::fed(command.arg(signed.path("image")), properties)
}

#[test]
fn the_walkthroughs_verify_as_they_are() {
    for guide in ["glance", "redhat", "nova"] {
        let directory = Path::new(VECTORS).join("walkthrough").join(guide);
        let mut files = 0;
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let mut command = longhand();
                command
                    .arg("verify")
                    .arg("--properties")
                    .arg(&path)
                    .arg("--certs")
                    .arg(directory.join("certs"));
                let run = Run::of(command.arg(directory.join("image.qcow2")));
                assert_eq!(run.exit, 0, "{path:?}: {run:?}");
                // Nova's records have os_hash_value in either form of the properties.
                let hashed = run.stderr.contains("  check os_hash_value: passed");
                assert!(guide != "nova" || hashed, "{path:?}: {run:?}");
                files += 1;
            }
        }
        assert!(files > 0);
    }
}

#[test]
fn every_form_says_the_same() {
    let signed = Signed::glance();
    let text: Vec<String> = signed
        .properties
        .iter()
        .filter_map(|(name, value)| Some(format!("{name}='{}'", value.as_str()?)))
        .collect();
    let text = text.join(", ");
    let mut flat = serde_json::to_value(&signed.properties).unwrap();
    flat["tags"] = json!([{ "img_signature": 1 }, null, 1.5]);
    for properties in [
        signed.record(),
        serde_json::to_vec(&signed.properties).unwrap(),
        serde_json::to_vec_pretty(&flat).unwrap(),
        serde_json::to_vec(&json!({ "id": 1, "properties": text })).unwrap(),
        text.clone().into_bytes(),
        format!("\u{feff}{text}\r\n").into_bytes(),
    ] {
        let run = with_properties(&signed, &properties);
        assert_eq!(run.exit, 0, "{run:?}");
    }
}

#[test]
fn properties_can_be_given_as_arguments() {
    let signed = Signed::glance();
    let _ = signed.command(&[]);
    let given = |names: &[&str]| {
        let mut command = longhand();
        command.arg("verify").arg("--certs").arg(signed.certs());
        for name in names {
            command.arg("--property").arg(format!("{name}={}", signed.properties[*name].as_str().unwrap()));
        }
        command
    };
    let all = [
        "img_signature",
        "img_signature_hash_method",
        "img_signature_key_type",
        "img_signature_certificate_uuid",
    ];
    assert_eq!(Run::of(given(&all).arg(signed.path("image"))).exit, 0);
    assert_eq!(Run::of(given(&all[1..]).arg(signed.path("image"))).exit, 5);

    // The rest from a file.
    let rest = json!({ "img_signature": signed.properties["img_signature"] });
    let mut command = given(&all[1..]);
    let run = Run::fed(
        command.args(["--properties", "-"]).arg(signed.path("image")),
        &serde_json::to_vec(&rest).unwrap(),
    );
    assert_eq!(run.exit, 0, "{run:?}");

    // Twice is an error, even if both say the same.
    let mut command = given(&all);
    let run = Run::fed(
        command.args(["--properties", "-"]).arg(signed.path("image")),
        &serde_json::to_vec(&rest).unwrap(),
    );
    assert_eq!(run.exit, 2);
    assert!(run.stderr.contains("property_repeated (102)"), "{run:?}");
    let repeated = [&all[..], &["img_signature"]].concat();
    assert_eq!(Run::of(given(&repeated).arg(signed.path("image"))).exit, 2);
}

#[test]
fn a_property_given_twice_is_refused() {
    let signed = Signed::glance();
    let four = String::from_utf8(serde_json::to_vec(&signed.properties).unwrap()).unwrap();
    let inside = four.trim_matches(['{', '}']);
    for properties in [
        format!(r#"{{{inside}, "img_signature": "QUFB"}}"#),
        format!(r#"{{"img_signature": "QUFB", {inside}}}"#),
        format!(r#"{{{inside}, "im\u0067_signature": "QUFB"}}"#),
        format!(r#"{{"img_signature": "QUFB", "properties": {four}}}"#),
        format!(r#"{{"properties": {four}, "img_signature": "QUFB"}}"#),
        format!(r#"{{"properties": {{"img_signature": "QUFB", {inside}}}}}"#),
        format!(r#"{{{inside}, "properties": "img_signature='QUFB'"}}"#),
    ] {
        let run = with_properties(&signed, properties.as_bytes());
        assert_eq!((run.exit, run.json()["name"].as_str()), (2, Some("property_repeated")), "{properties}");
    }
    for properties in [
        format!(r#"{{"properties": {four}, "properties": {{}}}}"#),
        format!(r#"{{"properties": {{}}, "properties": {four}}}"#),
    ] {
        let run = with_properties(&signed, properties.as_bytes());
        assert_eq!(
            (run.exit, run.json()["name"].as_str()),
            (2, Some("properties_malformed")),
            "{properties}"
        );
    }
}

#[test]
fn a_property_that_is_not_text_is_refused() {
    for value in [json!(1), json!(1.5), json!(true), Value::Null, json!(["QUFB"]), json!({ "a": "QUFB" })] {
        for name in ["img_signature", "img_signature_certificate_uuid"] {
            let mut signed = Signed::glance();
            signed.properties.insert(name.to_owned(), value.clone());
            let run = signed.verify(&["--json"]);
            let object = run.json();
            assert_eq!((run.exit, object["name"].as_str()), (2, Some("property_not_a_string")), "{value}");
            assert!(object["message"].as_str().unwrap().contains(name), "{object}");
        }
    }
}

#[test]
fn hostile_files_end_in_exit_2_and_nothing_else() {
    let signed = Signed::glance();
    let deep = "[".repeat(1_000_000);
    let deep_objects = r#"{"properties":"#.repeat(200_000);
    let long_key = format!(r#"{{"{}": 1}}"#, "k".repeat(3_000_000));
    let twice = format!("{{{}\"a\":1}}", r#""img_signature":"QQ==","#.repeat(150_000));
    for (properties, name) in [
        (b"".to_vec(), "properties_malformed"),
        (b"\n".to_vec(), "properties_malformed"),
        (b"{".to_vec(), "properties_malformed"),
        (b"[]".to_vec(), "properties_malformed"),
        (b"null".to_vec(), "properties_malformed"),
        (b"\xff\xfe{\0}\0".to_vec(), "properties_malformed"),
        (b"{\"img_signature\": \"\xff\"}".to_vec(), "properties_malformed"),
        (b"{} {}".to_vec(), "properties_malformed"),
        (b"Image not found\n".to_vec(), "properties_malformed"),
        (b"a='x', k=', img_signature='Q'".to_vec(), "properties_malformed"),
        (deep.clone().into_bytes(), "properties_malformed"),
        (format!(r#"{{"x":{deep}"#).into_bytes(), "properties_malformed"),
        (format!(r#"{{"img_signature":{deep}"#).into_bytes(), "properties_malformed"),
        (deep_objects.into_bytes(), "properties_malformed"),
        (long_key.into_bytes(), "image_not_signed"),
        (twice.into_bytes(), "property_repeated"),
        (vec![b' '; 4 * 1024 * 1024], "properties_malformed"),
        (vec![b' '; 64 * 1024 * 1024], "properties_malformed"),
    ] {
        let start = String::from_utf8_lossy(&properties[..properties.len().min(40)]).into_owned();
        let run = with_properties(&signed, &properties);
        let exit = if name == "image_not_signed" { 5 } else { 2 };
        assert_eq!((run.exit, run.json()["name"].as_str()), (exit, Some(name)), "{start}");
        assert!(run.stdout.len() < 8192, "{start}");
    }
}

#[test]
fn a_file_may_be_as_long_as_its_bound_and_no_longer() {
    let signed = Signed::glance();
    let mut properties = signed.record();
    properties.resize(4 * 1024 * 1024, b' ');
    assert_eq!(with_properties(&signed, &properties).exit, 0);
    properties.push(b' ');
    assert_eq!(with_properties(&signed, &properties).exit, 2);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let signed = Signed::glance();
    let _ = signed.command(&[]);
    let missing = signed.path("no\u{1b}such");
    let directory = signed.certs();
    for file in [missing.as_path(), directory.as_path()] {
        let mut command = longhand();
        command.arg("verify").arg("--properties").arg(file).arg("--certs").arg(signed.certs());
        let run = Run::of(command.arg(signed.path("image")));
        assert_eq!(run.exit, 2);
        assert!(run.stderr.contains("properties_unreadable") && run.stderr.contains("caused by"), "{run:?}");
        assert!(!run.stderr.contains('\u{1b}'), "{run:?}");
    }
}
