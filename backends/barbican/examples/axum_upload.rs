//! An image store in the shape of Glance's uploads that refuses what is not signed, or badly: before a byte is read where the
//! properties and the certificates tell, at the end otherwise, and until then nobody can see a byte of it.
//!
//! With certificates from a directory, and from Barbican with the rights of whoever uploads:
//!
//! ```console
//! $ cargo run -p longhand-barbican --features tokio --example axum_upload -- \
//!       127.0.0.1:9292 /tmp/images --certs test-vectors/walkthrough/glance/certs
//! $ cargo run -p longhand-barbican --features tokio --example axum_upload -- \
//!       127.0.0.1:9292 /tmp/images --barbican https://barbican.example:9311 [TRUSTED_ID]…
//! ```
//!
//! The properties first, then the data; of the second image a word is changed:
//!
//! ```console
//! $ cd test-vectors/walkthrough/glance
//! $ images=http://127.0.0.1:9292/v2/images id=bc85b15d-f1c6-539c-90e4-c70602fc8031
//! $ curl -H 'X-Auth-Token: mine' -d @properties-api.json $images
//! $ sed s/longhand/Longhand/ image.qcow2 | curl -H 'X-Auth-Token: mine' -T - $images/$id/file
//! $ curl -H 'X-Auth-Token: mine' -T image.qcow2 $images/$id/file
//! ```
//!
//! What a store has besides: Keystone's word on whose the token is, owners of images, downloads, a place for the properties
//! that outlives the process, and bounds on how many upload at once and how slowly.

use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{self, DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{post, put};
use http_body_util::BodyExt as _;
use longhand::pki_types::UnixTime;
use longhand::{
    AsyncDestination, AsyncKeyManager, Blocking, CertificateCache, Decision, DirectoryKeyManager,
    Disposition, ErrorCode, Excerpt, HashMethod, HoldBackAsyncWriter, ImageError, ImageRequest,
    ImageVerifier, StreamError, StreamingDigest, VerificationPolicy,
};
use longhand_barbican::http::{Client, Tls, TokioTransport};
use longhand_barbican::{Barbican, Credentials, Token};
use tempfile::TempPath;
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;

const USAGE: &str =
    "usage: axum_upload ADDRESS IMAGES_DIRECTORY (--barbican URL | --certs DIRECTORY) [TRUSTED_ID]…";

/// Bytes of an image's properties at the most; Glance allows 128 of them.
const LARGEST_PROPERTIES: usize = 64 << 10;

/// Images at the most that are known, each with its properties in memory.
const MOST_IMAGES: usize = 10_000;

/// What files begin with that are not verified, or not yet.
const STAGED: &str = ".upload-";

/// What an upload may take.
pub(crate) struct Bounds {
    /// In bytes.
    pub(crate) size: u64,
    /// A client that sends nothing for so long has broken off, and does not say so.
    pub(crate) silence: Duration,
}

const BOUNDS: Bounds = Bounds { size: 64 << 30, silence: Duration::from_secs(60) };

#[tokio::main]
#[allow(dead_code, reason = "the tests start the store themselves")]
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
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, directory, source, place, trusted_ids @ ..] = arguments.as_slice() else {
        return Err(USAGE.into());
    };
    let certificates = match source.as_str() {
        "--barbican" => Certificates::of_barbican(place)?,
        "--certs" => Certificates::of_directory(place),
        _ => return Err(USAGE.into()),
    };
    let store = ImageStore::open(directory, certificates, trusted_ids, BOUNDS)?;
    let listener = TcpListener::bind(address).await?;
    println!("http://{}/v2/images", listener.local_addr()?);
    axum::serve(listener, router(store)).await?;
    Ok(())
}

pub(crate) fn router(store: ImageStore) -> Router {
    Router::new()
        .route("/v2/images", post(create))
        .route("/v2/images/{id}/file", put(upload))
        .layer(DefaultBodyLimit::max(LARGEST_PROPERTIES)) // of what is read as one piece: not of an image
        .with_state(Arc::new(store))
}

/// `PUT /v2/images/ID/file`
async fn upload(
    State(store): State<Arc<ImageStore>>,
    extract::Path(id): extract::Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refusal> {
    match store.receive(&id, &headers, body).await {
        Ok(image) => {
            println!("Successfully verified signature for image {id}: {}", image.display());
            Ok(StatusCode::NO_CONTENT)
        }
        Err(failure) => Err(failure.of(&id)),
    }
}

impl ImageStore {
    async fn receive(&self, id: &str, headers: &HeaderMap, mut body: Body) -> Result<PathBuf, Failure> {
        let key_manager = self.key_manager(headers)?;
        let image_properties = self.image_properties(id)?;
        self.check_size(body.size_hint().lower())?;
        self.check_absent(id).await?;

        // Policy, certificates and chain, before a byte is read. hyper has not said `100 Continue` by then: a client that
        // waits for it, as curl does with a large image, sends none of what is refused here.
        let request = ImageRequest::new(id, image_properties).at(UnixTime::now());
        let request = match self.trusted_ids.as_slice() {
            [] => request,
            trusted_ids => request.trusted_ids(trusted_ids),
        };
        let verification = match self.images.begin_async(&key_manager, request).await? {
            Decision::Verify(verification) => verification,
            other => return Err(Failure::Refused(StatusCode::BAD_REQUEST, other.to_string())),
        };

        // A client that breaks off is an error here, or the end of this future: both discard what has come.
        let mut writer = HoldBackAsyncWriter::new(verification, self.staged_file(id).await?);
        while let Some(chunk) = self.next_chunk(&mut body).await? {
            writer.write_all(&chunk).await?;
            self.check_size(writer.bytes_written())?;
        }
        let (_verified, image) = writer.finish().await?; // before this line nobody can see a byte
        Ok(image)
    }

    /// The next bytes of a body, `None` at its end.
    async fn next_chunk(&self, body: &mut Body) -> Result<Option<Bytes>, Failure> {
        match tokio::time::timeout(self.bounds.silence, body.frame()).await {
            Ok(None) => Ok(None),
            Ok(Some(Ok(frame))) => Ok(Some(frame.into_data().unwrap_or_default())), // trailers have none
            Ok(Some(Err(error))) => Err(Failure::Refused(StatusCode::BAD_REQUEST, error.to_string())),
            Err(_) => {
                Err(Failure::Refused(StatusCode::REQUEST_TIMEOUT, "the data stopped coming".to_owned()))
            }
        }
    }
}

/// `POST /v2/images`: the properties of an image, as JSON. An image has one more, `id`, and whoever makes it chooses that.
async fn create(
    State(store): State<Arc<ImageStore>>,
    headers: HeaderMap,
    json: Bytes,
) -> Result<(StatusCode, String), Refusal> {
    token(&headers).map_err(|failure| failure.of("?"))?;
    let fields: HashMap<String, serde_json::Value> = serde_json::from_slice(&json).map_err(not_properties)?;
    let texts = fields.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    let image_properties: HashMap<String, String> = texts.collect();

    let id = image_properties.get("id").filter(|id| is_uuid(id)).cloned();
    let id = id.ok_or_else(|| Refusal(StatusCode::BAD_REQUEST, "an image needs an id, a UUID".to_owned()))?;
    store.add(&id, image_properties)?;
    let answer = serde_json::json!({ "id": id, "status": "queued", "file": format!("/v2/images/{id}/file") });
    Ok((StatusCode::CREATED, answer.to_string()))
}

fn not_properties(error: serde_json::Error) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, Excerpt::new(&error.to_string()).to_string())
}

/// What can be the name of a file.
fn is_uuid(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|octet| matches!(octet, b'0'..=b'9' | b'a'..=b'f' | b'-'))
}

/// What the store's life long is shared by all requests.
pub(crate) struct ImageStore {
    images: ImageVerifier,
    certificates: Certificates,
    cache: CertificateCache,
    trusted_ids: Vec<String>,
    directory: PathBuf,
    bounds: Bounds,
    properties: Mutex<HashMap<String, HashMap<String, String>>>,
}

impl ImageStore {
    /// A store in `directory`. Every image has to be signed, and the chain of its certificate has to end in one of the
    /// trusted ids, if there are any.
    pub(crate) fn open(
        directory: impl Into<PathBuf>,
        certificates: Certificates,
        trusted_ids: &[String],
        bounds: Bounds,
    ) -> io::Result<Self> {
        let directory = directory.into();
        std::fs::create_dir_all(&directory)?;
        sweep(&directory)?;
        Ok(Self {
            images: ImageVerifier::builder().policy(VerificationPolicy::required()).build(),
            certificates,
            cache: CertificateCache::new(1000, Duration::from_secs(60), Instant::now),
            trusted_ids: trusted_ids.to_vec(),
            directory,
            bounds,
            properties: Mutex::default(),
        })
    }

    /// The certificates that the caller may read. What one token fetched serves no other.
    fn key_manager(&self, headers: &HeaderMap) -> Result<impl AsyncKeyManager + use<>, Failure> {
        let token = token(headers)?;
        let mut tenant = StreamingDigest::new(HashMethod::Sha256); // the cache is to hold no token
        tenant.update(token.as_bytes());
        Ok(self.cache.scope(tenant.finish().to_string(), self.certificates.on_behalf_of(token)))
    }

    fn add(&self, id: &str, image_properties: HashMap<String, String>) -> Result<(), Refusal> {
        let mut known = self.properties.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains_key(id) || self.directory.join(id).exists() {
            return Err(Refusal(StatusCode::CONFLICT, format!("Image ID {id} already exists!")));
        }
        if known.len() >= MOST_IMAGES {
            return Err(Refusal(StatusCode::PAYLOAD_TOO_LARGE, "no more images".to_owned()));
        }
        known.insert(id.to_owned(), image_properties);
        Ok(())
    }

    fn image_properties(&self, id: &str) -> Result<HashMap<String, String>, Failure> {
        let known = self.properties.lock().unwrap_or_else(PoisonError::into_inner);
        let absent = || {
            Failure::Refused(StatusCode::NOT_FOUND, format!("No image found with ID {}", Excerpt::new(id)))
        };
        known.get(id).cloned().ok_or_else(absent)
    }

    async fn check_absent(&self, id: &str) -> Result<(), Failure> {
        match fs::try_exists(self.directory.join(id)).await? {
            true => Err(Failure::Storage(io::ErrorKind::AlreadyExists.into())),
            false => Ok(()),
        }
    }

    fn check_size(&self, bytes: u64) -> Result<(), Failure> {
        if bytes <= self.bounds.size {
            return Ok(());
        }
        let reason = format!("an image has at most {} bytes", self.bounds.size);
        Err(Failure::Refused(StatusCode::PAYLOAD_TOO_LARGE, reason))
    }

    async fn staged_file(&self, id: &str) -> io::Result<StagedFile> {
        let (directory, path) = (self.directory.clone(), self.directory.join(id));
        let new = move || tempfile::Builder::new().prefix(STAGED).tempfile_in(directory);
        let (file, staged) = spawn_blocking(new).await??.into_parts();
        Ok(StagedFile { file: File::from_std(file), staged: Some(staged), path })
    }
}

/// Where certificates come from.
pub(crate) enum Certificates {
    Barbican(Box<Barbican<TokioTransport>>),
    /// Anybody's, whatever the token.
    Directory(Blocking<DirectoryKeyManager>),
}

impl Certificates {
    fn of_barbican(url: &str) -> Result<Self, Box<dyn Error>> {
        let client = Client::new(TokioTransport::new(&Tls::system())?);
        // The store has no rights of its own: each request bears those of its caller.
        Ok(Self::of(Barbican::new(client, url, Credentials::None)?))
    }

    pub(crate) fn of(barbican: Barbican<TokioTransport>) -> Self {
        Self::Barbican(Box::new(barbican))
    }

    pub(crate) fn of_directory(directory: impl Into<PathBuf>) -> Self {
        let start = |work| drop(spawn_blocking(work));
        Self::Directory(Blocking::new(DirectoryKeyManager::new(directory), start))
    }

    fn on_behalf_of(&self, token: &str) -> Box<dyn AsyncKeyManager> {
        match self {
            Self::Barbican(barbican) => Box::new(barbican.on_behalf_of(Token::new(token))),
            Self::Directory(directory) => Box::new(directory.clone()),
        }
    }
}

fn token(headers: &HeaderMap) -> Result<&str, Failure> {
    let token = headers.get("X-Auth-Token").and_then(|token| token.to_str().ok());
    let reason = || "The request needs an X-Auth-Token".to_owned();
    token.ok_or_else(|| Failure::Refused(StatusCode::UNAUTHORIZED, reason()))
}

/// A file beside the image's place, under a name that no other upload has. It goes away unless it is released.
struct StagedFile {
    file: File,
    staged: Option<TempPath>,
    path: PathBuf,
}

impl AsyncDestination for StagedFile {
    type Staging = File;
    type Released = PathBuf;

    fn staging(&mut self) -> &mut File {
        &mut self.file
    }

    /// The bytes are on the disk before the file has its name. A client that breaks off while it gets the name may find its
    /// image stored, whole and verified.
    async fn release(&mut self) -> io::Result<PathBuf> {
        self.file.sync_all().await?;
        let staged = self.staged.take().ok_or(io::ErrorKind::NotFound)?;
        let path = self.path.clone();
        spawn_blocking(move || put_in_place(staged, path)).await?
    }

    /// Dropping it is enough.
    fn discard(self) {}
}

/// Never in the place of another: of two uploads at once the first is the image.
fn put_in_place(staged: TempPath, path: PathBuf) -> io::Result<PathBuf> {
    staged.persist_noclobber(&path)?;
    let directory = path.parent().unwrap_or(Path::new("."));
    if let Err(error) = std::fs::File::open(directory).and_then(|directory| directory.sync_all()) {
        let _ = std::fs::remove_file(&path); // the name may not last, so it is not to be believed
        return Err(error);
    }
    Ok(path)
}

/// Removes what uploads left behind when the process was killed.
fn sweep(directory: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(STAGED) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Why an image is not stored.
enum Failure {
    Image(ImageError),
    Stream(StreamError),
    Storage(io::Error),
    Refused(StatusCode, String),
}

impl From<ImageError> for Failure {
    fn from(error: ImageError) -> Self {
        Self::Image(error)
    }
}

impl From<StreamError> for Failure {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Destination(error) => Self::Storage(io::Error::new(error.kind(), error)),
            error => Self::Stream(error),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Storage(error)
    }
}

impl From<tokio::task::JoinError> for Failure {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Storage(error.into())
    }
}

impl Failure {
    /// What the client is told. Whatever it was, the image may be uploaded again.
    fn of(self, id: &str) -> Refusal {
        let refusal = match self {
            Self::Refused(status, reason) => Refusal(status, reason),
            Self::Image(error) => unverified(id, error.code(), &error),
            Self::Stream(error) => unverified(id, error.code(), &error),
            Self::Storage(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let reason = "Image status transition from active to saving is not allowed";
                Refusal(StatusCode::CONFLICT, reason.to_owned())
            }
            Self::Storage(error) => own_fault(id, &error),
        };
        eprintln!("{}: {} {}", Excerpt::new(id), refusal.0, refusal.1);
        refusal
    }
}

/// What Glance says, with a status that tells whether trying again helps.
fn unverified(id: &str, code: ErrorCode, error: &dyn Error) -> Refusal {
    let status = match (code, code.disposition()) {
        (ErrorCode::CertificateForbidden, _) => StatusCode::FORBIDDEN,
        (_, Disposition::Retry) => StatusCode::SERVICE_UNAVAILABLE,
        (_, Disposition::Final) => StatusCode::BAD_REQUEST,
        _ => return own_fault(id, error),
    };
    Refusal(status, format!("Signature verification failed for image {id}: {error}"))
}

/// Paths and settings are for the operator to see.
fn own_fault(id: &str, error: &dyn Error) -> Refusal {
    eprintln!("{}: {error}", Excerpt::new(id));
    Refusal(StatusCode::INTERNAL_SERVER_ERROR, "The store cannot take this image".to_owned())
}

struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let text = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
        (self.0, text, format!("{}\n", self.1)).into_response()
    }
}
