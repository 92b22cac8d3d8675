//! The image's bytes, from a file, a pipe or standard input.

use std::fs::File;
use std::io::{self, BufRead as _, Read};
use std::ops::ControlFlow;
use std::path::Path;

use longhand::ReadAhead;
use longhand_barbican::http::Download;

use crate::arguments::is_stdin;

/// An image that is open for reading.
pub(crate) struct Image {
    source: Box<dyn Read + Send>,
    length: Option<u64>,
}

impl Image {
    /// Opens a file, or standard input for `-`. A pipe is waited for.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        if is_stdin(path) {
            return Ok(Self { source: standard_input()?, length: None });
        }
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            // Reading would say so too, but not on every system.
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let length = metadata.is_file().then_some(metadata.len());
        Ok(Self { source: Box::new(file), length })
    }

    /// An image that the image service sends.
    pub(crate) fn of_download(download: Download) -> Self {
        let length = download.length();
        Self { source: Box::new(download.into_body()), length }
    }

    /// Its length in bytes, where that can be known before it is read.
    pub(crate) fn length(&self) -> Option<u64> {
        self.length
    }

    /// Gives all its bytes to `take`, block by block, unless that breaks off.
    pub(crate) fn read(self, mut take: impl FnMut(&[u8]) -> ControlFlow<()>) -> io::Result<()> {
        let mut source = ReadAhead::new(self.source)?;
        loop {
            let block = source.fill_buf()?;
            let length = block.len();
            if length == 0 || take(block).is_break() {
                return Ok(());
            }
            source.consume(length);
        }
    }
}

/// Standard input as a file: Rust's own takes one that cannot be read for an empty one.
#[cfg(unix)]
fn standard_input() -> io::Result<Box<dyn Read + Send>> {
    use std::os::fd::AsFd as _;
    Ok(Box::new(File::from(io::stdin().as_fd().try_clone_to_owned()?)))
}

#[cfg(not(unix))]
fn standard_input() -> io::Result<Box<dyn Read + Send>> {
    Ok(Box::new(io::stdin()))
}

/// Whether a path is what standard input is, under `-` or another name such as `/dev/stdin`.
pub(crate) fn is_standard_input(path: &Path) -> bool {
    is_stdin(path) || is_same_file(path)
}

#[cfg(unix)]
fn is_same_file(path: &Path) -> bool {
    use std::os::fd::AsFd as _;
    use std::os::unix::fs::MetadataExt as _;
    let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    let standard = io::stdin().as_fd().try_clone_to_owned().and_then(|input| File::from(input).metadata());
    match (standard, std::fs::metadata(path)) {
        // /dev/null may be both: nothing is read from it either way.
        (Ok(standard), Ok(named)) => identity(standard) == identity(named) && !named_null(path),
        _ => false,
    }
}

#[cfg(unix)]
fn named_null(path: &Path) -> bool {
    path == Path::new("/dev/null")
}

#[cfg(not(unix))]
fn is_same_file(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(length: u64) -> Image {
        Image { source: Box::new(io::repeat(7).take(length)), length: None }
    }

    #[test]
    fn every_byte_is_given_once() {
        let mut taken = 0;
        let outcome = image(1_500_000).read(|bytes| {
            assert!(bytes.iter().all(|&byte| byte == 7));
            taken += bytes.len();
            ControlFlow::Continue(())
        });
        assert!(outcome.is_ok());
        assert_eq!(taken, 1_500_000);
    }

    #[test]
    fn nothing_is_given_after_a_break() {
        let mut blocks = 0;
        image(u64::MAX)
            .read(|_| {
                blocks += 1;
                if blocks == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .unwrap();
        assert_eq!(blocks, 2);
    }
}
