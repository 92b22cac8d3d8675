//! The image's bytes, from a file, a pipe or standard input.

use std::fs::File;
use std::io::{self, Read};
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
            return Ok(Self { source: Box::new(io::stdin().lock()), length: None });
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

    /// Gives all its bytes to `take`, block by block.
    pub(crate) fn read(mut self, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        let mut memory = vec![0; BLOCK.saturating_add(PAGE)];
        let start = memory.as_ptr().align_offset(PAGE);
        // The offset is less than a page; if it cannot be known, the block starts where the memory does.
        let start = if start < PAGE { start } else { 0 };
        let end = start.saturating_add(BLOCK);
        let block = memory.get_mut(start..end).ok_or_else(|| io::Error::other("no memory to read into"))?;
        loop {
            match self.source.read(block) {
                Ok(0) => return Ok(()),
                Ok(length) => take(block.get(..length).ok_or(io::ErrorKind::InvalidData)?),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
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
        image.read(|bytes| taken.extend_from_slice(bytes)).unwrap();
        assert_eq!(taken, vec![7; length]);
    }
}
