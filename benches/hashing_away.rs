//! From which size on hashing pays off away from a runtime's threads: the figures behind
//! `limits::MAX_HASHED_IN_PLACE`. In place and away in turn, round by round, on either runtime of tokio.
//!
//! `cargo bench --features tokio --bench hashing_away`

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    missing_docs,
    reason = "a bench may panic"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use longhand::{HashMethod, StreamingDigest};
use tokio::runtime::{Builder, Runtime};
use tokio::task::spawn_blocking;

const KIB: usize = 1024;
const SIZES: [usize; 9] =
    [0, 4 * KIB, 16 * KIB, 64 * KIB, 128 * KIB, 256 * KIB, 512 * KIB, 1024 * KIB, 4096 * KIB];
const ROUNDS: usize = 25;

fn main() {
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load average {}", load.trim());
    println!(
        "medians of {ROUNDS} rounds; away: until the stream goes on, and what of that the runtime's thread works"
    );
    println!(
        "{:<8} {:<15} {:>9} {:>10} {:>10} {:>10} {:>7}",
        "hash", "runtime", "bytes", "in place", "away", "thread", "ratio"
    );
    for hash_method in [HashMethod::Sha256, HashMethod::Sha512] {
        for (name, runtime) in [("current thread", current_thread()), ("two threads", two_threads())] {
            for size in SIZES {
                let figures = runtime.block_on(async move {
                    let task = tokio::spawn(measure(hash_method, size));
                    task.await.unwrap()
                });
                print(hash_method, name, size, figures);
            }
        }
    }
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

fn two_threads() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).build().unwrap()
}

/// Medians over the rounds, per chunk.
struct Figures {
    in_place: Duration,
    away: Duration,
    thread: Duration,
}

async fn measure(hash_method: HashMethod, size: usize) -> Figures {
    let mut state = (StreamingDigest::new(hash_method), vec![7_u8; size]);
    // A round is long enough to be measured, and short enough that both sides have the same machine.
    let calls = (8 * KIB * KIB / (size + 32 * KIB)).clamp(4, 200);
    let (mut in_place, mut away, mut thread) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS + 3 {
        let start = Instant::now();
        for _ in 0..calls {
            let (digest, chunk) = &mut state;
            digest.update(black_box(chunk));
        }
        let place = start.elapsed() / calls as u32;
        let (start, worked) = (Instant::now(), thread_time());
        for _ in 0..calls {
            let (mut digest, chunk) = state;
            let hashed = spawn_blocking(move || {
                digest.update(black_box(&chunk));
                (digest, chunk)
            });
            state = hashed.await.unwrap();
        }
        if round >= 3 {
            in_place.push(place);
            away.push(start.elapsed() / calls as u32);
            thread.push(thread_time().saturating_sub(worked) / calls as u32);
        }
    }
    Figures { in_place: median(in_place), away: median(away), thread: median(thread) }
}

/// The time that this thread has been on a processor. On a runtime of two threads the task may change threads, which
/// spoils single rounds and not the median.
fn thread_time() -> Duration {
    std::thread::yield_now(); // the kernel counts when it schedules
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0);
    Duration::from_nanos(nanoseconds)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn print(hash_method: HashMethod, runtime: &str, size: usize, figures: Figures) {
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let ratio = micros(figures.away) / micros(figures.in_place).max(0.001);
    println!(
        "{:<8} {runtime:<15} {size:>9} {:>7.1} µs {:>7.1} µs {:>7.1} µs {ratio:>7.2}",
        hash_method.to_string(),
        micros(figures.in_place),
        micros(figures.away),
        micros(figures.thread),
    );
}
