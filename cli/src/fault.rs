//! What can go wrong in the command itself, beside the library's errors.

use longhand::Disposition;

/// A fault of the command: it has a stable name like the library's errors, and no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Usage,
    PropertiesUnreadable,
    PropertiesMalformed,
    PropertyNotAString,
    NotVerifiable,
    ConfigurationUnreadable,
    ConfigurationMalformed,
    /// Right for the service, and more than is looked up here.
    ConfigurationNotSupported,
    CertificateUnreadable,
    RevocationListUnreadable,
    ImageUnreadable,
    /// The image service has no image of this id, or no bytes of it.
    ImageNotFound,
    /// The settings of a cloud or of Vault cannot be used.
    CloudMisconfigured,
    /// The credentials are not taken, or do not reach so far.
    CloudForbidden,
    /// Keystone or the image service does not answer, or fails.
    CloudUnavailable,
    OutputUnwritable,
}

impl Fault {
    #[cfg(test)]
    pub(crate) const ALL: [Self; 16] = [
        Self::Usage,
        Self::PropertiesUnreadable,
        Self::PropertiesMalformed,
        Self::PropertyNotAString,
        Self::NotVerifiable,
        Self::ConfigurationUnreadable,
        Self::ConfigurationMalformed,
        Self::ConfigurationNotSupported,
        Self::CertificateUnreadable,
        Self::RevocationListUnreadable,
        Self::ImageUnreadable,
        Self::ImageNotFound,
        Self::CloudMisconfigured,
        Self::CloudForbidden,
        Self::CloudUnavailable,
        Self::OutputUnwritable,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::PropertiesUnreadable => "properties_unreadable",
            Self::PropertiesMalformed => "properties_malformed",
            Self::PropertyNotAString => "property_not_a_string",
            Self::NotVerifiable => "not_verifiable",
            Self::ConfigurationUnreadable => "configuration_unreadable",
            Self::ConfigurationMalformed => "configuration_malformed",
            Self::ConfigurationNotSupported => "configuration_not_supported",
            Self::CertificateUnreadable => "certificate_unreadable",
            Self::RevocationListUnreadable => "revocation_list_unreadable",
            Self::ImageUnreadable => "image_unreadable",
            Self::ImageNotFound => "image_not_found",
            Self::CloudMisconfigured => "cloud_misconfigured",
            Self::CloudForbidden => "cloud_forbidden",
            Self::CloudUnavailable => "cloud_unavailable",
            Self::OutputUnwritable => "output_unwritable",
        }
    }

    pub(crate) const fn disposition(self) -> Disposition {
        match self {
            Self::PropertiesMalformed | Self::PropertyNotAString | Self::ImageNotFound => Disposition::Final,
            Self::CloudUnavailable => Disposition::Retry,
            Self::Usage
            | Self::PropertiesUnreadable
            | Self::ConfigurationUnreadable
            | Self::ConfigurationMalformed
            | Self::ConfigurationNotSupported
            | Self::NotVerifiable
            | Self::CertificateUnreadable
            | Self::RevocationListUnreadable
            | Self::ImageUnreadable
            | Self::CloudMisconfigured
            | Self::CloudForbidden
            | Self::OutputUnwritable => Disposition::Operator,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_documented() {
        let document = include_str!("../../docs/JSON.md");
        for fault in Fault::ALL {
            assert!(document.contains(&format!("\n| `{}` |", fault.name())), "{fault:?}");
        }
    }

    #[test]
    fn no_name_is_one_of_the_library() {
        for fault in Fault::ALL {
            assert!(longhand::ErrorCode::ALL.iter().all(|code| code.name() != fault.name()), "{fault:?}");
        }
    }
}
