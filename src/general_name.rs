//! General names (RFC 5280 section 4.2.1.6), read strictly.

use crate::asn1::{DerDefect, DerError, Element, OBJECT_IDENTIFIER, Reader, SEQUENCE, explicit, implicit};
use crate::certificate::CertificateError;
use crate::limits::MAX_GENERAL_NAMES;
use crate::name::Name;

/// The identifier octet of `otherName [0]`.
pub(crate) const OTHER_NAME: u8 = explicit(0);
const RFC822_NAME: u8 = implicit(1);
const DNS_NAME: u8 = implicit(2);
/// The identifier octet of `x400Address [3]`.
pub(crate) const X400_ADDRESS: u8 = explicit(3);
/// Name is a CHOICE, so the tag is EXPLICIT here, whatever the module says (X.680 section 31.2.7).
const DIRECTORY_NAME: u8 = explicit(4);
/// The identifier octet of `ediPartyName [5]`.
pub(crate) const EDI_PARTY_NAME: u8 = explicit(5);
const URI: u8 = implicit(6);
const IP_ADDRESS: u8 = implicit(7);
/// The identifier octet of `registeredID [8]`.
pub(crate) const REGISTERED_ID: u8 = implicit(8);

/// How long an iPAddress is that names a host, of IP version 4 and 6 (RFC 5280 section 4.2.1.6).
const ADDRESS: [usize; 2] = [4, 16];
/// How long it is in name constraints: an address and a mask (section 4.2.1.10).
pub(crate) const ADDRESS_AND_MASK: [usize; 2] = [8, 32];

/// A `GeneralName`, borrowed from its certificate. The texts are ASCII, as IA5String demands; nothing more is checked of
/// them here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GeneralName<'a> {
    /// rfc822Name: a mailbox.
    Rfc822(&'a str),
    /// dNSName.
    Dns(&'a str),
    /// directoryName.
    Directory(Name),
    /// uniformResourceIdentifier.
    Uri(&'a str),
    /// iPAddress: 4 or 16 octets as an alternative name, twice as many, address and mask, in name constraints.
    Ip(&'a [u8]),
    /// otherName, x400Address, ediPartyName or registeredID, by its identifier octet.
    Other {
        /// The identifier octet.
        tag: u8,
    },
}

impl<'a> GeneralName<'a> {
    /// Reads a subjectAltName or issuerAltName: the whole value of the extension.
    pub(crate) fn read_extension(value: &'a [u8]) -> Result<Vec<Self>, CertificateError> {
        let mut reader = Reader::new(value, "GeneralNames");
        let names = reader.element(SEQUENCE, "GeneralNames")?;
        reader.finish()?;
        Self::read_all(&mut names.reader())
    }

    /// Reads `GeneralNames ::= SEQUENCE SIZE (1..MAX) OF GeneralName`, from a reader over the contents of the SEQUENCE.
    pub(crate) fn read_all(reader: &mut Reader<'a>) -> Result<Vec<Self>, CertificateError> {
        let mut names = Vec::new();
        loop {
            if names.len() >= MAX_GENERAL_NAMES {
                return Err(Self::too_many());
            }
            names.push(Self::read(reader, ADDRESS)?);
            if reader.is_empty() {
                return Ok(names);
            }
        }
    }

    /// Reads one name, whose iPAddress may have these lengths in octets.
    pub(crate) fn read(
        reader: &mut Reader<'a>,
        address_lengths: [usize; 2],
    ) -> Result<Self, CertificateError> {
        let element = reader.any("GeneralName")?;
        Ok(match element.tag {
            RFC822_NAME => Self::Rfc822(ia5_string(&element)?),
            DNS_NAME => Self::Dns(ia5_string(&element)?),
            URI => Self::Uri(ia5_string(&element)?),
            IP_ADDRESS if address_lengths.contains(&element.contents.len()) => Self::Ip(element.contents),
            DIRECTORY_NAME => {
                let mut inner = element.reader();
                let name = Name::read(&mut inner, "directoryName")?;
                inner.finish()?;
                Self::Directory(name)
            }
            OTHER_NAME => {
                check_other_name(&element)?;
                Self::Other { tag: element.tag }
            }
            REGISTERED_ID => {
                element.object_identifier()?;
                Self::Other { tag: element.tag }
            }
            // What is in them is nothing that we compare or show.
            X400_ADDRESS | EDI_PARTY_NAME => Self::Other { tag: element.tag },
            _ => return Err(element.error(DerDefect::Value).into()),
        })
    }

    pub(crate) fn too_many() -> CertificateError {
        CertificateError::TooMany { what: "general names in one list", limit: MAX_GENERAL_NAMES }
    }
}

/// `OtherName ::= SEQUENCE { type-id OBJECT IDENTIFIER, value [0] EXPLICIT ANY }`.
fn check_other_name(element: &Element<'_>) -> Result<(), DerError> {
    let mut fields = element.reader();
    fields.element(OBJECT_IDENTIFIER, "otherName.type-id")?.object_identifier()?;
    let mut value = fields.element(explicit(0), "otherName.value")?.reader();
    fields.finish()?;
    value.any("otherName.value")?;
    value.finish()
}

fn ia5_string<'a>(element: &Element<'a>) -> Result<&'a str, DerError> {
    let text = std::str::from_utf8(element.contents).ok().filter(|text| text.is_ascii());
    text.ok_or_else(|| element.error(DerDefect::Value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
        match u8::try_from(contents.len()) {
            Ok(length @ ..=0x7f) => [&[tag, length][..], contents].concat(),
            _ => {
                let length = u16::try_from(contents.len()).unwrap().to_be_bytes();
                let length = if length[0] == 0 { &length[1..] } else { &length[..] };
                [&[tag, 0x80 | u8::try_from(length.len()).unwrap()], length, contents].concat()
            }
        }
    }

    fn read(names: &[u8]) -> Result<Vec<GeneralName<'_>>, CertificateError> {
        GeneralName::read_all(&mut Reader::new(names, "test"))
    }

    #[test]
    fn each_form_is_read_from_its_tag() {
        let name = [0x30, 0x00];
        for (der, expected) in [
            (tlv(0x81, b"a@example.com"), GeneralName::Rfc822("a@example.com")),
            (tlv(0x82, b"example.com"), GeneralName::Dns("example.com")),
            (tlv(0x86, b"https://example.com"), GeneralName::Uri("https://example.com")),
            (tlv(0x87, &[192, 0, 2, 1]), GeneralName::Ip(&[192, 0, 2, 1])),
            (tlv(0x87, &[0; 16]), GeneralName::Ip(&[0; 16])),
            (
                tlv(0xa4, &name),
                GeneralName::Directory(Name::read(&mut Reader::new(&name, "Name"), "Name").ok().unwrap()),
            ),
            (tlv(0xa0, &[6, 1, 0x2a, 0xa0, 2, 5, 0]), GeneralName::Other { tag: OTHER_NAME }),
            (tlv(0xa3, &[]), GeneralName::Other { tag: X400_ADDRESS }),
            (tlv(0xa5, &[0xa1, 2, 0x0c, 0]), GeneralName::Other { tag: EDI_PARTY_NAME }),
            (tlv(0x88, &[0x2a, 3]), GeneralName::Other { tag: REGISTERED_ID }),
        ] {
            assert_eq!(read(&der).as_deref(), Ok(std::slice::from_ref(&expected)));
            assert_eq!(GeneralName::read_extension(&tlv(0x30, &der)), Ok(vec![expected]));
        }
    }

    #[test]
    fn what_is_no_general_name_is_refused() {
        for (der, why) in [
            (tlv(0x81, b"\xe4@example.com"), "not ASCII"),
            (tlv(0x82, "é".as_bytes()), "UTF-8 that is not ASCII"),
            (tlv(0x86, b"\xff"), "not ASCII"),
            (tlv(0x87, &[1, 2, 3]), "three octets of address"),
            (tlv(0x87, &[0; 8]), "address and mask"),
            (tlv(0xa4, &[]), "no name"),
            (tlv(0xa4, &[0x30, 0, 0x30, 0]), "two names under one tag"),
            (tlv(0xa4, &[0x31, 0]), "no SEQUENCE"),
            (tlv(0xa0, &[6, 1, 0x2a]), "otherName without value"),
            (tlv(0xa0, &[6, 1, 0x2a, 0xa0, 0]), "otherName with an empty value"),
            (tlv(0xa0, &[6, 1, 0x2a, 0xa0, 4, 5, 0, 5, 0]), "otherName with two values"),
            (tlv(0xa0, &[6, 1, 0x2a, 0xa0, 2, 5, 0, 5, 0]), "something after the value"),
            (tlv(0x88, &[0x80, 1]), "not an object identifier"),
            (tlv(0x89, &[]), "no such tag"),
            (tlv(0xa1, b"a"), "constructed"),
            (tlv(0x16, b"example.com"), "an IA5String without its tag"),
            (vec![], "no name at all"),
            (vec![0x82, 2, b'a'], "cut off"),
        ] {
            assert!(read(&der).is_err(), "{why}");
        }
        let two = [tlv(0x82, b"example.com"), tlv(0x87, &[1])].concat();
        assert!(read(&two).is_err(), "the second is wrong");
        assert!(GeneralName::read_extension(&[0x30, 2, 0x82, 0, 0]).is_err(), "something after the SEQUENCE");
        assert!(GeneralName::read_extension(&[0x30, 0]).is_err(), "an empty SEQUENCE");
        assert!(GeneralName::read_extension(&tlv(0x82, b"example.com")).is_err(), "no SEQUENCE");
    }

    #[test]
    fn the_number_of_names_is_bounded() {
        let names = |count| tlv(0x82, b"a").repeat(count);
        assert_eq!(read(&names(MAX_GENERAL_NAMES)).unwrap().len(), MAX_GENERAL_NAMES);
        assert_eq!(read(&names(MAX_GENERAL_NAMES + 1)), Err(GeneralName::too_many()));
    }
}
