//! A cloud with Keystone, Barbican and Glance, as its users and their commands see it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::barbican::Secrets;
use crate::{Service, setting};

/// The cloud. The users `demo`, `mate` and `creator` are of the project `demo`, `stranger` is of `other`; all have one
/// password.
#[derive(Clone, Debug)]
pub struct Cloud {
    /// Keystone's address, with `/v3`.
    pub keystone: String,
    /// Barbican's address.
    pub barbican: String,
    /// Everybody's password.
    pub password: String,
    glance: String,
}

impl Cloud {
    /// The one that the runner started.
    pub fn of_settings() -> Self {
        Self {
            keystone: setting("FULL_KEYSTONE"),
            barbican: setting("FULL_BARBICAN"),
            password: setting("FULL_PASSWORD"),
            glance: setting("FULL_GLANCE"),
        }
    }

    /// A token of this user's for this project, and the ids of both.
    pub fn token(&self, user: &str, project: &str) -> Token {
        let domain = json!({"id": "default"});
        let who = json!({"name": user, "domain": domain, "password": self.password});
        self.log_in(&json!({
            "identity": {"methods": ["password"], "password": {"user": who}},
            "scope": {"project": {"name": project, "domain": domain}},
        }))
    }

    /// The token that Keystone gives for this.
    ///
    /// # Panics
    /// If it gives none.
    pub fn log_in(&self, auth: &Value) -> Token {
        let keystone = Service::new(&self.keystone, "X-Auth-Token", "");
        let body = json!({"auth": auth}).to_string().into_bytes();
        let (status, headers, answer) = keystone.send("POST", "/auth/tokens", "application/json", body);
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&answer));
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        let id = |owner: &str| answer["token"][owner]["id"].as_str().unwrap_or_default().to_owned();
        let token = headers.into_iter().find(|(name, _)| name == "x-subject-token").expect("a token").1;
        Token { token, user_id: id("user"), project_id: id("project") }
    }

    /// An application credential of the owner of this token: its id and its secret.
    pub fn application_credential(&self, owner: &Token, name: &str) -> (String, String) {
        let keystone = Service::new(&self.keystone, "X-Auth-Token", &owner.token);
        let path = format!("/users/{}/application_credentials", owner.user_id);
        let made = keystone.make("POST", &path, json!({"application_credential": {"name": name}}));
        let text =
            |field: &str| made["application_credential"][field].as_str().unwrap_or_default().to_owned();
        (text("id"), text("secret"))
    }

    /// Barbican, with this token.
    pub fn secrets(&self, token: &Token) -> Secrets {
        Secrets::new(&self.barbican, &token.token)
    }

    /// Glance, with this token.
    pub fn images(&self, token: &Token) -> Images {
        Images(Service::new(&self.glance, "X-Auth-Token", &token.token))
    }

    /// The file in which Glance keeps an image's data.
    pub fn stored(&self, image: &str) -> PathBuf {
        Path::new(&setting("FULL_STATE")).join("images").join(image)
    }

    /// Runs one of the real clients as this user of the project demo, with this file as its input.
    ///
    /// # Panics
    /// If it cannot be run.
    pub fn command(&self, user: &str, program: &str, arguments: &[&str], input: Option<&Path>) -> Output {
        let stdin = input.map_or_else(Stdio::null, |path| File::open(path).expect("the image").into());
        Command::new(Path::new(&setting("BIN")).join(program))
            .args(arguments)
            .env("OS_AUTH_URL", &self.keystone)
            .env("OS_IDENTITY_API_VERSION", "3")
            .env("OS_USERNAME", user)
            .env("OS_PASSWORD", &self.password)
            .env("OS_PROJECT_NAME", "demo")
            .env("OS_USER_DOMAIN_NAME", "Default")
            .env("OS_PROJECT_DOMAIN_NAME", "Default")
            .env("OS_REGION_NAME", "RegionOne")
            .env("PYTHONWARNINGS", "ignore")
            .stdin(stdin)
            .output()
            .expect("a client of the virtual environment")
    }
}

/// A token, and whose it is.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token.
    pub token: String,
    /// The user.
    pub user_id: String,
    /// The project.
    pub project_id: String,
}

/// What Glance said of an image's data, which it verifies with Cursive while it takes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upload {
    /// The image is active.
    Active,
    /// The data were not taken; the status, and what was said.
    Refused(u16, String),
}

/// A Glance, as one of its users sees it.
#[derive(Clone, Debug)]
pub struct Images(Service);

impl Images {
    /// Makes an image with these properties, without data. Its id; or the status and what was said.
    ///
    /// # Errors
    /// The status and what was said.
    pub fn create(&self, properties: &[(String, String)]) -> Result<String, (u16, String)> {
        let mut image = json!({"name": "image", "disk_format": "raw", "container_format": "bare"});
        // What is Glance's own to say is not said for it.
        for (name, value) in properties.iter().filter(|(name, _)| name.starts_with("img_signature")) {
            image[name] = value.clone().into();
        }
        let (status, answer) = self.0.ask("POST", "/v2/images", Some(image));
        match answer["id"].as_str() {
            Some(id) if status == 201 => Ok(id.to_owned()),
            _ => Err((status, answer.to_string())),
        }
    }

    /// Uploads an image's data.
    pub fn upload(&self, id: &str, data: &[u8]) -> Upload {
        let path = format!("/v2/images/{id}/file");
        let (status, _, answer) = self.0.send("PUT", &path, "application/octet-stream", data.to_vec());
        if status != 204 {
            return Upload::Refused(status, String::from_utf8_lossy(&answer).into_owned());
        }
        assert_eq!(self.0.ask("GET", &format!("/v2/images/{id}"), None).1["status"], "active");
        Upload::Active
    }
}
