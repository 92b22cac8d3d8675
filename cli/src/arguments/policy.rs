//! The options that say which images have to be verified.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Which images have to be verified.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Policy")]
pub(crate) struct PolicyArguments {
    /// Which images must be signed, and by whom [default: required]
    ///
    /// It decides whether and with whose trust an image is verified. Under every policy the rules of the
    /// chain are those of --chain-policy, `default` unless said otherwise; a Nova host applies `cursive`.
    #[arg(long, value_name = "POLICY", value_enum, verbatim_doc_comment)]
    pub(crate) policy: Option<PolicyName>,

    /// The settings of the service: a nova.conf, a cinder.conf with --policy cinder, a glance-api.conf with glance
    ///
    /// Without --policy it means --policy nova. One file is read, as oslo.config reads it; without the file the
    /// service's defaults count. Where no option names a key manager, it names that too; a glance-api.conf says
    /// nothing else.
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    pub(crate) nova_conf: Option<PathBuf>,

    /// What counts where Nova's code and documents differ [default: code]
    ///
    /// They do where `enable_certificate_validation` is on, `verify_glance_signatures` is off, and there are
    /// default ids: the code verifies the image, by the documents it is not verified.
    #[arg(long, value_name = "READING", value_enum, verbatim_doc_comment)]
    pub(crate) nova_reading: Option<ReadingName>,
}

/// The word for a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PolicyName {
    /// Every image is signed and its certificate trusted
    Trusted,
    /// Every image is signed, and its certificate trusted if anything to trust is given
    Required,
    /// What a compute host of Nova does, but for the rules of the chain (--chain-policy cursive)
    Nova,
    /// What Glance does with an upload
    Glance,
    /// What Cinder does when it makes a volume
    Cinder,
}

/// The word for a reading of Nova.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReadingName {
    Code,
    Documents,
}
