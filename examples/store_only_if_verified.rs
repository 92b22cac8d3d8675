//! Stores an image as a file that is not there before the image is verified.
//!
//! `cargo run --example store_only_if_verified`
//!
//! Choose `HoldBackWriter` wherever images are stored, in a file, a volume or an object, and something may look before
//! the verdict: a destination is three functions. For files, `longhand verify --output` has one that also cleans up when
//! the process is told to end. Where the bytes have to go on while they come, take `VerifyingReader`: the example
//! `verify_while_downloading`.

#![allow(clippy::indexing_slicing, clippy::expect_used, reason = "an example may panic")]

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use longhand::{
    Destination, DirectoryKeyManager, HoldBackWriter, KeyManager, SignatureProperties, SignatureVerifier,
};

const WALKTHROUGH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/test-vectors/walkthrough/glance");

/// A file that has another name, in the same directory, until it is released.
struct NewFile {
    path: PathBuf,
    temporary: tempfile::NamedTempFile, // for the owner's eyes alone; removes itself unless it is renamed
    #[cfg(unix)]
    directory: fs::File,
}

impl NewFile {
    fn create(path: &Path) -> io::Result<Self> {
        let directory = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Self {
            path: path.to_owned(),
            temporary: tempfile::NamedTempFile::new_in(directory)?,
            #[cfg(unix)]
            directory: fs::File::open(directory)?,
        })
    }
}

impl Destination for NewFile {
    type Released = PathBuf;

    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        self.temporary.write_all(data)
    }

    fn release(self) -> io::Result<PathBuf> {
        self.temporary.as_file().sync_all()?; // the bytes last before the name does
        self.temporary.persist(&self.path)?;
        #[cfg(unix)]
        if let Err(error) = self.directory.sync_all() {
            fs::remove_file(&self.path)?; // all or nothing
            return Err(error);
        }
        Ok(self.path)
    }

    fn discard(self) {}
}

fn main() -> Result<(), Box<dyn Error>> {
    let image = fs::read(format!("{WALKTHROUGH}/image.qcow2"))?;
    let mut tampered = image.clone();
    tampered[3000] ^= 1;
    let store = tempfile::tempdir()?;

    for (name, bytes) in [("good", &image), ("tampered", &tampered)] {
        let path = store.path().join(name);
        let mut writer = HoldBackWriter::new(verifier()?, NewFile::create(&path)?);
        io::copy(&mut bytes.as_slice(), &mut writer)?; // or a download
        println!("{name}: all bytes written, in the store: {}", path.exists());
        assert!(!path.exists());
        match writer.finish() {
            Ok((verified, path)) => {
                println!("{name}: {verified}");
                assert_eq!(fs::read(path)?, *bytes);
            }
            Err(error) => println!("{name}: {error}"),
        }
        println!("{name}: after the verdict, in the store: {}", path.exists());
        assert_eq!(path.exists(), name == "good");
    }
    assert_eq!(fs::read_dir(store.path())?.count(), 1, "nothing else is left");
    Ok(())
}

/// A verifier for the walkthrough's image, from its properties and its certificate.
fn verifier() -> Result<SignatureVerifier, Box<dyn Error>> {
    let record = fs::read(format!("{WALKTHROUGH}/properties.json"))?;
    let record: serde_json::Value = serde_json::from_slice(&record)?;
    let texts = record["properties"].as_object().ok_or("no properties")?.iter();
    let properties = texts.filter_map(|(name, value)| Some((name, value.as_str()?)));
    let properties = SignatureProperties::from_properties(properties)?.ok_or("not signed")?;
    let stored =
        DirectoryKeyManager::new(format!("{WALKTHROUGH}/certs")).certificate(properties.certificate_id())?;
    Ok(SignatureVerifier::new(&properties, &stored.certificate)?)
}
