//! An OpenBao as its users fill it.

use serde_json::{Value, json};

use crate::{Service, setting};

/// An OpenBao, as its administrator sees it.
#[derive(Clone, Debug)]
pub struct OpenBao(Service);

impl OpenBao {
    /// The one whose address and token are the settings of this name.
    pub fn of_setting(name: &str) -> Self {
        Self::new(setting(name), setting(&format!("{name}_TOKEN")))
    }

    /// At this address, with this token.
    pub fn new(address: impl Into<String>, token: impl Into<String>) -> Self {
        Self(Service::new(address, "X-Vault-Token", token))
    }

    /// The service.
    pub fn service(&self) -> &Service {
        &self.0
    }

    /// Mounts a secrets engine kv of this version.
    pub fn mount(&self, mount: &str, version: u8) {
        self.0.make(
            "POST",
            &format!("/v1/sys/mounts/{mount}"),
            json!({"type": "kv", "options": {"version": version.to_string()}}),
        );
        // An engine of version 2 says 400 while it sets itself up.
        while self.0.ask("GET", &format!("/v1/{mount}/config"), None).0 == 400 {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    /// Writes a secret of an engine of version 2.
    pub fn write(&self, mount: &str, id: &str, fields: &Value) {
        self.0.make("POST", &format!("/v1/{mount}/data/{id}"), json!({"data": fields}));
    }

    /// Writes a secret of an engine of version 1.
    pub fn write_v1(&self, mount: &str, id: &str, fields: &Value) {
        self.0.make("POST", &format!("/v1/{mount}/{id}"), fields.clone());
    }

    /// Makes a policy of this name that allows to read below this path.
    pub fn allow_to_read(&self, policy: &str, path: &str) {
        let rule = format!("path \"{path}/*\" {{ capabilities = [\"read\"] }}");
        self.0.make("PUT", &format!("/v1/sys/policies/acl/{policy}"), json!({"policy": rule}));
    }

    /// Makes a token with this policy.
    pub fn token(&self, policy: &str) -> String {
        let made = self.0.make("POST", "/v1/auth/token/create", json!({"policies": [policy]}));
        text(&made["auth"]["client_token"])
    }

    /// Enables a login method where it is not yet.
    pub fn enable(&self, method: &str) {
        let (status, answer) =
            self.0.ask("POST", &format!("/v1/sys/auth/{method}"), Some(json!({"type": method})));
        assert!(status == 204 || status == 400, "{method}: {status} {answer}");
    }

    /// Makes an AppRole with these fields; its role id and a secret id.
    pub fn app_role(&self, role: &str, fields: Value) -> (String, String) {
        self.enable("approle");
        let path = format!("/v1/auth/approle/role/{role}");
        self.0.make("POST", &path, fields);
        let role_id = self.0.ask("GET", &format!("{path}/role-id"), None).1;
        let secret_id = self.0.make("POST", &format!("{path}/secret-id"), json!({}));
        (text(&role_id["data"]["role_id"]), text(&secret_id["data"]["secret_id"]))
    }

    /// Revokes the tokens of all logins with this AppRole, and no others.
    pub fn revoke_tokens_of(&self, role: &str) {
        let accessors = self.0.ask("GET", "/v1/auth/token/accessors?list=true", None).1;
        for accessor in accessors["data"]["keys"].as_array().into_iter().flatten() {
            let accessor = json!({"accessor": accessor});
            let (_, found) = self.0.ask("POST", "/v1/auth/token/lookup-accessor", Some(accessor.clone()));
            if found["data"]["meta"]["role_name"] == role {
                self.0.make("POST", "/v1/auth/token/revoke-accessor", accessor);
            }
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
