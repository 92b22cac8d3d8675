//! Measures `longhand` beside OpenSSL and Cursive and writes docs/PERFORMANCE.md and docs/performance.svg.
//!
//! `benches/peers/run` builds the command, makes Cursive's environment and calls this with the paths of both.

mod chains;
mod clock;
mod flow;
mod many;
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
    StreamsSha256,
    StreamsSha512,
    Rsa,
    Dsa,
    Ecdsa,
    BinaryCurve,
    CertificateRsa,
    CertificateDsa,
    CertificateEcdsa,
    ChainRsa,
    ChainEcdsa,
    CertificateBinaryCurve,
    FlowSha256,
    FlowSha512,
    ImagesSha256,
    ImagesSha512,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [many::CHILD, folder] = arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        return many::verify_batch(Path::new(folder));
    }
    let (longhand, python) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [longhand, python] => (Path::new(longhand), Path::new(python)),
        [_, python, "chains"] => {
            let (rows, tables) = chains::measure(Path::new(python));
            return print!("{}\n{}", report::rows(&rows), report::tables(&tables));
        }
        [_, _, "many"] => return print!("{}", report::rows(&many::measure())),
        _ => {
            eprintln!("usage: peers LONGHAND PYTHON [chains|many]; benches/peers/run calls it");
            std::process::exit(2);
        }
    };
    let begun = std::time::Instant::now();
    let load = report::load_average();
    let mut rows = rows::measure();
    let (chains, tables) = chains::measure(python);
    rows.extend(chains);
    rows.extend(many::measure());
    let (flows, cursive_start_up) = flow::measure(longhand, python);
    rows.extend(flows);
    let docs = longhand_peers::root().join("docs");
    let page = report::markdown(&rows, &tables, load, cursive_start_up);
    std::fs::write(docs.join("PERFORMANCE.md"), page).expect("docs/ can be written");
    std::fs::write(docs.join("performance.svg"), plot::svg(&rows)).expect("docs/ can be written");
    println!(
        "docs/PERFORMANCE.md and docs/performance.svg are written, after {} s",
        begun.elapsed().as_secs()
    );
}
