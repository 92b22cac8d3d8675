//! `longhand chain`: one certificate, its tree, and the same rules as `verify`.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::signed::{Run, VECTORS, check, longhand};
use crate::trust::{A, B, CLIENT, ROOT};

const IDS: &str = "--trusted-image-certificate-id";

/// `longhand chain` at a time at which the vectors are valid.
fn chain(arguments: &[&str]) -> Run {
    Run::of(longhand().args(["chain", "--at", "2030-01-01T00:00:00Z"]).args(arguments))
}

fn nova() -> String {
    format!("{VECTORS}/walkthrough/nova/certs")
}

fn vector(name: &str) -> String {
    format!("{VECTORS}/chains/certificates/{name}.der")
}

#[test]
fn a_good_chain_is_a_tree_of_ticks() {
    let ids = [ROOT, A, B].join(",");
    let run = chain(&["--certs", &nova(), IDS, &ids, CLIENT]);
    assert_eq!(run.exit, 0);
    let tree = format!(
        "trusted: {CLIENT} (CN=Client Certificate)\n\
         ✓ {CLIENT} (CN=Client Certificate)\n\
         └─ ✓ {B} (CN=Second Intermediate Certificate)\n   \
            └─ ✓ {A} (CN=First Intermediate Certificate)\n      \
               └─ ✓ {ROOT} (CN=Root CA,C=US), a trusted root\n"
    );
    assert_eq!(run.stdout, tree);
    assert!(run.stderr.contains("note: the signing certificate's keyUsage has keyCertSign"), "{run:?}");

    // In the trusted set under another name, it keeps the one that was asked for.
    let run = chain(&["--certs", &nova(), "--trusted", &nova(), CLIENT]);
    let first = format!("✓ {CLIENT} (CN=Client Certificate)");
    assert_eq!((run.exit, run.stdout.lines().nth(1)), (0, Some(first.as_str())));

    let run = chain(&["--certs", &nova(), "--pin", CLIENT, CLIENT]);
    assert_eq!((run.exit, run.stdout.lines().nth(1).unwrap().ends_with(", pinned")), (0, true));
    let run = chain(&["--certs", &nova(), "--partial-chain", IDS, B, CLIENT]);
    assert_eq!((run.exit, run.stdout.trim_end().ends_with(", a trusted intermediate")), (0, true));
}

#[test]
fn a_broken_chain_shows_the_rule_at_the_link() {
    let run = chain(&["--certs", &nova(), IDS, ROOT, IDS, B, CLIENT]);
    assert_eq!(run.exit, 3);
    let tree = format!(
        "✗ {CLIENT} (CN=Client Certificate)\n\
         └─ ✓ {B} (CN=Second Intermediate Certificate)\n   \
            └─ ✗ the certificate of its issuer, CN=First Intermediate Certificate, is not at hand [RFC 5280 section \
         6.1.3 (a)(4)]\n"
    );
    assert_eq!(run.stdout, tree);

    let run = Run::of(longhand().args([
        "chain",
        "--certs",
        &nova(),
        IDS,
        ROOT,
        CLIENT,
        "--at",
        "2050-01-01T00:00:00Z",
    ]));
    let line = format!(
        "✗ {CLIENT} (CN=Client Certificate): it expired at 2049-12-31T23:59:59Z, and the time is 2050-01-01T00:00:00Z \
         [RFC 5280 section 6.1.3 (a)(2)]\n"
    );
    assert_eq!((run.exit, run.stdout), (3, line));

    let small = format!("{VECTORS}/walkthrough/nova/certs-rsa1024-root");
    let run = chain(&["--certs", &small, IDS, &[ROOT, A, B].join(","), CLIENT]);
    let last = format!(
        "      └─ ✗ {ROOT} (CN=Root CA,C=US): its RSA key of 1024 bits is too short for an authority [SP 800-131A section 3]"
    );
    assert_eq!((run.exit, run.stdout.lines().last()), (3, Some(last.as_str())));
}

#[test]
fn every_way_that_was_tried_is_a_branch() {
    // Two authorities that signed each other, and no root.
    let (a, b, leaf) = (vector("cross-a-by-b"), vector("cross-b-by-a"), vector("leaf-below-cross-a"));
    let run = chain(&["--trusted", &a, "--trusted", &b, &leaf]);
    assert_eq!(run.exit, 3, "{run:?}");
    let lines: Vec<_> = run.stdout.lines().collect();
    assert!(lines[0].starts_with(&format!("✗ {leaf} ")), "{run:?}");
    assert!(lines.iter().any(|line| line.contains("└─ ✓ ") && line.contains(&a)), "{run:?}");
    assert!(lines.iter().skip(1).any(|line| line.contains('✗')), "{run:?}");

    // A pathLenConstraint that the chain breaks at its root.
    let (root, middle, leaf) =
        (vector("root-pathlen-0"), vector("intermediate-below-root-pathlen-0"), vector("leaf-below-i0"));
    let run = chain(&["--trusted", &root, "--trusted", &middle, &leaf]);
    let lines: Vec<_> = run.stdout.lines().collect();
    assert_eq!((run.exit, lines.len()), (3, 3), "{run:?}");
    assert!(lines[1].starts_with(&format!("└─ ✓ {middle} ")), "{run:?}");
    assert!(
        lines[2].starts_with(&format!("   └─ ✗ {root} ")) && lines[2].contains("allows 0 authorities"),
        "{run:?}"
    );
    assert_eq!(chain(&["--trusted", &root, "--trusted", &middle, "--no-enforce-path-length", &leaf]).exit, 0);
}

#[test]
fn two_that_were_tried_in_one_place_share_the_way_to_it() {
    let (middle, leaf) = (vector("intermediate"), vector("leaf-below-intermediate"));
    let decoys = [vector("member-rsa16384"), vector("member-ed448")];
    let run = chain(&["--trusted", &middle, "--trusted", &decoys[0], "--trusted", &decoys[1], &leaf]);
    let lines: Vec<_> = run.stdout.lines().collect();
    assert_eq!((run.exit, lines.len()), (3, 4), "{run:?}");
    assert!(lines[1].starts_with(&format!("└─ ✓ {middle} ")), "{run:?}");
    assert!(lines[2].starts_with("   ├─ ✗ ") && lines[3].starts_with("   └─ ✗ "), "{run:?}");
    assert_eq!(run.stderr.matches("\n  tried: ").count(), 1, "{run:?}");
}

#[test]
fn a_decoy_beside_the_right_issuer_is_listed_as_tried() {
    let trusted = tempfile::tempdir().unwrap();
    for name in ["root-pathlen-0", "intermediate-below-root-pathlen-0"] {
        fs::copy(vector(name), trusted.path().join(name).with_extension("der")).unwrap();
    }
    let leaf = vector("leaf-below-i0");
    let run = chain(&["--json", "--trusted", trusted.path().to_str().unwrap(), &leaf]);
    let object = run.json();
    let broken = &object["chain"]["broken"];
    assert_eq!((broken["name"].as_str(), broken["code"].as_u64()), (Some("chain_path_length"), Some(823)));
    assert!(broken["issued"]["id"].as_str().unwrap().ends_with("intermediate-below-root-pathlen-0.der"));
    assert_eq!(object["chain"]["certificates"].as_array().map(Vec::len), Some(2));
}

#[test]
fn colours_are_for_terminals() {
    let coloured = |value: Option<&str>| {
        let mut command = longhand();
        command.args(["chain", "--certs", &nova(), IDS, ROOT, CLIENT]);
        if let Some(value) = value {
            command.env("CLICOLOR_FORCE", value);
        }
        Run::of(&mut command).stdout.contains('\u{1b}')
    };
    assert!(!coloured(None));
    assert!(coloured(Some("1")));
}

#[test]
fn a_certificate_is_a_file_or_an_id() {
    let directory = tempfile::tempdir().unwrap();
    let garbage = directory.path().join("garbage");
    fs::write(&garbage, "garbage").unwrap();
    let garbage = garbage.to_str().unwrap();
    let file = format!("{}/{CLIENT}.crt", nova());
    let certs = nova();
    let all = [ROOT, A, B].join(",");
    let trust = ["--trusted", &certs];
    for (arguments, exit, name) in [
        (&[&trust[..], &[&file]].concat()[..], 0, ""),
        (&[&trust[..], &["--certs", &certs, CLIENT]].concat(), 0, ""),
        (&[&trust[..], &[CLIENT]].concat(), 2, "usage"),
        (&["--certs", &certs, IDS, &all, &file], 0, ""),
        (&[IDS, &all, &file], 2, "usage"),
        (&["--pin", CLIENT, &file], 2, "usage"),
        (&["--intermediates", A, "--trusted", &file, &file], 2, "usage"),
        (&[&trust[..], &["--certs", &certs, "not-there"]].concat(), 4, "certificate_not_found"),
        (&[&trust[..], &["--certs", &certs, "../x"]].concat(), 2, "key_manager_id_invalid"),
        (&[&trust[..], &["--certs", "/no/such/directory", CLIENT]].concat(), 4, "key_manager_misconfigured"),
        (&["--certs", "/no/such/directory", IDS, ROOT, &file], 4, "key_manager_misconfigured"),
        (&[&trust[..], &[garbage]].concat(), 2, "certificate_not_pem"),
        (&[&trust[..], &[&certs]].concat(), 2, "certificate_unreadable"),
        (&["--trusted", "/no/such/file", &file], 2, "trust_store_unreadable"),
        (&["--trusted", garbage, &file], 2, "trust_store_empty"),
        (&["--certs", &certs, IDS, "a,,b", &file], 2, "trusted_id_empty"),
        (&["--certs", &certs, IDS, "a,a", &file], 2, "trusted_id_repeated"),
        (&["--certs", &certs, IDS, "not-there", &file], 3, "chain_issuer_missing"),
        (&["--certs", &certs, &file], 2, "usage"),
        (&["--certs", &certs, "--policy", "trusted", IDS, &all, &file], 2, "usage"),
        (&["--certs", &certs, IDS, &all], 2, "usage"),
    ] {
        let run = chain(&[&["--json"], arguments].concat());
        let found = run.json()["name"].as_str().unwrap_or_default().to_owned();
        assert_eq!((run.exit, found.as_str()), (exit, name), "{arguments:?}");
    }
    // Also from the environment.
    let mut command = longhand();
    command.args(["chain", "--certs", &certs, CLIENT]).env("OS_TRUSTED_IMAGE_CERTIFICATE_IDS", &all);
    assert_eq!(Run::of(&mut command).exit, 0);
}

#[test]
fn messages_speak_of_no_image() {
    let run = chain(&["--certs", &nova(), IDS, "not-there", "not-there"]);
    assert_eq!(run.exit, 4);
    assert!(run.stderr.starts_with("error: no certificate with the id \"not-there\"\n"), "{run:?}");
}

#[test]
fn the_json_has_one_schema() {
    let keys = |object: &Value| -> Vec<String> { object.as_object().unwrap().keys().cloned().collect() };
    let ids = [ROOT, A, B].join(",");
    let good = chain(&["--json", "--certs", &nova(), IDS, &ids, CLIENT]);
    let bad = chain(&["--json", "--certs", &nova(), IDS, ROOT, IDS, B, CLIENT]);
    let usage = chain(&["--json", CLIENT]);
    for (run, verdict, chained) in [(&good, "trusted", 4), (&bad, "refused", 2), (&usage, "error", 0)] {
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
        assert_eq!(object["verdict"], verdict);
        assert_eq!(object["trust"].as_str(), (verdict == "trusted").then_some("chain"));
        let names: Vec<_> = object["checks"].as_array().unwrap().iter().map(|check| &check["name"]).collect();
        assert_eq!(names, ["certificate", "chain"]);
        if chained == 0 {
            assert!(object["chain"].is_null() && object["certificate"].is_null());
            continue;
        }
        let chain = &object["chain"];
        assert_eq!(
            keys(chain),
            [
                "broken",
                "candidates",
                "certificates",
                "end",
                "more_candidates",
                "notes",
                "policy",
                "relaxed",
                "revocation",
                "second_opinion",
                "skipped",
                "work"
            ]
        );
        let certificates = chain["certificates"].as_array().unwrap();
        assert_eq!(certificates.len(), chained);
        for certificate in certificates {
            assert_eq!(
                keys(certificate),
                ["fingerprint", "id", "issuer", "not_after", "not_before", "serial", "subject"]
            );
        }
        assert_eq!(certificates[0]["id"], CLIENT);
        assert_eq!(certificates[0]["not_after"], "2049-12-31T23:59:59Z");
        assert_eq!(chain["end"].is_null(), verdict == "refused");
        assert_eq!(chain["work"].is_null(), verdict == "refused");
        assert_eq!(chain["broken"].is_null(), verdict == "trusted");
        assert_eq!(check(&object, "chain"), if verdict == "trusted" { "passed" } else { "failed" });
    }
    let broken = &bad.json()["chain"]["broken"];
    assert_eq!(keys(broken), ["certificate", "clause", "code", "issued", "name", "rule"]);
    assert_eq!((broken["certificate"]["id"].as_str(), broken["code"].as_u64()), (Some(B), Some(811)));
    assert_eq!(broken["clause"], "RFC 5280 section 6.1.3 (a)(4)");
}

#[test]
fn names_cannot_act_on_the_terminal() {
    let directory = tempfile::tempdir().unwrap();
    let hostile = directory.path().join("a\ntrusted: b\u{1b}[2J\u{202e}");
    fs::copy(format!("{}/{CLIENT}.crt", nova()), &hostile).unwrap();
    for trust in [nova(), format!("{}/{A}.crt", nova())] {
        let run = chain(&["--trusted", &trust, hostile.to_str().unwrap()]);
        for output in [&run.stdout, &run.stderr] {
            assert!(!output.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}'), "{run:?}");
            assert!(!output.contains("\ntrusted: b"), "{run:?}");
        }
    }
}

/// The options for a case of the chain vectors.
fn options(folder: &Path, case: &Value) -> Vec<String> {
    let mut options = vec!["chain".to_owned(), "--json".to_owned()];
    let file = |name: &Value| folder.join(name.as_str().unwrap()).to_str().unwrap().to_owned();
    for (key, option) in [
        ("trusted", "--trusted"),
        ("intermediates", "--intermediates"),
        ("pins", "--pin"),
        ("lists", "--crl"),
    ] {
        for name in case[key].as_array().into_iter().flatten() {
            options.extend([option.to_owned(), file(name)]);
        }
    }
    for purpose in case["purposes"].as_array().into_iter().flatten() {
        options.extend(["--purpose".to_owned(), purpose.as_str().unwrap().to_owned()]);
    }
    for (switch, option) in [
        ("valid_dates", "--no-enforce-valid-dates"),
        ("signing_extensions", "--no-enforce-signing-extensions"),
        ("path_length", "--no-enforce-path-length"),
    ] {
        let enforce = case["enforce"].as_object().into_iter().flatten();
        if enforce.into_iter().any(|(name, value)| name.ends_with(switch) && value == false) {
            options.push(option.to_owned());
        }
    }
    if case["partial_chain"] == true {
        options.push("--partial-chain".to_owned());
    }
    if case["unknown"] == "allow" {
        options.push("--allow-unknown-revocation".to_owned());
    }
    options.extend(["--at".to_owned(), case["at"].as_str().unwrap().to_owned(), file(&case["leaf"])]);
    options
}

fn cases(file: &str) -> Vec<Value> {
    let text = fs::read_to_string(Path::new(VECTORS).join(file)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_options_reach_the_rules() {
    let folder = Path::new(VECTORS).join("chains");
    let with_options = |case: &&Value| {
        ["intermediates", "pins", "purposes", "enforce", "partial_chain"]
            .iter()
            .any(|key| case.get(key).is_some())
    };
    let mut judged = 0;
    for case in cases("chains/cases.jsonl").iter().filter(with_options) {
        for policy in ["default", "cursive", "rfc5280"] {
            let options = options(&folder, case);
            let run = Run::of(longhand().args(&options).args(["--chain-policy", policy]));
            let refused = match policy {
                "rfc5280" => options.iter().any(|option| option.starts_with("--no-enforce")),
                "cursive" => options.iter().any(|option| option == "--purpose"),
                _ => false,
            };
            let nothing_trusted = !options.iter().any(|option| option == "--trusted" || option == "--pin");
            let expected = match case["expect"][policy].as_str() {
                _ if refused || nothing_trusted => 2,
                Some("good") => 0,
                _ => 3,
            };
            assert_eq!(run.exit, expected, "{policy} {}: {run:?}", case["id"]);
            judged += 1;
        }
    }
    assert!(judged > 60, "{judged}");
}

#[test]
fn revocation_lists_are_looked_at() {
    let folder = Path::new(VECTORS).join("chains/revocation");
    let cases = cases("chains/revocation/cases.jsonl");
    for case in &cases {
        let options = options(&folder, case);
        let policy = case["policy"].as_str().unwrap_or("default");
        let run = Run::of(longhand().args(&options).args(["--chain-policy", policy]));
        // Without a list nothing is looked up, so there is nothing to choose.
        let no_use = case["unknown"] == "allow" && !options.iter().any(|option| option == "--crl");
        let (exit, name) = match (case["expect"].as_str(), no_use) {
            (_, true) => (2, Some("usage")),
            (Some("good"), _) => (0, None),
            (Some("bad"), _) => (3, None),
            _ => (2, Some("revocation_list_unusable")),
        };
        assert_eq!(run.exit, exit, "{}: {run:?}", case["id"]);
        if name.is_some() {
            assert_eq!(run.json()["name"].as_str(), name, "{}", case["id"]);
        }
    }
    assert!(cases.len() > 80, "{}", cases.len());
}

#[test]
fn every_revocation_list_of_a_file_counts() {
    let folder = Path::new(VECTORS).join("chains/revocation");
    let leaf = folder.join("certificates/rsa-leaf.der");
    let mut command = longhand();
    command.args(["chain", "--at", "2030-06-01T00:00:00Z", "--json"]).arg(leaf);
    for name in ["rsa-root", "rsa-intermediate"] {
        command.arg("--trusted").arg(folder.join(format!("certificates/{name}.der")));
    }
    let pem = fs::read_to_string(folder.join("lists/intermediate-good.pem")).unwrap();
    let revokes = fs::read(folder.join("lists/root-revokes-intermediate.crl")).unwrap();
    let revokes = pem_of(&revokes);
    let directory = tempfile::tempdir().unwrap();
    let exit = |text: String| {
        let path = directory.path().join("lists.pem");
        fs::write(&path, text).unwrap();
        let words: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        let run = Run::of(longhand().args(words).arg("--crl").arg(path));
        (run.exit, run.json()["name"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(exit(pem.clone()), (3, "chain_revocation_unknown".to_owned()));
    assert_eq!(exit(format!("{pem}{revokes}")), (3, "chain_revoked".to_owned()));
    assert_eq!(exit(format!("{revokes}{pem}")), (3, "chain_revoked".to_owned()));
    assert_eq!(exit(format!("{pem}-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n")).0, 2);
    assert_eq!(exit(format!("{pem}-----BEGIN X509 CRL-----\n!\n-----END X509 CRL-----\n")).0, 2);
    assert_eq!(exit(format!("{pem}-----BEGIN X509 CRL-----\n")).0, 2);
    assert_eq!(exit(String::new()), (2, "revocation_list_unusable".to_owned()));
    let run = Run::of(command.arg("--crl").arg("/no/such/list"));
    assert_eq!((run.exit, run.json()["name"].as_str()), (2, Some("revocation_list_unreadable")));
}

fn pem_of(der: &[u8]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("-----BEGIN X509 CRL-----\n");
    for line in der.chunks(48) {
        for group in line.chunks(3) {
            let bits = group.iter().fold(0_u32, |bits, &octet| bits << 8 | u32::from(octet))
                << (8 * (3 - group.len()));
            for place in 0..4 {
                let index = usize::try_from(bits >> (18 - 6 * place) & 63).unwrap();
                text.push(if place <= group.len() { char::from(ALPHABET[index]) } else { '=' });
            }
        }
        text.push('\n');
    }
    text + "-----END X509 CRL-----\n"
}

#[test]
fn what_is_switched_off_stands_in_the_verdict() {
    let ids = [ROOT, A, B].join(",");
    let switches =
        ["--no-enforce-signing-extensions", "--no-enforce-valid-dates", "--no-enforce-path-length"];
    let words = ["chain", "--at", "2050-01-01T00:00:00Z", "--certs", &nova(), CLIENT];
    let run = Run::of(longhand().args(words).args([IDS, &ids]).args(switches));
    let without = "policy default without dates, path length, signing extensions";
    assert_eq!(run.exit, 0, "{run:?}");
    assert!(
        run.stdout.starts_with(&format!("trusted: {CLIENT} (CN=Client Certificate); chain by {without}\n"))
    );
    assert!(run.stderr.contains(&format!("a trusted root; {without}\n")), "{run:?}");
    for id in [A, B, ROOT] {
        assert_eq!(run.stderr.matches(&format!("\nwarning: of the chain, {id} (")).count(), 1, "{run:?}");
    }
    assert_eq!(run.stderr.matches("\nwarning: the certificate expired").count(), 1, "{run:?}");
    let object = Run::of(longhand().args(words).args([IDS, &ids, "--json"]).args(switches)).json();
    let relaxed = serde_json::json!(["valid_dates", "path_length", "signing_extensions"]);
    assert_eq!(object["chain"]["relaxed"], relaxed);
    assert!(object["message"].as_str().unwrap().ends_with(without), "{object}");
    let object = chain(&["--json", "--certs", &nova(), IDS, ROOT, "--no-enforce-path-length", CLIENT]).json();
    assert_eq!(object["chain"]["relaxed"], serde_json::json!(["path_length"]));
    let run = chain(&["--certs", &nova(), IDS, ROOT, "--no-enforce-path-length", CLIENT]);
    assert!(run.stderr.contains("\n  judged by: policy default without path length\n"), "{run:?}");
}

/// The help of a refusal, in its parts.
fn help(run: &Run) -> String {
    run.json()["help"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn the_advice_names_the_certificate_and_the_option() {
    let glance = format!("{VECTORS}/walkthrough/glance/certs");
    let own = format!("{glance}/cd7cc675-e573-419c-8fff-33a72734a243.crt");
    let (certs, client) = (nova(), format!("{}/{CLIENT}.crt", nova()));
    let (root, b) = (format!("{}/{ROOT}.crt", nova()), format!("{}/{B}.crt", nova()));
    let small = format!("{VECTORS}/walkthrough/nova/certs-rsa1024-root");
    let missing = "else with --intermediates";
    for (arguments, code, says, says_not) in [
        // The signing certificate itself is trusted, or its own issuer.
        (
            &["--trusted", &own, &own][..],
            "chain_not_an_authority",
            &["name it with --pin"][..],
            "trusted ids",
        ),
        (&["--trusted", &client, &client], "chain_issuer_missing", &["name it with --pin"], missing),
        (
            &["--certs", &certs, IDS, CLIENT, CLIENT],
            "chain_issuer_missing",
            &["--pin, in the place of the trusted ids"],
            missing,
        ),
        (
            &["--trusted", &root, "--chain-policy", "rfc5280", &root],
            "chain_anchor_as_signer",
            &["--pin", "--chain-policy"],
            missing,
        ),
        // A trusted intermediate without its root.
        (&["--trusted", &b, &client], "chain_issuer_missing", &[missing, &b, "--partial-chain"], "--certs"),
        (
            &["--certs", &certs, IDS, B, CLIENT],
            "chain_issuer_missing",
            &["--intermediates DIR", "--partial-chain"],
            "--pin",
        ),
        (
            &["--certs", &certs, IDS, ROOT, CLIENT],
            "chain_issuer_missing",
            &["the directory of --certs: add --intermediates DIR"],
            "--partial-chain",
        ),
        (
            &["--trusted", &b, "--intermediates", &certs, &client],
            "chain_root_not_trusted",
            &["--partial-chain"],
            "--pin",
        ),
        // The one that has to be replaced.
        (&["--trusted", &small, &client], "chain_key_weak", &["replace ", ROOT, "CN=Root CA"], CLIENT),
    ] {
        let run = chain(&[&["--json"], arguments].concat());
        assert_eq!(run.json()["name"], code, "{arguments:?}");
        let help = help(&run);
        assert!(says.iter().all(|said| help.contains(said)), "{arguments:?}: {help}");
        assert!(!help.contains(says_not) && !help.contains("`longhand chain`"), "{arguments:?}: {help}");
    }
    let run = Run::of(longhand().args(["chain", &client]).env("OS_TRUSTED_IMAGE_CERTIFICATE_IDS", ROOT));
    assert!(run.exit == 2 && run.stderr.contains("`env -u OS_TRUSTED_IMAGE_CERTIFICATE_IDS"), "{run:?}");
    let late = ["chain", "--json", "--at", "2050-01-01T00:00:00Z", "--trusted", &certs, &client];
    let late = help(&Run::of(longhand().args(late)));
    assert!(late.starts_with(&format!("have {client} (CN=Client Certificate) issued again")), "{late}");
}

#[test]
fn what_is_neither_a_file_nor_an_id_is_said_so() {
    let certs = nova();
    let typo = format!("{certs}/typo.crt");
    let run = chain(&["--certs", &certs, "--trusted", &certs, &typo]);
    let said = format!("error: there is no file {typo}, and it is no id");
    assert!(run.exit == 2 && run.stderr.starts_with(&said), "{run:?}");
    let run = chain(&["--certs", &certs, "--trusted", &certs, "typo.crt"]);
    assert!(
        run.exit == 4 && run.stderr.contains("\n  help: there is no file of that name either\n"),
        "{run:?}"
    );
    for option in ["--pin", "--intermediates"] {
        let run = chain(&["--certs", &certs, "--trusted", &certs, option, "nope", CLIENT]);
        let said = format!("error: {option} nope: no certificate with the id \"nope\"\n");
        assert!(run.exit == 4 && run.stderr.starts_with(&said), "{run:?}");
        assert!(run.stderr.contains("\n  check certificate: passed: "), "{run:?}");
        assert!(run.stderr.contains("\n  check chain: failed\n"), "{run:?}");
    }
}

fn nova_file(id: &str) -> String {
    format!("{}/{id}.crt", nova())
}

#[test]
fn long_paths_keep_the_part_that_tells_them_apart() {
    let directory = tempfile::tempdir().unwrap();
    let long = directory.path().join("d".repeat(80));
    fs::create_dir(&long).unwrap();
    let path = |name: &str| long.join(name).to_str().unwrap().to_owned();
    fs::copy(format!("{}/{CLIENT}.crt", nova()), path("client.crt")).unwrap();
    fs::copy(format!("{}/{B}.crt", nova()), path("b.crt")).unwrap();
    for (trusted, certificate) in
        [("nope.pem", path("client.crt")), ("client.crt", path("client.crt")), ("b.crt", nova_file(CLIENT))]
    {
        let run = chain(&["--trusted", &path(trusted), &certificate]);
        let first = run.stderr.lines().next().unwrap();
        assert!(first.contains(&path(trusted)) && !first.contains('…'), "{run:?}");
    }
}

#[cfg(unix)]
#[test]
fn the_tree_comes_before_the_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("both");
    let file = fs::File::create(&path).unwrap();
    let mut command = longhand();
    command.args(["chain", "--certs", &nova(), IDS, ROOT, CLIENT]);
    command.stdout(file.try_clone().unwrap()).stderr(file);
    assert_eq!(command.status().unwrap().code(), Some(3));
    let both = fs::read_to_string(&path).unwrap();
    let starts: Vec<_> = both.lines().take(3).map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(starts, ["✗", "└─", "error:"], "{both}");
}
