//! One login for all who ask, renewed when it ends.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_lock::Mutex;
use longhand_http::{
    Client, Deadline, Endpoint, EndpointError, HttpError, Refusal, Request, SecretString, Transport,
};
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::catalogue::{Catalogue, CatalogueError, Entry, ServiceFilter};
use super::login::Login;
use crate::limits::{MAX_LOGIN, REFUSAL_KEPT, RENEWAL_PAUSE, TOKEN_MARGIN};

/// Why Keystone gives no token, or the token no endpoint.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeystoneError {
    /// Keystone does not take this user and password, or this application credential: a setting is wrong, or no longer
    /// right.
    #[error("Keystone refused the login: {0}")]
    Refused(Refusal),
    /// Keystone gives no other token for this token: it has expired, or is that of an application credential.
    #[error("Keystone gives no token for this token: {0}")]
    TokenRefused(Refusal),
    /// Keystone does not understand the request, or is not there: the address or the login is wrong.
    #[error("{auth_url} cannot be logged in to: {refusal}")]
    Rejected {
        /// Where Keystone should be.
        auth_url: Endpoint,
        /// What was answered there.
        refusal: Refusal,
    },
    /// Keystone failed.
    #[error("Keystone failed: {0}")]
    Failed(Refusal),
    /// No answer that can be used.
    #[error("Keystone gave no answer: {0}")]
    Http(#[source] HttpError),
    /// The answer to the login is not one of Keystone's.
    #[error("Keystone's answer to the login has no {missing}")]
    Incomplete {
        /// What it does not have.
        missing: &'static str,
    },
    /// The catalogue has not what is looked for.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

/// A session with Keystone: logs in when a token is needed for the first time, and again when the token ends or a
/// service no longer takes it. Clones share one login, however many threads or tasks ask at once.
///
/// Nothing but the address of Keystone gets the credentials.
///
/// Whoever waits for another's login waits until it is done or the other's patience ends, whatever is left of his own
/// deadline. So whoever began must be polled or dropped: a future that is neither keeps all others waiting.
///
/// ```no_run
/// use longhand_barbican::keystone::{Domain, KeystoneSession, Login, Project, Scope, ServiceFilter, User};
/// use longhand_http::{BlockingTransport, Client, Tls, block_on};
///
/// let client = Client::new(BlockingTransport::new(&Tls::system()));
/// let default = Domain::Name("Default".to_owned());
/// let session = KeystoneSession::new(client, "https://keystone.example/v3", Login::Password {
///     user: User::Name { name: "verifier".to_owned(), domain: default.clone() },
///     password: std::env::var("OS_PASSWORD")?.into(),
///     scope: Scope::Project(Project::Name { name: "images".to_owned(), domain: default }),
/// })?;
/// let grant = block_on(session.grant(&session.client().start()))?;
/// println!("Glance is at {}", grant.endpoint(&ServiceFilter::image())?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct KeystoneSession<T> {
    client: Client<T>,
    shared: Arc<Shared>,
}

impl<T> Clone for KeystoneSession<T> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone(), shared: Arc::clone(&self.shared) }
    }
}

struct Shared {
    auth: Endpoint,
    login: Login,
    state: Mutex<State>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("auth", &self.auth).field("login", &self.login).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct State {
    grant: Option<Arc<Grant>>,
    renewed: Option<Instant>,
    failure: Option<Failure>,
}

struct Failure {
    error: KeystoneError,
    when: Instant,
}

/// A token, and what came with it.
pub struct Grant {
    token: SecretString,
    catalogue: Catalogue,
    /// Until when it is used. `None` is for ever: so far ahead that no clock counts it.
    until: Option<Instant>,
}

impl Grant {
    /// The token: for the header `X-Auth-Token` of requests to the [`endpoint`](Self::endpoint)s, and for nobody else.
    #[must_use]
    pub fn token(&self) -> &SecretString {
        &self.token
    }

    /// Where a service is.
    ///
    /// # Errors
    /// [`CatalogueError`] lists what the catalogue has instead.
    pub fn endpoint(&self, filter: &ServiceFilter) -> Result<Endpoint, CatalogueError> {
        self.catalogue.endpoint(filter)
    }

    fn is_fresh(&self) -> bool {
        self.until.is_none_or(|until| Instant::now() < until)
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant").field("until", &self.until).finish_non_exhaustive()
    }
}

impl<T: Transport> KeystoneSession<T> {
    /// A session that has not logged in yet. `auth_url` is what `OS_AUTH_URL` has: Keystone's address with or without
    /// `/v3`.
    ///
    /// # Errors
    /// [`EndpointError`] when `auth_url` is no address.
    pub fn new(client: Client<T>, auth_url: &str, login: Login) -> Result<Self, EndpointError> {
        let auth = Endpoint::parse(auth_url)?.without_last("v3");
        let shared = Shared { auth, login, state: Mutex::default() };
        Ok(Self { client, shared: Arc::new(shared) })
    }

    /// The client that it logs in with, for whoever asks the services too.
    #[must_use]
    pub fn client(&self) -> &Client<T> {
        &self.client
    }

    /// A token that is good now: the one at hand, or that of a login.
    ///
    /// Those who wait for a login share its outcome, and a refusal is remembered for
    /// [`limits::REFUSAL_KEPT`](crate::limits::REFUSAL_KEPT): no account is locked because fifty certificates are needed.
    ///
    /// # Errors
    /// [`KeystoneError`] of the login.
    pub async fn grant(&self, deadline: &Deadline) -> Result<Arc<Grant>, KeystoneError> {
        let asked = Instant::now();
        let mut state = self.shared.state.lock().await;
        match &state.grant {
            Some(grant) if grant.is_fresh() => Ok(Arc::clone(grant)),
            _ => self.log_in(&mut state, asked, deadline).await,
        }
    }

    /// Another token than `refused`, which a service answered 401 to. `None` when there was one just now already:
    /// see [`limits::RENEWAL_PAUSE`](crate::limits::RENEWAL_PAUSE).
    ///
    /// # Errors
    /// [`KeystoneError`] of the login.
    pub async fn renewed(
        &self,
        refused: &Arc<Grant>,
        deadline: &Deadline,
    ) -> Result<Option<Arc<Grant>>, KeystoneError> {
        let asked = Instant::now();
        let mut state = self.shared.state.lock().await;
        match &state.grant {
            Some(grant) if !Arc::ptr_eq(grant, refused) && grant.is_fresh() => {
                return Ok(Some(Arc::clone(grant)));
            }
            _ => {}
        }
        if state.renewed.is_some_and(|renewed| renewed.elapsed() < RENEWAL_PAUSE) {
            return Ok(None);
        }
        let grant = self.log_in(&mut state, asked, deadline).await?;
        state.renewed = Some(Instant::now());
        Ok(Some(grant))
    }

    async fn log_in(
        &self,
        state: &mut State,
        asked: Instant,
        deadline: &Deadline,
    ) -> Result<Arc<Grant>, KeystoneError> {
        if let Some(error) = state.failure.as_ref().and_then(|failure| failure.still_holds(asked)) {
            return Err(error);
        }
        let outcome = self.ask(deadline).await.map(Arc::new);
        state.grant = outcome.as_ref().ok().cloned();
        state.failure =
            outcome.as_ref().err().map(|error| Failure { error: error.clone(), when: Instant::now() });
        outcome
    }

    async fn ask(&self, deadline: &Deadline) -> Result<Grant, KeystoneError> {
        let url = self.shared.auth.url(&["v3", "auth", "tokens"]);
        let request = Request::post_json(url, &self.shared.login.body()).map_err(KeystoneError::Http)?;
        let request = request.hiding(self.shared.login.secret());
        let asked = Instant::now();
        let answer =
            self.client.send(&request.max_body(MAX_LOGIN), deadline).await.map_err(KeystoneError::Http)?;
        match answer.status() {
            200 | 201 => {}
            // 404 is what Keystone says to a token that is none; another server says it to everything.
            401 | 403 | 404
                if matches!(self.shared.login, Login::Token { .. })
                    && (answer.status() != 404 || answer.json::<Refused>().is_ok()) =>
            {
                return Err(KeystoneError::TokenRefused(answer.refusal()));
            }
            401 | 403 => return Err(KeystoneError::Refused(answer.refusal())),
            429 | 500.. => return Err(KeystoneError::Failed(answer.refusal())),
            _ => {
                let auth_url = self.shared.auth.clone();
                return Err(KeystoneError::Rejected { auth_url, refusal: answer.refusal() });
            }
        }
        let missing = |missing| KeystoneError::Incomplete { missing };
        let token = answer.header("X-Subject-Token").filter(|token| !token.is_empty());
        let token = SecretString::from(token.ok_or(missing("X-Subject-Token"))?);
        let body: Body = answer.json().map_err(KeystoneError::Http)?;
        let life = life(&body.token.issued_at, &body.token.expires_at).ok_or(missing("life time"))?;
        let catalogue = Catalogue::new(body.token.catalog)?;
        Ok(Grant { token, catalogue, until: asked.checked_add(life) })
    }
}

impl Failure {
    /// Whether it is the answer to somebody who asked at `asked`: he waited for it, or a refusal was just now.
    fn still_holds(&self, asked: Instant) -> Option<KeystoneError> {
        let waited = asked <= self.when;
        let is_refusal = matches!(
            self.error,
            KeystoneError::Refused(_) | KeystoneError::TokenRefused(_) | KeystoneError::Rejected { .. }
        );
        let kept = is_refusal && self.when.elapsed() < REFUSAL_KEPT;
        (waited || kept).then(|| self.error.clone())
    }
}

/// How Keystone puts a refusal.
#[derive(Deserialize)]
struct Refused {
    #[serde(rename = "error")]
    _error: serde_json::Map<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct Body {
    token: Token,
}

#[derive(Deserialize)]
struct Token {
    issued_at: String,
    expires_at: String,
    #[serde(default)]
    catalog: Vec<Entry>,
}

/// How long a token is used. Both times are of Keystone's clock, so that ours may go wrong.
fn life(issued_at: &str, expires_at: &str) -> Option<Duration> {
    let seconds = |text| Some(OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp());
    let life = seconds(expires_at)?.saturating_sub(seconds(issued_at)?);
    let life = Duration::from_secs(u64::try_from(life).unwrap_or_default());
    Some(life.saturating_sub(TOKEN_MARGIN.min(life.mul_f32(0.5))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_used_until_shortly_before_its_end_by_keystones_own_clock() {
        let issued = "2026-11-22T15:39:19.000000Z";
        for (issued, expires, seconds) in [
            (issued, "2026-11-22T16:39:19.000000Z", Some(3570)),
            ("1999-12-31T23:59:00Z", "2000-01-01T00:59:00Z", Some(3570)),
            (issued, "2026-11-22T15:40:19Z", Some(30)),
            (issued, "2026-11-22T15:39:59Z", Some(20)),
            (issued, "2026-11-22T15:39:21.000000+00:00", Some(1)),
            (issued, issued, Some(0)),
            (issued, "2026-11-22T15:39:18.000000Z", Some(0)),
            (issued, "never", None),
            ("", "2026-11-22T16:39:19.000000Z", None),
        ] {
            assert_eq!(life(issued, expires), seconds.map(Duration::from_secs), "{expires}");
        }
    }

    #[test]
    fn a_token_is_not_shown() {
        let token = SecretString::from("gAAAAAsecret");
        let grant = Grant { token, catalogue: Catalogue::default(), until: None };
        assert!(!format!("{grant:?}").contains("gAAAAA"));
    }
}
