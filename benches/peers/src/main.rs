//! Measures `longhand` beside OpenSSL and Cursive and writes docs/PERFORMANCE.md and docs/performance.svg.
//!
//! `benches/peers/run` builds the command, makes Cursive's environment and calls this with the paths of both.

mod clock;
mod flow;
mod plot;
mod report;
mod rows;

use std::path::Path;

/// One comparison.
pub struct Row {
    pub subject: Subject,
    pub what: String,
    pub peer: &'static str,
    pub ours: String,
    pub theirs: String,
    /// The peer's time over ours, round by round.
    pub ratio: clock::Quartiles,
}

/// What a row is about: what decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    Sha256,
    Sha512,
    Rsa,
    Dsa,
    Ecdsa,
    CertificateRsa,
    CertificateDsa,
    CertificateEcdsa,
    FlowSha256,
    FlowSha512,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [longhand, python] = arguments.as_slice() else {
        eprintln!("usage: peers LONGHAND PYTHON; benches/peers/run calls it");
        std::process::exit(2);
    };
    let begun = std::time::Instant::now();
    let load = report::load_average();
    let mut rows = rows::measure();
    let (flows, cursive_start_up) = flow::measure(Path::new(longhand), Path::new(python));
    rows.extend(flows);
    let docs = longhand_peers::root().join("docs");
    std::fs::write(docs.join("PERFORMANCE.md"), report::markdown(&rows, load, cursive_start_up))
        .expect("docs/ can be written");
    std::fs::write(docs.join("performance.svg"), plot::svg(&rows)).expect("docs/ can be written");
    println!(
        "docs/PERFORMANCE.md and docs/performance.svg are written, after {} s",
        begun.elapsed().as_secs()
    );
}
