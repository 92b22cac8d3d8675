//! Downloads an image from Glance with reqwest and verifies it on its way, with certificates from Barbican: both of the
//! cloud that `OS_CLOUD` or the `OS_*` variables name. FILE stands there once the image is verified, and not before.
//!
//! ```console
//! $ cargo run -p longhand-barbican --features clouds,tokio --example async_download -- IMAGE_ID FILE TRUSTED_ID…
//! ```

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use longhand::pki_types::UnixTime;
use longhand::{
    AsyncDestination, Decision, HoldBackAsyncWriter, ImageRequest, ImageVerifier, VerificationPolicy,
};
use longhand_barbican::clouds::{Cloud, Environment, SearchPath};
use longhand_barbican::http::{Client, Request, TokioTransport};
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;
use tokio::task::spawn_blocking;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(image_id), Some(file)) = (arguments.next(), arguments.next()) else {
        return Err("usage: async_download IMAGE_ID FILE TRUSTED_ID…".into());
    };
    let trusted_ids: Vec<String> = arguments.collect();

    let environment: Environment = std::env::vars().collect();
    let cloud = Cloud::find(None, &environment, &SearchPath::of_openstacksdk(".", &environment))?;
    let connection = cloud.connect(Client::new(TokioTransport::new(&cloud.tls()?)?))?;
    let (barbican, glance) = (connection.key_manager()?, connection.image()?); // one login for both

    // The record: Glance has an image's properties beside its other fields.
    let deadline = glance.client().start();
    let record = glance
        .send(
            |endpoint| Request::get(endpoint.clone().without_last("v2").url(&["v2", "images", &image_id])),
            &deadline,
        )
        .await?;
    if !record.is_success() {
        return Err(record.refusal().into());
    }
    let fields: HashMap<String, serde_json::Value> = record.json()?;
    let texts = fields.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    let image_properties: HashMap<String, String> = texts.collect();

    // Policy, certificates and chain, before a byte of the image is asked for.
    let images = ImageVerifier::builder().policy(VerificationPolicy::trusted()).build();
    let request = ImageRequest::new(&image_id, image_properties).trusted_ids(trusted_ids).at(UnixTime::now());
    let verification = match images.begin_async(&barbican, request).await? {
        Decision::Verify(verification) => verification,
        other => return Err(other.to_string().into()),
    };

    // The token goes to Glance alone: no redirects, no proxies.
    let endpoint = glance.endpoint(&deadline).await?.without_last("v2");
    let signed =
        glance.sign(Request::get(endpoint.url(&["v2", "images", &image_id, "file"])), &deadline).await?;
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build()?;
    let download = http.get(signed.url().as_str());
    let download = signed.headers().fold(download, |download, (name, value)| download.header(name, value));
    let mut download = download.send().await?.error_for_status()?;

    let mut writer = HoldBackAsyncWriter::new(verification, StagedFile::create(file).await?);
    while let Some(chunk) = download.chunk().await? {
        writer.write_all(&chunk).await?;
    }
    let (verified, file) = writer.finish().await?;
    println!("{verified}\n{}", file.display());
    Ok(())
}

/// A file under another name until it is verified.
struct StagedFile {
    staging: File,
    staged: Option<PathBuf>,
    path: PathBuf,
}

impl StagedFile {
    async fn create(path: String) -> io::Result<Self> {
        let staged = PathBuf::from(format!("{path}.part"));
        Ok(Self { staging: File::create_new(&staged).await?, staged: Some(staged), path: path.into() })
    }
}

impl AsyncDestination for StagedFile {
    type Staging = File;
    type Released = PathBuf;

    fn staging(&mut self) -> &mut File {
        &mut self.staging
    }

    async fn release(&mut self) -> io::Result<PathBuf> {
        self.staging.sync_all().await?;
        // The name goes to the thread as well: nobody removes it, or uses it again, before the thread has renamed the file.
        let (staged, path) = (self.staged.take().ok_or(io::ErrorKind::NotFound)?, self.path.clone());
        let rename = move || match fs::rename(&staged, &path) {
            Ok(()) => Ok(path),
            Err(error) => fs::remove_file(&staged).and(Err(error)),
        };
        spawn_blocking(rename).await?
    }

    fn discard(self) {
        if let Some(staged) = self.staged {
            let _ = fs::remove_file(&staged);
        }
    }
}
