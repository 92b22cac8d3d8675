//! For tools: `clouds.yaml`, `OS_CLOUD` and the `OS_*` variables. Feature `clouds`.
//!
//! ```no_run
//! use longhand::KeyManager;
//! use longhand_barbican::clouds::{Cloud, Environment, SearchPath};
//! use longhand_barbican::http::{BlockingTransport, Client};
//!
//! let environment: Environment = std::env::vars().collect();
//! let cloud = Cloud::find(None, &environment, &SearchPath::of_openstacksdk(".", &environment))?;
//! let connection = cloud.connect(Client::new(BlockingTransport::new(&cloud.tls()?)))?;
//! let stored = connection.key_manager()?.certificate("125e6199-2de4-46e3-b091-8e2401ef0d63")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use longhand_http::{Client, Endpoint, EndpointError, HttpError, SecretString, Tls, Transport};

use crate::barbican::Barbican;
use crate::credentials::{Credentials, Token};
use crate::keystone::{
    ApplicationCredential, Domain, Interface, KeystoneSession, Login, Names, Project, Scope, ServiceFilter,
    User,
};
use crate::service::Service;

mod search;
mod settings;
mod yaml;

pub use search::{Environment, SearchPath};
pub use yaml::YamlError;

use settings::Settings;

/// Why there is no cloud to connect to. No value of a setting that may be secret is in it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloudError {
    /// Neither a cloud's name nor `OS_AUTH_URL` nor an address of a service is given.
    #[error("no cloud is named: neither by name, nor by OS_CLOUD, nor by OS_AUTH_URL")]
    NotNamed,
    /// There is no `clouds.yaml`.
    #[error("there is no clouds.yaml in {path}, nor does OS_CLIENT_CONFIG_FILE name one")]
    NoFile {
        /// Where it was looked for.
        path: SearchPath,
    },
    /// The file has no cloud of this name.
    #[error("{} has no cloud named {name:?}; it has: {present}", file.display())]
    NoSuchCloud {
        /// The name.
        name: String,
        /// The file.
        file: PathBuf,
        /// The clouds that it has.
        present: Names,
    },
    /// One file was found in the current directory and the other lies elsewhere: whoever can write there could have the
    /// user's password sent to an address of his own.
    #[error(
        "the cloud {name:?} is both in {} and in {}, one of which was found in the current directory, where others may have \
         put it: keep them together, or name that one as well, with OS_CLIENT_CONFIG_FILE or OS_CLIENT_SECURE_FILE",
        file.display(), secure.display()
    )]
    Scattered {
        /// The cloud's name.
        name: String,
        /// The `clouds.yaml`.
        file: PathBuf,
        /// The `secure.yaml`.
        secure: PathBuf,
    },
    /// A file cannot be read.
    #[error("{} cannot be read: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: Arc<io::Error>,
    },
    /// A file is larger than [`limits::MAX_CLOUDS_FILE`](crate::limits::MAX_CLOUDS_FILE).
    #[error("{} is too large for a list of clouds", file.display())]
    TooLarge {
        /// The file.
        file: PathBuf,
    },
    /// A file is not YAML, or more than is read of it.
    #[error("{}: {source}", file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// Where and what.
        source: YamlError,
    },
    /// A setting is missing.
    #[error("{cloud} does not say {setting}")]
    Missing {
        /// Which cloud.
        cloud: CloudName,
        /// Which setting, by its name in `clouds.yaml`.
        setting: &'static str,
    },
    /// A setting has a value that is not supported.
    #[error("{cloud} says {setting}: {value:?}, {why}")]
    Unsupported {
        /// Which cloud.
        cloud: CloudName,
        /// Which setting.
        setting: &'static str,
        /// Its value, which is no secret.
        value: String,
        /// What it must be.
        why: &'static str,
    },
    /// The cloud says that certificates of servers are not to be verified.
    #[error(
        "{cloud} says {setting}: whoever is on the way could read the credentials and send any certificate; \
         name the authority of the servers as cacert instead"
    )]
    NotVerified {
        /// Which cloud.
        cloud: CloudName,
        /// How it says so.
        setting: &'static str,
    },
    /// A setting is no address.
    #[error("{cloud}: {setting} is no address: {source}")]
    Address {
        /// Which cloud.
        cloud: CloudName,
        /// Which setting.
        setting: &'static str,
        /// What is wrong with it.
        source: EndpointError,
    },
}

/// What a cloud is called in errors.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloudName {
    /// By its name in `clouds.yaml`.
    Named(String),
    /// By the `OS_*` variables.
    Environment,
}

impl fmt::Display for CloudName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => write!(f, "the cloud {name:?}"),
            Self::Environment => f.write_str("the environment (OS_*)"),
        }
    }
}

/// A cloud, and who one is there.
#[derive(Clone)]
pub struct Cloud {
    name: CloudName,
    access: Access,
    interface: Interface,
    region: Option<String>,
    key_manager: Option<String>,
    image: Option<String>,
    authority: Option<PathBuf>,
}

/// An address is shown if it is one: what is none may have a password in it.
impl fmt::Debug for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = |text: &String| Endpoint::parse(text).ok();
        let mut shown = f.debug_struct("Cloud");
        shown.field("name", &self.name).field("interface", &self.interface).field("region", &self.region);
        match &self.access {
            Access::None => {}
            Access::Token(token) => _ = shown.field("token", token),
            Access::Keystone { auth_url, login } => {
                shown.field("auth_url", &address(auth_url)).field("login", login);
            }
        }
        shown.field("key_manager", &self.key_manager.as_ref().and_then(address));
        shown.field("image", &self.image.as_ref().and_then(address));
        shown.field("authority", &self.authority).finish()
    }
}

#[derive(Clone)]
enum Access {
    None,
    Token(Token),
    Keystone { auth_url: String, login: Login },
}

impl Cloud {
    /// The cloud of this name, else that of `OS_CLOUD`, from `clouds.yaml` (or the file that `OS_CLIENT_CONFIG_FILE`
    /// names), with what `secure.yaml` (`OS_CLIENT_SECURE_FILE`) adds; without a name that of the `OS_*` variables.
    ///
    /// A named cloud is what its file says: the `OS_*` variables are another cloud's, whose password must not go there.
    ///
    /// # Errors
    /// [`CloudError`].
    pub fn find(
        name: Option<&str>,
        environment: &Environment,
        path: &SearchPath,
    ) -> Result<Self, CloudError> {
        Self::find_with(name, environment, path, [])
    }

    /// The same, with settings of the caller's own, by their names in `clouds.yaml` (`auth.token`,
    /// `key_manager_endpoint_override`): they go before what the file or the environment says.
    ///
    /// # Errors
    /// [`CloudError`].
    pub fn find_with(
        name: Option<&str>,
        environment: &Environment,
        path: &SearchPath,
        own: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Result<Self, CloudError> {
        let own = own.into_iter().collect();
        match name.or_else(|| environment.get("OS_CLOUD")) {
            Some(name) => Self::of_settings(&Settings::of_file(name, environment, path, own)?),
            None => Self::of_settings(&Settings::of_environment(environment, own)?),
        }
    }

    /// The authorities that its servers' certificates are held against: those of the file `cacert`, else the system's.
    ///
    /// # Errors
    /// [`HttpError::Setup`] when the file of `cacert` cannot be read.
    pub fn tls(&self) -> Result<Tls, HttpError> {
        self.authority.as_ref().map_or_else(|| Ok(Tls::system()), Tls::with_ca_file)
    }

    /// The cloud, over a transport. Nothing is sent yet.
    ///
    /// # Errors
    /// [`CloudError::Address`] when `auth_url` or an override is no address.
    pub fn connect<T: Transport>(&self, client: Client<T>) -> Result<Connection<T>, CloudError> {
        let session = match &self.access {
            Access::Keystone { auth_url, login } => Some(
                KeystoneSession::new(client.clone(), auth_url, login.clone())
                    .map_err(|source| self.no_address("auth_url", source))?,
            ),
            Access::None | Access::Token(_) => None,
        };
        let credentials = match (&session, &self.access) {
            (Some(session), _) => session.clone().into(),
            (None, Access::Token(token)) => token.clone().into(),
            (None, _) => Credentials::None,
        };
        let place = |setting: &'static str, address: &Option<String>, filter: ServiceFilter| match (
            address, &session,
        ) {
            (Some(address), _) => Service::at(client.clone(), address, credentials.clone())
                .map(Some)
                .map_err(|source| self.no_address(setting, source)),
            (None, Some(session)) => Ok(Some(Service::in_catalogue(session.clone(), self.filter(filter)))),
            (None, None) => Ok(None),
        };
        let key_manager =
            place("key_manager_endpoint_override", &self.key_manager, ServiceFilter::key_manager())?;
        let image = place("image_endpoint_override", &self.image, ServiceFilter::image())?;
        Ok(Connection { cloud: self.name.clone(), session, key_manager, image })
    }

    fn filter(&self, filter: ServiceFilter) -> ServiceFilter {
        let filter = filter.interface(self.interface);
        match &self.region {
            Some(region) => filter.region(region),
            None => filter,
        }
    }

    fn no_address(&self, setting: &'static str, source: EndpointError) -> CloudError {
        CloudError::Address { cloud: self.name.clone(), setting, source }
    }

    fn of_settings(settings: &Settings) -> Result<Self, CloudError> {
        settings.refuse_unverified()?;
        let interface = match settings.get("interface") {
            Some(word) => Interface::from_word(word).ok_or_else(|| {
                settings.unsupported("interface", word, "it must be public, internal or admin")
            })?,
            None => Interface::default(),
        };
        let owned = |key| settings.get(key).map(str::to_owned);
        let none = settings.get("auth_type") == Some("none");
        let endpoint = if none { owned("auth.endpoint") } else { None };
        let key_manager = owned("key_manager_endpoint_override").or(endpoint);
        Ok(Self {
            name: settings.cloud().clone(),
            access: access(settings, key_manager.is_some())?,
            interface,
            region: owned("region_name"),
            key_manager,
            image: owned("image_endpoint_override"),
            authority: settings.get("cacert").map(PathBuf::from),
        })
    }
}

/// A cloud's services. Those in its catalogue share one login.
#[derive(Debug)]
pub struct Connection<T> {
    cloud: CloudName,
    session: Option<KeystoneSession<T>>,
    key_manager: Option<Service<T>>,
    image: Option<Service<T>>,
}

impl<T: Transport> Connection<T> {
    /// The login that its services share, if there is one: not where a token or nobody's rights serve as they are.
    #[must_use]
    pub const fn session(&self) -> Option<&KeystoneSession<T>> {
        self.session.as_ref()
    }

    /// Barbican.
    ///
    /// # Errors
    /// [`CloudError::Missing`] when there is neither a login nor `key_manager_endpoint_override`.
    pub fn key_manager(&self) -> Result<Barbican<T>, CloudError> {
        let service = self.key_manager.clone();
        service.map(Barbican::from).ok_or_else(|| self.missing("key_manager_endpoint_override"))
    }

    /// Glance.
    ///
    /// # Errors
    /// [`CloudError::Missing`] when there is neither a login nor `image_endpoint_override`.
    pub fn image(&self) -> Result<Service<T>, CloudError> {
        self.image.clone().ok_or_else(|| self.missing("image_endpoint_override"))
    }

    fn missing(&self, setting: &'static str) -> CloudError {
        CloudError::Missing { cloud: self.cloud.clone(), setting }
    }
}

/// With what to log in, by `auth_type`, in keystoneauth's names; without it, by what is there.
fn access(settings: &Settings, has_endpoint: bool) -> Result<Access, CloudError> {
    let auth_type = settings.get("auth_type").unwrap_or_else(|| {
        let has = |key| settings.get(key).is_some();
        if has("auth.application_credential_secret") {
            "v3applicationcredential"
        } else if has("auth.token") && !has("auth.password") {
            "v3token"
        } else {
            "v3password"
        }
    });
    let login = match auth_type {
        "none" => return Ok(Access::None),
        "password" | "v3password" => Login::Password {
            user: user(settings)?,
            password: secret(settings, "auth.password")?,
            scope: scope(settings)?,
        },
        "v3applicationcredential" => Login::ApplicationCredential {
            credential: match settings.get("auth.application_credential_id") {
                Some(id) => ApplicationCredential::Id(id.to_owned()),
                None => ApplicationCredential::Name {
                    name: settings.needed("auth.application_credential_name")?.to_owned(),
                    user: user(settings)?,
                },
            },
            secret: secret(settings, "auth.application_credential_secret")?,
        },
        // With an address the token serves as it is; else a catalogue is needed, which only a login gives.
        "token" | "v3token" if has_endpoint => {
            return Ok(Access::Token(Token::new(secret(settings, "auth.token")?)));
        }
        "token" | "v3token" => {
            Login::Token { token: secret(settings, "auth.token")?, scope: scope(settings)? }
        }
        other => {
            let known =
                "which is not one of password, v3password, v3applicationcredential, token, v3token and none";
            return Err(settings.unsupported("auth_type", other, known));
        }
    };
    if let Some(version @ ("2" | "2.0")) = settings.get("identity_api_version") {
        return Err(settings.unsupported("identity_api_version", version, "which Keystone no longer has"));
    }
    Ok(Access::Keystone { auth_url: settings.needed("auth.auth_url")?.to_owned(), login })
}

fn secret(settings: &Settings, key: &'static str) -> Result<SecretString, CloudError> {
    settings.needed(key).map(SecretString::from)
}

fn user(settings: &Settings) -> Result<User, CloudError> {
    if let Some(id) = settings.get("auth.user_id") {
        return Ok(User::Id(id.to_owned()));
    }
    let name = settings.needed("auth.username")?.to_owned();
    Ok(User::Name { name, domain: domain(settings, "auth.user_domain_id", "auth.user_domain_name") })
}

/// The domain by id or name, else the one that is said to be the default, else the first one, as the `openstack` command
/// has it.
fn domain(settings: &Settings, id: &str, name: &str) -> Domain {
    let by_id = |key| settings.get(key).map(|id| Domain::Id(id.to_owned()));
    let by_name = |key| settings.get(key).map(|name| Domain::Name(name.to_owned()));
    by_id(id)
        .or_else(|| by_name(name))
        .or_else(|| by_id("auth.default_domain_id"))
        .or_else(|| by_name("auth.default_domain_name"))
        .or_else(|| by_id("auth.default_domain"))
        .unwrap_or_else(|| Domain::Id("default".to_owned()))
}

fn scope(settings: &Settings) -> Result<Scope, CloudError> {
    let get = |key| settings.get(key).map(str::to_owned);
    let domain_of_project = || domain(settings, "auth.project_domain_id", "auth.project_domain_name");
    let project = get("auth.project_id").map(Project::Id).or_else(|| {
        let name = get("auth.project_name")?;
        Some(Project::Name { name, domain: domain_of_project() })
    });
    let domain = get("auth.domain_id").map(Domain::Id).or_else(|| get("auth.domain_name").map(Domain::Name));
    match (project, domain, settings.get("auth.system_scope")) {
        (None, None, None) => Ok(Scope::Unnamed),
        (Some(project), None, None) => Ok(Scope::Project(project)),
        (None, Some(domain), None) => Ok(Scope::Domain(domain)),
        (None, None, Some("all" | "true" | "True")) => Ok(Scope::System),
        (None, None, Some(other)) => Err(settings.unsupported("system_scope", other, "it must be all")),
        (project, _, _) => {
            let named = if project.is_some() { "a project" } else { "a domain" };
            Err(settings.unsupported("auth", named, "and another scope too: a token is for one"))
        }
    }
}
