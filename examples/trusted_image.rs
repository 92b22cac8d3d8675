//! Verifies an image and the certificate behind it: the ten lines that a service needs.
//!
//! `cargo run --example trusted_image` verifies the image of Nova's walkthrough, which a client signed whose certificate
//! chains to a root over two intermediates.

#![allow(clippy::indexing_slicing, clippy::expect_used, reason = "an example may panic")]

use std::collections::HashMap;
use std::error::Error;
use std::fs::File;

use longhand::pki_types::UnixTime;
use longhand::{Decision, DirectoryKeyManager, ImageRequest, ImageVerifier, VerificationPolicy};

const WALKTHROUGH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/test-vectors/walkthrough/nova");

/// What the user gave with the request for an instance: `trusted_image_certificates`.
const TRUSTED_IDS: [&str; 3] = [
    "0b5d2c72-12cc-4ba6-a8d7-3ff5cc1d8cb8",
    "674736e3-f25c-405c-8362-bbf991e0ce0a",
    "8fbcce5d-d646-4295-ba8a-269fc9451eeb",
];

fn main() -> Result<(), Box<dyn Error>> {
    let image_properties = image_properties()?; // from the image service
    let mut image = File::open(format!("{WALKTHROUGH}/image.qcow2"))?; // or a network stream
    let key_manager = DirectoryKeyManager::new(format!("{WALKTHROUGH}/certs")); // or Barbican

    let images = ImageVerifier::builder().policy(VerificationPolicy::trusted()).build();
    let request = ImageRequest::new("7367373f-3235-5af9-9d0b-b3bec8a2cca4", image_properties);
    match images.begin(&key_manager, request.trusted_ids(TRUSTED_IDS).at(UnixTime::now()))? {
        Decision::Verify(mut verification) => {
            std::io::copy(&mut image, &mut verification)?;
            let verified = verification.verify()?;
            println!("{verified}");
        }
        other => return Err(other.to_string().into()),
    }
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
