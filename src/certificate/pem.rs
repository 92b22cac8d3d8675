//! The first certificate of a PEM text (RFC 7468), such that no other reader takes another for the first.

use std::fmt;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{self, PemObject as _};

/// What is wrong with some PEM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PemDefect {
    /// No CERTIFICATE section, and not DER either.
    NoCertificate,
    /// A section begins and does not end.
    NoEnd,
    /// A section begins in the middle of a line or of another section, or its first line is malformed.
    BadBegin,
    /// A section's last line is malformed, or ends another section than was begun.
    BadEnd,
    /// A carriage return stands alone: some readers take it for the end of a line, some do not.
    LoneCarriageReturn,
    /// The first certificate is labelled X509 CERTIFICATE or TRUSTED CERTIFICATE, which some readers know.
    OtherLabel,
    /// The section is not base64.
    NotBase64,
}

impl From<&pem::Error> for PemDefect {
    fn from(error: &pem::Error) -> Self {
        match error {
            pem::Error::MissingSectionEnd { .. } => Self::NoEnd,
            pem::Error::IllegalSectionStart { .. } => Self::BadBegin,
            pem::Error::Base64Decode(_) => Self::NotBase64,
            _ => Self::NoCertificate,
        }
    }
}

impl fmt::Display for PemDefect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCertificate => "it is neither DER nor PEM with a CERTIFICATE section",
            Self::NoEnd => "a PEM section does not end",
            Self::BadBegin => "a PEM section does not begin as it must",
            Self::BadEnd => "a PEM section does not end as it must",
            Self::LoneCarriageReturn => "a carriage return in its PEM is not followed by a line feed",
            Self::OtherLabel => "its PEM label must be CERTIFICATE, without X509 or TRUSTED",
            Self::NotBase64 => "a PEM section is not base64",
        })
    }
}

const END: &[u8] = b"-----END ";

/// The DER of the first CERTIFICATE section.
pub(super) fn first_certificate(pem: &[u8]) -> Result<CertificateDer<'static>, PemDefect> {
    let pem = pem.strip_prefix("\u{feff}".as_bytes()).unwrap_or(pem);
    check(pem)?;
    CertificateDer::from_pem_slice(pem).map_err(|error| PemDefect::from(&error))
}

/// A bundle cut after each section's last line, so that each piece has at most one section.
pub(super) fn sections(pem: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = pem;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut length = 0_usize;
        for line in rest.split_inclusive(|&octet| octet == b'\n') {
            length = length.saturating_add(line.len());
            if line.starts_with(END) {
                break;
            }
        }
        let (section, after) = rest.split_at_checked(length)?;
        rest = after;
        Some(section)
    })
}

/// Refuses, up to the end of the first CERTIFICATE section, what readers of PEM read in different ways: openssl finds a
/// BEGIN in the middle of a line where others do not, knows more labels, and takes no lone carriage return.
fn check(pem: &[u8]) -> Result<(), PemDefect> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    let mut open: Option<&[u8]> = None;
    let lines = pem.strip_suffix(b"\n").unwrap_or(pem);
    for line in lines.split(|&octet| octet == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.contains(&b'\r') {
            return Err(PemDefect::LoneCarriageReturn);
        }
        // Nearly no line has a dash: looking for one first makes this several times as fast.
        let dashed = line.contains(&b'-');
        let begin = line.windows(BEGIN.len()).position(|window| dashed && window == BEGIN);
        match (begin, line.strip_prefix(END), open) {
            (Some(0), _, None) => match label(line.get(BEGIN.len()..).unwrap_or_default()) {
                Some(b"X509 CERTIFICATE" | b"TRUSTED CERTIFICATE") => return Err(PemDefect::OtherLabel),
                Some(label) => open = Some(label),
                None => return Err(PemDefect::BadBegin),
            },
            (Some(_), _, _) => return Err(PemDefect::BadBegin),
            (None, Some(rest), Some(opened)) => match label(rest) {
                Some(closed) if closed == opened && opened == b"CERTIFICATE" => return Ok(()),
                Some(closed) if closed == opened => open = None,
                _ => return Err(PemDefect::BadEnd),
            },
            // openssl takes what stands before a blank line for a header; others join it to the rest.
            (None, None, Some(b"CERTIFICATE")) if !is_base64(line) => return Err(PemDefect::NotBase64),
            (None, _, _) => {}
        }
    }
    if open.is_some() { Err(PemDefect::NoEnd) } else { Ok(()) }
}

/// A line of base64, with spaces after it at most.
fn is_base64(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    !line.is_empty() && line.iter().all(|octet| octet.is_ascii_alphanumeric() || b"+/=".contains(octet))
}

/// The label before the five dashes that end the line; spaces may follow them.
fn label(rest: &[u8]) -> Option<&[u8]> {
    rest.trim_ascii_end().strip_suffix(b"-----").filter(|label| !label.ends_with(b"-"))
}
