//! A service of the cloud, asked with somebody's rights.

use std::sync::Arc;

use longhand_http::{Client, Deadline, Endpoint, EndpointError, HttpError, Request, Response, Transport};

use crate::credentials::{AUTH_TOKEN, Credentials, SERVICE_TOKEN};
use crate::keystone::{Grant, KeystoneError, KeystoneSession, ServiceFilter};

/// Why a service gave no answer.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// No token, or no endpoint.
    #[error(transparent)]
    Keystone(#[from] KeystoneError),
    /// No answer that can be used.
    #[error(transparent)]
    Http(#[from] HttpError),
}

impl ServiceError {
    /// Whether somebody has to change a setting before any attempt can help.
    #[must_use]
    pub fn is_misconfiguration(&self) -> bool {
        match self {
            Self::Http(error) | Self::Keystone(KeystoneError::Http(error)) => error.is_misconfiguration(),
            Self::Keystone(error) => matches!(
                error,
                KeystoneError::Catalogue(_) | KeystoneError::Refused(_) | KeystoneError::Rejected { .. }
            ),
        }
    }

    /// Whether it was the caller's token that was not taken.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Keystone(KeystoneError::TokenRefused(_)))
    }
}

/// A service of an OpenStack cloud and the rights with which it is asked: what [`Barbican`](crate::Barbican) is made of,
/// for whoever asks another service too. Cheap to clone.
#[derive(Debug)]
pub struct Service<T> {
    client: Client<T>,
    place: Place<T>,
    credentials: Credentials<T>,
    service_user: Option<KeystoneSession<T>>,
}

#[derive(Debug)]
enum Place<T> {
    Endpoint(Endpoint),
    Catalogue(KeystoneSession<T>, ServiceFilter),
}

impl<T> Clone for Service<T> {
    fn clone(&self) -> Self {
        let place = match &self.place {
            Place::Endpoint(endpoint) => Place::Endpoint(endpoint.clone()),
            Place::Catalogue(session, filter) => Place::Catalogue(session.clone(), filter.clone()),
        };
        Self {
            client: self.client.clone(),
            place,
            credentials: self.credentials.clone(),
            service_user: self.service_user.clone(),
        }
    }
}

impl<T: Transport> Service<T> {
    /// A service at a known address.
    ///
    /// # Errors
    /// [`EndpointError`] when it is no address.
    pub fn at(
        client: Client<T>,
        endpoint: &str,
        credentials: impl Into<Credentials<T>>,
    ) -> Result<Self, EndpointError> {
        let place = Place::Endpoint(Endpoint::parse(endpoint)?);
        Ok(Self { client, place, credentials: credentials.into(), service_user: None })
    }

    /// A service wherever the session's catalogue has it, asked with the session's rights.
    #[must_use]
    pub fn in_catalogue(session: KeystoneSession<T>, filter: ServiceFilter) -> Self {
        let client = session.client().clone();
        let place = Place::Catalogue(session.clone(), filter);
        Self { client, place, credentials: session.into(), service_user: None }
    }

    /// The same service, asked with other rights: one cheap value a request.
    #[must_use]
    pub fn on_behalf_of(&self, credentials: impl Into<Credentials<T>>) -> Self {
        Self { credentials: credentials.into(), ..self.clone() }
    }

    /// The same service, to which requests also bear the token of this service user, in `X-Service-Token`: with it services
    /// let a user's token pass that expired while a long request ran (`send_service_user_token`).
    #[must_use]
    pub fn with_service_user(mut self, session: KeystoneSession<T>) -> Self {
        self.service_user = Some(session);
        self
    }

    /// The client that it is asked with.
    #[must_use]
    pub fn client(&self) -> &Client<T> {
        &self.client
    }

    /// Where it is. A catalogue is asked for when there is none yet.
    ///
    /// # Errors
    /// [`ServiceError`] when the login fails or the catalogue does not have it.
    pub async fn endpoint(&self, deadline: &Deadline) -> Result<Endpoint, ServiceError> {
        match &self.place {
            Place::Endpoint(endpoint) => Ok(endpoint.clone()),
            Place::Catalogue(session, filter) => {
                let grant = session.grant(deadline).await?;
                Ok(grant.endpoint(filter).map_err(KeystoneError::from)?)
            }
        }
    }

    /// Puts the credentials on a request, for whoever sends it himself. It must go to the [`endpoint`](Self::endpoint).
    ///
    /// # Errors
    /// [`ServiceError`] when the login fails, or the token cannot stand in a header.
    pub async fn sign(&self, request: Request, deadline: &Deadline) -> Result<Request, ServiceError> {
        Ok(self.signed(request, &self.grants(deadline).await?)?)
    }

    /// Asks the service. When it does not take the token of a session (401), once more with another. The answer is given
    /// back whatever its status is.
    ///
    /// # Errors
    /// [`ServiceError`] when there is no token, no endpoint or no answer.
    pub async fn send(
        &self,
        request: impl Fn(&Endpoint) -> Request,
        deadline: &Deadline,
    ) -> Result<Response, ServiceError> {
        let request = request(&self.endpoint(deadline).await?);
        let grants = self.grants(deadline).await?;
        let answer = self.client.send(&self.signed(request.clone(), &grants)?, deadline).await?;
        if answer.status() != 401 {
            return Ok(answer);
        }
        match self.renewed(&grants, deadline).await? {
            Some(grants) => Ok(self.client.send(&self.signed(request, &grants)?, deadline).await?),
            None => Ok(answer),
        }
    }

    async fn grants(&self, deadline: &Deadline) -> Result<Grants, KeystoneError> {
        let mut grants = Grants::default();
        if let Credentials::Session(session) = &self.credentials {
            grants.caller = Some(session.grant(deadline).await?);
        }
        if let Some(session) = &self.service_user {
            grants.service_user = Some(session.grant(deadline).await?);
        }
        Ok(grants)
    }

    /// Others than these, if there is one to be had: a 401 does not say whose token it is about.
    async fn renewed(&self, refused: &Grants, deadline: &Deadline) -> Result<Option<Grants>, KeystoneError> {
        let mut grants = refused.clone();
        let mut is_other = false;
        if let (Credentials::Session(session), Some(grant)) = (&self.credentials, &mut grants.caller) {
            is_other |= renew(session, grant, deadline).await?;
        }
        if let (Some(session), Some(grant)) = (&self.service_user, &mut grants.service_user) {
            is_other |= renew(session, grant, deadline).await?;
        }
        Ok(is_other.then_some(grants))
    }

    fn signed(&self, request: Request, grants: &Grants) -> Result<Request, HttpError> {
        let request = match (&self.credentials, &grants.caller) {
            (Credentials::Token(token), _) => token.sign(request)?,
            (Credentials::Unchecked(identity), _) => identity.sign(request)?,
            (_, Some(grant)) => request.secret_header(AUTH_TOKEN, grant.token())?,
            (_, None) => request,
        };
        match &grants.service_user {
            Some(grant) => request.secret_header(SERVICE_TOKEN, grant.token()),
            None => Ok(request),
        }
    }
}

/// The tokens of the sessions that a request bears.
#[derive(Clone, Debug, Default)]
struct Grants {
    caller: Option<Arc<Grant>>,
    service_user: Option<Arc<Grant>>,
}

/// Puts another grant in the place of a refused one, if there is one.
async fn renew<T: Transport>(
    session: &KeystoneSession<T>,
    grant: &mut Arc<Grant>,
    deadline: &Deadline,
) -> Result<bool, KeystoneError> {
    match session.renewed(grant, deadline).await? {
        Some(renewed) => {
            *grant = renewed;
            Ok(true)
        }
        None => Ok(false),
    }
}
