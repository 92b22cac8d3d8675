//! Many images at once: streams on one core in one process, and whole programs over sixteen files.

use std::fs::File;
use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use longhand::{
    BatchVerifier, Certificate, HashMethod, SignatureProperties, SignatureVerifier, StreamingDigest,
};
use longhand_peers::message_digest;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use openssl::hash::Hasher;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::sign::Signer;

use crate::clock::{Quartiles, compare, pinned};
use crate::rows::{certificate, properties, sign};
use crate::{Row, Subject};

/// The name under which this program is its own child: sixteen images in one batch.
pub const CHILD: &str = "verify-batch";

const ROUNDS: usize = 5;
const IMAGES: usize = 16;
/// Files of their own; each stands under four names.
const FILES: usize = 4;
const LENGTH: usize = 256 << 20;
const CORES: usize = 2;

pub fn measure() -> Vec<Row> {
    let mut rows = pinned(|| {
        vec![
            streams(HashMethod::Sha256, Subject::StreamsSha256, 2),
            streams(HashMethod::Sha512, Subject::StreamsSha512, 4),
        ]
    });
    rows.extend(images());
    rows
}

/// All streams' bytes in our time, against one stream of as many bytes in OpenSSL's.
fn streams(hash_method: HashMethod, subject: Subject, count: usize) -> Row {
    let data: Vec<Vec<u8>> = (0..count).map(|number| vec![number as u8; 1 << 20]).collect();
    let (ours, theirs, ratio) = compare(
        || {
            let mut digests = vec![StreamingDigest::new(hash_method); count];
            for at in (0..1 << 20).step_by(1 << 16) {
                let pieces = data.iter().map(|data| black_box(&data[at..at + (1 << 16)]));
                StreamingDigest::update_many(digests.iter_mut().zip(pieces));
            }
            black_box(digests.into_iter().map(StreamingDigest::finish).collect::<Vec<_>>());
        },
        || {
            let mut digest = Hasher::new(message_digest(hash_method)).expect("OpenSSL has it");
            let pieces = data.iter().flat_map(|data| data.chunks(1 << 16));
            pieces.for_each(|piece| digest.update(black_box(piece)).expect("it takes data"));
            black_box(digest.finish().expect("it ends"));
        },
    );
    let speed = |microseconds: f64| format!("{:.2} GB/s", (count << 20) as f64 / microseconds / 1000.0);
    Row {
        subject,
        what: format!("{hash_method}, {count} streams on one core, 64 KiB at a time"),
        peer: "OpenSSL, one stream",
        ours: speed(ours),
        theirs: speed(theirs),
        ratio,
    }
}

/// Sixteen images of 256 MiB in the page cache: one program with one batch on two cores, against sixteen programs, two at
/// a time.
fn images() -> Vec<Row> {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let folder = folder.path();
    let key = PKey::from_rsa(Rsa::generate(2048).expect("OpenSSL makes keys")).expect("a key");
    let signer = certificate(&key).expect("OpenSSL makes certificates");
    std::fs::write(folder.join("certificate.der"), signer.to_der().expect("DER")).expect("room");
    std::fs::write(folder.join("public.pem"), key.public_key_to_pem().expect("PEM")).expect("room");
    write_images(folder);
    let methods = [
        (HashMethod::Sha256, "-sha256", Subject::ImagesSha256),
        (HashMethod::Sha512, "-sha512", Subject::ImagesSha512),
    ];
    let mut rows = Vec::new();
    for (hash_method, option, subject) in methods {
        write_signatures(folder, hash_method, &key);
        let (wall, cpu): (Vec<_>, Vec<_>) = in_turn(folder, option).into_iter().unzip();
        rows.push(row(hash_method, subject, "wall time", &wall));
        rows.push(row(hash_method, subject, "CPU time", &cpu));
    }
    rows
}

/// Of seconds round by round, ours and theirs.
fn row(hash_method: HashMethod, subject: Subject, clock: &str, rounds: &[[f64; 2]]) -> Row {
    let median = |side: usize| {
        let seconds = rounds.iter().map(|round| round[side]).collect();
        format!("{:.2} s", Quartiles::of(seconds).1)
    };
    Row {
        subject,
        what: format!("{hash_method}, {IMAGES} images of 256 MiB on {CORES} cores, {clock}"),
        peer: "openssl dgst, two at a time",
        ours: median(0),
        theirs: median(1),
        ratio: Quartiles::of(rounds.iter().map(|[ours, theirs]| theirs / ours).collect()),
    }
}

/// What the file with this number has, over and over.
fn block(file: usize) -> Vec<u8> {
    let seed = (file as u32) << 20;
    (0..1_u32 << 20).map(|at| ((at | seed).wrapping_mul(0x9e37_79b9) >> 24) as u8).collect()
}

fn write_images(folder: &Path) {
    for image in 0..IMAGES {
        let name = folder.join(format!("image{image}"));
        if image < FILES {
            let (block, mut file) = (block(image), File::create(name).expect("a new file"));
            (0..LENGTH / block.len()).for_each(|_| file.write_all(&block).expect("room for 1 GiB"));
        } else {
            let first = folder.join(format!("image{}", image % FILES));
            std::fs::hard_link(first, name).expect("a second name");
        }
    }
}

fn write_signatures(folder: &Path, hash_method: HashMethod, key: &PKey<Private>) {
    for file in 0..FILES {
        let block = block(file);
        let feed = |signer: &mut Signer| (0..LENGTH / block.len()).try_for_each(|_| signer.update(&block));
        let signature = sign(key, hash_method, feed).expect("OpenSSL signs");
        let words = properties(&signature, hash_method, "RSA-PSS");
        let words: serde_json::Map<_, _> =
            words.map(|(name, value)| (name.to_owned(), value.into())).into_iter().collect();
        let words = serde_json::Value::from(words).to_string();
        std::fs::write(folder.join(format!("signature{file}")), signature).expect("room");
        std::fs::write(folder.join(format!("properties{file}.json")), words).expect("room");
    }
}

/// Seconds of wall time and of CPU time, ours and theirs, round by round.
fn in_turn(folder: &Path, option: &str) -> Vec<([f64; 2], [f64; 2])> {
    let this = std::env::current_exe().expect("this program has a path");
    let ours = || timed(|| run(Command::new(&this).arg(CHILD).arg(folder)));
    let dgst = |image: usize| {
        let mut program = Command::new("openssl");
        program.args(["dgst", option, "-sigopt", "rsa_padding_mode:pss", "-verify"]);
        program.arg(folder.join("public.pem")).arg("-signature");
        program.arg(folder.join(format!("signature{}", image % FILES)));
        run(program.arg(folder.join(format!("image{image}"))));
    };
    let theirs = || timed(|| two_at_a_time(dgst));
    // The first round warms up.
    let round = |round| {
        let (ours, theirs) = if round % 2 == 0 {
            (ours(), theirs())
        } else {
            let theirs = theirs();
            (ours(), theirs)
        };
        ([ours.0, theirs.0], [ours.1, theirs.1])
    };
    (0..=ROUNDS).map(round).skip(1).collect()
}

/// Wall time, and CPU time of the programs that ran.
fn timed(run: impl FnOnce()) -> (f64, f64) {
    let (begun, before) = (Instant::now(), children_time());
    run();
    (begun.elapsed().as_secs_f64(), children_time() - before)
}

fn children_time() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("Linux counts it");
    [usage.user_time(), usage.system_time()]
        .map(|time| time.num_microseconds() as f64 / 1e6)
        .into_iter()
        .sum()
}

fn two_at_a_time(run: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    let work = || {
        while let image @ 0..IMAGES = next.fetch_add(1, Ordering::Relaxed) {
            run(image);
        }
    };
    std::thread::scope(|scope| (0..CORES).for_each(|_| drop(scope.spawn(work))));
}

/// All must say yes.
fn run(program: &mut Command) {
    let output = program.stdin(Stdio::null()).output().expect("the program is there");
    assert!(output.status.success(), "{program:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What the child does.
pub fn verify_batch(folder: &Path) {
    let certificate = std::fs::read(folder.join("certificate.der")).expect("the parent wrote it");
    let certificate = Certificate::from_der(&certificate).expect("good");
    let images = (0..IMAGES).map(|image| {
        let words = std::fs::read(folder.join(format!("properties{}.json", image % FILES)))
            .expect("the parent wrote it");
        let words: serde_json::Value = serde_json::from_slice(&words).expect("JSON");
        let words = words.as_object().expect("an object").iter();
        let words = words.filter_map(|(name, value)| Some((name, value.as_str()?)));
        let properties = SignatureProperties::from_properties(words).expect("good").expect("signed");
        let verifier = SignatureVerifier::new(&properties, &certificate).expect("fitting");
        (verifier, File::open(folder.join(format!("image{image}"))).expect("the parent wrote it"))
    });
    let verdicts = BatchVerifier::new(CORES).verify(images);
    assert!(verdicts.len() == IMAGES && verdicts.iter().all(Result::is_ok), "{verdicts:?}");
}
