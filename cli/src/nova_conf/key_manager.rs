//! Which key manager a service asks, by the options of Castellan and keystoneauth.

use std::path::PathBuf;
use std::time::Duration;

use longhand_barbican::http::{Patience, SecretString, limits};
use longhand_vault::Login;

use super::{Defect, DefectKind, Ini, boolean, shown, substituted};

/// The key manager that `[key_manager] backend` names.
pub(crate) enum KeyManagerConf {
    Barbican(Box<BarbicanConf>),
    Vault(Box<VaultConf>),
}

/// The section `[barbican]`. `number_of_retries` and `retry_delay` are about keys that Barbican makes.
pub(crate) struct BarbicanConf {
    endpoint: Option<String>,
    interface: String,
    region: Option<String>,
    ca_file: Option<String>,
    /// Castellan's default is another machine's, `http://localhost/identity/v3`: a token is not sent there unasked.
    pub(crate) auth_endpoint: Option<String>,
    /// `[barbican_service_user]`, by the names of `clouds.yaml`, if it is in force.
    pub(crate) service_user: Option<Vec<(&'static str, String)>>,
}

impl BarbicanConf {
    /// What it says of the cloud, by the names of `clouds.yaml`.
    pub(crate) fn settings(&self) -> impl Iterator<Item = (&'static str, String)> {
        let settings = [
            ("key_manager_endpoint_override", self.endpoint.as_ref()),
            ("interface", Some(&self.interface)),
            ("region_name", self.region.as_ref()),
            // Castellan asks Keystone and Barbican in one session.
            ("cacert", self.ca_file.as_ref()),
        ];
        settings.into_iter().filter_map(|(name, value)| Some((name, value?.clone())))
    }
}

/// The section `[vault]`.
#[derive(Debug)]
pub(crate) struct VaultConf {
    pub(crate) url: String,
    pub(crate) mount: String,
    pub(crate) path: Option<String>,
    pub(crate) version: u8,
    pub(crate) namespace: Option<String>,
    pub(crate) ca_file: Option<PathBuf>,
    /// How long Vault may take to answer: `timeout`.
    pub(crate) patience: Patience,
    pub(crate) login: VaultLogin,
}

/// What opens Vault.
#[derive(Debug)]
pub(crate) enum VaultLogin {
    None,
    Token(SecretString),
    Method(Login),
}

/// The key manager that the configuration names.
pub(super) fn key_manager(ini: &Ini) -> Result<KeyManagerConf, Defect> {
    let options = Section { ini, name: "key_manager" };
    // Castellan's older name for the option.
    let backend = match options.text("backend")? {
        None => options.text("api_class")?,
        backend => backend,
    };
    match backend.as_deref().unwrap_or("barbican") {
        "barbican"
        | "castellan.key_manager.barbican_key_manager.BarbicanKeyManager"
        | "nova.keymgr.barbican.BarbicanKeyManager"
        | "cinder.keymgr.barbican.BarbicanKeyManager" => {
            barbican(ini).map(Box::new).map(KeyManagerConf::Barbican)
        }
        "vault" | "castellan.key_manager.vault_key_manager.VaultKeyManager" => {
            vault(ini).map(Box::new).map(KeyManagerConf::Vault)
        }
        other => {
            let why = match other.rsplit('.').next() {
                Some("ConfKeyManager") => "which holds one symmetric key and no certificates",
                _ => "which is neither barbican nor vault",
            };
            Err(options.not_supported("backend", &format!("backend is {}, {why}", shown(other))))
        }
    }
}

fn barbican(ini: &Ini) -> Result<BarbicanConf, Defect> {
    let options = Section { ini, name: "barbican" };
    if !options.boolean("verify_ssl", true)? {
        return Err(options.not_supported(
            "verify_ssl",
            "servers are not verified there, which is not done here: name their authority as verify_ssl_path",
        ));
    }
    let auth_endpoint = match options.text("auth_endpoint")? {
        // Castellan's older name for the option.
        None => Section { ini, name: "key_manager" }.text("auth_url")?,
        address => address,
    };
    let service_user = match options.boolean("send_service_user_token", false)? {
        true => Some(service_user(ini)?),
        false => None,
    };
    Ok(BarbicanConf {
        endpoint: options.text("barbican_endpoint")?,
        interface: options.text("barbican_endpoint_type")?.unwrap_or_else(|| "public".to_owned()),
        region: options.text("barbican_region_name")?,
        ca_file: options.text("verify_ssl_path")?,
        auth_endpoint,
        service_user,
    })
}

/// The options of keystoneauth that a login needs, and their names in `clouds.yaml`.
const LOGIN: [(&str, &str); 19] = [
    ("auth_type", "auth_type"),
    ("auth_url", "auth.auth_url"),
    ("username", "auth.username"),
    ("user_id", "auth.user_id"),
    ("user_domain_id", "auth.user_domain_id"),
    ("user_domain_name", "auth.user_domain_name"),
    ("password", "auth.password"),
    ("project_id", "auth.project_id"),
    ("project_name", "auth.project_name"),
    ("project_domain_id", "auth.project_domain_id"),
    ("project_domain_name", "auth.project_domain_name"),
    ("domain_id", "auth.domain_id"),
    ("domain_name", "auth.domain_name"),
    ("default_domain_id", "auth.default_domain_id"),
    ("default_domain_name", "auth.default_domain_name"),
    ("application_credential_id", "auth.application_credential_id"),
    ("application_credential_name", "auth.application_credential_name"),
    ("application_credential_secret", "auth.application_credential_secret"),
    ("cafile", "cacert"),
];

fn service_user(ini: &Ini) -> Result<Vec<(&'static str, String)>, Defect> {
    let options = Section { ini, name: "barbican_service_user" };
    if options.boolean("insecure", false)? {
        return Err(
            options.not_supported("insecure", "servers are not verified there, which is not done here")
        );
    }
    if options.text("auth_section")?.is_some() {
        return Err(
            options.not_supported("auth_section", "auth_section names another section, which is not read")
        );
    }
    let mut settings = Vec::new();
    for (option, name) in LOGIN {
        if let Some(value) = options.text(option)? {
            settings.push((name, value));
        }
    }
    Ok(settings)
}

fn vault(ini: &Ini) -> Result<VaultConf, Defect> {
    let options = Section { ini, name: "vault" };
    let version = match options.text("kv_version")?.as_deref().map(str::trim) {
        None | Some("2") => 2,
        Some("1") => 1,
        Some(other) => {
            return Err(
                options.malformed("kv_version", &format!("kv_version is {}, neither 1 nor 2", shown(other)))
            );
        }
    };
    Ok(VaultConf {
        url: options.text("vault_url")?.unwrap_or_else(|| "http://127.0.0.1:8200".to_owned()),
        mount: options.text("kv_mountpoint")?.unwrap_or_else(|| "secret".to_owned()),
        path: options.text("kv_path")?,
        version,
        namespace: options.text("namespace")?,
        ca_file: options.text("ssl_ca_crt_file")?.map(PathBuf::from),
        patience: patience(&options)?,
        login: vault_login(&options)?,
    })
}

/// Castellan sends each request once and gives it this time, by default a minute. Here each attempt has it. A certificate,
/// with its login and all attempts, has as long as any other has, or this time where that is longer, but not a multiple of
/// it: a Vault that is silent for so long is not asked again.
fn patience(options: &Section<'_>) -> Result<Patience, Defect> {
    let time = match options.text("timeout")? {
        Some(text) => seconds(&text).ok_or_else(|| {
            let message = format!("timeout is {}, no number of seconds above 0", shown(&text));
            options.malformed("timeout", &message)
        })?,
        None => Duration::from_secs(60),
    };
    Ok(Patience::default().attempt_time(time).deadline(limits::DEADLINE.max(time)))
}

/// A time in which something can be done: requests, which Castellan asks with, refuses to wait for 0 seconds as well.
fn seconds(text: &str) -> Option<Duration> {
    let time = Duration::try_from_secs_f64(text.trim().parse().ok()?).ok()?;
    Some(time).filter(|time| !time.is_zero())
}

/// As `castellan.key_manager.vault_key_manager` chooses: the token if there is one, else the method.
fn vault_login(options: &Section<'_>) -> Result<VaultLogin, Defect> {
    if let Some(token) = options.text("root_token_id")? {
        return Ok(VaultLogin::Token(SecretString::from(token)));
    }
    let role = options.text("token_role")?.unwrap_or_default();
    let method = options.text("auth_method")?.unwrap_or_else(|| "approle".to_owned());
    let file = |message| options.text("token_file")?.ok_or_else(|| options.malformed("auth_method", message));
    let login = match method.as_str() {
        "approle" => {
            let Some(role_id) = options.text("approle_role_id")? else { return Ok(VaultLogin::None) };
            let secret_id = options.text("approle_secret_id")?.map(SecretString::from);
            Login::app_role(SecretString::from(role_id), secret_id)
        }
        "jwt" => Login::jwt(&role, file("auth_method is jwt, and token_file is not set")?),
        "kubernetes" => {
            Login::kubernetes(&role, file("auth_method is kubernetes, and token_file is not set")?)
        }
        other => {
            let message = format!("auth_method is {}, none of approle, jwt and kubernetes", shown(other));
            return Err(options.malformed("auth_method", &message));
        }
    };
    match options.text("auth_path")? {
        Some(path) => login
            .auth_path(&path)
            .map(VaultLogin::Method)
            .map_err(|error| options.malformed("auth_path", &error.to_string())),
        None => Ok(VaultLogin::Method(login)),
    }
}

/// The options of one section.
struct Section<'a> {
    ini: &'a Ini,
    name: &'static str,
}

impl Section<'_> {
    /// The value; an empty one counts as not set.
    fn text(&self, option: &str) -> Result<Option<String>, Defect> {
        let Some(value) = self.ini.get(self.name, option) else { return Ok(None) };
        let text = substituted(option, value).map_err(|defect| match defect.kind {
            // Many a password has a dollar sign: the value is not shown.
            DefectKind::NotLookedUp => self.not_supported(
                option,
                &format!("{option} has a $, which stands for another option's value and is not looked up; a dollar sign is $$"),
            ),
            DefectKind::Malformed => defect,
        })?;
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    fn boolean(&self, option: &str, default: bool) -> Result<bool, Defect> {
        self.ini.get(self.name, option).map_or(Ok(default), |value| boolean(option, value))
    }

    fn line_of(&self, option: &str) -> usize {
        self.ini.get(self.name, option).map_or(1, |value| value.line)
    }

    fn malformed(&self, option: &str, message: &str) -> Defect {
        Defect::new(self.line_of(option), format!("[{}] {message}", self.name))
    }

    fn not_supported(&self, option: &str, message: &str) -> Defect {
        Defect { kind: DefectKind::NotLookedUp, ..self.malformed(option, message) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vaults_timeout_is_an_attempts_time_and_is_not_cut_by_that_of_the_whole_question() {
        let read = |timeout: &str| {
            let text = format!("[key_manager]\nbackend = vault\n[vault]\n{timeout}");
            match Ini::read(text.as_bytes()).and_then(|ini| key_manager(&ini)) {
                Ok(KeyManagerConf::Vault(conf)) => Ok(conf.patience),
                Ok(KeyManagerConf::Barbican(_)) => panic!("it is Vault's"),
                Err(defect) => Err(defect.to_string()),
            }
        };
        for (timeout, attempt, question) in [
            ("", 60_000, 60_000),
            ("timeout =", 60_000, 60_000),
            ("timeout = 0.5", 500, 30_000),
            ("timeout = 30", 30_000, 30_000),
            ("timeout = 30.5", 30_500, 30_500),
            ("timeout = 600", 600_000, 600_000),
        ] {
            let [attempt, question] = [attempt, question].map(Duration::from_millis);
            let patience = Patience::default().attempt_time(attempt).deadline(question);
            assert_eq!(read(timeout), Ok(patience), "{timeout}");
        }
        for timeout in ["0", "0.0", "-0", "1e-12", "-1", "nan", "inf", "1e300", "soon"] {
            let error = read(&format!("timeout = {timeout}")).unwrap_err();
            let says = format!("line 4: [vault] timeout is {timeout:?}, no number of seconds above 0");
            assert_eq!(error, says);
        }
    }

    #[test]
    fn an_error_shows_no_credential() {
        let vault = "[key_manager]\nbackend = vault\n[vault]\n";
        let user = "[barbican]\nsend_service_user_token = true\n[barbican_service_user]\n";
        for (text, says) in [
            (format!("{vault}root_token_id = hvs.pa$s3cret"), "line 4: [vault] root_token_id has a $"),
            (
                format!("{vault}approle_role_id = a\napprole_secret_id = pa${{s3cret}}"),
                "line 5: [vault] approle_secret_id has a $",
            ),
            (format!("{user}password = pa$s3cret"), "line 4: [barbican_service_user] password has a $"),
            (format!("{vault}root_token_id\npa$s3cret"), "line 4: neither = nor :"),
        ] {
            let error = Ini::read(text.as_bytes()).and_then(|ini| key_manager(&ini)).err().unwrap();
            let shown = error.to_string();
            assert!(shown.starts_with(says) && !shown.contains("s3cret"), "{shown}");
        }
        let doubled = format!("{user}password = pa$$s3cret");
        let Ok(KeyManagerConf::Barbican(conf)) = key_manager(&Ini::read(doubled.as_bytes()).unwrap()) else {
            panic!("it is Barbican's");
        };
        assert!(conf.service_user.unwrap().contains(&("auth.password", "pa$s3cret".to_owned())));
    }
}
