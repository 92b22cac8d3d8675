//! Verifies an image with certificates from Barbican, the credentials taken from `OS_CLOUD` or the `OS_*` variables.
//!
//! ```console
//! $ openstack image show -f json ID > image.json
//! $ cargo run -p longhand-barbican --features clouds --example barbican -- image.json image.qcow2 TRUSTED_ID…
//! ```
//!
//! Without trusted ids the signature alone is verified.

use std::collections::HashMap;
use std::error::Error;
use std::fs::File;
use std::process::ExitCode;

use longhand::pki_types::UnixTime;
use longhand::{CertificateCache, Decision, ImageRequest, ImageVerifier, VerificationPolicy};
use longhand_barbican::clouds::{Cloud, Environment, SearchPath};
use longhand_barbican::http::{BlockingTransport, Client};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(record), Some(image)) = (arguments.next(), arguments.next()) else {
        return Err("usage: barbican PROPERTIES.json IMAGE [TRUSTED_ID]…".into());
    };
    let trusted_ids: Vec<String> = arguments.collect();

    // Once for a service: the cloud, its connection with one login, the cache.
    let environment: Environment = std::env::vars().collect();
    let cloud = Cloud::find(None, &environment, &SearchPath::of_openstacksdk(".", &environment))?;
    let connection = cloud.connect(Client::new(BlockingTransport::new(&cloud.tls()?)))?;
    let cache = CertificateCache::new(1000, std::time::Duration::from_secs(60), std::time::Instant::now);

    // For each request. A service with its user's token: connection.key_manager()?.on_behalf_of(Token::new(token)).
    let key_manager = cache.scope("whose token it is", connection.key_manager()?);
    let image_properties = image_properties(&record)?;
    let request = ImageRequest::new(&record, image_properties).at(UnixTime::now());
    let (policy, request) = match trusted_ids.as_slice() {
        [] => (VerificationPolicy::required(), request),
        _ => (VerificationPolicy::trusted(), request.trusted_ids(trusted_ids)),
    };
    let images = ImageVerifier::builder().policy(policy).build();
    match images.begin(&key_manager, request)? {
        Decision::Verify(mut verification) => {
            std::io::copy(&mut File::open(image)?, &mut verification)?;
            println!("{}", verification.verify()?);
            Ok(())
        }
        other => Err(other.to_string().into()),
    }
}

/// The properties of the image record, as `openstack image show -f json` prints it.
fn image_properties(file: &str) -> Result<HashMap<String, String>, Box<dyn Error>> {
    let record: serde_json::Value = serde_json::from_reader(File::open(file)?)?;
    let properties = record.get("properties").and_then(|properties| properties.as_object());
    let properties = properties.ok_or("the record has no properties")?;
    let texts =
        properties.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    Ok(texts.collect())
}
