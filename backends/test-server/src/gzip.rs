//! As much of gzip (RFC 1952, RFC 1951) as a test needs to lay a bomb.

/// RFC 1952 section 2.3: deflate, no flags, no time, no operating system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// These octets, unpacked as they are: blocks of type 0 (RFC 1951 section 3.2.4).
pub(crate) fn stored(octets: &[u8]) -> Vec<u8> {
    let mut packed = HEADER.to_vec();
    for block in octets.chunks(usize::from(u16::MAX)) {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        packed.push(0);
        packed.extend(length.to_le_bytes());
        packed.extend((!length).to_le_bytes());
        packed.extend(block);
    }
    packed.extend([1, 0, 0, 0xff, 0xff]);
    with_trailer(packed, octets.iter().copied())
}

/// So many zeros, as one block of fixed codes (RFC 1951 section 3.2.6): a zero, then copies of what stands one octet
/// before, 258 at a time, in 13 bits each.
pub(crate) fn zeros(count: usize) -> Vec<u8> {
    let mut bits = Bits { octets: HEADER.to_vec(), filled: 0 };
    bits.push(0b1, 1); // the last block
    bits.push(0b10, 2); // of type 1, lowest bit first
    let copies = count.saturating_sub(1) / 258;
    for _ in 0..count.saturating_sub(copies.saturating_mul(258)) {
        bits.push(0b0011_0000, 8); // the literal 0
    }
    for _ in 0..copies {
        bits.push(0b1100_0101, 8); // 285: 258 octets
        bits.push(0, 5); // from one octet before
    }
    bits.push(0, 7); // 256: the end
    with_trailer(bits.octets, std::iter::repeat_n(0, count))
}

fn with_trailer(mut packed: Vec<u8>, unpacked: impl ExactSizeIterator<Item = u8>) -> Vec<u8> {
    let length = u32::try_from(unpacked.len()).unwrap_or(u32::MAX);
    packed.extend(crc32(unpacked).to_le_bytes());
    packed.extend(length.to_le_bytes());
    packed
}

/// Bits from the lowest of an octet upwards.
struct Bits {
    octets: Vec<u8>,
    filled: u32,
}

impl Bits {
    /// Appends `count` bits, the highest first, as Huffman codes are written (RFC 1951 section 3.1.1).
    fn push(&mut self, bits: u8, count: u32) {
        for place in (0..count).rev() {
            if self.filled == 0 {
                self.octets.push(0);
            }
            let bit = bits >> place & 1;
            if let Some(last) = self.octets.last_mut() {
                *last |= bit << self.filled;
            }
            self.filled = self.filled.wrapping_add(1) % 8;
        }
    }
}

/// RFC 1952 section 8.
fn crc32(octets: impl Iterator<Item = u8>) -> u32 {
    let table: [u32; 256] = std::array::from_fn(|index| {
        let entry = u32::try_from(index).unwrap_or_default();
        (0..8).fold(entry, |entry, _| if entry & 1 == 1 { entry >> 1 ^ 0xedb8_8320 } else { entry >> 1 })
    });
    let crc = octets.fold(u32::MAX, |crc, octet| {
        let [low, ..] = crc.to_le_bytes();
        table.get(usize::from(low ^ octet)).copied().unwrap_or_default() ^ crc >> 8
    });
    !crc
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn the_check_value_of_crc_32() {
        assert_eq!(crc32(b"123456789".iter().copied()), 0xcbf4_3926);
    }

    /// Where there is a gzip command it says so; the octets are held beside it.
    #[test]
    fn gzip_unpacks_what_was_packed() {
        for (packed, unpacked) in [
            (zeros(1), vec![0]),
            (zeros(258), vec![0; 258]),
            (zeros(1_000_000), vec![0; 1_000_000]),
            (stored(b"certificate"), b"certificate".to_vec()),
            (stored(&[7; 70_000]), vec![7; 70_000]),
        ] {
            let gzip = Command::new("gzip").arg("-dc").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
            let Ok(mut gzip) = gzip else { return };
            gzip.stdin.take().unwrap().write_all(&packed).unwrap();
            let output = gzip.wait_with_output().unwrap();
            assert!(output.status.success() && output.stdout == unpacked, "{} octets", unpacked.len());
        }
    }

    #[test]
    fn a_bomb_is_small() {
        assert!(zeros(10_000_000).len() < 100_000);
    }
}
