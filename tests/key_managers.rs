//! Key managers: what a directory gives and never gives, and the kinds of error that callers tell apart.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

mod common;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use common::{CaseFile, Walkthrough};
use longhand::limits::MAX_CERTIFICATE_INPUT;
use longhand::{
    CertificateError, DirectoryKeyManager, Disposition, ErrorCode, KeyManager, KeyManagerError,
    MemoryKeyManager, StoredCertificate, TrustStore,
};
use tempfile::TempDir;

const ID: &str = "cd7cc675-e573-419c-8fff-33a72734a243";

fn directory(files: &[(&str, &[u8])]) -> TempDir {
    let directory = TempDir::new().unwrap();
    for (name, bytes) in files {
        fs::write(directory.path().join(name), bytes).unwrap();
    }
    directory
}

fn code(directory: &Path, id: &str) -> Result<StoredCertificate, ErrorCode> {
    DirectoryKeyManager::new(directory).certificate(id).map_err(|error| error.code())
}

#[test]
fn a_directory_gives_each_ending_in_der_and_pem() {
    let guide = Walkthrough::glance();
    let der = guide.certificate().der().to_vec();
    for name in ["pem", "der", "crt"] {
        for bytes in [&guide.certificate, &der] {
            let directory = directory(&[(&format!("{ID}.{name}"), bytes), ("other.pem", b"junk")]);
            let stored = DirectoryKeyManager::new(directory.path()).certificate(ID).unwrap();
            assert_eq!(stored, StoredCertificate::new(guide.certificate()));
            let href = format!("https://barbican.example:9311/v1/secrets/{ID}");
            assert_eq!(code(directory.path(), &href), Ok(stored));
        }
    }
}

#[test]
fn two_files_for_one_id_are_refused_by_name() {
    let guide = Walkthrough::glance();
    let (pem, der) = (format!("{ID}.pem"), format!("{ID}.der"));
    let directory = directory(&[(&pem, &guide.certificate), (&der, &guide.certificate().der())]);
    let error = DirectoryKeyManager::new(directory.path()).certificate(ID).unwrap_err();
    assert_eq!(error.disposition(), Disposition::Operator);
    let message = error.to_string();
    assert!(message.contains(&pem) && message.contains(&der), "{message}");
    assert!(!message.contains(directory.path().to_str().unwrap()), "no path in {message}");
}

#[test]
fn an_id_never_leaves_the_directory() {
    let guide = Walkthrough::glance();
    let outer = directory(&[("outside.pem", &guide.certificate)]);
    let inner = outer.path().join("certs");
    fs::create_dir(&inner).unwrap();
    let absolute = outer.path().join("outside").to_str().unwrap().to_owned();
    for id in ["../outside", "..", ".", "", "certs/../outside", "a\0", "..\\outside", &absolute, "./x", "x/"]
    {
        assert_eq!(code(&inner, id), Err(ErrorCode::KeyManagerIdInvalid), "{id:?}");
    }
    let href = "https://x/v1/secrets/../../outside";
    assert_eq!(code(&inner, href), Err(ErrorCode::KeyManagerIdInvalid));
}

#[cfg(unix)]
#[test]
fn links_may_stay_in_the_directory_and_not_leave_it() {
    let guide = Walkthrough::glance();
    let outer = directory(&[("outside.pem", &guide.certificate)]);
    let inner = outer.path().join("certs");
    // As Kubernetes mounts secrets: the name links into a data folder inside.
    fs::create_dir_all(inner.join("..data")).unwrap();
    fs::write(inner.join("..data/id.pem"), &guide.certificate).unwrap();
    std::os::unix::fs::symlink("..data/id.pem", inner.join("inside.pem")).unwrap();
    std::os::unix::fs::symlink("../outside.pem", inner.join("leaves.pem")).unwrap();
    std::os::unix::fs::symlink("nowhere.pem", inner.join("dangles.pem")).unwrap();
    std::os::unix::fs::symlink("loops.pem", inner.join("loops.pem")).unwrap();
    // The directory itself may be reached by a link.
    let linked = outer.path().join("linked");
    std::os::unix::fs::symlink("certs", &linked).unwrap();
    assert!(code(&inner, "inside").is_ok());
    assert!(code(&linked, "inside").is_ok());
    assert_eq!(code(&inner, "leaves"), Err(ErrorCode::KeyManagerIdInvalid));
    assert_eq!(code(&inner, "dangles"), Err(ErrorCode::KeyManagerUnavailable));
    assert_eq!(code(&inner, "loops"), Err(ErrorCode::KeyManagerUnavailable));
}

#[cfg(unix)]
#[test]
fn what_is_not_a_regular_file_is_not_opened() {
    let directory = directory(&[]);
    fs::create_dir(directory.path().join("folder.pem")).unwrap();
    assert_eq!(code(directory.path(), "folder"), Err(ErrorCode::KeyManagerMisconfigured));
    let pipe = directory.path().join("pipe.pem");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    assert_eq!(code(directory.path(), "pipe"), Err(ErrorCode::KeyManagerMisconfigured));
}

/// Root may read everything, so it runs the test again as a user who may not.
#[cfg(unix)]
#[test]
fn a_directory_that_may_not_be_read_is_an_outage_and_a_file_that_may_not_is_forbidden() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::os::unix::process::CommandExt as _;

    const NOBODY: u32 = 65534;
    let directory = directory(&[("file.pem", b"")]);
    if fs::metadata(directory.path()).unwrap().uid() == 0 {
        let name = "a_directory_that_may_not_be_read_is_an_outage_and_a_file_that_may_not_is_forbidden";
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        again.args(["--exact", name]).env_remove("TMPDIR").current_dir("/").uid(NOBODY).gid(NOBODY);
        match again.output() {
            Ok(again) => {
                let said = String::from_utf8_lossy(&again.stdout);
                assert!(again.status.success() && said.contains("1 passed"), "{said}");
            }
            Err(error) => eprintln!("skipped: user {NOBODY} cannot run this: {error}"),
        }
        return;
    }
    let modes = |of_directory, of_file| {
        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        set(directory.path(), 0o700);
        set(&directory.path().join("file.pem"), of_file);
        set(directory.path(), of_directory);
    };
    let inner = directory.path().join("inner");
    fs::create_dir(&inner).unwrap();

    modes(0o700, 0o000);
    assert_eq!(code(directory.path(), "file"), Err(ErrorCode::CertificateForbidden));
    modes(0o600, 0o600);
    for path in [directory.path(), &inner] {
        assert_eq!(code(path, "file"), Err(ErrorCode::KeyManagerMisconfigured), "{}", path.display());
        // Were it forbidden, each id would be skipped, and the store would be empty.
        let store = TrustStore::from_key_manager(&DirectoryKeyManager::new(path), &["file", "other"]);
        assert_eq!(store.unwrap_err().code(), ErrorCode::KeyManagerMisconfigured);
    }
    modes(0o700, 0o600);
}

#[test]
fn what_is_missing_broken_or_huge_has_its_own_kind() {
    let huge = vec![b' '; MAX_CERTIFICATE_INPUT + 1000];
    let directory = directory(&[("empty.pem", b""), ("junk.der", b"junk"), ("huge.crt", &huge)]);
    assert_eq!(code(directory.path(), "nothing"), Err(ErrorCode::CertificateNotFound));
    assert_eq!(code(directory.path(), &"x".repeat(5000)), Err(ErrorCode::CertificateNotFound));
    assert_eq!(code(directory.path(), "empty"), Err(ErrorCode::CertificateEmpty));
    assert_eq!(code(directory.path(), "junk"), Err(ErrorCode::CertificateNotPem));
    assert_eq!(code(directory.path(), "huge"), Err(ErrorCode::CertificateTooLarge));
    for wrong in ["no", "junk.der"] {
        assert_eq!(code(&directory.path().join(wrong), "x"), Err(ErrorCode::KeyManagerMisconfigured));
    }
}

#[test]
fn an_error_names_the_id_and_says_whether_to_try_again() {
    let guide = Walkthrough::glance();
    let cases = [
        (KeyManagerError::not_found("ID"), ErrorCode::CertificateNotFound, Disposition::Final),
        (KeyManagerError::forbidden("ID", "403"), ErrorCode::CertificateForbidden, Disposition::Operator),
        (KeyManagerError::unavailable("ID", "timeout"), ErrorCode::KeyManagerUnavailable, Disposition::Retry),
        (
            StoredCertificate::from_managed_object("ID", "X_509", &guide.certificate).unwrap_err(),
            ErrorCode::CertificateFormatUnsupported,
            Disposition::Final,
        ),
        (
            StoredCertificate::from_managed_object("ID", "X.509", b"").unwrap_err(),
            ErrorCode::CertificateEmpty,
            Disposition::Final,
        ),
    ];
    for (error, code, disposition) in cases {
        assert_eq!((error.code(), error.disposition()), (code, disposition));
        assert_eq!(error.id().as_str(), "ID");
        let message = error.to_string();
        assert!(message.starts_with("Signature verification for the image failed"), "{message}");
        assert!(message.contains("\"ID\""), "{message}");
    }
    let format = StoredCertificate::from_managed_object("ID", "X_509", &guide.certificate).unwrap_err();
    assert!(format.to_string().contains("\"X.509\""), "the right word: {format}");
}

#[test]
fn a_key_manager_is_used_through_any_pointer() {
    let guide = Walkthrough::glance();
    let memory: MemoryKeyManager = [(ID, guide.certificate())].into_iter().collect();
    fn fetch(key_manager: impl KeyManager) -> bool {
        key_manager.certificate(ID).is_ok() && key_manager.certificate("other").is_err()
    }
    assert!(fetch(&memory));
    assert!(fetch(Arc::new(memory.clone())));
    assert!(fetch(Box::new(memory) as Box<dyn KeyManager>));
}

#[test]
fn intermediates_travel_with_the_certificate() {
    let guide = Walkthrough::glance();
    let other = CaseFile::read("openssl").certificate("openssl/secp384r1/SHA-384");
    let stored = StoredCertificate::new(guide.certificate()).with_intermediates(vec![other.clone()]);
    let mut memory = MemoryKeyManager::new();
    memory.insert(ID, stored);
    assert_eq!(memory.certificate(ID).unwrap().intermediates, vec![other]);
}

#[test]
fn the_source_of_an_error_is_kept() {
    use std::error::Error as _;
    let error = StoredCertificate::from_managed_object("ID", "X.509", b"").unwrap_err();
    let source = error.source().unwrap().downcast_ref::<CertificateError>();
    assert_eq!(source, Some(&CertificateError::Empty));
    assert!(KeyManagerError::unavailable("ID", "timeout").source().is_some());
}
