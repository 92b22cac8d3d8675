//! Time, and two things compared in it.

use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

/// How often a pair is measured. Odd, so that the median is one of the rounds.
const ROUNDS: usize = 25;

/// How long one side of one round takes, about.
const SLICE: Duration = Duration::from_millis(15);

/// The first quartile, the median and the third.
#[derive(Clone, Copy, Debug)]
pub struct Quartiles(pub f64, pub f64, pub f64);

impl Quartiles {
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |quarter: usize| values[(values.len() - 1) * quarter / 4];
        Self(at(1), at(2), at(3))
    }
}

/// Runs this on one core, so that neither side is moved in the middle of a round; then frees the process again.
pub fn pinned<T>(run: impl FnOnce() -> T) -> T {
    let this = Pid::from_raw(0);
    let allowed = sched_getaffinity(this).expect("Linux tells the cores");
    let last = (0..CpuSet::count())
        .rev()
        .find(|&core| allowed.is_set(core).unwrap_or(false))
        .expect("there is a core");
    let mut one = CpuSet::new();
    one.set(last).expect("the core exists");
    sched_setaffinity(this, &one).expect("an allowed core");
    let outcome = run();
    sched_setaffinity(this, &allowed).expect("the cores of before");
    outcome
}

/// The CPU time of this thread: what else the machine does is not in it.
fn thread_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("Linux has this clock").into()
}

/// Microseconds a call, ours and theirs, and the ratios of the rounds.
pub fn compare(mut ours: impl FnMut(), mut theirs: impl FnMut()) -> (f64, f64, Quartiles) {
    let ours: &mut dyn FnMut() = &mut ours;
    let theirs: &mut dyn FnMut() = &mut theirs;
    let (our_calls, their_calls) = (calls_a_slice(ours), calls_a_slice(theirs));
    let mut times = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // Each goes first in every second round.
        if round % 2 == 0 {
            times.0.push(time(ours, our_calls));
            times.1.push(time(theirs, their_calls));
        } else {
            times.1.push(time(theirs, their_calls));
            times.0.push(time(ours, our_calls));
        }
    }
    let ratios = times.0.iter().zip(&times.1).map(|(ours, theirs)| theirs / ours).collect();
    (Quartiles::of(times.0).1, Quartiles::of(times.1).1, Quartiles::of(ratios))
}

/// Warms up for a slice of wall time, and counts.
fn calls_a_slice(run: &mut dyn FnMut()) -> u32 {
    let begun = Instant::now();
    let mut calls = 0;
    while begun.elapsed() < SLICE {
        run();
        calls += 1;
    }
    calls
}

/// CPU time of this thread, in microseconds a call.
pub fn time(run: &mut dyn FnMut(), calls: u32) -> f64 {
    let begun = thread_time();
    (0..calls).for_each(|_| run());
    (thread_time() - begun).as_secs_f64() * 1e6 / f64::from(calls)
}
