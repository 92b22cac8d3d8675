//! `clouds.yaml` and `secure.yaml`, to the services that they name.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use longhand_barbican::clouds::{Cloud, CloudError, Environment, SearchPath};
use longhand_barbican::http::Client;
use longhand_fuzz::fields;
use longhand_fuzz::script::Script;

/// `clouds.yaml` and `secure.yaml`.
const FIELDS: usize = 2;

/// A folder of this process. It stays when the process is stopped.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("longhand-fuzz-clouds-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder for temporary files");
    folder
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    fields::mutate::<FIELDS>(data, size, max_size, seed, &[])
});

fuzz_target!(|input: &[u8]| {
    let [clouds, secure] = fields::split::<FIELDS>(input);
    let write = |name: &str, text| fs::write(FOLDER.join(name), text).expect("a file for the input");
    write("clouds.yaml", clouds);
    write("secure.yaml", secure);
    let environment = Environment::from_iter([("HOME", "/nonexistent")]);
    let path = SearchPath::from_iter([FOLDER.join("none"), FOLDER.clone()]);
    if let Err(error) = services(&environment, &path) {
        let shown = format!("{error} {error:?}");
        assert!(!shown.chars().any(char::is_control), "{shown:?}");
        assert!(shown.len() < 16 * 1024, "{} characters", shown.len());
    }
});

fn services(environment: &Environment, path: &SearchPath) -> Result<(), CloudError> {
    let cloud = Cloud::find(Some("mine"), environment, path)?;
    let shown = format!("{cloud:?}");
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
    let connection = cloud.connect(Client::new(Script::new(&[], &[])))?;
    let _ = (connection.key_manager()?, connection.image()?);
    Ok(())
}
