//! A cloud of our own on loopback: Keystone, Barbican, Glance and Vault, as far as the command asks them.

use std::fs;
use std::process::Command;
use std::sync::Arc;

use longhand_test_server::{Answer, Received, Server};
use serde_json::json;

use crate::signed::{Run, Signed, longhand};

const IMAGE_ID: &str = "b3d1a5c2-0d11-4e0a-8a9c-0f8a4b7d2c10";
const ROOT: &str = "8fbcce5d-d646-4295-ba8a-269fc9451eeb";
const IDS: &str = "0b5d2c72-12cc-4ba6-a8d7-3ff5cc1d8cb8,674736e3-f25c-405c-8362-bbf991e0ce0a,\
                   8fbcce5d-d646-4295-ba8a-269fc9451eeb";
const PASSWORD: &str = "correct-horse";
const TOKEN: &str = "gAAAAA-battery-staple";

/// The services, with the walkthrough of Nova in them; `data` is what Glance sends for the image.
struct Cloud {
    server: Server,
    signed: Arc<Signed>,
}

impl Cloud {
    fn new() -> Self {
        Self::sending(|image| Answer::bytes(200, "application/octet-stream", image.to_vec()))
    }

    fn sending(data: impl Fn(&[u8]) -> Answer + Send + Sync + 'static) -> Self {
        Self::with_record(true, data)
    }

    /// Whether Glance's record names the image's size.
    fn with_record(names_size: bool, data: impl Fn(&[u8]) -> Answer + Send + Sync + 'static) -> Self {
        let signed = Arc::new(Signed::nova());
        let server = Server::start({
            let signed = Arc::clone(&signed);
            move |request| answer(request, &signed, names_size, &data)
        });
        Self { server, signed }
    }

    /// The command with the cloud in the environment.
    fn command(&self) -> Command {
        let mut command = longhand();
        let variables = [
            ("OS_AUTH_URL", format!("{}/v3", self.server.url())),
            ("OS_USERNAME", "demo".to_owned()),
            ("OS_PASSWORD", PASSWORD.to_owned()),
            ("OS_PROJECT_NAME", "demo".to_owned()),
        ];
        command.envs(variables).current_dir(self.signed.path(".")).arg("verify");
        command
    }

    fn targets(&self) -> Vec<String> {
        self.server.received().iter().map(|request| request.target().to_owned()).collect()
    }
}

fn answer(request: &Received, signed: &Signed, names_size: bool, data: &dyn Fn(&[u8]) -> Answer) -> Answer {
    let path = request.path().to_owned();
    let parts: Vec<_> = path.trim_start_matches('/').split('/').collect();
    let host = format!("http://{}", request.header("host").unwrap());
    let is_known = request.header("x-auth-token") == Some(TOKEN);
    let certificate = |id: &str| fs::read(signed.certs().join(format!("{id}.crt"))).ok();
    match parts.as_slice() {
        ["v3", "auth", "tokens"] if String::from_utf8_lossy(request.body()).contains(PASSWORD) => {
            let endpoint = |path: &str| {
                json!([{"interface": "public", "region_id": "RegionOne", "region": "RegionOne", "id": "1",
                    "url": format!("{host}/{path}")}])
            };
            let catalogue = json!([
                {"type": "key-manager", "name": "barbican", "id": "1", "endpoints": endpoint("key-manager")},
                {"type": "image", "name": "glance", "id": "2", "endpoints": endpoint("image")},
            ]);
            let body = json!({"token": {"issued_at": "2026-01-01T00:00:00.000000Z", "expires_at": "2999-01-01T00:00:00.000000Z", "catalog": catalogue}});
            Answer::json(201, body).header("X-Subject-Token", TOKEN)
        }
        ["v3", "auth", "tokens"] => {
            Answer::json(401, json!({"error": {"code": 401, "title": "Unauthorized", "message": "Not you."}}))
        }
        ["vault", "v1", "secret", "data", id] => {
            if request.header("x-vault-token") != Some(TOKEN)
                || request.header("x-vault-namespace") != Some("cloud")
            {
                return Answer::json(403, json!({"errors": ["permission denied"]}));
            }
            match certificate(id) {
                Some(pem) => Answer::json(
                    200,
                    json!({"data": {"data": {"type": "certificate",
                    "value": String::from_utf8(pem).unwrap()}}}),
                ),
                None => Answer::json(404, json!({"errors": []})),
            }
        }
        _ if !is_known => Answer::json(401, json!({"error": {"code": 401, "message": "No token."}})),
        ["key-manager", "v1", "secrets", id, "payload"] => match certificate(id) {
            Some(pem) => Answer::bytes(200, "application/octet-stream", pem),
            None => Answer::json(404, json!({"code": 404, "description": "Secret not found."})),
        },
        ["image", "v2", "images", IMAGE_ID] => {
            let mut record: serde_json::Map<_, _> = signed.properties.clone().into_iter().collect();
            record.insert("size".to_owned(), names_size.then_some(signed.image.len()).into());
            record.insert("status".to_owned(), "active".into());
            Answer::json(200, serde_json::Value::from(record))
        }
        ["image", "v2", "images", IMAGE_ID, "file"] => data(&signed.image),
        _ => Answer::json(404, json!({"message": "nothing here"})),
    }
}

/// No word that a run printed is secret.
fn assert_discreet(run: &Run) {
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(!said.contains(PASSWORD) && !said.contains(TOKEN), "{run:?}");
}

#[test]
fn an_image_is_verified_while_it_comes_from_the_cloud() {
    let cloud = Cloud::new();
    let output = cloud.signed.path("copy");
    let run =
        Run::of(cloud.command().args(["--policy", "trusted", "--trusted-image-certificate-id", IDS]).args([
            "--image",
            IMAGE_ID,
            "--output",
            output.to_str().unwrap(),
        ]));
    assert_eq!(run.exit, 0, "{run:?}");
    assert!(run.stdout.contains(IMAGE_ID), "{run:?}");
    assert_eq!(fs::read(output).unwrap(), cloud.signed.image);
    assert_discreet(&run);
    let targets = cloud.targets();
    assert_eq!(targets.len(), 1 + 2 + 4, "{targets:?}");
    assert_eq!(targets.first().map(String::as_str), Some("/v3/auth/tokens"));
    assert_eq!(targets.last(), Some(&format!("/image/v2/images/{IMAGE_ID}/file")));
}

#[test]
fn a_changed_image_is_not_kept() {
    let cloud = Cloud::sending(|image| {
        let mut image = image.to_vec();
        image[100] ^= 1;
        Answer::bytes(200, "application/octet-stream", image)
    });
    let output = cloud.signed.path("copy");
    let run =
        Run::of(cloud.command().args(["--image", IMAGE_ID, "--output", output.to_str().unwrap(), "--json"]));
    assert_eq!((run.exit, run.json()["name"].as_str()), (1, Some("signature_mismatch")));
    assert!(!output.exists());
}

#[test]
fn an_image_without_end_is_read_as_far_as_its_record_goes() {
    let cloud = Cloud::sending(|_| Answer::endless(200, "application/octet-stream"));
    let output = cloud.signed.path("copy");
    let run =
        Run::of(cloud.command().args(["--image", IMAGE_ID, "--output", output.to_str().unwrap(), "--json"]));
    assert_eq!((run.exit, run.json()["name"].as_str()), (1, Some("signature_mismatch")), "{run:?}");
    assert!(run.json()["image"]["bytes"].as_u64().unwrap() < 4 << 20, "{run:?}");
    assert!(!output.exists());
}

#[test]
fn an_image_of_unknown_length_is_not_read() {
    let says: fn(&[u8]) -> Answer = |image| Answer::bytes(200, "application/octet-stream", image);
    let ends: fn(&[u8]) -> Answer = |image| Answer::until_close(200, "application/octet-stream", image);
    for (in_record, data, exit) in [(true, ends, 0), (false, says, 0), (false, ends, 2)] {
        let cloud = Cloud::with_record(in_record, data);
        let output = cloud.signed.path("copy");
        let run = Run::of(cloud.command().args(["--image", IMAGE_ID, "--output", output.to_str().unwrap()]));
        assert_eq!((run.exit, output.exists()), (exit, exit == 0), "{run:?}");
        assert!(exit == 0 || run.stderr.contains("how long it is"), "{run:?}");
    }
}

#[test]
fn what_the_image_service_refuses_or_breaks_off_ends_in_2() {
    let whole: fn(&[u8]) -> Answer = |image| Answer::bytes(200, "application/octet-stream", image.to_vec());
    let cut = |image: &[u8]| Answer::cut(200, "application/octet-stream", image.to_vec(), 1000);
    for (id, data, name, disposition) in [
        (&IMAGE_ID.replace('b', "c"), whole, "image_not_found", "final"),
        (&IMAGE_ID.to_owned(), |_| Answer::empty(204), "image_not_found", "final"),
        (
            &IMAGE_ID.to_owned(),
            |_| Answer::json(403, r#"{"message": "deactivated"}"#),
            "cloud_forbidden",
            "operator",
        ),
        (&IMAGE_ID.to_owned(), |_| Answer::empty(503), "cloud_unavailable", "retry"),
        (&IMAGE_ID.to_owned(), |_| Answer::redirect(302, "http://localhost/"), "cloud_unavailable", "retry"),
        (&IMAGE_ID.to_owned(), cut, "image_unreadable", "operator"),
    ] {
        let cloud = Cloud::sending(data);
        let output = cloud.signed.path("copy");
        let run =
            Run::of(cloud.command().args(["--image", id, "--json", "--output", output.to_str().unwrap()]));
        let object = run.json();
        let found = (run.exit, object["name"].as_str(), object["disposition"].as_str());
        assert_eq!(found, (2, Some(name), Some(disposition)), "{object}");
        assert!(!output.exists());
    }
}

#[test]
fn the_cloud_may_be_named_in_clouds_yaml() {
    let cloud = Cloud::new();
    let text = format!(
        "clouds:\n  mine:\n    auth:\n      auth_url: {}\n      username: demo\n      password: {PASSWORD}\n      \
         project_name: demo\n",
        cloud.server.url()
    );
    fs::write(cloud.signed.path("clouds.yaml"), text).unwrap();
    cloud.signed.write();
    let verify = |words: &[&str]| {
        let mut command = longhand();
        Run::of(command.arg("verify").current_dir(cloud.signed.path(".")).args(words))
    };
    let run = verify(&["--os-cloud", "mine", "--image", IMAGE_ID]);
    assert_eq!(run.exit, 0, "{run:?}");
    // Barbican alone: the image is at hand.
    let run = verify(&["--os-cloud", "mine", "--properties", "properties.json", "image"]);
    assert_eq!(run.exit, 0, "{run:?}");
    let run = verify(&["--os-cloud", "other", "--image", IMAGE_ID]);
    assert_eq!(run.exit, 2, "{run:?}");
    assert!(run.stderr.contains("cloud_misconfigured") && run.stderr.contains("mine"), "{run:?}");
    assert_discreet(&run);
}

#[test]
fn barbican_is_asked_with_a_token() {
    let cloud = Cloud::new();
    cloud.signed.write();
    let url = format!("{}/key-manager", cloud.server.url());
    let verify = |token: &str, words: &[&str]| {
        let mut command = longhand();
        command.args(["verify", "--barbican", &url]).current_dir(cloud.signed.path("."));
        command
            .args(words)
            .args(["--properties", "properties.json", "--json", "image"])
            .env("OS_TOKEN", token);
        Run::of(&mut command)
    };
    let run = verify("", &["--os-token", TOKEN]);
    assert_eq!(run.exit, 0, "{run:?}");
    assert_eq!(cloud.server.requests(), 1);
    assert_eq!(verify(TOKEN, &[]).exit, 0);
    assert_eq!(verify(TOKEN, &["--trusted-image-certificate-id", IDS]).exit, 0);
    let wrong = verify("another", &[]);
    assert_eq!((wrong.exit, wrong.json()["name"].as_str()), (4, Some("certificate_forbidden")), "{wrong:?}");
    assert!(!format!("{wrong:?}").contains("another"), "{wrong:?}");
    assert!(wrong.json()["help"].as_str().unwrap().contains("openstack acl user add"), "{wrong:?}");
    let nobody = verify("", &[]);
    assert!(nobody.json()["help"].as_str().unwrap().contains("--os-token"), "{nobody:?}");
    assert_eq!((nobody.exit, nobody.json()["name"].as_str()), (2, Some("cloud_misconfigured")), "{nobody:?}");
    let mut chain = longhand();
    chain.args(["chain", "--barbican", &url, "--os-token", TOKEN, "--trusted-image-certificate-id", IDS]);
    assert_eq!(Run::of(chain.arg(cloud.signed.id())).exit, 0);
}

#[test]
fn vault_is_asked_with_its_token_in_its_namespace() {
    let cloud = Cloud::new();
    cloud.signed.write();
    let verify = |token: &str, namespace: &str, words: &[&str]| {
        let mut command = longhand();
        command.args(["verify", "--vault", &format!("{}/vault", cloud.server.url())]).args(words);
        command
            .args(["--properties", "properties.json", "--json", "image"])
            .current_dir(cloud.signed.path("."));
        Run::of(command.env("VAULT_TOKEN", token).env("VAULT_NAMESPACE", namespace))
    };
    assert_eq!(verify(TOKEN, "cloud", &[]).exit, 0);
    assert_eq!(cloud.server.requests(), 1);
    assert_eq!(verify(TOKEN, "cloud", &["--trusted-image-certificate-id", IDS]).exit, 0);
    for (token, namespace, words, exit, name) in [
        ("other", "cloud", &[][..], 4, "certificate_forbidden"),
        (TOKEN, "elsewhere", &[], 4, "certificate_forbidden"),
        (TOKEN, "cloud", &["--vault-mount", "kv"], 4, "certificate_forbidden"),
        ("", "cloud", &[], 2, "cloud_misconfigured"),
        (TOKEN, "cloud", &["--vault-path", "../x"], 2, "cloud_misconfigured"),
    ] {
        let run = verify(token, namespace, words);
        assert!(run.json()["help"].as_str().is_some_and(|help| help.contains("`vault ")), "{run:?}");
        assert_eq!(
            (run.exit, run.json()["name"].as_str()),
            (exit, Some(name)),
            "{token} {namespace} {run:?}"
        );
    }
}

#[test]
fn the_key_manager_is_the_one_that_a_nova_conf_names() {
    let cloud = Cloud::new();
    cloud.signed.write();
    let url = cloud.server.url();
    let conf = cloud.signed.path("nova.conf");
    let verify = |text: &str| {
        let glance = "[glance]\nverify_glance_signatures = true\n";
        fs::write(&conf, format!("{glance}{text}")).unwrap();
        cloud.server.forget();
        Run::of(cloud.command().args([
            "--nova-conf",
            "nova.conf",
            "--properties",
            "properties.json",
            "image",
        ]))
    };
    let barbican = "castellan.key_manager.barbican_key_manager.BarbicanKeyManager";
    let user = format!(
        "[barbican_service_user]\nauth_type = password\nauth_url = {url}/v3\nusername = nova\npassword = {PASSWORD}\n\
         project_name = service\n"
    );
    for (text, requests) in [
        (String::new(), 2),
        ("[key_manager]\nbackend = barbican\n".to_owned(), 2),
        (format!("[key_manager]\napi_class = {barbican}\n"), 2),
        (format!("[barbican]\nbarbican_endpoint = {url}/key-manager\n"), 2),
        ("[barbican]\nbarbican_region_name = RegionOne\n".to_owned(), 2),
        (format!("[barbican]\nsend_service_user_token = true\n{user}"), 3),
        (
            format!(
                "[key_manager]\nbackend = vault\n[vault]\nvault_url = {url}/vault\nroot_token_id = {TOKEN}\nnamespace = cloud\n\
                 timeout = 18446744073709549568\n"
            ),
            1,
        ),
    ] {
        let run = verify(&text);
        assert_eq!(
            (run.exit, cloud.server.requests()),
            (0, requests),
            "{text}: {run:?} {:?}",
            cloud.targets()
        );
        let sent = cloud.server.received();
        let has_service_token = sent.iter().any(|request| request.header("x-service-token").is_some());
        assert_eq!(has_service_token, text.contains("send_service"), "{text}");
    }
    fs::write(
        cloud.signed.path("glance-api.conf"),
        format!("[barbican]\nbarbican_endpoint = {url}/key-manager\n"),
    )
    .unwrap();
    for (words, exit) in [(&[][..], 0), (&["--vault", "http://127.0.0.1:1"], 2)] {
        let glance = ["--policy", "glance", "--nova-conf", "glance-api.conf"];
        let run = Run::of(cloud.command().args(glance).args(words).args([
            "--properties",
            "properties.json",
            "image",
        ]));
        assert_eq!(run.exit, exit, "{run:?}");
    }
    for (text, name) in [
        ("[key_manager]\nbackend = castellan.tests.unit.Mock\n", "configuration_not_supported"),
        ("[key_manager]\nbackend = nova.keymgr.conf_key_mgr.ConfKeyManager\n", "configuration_not_supported"),
        ("[barbican]\nverify_ssl = false\n", "configuration_not_supported"),
        ("[barbican]\nverify_ssl = perhaps\n", "configuration_malformed"),
        ("[barbican]\nverify_ssl_path = /no/such/file\n", "cloud_misconfigured"),
        ("[barbican]\nbarbican_region_name = Elsewhere\n", "key_manager_misconfigured"),
        ("[barbican]\nbarbican_endpoint_type = private\n", "cloud_misconfigured"),
        ("[key_manager]\nbackend = vault\n", "cloud_misconfigured"),
        ("[key_manager]\nbackend = vault\n[vault]\nkv_version = 3\n", "configuration_malformed"),
        ("[key_manager]\nbackend = vault\n[vault]\nauth_method = ldap\n", "configuration_malformed"),
        ("[key_manager]\nbackend = vault\n[vault]\nauth_method = jwt\n", "configuration_malformed"),
        ("[key_manager]\nbackend = vault\n[vault]\ntimeout = 0\n", "configuration_malformed"),
    ] {
        let run = verify(text);
        assert!(run.stderr.contains(name), "{text}: {run:?}");
        assert_discreet(&run);
    }
}

/// As on a host with these settings, which asks nobody.
#[test]
fn a_service_that_verifies_nothing_needs_no_key_manager() {
    let signed = Signed::nova();
    signed.write();
    for (text, ids, exit) in [
        ("[glance]\nverify_glance_signatures = false\n", &[][..], 6),
        ("[key_manager]\nbackend = vault\n", &[], 6),
        ("[glance]\nverify_glance_signatures = true\n", &[], 2),
        ("", &["--trusted-image-certificate-id", ROOT], 2),
    ] {
        fs::write(signed.path("nova.conf"), text).unwrap();
        let mut command = longhand();
        command.current_dir(signed.path(".")).args(["verify", "--nova-conf", "nova.conf"]).args(ids);
        let run = Run::of(command.args(["--properties", "properties.json", "image"]));
        assert_eq!(run.exit, exit, "{text}: {run:?}");
    }
}

#[test]
fn the_options_say_where_certificates_lie_once() {
    let signed = Signed::nova();
    signed.write();
    let certs = signed.certs();
    let certs = certs.to_str().unwrap();
    let local = ["--properties", "properties.json", "image"];
    for (words, said) in [
        (&[][..], "nothing says where the certificates lie"),
        (&["--certs", certs, "--vault", "http://127.0.0.1:1"], "cannot be used with"),
        (&["--barbican", "http://127.0.0.1:1", "--vault", "http://127.0.0.1:1"], "cannot be used with"),
        (&["--certs", certs, "--os-cloud", "mine"], "--os-cloud is of no use"),
        (&["--certs", certs, "--os-token", "x"], "--os-token is of no use"),
        (&["--certs", certs, "--vault-mount", "x"], "--vault"),
        (&["--vault", "ftp://h"], "--vault is no address"),
        (&["--barbican", "http://u:p@h", "--os-token", "x"], "must not hold a user name"),
        (&["--certs", certs, "--image", IMAGE_ID], "cannot be used with"),
    ] {
        let mut command = longhand();
        command.arg("verify").current_dir(signed.path(".")).args(words).args(local).env("VAULT_TOKEN", "x");
        let run = Run::of(&mut command);
        assert_eq!(run.exit, 2, "{words:?}: {run:?}");
        assert!(run.stderr.contains(said), "{words:?}: {run:?}");
        assert!(!run.stderr.contains("u:p@h"), "{run:?}");
    }
    let mut command = longhand();
    let run = Run::of(command.args(["verify", "--certs", certs, "--image", "cirros"]));
    assert!(run.exit == 2 && run.stderr.contains("names are not looked up"), "{run:?}");
    let run = Run::of(longhand().args(["verify", "--certs", certs, "--image", ROOT]));
    assert!(run.exit == 2 && run.stderr.contains("no cloud is named"), "{run:?}");
}
