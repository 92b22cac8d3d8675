//! What an operator can do next about a certificate that is not to be had: it depends on whom the command asked.

use longhand::ErrorCode;

/// The key manager that is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeyManagerKind {
    /// The directory of `--certs`.
    Directory,
    Barbican,
    /// Vault or OpenBao.
    Vault,
}

pub(crate) const fn for_code(code: ErrorCode, asked: KeyManagerKind) -> Option<&'static str> {
    Some(match (code, asked) {
        (ErrorCode::CertificateNotFound, KeyManagerKind::Directory) => {
            "the certificate has to lie under that id in the directory of --certs, as ID.pem, ID.der or ID.crt"
        }
        (ErrorCode::CertificateNotFound, KeyManagerKind::Barbican) => {
            "`openstack secret get HREF` says whether the secret is there; one that has expired, or has no payload, counts \
             as not there"
        }
        (ErrorCode::CertificateNotFound, KeyManagerKind::Vault) => {
            "the certificate has to be the secret of that name below the mount (--vault-mount) and the path \
             (--vault-path): `vault kv get -mount=MOUNT PATH/ID`"
        }
        (ErrorCode::CertificateForbidden, KeyManagerKind::Directory) => {
            "let this user read the directory of --certs and the file in it"
        }
        (ErrorCode::CertificateForbidden, KeyManagerKind::Barbican) => {
            "ask as a member of the project that owns the secret (`openstack token issue` says who asks), or have its \
             owner add the user: `openstack acl user add --user USER HREF`"
        }
        (ErrorCode::CertificateForbidden, KeyManagerKind::Vault) => {
            "the token has to be good (`vault token lookup`), and its policy has to let it read the secret"
        }
        (ErrorCode::KeyManagerUnavailable, KeyManagerKind::Directory) => {
            "try again; if it stays, look at the directory of --certs and its disk"
        }
        (ErrorCode::KeyManagerUnavailable, KeyManagerKind::Barbican) => {
            "try again; if it stays, look at Keystone and Barbican and their logs"
        }
        (ErrorCode::KeyManagerUnavailable, KeyManagerKind::Vault) => {
            "try again; if it stays, look at Vault (`vault status`) and its log"
        }
        (ErrorCode::KeyManagerMisconfigured, KeyManagerKind::Directory) => {
            "--certs has to name a directory that exists, with the certificate in a regular file"
        }
        (ErrorCode::KeyManagerMisconfigured, KeyManagerKind::Barbican) => {
            "the addresses, the region and the credentials have to be those that the `openstack` command works with; the \
             authority of a server that the system does not trust is OS_CACERT, or cacert in clouds.yaml"
        }
        (ErrorCode::KeyManagerMisconfigured, KeyManagerKind::Vault) => {
            "the address, the mount, the version of the secrets engine and VAULT_NAMESPACE have to be those that `vault kv \
             get` works with; the authority of a server that the system does not trust is VAULT_CACERT (in a service's configuration \
             ssl_ca_crt_file)"
        }
        (ErrorCode::KeyManagerIdInvalid, KeyManagerKind::Directory | KeyManagerKind::Barbican) => {
            "img_signature_certificate_uuid is the UUID of the certificate in the key manager, or an address that ends \
             in /secrets/UUID"
        }
        (ErrorCode::KeyManagerIdInvalid, KeyManagerKind::Vault) => {
            "an id is the name of a secret below the mount and the path, and no path or address itself"
        }
        _ => return None,
    })
}
