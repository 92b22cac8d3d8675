//! With whose rights a service is asked.

use std::fmt;

use longhand_http::{HttpError, Request, SecretString};

use crate::keystone::KeystoneSession;

/// A token that somebody else got: the service that embeds this one holds it, for the user whose request it serves.
///
/// ```
/// use longhand_barbican::Token;
///
/// let of_this_request = Token::new("gAAAAABp…").service_token("gAAAAABq…");
/// assert!(!format!("{of_this_request:?}").contains("gAAAAA"));
/// ```
#[derive(Clone)]
pub struct Token {
    token: SecretString,
    service_token: Option<SecretString>,
}

impl Token {
    /// A token for `X-Auth-Token`.
    #[must_use]
    pub fn new(token: impl Into<SecretString>) -> Self {
        Self { token: token.into(), service_token: None }
    }

    /// The same with the service's own token for `X-Service-Token`, by which services let a user's token pass that
    /// expired while a long request ran (`send_service_user_token`).
    #[must_use]
    pub fn service_token(mut self, token: impl Into<SecretString>) -> Self {
        self.service_token = Some(token.into());
        self
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.service_token.is_some() { "Token(with a service's)" } else { "Token" })
    }
}

/// The identity that Barbican's no-auth pipeline believes: whoever reaches the port says who he is. For tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UncheckedIdentity {
    project_id: String,
    user_id: Option<String>,
    roles: Option<String>,
}

impl UncheckedIdentity {
    /// Somebody of this project. Without roles he is an administrator, who may not store secrets.
    #[must_use]
    pub fn of_project(project_id: impl Into<String>) -> Self {
        Self { project_id: project_id.into(), user_id: None, roles: None }
    }

    /// The same as this user.
    #[must_use]
    pub fn user(mut self, user_id: impl Into<String>) -> Self {
        self.user_id = Some(user_id.into());
        self
    }

    /// The same with these roles, separated by commas.
    #[must_use]
    pub fn roles(mut self, roles: impl Into<String>) -> Self {
        self.roles = Some(roles.into());
        self
    }
}

/// With whose rights a service is asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum Credentials<T> {
    /// Nobody's: a service that asks for none.
    None,
    /// Those of a token that the caller holds.
    Token(Token),
    /// Those of a session, which logs in itself.
    Session(KeystoneSession<T>),
    /// Those that a service without authentication is told of.
    Unchecked(UncheckedIdentity),
}

impl<T> Clone for Credentials<T> {
    fn clone(&self) -> Self {
        match self {
            Self::None => Self::None,
            Self::Token(token) => Self::Token(token.clone()),
            Self::Session(session) => Self::Session(session.clone()),
            Self::Unchecked(identity) => Self::Unchecked(identity.clone()),
        }
    }
}

impl<T> From<Token> for Credentials<T> {
    fn from(token: Token) -> Self {
        Self::Token(token)
    }
}

impl<T> From<KeystoneSession<T>> for Credentials<T> {
    fn from(session: KeystoneSession<T>) -> Self {
        Self::Session(session)
    }
}

impl<T> From<UncheckedIdentity> for Credentials<T> {
    fn from(identity: UncheckedIdentity) -> Self {
        Self::Unchecked(identity)
    }
}

impl Token {
    pub(crate) fn sign(&self, request: Request) -> Result<Request, HttpError> {
        let request = request.secret_header(AUTH_TOKEN, &self.token)?;
        match &self.service_token {
            Some(token) => request.secret_header(SERVICE_TOKEN, token),
            None => Ok(request),
        }
    }
}

impl UncheckedIdentity {
    pub(crate) fn sign(&self, request: Request) -> Result<Request, HttpError> {
        let mut request = request.header("X-Project-Id", &self.project_id)?;
        for (name, value) in [("X-User-Id", &self.user_id), ("X-Roles", &self.roles)] {
            if let Some(value) = value {
                request = request.header(name, value)?;
            }
        }
        Ok(request)
    }
}

/// The header that every OpenStack service takes a token from.
pub(crate) const AUTH_TOKEN: &str = "X-Auth-Token";

/// The header for the token of the service that asks on a user's behalf.
pub(crate) const SERVICE_TOKEN: &str = "X-Service-Token";
