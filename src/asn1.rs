//! Strict DER (X.690), one element at a time, raw slices kept.
//!
//! The `der` crate reads lengths, and refuses what DER forbids there: lengths that are not minimal, indefinite
//! lengths. (Its tags it knows by name, and so refuses a UniversalString.) The rules for the contents stand here: minimal integers, BOOLEAN FF, well-formed object
//! identifiers, whole bit strings, nothing trailing. Nothing is ever re-encoded, so a signature is checked over the
//! octets that were signed.

use std::fmt;

use crate::limits::MAX_OBJECT_IDENTIFIER;
use der::{Decode as _, ErrorKind, Length, Reader as _, SliceReader};

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// The identifier octet of `[number]` CONSTRUCTED, as EXPLICIT tags have it.
pub(crate) const fn explicit(number: u8) -> u8 {
    0xa0 | number
}

/// The identifier octet of `[number]` PRIMITIVE, as IMPLICIT tags of primitive types have it.
pub(crate) const fn implicit(number: u8) -> u8 {
    0x80 | number
}

/// What is wrong with some DER, in which field, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}, octet {offset}: {defect}")]
#[non_exhaustive]
pub struct DerError {
    /// The field in the words of its standard, such as `tbsCertificate.validity`.
    pub field: &'static str,
    /// Where, in octets from the start of what was read.
    pub offset: usize,
    /// What is wrong.
    pub defect: DerDefect,
}

/// A way in which DER can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DerDefect {
    /// The element ends before its length says.
    Truncated,
    /// The length is indefinite, or not written in the fewest octets (X.690 section 10.1).
    Length,
    /// The element has another tag than the standard demands.
    Tag {
        /// The identifier octet that the standard demands.
        expected: u8,
        /// The identifier octet that is there.
        found: u8,
    },
    /// Something follows where the standard has nothing more.
    TrailingData,
    /// A required element is missing or empty.
    Missing,
    /// A BOOLEAN is neither 00 nor FF (X.690 section 11.1).
    Boolean,
    /// An INTEGER is empty or not written in the fewest octets (X.690 section 8.3.2).
    IntegerNotMinimal,
    /// An INTEGER is negative where only a positive one has meaning.
    IntegerNegative,
    /// An OBJECT IDENTIFIER is empty, unfinished, not minimal (X.690 section 8.19), or longer than
    /// [`limits::MAX_OBJECT_IDENTIFIER`](crate::limits::MAX_OBJECT_IDENTIFIER).
    ObjectIdentifier,
    /// A BIT STRING does not consist of whole octets, or is malformed.
    BitString,
    /// A NULL has contents.
    Null,
    /// A time is not written as RFC 5280 section 4.1.2.5 demands, or does not exist.
    Time,
    /// A DEFAULT value is written out (X.690 section 11.5).
    DefaultEncoded,
    /// The value is not one that the standard allows here.
    Value,
}

impl fmt::Display for DerDefect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "ends too early",
            Self::Length => "the length is indefinite or not minimal",
            Self::Tag { expected, found } => {
                return write!(f, "the tag is {found:02x}, not {expected:02x}");
            }
            Self::TrailingData => "something follows where nothing more belongs",
            Self::Missing => "a required element is missing",
            Self::Boolean => "the BOOLEAN is neither 00 nor FF",
            Self::IntegerNotMinimal => "the INTEGER is empty or not minimal",
            Self::IntegerNegative => "the INTEGER is negative",
            Self::ObjectIdentifier => "the OBJECT IDENTIFIER is malformed",
            Self::BitString => "the BIT STRING does not consist of whole octets",
            Self::Null => "the NULL has contents",
            Self::Time => "the time is malformed",
            Self::DefaultEncoded => "a DEFAULT value is written out",
            Self::Value => "the value is not allowed here",
        })
    }
}

/// One tag-length-value, with its place in the whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'a> {
    /// The identifier octet.
    pub(crate) tag: u8,
    /// Identifier, length and contents.
    pub(crate) raw: &'a [u8],
    /// The contents alone.
    pub(crate) contents: &'a [u8],
    /// Where `raw` begins, in octets from the start of the whole.
    pub(crate) offset: usize,
    field: &'static str,
}

/// Reads the elements of some contents in order.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
    field: &'static str,
}

impl<'a> Reader<'a> {
    /// A reader over a whole encoding; `field` names it in errors.
    pub(crate) fn new(der: &'a [u8], field: &'static str) -> Self {
        Self::at(der, 0, field)
    }

    /// A reader over a part of an encoding that begins at `offset` of the whole.
    pub(crate) fn at(der: &'a [u8], offset: usize, field: &'static str) -> Self {
        Self { rest: der, offset, field }
    }

    /// Whether everything is read.
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Whether the next element has this identifier octet.
    pub(crate) fn next_is(&self, tag: u8) -> bool {
        self.rest.first() == Some(&tag)
    }

    /// The next element, whatever it is.
    pub(crate) fn any(&mut self, field: &'static str) -> Result<Element<'a>, DerError> {
        let Some((&tag, after_tag)) = self.rest.split_first() else {
            return Err(self.error(field, DerDefect::Missing));
        };
        // The long form of tag numbers (X.690 section 8.1.2.4) is in nothing that we read.
        if tag & 0x1f == 0x1f {
            return Err(self.error(field, DerDefect::Value));
        }
        let (prefix, length) = match after_tag.first() {
            // The short form (X.690 section 8.1.3.4), which nearly all lengths have.
            Some(&length @ 0..=0x7f) => (2, usize::from(length)),
            _ => long_length(after_tag).map_err(|defect| self.error(field, defect))?,
        };
        let total = prefix.saturating_add(length);
        let (Some(raw), Some(contents), Some(rest)) =
            (self.rest.get(..total), self.rest.get(prefix..total), self.rest.get(total..))
        else {
            return Err(self.error(field, DerDefect::Truncated));
        };
        let element = Element { tag, raw, contents, offset: self.offset, field };
        self.rest = rest;
        self.offset = self.offset.saturating_add(total);
        Ok(element)
    }

    /// The next element, which must have this identifier octet.
    pub(crate) fn element(&mut self, tag: u8, field: &'static str) -> Result<Element<'a>, DerError> {
        match self.rest.first() {
            Some(&found) if found != tag => Err(self.error(field, DerDefect::Tag { expected: tag, found })),
            _ => self.any(field),
        }
    }

    /// The next element if it has this identifier octet.
    pub(crate) fn optional(&mut self, tag: u8, field: &'static str) -> Result<Option<Element<'a>>, DerError> {
        if self.next_is(tag) { self.any(field).map(Some) } else { Ok(None) }
    }

    /// Ends reading: nothing may be left.
    pub(crate) fn finish(self) -> Result<(), DerError> {
        if self.is_empty() { Ok(()) } else { Err(self.error(self.field, DerDefect::TrailingData)) }
    }

    fn error(&self, field: &'static str, defect: DerDefect) -> DerError {
        DerError { field, offset: self.offset, defect }
    }
}

/// How many octets tag and length have, and the contents.
fn long_length(after_tag: &[u8]) -> Result<(usize, usize), DerDefect> {
    let defect = |error: der::Error| match error.kind() {
        ErrorKind::Incomplete { .. } => DerDefect::Truncated,
        _ => DerDefect::Length,
    };
    let mut reader = SliceReader::new(after_tag).map_err(defect)?;
    let length = Length::decode(&mut reader).map_err(defect)?;
    Ok((usize_of(reader.position()).saturating_add(1), usize_of(length)))
}

impl<'a> Element<'a> {
    /// A reader over the contents.
    pub(crate) fn reader(&self) -> Reader<'a> {
        let prefix = self.raw.len().saturating_sub(self.contents.len());
        Reader { rest: self.contents, offset: self.offset.saturating_add(prefix), field: self.field }
    }

    /// A reader whose one element is this.
    pub(crate) fn whole(&self) -> Reader<'a> {
        Reader { rest: self.raw, offset: self.offset, field: self.field }
    }

    /// An error about this element.
    pub(crate) fn error(&self, defect: DerDefect) -> DerError {
        DerError { field: self.field, offset: self.offset, defect }
    }

    /// The contents of a BOOLEAN.
    pub(crate) fn boolean(&self) -> Result<bool, DerError> {
        match self.contents {
            [0x00] => Ok(false),
            [0xff] => Ok(true),
            _ => Err(self.error(DerDefect::Boolean)),
        }
    }

    /// The contents of an INTEGER, checked to be minimal; two's complement.
    pub(crate) fn integer(&self) -> Result<&'a [u8], DerError> {
        match self.contents {
            [] | [0x00, 0x00..=0x7f, ..] | [0xff, 0x80..=0xff, ..] => {
                Err(self.error(DerDefect::IntegerNotMinimal))
            }
            contents => Ok(contents),
        }
    }

    /// The magnitude of a non-negative INTEGER, without a leading zero octet; zero is empty.
    pub(crate) fn unsigned(&self) -> Result<&'a [u8], DerError> {
        match self.integer()? {
            [0x80..=0xff, ..] => Err(self.error(DerDefect::IntegerNegative)),
            [0x00, magnitude @ ..] | magnitude => Ok(magnitude),
        }
    }

    /// The octets of a BIT STRING that consists of whole octets.
    pub(crate) fn bit_string(&self) -> Result<&'a [u8], DerError> {
        match self.contents {
            [0x00, octets @ ..] => Ok(octets),
            _ => Err(self.error(DerDefect::BitString)),
        }
    }

    /// Checks that the contents are those of a BIT STRING of any length: unused bits are zero (X.690 section 11.2).
    pub(crate) fn check_bits(&self) -> Result<(), DerError> {
        let well_formed = match self.contents {
            [0] => true,
            [unused @ 0..=7, .., last] => last.trailing_zeros() >= u32::from(*unused),
            _ => false,
        };
        if well_formed { Ok(()) } else { Err(self.error(DerDefect::BitString)) }
    }

    /// The contents of an OBJECT IDENTIFIER, checked to be well formed.
    pub(crate) fn object_identifier(&self) -> Result<&'a [u8], DerError> {
        let ends = self.contents.last().is_some_and(|octet| octet & 0x80 == 0);
        // X.690 section 8.19.2: a subidentifier does not begin with 80.
        let mut begins = true;
        let minimal = self.contents.iter().all(|&octet| {
            let allowed = !(begins && octet == 0x80);
            begins = octet & 0x80 == 0;
            allowed
        });
        let short = self.contents.len() <= MAX_OBJECT_IDENTIFIER;
        if ends && minimal && short {
            Ok(self.contents)
        } else {
            Err(self.error(DerDefect::ObjectIdentifier))
        }
    }

    /// Checks that this is a NULL.
    pub(crate) fn null(&self) -> Result<(), DerError> {
        match (self.tag, self.contents) {
            (NULL, []) => Ok(()),
            (NULL, _) => Err(self.error(DerDefect::Null)),
            (found, _) => Err(self.error(DerDefect::Tag { expected: NULL, found })),
        }
    }
}

/// An AlgorithmIdentifier (RFC 5280 section 4.1.1.2): the identifier and, if there are any, the parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AlgorithmIdentifier<'a> {
    /// The contents of the OBJECT IDENTIFIER.
    pub(crate) oid: &'a [u8],
    pub(crate) parameters: Option<Element<'a>>,
    /// The whole element.
    pub(crate) element: Element<'a>,
}

impl<'a> AlgorithmIdentifier<'a> {
    /// Reads the next element as an AlgorithmIdentifier.
    pub(crate) fn read(reader: &mut Reader<'a>, field: &'static str) -> Result<Self, DerError> {
        let element = reader.element(SEQUENCE, field)?;
        let mut fields = element.reader();
        let oid = fields.element(OBJECT_IDENTIFIER, field)?.object_identifier()?;
        let parameters = if fields.is_empty() { None } else { Some(fields.any(field)?) };
        fields.finish()?;
        Ok(Self { oid, parameters, element })
    }
}

/// An object identifier in dotted decimals; `oid` are checked contents. Arcs past 2^64 are shown as `…`.
pub(crate) fn dotted(oid: &[u8]) -> String {
    let mut arcs = Vec::new();
    let mut arc = Some(0_u64);
    for octet in oid {
        arc = arc.and_then(|arc| arc.checked_mul(128)?.checked_add(u64::from(octet & 0x7f)));
        if octet & 0x80 != 0 {
            continue;
        }
        // X.690 section 8.19.4: the first subidentifier holds the first two arcs.
        match (arcs.is_empty(), arc) {
            (true, Some(first @ 0..=79)) => {
                arcs.extend([first.wrapping_div(40).to_string(), first.wrapping_rem(40).to_string()]);
            }
            (true, Some(first)) => arcs.extend(["2".to_owned(), first.saturating_sub(80).to_string()]),
            (false, Some(arc)) => arcs.push(arc.to_string()),
            (_, None) => arcs.push("…".to_owned()),
        }
        arc = Some(0);
    }
    arcs.join(".")
}

/// The DER of one element. Only for what was never signed: nothing that was is encoded again.
pub(crate) fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len().to_be_bytes();
    let significant = length.iter().position(|&octet| octet != 0).and_then(|first| length.get(first..));
    let header = match significant.unwrap_or_default() {
        [] => vec![tag, 0],
        [short @ 0..=0x7f] => vec![tag, *short],
        long => [&[tag, 0x80 | u8::try_from(long.len()).unwrap_or(0)], long].concat(),
    };
    [header.as_slice(), contents].concat()
}

fn usize_of(length: Length) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(der: &[u8]) -> Result<Element<'_>, DerDefect> {
        let mut reader = Reader::new(der, "test");
        let element = reader.any("test").map_err(|error| error.defect)?;
        reader.finish().map_err(|error| error.defect)?;
        Ok(element)
    }

    #[test]
    fn lengths_are_minimal_definite_and_within_the_input() {
        assert_eq!(read(&[0x04, 0x02, 1, 2]).unwrap().contents, [1, 2]);
        let long = [&[0x04, 0x81, 0x80][..], &[7; 128]].concat();
        assert_eq!(read(&long).unwrap().contents.len(), 128);
        for (der, defect) in [
            (&[0x04][..], DerDefect::Truncated),
            (&[0x04, 0x02, 1], DerDefect::Truncated),
            (&[0x04, 0x81, 0x01, 1], DerDefect::Length),
            (&[0x04, 0x82, 0x00, 0x01, 1], DerDefect::Length),
            (&[0x30, 0x80, 0x00, 0x00], DerDefect::Length),
            (&[0x04, 0xff, 1], DerDefect::Length),
            (&[0x04, 0x84, 0xff, 0xff, 0xff, 0xff, 1], DerDefect::Truncated),
            (&[0x04, 0x00, 0x00], DerDefect::TrailingData),
            (&[0x1f, 0x81, 0x00, 0x00], DerDefect::Value),
            (&[], DerDefect::Missing),
        ] {
            assert_eq!(read(der).map(|_| ()), Err(defect), "{der:02x?}");
        }
    }

    #[test]
    fn contents_follow_their_types_rules() {
        for (der, good) in [
            (&[0x02, 0x01, 0x00][..], true),
            (&[0x02, 0x01, 0x7f], true),
            (&[0x02, 0x02, 0x00, 0x80], true),
            (&[0x02, 0x00], false),
            (&[0x02, 0x02, 0x00, 0x7f], false),
            (&[0x02, 0x02, 0xff, 0x80], false),
            (&[0x02, 0x01, 0x80], false),
        ] {
            assert_eq!(read(der).unwrap().unsigned().is_ok(), good, "{der:02x?}");
        }
        for (octet, value) in [(0x00, Some(false)), (0xff, Some(true)), (0x01, None)] {
            assert_eq!(read(&[0x01, 0x01, octet]).unwrap().boolean().ok(), value);
        }
        for (oid, text) in [
            (&[0x2a, 0x86, 0x48][..], Some("1.2.840")),
            (&[0x55, 0x04, 0x03], Some("2.5.4.3")),
            (&[0x88, 0x37], Some("2.999")),
            (&[], None),
            (&[0x2a, 0x86], None),
            (&[0x2a, 0x80, 0x01], None),
        ] {
            let der = [&[0x06, u8::try_from(oid.len()).unwrap()][..], oid].concat();
            assert_eq!(read(&der).unwrap().object_identifier().ok().map(dotted).as_deref(), text);
        }
        assert!(read(&[0x03, 0x01, 0x00]).unwrap().bit_string().is_ok());
        assert!(read(&[0x03, 0x02, 0x01, 0x00]).unwrap().bit_string().is_err());
        assert!(read(&[0x03, 0x00]).unwrap().bit_string().is_err());
        for (contents, good) in [
            (&[0][..], true),
            (&[0, 0xff], true),
            (&[7, 0x80], true),
            (&[1, 0xff], false),
            (&[1], false),
            (&[8, 0], false),
            (&[], false),
        ] {
            let der = [&[0x03, u8::try_from(contents.len()).unwrap()][..], contents].concat();
            assert_eq!(read(&der).unwrap().check_bits().is_ok(), good, "{contents:?}");
        }
        assert!(read(&[0x05, 0x00]).unwrap().null().is_ok());
        assert!(read(&[0x05, 0x01, 0x00]).unwrap().null().is_err());
    }

    #[test]
    fn an_error_names_the_field_and_the_octet() {
        let mut outer =
            Reader::new(&[0x30, 0x04, 0x02, 0x02, 0x00, 0x01], "Outer").any("Outer").unwrap().reader();
        let error = outer.element(INTEGER, "Outer.version").unwrap().unsigned().unwrap_err();
        assert_eq!((error.field, error.offset), ("Outer.version", 2));
    }
}
