//! Several certificates, one after another or at once: the same answers, and the same end.

use std::collections::BTreeMap;

#[cfg(feature = "async")]
use super::AsyncKeyManager;
use super::{KeyManager, KeyManagerError, Outcome};
#[cfg(feature = "async")]
use crate::limits::MAX_CONCURRENT_FETCHES;
use crate::trace::Span;

/// What is to be fetched, and what is known of it. It does no input or output itself.
///
/// An answer may make all behind it, in the order of the ids, pointless. What is kept in the end are the answers up to the
/// first such one: those that somebody who asks one after another would have, in whatever order they came.
pub(crate) struct Fetching<'i> {
    ids: Vec<&'i str>,
    needed: Option<&'i str>,
    next: usize,
    answers: BTreeMap<usize, Outcome>,
}

impl<'i> Fetching<'i> {
    /// These ids. Without the key manager, and without the certificate `needed`, nothing more is asked.
    pub(crate) fn new(ids: Vec<&'i str>, needed: Option<&'i str>) -> Self {
        Self { ids, needed, next: 0, answers: BTreeMap::new() }
    }

    /// Asks for one after another.
    pub(crate) fn in_turn(mut self, key_manager: &dyn KeyManager) -> Fetched {
        while let Some((place, id)) = self.next() {
            let outcome = Span::fetch(id).in_scope(|| key_manager.certificate(id));
            self.answer(place, outcome);
        }
        self.fetched()
    }

    /// Asks for several at once. To drop the future is to drop what is asked for.
    #[cfg(feature = "async")]
    pub(crate) async fn at_once(mut self, key_manager: &dyn AsyncKeyManager) -> Fetched {
        use std::task::Poll;

        let mut asked = Vec::new();
        std::future::poll_fn(|context| {
            // In the order of the ids, so that an end drops those behind it unpolled.
            asked.retain_mut(|(place, span, future): &mut (usize, Span, super::BoxFuture<'_, Outcome>)| {
                self.is_wanted(*place)
                    && match span.in_scope(|| future.as_mut().poll(context)) {
                        Poll::Pending => true,
                        Poll::Ready(outcome) => {
                            self.answer(*place, outcome);
                            false
                        }
                    }
            });
            while asked.len() < MAX_CONCURRENT_FETCHES {
                let Some((place, id)) = self.next() else { break };
                let span = Span::fetch(id);
                let mut future = span.in_scope(|| key_manager.certificate(id));
                match span.in_scope(|| future.as_mut().poll(context)) {
                    Poll::Pending => asked.push((place, span, future)),
                    Poll::Ready(outcome) => self.answer(place, outcome),
                }
            }
            if asked.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        drop(asked);
        self.fetched()
    }

    /// The next to ask for, and its place.
    fn next(&mut self) -> Option<(usize, &'i str)> {
        let place = self.next;
        let id = self.ids.get(place).filter(|_| self.is_wanted(place))?;
        self.next = place.saturating_add(1);
        Some((place, id))
    }

    /// Whether nothing before this place makes it pointless.
    fn is_wanted(&self, place: usize) -> bool {
        // Nothing behind an end is kept, so if there is one it is the last.
        self.answers
            .last_key_value()
            .is_none_or(|(last, outcome)| place < *last || !self.is_end(*last, outcome))
    }

    fn answer(&mut self, place: usize, outcome: Outcome) {
        if !self.is_wanted(place) {
            return;
        }
        if self.is_end(place, &outcome) {
            self.answers.split_off(&place);
        }
        self.answers.insert(place, outcome);
    }

    fn is_end(&self, place: usize, outcome: &Outcome) -> bool {
        outcome.as_ref().is_err_and(|error| error.is_outage() || self.ids.get(place).copied() == self.needed)
    }

    fn fetched(self) -> Fetched {
        let id = |place: usize| self.ids.get(place).map(|&id| id.to_owned());
        let answers = self.answers.into_iter().filter_map(|(place, outcome)| Some((id(place)?, outcome)));
        Fetched(answers.collect())
    }
}

/// Each id with what the key manager gave for it.
pub(crate) struct Fetched(BTreeMap<String, Outcome>);

impl Fetched {
    /// What was fetched for this id; nothing is not found.
    pub(crate) fn certificate(&self, id: &str) -> Outcome {
        self.0.get(id).cloned().unwrap_or_else(|| Err(KeyManagerError::not_found(id)))
    }
}

/// Of an id that is there twice the first counts.
impl FromIterator<(String, Outcome)> for Fetched {
    fn from_iter<I: IntoIterator<Item = (String, Outcome)>>(fetched: I) -> Self {
        let mut first = BTreeMap::new();
        for (id, outcome) in fetched {
            first.entry(id).or_insert(outcome);
        }
        Self(first)
    }
}

impl IntoIterator for Fetched {
    type Item = (String, Outcome);
    type IntoIter = std::collections::btree_map::IntoIter<String, Outcome>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
