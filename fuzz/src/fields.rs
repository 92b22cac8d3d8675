//! Inputs of several fields: two octets of length for each but the last, big-endian, then the fields.
//!
//! Every input is one: a length past the end stands for what is left.

use libfuzzer_sys::fuzzer_mutate;

use crate::der;

/// The fields of an input.
pub fn split<const FIELDS: usize>(input: &[u8]) -> [&[u8]; FIELDS] {
    let (lengths, mut rest) = input.split_at(input.len().min(2 * (FIELDS - 1)));
    let mut lengths =
        lengths.chunks_exact(2).map(|octets| usize::from(octets[0]) << 8 | usize::from(octets[1]));
    std::array::from_fn(|index| {
        let length =
            if index + 1 == FIELDS { rest.len() } else { lengths.next().unwrap_or(0).min(rest.len()) };
        let (field, after) = rest.split_at(length);
        rest = after;
        field
    })
}

fn join(fields: &[Vec<u8>]) -> Option<Vec<u8>> {
    let mut input = Vec::new();
    for field in &fields[..fields.len() - 1] {
        input.extend_from_slice(&u16::try_from(field.len()).ok()?.to_be_bytes());
    }
    input.extend(fields.iter().flatten());
    Some(input)
}

/// Mutates one field in place of the whole, most times; `of_der` are the fields that hold DER.
pub fn mutate<const FIELDS: usize>(
    data: &mut [u8],
    size: usize,
    max_size: usize,
    seed: u32,
    of_der: &[usize],
) -> usize {
    let mut dice = der::Dice::new(seed);
    let changed = (dice.below(16) != 0).then(|| {
        let mut fields = split::<FIELDS>(&data[..size]).map(<[u8]>::to_vec);
        let place = dice.below(FIELDS);
        let room = max_size.checked_sub(2 * (FIELDS - 1) + fields.iter().map(Vec::len).sum::<usize>())?;
        let field = &mut fields[place];
        if of_der.contains(&place) && dice.below(4) != 0 {
            *field = der::mutate(field, &mut dice)?;
        } else {
            mutate_octets(field, room.min(64));
        }
        join(&fields)
    });
    replace(data, size, max_size, changed.flatten())
}

/// Takes the changed input if there is one that fits, else lets libFuzzer change the old one.
pub fn replace(data: &mut [u8], size: usize, max_size: usize, changed: Option<Vec<u8>>) -> usize {
    match changed {
        Some(changed) if changed.len() <= max_size => {
            data[..changed.len()].copy_from_slice(&changed);
            changed.len()
        }
        _ => fuzzer_mutate(data, size, max_size),
    }
}

/// libFuzzer's own mutation of some octets, which may grow by `room`.
pub fn mutate_octets(octets: &mut Vec<u8>, room: usize) {
    let (size, max_size) = (octets.len(), octets.len() + room);
    octets.resize(max_size, 0);
    let size = if max_size == 0 { 0 } else { fuzzer_mutate(octets, size, max_size) };
    octets.truncate(size);
}
