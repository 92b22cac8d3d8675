//! The longer texts of the help, their tables taken from where they are decided.

use crate::exit::Exit;
use crate::not_yet;

/// What `longhand verify --help` says before the options.
pub(crate) const ABOUT_VERIFY: &str = "\
Verify an image against the signature in its properties

An image is signed by four properties of its record in the image service:

  img_signature                    the signature, in base64
  img_signature_hash_method        SHA-224, SHA-256, SHA-384 or SHA-512
  img_signature_key_type           RSA-PSS, DSA, or ECC_ and the curve, such as ECC_SECP384R1
  img_signature_certificate_uuid   the signing certificate's id in the key manager

The command reads the properties, takes the certificate with that id from a directory, and reads the image once from
start to end. Memory does not grow with the image. Nothing goes over the network.";

const WIDTH: usize = 90;

/// What it says after the options.
pub(crate) fn after_verify() -> String {
    let exits = Exit::ALL.map(|exit| format!("  {}  {}", exit.number(), wrapped(exit.meaning(), "\n     ")));
    let refused = wrapped(&not_yet::option_names().collect::<Vec<_>>().join(" "), "\n  ");
    format!(
        "\
Examples:
  openstack image show -f json ID | longhand verify --properties - --certs DIR image.qcow2
  openstack image save ID | longhand verify --properties FILE --certs DIR --output image.qcow2 -

Certificates:
  They lie in the key manager, under the id that the image's properties name. Barbican gives one out with
  openstack secret get --payload_content_type application/octet-stream --file DIR/ID.der HREF
  or, where it was stored as text,
  openstack secret get --payload -f value HREF > DIR/ID.pem

Exit codes:
{exits}

Not in this version, and refused:
  {refused}
  and every --policy but `required`. This version checks no certificate chains, so it also refuses to run while the
  environment variable OS_TRUSTED_IMAGE_CERTIFICATE_IDS asks for them.",
        exits = exits.join("\n"),
    )
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
