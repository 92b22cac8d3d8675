//! The image's bytes, from a file, a pipe or standard input.

use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::Path;

use crate::arguments::is_stdin;

/// How much is read at once: enough that the calls do not count, little enough to stay in the processor's cache.
const BLOCK: usize = 512 * 1024;

/// The start of a page: the kernel copies fastest to there.
const PAGE: usize = 4096;

/// An image that is open for reading.
pub(crate) struct Image {
    source: Box<dyn Read>,
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

    /// Its length in bytes, where that can be known before it is read.
    pub(crate) fn length(&self) -> Option<u64> {
        self.length
    }

    /// Gives all its bytes to `take`, block by block, unless that breaks off.
    pub(crate) fn read(mut self, mut take: impl FnMut(&[u8]) -> ControlFlow<()>) -> io::Result<()> {
        let mut memory = vec![0; BLOCK.saturating_add(PAGE)];
        let start = memory.as_ptr().align_offset(PAGE);
        // The offset is less than a page; if it cannot be known, the block starts where the memory does.
        let start = if start < PAGE { start } else { 0 };
        let end = start.saturating_add(BLOCK);
        let block = memory.get_mut(start..end).ok_or_else(|| io::Error::other("no memory to read into"))?;
        loop {
            match self.source.read(block) {
                Ok(0) => return Ok(()),
                Ok(length) => {
                    if take(block.get(..length).ok_or(io::ErrorKind::InvalidData)?).is_break() {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Standard input as a file: Rust's own takes one that cannot be read for an empty one.
#[cfg(unix)]
fn standard_input() -> io::Result<Box<dyn Read>> {
    use std::os::fd::AsFd as _;
    Ok(Box::new(File::from(io::stdin().as_fd().try_clone_to_owned()?)))
}

#[cfg(not(unix))]
fn standard_input() -> io::Result<Box<dyn Read>> {
    Ok(Box::new(io::stdin().lock()))
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

    /// Gives one byte fewer than fits, and is interrupted before each.
    struct Interrupted {
        left: usize,
        interrupted: bool,
    }

    impl Read for Interrupted {
        fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
            self.interrupted = !self.interrupted;
            if self.interrupted {
                return Err(io::ErrorKind::Interrupted.into());
            }
            assert_eq!(block.as_ptr().align_offset(PAGE), 0);
            assert_eq!(block.len(), BLOCK);
            let length = self.left.min(BLOCK.saturating_sub(1));
            block[..length].fill(7);
            self.left = self.left.saturating_sub(length);
            Ok(length)
        }
    }

    #[test]
    fn every_byte_is_given_once_through_an_aligned_block() {
        let length = BLOCK.saturating_mul(2).saturating_add(5);
        let source = Interrupted { left: length, interrupted: false };
        let mut taken = Vec::new();
        let image = Image { source: Box::new(source), length: None };
        let taken_all = image.read(|bytes| {
            taken.extend_from_slice(bytes);
            ControlFlow::Continue(())
        });
        assert!(taken_all.is_ok());
        assert_eq!(taken, vec![7; length]);
    }

    #[test]
    fn nothing_is_read_after_a_break() {
        let source = Interrupted { left: BLOCK.saturating_mul(9), interrupted: false };
        let mut blocks = 0_u8;
        let image = Image { source: Box::new(source), length: None };
        image
            .read(|_| {
                blocks = blocks.saturating_add(1);
                if blocks == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .unwrap();
        assert_eq!(blocks, 2);
    }
}
