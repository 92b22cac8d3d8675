//! Distinguished names (RFC 5280 section 4.1.2.4): read strictly, shown safely.

use std::borrow::Cow;
use std::fmt;

use crate::asn1::{DerDefect, DerError, Element, OBJECT_IDENTIFIER, Reader, SEQUENCE, SET, dotted};
use crate::limits::{MAX_NAME_ATTRIBUTES, MAX_NAME_SHOWN, MAX_NAME_TEXT};

/// A distinguished name. `Display` is RFC 4514, with everything escaped that could act on a terminal, and attributes
/// cut with `…` at [`limits::MAX_NAME_TEXT`](crate::limits::MAX_NAME_TEXT) characters.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name {
    der: Vec<u8>,
}

/// How two names are held to be equal. In both, the order of the attributes in one RDN does not matter: it is a SET.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameRules {
    /// The same attribute types and the same text, whatever the string type; case counts. Cursive compares so.
    AnyStringType,
    /// RFC 5280 section 7.1: besides, neither case nor the amount of white space counts.
    Rfc5280,
}

/// A name made ready for comparison: equal exactly when the names are equal under the rules it was made with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct MatchingForm {
    /// The relative names in their order, each behind its length: where one octet string begins another, so does one list
    /// of relative names.
    rdns: Vec<u8>,
}

impl MatchingForm {
    /// Whether the name lies in the subtree that begins with `base`: its first RDNs are those of `base` (RFC 5280
    /// section 4.2.1.10).
    pub(crate) fn is_within(&self, base: &Self) -> bool {
        self.rdns.starts_with(&base.rdns)
    }
}

/// Why a name cannot be read.
pub(crate) enum NameError {
    Malformed(DerError),
    TooManyAttributes,
}

impl From<DerError> for NameError {
    fn from(error: DerError) -> Self {
        Self::Malformed(error)
    }
}

impl Name {
    /// Reads the next element as a Name and keeps its octets.
    pub(crate) fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, NameError> {
        let element = reader.element(SEQUENCE, field)?;
        let mut attributes = 0_usize;
        let mut rdns = element.reader();
        while !rdns.is_empty() {
            let rdn = rdns.element(SET, field)?;
            if rdn.contents.is_empty() {
                return Err(rdn.error(DerDefect::Missing).into());
            }
            let mut values = rdn.reader();
            while !values.is_empty() {
                Attribute::read(&mut values, field)?;
                attributes = attributes.saturating_add(1);
                if attributes > MAX_NAME_ATTRIBUTES {
                    return Err(NameError::TooManyAttributes);
                }
            }
        }
        Ok(Self { der: element.raw.to_vec() })
    }

    /// The DER of the name, as the certificate has it.
    #[must_use]
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// Whether the name has no attributes at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.der == [SEQUENCE, 0]
    }

    /// The name as it compares under these rules.
    pub(crate) fn matching_form(&self, rules: NameRules) -> MatchingForm {
        // The octets were read before. If they could not be read again, they would equal nothing but themselves.
        MatchingForm { rdns: self.matching_octets(rules).unwrap_or_else(|_| self.der.clone()) }
    }

    fn matching_octets(&self, rules: NameRules) -> Result<Vec<u8>, DerError> {
        let mut rdns = Reader::new(&self.der, "Name").element(SEQUENCE, "Name")?.reader();
        // For each tag and length that the DER has, a length of ours: about twice as much for short values.
        let mut octets = Vec::with_capacity(self.der.len().saturating_mul(2));
        while !rdns.is_empty() {
            let mut values = rdns.element(SET, "Name")?.reader();
            behind_length(&mut octets, |octets| write_rdn(&mut values, rules, octets))?;
        }
        Ok(octets)
    }

    /// The values of the emailAddress attributes (RFC 5280 section 4.1.2.6); `None` for one that is no text.
    pub(crate) fn email_addresses(&self) -> Vec<Option<String>> {
        let rdns = self.rdns().unwrap_or_default();
        let addresses = rdns.iter().flatten().filter(|attribute| attribute.oid == EMAIL_ADDRESS);
        addresses.map(|attribute| attribute.text().map(Cow::into_owned)).collect()
    }

    /// The relative names, each as its attributes; the octets were checked when the name was read.
    fn rdns(&self) -> Result<Vec<Vec<Attribute<'_>>>, DerError> {
        let mut rdns = Reader::new(&self.der, "Name").element(SEQUENCE, "Name")?.reader();
        let mut all = Vec::new();
        while !rdns.is_empty() {
            let mut values = rdns.element(SET, "Name")?.reader();
            let mut rdn = Vec::new();
            while !values.is_empty() {
                rdn.push(Attribute::read(&mut values, "Name")?);
            }
            all.push(rdn);
        }
        Ok(all)
    }
}

impl fmt::Display for Name {
    /// RFC 4514 section 2.1: the last relative name first, parts of one joined by `+`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rdns = self.rdns().map_err(|_| fmt::Error)?;
        let mut left = Left { shown: String::new(), characters: MAX_NAME_SHOWN };
        let whole = Self::write(&rdns, &mut left).is_ok();
        f.write_str(&left.shown)?;
        f.write_str(if whole { "" } else { "…" })
    }
}

/// Text that ends, with an error, where it has become too long.
struct Left {
    shown: String,
    characters: usize,
}

impl fmt::Write for Left {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            self.characters = self.characters.checked_sub(1).ok_or(fmt::Error)?;
            self.shown.push(character);
        }
        Ok(())
    }
}

impl Name {
    fn write(rdns: &[Vec<Attribute<'_>>], f: &mut impl fmt::Write) -> fmt::Result {
        for (index, rdn) in rdns.iter().rev().enumerate() {
            f.write_str(if index == 0 { "" } else { "," })?;
            for (index, attribute) in rdn.iter().enumerate() {
                f.write_str(if index == 0 { "" } else { "+" })?;
                write!(f, "{attribute}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

/// id-emailAddress (RFC 5280 appendix A.1).
const EMAIL_ADDRESS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 1];

/// AttributeTypeAndValue.
struct Attribute<'a> {
    oid: &'a [u8],
    value: Element<'a>,
}

impl<'a> Attribute<'a> {
    fn read(reader: &mut Reader<'a>, field: &'static str) -> Result<Self, DerError> {
        let mut fields = reader.element(SEQUENCE, field)?.reader();
        let oid = fields.element(OBJECT_IDENTIFIER, field)?.object_identifier()?;
        let value = fields.any(field)?;
        fields.finish()?;
        let attribute = Self { oid, value };
        if matches!(value.tag, 0x0c | 0x12 | 0x13 | 0x14 | 0x16 | 0x1a | 0x1c | 0x1e)
            && attribute.text().is_none()
        {
            return Err(value.error(DerDefect::Value));
        }
        Ok(attribute)
    }

    /// The short name (RFC 4514 section 3; serialNumber and emailAddress from RFC 4519 and RFC 2985).
    fn short_name(&self) -> Option<&'static str> {
        Some(match self.oid {
            [0x55, 0x04, 3] => "CN",
            [0x55, 0x04, 5] => "serialNumber",
            [0x55, 0x04, 6] => "C",
            [0x55, 0x04, 7] => "L",
            [0x55, 0x04, 8] => "ST",
            [0x55, 0x04, 9] => "STREET",
            [0x55, 0x04, 10] => "O",
            [0x55, 0x04, 11] => "OU",
            [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 25] => "DC",
            [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 1] => "UID",
            EMAIL_ADDRESS => "emailAddress",
            _ => return None,
        })
    }

    /// The attribute as it compares: type, whether the value is text, value; lengths before what varies in length.
    fn write_matching(&self, rules: NameRules, octets: &mut Vec<u8>) {
        behind_length(octets, |octets| octets.extend_from_slice(self.oid));
        let text = self.text();
        octets.push(u8::from(text.is_none()));
        behind_length(octets, |octets| match (text, rules) {
            (Some(text), NameRules::AnyStringType) => octets.extend_from_slice(text.as_bytes()),
            (Some(text), NameRules::Rfc5280) => write_prepared(&text, octets),
            // Types whose matching rules we do not know compare by their DER.
            (None, _) => octets.extend_from_slice(self.value.raw),
        });
    }

    /// The value as text, where its string type is one that RFC 5280 knows and its octets are such a string.
    fn text(&self) -> Option<Cow<'a, str>> {
        let octets = self.value.contents;
        match self.value.tag {
            // UTF8String, and the ASCII types: NumericString, PrintableString, IA5String, VisibleString.
            0x0c => std::str::from_utf8(octets).ok().map(Cow::Borrowed),
            0x12 | 0x13 | 0x16 | 0x1a if octets.is_ascii() => {
                std::str::from_utf8(octets).ok().map(Cow::Borrowed)
            }
            // TeletexString: in certificates it is Latin-1.
            0x14 => Some(octets.iter().copied().map(char::from).collect()),
            // BMPString: UCS-2, so a surrogate is no character.
            0x1e => wide(octets, |pair: [u8; 2]| u32::from(u16::from_be_bytes(pair))).map(Cow::Owned),
            // UniversalString: UCS-4.
            0x1c => wide(octets, u32::from_be_bytes).map(Cow::Owned),
            _ => None,
        }
    }
}

impl fmt::Display for Attribute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.short_name(), self.text()) {
            (Some(name), Some(text)) => {
                write!(f, "{name}=")?;
                write_escaped(f, &text)
            }
            // RFC 4514 section 2.4: the hex of the value's DER.
            (name, _) => {
                write!(f, "{}=#", name.map_or_else(|| dotted(self.oid), str::to_owned))?;
                let shown = self.value.raw.get(..MAX_NAME_TEXT >> 1).unwrap_or(self.value.raw);
                shown.iter().try_for_each(|octet| write!(f, "{octet:02x}"))?;
                f.write_str(if shown.len() < self.value.raw.len() { "…" } else { "" })
            }
        }
    }
}

/// One RDN as it compares. X.690 section 11.6 sorts a SET OF by its DER, which depends on string types: sorted anew.
fn write_rdn(values: &mut Reader<'_>, rules: NameRules, octets: &mut Vec<u8>) -> Result<(), DerError> {
    let first = Attribute::read(values, "Name")?;
    if values.is_empty() {
        first.write_matching(rules, octets);
        return Ok(());
    }
    let mut attributes = Vec::new();
    let mut next = Some(first);
    while let Some(attribute) = next {
        let mut one = Vec::new();
        attribute.write_matching(rules, &mut one);
        attributes.push(one);
        next = if values.is_empty() { None } else { Some(Attribute::read(values, "Name")?) };
    }
    attributes.sort_unstable();
    attributes.iter().for_each(|attribute| octets.extend_from_slice(attribute));
    Ok(())
}

/// Puts the length of what is written before it.
fn behind_length<T>(octets: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    let place = octets.len();
    octets.extend_from_slice(&[0; 8]);
    let outcome = write(octets);
    if let Some((length, written)) = octets.get_mut(place..).and_then(<[u8]>::split_first_chunk_mut::<8>) {
        *length = u64::try_from(written.len()).unwrap_or(u64::MAX).to_be_bytes();
    }
    outcome
}

/// A text as caseIgnoreMatch compares it (RFC 4518): lower case, no white space at the ends, one space for each run of
/// it between words.
///
/// Of RFC 4518 the normalization NFKC is not applied, nor are invisible characters taken out (section 2.2), nor letters
/// folded that lower-casing leaves apart (`ß` and `ss`). So names that the standard holds equal may be held different
/// here, never the reverse. That refuses an issuer or a permitted subtree; it passes over an excluded subtree, where
/// an authority writes the same name in two normal forms.
fn write_prepared(text: &str, octets: &mut Vec<u8>) {
    let start = octets.len();
    for word in text.split_whitespace() {
        if octets.len() > start {
            octets.push(b' ');
        }
        if word.is_ascii() {
            octets.extend(word.bytes().map(|octet| octet.to_ascii_lowercase()));
            continue;
        }
        // Letter by letter: `str::to_lowercase` writes a sigma differently at the end of a word.
        for letter in word.chars().flat_map(char::to_lowercase) {
            octets.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
}

fn wide<const OCTETS: usize>(octets: &[u8], code_point: impl Fn([u8; OCTETS]) -> u32) -> Option<String> {
    let mut chunks = octets.chunks_exact(OCTETS);
    let text = chunks.by_ref().map(|chunk| char::from_u32(code_point(chunk.try_into().ok()?))).collect();
    if chunks.remainder().is_empty() { text } else { None }
}

/// RFC 4514 section 2.4; besides what it demands, everything unprintable is written as escaped UTF-8.
fn write_escaped(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let last = text.chars().count().saturating_sub(1);
    for (index, character) in text.chars().enumerate() {
        if index >= MAX_NAME_TEXT {
            return f.write_str("…");
        }
        let edge = (index == 0 && matches!(character, ' ' | '#')) || (index == last && character == ' ');
        if edge || matches!(character, '"' | '+' | ',' | ';' | '<' | '>' | '\\') {
            write!(f, "\\{character}")?;
        } else if is_printable(character) {
            write!(f, "{character}")?;
        } else {
            let mut octets = [0; 4];
            character.encode_utf8(&mut octets).bytes().try_for_each(|octet| write!(f, "\\{octet:02x}"))?;
        }
    }
    Ok(())
}

/// What Rust's own `Debug` shows as it is: no control, format or unassigned characters, no lone combining marks.
fn is_printable(character: char) -> bool {
    matches!(character, '\'' | '"' | '\\') || character.escape_debug().count() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
        [&[tag, u8::try_from(contents.len()).unwrap()], contents].concat()
    }

    fn attribute(oid: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
        tlv(0x30, &[tlv(0x06, oid), tlv(tag, value)].concat())
    }

    fn name(rdns: &[Vec<u8>]) -> Option<Name> {
        let der = tlv(0x30, &rdns.iter().flat_map(|rdn| tlv(0x31, rdn)).collect::<Vec<_>>());
        Name::read(&mut Reader::new(&der, "Name"), "Name").ok()
    }

    const CN: &[u8] = &[0x55, 4, 3];

    #[test]
    fn a_name_is_shown_as_rfc_4514_writes_it() {
        let two =
            name(&[attribute(&[0x55, 4, 10], 0x0c, b"Snake Oil, Ltd"), attribute(CN, 0x13, b"a")]).unwrap();
        assert_eq!(two.to_string(), "CN=a,O=Snake Oil\\, Ltd");
        let multi = [attribute(CN, 0x0c, b"x"), attribute(&[0x55, 4, 11], 0x0c, b"y")].concat();
        assert_eq!(name(&[multi]).unwrap().to_string(), "CN=x+OU=y");
        assert!(name(&[]).unwrap().is_empty());
        for (tag, value, shown) in [
            (0x0c, "Müller".as_bytes(), "CN=Müller"),
            (0x14, &[b'M', 0xfc][..], "CN=Mü"),
            (0x1e, &[0, b'B', 0x20, 0xac], "CN=B€"),
            (0x1c, &[0, 0, 0, b'U'], "CN=U"),
            (0x04, &[0xff], "CN=#0401ff"),
            (0x0c, b" a ", "CN=\\ a\\ "),
            (0x0c, b"#", "CN=\\#"),
            (0x0c, b"\x1b[2J\r\n", "CN=\\1b[2J\\0d\\0a"),
            (0x0c, "\u{202e}x".as_bytes(), "CN=\\e2\\80\\aex"),
            (0x0c, b"it's", "CN=it's"),
        ] {
            assert_eq!(name(&[attribute(CN, tag, value)]).unwrap().to_string(), shown);
        }
        assert_eq!(name(&[attribute(&[0x2a, 3], 0x0c, b"q")]).unwrap().to_string(), "1.2.3=#0c0171");
    }

    const O: &[u8] = &[0x55, 4, 10];
    const ANY_STRING_TYPE: NameRules = NameRules::AnyStringType;
    const RFC_5280: NameRules = NameRules::Rfc5280;

    fn equal(a: &Name, b: &Name, rules: NameRules) -> bool {
        a.matching_form(rules) == b.matching_form(rules)
    }

    #[test]
    fn the_string_type_never_counts_and_case_and_white_space_count_in_cursive_alone() {
        for (a, b, any_string_type, rfc_5280) in [
            ((0x0c, &b"Snake Oil"[..]), (0x13, &b"Snake Oil"[..]), true, true),
            ((0x0c, b"A"), (0x1e, &[0, b'A']), true, true),
            ((0x0c, b"A"), (0x1c, &[0, 0, 0, b'A']), true, true),
            ((0x0c, b"A"), (0x16, b"A"), true, true),
            ((0x0c, "Müller".as_bytes()), (0x14, b"M\xfcller"), true, true),
            ((0x13, b"Snake Oil"), (0x13, b"SNAKE oil"), false, true),
            ((0x0c, "MÜLLER".as_bytes()), (0x14, b"m\xfcller"), false, true),
            ((0x0c, "ΟΔΟΣ".as_bytes()), (0x0c, "οδοσ".as_bytes()), false, true),
            ((0x13, b"Snake Oil"), (0x13, b"  Snake   Oil "), false, true),
            ((0x0c, b"Snake Oil"), (0x0c, "Snake\u{a0}\tOil".as_bytes()), false, true),
            ((0x0c, b""), (0x0c, b"  "), false, true),
            ((0x13, b"Snake Oil"), (0x13, b"SnakeOil"), false, false),
            ((0x13, b"Snake Oil"), (0x13, b"Snake Oil Ltd"), false, false),
            // Not normalized: one precomposed character, and a letter with a combining mark.
            ((0x0c, "ü".as_bytes()), (0x0c, "u\u{308}".as_bytes()), false, false),
            // No text: its octets and its type count.
            ((0x03, &[0, 1]), (0x03, &[0, 1]), true, true),
            ((0x03, b"\0a"), (0x03, b"\0A"), false, false),
            ((0x04, b"a"), (0x0c, b"a"), false, false),
            ((0x04, b"a"), (0x03, b"a"), false, false),
            // Text that reads like the DER of something else is still text.
            ((0x0c, b"\x04\x01a"), (0x04, b"a"), false, false),
        ] {
            let [left, right] = [a, b].map(|(tag, value)| name(&[attribute(CN, tag, value)]).unwrap());
            assert_eq!(equal(&left, &right, ANY_STRING_TYPE), any_string_type, "{left} {right}");
            assert_eq!(equal(&left, &right, RFC_5280), rfc_5280, "{left} {right}");
        }
    }

    #[test]
    fn order_counts_between_relative_names_and_not_within_one() {
        let [a, b] = [attribute(CN, 0x0c, b"a"), attribute(O, 0x0c, b"b")];
        let other_type = attribute(O, 0x0c, b"a");
        let together = name(&[[&a[..], &b].concat()]).unwrap();
        for rules in [ANY_STRING_TYPE, RFC_5280] {
            assert!(equal(&together, &name(&[[&b[..], &a].concat()]).unwrap(), rules));
            for different in [
                vec![],
                vec![a.clone()],
                vec![a.clone(), b.clone()],
                vec![[&a[..], &other_type].concat()],
                vec![[&a[..], &b, &b].concat()],
            ] {
                assert!(!equal(&together, &name(&different).unwrap(), rules), "{different:02x?}");
            }
            assert!(!equal(
                &name(&[a.clone(), b.clone()]).unwrap(),
                &name(&[b.clone(), a.clone()]).unwrap(),
                rules
            ));
            assert!(!equal(
                &name(std::slice::from_ref(&a)).unwrap(),
                &name(std::slice::from_ref(&other_type)).unwrap(),
                rules
            ));
        }
    }

    #[test]
    fn no_text_can_stand_for_two_attributes() {
        let one = attribute(CN, 0x0c, b"a");
        let form = name(std::slice::from_ref(&one)).unwrap().matching_form(ANY_STRING_TYPE);
        // A value that holds what a second attribute would add.
        let mut forged = b"a".to_vec();
        // Without the length of the whole.
        forged.extend_from_slice(form.rdns.get(8..).unwrap());
        let forged = name(&[attribute(CN, 0x0c, &forged)]).unwrap();
        assert!(!equal(&forged, &name(&[[&one[..], &one].concat()]).unwrap(), ANY_STRING_TYPE));
    }

    #[test]
    fn a_subtree_begins_with_the_relative_names_of_its_base() {
        let [country, organization, person] = [
            attribute(&[0x55, 4, 6], 0x13, b"US"),
            attribute(O, 0x0c, b"Snake Oil"),
            attribute(CN, 0x0c, b"a"),
        ];
        let shouted = attribute(O, 0x13, b"SNAKE  OIL");
        let form = |rdns: &[&Vec<u8>]| {
            let rdns: Vec<_> = rdns.iter().map(|&rdn| rdn.clone()).collect();
            name(&rdns).unwrap().matching_form(RFC_5280)
        };
        let base = form(&[&country, &organization]);
        assert!(form(&[&country, &organization, &person]).is_within(&base));
        assert!(form(&[&country, &shouted, &person]).is_within(&base));
        assert!(base.is_within(&base));
        assert!(base.is_within(&form(&[])));
        for outside in
            [form(&[&country]), form(&[&organization, &country]), form(&[&country, &person]), form(&[])]
        {
            assert!(!outside.is_within(&base), "{outside:02x?}");
        }
        let joined = [&organization[..], &person].concat();
        assert!(!form(&[&country, &joined]).is_within(&base), "part of a relative name is not that name");
    }

    #[test]
    fn email_addresses_are_those_of_the_subject_in_order() {
        let subject = name(&[
            attribute(EMAIL_ADDRESS, 0x16, b"a@example.com"),
            attribute(CN, 0x0c, b"b@example.com"),
            [attribute(O, 0x0c, b"x"), attribute(EMAIL_ADDRESS, 0x04, b"c@example.com")].concat(),
        ]);
        assert_eq!(subject.unwrap().email_addresses(), [Some("a@example.com".to_owned()), None]);
    }

    #[test]
    fn malformed_names_are_refused() {
        assert!(name(&[vec![]]).is_none(), "an empty SET");
        assert!(name(&[tlv(0x30, &tlv(0x06, CN))]).is_none(), "no value");
        let extra = [tlv(0x06, CN), tlv(0x0c, b"a"), tlv(0x0c, b"b")].concat();
        assert!(name(&[tlv(0x30, &extra)]).is_none(), "something after the value");
        for (tag, value) in
            [(0x0c, &[0xff][..]), (0x13, &[0x80]), (0x1e, &[0]), (0x1e, &[0xd8, 0]), (0x1c, &[0, 0x11, 0, 0])]
        {
            assert!(name(&[attribute(CN, tag, value)]).is_none(), "{tag:02x}: not a string of its type");
        }
    }
}
