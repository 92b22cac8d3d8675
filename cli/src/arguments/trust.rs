//! The options that say what is trusted and by which rules a chain is judged, for `verify` and `chain` alike.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// What is trusted, and how a chain is judged.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Trust")]
pub(crate) struct TrustArguments {
    /// The id of a certificate to trust, or several with commas between; may be repeated
    ///
    /// Roots and intermediates together, each by its id in the key manager, in any order. Without it the
    /// environment variable `OS_TRUSTED_IMAGE_CERTIFICATE_IDS` counts, if it is not empty.
    #[arg(long, value_name = "ID[,ID…]", verbatim_doc_comment)]
    pub(crate) trusted_image_certificate_id: Vec<String>,

    /// Certificates to trust: a file in PEM or DER, or a directory of such; may be repeated
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) trusted: Vec<PathBuf>,

    /// Certificates that may help to build the chain and are not trusted for it; may be repeated
    ///
    /// What exists under that path is read; otherwise it is the id of a certificate in the key manager.
    #[arg(long, value_name = "FILE|DIR|ID", verbatim_doc_comment)]
    pub(crate) intermediates: Vec<PathBuf>,

    /// A signing certificate that is trusted itself, without a chain; may be repeated
    ///
    /// A file with one certificate if there is one under that path; otherwise the id of a certificate in the key
    /// manager.
    #[arg(long, value_name = "FILE|ID", verbatim_doc_comment)]
    pub(crate) pin: Vec<PathBuf>,

    /// Revocation lists, in PEM or DER; may be repeated. With any, every certificate below the root is looked up
    #[arg(long, value_name = "FILE")]
    pub(crate) crl: Vec<PathBuf>,

    /// Let a certificate pass of which no revocation list tells
    #[arg(long)]
    pub(crate) allow_unknown_revocation: bool,

    /// The rules that the chain is held to [default: default]
    #[arg(long, value_name = "POLICY", value_enum)]
    pub(crate) chain_policy: Option<ChainPolicyName>,

    /// Let the chain end in any trusted issuer, not in a self-signed one alone
    #[arg(long)]
    pub(crate) partial_chain: bool,

    /// Do not look at the dates of the chain's certificates
    #[arg(long)]
    pub(crate) no_enforce_valid_dates: bool,

    /// Do not ask issuers for CA:TRUE and keyCertSign: whoever holds a certificate can then vouch for others
    #[arg(long)]
    pub(crate) no_enforce_signing_extensions: bool,

    /// Do not look at the path lengths that issuers allow
    #[arg(long)]
    pub(crate) no_enforce_path_length: bool,

    /// A purpose that the signing certificate's extKeyUsage must allow, if it has one; may be repeated
    ///
    /// An object identifier, such as 1.3.6.1.5.5.7.3.3 for code signing.
    #[arg(long, value_name = "OID", value_parser = object_identifier, verbatim_doc_comment)]
    pub(crate) purpose: Vec<String>,
}

/// The word for a set of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ChainPolicyName {
    /// What Cursive promises, kept
    Default,
    /// What Cursive looks at, no more; SHA-1 and RSA-1024 pass
    Cursive,
    /// RFC 5280 section 6.1, with a second opinion
    Rfc5280,
}

/// Dotted decimals, as X.660 has them: the first number is 0 to 2, the second below 40 unless the first is 2.
fn object_identifier(text: &str) -> Result<String, &'static str> {
    const WRONG: &str = "it must be an object identifier such as 1.3.6.1.5.5.7.3.3";
    let is_number = |arc: &str| {
        !arc.is_empty()
            && arc.bytes().all(|byte| byte.is_ascii_digit())
            && (arc == "0" || !arc.starts_with('0'))
    };
    let arcs: Vec<_> = text.split('.').collect();
    let [first, second, ..] = arcs.as_slice() else { return Err(WRONG) };
    let second_fits = *first == "2" || second.parse::<u8>().is_ok_and(|second| second < 40);
    let fits = arcs.iter().all(|arc| is_number(arc)) && matches!(*first, "0" | "1" | "2") && second_fits;
    if fits { Ok(text.to_owned()) } else { Err(WRONG) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_identifiers_are_dotted_decimals() {
        for (text, good) in [
            ("1.3.6.1.5.5.7.3.3", true),
            ("2.5.29.37.0", true),
            ("0.39", true),
            ("2.999.340282366920938463463374607431768211456", true),
            ("0.40", false),
            ("3.1", false),
            ("1", false),
            ("", false),
            ("1.", false),
            (".1", false),
            ("1..2", false),
            ("1.03", false),
            ("1.3.06", false),
            ("1.+3", false),
            ("codeSigning", false),
            ("1.3.6.1.5.5.7.3.3 ", false),
        ] {
            assert_eq!(object_identifier(text).is_ok(), good, "{text:?}");
        }
    }
}
