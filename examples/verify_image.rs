//! Verifies a signed image: the ten lines that a service needs.
//!
//! `cargo run --example verify_image` verifies the image of the Glance guide's walkthrough.

#![allow(clippy::indexing_slicing, clippy::expect_used, reason = "an example may panic")]

use std::collections::HashMap;
use std::error::Error;
use std::fs::File;

use longhand::{DirectoryKeyManager, KeyManager, SignatureProperties, SignatureVerifier};

const WALKTHROUGH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/test-vectors/walkthrough/glance");

fn main() -> Result<(), Box<dyn Error>> {
    let image_properties = image_properties()?; // from the image service
    let mut image = File::open(format!("{WALKTHROUGH}/image.qcow2"))?; // or a network stream
    let key_manager = DirectoryKeyManager::new(format!("{WALKTHROUGH}/certs")); // or Barbican

    let Some(properties) = SignatureProperties::from_properties(&image_properties)? else {
        return Err("the image is not signed".into());
    };
    let stored = key_manager.certificate(properties.certificate_id())?;
    let mut verifier = SignatureVerifier::new(&properties, &stored.certificate)?;
    std::io::copy(&mut image, &mut verifier)?;
    let verified = verifier.verify()?;

    println!("{verified}");
    println!("digest {:?}, certificate {}", verified.digest(), verified.certificate_fingerprint());
    Ok(())
}

/// What the image service would give: the properties of the image record, as text.
fn image_properties() -> Result<HashMap<String, String>, Box<dyn Error>> {
    let record = std::fs::read(format!("{WALKTHROUGH}/properties.json"))?;
    let record: serde_json::Value = serde_json::from_slice(&record)?;
    let properties = record["properties"].as_object().ok_or("no properties")?;
    let texts =
        properties.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    Ok(texts.collect())
}
