//! Where `clouds.yaml` and `secure.yaml` lie, and what the environment says.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::CloudError;
use super::yaml::{self, Node};
use crate::limits::MAX_CLOUDS_FILE;

/// The environment that a tool passes on: nothing here reads the process's own. `Debug` shows the names alone.
///
/// ```
/// use longhand_barbican::clouds::Environment;
///
/// let environment: Environment = std::env::vars().collect();
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The value of a variable; an empty one counts as not set.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

/// The directories in which `clouds.yaml` is looked for, in their order.
///
/// The first is the current one, into which others may put files: a `clouds.yaml` found there goes with no `secure.yaml`
/// from elsewhere, and the other way round, or a stranger's `auth_url` would be sent the user's password. A file that the
/// environment names is not found but chosen, wherever it lies; the other one is found all the same.
///
/// ```
/// use longhand_barbican::clouds::{Environment, SearchPath};
///
/// let environment = Environment::from_iter([("HOME", "/home/me")]);
/// let path = SearchPath::of_openstacksdk(".", &environment); // ., ~/.config/openstack, /etc/openstack
/// assert_eq!(path, SearchPath::from_iter([".", "/home/me/.config/openstack", "/etc/openstack"]));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchPath(Vec<PathBuf>);

impl SearchPath {
    /// Where openstacksdk looks: the current directory, the user's configuration, the system's.
    #[must_use]
    pub fn of_openstacksdk(current_directory: impl Into<PathBuf>, environment: &Environment) -> Self {
        let user = match (environment.get("XDG_CONFIG_HOME"), environment.get("HOME")) {
            (Some(config), _) => Some(PathBuf::from(config)),
            (None, Some(home)) => Some(Path::new(home).join(".config")),
            (None, None) => None,
        };
        let user = user.map(|config| config.join("openstack"));
        Self(
            [Some(current_directory.into()), user, Some("/etc/openstack".into())]
                .into_iter()
                .flatten()
                .collect(),
        )
    }

    /// The first file of this kind, or the one that the environment names, which must be there.
    pub(super) fn find(&self, stem: &str, named: Option<&str>) -> Result<Option<Document>, CloudError> {
        if let Some(named) = named {
            let file = PathBuf::from(named);
            let text = read_bounded(&file)?;
            return text
                .map(|text| Document::read(file.clone(), &text, false))
                .unwrap_or(Err(CloudError::Unreadable {
                    file,
                    source: Arc::new(io::Error::from(io::ErrorKind::NotFound)),
                }))
                .map(Some);
        }
        for (index, directory) in self.0.iter().enumerate() {
            for ending in ["yaml", "yml", "json"] {
                let file = directory.join(format!("{stem}.{ending}"));
                if let Some(text) = read_bounded(&file)? {
                    return Document::read(file, &text, index == 0).map(Some);
                }
            }
        }
        Ok(None)
    }
}

impl<P: Into<PathBuf>> FromIterator<P> for SearchPath {
    fn from_iter<I: IntoIterator<Item = P>>(directories: I) -> Self {
        Self(directories.into_iter().map(Into::into).collect())
    }
}

impl fmt::Display for SearchPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, directory) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{}", directory.display())?;
        }
        Ok(())
    }
}

/// A file and what it says.
pub(super) struct Document {
    pub(super) file: PathBuf,
    /// Whether it was found in the current directory, into which others may have put it, and not named.
    pub(super) is_stray: bool,
    clouds: Node,
}

impl Document {
    fn read(file: PathBuf, text: &str, is_stray: bool) -> Result<Self, CloudError> {
        match yaml::read(text) {
            Ok(document) => {
                let clouds = document.get("clouds").cloned().unwrap_or(Node::Scalar(None));
                Ok(Self { file, is_stray, clouds })
            }
            Err(source) => Err(CloudError::Malformed { file, source }),
        }
    }

    /// Whether both lie in one directory.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        directory(&self.file).is_some_and(|own| directory(&other.file) == Some(own))
    }

    pub(super) fn cloud(&self, name: &str) -> Option<&Node> {
        self.clouds.get(name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.clouds.entries().iter().map(|(name, _)| &**name)
    }
}

/// The directory of a file, however it is spelt: `clouds.yaml` lies where `./clouds.yaml` does. `None` when it cannot be told.
fn directory(file: &Path) -> Option<PathBuf> {
    let parent = file.parent()?;
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    parent.canonicalize().ok()
}

/// The file's text; `None` when there is no file.
fn read_bounded(file: &Path) -> Result<Option<String>, CloudError> {
    let unreadable =
        |error: io::Error| CloudError::Unreadable { file: file.to_owned(), source: Arc::new(error) };
    let opened = match File::open(file) {
        Ok(opened) => opened,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(unreadable(error)),
    };
    let mut text = String::new();
    opened.take(MAX_CLOUDS_FILE.saturating_add(1)).read_to_string(&mut text).map_err(unreadable)?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > MAX_CLOUDS_FILE {
        return Err(CloudError::TooLarge { file: file.to_owned() });
    }
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_beside_each_other_however_their_directory_is_spelt() {
        let document = |file: &str| Document::read(file.into(), "", false).unwrap();
        for (one, other, is_beside) in [
            ("clouds.yaml", "./secure.yaml", true),
            ("./clouds.yaml", "secure.yaml", true),
            ("src/../clouds.yaml", "secure.yaml", true),
            (concat!(env!("CARGO_MANIFEST_DIR"), "/clouds.yaml"), "secure.yaml", true),
            ("src/clouds.yaml", "secure.yaml", false),
            ("/no/such/clouds.yaml", "/no/such/secure.yaml", false),
        ] {
            assert_eq!(document(one).is_beside(&document(other)), is_beside, "{one} {other}");
        }
    }
}
