//! The settings of one cloud, whether a file or the environment says them, by their names in `clouds.yaml`.

use std::collections::BTreeMap;

use super::search::{Document, Environment, SearchPath};
use super::yaml::Node;
use super::{CloudError, CloudName};
use crate::keystone::Names;

/// What a cloud says. Some of it is secret: nothing shows it.
pub(super) struct Settings {
    cloud: CloudName,
    /// `auth.username`, `region_name`, …; what is empty is not there.
    values: BTreeMap<String, String>,
}

/// The `OS_*` variables and what they set; of several for one setting the first counts.
const VARIABLES: [(&str, &str); 36] = [
    ("OS_AUTH_TYPE", "auth_type"),
    ("OS_IDENTITY_API_VERSION", "identity_api_version"),
    ("OS_REGION_NAME", "region_name"),
    ("OS_INTERFACE", "interface"),
    ("OS_ENDPOINT_TYPE", "interface"),
    ("OS_CACERT", "cacert"),
    ("OS_CERT", "cert"),
    ("OS_INSECURE", "insecure"),
    ("OS_VERIFY", "verify"),
    ("OS_KEY_MANAGER_ENDPOINT_OVERRIDE", "key_manager_endpoint_override"),
    ("OS_IMAGE_ENDPOINT_OVERRIDE", "image_endpoint_override"),
    ("OS_AUTH_URL", "auth.auth_url"),
    ("OS_ENDPOINT", "auth.endpoint"),
    ("OS_USERNAME", "auth.username"),
    ("OS_USER_ID", "auth.user_id"),
    ("OS_USER_DOMAIN_ID", "auth.user_domain_id"),
    ("OS_USER_DOMAIN_NAME", "auth.user_domain_name"),
    ("OS_PASSWORD", "auth.password"),
    ("OS_PROJECT_ID", "auth.project_id"),
    ("OS_TENANT_ID", "auth.project_id"),
    ("OS_PROJECT_NAME", "auth.project_name"),
    ("OS_TENANT_NAME", "auth.project_name"),
    ("OS_PROJECT_DOMAIN_ID", "auth.project_domain_id"),
    ("OS_PROJECT_DOMAIN_NAME", "auth.project_domain_name"),
    ("OS_DOMAIN_ID", "auth.domain_id"),
    ("OS_DOMAIN_NAME", "auth.domain_name"),
    ("OS_DEFAULT_DOMAIN", "auth.default_domain"),
    ("OS_DEFAULT_DOMAIN_ID", "auth.default_domain_id"),
    ("OS_DEFAULT_DOMAIN_NAME", "auth.default_domain_name"),
    ("OS_SYSTEM_SCOPE", "auth.system_scope"),
    ("OS_TOKEN", "auth.token"),
    ("OS_AUTH_TOKEN", "auth.token"),
    ("OS_APPLICATION_CREDENTIAL_ID", "auth.application_credential_id"),
    ("OS_APPLICATION_CREDENTIAL_NAME", "auth.application_credential_name"),
    ("OS_APPLICATION_CREDENTIAL_SECRET", "auth.application_credential_secret"),
    ("OS_PROFILE", "profile"),
];

/// Older names in `clouds.yaml`, and what they are called now.
const OLDER: [(&str, &str); 4] = [
    ("endpoint_type", "interface"),
    ("auth.tenant_id", "auth.project_id"),
    ("auth.tenant_name", "auth.project_name"),
    ("auth.auth_token", "auth.token"),
];

/// Settings of the caller's own, which go before all others.
pub(super) type Own = Vec<(&'static str, String)>;

impl Settings {
    pub(super) fn of_file(
        name: &str,
        environment: &Environment,
        path: &SearchPath,
        own: Own,
    ) -> Result<Self, CloudError> {
        let Some(document) = path.find("clouds", environment.get("OS_CLIENT_CONFIG_FILE"))? else {
            return Err(CloudError::NoFile { path: path.clone() });
        };
        let secure = path.find("secure", environment.get("OS_CLIENT_SECURE_FILE"))?;
        let Some(cloud) = document.cloud(name) else {
            let present = Names::new(document.names());
            return Err(CloudError::NoSuchCloud { name: name.to_owned(), file: document.file, present });
        };
        let secret = secure.as_ref().and_then(|secure: &Document| secure.cloud(name));
        if let (Some(secure), Some(_)) = (&secure, secret)
            && secure.is_stray != document.is_stray
            && !secure.is_beside(&document)
        {
            let (name, secure) = (name.to_owned(), secure.file.clone());
            return Err(CloudError::Scattered { name, file: document.file, secure });
        }
        let mut values = BTreeMap::new();
        for node in [Some(cloud), secret] {
            node.into_iter().for_each(|node| flatten(node, &mut values));
        }
        for (older, key) in OLDER {
            if let Some(value) = values.remove(older) {
                values.entry(key.to_owned()).or_insert(value);
            }
        }
        values.extend(own.into_iter().map(|(key, value)| (key.to_owned(), value)));
        let settings = Self { cloud: CloudName::Named(name.to_owned()), values };
        if let (Some(profile), None) = (settings.get("profile"), settings.get("auth.auth_url")) {
            return Err(settings.unsupported(
                "profile",
                profile,
                "which is not looked up: write its auth_url here",
            ));
        }
        Ok(settings)
    }

    pub(super) fn of_environment(environment: &Environment, own: Own) -> Result<Self, CloudError> {
        let mut values = BTreeMap::new();
        for (variable, key) in VARIABLES {
            if let Some(value) = environment.get(variable) {
                values.entry(key.to_owned()).or_insert_with(|| value.to_owned());
            }
        }
        values.extend(own.into_iter().map(|(key, value)| (key.to_owned(), value)));
        let settings = Self { cloud: CloudName::Environment, values };
        let is_named =
            ["auth.auth_url", "auth.endpoint", "key_manager_endpoint_override", "image_endpoint_override"]
                .iter()
                .any(|key| settings.get(key).is_some());
        if is_named { Ok(settings) } else { Err(CloudError::NotNamed) }
    }

    pub(super) const fn cloud(&self) -> &CloudName {
        &self.cloud
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    pub(super) fn needed(&self, key: &'static str) -> Result<&str, CloudError> {
        self.get(key).ok_or_else(|| CloudError::Missing { cloud: self.cloud.clone(), setting: key })
    }

    pub(super) fn unsupported(&self, setting: &'static str, value: &str, why: &'static str) -> CloudError {
        let value = value.chars().take(longhand::limits::MAX_EXCERPT).collect();
        CloudError::Unsupported { cloud: self.cloud.clone(), setting, value, why }
    }

    /// Verification of servers is not ours to leave out, and client certificates are not supported.
    pub(super) fn refuse_unverified(&self) -> Result<(), CloudError> {
        let not_verified = |setting| Err(CloudError::NotVerified { cloud: self.cloud.clone(), setting });
        if self.get("verify").is_some_and(|word| !is_true(word)) {
            return not_verified("verify: false");
        }
        if self.get("insecure").is_some_and(|word| !is_false(word)) {
            return not_verified("insecure: true");
        }
        match self.get("cert") {
            Some(file) => {
                Err(self.unsupported("cert", file, "but certificates of clients are not supported"))
            }
            None => Ok(()),
        }
    }
}

/// As `PyYAML` and oslo read them.
fn is_true(word: &str) -> bool {
    ["true", "yes", "on", "y", "t", "1"].contains(&word.to_ascii_lowercase().as_str())
}

fn is_false(word: &str) -> bool {
    ["false", "no", "off", "n", "f", "0"].contains(&word.to_ascii_lowercase().as_str())
}

/// Takes a cloud's own settings and those of its `auth`; what comes later wins. Names are taken with hyphens too, as
/// openstacksdk does.
fn flatten(cloud: &Node, values: &mut BTreeMap<String, String>) {
    let mut take = |prefix: &str, key: &str, node: &Node| {
        if let Some(text) = node.text().filter(|text| !text.is_empty()) {
            values.insert(format!("{prefix}{}", key.replace('-', "_")), text.to_owned());
        }
    };
    for (key, node) in cloud.entries() {
        match &**key {
            "auth" => node.entries().iter().for_each(|(key, node)| take("auth.", key, node)),
            // Of several regions the first is the default one.
            "regions" if cloud.get("region_name").is_none() => {
                let first = node.items().first();
                let name = first.map(|region| region.get("name").unwrap_or(region));
                name.into_iter().for_each(|name| take("", "region_name", name));
            }
            key => take("", key, node),
        }
    }
}
