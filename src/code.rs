//! Stable error codes, and what a service should do about each.

use std::fmt;

/// What a service should do after a refusal.
///
/// Nova retries a tampered image on host after host because Cursive cannot say this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Disposition {
    /// The image, its properties or its certificate are bad: no retry, anywhere, will help.
    Final,
    /// Something outside was not reachable: the same request may succeed later.
    Retry,
    /// An operator has to change something: configuration, access rights, or the calling code.
    Operator,
}

impl Disposition {
    /// The stable word for this disposition: `final`, `retry` or `operator`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Final => "final",
            Self::Retry => "retry",
            Self::Operator => "operator",
        }
    }
}

impl fmt::Display for Disposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Declares [`ErrorCode`] from one table, so that a number, its name and its disposition cannot part.
macro_rules! error_codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $number:literal, $name:literal, $disposition:ident;)+) => {
        /// A stable number and name for every way in which this crate refuses.
        ///
        /// Numbers and names are frozen: a new one is added, an old one never changes or returns.
        /// They are unique over all error enums of the crate, so that a binding or a log needs nothing else.
        ///
        /// ```
        /// use longhand::{Disposition, ErrorCode};
        ///
        /// assert_eq!(ErrorCode::SignatureMismatch.number(), 501);
        /// assert_eq!(ErrorCode::SignatureMismatch.name(), "signature_mismatch");
        /// assert_eq!(ErrorCode::SignatureMismatch.disposition(), Disposition::Final);
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        #[repr(u16)]
        pub enum ErrorCode {
            $($(#[doc = $doc])+ $variant = $number,)+
        }

        impl ErrorCode {
            /// Every code, in the order of the numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable number.
            #[must_use]
            pub const fn number(self) -> u16 {
                match self { $(Self::$variant => $number,)+ }
            }

            /// The stable name, in snake case.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What a service should do about it.
            #[must_use]
            pub const fn disposition(self) -> Disposition {
                match self { $(Self::$variant => Disposition::$disposition,)+ }
            }
        }
    };
}

error_codes! {
    // 1xx: image properties.
    /// Some of the four signature properties are present, not all.
    PropertiesIncomplete = 101, "properties_incomplete", Final;
    /// A signature property is given twice.
    PropertyRepeated = 102, "property_repeated", Final;
    /// A signature property is the empty string.
    PropertyEmpty = 103, "property_empty", Final;
    /// A signature property is longer than the bound.
    PropertyTooLong = 104, "property_too_long", Final;
    /// `img_signature_hash_method` is not one of the documented words.
    HashMethodUnknown = 105, "hash_method_unknown", Final;
    /// `img_signature_key_type` is not one of the documented or registered words.
    KeyTypeUnknown = 106, "key_type_unknown", Final;
    /// `img_signature` is not base64.
    SignatureNotBase64 = 107, "signature_not_base64", Final;
    /// `img_signature_certificate_uuid` holds a control character.
    CertificateIdInvalid = 108, "certificate_id_invalid", Final;
    /// A key type cannot be registered under this word.
    KeyTypeReserved = 109, "key_type_reserved", Operator;
    /// An option of the Liberty scheme has a value that the scheme does not know.
    LegacyOptionInvalid = 110, "legacy_option_invalid", Final;

    // 2xx: certificates.
    /// No bytes at all.
    CertificateEmpty = 201, "certificate_empty", Final;
    /// More bytes than the bound.
    CertificateTooLarge = 202, "certificate_too_large", Final;
    /// Neither DER nor PEM with a CERTIFICATE section, or the PEM is broken.
    CertificateNotPem = 203, "certificate_not_pem", Final;
    /// The DER is not what RFC 5280 and X.690 say.
    CertificateMalformed = 204, "certificate_malformed", Final;
    /// The version is none of v1, v2, v3, or does not allow a field that is there.
    CertificateVersion = 205, "certificate_version", Final;
    /// The two signature algorithm fields of the certificate differ.
    CertificateAlgorithmMismatch = 206, "certificate_algorithm_mismatch", Final;
    /// The serial number is longer than 20 octets.
    CertificateSerial = 207, "certificate_serial", Final;
    /// An extension occurs twice.
    ExtensionRepeated = 208, "extension_repeated", Final;
    /// More name attributes or extensions than the bound.
    CertificateTooManyParts = 209, "certificate_too_many_parts", Final;

    // 3xx: public keys.
    /// The SubjectPublicKeyInfo is not what X.690 and the algorithm's standard say.
    KeyMalformed = 301, "key_malformed", Final;
    /// The key's algorithm is none that verifies images.
    KeyAlgorithmUnsupported = 302, "key_algorithm_unsupported", Final;
    /// The key lies on a documented curve whose arithmetic this version does not have. No longer given: there is none.
    CurveNotYetSupported = 303, "curve_not_yet_supported", Final;
    /// The key lies on a curve that is none of the documented ones.
    CurveUnsupported = 304, "curve_unsupported", Final;
    /// The curve is given by explicit parameters instead of a name.
    CurveExplicit = 305, "curve_explicit", Final;
    /// The AlgorithmIdentifier's parameters are missing, superfluous or out of range.
    KeyParameters = 306, "key_parameters", Final;
    /// The RSA modulus is too short, too long, or even.
    RsaModulus = 307, "rsa_modulus", Final;
    /// The RSA public exponent is even, below 3 or past 2^33-1.
    RsaExponent = 308, "rsa_exponent", Final;
    /// DSA's p has not 1024 to 4096 bits, or q not 160, 224 or 256.
    DsaSize = 309, "dsa_size", Final;
    /// A DSA parameter or key breaks its rule.
    DsaParameter = 310, "dsa_parameter", Final;
    /// The point is not encoded in one of the allowed forms.
    PointEncoding = 311, "point_encoding", Final;
    /// The point is not on the curve.
    PointNotOnCurve = 312, "point_not_on_curve", Final;
    /// An Ed25519 key breaks its rule.
    Ed25519Key = 313, "ed25519_key", Final;
    /// The key signs messages, not digests, and so no images.
    KeySignsMessages = 314, "key_signs_messages", Final;
    /// The point is on the curve, but outside the subgroup of prime order.
    PointOutsideSubgroup = 315, "point_outside_subgroup", Final;

    // 4xx: setting up a verifier.
    /// The certificate's key is of another kind than the key type says.
    KeyTypeMismatch = 401, "key_type_mismatch", Final;
    /// The certificate's key lies on another curve than the key type says.
    CurveMismatch = 402, "curve_mismatch", Final;
    /// The certificate's key is restricted to another hash.
    KeyRestricted = 403, "key_restricted", Final;
    /// The given time lies outside the certificate's validity.
    CertificateOutsideValidity = 404, "certificate_outside_validity", Final;
    /// The registered key type refused the key.
    RegisteredKeyRefused = 405, "registered_key_refused", Final;
    /// The signature is not as long as the RSA modulus.
    SignatureLength = 411, "signature_length", Final;
    /// The signature, as a number, is not below the RSA modulus.
    SignatureNotBelowModulus = 412, "signature_not_below_modulus", Final;
    /// The signature is not the strict DER of two integers.
    SignatureEncoding = 413, "signature_encoding", Final;
    /// r or s is zero, or not below the order.
    SignatureOutOfRange = 414, "signature_out_of_range", Final;

    // 5xx: the verdict on the bytes.
    /// The signature does not belong to these bytes and this key.
    SignatureMismatch = 501, "signature_mismatch", Final;
    /// The signature is not an RSA-PSS signature by this key with this hash method.
    PssEncoding = 502, "pss_encoding", Final;
    /// The signature is over these bytes, but its salt has another length than demanded.
    PssSaltLength = 503, "pss_salt_length", Final;
    /// The digest handed in does not have the hash method's length.
    DigestLength = 504, "digest_length", Operator;
    /// The registered key type refused the signature.
    RegisteredSignatureRefused = 505, "registered_signature_refused", Final;

    // 6xx: key managers.
    /// The key manager has no certificate with this id.
    CertificateNotFound = 601, "certificate_not_found", Final;
    /// The key manager does not let this caller read the certificate.
    CertificateForbidden = 602, "certificate_forbidden", Operator;
    /// The key manager could not be reached, or did not answer.
    KeyManagerUnavailable = 603, "key_manager_unavailable", Retry;
    /// What is stored under the id is not an X.509 certificate.
    CertificateFormatUnsupported = 604, "certificate_format_unsupported", Final;
    /// The id is not one that this key manager can look up.
    KeyManagerIdInvalid = 605, "key_manager_id_invalid", Final;
    /// More than one file holds a certificate for the id.
    CertificateAmbiguous = 606, "certificate_ambiguous", Operator;
    /// The key manager is not what its configuration says.
    KeyManagerMisconfigured = 607, "key_manager_misconfigured", Operator;

    // 7xx: streams.
    /// The source of the image's bytes failed.
    StreamSourceFailed = 701, "stream_source_failed", Retry;
    /// The destination could not keep or release the image's bytes.
    StreamDestinationFailed = 702, "stream_destination_failed", Operator;
    /// The verdict was asked for before the source had ended.
    StreamUnfinished = 703, "stream_unfinished", Operator;

    // 80x: trust.
    /// More trusted certificates, or more bytes of them, than the bound.
    TrustStoreTooLarge = 801, "trust_store_too_large", Operator;
    /// A bundle, a directory or a store holds no certificate.
    TrustStoreEmpty = 802, "trust_store_empty", Operator;
    /// A bundle or a directory cannot be read.
    TrustStoreUnreadable = 803, "trust_store_unreadable", Operator;
    /// The dates are to be looked at, and no time is given.
    ChainTimeMissing = 804, "chain_time_missing", Operator;
    /// A revocation list is malformed, or of a kind that is not supported.
    RevocationListUnusable = 805, "revocation_list_unusable", Operator;

    // 81x and 82x: chains.
    /// The certificate of an issuer is not at hand.
    ChainIssuerMissing = 811, "chain_issuer_missing", Final;
    /// The chain ends in a root that is not trusted.
    ChainRootNotTrusted = 812, "chain_root_not_trusted", Final;
    /// The search cost more than its budget.
    ChainBudgetSpent = 813, "chain_budget_spent", Final;
    /// The key of no issuer of the right name made the signature.
    ChainSignatureInvalid = 814, "chain_signature_invalid", Final;
    /// A certificate is signed with an algorithm that is not supported.
    ChainSignatureUnsupported = 815, "chain_signature_unsupported", Final;
    /// A certificate is signed with SHA-1.
    ChainSignatureWeak = 816, "chain_signature_weak", Final;
    /// The public key of a certificate of the chain cannot be used.
    ChainKeyUnusable = 817, "chain_key_unusable", Final;
    /// The key of an authority is too short.
    ChainKeyWeak = 818, "chain_key_weak", Final;
    /// A certificate of the chain has expired.
    ChainExpired = 819, "chain_expired", Final;
    /// A certificate of the chain is not valid yet.
    ChainNotYetValid = 820, "chain_not_yet_valid", Final;
    /// An issuer is no authority.
    ChainNotAnAuthority = 821, "chain_not_an_authority", Final;
    /// An issuer may not sign certificates.
    ChainNoKeyCertSign = 822, "chain_no_key_cert_sign", Final;
    /// The chain is longer than an issuer, or the bound, allows.
    ChainPathLength = 823, "chain_path_length", Final;
    /// A critical extension is not known.
    ChainCriticalExtension = 824, "chain_critical_extension", Final;
    /// An extension is malformed or repeated.
    ChainExtensionMalformed = 825, "chain_extension_malformed", Final;
    /// A name lies outside what an issuer allows.
    ChainNameConstraints = 826, "chain_name_constraints", Final;
    /// A certificate policy is demanded, and the chain has none.
    ChainCertificatePolicies = 827, "chain_certificate_policies", Final;
    /// The signing certificate may not sign data.
    ChainNoDigitalSignature = 828, "chain_no_digital_signature", Final;
    /// The signing certificate does not allow a purpose that the caller names.
    ChainPurpose = 829, "chain_purpose", Final;
    /// A certificate of the chain is revoked.
    ChainRevoked = 830, "chain_revoked", Final;
    /// Whether a certificate of the chain is revoked is not known.
    ChainRevocationUnknown = 831, "chain_revocation_unknown", Final;
    /// A trust anchor signed the image itself, which RFC 5280 knows no chain for.
    ChainAnchorAsSigner = 832, "chain_anchor_as_signer", Final;
    /// rustls-webpki, asked for a second opinion, refuses the chain.
    ChainSecondOpinion = 833, "chain_second_opinion", Final;

    // 9xx: the policy.
    /// The image is not signed, and the policy asks for a signature.
    ImageNotSigned = 901, "image_not_signed", Final;
    /// A list of trusted ids is given, and it is empty.
    TrustedIdsEmpty = 902, "trusted_ids_empty", Operator;
    /// More trusted ids are given than the bound.
    TrustedIdsTooMany = 903, "trusted_ids_too_many", Operator;
    /// A trusted id is given twice.
    TrustedIdRepeated = 904, "trusted_id_repeated", Operator;
    /// A trusted id is the empty string.
    TrustedIdEmpty = 905, "trusted_id_empty", Operator;
    /// A trusted id is longer than the bound.
    TrustedIdTooLong = 906, "trusted_id_too_long", Operator;
    /// The user may not give trusted ids.
    TrustedIdsForbidden = 907, "trusted_ids_forbidden", Operator;
    /// The policy asks for a chain, and nothing to trust is given.
    TrustMissing = 908, "trust_missing", Operator;
    /// Something to trust is given, and the policy never validates a chain.
    TrustNotOffered = 909, "trust_not_offered", Operator;
    /// A chain is asked for, and the bytes or the host do not allow it to be checked.
    TrustNotCheckable = 910, "trust_not_checkable", Operator;

    // 92x: the image's record.
    /// A digest in the image's record is none.
    RecordMalformed = 920, "record_malformed", Final;
    /// The image has not the size that its record names.
    RecordSize = 921, "record_size", Final;
    /// The image has not the digest that its record names.
    RecordOsHash = 922, "record_os_hash", Final;
    /// The image has not the MD5 that its record names.
    RecordChecksum = 923, "record_checksum", Final;

    // 93x: receipts.
    /// The receipt is malformed, or of a version that is not known.
    ReceiptMalformed = 931, "receipt_malformed", Final;
    /// The receipt is of another image, or of the image as it was signed before.
    ReceiptOfAnotherImage = 932, "receipt_of_another_image", Final;
}

impl ErrorCode {
    /// The code with this number, if there is one.
    ///
    /// ```
    /// # use longhand::ErrorCode;
    /// assert_eq!(ErrorCode::from_number(601), Some(ErrorCode::CertificateNotFound));
    /// assert_eq!(ErrorCode::from_number(0), None);
    /// ```
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.number() == number)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How every message begins that Cursive would give as its `SignatureVerificationError`.
///
/// Tests of other projects (barbican-tempest-plugin) look for these words.
pub(crate) const SIGNATURE_FAILED: &str = "Signature verification for the image failed";
