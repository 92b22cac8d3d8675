//! DER as a tree that can be spoilt and written again.

/// How an element's length is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Length {
    Minimal,
    /// With this many zero octets more than needed.
    Padded(usize),
    Indefinite,
}

/// One element: its contents are octets, or elements after a prefix (the unused bits of a BIT STRING).
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub tag: u8,
    pub length: Length,
    pub octets: Vec<u8>,
    pub children: Vec<Node>,
}

impl Node {
    pub fn new(tag: u8, octets: &[u8]) -> Self {
        Self { tag, length: Length::Minimal, octets: octets.to_vec(), children: Vec::new() }
    }

    pub fn of(tag: u8, children: Vec<Self>) -> Self {
        Self { children, ..Self::new(tag, &[]) }
    }

    pub fn sequence(children: Vec<Self>) -> Self {
        Self::of(0x30, children)
    }

    /// A BIT STRING around elements.
    pub fn bits(children: Vec<Self>) -> Self {
        Self { children, ..Self::new(0x03, &[0]) }
    }

    pub fn write(&self) -> Vec<u8> {
        let mut contents = self.octets.clone();
        contents.extend(write(&self.children));
        let significant = contents.len().to_be_bytes();
        let significant = &significant[contents.len().leading_zeros() as usize / 8..];
        let mut out = vec![self.tag];
        match self.length {
            Length::Indefinite => {
                out.push(0x80);
                contents.extend([0, 0]);
            }
            Length::Minimal if contents.len() < 0x80 => out.push(contents.len() as u8),
            Length::Minimal => {
                out.push(0x80 | significant.len() as u8);
                out.extend(significant);
            }
            Length::Padded(zeros) => {
                let significant = if significant.is_empty() { &[0] } else { significant };
                out.push(0x80 | (significant.len() + zeros) as u8);
                out.extend(std::iter::repeat_n(0, zeros));
                out.extend(significant);
            }
        }
        out.extend(contents);
        out
    }
}

pub fn write(nodes: &[Node]) -> Vec<u8> {
    nodes.iter().flat_map(Node::write).collect()
}

/// The elements of some DER, if it is nothing but elements. Inside strings, elements are found too.
pub fn read(mut der: &[u8]) -> Option<Vec<Node>> {
    let whole = der;
    let mut nodes = Vec::new();
    while let [tag, first, rest @ ..] = der {
        let long = if *first < 0x80 { 0 } else { usize::from(first & 0x7f) };
        let (written, rest) = rest.split_at_checked(long)?;
        let length = if long == 0 {
            usize::from(*first)
        } else {
            written.iter().fold(0, |sum, &octet| sum << 8 | usize::from(octet))
        };
        let (contents, rest) = rest.split_at_checked(length)?;
        let prefix = usize::from(*tag == 0x03).min(contents.len());
        let may_hold = tag & 0x20 != 0 || matches!(tag, 0x03 | 0x04);
        let children = if may_hold { read(&contents[prefix..]) } else { None };
        nodes.push(match children {
            Some(children) => Node { children, ..Node::new(*tag, &contents[..prefix]) },
            None => Node::new(*tag, contents),
        });
        der = rest;
    }
    // Random octets may look like elements: only what is written back as it was counts.
    (write(&nodes) == whole).then_some(nodes)
}

/// How many elements there are, at all depths.
pub fn count(nodes: &[Node]) -> usize {
    nodes.iter().map(|node| 1 + count(&node.children)).sum()
}

/// Calls `change` with the list that holds the element number `index` in reading order, and its place there.
pub fn change(nodes: &mut Vec<Node>, index: usize, change: &mut impl FnMut(&mut Vec<Node>, usize)) {
    fn descend(
        nodes: &mut Vec<Node>,
        left: &mut usize,
        change: &mut impl FnMut(&mut Vec<Node>, usize),
    ) -> bool {
        for place in 0..nodes.len() {
            if *left == 0 {
                change(nodes, place);
                return true;
            }
            *left -= 1;
            if descend(&mut nodes[place].children, left, change) {
                return true;
            }
        }
        false
    }
    descend(nodes, &mut { index }, change);
}

/// The SubjectPublicKeyInfo of a certificate.
pub fn spki(certificate: &mut [Node]) -> &mut Node {
    let (fields, place) = spki_place(certificate);
    &mut fields[place]
}

/// Puts these elements where a certificate's SubjectPublicKeyInfo is.
pub fn replace_spki(certificate: &mut [Node], elements: Vec<Node>) {
    let (fields, place) = spki_place(certificate);
    fields.splice(place..=place, elements);
}

fn spki_place(certificate: &mut [Node]) -> (&mut Vec<Node>, usize) {
    let fields = &mut certificate[0].children[0].children;
    let version = usize::from(fields[0].tag == 0xa0);
    (fields, 5 + version)
}
