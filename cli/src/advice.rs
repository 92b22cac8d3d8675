//! What an operator can do next, error by error.

use longhand::ErrorCode;

use crate::fault::Fault;

pub(crate) mod chain;
pub(crate) mod key_manager;

pub(crate) const fn for_code(code: ErrorCode) -> Option<&'static str> {
    Some(match code {
        ErrorCode::PropertiesIncomplete => {
            "set the missing properties on the image (`openstack image set --property NAME=VALUE IMAGE`), or give them \
             with --property"
        }
        ErrorCode::PropertyRepeated => {
            "give each signature property once: in --properties or with --property, not in both"
        }
        ErrorCode::PropertyEmpty => {
            "set the property to its value, or remove all four if the image is not meant to be signed"
        }
        ErrorCode::PropertyTooLong => {
            "nothing that signs an image is that long: look at what the property holds"
        }
        ErrorCode::HashMethodUnknown | ErrorCode::KeyTypeUnknown => {
            "the word has to be written exactly as the image service writes it"
        }
        ErrorCode::SignatureNotBase64 => "img_signature is what `base64 -w 0 SIGNATURE-FILE` prints",
        ErrorCode::CertificateIdInvalid => {
            "img_signature_certificate_uuid is the UUID of the certificate in the key manager, or an address that ends \
             in /secrets/UUID"
        }
        ErrorCode::CertificateEmpty
        | ErrorCode::CertificateTooLarge
        | ErrorCode::CertificateNotPem
        | ErrorCode::CertificateMalformed
        | ErrorCode::CertificateVersion
        | ErrorCode::CertificateAlgorithmMismatch
        | ErrorCode::CertificateSerial
        | ErrorCode::ExtensionRepeated
        | ErrorCode::CertificateTooManyParts
        | ErrorCode::CertificateFormatUnsupported => {
            "fetch the certificate from the key manager again, and look at it with `openssl x509 -in FILE -noout -text`"
        }
        ErrorCode::KeyMalformed
        | ErrorCode::KeyAlgorithmUnsupported
        | ErrorCode::CurveNotYetSupported
        | ErrorCode::CurveUnsupported
        | ErrorCode::CurveExplicit
        | ErrorCode::KeyParameters
        | ErrorCode::RsaModulus
        | ErrorCode::RsaExponent
        | ErrorCode::DsaSize
        | ErrorCode::DsaParameter
        | ErrorCode::PointEncoding
        | ErrorCode::PointNotOnCurve
        | ErrorCode::Ed25519Key
        | ErrorCode::KeySignsMessages
        | ErrorCode::PointOutsideSubgroup => {
            "sign the image with a key that image signatures may use: RSA of 1024 bits or more, DSA, or EC on \
             secp384r1, secp521r1 or a binary curve that the documents name"
        }
        ErrorCode::KeyTypeMismatch => {
            "img_signature_key_type has to name the kind of key in the certificate: one of the two belongs to another \
             signature"
        }
        ErrorCode::CurveMismatch => {
            "img_signature_key_type has to name the curve of the key in the certificate; --any-curve lets it pass"
        }
        ErrorCode::KeyRestricted => "sign the image with the hash method that the key allows",
        ErrorCode::CertificateOutsideValidity => {
            "sign the image again with a certificate that is valid, give the time that counts with --at, or leave out \
             --require-valid-dates"
        }
        ErrorCode::SignatureLength
        | ErrorCode::SignatureNotBelowModulus
        | ErrorCode::SignatureEncoding
        | ErrorCode::SignatureOutOfRange => {
            "img_signature does not come from this certificate's key: compare img_signature and \
             img_signature_certificate_uuid with what the signer has"
        }
        ErrorCode::SignatureMismatch => {
            "download the image again and compare its size, os_hash_value and checksum with the image service's: if they \
             agree, the image is not the one that was signed: do not use it"
        }
        ErrorCode::PssEncoding => {
            "compare img_signature_certificate_uuid and img_signature_hash_method with what the signer used; the \
             signature has to be RSA-PSS (`openssl dgst -sha256 -sign KEY -sigopt rsa_padding_mode:pss IMAGE`)"
        }
        ErrorCode::PssSaltLength => "leave out --pss-salt to accept any salt that the key accepts",
        ErrorCode::CertificateAmbiguous => "leave one file for the id in the directory of --certs",
        ErrorCode::ImageNotSigned => {
            "what was given has none of the four properties: `longhand verify --help` says what they are and where they \
             come from"
        }
        ErrorCode::TrustedIdsEmpty
        | ErrorCode::TrustedIdsTooMany
        | ErrorCode::TrustedIdRepeated
        | ErrorCode::TrustedIdEmpty
        | ErrorCode::TrustedIdTooLong => {
            "trusted ids are 1 to 50 ids of certificates in the key manager, each given once; a list of them has commas \
             between and none at its ends"
        }
        ErrorCode::TrustedIdsForbidden => {
            "leave the trusted ids out, or allow them with the rule os_compute_api:servers:create:trusted_certs (for a \
             rebuild: rebuild:trusted_certs)"
        }
        ErrorCode::TrustMissing => {
            "say which certificates to trust, with --trusted-image-certificate-id, --trusted or --pin, or choose a --policy \
             that asks for the signature alone"
        }
        ErrorCode::TrustNotOffered => {
            "choose the policy trusted, required or nova to have the certificate's chain validated, or leave out what is \
             to be trusted"
        }
        ErrorCode::TrustNotCheckable => {
            "download the image and verify it on a host that can validate certificates, or leave out what is to be \
             trusted"
        }
        ErrorCode::TrustStoreTooLarge => {
            "name fewer trusted certificates: only those that may vouch for images"
        }
        ErrorCode::TrustStoreEmpty => {
            "a file of --trusted holds certificates in PEM, or one in DER; a directory holds such files that end in .pem, \
             .der, .crt or .cer"
        }
        ErrorCode::TrustStoreUnreadable => {
            "--trusted, --intermediates and --pin name files that this user can read"
        }
        ErrorCode::RevocationListUnusable => {
            "fetch the complete list of the certificates' issuer again, and look at it with `openssl crl -in FILE -noout \
             -text`"
        }
        ErrorCode::ChainIssuerMissing => {
            "add the certificate of that issuer: to the trusted ones if you vouch for it, else with --intermediates"
        }
        ErrorCode::ChainRootNotTrusted => "if you vouch for that root, add it to the trusted certificates",
        ErrorCode::ChainBudgetSpent => {
            "name fewer trusted certificates: so many of one name, or with keys so large, are not there by accident"
        }
        ErrorCode::ChainSignatureInvalid => {
            "the trusted certificate of that name is not the one that issued this: get the issuer's own certificate"
        }
        ErrorCode::ChainSignatureUnsupported | ErrorCode::ChainSignatureWeak | ErrorCode::ChainKeyWeak => {
            "have the certificate issued again, with SHA-2 and by an authority of RSA-2048, DSA-2048 or an EC curve; \
             --chain-policy cursive lets pass what Cursive does"
        }
        ErrorCode::ChainKeyUnusable => {
            "have the certificate issued again for a key of RSA, DSA, EC on a named curve, or Ed25519"
        }
        ErrorCode::ChainExpired | ErrorCode::ChainNotYetValid => {
            "have the certificate issued again, or give the time that counts with --at"
        }
        ErrorCode::ChainNotAnAuthority
        | ErrorCode::ChainNoKeyCertSign
        | ErrorCode::ChainPathLength
        | ErrorCode::ChainNameConstraints
        | ErrorCode::ChainCertificatePolicies => {
            "the issuer may not vouch for this certificate: have the signing certificate issued by one that may"
        }
        ErrorCode::ChainCriticalExtension | ErrorCode::ChainExtensionMalformed => {
            "have the certificate issued again without that extension, or with it as RFC 5280 has it"
        }
        ErrorCode::ChainNoDigitalSignature | ErrorCode::ChainPurpose => {
            "the certificate is not made for signing images: sign with one that is"
        }
        ErrorCode::ChainRevoked => {
            "do not use the image: who revoked the certificate no longer vouches for it"
        }
        ErrorCode::ChainRevocationUnknown => {
            "give the issuer's current list with --crl, or let it pass with --allow-unknown-revocation"
        }
        ErrorCode::ChainAnchorAsSigner => {
            "name the certificate with --pin to trust what it signs itself, or choose another --chain-policy"
        }
        ErrorCode::ChainSecondOpinion => {
            "two readings of this chain differ: do not use the image, and report the certificates to the makers of \
             longhand"
        }
        ErrorCode::RecordMalformed => {
            "give the record as the image service has it: os_hash_value and checksum are hexadecimal digests"
        }
        ErrorCode::RecordSize | ErrorCode::RecordOsHash | ErrorCode::RecordChecksum => {
            "the signature holds, so the image is the one that was signed, and the record is of another: fetch the record \
             and the image again"
        }
        _ => return None,
    })
}

pub(crate) const fn for_fault(fault: Fault) -> Option<&'static str> {
    Some(match fault {
        Fault::Usage => "`longhand verify --help` and `longhand chain --help` explain every option",
        Fault::PropertiesUnreadable => return None,
        Fault::PropertiesMalformed => "give what `openstack image show -f json IMAGE` prints",
        Fault::PropertyNotAString => "the image service keeps every property as text: give it in quotes",
        Fault::NotVerifiable => "download the image, and verify the file",
        Fault::CertificateUnreadable | Fault::RevocationListUnreadable => return None,
        Fault::ConfigurationUnreadable => return None,
        Fault::ConfigurationNotSupported => {
            "write the value itself into a copy of the file, and give the copy"
        }
        Fault::ConfigurationMalformed => {
            "give the file that the service reads; the service would not start with it as it is"
        }
        Fault::ImageUnreadable => return None,
        Fault::ImageNotFound => {
            "`openstack image show ID` says whether this user sees the image, and its status"
        }
        Fault::CloudMisconfigured => {
            "compare the settings with those that the `openstack` command works with: `openstack catalog list`"
        }
        Fault::CloudForbidden => {
            "`openstack token issue` says whether these credentials are good, and for which project"
        }
        Fault::CloudUnavailable => "try again; if it stays, look at the service and its log",
        Fault::OutputUnwritable => {
            "nothing was released, and the exit code is not 0: make the place writable that the output goes to, and run \
             it again"
        }
    })
}

#[cfg(test)]
mod tests {
    use super::key_manager::KeyManagerKind;
    use super::*;

    #[test]
    fn every_code_that_the_command_can_meet_has_advice() {
        // The command registers no key types, hands no digests in, reads no receipts and offers no older scheme; it always
        // has a time; what its streams fail of are faults of its own.
        let unmet = [109, 110, 405, 504, 505, 701, 702, 703, 804, 931, 932];
        for code in ErrorCode::ALL {
            let general = for_code(*code);
            assert_eq!(
                general.is_none() && key_manager::for_code(*code, KeyManagerKind::Directory).is_none(),
                unmet.contains(&code.number()),
                "{code}"
            );
            for asked in [KeyManagerKind::Barbican, KeyManagerKind::Vault] {
                let special = key_manager::for_code(*code, asked);
                assert_eq!(
                    special.is_some(),
                    key_manager::for_code(*code, KeyManagerKind::Directory).is_some(),
                    "{code}"
                );
                assert!(special.is_none() || general.is_none(), "{code}");
            }
        }
    }
}
