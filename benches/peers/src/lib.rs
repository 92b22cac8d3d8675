//! What the benchmark and the differential test share: the vectors, and OpenSSL's way from a certificate to a verdict.

use std::path::{Path, PathBuf};

use longhand::{Certificate, HashMethod, SignatureProperties};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{HasPublic, Id, PKeyRef};
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Verifier};
use openssl::x509::X509;

/// `RSA_PSS_SALTLEN_AUTO`: OpenSSL finds the length, as `longhand` does.
pub const ANY_SALT: i32 = -2;

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("benches/peers is two below the root")
        .to_owned()
}

/// A good case of `test-vectors/openssl`.
#[derive(Clone)]
pub struct Good {
    pub id: String,
    pub properties: SignatureProperties,
    pub certificate: Vec<u8>,
    pub image: Vec<u8>,
}

/// The good cases, in the order of the file.
pub fn good_cases() -> Vec<Good> {
    let folder = root().join("test-vectors/openssl");
    let cases =
        std::fs::read_to_string(folder.join("cases.jsonl")).expect("the vectors lie in the repository");
    let cases =
        cases.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a case is JSON"));
    let good = cases.filter(|case| case["expect"] == "good" && case["options"].is_null());
    good.map(|case| {
        let octets = |place: &serde_json::Value| match place["file"].as_str() {
            Some(file) => std::fs::read(folder.join(file)).expect("the file lies beside the cases"),
            None => {
                let digits = place["hex"].as_str().unwrap_or_default();
                let octet = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hex digits");
                (0..digits.len()).step_by(2).map(octet).collect()
            }
        };
        let properties = case["properties"].as_object().expect("an object");
        let properties = properties.iter().filter_map(|(name, value)| Some((name, value.as_str()?)));
        let properties = SignatureProperties::from_properties(properties).expect("good").expect("signed");
        let stored = &case["certificates"];
        let named = ["pem", "der", "crt"].map(|kind| format!("{}.{kind}", properties.certificate_id()));
        let stored = named.iter().find_map(|name| stored.get(name)).expect("the certificate is there");
        let certificate = Certificate::from_bytes(&octets(stored)).expect("good").der().to_vec();
        Good {
            id: case["id"].as_str().unwrap_or_default().to_owned(),
            properties,
            certificate,
            image: octets(&case["image"]),
        }
    })
    .collect()
}

/// OpenSSL's name for a hash method.
pub fn message_digest(hash_method: HashMethod) -> MessageDigest {
    match hash_method {
        HashMethod::Sha224 => MessageDigest::sha224(),
        HashMethod::Sha256 => MessageDigest::sha256(),
        HashMethod::Sha384 => MessageDigest::sha384(),
        HashMethod::Sha512 => MessageDigest::sha512(),
        other => unreachable!("{other} is not documented"),
    }
}

pub fn is_rsa(key: &PKeyRef<impl HasPublic>) -> bool {
    [Id::RSA, Id::RSA_PSS].contains(&key.id())
}

/// `d2i_X509`, `X509_get_pubkey`, `EVP_DigestVerify`. An error is a no too; the caller may look at it.
pub fn openssl_verdict(
    certificate: &[u8],
    hash_method: HashMethod,
    signature: &[u8],
    image: &[u8],
    salt_length: i32,
) -> Result<bool, ErrorStack> {
    let key = X509::from_der(certificate)?.public_key()?;
    let mut verifier = Verifier::new(message_digest(hash_method), &key)?;
    if is_rsa(&key) {
        verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
        verifier.set_rsa_pss_saltlen(RsaPssSaltlen::custom(salt_length))?;
    }
    verifier.verify_oneshot(signature, image)
}
