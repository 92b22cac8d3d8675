//! The cases of `test-vectors/openssl`, for a Glance of today.

use std::fs;
use std::path::Path;

use longhand::Certificate;
use serde_json::Value;

/// An image, its properties, and the verdicts.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name.
    pub id: String,
    /// The image.
    pub data: Vec<u8>,
    /// Whether we must verify it.
    pub is_good: bool,
    /// What Cursive 0.3.1 said of it with cryptography 46.
    cursive: String,
    properties: Vec<(String, String)>,
    /// Under which id the case expects a certificate, its file, and the certificate.
    certificates: Vec<(String, String, Vec<u8>)>,
}

/// All of them but those with options that no image property can say.
///
/// # Panics
/// If they are not there.
pub fn read() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test-vectors/openssl");
    let lines = fs::read_to_string(folder.join("cases.jsonl")).expect("the cases");
    let cases = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    cases.filter(|case| case.get("options").is_none()).map(|case| Case::read(&folder, &case)).collect()
}

impl Case {
    fn read(folder: &Path, case: &Value) -> Self {
        let file = |file: &Value| fs::read(folder.join(text(file))).expect("a file of the case");
        let data = match &case["image"]["hex"] {
            Value::String(digits) => octets(digits),
            _ => file(&case["image"]["file"]),
        };
        let certificate = |(name, place): (&String, &Value)| {
            let (id, _form) = name.rsplit_once('.').expect("ID.FORM");
            (id.to_owned(), text(&place["file"]), in_pem(file(&place["file"])))
        };
        let fields = |name: &str| case[name].as_object().cloned().unwrap_or_default();
        Self {
            id: text(&case["id"]),
            data,
            is_good: case["expect"] == "good",
            cursive: text(&case["cursive"]),
            properties: fields("properties")
                .iter()
                .map(|(name, value)| (name.clone(), text(value)))
                .collect(),
            certificates: fields("certificates").iter().map(certificate).collect(),
        }
    }

    /// The image's properties, each certificate under the id that `store` gives it. It is told the certificate's file.
    pub fn properties(&self, mut store: impl FnMut(&str, &[u8]) -> String) -> Vec<(String, String)> {
        let mut properties = self.properties.clone();
        for (id, file, certificate) in &self.certificates {
            let named = properties
                .iter_mut()
                .find(|(name, value)| name.ends_with("_certificate_uuid") && value == id);
            if let Some((_, value)) = named {
                *value = store(file, certificate);
            }
        }
        properties
    }

    /// Whether Glance takes the image: what Cursive said of it, but where services of today differ.
    pub fn glance_accepts(&self) -> bool {
        // Cryptography has no binary curves since 47, and reads explicit parameters of a curve that it knows.
        let has_binary_curve = self.properties.iter().any(|(_, value)| value.starts_with("ECC_SECT"));
        if has_binary_curve || self.id.contains("/sect571k1-as-") {
            return false;
        }
        if self.id.contains("secp384r1-explicit/") {
            return true;
        }
        // Glance takes an image that is signed in part for one that is not signed.
        matches!(&*self.cursive, "good" | "unsigned")
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn octets(digits: &str) -> Vec<u8> {
    let pair = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal digits");
    (0..digits.len()).step_by(2).map(pair).collect()
}

/// A certificate in DER as PEM, because Castellan reads nothing else; anything else as it is.
fn in_pem(certificate: Vec<u8>) -> Vec<u8> {
    if certificate.starts_with(b"\x30") && Certificate::from_der(&certificate).is_ok() {
        let base64 = crate::base64_lines(&certificate);
        return format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n").into_bytes();
    }
    certificate
}
