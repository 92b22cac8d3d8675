//! Logins and renewals: what Vault is asked, and what its answers grant.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use longhand_http::{Endpoint, ExposeSecret, HttpError, Request, Response, SecretString};
use serde::{Deserialize, Serialize};

use crate::error::{Operation, VaultError};
use crate::limits::{MAX_LEASE, MAX_TOKEN_FILE};
use crate::settings::{Login, Method};

/// Asks for a token. The namespace is added by the caller.
pub(crate) fn login_request(endpoint: &Endpoint, login: &Login) -> Result<Request, VaultError> {
    let segments: Vec<&str> =
        ["v1", "auth"].into_iter().chain(login.auth_path.segments()).chain(["login"]).collect();
    let url = endpoint.url(&segments);
    let request = match &login.method {
        Method::AppRole { role_id, secret_id } => Request::post_json(
            url,
            &AppRole {
                role_id: role_id.expose_secret(),
                secret_id: secret_id.as_ref().map(ExposeSecret::expose_secret),
            },
        )
        .map(|request| secret_id.iter().fold(request.hiding(role_id), Request::hiding)),
        Method::TokenFile { role, file } => {
            let jwt = token_in(file)
                .map_err(|source| VaultError::TokenFile { file: file.clone(), source: Arc::new(source) })?;
            Request::post_json(url, &Jwt { role, jwt: jwt.expose_secret() })
                .map(|request| request.hiding(&jwt))
        }
    };
    request.map_err(|source| VaultError::NoAnswer { operation: Operation::Login, source })
}

/// Asks for a longer lease. Token and namespace are added by the caller.
pub(crate) fn renewal_request(endpoint: &Endpoint) -> Result<Request, HttpError> {
    Request::post_json(endpoint.url(&["v1", "auth", "token", "renew-self"]), &Renewal {})
}

#[derive(Serialize)]
struct AppRole<'a> {
    role_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Jwt<'a> {
    role: &'a str,
    jwt: &'a str,
}

#[derive(Serialize)]
struct Renewal {}

/// The token in a file, without the white space around it. It is small and lies in memory or on a local disk, so it is read
/// on whatever thread asks.
fn token_in(file: &Path) -> io::Result<SecretString> {
    let invalid = |what| io::Error::new(io::ErrorKind::InvalidData, what);
    // Opening a pipe would wait for a writer.
    if !std::fs::metadata(file)?.is_file() {
        return Err(invalid("it is not a regular file"));
    }
    let limit = u64::try_from(MAX_TOKEN_FILE).unwrap_or(u64::MAX);
    let mut text = String::new();
    File::open(file)?.take(limit.saturating_add(1)).read_to_string(&mut text)?;
    if text.len() > MAX_TOKEN_FILE {
        return Err(invalid("it is too long for a token"));
    }
    match text.trim() {
        "" => Err(invalid("it is empty")),
        token => Ok(SecretString::from(token)),
    }
}

/// What a login or a renewal grants.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) token: SecretString,
    /// How long the token holds from now on; `None` is for ever.
    pub(crate) lease: Option<Duration>,
    pub(crate) is_renewable: bool,
    /// Whether the token may be used so many times and no more.
    pub(crate) is_counted: bool,
}

impl Grant {
    /// Reads the answer to a login or a renewal.
    pub(crate) fn from_answer(operation: Operation, answer: &Response) -> Result<Self, VaultError> {
        if answer.status() != 200 {
            return Err(VaultError::Refused { operation, refusal: answer.refusal() });
        }
        let unexpected = |what| VaultError::Unexpected { operation, what };
        let answer: Answer =
            answer.json().map_err(|_| unexpected("is not the JSON that Vault answers to logins"))?;
        let auth = answer.auth.ok_or_else(|| unexpected("grants no token"))?;
        // Where a second factor is wanted, the token is empty.
        if auth.client_token.is_empty() || !auth.client_token.bytes().all(|octet| octet.is_ascii_graphic()) {
            return Err(unexpected("grants a token that is none"));
        }
        let lease = Duration::from_secs(auth.lease_duration).min(MAX_LEASE);
        Ok(Self {
            token: auth.client_token.into(),
            lease: (!lease.is_zero()).then_some(lease),
            is_renewable: auth.renewable,
            is_counted: auth.num_uses > 0,
        })
    }
}

#[derive(Deserialize)]
struct Answer {
    auth: Option<Auth>,
}

#[derive(Deserialize)]
struct Auth {
    client_token: String,
    #[serde(default)]
    lease_duration: u64,
    #[serde(default)]
    renewable: bool,
    #[serde(default)]
    num_uses: u64,
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn asked(login: &Login) -> (String, serde_json::Value) {
        let request = login_request(&Endpoint::parse("https://vault.test").unwrap(), login).unwrap();
        assert_eq!(request.method(), "POST");
        (request.url().path().to_owned(), serde_json::from_slice(request.body().unwrap()).unwrap())
    }

    #[test]
    fn a_login_is_what_castellan_sends() {
        let directory = tempfile::TempDir::new().unwrap();
        let file = directory.path().join("token");
        fs::write(&file, "\n eyJ.a.b \r\n").unwrap();
        let app_role = |secret: Option<&str>| Login::app_role("r".into(), secret.map(SecretString::from));
        for (login, path, body) in [
            (app_role(Some("s")), "/v1/auth/approle/login", r#"{"role_id":"r","secret_id":"s"}"#),
            (app_role(None), "/v1/auth/approle/login", r#"{"role_id":"r"}"#),
            (Login::jwt("r", &file), "/v1/auth/jwt/login", r#"{"role":"r","jwt":"eyJ.a.b"}"#),
            (Login::kubernetes("r", &file), "/v1/auth/kubernetes/login", r#"{"role":"r","jwt":"eyJ.a.b"}"#),
            (
                Login::kubernetes("r", &file).auth_path("kubernetes/my-cluster/").unwrap(),
                "/v1/auth/kubernetes/my-cluster/login",
                r#"{"role":"r","jwt":"eyJ.a.b"}"#,
            ),
        ] {
            assert_eq!(asked(&login), (path.to_owned(), serde_json::from_str(body).unwrap()));
        }
    }

    #[test]
    fn a_token_file_is_read_afresh_at_every_login() {
        let directory = tempfile::TempDir::new().unwrap();
        let file = directory.path().join("token");
        let login = Login::jwt("r", &file);
        for token in ["eyJ.a.b", "eyJ.c.d"] {
            fs::write(&file, token).unwrap();
            assert_eq!(asked(&login).1["jwt"], token);
        }
    }

    /// Opening a pipe would wait for somebody to write to it.
    #[cfg(unix)]
    #[test]
    fn a_pipe_is_not_waited_for() {
        let directory = tempfile::TempDir::new().unwrap();
        let pipe = directory.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || sender.send(token_in(&pipe).is_err()));
        assert_eq!(receiver.recv_timeout(Duration::from_secs(10)), Ok(true));
    }

    #[test]
    fn what_is_no_token_file_is_an_affair_of_the_operator() {
        let directory = tempfile::TempDir::new().unwrap();
        let file = |name: &str, octets: &[u8]| {
            let file = directory.path().join(name);
            fs::write(&file, octets).unwrap();
            file
        };
        for path in [
            directory.path().join("absent"),
            directory.path().to_owned(),
            file("empty", b""),
            file("blank", b" \n"),
            file("no text", &[0xff, 0xfe]),
            file("long", &vec![b'x'; MAX_TOKEN_FILE + 1]),
            "/dev/zero".into(),
        ] {
            let login = Login::jwt("r", &path);
            let error = login_request(&Endpoint::parse("https://vault.test").unwrap(), &login).unwrap_err();
            let error = error.into_key_manager_error("id");
            assert_eq!(error.code().name(), "key_manager_misconfigured", "{path:?}: {error}");
        }
        let at_the_bound = Login::jwt("r", file("long", &vec![b'x'; MAX_TOKEN_FILE]));
        assert_eq!(asked(&at_the_bound).1["jwt"].as_str().map(str::len), Some(MAX_TOKEN_FILE));
    }
}
