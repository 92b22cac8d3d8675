//! DER as a tree that a mutator changes at one place; all lengths are put right again.

use crate::fields::mutate_octets;

/// Choices that follow from one number.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u32) -> Self {
        Self(u64::from(seed) << 1 | 1)
    }

    /// A number below `sides`, which is not zero.
    pub fn below(&mut self, sides: usize) -> usize {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % sides as u64) as usize
    }
}

/// An element. Constructed ones, and strings that hold DER, have children behind their own octets.
#[derive(Clone)]
struct Node {
    tag: u8,
    octets: Vec<u8>,
    children: Vec<Node>,
}

impl Node {
    fn encode(&self, out: &mut Vec<u8>) {
        let mut contents = self.octets.clone();
        self.children.iter().for_each(|child| child.encode(&mut contents));
        out.push(self.tag);
        match contents.len() {
            short @ 0..=0x7f => out.push(short as u8),
            byte @ 0x80..=0xff => out.extend([0x81, byte as u8]),
            long => out.extend([0x82, (long >> 8) as u8, long as u8]),
        }
        out.append(&mut contents);
    }
}

/// Elements without a gap or an end too early; nothing that nests deeper than certificates do.
fn parse(mut der: &[u8], depth: usize) -> Option<Vec<Node>> {
    let mut nodes = Vec::new();
    while !der.is_empty() {
        let (tag, contents, rest) = element(der)?;
        let inner = match tag {
            0x03 => contents.strip_prefix(&[0]).map(|inner| (vec![0], inner)),
            0x04 => Some((vec![], contents)),
            _ => (tag & 0x20 != 0).then_some((vec![], contents)),
        };
        let parsed = inner.filter(|(_, inner)| depth < 12 && !inner.is_empty());
        let parsed = parsed.and_then(|(octets, inner)| Some((octets, parse(inner, depth + 1)?)));
        let (octets, children) = parsed.unwrap_or_else(|| (contents.to_vec(), vec![]));
        nodes.push(Node { tag, octets, children });
        der = rest;
    }
    Some(nodes)
}

/// The first element: tag, contents and what follows.
pub fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = der.split_first_chunk()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 => (usize::from(*rest.first()?), rest.get(1..)?),
        0x82 => (usize::from(*rest.first()?) << 8 | usize::from(*rest.get(1)?), rest.get(2..)?),
        _ => return None,
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    Some((tag, contents, rest))
}

/// The DER with one change, if it is DER.
pub fn mutate(der: &[u8], dice: &mut Dice) -> Option<Vec<u8>> {
    let mut roots = parse(der, 0)?;
    let mut paths = Vec::new();
    collect_paths(&roots, &mut Vec::new(), &mut paths);
    if paths.is_empty() {
        return None;
    }
    let path = paths[dice.below(paths.len())].clone();
    let other = node(&roots, &paths[dice.below(paths.len())]).clone();
    let (&place, parents) = path.split_last()?;
    let siblings = parents.iter().fold(&mut roots, |nodes, &index| &mut nodes[index].children);
    match dice.below(12) {
        0 => siblings.insert(place, siblings[place].clone()),
        1 => drop(siblings.remove(place)),
        2 => siblings.swap(place, place.saturating_sub(1)),
        3 => siblings[place].tag ^= 1 << dice.below(8),
        4 => siblings[place] = other,
        5 => siblings.insert(place, other),
        6 => siblings[place].octets.insert(0, 0),
        7 => siblings[place].children.clear(),
        _ => mutate_octets(&mut siblings[place].octets, 8),
    }
    let mut changed = Vec::new();
    roots.iter().for_each(|root| root.encode(&mut changed));
    Some(changed)
}

fn collect_paths(nodes: &[Node], path: &mut Vec<usize>, paths: &mut Vec<Vec<usize>>) {
    for (index, node) in nodes.iter().enumerate() {
        path.push(index);
        paths.push(path.clone());
        collect_paths(&node.children, path, paths);
        path.pop();
    }
}

fn node<'a>(mut nodes: &'a [Node], path: &[usize]) -> &'a Node {
    let (&last, parents) = path.split_last().expect("a path has a last step");
    for &index in parents {
        nodes = &nodes[index].children;
    }
    &nodes[last]
}
