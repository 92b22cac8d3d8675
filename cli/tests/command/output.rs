//! `--output`: under its name there is nothing but what was verified, whatever happens and whenever.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::signed::{Run, Signed, check, longhand};

/// A signed image and a directory for the output, which is `out/image` there.
struct Place {
    signed: Signed,
}

impl Place {
    fn new(signed: Signed) -> Self {
        fs::create_dir(signed.path("out")).unwrap();
        Self { signed }
    }

    fn glance() -> Self {
        Self::new(Signed::glance())
    }

    fn spoilt() -> Self {
        let mut signed = Signed::glance();
        signed.image[1000] ^= 1;
        Self::new(signed)
    }

    fn directory(&self) -> PathBuf {
        self.signed.path("out")
    }

    fn file(&self) -> PathBuf {
        self.directory().join("image")
    }

    fn content(&self) -> Option<Vec<u8>> {
        fs::read(self.file()).ok()
    }

    /// What is in the directory, in order.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The command with this output, and the image from its file.
    fn command(&self, output: &Path, arguments: &[&str]) -> Command {
        let arguments = [&["--output", output.to_str().unwrap()], arguments].concat();
        self.signed.command(&arguments)
    }

    fn verify(&self, arguments: &[&str]) -> Run {
        Run::of(&mut self.command(&self.file(), arguments))
    }

    /// The command with the image from standard input, started.
    fn start(&self) -> Child {
        self.start_with(longhand())
    }

    fn start_with(&self, mut command: Command) -> Child {
        fs::write(self.signed.path("properties.json"), self.signed.record()).unwrap();
        command.arg("verify").arg("--properties").arg(self.signed.path("properties.json"));
        command.arg("--certs").arg(self.signed.certs()).arg("--output").arg(self.file()).arg("-");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Waits until the temporary file is there and holds so many bytes.
    fn temporary(&self, bytes: u64) -> PathBuf {
        let started = Instant::now();
        loop {
            let found = self.names().into_iter().find(|name| is_temporary(name));
            if let Some(path) = found.map(|name| self.directory().join(name))
                && fs::metadata(&path).is_ok_and(|metadata| metadata.len() >= bytes)
            {
                return path;
            }
            assert!(started.elapsed() < Duration::from_secs(20), "no temporary file");
            sleep(Duration::from_millis(1));
        }
    }
}

fn is_temporary(name: &str) -> bool {
    name.starts_with(".longhand-") && name.ends_with(".tmp") && name.len() > 40
}

fn assert_unwritable(run: &Run, what: &str) {
    assert_eq!((run.exit, run.stdout.as_str()), (2, ""), "{what}: {run:?}");
    assert!(run.stderr.contains("cannot be written"), "{what}: {run:?}");
    assert!(run.stderr.contains("code: output_unwritable, operator"), "{what}: {run:?}");
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().unwrap().stdout == b"0\n"
}

#[test]
fn a_verified_image_is_released() {
    let place = Place::glance();
    let run = place.verify(&[]);
    assert_eq!(run.exit, 0, "{run:?}");
    assert!(run.stdout.ends_with(&format!(", written to {}\n", place.file().display())), "{run:?}");
    assert_eq!((place.names(), place.content().unwrap()), (vec!["image".into()], place.signed.image.clone()));

    // Over what is there, again and again, without a word, and under a name without a directory.
    fs::write(place.file(), "earlier").unwrap();
    let mut command = place.command(Path::new("image"), &["--quiet"]);
    let run = Run::of(command.current_dir(place.directory()));
    assert_eq!((run.exit, run.stdout.as_str()), (0, ""));
    assert_eq!((place.names(), place.content().unwrap()), (vec!["image".into()], place.signed.image.clone()));
}

#[test]
fn a_report_names_the_output_where_there_is_one() {
    let place = Place::glance();
    let object = place.verify(&["--json"]).json();
    let expected =
        serde_json::json!({ "path": place.file().to_str().unwrap(), "bytes": place.signed.image.len() });
    assert_eq!(object["output"], expected);
    assert_eq!(object["image"]["digest"].as_str().map(str::len), Some(64));
    assert_eq!(place.signed.verify(&["--json"]).json()["output"], serde_json::Value::Null);
    let object = Place::spoilt().verify(&["--json"]).json();
    assert_eq!((&object["output"], &object["exit_code"]), (&serde_json::Value::Null, &1.into()));
    assert_eq!(object["image"]["bytes"], place.signed.image.len());
    assert_eq!(check(&object, "signature"), "failed");
}

#[test]
fn nothing_stands_there_after_any_other_end() {
    let mut short = Signed::glance();
    short.image.pop();
    for (place, exit) in [
        (Place::spoilt(), 1),
        (Place::new(short), 1),
        (Place::new(Signed::glance().set("img_signature", "QUFB")), 1),
        (Place::new(Signed::glance().set("img_signature_key_type", "DSA")), 2),
        (Place::new(Signed::glance().set("img_signature_certificate_uuid", "elsewhere")), 4),
        (Place::new(Signed::glance().without("img_signature")), 5),
    ] {
        assert_eq!(place.verify(&[]).exit, exit);
        assert_eq!(place.names(), [""; 0]);
        // What stood there before still does, byte by byte.
        fs::write(place.file(), "earlier").unwrap();
        let before = fs::metadata(place.file()).unwrap().ino();
        assert_eq!(place.verify(&[]).exit, exit);
        assert_eq!(place.names(), ["image"]);
        assert_eq!(place.content().unwrap(), b"earlier");
        assert_eq!(fs::metadata(place.file()).unwrap().ino(), before);
    }
}

#[test]
fn an_image_that_cannot_be_read_leaves_nothing() {
    let place = Place::glance();
    let _ = place.signed.command(&[]);
    let mut images = vec![place.signed.path("missing"), place.signed.certs()];
    if cfg!(target_os = "linux") {
        // It opens, and the first read fails.
        images.push("/proc/self/mem".into());
    }
    for image in images {
        let mut command = longhand();
        command.args(["verify", "--json", "--properties"]).arg(place.signed.path("properties.json"));
        command.arg("--certs").arg(place.signed.certs()).arg("--output").arg(place.file());
        let run = Run::of(command.arg(&image));
        assert_eq!((run.exit, run.json()["name"].as_str()), (2, Some("image_unreadable")), "{image:?}");
        assert_eq!(place.names(), [""; 0], "{image:?}");
    }
}

#[test]
fn what_can_be_judged_without_the_output_is_judged_before_it() {
    let signed = Signed::glance().set("img_signature_certificate_uuid", "elsewhere");
    let missing = ["--output", "/no/such/directory/image"];
    assert_eq!(signed.verify(&missing).exit, 4);
    assert_eq!(Signed::glance().set("img_signature", "QUFB").verify(&missing).exit, 1);
    assert_unwritable(&Signed::glance().verify(&missing), "a missing directory");
}

#[test]
fn places_that_hold_nothing_back_are_refused() {
    let place = Place::glance();
    let file = place.signed.path("properties.json");
    fs::create_dir(place.file()).unwrap();
    fs::write(place.directory().join("file"), "").unwrap();
    symlink(place.file(), place.directory().join("to-directory")).unwrap();
    assert!(Command::new("mkfifo").arg(place.directory().join("pipe")).status().unwrap().success());
    let names = place.names();
    for (output, why) in [
        (place.file(), "it is a directory"),
        (place.directory().join("to-directory"), "it is a directory"),
        (place.directory().join("pipe"), "a device, a pipe or a socket"),
        ("/dev/null".into(), "a device, a pipe or a socket"),
        (place.directory().join("new/"), "not in a file's name"),
        (place.directory().join("new/."), "not in a file's name"),
        ("..".into(), "not in a file's name"),
        ("/".into(), "not in a file's name"),
        (file.join("x"), "Not a directory"),
        (place.directory().join("file/x"), "Not a directory"),
        (place.directory().join("n".repeat(256)), "name too long"),
    ] {
        let run = Run::of(&mut place.command(&output, &[]));
        assert_unwritable(&run, why);
        assert!(run.stderr.contains(why), "{output:?}: {run:?}");
    }
    assert_eq!(place.names(), names);
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());

    for stream in ["-", "/dev/stdout", "/dev/stderr"] {
        let run = Run::of(&mut place.command(Path::new(stream), &[]));
        assert_eq!((run.exit, run.stdout.as_str()), (2, ""), "{run:?}");
        assert!(run.stderr.contains("before the verdict"), "{run:?}");
        assert!(run.stderr.contains("code: usage, operator"), "{run:?}");
    }
    assert_eq!(place.signed.verify(&["--output", ""]).exit, 2);
    assert_eq!(place.signed.verify(&["--output"]).exit, 2);
    assert_eq!(place.signed.verify(&["--output", "a", "--output", "b"]).exit, 2);
}

#[test]
fn a_link_is_replaced_itself() {
    for target in ["target", "nowhere"] {
        let place = Place::glance();
        let target = place.signed.path(target);
        fs::write(place.signed.path("target"), "untouched").unwrap();
        symlink(&target, place.file()).unwrap();
        // On a no the link stays one.
        let run = place.verify(&["--pss-salt", "digest"]);
        assert_eq!((run.exit, fs::read_link(place.file()).unwrap()), (1, target.clone()));
        assert_eq!(place.verify(&[]).exit, 0);
        assert!(fs::symlink_metadata(place.file()).unwrap().is_file());
        assert_eq!(place.content().unwrap(), place.signed.image);
        assert_eq!(fs::read(place.signed.path("target")).unwrap(), b"untouched");
        assert!(!place.signed.path("nowhere").exists());
    }
}

#[test]
fn an_image_may_be_replaced_by_itself() {
    for place in [Place::glance(), Place::spoilt()] {
        let good = place.signed.image == Signed::glance().image;
        let image = place.signed.path("image");
        let run = Run::of(&mut place.command(&image, &[]));
        assert_eq!(run.exit, if good { 0 } else { 1 });
        assert_eq!(fs::read(&image).unwrap(), place.signed.image);
    }
}

#[test]
fn it_has_the_permissions_of_any_new_file_but_not_before_the_verdict() {
    for (umask, mode) in [("022", 0o644), ("027", 0o640), ("077", 0o600), ("000", 0o666)] {
        let place = Place::glance();
        let mut shell = Command::new("sh");
        shell.args(["-c", "umask $0; exec \"$@\"", umask]).arg(env!("CARGO_BIN_EXE_longhand"));
        let mut child = place.start_with(shell);
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&place.signed.image).unwrap();
        let permissions = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        let held = permissions(&place.temporary(1));
        drop(stdin);
        assert_eq!(Run::from(child.wait_with_output().unwrap()).exit, 0);
        assert_eq!((held, permissions(&place.file())), (0o600, mode), "umask {umask}");
    }
}

#[test]
fn a_verdict_that_nobody_hears_releases_nothing() {
    for earlier in [None, Some(b"earlier".to_vec())] {
        for arguments in [&[][..], &["--json"]] {
            let place = Place::glance();
            if let Some(earlier) = &earlier {
                fs::write(place.file(), earlier).unwrap();
            }
            // A pipe whose reader is gone before there is anything to say.
            let mut command = Command::new("sh");
            command.args(["-c", "sleep 0.1; exec \"$@\"", "sh"]).arg(env!("CARGO_BIN_EXE_longhand"));
            command.args(place.command(&place.file(), arguments).get_args());
            let mut child =
                command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            drop(child.stdout.take());
            let run = Run::from(child.wait_with_output().unwrap());
            assert_eq!(run.exit, 2, "{run:?}");
            assert!(run.stderr.contains("the verdict cannot be written"), "{run:?}");
            assert_eq!(place.content(), earlier);
            assert_eq!(place.names().len(), usize::from(earlier.is_some()));
        }
    }
}

/// Random numbers from a seed that a failure prints.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let seed = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0) | 1;
        println!("seed {seed}");
        Self(seed)
    }

    fn below(&mut self, bound: usize) -> usize {
        // xorshift64
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0.checked_rem(u64::try_from(bound).unwrap()).unwrap()).unwrap()
    }
}

/// `LONGHAND_KILLS=3000 cargo test -p longhand-cli kill -- --nocapture` makes more of them and counts.
#[test]
fn a_kill_at_any_moment_leaves_nothing_unverified_under_the_name() {
    let kills = std::env::var("LONGHAND_KILLS").map_or(60, |number| number.parse().unwrap());
    let mut random = Random::new();

    // How long an undisturbed run takes: the moments are spread over it and a little more.
    let started = Instant::now();
    assert_eq!(Place::glance().verify(&[]).exit, 0);
    let usual = usize::try_from(started.elapsed().as_micros()).unwrap();

    let (mut absent, mut earlier_stayed, mut complete, mut leftovers) = (0_u32, 0_u32, 0_u32, 0_u32);
    for kill in 0..kills {
        // In turn: while the image comes slowly, around the end of a good one, and around that of a bad one.
        let (place, whole) = match kill % 3 {
            0 => (Place::glance(), false),
            1 => (Place::glance(), true),
            _ => (Place::spoilt(), true),
        };
        let image = &place.signed.image;
        let earlier = (random.below(2) == 0).then(|| b"earlier".to_vec());
        if let Some(earlier) = &earlier {
            fs::write(place.file(), earlier).unwrap();
        }
        let given = if whole { image.len() } else { random.below(image.len()) };
        let mut child = place.start();
        let mut stdin = child.stdin.take();
        let mut pipe = stdin.as_ref().unwrap();
        for piece in image[..given].chunks(random.below(3000).saturating_add(1)) {
            pipe.write_all(piece).unwrap();
            if !whole {
                sleep(Duration::from_micros(u64::try_from(random.below(300)).unwrap()));
            }
        }
        if whole {
            stdin = None;
        }
        let pause = random.below(usual.saturating_mul(3).saturating_div(2));
        sleep(Duration::from_micros(u64::try_from(pause).unwrap()));
        child.kill().unwrap();
        let ended = child.wait().unwrap();
        drop(stdin);

        let content = place.content();
        match &content {
            None => absent = absent.saturating_add(1),
            Some(bytes) if *bytes == Signed::glance().image => complete = complete.saturating_add(1),
            Some(_) => earlier_stayed = earlier_stayed.saturating_add(1),
        }
        let good = kill % 3 == 1;
        assert!(content == earlier || (good && content.as_ref() == Some(image)), "{kill}: {content:?}");
        if ended.success() {
            assert!(good && content.as_ref() == Some(image), "{kill}");
        }
        let others: Vec<_> = place.names().into_iter().filter(|name| name != "image").collect();
        assert!(others.iter().all(|name| is_temporary(name)), "{kill}: {others:?}");
        leftovers = leftovers.saturating_add(u32::from(!others.is_empty()));
    }
    println!(
        "{kills} kills: nothing under the name {absent}, the earlier file {earlier_stayed}, the whole verified image \
         {complete}; temporary files left over {leftovers}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_to_end_leaves_nothing() {
    for (number, signal) in [(2, "INT"), (15, "TERM"), (1, "HUP")] {
        if is_ignored(number) {
            continue;
        }
        for earlier in [None, Some(b"earlier".to_vec())] {
            let place = Place::glance();
            if let Some(earlier) = &earlier {
                fs::write(place.file(), earlier).unwrap();
            }
            let mut child = place.start();
            let mut stdin = child.stdin.take().unwrap();
            stdin.write_all(&place.signed.image).unwrap();
            place.temporary(1);
            send(signal, &child);
            let output = child.wait_with_output().unwrap();
            assert_eq!(output.status.signal(), Some(number), "it ends as if it had not caught the signal");
            assert_eq!(output.stdout, b"");
            assert_eq!(place.content(), earlier);
            assert_eq!(place.names().len(), usize::from(earlier.is_some()), "{signal}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_is_ignored_stays_ignored() {
    let place = Place::glance();
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' INT HUP; exec \"$@\"", "sh"]).arg(env!("CARGO_BIN_EXE_longhand"));
    let mut child = place.start_with(shell);
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&place.signed.image).unwrap();
    place.temporary(1);
    send("INT", &child);
    send("HUP", &child);
    sleep(Duration::from_millis(50));
    drop(stdin);
    assert_eq!(Run::from(child.wait_with_output().unwrap()).exit, 0);
    assert_eq!(place.names(), ["image"]);
}

#[cfg(target_os = "linux")]
fn send(signal: &str, child: &Child) {
    let kill = Command::new("kill").args(["-s", signal]).arg(child.id().to_string()).status();
    assert!(kill.unwrap().success());
}

/// Whether the tests were started to ignore this signal, and so the command is.
#[cfg(target_os = "linux")]
fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    let bit = u32::try_from(signal).unwrap().saturating_sub(1);
    u64::from_str_radix(mask.trim(), 16).unwrap() >> bit & 1 == 1
}

#[test]
fn a_file_that_may_not_grow_is_exit_2() {
    for earlier in [None, Some(b"earlier".to_vec())] {
        let place = Place::glance();
        if let Some(earlier) = &earlier {
            fs::write(place.file(), earlier).unwrap();
        }
        // At most 4 KiB, by whichever unit the shell counts.
        let mut shell = Command::new("sh");
        shell.args(["-c", "ulimit -f 4; exec \"$@\"", "sh"]).arg(env!("CARGO_BIN_EXE_longhand"));
        let run = Run::of(shell.args(place.command(&place.file(), &[]).get_args()));
        assert_unwritable(&run, "a limit");
        assert_eq!(place.content(), earlier);
        assert_eq!(place.names().len(), usize::from(earlier.is_some()));
    }
}

/// Runs the command with the output in a file system of its own, prepared by this script; says what is there afterwards.
/// `None` where this user may not mount one.
fn mounted(place: &Place, options: &str, prepare: &str) -> Option<(Run, String)> {
    let can_mount = is_root() && cfg!(target_os = "linux");
    let can_mount =
        can_mount && Command::new("unshare").args(["-m", "true"]).status().is_ok_and(|it| it.success());
    if !can_mount {
        return None;
    }
    let listing = place.signed.path("listing");
    let script = format!(
        "mount -t tmpfs -o size=256k tmpfs out && cd out && {prepare} && cd .. && mount -o remount,{options} out || exit 99
         \"$@\"; code=$?; ls -A out > {}; exit $code",
        listing.display()
    );
    let mut shell = Command::new("unshare");
    shell.args(["-m", "sh", "-c", &script, "sh"]).arg(env!("CARGO_BIN_EXE_longhand"));
    shell.args(place.command(&place.file(), &[]).get_args()).current_dir(place.signed.path("."));
    let run = Run::of(&mut shell);
    assert_ne!(run.exit, 99, "{run:?}");
    Some((run, fs::read_to_string(listing).unwrap()))
}

#[test]
fn a_full_disk_is_exit_2() {
    // 64 pages: the image needs two.
    for (pages, full) in [(64, true), (63, true), (60, false)] {
        let prepare = format!("head -c {} /dev/zero > filler", pages * 4096);
        let place = Place::glance();
        let Some((run, listing)) = mounted(&place, "rw", &prepare) else { return };
        if full {
            assert_unwritable(&run, "a full disk");
            assert!(run.stderr.contains("No space left"), "{run:?}");
            assert_eq!(listing, "filler\n");
        } else {
            assert_eq!((run.exit, listing.as_str()), (0, "filler\nimage\n"), "{run:?}");
        }
    }
}

#[test]
fn a_directory_that_is_read_only_is_exit_2() {
    let place = Place::glance();
    if let Some((run, listing)) = mounted(&place, "ro", "echo earlier > image") {
        assert_unwritable(&run, "read only");
        assert_eq!(listing, "image\n");
    }
    if !is_root() {
        fs::set_permissions(place.directory(), fs::Permissions::from_mode(0o555)).unwrap();
        assert_unwritable(&place.verify(&[]), "read only");
        assert_eq!(place.names(), [""; 0]);
        fs::set_permissions(place.directory(), fs::Permissions::from_mode(0o755)).unwrap();
    }
}
