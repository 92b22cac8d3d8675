//! Cursive's own unit tests, step by step: each entry of `test-vectors/cursive/unit_tests.json` against our API.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

mod common;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::chain::time;
use common::hex;
use longhand::{
    Certificate, CertificateValidator, ChainCertificate, ChainError, ChainPolicy, DateStatus, ErrorCode,
    HashMethod, KeyManager, KeyManagerError, KeyType, MemoryKeyManager, PropertyError, SignatureProperties,
    SignatureVerifier, StoredCertificate, Timestamp, TrustStore, VerifiedChain, VerifierOptions,
};
use serde_json::{Value, json};

/// A call of one of Cursive's functions, and what came of it there.
#[derive(Debug, serde::Deserialize)]
struct Step {
    test: String,
    op: String,
    inputs: Value,
    expected: BTreeMap<String, Value>,
}

/// A step that cannot be taken here or ends otherwise, on purpose. One that ends as Cursive says fails.
struct Exception {
    test: &'static str,
    /// Which step of the test, from 0.
    step: usize,
    reason: &'static str,
}

const EXCEPTIONS: &[Exception] = &[
    Exception {
        test: "test_is_issuer_with_invalid_certs",
        step: 0,
        reason: "a certificate that is none cannot be asked about: validate() takes a Certificate",
    },
    Exception {
        test: "test_is_issuer_with_invalid_certs",
        step: 1,
        reason: "a trusted certificate that is none cannot be given: TrustStore holds Certificates",
    },
    Exception {
        test: "test_context_update_with_invalid_certificate",
        step: 0,
        reason: "a certificate that is none cannot be given: validate() takes a Certificate",
    },
    Exception {
        test: "test_get_verifier_none",
        step: 0,
        reason: "a key that is none cannot be given: SignatureVerifier takes its key from the Certificate",
    },
];

/// Cursive's words, or the exception's name where it has none, and the errors that stand for them here.
const REFUSALS: &[(&str, &[ErrorCode])] = &[
    ("Certificate chain building failed", &[ErrorCode::ChainRootNotTrusted, ErrorCode::TrustStoreEmpty]),
    ("Certificate validation failed. The signing certificate", &[ErrorCode::ChainPathLength]),
    ("The certificate is outside its valid date range", &[ErrorCode::ChainExpired]),
    ("Required image properties for signature verification do not exist", &[ErrorCode::PropertiesIncomplete]),
    ("Invalid signature key type", &[ErrorCode::KeyTypeUnknown]),
    ("Invalid signature hash method", &[ErrorCode::HashMethodUnknown]),
    ("Invalid public key type for signature key type", &[ErrorCode::KeyTypeMismatch]),
    ("The signature data was not properly encoded using base64", &[ErrorCode::SignatureNotBase64]),
    ("Unable to retrieve certificate with ID", &[ErrorCode::KeyManagerUnavailable]),
    ("Invalid certificate format", &[ErrorCode::CertificateFormatUnsupported]),
    ("Certificate not found with ID", &[ErrorCode::CertificateNotFound]),
    // The signature of the step has three octets.
    ("InvalidSignature", &[ErrorCode::SignatureLength]),
];

/// An error of ours.
#[derive(Debug, PartialEq)]
struct Refusal {
    code: ErrorCode,
    text: String,
}

/// What a step comes to, in the words of the file; `None` if it cannot be taken.
type Taken = Option<Result<Value, Refusal>>;

/// The same of any of our errors.
macro_rules! refusal {
    () => {
        |error| Refusal { code: error.code(), text: error.to_string() }
    };
}

fn text<'a>(inputs: &'a Value, name: &str) -> &'a str {
    inputs[name].as_str().unwrap_or_else(|| panic!("{name} of {inputs}"))
}

fn decoded(inputs: &Value, name: &str) -> Vec<u8> {
    STANDARD.decode(text(inputs, name)).unwrap()
}

fn file(name: &str) -> Certificate {
    let path = common::vectors().join("cursive/certificates").join(name);
    Certificate::from_bytes(&std::fs::read(path).unwrap()).unwrap()
}

/// The certificate in a file that an input names, if it names one.
fn named(inputs: &Value, name: &str) -> Option<Certificate> {
    inputs[name].as_str().map(file)
}

/// The trusted set of a step: what is no certificate is an object that the key manager cannot read.
fn trusted(inputs: &Value) -> Option<TrustStore> {
    let members = inputs["trusted"].as_array().unwrap();
    let ids: Vec<_> = members.iter().map(|member| member[0].as_str().unwrap()).collect();
    let readable = members.iter().filter_map(|member| {
        Some((member[0].as_str().unwrap(), StoredCertificate::new(file(member[1].as_str()?))))
    });
    let key_manager: MemoryKeyManager = readable.collect();
    (!ids.is_empty()).then(|| TrustStore::from_key_manager(&key_manager, &ids).unwrap())
}

fn policy(inputs: &Value) -> ChainPolicy {
    let enforce = serde_json::from_value(inputs["enforce"].clone()).unwrap_or_default();
    common::chain::policy("cursive", &enforce)
}

fn validator(inputs: &Value, at: &str) -> CertificateValidator {
    let builder = CertificateValidator::builder().policy(policy(inputs)).at(time(text(inputs, at)));
    match trusted(inputs) {
        Some(store) => builder.trusted(store).build(),
        None => builder.build(),
    }
}

fn is_within_valid_dates(inputs: &Value) -> Taken {
    let at = Timestamp::from(time(text(inputs, "at")));
    let status = named(inputs, "certificate")?.validity().status(at);
    Some(Ok(json!({ "returns": status == DateStatus::Valid })))
}

/// Whether one certificate signed the other, and nothing else: all that Cursive can enforce is off.
fn issued(issuing: &Certificate, issued: &Certificate) -> Result<VerifiedChain, ChainError> {
    let policy = ChainPolicy::cursive()
        .enforce_valid_dates(false)
        .enforce_signing_extensions(false)
        .enforce_path_length(false)
        .partial_chain(true);
    let store = TrustStore::from_certificates([("issuing", issuing.clone())]);
    CertificateValidator::builder().policy(policy).trusted(store).build().validate(issued)
}

fn is_issuer(inputs: &Value) -> Taken {
    let (issuing, child) = (named(inputs, "issuing")?, named(inputs, "issued")?);
    Some(Ok(json!({ "returns": issued(&issuing, &child).is_ok() })))
}

fn verify_certificate_signature(inputs: &Value) -> Taken {
    let (signing, certificate) = (named(inputs, "signing")?, named(inputs, "certificate")?);
    Some(issued(&signing, &certificate).map(|_| json!({ "returns": null })).map_err(refusal!()))
}

fn can_sign_certificates(inputs: &Value) -> Taken {
    let store = TrustStore::from_certificates([(text(inputs, "id"), named(inputs, "certificate")?)]);
    let policy = ChainPolicy::cursive().enforce_valid_dates(false);
    let validator = CertificateValidator::builder().policy(policy).trusted(store).build();
    Some(Ok(json!({ "returns": validator.skipped().is_empty() })))
}

fn context_new(inputs: &Value) -> Taken {
    let members = inputs["trusted"].as_array().unwrap().len();
    let skipped = validator(inputs, "at").skipped().len();
    Some(Ok(json!({ "signing_certificates": members - skipped, "logged": skipped })))
}

/// Cursive's `update` judges the signing certificate alone; here that comes first in `validate`.
fn context_update(inputs: &Value) -> Taken {
    let certificate = named(inputs, "certificate")?;
    let at = if inputs.get("at_update").is_some() { "at_update" } else { "at" };
    Some(match validator(inputs, at).validate(&certificate) {
        Err(error @ ChainError::SigningCertificate { .. }) => Err(error).map_err(refusal!()),
        _ => Ok(json!({ "returns": null })),
    })
}

fn context_verify(inputs: &Value) -> Taken {
    let id = inputs["id"].as_str();
    let signer = ChainCertificate::new(named(inputs, "certificate")?, id);
    let judged = validator(inputs, "at").validate_stored(&signer, &[]);
    Some(judged.map(|_| json!({ "returns": null })).map_err(refusal!()))
}

/// A property that is null is one that is not there.
fn properties(inputs: &Value) -> BTreeMap<String, String> {
    let given = inputs["properties"].as_object().unwrap().iter();
    given.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

/// Cursive looks whether the four are there, not what they say.
fn should_create_verifier(inputs: &Value) -> Taken {
    let read = SignatureProperties::from_properties(properties(inputs));
    let missing = matches!(read, Ok(None) | Err(PropertyError::Incomplete { .. }));
    Some(Ok(json!({ "returns": !missing })))
}

fn verify_image(inputs: &Value) -> Taken {
    let certificate = Certificate::from_der(&decoded(inputs, "certificate_der_base64")).unwrap();
    let properties = properties(inputs);
    let id = properties["img_signature_certificate_uuid"].clone();
    let key_manager: MemoryKeyManager = [(id, StoredCertificate::new(certificate))].into_iter().collect();
    let image = hex(text(inputs, "image_hex"));
    let judged = common::verify(&properties, &key_manager, &image, VerifierOptions::new());
    let refused = |code| Refusal { code, text: String::new() };
    Some(judged.map(|_| json!({ "returns": null })).map_err(refused))
}

fn get_verifier(inputs: &Value) -> Taken {
    if inputs.get("public_key") == Some(&Value::Null) {
        return None;
    }
    let read = SignatureProperties::from_properties(properties(inputs));
    Some(read.map(|properties| json!({ "returns": properties.is_some() })).map_err(refusal!()))
}

/// Properties that can be read, but for the one that a step is about.
fn properties_with(name: &str, value: &str) -> Result<SignatureProperties, PropertyError> {
    let good = [
        ("img_signature", "QUJD"),
        ("img_signature_hash_method", "SHA-256"),
        ("img_signature_key_type", "RSA-PSS"),
        ("img_signature_certificate_uuid", "id"),
    ];
    let given = good.map(|(known, good)| (known, if known == name { value } else { good }));
    SignatureProperties::from_properties(given).map(Option::unwrap)
}

fn get_signature(inputs: &Value) -> Taken {
    let read = properties_with("img_signature", text(inputs, "data"));
    let digits = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    let returned = read.map(|properties| json!({ "returns_hex": digits(properties.signature()) }));
    Some(returned.map_err(refusal!()))
}

fn get_hash_method(inputs: &Value) -> Taken {
    let name = text(inputs, "name");
    let read = properties_with("img_signature_hash_method", name);
    assert_eq!(read.is_ok(), HashMethod::from_word(name).is_some(), "{name}");
    let returned = read.map(|properties| json!({ "returns": properties.hash_method().as_str() }));
    Some(returned.map_err(refusal!()))
}

fn key_type_lookup(inputs: &Value) -> Taken {
    let name = text(inputs, "name");
    let read = properties_with("img_signature_key_type", name);
    assert_eq!(read.is_ok(), KeyType::from_word(name).is_some(), "{name}");
    let returned = read.map(|properties| json!({ "returns": properties.key_type().as_str() }));
    Some(returned.map_err(refusal!()))
}

fn get_public_key(inputs: &Value) -> Taken {
    let key_type = text(inputs, "key_type");
    let certificate = Certificate::from_der(&decoded(inputs, "certificate_der_base64")).unwrap();
    // A signature of the right shape: what has none is refused as well.
    let signature = if key_type == "RSA-PSS" { vec![1; 128] } else { hex("3006020101020101") };
    let signature = STANDARD.encode(signature);
    let properties = SignatureProperties::from_properties([
        ("img_signature", signature.as_str()),
        ("img_signature_hash_method", "SHA-256"),
        ("img_signature_key_type", key_type),
        ("img_signature_certificate_uuid", "id"),
    ]);
    let key = STANDARD.encode(certificate.subject_public_key_info());
    let verifier = SignatureVerifier::new(&properties.unwrap().unwrap(), &certificate);
    Some(verifier.map(|_| json!({ "returns_spki_base64": key })).map_err(refusal!()))
}

fn get_certificate(inputs: &Value) -> Taken {
    let id = text(inputs, "id");
    let object = inputs["store"].get(id);
    let fetched = match object {
        Some(object) => {
            let octets = object["der_base64"].as_str().unwrap_or_default();
            let octets = STANDARD.decode(octets).unwrap();
            StoredCertificate::from_managed_object(id, text(object, "format"), &octets)
        }
        None if inputs.get("store_error").is_some() => {
            Err(KeyManagerError::unavailable(id, text(inputs, "store_error")))
        }
        None => MemoryKeyManager::new().certificate(id),
    };
    let der = |stored: StoredCertificate| STANDARD.encode(stored.certificate.der());
    Some(fetched.map(|stored| json!({ "returns_der_base64": der(stored) })).map_err(refusal!()))
}

fn take(step: &Step) -> Taken {
    let function = match step.op.as_str() {
        "is_within_valid_dates" => is_within_valid_dates,
        "is_issuer" => is_issuer,
        "can_sign_certificates" => can_sign_certificates,
        "verify_certificate_signature" => verify_certificate_signature,
        "context_new" => context_new,
        "context_update" => context_update,
        // Cursive's verify_certificate is new, update and verify of a context.
        "verify_certificate" | "context_verify" => context_verify,
        "should_create_verifier" => should_create_verifier,
        "get_verifier" => get_verifier,
        "get_certificate" => get_certificate,
        "get_hash_method" => get_hash_method,
        "key_type_lookup" => key_type_lookup,
        "get_signature" => get_signature,
        "get_public_key" => get_public_key,
        "verify_image" => verify_image,
        other => panic!("{other}"),
    };
    function(&step.inputs)
}

/// Holds what came of a step against what Cursive says; an error must be the one that stands for Cursive's.
fn compare(expected: &BTreeMap<String, Value>, taken: &Result<Value, Refusal>) -> Result<(), String> {
    let Some(error) = expected.get("error") else {
        let mut returned = serde_json::Map::from_iter(expected.clone());
        let levels = returned.remove("log").unwrap_or_else(|| json!({}));
        if returned.contains_key("signing_certificates") {
            let logged: u64 = levels.as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
            returned.insert("logged".to_owned(), json!(logged));
        }
        return match taken {
            Ok(value) if *value == Value::Object(returned) => Ok(()),
            other => Err(format!("came to {other:?}")),
        };
    };
    let message = expected.get("message").or_else(|| expected.get("message_regex")).unwrap_or(error);
    let message = message.as_str().unwrap();
    let (words, codes) = REFUSALS.iter().find(|(words, _)| message.starts_with(words)).unwrap();
    match taken {
        Err(refusal) if !codes.contains(&refusal.code) => Err(format!("was refused with {refusal:?}")),
        Err(refusal) if *words == CHAIN_FAILED && !refusal.text.starts_with(words) => {
            Err(format!("does not begin as Cursive does: {}", refusal.text))
        }
        Err(_) => Ok(()),
        Ok(value) => Err(format!("came to {value}, not {message}")),
    }
}

/// The one beginning that other projects' tests look for, of those here.
const CHAIN_FAILED: &str = "Certificate chain building failed";

/// What came of all steps.
#[derive(Debug, Default, PartialEq)]
struct Tally {
    as_cursive: usize,
    excepted: usize,
}

#[test]
fn every_step_ends_as_in_cursive() {
    let file = std::fs::read(common::vectors().join("cursive/unit_tests.json")).unwrap();
    let file: Value = serde_json::from_slice(&file).unwrap();
    let steps: Vec<Step> = serde_json::from_value(file["tests"].clone()).unwrap();
    let (mut tally, mut wrong) = (Tally::default(), Vec::new());
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    for step in &steps {
        let number = numbers.entry(&step.test).or_default();
        let is_this = |exception: &&Exception| exception.test == step.test && exception.step == *number;
        let exception = EXCEPTIONS.iter().find(is_this);
        let name = format!("{} #{number} ({})", step.test, step.op);
        *number += 1;
        let taken = take(step);
        let compared = taken.map(|taken| compare(&step.expected, &taken));
        match (exception, compared) {
            (None, Some(Ok(()))) => tally.as_cursive += 1,
            (None, Some(Err(why))) => wrong.push(format!("{name}: {why}")),
            (None, None) => wrong.push(format!("{name}: cannot be taken, and is no exception")),
            (Some(_), Some(Ok(()))) => {
                wrong.push(format!("{name}: ends as in Cursive, but is an exception"));
            }
            (Some(exception), _) => {
                assert!(!exception.reason.is_empty(), "{name}");
                tally.excepted += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), steps.len(), wrong.join("\n"));
    // 88 steps: 84 of 84 as in Cursive, 4 cannot be taken.
    assert_eq!(tally, Tally { as_cursive: 84, excepted: 4 });
    assert_eq!((steps.len(), EXCEPTIONS.len()), (88, 4));
}
