//! A service of the cloud, asked with somebody's rights.

use longhand_http::{Client, Deadline, Endpoint, EndpointError, HttpError, Request, Response, Transport};

use crate::credentials::{AUTH_TOKEN, Credentials};
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
            Self::Keystone(KeystoneError::Catalogue(_) | KeystoneError::Rejected(_)) => true,
            Self::Keystone(_) => false,
        }
    }

    /// Whether it was the credentials that were not taken.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Keystone(KeystoneError::Refused(_)))
    }
}

/// A service of an OpenStack cloud and the rights with which it is asked: what [`Barbican`](crate::Barbican) is made of,
/// for whoever asks another service too. Cheap to clone.
#[derive(Debug)]
pub struct Service<T> {
    client: Client<T>,
    place: Place<T>,
    credentials: Credentials<T>,
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
        Self { client: self.client.clone(), place, credentials: self.credentials.clone() }
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
        Ok(Self { client, place, credentials: credentials.into() })
    }

    /// A service wherever the session's catalogue has it, asked with the session's rights.
    #[must_use]
    pub fn in_catalogue(session: KeystoneSession<T>, filter: ServiceFilter) -> Self {
        let client = session.client().clone();
        Self { client, place: Place::Catalogue(session.clone(), filter), credentials: session.into() }
    }

    /// The same service, asked with other rights: one cheap value a request.
    #[must_use]
    pub fn on_behalf_of(&self, credentials: impl Into<Credentials<T>>) -> Self {
        Self { credentials: credentials.into(), ..self.clone() }
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
        Ok(match &self.credentials {
            Credentials::None => request,
            Credentials::Token(token) => token.sign(request)?,
            Credentials::Unchecked(identity) => identity.sign(request)?,
            Credentials::Session(session) => of(&*session.grant(deadline).await?, request)?,
        })
    }

    /// Asks the service. When it does not take a session's token (401), once more with another. The answer is given
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
        let Credentials::Session(session) = &self.credentials else {
            let signed = self.sign(request, deadline).await?;
            return Ok(self.client.send(&signed, deadline).await?);
        };
        let grant = session.grant(deadline).await?;
        let answer = self.client.send(&of(&grant, request.clone())?, deadline).await?;
        if answer.status() != 401 {
            return Ok(answer);
        }
        match session.renewed(&grant, deadline).await? {
            Some(grant) => Ok(self.client.send(&of(&grant, request)?, deadline).await?),
            None => Ok(answer),
        }
    }
}

fn of(grant: &Grant, request: Request) -> Result<Request, HttpError> {
    request.secret_header(AUTH_TOKEN, grant.token())
}
