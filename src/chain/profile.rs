//! What the chain's rules look at in one certificate, read once.

use super::certificate_policies::PolicyExtensions;
use super::name_constraints::NameConstraints;
use super::rules::RuleViolation;
use crate::asn1::{
    BIT_STRING, BOOLEAN, DerDefect, DerError, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE,
    dotted, implicit,
};
use crate::certificate::{Certificate, CertificateError, Extension};
use crate::general_name::GeneralName;
use crate::revocation_list::distribution_points;

/// The extensions of a certificate that rules know (RFC 5280 section 4.2.1), read strictly.
#[derive(Debug, Default)]
pub(super) struct Profile {
    pub(super) basic_constraints: Option<BasicConstraints>,
    pub(super) key_usage: Option<KeyUsage>,
    /// The object identifiers of the purposes, dotted.
    pub(super) extended_key_usage: Option<Vec<String>>,
    pub(super) subject_key_id: Option<Vec<u8>>,
    pub(super) authority_key_id: Option<Vec<u8>>,
    /// The DER of the subjectAltName.
    pub(super) alternative_names: Option<Vec<u8>>,
    /// The DER of the names of its distribution points.
    pub(super) distribution_points: Vec<Vec<u8>>,
    pub(super) name_constraints: Option<NameConstraints>,
    pub(super) policies: PolicyExtensions,
    /// A critical extension that we know and rustls-webpki does not.
    pub(super) has_critical_beyond_webpki: bool,
    /// The first critical extension that no rule knows, dotted.
    pub(super) unknown_critical: Option<String>,
}

/// RFC 5280 section 4.2.1.9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BasicConstraints {
    pub(super) is_authority: bool,
    /// Past 2^32 it allows as much as absence does.
    pub(super) path_length: Option<u32>,
}

/// RFC 5280 section 4.2.1.3: bit 0 is the highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyUsage(u16);

impl KeyUsage {
    fn has(self, bit: u32) -> bool {
        self.0 & 0x8000_u16.checked_shr(bit).unwrap_or(0) != 0
    }

    pub(super) fn signs_data(self) -> bool {
        const DIGITAL_SIGNATURE: u32 = 0;
        const NON_REPUDIATION: u32 = 1;
        self.has(DIGITAL_SIGNATURE) || self.has(NON_REPUDIATION)
    }

    pub(super) fn signs_certificates(self) -> bool {
        const KEY_CERT_SIGN: u32 = 5;
        self.has(KEY_CERT_SIGN)
    }

    pub(super) fn signs_revocation_lists(self) -> bool {
        const CRL_SIGN: u32 = 6;
        self.has(CRL_SIGN)
    }
}

/// 2.5.29, the certificate extensions of X.509.
const CERTIFICATE_EXTENSIONS: &[u8] = &[0x55, 0x1d];

impl Profile {
    /// Reads the extensions of a certificate; those about policies only where a rule looks at them.
    pub(super) fn read(certificate: &Certificate, with_policies: bool) -> Result<Self, RuleViolation> {
        let extensions = certificate.extensions().map_err(RuleViolation::extension)?;
        let mut profile = Self::default();
        if with_policies {
            profile.policies = PolicyExtensions::read(&extensions).map_err(RuleViolation::extension)?;
        }
        for extension in &extensions {
            profile.take(extension)?;
        }
        Ok(profile)
    }

    fn take(&mut self, extension: &Extension<'_>) -> Result<(), RuleViolation> {
        let value = extension.value();
        if let Some([14 | 18 | 32 | 33 | 35 | 36 | 54]) = extension.oid().strip_prefix(CERTIFICATE_EXTENSIONS)
        {
            self.has_critical_beyond_webpki |= extension.is_critical();
        }
        match extension.oid().strip_prefix(CERTIFICATE_EXTENSIONS) {
            Some([14]) => {
                self.subject_key_id = Some(octet_string(value, "subjectKeyIdentifier").map_err(malformed)?);
            }
            Some([15]) => self.key_usage = Some(key_usage(value).map_err(malformed)?),
            Some([17]) => {
                GeneralName::read_extension(value).map_err(RuleViolation::extension)?;
                self.alternative_names = Some(value.to_vec());
            }
            Some([19]) => self.basic_constraints = Some(basic_constraints(value).map_err(malformed)?),
            Some([30]) => {
                self.name_constraints = Some(NameConstraints::read(value).map_err(RuleViolation::extension)?);
            }
            // certificatePolicies, policyMappings, policyConstraints, inhibitAnyPolicy: read above, together.
            Some([32 | 33 | 36 | 54]) => {}
            Some([35]) => self.authority_key_id = authority_key_id(value).map_err(malformed)?,
            Some([37]) => self.extended_key_usage = Some(purposes(value).map_err(malformed)?),
            Some([31]) => self.distribution_points = distribution_points(value).map_err(malformed)?,
            // issuerAltName says nothing that a rule asks.
            Some([18]) => {}
            _ if extension.is_critical() && self.unknown_critical.is_none() => {
                self.unknown_critical = Some(dotted(extension.oid()));
            }
            _ => {}
        }
        Ok(())
    }
}

fn malformed(error: DerError) -> RuleViolation {
    RuleViolation::extension(CertificateError::Malformed(error))
}

/// `SEQUENCE { cA BOOLEAN DEFAULT FALSE, pathLenConstraint INTEGER (0..MAX) OPTIONAL }`
fn basic_constraints(value: &[u8]) -> Result<BasicConstraints, DerError> {
    let mut reader = Reader::new(value, "basicConstraints");
    let sequence = reader.element(SEQUENCE, "basicConstraints")?;
    reader.finish()?;
    let mut fields = sequence.reader();
    let is_authority = match fields.optional(BOOLEAN, "basicConstraints.cA")? {
        Some(flag) if !flag.boolean()? => return Err(flag.error(DerDefect::DefaultEncoded)),
        flag => flag.is_some(),
    };
    let path_length = match fields.optional(INTEGER, "basicConstraints.pathLenConstraint")? {
        // A length without cA means nothing; RFC 5280 section 4.2.1.9 forbids it.
        Some(length) if !is_authority => return Err(length.error(DerDefect::Value)),
        Some(length) => Some(number(length.unsigned()?)),
        None => None,
    };
    fields.finish()?;
    Ok(BasicConstraints { is_authority, path_length })
}

fn number(magnitude: &[u8]) -> u32 {
    if magnitude.len() > 4 {
        return u32::MAX;
    }
    magnitude.iter().fold(0, |number, &octet| number << 8 | u32::from(octet))
}

/// A BIT STRING of named bits. X.690 section 11.2.2 has no trailing zero bits; RFC 5280 wants one bit set. Both are
/// let pass, as they change no answer.
fn key_usage(value: &[u8]) -> Result<KeyUsage, DerError> {
    let mut reader = Reader::new(value, "keyUsage");
    let bits = reader.element(BIT_STRING, "keyUsage")?;
    reader.finish()?;
    bits.check_bits()?;
    let octet = |at: usize| u16::from(bits.contents.get(at).copied().unwrap_or(0));
    Ok(KeyUsage(octet(1) << 8 | octet(2)))
}

fn octet_string(value: &[u8], field: &'static str) -> Result<Vec<u8>, DerError> {
    let mut reader = Reader::new(value, field);
    let octets = reader.element(OCTET_STRING, field)?;
    reader.finish()?;
    Ok(octets.contents.to_vec())
}

/// `SEQUENCE { [0] keyIdentifier, [1] authorityCertIssuer, [2] authorityCertSerialNumber }`, all optional. Only the key
/// identifier serves, as a hint (RFC 5280 section 4.2.1.1).
fn authority_key_id(value: &[u8]) -> Result<Option<Vec<u8>>, DerError> {
    const FIELD: &str = "authorityKeyIdentifier";
    let mut reader = Reader::new(value, FIELD);
    let mut fields = reader.element(SEQUENCE, FIELD)?.reader();
    reader.finish()?;
    let key_id = fields.optional(implicit(0), FIELD)?;
    fields.optional(crate::asn1::explicit(1), FIELD)?;
    fields.optional(implicit(2), FIELD)?;
    fields.finish()?;
    Ok(key_id.map(|key_id| key_id.contents.to_vec()))
}

/// `SEQUENCE SIZE (1..MAX) OF KeyPurposeId` (RFC 5280 section 4.2.1.12)
fn purposes(value: &[u8]) -> Result<Vec<String>, DerError> {
    const FIELD: &str = "extKeyUsage";
    let mut reader = Reader::new(value, FIELD);
    let sequence = reader.element(SEQUENCE, FIELD)?;
    reader.finish()?;
    let mut fields = sequence.reader();
    if fields.is_empty() {
        return Err(sequence.error(DerDefect::Missing));
    }
    let mut purposes = Vec::new();
    while !fields.is_empty() {
        purposes.push(dotted(fields.element(OBJECT_IDENTIFIER, FIELD)?.object_identifier()?));
    }
    Ok(purposes)
}
