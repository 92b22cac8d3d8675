//! `clouds.yaml`, `secure.yaml` and the `OS_*` variables.
#![cfg(feature = "clouds")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

mod common;

use std::path::Path;

use common::*;
use longhand::KeyManager;
use longhand_barbican::clouds::{Cloud, CloudError, Environment, SearchPath};
use longhand_barbican::limits::MAX_CLOUDS_FILE;
use longhand_test_server::{Answer, Server};
use serde_json::{Value, json};
use tempfile::TempDir;

const CLOUDS: &str = r#"
clouds:
  lab:
    region_name: RegionOne
    interface: internal
    auth: &lab
      auth_url: https://keystone.example/v3
      username: demo
      password: correct-horse
      project_name: demo
      user_domain_name: Default
      project_domain_name: Default
  lab-two:
    regions: [Two, Three]
    auth:
      <<: *lab
      project_name: other
  app:
    auth_type: v3applicationcredential
    auth: {auth_url: "https://k/v3", application_credential_id: a1, application_credential_secret: correct-horse}
  split:
    auth: {auth_url: "https://k/v3", username: demo, project_id: p1}
"#;

fn find(
    name: Option<&str>,
    environment: &[(&str, &str)],
    directories: &[&Path],
) -> Result<Cloud, CloudError> {
    let environment = environment.iter().copied().collect();
    Cloud::find(name, &environment, &directories.iter().copied().collect())
}

fn written(files: &[(&str, &str)]) -> TempDir {
    let directory = TempDir::new().unwrap();
    for (name, text) in files {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}

/// One cloud with these settings, in YAML.
fn cloud(settings: &str) -> Result<Cloud, CloudError> {
    let indented: String = settings.lines().map(|line| format!("    {line}\n")).collect();
    let directory = written(&[("clouds.yaml", &format!("clouds:\n  c:\n{indented}"))]);
    find(Some("c"), &[], &[directory.path()])
}

#[test]
fn a_cloud_is_found_by_name_or_by_os_cloud_in_the_first_file() {
    let other = "clouds: {lab: {auth_type: none, key_manager_endpoint_override: 'http://other'}}";
    let (first, second) = (written(&[("clouds.yml", other)]), written(&[("clouds.yaml", CLOUDS)]));
    let shown = |found: Result<Cloud, CloudError>| format!("{:?}", found.unwrap());
    let paths = [first.path(), second.path()];
    assert!(shown(find(Some("lab"), &[], &paths)).contains("http://other"));
    assert!(shown(find(None, &[("OS_CLOUD", "lab")], &paths[1..])).contains("keystone.example"));
    assert!(shown(find(Some("app"), &[("OS_CLOUD", "lab")], &paths[1..])).contains("a1"));
    let named = second.path().join("clouds.yaml");
    let environment = [("OS_CLIENT_CONFIG_FILE", named.to_str().unwrap())];
    assert!(shown(find(Some("lab"), &environment, &paths)).contains("keystone.example"));
}

#[test]
fn a_cloud_in_a_file_takes_nothing_from_the_environment() {
    let directory = written(&[("clouds.yaml", CLOUDS)]);
    let environment =
        [("OS_CLOUD", "split"), ("OS_PASSWORD", "of-another-cloud"), ("OS_AUTH_URL", "https://another")];
    let error = find(None, &environment, &[directory.path()]).unwrap_err();
    assert_eq!(error.to_string(), r#"the cloud "split" does not say auth.password"#);
}

#[test]
fn secure_yaml_adds_to_what_clouds_yaml_says() {
    let secure = "clouds: {split: {auth: {password: correct-horse, project_id: p2}}, other: {}}";
    let directory = written(&[("clouds.yaml", CLOUDS), ("secure.yaml", secure)]);
    let shown = format!("{:?}", find(Some("split"), &[], &[directory.path()]).unwrap());
    assert!(shown.contains("p2") && shown.contains("demo") && !shown.contains("correct-horse"), "{shown}");
}

#[test]
fn a_file_in_the_current_directory_goes_with_none_elsewhere() {
    let theirs = "clouds: {split: {auth: {auth_url: 'https://evil.example', username: u, project_name: p}}}";
    let address = "clouds: {split: {auth: {auth_url: 'https://evil.example'}}}";
    let password = "clouds: {split: {auth: {password: correct-horse}}}";
    for (current, elsewhere, third, is_good) in [
        (vec![("clouds.yaml", theirs)], vec![("secure.yaml", password)], vec![], false),
        (vec![("secure.yaml", address)], vec![("clouds.yaml", CLOUDS)], vec![], false),
        (vec![("clouds.yaml", theirs), ("secure.yaml", password)], vec![], vec![], true),
        (vec![], vec![("secure.yaml", password)], vec![("clouds.yaml", CLOUDS)], true),
        (vec![("secure.yaml", "clouds: {other: {}}")], vec![("clouds.yaml", CLOUDS)], vec![], true),
    ] {
        let directories = [written(&current), written(&elsewhere), written(&third)];
        let path: Vec<_> = directories.iter().map(TempDir::path).collect();
        let found = find(Some("split"), &[], &path);
        let is_scattered = matches!(found, Err(CloudError::Scattered { .. }));
        assert_eq!(is_scattered, !is_good, "{current:?} {elsewhere:?}: {found:?}");
        assert!(!format!("{found:?}").contains("correct-horse"));
        let named = directories[0].path().join(current.first().map_or("", |(name, _)| name));
        if !is_good {
            let variable =
                if current[0].0 == "clouds.yaml" { "OS_CLIENT_CONFIG_FILE" } else { "OS_CLIENT_SECURE_FILE" };
            let found = find(Some("split"), &[(variable, named.to_str().unwrap())], &path);
            assert!(!matches!(found, Err(CloudError::Scattered { .. })), "{found:?}");
        }
    }
}

/// To name one file says nothing of the other, which a stranger may have put into the current directory all the same.
#[test]
fn a_file_that_is_named_goes_with_none_in_the_current_directory_but_one_beside_it() {
    let address = "clouds: {split: {auth: {auth_url: 'https://evil.example'}}}";
    let theirs = "clouds: {split: {auth: {auth_url: 'https://evil.example', username: u, project_name: p}}}";
    let password = "clouds: {split: {auth: {password: correct-horse}}}";
    let (config, secure) = ("OS_CLIENT_CONFIG_FILE", "OS_CLIENT_SECURE_FILE");
    let whole =
        CLOUDS.replace("username: demo, project_id", "password: correct-horse, username: demo, project_id");
    for (current, elsewhere, named, is_good) in [
        (vec![("secure.yaml", address)], vec![("clouds.yaml", &*whole)], vec![config], false),
        (vec![("clouds.yaml", theirs)], vec![("secure.yaml", password)], vec![secure], false),
        (
            vec![("secure.yaml", address)],
            vec![("clouds.yaml", CLOUDS), ("secure.yaml", password)],
            vec![config, secure],
            true,
        ),
        (
            vec![("clouds.yaml", theirs)],
            vec![("clouds.yaml", CLOUDS), ("secure.yaml", password)],
            vec![config, secure],
            true,
        ),
        (vec![], vec![("clouds.yaml", CLOUDS), ("secure.yaml", password)], vec![config], true),
    ] {
        let directories = [written(&current), written(&elsewhere)];
        let path: Vec<_> = directories.iter().map(TempDir::path).collect();
        let file = |variable| {
            let name = if variable == config { "clouds.yaml" } else { "secure.yaml" };
            (variable, directories[1].path().join(name).to_str().unwrap().to_owned())
        };
        let variables: Vec<(&str, String)> = named.iter().copied().map(file).collect();
        let environment: Vec<_> = variables.iter().map(|(name, value)| (*name, &**value)).collect();
        let found = find(Some("split"), &environment, &path);
        let is_scattered = matches!(found, Err(CloudError::Scattered { .. }));
        assert_eq!(is_scattered, !is_good, "{current:?} {named:?}: {found:?}");
        assert_eq!(found.is_ok(), is_good, "{found:?}");
        assert!(!format!("{found:?}").contains("evil"), "{found:?}");
    }

    // However its directory is spelt, a file there is beside the other.
    let current = written(&[("clouds.yaml", CLOUDS), ("secure.yaml", password)]);
    let spelt = current.path().join("..").join(current.path().file_name().unwrap()).join("clouds.yaml");
    let found = find(Some("split"), &[(config, spelt.to_str().unwrap())], &[current.path()]);
    assert!(found.is_ok(), "{found:?}");
}

/// What is sent to Keystone for these settings, and for these variables.
fn login_of(cloud: &Cloud, keystone: &Keystone) -> Value {
    let connection = cloud.connect(blocking()).unwrap();
    let code = connection
        .key_manager()
        .unwrap()
        .certificate(SECRET)
        .map_or_else(|error| error.code().name(), |_| "ok");
    assert_eq!(code, "ok", "{cloud:?}");
    keystone.bodies.lock().unwrap().remove(0)["auth"].clone()
}

#[test]
fn each_way_to_log_in_is_the_same_from_a_file_and_from_the_environment() {
    let barbican =
        barbican_for(Stored::default().secret(SECRET, pem(0)), |token| token.starts_with("token-"));
    let default = json!({ "id": "default" });
    let demo = json!({ "name": "demo", "domain": default, "password": PASSWORD });
    let demo_in_d = json!({ "name": "demo", "domain": { "name": "D" }, "password": PASSWORD });
    for (settings, identity, scope) in [
        (
            vec![("username", "demo"), ("password", PASSWORD), ("project_name", "demo")],
            json!({ "methods": ["password"], "password": { "user": demo } }),
            json!({ "project": { "name": "demo", "domain": default } }),
        ),
        (
            vec![
                ("auth_type", "v3password"),
                ("username", "demo"),
                ("user_domain_name", "D"),
                ("password", PASSWORD),
                ("project_name", "p"),
                ("project_domain_id", "d1"),
            ],
            json!({ "methods": ["password"], "password": { "user": demo_in_d } }),
            json!({ "project": { "name": "p", "domain": { "id": "d1" } } }),
        ),
        (
            vec![("auth_type", "password"), ("user_id", "u1"), ("password", PASSWORD), ("project_id", "p1")],
            json!({ "methods": ["password"], "password": { "user": { "id": "u1", "password": PASSWORD } } }),
            json!({ "project": { "id": "p1" } }),
        ),
        (
            vec![
                ("username", "demo"),
                ("password", PASSWORD),
                ("tenant_name", "demo"),
                ("default_domain", "d9"),
            ],
            json!({ "methods": ["password"], "password": { "user": { "name": "demo", "domain": { "id": "d9" },
                "password": PASSWORD } } }),
            json!({ "project": { "name": "demo", "domain": { "id": "d9" } } }),
        ),
        (
            vec![("user_id", "u1"), ("password", PASSWORD), ("system_scope", "all")],
            json!({ "methods": ["password"], "password": { "user": { "id": "u1", "password": PASSWORD } } }),
            json!({ "system": { "all": true } }),
        ),
        (
            vec![("user_id", "u1"), ("password", PASSWORD), ("domain_name", "D")],
            json!({ "methods": ["password"], "password": { "user": { "id": "u1", "password": PASSWORD } } }),
            json!({ "domain": { "name": "D" } }),
        ),
        (
            vec![
                ("auth_type", "v3applicationcredential"),
                ("application_credential_id", "a1"),
                ("application_credential_secret", PASSWORD),
                ("project_name", "ignored"),
            ],
            json!({ "methods": ["application_credential"],
                "application_credential": { "id": "a1", "secret": PASSWORD } }),
            Value::Null,
        ),
        (
            vec![
                ("application_credential_name", "ci"),
                ("username", "demo"),
                ("application_credential_secret", PASSWORD),
            ],
            json!({ "methods": ["application_credential"], "application_credential":
                { "name": "ci", "user": { "name": "demo", "domain": default }, "secret": PASSWORD } }),
            Value::Null,
        ),
        (
            vec![("auth_type", "v3token"), ("token", PASSWORD), ("project_id", "p1")],
            json!({ "methods": ["token"], "token": { "id": PASSWORD } }),
            json!({ "project": { "id": "p1" } }),
        ),
    ] {
        let keystone = keystone(3600, &catalogue(&barbican.url()));
        let auth_url = format!("{}/v3", keystone.server.url());
        let lines = settings.iter().map(|(key, value)| match *key {
            "auth_type" => format!("auth_type: {value}"),
            key => format!("auth.{key}: {value}"),
        });
        let (top, auth): (Vec<_>, Vec<_>) = lines.partition(|line| line.starts_with("auth_type"));
        let auth: String =
            auth.iter().map(|line| format!("  {}\n", line.strip_prefix("auth.").unwrap())).collect();
        let file = cloud(&format!("{}\nauth:\n  auth_url: {auth_url}\n{auth}", top.concat())).unwrap();
        let variables =
            settings.iter().map(|(key, value)| (format!("OS_{}", key.to_uppercase()), (*value).to_owned()));
        let variables = variables.chain([("OS_AUTH_URL".to_owned(), auth_url.clone())]);
        let environment = Cloud::find(None, &variables.collect(), &SearchPath::default()).unwrap();
        for found in [file, environment] {
            let body = login_of(&found, &keystone);
            assert_eq!(body["identity"], identity, "{settings:?}");
            assert_eq!(body.get("scope").cloned().unwrap_or_default(), scope, "{settings:?}");
        }
    }
}

#[test]
fn with_an_address_a_token_serves_as_it_is_and_nobody_is_logged_in() {
    let barbican = barbican(Stored::default().secret(SECRET, pem(0)));
    let url = barbican.url();
    for environment in [
        vec![
            ("OS_TOKEN", TOKEN),
            ("OS_AUTH_TYPE", "v3token"),
            ("OS_AUTH_URL", "http://127.0.0.1:9/v3"),
            ("OS_KEY_MANAGER_ENDPOINT_OVERRIDE", &url),
        ],
        vec![("OS_TOKEN", TOKEN), ("OS_KEY_MANAGER_ENDPOINT_OVERRIDE", &url)],
    ] {
        let connection = find(None, &environment, &[]).unwrap().connect(blocking()).unwrap();
        assert!(connection.key_manager().unwrap().certificate(SECRET).is_ok());
        assert!(matches!(
            connection.image(),
            Err(CloudError::Missing { setting: "image_endpoint_override", .. })
        ));
    }
}

#[test]
fn a_cloud_may_ask_for_no_login() {
    let barbican = Server::start(|request| match request.header("X-Auth-Token") {
        None => Answer::bytes(200, "*/*", pem(0)),
        Some(_) => Answer::empty(400),
    });
    for settings in [
        format!("auth_type: none\nkey_manager_endpoint_override: {}", barbican.url()),
        format!("auth_type: none\nauth: {{endpoint: '{}'}}", barbican.url()),
    ] {
        let connection = cloud(&settings).unwrap().connect(blocking()).unwrap();
        assert!(connection.key_manager().unwrap().certificate(SECRET).is_ok(), "{settings}");
    }
}

#[test]
fn services_of_a_cloud_share_one_login_and_an_override_beats_the_catalogue() {
    let barbican = barbican_for(Stored::default().secret(SECRET, pem(0)), |token| token == "token-1");
    let keystone = keystone(
        3600,
        &json!([
            { "type": "image", "endpoints": [
                { "interface": "internal", "region": "Two", "url": "http://glance.two" },
                { "interface": "internal", "region": "One", "url": "http://glance.one" },
                { "interface": "public", "region": "One", "url": "http://glance.public" }] },
            { "type": "key-manager", "endpoints": [{ "interface": "internal", "region": "One", "url": "http://127.0.0.1:9" }] },
        ]),
    );
    let settings = format!(
        "auth: {{auth_url: '{}', user_id: u1, password: {PASSWORD}}}\nendpoint_type: internalURL\n\
         regions: [{{name: One}}, Two]\nkey-manager-endpoint-override: {}/v1",
        keystone.server.url(),
        barbican.url()
    );
    let connection = cloud(&settings).unwrap().connect(blocking()).unwrap();
    assert!(connection.key_manager().unwrap().certificate(SECRET).is_ok());
    let image = connection.image().unwrap();
    let endpoint = longhand_http::block_on(image.endpoint(&image.client().start())).unwrap();
    assert_eq!((endpoint.as_str(), keystone.logins()), ("http://glance.one/", 1));
}

#[test]
fn what_is_missing_or_not_supported_is_said_by_name() {
    let auth = "auth: {auth_url: 'https://k/v3', user_id: u1, password: correct-horse}";
    for (settings, says) in [
        ("auth: {}", "does not say auth.username"),
        ("auth: {username: demo}", "does not say auth.password"),
        ("auth: {username: demo, password: ''}", "does not say auth.password"),
        ("auth: {username: demo, password: correct-horse}", "does not say auth.auth_url"),
        ("auth_type: token\nauth: {auth_url: 'https://k'}", "does not say auth.token"),
        ("auth_type: v3applicationcredential", "does not say auth.application_credential_name"),
        ("auth_type: v3kerberos", r#"auth_type: "v3kerberos", which is not one of password"#),
        ("profile: rackspace\nauth: {username: demo}", r#"profile: "rackspace", which is not looked up"#),
        (&format!("{auth}\nverify: false"), "verify: false: whoever is on the way"),
        (&format!("{auth}\nverify: no"), "name the authority of the servers as cacert"),
        (&format!("{auth}\ninsecure: true"), "insecure: true"),
        (&format!("{auth}\ncert: /me.pem"), "certificates of clients are not supported"),
        (&format!("{auth}\nidentity_api_version: 2.0"), "which Keystone no longer has"),
        (&format!("{auth}\ninterface: outer"), "it must be public, internal or admin"),
        ("auth: {user_id: u, password: correct-horse, project_id: p, domain_id: d}", "a token is for one"),
        ("auth: {user_id: u, password: correct-horse, system_scope: some}", "it must be all"),
    ] {
        let error = cloud(settings).expect_err(settings);
        let shown = format!("{error} {error:?}");
        assert!(error.to_string().contains(says), "{shown}");
        assert!(!shown.contains("correct-horse"), "{shown}");
    }
    for settings in [format!("{auth}\nverify: true"), format!("{auth}\nverify: yes\ninsecure: 'False'")] {
        assert!(cloud(&settings).is_ok(), "{settings}");
    }
    let error = find(None, &[("OS_AUTH_URL", "https://k"), ("OS_INSECURE", "1")], &[]).unwrap_err();
    assert!(error.to_string().starts_with("the environment (OS_*) says insecure: true"), "{error}");
    for auth_url in ["ftp://k", "https://u:p@k"] {
        let settings = format!("auth: {{auth_url: '{auth_url}', user_id: u1, password: x}}");
        let error = cloud(&settings).unwrap().connect(blocking()).unwrap_err();
        assert!(error.to_string().contains("auth_url is no address"), "{error}");
    }
}

#[test]
fn where_no_cloud_is_found_the_error_says_where_it_was_looked_for() {
    let directory = written(&[("clouds.yaml", CLOUDS)]);
    let shown = |error: CloudError| error.to_string();
    assert!(shown(find(None, &[], &[directory.path()]).unwrap_err()).contains("OS_CLOUD"));
    assert!(shown(find(None, &[("OS_CLOUD", "")], &[]).unwrap_err()).contains("OS_CLOUD"));
    let error = shown(find(Some("lap"), &[], &[directory.path()]).unwrap_err());
    assert!(error.contains(r#"no cloud named "lap"; it has: "app", "lab", "lab-two", "split""#), "{error}");
    let error = shown(find(Some("lab"), &[], &[Path::new("/nonexistent/a"), Path::new("/b")]).unwrap_err());
    assert!(error.contains("no clouds.yaml in /nonexistent/a, /b"), "{error}");
    let environment = [("OS_CLIENT_CONFIG_FILE", "/nonexistent/clouds.yaml")];
    let error = find(Some("lab"), &environment, &[directory.path()]).unwrap_err();
    assert!(matches!(error, CloudError::Unreadable { .. }), "{error}");
}

#[test]
fn a_file_is_read_up_to_its_bound_and_an_error_names_its_line() {
    let bound = usize::try_from(MAX_CLOUDS_FILE).unwrap();
    let padded = |length: usize| format!("{CLOUDS}#{}", "x".repeat(length - CLOUDS.len() - 1));
    let at = written(&[("clouds.yaml", &padded(bound))]);
    assert!(find(Some("lab"), &[], &[at.path()]).is_ok());
    let past = written(&[("clouds.yaml", &padded(bound + 1))]);
    assert!(matches!(find(Some("lab"), &[], &[past.path()]), Err(CloudError::TooLarge { .. })));
    let malformed = written(&[("clouds.yaml", "clouds:\n  lab: [correct-horse\n")]);
    let error = find(Some("lab"), &[], &[malformed.path()]).unwrap_err().to_string();
    assert!(error.contains("clouds.yaml: line ") && !error.contains("correct-horse"), "{error}");
}

#[test]
fn a_merge_key_brings_along_what_another_cloud_says() {
    let directory = written(&[("clouds.yaml", CLOUDS)]);
    let shown = format!("{:?}", find(Some("lab-two"), &[], &[directory.path()]).unwrap());
    assert!(
        shown.contains("keystone.example") && shown.contains("other") && shown.contains("Two"),
        "{shown}"
    );
}

#[test]
fn no_secret_is_shown() {
    let directory = written(&[("clouds.yaml", CLOUDS)]);
    for name in ["lab", "lab-two", "app"] {
        let cloud = find(Some(name), &[], &[directory.path()]).unwrap();
        let connection = cloud.connect(blocking()).unwrap();
        let shown = format!("{cloud:?} {connection:?} {:?}", connection.key_manager().unwrap());
        assert!(!shown.contains("correct-horse"), "{shown}");
    }
    // An address that will be refused.
    for key in
        ["auth: {username: u, password: p, auth_url: 'X'}", "image_endpoint_override: 'X'\nauth_type: none"]
    {
        let cloud = cloud(&key.replace('X', "https://u:correct-horse@h")).unwrap();
        let shown = format!("{cloud:?} {}", cloud.connect(blocking()).unwrap_err());
        assert!(!shown.contains("correct-horse"), "{shown}");
    }
    let environment: Environment = [("OS_PASSWORD", "correct-horse")].into_iter().collect();
    assert_eq!(format!("{environment:?}"), r#"["OS_PASSWORD"]"#);
}

#[test]
fn an_authority_that_cannot_be_read_is_an_error() {
    let settings = "auth_type: none\nkey_manager_endpoint_override: 'https://b'\ncacert: /nonexistent/ca.pem";
    assert!(cloud(settings).unwrap().tls().is_err());
    assert!(cloud("auth_type: none").unwrap().tls().is_ok());
}
