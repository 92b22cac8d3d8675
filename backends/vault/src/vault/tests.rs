//! Tokens, over a Vault that is a model: what is asked of it, in which order, and not once more.

#![allow(clippy::arithmetic_side_effects, reason = "a test that fails may panic")]

use std::collections::BTreeSet;
use std::future::{Future, ready};
use std::pin::{Pin, pin};
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use longhand::Disposition;
use longhand_http::{BoxFuture, Endpoint, HttpError, Patience};

use super::*;

const PEM: &str = include_str!(
    "../../../../test-vectors/walkthrough/glance/certs/cd7cc675-e573-419c-8fff-33a72734a243.crt"
);

/// A Vault with one certificate under every id but two, whose clock stands still until it is moved.
struct Model {
    began: Instant,
    state: std::sync::Mutex<State>,
    /// Whether answers take a while: they are not there when they are first polled.
    is_slow: AtomicBool,
}

struct State {
    passed: Duration,
    asked: Vec<String>,
    /// The time that each request had.
    times: Vec<Duration>,
    valid: BTreeSet<String>,
    tokens: usize,
    /// What logins and renewals are answered.
    login: Auth,
    renewal: Auth,
}

#[derive(Clone, Debug)]
enum Auth {
    Grant { lease: u64, renewable: bool, uses: u64 },
    Status(u16),
    Body(&'static str),
    Broken,
}

impl Model {
    fn ask(&self, request: &Request) -> Result<Response, HttpError> {
        let mut state = self.state.lock().unwrap();
        let token = request.headers().find(|(name, _)| *name == "x-vault-token");
        let token = token.map(|(_, value)| String::from_utf8(value.to_vec()).unwrap());
        let path = request.url().path().to_owned();
        match (request.method(), &*path, token) {
            ("POST", "/v1/auth/approle/login", None) => {
                state.asked.push("login".to_owned());
                state.tokens += 1;
                let token = format!("t{}", state.tokens);
                let login = state.login.clone();
                state.grant(&login, &token)
            }
            ("POST", "/v1/auth/token/renew-self", Some(token)) => {
                state.asked.push(format!("renew {token}"));
                let renewal = state.renewal.clone();
                state.grant(&renewal, &token)
            }
            ("GET", path, Some(token)) => {
                let id = path.strip_prefix("/v1/secret/data/").unwrap();
                state.asked.push(format!("read {id} with {token}"));
                let record = serde_json::json!({ "data": { "data": { "certificate": PEM } } });
                match id {
                    _ if !state.valid.contains(&token) => answer(403, r#"{"errors": ["permission denied"]}"#),
                    "forbidden" => answer(403, r#"{"errors": ["1 error occurred"]}"#),
                    "absent" => answer(404, r#"{"errors": []}"#),
                    _ => answer(200, &record.to_string()),
                }
            }
            other => panic!("nobody asks for {other:?}"),
        }
    }
}

impl State {
    fn grant(&mut self, auth: &Auth, token: &str) -> Result<Response, HttpError> {
        match *auth {
            Auth::Grant { lease, renewable, uses } => {
                self.valid.insert(token.to_owned());
                let auth = serde_json::json!({ "client_token": token, "lease_duration": lease, "renewable": renewable,
                    "num_uses": uses });
                answer(200, &serde_json::json!({ "data": null, "auth": auth }).to_string())
            }
            Auth::Status(status) => answer(status, r#"{"errors": ["no, with t1"]}"#),
            Auth::Body(body) => answer(200, body),
            Auth::Broken => Err(HttpError::Timeout { after: Duration::from_secs(1) }),
        }
    }
}

fn answer(status: u16, body: &str) -> Result<Response, HttpError> {
    Ok(Response::new(status, [], body.as_bytes().to_vec()))
}

#[derive(Clone)]
struct Wire(Arc<Model>);

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl Transport for Wire {
    fn send<'a>(
        &'a self,
        request: &'a Request,
        time: Duration,
    ) -> BoxFuture<'a, Result<Response, HttpError>> {
        self.0.state.lock().unwrap().times.push(time);
        let is_slow = self.0.is_slow.load(Ordering::SeqCst);
        Box::pin(async move {
            if is_slow {
                let mut is_first = true;
                std::future::poll_fn(|_| {
                    if std::mem::take(&mut is_first) { Poll::Pending } else { Poll::Ready(()) }
                })
                .await;
            }
            self.0.ask(request)
        })
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }
}

impl AnswersAtOnce for Wire {}

/// The time of a question.
const TIME: Duration = Duration::from_secs(60);

const TEN_MINUTES: Auth = Auth::Grant { lease: 600, renewable: true, uses: 0 };

/// A Vault under test with the model that it asks.
struct Tested {
    vault: Vault<Wire>,
    model: Arc<Model>,
}

impl Tested {
    fn new(login: Auth) -> Self {
        let login_by = Login::app_role("role".into(), Some("s3cret".into()));
        Self::with_credentials(login_by.into(), login)
    }

    fn with_credentials(credentials: Credentials, login: Auth) -> Self {
        let state = State {
            passed: Duration::ZERO,
            asked: Vec::new(),
            times: Vec::new(),
            valid: BTreeSet::new(),
            tokens: 0,
            login,
            renewal: TEN_MINUTES,
        };
        let model =
            Arc::new(Model { began: Instant::now(), state: state.into(), is_slow: AtomicBool::new(false) });
        let clock = Arc::clone(&model);
        let clock = move || clock.began + clock.state.lock().unwrap().passed;
        let client = Client::new(Wire(Arc::clone(&model)))
            .patience(Patience::default().attempts(1).attempt_time(TIME).deadline(TIME));
        let settings = VaultSettings::new(Endpoint::parse("http://vault.test").unwrap(), credentials);
        Self { vault: Vault::with_clock(client, settings, Box::new(clock)), model }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.model.state.lock().unwrap()
    }

    /// Asks when so many seconds have passed, and gives what was asked of Vault for it.
    fn at(&self, seconds: u64, id: &str) -> (Result<StoredCertificate, KeyManagerError>, Vec<String>) {
        self.state().passed = Duration::from_secs(seconds);
        let outcome = KeyManager::certificate(&self.vault, id);
        (outcome, std::mem::take(&mut self.state().asked))
    }

    /// The same where the certificate is to be had.
    fn asked_at(&self, seconds: u64, id: &str) -> Vec<String> {
        let (outcome, asked) = self.at(seconds, id);
        assert!(outcome.is_ok(), "{outcome:?} after {asked:?}");
        asked
    }
}

#[test]
fn one_login_serves_every_request_and_every_clone() {
    let tested = Tested::new(TEN_MINUTES);
    assert_eq!(tested.asked_at(0, "a"), ["login", "read a with t1"]);
    assert_eq!(tested.asked_at(1, "b"), ["read b with t1"]);
    assert!(KeyManager::certificate(&tested.vault.clone(), "c").is_ok());
    assert_eq!(tested.state().asked, ["read c with t1"]);
}

#[test]
fn a_renewable_lease_is_renewed_when_two_thirds_are_over() {
    let tested = Tested::new(TEN_MINUTES);
    tested.asked_at(0, "a");
    assert_eq!(tested.asked_at(399, "a"), ["read a with t1"]);
    assert_eq!(tested.asked_at(400, "a"), ["renew t1", "read a with t1"]);
    assert_eq!(tested.asked_at(799, "a"), ["read a with t1"]);
    assert_eq!(tested.asked_at(800, "a"), ["renew t1", "read a with t1"]);
    assert_eq!(tested.asked_at(1400, "a"), ["login", "read a with t2"]); // the lease is over: too late to renew
}

#[test]
fn a_lease_that_cannot_be_renewed_is_replaced_before_its_end() {
    let tested = Tested::new(Auth::Grant { lease: 600, renewable: false, uses: 0 });
    tested.asked_at(0, "a");
    assert_eq!(tested.asked_at(400, "a"), ["login", "read a with t2"]);

    for refusal in [400, 401, 403, 404, 405].map(Auth::Status) {
        let tested = Tested::new(TEN_MINUTES);
        tested.asked_at(0, "a");
        tested.state().renewal = refusal;
        assert_eq!(tested.asked_at(400, "a"), ["renew t1", "login", "read a with t2"]);
    }
}

#[test]
fn a_renewal_that_was_refused_is_not_asked_for_again() {
    let tested = Tested::new(TEN_MINUTES);
    tested.asked_at(0, "a");
    tested.state().renewal = Auth::Status(400);
    tested.state().login = Auth::Status(503);
    assert_eq!(tested.asked_at(400, "a"), ["renew t1", "login", "read a with t1"]);
    assert_eq!(tested.asked_at(500, "a"), ["login", "read a with t1"]);
}

#[test]
fn a_renewal_for_less_than_half_of_the_first_lease_is_the_last() {
    for (granted, last) in [(299, true), (300, false)] {
        let tested = Tested::new(TEN_MINUTES);
        tested.asked_at(0, "a");
        tested.state().renewal = Auth::Grant { lease: granted, renewable: true, uses: 0 };
        assert_eq!(tested.asked_at(400, "a"), ["renew t1", "read a with t1"]);
        let next = if last { ["login", "read a with t2"] } else { ["renew t1", "read a with t1"] };
        assert_eq!(tested.asked_at(400 + granted * 2 / 3 + 1, "a"), next);
    }
}

#[test]
fn a_token_that_still_holds_serves_on_while_no_other_is_to_be_had() {
    for failure in [
        Auth::Broken,
        Auth::Status(412),
        Auth::Status(429),
        Auth::Status(472),
        Auth::Status(473),
        Auth::Status(500),
        Auth::Status(503),
        Auth::Body("x"),
    ] {
        let tested = Tested::new(TEN_MINUTES);
        tested.asked_at(0, "a");
        tested.state().renewal = failure;
        assert_eq!(tested.asked_at(400, "a"), ["renew t1", "read a with t1"]);
        assert_eq!(tested.asked_at(499, "a"), ["read a with t1"]); // left alone for half of what it has left
        assert_eq!(tested.asked_at(500, "a"), ["renew t1", "read a with t1"]);
    }
    for failure in [Auth::Broken, Auth::Status(503), Auth::Status(403), Auth::Status(400), Auth::Body("x")] {
        let tested = Tested::new(Auth::Grant { lease: 600, renewable: false, uses: 0 });
        tested.asked_at(0, "a");
        tested.state().login = failure;
        assert_eq!(tested.asked_at(400, "a"), ["login", "read a with t1"]);
        assert_eq!(tested.asked_at(499, "a"), ["read a with t1"]);
        assert_eq!(tested.asked_at(500, "a"), ["login", "read a with t1"]);
        assert_eq!(tested.at(600, "a").1, ["login"]);
    }
}

#[test]
fn a_lease_of_nothing_is_for_ever_and_no_lease_is_longer_than_the_bound() {
    let tested = Tested::new(Auth::Grant { lease: 0, renewable: false, uses: 0 });
    tested.asked_at(0, "a");
    assert_eq!(tested.asked_at(10_000_000, "a"), ["read a with t1"]);
    let bound = crate::limits::MAX_LEASE.as_secs();
    for lease in [bound, bound + 1, u64::MAX] {
        let tested = Tested::new(Auth::Grant { lease, renewable: false, uses: 0 });
        tested.asked_at(0, "a");
        assert_eq!(tested.asked_at(bound * 2 / 3 - 1, "a"), ["read a with t1"]);
        assert_eq!(tested.asked_at(bound * 2 / 3, "a"), ["login", "read a with t2"]);
    }
}

#[test]
fn a_token_that_was_revoked_is_replaced_once() {
    let tested = Tested::new(TEN_MINUTES);
    tested.asked_at(0, "a");
    tested.state().valid.clear();
    assert_eq!(tested.asked_at(1, "a"), ["read a with t1", "login", "read a with t2"]);
    assert_eq!(tested.asked_at(1, "a"), ["read a with t2"]);
}

/// A Vault that does not answer renewals takes the time of nobody who has a token that holds.
#[test]
fn what_a_token_that_holds_can_do_without_has_half_of_the_time() {
    for (login, asked, halves) in [
        (TEN_MINUTES, vec!["renew t1", "read a with t1"], vec![true, false]),
        (
            Auth::Grant { lease: 600, renewable: false, uses: 0 },
            vec!["login", "read a with t2"],
            vec![true, false],
        ),
    ] {
        let tested = Tested::new(login);
        assert_eq!(tested.asked_at(0, "a").len(), 2);
        tested.state().times.clear();
        assert_eq!(tested.asked_at(500, "a"), asked);
        let is_half: Vec<_> = tested.state().times.iter().map(|time| *time <= TIME / 2).collect();
        assert_eq!(is_half, halves, "{:?}", tested.state().times);
    }
}

#[test]
fn naming_what_may_not_be_read_makes_one_login_in_ten_seconds() {
    let tested = Tested::new(TEN_MINUTES);
    let forbidden_at = |seconds| {
        let (outcome, asked) = tested.at(seconds, "forbidden");
        assert!(matches!(outcome, Err(KeyManagerError::Forbidden { .. })), "{outcome:?}");
        asked
    };
    // The token is newer than the question: the refusal is not about it.
    assert_eq!(forbidden_at(0), ["login", "read forbidden with t1"]);
    assert_eq!(forbidden_at(1), ["read forbidden with t1", "login", "read forbidden with t2"]);
    assert_eq!(forbidden_at(2), ["read forbidden with t2"]);
    assert_eq!(forbidden_at(10), ["read forbidden with t2"]);
    assert_eq!(tested.asked_at(10, "a"), ["read a with t2"]);
    assert_eq!(forbidden_at(11), ["read forbidden with t2", "login", "read forbidden with t3"]);
}

#[test]
fn a_token_for_so_many_uses_is_replaced_when_they_are_over() {
    let tested = Tested::new(Auth::Grant { lease: 600, renewable: true, uses: 2 });
    assert!(tested.at(0, "forbidden").0.is_err());
    assert!(tested.at(1, "forbidden").0.is_err());
    tested.state().valid.clear();
    assert_eq!(tested.asked_at(2, "a"), ["read a with t2", "login", "read a with t3"]);
}

#[test]
fn a_token_that_was_given_is_used_as_it_is() {
    let tested = Tested::with_credentials(SecretString::from("t0").into(), TEN_MINUTES);
    let (outcome, asked) = tested.at(0, "a");
    assert!(matches!(outcome, Err(KeyManagerError::Forbidden { .. })), "{outcome:?}");
    assert_eq!(asked, ["read a with t0"]);
    tested.state().valid.insert("t0".to_owned());
    assert_eq!(tested.asked_at(10_000_000, "a"), ["read a with t0"]);
}

#[test]
fn a_login_that_fails_says_whose_affair_it_is() {
    use Disposition::{Operator, Retry};
    for (login, disposition) in [
        (Auth::Status(400), Operator),
        (Auth::Status(401), Operator),
        (Auth::Status(403), Operator),
        (Auth::Status(404), Operator),
        (Auth::Status(405), Operator),
        (Auth::Status(204), Retry),
        (Auth::Status(418), Retry),
        (Auth::Status(429), Retry),
        (Auth::Status(473), Retry),
        (Auth::Status(500), Retry),
        (Auth::Status(503), Retry),
        (Auth::Broken, Retry),
        (Auth::Body(""), Retry),
        (Auth::Body("t0ken"), Retry),
        (Auth::Body("{}"), Retry),
        (Auth::Body(r#"{"auth": null, "wrap_info": {"token": "t0ken"}}"#), Retry),
        (Auth::Body(r#"{"auth": {}}"#), Retry),
        (Auth::Body(r#"{"auth": {"client_token": ""}}"#), Retry),
        (Auth::Body(r#"{"auth": {"client_token": "t0ken\r\nX-Header: a"}}"#), Retry),
        (Auth::Body(r#"{"auth": {"client_token": "t0kenä"}}"#), Retry),
        (Auth::Body(r#"{"auth": {"client_token": 1}}"#), Retry),
        (Auth::Body(r#"{"auth": {"client_token": "t0ken", "lease_duration": -1}}"#), Retry),
    ] {
        let shown = format!("{login:?}");
        let tested = Tested::new(login);
        let (outcome, asked) = tested.at(0, "a");
        let error = outcome.unwrap_err();
        assert_eq!((error.disposition(), asked), (disposition, vec!["login".to_owned()]), "{shown}: {error}");
        assert!(!format!("{error} {error:?}").contains("t0ken"), "{error:?}");
        // No trusted id is skipped for it.
        assert!(
            !matches!(error, KeyManagerError::NotFound { .. } | KeyManagerError::Forbidden { .. }),
            "{error}"
        );
        // A failure is not kept: the next one asks again.
        tested.state().login = TEN_MINUTES;
        assert_eq!(tested.asked_at(0, "a").len(), 2, "{shown}");
    }
}

/// Polls all of them in turn until all are ready.
fn together<F: Future>(mut futures: Vec<Pin<Box<F>>>) -> Vec<F::Output> {
    let mut context = Context::from_waker(Waker::noop());
    let mut outputs: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    for _ in 0..1000 {
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let Poll::Ready(ready) = future.as_mut().poll(&mut context)
            {
                *output = Some(ready);
            }
        }
        if outputs.iter().all(Option::is_some) {
            return outputs.into_iter().flatten().collect();
        }
    }
    panic!("somebody waits for ever");
}

#[test]
fn all_who_ask_at_once_share_one_login_and_its_failure() {
    let fifty = |tested: &Tested| {
        tested.model.is_slow.store(true, Ordering::SeqCst);
        let shared = &tested.vault.shared;
        let outcomes = together((0..50).map(|_| Box::pin(shared.certificate("a"))).collect());
        (outcomes, std::mem::take(&mut tested.state().asked))
    };
    let logins = |asked: &[String]| asked.iter().filter(|asked| *asked == "login").count();

    let tested = Tested::new(TEN_MINUTES);
    let (outcomes, asked) = fifty(&tested);
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!((logins(&asked), asked.len()), (1, 51));
    tested.state().valid.clear();
    tested.state().passed = Duration::from_secs(1);
    let (outcomes, asked) = fifty(&tested);
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!((logins(&asked), asked.len()), (1, 101));

    let tested = Tested::new(Auth::Status(400));
    let (outcomes, asked) = fifty(&tested);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(KeyManagerError::Misconfigured { .. }))));
    assert_eq!(asked, ["login"]);
}

#[test]
fn a_question_that_is_dropped_at_its_login_leaves_the_next_to_log_in() {
    let tested = Tested::new(TEN_MINUTES);
    tested.model.is_slow.store(true, Ordering::SeqCst);
    {
        let dropped = pin!(tested.vault.shared.certificate("a"));
        assert!(dropped.poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    let outcomes = together(vec![Box::pin(tested.vault.shared.certificate("b"))]);
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(tested.state().asked, ["login", "read b with t1"]);
}

#[test]
fn what_is_shown_of_a_vault_holds_no_secret() {
    let tested = Tested::new(TEN_MINUTES);
    tested.asked_at(0, "a");
    let shown = format!("{:?} {:?}", tested.vault, tested.vault.shared.session);
    assert!(shown.contains("vault.test"));
    for secret in ["s3cret", "\"role\"", "t1"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}
