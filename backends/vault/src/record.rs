//! The secrets engine kv: what it is asked, and what its answers say.

use longhand::{Excerpt, KeyManagerError, StoredCertificate};
use longhand_http::{Request, Response};
use serde::Deserialize;
use serde_json::Value;

use crate::error::{Operation, VaultError};
use crate::limits::MAX_RECORD;
use crate::secret_id::SecretId;
use crate::settings::{KvVersion, VaultSettings};

/// Asks for a secret. Who asks, and in which namespace, is added by the caller.
pub(crate) fn request(settings: &VaultSettings, id: SecretId<'_>) -> Request {
    let data = match settings.version {
        KvVersion::V1 => None,
        KvVersion::V2 => Some("data"),
    };
    let segments: Vec<&str> = std::iter::once("v1")
        .chain(settings.mount.segments())
        .chain(data)
        .chain(settings.path.segments())
        .chain([id.as_str()])
        .collect();
    Request::get(settings.endpoint.url(&segments)).max_body(MAX_RECORD)
}

/// What the answer gives.
pub(crate) fn certificate(
    version: KvVersion,
    id: SecretId<'_>,
    answer: &Response,
) -> Result<StoredCertificate, KeyManagerError> {
    let id = id.as_str();
    let failed = |error: VaultError| error.into_key_manager_error(id);
    match answer.status() {
        200 => match data(version, answer).map_err(failed)? {
            Some(record) => record.certificate(id),
            None => Err(KeyManagerError::not_found(id)),
        },
        404 if says_that_nothing_is_there(answer) => Err(KeyManagerError::not_found(id)),
        _ => Err(failed(VaultError::Refused { operation: Operation::Read, refusal: answer.refusal() })),
    }
}

/// An answer of Vault around the fields of a secret, which KV 2 wraps once more.
#[derive(Deserialize)]
struct Answer<T> {
    data: Option<T>,
    #[serde(default)]
    wrap_info: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Versioned {
    // Required, so that the record of KV 1 is not taken for a secret of KV 2 that was deleted.
    #[serde(deserialize_with = "Option::deserialize")]
    data: Option<Record>,
}

/// The fields of the secret; `None` for a version that was deleted.
fn data(version: KvVersion, answer: &Response) -> Result<Option<Record>, VaultError> {
    let unexpected = |what| VaultError::Unexpected { operation: Operation::Read, what };
    let malformed = |_| unexpected("is not the JSON of a secret of this version of the secrets engine");
    let wrapped_up = || unexpected("is wrapped in a token, or empty");
    match version {
        KvVersion::V1 => {
            let answer: Answer<Record> = answer.json().map_err(malformed)?;
            answer.data.filter(|_| answer.wrap_info.is_none()).map(Some).ok_or_else(wrapped_up)
        }
        KvVersion::V2 => {
            let answer: Answer<Versioned> = answer.json().map_err(malformed)?;
            let versioned = answer.data.filter(|_| answer.wrap_info.is_none()).ok_or_else(wrapped_up)?;
            Ok(versioned.data)
        }
    }
}

/// Whether a 404 is about the secret. To one that was never there the engine answers `{"errors": []}`, to a deleted version
/// with its metadata. Everything else (no such mount, no such namespace, an engine of another version, a server that is
/// no Vault) is about the settings, and comes with words in `errors` or `warnings`, or is not of this form.
fn says_that_nothing_is_there(answer: &Response) -> bool {
    #[derive(Deserialize)]
    struct NotThere {
        #[serde(default)]
        errors: Option<Vec<Value>>,
        #[serde(default)]
        warnings: Option<Vec<Value>>,
        #[serde(default)]
        data: Option<Value>,
    }
    let Ok(answer) = answer.json::<NotThere>() else { return false };
    let is_silent = |words: Option<Vec<Value>>| words.is_some_and(|words| words.is_empty());
    answer.data.is_some() || is_silent(answer.errors) && is_silent(answer.warnings.or(Some(Vec::new())))
}

/// The fields of a secret that count.
#[derive(Deserialize)]
struct Record {
    #[serde(default, rename = "type")]
    kind: Option<Value>,
    #[serde(default)]
    value: Option<Value>,
    #[serde(default)]
    certificate: Option<Value>,
}

impl Record {
    /// Castellan writes the word `certificate` into `type` and DER in hexadecimal into `value`. Who makes a secret by hand
    /// needs no `type`, may write PEM, and may call the field `certificate`.
    fn certificate(&self, id: &str) -> Result<StoredCertificate, KeyManagerError> {
        let unsupported = |format: &str| {
            let (id, format) = (Excerpt::new(id), Excerpt::new(format));
            Err(KeyManagerError::UnsupportedFormat { id, format })
        };
        match &self.kind {
            None => {}
            Some(Value::String(kind)) if kind == "certificate" => {}
            Some(Value::String(kind)) => return unsupported(kind),
            Some(_) => return unsupported("type is no text"),
        }
        match self.value.as_ref().or(self.certificate.as_ref()) {
            Some(Value::String(text)) => match hexadecimal(text) {
                Some(octets) => StoredCertificate::from_bytes(id, &octets),
                None => StoredCertificate::from_bytes(id, text.as_bytes()),
            },
            Some(_) => unsupported("value is no text"),
            None => unsupported("no field value, no field certificate"),
        }
    }
}

/// The octets, if the text is nothing but pairs of hexadecimal digits. PEM never is: its first line has hyphens.
fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some(nibble(*high)? << 4 | nibble(*low)?)).collect()
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use longhand::Certificate;
    use longhand_http::{Endpoint, SecretString};
    use serde_json::json;

    use super::*;

    const PEM: &str = include_str!(
        "../../../test-vectors/walkthrough/glance/certs/cd7cc675-e573-419c-8fff-33a72734a243.crt"
    );

    fn hex(octets: &[u8]) -> String {
        octets.iter().map(|octet| format!("{octet:02x}")).collect()
    }

    /// What an answer comes to: the certificate, or the name of the error.
    fn outcome(version: KvVersion, status: u16, body: &str) -> Result<(), &'static str> {
        let answer = Response::new(status, [], body.as_bytes().to_vec());
        let expected = Certificate::from_bytes(PEM.as_bytes()).unwrap();
        match certificate(version, SecretId::new("id").unwrap(), &answer) {
            Ok(stored) => {
                assert_eq!(stored.certificate, expected);
                Ok(())
            }
            Err(error) => Err(error.code().name()),
        }
    }

    #[test]
    fn a_secret_lies_at_mount_path_and_id() {
        let settings =
            || VaultSettings::new(Endpoint::parse("https://vault.test/v/").unwrap(), SecretString::from("t"));
        for (settings, url) in [
            (settings(), "https://vault.test/v/v1/secret/data/a.b"),
            (settings().kv_version(KvVersion::V1), "https://vault.test/v/v1/secret/a.b"),
            (settings().mount("kv/x").unwrap(), "https://vault.test/v/v1/kv/x/data/a.b"),
            (settings().path("team/a").unwrap(), "https://vault.test/v/v1/secret/data/team/a/a.b"),
            (
                settings().path("team").unwrap().kv_version(KvVersion::V1),
                "https://vault.test/v/v1/secret/team/a.b",
            ),
        ] {
            let request = request(&settings, SecretId::new("a.b").unwrap());
            assert_eq!((request.method(), request.url().as_str()), ("GET", url));
            assert_eq!(request.body_limit(), MAX_RECORD);
        }
    }

    #[test]
    fn a_certificate_is_hexadecimal_der_as_castellan_stores_it_or_pem() {
        let der = hex(&Certificate::from_bytes(PEM.as_bytes()).unwrap().der());
        for record in [
            json!({ "type": "certificate", "value": der, "algorithm": null, "bit_length": null, "name": "CA", "created": 1 }),
            json!({ "type": "certificate", "value": der.to_uppercase() }),
            json!({ "type": "certificate", "value": hex(PEM.as_bytes()) }),
            json!({ "type": "certificate", "value": PEM }),
            json!({ "value": PEM }),
            json!({ "certificate": PEM }),
            json!({ "certificate": der }),
            json!({ "type": null, "value": null, "certificate": PEM }),
            json!({ "type": "certificate", "certificate": format!("Certificate:\r\n    Data:\r\n{PEM}{PEM}") }),
            json!({ "value": PEM, "certificate": "not looked at" }),
        ] {
            let (one, two) =
                (json!({ "data": record }), json!({ "data": { "data": record, "metadata": {} } }));
            assert_eq!(outcome(KvVersion::V1, 200, &one.to_string()), Ok(()), "{record}");
            assert_eq!(outcome(KvVersion::V2, 200, &two.to_string()), Ok(()), "{record}");
        }
    }

    #[test]
    fn what_is_no_certificate_says_so() {
        const FORMAT: &str = "certificate_format_unsupported";
        for (record, name) in [
            (json!({ "type": "opaque", "value": PEM }), FORMAT),
            (json!({ "type": "Certificate", "value": PEM }), FORMAT),
            (json!({ "type": 1, "value": PEM }), FORMAT),
            (json!({ "type": "certificate", "value": 1 }), FORMAT),
            (json!({ "value": [PEM] }), FORMAT),
            (json!({ "type": "certificate" }), FORMAT),
            (json!({ "password": "x" }), FORMAT),
            (json!({}), FORMAT),
            (json!({ "value": "" }), "certificate_empty"),
            (json!({ "value": "3082" }), "certificate_malformed"),
            (json!({ "value": "308" }), "certificate_not_pem"),
            (json!({ "value": "zz" }), "certificate_not_pem"),
            (json!({ "value": PEM.replace('M', "!") }), "certificate_not_pem"),
        ] {
            for (version, body) in [
                (KvVersion::V1, json!({ "data": record })),
                (KvVersion::V2, json!({ "data": { "data": record } })),
            ] {
                assert_eq!(outcome(version, 200, &body.to_string()), Err(name), "{record}");
            }
        }
    }

    #[test]
    fn what_vault_answers_instead_of_a_secret_is_told_apart() {
        const NOT_FOUND: &str = "certificate_not_found";
        const FORBIDDEN: &str = "certificate_forbidden";
        const MISCONFIGURED: &str = "key_manager_misconfigured";
        const UNAVAILABLE: &str = "key_manager_unavailable";
        for (status, body, name) in [
            (404, r#"{"errors":[]}"#, NOT_FOUND),
            (
                404,
                r#"{"data":{"data":null,"metadata":{"deletion_time":"2026-11-22T04:29:15Z"}},"warnings":null}"#,
                NOT_FOUND,
            ),
            (200, r#"{"data":{"data":null,"metadata":{"destroyed":true}}}"#, NOT_FOUND),
            (404, r#"{"errors":["namespace not found"]}"#, MISCONFIGURED),
            (
                404,
                r#"{"errors":["no handler for route \"nope/data/x\". route entry not found."]}"#,
                MISCONFIGURED,
            ),
            (
                404,
                r#"{"data":null,"warnings":["Invalid path for a versioned K/V secrets engine."]}"#,
                MISCONFIGURED,
            ),
            (404, "<html>nginx</html>", MISCONFIGURED),
            (404, "", MISCONFIGURED),
            (404, "{}", MISCONFIGURED),
            (404, r#"{"errors":[],"warnings":["Invalid path"]}"#, MISCONFIGURED),
            (404, r#"{"errors":[],"warnings":[]}"#, NOT_FOUND),
            (404, r#"{"data":{"data":null,"metadata":{}},"warnings":["more to say"]}"#, NOT_FOUND),
            (404, "[]", MISCONFIGURED),
            (400, r#"{"errors":["relative paths not supported"]}"#, MISCONFIGURED),
            (405, r#"{"errors":["unsupported operation"]}"#, MISCONFIGURED),
            (401, "", FORBIDDEN),
            (403, r#"{"errors":["permission denied"]}"#, FORBIDDEN),
            (412, "", UNAVAILABLE),
            (429, "", UNAVAILABLE),
            (472, "", UNAVAILABLE),
            (473, "", UNAVAILABLE),
            (500, "", UNAVAILABLE),
            (503, r#"{"errors":["Vault is sealed"]}"#, UNAVAILABLE),
            (204, "", UNAVAILABLE),
            (206, "", UNAVAILABLE),
            (304, "", UNAVAILABLE),
            (200, "", UNAVAILABLE),
            (200, "<html>", UNAVAILABLE),
            (200, "null", UNAVAILABLE),
            (200, "{}", UNAVAILABLE),
            (200, r#"{"data":null}"#, UNAVAILABLE),
            (200, r#"{"data":{}}"#, UNAVAILABLE),
            (200, r#"{"data":{"data":"x"}}"#, UNAVAILABLE),
            (200, r#"{"data":{"data":{"value":"a","value":"b"}}}"#, UNAVAILABLE),
            (200, r#"{"data":{"data":null},"wrap_info":{"token":"s.t"}}"#, UNAVAILABLE),
            (200, r#"{"data":null,"wrap_info":{"token":"s.t"}}"#, UNAVAILABLE),
        ] {
            assert_eq!(outcome(KvVersion::V2, status, body), Err(name), "{status} {body}");
        }
        assert_eq!(outcome(KvVersion::V1, 404, r#"{"errors":[]}"#), Err(NOT_FOUND));
        assert_eq!(outcome(KvVersion::V1, 200, r#"{"data":null}"#), Err(UNAVAILABLE));
    }

    #[test]
    fn json_as_deep_as_it_likes_is_an_answer_like_any_other() {
        for body in
            ["[".repeat(500_000), "{\"data\":".repeat(100_000), format!("{{\"x\":{}", "[".repeat(500_000))]
        {
            for status in [200, 404] {
                assert!(outcome(KvVersion::V2, status, &body).is_err());
            }
        }
    }
}
