//! docs/PERFORMANCE.md, from its first word to its last.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Command;

use crate::chains::Tables;
use crate::clock::Quartiles;
use crate::{Row, Subject};

impl Row {
    /// Level unless the median is a twentieth away from 1 and three quarters of the rounds lie on its side: less is noise.
    pub fn verdict(&self) -> &'static str {
        let Quartiles(first, median, third) = self.ratio;
        if median > 1.05 && first > 1.0 {
            "faster"
        } else if median < 0.95 && third < 1.0 {
            "slower"
        } else {
            "level"
        }
    }
}

/// Why a subject's rows come out so; `None` where we know no reason, and then none is given.
fn reason(subject: Subject, verdict: &str) -> Option<&'static str> {
    use Subject as S;
    Some(match (subject, verdict) {
        (S::Sha256, "level") => {
            "SHA-224 and SHA-256, one stream: both use the processor's SHA instructions, and each round waits for the one before. One stream cannot go faster."
        }
        (S::Sha512, "faster" | "level") => {
            "SHA-384 and SHA-512, one stream: both expand the message schedule in vector registers and go through the rounds in general ones, as many at once as the processor has arithmetic units for."
        }
        (S::Sha512, "slower") => {
            "SHA-384 and SHA-512, one stream, without AVX2 and BMI2: the code of the `sha2` crate against OpenSSL's assembler."
        }
        (S::StreamsSha256, "faster") => {
            "Two SHA-256 streams on one core: each leaves the SHA unit idle between its rounds, and there the other's are done. OpenSSL hashes one stream at a time."
        }
        (S::StreamsSha512, "faster") => {
            "Four SHA-512 streams on one core: each in a lane of the vector unit."
        }
        (S::Rsa, "faster" | "level") => {
            "RSA, key prepared: both do the same few multiplications with MULX and ADX. `longhand` needs two fewer, since it divides to enter Montgomery form and leaves it with the last multiplication."
        }
        (S::Dsa, "faster") => {
            "DSA, key prepared: powers that are kept with the key let `longhand` cut both exponents in four parts, which share one chain of squarings a quarter as long as OpenSSL's."
        }
        (S::Ecdsa, "faster") => {
            "ECDSA: `longhand` takes variable time over public data, keeps the key's multiples from its first verification, and cuts both scalars into four, so that a quarter of the doublings does. OpenSSL keeps the generator's alone."
        }
        (S::BinaryCurve | S::CertificateBinaryCurve, "faster") => {
            "Binary curves: `longhand` takes variable time over public data, one chain for both with the generator's and the key's multiples at hand, lambda coordinates, and the Frobenius map on the Koblitz curves. Both use carry-less multiplication."
        }
        (S::CertificateRsa | S::CertificateEcdsa | S::CertificateDsa, "faster") => {
            "From the certificate: OpenSSL 3.0 finds a decoder for every key it reads, which takes longer than most verifications; `longhand` reads certificate and key in microseconds."
        }
        (S::CertificateDsa, "slower") => {
            "DSA from the certificate: `longhand` makes sure that q is prime and that g and y lie in the subgroup of order q, which takes six times as long as a verification and more, before it believes the key. OpenSSL does not ask."
        }
        (S::CertificateRsa, "slower") => {
            "RSA from the certificate, long keys: the arithmetic outweighs what reading saves."
        }
        (S::ChainRsa, "faster") => {
            "Chains of RSA: reading a key costs OpenSSL more than a verification, as above, and Cursive reads through OpenSSL; `longhand` checks one signature more than OpenSSL, the root's own, and all of them take it less time than that."
        }
        (S::ChainEcdsa, "faster") => {
            "Chains of ECDSA: the root's key, which verifies twice, and short formulas; most of it makes the multiples of keys that are used once."
        }
        (S::FlowSha256, "faster") => {
            "1 GiB, SHA-256: hashing is level; `longhand` reads large blocks to page-aligned memory, which costs the kernel less, and starts at once, Python does not."
        }
        (S::FlowSha512, "faster") => "1 GiB, SHA-512: the hash is level, and reading as for SHA-256.",
        (S::FlowSha512, "slower") => "1 GiB, SHA-512: the hash decides, as above.",
        (S::ImagesSha256 | S::ImagesSha512, "faster") => {
            "Sixteen images: both cores hash several streams at once, as above, in one process."
        }
        _ => return None,
    })
}

pub fn markdown(rows: &[Row], tables: &Tables, load: f64, cursive_start_up: f64) -> String {
    let mut page = String::from(
        "<!-- Written by benches/peers/run; changes by hand are lost. -->\n# Performance\n\n\
         `longhand` beside OpenSSL and OpenStack Cursive 0.3.1, on one machine, in one run. To make this page again:\n\n\
         ```console\n$ benches/peers/run\n```\n\n\
         ![Bars of the ratios in the table below](performance.svg)\n\n\
         A **ratio** is the peer's time over ours: 2 means that `longhand` takes half the time, 0.5 that it takes twice. In brackets the\n\
         first and third quartile of the rounds. Trust the ratios before the times: both sides of one had the same machine in the same\n\
         moment. Within 5 % of 1, or with 1 between the quartiles, counts as level.\n\n",
    );
    page.push_str(&self::rows(rows));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut reasons = Vec::new();
    for row in rows {
        *counts.entry(row.verdict()).or_default() += 1;
        if let Some(reason) = reason(row.subject, row.verdict()).filter(|reason| !reasons.contains(reason)) {
            reasons.push(reason);
        }
    }
    let count = |verdict| counts.get(verdict).copied().unwrap_or(0);
    let _ = writeln!(
        page,
        "\nOf {} rows `longhand` is faster in {}, level in {} and slower in {}.\n\n## Why\n",
        rows.len(),
        count("faster"),
        count("level"),
        count("slower")
    );
    for reason in &reasons {
        let _ = writeln!(page, "- {reason}");
    }
    page.push('\n');
    page.push_str(&self::tables(tables));
    let _ = write!(
        page,
        "\n## Method\n\n\
         Hashes, prepared keys and certificates: both sides in one process, pinned to one core, the clock is the thread's CPU time. After a warm-up,\n\
         25 rounds of about 15 ms for each side, in turn, each side first in every second round; the ratio is taken round by round and\n\
         its median shown. Keys are new in each run; every signature holds and both sides must say so, and both must refuse another\n\
         image. \"Key prepared\" is digest to verdict, with OpenSSL's `EVP_PKEY_CTX` set up once and used again. \"From the certificate\"\n\
         is DER to verdict: certificate, key, verifier, 4 KiB of image; OpenSSL through `d2i_X509` and `EVP_DigestVerify`.\n\n\
         Chains: root, two intermediates and a signing certificate, all but the last trusted; from DER to the verdict, with a new store\n\
         and a new context each time, and a fixed time. OpenSSL through `d2i_X509` and `X509_verify_cert`, Cursive through its\n\
         `CertificateVerificationContext` in a process of its own, 20 calls a round, its thread's CPU time.\n\n\
         Whole programs: wall time from start to exit, not pinned, 7 rounds after a warm-up, the file in the page cache. `longhand verify`\n\
         against `openssl dgst -verify` and against Cursive's `get_verifier` with a key manager in memory, fed 64 KiB at a time.\n\
         {cursive_start_up:.2} s of Cursive's time is Python starting and importing; a service pays that once, not for each image.\n\
         Sixteen images: 5 rounds; one process of ours that reads the certificate and the properties and hashes in two threads, against\n\
         sixteen of `openssl dgst -verify`, two at a time. The images are four files of 256 MiB under four names each. On a machine that\n\
         has other work our threads get more of it than two processes do: trust the CPU time, which counts all threads, before the wall time.\n\n\
         ## Machine\n\n{}",
        machine(load)
    );
    page
}

/// The comparisons.
pub fn rows(rows: &[Row]) -> String {
    let mut table = String::new();
    let _ = writeln!(
        table,
        "| task | peer | longhand | peer's | ratio | |\n| --- | --- | ---: | ---: | ---: | --- |"
    );
    for row in rows {
        let Row { what, peer, ours, theirs, ratio, .. } = row;
        let _ = writeln!(
            table,
            "| {what} | {peer} | {ours} | {theirs} | **{:.2}** ({:.2}–{:.2}) | {} |",
            ratio.1,
            ratio.0,
            ratio.2,
            row.verdict()
        );
    }
    table
}

/// What a search costs, and what a unit is.
pub fn tables(tables: &Tables) -> String {
    let mut page = String::from(
        "## What a search costs\n\n\
         The signing certificate's issuer is one of many trusted certificates of one name. They are certificates with other keys\n\
         (decoys), the root, and the right one, or one decoy more in its place. Time is from the DER of all to the verdict.\n\n\
         | decoys | trusted certificates | right one | outcome | units | ms |\n| --- | ---: | --- | --- | ---: | ---: |\n",
    );
    for row in &tables.work {
        let right = if row.right { "present" } else { "absent" };
        let _ = writeln!(
            page,
            "| {} | {} | {right} | {} | {} | {:.2} |",
            row.decoys, row.count, row.outcome, row.units, row.milliseconds
        );
    }
    let _ = write!(
        page,
        "\nA search ends at {} units. A unit is meant to be one check of an RSA-2048 signature. A self-signed certificate judged\n\
         alone, with its key read anew, in turn with RSA-2048, without what takes no check:\n\n\
         | key | units | measured | µs |\n| --- | ---: | ---: | ---: |\n",
        longhand::limits::MAX_CHAIN_WORK
    );
    for unit in &tables.units {
        let _ = writeln!(
            page,
            "| {} | {} | {:.1} | {:.0} |",
            unit.key, unit.units, unit.measured, unit.microseconds
        );
    }
    page
}

fn machine(load: f64) -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = cpu.lines().find(|line| line.split(':').next().is_some_and(|key| key.trim() == name));
        line.and_then(|line| line.split_once(": ")).map_or("", |(_, value)| value)
    };
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let quiet = if load > 0.5 {
        "**The machine was not quiet:** take this run as a first look, not as a measurement."
    } else {
        "The machine was quiet."
    };
    format!(
        "- {}, family {} model {}, {cores} cores\n- {}; the command: {}\n- {}, release profile, no flags for this processor\n- `longhand` {}\n- {}\n- load average at the start {load:.2}. {quiet}\n",
        field("model name"),
        field("cpu family"),
        field("model"),
        openssl::version::version(),
        said("openssl", &["version"]),
        said("rustc", &["-V"]),
        revision(),
        said("date", &["-u", "+%Y-%m-%d"]),
    )
}

fn revision() -> String {
    let git = |arguments: &[&str]| said("git", &[&["-C", env!("CARGO_MANIFEST_DIR")], arguments].concat());
    let changed =
        if git(&["status", "--porcelain", "--", "../../src", "../../cli", "../../Cargo.lock"]).is_empty() {
            ""
        } else {
            ", with changes"
        };
    format!("at {}{changed}", git(&["rev-parse", "--short", "HEAD"]))
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

/// Of the last minute.
pub fn load_average() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(f64::NAN)
}
