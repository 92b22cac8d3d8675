//! Verifies an image while it is downloaded: the download cannot come to its end unless the signature holds.
//!
//! `cargo run --example verify_while_downloading`
//!
//! Choose `VerifyingReader` where the bytes go on through code that reads a stream to its end and takes an error for
//! one: a copy into a volume that is deleted after a failure, an unpacker, an upload. That code sees bytes before the
//! verdict, only never the last ones, 64 KiB or more. (The image here is shorter than that, so none of a bad one is
//! seen.) Where nobody may see a byte before the verdict, take `HoldBackWriter`: the example `store_only_if_verified`.

#![allow(clippy::indexing_slicing, clippy::expect_used, clippy::panic, reason = "an example may panic")]

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use longhand::{DirectoryKeyManager, KeyManager, SignatureProperties, SignatureVerifier, VerifyingReader};

const WALKTHROUGH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/test-vectors/walkthrough/glance");

fn main() -> Result<(), Box<dyn Error>> {
    let store = image_store()?;

    let mut volume = Vec::new(); // or a disk
    let mut download = verified_download(store, "/image")?;
    io::copy(&mut download, &mut volume)?;
    println!("the image:    {} bytes in the volume, {}", volume.len(), download.into_verified()?);

    for path in ["/tampered", "/cut-short"] {
        let mut volume = Vec::new();
        let mut download = verified_download(store, path)?;
        let error = io::copy(&mut download, &mut volume).expect_err("the download fails at its end");
        println!("{path:<12}: {} bytes in the volume, {error}", volume.len());
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(volume.len() < std::fs::read(format!("{WALKTHROUGH}/image.qcow2"))?.len());
        assert!(download.read(&mut [0; 1]).is_err(), "and so it does whenever it is asked again");
    }
    Ok(())
}

/// The image as a service reads it: a stream around the download's, set up before the first byte is asked for.
fn verified_download(store: SocketAddr, path: &str) -> Result<VerifyingReader<impl Read>, Box<dyn Error>> {
    let properties = SignatureProperties::from_properties(image_properties()?)?.ok_or("not signed")?;
    let key_manager = DirectoryKeyManager::new(format!("{WALKTHROUGH}/certs"));
    let stored = key_manager.certificate(properties.certificate_id())?;
    let verifier = SignatureVerifier::new(&properties, &stored.certificate)?;
    Ok(VerifyingReader::new(verifier, get(store, path)?))
}

/// The body of a response, to the end of the connection.
fn get(store: SocketAddr, path: &str) -> io::Result<impl Read> {
    let mut connection = TcpStream::connect(store)?;
    write!(connection, "GET {path} HTTP/1.0\r\n\r\n")?;
    let mut response = BufReader::new(connection);
    let mut line = String::new();
    while response.read_line(&mut line)? > 2 {
        line.clear(); // a head that nobody needs here
    }
    Ok(response)
}

/// A store on this machine that gives out the walkthrough's image, once as it is and twice not.
fn image_store() -> io::Result<SocketAddr> {
    let image = std::fs::read(format!("{WALKTHROUGH}/image.qcow2"))?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || -> io::Result<()> {
        for connection in listener.incoming() {
            let mut request = BufReader::new(connection?);
            let mut line = String::new();
            request.read_line(&mut line)?;
            while request.read_line(&mut String::new())? > 2 {}
            let mut body = image.clone();
            match line.split(' ').nth(1) {
                Some("/tampered") => body[3000] ^= 1,
                Some("/cut-short") => body.truncate(6000),
                _ => {}
            }
            let mut connection = request.into_inner();
            connection.write_all(b"HTTP/1.0 200 OK\r\n\r\n")?;
            connection.write_all(&body)?;
        }
        Ok(())
    });
    Ok(address)
}

/// What the image service would give: the properties of the image record, as text.
fn image_properties() -> Result<Vec<(String, String)>, Box<dyn Error>> {
    let record = std::fs::read(format!("{WALKTHROUGH}/properties.json"))?;
    let record: serde_json::Value = serde_json::from_slice(&record)?;
    let properties = record["properties"].as_object().ok_or("no properties")?;
    let texts =
        properties.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    Ok(texts.collect())
}
