//! What a search notes down of the certificates that are not part of a chain.

use std::cmp::Reverse;
use std::collections::HashSet;

use super::rules::RuleViolation;
use crate::code::ErrorCode;
use crate::limits::MAX_NOTES;

/// Why a certificate is not part of a chain.
#[derive(Clone, Debug)]
pub(super) struct Note {
    /// The certificate whose issuer was looked for.
    pub(super) child: usize,
    /// The certificate that breaks the rule: a candidate, or the child itself.
    pub(super) certificate: usize,
    pub(super) violation: RuleViolation,
    /// How far above the signing certificate.
    pub(super) height: usize,
}

/// The first [`MAX_NOTES`], and how many there were besides.
#[derive(Default)]
pub(super) struct Notes {
    kept: Vec<Note>,
    noted: HashSet<(usize, usize, ErrorCode)>,
    unnoted: usize,
}

impl Notes {
    /// A pair is noted once for each kind of violation: the second pass comes by the same ones again.
    pub(super) fn add(&mut self, note: Note) {
        if self.kept.len() >= MAX_NOTES {
            self.unnoted = self.unnoted.saturating_add(1);
        } else if self.noted.insert((note.child, note.certificate, note.violation.code())) {
            self.kept.push(note);
        }
    }

    pub(super) fn is_noted(&self, child: usize, certificate: usize) -> bool {
        self.kept.iter().any(|note| note.child == child && note.certificate == certificate)
    }

    /// The most telling first: farthest from the signing certificate, then by rank; that a certificate was tried before
    /// comes last.
    pub(super) fn into_ranked(self) -> (Vec<Note>, usize) {
        let mut notes = self.kept;
        notes.sort_by_key(|note| {
            let came_before = note.violation == RuleViolation::Cycle;
            (came_before, Reverse(note.height), Reverse(note.violation.rank()))
        });
        (notes, self.unnoted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(certificate: usize, violation: RuleViolation) -> Note {
        Note { child: 0, certificate, violation, height: 1 }
    }

    #[test]
    fn as_many_are_kept_as_the_bound_says_and_the_rest_is_counted() {
        for (count, kept, more) in
            [(MAX_NOTES, MAX_NOTES, 0), (MAX_NOTES + 1, MAX_NOTES, 1), (MAX_NOTES + 9, MAX_NOTES, 9)]
        {
            let mut notes = Notes::default();
            (0..count).for_each(|certificate| notes.add(note(certificate, RuleViolation::SignatureInvalid)));
            let (notes, unnoted) = notes.into_ranked();
            assert_eq!((notes.len(), unnoted), (kept, more), "{count}");
        }
    }

    #[test]
    fn a_pair_is_noted_once_for_each_kind_of_violation() {
        let mut notes = Notes::default();
        for violation in
            [RuleViolation::SignatureInvalid, RuleViolation::Cycle, RuleViolation::SignatureInvalid]
        {
            notes.add(note(7, violation));
        }
        assert!(notes.is_noted(0, 7) && !notes.is_noted(7, 0));
        let (notes, unnoted) = notes.into_ranked();
        assert_eq!((notes.len(), unnoted), (2, 0));
        assert_eq!(notes.last().map(|note| &note.violation), Some(&RuleViolation::Cycle));
    }
}
