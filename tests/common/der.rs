//! DER as a tree: take a good encoding apart, spoil one place, put it together again with right lengths.

/// A node: constructed ones hold nodes, primitive ones octets; `Raw` stands for itself, tag, length and all.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Der {
    Primitive(u8, Vec<u8>),
    Constructed(u8, Vec<Der>),
    Raw(Vec<u8>),
}

impl Der {
    /// Takes good DER apart.
    pub(crate) fn parse(der: &[u8]) -> Self {
        let (node, rest) = Self::parse_one(der);
        assert!(rest.is_empty());
        node
    }

    fn parse_one(der: &[u8]) -> (Self, &[u8]) {
        let tag = der[0];
        let (length, prefix) = match der[1] {
            short @ 0..=0x7f => (usize::from(short), 2),
            long => {
                let octets = usize::from(long & 0x7f);
                let length =
                    der[2..2 + octets].iter().fold(0, |length, &octet| length << 8 | usize::from(octet));
                (length, 2 + octets)
            }
        };
        let (contents, rest) = der[prefix..].split_at(length);
        if tag & 0x20 == 0 {
            return (Self::Primitive(tag, contents.to_vec()), rest);
        }
        let (mut nodes, mut inner) = (Vec::new(), contents);
        while !inner.is_empty() {
            let (node, after) = Self::parse_one(inner);
            nodes.push(node);
            inner = after;
        }
        (Self::Constructed(tag, nodes), rest)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Raw(octets) => octets.clone(),
            Self::Primitive(tag, contents) => tlv(*tag, contents),
            Self::Constructed(tag, nodes) => {
                tlv(*tag, &nodes.iter().flat_map(Self::encode).collect::<Vec<_>>())
            }
        }
    }

    /// The node at this path of child numbers.
    pub(crate) fn at(&mut self, path: &[usize]) -> &mut Self {
        path.iter().fold(self, |node, &index| &mut node.children()[index])
    }

    pub(crate) fn children(&mut self) -> &mut Vec<Self> {
        match self {
            Self::Constructed(_, nodes) => nodes,
            other => panic!("no children in {other:?}"),
        }
    }

    pub(crate) fn contents(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Primitive(_, contents) => contents,
            other => panic!("no contents in {other:?}"),
        }
    }
}

pub(crate) fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len();
    let octets = length.to_be_bytes();
    let significant = &octets[octets.iter().take_while(|&&octet| octet == 0).count()..];
    let prefix = match length {
        0..=0x7f => vec![tag, u8::try_from(length).unwrap()],
        _ => [&[tag, 0x80 | u8::try_from(significant.len()).unwrap()], significant].concat(),
    };
    [&prefix, contents].concat()
}

/// An INTEGER with this magnitude.
pub(crate) fn integer(magnitude: &[u8]) -> Der {
    let trimmed = &magnitude[magnitude.iter().take_while(|&&octet| octet == 0).count()..];
    let sign = if trimmed.first().is_none_or(|&octet| octet >= 0x80) { &[0][..] } else { &[] };
    Der::Primitive(0x02, [sign, trimmed].concat())
}

pub(crate) fn oid(contents: &[u8]) -> Der {
    Der::Primitive(0x06, contents.to_vec())
}

pub(crate) fn null() -> Der {
    Der::Primitive(0x05, vec![])
}

pub(crate) fn sequence(nodes: impl Into<Vec<Der>>) -> Der {
    Der::Constructed(0x30, nodes.into())
}

pub(crate) fn bit_string(octets: &[u8]) -> Der {
    Der::Primitive(0x03, [&[0], octets].concat())
}

/// A SubjectPublicKeyInfo.
pub(crate) fn spki(algorithm: &[u8], parameters: Option<Der>, key: &[u8]) -> Vec<u8> {
    let identifier = [Some(oid(algorithm)), parameters].into_iter().flatten().collect::<Vec<_>>();
    sequence([sequence(identifier), bit_string(key)]).encode()
}
