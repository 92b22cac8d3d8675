//! How one logs in to Keystone, and the request that does it (Identity API v3, `POST /v3/auth/tokens`).

use longhand_http::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};

/// A domain, which names of users and projects are unique in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Domain {
    /// By its id. That of the first domain is `default`.
    Id(String),
    /// By its name. That of the first domain is `Default`.
    Name(String),
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum User {
    /// By id.
    Id(String),
    /// By name, which is unique in its domain.
    Name {
        /// The user's name.
        name: String,
        /// The user's domain.
        domain: Domain,
    },
}

/// A project.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Project {
    /// By id.
    Id(String),
    /// By name, which is unique in its domain.
    Name {
        /// The project's name.
        name: String,
        /// The project's domain.
        domain: Domain,
    },
}

/// What a token is good for. Secrets belong to projects: Barbican wants a project's token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// What Keystone chooses: the user's default project, if there is one.
    Unnamed,
    /// A project.
    Project(Project),
    /// A domain.
    Domain(Domain),
    /// The whole system.
    System,
}

/// An application credential, which says its user, its project and its roles itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApplicationCredential {
    /// By id.
    Id(String),
    /// By name, which is unique to its user.
    Name {
        /// The credential's name.
        name: String,
        /// Whose it is.
        user: User,
    },
}

/// With what to log in. No secret of it is ever shown.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Login {
    /// A user's password.
    Password {
        /// The user.
        user: User,
        /// The password.
        password: SecretString,
        /// What the token is to be good for.
        scope: Scope,
    },
    /// An application credential.
    ApplicationCredential {
        /// Which.
        credential: ApplicationCredential,
        /// Its secret.
        secret: SecretString,
    },
    /// A token, for which Keystone gives another. When both have expired there is no way on; Keystone gives none for the
    /// token of an application credential.
    Token {
        /// The token.
        token: SecretString,
        /// What the new token is to be good for.
        scope: Scope,
    },
}

impl Login {
    /// What nothing may show.
    pub(super) const fn secret(&self) -> &SecretString {
        match self {
            Self::Password { password: secret, .. }
            | Self::ApplicationCredential { secret, .. }
            | Self::Token { token: secret, .. } => secret,
        }
    }

    /// The body of the request. It holds the secret in the clear.
    pub(super) fn body(&self) -> Value {
        let (method, details, scope) = match self {
            Self::Password { user, password, scope } => {
                let mut user = user.to_json();
                user.insert("password".to_owned(), password.expose_secret().into());
                ("password", json!({ "user": user }), scope)
            }
            Self::ApplicationCredential { credential, secret } => {
                let mut details = match credential {
                    ApplicationCredential::Id(id) => object("id", id),
                    ApplicationCredential::Name { name, user } => {
                        with(object("name", name), "user", user.to_json())
                    }
                };
                details.insert("secret".to_owned(), secret.expose_secret().into());
                ("application_credential", details.into(), &Scope::Unnamed)
            }
            Self::Token { token, scope } => ("token", json!({ "id": token.expose_secret() }), scope),
        };
        let mut auth = json!({ "identity": { "methods": [method], method: details } });
        if let (Some(auth), Some(scope)) = (auth.as_object_mut(), scope.to_json()) {
            auth.insert("scope".to_owned(), scope);
        }
        json!({ "auth": auth })
    }
}

impl Domain {
    fn to_json(&self) -> Map<String, Value> {
        match self {
            Self::Id(id) => object("id", id),
            Self::Name(name) => object("name", name),
        }
    }
}

impl User {
    fn to_json(&self) -> Map<String, Value> {
        match self {
            Self::Id(id) => object("id", id),
            Self::Name { name, domain } => with(object("name", name), "domain", domain.to_json()),
        }
    }
}

impl Project {
    fn to_json(&self) -> Map<String, Value> {
        match self {
            Self::Id(id) => object("id", id),
            Self::Name { name, domain } => with(object("name", name), "domain", domain.to_json()),
        }
    }
}

impl Scope {
    fn to_json(&self) -> Option<Value> {
        match self {
            Self::Unnamed => None,
            Self::Project(project) => Some(json!({ "project": project.to_json() })),
            Self::Domain(domain) => Some(json!({ "domain": domain.to_json() })),
            Self::System => Some(json!({ "system": { "all": true } })),
        }
    }
}

fn object(key: &str, value: &str) -> Map<String, Value> {
    Map::from_iter([(key.to_owned(), value.into())])
}

fn with(mut object: Map<String, Value>, key: &str, value: Map<String, Value>) -> Map<String, Value> {
    object.insert(key.to_owned(), value.into());
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> User {
        User::Name { name: "demo".to_owned(), domain: Domain::Name("Default".to_owned()) }
    }

    fn password(user: User, scope: Scope) -> Login {
        Login::Password { user, password: "p".into(), scope }
    }

    fn identity(method: &str, details: Value) -> Value {
        json!({ "methods": [method], method: details })
    }

    /// The bodies of the Identity API's reference, and of what keystoneauth sends.
    #[test]
    fn each_login_is_said_as_keystone_wants_it() {
        let project = Project::Name { name: "demo".to_owned(), domain: Domain::Id("default".to_owned()) };
        let by_name = json!({ "name": "demo", "domain": { "name": "Default" }, "password": "p" });
        let by_id = json!({ "user": { "id": "u1", "password": "p" } });
        let credential = |credential| Login::ApplicationCredential { credential, secret: "s".into() };
        for (login, identity, scope) in [
            (
                password(user(), Scope::Project(project)),
                identity("password", json!({ "user": by_name })),
                json!({ "project": { "name": "demo", "domain": { "id": "default" } } }),
            ),
            (
                password(User::Id("u1".to_owned()), Scope::Project(Project::Id("p1".to_owned()))),
                identity("password", by_id.clone()),
                json!({ "project": { "id": "p1" } }),
            ),
            (
                password(User::Id("u1".to_owned()), Scope::Domain(Domain::Name("d".to_owned()))),
                identity("password", by_id.clone()),
                json!({ "domain": { "name": "d" } }),
            ),
            (
                password(User::Id("u1".to_owned()), Scope::System),
                identity("password", by_id.clone()),
                json!({ "system": { "all": true } }),
            ),
            (password(User::Id("u1".to_owned()), Scope::Unnamed), identity("password", by_id), Value::Null),
            (
                credential(ApplicationCredential::Id("c1".to_owned())),
                identity("application_credential", json!({ "id": "c1", "secret": "s" })),
                Value::Null,
            ),
            (
                credential(ApplicationCredential::Name { name: "ci".to_owned(), user: user() }),
                identity(
                    "application_credential",
                    json!({ "name": "ci", "secret": "s", "user": { "name": "demo", "domain": { "name": "Default" } } }),
                ),
                Value::Null,
            ),
            (
                Login::Token { token: "t".into(), scope: Scope::Unnamed },
                identity("token", json!({ "id": "t" })),
                Value::Null,
            ),
        ] {
            let body = login.body();
            assert_eq!(body["auth"]["identity"], identity, "{login:?}");
            assert_eq!(body["auth"].get("scope").cloned().unwrap_or_default(), scope, "{login:?}");
        }
    }

    #[test]
    fn no_secret_is_shown() {
        for login in [
            Login::Password { user: user(), password: "hunter2".into(), scope: Scope::Unnamed },
            Login::Token { token: "hunter2".into(), scope: Scope::Unnamed },
            Login::ApplicationCredential {
                credential: ApplicationCredential::Id("c1".to_owned()),
                secret: "hunter2".into(),
            },
        ] {
            assert!(!format!("{login:?}").contains("hunter2"));
        }
    }
}
