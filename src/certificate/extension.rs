//! Extensions of a certificate (RFC 5280 section 4.2), as a list; what they mean is the chain's business.

use std::fmt;

use super::CertificateError;
use crate::asn1::{BOOLEAN, DerDefect, Element, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, dotted};
use crate::limits::MAX_EXTENSIONS;

/// One extension, borrowed from its certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Extension<'a> {
    oid: &'a [u8],
    critical: bool,
    value: &'a [u8],
}

impl<'a> Extension<'a> {
    /// The object identifier: the contents of its DER, without tag and length.
    #[must_use]
    pub fn oid(&self) -> &'a [u8] {
        self.oid
    }

    /// Whether a verifier that does not know it must refuse.
    #[must_use]
    pub fn is_critical(&self) -> bool {
        self.critical
    }

    /// The DER of the extension's value: the contents of its OCTET STRING.
    #[must_use]
    pub fn value(&self) -> &'a [u8] {
        self.value
    }

    /// Reads the contents of a SEQUENCE of extensions, which is not empty.
    pub(crate) fn read_all(list: &Element<'a>) -> Result<Vec<Self>, CertificateError> {
        let mut fields = list.reader();
        if fields.is_empty() {
            return Err(list.error(DerDefect::Missing).into());
        }
        let mut extensions: Vec<Self> = Vec::new();
        while !fields.is_empty() {
            let extension = Self::read(&mut fields)?;
            if extensions.iter().any(|known| known.oid == extension.oid) {
                return Err(CertificateError::RepeatedExtension { oid: dotted(extension.oid) });
            }
            if extensions.len() >= MAX_EXTENSIONS {
                return Err(CertificateError::too_many_extensions());
            }
            extensions.push(extension);
        }
        Ok(extensions)
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, CertificateError> {
        let mut fields = reader.element(SEQUENCE, "extension")?.reader();
        let oid = fields.element(OBJECT_IDENTIFIER, "extension.extnID")?.object_identifier()?;
        let critical = match fields.optional(BOOLEAN, "extension.critical")? {
            // BOOLEAN DEFAULT FALSE: DER does not write the default out (X.690 section 11.5).
            Some(flag) if !flag.boolean()? => return Err(flag.error(DerDefect::DefaultEncoded).into()),
            flag => flag.is_some(),
        };
        let value = fields.element(OCTET_STRING, "extension.extnValue")?;
        fields.finish()?;
        // extnValue holds the DER of one value, whatever its type.
        let mut inner = value.reader();
        inner.any("extension.extnValue")?;
        inner.finish()?;
        Ok(Self { oid, critical, value: value.contents })
    }
}

impl fmt::Debug for Extension<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let critical = if self.critical { ", critical" } else { "" };
        write!(f, "Extension({}{critical}, {} octets)", dotted(self.oid), self.value.len())
    }
}

/// Reads `Extensions ::= SEQUENCE SIZE (1..MAX) OF Extension`; `offset` is its place in the certificate.
pub(super) fn read(sequence: &[u8], offset: usize) -> Result<Vec<Extension<'_>>, CertificateError> {
    let mut reader = Reader::at(sequence, offset, "extensions");
    Extension::read_all(&reader.element(SEQUENCE, "extensions")?)
}
