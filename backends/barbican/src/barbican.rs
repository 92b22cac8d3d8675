//! Certificates from Barbican.

#[cfg(feature = "tokio")]
use longhand::{AsyncKeyManager, BoxFuture};
use longhand::{
    Certificate, Excerpt, KeyManager, KeyManagerError, StoredCertificate, TrustError, TrustStore,
};
#[cfg(feature = "tokio")]
use longhand_http::Awaited;
use longhand_http::{
    AnswersAtOnce, Client, Deadline, Endpoint, EndpointError, Request, Response, Transport, block_on,
};
use serde::Deserialize;

use crate::credentials::Credentials;
use crate::id::{Reference, Uuid};
use crate::keystone::{KeystoneSession, ServiceFilter};
use crate::limits::{MAX_CONTAINER, MAX_INTERMEDIATES, MAX_PAYLOAD};
use crate::service::{Service, ServiceError};

/// Certificates from Barbican, with the rights of one request. Cheap to make and to clone.
///
/// | id | what is fetched | requests |
/// | --- | --- | --- |
/// | a UUID (any case, with or without hyphens) | the payload of the secret | 1 |
/// | a href that ends in `/secrets/UUID` | the same; the host in it is never contacted | 1 |
/// | a href that ends in `/containers/UUID` | the certificate of a certificate container, and its intermediates | 2 or 3 |
/// | the UUID of a container | the same, once no secret has that UUID | 3 or 4 |
/// | a UUID that nothing has | nothing | 2 |
///
/// A payload is DER or PEM, whatever content type it was stored as. A token from Keystone is one request more, once.
#[derive(Debug)]
pub struct Barbican<T> {
    service: Service<T>,
}

impl<T> Clone for Barbican<T> {
    fn clone(&self) -> Self {
        Self { service: self.service.clone() }
    }
}

impl<T: Transport> Barbican<T> {
    /// Barbican at this address (with or without `/v1`), asked with these rights: a [`Token`](crate::Token), a
    /// [`KeystoneSession`], or [`Credentials`] of another kind.
    ///
    /// # Errors
    /// [`EndpointError`] when it is no address.
    pub fn new(
        client: Client<T>,
        endpoint: &str,
        credentials: impl Into<Credentials<T>>,
    ) -> Result<Self, EndpointError> {
        Ok(Self { service: Service::at(client, endpoint, credentials)? })
    }

    /// Barbican wherever the session's catalogue has it, asked with the session's rights.
    #[must_use]
    pub fn in_catalogue(session: KeystoneSession<T>, filter: ServiceFilter) -> Self {
        Self { service: Service::in_catalogue(session, filter) }
    }

    /// The same Barbican, asked with other rights: for a service that holds one and serves each request with its user's
    /// token.
    #[must_use]
    pub fn on_behalf_of(&self, credentials: impl Into<Credentials<T>>) -> Self {
        Self { service: self.service.on_behalf_of(credentials) }
    }

    /// The same Barbican, to which requests also bear the token of this service user (`[barbican_service_user]`).
    #[must_use]
    pub fn with_service_user(self, session: KeystoneSession<T>) -> Self {
        Self { service: self.service.with_service_user(session) }
    }

    /// The certificate that is stored under `id`.
    ///
    /// # Errors
    /// [`KeyManagerError`]: not found (Barbican's 404; an expired secret and one without payload too), forbidden (401, 403,
    /// a token that Keystone gives no other for), misconfigured (a refused login, no catalogue entry, a 404 that is not
    /// Barbican's), unavailable with what the service said, and whatever is wrong with the id or the certificate.
    pub async fn fetch(&self, id: &str) -> Result<StoredCertificate, KeyManagerError> {
        let reference = Reference::parse(id)?;
        let question = Question { service: &self.service, deadline: self.service.client().start() };
        match reference {
            Reference::Secret(uuid) => question.secret(&uuid, id).await,
            Reference::Container(uuid) => question.container(&uuid, id).await,
            Reference::Either(uuid) => match question.secret(&uuid, id).await {
                Err(KeyManagerError::NotFound { .. }) => question.container(&uuid, id).await,
                outcome => outcome,
            },
        }
    }
}

impl<T> From<Service<T>> for Barbican<T> {
    fn from(service: Service<T>) -> Self {
        Self { service }
    }
}

impl<T: AnswersAtOnce> KeyManager for Barbican<T> {
    fn certificate(&self, id: &str) -> Result<StoredCertificate, KeyManagerError> {
        block_on(self.fetch(id))
    }
}

#[cfg(feature = "tokio")]
impl<T: Awaited> AsyncKeyManager for Barbican<T> {
    fn certificate<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<StoredCertificate, KeyManagerError>> {
        Box::pin(self.fetch(id))
    }
}

/// One id, and the time that there is for all its requests.
struct Question<'a, T> {
    service: &'a Service<T>,
    deadline: Deadline,
}

impl<T: Transport> Question<'_, T> {
    async fn secret(&self, uuid: &Uuid, id: &str) -> Result<StoredCertificate, KeyManagerError> {
        StoredCertificate::from_bytes(id, &self.payload(uuid, id).await?)
    }

    /// What is stored under a secret, in whatever form: Barbican gives octet-stream and text/plain to `Accept: */*`, and
    /// to no list of types.
    async fn payload(&self, uuid: &Uuid, id: &str) -> Result<Vec<u8>, KeyManagerError> {
        let path = ["v1", "secrets", uuid.as_str(), "payload"];
        Ok(self.get(&path, MAX_PAYLOAD, id).await?.into_body())
    }

    /// The certificate of a container and its intermediates. Its private key is not asked for. Errors name the secret
    /// in the container that they are about.
    async fn container(&self, uuid: &Uuid, id: &str) -> Result<StoredCertificate, KeyManagerError> {
        let answer = self.get(&["v1", "containers", uuid.as_str()], MAX_CONTAINER, id).await?;
        let container: Container = answer.json().map_err(|error| KeyManagerError::unavailable(id, error))?;
        if container.kind != "certificate" {
            return Err(unsupported(id, &format!("{} container", container.kind)));
        }
        let Some(secret) = container.secret("certificate")? else {
            return Err(unsupported(id, "certificate container without certificate"));
        };
        let stored = self.secret(&secret, secret.as_str()).await?;
        match container.secret("intermediates")? {
            Some(secret) => {
                let payload = self.payload(&secret, secret.as_str()).await?;
                Ok(stored.with_intermediates(intermediates(secret.as_str(), &payload)?))
            }
            None => Ok(stored),
        }
    }

    async fn get(&self, path: &[&str], limit: usize, id: &str) -> Result<Response, KeyManagerError> {
        // The version is ours to say: a catalogue's address may end in it.
        let request =
            |endpoint: &Endpoint| Request::get(endpoint.clone().without_last("v1").url(path)).max_body(limit);
        let outcome = self.service.send(request, &self.deadline).await;
        let answer = outcome.map_err(|error| without_answer(id, error))?;
        match answer.status() {
            200 => Ok(answer),
            404 if is_barbicans(&answer) => Err(KeyManagerError::not_found(id)),
            404 => Err(KeyManagerError::misconfigured(id, answer.refusal())),
            401 | 403 => Err(KeyManagerError::forbidden(id, answer.refusal())),
            _ => Err(KeyManagerError::unavailable(id, answer.refusal())),
        }
    }
}

/// Whether a 404 is about the id: Barbican's says so in JSON, with the code. What a proxy says that has no Barbican behind it,
/// or a server at another path, is about the settings or an outage, and no trusted id may be skipped for it.
fn is_barbicans(answer: &Response) -> bool {
    #[derive(Deserialize)]
    struct NotFound {
        code: u16,
    }
    answer.json::<NotFound>().is_ok_and(|said| said.code == 404)
}

fn without_answer(id: &str, error: ServiceError) -> KeyManagerError {
    if error.is_refusal() {
        KeyManagerError::forbidden(id, error)
    } else if error.is_misconfiguration() {
        KeyManagerError::misconfigured(id, error)
    } else {
        KeyManagerError::unavailable(id, error)
    }
}

fn unsupported(id: &str, format: &str) -> KeyManagerError {
    KeyManagerError::UnsupportedFormat { id: Excerpt::new(id), format: Excerpt::new(format) }
}

/// A container as Barbican describes it.
#[derive(Deserialize)]
struct Container {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    secret_refs: Vec<SecretRef>,
}

#[derive(Deserialize)]
struct SecretRef {
    name: Option<String>,
    secret_ref: String,
}

impl Container {
    /// The secret of this name. Of its href only the UUID counts.
    fn secret(&self, name: &str) -> Result<Option<Uuid>, KeyManagerError> {
        let Some(found) = self.secret_refs.iter().find(|secret| secret.name.as_deref() == Some(name)) else {
            return Ok(None);
        };
        match Reference::parse(&found.secret_ref)? {
            Reference::Secret(uuid) | Reference::Either(uuid) => Ok(Some(uuid)),
            Reference::Container(_) => {
                Err(KeyManagerError::invalid_id(&found.secret_ref, "a container holds secrets alone"))
            }
        }
    }
}

/// Certificates in PEM, or one in DER. What is no certificate among them is left out, as in any bundle: none of them is
/// trusted, and a chain that needs a missing one says so.
fn intermediates(id: &str, payload: &[u8]) -> Result<Vec<Certificate>, KeyManagerError> {
    let bundle = TrustStore::from_bundle(id, payload).map_err(|error| match error {
        TrustError::NoCertificate { .. } => unsupported(id, "intermediates without a certificate"),
        error => KeyManagerError::unavailable(id, error),
    })?;
    if bundle.len() > MAX_INTERMEDIATES {
        return Err(unsupported(id, "more intermediates than any chain has"));
    }
    Ok(bundle.certificates().iter().map(|trusted| trusted.certificate().clone()).collect())
}
