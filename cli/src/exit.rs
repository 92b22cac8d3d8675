//! The exit codes, and the one table that says which error ends in which.

use longhand::ErrorCode;

use crate::fault::Fault;

/// How the command ends. The numbers are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Verified,
    Refused,
    Error,
    KeyManager,
    Unsigned,
}

impl Exit {
    pub(crate) const ALL: [Self; 5] =
        [Self::Verified, Self::Refused, Self::Error, Self::KeyManager, Self::Unsigned];

    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Verified => 0,
            Self::Refused => 1,
            Self::Error => 2,
            // 3 is kept for a chain that is not trusted.
            Self::KeyManager => 4,
            Self::Unsigned => 5,
        }
    }

    /// The word for the verdict in the JSON report.
    pub(crate) const fn verdict(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Refused => "refused",
            Self::Error | Self::KeyManager => "error",
            Self::Unsigned => "unsigned",
        }
    }

    /// What the number means, for the help.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Verified => "the image is verified; nothing else ends in 0",
            Self::Refused => {
                "the signature or the image is bad, or the certificate's dates were required to hold"
            }
            Self::Error => {
                "wrong usage, unreadable input, a malformed property or certificate, a key that does not fit the key \
                 type, output that cannot be written"
            }
            Self::KeyManager => {
                "the certificate is not in the key manager, or the key manager cannot be reached"
            }
            Self::Unsigned => "the image is not signed, or only in part",
        }
    }

    pub(crate) const fn of_code(code: ErrorCode) -> Self {
        match code {
            ErrorCode::PropertiesIncomplete => Self::Unsigned,

            ErrorCode::CertificateOutsideValidity
            | ErrorCode::SignatureLength
            | ErrorCode::SignatureNotBelowModulus
            | ErrorCode::SignatureEncoding
            | ErrorCode::SignatureOutOfRange
            | ErrorCode::SignatureMismatch
            | ErrorCode::PssEncoding
            | ErrorCode::PssSaltLength
            | ErrorCode::DigestLength
            | ErrorCode::RegisteredSignatureRefused => Self::Refused,

            ErrorCode::CertificateNotFound
            | ErrorCode::CertificateForbidden
            | ErrorCode::KeyManagerUnavailable
            | ErrorCode::KeyManagerMisconfigured => Self::KeyManager,

            // Properties, certificates and keys that cannot be used, ids that cannot be looked up; and whatever a
            // later library adds, until it has its line here: the test below fails until then.
            _ => Self::Error,
        }
    }

    pub(crate) const fn of_fault(fault: Fault) -> Self {
        match fault {
            Fault::NotSigned => Self::Unsigned,
            Fault::Usage
            | Fault::NotSupported
            | Fault::PropertiesUnreadable
            | Fault::PropertiesMalformed
            | Fault::PropertyNotAString
            | Fault::ImageUnreadable
            | Fault::OutputUnwritable => Self::Error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_library_ends_in_its_exit() {
        let expected = |number: u16| match number {
            101 => 5,
            102..=110 | 201..=209 | 301..=312 | 401..=403 | 405 => 2,
            404 | 411..=414 | 501..=505 => 1,
            601..=603 | 607 => 4,
            604..=606 | 701..=703 => 2,
            // A new code of the library: decide in the table above, then here.
            _ => u8::MAX,
        };
        for code in ErrorCode::ALL {
            assert_eq!(Exit::of_code(*code).number(), expected(code.number()), "{code}");
        }
    }

    #[test]
    fn no_error_ends_in_0() {
        assert!(ErrorCode::ALL.iter().all(|code| Exit::of_code(*code) != Exit::Verified));
        assert!(Fault::ALL.iter().all(|fault| Exit::of_fault(*fault) != Exit::Verified));
    }
}
