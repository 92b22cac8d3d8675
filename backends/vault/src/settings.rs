//! Where the certificates lie, and how to get in.

use std::fmt;
use std::path::PathBuf;

use longhand::Excerpt;
use longhand_http::{Endpoint, SecretString};

/// A Vault, the place of the certificates in it, and what opens it.
///
/// ```
/// use longhand_http::Endpoint;
/// use longhand_vault::{KvVersion, Login, VaultSettings};
///
/// let login = Login::app_role("4c8fe826-5069".into(), Some("90aaa012-384a".to_owned().into()));
/// let settings = VaultSettings::new(Endpoint::parse("https://vault.example:8200")?, login)
///     .mount("kv")?
///     .path("images/certificates")?
///     .kv_version(KvVersion::V1)
///     .namespace("cloud")?;
/// assert!(!format!("{settings:?}").contains("90aaa012"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct VaultSettings {
    pub(crate) endpoint: Endpoint,
    pub(crate) credentials: Credentials,
    pub(crate) mount: SegmentPath,
    pub(crate) path: SegmentPath,
    pub(crate) version: KvVersion,
    pub(crate) namespace: Option<String>,
}

impl VaultSettings {
    /// A secrets engine KV 2 that is mounted at `secret`, without a namespace: Castellan's defaults.
    pub fn new(endpoint: Endpoint, credentials: impl Into<Credentials>) -> Self {
        Self {
            endpoint,
            credentials: credentials.into(),
            mount: SegmentPath::single("secret"),
            path: SegmentPath::default(),
            version: KvVersion::default(),
            namespace: None,
        }
    }

    /// Where the secrets engine is mounted; Castellan's `kv_mountpoint`.
    ///
    /// # Errors
    /// [`SettingsError`] if it is empty or cannot be a path.
    pub fn mount(mut self, mount: &str) -> Result<Self, SettingsError> {
        self.mount = SegmentPath::parse("mount", mount)?;
        Ok(self)
    }

    /// The path in the secrets engine below which the certificates lie; Castellan's `kv_path`.
    ///
    /// # Errors
    /// [`SettingsError`] if it is empty or cannot be a path.
    pub fn path(mut self, path: &str) -> Result<Self, SettingsError> {
        self.path = SegmentPath::parse("path", path)?;
        Ok(self)
    }

    /// The version of the secrets engine; Castellan's `kv_version`. [`KvVersion::V2`] unless said otherwise.
    #[must_use]
    pub fn kv_version(mut self, version: KvVersion) -> Self {
        self.version = version;
        self
    }

    /// The namespace of every request, logins included; Castellan's `namespace`.
    ///
    /// # Errors
    /// [`SettingsError`] if it is empty or cannot be a path.
    pub fn namespace(mut self, namespace: &str) -> Result<Self, SettingsError> {
        self.namespace = Some(SegmentPath::parse("namespace", namespace)?.0.join("/"));
        Ok(self)
    }
}

/// The version of the secrets engine `kv`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KvVersion {
    /// Secrets have one version, and lie right below the mount.
    V1,
    /// Secrets have versions, and lie below `data/`.
    #[default]
    V2,
}

/// What opens a Vault.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Credentials {
    /// A token, which is used as it is: never renewed, never replaced.
    Token(SecretString),
    /// A login, whose token is renewed, and replaced when it has ended.
    Login(Login),
}

impl From<SecretString> for Credentials {
    fn from(token: SecretString) -> Self {
        Self::Token(token)
    }
}

impl From<Login> for Credentials {
    fn from(login: Login) -> Self {
        Self::Login(login)
    }
}

/// A way to get a token. `Debug` shows where it logs in and with which kind of credential, never the credential.
#[derive(Clone)]
pub struct Login {
    pub(crate) auth_path: SegmentPath,
    pub(crate) method: Method,
}

#[derive(Clone)]
pub(crate) enum Method {
    AppRole { role_id: SecretString, secret_id: Option<SecretString> },
    TokenFile { role: String, file: PathBuf },
}

impl Login {
    /// Where Kubernetes puts the token of a pod's service account.
    pub const KUBERNETES_TOKEN_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

    /// A login by AppRole, at `auth/approle`. Roles may be made such that they need no secret id.
    #[must_use]
    pub fn app_role(role_id: SecretString, secret_id: Option<SecretString>) -> Self {
        Self { auth_path: SegmentPath::single("approle"), method: Method::AppRole { role_id, secret_id } }
    }

    /// A login with the JSON Web Token in a file, at `auth/jwt`. The file is read afresh at every login.
    pub fn jwt(role: &str, token_file: impl Into<PathBuf>) -> Self {
        let method = Method::TokenFile { role: role.to_owned(), file: token_file.into() };
        Self { auth_path: SegmentPath::single("jwt"), method }
    }

    /// A login with the token of a service account of Kubernetes, at `auth/kubernetes`. The file (in a pod it is
    /// [`Login::KUBERNETES_TOKEN_FILE`]) is read afresh at every login, because Kubernetes replaces it.
    pub fn kubernetes(role: &str, token_file: impl Into<PathBuf>) -> Self {
        Self { auth_path: SegmentPath::single("kubernetes"), ..Self::jwt(role, token_file) }
    }

    /// The same where the method is mounted elsewhere, without `auth/` in front; Castellan's `auth_path`.
    ///
    /// # Errors
    /// [`SettingsError`] if it is empty or cannot be a path.
    pub fn auth_path(mut self, path: &str) -> Result<Self, SettingsError> {
        self.auth_path = SegmentPath::parse("auth path", path)?;
        Ok(self)
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Login");
        shown.field("auth_path", &self.auth_path);
        match &self.method {
            Method::AppRole { .. } => shown.field("method", &"AppRole"),
            Method::TokenFile { role, file } => shown.field("role", role).field("token_file", file),
        };
        shown.finish_non_exhaustive()
    }
}

/// A setting that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A mount, a path or a namespace is no path.
    #[error("the {setting} {given} is no path of Vault: {rule}")]
    Path {
        /// Which setting.
        setting: &'static str,
        /// What it was given.
        given: Excerpt,
        /// The rule it breaks.
        rule: &'static str,
    },
}

/// A path of segments, none of which means anything but itself. It comes from whoever set up the service; a slip is to be
/// found here rather than in what Vault makes of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SegmentPath(pub(crate) Vec<String>);

impl SegmentPath {
    fn single(segment: &str) -> Self {
        Self(vec![segment.to_owned()])
    }

    fn parse(setting: &'static str, given: &str) -> Result<Self, SettingsError> {
        let error = |rule| SettingsError::Path { setting, given: Excerpt::new(given), rule };
        let inner = given.strip_prefix('/').unwrap_or(given);
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        let is_plain = |octet: u8| octet.is_ascii_graphic() && !matches!(octet, b'\\' | b'%' | b'?' | b'#');
        for segment in inner.split('/') {
            if segment.is_empty() {
                return Err(error("one of its segments is empty"));
            }
            if segment == "." || segment == ".." {
                return Err(error("it has a segment '.' or '..'"));
            }
            if !segment.bytes().all(is_plain) {
                return Err(error(
                    "it has white space, '\\', '%', '?', '#' or characters that are not ASCII",
                ));
            }
        }
        Ok(Self(inner.split('/').map(str::to_owned).collect()))
    }

    pub(crate) fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> VaultSettings {
        VaultSettings::new(Endpoint::parse("http://vault.test:8200").unwrap(), SecretString::from("t0ken"))
    }

    #[test]
    fn paths_have_segments_that_mean_themselves() {
        for (given, segments) in [
            ("secret", vec!["secret"]),
            ("/kv/", vec!["kv"]),
            ("team/a", vec!["team", "a"]),
            ("a..b/.c", vec!["a..b", ".c"]),
        ] {
            assert_eq!(SegmentPath::parse("path", given).unwrap().segments().collect::<Vec<_>>(), segments);
        }
        for given in [
            "", "/", "//", "a//b", "..", "a/../b", ".", "a/.", "a b", "a\n", "a%2fb", "a?b", "a#b", "a\\b",
            "ä",
        ] {
            let error = SegmentPath::parse("path", given).unwrap_err();
            assert!(error.to_string().starts_with("the path \""), "{error}");
        }
    }

    #[test]
    fn every_setting_that_is_a_path_is_checked() {
        for setting in [
            settings().mount("..").map(drop),
            settings().path("..").map(drop),
            settings().namespace("a\r\nX-Vault-Token: b").map(drop),
            Login::jwt("r", "f").auth_path("../sys").map(drop),
        ] {
            assert!(setting.is_err());
        }
    }

    #[test]
    fn nothing_secret_is_shown() {
        let login = Login::app_role("r0le-id".into(), Some("s3cret-id".into()));
        let login = VaultSettings { credentials: login.into(), ..settings() };
        let shown = format!("{:?} {login:?}", settings());
        for secret in ["t0ken", "r0le-id", "s3cret-id"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(shown.contains("approle") && shown.contains("vault.test"), "{shown}");
    }
}
