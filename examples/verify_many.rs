//! Verifies many signed images together: a list of folders, each with an image, its properties and its certificate.
//!
//! `cargo run --example verify_many` verifies the images of two guides' walkthroughs.

#![allow(clippy::indexing_slicing, reason = "an example may panic")]

use std::collections::HashMap;
use std::error::Error;
use std::fs::File;
use std::thread::available_parallelism;

use longhand::{BatchVerifier, DirectoryKeyManager, KeyManager, SignatureProperties, SignatureVerifier};

const WALKTHROUGHS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/test-vectors/walkthrough");
const GUIDES: [&str; 2] = ["glance", "nova"];

fn main() -> Result<(), Box<dyn Error>> {
    let images = GUIDES.iter().map(|guide| image(guide)).collect::<Result<Vec<_>, _>>()?;
    let threads = available_parallelism()?.get();
    for (place, verdict) in BatchVerifier::new(threads).verdicts(images) {
        match verdict {
            Ok(verified) => println!("{}: {verified}", GUIDES[place]),
            Err(refused) => println!("{}: {refused}", GUIDES[place]),
        }
    }
    Ok(())
}

/// What a batch takes: a verifier and where the bytes come from.
fn image(guide: &str) -> Result<(SignatureVerifier, File), Box<dyn Error>> {
    let folder = format!("{WALKTHROUGHS}/{guide}");
    let record: serde_json::Value =
        serde_json::from_slice(&std::fs::read(format!("{folder}/properties.json"))?)?;
    let properties = record["properties"].as_object().ok_or("no properties")?;
    let properties: HashMap<_, _> =
        properties.iter().filter_map(|(name, value)| Some((name, value.as_str()?))).collect();
    let properties = SignatureProperties::from_properties(properties)?.ok_or("not signed")?;
    let key_manager = DirectoryKeyManager::new(format!("{folder}/certs"));
    let stored = key_manager.certificate(properties.certificate_id())?;
    Ok((
        SignatureVerifier::new(&properties, &stored.certificate)?,
        File::open(format!("{folder}/image.qcow2"))?,
    ))
}
