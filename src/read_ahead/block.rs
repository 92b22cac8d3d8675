//! Memory to read into.

use std::io::{self, Read};

/// How much is read at once. Each block wakes a thread, which costs 10 to 20 µs on a virtual machine: with blocks of 64 KiB
/// that took nearly as long as the hash of two streams at once, with these it hardly counts.
pub(super) const SIZE: usize = 1024 * 1024;

/// Where the kernel copies to fastest: from 16 octets past the start of a page it took five times as long on Zen 3, 30 %
/// of the time in which SHA-256 goes over the bytes.
const PAGE: usize = 4096;

/// Memory that begins where a page does, and how much of it holds bytes.
pub(crate) struct Block {
    memory: Vec<u8>,
    start: usize,
    length: usize,
}

impl Block {
    pub(super) fn new() -> Self {
        let memory = vec![0; SIZE.saturating_add(PAGE)];
        // Less than a page; if it cannot be known, the block starts where the memory does.
        let offset = memory.as_ptr().align_offset(PAGE);
        Self { start: if offset < PAGE { offset } else { 0 }, memory, length: 0 }
    }

    /// What was read.
    pub(crate) fn bytes(&self) -> &[u8] {
        let end = self.start.saturating_add(self.length);
        self.memory.get(self.start..end).unwrap_or_default()
    }

    /// What one read gives, which is kept; false if it is the end.
    ///
    /// It may be `Interrupted`, as any read: then it is to be done again.
    pub(super) fn fill(&mut self, source: &mut impl Read) -> io::Result<bool> {
        self.length = 0;
        let end = self.start.saturating_add(SIZE);
        let room = self.memory.get_mut(self.start..end).unwrap_or_default();
        let length = source.read(room)?;
        if length > room.len() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.length = length;
        Ok(length > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_with_a_page() {
        for _ in 0..9 {
            let mut block = Block::new();
            assert!(block.fill(&mut io::repeat(7)).unwrap());
            assert_eq!(block.bytes().len(), SIZE);
            assert_eq!(block.bytes().as_ptr().align_offset(PAGE), 0);
        }
    }
}
