//! The example `axum_upload`, as whoever uploads to it sees it, and whoever looks into its directory.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

#[path = "../examples/axum_upload.rs"]
mod axum_upload;
mod common;

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use axum_upload::{Bounds, Certificates, ImageStore, router};
use common::*;
use longhand_barbican::{Barbican, Credentials};
use longhand_test_server::{Answer, Server};
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinHandle;

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../test-vectors/walkthrough");
const LARGEST: u64 = 10_000;
const BOUNDS: Bounds = Bounds { size: LARGEST, silence: Duration::from_secs(30) };

/// An image of a walkthrough: what `POST /v2/images` takes, and its data.
struct Image {
    id: String,
    properties: BTreeMap<String, String>,
    data: Vec<u8>,
}

impl Image {
    fn of(guide: &str) -> Self {
        let record = std::fs::read(format!("{VECTORS}/{guide}/properties.json")).unwrap();
        let record: Value = serde_json::from_slice(&record).unwrap();
        let id = record["id"].as_str().unwrap().to_owned();
        let texts = record["properties"].as_object().unwrap().iter();
        let mut properties: BTreeMap<String, String> =
            texts.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
        properties.insert("id".to_owned(), id.clone());
        Self { id, properties, data: std::fs::read(format!("{VECTORS}/{guide}/image.qcow2")).unwrap() }
    }

    fn with(mut self, property: &str, value: &str) -> Self {
        self.properties.insert(property.to_owned(), value.to_owned());
        self
    }

    fn without(mut self, property: &str) -> Self {
        self.properties.remove(property).unwrap();
        self
    }

    fn tampered(&self) -> Vec<u8> {
        let mut data = self.data.clone();
        *data.last_mut().unwrap() ^= 1;
        data
    }
}

/// The store on a free port, with a directory of its own.
struct Store {
    address: SocketAddr,
    directory: TempDir,
    serving: JoinHandle<()>,
}

impl Drop for Store {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Store {
    fn with_files(guide: &str, trusted_ids: &[&str]) -> Self {
        Self::start(Certificates::of_directory(format!("{VECTORS}/{guide}/certs")), trusted_ids, BOUNDS)
    }

    fn start(certificates: Certificates, trusted_ids: &[&str], bounds: Bounds) -> Self {
        let directory = TempDir::new().unwrap();
        let trusted_ids: Vec<String> = trusted_ids.iter().map(ToString::to_string).collect();
        let store = ImageStore::open(directory.path(), certificates, &trusted_ids, bounds).unwrap();
        let listener = RUNTIME.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let serving = RUNTIME.spawn(async { axum::serve(listener, router(store)).await.unwrap() });
        Self { address, directory, serving }
    }

    /// Sends the head of a request.
    fn begin(&self, line: &str, headers: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let head = format!("{line} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{headers}\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream
    }

    fn request(&self, line: &str, token: Option<&str>, body: &[u8]) -> (u16, String) {
        let token = token.map(|token| format!("X-Auth-Token: {token}\r\n")).unwrap_or_default();
        let mut stream = self.begin(line, &format!("{token}Content-Length: {}\r\n", body.len()));
        let _ = stream.write_all(body); // who is refused is not read to the end
        answer(stream)
    }

    fn create(&self, image: &Image) {
        let json = serde_json::to_vec(&image.properties).unwrap();
        let (status, text) = self.request("POST /v2/images", Some("t"), &json);
        assert_eq!(status, 201, "{text}");
    }

    fn upload(&self, image: &Image, data: &[u8]) -> (u16, String) {
        self.upload_as("t", image, data)
    }

    fn upload_as(&self, token: &str, image: &Image, data: &[u8]) -> (u16, String) {
        self.request(&put(image), Some(token), data)
    }

    /// Asks, and sends the data only when it is told to.
    fn ask(&self, image: &Image, size: usize) -> String {
        let headers = format!("X-Auth-Token: t\r\nExpect: 100-continue\r\nContent-Length: {size}\r\n");
        let mut stream = self.begin(&put(image), &headers);
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        String::from_utf8(answer.to_vec()).unwrap()
    }

    fn files(&self) -> Vec<String> {
        files(self.directory.path())
    }
}

fn put(image: &Image) -> String {
    format!("PUT /v2/images/{}/file", image.id)
}

fn answer(mut stream: TcpStream) -> (u16, String) {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, text) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
    (head[9..12].parse().unwrap(), text.to_owned())
}

fn files(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_signed_image_is_stored_and_nothing_else_is() {
    let (store, image) = (Store::with_files("glance", &[]), Image::of("glance"));
    store.create(&image);
    assert_eq!(store.upload(&image, &image.data).0, 204);
    assert_eq!(store.files(), [image.id.as_str()]);
    assert_eq!(std::fs::read(store.directory.path().join(&image.id)).unwrap(), image.data);
    // It is what it is, and no other is asked for.
    assert_eq!(store.ask(&image, image.data.len()), "HTTP/1.1 409");
    let (status, text) = store.upload(&image, &image.data);
    assert_eq!(
        (status, text.as_str()),
        (409, "Image status transition from active to saving is not allowed\n")
    );
}

#[test]
fn of_a_tampered_image_nothing_stays_and_the_right_one_may_come_after_it() {
    let (store, image) = (Store::with_files("glance", &[]), Image::of("glance"));
    store.create(&image);
    let (status, text) = store.upload(&image, &image.tampered());
    let expected = format!(
        "Signature verification failed for image {}: Signature verification for the image failed",
        image.id
    );
    assert!(status == 400 && text.starts_with(&expected), "{status} {text}");
    assert!(store.files().is_empty());
    assert_eq!(store.upload(&image, &image.data).0, 204);
}

#[test]
fn of_an_upload_that_breaks_off_nothing_stays() {
    let (store, image) = (Store::with_files("glance", &[]), Image::of("glance"));
    store.create(&image);
    let announced = format!("X-Auth-Token: t\r\nContent-Length: {}\r\n", image.data.len());
    let chunked = "X-Auth-Token: t\r\nTransfer-Encoding: chunked\r\n";
    // The second is a whole image but for the last chunk, which would have ended it.
    let mut chunk = format!("{:x}\r\n", image.data.len()).into_bytes();
    chunk.extend_from_slice(&image.data);
    for (headers, sent) in [(announced.as_str(), &image.data[..3000]), (chunked, &chunk)] {
        let mut stream = store.begin(&put(&image), headers);
        stream.write_all(sent).unwrap();
        wait_until(
            "the data is stored while it comes, under another name",
            || matches!(store.files().as_slice(), [name] if name.starts_with(".upload-")),
        );
        stream.shutdown(Shutdown::Both).unwrap();
        wait_until("what has come is removed", || store.files().is_empty());
    }
    assert_eq!(store.upload(&image, &image.data).0, 204);
}

#[test]
fn a_client_that_falls_silent_has_broken_off() {
    let bounds = Bounds { silence: Duration::from_millis(200), ..BOUNDS };
    let certificates = Certificates::of_directory(format!("{VECTORS}/glance/certs"));
    let (store, image) = (Store::start(certificates, &[], bounds), Image::of("glance"));
    store.create(&image);
    let mut stream = store.begin(&put(&image), "X-Auth-Token: t\r\nContent-Length: 6656\r\n");
    stream.write_all(&image.data[..3000]).unwrap();
    assert_eq!(answer(stream).0, 408);
    assert!(store.files().is_empty());
}

#[test]
fn what_is_the_stores_own_fault_is_not_the_clients_to_read() {
    let (store, image) = (Store::with_files("no-such-guide", &[]), Image::of("glance"));
    store.create(&image);
    assert_eq!(store.upload(&image, &image.data), (500, "The store cannot take this image\n".to_owned()));
}

#[test]
fn of_two_uploads_at_once_the_first_to_end_is_the_image() {
    let (store, image) = (Store::with_files("glance", &[]), Image::of("glance"));
    store.create(&image);
    let (last, rest) = image.data.split_last().unwrap();
    let headers = format!("X-Auth-Token: t\r\nContent-Length: {}\r\n", image.data.len());
    let mut slow = store.begin(&put(&image), &headers);
    slow.write_all(rest).unwrap();
    wait_until("the slow upload has begun", || store.files().len() == 1);
    assert_eq!(store.upload(&image, &image.data).0, 204);
    slow.write_all(&[*last]).unwrap();
    assert_eq!(answer(slow).0, 409);
    assert_eq!(store.files(), [image.id.as_str()]);
}

#[test]
fn what_properties_and_certificates_tell_is_said_before_a_byte_is_sent() {
    let root = "8fbcce5d-d646-4295-ba8a-269fc9451eeb";
    let ids = ["0b5d2c72-12cc-4ba6-a8d7-3ff5cc1d8cb8", "674736e3-f25c-405c-8362-bbf991e0ce0a", root];
    let signed = || Image::of("glance");
    for (guide, trusted_ids, image, expected) in [
        ("glance", &[][..], signed(), "HTTP/1.1 100"),
        ("nova", &ids, Image::of("nova"), "HTTP/1.1 204"),
        ("nova", &[root], Image::of("nova"), "Certificate chain building failed"),
        (
            "glance",
            &[],
            signed()
                .without("img_signature")
                .without("img_signature_hash_method")
                .without("img_signature_key_type")
                .without("img_signature_certificate_uuid"),
            "is not signed",
        ),
        ("glance", &[], signed().without("img_signature_key_type"), "img_signature_key_type"),
        ("glance", &[], signed().with("img_signature_hash_method", "MD5"), "img_signature_hash_method"),
        ("glance", &[], signed().with("img_signature_certificate_uuid", ABSENT), ABSENT),
        ("glance", &[], signed().with("img_signature_certificate_uuid", "../../x"), "../../x"),
    ] {
        let store = Store::with_files(guide, trusted_ids);
        store.create(&image);
        match expected {
            "HTTP/1.1 100" => assert_eq!(store.ask(&image, image.data.len()), expected),
            "HTTP/1.1 204" => assert_eq!(store.upload(&image, &image.data).0, 204),
            words => {
                assert_eq!(store.ask(&image, image.data.len()), "HTTP/1.1 400", "{words}");
                let (status, text) = store.upload(&image, &image.data);
                let begins = format!("Signature verification failed for image {}: ", image.id);
                assert!(
                    status == 400 && text.starts_with(&begins) && text.contains(words),
                    "{words}: {text}"
                );
                assert!(store.files().is_empty());
            }
        }
    }
}

#[test]
fn an_image_is_no_larger_than_the_store_allows() {
    let (store, image) = (Store::with_files("glance", &[]), Image::of("glance"));
    store.create(&image);
    let size = usize::try_from(LARGEST).unwrap();
    // At the bound its signature is looked at.
    assert_eq!(store.upload(&image, &vec![0; size]).0, 400);
    assert_eq!(store.upload(&image, &vec![0; size + 1]).0, 413);
    assert_eq!(store.ask(&image, size), "HTTP/1.1 100");
    assert_eq!(store.ask(&image, size + 1), "HTTP/1.1 413");
    // The size of one that comes in chunks is not announced.
    let mut stream = store.begin(&put(&image), "X-Auth-Token: t\r\nTransfer-Encoding: chunked\r\n");
    stream.write_all(format!("{:x}\r\n{}\r\n", size + 1, "x".repeat(size + 1)).as_bytes()).unwrap();
    assert_eq!(answer(stream).0, 413);
    assert!(store.files().is_empty());
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    let (store, image) = (Store::with_files("glance", &[]), Image::of("glance"));
    let json = |image: &Image| serde_json::to_vec(&image.properties).unwrap();
    assert_eq!(store.request("POST /v2/images", None, &json(&image)).0, 401);
    assert_eq!(store.request("POST /v2/images", Some("t"), b"{").0, 400);
    for id in ["", "x", "../../../../etc/cron.d/00000000000000", "BC85B15D-F1C6-539C-90E4-C70602FC8031"] {
        assert_eq!(
            store.request("POST /v2/images", Some("t"), &json(&Image::of("glance").with("id", id))).0,
            400
        );
    }
    let long = Image::of("glance").with("description", &"x".repeat(64 << 10));
    assert_eq!(store.request("POST /v2/images", Some("t"), &json(&long)).0, 413);
    assert_eq!(store.upload(&image, &image.data).0, 404);
    store.create(&image);
    assert_eq!(store.request("POST /v2/images", Some("t"), &json(&image)).0, 409);
    assert_eq!(store.request(&put(&image), None, &image.data).0, 401);
    assert!(store.files().is_empty());
}

#[test]
fn what_a_killed_process_left_behind_is_swept_away() {
    let directory = TempDir::new().unwrap();
    std::fs::write(directory.path().join(".upload-x1y2z3"), "unverified").unwrap();
    std::fs::write(directory.path().join("an-image"), "verified").unwrap();
    ImageStore::open(directory.path(), Certificates::of_directory(VECTORS), &[], BOUNDS).unwrap();
    assert_eq!(files(directory.path()), ["an-image"]);
}

#[test]
fn barbican_is_asked_with_the_rights_of_whoever_uploads_and_once_for_each() {
    let pem =
        std::fs::read(format!("{VECTORS}/glance/certs/cd7cc675-e573-419c-8fff-33a72734a243.crt")).unwrap();
    let barbican = Server::start(move |request| match request.header("X-Auth-Token") {
        Some("owner") => Answer::bytes(200, "application/octet-stream", pem.clone()),
        Some("ill") => Answer::json(500, r#"{"code": 500}"#),
        _ => Answer::json(
            403,
            r#"{"code": 403, "title": "Forbidden", "description": "Secret payload retrieval attempt not allowed"}"#,
        ),
    });
    let client = Barbican::new(tokio(), &barbican.url(), Credentials::None).unwrap();
    let (store, image) = (Store::start(Certificates::of(client), &[], BOUNDS), Image::of("glance"));
    store.create(&image);
    let (status, text) = store.upload_as("stranger", &image, &image.data);
    assert!(status == 403 && text.contains("not allowed"), "{status} {text}");
    assert_eq!(store.upload_as("ill", &image, &image.data).0, 503);
    barbican.forget();
    assert_eq!(store.upload_as("owner", &image, &image.tampered()).0, 400);
    assert_eq!(store.upload_as("stranger", &image, &image.data).0, 403); // what the owner fetched is the owner's
    assert_eq!(store.upload_as("owner", &image, &image.data).0, 204);
    assert_eq!(store.files(), [image.id.as_str()]);
    let received = barbican.received();
    let tokens: Vec<_> = received.iter().map(|request| request.header("X-Auth-Token")).collect();
    assert_eq!(tokens, [Some("owner"), Some("stranger")]);
}
