//! Whole programs over 1 GiB in the page cache: `longhand verify`, `openssl dgst -verify`, Cursive.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use longhand::HashMethod;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;

use crate::clock::Quartiles;
use crate::rows::{CERTIFICATE_ID, certificate, properties, sign};
use crate::{Row, Subject};

const ROUNDS: usize = 7;
const GIBIBYTE: usize = 1 << 30;

/// The rows, and how many seconds Cursive's process takes beside reading and verifying.
pub fn measure(longhand: &Path, python: &Path) -> (Vec<Row>, f64) {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let key = PKey::from_rsa(Rsa::generate(2048).expect("OpenSSL makes keys")).expect("a key");
    std::fs::create_dir(at("certs")).expect("a new folder");
    let signer = certificate(&key).expect("OpenSSL makes certificates");
    std::fs::write(at(&format!("certs/{CERTIFICATE_ID}.der")), signer.to_der().expect("DER")).expect("room");
    std::fs::write(at("public.pem"), key.public_key_to_pem().expect("PEM")).expect("room");
    let block: Vec<u8> = (0..1_u32 << 20).map(|at| (at.wrapping_mul(0x9e37_79b9) >> 24) as u8).collect();
    let blocks = || (0..GIBIBYTE / block.len()).map(|_| block.as_slice());
    let mut image = File::create(at("image")).expect("a new file");
    blocks().for_each(|block| image.write_all(block).expect("room for 1 GiB"));
    drop(image);

    let (mut rows, mut start_ups) = (Vec::new(), Vec::new());
    for (hash_method, option, subject) in [
        (HashMethod::Sha256, "-sha256", Subject::FlowSha256),
        (HashMethod::Sha512, "-sha512", Subject::FlowSha512),
    ] {
        let signature = sign(&key, hash_method, |signer| blocks().try_for_each(|block| signer.update(block)));
        let signature = signature.expect("OpenSSL signs");
        let properties = serde_json::Map::from_iter(
            properties(&signature, hash_method, "RSA-PSS")
                .map(|(name, value)| (name.to_owned(), value.into())),
        );
        std::fs::write(at("signature"), &signature).expect("room");
        std::fs::write(at("properties.json"), serde_json::Value::from(properties).to_string()).expect("room");

        let mut ours = Command::new(longhand);
        ours.args(["verify", "--quiet", "--properties"]).arg(at("properties.json"));
        ours.arg("--certs").arg(at("certs")).arg(at("image"));
        let mut openssl = Command::new("openssl");
        openssl.args(["dgst", option, "-sigopt", "rsa_padding_mode:pss", "-verify"]).arg(at("public.pem"));
        openssl.arg("-signature").arg(at("signature")).arg(at("image"));
        let mut cursive = Command::new(python);
        cursive.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("cursive_flow.py")).arg(at("properties.json"));
        cursive.arg(at(&format!("certs/{CERTIFICATE_ID}.der"))).arg(at("image"));

        let mut programs = [ours, openssl, cursive];
        let mut times: [Vec<f64>; 3] = Default::default();
        // Round 0 warms up: the page cache, and Python's compiled modules.
        for round in 0..=ROUNDS {
            for turn in 0..programs.len() {
                let place = (round + turn) % programs.len();
                let (seconds, said) = run(&mut programs[place]);
                if round > 0 {
                    times[place].push(seconds);
                    if let (2, Ok(inside)) = (place, said.trim().parse::<f64>()) {
                        start_ups.push(seconds - inside);
                    }
                }
            }
        }
        for (place, peer) in [(1, "openssl dgst"), (2, "Cursive")] {
            let median = |place: usize| format!("{:.2} s", Quartiles::of(times[place].clone()).1);
            let ratios = times[0].iter().zip(&times[place]).map(|(ours, theirs)| theirs / ours);
            rows.push(Row {
                subject,
                what: format!("{hash_method} and RSA-PSS 2048 over 1 GiB, whole program"),
                peer,
                ours: median(0),
                theirs: median(place),
                ratio: Quartiles::of(ratios.collect()),
            });
        }
    }
    (rows, Quartiles::of(start_ups).1)
}

/// Wall time in seconds, and what it said. All of them must say yes.
fn run(program: &mut Command) -> (f64, String) {
    let begun = Instant::now();
    let output = program.stdin(Stdio::null()).output().expect("the program is there");
    let seconds = begun.elapsed().as_secs_f64();
    assert!(output.status.success(), "{program:?}: {}", String::from_utf8_lossy(&output.stderr));
    (seconds, String::from_utf8_lossy(&output.stdout).into_owned())
}
