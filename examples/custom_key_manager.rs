//! A key manager of one's own, over whatever store a service has.
//!
//! `cargo run --example custom_key_manager`

#![allow(clippy::indexing_slicing, clippy::expect_used, reason = "an example may panic")]

use std::collections::HashMap;
use std::error::Error;

use longhand::{Disposition, KeyManager, KeyManagerError, StoredCertificate};

/// Secrets behind a token, as one request sees them: the value is cheap and holds that request's credentials.
#[derive(Debug)]
struct Vault<'a> {
    token: &'a str,
    secrets: &'a HashMap<String, Secret>,
}

#[derive(Debug)]
struct Secret {
    owner: String,
    format: String,
    payload: Vec<u8>,
}

impl KeyManager for Vault<'_> {
    fn certificate(&self, id: &str) -> Result<StoredCertificate, KeyManagerError> {
        if self.token.is_empty() {
            return Err(KeyManagerError::unavailable(id, "the vault is sealed")); // worth another try
        }
        if id.contains(['/', '\\', '.']) {
            return Err(KeyManagerError::invalid_id(id, "it must be one plain word")); // the id is a tenant's text
        }
        let secret = self.secrets.get(id).ok_or_else(|| KeyManagerError::not_found(id))?;
        if secret.owner != self.token {
            return Err(KeyManagerError::forbidden(id, "not this tenant's secret")); // for an operator
        }
        StoredCertificate::from_managed_object(id, &secret.format, &secret.payload)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let id = "cd7cc675-e573-419c-8fff-33a72734a243";
    let file = format!("{}/test-vectors/walkthrough/glance/certs/{id}.crt", env!("CARGO_MANIFEST_DIR"));
    let certificate = std::fs::read(file)?;
    let secret =
        |format: &str| Secret { owner: "alice".into(), format: format.into(), payload: certificate.clone() };
    let secrets = HashMap::from([(id.to_owned(), secret("X.509")), ("odd".to_owned(), secret("X_509"))]);

    let alice = Vault { token: "alice", secrets: &secrets };
    println!("alice reads {}", alice.certificate(id)?.certificate.subject());
    for (token, id, expected) in [
        ("alice", "nothing", Disposition::Final),
        ("alice", "../../sys/mounts", Disposition::Final),
        ("alice", "odd", Disposition::Final),
        ("mallory", id, Disposition::Operator),
        ("", id, Disposition::Retry),
    ] {
        let error = Vault { token, secrets: &secrets }.certificate(id).expect_err("refused");
        println!("{:>8}: {error}", error.disposition().as_str());
        assert_eq!(error.disposition(), expected);
    }
    Ok(())
}
