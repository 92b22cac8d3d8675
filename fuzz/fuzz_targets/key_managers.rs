//! Barbican with Keystone, and Vault, over a transport whose answers are the input.
//!
//! A secret goes to its own host and nowhere else, requests are few, a certificate is one that was answered, and an error
//! shows neither a secret nor what acts on a terminal.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use longhand::{KeyManager, KeyManagerError, StoredCertificate};
use longhand_barbican::http::{Client, Endpoint};
use longhand_barbican::keystone::{Domain, KeystoneSession, Login, Project, Scope, ServiceFilter, User};
use longhand_barbican::{Barbican, Token};
use longhand_fuzz::fields;
use longhand_fuzz::script::{Script, Secret};
use longhand_vault::{KvVersion, Vault, VaultSettings};

/// Choices, the id, the answers.
const FIELDS: usize = 8;

const TOKEN: &str = "gAAAAABtoken-of-the-service-0123456789";
const PASSWORD: &str = "correct-horse-battery-staple-0123456789";
const BARBICAN: &[Secret] = &[(TOKEN, "barbican.example")];
const KEYSTONE: &[Secret] = &[(PASSWORD, "keystone.example"), (TOKEN, "barbican.example")];
const VAULT: &[Secret] = &[(TOKEN, "vault.example"), (PASSWORD, "vault.example")];

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    fields::mutate::<FIELDS>(data, size, max_size, seed, &[])
});

fuzz_target!(|input: &[u8]| {
    let [choices, id, answers @ ..] = fields::split::<FIELDS>(input);
    let choice = choices.first().copied().unwrap_or(0);
    let id = String::from_utf8_lossy(id);
    let outcome = match choice % 6 {
        0 => barbican(&answers, &id),
        1 => barbican_with_keystone(&answers, &id, choice & 0x40 != 0),
        2 => barbican_in_catalogue(&answers, &id),
        3 => vault(&answers, &id, KvVersion::V1, false),
        4 => vault(&answers, &id, KvVersion::V2, false),
        _ => vault(&answers, &id, KvVersion::V2, true),
    };
    match outcome {
        Ok(stored) => {
            assert!(was_answered(&answers, &stored.certificate.der()), "a certificate of nobody's");
            for helper in &stored.intermediates {
                assert!(was_answered(&answers, &helper.der()), "an intermediate of nobody's");
            }
        }
        Err(error) => {
            let shown = format!("{error} {error:?}");
            assert!(!shown.chars().any(char::is_control), "{shown:?}");
            assert!(shown.len() < 16 * 1024, "{} characters", shown.len());
            for secret in hidden(choice % 6, &answers) {
                assert!(!shown.contains(secret) || id.contains(secret), "{shown}");
            }
        }
    }
});

/// The secrets that no error may show, though a refusal repeats them: those that were sent for it. A login's secret is sent
/// with the first request alone, and what a service gives as an answer is not searched for what it was asked with.
fn hidden(flow: u8, answers: &[&[u8]]) -> Vec<&'static str> {
    let (secrets, refusals) = match flow {
        0 | 3 | 4 => (&[TOKEN][..], answers.len()),
        1 => (&[PASSWORD][..], 1),
        2 => (&[][..], 0),
        _ => (&[TOKEN, PASSWORD][..], 1),
    };
    let may_be_shown = |secret: &str| {
        let says = |answer: &[u8]| answer.windows(secret.len()).any(|part| part == secret.as_bytes());
        let is_refusal = |index: usize, answer: &[u8]| {
            index < refusals && answer.first().is_some_and(|&status| status > 65)
        };
        answers.iter().enumerate().any(|(index, answer)| says(answer) && !is_refusal(index, answer))
    };
    secrets.iter().copied().filter(|secret| !may_be_shown(secret)).collect()
}

fn barbican(answers: &[&[u8]], id: &str) -> Result<StoredCertificate, KeyManagerError> {
    let client = Client::new(Script::new(answers, BARBICAN));
    let barbican = Barbican::new(client, "https://barbican.example/key-manager", Token::new(TOKEN));
    barbican.expect("an address").certificate(id)
}

fn session(answers: &[&[u8]]) -> KeystoneSession<Script> {
    let default = || Domain::Id("default".into());
    let login = Login::Password {
        user: User::Name { name: "nova".into(), domain: default() },
        password: PASSWORD.into(),
        scope: Scope::Project(Project::Name { name: "service".into(), domain: default() }),
    };
    let client = Client::new(Script::new(answers, KEYSTONE));
    KeystoneSession::new(client, "https://keystone.example/v3", login).expect("an address")
}

fn barbican_with_keystone(
    answers: &[&[u8]],
    id: &str,
    as_service_user: bool,
) -> Result<StoredCertificate, KeyManagerError> {
    let session = session(answers);
    let client = session.client().clone();
    let barbican = match as_service_user {
        true => Barbican::new(client, "https://barbican.example", Token::new(TOKEN))
            .map(|barbican| barbican.with_service_user(session)),
        false => Barbican::new(client, "https://barbican.example", session),
    };
    barbican.expect("an address").certificate(id)
}

fn barbican_in_catalogue(answers: &[&[u8]], id: &str) -> Result<StoredCertificate, KeyManagerError> {
    Barbican::in_catalogue(session(answers), ServiceFilter::key_manager()).certificate(id)
}

fn vault(
    answers: &[&[u8]],
    id: &str,
    version: KvVersion,
    logs_in: bool,
) -> Result<StoredCertificate, KeyManagerError> {
    let endpoint = Endpoint::parse("https://vault.example").expect("an address");
    let credentials = match logs_in {
        true => longhand_vault::Login::app_role(TOKEN.into(), Some(PASSWORD.into())).into(),
        false => longhand_vault::Credentials::Token(TOKEN.into()),
    };
    let settings = VaultSettings::new(endpoint, credentials).kv_version(version);
    Vault::new(Client::new(Script::new(answers, VAULT)), settings).certificate(id)
}

/// Whether an answer has this DER: as it is, in PEM, or as a text of its JSON in base64 or hexadecimal.
fn was_answered(answers: &[&[u8]], der: &[u8]) -> bool {
    answers.iter().any(|answer| {
        let body = answer.get(2..).unwrap_or_default();
        let mut texts = vec![String::from_utf8_lossy(body).into_owned()];
        if let Ok(document) = serde_json::from_slice(body) {
            collect_texts(&document, &mut texts);
        }
        body.windows(der.len()).any(|part| part == der) || texts.iter().any(|text| holds(text, der))
    })
}

fn holds(text: &str, der: &[u8]) -> bool {
    let text: String = text.split_ascii_whitespace().collect();
    let hexadecimal: String = der.iter().map(|octet| format!("{octet:02x}")).collect();
    text.contains(&STANDARD.encode(der)) || text.to_ascii_lowercase().contains(&hexadecimal)
}

fn collect_texts(value: &serde_json::Value, texts: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) => texts.push(text.clone()),
        serde_json::Value::Array(values) => values.iter().for_each(|value| collect_texts(value, texts)),
        serde_json::Value::Object(fields) => fields.values().for_each(|value| collect_texts(value, texts)),
        _ => {}
    }
}
