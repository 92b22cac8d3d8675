//! The options that say where certificates lie, and who asks for them, for `verify` and `chain` alike.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use longhand_barbican::http::SecretString;

/// Where certificates lie.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Certificates", group = ArgGroup::new("key manager").args(["certs", "barbican", "vault"]))]
pub(crate) struct SourceArguments {
    /// The directory with the certificates: ID.pem, ID.der or ID.crt
    ///
    /// ID is the value of `img_signature_certificate_uuid`, or the UUID at its end if that is an address
    /// of Barbican's; trusted certificates lie there under theirs. Where nothing to trust is given no chain
    /// is checked: trust in the signing certificate then rests on this directory.
    #[arg(long, value_name = "DIR", verbatim_doc_comment)]
    pub(crate) certs: Option<PathBuf>,

    /// Barbican's address; without it the one in the catalogue of --os-cloud
    ///
    /// It is asked with the token of --os-token or `OS_TOKEN`, or as the user of --os-cloud, `OS_CLOUD` or the
    /// other `OS_*` variables. `OS_AUTH_TYPE=none` asks with nobody's rights.
    #[arg(long, value_name = "URL", verbatim_doc_comment)]
    pub(crate) barbican: Option<String>,

    /// The cloud in clouds.yaml whose Barbican (and, with --image, Glance) is asked
    #[arg(long, value_name = "NAME")]
    pub(crate) os_cloud: Option<String>,

    /// A token of Keystone's; in the environment variable `OS_TOKEN` other users of the machine do not see it
    #[arg(long, value_name = "TOKEN", value_parser = secret)]
    pub(crate) os_token: Option<SecretString>,

    /// The address of Vault or OpenBao, asked with the token `VAULT_TOKEN`, in the namespace `VAULT_NAMESPACE`
    ///
    /// A server that the system's authorities do not vouch for is verified with those in the file `VAULT_CACERT`.
    /// What `vault kv put secret/ID certificate=@FILE.pem` puts there is read, and what Castellan stores.
    #[arg(long, value_name = "URL", verbatim_doc_comment)]
    pub(crate) vault: Option<String>,

    /// Where Vault's secrets engine is mounted [default: secret]
    #[arg(long, value_name = "PATH")]
    pub(crate) vault_mount: Option<String>,

    /// The path in the secrets engine below which the certificates lie
    #[arg(long, value_name = "PATH")]
    pub(crate) vault_path: Option<String>,

    /// The version of Vault's secrets engine, 1 or 2 [default: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(crate) vault_kv_version: Option<u8>,
}

fn secret(text: &str) -> Result<SecretString, &'static str> {
    if text.is_empty() { Err("it is empty") } else { Ok(SecretString::from(text)) }
}
