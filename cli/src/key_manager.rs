//! From the options about certificates, and a service's configuration, to the key manager that is asked.

use std::env;
use std::path::Path;

use longhand::{DirectoryKeyManager, KeyManager, MemoryKeyManager};
use longhand_barbican::Barbican;
use longhand_barbican::clouds::{Cloud, Environment, SearchPath};
use longhand_barbican::http::{BlockingTransport, Endpoint, ExposeSecret as _, SecretString, Tls};
use longhand_vault::{Credentials, KvVersion, Vault, VaultSettings};

use crate::advice::key_manager::KeyManagerKind;
use crate::arguments::source::SourceArguments;
use crate::cloud::{self, CloudConnection};
use crate::fault::Fault;
use crate::nova_conf;
use crate::nova_conf::key_manager::{BarbicanConf, KeyManagerConf, VaultConf, VaultLogin};
use crate::problem::Problem;

/// A key manager, and which it is.
type Opened = (KeyManagerKind, Box<dyn KeyManager>);

/// What the options lead to. Nothing was sent yet.
#[derive(Debug, Default)]
pub(crate) struct Source {
    key_manager: Option<Opened>,
    cloud: Option<CloudConnection>,
}

impl Source {
    /// An empty one, for whoever asks for nothing.
    pub(crate) fn unneeded() -> Self {
        let nothing: Box<dyn KeyManager> = Box::new(MemoryKeyManager::new());
        Self { key_manager: Some((KeyManagerKind::Directory, nothing)), cloud: None }
    }

    pub(crate) fn key_manager(&self) -> Option<&dyn KeyManager> {
        self.key_manager.as_ref().map(|(_, key_manager)| &**key_manager)
    }

    /// The problem with what can be done about it in the key manager that was asked.
    pub(crate) fn advise(&self, problem: Problem) -> Problem {
        match &self.key_manager {
            Some((asked, _)) => problem.asked_of(*asked),
            None => problem,
        }
    }

    /// The cloud that is asked, if one is.
    pub(crate) fn cloud(&self) -> Option<&CloudConnection> {
        self.cloud.as_ref()
    }
}

/// Opens the key manager: the one that the options name, else that of the service's configuration, else Barbican in the
/// cloud. `needs_cloud` where an image is asked for by its id.
pub(crate) fn open(
    arguments: &SourceArguments,
    nova_conf: Option<&Path>,
    needs_cloud: bool,
) -> Result<Source, Problem> {
    let opening = Opening { arguments, environment: cloud::environment(env::vars_os()) };
    let names_none = arguments.certs.is_none() && arguments.barbican.is_none() && arguments.vault.is_none();
    let of_vault = [
        (arguments.vault_mount.is_some(), "--vault-mount"),
        (arguments.vault_path.is_some(), "--vault-path"),
        (arguments.vault_kv_version.is_some(), "--vault-kv-version"),
    ];
    if let Some((_, option)) = of_vault.iter().find(|(given, _)| *given && arguments.vault.is_none()) {
        return Err(Problem::usage(format!("{option} is of no use without --vault")));
    }
    let conf = match nova_conf.filter(|_| names_none) {
        Some(path) => Some(nova_conf::read_key_manager(path)?),
        None => None,
    };
    let is_cloud_named = arguments.os_cloud.is_some() || arguments.os_token.is_some();
    let of_cloud = match &conf {
        Some(KeyManagerConf::Barbican(_)) => true,
        Some(KeyManagerConf::Vault(_)) => false,
        None => arguments.barbican.is_some() || (names_none && (needs_cloud || is_cloud_named)),
    };
    if is_cloud_named && !of_cloud && !needs_cloud {
        let option = if arguments.os_cloud.is_some() { "--os-cloud" } else { "--os-token" };
        return Err(Problem::usage(format!(
            "{option} is of no use where neither Barbican nor Glance is asked"
        )));
    }
    let cloud = if of_cloud || needs_cloud { Some(opening.cloud(conf.as_ref())?) } else { None };
    let key_manager = match (&conf, &cloud) {
        (Some(KeyManagerConf::Vault(conf)), _) => Some((KeyManagerKind::Vault, opening.vault_of_conf(conf)?)),
        (Some(KeyManagerConf::Barbican(conf)), Some(cloud)) => {
            Some((KeyManagerKind::Barbican, opening.barbican_of_conf(conf, cloud)?))
        }
        (None, Some(cloud)) if of_cloud => {
            let barbican = cloud.key_manager().map_err(|error| cloud::problem(&error))?;
            Some((KeyManagerKind::Barbican, boxed(barbican)))
        }
        _ => opening.named()?,
    };
    Ok(Source { key_manager, cloud })
}

fn boxed(key_manager: impl KeyManager + 'static) -> Box<dyn KeyManager> {
    Box::new(key_manager)
}

struct Opening<'a> {
    arguments: &'a SourceArguments,
    environment: Environment,
}

impl Opening<'_> {
    /// What `--certs` or `--vault` name.
    fn named(&self) -> Result<Option<Opened>, Problem> {
        if let Some(directory) = &self.arguments.certs {
            return Ok(Some((KeyManagerKind::Directory, boxed(DirectoryKeyManager::new(directory)))));
        }
        match &self.arguments.vault {
            Some(url) => Ok(Some((KeyManagerKind::Vault, self.vault(url)?))),
            None => Ok(None),
        }
    }

    /// The cloud, with what the options and the configuration say of it.
    fn cloud(&self, conf: Option<&KeyManagerConf>) -> Result<CloudConnection, Problem> {
        let mut own = Vec::new();
        if let Some(KeyManagerConf::Barbican(conf)) = conf {
            own.extend(conf.settings());
            // Castellan logs in there with the caller's token.
            if self.arguments.os_token.is_some()
                && let Some(address) = &conf.auth_endpoint
            {
                own.push(("auth.auth_url", address.clone()));
            }
        }
        if let Some(url) = &self.arguments.barbican {
            own.push(("key_manager_endpoint_override", url.clone()));
        }
        if let Some(token) = &self.arguments.os_token {
            own.push(("auth_type", "v3token".to_owned()));
            own.push(("auth.token", token.expose_secret().to_owned()));
        }
        cloud::connect(self.arguments.os_cloud.as_deref(), &self.environment, own)
    }

    fn barbican_of_conf(
        &self,
        conf: &BarbicanConf,
        cloud: &CloudConnection,
    ) -> Result<Box<dyn KeyManager>, Problem> {
        let barbican = cloud.key_manager().map_err(|error| cloud::problem(&error))?;
        match &conf.service_user {
            Some(service_user) => Ok(boxed(with_service_user(barbican, service_user)?)),
            None => Ok(boxed(barbican)),
        }
    }

    fn vault(&self, url: &str) -> Result<Box<dyn KeyManager>, Problem> {
        let token = variable("VAULT_TOKEN")?
            .ok_or_else(|| no_token("--vault: the environment variable VAULT_TOKEN is not set"))?;
        let endpoint = endpoint("--vault", url)?;
        let mut settings = VaultSettings::new(endpoint, SecretString::from(token));
        if let Some(mount) = &self.arguments.vault_mount {
            settings = settings.mount(mount).map_err(|error| of_vault(&error))?;
        }
        if let Some(path) = &self.arguments.vault_path {
            settings = settings.path(path).map_err(|error| of_vault(&error))?;
        }
        if let Some(namespace) = variable("VAULT_NAMESPACE")? {
            settings = settings.namespace(&namespace).map_err(|error| of_vault(&error))?;
        }
        settings = settings.kv_version(kv_version(self.arguments.vault_kv_version.unwrap_or(2)));
        let tls = match variable("VAULT_CACERT")? {
            Some(file) => Tls::with_ca_file(file).map_err(|error| of_vault(&error))?,
            None => Tls::system(),
        };
        Ok(boxed(Vault::new(cloud::client(&tls), settings)))
    }

    /// As Castellan reads the section; where it names no way in, with `VAULT_TOKEN`.
    fn vault_of_conf(&self, conf: &VaultConf) -> Result<Box<dyn KeyManager>, Problem> {
        let wrong = |error: &dyn std::error::Error| of_vault(error).of_file("[vault]");
        let credentials: Credentials = match &conf.login {
            VaultLogin::Token(token) => token.clone().into(),
            VaultLogin::Method(login) => login.clone().into(),
            VaultLogin::None => match variable("VAULT_TOKEN")? {
                Some(token) => SecretString::from(token).into(),
                None => {
                    return Err(no_token(
                        "[vault] names neither root_token_id nor a role, and VAULT_TOKEN is not set",
                    ));
                }
            },
        };
        let mut settings = VaultSettings::new(endpoint("[vault] vault_url", &conf.url)?, credentials)
            .mount(&conf.mount)
            .map_err(|error| wrong(&error))?
            .kv_version(kv_version(conf.version));
        if let Some(path) = &conf.path {
            settings = settings.path(path).map_err(|error| wrong(&error))?;
        }
        if let Some(namespace) = &conf.namespace {
            settings = settings.namespace(namespace).map_err(|error| wrong(&error))?;
        }
        let tls = match &conf.ca_file {
            Some(file) => Tls::with_ca_file(file).map_err(|error| wrong(&error))?,
            None => Tls::system(),
        };
        let client = cloud::client(&tls).patience(conf.patience.clone());
        Ok(boxed(Vault::new(client, settings)))
    }
}

/// Barbican, asked with the service's token beside the user's, as `send_service_user_token` has it.
fn with_service_user(
    barbican: Barbican<BlockingTransport>,
    service_user: &[(&'static str, String)],
) -> Result<Barbican<BlockingTransport>, Problem> {
    const SECTION: &str = "[barbican_service_user]";
    let settings = service_user.iter().cloned();
    let service = Cloud::find_with(None, &Environment::default(), &SearchPath::default(), settings);
    let service = service.map_err(|error| cloud::problem(&error).of_file(SECTION))?;
    let tls = service.tls().map_err(|error| cloud::misconfigured(&error).of_file(SECTION))?;
    let service = service.connect(cloud::client(&tls));
    match service.map_err(|error| cloud::problem(&error).of_file(SECTION))?.session() {
        Some(session) => Ok(barbican.with_service_user(session.clone())),
        None => Err(Problem::fault(Fault::CloudMisconfigured, format!("{SECTION} is no login"))),
    }
}

/// No token for Vault.
fn no_token(message: &str) -> Problem {
    Problem::fault(Fault::CloudMisconfigured, message).advised([
        "set VAULT_TOKEN to a token that may read the certificates; after `vault login`, `vault print token` prints it"
            .to_owned(),
    ])
}

/// A setting of Vault's that cannot be used.
fn of_vault(error: &dyn std::error::Error) -> Problem {
    cloud::misconfigured(error)
        .advised(["compare the settings with those that `vault kv get` works with".to_owned()])
}

fn kv_version(number: u8) -> KvVersion {
    if number == 1 { KvVersion::V1 } else { KvVersion::V2 }
}

fn endpoint(what: &str, url: &str) -> Result<Endpoint, Problem> {
    Endpoint::parse(url).map_err(|error| Problem::usage(format!("{what} is no address: {error}")))
}

/// The value of an environment variable; an empty one counts as not set.
fn variable(name: &str) -> Result<Option<String>, Problem> {
    match env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => {
            Err(Problem::usage(format!("the environment variable {name} is not UTF-8")))
        }
    }
}
