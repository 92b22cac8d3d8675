//! The end of Nova's guide: a signed image, and the certificates of its chain.

use std::fs;
use std::path::{Path, PathBuf};

use longhand::pki_types::UnixTime;
use longhand::{
    AsyncKeyManager, Certificate, Decision, ImageError, ImageRequest, ImageVerifier, KeyManager,
    VerificationPolicy, VerifiedImage,
};

/// Nova's walkthrough as the repository keeps it, `test-vectors/walkthrough/nova`.
#[derive(Clone, Debug)]
pub struct Walkthrough {
    properties: Vec<(String, String)>,
    /// The image's file.
    pub image: PathBuf,
    /// The signing certificate, as `openssl ca` writes it: PEM behind a text dump.
    pub signing: Vec<u8>,
    /// The two intermediate authorities, the signing certificate's issuer last, and before them the root.
    pub authorities: [Vec<u8>; 3],
}

impl Walkthrough {
    /// Reads it.
    ///
    /// # Panics
    /// If it is not there.
    pub fn read() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test-vectors/walkthrough/nova");
        let read = |name: &str| fs::read(folder.join(name)).expect("a file of the walkthrough");
        let certificate = |id: &str| read(&format!("certs/{id}.crt"));
        let record: serde_json::Value = serde_json::from_slice(&read("properties.json")).expect("JSON");
        let properties = record["properties"].as_object().into_iter().flatten();
        Self {
            properties: properties
                .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
                .collect(),
            signing: certificate("125e6199-2de4-46e3-b091-8e2401ef0d63"),
            authorities: [
                "8fbcce5d-d646-4295-ba8a-269fc9451eeb",
                "0b5d2c72-12cc-4ba6-a8d7-3ff5cc1d8cb8",
                "674736e3-f25c-405c-8362-bbf991e0ce0a",
            ]
            .map(certificate),
            image: folder.join("image.qcow2"),
        }
    }

    /// The image's properties, with the signing certificate stored under this id.
    pub fn properties(&self, signing_id: &str) -> Vec<(String, String)> {
        let mut properties = self.properties.clone();
        for (name, value) in &mut properties {
            if name == "img_signature_certificate_uuid" {
                signing_id.clone_into(value);
            }
        }
        properties
    }

    /// A file of this name with the image, one octet of which has changed.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn changed_image(&self, name: &str) -> PathBuf {
        let mut data = fs::read(&self.image).expect("the image");
        let octet = data.len() / 2;
        data[octet] ^= 1;
        let path = Path::new(&crate::setting("STATE")).join(format!("changed-{name}.qcow2"));
        fs::write(&path, data).expect("a file below target");
        path
    }

    /// A certificate of another guide, which nothing here has to do with.
    ///
    /// # Panics
    /// If it is not there.
    pub fn unrelated() -> Vec<u8> {
        let path = "../../test-vectors/walkthrough/glance/certs/cd7cc675-e573-419c-8fff-33a72734a243.crt";
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("a file of the walkthrough")
    }

    /// The signing certificate, read.
    ///
    /// # Panics
    /// If it cannot be read.
    pub fn signing_certificate(&self) -> Certificate {
        Certificate::from_bytes(&self.signing).expect("the signing certificate")
    }

    /// Fifty certificates to trust: the authorities, and 47 that have nothing to do with them.
    pub fn fifty(&self) -> Vec<Vec<u8>> {
        let others = std::iter::repeat_with(Self::unrelated).take(47);
        self.authorities.iter().cloned().chain(others).collect()
    }

    /// What is decided on an image with the walkthrough's properties, its signing certificate under this id, before its
    /// data are read.
    ///
    /// # Errors
    /// The refusal.
    pub fn begin(
        &self,
        key_manager: &dyn KeyManager,
        signing_id: &str,
        trusted: &[String],
    ) -> Result<Decision, ImageError> {
        verifier().begin(key_manager, self.request(signing_id, trusted))
    }

    /// The same with a key manager that is awaited.
    ///
    /// # Errors
    /// The refusal.
    pub async fn begin_async(
        &self,
        key_manager: &dyn AsyncKeyManager,
        signing_id: &str,
        trusted: &[String],
    ) -> Result<Decision, ImageError> {
        verifier().begin_async(key_manager, self.request(signing_id, trusted)).await
    }

    /// The verdict on an image of these data with the walkthrough's properties.
    ///
    /// # Errors
    /// The refusal.
    ///
    /// # Panics
    /// If there is nothing to verify.
    pub fn verify(
        &self,
        key_manager: &dyn KeyManager,
        signing_id: &str,
        trusted: &[String],
        data: &[u8],
    ) -> Result<VerifiedImage, ImageError> {
        on_data(self.begin(key_manager, signing_id, trusted)?, data)
    }

    /// The same with a key manager that is awaited.
    ///
    /// # Errors
    /// The refusal.
    ///
    /// # Panics
    /// If there is nothing to verify.
    pub async fn verify_async(
        &self,
        key_manager: &dyn AsyncKeyManager,
        signing_id: &str,
        trusted: &[String],
        data: &[u8],
    ) -> Result<VerifiedImage, ImageError> {
        on_data(self.begin_async(key_manager, signing_id, trusted).await?, data)
    }

    fn request(&self, signing_id: &str, trusted: &[String]) -> ImageRequest {
        ImageRequest::new("image", self.properties(signing_id)).trusted_ids(trusted).at(UnixTime::now())
    }

    /// The signing certificate as PEM and nothing else.
    pub fn signing_pem(&self) -> String {
        let text = String::from_utf8_lossy(&self.signing);
        let begin = text.find("-----BEGIN").expect("a PEM block");
        text[begin..].to_owned()
    }
}

fn verifier() -> ImageVerifier {
    ImageVerifier::builder().policy(VerificationPolicy::trusted()).build()
}

fn on_data(decision: Decision, data: &[u8]) -> Result<VerifiedImage, ImageError> {
    let Decision::Verify(mut verification) = decision else { panic!("a signed image is to be verified") };
    verification.update(data);
    verification.verify()
}
