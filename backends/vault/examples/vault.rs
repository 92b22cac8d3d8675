//! Verifies an image, and the certificate behind it, with certificates from a Vault or an OpenBao.
//!
//! The image is that of Nova's walkthrough, its certificates are in `test-vectors/walkthrough/nova/certs`; put them there with
//! `bao kv put secret/ID certificate=@ID.crt`, or have Castellan store them. Then, with `VAULT_ADDR` and `VAULT_TOKEN` (and
//! `VAULT_NAMESPACE` and `VAULT_CACERT`) as for the command `bao`: `cargo run -p longhand-vault --example vault`.

use std::collections::HashMap;
use std::env;
use std::error::Error;
use std::fs::File;
use std::time::{Duration, Instant};

use longhand::pki_types::UnixTime;
use longhand::{CertificateCache, Decision, ImageRequest, ImageVerifier, VerificationPolicy};
use longhand_http::{BlockingTransport, Client, Endpoint, SecretString, Tls};
use longhand_vault::{Vault, VaultSettings};

const WALKTHROUGH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../test-vectors/walkthrough/nova");

/// What the user gave with the request for an instance: `trusted_image_certificates`.
const TRUSTED_IDS: [&str; 3] = [
    "0b5d2c72-12cc-4ba6-a8d7-3ff5cc1d8cb8",
    "674736e3-f25c-405c-8362-bbf991e0ce0a",
    "8fbcce5d-d646-4295-ba8a-269fc9451eeb",
];

fn main() -> Result<(), Box<dyn Error>> {
    // Once in the life of a service: connections, token and cache are shared by what is cloned from these.
    let vault = vault()?;
    let cache = CertificateCache::new(200, Duration::from_secs(300), Instant::now);
    let images = ImageVerifier::builder().policy(VerificationPolicy::trusted()).build();

    // Once for each image.
    let image_properties = image_properties()?; // from the image service
    let mut image = File::open(format!("{WALKTHROUGH}/image.qcow2"))?; // or a network stream
    let key_manager = cache.scope("this service", vault);
    let request = ImageRequest::new("7367373f-3235-5af9-9d0b-b3bec8a2cca4", image_properties);
    match images.begin(&key_manager, request.trusted_ids(TRUSTED_IDS).at(UnixTime::now()))? {
        Decision::Verify(mut verification) => {
            std::io::copy(&mut image, &mut verification)?;
            println!("{}", verification.verify()?);
            Ok(())
        }
        other => Err(other.to_string().into()),
    }
}

/// The Vault that the environment names.
fn vault() -> Result<Vault<BlockingTransport>, Box<dyn Error>> {
    let address = env::var("VAULT_ADDR").map_err(|_| "VAULT_ADDR names no Vault")?;
    let token = SecretString::from(env::var("VAULT_TOKEN").map_err(|_| "there is no VAULT_TOKEN")?);
    let mut settings = VaultSettings::new(Endpoint::parse(&address)?, token);
    if let Ok(namespace) = env::var("VAULT_NAMESPACE") {
        settings = settings.namespace(&namespace)?;
    }
    let tls = match env::var_os("VAULT_CACERT") {
        Some(file) => Tls::with_ca_file(file)?,
        None => Tls::system(),
    };
    Ok(Vault::new(Client::new(BlockingTransport::new(&tls)), settings))
}

/// What the image service would give: the properties of the image record, as text.
fn image_properties() -> Result<HashMap<String, String>, Box<dyn Error>> {
    let record: serde_json::Value =
        serde_json::from_slice(&std::fs::read(format!("{WALKTHROUGH}/properties.json"))?)?;
    let properties = record.get("properties").and_then(|properties| properties.as_object());
    let texts = properties
        .ok_or("no properties")?
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    Ok(texts.collect())
}
