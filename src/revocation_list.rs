//! Revocation lists (RFC 5280 section 5), read strictly; whether one may be believed is the chain's business.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use rustls_pki_types::CertificateRevocationListDer;
use rustls_pki_types::pem::{self, PemObject as _};

use crate::asn1::{
    AlgorithmIdentifier, BIT_STRING, DerDefect, DerError, Element, GENERALIZED_TIME, INTEGER, Reader,
    SEQUENCE, UTC_TIME, dotted, explicit, implicit,
};
use crate::certificate::{CertificateError, Extension, PemDefect, read_serial};
use crate::code::{Disposition, ErrorCode};
use crate::limits::{MAX_BUNDLE, MAX_CERTIFICATE_DER, MAX_GENERAL_NAMES};
use crate::name::Name;
use crate::signature_algorithm::{SignatureAlgorithm, SignatureAlgorithmError};
use crate::timestamp::Timestamp;

/// A complete, direct revocation list. Delta lists, indirect lists and those for some reasons alone are refused when read: believing them would need what the caller has not given.
///
/// Cheap to clone. Nothing here checks the list's own signature or its dates.
#[derive(Clone)]
pub struct RevocationList(Arc<Inner>);

struct Inner {
    to_be_signed: Vec<u8>,
    signature_algorithm: Result<SignatureAlgorithm, SignatureAlgorithmError>,
    signature: Vec<u8>,
    issuer: Name,
    this_update: Timestamp,
    next_update: Option<Timestamp>,
    revoked: HashMap<Vec<u8>, Timestamp>,
    scope: Scope,
}

/// Which certificates of its issuer a list is about (RFC 5280 section 5.2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) kind: ScopeKind,
    /// The names of the distribution point that the list is for, as DER; `None` if it is for all.
    pub(crate) point: Option<Vec<Vec<u8>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScopeKind {
    All,
    /// onlyContainsUserCerts
    Users,
    /// onlyContainsCACerts
    Authorities,
}

impl Scope {
    const ALL: Self = Self { kind: ScopeKind::All, point: None };
}

/// 2.5.29, the extensions of X.509.
const EXTENSIONS: &[u8] = &[0x55, 0x1d];

impl RevocationList {
    /// Reads one list, DER or PEM with one X509 CRL section.
    ///
    /// ```
    /// use longhand::RevocationList;
    ///
    /// # let path = "test-vectors/chains/revocation/lists/root-good.crl";
    /// # let bytes = std::fs::read(path).unwrap();
    /// let list = RevocationList::from_bytes(&bytes)?;
    /// println!("{} revokes {} certificates", list.issuer(), list.len());
    /// # Ok::<(), longhand::RevocationListError>(())
    /// ```
    ///
    /// # Errors
    /// [`RevocationListError`] when it is larger than [`limits::MAX_BUNDLE`](crate::limits::MAX_BUNDLE), malformed, of a
    /// kind that is refused, or when several lists are there: [`from_bundle`](Self::from_bundle) reads those.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RevocationListError> {
        match Self::from_bundle(bytes)?.as_slice() {
            [list] => Ok(list.clone()),
            lists => Err(RevocationListError::Several { count: lists.len() }),
        }
    }

    /// Reads every list of a bundle: one in DER, or every X509 CRL section of some PEM. One that cannot be used fails the
    /// whole: a list that were passed over could be the one that revokes.
    ///
    /// # Errors
    /// As [`from_bytes`](Self::from_bytes), and when there is none.
    pub fn from_bundle(bytes: &[u8]) -> Result<Vec<Self>, RevocationListError> {
        if bytes.len() > MAX_BUNDLE {
            return Err(RevocationListError::TooLarge { length: bytes.len() });
        }
        if let [0x30, 0x80..=0xff, ..] = bytes {
            return Ok(vec![Self::from_der(bytes)?]);
        }
        let malformed = |error: &pem::Error| RevocationListError::Pem { defect: PemDefect::from(error) };
        let lists: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(bytes)
            .map(|der| Self::from_der(&der.map_err(|error| malformed(&error))?))
            .collect();
        match lists?.as_slice() {
            [] => Err(RevocationListError::Pem { defect: PemDefect::NoCertificate }),
            lists => Ok(lists.to_vec()),
        }
    }

    fn from_der(der: &[u8]) -> Result<Self, RevocationListError> {
        let mut reader = Reader::new(der, "CertificateList");
        let mut list = reader.element(SEQUENCE, "CertificateList")?.reader();
        reader.finish()?;
        let to_be_signed = list.element(SEQUENCE, "tbsCertList")?;
        let outer = AlgorithmIdentifier::read(&mut list, "signatureAlgorithm")?;
        let signature = list.element(BIT_STRING, "signatureValue")?.bit_string()?.to_vec();
        list.finish()?;

        let mut tbs = to_be_signed.reader();
        let is_v2 = read_version(&mut tbs)?;
        let inner = AlgorithmIdentifier::read(&mut tbs, "tbsCertList.signature")?;
        // RFC 5280 section 5.1.1.2: as in certificates, both identifiers are the same.
        if inner.element.raw != outer.element.raw {
            return Err(RevocationListError::AlgorithmMismatch);
        }
        // One that is not supported makes the list unusable; one that is malformed is no list.
        let signature_algorithm = match SignatureAlgorithm::read(&outer) {
            Err(SignatureAlgorithmError::Malformed(error)) => return Err(error.into()),
            read => read,
        };
        let issuer = Name::read(&mut tbs, "tbsCertList.issuer").map_err(CertificateError::from)?;
        // No certificate can have a name that is longer than a certificate.
        let length = issuer.as_der().len();
        if length > MAX_CERTIFICATE_DER {
            return Err(CertificateError::TooLarge { length, limit: MAX_CERTIFICATE_DER }.into());
        }
        let this_update = Timestamp::read(&mut tbs, "thisUpdate")?;
        let has_next = tbs.next_is(UTC_TIME) || tbs.next_is(GENERALIZED_TIME);
        let next_update = if has_next { Some(Timestamp::read(&mut tbs, "nextUpdate")?) } else { None };
        let revoked = match tbs.optional(SEQUENCE, "revokedCertificates")? {
            Some(entries) => read_entries(&entries, is_v2)?,
            None => HashMap::new(),
        };
        let scope = match tbs.optional(explicit(0), "crlExtensions")? {
            Some(wrapper) if is_v2 => read_scope(&wrapper)?,
            Some(wrapper) => return Err(wrapper.error(DerDefect::Value).into()),
            None => Scope::ALL,
        };
        tbs.finish()?;
        Ok(Self(Arc::new(Inner {
            to_be_signed: to_be_signed.raw.to_vec(),
            signature_algorithm,
            signature,
            issuer,
            this_update,
            next_update,
            revoked,
            scope,
        })))
    }

    /// The name of the authority that issued the list.
    #[must_use]
    pub fn issuer(&self) -> &Name {
        &self.0.issuer
    }

    /// When it was issued.
    #[must_use]
    pub fn this_update(&self) -> Timestamp {
        self.0.this_update
    }

    /// When the next one is due at the latest. A list that does not say so is never current (RFC 5280 section 5.1.2.5).
    #[must_use]
    pub fn next_update(&self) -> Option<Timestamp> {
        self.0.next_update
    }

    /// How many certificates it revokes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.revoked.len()
    }

    /// Whether it revokes none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.revoked.is_empty()
    }

    /// Since when the certificate with this serial number is revoked, if it is.
    pub(crate) fn revoked_since(&self, serial: &[u8]) -> Option<Timestamp> {
        self.0.revoked.get(serial).copied()
    }

    pub(crate) fn scope(&self) -> &Scope {
        &self.0.scope
    }

    pub(crate) fn to_be_signed(&self) -> &[u8] {
        &self.0.to_be_signed
    }

    pub(crate) fn signature(&self) -> &[u8] {
        &self.0.signature
    }

    pub(crate) fn signature_algorithm(&self) -> Option<SignatureAlgorithm> {
        self.0.signature_algorithm.as_ref().ok().copied()
    }
}

impl fmt::Debug for RevocationList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RevocationList({}, {}, {} entries)", self.issuer(), self.this_update(), self.len())
    }
}

/// `Version OPTIONAL`: absent is v1, 1 is v2, and there are no others (RFC 5280 section 5.1.2.1).
fn read_version(tbs: &mut Reader<'_>) -> Result<bool, DerError> {
    let Some(version) = tbs.optional(INTEGER, "tbsCertList.version")? else { return Ok(false) };
    match version.integer()? {
        [1] => Ok(true),
        _ => Err(version.error(DerDefect::Value)),
    }
}

/// `SEQUENCE OF SEQUENCE { userCertificate, revocationDate, crlEntryExtensions OPTIONAL }` (RFC 5280 section 5.1.2.6)
fn read_entries(
    entries: &Element<'_>,
    is_v2: bool,
) -> Result<HashMap<Vec<u8>, Timestamp>, RevocationListError> {
    let mut revoked = HashMap::new();
    let mut reader = entries.reader();
    if reader.is_empty() {
        return Err(entries.error(DerDefect::Missing).into());
    }
    while !reader.is_empty() {
        let mut entry = reader.element(SEQUENCE, "revokedCertificates")?.reader();
        let serial = read_serial(&mut entry)?.contents.to_vec();
        let since = Timestamp::read(&mut entry, "revocationDate")?;
        if let Some(extensions) = entry.optional(SEQUENCE, "crlEntryExtensions")? {
            if !is_v2 {
                return Err(extensions.error(DerDefect::Value).into());
            }
            check_entry(&extensions)?;
        }
        entry.finish()?;
        revoked.insert(serial, since);
    }
    Ok(revoked)
}

/// RFC 5280 section 5.3: reasonCode, invalidityDate and holdInstructionCode change nothing here; certificateIssuer makes
/// the list an indirect one.
fn check_entry(extensions: &Element<'_>) -> Result<(), RevocationListError> {
    for extension in Extension::read_all(extensions)? {
        match extension.oid().strip_prefix(EXTENSIONS) {
            Some([21 | 23 | 24]) => {}
            Some([29]) => return Err(RevocationListError::Indirect),
            _ if extension.is_critical() => {
                return Err(RevocationListError::CriticalExtension { oid: dotted(extension.oid()) });
            }
            _ => {}
        }
    }
    Ok(())
}

/// RFC 5280 section 5.2.
fn read_scope(wrapper: &Element<'_>) -> Result<Scope, RevocationListError> {
    let mut reader = wrapper.reader();
    let list = reader.element(SEQUENCE, "crlExtensions")?;
    reader.finish()?;
    let mut scope = Scope::ALL;
    for extension in Extension::read_all(&list)? {
        match extension.oid().strip_prefix(EXTENSIONS) {
            // issuerAltName, cRLNumber, authorityKeyIdentifier, freshestCRL: nothing to decide.
            Some([18 | 20 | 35 | 46]) => {}
            Some([27]) => return Err(RevocationListError::Delta),
            Some([28]) => scope = issuing_distribution_point(extension.value())?,
            _ if extension.is_critical() => {
                return Err(RevocationListError::CriticalExtension { oid: dotted(extension.oid()) });
            }
            _ => {}
        }
    }
    Ok(scope)
}

/// RFC 5280 section 5.2.5.
fn issuing_distribution_point(value: &[u8]) -> Result<Scope, RevocationListError> {
    const FIELD: &str = "issuingDistributionPoint";
    let mut reader = Reader::new(value, FIELD);
    let mut fields = reader.element(SEQUENCE, FIELD)?.reader();
    reader.finish()?;
    let point = fields.optional(explicit(0), FIELD)?.map(|point| read_point_names(&point)).transpose()?;
    if point.as_ref().is_some_and(Vec::is_empty) {
        return Err(RevocationListError::Partial {
            what: "its distribution point is named by its issuer's name",
        });
    }
    let users = read_flag(&mut fields, 1)?;
    let authorities = read_flag(&mut fields, 2)?;
    if fields.optional(implicit(3), FIELD)?.is_some() {
        return Err(RevocationListError::Partial { what: "it is for some reasons" });
    }
    if read_flag(&mut fields, 4)? {
        return Err(RevocationListError::Indirect);
    }
    let attributes = read_flag(&mut fields, 5)?;
    fields.finish()?;
    let partial = |what| Err(RevocationListError::Partial { what });
    let kind = match (users, authorities, attributes) {
        (false, false, false) => ScopeKind::All,
        (true, false, false) => ScopeKind::Users,
        (false, true, false) => ScopeKind::Authorities,
        (false, false, true) => return partial("it is for attribute certificates"),
        _ => return partial("its scope contradicts itself"),
    };
    Ok(Scope { kind, point })
}

/// The names of a `[0] DistributionPointName`: the DER of each of a `fullName`, or none if it is relative to the
/// issuer's name (RFC 5280 section 4.2.1.13), which nobody writes.
fn read_point_names(wrapper: &Element<'_>) -> Result<Vec<Vec<u8>>, DerError> {
    const FIELD: &str = "distributionPoint";
    let mut reader = wrapper.reader();
    let name = reader.any(FIELD)?;
    reader.finish()?;
    let mut names = Vec::new();
    if name.tag == explicit(0) {
        let mut reader = name.reader();
        while !reader.is_empty() {
            if names.len() >= MAX_GENERAL_NAMES {
                return Err(name.error(DerDefect::Value));
            }
            names.push(reader.any(FIELD)?.raw.to_vec());
        }
    }
    Ok(names)
}

/// The names of those distribution points of a certificate whose lists its own issuer signs, for all reasons: the value
/// of cRLDistributionPoints (RFC 5280 section 4.2.1.13).
pub(crate) fn distribution_points(value: &[u8]) -> Result<Vec<Vec<u8>>, DerError> {
    const FIELD: &str = "cRLDistributionPoints";
    let mut reader = Reader::new(value, FIELD);
    let mut points = reader.element(SEQUENCE, FIELD)?.reader();
    reader.finish()?;
    let mut names = Vec::new();
    while !points.is_empty() {
        let mut fields = points.element(SEQUENCE, FIELD)?.reader();
        let point = fields.optional(explicit(0), FIELD)?;
        let reasons = fields.optional(implicit(1), FIELD)?;
        let issuer = fields.optional(explicit(2), FIELD)?;
        fields.finish()?;
        if let (Some(point), None, None) = (point, reasons, issuer) {
            names.extend(read_point_names(&point)?);
            names.truncate(MAX_GENERAL_NAMES);
        }
    }
    Ok(names)
}

/// `[number] IMPLICIT BOOLEAN DEFAULT FALSE`
fn read_flag(fields: &mut Reader<'_>, number: u8) -> Result<bool, DerError> {
    match fields.optional(implicit(number), "issuingDistributionPoint")? {
        Some(flag) if !flag.boolean()? => Err(flag.error(DerDefect::DefaultEncoded)),
        flag => Ok(flag.is_some()),
    }
}

/// Why a revocation list cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RevocationListError {
    /// More bytes than the bound.
    #[error("the revocation list has {length} bytes, more than {MAX_BUNDLE}")]
    TooLarge {
        /// The length found.
        length: usize,
    },
    /// Several lists where one was asked for.
    #[error("there are {count} revocation lists where one was asked for")]
    Several {
        /// How many.
        count: usize,
    },
    /// Neither DER nor PEM with an X509 CRL section.
    #[error("the revocation list is neither DER nor good PEM with an X509 CRL section")]
    Pem {
        /// What is wrong.
        defect: PemDefect,
    },
    /// The DER is not strict, or not that of a revocation list.
    #[error("the revocation list is malformed: {0}")]
    Malformed(#[from] DerError),
    /// A name, a serial number or an extension breaks the rules that it breaks in certificates.
    #[error("the revocation list is malformed: {0}")]
    Part(#[from] CertificateError),
    /// The signed and the unsigned signature algorithm differ (RFC 5280 section 5.1.1.2).
    #[error("the revocation list names two different signature algorithms")]
    AlgorithmMismatch,
    /// A delta list says what changed since another (RFC 5280 section 5.2.4).
    #[error("it is a delta revocation list")]
    Delta,
    /// An indirect list holds certificates of other issuers (RFC 5280 section 5.2.5, 5.3.3).
    #[error("it is an indirect revocation list")]
    Indirect,
    /// The list does not cover all certificates, or all reasons.
    #[error("the revocation list is partial: {what}")]
    Partial {
        /// In which way.
        what: &'static str,
    },
    /// A critical extension, of the list or of an entry, is not known (RFC 5280 section 5.2).
    #[error("the critical extension {oid} of the revocation list is not known")]
    CriticalExtension {
        /// Its object identifier, in dotted decimals.
        oid: String,
    },
}

impl RevocationListError {
    /// The stable code of this error.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        ErrorCode::RevocationListUnusable
    }

    /// What a service should do about this error.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        self.code().disposition()
    }
}
