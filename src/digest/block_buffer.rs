//! How octets become blocks: FIPS 180-4 section 5.

/// The octets of a block that is not whole yet, and the count of all that came.
///
/// Blocks are compressed as soon as they are whole: fewer than `SIZE` octets are kept.
#[derive(Clone)]
pub(super) struct BlockBuffer<const SIZE: usize> {
    octets: [u8; SIZE],
    kept: usize,
    /// Of octets. 64 bits last for centuries.
    length: u64,
}

/// The whole blocks that came of some octets, in their order.
pub(super) struct Blocks<'a, const SIZE: usize> {
    /// The block that was begun before.
    pub(super) completed: Option<[u8; SIZE]>,
    /// Those that lie in the octets themselves.
    pub(super) whole: &'a [[u8; SIZE]],
}

/// The end of a message: one block, or two if the length finds no place in the first.
pub(super) struct LastBlocks<const SIZE: usize> {
    pub(super) full: Option<[u8; SIZE]>,
    pub(super) last: [u8; SIZE],
}

impl<const SIZE: usize> BlockBuffer<SIZE> {
    /// The octets of the length field: 8 where blocks have 64, 16 where they have 128.
    const LENGTH_FIELD: usize = SIZE / 8;

    pub(super) const fn new() -> Self {
        Self { octets: [0; SIZE], kept: 0, length: 0 }
    }

    /// Takes the next octets and gives the blocks that are whole now; the rest is kept.
    #[inline]
    pub(super) fn take<'a>(&mut self, data: &'a [u8]) -> Blocks<'a, SIZE> {
        self.length = self.length.wrapping_add(u64::try_from(data.len()).unwrap_or(u64::MAX));
        let (completed, rest) = self.top_up(data);
        let (whole, tail) = rest.as_chunks();
        self.keep(tail);
        Blocks { completed, whole }
    }

    /// Fills the block that was begun, if one was, and gives it if that completes it; and the octets that are left.
    #[inline]
    fn top_up<'a>(&mut self, data: &'a [u8]) -> (Option<[u8; SIZE]>, &'a [u8]) {
        if self.kept == 0 {
            return (None, data);
        }
        let missing = SIZE.saturating_sub(self.kept);
        let (head, rest) = data.split_at(missing.min(data.len()));
        self.keep(head);
        if self.kept < SIZE {
            return (None, rest);
        }
        self.kept = 0;
        (Some(self.octets), rest)
    }

    /// Keeps these octets, for which there is place.
    #[inline]
    fn keep(&mut self, octets: &[u8]) {
        let end = self.kept.saturating_add(octets.len());
        if let Some(place) = self.octets.get_mut(self.kept..end) {
            place.copy_from_slice(octets);
            self.kept = end;
        }
    }

    /// Pads what is kept: a one bit, zeros, and the length in bits (section 5.1).
    #[inline]
    pub(super) fn pad(&mut self) -> LastBlocks<SIZE> {
        let bits = u128::from(self.length) << 3;
        if let Some([end, zeros @ ..]) = self.octets.get_mut(self.kept..) {
            *end = 0x80;
            zeros.fill(0);
        }
        let fits = self.kept < SIZE.saturating_sub(Self::LENGTH_FIELD);
        let (full, mut last) = if fits { (None, self.octets) } else { (Some(self.octets), [0; SIZE]) };
        let field = last.iter_mut().rev().take(Self::LENGTH_FIELD);
        for (place, octet) in field.zip(bits.to_le_bytes()) {
            *place = octet;
        }
        LastBlocks { full, last }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that would be compressed, one after the other.
    fn blocks_of<const SIZE: usize>(pieces: &[&[u8]]) -> Vec<u8> {
        let mut buffer = BlockBuffer::<SIZE>::new();
        let mut blocks = Vec::new();
        for piece in pieces {
            let Blocks { completed, whole } = buffer.take(piece);
            blocks.extend_from_slice(completed.as_slice().as_flattened());
            blocks.extend_from_slice(whole.as_flattened());
        }
        let LastBlocks { full, last } = buffer.pad();
        blocks.extend_from_slice(full.as_slice().as_flattened());
        blocks.extend_from_slice(&last);
        blocks
    }

    /// FIPS 180-4 section 5.1, as it is written there, in octets.
    fn padded(message: &[u8], block: usize, length_field: usize) -> Vec<u8> {
        let mut padded = message.to_vec();
        padded.push(0x80);
        while padded.len() % block != block - length_field {
            padded.push(0);
        }
        padded.extend_from_slice(&(message.len() as u128 * 8).to_be_bytes()[16 - length_field..]);
        padded
    }

    #[test]
    fn a_message_of_any_length_is_padded_as_the_standard_says() {
        let message = (1..=u8::MAX).chain(1..=u8::MAX).collect::<Vec<_>>();
        for length in 0..=message.len() {
            let message = &message[..length];
            assert_eq!(blocks_of::<64>(&[message]), padded(message, 64, 8), "{length}");
            assert_eq!(blocks_of::<128>(&[message]), padded(message, 128, 16), "{length}");
        }
    }

    #[test]
    fn pieces_make_the_blocks_of_the_whole() {
        let message = (1..=u8::MAX).chain(1..=u8::MAX).collect::<Vec<_>>();
        for size in 1..=300 {
            let pieces = message.chunks(size).collect::<Vec<_>>();
            assert_eq!(blocks_of::<64>(&pieces), padded(&message, 64, 8), "{size}");
            assert_eq!(blocks_of::<128>(&pieces), padded(&message, 128, 16), "{size}");
        }
    }

    #[test]
    fn whole_blocks_are_not_copied() {
        let data = [7; 64 * 3 + 1];
        let mut buffer = BlockBuffer::<64>::new();
        let blocks = buffer.take(&data);
        assert!(blocks.completed.is_none());
        assert_eq!(blocks.whole.as_ptr().cast(), data.as_ptr());
        assert_eq!(blocks.whole.len(), 3);
    }

    #[test]
    fn the_length_field_holds_more_than_32_and_more_than_64_bits() {
        let mut buffer = BlockBuffer::<64>::new();
        buffer.length = (1 << 32) + 5;
        assert_eq!(buffer.pad().last[56..], [0, 0, 0, 8, 0, 0, 0, 40]);
        let mut buffer = BlockBuffer::<128>::new();
        buffer.length = (1 << 63) + 1;
        assert_eq!(buffer.pad().last[112..], [0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 8]);
    }
}
