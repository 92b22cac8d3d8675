//! The exit codes, and the one table that says which error ends in which.

use longhand::ErrorCode;

use crate::fault::Fault;

/// How the command ends. The numbers are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Verified,
    Refused,
    Error,
    Untrusted,
    KeyManager,
    Unsigned,
    NotRequired,
}

impl Exit {
    pub(crate) const ALL: [Self; 7] = [
        Self::Verified,
        Self::Refused,
        Self::Error,
        Self::Untrusted,
        Self::KeyManager,
        Self::Unsigned,
        Self::NotRequired,
    ];

    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Verified => 0,
            Self::Refused => 1,
            Self::Error => 2,
            Self::Untrusted => 3,
            Self::KeyManager => 4,
            Self::Unsigned => 5,
            Self::NotRequired => 6,
        }
    }

    /// The word for the verdict in the JSON report.
    pub(crate) const fn verdict(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Refused | Self::Untrusted => "refused",
            Self::Error | Self::KeyManager => "error",
            Self::Unsigned => "unsigned",
            Self::NotRequired => "not_required",
        }
    }

    /// What the number means, for the help.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Verified => {
                "the image is verified; nothing else ends in 0, but --help and --version asked for alone"
            }
            Self::Refused => {
                "the signature or the image is bad, the image is not what its record says, or the certificate's dates \
                 were required to hold"
            }
            Self::Error => {
                "wrong usage, unreadable input, a malformed property or certificate, nothing to trust where a chain is \
                 asked for, a key that does not fit the key type, output that cannot be written"
            }
            Self::Untrusted => {
                "the certificate is not trusted, or whether it is cannot be checked; found before the image is read"
            }
            Self::KeyManager => {
                "the certificate is not in the key manager, or the key manager cannot be reached"
            }
            Self::Unsigned => "the image is not signed, or only in part",
            Self::NotRequired => {
                "not verified, because the --policy does not require it; --output is not written"
            }
        }
    }

    pub(crate) const fn of_code(code: ErrorCode) -> Self {
        match code {
            ErrorCode::PropertiesIncomplete | ErrorCode::ImageNotSigned => Self::Unsigned,

            ErrorCode::ChainIssuerMissing
            | ErrorCode::ChainRootNotTrusted
            | ErrorCode::ChainBudgetSpent
            | ErrorCode::ChainSignatureInvalid
            | ErrorCode::ChainSignatureUnsupported
            | ErrorCode::ChainSignatureWeak
            | ErrorCode::ChainKeyUnusable
            | ErrorCode::ChainKeyWeak
            | ErrorCode::ChainExpired
            | ErrorCode::ChainNotYetValid
            | ErrorCode::ChainNotAnAuthority
            | ErrorCode::ChainNoKeyCertSign
            | ErrorCode::ChainPathLength
            | ErrorCode::ChainCriticalExtension
            | ErrorCode::ChainExtensionMalformed
            | ErrorCode::ChainNameConstraints
            | ErrorCode::ChainCertificatePolicies
            | ErrorCode::ChainNoDigitalSignature
            | ErrorCode::ChainPurpose
            | ErrorCode::ChainRevoked
            | ErrorCode::ChainRevocationUnknown
            | ErrorCode::ChainAnchorAsSigner
            | ErrorCode::ChainSecondOpinion
            | ErrorCode::TrustNotCheckable => Self::Untrusted,

            ErrorCode::CertificateOutsideValidity
            | ErrorCode::SignatureLength
            | ErrorCode::SignatureNotBelowModulus
            | ErrorCode::SignatureEncoding
            | ErrorCode::SignatureOutOfRange
            | ErrorCode::SignatureMismatch
            | ErrorCode::PssEncoding
            | ErrorCode::PssSaltLength
            | ErrorCode::DigestLength
            | ErrorCode::RegisteredSignatureRefused
            | ErrorCode::RecordSize
            | ErrorCode::RecordOsHash
            | ErrorCode::RecordChecksum => Self::Refused,

            ErrorCode::CertificateNotFound
            | ErrorCode::CertificateForbidden
            | ErrorCode::KeyManagerUnavailable
            | ErrorCode::KeyManagerMisconfigured => Self::KeyManager,

            // Properties, certificates, keys, trusted ids, trust stores and revocation lists that cannot be used, ids that
            // cannot be looked up; and whatever a later library adds, until it has its line here: the test below fails
            // until then.
            _ => Self::Error,
        }
    }

    pub(crate) const fn of_fault(fault: Fault) -> Self {
        match fault {
            // Not a yes, and no 6: nobody said that it need not be verified.
            Fault::NotVerifiable => Self::Untrusted,
            Fault::Usage
            | Fault::PropertiesUnreadable
            | Fault::PropertiesMalformed
            | Fault::PropertyNotAString
            | Fault::ConfigurationUnreadable
            | Fault::ConfigurationMalformed
            | Fault::ConfigurationNotSupported
            | Fault::CertificateUnreadable
            | Fault::RevocationListUnreadable
            | Fault::ImageUnreadable
            | Fault::ImageNotFound
            | Fault::CloudMisconfigured
            | Fault::CloudForbidden
            | Fault::CloudUnavailable
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
            101 | 901 => 5,
            811..=833 | 910 => 3,
            102..=110 | 201..=209 | 301..=315 | 401..=403 | 405 => 2,
            404 | 411..=414 | 501..=505 | 921..=923 => 1,
            601..=603 | 607 => 4,
            604..=606 | 701..=703 | 801..=805 | 902..=909 | 920 | 931..=932 => 2,
            // A new code of the library: decide in the table above, then here.
            _ => u8::MAX,
        };
        for code in ErrorCode::ALL {
            assert_eq!(Exit::of_code(*code).number(), expected(code.number()), "{code}");
        }
    }

    #[test]
    fn no_error_ends_in_0_or_6() {
        for exit in [Exit::Verified, Exit::NotRequired] {
            assert!(ErrorCode::ALL.iter().all(|code| Exit::of_code(*code) != exit));
            assert!(Fault::ALL.iter().all(|fault| Exit::of_fault(*fault) != exit));
        }
    }
}
