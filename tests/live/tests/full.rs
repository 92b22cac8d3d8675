//! The guides' walkthrough on a real cloud, and our verdict beside that of Glance's own Cursive. Run by `tests/live/run full`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Output;
use std::sync::LazyLock;
use std::time::Duration;

use longhand::pki_types::UnixTime;
use longhand::{
    Decision, ImageError, ImageRequest, ImageVerifier, KeyManager, VerificationPolicy, VerifiedImage,
};
use longhand_barbican::keystone::{
    ApplicationCredential, Domain, KeystoneSession, Login, Project, Scope, ServiceFilter, User,
};
use longhand_barbican::{Barbican, Service, Token};
use longhand_http::{BlockingTransport, Client, Request, Tls, TokioTransport, block_on};
use longhand_live::cloud::{Cloud, Upload};
use longhand_live::{OnRuntime, Value, Walkthrough, Ways, json, patience, setting, vectors};

static CLOUD: LazyLock<Cloud> = LazyLock::new(Cloud::of_settings);

fn client() -> Client<BlockingTransport> {
    Client::new(BlockingTransport::new(&Tls::system())).patience(patience().deadline(Duration::from_secs(30)))
}

fn session(login: Login) -> KeystoneSession<BlockingTransport> {
    KeystoneSession::new(client(), &CLOUD.keystone, login).unwrap()
}

fn default_domain() -> Domain {
    Domain::Name("Default".to_owned())
}

fn project(name: &str) -> Scope {
    Scope::Project(Project::Name { name: name.to_owned(), domain: default_domain() })
}

fn password_of(user: &str, password: &str, scope: Scope) -> Login {
    let user = User::Name { name: user.to_owned(), domain: default_domain() };
    Login::Password { user, password: password.into(), scope }
}

/// The user demo's password, in the project demo.
fn demo() -> Login {
    password_of("demo", &CLOUD.password, project("demo"))
}

fn key_manager(login: Login) -> Barbican<BlockingTransport> {
    Barbican::in_catalogue(session(login), ServiceFilter::key_manager())
}

/// Our library, waiting and awaited, as a tool that logs in.
fn ways(login: &Login) -> Ways {
    let transport = TokioTransport::new(&Tls::system()).unwrap();
    let tasks = Client::new(transport).patience(patience().deadline(Duration::from_secs(30)));
    let awaited = KeystoneSession::new(tasks, &CLOUD.keystone, login.clone()).unwrap();
    let awaited = Barbican::in_catalogue(awaited, ServiceFilter::key_manager());
    [("waiting", Box::new(key_manager(login.clone()))), ("awaited", Box::new(OnRuntime(awaited)))]
}

/// An image of this Glance: its properties, and its data while they are downloaded.
struct Image {
    id: String,
    glance: Service<BlockingTransport>,
}

impl Image {
    fn new(id: &str) -> Self {
        Self { id: id.to_owned(), glance: Service::in_catalogue(session(demo()), ServiceFilter::image()) }
    }

    fn properties(&self) -> Vec<(String, String)> {
        let request =
            |endpoint: &longhand_http::Endpoint| Request::get(endpoint.url(&["v2", "images", &self.id]));
        let answer = block_on(self.glance.send(request, &self.glance.client().start())).unwrap();
        assert_eq!(answer.status(), 200);
        let image: Value = answer.json().unwrap();
        let texts = image.as_object().into_iter().flatten();
        texts.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
    }

    fn data(&self) -> Vec<u8> {
        let deadline = self.glance.client().start();
        let endpoint = block_on(self.glance.endpoint(&deadline)).unwrap();
        let request = Request::get(endpoint.url(&["v2", "images", &self.id, "file"]));
        let request = block_on(self.glance.sign(request, &deadline)).unwrap();
        let download = self.glance.client().transport().open(&request, Duration::from_secs(10)).unwrap();
        assert_eq!(download.status(), 200);
        let mut data = Vec::new();
        io::copy(&mut download.into_body(), &mut data).unwrap();
        data
    }
}

/// Our verdict, with trusted ids or on the signature alone.
fn verify(
    key_manager: &dyn KeyManager,
    properties: Vec<(String, String)>,
    trusted: Option<&[String]>,
    data: &[u8],
) -> Result<VerifiedImage, ImageError> {
    let policy =
        if trusted.is_some() { VerificationPolicy::trusted() } else { VerificationPolicy::required() };
    let images = ImageVerifier::builder().policy(policy).build();
    let mut request = ImageRequest::new("image", properties).at(UnixTime::now());
    if let Some(trusted) = trusted {
        request = request.trusted_ids(trusted);
    }
    let Decision::Verify(mut verification) = images.begin(key_manager, request)? else {
        panic!("to be verified")
    };
    verification.update(data);
    verification.verify()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs a client that must succeed; what it prints.
fn succeeds(program: &str, arguments: &[&str], input: Option<&Path>) -> String {
    let output = CLOUD.command("demo", program, arguments, input);
    assert!(output.status.success(), "{program} {arguments:?}: {}", text(&output));
    text(&output)
}

/// `openstack secret store` as the guides have it, with this expiry.
fn secret_store<'a>(expiration: &'a str, payload: &'a str) -> Vec<&'a str> {
    [
        "secret",
        "store",
        "--name",
        "test",
        "--algorithm",
        "RSA",
        "--expiration",
        expiration,
        "--secret-type",
        "certificate",
        "--payload-content-type",
        "application/octet-stream",
        "--payload-content-encoding",
        "base64",
        "--payload",
        payload,
        "-f",
        "value",
        "-c",
        "Secret href",
    ]
    .to_vec()
}

#[test]
fn the_guides_commands_make_an_image_that_we_and_glance_verify() {
    let walkthrough = Walkthrough::read();
    // base64(1) without -w 0: with line breaks.
    let base64 = |certificate: &[u8]| longhand_live::base64_lines(certificate);
    let store = |certificate: &Vec<u8>| {
        let href = succeeds("openstack", &secret_store("2099-01-01", &base64(certificate)), None);
        href.trim().rsplit('/').next().unwrap().to_owned()
    };
    let signing = store(&walkthrough.signing);
    let trusted = walkthrough.authorities.each_ref().map(store);

    let properties = walkthrough.properties(&signing);
    let signature = properties.iter().filter(|(name, _)| name.starts_with("img_signature"));
    let properties: Vec<_> =
        signature.flat_map(|(name, value)| [String::from("--property"), format!("{name}={value}")]).collect();
    let with = |arguments: &[&str]| -> Vec<String> {
        arguments.iter().map(|argument| (*argument).to_owned()).chain(properties.iter().cloned()).collect()
    };
    let create = |arguments: &[&str], program: &str, file: &Path, input: Option<&Path>| {
        let mut arguments = with(arguments);
        if input.is_none() {
            arguments.extend(["--file".to_owned(), file.to_str().unwrap().to_owned()]);
        }
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        CLOUD.command("demo", program, &arguments, input)
    };
    let formats = ["--container-format", "bare", "--disk-format", "qcow2"];
    let glance = [&["image-create", "--name", "mySignedImage"][..], &formats].concat();
    let openstack =
        [&["image", "create", "--private", "-f", "json"][..], &formats, &["myTamperedImage"]].concat();

    // The Glance guide: data on standard input.
    let made = create(&glance, "glance", &walkthrough.image, Some(&walkthrough.image));
    assert!(made.status.success(), "{}", text(&made));
    let made = text(&made);
    assert!(made.contains("| active "), "{made}");
    let id =
        made.lines().find_map(|line| line.strip_prefix("| id ")).map(|rest| rest.trim_matches(['|', ' ']));
    let image = Image::new(id.unwrap());
    for (way, key_manager) in ways(&demo()) {
        let verified = verify(&*key_manager, image.properties(), Some(&trusted), &image.data());
        assert!(verified.is_ok(), "{way}: {verified:?}");
    }

    // The Nova guide: a file. Glance refuses what was changed, and so do we.
    let changed = walkthrough.changed_image("full");
    let made = create(&openstack, "openstack", &changed, None);
    assert!(!made.status.success(), "{}", text(&made));
    assert!(text(&made).contains("400"), "{}", text(&made));
    let refused =
        verify(&key_manager(demo()), image.properties(), Some(&trusted), &fs::read(changed).unwrap());
    assert_eq!(refused.unwrap_err().code().name(), "signature_mismatch");
}

#[test]
fn the_guides_expiry_and_role_no_longer_do() {
    let certificate = longhand_live::base64_lines(&Walkthrough::read().signing);
    let expired = CLOUD.command("demo", "openstack", &secret_store("2018-06-29", &certificate), None);
    assert!(!expired.status.success());
    assert!(text(&expired).contains("'expiration' is before current time"), "{}", text(&expired));
    let creator = CLOUD.command("creator", "openstack", &secret_store("2099-01-01", &certificate), None);
    assert!(text(&creator).contains("Secret creation attempt not allowed"), "{}", text(&creator));
}

#[test]
fn an_image_changed_in_the_store_is_refused_though_glance_serves_it() {
    let walkthrough = Walkthrough::read();
    let token = CLOUD.token("demo", "demo");
    let signing = CLOUD.secrets(&token).store(&walkthrough.signing);
    let id = CLOUD.images(&token).create(&walkthrough.properties(&signing)).unwrap();
    assert_eq!(CLOUD.images(&token).upload(&id, &fs::read(&walkthrough.image).unwrap()), Upload::Active);
    let image = Image::new(&id);
    assert!(verify(&key_manager(demo()), image.properties(), None, &image.data()).is_ok());

    fs::copy(walkthrough.changed_image("store"), CLOUD.stored(&id)).unwrap();
    let refused = verify(&key_manager(demo()), image.properties(), None, &image.data());
    assert_eq!(refused.unwrap_err().code().name(), "signature_mismatch");
}

#[test]
fn the_command_verifies_an_image_while_it_downloads_it() {
    let walkthrough = Walkthrough::read();
    let token = CLOUD.token("demo", "demo");
    let store = |certificate: &Vec<u8>| CLOUD.secrets(&token).store(certificate);
    let signing = store(&walkthrough.signing);
    let trusted = walkthrough.authorities.each_ref().map(store).join(",");
    let id = CLOUD.images(&token).create(&walkthrough.properties(&signing)).unwrap();
    let data = fs::read(&walkthrough.image).unwrap();
    assert_eq!(CLOUD.images(&token).upload(&id, &data), Upload::Active);

    let folder = Path::new(&setting("STATE")).join("command");
    fs::create_dir_all(&folder).unwrap();
    let longhand = setting("LONGHAND");
    let verify = |name: &str, words: &[&str]| {
        let copy = folder.join(name);
        let output = ["--output", copy.to_str().unwrap()];
        let words = [&["verify", "--image", &id][..], &output, words].concat();
        let run = CLOUD.command("demo", &longhand, &words, None);
        assert!(!text(&run).contains(&CLOUD.password), "{}", text(&run));
        (run.status.code(), fs::read(copy).ok(), text(&run))
    };
    let with_chain = ["--policy", "trusted", "--trusted-image-certificate-id", &trusted];
    let (exit, copy, said) = verify("good", &with_chain);
    assert!(exit == Some(0) && copy.as_ref() == Some(&data), "{exit:?} {said}");
    let (exit, copy, said) =
        verify("untrusted", &["--policy", "trusted", "--trusted-image-certificate-id", &signing]);
    assert!(exit == Some(3) && copy.is_none(), "{exit:?} {said}");

    fs::copy(walkthrough.changed_image("command"), CLOUD.stored(&id)).unwrap();
    let (exit, copy, said) = verify("changed", &with_chain);
    assert!(exit == Some(1) && copy.is_none(), "{exit:?} {said}");

    // The same certificate with a token that somebody else got, and the image from a file.
    let properties = folder.join("properties.json");
    let pairs: BTreeMap<_, _> = walkthrough.properties(&signing).into_iter().collect();
    fs::write(&properties, json!(pairs).to_string()).unwrap();
    let image = walkthrough.image.to_str().unwrap();
    let words = ["verify", "--barbican", &CLOUD.barbican, "--os-token", &token.token, "--properties"];
    let words = [&words[..], &[properties.to_str().unwrap(), image]].concat();
    let run = CLOUD.command("nobody", &longhand, &words, None);
    assert!(run.status.code() == Some(0) && !text(&run).contains(&token.token), "{}", text(&run));
}

#[test]
fn every_way_to_log_in_reads_the_certificate() {
    let token = CLOUD.token("demo", "demo");
    let id = CLOUD.secrets(&token).store(&Walkthrough::read().signing);
    let (credential, secret) = CLOUD.application_credential(&token, "longhand");
    let logins = [
        ("password", demo()),
        ("token", Login::Token { token: token.token.clone().into(), scope: project("demo") }),
        (
            "application credential",
            Login::ApplicationCredential {
                credential: ApplicationCredential::Id(credential.clone()),
                secret: secret.clone().into(),
            },
        ),
        (
            "application credential by name",
            Login::ApplicationCredential {
                credential: ApplicationCredential::Name {
                    name: "longhand".to_owned(),
                    user: User::Name { name: "demo".to_owned(), domain: default_domain() },
                },
                secret: secret.clone().into(),
            },
        ),
    ];
    for (login, with) in logins {
        for (way, key_manager) in ways(&with) {
            let stored = key_manager.certificate(&id);
            assert!(stored.is_ok(), "{login}, {way}: {stored:?}");
        }
    }
    // A service holds its user's token and uses it as it is, also one of an application credential, for which Castellan
    // asks another of Keystone, which gives none.
    let delegated = CLOUD.log_in(&json!({"identity": {
        "methods": ["application_credential"], "application_credential": {"id": credential, "secret": secret},
    }}));
    for held in [&token, &delegated] {
        let held = Barbican::new(client(), &CLOUD.barbican, Token::new(held.token.clone())).unwrap();
        assert!(held.certificate(&id).is_ok());
    }
    let walkthrough = Walkthrough::read();
    let images = CLOUD.images(&delegated);
    let image = images.create(&walkthrough.properties(&id)).unwrap();
    let upload = images.upload(&image, &fs::read(&walkthrough.image).unwrap());
    let Upload::Refused(400, said) = upload else { panic!("{upload:?}") };
    assert!(said.contains("Unable to retrieve certificate with ID"), "{said}");
}

#[test]
fn what_keystone_refuses_is_told_apart() {
    let walkthrough = Walkthrough::read();
    let id = CLOUD.secrets(&CLOUD.token("demo", "demo")).store(&walkthrough.signing);
    let at = |login: Login| Box::new(key_manager(login)) as Box<dyn KeyManager>;
    let token = |token: &str| Box::new(Barbican::new(client(), &CLOUD.barbican, Token::new(token)).unwrap());
    let region = ServiceFilter::key_manager().region("Nowhere");
    let cases: [(&str, Box<dyn KeyManager>, &str); 6] = [
        ("a wrong password", at(password_of("demo", "wrong", project("demo"))), "key_manager_misconfigured"),
        (
            "a project of others",
            at(password_of("demo", &CLOUD.password, project("other"))),
            "key_manager_misconfigured",
        ),
        (
            "a stranger",
            at(password_of("stranger", &CLOUD.password, project("other"))),
            "certificate_forbidden",
        ),
        (
            "the role creator alone",
            at(password_of("creator", &CLOUD.password, project("demo"))),
            "certificate_forbidden",
        ),
        ("a token that is none", token("gAAAAABnonsense"), "certificate_forbidden"),
        (
            "no such region",
            Box::new(Barbican::in_catalogue(session(demo()), region)),
            "key_manager_misconfigured",
        ),
    ];
    for (case, key_manager, code) in cases {
        let error = key_manager.certificate(&id).unwrap_err();
        assert_eq!(error.code().name(), code, "{case}: {error}");
        assert!(!format!("{error:?}").contains(&CLOUD.password), "{case}");
    }
}

/// Every case of `test-vectors/openssl`, uploaded to Glance, whose verdict is beside ours.
#[test]
fn glance_and_we_come_to_the_verdicts_of_the_vectors() {
    let cases = vectors::read();
    let token = CLOUD.token("demo", "demo");
    let (secrets, images) = (CLOUD.secrets(&token), CLOUD.images(&token));
    let ours = Barbican::new(client(), &CLOUD.barbican, Token::new(token.token.clone())).unwrap();
    let mut stored = BTreeMap::new();
    let mut wrong = Vec::new();
    for case in &cases {
        let properties = case.properties(|file, certificate| {
            let store = || secrets.store(certificate);
            stored.entry(file.to_owned()).or_insert_with(store).clone()
        });
        let image = images.create(&properties).unwrap();
        let glance = images.upload(&image, &case.data);
        let us = verify(&ours, properties, None, &case.data).map_err(|error| error.code().name());
        if us.is_ok() != case.is_good || (glance == Upload::Active) != case.glance_accepts() {
            wrong.push(format!("{}: we {us:?}, Glance {glance:?}", case.id));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert_eq!(cases.len(), 466);
}

#[test]
fn glance_reads_no_certificate_in_der_or_as_text_and_we_do() {
    let walkthrough = Walkthrough::read();
    let token = CLOUD.token("demo", "demo");
    let secrets = CLOUD.secrets(&token);
    let data = fs::read(&walkthrough.image).unwrap();
    for (form, id, status) in [
        ("DER", secrets.store(&walkthrough.signing_certificate().der()), 400),
        ("text/plain", secrets.store_text(&walkthrough.signing_pem()), 500),
    ] {
        let properties = walkthrough.properties(&id);
        let image = CLOUD.images(&token).create(&properties).unwrap();
        let upload = CLOUD.images(&token).upload(&image, &data);
        assert!(matches!(upload, Upload::Refused(said, _) if said == status), "{form}: {upload:?}");
        let verified = verify(&key_manager(demo()), properties, None, &data);
        assert!(verified.is_ok(), "{form}: {verified:?}");
    }
}
