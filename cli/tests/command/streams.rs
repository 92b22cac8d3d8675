//! Where the image comes from and where the verdict goes.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::signed::{Run, Signed, longhand};

/// The command with the image on standard input.
fn on_stdin(signed: &Signed, arguments: &[&str]) -> Command {
    let _ = signed.command(&[]);
    let mut command = longhand();
    command.arg("verify").arg("--properties").arg(signed.path("properties.json"));
    command.arg("--certs").arg(signed.certs()).args(arguments).arg("-");
    command
}

#[test]
fn the_image_may_be_standard_input() {
    let signed = Signed::glance();
    let run = Run::fed(&mut on_stdin(&signed, &[]), &signed.image);
    assert_eq!(run.exit, 0, "{run:?}");
    assert!(run.stdout.starts_with("verified: standard input: RSA-PSS with SHA-256, "), "{run:?}");
    let run = Run::fed(&mut on_stdin(&signed, &["--json"]), &signed.image[1..]);
    assert_eq!((run.exit, run.json()["image"]["name"].as_str()), (1, Some("-")));
}

#[cfg(unix)]
#[test]
fn the_image_may_be_a_pipe_with_a_name() {
    for (extra, exit) in [(&b""[..], 0), (b"x", 1)] {
        let signed = Signed::glance();
        let mut command = signed.command(&[]);
        let path = signed.path("image");
        std::fs::remove_file(&path).unwrap();
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let writer = std::thread::spawn({
            let image = [&signed.image, extra].concat();
            move || {
                let mut pipe = std::fs::File::options().write(true).open(path).unwrap();
                for piece in image.chunks(1000) {
                    pipe.write_all(piece).unwrap();
                    pipe.flush().unwrap();
                }
            }
        });
        let run = Run::of(&mut command);
        writer.join().unwrap();
        assert_eq!(run.exit, exit, "{run:?}");
    }
}

#[test]
fn a_reader_that_went_away_gets_no_panic_and_never_0() {
    let signed = Signed::glance();
    for (arguments, image, exit) in [
        (&[][..], &signed.image[..], 2),
        (&["--json"], &signed.image, 2),
        (&["--json"], &signed.image[1..], 1),
        // Nothing to write: the exit code is the verdict.
        (&["--quiet"], &signed.image, 0),
    ] {
        let mut command = on_stdin(&signed, arguments);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // The pipe is closed before the command has seen its image, so before it can answer.
        drop(child.stdout.take());
        child.stdin.take().unwrap().write_all(image).unwrap();
        let run = Run::from(child.wait_with_output().unwrap());
        assert_eq!(run.exit, exit, "{arguments:?}: {run:?}");
        if exit == 2 {
            assert!(run.stderr.contains("the verdict cannot be written"), "{run:?}");
            assert!(run.stderr.contains("output_unwritable"), "{run:?}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_never_0() {
    let full = || Stdio::from(std::fs::File::options().write(true).open("/dev/full").unwrap());
    let signed = Signed::glance();
    for (arguments, exit) in [(&[][..], 2), (&["--json"], 2), (&["--quiet"], 0)] {
        assert_eq!(
            signed.command(arguments).stdout(full()).stderr(Stdio::null()).status().unwrap().code(),
            Some(exit)
        );
    }
    // Without a place for messages the exit codes stay.
    for (arguments, exit) in [(&[][..], 0), (&["--pss-salt", "digest"], 1), (&["--trusted"], 2)] {
        assert_eq!(
            signed.command(arguments).stderr(full()).stdout(Stdio::null()).status().unwrap().code(),
            Some(exit)
        );
    }
    for arguments in [&["--help"][..], &["--version"], &["verify", "--help"]] {
        assert_eq!(
            longhand().args(arguments).stdout(full()).stderr(Stdio::null()).status().unwrap().code(),
            Some(2)
        );
    }
}

#[cfg(unix)]
#[test]
fn help_for_a_reader_that_went_away_is_silent() {
    for arguments in [&["--help"][..], &["verify", "--help"], &["--version"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = longhand().args(arguments).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(2), &[][..]), "{arguments:?}");
    }
}

#[test]
fn what_can_be_judged_without_the_image_is_judged_before_it() {
    let signed = Signed::glance().set("img_signature", "QUFB");
    // Standard input stays open and empty: a command that read it would not end.
    let mut child = on_stdin(&signed, &[])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stdin = child.stdin.take();
    let run = Run::from(child.wait_with_output().unwrap());
    drop(stdin);
    assert_eq!(run.exit, 1, "{run:?}");
    assert!(run.stderr.contains("signature_length (411)"), "{run:?}");
}
