//! The longer texts of the help, their tables taken from where they are decided.

use crate::exit::Exit;

/// What `longhand verify --help` says before the options.
pub(crate) const ABOUT_VERIFY: &str = "\
Verify an image against the signature in its properties

An image is signed by four properties of its record in the image service:

  img_signature                    the signature, in base64
  img_signature_hash_method        SHA-224, SHA-256, SHA-384 or SHA-512
  img_signature_key_type           RSA-PSS, DSA, or ECC_ and the curve, such as ECC_SECP384R1
  img_signature_certificate_uuid   the signing certificate's id in the key manager

The command reads the properties, takes the certificate with that id from a directory, Barbican or Vault, builds its
chain to a certificate that is trusted, and reads the image once from start to end. Memory does not grow with the image.
Nothing goes over the network but to services that are named: by --os-cloud, --barbican, --vault, --image or
--nova-conf.

Where nothing to trust is given, no chain is checked, and a warning says so; `--policy trusted` makes that an error.
Fields of the image's record beside the four (size, os_hash_value, checksum) are checked as well where --properties has
them: they find accidents, not attacks, and never take the signature's place. docs/JSON.md describes what --json prints.";

/// What `longhand chain --help` says before the options.
pub(crate) const ABOUT_CHAIN: &str = "\
Judge a certificate alone, and draw its chain

The command looks for a chain from the certificate to one that is trusted, by the rules by which `longhand verify`
judges signing certificates, and draws what it found: a tick at each link that holds, and at one that does not, the rule
that is broken. Of a file with several certificates the first counts; name the others with --intermediates or
--trusted.";

const WIDTH: usize = 90;

/// What it says after the options.
pub(crate) fn after_verify() -> String {
    let exits = Exit::ALL.map(|exit| (exit, exit.meaning()));
    format!(
        "\
Examples:
  openstack image show -f json ID | longhand verify --properties - --certs DIR \\
      --trusted-image-certificate-id ROOT-ID,INTERMEDIATE-ID image.qcow2
  openstack image save ID | longhand verify --properties FILE --certs DIR --output image.qcow2 -
  longhand verify --os-cloud NAME --image ID --trusted-image-certificate-id ROOT-ID --output image.qcow2

Certificates:
  They lie in the key manager, under the id that the image's properties name. For --certs Barbican gives one out with
  openstack secret get --payload_content_type application/octet-stream --file DIR/ID.der HREF
  or, where it was stored as text,
  openstack secret get --payload -f value HREF > DIR/ID.pem

Exit codes:
{exits}",
        exits = listed(&exits),
    )
}

/// What `longhand chain --help` says after the options.
pub(crate) fn after_chain() -> String {
    let exits = [
        (
            Exit::Verified,
            "the certificate is trusted; nothing else ends in 0, but --help and --version asked for alone",
        ),
        (
            Exit::Error,
            "wrong usage, unreadable input, nothing to trust, or a file or list that cannot be used",
        ),
        (Exit::Untrusted, "the certificate is not trusted"),
        (Exit::KeyManager, Exit::KeyManager.meaning()),
    ];
    format!(
        "\
Examples:
  longhand chain --trusted roots.pem --intermediates intermediates.pem certificate.pem
  longhand chain --certs DIR --trusted-image-certificate-id ROOT-ID,INTERMEDIATE-ID CERTIFICATE-ID

Exit codes:
{exits}",
        exits = listed(&exits),
    )
}

fn listed(exits: &[(Exit, &str)]) -> String {
    let lines =
        exits.iter().map(|(exit, meaning)| format!("  {}  {}", exit.number(), wrapped(meaning, "\n     ")));
    lines.collect::<Vec<_>>().join("\n")
}

/// The text's words in lines that are not too long, with this between the lines.
fn wrapped(text: &str, line_end: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len().saturating_add(word.len()) < WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join(line_end)
}
