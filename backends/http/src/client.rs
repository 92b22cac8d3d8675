//! Attempts and pauses around a transport.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use crate::deadline::Deadline;
use crate::error::HttpError;
use crate::limits;
use crate::request::Request;
use crate::response::Response;
use crate::trace;
use crate::transport::Transport;

/// How long and how often a service is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patience {
    attempts: u32,
    first_pause: Duration,
    longest_pause: Duration,
    attempt_time: Duration,
    deadline: Duration,
}

impl Default for Patience {
    /// The values of [`limits`].
    fn default() -> Self {
        Self {
            attempts: limits::ATTEMPTS,
            first_pause: limits::FIRST_PAUSE,
            longest_pause: limits::LONGEST_PAUSE,
            attempt_time: limits::ATTEMPT_TIME,
            deadline: limits::DEADLINE,
        }
    }
}

impl Patience {
    /// How often one request is sent at most; once at least.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// The first pause between two attempts, and the longest; each is twice the one before.
    #[must_use]
    pub fn pauses(mut self, first: Duration, longest: Duration) -> Self {
        (self.first_pause, self.longest_pause) = (first, longest);
        self
    }

    /// How long one attempt may take, to the last byte of the answer.
    #[must_use]
    pub fn attempt_time(mut self, time: Duration) -> Self {
        self.attempt_time = time;
        self
    }

    /// How long everything may take that one question needs: logins, attempts, pauses.
    #[must_use]
    pub fn deadline(mut self, time: Duration) -> Self {
        self.deadline = time;
        self
    }

    /// Between half of the pause and all of it, so that many who failed together do not come back together.
    fn pause(&self, attempt: u32) -> Duration {
        let pause = self.first_pause.saturating_mul(1_u32.checked_shl(attempt).unwrap_or(u32::MAX));
        let half = pause.min(self.longest_pause).mul_f64(0.5);
        // The standard library's only source of randomness; it need not be a good one.
        let part = RandomState::new().hash_one(attempt) % 1024;
        half.saturating_add(half.mul_f64(f64::from(u16::try_from(part).unwrap_or_default()) / 1024.0))
    }
}

/// A transport, and how patient it is used. Cheap to clone.
#[derive(Debug)]
pub struct Client<T> {
    transport: Arc<T>,
    patience: Patience,
}

impl<T> Clone for Client<T> {
    fn clone(&self) -> Self {
        Self { transport: Arc::clone(&self.transport), patience: self.patience.clone() }
    }
}

impl<T: Transport> Client<T> {
    /// A client over this transport, with the patience that is usual.
    #[must_use]
    pub fn new(transport: T) -> Self {
        Self { transport: Arc::new(transport), patience: Patience::default() }
    }

    /// The same with another patience.
    #[must_use]
    pub fn patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// The transport.
    #[must_use]
    pub fn transport(&self) -> &T {
        &self.transport
    }

    /// The time that the next question has, from now on.
    #[must_use]
    pub fn start(&self) -> Deadline {
        Deadline::after(self.patience.deadline)
    }

    /// Sends a request until there is an answer that another attempt would not change: connections that break and the
    /// statuses 429, 500, 502, 503 and 504 are tried again, after the pause that the server asks for or a growing one, while
    /// `deadline` lasts. The last answer is given back whatever its status is.
    ///
    /// # Errors
    /// [`HttpError`] of the last attempt.
    pub async fn send(&self, request: &Request, deadline: &Deadline) -> Result<Response, HttpError> {
        trace::in_span(request, self.attempts(request, deadline)).await
    }

    async fn attempts(&self, request: &Request, deadline: &Deadline) -> Result<Response, HttpError> {
        let mut attempt: u32 = 0;
        loop {
            let time = self.patience.attempt_time.min(deadline.time_left());
            if time.is_zero() {
                return Err(HttpError::Timeout { after: self.patience.deadline });
            }
            let outcome = self.transport.send(request, time).await.map(|answer| answer.answering(request));
            if !may_pass(&outcome) {
                return outcome;
            }
            let pause = asked_pause(&outcome).unwrap_or_else(|| self.patience.pause(attempt));
            attempt = attempt.saturating_add(1);
            if attempt >= self.patience.attempts || pause >= deadline.time_left() {
                return outcome;
            }
            trace::again(attempt, pause, &outcome);
            self.transport.sleep(pause).await;
        }
    }
}

fn may_pass(outcome: &Result<Response, HttpError>) -> bool {
    match outcome {
        Ok(answer) => matches!(answer.status(), 429 | 500 | 502 | 503 | 504),
        Err(error) => error.is_transient(),
    }
}

/// `Retry-After` in seconds (RFC 9110 section 10.2.3); a date is passed over.
fn asked_pause(outcome: &Result<Response, HttpError>) -> Option<Duration> {
    let seconds = outcome.as_ref().ok()?.header("retry-after")?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::BoxFuture;
    use crate::{Endpoint, block_on};
    use std::future::ready;
    use std::sync::Mutex;

    /// Gives its answers in turn and remembers its pauses; none of them is waited for.
    #[derive(Debug)]
    struct Script {
        answers: Mutex<Vec<Result<Response, HttpError>>>,
        pauses: Mutex<Vec<Duration>>,
    }

    impl Transport for Script {
        fn send<'a>(&'a self, _: &'a Request, _: Duration) -> BoxFuture<'a, Result<Response, HttpError>> {
            Box::pin(ready(self.answers.lock().unwrap().remove(0)))
        }

        fn sleep(&self, pause: Duration) -> BoxFuture<'_, ()> {
            self.pauses.lock().unwrap().push(pause);
            Box::pin(ready(()))
        }
    }

    fn answer(status: u16) -> Result<Response, HttpError> {
        Ok(Response::new(status, [], Vec::new()))
    }

    fn ask(answers: Vec<Result<Response, HttpError>>) -> (Result<u16, String>, Vec<Duration>, usize) {
        let client = Client::new(Script { answers: Mutex::new(answers), pauses: Mutex::default() });
        let request = Request::get(Endpoint::parse("http://h").unwrap().url(&[]));
        let outcome = block_on(client.send(&request, &client.start()));
        let pauses = client.transport().pauses.lock().unwrap().clone();
        let unasked = client.transport().answers.lock().unwrap().len();
        (outcome.map(|answer| answer.status()).map_err(|error| error.to_string()), pauses, unasked)
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let timeout = || Err(HttpError::Timeout { after: Duration::from_secs(1) });
        for status in [200, 204, 400, 401, 403, 404, 406, 413, 501] {
            let (outcome, pauses, unasked) = ask(vec![answer(status), answer(200)]);
            assert_eq!((outcome, pauses.len(), unasked), (Ok(status), 0, 1));
        }
        for status in [429, 500, 502, 503, 504] {
            let (outcome, pauses, _) = ask(vec![answer(status), answer(status), answer(200)]);
            assert_eq!((outcome, pauses.len()), (Ok(200), 2));
        }
        let (outcome, pauses, _) = ask(vec![timeout(), answer(200)]);
        assert_eq!((outcome, pauses.len()), (Ok(200), 1));
        let (outcome, pauses, unasked) = ask(vec![Err(HttpError::Redirected { status: 302 }), answer(200)]);
        assert!(outcome.unwrap_err().contains("302"));
        assert_eq!((pauses.len(), unasked), (0, 1));
    }

    #[test]
    fn after_the_last_attempt_its_answer_is_given_back() {
        let (outcome, pauses, unasked) = ask((0..9).map(|_| answer(503)).collect());
        assert_eq!((outcome, pauses.len(), unasked), (Ok(503), 3, 5));
        for (pause, longest) in pauses.iter().zip([200, 400, 800]) {
            let longest = Duration::from_millis(longest);
            assert!(*pause >= longest / 2 && *pause <= longest, "{pauses:?}");
        }
    }

    #[test]
    fn a_server_may_ask_for_a_pause_within_the_deadline() {
        for (asked, pauses_kept) in
            [("7", vec![Duration::from_secs(7)]), ("31", vec![]), ("9999999999999", vec![])]
        {
            let answers =
                vec![Ok(Response::new(503, [("retry-after", asked.as_bytes())], Vec::new())), answer(200)];
            let (outcome, pauses, _) = ask(answers);
            assert_eq!(pauses, pauses_kept);
            assert_eq!(outcome, Ok(if pauses.is_empty() { 503 } else { 200 }));
        }
    }

    #[test]
    fn pauses_have_a_longest() {
        let patience = Patience::default();
        for attempt in [0, 5, 31, 32, u32::MAX] {
            assert!(patience.pause(attempt) <= limits::LONGEST_PAUSE, "{attempt}");
        }
    }
}
