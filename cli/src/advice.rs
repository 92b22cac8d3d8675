//! What an operator can do next, error by error.

use longhand::ErrorCode;

use crate::fault::Fault;

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
        ErrorCode::CertificateIdInvalid | ErrorCode::KeyManagerIdInvalid => {
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
        ErrorCode::CurveNotYetSupported => {
            "verify this image with a later version, or sign it with a key on secp384r1 or secp521r1"
        }
        ErrorCode::KeyMalformed
        | ErrorCode::KeyAlgorithmUnsupported
        | ErrorCode::CurveUnsupported
        | ErrorCode::CurveExplicit
        | ErrorCode::KeyParameters
        | ErrorCode::RsaModulus
        | ErrorCode::RsaExponent
        | ErrorCode::DsaSize
        | ErrorCode::DsaParameter
        | ErrorCode::PointEncoding
        | ErrorCode::PointNotOnCurve => {
            "sign the image with a key that image signatures may use: RSA of 1024 bits or more, DSA, or EC on \
             secp384r1 or secp521r1"
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
            "download the image again and compare its size and checksum with the image service's; if they agree, the \
             image is not the one that was signed: do not use it"
        }
        ErrorCode::PssEncoding => {
            "compare img_signature_certificate_uuid and img_signature_hash_method with what the signer used; the \
             signature has to be RSA-PSS (`openssl dgst -sha256 -sign KEY -sigopt rsa_padding_mode:pss IMAGE`)"
        }
        ErrorCode::PssSaltLength => "leave out --pss-salt to accept any salt that the key accepts",
        ErrorCode::CertificateNotFound => {
            "put the certificate into the directory of --certs as ID.pem, ID.der or ID.crt"
        }
        ErrorCode::CertificateForbidden => {
            "let this user read the directory of --certs and the certificate in it"
        }
        ErrorCode::KeyManagerUnavailable => {
            "try again; if it stays, look at the directory of --certs and its disk"
        }
        ErrorCode::KeyManagerMisconfigured => {
            "--certs has to name a directory that exists, with the certificate in a regular file"
        }
        ErrorCode::CertificateAmbiguous => "leave one file for the id in the directory of --certs",
        _ => return None,
    })
}

pub(crate) const fn for_fault(fault: Fault) -> Option<&'static str> {
    Some(match fault {
        Fault::Usage => "`longhand verify --help` explains every option",
        Fault::NotSupported => {
            "leave it out, or unset it, to check the signature alone: trust in the certificate then rests on --certs"
        }
        Fault::PropertiesUnreadable => return None,
        Fault::PropertiesMalformed => "give what `openstack image show -f json IMAGE` prints",
        Fault::PropertyNotAString => "the image service keeps every property as text: give it in quotes",
        Fault::NotSigned => {
            "what was given has none of the four: `longhand verify --help` says what they are and where they come from"
        }
        Fault::ImageUnreadable => return None,
        Fault::OutputUnwritable => {
            "nothing was released, and the exit code is not 0: make the place writable that the output goes to, and run \
             it again"
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_that_the_command_can_meet_has_advice() {
        // The command registers no key types, hands no digests in and offers no older scheme; what its streams fail of
        // are faults of its own.
        let unmet = [109, 110, 405, 504, 505, 701, 702, 703];
        for code in ErrorCode::ALL {
            assert_eq!(for_code(*code).is_none(), unmet.contains(&code.number()), "{code}");
        }
    }
}
