//! Name constraints (RFC 5280 section 4.2.1.10): where the names of the certificates below an authority must lie.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::asn1::{DerDefect, Element, Reader, SEQUENCE, explicit, implicit};
use crate::certificate::CertificateError;
use crate::excerpt::Excerpt;
use crate::general_name::{ADDRESS_AND_MASK, EDI_PARTY_NAME, GeneralName, REGISTERED_ID, X400_ADDRESS};
use crate::limits::{MAX_GENERAL_NAMES, MAX_NAME_COMPARISONS};
use crate::name::{MatchingForm, Name, NameRules};

/// The value of a nameConstraints extension.
#[derive(Clone, Debug)]
pub(crate) struct NameConstraints {
    permitted: Vec<Subtree>,
    excluded: Vec<Subtree>,
}

/// A name of a certificate that breaks the constraints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violated {
    /// The form of the name.
    pub(crate) form: NameForm,
    /// The name, or as much of it as an error shows.
    pub(crate) name: Excerpt,
    /// Why it breaks them.
    pub(crate) violation: Violation,
}

/// How a name breaks the constraints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// There are permitted subtrees of its form, and it lies in none of them.
    NotPermitted,
    /// It lies in an excluded subtree.
    Excluded,
    /// Its form is constrained, and it cannot be compared: a form that we do not compare, or a malformed name.
    NotComparable,
    /// [`MAX_NAME_COMPARISONS`] are used up.
    TooManyComparisons,
}

/// The form of a general name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameForm {
    /// otherName.
    Other,
    /// rfc822Name, or an emailAddress attribute of the subject.
    Rfc822,
    /// dNSName.
    Dns,
    /// x400Address.
    X400,
    /// directoryName, or the subject.
    Directory,
    /// ediPartyName.
    EdiParty,
    /// uniformResourceIdentifier.
    Uri,
    /// iPAddress.
    Ip,
    /// registeredID.
    RegisteredId,
}

impl NameForm {
    /// Its name in RFC 5280 section 4.2.1.6.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Other => "otherName",
            Self::Rfc822 => "rfc822Name",
            Self::Dns => "dNSName",
            Self::X400 => "x400Address",
            Self::Directory => "directoryName",
            Self::EdiParty => "ediPartyName",
            Self::Uri => "uniformResourceIdentifier",
            Self::Ip => "iPAddress",
            Self::RegisteredId => "registeredID",
        }
    }

    fn of(name: &GeneralName<'_>) -> Self {
        match name {
            GeneralName::Rfc822(_) => Self::Rfc822,
            GeneralName::Dns(_) => Self::Dns,
            GeneralName::Directory(_) => Self::Directory,
            GeneralName::Uri(_) => Self::Uri,
            GeneralName::Ip(_) => Self::Ip,
            GeneralName::Other { tag: X400_ADDRESS } => Self::X400,
            GeneralName::Other { tag: EDI_PARTY_NAME } => Self::EdiParty,
            GeneralName::Other { tag: REGISTERED_ID } => Self::RegisteredId,
            GeneralName::Other { .. } => Self::Other,
        }
    }
}

impl NameConstraints {
    /// Reads the value of the extension, all of it.
    pub(crate) fn read(value: &[u8]) -> Result<Self, CertificateError> {
        let mut reader = Reader::new(value, "nameConstraints");
        let sequence = reader.element(SEQUENCE, "nameConstraints")?;
        reader.finish()?;
        let mut fields = sequence.reader();
        // RFC 5280 section 4.2.1.10: the SEQUENCE must not be empty.
        if fields.is_empty() {
            return Err(sequence.error(DerDefect::Missing).into());
        }
        let permitted = read_subtrees(fields.optional(explicit(0), "permittedSubtrees")?)?;
        let excluded = read_subtrees(fields.optional(explicit(1), "excludedSubtrees")?)?;
        fields.finish()?;
        Ok(Self { permitted, excluded })
    }

    /// Whether all subtrees are of DNS names and IP addresses, the forms that rustls-webpki compares.
    pub(crate) fn are_of_hosts(&self) -> bool {
        let mut forms = self.permitted.iter().chain(&self.excluded).map(Subtree::form);
        forms.all(|form| matches!(form, NameForm::Dns | NameForm::Ip))
    }

    /// The first name of a certificate that breaks the constraints, if one does: RFC 5280 section 6.1.3(b) and (c).
    ///
    /// Which certificates are judged is for the caller to say: those that are self-issued are not, but for the last
    /// of a path. `comparisons` counts up to [`MAX_NAME_COMPARISONS`].
    pub(crate) fn violated_by(&self, names: &PresentedNames, comparisons: &mut u32) -> Option<Violated> {
        names.0.iter().find_map(|name| {
            let violation = self.judge(name, comparisons)?;
            Some(Violated { form: name.form, name: name.shown.clone(), violation })
        })
    }

    fn judge(&self, name: &PresentedName, comparisons: &mut u32) -> Option<Violation> {
        let subtrees = self.permitted.len().saturating_add(self.excluded.len());
        *comparisons = comparisons.saturating_add(u32::try_from(subtrees).unwrap_or(u32::MAX));
        if *comparisons > MAX_NAME_COMPARISONS {
            return Some(Violation::TooManyComparisons);
        }
        let of_form = |base: &&Subtree| base.form() == name.form;
        let mut permitted = self.permitted.iter().filter(of_form).peekable();
        let mut excluded = self.excluded.iter().filter(of_form).peekable();
        let is_restricted = permitted.peek().is_some();
        if !is_restricted && excluded.peek().is_none() {
            return None;
        }
        let Some(name) = &name.comparable else { return Some(Violation::NotComparable) };
        if excluded.any(|base| base.touches(name)) {
            return Some(Violation::Excluded);
        }
        if is_restricted && !permitted.any(|base| base.contains(name)) {
            return Some(Violation::NotPermitted);
        }
        None
    }
}

/// The names of a certificate that name constraints are about, made ready to be compared, once.
#[derive(Debug)]
pub(crate) struct PresentedNames(Vec<PresentedName>);

#[derive(Debug)]
struct PresentedName {
    form: NameForm,
    /// `None` where it is of a form that we do not compare, or malformed.
    comparable: Option<Comparable>,
    shown: Excerpt,
}

impl PresentedNames {
    /// The subject, the mailboxes in it, and the alternative names.
    pub(crate) fn new(subject: &Name, alternative_names: &[GeneralName<'_>]) -> Self {
        let subject_name = (!subject.is_empty()).then(|| GeneralName::Directory(subject.clone()));
        let has_mailbox = alternative_names.iter().any(|name| matches!(name, GeneralName::Rfc822(_)));
        // The RFC asks this of certificates without alternative names; more is refused if it is asked of those without
        // a mailbox among them.
        let addresses = if has_mailbox { Vec::new() } else { subject.email_addresses() };
        // An address that is no text is no mailbox either, as the empty text is none.
        let addresses = addresses.iter().map(|text| GeneralName::Rfc822(text.as_deref().unwrap_or_default()));
        let names = subject_name.into_iter().chain(addresses).chain(alternative_names.iter().cloned());
        let prepared = names.map(|name| PresentedName {
            form: NameForm::of(&name),
            comparable: Comparable::read(&name),
            shown: Excerpt::new(&shown(&name)),
        });
        Self(prepared.collect())
    }
}

/// How an error shows the name.
fn shown(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::Rfc822(text) | GeneralName::Dns(text) | GeneralName::Uri(text) => (*text).to_owned(),
        GeneralName::Directory(name) => name.to_string(),
        GeneralName::Ip(octets) => match (<[u8; 4]>::try_from(*octets), <[u8; 16]>::try_from(*octets)) {
            (Ok(octets), _) => Ipv4Addr::from(octets).to_string(),
            (_, Ok(octets)) => Ipv6Addr::from(octets).to_string(),
            _ => NameForm::Ip.as_str().to_owned(),
        },
        GeneralName::Other { .. } => NameForm::of(name).as_str().to_owned(),
    }
}

/// `GeneralSubtrees ::= SEQUENCE SIZE (1..MAX) OF GeneralSubtree`, under an IMPLICIT tag; none if it is absent.
fn read_subtrees(list: Option<Element<'_>>) -> Result<Vec<Subtree>, CertificateError> {
    let mut subtrees = Vec::new();
    let Some(list) = list else { return Ok(subtrees) };
    let mut reader = list.reader();
    loop {
        if subtrees.len() >= MAX_GENERAL_NAMES {
            return Err(GeneralName::too_many());
        }
        subtrees.push(read_subtree(&reader.element(SEQUENCE, "GeneralSubtree")?)?);
        if reader.is_empty() {
            return Ok(subtrees);
        }
    }
}

/// `GeneralSubtree ::= SEQUENCE { base, minimum [0] BaseDistance DEFAULT 0, maximum [1] BaseDistance OPTIONAL }`.
fn read_subtree(element: &Element<'_>) -> Result<Subtree, CertificateError> {
    let mut fields = element.reader();
    let base = GeneralName::read(&mut fields, ADDRESS_AND_MASK)?;
    // RFC 5280 section 4.2.1.10: minimum must be zero and maximum absent; DER does not write the default out (X.690
    // section 11.5).
    if let Some(minimum) = fields.optional(implicit(0), "GeneralSubtree.minimum")? {
        let is_default = minimum.unsigned()?.is_empty();
        let defect = if is_default { DerDefect::DefaultEncoded } else { DerDefect::Value };
        return Err(minimum.error(defect).into());
    }
    if let Some(maximum) = fields.optional(implicit(1), "GeneralSubtree.maximum")? {
        return Err(maximum.error(DerDefect::Value).into());
    }
    fields.finish()?;
    Subtree::read(&base).ok_or_else(|| element.error(DerDefect::Value).into())
}

/// All names of one form that lie under a base.
#[derive(Clone, Debug)]
enum Subtree {
    Mailbox(Mailbox),
    MailHosts(Hosts),
    Dns(Hosts),
    Uri(Hosts),
    Directory(MatchingForm),
    Ip { address: Vec<u8>, mask: Vec<u8> },
    NotComparable(NameForm),
}

impl Subtree {
    /// `None` where the base is none that RFC 5280 section 4.2.1.10 describes for its form.
    fn read(base: &GeneralName<'_>) -> Option<Self> {
        Some(match base {
            GeneralName::Rfc822(text) if text.contains('@') => Self::Mailbox(Mailbox::read(text)?),
            GeneralName::Rfc822(text) => Self::MailHosts(Hosts::read(text, Hosts::Exactly)?),
            GeneralName::Dns(text) => Self::Dns(Hosts::read(text, Hosts::AtOrBelow)?),
            GeneralName::Uri(text) => Self::Uri(Hosts::read(text, Hosts::Exactly)?),
            GeneralName::Directory(name) => Self::Directory(name.matching_form(NameRules::Rfc5280)),
            GeneralName::Ip(octets) => {
                let (address, mask) = octets.split_at_checked(octets.len() >> 1)?;
                is_prefix(mask).then_some(())?;
                Self::Ip { address: address.to_vec(), mask: mask.to_vec() }
            }
            GeneralName::Other { .. } => Self::NotComparable(NameForm::of(base)),
        })
    }

    fn form(&self) -> NameForm {
        match self {
            Self::Mailbox(_) | Self::MailHosts(_) => NameForm::Rfc822,
            Self::Dns(_) => NameForm::Dns,
            Self::Uri(_) => NameForm::Uri,
            Self::Directory(_) => NameForm::Directory,
            Self::Ip { .. } => NameForm::Ip,
            Self::NotComparable(form) => *form,
        }
    }

    /// Whether all that the name stands for lies in the subtree.
    fn contains(&self, name: &Comparable) -> bool {
        match (self, name) {
            (Self::Mailbox(base), Comparable::Mailbox(mailbox)) => base == mailbox,
            (Self::MailHosts(base), Comparable::Mailbox(mailbox)) => base.contain(&mailbox.host),
            (Self::Dns(base), Comparable::Dns(host)) => base.contain(host),
            (Self::Dns(base), Comparable::HostsBelow(host)) => base.contain_all_below(host),
            (Self::Uri(base), Comparable::Uri(host)) => base.contain(host),
            (Self::Directory(base), Comparable::Directory(name)) => name.is_within(base),
            (Self::Ip { address, mask }, Comparable::Ip(octets)) => {
                octets.len() == address.len()
                    && octets
                        .iter()
                        .zip(address)
                        .zip(mask)
                        .all(|((octet, base), mask)| (octet ^ base) & mask == 0)
            }
            _ => false,
        }
    }

    /// Whether anything that the name stands for lies in the subtree: a wildcard stands for hosts in and beside it.
    fn touches(&self, name: &Comparable) -> bool {
        match (self, name) {
            (Self::Dns(Hosts::AtOrBelow(base)), Comparable::HostsBelow(host)) if base.is_child_of(host) => {
                true
            }
            _ => self.contains(name),
        }
    }
}

/// Whether a mask is ones and then zeros: the style of RFC 4632 (CIDR), which RFC 5280 section 4.2.1.10 asks for.
fn is_prefix(mask: &[u8]) -> bool {
    let ones: u32 = mask.iter().map(|octet| octet.leading_ones()).take_while(|ones| *ones == 8).sum();
    let full = usize::try_from(ones >> 3).unwrap_or(usize::MAX);
    let rest = mask.get(full..).unwrap_or_default();
    let mut after = rest.iter().skip(1);
    rest.first().is_none_or(|octet| octet.leading_ones() == octet.count_ones())
        && after.all(|octet| *octet == 0)
}

/// A name of a certificate, taken apart.
#[derive(Debug)]
enum Comparable {
    Mailbox(Mailbox),
    Dns(Host),
    /// A wildcard: every host one label below this one (RFC 9525 section 6.3).
    HostsBelow(Host),
    Uri(Host),
    Directory(MatchingForm),
    Ip(Vec<u8>),
}

impl Comparable {
    /// `None` for a form that is not compared, and for a name that is not what its form says.
    fn read(name: &GeneralName<'_>) -> Option<Self> {
        Some(match name {
            GeneralName::Rfc822(text) => Self::Mailbox(Mailbox::read(text)?),
            GeneralName::Dns(text) => match text.strip_prefix("*.") {
                Some(parent) => Self::HostsBelow(Host::read(parent)?),
                None => Self::Dns(Host::read(text)?),
            },
            GeneralName::Uri(text) => Self::Uri(Host::read(uri_host(text)?)?),
            GeneralName::Directory(name) => Self::Directory(name.matching_form(NameRules::Rfc5280)),
            GeneralName::Ip(octets) => Self::Ip(octets.to_vec()),
            GeneralName::Other { .. } => return None,
        })
    }
}

/// A mailbox: its local part as it is, its host without regard to case (RFC 5280 section 4.2.1.10 and 7.5).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mailbox {
    local: String,
    host: Host,
}

impl Mailbox {
    /// `None` for a quoted local part too: it can write another one differently (RFC 5321 section 4.1.2).
    fn read(text: &str) -> Option<Self> {
        let (local, host) = text.rsplit_once('@')?;
        let is_atom = |byte: u8| byte.is_ascii_alphanumeric() || b".!#$%&'*+-/=?^_`{|}~".contains(&byte);
        if local.is_empty() || !local.bytes().all(is_atom) {
            return None;
        }
        Some(Self { local: local.to_owned(), host: Host::read(host)? })
    }
}

/// The hosts that a constraint speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    /// The empty base. RFC 5280 gives it a meaning for dNSName alone; others, who use it to exclude a form altogether,
    /// give it the same meaning for all.
    All,
    Exactly(Host),
    /// A base with a leading period. RFC 5280 has it for rfc822Name and URIs; in dNSName others read it the same.
    Below(Host),
    AtOrBelow(Host),
}

impl Hosts {
    fn read(text: &str, without_period: impl Fn(Host) -> Self) -> Option<Self> {
        match text.strip_prefix('.') {
            _ if text.is_empty() => Some(Self::All),
            Some(domain) => Host::read(domain).map(Self::Below),
            None => Host::read(text).map(without_period),
        }
    }

    fn contain(&self, host: &Host) -> bool {
        match self {
            Self::All => true,
            Self::Exactly(base) => host == base,
            Self::Below(base) => host.is_below(base),
            Self::AtOrBelow(base) => host == base || host.is_below(base),
        }
    }

    /// Whether every host below this one is among them.
    fn contain_all_below(&self, host: &Host) -> bool {
        match self {
            Self::All => true,
            Self::Exactly(_) => false,
            Self::Below(base) | Self::AtOrBelow(base) => host == base || host.is_below(base),
        }
    }
}

/// A host name in lower case, in the syntax of RFC 1034 section 3.5 and the underscores that are in use; not an address.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Host(String);

impl Host {
    fn read(text: &str) -> Option<Self> {
        let is_label = |label: &str| {
            let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            matches!(label.len(), 1..=63) && label.bytes().all(is_allowed)
        };
        // No top level is a number: what ends in one is an address of IP version 4, however written.
        let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
        let is_host = text.len() <= 253
            && text.split('.').all(is_label)
            && !text.rsplit('.').next().is_some_and(is_number);
        is_host.then(|| Self(text.to_ascii_lowercase()))
    }

    fn is_below(&self, base: &Self) -> bool {
        self.labels_below(base).is_some()
    }

    fn is_child_of(&self, base: &Self) -> bool {
        self.labels_below(base).is_some_and(|labels| !labels.contains('.'))
    }

    /// What stands before `base`, without the period between.
    fn labels_below(&self, base: &Self) -> Option<&str> {
        self.0.strip_suffix(&base.0)?.strip_suffix('.')
    }
}

/// The host of a URI's authority (RFC 3986 section 3.2); `None` if it has no authority or a malformed one.
fn uri_host(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_once("://")?;
    let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    if !scheme.starts_with(|first: char| first.is_ascii_alphabetic()) || !scheme.bytes().all(is_scheme) {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next()?;
    let (user, host_and_port) = authority.split_once('@').unwrap_or(("", authority));
    // What other readers of URIs might end the user or the host at.
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:".contains(&byte);
    if !user.bytes().all(is_allowed) {
        return None;
    }
    let (host, port) = host_and_port.split_once(':').unwrap_or((host_and_port, ""));
    port.bytes().all(|byte| byte.is_ascii_digit()).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
        let length = contents.len();
        let length = match length {
            0..=0x7f => vec![u8::try_from(length).unwrap()],
            _ => [&[0x83][..], &length.to_be_bytes()[5..]].concat(),
        };
        let minimal = match length[..] {
            [0x83, 0, 0, low] => vec![0x81, low],
            [0x83, 0, high, low] => vec![0x82, high, low],
            _ => length,
        };
        [&[tag], &minimal[..], contents].concat()
    }

    fn attribute(oid: &[u8], value: &str) -> Vec<u8> {
        tlv(0x31, &tlv(0x30, &[tlv(0x06, oid), tlv(0x0c, value.as_bytes())].concat()))
    }

    const ORGANIZATION: &[u8] = &[0x55, 4, 10];
    const COMMON_NAME: &[u8] = &[0x55, 4, 3];
    const EMAIL_ADDRESS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1];

    /// A name from `O/CN`, either may be missing.
    fn name_der(text: &str) -> Vec<u8> {
        let (organization, common_name) = text.split_once('/').unwrap_or((text, ""));
        let mut rdns = Vec::new();
        for (oid, value) in [(ORGANIZATION, organization), (COMMON_NAME, common_name)] {
            if !value.is_empty() {
                rdns.extend(attribute(oid, value));
            }
        }
        tlv(0x30, &rdns)
    }

    fn name(der: &[u8]) -> Name {
        Name::read(&mut Reader::new(der, "Name"), "Name").ok().unwrap()
    }

    const MAIL: u8 = 0x81;
    const DNS: u8 = 0x82;
    const DIRECTORY: u8 = 0xa4;
    const URI: u8 = 0x86;
    const IP: u8 = 0x87;

    /// The DER of a general name of the form with this tag.
    fn general_name(tag: u8, text: &str) -> Vec<u8> {
        match tag {
            DIRECTORY => tlv(tag, &name_der(text)),
            IP => tlv(tag, &text.split('.').map(|octet| octet.parse().unwrap()).collect::<Vec<u8>>()),
            _ => tlv(tag, text.as_bytes()),
        }
    }

    fn subtree(base: &[u8]) -> Vec<u8> {
        tlv(0x30, base)
    }

    fn constraints_der(permitted: &[Vec<u8>], excluded: &[Vec<u8>]) -> Vec<u8> {
        let mut fields = Vec::new();
        for (tag, bases) in [(0xa0, permitted), (0xa1, excluded)] {
            if !bases.is_empty() {
                fields.extend(tlv(tag, &bases.iter().flat_map(|base| subtree(base)).collect::<Vec<_>>()));
            }
        }
        tlv(0x30, &fields)
    }

    fn constraints(permitted: &[Vec<u8>], excluded: &[Vec<u8>]) -> NameConstraints {
        NameConstraints::read(&constraints_der(permitted, excluded)).unwrap()
    }

    /// What is wrong with a certificate that has this subject and these alternative names.
    fn violation(constraints: &NameConstraints, subject: &[u8], names: &[Vec<u8>]) -> Option<Violation> {
        let names = names.concat();
        let names = if names.is_empty() {
            Vec::new()
        } else {
            GeneralName::read_all(&mut Reader::new(&names, "names")).unwrap()
        };
        let names = PresentedNames::new(&name(subject), &names);
        constraints.violated_by(&names, &mut 0).map(|violated| violated.violation)
    }

    /// Whether the name is permitted under one permitted base, and excluded by the same base excluded; `None` where it
    /// cannot be compared.
    fn judged(tag: u8, base: &str, presented: &str) -> Option<(bool, bool)> {
        let base = [general_name(tag, base)];
        let presented = [general_name(tag, presented)];
        let empty = name_der("");
        let permitted = match violation(&constraints(&base, &[]), &empty, &presented) {
            None => true,
            Some(Violation::NotPermitted) => false,
            other => {
                assert_eq!(other, Some(Violation::NotComparable));
                assert_eq!(violation(&constraints(&[], &base), &empty, &presented), other);
                return None;
            }
        };
        let excluded = match violation(&constraints(&[], &base), &empty, &presented) {
            None => false,
            other => {
                assert_eq!(other, Some(Violation::Excluded));
                true
            }
        };
        Some((permitted, excluded))
    }

    const INSIDE: Option<(bool, bool)> = Some((true, true));
    const OUTSIDE: Option<(bool, bool)> = Some((false, false));
    /// A wildcard of which a part lies inside.
    const ACROSS: Option<(bool, bool)> = Some((false, true));

    #[test]
    fn a_name_lies_in_a_subtree_as_its_form_says() {
        for (tag, base, presented, verdict) in [
            // RFC 5280 section 4.2.1.10: "root@example.com", "example.com", ".example.com" for mailboxes.
            (MAIL, "root@example.com", "root@example.com", INSIDE),
            (MAIL, "root@example.com", "root@EXAMPLE.com", INSIDE),
            (MAIL, "root@example.com", "Root@example.com", OUTSIDE),
            (MAIL, "root@example.com", "other@example.com", OUTSIDE),
            (MAIL, "root@example.com", "root@mail.example.com", OUTSIDE),
            (MAIL, "example.com", "any@example.com", INSIDE),
            (MAIL, "Example.com", "any@examplE.com", INSIDE),
            (MAIL, "example.com", "any@mail.example.com", OUTSIDE),
            (MAIL, "example.com", "any@badexample.com", OUTSIDE),
            (MAIL, ".example.com", "any@mail.example.com", INSIDE),
            (MAIL, ".example.com", "any@a.b.example.com", INSIDE),
            (MAIL, ".example.com", "any@example.com", OUTSIDE),
            (MAIL, ".example.com", "any@badexample.com", OUTSIDE),
            (MAIL, "", "any@example.com", INSIDE),
            (MAIL, "example.com", "example.com", None),
            (MAIL, "example.com", "@example.com", None),
            (MAIL, "example.com", "any@", None),
            (MAIL, "", "", None),
            (MAIL, "example.com", "\"any\"@example.com", None),
            (MAIL, "example.com", "evil@bad.com@example.com", None),
            (MAIL, "example.com", "any@[192.0.2.1]", None),
            (MAIL, "example.com", "any@192.0.2.1", None),
            // "host.example.com" and its descendants for dNSName.
            (DNS, "host.example.com", "host.example.com", INSIDE),
            (DNS, "host.example.com", "www.host.example.com", INSIDE),
            (DNS, "HOST.example.com", "WWW.host.EXAMPLE.com", INSIDE),
            (DNS, "host.example.com", "host1.example.com", OUTSIDE),
            (DNS, "host.example.com", "badhost.example.com", OUTSIDE),
            (DNS, "host.example.com", "example.com", OUTSIDE),
            (DNS, "host.example.com", "host.example.com.org", OUTSIDE),
            (DNS, "", "example.com", INSIDE),
            (DNS, ".example.com", "www.example.com", INSIDE),
            (DNS, ".example.com", "example.com", OUTSIDE),
            (DNS, "example.com", "*.example.com", INSIDE),
            (DNS, ".example.com", "*.example.com", INSIDE),
            (DNS, "example.com", "*.www.example.com", INSIDE),
            (DNS, "", "*.example.com", INSIDE),
            (DNS, "www.example.com", "*.example.com", ACROSS),
            (DNS, "a.www.example.com", "*.example.com", OUTSIDE),
            (DNS, ".www.example.com", "*.example.com", OUTSIDE),
            (DNS, "example.org", "*.example.com", OUTSIDE),
            (DNS, "example.com", "example.com.", None),
            (DNS, "example.com", "", None),
            (DNS, "example.com", "*", None),
            (DNS, "example.com", "w*.example.com", None),
            (DNS, "example.com", "www.*.example.com", None),
            (DNS, "example.com", ".example.com", None),
            (DNS, "example.com", "www..example.com", None),
            (DNS, "example.com", "www example.com", None),
            (DNS, "example.com", "192.0.2.1", None),
            // A host, or with a leading period all below it, for URIs.
            (URI, "example.com", "https://example.com/path?query#fragment", INSIDE),
            (URI, "example.com", "ldap://user:word@EXAMPLE.com:389/", INSIDE),
            (URI, "example.com", "https://example.com?x@example.org", INSIDE),
            (URI, "example.com", "https://example.com#@example.org", INSIDE),
            (URI, "example.com", "https://www.example.com/", OUTSIDE),
            (URI, ".example.com", "https://www.example.com/", INSIDE),
            (URI, ".example.com", "https://example.com/", OUTSIDE),
            (URI, "", "https://example.com/", INSIDE),
            (URI, "example.com", "https://example.com:@example.org/", OUTSIDE),
            (URI, "example.com", "https://example.org/example.com", OUTSIDE),
            (URI, "example.com", "urn:example.com", None),
            (URI, "example.com", "mailto:any@example.com", None),
            (URI, "example.com", "https:/example.com", None),
            (URI, "example.com", "https:///example.com", None),
            (URI, "example.com", "://example.com", None),
            (URI, "example.com", "1x://example.com", None),
            (URI, "example.com", "https://192.0.2.1/", None),
            (URI, "example.com", "https://3221225985/", None),
            (URI, "example.com", "https://[2001:db8::1]/", None),
            (URI, "example.com", "https://example.com\\@example.org/", None),
            (URI, "example.com", "https://example.org@a@example.com/", None),
            (URI, "example.com", "https://example.com:80:80/", None),
            (URI, "example.com", "https://example%2ecom/", None),
            (URI, "example.com", "https://example.com./", None),
            // Address and mask.
            (IP, "192.0.2.0.255.255.255.0", "192.0.2.17", INSIDE),
            (IP, "192.0.2.9.255.255.255.0", "192.0.2.17", INSIDE),
            (IP, "192.0.2.0.255.255.255.0", "192.0.3.17", OUTSIDE),
            (IP, "192.0.2.17.255.255.255.255", "192.0.2.18", OUTSIDE),
            (IP, "0.0.0.0.0.0.0.0", "192.0.2.1", INSIDE),
            (IP, "0.0.0.0.0.0.0.0", "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1", OUTSIDE),
            // The first RDNs.
            (DIRECTORY, "Snake Oil", "Snake Oil/a", INSIDE),
            (DIRECTORY, "Snake Oil", "SNAKE  oil/a", INSIDE),
            (DIRECTORY, "Snake Oil", "Snake Oil", INSIDE),
            (DIRECTORY, "", "Snake Oil", INSIDE),
            (DIRECTORY, "Snake Oil", "Snake/a", OUTSIDE),
            (DIRECTORY, "Snake Oil", "/a", OUTSIDE),
            (DIRECTORY, "Snake Oil/a", "Snake Oil", OUTSIDE),
            (DIRECTORY, "Snake Oil", "", OUTSIDE),
        ] {
            assert_eq!(judged(tag, base, presented), verdict, "{base:?} and {presented:?}");
        }
        let v6 = |text: &str| text.parse::<Ipv6Addr>().unwrap().octets();
        let base = tlv(IP, &[v6("2001:db8::"), v6("ffff:ffff::")].concat());
        for (address, verdict) in [("2001:db8::1", None), ("2001:db9::1", Some(Violation::NotPermitted))] {
            let address = tlv(IP, &v6(address));
            assert_eq!(
                violation(&constraints(std::slice::from_ref(&base), &[]), &name_der(""), &[address]),
                verdict
            );
        }
    }

    #[test]
    fn permitted_subtrees_add_up_and_an_excluded_one_outweighs_them() {
        let [com, net, www] =
            ["example.com", "example.net", "www.example.com"].map(|base| general_name(DNS, base));
        let restricted = constraints(&[com.clone(), net.clone()], std::slice::from_ref(&www));
        let empty = name_der("");
        for (host, verdict) in [
            ("example.com", None),
            ("a.example.net", None),
            ("example.org", Some(Violation::NotPermitted)),
            ("a.www.example.com", Some(Violation::Excluded)),
        ] {
            assert_eq!(violation(&restricted, &empty, &[general_name(DNS, host)]), verdict, "{host}");
        }
        let one_bad = [general_name(DNS, "example.com"), general_name(DNS, "example.org")];
        assert_eq!(violation(&restricted, &empty, &one_bad), Some(Violation::NotPermitted));
        // Forms without a subtree are free, malformed names of theirs too.
        let others =
            [general_name(MAIL, "nobody"), general_name(URI, "urn:x"), general_name(DIRECTORY, "Acme")];
        assert_eq!(violation(&restricted, &name_der("Acme"), &others), None);
        assert_eq!(violation(&restricted, &empty, &[]), None);
    }

    #[test]
    fn the_subject_is_a_directory_name_unless_it_is_empty() {
        let oil = [general_name(DIRECTORY, "Snake Oil")];
        let permitted = constraints(&oil, &[]);
        let excluded = constraints(&[], &oil);
        for (subject, names, under_permitted, under_excluded) in [
            ("Snake Oil/a", vec![], None, Some(Violation::Excluded)),
            ("Acme/a", vec![], Some(Violation::NotPermitted), None),
            ("", vec![], None, None),
            ("", vec![general_name(DIRECTORY, "Acme")], Some(Violation::NotPermitted), None),
            (
                "Snake Oil",
                vec![general_name(DIRECTORY, "Acme")],
                Some(Violation::NotPermitted),
                Some(Violation::Excluded),
            ),
            (
                "Acme",
                vec![general_name(DIRECTORY, "Snake Oil")],
                Some(Violation::NotPermitted),
                Some(Violation::Excluded),
            ),
        ] {
            assert_eq!(
                violation(&permitted, &name_der(subject), &names),
                under_permitted,
                "{subject} {names:?}"
            );
            assert_eq!(
                violation(&excluded, &name_der(subject), &names),
                under_excluded,
                "{subject} {names:?}"
            );
        }
    }

    #[test]
    fn an_email_address_in_the_subject_counts_where_no_alternative_name_is_a_mailbox() {
        let permitted = constraints(&[general_name(MAIL, "example.com")], &[]);
        let subject = |address: &str| tlv(0x30, &attribute(EMAIL_ADDRESS, address));
        let [good, bad] = ["a@example.com", "a@example.org"];
        for (address, names, verdict) in [
            (good, vec![], None),
            (bad, vec![], Some(Violation::NotPermitted)),
            (bad, vec![general_name(DNS, "example.com")], Some(Violation::NotPermitted)),
            (bad, vec![general_name(MAIL, good)], None),
            (good, vec![general_name(MAIL, bad)], Some(Violation::NotPermitted)),
            ("ä@example.com", vec![], Some(Violation::NotComparable)),
            ("", vec![], Some(Violation::NotComparable)),
        ] {
            assert_eq!(violation(&permitted, &subject(address), &names), verdict, "{address} {names:?}");
        }
        let no_text =
            tlv(0x31, &tlv(0x30, &[tlv(0x06, EMAIL_ADDRESS), tlv(0x04, b"a@example.com")].concat()));
        let no_text = violation(&permitted, &tlv(0x30, &no_text), &[]);
        assert_eq!(no_text, Some(Violation::NotComparable));
    }

    #[test]
    fn a_constrained_form_that_is_not_compared_is_refused_where_it_occurs() {
        let forms = [
            (NameForm::Other, tlv(0xa0, &[6, 1, 0x2a, 0xa0, 2, 5, 0])),
            (NameForm::X400, tlv(0xa3, &[])),
            (NameForm::EdiParty, tlv(0xa5, &[])),
            (NameForm::RegisteredId, tlv(0x88, &[0x2a])),
        ];
        for (constrained, base) in &forms {
            let base = std::slice::from_ref(base);
            for restricted in [constraints(base, &[]), constraints(&[], base)] {
                for (form, presented) in &forms {
                    let verdict = (form == constrained).then_some(Violation::NotComparable);
                    let found = violation(&restricted, &name_der(""), std::slice::from_ref(presented));
                    assert_eq!(found, verdict, "{} {}", constrained.as_str(), form.as_str());
                }
                assert_eq!(violation(&restricted, &name_der(""), &[general_name(DNS, "a.b")]), None);
            }
        }
    }

    #[test]
    fn the_violation_names_the_form_and_the_name() {
        let restricted = constraints(
            &[
                general_name(DIRECTORY, "Snake Oil"),
                general_name(IP, "192.0.2.0.255.255.255.0"),
                general_name(DNS, "example.com"),
                tlv(0x88, &[0x2a]),
            ],
            &[],
        );
        for (subject, alternative, form, text) in [
            ("Acme/a", general_name(DNS, "example.com"), NameForm::Directory, "CN=a,O=Acme"),
            ("", general_name(DNS, "example.org"), NameForm::Dns, "example.org"),
            ("", general_name(IP, "198.51.100.1"), NameForm::Ip, "198.51.100.1"),
            ("", tlv(IP, &[0; 16]), NameForm::Ip, "::"),
            ("", tlv(0x88, &[0x2a]), NameForm::RegisteredId, "registeredID"),
            ("", general_name(DNS, &"a".repeat(100)), NameForm::Dns, &"a".repeat(crate::limits::MAX_EXCERPT)),
        ] {
            let names = GeneralName::read_all(&mut Reader::new(&alternative, "names")).unwrap();
            let violated = restricted
                .violated_by(&PresentedNames::new(&name(&name_der(subject)), &names), &mut 0)
                .unwrap();
            assert_eq!((violated.form, violated.name.as_str()), (form, text));
        }
    }

    #[test]
    fn name_constraints_are_read_strictly() {
        let base = general_name(DNS, "example.com");
        let with = |rest: &[u8]| tlv(0x30, &tlv(0xa0, &tlv(0x30, &[&base[..], rest].concat())));
        assert!(NameConstraints::read(&with(&[])).is_ok());
        for (der, why) in [
            (vec![], "nothing"),
            (vec![0x30, 0], "an empty SEQUENCE"),
            (tlv(0x30, &tlv(0xa0, &[])), "no subtree"),
            (tlv(0x30, &tlv(0xa1, &[])), "no excluded subtree"),
            (tlv(0x30, &[tlv(0xa1, &subtree(&base)), tlv(0xa0, &subtree(&base))].concat()), "out of order"),
            (
                tlv(0x30, &[tlv(0xa0, &subtree(&base)), tlv(0xa0, &subtree(&base))].concat()),
                "permitted twice",
            ),
            (tlv(0x30, &tlv(0xa2, &subtree(&base))), "no such tag"),
            ([constraints_der(std::slice::from_ref(&base), &[]), vec![0]].concat(), "something after it"),
            (tlv(0x30, &tlv(0xa0, &base)), "a name that is no subtree"),
            (with(&[0x80, 1, 0]), "minimum written out"),
            (with(&[0x80, 1, 1]), "minimum of one"),
            (with(&[0x80, 1, 0xff]), "minimum below zero"),
            (with(&[0x81, 1, 0]), "a maximum"),
            (with(&[0x82, 0]), "something after the base"),
        ] {
            assert!(NameConstraints::read(&der).is_err(), "{why}");
        }
        for (tag, text) in [
            (MAIL, "@example.com"),
            (MAIL, "a b@example.com"),
            (MAIL, "."),
            (MAIL, "*.example.com"),
            (DNS, "*.example.com"),
            (DNS, "example.com."),
            (DNS, "..example.com"),
            (DNS, "192.0.2.1"),
            (URI, "https://example.com"),
            (URI, "example.com/"),
            (IP, "192.0.2.1"),
            (IP, "192.0.2.0.255.255.255"),
            (IP, "192.0.2.1.255.0.255.255"),
            (IP, "192.0.2.1.0.255.255.255"),
            (IP, "192.0.2.1.255.253.0.0"),
            (IP, "192.0.2.1.255.254.1.0"),
            (IP, "1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16"),
        ] {
            let der = constraints_der(&[general_name(tag, text)], &[]);
            assert!(NameConstraints::read(&der).is_err(), "{text}");
        }
        let long_label = format!("{}.example", "a".repeat(64));
        let long_name = ["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(62)].join(".");
        for text in [long_label, long_name] {
            let longest = text.replacen('a', "", 1).replacen('d', "", 1);
            assert!(NameConstraints::read(&constraints_der(&[general_name(DNS, &text)], &[])).is_err());
            assert!(NameConstraints::read(&constraints_der(&[general_name(DNS, &longest)], &[])).is_ok());
        }
    }

    #[test]
    fn the_number_of_subtrees_is_bounded() {
        let bases = |count| vec![general_name(DNS, "a"); count];
        let read = |permitted, excluded| {
            NameConstraints::read(&constraints_der(&bases(permitted), &bases(excluded))).map(|_| ())
        };
        assert_eq!(read(MAX_GENERAL_NAMES, MAX_GENERAL_NAMES), Ok(()));
        assert_eq!(read(MAX_GENERAL_NAMES + 1, 0), Err(GeneralName::too_many()));
        assert_eq!(read(0, MAX_GENERAL_NAMES + 1), Err(GeneralName::too_many()));
    }

    #[test]
    fn comparisons_are_counted_over_all_calls_and_bounded() {
        let restricted =
            constraints(&[general_name(DNS, "example.com")], &[general_name(DNS, "www.example.com")]);
        let der = [general_name(DNS, "example.com"), general_name(MAIL, "a@example.org")].concat();
        let names = GeneralName::read_all(&mut Reader::new(&der, "names")).unwrap();
        let subject = name(&name_der("Snake Oil"));
        // Three names and two subtrees.
        let mut comparisons = 0;
        for calls in 1..=2 {
            assert_eq!(
                restricted.violated_by(&PresentedNames::new(&subject, &names), &mut comparisons),
                None
            );
            assert_eq!(comparisons, 6 * calls);
        }
        comparisons = MAX_NAME_COMPARISONS - 6;
        assert_eq!(restricted.violated_by(&PresentedNames::new(&subject, &names), &mut comparisons), None);
        for mut spent in [MAX_NAME_COMPARISONS - 5, MAX_NAME_COMPARISONS, u32::MAX] {
            let violated =
                restricted.violated_by(&PresentedNames::new(&subject, &names), &mut spent).unwrap();
            assert_eq!(violated.violation, Violation::TooManyComparisons);
        }
    }
}
