//! The key manager.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use async_lock::Mutex;
#[cfg(feature = "tokio")]
use longhand::{AsyncKeyManager, BoxFuture};
use longhand::{KeyManager, KeyManagerError, StoredCertificate};
#[cfg(feature = "tokio")]
use longhand_http::Awaited;
use longhand_http::{AnswersAtOnce, Client, Deadline, Request, Response, SecretString, Transport, block_on};

use crate::error::{Operation, VaultError};
use crate::login::{Grant, login_request, renewal_request};
use crate::record;
use crate::secret_id::SecretId;
use crate::session::{AfterRefusal, Next, Session, Token};
use crate::settings::{Credentials, Login, VaultSettings};

/// The certificates in a secrets engine kv of a Vault or an OpenBao.
///
/// It is a [`KeyManager`] over a transport that blocks, and with the feature `tokio` an `AsyncKeyManager` over one that can be awaited. Clones
/// share their connections and their token: one login serves all that ask at once, on however many threads and tasks.
///
/// Whoever waits for another's login or renewal waits until it is done or the other's patience ends, whatever is left of his
/// own deadline. So whoever began must be polled or dropped: a future that is neither keeps all others waiting.
///
/// Vault has no tenants: whoever may name an id may have the certificate under it read with this service's token.
pub struct Vault<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    client: Client<T>,
    settings: VaultSettings,
    session: Mutex<Session>,
    /// [`Session::failures`], to be read without the lock.
    failures: AtomicU64,
    clock: Clock,
}

type Clock = Box<dyn Fn() -> Instant + Send + Sync>;

impl<T> Vault<T> {
    /// A key manager that asks `client` for what lies where `settings` say. Nothing is sent before a certificate is asked
    /// for.
    #[must_use]
    pub fn new(client: Client<T>, settings: VaultSettings) -> Self {
        Self::with_clock(client, settings, Box::new(Instant::now))
    }

    fn with_clock(client: Client<T>, settings: VaultSettings, clock: Clock) -> Self {
        let (session, failures) = (Mutex::default(), AtomicU64::new(0));
        Self { shared: Arc::new(Shared { client, settings, session, failures, clock }) }
    }
}

impl<T> Clone for Vault<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T: fmt::Debug> fmt::Debug for Vault<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { client, settings, .. } = &*self.shared;
        f.debug_struct("Vault").field("settings", settings).field("client", client).finish_non_exhaustive()
    }
}

impl<T: AnswersAtOnce> KeyManager for Vault<T> {
    fn certificate(&self, id: &str) -> Result<StoredCertificate, KeyManagerError> {
        block_on(self.shared.certificate(id))
    }
}

#[cfg(feature = "tokio")]
impl<T: Awaited> AsyncKeyManager for Vault<T> {
    fn certificate<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<StoredCertificate, KeyManagerError>> {
        Box::pin(self.shared.certificate(id))
    }
}

/// One question: since when it has been asked, and until when it is to be answered.
struct Question {
    began: Instant,
    deadline: Deadline,
}

impl Question {
    /// The same with half of its time: a token that still holds is not to cost the question, and those who wait for it
    /// meanwhile, the time in which it could be used.
    fn half(&self) -> Self {
        Self { began: self.began, deadline: self.deadline.half() }
    }
}

impl<T: Transport> Shared<T> {
    async fn certificate(&self, id: &str) -> Result<StoredCertificate, KeyManagerError> {
        let secret = SecretId::new(id)?;
        let question = Question { began: (self.clock)(), deadline: self.client.start() };
        let answer = self.read(secret, &question).await.map_err(|error| error.into_key_manager_error(id))?;
        record::certificate(self.settings.version, secret, &answer)
    }

    /// Reads a secret, and once more with another token if the first may have been revoked.
    async fn read(&self, id: SecretId<'_>, question: &Question) -> Result<Response, VaultError> {
        let request = || record::request(&self.settings, id);
        let token = self.token(question).await?;
        let answer = self.send(Operation::Read, request(), Some(&token.value), question).await?;
        if answer.status() != 403 {
            return Ok(answer);
        }
        let Some(newer) = self.token_after_refusal(&token, question).await? else { return Ok(answer) };
        let second = self.send(Operation::Read, request(), Some(&newer.value), question).await?;
        if second.status() == 403 {
            self.session.lock().await.believe((self.clock)());
        }
        Ok(second)
    }

    /// A token that holds. Whoever waits while somebody else logs in shares how that ends.
    async fn token(&self, question: &Question) -> Result<Token, VaultError> {
        let login = match &self.settings.credentials {
            Credentials::Token(token) => {
                return Ok(Token { value: Arc::new(token.clone()), granted: None });
            }
            Credentials::Login(login) => login,
        };
        let failures = self.failures.load(Ordering::SeqCst);
        let mut session = self.session.lock().await;
        match session.next((self.clock)()) {
            Next::Use(token) => Ok(token),
            Next::Renew(token) => {
                Ok(self.renew_or_replace(&mut session, token, login, &question.half()).await)
            }
            Next::Replace(token) => Ok(self.replace(&mut session, token, login, &question.half()).await),
            Next::LogIn => match session.failure.clone().filter(|_| session.failures > failures) {
                Some(failure) => Err(failure),
                None => self.log_in(&mut session, login, question).await,
            },
        }
    }

    /// Another token than the one that was refused, or `None` if the refusal is not about the token.
    async fn token_after_refusal(
        &self,
        refused: &Token,
        question: &Question,
    ) -> Result<Option<Token>, VaultError> {
        let Credentials::Login(login) = &self.settings.credentials else { return Ok(None) };
        let failures = self.failures.load(Ordering::SeqCst);
        let mut session = self.session.lock().await;
        match session.after_refusal(refused, question.began, (self.clock)()) {
            AfterRefusal::Believe => Ok(None),
            AfterRefusal::Retry(token) => Ok(Some(token)),
            AfterRefusal::LogIn => match session.failure.clone().filter(|_| session.failures > failures) {
                Some(failure) => Err(failure),
                None => self.log_in(&mut session, login, question).await.map(Some),
            },
        }
    }

    /// Prolongs the lease of a token that still holds; if that is refused, logs in. What may pass is asked for again later.
    async fn renew_or_replace(
        &self,
        session: &mut Session,
        token: Token,
        login: &Login,
        question: &Question,
    ) -> Token {
        let asked_at = (self.clock)();
        match self.renewal(&token, question).await {
            Ok(grant) => {
                session.renew(&grant, asked_at);
                token
            }
            Err(error) if error.is_refusal() => {
                session.renewed_for_the_last_time();
                self.replace(session, token, login, question).await
            }
            Err(_) => {
                session.postpone((self.clock)());
                token
            }
        }
    }

    /// Logs in while the token that there is still holds: it serves on if that fails.
    async fn replace(
        &self,
        session: &mut Session,
        token: Token,
        login: &Login,
        question: &Question,
    ) -> Token {
        match self.log_in(session, login, question).await {
            Ok(newer) => newer,
            Err(_) => {
                session.postpone((self.clock)());
                token
            }
        }
    }

    async fn log_in(
        &self,
        session: &mut Session,
        login: &Login,
        question: &Question,
    ) -> Result<Token, VaultError> {
        let asked_at = (self.clock)();
        match self.grant(login, question).await {
            Ok(grant) => Ok(session.log_in(grant, asked_at, (self.clock)())),
            Err(error) => {
                session.fail(error.clone());
                self.failures.store(session.failures, Ordering::SeqCst);
                Err(error)
            }
        }
    }

    async fn grant(&self, login: &Login, question: &Question) -> Result<Grant, VaultError> {
        let request = login_request(&self.settings.endpoint, login)?;
        let answer = self.send(Operation::Login, request, None, question).await?;
        Grant::from_answer(Operation::Login, &answer)
    }

    async fn renewal(&self, token: &Token, question: &Question) -> Result<Grant, VaultError> {
        let operation = Operation::Renewal;
        let request = renewal_request(&self.settings.endpoint)
            .map_err(|source| VaultError::NoAnswer { operation, source })?;
        let answer = self.send(operation, request, Some(&token.value), question).await?;
        Grant::from_answer(operation, &answer)
    }

    /// Sends a request with the headers that all of them have.
    async fn send(
        &self,
        operation: Operation,
        request: Request,
        token: Option<&SecretString>,
        question: &Question,
    ) -> Result<Response, VaultError> {
        let no_answer = |source| VaultError::NoAnswer { operation, source };
        // Vault's agent may be told to answer none but requests that say so: what a browser was lured to send does not.
        let mut request = request.header("X-Vault-Request", "true").map_err(no_answer)?;
        if let Some(namespace) = &self.settings.namespace {
            request = request.header("X-Vault-Namespace", namespace).map_err(no_answer)?;
        }
        if let Some(token) = token {
            request = request.secret_header("X-Vault-Token", token).map_err(no_answer)?;
        }
        self.client.send(&request, &question.deadline).await.map_err(no_answer)
    }
}

#[cfg(test)]
mod tests;
