//! What the fuzz targets ask of this room; compiled with `--cfg fuzzing` alone.

#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "a fuzz target may panic")]

use super::field::reference::Reference;
use super::field::{self, Arithmetic, Element, Portable, Task, words_from_octets};

/// What the portable arithmetic, the fastest one and the reference do not agree about, if anything.
///
/// The octets are three elements, of GF(2^409) and of GF(2^571), and a number of squarings.
#[must_use]
pub fn arithmetics_disagree(octets: &[u8]) -> Option<String> {
    let (times, octets) = octets.split_first()?;
    let times = usize::from(times % 8);
    let of_409 = Operations::<7> { elements: elements(octets, 409), times };
    let of_571 = Operations::<9> { elements: elements(octets, 571), times };
    let results_409 = [of_409.results(Reference), of_409.results(Portable), field::run(of_409)];
    let results_571 = [of_571.results(Reference), of_571.results(Portable), field::run(of_571)];
    let agree = results_409.iter().all(|result| *result == results_409[0])
        && results_571.iter().all(|result| *result == results_571[0]);
    (!agree).then(|| format!("{results_409:x?} {results_571:x?}"))
}

#[derive(Clone, Copy)]
struct Operations<const WORDS: usize> {
    elements: [Element<WORDS>; 3],
    times: usize,
}

/// Elements whose octets are those from the first, the second and the third third on, as many as there are.
fn elements<const WORDS: usize>(octets: &[u8], degree: u32) -> [Element<WORDS>; 3] {
    [0, 1, 2].map(|part| {
        let start = octets.len() / 3 * part;
        let end = octets.len().min(start + WORDS * 8);
        let mut words = words_from_octets::<WORDS>(&octets[start..end]).unwrap_or([0; WORDS]);
        words[WORDS - 1] &= (1 << (degree % 64)) - 1;
        Element(words)
    })
}

impl<const WORDS: usize> Operations<WORDS> {
    fn results<F: Arithmetic<WORDS>>(self, field: F) -> Vec<Element<WORDS>> {
        let [a, b, c] = &self.elements;
        let mut results = vec![field.multiply(a, b), field.multiply(b, c), field.square(a)];
        results.push(field.square_times(b, self.times));
        results.extend(field.square_three([a, b, c], self.times));
        results
    }
}

impl Task for Operations<7> {
    type Output = Vec<Element<7>>;

    fn run(self, field: impl Arithmetic<7> + Arithmetic<9>) -> Self::Output {
        self.results(field)
    }
}

impl Task for Operations<9> {
    type Output = Vec<Element<9>>;

    fn run(self, field: impl Arithmetic<7> + Arithmetic<9>) -> Self::Output {
        self.results(field)
    }
}
