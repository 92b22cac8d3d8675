//! What several test files share: the case files of `test-vectors/`, and DER that can be taken apart and spoilt.
#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longhand::{
    Certificate, ErrorCode, KeyManager, MemoryKeyManager, PssSaltLength, SignatureProperties,
    SignatureVerifier, StoredCertificate, Verified, VerifierOptions,
};

pub(crate) mod any_image;
pub(crate) mod authority;
pub(crate) mod chain;
pub(crate) mod der;
pub(crate) mod executor;

/// One case of a case file; `test-vectors/README.md` describes the format.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) image: Source,
    pub(crate) properties: BTreeMap<String, String>,
    pub(crate) certificates: BTreeMap<String, CertificateSource>,
    #[serde(default)]
    pub(crate) options: BTreeMap<String, String>,
    pub(crate) expect: String,
    #[serde(default)]
    pub(crate) code: Option<String>,
    #[serde(default)]
    pub(crate) why: String,
    #[serde(default)]
    pub(crate) openssl: Option<String>,
    #[serde(default)]
    pub(crate) cursive: Option<String>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Source {
    Hex(String),
    File(String),
}

#[derive(Debug, serde::Deserialize)]
#[serde(untagged)]
pub(crate) enum CertificateSource {
    Key(String),
    File { file: String },
}

/// A case file with the table of files beside it.
pub(crate) struct CaseFile {
    folder: PathBuf,
    pub(crate) cases: Vec<Case>,
    files: BTreeMap<String, String>,
}

impl CaseFile {
    pub(crate) fn read(folder: &str) -> Self {
        let mut file = Self::without_cases(folder);
        let cases = fs::read_to_string(file.folder.join("cases.jsonl")).unwrap();
        file.cases = cases.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        file
    }

    /// The table of files alone.
    pub(crate) fn without_cases(folder: &str) -> Self {
        let folder = vectors().join(folder);
        let files = fs::read_to_string(folder.join("files.jsonl")).unwrap_or_default();
        let files =
            files.lines().map(|line| serde_json::from_str::<(String, String)>(line).unwrap()).collect();
        Self { folder, cases: Vec::new(), files }
    }

    pub(crate) fn image(&self, case: &Case) -> Vec<u8> {
        self.octets(&case.image)
    }

    pub(crate) fn octets(&self, source: &Source) -> Vec<u8> {
        match source {
            Source::Hex(digits) => hex(digits),
            Source::File(name) => fs::read(self.folder.join(name)).unwrap(),
        }
    }

    pub(crate) fn certificate_octets(&self, source: &CertificateSource) -> Vec<u8> {
        match source {
            CertificateSource::Key(key) => STANDARD.decode(&self.files[key]).unwrap(),
            CertificateSource::File { file } => fs::read(self.folder.join(file)).unwrap(),
        }
    }

    /// A key manager that holds the case's certificates, each under the name of its file.
    pub(crate) fn key_manager(&self, case: &Case) -> Result<MemoryKeyManager, ErrorCode> {
        let certificates = case.certificates.iter().map(|(name, source)| {
            let bytes = self.certificate_octets(source);
            let (id, _ending) = name.rsplit_once('.').unwrap();
            let stored = StoredCertificate::from_managed_object(id, "X.509", &bytes);
            stored.map(|stored| (id, stored)).map_err(|error| error.code())
        });
        certificates.collect()
    }

    pub(crate) fn case(&self, id: &str) -> &Case {
        self.cases.iter().find(|case| case.id == id).unwrap_or_else(|| panic!("no case {id}"))
    }

    /// The signing certificate of the case with this id.
    pub(crate) fn certificate(&self, id: &str) -> Certificate {
        let case = self.case(id);
        let key_manager = self.key_manager(case).unwrap();
        key_manager.certificate(&case.properties["img_signature_certificate_uuid"]).unwrap().certificate
    }

    /// Runs a case from properties and certificate to the verdict.
    pub(crate) fn run(&self, case: &Case) -> Result<(), ErrorCode> {
        let salt_length = match case.options.get("pss_salt").map(String::as_str) {
            Some("max") => PssSaltLength::Max,
            Some("auto") | None => PssSaltLength::Auto,
            Some(other) => panic!("{other}"),
        };
        let options = VerifierOptions::new().pss_salt_length(salt_length);
        let key_manager = self.key_manager(case)?;
        verify(&case.properties, &key_manager, &self.image(case), options).map(|_| ())
    }
}

/// The whole way: properties, certificate, image, verdict.
pub(crate) fn verify<K: AsRef<str>, V: AsRef<str>>(
    properties: impl IntoIterator<Item = (K, V)>,
    key_manager: &dyn KeyManager,
    image: &[u8],
    options: VerifierOptions,
) -> Result<Verified, ErrorCode> {
    let properties = SignatureProperties::from_properties(properties).map_err(|error| error.code())?.unwrap();
    let stored = key_manager.certificate(properties.certificate_id()).map_err(|error| error.code())?;
    let mut verifier = SignatureVerifier::with_options(&properties, &stored.certificate, options)
        .map_err(|error| error.code())?;
    verifier.update(image);
    let verified = verifier.verify().map_err(|error| error.code())?;
    assert_eq!(verified.bytes_read(), u64::try_from(image.len()).unwrap());
    Ok(verified)
}

pub(crate) fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("test-vectors")
}

pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let octet = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(octet).collect()
}

/// The properties, certificate and image of the Glance guide's walkthrough.
pub(crate) struct Walkthrough {
    pub(crate) properties: BTreeMap<String, String>,
    pub(crate) certificate: Vec<u8>,
    pub(crate) image: Vec<u8>,
}

impl Walkthrough {
    pub(crate) fn glance() -> Self {
        let folder = vectors().join("walkthrough/glance");
        let record: serde_json::Value =
            serde_json::from_slice(&fs::read(folder.join("properties.json")).unwrap()).unwrap();
        let properties: BTreeMap<_, _> = record["properties"]
            .as_object()
            .unwrap()
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect();
        let file = format!("certs/{}.crt", properties["img_signature_certificate_uuid"]);
        Self {
            certificate: fs::read(folder.join(file)).unwrap(),
            image: fs::read(folder.join("image.qcow2")).unwrap(),
            properties,
        }
    }

    pub(crate) fn certificate(&self) -> Certificate {
        Certificate::from_bytes(&self.certificate).unwrap()
    }

    pub(crate) fn properties(&self) -> SignatureProperties {
        SignatureProperties::from_properties(&self.properties).unwrap().unwrap()
    }
}
