//! A key manager, blocking and awaited, that answers by a script and remembers what it was asked.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use longhand::{AsyncKeyManager, BoxFuture, KeyManager, KeyManagerError, StoredCertificate};

pub(crate) type Outcome = Result<StoredCertificate, KeyManagerError>;

/// What becomes of one id: after so many polls, this answer.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) after: usize,
    pub(crate) outcome: Outcome,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Scripted(Arc<Mutex<State>>);

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) script: BTreeMap<String, Line>,
    /// In the order in which they were asked for.
    pub(crate) asked: Vec<String>,
    /// In the order in which they came.
    pub(crate) answered: Vec<String>,
    pub(crate) under_way: usize,
    pub(crate) most_under_way: usize,
    /// What was asked for after an answer for which nothing more should have been.
    pub(crate) asked_in_vain: Vec<String>,
    hopeless: bool,
    /// The id without whose certificate nothing more should be asked.
    pub(crate) needed: Option<String>,
}

impl Scripted {
    pub(crate) fn new(script: impl IntoIterator<Item = (String, Line)>) -> Self {
        let state = State { script: script.into_iter().collect(), ..State::default() };
        Self(Arc::new(Mutex::new(state)))
    }

    pub(crate) fn look<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    fn line(&self, id: &str) -> Line {
        let absent = || Line { after: 0, outcome: Err(KeyManagerError::not_found(id)) };
        self.look(|state| state.script.get(id).cloned().unwrap_or_else(absent))
    }
}

impl State {
    fn ask(&mut self, id: &str) {
        self.asked.push(id.to_owned());
        if self.hopeless {
            self.asked_in_vain.push(id.to_owned());
        }
        self.under_way += 1;
        self.most_under_way = self.most_under_way.max(self.under_way);
    }

    fn answer(&mut self, id: &str, outcome: &Outcome) {
        self.answered.push(id.to_owned());
        self.hopeless |= match outcome {
            Err(KeyManagerError::Unavailable { .. } | KeyManagerError::Misconfigured { .. }) => true,
            Err(_) => self.needed.as_deref() == Some(id),
            Ok(_) => false,
        };
    }
}

impl KeyManager for Scripted {
    fn certificate(&self, id: &str) -> Outcome {
        let outcome = self.line(id).outcome;
        self.look(|state| {
            state.ask(id);
            state.answer(id, &outcome);
            state.under_way -= 1;
        });
        outcome
    }
}

impl AsyncKeyManager for Scripted {
    fn certificate<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Outcome> {
        let Line { after, outcome } = self.line(id);
        self.look(|state| state.ask(id));
        Box::pin(Answer { scripted: self, id, after, outcome })
    }
}

struct Answer<'a> {
    scripted: &'a Scripted,
    id: &'a str,
    after: usize,
    outcome: Outcome,
}

impl Future for Answer<'_> {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        if self.after > 0 {
            self.after -= 1;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.scripted.look(|state| state.answer(self.id, &self.outcome));
        Poll::Ready(self.outcome.clone())
    }
}

impl Drop for Answer<'_> {
    fn drop(&mut self) {
        self.scripted.look(|state| state.under_way -= 1);
    }
}
