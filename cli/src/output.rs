//! The verified copy of an image: a file that has a temporary name until the verdict, and its own from then on.
//!
//! Whoever may write to the directory can put anything under any name there, before and after; nobody else can.

use std::fs::{self, File, Permissions};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{self, Write as _};
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use longhand::Destination;

#[cfg(unix)]
mod signals;

/// A file that is being written out of sight, in the directory where it will stand.
#[derive(Debug)]
pub(crate) struct OutputFile {
    path: PathBuf,
    temporary: PathBuf,
    file: File,
    /// What a new file's are; until the release only the owner can read it.
    permissions: Option<Permissions>,
    directory: Directory,
    pending: Pending,
}

impl OutputFile {
    /// Makes the temporary file. `path` itself is only looked at.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let directory = checked_directory(path)?;
        let temporary = directory.hidden_name();
        let pending = Pending::default();
        #[cfg(unix)]
        signals::undo_at_the_end(&pending)?;
        let file = {
            // Whoever is told to end meanwhile waits until it is known what to remove.
            let mut undo = pending.lock();
            let file = File::create_new(&temporary)?;
            *undo = Undo::Remove(temporary.clone());
            file
        };
        let permissions = file.metadata()?.permissions();
        // Some file systems have no permissions to set.
        let permissions = hide(&file, &permissions).is_ok().then_some(permissions);
        Ok(Self { path: path.to_owned(), temporary, file, permissions, directory, pending })
    }

    /// Gives the file its own name. What stood there before waits under a hidden name until the end.
    fn put_into_place(&self) -> io::Result<()> {
        let mut undo = self.pending.lock();
        let earlier = self.directory.hidden_name();
        let earlier = fs::hard_link(&self.path, &earlier).is_ok().then_some(earlier);
        if let Err(error) = fs::rename(&self.temporary, &self.path) {
            if let Some(earlier) = earlier {
                let _ = fs::remove_file(earlier);
            }
            return Err(error);
        }
        *undo = match earlier {
            Some(earlier) => Undo::PutBack { earlier, path: self.path.clone() },
            None => Undo::Remove(self.path.clone()),
        };
        self.directory.sync()
    }
}

impl Destination for OutputFile {
    type Released = Placed;

    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        self.file.write_all(data)
    }

    /// The bytes are on the disk before the file has its name, and the name is before anybody is told.
    fn release(self) -> io::Result<Placed> {
        if let Some(permissions) = &self.permissions {
            self.file.set_permissions(permissions.clone())?;
        }
        self.file.sync_all()?;
        self.put_into_place()?;
        Ok(Placed { pending: self.pending })
    }

    /// Dropping it is enough.
    fn discard(self) {}
}

/// A file that has its name, and loses it again unless it is kept.
#[derive(Debug)]
#[must_use = "without keep() it goes away"]
pub(crate) struct Placed {
    pending: Pending,
}

impl Placed {
    /// It stays.
    pub(crate) fn keep(self) {
        let mut undo = self.pending.lock();
        if let Undo::PutBack { earlier, .. } = mem::take(&mut *undo) {
            let _ = fs::remove_file(earlier);
        }
    }
}

/// What is undone when this is dropped, or when the process is told to end.
#[derive(Debug, Default)]
struct Pending(Arc<Mutex<Undo>>);

impl Pending {
    fn lock(&self) -> MutexGuard<'_, Undo> {
        lock(&self.0)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.lock().run();
    }
}

fn lock(undo: &Mutex<Undo>) -> MutexGuard<'_, Undo> {
    undo.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What makes the directory as it was before.
#[derive(Debug, Default)]
enum Undo {
    #[default]
    Nothing,
    Remove(PathBuf),
    PutBack {
        earlier: PathBuf,
        path: PathBuf,
    },
}

impl Undo {
    /// Does so once. Where it fails, nothing is left to try.
    fn run(&mut self) {
        let _ = match mem::take(self) {
            Self::Nothing => Ok(()),
            Self::Remove(path) => fs::remove_file(path),
            Self::PutBack { earlier, path } => fs::rename(earlier, path),
        };
    }
}

/// The directory of the output. It is opened first: where that is not allowed, nothing could be made to last.
#[derive(Debug)]
struct Directory {
    path: PathBuf,
    #[cfg(unix)]
    handle: File,
}

impl Directory {
    fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            #[cfg(unix)]
            handle: File::open(path)?,
        })
    }

    /// A name that nobody can know before: the standard library keys this hasher with the system's randomness.
    fn hidden_name(&self) -> PathBuf {
        let random = || RandomState::new().build_hasher().finish();
        self.path.join(format!(".longhand-{:016x}{:016x}.tmp", random(), random()))
    }

    /// Makes the names in it last. Some file systems need no such call and do not know it.
    fn sync(&self) -> io::Result<()> {
        #[cfg(unix)]
        return match self.handle.sync_all() {
            Err(error)
                if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) =>
            {
                Ok(())
            }
            synced => synced,
        };
        #[cfg(not(unix))]
        Ok(())
    }
}

/// The directory of a path under which a file may be put.
fn checked_directory(path: &Path) -> io::Result<Directory> {
    let refuse = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    let ends_in =
        |name: &std::ffi::OsStr| path.as_os_str().as_encoded_bytes().ends_with(name.as_encoded_bytes());
    if !path.file_name().is_some_and(ends_in) {
        return refuse("it ends as a directory does, not in a file's name");
    }
    // A link may be replaced as any file, but who names one to a directory or a device means those.
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => return refuse("it is a directory"),
        Ok(found) if !found.is_file() => return refuse("it is not a file, but a device, a pipe or a socket"),
        _ => {}
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    Directory::open(parent.unwrap_or_else(|| Path::new(".")))
}

/// Takes from everybody but the owner what a new file allows.
fn hide(file: &File, permissions: &Permissions) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.set_permissions(Permissions::from_mode(permissions.mode() & 0o600))
    }
    #[cfg(not(unix))]
    {
        let _ = (file, permissions);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn names(directory: &TempDir) -> Vec<String> {
        let entries = fs::read_dir(directory.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn it_has_its_name_after_the_release_and_loses_it_unless_it_is_kept() {
        for earlier in [None, Some(b"earlier")] {
            for keep in [false, true] {
                let directory = TempDir::new().unwrap();
                let path = directory.path().join("file");
                if let Some(earlier) = earlier {
                    fs::write(&path, earlier).unwrap();
                }
                let before = names(&directory);
                let mut output = OutputFile::create(&path).unwrap();
                output.write(b"image").unwrap();
                assert_eq!(fs::read(&path).ok().as_deref(), earlier.map(|bytes| &bytes[..]));
                let placed = output.release().unwrap();
                assert_eq!(fs::read(&path).unwrap(), b"image");
                if keep {
                    placed.keep();
                    assert_eq!(
                        (names(&directory), fs::read(&path).unwrap()),
                        (vec!["file".into()], b"image".into())
                    );
                } else {
                    drop(placed);
                    assert_eq!(names(&directory), before);
                    assert_eq!(fs::read(&path).ok().as_deref(), earlier.map(|bytes| &bytes[..]));
                }
            }
        }
    }

    #[test]
    fn a_release_that_fails_leaves_nothing() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("file");
        let output = OutputFile::create(&path).unwrap();
        // Something that a file cannot replace.
        fs::create_dir(&path).unwrap();
        assert!(output.release().is_err());
        assert_eq!(names(&directory), ["file"]);
        let output = OutputFile::create(&directory.path().join("other")).unwrap();
        assert_eq!(names(&directory).len(), 2);
        output.discard();
        assert_eq!(names(&directory), ["file"]);
    }

    #[test]
    fn no_two_hidden_names_are_the_same() {
        let directory = Directory::open(Path::new(".")).unwrap();
        let names: std::collections::HashSet<_> = (0..1000).map(|_| directory.hidden_name()).collect();
        assert_eq!(names.len(), 1000);
    }
}
