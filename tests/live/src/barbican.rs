//! A Barbican as its users fill it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::Service;

/// A token of the Barbican without Keystone: who the caller is, in clear.
pub fn token(project: &str, user: &str, role: &str) -> String {
    format!("{project}:{user}:{role}")
}

/// A Barbican, as one of its users sees it.
#[derive(Clone, Debug)]
pub struct Secrets(Service);

impl Secrets {
    /// At this address, with this token.
    pub fn new(address: impl Into<String>, token: impl Into<String>) -> Self {
        Self(Service::new(address, "X-Auth-Token", token))
    }

    /// The service.
    pub fn service(&self) -> &Service {
        &self.0
    }

    /// Stores a certificate as the guides do: base64 under application/octet-stream. Its id.
    pub fn store(&self, payload: &[u8]) -> String {
        self.store_with(payload, &json!({}))
    }

    /// The same with other fields besides.
    pub fn store_with(&self, payload: &[u8], fields: &Value) -> String {
        self.create(&merged(
            json!({
                "payload": BASE64_STANDARD.encode(payload),
                "payload_content_type": "application/octet-stream",
                "payload_content_encoding": "base64",
            }),
            fields,
        ))
    }

    /// Stores a text under text/plain. Its id.
    pub fn store_text(&self, payload: &str) -> String {
        self.create(&json!({"payload": payload, "payload_content_type": "text/plain"}))
    }

    /// Stores a certificate's description and no payload.
    pub fn store_nothing(&self) -> String {
        self.create(&json!({}))
    }

    /// Makes a certificate container of secrets with these names; its id.
    pub fn contain(&self, secrets: &[(&str, &str)]) -> String {
        let references: Vec<_> = secrets
            .iter()
            .map(|(name, id)| {
                json!({"name": name, "secret_ref": format!("{}/v1/secrets/{id}", self.0.address())})
            })
            .collect();
        let container = json!({"type": "certificate", "name": "walkthrough", "secret_refs": references});
        id_at_end(&self.0.make("POST", "/v1/containers", container)["container_ref"])
    }

    /// Deletes a secret.
    pub fn delete(&self, id: &str) {
        assert_eq!(self.0.ask("DELETE", &format!("/v1/secrets/{id}"), None).0, 204);
    }

    /// Sets who may read a secret.
    pub fn permit(&self, id: &str, read: &Value) {
        self.0.make("PUT", &format!("/v1/secrets/{id}/acl"), json!({"read": read}));
    }

    fn create(&self, fields: &Value) -> String {
        let secret = merged(json!({"name": "walkthrough", "secret_type": "certificate"}), fields);
        id_at_end(&self.0.make("POST", "/v1/secrets", secret)["secret_ref"])
    }
}

fn merged(mut all: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().into_iter().flatten() {
        all[name] = value.clone();
    }
    all
}

fn id_at_end(reference: &Value) -> String {
    let reference = reference.as_str().expect("a reference");
    reference.rsplit('/').next().unwrap_or_default().to_owned()
}
